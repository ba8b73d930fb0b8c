# SPDX-License-Identifier: MPL-2.0
"""Hypothesis finds every fault of the independent subject, shrunk to what is known to be short."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from slotcheck.machine import MACHINES, state_machine
from slotcheck.program import Program
from slotcheck.subject import load_subject
from slotcheck.trial import AnySubject, Divergence, SlotcheckError, Trial

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("SLOTCHECK_BUILD", ROOT / "build"))
SUBJECTS = BUILD / "gcc/subjects"
PACKAGE = (str(ROOT / "harness/py"), str(BUILD / "python/harness/py/modules"))
COMMAND = BUILD / "release/harness/slotcheck"

# Operations of the shortest divergence that the exhaustive search knows of, by fault, in the order
# of the subject's list: slots, frames and unique frames come first.
SHORTEST = [
    line.split() for line in (Path(__file__).parent / "shortest.txt").read_text().splitlines()
    if not line.startswith("#")
]
# How much longer a shrunk example may be.
LONGER = 2
# Those of slots, frames and unique frames are looked for always, and all of them in the long tests.
NR_ALWAYS = 37

# Programs of each machine before it is the next one's turn, and turns.
PROGRAMS, TURNS = 50, 20


def search(subject: AnySubject, phases: tuple[Phase, ...]) -> Program | None:
    """What Hypothesis finds, and with Phase.shrink shrinks, as small as slotcheck gets it."""
    machines = []
    for groups in MACHINES.values():
        machines.append(state_machine(subject, groups))
    for turn in range(TURNS):
        for machine in machines:
            try:
                run_state_machine_as_test(seed(turn)(machine), settings=settings(
                    max_examples=PROGRAMS, stateful_step_count=50, deadline=None, database=None,
                    phases=phases, report_multiple_bugs=False,
                    print_blob=False, suppress_health_check=list(HealthCheck)))
            except Divergence as divergence:
                return Trial(subject).shrink(divergence.program)
    return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if {"fault", "shortest"} <= set(metafunc.fixturenames):
        wanted = SHORTEST if metafunc.config.getoption("--long", False) else SHORTEST[:NR_ALWAYS]
        metafunc.parametrize("fault, shortest", [(fault, int(n)) for fault, n in wanted],
                             ids=[fault for fault, _ in wanted])


def test_every_fault_is_found(
    fault: str, shortest: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    library, case = SUBJECTS / f"fault_{fault}.so", tmp_path / "case"
    # That Hypothesis shrinks first takes most of the time, and what comes out is as short.
    is_long = request.config.getoption("--long", False)
    phases = (Phase.generate, Phase.shrink) if is_long else (Phase.generate,)
    if shortest == 0:
        # Seen as what it is, or as a divergence that a program by itself does not show.
        with pytest.raises(SlotcheckError):
            search(load_subject(str(library)), phases)
        return
    program = search(load_subject(str(library)), phases)
    assert program is not None, "not found"
    assert len(program) <= shortest + LONGER, program
    case.write_bytes(program.encode())
    done = subprocess.run([COMMAND, "run", "--quiet", "--subject", library, case], check=False)
    assert done.returncode == 1


def test_no_fault_is_forgotten() -> None:
    faults = (SUBJECTS / "faults.txt").read_text().split()
    assert [fault for fault, _ in SHORTEST] == faults


# Each with the operations of the shortest case, as `./slotcheck shrink` leaves it.
DEADLY = {"crash": 2, "hang": 2}


@pytest.mark.parametrize("fault", DEADLY)
def test_a_subject_that_ends_the_process_is_found(fault: str, tmp_path: Path) -> None:
    case, library = tmp_path / "case", SUBJECTS / f"fault_{fault}.so"
    found = subprocess.run(
        [sys.executable, "-m", "slotcheck.hunt", "--timeout", "3", "--case", case, library], check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(PACKAGE)}, stdout=subprocess.DEVNULL)
    assert found.returncode == 1
    shrunk = subprocess.run(
        [COMMAND, "shrink", "--subject", library, "--timeout", "2",
         case, "-o", tmp_path / "shrunk"], check=False, capture_output=True)
    assert shrunk.returncode in (0, 1), shrunk.stderr
    assert len(Program.read(tmp_path / "shrunk")) <= DEADLY[fault] + LONGER
