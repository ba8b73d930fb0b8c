/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How an operation ended, for who counts it as coverage beside that of the code: successes and
 * panics by the state of the slot, other results by themselves. An error goes with the state that it
 * is about, and needs no number for each.
 */
#pragma once

#include "slotcheck/lockstep.h"

enum {
    NR_SLOT_STATUS = META_SLOT_OVERFLOW + 1,
    NR_STEP_ENDS = 2 * NR_SLOT_STATUS + NR_RESULTS,
};

/* Of a step that was executed; below NR_STEP_ENDS. */
static inline unsigned step_end_of(const struct step_record *step)
{
    if (step->result == SPEC_OK)
        return step->status_before;
    if (step->result == SPEC_PANIC)
        return NR_SLOT_STATUS + step->status_before;
    return 2 * NR_SLOT_STATUS + step->result;
}
