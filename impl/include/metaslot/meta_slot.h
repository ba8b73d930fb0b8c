/* SPDX-License-Identifier: MPL-2.0 */
/*
 * MetaSlot: the operations on a slot itself, under Frame and UniqueFrame.
 *
 * All functions may be called by any number of threads at once. Those that upstream marks unsafe
 * say here what the caller promises; they do not check it. On an error nothing has changed and the
 * out-parameter is not written.
 *
 * The paths that succeed are inline; errors and panics are calls.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "metaslot/atomics.h"
#include "metaslot/ghost.h"
#include "metaslot/layout.h"
#include "metaslot/metadata.h"
#include "metaslot/poison.h"
#include "metaslot/region.h"
#include "metaslot/result.h"

/* Calls the region's panic hook; METASLOT_PANIC if that returns. */
__attribute__((cold)) METASLOT_MUST_CHECK enum metaslot_result
meta_slot_panic(const struct meta_region *region, const char *why);

/* The error of get_from_unused for a slot whose count was not UNUSED but `observed`. */
__attribute__((cold)) METASLOT_MUST_CHECK enum metaslot_result
meta_slot_not_unused(uint64_t observed);

/* The error or panic of get_from_in_use for a count that admits no further reference. */
__attribute__((cold)) METASLOT_MUST_CHECK enum metaslot_result
meta_slot_not_shareable(const struct meta_region *region, uint64_t observed);

/*
 * Tells the compiler that an error is not success, so that a caller's check of it is not repeated.
 * Not in a checking build: there the code may be wrong on purpose, and must then be wrong in a
 * defined way.
 */
METASLOT_MUST_CHECK static inline enum metaslot_result meta_slot_error(enum metaslot_result error)
{
#ifndef METASLOT_CHECKING
    if (error == METASLOT_OK)
        __builtin_unreachable();
#endif
    return error;
}

/*
 * MetaSlot::get_slot: the slot of the frame at `paddr`, any 64-bit number. METASLOT_NOT_ALIGNED
 * (checked first), METASLOT_OUT_OF_BOUND.
 */
METASLOT_MUST_CHECK static inline enum metaslot_result
meta_slot_get_slot(const struct meta_region *region, uint64_t paddr, struct meta_slot **slot)
{
    if (paddr % METASLOT_PAGE_SIZE != 0)
        return METASLOT_NOT_ALIGNED;
    if (paddr >= region->max_paddr)
        return METASLOT_OUT_OF_BOUND;
    *slot = meta_region_frame_to_meta(region, paddr);
    return METASLOT_OK;
}

/*
 * MetaSlot::write_meta: stores the vtable pointer, then the object; what was there is neither read
 * nor dropped. Unsafe: the caller has exclusive access.
 */
static inline void meta_slot_write_meta(const struct meta_region *region, struct meta_slot *slot,
                                        struct any_frame_meta metadata)
{
    unpoison_metadata(slot, metadata.size);
    nonatomic_store_vtable(&slot->vtable_ptr, metadata.vtable);
    nonatomic_copy_in(slot->storage, metadata.object, metadata.size);
    ghost_metadata_init(region, slot);
}

/* get_from_unused and get_node_from_unused_spec's variant of it, which differ in `usage`. */
METASLOT_MUST_CHECK static inline enum metaslot_result
meta_slot_claim(const struct meta_region *region, uint64_t paddr, struct any_frame_meta metadata,
                bool as_unique, enum page_usage usage, struct meta_slot **claimed)
{
    uint64_t observed = REF_COUNT_UNUSED;
    struct meta_slot *slot;
    enum metaslot_result result = meta_slot_get_slot(region, paddr, &slot);

    if (result != METASLOT_OK)
        return result;
    /* Acquire: pairs with the release store of UNUSED in meta_slot_drop_last_in_place. */
    if (!atomic_cas_acquire_relaxed(&slot->ref_count, &observed, 0))
        return meta_slot_error(meta_slot_not_unused(observed));
    ghost_permission_taken(region, slot);
    ghost_usage(region, slot, usage);
    meta_slot_write_meta(region, slot, metadata);
    if (as_unique)
        /* Relaxed: nobody may look at the metadata because of this value. */
        atomic_store_relaxed(&slot->ref_count, REF_COUNT_UNIQUE);
    else
        /* Release: pairs with the acquire CAS in meta_slot_get_from_in_use. */
        atomic_store_release(&slot->ref_count, 1);
    *claimed = slot;
    return METASLOT_OK;
}

/*
 * MetaSlot::get_from_unused: claims an UNUSED slot for `metadata`, with the count UNIQUE or 1.
 * Errors of meta_slot_get_slot, METASLOT_UNIQUE, METASLOT_BUSY (somebody else is constructing or
 * destructing), METASLOT_IN_USE. The slot's permission leaves the region (meta_slot_repark).
 */
METASLOT_MUST_CHECK static inline enum metaslot_result
meta_slot_get_from_unused(const struct meta_region *region, uint64_t paddr,
                          struct any_frame_meta metadata, bool as_unique, struct meta_slot **slot)
{
    return meta_slot_claim(region, paddr, metadata, as_unique, PAGE_USAGE_FRAME, slot);
}

/* Ghost only: the permission that meta_slot_get_from_unused handed out goes back to the region. */
static inline void meta_slot_repark(const struct meta_region *region, struct meta_slot *slot)
{
    ghost_permission_reparked(region, slot);
}

/*
 * MetaSlot::get_from_in_use: one more reference to a slot in use. Errors of meta_slot_get_slot,
 * METASLOT_UNUSED, METASLOT_UNIQUE, METASLOT_BUSY; panics at REF_COUNT_MAX, nothing changed.
 * Lock-free: an attempt fails only because another one succeeded, or spuriously.
 */
METASLOT_MUST_CHECK static inline enum metaslot_result
meta_slot_get_from_in_use(const struct meta_region *region, uint64_t paddr,
                          struct meta_slot **found)
{
    struct meta_slot *slot;
    enum metaslot_result result = meta_slot_get_slot(region, paddr, &slot);

    if (result != METASLOT_OK)
        return result;
    for (;;) {
        uint64_t count = atomic_load_relaxed(&slot->ref_count);

        if (count == 0 || count >= REF_COUNT_MAX)
            return meta_slot_error(meta_slot_not_shareable(region, count));
        /* Acquire: pairs with the release store of 1 in meta_slot_claim and frame_from_unique. */
        if (atomic_cas_weak_acquire_relaxed(&slot->ref_count, &count, count + 1))
            break;
        /* unreachable: nobody overtakes a single thread */
        atomic_spin_hint();
    }
    *found = slot;
    return METASLOT_OK;
}

/*
 * MetaSlot::inc_ref_count: one more reference. Panics if the count was REF_COUNT_MAX or more; it is
 * then one higher all the same. Unsafe: the caller holds a reference.
 */
METASLOT_MUST_CHECK static inline enum metaslot_result
meta_slot_inc_ref_count(const struct meta_region *region, struct meta_slot *slot)
{
    /* Relaxed: the caller's own reference already orders everything before it. */
    if (atomic_fetch_add_relaxed(&slot->ref_count, 1) >= REF_COUNT_MAX)
        return meta_slot_error(meta_slot_panic(region, "reference count overflow"));
    return METASLOT_OK;
}

/* MetaSlot::frame_paddr: the physical address of the slot's frame. */
static inline uint64_t meta_slot_frame_paddr(const struct meta_region *region,
                                             const struct meta_slot *slot)
{
    return meta_region_meta_to_frame(region, slot);
}

/*
 * MetaSlot::as_meta_ptr: the address of the metadata. To be accessed with nonatomic_copy_in and
 * nonatomic_copy_out. Unsafe: the caller holds a reference and knows the type.
 */
static inline unsigned char *meta_slot_as_meta_ptr(struct meta_slot *slot)
{
    return slot->storage;
}

/* MetaSlot::dyn_meta_ptr: the same, with the type. Unsafe: the caller holds a reference. */
struct dyn_meta_ptr {
    unsigned char *object;
    const struct meta_vtable *vtable;
};

static inline struct dyn_meta_ptr meta_slot_dyn_meta_ptr(struct meta_slot *slot)
{
    return (struct dyn_meta_ptr){slot->storage, nonatomic_load_vtable(&slot->vtable_ptr)};
}

/*
 * MetaSlot::drop_meta_in_place: calls the type's on_drop with a reader of the frame, then its
 * destructor; storage and vtable pointer are then uninitialised. Unsafe: the caller has exclusive
 * access, and there is metadata.
 */
static inline void meta_slot_drop_meta_in_place(const struct meta_region *region,
                                                struct meta_slot *slot)
{
    const struct meta_vtable *vtable = nonatomic_load_vtable(&slot->vtable_ptr);

    if (vtable->on_drop != NULL)
        vtable->on_drop(
            region, slot,
            (struct frame_reader){meta_slot_frame_paddr(region, slot), METASLOT_PAGE_SIZE});
    if (vtable->drop != NULL)
        /* unreachable: none of the types of programs has a destructor */
        vtable->drop(slot);
    poison_metadata(slot);
    ghost_metadata_uninit(region, slot);
}

/*
 * MetaSlot::drop_last_in_place: drops the metadata and makes the slot UNUSED. Unsafe: the count is
 * 0 by the caller's doing, and there is metadata.
 */
static inline void meta_slot_drop_last_in_place(const struct meta_region *region,
                                                struct meta_slot *slot)
{
    meta_slot_drop_meta_in_place(region, slot);
    /* Release: pairs with the acquire CAS in meta_slot_claim. */
    atomic_store_release(&slot->ref_count, REF_COUNT_UNUSED);
}
