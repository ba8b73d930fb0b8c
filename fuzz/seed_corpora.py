#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Writes NAME_seed_corpus.zip for each target that fleets run.

    seed_corpora.py --out FOLDER --packed FOLDER TEXT...

TEXT are programs as texts, the folder of --packed has them as bytes. The same seeds make the same
files, byte for byte: whose they are, and when they were made, is left out.

Runs where fleets build, so it needs nothing but Python 3.8.
"""
from __future__ import annotations

import argparse
import os
import sys
import zipfile
from pathlib import Path
from typing import Dict, List

Seeds = Dict[str, bytes]

# harness/include/slotcheck/repr_check.h: the type that a slot tells, then its bytes.
TYPES = 6
STORAGE_BYTES = 40
FILLS = (0x00, 0x01, 0x7F, 0x80, 0xFF)
# Of an unused slot, a busy one, one with a single handle, at saturation, above it, and unique.
COUNTS = (2**64 - 1, 0, 1, 2**63 - 1, 2**63, 2**64 - 2)
VTABLE = 0  # the target puts that of the type there

# Long before any release, and nobody's.
WHEN = (2000, 1, 1, 0, 0, 0)
ORDINARY_FILE = 0o100644


def slot(kind: int, fill: int, count: int, in_list: int) -> bytes:
    words = (count, VTABLE, in_list)
    return (bytes([kind]) + bytes([fill]) * STORAGE_BYTES
            + b"".join(word.to_bytes(8, "little") for word in words))


def slots() -> Seeds:
    """Inputs of the target repr: each type with storage, counts and lists of every sort."""
    seeds = {}
    for kind in range(TYPES):
        for fill in FILLS:
            seeds[f"type-{kind}-filled-{fill:02x}"] = slot(kind, fill, COUNTS[2], in_list=fill % 2)
        for count in COUNTS:
            seeds[f"type-{kind}-count-{count:016x}"] = slot(kind, 0, count, in_list=0)
    return seeds


def contents(paths: List[Path]) -> Seeds:
    return {path.name: path.read_bytes() for path in paths}


def write_zip(path: Path, seeds: Seeds) -> None:
    """Under another name first, so that a zip that is there is a whole one."""
    part = path.with_name(f".{path.name}.part")
    try:
        with zipfile.ZipFile(part, "w") as archive:
            for name in sorted(seeds):
                member = zipfile.ZipInfo(name, WHEN)
                member.external_attr = ORDINARY_FILE << 16
                member.create_system = 3  # Unix, on any system
                archive.writestr(member, seeds[name])
        os.replace(part, path)
    except OSError:
        if part.exists():
            part.unlink()
        raise


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(description="Writes NAME_seed_corpus.zip for each target.")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--packed", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("texts", type=Path, nargs="+", metavar="TEXT")
    options = parser.parse_args(arguments)
    try:
        packed = contents(sorted(options.packed.iterdir()))
        corpora = {"lockstep": packed, "program_bytes": packed,
                   "program_text": contents(options.texts), "repr": slots()}
        for target, seeds in corpora.items():
            write_zip(options.out / f"{target}_seed_corpus.zip", seeds)
    except OSError as error:
        print(f"seed_corpora.py: {error.filename or options.out}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
