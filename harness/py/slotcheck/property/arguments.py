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

from slotcheck import profiles
from slotcheck.program import ProgramError
from slotcheck.programs import read_cases
from slotcheck.property.errors import PropertyError
from slotcheck.property.options import SPECS, Options

MAX_JOBS = 256
STATISTICS = "--hypothesis-show-statistics"


@dataclass(frozen=True)
class Arguments:
    profile: str
    subject: str | None
    spec: str
    out: Path
    only: str | None
    jobs: int
    max_examples: int | None
    steps: int | None
    seed: int | None
    timeout: float
    reproduce: str | None
    fresh: bool
    json: bool
    cases: tuple[Path, ...]
    pytest_flags: tuple[str, ...]

    @property
    def subject_name(self) -> str:
        return self.subject or "builtin"

    @property
    def is_python(self) -> bool:
        return self.subject is not None and subject_file(self.subject).suffix == ".py"

    def options(self, examples: Path) -> Options:
        # --reproduce shows one example, and keeps nothing.
        return Options(
            subject=self.subject,
            spec=self.spec,
            profile=self.profile,
            examples=None if self.reproduce else examples.resolve(),
            cases=tuple(case.resolve() for case in self.cases),
            max_examples=self.max_examples,
            steps=self.steps,
        )

    def shown(self) -> list[str]:
        """The options on which it depends what an example means."""
        words = ["--subject", self.subject] if self.subject else []
        words += ["--spec", self.spec] if self.spec != "ostd" else []
        words += ["--profile", self.profile] if self.profile != "dev" else []
        return words + (["--steps", str(self.steps)] if self.steps else [])


class OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise PropertyError(f"{message}; ./slotcheck property --help")


def positive(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1")
    return int(text)


def whole(text: str) -> int:
    if not re.fullmatch(r"\d{1,18}", text):
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 0")
    return int(text)


def number_of_jobs(text: str) -> int:
    jobs = positive(text)
    if jobs > MAX_JOBS:
        raise argparse.ArgumentTypeError(f"{jobs} are more than {MAX_JOBS}")
    return jobs


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0
    if value <= 0 or not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds")
    return value


def blob(text: str) -> str:
    """As Hypothesis prints it, or what is between the quotes."""
    bare = re.sub(r"^b?(['\"])(.*)\1$", r"\2", text.strip())
    if not re.fullmatch(r"[A-Za-z0-9+/]+=*", bare):
        raise argparse.ArgumentTypeError(f"'{text}' is no blob of Hypothesis")
    return bare


def subject_file(subject: str) -> Path:
    """Without the class that a file in Python may be followed by."""
    return Path(re.sub(r"\.py:\w+$", ".py", subject))


def build_parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="slotcheck property", add_help=False, allow_abbrev=False)
    parser.add_argument("--profile", choices=profiles.NAMES, default="dev")
    parser.add_argument("--subject")
    parser.add_argument("--spec", choices=SPECS, default="ostd")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only")
    parser.add_argument("--jobs", type=number_of_jobs, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--max-examples", type=positive)
    parser.add_argument("--steps", type=positive)
    parser.add_argument("--seed", type=whole)
    parser.add_argument("--timeout", type=seconds, default=10.0)
    parser.add_argument("--reproduce", type=blob)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(STATISTICS, action="store_true", dest="statistics")
    parser.add_argument("cases", nargs="*", type=Path, metavar="CASE")
    return parser


def default_out(subject: str | None) -> Path:
    if subject is None or subject == "builtin":
        return Path("out/property")
    return Path(f"out/property-{subject_file(subject).stem}")


def check_cases(cases: list[Path]) -> None:
    try:
        read_cases(*cases)
    except ProgramError as error:
        raise PropertyError(str(error)) from None
    except OSError as error:
        raise PropertyError(f"{error.filename}: {error.strerror}") from None


def check(options: argparse.Namespace) -> None:
    if options.subject not in (None, "builtin") and not subject_file(options.subject).is_file():
        raise PropertyError(f"{subject_file(options.subject)}: no such file")
    if options.seed is not None and options.profile == "ci":
        raise PropertyError("--seed: the profile ci leaves nothing to chance")
    check_cases(options.cases)


def parse_arguments(argv: list[str]) -> Arguments:
    at = argv.index("--") if "--" in argv else len(argv)
    options = build_parser().parse_intermixed_args(argv[:at])
    check(options)
    flags = [STATISTICS] * options.statistics + argv[at + 1 :]
    return Arguments(
        profile=options.profile,
        subject=None if options.subject == "builtin" else options.subject,
        spec=options.spec,
        out=options.out or default_out(options.subject),
        only=options.only,
        jobs=options.jobs,
        max_examples=options.max_examples,
        steps=options.steps,
        seed=options.seed,
        timeout=options.timeout,
        reproduce=options.reproduce,
        fresh=options.fresh,
        json=options.json,
        cases=tuple(options.cases),
        pytest_flags=tuple(flags),
    )
