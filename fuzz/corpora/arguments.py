# SPDX-License-Identifier: MPL-2.0
"""The command line. Its help text is the launcher's, which needs no Python to print it."""
from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from campaign.arguments import positive, slots_to_fuzz
from campaign.errors import CampaignError
from campaign.parser import Parser

MAX_TIMEOUT = 86400


@dataclass(frozen=True)
class Arguments:
    command: str
    json: bool
    subject: Path | None
    slots: int | None
    timeout: int
    folder: Path | None = None  # which is changed
    sources: tuple[Path, ...] = ()
    out: Path | None = None
    always: bool = False
    dry_run: bool = False


def seconds(text: str) -> int:
    number = positive(text)
    if number > MAX_TIMEOUT:
        raise argparse.ArgumentTypeError(f"{number} are more than {MAX_TIMEOUT} seconds")
    return number


def common_options() -> argparse.ArgumentParser:
    options = Parser("corpus")
    options.add_argument("--subject", type=Path)
    options.add_argument("--slots", type=slots_to_fuzz)
    options.add_argument("--timeout", type=seconds, default=10)
    options.add_argument("--json", action="store_true")
    return options


def build_parser() -> argparse.ArgumentParser:
    parser = Parser("corpus")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, command="corpus", parents=[common_options()])

    stats = add("stats")
    stats.add_argument("sources", nargs="+", type=Path, metavar="DIR")
    minimize = add("minimize")
    minimize.add_argument("folder", type=Path, metavar="DIR")
    minimize.add_argument("--out", "-o", type=Path)
    merge = add("merge")
    merge.add_argument("folder", type=Path, metavar="DIR")
    merge.add_argument("sources", nargs="+", type=Path, metavar="FROM")
    files = add("add")
    files.add_argument("folder", type=Path, metavar="DIR")
    files.add_argument("sources", nargs="+", type=Path, metavar="FILE")
    files.add_argument("--always", action="store_true")
    distill = add("distill")
    distill.add_argument("--out", "-o", type=Path, required=True)
    distill.add_argument("sources", nargs="+", type=Path, metavar="FROM")
    for command in (minimize, merge, files):
        command.add_argument("--dry-run", action="store_true")
    return parser


def parse_arguments(argv: list[str]) -> Arguments:
    options = vars(build_parser().parse_args(argv))
    options["sources"] = tuple(options.get("sources", ()))
    arguments = Arguments(**options)
    if arguments.subject is not None and not arguments.subject.is_file():
        raise CampaignError(f"{arguments.subject}: no such file")
    return arguments
