# SPDX-License-Identifier: MPL-2.0
"""Looks for one divergence with the state machines, one after the other, and counts what it takes.

    python -m slotcheck.hunt [--programs N] [--seconds S] [--timeout S] [--case FILE] [SUBJECT]

Prints one JSON object: `programs` and `steps` that were run, and of a divergence its `signature`;
`--case` gets its program as bytes. Nothing is shrunk. A subject that ends the process, or does not
return, is found as well, without a signature. For who measures how soon a fault is found:
`./slotcheck property` is for who wants to read about one.

Exit status: 0 none found, 1 found, 2 the subject cannot be run, 3 internal error.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from slotcheck.machine import MACHINES, SlotMachine, state_machine
from slotcheck.native import ffi, lib
from slotcheck.property.journal import COUNTS_SIZE, SIZE, Journal, create
from slotcheck.subject import SubjectError, load_subject
from slotcheck.trial import AnySubject, Divergence, NothingOffered, SlotcheckError

FOUND, CANNOT_RUN, FAILED = 1, 2, 3

# Programs of one machine before it is the next one's turn.
TURN = 50


@dataclass
class Hunt:
    programs: int = 0
    steps: int = 0
    signature: str = ""
    found: bool = False


def _settings() -> settings:
    return settings(
        max_examples=TURN,
        stateful_step_count=50,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )


class Hunter:
    """Runs in a child, which the subject may end at any time."""

    def __init__(self, subject: AnySubject, journal: Journal, case: Path | None) -> None:
        self.journal = journal
        self.case = case
        self.machines: list[type[SlotMachine]] = []
        for groups in MACHINES.values():
            try:
                self.machines.append(state_machine(subject, groups))
            except NothingOffered:
                continue
        if not self.machines:
            raise SlotcheckError("no operation can begin a program")
        memory = ffi.from_buffer(journal.memory)
        for machine in self.machines:
            machine.on_program = lambda program, is_new: self._count()
            programs = ffi.cast("uint8_t *", memory) + COUNTS_SIZE
            lib.trial_use_journal(machine.trial.pointer, programs)

    def counts(self) -> tuple[int, int]:
        trials = [machine.trial.pointer for machine in self.machines]
        programs = sum(lib.trial_stats(trial).programs for trial in trials)
        return programs, sum(lib.trial_nr_steps(trial) for trial in trials)

    def _count(self) -> None:
        self.journal.count(*self.counts())

    def hunt(self, programs: int, seconds: float) -> str | None:
        """The signature of what was found."""
        deadline = time.monotonic() + seconds
        turn = 0
        while self.counts()[0] < programs and time.monotonic() < deadline:
            machine = self.machines[turn % len(self.machines)]
            try:
                run_state_machine_as_test(seed(turn)(machine), settings=_settings())
            except Divergence as divergence:
                if self.case:
                    self.case.write_bytes(divergence.program.encode())
                return divergence.signature
            turn += 1
        return None


def in_child(subject: AnySubject, journal: Journal, arguments: argparse.Namespace) -> int:
    """The exit status; of a child that was ended, below zero."""
    child = os.fork()
    if child == 0:
        # Nothing of the parent's must be unwound here.
        try:
            os._exit(hunt_in(subject, journal, arguments))
        except SlotcheckError as error:
            print(f"slotcheck: {error}", file=sys.stderr)
            os._exit(CANNOT_RUN)
        except BaseException:
            traceback.print_exc()
            os._exit(FAILED)
    return wait_for(child, journal, arguments.timeout)


def hunt_in(subject: AnySubject, journal: Journal, arguments: argparse.Namespace) -> int:
    hunter = Hunter(subject, journal, arguments.case)
    signature = hunter.hunt(arguments.programs, arguments.seconds)
    journal.count(*hunter.counts())
    if signature:
        Path(f"{arguments.case}.signature").write_text(signature, encoding="utf-8")
    return FOUND if signature else 0


def wait_for(child: int, journal: Journal, timeout: float) -> int:
    last, since = journal.counts(), time.monotonic()
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if journal.counts() != last:
            last, since = journal.counts(), time.monotonic()
        if time.monotonic() - since > timeout:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.02)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="slotcheck.hunt", description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--timeout", type=float, default=20.0, help="of one program")
    parser.add_argument("--case", type=Path)
    parser.add_argument("subject", nargs="?")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    try:
        subject = load_subject(arguments.subject)
    except SubjectError as error:
        print(f"slotcheck: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        arguments.case = arguments.case or Path(folder) / "case"
        journal = create(Path(folder) / "journal")
        status = in_child(subject, journal, arguments)
        if status in (CANNOT_RUN, FAILED):
            return status
        hunt = Hunt(*journal.counts())
        running = journal.program()
        hunt.found = status != 0
        if status == FOUND:
            hunt.signature = Path(f"{arguments.case}.signature").read_text(encoding="utf-8")
        elif hunt.found and running:
            arguments.case.write_bytes(running.encode())
        elif hunt.found:
            print("slotcheck: the hunter ended outside of any program", file=sys.stderr)
            return 3
    print(json.dumps(asdict(hunt)))
    return int(hunt.found)


if __name__ == "__main__":
    sys.exit(main())
