/* SPDX-License-Identifier: MPL-2.0 */
/* The calls of LinkedList and CursorMut. */
#include "subject_calls.h"

static uint64_t list_of(const struct subject_region *on, const struct spec_call *call)
{
    return on->lists[call->list];
}

void call_list_new(const struct subject_region *on, const struct spec_call *call,
                   struct spec_outcome *outcome)
{
    (void)outcome;
    on->lists[call->list] = on->subject->list_new(on->region);
}

void call_list_push_front(const struct subject_region *on, const struct spec_call *call,
                          struct spec_outcome *outcome)
{
    answer_result(outcome,
                  on->subject->list_push_front(on->region, list_of(on, call),
                                               slot_to_subject(on, call->paddr)),
                  0);
}

void call_list_push_back(const struct subject_region *on, const struct spec_call *call,
                         struct spec_outcome *outcome)
{
    answer_result(outcome,
                  on->subject->list_push_back(on->region, list_of(on, call),
                                              slot_to_subject(on, call->paddr)),
                  0);
}

void call_cursor_insert_before(const struct subject_region *on, const struct spec_call *call,
                               struct spec_outcome *outcome)
{
    answer_result(outcome,
                  on->subject->cursor_insert_before(on->region, list_of(on, call),
                                                    slot_to_subject(on, call->paddr)),
                  0);
}

void call_list_pop_front(const struct subject_region *on, const struct spec_call *call,
                         struct spec_outcome *outcome)
{
    uint64_t slot = 0;
    const uint32_t result = on->subject->list_pop_front(on->region, list_of(on, call), &slot);

    answer_slot(on, outcome, result, slot);
}

void call_list_pop_back(const struct subject_region *on, const struct spec_call *call,
                        struct spec_outcome *outcome)
{
    uint64_t slot = 0;
    const uint32_t result = on->subject->list_pop_back(on->region, list_of(on, call), &slot);

    answer_slot(on, outcome, result, slot);
}

void call_cursor_take_current(const struct subject_region *on, const struct spec_call *call,
                              struct spec_outcome *outcome)
{
    uint64_t slot = 0;
    const uint32_t result = on->subject->cursor_take_current(on->region, list_of(on, call), &slot);

    answer_slot(on, outcome, result, slot);
}

void call_list_contains(const struct subject_region *on, const struct spec_call *call,
                        struct spec_outcome *outcome)
{
    uint64_t contained = 0;
    const uint32_t result =
        on->subject->list_contains(on->region, list_of(on, call), call->paddr, &contained);

    answer_result(outcome, result, contained);
}

void call_list_cursor_mut_at(const struct subject_region *on, const struct spec_call *call,
                             struct spec_outcome *outcome)
{
    answer_result(outcome,
                  on->subject->list_cursor_mut_at(on->region, list_of(on, call), call->paddr), 0);
}

void call_list_cursor_front_mut(const struct subject_region *on, const struct spec_call *call,
                                struct spec_outcome *outcome)
{
    (void)outcome;
    on->subject->list_cursor_front_mut(on->region, list_of(on, call));
}

void call_list_cursor_back_mut(const struct subject_region *on, const struct spec_call *call,
                               struct spec_outcome *outcome)
{
    (void)outcome;
    on->subject->list_cursor_back_mut(on->region, list_of(on, call));
}

void call_cursor_move_next(const struct subject_region *on, const struct spec_call *call,
                           struct spec_outcome *outcome)
{
    (void)outcome;
    on->subject->cursor_move_next(on->region, list_of(on, call));
}

void call_cursor_move_prev(const struct subject_region *on, const struct spec_call *call,
                           struct spec_outcome *outcome)
{
    (void)outcome;
    on->subject->cursor_move_prev(on->region, list_of(on, call));
}

void call_list_drop(const struct subject_region *on, const struct spec_call *call,
                    struct spec_outcome *outcome)
{
    (void)outcome;
    on->subject->list_drop(on->region, list_of(on, call));
}
