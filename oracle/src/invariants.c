/* SPDX-License-Identifier: MPL-2.0 */
#include "metaslot_oracle/invariants.h"

#include "metaslot_oracle/specs.h"

/* p ==> q */
static bool implies(bool p, bool q)
{
    return !p || q;
}

bool meta_slot_owner_inv(const struct meta_slot_owner *owner, struct clause_report *report)
{
    const struct metadata_inner_perms *perms = &owner->inner_perms;
    const uint64_t rc = perms->ref_count.value;
    const bool unused = rc == SPEC_REF_COUNT_UNUSED;
    const bool unique = rc == SPEC_REF_COUNT_UNIQUE;
    const bool shared = 0 < rc && rc <= SPEC_REF_COUNT_MAX;
    const bool mmio = owner->usage == SPEC_USAGE_MMIO;
    const bool mapped = owner->paths_in_pt != 0;
    bool holds = true;

    holds &= clause(report, CLAUSE_meta_slot_owner_inv__unused_storage,
                    implies(unused, !perms->storage.is_init));
    holds &= clause(report, CLAUSE_meta_slot_owner_inv__unused_vtable_ptr,
                    implies(unused, !perms->vtable_ptr.is_init));
    holds &= clause(report, CLAUSE_meta_slot_owner_inv__unused_in_list,
                    implies(unused, perms->in_list.value == 0));
    holds &= clause(report, CLAUSE_meta_slot_owner_inv__unused_paths_in_pt,
                    implies(unused && !mmio, !mapped));
    holds &= clause(report, CLAUSE_meta_slot_owner_inv__unique_storage,
                    implies(unique, perms->storage.is_init));
    holds &= clause(report, CLAUSE_meta_slot_owner_inv__unique_vtable_ptr,
                    implies(unique, perms->vtable_ptr.is_init));
    holds &= clause(report, CLAUSE_meta_slot_owner_inv__unique_paths_in_pt,
                    implies(unique && !mmio, !mapped));
    holds &= clause(report, CLAUSE_meta_slot_owner_inv__shared_storage,
                    implies(shared, perms->storage.is_init));
    holds &= clause(report, CLAUSE_meta_slot_owner_inv__shared_vtable_ptr,
                    implies(shared, perms->vtable_ptr.is_init));
    holds &= clause(report, CLAUSE_meta_slot_owner_inv__shared_in_list,
                    implies(shared, perms->in_list.value == 0));
    holds &= clause(report, CLAUSE_meta_slot_owner_inv__overflow,
                    !(SPEC_REF_COUNT_MAX < rc && rc < SPEC_REF_COUNT_UNIQUE));
    holds &= clause(report, CLAUSE_meta_slot_owner_inv__zero_in_list,
                    implies(rc == 0, perms->in_list.value == 0));
    holds &= clause(report, CLAUSE_meta_slot_owner_inv__slot_vaddr_range,
                    SPEC_FRAME_METADATA_RANGE_START <= owner->slot_vaddr &&
                        owner->slot_vaddr < SPEC_FRAME_METADATA_RANGE_END);
    holds &= clause(report, CLAUSE_meta_slot_owner_inv__slot_vaddr_aligned,
                    owner->slot_vaddr % SPEC_META_SLOT_SIZE == 0);
    return holds;
}

bool meta_slot_model_inv(const struct meta_slot_model *model, struct clause_report *report)
{
    const enum meta_slot_status status = meta_slot_status_of(model->ref_count);
    bool holds = true;

    holds &= clause(report, CLAUSE_meta_slot_model_inv__unused_vtable_ptr,
                    implies(status == META_SLOT_UNUSED, !model->vtable_ptr.is_init));
    holds &= clause(report, CLAUSE_meta_slot_model_inv__unused_in_list,
                    implies(status == META_SLOT_UNUSED, model->in_list == 0));
    holds &= clause(report, CLAUSE_meta_slot_model_inv__unique_vtable_ptr,
                    implies(status == META_SLOT_UNIQUE, model->vtable_ptr.is_init));
    holds &= clause(report, CLAUSE_meta_slot_model_inv__zero_in_list,
                    implies(status == META_SLOT_UNDER_CONSTRUCTION, model->in_list == 0));
    holds &= clause(report, CLAUSE_meta_slot_model_inv__shared_vtable_ptr,
                    implies(status == META_SLOT_SHARED, model->vtable_ptr.is_init));
    holds &= clause(report, CLAUSE_meta_slot_model_inv__overflow, status != META_SLOT_OVERFLOW);
    return holds;
}

bool meta_region_owners_inv_at(const struct meta_region_owners *owners, uint64_t i,
                               struct clause_report *report)
{
    const bool in_range = i < owners->max_meta_slots;
    const bool owned = in_range && owners->slot_owners_dom[i];
    const bool parked = in_range && owners->slots_dom[i];
    const struct meta_slot_perm *perm = slot_perm_at(owners, i);
    const struct meta_slot_owner *owner = slot_owner_at(owners, i);
    bool holds = true;

    holds &= clause(report, CLAUSE_meta_region_owners_inv__owners_dom, in_range == owned);
    holds &= clause(report, CLAUSE_meta_region_owners_inv__slots_dom, owned == parked);
    if (!owned || !parked)
        return holds;
    holds &= meta_slot_owner_inv(owner, report);
    holds &= clause(report, CLAUSE_meta_region_owners_inv__perm_init, perm->is_init);
    holds &= clause(report, CLAUSE_meta_region_owners_inv__perm_addr, perm->addr == meta_addr(i));
    holds &= wf(&perm->value, owner, report);
    holds &= clause(report, CLAUSE_meta_region_owners_inv__slot_vaddr,
                    owner->slot_vaddr == meta_addr(i));
    return holds;
}

bool meta_region_owners_inv(const struct meta_region_owners *owners, struct clause_report *report)
{
    bool holds = true;

    for (uint64_t i = 0; i < owners->max_meta_slots; i++)
        holds &= meta_region_owners_inv_at(owners, i, report);
    return holds;
}

bool clean_inv(const struct meta_region_owners *owners, struct clause_report *report)
{
    bool empty = true;
    bool holds = meta_region_owners_inv(owners, report);

    for (uint64_t i = 0; i < owners->max_meta_slots; i++)
        empty &= owners->frame_obligations[i] == 0;
    holds &= clause(report, CLAUSE_clean_inv__frame_obligations, empty);
    return holds;
}

bool segment_inv(const struct meta_region_owners *owners, uint64_t start, uint64_t end,
                 struct clause_report *report)
{
    bool holds = true;

    holds &= clause(report, CLAUSE_segment_inv__aligned,
                    start % SPEC_PAGE_SIZE == 0 && end % SPEC_PAGE_SIZE == 0);
    holds &= clause(report, CLAUSE_segment_inv__order, start <= end);
    holds &=
        clause(report, CLAUSE_segment_inv__bound, end <= index_to_frame(owners->max_meta_slots));
    return holds;
}

bool segment_inv_at(const struct meta_region_owners *owners, uint64_t i,
                    const struct slot_holders *holders, struct clause_report *report)
{
    const struct meta_slot_owner *owner = slot_owner_at(owners, i);
    const uint64_t rc = owner->inner_perms.ref_count.value;
    bool holds = true;

    if (holders->segments == 0)
        /* unreachable: the lockstep asks of slots with segments only */
        return true;
    holds &= clause(report, CLAUSE_segment_relate_regions__ref_count,
                    0 < rc && rc <= SPEC_REF_COUNT_MAX);
    holds &= clause(report, CLAUSE_segment_relate_regions__usage, owner->usage == SPEC_USAGE_FRAME);
    return holds;
}

/* |set| of a bit set. */
static uint64_t cardinality(uint64_t set)
{
    uint64_t n = 0;

    for (; set; set &= set - 1)
        n++;
    return n;
}

/* total == a + b + ..., of which no partial sum may wrap. */
static bool is_sum(uint64_t total, const uint64_t *summands, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (summands[i] > total)
            return false;
        total -= summands[i];
    }
    return total == 0;
}

bool accounting(const struct meta_region_owners *owners, uint64_t i,
                const struct slot_holders *holders, struct clause_report *report)
{
    const struct meta_slot_owner *owner = slot_owner_at(owners, i);
    const uint64_t rc = owner->inner_perms.ref_count.value;
    const uint64_t references[] = {holders->live_frames, holders->forgotten_frames,
                                   cardinality(owner->paths_in_pt), holders->segments};
    const uint64_t handles[] = {holders->live_frames, holders->live_unique_frames};
    const uint64_t owed = i < owners->max_meta_slots
                              ? owners->frame_obligations[i]
                              : /* unreachable: the lockstep asks of slots that exist */ 0;
    const bool counted = owner->usage == SPEC_USAGE_FRAME && 1 <= rc && rc <= SPEC_REF_COUNT_MAX;
    const bool held = holders->live_frames || holders->live_unique_frames || holders->segments;
    bool holds = true;

    holds &=
        clause(report, CLAUSE_accounting__ref_count, implies(counted, is_sum(rc, references, 4)));
    holds &= clause(report, CLAUSE_accounting__frame_obligations, is_sum(owed, handles, 2));
    holds &= clause(report, CLAUSE_accounting__unused, implies(rc == SPEC_REF_COUNT_UNUSED, !held));
    return holds;
}
