# SPDX-License-Identifier: MPL-2.0
"""Laws: round trips, the translations of Repr, the address map, integers that have no bounds."""

from __future__ import annotations

from typing import Any

import pytest
import restated
from hypothesis import assume, given
from hypothesis import strategies as st
from slotcheck import oracle, states
from slotcheck.oracle import (
    FRAME_METADATA_RANGE,
    META_SLOT_SIZE,
    PAGE_SIZE,
    PREDICATES,
    TRANSLATIONS,
    Reference,
    Result,
    SpecCall,
)

# --- there and back ---

#: Operations that one after another leave nothing, with the same arguments.
_ROUND_TRIPS = (
    ("frame_into_raw", "frame_from_raw"),
    ("frame_from_raw", "frame_into_raw"),
    ("unique_frame_into_raw", "unique_frame_from_raw"),
    ("unique_frame_from_raw", "unique_frame_into_raw"),
    ("frame_clone", "frame_drop"),
    ("frame_from_in_use", "frame_drop"),
    ("frame_map", "frame_unmap"),
    ("frame_unmap", "frame_map"),
    ("mmio_map", "mmio_unmap"),
    ("mmio_unmap", "mmio_map"),
    ("unique_frame_try_from", "frame_from_unique"),
    ("segment_clone", "segment_drop"),
    ("segment_into_raw", "segment_from_raw"),
)


def _calls(state: Reference, drawn: SpecCall) -> list[SpecCall]:
    """The call at each slot, its lengths such that a segment is the frame there."""
    calls = []
    for i in range(state.owners.max_meta_slots):
        call = drawn.copy()
        call.paddr, call.end = i * PAGE_SIZE, (i + 1) * PAGE_SIZE
        call.length = (PAGE_SIZE, PAGE_SIZE)
        calls.append(call)
    return calls


@given(states.lawful_state(), states.calls())
def test_round_trips(state: Reference, drawn: SpecCall) -> None:
    for there, back in _ROUND_TRIPS:
        for call in _calls(state, drawn):
            if not oracle.requires(state, there, call):
                continue
            outcome, between = oracle.step(state, there, call)
            if outcome.result == Result.OK:
                after = oracle.step(between, back, call).post
                assert after == state, f"{there}, {back} at {call.paddr:#x}"


@given(states.lawful_lists(), st.sampled_from(("front", "back")))
def test_what_is_pushed_pops(state: Reference, end: str) -> None:
    link = oracle.MetaSlotStorage.frame_link(payload=3)
    unused = [i for i, o in state.owners.slot_owners.items() if o.status.name == "UNUSED"]
    assume(unused and state.owners.lists[0].is_live and not state.owners.lists[0].has_cursor)
    call = SpecCall(paddr=unused[0] * PAGE_SIZE, metadata=link)
    state = oracle.step(state, "unique_frame_from_unused", call).post
    state = oracle.step(state, "list_contains", call).post  # the list has an id from here on
    pushed = oracle.step(state, f"list_push_{end}", call).post
    outcome, popped = oracle.step(pushed, f"list_pop_{end}", call)
    assert outcome.value == restated.meta_addr(unused[0])
    assert popped == state


@given(states.lawful_state(), states.calls())
def test_allocation_is_claim_and_repark(state: Reference, drawn: SpecCall) -> None:
    """Frame::from_unused does to the region what get_from_unused and re-parking do, and owes."""
    for call in _calls(state, drawn):
        call.as_unique = False
        if not oracle.requires(state, "frame_from_unused", call):
            continue
        outcome, made = oracle.step(state, "frame_from_unused", call)
        claimed, between = oracle.step(state, "get_from_unused", call)
        assert claimed == outcome
        if outcome.result == Result.OK:
            after = oracle.step(between, "repark", call).post
            assert after.owners.slot_owners == made.owners.slot_owners
            assert after.owners.slots == made.owners.slots
            assert made.owners.frame_obligations != after.owners.frame_obligations


# --- Repr ---


@given(states.any_metadata(), states.any_inner_perms())
def test_translations_of_metadata(view: oracle.Metadata, perm: oracle.MetadataInnerPerms) -> None:
    written = oracle.metadata_to_repr_spec(view, perm)
    assert written == restated.to_repr(view, perm)
    assert oracle.metadata_from_repr_spec(written.r, written.perm) == view
    assert oracle.metadata_from_to_repr(view, written)
    assert oracle.metadata_to_repr_wf(written)
    assert oracle.ensures_metadata_to_repr(view, perm, written)


@given(states.any_inner_perms(), states.any_cells())
def test_translations_of_permissions(
    perm: oracle.MetadataInnerPerms, other: oracle.MetaSlotCells
) -> None:
    r = oracle.meta_slot_from_perm(perm)
    assert r == states.cells_of(perm)
    view = oracle.metadata_from_repr_spec(r, perm)
    assert view == restated.from_repr(perm)
    # The slot says which cells; what stands in them is the permissions'.
    assert view == oracle.metadata_from_repr_spec(other, perm)
    assert oracle.metadata_to_repr_spec(view, perm) == oracle.MetadataRepr(r, perm)
    assert oracle.metadata_to_from_repr(r, perm, view)
    for ensures in ("ensures_metadata_from_repr", "ensures_metadata_from_borrowed"):
        assert PREDICATES[ensures](r, perm, view)
    assert oracle.metadata_wf(r, perm)
    assert bool(oracle.metadata_wf(other, perm)) == (other == r)


@given(states.any_link(), states.any_inner_perms())
def test_translations_of_links(
    link: oracle.MetadataAsLink, perm: oracle.MetadataInnerPerms
) -> None:
    written = oracle.metadata_as_link_to_repr_spec(link, perm)
    assert written == restated.to_repr(restated.as_metadata(link), perm)
    view = oracle.metadata_as_link_from_repr_spec(written.r, written.perm)
    assert view == link == restated.as_link(restated.from_repr(written.perm))
    assert oracle.metadata_as_link_from_spec(oracle.metadata_from_spec(link)) == link
    assert oracle.metadata_from_spec(link) == restated.as_metadata(link)
    assert oracle.metadata_as_link_to_repr_spec(view, written.perm) == written
    assert oracle.metadata_as_link_to_from_repr(written.r, written.perm, view)
    assert oracle.link_wf(written.perm.storage.value, link)


@given(states.any_inner_perms(), states.any_value(oracle.MemContents), states.any_storage())
def test_parts_of_translations(
    perm: oracle.MetadataInnerPerms, contents: oracle.MemContents, stored: oracle.MetaSlotStorage
) -> None:
    number = perm.in_list.value
    counted = oracle.perm_u64_with(perm.ref_count, number)
    assert counted == oracle.AtomicPerm(perm.ref_count.id, number)
    typed = oracle.pptr_usize_with(perm.vtable_ptr, contents)
    assert typed == oracle.VtablePerm(perm.vtable_ptr.pptr, contents.is_init, contents.value)
    kept = oracle.inner_perms_from_metadata(stored, perm.storage)
    assert kept.id == perm.storage.id
    assert oracle.metadata_from_inner_perms(kept) == stored


@given(states.any_owner())
def test_views_of_owners(owner: oracle.MetaSlotOwner) -> None:
    model = oracle.meta_slot_owner_view(owner)
    assert model == restated.view(owner)
    assert oracle.meta_slot_status_of(model.ref_count) == model.status == owner.status
    # The model's invariant is weaker than the owner's.
    assert oracle.meta_slot_model_inv(model) or not oracle.meta_slot_owner_inv(owner)


@given(states.storages(), st.integers(0, 600))
def test_metadata_of_segments(metadata: oracle.MetaSlotStorage, i: int) -> None:
    """What the frames of a segment hold is of one type, and the first holds what was given."""
    call = SpecCall(metadata=metadata)
    assert oracle.segment_metadata(call, 0) == metadata
    other = oracle.segment_metadata(call, i)
    assert other.type == metadata.type
    if metadata.type == oracle.MetadataType.PROBE:
        assert other.payload == (metadata.payload + i) % 2**64


# --- the address map ---

#: The frames whose slots are in the range: the domain of the maps.
_FRAMES = st.integers(0, len(FRAME_METADATA_RANGE) // META_SLOT_SIZE - 1) | st.integers(0, 3)


@given(_FRAMES, st.integers(0, PAGE_SIZE - 1), st.integers(0, META_SLOT_SIZE - 1))
def test_address_maps_are_inverse(index: int, within_frame: int, within_slot: int) -> None:
    paddr, vaddr = index * PAGE_SIZE, restated.meta_addr(index)
    assert oracle.index_to_frame(index) == paddr
    assert oracle.frame_to_index(paddr + within_frame) == index
    assert oracle.meta_addr(index) == vaddr == oracle.frame_to_meta(paddr + within_frame)
    assert oracle.meta_to_frame(vaddr + within_slot) == paddr
    assert vaddr in FRAME_METADATA_RANGE
    assert oracle.address_map_meta_to_frame(paddr)
    assert oracle.address_map_frame_to_meta(vaddr)
    assert bool(oracle.address_map_meta_to_frame(paddr + within_frame)) == (within_frame == 0)
    assert bool(oracle.address_map_frame_to_meta(vaddr + within_slot)) == (within_slot == 0)


@given(states.paddrs(), states.addresses())
def test_address_maps_beyond_the_range(paddr: int, vaddr: int) -> None:
    """As with integers that have no bounds, as long as what they map to has 64 bits."""
    for name, argument in (
        ("frame_to_index", paddr),
        ("frame_to_meta", paddr),
        ("index_to_frame", vaddr),
        ("meta_addr", paddr),
        ("meta_to_frame", vaddr),
    ):
        wanted = getattr(restated, name)(argument)
        if 0 <= wanted < 2**64:
            assert TRANSLATIONS[name](argument) == wanted, name


@given(states.any_region(), states.paddrs())
def test_safe_slots(region: oracle.MetaRegionOwners, paddr: int) -> None:
    wanted = paddr % PAGE_SIZE == 0 and paddr < region.max_meta_slots * PAGE_SIZE
    assert oracle.has_safe_slot(region, paddr) == wanted


# --- integers without bounds ---


def _with_count(count: int) -> oracle.MetaRegionOwners:
    region = oracle.boot(1).owners
    region.slot_owners[0].inner_perms.ref_count.value = count
    return region


@given(states.counts(), states.counts())
def test_one_more_never_wraps(before: int, after: int) -> None:
    verdict = oracle.get_from_in_use_success(0, _with_count(before), _with_count(after))
    assert verdict["get_from_in_use_success/ref_count"] == (after == before + 1)
    wrapped = oracle.get_from_in_use_success(0, _with_count(2**64 - 1), _with_count(0))
    assert not wrapped["get_from_in_use_success/ref_count"]


@given(states.small_numbers(), states.small_numbers())
def test_obligations_never_wrap(before: int, after: int) -> None:
    pre, post = oracle.boot(1).owners, oracle.boot(1).owners
    pre.frame_obligations[0], post.frame_obligations[0] = before, after
    assert bool(oracle.live_frame_obligations_ok_spec(0, pre, post)) == (after == before + 1)


@given(states.counts())
def test_inc_ref_count_spec_casts(count: int) -> None:
    """The one place where the source writes `as u64`."""
    pre = oracle.meta_slot_owner_view(_with_count(count).slot_owners[0])
    post = pre.copy()
    post.ref_count = (count + 1) % 2**64
    assert oracle.inc_ref_count_spec(pre, post)


@given(st.sampled_from((1, 2, oracle.REF_COUNT_MAX)), *[states.small_numbers()] * 2, st.booleans())
def test_accounting_never_wraps(count: int, live: int, forgotten: int, by_segments: bool) -> None:
    """The holders are added up without bounds; here their sum is the count, modulo 2**64."""
    region = _with_count(count)
    region.slot_owners[0].usage = oracle.PageUsage.FRAME
    rest = (count - live - forgotten) % 2**64
    holders = oracle.SlotHolders(live_frames=live, forgotten_frames=forgotten)
    if by_segments:
        holders.segments = rest
    else:
        holders.forgotten_frames = (forgotten + rest) % 2**64
    held = holders.live_frames + holders.forgotten_frames + holders.segments
    assert held % 2**64 == count
    verdict = oracle.accounting(region, 0, holders)
    assert verdict["accounting/ref_count"] == (held == count)


@given(*[states.small_numbers()] * 2)
def test_obligations_are_added_without_bounds(frames: int, unique_frames: int) -> None:
    region = oracle.boot(1).owners
    region.frame_obligations[0] = (frames + unique_frames) % 2**64
    holders = oracle.SlotHolders(live_frames=frames, live_unique_frames=unique_frames)
    verdict = oracle.accounting(region, 0, holders)
    assert verdict["accounting/frame_obligations"] == (frames + unique_frames < 2**64)


# --- all of them ---


def test_every_translation_has_a_property() -> None:
    """A new translation fails here until there is a law of it."""
    laws = open(__file__, encoding="utf-8").read()
    missing = [name for name in TRANSLATIONS if f"oracle.{name}(" not in laws]
    assert [name for name in missing if f'"{name}"' not in laws] == []


@pytest.mark.parametrize("number", (-1, 2**64, 2**64 + PAGE_SIZE))
def test_numbers_of_more_than_64_bits_are_refused(number: int) -> None:
    for name in ("frame_to_index", "index_to_frame", "frame_to_meta", "meta_to_frame"):
        with pytest.raises(oracle.SpecValueError, match="not within"):
            call: Any = TRANSLATIONS[name]
            call(number)
