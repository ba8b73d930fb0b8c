# SPDX-License-Identifier: MPL-2.0
"""The command line. Its help text is the launcher's, which needs no Python to print it."""
from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from campaign.parser import Parser


@dataclass(frozen=True)
class Arguments:
    corpus: list[Path]  # empty: the project's own
    out: Path
    json: bool
    require_all: bool


def build_parser() -> argparse.ArgumentParser:
    parser = Parser("coverage")
    parser.add_argument("corpus", nargs="*", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out/coverage"))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--require-all", action="store_true")
    return parser


def parse_arguments(argv: list[str]) -> Arguments:
    return Arguments(**vars(build_parser().parse_intermixed_args(argv)))
