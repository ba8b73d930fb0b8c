# SPDX-License-Identifier: MPL-2.0
"""The command line. Its help text is the launcher's, which needs no Python to print it."""
from __future__ import annotations

import argparse
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from campaign.errors import CampaignError

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
MAX_JOBS = 1024
# What a job can hold within the memory that the engine allows it.
MAX_SLOTS = 1 << 20
# Flags of the engine that the campaign sets itself, or that make it something else than a fuzzer.
RESERVED_FLAGS = {
    "artifact_prefix": "the campaign keeps crashes in its folder",
    "cleanse_crash": "it is no fuzzing",
    "exact_artifact_path": "the campaign keeps crashes in its folder",
    "fork": "use --jobs",
    "help": "try ./slotcheck fuzz --help",
    "ignore_crashes": "the campaign restarts what crashed",
    "jobs": "use --jobs",
    "max_total_time": "use --time",
    "merge": "it is no fuzzing",
    "minimize_crash": "it is no fuzzing",
    "runs": "use --runs",
    "set_cover_merge": "it is no fuzzing",
    "workers": "use --jobs",
}


@dataclass(frozen=True)
class Arguments:
    time: float
    jobs: int
    subject: Path | None
    slots: int | None
    out: Path
    max_findings: int | None
    runs: int | None
    json: bool
    engine_flags: tuple[str, ...]

    @property
    def subject_name(self) -> str:
        return "builtin" if self.subject is None else str(self.subject)


class OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CampaignError(f"{message}; ./slotcheck fuzz --help")


def duration(text: str) -> float:
    """Seconds in `90`, `1.5h`, `10m`, ..."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' is no time; examples: 60, 10m, 8h")
    seconds = float(match[1]) * UNITS[match[2]]
    if seconds <= 0 or not math.isfinite(seconds):
        raise argparse.ArgumentTypeError(f"'{text}' is no time to fuzz")
    return seconds


def positive(text: str) -> int:
    if not re.fullmatch(r"\d{1,18}", text) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1")
    return int(text)


def number_of_jobs(text: str) -> int:
    jobs = positive(text)
    if jobs > MAX_JOBS:
        raise argparse.ArgumentTypeError(f"{jobs} are more than {MAX_JOBS}")
    return jobs


def number_of_slots(text: str) -> int:
    """What the program format can say: see program_set_slots."""
    slots = positive(text)
    if slots > 240 and not (slots <= 2**23 and slots & (slots - 1) == 0):
        raise argparse.ArgumentTypeError(f"{slots} is neither 1..240 nor a power of two up to 2^23")
    return slots


def slots_to_fuzz(text: str) -> int:
    slots = number_of_slots(text)
    if slots > MAX_SLOTS:
        raise argparse.ArgumentTypeError(f"{slots} are more than {MAX_SLOTS}, too many to fuzz")
    return slots


def engine_flag(text: str) -> str:
    match = re.fullmatch(r"-(\w+)=.*", text)
    if not match:
        raise CampaignError(f"'{text}' after -- is no engine flag; they look like -max_len=4096")
    if match[1] in RESERVED_FLAGS:
        raise CampaignError(f"-{match[1]} after -- is not possible: {RESERVED_FLAGS[match[1]]}")
    return text


def build_parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="slotcheck fuzz", add_help=False, allow_abbrev=False)
    parser.add_argument("--time", type=duration, default=60.0)
    parser.add_argument("--jobs", type=number_of_jobs, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--subject", type=Path)
    parser.add_argument("--slots", type=slots_to_fuzz)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--max-findings", type=positive)
    parser.add_argument("--runs", type=positive)
    parser.add_argument("--json", action="store_true")
    return parser


def default_out(subject: Path | None) -> Path:
    return Path("out/fuzz") if subject is None else Path(f"out/fuzz-{subject.stem}")


def parse_arguments(argv: list[str]) -> Arguments:
    at = argv.index("--") if "--" in argv else len(argv)
    options = build_parser().parse_args(argv[:at])
    if options.subject is not None and not options.subject.is_file():
        raise CampaignError(f"{options.subject}: no such file")
    return Arguments(
        time=options.time,
        jobs=options.jobs,
        subject=options.subject,
        slots=options.slots,
        out=options.out or default_out(options.subject),
        max_findings=options.max_findings,
        runs=options.runs,
        json=options.json,
        engine_flags=tuple(engine_flag(flag) for flag in argv[at + 1 :]),
    )
