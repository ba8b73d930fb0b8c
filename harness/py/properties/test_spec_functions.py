# SPDX-License-Identifier: MPL-2.0
"""Every predicate against its restatement, clause by clause, also on states out of reach."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Callable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from restated import RESTATED
from slotcheck import oracle, states
from slotcheck.oracle.convert import region_as_change, to_c
from slotcheck.oracle.functions import PREDICATES

Arguments = Sequence[Any]
#: What has been seen of each clause, over the life of the process.
SEEN: dict[str, set[bool]] = defaultdict(set)


def check(name: str, arguments: Arguments, in_c: Arguments | None = None) -> None:
    """The predicate says of these arguments what its restatement says."""
    wanted = RESTATED[name](*arguments)
    predicate = PREDICATES[name]
    verdict = predicate.judge(list(in_c)) if in_c is not None else predicate(*arguments)
    assert dict(verdict) == wanted, f"{name}{tuple(arguments)}"
    assert bool(verdict) == all(wanted.values())
    for clause, holds in wanted.items():
        SEEN[clause].add(holds)


# --- what is drawn ---


@st.composite
def _models(draw: st.DrawFn) -> Arguments:
    pre = draw(states.any_model())
    post = pre.copy()
    post.ref_count = (pre.ref_count + 1) % 2**64
    return pre, draw(states.changed(post))


@st.composite
def _slots(draw: st.DrawFn) -> Arguments:
    owner = draw(states.any_owner())
    return draw(states.changed(states.cells_of(owner.inner_perms))), owner


@st.composite
def _views(draw: st.DrawFn) -> Arguments:
    """A slot with permissions, and a view of it: what was read or is to be written."""
    was = draw(states.any_repr())
    link = draw(st.booleans())
    if link and draw(st.booleans()):
        states.hold(was.perm, draw(states.links()))
    make = oracle.metadata_as_link_from_repr_spec if link else oracle.metadata_from_repr_spec
    return was, draw(states.changed(make(was.r, was.perm))), link


@st.composite
def _links(draw: st.DrawFn) -> Arguments:
    link = draw(states.any_link())
    stored = oracle.metadata_from_spec(link).metadata
    return draw(states.any_storage() | states.changed(stored)), draw(states.changed(link))


@st.composite
def _allocated(draw: st.DrawFn) -> Arguments:
    paddr = draw(states.paddrs().filter(lambda paddr: paddr < 2**51))
    addr = oracle.frame_to_meta(paddr)
    ptr = draw(st.sampled_from((addr, addr, addr + 64)))
    return paddr, ptr, draw(states.changed(oracle.MetaSlotPerm(addr, ptr, True)))


# --- predicates of few values ---

_SINGLE: dict[str, Callable[[], st.SearchStrategy[Arguments]]] = {
    "lemma_layout": lambda: st.tuples(st.sampled_from((0, 63, 64, 65)) | states.addresses()),
    "cast_slot": lambda: states.any_perm().flatmap(
        lambda perm: st.tuples(st.just(perm.addr) | states.addresses(), st.just(perm))
    ),
    "get_from_unused_inner_perms_spec": lambda: st.tuples(
        st.booleans(), states.any_inner_perms()
    ),
    "get_from_unused_perm_spec": _allocated,
    "inc_ref_count_panic_cond": lambda: st.tuples(states.any_value(oracle.AtomicPerm)),
    "frame_paddr_safety_cond": lambda: st.tuples(states.any_perm()),
    "drop_last_in_place_safety_cond": lambda: st.tuples(states.any_owner()),
    "inc_ref_count_spec": _models,
    "wf": _slots,
    "link_wf": _links,
    "meta_slot_owner_inv": lambda: st.tuples(states.any_owner()),
    "meta_slot_model_inv": lambda: st.tuples(states.any_model()),
    "address_map_meta_to_frame": lambda: st.tuples(states.paddrs()),
    "address_map_frame_to_meta": lambda: st.tuples(states.addresses()),
}


@pytest.mark.parametrize("name", _SINGLE)
@given(data=st.data())
def test_predicate_of_a_value(name: str, data: st.DataObject) -> None:
    check(name, data.draw(_SINGLE[name]()))


# --- predicates of a slot, permissions, and a view ---

_OF_VIEWS = {
    False: (
        "metadata_wf",
        "ensures_metadata_to_repr",
        "ensures_metadata_from_repr",
        "ensures_metadata_from_borrowed",
        "metadata_from_to_repr",
        "metadata_to_from_repr",
        "metadata_to_repr_wf",
    ),
    True: (
        "metadata_as_link_wf",
        "ensures_metadata_as_link_to_repr",
        "ensures_metadata_as_link_from_repr",
        "ensures_metadata_as_link_from_borrowed",
        "metadata_as_link_from_to_repr",
        "metadata_as_link_to_from_repr",
        "metadata_as_link_to_repr_wf",
    ),
}


def _check_view(name: str, was: oracle.MetadataRepr, view: Any, res: oracle.MetadataRepr) -> None:
    named = {"r": was.r, "perm": was.perm, "self": view, "res": view}
    if name.endswith("to_repr") or name.endswith("to_repr_wf"):
        named["res"] = res
    check(name, [named[argument.name] for argument in PREDICATES[name].arguments])


@given(_views(), st.data())
def test_predicates_of_a_view(drawn: Arguments, data: st.DataObject) -> None:
    was, view, link = drawn
    write = oracle.metadata_as_link_to_repr_spec if link else oracle.metadata_to_repr_spec
    written = data.draw(states.changed(write(view, was.perm)), label="written")
    for name in _OF_VIEWS[link]:
        _check_view(name, was, view, written)


# --- predicates of a region ---

_OF_PAIRS = (
    "get_from_unused_spec",
    "get_node_from_unused_spec",
    "slot_perm_extracted_spec",
    "slot_perm_reparked_spec",
    "live_frame_obligations_ok_spec",
    "live_frame_obligations_err_spec",
    "get_from_in_use_success",
)


def check_pair(paddr: int, as_unique: bool, pre: Any, post: Any) -> None:
    """All of them, with the state after as one of its own and as a change of the one before."""
    before = to_c(pre)
    for after in (to_c(post), region_as_change(post, before)):
        named = {"paddr": paddr, "as_unique": as_unique, "pre": pre, "post": post}
        in_c = {**named, "pre": before, "post": after}
        for name in _OF_PAIRS:
            names = [argument.name for argument in PREDICATES[name].arguments]
            check(name, [named[n] for n in names], [in_c[n] for n in names])


@given(states.region_pairs(), st.booleans())
def test_predicates_of_two_regions(drawn: Any, as_unique: bool) -> None:
    check_pair(drawn[0], as_unique, drawn[1], drawn[2])


@st.composite
def _regions(draw: st.DrawFn) -> Arguments:
    state = draw(states.lawful_state())
    slots = state.owners.max_meta_slots
    i = draw(st.integers(0, slots) | st.just(2**64 - 1))
    region = draw(states.changed_regions(state.owners, i))
    holders = draw(states.changed(state.holders.get(i, oracle.SlotHolders()), 1))
    start, end = draw(st.tuples(states.paddrs(slots), states.paddrs(slots)))
    return region, i, holders, start, end


def check_region(drawn: Arguments) -> None:
    region, i, holders, start, end = drawn
    in_c = to_c(region)
    check("meta_region_owners_inv", [region], [in_c])
    check("clean_inv", [region], [in_c])
    check("meta_region_owners_inv_at", [region, i], [in_c, i])
    check("in_list_inv_at", [region, i], [in_c, i])
    check("accounting", [region, i, holders], [in_c, i, to_c(holders)])
    check("segment_inv_at", [region, i, holders], [in_c, i, to_c(holders)])
    check("segment_inv", [region, start, end], [in_c, start, end])


@given(_regions())
def test_predicates_of_a_region(drawn: Arguments) -> None:
    check_region(drawn)


_KINDS = st.sampled_from(("list", "link", "owner"))


@st.composite
def _listed(draw: st.DrawFn) -> oracle.MetaRegionOwners:
    """A region with lists in it, a little damaged."""
    region = draw(states.lawful_lists()).owners
    for _ in range(draw(st.integers(0, 2))):
        i = draw(st.integers(0, region.max_meta_slots - 1))
        kind = draw(_KINDS)
        if kind == "list":
            at = draw(st.integers(0, 1))
            region.lists[at] = draw(states.changed(region.lists[at], 1))
        elif kind == "link":
            states.hold(region.slot_owners[i].inner_perms, draw(states.links()))
        else:
            region.slot_owners[i] = draw(states.changed(region.slot_owners[i], 1))
    return region


def check_lists(region: oracle.MetaRegionOwners) -> None:
    in_c = to_c(region)
    for at in range(3):
        check("linked_list_inv", [region, at], [in_c, at])
    for i in range(region.max_meta_slots + 1):
        check("in_list_inv_at", [region, i], [in_c, i])


@given(_listed())
def test_predicates_of_lists(region: oracle.MetaRegionOwners) -> None:
    check_lists(region)


@given(states.any_region())
def test_predicates_of_lists_anywhere(region: oracle.MetaRegionOwners) -> None:
    check_lists(region)


# --- all of them ---


@given(states.region_pairs())
def test_predicates_change_nothing(drawn: Any) -> None:
    """What they are given is what it was, down to the bytes of C."""
    paddr, pre, post = drawn
    before, after = to_c(pre), to_c(post)
    for name in _OF_PAIRS:
        named = {"paddr": paddr, "as_unique": True, "pre": before, "post": after}
        predicate = PREDICATES[name]
        predicate.judge([named[argument.name] for argument in predicate.arguments])
    assert oracle.from_c(before) == oracle.from_c(to_c(pre))
    assert oracle.from_c(after) == oracle.from_c(to_c(post))


def test_every_predicate_has_a_property() -> None:
    """A new predicate of the headers fails here until there is a restatement of it."""
    predicates = {name for name in PREDICATES if not name.startswith("judge_")}
    covered = {*_SINGLE, *_OF_VIEWS[False], *_OF_VIEWS[True], *_OF_PAIRS}
    covered |= {"meta_region_owners_inv", "meta_region_owners_inv_at", "clean_inv", "accounting"}
    covered |= {"segment_inv", "segment_inv_at", "in_list_inv_at", "linked_list_inv"}
    assert predicates == set(RESTATED)
    assert predicates == covered


# --- no clause is vacuous: not by chance, but by every change of one field ---


def _varied(arguments: Arguments) -> Iterator[list[Any]]:
    """The arguments, with every change of one field of one of them."""
    for at, argument in enumerate(arguments):
        if isinstance(argument, oracle.MetaRegionOwners):
            others: Iterator[Any] = states.region_variations(argument)
        elif isinstance(argument, oracle.Value):
            others = states.variations(argument)
        else:
            others = iter((argument, 1, argument + 64, 2**64 - 1))
        for other in others:
            yield [*arguments[:at], other, *arguments[at + 1 :]]


def _state(*ops: str) -> oracle.Reference:
    """A region after these operations, each on the second slot."""
    state = oracle.boot(2)
    metadata = oracle.MetaSlotStorage.frame_link(payload=7)
    if ops and ops[0] == "page_table_node_alloc":
        metadata = oracle.MetaSlotStorage.pt_node()
    for op in ops:
        state = oracle.step(state, op, paddr=0x1000, metadata=metadata).post
    return state


def _listed_state() -> oracle.Reference:
    """Three slots in one list, with a cursor, and another list that is empty."""
    state = oracle.boot(3)
    state = oracle.step(state, "list_new").post
    state = oracle.step(state, "list_new").post
    for paddr in (0, 0x1000, 0x2000):
        link = oracle.MetaSlotStorage.frame_link(payload=1)
        state = oracle.step(state, "unique_frame_from_unused", paddr=paddr, metadata=link).post
        state = oracle.step(state, "list_push_back", paddr=paddr).post
    return oracle.step(state, "list_cursor_front_mut").post


def _vary_values() -> None:
    state = _state("unique_frame_from_unused")
    owner, perm = state.owners.slot_owners[1], state.owners.slots[1]
    held = [oracle.boot(2).owners.slot_owners[1]]
    for count in (0, 1, states.REF_COUNT_UNIQUE):
        held.append(owner.copy())
        held[-1].inner_perms.ref_count.value = count
    more = oracle.meta_slot_owner_view(held[2])
    more.ref_count += 1
    link = oracle.metadata_as_link_from_repr_spec(perm.value, owner.inner_perms)
    link.next = link.prev = oracle.OptionalAddr(True, oracle.meta_addr(2))
    bases: list[tuple[str, Arguments]] = [
        ("lemma_layout", [64]),
        ("cast_slot", [perm.addr, perm]),
        ("get_from_unused_inner_perms_spec", [True, owner.inner_perms]),
        ("get_from_unused_perm_spec", [0x1000, perm.addr, perm]),
        ("inc_ref_count_panic_cond", [owner.inner_perms.ref_count]),
        ("frame_paddr_safety_cond", [perm]),
        ("drop_last_in_place_safety_cond", [owner]),
        ("inc_ref_count_spec", [oracle.meta_slot_owner_view(held[2]), more]),
        ("wf", [perm.value, owner]),
        ("link_wf", [oracle.metadata_from_spec(link).metadata, link]),
        ("address_map_meta_to_frame", [0x1000]),
        ("address_map_frame_to_meta", [perm.addr]),
        *(("meta_slot_owner_inv", [owner]) for owner in held),
        *(("meta_slot_model_inv", [oracle.meta_slot_owner_view(owner)]) for owner in held),
    ]
    for name, base in bases:
        for arguments in _varied(base):
            if name != "get_from_unused_inner_perms_spec" or isinstance(arguments[0], bool):
                check(name, arguments)
    assert {name for name, _ in bases} == set(_SINGLE)


def _vary_views() -> None:
    state = _state("unique_frame_from_unused")
    was = oracle.MetadataRepr(
        state.owners.slots[1].value, state.owners.slot_owners[1].inner_perms
    )
    for read, write, link in (
        (oracle.metadata_from_repr_spec, oracle.metadata_to_repr_spec, False),
        (oracle.metadata_as_link_from_repr_spec, oracle.metadata_as_link_to_repr_spec, True),
    ):
        view = read(was.r, was.perm)
        for arguments in _varied([was, view, write(view, was.perm)]):
            for name in _OF_VIEWS[link]:
                _check_view(name, *arguments)


def _vary_regions() -> None:
    boot, shared = _state(), _state("frame_from_unused")
    for op in ("unique_frame_from_unused", "page_table_node_alloc", "get_from_unused"):
        check_pair(0x1000, op.startswith("unique"), boot.owners, _state(op).owners)
    more = _state("frame_from_unused", "frame_clone")
    for pre, post in ((boot, shared), (shared, more)):
        for region in states.region_variations(post.owners):
            check_pair(0x1000, False, pre.owners, region)
    holders = oracle.SlotHolders(live_frames=1, segments=1)
    for state in (boot, shared, _state("unique_frame_from_unused")):
        for region in states.region_variations(state.owners):
            check_region([region, 1, holders, 0x1000, 0x2000])
    for start, end in ((0, 0x4000), (1, 0x1000), (0x2000, 0x1000)):
        check("segment_inv", [boot.owners, start, end])
    for region in states.region_variations(_listed_state().owners):
        check_lists(region)


def test_no_clause_is_vacuous() -> None:
    """Each clause of each predicate has been seen to hold, and not to."""
    SEEN.clear()
    _vary_values()
    _vary_views()
    _vary_regions()
    asked = {clause.id for name in RESTATED for clause in PREDICATES[name].clauses}
    assert not {clause for clause in asked if SEEN[clause] != {True, False}}
