/* SPDX-License-Identifier: MPL-2.0 */
/* The calls of MetaSlot, Frame, UniqueFrame, PageTableNode, and of setups. */
#include "subject_calls.h"

/* --- setup --- */

/* A forgotten frame, and then the count. */
void call_setup(const struct subject_region *on, const struct spec_call *call,
                struct spec_outcome *outcome)
{
    const struct slotcheck_metadata metadata = metadata_to_subject(&call->metadata);
    uint64_t frame = 0;

    answer_result(outcome,
                  on->subject->frame_from_unused(on->region, call->paddr, &metadata, &frame), 0);
    if (outcome->result != SPEC_OK)
        return;
    on->subject->frame_into_raw(on->region, frame);
    on->subject->set_ref_count(on->region, slot_to_subject(on, call->paddr), call->count);
}

void call_memory_range(const struct subject_region *on, const struct spec_call *call,
                       struct spec_outcome *outcome)
{
    (void)outcome;
    on->subject->memory_range(on->region, call->paddr, call->paddr + call->length[0],
                              (uint32_t)call->usage);
}

void call_setup_list_id(const struct subject_region *on, const struct spec_call *call,
                        struct spec_outcome *outcome)
{
    (void)outcome;
    on->subject->set_next_list_id(on->region, call->count);
}

/* --- MetaSlot --- */

void call_get_slot(const struct subject_region *on, const struct spec_call *call,
                   struct spec_outcome *outcome)
{
    uint64_t slot = 0;
    const uint32_t result = on->subject->get_slot(on->region, call->paddr, &slot);

    answer_slot(on, outcome, result, slot);
}

void call_get_from_unused(const struct subject_region *on, const struct spec_call *call,
                          struct spec_outcome *outcome)
{
    const struct slotcheck_metadata metadata = metadata_to_subject(&call->metadata);
    uint64_t slot = 0;
    const uint32_t result =
        on->subject->get_from_unused(on->region, call->paddr, &metadata, call->as_unique, &slot);

    answer_slot(on, outcome, result, slot);
}

void call_repark(const struct subject_region *on, const struct spec_call *call,
                 struct spec_outcome *outcome)
{
    (void)outcome;
    if (on->subject->repark)
        on->subject->repark(on->region, slot_to_subject(on, call->paddr));
}

void call_get_from_in_use(const struct subject_region *on, const struct spec_call *call,
                          struct spec_outcome *outcome)
{
    uint64_t slot = 0;
    const uint32_t result = on->subject->get_from_in_use(on->region, call->paddr, &slot);

    answer_slot(on, outcome, result, slot);
}

void call_inc_ref_count(const struct subject_region *on, const struct spec_call *call,
                        struct spec_outcome *outcome)
{
    answer_result(outcome, on->subject->inc_ref_count(on->region, slot_to_subject(on, call->paddr)),
                  0);
}

void call_frame_paddr(const struct subject_region *on, const struct spec_call *call,
                      struct spec_outcome *outcome)
{
    outcome->value = on->subject->frame_paddr(on->region, slot_to_subject(on, call->paddr));
}

void call_as_meta_ptr(const struct subject_region *on, const struct spec_call *call,
                      struct spec_outcome *outcome)
{
    outcome->value = slot_from_subject(
        on, on->subject->as_meta_ptr(on->region, slot_to_subject(on, call->paddr)));
}

void call_dyn_meta_ptr(const struct subject_region *on, const struct spec_call *call,
                       struct spec_outcome *outcome)
{
    outcome->value = slot_from_subject(
        on, on->subject->dyn_meta_ptr(on->region, slot_to_subject(on, call->paddr),
                                      &outcome->metadata.type));
}

void call_write_meta(const struct subject_region *on, const struct spec_call *call,
                     struct spec_outcome *outcome)
{
    const struct slotcheck_metadata metadata = metadata_to_subject(&call->metadata);

    (void)outcome;
    on->subject->write_meta(on->region, slot_to_subject(on, call->paddr), &metadata);
}

void call_drop_meta_in_place(const struct subject_region *on, const struct spec_call *call,
                             struct spec_outcome *outcome)
{
    (void)outcome;
    on->subject->drop_meta_in_place(on->region, slot_to_subject(on, call->paddr));
}

void call_drop_last_in_place(const struct subject_region *on, const struct spec_call *call,
                             struct spec_outcome *outcome)
{
    (void)outcome;
    on->subject->drop_last_in_place(on->region, slot_to_subject(on, call->paddr));
}

/* --- Frame --- */

void call_frame_from_unused(const struct subject_region *on, const struct spec_call *call,
                            struct spec_outcome *outcome)
{
    const struct slotcheck_metadata metadata = metadata_to_subject(&call->metadata);
    uint64_t slot = 0;
    const uint32_t result =
        on->subject->frame_from_unused(on->region, call->paddr, &metadata, &slot);

    answer_slot(on, outcome, result, slot);
}

void call_frame_from_in_use(const struct subject_region *on, const struct spec_call *call,
                            struct spec_outcome *outcome)
{
    uint64_t slot = 0;
    const uint32_t result = on->subject->frame_from_in_use(on->region, call->paddr, &slot);

    answer_slot(on, outcome, result, slot);
}

void call_frame_clone(const struct subject_region *on, const struct spec_call *call,
                      struct spec_outcome *outcome)
{
    uint64_t slot = 0;
    const uint32_t result =
        on->subject->frame_clone(on->region, slot_to_subject(on, call->paddr), &slot);

    answer_slot(on, outcome, result, slot);
}

void call_frame_drop(const struct subject_region *on, const struct spec_call *call,
                     struct spec_outcome *outcome)
{
    (void)outcome;
    on->subject->frame_drop(on->region, slot_to_subject(on, call->paddr));
}

void call_frame_into_raw(const struct subject_region *on, const struct spec_call *call,
                         struct spec_outcome *outcome)
{
    outcome->value = on->subject->frame_into_raw(on->region, slot_to_subject(on, call->paddr));
}

void call_frame_from_raw(const struct subject_region *on, const struct spec_call *call,
                         struct spec_outcome *outcome)
{
    outcome->value = slot_from_subject(on, on->subject->frame_from_raw(on->region, call->paddr));
}

void call_frame_reference_count(const struct subject_region *on, const struct spec_call *call,
                                struct spec_outcome *outcome)
{
    outcome->value =
        on->subject->frame_reference_count(on->region, slot_to_subject(on, call->paddr));
}

void call_frame_meta(const struct subject_region *on, const struct spec_call *call,
                     struct spec_outcome *outcome)
{
    struct slotcheck_metadata metadata = {0};

    on->subject->frame_meta(on->region, slot_to_subject(on, call->paddr), &metadata);
    outcome->metadata = metadata_from_subject(&metadata);
}

void call_frame_borrow(const struct subject_region *on, const struct spec_call *call,
                       struct spec_outcome *outcome)
{
    struct slotcheck_metadata metadata = {0};

    outcome->value = slot_from_subject(
        on, on->subject->frame_borrow(on->region, slot_to_subject(on, call->paddr), &metadata,
                                      &outcome->detail[0]));
    outcome->metadata = metadata_from_subject(&metadata);
}

void call_frame_try_from(const struct subject_region *on, const struct spec_call *call,
                         struct spec_outcome *outcome)
{
    const uint64_t slot = slot_to_subject(on, call->paddr);

    answer_slot(on, outcome, on->subject->frame_try_from(on->region, slot, call->type), slot);
}

/* --- UniqueFrame --- */

void call_unique_frame_from_unused(const struct subject_region *on, const struct spec_call *call,
                                   struct spec_outcome *outcome)
{
    const struct slotcheck_metadata metadata = metadata_to_subject(&call->metadata);
    uint64_t slot = 0;
    const uint32_t result =
        on->subject->unique_frame_from_unused(on->region, call->paddr, &metadata, &slot);

    answer_slot(on, outcome, result, slot);
}

void call_unique_frame_drop(const struct subject_region *on, const struct spec_call *call,
                            struct spec_outcome *outcome)
{
    (void)outcome;
    on->subject->unique_frame_drop(on->region, slot_to_subject(on, call->paddr));
}

void call_frame_from_unique(const struct subject_region *on, const struct spec_call *call,
                            struct spec_outcome *outcome)
{
    outcome->value = slot_from_subject(
        on, on->subject->frame_from_unique(on->region, slot_to_subject(on, call->paddr)));
}

void call_unique_frame_try_from(const struct subject_region *on, const struct spec_call *call,
                                struct spec_outcome *outcome)
{
    uint64_t slot = 0;
    const uint32_t result =
        on->subject->unique_frame_try_from(on->region, slot_to_subject(on, call->paddr), &slot);

    answer_slot(on, outcome, result, slot);
}

void call_unique_frame_repurpose(const struct subject_region *on, const struct spec_call *call,
                                 struct spec_outcome *outcome)
{
    const struct slotcheck_metadata metadata = metadata_to_subject(&call->metadata);

    outcome->value =
        slot_from_subject(on, on->subject->unique_frame_repurpose(
                                  on->region, slot_to_subject(on, call->paddr), &metadata));
}

void call_unique_frame_reset_as_unused(const struct subject_region *on,
                                       const struct spec_call *call, struct spec_outcome *outcome)
{
    (void)outcome;
    on->subject->unique_frame_reset_as_unused(on->region, slot_to_subject(on, call->paddr));
}

void call_unique_frame_meta_mut(const struct subject_region *on, const struct spec_call *call,
                                struct spec_outcome *outcome)
{
    const struct slotcheck_metadata metadata = metadata_to_subject(&call->metadata);

    (void)outcome;
    on->subject->unique_frame_meta_mut(on->region, slot_to_subject(on, call->paddr), &metadata);
}

void call_unique_frame_into_raw(const struct subject_region *on, const struct spec_call *call,
                                struct spec_outcome *outcome)
{
    outcome->value =
        on->subject->unique_frame_into_raw(on->region, slot_to_subject(on, call->paddr));
}

void call_unique_frame_from_raw(const struct subject_region *on, const struct spec_call *call,
                                struct spec_outcome *outcome)
{
    outcome->value =
        slot_from_subject(on, on->subject->unique_frame_from_raw(on->region, call->paddr));
}

/* --- PageTableNode, and what mapping does --- */

void call_page_table_node_alloc(const struct subject_region *on, const struct spec_call *call,
                                struct spec_outcome *outcome)
{
    uint64_t slot = 0;
    const uint32_t result = on->subject->page_table_node_alloc(
        on->region, call->paddr, (uint32_t)call->metadata.pt_node.level, &slot);

    answer_slot(on, outcome, result, slot);
}

void call_frame_map(const struct subject_region *on, const struct spec_call *call,
                    struct spec_outcome *outcome)
{
    outcome->value =
        on->subject->frame_map(on->region, slot_to_subject(on, call->paddr), call->path);
}

void call_frame_unmap(const struct subject_region *on, const struct spec_call *call,
                      struct spec_outcome *outcome)
{
    outcome->value =
        slot_from_subject(on, on->subject->frame_unmap(on->region, call->paddr, call->path));
}

void call_mmio_map(const struct subject_region *on, const struct spec_call *call,
                   struct spec_outcome *outcome)
{
    (void)outcome;
    on->subject->mmio_map(on->region, call->paddr, call->path);
}

void call_mmio_unmap(const struct subject_region *on, const struct spec_call *call,
                     struct spec_outcome *outcome)
{
    (void)outcome;
    on->subject->mmio_unmap(on->region, call->paddr, call->path);
}
