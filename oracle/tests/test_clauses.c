/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Every clause holds in a good step and is broken, alone, by a step that is bad in one respect.
 * clause_cases.def has the steps. Each is judged twice, with the state after as a change of the
 * state before and with two states that know nothing of each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pair.h"

/* --- good steps ------------------------------------------------------------------------------ */

static void begin_obliged(struct pair *p, uint64_t ref_count, uint64_t owed)
{
    pair_begin(p, ref_count);
    p->pre.frame_obligations[IDX] = p->post.frame_obligations[IDX] = owed;
}

static void claim_as(struct pair *p, uint64_t ref_count, enum spec_page_usage usage)
{
    pair_begin(p, SPEC_REF_COUNT_UNUSED);
    hold(owner(p), ref_count);
    owner(p)->usage = usage;
}

static void base_claimed(struct pair *p)
{
    claim_as(p, 1, SPEC_USAGE_FRAME);
}

static void base_claimed_unique(struct pair *p)
{
    claim_as(p, SPEC_REF_COUNT_UNIQUE, SPEC_USAGE_FRAME);
    p->call.as_unique = true;
}

static void base_claimed_node(struct pair *p)
{
    claim_as(p, 1, SPEC_USAGE_PAGE_TABLE);
}

static void base_extracted(struct pair *p)
{
    base_claimed(p);
    unpark(p, IDX);
}

static void base_extracted_unique(struct pair *p)
{
    base_claimed_unique(p);
    unpark(p, IDX);
}

static void base_minted(struct pair *p)
{
    base_claimed(p);
    *obligations(p, IDX) = 1;
}

static void base_minted_unique(struct pair *p)
{
    base_claimed_unique(p);
    *obligations(p, IDX) = 1;
}

static void base_minted_node(struct pair *p)
{
    base_claimed_node(p);
    *obligations(p, IDX) = 1;
}

static void base_minted_again(struct pair *p)
{
    begin_obliged(p, 2, 1);
    *obligations(p, IDX) = 2;
}

static void base_redeemed(struct pair *p)
{
    begin_obliged(p, 2, 1);
    *obligations(p, IDX) = 0;
}

static void base_same(struct pair *p)
{
    begin_obliged(p, 2, 1);
}

static void base_same_paddr(struct pair *p)
{
    base_same(p);
    p->outcome.value = p->call.paddr;
}

static void base_failed(struct pair *p)
{
    begin_obliged(p, 2, 1);
    p->outcome = (struct spec_outcome){.result = SPEC_IN_USE};
}

static void base_unused(struct pair *p)
{
    pair_begin(p, SPEC_REF_COUNT_UNUSED);
}

static void base_unused_mmio(struct pair *p)
{
    pair_begin(p, SPEC_REF_COUNT_UNUSED);
    owner(p)->usage = SPEC_USAGE_MMIO;
    owner(p)->paths_in_pt = 5;
}

static void base_unique(struct pair *p)
{
    pair_begin(p, SPEC_REF_COUNT_UNIQUE);
    perms(p)->in_list.value = 0;
}

static void base_unique_mmio(struct pair *p)
{
    pair_begin(p, SPEC_REF_COUNT_UNIQUE);
    owner(p)->usage = SPEC_USAGE_MMIO;
    owner(p)->paths_in_pt = 5;
}

static void base_dying(struct pair *p)
{
    pair_begin(p, 0);
}

static void base_saturated(struct pair *p)
{
    pair_begin(p, SPEC_REF_COUNT_MAX);
}

static void base_incremented(struct pair *p)
{
    pair_begin(p, 2);
    *count(p) = 3;
}

static void base_cloned(struct pair *p)
{
    base_incremented(p);
    *obligations(p, IDX) = 1;
}

static void base_panicked(struct pair *p)
{
    base_saturated(p);
    p->outcome.result = SPEC_PANIC;
}

static void base_nothing_owed(struct pair *p)
{
    base_same(p);
    *obligations(p, IDX) = 0;
    *obligations(p, OTHER) = 0;
}

static void base_held(struct pair *p)
{
    begin_obliged(p, 7, 1);
    owner(p)->paths_in_pt = 0x8000000000000001;
    p->holders = (struct slot_holders){.live_frames = 1, .forgotten_frames = 3, .segments = 1};
}

static void base_held_saturated(struct pair *p)
{
    begin_obliged(p, SPEC_REF_COUNT_MAX, 0);
    p->holders = (struct slot_holders){.forgotten_frames = SPEC_REF_COUNT_MAX - 1, .segments = 1};
}

static void base_held_unique(struct pair *p)
{
    begin_obliged(p, SPEC_REF_COUNT_UNIQUE, 1);
    p->holders = (struct slot_holders){.live_unique_frames = 1};
}

static void park_again(struct pair *p, uint64_t ref_count)
{
    pair_begin(p, ref_count);
    p->perm = p->pre.slots[IDX];
    p->pre.slots_dom[IDX] = 0;
    p->pre.slots[IDX] = (struct meta_slot_perm){0};
}

static void base_parked(struct pair *p)
{
    park_again(p, 1);
}

static void base_parked_unique(struct pair *p)
{
    park_again(p, SPEC_REF_COUNT_UNIQUE);
}

static void base_dropped(struct pair *p)
{
    begin_obliged(p, 2, 2);
    *count(p) = 1;
    *obligations(p, IDX) = 1;
}

static void release_from(struct pair *p, uint64_t ref_count, uint64_t owed)
{
    begin_obliged(p, ref_count, owed);
    drop_storage(p);
    drop_vtable(p);
    *count(p) = SPEC_REF_COUNT_UNUSED;
    *obligations(p, IDX) = 0;
}

static void base_written(struct pair *p)
{
    begin_obliged(p, SPEC_REF_COUNT_UNIQUE, 1);
    p->call.metadata =
        (struct meta_slot_storage){.type = SPEC_METADATA_FRAME_LINK, .frame_link.payload = 9};
    perms(p)->storage.value = p->call.metadata;
    perms(p)->vtable_ptr.value = p->call.metadata.type;
}

static void base_counted(struct pair *p)
{
    base_same(p);
    p->outcome.value = *count(p);
}

static void base_promoted(struct pair *p)
{
    begin_obliged(p, 1, 1);
    *count(p) = SPEC_REF_COUNT_UNIQUE;
}

static void base_demoted(struct pair *p)
{
    begin_obliged(p, SPEC_REF_COUNT_UNIQUE, 1);
    *count(p) = 1;
}

static void base_meta_dropped(struct pair *p)
{
    begin_obliged(p, SPEC_REF_COUNT_UNIQUE, 1);
    drop_storage(p);
    drop_vtable(p);
}

static void base_released(struct pair *p)
{
    release_from(p, 0, 0);
}

static void base_released_last(struct pair *p)
{
    release_from(p, 1, 1);
}

static void base_released_unique(struct pair *p)
{
    release_from(p, SPEC_REF_COUNT_UNIQUE, 1);
}

/* --- predicates ------------------------------------------------------------------------------ */

#define EVALUATE(name, expression)                                                                 \
    static bool evaluate_##name(struct pair *p, struct clause_report *report)                      \
    {                                                                                              \
        return expression;                                                                         \
    }
EVALUATE(inner_perms, get_from_unused_inner_perms_spec(p->call.as_unique, perms(p), report))
EVALUATE(get_from_unused,
         get_from_unused_spec(p->call.paddr, p->call.as_unique, &p->pre, &p->post, report))
EVALUATE(get_node_from_unused, get_node_from_unused_spec(p->call.paddr, &p->pre, &p->post, report))
EVALUATE(extracted, slot_perm_extracted_spec(p->call.paddr, &p->pre, &p->post, report))
EVALUATE(reparked, slot_perm_reparked_spec(p->call.paddr, &p->pre, &p->post, report))
EVALUATE(obligations_ok, live_frame_obligations_ok_spec(p->call.paddr, &p->pre, &p->post, report))
EVALUATE(obligations_err, live_frame_obligations_err_spec(&p->pre, &p->post, report))
EVALUATE(perm_spec, get_from_unused_perm_spec(p->call.paddr, p->ptr, &p->perm, report))
EVALUATE(panic_cond, inc_ref_count_panic_cond(&perms(p)->ref_count, report))
EVALUATE(frame_paddr_cond, frame_paddr_safety_cond(&p->perm, report))
EVALUATE(get_from_in_use, get_from_in_use_success(p->call.paddr, &p->pre, &p->post, report))
EVALUATE(drop_last_cond, drop_last_in_place_safety_cond(owner(p), report))
EVALUATE(inc_ref_count, inc_ref_count_spec(&p->pre_model, &p->post_model, report))
EVALUATE(wf, wf(&p->perm.value, owner(p), report))
EVALUATE(owner_inv, meta_slot_owner_inv(owner(p), report))
EVALUATE(model_inv, meta_slot_model_inv(&p->post_model, report))
EVALUATE(region_inv, meta_region_owners_inv(&p->post, report))
EVALUATE(region_inv_at_other, meta_region_owners_inv_at(&p->post, OTHER, report))
EVALUATE(clean_inv, clean_inv(&p->post, report))
EVALUATE(accounting, accounting(&p->post, IDX, &p->holders, report))
#define JUDGE(operation)                                                                           \
    EVALUATE(judge_##operation, judge_##operation(&p->pre, &p->post, &p->call, &p->outcome, report))
JUDGE(setup)
JUDGE(get_slot)
JUDGE(get_from_unused)
JUDGE(repark)
JUDGE(get_from_in_use)
JUDGE(inc_ref_count)
JUDGE(frame_paddr)
JUDGE(as_meta_ptr)
JUDGE(dyn_meta_ptr)
JUDGE(write_meta)
JUDGE(drop_meta_in_place)
JUDGE(drop_last_in_place)
JUDGE(frame_from_unused)
JUDGE(frame_from_in_use)
JUDGE(frame_clone)
JUDGE(frame_drop)
JUDGE(frame_into_raw)
JUDGE(frame_from_raw)
JUDGE(frame_reference_count)
JUDGE(frame_meta)
JUDGE(unique_frame_from_unused)
JUDGE(unique_frame_drop)
JUDGE(frame_from_unique)
JUDGE(unique_frame_try_from)
JUDGE(unique_frame_repurpose)
JUDGE(unique_frame_reset_as_unused)
JUDGE(unique_frame_meta_mut)
JUDGE(unique_frame_into_raw)
JUDGE(unique_frame_from_raw)
JUDGE(page_table_node_alloc)
#undef JUDGE
#undef EVALUATE

/* --- cases ----------------------------------------------------------------------------------- */

#define OVERLAP(function, clause, other, reason)
#define CASE(function, clause, good, predicate, statement)                                         \
    static void break_##function##__##clause##__##good##__##predicate(struct pair *p)              \
    {                                                                                              \
        statement;                                                                                 \
    }
#include "clause_cases.def"
#undef CASE

struct clause_case {
    enum clause_id id;
    const char *base_name;
    void (*base)(struct pair *p);
    bool (*evaluate)(struct pair *p, struct clause_report *report);
    void (*breaking)(struct pair *p);
};

static const struct clause_case CASES[] = {
#define CASE(function, clause, good, predicate, statement)                                         \
    {.id = CLAUSE_##function##__##clause,                                                          \
     .base_name = #good,                                                                           \
     .base = base_##good,                                                                          \
     .evaluate = evaluate_##predicate,                                                             \
     .breaking = break_##function##__##clause##__##good##__##predicate},
#include "clause_cases.def"
#undef CASE
#undef OVERLAP
};

static const struct {
    enum clause_id id, other;
    const char *reason;
} OVERLAPS[] = {
#define CASE(function, clause, base, evaluate, breaking)
#define OVERLAP(function, clause, other_, reason_)                                                 \
    {.id = CLAUSE_##function##__##clause, .other = other_, .reason = reason_},
#include "clause_cases.def"
#undef OVERLAP
#undef CASE
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* May `other` fail where `id` is broken? */
static bool overlaps(enum clause_id id, enum clause_id other)
{
    for (size_t i = 0; i < LENGTH(OVERLAPS); i++)
        if (OVERLAPS[i].id == id && OVERLAPS[i].other == other)
            return true;
    return id == other;
}

/* How the two states are related. */
enum form { FORM_CHANGE, FORM_PLAIN };

static bool judge_case(const struct clause_case *c, enum form form, bool broken,
                       struct clause_report *report)
{
    struct pair p;
    bool holds;

    c->base(&p);
    pair_finish(&p);
    if (broken)
        c->breaking(&p);
    if (form == FORM_PLAIN)
        meta_region_owners_rebase(&p.post, NULL);
    memset(report, 0, sizeof(*report));
    holds = c->evaluate(&p, report);
    pair_end(&p);
    return holds;
}

static void check_good(const struct clause_case *c, enum form form)
{
    const char *id = CLAUSES[c->id].id;
    struct clause_report report;

    if (!judge_case(c, form, false, &report) || report.nr_failed != 0)
        fail_msg("%s: the good step %s breaks %s", id, c->base_name, CLAUSES[report.failed[0]].id);
    if (report.evaluated[c->id] == 0)
        fail_msg("%s is not asked of the good step %s", id, c->base_name);
}

static void check_broken(const struct clause_case *c, enum form form)
{
    const char *id = CLAUSES[c->id].id;
    struct clause_report report;

    if (judge_case(c, form, true, &report))
        fail_msg("%s: the verdict on the broken step %s is good", id, c->base_name);
    if (!clause_report_has(&report, c->id))
        fail_msg("%s is not reported for %s", id, c->base_name);
    for (uint32_t i = 0; i < report.nr_failed; i++)
        if (!overlaps(c->id, report.failed[i]))
            fail_msg("%s: breaking it in %s breaks %s too", id, c->base_name,
                     CLAUSES[report.failed[i]].id);
}

static void test_clauses_break_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        check_good(&CASES[i], FORM_CHANGE);
        check_good(&CASES[i], FORM_PLAIN);
        check_broken(&CASES[i], FORM_CHANGE);
        check_broken(&CASES[i], FORM_PLAIN);
    }
}

/* A step that is a change of another is judged as two whole states are. */
static void test_forms_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        struct clause_report change, plain;

        assert_int_equal(judge_case(&CASES[i], FORM_CHANGE, true, &change),
                         judge_case(&CASES[i], FORM_PLAIN, true, &plain));
        if (memcmp(&change, &plain, sizeof(change)) != 0)
            fail_msg("%s: the report depends on the form", CLAUSES[CASES[i].id].id);
    }
}

/* What a table says cannot be broken alone is indeed broken together. */
static void test_overlaps_are_real(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        struct clause_report report;

        judge_case(&CASES[i], FORM_CHANGE, true, &report);
        for (size_t j = 0; j < LENGTH(OVERLAPS); j++)
            if (OVERLAPS[j].id == CASES[i].id && !clause_report_has(&report, OVERLAPS[j].other))
                fail_msg("%s breaks alone; strike its overlap: %s", CLAUSES[CASES[i].id].id,
                         OVERLAPS[j].reason);
    }
}

/* Adding a clause without a case for it ends here. */
static void test_every_clause_has_a_case(void **state)
{
    bool has_case[NR_CLAUSES] = {false};

    (void)state;
    for (size_t i = 0; i < LENGTH(CASES); i++)
        has_case[CASES[i].id] = true;
    for (int id = 0; id < NR_CLAUSES; id++) {
        /* Clauses of the executable functions are found by comparison, not by a predicate. */
        const bool predicate = CLAUSES[id].kind != CLAUSE_KIND_EXEC;

        if (predicate != has_case[id])
            fail_msg("%s: %s", CLAUSES[id].id,
                     predicate ? "no case in clause_cases.def" : "has a case but no predicate");
    }
}

static bool same_function(uint32_t a, uint32_t b)
{
    return strcmp(CLAUSES[a].function, CLAUSES[b].function) == 0;
}

/* Breaks every clause of the case's function that has a case with the same good step. */
static void break_all(const struct clause_case *c, struct pair *p, bool broken[NR_CLAUSES])
{
    for (size_t i = 0; i < LENGTH(CASES); i++)
        if (CASES[i].base == c->base && CASES[i].evaluate == c->evaluate &&
            same_function(CASES[i].id, c->id)) {
            CASES[i].breaking(p);
            broken[CASES[i].id] = true;
        }
}

/* The next clause of the function among those that failed, from `at` on. */
static uint32_t next_failed(const struct clause_report *report, enum clause_id function,
                            uint32_t *at)
{
    while (*at < report->nr_failed && !same_function(report->failed[*at], function))
        ++*at;
    return *at < report->nr_failed ? report->failed[(*at)++] : NR_CLAUSES;
}

/*
 * A clause that fails does not hide the next, and a report lists them as the source does. Only for
 * spec functions: the clauses of an invariant exclude each other.
 */
static void test_all_clauses_in_source_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        bool broken[NR_CLAUSES] = {false};
        struct clause_report report = {0};
        uint32_t at = 0;
        struct pair p;

        if (CLAUSES[CASES[i].id].kind != CLAUSE_KIND_SPEC)
            continue;
        CASES[i].base(&p);
        pair_finish(&p);
        break_all(&CASES[i], &p, broken);
        assert_false(CASES[i].evaluate(&p, &report));
        for (uint32_t id = 0; id < NR_CLAUSES; id++)
            if (broken[id] && next_failed(&report, CASES[i].id, &at) != id)
                fail_msg("%s is missing or not in its place", CLAUSES[id].id);
        pair_end(&p);
    }
}

/* In get_from_unused_spec the clauses on the permissions stand after the first of its own. */
static void test_nested_clauses_in_source_order(void **state)
{
    static const uint16_t ORDER[] = {
        CLAUSE_get_from_unused_spec__owners_dom,
        CLAUSE_get_from_unused_inner_perms_spec__ref_count,
        CLAUSE_get_from_unused_inner_perms_spec__in_list,
        CLAUSE_get_from_unused_inner_perms_spec__storage,
        CLAUSE_get_from_unused_inner_perms_spec__vtable_ptr,
        CLAUSE_get_from_unused_spec__usage,
        CLAUSE_get_from_unused_spec__slot_vaddr,
        CLAUSE_get_from_unused_spec__paths_in_pt,
        CLAUSE_get_from_unused_spec__others,
        CLAUSE_get_from_unused_spec__pre_unused,
    };
    struct clause_report report = {0};
    struct pair p;

    (void)state;
    pair_begin(&p, SPEC_REF_COUNT_UNUSED);
    *owner(&p) = (struct meta_slot_owner){.inner_perms.in_list.value = 1, .paths_in_pt = 1};
    lose_owner(&p.post, OTHER);
    set_pre_count(&p, 1);
    assert_false(get_from_unused_spec(p.call.paddr, false, &p.pre, &p.post, &report));
    assert_int_equal(report.nr_failed, LENGTH(ORDER));
    assert_memory_equal(report.failed, ORDER, sizeof(ORDER));
    pair_end(&p);
}

static void test_report_counts_and_begins_anew(void **state)
{
    struct clause_report report = {0};

    (void)state;
    assert_true(clause(&report, CLAUSE_wf__storage, true));
    assert_false(clause(&report, CLAUSE_wf__in_list, false));
    assert_false(clause(&report, CLAUSE_wf__in_list, false));
    assert_int_equal(report.evaluated[CLAUSE_wf__storage], 1);
    assert_int_equal(report.evaluated[CLAUSE_wf__in_list], 2);
    assert_int_equal(report.nr_failed, 1);
    assert_true(clause_report_has(&report, CLAUSE_wf__in_list));
    assert_false(clause_report_has(&report, CLAUSE_wf__storage));
    clause_report_begin(&report);
    assert_false(clause_report_has(&report, CLAUSE_wf__in_list));
    assert_int_equal(report.evaluated[CLAUSE_wf__in_list], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clauses_break_alone),
        cmocka_unit_test(test_forms_agree),
        cmocka_unit_test(test_overlaps_are_real),
        cmocka_unit_test(test_every_clause_has_a_case),
        cmocka_unit_test(test_all_clauses_in_source_order),
        cmocka_unit_test(test_nested_clauses_in_source_order),
        cmocka_unit_test(test_report_counts_and_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
