# SPDX-License-Identifier: MPL-2.0
"""libFuzzer from nothing: an empty corpus, a fixed seed, the flags of a campaign."""
from __future__ import annotations

import re
from pathlib import Path

from campaign import libfuzzer
from campaign.job import EngineStatus
from campaign.libfuzzer import LibFuzzerSettings
from mutation import process
from mutation.build import LIBFUZZER, LIBFUZZER_BYTES, Built, Target
from mutation.drivers.base import ALONE, DriverError, Outcome, Seat, Setting, refused

EXECUTED = re.compile(r"^stat::number_of_executed_units:\s*(\d+)", re.MULTILINE)
# The divergence is explained by the case; the names of functions take a second to look up.
ENVIRONMENT = {"UBSAN_OPTIONS": "symbolize=0", "ASAN_OPTIONS": "symbolize=0"}


class LibFuzzer:
    """With the mutator of programs, as in a campaign."""

    name = "libfuzzer"
    executions = "programs"
    targets: tuple[Target, ...] = (LIBFUZZER,)
    is_default = True
    presets: tuple[str, ...] = ("libfuzzer:lockstep",)

    def settings(self, setting: Setting) -> dict[str, str | int | float]:
        flags = f"-seed={ALONE.seed}"
        return {"seconds": setting.seconds, "runs": setting.runs, "flags": flags}

    def run(
        self, setting: Setting, built: Built, scratch: Path, seat: Seat = ALONE
    ) -> Outcome:
        corpus = seat.corpus or scratch / "corpus"
        corpus.mkdir(exist_ok=True)
        flags = (f"-seed={seat.seed}",)
        settings = LibFuzzerSettings(
            target=built.target(self.targets[0]),
            corpus=corpus,
            dictionary=setting.root / "fuzz/lockstep.dict",
            flags=flags,
        )
        seconds = max(1, round(setting.seconds))
        words = settings.command(f"{scratch}/", seconds, setting.runs, with_seeds=False)
        done = process.run(
            words,
            scratch,
            seconds=seconds + libfuzzer.hang_seconds(flags) + 10,
            environment=ENVIRONMENT,
            cancelled=seat.cancelled,
            cpu=seat.cpu,
        )
        return refused(done) or outcome_of(done)


class LibFuzzerBytes(LibFuzzer):
    """With the engine's own mutations of bytes alone, to see what the mutator is worth."""

    name = "libfuzzer-bytes"
    targets = (LIBFUZZER_BYTES,)
    is_default = False


def outcome_of(done: process.Ended) -> Outcome:
    status = EngineStatus()
    for line in done.stderr.splitlines():
        libfuzzer.read_line(status, line)
    executed = EXECUTED.search(done.stderr)
    executions = int(executed[1]) if executed else status.executions
    if done.status in (0, None):
        return Outcome(False, executions, done.seconds)
    # A divergence ends in a trap. Too slow or too large is no divergence.
    artifact = status.artifact
    if artifact is None or not artifact.exists() or not artifact.name.startswith("crash-"):
        raise DriverError(f"libFuzzer: {done.complaint}")
    return Outcome(True, executions, done.seconds, status.artifact)
