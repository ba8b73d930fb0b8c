# SPDX-License-Identifier: MPL-2.0
"""Whole programs: what they say about the subject, and about the lockstep that runs them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st

from slotcheck.profiles import scaled
from slotcheck.program import Program
from slotcheck.programs import examples_of, programs, programs_of_bytes, read_cases
from slotcheck.property.options import Options
from slotcheck.trial import Divergence, Trial

CORPUS = Path(__file__).resolve().parents[3] / "corpus"
CASES = list(read_cases(*Options.of_environment().cases).values())
# The folder of regressions is made with the first.
CASES += read_cases(*CORPUS.glob("regressions"), CORPUS / "seeds").values()
ANY_PROGRAM = programs() | programs_of_bytes()


def verdict(trial: Trial, program: Program) -> str:
    """The signature of the divergence, or nothing."""
    try:
        trial.run(program)
    except Divergence as divergence:
        return divergence.signature
    return ""


def prefix(program: Program, length: int) -> Program:
    return Program(program.slots, program.operations[:length])


def verdict_by_steps(trial: Trial, program: Program) -> str:
    """The same of a program that is written while it runs."""
    trial.begin(program.slots)
    try:
        for operation in program.operations:
            trial.step(operation.op, *operation.operands)
        trial.end()
    except Divergence as divergence:
        return divergence.signature
    return ""


@scaled(4)
@examples_of(CASES)
@given(program=ANY_PROGRAM)
def test_agrees(trial: Trial, program: Program) -> None:
    """The subject does what the specification says."""
    assume(trial.can_have(program.slots))
    trial.run(program)


@examples_of(CASES)
@given(program=ANY_PROGRAM)
def test_round_trips(program: Program) -> None:
    """Bytes and text lose nothing."""
    assert Program.decode(program.encode()) == program
    assert Program.parse(str(program)) == program


@examples_of(CASES)
@given(program=ANY_PROGRAM)
def test_same_verdict_again(trial: Trial, program: Program) -> None:
    """Nothing is left of a program when the next one runs."""
    assume(trial.can_have(program.slots))
    assert verdict(trial, program) == verdict(trial, program)


@examples_of(CASES)
@given(program=ANY_PROGRAM)
def test_same_verdict_by_steps(trial: Trial, program: Program) -> None:
    """A program that is written while it runs is the same program."""
    assume(trial.can_have(program.slots))
    assert verdict_by_steps(trial, program) == verdict(trial, program)


@given(program=ANY_PROGRAM, data=st.data())
def test_prefixes_run(trial: Trial, program: Program, data: st.DataObject) -> None:
    """Every prefix of a program is one: it diverges as the whole does, or agrees."""
    assume(trial.can_have(program.slots))
    length = data.draw(st.integers(0, len(program)), label="length")
    whole = verdict(trial, program)
    assert verdict(trial, prefix(program, length)) in ("", whole)
