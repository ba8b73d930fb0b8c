/* SPDX-License-Identifier: MPL-2.0 */
/*
 * UniqueFrame: the only handle to a frame, and with it the right to change its metadata.
 *
 * Each handle must be given to exactly one of unique_frame_drop, unique_frame_reset_as_unused,
 * unique_frame_into_raw and frame_from_unique, and is void afterwards. A handle belongs to one
 * thread at a time; functions on different handles may run at once. On an error nothing has changed
 * and the out-parameter is not written.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "metaslot/frame.h"
#include "metaslot/meta_slot.h"

struct unique_frame {
    struct meta_slot *slot;
};

/* UniqueFrame::from_unused. Errors of meta_slot_get_from_unused. */
METASLOT_MUST_CHECK static inline enum metaslot_result
unique_frame_from_unused(const struct meta_region *region, uint64_t paddr,
                         struct any_frame_meta metadata, struct unique_frame *frame)
{
    enum metaslot_result result =
        meta_slot_get_from_unused(region, paddr, metadata, true, &frame->slot);

    if (result == METASLOT_OK) {
        meta_slot_repark(region, frame->slot);
        ghost_obligation_minted(region, frame->slot);
    }
    return result;
}

/* UniqueFrame's Drop: drops the metadata and leaves the slot UNUSED. */
static inline void unique_frame_drop(const struct meta_region *region, struct unique_frame frame)
{
    ghost_obligation_redeemed(region, frame.slot);
    /* Relaxed: the value keeps others away; the store of UNUSED is the one that publishes. */
    atomic_store_relaxed(&frame.slot->ref_count, 0);
    meta_slot_drop_last_in_place(region, frame.slot);
}

/* Frame::from(UniqueFrame): a shared handle with the count 1. */
METASLOT_MUST_CHECK struct frame frame_from_unique(const struct meta_region *region,
                                                   struct unique_frame frame);

/*
 * UniqueFrame::try_from(Frame): METASLOT_RETURNED if there are other references; the frame is then
 * still the caller's. Takes acquire on success, which upstream does not: without it nothing orders
 * the last reads of those who dropped their handles before the writes of the new owner. A build
 * with METASLOT_UPSTREAM_ORDERS does as upstream.
 */
METASLOT_MUST_CHECK enum metaslot_result unique_frame_try_from(const struct meta_region *region,
                                                               struct frame frame,
                                                               struct unique_frame *unique);

/* UniqueFrame::repurpose: drops the metadata and stores other metadata, of any type. */
METASLOT_MUST_CHECK struct unique_frame unique_frame_repurpose(const struct meta_region *region,
                                                               struct unique_frame frame,
                                                               struct any_frame_meta metadata);

/* UniqueFrame::reset_as_unused: gives the frame back; the slot is UNUSED. */
void unique_frame_reset_as_unused(const struct meta_region *region, struct unique_frame frame);

/* UniqueFrame::meta: reads the metadata, an object of `size` bytes, which is what its type has. */
static inline void unique_frame_meta(struct unique_frame frame, void *object, size_t size)
{
    /* unreachable: no operation calls it */
    nonatomic_copy_out(object, frame.slot->storage, size);
}

/* UniqueFrame::meta_mut: assigns an object of the type that is there; nothing is dropped. */
static inline void unique_frame_meta_mut(struct unique_frame frame, const void *object, size_t size)
{
    nonatomic_copy_in(frame.slot->storage, object, size);
}

/* UniqueFrame::into_raw: forgets the handle without dropping it; the frame's address. */
METASLOT_MUST_CHECK uint64_t unique_frame_into_raw(const struct meta_region *region,
                                                   struct unique_frame frame);

/* UniqueFrame::from_raw: the handle back. Unsafe: `paddr` is from an into_raw not yet answered. */
METASLOT_MUST_CHECK struct unique_frame unique_frame_from_raw(const struct meta_region *region,
                                                              uint64_t paddr);
