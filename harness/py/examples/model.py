# SPDX-License-Identifier: MPL-2.0
"""A model of slots, Frame and UniqueFrame: what the operations do, and nothing of how.

    ./slotcheck property --subject harness/py/examples/model.py

Every operation of subject.h up to PageTableNode is here, and what needs few lines besides. Lists
and segments are not: what a subject lacks is skipped. Copy it, or derive from it and change a
method. """

from __future__ import annotations

from dataclasses import dataclass

from slotcheck.subject import (
    PAGE_SIZE,
    REF_COUNT_MAX,
    REF_COUNT_UNIQUE,
    REF_COUNT_UNUSED,
    Ghost,
    Metadata,
    MetadataType,
    Panic,
    Refused,
    Result,
    Slot,
    Subject,
    Usage,
)


@dataclass
class Cell:
    """One slot."""

    ref_count: int = REF_COUNT_UNUSED
    in_list: int = 0
    metadata: Metadata | None = None


class Model(Subject):
    """the model in Python"""

    reports_ghost = True
    reports_on_drop = True

    def __init__(self, nr_slots: int) -> None:
        self.cells = [Cell() for _ in range(nr_slots)]

    def reset(self, touched: list[int]) -> None:
        for index in touched:
            self.cells[index] = Cell()

    def read_slot(self, index: int) -> Slot:
        cell = self.cells[index]
        return Slot(cell.ref_count, cell.in_list)

    def read_metadata(self, index: int) -> Metadata | None:
        return self.cells[index].metadata

    def set_ref_count(self, slot: int, value: int) -> None:
        self.cell(slot).ref_count = value

    def cell(self, slot: int) -> Cell:
        return self.cells[self.index(slot)]

    def metadata_of(self, slot: int) -> Metadata:
        metadata = self.cell(slot).metadata
        assert metadata is not None, "read before it was written"
        return metadata

    # --- ghost state ---

    def tell(self, slot: int, event: Ghost, value: int = 0) -> None:
        self.ghost(event, self.index(slot), value)

    def mint(self, slot: int) -> int:
        """A handle that owes a drop."""
        self.tell(slot, Ghost.OBLIGATION_MINTED)
        return slot

    def redeem(self, slot: int) -> None:
        self.tell(slot, Ghost.OBLIGATION_REDEEMED)

    # --- MetaSlot ---

    def get_slot(self, paddr: int) -> int:
        if paddr % PAGE_SIZE != 0:
            raise Refused(Result.NOT_ALIGNED)
        if paddr >= self.nr_slots * PAGE_SIZE:
            raise Refused(Result.OUT_OF_BOUND)
        return self.slot(paddr // PAGE_SIZE)

    def claim(self, paddr: int, metadata: Metadata, ref_count: int, usage: Usage) -> int:
        slot = self.get_slot(paddr)
        cell = self.cell(slot)
        if cell.ref_count != REF_COUNT_UNUSED:
            reasons = {REF_COUNT_UNIQUE: Result.UNIQUE, 0: Result.BUSY}
            raise Refused(reasons.get(cell.ref_count, Result.IN_USE))
        self.write_meta(slot, metadata)
        cell.ref_count = ref_count
        self.tell(slot, Ghost.USAGE, usage)
        self.tell(slot, Ghost.PERMISSION_TAKEN)
        return slot

    def get_from_unused(self, paddr: int, metadata: Metadata, as_unique: int) -> int:
        return self.claim(paddr, metadata, REF_COUNT_UNIQUE if as_unique else 1, Usage.FRAME)

    def repark(self, slot: int) -> None:
        self.tell(slot, Ghost.PERMISSION_REPARKED)

    def get_from_in_use(self, paddr: int) -> int:
        slot = self.get_slot(paddr)
        cell = self.cell(slot)
        refusals = {
            REF_COUNT_UNUSED: Result.UNUSED, REF_COUNT_UNIQUE: Result.UNIQUE, 0: Result.BUSY
        }
        if cell.ref_count in refusals:
            raise Refused(refusals[cell.ref_count])
        if cell.ref_count >= REF_COUNT_MAX:
            raise Panic
        cell.ref_count += 1
        return slot

    def inc_ref_count(self, slot: int) -> None:
        self.cell(slot).ref_count += 1
        if self.cell(slot).ref_count > REF_COUNT_MAX:
            raise Panic

    def frame_paddr(self, slot: int) -> int:
        return self.paddr(slot)

    def as_meta_ptr(self, slot: int) -> int:
        return slot

    def dyn_meta_ptr(self, slot: int) -> tuple[int, int]:
        return slot, self.metadata_of(slot).type

    def write_meta(self, slot: int, metadata: Metadata) -> None:
        self.cell(slot).metadata = metadata
        self.tell(slot, Ghost.VTABLE_INIT)
        self.tell(slot, Ghost.STORAGE_INIT)

    def drop_meta_in_place(self, slot: int) -> None:
        metadata = self.metadata_of(slot)
        if metadata.type == MetadataType.PROBE:
            self.on_drop(self.paddr(slot), metadata)
        self.cell(slot).metadata = None
        self.tell(slot, Ghost.STORAGE_UNINIT)
        self.tell(slot, Ghost.VTABLE_UNINIT)

    def drop_last_in_place(self, slot: int) -> None:
        self.drop_meta_in_place(slot)
        self.cell(slot).ref_count = REF_COUNT_UNUSED

    # --- Frame ---

    def claim_handle(self, paddr: int, metadata: Metadata, ref_count: int, usage: Usage) -> int:
        frame = self.claim(paddr, metadata, ref_count, usage)
        self.repark(frame)
        return self.mint(frame)

    def frame_from_unused(self, paddr: int, metadata: Metadata) -> int:
        return self.claim_handle(paddr, metadata, 1, Usage.FRAME)

    def frame_from_in_use(self, paddr: int) -> int:
        return self.mint(self.get_from_in_use(paddr))

    def frame_clone(self, frame: int) -> int:
        self.inc_ref_count(frame)
        return self.mint(frame)

    def frame_drop(self, frame: int) -> None:
        self.redeem(frame)
        self.cell(frame).ref_count -= 1
        if self.cell(frame).ref_count == 0:
            self.drop_last_in_place(frame)

    def frame_into_raw(self, frame: int) -> int:
        self.redeem(frame)
        return self.paddr(frame)

    def frame_from_raw(self, paddr: int) -> int:
        return self.mint(self.slot(paddr // PAGE_SIZE))

    def frame_reference_count(self, frame: int) -> int:
        return self.cell(frame).ref_count

    def frame_meta(self, frame: int) -> Metadata:
        return self.metadata_of(frame)

    def frame_borrow(self, frame: int) -> tuple[int, Metadata, int]:
        return frame, self.metadata_of(frame), self.cell(frame).ref_count

    def frame_try_from(self, frame: int, type: int) -> Result:
        return Result.OK if self.metadata_of(frame).type == type else Result.RETURNED

    # --- UniqueFrame ---

    def unique_frame_from_unused(self, paddr: int, metadata: Metadata) -> int:
        return self.claim_handle(paddr, metadata, REF_COUNT_UNIQUE, Usage.FRAME)

    def unique_frame_drop(self, frame: int) -> None:
        self.redeem(frame)
        self.drop_last_in_place(frame)

    def frame_from_unique(self, frame: int) -> int:
        self.cell(frame).ref_count = 1
        return frame

    def unique_frame_try_from(self, frame: int) -> int:
        if self.cell(frame).ref_count != 1:
            raise Refused(Result.RETURNED)
        self.cell(frame).ref_count = REF_COUNT_UNIQUE
        return frame

    def unique_frame_repurpose(self, frame: int, metadata: Metadata) -> int:
        self.drop_meta_in_place(frame)
        self.write_meta(frame, metadata)
        return frame

    def unique_frame_reset_as_unused(self, frame: int) -> None:
        self.unique_frame_drop(frame)

    def unique_frame_meta_mut(self, frame: int, metadata: Metadata) -> None:
        self.cell(frame).metadata = metadata

    def unique_frame_into_raw(self, frame: int) -> int:
        return self.frame_into_raw(frame)

    def unique_frame_from_raw(self, paddr: int) -> int:
        return self.frame_from_raw(paddr)

    # --- PageTableNode ---

    def page_table_node_alloc(self, paddr: int, level: int) -> int:
        return self.claim_handle(paddr, Metadata.pt_node(level), 1, Usage.PAGE_TABLE)

    # --- the memory map, and what mapping does to frames ---

    def memory_range(self, start: int, end: int, usage: int) -> None:
        for paddr in range(start, end, PAGE_SIZE):
            slot = self.slot(paddr // PAGE_SIZE)
            if usage != Usage.MMIO:
                self.write_meta(slot, Metadata.empty())
                self.cell(slot).ref_count = 1
            self.tell(slot, Ghost.USAGE, usage)

    def frame_map(self, frame: int, path: int) -> int:
        self.tell(frame, Ghost.PATH_ADDED, path)
        return self.frame_into_raw(frame)

    def frame_unmap(self, paddr: int, path: int) -> int:
        self.ghost(Ghost.PATH_REMOVED, paddr // PAGE_SIZE, path)
        return self.frame_from_raw(paddr)

    def mmio_map(self, paddr: int, path: int) -> None:
        self.ghost(Ghost.PATH_ADDED, paddr // PAGE_SIZE, path)

    def mmio_unmap(self, paddr: int, path: int) -> None:
        self.ghost(Ghost.PATH_REMOVED, paddr // PAGE_SIZE, path)
