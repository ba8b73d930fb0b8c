# SPDX-License-Identifier: MPL-2.0
"""The functions of the specification, found by introspection.

A predicate is a C function that returns bool and ends in a clause_report: here it takes the rest,
by the same names, and returns a Verdict. A translation is one that returns a struct, or one of
NUMERIC.
"""

from __future__ import annotations

import textwrap
from functools import partial
from inspect import Parameter, Signature
from typing import Any, Callable

from slotcheck.native import PARAMETERS, ffi, lib
from slotcheck.oracle import values
from slotcheck.oracle.clauses import Clause, Report, Verdict
from slotcheck.oracle.convert import SpecValueError, from_c, to_c, u64
from slotcheck.oracle.values import (
    MIRRORS,
    LinkedListOwner,
    MetaRegionOwners,
    Reference,
    SlotHolders,
    SpecCall,
    SpecOutcome,
    Value,
)

#: Functions on numbers that are offered; all else that takes numbers belongs to the harness.
NUMERIC = (
    "frame_to_index",
    "index_to_frame",
    "frame_to_meta",
    "meta_to_frame",
    "meta_addr",
    "has_safe_slot",
    "meta_slot_status_of",
)
_REPORT = "struct clause_report *"


def _function_type(name: str) -> Any:
    try:
        kind = ffi.typeof(getattr(lib, name))
    except TypeError:
        return None
    return kind if kind.kind == "function" else None


class _Argument:
    """A parameter: what it takes, and how that is handed to C."""

    def __init__(self, name: str, kind: Any) -> None:
        self.name = name
        self.bound: int | None = {"list": values.MAX_LISTS}.get(name)
        target = kind.item if kind.kind == "pointer" else kind
        self.annotation: type = MIRRORS.get(target.cname, int)
        if target.cname == "_Bool":
            self.annotation = bool
        self.is_known = target.cname in MIRRORS or kind.kind == "primitive"

    def to_c(self, value: Any, where: str) -> Any:
        if not issubclass(self.annotation, Value):
            number = u64(value, where)
            if self.bound is not None and number >= self.bound:
                raise SpecValueError(f"{where}: {number} is not within 0 .. {self.bound - 1}")
            return bool(number) if self.annotation is bool else number
        if not isinstance(value, self.annotation):
            raise TypeError(f"{where}: a {self.annotation.__name__} is wanted, not {value!r}")
        if isinstance(value, SpecCall):
            check_call(value, where)
        return to_c(value)


def check_call(call: SpecCall, where: str) -> None:
    """Raises SpecValueError if C would index by what is too large."""
    for name, bound in (("list", values.MAX_LISTS), ("path", values.NR_PATHS)):
        if u64(getattr(call, name), f"{where}.{name}") >= bound:
            raise SpecValueError(
                f"{where}.{name}: {getattr(call, name)} is not within 0 .. {bound - 1}"
            )


class Function:
    """A function of the specification, called with Python values."""

    def __init__(self, name: str) -> None:
        kind = _function_type(name)
        self.name = name
        self._call = getattr(lib, name)
        kinds = [argument for argument in kind.args if argument.cname != _REPORT]
        self.arguments = tuple(map(_Argument, PARAMETERS[name], kinds))
        parameters = [
            Parameter(a.name, Parameter.POSITIONAL_OR_KEYWORD, annotation=a.annotation)
            for a in self.arguments
        ]
        self.signature = Signature(parameters, return_annotation=self._result(kind))

    def _result(self, kind: Any) -> type:
        return MIRRORS.get(kind.result.cname, bool if kind.result.cname == "_Bool" else int)

    @property
    def documentation(self) -> str:
        return f"{self.name} of the specification, computed."

    def to_c(self, *arguments: Any, **named: Any) -> list[Any]:
        """The arguments as C takes them. Raises what a call with wrong ones raises."""
        try:
            bound = self.signature.bind(*arguments, **named)
        except TypeError as error:
            raise TypeError(f"{self.name}: {error}") from None
        return [
            argument.to_c(bound.arguments[argument.name], f"{self.name}: {argument.name}")
            for argument in self.arguments
        ]

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        answer = self._call(*self.to_c(*arguments, **named))
        return from_c(answer) if isinstance(answer, ffi.CData) else answer

    def __repr__(self) -> str:
        return f"<{self.name}{self.signature}>"

    def as_function(self) -> Callable[..., Any]:
        """The same as a function of Python, of which help() says everything."""

        def call(*arguments: Any, **named: Any) -> Any:
            return self(*arguments, **named)

        call.__name__ = call.__qualname__ = self.name
        call.__module__ = "slotcheck.oracle"
        call.__doc__ = self.documentation
        call.__signature__ = self.signature  # type: ignore[attr-defined]
        return call


class Predicate(Function):
    """A function that says which of its clauses hold.

    It is total, changes nothing, and evaluates every clause, also after one has failed.
    """

    def _result(self, kind: Any) -> type:
        return Verdict

    def __call__(self, *arguments: Any, **named: Any) -> Verdict:
        return self.judge(self.to_c(*arguments, **named))

    def judge(self, arguments: list[Any]) -> Verdict:
        """The same of C values."""
        report = Report()
        self._call(*arguments, report.pointer)
        return report.verdict(self.name)

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """The clauses that it asks of an ordinary state; of others it can be fewer."""
        return self(*[_ordinary(argument.annotation) for argument in self.arguments]).clauses

    @property
    def documentation(self) -> str:
        clauses = "\n\n".join(str(clause) for clause in self.clauses)
        return (
            f"{self.name} of the specification: which of its clauses hold.\n\n"
            f"Returns a Verdict on:\n\n{textwrap.indent(clauses, '    ')}\n"
        )


def _ordinary(annotation: type) -> Any:
    """An argument with which a predicate asks all that it asks."""
    if annotation is MetaRegionOwners:
        owners = boot_region(1)
        owners.lists[0] = LinkedListOwner(is_live=True)
        return owners
    if annotation is SlotHolders:
        return SlotHolders(segments=1)
    if annotation is Reference:
        return Reference(owners=_ordinary(MetaRegionOwners))
    return annotation()


def boot_region(nr_slots: int) -> MetaRegionOwners:
    """A region of that many slots as after boot: unused, their permissions parked."""
    made = to_c(MetaRegionOwners(max_meta_slots=nr_slots))
    lib.meta_region_owners_boot(made, nr_slots)
    owners = from_c(made)
    assert isinstance(owners, MetaRegionOwners)
    return owners


def _is_convertible(kind: Any) -> bool:
    arguments = [argument for argument in kind.args if argument.cname != _REPORT]
    return all(_Argument("", argument).is_known for argument in arguments)


def _is_predicate(name: str, kind: Any) -> bool:
    """The report comes last; judge_slot belongs to the harness, and indexes without looking."""
    return (
        kind.result.cname == "_Bool"
        and bool(kind.args)
        and kind.args[-1].cname == _REPORT
        and name != "judge_slot"
        and _is_convertible(kind)
    )


def _is_translation(name: str, kind: Any) -> bool:
    takes_struct = any(argument.kind == "pointer" for argument in kind.args)
    return name in NUMERIC or (
        kind.result.cname in MIRRORS and takes_struct and _is_convertible(kind)
    )


def _find(wanted: Callable[[str, Any], bool], make: Callable[[str], Any]) -> dict[str, Any]:
    kinds = ((name, _function_type(name)) for name in sorted(PARAMETERS) if hasattr(lib, name))
    return {name: make(name) for name, kind in kinds if kind and wanted(name, kind)}


#: All predicates by name.
PREDICATES: dict[str, Predicate] = _find(_is_predicate, Predicate)
#: All translations by name.
TRANSLATIONS: dict[str, Function] = _find(_is_translation, Function)
