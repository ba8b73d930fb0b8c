/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Segments, mappings, the memory map and references that do not count: the reference against the
 * judge in random programs with an account of their own, then each operation at its edges.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "metaslot_oracle.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#define OPERATION_LIST(OPERATION)                                                                  \
    OPERATION(setup)                                                                               \
    OPERATION(get_from_unused)                                                                     \
    OPERATION(repark)                                                                              \
    OPERATION(get_from_in_use)                                                                     \
    OPERATION(drop_last_in_place)                                                                  \
    OPERATION(frame_from_unused)                                                                   \
    OPERATION(frame_from_in_use)                                                                   \
    OPERATION(frame_clone)                                                                         \
    OPERATION(frame_drop)                                                                          \
    OPERATION(frame_into_raw)                                                                      \
    OPERATION(frame_from_raw)                                                                      \
    OPERATION(unique_frame_from_unused)                                                            \
    OPERATION(unique_frame_try_from)                                                               \
    OPERATION(unique_frame_into_raw)                                                               \
    OPERATION(page_table_node_alloc)                                                               \
    OPERATION(memory_range)                                                                        \
    OPERATION(frame_borrow)                                                                        \
    OPERATION(frame_try_from)                                                                      \
    OPERATION(frame_map)                                                                           \
    OPERATION(frame_unmap)                                                                         \
    OPERATION(mmio_map)                                                                            \
    OPERATION(mmio_unmap)                                                                          \
    OPERATION(segment_from_unused)                                                                 \
    OPERATION(segment_clone)                                                                       \
    OPERATION(segment_slice)                                                                       \
    OPERATION(segment_split)                                                                       \
    OPERATION(segment_next)                                                                        \
    OPERATION(segment_into_raw)                                                                    \
    OPERATION(segment_from_raw)                                                                    \
    OPERATION(segment_drop)                                                                        \
    OPERATION(segment_from_frame)

enum operation {
#define OPERATION(name) OP_##name,
    OPERATION_LIST(OPERATION)
#undef OPERATION
        NR_OPERATIONS
};

static const struct {
    const char *name;
    spec_requires_fn *requires;
    spec_reference_fn *reference;
    spec_judge_fn *judge;
} OPERATIONS[NR_OPERATIONS] = {
#define OPERATION(name_)                                                                           \
    {.name = #name_,                                                                               \
     .requires = requires_##name_,                                                                 \
     .reference = reference_##name_,                                                               \
     .judge = judge_##name_},
    OPERATION_LIST(OPERATION)
#undef OPERATION
};
#undef OPERATION_LIST

enum { PAGE = 4096 };

/* --- random programs ------------------------------------------------------------------------- */

enum { MAX_SLOTS = 8, MAX_SEGMENTS = 16, NR_PROGRAMS = 8000, NR_STEPS = 60 };

struct segment {
    uint64_t start, end;
};

struct run {
    struct reference ref;
    struct meta_region_owners base; /* ref.owners is a change of it */
    struct segment segments[MAX_SEGMENTS];
    uint64_t nr_segments;
    struct clause_report report;
    uint64_t random;
    uint64_t executed[NR_OPERATIONS][SPEC_NONE + 1];
};

/* splitmix64 */
static uint64_t draw(struct run *run, uint64_t below)
{
    uint64_t z = run->random += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % below;
}

static bool takes_segment(enum operation op)
{
    return op == OP_segment_clone || op == OP_segment_slice || op == OP_segment_split ||
           op == OP_segment_next || op == OP_segment_into_raw || op == OP_segment_drop;
}

static bool consumes_segment(enum operation op)
{
    return op == OP_segment_split || op == OP_segment_next || op == OP_segment_into_raw ||
           op == OP_segment_drop;
}

/* Mostly pages, now and then not quite or a negative number of them. */
static uint64_t draw_length(struct run *run)
{
    const uint64_t pages = (1 + draw(run, 3)) * PAGE;

    switch (draw(run, 24)) {
    case 0:
        return pages + 1;
    case 1:
        return -pages;
    case 2:
        return (MAX_SLOTS + 1) * PAGE;
    case 3:
        return 0;
    default:
        return pages;
    }
}

static uint64_t draw_count(struct run *run)
{
    static const uint64_t COUNTS[] = {0, 1, 2, 3, SPEC_REF_COUNT_MAX - 1, SPEC_REF_COUNT_MAX};

    return COUNTS[draw(run, LENGTH(COUNTS))];
}

static uint64_t draw_usage(struct run *run)
{
    static const uint64_t USAGES[] = {SPEC_USAGE_RESERVED, SPEC_USAGE_META, SPEC_USAGE_KERNEL,
                                      SPEC_USAGE_MMIO};

    return USAGES[draw(run, LENGTH(USAGES))];
}

/* A call of the operation; false if it is not legal. `which` is the segment's place. */
static bool draw_any_call(struct run *run, enum operation op, struct spec_call *call,
                          uint64_t *which)
{
    *call = (struct spec_call){
        .paddr = draw(run, run->ref.owners.max_meta_slots) * PAGE + (draw(run, 60) == 0),
        .length = {draw_length(run), draw_length(run)},
        .path = draw(run, 4),
        .type = draw(run, 5),
        .usage = draw_usage(run),
        .count = draw_count(run),
        .variant = draw(run, 2) ? SPEC_VOSTD : SPEC_OSTD,
        .as_unique = draw(run, 2),
        .metadata.type = op == OP_page_table_node_alloc ? SPEC_METADATA_PT_NODE : draw(run, 5),
    };
    if (takes_segment(op)) {
        if (run->nr_segments == 0)
            return false;
        *which = draw(run, run->nr_segments);
        call->paddr = run->segments[*which].start;
        call->end = run->segments[*which].end;
    }
    return OPERATIONS[op].requires(&run->ref, call);
}

/* A legal one, if there are many. */
static bool draw_call(struct run *run, enum operation op, struct spec_call *call, uint64_t *which)
{
    for (int i = 0; i < 32; i++)
        if (draw_any_call(run, op, call, which))
            return true;
    return false;
}

static void keep_segment(struct run *run, uint64_t start, uint64_t end)
{
    run->segments[run->nr_segments++] = (struct segment){start, end};
}

/* The segments that are alive after the step, from its outcome. */
static void follow_segments(struct run *run, enum operation op, uint64_t which,
                            const struct spec_outcome *outcome)
{
    const bool makes = op == OP_segment_from_unused || op == OP_segment_clone ||
                       op == OP_segment_slice || op == OP_segment_split || op == OP_segment_next ||
                       op == OP_segment_from_raw || op == OP_segment_from_frame;

    if (consumes_segment(op))
        run->segments[which] = run->segments[--run->nr_segments];
    if (makes)
        keep_segment(run, outcome->detail[0], outcome->detail[1]);
    if (op == OP_segment_split)
        keep_segment(run, outcome->detail[2], outcome->detail[3]);
}

static uint64_t nr_covering(const struct run *run, uint64_t paddr)
{
    uint64_t n = 0;

    for (uint64_t i = 0; i < run->nr_segments; i++)
        n += run->segments[i].start <= paddr && paddr < run->segments[i].end;
    return n;
}

/* Every path stands at one slot at most, and is known to be taken. */
static void check_paths(const struct run *run)
{
    uint64_t seen = 0;

    for (uint64_t i = 0; i < run->base.max_meta_slots; i++) {
        const uint64_t paths = run->ref.owners.slot_owners[i].paths_in_pt;

        assert_int_equal(seen & paths, 0);
        seen |= paths;
    }
    assert_int_equal(seen, run->ref.paths_in_use);
}

static void check_slots(struct run *run, enum operation op)
{
    const struct reference *ref = &run->ref;

    clause_report_begin(&run->report);
    for (uint64_t i = 0; i < run->base.max_meta_slots; i++) {
        const bool exempt = ref->exempt[i] != EXEMPT_NOT;

        assert_int_equal(ref->holders[i].segments, nr_covering(run, index_to_frame(i)));
        if ((!exempt && !meta_region_owners_inv_at(&ref->owners, i, &run->report)) ||
            !segment_inv_at(&ref->owners, i, &ref->holders[i], &run->report) ||
            !accounting(&ref->owners, i, &ref->holders[i], &run->report))
            fail_msg("after %s %s does not hold", OPERATIONS[op].name,
                     CLAUSES[run->report.failed[0]].id);
    }
    check_paths(run);
}

/* False where the program ends. */
static bool step(struct run *run, enum operation op)
{
    struct spec_outcome outcome;
    struct spec_call call;
    uint64_t which = 0;

    if (run->nr_segments + 2 > MAX_SEGMENTS || !draw_call(run, op, &call, &which))
        return true;
    reference_begin(&run->ref);
    memset(&outcome, 0xa5, sizeof(outcome));
    OPERATIONS[op].reference(&run->ref, &call, &outcome);
    run->executed[op][outcome.result]++;
    clause_report_begin(&run->report);
    if (!OPERATIONS[op].judge(&run->base, &run->ref.owners, &call, &outcome, &run->report))
        fail_msg("the reference's %s breaks %s", OPERATIONS[op].name,
                 CLAUSES[run->report.failed[0]].id);
    if (outcome.result == SPEC_PANIC)
        return false;
    if (outcome.result == SPEC_OK)
        follow_segments(run, op, which, &outcome);
    check_slots(run, op);
    meta_region_owners_commit(&run->base, &run->ref.owners);
    return true;
}

static void begin_program(struct run *run, uint64_t nr_slots)
{
    reference_boot(&run->ref, nr_slots);
    meta_region_owners_boot(&run->base, nr_slots);
    meta_region_owners_rebase(&run->ref.owners, &run->base);
    run->nr_segments = 0;
}

static int create_run(void **state)
{
    static struct run run;

    run.random = 21;
    *state = &run;
    return reference_create(&run.ref, MAX_SLOTS) && meta_region_owners_create(&run.base, MAX_SLOTS)
               ? 0
               : -1;
}

static int destroy_run(void **state)
{
    struct run *run = *state;

    reference_destroy(&run->ref);
    meta_region_owners_destroy(&run->base);
    return 0;
}

static void check_coverage(const struct run *run)
{
    static const struct {
        enum operation op;
        enum spec_result result;
    } OTHERS[] = {
        {OP_segment_from_unused, SPEC_NOT_ALIGNED},
        {OP_segment_from_unused, SPEC_OUT_OF_BOUND},
        {OP_segment_from_unused, SPEC_IN_USE},
        {OP_segment_from_unused, SPEC_UNIQUE},
        {OP_segment_from_unused, SPEC_BUSY},
        {OP_segment_from_unused, SPEC_PANIC},
        {OP_segment_clone, SPEC_PANIC},
        {OP_segment_slice, SPEC_PANIC},
        {OP_segment_split, SPEC_PANIC},
        {OP_segment_next, SPEC_NONE},
        {OP_frame_try_from, SPEC_RETURNED},
    };

    for (int op = 0; op < NR_OPERATIONS; op++)
        if (run->executed[op][SPEC_OK] < 50)
            fail_msg("%s hardly ever succeeds", OPERATIONS[op].name);
    for (size_t i = 0; i < LENGTH(OTHERS); i++)
        if (run->executed[OTHERS[i].op][OTHERS[i].result] < 20)
            fail_msg("%s hardly ever ends with %d", OPERATIONS[OTHERS[i].op].name,
                     OTHERS[i].result);
}

/* The memory map comes first, and leaves something. */
static enum operation draw_operation(struct run *run, int i)
{
    const enum operation op = (enum operation)draw(run, NR_OPERATIONS);

    if (op == OP_memory_range && i > 7)
        return OP_segment_from_unused;
    return op;
}

static void test_random_programs_satisfy_the_judge(void **state)
{
    struct run *run = *state;

    for (int program = 0; program < NR_PROGRAMS; program++) {
        bool go_on = true;

        begin_program(run, 1 + draw(run, MAX_SLOTS));
        for (int i = 0; i < NR_STEPS && go_on; i++)
            go_on = step(run, draw_operation(run, i));
    }
    check_coverage(run);
}

/* --- each operation by itself ---------------------------------------------------------------- */

/* As many slots as make more on_drop runs than are kept. */
enum { NR_SLOTS = SPEC_MAX_DROPS + 8 };

static const struct meta_slot_storage PROBE = {.type = SPEC_METADATA_PROBE, .probe.payload = 70};
static const struct meta_slot_storage UNTYPED = {.type = SPEC_METADATA_UNTYPED};

static int create_reference(void **state)
{
    static struct reference ref;

    *state = &ref;
    return reference_create(&ref, NR_SLOTS) ? 0 : -1;
}

static int destroy_reference(void **state)
{
    reference_destroy(*state);
    return 0;
}

static struct spec_outcome run_op(struct reference *ref, enum operation op, struct spec_call call)
{
    struct spec_outcome outcome;

    if (!OPERATIONS[op].requires(ref, &call))
        fail_msg("%s may not be called here", OPERATIONS[op].name);
    reference_begin(ref);
    memset(&outcome, 0xa5, sizeof(outcome));
    OPERATIONS[op].reference(ref, &call, &outcome);
    return outcome;
}

static bool may(const struct reference *ref, enum operation op, struct spec_call call)
{
    return OPERATIONS[op].requires(ref, &call);
}

/* The frame `i`, with the metadata. */
static struct spec_call at(uint64_t i, struct meta_slot_storage metadata)
{
    return (struct spec_call){.paddr = i * PAGE, .metadata = metadata};
}

/* The `n` frames from `i` on: asked for by length, and as a segment. */
static struct spec_call frames(uint64_t i, uint64_t n)
{
    return (struct spec_call){
        .paddr = i * PAGE, .end = (i + n) * PAGE, .length = {n * PAGE, 0}, .metadata = PROBE};
}

static struct spec_call cut(struct spec_call call, uint64_t from, uint64_t length)
{
    call.length[0] = from;
    call.length[1] = length;
    return call;
}

static struct spec_call path(struct spec_call call, uint64_t path)
{
    call.path = path;
    return call;
}

static void expect(struct reference *ref, enum operation op, struct spec_call call,
                   enum spec_result result)
{
    const struct spec_outcome outcome = run_op(ref, op, call);

    if (outcome.result != result)
        fail_msg("%s ends with %d", OPERATIONS[op].name, outcome.result);
}

static void expect_range(struct reference *ref, enum operation op, struct spec_call call,
                         uint64_t first, uint64_t end)
{
    const struct spec_outcome outcome = run_op(ref, op, call);

    assert_int_equal(outcome.result, SPEC_OK);
    assert_int_equal(outcome.detail[0], first * PAGE);
    assert_int_equal(outcome.detail[1], end * PAGE);
}

static const struct meta_slot_owner *slot(const struct reference *ref, uint64_t i)
{
    return slot_owner_at(&ref->owners, i);
}

static uint64_t count_at(const struct reference *ref, uint64_t i)
{
    return slot(ref, i)->inner_perms.ref_count.value;
}

/* What a slot counts, who has the references, and what is owed. */
static void check_slot(const struct reference *ref, uint64_t i, uint64_t count,
                       struct slot_holders holders)
{
    assert_int_equal(count_at(ref, i), count);
    assert_memory_equal(&ref->holders[i], &holders, sizeof(holders));
    assert_int_equal(ref->owners.frame_obligations[i],
                     holders.live_frames + holders.live_unique_frames);
}

static void boot(struct reference *ref)
{
    reference_boot(ref, NR_SLOTS);
}

static void test_metadata_moves_on_with_the_frame(void **state)
{
    struct spec_call call = {.metadata = {.type = SPEC_METADATA_EMPTY, .empty.bytes = {0x1fe, 5}}};
    struct meta_slot_storage metadata = segment_metadata(&call, 3);

    (void)state;
    assert_int_equal(metadata.empty.bytes[0], 0x101);
    assert_int_equal(metadata.empty.bytes[1], 5);
    call.metadata = (struct meta_slot_storage){.type = SPEC_METADATA_FRAME_LINK,
                                               .frame_link = {.next = 9, .payload = UINT64_MAX}};
    metadata = segment_metadata(&call, 2);
    assert_int_equal(metadata.frame_link.payload, 1);
    assert_int_equal(metadata.frame_link.next, 9);
    call.metadata = (struct meta_slot_storage){.type = SPEC_METADATA_PT_NODE,
                                               .pt_node = {.nr_children = 512, .level = 2}};
    metadata = segment_metadata(&call, 1);
    assert_int_equal(metadata.pt_node.nr_children, 0);
    assert_int_equal(metadata.pt_node.level, 2);
    call.metadata = PROBE;
    assert_int_equal(segment_metadata(&call, 0).probe.payload, 70);
    assert_int_equal(segment_metadata(&call, 5).probe.payload, 75);
    call.metadata = UNTYPED;
    metadata = segment_metadata(&call, 5);
    assert_true(meta_slot_storage_equal(&metadata, &UNTYPED));
}

static void test_from_unused_makes_every_frame(void **state)
{
    struct reference *ref = *state;

    boot(ref);
    expect_range(ref, OP_segment_from_unused, frames(2, 3), 2, 5);
    for (uint64_t i = 2; i < 5; i++) {
        check_slot(ref, i, 1, (struct slot_holders){.segments = 1});
        assert_int_equal(slot(ref, i)->usage, SPEC_USAGE_FRAME);
        assert_int_equal(slot(ref, i)->inner_perms.storage.value.probe.payload, 70 + i - 2);
    }
    assert_int_equal(count_at(ref, 1), SPEC_REF_COUNT_UNUSED);
    assert_int_equal(count_at(ref, 5), SPEC_REF_COUNT_UNUSED);
    expect_range(ref, OP_segment_from_unused, frames(NR_SLOTS - 1, 1), NR_SLOTS - 1, NR_SLOTS);
}

static void test_from_unused_of_a_bad_range(void **state)
{
    static const struct {
        uint64_t paddr, length;
        enum spec_result result;
    } RANGES[] = {
        {1, PAGE, SPEC_NOT_ALIGNED},
        {0, PAGE + 1, SPEC_NOT_ALIGNED},
        {1, 0, SPEC_NOT_ALIGNED},
        {NR_SLOTS * PAGE, PAGE + 1, SPEC_NOT_ALIGNED},
        {0, (NR_SLOTS + 1) * PAGE, SPEC_OUT_OF_BOUND},
        {NR_SLOTS * PAGE, PAGE, SPEC_OUT_OF_BOUND},
        {(NR_SLOTS + 1) * PAGE, 0, SPEC_OUT_OF_BOUND},
        {(NR_SLOTS + 9) * PAGE, -(uint64_t)PAGE, SPEC_OUT_OF_BOUND},
        {PAGE, 0, SPEC_PANIC},
        {NR_SLOTS * PAGE, 0, SPEC_PANIC},
        {2 * PAGE, -(uint64_t)PAGE, SPEC_PANIC},
        {-(uint64_t)PAGE, PAGE, SPEC_PANIC}, /* ends at 0 */
        {0, -(uint64_t)PAGE, SPEC_OUT_OF_BOUND},
    };
    struct reference *ref = *state;

    boot(ref);
    for (size_t i = 0; i < LENGTH(RANGES); i++) {
        const struct spec_call call = {.paddr = RANGES[i].paddr, .length = {RANGES[i].length}};

        expect(ref, OP_segment_from_unused, call, RANGES[i].result);
    }
}

/* The frame `taken` of a segment of five makes it fail with `result`. */
static void check_rollback(struct reference *ref, uint64_t taken, enum spec_result result)
{
    expect(ref, OP_segment_from_unused, frames(0, 5), result);
    assert_int_equal(ref->nr_drops, taken);
    for (uint64_t i = 0; i < 5; i++) {
        if (i == taken)
            continue;
        check_slot(ref, i, SPEC_REF_COUNT_UNUSED, (struct slot_holders){0});
        assert_int_equal(slot(ref, i)->usage, i < taken ? SPEC_USAGE_FRAME : SPEC_USAGE_UNUSED);
    }
    for (uint64_t i = 0; i < taken; i++) {
        assert_int_equal(ref->drops[i].paddr, i * PAGE);
        assert_int_equal(ref->drops[i].metadata.probe.payload, 70 + i);
    }
}

static void test_from_unused_drops_what_it_made(void **state)
{
    static const struct {
        enum operation op;
        uint64_t count;
        enum spec_result result;
    } TAKEN[] = {
        {OP_frame_from_unused, 0, SPEC_IN_USE},
        {OP_unique_frame_from_unused, 0, SPEC_UNIQUE},
        {OP_setup, 0, SPEC_BUSY},
        {OP_setup, SPEC_REF_COUNT_MAX + 1, SPEC_IN_USE},
    };

    for (size_t i = 0; i < LENGTH(TAKEN); i++)
        for (uint64_t taken = 0; taken < 5; taken += 2) {
            struct spec_call call = at(taken, PROBE);

            boot(*state);
            call.count = TAKEN[i].count;
            expect(*state, TAKEN[i].op, call, SPEC_OK);
            check_rollback(*state, taken, TAKEN[i].result);
        }
}

/* An error of the first frame does not ask what the others are, but they may not be half-made. */
static void test_from_unused_beside_a_slot_handed_out(void **state)
{
    struct reference *ref = *state;

    boot(ref);
    expect(ref, OP_get_from_unused, at(2, PROBE), SPEC_OK);
    assert_false(may(ref, OP_segment_from_unused, frames(1, 2)));
    assert_true(may(ref, OP_segment_from_unused, frames(0, 2)));
    assert_true(may(ref, OP_segment_from_unused, frames(2, 0)));
}

static void test_clone_and_slice_count(void **state)
{
    struct reference *ref = *state;

    boot(ref);
    expect_range(ref, OP_segment_from_unused, frames(0, 3), 0, 3);
    expect_range(ref, OP_segment_clone, frames(0, 3), 0, 3);
    expect_range(ref, OP_segment_slice, cut(frames(0, 3), PAGE, 2 * PAGE), 1, 3);
    check_slot(ref, 0, 2, (struct slot_holders){.segments = 2});
    check_slot(ref, 1, 3, (struct slot_holders){.segments = 3});
    check_slot(ref, 2, 3, (struct slot_holders){.segments = 3});
    check_slot(ref, 3, SPEC_REF_COUNT_UNUSED, (struct slot_holders){0});
}

static void test_empty_slices(void **state)
{
    struct reference *ref = *state;

    boot(ref);
    expect_range(ref, OP_segment_from_unused, frames(1, 2), 1, 3);
    for (uint64_t i = 0; i <= 2; i++)
        expect_range(ref, OP_segment_slice, cut(frames(1, 2), i * PAGE, 0), 1 + i, 1 + i);
    check_slot(ref, 1, 1, (struct slot_holders){.segments = 1});
    /* An empty segment holds nothing, whatever is there. */
    expect_range(ref, OP_segment_clone, frames(5, 0), 5, 5);
    expect_range(ref, OP_segment_slice, cut(frames(5, 0), 0, 0), 5, 5);
    expect_range(ref, OP_segment_into_raw, frames(5, 0), 5, 5);
    /* Nothing was forgotten that could be brought back. */
    assert_false(may(ref, OP_segment_from_raw, frames(5, 0)));
    assert_false(may(ref, OP_segment_from_raw, frames(1, 0)));
    expect(ref, OP_segment_next, frames(5, 0), SPEC_NONE);
    expect(ref, OP_segment_split, cut(frames(5, 0), 0, 0), SPEC_PANIC);
    expect(ref, OP_segment_drop, frames(5, 0), SPEC_OK);
}

static void test_slice_out_of_bounds(void **state)
{
    static const uint64_t PARTS[][2] = {
        {1, PAGE},
        {0, PAGE + 1},
        {0, 4 * PAGE},
        {4 * PAGE, 0},
        {2 * PAGE, 2 * PAGE},
        {2 * PAGE, -(uint64_t)PAGE},
        {-(uint64_t)PAGE, PAGE}, /* from far behind to 0 */
        {-(uint64_t)PAGE, 2 * PAGE},
    };
    struct reference *ref = *state;

    boot(ref);
    expect_range(ref, OP_segment_from_unused, frames(1, 3), 1, 4);
    for (size_t i = 0; i < LENGTH(PARTS); i++)
        expect(ref, OP_segment_slice, cut(frames(1, 3), PARTS[i][0], PARTS[i][1]), SPEC_PANIC);
    check_slot(ref, 1, 1, (struct slot_holders){.segments = 1});
}

static void test_split(void **state)
{
    static const uint64_t PANICS[] = {
        0, 1, PAGE - 1, PAGE + 2048, 3 * PAGE, 4 * PAGE, -(uint64_t)PAGE,
    };
    struct reference *ref = *state;
    struct spec_outcome outcome;

    boot(ref);
    expect_range(ref, OP_segment_from_unused, frames(1, 3), 1, 4);
    for (size_t i = 0; i < LENGTH(PANICS); i++)
        expect(ref, OP_segment_split, cut(frames(1, 3), PANICS[i], 0), SPEC_PANIC);
    outcome = run_op(ref, OP_segment_split, cut(frames(1, 3), 2 * PAGE, 0));
    assert_int_equal(outcome.result, SPEC_OK);
    assert_int_equal(outcome.detail[0], PAGE);
    assert_int_equal(outcome.detail[1], 3 * PAGE);
    assert_int_equal(outcome.detail[2], 3 * PAGE);
    assert_int_equal(outcome.detail[3], 4 * PAGE);
    for (uint64_t i = 1; i < 4; i++)
        check_slot(ref, i, 1, (struct slot_holders){.segments = 1});
}

static void test_next_to_exhaustion(void **state)
{
    struct reference *ref = *state;

    boot(ref);
    expect_range(ref, OP_segment_from_unused, frames(1, 3), 1, 4);
    for (uint64_t i = 1; i < 4; i++) {
        const struct spec_outcome outcome = run_op(ref, OP_segment_next, frames(i, 4 - i));

        assert_int_equal(outcome.result, SPEC_OK);
        assert_int_equal(outcome.value, meta_addr(i));
        assert_int_equal(outcome.detail[0], (i + 1) * PAGE);
        assert_int_equal(outcome.detail[1], 4 * PAGE);
        check_slot(ref, i, 1, (struct slot_holders){.live_frames = 1});
    }
    expect(ref, OP_segment_next, frames(4, 0), SPEC_NONE);
    expect(ref, OP_frame_drop, at(3, PROBE), SPEC_OK);
    assert_int_equal(ref->nr_drops, 1);
}

/* Of three frames, the second is at MAX: `op` counts the first and the second, and panics. */
static void check_saturated(struct reference *ref, enum operation op)
{
    struct spec_call full = at(1, PROBE);

    boot(ref);
    full.count = SPEC_REF_COUNT_MAX - 1;
    expect(ref, OP_frame_from_unused, at(0, PROBE), SPEC_OK);
    expect(ref, OP_frame_into_raw, at(0, PROBE), SPEC_OK);
    expect(ref, OP_setup, full, SPEC_OK);
    expect(ref, OP_frame_from_unused, at(2, PROBE), SPEC_OK);
    expect(ref, OP_frame_into_raw, at(2, PROBE), SPEC_OK);
    expect_range(ref, OP_segment_from_raw, frames(0, 3), 0, 3);
    expect(ref, op, cut(frames(0, 3), 0, 3 * PAGE), SPEC_OK);
    assert_int_equal(count_at(ref, 1), SPEC_REF_COUNT_MAX);
    expect(ref, op, cut(frames(0, 3), 0, 3 * PAGE), SPEC_PANIC);
    assert_int_equal(count_at(ref, 0), 3);
    assert_int_equal(count_at(ref, 1), SPEC_REF_COUNT_MAX + 1);
    assert_int_equal(count_at(ref, 2), 2);
}

static void test_saturation_in_the_middle(void **state)
{
    check_saturated(*state, OP_segment_clone);
    check_saturated(*state, OP_segment_slice);
}

static void test_raw_and_back(void **state)
{
    struct reference *ref = *state;

    boot(ref);
    expect_range(ref, OP_segment_from_unused, frames(1, 2), 1, 3);
    assert_false(may(ref, OP_segment_from_raw, frames(1, 2)));
    expect_range(ref, OP_segment_into_raw, frames(1, 2), 1, 3);
    check_slot(ref, 1, 1, (struct slot_holders){.forgotten_frames = 1});
    assert_false(may(ref, OP_segment_drop, frames(1, 2)));
    assert_false(may(ref, OP_segment_into_raw, frames(1, 2)));
    /* The reference is one of the frame like any other. */
    expect(ref, OP_frame_from_raw, at(1, PROBE), SPEC_OK);
    assert_false(may(ref, OP_segment_from_raw, frames(1, 2)));
    assert_true(may(ref, OP_segment_from_raw, frames(2, 1)));
    expect(ref, OP_frame_into_raw, at(1, PROBE), SPEC_OK);
    expect_range(ref, OP_segment_from_raw, frames(1, 2), 1, 3);
    check_slot(ref, 2, 1, (struct slot_holders){.segments = 1});
}

static void test_from_raw_wants_one_type_and_frames(void **state)
{
    struct reference *ref = *state;
    struct spec_call kernel = frames(0, 1);

    boot(ref);
    expect(ref, OP_frame_from_unused, at(1, PROBE), SPEC_OK);
    expect(ref, OP_frame_from_unused, at(2, UNTYPED), SPEC_OK);
    expect(ref, OP_frame_into_raw, at(1, PROBE), SPEC_OK);
    expect(ref, OP_frame_into_raw, at(2, PROBE), SPEC_OK);
    assert_true(may(ref, OP_segment_from_raw, frames(1, 1)));
    assert_true(may(ref, OP_segment_from_raw, frames(2, 1)));
    assert_false(may(ref, OP_segment_from_raw, frames(1, 2)));
    assert_false(may(ref, OP_segment_from_raw, cut(frames(1, 1), PAGE + 1, 0)));
    assert_false(may(ref, OP_segment_from_raw, frames(NR_SLOTS, 1)));
    assert_false(may(ref, OP_segment_from_raw, cut(frames(1, 1), -(uint64_t)PAGE, 0)));
    kernel.usage = SPEC_USAGE_KERNEL;
    expect(ref, OP_memory_range, kernel, SPEC_OK);
    expect(ref, OP_get_from_in_use, at(0, PROBE), SPEC_OK);
    assert_false(may(ref, OP_segment_from_raw, frames(0, 1)));
    expect(ref, OP_frame_from_in_use, at(0, PROBE), SPEC_OK);
    assert_false(may(ref, OP_segment_from_frame, at(0, PROBE)));
}

static void test_from_frame(void **state)
{
    struct reference *ref = *state;

    boot(ref);
    expect(ref, OP_frame_from_unused, at(1, PROBE), SPEC_OK);
    expect(ref, OP_frame_clone, at(1, PROBE), SPEC_OK);
    expect_range(ref, OP_segment_from_frame, at(1, PROBE), 1, 2);
    check_slot(ref, 1, 2, (struct slot_holders){.live_frames = 1, .segments = 1});
    expect(ref, OP_unique_frame_try_from, at(1, PROBE), SPEC_RETURNED);
    expect(ref, OP_frame_drop, at(1, PROBE), SPEC_OK);
    assert_false(may(ref, OP_segment_from_frame, at(1, PROBE)));
    expect(ref, OP_segment_drop, frames(1, 1), SPEC_OK);
    assert_int_equal(count_at(ref, 1), SPEC_REF_COUNT_UNUSED);
}

static void test_drop_runs_on_drop_of_every_frame(void **state)
{
    struct reference *ref = *state;

    boot(ref);
    expect_range(ref, OP_segment_from_unused, frames(0, NR_SLOTS), 0, NR_SLOTS);
    expect(ref, OP_segment_drop, frames(0, NR_SLOTS), SPEC_OK);
    assert_int_equal(ref->nr_drops, NR_SLOTS);
    for (uint64_t i = 0; i < SPEC_MAX_DROPS; i++) {
        assert_int_equal(ref->drops[i].paddr, i * PAGE);
        assert_int_equal(ref->drops[i].metadata.probe.payload, 70 + i);
    }
    for (uint64_t i = 0; i < NR_SLOTS; i++)
        check_slot(ref, i, SPEC_REF_COUNT_UNUSED, (struct slot_holders){0});
}

/* A frame that somebody else holds stays, with its mappings. */
static void test_drop_leaves_what_others_hold(void **state)
{
    struct reference *ref = *state;

    boot(ref);
    expect_range(ref, OP_segment_from_unused, frames(0, 3), 0, 3);
    expect(ref, OP_frame_from_in_use, at(1, PROBE), SPEC_OK);
    expect(ref, OP_frame_map, path(at(1, PROBE), 63), SPEC_OK);
    expect(ref, OP_segment_drop, frames(0, 3), SPEC_OK);
    assert_int_equal(ref->nr_drops, 2);
    check_slot(ref, 0, SPEC_REF_COUNT_UNUSED, (struct slot_holders){0});
    check_slot(ref, 1, 1, (struct slot_holders){0});
    assert_int_equal(slot(ref, 1)->paths_in_pt, UINT64_C(1) << 63);
    expect(ref, OP_frame_unmap, path(at(1, PROBE), 63), SPEC_OK);
    check_slot(ref, 1, 1, (struct slot_holders){.live_frames = 1});
    expect(ref, OP_frame_drop, at(1, PROBE), SPEC_OK);
    assert_int_equal(count_at(ref, 1), SPEC_REF_COUNT_UNUSED);
}

/* --- mapping --------------------------------------------------------------------------------- */

static void test_map_and_unmap(void **state)
{
    struct reference *ref = *state;
    struct spec_outcome outcome;

    boot(ref);
    expect(ref, OP_frame_from_unused, at(2, PROBE), SPEC_OK);
    assert_false(may(ref, OP_frame_map, path(at(2, PROBE), SPEC_NR_PATHS)));
    outcome = run_op(ref, OP_frame_map, path(at(2, PROBE), 7));
    assert_int_equal(outcome.value, 2 * PAGE);
    check_slot(ref, 2, 1, (struct slot_holders){0});
    assert_int_equal(slot(ref, 2)->paths_in_pt, 1 << 7);
    assert_int_equal(ref->paths_in_use, 1 << 7);
    assert_false(may(ref, OP_frame_unmap, path(at(2, PROBE), 6)));
    assert_false(may(ref, OP_frame_unmap, path(at(1, PROBE), 7)));
    assert_false(may(ref, OP_frame_unmap, path(at(2, PROBE), SPEC_NR_PATHS)));
    outcome = run_op(ref, OP_frame_unmap, path(at(2, PROBE), 7));
    assert_int_equal(outcome.value, meta_addr(2));
    check_slot(ref, 2, 1, (struct slot_holders){.live_frames = 1});
    assert_int_equal(slot(ref, 2)->paths_in_pt, 0);
    assert_int_equal(ref->paths_in_use, 0);
}

static void test_a_frame_at_several_paths(void **state)
{
    struct reference *ref = *state;

    boot(ref);
    expect(ref, OP_frame_from_unused, at(2, PROBE), SPEC_OK);
    expect(ref, OP_frame_from_unused, at(3, PROBE), SPEC_OK);
    for (uint64_t i = 0; i < 3; i++) {
        expect(ref, OP_frame_clone, at(2, PROBE), SPEC_OK);
        expect(ref, OP_frame_map, path(at(2, PROBE), i), SPEC_OK);
        assert_false(may(ref, OP_frame_map, path(at(2, PROBE), i)));
        assert_false(may(ref, OP_frame_map, path(at(3, PROBE), i)));
    }
    check_slot(ref, 2, 4, (struct slot_holders){.live_frames = 1});
    expect(ref, OP_frame_drop, at(2, PROBE), SPEC_OK);
    expect(ref, OP_frame_unmap, path(at(2, PROBE), 1), SPEC_OK);
    assert_int_equal(slot(ref, 2)->paths_in_pt, 5);
    check_slot(ref, 2, 3, (struct slot_holders){.live_frames = 1});
    expect(ref, OP_frame_map, path(at(3, PROBE), 1), SPEC_OK);
    assert_false(may(ref, OP_frame_unmap, path(at(2, PROBE), SPEC_NR_PATHS)));
}

static void test_only_frames_are_mapped(void **state)
{
    static const struct meta_slot_storage NODE = {.type = SPEC_METADATA_PT_NODE};
    struct reference *ref = *state;

    boot(ref);
    expect(ref, OP_page_table_node_alloc, at(2, NODE), SPEC_OK);
    assert_false(may(ref, OP_frame_map, path(at(2, NODE), 1)));
    assert_false(may(ref, OP_segment_from_frame, at(2, NODE)));
    assert_false(may(ref, OP_frame_map, path(at(1, NODE), 1)));
    assert_false(may(ref, OP_mmio_map, path(at(1, NODE), 1)));
}

/* --- memory map ------------------------------------------------------------------------------ */

static struct spec_call memory(uint64_t i, uint64_t n, enum spec_page_usage usage)
{
    struct spec_call call = frames(i, n);

    call.usage = usage;
    return call;
}

static void test_memory_of_each_usage(void **state)
{
    static const enum spec_page_usage USAGES[] = {SPEC_USAGE_RESERVED, SPEC_USAGE_META,
                                                  SPEC_USAGE_KERNEL};
    static const struct meta_slot_storage EMPTY = {.type = SPEC_METADATA_EMPTY};
    struct reference *ref = *state;

    boot(ref);
    for (uint64_t u = 0; u < LENGTH(USAGES); u++) {
        expect(ref, OP_memory_range, memory(2 * u, 2, USAGES[u]), SPEC_OK);
        for (uint64_t i = 2 * u; i < 2 * u + 2; i++) {
            check_slot(ref, i, 1, (struct slot_holders){0});
            assert_int_equal(slot(ref, i)->usage, USAGES[u]);
            assert_true(meta_slot_storage_equal(&slot(ref, i)->inner_perms.storage.value, &EMPTY));
            expect(ref, OP_frame_from_unused, at(i, PROBE), SPEC_IN_USE);
            assert_false(may(ref, OP_frame_from_raw, at(i, PROBE)));
        }
    }
    assert_int_equal(slot(ref, 6)->usage, SPEC_USAGE_UNUSED);
}

static void test_memory_range_wants_memory_that_nobody_touched(void **state)
{
    struct reference *ref = *state;

    boot(ref);
    assert_false(may(ref, OP_memory_range, memory(1, 2, SPEC_USAGE_UNUSED)));
    assert_false(may(ref, OP_memory_range, memory(1, 2, SPEC_USAGE_FRAME)));
    assert_false(may(ref, OP_memory_range, memory(1, 2, SPEC_USAGE_PAGE_TABLE)));
    assert_false(may(ref, OP_memory_range, memory(1, 0, SPEC_USAGE_META)));
    assert_false(may(ref, OP_memory_range, memory(NR_SLOTS - 1, 2, SPEC_USAGE_META)));
    assert_false(may(ref, OP_memory_range, cut(memory(1, 2, SPEC_USAGE_META), PAGE + 8, 0)));
    assert_false(may(ref, OP_memory_range, cut(memory(3, 2, SPEC_USAGE_META), -(uint64_t)PAGE, 0)));
    assert_true(may(ref, OP_memory_range, memory(0, NR_SLOTS, SPEC_USAGE_META)));
    expect(ref, OP_frame_from_unused, at(2, PROBE), SPEC_OK);
    assert_false(may(ref, OP_memory_range, memory(1, 2, SPEC_USAGE_META)));
    expect(ref, OP_frame_drop, at(2, PROBE), SPEC_OK);
    assert_false(may(ref, OP_memory_range, memory(1, 2, SPEC_USAGE_META)));
    assert_true(may(ref, OP_memory_range, memory(0, 2, SPEC_USAGE_META)));
}

/* One more reference to it can be had and dropped; that of the boot code stays. */
static void test_a_kernel_frame_in_use(void **state)
{
    struct reference *ref = *state;

    boot(ref);
    expect(ref, OP_memory_range, memory(1, 1, SPEC_USAGE_KERNEL), SPEC_OK);
    expect(ref, OP_frame_from_in_use, at(1, PROBE), SPEC_OK);
    check_slot(ref, 1, 2, (struct slot_holders){.live_frames = 1});
    expect(ref, OP_unique_frame_try_from, at(1, PROBE), SPEC_RETURNED);
    assert_false(may(ref, OP_frame_map, path(at(1, PROBE), 1)));
    expect(ref, OP_frame_drop, at(1, PROBE), SPEC_OK);
    check_slot(ref, 1, 1, (struct slot_holders){0});
}

static void test_mmio_is_mapped_and_not_counted(void **state)
{
    struct clause_report report = {0};
    struct reference *ref = *state;

    boot(ref);
    expect(ref, OP_memory_range, memory(1, 2, SPEC_USAGE_MMIO), SPEC_OK);
    expect(ref, OP_mmio_map, path(at(1, PROBE), 4), SPEC_OK);
    expect(ref, OP_mmio_map, path(at(1, PROBE), 5), SPEC_OK);
    assert_false(may(ref, OP_mmio_map, path(at(2, PROBE), 5)));
    check_slot(ref, 1, SPEC_REF_COUNT_UNUSED, (struct slot_holders){0});
    assert_int_equal(slot(ref, 1)->paths_in_pt, 0x30);
    /* UNUSED and mapped: the invariant excepts MMIO memory, and nothing else. */
    assert_true(meta_region_owners_inv(&ref->owners, &report));
    assert_true(accounting(&ref->owners, 1, &ref->holders[1], &report));
    expect(ref, OP_frame_from_in_use, at(1, PROBE), SPEC_UNUSED);
    expect(ref, OP_mmio_unmap, path(at(1, PROBE), 4), SPEC_OK);
    assert_int_equal(slot(ref, 1)->paths_in_pt, 0x20);
    assert_false(may(ref, OP_mmio_unmap, path(at(1, PROBE), 4)));
    assert_false(may(ref, OP_frame_unmap, path(at(1, PROBE), 5)));
}

static void test_mmio_is_never_claimed(void **state)
{
    static const struct meta_slot_storage NODE = {.type = SPEC_METADATA_PT_NODE};
    static const enum operation CLAIMS[] = {
        OP_setup,
        OP_get_from_unused,
        OP_frame_from_unused,
        OP_unique_frame_from_unused,
        OP_page_table_node_alloc,
    };
    struct reference *ref = *state;

    boot(ref);
    expect(ref, OP_memory_range, memory(1, 1, SPEC_USAGE_MMIO), SPEC_OK);
    for (size_t i = 0; i < LENGTH(CLAIMS); i++) {
        assert_false(may(ref, CLAIMS[i], at(1, NODE)));
        assert_true(may(ref, CLAIMS[i], at(2, NODE)));
    }
    assert_false(may(ref, OP_segment_from_unused, frames(0, 2)));
    assert_false(may(ref, OP_segment_from_unused, frames(0, 3)));
    assert_true(may(ref, OP_segment_from_unused, frames(2, 2)));
    assert_true(may(ref, OP_segment_from_unused, frames(1, 0)));
}

/* --- references that do not count, typed views ------------------------------------------------ */

static void test_borrow(void **state)
{
    struct reference *ref = *state;
    struct spec_outcome outcome;

    boot(ref);
    expect(ref, OP_frame_from_unused, at(1, PROBE), SPEC_OK);
    expect(ref, OP_frame_clone, at(1, PROBE), SPEC_OK);
    outcome = run_op(ref, OP_frame_borrow, at(1, UNTYPED));
    assert_int_equal(outcome.result, SPEC_OK);
    assert_int_equal(outcome.value, meta_addr(1));
    assert_int_equal(outcome.detail[0], 2);
    assert_true(meta_slot_storage_equal(&outcome.metadata, &PROBE));
    check_slot(ref, 1, 2, (struct slot_holders){.live_frames = 2});
    assert_int_equal(ref->nr_drops, 0);
    assert_false(may(ref, OP_frame_borrow, at(0, PROBE)));
}

static void test_try_from(void **state)
{
    struct reference *ref = *state;

    boot(ref);
    expect(ref, OP_frame_from_unused, at(1, PROBE), SPEC_OK);
    for (uint64_t type = 0; type <= SPEC_METADATA_PROBE; type++) {
        const struct spec_outcome outcome =
            run_op(ref, OP_frame_try_from, (struct spec_call){.paddr = PAGE, .type = type});
        const bool own = type == SPEC_METADATA_PROBE;

        assert_int_equal(outcome.result, own ? SPEC_OK : SPEC_RETURNED);
        assert_int_equal(outcome.value, own ? meta_addr(1) : 0);
        check_slot(ref, 1, 1, (struct slot_holders){.live_frames = 1});
    }
    assert_false(may(ref, OP_frame_try_from, at(0, PROBE)));
}

/* --- drop_last_in_place ----------------------------------------------------------------------- */

static void test_drop_last_in_place_at_unique(void **state)
{
    struct spec_call call = at(1, PROBE);
    struct clause_report report = {0};
    struct reference *ref = *state;

    boot(ref);
    expect(ref, OP_unique_frame_from_unused, call, SPEC_OK);
    call.variant = SPEC_VOSTD;
    assert_false(may(ref, OP_drop_last_in_place, call)); /* a handle is alive */
    expect(ref, OP_unique_frame_into_raw, call, SPEC_OK);
    call.variant = SPEC_OSTD;
    assert_false(may(ref, OP_drop_last_in_place, call));
    call.variant = SPEC_VOSTD;
    expect(ref, OP_drop_last_in_place, call, SPEC_OK);
    assert_int_equal(ref->nr_drops, 1);
    check_slot(ref, 1, SPEC_REF_COUNT_UNUSED, (struct slot_holders){0});
    assert_true(meta_region_owners_inv(&ref->owners, &report));
    expect(ref, OP_setup, call, SPEC_OK);
    call.variant = SPEC_OSTD;
    expect(ref, OP_drop_last_in_place, call, SPEC_OK);
}

/* --- the judge on what nobody should answer --------------------------------------------------- */

/* Does the judge find `id` broken by a step that changes nothing and answers this? */
static bool finds(const struct reference *ref, enum operation op, struct spec_call call,
                  struct spec_outcome outcome, enum clause_id id)
{
    struct clause_report report = {0};

    return !OPERATIONS[op].judge(&ref->owners, &ref->owners, &call, &outcome, &report) &&
           clause_report_has(&report, id);
}

static void test_ranges_that_are_no_segments(void **state)
{
    const struct spec_outcome beyond = {.detail = {0, UINT64_MAX - PAGE + 1}};
    const struct spec_outcome backwards = {.detail = {2 * PAGE, PAGE}};
    const struct spec_outcome misaligned = {.detail = {1, PAGE}};
    static const enum operation MAKES[] = {
        OP_segment_from_unused, OP_segment_clone,    OP_segment_slice,    OP_segment_split,
        OP_segment_next,        OP_segment_into_raw, OP_segment_from_raw, OP_segment_from_frame,
    };

    boot(*state);
    for (size_t i = 0; i < LENGTH(MAKES); i++) {
        assert_true(finds(*state, MAKES[i], frames(1, 2), beyond, CLAUSE_segment_inv__bound));
        assert_true(finds(*state, MAKES[i], frames(1, 2), backwards, CLAUSE_segment_inv__order));
        assert_true(finds(*state, MAKES[i], frames(1, 2), misaligned, CLAUSE_segment_inv__aligned));
    }
}

/* Empty ranges: past the region they are OutOfBound, in it nothing is made of them. */
static void test_empty_ranges_are_judged(void **state)
{
    const struct spec_outcome panic = {.result = SPEC_PANIC};
    const struct spec_outcome empty = {.detail = {PAGE, PAGE}};

    boot(*state);
    assert_true(finds(*state, OP_segment_from_unused, frames(NR_SLOTS + 1, 0), panic,
                      CLAUSE_segment_from_unused__panic));
    assert_true(finds(*state, OP_segment_from_unused, frames(1, 0), empty,
                      CLAUSE_segment_from_unused__range));
}

/* 64 is no path: neither is it the path 0. */
static void test_no_path_is_another(void **state)
{
    const struct spec_call call = path(at(1, PROBE), SPEC_NR_PATHS);
    const struct spec_outcome outcome = {.value = PAGE};
    struct clause_report report = {0};
    struct meta_region_owners without;
    struct reference *ref = *state;

    boot(ref);
    assert_true(meta_region_owners_create(&without, NR_SLOTS));
    meta_region_owners_change(&ref->owners, 1)->paths_in_pt = 1;
    judge_frame_map(&without, &ref->owners, &call, &outcome, &report);
    assert_true(clause_report_has(&report, CLAUSE_page_table_map__paths_in_pt));
    judge_frame_unmap(&ref->owners, &without, &call, &outcome, &report);
    assert_true(clause_report_has(&report, CLAUSE_page_table_unmap__paths_in_pt));
    meta_region_owners_destroy(&without);
}

/* Predicates are total: no call makes the judge read where nothing is. */
static void test_any_call_is_judged(void **state)
{
    static const uint64_t ENDS[] = {0, 1, PAGE, NR_SLOTS * PAGE, UINT64_MAX - PAGE + 1, UINT64_MAX};
    struct reference *ref = *state;
    struct clause_report report = {0};

    boot(ref);
    for (int op = 0; op < NR_OPERATIONS; op++)
        for (size_t i = 0; i < LENGTH(ENDS) * LENGTH(ENDS); i++) {
            const struct spec_call call = {.paddr = ENDS[i % LENGTH(ENDS)],
                                           .end = ENDS[i / LENGTH(ENDS)],
                                           .length = {ENDS[i / LENGTH(ENDS)], PAGE},
                                           .path = SPEC_NR_PATHS + i};
            struct spec_outcome outcome = {.result = SPEC_OK};

            OPERATIONS[op].judge(&ref->owners, &ref->owners, &call, &outcome, &report);
            outcome.result = SPEC_PANIC;
            OPERATIONS[op].judge(&ref->owners, &ref->owners, &call, &outcome, &report);
        }
    assert_true(finds(ref, OP_frame_map, path(at(1, PROBE), SPEC_NR_PATHS),
                      (struct spec_outcome){0}, CLAUSE_page_table_map__paths_in_pt));
    assert_true(finds(ref, OP_frame_unmap, path(at(1, PROBE), SPEC_NR_PATHS),
                      (struct spec_outcome){0}, CLAUSE_page_table_unmap__paths_in_pt));
}

/* Where no segment covers the frame, nothing is asked of it. */
static void test_uncovered_frames_are_free(void **state)
{
    struct slot_holders holders = {0};
    struct clause_report report = {0};
    struct reference *ref = *state;

    boot(ref);
    assert_true(segment_inv_at(&ref->owners, 1, &holders, &report));
    holders.segments = 1;
    assert_false(segment_inv_at(&ref->owners, 1, &holders, &report));
    assert_int_equal(report.nr_failed, 2);
    assert_false(segment_inv_at(&ref->owners, NR_SLOTS, &holders, &report));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_programs_satisfy_the_judge, create_run,
                                        destroy_run),
        cmocka_unit_test(test_metadata_moves_on_with_the_frame),
        cmocka_unit_test(test_from_unused_makes_every_frame),
        cmocka_unit_test(test_from_unused_of_a_bad_range),
        cmocka_unit_test(test_from_unused_drops_what_it_made),
        cmocka_unit_test(test_from_unused_beside_a_slot_handed_out),
        cmocka_unit_test(test_clone_and_slice_count),
        cmocka_unit_test(test_empty_slices),
        cmocka_unit_test(test_slice_out_of_bounds),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_next_to_exhaustion),
        cmocka_unit_test(test_saturation_in_the_middle),
        cmocka_unit_test(test_raw_and_back),
        cmocka_unit_test(test_from_raw_wants_one_type_and_frames),
        cmocka_unit_test(test_from_frame),
        cmocka_unit_test(test_drop_runs_on_drop_of_every_frame),
        cmocka_unit_test(test_drop_leaves_what_others_hold),
        cmocka_unit_test(test_map_and_unmap),
        cmocka_unit_test(test_a_frame_at_several_paths),
        cmocka_unit_test(test_only_frames_are_mapped),
        cmocka_unit_test(test_memory_of_each_usage),
        cmocka_unit_test(test_memory_range_wants_memory_that_nobody_touched),
        cmocka_unit_test(test_a_kernel_frame_in_use),
        cmocka_unit_test(test_mmio_is_mapped_and_not_counted),
        cmocka_unit_test(test_mmio_is_never_claimed),
        cmocka_unit_test(test_borrow),
        cmocka_unit_test(test_try_from),
        cmocka_unit_test(test_drop_last_in_place_at_unique),
        cmocka_unit_test(test_ranges_that_are_no_segments),
        cmocka_unit_test(test_empty_ranges_are_judged),
        cmocka_unit_test(test_no_path_is_another),
        cmocka_unit_test(test_any_call_is_judged),
        cmocka_unit_test(test_uncovered_frames_are_free),
    };

    return cmocka_run_group_tests(tests, create_reference, destroy_reference);
}
