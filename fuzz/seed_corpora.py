#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Writes NAME_seed_corpus.zip for each target that fleets run.

    seed_corpora.py --out FOLDER --packed FOLDER --slots FOLDER TEXT...

TEXT are programs as texts, the folder of --packed has them as bytes, that of --slots slots as texts.
The same seeds make the same files, byte for byte: whose they are, and when they were made, is left
out.

Runs where fleets build, so it needs nothing but Python 3.8.
"""
from __future__ import annotations

import argparse
import os
import sys
import zipfile
from pathlib import Path
from typing import Dict, List

from campaign.errors import CampaignError
from source_coverage.slots import SLOT_SIZE, read_slot

Seeds = Dict[str, bytes]

# What is left out of a slot is 0; as a whole one it has more that can be mutated.
WHOLE_SLOT = 1 + SLOT_SIZE

# Long before any release, and nobody's.
WHEN = (2000, 1, 1, 0, 0, 0)
ORDINARY_FILE = 0o100644


def slots(folder: Path) -> Seeds:
    """Inputs of the target repr, of their texts."""
    return {path.stem: read_slot(path, path.read_text(encoding="utf-8")).ljust(WHOLE_SLOT, b"\0")
            for path in sorted(folder.glob("*.slot"))}


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
    parser.add_argument("--slots", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("texts", type=Path, nargs="+", metavar="TEXT")
    options = parser.parse_args(arguments)
    try:
        packed = contents(sorted(options.packed.iterdir()))
        corpora = {"lockstep": packed, "program_bytes": packed,
                   "program_text": contents(options.texts), "repr": slots(options.slots)}
        for target, seeds in corpora.items():
            write_zip(options.out / f"{target}_seed_corpus.zip", seeds)
    except CampaignError as error:
        print(f"seed_corpora.py: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"seed_corpora.py: {error.filename or options.out}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
