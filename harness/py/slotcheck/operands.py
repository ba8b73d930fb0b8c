# SPDX-License-Identifier: MPL-2.0
"""Operands as Hypothesis draws and prints them."""

from __future__ import annotations

from functools import lru_cache

from hypothesis import strategies as st

from slotcheck.native import ffi, lib
from slotcheck.vocabulary import Kind, operand_text


class Operand(int):
    """An operand as it is encoded, which prints as programs have it in text: `p3`, `probe(7)`."""

    kind = Kind.NONE

    def __repr__(self) -> str:
        return operand_text(self.kind, self)


_TYPES: dict[Kind, type[Operand]] = {
    kind: type(kind.name.title(), (Operand,), {"kind": kind}) for kind in Kind
}


def operand(kind: Kind, value: int) -> Operand:
    return _TYPES[kind](value)


@lru_cache(maxsize=None)
def telling_operands(kind: Kind, slots: int) -> list[Operand]:
    """The few operands that stand for all in a region of that many slots, as the exhaustive search
    has them; none of a kind of handles."""
    scope = ffi.new("struct scope *")
    lib.scope_init(scope, min(slots, lib.SCOPE_MAX_SLOTS))
    return [operand(kind, value) for value in scope.values[kind][0 : scope.nr_values[kind]]]


def _mostly(
    telling: list[Operand], other: st.SearchStrategy[Operand]
) -> st.SearchStrategy[Operand]:
    """Three times out of four one of those; a strategy that comes twice would count once."""
    return st.one_of(*[st.sampled_from(telling) for _ in range(3)], other)


@lru_cache(maxsize=None)
def operands(kind: Kind, slots: int) -> st.SearchStrategy[Operand]:
    """Operands of a kind that is none of handles, for a region of that many slots: those that an
    exhaustive search tries, and now and then any other."""
    make = _TYPES[kind]
    telling = telling_operands(kind, slots)
    largest = 256 ** lib.OPERAND_WIDTH[kind] - 1
    return _mostly(telling, st.integers(0, largest).map(make))


@lru_cache(maxsize=None)
def metadata(types: frozenset[int]) -> st.SearchStrategy[Operand]:
    """META operands of these types."""
    make, nr_types = _TYPES[Kind.META], lib.META_NR_TYPES
    telling = [each for each in telling_operands(Kind.META, 1) if each % nr_types in types]
    other = st.builds(
        lambda type_, seed: make(nr_types * seed + type_),
        st.sampled_from(sorted(types)),
        st.integers(0, (2**16 - nr_types) // nr_types),
    )
    return _mostly(telling, other)
