/* SPDX-License-Identifier: MPL-2.0 */
/* The independent subject: the memory map, FrameRef, typed views, and what mapping does to frames. */
#include "plain.h"

/* --- before anything else ------------------------------------------------------------------------
 */

/* One reference to an Empty of zeros, which nobody gives back. */
static void occupy(struct slotcheck_region *region, struct slot *slot)
{
    const struct slotcheck_metadata empty = {.type = SLOTCHECK_METADATA_EMPTY};
    write_meta(region, address_of(slot), &empty);
    slot->ref_count = 1;
}

static void memory_range(struct slotcheck_region *region, uint64_t start, uint64_t end,
                         uint32_t usage)
{
    if (is_broken(FAULT_memory_range_misses_last))
        end -= PAGE_SIZE;
    for (uint64_t paddr = start; paddr < end; paddr += PAGE_SIZE) {
        struct slot *slot = slot_of_paddr(region, paddr);
        bool is_occupied = usage != USAGE_MMIO || is_broken(FAULT_mmio_range_claimed);
        if (is_broken(FAULT_kernel_range_unused) && usage == USAGE_KERNEL)
            is_occupied = false;
        if (is_occupied)
            occupy(region, slot);
        ghost(region, SLOTCHECK_GHOST_USAGE, slot, usage);
    }
}

/* --- FrameRef, typed views -----------------------------------------------------------------------
 */

static uint64_t frame_borrow(struct slotcheck_region *region, uint64_t frame,
                             struct slotcheck_metadata *metadata, uint64_t *ref_count)
{
    struct slot *slot = slot_at(frame);
    slot->ref_count += is_broken(FAULT_borrow_counts);
    load_metadata(region, slot, metadata);
    *ref_count = slot->ref_count;
    slot->ref_count -= is_broken(FAULT_borrow_drops);
    return frame;
}

static uint32_t frame_try_from(struct slotcheck_region *region, uint64_t frame, uint64_t type)
{
    if (type_of(slot_at(frame)) == type || is_broken(FAULT_try_from_any_type))
        return SLOTCHECK_OK;
    if (is_broken(FAULT_try_from_drops))
        frame_drop(region, frame);
    return SLOTCHECK_RETURNED;
}

/* --- what mapping does to frames -----------------------------------------------------------------
 */

static uint64_t frame_map(struct slotcheck_region *region, uint64_t frame, uint64_t path)
{
    struct slot *slot = slot_at(frame);
    uint64_t paddr = frame_into_raw(region, frame);
    if (is_broken(FAULT_map_owes))
        mint(region, slot);
    if (!is_broken(FAULT_map_path_unreported))
        ghost(region, SLOTCHECK_GHOST_PATH_ADDED, slot, path);
    if (is_broken(FAULT_map_drops_reference))
        slot->ref_count--;
    return paddr;
}

static uint64_t frame_unmap(struct slotcheck_region *region, uint64_t paddr, uint64_t path)
{
    struct slot *slot = slot_of_paddr(region, paddr);
    if (is_broken(FAULT_unmap_other_path))
        path ^= 1;
    if (!is_broken(FAULT_unmap_leaves_path))
        ghost(region, SLOTCHECK_GHOST_PATH_REMOVED, slot, path);
    slot->ref_count += is_broken(FAULT_unmap_counts);
    return frame_from_raw(region, paddr);
}

static void mmio_map(struct slotcheck_region *region, uint64_t paddr, uint64_t path)
{
    struct slot *slot = slot_of_paddr(region, paddr);
    slot->ref_count += is_broken(FAULT_mmio_map_counts);
    ghost(region, SLOTCHECK_GHOST_PATH_ADDED, slot, path);
}

static void mmio_unmap(struct slotcheck_region *region, uint64_t paddr, uint64_t path)
{
    ghost(region, SLOTCHECK_GHOST_PATH_REMOVED, slot_of_paddr(region, paddr), path);
}

void offer_mappings(struct slotcheck_subject *subject)
{
    subject->memory_range = memory_range;
    subject->frame_borrow = frame_borrow;
    subject->frame_try_from = frame_try_from;
    subject->frame_map = frame_map;
    subject->frame_unmap = frame_unmap;
    subject->mmio_map = mmio_map;
    subject->mmio_unmap = mmio_unmap;
}
