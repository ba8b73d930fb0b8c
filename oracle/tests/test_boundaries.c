/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where a transliteration to C goes wrong first: arithmetic that wraps, addresses out of range,
 * the edges of the counts, and maps that differ in more than their values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pair.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const uint64_t COUNTS[] = {
    0,
    1,
    2,
    SPEC_REF_COUNT_MAX - 1,
    SPEC_REF_COUNT_MAX,
    SPEC_REF_COUNT_MAX + 1,
    SPEC_REF_COUNT_UNIQUE - 1,
    SPEC_REF_COUNT_UNIQUE,
    SPEC_REF_COUNT_UNUSED,
};

/* --- arithmetic ------------------------------------------------------------------------------ */

/* Is `post` one more than `pre` in the eyes of get_from_in_use_success? */
static bool grows(uint64_t pre, uint64_t post)
{
    struct clause_report report = {0};
    struct pair p;
    bool holds;

    pair_begin(&p, 1);
    set_pre_count(&p, pre);
    *count(&p) = post;
    holds = get_from_in_use_success(p.call.paddr, &p.pre, &p.post, &report);
    pair_end(&p);
    assert_int_equal(holds, !clause_report_has(&report, CLAUSE_get_from_in_use_success__ref_count));
    return holds;
}

static void test_nothing_is_one_more_than_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(COUNTS); i++) {
        assert_false(grows(UINT64_MAX, COUNTS[i]));
        if (COUNTS[i] != UINT64_MAX)
            assert_true(grows(COUNTS[i], COUNTS[i] + 1));
        assert_false(grows(COUNTS[i], COUNTS[i]));
    }
}

/* The source casts the sum, so here it wraps. */
static void test_inc_ref_count_spec_wraps(void **state)
{
    struct clause_report report = {0};
    struct meta_slot_model pre = {.ref_count = UINT64_MAX}, post = {.ref_count = 0};

    (void)state;
    assert_true(inc_ref_count_spec(&pre, &post, &report));
    pre.ref_count = SPEC_REF_COUNT_MAX;
    post.ref_count = SPEC_REF_COUNT_MAX + 1;
    assert_true(inc_ref_count_spec(&pre, &post, &report));
    assert_false(meta_slot_model_inv(&post, &report));
}

/* How often an index is in a multiset is a natural number. */
static void test_obligations_do_not_wrap(void **state)
{
    struct clause_report report = {0};
    struct pair p;

    (void)state;
    pair_begin(&p, 1);
    p.pre.frame_obligations[IDX] = UINT64_MAX;
    *obligations(&p, IDX) = 0;
    assert_false(live_frame_obligations_ok_spec(p.call.paddr, &p.pre, &p.post, &report));
    p.pre.frame_obligations[IDX] = 0;
    *obligations(&p, IDX) = UINT64_MAX;
    assert_false(judge_frame_into_raw(&p.pre, &p.post, &p.call, &p.outcome, &report));
    assert_false(judge_frame_drop(&p.pre, &p.post, &p.call, &p.outcome, &report));
    pair_end(&p);
}

/* Nor is 0 one more than all in a segment's frame. */
static void test_segment_counts_do_not_wrap(void **state)
{
    struct clause_report report = {0};
    struct pair p;

    (void)state;
    pair_begin(&p, 1);
    set_pre_count(&p, UINT64_MAX);
    *count(&p) = 0;
    p.call.end = p.call.paddr + SPEC_PAGE_SIZE;
    judge_segment_clone(&p.pre, &p.post, &p.call, &p.outcome, &report);
    assert_true(clause_report_has(&report, CLAUSE_inc_frame_ref_count__ref_count));
    pair_end(&p);
}

static void test_accounting_does_not_wrap(void **state)
{
    struct slot_holders holders = {.forgotten_frames = UINT64_MAX, .segments = 2};
    struct clause_report report = {0};
    struct pair p;

    (void)state;
    pair_begin(&p, 1);
    assert_false(accounting(&p.post, IDX, &holders, &report));
    assert_true(clause_report_has(&report, CLAUSE_accounting__ref_count));
    holders = (struct slot_holders){.live_frames = 1, .live_unique_frames = UINT64_MAX};
    clause_report_begin(&report);
    assert_false(accounting(&p.post, IDX, &holders, &report));
    assert_true(clause_report_has(&report, CLAUSE_accounting__frame_obligations));
    pair_end(&p);
}

/* --- addresses ------------------------------------------------------------------------------- */

static void check_maps(uint64_t index)
{
    const uint64_t paddr = index * 4096, vaddr = 0xffffe00000000000 + index * 64;

    assert_int_equal(index_to_frame(index), paddr);
    assert_int_equal(frame_to_index(paddr), index);
    assert_int_equal(frame_to_meta(paddr), vaddr);
    assert_int_equal(meta_to_frame(vaddr), paddr);
    assert_int_equal(meta_addr(index), vaddr);
    assert_true(vaddr < SPEC_FRAME_METADATA_RANGE_END);
    /* Any byte of a frame belongs to its slot, and any byte of a slot to its frame. */
    assert_int_equal(frame_to_index(paddr + 4095), index);
    assert_int_equal(frame_to_meta(paddr + 4095), vaddr);
    assert_int_equal(meta_to_frame(vaddr + 63), paddr);
}

static void test_address_maps_are_inverse(void **state)
{
    (void)state;
    assert_int_equal(SPEC_MAX_META_SLOTS, UINT64_C(1) << 34);
    for (uint64_t index = 0; index < 1000; index++)
        check_maps(index);
    for (uint64_t bit = 1; bit < SPEC_MAX_META_SLOTS; bit <<= 1) {
        check_maps(bit);
        check_maps(bit - 1);
        check_maps(SPEC_MAX_META_SLOTS - bit);
    }
}

static void test_has_safe_slot(void **state)
{
    struct pair p;

    (void)state;
    pair_begin(&p, 1);
    assert_true(has_safe_slot(&p.pre, 0));
    assert_true(has_safe_slot(&p.pre, (NR_SLOTS - 1) * SPEC_PAGE_SIZE));
    assert_false(has_safe_slot(&p.pre, NR_SLOTS * SPEC_PAGE_SIZE));
    assert_false(has_safe_slot(&p.pre, 1));
    assert_false(has_safe_slot(&p.pre, NR_SLOTS * SPEC_PAGE_SIZE - 1));
    assert_false(has_safe_slot(&p.pre, UINT64_MAX));
    assert_false(has_safe_slot(&p.pre, -SPEC_PAGE_SIZE));
    pair_end(&p);
}

/* Nothing is at such an address: no claim holds of it, and frames of conditions are trivial. */
static void check_no_slot(uint64_t paddr)
{
    struct clause_report report = {0};
    struct pair p;

    pair_begin(&p, SPEC_REF_COUNT_UNUSED);
    pair_finish(&p);
    assert_false(get_from_unused_spec(paddr, false, &p.pre, &p.post, &report));
    assert_false(get_from_unused_spec(paddr, true, &p.pre, &p.post, &report));
    assert_false(get_node_from_unused_spec(paddr, &p.pre, &p.post, &report));
    assert_false(get_from_in_use_success(paddr, &p.pre, &p.post, &report));
    assert_false(live_frame_obligations_ok_spec(paddr, &p.pre, &p.post, &report));
    assert_false(get_from_unused_perm_spec(paddr, p.ptr, &p.perm, &report));
    assert_true(slot_perm_extracted_spec(paddr, &p.pre, &p.post, &report));
    assert_true(slot_perm_reparked_spec(paddr, &p.pre, &p.post, &report));
    /* The frame conditions then speak of every slot. */
    unpark(&p, IDX);
    assert_false(slot_perm_extracted_spec(paddr, &p.pre, &p.post, &report));
    assert_false(slot_perm_reparked_spec(paddr, &p.pre, &p.post, &report));
    pair_end(&p);
}

static void test_addresses_without_a_slot(void **state)
{
    (void)state;
    check_no_slot(NR_SLOTS * SPEC_PAGE_SIZE);
    check_no_slot(NR_SLOTS * SPEC_PAGE_SIZE + 1);
    check_no_slot(SPEC_MAX_META_SLOTS * SPEC_PAGE_SIZE);
    check_no_slot(-SPEC_PAGE_SIZE);
    check_no_slot(UINT64_MAX);
}

/* An index outside a domain has no owner and no permission, whatever is stored there. */
static void test_no_value_outside_a_domain(void **state)
{
    struct pair p;

    (void)state;
    pair_begin(&p, 1);
    p.post.slot_owners_dom[OTHER] = 0;
    p.post.slots_dom[OTHER] = 0;
    assert_int_equal(slot_owner_at(&p.post, OTHER)->slot_vaddr, 0);
    assert_int_equal(slot_perm_at(&p.post, OTHER)->addr, 0);
    assert_int_equal(slot_owner_at(&p.post, NR_SLOTS)->slot_vaddr, 0);
    assert_int_equal(slot_perm_at(&p.post, UINT64_MAX)->addr, 0);
    pair_end(&p);
}

/* What lies beyond the region is in neither domain, as the invariant asks, and owes nothing. */
static void check_out_of_range(const struct meta_region_owners *owners, uint64_t i)
{
    const struct slot_holders nobody = {0}, somebody = {.live_frames = 1};
    struct clause_report report = {0};

    assert_true(meta_region_owners_inv_at(owners, i, &report));
    assert_int_equal(report.evaluated[CLAUSE_meta_region_owners_inv__owners_dom], 1);
    assert_int_equal(report.evaluated[CLAUSE_meta_region_owners_inv__slots_dom], 1);
    assert_true(accounting(owners, i, &nobody, &report));
    assert_false(accounting(owners, i, &somebody, &report));
    assert_true(clause_report_has(&report, CLAUSE_accounting__frame_obligations));
}

static void test_invariants_beyond_the_region(void **state)
{
    struct meta_region_owners owners;

    (void)state;
    assert_true(meta_region_owners_create(&owners, NR_SLOTS));
    owners.frame_obligations[NR_SLOTS - 1] = 1;
    owners.slots[NR_SLOTS - 1].is_init = 0;
    /* There is room for it, but it is not in the region. */
    owners.max_meta_slots = NR_SLOTS - 1;
    check_out_of_range(&owners, NR_SLOTS - 1);
    check_out_of_range(&owners, NR_SLOTS);
    check_out_of_range(&owners, SPEC_MAX_META_SLOTS);
    check_out_of_range(&owners, UINT64_MAX);
    meta_region_owners_destroy(&owners);
}

/* --- counts ---------------------------------------------------------------------------------- */

static void test_status_of_counts(void **state)
{
    static const enum meta_slot_status STATUS[] = {
        META_SLOT_UNDER_CONSTRUCTION,
        META_SLOT_SHARED,
        META_SLOT_SHARED,
        META_SLOT_SHARED,
        META_SLOT_SHARED,
        META_SLOT_OVERFLOW,
        META_SLOT_OVERFLOW,
        META_SLOT_UNIQUE,
        META_SLOT_UNUSED,
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(COUNTS); i++)
        assert_int_equal(meta_slot_status_of(COUNTS[i]), STATUS[i]);
}

/* REF_COUNT_MAX is a legal count that cannot grow. */
static void test_max_is_legal_and_saturated(void **state)
{
    struct clause_report report = {0};
    struct atomic_perm below = {.value = SPEC_REF_COUNT_MAX - 1};
    struct atomic_perm max = {.value = SPEC_REF_COUNT_MAX};
    struct pair p;

    (void)state;
    pair_begin(&p, SPEC_REF_COUNT_MAX - 1);
    *count(&p) = SPEC_REF_COUNT_MAX;
    assert_true(get_from_in_use_success(p.call.paddr, &p.pre, &p.post, &report));
    assert_true(meta_slot_owner_inv(owner(&p), &report));
    assert_false(inc_ref_count_panic_cond(&below, &report));
    assert_true(inc_ref_count_panic_cond(&max, &report));
    *count(&p) = SPEC_REF_COUNT_MAX + 1;
    assert_false(meta_slot_owner_inv(owner(&p), &report));
    pair_end(&p);
}

/* Every owner over a handful of values per member, numbered. */
static bool nth_owner(uint64_t n, struct meta_slot_owner *owner)
{
    struct metadata_inner_perms *perms = &owner->inner_perms;

    *owner = (struct meta_slot_owner){0};
    perms->storage.is_init = n % 2;
    perms->vtable_ptr.is_init = n / 2 % 2;
    perms->in_list.value = n / 4 % 2;
    owner->paths_in_pt = n / 8 % 2;
    owner->usage = n / 16 % 2 ? SPEC_USAGE_MMIO : SPEC_USAGE_FRAME;
    owner->slot_vaddr = meta_addr(0) + n / 32 % 2;
    n /= 64;
    perms->ref_count.value = COUNTS[n % LENGTH(COUNTS)];
    return n < LENGTH(COUNTS);
}

static void test_model_invariant_is_weaker(void **state)
{
    struct clause_report report = {0};
    struct meta_slot_owner owner;
    uint64_t nr_weaker = 0;

    (void)state;
    for (uint64_t n = 0; nth_owner(n, &owner); n++) {
        const struct meta_slot_model model = meta_slot_owner_view(&owner);
        const bool owner_holds = meta_slot_owner_inv(&owner, &report);
        const bool model_holds = meta_slot_model_inv(&model, &report);

        assert_true(!owner_holds || model_holds);
        nr_weaker += model_holds && !owner_holds;
    }
    assert_true(nr_weaker > 0);
}

static void test_model_invariant_ignores_storage(void **state)
{
    struct clause_report report = {0};
    struct meta_slot_owner owner;

    (void)state;
    for (uint64_t n = 0; nth_owner(n, &owner); n++) {
        struct meta_slot_model model = meta_slot_owner_view(&owner);
        const bool holds = meta_slot_model_inv(&model, &report);

        model.storage.is_init = !model.storage.is_init;
        assert_int_equal(meta_slot_model_inv(&model, &report), holds);
    }
}

/* --- maps ------------------------------------------------------------------------------------ */

/* What the comparisons say, in both directions and whether or not one is a change of the other. */
struct equality {
    bool owners, owners_dom, slots, slots_dom, obligations;
};

static struct equality compare(const struct meta_region_owners *a,
                               const struct meta_region_owners *b, uint64_t but)
{
    return (struct equality){
        .owners = slot_owners_equal_but(a, b, but),
        .owners_dom = slot_owners_dom_equal(a, b),
        .slots = slots_equal_but(a, b, but),
        .slots_dom = slots_dom_equal(a, b),
        .obligations = frame_obligations_equal_but(a, b, but),
    };
}

static void check_equality(struct pair *p, uint64_t but, struct equality expected)
{
    struct equality found[4];

    found[0] = compare(&p->pre, &p->post, but);
    found[1] = compare(&p->post, &p->pre, but);
    p->post.base = NULL;
    found[2] = compare(&p->pre, &p->post, but);
    found[3] = compare(&p->post, &p->pre, but);
    p->post.base = &p->pre;
    for (size_t i = 0; i < LENGTH(found); i++)
        assert_memory_equal(&found[i], &expected, sizeof(expected));
}

static void test_an_index_in_one_domain_differs(void **state)
{
    const struct equality same = {true, true, true, true, true};
    const struct equality owner_lost = {false, false, true, true, true};
    const struct equality perm_lost = {true, true, false, false, true};
    struct pair p;

    (void)state;
    pair_begin(&p, 1);
    check_equality(&p, UINT64_MAX, same);
    /* The bytes stored for the two are the same; only membership says that they differ. */
    p.pre.slot_owners[0] = (struct meta_slot_owner){0};
    lose_owner(&p.post, 0);
    check_equality(&p, UINT64_MAX, owner_lost);
    check_equality(&p, IDX, owner_lost);
    check_equality(&p, 0, (struct equality){true, false, true, true, true});
    meta_region_owners_copy_slot(&p.post, &p.pre, 0);
    p.pre.slots[0] = (struct meta_slot_perm){0};
    unpark(&p, 0);
    check_equality(&p, UINT64_MAX, perm_lost);
    check_equality(&p, 0, (struct equality){true, true, true, false, true});
    pair_end(&p);
}

static void test_values_differ_at_both_ends(void **state)
{
    static const uint64_t ENDS[] = {0, NR_SLOTS - 1};

    (void)state;
    for (size_t i = 0; i < LENGTH(ENDS); i++) {
        const struct equality all_differ = {false, true, false, true, false};
        const struct equality same = {true, true, true, true, true};
        struct pair p;

        pair_begin(&p, 1);
        meta_region_owners_change(&p.post, ENDS[i])->usage = SPEC_USAGE_META;
        perm_of(&p, ENDS[i])->pptr++;
        ++*obligations(&p, ENDS[i]);
        check_equality(&p, UINT64_MAX, all_differ);
        check_equality(&p, IDX, all_differ);
        check_equality(&p, ENDS[i], same);
        pair_end(&p);
    }
}

static void test_regions_of_different_size_differ(void **state)
{
    const struct equality none = {false, false, false, false, false};
    struct pair p;

    (void)state;
    pair_begin(&p, 1);
    p.post.max_meta_slots = NR_SLOTS - 1;
    check_equality(&p, UINT64_MAX, none);
    check_equality(&p, NR_SLOTS - 1, none);
    pair_end(&p);
}

/* slot_perm_reparked_spec leaves free what happens at an index that pre does not have. */
static void test_reparked_spec_quantifies_over_pre(void **state)
{
    struct clause_report report = {0};
    struct pair p;

    (void)state;
    pair_begin(&p, 1);
    perm_of(&p, OTHER)->pptr = 0;
    p.pre.slots_dom[OTHER] = 0;
    p.pre.slots[OTHER] = (struct meta_slot_perm){0};
    assert_false(slot_perm_reparked_spec(p.call.paddr, &p.pre, &p.post, &report));
    assert_true(clause_report_has(&report, CLAUSE_slot_perm_reparked_spec__slots_dom));
    assert_false(clause_report_has(&report, CLAUSE_slot_perm_reparked_spec__others));
    pair_end(&p);
}

/* --- states ---------------------------------------------------------------------------------- */

static void test_create_refuses(void **state)
{
    struct meta_region_owners owners;

    (void)state;
    assert_false(meta_region_owners_create(&owners, 0));
    assert_false(meta_region_owners_create(&owners, SPEC_MAX_META_SLOTS + 1));
    assert_false(meta_region_owners_create(&owners, UINT64_MAX));
    assert_null(owners.slots);
}

static void test_boot_of_a_smaller_region(void **state)
{
    struct clause_report report = {0};
    struct pair p;

    (void)state;
    pair_begin(&p, 1);
    meta_region_owners_boot(&p.post, 2);
    assert_int_equal(p.post.capacity, NR_SLOTS);
    assert_int_equal(p.post.max_meta_slots, 2);
    assert_null(p.post.base);
    assert_true(clean_inv(&p.post, &report));
    assert_int_equal(slot_owner_at(&p.post, 1)->inner_perms.ref_count.value, UINT64_MAX);
    assert_int_equal(slot_owner_at(&p.post, 2)->slot_vaddr, 0);
    pair_end(&p);
}

static void test_change_and_commit(void **state)
{
    struct pair p;

    (void)state;
    pair_begin(&p, 1);
    *count(&p) = 2;
    *count(&p) = 3;
    other(&p)->usage = SPEC_USAGE_META;
    assert_int_equal(p.post.nr_changed, 2);
    assert_false(meta_region_owners_slot_equal(&p.pre, &p.post, IDX));
    meta_region_owners_commit(&p.pre, &p.post);
    assert_int_equal(p.post.nr_changed, 0);
    for (uint64_t i = 0; i < NR_SLOTS; i++)
        assert_true(meta_region_owners_slot_equal(&p.pre, &p.post, i));
    *count(&p) = 4;
    assert_int_equal(p.post.nr_changed, 1);
    assert_false(slot_owners_equal_but(&p.pre, &p.post, OTHER));
    pair_end(&p);
}

/* What writes to a slot on its own notes the change. */
static void test_boot_and_remove_are_changes(void **state)
{
    struct pair p;

    (void)state;
    pair_begin(&p, 1);
    meta_region_owners_boot_slot(&p.post, OTHER);
    assert_int_equal(p.post.nr_changed, 2);
    assert_false(slot_owners_equal_but(&p.pre, &p.post, IDX));
    pair_end(&p);
    pair_begin(&p, 1);
    meta_region_owners_remove_perm(&p.post, OTHER);
    assert_int_equal(p.post.nr_changed, 2);
    assert_false(slots_equal_but(&p.pre, &p.post, IDX));
    pair_end(&p);
}

static void check_slot_differs(struct pair *p)
{
    assert_false(meta_region_owners_slot_equal(&p->pre, &p->post, OTHER));
    meta_region_owners_copy_slot(&p->post, &p->pre, OTHER);
    assert_true(meta_region_owners_slot_equal(&p->pre, &p->post, OTHER));
}

static void test_slot_equal_sees_everything(void **state)
{
    struct pair p;

    (void)state;
    pair_begin(&p, 1);
    p.post.slots_dom[OTHER] = 0;
    check_slot_differs(&p);
    p.post.slot_owners_dom[OTHER] = 0;
    check_slot_differs(&p);
    ++*obligations(&p, OTHER);
    check_slot_differs(&p);
    perm_of(&p, OTHER)->value.in_list_id++;
    check_slot_differs(&p);
    other(&p)->paths_in_pt++;
    check_slot_differs(&p);
    pair_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_one_more_than_all),
        cmocka_unit_test(test_inc_ref_count_spec_wraps),
        cmocka_unit_test(test_obligations_do_not_wrap),
        cmocka_unit_test(test_segment_counts_do_not_wrap),
        cmocka_unit_test(test_accounting_does_not_wrap),
        cmocka_unit_test(test_address_maps_are_inverse),
        cmocka_unit_test(test_has_safe_slot),
        cmocka_unit_test(test_addresses_without_a_slot),
        cmocka_unit_test(test_no_value_outside_a_domain),
        cmocka_unit_test(test_invariants_beyond_the_region),
        cmocka_unit_test(test_status_of_counts),
        cmocka_unit_test(test_max_is_legal_and_saturated),
        cmocka_unit_test(test_model_invariant_is_weaker),
        cmocka_unit_test(test_model_invariant_ignores_storage),
        cmocka_unit_test(test_an_index_in_one_domain_differs),
        cmocka_unit_test(test_values_differ_at_both_ends),
        cmocka_unit_test(test_regions_of_different_size_differ),
        cmocka_unit_test(test_reparked_spec_quantifies_over_pre),
        cmocka_unit_test(test_create_refuses),
        cmocka_unit_test(test_boot_of_a_smaller_region),
        cmocka_unit_test(test_change_and_commit),
        cmocka_unit_test(test_boot_and_remove_are_changes),
        cmocka_unit_test(test_slot_equal_sees_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
