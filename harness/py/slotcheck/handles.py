# SPDX-License-Identifier: MPL-2.0
"""The handles of a program that is running, as Hypothesis keeps them in bundles.

Programs name a handle by its place among those of its kind that are alive, which changes with every
operation. Here each has an identity, and what is dead leaves its bundle.
"""

from __future__ import annotations

from typing import Any

from hypothesis.stateful import Bundle

from slotcheck.native import ffi, lib
from slotcheck.operands import operand
from slotcheck.vocabulary import HANDLE_KINDS, Kind, Op

_NAMES = {
    Kind.FRAME: "frames",
    Kind.UNIQUE: "unique_frames",
    Kind.LIST: "lists",
    Kind.CURSOR: "cursors",
    Kind.SEGMENT: "segments",
    Kind.MAPPING: "mapped_frames",
}
BUNDLES: dict[Kind, Bundle[Handle]] = {kind: Bundle(_NAMES[kind]) for kind in HANDLE_KINDS}
#: Addresses of frames to which there are references that nobody has a handle of.
RAW_ADDRESSES: Bundle[RawAddress] = Bundle("raw_addresses")


class Handle:
    """A handle of the program."""

    __slots__ = ("kind", "alive")

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.alive = True

    def __repr__(self) -> str:
        return f"<{self.kind.name.lower()}>"


class RawAddress:
    """The address of a frame that was forgotten."""

    __slots__ = ("slot", "alive")

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.alive = True

    def __repr__(self) -> str:
        return repr(operand(Kind.PADDR, self.slot))


class LiveHandles:
    """The handles that are alive in a trial, kept up with it."""

    def __init__(self, trial: Any) -> None:
        """`trial` is the `struct trial *`; none is alive in it yet."""
        self._trial = trial
        self._live: dict[Kind, list[Handle]] = {kind: [] for kind in HANDLE_KINDS}
        self._cursor_of: dict[int, Handle] = {}
        self._raw: dict[int, RawAddress] = {}
        self._slots = ffi.new("uint16_t[]", lib.TRIAL_MAX_TRIED)
        #: Bundles in which there may be something dead.
        self.with_dead: set[str] = set()

    def number(self, argument: Any) -> int:
        """The operand that an argument of a rule is, now."""
        if isinstance(argument, Handle):
            return self._live[argument.kind].index(argument)
        return argument.slot if isinstance(argument, RawAddress) else int(argument)

    def end_all(self) -> None:
        """The program has ended, and its handles with it."""
        for handles in self._live.values():
            for handle in handles:
                handle.alive = False
            handles.clear()
        for address in self._raw.values():
            address.alive = False
        self._cursor_of.clear()
        self._raw.clear()
        self.with_dead = {*_NAMES.values(), RAW_ADDRESSES.name}

    def update(self, op: Op, arguments: tuple[Any, ...]) -> list[Any]:
        """What an operation that was executed has done to them. Returns those that are for the
        bundle of its rule: the handles that it made, or the addresses that it forgot."""
        if op.takes and lib.trial_record(self._trial).result == lib.SPEC_OK:
            self._end(next(h for h in arguments if isinstance(h, Handle) and h.kind is op.takes))
        cursors = self._update_cursors()
        made = cursors if op.makes is Kind.CURSOR else self._update_kind(op.makes)
        raw = self._update_raw()
        return [*made] if op.makes else [*raw]

    def _end(self, handle: Handle) -> None:
        handle.alive = False
        self._live[handle.kind].remove(handle)
        self.with_dead.add(_NAMES[handle.kind])

    def _update_kind(self, kind: Kind) -> list[Handle]:
        """Handles for those that C has and we have not; new ones come last."""
        live = self._live.get(kind, [])
        nr_new = lib.trial_nr_handles(self._trial, kind) - len(live)
        made = [Handle(kind) for _ in range(nr_new)]
        live.extend(made)
        return made

    def _update_cursors(self) -> list[Handle]:
        """Cursors belong to their lists, and end when those are used otherwise."""
        kind = Kind.CURSOR
        nr = lib.trial_nr_handles(self._trial, kind)
        lists = [lib.trial_handle(self._trial, kind, i) for i in range(nr)]
        for old in set(self._cursor_of) - set(lists):
            self._end(self._cursor_of.pop(old))
        made = {number: Handle(kind) for number in lists if number not in self._cursor_of}
        self._cursor_of |= made
        self._live[kind] = [self._cursor_of[number] for number in lists]
        return list(made.values())

    def _update_raw(self) -> list[RawAddress]:
        """Addresses of frames that are forgotten now and were not."""
        n = lib.trial_forgotten(self._trial, self._slots, len(self._slots))
        slots = self._slots[0 : min(n, len(self._slots))]
        for slot in set(self._raw) - set(slots):
            self._raw.pop(slot).alive = False
            self.with_dead.add(RAW_ADDRESSES.name)
        made = {slot: RawAddress(slot) for slot in slots if slot not in self._raw}
        self._raw |= made
        return list(made.values())
