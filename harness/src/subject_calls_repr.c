/* SPDX-License-Identifier: MPL-2.0 */
/* The calls of Repr<MetaSlot>. */
#include "subject_calls.h"

/* A unique frame that is in no list; anything else would end the handle. */
static struct slotcheck_repr repr_of(const struct spec_call *call)
{
    return (struct slotcheck_repr){.metadata = metadata_to_subject(&call->metadata),
                                   .ref_count = SPEC_REF_COUNT_UNIQUE,
                                   .in_list = 0};
}

static void answer_repr(struct spec_outcome *outcome, const struct slotcheck_repr *repr)
{
    outcome->metadata = metadata_from_subject(&repr->metadata);
    outcome->detail[0] = repr->ref_count;
    outcome->detail[1] = outcome->metadata.type;
    outcome->detail[2] = repr->in_list;
}

void call_lemma_layout(const struct subject_region *on, const struct spec_call *call,
                       struct spec_outcome *outcome)
{
    (void)call;
    outcome->value = on->subject->slot_size(on->region);
}

void call_cast_slot(const struct subject_region *on, const struct spec_call *call,
                    struct spec_outcome *outcome)
{
    outcome->value =
        slot_from_subject(on, on->subject->cast_slot(on->region, slot_to_subject(on, call->paddr)));
}

void call_metadata_to_repr(const struct subject_region *on, const struct spec_call *call,
                           struct spec_outcome *outcome)
{
    const struct slotcheck_repr repr = repr_of(call);

    (void)outcome;
    on->subject->metadata_to_repr(on->region, slot_to_subject(on, call->paddr), &repr);
}

void call_metadata_from_repr(const struct subject_region *on, const struct spec_call *call,
                             struct spec_outcome *outcome)
{
    struct slotcheck_repr repr = {0};

    on->subject->metadata_from_repr(on->region, slot_to_subject(on, call->paddr), &repr);
    answer_repr(outcome, &repr);
}

void call_metadata_from_borrowed(const struct subject_region *on, const struct spec_call *call,
                                 struct spec_outcome *outcome)
{
    struct slotcheck_repr repr = {0};
    const uint64_t address =
        on->subject->metadata_from_borrowed(on->region, slot_to_subject(on, call->paddr), &repr);

    outcome->value = slot_from_subject(on, address);
    answer_repr(outcome, &repr);
}

void call_metadata_as_link_to_repr(const struct subject_region *on, const struct spec_call *call,
                                   struct spec_outcome *outcome)
{
    const struct slotcheck_repr repr = repr_of(call);

    (void)outcome;
    on->subject->metadata_as_link_to_repr(on->region, slot_to_subject(on, call->paddr), &repr);
}

void call_metadata_as_link_from_repr(const struct subject_region *on, const struct spec_call *call,
                                     struct spec_outcome *outcome)
{
    struct slotcheck_repr repr = {0};

    on->subject->metadata_as_link_from_repr(on->region, slot_to_subject(on, call->paddr), &repr);
    answer_repr(outcome, &repr);
}

void call_metadata_as_link_from_borrowed(const struct subject_region *on,
                                         const struct spec_call *call, struct spec_outcome *outcome)
{
    struct slotcheck_repr repr = {0};
    const uint64_t address = on->subject->metadata_as_link_from_borrowed(
        on->region, slot_to_subject(on, call->paddr), &repr);

    outcome->value = slot_from_subject(on, address);
    answer_repr(outcome, &repr);
}
