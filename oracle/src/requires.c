/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The preconditions: what the source's `requires` and SAFETY comments ask of a caller. A call
 * outside of them is undefined for every implementation, and proves nothing.
 */
#include "metaslot_oracle/reference.h"

#include "conditions.h"

/* --- suite --- */

/* UNIQUE and UNUSED are no counts. */
bool requires_setup(const struct reference *ref, const struct spec_call *call)
{
    return settled_slot(ref, call) && claimable(ref, call) &&
           count_of(ref, call) == SPEC_REF_COUNT_UNUSED && call->count < SPEC_REF_COUNT_UNIQUE;
}

/* --- MetaSlot --- */

bool requires_get_slot(const struct reference *ref, const struct spec_call *call)
{
    return any_address(ref, call);
}

bool requires_get_from_unused(const struct reference *ref, const struct spec_call *call)
{
    return claimable(ref, call);
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
           (held(ref, call)->live_frames > 0 || held(ref, call)->forgotten_frames > 0);
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

/* A frame in a list is the list's, its links with it. */
bool requires_write_meta(const struct reference *ref, const struct spec_call *call)
{
    return safe(ref, call) && (settled(ref, call) || exempt_as(ref, call, EXEMPT_DROPPED)) &&
           exclusive(ref, call) && unlisted(ref, call);
}

bool requires_drop_meta_in_place(const struct reference *ref, const struct spec_call *call)
{
    return settled_slot(ref, call) && exclusive(ref, call) && has_metadata(ref, call) &&
           unlisted(ref, call);
}

/* A unique slot that no handle and no list holds: its one handle was forgotten. */
static bool forgotten_unique(const struct reference *ref, const struct spec_call *call)
{
    return count_of(ref, call) == SPEC_REF_COUNT_UNIQUE &&
           held(ref, call)->forgotten_unique_frames == 1;
}

/* The shipping kernel asserts a count of 0; the verified sources allow UNIQUE too. */
bool requires_drop_last_in_place(const struct reference *ref, const struct spec_call *call)
{
    const bool dying = count_of(ref, call) == 0;

    return settled_slot(ref, call) &&
           (dying || (call->variant == SPEC_VOSTD && forgotten_unique(ref, call))) &&
           has_metadata(ref, call) && unlisted_and_unmapped(ref, call);
}

/* --- Frame --- */

bool requires_frame_from_unused(const struct reference *ref, const struct spec_call *call)
{
    return claimable(ref, call);
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
    return live_frame(ref, call) && (count_of(ref, call) > 1 || unlisted_and_unmapped(ref, call));
}

bool requires_frame_into_raw(const struct reference *ref, const struct spec_call *call)
{
    return live_frame(ref, call);
}

bool requires_frame_from_raw(const struct reference *ref, const struct spec_call *call)
{
    return settled_slot(ref, call) && shared(ref, call) && held(ref, call)->forgotten_frames > 0;
}

bool requires_frame_reference_count(const struct reference *ref, const struct spec_call *call)
{
    return live_frame(ref, call);
}

bool requires_frame_meta(const struct reference *ref, const struct spec_call *call)
{
    return live_frame(ref, call);
}

/* --- FrameRef, typed views --- */

bool requires_frame_borrow(const struct reference *ref, const struct spec_call *call)
{
    return live_frame(ref, call);
}

bool requires_frame_try_from(const struct reference *ref, const struct spec_call *call)
{
    return live_frame(ref, call);
}

/* --- UniqueFrame --- */

bool requires_unique_frame_from_unused(const struct reference *ref, const struct spec_call *call)
{
    return claimable(ref, call);
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
    return settled_slot(ref, call) && count_of(ref, call) == SPEC_REF_COUNT_UNIQUE &&
           held(ref, call)->forgotten_unique_frames > 0;
}

/* --- PageTableNode --- */

/* What is not stored does not matter. */
bool requires_page_table_node_alloc(const struct reference *ref, const struct spec_call *call)
{
    const bool stored = safe(ref, call) && count_of(ref, call) == SPEC_REF_COUNT_UNUSED;

    return claimable(ref, call) && (!stored || call->metadata.type == SPEC_METADATA_PT_NODE);
}
