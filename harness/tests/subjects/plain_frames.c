/* SPDX-License-Identifier: MPL-2.0 */
/* The independent subject: MetaSlot, Frame, UniqueFrame, PageTableNode. */
#include "plain.h"

/* Not mapped; volatile, so that no compiler sees what FAULT_crash is about to do. */
static volatile const uint64_t NOWHERE = 64;

/* The next slot, the first for the last: what off-by-one faults hit. */
static struct slot *neighbour_of(const struct slotcheck_region *region, const struct slot *slot)
{
    return &region->slots[(index_of(region, slot) + 1) % region->nr_slots];
}

/* --- MetaSlot ------------------------------------------------------------------------------------
 */

uint32_t get_slot(struct slotcheck_region *region, uint64_t paddr, uint64_t *slot)
{
    uint64_t max_paddr = region->nr_slots * PAGE_SIZE;
    if (is_broken(FAULT_bound_before_alignment) && paddr >= max_paddr)
        return SLOTCHECK_OUT_OF_BOUND;
    if (is_broken(FAULT_bound_off_by_one))
        max_paddr += PAGE_SIZE;
    if (paddr % PAGE_SIZE != 0)
        return SLOTCHECK_NOT_ALIGNED;
    if (paddr >= max_paddr)
        return SLOTCHECK_OUT_OF_BOUND;
    *slot = address_of(&region->slots[paddr / PAGE_SIZE]);
    return SLOTCHECK_OK;
}

static uint64_t frame_paddr(struct slotcheck_region *region, uint64_t slot)
{
    uint64_t paddr = paddr_of(region, slot_at(slot));
    if (is_broken(FAULT_paddr_off_by_page))
        paddr += PAGE_SIZE;
    return paddr;
}

static uint64_t as_meta_ptr(struct slotcheck_region *region, uint64_t slot)
{
    (void)region;
    if (is_broken(FAULT_meta_ptr_off_by_word))
        return slot + 8;
    return slot;
}

static uint64_t dyn_meta_ptr(struct slotcheck_region *region, uint64_t slot, uint64_t *type)
{
    (void)region;
    *type = type_of(slot_at(slot));
    return slot;
}

void write_meta(struct slotcheck_region *region, uint64_t slot,
                const struct slotcheck_metadata *metadata)
{
    struct slot *to = slot_at(slot);
    if (is_broken(FAULT_write_drops))
        on_drop(region, to);
    set_type(to, metadata->type);
    if (is_broken(FAULT_other_vtable) && metadata->type == SLOTCHECK_METADATA_FRAME_LINK)
        set_type(to, SLOTCHECK_METADATA_PT_NODE);
    store_object(region, to, metadata);
    ghost(region, SLOTCHECK_GHOST_VTABLE_INIT, to, 0);
    ghost(region, SLOTCHECK_GHOST_STORAGE_INIT, to, 0);
}

static void drop_meta_in_place(struct slotcheck_region *region, uint64_t slot)
{
    struct slot *from = slot_at(slot);
    on_drop(region, from);
    from->vtable = NULL;
    ghost(region, SLOTCHECK_GHOST_STORAGE_UNINIT, from, 0);
    ghost(region, SLOTCHECK_GHOST_VTABLE_UNINIT, from, 0);
}

void drop_last_in_place(struct slotcheck_region *region, uint64_t slot)
{
    struct slot *last = slot_at(slot);
    drop_meta_in_place(region, slot);
    if (is_broken(FAULT_in_list_left))
        last->in_list = 1;
    if (is_broken(FAULT_drop_lists_neighbour))
        neighbour_of(region, last)->in_list = 1;
    if (is_broken(FAULT_drop_leaves_zero))
        return;
    last->ref_count = REF_COUNT_UNUSED;
}

/* Why a slot with this count cannot be claimed; OK if it can. */
static uint32_t claim_result(uint64_t ref_count)
{
    if (ref_count == REF_COUNT_UNUSED)
        return is_broken(FAULT_never_grants) ? SLOTCHECK_IN_USE : SLOTCHECK_OK;
    if (ref_count == REF_COUNT_UNIQUE)
        return is_broken(FAULT_busy_for_unique) ? SLOTCHECK_BUSY : SLOTCHECK_UNIQUE;
    if (ref_count == 0)
        return is_broken(FAULT_claims_busy) ? SLOTCHECK_OK : SLOTCHECK_BUSY;
    return SLOTCHECK_IN_USE;
}

/* Claims the slot with this count and usage; its permission is out of the region afterwards. */
static uint32_t claim(struct slotcheck_region *region, uint64_t paddr,
                      const struct slotcheck_metadata *metadata, uint64_t ref_count,
                      enum usage usage, uint64_t *slot)
{
    uint64_t address;
    uint32_t result = get_slot(region, paddr, &address);
    if (result != SLOTCHECK_OK)
        return result;
    struct slot *claimed = slot_at(address);
    result = claim_result(claimed->ref_count);
    if (is_broken(FAULT_failed_claim_overwrites) && result == SLOTCHECK_IN_USE)
        write_meta(region, address, metadata);
    if (is_broken(FAULT_failed_claim_swaps) && result != SLOTCHECK_OK)
        claimed->ref_count = 0;
    if (result != SLOTCHECK_OK)
        return result;
    write_meta(region, address, metadata);
    if (is_broken(FAULT_claim_counts_neighbour))
        neighbour_of(region, claimed)->ref_count = 1;
    claimed->ref_count = ref_count;
    ghost(region, SLOTCHECK_GHOST_USAGE, claimed, usage);
    ghost(region, SLOTCHECK_GHOST_PERMISSION_TAKEN, claimed, 0);
    *slot = address;
    return SLOTCHECK_OK;
}

static uint32_t get_from_unused(struct slotcheck_region *region, uint64_t paddr,
                                const struct slotcheck_metadata *metadata, uint32_t as_unique,
                                uint64_t *slot)
{
    return claim(region, paddr, metadata, as_unique ? REF_COUNT_UNIQUE : 1, USAGE_FRAME, slot);
}

static void repark(struct slotcheck_region *region, uint64_t slot)
{
    ghost(region, SLOTCHECK_GHOST_PERMISSION_REPARKED, slot_at(slot), 0);
}

/* The same with the permission back at once, and a handle that owes a drop. */
static uint32_t claim_handle(struct slotcheck_region *region, uint64_t paddr,
                             const struct slotcheck_metadata *metadata, uint64_t ref_count,
                             enum usage usage, uint64_t *frame)
{
    uint32_t result = claim(region, paddr, metadata, ref_count, usage, frame);
    if (result != SLOTCHECK_OK)
        return result;
    repark(region, *frame);
    mint(region, slot_at(*frame));
    return SLOTCHECK_OK;
}

static bool is_saturated(uint64_t ref_count)
{
    if (is_broken(FAULT_in_use_past_max))
        return false;
    if (is_broken(FAULT_in_use_panics_early))
        return ref_count >= REF_COUNT_MAX - 1;
    return ref_count >= REF_COUNT_MAX;
}

static uint32_t get_from_in_use(struct slotcheck_region *region, uint64_t paddr, uint64_t *slot)
{
    uint64_t address;
    uint32_t result = get_slot(region, paddr, &address);
    if (result != SLOTCHECK_OK)
        return result;
    struct slot *found = slot_at(address);
    if (found->ref_count == REF_COUNT_UNUSED)
        return SLOTCHECK_UNUSED;
    if (found->ref_count == REF_COUNT_UNIQUE)
        return SLOTCHECK_UNIQUE;
    if (found->ref_count == 0 && !is_broken(FAULT_in_use_takes_busy))
        return SLOTCHECK_BUSY;
    if (is_broken(FAULT_refuses_in_use) && found->ref_count == 1)
        return SLOTCHECK_BUSY;
    if (is_saturated(found->ref_count)) {
        found->ref_count += is_broken(FAULT_in_use_counts_panic);
        return panic();
    }
    if (is_broken(FAULT_hang) && found->ref_count == 2)
        for (;;) {
        }
    found->ref_count += is_broken(FAULT_in_use_adds_two) ? 2 : 1;
    *slot = address;
    return SLOTCHECK_OK;
}

/* As in the verified source, the count has grown before it turns out to be saturated. */
uint32_t inc_ref_count(struct slotcheck_region *region, uint64_t slot)
{
    (void)region;
    uint64_t old = slot_at(slot)->ref_count++;
    if (old >= REF_COUNT_MAX && !is_broken(FAULT_inc_past_max))
        return panic();
    return SLOTCHECK_OK;
}

/* --- Frame ---------------------------------------------------------------------------------------
 */

uint32_t frame_from_unused(struct slotcheck_region *region, uint64_t paddr,
                           const struct slotcheck_metadata *metadata, uint64_t *frame)
{
    return claim_handle(region, paddr, metadata, 1, USAGE_FRAME, frame);
}

static uint32_t frame_from_in_use(struct slotcheck_region *region, uint64_t paddr, uint64_t *frame)
{
    uint32_t result = get_from_in_use(region, paddr, frame);
    if (result == SLOTCHECK_OK)
        mint(region, slot_at(*frame));
    return result;
}

static uint32_t frame_clone(struct slotcheck_region *region, uint64_t frame, uint64_t *clone)
{
    if (!is_broken(FAULT_clone_uncounted) && inc_ref_count(region, frame) != SLOTCHECK_OK)
        return SLOTCHECK_PANIC;
    mint(region, slot_at(frame));
    *clone = frame;
    return SLOTCHECK_OK;
}

void frame_drop(struct slotcheck_region *region, uint64_t frame)
{
    struct slot *slot = slot_at(frame);
    if (is_broken(FAULT_crash))
        slot = slot_at(NOWHERE);
    redeem(region, slot_at(frame));
    uint64_t old = slot->ref_count;
    slot->ref_count -= is_broken(FAULT_drop_subtracts_two) ? 2 : 1;
    if (old == 1 || (is_broken(FAULT_drop_frees_early) && old == 2))
        drop_last_in_place(region, frame);
}

uint64_t frame_into_raw(struct slotcheck_region *region, uint64_t frame)
{
    if (is_broken(FAULT_into_raw_uncounts))
        slot_at(frame)->ref_count--;
    redeem(region, slot_at(frame));
    return paddr_of(region, slot_at(frame));
}

uint64_t frame_from_raw(struct slotcheck_region *region, uint64_t paddr)
{
    struct slot *slot = slot_of_paddr(region, paddr);
    if (is_broken(FAULT_from_raw_counts))
        slot->ref_count++;
    mint(region, slot);
    return address_of(slot);
}

static uint64_t frame_reference_count(struct slotcheck_region *region, uint64_t frame)
{
    (void)region;
    return slot_at(frame)->ref_count;
}

static void frame_meta(struct slotcheck_region *region, uint64_t frame,
                       struct slotcheck_metadata *out)
{
    load_metadata(region, slot_at(frame), out);
}

/* --- UniqueFrame ---------------------------------------------------------------------------------
 */

static uint32_t unique_frame_from_unused(struct slotcheck_region *region, uint64_t paddr,
                                         const struct slotcheck_metadata *metadata, uint64_t *frame)
{
    uint64_t ref_count = is_broken(FAULT_unique_claim_shared) ? 1 : REF_COUNT_UNIQUE;
    return claim_handle(region, paddr, metadata, ref_count, USAGE_FRAME, frame);
}

void unique_frame_drop(struct slotcheck_region *region, uint64_t frame)
{
    redeem(region, slot_at(frame));
    slot_at(frame)->ref_count = 0;
    drop_last_in_place(region, frame);
}

static uint64_t frame_from_unique(struct slotcheck_region *region, uint64_t frame)
{
    (void)region;
    slot_at(frame)->ref_count = 1;
    return frame;
}

static uint32_t unique_frame_try_from(struct slotcheck_region *region, uint64_t frame,
                                      uint64_t *unique)
{
    (void)region;
    uint64_t ref_count = slot_at(frame)->ref_count;
    if (ref_count != 1 && !(is_broken(FAULT_try_from_shared) && ref_count == 2))
        return SLOTCHECK_RETURNED;
    slot_at(frame)->ref_count = REF_COUNT_UNIQUE;
    *unique = frame;
    return SLOTCHECK_OK;
}

static uint64_t unique_frame_repurpose(struct slotcheck_region *region, uint64_t frame,
                                       const struct slotcheck_metadata *metadata)
{
    struct slotcheck_metadata old;
    load_metadata(region, slot_at(frame), &old);
    if (is_broken(FAULT_repurpose_drops_new))
        write_meta(region, frame, metadata);
    drop_meta_in_place(region, frame);
    write_meta(region, frame, is_broken(FAULT_repurpose_keeps) ? &old : metadata);
    return frame;
}

static void unique_frame_reset_as_unused(struct slotcheck_region *region, uint64_t frame)
{
    redeem(region, slot_at(frame));
    slot_at(frame)->ref_count = 0;
    drop_last_in_place(region, frame);
    if (is_broken(FAULT_reset_leaves_unique))
        slot_at(frame)->ref_count = REF_COUNT_UNIQUE;
}

static void unique_frame_meta_mut(struct slotcheck_region *region, uint64_t frame,
                                  const struct slotcheck_metadata *metadata)
{
    if (!is_broken(FAULT_meta_mut_ignored))
        store_object(region, slot_at(frame), metadata);
}

uint64_t unique_frame_into_raw(struct slotcheck_region *region, uint64_t frame)
{
    redeem(region, slot_at(frame));
    return paddr_of(region, slot_at(frame));
}

uint64_t unique_frame_from_raw(struct slotcheck_region *region, uint64_t paddr)
{
    struct slot *slot = slot_of_paddr(region, paddr);
    mint(region, slot);
    return address_of(slot);
}

/* --- PageTableNode -------------------------------------------------------------------------------
 */

static uint32_t page_table_node_alloc(struct slotcheck_region *region, uint64_t paddr,
                                      uint32_t level, uint64_t *frame)
{
    if (is_broken(FAULT_node_level_off))
        level++;
    struct slotcheck_metadata node = {.type = SLOTCHECK_METADATA_PT_NODE, .word = {[2] = level}};
    return claim_handle(region, paddr, &node, 1, USAGE_PAGE_TABLE, frame);
}

void offer_frames(struct slotcheck_subject *subject)
{
    subject->get_slot = get_slot;
    subject->get_from_unused = get_from_unused;
    subject->repark = repark;
    subject->get_from_in_use = get_from_in_use;
    subject->inc_ref_count = inc_ref_count;
    subject->frame_paddr = frame_paddr;
    subject->as_meta_ptr = as_meta_ptr;
    subject->dyn_meta_ptr = dyn_meta_ptr;
    subject->write_meta = write_meta;
    subject->drop_meta_in_place = drop_meta_in_place;
    subject->drop_last_in_place = drop_last_in_place;
    subject->frame_from_unused = frame_from_unused;
    subject->frame_from_in_use = frame_from_in_use;
    subject->frame_clone = frame_clone;
    subject->frame_drop = frame_drop;
    subject->frame_into_raw = frame_into_raw;
    subject->frame_from_raw = frame_from_raw;
    subject->frame_reference_count = frame_reference_count;
    subject->frame_meta = frame_meta;
    subject->unique_frame_from_unused = unique_frame_from_unused;
    subject->unique_frame_drop = unique_frame_drop;
    subject->frame_from_unique = frame_from_unique;
    subject->unique_frame_try_from = unique_frame_try_from;
    subject->unique_frame_repurpose = unique_frame_repurpose;
    subject->unique_frame_reset_as_unused = unique_frame_reset_as_unused;
    subject->unique_frame_meta_mut = unique_frame_meta_mut;
    subject->unique_frame_into_raw = unique_frame_into_raw;
    subject->unique_frame_from_raw = unique_frame_from_raw;
    subject->page_table_node_alloc = page_table_node_alloc;
}
