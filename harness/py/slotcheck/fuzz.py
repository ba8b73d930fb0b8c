# SPDX-License-Identifier: MPL-2.0
"""The state machine as a fuzz target: bytes of any fuzzer choose what Hypothesis would choose.

`fuzz_one_input` is for fuzzers that call Python. Those that call C go through
fuzz/targets/property.c, which takes the program that the machine has made of an input, and runs it
as all targets run programs: with the coverage of the implementation, findings and traps.
"""

from __future__ import annotations

import os
from typing import Any, Callable, ClassVar
from unittest import SkipTest

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from slotcheck.machine import SlotMachine, state_machine
from slotcheck.native import ffi
from slotcheck.program import Program
from slotcheck.subject import LibrarySubject, PythonSubject, SubjectError, load_subject
from slotcheck.subject_calls import MEMBERS
from slotcheck.trial import AnySubject, Divergence, SlotcheckError

#: What a fuzz target does with an input: shorter bytes for the same choices, or None if there were
#: too few.
Target = Callable[[bytes], "bytes | None"]


class _Capturing(settings):
    """Settings that keep the tests to which they are applied."""

    captured: ClassVar[list[Any]] = []

    def __call__(self, test: Any) -> Any:
        self.captured.append(super().__call__(test))
        return self.captured[-1]


def target_of(machine: type[SlotMachine]) -> Target:
    """The `hypothesis.fuzz_one_input` of a state machine, which Hypothesis has for tests only."""
    nothing = _Capturing(
        parent=machine.TestCase.settings,
        phases=(),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(machine, settings=nothing)
    except SkipTest:
        pass  # Without a phase nothing runs.
    run = nothing.captured.pop().hypothesis.inner_test

    @settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def property_run(data: Any) -> None:
        run(machine, data)

    one_input: Target = getattr(property_run, "hypothesis").fuzz_one_input
    return one_input


# --- for fuzzers in Python ---

_targets: dict[str | None, Target] = {}


def fuzz_one_input(buffer: bytes) -> bytes | None:
    """Runs the state machine on the subject that SLOTCHECK_SUBJECT names, or on the built-in one,
    with choices taken from `buffer`. Raises the Divergence that it shows, if any; returns bytes
    for the same choices, of which none is superfluous, or None if there were too few."""
    name = os.environ.get("SLOTCHECK_SUBJECT")
    if name not in _targets:
        _targets[name] = target_of(state_machine(load_subject(name)))
    return _targets[name](buffer)


# --- for fuzz/targets/property.c ---


class ProgramMaker:
    """Makes programs of inputs. It judges nothing: that is for who runs them."""

    def __init__(self, name: str | None) -> None:
        """Raises SubjectError, or SlotcheckError if no operation can be called."""
        self.subject = load_subject(name)
        self.is_python = isinstance(self.subject, PythonSubject)
        self._programs: list[bytes] = []
        # A subject in C may be one that must not have two regions at once, and two locksteps would
        # ask it for them. What can come next any other shows as well, until something diverges.
        guide: AnySubject = self.subject if self.is_python else _Guide(self.subject)
        self._target = target_of(_recorded(guide, self._programs))

    @property
    def address(self) -> int:
        """Of the struct of a subject in Python; 0 of any other, which C loads itself."""
        return int(ffi.cast("uintptr_t", self.subject.pointer)) if self.is_python else 0

    def programs(self, data: bytes) -> list[bytes]:
        """The programs of an input, encoded: several if they ended in panics."""
        self._programs.clear()
        try:
            self._target(data)
        except Divergence:
            pass
        return self._programs

    def raise_pending(self) -> None:
        self.subject.raise_pending()


class _Guide:
    """The built-in subject without the operations that another one lacks."""

    # A subject can do without them and still have the operations that they are for.
    _OPTIONAL = ("read_metadata", "repark")

    def __init__(self, subject: AnySubject) -> None:
        self.name = subject.name
        self.pointer = ffi.new("struct slotcheck_subject *", LibrarySubject().pointer[0])
        for name in MEMBERS.keys() - set(self._OPTIONAL):
            if getattr(subject.pointer, name) == ffi.NULL:
                setattr(self.pointer, name, ffi.NULL)

    def raise_pending(self) -> None:
        """It is in C and raises nothing."""


def _recorded(guide: AnySubject, programs: list[bytes]) -> type[SlotMachine]:
    """A machine that keeps every program, also those that end in a panic, after which another one
    begins."""

    def keep(program: Program, is_new: bool) -> None:
        if program:
            programs.append(program.encode())

    machine = state_machine(guide)
    machine.on_program = keep
    return machine


def give_up(error: Exception) -> str:
    """What to say of an exception that is the user's doing; empty of all others."""
    return str(error) if isinstance(error, (SubjectError, SlotcheckError)) else ""
