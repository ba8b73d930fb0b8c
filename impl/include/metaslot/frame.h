/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Frame: a counted handle to a frame in use.
 *
 * A handle is the address of its slot. C has no destructors: each handle must be given to exactly
 * one of frame_drop, frame_into_raw and unique_frame_try_from, and is void afterwards (if that
 * succeeds). Handles may be passed between threads; all functions may be called by any number of
 * threads at once. On an error nothing has changed and the out-parameter is not written.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "metaslot/meta_slot.h"

struct frame {
    struct meta_slot *slot;
};

/* Frame::from_unused: the first handle to the frame. Errors of meta_slot_get_from_unused. */
METASLOT_MUST_CHECK static inline enum metaslot_result
frame_from_unused(const struct meta_region *region, uint64_t paddr, struct any_frame_meta metadata,
                  struct frame *frame)
{
    enum metaslot_result result =
        meta_slot_get_from_unused(region, paddr, metadata, false, &frame->slot);

    if (result == METASLOT_OK) {
        meta_slot_repark(region, frame->slot);
        ghost_obligation_minted(region, frame->slot);
    }
    return result;
}

/* Frame::from_in_use: one more handle. Errors and panic of meta_slot_get_from_in_use. */
METASLOT_MUST_CHECK static inline enum metaslot_result
frame_from_in_use(const struct meta_region *region, uint64_t paddr, struct frame *frame)
{
    enum metaslot_result result = meta_slot_get_from_in_use(region, paddr, &frame->slot);

    if (result == METASLOT_OK)
        ghost_obligation_minted(region, frame->slot);
    return result;
}

/* Frame's Clone: one more handle. Panics as meta_slot_inc_ref_count does. */
METASLOT_MUST_CHECK static inline enum metaslot_result
frame_clone(const struct meta_region *region, struct frame frame, struct frame *clone)
{
    enum metaslot_result result = meta_slot_inc_ref_count(region, frame.slot);

    if (result == METASLOT_OK) {
        *clone = frame;
        ghost_obligation_minted(region, frame.slot);
    }
    return result;
}

/* Frame's Drop: one handle less; the last one drops the metadata and leaves the slot UNUSED. */
static inline void frame_drop(const struct meta_region *region, struct frame frame)
{
    ghost_obligation_redeemed(region, frame.slot);
    /* Release: pairs with the fence below, and with the acquire CAS in unique_frame_try_from. */
    if (atomic_fetch_sub_release(&frame.slot->ref_count, 1) == 1) {
        /* Acquire: pairs with the release subtraction of every earlier frame_drop. */
        atomic_fence_acquire(&frame.slot->ref_count);
        meta_slot_drop_last_in_place(region, frame.slot);
    }
}

/* Frame::into_raw: forgets the handle without dropping it; the frame's address. */
METASLOT_MUST_CHECK static inline uint64_t frame_into_raw(const struct meta_region *region,
                                                          struct frame frame)
{
    ghost_obligation_redeemed(region, frame.slot);
    return meta_slot_frame_paddr(region, frame.slot);
}

/* Frame::from_raw: the handle back. Unsafe: `paddr` is from an into_raw not yet answered. */
METASLOT_MUST_CHECK static inline struct frame frame_from_raw(const struct meta_region *region,
                                                              uint64_t paddr)
{
    struct frame frame = {meta_region_frame_to_meta(region, paddr)};

    ghost_obligation_minted(region, frame.slot);
    return frame;
}

/*
 * Frame<M>::try_from(Frame<dyn AnyFrameMeta>): METASLOT_OK if the metadata is of the type that
 * `vtable` is, so that frame_meta may be asked for an object of it, else METASLOT_RETURNED. The
 * handle is the same one before and after and in both cases still the caller's.
 */
METASLOT_MUST_CHECK static inline enum metaslot_result
frame_try_from(struct frame frame, const struct meta_vtable *vtable)
{
    return nonatomic_load_vtable(&frame.slot->vtable_ptr) == vtable ? METASLOT_OK
                                                                    : METASLOT_RETURNED;
}

/*
 * FrameRef: a reference that does not count and owes no drop. It is good for as long as the handle,
 * or the forgotten reference, that it was borrowed from; `inner` must be given to nobody who would
 * drop, forget or convert it.
 */
struct frame_ref {
    struct frame inner;
};

/* Frame::borrow. No count changes. */
static inline struct frame_ref frame_borrow(struct frame frame)
{
    return (struct frame_ref){frame};
}

/* FrameRef::borrow_paddr. Unsafe: there is a reference to the frame at `paddr`, and it stays. */
static inline struct frame_ref frame_ref_borrow_paddr(const struct meta_region *region,
                                                      uint64_t paddr)
{
    /* unreachable: no operation calls it */
    return (struct frame_ref){{meta_region_frame_to_meta(region, paddr)}};
}

/* Frame::reference_count: 1..=REF_COUNT_MAX. Already out of date if others hold references. */
static inline uint64_t frame_reference_count(struct frame frame)
{
    return atomic_load_relaxed(&frame.slot->ref_count);
}

/* Frame::meta: reads the metadata, an object of `size` bytes, which is what its type has. */
static inline void frame_meta(struct frame frame, void *object, size_t size)
{
    nonatomic_copy_out(object, frame.slot->storage, size);
}
