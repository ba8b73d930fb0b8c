# SPDX-License-Identifier: MPL-2.0
"""The command line. Its help text is the launcher's, which needs no Python to print it."""
from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from campaign.arguments import duration, number_of_jobs, positive
from campaign.parser import Parser
from mutation.drivers import DRIVERS, Driver


DEFAULT_DRIVERS = tuple(driver for driver in DRIVERS if driver.is_default)


@dataclass(frozen=True)
class Arguments:
    drivers: tuple[Driver, ...]
    only: str | None
    time: float
    runs: int
    depth: int | None
    jobs: int
    out: Path
    mutants: Path | None
    json: bool
    list: bool
    clauses: bool
    document: bool
    fresh: bool


def drivers(text: str) -> tuple[Driver, ...]:
    """In their own order, whatever the order of the names."""
    names = text.split(",")
    for name in names:
        if name not in (driver.name for driver in DRIVERS):
            known = ", ".join(driver.name for driver in DRIVERS)
            raise argparse.ArgumentTypeError(f"'{name}' is none of the drivers {known}")
    return tuple(driver for driver in DRIVERS if driver.name in names)


def build_parser() -> argparse.ArgumentParser:
    parser = Parser("mutants")
    parser.add_argument("--drivers", type=drivers, default=DEFAULT_DRIVERS)
    parser.add_argument("--only")
    parser.add_argument("--time", type=duration, default=60.0)
    parser.add_argument("--runs", type=positive, default=1_000_000)
    parser.add_argument("--depth", type=positive)
    parser.add_argument("--jobs", type=number_of_jobs, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path, default=Path("out/mutants"))
    parser.add_argument("--mutants", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--clauses", action="store_true")
    parser.add_argument("--document", action="store_true")
    parser.add_argument("--fresh", action="store_true")
    return parser


def parse_arguments(argv: list[str]) -> Arguments:
    return Arguments(**vars(build_parser().parse_args(argv)))
