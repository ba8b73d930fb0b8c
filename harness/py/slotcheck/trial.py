# SPDX-License-Identifier: MPL-2.0
"""Programs in lockstep: on a subject and on the specification, compared after every operation."""

from __future__ import annotations

import traceback
import weakref
from typing import Any, ClassVar, Protocol

from slotcheck.native import ffi, lib, take_text, text_of
from slotcheck.program import Program
from slotcheck.vocabulary import Op, Status


class SlotcheckError(Exception):
    """A subject that cannot be run, or breaks the rules of the interface."""


class NothingOffered(SlotcheckError):
    """The subject lacks the operations that are asked for."""


class OracleFault(SlotcheckError):
    """The specification disagrees with itself: a fault of slotcheck."""


class Divergence(AssertionError):
    """The subject and the specification disagree.

    Every signature has a subclass of its own, so that whoever shrinks a failure can tell one
    finding from another by its type; see `divergence_type`.
    """

    signature: str = ""

    def __init__(self, program: Program, summary: str, explanation: str) -> None:
        super().__init__(program, summary, explanation)
        self.program = program
        self.summary = summary
        self.explanation = explanation

    def __str__(self) -> str:
        return f"{self.summary}\n{self.explanation}"


_types: dict[str, type[Divergence]] = {}


def divergence_type(signature: str) -> type[Divergence]:
    """The exception type of the findings with this signature."""
    if signature not in _types:
        name = f"Divergence[{signature}]"
        _types[signature] = type(name, (Divergence,), {"signature": signature})
    return _types[signature]


class AnySubject(Protocol):
    """What can be tested: has the `struct slotcheck_subject *` of the interface."""

    name: str

    @property
    def pointer(self) -> Any: ...

    def raise_pending(self) -> None:
        """Raises what a subject in Python has raised while C was calling it."""


def where_raised(error: BaseException) -> str:
    """The last place of its traceback, and what it says."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}: " if frames else ""
    return f"{where}{type(error).__name__}: {error}"


class Trial:
    """Programs on one subject, an operation at a time or whole. Belongs to one thread."""

    #: Of trials that are made from now on: a `spec_variant`, and memory for the program that is
    #: running (see trial_use_journal). It is for whoever runs a whole process of trials.
    variant: ClassVar[int] = lib.SPEC_OSTD
    journal: ClassVar[Any] = ffi.NULL
    #: All that are alive, to be counted over.
    alive: ClassVar[weakref.WeakSet[Trial]] = weakref.WeakSet()

    def __init__(self, subject: AnySubject) -> None:
        error = ffi.new("char[256]")
        pointer = lib.trial_create(subject.pointer, error, len(error))
        if pointer == ffi.NULL:
            raise SlotcheckError(f"{subject.name}: {text_of(error)}")
        self.subject = subject
        self._has_raised = False
        self._can_have: dict[int, bool] = {}
        self._pointer = ffi.gc(pointer, lib.trial_destroy)
        lib.trial_use_variant(pointer, Trial.variant)
        lib.trial_use_journal(pointer, Trial.journal)
        Trial.alive.add(self)

    def __repr__(self) -> str:
        return f"<trial of {self.subject.name}>"

    @property
    def pointer(self) -> Any:
        """The `struct trial *`; lives as long as this."""
        return self._pointer

    @property
    def program(self) -> Program:
        """The program so far."""
        return Program.copy_of(lib.trial_program(self._pointer))

    @property
    def nr_steps(self) -> int:
        """Operations that were run, over the trial's life."""
        return lib.trial_nr_steps(self._pointer)

    def begin(self, slots: int) -> None:
        """Begins a program of that many slots, or of as many as the subject has."""
        self._has_raised = False
        lib.trial_begin(self._pointer, slots)
        try:
            self.check()
        except Exception as error:
            if isinstance(error, SlotcheckError):
                raise
            raise SlotcheckError(f"{self.subject.name}: {where_raised(error)}") from error

    def can_have(self, slots: int) -> bool:
        """True if the subject can have a region of that many slots. Ends the program."""
        if slots not in self._can_have:
            try:
                self.begin(slots)
                self._can_have[slots] = True
            except SlotcheckError:
                self._can_have[slots] = False
        return self._can_have[slots]

    def raise_pending(self) -> None:
        """Raises what a subject in Python has raised, with the program in which it did as `program`."""
        try:
            self.subject.raise_pending()
        except Exception as error:
            setattr(error, "program", self.program)
            raise

    def step(self, op: Op, *operands: int) -> Status:
        """Adds an operation and runs it; raises the Divergence that it shows, if any."""
        first, second, third = operands + (0,) * (3 - len(operands))
        status = lib.trial_step(self._pointer, op.number, first, second, third)
        if not lib.trial_goes_on(self._pointer):
            self.check()
        self.raise_pending()
        return Status(status)

    def end(self) -> None:
        """Asks what is asked of a program that ends here, if nothing was raised of it yet: whoever
        ends a program because of an exception is not to lose that."""
        if not lib.trial_end(self._pointer) and not self._has_raised:
            self.check()
        self.raise_pending()

    def run(self, program: Program) -> None:
        """Runs a whole program; raises the Divergence that it shows, if any."""
        self._has_raised = False
        if not lib.trial_run(self._pointer, program.pointer):
            self.check()
        self.raise_pending()

    def check(self) -> None:
        """Raises what has ended the program, if it was not a panic on which both sides agree."""
        self._has_raised = True
        self.raise_pending()
        # A finding is worth more than what the subject does wrong besides.
        if lib.trial_divergence(self._pointer).kind != lib.FINDING_NONE:
            raise self.divergence()
        error = text_of(lib.trial_error(self._pointer))
        if error:
            raise SlotcheckError(f"{self.subject.name}: {error}")
        self._has_raised = False

    def divergence(self) -> Divergence:
        """What both sides disagree on, as an exception that nobody has raised yet."""
        found = lib.trial_divergence(self._pointer)
        signature = ffi.new("char[]", lib.SIGNATURE_SIZE)
        lib.divergence_signature(found, signature, len(signature))
        explanation = lib.divergence_text(
            lib.trial_program(self._pointer), lib.trial_trace(self._pointer), ffi.NULL
        )
        return divergence_type(text_of(signature))(
            self.program, take_text(lib.summary_text(found)).strip(), take_text(explanation)
        )

    def shrink(self, program: Program) -> Program:
        """The smallest program with the same signature. In this process: a subject that crashes on
        a candidate ends it."""
        copy = Program.decode(program.encode())
        counts = ffi.new("struct shrink_counts *")
        status = lib.trial_shrink(self._pointer, copy.pointer, counts)
        self.raise_pending()
        if status != lib.SHRINK_DONE:
            raise SlotcheckError(f"{self.subject.name}: the program shows nothing to be shrunk")
        return copy
