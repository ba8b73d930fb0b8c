# SPDX-License-Identifier: MPL-2.0
"""The reference implementation and the judge of every operation, from every lawful state."""

from __future__ import annotations

from typing import Iterator

import pytest
from hypothesis import Phase, assume, event, given, note, settings
from hypothesis import strategies as st
from slotcheck import oracle, states
from slotcheck.native import lib
from slotcheck.oracle import (
    PAGE_SIZE,
    PREDICATES,
    Reference,
    Result,
    SpecCall,
    SpecOutcome,
    to_c,
)
from slotcheck.oracle.convert import region_as_change
from slotcheck.vocabulary import GROUPS, OPS, Op, ops_of

#: The operations, by their groups; a group's are tried on every state that is drawn for it.
_BY_GROUP = {group: ops_of(group) for group in GROUPS}
_ERRORS = (
    Result.IN_USE,
    Result.UNUSED,
    Result.BUSY,
    Result.UNIQUE,
    Result.OUT_OF_BOUND,
    Result.NOT_ALIGNED,
    Result.RETURNED,
)
#: Err, and frames that were made and dropped again have changed their usage.
_ROLLED_BACK = ("segment_from_unused",)
#: Operations on more slots than that of their address.
_OF_MANY_SLOTS = ("list", "segment")
#: The suite's own, of which no clause says what else they leave alone.
_SETUPS = ("setup", "setup_list_id")


def _is_of_one_slot(op: Op) -> bool:
    return op.group not in _OF_MANY_SLOTS and op.name != "memory_range"


@st.composite
def _situations(draw: st.DrawFn) -> tuple[Reference, SpecCall]:
    state = draw(states.lawful_state(exempt=True))
    return state, draw(states.calls(state.owners.max_meta_slots))


def _moved(state: Reference, call: SpecCall) -> Iterator[SpecCall]:
    """The call, and it at the other slots; a segment up to the region's end, or as long as it is."""
    last = state.owners.max_meta_slots * PAGE_SIZE
    for paddr in (call.paddr, *range(0, last, PAGE_SIZE)):
        for end in (last, (paddr + call.end - call.paddr) % 2**64):
            moved = call.copy()
            moved.paddr, moved.end = paddr, end
            yield moved


def _admitted(
    state: Reference, call: SpecCall, ops: tuple[Op, ...]
) -> Iterator[tuple[Op, SpecCall]]:
    """Every operation that may be called, at the call's address or else at that of another slot."""
    in_c = to_c(state)
    calls = [(moved, to_c(moved)) for moved in _moved(state, call)]
    for op in ops:
        for moved, moved_in_c in calls:
            if lib.REQUIRES[op.number](in_c, moved_in_c):
                yield op, moved
                break


def check_invariants(state: Reference) -> None:
    """All invariants and the accounting, but of slots that are exempt."""
    owners = to_c(state.owners)
    for i in range(state.owners.max_meta_slots):
        if state.exempt.get(i):
            continue
        holders = to_c(state.holders.get(i, oracle.SlotHolders()))
        for name, arguments in (
            ("meta_region_owners_inv_at", [owners, i]),
            ("accounting", [owners, i, holders]),
            ("segment_inv_at", [owners, i, holders]),
            ("in_list_inv_at", [owners, i]),
        ):
            verdict = PREDICATES[name].judge(arguments)
            assert verdict, f"slot {i}: {verdict.explain()}"
    for at, owner in enumerate(state.owners.lists):
        verdict = PREDICATES["linked_list_inv"].judge([owners, at])
        assert verdict, f"list {at}: {verdict.explain()}"
        assert not owner.is_live or owner.list_id < state.next_list_id


def check_frame(op: Op, call: SpecCall, pre: Reference, post: Reference) -> None:
    """What the operation does not name is as it was."""
    index = call.paddr // PAGE_SIZE
    for i in range(pre.owners.max_meta_slots):
        if i == index:
            continue
        assert post.owners.slot_owners[i] == pre.owners.slot_owners[i]
        assert post.owners.slots.get(i) == pre.owners.slots.get(i)
        assert post.owners.frame_obligations.get(i) == pre.owners.frame_obligations.get(i)
        assert post.holders.get(i) == pre.holders.get(i)
        assert post.exempt.get(i) == pre.exempt.get(i)
    assert post.owners.lists == pre.owners.lists


def check_step(op: Op, call: SpecCall, pre: Reference, may_panic: bool = True) -> None:
    """The step satisfies its own relation, keeps the invariants, and changes what it may."""
    outcome, post = oracle.step(pre, op, call)
    note(f"{op.name} {call!r}: {outcome}")
    for as_change in (False, True):
        verdict = oracle.judge(op, pre.owners, post.owners, outcome, call, as_change=as_change)
        assert verdict, verdict.explain()
    if outcome.result in _ERRORS and op.name not in _ROLLED_BACK:
        assert post == pre
    if outcome.result != Result.PANIC:
        check_invariants(post)
    if _is_of_one_slot(op):
        check_frame(op, call, pre, post)


@pytest.mark.parametrize("group", _BY_GROUP)
@given(situation=_situations())
def test_a_step_satisfies_its_relation(group: str, situation: tuple[Reference, SpecCall]) -> None:
    pre, call = situation
    before = pre.copy()
    for op, admitted in _admitted(pre, call, _BY_GROUP[group]):
        event(op.name)
        check_step(op, admitted, pre)
    assert pre == before


@given(states.lawful_state(exempt=True))
def test_lawful_states_are_lawful(state: Reference) -> None:
    check_invariants(state)


# --- the judge sees what is beside the operation ---


def _damaged(state: Reference, index: int) -> Iterator[oracle.MetaRegionOwners]:
    """The region with something changed at a slot that the operation does not name."""
    for field in ("owner", "permission", "obligation"):
        region = state.owners.copy()
        if field == "owner":
            region.slot_owners[index].inner_perms.ref_count.value ^= 1
        elif field == "permission" and index in region.slots:
            region.slots[index].value.in_list_id ^= 1
        elif field == "obligation":
            owed = region.frame_obligations.get(index, 0)
            region.frame_obligations[index] = owed + 1
        else:
            continue
        yield region


@given(_situations())
def test_the_judge_sees_other_slots(situation: tuple[Reference, SpecCall]) -> None:
    pre, call = situation
    assume(pre.owners.max_meta_slots > 1)
    ops = tuple(op for op in OPS.values() if _is_of_one_slot(op) and op.name not in _SETUPS)
    for op, admitted in _admitted(pre, call, ops):
        outcome, post = oracle.step(pre, op, admitted)
        if outcome.result == Result.PANIC:
            continue
        other = 1 if admitted.paddr // PAGE_SIZE == 0 else 0
        judge = PREDICATES[f"judge_{op.name}"].judge
        before, asked = to_c(pre.owners), [to_c(admitted), to_c(outcome)]
        for region in _damaged(post, other):
            assert not judge([before, to_c(region), *asked]), op.name


@st.composite
def _anything(draw: st.DrawFn) -> tuple[oracle.MetaRegionOwners, ...]:
    pre = draw(states.any_region())
    return pre, draw(states.changed_regions(pre, 0, 3))


@given(_anything(), states.calls(), st.data())
def test_the_judge_is_total(
    regions: tuple[oracle.MetaRegionOwners, ...], call: SpecCall, data: st.DataObject
) -> None:
    """It answers in every state, and of every outcome; and the same however the state is kept."""
    pre, post = regions
    results = st.sampled_from(Result)
    addresses, storages = states.addresses(), states.any_storage()
    outcome = data.draw(st.builds(SpecOutcome, results, addresses, metadata=storages))
    before, asked = to_c(pre), [to_c(call), to_c(outcome)]
    alone, changed = to_c(post), region_as_change(post, before)
    for op in OPS.values():
        judge = PREDICATES[f"judge_{op.name}"]
        verdict = judge.judge([before, alone, *asked])
        assert dict(verdict) == dict(judge.judge([before, changed, *asked])), op.name


@given(states.any_region(), states.calls())
def test_preconditions_are_total(region: oracle.MetaRegionOwners, call: SpecCall) -> None:
    state, asked = to_c(Reference(owners=region)), to_c(call)
    for op in OPS.values():
        assert lib.REQUIRES[op.number](state, asked) in (True, False)


# --- every operation has been executed ---


class _AllExecuted(Exception):
    """Nothing is left to look for."""


def test_every_operation_is_executed() -> None:
    """The states that are drawn admit every operation, and let it succeed; not by chance."""
    missing = set(OPS.values())

    @settings(
        max_examples=2000,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
    )
    @given(_situations())
    def run(situation: tuple[Reference, SpecCall]) -> None:
        for op, call in _admitted(*situation, tuple(missing)):
            if oracle.step(situation[0], op, call).outcome.result == Result.OK:
                missing.remove(op)
        if not missing:
            raise _AllExecuted

    try:
        run()
    except _AllExecuted:
        pass
    assert not missing
    assert {op.name for ops in _BY_GROUP.values() for op in ops} == set(OPS)
