/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What mapping does to frames: a path of the page table holds a reference to a tracked frame, and
 * none to MMIO memory. And the memory map of the boot code, which says what is MMIO.
 *
 * At a path stands one thing at a time; `paths_in_use` has a bit for each that is taken.
 */
#include "metaslot_oracle/reference.h"

#include "conditions.h"
#include "judgements.h"
#include "steps.h"

static uint64_t path_bit(const struct spec_call *call)
{
    return UINT64_C(1) << call->path;
}

/* --- requires -------------------------------------------------------------------------------- */

static bool path_free(const struct reference *ref, const struct spec_call *call)
{
    return call->path < SPEC_NR_PATHS && !(ref->paths_in_use & path_bit(call));
}

static bool mapped_there(const struct reference *ref, const struct spec_call *call)
{
    return call->path < SPEC_NR_PATHS && owner_of(ref, call)->paths_in_pt & path_bit(call);
}

bool requires_frame_map(const struct reference *ref, const struct spec_call *call)
{
    return live_frame(ref, call) && owner_of(ref, call)->usage == SPEC_USAGE_FRAME &&
           path_free(ref, call);
}

bool requires_frame_unmap(const struct reference *ref, const struct spec_call *call)
{
    return settled_slot(ref, call) && owner_of(ref, call)->usage == SPEC_USAGE_FRAME &&
           mapped_there(ref, call);
}

static bool mmio_slot(const struct reference *ref, const struct spec_call *call)
{
    return settled_slot(ref, call) && owner_of(ref, call)->usage == SPEC_USAGE_MMIO;
}

bool requires_mmio_map(const struct reference *ref, const struct spec_call *call)
{
    return mmio_slot(ref, call) && path_free(ref, call);
}

bool requires_mmio_unmap(const struct reference *ref, const struct spec_call *call)
{
    return mmio_slot(ref, call) && mapped_there(ref, call);
}

static bool of_memory_map(uint64_t usage)
{
    return usage == SPEC_USAGE_RESERVED || usage == SPEC_USAGE_META || usage == SPEC_USAGE_KERNEL ||
           usage == SPEC_USAGE_MMIO;
}

/* Nobody has touched the frame yet. */
static bool pristine(const struct reference *ref, const struct spec_call *frame)
{
    return settled(ref, frame) && count_of(ref, frame) == SPEC_REF_COUNT_UNUSED &&
           owner_of(ref, frame)->usage == SPEC_USAGE_UNUSED;
}

bool requires_memory_range(const struct reference *ref, const struct spec_call *call)
{
    const uint64_t end = call->paddr + call->length[0];

    if (call->paddr % SPEC_PAGE_SIZE != 0 || end % SPEC_PAGE_SIZE != 0 || call->paddr >= end ||
        end > index_to_frame(ref->owners.max_meta_slots) || !of_memory_map(call->usage))
        return false;
    for (uint64_t paddr = call->paddr; paddr < end; paddr += SPEC_PAGE_SIZE) {
        const struct spec_call frame = {.paddr = paddr};

        if (!pristine(ref, &frame))
            return false;
    }
    return true;
}

/* --- reference ------------------------------------------------------------------------------- */

static void add_path(struct reference *ref, const struct spec_call *call)
{
    change(ref, call->paddr)->paths_in_pt |= path_bit(call);
    ref->paths_in_use |= path_bit(call);
}

static void remove_path(struct reference *ref, const struct spec_call *call)
{
    change(ref, call->paddr)->paths_in_pt &= ~path_bit(call);
    ref->paths_in_use &= ~path_bit(call);
}

/* into_raw, and the path is added: the reference is the path's now. */
void reference_frame_map(struct reference *ref, const struct spec_call *call,
                         struct spec_outcome *outcome)
{
    redeem_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->live_frames--;
    add_path(ref, call);
    answer_ok(outcome, call->paddr);
}

/* The path is removed, and from_raw. */
void reference_frame_unmap(struct reference *ref, const struct spec_call *call,
                           struct spec_outcome *outcome)
{
    remove_path(ref, call);
    mint_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->live_frames++;
    answer_ok(outcome, frame_to_meta(call->paddr));
}

void reference_mmio_map(struct reference *ref, const struct spec_call *call,
                        struct spec_outcome *outcome)
{
    add_path(ref, call);
    answer_ok(outcome, 0);
}

void reference_mmio_unmap(struct reference *ref, const struct spec_call *call,
                          struct spec_outcome *outcome)
{
    remove_path(ref, call);
    answer_ok(outcome, 0);
}

/* MMIO memory stays unused; to all else the boot code keeps a reference that it never gives back. */
void reference_memory_range(struct reference *ref, const struct spec_call *call,
                            struct spec_outcome *outcome)
{
    static const struct meta_slot_storage EMPTY = {.type = SPEC_METADATA_EMPTY};
    const uint64_t end = call->paddr + call->length[0];

    for (uint64_t paddr = call->paddr; paddr < end; paddr += SPEC_PAGE_SIZE)
        if (call->usage == SPEC_USAGE_MMIO)
            change(ref, paddr)->usage = SPEC_USAGE_MMIO;
        else
            publish(ref, paddr, &EMPTY, (enum spec_page_usage)call->usage, 1);
    answer_ok(outcome, 0);
}

/* --- judge ----------------------------------------------------------------------------------- */

/* The path of the call, or none if there is no such path. */
static uint64_t path_set(const struct spec_call *call)
{
    return call->path < SPEC_NR_PATHS ? path_bit(call)
                                      : /* unreachable: a program has no other paths */ 0;
}

/* Everything is kept but the paths and the count. */
static bool rest_kept(const struct meta_slot_owner *was, const struct meta_slot_owner *is)
{
    struct meta_slot_owner rest = *is;

    rest.paths_in_pt = was->paths_in_pt;
    rest.inner_perms.ref_count = was->inner_perms.ref_count;
    return owner_equal(&rest, was);
}

static bool mapped(owners_t *pre, owners_t *post, call_t *call, struct clause_report *report)
{
    const uint64_t idx = frame_to_index(call->paddr), path = path_set(call);
    const struct meta_slot_owner *was = slot_owner_at(pre, idx);
    const struct meta_slot_owner *is = slot_owner_at(post, idx);
    bool holds = true;

    holds &=
        clause(report, CLAUSE_page_table_map__paths_in_pt,
               path && !(was->paths_in_pt & path) && is->paths_in_pt == (was->paths_in_pt | path));
    holds &= clause(report, CLAUSE_page_table_map__ref_count,
                    atomic_perm_equal(&is->inner_perms.ref_count, &was->inner_perms.ref_count));
    holds &= clause(report, CLAUSE_page_table_map__rest, rest_kept(was, is));
    holds &= frame_condition(pre, post, call, report);
    return holds;
}

static bool unmapped(owners_t *pre, owners_t *post, call_t *call, struct clause_report *report)
{
    const uint64_t idx = frame_to_index(call->paddr), path = path_set(call);
    const struct meta_slot_owner *was = slot_owner_at(pre, idx);
    const struct meta_slot_owner *is = slot_owner_at(post, idx);
    bool holds = true;

    holds &= clause(report, CLAUSE_page_table_unmap__paths_in_pt,
                    (was->paths_in_pt & path) && is->paths_in_pt == (was->paths_in_pt & ~path));
    holds &= clause(report, CLAUSE_page_table_unmap__ref_count,
                    atomic_perm_equal(&is->inner_perms.ref_count, &was->inner_perms.ref_count));
    holds &= clause(report, CLAUSE_page_table_unmap__rest, rest_kept(was, is));
    holds &= frame_condition(pre, post, call, report);
    return holds;
}

bool judge_frame_map(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                     struct clause_report *report)
{
    const uint64_t idx = frame_to_index(call->paddr);
    bool holds = true;

    holds &= clause(report, CLAUSE_frame_map__paddr, outcome->value == call->paddr);
    holds &= mapped(pre, post, call, report);
    holds &= clause(report, CLAUSE_into_raw__frame_obligations, obligation_removed(pre, post, idx));
    return holds;
}

bool judge_frame_unmap(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                       struct clause_report *report)
{
    bool holds = true;

    holds &= clause(report, CLAUSE_frame_unmap__ptr, outcome->value == frame_to_meta(call->paddr));
    holds &= unmapped(pre, post, call, report);
    holds &= live_frame_obligations_ok_spec(call->paddr, pre, post, report);
    return holds;
}

/* What is mapped is MMIO memory and not counted. */
static bool untracked(owners_t *post, call_t *call, struct clause_report *report)
{
    const struct meta_slot_owner *is = slot_owner_at(post, frame_to_index(call->paddr));
    bool holds = true;

    holds &= clause(report, CLAUSE_mmio_mapping__usage, is->usage == SPEC_USAGE_MMIO);
    holds &= clause(report, CLAUSE_mmio_mapping__ref_count,
                    is->inner_perms.ref_count.value == SPEC_REF_COUNT_UNUSED);
    return holds;
}

bool judge_mmio_map(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                    struct clause_report *report)
{
    bool holds = untracked(post, call, report);

    (void)outcome;
    holds &= mapped(pre, post, call, report);
    holds &= live_frame_obligations_err_spec(pre, post, report);
    return holds;
}

bool judge_mmio_unmap(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                      struct clause_report *report)
{
    bool holds = untracked(post, call, report);

    (void)outcome;
    holds &= unmapped(pre, post, call, report);
    holds &= live_frame_obligations_err_spec(pre, post, report);
    return holds;
}

static bool has_usage(const struct meta_slot_owner *was, const struct meta_slot_owner *is,
                      call_t *call)
{
    (void)was;
    return is->usage == call->usage;
}

static bool has_count(const struct meta_slot_owner *was, const struct meta_slot_owner *is,
                      call_t *call)
{
    const uint64_t expected = call->usage == SPEC_USAGE_MMIO ? SPEC_REF_COUNT_UNUSED : 1;

    (void)was;
    return is->inner_perms.ref_count.value == expected;
}

static bool is_unmapped(const struct meta_slot_owner *was, const struct meta_slot_owner *is,
                        call_t *call)
{
    (void)was;
    (void)call;
    return is->paths_in_pt == 0;
}

bool judge_memory_range(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                        struct clause_report *report)
{
    const uint64_t start = call->paddr, end = start + call->length[0];
    bool holds = true;

    (void)outcome;
    holds &= clause(report, CLAUSE_memory_range__usage,
                    for_all_frames(pre, post, call, start, end, has_usage));
    holds &= clause(report, CLAUSE_memory_range__ref_count,
                    for_all_frames(pre, post, call, start, end, has_count));
    holds &= clause(report, CLAUSE_memory_range__paths_in_pt,
                    for_all_frames(pre, post, call, start, end, is_unmapped));
    holds &=
        clause(report, CLAUSE_memory_range__others,
               slot_owners_equal_outside(pre, post, frame_to_index(start), frame_to_index(end)));
    holds &= slots_kept(pre, post, report);
    holds &= live_frame_obligations_err_spec(pre, post, report);
    return holds;
}
