# SPDX-License-Identifier: MPL-2.0
"""libFuzzer: its command line, what it prints, how it ends."""
from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from campaign.job import EngineStatus, Job, Place

# How it ends. Not 0 and none of these: the target, or a sanitizer, ended the process.
EXIT_INTERRUPTED = 72
# fuzz_session.c: a wrong setting, or a finding that could not be written.
EXIT_WRONG_USE = 2

# What an input may take, unless a flag after -- says otherwise.
TIMEOUT_SECONDS = 5
# From a timeout to the end of the process: it prints a stack trace.
REPORT_SECONDS = 3

STATUS_LINE = re.compile(r"^#(\d+)\s+\w+\s+(?:cov: (\d+) )?(?:ft: (\d+) )?(?:corp: (\d+)/)?")
ARTIFACT_LINE = re.compile(r"Test unit written to (.+)$")

# Flags that the campaign sets itself, or that make it something else than a fuzzer.
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


def read_line(status: EngineStatus, line: str) -> None:
    if match := STATUS_LINE.match(line):
        status.executions = int(match[1])
        status.edges = int(match[2] or status.edges)
        status.features = int(match[3] or status.features)
        status.corpus = int(match[4] or status.corpus)
        status.loaded = status.loaded or "\tINITED" in line
    elif match := ARTIFACT_LINE.search(line):
        status.artifact = Path(match[1])


@dataclass(frozen=True)
class LibFuzzerSettings:
    target: Path
    corpus: Path
    dictionary: Path
    # Read like the corpus, and never written to.
    seeds: tuple[Path, ...] = ()
    flags: tuple[str, ...] = ()

    def command(
        self, artifact_prefix: str, seconds: int, runs: int | None, with_seeds: bool
    ) -> list[str]:
        command = [
            str(self.target),
            str(self.corpus),
            *(map(str, self.seeds) if with_seeds else []),
            f"-dict={self.dictionary}",
            f"-artifact_prefix={artifact_prefix}",
            f"-max_total_time={seconds}",
            "-max_len=512",
            f"-timeout={TIMEOUT_SECONDS}",
            "-reload=1",
            "-print_final_stats=1",
            # Its bookkeeping takes longer than a program, and nothing is found in fewer runs.
            "-entropic=0",
            *self.flags,
        ]
        if runs is not None:
            command.append(f"-runs={runs}")
        return command


def hang_seconds(flags: tuple[str, ...]) -> int:
    """How long an input can run before the engine has ended the process; it looks only every half
    timeout. 0: it never does."""
    timeout = TIMEOUT_SECONDS
    for flag in flags:
        if match := re.fullmatch(r"-timeout=(\d+)", flag):
            timeout = int(match[1])
    return timeout and timeout + timeout // 2 + 1 + REPORT_SECONDS


class LibFuzzerJob(Job):
    engine = "libfuzzer"

    def __init__(
        self, number: int, sanitized: bool, place: Place, settings: LibFuzzerSettings
    ) -> None:
        super().__init__(number, sanitized, place)
        self.settings = settings
        self.artifact_prefix = str(place.log / f"job-{number}-")
        self.with_seeds = True

    def command(self, seconds: int, runs: int | None) -> list[str]:
        return self.settings.command(self.artifact_prefix, seconds, runs, self.with_seeds)

    def read_line(self, line: str) -> None:
        read_line(self.status, line)
