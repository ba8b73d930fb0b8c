# SPDX-License-Identifier: MPL-2.0
"""State machines: Hypothesis chooses operations, C judges them.

Every operation of ops.def becomes a rule, every kind of handle a bundle. A rule adds its operation to
a program that runs in lockstep on the subject and on the specification; the first divergence is
raised as an exception with a type of its own, so that Hypothesis shrinks it as one finding.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from slotcheck.native import ffi, lib, text_of
from slotcheck.operands import operand, operands
from slotcheck.program import Program
from slotcheck.trial import AnySubject, SlotcheckError, Trial
from slotcheck.vocabulary import GROUPS, HANDLE_KINDS, OPS, OPS_BY_NUMBER, Kind, Op, ops_of

#: Region sizes: small ones, in which operations meet, and some where an index needs more bits.
SLOTS = (1, 2, 3, 4, 8, 16, 33, 64, 512)

_EXECUTED = lib.STEP_EXECUTED
_PLACES = (Kind.PADDR, Kind.SLOT)
_RAW = "raw_addresses"
_BUNDLE_NAMES = {
    Kind.FRAME: "frames",
    Kind.UNIQUE: "unique_frames",
    Kind.LIST: "lists",
    Kind.CURSOR: "cursors",
    Kind.SEGMENT: "segments",
    Kind.MAPPING: "mapped_frames",
}
BUNDLES: dict[Kind, Bundle] = {kind: Bundle(_BUNDLE_NAMES[kind]) for kind in HANDLE_KINDS}
#: Addresses of frames to which there are references that nobody has a handle of.
RAW_ADDRESSES = Bundle(_RAW)


class Handle:
    """A handle of the program; which one of those alive it is can change with every operation."""

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


class SlotMachine(RuleBasedStateMachine):
    """What all state machines have in common; `state_machine` makes those that can be run."""

    trial: Trial
    ops: tuple[Op, ...] = ()
    #: Called after each program with it, and with whether it has shown what none before it has.
    on_program: Callable[[Program, bool], None] | None = None

    def __init__(self) -> None:
        super().__init__()
        self._lib_trial = self.trial.pointer
        self._possible = ffi.new("bool[]", lib.NR_OPS)
        self._report = ffi.new("struct clause_report *")
        self._off: frozenset[int] = frozenset()
        self._is_new = False
        self._forget_handles()
        self.slots = 0

    # --- programs ---

    @initialize(
        slots=st.sampled_from(SLOTS),
        without=st.sets(st.sampled_from(GROUPS), max_size=len(GROUPS) - 1),
    )
    def begin(self, slots: int, without: set[str]) -> None:
        """A region, and what kinds of operations this run does without."""
        self.slots = slots
        self._off = frozenset(
            op.number for group in sorted(without) for op in ops_of(group)
        )
        self._begin()

    def _begin(self) -> None:
        self.trial.begin(self.slots)
        self._forget_handles()
        self._look_ahead()

    def teardown(self) -> None:
        """Asks what is asked of a program that ends here."""
        if self.slots == 0:
            return
        program = self.trial.program if self.on_program else None
        self.trial.end()
        if self.on_program and program:
            type(self).on_program(program, self._is_new)

    @invariant()
    def invariants_hold(self) -> None:
        """The invariants of the specification, of all slots and lists."""
        if self.slots and not lib.trial_invariants(self._lib_trial, self._report):
            broken = lib.CLAUSES[self._report.failed[0]]
            raise SlotcheckError(f"the agreed state breaks {text_of(broken.id)}")

    # --- what can come next ---

    def _look_ahead(self) -> None:
        lib.trial_possible(self._lib_trial, self._possible)
        possible, off = self._possible, self._off
        for op in self.ops:
            if possible[op.number] and op.number not in off:
                return
        # Hypothesis wants a rule that can run. This one is skipped, or does no harm.
        possible[self.ops[0].number] = True
        self._off = off - {self.ops[0].number}

    def candidates(self, op: Op, at: int) -> list[int]:
        """The values of that operand with which the operation's precondition can hold now."""
        values = ffi.new("uint16_t[64]")
        n = lib.trial_candidates(self._lib_trial, op.number, at, values, len(values))
        return list(values[0 : min(n, len(values))]) or [0]

    # --- handles ---

    def _forget_handles(self) -> None:
        for handles in getattr(self, "_live", {}).values():
            for handle in handles:
                handle.alive = False
        for address in getattr(self, "_raw", {}).values():
            address.alive = False
        self._live: dict[Kind, list[Handle]] = {kind: [] for kind in HANDLE_KINDS}
        self._cursor_of: dict[int, Handle] = {}
        self._raw: dict[int, RawAddress] = {}
        self._with_dead = set(_BUNDLE_NAMES.values()) | {_RAW}

    def bundle(self, name: str) -> list[Any]:
        """What is in a bundle: nothing that an operation has consumed, or ended otherwise."""
        references = super().bundle(name)
        if name in self._with_dead:
            self._with_dead.discard(name)
            references[:] = [r for r in references if self.names_to_values[r.name].alive]
        return references

    def _end_handle(self, handle: Handle) -> None:
        handle.alive = False
        self._live[handle.kind].remove(handle)
        self._with_dead.add(_BUNDLE_NAMES[handle.kind])

    def _make_handles(self, kind: Kind) -> list[Handle]:
        """Handles for those that C has and we have not; new ones come last."""
        live = self._live[kind]
        made = [
            Handle(kind)
            for _ in range(lib.trial_nr_handles(self._lib_trial, kind) - len(live))
        ]
        live.extend(made)
        return made

    def _update_cursors(self) -> list[Handle]:
        """Cursors belong to their lists, and end when those are used otherwise."""
        trial, kind = self._lib_trial, Kind.CURSOR
        lists = [lib.trial_handle(trial, kind, i) for i in range(lib.trial_nr_handles(trial, kind))]
        made = []
        for old in set(self._cursor_of) - set(lists):
            self._end_handle(self._cursor_of.pop(old))
        for number in lists:
            if number not in self._cursor_of:
                self._cursor_of[number] = Handle(kind)
                made.append(self._cursor_of[number])
        self._live[kind] = [self._cursor_of[number] for number in lists]
        return made

    def _update_raw(self) -> list[RawAddress]:
        """Addresses of frames that are forgotten now and were not."""
        values = ffi.new("uint16_t[64]")
        n = min(lib.trial_forgotten(self._lib_trial, values, len(values)), len(values))
        slots = values[0:n]
        for slot in set(self._raw) - set(slots):
            self._raw.pop(slot).alive = False
            self._with_dead.add(_RAW)
        made = [RawAddress(slot) for slot in slots if slot not in self._raw]
        self._raw.update((address.slot, address) for address in made)
        return made

    # --- a step ---

    def _number(self, argument: Any) -> int:
        if isinstance(argument, Handle):
            return self._live[argument.kind].index(argument)
        return argument.slot if isinstance(argument, RawAddress) else int(argument)

    def _run(self, op: Op, arguments: tuple[Any, ...]) -> Any:
        first, second, third = [self._number(argument) for argument in arguments] + [0] * (
            3 - len(arguments)
        )
        status = lib.trial_step(self._lib_trial, op.number, first, second, third)
        if not lib.trial_goes_on(self._lib_trial):
            self.trial.check()
            # Both sides panicked: that is the end of a program, and another one begins.
            self._begin()
            return multiple()
        if status != _EXECUTED:
            return multiple()
        self.trial.subject.raise_pending()
        self._is_new = self._is_new or lib.trial_is_new(self._lib_trial)
        made = self._update(op, arguments)
        self._look_ahead()
        return multiple(*made)

    def _update(self, op: Op, arguments: tuple[Any, ...]) -> list[Any]:
        """What the operation did to the handles; those that are for the rule's bundle."""
        if op.takes and lib.trial_record(self._lib_trial).result == lib.SPEC_OK:
            self._end_handle(next(h for h in arguments if getattr(h, "kind", None) is op.takes))
        made = self._make_handles(op.makes) if op.makes not in (Kind.NONE, Kind.CURSOR) else []
        cursors = self._update_cursors() if op.group == "list" else []
        raw = self._update_raw()
        if op.makes is Kind.CURSOR:
            return cursors
        return made if op.makes else raw


# --- rules ---


def _candidates(op: Op, at: int) -> st.SearchStrategy[Any]:
    kind = op.operands[at]

    @st.composite
    def choose(draw: Any) -> Any:
        values = draw(st.runner()).candidates(op, at)
        return operand(kind, draw(st.sampled_from(values)))

    return choose()


def _anywhere(kind: Kind) -> st.SearchStrategy[Any]:
    @st.composite
    def choose(draw: Any) -> Any:
        return draw(operands(kind, draw(st.runner()).slots))

    return choose()


def _needs_raw_address(op: Op, trial: Trial) -> bool:
    """True of an operation that can be called at no address after boot: it brings something back."""
    if op.operands[:1] != (Kind.PADDR,):
        return False
    trial.begin(1)
    return not lib.trial_admits(trial.pointer, op.number, 0, 0, 0)


def _argument(op: Op, at: int, trial: Trial) -> st.SearchStrategy[Any]:
    kind = op.operands[at]
    if kind in BUNDLES:
        return BUNDLES[kind]
    if kind in (Kind.SLOT, Kind.PATH):
        return _candidates(op, at)
    if kind is Kind.PADDR and _needs_raw_address(op, trial):
        return RAW_ADDRESSES
    return _anywhere(kind)


def _argument_names(op: Op) -> list[str]:
    """The kinds in small letters; a second one of a kind is numbered."""
    kinds = [kind.name.lower() for kind in op.operands]
    return [
        name if kinds.index(name) == i else f"{name}{kinds[: i + 1].count(name)}"
        for i, name in enumerate(kinds)
    ]


def _rule(op: Op, trial: Trial) -> Any:
    names = _argument_names(op)

    def run(self: SlotMachine, **arguments: Any) -> Any:
        return self._run(op, tuple([arguments[name] for name in names]))

    def is_possible(self: SlotMachine) -> bool:
        return self._possible[op.number] and op.number not in self._off

    run.__name__ = run.__qualname__ = op.name
    run.__doc__ = op.text
    arguments = {name: _argument(op, at, trial) for at, name in enumerate(names)}
    target = BUNDLES.get(op.makes, RAW_ADDRESSES)
    return rule(target=target, **arguments)(precondition(is_possible)(run))


def state_machine(
    subject: AnySubject, ops: Iterable[Op] | None = None, name: str = "SlotMachine"
) -> type[SlotMachine]:
    """A state machine over the operations that the subject offers, of `ops` or of all.

    Its `TestCase` is a unittest; `hypothesis.stateful.run_state_machine_as_test` runs it, too.
    """
    trial = Trial(subject)
    offered = tuple(
        op
        for op in (OPS_BY_NUMBER if ops is None else ops)
        if lib.subject_offers(subject.pointer, op.number)
    )
    if not offered:
        raise SlotcheckError(f"{subject.name} offers none of the operations")
    rules = {op.name: _rule(op, trial) for op in offered}
    # One that can always run comes first.
    ordered = tuple(sorted(offered, key=lambda op: op is not OPS["get_slot"]))
    return type(name, (SlotMachine,), {"trial": trial, "ops": ordered, **rules})
