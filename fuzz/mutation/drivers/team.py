# SPDX-License-Identifier: MPL-2.0
"""Two engines at a time, each on a CPU of its own, until the first of them finds something: the same
core time for two of one kind as for one of each."""
from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutation.build import AFL, LIBFUZZER, Built, Target
from mutation.drivers.afl import Afl
from mutation.drivers.base import Outcome, Seat, Setting
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
        return {"seconds": setting.seconds, "runs": setting.runs, "members": members}

    def run(self, setting: Setting, built: Built, scratch: Path) -> Outcome:
        cancelled = threading.Event()
        cpus = sorted(os.sched_getaffinity(0))
        corpus = scratch / "corpus"
        begin = time.monotonic()

        def run(number: int) -> Outcome:
            folder = scratch / str(number)
            folder.mkdir()
            seat = Seat(number + 1, corpus, cancelled, cpus[number % len(cpus)])
            outcome = self.members[number].run(setting, built, folder, seat)
            if outcome.killed:
                cancelled.set()
            return outcome

        with ThreadPoolExecutor(len(self.members)) as pool:
            outcomes = list(pool.map(run, range(len(self.members))))
        seconds = time.monotonic() - begin
        executions = sum(outcome.executions for outcome in outcomes)
        first = min(outcomes, key=lambda outcome: (not outcome.killed, outcome.seconds))
        return Outcome(first.killed, executions, seconds, first.case, first.note)


TEAMS = (
    Team("libfuzzer-twice", (LIBFUZZER,), LibFuzzer(), LibFuzzer()),
    Team("afl-twice", (AFL,), Afl(), Afl()),
    Team("ensemble", (LIBFUZZER, AFL), LibFuzzer(), Afl()),
)
