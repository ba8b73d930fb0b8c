/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The preconditions: what the source's `requires` and SAFETY comments ask of a caller. A call
 * outside of them is undefined for every implementation, and proves nothing.
 */
#include "metaslot_oracle/reference.h"

static bool safe(const struct reference *ref, const struct spec_call *call)
{
    return has_safe_slot(&ref->owners, call->paddr);
}

static const struct meta_slot_owner *owner_of(const struct reference *ref,
                                              const struct spec_call *call)
{
    return slot_owner_at(&ref->owners, frame_to_index(call->paddr));
}

static const struct slot_holders *holders_of(const struct reference *ref,
                                             const struct spec_call *call)
{
    return &ref->holders[frame_to_index(call->paddr)];
}

static uint64_t ref_count_of(const struct reference *ref, const struct spec_call *call)
{
    return owner_of(ref, call)->inner_perms.ref_count.value;
}

static bool exempt_as(const struct reference *ref, const struct spec_call *call,
                      enum slot_exemption exemption)
{
    return ref->exempt[frame_to_index(call->paddr)] == exemption;
}

/* The region invariant holds at the slot. */
static bool settled(const struct reference *ref, const struct spec_call *call)
{
    return exempt_as(ref, call, EXEMPT_NOT);
}

static bool shared(const struct reference *ref, const struct spec_call *call)
{
    return meta_slot_status_of(ref_count_of(ref, call)) == META_SLOT_SHARED;
}

/* Nobody but the caller can reach the metadata. */
static bool exclusive(const struct reference *ref, const struct spec_call *call)
{
    return ref_count_of(ref, call) == 0 || ref_count_of(ref, call) == SPEC_REF_COUNT_UNIQUE;
}

static bool has_metadata(const struct reference *ref, const struct spec_call *call)
{
    const struct metadata_inner_perms *perms = &owner_of(ref, call)->inner_perms;

    return perms->storage.is_init && perms->vtable_ptr.is_init;
}

static bool unlisted(const struct reference *ref, const struct spec_call *call)
{
    return owner_of(ref, call)->inner_perms.in_list.value == 0;
}

static bool unlisted_and_unmapped(const struct reference *ref, const struct spec_call *call)
{
    return unlisted(ref, call) && owner_of(ref, call)->paths_in_pt == 0;
}

/*
 * Functions that take any address answer for any state; the executable function's answer on an
 * illegal count is known (InUse, or a panic). Only a slot that somebody is in the middle of
 * changing is out of bounds.
 */
static bool any_address(const struct reference *ref, const struct spec_call *call)
{
    return !safe(ref, call) || settled(ref, call) || exempt_as(ref, call, EXEMPT_OVERFLOW);
}

static bool settled_slot(const struct reference *ref, const struct spec_call *call)
{
    return safe(ref, call) && settled(ref, call);
}

/* A live Frame handle names a slot in use. */
static bool live_frame(const struct reference *ref, const struct spec_call *call)
{
    return settled_slot(ref, call) && shared(ref, call) && holders_of(ref, call)->live_frames > 0;
}

static bool live_unique_frame(const struct reference *ref, const struct spec_call *call)
{
    return settled_slot(ref, call) && ref_count_of(ref, call) == SPEC_REF_COUNT_UNIQUE &&
           holders_of(ref, call)->live_unique_frames > 0;
}

/* --- suite --- */

/* UNIQUE and UNUSED are no counts. */
bool requires_setup(const struct reference *ref, const struct spec_call *call)
{
    return settled_slot(ref, call) && ref_count_of(ref, call) == SPEC_REF_COUNT_UNUSED &&
           call->count < SPEC_REF_COUNT_UNIQUE;
}

/* --- MetaSlot --- */

bool requires_get_slot(const struct reference *ref, const struct spec_call *call)
{
    return any_address(ref, call);
}

bool requires_get_from_unused(const struct reference *ref, const struct spec_call *call)
{
    return any_address(ref, call);
}

bool requires_repark(const struct reference *ref, const struct spec_call *call)
{
    return safe(ref, call) && exempt_as(ref, call, EXEMPT_EXTRACTED);
}

bool requires_get_from_in_use(const struct reference *ref, const struct spec_call *call)
{
    return any_address(ref, call);
}

/* The caller holds a reference. */
bool requires_inc_ref_count(const struct reference *ref, const struct spec_call *call)
{
    return safe(ref, call) && any_address(ref, call) &&
           (holders_of(ref, call)->live_frames > 0 || holders_of(ref, call)->forgotten_frames > 0);
}

bool requires_frame_paddr(const struct reference *ref, const struct spec_call *call)
{
    return safe(ref, call) && any_address(ref, call);
}

bool requires_as_meta_ptr(const struct reference *ref, const struct spec_call *call)
{
    return safe(ref, call) && any_address(ref, call);
}

bool requires_dyn_meta_ptr(const struct reference *ref, const struct spec_call *call)
{
    return settled_slot(ref, call) && has_metadata(ref, call);
}

bool requires_write_meta(const struct reference *ref, const struct spec_call *call)
{
    return safe(ref, call) && (settled(ref, call) || exempt_as(ref, call, EXEMPT_DROPPED)) &&
           exclusive(ref, call);
}

bool requires_drop_meta_in_place(const struct reference *ref, const struct spec_call *call)
{
    return settled_slot(ref, call) && exclusive(ref, call) && has_metadata(ref, call) &&
           unlisted(ref, call);
}

bool requires_drop_last_in_place(const struct reference *ref, const struct spec_call *call)
{
    return settled_slot(ref, call) && ref_count_of(ref, call) == 0 && has_metadata(ref, call) &&
           unlisted_and_unmapped(ref, call);
}

/* --- Frame --- */

bool requires_frame_from_unused(const struct reference *ref, const struct spec_call *call)
{
    return any_address(ref, call);
}

bool requires_frame_from_in_use(const struct reference *ref, const struct spec_call *call)
{
    return any_address(ref, call);
}

bool requires_frame_clone(const struct reference *ref, const struct spec_call *call)
{
    return live_frame(ref, call);
}

bool requires_frame_drop(const struct reference *ref, const struct spec_call *call)
{
    return live_frame(ref, call) &&
           (ref_count_of(ref, call) > 1 || unlisted_and_unmapped(ref, call));
}

bool requires_frame_into_raw(const struct reference *ref, const struct spec_call *call)
{
    return live_frame(ref, call);
}

bool requires_frame_from_raw(const struct reference *ref, const struct spec_call *call)
{
    return settled_slot(ref, call) && shared(ref, call) &&
           holders_of(ref, call)->forgotten_frames > 0;
}

bool requires_frame_reference_count(const struct reference *ref, const struct spec_call *call)
{
    return live_frame(ref, call);
}

bool requires_frame_meta(const struct reference *ref, const struct spec_call *call)
{
    return live_frame(ref, call);
}

/* --- UniqueFrame --- */

bool requires_unique_frame_from_unused(const struct reference *ref, const struct spec_call *call)
{
    return any_address(ref, call);
}

bool requires_unique_frame_drop(const struct reference *ref, const struct spec_call *call)
{
    return live_unique_frame(ref, call) && unlisted_and_unmapped(ref, call);
}

bool requires_frame_from_unique(const struct reference *ref, const struct spec_call *call)
{
    return live_unique_frame(ref, call) && unlisted_and_unmapped(ref, call);
}

bool requires_unique_frame_try_from(const struct reference *ref, const struct spec_call *call)
{
    return live_frame(ref, call);
}

/* Drops the metadata in place. */
bool requires_unique_frame_repurpose(const struct reference *ref, const struct spec_call *call)
{
    return live_unique_frame(ref, call) && unlisted(ref, call);
}

bool requires_unique_frame_reset_as_unused(const struct reference *ref,
                                           const struct spec_call *call)
{
    return live_unique_frame(ref, call) && unlisted_and_unmapped(ref, call);
}

/* The reference handed out is to metadata of the slot's own type. */
bool requires_unique_frame_meta_mut(const struct reference *ref, const struct spec_call *call)
{
    return live_unique_frame(ref, call) &&
           call->metadata.type == owner_of(ref, call)->inner_perms.vtable_ptr.value;
}

bool requires_unique_frame_into_raw(const struct reference *ref, const struct spec_call *call)
{
    return live_unique_frame(ref, call);
}

bool requires_unique_frame_from_raw(const struct reference *ref, const struct spec_call *call)
{
    return settled_slot(ref, call) && ref_count_of(ref, call) == SPEC_REF_COUNT_UNIQUE &&
           holders_of(ref, call)->forgotten_unique_frames > 0;
}

/* --- PageTableNode --- */

/* What is not stored does not matter. */
bool requires_page_table_node_alloc(const struct reference *ref, const struct spec_call *call)
{
    const bool stored = safe(ref, call) && ref_count_of(ref, call) == SPEC_REF_COUNT_UNUSED;

    return any_address(ref, call) && (!stored || call->metadata.type == SPEC_METADATA_PT_NODE);
}
