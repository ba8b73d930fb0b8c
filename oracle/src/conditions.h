/* SPDX-License-Identifier: MPL-2.0 */
/* What preconditions are made of. */
#pragma once

#include "metaslot_oracle/reference.h"

static inline bool safe(const struct reference *ref, const struct spec_call *call)
{
    return has_safe_slot(&ref->owners, call->paddr);
}

static inline const struct meta_slot_owner *owner_of(const struct reference *ref,
                                                     const struct spec_call *call)
{
    return slot_owner_at(&ref->owners, frame_to_index(call->paddr));
}

static inline const struct slot_holders *held(const struct reference *ref,
                                              const struct spec_call *call)
{
    return &ref->holders[frame_to_index(call->paddr)];
}

static inline uint64_t count_of(const struct reference *ref, const struct spec_call *call)
{
    return owner_of(ref, call)->inner_perms.ref_count.value;
}

static inline bool exempt_as(const struct reference *ref, const struct spec_call *call,
                             enum slot_exemption exemption)
{
    return ref->exempt[frame_to_index(call->paddr)] == exemption;
}

/* The region invariant holds at the slot. */
static inline bool settled(const struct reference *ref, const struct spec_call *call)
{
    return exempt_as(ref, call, EXEMPT_NOT);
}

static inline bool shared(const struct reference *ref, const struct spec_call *call)
{
    return meta_slot_status_of(count_of(ref, call)) == META_SLOT_SHARED;
}

/* Nobody but the caller can reach the metadata. */
static inline bool exclusive(const struct reference *ref, const struct spec_call *call)
{
    return count_of(ref, call) == 0 || count_of(ref, call) == SPEC_REF_COUNT_UNIQUE;
}

static inline bool has_metadata(const struct reference *ref, const struct spec_call *call)
{
    const struct metadata_inner_perms *perms = &owner_of(ref, call)->inner_perms;

    return perms->storage.is_init && perms->vtable_ptr.is_init;
}

static inline bool unlisted(const struct reference *ref, const struct spec_call *call)
{
    return owner_of(ref, call)->inner_perms.in_list.value == 0;
}

static inline bool unlisted_and_unmapped(const struct reference *ref, const struct spec_call *call)
{
    return unlisted(ref, call) && owner_of(ref, call)->paths_in_pt == 0;
}

/*
 * Functions that take any address answer for any state; the executable function's answer on an
 * illegal count is known (InUse, or a panic). Only a slot that somebody is in the middle of
 * changing is out of bounds.
 */
static inline bool any_address(const struct reference *ref, const struct spec_call *call)
{
    return !safe(ref, call) || settled(ref, call) || exempt_as(ref, call, EXEMPT_OVERFLOW);
}

/*
 * A claim of the slot. One of MMIO memory is never claimed: the source excludes it by an axiom, usage
 * and address of MMIO being one.
 */
static inline bool claimable(const struct reference *ref, const struct spec_call *call)
{
    return any_address(ref, call) &&
           (!safe(ref, call) || owner_of(ref, call)->usage != SPEC_USAGE_MMIO);
}

static inline bool settled_slot(const struct reference *ref, const struct spec_call *call)
{
    return safe(ref, call) && settled(ref, call);
}

/* A live Frame handle names a slot in use. */
static inline bool live_frame(const struct reference *ref, const struct spec_call *call)
{
    return settled_slot(ref, call) && shared(ref, call) && held(ref, call)->live_frames > 0;
}

static inline bool live_unique_frame(const struct reference *ref, const struct spec_call *call)
{
    return settled_slot(ref, call) && count_of(ref, call) == SPEC_REF_COUNT_UNIQUE &&
           held(ref, call)->live_unique_frames > 0;
}
