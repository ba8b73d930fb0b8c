# SPDX-License-Identifier: MPL-2.0
"""What the arguments of a rule are drawn from: bundles, what the oracle's preconditions admit in
the state at hand, or what program.h allows.

All of them draw as many choices in every state: what comes after them keeps its meaning when
Hypothesis takes a step before it away.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from slotcheck.handles import BUNDLES, RAW_ADDRESSES
from slotcheck.native import lib
from slotcheck.operands import metadata, operand, operands, telling_operands
from slotcheck.trial import Trial
from slotcheck.vocabulary import Kind, Op


def argument_names(op: Op) -> list[str]:
    """The kinds in small letters; a second one of a kind is numbered."""
    kinds = [kind.name.lower() for kind in op.operands]
    return [
        name if kinds.index(name) == i else f"{name}{kinds[: i + 1].count(name)}"
        for i, name in enumerate(kinds)
    ]


def arguments(op: Op, trial: Trial) -> dict[str, st.SearchStrategy[Any]]:
    """A strategy for each of the operation's arguments, for rules of a SlotMachine. Begins a
    program of the trial, to ask the oracle."""
    brings_back = _brings_back(op, trial)
    return {
        name: _argument(op, at, brings_back) for at, name in enumerate(argument_names(op))
    }


def _brings_back(op: Op, trial: Trial) -> bool:
    """True of one that can be called at no address after boot: it needs a forgotten one."""
    if op.operands[:1] != (Kind.PADDR,):
        return False
    trial.begin(1)
    return not lib.trial_admits(trial.pointer, op.number, 0, 0, 0)


def _argument(op: Op, at: int, brings_back: bool) -> st.SearchStrategy[Any]:
    kind = op.operands[at]
    if kind in BUNDLES:
        return BUNDLES[kind]
    if kind in (Kind.SLOT, Kind.PATH) or (op.is_setup and kind is not Kind.COUNT):
        return _admitted(op, at)
    if brings_back:
        return RAW_ADDRESSES if kind is Kind.PADDR else _admitted(op, at)
    if kind is Kind.PADDR:
        return _addresses()
    return _metadata() if kind is Kind.META else _anything(kind)


def _admitted(op: Op, at: int) -> st.SearchStrategy[Any]:
    kind = op.operands[at]

    @st.composite
    def choose(draw: Any) -> Any:
        values = draw(st.runner()).candidates(op, at)
        return operand(kind, draw(st.sampled_from(values)))

    return choose()


def _anything(kind: Kind) -> st.SearchStrategy[Any]:
    @st.composite
    def choose(draw: Any) -> Any:
        return draw(operands(kind, draw(st.runner()).slots))

    return choose()


@st.composite
def _addresses(draw: Any) -> Any:
    """Where something can be made, where something is already, all over the region, or anywhere."""
    machine = draw(st.runner())
    number, where = divmod(draw(st.integers(0, 255)), 4)
    slots = {0: machine.unused, 1: machine.touched}.get(where)
    if slots:
        return operand(Kind.PADDR, slots[number % len(slots)])
    if where == 2:
        return operand(Kind.PADDR, number * machine.slots // 64)
    telling = telling_operands(Kind.PADDR, machine.slots)
    return telling[number % len(telling)]


@st.composite
def _metadata(draw: Any) -> Any:
    """Of the types that the run is about."""
    return draw(metadata(draw(st.runner()).types))
