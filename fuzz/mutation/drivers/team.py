# SPDX-License-Identifier: MPL-2.0
"""Two engines at a time, each on a CPU of its own, until the first of them finds something: the same
core time for two of one kind as for one of each.

What they share: processes of libFuzzer have one corpus, and read again what is new in it. Processes of
AFL++ read each other's queues, and the first of them the corpus of libFuzzer, all of them every half
minute at most. What AFL++ finds libFuzzer does not see: it looks at no folder but its own; in a campaign
the campaign hands that on. So an ensemble here is at most as good as one there."""
from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutation.build import AFL, LIBFUZZER, Built, Target
from mutation.drivers.afl import Afl, mutator_settings
from mutation.drivers.base import DriverError, Outcome, Seat, Setting
from mutation.drivers.libfuzzer import LibFuzzer

Member = LibFuzzer | Afl


class Team:
    executions = "programs"
    is_default = False

    def __init__(self, name: str, targets: tuple[Target, ...], *members: Member) -> None:
        self.name = name
        self.targets = targets
        self.members = members
        self.presets = tuple(preset for member in members for preset in member.presets)

    def settings(self, setting: Setting) -> dict[str, str | int | float]:
        members = " ".join(member.name for member in self.members)
        settings: dict[str, str | int | float] = {
            "seconds": setting.seconds, "runs": setting.runs, "members": members
        }
        with_afl = any(isinstance(member, Afl) for member in self.members)
        return settings | (mutator_settings(setting) if with_afl else {})

    def seat(self, number: int, scratch: Path, cancelled: threading.Event) -> Seat:
        cpus = sorted(os.sched_getaffinity(0))
        others = self.members[:number]
        return Seat(
            seed=number + 1,
            corpus=scratch / "corpus",
            afl=scratch / "afl",
            name=f"afl-{number}",
            is_main=not any(isinstance(other, Afl) for other in others),
            cancelled=cancelled,
            cpu=cpus[number % len(cpus)],
        )

    def run(self, setting: Setting, built: Built, scratch: Path) -> Outcome:
        cancelled = threading.Event()
        (scratch / "corpus").mkdir()
        begin = time.monotonic()

        def run(number: int) -> Outcome | DriverError:
            folder = scratch / str(number)
            folder.mkdir()
            seat, goes_on = self.seat(number, scratch, cancelled), False
            try:
                outcome = self.members[number].run(setting, built, folder, seat)
                goes_on = not outcome.killed
                return outcome
            except DriverError as error:
                return error
            finally:
                if not goes_on:
                    cancelled.set()

        with ThreadPoolExecutor(len(self.members)) as pool:
            ended = list(pool.map(run, range(len(self.members))))
        seconds = time.monotonic() - begin
        return self.conclude(ended, seconds)

    def conclude(self, ended: list[Outcome | DriverError], seconds: float) -> Outcome:
        """What one has found is found, whatever became of the others then."""
        outcomes = [outcome for outcome in ended if isinstance(outcome, Outcome)]
        errors = [error for error in ended if isinstance(error, DriverError)]
        if errors and not any(outcome.killed for outcome in outcomes):
            raise errors[0]
        executions = sum(outcome.executions for outcome in outcomes)
        first = min(outcomes, key=lambda outcome: (not outcome.killed, outcome.seconds))
        return Outcome(first.killed, executions, seconds, first.case, first.note)


TEAMS = (
    Team("libfuzzer-twice", (LIBFUZZER,), LibFuzzer(), LibFuzzer()),
    Team("afl-twice", (AFL,), Afl(), Afl()),
    Team("ensemble", (LIBFUZZER, AFL), LibFuzzer(), Afl()),
)
