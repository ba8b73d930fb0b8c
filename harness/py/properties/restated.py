# SPDX-License-Identifier: MPL-2.0
"""The specification once more, in Python: clause by clause, with integers that have no bounds.

Written from the formulas in the table of clauses, not from the C code. Every function returns what
each of its clauses is worth, by the clause's name; RESTATED has them by the predicate's name.

An index outside a map's domain belongs to no slot: what is found there is all zero, at no address.
"""

from __future__ import annotations

from typing import Callable, Iterator

from slotcheck.oracle import (
    FRAME_METADATA_RANGE,
    META_SLOT_SIZE,
    PAGE_SIZE,
    REF_COUNT_MAX,
    REF_COUNT_UNIQUE,
    REF_COUNT_UNUSED,
    AtomicPerm,
    LinkedListOwner,
    MemContents,
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
    MetaSlotStatus,
    MetaSlotStorage,
    OptionalAddr,
    PageUsage,
    SlotHolders,
    StoragePerm,
    VtablePerm,
)
from slotcheck.oracle.values import Value

Clauses = dict[str, bool]
#: What a view finds in storage that is uninit.
ABSENT = MetaSlotStorage(2**64 - 1)

RESTATED: dict[str, Callable[..., Clauses]] = {}


def restates(function: Callable[..., Clauses]) -> Callable[..., Clauses]:
    """Notes a restatement; its clauses are `function/clause` unless they name another function."""

    def full(*arguments: object) -> Clauses:
        clauses = function(*arguments)
        return {
            name if "/" in name else f"{function.__name__}/{name}": bool(holds)
            for name, holds in clauses.items()
        }

    RESTATED[function.__name__] = full
    return full


# --- the address map, on unbounded integers ---


def frame_to_index(paddr: int) -> int:
    return paddr // PAGE_SIZE


def index_to_frame(index: int) -> int:
    return index * PAGE_SIZE


def frame_to_meta(paddr: int) -> int:
    return FRAME_METADATA_RANGE.start + paddr // PAGE_SIZE * META_SLOT_SIZE


def meta_to_frame(vaddr: int) -> int:
    return (vaddr - FRAME_METADATA_RANGE.start) // META_SLOT_SIZE * PAGE_SIZE


def meta_addr(index: int) -> int:
    return FRAME_METADATA_RANGE.start + index * META_SLOT_SIZE


def status_of(count: int) -> MetaSlotStatus:
    if count in (REF_COUNT_UNUSED, REF_COUNT_UNIQUE):
        unused = count == REF_COUNT_UNUSED
        return MetaSlotStatus.UNUSED if unused else MetaSlotStatus.UNIQUE
    if count == 0:
        return MetaSlotStatus.UNDER_CONSTRUCTION
    return MetaSlotStatus.SHARED if count <= REF_COUNT_MAX else MetaSlotStatus.OVERFLOW


def view(owner: MetaSlotOwner) -> MetaSlotModel:
    perms = owner.inner_perms
    return MetaSlotModel(
        status=status_of(perms.ref_count.value),
        storage=perms.storage,
        ref_count=perms.ref_count.value,
        vtable_ptr=perms.vtable_ptr,
        in_list=perms.in_list.value,
        slot_vaddr=owner.slot_vaddr,
        usage=owner.usage,
    )


# --- maps ---


def owner_at(region: MetaRegionOwners, index: int) -> MetaSlotOwner:
    return region.slot_owners.get(index, MetaSlotOwner())


def without(mapping: dict[int, Value], index: int) -> dict[int, Value]:
    return {key: value for key, value in mapping.items() if key != index}


def bag(region: MetaRegionOwners, more: int | None = None) -> dict[int, int]:
    """The obligations as a multiset, with one more inserted."""
    counts = {index: count for index, count in region.frame_obligations.items() if count}
    if more is not None:
        counts[more] = counts.get(more, 0) + 1
    return counts


def others_kept(pre: MetaRegionOwners, post: MetaRegionOwners, index: int) -> bool:
    return without(pre.slot_owners, index) == without(post.slot_owners, index)


# --- spec functions of impl MetaSlot ---


@restates
def lemma_layout(size: int) -> Clauses:
    return {"size_of": size == 64, "vstd_size_of": size == 64}


@restates
def cast_slot(res: int, perm: MetaSlotPerm) -> Clauses:
    return {"ptr_addr": res == perm.addr, "addr": res == perm.addr}


@restates
def get_from_unused_inner_perms_spec(as_unique: bool, perms: MetadataInnerPerms) -> Clauses:
    return {
        "ref_count": perms.ref_count.value == (2**64 - 2 if as_unique else 1),
        "in_list": perms.in_list.value == 0,
        "storage": perms.storage.is_init,
        "vtable_ptr": perms.vtable_ptr.is_init,
    }


def _claimed(
    paddr: int, as_unique: bool, pre: MetaRegionOwners, post: MetaRegionOwners, usage: PageUsage
) -> Clauses:
    idx = frame_to_index(paddr)
    was, now = owner_at(pre, idx), owner_at(post, idx)
    return {
        "owners_dom": set(post.slot_owners) == set(pre.slot_owners),
        **get_from_unused_inner_perms_spec(as_unique, now.inner_perms),
        "usage": now.usage == usage,
        "slot_vaddr": now.slot_vaddr == was.slot_vaddr,
        "paths_in_pt": now.paths_in_pt == was.paths_in_pt,
        "others": others_kept(pre, post, idx),
        "pre_unused": was.inner_perms.ref_count.value == 2**64 - 1,
    }


@restates
def get_from_unused_spec(
    paddr: int, as_unique: bool, pre: MetaRegionOwners, post: MetaRegionOwners
) -> Clauses:
    return _claimed(paddr, as_unique, pre, post, PageUsage.FRAME)


@restates
def get_node_from_unused_spec(
    paddr: int, pre: MetaRegionOwners, post: MetaRegionOwners
) -> Clauses:
    return _claimed(paddr, False, pre, post, PageUsage.PAGE_TABLE)


@restates
def slot_perm_extracted_spec(paddr: int, pre: MetaRegionOwners, post: MetaRegionOwners) -> Clauses:
    return {"slots": post.slots == without(pre.slots, frame_to_index(paddr))}


@restates
def slot_perm_reparked_spec(paddr: int, pre: MetaRegionOwners, post: MetaRegionOwners) -> Clauses:
    idx = frame_to_index(paddr)
    return {
        "slots_dom": set(post.slots) == set(pre.slots),
        "others": all(
            post.slots.get(k, MetaSlotPerm()) == perm for k, perm in pre.slots.items() if k != idx
        ),
    }


@restates
def live_frame_obligations_ok_spec(
    paddr: int, pre: MetaRegionOwners, post: MetaRegionOwners
) -> Clauses:
    return {"frame_obligations": bag(post) == bag(pre, frame_to_index(paddr))}


@restates
def live_frame_obligations_err_spec(pre: MetaRegionOwners, post: MetaRegionOwners) -> Clauses:
    return {"frame_obligations": bag(post) == bag(pre)}


@restates
def get_from_unused_perm_spec(paddr: int, ptr: int, perm: MetaSlotPerm) -> Clauses:
    return {
        "ptr_addr": ptr == frame_to_meta(paddr),
        "perm_addr": perm.addr == frame_to_meta(paddr),
        "perm_init": perm.is_init,
        "perm_pptr": perm.pptr == ptr,
    }


@restates
def inc_ref_count_panic_cond(rc_perm: AtomicPerm) -> Clauses:
    return {"saturated": rc_perm.value >= 2**63 - 1}


@restates
def frame_paddr_safety_cond(perm: MetaSlotPerm) -> Clauses:
    return {
        "range": 0xFFFF_E000_0000_0000 <= perm.addr < 0xFFFF_E100_0000_0000,
        "aligned": perm.addr % 64 == 0,
    }


@restates
def get_from_in_use_success(paddr: int, pre: MetaRegionOwners, post: MetaRegionOwners) -> Clauses:
    idx = frame_to_index(paddr)
    was, now = owner_at(pre, idx), owner_at(post, idx)
    before, after = was.inner_perms, now.inner_perms
    return {
        "ref_count": after.ref_count.value == before.ref_count.value + 1,
        "ref_count_id": after.ref_count.id == before.ref_count.id,
        "storage": after.storage == before.storage,
        "vtable_ptr": after.vtable_ptr == before.vtable_ptr,
        "in_list": after.in_list == before.in_list,
        "slot_vaddr": now.slot_vaddr == was.slot_vaddr,
        "usage": now.usage == was.usage,
        "paths_in_pt": now.paths_in_pt == was.paths_in_pt,
        "others": others_kept(pre, post, idx),
    }


@restates
def drop_last_in_place_safety_cond(owner: MetaSlotOwner) -> Clauses:
    perms = owner.inner_perms
    return {
        "ref_count": perms.ref_count.value in (0, 2**64 - 2),
        "storage": perms.storage.is_init,
        "in_list": perms.in_list.value == 0,
        "paths_in_pt": not owner.paths_in_pt,
    }


@restates
def inc_ref_count_spec(pre: MetaSlotModel, post: MetaSlotModel) -> Clauses:
    rest = [name for name in MetaSlotModel.__match_args__ if name != "ref_count"]
    return {
        "ref_count": post.ref_count == (pre.ref_count + 1) % 2**64,  # "as u64"
        "rest": all(getattr(pre, name) == getattr(post, name) for name in rest),
    }


# --- wf of OwnerOf and of Repr ---


def _cells_agree(slot: MetaSlotCells, perms: MetadataInnerPerms) -> Clauses:
    return {
        "storage": slot.storage_id == perms.storage.id,
        "ref_count": slot.ref_count_id == perms.ref_count.id,
        "vtable_ptr": slot.vtable_ptr == perms.vtable_ptr.pptr,
        "in_list": slot.in_list_id == perms.in_list.id,
    }


@restates
def wf(self: MetaSlotCells, owner: MetaSlotOwner) -> Clauses:
    return _cells_agree(self, owner.inner_perms)


@restates
def metadata_wf(r: MetaSlotCells, perm: MetadataInnerPerms) -> Clauses:
    return _cells_agree(r, perm)


@restates
def metadata_as_link_wf(r: MetaSlotCells, perm: MetadataInnerPerms) -> Clauses:
    return {"metadata_wf": all(metadata_wf(r, perm).values())}


# --- the translations ---


def to_repr(self: Metadata, perm: MetadataInnerPerms) -> MetadataRepr:
    stored = self.metadata != ABSENT
    content = self.vtable_ptr
    new = MetadataInnerPerms(
        storage=StoragePerm(
            perm.storage.id, stored, self.metadata if stored else MetaSlotStorage()
        ),
        ref_count=AtomicPerm(perm.ref_count.id, self.ref_count),
        vtable_ptr=VtablePerm(perm.vtable_ptr.pptr, content.is_init, content.value),
        in_list=AtomicPerm(perm.in_list.id, self.in_list),
    )
    cells = MetaSlotCells(new.storage.id, new.ref_count.id, new.vtable_ptr.pptr, new.in_list.id)
    return MetadataRepr(cells, new)


def from_repr(perm: MetadataInnerPerms) -> Metadata:
    return Metadata(
        metadata=perm.storage.value if perm.storage.is_init else ABSENT,
        ref_count=perm.ref_count.value,
        vtable_ptr=MemContents(perm.vtable_ptr.is_init, perm.vtable_ptr.value),
        in_list=perm.in_list.value,
    )


def as_link(metadata: Metadata) -> MetadataAsLink:
    stored = metadata.metadata
    link = MetadataAsLink(
        ref_count=metadata.ref_count, vtable_ptr=metadata.vtable_ptr, in_list=metadata.in_list
    )
    if stored.type == MetadataType.FRAME_LINK:
        link.metadata = stored.payload
        link.next = OptionalAddr(stored.next is not None, stored.next or 0)
        link.prev = OptionalAddr(stored.prev is not None, stored.prev or 0)
    return link


def as_metadata(link: MetadataAsLink) -> Metadata:
    stored = MetaSlotStorage.frame_link(
        next=link.next.addr if link.next.is_some else None,
        prev=link.prev.addr if link.prev.is_some else None,
        payload=link.metadata,
    )
    return Metadata(stored, link.ref_count, link.vtable_ptr, link.in_list)


@restates
def ensures_metadata_to_repr(
    self: Metadata, perm: MetadataInnerPerms, res: MetadataRepr
) -> Clauses:
    spec = to_repr(self, perm)
    names = ("storage", "ref_count", "vtable_ptr", "in_list")
    return {
        **{
            f"metadata_to_repr_spec/{name}": getattr(res.perm, name) == getattr(spec.perm, name)
            for name in names
        },
        "metadata_to_repr_spec/slot": res.r == spec.r,
    }


@restates
def ensures_metadata_from_repr(
    r: MetaSlotCells, perm: MetadataInnerPerms, res: Metadata
) -> Clauses:
    spec = from_repr(perm)
    names = ("metadata", "ref_count", "vtable_ptr", "in_list")
    return {
        f"metadata_from_repr_spec/{name}": getattr(res, name) == getattr(spec, name)
        for name in names
    }


@restates
def ensures_metadata_from_borrowed(
    r: MetaSlotCells, perm: MetadataInnerPerms, res: Metadata
) -> Clauses:
    return RESTATED["ensures_metadata_from_repr"](r, perm, res)


@restates
def metadata_from_to_repr(self: Metadata, res: MetadataRepr) -> Clauses:
    return {"self": from_repr(res.perm) == self}


@restates
def metadata_to_from_repr(r: MetaSlotCells, perm: MetadataInnerPerms, res: Metadata) -> Clauses:
    back = to_repr(res, perm)
    return {"r": back.r == r, "perm": back.perm == perm}


@restates
def metadata_to_repr_wf(res: MetadataRepr) -> Clauses:
    return {"wf": all(metadata_wf(res.r, res.perm).values())}


@restates
def ensures_metadata_as_link_to_repr(
    self: MetadataAsLink, perm: MetadataInnerPerms, res: MetadataRepr
) -> Clauses:
    spec = to_repr(as_metadata(self), perm)
    return {
        "metadata_as_link_to_repr_spec/r": res.r == spec.r,
        "metadata_as_link_to_repr_spec/perm": res.perm == spec.perm,
    }


@restates
def ensures_metadata_as_link_from_repr(
    r: MetaSlotCells, perm: MetadataInnerPerms, res: MetadataAsLink
) -> Clauses:
    return {"metadata_as_link_from_repr_spec/self": res == as_link(from_repr(perm))}


@restates
def ensures_metadata_as_link_from_borrowed(
    r: MetaSlotCells, perm: MetadataInnerPerms, res: MetadataAsLink
) -> Clauses:
    return RESTATED["ensures_metadata_as_link_from_repr"](r, perm, res)


@restates
def metadata_as_link_from_to_repr(self: MetadataAsLink, res: MetadataRepr) -> Clauses:
    return {"self": as_link(from_repr(res.perm)) == self}


@restates
def metadata_as_link_to_from_repr(
    r: MetaSlotCells, perm: MetadataInnerPerms, res: MetadataAsLink
) -> Clauses:
    back = to_repr(as_metadata(res), perm)
    return {"r": back.r == r, "perm": back.perm == perm}


@restates
def metadata_as_link_to_repr_wf(res: MetadataRepr) -> Clauses:
    return {"wf": all(metadata_wf(res.r, res.perm).values())}


@restates
def link_wf(r: MetaSlotStorage, link: MetadataAsLink) -> Clauses:
    is_link = r.type == MetadataType.FRAME_LINK
    clauses = {"frame_link": is_link}
    for name in ("next", "prev"):
        typed: OptionalAddr = getattr(link, name)
        stored = getattr(r, name) if is_link else None
        agree = not is_link or (stored is not None) == typed.is_some
        clauses[f"{name}_presence"] = agree
        both = is_link and stored is not None and typed.is_some
        clauses[f"{name}_addr"] = not both or stored == typed.addr
    return clauses


@restates
def address_map_meta_to_frame(paddr: int) -> Clauses:
    return {"address_map/meta_to_frame": meta_to_frame(frame_to_meta(paddr)) == paddr}


@restates
def address_map_frame_to_meta(vaddr: int) -> Clauses:
    # Below the range an address is that of no frame: the frame would have a negative one.
    frame = meta_to_frame(vaddr)
    return {"address_map/frame_to_meta": frame >= 0 and frame_to_meta(frame) == vaddr}


# --- invariants ---


@restates
def meta_slot_owner_inv(owner: MetaSlotOwner) -> Clauses:
    perms, rc = owner.inner_perms, owner.inner_perms.ref_count.value
    unused, unique, shared = rc == 2**64 - 1, rc == 2**64 - 2, 0 < rc <= 2**63 - 1
    mapped = bool(owner.paths_in_pt) and owner.usage != PageUsage.MMIO
    return {
        "unused_storage": not unused or not perms.storage.is_init,
        "unused_vtable_ptr": not unused or not perms.vtable_ptr.is_init,
        "unused_in_list": not unused or perms.in_list.value == 0,
        "unused_paths_in_pt": not unused or not mapped,
        "unique_storage": not unique or perms.storage.is_init,
        "unique_vtable_ptr": not unique or perms.vtable_ptr.is_init,
        "unique_paths_in_pt": not unique or not mapped,
        "shared_storage": not shared or perms.storage.is_init,
        "shared_vtable_ptr": not shared or perms.vtable_ptr.is_init,
        "shared_in_list": not shared or perms.in_list.value == 0,
        "overflow": rc <= 2**63 - 1 or rc >= 2**64 - 2,
        "zero_in_list": rc != 0 or perms.in_list.value == 0,
        "slot_vaddr_range": 0xFFFF_E000_0000_0000 <= owner.slot_vaddr < 0xFFFF_E100_0000_0000,
        "slot_vaddr_aligned": owner.slot_vaddr % 64 == 0,
    }


@restates
def meta_slot_model_inv(model: MetaSlotModel) -> Clauses:
    rc, listed, init = model.ref_count, model.in_list != 0, model.vtable_ptr.is_init
    return {
        "unused_vtable_ptr": not (rc == 2**64 - 1 and init),
        "unused_in_list": not (rc == 2**64 - 1 and listed),
        "unique_vtable_ptr": not (rc == 2**64 - 2 and not init),
        "zero_in_list": not (rc == 0 and listed),
        "shared_vtable_ptr": not (1 <= rc <= 2**63 - 1 and not init),
        "overflow": not 2**63 - 1 < rc < 2**64 - 2,
    }


@restates
def meta_region_owners_inv_at(owners: MetaRegionOwners, i: int) -> Clauses:
    name = "meta_region_owners_inv"
    owned, parked = i in owners.slot_owners, i in owners.slots
    clauses = {
        f"{name}/owners_dom": (i < owners.max_meta_slots) == owned,
        f"{name}/slots_dom": owned == parked,
    }
    if owned and parked:
        owner, perm = owners.slot_owners[i], owners.slots[i]
        clauses |= {
            **RESTATED["meta_slot_owner_inv"](owner),
            f"{name}/perm_init": perm.is_init,
            f"{name}/perm_addr": perm.addr == meta_addr(i),
            **RESTATED["wf"](perm.value, owner),
            f"{name}/slot_vaddr": owner.slot_vaddr == meta_addr(i),
        }
    return clauses


@restates
def meta_region_owners_inv(owners: MetaRegionOwners) -> Clauses:
    clauses: Clauses = {}
    for i in range(owners.max_meta_slots):
        for name, holds in RESTATED["meta_region_owners_inv_at"](owners, i).items():
            clauses[name] = clauses.get(name, True) and holds
    return clauses


@restates
def clean_inv(owners: MetaRegionOwners) -> Clauses:
    inv = RESTATED["meta_region_owners_inv"](owners)
    return {**inv, "frame_obligations": not bag(owners)}


@restates
def segment_inv(owners: MetaRegionOwners, start: int, end: int) -> Clauses:
    return {
        "aligned": start % 4096 == 0 and end % 4096 == 0,
        "order": start <= end,
        "bound": end <= owners.max_meta_slots * 4096,
    }


@restates
def segment_inv_at(owners: MetaRegionOwners, i: int, holders: SlotHolders) -> Clauses:
    if not holders.segments:
        return {}
    owner = owner_at(owners, i)
    return {
        "segment_relate_regions/ref_count": 0 < owner.inner_perms.ref_count.value <= 2**63 - 1,
        "segment_relate_regions/usage": owner.usage == PageUsage.FRAME,
    }


@restates
def accounting(owners: MetaRegionOwners, i: int, holders: SlotHolders) -> Clauses:
    owner, handles = owner_at(owners, i), holders.live_frames + holders.live_unique_frames
    rc = owner.inner_perms.ref_count.value
    counted = owner.usage == PageUsage.FRAME and 1 <= rc <= 2**63 - 1
    references = holders.live_frames + holders.forgotten_frames + holders.segments
    return {
        "ref_count": not counted or rc == references + len(owner.paths_in_pt),
        "frame_obligations": bag(owners).get(i, 0) == handles,
        "unused": rc != 2**64 - 1 or handles + holders.segments == 0,
    }


# --- linked lists ---


def owner_of_addr(region: MetaRegionOwners, addr: int) -> MetaSlotOwner | None:
    """The owner of the slot at an address; None if no slot of the region is there."""
    index, offset = divmod(addr - FRAME_METADATA_RANGE.start, META_SLOT_SIZE)
    if offset or not 0 <= index < region.max_meta_slots:
        return None
    return owner_at(region, index)


def link_of(owner: MetaSlotOwner | None) -> MetaSlotStorage | None:
    """The link that is stored, if one is."""
    storage = owner.inner_perms.storage if owner else StoragePerm()
    is_link = storage.is_init and storage.value.type == MetadataType.FRAME_LINK
    return storage.value if is_link else None


def elements_of(region: MetaRegionOwners, list_: LinkedListOwner) -> list[int]:
    """From front on along the links, not further than size says, or than there are slots."""

    def walk() -> Iterator[int]:
        addr: int | None = list_.front or None
        for _ in range(min(list_.size, region.max_meta_slots)):
            if addr is None:
                return
            yield addr
            link = link_of(owner_of_addr(region, addr))
            # An address of 0 is that of no element.
            addr = (link.next or None) if link else None

    return list(walk())


def _related(region: MetaRegionOwners, list_: LinkedListOwner, elements: list[int]) -> Clauses:
    """relate_region_at of every element: of the slot, and of the link where there is one."""
    owners = [owner_of_addr(region, addr) for addr in elements]
    slots = [owner for owner in owners if owner]
    vtables = [owner.inner_perms.vtable_ptr for owner in slots]
    links = [(i, link_of(owner)) for i, owner in enumerate(owners)]
    prevs = [(elements[i - 1] if i else None, link.prev) for i, link in links if link]
    return {
        "slot": all(owners),
        "ref_count": all(o.inner_perms.ref_count.value == REF_COUNT_UNIQUE for o in slots),
        "usage": all(o.usage == PageUsage.FRAME for o in slots),
        "in_list": all(o.inner_perms.in_list.value == list_.list_id for o in slots),
        "storage": all(link_of(owner) for owner in slots),
        "vtable_ptr": all(v.is_init and v.value == MetadataType.FRAME_LINK for v in vtables),
        "prev": all(prev == wanted for wanted, prev in prevs),
    }


@restates
def linked_list_inv(owners: MetaRegionOwners, list: int) -> Clauses:
    self = owners.lists[list]
    if not self.is_live:
        return {}
    elements = elements_of(owners, self)
    # Of the last element can only be spoken if the links lead to it.
    complete = len(elements) == self.size
    last = elements[-1] if elements else 0
    last_link = link_of(owner_of_addr(owners, last)) if elements else None
    ids = [other.list_id for other in owners.lists if other is not self and other.is_live]
    return {
        "front": (self.front == 0) == (self.size == 0),
        "back": (self.back == 0) == (self.size == 0),
        "back_addr": not (complete and self.size and self.back) or self.back == last,
        "size": complete,
        "list_id": self.size == 0 or self.list_id != 0,
        **_related(owners, self, elements),
        "next": not complete or last_link is None or last_link.next is None,
        "current": self.current == 0
        or (self.has_cursor and (not complete or self.current in elements)),
        "distinct_ids": self.list_id == 0 or self.list_id not in ids,
    }


@restates
def in_list_inv_at(owners: MetaRegionOwners, i: int) -> Clauses:
    id_ = owner_at(owners, i).inner_perms.in_list.value
    lists = [owner for owner in owners.lists if owner.is_live and owner.list_id == id_]
    if id_ == 0:
        return {"in_list_inv/list": True, "in_list_inv/linked": True}
    return {
        "in_list_inv/list": bool(lists),
        "in_list_inv/linked": not lists or _is_linked_into(owners, lists[0], i),
    }


def _is_linked_into(owners: MetaRegionOwners, list_: LinkedListOwner, i: int) -> bool:
    """The front of the list leads to this slot, or an element of it that is before this one."""
    link = link_of(owner_at(owners, i))
    if link is None:
        return False
    if link.prev is None:
        return list_.front == meta_addr(i)
    before = owner_of_addr(owners, link.prev)
    before_link = link_of(before)
    if before is None or before_link is None:
        return False
    in_list = before.inner_perms.in_list.value
    return before_link.next == meta_addr(i) and in_list == list_.list_id
