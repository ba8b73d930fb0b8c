# SPDX-License-Identifier: MPL-2.0
"""Hypothesis strategies for abstract states.

`any_...` draws from everything that the types allow, also what no program reaches: counts beside
their sentinels, permissions to other slots, maps that miss an index. `lawful_...` draws states of
which the invariants hold, though perhaps no program reaches them. Every state shrinks towards a
region as after boot.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from operator import attrgetter
from typing import Any, Callable, Iterator, TypeVar, get_origin

from hypothesis import strategies as st

from slotcheck import oracle
from slotcheck.oracle.values import (
    FRAME_METADATA_RANGE,
    MAX_LISTS,
    META_SLOT_SIZE,
    NR_PATHS,
    PAGE_SIZE,
    REF_COUNT_MAX,
    REF_COUNT_UNIQUE,
    REF_COUNT_UNUSED,
    LinkedListOwner,
    Metadata,
    MetadataAsLink,
    MetadataInnerPerms,
    MetadataRepr,
    MetadataType,
    MetaRegionOwners,
    MetaSlotCells,
    MetaSlotModel,
    MetaSlotOwner,
    MetaSlotPerm,
    MetaSlotStorage,
    PageUsage,
    Paths,
    Reference,
    SlotExemption,
    SlotHolders,
    SpecCall,
    StoragePerm,
    Value,
    hints_of,
    kept,
)

V = TypeVar("V", bound=Value)

#: Slots of a region, at most, unless asked otherwise.
SLOTS = 3
#: The type of metadata that a view finds in storage that is uninit, which no slot stores.
ABSENT = 2**64 - 1
#: Counts at which something changes.
COUNTS = (
    REF_COUNT_UNUSED,
    0,
    1,
    2,
    3,
    REF_COUNT_UNIQUE,
    REF_COUNT_MAX - 1,
    REF_COUNT_MAX,
    REF_COUNT_MAX + 1,
    REF_COUNT_UNIQUE - 1,
)


def meta_addr(index: int) -> int:
    """The address of a slot, as an integer without bounds."""
    return FRAME_METADATA_RANGE.start + index * META_SLOT_SIZE


# Hypothesis checks a strategy once, and where it is made in a loop that costs more than drawing: so
# all of them are kept.


@kept
def _up_to(most: int) -> st.SearchStrategy[int]:
    return st.integers(0, most)


@kept
def _one_of(*choices: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(choices)


_BOOLEANS = st.booleans()

# --- numbers ---


@kept
def _u64() -> st.SearchStrategy[int]:
    return st.integers(0, 2**64 - 1)


@kept
def counts() -> st.SearchStrategy[int]:
    """Reference counts: mostly those at which something changes."""
    return st.sampled_from(COUNTS) | _u64()


@kept
def small_numbers() -> st.SearchStrategy[int]:
    """Small numbers, those at the other end, and any."""
    return st.sampled_from((0, 1, 2, 3, 2**63 - 1, 2**63, 2**64 - 1)) | _u64()


_ADDRESSES = (
    0,
    *(meta_addr(i) for i in range(SLOTS + 1)),
    meta_addr(1) + 40,
    meta_addr(1) + 1,
    meta_addr(1) + META_SLOT_SIZE // 2,
    FRAME_METADATA_RANGE.start - META_SLOT_SIZE,
    FRAME_METADATA_RANGE.stop - META_SLOT_SIZE,
    FRAME_METADATA_RANGE.stop,
    2**64 - META_SLOT_SIZE,
    2**64 - 1,
)

_EDGES = (meta_addr(1) + META_SLOT_SIZE // 2, FRAME_METADATA_RANGE.stop)


@kept
def addresses() -> st.SearchStrategy[int]:
    """Virtual addresses: of slots, of their cells, at the edges of the range, and any."""
    return st.sampled_from(_ADDRESSES) | _u64()


@kept
def paddrs(slots: int = SLOTS) -> st.SearchStrategy[int]:
    """Physical addresses: of frames, within frames, behind the last one, and any."""
    last = slots * PAGE_SIZE
    frames = st.integers(0, slots - 1).map(lambda i: i * PAGE_SIZE)
    odd = (last, last - 1, 1, PAGE_SIZE + 64, 2**51, 2**64 - PAGE_SIZE, 2**64 - 1)
    return frames | frames | frames | st.sampled_from(odd) | _u64()


@kept
def paths() -> st.SearchStrategy[Paths]:
    """Sets of page-table paths."""
    few: list[Paths] = [frozenset(some) for some in ((), (0,), (1,), (0, 1), (NR_PATHS - 1,))]
    return st.sampled_from(few) | st.frozensets(st.integers(0, NR_PATHS - 1), max_size=4)


# --- metadata ---


@kept
def links() -> st.SearchStrategy[MetaSlotStorage]:
    """Metadata that links to slots of a small region, or beside them."""
    neighbours = st.sampled_from((None, *_ADDRESSES[1 : SLOTS + 3]))
    return st.builds(MetaSlotStorage.frame_link, neighbours, neighbours, small_numbers())


@kept
def storages() -> st.SearchStrategy[MetaSlotStorage]:
    """Metadata of every type, as that type lays it out."""
    return st.one_of(
        small_numbers().map(MetaSlotStorage.probe),
        links(),
        st.binary(max_size=39).map(MetaSlotStorage.empty),
        st.just(MetaSlotStorage.untyped()),
        st.builds(
            MetaSlotStorage.pt_node,
            st.integers(1, 4),
            st.integers(0, 512),
            st.booleans(),
            st.integers(0, 255),
        ),
    )


@kept
def any_storage() -> st.SearchStrategy[MetaSlotStorage]:
    """The same, and any words of any type."""
    types = st.sampled_from((*MetadataType, 5, ABSENT))
    words = st.builds(MetaSlotStorage, types, st.tuples(*[small_numbers()] * 5))
    return storages() | storages() | words.map(lambda storage: settled(storage))


# --- any value of a type ---


def settled(value: V) -> V:
    """The value with zero where a flag says that nothing counts, which is the form that C keeps."""
    flag, guarded = type(value).ONLY_IF
    default = type(value)()
    if isinstance(value, StoragePerm) and value.value.type == ABSENT:
        value.is_init = False
    for name in hints_of(type(value)):
        field = getattr(value, name)
        if name in guarded and not getattr(value, flag):
            setattr(value, name, getattr(default, name))
        elif isinstance(field, Value):
            settled(field)
    if isinstance(value, MetaSlotStorage):
        _settle_link(value)
    return value


def _settle_link(storage: MetaSlotStorage) -> None:
    """A neighbour that is none is zero, and presence is 0 or 1."""
    if storage.type == ABSENT:
        storage.word = (0,) * 5
    if storage.type == MetadataType.FRAME_LINK:
        next_is_some, next_, prev_is_some, prev, payload = storage.word
        storage.word = (
            int(next_is_some > 0),
            next_ if next_is_some else 0,
            int(prev_is_some > 0),
            prev if prev_is_some else 0,
            payload,
        )


@kept
def _values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Anything that a field of this type can be."""
    notes = getattr(hint, "__metadata__", ())
    for note, strategy in (("count", counts), ("address", addresses)):
        if note in notes:
            return strategy()
    if "type" in notes:
        return st.sampled_from((*MetadataType, 77))
    if hint is bool:
        return st.booleans()
    if hint == Paths:
        return paths()
    if hint is MetaSlotStorage:
        return any_storage()
    if isinstance(hint, type) and issubclass(hint, IntEnum):
        return st.sampled_from(hint)
    if get_origin(hint) is tuple:
        return st.tuples(*[small_numbers()] * len(MetaSlotStorage().word))
    if isinstance(hint, type) and issubclass(hint, Value):
        return any_value(hint)
    return small_numbers()


@kept
def any_value(cls: type[V]) -> st.SearchStrategy[V]:
    """Any value of a class whose fields are numbers and such classes."""
    fields = tuple((name, _values_of(hint)) for name, hint in hints_of(cls).items())

    @st.composite
    def build(draw: st.DrawFn) -> V:
        value = cls()
        for name, strategy in fields:
            setattr(value, name, draw(strategy))
        return settled(value)

    return build()


def any_owner() -> st.SearchStrategy[MetaSlotOwner]:
    """Any MetaSlotOwner."""
    return any_value(MetaSlotOwner)


def any_perm() -> st.SearchStrategy[MetaSlotPerm]:
    """Any permission to a slot."""
    return any_value(MetaSlotPerm)


def any_inner_perms() -> st.SearchStrategy[MetadataInnerPerms]:
    """Any permissions to a slot's cells."""
    return any_value(MetadataInnerPerms)


def any_cells() -> st.SearchStrategy[MetaSlotCells]:
    """Any MetaSlot."""
    return any_value(MetaSlotCells)


def any_model() -> st.SearchStrategy[MetaSlotModel]:
    """Any MetaSlotModel, also with a status that is not its count's."""
    return any_value(MetaSlotModel)


def any_metadata() -> st.SearchStrategy[Metadata]:
    """Any view of a slot as Metadata."""
    return any_value(Metadata)


def any_link() -> st.SearchStrategy[MetadataAsLink]:
    """Any view of a slot as MetadataAsLink."""
    return any_value(MetadataAsLink)


def any_repr() -> st.SearchStrategy[MetadataRepr]:
    """Any slot with any permissions; half of them belong together."""
    return any_value(MetadataRepr) | any_inner_perms().map(
        lambda perm: MetadataRepr(cells_of(perm), perm)
    )


def cells_of(perm: MetadataInnerPerms) -> MetaSlotCells:
    """The slot that the permissions belong to."""
    return MetaSlotCells(perm.storage.id, perm.ref_count.id, perm.vtable_ptr.pptr, perm.in_list.id)


# --- changes ---

Change = Callable[[Any], None]


@kept
def _leaves(cls: type[Value]) -> tuple[tuple[tuple[str, ...], Any], ...]:
    """The fields of a class and of what is in it, with their types."""
    found: list[tuple[tuple[str, ...], Any]] = []
    for name, hint in hints_of(cls).items():
        if isinstance(hint, type) and issubclass(hint, Value) and hint is not MetaSlotStorage:
            found += [((name, *path), leaf) for path, leaf in _leaves(hint)]
        else:
            found.append(((name,), hint))
    return tuple(found)


@kept
def _changes_at(path: tuple[str, ...], hint: Any) -> st.SearchStrategy[Change]:
    def change_to(new: Any) -> Change:
        def change(value: Any) -> None:
            for name in path[:-1]:
                value = getattr(value, name)
            setattr(value, path[-1], new)

        return change

    return _values_of(hint).map(change_to)


@kept
def _leaf_of(cls: type[Value]) -> st.SearchStrategy[Any]:
    return st.sampled_from(_leaves(cls))


def _change(draw: st.DrawFn, value: V, at_most: int) -> V:
    new = value.copy()
    for _ in range(draw(_up_to(at_most))):
        path, hint = draw(_leaf_of(type(value)))
        draw(_changes_at(path, hint))(new)
    return settled(new)


@st.composite
def changed(draw: st.DrawFn, value: V, at_most: int = 2) -> V:
    """The value with a few of its fields, or of those of what is in it, replaced by any."""
    return _change(draw, value, at_most)


# --- every change of one field ---


def _telling(hint: Any, old: Any) -> list[Any]:
    """A few values that a field of this type can have, among them one that is not the old one."""
    notes = getattr(hint, "__metadata__", ())
    if "count" in notes:
        return [0, 1, REF_COUNT_MAX + 1, REF_COUNT_UNIQUE, REF_COUNT_UNUSED, (old + 1) % 2**64]
    if "address" in notes:
        return [0, (old + 1) % 2**64, (old + META_SLOT_SIZE) % 2**64, *_EDGES]
    if hint is bool:
        return [not old]
    if hint == Paths:
        return [frozenset(), frozenset({5})]
    if hint is MetaSlotStorage:
        return [MetaSlotStorage.probe(5), MetaSlotStorage.frame_link(payload=5)]
    if isinstance(hint, type) and issubclass(hint, IntEnum):
        return [member for member in hint if member != old]
    if get_origin(hint) is tuple:
        return [(*old[:i], old[i] ^ 1, *old[i + 1 :]) for i in range(len(old))]
    return [*MetadataType] if "type" in notes else [0, 1, 2**64 - 1]


def variations(value: V) -> Iterator[V]:
    """The value, and it with one field changed, of its own or of what is in it; all fields."""
    yield value
    for path, hint in _leaves(type(value)):
        holder: Any = value
        for name in path[:-1]:
            holder = getattr(holder, name)
        for new in _telling(hint, getattr(holder, path[-1])):
            copy = value.copy()
            target: Any = copy
            for name in path[:-1]:
                target = getattr(target, name)
            setattr(target, path[-1], new)
            yield settled(copy)


def region_variations(region: MetaRegionOwners) -> Iterator[MetaRegionOwners]:
    """The region, and it with one change at one index: all indices, all fields."""
    yield region
    for maps in ("slots", "slot_owners", "lists"):
        held = getattr(region, maps)
        for key in range(len(held)) if isinstance(held, list) else list(held):
            for new in variations(held[key]):
                copy = region.copy()
                getattr(copy, maps)[key] = new
                yield copy
    for index in range(region.max_meta_slots):
        for maps in ("slots", "slot_owners"):
            copy = region.copy()
            if getattr(copy, maps).pop(index, None) is not None:
                yield copy
        for count in (0, 1, 2):
            copy = region.copy()
            copy.frame_obligations[index] = count
            yield copy


@kept
def _boot(slots: int) -> MetaRegionOwners:
    return oracle.boot(slots).owners


def _claim(owner: MetaSlotOwner, usage: PageUsage, count: int) -> None:
    perms = owner.inner_perms
    owner.usage = usage
    perms.ref_count.value, perms.in_list.value = count, 0
    hold(perms, MetaSlotStorage.probe(7))


def hold(perms: MetadataInnerPerms, storage: MetaSlotStorage) -> None:
    """Stores metadata, with the vtable of its type."""
    perms.storage.is_init, perms.storage.value = True, storage
    perms.vtable_ptr.is_init, perms.vtable_ptr.value = True, storage.type


def _release(owner: MetaSlotOwner, count: int = REF_COUNT_UNUSED) -> None:
    owner.inner_perms.ref_count.value = count
    owner.inner_perms.storage.is_init = owner.inner_perms.vtable_ptr.is_init = False
    settled(owner)


def _add(owner: MetaSlotOwner, number: int) -> None:
    ref_count = owner.inner_perms.ref_count
    ref_count.value = (ref_count.value + number) % 2**64


#: What operations do to a slot's owner; without them a clause on two states would hardly ever hold.
_STEPS: tuple[Callable[[MetaSlotOwner], None], ...] = (
    lambda owner: _claim(owner, PageUsage.FRAME, 1),
    lambda owner: _claim(owner, PageUsage.FRAME, REF_COUNT_UNIQUE),
    lambda owner: _claim(owner, PageUsage.PAGE_TABLE, 1),
    lambda owner: _add(owner, 1),
    _release,
)


def _change_region(draw: st.DrawFn, region: MetaRegionOwners, index: int) -> None:
    """One change of the region at that index."""
    kind = draw(_one_of("step", "owner", "perm", "owed", "owned", "parked", "list"))
    owner, perm = region.slot_owners.get(index), region.slots.get(index)
    owed = region.frame_obligations.get(index, 0)
    if kind == "step" and owner:
        draw(_one_of(*_STEPS))(owner)
    elif kind == "owner" and owner:
        region.slot_owners[index] = _change(draw, owner, 1)
    elif kind == "perm" and perm:
        region.slots[index] = _change(draw, perm, 1)
    elif kind == "owed":
        more = draw(_one_of(1, 1, -1, 2**64 - 1))
        region.frame_obligations[index] = (owed + more) % 2**64
    elif kind == "owned":
        if region.slot_owners.pop(index, None) is None:
            region.slot_owners[index] = draw(any_owner())
    elif kind == "parked":
        if region.slots.pop(index, None) is None:
            region.slots[index] = draw(any_perm())
    elif kind == "list":
        i = draw(_up_to(1))
        region.lists[i] = _change(draw, region.lists[i], 1)


def _change_regions(
    draw: st.DrawFn, region: MetaRegionOwners, index: int, at_most: int
) -> MetaRegionOwners:
    new = region.copy()
    slots = _up_to(region.max_meta_slots - 1)
    for _ in range(draw(_up_to(at_most))):
        at = index if index < region.max_meta_slots and draw(_BOOLEANS) else draw(slots)
        _change_region(draw, new, at)
    return new


@st.composite
def changed_regions(
    draw: st.DrawFn, region: MetaRegionOwners, index: int = 0, at_most: int = 2
) -> MetaRegionOwners:
    """The region with a few changes, half of them at `index`."""
    return _change_regions(draw, region, index, at_most)


@st.composite
def _any_region(draw: st.DrawFn, slots: int) -> MetaRegionOwners:
    region = draw(lawful_region(slots))
    for index in range(region.max_meta_slots):
        if draw(_BOOLEANS):
            _change_region(draw, region, index)
        if draw(_up_to(9)) == 9:
            region.slot_owners[index] = draw(any_owner())
            region.slots[index] = draw(any_perm())
            region.frame_obligations[index] = draw(small_numbers())
    if draw(_up_to(3)) == 3:
        region.lists[draw(_up_to(MAX_LISTS - 1))] = draw(any_value(LinkedListOwner))
    return region


@kept
def any_region(slots: int = SLOTS) -> st.SearchStrategy[MetaRegionOwners]:
    """Any region of 1 to that many slots, also one that is in no lawful state."""
    return _any_region(slots)


# --- lawful states ---


@dataclass
class _Slot:
    """A slot of a lawful state that is being drawn."""

    draw: st.DrawFn
    state: Reference
    index: int

    @property
    def owner(self) -> MetaSlotOwner:
        return self.state.owners.slot_owners[self.index]

    def hold(self, count: int, usage: PageUsage = PageUsage.FRAME, **holders: int) -> None:
        """In use, with metadata; every live handle owes a drop."""
        self.owner.usage = usage
        self.owner.inner_perms.ref_count.value = count
        hold(self.owner.inner_perms, self.draw(storages()))
        self.state.holders[self.index] = SlotHolders(**holders)
        owed = holders.get("live_frames", 0) + holders.get("live_unique_frames", 0)
        if owed:
            self.state.owners.frame_obligations[self.index] = owed

    def exempt(self, exemption: SlotExemption) -> None:
        self.state.exempt[self.index] = exemption

    def map_at(self, number: int) -> int:
        """Maps the frame at up to that many paths that are free."""
        free = sorted(set(range(6)) - self.state.paths_in_use)[:number]
        self.owner.paths_in_pt = frozenset(free)
        self.state.paths_in_use |= self.owner.paths_in_pt
        return len(free)


def _unused(slot: _Slot) -> None:
    pass


def _used_once(slot: _Slot) -> None:
    slot.owner.usage = slot.draw(_one_of(PageUsage.FRAME, PageUsage.PAGE_TABLE))


def _mmio(slot: _Slot) -> None:
    slot.owner.usage = PageUsage.MMIO
    slot.map_at(slot.draw(_up_to(2)))


def _shared(slot: _Slot) -> None:
    draw = slot.draw
    live = draw(_up_to(2))
    segments = draw(_up_to(1))
    mapped = slot.map_at(draw(_one_of(0, 0, 1, 2)))
    rest = live + segments + mapped
    forgotten = draw(_one_of(0, 1, 2, REF_COUNT_MAX - 1 - rest, REF_COUNT_MAX - rest))
    if rest + forgotten == 0:
        live = 1
    slot.hold(
        live + segments + mapped + forgotten,
        live_frames=live,
        segments=segments,
        forgotten_frames=forgotten,
    )


def _covered(slot: _Slot) -> None:
    slot.hold(1, segments=1)
    hold(slot.owner.inner_perms, MetaSlotStorage.probe(slot.index))


def _node(slot: _Slot) -> None:
    slot.hold(1, PageUsage.PAGE_TABLE, live_frames=1)
    hold(slot.owner.inner_perms, MetaSlotStorage.pt_node())


def _reserved(slot: _Slot) -> None:
    usages = (PageUsage.RESERVED, PageUsage.META, PageUsage.KERNEL)
    slot.hold(1, slot.draw(_one_of(*usages)))


def _unique(slot: _Slot) -> None:
    slot.hold(REF_COUNT_UNIQUE, live_unique_frames=1)


def _loose_link(slot: _Slot) -> None:
    _unique(slot)
    hold(slot.owner.inner_perms, MetaSlotStorage.frame_link(payload=slot.index))


def _forgotten_unique(slot: _Slot) -> None:
    slot.hold(REF_COUNT_UNIQUE, forgotten_unique_frames=1)


def _dying(slot: _Slot) -> None:
    slot.hold(0)
    if slot.draw(_BOOLEANS):
        _release(slot.owner, 0)


_LAWFUL = (
    _unused,
    _used_once,
    _shared,
    _unique,
    _loose_link,
    _covered,
    _node,
    _reserved,
    _mmio,
    _forgotten_unique,
    _dying,
)


def _extracted(slot: _Slot) -> None:
    del slot.state.owners.slots[slot.index]
    slot.exempt(SlotExemption.EXTRACTED)
    if slot.draw(_BOOLEANS):
        slot.hold(REF_COUNT_UNIQUE, forgotten_unique_frames=1)
    else:
        slot.hold(1, forgotten_frames=1)


def _dropped(slot: _Slot) -> None:
    _unique(slot)
    _release(slot.owner, REF_COUNT_UNIQUE)
    slot.exempt(SlotExemption.DROPPED)


def _overflown(slot: _Slot) -> None:
    count = slot.draw(_one_of(REF_COUNT_MAX + 1, REF_COUNT_UNIQUE - 1))
    slot.hold(count, forgotten_frames=count)
    slot.exempt(SlotExemption.OVERFLOW)


def _link(state: Reference, list_: int, elements: list[int]) -> None:
    """Makes a list of slots that were unused."""
    owner = state.owners.lists[list_]
    owner.is_live, owner.list_id, owner.size = True, state.next_list_id, len(elements)
    state.next_list_id += 1
    addrs = [meta_addr(i) for i in elements]
    owner.front, owner.back = (addrs[0], addrs[-1]) if addrs else (0, 0)
    for at, i in enumerate(elements):
        slot = state.owners.slot_owners[i]
        slot.usage = PageUsage.FRAME
        slot.inner_perms.ref_count.value = REF_COUNT_UNIQUE
        slot.inner_perms.in_list.value = owner.list_id
        prev = addrs[at - 1] if at > 0 else None
        next_ = addrs[at + 1] if at + 1 < len(addrs) else None
        hold(slot.inner_perms, MetaSlotStorage.frame_link(next_, prev, payload=i))


def _draw_lists(draw: st.DrawFn, state: Reference, elements: list[int]) -> None:
    """Up to two lists of these slots, with a cursor or without."""
    order = draw(st.permutations(elements)) if len(elements) > 1 else elements
    cut = draw(_one_of(len(order), len(order), 0, 1))
    for list_, part in enumerate((order[:cut], order[cut:])):
        owner = state.owners.lists[list_]
        if part:
            _link(state, list_, list(part))
        else:
            owner.is_live = draw(_BOOLEANS)
        if owner.is_live and draw(_BOOLEANS):
            owner.has_cursor = True
            owner.current = draw(_one_of(0, *map(meta_addr, part)))


_Shape = Callable[[_Slot], None]


@kept
def _themes(exempt: bool) -> tuple[tuple[_Shape | None, ...], ...]:
    """What the slots of a state are like; none: elements of a list."""
    every = (*_LAWFUL, *((_extracted, _dropped, _overflown) if exempt else ()), None, None)
    # Some operations want several slots of a kind.
    return every, every, (_covered, _covered, _shared), (_loose_link, None, _unused)


@st.composite
def _lawful_state(draw: st.DrawFn, slots: int, exempt: bool) -> Reference:
    nr_slots = 1 + draw(_up_to(slots - 1))
    state = Reference(owners=_boot(nr_slots).copy())
    shapes = draw(_one_of(*_themes(exempt)))
    listed = []
    for index in range(nr_slots):
        shape = draw(_one_of(*shapes))
        if shape:
            shape(_Slot(draw, state, index))
        else:
            listed.append(index)
    if listed or draw(_up_to(3)) == 3:
        _draw_lists(draw, state, listed)
    state.holders = {i: held for i, held in state.holders.items() if held != SlotHolders()}
    return state


@kept
def lawful_state(slots: int = SLOTS, exempt: bool = False) -> st.SearchStrategy[Reference]:
    """A region of 1 to that many slots of which all invariants hold, and who holds what of it.

    With `exempt` it can be in the middle of what an operation begins and another one ends: of such
    a slot the invariants are not asked.
    """
    return _lawful_state(slots, exempt)


@st.composite
def _lists_alone(draw: st.DrawFn, slots: int) -> Reference:
    nr_slots = 1 + draw(_up_to(slots - 1))
    state = Reference(owners=_boot(nr_slots).copy())
    listed = [index for index in range(nr_slots) if draw(_up_to(3))]
    _draw_lists(draw, state, listed)
    return state


@kept
def lawful_lists(slots: int = SLOTS) -> st.SearchStrategy[Reference]:
    """A region of which most slots are elements of lists, and all else is unused."""
    return _lists_alone(slots)


@kept
def lawful_region(slots: int = SLOTS) -> st.SearchStrategy[MetaRegionOwners]:
    """The region of a lawful state."""
    return lawful_state(slots).map(attrgetter("owners"))


# --- pairs, and calls ---


@st.composite
def region_pairs(
    draw: st.DrawFn, slots: int = SLOTS
) -> tuple[int, MetaRegionOwners, MetaRegionOwners]:
    """An address, and a region before and after something happened to it, mostly to that frame."""
    pre = draw(any_region(slots) if draw(_BOOLEANS) else lawful_region(slots))
    paddr = draw(paddrs(pre.max_meta_slots))
    return paddr, pre, _change_regions(draw, pre, paddr // PAGE_SIZE, 3)


@kept
def _lengths(slots: int) -> st.SearchStrategy[int]:
    pages = _up_to(slots + 1).map(lambda n: n * PAGE_SIZE)
    odd = _one_of(1, PAGE_SIZE + 1, 2**64 - PAGE_SIZE, 2**64 - 1)
    return pages | pages | pages | odd


@st.composite
def calls(draw: st.DrawFn, slots: int = SLOTS) -> SpecCall:
    """Arguments of an operation, of all kinds at once, for a region of that many slots."""
    paddr = draw(paddrs(slots))
    lengths = _lengths(slots)
    return SpecCall(
        paddr=paddr,
        end=(paddr + draw(lengths)) % 2**64,
        length=(draw(lengths), draw(lengths)),
        list=draw(_up_to(2)),
        path=draw(_one_of(0, 1, 2, NR_PATHS - 1)),
        type=draw(_one_of(*MetadataType)),
        usage=draw(_one_of(*PageUsage)),
        count=draw(counts()),
        variant=draw(_one_of(*oracle.Variant)),
        as_unique=draw(_BOOLEANS),
        metadata=draw(storages()),
    )


__all__ = [
    "addresses",
    "any_cells",
    "any_inner_perms",
    "any_link",
    "any_metadata",
    "any_model",
    "any_owner",
    "any_perm",
    "any_region",
    "any_repr",
    "any_storage",
    "any_value",
    "calls",
    "changed",
    "changed_regions",
    "counts",
    "cells_of",
    "hold",
    "lawful_lists",
    "lawful_region",
    "lawful_state",
    "links",
    "paddrs",
    "paths",
    "region_pairs",
    "region_variations",
    "settled",
    "storages",
    "variations",
]
