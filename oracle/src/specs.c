/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The spec functions of the MetaSlot page, transliterated: one clause a line, in the source's
 * order.
 */
#include "metaslot_oracle/specs.h"

/* forall |k| k != idx && pre.slots.contains_key(k) ==> post.slots[k] == pre.slots[k] */
static bool other_slots_kept(const struct meta_region_owners *pre,
                             const struct meta_region_owners *post, uint64_t idx)
{
    if (slots_equal_but(pre, post, idx))
        return true;
    for (uint64_t k = 0; k < pre->max_meta_slots; k++)
        if (k != idx && pre->slots_dom[k] &&
            !meta_slot_perm_equal(slot_perm_at(post, k), &pre->slots[k]))
            return false;
    return true;
}

/* The source adds without a cast, so at 2^64 - 1 no u64 is one more. */
static bool one_more(uint64_t post, uint64_t pre)
{
    return pre != UINT64_MAX && post == pre + 1;
}

/* post.frame_obligations =~= pre.frame_obligations.insert(idx) */
static bool obligation_inserted(const struct meta_region_owners *pre,
                                const struct meta_region_owners *post, uint64_t idx)
{
    return idx < pre->max_meta_slots && frame_obligations_equal_but(pre, post, idx) &&
           one_more(post->frame_obligations[idx], pre->frame_obligations[idx]);
}

/* --- impl MetaSlot --- */

bool get_from_unused_inner_perms_spec(bool as_unique, const struct metadata_inner_perms *perms,
                                      struct clause_report *report)
{
    bool holds = true;

    holds &= clause(report, CLAUSE_get_from_unused_inner_perms_spec__ref_count,
                    perms->ref_count.value == (as_unique ? SPEC_REF_COUNT_UNIQUE : 1));
    holds &=
        clause(report, CLAUSE_get_from_unused_inner_perms_spec__in_list, perms->in_list.value == 0);
    holds &=
        clause(report, CLAUSE_get_from_unused_inner_perms_spec__storage, perms->storage.is_init);
    holds &= clause(report, CLAUSE_get_from_unused_inner_perms_spec__vtable_ptr,
                    perms->vtable_ptr.is_init);
    return holds;
}

bool get_from_unused_spec(uint64_t paddr, bool as_unique, const struct meta_region_owners *pre,
                          const struct meta_region_owners *post, struct clause_report *report)
{
    const uint64_t idx = frame_to_index(paddr);
    const struct meta_slot_owner *pre_owner = slot_owner_at(pre, idx);
    const struct meta_slot_owner *post_owner = slot_owner_at(post, idx);
    bool holds = true;

    holds &=
        clause(report, CLAUSE_get_from_unused_spec__owners_dom, slot_owners_dom_equal(pre, post));
    holds &= get_from_unused_inner_perms_spec(as_unique, &post_owner->inner_perms, report);
    holds &=
        clause(report, CLAUSE_get_from_unused_spec__usage, post_owner->usage == SPEC_USAGE_FRAME);
    holds &= clause(report, CLAUSE_get_from_unused_spec__slot_vaddr,
                    post_owner->slot_vaddr == pre_owner->slot_vaddr);
    holds &= clause(report, CLAUSE_get_from_unused_spec__paths_in_pt,
                    post_owner->paths_in_pt == pre_owner->paths_in_pt);
    holds &=
        clause(report, CLAUSE_get_from_unused_spec__others, slot_owners_equal_but(pre, post, idx));
    holds &= clause(report, CLAUSE_get_from_unused_spec__pre_unused,
                    pre_owner->inner_perms.ref_count.value == SPEC_REF_COUNT_UNUSED);
    return holds;
}

bool get_node_from_unused_spec(uint64_t paddr, const struct meta_region_owners *pre,
                               const struct meta_region_owners *post, struct clause_report *report)
{
    const uint64_t idx = frame_to_index(paddr);
    const struct meta_slot_owner *pre_owner = slot_owner_at(pre, idx);
    const struct meta_slot_owner *post_owner = slot_owner_at(post, idx);
    bool holds = true;

    holds &= clause(report, CLAUSE_get_node_from_unused_spec__owners_dom,
                    slot_owners_dom_equal(pre, post));
    holds &= get_from_unused_inner_perms_spec(false, &post_owner->inner_perms, report);
    holds &= clause(report, CLAUSE_get_node_from_unused_spec__usage,
                    post_owner->usage == SPEC_USAGE_PAGE_TABLE);
    holds &= clause(report, CLAUSE_get_node_from_unused_spec__slot_vaddr,
                    post_owner->slot_vaddr == pre_owner->slot_vaddr);
    holds &= clause(report, CLAUSE_get_node_from_unused_spec__paths_in_pt,
                    post_owner->paths_in_pt == pre_owner->paths_in_pt);
    holds &= clause(report, CLAUSE_get_node_from_unused_spec__others,
                    slot_owners_equal_but(pre, post, idx));
    holds &= clause(report, CLAUSE_get_node_from_unused_spec__pre_unused,
                    pre_owner->inner_perms.ref_count.value == SPEC_REF_COUNT_UNUSED);
    return holds;
}

bool slot_perm_extracted_spec(uint64_t paddr, const struct meta_region_owners *pre,
                              const struct meta_region_owners *post, struct clause_report *report)
{
    const uint64_t idx = frame_to_index(paddr);
    const bool absent = idx >= post->max_meta_slots || !post->slots_dom[idx];

    return clause(report, CLAUSE_slot_perm_extracted_spec__slots,
                  absent && slots_equal_but(pre, post, idx));
}

bool slot_perm_reparked_spec(uint64_t paddr, const struct meta_region_owners *pre,
                             const struct meta_region_owners *post, struct clause_report *report)
{
    const uint64_t idx = frame_to_index(paddr);
    bool holds = true;

    holds &= clause(report, CLAUSE_slot_perm_reparked_spec__slots_dom, slots_dom_equal(pre, post));
    holds &=
        clause(report, CLAUSE_slot_perm_reparked_spec__others, other_slots_kept(pre, post, idx));
    return holds;
}

bool live_frame_obligations_ok_spec(uint64_t paddr, const struct meta_region_owners *pre,
                                    const struct meta_region_owners *post,
                                    struct clause_report *report)
{
    return clause(report, CLAUSE_live_frame_obligations_ok_spec__frame_obligations,
                  obligation_inserted(pre, post, frame_to_index(paddr)));
}

bool live_frame_obligations_err_spec(const struct meta_region_owners *pre,
                                     const struct meta_region_owners *post,
                                     struct clause_report *report)
{
    return clause(report, CLAUSE_live_frame_obligations_err_spec__frame_obligations,
                  frame_obligations_equal_but(pre, post, UINT64_MAX));
}

bool get_from_unused_perm_spec(uint64_t paddr, uint64_t ptr, const struct meta_slot_perm *perm,
                               struct clause_report *report)
{
    bool holds = true;

    holds &=
        clause(report, CLAUSE_get_from_unused_perm_spec__ptr_addr, ptr == frame_to_meta(paddr));
    holds &= clause(report, CLAUSE_get_from_unused_perm_spec__perm_addr,
                    perm->addr == frame_to_meta(paddr));
    holds &= clause(report, CLAUSE_get_from_unused_perm_spec__perm_init, perm->is_init);
    holds &= clause(report, CLAUSE_get_from_unused_perm_spec__perm_pptr, perm->pptr == ptr);
    return holds;
}

bool inc_ref_count_panic_cond(const struct atomic_perm *rc_perm, struct clause_report *report)
{
    return clause(report, CLAUSE_inc_ref_count_panic_cond__saturated,
                  rc_perm->value >= SPEC_REF_COUNT_MAX);
}

bool frame_paddr_safety_cond(const struct meta_slot_perm *perm, struct clause_report *report)
{
    bool holds = true;

    holds &= clause(report, CLAUSE_frame_paddr_safety_cond__range,
                    SPEC_FRAME_METADATA_RANGE_START <= perm->addr &&
                        perm->addr < SPEC_FRAME_METADATA_RANGE_END);
    holds &= clause(report, CLAUSE_frame_paddr_safety_cond__aligned,
                    perm->addr % SPEC_META_SLOT_SIZE == 0);
    return holds;
}

bool get_from_in_use_success(uint64_t paddr, const struct meta_region_owners *pre,
                             const struct meta_region_owners *post, struct clause_report *report)
{
    const uint64_t idx = frame_to_index(paddr);
    const struct meta_slot_owner *pre_owner = slot_owner_at(pre, idx);
    const struct meta_slot_owner *post_owner = slot_owner_at(post, idx);
    const struct metadata_inner_perms *pre_perms = &pre_owner->inner_perms;
    const struct metadata_inner_perms *post_perms = &post_owner->inner_perms;
    bool holds = true;

    holds &= clause(report, CLAUSE_get_from_in_use_success__ref_count,
                    one_more(post_perms->ref_count.value, pre_perms->ref_count.value));
    holds &= clause(report, CLAUSE_get_from_in_use_success__ref_count_id,
                    post_perms->ref_count.id == pre_perms->ref_count.id);
    holds &= clause(report, CLAUSE_get_from_in_use_success__storage,
                    storage_perm_equal(&post_perms->storage, &pre_perms->storage));
    holds &= clause(report, CLAUSE_get_from_in_use_success__vtable_ptr,
                    vtable_perm_equal(&post_perms->vtable_ptr, &pre_perms->vtable_ptr));
    holds &= clause(report, CLAUSE_get_from_in_use_success__in_list,
                    atomic_perm_equal(&post_perms->in_list, &pre_perms->in_list));
    holds &= clause(report, CLAUSE_get_from_in_use_success__slot_vaddr,
                    post_owner->slot_vaddr == pre_owner->slot_vaddr);
    holds &= clause(report, CLAUSE_get_from_in_use_success__usage,
                    post_owner->usage == pre_owner->usage);
    holds &= clause(report, CLAUSE_get_from_in_use_success__paths_in_pt,
                    post_owner->paths_in_pt == pre_owner->paths_in_pt);
    holds &= clause(report, CLAUSE_get_from_in_use_success__others,
                    slot_owners_equal_but(pre, post, idx));
    return holds;
}

bool drop_last_in_place_safety_cond(const struct meta_slot_owner *owner,
                                    struct clause_report *report)
{
    const struct metadata_inner_perms *perms = &owner->inner_perms;
    bool holds = true;

    holds &= clause(report, CLAUSE_drop_last_in_place_safety_cond__ref_count,
                    perms->ref_count.value == 0 || perms->ref_count.value == SPEC_REF_COUNT_UNIQUE);
    holds &= clause(report, CLAUSE_drop_last_in_place_safety_cond__storage, perms->storage.is_init);
    holds &=
        clause(report, CLAUSE_drop_last_in_place_safety_cond__in_list, perms->in_list.value == 0);
    holds &=
        clause(report, CLAUSE_drop_last_in_place_safety_cond__paths_in_pt, owner->paths_in_pt == 0);
    return holds;
}

bool inc_ref_count_spec(const struct meta_slot_model *pre, const struct meta_slot_model *post,
                        struct clause_report *report)
{
    struct meta_slot_model rest = *post;
    bool holds = true;

    rest.ref_count = pre->ref_count;
    holds &= clause(report, CLAUSE_inc_ref_count_spec__ref_count,
                    post->ref_count == (uint64_t)(pre->ref_count + 1)); /* "as u64" */
    holds &= clause(report, CLAUSE_inc_ref_count_spec__rest, meta_slot_model_equal(&rest, pre));
    return holds;
}

/* --- impl OwnerOf for MetaSlot --- */

bool wf(const struct meta_slot_cells *self, const struct meta_slot_owner *owner,
        struct clause_report *report)
{
    const struct metadata_inner_perms *perms = &owner->inner_perms;
    bool holds = true;

    holds &= clause(report, CLAUSE_wf__storage, self->storage_id == perms->storage.id);
    holds &= clause(report, CLAUSE_wf__ref_count, self->ref_count_id == perms->ref_count.id);
    holds &= clause(report, CLAUSE_wf__vtable_ptr, self->vtable_ptr == perms->vtable_ptr.pptr);
    holds &= clause(report, CLAUSE_wf__in_list, self->in_list_id == perms->in_list.id);
    return holds;
}
