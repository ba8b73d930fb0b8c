/* SPDX-License-Identifier: MPL-2.0 */
#include "subject_call.h"

#include <string.h>

#include "slotcheck/lockstep.h"

/* --- what a subject offers --- */

bool subject_offers(const struct slotcheck_subject *subject, enum op op)
{
    switch (op) {
    case OP_setup:
        return subject->frame_from_unused && subject->frame_into_raw && subject->set_ref_count;
    case OP_repark:
        /* A permission is a ghost: without a function there is nothing to do. */
        return subject->get_from_unused != NULL;
#define OFFERS(name)                                                                               \
    case OP_##name:                                                                                \
        return subject->name != NULL
        OFFERS(get_slot);
        OFFERS(get_from_unused);
        OFFERS(get_from_in_use);
        OFFERS(inc_ref_count);
        OFFERS(frame_paddr);
        OFFERS(as_meta_ptr);
        OFFERS(dyn_meta_ptr);
        OFFERS(write_meta);
        OFFERS(drop_meta_in_place);
        OFFERS(drop_last_in_place);
        OFFERS(frame_from_unused);
        OFFERS(frame_from_in_use);
        OFFERS(frame_clone);
        OFFERS(frame_drop);
        OFFERS(frame_into_raw);
        OFFERS(frame_from_raw);
        OFFERS(frame_reference_count);
        OFFERS(frame_meta);
        OFFERS(unique_frame_from_unused);
        OFFERS(unique_frame_drop);
        OFFERS(frame_from_unique);
        OFFERS(unique_frame_try_from);
        OFFERS(unique_frame_repurpose);
        OFFERS(unique_frame_reset_as_unused);
        OFFERS(unique_frame_meta_mut);
        OFFERS(unique_frame_into_raw);
        OFFERS(unique_frame_from_raw);
        OFFERS(page_table_node_alloc);
#undef OFFERS
    case NR_OPS:
        break;
    }
    return false;
}

/* --- the two address spaces --- */

static uint64_t slot_to_subject(const struct subject_region *on, uint64_t paddr)
{
    return on->slot0 + frame_to_index(paddr) * SPEC_META_SLOT_SIZE;
}

/* Slot pointers are compared as addresses relative to slot 0. */
static uint64_t slot_from_subject(const struct subject_region *on, uint64_t address)
{
    return SPEC_FRAME_METADATA_RANGE_START + (address - on->slot0);
}

struct slotcheck_metadata metadata_to_subject(const struct meta_slot_storage *metadata)
{
    struct slotcheck_metadata to;

    _Static_assert(sizeof(to) == sizeof(*metadata), "the same words on both sides");
    memcpy(&to, metadata, sizeof(to));
    if (metadata->type == SPEC_METADATA_FRAME_LINK) {
        if (metadata->frame_link.next_is_some)
            to.word[1] -= SPEC_FRAME_METADATA_RANGE_START;
        if (metadata->frame_link.prev_is_some)
            to.word[3] -= SPEC_FRAME_METADATA_RANGE_START;
    }
    return to;
}

struct meta_slot_storage metadata_from_subject(const struct slotcheck_metadata *metadata)
{
    struct meta_slot_storage from;

    memcpy(&from, metadata, sizeof(from));
    /* Whatever a subject calls a type that there is none of, it is the same to us. */
    if (metadata->type > SLOTCHECK_METADATA_PROBE)
        from.type = SPEC_METADATA_PROBE + 1;
    if (metadata->type == SLOTCHECK_METADATA_FRAME_LINK) {
        if (metadata->word[0])
            from.frame_link.next += SPEC_FRAME_METADATA_RANGE_START;
        if (metadata->word[2])
            from.frame_link.prev += SPEC_FRAME_METADATA_RANGE_START;
    }
    return from;
}

/* --- the calls --- */

/* The answer of a fallible function: a slot, if it is OK. */
static void answer_slot(const struct subject_region *on, struct spec_outcome *outcome,
                        uint32_t result, uint64_t slot)
{
    outcome->result = (enum spec_result)result;
    outcome->value = result == SLOTCHECK_OK ? slot_from_subject(on, slot) : 0;
}

static void answer_value(struct spec_outcome *outcome, uint64_t value)
{
    outcome->result = SPEC_OK;
    outcome->value = value;
}

/* Suite: a forgotten frame, and then the count. */
static void call_setup(const struct subject_region *on, const struct spec_call *call,
                       struct spec_outcome *outcome)
{
    const struct slotcheck_metadata metadata = metadata_to_subject(&call->metadata);
    uint64_t frame = 0;

    outcome->result = (enum spec_result)on->subject->frame_from_unused(on->region, call->paddr,
                                                                       &metadata, &frame);
    if (outcome->result != SPEC_OK)
        return;
    on->subject->frame_into_raw(on->region, frame);
    on->subject->set_ref_count(on->region, slot_to_subject(on, call->paddr), call->count);
}

void subject_call(const struct subject_region *on, enum op op, const struct spec_call *call,
                  struct spec_outcome *outcome)
{
    const struct slotcheck_subject *subject = on->subject;
    struct slotcheck_region *region = on->region;
    const uint64_t paddr = call->paddr;
    const uint64_t slot = slot_to_subject(on, paddr); /* handles travel as slot addresses too */
    struct slotcheck_metadata metadata = metadata_to_subject(&call->metadata);
    uint32_t result = SLOTCHECK_OK;
    uint64_t out = 0;

    *outcome = (struct spec_outcome){.result = SPEC_OK};
    switch (op) {
    case OP_setup:
        call_setup(on, call, outcome);
        return;
    case OP_get_slot:
        result = subject->get_slot(region, paddr, &out);
        break;
    case OP_get_from_unused:
        result = subject->get_from_unused(region, paddr, &metadata, call->as_unique, &out);
        break;
    case OP_repark:
        if (subject->repark)
            subject->repark(region, slot);
        return;
    case OP_get_from_in_use:
        result = subject->get_from_in_use(region, paddr, &out);
        break;
    case OP_inc_ref_count:
        outcome->result = (enum spec_result)subject->inc_ref_count(region, slot);
        return;
    case OP_frame_paddr:
        answer_value(outcome, subject->frame_paddr(region, slot));
        return;
    case OP_as_meta_ptr:
        out = subject->as_meta_ptr(region, slot);
        break;
    case OP_dyn_meta_ptr:
        out = subject->dyn_meta_ptr(region, slot, &outcome->metadata.type);
        break;
    case OP_write_meta:
        subject->write_meta(region, slot, &metadata);
        return;
    case OP_drop_meta_in_place:
        subject->drop_meta_in_place(region, slot);
        return;
    case OP_drop_last_in_place:
        subject->drop_last_in_place(region, slot);
        return;
    case OP_frame_from_unused:
        result = subject->frame_from_unused(region, paddr, &metadata, &out);
        break;
    case OP_frame_from_in_use:
        result = subject->frame_from_in_use(region, paddr, &out);
        break;
    case OP_frame_clone:
        result = subject->frame_clone(region, slot, &out);
        break;
    case OP_frame_drop:
        subject->frame_drop(region, slot);
        return;
    case OP_frame_into_raw:
        answer_value(outcome, subject->frame_into_raw(region, slot));
        return;
    case OP_frame_from_raw:
        out = subject->frame_from_raw(region, paddr);
        break;
    case OP_frame_reference_count:
        answer_value(outcome, subject->frame_reference_count(region, slot));
        return;
    case OP_frame_meta:
        subject->frame_meta(region, slot, &metadata);
        outcome->metadata = metadata_from_subject(&metadata);
        return;
    case OP_unique_frame_from_unused:
        result = subject->unique_frame_from_unused(region, paddr, &metadata, &out);
        break;
    case OP_unique_frame_drop:
        subject->unique_frame_drop(region, slot);
        return;
    case OP_frame_from_unique:
        out = subject->frame_from_unique(region, slot);
        break;
    case OP_unique_frame_try_from:
        result = subject->unique_frame_try_from(region, slot, &out);
        break;
    case OP_unique_frame_repurpose:
        out = subject->unique_frame_repurpose(region, slot, &metadata);
        break;
    case OP_unique_frame_reset_as_unused:
        subject->unique_frame_reset_as_unused(region, slot);
        return;
    case OP_unique_frame_meta_mut:
        subject->unique_frame_meta_mut(region, slot, &metadata);
        return;
    case OP_unique_frame_into_raw:
        answer_value(outcome, subject->unique_frame_into_raw(region, slot));
        return;
    case OP_unique_frame_from_raw:
        out = subject->unique_frame_from_raw(region, paddr);
        break;
    case OP_page_table_node_alloc:
        result = subject->page_table_node_alloc(region, paddr,
                                                (uint32_t)call->metadata.pt_node.level, &out);
        break;
    case NR_OPS:
        return;
    }
    /* What gets here has answered with a slot. */
    answer_slot(on, outcome, result, out);
}
