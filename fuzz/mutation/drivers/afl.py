# SPDX-License-Identifier: MPL-2.0
"""AFL++ from nothing: one empty program, a fixed seed, the flags of a campaign. In a team, each has a
name, and they exchange what they find."""
from __future__ import annotations

from pathlib import Path

from campaign.afl import AflSettings, read_stats
from mutation import process
from mutation.build import AFL, Built, Target, digest
from mutation.drivers.base import ALONE, DriverError, Outcome, Seat, Setting, refused

# It begins with an input that runs; a program of 16 slots without operations is the least.
NOTHING = bytes([2, 15])
# From its start to the first execution, and from the last one to its end.
START_SECONDS = 60


class Afl:
    """With the mutator of programs, as in a campaign."""

    name = "afl"
    executions = "programs"
    targets: tuple[Target, ...] = (AFL,)
    is_default = False
    presets: tuple[str, ...] = ("afl:lockstep", "release:afl_mutator")
    with_mutator = True

    def settings(self, setting: Setting) -> dict[str, str | int | float]:
        flags = f"-s {ALONE.seed}"
        settings: dict[str, str | int | float] = {
            "seconds": setting.seconds, "runs": setting.runs, "flags": flags
        }
        return settings | (mutator_settings(setting) if self.with_mutator else {})

    def run(
        self, setting: Setting, built: Built, scratch: Path, seat: Seat = ALONE
    ) -> Outcome:
        seeds = scratch / "seeds"
        seeds.mkdir()
        (seeds / "nothing").write_bytes(NOTHING)
        settings = AflSettings(
            target=built.target(self.targets[0]),
            seeds=seeds,
            out=seat.afl or scratch / "out",
            dictionary=setting.root / "fuzz/lockstep.dict",
            name=seat.name,
            is_main=seat.is_main,
            mutator=mutator_of(setting) if self.with_mutator else None,
            foreign=() if seat.corpus is None else (seat.corpus,),
            flags=("-s", str(seat.seed)),
        )
        seconds = max(1, round(setting.seconds))
        done = process.run(
            settings.command(seconds, setting.runs),
            scratch,
            seconds=seconds + START_SECONDS,
            environment=settings.environment() | {"AFL_BENCH_UNTIL_CRASH": "1"},
            cancelled=seat.cancelled,
            cpu=seat.cpu,
        )
        return refused(done) or outcome_of(done, settings.folder)


class AflBytes(Afl):
    """With the engine's own mutations of bytes alone, to see what the mutator is worth."""

    name = "afl-bytes"
    presets = ("afl:lockstep",)
    with_mutator = False


def mutator_of(setting: Setting) -> Path:
    return setting.command.parents[1] / "fuzz/afl_mutator.so"


def mutator_settings(setting: Setting) -> dict[str, str | int | float]:
    """It is in none of the targets that results are kept for."""
    return {"mutator": digest(mutator_of(setting).read_bytes())[:12]}


def outcome_of(done: process.Ended, folder: Path) -> Outcome:
    executions = int(read_stats(folder).get("execs_done", 0))
    if found := sorted(folder.glob("crashes/id:*")):
        return Outcome(True, executions, done.seconds, found[0])
    # A divergence ends in a trap. Too slow is no divergence.
    if hangs := sorted(folder.glob("hangs/id:*")):
        raise DriverError(f"AFL++: inputs that did not return: {len(hangs)}")
    if done.status is None:
        return Outcome(False, executions, done.seconds)
    if done.status != 0 or executions == 0:
        raise DriverError(f"AFL++: {done.complaint}")
    return Outcome(False, executions, done.seconds)
