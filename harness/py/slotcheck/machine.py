# SPDX-License-Identifier: MPL-2.0
"""State machines: Hypothesis chooses operations, C judges them.

Every operation of ops.def becomes a rule, every kind of handle a bundle. A rule adds its operation
to a program that runs in lockstep on the subject and on the specification; the first divergence is
raised as an exception with a type of its own, so that Hypothesis shrinks it as one finding.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any, Callable, Iterable

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from slotcheck.arguments import argument_names, arguments
from slotcheck.handles import BUNDLES, RAW_ADDRESSES, LiveHandles
from slotcheck.native import ffi, lib, text_of
from slotcheck.program import Program
from slotcheck.trial import AnySubject, NothingOffered, OracleFault, Trial
from slotcheck.vocabulary import GROUPS, HANDLE_KINDS, OPS, Op

#: Machines over what belongs together: smaller ones meet more of it than one over everything.
MACHINES: dict[str, tuple[str, ...]] = {
    "everything": GROUPS,
    "frames": ("slot", "frame", "unique", "node", "boot"),
    "lists": ("list", "unique"),
    "segments": ("segment", "frame"),
    "mappings": ("map", "frame", "boot"),
    "views": ("repr", "list", "unique"),
}

#: Region sizes: small ones, in which operations meet, and some where an index needs more bits.
SLOTS = (1, 2, 3, 4, 8, 16, 33, 64, 512)

# Of all types links can do most: be in lists. Half of the runs have links alone, or all types.
_ALL_TYPES: tuple[int, ...] = ()
_LINKS = (lib.SPEC_METADATA_FRAME_LINK,)
_TYPES = [_ALL_TYPES, _LINKS, _ALL_TYPES, _LINKS, *((type_,) for type_ in range(lib.META_NR_TYPES))]

_EXECUTED = lib.STEP_EXECUTED


def _needs_no_handle(op: Op) -> bool:
    return not any(kind in HANDLE_KINDS for kind in op.operands)


# Operations that make a handle without taking one.
_SOURCES = frozenset(op for op in OPS.values() if op.makes and _needs_no_handle(op))


def _with_sources(groups: Iterable[str]) -> frozenset[Op]:
    """The operations of these groups, and those that make what they take of nothing."""
    ops = frozenset(op for op in OPS.values() if op.group in groups)
    taken = {kind for op in ops for kind in op.operands if kind in HANDLE_KINDS}
    return ops | {op for op in _SOURCES if op.makes in taken}


class SlotMachine(RuleBasedStateMachine):
    """What all state machines have in common; `state_machine` makes those that can be run."""

    trial: Trial
    ops: tuple[Op, ...] = ()
    #: Called at the end of each program, also of one that diverges, with it and with whether it has
    #: shown what none before it has.
    on_program: Callable[[Program, bool], None] | None = None

    def __init__(self) -> None:
        super().__init__()
        rules = {each.function.__name__: each for each in self.rules()}
        # Every rule has as many numbers as its operation's weight. A number means the same rule in
        # every state: that is what shrinking lives on.
        self._numbered = [rules[op.name] for op in self.ops for _ in range(op.weight)]
        self._numbers_of: dict[Op, range] = {}
        for op in self.ops:
            first = sum(map(len, self._numbers_of.values()))
            self._numbers_of[op] = range(first, first + op.weight)
        # Those of the rules that can run now; it is the same object all the time.
        self._can_run: set[int] = set()
        self.numbers = st.sampled_from(range(len(self._numbered))).filter(
            self._can_run.__contains__
        )
        # Hypothesis draws every rule as often as any other, and switches some off in each run, one
        # by one; in so many rules what belongs together rarely meets. Its run loop draws from this.
        assert hasattr(self, "_rules_strategy"), "another Hypothesis: rules would have no weight"
        self._rules_strategy: Any = _by_weight(self)
        self._trial = self.trial.pointer
        self._handles = LiveHandles(self._trial)
        self._possible = ffi.new("bool[]", lib.NR_OPS)
        self._values = ffi.new("uint16_t[]", lib.TRIAL_MAX_TRIED)
        self._report = ffi.new("struct clause_report *")
        self._off: frozenset[Op] = frozenset()
        self._setups = 0
        self._only_setups = False
        self._is_new = False
        #: Slots of the region; 0 before it is there.
        self.slots = 0
        #: The metadata types that this run is about.
        self.types: frozenset[int] = frozenset()
        #: Slots that operations have been about, and the first ones that nobody uses.
        self.touched: list[int] = []
        self.unused: list[int] = []

    # --- programs ---

    def _start(
        self, slots: int, only: tuple[str, ...], metadata: tuple[int, ...], setups: int
    ) -> None:
        """A region; of which groups of operations and with which types of metadata, empty meaning
        all; and how many operations that only come before others come first, if there are any."""
        self.types = frozenset(metadata or range(lib.META_NR_TYPES))
        self._setups = setups
        self._off = frozenset(self.ops) - _with_sources(only) if only else frozenset()
        self._begin(slots)

    def _begin(self, slots: int) -> None:
        self.trial.begin(slots)
        self.slots = lib.trial_trace(self._trial).nr_slots
        self._is_new = False
        self._handles.end_all()
        self.touched = []
        self._look_ahead()

    def _tell_program(self) -> None:
        tell = type(self).on_program
        if tell:
            tell(self.trial.program, self._is_new)

    def teardown(self) -> None:
        """Asks what is asked of a program that ends here."""
        if self.slots:
            try:
                self.trial.end()
            finally:
                self._tell_program()

    @invariant()
    def invariants_hold(self) -> None:
        """The invariants of the specification, of all slots and lists."""
        if self.slots and not lib.trial_invariants(self._trial, self._report):
            broken = lib.CLAUSES[self._report.failed[0]]
            raise OracleFault(f"the agreed state breaks {text_of(broken.id)}")

    # --- what can come next ---

    def _look_ahead(self) -> None:
        lib.trial_possible(self._trial, self._possible)
        self.unused = list(self._values[0 : lib.trial_unused(self._trial, self._values, 4)])
        self._only_setups = False
        self._only_setups = self._setups > 0 and any(
            op.is_setup and self.is_possible(op) for op in self.ops
        )
        possible = [op for op in self.ops if self.is_possible(op)]
        if not possible:
            # Hypothesis wants a rule that can run. This one is skipped, or does no harm.
            possible = [self.ops[0]]
            self._possible[self.ops[0].number] = True
            self._off -= {self.ops[0]}
        self._can_run.clear()
        for op in possible:
            # Where nothing is free, nearly all that makes something of nothing is refused alike.
            is_rare = op in _SOURCES and not self.unused
            self._can_run.update(self._numbers_of[op][0 : 1 if is_rare else None])

    def is_possible(self, op: Op) -> bool:
        """True if the operation can come next, in this run."""
        return (
            self._possible[op.number]
            and op not in self._off
            and (op.is_setup or not self._only_setups)
        )

    def rule_of(self, number: int) -> Any:
        """The rule of that number."""
        return self._numbered[number]

    def candidates(self, op: Op, at: int) -> list[int]:
        """The values of that operand with which the operation's precondition can hold now."""
        n = lib.trial_candidates(self._trial, op.number, at, self._values, len(self._values))
        return list(self._values[0 : min(n, len(self._values))]) or [0]

    def bundle(self, name: str) -> list[Any]:
        """What is in a bundle: nothing that an operation has consumed, or ended otherwise."""
        references = super().bundle(name)
        if name in self._handles.with_dead:
            self._handles.with_dead.discard(name)
            references[:] = [each for each in references if self.names_to_values[each.name].alive]
        return references

    # --- a step ---

    def _run(self, op: Op, values: tuple[Any, ...]) -> Any:
        operands = [self._handles.number(value) for value in values] + [0] * (3 - len(values))
        self._setups -= 1
        status = lib.trial_step(self._trial, op.number, *operands)
        if not lib.trial_goes_on(self._trial):
            self.trial.check()
            # Both sides panicked: that is the end of a program, and another one begins.
            self._tell_program()
            self._begin(self.slots)
            return multiple()
        self.trial.raise_pending()
        if status != _EXECUTED:
            return multiple()
        self._is_new = self._is_new or lib.trial_is_new(self._trial)
        self._touch(lib.trial_record(self._trial).paddr // lib.SPEC_PAGE_SIZE)
        made = self._handles.update(op, values)
        self._look_ahead()
        return multiple(*made)

    def _touch(self, slot: int) -> None:
        if slot < self.slots and slot not in self.touched:
            self.touched.append(slot)


# --- rules ---


@st.composite
def _by_weight(draw: Any, machine: SlotMachine) -> Any:
    """One of the rules that can run, as often as ops.def says, and its arguments."""
    chosen = machine.rule_of(draw(machine.numbers))
    return chosen, draw(chosen.arguments_strategy)


def _rule(op: Op, trial: Trial) -> Any:
    names = argument_names(op)

    def run(self: SlotMachine, **values: Any) -> Any:
        return self._run(op, tuple([values[name] for name in names]))

    run.__name__ = run.__qualname__ = op.name
    run.__doc__ = op.text
    target: Any = BUNDLES.get(op.makes, RAW_ADDRESSES)
    can_run = precondition(lambda self: self.is_possible(op))
    strategies: dict[str, Any] = arguments(op, trial)
    return rule(target=target, **strategies)(can_run(run))


def _begin_rule(groups: tuple[str, ...], trial: Trial) -> Any:
    """Every fourth run has all of the groups, the others one to three."""
    some = [chosen for n in (1, 2, 3) for chosen in combinations(groups, n)]
    all_: tuple[str, ...] = ()

    def begin(
        self: SlotMachine,
        slots: int,
        only: tuple[str, ...],
        metadata: tuple[int, ...],
        setups: int,
    ) -> None:
        event(f"groups: {', '.join(only) or 'all'}")
        event(f"slots: {slots}")
        self._start(slots, only, metadata, setups)

    return initialize(
        slots=st.sampled_from([slots for slots in SLOTS if trial.can_have(slots)]),
        only=st.sampled_from([all_] * (len(some) // 3 + 1) + some),
        metadata=st.sampled_from(_TYPES),
        setups=st.integers(0, 3),
    )(begin)


def state_machine(
    subject: AnySubject, groups: Iterable[str] = GROUPS, name: str = "SlotMachine"
) -> type[SlotMachine]:
    """A state machine over the operations of these groups that the subject offers, and over those
    that make of nothing what they take.

    Its `TestCase` is a unittest; `hypothesis.stateful.run_state_machine_as_test` runs it, too.
    Raises NothingOffered if none of them can be the first of a program.
    """
    trial = Trial(subject)
    wanted = _with_sources(groups)
    offered = [
        op
        for op in OPS.values()
        if op in wanted and lib.subject_offers(subject.pointer, op.number)
    ]
    if not any(_needs_no_handle(op) for op in offered):
        raise NothingOffered(f"{subject.name} offers no operation to begin with")
    rules = {op.name: _rule(op, trial) for op in offered}
    rules["begin"] = _begin_rule(tuple(groups), trial)
    # One that can always run comes first, if it is there.
    offered.sort(key=lambda op: op is not OPS["get_slot"])
    return type(name, (SlotMachine,), {"trial": trial, "ops": tuple(offered), **rules})
