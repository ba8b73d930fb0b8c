/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The reference implementation: what each operation does to the abstract state, sequentially and
 * without cleverness. It may assume that the operation's requires_* holds.
 */
#include "metaslot_oracle/reference.h"

#include <stdlib.h>
#include <string.h>

#include "steps.h"

/* --- life cycle --- */

bool reference_create(struct reference *ref, uint64_t capacity)
{
    memset(ref, 0, sizeof(*ref));
    if (!meta_region_owners_create(&ref->owners, capacity))
        /* unreachable: there is memory, and a program has slots */
        return false;
    ref->holders = calloc(capacity, sizeof(*ref->holders));
    ref->exempt = calloc(capacity, sizeof(*ref->exempt));
    ref->next_list_id = 1;
    if (!ref->holders || !ref->exempt) {
        /* unreachable: there is memory */
        reference_destroy(ref);
        return false;
    }
    return true;
}

void reference_destroy(struct reference *ref)
{
    meta_region_owners_destroy(&ref->owners);
    free(ref->holders);
    free(ref->exempt);
    memset(ref, 0, sizeof(*ref));
}

void reference_boot(struct reference *ref, uint64_t nr_slots)
{
    meta_region_owners_boot(&ref->owners, nr_slots);
    for (uint64_t i = 0; i < nr_slots; i++)
        reference_boot_slot(ref, i);
    reference_boot_lists(ref);
    reference_begin(ref);
}

void reference_boot_slot(struct reference *ref, uint64_t index)
{
    meta_region_owners_boot_slot(&ref->owners, index);
    ref->holders[index] = (struct slot_holders){0};
    ref->exempt[index] = EXEMPT_NOT;
}

void reference_boot_lists(struct reference *ref)
{
    meta_region_owners_boot_lists(&ref->owners);
    ref->next_list_id = 1;
    ref->paths_in_use = 0;
}

void reference_begin(struct reference *ref)
{
    ref->nr_drops = 0;
}

/* --- suite --- */

void reference_setup(struct reference *ref, const struct spec_call *call,
                     struct spec_outcome *outcome)
{
    publish(ref, call->paddr, &call->metadata, SPEC_USAGE_FRAME, call->count);
    holders_of(ref, call->paddr)->forgotten_frames = call->count;
    if (meta_slot_status_of(call->count) == META_SLOT_OVERFLOW)
        ref->exempt[frame_to_index(call->paddr)] = EXEMPT_OVERFLOW;
    answer_ok(outcome, 0);
}

/* --- MetaSlot --- */

void reference_get_slot(struct reference *ref, const struct spec_call *call,
                        struct spec_outcome *outcome)
{
    find_slot(ref, call->paddr, outcome);
}

void reference_get_from_unused(struct reference *ref, const struct spec_call *call,
                               struct spec_outcome *outcome)
{
    if (!claim(ref, call, outcome))
        return;
    publish(ref, call->paddr, &call->metadata, SPEC_USAGE_FRAME,
            call->as_unique ? SPEC_REF_COUNT_UNIQUE : 1);
    meta_region_owners_remove_perm(&ref->owners, frame_to_index(call->paddr));
    ref->exempt[frame_to_index(call->paddr)] = EXEMPT_EXTRACTED;
    if (call->as_unique)
        holders_of(ref, call->paddr)->forgotten_unique_frames = 1;
    else
        holders_of(ref, call->paddr)->forgotten_frames = 1;
}

void reference_repark(struct reference *ref, const struct spec_call *call,
                      struct spec_outcome *outcome)
{
    meta_region_owners_insert_perm(&ref->owners, frame_to_index(call->paddr));
    ref->exempt[frame_to_index(call->paddr)] = EXEMPT_NOT;
    answer_ok(outcome, 0);
}

void reference_get_from_in_use(struct reference *ref, const struct spec_call *call,
                               struct spec_outcome *outcome)
{
    if (acquire_reference(ref, call->paddr, outcome))
        holders_of(ref, call->paddr)->forgotten_frames++;
}

void reference_inc_ref_count(struct reference *ref, const struct spec_call *call,
                             struct spec_outcome *outcome)
{
    if (increment(ref, call->paddr, outcome))
        holders_of(ref, call->paddr)->forgotten_frames++;
}

void reference_frame_paddr(struct reference *ref, const struct spec_call *call,
                           struct spec_outcome *outcome)
{
    answer_ok(outcome, meta_to_frame(ref->owners.slots[frame_to_index(call->paddr)].addr));
}

void reference_as_meta_ptr(struct reference *ref, const struct spec_call *call,
                           struct spec_outcome *outcome)
{
    answer_ok(outcome, ref->owners.slots[frame_to_index(call->paddr)].addr);
}

void reference_dyn_meta_ptr(struct reference *ref, const struct spec_call *call,
                            struct spec_outcome *outcome)
{
    const uint64_t index = frame_to_index(call->paddr);

    answer_ok(outcome, ref->owners.slots[index].addr);
    outcome->metadata.type = ref->owners.slot_owners[index].inner_perms.vtable_ptr.value;
}

void reference_write_meta(struct reference *ref, const struct spec_call *call,
                          struct spec_outcome *outcome)
{
    store_metadata(ref, call->paddr, &call->metadata);
    ref->exempt[frame_to_index(call->paddr)] = EXEMPT_NOT;
    answer_ok(outcome, 0);
}

void reference_drop_meta_in_place(struct reference *ref, const struct spec_call *call,
                                  struct spec_outcome *outcome)
{
    drop_metadata(ref, call->paddr);
    if (ref_count_of(ref, call->paddr) == SPEC_REF_COUNT_UNIQUE)
        ref->exempt[frame_to_index(call->paddr)] = EXEMPT_DROPPED;
    answer_ok(outcome, 0);
}

void reference_drop_last_in_place(struct reference *ref, const struct spec_call *call,
                                  struct spec_outcome *outcome)
{
    /* At UNIQUE, by the verified sources, the handle forgotten ends with it; at 0 there is none. */
    holders_of(ref, call->paddr)->forgotten_unique_frames = 0;
    release(ref, call->paddr);
    answer_ok(outcome, 0);
}

/* --- Frame --- */

void reference_frame_from_unused(struct reference *ref, const struct spec_call *call,
                                 struct spec_outcome *outcome)
{
    if (!claim(ref, call, outcome))
        return;
    publish(ref, call->paddr, &call->metadata, SPEC_USAGE_FRAME, 1);
    mint_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->live_frames = 1;
}

void reference_frame_from_in_use(struct reference *ref, const struct spec_call *call,
                                 struct spec_outcome *outcome)
{
    if (!acquire_reference(ref, call->paddr, outcome))
        return;
    mint_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->live_frames++;
}

void reference_frame_clone(struct reference *ref, const struct spec_call *call,
                           struct spec_outcome *outcome)
{
    if (!increment(ref, call->paddr, outcome))
        return;
    mint_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->live_frames++;
    outcome->value = frame_to_meta(call->paddr);
}

void reference_frame_drop(struct reference *ref, const struct spec_call *call,
                          struct spec_outcome *outcome)
{
    redeem_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->live_frames--;
    drop_reference(ref, call->paddr);
    answer_ok(outcome, 0);
}

void reference_frame_into_raw(struct reference *ref, const struct spec_call *call,
                              struct spec_outcome *outcome)
{
    redeem_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->live_frames--;
    holders_of(ref, call->paddr)->forgotten_frames++;
    answer_ok(outcome, call->paddr);
}

void reference_frame_from_raw(struct reference *ref, const struct spec_call *call,
                              struct spec_outcome *outcome)
{
    mint_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->forgotten_frames--;
    holders_of(ref, call->paddr)->live_frames++;
    answer_ok(outcome, frame_to_meta(call->paddr));
}

void reference_frame_reference_count(struct reference *ref, const struct spec_call *call,
                                     struct spec_outcome *outcome)
{
    answer_ok(outcome, ref_count_of(ref, call->paddr));
}

void reference_frame_meta(struct reference *ref, const struct spec_call *call,
                          struct spec_outcome *outcome)
{
    answer_ok(outcome, 0);
    outcome->metadata =
        ref->owners.slot_owners[frame_to_index(call->paddr)].inner_perms.storage.value;
}

/* --- FrameRef, typed views --- */

/* What is read through the reference: the metadata, and the count. */
void reference_frame_borrow(struct reference *ref, const struct spec_call *call,
                            struct spec_outcome *outcome)
{
    answer_ok(outcome, frame_to_meta(call->paddr));
    outcome->metadata =
        ref->owners.slot_owners[frame_to_index(call->paddr)].inner_perms.storage.value;
    outcome->detail[0] = ref_count_of(ref, call->paddr);
}

void reference_frame_try_from(struct reference *ref, const struct spec_call *call,
                              struct spec_outcome *outcome)
{
    const uint64_t index = frame_to_index(call->paddr);

    if (ref->owners.slot_owners[index].inner_perms.vtable_ptr.value == call->type)
        answer_ok(outcome, frame_to_meta(call->paddr));
    else
        answer(outcome, SPEC_RETURNED, 0);
}

/* --- UniqueFrame --- */

void reference_unique_frame_from_unused(struct reference *ref, const struct spec_call *call,
                                        struct spec_outcome *outcome)
{
    if (!claim(ref, call, outcome))
        return;
    publish(ref, call->paddr, &call->metadata, SPEC_USAGE_FRAME, SPEC_REF_COUNT_UNIQUE);
    mint_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->live_unique_frames = 1;
}

void reference_unique_frame_drop(struct reference *ref, const struct spec_call *call,
                                 struct spec_outcome *outcome)
{
    redeem_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->live_unique_frames = 0;
    release(ref, call->paddr);
    answer_ok(outcome, 0);
}

void reference_frame_from_unique(struct reference *ref, const struct spec_call *call,
                                 struct spec_outcome *outcome)
{
    set_ref_count(ref, call->paddr, 1);
    holders_of(ref, call->paddr)->live_unique_frames = 0;
    holders_of(ref, call->paddr)->live_frames = 1;
    answer_ok(outcome, frame_to_meta(call->paddr));
}

void reference_unique_frame_try_from(struct reference *ref, const struct spec_call *call,
                                     struct spec_outcome *outcome)
{
    if (ref_count_of(ref, call->paddr) != 1) {
        answer(outcome, SPEC_RETURNED, 0);
        return;
    }
    set_ref_count(ref, call->paddr, SPEC_REF_COUNT_UNIQUE);
    holders_of(ref, call->paddr)->live_frames = 0;
    holders_of(ref, call->paddr)->live_unique_frames = 1;
    answer_ok(outcome, frame_to_meta(call->paddr));
}

void reference_unique_frame_repurpose(struct reference *ref, const struct spec_call *call,
                                      struct spec_outcome *outcome)
{
    drop_metadata(ref, call->paddr);
    store_metadata(ref, call->paddr, &call->metadata);
    answer_ok(outcome, frame_to_meta(call->paddr));
}

void reference_unique_frame_reset_as_unused(struct reference *ref, const struct spec_call *call,
                                            struct spec_outcome *outcome)
{
    redeem_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->live_unique_frames = 0;
    release(ref, call->paddr);
    answer_ok(outcome, 0);
}

void reference_unique_frame_meta_mut(struct reference *ref, const struct spec_call *call,
                                     struct spec_outcome *outcome)
{
    change(ref, call->paddr)->inner_perms.storage.value = call->metadata;
    answer_ok(outcome, 0);
}

void reference_unique_frame_into_raw(struct reference *ref, const struct spec_call *call,
                                     struct spec_outcome *outcome)
{
    redeem_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->live_unique_frames = 0;
    holders_of(ref, call->paddr)->forgotten_unique_frames = 1;
    answer_ok(outcome, call->paddr);
}

void reference_unique_frame_from_raw(struct reference *ref, const struct spec_call *call,
                                     struct spec_outcome *outcome)
{
    mint_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->forgotten_unique_frames = 0;
    holders_of(ref, call->paddr)->live_unique_frames = 1;
    answer_ok(outcome, frame_to_meta(call->paddr));
}

/* --- PageTableNode --- */

void reference_page_table_node_alloc(struct reference *ref, const struct spec_call *call,
                                     struct spec_outcome *outcome)
{
    if (!claim(ref, call, outcome))
        return;
    publish(ref, call->paddr, &call->metadata, SPEC_USAGE_PAGE_TABLE, 1);
    mint_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->live_frames = 1;
}
