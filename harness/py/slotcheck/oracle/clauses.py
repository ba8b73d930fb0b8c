# SPDX-License-Identifier: MPL-2.0
"""Clauses, and what a predicate says of them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any, Iterator

from slotcheck.native import ffi, lib, text_of


@dataclass(frozen=True)
class Clause:
    """A row of the table of clauses (clauses.def)."""

    number: int
    #: `function/clause`
    id: str
    #: as the source names it
    function: str
    #: the formula or sentence
    text: str
    #: where the source states it
    where: str
    #: spec, invariant, ensures or exec
    kind: str
    #: True if it speaks of state that is not in the slot's bytes
    sees_ghost: bool

    def __str__(self) -> str:
        # A formula loses its line breaks, never a blank within.
        text = textwrap.fill(self.text, 92, initial_indent=" " * 4, subsequent_indent=" " * 4)
        return f"{self.id}\n{text}\n    {self.kind}: {self.where}"


def _read(number: int) -> Clause:
    info = lib.CLAUSES[number]
    return Clause(
        number=number,
        id=text_of(info.id),
        function=text_of(info.function),
        text=text_of(info.text),
        where=text_of(info.where),
        kind=text_of(lib.clause_kind_name(info.kind)),
        sees_ghost=info.sees == lib.CLAUSE_SEES_GHOST,
    )


_BY_NUMBER: tuple[Clause, ...] = tuple(_read(number) for number in range(lib.NR_CLAUSES))
#: The whole table by id, in its order.
CLAUSES: dict[str, Clause] = {clause.id: clause for clause in _BY_NUMBER}


class Verdict:
    """Which clauses of a predicate hold; true if all do.

    It is iterated over as pairs of a clause's id and whether it holds, in the order of the table.
    A clause that is asked of several slots holds if it holds of all. What was not asked, because an
    earlier clause left nothing to ask it of, is not in it.
    """

    __slots__ = ("predicate", "_clauses", "_failed")

    def __init__(self, predicate: str, clauses: tuple[Clause, ...], failed: frozenset[int]) -> None:
        self.predicate = predicate
        self._clauses = clauses
        self._failed = failed

    def __bool__(self) -> bool:
        return not self._failed

    def __iter__(self) -> Iterator[tuple[str, bool]]:
        return ((clause.id, clause.number not in self._failed) for clause in self._clauses)

    def __len__(self) -> int:
        return len(self._clauses)

    def __getitem__(self, clause: str) -> bool:
        """Whether the clause of that id holds. Raises KeyError if it was not asked."""
        return dict(self)[clause]

    def __contains__(self, clause: object) -> bool:
        return clause in dict(self)

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """The clauses that were asked."""
        return self._clauses

    @property
    def failed(self) -> tuple[Clause, ...]:
        """Those that do not hold."""
        return tuple(clause for clause in self._clauses if clause.number in self._failed)

    def explain(self) -> str:
        """What holds and what does not, with the formulas and where the source states them."""
        if not self._failed:
            return f"{self.predicate} holds: {len(self)} clauses."
        failed = "\n".join(textwrap.indent(str(clause), "  ") for clause in self.failed)
        return (
            f"{self.predicate} does not hold: {len(self.failed)} of {len(self)} clauses.\n{failed}"
        )

    def __repr__(self) -> str:
        if not self._failed:
            return f"<{self.predicate}: holds, {len(self)} clauses>"
        ids = ", ".join(clause.id for clause in self.failed)
        return f"<{self.predicate}: {len(self.failed)} of {len(self)} clauses fail: {ids}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """For notebooks."""
        printer.text(self.explain())


class Report:
    """A struct clause_report for one judgement."""

    __slots__ = ("pointer",)

    def __init__(self) -> None:
        self.pointer = ffi.new("struct clause_report *")

    def verdict(self, predicate: str) -> Verdict:
        counts = ffi.unpack(self.pointer.evaluated, lib.NR_CLAUSES)
        asked = tuple(clause for clause, count in zip(_BY_NUMBER, counts) if count)
        failed = frozenset(self.pointer.failed[0 : self.pointer.nr_failed])
        return Verdict(predicate, asked, failed)


def explain(what: Verdict | Clause | str) -> str:
    """A verdict, or a clause by itself or by its id, for a person.

    Raises ValueError if there is no clause of that id.
    """
    if isinstance(what, Verdict):
        return what.explain()
    if isinstance(what, Clause):
        return str(what)
    if what not in CLAUSES:
        raise ValueError(f"there is no clause '{what}'")
    return str(CLAUSES[what])
