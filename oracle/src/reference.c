/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The reference implementation: what each operation does to the abstract state, sequentially and
 * without cleverness. It may assume that the operation's requires_* holds.
 */
#include "metaslot_oracle/reference.h"

#include <stdlib.h>
#include <string.h>

/* --- life cycle --- */

bool reference_create(struct reference *ref, uint64_t capacity)
{
    memset(ref, 0, sizeof(*ref));
    if (!meta_region_owners_create(&ref->owners, capacity))
        return false;
    ref->holders = calloc(capacity, sizeof(*ref->holders));
    ref->exempt = calloc(capacity, sizeof(*ref->exempt));
    if (!ref->holders || !ref->exempt) {
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
    reference_begin(ref);
}

void reference_boot_slot(struct reference *ref, uint64_t index)
{
    meta_region_owners_boot_slot(&ref->owners, index);
    ref->holders[index] = (struct slot_holders){0};
    ref->exempt[index] = EXEMPT_NOT;
}

void reference_begin(struct reference *ref)
{
    ref->nr_drops = 0;
}

/* --- the pieces that operations are made of --- */

static struct meta_slot_owner *change(struct reference *ref, uint64_t paddr)
{
    return meta_region_owners_change(&ref->owners, frame_to_index(paddr));
}

static struct slot_holders *holders_of(struct reference *ref, uint64_t paddr)
{
    return &ref->holders[frame_to_index(paddr)];
}

static uint64_t ref_count_of(const struct reference *ref, uint64_t paddr)
{
    return ref->owners.slot_owners[frame_to_index(paddr)].inner_perms.ref_count.value;
}

static void answer(struct spec_outcome *outcome, enum spec_result result, uint64_t value)
{
    outcome->result = result;
    outcome->value = value;
    outcome->metadata = (struct meta_slot_storage){0};
}

static void answer_ok(struct spec_outcome *outcome, uint64_t value)
{
    answer(outcome, SPEC_OK, value);
}

/* MetaSlot::get_slot: false, with the error answered, if there is no slot. */
static bool find_slot(const struct reference *ref, uint64_t paddr, struct spec_outcome *outcome)
{
    if (paddr % SPEC_PAGE_SIZE != 0) {
        answer(outcome, SPEC_NOT_ALIGNED, 0);
        return false;
    }
    if (paddr >= ref->owners.max_meta_slots * SPEC_PAGE_SIZE) {
        answer(outcome, SPEC_OUT_OF_BOUND, 0);
        return false;
    }
    answer_ok(outcome, frame_to_meta(paddr));
    return true;
}

/* MetaSlot::write_meta: neither reads nor drops what was there. */
static void store_metadata(struct reference *ref, uint64_t paddr,
                           const struct meta_slot_storage *metadata)
{
    struct metadata_inner_perms *perms = &change(ref, paddr)->inner_perms;

    perms->vtable_ptr.is_init = 1;
    perms->vtable_ptr.value = metadata->type;
    perms->storage.is_init = 1;
    perms->storage.value = *metadata;
}

/* MetaSlot::drop_meta_in_place: on_drop, then storage and vtable are uninit. */
static void drop_metadata(struct reference *ref, uint64_t paddr)
{
    struct metadata_inner_perms *perms = &change(ref, paddr)->inner_perms;

    if (perms->vtable_ptr.value == SPEC_METADATA_PROBE) {
        if (ref->nr_drops < sizeof(ref->drops) / sizeof(ref->drops[0]))
            ref->drops[ref->nr_drops] =
                (struct spec_drop){.paddr = paddr, .metadata = perms->storage.value};
        ref->nr_drops++;
    }
    perms->vtable_ptr.is_init = 0;
    perms->vtable_ptr.value = 0;
    perms->storage.is_init = 0;
    perms->storage.value = (struct meta_slot_storage){0};
}

static void set_ref_count(struct reference *ref, uint64_t paddr, uint64_t value)
{
    change(ref, paddr)->inner_perms.ref_count.value = value;
}

static void mint_obligation(struct reference *ref, uint64_t paddr)
{
    change(ref, paddr);
    ref->owners.frame_obligations[frame_to_index(paddr)]++;
}

static void redeem_obligation(struct reference *ref, uint64_t paddr)
{
    change(ref, paddr);
    ref->owners.frame_obligations[frame_to_index(paddr)]--;
}

/* The compare-and-swap of get_from_unused: false, with the error answered, if it fails. */
static bool claim(struct reference *ref, const struct spec_call *call, struct spec_outcome *outcome)
{
    if (!find_slot(ref, call->paddr, outcome))
        return false;
    switch (meta_slot_status_of(ref_count_of(ref, call->paddr))) {
    case META_SLOT_UNUSED:
        return true;
    case META_SLOT_UNIQUE:
        answer(outcome, SPEC_UNIQUE, 0);
        return false;
    case META_SLOT_UNDER_CONSTRUCTION:
        answer(outcome, SPEC_BUSY, 0);
        return false;
    case META_SLOT_SHARED:
    case META_SLOT_OVERFLOW:
        answer(outcome, SPEC_IN_USE, 0);
        return false;
    }
    return false;
}

/* The rest of get_from_unused: metadata, usage and count of the claimed slot. */
static void publish(struct reference *ref, uint64_t paddr, const struct meta_slot_storage *metadata,
                    enum spec_page_usage usage, uint64_t ref_count)
{
    store_metadata(ref, paddr, metadata);
    change(ref, paddr)->usage = usage;
    set_ref_count(ref, paddr, ref_count);
}

/* get_from_in_use: false, with the error or the panic answered, if the count does not grow. */
static bool acquire_reference(struct reference *ref, uint64_t paddr, struct spec_outcome *outcome)
{
    if (!find_slot(ref, paddr, outcome))
        return false;

    const uint64_t ref_count = ref_count_of(ref, paddr);

    if (ref_count == SPEC_REF_COUNT_UNUSED)
        answer(outcome, SPEC_UNUSED, 0);
    else if (ref_count == SPEC_REF_COUNT_UNIQUE)
        answer(outcome, SPEC_UNIQUE, 0);
    else if (ref_count == 0)
        answer(outcome, SPEC_BUSY, 0);
    else if (ref_count >= SPEC_REF_COUNT_MAX)
        answer(outcome, SPEC_PANIC, 0);
    else
        set_ref_count(ref, paddr, ref_count + 1);
    return outcome->result == SPEC_OK;
}

/* inc_ref_count: adds first and panics then; false if it panicked. */
static bool increment(struct reference *ref, uint64_t paddr, struct spec_outcome *outcome)
{
    const uint64_t old = ref_count_of(ref, paddr);

    set_ref_count(ref, paddr, old + 1);
    answer(outcome, old >= SPEC_REF_COUNT_MAX ? SPEC_PANIC : SPEC_OK, 0);
    return outcome->result == SPEC_OK;
}

/* drop_last_in_place: everything but metadata and count stays as it is. */
static void release(struct reference *ref, uint64_t paddr)
{
    drop_metadata(ref, paddr);
    set_ref_count(ref, paddr, SPEC_REF_COUNT_UNUSED);
    *holders_of(ref, paddr) = (struct slot_holders){0};
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
    const uint64_t old = ref_count_of(ref, call->paddr);

    redeem_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->live_frames--;
    set_ref_count(ref, call->paddr, old - 1);
    if (old == 1)
        release(ref, call->paddr);
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
