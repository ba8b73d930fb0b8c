/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The exhaustive search and what it stands on: the way back to a state, states as bytes, scopes and
 * cells. Against what is simpler: programs that are run from their beginning, and plain recursion.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "exhaust_internal.h"
#include "slotcheck/divergence.h"
#include "slotcheck/generate.h"
#include "slotcheck/scope.h"
#include "slotcheck/subject_load.h"

enum {
    MANY = 300,   /* programs where many are run */
    LONG = 40,    /* operations of a program */
    DETOUR = 15,  /* operations of a detour */
    ALL_MIB = 64, /* memory of a search that is to be complete */
};

/* --- a lockstep --- */

struct lab {
    struct slotcheck_subject subject;
    struct lockstep_stats *stats;
    struct lockstep *lockstep;
};

static const struct slotcheck_subject *builtin(void)
{
    char error[256];
    const struct slotcheck_subject *subject = subject_load(NULL, error, sizeof(error));

    assert_non_null(subject);
    return subject;
}

static void lab_create(struct lab *lab, const struct slotcheck_subject *subject)
{
    char error[256];

    lab->subject = *subject;
    lab->stats = calloc(1, sizeof(*lab->stats));
    assert_non_null(lab->stats);
    lab->lockstep = lockstep_create(&lab->subject, lab->stats, error, sizeof(error));
    assert_non_null(lab->lockstep);
}

static void lab_destroy(struct lab *lab)
{
    lockstep_destroy(lab->lockstep);
    free(lab->stats);
}

/* --- states as bytes --- */

struct state_bytes {
    unsigned char *bytes;
    size_t size;
};

static struct state_bytes state_now(struct lockstep *lockstep, bool exact)
{
    struct state_bytes now = {.bytes = malloc(lockstep_state_max(lockstep))};

    assert_non_null(now.bytes);
    now.size = lockstep_state(lockstep, exact, now.bytes);
    assert_true(now.size <= lockstep_state_max(lockstep));
    return now;
}

static bool same_state(struct state_bytes a, struct state_bytes b)
{
    return a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

static void assert_now(struct lockstep *lockstep, bool exact, struct state_bytes expected)
{
    const struct state_bytes now = state_now(lockstep, exact);

    assert_true(same_state(now, expected));
    free(now.bytes);
}

/* The state that the operations, as text, lead to; all of them are executed. */
static struct state_bytes state_after(const char *operations, bool exact)
{
    struct lab lab;
    struct program program;
    struct program_error error;
    struct step_record record;
    struct divergence divergence;
    struct state_bytes state;
    char text[400];

    lab_create(&lab, builtin());
    program_init(&program);
    snprintf(text, sizeof(text), "slotcheck program 2\nslots 2\n%s", operations);
    assert_true(program_parse(&program, text, strlen(text), &error));
    assert_true(lockstep_begin(lab.lockstep, &program, 20));
    for (size_t i = 0; i < program.nr_ops; i++) {
        assert_true(lockstep_step(lab.lockstep, &program.ops[i], &record, &divergence));
        assert_int_equal(record.status, STEP_EXECUTED);
    }
    state = state_now(lab.lockstep, exact);
    assert_true(lockstep_end(lab.lockstep));
    program_free(&program);
    lab_destroy(&lab);
    return state;
}

static bool same_after(const char *a, const char *b, bool exact)
{
    const struct state_bytes of_a = state_after(a, exact), of_b = state_after(b, exact);
    const bool same = same_state(of_a, of_b);

    free(of_a.bytes);
    free(of_b.bytes);
    return same;
}

static void states_are_one_if_they_go_on_alike(void **state)
{
#define TWO    "frame_from_unused(p0, probe(1))\nframe_from_unused(p1, probe(1))\n"
#define PART   "segment_from_unused(p0, 1, untyped(0))\nsegment_from_unused(p1, 1, untyped(0))\n"
#define ONE    "unique_frame_from_unused(p0, link(4))\n"
#define LISTED "list_new()\n" ONE "list_push_back(l0, u0)\n"
    static const struct {
        const char *a, *b;
        bool same;
    } PAIRS[] = {
        {"", "", true},
        {"", "get_slot(p0)", false}, /* no setup any more */
        {"get_slot(p0)", "get_slot(p1)", true},
        {TWO, "frame_from_unused(p1, probe(1))\nframe_from_unused(p0, probe(1))\n", true},
        {TWO "frame_into_raw(f0)", TWO "frame_into_raw(f1)", false},
        {TWO "frame_clone(f0)\nframe_into_raw(f0)", TWO "frame_clone(f0)\nframe_into_raw(f2)",
         true},
        {TWO, "frame_from_unused(p0, probe(1))\nframe_from_unused(p1, probe(2))\n", false},
        {PART, "segment_from_unused(p1, 1, untyped(0))\nsegment_from_unused(p0, 1, untyped(0))\n",
         true},
        {PART, "segment_from_unused(p0, 2, untyped(0))\n", false},
        {PART, "segment_from_unused(p0, 2, untyped(0))\nsegment_split(seg0, 1)\n", true},
        {ONE, ONE "unique_frame_into_raw(u0)", false},
        {ONE, ONE "unique_frame_into_raw(u0)\nunique_frame_from_raw(p0)", true},
        {ONE, ONE "drop_meta_in_place(s0)", false},
        {"get_from_unused(p0, probe(1), 0)", "get_from_unused(p0, probe(1), 0)\nrepark(s0)", false},
        {"list_new()", "get_slot(p0)", false},
        {LISTED, LISTED "list_cursor_front_mut(l0)", false},
        {LISTED "list_cursor_front_mut(l0)", LISTED "list_cursor_back_mut(l0)", true},
        {LISTED "list_cursor_front_mut(l0)\ncursor_move_next(c0)",
         LISTED "list_cursor_front_mut(l0)", false},
        {LISTED, "list_new()\n" ONE "list_push_front(l0, u0)", true},
    };
#undef TWO
#undef PART
#undef ONE
#undef LISTED

    (void)state;
    for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]); i++) {
        if (same_after(PAIRS[i].a, PAIRS[i].b, false) != PAIRS[i].same)
            fail_msg("pair %d: should be %s", (int)i, PAIRS[i].same ? "one" : "two");
        /* What is told apart is so in order, too. */
        assert_false(!PAIRS[i].same && same_after(PAIRS[i].a, PAIRS[i].b, true));
    }
    assert_false(same_after("frame_from_unused(p0, probe(1))\nframe_from_unused(p1, probe(1))\n",
                            "frame_from_unused(p1, probe(1))\nframe_from_unused(p0, probe(1))\n",
                            true));
}

/* --- the way back --- */

/* What a program did. */
struct record {
    struct step_record steps[LONG];
    size_t nr_steps;
    struct divergence divergence;
    struct state_bytes end, end_exact;
};

static void record_free(struct record *record)
{
    free(record->end.bytes);
    free(record->end_exact.bytes);
}

static void assert_same_step(const struct step_record *a, const struct step_record *b)
{
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->status_before, b->status_before);
    assert_int_equal(a->paddr, b->paddr);
    if (a->status != STEP_EXECUTED)
        return;
    assert_int_equal(a->result, b->result);
    assert_int_equal(a->value, b->value);
    assert_memory_equal(a->detail, b->detail, sizeof(a->detail));
    assert_true(meta_slot_storage_equal(&a->metadata, &b->metadata));
    assert_int_equal(a->cell, b->cell);
}

static void assert_same_record(const struct record *a, const struct record *b)
{
    assert_int_equal(a->nr_steps, b->nr_steps);
    for (size_t i = 0; i < a->nr_steps; i++)
        assert_same_step(&a->steps[i], &b->steps[i]);
    assert_int_equal(a->divergence.kind, b->divergence.kind);
    assert_true(same_state(a->end, b->end));
    assert_true(same_state(a->end_exact, b->end_exact));
}

/* Runs the detour until it ends, or a panic ends it. */
static void wander(struct lockstep *lockstep, const struct program *detour)
{
    struct step_record record;
    struct divergence divergence;

    for (size_t i = 0; i < detour->nr_ops; i++)
        if (!lockstep_step(lockstep, &detour->ops[i], &record, &divergence)) {
            assert_int_equal(divergence.kind, FINDING_NONE);
            assert_string_equal(lockstep_error(lockstep), "");
            return;
        }
}

/* There, and back twice. */
static void detours(struct lockstep *lockstep, const struct program *a, const struct program *b)
{
    const struct state_bytes state = state_now(lockstep, false);
    const struct state_bytes exact = state_now(lockstep, true);

    assert_true(lockstep_mark(lockstep));
    assert_false(lockstep_moved(lockstep));
    wander(lockstep, a);
    lockstep_return(lockstep);
    assert_now(lockstep, false, state);
    wander(lockstep, b);
    lockstep_return(lockstep);
    lockstep_return(lockstep);
    assert_false(lockstep_moved(lockstep));
    assert_now(lockstep, false, state);
    assert_now(lockstep, true, exact);
    free(state.bytes);
    free(exact.bytes);
}

/* Runs the program, with detours before every step whose bit is set. */
static void play(struct lockstep *lockstep, const struct program *program, uint64_t when,
                 const struct program *a, const struct program *b, struct record *record)
{
    bool goes_on = true;

    memset(record, 0, sizeof(*record));
    assert_true(lockstep_begin(lockstep, program, program->nr_ops + DETOUR));
    for (size_t i = 0; i < program->nr_ops && goes_on; i++) {
        if (when >> i & 1)
            detours(lockstep, a, b);
        goes_on = lockstep_step(lockstep, &program->ops[i], &record->steps[record->nr_steps++],
                                &record->divergence);
    }
    if (goes_on)
        assert_true(lockstep_judge_end(lockstep, (enum op)program->ops[program->nr_ops - 1].op,
                                       &record->divergence));
    record->end = state_now(lockstep, false);
    record->end_exact = state_now(lockstep, true);
    assert_true(lockstep_end(lockstep));
}

static void generate(struct program *program, struct random *random, uint64_t nr_slots, size_t n)
{
    program_clear(program);
    assert_true(program_set_slots(program, nr_slots));
    assert_true(program_generate(program, random, n));
}

/* A program goes on as if its detours had not been, wherever they begin. */
static void detours_leave_no_trace(void **state)
{
    struct random random = {.state = 1};
    struct lab lab;
    struct program program, a, b;
    uint64_t nr_setups = 0, nr_panics = 0;

    (void)state;
    lab_create(&lab, builtin());
    program_init(&program);
    program_init(&a);
    program_init(&b);
    for (int i = 0; i < MANY; i++) {
        const uint64_t nr_slots = 1 + random_next(&random) % 8;
        /* The first and about every eighth; or every one. */
        const uint64_t when =
            i % 10 ? 1 | (random_next(&random) & random_next(&random) & random_next(&random))
                   : UINT64_MAX;
        struct record plain, detoured;

        generate(&program, &random, nr_slots, LONG);
        generate(&a, &random, nr_slots, DETOUR);
        generate(&b, &random, nr_slots, DETOUR);
        play(lab.lockstep, &program, 0, NULL, NULL, &plain);
        play(lab.lockstep, &program, when, &a, &b, &detoured);
        assert_same_record(&plain, &detoured);
        for (size_t s = 0; s < plain.nr_steps; s++) {
            const bool executed = plain.steps[s].status == STEP_EXECUTED;

            nr_setups += executed && op_is_setup((enum op)program.ops[s].op);
            nr_panics += executed && plain.steps[s].result == SPEC_PANIC;
        }
        record_free(&plain);
        record_free(&detoured);
    }
    /* There was something to get wrong. */
    assert_true(nr_setups > 20 && nr_panics > 5);
    program_free(&program);
    program_free(&a);
    program_free(&b);
    lab_destroy(&lab);
}

/* What has not moved has the same bytes. */
static void moved_is_another_state(void **state)
{
    struct random random = {.state = 2};
    struct lab lab;
    struct program program;
    uint64_t nr_moved = 0, nr_stayed = 0, nr_for_nothing = 0;

    (void)state;
    lab_create(&lab, builtin());
    program_init(&program);
    for (int i = 0; i < MANY; i++) {
        bool goes_on = true;

        generate(&program, &random, 1 + random_next(&random) % 8, LONG);
        assert_true(lockstep_begin(lab.lockstep, &program, LONG));
        for (size_t s = 0; s < LONG && goes_on; s++) {
            struct step_record record;
            struct divergence divergence;

            assert_true(lockstep_mark(lab.lockstep));

            const struct state_bytes before = state_now(lab.lockstep, true);

            goes_on = lockstep_step(lab.lockstep, &program.ops[s], &record, &divergence);

            const struct state_bytes after = state_now(lab.lockstep, true);

            if (!lockstep_moved(lab.lockstep))
                assert_true(same_state(before, after));
            else if (same_state(before, after))
                nr_for_nothing++;
            else
                nr_moved++;
            nr_stayed += !lockstep_moved(lab.lockstep);
            free(before.bytes);
            free(after.bytes);
        }
        assert_true(lockstep_end(lab.lockstep));
    }
    /* What is written as it was counts as moved, which costs time and is not the rule. */
    assert_true(nr_moved > MANY && nr_stayed > MANY && nr_for_nothing < nr_moved / 5);
    program_free(&program);
    lab_destroy(&lab);
}

/*
 * Handles are told to have moved by how many there are: of its own kind no operation makes as many as
 * it takes. A split makes two.
 */
static void numbers_tell_handles(void **state)
{
    (void)state;
    for (int op = 0; op < NR_OPS; op++)
        if (OPS[op].takes != OPERAND_NONE && op != OP_segment_split)
            assert_int_not_equal(OPS[op].takes, OPS[op].makes);
}

/* A mark is of one run: in the next one there is none. */
static void marks_end_with_the_program(void **state)
{
    const struct operation claim = {.op = OP_get_from_unused, .opcode = OP_get_from_unused};
    const struct operation look = {.op = OP_get_slot, .opcode = OP_get_slot};
    struct lab lab;
    struct program program;
    struct step_record record;
    struct divergence divergence;

    (void)state;
    lab_create(&lab, builtin());
    program_init(&program);
    assert_true(program_set_slots(&program, 1));
    assert_true(lockstep_begin(lab.lockstep, &program, 2));
    assert_true(lockstep_step(lab.lockstep, &claim, &record, &divergence));
    assert_true(lockstep_mark(lab.lockstep));
    assert_true(lockstep_end(lab.lockstep));
    assert_true(lockstep_begin(lab.lockstep, &program, 2));
    assert_true(lockstep_step(lab.lockstep, &look, &record, &divergence));
    assert_true(lockstep_moved(lab.lockstep));
    assert_true(lockstep_end(lab.lockstep));
    program_free(&program);
    lab_destroy(&lab);
}

/* --- searches --- */

struct hunt {
    struct lab lab;
    struct scope scope;
    struct exhaust_settings settings;
    struct exhaust_report report;
    struct exhaust *exhaust;
};

static void hunt_prepare(struct hunt *hunt, const struct slotcheck_subject *subject,
                         const char *ops, unsigned nr_slots, unsigned depth)
{
    char wrong[80];

    lab_create(&hunt->lab, subject);
    scope_init(&hunt->scope, nr_slots);
    assert_true(scope_add_ops(&hunt->scope, ops, wrong, sizeof(wrong)));
    hunt->settings = (struct exhaust_settings){
        .scope = &hunt->scope, .depth = depth, .max_bytes = (uint64_t)ALL_MIB << 20};
}

static void hunt_run(struct hunt *hunt)
{
    hunt->exhaust = exhaust_create(hunt->lab.lockstep, &hunt->settings, &hunt->report);
    assert_non_null(hunt->exhaust);
    exhaust_run(hunt->exhaust);
    assert_string_equal(hunt->report.error, "");
}

static void hunt_destroy(struct hunt *hunt)
{
    exhaust_destroy(hunt->exhaust);
    lab_destroy(&hunt->lab);
}

static void assert_same_cells(const struct cell_set *a, const struct cell_set *b)
{
    assert_int_equal(a->nr, b->nr);
    assert_int_equal(a->lost + b->lost, 0);
    for (size_t i = 0; i < CELL_SET_CAPACITY; i++)
        if (a->cells[i])
            assert_true(cell_set_has(b, a->cells[i]));
}

/* --- sets of states, each with the fewest operations that lead there --- */

struct reached {
    struct fingerprint state;
    unsigned depth;
};

struct atlas {
    struct reached *reached;
    size_t nr, capacity;
};

static void atlas_add(struct atlas *atlas, struct lockstep *lockstep, unsigned depth)
{
    const struct state_bytes now = state_now(lockstep, false);

    if (atlas->nr == atlas->capacity) {
        atlas->capacity = atlas->capacity ? 2 * atlas->capacity : 1024;
        atlas->reached = realloc(atlas->reached, atlas->capacity * sizeof(*atlas->reached));
        assert_non_null(atlas->reached);
    }
    atlas->reached[atlas->nr++] = (struct reached){fingerprint_of(now.bytes, now.size), depth};
    free(now.bytes);
}

static int compare_reached(const void *a, const void *b)
{
    const struct reached *x = a, *y = b;

    if (x->state.high != y->state.high)
        return x->state.high < y->state.high ? -1 : 1;
    if (x->state.low != y->state.low)
        return x->state.low < y->state.low ? -1 : 1;
    return (x->depth > y->depth) - (x->depth < y->depth);
}

/* In order, each state once. */
static void atlas_sort(struct atlas *atlas)
{
    size_t n = 0;

    qsort(atlas->reached, atlas->nr, sizeof(*atlas->reached), compare_reached);
    for (size_t i = 0; i < atlas->nr; i++)
        if (n == 0 || atlas->reached[n - 1].state.low != atlas->reached[i].state.low ||
            atlas->reached[n - 1].state.high != atlas->reached[i].state.high)
            atlas->reached[n++] = atlas->reached[i];
    atlas->nr = n;
}

static void assert_same_atlas(struct atlas *a, struct atlas *b)
{
    atlas_sort(a);
    atlas_sort(b);
    assert_int_equal(a->nr, b->nr);
    for (size_t i = 0; i < a->nr; i++)
        assert_int_equal(compare_reached(&a->reached[i], &b->reached[i]), 0);
}

/* Goes to each state of the search. */
static void atlas_of_search(struct atlas *atlas, const struct hunt *hunt)
{
    const struct exhaust *e = hunt->exhaust;
    struct lockstep *lockstep = hunt->lab.lockstep;
    struct operation ops[EXHAUST_MAX_DEPTH];
    struct step_record record;
    struct divergence divergence;

    for (uint64_t s = 0; s < e->nr_states; s++) {
        const unsigned n = exhaust_way_to(e, (uint32_t)s, ops);

        assert_true(lockstep_begin(lockstep, &e->boot, EXHAUST_MAX_DEPTH));
        for (unsigned i = 0; i < n; i++)
            assert_true(lockstep_step(lockstep, &ops[i], &record, &divergence));
        atlas_add(atlas, lockstep, n);
        assert_true(lockstep_end(lockstep));
    }
}

/* --- searches agree with each other --- */

static const struct small_scope {
    const char *ops;
    unsigned nr_slots, depth;
} SMALL_SCOPES[] = {
    {"frame", 1, 4},
    {"frame", 2, 3},
    {"setup,slot", 1, 3},
    {"all", 1, 2},
    {"list,unique_frame_from_unused,unique_frame_drop", 1, 4},
    {"segment_from_unused,segment_clone,segment_split,segment_next,segment_drop", 2, 3},
    {"boot,map,page_table_node_alloc", 1, 2},
};

enum {
    NR_SMALL_SCOPES = sizeof(SMALL_SCOPES) / sizeof(SMALL_SCOPES[0]),
};

/* The canonical search goes to all states to which the exact one goes, as soon, and sees as much. */
static void canonical_is_as_good_as_exact(void **state)
{
    (void)state;
    for (int i = 0; i < NR_SMALL_SCOPES; i++) {
        const struct small_scope *scope = &SMALL_SCOPES[i];
        struct hunt canonical, exact;
        struct atlas a = {0}, b = {0};

        hunt_prepare(&canonical, builtin(), scope->ops, scope->nr_slots, scope->depth);
        hunt_prepare(&exact, builtin(), scope->ops, scope->nr_slots, scope->depth);
        exact.settings.exact = true;
        hunt_run(&canonical);
        hunt_run(&exact);
        assert_int_equal(canonical.report.end, EXHAUST_COMPLETE);
        assert_int_equal(exact.report.end, EXHAUST_COMPLETE);
        assert_same_cells(&canonical.lab.stats->cells, &exact.lab.stats->cells);
        assert_true(exact.exhaust->nr_states >= canonical.exhaust->nr_states);
        atlas_of_search(&a, &canonical);
        atlas_of_search(&b, &exact);
        assert_int_equal(a.nr, exhaust_states(&canonical.report));
        assert_same_atlas(&a, &b);
        assert_int_equal(a.nr, exhaust_states(&canonical.report));
        free(a.reached);
        free(b.reached);
        hunt_destroy(&canonical);
        hunt_destroy(&exact);
    }
}

/* A subject that takes states back, and the same led there again for each operation. */
static void snapshots_are_as_good_as_replay(void **state)
{
    (void)state;
    for (int i = 0; i < NR_SMALL_SCOPES; i++) {
        const struct small_scope *scope = &SMALL_SCOPES[i];
        struct hunt back, again;

        hunt_prepare(&back, builtin(), scope->ops, scope->nr_slots, scope->depth);
        hunt_prepare(&again, builtin(), scope->ops, scope->nr_slots, scope->depth);
        again.settings.replay = true;
        hunt_run(&back);
        hunt_run(&again);
        assert_int_equal(back.report.end, again.report.end);
        assert_memory_equal(back.report.states, again.report.states, sizeof(back.report.states));
        assert_memory_equal(back.report.transitions, again.report.transitions,
                            sizeof(back.report.transitions));
        assert_int_equal(back.report.skipped, again.report.skipped);
        assert_same_cells(&back.lab.stats->cells, &again.lab.stats->cells);
        hunt_destroy(&back);
        hunt_destroy(&again);
    }
}

/* --- a search agrees with plain recursion --- */

struct recursion {
    struct lab lab;
    struct scope scope;
    unsigned depth;
    struct program program;
    struct atlas atlas;
    uint64_t nr_programs;
};

static void recurse(struct recursion *r);

/* Runs the program, and all that go on from there. */
static void recurse_into(struct recursion *r, struct operation operation)
{
    struct step_record record;
    struct divergence divergence;
    bool goes_on = true;

    operation.opcode = operation.op;
    assert_true(program_append(&r->program, operation));
    assert_true(lockstep_begin(r->lab.lockstep, &r->program, r->depth));
    for (size_t i = 0; i < r->program.nr_ops; i++)
        goes_on =
            goes_on && lockstep_step(r->lab.lockstep, &r->program.ops[i], &record, &divergence);
    r->nr_programs++;
    if (goes_on && record.status == STEP_EXECUTED)
        atlas_add(&r->atlas, r->lab.lockstep, (unsigned)r->program.nr_ops);
    assert_true(lockstep_end(r->lab.lockstep));
    if (goes_on && record.status == STEP_EXECUTED && r->program.nr_ops < r->depth)
        recurse(r);
    r->program.nr_ops--;
}

/* Every value of the operands from `at` on; more handles than there can be. */
static void recurse_operands(struct recursion *r, struct operation operation, int at)
{
    const enum operand_kind kind = OPS[operation.op].operand[at < PROGRAM_MAX_OPERANDS ? at : 0];
    const unsigned n = r->scope.nr_values[kind];

    if (at == PROGRAM_MAX_OPERANDS) {
        recurse_into(r, operation);
        return;
    }
    for (unsigned i = 0; i < (n ? n : r->depth); i++) {
        operation.operand[at] = n ? r->scope.values[kind][i] : (uint16_t)i;
        recurse_operands(r, operation, at + 1);
    }
}

static void recurse(struct recursion *r)
{
    for (int op = 0; op < NR_OPS; op++)
        if (r->scope.ops[op])
            recurse_operands(r, (struct operation){.op = (uint8_t)op}, 0);
}

static void recurse_all(struct recursion *r, const struct small_scope *scope)
{
    char wrong[80];

    memset(r, 0, sizeof(*r));
    lab_create(&r->lab, builtin());
    scope_init(&r->scope, scope->nr_slots);
    assert_true(scope_add_ops(&r->scope, scope->ops, wrong, sizeof(wrong)));
    r->depth = scope->depth;
    program_init(&r->program);
    assert_true(program_set_slots(&r->program, scope->nr_slots));
    assert_true(lockstep_begin(r->lab.lockstep, &r->program, r->depth));
    atlas_add(&r->atlas, r->lab.lockstep, 0);
    assert_true(lockstep_end(r->lab.lockstep));
    recurse(r);
}

static void search_is_as_good_as_recursion(void **state)
{
    static const struct small_scope SCOPES[] = {
        {"frame_from_unused,frame_clone,frame_drop,frame_into_raw,frame_from_raw,"
         "unique_frame_try_from,frame_from_unique,get_slot",
         1, 3},
        {"setup,frame_from_in_use,frame_drop,inc_ref_count", 1, 2},
        {"frame_clone,frame_drop,page_table_node_alloc", 1, 3},
        {"list_new,list_push_front,list_drop,list_cursor_front_mut,cursor_move_next", 1, 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(SCOPES) / sizeof(SCOPES[0]); i++) {
        struct hunt hunt;
        struct recursion recursion;
        struct atlas atlas = {0};

        hunt_prepare(&hunt, builtin(), SCOPES[i].ops, SCOPES[i].nr_slots, SCOPES[i].depth);
        hunt_run(&hunt);
        atlas_of_search(&atlas, &hunt);
        recurse_all(&recursion, &SCOPES[i]);
        assert_true(recursion.nr_programs > 2 * atlas.nr);
        assert_same_atlas(&atlas, &recursion.atlas);
        assert_same_cells(&hunt.lab.stats->cells, &recursion.lab.stats->cells);
        free(atlas.reached);
        free(recursion.atlas.reached);
        program_free(&recursion.program);
        lab_destroy(&recursion.lab);
        hunt_destroy(&hunt);
    }
}

/* --- programs with every cell --- */

struct taken {
    struct lab lab;
    struct trace *trace;
    uint64_t nr_programs;
    uint32_t counts[CELL_SET_CAPACITY]; /* programs that have the cell, by its place */
    struct program programs[2000];
};

static bool take(void *context, const struct program *program)
{
    struct taken *taken = context;
    struct program *copy = &taken->programs[taken->nr_programs++];

    assert_true(taken->nr_programs < sizeof(taken->programs) / sizeof(taken->programs[0]));
    program_init(copy);
    assert_true(program_set_slots(copy, program_slots(program)));
    for (size_t i = 0; i < program->nr_ops; i++)
        assert_true(program_append(copy, program->ops[i]));
    return true;
}

/* Counts each cell of the program once; or, of those counted, says how many no other one has. */
static uint64_t count_cells(struct taken *taken, const struct program *program, bool lonely)
{
    struct cell_set *seen = calloc(1, sizeof(*seen));
    uint64_t n = 0;

    assert_non_null(seen);
    assert_true(program->nr_ops <= taken->trace->capacity);
    assert_true(lockstep_run(taken->lab.lockstep, program, taken->trace));
    for (uint64_t i = 0; i < taken->trace->nr_steps; i++) {
        const struct step_record *step = &taken->trace->steps[i];

        /* Nothing in such a program is for nothing. */
        assert_int_equal(step->status, STEP_EXECUTED);
        if (!cell_set_add(seen, step->cell))
            continue;

        uint32_t *count = &taken->counts[cell_set_place(&taken->lab.stats->cells, step->cell)];

        if (lonely)
            n += *count == 1;
        else
            ++*count;
    }
    assert_int_equal(taken->trace->nr_steps, program->nr_ops);
    free(seen);
    return n;
}

static void cover_has_all_and_nothing_twice(void **state)
{
    (void)state;
    for (int i = 0; i < NR_SMALL_SCOPES; i++) {
        const struct small_scope *scope = &SMALL_SCOPES[i];
        struct taken *taken = calloc(1, sizeof(*taken));
        struct hunt hunt;

        assert_non_null(taken);
        hunt_prepare(&hunt, builtin(), scope->ops, scope->nr_slots, scope->depth);
        hunt.settings.replay = i == 0;
        hunt.settings.exact = i == 1;
        hunt_run(&hunt);
        lab_create(&taken->lab, builtin());
        taken->trace = trace_create(20000);
        assert_non_null(taken->trace);
        assert_int_equal(exhaust_cover(hunt.exhaust, take, taken), COVER_COMPLETE);
        for (uint64_t p = 0; p < taken->nr_programs; p++)
            count_cells(taken, &taken->programs[p], false);
        assert_same_cells(&hunt.lab.stats->cells, &taken->lab.stats->cells);
        for (uint64_t p = 0; p < taken->nr_programs; p++) {
            assert_true(count_cells(taken, &taken->programs[p], true) > 0);
            program_free(&taken->programs[p]);
        }
        trace_destroy(taken->trace);
        lab_destroy(&taken->lab);
        free(taken);
        hunt_destroy(&hunt);
    }
}

static bool refuse(void *context, const struct program *program)
{
    (void)program;
    return --*(int *)context > 0;
}

static void cover_ends_when_nothing_is_taken_any_more(void **state)
{
    struct hunt hunt;
    int left = 2;

    (void)state;
    hunt_prepare(&hunt, builtin(), "frame", 1, 3);
    hunt_run(&hunt);
    assert_int_equal(exhaust_cover(hunt.exhaust, refuse, &left), COVER_REFUSED);
    assert_int_equal(left, 0);
    left = 2;
    hunt.report.stop_cover = true;
    assert_int_equal(exhaust_cover(hunt.exhaust, refuse, &left), COVER_STOPPED);
    assert_int_equal(left, 2);
    hunt_destroy(&hunt);
}

/* --- limits --- */

/* With less memory, what it says is what a search with enough says of the same depth. */
static void memory_is_a_limit(void **state)
{
    /* Before, at and after what each array takes when it grows. */
    static const uint64_t LIMITS[] = {20000, 70000, 110000, 150000, 200000, 240000, 270000};
    struct hunt all;
    struct atlas atlas = {0};

    (void)state;
    hunt_prepare(&all, builtin(), "setup,slot,frame", 2, 3);
    hunt_run(&all);
    assert_int_equal(all.report.end, EXHAUST_COMPLETE);
    /* However large the set of states has grown, each was found once. */
    atlas_of_search(&atlas, &all);
    atlas_sort(&atlas);
    assert_int_equal(atlas.nr, exhaust_states(&all.report));
    assert_true(atlas.nr > 4096);
    free(atlas.reached);
    for (size_t l = 0; l < sizeof(LIMITS) / sizeof(LIMITS[0]); l++) {
        const uint64_t bytes = LIMITS[l];
        struct hunt hunt;

        hunt_prepare(&hunt, builtin(), "setup,slot,frame", 2, 3);
        hunt.settings.max_bytes = bytes;
        hunt_run(&hunt);
        assert_true(hunt.report.bytes <= bytes);
        if (hunt.report.end == EXHAUST_COMPLETE) {
            /* Only what is asked for before it is needed was more. */
            assert_int_equal(exhaust_states(&hunt.report), exhaust_states(&all.report));
        } else {
            assert_int_equal(hunt.report.end, EXHAUST_OUT_OF_MEMORY);
            assert_true(hunt.report.complete_depth < 3);
            assert_true(exhaust_transitions(&hunt.report) < exhaust_transitions(&all.report));
        }
        for (unsigned i = 0; i <= hunt.report.complete_depth; i++) {
            assert_int_equal(hunt.report.transitions[i], all.report.transitions[i]);
            assert_int_equal(hunt.report.states[i], all.report.states[i]);
        }
        assert_true(hunt.report.states[hunt.report.complete_depth + 1] <=
                    all.report.states[hunt.report.complete_depth + 1]);
        hunt_destroy(&hunt);
    }
    hunt_destroy(&all);
}

static void stop_stops(void **state)
{
    struct hunt hunt;

    (void)state;
    hunt_prepare(&hunt, builtin(), "all", 2, 3);
    hunt.exhaust = exhaust_create(hunt.lab.lockstep, &hunt.settings, &hunt.report);
    assert_non_null(hunt.exhaust);
    hunt.report.stop = true;
    exhaust_run(hunt.exhaust);
    assert_int_equal(hunt.report.end, EXHAUST_STOPPED);
    assert_int_equal(hunt.report.complete_depth, 0);
    assert_int_equal(exhaust_transitions(&hunt.report), 1);
    hunt_destroy(&hunt);
}

/* Of depth 3 what is reached at 2 can be the last there is. */
static void closed_scopes_are_closed(void **state)
{
    static const struct {
        const char *ops;
        unsigned depth, complete;
        enum exhaust_end end;
        uint64_t states;
    } CASES[] = {
        {"get_slot", 9, 2, EXHAUST_CLOSED, 2},
        {"get_slot", 2, 2, EXHAUST_CLOSED, 2},
        {"get_slot", 1, 1, EXHAUST_COMPLETE, 2},
        {"frame_drop", 64, 1, EXHAUST_CLOSED, 1},
        {"frame_drop", 1, 1, EXHAUST_CLOSED, 1},
        /* As after boot, no setup any more, five types of metadata, and what a drop leaves. */
        {"frame_from_unused,frame_drop", 64, 3, EXHAUST_CLOSED, 8},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct hunt hunt;

        hunt_prepare(&hunt, builtin(), CASES[i].ops, 1, CASES[i].depth);
        hunt_run(&hunt);
        assert_int_equal(hunt.report.end, CASES[i].end);
        assert_int_equal(hunt.report.complete_depth, CASES[i].complete);
        assert_int_equal(exhaust_states(&hunt.report), CASES[i].states);
        hunt_destroy(&hunt);
    }
}

static void the_deepest_search(void **state)
{
    (void)state;
    for (int replay = 0; replay < 2; replay++) {
        struct hunt hunt;
        struct taken *taken = calloc(1, sizeof(*taken));

        assert_non_null(taken);
        hunt_prepare(&hunt, builtin(), "frame_from_unused,frame_clone", 1, EXHAUST_MAX_DEPTH);
        hunt.settings.replay = replay;
        hunt_run(&hunt);
        assert_int_equal(hunt.report.end, EXHAUST_COMPLETE);
        assert_int_equal(hunt.report.complete_depth, EXHAUST_MAX_DEPTH);
        /* One for each type of metadata. */
        assert_int_equal(hunt.report.states[EXHAUST_MAX_DEPTH], 5);
        assert_int_equal(exhaust_cover(hunt.exhaust, take, taken), COVER_COMPLETE);
        for (uint64_t p = 0; p < taken->nr_programs; p++)
            program_free(&taken->programs[p]);
        free(taken);
        hunt_destroy(&hunt);
    }
}

/* --- a divergence is a shortest one --- */

static uint64_t count_of(struct slotcheck_region *region, uint64_t frame)
{
    struct slotcheck_slot slot;

    builtin()->read_slot(region, (frame - builtin()->slots(region)) / SPEC_META_SLOT_SIZE, &slot);
    return slot.ref_count;
}

static uint32_t clone_uncounted(struct slotcheck_region *region, uint64_t frame, uint64_t *clone)
{
    (void)region;
    *clone = frame;
    return SLOTCHECK_OK;
}

static uint32_t third_clone_uncounted(struct slotcheck_region *region, uint64_t frame,
                                      uint64_t *clone)
{
    return count_of(region, frame) == 3 ? clone_uncounted(region, frame, clone)
                                        : builtin()->frame_clone(region, frame, clone);
}

/* Only if the other slot is unique, too. */
static void drop_nothing_beside_a_unique_one(struct slotcheck_region *region, uint64_t frame)
{
    const uint64_t first = builtin()->slots(region);
    const uint64_t other = frame == first ? first + SPEC_META_SLOT_SIZE : first;

    if (count_of(region, other) != SPEC_REF_COUNT_UNIQUE)
        builtin()->unique_frame_drop(region, frame);
}

static uint64_t repurpose_nothing(struct slotcheck_region *region, uint64_t frame,
                                  const struct slotcheck_metadata *metadata)
{
    (void)region;
    (void)metadata;
    return frame;
}

static void drop_two_forgets_one(struct slotcheck_region *region, uint64_t list)
{
    struct slotcheck_list before;
    uint64_t frame;

    builtin()->read_list(region, list, &before);
    if (before.size == 2)
        (void)builtin()->list_pop_front(region, list, &frame);
    builtin()->list_drop(region, list);
}

static void assert_same_alone(struct hunt *hunt)
{
    char found[SIGNATURE_SIZE], alone[SIGNATURE_SIZE];
    struct trace *trace = trace_create(hunt->report.nr_ops);
    struct program program;

    assert_non_null(trace);
    program_init(&program);
    assert_true(program_set_slots(&program, hunt->scope.nr_slots));
    for (unsigned i = 0; i < hunt->report.nr_ops; i++)
        assert_true(program_append(&program, hunt->report.ops[i]));
    assert_true(lockstep_run(hunt->lab.lockstep, &program, trace));
    assert_int_equal(trace->divergence.step, hunt->report.nr_ops - 1);
    divergence_signature(&hunt->report.divergence, found, sizeof(found));
    divergence_signature(&trace->divergence, alone, sizeof(alone));
    assert_string_equal(found, alone);
    program_free(&program);
    trace_destroy(trace);
}

static void assert_least(const struct slotcheck_subject *subject, const char *ops, unsigned least,
                         enum op last)
{
    for (int mode = 0; mode < 3; mode++) {
        struct hunt hunt;

        hunt_prepare(&hunt, subject, ops, 2, least + 1);
        hunt.settings.exact = mode == 1;
        hunt.settings.replay = mode == 2;
        hunt_run(&hunt);
        assert_int_equal(hunt.report.end, EXHAUST_DIVERGED);
        assert_int_equal(hunt.report.nr_ops, least);
        assert_int_equal(hunt.report.complete_depth, least - 1);
        assert_int_equal(hunt.report.ops[least - 1].op, last);
        assert_same_alone(&hunt);
        exhaust_destroy(hunt.exhaust);
        hunt.settings.depth = least - 1;
        hunt_run(&hunt);
        assert_int_equal(hunt.report.end, EXHAUST_COMPLETE);
        hunt_destroy(&hunt);
    }
}

static void divergences_are_shortest(void **state)
{
    struct slotcheck_subject subject = *builtin();

    (void)state;
    subject.frame_clone = clone_uncounted;
    assert_least(&subject, SCOPE_DEFAULT_OPS, 2, OP_frame_clone);
    subject = *builtin();
    subject.frame_clone = third_clone_uncounted;
    assert_least(&subject, "frame_from_unused,frame_clone,frame_drop", 4, OP_frame_clone);
    assert_least(&subject, "setup,frame_from_raw,frame_clone", 5, OP_frame_clone);
    subject = *builtin();
    subject.unique_frame_drop = drop_nothing_beside_a_unique_one;
    assert_least(&subject, "unique", 3, OP_unique_frame_drop);
    subject = *builtin();
    subject.unique_frame_repurpose = repurpose_nothing;
    assert_least(&subject, "unique", 2, OP_unique_frame_repurpose);
    subject = *builtin();
    subject.list_drop = drop_two_forgets_one;
    assert_least(&subject, "list_new,unique_frame_from_unused,list_push_back,list_drop", 6,
                 OP_list_drop);
}

/* --- subjects that are not what they say --- */

static uint64_t calls_of_clone;

/* The same operations, and every seventh time something else. */
static uint32_t clone_now_and_then(struct slotcheck_region *region, uint64_t frame, uint64_t *clone)
{
    return ++calls_of_clone % 7 ? builtin()->frame_clone(region, frame, clone)
                                : clone_uncounted(region, frame, clone);
}

static void reset_nothing(struct slotcheck_region *region, const uint64_t *touched,
                          uint64_t nr_touched)
{
    (void)region;
    (void)touched;
    (void)nr_touched;
}

static void failures_are_said(void **state)
{
    struct slotcheck_subject subject = *builtin();
    struct hunt hunt;

    (void)state;
    subject.reset = reset_nothing;
    hunt_prepare(&hunt, &subject, "frame", 1, 2);
    hunt.exhaust = exhaust_create(hunt.lab.lockstep, &hunt.settings, &hunt.report);
    exhaust_run(hunt.exhaust);
    assert_int_equal(hunt.report.end, EXHAUST_FAILED);
    assert_string_equal(hunt.report.error, "the subject's reset leaves slots in use");
    hunt_destroy(&hunt);

    subject = *builtin();
    subject.frame_clone = clone_now_and_then;
    hunt_prepare(&hunt, &subject, "frame_from_unused,frame_clone", 1, 9);
    hunt.settings.replay = true;
    hunt.exhaust = exhaust_create(hunt.lab.lockstep, &hunt.settings, &hunt.report);
    exhaust_run(hunt.exhaust);
    assert_true(hunt.report.end == EXHAUST_FAILED || hunt.report.end == EXHAUST_DIVERGED);
    hunt_destroy(&hunt);
}

/* --- what a subject keeps where nobody looks --- */

/* How many get_from_in_use have failed: three make every clone wrong. It is in the snapshot. */
static uint64_t nr_failed;

static uint32_t get_and_count_failures(struct slotcheck_region *region, uint64_t paddr,
                                       uint64_t *slot)
{
    const uint32_t result = builtin()->get_from_in_use(region, paddr, slot);

    nr_failed += result != SLOTCHECK_OK && nr_failed < 3;
    return result;
}

static uint32_t clone_uncounted_after_failures(struct slotcheck_region *region, uint64_t frame,
                                               uint64_t *clone)
{
    return nr_failed == 3 ? clone_uncounted(region, frame, clone)
                          : builtin()->frame_clone(region, frame, clone);
}

static void reset_failures(struct slotcheck_region *region, const uint64_t *touched,
                           uint64_t nr_touched)
{
    nr_failed = 0;
    builtin()->reset(region, touched, nr_touched);
}

static uint64_t size_with_failures(struct slotcheck_region *region)
{
    return builtin()->snapshot_size(region) + sizeof(nr_failed);
}

static void save_with_failures(struct slotcheck_region *region, void *bytes)
{
    memcpy(bytes, &nr_failed, sizeof(nr_failed));
    builtin()->snapshot_save(region, (char *)bytes + sizeof(nr_failed));
}

static void restore_with_failures(struct slotcheck_region *region, const void *bytes)
{
    memcpy(&nr_failed, bytes, sizeof(nr_failed));
    builtin()->snapshot_restore(region, (const char *)bytes + sizeof(nr_failed));
}

static struct slotcheck_subject counting_failures(void)
{
    struct slotcheck_subject subject = *builtin();

    subject.get_from_in_use = get_and_count_failures;
    subject.frame_clone = clone_uncounted_after_failures;
    subject.reset = reset_failures;
    subject.snapshot_size = size_with_failures;
    subject.snapshot_save = save_with_failures;
    subject.snapshot_restore = restore_with_failures;
    return subject;
}

/* Of an operation that fails nothing else is to be seen. */
static void exact_follows_what_fails(void **state)
{
    static const char OPS_USED[] = "frame_from_unused,get_from_in_use,frame_clone";
    const struct slotcheck_subject subject = counting_failures();
    struct hunt hunts[2];

    (void)state;
    for (unsigned depth = 4; depth <= 5; depth++) {
        for (int i = 0; i < 2; i++) {
            hunt_prepare(&hunts[i], &subject, OPS_USED, 1, depth);
            hunts[i].settings.exact = true;
            hunts[i].settings.replay = i;
            hunt_run(&hunts[i]);
            assert_int_equal(hunts[i].report.end, depth == 5 ? EXHAUST_DIVERGED : EXHAUST_COMPLETE);
        }
        /* A state with each number of failures. */
        assert_memory_equal(hunts[0].report.states, hunts[1].report.states,
                            sizeof(hunts[0].report.states));
        assert_memory_equal(hunts[0].report.transitions, hunts[1].report.transitions,
                            sizeof(hunts[0].report.transitions));
        assert_same_cells(&hunts[0].lab.stats->cells, &hunts[1].lab.stats->cells);
        for (int i = 0; i < 2; i++)
            hunt_destroy(&hunts[i]);
    }
}

/* Programs of the corpus pass no operation that leads to another state unseen. */
static void cover_of_an_exact_search(void **state)
{
    const struct slotcheck_subject subject = counting_failures();
    struct taken *taken = calloc(1, sizeof(*taken));
    struct hunt hunt;
    uint64_t nr_reads = 0;

    (void)state;
    assert_non_null(taken);
    hunt_prepare(&hunt, &subject, "frame,get_from_in_use", 1, 3);
    hunt.settings.exact = true;
    hunt_run(&hunt);
    assert_int_equal(hunt.report.end, EXHAUST_COMPLETE);
    for (uint64_t w = 0; w < hunt.exhaust->nr_witnesses; w++) {
        const struct witness *witness = &hunt.exhaust->witnesses[w];

        if (witness->operation.op == OP_frame_reference_count)
            assert_false(witness->moves);
        if (witness->operation.op == OP_get_from_in_use)
            assert_true(witness->moves);
        nr_reads += witness->operation.op == OP_frame_reference_count;
    }
    assert_true(nr_reads > 0);
    assert_int_equal(exhaust_cover(hunt.exhaust, take, taken), COVER_COMPLETE);
    for (uint64_t p = 0; p < taken->nr_programs; p++)
        program_free(&taken->programs[p]);
    free(taken);
    hunt_destroy(&hunt);
}

/* --- snapshots of a size that cannot be relied on --- */

static uint64_t size_to_say;

static uint64_t say_size(struct slotcheck_region *region)
{
    return builtin()->snapshot_size(region) + size_to_say;
}

static uint64_t say_no_size(struct slotcheck_region *region)
{
    (void)region;
    return 0;
}

static uint32_t clone_and_grow(struct slotcheck_region *region, uint64_t frame, uint64_t *clone)
{
    size_to_say++;
    return builtin()->frame_clone(region, frame, clone);
}

static void assert_refused(const struct slotcheck_subject *subject, bool exact, bool replay,
                           const char *why)
{
    struct hunt hunt;

    size_to_say = 0;
    hunt_prepare(&hunt, subject, "frame", 1, 3);
    hunt.settings.exact = exact;
    hunt.settings.replay = replay;
    hunt.exhaust = exhaust_create(hunt.lab.lockstep, &hunt.settings, &hunt.report);
    exhaust_run(hunt.exhaust);
    assert_int_equal(hunt.report.end, EXHAUST_FAILED);
    assert_string_equal(hunt.report.error, why);
    hunt_destroy(&hunt);
}

static void snapshots_have_one_size(void **state)
{
    static const char CHANGES[] = "its snapshot_size is not always the same for one region";
    static const char EMPTY[] = "its snapshot_size is 0";
    struct slotcheck_subject subject = *builtin();

    (void)state;
    subject.snapshot_size = say_size;
    subject.frame_clone = clone_and_grow;
    assert_refused(&subject, false, false, CHANGES);
    assert_refused(&subject, true, false, CHANGES);
    assert_refused(&subject, true, true, CHANGES);
    subject.snapshot_size = say_no_size;
    assert_refused(&subject, false, false, EMPTY);
    assert_refused(&subject, true, true, EMPTY);
}

/* --- a subject that dies where it did not before --- */

static uint32_t fifth_clone_is_the_last(struct slotcheck_region *region, uint64_t frame,
                                        uint64_t *clone)
{
    if (++calls_of_clone == 5)
        _exit(0);
    return builtin()->frame_clone(region, frame, clone);
}

/* Who reads the report afterwards sees the operation. */
static void the_report_says_what_was_run_last(void **state)
{
    struct slotcheck_subject subject = *builtin();
    struct exhaust_report *report =
        mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct hunt hunt;
    pid_t child;

    (void)state;
    assert_true(report != MAP_FAILED);
    subject.frame_clone = fifth_clone_is_the_last;
    hunt_prepare(&hunt, &subject, "frame_clone,page_table_node_alloc,get_slot", 1, 4);
    hunt.settings.replay = true;
    calls_of_clone = 0;
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        hunt.exhaust = exhaust_create(hunt.lab.lockstep, &hunt.settings, report);
        exhaust_run(hunt.exhaust);
        _exit(1);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(report->end, EXHAUST_GOES_ON);
    assert_int_equal(report->steps[report->nr_ops - 1].status, STEP_STARTED);
    assert_int_equal(report->ops[report->nr_ops - 1].op, OP_frame_clone);
    /* On the way to a state that was reached before. */
    assert_true(report->nr_ops <= report->complete_depth);
    munmap(report, sizeof(*report));
    hunt.exhaust = NULL;
    hunt_destroy(&hunt);
}

/* A subject that cannot return from panics: a crash in the child that provokes them is a finding. */
static uint32_t crash_at_saturation(struct slotcheck_region *region, uint64_t frame,
                                    uint64_t *clone)
{
    if (count_of(region, frame) == SPEC_REF_COUNT_MAX)
        _exit(5);
    return builtin()->frame_clone(region, frame, clone);
}

static void crashes_in_children_are_found(void **state)
{
    struct slotcheck_subject subject = *builtin();
    struct hunt hunt;

    (void)state;
    subject.capabilities &= ~(uint64_t)SLOTCHECK_CAN_RETURN_FROM_PANIC;
    subject.frame_clone = crash_at_saturation;
    hunt_prepare(&hunt, &subject, "setup,frame_from_raw,frame_clone", 1, 4);
    hunt_run(&hunt);
    assert_int_equal(hunt.report.end, EXHAUST_DIVERGED);
    assert_int_equal(hunt.report.divergence.kind, FINDING_CRASH);
    assert_int_equal(hunt.report.divergence.signal, -6);
    assert_int_equal(hunt.report.nr_ops, 3);
    assert_same_alone(&hunt);
    hunt_destroy(&hunt);
}

/* --- cells --- */

static void cells_have_texts_of_their_own(void **state)
{
    struct hunt hunt;
    char(*texts)[CELL_TEXT_SIZE];
    size_t n = 0;

    (void)state;
    hunt_prepare(&hunt, builtin(), "all", 2, 2);
    hunt_run(&hunt);

    const struct cell_set *set = &hunt.lab.stats->cells;

    texts = calloc(set->nr, sizeof(*texts));
    assert_non_null(texts);
    for (size_t i = 0; i < CELL_SET_CAPACITY; i++)
        if (set->cells[i])
            cell_text(set->cells[i], texts[n++], sizeof(*texts));
    assert_int_equal(n, set->nr);
    qsort(texts, n, sizeof(*texts), (int (*)(const void *, const void *))strcmp);
    for (size_t i = 1; i < n; i++)
        assert_string_not_equal(texts[i - 1], texts[i]);
    free(texts);
    hunt_destroy(&hunt);
}

/* The text of the cell of the program's last operation. */
static void assert_cell(const char *program_text, const char *expected)
{
    struct lab lab;
    struct program program;
    struct program_error error;
    struct trace *trace = trace_create(20);
    char text[300];

    lab_create(&lab, builtin());
    program_init(&program);
    snprintf(text, sizeof(text), "slotcheck program 2\nslots 2\n%s", program_text);
    assert_true(program_parse(&program, text, strlen(text), &error));
    assert_true(lockstep_run(lab.lockstep, &program, trace));
    assert_int_equal(trace->nr_steps, program.nr_ops);
    assert_int_equal(trace->steps[trace->nr_steps - 1].status, STEP_EXECUTED);
    assert_int_equal(cell_op(trace->steps[trace->nr_steps - 1].cell),
                     program.ops[program.nr_ops - 1].op);
    cell_text(trace->steps[trace->nr_steps - 1].cell, text, sizeof(text));
    assert_string_equal(text, expected);
    program_free(&program);
    trace_destroy(trace);
    lab_destroy(&lab);
}

static void classes_have_the_right_borders(void **state)
{
    (void)state;
    assert_cell("get_slot(p0)", "get_slot Ok");
    assert_cell("get_slot(p0+1)", "get_slot NotAligned unaligned");
    assert_cell("get_slot(oob0)", "get_slot OutOfBound outside");
    assert_cell("lemma_layout()", "lemma_layout Ok nowhere");
#define FRAMES "frame_from_unused(p0, probe(1))\n"
    assert_cell(FRAMES "get_slot(p0)", "get_slot Ok SHARED Frame probe frames=1");
    assert_cell(FRAMES "get_slot(p1)", "get_slot Ok");
    assert_cell(FRAMES "frame_clone(f0)\nget_slot(p0)", "get_slot Ok SHARED Frame probe frames=2+");
    assert_cell(FRAMES "frame_clone(f0)\nframe_clone(f0)\nget_slot(p0)",
                "get_slot Ok SHARED Frame probe frames=2+");
    assert_cell(FRAMES "frame_into_raw(f0)\nget_slot(p0)",
                "get_slot Ok SHARED Frame probe forgotten=1");
    assert_cell(FRAMES "frame_clone(f0)\nframe_clone(f0)\nframe_into_raw(f0)\nframe_into_raw(f0)\n"
                       "get_slot(p0)",
                "get_slot Ok SHARED Frame probe frames=1 forgotten=2+");
#undef FRAMES
    assert_cell("setup(s0, MAX-2, probe(1))\nget_slot(p0)",
                "get_slot Ok SHARED Frame probe forgotten=2+");
    assert_cell("setup(s0, MAX-1, probe(1))\nget_slot(p0)",
                "get_slot Ok SHARED Frame probe forgotten=2+ count=MAX-1");
    assert_cell("setup(s0, MAX, probe(1))\nget_slot(p0)",
                "get_slot Ok SHARED Frame probe forgotten=2+ count=MAX");
    assert_cell("setup(s0, MAX+1, probe(1))\nget_slot(p0)",
                "get_slot Ok OVERFLOW Frame probe overflow forgotten=2+ count>MAX");
    assert_cell("setup(s0, UNIQUE-1, probe(1))\nget_slot(p0)",
                "get_slot Ok OVERFLOW Frame probe overflow forgotten=2+ count>MAX");
    assert_cell("unique_frame_from_unused(p0, link(4))\nget_slot(p0)",
                "get_slot Ok UNIQUE Frame link unique=live");
    assert_cell("unique_frame_from_unused(p0, link(4))\nunique_frame_into_raw(u0)\nget_slot(p0)",
                "get_slot Ok UNIQUE Frame link unique=forgotten");
#define LIST "list_new()\nunique_frame_from_unused(p0, link(4))\n"
    assert_cell("list_new()\nlist_drop(l0)", "list_drop Ok nowhere");
    assert_cell(LIST "list_push_back(l0, u0)", "list_push_back Ok UNIQUE Frame link unique=live");
    assert_cell(LIST "list_push_back(l0, u0)\nlist_drop(l0)", "list_drop Ok nowhere elements=1");
    assert_cell(LIST "list_push_back(l0, u0)\nunique_frame_from_unused(p1, link(4))\n"
                     "list_push_back(l0, u0)\nlist_drop(l0)",
                "list_drop Ok nowhere elements=2+");
    assert_cell(LIST "list_push_back(l0, u0)\nlist_cursor_front_mut(l0)\ncursor_move_next(c0)",
                "cursor_move_next Ok nowhere elements=1 cursor=frame");
    assert_cell(LIST "list_push_back(l0, u0)\nlist_cursor_front_mut(l0)\ncursor_move_next(c0)\n"
                     "cursor_move_next(c0)",
                "cursor_move_next Ok nowhere elements=1 cursor=ghost");
#undef LIST
    assert_cell("segment_from_unused(p0, 2, probe(1))\nsegment_clone(seg0)\nget_slot(p1)",
                "get_slot Ok SHARED Frame probe segments=2+");
}

static void a_full_table_counts_what_is_lost(void **state)
{
    struct cell_set *set = calloc(1, sizeof(*set));
    const uint64_t room = CELL_SET_CAPACITY / 4 * 3;

    (void)state;
    assert_non_null(set);
    assert_false(cell_set_has(set, 1));
    for (uint64_t cell = 1; cell <= room; cell++) {
        assert_true(cell_set_add(set, cell));
        assert_false(cell_set_add(set, cell));
    }
    assert_int_equal(set->nr, room);
    assert_int_equal(set->lost, 0);
    for (uint64_t cell = room + 1; cell <= room + 1000; cell++)
        assert_false(cell_set_add(set, cell));
    assert_int_equal(set->nr, room);
    assert_int_equal(set->lost, 1000);
    for (uint64_t cell = 1; cell <= room + 1000; cell++)
        assert_int_equal(cell_set_has(set, cell), cell <= room);
    /* What is there is still no loss. */
    assert_false(cell_set_add(set, 1));
    assert_int_equal(set->lost, 1000);
    free(set);
}

/* --- scopes --- */

static unsigned nr_ops_of(const char *names)
{
    struct scope scope;
    char wrong[80];
    unsigned n = 0;

    scope_init(&scope, 2);
    assert_true(scope_add_ops(&scope, names, wrong, sizeof(wrong)));
    for (int op = 0; op < NR_OPS; op++)
        n += scope.ops[op];
    return n;
}

static void groups_part_the_operations(void **state)
{
    unsigned groups[NR_OPS] = {0};
    unsigned n = 0;
    char wrong[80];

    (void)state;
    for (int g = 0; SCOPE_GROUPS[g]; g++) {
        struct scope scope;

        scope_init(&scope, 1);
        assert_true(scope_add_ops(&scope, SCOPE_GROUPS[g], wrong, sizeof(wrong)));
        for (int op = 0; op < NR_OPS; op++)
            groups[op] += scope.ops[op];
        n += nr_ops_of(SCOPE_GROUPS[g]);
    }
    for (int op = 0; op < NR_OPS; op++) {
        assert_int_equal(groups[op], 1);
        assert_int_equal(nr_ops_of(OPS[op].name), 1);
    }
    assert_int_equal(n, NR_OPS);
    assert_int_equal(nr_ops_of("all"), NR_OPS);
    assert_int_equal(nr_ops_of("get_slot,get_slot,slot"), nr_ops_of("slot"));
    assert_int_equal(nr_ops_of(SCOPE_DEFAULT_OPS), 1 + nr_ops_of("slot") + nr_ops_of("frame") +
                                                       nr_ops_of("unique") + nr_ops_of("node"));
}

static void wrong_names_are_named(void **state)
{
    static const struct {
        const char *names, *wrong;
    } CASES[] = {
        {"", ""},         {"nothing", "nothing"}, {"frame,", ""},         {",frame", ""},
        {"fram", "fram"}, {"frames", "frames"},   {"frame,no,nor", "no"}, {"frame ", "frame "},
        {"All", "All"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct scope scope;
        char wrong[80] = "untouched";

        scope_init(&scope, 1);
        assert_false(scope_add_ops(&scope, CASES[i].names, wrong, sizeof(wrong)));
        assert_string_equal(wrong, CASES[i].wrong);
    }
}

static void every_operand_has_values(void **state)
{
    (void)state;
    for (uint64_t nr_slots = 1; nr_slots <= SCOPE_MAX_SLOTS; nr_slots++) {
        struct scope scope;

        scope_init(&scope, nr_slots);
        for (int op = 0; op < NR_OPS; op++)
            for (int at = 0; at < PROGRAM_MAX_OPERANDS; at++) {
                const enum operand_kind kind = OPS[op].operand[at];
                const bool is_handle = kind == OPERAND_FRAME || kind == OPERAND_UNIQUE ||
                                       kind == OPERAND_LIST || kind == OPERAND_CURSOR ||
                                       kind == OPERAND_SEGMENT || kind == OPERAND_MAPPING;

                assert_int_equal(scope.nr_values[kind] == 0, is_handle);
                assert_true(scope.nr_values[kind] <= SCOPE_MAX_VALUES);
                for (int v = 0; v < scope.nr_values[kind]; v++)
                    assert_true(OPERAND_WIDTH[kind] == 2 ||
                                scope.values[kind][v] < 1U << (8 * OPERAND_WIDTH[kind]));
            }
        /* No value twice. */
        for (int kind = 0; kind < NR_OPERAND_KINDS; kind++)
            for (int v = 0; v < scope.nr_values[kind]; v++)
                for (int w = 0; w < v; w++)
                    assert_int_not_equal(scope.values[kind][v], scope.values[kind][w]);
    }
}

/* The values are such that every operation succeeds, and soon. */
static void every_operation_succeeds_somewhere(void **state)
{
    static const struct small_scope SCOPES[] = {
        {"all", 2, 2},
        {"list,unique_frame_from_unused", 1, 5},
        {"frame_from_unused,map,segment_from_unused,segment_next,segment_split", 2, 3},
        {"frame,unique,repr", 1, 3},
        {"boot,map", 1, 3},
    };
    struct lockstep_stats *sum = calloc(1, sizeof(*sum));

    (void)state;
    assert_non_null(sum);
    for (size_t i = 0; i < sizeof(SCOPES) / sizeof(SCOPES[0]); i++) {
        struct hunt hunt;

        hunt_prepare(&hunt, builtin(), SCOPES[i].ops, SCOPES[i].nr_slots, SCOPES[i].depth);
        hunt_run(&hunt);
        assert_int_equal(hunt.report.end, EXHAUST_COMPLETE);
        lockstep_stats_add(sum, hunt.lab.stats);
        hunt_destroy(&hunt);
    }
    for (int op = 0; op < NR_OPS; op++)
        if (!sum->executed[op][SPEC_OK])
            fail_msg("%s never succeeds", OPS[op].name);
    free(sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_are_one_if_they_go_on_alike),
        cmocka_unit_test(detours_leave_no_trace),
        cmocka_unit_test(moved_is_another_state),
        cmocka_unit_test(numbers_tell_handles),
        cmocka_unit_test(marks_end_with_the_program),
        cmocka_unit_test(canonical_is_as_good_as_exact),
        cmocka_unit_test(snapshots_are_as_good_as_replay),
        cmocka_unit_test(search_is_as_good_as_recursion),
        cmocka_unit_test(cover_has_all_and_nothing_twice),
        cmocka_unit_test(cover_ends_when_nothing_is_taken_any_more),
        cmocka_unit_test(memory_is_a_limit),
        cmocka_unit_test(stop_stops),
        cmocka_unit_test(closed_scopes_are_closed),
        cmocka_unit_test(the_deepest_search),
        cmocka_unit_test(divergences_are_shortest),
        cmocka_unit_test(failures_are_said),
        cmocka_unit_test(exact_follows_what_fails),
        cmocka_unit_test(cover_of_an_exact_search),
        cmocka_unit_test(snapshots_have_one_size),
        cmocka_unit_test(the_report_says_what_was_run_last),
        cmocka_unit_test(crashes_in_children_are_found),
        cmocka_unit_test(cells_have_texts_of_their_own),
        cmocka_unit_test(classes_have_the_right_borders),
        cmocka_unit_test(a_full_table_counts_what_is_lost),
        cmocka_unit_test(groups_part_the_operations),
        cmocka_unit_test(wrong_names_are_named),
        cmocka_unit_test(every_operand_has_values),
        cmocka_unit_test(every_operation_succeeds_somewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
