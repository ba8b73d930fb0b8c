/* SPDX-License-Identifier: MPL-2.0 */
/* The calls of Segment. */
#include "subject_calls.h"

static struct slotcheck_segment segment_of(const struct spec_call *call)
{
    return (struct slotcheck_segment){call->paddr, call->end};
}

/* What the function makes of a segment, if it is OK. */
static void answer_segment(struct spec_outcome *outcome, uint32_t result,
                           const struct slotcheck_segment *segment)
{
    answer_result(outcome, result, 0);
    if (outcome->result != SPEC_OK)
        return;
    outcome->detail[0] = segment->start;
    outcome->detail[1] = segment->end;
}

void call_segment_from_unused(const struct subject_region *on, const struct spec_call *call,
                              struct spec_outcome *outcome)
{
    struct slotcheck_metadata metadata[LENGTH_DISTANCE]; /* no program says a longer range */
    const uint64_t end = call->paddr + call->length[0];
    const uint64_t nr_frames = end > call->paddr ? call->length[0] / SPEC_PAGE_SIZE : 0;
    struct slotcheck_segment segment = {0, 0};
    uint32_t result;

    for (uint64_t i = 0; i < nr_frames && i < LENGTH_DISTANCE; i++) {
        const struct meta_slot_storage of_frame = segment_metadata(call, i);

        metadata[i] = metadata_to_subject(&of_frame);
    }
    result = on->subject->segment_from_unused(on->region, call->paddr, end,
                                              nr_frames ? metadata : NULL, &segment);
    answer_segment(outcome, result, &segment);
}

void call_segment_clone(const struct subject_region *on, const struct spec_call *call,
                        struct spec_outcome *outcome)
{
    struct slotcheck_segment clone = {0, 0};
    const uint32_t result = on->subject->segment_clone(on->region, segment_of(call), &clone);

    answer_segment(outcome, result, &clone);
}

void call_segment_slice(const struct subject_region *on, const struct spec_call *call,
                        struct spec_outcome *outcome)
{
    struct slotcheck_segment slice = {0, 0};
    const uint32_t result = on->subject->segment_slice(
        on->region, segment_of(call), call->length[0], call->length[0] + call->length[1], &slice);

    answer_segment(outcome, result, &slice);
}

void call_segment_split(const struct subject_region *on, const struct spec_call *call,
                        struct spec_outcome *outcome)
{
    struct slotcheck_segment parts[2] = {{0, 0}, {0, 0}};
    const uint32_t result =
        on->subject->segment_split(on->region, segment_of(call), call->length[0], parts);

    answer_segment(outcome, result, &parts[0]);
    if (outcome->result == SPEC_OK) {
        outcome->detail[2] = parts[1].start;
        outcome->detail[3] = parts[1].end;
    }
}

void call_segment_next(const struct subject_region *on, const struct spec_call *call,
                       struct spec_outcome *outcome)
{
    struct slotcheck_segment segment = segment_of(call);
    uint64_t frame = 0;
    const uint32_t result = on->subject->segment_next(on->region, &segment, &frame);

    answer_segment(outcome, result, &segment);
    answer_slot(on, outcome, result, frame);
}

void call_segment_into_raw(const struct subject_region *on, const struct spec_call *call,
                           struct spec_outcome *outcome)
{
    struct slotcheck_segment range = {0, 0};

    on->subject->segment_into_raw(on->region, segment_of(call), &range);
    answer_segment(outcome, SLOTCHECK_OK, &range);
}

void call_segment_from_raw(const struct subject_region *on, const struct spec_call *call,
                           struct spec_outcome *outcome)
{
    const struct slotcheck_segment range = {call->paddr, call->paddr + call->length[0]};
    struct slotcheck_segment segment = {0, 0};

    on->subject->segment_from_raw(on->region, range, &segment);
    answer_segment(outcome, SLOTCHECK_OK, &segment);
}

void call_segment_drop(const struct subject_region *on, const struct spec_call *call,
                       struct spec_outcome *outcome)
{
    (void)outcome;
    on->subject->segment_drop(on->region, segment_of(call));
}

void call_segment_from_frame(const struct subject_region *on, const struct spec_call *call,
                             struct spec_outcome *outcome)
{
    struct slotcheck_segment segment = {0, 0};

    on->subject->segment_from_frame(on->region, slot_to_subject(on, call->paddr), &segment);
    answer_segment(outcome, SLOTCHECK_OK, &segment);
}
