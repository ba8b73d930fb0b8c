/* SPDX-License-Identifier: MPL-2.0 */
/*
 * For every operation NAME of the list call_NAME, which calls the subject's function. What is
 * common to them: addresses change their origin, and a result becomes an outcome, which is a plain
 * success before.
 */
#pragma once

#include "slotcheck/program.h"
#include "subject_call.h"

typedef void subject_call_fn(const struct subject_region *on, const struct spec_call *call,
                             struct spec_outcome *outcome);

#define OP(name, ...) subject_call_fn call_##name;
#include "slotcheck/ops.def"
#undef OP

/* Slots, and Frame and UniqueFrame handles with them, travel as addresses. */
static inline uint64_t slot_to_subject(const struct subject_region *on, uint64_t paddr)
{
    return on->slot0 + frame_to_index(paddr) * SPEC_META_SLOT_SIZE;
}

/* Slot pointers are compared as addresses relative to slot 0. */
static inline uint64_t slot_from_subject(const struct subject_region *on, uint64_t address)
{
    return SPEC_FRAME_METADATA_RANGE_START + (address - on->slot0);
}

/* The answer of a fallible function: a value, if it is OK. */
static inline void answer_result(struct spec_outcome *outcome, uint32_t result, uint64_t value)
{
    outcome->result = (enum spec_result)result;
    outcome->value = result == SLOTCHECK_OK ? value : 0;
}

/* The same of a slot. */
static inline void answer_slot(const struct subject_region *on, struct spec_outcome *outcome,
                               uint32_t result, uint64_t slot)
{
    answer_result(outcome, result, slot_from_subject(on, slot));
}
