/* SPDX-License-Identifier: MPL-2.0 */
/* UniqueFrame: conversions and changes. */
#include "metaslot/unique_frame.h"

struct frame frame_from_unique(const struct meta_region *region, struct unique_frame frame)
{
    (void)region;
    /* Release: pairs with the acquire CAS in meta_slot_get_from_in_use. */
    atomic_store_release(&frame.slot->ref_count, 1);
    return (struct frame){frame.slot};
}

enum metaslot_result unique_frame_try_from(const struct meta_region *region, struct frame frame,
                                           struct unique_frame *unique)
{
    uint64_t observed = 1;

    (void)region;
#ifdef METASLOT_UPSTREAM_ORDERS
    if (!atomic_cas_relaxed_relaxed(&frame.slot->ref_count, &observed, REF_COUNT_UNIQUE))
        return METASLOT_RETURNED;
#else
    /* Acquire: pairs with the release subtraction of every earlier frame_drop. */
    if (!atomic_cas_acquire_relaxed(&frame.slot->ref_count, &observed, REF_COUNT_UNIQUE))
        return METASLOT_RETURNED;
#endif
    unique->slot = frame.slot;
    return METASLOT_OK;
}

struct unique_frame unique_frame_repurpose(const struct meta_region *region,
                                           struct unique_frame frame,
                                           struct any_frame_meta metadata)
{
    meta_slot_drop_meta_in_place(region, frame.slot);
    meta_slot_write_meta(region, frame.slot, metadata);
    return frame;
}

void unique_frame_reset_as_unused(const struct meta_region *region, struct unique_frame frame)
{
    ghost_obligation_redeemed(region, frame.slot);
    /* Release, as upstream has it. Nobody pairs with it: a CAS that reads 0 fails, relaxed. */
    atomic_store_release(&frame.slot->ref_count, 0);
    meta_slot_drop_last_in_place(region, frame.slot);
}

uint64_t unique_frame_into_raw(const struct meta_region *region, struct unique_frame frame)
{
    ghost_obligation_redeemed(region, frame.slot);
    return meta_slot_frame_paddr(region, frame.slot);
}

struct unique_frame unique_frame_from_raw(const struct meta_region *region, uint64_t paddr)
{
    struct unique_frame frame = {meta_region_frame_to_meta(region, paddr)};

    ghost_obligation_minted(region, frame.slot);
    return frame;
}
