/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Linked lists: the reference against a model that keeps the order of each list in an array, and
 * against the judge; then what is special about each operation; then states that no list made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "metaslot_oracle.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum operation {
#define OPERATIONS(OPERATION)                                                                      \
    OPERATION(unique_frame_from_unused)                                                            \
    OPERATION(unique_frame_drop)                                                                   \
    OPERATION(unique_frame_repurpose)                                                              \
    OPERATION(unique_frame_try_from)                                                               \
    OPERATION(frame_from_unique)                                                                   \
    OPERATION(list_new)                                                                            \
    OPERATION(list_push_front)                                                                     \
    OPERATION(list_push_back)                                                                      \
    OPERATION(list_pop_front)                                                                      \
    OPERATION(list_pop_back)                                                                       \
    OPERATION(list_contains)                                                                       \
    OPERATION(list_cursor_mut_at)                                                                  \
    OPERATION(list_cursor_front_mut)                                                               \
    OPERATION(list_cursor_back_mut)                                                                \
    OPERATION(cursor_move_next)                                                                    \
    OPERATION(cursor_move_prev)                                                                    \
    OPERATION(cursor_insert_before)                                                                \
    OPERATION(cursor_take_current)                                                                 \
    OPERATION(list_drop)                                                                           \
    OPERATION(setup_list_id)
#define OPERATION(name) OP_##name,
    OPERATIONS(OPERATION)
#undef OPERATION
        NR_OPERATIONS
};

static const struct {
    const char *name;
    spec_requires_fn *requires;
    spec_reference_fn *reference;
    spec_judge_fn *judge;
} TABLE[NR_OPERATIONS] = {
#define OPERATION(name_)                                                                           \
    {.name = #name_,                                                                               \
     .requires = requires_##name_,                                                                 \
     .reference = reference_##name_,                                                               \
     .judge = judge_##name_},
    OPERATIONS(OPERATION)
#undef OPERATION
};
#undef OPERATIONS

enum { NR_SLOTS = 8, NONE = NR_SLOTS };

/* What a list is: the slots in order, and where the cursor stands, `nr` being the ghost. */
struct model {
    bool is_live, has_cursor;
    uint64_t nr, at;
    uint64_t slots[NR_SLOTS];
};

struct run {
    struct reference ref;
    /* ref.owners is a change of base; the other two are whole states of their own. */
    struct meta_region_owners base, before, after;
    struct model lists[SPEC_MAX_LISTS];
    struct clause_report report;
    uint64_t random;
    uint64_t executed[NR_OPERATIONS][SPEC_NONE + 1];
};

/* --- a step ---------------------------------------------------------------------------------- */

static void copy_owners(struct meta_region_owners *to, const struct meta_region_owners *from)
{
    for (uint64_t i = 0; i < from->max_meta_slots; i++)
        meta_region_owners_copy_slot(to, from, i);
    memcpy(to->lists, from->lists, sizeof(to->lists));
}

static void begin_program(struct run *run)
{
    reference_boot(&run->ref, NR_SLOTS);
    meta_region_owners_boot(&run->base, NR_SLOTS);
    meta_region_owners_boot(&run->before, NR_SLOTS);
    meta_region_owners_boot(&run->after, NR_SLOTS);
    meta_region_owners_rebase(&run->ref.owners, &run->base);
    memset(run->lists, 0, sizeof(run->lists));
}

static int create_run(void **state)
{
    static struct run run;

    memset(&run, 0, sizeof(run));
    *state = &run;
    if (!reference_create(&run.ref, NR_SLOTS) || !meta_region_owners_create(&run.base, NR_SLOTS) ||
        !meta_region_owners_create(&run.before, NR_SLOTS) ||
        !meta_region_owners_create(&run.after, NR_SLOTS))
        return -1;
    begin_program(&run);
    return 0;
}

static int destroy_run(void **state)
{
    struct run *run = *state;

    reference_destroy(&run->ref);
    meta_region_owners_destroy(&run->base);
    meta_region_owners_destroy(&run->before);
    meta_region_owners_destroy(&run->after);
    return 0;
}

/* Both forms of the step satisfy every clause that applies to it. */
static void check_judge(struct run *run, enum operation op, const struct spec_call *call,
                        const struct spec_outcome *outcome)
{
    clause_report_begin(&run->report);
    if (!TABLE[op].judge(&run->base, &run->ref.owners, call, outcome, &run->report) ||
        !TABLE[op].judge(&run->before, &run->after, call, outcome, &run->report) ||
        run->report.nr_failed != 0)
        fail_msg("the reference's %s breaks %s", TABLE[op].name, CLAUSES[run->report.failed[0]].id);
}

static void check_invariants(struct run *run, enum operation op)
{
    const struct meta_region_owners *owners = &run->ref.owners;
    bool holds = true;

    clause_report_begin(&run->report);
    for (uint64_t i = 0; i < SPEC_MAX_LISTS; i++)
        holds &= linked_list_inv(owners, i, &run->report);
    for (uint64_t i = 0; i < NR_SLOTS; i++) {
        holds &= in_list_inv_at(owners, i, &run->report);
        holds &= meta_region_owners_inv_at(owners, i, &run->report);
        holds &= accounting(owners, i, &run->ref.holders[i], &run->report);
    }
    if (!holds || run->report.nr_failed != 0)
        fail_msg("after %s %s does not hold", TABLE[op].name, CLAUSES[run->report.failed[0]].id);
}

static struct spec_outcome run_call(struct run *run, enum operation op, struct spec_call call)
{
    struct spec_outcome outcome;

    if (!TABLE[op].requires(&run->ref, &call))
        fail_msg("%s may not be called here", TABLE[op].name);
    reference_begin(&run->ref);
    memset(&outcome, 0xa5, sizeof(outcome));
    TABLE[op].reference(&run->ref, &call, &outcome);
    run->executed[op][outcome.result]++;
    copy_owners(&run->after, &run->ref.owners);
    check_judge(run, op, &call, &outcome);
    if (outcome.result != SPEC_PANIC)
        check_invariants(run, op);
    meta_region_owners_commit(&run->base, &run->ref.owners);
    copy_owners(&run->before, &run->after);
    return outcome;
}

/* --- the model ------------------------------------------------------------------------------- */

static void model_insert(struct model *list, uint64_t at, uint64_t slot)
{
    memmove(&list->slots[at + 1], &list->slots[at], (list->nr - at) * sizeof(list->slots[0]));
    list->slots[at] = slot;
    list->nr++;
}

/* The slot taken, or NONE. */
static uint64_t model_take(struct model *list, uint64_t at)
{
    if (at == list->nr)
        return NONE;

    const uint64_t slot = list->slots[at];

    list->nr--;
    memmove(&list->slots[at], &list->slots[at + 1], (list->nr - at) * sizeof(list->slots[0]));
    return slot;
}

static uint64_t model_find(const struct model *list, uint64_t slot)
{
    for (uint64_t i = 0; i < list->nr; i++)
        if (list->slots[i] == slot)
            return i;
    return list->nr;
}

static uint64_t last_of(const struct model *list)
{
    return list->nr > 0 ? list->nr - 1 : 0;
}

static struct spec_outcome model_outcome_of(enum spec_result result, uint64_t value)
{
    return (struct spec_outcome){.result = result, .value = value};
}

static struct spec_outcome outcome_of_take(uint64_t slot)
{
    return slot == NONE ? model_outcome_of(SPEC_NONE, 0)
                        : model_outcome_of(SPEC_OK, meta_addr(slot));
}

static struct spec_outcome model_place(struct model *list, uint64_t at)
{
    list->has_cursor = true;
    list->at = at;
    return model_outcome_of(SPEC_OK, 0);
}

/* The operation on the model; what it answers is only the result and the value. */
static struct spec_outcome on_model(struct model lists[SPEC_MAX_LISTS], enum operation op,
                                    const struct spec_call *call)
{
    const uint64_t slot = frame_to_index(call->paddr);
    const bool aligned = call->paddr % SPEC_PAGE_SIZE == 0;
    struct model *list = &lists[call->list];
    const struct model was = *list;
    const uint64_t found = aligned ? model_find(&was, slot) : was.nr;

    if (op >= OP_list_push_front && op <= OP_list_cursor_mut_at)
        list->has_cursor = false;
    switch (op) {
    case OP_list_new:
        for (list = lists; list->is_live; list++)
            ;
        *list = (struct model){.is_live = true};
        return model_outcome_of(SPEC_OK, 0);
    case OP_list_push_front:
        model_insert(list, 0, slot);
        return model_outcome_of(SPEC_OK, 0);
    case OP_list_push_back:
        model_insert(list, call->variant == SPEC_VOSTD ? last_of(list) : list->nr, slot);
        return model_outcome_of(SPEC_OK, 0);
    case OP_list_pop_front:
        return outcome_of_take(model_take(list, 0));
    case OP_list_pop_back:
        return outcome_of_take(model_take(list, last_of(list)));
    case OP_list_contains:
        return model_outcome_of(SPEC_OK, found < was.nr);
    case OP_list_cursor_mut_at:
        return found < was.nr ? model_place(list, found) : model_outcome_of(SPEC_NONE, 0);
    case OP_list_cursor_front_mut:
        return model_place(list, 0);
    case OP_list_cursor_back_mut:
        return model_place(list, last_of(list));
    case OP_cursor_move_next:
        return model_place(list, was.nr == 0 ? 0 : (was.at + 1) % (was.nr + 1));
    case OP_cursor_move_prev:
        return model_place(list, was.nr == 0 ? 0 : (was.at + was.nr) % (was.nr + 1));
    case OP_cursor_insert_before:
        model_insert(list, list->at++, slot);
        return model_outcome_of(SPEC_OK, 0);
    case OP_cursor_take_current:
        return outcome_of_take(model_take(list, list->at));
    case OP_list_drop:
        *list = (struct model){0};
        return model_outcome_of(SPEC_OK, 0);
    case OP_unique_frame_from_unused:
    case OP_unique_frame_drop:
    case OP_unique_frame_repurpose:
    case OP_unique_frame_try_from:
    case OP_frame_from_unique:
    case OP_setup_list_id:
    case NR_OPERATIONS:
        break;
    }
    return model_outcome_of(SPEC_OK, 0);
}

static const struct meta_slot_storage *metadata_at(const struct run *run, uint64_t slot)
{
    return &run->ref.owners.slot_owners[slot].inner_perms.storage.value;
}

static void check_element(const struct run *run, const struct linked_list_owner *list,
                          const struct model *model, uint64_t i)
{
    const uint64_t slot = model->slots[i];
    const struct meta_slot_storage *link = metadata_at(run, slot);
    const uint64_t prev = i > 0 ? meta_addr(model->slots[i - 1]) : 0;
    const uint64_t next = i + 1 < model->nr ? meta_addr(model->slots[i + 1]) : 0;

    assert_int_equal(link->frame_link.prev_is_some, prev != 0);
    assert_int_equal(link->frame_link.prev, prev);
    assert_int_equal(link->frame_link.next_is_some, next != 0);
    assert_int_equal(link->frame_link.next, next);
    assert_int_equal(run->ref.owners.slot_owners[slot].inner_perms.in_list.value, list->list_id);
    assert_int_equal(run->ref.holders[slot].live_unique_frames, 0);
    assert_int_equal(run->ref.holders[slot].forgotten_unique_frames, 0);
    assert_int_equal(run->ref.owners.frame_obligations[slot], 0);
}

static void check_model(const struct run *run)
{
    for (uint64_t i = 0; i < SPEC_MAX_LISTS; i++) {
        const struct linked_list_owner *list = &run->ref.owners.lists[i];
        const struct model *model = &run->lists[i];
        const uint64_t current =
            model->has_cursor && model->at < model->nr ? meta_addr(model->slots[model->at]) : 0;

        assert_int_equal(list->is_live, model->is_live);
        assert_int_equal(list->size, model->nr);
        assert_int_equal(list->front, model->nr > 0 ? meta_addr(model->slots[0]) : 0);
        assert_int_equal(list->back, model->nr > 0 ? meta_addr(model->slots[model->nr - 1]) : 0);
        assert_int_equal(list->has_cursor, model->has_cursor);
        assert_int_equal(list->current, current);
        for (uint64_t j = 0; j < model->nr; j++)
            check_element(run, list, model, j);
    }
}

/* A call that the model follows. */
static struct spec_outcome run_both(struct run *run, enum operation op, struct spec_call call)
{
    const struct spec_outcome outcome = run_call(run, op, call);

    if (outcome.result != SPEC_PANIC && op >= OP_list_new) {
        const struct spec_outcome expected = on_model(run->lists, op, &call);

        assert_int_equal(outcome.result, expected.result);
        assert_int_equal(outcome.value, expected.value);
        check_model(run);
    }
    return outcome;
}

/* --- random programs ------------------------------------------------------------------------- */

/* splitmix64 */
static uint64_t draw(struct run *run, uint64_t below)
{
    uint64_t z = run->random += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % below;
}

/* Mostly a slot's frame, now and then none. */
static uint64_t draw_paddr(struct run *run)
{
    const uint64_t paddr = index_to_frame(draw(run, NR_SLOTS));

    return draw(run, 16) == 0 ? paddr + (draw(run, 2) ? 8 : index_to_frame(NR_SLOTS)) : paddr;
}

/* A legal call, if eight attempts find one. Two lists at the front are preferred to many. */
static bool draw_call(struct run *run, enum operation op, struct spec_call *call)
{
    for (int i = 0; i < 8; i++) {
        *call = (struct spec_call){.paddr = draw_paddr(run),
                                   .list = draw(run, draw(run, 4) ? 2 : SPEC_MAX_LISTS),
                                   .count = draw(run, 2) ? 1 : SPEC_MAX_LIST_ID - draw(run, 3),
                                   .variant = draw(run, 2) ? SPEC_OSTD : SPEC_VOSTD};
        call->metadata.type = draw(run, 8) ? SPEC_METADATA_FRAME_LINK : SPEC_METADATA_PROBE;
        call->metadata.word[4] = draw(run, 8);
        if (TABLE[op].requires(&run->ref, call))
            return true;
    }
    return false;
}

static void check_coverage(const struct run *run)
{
    static const enum operation TAKES[] = {OP_list_pop_front, OP_list_pop_back,
                                           OP_cursor_take_current, OP_list_cursor_mut_at};
    static const enum operation PANICS[] = {OP_list_push_front, OP_list_push_back,
                                            OP_cursor_insert_before, OP_list_contains,
                                            OP_list_cursor_mut_at};

    for (int op = 0; op < NR_OPERATIONS; op++)
        if (run->executed[op][SPEC_OK] < 100)
            fail_msg("%s hardly ever succeeds", TABLE[op].name);
    for (size_t i = 0; i < LENGTH(TAKES); i++)
        assert_true(run->executed[TAKES[i]][SPEC_NONE] > 100);
    for (size_t i = 0; i < LENGTH(PANICS); i++)
        assert_true(run->executed[PANICS[i]][SPEC_PANIC] > 20);
}

static void test_random_programs(void **state)
{
    enum { NR_PROGRAMS = 4000, NR_STEPS = 120 };
    struct run *run = *state;

    for (int program = 0; program < NR_PROGRAMS; program++) {
        begin_program(run);
        for (int i = 0; i < NR_STEPS; i++) {
            const enum operation op = (enum operation)draw(run, NR_OPERATIONS);
            struct spec_call call;

            if (draw_call(run, op, &call) && run_both(run, op, call).result == SPEC_PANIC)
                break;
        }
    }
    check_coverage(run);
}

/* --- each operation by itself ---------------------------------------------------------------- */

static struct spec_outcome on_list(struct run *run, enum operation op)
{
    return run_both(run, op, (struct spec_call){.list = 0});
}

static struct spec_outcome on_frame(struct run *run, enum operation op, uint64_t slot)
{
    return run_both(run, op,
                    (struct spec_call){.paddr = index_to_frame(slot),
                                       .metadata.type = SPEC_METADATA_FRAME_LINK});
}

static void expect_ok(struct spec_outcome outcome, uint64_t value)
{
    assert_int_equal(outcome.result, SPEC_OK);
    assert_int_equal(outcome.value, value);
    for (size_t i = 0; i < LENGTH(outcome.detail); i++)
        assert_int_equal(outcome.detail[i], 0);
    assert_int_equal(outcome.metadata.type, 0);
}

static void expect_order(const struct run *run, const char *order)
{
    const struct model *list = &run->lists[0];

    assert_int_equal(list->nr, strlen(order));
    for (uint64_t i = 0; i < list->nr; i++)
        assert_int_equal(list->slots[i], order[i] - '0');
}

/* A list of the slots 0, 1, ..., and the slot behind them a UniqueFrame that can be inserted. */
static void make_list(struct run *run, uint64_t nr)
{
    on_list(run, OP_list_new);
    for (uint64_t i = 0; i <= nr; i++) {
        expect_ok(on_frame(run, OP_unique_frame_from_unused, i), meta_addr(i));
        if (i < nr)
            expect_ok(on_frame(run, OP_list_push_back, i), 0);
    }
}

/* The cursor at the n-th element; behind the last is the ghost. */
static void go_to(struct run *run, uint64_t n)
{
    on_list(run, OP_list_cursor_front_mut);
    for (uint64_t i = 0; i < n; i++)
        expect_ok(on_list(run, OP_cursor_move_next), 0);
}

static void test_new_list_is_empty(void **state)
{
    static const struct linked_list_owner EMPTY = {.is_live = 1};
    struct run *run = *state;

    for (uint64_t i = 0; i < SPEC_MAX_LISTS; i++) {
        expect_ok(on_list(run, OP_list_new), 0);
        assert_true(linked_list_equal(&run->ref.owners.lists[i], &EMPTY));
    }
    assert_false(requires_list_new(&run->ref, &(struct spec_call){0}));
    expect_ok(run_both(run, OP_list_drop, (struct spec_call){.list = 3}), 0);
    expect_ok(run_both(run, OP_list_drop, (struct spec_call){.list = 5}), 0);
    expect_ok(on_list(run, OP_list_new), 0);
    assert_true(run->ref.owners.lists[3].is_live);
    assert_false(run->ref.owners.lists[5].is_live);
}

static void test_push_front_and_back(void **state)
{
    struct run *run = *state;

    make_list(run, 3);
    expect_ok(on_frame(run, OP_list_push_front, 3), 0);
    expect_order(run, "3012");
    assert_int_equal(run->ref.holders[3].live_unique_frames, 0);
}

/* The verified push_back inserts before the last element. */
static void test_push_back_of_the_verified_sources(void **state)
{
    static const char *const ORDERS[] = {"0", "10", "120", "1230"};
    struct run *run = *state;

    on_list(run, OP_list_new);
    for (uint64_t i = 0; i < LENGTH(ORDERS); i++) {
        on_frame(run, OP_unique_frame_from_unused, i);
        run_both(run, OP_list_push_back,
                 (struct spec_call){.paddr = index_to_frame(i), .variant = SPEC_VOSTD});
        expect_order(run, ORDERS[i]);
    }
}

static void test_insert_at_every_position(void **state)
{
    static const char *const ORDERS[] = {"3012", "0312", "0132", "0123"};
    struct run *run = *state;

    for (uint64_t i = 0; i < LENGTH(ORDERS); i++) {
        begin_program(run);
        make_list(run, 3);
        go_to(run, i);
        expect_ok(on_frame(run, OP_cursor_insert_before, 3), 0);
        expect_order(run, ORDERS[i]);
        assert_int_equal(run->lists[0].at, i + 1);
    }
}

static void test_take_at_every_position(void **state)
{
    static const char *const ORDERS[] = {"12", "02", "01"};
    struct run *run = *state;

    for (uint64_t i = 0; i < LENGTH(ORDERS); i++) {
        begin_program(run);
        make_list(run, 3);
        go_to(run, i);
        expect_ok(on_list(run, OP_cursor_take_current), meta_addr(i));
        expect_order(run, ORDERS[i]);
        assert_int_equal(run->lists[0].at, i);
        assert_int_equal(run->ref.holders[i].live_unique_frames, 1);
        assert_int_equal(run->ref.owners.frame_obligations[i], 1);
        on_frame(run, OP_list_push_front, i);
        on_list(run, OP_list_pop_front);
        on_frame(run, OP_unique_frame_drop, i);
    }
}

static void test_the_only_element(void **state)
{
    struct run *run = *state;

    make_list(run, 1);
    expect_ok(on_list(run, OP_list_pop_back), meta_addr(0));
    assert_int_equal(on_list(run, OP_list_pop_back).result, SPEC_NONE);
    assert_int_equal(on_list(run, OP_list_pop_front).result, SPEC_NONE);
    on_list(run, OP_list_cursor_back_mut);
    on_frame(run, OP_cursor_insert_before, 1);
    expect_order(run, "1");
    assert_int_equal(on_list(run, OP_cursor_take_current).result, SPEC_NONE);
    on_list(run, OP_cursor_move_prev);
    expect_ok(on_list(run, OP_cursor_take_current), meta_addr(1));
    expect_order(run, "");
    assert_int_equal(on_list(run, OP_cursor_take_current).result, SPEC_NONE);
    expect_ok(on_list(run, OP_cursor_move_next), 0);
    expect_ok(on_list(run, OP_cursor_move_prev), 0);
}

static void test_moving_goes_round_by_the_ghost(void **state)
{
    struct run *run = *state;

    make_list(run, 2);
    on_list(run, OP_list_cursor_back_mut);
    assert_int_equal(run->ref.owners.lists[0].current, meta_addr(1));
    on_list(run, OP_cursor_move_next);
    assert_int_equal(run->ref.owners.lists[0].current, 0);
    on_list(run, OP_cursor_move_next);
    assert_int_equal(run->ref.owners.lists[0].current, meta_addr(0));
    on_list(run, OP_cursor_move_prev);
    assert_int_equal(run->ref.owners.lists[0].current, 0);
    on_list(run, OP_cursor_move_prev);
    assert_int_equal(run->ref.owners.lists[0].current, meta_addr(1));
}

/* Functions of the list end its cursor, those of the cursor and other lists' do not. */
static void test_who_ends_a_cursor(void **state)
{
    static const enum operation ENDING[] = {OP_list_push_front, OP_list_push_back,
                                            OP_list_pop_front,  OP_list_pop_back,
                                            OP_list_contains,   OP_list_cursor_mut_at};
    static const enum operation PLACING[] = {OP_list_cursor_front_mut, OP_list_cursor_back_mut};
    struct run *run = *state;

    for (size_t i = 0; i < LENGTH(ENDING); i++) {
        begin_program(run);
        make_list(run, 2);
        go_to(run, 1);
        on_frame(run, ENDING[i], 2);
        assert_int_equal(run->ref.owners.lists[0].has_cursor, 0);
    }
    for (size_t i = 0; i < LENGTH(PLACING); i++) {
        on_list(run, OP_list_new);
        on_list(run, PLACING[i]);
        run_both(run, PLACING[i], (struct spec_call){.list = 1});
        run_both(run, OP_list_contains, (struct spec_call){.list = 1});
        assert_int_equal(run->ref.owners.lists[0].has_cursor, 1);
        assert_int_equal(run->ref.owners.lists[1].has_cursor, 0);
    }
}

/* An id is drawn when it is first needed, counted from 1, and kept. */
static void test_ids(void **state)
{
    struct run *run = *state;
    const struct linked_list_owner *lists = run->ref.owners.lists;

    make_list(run, 0);
    on_list(run, OP_list_new);
    on_list(run, OP_list_cursor_front_mut);
    on_list(run, OP_list_pop_front);
    run_both(run, OP_list_contains, (struct spec_call){.paddr = 1});
    run_both(run, OP_list_cursor_mut_at, (struct spec_call){.paddr = index_to_frame(NR_SLOTS)});
    assert_int_equal(lists[0].list_id, 0);
    run_both(run, OP_list_contains, (struct spec_call){.list = 1});
    run_both(run, OP_list_cursor_mut_at, (struct spec_call){.list = 1});
    assert_int_equal(lists[1].list_id, 1);
    on_frame(run, OP_list_push_front, 0);
    on_list(run, OP_list_pop_front);
    on_list(run, OP_list_contains);
    assert_int_equal(lists[0].list_id, 2);
    assert_int_equal(run->ref.next_list_id, 3);
    on_list(run, OP_list_drop);
    on_list(run, OP_list_new);
    assert_int_equal(lists[0].list_id, 0);
    reference_boot_lists(&run->ref);
    assert_int_equal(run->ref.next_list_id, 1);
}

static void test_ids_run_out(void **state)
{
    static const enum operation DRAWING[] = {OP_list_push_front, OP_list_push_back,
                                             OP_list_contains, OP_list_cursor_mut_at,
                                             OP_cursor_insert_before};
    static const uint64_t IDS[] = {SPEC_MAX_LIST_ID, SPEC_MAX_LIST_ID + 1, UINT64_MAX};
    struct run *run = *state;

    for (size_t i = 0; i < LENGTH(DRAWING) * LENGTH(IDS); i++) {
        const uint64_t id = IDS[i / LENGTH(DRAWING)];

        begin_program(run);
        expect_ok(run_both(run, OP_setup_list_id, (struct spec_call){.count = id}), 0);
        make_list(run, 0);
        on_list(run, OP_list_cursor_front_mut);
        assert_int_equal(on_frame(run, DRAWING[i % LENGTH(DRAWING)], 0).result, SPEC_PANIC);
        assert_int_equal(run->ref.next_list_id, (uint64_t)(id + 1));
    }
    for (size_t i = 0; i < LENGTH(DRAWING); i++) {
        begin_program(run);
        run_both(run, OP_setup_list_id, (struct spec_call){.count = SPEC_MAX_LIST_ID - 1});
        make_list(run, 1);
        assert_int_equal(run->ref.owners.lists[0].list_id, SPEC_MAX_LIST_ID - 1);
        on_list(run, OP_list_cursor_front_mut);
        assert_int_not_equal(on_frame(run, DRAWING[i], 1).result, SPEC_PANIC);
    }
}

static void test_contains_any_address(void **state)
{
    static const uint64_t NOWHERE[] = {
        1, 8, 4095, NR_SLOTS * SPEC_PAGE_SIZE, UINT64_MAX - 4095, UINT64_MAX};
    struct run *run = *state;

    make_list(run, 2);
    for (uint64_t i = 0; i < NR_SLOTS; i++)
        expect_ok(on_frame(run, OP_list_contains, i), i < 2);
    for (size_t i = 0; i < LENGTH(NOWHERE); i++) {
        const struct spec_call call = {.paddr = NOWHERE[i]};

        expect_ok(run_both(run, OP_list_contains, call), 0);
        assert_int_equal(run_both(run, OP_list_cursor_mut_at, call).result, SPEC_NONE);
    }
    on_list(run, OP_list_new);
    expect_ok(run_both(run, OP_list_contains, (struct spec_call){.list = 1}), 0);
}

static void test_drop_frees_the_frames(void **state)
{
    struct run *run = *state;

    make_list(run, 3);
    go_to(run, 1);
    expect_ok(on_list(run, OP_list_drop), 0);
    assert_int_equal(run->ref.nr_drops, 0);
    for (uint64_t i = 0; i < 3; i++) {
        const struct meta_slot_owner *owner = &run->ref.owners.slot_owners[i];

        assert_int_equal(owner->inner_perms.ref_count.value, SPEC_REF_COUNT_UNUSED);
        assert_int_equal(owner->usage, SPEC_USAGE_FRAME);
        expect_ok(on_frame(run, OP_unique_frame_from_unused, i), meta_addr(i));
    }
    on_list(run, OP_list_new);
    expect_ok(on_list(run, OP_list_drop), 0);
}

/* What dropping a list may not change of its elements' slots. */
static void test_drop_keeps_the_slots(void **state)
{
    struct run *run = *state;
    struct meta_slot_owner *owner = &run->after.slot_owners[1];
    struct metadata_inner_perms *perms = &owner->inner_perms;
    uint64_t *const kept[] = {&owner->usage,          &owner->slot_vaddr,   &owner->paths_in_pt,
                              &perms->storage.id,     &perms->ref_count.id, &perms->in_list.id,
                              &perms->vtable_ptr.pptr};
    const struct spec_call call = {.list = 0};
    struct spec_outcome outcome;

    make_list(run, 3);
    reference_list_drop(&run->ref, &call, &outcome);
    copy_owners(&run->after, &run->ref.owners);
    for (size_t i = 0; i < LENGTH(kept); i++) {
        ++*kept[i];
        clause_report_begin(&run->report);
        assert_false(judge_list_drop(&run->before, &run->after, &call, &outcome, &run->report));
        assert_int_equal(run->report.nr_failed, 1);
        assert_true(clause_report_has(&run->report, CLAUSE_list_drop__slot));
        --*kept[i];
    }
    clause_report_begin(&run->report);
    assert_true(judge_list_drop(&run->before, &run->after, &call, &outcome, &run->report));
}

/* --- preconditions --------------------------------------------------------------------------- */

static bool legal(const struct run *run, enum operation op, uint64_t slot)
{
    return TABLE[op].requires(&run->ref, &(struct spec_call){.paddr = index_to_frame(slot)});
}

static void test_no_list_no_cursor(void **state)
{
    struct run *run = *state;

    on_frame(run, OP_unique_frame_from_unused, 0);
    for (int op = OP_list_push_front; op <= OP_list_drop; op++) {
        const struct spec_call nowhere = {.list = SPEC_MAX_LISTS};

        assert_false(legal(run, (enum operation)op, 0));
        assert_false(TABLE[op].requires(&run->ref, &nowhere));
    }
    on_list(run, OP_list_new);
    for (int op = OP_list_push_front; op <= OP_list_drop; op++)
        assert_int_equal(legal(run, (enum operation)op, 0),
                         op < OP_cursor_move_next || op > OP_cursor_take_current);
    on_list(run, OP_list_cursor_front_mut);
    for (int op = OP_list_push_front; op <= OP_list_drop; op++)
        assert_true(legal(run, (enum operation)op, 0));
}

static void expect_insertable(const struct run *run, uint64_t slot, bool insertable)
{
    assert_int_equal(legal(run, OP_list_push_front, slot), insertable);
    assert_int_equal(legal(run, OP_list_push_back, slot), insertable);
    assert_int_equal(legal(run, OP_cursor_insert_before, slot), insertable);
}

static void test_what_can_be_inserted(void **state)
{
    struct run *run = *state;
    struct meta_slot_owner *owner = &run->ref.owners.slot_owners[1];
    struct meta_slot_storage *link = &owner->inner_perms.storage.value;

    make_list(run, 1);
    on_list(run, OP_list_cursor_front_mut);
    expect_insertable(run, 1, true);
    expect_insertable(run, 0, false);
    expect_insertable(run, 2, false);
    expect_insertable(run, NR_SLOTS, false);
    link->frame_link.next_is_some = 1;
    expect_insertable(run, 1, false);
    link->frame_link.next_is_some = 0;
    link->frame_link.prev_is_some = 1;
    expect_insertable(run, 1, false);
    link->frame_link.prev_is_some = 0;
    owner->inner_perms.in_list.value = 1;
    expect_insertable(run, 1, false);
    owner->inner_perms.in_list.value = 0;
    owner->usage = SPEC_USAGE_PAGE_TABLE;
    expect_insertable(run, 1, false);
    owner->usage = SPEC_USAGE_FRAME;
    owner->paths_in_pt = 1;
    expect_insertable(run, 1, false);
    owner->paths_in_pt = 0;
    link->type = SPEC_METADATA_UNTYPED;
    expect_insertable(run, 1, false);
    link->type = SPEC_METADATA_FRAME_LINK;
    owner->inner_perms.vtable_ptr.value = SPEC_METADATA_UNTYPED;
    expect_insertable(run, 1, false);
    owner->inner_perms.vtable_ptr.value = SPEC_METADATA_FRAME_LINK;
    expect_insertable(run, 1, true);
    on_frame(run, OP_frame_from_unique, 1);
    expect_insertable(run, 1, false);
}

/* A slot that somebody is changing is not to be looked at. */
static void test_busy_slots(void **state)
{
    struct run *run = *state;

    make_list(run, 0);
    run->ref.exempt[3] = EXEMPT_EXTRACTED;
    assert_false(legal(run, OP_list_contains, 3));
    assert_false(legal(run, OP_list_cursor_mut_at, 3));
    run->ref.exempt[3] = EXEMPT_OVERFLOW;
    assert_true(legal(run, OP_list_contains, 3));
}

static void test_setup_of_the_id(void **state)
{
    struct run *run = *state;

    assert_false(requires_setup_list_id(&run->ref, &(struct spec_call){.count = 0}));
    assert_true(requires_setup_list_id(&run->ref, &(struct spec_call){.count = UINT64_MAX}));
    on_list(run, OP_list_new);
    assert_false(requires_setup_list_id(&run->ref, &(struct spec_call){.count = 5}));
}

/* --- states that no list made ---------------------------------------------------------------- */

static uint64_t draw_addr(struct run *run)
{
    const uint64_t addr = meta_addr(draw(run, NR_SLOTS + 1));

    switch (draw(run, 16)) {
    case 0:
        return 0;
    case 1:
        return addr + draw(run, 64);
    case 2:
        return draw(run, UINT64_MAX);
    default:
        return addr;
    }
}

static uint64_t draw_size(struct run *run)
{
    return draw(run, 4) ? draw(run, NR_SLOTS + 2) : UINT64_MAX - draw(run, 2);
}

static void fill_with_garbage(struct run *run, struct meta_region_owners *owners)
{
    for (uint64_t i = 0; i < NR_SLOTS; i++) {
        struct metadata_inner_perms *perms = &owners->slot_owners[i].inner_perms;

        perms->storage.is_init = draw(run, 16) != 0;
        perms->storage.value.type = draw(run, 16) ? SPEC_METADATA_FRAME_LINK : draw(run, 5);
        perms->storage.value.frame_link.next_is_some = draw(run, 8) != 0;
        perms->storage.value.frame_link.next = draw_addr(run);
        perms->storage.value.frame_link.prev_is_some = draw(run, 8) != 0;
        perms->storage.value.frame_link.prev = draw_addr(run);
        perms->in_list.value = draw(run, 3);
        owners->slots_dom[i] = owners->slot_owners_dom[i] = draw(run, 32) != 0;
    }
    for (uint64_t i = 0; i < SPEC_MAX_LISTS; i++)
        owners->lists[i] = (struct linked_list_owner){.is_live = draw(run, 4) != 0,
                                                      .list_id = draw(run, 3),
                                                      .size = draw_size(run),
                                                      .front = draw_addr(run),
                                                      .back = draw_addr(run),
                                                      .has_cursor = draw(run, 2),
                                                      .current = draw_addr(run)};
}

/* Every predicate has an answer, whatever it is asked. */
static void test_garbage(void **state)
{
    struct run *run = *state;

    for (int n = 0; n < 20000; n++) {
        struct spec_outcome outcome = {.result = draw(run, 2) ? SPEC_OK : SPEC_NONE};
        struct spec_call call;

        fill_with_garbage(run, &run->before);
        fill_with_garbage(run, &run->after);
        outcome.value = draw_addr(run);
        call = (struct spec_call){.paddr = draw_paddr(run), .list = draw(run, SPEC_MAX_LISTS + 1)};
        for (uint64_t i = 0; i < SPEC_MAX_LISTS + 1; i++)
            linked_list_inv(&run->before, i, &run->report);
        for (uint64_t i = 0; i < NR_SLOTS + 1; i++)
            in_list_inv_at(&run->before, i, &run->report);
        for (int op = OP_list_new; op < NR_OPERATIONS; op++)
            TABLE[op].judge(&run->before, &run->after, &call, &outcome, &run->report);
    }
}

/* A ring is longer than any list. */
static void test_rings(void **state)
{
    struct run *run = *state;
    struct linked_list_owner *list = &run->ref.owners.lists[0];

    make_list(run, 3);
    run->ref.owners.slot_owners[2].inner_perms.storage.value.frame_link.next_is_some = 1;
    run->ref.owners.slot_owners[2].inner_perms.storage.value.frame_link.next = meta_addr(0);
    clause_report_begin(&run->report);
    assert_false(linked_list_inv(&run->ref.owners, 0, &run->report));
    assert_true(clause_report_has(&run->report, CLAUSE_linked_list_inv__next));
    for (list->size = 4; list->size < 2 * NR_SLOTS; list->size++) {
        clause_report_begin(&run->report);
        assert_false(linked_list_inv(&run->ref.owners, 0, &run->report));
        assert_true(clause_report_has(&run->report, CLAUSE_linked_list_inv__prev));
    }
    list->size = UINT64_MAX;
    clause_report_begin(&run->report);
    assert_false(linked_list_inv(&run->ref.owners, 0, &run->report));
    assert_true(clause_report_has(&run->report, CLAUSE_linked_list_inv__size));
}

/* Only lists that exist need ids of their own, and only ids that are ids. */
static void test_distinct_ids(void **state)
{
    struct run *run = *state;
    struct linked_list_owner *lists = run->ref.owners.lists;

    make_list(run, 1);
    lists[5].list_id = lists[0].list_id;
    assert_true(linked_list_inv(&run->ref.owners, 0, &run->report));
    lists[5].is_live = 1;
    assert_false(linked_list_inv(&run->ref.owners, 0, &run->report));
    assert_false(linked_list_inv(&run->ref.owners, 5, &run->report));
    lists[5].list_id = 0;
    lists[6].is_live = 1;
    assert_true(linked_list_inv(&run->ref.owners, 5, &run->report));
    assert_true(linked_list_inv(&run->ref.owners, 6, &run->report));
}

int main(void)
{
#define ON_RUN(test) cmocka_unit_test_setup_teardown(test, create_run, destroy_run)
    const struct CMUnitTest tests[] = {
        ON_RUN(test_random_programs),
        ON_RUN(test_new_list_is_empty),
        ON_RUN(test_push_front_and_back),
        ON_RUN(test_push_back_of_the_verified_sources),
        ON_RUN(test_insert_at_every_position),
        ON_RUN(test_take_at_every_position),
        ON_RUN(test_the_only_element),
        ON_RUN(test_moving_goes_round_by_the_ghost),
        ON_RUN(test_who_ends_a_cursor),
        ON_RUN(test_ids),
        ON_RUN(test_ids_run_out),
        ON_RUN(test_contains_any_address),
        ON_RUN(test_drop_frees_the_frames),
        ON_RUN(test_drop_keeps_the_slots),
        ON_RUN(test_no_list_no_cursor),
        ON_RUN(test_what_can_be_inserted),
        ON_RUN(test_busy_slots),
        ON_RUN(test_setup_of_the_id),
        ON_RUN(test_garbage),
        ON_RUN(test_rings),
        ON_RUN(test_distinct_ids),
    };
#undef ON_RUN

    return cmocka_run_group_tests(tests, NULL, NULL);
}
