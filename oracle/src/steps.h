/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The pieces that the reference's operations are made of. Each changes the abstract state, or says
 * why it does not, in one respect.
 */
#pragma once

#include <string.h>

#include "metaslot_oracle/reference.h"

static inline struct meta_slot_owner *change(struct reference *ref, uint64_t paddr)
{
    return meta_region_owners_change(&ref->owners, frame_to_index(paddr));
}

static inline struct slot_holders *holders_of(struct reference *ref, uint64_t paddr)
{
    return &ref->holders[frame_to_index(paddr)];
}

static inline uint64_t ref_count_of(const struct reference *ref, uint64_t paddr)
{
    return ref->owners.slot_owners[frame_to_index(paddr)].inner_perms.ref_count.value;
}

static inline void answer(struct spec_outcome *outcome, enum spec_result result, uint64_t value)
{
    outcome->result = result;
    outcome->value = value;
    memset(outcome->detail, 0, sizeof(outcome->detail));
    outcome->metadata = (struct meta_slot_storage){0};
}

static inline void answer_ok(struct spec_outcome *outcome, uint64_t value)
{
    answer(outcome, SPEC_OK, value);
}

/* MetaSlot::get_slot: false, with the error answered, if there is no slot. */
static inline bool find_slot(const struct reference *ref, uint64_t paddr,
                             struct spec_outcome *outcome)
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
static inline void store_metadata(struct reference *ref, uint64_t paddr,
                                  const struct meta_slot_storage *metadata)
{
    struct metadata_inner_perms *perms = &change(ref, paddr)->inner_perms;

    perms->vtable_ptr.is_init = 1;
    perms->vtable_ptr.value = metadata->type;
    perms->storage.is_init = 1;
    perms->storage.value = *metadata;
}

/* MetaSlot::drop_meta_in_place: on_drop, then storage and vtable are uninit. */
static inline void drop_metadata(struct reference *ref, uint64_t paddr)
{
    struct metadata_inner_perms *perms = &change(ref, paddr)->inner_perms;

    if (perms->vtable_ptr.value == SPEC_METADATA_PROBE) {
        if (ref->nr_drops < SPEC_MAX_DROPS)
            ref->drops[ref->nr_drops] =
                (struct spec_drop){.paddr = paddr, .metadata = perms->storage.value};
        ref->nr_drops++;
    }
    perms->vtable_ptr.is_init = 0;
    perms->vtable_ptr.value = 0;
    perms->storage.is_init = 0;
    perms->storage.value = (struct meta_slot_storage){0};
}

static inline void set_ref_count(struct reference *ref, uint64_t paddr, uint64_t value)
{
    change(ref, paddr)->inner_perms.ref_count.value = value;
}

static inline void mint_obligation(struct reference *ref, uint64_t paddr)
{
    change(ref, paddr);
    ref->owners.frame_obligations[frame_to_index(paddr)]++;
}

static inline void redeem_obligation(struct reference *ref, uint64_t paddr)
{
    change(ref, paddr);
    ref->owners.frame_obligations[frame_to_index(paddr)]--;
}

/* The compare-and-swap of get_from_unused: false, with the error answered, if it fails. */
static inline bool claim(struct reference *ref, const struct spec_call *call,
                         struct spec_outcome *outcome)
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
    /* unreachable: the switch has every status */
    return false;
}

/* The rest of get_from_unused: metadata, usage and count of the claimed slot. */
static inline void publish(struct reference *ref, uint64_t paddr,
                           const struct meta_slot_storage *metadata, enum spec_page_usage usage,
                           uint64_t ref_count)
{
    store_metadata(ref, paddr, metadata);
    change(ref, paddr)->usage = usage;
    set_ref_count(ref, paddr, ref_count);
}

/* get_from_in_use: false, with the error or the panic answered, if the count does not grow. */
static inline bool acquire_reference(struct reference *ref, uint64_t paddr,
                                     struct spec_outcome *outcome)
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
static inline bool increment(struct reference *ref, uint64_t paddr, struct spec_outcome *outcome)
{
    const uint64_t old = ref_count_of(ref, paddr);

    set_ref_count(ref, paddr, old + 1);
    answer(outcome, old >= SPEC_REF_COUNT_MAX ? SPEC_PANIC : SPEC_OK, 0);
    return outcome->result == SPEC_OK;
}

/* drop_last_in_place: everything but metadata and count stays as it is. */
static inline void release(struct reference *ref, uint64_t paddr)
{
    drop_metadata(ref, paddr);
    set_ref_count(ref, paddr, SPEC_REF_COUNT_UNUSED);
}

/* What Frame::drop does to the slot. */
static inline void drop_reference(struct reference *ref, uint64_t paddr)
{
    const uint64_t old = ref_count_of(ref, paddr);

    set_ref_count(ref, paddr, old - 1);
    if (old == 1)
        release(ref, paddr);
}
