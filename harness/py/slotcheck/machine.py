# SPDX-License-Identifier: MPL-2.0
"""State machines: Hypothesis chooses operations, C judges them.

Every operation of ops.def becomes a rule, every kind of handle a bundle. A rule adds its operation to
a program that runs in lockstep on the subject and on the specification; the first divergence is
raised as an exception with a type of its own, so that Hypothesis shrinks it as one finding.
"""

from __future__ import annotations

from itertools import combinations
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
from slotcheck.operands import metadata, operand, operands, telling_operands
from slotcheck.program import Program
from slotcheck.trial import AnySubject, OracleFault, SlotcheckError, Trial
from slotcheck.vocabulary import GROUPS, HANDLE_KINDS, OPS, Kind, Op

#: Region sizes: small ones, in which operations meet, and some where an index needs more bits.
SLOTS = (1, 2, 3, 4, 8, 16, 33, 64, 512)

#: Machines over what belongs together: smaller ones meet more of it than one over everything.
MACHINES: dict[str, tuple[str, ...]] = {
    "everything": GROUPS,
    "frames": ("slot", "frame", "unique", "node", "boot"),
    "lists": ("list", "unique"),
    "segments": ("segment", "frame"),
    "mappings": ("map", "frame", "boot"),
    "views": ("repr", "list", "unique"),
}

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
# Of all types links can do most: be in lists. Half of the runs have links alone, or all types.
_ALL_TYPES: set[int] = set()
_LINKS = {lib.SPEC_METADATA_FRAME_LINK}
_TYPES = st.sampled_from(
    [_ALL_TYPES, _LINKS, _ALL_TYPES, _LINKS] + [{number} for number in range(lib.META_NR_TYPES)]
)
BUNDLES: dict[Kind, Bundle] = {kind: Bundle(_BUNDLE_NAMES[kind]) for kind in HANDLE_KINDS}
#: Addresses of frames to which there are references that nobody has a handle of.
RAW_ADDRESSES = Bundle(_RAW)


#: Operations that make a handle without taking one.
_SOURCES = frozenset(
    op
    for op in OPS.values()
    if op.makes and not any(kind in HANDLE_KINDS for kind in op.operands)
)


def _with_sources(groups: Iterable[str]) -> frozenset[Op]:
    """The operations of these groups, and those that make what they take of nothing."""
    ops = frozenset(op for op in OPS.values() if op.group in groups)
    taken = {kind for op in ops for kind in op.operands if kind in HANDLE_KINDS}
    return ops | {op for op in _SOURCES if op.makes in taken}


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
        # Hypothesis draws every rule as often as any other, and switches some off in each run, one by
        # one; in so many rules what belongs together rarely meets. Nobody else reads this attribute.
        self._rules_strategy = _by_weight(self)
        self._lib_trial = self.trial.pointer
        self._possible = ffi.new("bool[]", lib.NR_OPS)
        self._slots = ffi.new("uint16_t[]", lib.TRIAL_MAX_TRIED)
        self._report = ffi.new("struct clause_report *")
        self._off: frozenset[int] = frozenset()
        self._setups = 0
        self._only_setups = False
        #: Slots that operations have been about, and the first ones that nobody uses.
        self.touched: list[int] = []
        self.unused: list[int] = []
        self.types: set[int] = set()
        self._is_new = False
        self._forget_handles()
        self.slots = 0
        rules = {each.function.__name__: each for each in self.rules()}
        # One entry for each time that a rule is to be drawn among all of them.
        self._numbered = [
            (rules[op.name], op, nth) for op in OPS.values() if op.name in rules for nth in range(op.weight)
        ]
        self.numbers = st.integers(0, len(self._numbered) - 1)

    # --- programs ---

    def _start(self, slots: int, only: set[str], metadata: set[int], setups: int) -> None:
        """A region; of which groups of operations and with which types of metadata, empty meaning
        all; and how many operations that only come before others come first, if there are any."""
        self.slots = slots
        self.types = metadata or set(range(lib.META_NR_TYPES))
        self._setups = setups
        wanted = _with_sources(only) if only else self.ops
        self._off = frozenset(op.number for op in self.ops if op not in wanted)
        self._begin()

    def _begin(self) -> None:
        self.trial.begin(self.slots)
        self._forget_handles()
        self.touched = []
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
            raise OracleFault(f"the agreed state breaks {text_of(broken.id)}")

    # --- what can come next ---

    def _look_ahead(self) -> None:
        lib.trial_possible(self._lib_trial, self._possible)
        self.unused = list(self._slots[0 : lib.trial_unused(self._lib_trial, self._slots, 4)])
        possible, off = self._possible, self._off
        self._only_setups = self._setups > 0 and any(
            op.is_setup and possible[op.number] and op.number not in off for op in self.ops
        )
        for op in self.ops:
            if possible[op.number] and op.number not in off:
                return
        # Hypothesis wants a rule that can run. This one is skipped, or does no harm.
        possible[self.ops[0].number] = True
        self._off = off - {self.ops[0].number}

    def is_possible(self, op: Op) -> bool:
        """True if the operation can come next, in this run."""
        number = op.number
        return (
            self._possible[number]
            and number not in self._off
            and (op.is_setup or not self._only_setups)
        )

    def choose(self, number: int) -> Any:
        """The rule of that number, of which each has as many as its operation's weight.

        One that cannot run now gives its numbers to those that can. As long as it can run a number
        means the same rule, whatever came before: that is what shrinking lives on.
        """
        if self._can_run(number):
            return self._numbered[number][0]
        others = [n for n in range(len(self._numbered)) if self._can_run(n)]
        return self._numbered[others[number % len(others)]][0]

    def _can_run(self, number: int) -> bool:
        _, op, nth = self._numbered[number]
        if nth > 0 and not self.unused and op in _SOURCES:
            # Where nothing is free, nearly all that makes something of nothing is refused alike.
            return False
        return self.is_possible(op)

    def candidates(self, op: Op, at: int) -> list[int]:
        """The values of that operand with which the operation's precondition can hold now."""
        n = lib.trial_candidates(self._lib_trial, op.number, at, self._slots, len(self._slots))
        return list(self._slots[0 : min(n, len(self._slots))]) or [0]

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
        n = lib.trial_forgotten(self._lib_trial, self._slots, len(self._slots))
        slots = self._slots[0 : min(n, len(self._slots))]
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
        self._setups -= 1
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
        self._touch(lib.trial_record(self._lib_trial).paddr // lib.SPEC_PAGE_SIZE)
        made = self._update(op, arguments)
        self._look_ahead()
        return multiple(*made)

    def _touch(self, slot: int) -> None:
        if slot < self.slots and slot not in self.touched:
            self.touched.append(slot)

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


@st.composite
def _by_weight(draw: Any, machine: SlotMachine) -> Any:
    """One of the rules that can run, as often as ops.def says, and its arguments."""
    chosen = machine.choose(draw(machine.numbers))
    return chosen, draw(chosen.arguments_strategy)


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


@st.composite
def _addresses(draw: Any) -> Any:
    """Where something can be made, where something is already, or anywhere.

    As many choices are drawn in every state: what comes after them keeps its meaning when Hypothesis
    takes a step before it away.
    """
    machine = draw(st.runner())
    number, where = divmod(draw(st.integers(0, 255)), 4)
    slots = (machine.unused, machine.touched, [], [])[where]
    if slots:
        return operand(Kind.PADDR, slots[number % len(slots)])
    telling = telling_operands(Kind.PADDR, machine.slots)
    return telling[number % len(telling)]


@st.composite
def _metadata(draw: Any) -> Any:
    """Of the types that the run is about."""
    machine = draw(st.runner())
    return draw(metadata(frozenset(machine.types)))


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
    if kind in (Kind.SLOT, Kind.PATH) or (op.is_setup and kind is not Kind.COUNT):
        return _candidates(op, at)
    if kind is Kind.PADDR and _needs_raw_address(op, trial):
        return RAW_ADDRESSES
    if kind is Kind.LENGTH and _needs_raw_address(op, trial):
        return _candidates(op, at)
    if kind is Kind.PADDR:
        return _addresses()
    return _metadata() if kind is Kind.META else _anywhere(kind)


def argument_names(op: Op) -> list[str]:
    """The kinds in small letters; a second one of a kind is numbered."""
    kinds = [kind.name.lower() for kind in op.operands]
    return [
        name if kinds.index(name) == i else f"{name}{kinds[: i + 1].count(name)}"
        for i, name in enumerate(kinds)
    ]


def _rule(op: Op, trial: Trial) -> Any:
    names = argument_names(op)

    def run(self: SlotMachine, **arguments: Any) -> Any:
        return self._run(op, tuple([arguments[name] for name in names]))

    run.__name__ = run.__qualname__ = op.name
    run.__doc__ = op.text
    arguments = {name: _argument(op, at, trial) for at, name in enumerate(names)}
    target = BUNDLES.get(op.makes, RAW_ADDRESSES)
    return rule(target=target, **arguments)(
        precondition(lambda self: self.is_possible(op))(run)
    )


def _begin_rule(groups: tuple[str, ...]) -> Any:
    """Every fourth run has all of the groups, the others one to three."""
    some = [set(chosen) for n in (1, 2, 3) for chosen in combinations(groups, n)]
    all_: set[str] = set()

    def begin(
        self: SlotMachine, slots: int, only: set[str], metadata: set[int], setups: int
    ) -> None:
        self._start(slots, only, metadata, setups)

    return initialize(
        slots=st.sampled_from(SLOTS),
        only=st.sampled_from([all_] * (len(some) // 3 + 1) + some),
        metadata=_TYPES,
        setups=st.integers(0, 3),
    )(begin)


def state_machine(
    subject: AnySubject, groups: Iterable[str] = GROUPS, name: str = "SlotMachine"
) -> type[SlotMachine]:
    """A state machine over the operations of these groups that the subject offers, and over those
    that make of nothing what they take.

    Its `TestCase` is a unittest; `hypothesis.stateful.run_state_machine_as_test` runs it, too.
    Raises SlotcheckError if there is no such operation.
    """
    trial = Trial(subject)
    wanted = _with_sources(groups)
    offered = tuple(
        op
        for op in OPS.values()
        if op in wanted and lib.subject_offers(subject.pointer, op.number)
    )
    if not offered:
        raise SlotcheckError(f"{subject.name} offers none of the operations")
    attributes = {op.name: _rule(op, trial) for op in offered}
    attributes["begin"] = _begin_rule(tuple(groups))
    # One that can always run comes first.
    ordered = tuple(sorted(offered, key=lambda op: op is not OPS["get_slot"]))
    return type(name, (SlotMachine,), {"trial": trial, "ops": ordered, **attributes})
