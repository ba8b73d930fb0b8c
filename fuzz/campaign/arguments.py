# SPDX-License-Identifier: MPL-2.0
"""The command line. Its help text is the launcher's, which needs no Python to print it."""
from __future__ import annotations

import argparse
import math
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.afl import RESERVED_FLAGS as AFL_RESERVED_FLAGS
from campaign.errors import CampaignError
from campaign.folder import read_settings
from campaign.libfuzzer import RESERVED_FLAGS
from campaign.parser import Parser
from campaign.plan import ENGINES, ENSEMBLE, LIBFUZZER
from campaign.series import SERIES, spent_seconds

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
DEFAULT_SECONDS = 60.0
MAX_JOBS = 1024
# AFL++ takes names of 24 characters, and these have "-main" or a number behind them.
MAX_NAME = 19
# What a job can hold within the memory that the engine allows it.
MAX_SLOTS = 1 << 20


@dataclass(frozen=True)
class Arguments:
    engine: str
    time: float
    jobs: int
    subject: Path | None
    slots: int | None
    out: Path
    max_findings: int | None
    runs: int | None
    json: bool
    name: str  # of this machine, in the names of AFL++'s processes
    # The campaign in the folder goes on: its time, its counts.
    resume: bool
    engine_flags: tuple[str, ...]

    @property
    def subject_name(self) -> str:
        return "builtin" if self.subject is None else str(self.subject)


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
    """Of libFuzzer."""
    match = re.fullmatch(r"-(\w+)=.*", text)
    if not match:
        raise CampaignError(f"'{text}' after -- is no engine flag; they look like -max_len=4096")
    if match[1] in RESERVED_FLAGS:
        raise CampaignError(f"-{match[1]} after -- is not possible: {RESERVED_FLAGS[match[1]]}")
    return text


def afl_flag(text: str) -> str:
    """A word by itself would be taken for the program to fuzz."""
    if not re.fullmatch(r"-\w.*", text):
        raise CampaignError(f"'{text}' after -- is no flag of AFL++; they look like -pexplore")
    if text[:2] in AFL_RESERVED_FLAGS:
        raise CampaignError(f"{text[:2]} after -- is not possible: {AFL_RESERVED_FLAGS[text[:2]]}")
    return text


def engine_flags(engine: str, flags: list[str]) -> tuple[str, ...]:
    if engine == LIBFUZZER:
        return tuple(map(engine_flag, flags))
    if engine == ENSEMBLE and flags:
        raise CampaignError("flags after -- are of one engine: choose --engine libfuzzer or afl")
    return tuple(map(afl_flag, flags))


def engine_name(text: str) -> str:
    if text not in ENGINES:
        raise argparse.ArgumentTypeError(f"'{text}' is none of the engines {', '.join(ENGINES)}")
    return text


def host_name(text: str) -> str:
    """What may stand in the names of AFL++'s processes."""
    if not re.fullmatch(rf"[A-Za-z0-9_-]{{1,{MAX_NAME}}}", text):
        message = f"'{text}' is no name of up to {MAX_NAME} letters and digits"
        raise argparse.ArgumentTypeError(message)
    return text


def build_parser() -> argparse.ArgumentParser:
    parser = Parser("fuzz")
    parser.add_argument("--engine", type=engine_name)
    parser.add_argument("--time", type=duration)
    parser.add_argument("--jobs", type=number_of_jobs)
    parser.add_argument("--subject", type=Path)
    parser.add_argument("--slots", type=slots_to_fuzz)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--resume", type=Path, metavar="DIR")
    parser.add_argument("--name", type=host_name)
    parser.add_argument("--max-findings", type=positive)
    parser.add_argument("--runs", type=positive)
    parser.add_argument("--json", action="store_true")
    return parser


def default_out(subject: Path | None) -> Path:
    return Path("out/fuzz") if subject is None else Path(f"out/fuzz-{subject.stem}")


def default_jobs(engine: str) -> int:
    """One for each CPU; an ensemble is two at least."""
    return max(len(os.sched_getaffinity(0)), 2 if engine == ENSEMBLE else 1)


def default_name() -> str:
    """As afl_sync.py has it."""
    host = platform.node().split(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]", "-", host)[:MAX_NAME] or "host"


def parse_arguments(argv: list[str]) -> Arguments:
    at = argv.index("--") if "--" in argv else len(argv)
    options = build_parser().parse_args(argv[:at])
    flags = argv[at + 1 :]
    if options.resume is not None:
        return resumed(options, flags)
    engine = options.engine or LIBFUZZER
    jobs = options.jobs or default_jobs(engine)
    if engine == ENSEMBLE and jobs < 2:
        raise CampaignError("an ensemble is two jobs at least")
    if options.subject is not None and not options.subject.is_file():
        raise CampaignError(f"{options.subject}: no such file")
    return Arguments(
        engine=engine,
        time=options.time or DEFAULT_SECONDS,
        jobs=jobs,
        subject=options.subject,
        slots=options.slots,
        out=options.out or default_out(options.subject),
        max_findings=options.max_findings,
        runs=options.runs,
        json=options.json,
        name=options.name or default_name(),
        resume=False,
        engine_flags=engine_flags(engine, flags),
    )


# --- going on -------------------------------------------------------------------------------------

# Whatever else is given has to be as it was.
FREE_WITH_RESUME = ("resume", "time", "max_findings", "json")


def kept_settings(arguments: Arguments) -> dict[str, Any]:
    """What `resumed` needs to know, as JSON."""
    return {
        "engine": arguments.engine,
        "time": arguments.time,
        "jobs": arguments.jobs,
        "library": None if arguments.subject is None else str(arguments.subject.resolve()),
        "slots": arguments.slots,
        "runs": arguments.runs,
        "name": arguments.name,
        "engine_flags": list(arguments.engine_flags),
    }


def resumed(options: argparse.Namespace, flags: list[str]) -> Arguments:
    """The arguments of the campaign in a folder, which goes on until the time that it was given, or
    for --time more."""
    out = options.resume
    for name, value in vars(options).items():
        if value and name not in FREE_WITH_RESUME:
            option = "--" + name.replace("_", "-")
            raise CampaignError(f"{option} with --resume: the campaign goes on as it began")
    if flags:
        raise CampaignError("flags after -- with --resume: the campaign goes on as it began")
    settings = read_settings(out)
    if "settings" not in settings:
        raise CampaignError(f"{out}: there is no campaign to go on with")
    try:
        return resumed_with(options, settings["settings"])
    except (KeyError, TypeError, ValueError, AttributeError, argparse.ArgumentTypeError):
        raise CampaignError(f"{out / 'campaign.json'}: not written by slotcheck") from None


def resumed_with(options: argparse.Namespace, kept: dict[str, Any]) -> Arguments:
    subject = None if kept["library"] is None else Path(kept["library"])
    if subject is not None and not subject.is_file():
        raise CampaignError(f"{subject}: no such file")
    spent = spent_seconds(options.resume / SERIES)
    total = spent + options.time if options.time else float(kept["time"])
    if not math.isfinite(total):
        raise ValueError
    if total <= spent:
        message = f"{options.resume}: the campaign has had its time; --time TIME gives it more"
        raise CampaignError(message)
    engine = engine_name(kept["engine"])
    # Whatever the folder says goes through what the command line goes through.
    return Arguments(
        engine=engine,
        time=total,
        jobs=number_of_jobs(str(kept["jobs"])),
        subject=subject,
        slots=None if kept["slots"] is None else slots_to_fuzz(str(kept["slots"])),
        out=options.resume,
        max_findings=options.max_findings,
        runs=None if kept["runs"] is None else positive(str(kept["runs"])),
        json=options.json,
        name=host_name(kept["name"]),
        resume=True,
        engine_flags=engine_flags(engine, list(map(str, kept["engine_flags"]))),
    )
