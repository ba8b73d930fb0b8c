/* SPDX-License-Identifier: MPL-2.0 */
/* Post-conditions that several operations have in common. */
#pragma once

#include "metaslot_oracle/reference.h"

typedef const struct meta_region_owners owners_t;
typedef const struct spec_call call_t;
typedef const struct spec_outcome outcome_t;

/* An error, or a function that only reads: nothing has changed. */
static inline bool unchanged(owners_t *pre, owners_t *post, struct clause_report *report)
{
    bool holds = true;

    holds &= clause(report, CLAUSE_unchanged__slots, slots_equal_but(pre, post, UINT64_MAX));
    holds &=
        clause(report, CLAUSE_unchanged__slot_owners, slot_owners_equal_but(pre, post, UINT64_MAX));
    holds &= clause(report, CLAUSE_unchanged__frame_obligations,
                    frame_obligations_equal_but(pre, post, UINT64_MAX));
    return holds;
}

/* get_slot's own post-condition, which every function that takes an address inherits. */
static inline bool slot_found(owners_t *pre, call_t *call, outcome_t *outcome,
                              struct clause_report *report)
{
    const bool ok = outcome->result == SPEC_OK;
    bool holds = true;

    holds &= clause(report, CLAUSE_get_slot__unsafe_is_err,
                    has_safe_slot(pre, call->paddr) || (!ok && outcome->result != SPEC_PANIC));
    holds &=
        clause(report, CLAUSE_get_slot__ptr, !ok || outcome->value == frame_to_meta(call->paddr));
    return holds;
}

/*
 * Who does not say what becomes of a slot leaves it alone. For functions of which no clause of
 * their own says so.
 */
static inline bool others_kept(owners_t *pre, owners_t *post, call_t *call,
                               struct clause_report *report)
{
    return clause(report, CLAUSE_frame_condition__others,
                  slot_owners_equal_but(pre, post, frame_to_index(call->paddr)));
}

static inline bool slots_kept(owners_t *pre, owners_t *post, struct clause_report *report)
{
    return clause(report, CLAUSE_frame_condition__slots, slots_equal_but(pre, post, UINT64_MAX));
}

static inline bool frame_condition(owners_t *pre, owners_t *post, call_t *call,
                                   struct clause_report *report)
{
    bool holds = others_kept(pre, post, call, report);

    holds &= slots_kept(pre, post, report);
    return holds;
}

/* A function that changes one owner and no more than that. */
static inline bool one_owner_changed(owners_t *pre, owners_t *post, call_t *call,
                                     struct clause_report *report)
{
    bool holds = frame_condition(pre, post, call, report);

    holds &= live_frame_obligations_err_spec(pre, post, report);
    return holds;
}

/* post.frame_obligations =~= pre.frame_obligations.remove(idx) */
static inline bool obligation_removed(owners_t *pre, owners_t *post, uint64_t idx)
{
    return idx < pre->max_meta_slots && frame_obligations_equal_but(pre, post, idx) &&
           pre->frame_obligations[idx] > 0 &&
           post->frame_obligations[idx] == pre->frame_obligations[idx] - 1;
}

/* Equality of what no write to a slot's cells changes. */
static inline bool identity_equal(const struct meta_slot_owner *a, const struct meta_slot_owner *b)
{
    const struct metadata_inner_perms *x = &a->inner_perms, *y = &b->inner_perms;

    return a->slot_vaddr == b->slot_vaddr && a->usage == b->usage &&
           a->paths_in_pt == b->paths_in_pt && x->storage.id == y->storage.id &&
           x->vtable_ptr.pptr == y->vtable_ptr.pptr;
}

/* Equality of all but the count. */
static inline bool rest_equal(const struct meta_slot_owner *a, const struct meta_slot_owner *b)
{
    const struct metadata_inner_perms *x = &a->inner_perms, *y = &b->inner_perms;

    return identity_equal(a, b) && x->ref_count.id == y->ref_count.id &&
           atomic_perm_equal(&x->in_list, &y->in_list) &&
           vtable_perm_equal(&x->vtable_ptr, &y->vtable_ptr) &&
           storage_perm_equal(&x->storage, &y->storage);
}

/* Equality of all that an owner is made of. */
static inline bool owner_equal(const struct meta_slot_owner *a, const struct meta_slot_owner *b)
{
    return a->inner_perms.ref_count.value == b->inner_perms.ref_count.value && rest_equal(a, b);
}

/* Equality of all but what is stored. */
static inline bool unstored_equal(const struct meta_slot_owner *a, const struct meta_slot_owner *b)
{
    struct meta_slot_owner rest = *a;

    rest.inner_perms.storage.value = b->inner_perms.storage.value;
    return owner_equal(&rest, b);
}

/* For functions that change what is in the cells of one slot. */
static inline bool identity_kept(owners_t *pre, owners_t *post, call_t *call,
                                 struct clause_report *report)
{
    const uint64_t idx = frame_to_index(call->paddr);

    return clause(report, CLAUSE_frame_condition__identity,
                  identity_equal(slot_owner_at(pre, idx), slot_owner_at(post, idx)));
}

/* The handle, reference or address returned is `value`; of a panic or an error there is none. */
static inline bool returned(outcome_t *outcome, uint64_t value)
{
    return outcome->result != SPEC_OK || outcome->value == value;
}

/* What holds of the owner of one frame before and after a step. */
typedef bool frame_holds_fn(const struct meta_slot_owner *was, const struct meta_slot_owner *is,
                            call_t *call);

/* forall |i| of the region, from..to being the frames of a range. */
static inline bool for_all_frames(owners_t *pre, owners_t *post, call_t *call, uint64_t from,
                                  uint64_t to, frame_holds_fn *holds)
{
    for (uint64_t i = frame_to_index(from); i < frame_to_index(to) && i < pre->max_meta_slots; i++)
        if (!holds(slot_owner_at(pre, i), slot_owner_at(post, i), call))
            return false;
    return true;
}

static inline const struct atomic_perm *ref_count_at(owners_t *owners, uint64_t paddr)
{
    return &slot_owner_at(owners, frame_to_index(paddr))->inner_perms.ref_count;
}

/* What drop_last_in_place ensures of the slot itself. */
static inline bool released_at(owners_t *pre, owners_t *post, uint64_t idx,
                               struct clause_report *report)
{
    const struct meta_slot_owner *pre_owner = slot_owner_at(pre, idx);
    const struct meta_slot_owner *post_owner = slot_owner_at(post, idx);
    const struct metadata_inner_perms *was = &pre_owner->inner_perms;
    const struct metadata_inner_perms *is = &post_owner->inner_perms;
    bool holds = true;

    holds &= clause(report, CLAUSE_drop_last_in_place__ref_count,
                    is->ref_count.value == SPEC_REF_COUNT_UNUSED);
    holds &= clause(report, CLAUSE_drop_last_in_place__storage, !is->storage.is_init);
    holds &= clause(report, CLAUSE_drop_last_in_place__vtable_ptr, !is->vtable_ptr.is_init);
    holds &= clause(report, CLAUSE_drop_last_in_place__in_list,
                    atomic_perm_equal(&is->in_list, &was->in_list));
    holds &= clause(report, CLAUSE_drop_last_in_place__cell_ids,
                    is->storage.id == was->storage.id && is->ref_count.id == was->ref_count.id &&
                        is->vtable_ptr.pptr == was->vtable_ptr.pptr);
    holds &= clause(report, CLAUSE_drop_last_in_place__slot_vaddr,
                    post_owner->slot_vaddr == pre_owner->slot_vaddr);
    holds &=
        clause(report, CLAUSE_drop_last_in_place__usage, post_owner->usage == pre_owner->usage);
    holds &= clause(report, CLAUSE_drop_last_in_place__paths_in_pt,
                    post_owner->paths_in_pt == pre_owner->paths_in_pt);
    return holds;
}

/* The ensures of drop_last_in_place. */
static inline bool released(owners_t *pre, owners_t *post, call_t *call,
                            struct clause_report *report)
{
    const uint64_t idx = frame_to_index(call->paddr);
    bool holds = released_at(pre, post, idx, report);

    holds &=
        clause(report, CLAUSE_drop_last_in_place__others, slot_owners_equal_but(pre, post, idx));
    holds &= slots_kept(pre, post, report);
    return holds;
}

/* into_raw and from_raw: the slot does not notice. */
static inline bool forgotten(owners_t *pre, owners_t *post, call_t *call,
                             struct clause_report *report)
{
    bool holds = true;

    holds &=
        clause(report, CLAUSE_into_raw__slot_owners, slot_owners_equal_but(pre, post, UINT64_MAX));
    holds &= slots_kept(pre, post, report);
    holds &= clause(report, CLAUSE_into_raw__frame_obligations,
                    obligation_removed(pre, post, frame_to_index(call->paddr)));
    return holds;
}

static inline bool brought_back(owners_t *pre, owners_t *post, call_t *call,
                                struct clause_report *report)
{
    bool holds = true;

    holds &=
        clause(report, CLAUSE_from_raw__slot_owners, slot_owners_equal_but(pre, post, UINT64_MAX));
    holds &= slots_kept(pre, post, report);
    holds &= live_frame_obligations_ok_spec(call->paddr, pre, post, report);
    return holds;
}

/* inc_ref_count, and the first half of Frame::clone. */
static inline bool incremented(owners_t *pre, owners_t *post, call_t *call,
                               struct clause_report *report)
{
    const uint64_t idx = frame_to_index(call->paddr);
    const struct meta_slot_model was = meta_slot_owner_view(slot_owner_at(pre, idx));
    const struct meta_slot_model is = meta_slot_owner_view(slot_owner_at(post, idx));
    bool holds = true;

    holds &= inc_ref_count_spec(&was, &is, report);
    holds &= meta_slot_model_inv(&is, report);
    holds &= clause(report, CLAUSE_inc_ref_count__paths_in_pt,
                    slot_owner_at(post, idx)->paths_in_pt == slot_owner_at(pre, idx)->paths_in_pt);
    holds &= frame_condition(pre, post, call, report);
    return holds;
}

/* A function that claims a slot and re-parks its permission at once. */
static inline bool allocated(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                             struct clause_report *report)
{
    const struct meta_slot_perm *perm = slot_perm_at(post, frame_to_index(call->paddr));
    bool holds = true;

    holds &= slot_perm_reparked_spec(call->paddr, pre, post, report);
    holds &= live_frame_obligations_ok_spec(call->paddr, pre, post, report);
    holds &= get_from_unused_perm_spec(call->paddr, outcome->value, perm, report);
    return holds;
}

/* write_meta, with which repurpose ends. */
static inline bool written(owners_t *pre, owners_t *post, call_t *call,
                           struct clause_report *report)
{
    const uint64_t idx = frame_to_index(call->paddr);
    const struct metadata_inner_perms *was = &slot_owner_at(pre, idx)->inner_perms;
    const struct metadata_inner_perms *is = &slot_owner_at(post, idx)->inner_perms;
    bool holds = true;

    holds &=
        clause(report, CLAUSE_write_meta__storage,
               is->storage.is_init && meta_slot_storage_equal(&is->storage.value, &call->metadata));
    holds &= clause(report, CLAUSE_write_meta__vtable_ptr,
                    is->vtable_ptr.is_init && is->vtable_ptr.value == call->metadata.type);
    holds &= clause(report, CLAUSE_write_meta__ref_count,
                    atomic_perm_equal(&is->ref_count, &was->ref_count));
    holds &=
        clause(report, CLAUSE_write_meta__in_list, atomic_perm_equal(&is->in_list, &was->in_list));
    holds &= identity_kept(pre, post, call, report);
    holds &= one_owner_changed(pre, post, call, report);
    return holds;
}
