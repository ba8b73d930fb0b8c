/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The judge: for a step of an operation, from pre to post with this outcome, the clauses of the
 * specification that apply. It says nothing where the specification says nothing.
 *
 * A panic diverges: no post-state exists in the source. All that can be asked is whether the
 * panic's condition held.
 */
#include "metaslot_oracle/reference.h"
#include "metaslot_oracle/repr.h"

#include "judgements.h"

/* --- suite --- */

bool judge_setup(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                 struct clause_report *report)
{
    bool holds = others_kept(pre, post, call, report);

    (void)outcome;
    holds &= live_frame_obligations_err_spec(pre, post, report);
    return holds;
}

/* --- MetaSlot --- */

/* The address returned is that of the slot's permission. */
static bool perm_addr_returned(owners_t *pre, call_t *call, outcome_t *outcome)
{
    return returned(outcome, slot_perm_at(pre, frame_to_index(call->paddr))->addr);
}

/* The handle returned is one to the frame of the call. */
static bool handle_returned(call_t *call, outcome_t *outcome)
{
    return returned(outcome, frame_to_meta(call->paddr));
}

bool judge_get_slot(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                    struct clause_report *report)
{
    bool holds = slot_found(pre, call, outcome, report);

    if (outcome->result == SPEC_OK)
        holds &= address_map_frame_to_meta(outcome->value, report);
    holds &= unchanged(pre, post, report);
    return holds;
}

bool judge_get_from_unused(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                           struct clause_report *report)
{
    const uint64_t idx = frame_to_index(call->paddr);
    const struct meta_slot_perm *perm = slot_perm_at(pre, idx);
    bool holds = slot_found(pre, call, outcome, report);

    if (outcome->result != SPEC_OK)
        return holds & unchanged(pre, post, report);
    holds &= get_from_unused_spec(call->paddr, call->as_unique, pre, post, report);
    holds &= slot_perm_extracted_spec(call->paddr, pre, post, report);
    holds &= live_frame_obligations_err_spec(pre, post, report);
    holds &= get_from_unused_perm_spec(call->paddr, outcome->value, perm, report);
    holds &= wf(&perm->value, slot_owner_at(post, idx), report);
    return holds;
}

bool judge_repark(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                  struct clause_report *report)
{
    const uint64_t idx = frame_to_index(call->paddr);
    bool holds = true;

    (void)outcome;
    holds &= clause(report, CLAUSE_repark__slots,
                    slot_perm_at(post, idx)->is_init && slots_equal_but(pre, post, idx));
    holds &= clause(report, CLAUSE_repark__slot_owner,
                    owner_equal(slot_owner_at(post, idx), slot_owner_at(pre, idx)));
    holds &= others_kept(pre, post, call, report);
    holds &= live_frame_obligations_err_spec(pre, post, report);
    return holds;
}

bool judge_get_from_in_use(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                           struct clause_report *report)
{
    bool holds = slot_found(pre, call, outcome, report);

    if (outcome->result == SPEC_PANIC)
        return holds & inc_ref_count_panic_cond(ref_count_at(pre, call->paddr), report);
    if (outcome->result != SPEC_OK)
        return holds & unchanged(pre, post, report);
    holds &= get_from_in_use_success(call->paddr, pre, post, report);
    holds &= clause(report, CLAUSE_get_from_in_use__slots, slots_equal_but(pre, post, UINT64_MAX));
    holds &= live_frame_obligations_err_spec(pre, post, report);
    return holds;
}

bool judge_inc_ref_count(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                         struct clause_report *report)
{
    bool holds = true;

    if (outcome->result == SPEC_PANIC)
        return inc_ref_count_panic_cond(ref_count_at(pre, call->paddr), report);
    holds &= incremented(pre, post, call, report);
    holds &= live_frame_obligations_err_spec(pre, post, report);
    return holds;
}

bool judge_frame_paddr(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                       struct clause_report *report)
{
    const struct meta_slot_perm *perm = slot_perm_at(pre, frame_to_index(call->paddr));
    const bool ok = outcome->result == SPEC_OK;
    bool holds = frame_paddr_safety_cond(perm, report);

    holds &= clause(report, CLAUSE_frame_paddr__paddr,
                    !ok || outcome->value == meta_to_frame(perm->addr));
    if (ok)
        holds &= address_map_meta_to_frame(outcome->value, report);
    holds &= unchanged(pre, post, report);
    return holds;
}

bool judge_as_meta_ptr(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                       struct clause_report *report)
{
    bool holds = clause(report, CLAUSE_as_meta_ptr__addr, perm_addr_returned(pre, call, outcome));

    holds &= unchanged(pre, post, report);
    return holds;
}

bool judge_dyn_meta_ptr(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                        struct clause_report *report)
{
    bool holds = clause(report, CLAUSE_dyn_meta_ptr__addr, perm_addr_returned(pre, call, outcome));

    holds &= unchanged(pre, post, report);
    return holds;
}

bool judge_write_meta(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                      struct clause_report *report)
{
    (void)outcome;
    return written(pre, post, call, report);
}

bool judge_drop_meta_in_place(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                              struct clause_report *report)
{
    const uint64_t idx = frame_to_index(call->paddr);
    const struct metadata_inner_perms *was = &slot_owner_at(pre, idx)->inner_perms;
    const struct metadata_inner_perms *is = &slot_owner_at(post, idx)->inner_perms;
    bool holds = true;

    (void)outcome;
    holds &= clause(report, CLAUSE_drop_meta_in_place__storage, !is->storage.is_init);
    holds &= clause(report, CLAUSE_drop_meta_in_place__vtable_ptr, !is->vtable_ptr.is_init);
    holds &= clause(report, CLAUSE_drop_meta_in_place__ref_count,
                    atomic_perm_equal(&is->ref_count, &was->ref_count));
    holds &= clause(report, CLAUSE_drop_meta_in_place__in_list,
                    atomic_perm_equal(&is->in_list, &was->in_list));
    holds &= identity_kept(pre, post, call, report);
    holds &= one_owner_changed(pre, post, call, report);
    return holds;
}

bool judge_drop_last_in_place(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                              struct clause_report *report)
{
    const struct meta_slot_owner *owner = slot_owner_at(pre, frame_to_index(call->paddr));
    bool holds = drop_last_in_place_safety_cond(owner, report);

    (void)outcome;
    holds &= released(pre, post, call, report);
    holds &= live_frame_obligations_err_spec(pre, post, report);
    return holds;
}

/* --- Frame --- */

bool judge_frame_from_unused(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                             struct clause_report *report)
{
    bool holds = slot_found(pre, call, outcome, report);

    if (outcome->result != SPEC_OK)
        return holds & unchanged(pre, post, report);
    holds &= get_from_unused_spec(call->paddr, false, pre, post, report);
    holds &= allocated(pre, post, call, outcome, report);
    return holds;
}

bool judge_frame_from_in_use(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                             struct clause_report *report)
{
    bool holds = slot_found(pre, call, outcome, report);

    if (outcome->result == SPEC_PANIC)
        return holds & inc_ref_count_panic_cond(ref_count_at(pre, call->paddr), report);
    if (outcome->result != SPEC_OK)
        return holds & unchanged(pre, post, report);
    holds &= get_from_in_use_success(call->paddr, pre, post, report);
    holds &= clause(report, CLAUSE_get_from_in_use__slots, slots_equal_but(pre, post, UINT64_MAX));
    holds &= live_frame_obligations_ok_spec(call->paddr, pre, post, report);
    return holds;
}

bool judge_frame_clone(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                       struct clause_report *report)
{
    bool holds = true;

    if (outcome->result == SPEC_PANIC)
        return inc_ref_count_panic_cond(ref_count_at(pre, call->paddr), report);
    holds &= clause(report, CLAUSE_frame_clone__ptr, handle_returned(call, outcome));
    holds &= incremented(pre, post, call, report);
    holds &= live_frame_obligations_ok_spec(call->paddr, pre, post, report);
    return holds;
}

bool judge_frame_drop(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                      struct clause_report *report)
{
    const uint64_t idx = frame_to_index(call->paddr);
    const struct meta_slot_owner *was = slot_owner_at(pre, idx);
    const struct meta_slot_owner *is = slot_owner_at(post, idx);
    const uint64_t old = was->inner_perms.ref_count.value;
    bool holds = true;

    (void)outcome;
    holds &= clause(report, CLAUSE_frame_drop__ref_count,
                    old <= 1 || is->inner_perms.ref_count.value == old - 1);
    holds &= clause(report, CLAUSE_frame_drop__rest, old <= 1 || rest_equal(is, was));
    holds &=
        clause(report, CLAUSE_frame_drop__frame_obligations, obligation_removed(pre, post, idx));
    holds &=
        old == 1 ? released(pre, post, call, report) : frame_condition(pre, post, call, report);
    return holds;
}

bool judge_frame_into_raw(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                          struct clause_report *report)
{
    bool holds = clause(report, CLAUSE_into_raw__paddr, returned(outcome, call->paddr));

    holds &= forgotten(pre, post, call, report);
    return holds;
}

bool judge_frame_from_raw(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                          struct clause_report *report)
{
    bool holds = clause(report, CLAUSE_from_raw__ptr, handle_returned(call, outcome));

    holds &= brought_back(pre, post, call, report);
    return holds;
}

bool judge_frame_reference_count(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                                 struct clause_report *report)
{
    bool holds = true;

    holds &= clause(report, CLAUSE_frame_reference_count__count,
                    outcome->value == ref_count_at(pre, call->paddr)->value);
    holds &= unchanged(pre, post, report);
    return holds;
}

bool judge_frame_meta(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                      struct clause_report *report)
{
    (void)call;
    (void)outcome;
    return unchanged(pre, post, report);
}

/* --- FrameRef, typed views --- */

bool judge_frame_borrow(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                        struct clause_report *report)
{
    bool holds = true;

    holds &= clause(report, CLAUSE_frame_borrow__ptr, outcome->value == frame_to_meta(call->paddr));
    holds &= clause(report, CLAUSE_frame_borrow__ref_count,
                    outcome->detail[0] == ref_count_at(pre, call->paddr)->value);
    holds &= unchanged(pre, post, report);
    return holds;
}

bool judge_frame_try_from(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                          struct clause_report *report)
{
    const struct meta_slot_owner *owner = slot_owner_at(pre, frame_to_index(call->paddr));
    const bool ok = outcome->result == SPEC_OK;
    bool holds = true;

    holds &= clause(report, CLAUSE_frame_try_from__type,
                    ok == (owner->inner_perms.vtable_ptr.value == call->type));
    holds &= clause(report, CLAUSE_frame_try_from__ptr,
                    !ok || outcome->value == frame_to_meta(call->paddr));
    holds &= unchanged(pre, post, report);
    return holds;
}

/* --- UniqueFrame --- */

bool judge_unique_frame_from_unused(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                                    struct clause_report *report)
{
    bool holds = slot_found(pre, call, outcome, report);

    if (outcome->result != SPEC_OK)
        return holds & unchanged(pre, post, report);
    holds &= get_from_unused_spec(call->paddr, true, pre, post, report);
    holds &= allocated(pre, post, call, outcome, report);
    return holds;
}

bool judge_unique_frame_drop(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                             struct clause_report *report)
{
    const uint64_t idx = frame_to_index(call->paddr);
    bool holds = drop_last_in_place_safety_cond(slot_owner_at(pre, idx), report);

    (void)outcome;
    holds &= released(pre, post, call, report);
    holds &=
        clause(report, CLAUSE_frame_drop__frame_obligations, obligation_removed(pre, post, idx));
    return holds;
}

bool judge_frame_from_unique(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                             struct clause_report *report)
{
    const uint64_t idx = frame_to_index(call->paddr);
    bool holds = true;

    holds &= clause(report, CLAUSE_frame_from_unique__ref_count,
                    ref_count_at(post, call->paddr)->value == 1);
    holds &= clause(report, CLAUSE_frame_from_unique__ptr, handle_returned(call, outcome));
    holds &= clause(report, CLAUSE_frame_from_unique__rest,
                    rest_equal(slot_owner_at(post, idx), slot_owner_at(pre, idx)));
    holds &= one_owner_changed(pre, post, call, report);
    return holds;
}

bool judge_unique_frame_try_from(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                                 struct clause_report *report)
{
    const uint64_t idx = frame_to_index(call->paddr);
    bool holds = true;

    if (outcome->result != SPEC_OK)
        return unchanged(pre, post, report);
    holds &= clause(report, CLAUSE_unique_frame_try_from__ref_count,
                    ref_count_at(pre, call->paddr)->value == 1 &&
                        ref_count_at(post, call->paddr)->value == SPEC_REF_COUNT_UNIQUE);
    holds &= clause(report, CLAUSE_unique_frame_try_from__ptr, handle_returned(call, outcome));
    holds &= clause(report, CLAUSE_unique_frame_try_from__rest,
                    rest_equal(slot_owner_at(post, idx), slot_owner_at(pre, idx)));
    holds &= one_owner_changed(pre, post, call, report);
    return holds;
}

bool judge_unique_frame_repurpose(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                                  struct clause_report *report)
{
    bool holds = clause(report, CLAUSE_unique_frame_repurpose__ptr, handle_returned(call, outcome));

    holds &= written(pre, post, call, report);
    return holds;
}

bool judge_unique_frame_reset_as_unused(owners_t *pre, owners_t *post, call_t *call,
                                        outcome_t *outcome, struct clause_report *report)
{
    return judge_unique_frame_drop(pre, post, call, outcome, report);
}

bool judge_unique_frame_meta_mut(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                                 struct clause_report *report)
{
    const uint64_t idx = frame_to_index(call->paddr);
    const struct meta_slot_owner *owner = slot_owner_at(post, idx);
    bool holds = true;

    (void)outcome;
    holds &= clause(report, CLAUSE_unique_frame_meta_mut__storage,
                    meta_slot_storage_equal(&owner->inner_perms.storage.value, &call->metadata));
    holds &= clause(report, CLAUSE_unique_frame_meta_mut__rest,
                    unstored_equal(owner, slot_owner_at(pre, idx)));
    holds &= one_owner_changed(pre, post, call, report);
    return holds;
}

bool judge_unique_frame_into_raw(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                                 struct clause_report *report)
{
    return judge_frame_into_raw(pre, post, call, outcome, report);
}

bool judge_unique_frame_from_raw(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                                 struct clause_report *report)
{
    return judge_frame_from_raw(pre, post, call, outcome, report);
}

/* --- PageTableNode --- */

bool judge_page_table_node_alloc(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                                 struct clause_report *report)
{
    bool holds = slot_found(pre, call, outcome, report);

    if (outcome->result != SPEC_OK)
        return holds & unchanged(pre, post, report);
    holds &= get_node_from_unused_spec(call->paddr, pre, post, report);
    holds &= allocated(pre, post, call, outcome, report);
    return holds;
}
