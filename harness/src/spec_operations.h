/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The oracle's three functions of every operation, and what is asked of a slot after each step.
 */
#pragma once

#include "metaslot_oracle.h"
#include "slotcheck/program.h"

extern spec_requires_fn *const REQUIRES[NR_OPS];
extern spec_reference_fn *const REFERENCE[NR_OPS];
extern spec_judge_fn *const JUDGE[NR_OPS];

/*
 * The invariants of the slot, unless it is exempt from them, and with `is_accounted` its accounting
 * with who holds it in `ref`. Here, because the lockstep asks it of every slot that changes.
 */
static inline bool judge_slot(const struct meta_region_owners *owners, const struct reference *ref,
                              uint64_t index, bool is_accounted, struct clause_report *report)
{
    const struct slot_holders *holders = &ref->holders[index];
    bool holds = true;

    if (ref->exempt[index] != EXEMPT_NOT)
        return true;
    holds &= meta_region_owners_inv_at(owners, index, report);
    if (owners->slot_owners[index].inner_perms.in_list.value != 0)
        holds &= in_list_inv_at(owners, index, report);
    if (!is_accounted)
        return holds;
    holds &= accounting(owners, index, holders, report);
    if (holders->segments > 0)
        holds &= segment_inv_at(owners, index, holders, report);
    return holds;
}
