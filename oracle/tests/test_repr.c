/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Repr<MetaSlot>: the laws hold of the translations, for views and permissions of every kind, also
 * such as no program reaches, and fail for translations that are wrong in one respect. Then the
 * address map, and the operations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "metaslot_oracle.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum { NR_ROUNDS = 20000 };

/* --- views and permissions of every kind ----------------------------------------------------- */

/* splitmix64 */
static uint64_t draw(uint64_t *random)
{
    uint64_t z = *random += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* A number of which the boundaries come up often. */
static uint64_t draw_word(uint64_t *random)
{
    static const uint64_t WORDS[] = {
        0,
        1,
        2,
        SPEC_REF_COUNT_MAX - 1,
        SPEC_REF_COUNT_MAX,
        SPEC_REF_COUNT_MAX + 1,
        SPEC_REF_COUNT_UNIQUE,
        SPEC_REF_COUNT_UNUSED,
    };
    const uint64_t drawn = draw(random);

    return drawn % 2 ? WORDS[drawn / 2 % LENGTH(WORDS)] : draw(random);
}

static void draw_link(uint64_t *random, struct meta_slot_storage *stored)
{
    stored->frame_link.next_is_some = draw(random) % 2;
    stored->frame_link.prev_is_some = draw(random) % 2;
    if (stored->frame_link.next_is_some)
        stored->frame_link.next = draw_word(random);
    if (stored->frame_link.prev_is_some)
        stored->frame_link.prev = draw_word(random);
    stored->frame_link.payload = draw_word(random);
}

static struct meta_slot_storage draw_metadata(uint64_t *random)
{
    struct meta_slot_storage metadata = {.type = draw(random) % 5};

    switch ((enum spec_metadata_type)metadata.type) {
    case SPEC_METADATA_EMPTY:
        for (int i = 0; i < 5; i++)
            metadata.empty.bytes[i] = draw(random);
        metadata.empty.bytes[4] &= UINT64_MAX >> 8;
        break;
    case SPEC_METADATA_UNTYPED:
        break;
    case SPEC_METADATA_FRAME_LINK:
        draw_link(random, &metadata);
        break;
    case SPEC_METADATA_PT_NODE:
        metadata.pt_node.nr_children = draw(random) % 513;
        metadata.pt_node.stray = draw(random) % 2;
        metadata.pt_node.level = 1 + draw(random) % 4;
        metadata.pt_node.lock = draw(random) % 256;
        break;
    case SPEC_METADATA_PROBE:
        metadata.probe.payload = draw_word(random);
        break;
    }
    return metadata;
}

static struct metadata_inner_perms draw_perms(uint64_t *random)
{
    struct metadata_inner_perms perms = {
        .storage = {.id = draw(random), .is_init = draw(random) % 4 != 0},
        .ref_count = {.id = draw(random), .value = draw_word(random)},
        .vtable_ptr = {.pptr = draw(random), .is_init = draw(random) % 4 != 0},
        .in_list = {.id = draw(random), .value = draw_word(random)},
    };

    if (perms.storage.is_init)
        perms.storage.value = draw_metadata(random);
    if (perms.vtable_ptr.is_init)
        perms.vtable_ptr.value = draw(random) % 5;
    return perms;
}

/* The type that the vtable tells need not be that of the metadata. */
static struct metadata draw_view(uint64_t *random)
{
    struct metadata view = {
        .metadata = draw_metadata(random),
        .ref_count = draw_word(random),
        .vtable_ptr.is_init = draw(random) % 4 != 0,
        .in_list = draw_word(random),
    };

    if (view.vtable_ptr.is_init)
        view.vtable_ptr.value = draw(random) % 5;
    if (draw(random) % 8 == 0)
        view.metadata = (struct meta_slot_storage){.type = SPEC_METADATA_ABSENT};
    return view;
}

static struct metadata_as_link draw_as_link(uint64_t *random)
{
    struct metadata view = draw_view(random);

    view.metadata = (struct meta_slot_storage){.type = SPEC_METADATA_FRAME_LINK};
    draw_link(random, &view.metadata);
    return metadata_as_link_from_spec(&view);
}

/* What permissions to a link's slot are like. */
static struct metadata_inner_perms draw_link_perms(uint64_t *random)
{
    struct metadata_inner_perms perms = draw_perms(random);

    perms.storage.is_init = 1;
    perms.storage.value = (struct meta_slot_storage){.type = SPEC_METADATA_FRAME_LINK};
    draw_link(random, &perms.storage.value);
    return perms;
}

static struct metadata_repr repr_of(const struct metadata_inner_perms *perm)
{
    return (struct metadata_repr){.r = meta_slot_from_perm(perm), .perm = *perm};
}

/* --- the laws hold --------------------------------------------------------------------------- */

static void test_laws_of_metadata(void **state)
{
    struct clause_report report = {0};
    uint64_t random = 1;

    (void)state;
    for (int i = 0; i < NR_ROUNDS; i++) {
        const struct metadata self = draw_view(&random);
        const struct metadata_inner_perms perm = draw_perms(&random);
        const struct metadata_repr old = repr_of(&perm);
        const struct metadata_repr new = metadata_to_repr_spec(&self, &perm);
        const struct metadata read = metadata_from_repr_spec(&old.r, &old.perm);

        assert_true(ensures_metadata_to_repr(&self, &perm, &new, &report));
        assert_true(metadata_from_to_repr(&self, &new, &report));
        assert_true(metadata_to_repr_wf(&new, &report));
        assert_true(metadata_wf(&new.r, &new.perm, &report));
        assert_true(metadata_wf(&old.r, &old.perm, &report));
        assert_true(ensures_metadata_from_repr(&old.r, &old.perm, &read, &report));
        assert_true(ensures_metadata_from_borrowed(&old.r, &old.perm, &read, &report));
        assert_true(metadata_to_from_repr(&old.r, &old.perm, &read, &report));
    }
    assert_int_equal(report.nr_failed, 0);
}

static void test_to_repr_keeps_the_cells(void **state)
{
    struct clause_report report = {0};
    uint64_t random = 2;

    (void)state;
    for (int i = 0; i < NR_ROUNDS; i++) {
        const struct metadata self = draw_view(&random);
        const struct metadata_inner_perms perm = draw_perms(&random);
        const struct metadata_repr new = metadata_to_repr_spec(&self, &perm);

        assert_int_equal(new.perm.storage.id, perm.storage.id);
        assert_int_equal(new.perm.ref_count.id, perm.ref_count.id);
        assert_int_equal(new.perm.vtable_ptr.pptr, perm.vtable_ptr.pptr);
        assert_int_equal(new.perm.in_list.id, perm.in_list.id);
        assert_true(metadata_wf(&new.r, &perm, &report));
    }
}

static void test_laws_of_metadata_as_link(void **state)
{
    struct clause_report report = {0};
    uint64_t random = 3;

    (void)state;
    for (int i = 0; i < NR_ROUNDS; i++) {
        const struct metadata_as_link self = draw_as_link(&random);
        const struct metadata_inner_perms any = draw_perms(&random);
        const struct metadata_inner_perms perm = draw_link_perms(&random);
        const struct metadata_repr old = repr_of(&perm);
        const struct metadata_repr new = metadata_as_link_to_repr_spec(&self, &any);
        const struct metadata_as_link read = metadata_as_link_from_repr_spec(&old.r, &old.perm);

        assert_true(ensures_metadata_as_link_to_repr(&self, &any, &new, &report));
        assert_true(metadata_as_link_from_to_repr(&self, &new, &report));
        assert_true(metadata_as_link_to_repr_wf(&new, &report));
        assert_true(link_wf(&new.perm.storage.value, &self, &report));
        assert_true(metadata_as_link_wf(&old.r, &old.perm, &report));
        assert_true(ensures_metadata_as_link_from_repr(&old.r, &old.perm, &read, &report));
        assert_true(ensures_metadata_as_link_from_borrowed(&old.r, &old.perm, &read, &report));
        assert_true(metadata_as_link_to_from_repr(&old.r, &old.perm, &read, &report));
        assert_true(link_wf(&old.perm.storage.value, &read, &report));
    }
    assert_int_equal(report.nr_failed, 0);
}

/* The two conversions undo each other. */
static void test_from_spec_both_ways(void **state)
{
    uint64_t random = 4;

    (void)state;
    for (int i = 0; i < NR_ROUNDS; i++) {
        const struct metadata_as_link link = draw_as_link(&random);
        const struct metadata view = metadata_from_spec(&link);
        const struct metadata_as_link again = metadata_as_link_from_spec(&view);

        assert_int_equal(view.metadata.type, SPEC_METADATA_FRAME_LINK);
        assert_memory_equal(&again, &link, sizeof(link));
    }
}

/* Metadata that is no link has no neighbours, and is not what its view as a link is written as. */
static void test_no_link_as_link(void **state)
{
    struct clause_report report = {0};
    uint64_t random = 5;

    (void)state;
    for (int i = 0; i < NR_ROUNDS; i++) {
        const struct metadata_inner_perms perm = draw_perms(&random);
        const struct metadata_repr old = repr_of(&perm);
        const struct metadata_as_link read = metadata_as_link_from_repr_spec(&old.r, &old.perm);
        const bool is_link =
            perm.storage.is_init && perm.storage.value.type == SPEC_METADATA_FRAME_LINK;

        assert_true(is_link || (!read.next.is_some && !read.prev.is_some && !read.metadata));
        assert_int_equal(metadata_as_link_to_from_repr(&old.r, &perm, &read, &report), is_link);
        assert_int_equal(link_wf(&perm.storage.value, &read, &report), is_link);
    }
}

/* --- and are seen to fail -------------------------------------------------------------------- */

/* Exactly these clauses failed, in this order; NR_CLAUSES ends the list. */
static void expect_failed(const char *what, const struct clause_report *report,
                          const enum clause_id expected[])
{
    uint32_t n = 0;

    for (; expected[n] != NR_CLAUSES; n++)
        if (n >= report->nr_failed || report->failed[n] != expected[n])
            fail_msg("%s: %s is not reported in its place", what, CLAUSES[expected[n]].id);
    if (report->nr_failed > n)
        fail_msg("%s: %s fails too", what, CLAUSES[report->failed[n]].id);
}

enum { MAX_EXPECTED = 8 };

/* A result of to_repr or from_repr, and how it is spoilt. */
struct wrong_to_repr {
    const char *what;
    void (*spoil)(struct metadata_repr *res);
    enum clause_id expected[MAX_EXPECTED];
    enum clause_id expected_as_link[MAX_EXPECTED];
};

#define SPOIL_REPR(name, statement)                                                                \
    static void name(struct metadata_repr *res)                                                    \
    {                                                                                              \
        statement;                                                                                 \
    }
SPOIL_REPR(other_payload, res->perm.storage.value.frame_link.payload++)
SPOIL_REPR(other_next, res->perm.storage.value.frame_link.next += 64)
SPOIL_REPR(lost_prev, (res->perm.storage.value.frame_link.prev_is_some = 0,
                       res->perm.storage.value.frame_link.prev = 0))
SPOIL_REPR(other_type, res->perm.storage.value.type = SPEC_METADATA_PROBE)
SPOIL_REPR(nothing_stored, res->perm.storage = (struct storage_perm){.id = res->perm.storage.id})
SPOIL_REPR(other_count, res->perm.ref_count.value--)
SPOIL_REPR(other_vtable, res->perm.vtable_ptr.value = SPEC_METADATA_PT_NODE)
SPOIL_REPR(in_a_list, res->perm.in_list.value = 7)
SPOIL_REPR(another_cell, res->perm.in_list.id++)
SPOIL_REPR(another_slot, res->r.storage_id++)
#undef SPOIL_REPR

#define METADATA(clause) CLAUSE_metadata_##clause
#define AS_LINK(clause)  CLAUSE_metadata_as_link_##clause
static const struct wrong_to_repr WRONG_TO_REPR[] = {
    {"another payload",
     other_payload,
     {METADATA(to_repr_spec__storage), METADATA(from_to_repr__self), NR_CLAUSES},
     {AS_LINK(to_repr_spec__perm), AS_LINK(from_to_repr__self), NR_CLAUSES}},
    {"another neighbour",
     other_next,
     {METADATA(to_repr_spec__storage), METADATA(from_to_repr__self), NR_CLAUSES},
     {AS_LINK(to_repr_spec__perm), AS_LINK(from_to_repr__self), CLAUSE_link_wf__next_addr,
      NR_CLAUSES}},
    {"a neighbour less",
     lost_prev,
     {METADATA(to_repr_spec__storage), METADATA(from_to_repr__self), NR_CLAUSES},
     {AS_LINK(to_repr_spec__perm), AS_LINK(from_to_repr__self), CLAUSE_link_wf__prev_presence,
      NR_CLAUSES}},
    {"no link",
     other_type,
     {METADATA(to_repr_spec__storage), METADATA(from_to_repr__self), NR_CLAUSES},
     {AS_LINK(to_repr_spec__perm), AS_LINK(from_to_repr__self), CLAUSE_link_wf__frame_link,
      NR_CLAUSES}},
    {"nothing stored",
     nothing_stored,
     {METADATA(to_repr_spec__storage), METADATA(from_to_repr__self), NR_CLAUSES},
     {AS_LINK(to_repr_spec__perm), AS_LINK(from_to_repr__self), CLAUSE_link_wf__frame_link,
      NR_CLAUSES}},
    {"another count",
     other_count,
     {METADATA(to_repr_spec__ref_count), METADATA(from_to_repr__self), NR_CLAUSES},
     {AS_LINK(to_repr_spec__perm), AS_LINK(from_to_repr__self), NR_CLAUSES}},
    {"another vtable",
     other_vtable,
     {METADATA(to_repr_spec__vtable_ptr), METADATA(from_to_repr__self), NR_CLAUSES},
     {AS_LINK(to_repr_spec__perm), AS_LINK(from_to_repr__self), NR_CLAUSES}},
    {"a list",
     in_a_list,
     {METADATA(to_repr_spec__in_list), METADATA(from_to_repr__self), NR_CLAUSES},
     {AS_LINK(to_repr_spec__perm), AS_LINK(from_to_repr__self), NR_CLAUSES}},
    {"another cell",
     another_cell,
     {METADATA(to_repr_spec__in_list), METADATA(to_repr_wf__wf), NR_CLAUSES},
     {AS_LINK(to_repr_spec__perm), AS_LINK(to_repr_wf__wf), NR_CLAUSES}},
    {"another slot",
     another_slot,
     {METADATA(to_repr_spec__slot), METADATA(to_repr_wf__wf), NR_CLAUSES},
     {AS_LINK(to_repr_spec__r), AS_LINK(to_repr_wf__wf), NR_CLAUSES}},
};

/* The call of a step, and the slot before and after it; `post` is for the test to spoil. */
enum { SLOT = 1, NR_SLOTS = 3 };

struct step {
    struct reference ref;
    struct meta_region_owners pre;
    struct spec_call call;
    struct spec_outcome outcome;
    struct clause_report report;
};

static const struct meta_slot_storage PROBE = {.type = SPEC_METADATA_PROBE, .probe.payload = 77};
static const struct meta_slot_storage LINK = {
    .type = SPEC_METADATA_FRAME_LINK,
    .frame_link = {.next_is_some = 1,
                   .next = SPEC_FRAME_METADATA_RANGE_START,
                   .prev_is_some = 1,
                   .prev = SPEC_FRAME_METADATA_RANGE_START + 128,
                   .payload = 5},
};

static int create_step(void **state)
{
    static struct step step;

    memset(&step, 0, sizeof(step));
    *state = &step;
    if (!reference_create(&step.ref, NR_SLOTS) || !meta_region_owners_create(&step.pre, NR_SLOTS))
        return -1;
    reference_boot(&step.ref, NR_SLOTS);
    meta_region_owners_rebase(&step.ref.owners, &step.pre);
    step.call.paddr = index_to_frame(SLOT);
    return 0;
}

static int destroy_step(void **state)
{
    struct step *step = *state;

    reference_destroy(&step->ref);
    meta_region_owners_destroy(&step->pre);
    return 0;
}

static struct meta_slot_owner *post_owner(struct step *step)
{
    return meta_region_owners_change(&step->ref.owners, SLOT);
}

/* A unique frame with this metadata, held by its handle. */
static void make_unique(struct step *step, const struct meta_slot_storage *metadata)
{
    struct spec_call call = {.paddr = step->call.paddr, .metadata = *metadata};

    meta_region_owners_boot_slot(&step->pre, SLOT);
    post_owner(step);
    reference_boot_slot(&step->ref, SLOT);
    assert_true(requires_unique_frame_from_unused(&step->ref, &call));
    reference_unique_frame_from_unused(&step->ref, &call, &step->outcome);
    assert_int_equal(step->outcome.result, SPEC_OK);
    meta_region_owners_commit(&step->pre, &step->ref.owners);
}

static void run(struct step *step, spec_requires_fn *requires, spec_reference_fn *reference)
{
    assert_true(requires(&step->ref, &step->call));
    reference_begin(&step->ref);
    memset(&step->outcome, 0xa5, sizeof(step->outcome));
    reference(&step->ref, &step->call, &step->outcome);
    assert_int_equal(step->outcome.result, SPEC_OK);
}

static bool judged(struct step *step, spec_judge_fn *judge)
{
    clause_report_begin(&step->report);
    return judge(&step->pre, &step->ref.owners, &step->call, &step->outcome, &step->report);
}

/* A subject's to_repr that leaves the slot like this; permissions it has none to spoil. */
static void check_wrong_to_repr(struct step *step, const struct wrong_to_repr *wrong,
                                spec_reference_fn *reference, spec_judge_fn *judge,
                                const enum clause_id expected[])
{
    struct metadata_repr res;

    make_unique(step, &LINK);
    step->call.metadata = LINK;
    step->call.metadata.frame_link.payload = 6;
    run(step, requires_metadata_as_link_to_repr, reference);
    assert_true(judged(step, judge));
    res = (struct metadata_repr){.r = step->ref.owners.slots[SLOT].value,
                                 .perm = post_owner(step)->inner_perms};
    wrong->spoil(&res);
    post_owner(step)->inner_perms = res.perm;
    step->ref.owners.slots[SLOT].value = res.r;
    assert_false(judged(step, judge));
    /* The frame condition on the permissions comes last. */
    if (step->report.failed[step->report.nr_failed - 1] == CLAUSE_frame_condition__slots)
        step->report.nr_failed--;
    expect_failed(wrong->what, &step->report, expected);
    meta_region_owners_copy_slot(&step->pre, &step->ref.owners, SLOT);
}

static void test_wrong_to_repr_is_seen(void **state)
{
    for (size_t i = 0; i < LENGTH(WRONG_TO_REPR); i++) {
        check_wrong_to_repr(*state, &WRONG_TO_REPR[i], reference_metadata_to_repr,
                            judge_metadata_to_repr, WRONG_TO_REPR[i].expected);
        check_wrong_to_repr(*state, &WRONG_TO_REPR[i], reference_metadata_as_link_to_repr,
                            judge_metadata_as_link_to_repr, WRONG_TO_REPR[i].expected_as_link);
    }
}

struct wrong_from_repr {
    const char *what;
    void (*spoil)(struct spec_outcome *outcome);
    enum clause_id expected[MAX_EXPECTED];
    enum clause_id expected_as_link[MAX_EXPECTED];
};

#define SPOIL_ANSWER(name, statement)                                                              \
    static void name(struct spec_outcome *outcome)                                                 \
    {                                                                                              \
        statement;                                                                                 \
    }
SPOIL_ANSWER(payload_read, outcome->metadata.frame_link.payload = 0)
SPOIL_ANSWER(next_read, outcome->metadata.frame_link.next = 0)
SPOIL_ANSWER(prev_read, outcome->metadata.frame_link.prev_is_some = 0)
SPOIL_ANSWER(type_read, outcome->metadata.type = SPEC_METADATA_EMPTY)
SPOIL_ANSWER(count_read, outcome->detail[0] = 1)
SPOIL_ANSWER(vtable_read, outcome->detail[1] = SPEC_METADATA_PROBE)
SPOIL_ANSWER(list_read, outcome->detail[2] = 1)
#undef SPOIL_ANSWER

static const struct wrong_from_repr WRONG_FROM_REPR[] = {
    {"another payload",
     payload_read,
     {METADATA(from_repr_spec__metadata), METADATA(to_from_repr__perm), NR_CLAUSES},
     {AS_LINK(from_repr_spec__self), AS_LINK(to_from_repr__perm), NR_CLAUSES}},
    {"another neighbour",
     next_read,
     {METADATA(from_repr_spec__metadata), METADATA(to_from_repr__perm), NR_CLAUSES},
     {AS_LINK(from_repr_spec__self), AS_LINK(to_from_repr__perm), CLAUSE_link_wf__next_addr,
      NR_CLAUSES}},
    {"a neighbour less",
     prev_read,
     {METADATA(from_repr_spec__metadata), METADATA(to_from_repr__perm), NR_CLAUSES},
     {AS_LINK(from_repr_spec__self), AS_LINK(to_from_repr__perm), CLAUSE_link_wf__prev_presence,
      NR_CLAUSES}},
    {"no link",
     type_read,
     {METADATA(from_repr_spec__metadata), METADATA(to_from_repr__perm), NR_CLAUSES},
     {AS_LINK(from_repr_spec__self), AS_LINK(to_from_repr__perm), CLAUSE_link_wf__frame_link,
      NR_CLAUSES}},
    {"another count",
     count_read,
     {METADATA(from_repr_spec__ref_count), METADATA(to_from_repr__perm), NR_CLAUSES},
     {AS_LINK(from_repr_spec__self), AS_LINK(to_from_repr__perm), NR_CLAUSES}},
    {"another vtable",
     vtable_read,
     {METADATA(from_repr_spec__vtable_ptr), METADATA(to_from_repr__perm), NR_CLAUSES},
     {AS_LINK(from_repr_spec__self), AS_LINK(to_from_repr__perm), NR_CLAUSES}},
    {"a list",
     list_read,
     {METADATA(from_repr_spec__in_list), METADATA(to_from_repr__perm), NR_CLAUSES},
     {AS_LINK(from_repr_spec__self), AS_LINK(to_from_repr__perm), NR_CLAUSES}},
};
#undef METADATA
#undef AS_LINK

static void check_wrong_from_repr(struct step *step, const struct wrong_from_repr *wrong,
                                  spec_reference_fn *reference, spec_judge_fn *judge,
                                  const enum clause_id expected[])
{
    run(step, requires_metadata_as_link_from_repr, reference);
    assert_true(judged(step, judge));
    wrong->spoil(&step->outcome);
    assert_false(judged(step, judge));
    expect_failed(wrong->what, &step->report, expected);
}

static void test_wrong_from_repr_is_seen(void **state)
{
    struct step *step = *state;

    make_unique(step, &LINK);
    for (size_t i = 0; i < LENGTH(WRONG_FROM_REPR); i++) {
        const struct wrong_from_repr *wrong = &WRONG_FROM_REPR[i];

        check_wrong_from_repr(step, wrong, reference_metadata_from_repr, judge_metadata_from_repr,
                              wrong->expected);
        check_wrong_from_repr(step, wrong, reference_metadata_from_borrowed,
                              judge_metadata_from_borrowed, wrong->expected);
        check_wrong_from_repr(step, wrong, reference_metadata_as_link_from_repr,
                              judge_metadata_as_link_from_repr, wrong->expected_as_link);
        check_wrong_from_repr(step, wrong, reference_metadata_as_link_from_borrowed,
                              judge_metadata_as_link_from_borrowed, wrong->expected_as_link);
    }
}

/* The answer of a panic is none: only what has changed is asked. */
static void test_no_answer_no_law(void **state)
{
    struct step *step = *state;

    make_unique(step, &LINK);
    memset(&step->outcome, 0, sizeof(step->outcome));
    step->outcome.result = SPEC_PANIC;
    assert_true(judged(step, judge_metadata_from_repr));
    assert_true(judged(step, judge_metadata_as_link_from_repr));
    assert_true(judged(step, judge_lemma_layout));
    assert_true(judged(step, judge_cast_slot));
}

/* A slot whose permission sees another cell may not be read at all. */
static void test_reading_asks_for_wf(void **state)
{
    static const enum clause_id AS_METADATA[] = {CLAUSE_metadata_wf__in_list,
                                                 CLAUSE_metadata_to_from_repr__r, NR_CLAUSES};
    static const enum clause_id AS_LINK[] = {CLAUSE_metadata_as_link_wf__metadata_wf,
                                             CLAUSE_metadata_as_link_to_from_repr__r, NR_CLAUSES};
    struct step *step = *state;

    make_unique(step, &LINK);
    step->pre.slots[SLOT].value.in_list_id++;
    step->ref.owners.slots[SLOT].value.in_list_id++;
    run(step, requires_metadata_as_link_from_repr, reference_metadata_from_repr);
    assert_false(judged(step, judge_metadata_from_repr));
    expect_failed("metadata", &step->report, AS_METADATA);
    assert_false(judged(step, judge_metadata_as_link_from_repr));
    expect_failed("link", &step->report, AS_LINK);
}

/* --- the address map ------------------------------------------------------------------------- */

static void test_address_map(void **state)
{
    static const uint64_t INDICES[] = {0, 1, 2, 4095, SPEC_MAX_META_SLOTS - 1};
    struct clause_report report = {0};
    uint64_t random = 6;

    (void)state;
    for (uint64_t i = 0; i < NR_ROUNDS; i++) {
        const uint64_t index =
            i < LENGTH(INDICES) ? INDICES[i] : draw(&random) % SPEC_MAX_META_SLOTS;

        assert_true(address_map_meta_to_frame(index_to_frame(index), &report));
        assert_true(address_map_frame_to_meta(meta_addr(index), &report));
        assert_int_equal(frame_to_meta(index_to_frame(index)), meta_addr(index));
        assert_int_equal(meta_to_frame(meta_addr(index)), index_to_frame(index));
        assert_true(meta_addr(index) >= SPEC_FRAME_METADATA_RANGE_START);
        assert_true(meta_addr(index) < SPEC_FRAME_METADATA_RANGE_END);
    }
}

/* What is no frame's, or no slot's, address does not map back. */
static void test_address_map_of_no_address(void **state)
{
    struct clause_report report = {0};
    uint64_t random = 7;

    (void)state;
    for (int i = 0; i < NR_ROUNDS; i++) {
        const uint64_t index = draw(&random) % SPEC_MAX_META_SLOTS;
        const uint64_t in_page = 1 + draw(&random) % (SPEC_PAGE_SIZE - 1);
        const uint64_t in_slot = 1 + draw(&random) % (SPEC_META_SLOT_SIZE - 1);
        const uint64_t below = 1 + draw(&random) % SPEC_FRAME_METADATA_RANGE_START;

        assert_false(address_map_meta_to_frame(index_to_frame(index) + in_page, &report));
        assert_false(address_map_frame_to_meta(meta_addr(index) + in_slot, &report));
        assert_false(address_map_frame_to_meta(SPEC_FRAME_METADATA_RANGE_START - below, &report));
    }
}

/* --- the operations -------------------------------------------------------------------------- */

static void test_layout_and_cast(void **state)
{
    struct step *step = *state;

    run(step, requires_lemma_layout, reference_lemma_layout);
    assert_int_equal(step->outcome.value, 64);
    assert_true(judged(step, judge_lemma_layout));
    /* Also a slot that nobody uses. */
    run(step, requires_cast_slot, reference_cast_slot);
    assert_int_equal(step->outcome.value, 0xffffe00000000000 + 64 * SLOT);
    assert_true(judged(step, judge_cast_slot));
    step->call.paddr++;
    assert_false(requires_cast_slot(&step->ref, &step->call));
    step->call.paddr = index_to_frame(NR_SLOTS);
    assert_false(requires_cast_slot(&step->ref, &step->call));
}

/* What was there is overwritten, and its on_drop does not run. */
static void test_to_repr_writes_the_whole_slot(void **state)
{
    struct step *step = *state;
    const struct metadata_inner_perms *perms = &step->ref.owners.slot_owners[SLOT].inner_perms;

    make_unique(step, &PROBE);
    step->call.metadata = LINK;
    run(step, requires_metadata_to_repr, reference_metadata_to_repr);
    assert_int_equal(step->outcome.value, 0);
    assert_int_equal(step->ref.nr_drops, 0);
    assert_int_equal(perms->ref_count.value, SPEC_REF_COUNT_UNIQUE);
    assert_int_equal(perms->in_list.value, 0);
    assert_int_equal(perms->vtable_ptr.value, SPEC_METADATA_FRAME_LINK);
    assert_true(meta_slot_storage_equal(&perms->storage.value, &LINK));
    assert_true(judged(step, judge_metadata_to_repr));
    assert_int_equal(step->ref.holders[SLOT].live_unique_frames, 1);
    assert_true(meta_region_owners_inv(&step->ref.owners, &step->report));
}

static void test_reading_answers_every_field(void **state)
{
    struct step *step = *state;

    make_unique(step, &LINK);
    post_owner(step)->inner_perms.in_list.value = 9;
    meta_region_owners_commit(&step->pre, &step->ref.owners);
    run(step, requires_metadata_from_repr, reference_metadata_from_repr);
    assert_int_equal(step->outcome.value, 0);
    assert_int_equal(step->outcome.detail[0], SPEC_REF_COUNT_UNIQUE);
    assert_int_equal(step->outcome.detail[1], SPEC_METADATA_FRAME_LINK);
    assert_int_equal(step->outcome.detail[2], 9);
    assert_int_equal(step->outcome.detail[3], 0);
    assert_true(meta_slot_storage_equal(&step->outcome.metadata, &LINK));
    assert_true(judged(step, judge_metadata_from_repr));
    assert_true(judged(step, judge_metadata_as_link_from_repr));
    run(step, requires_metadata_from_borrowed, reference_metadata_from_borrowed);
    assert_int_equal(step->outcome.value, meta_addr(SLOT));
    run(step, requires_metadata_as_link_from_borrowed, reference_metadata_as_link_from_borrowed);
    assert_int_equal(step->outcome.value, meta_addr(SLOT));
}

/* Writing takes a unique handle and no list; a link takes a link, in the slot and in the call. */
static void test_who_may_write(void **state)
{
    struct step *step = *state;

    step->call.metadata = LINK;
    assert_false(requires_metadata_to_repr(&step->ref, &step->call));
    make_unique(step, &PROBE);
    assert_true(requires_metadata_to_repr(&step->ref, &step->call));
    assert_false(requires_metadata_as_link_to_repr(&step->ref, &step->call));
    make_unique(step, &LINK);
    assert_true(requires_metadata_as_link_to_repr(&step->ref, &step->call));
    step->call.metadata = PROBE;
    assert_true(requires_metadata_to_repr(&step->ref, &step->call));
    assert_false(requires_metadata_as_link_to_repr(&step->ref, &step->call));
    post_owner(step)->inner_perms.in_list.value = 1;
    assert_false(requires_metadata_to_repr(&step->ref, &step->call));
    make_unique(step, &LINK);
    reference_unique_frame_into_raw(&step->ref, &step->call, &step->outcome);
    assert_false(requires_metadata_to_repr(&step->ref, &step->call));
}

/* Reading takes metadata in the slot. */
static void test_who_may_read(void **state)
{
    struct step *step = *state;

    assert_false(requires_metadata_from_repr(&step->ref, &step->call));
    assert_false(requires_metadata_from_borrowed(&step->ref, &step->call));
    assert_false(requires_metadata_as_link_from_repr(&step->ref, &step->call));
    assert_false(requires_metadata_as_link_from_borrowed(&step->ref, &step->call));
    make_unique(step, &PROBE);
    assert_true(requires_metadata_from_repr(&step->ref, &step->call));
    assert_true(requires_metadata_from_borrowed(&step->ref, &step->call));
    assert_false(requires_metadata_as_link_from_repr(&step->ref, &step->call));
    assert_false(requires_metadata_as_link_from_borrowed(&step->ref, &step->call));
    reference_drop_meta_in_place(&step->ref, &step->call, &step->outcome);
    assert_false(requires_metadata_from_repr(&step->ref, &step->call));
}

int main(void)
{
#define STEP_TEST(test) cmocka_unit_test_setup_teardown(test, create_step, destroy_step)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_laws_of_metadata),
        cmocka_unit_test(test_to_repr_keeps_the_cells),
        cmocka_unit_test(test_laws_of_metadata_as_link),
        cmocka_unit_test(test_from_spec_both_ways),
        cmocka_unit_test(test_no_link_as_link),
        STEP_TEST(test_wrong_to_repr_is_seen),
        STEP_TEST(test_wrong_from_repr_is_seen),
        STEP_TEST(test_no_answer_no_law),
        STEP_TEST(test_reading_asks_for_wf),
        cmocka_unit_test(test_address_map),
        cmocka_unit_test(test_address_map_of_no_address),
        STEP_TEST(test_layout_and_cast),
        STEP_TEST(test_to_repr_writes_the_whole_slot),
        STEP_TEST(test_reading_answers_every_field),
        STEP_TEST(test_who_may_write),
        STEP_TEST(test_who_may_read),
    };
#undef STEP_TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
