/* SPDX-License-Identifier: MPL-2.0 */
#include "subject_call.h"

#include <string.h>

#include "slotcheck/lockstep.h"
#include "subject_calls.h"

/* --- what a subject offers --- */

bool subject_offers(const struct slotcheck_subject *subject, enum op op)
{
    switch (op) {
    case OP_setup:
        return subject->frame_from_unused && subject->frame_into_raw && subject->set_ref_count;
    case OP_repark:
        /* A permission is a ghost: without a function there is nothing to do. */
        return subject->get_from_unused != NULL;
    case OP_setup_list_id:
        return subject->set_next_list_id && subject->list_new;
    case OP_lemma_layout:
        return subject->slot_size != NULL;
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
        OFFERS(memory_range);
        OFFERS(frame_borrow);
        OFFERS(frame_try_from);
        OFFERS(frame_map);
        OFFERS(frame_unmap);
        OFFERS(mmio_map);
        OFFERS(mmio_unmap);
        OFFERS(list_new);
        OFFERS(list_push_front);
        OFFERS(list_push_back);
        OFFERS(list_pop_front);
        OFFERS(list_pop_back);
        OFFERS(list_contains);
        OFFERS(list_cursor_mut_at);
        OFFERS(list_cursor_front_mut);
        OFFERS(list_cursor_back_mut);
        OFFERS(cursor_move_next);
        OFFERS(cursor_move_prev);
        OFFERS(cursor_insert_before);
        OFFERS(cursor_take_current);
        OFFERS(list_drop);
        OFFERS(segment_from_unused);
        OFFERS(segment_clone);
        OFFERS(segment_slice);
        OFFERS(segment_split);
        OFFERS(segment_next);
        OFFERS(segment_into_raw);
        OFFERS(segment_from_raw);
        OFFERS(segment_drop);
        OFFERS(segment_from_frame);
        OFFERS(cast_slot);
        OFFERS(metadata_to_repr);
        OFFERS(metadata_from_repr);
        OFFERS(metadata_from_borrowed);
        OFFERS(metadata_as_link_to_repr);
        OFFERS(metadata_as_link_from_repr);
        OFFERS(metadata_as_link_from_borrowed);
#undef OFFERS
    case NR_OPS:
        break;
    }
    return false;
}

/* --- the two address spaces --- */

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

void subject_read_list(const struct subject_region *on, uint64_t i, struct linked_list_owner *list)
{
    struct slotcheck_list shown = {0};

    on->subject->read_list(on->region, on->lists[i], &shown);
    list->front = shown.front ? slot_from_subject(on, shown.front) : 0;
    list->back = shown.back ? slot_from_subject(on, shown.back) : 0;
    list->current = shown.current ? slot_from_subject(on, shown.current) : 0;
    list->size = shown.size;
    list->list_id = shown.list_id;
}

#define OP(name, ...) [OP_##name] = call_##name,
static subject_call_fn *const CALLS[NR_OPS] = {
#include "slotcheck/ops.def"
};
#undef OP

void subject_call(const struct subject_region *on, enum op op, const struct spec_call *call,
                  struct spec_outcome *outcome)
{
    /* In parts: all of it at once is cleared by a slow instruction. */
    outcome->result = SPEC_OK;
    outcome->value = 0;
    memset(outcome->detail, 0, sizeof(outcome->detail));
    outcome->metadata = (struct meta_slot_storage){0};
    CALLS[op](on, call, outcome);
}
