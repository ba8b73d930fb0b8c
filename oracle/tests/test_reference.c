/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The reference against the judge: whatever legal program it runs, every step satisfies every
 * clause. Then each operation by itself.
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
#define OPERATION(name, ...) OP_##name,
#include "operations.def"
#undef OPERATION
    NR_OPERATIONS
};

struct effect {
    int live, forgotten, unique, forgotten_unique;
};

static const struct {
    const char *name;
    spec_requires_fn *requires;
    spec_reference_fn *reference;
    spec_judge_fn *judge;
    struct effect effect;
} OPERATIONS[NR_OPERATIONS] = {
#define OPERATION(name_, ...)                                                                      \
    {.name = #name_,                                                                               \
     .requires = requires_##name_,                                                                 \
     .reference = reference_##name_,                                                               \
     .judge = judge_##name_,                                                                       \
     .effect = {__VA_ARGS__}},
#include "operations.def"
#undef OPERATION
};

/* --- random programs ------------------------------------------------------------------------- */

enum { MAX_SLOTS = 8, NR_PROGRAMS = 20000, NR_STEPS = 80 };

struct run {
    struct reference ref;
    /* ref.owners is a change of base; the other two are whole states of their own. */
    struct meta_region_owners base, before, after;
    struct slot_holders holders[MAX_SLOTS]; /* kept by this test, from the table of effects */
    uint8_t exempt[MAX_SLOTS];
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

static struct meta_slot_storage draw_metadata(struct run *run, enum spec_metadata_type type)
{
    struct meta_slot_storage metadata = {.type = type};

    switch (type) {
    case SPEC_METADATA_UNTYPED:
        break;
    case SPEC_METADATA_EMPTY:
        metadata.empty.bytes[draw(run, 4)] = draw(run, UINT64_MAX);
        break;
    case SPEC_METADATA_FRAME_LINK:
        metadata.frame_link.payload = draw(run, UINT64_MAX);
        break;
    case SPEC_METADATA_PT_NODE:
        metadata.pt_node.level = 1 + draw(run, 4);
        break;
    case SPEC_METADATA_PROBE:
        metadata.probe.payload = draw(run, UINT64_MAX);
        break;
    }
    return metadata;
}

static uint64_t draw_count(struct run *run)
{
    static const uint64_t COUNTS[] = {
        0, 1, 2, SPEC_REF_COUNT_MAX - 1, SPEC_REF_COUNT_MAX, SPEC_REF_COUNT_MAX + 1,
    };

    return draw(run, 16) == 0 ? SPEC_REF_COUNT_UNIQUE - 1 : COUNTS[draw(run, LENGTH(COUNTS))];
}

/* Mostly a slot's frame, now and then none. */
static uint64_t draw_paddr(struct run *run)
{
    const uint64_t paddr = index_to_frame(draw(run, run->ref.owners.max_meta_slots));

    switch (draw(run, 16)) {
    case 0:
        return paddr + 1 + draw(run, SPEC_PAGE_SIZE - 1);
    case 1:
        return index_to_frame(run->ref.owners.max_meta_slots + draw(run, 2));
    case 2:
        return draw(run, UINT64_MAX);
    default:
        return paddr;
    }
}

/* meta_mut assigns metadata of the type that is there. */
static void use_type_of_slot(const struct run *run, enum operation op, struct spec_call *call)
{
    const uint64_t index = frame_to_index(call->paddr);

    if (op == OP_unique_frame_meta_mut || op == OP_metadata_as_link_to_repr)
        call->metadata.type = slot_owner_at(&run->ref.owners, index)->inner_perms.vtable_ptr.value;
}

/* An operation that takes a frame out of a list is about that frame. */
static void use_frame_of_list(const struct run *run, enum operation op, struct spec_call *call)
{
    const struct linked_list_owner *list = &run->ref.owners.lists[call->list];
    uint64_t addr = 0;

    if (op == OP_list_pop_front)
        addr = list->front;
    else if (op == OP_list_pop_back)
        addr = list->back;
    else if (op == OP_cursor_take_current)
        addr = list->current;
    if (addr != 0)
        call->paddr = meta_to_frame(addr);
}

/* Frames of links are drawn often, because lists are of nothing else. */
static enum spec_metadata_type draw_type(struct run *run, enum operation op)
{
    if (op == OP_page_table_node_alloc)
        return SPEC_METADATA_PT_NODE;
    if (op == OP_unique_frame_from_unused && draw(run, 4) != 0)
        return SPEC_METADATA_FRAME_LINK;
    return (enum spec_metadata_type)draw(run, 5);
}

/* A legal call of the operation, if any slot admits one. */
static bool draw_call(struct run *run, enum operation op, struct spec_call *call)
{
    const uint64_t n = run->ref.owners.max_meta_slots;
    const uint64_t paddr = draw_paddr(run);

    *call = (struct spec_call){
        .paddr = paddr,
        .as_unique = draw(run, 2),
        .count = draw_count(run),
        .list = draw(run, 2),
        .variant = draw(run, 2) ? SPEC_OSTD : SPEC_VOSTD,
        .metadata = draw_metadata(run, draw_type(run, op)),
    };
    use_type_of_slot(run, op, call);
    for (uint64_t i = 0; !OPERATIONS[op].requires(&run->ref, call); i++) {
        if (i == n)
            return false;
        call->paddr = index_to_frame((frame_to_index(paddr) + i) % n);
        use_type_of_slot(run, op, call);
    }
    use_frame_of_list(run, op, call);
    return true;
}

static void copy_owners(struct meta_region_owners *to, const struct meta_region_owners *from)
{
    for (uint64_t i = 0; i < from->max_meta_slots; i++)
        meta_region_owners_copy_slot(to, from, i);
    memcpy(to->lists, from->lists, sizeof(to->lists));
}

static void begin_program(struct run *run, uint64_t nr_slots)
{
    reference_boot(&run->ref, nr_slots);
    meta_region_owners_boot(&run->base, nr_slots);
    meta_region_owners_boot(&run->before, nr_slots);
    meta_region_owners_boot(&run->after, nr_slots);
    meta_region_owners_rebase(&run->ref.owners, &run->base);
    memset(run->holders, 0, sizeof(run->holders));
    memset(run->exempt, 0, sizeof(run->exempt));
}

/* Both forms of the step satisfy every clause that applies to it. */
static void check_judge(struct run *run, enum operation op, const struct spec_call *call,
                        const struct spec_outcome *outcome)
{
    clause_report_begin(&run->report);
    if (!OPERATIONS[op].judge(&run->base, &run->ref.owners, call, outcome, &run->report) ||
        !OPERATIONS[op].judge(&run->before, &run->after, call, outcome, &run->report) ||
        run->report.nr_failed != 0)
        fail_msg("the reference's %s breaks %s", OPERATIONS[op].name,
                 CLAUSES[run->report.failed[0]].id);
}

/* What is uninit is stored as zeros; comparisons of bytes rest on it. */
static void check_uninit_is_zero(const struct meta_region_owners *owners, uint64_t i)
{
    static const struct meta_slot_storage ZERO;
    const struct metadata_inner_perms *perms = &owners->slot_owners[i].inner_perms;

    if (!perms->storage.is_init)
        assert_memory_equal(&perms->storage.value, &ZERO, sizeof(ZERO));
    if (!perms->vtable_ptr.is_init)
        assert_int_equal(perms->vtable_ptr.value, 0);
}

/* The invariant holds at a slot exactly if the slot is not exempt; the accounting always does. */
static void check_invariants(struct run *run, enum operation op)
{
    const struct meta_region_owners *owners = &run->ref.owners;

    for (uint64_t i = 0; i < owners->max_meta_slots; i++) {
        const bool exempt = run->ref.exempt[i] != EXEMPT_NOT;

        clause_report_begin(&run->report);
        if (meta_region_owners_inv_at(owners, i, &run->report) == exempt)
            fail_msg("after %s a slot that is %s invariant", OPERATIONS[op].name,
                     exempt ? "exempt satisfies the" : "not exempt breaks the");
        if (!accounting(owners, i, &run->ref.holders[i], &run->report))
            fail_msg("after %s the accounting does not hold", OPERATIONS[op].name);
        if (!in_list_inv_at(owners, i, &run->report))
            fail_msg("after %s a slot is in a list that does not have it", OPERATIONS[op].name);
        check_uninit_is_zero(owners, i);
    }
    for (uint64_t i = 0; i < SPEC_MAX_LISTS; i++)
        if (!linked_list_inv(owners, i, &run->report))
            fail_msg("after %s a list breaks its invariant", OPERATIONS[op].name);
}

static void check_unchanged(const struct run *run, enum operation op)
{
    for (uint64_t i = 0; i < run->before.max_meta_slots; i++)
        if (!meta_region_owners_slot_equal(&run->before, &run->after, i))
            fail_msg("%s fails and changes something", OPERATIONS[op].name);
    assert_memory_equal(run->exempt, run->ref.exempt, run->before.max_meta_slots);
    assert_int_equal(run->ref.nr_drops, 0);
}

/* Who holds the slot now, by the table; a setup and a slot-level claim forget what they make. */
static void expect_holders(struct run *run, enum operation op, const struct spec_call *call)
{
    const struct effect *effect = &OPERATIONS[op].effect;
    struct slot_holders *holders;

    if (!has_safe_slot(&run->before, call->paddr))
        return;
    holders = &run->holders[frame_to_index(call->paddr)];
    holders->live_frames += (uint64_t)effect->live;
    holders->forgotten_frames += (uint64_t)effect->forgotten;
    holders->live_unique_frames += (uint64_t)effect->unique;
    holders->forgotten_unique_frames += (uint64_t)effect->forgotten_unique;
    if (op == OP_setup)
        holders->forgotten_frames = call->count;
    if (op == OP_drop_last_in_place)
        holders->forgotten_unique_frames = 0;
    if (op == OP_get_from_unused && call->as_unique)
        holders->forgotten_unique_frames = 1;
    if (op == OP_get_from_unused && !call->as_unique)
        holders->forgotten_frames = 1;
}

/* A comparison costs as much as was changed, and says what comparing everything says. */
static void check_forms_agree(struct run *run)
{
    const struct meta_region_owners *a = &run->base, *b = &run->ref.owners;
    const struct meta_region_owners *c = &run->before, *d = &run->after;
    const uint64_t some = draw(run, MAX_SLOTS + 1);
    const uint64_t but = some == MAX_SLOTS ? UINT64_MAX : some;

    assert_int_equal(slot_owners_equal_but(a, b, but), slot_owners_equal_but(c, d, but));
    assert_int_equal(slots_equal_but(a, b, but), slots_equal_but(c, d, but));
    assert_int_equal(frame_obligations_equal_but(a, b, but),
                     frame_obligations_equal_but(c, d, but));
    assert_int_equal(slot_owners_equal_but(b, a, but), slot_owners_equal_but(d, c, but));
    assert_int_equal(slots_equal_but(b, a, but), slots_equal_but(d, c, but));
    assert_int_equal(slot_owners_dom_equal(a, b), slot_owners_dom_equal(c, d));
    assert_int_equal(slots_dom_equal(a, b), slots_dom_equal(c, d));
    assert_int_equal(linked_lists_equal_but(a, b, but), linked_lists_equal_but(c, d, but));
    assert_int_equal(linked_lists_equal_but(b, a, but), linked_lists_equal_but(d, c, but));
}

static void commit(struct run *run)
{
    meta_region_owners_commit(&run->base, &run->ref.owners);
    for (uint64_t i = 0; i < run->base.max_meta_slots; i++)
        assert_true(meta_region_owners_slot_equal(&run->base, &run->after, i));
    assert_true(linked_lists_equal_but(&run->base, &run->after, UINT64_MAX));
    copy_owners(&run->before, &run->after);
    memcpy(run->exempt, run->ref.exempt, run->base.max_meta_slots);
}

/* False where the program ends. */
static bool step(struct run *run, enum operation op)
{
    struct spec_outcome outcome;
    struct spec_call call;

    if (!draw_call(run, op, &call))
        return true;
    reference_begin(&run->ref);
    memset(&outcome, 0xa5, sizeof(outcome));
    OPERATIONS[op].reference(&run->ref, &call, &outcome);
    run->executed[op][outcome.result]++;
    copy_owners(&run->after, &run->ref.owners);
    check_judge(run, op, &call, &outcome);
    check_forms_agree(run);
    if (outcome.result == SPEC_PANIC)
        return false;
    if (outcome.result == SPEC_OK)
        expect_holders(run, op, &call);
    else
        check_unchanged(run, op);
    assert_memory_equal(run->holders, run->ref.holders,
                        run->before.max_meta_slots * sizeof(run->holders[0]));
    check_invariants(run, op);
    commit(run);
    return true;
}

static int create_run(void **state)
{
    static struct run run;

    run.random = 20;
    *state = &run;
    return reference_create(&run.ref, MAX_SLOTS) &&
                   meta_region_owners_create(&run.base, MAX_SLOTS) &&
                   meta_region_owners_create(&run.before, MAX_SLOTS) &&
                   meta_region_owners_create(&run.after, MAX_SLOTS)
               ? 0
               : -1;
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

/* Every operation has succeeded, and every other result has come up, often enough to mean it. */
static void check_coverage(const struct run *run)
{
    uint64_t executed = 0, results[SPEC_NONE + 1] = {0};

    for (int op = 0; op < NR_OPERATIONS; op++) {
        if (run->executed[op][SPEC_OK] < 100)
            fail_msg("%s hardly ever succeeds", OPERATIONS[op].name);
        for (int result = 0; result <= SPEC_NONE; result++) {
            results[result] += run->executed[op][result];
            executed += run->executed[op][result];
        }
    }
    for (int result = 0; result <= SPEC_NONE; result++)
        assert_true(results[result] > 100);
    assert_true(executed > 200000);
}

static bool about_lists(enum operation op)
{
    return op == OP_unique_frame_from_unused || strncmp(OPERATIONS[op].name, "list_", 5) == 0 ||
           strncmp(OPERATIONS[op].name, "cursor_", 7) == 0;
}

/*
 * Programs go far in some direction: they are made of a third of the operations, or of those on
 * lists and a few others.
 */
static size_t draw_operations(struct run *run, enum operation ops[NR_OPERATIONS])
{
    const bool lists = draw(run, 4) == 0;
    size_t n = 0;

    for (int op = 0; op < NR_OPERATIONS; op++) {
        const bool of_lists = lists && about_lists((enum operation)op);

        if (of_lists || draw(run, lists ? 12 : 3) == 0)
            ops[n++] = (enum operation)op;
    }
    return n;
}

static void test_random_programs_satisfy_the_judge(void **state)
{
    struct run *run = *state;

    for (int program = 0; program < NR_PROGRAMS; program++) {
        enum operation ops[NR_OPERATIONS];
        const size_t nr_ops = draw_operations(run, ops);
        bool go_on = nr_ops > 0;

        begin_program(run, 1 + draw(run, MAX_SLOTS));
        for (int i = 0; i < NR_STEPS && go_on; i++)
            go_on = step(run, ops[draw(run, nr_ops)]);
    }
    check_coverage(run);
}

/* --- each operation by itself ---------------------------------------------------------------- */

enum { SLOT = 1, NR_SLOTS = 3 };

static const struct meta_slot_storage PROBE = {.type = SPEC_METADATA_PROBE, .probe.payload = 77};
static const struct meta_slot_storage UNTYPED = {.type = SPEC_METADATA_UNTYPED};
static const struct meta_slot_storage NODE = {.type = SPEC_METADATA_PT_NODE, .pt_node.level = 2};

static int create_reference(void **state)
{
    static struct reference ref;

    *state = &ref;
    if (!reference_create(&ref, NR_SLOTS))
        return -1;
    reference_boot(&ref, NR_SLOTS);
    return 0;
}

static int destroy_reference(void **state)
{
    reference_destroy(*state);
    return 0;
}

static uint64_t frame(void)
{
    return index_to_frame(SLOT);
}

static struct spec_outcome outcome_of(struct reference *ref, enum operation op,
                                      struct spec_call call)
{
    struct spec_outcome outcome;

    if (!OPERATIONS[op].requires(ref, &call))
        fail_msg("%s may not be called here", OPERATIONS[op].name);
    reference_begin(ref);
    memset(&outcome, 0xa5, sizeof(outcome));
    OPERATIONS[op].reference(ref, &call, &outcome);
    return outcome;
}

/* The operation on SLOT with the metadata. */
static struct spec_outcome on_slot(struct reference *ref, enum operation op,
                                   struct meta_slot_storage metadata)
{
    return outcome_of(ref, op, (struct spec_call){.paddr = frame(), .metadata = metadata});
}

static void expect_ok(struct reference *ref, enum operation op)
{
    assert_int_equal(on_slot(ref, op, PROBE).result, SPEC_OK);
}

static bool legal(const struct reference *ref, enum operation op)
{
    const struct spec_call call = {.paddr = frame(), .metadata = PROBE};

    return OPERATIONS[op].requires(ref, &call);
}

/* SLOT anew, with the count and that many references forgotten. */
static void set_up(struct reference *ref, uint64_t count)
{
    reference_boot_slot(ref, SLOT);
    if (count == SPEC_REF_COUNT_UNIQUE)
        expect_ok(ref, OP_unique_frame_from_unused);
    else if (count != SPEC_REF_COUNT_UNUSED)
        outcome_of(ref, OP_setup,
                   (struct spec_call){.paddr = frame(), .count = count, .metadata = PROBE});
}

static const struct meta_slot_owner *slot_owner(const struct reference *ref)
{
    return slot_owner_at(&ref->owners, SLOT);
}

static uint64_t ref_count(const struct reference *ref)
{
    return slot_owner(ref)->inner_perms.ref_count.value;
}

static const enum operation BY_ADDRESS[] = {
    OP_get_slot,
    OP_get_from_unused,
    OP_get_from_in_use,
    OP_frame_from_unused,
    OP_frame_from_in_use,
    OP_unique_frame_from_unused,
    OP_page_table_node_alloc,
};

static void test_misaligned_comes_before_out_of_bound(void **state)
{
    static const struct {
        uint64_t paddr;
        enum spec_result result;
    } ADDRESSES[] = {
        {1, SPEC_NOT_ALIGNED},
        {NR_SLOTS * 4096 - 1, SPEC_NOT_ALIGNED},
        {NR_SLOTS * 4096 + 1, SPEC_NOT_ALIGNED},
        {UINT64_MAX, SPEC_NOT_ALIGNED},
        {NR_SLOTS * 4096, SPEC_OUT_OF_BOUND},
        {UINT64_C(1) << 46, SPEC_OUT_OF_BOUND},
        {UINT64_MAX - 4095, SPEC_OUT_OF_BOUND},
    };

    for (size_t op = 0; op < LENGTH(BY_ADDRESS); op++)
        for (size_t i = 0; i < LENGTH(ADDRESSES); i++) {
            const struct spec_call call = {.paddr = ADDRESSES[i].paddr};

            assert_int_equal(outcome_of(*state, BY_ADDRESS[op], call).result, ADDRESSES[i].result);
        }
}

static void test_get_slot_finds_the_slot(void **state)
{
    for (uint64_t i = 0; i < NR_SLOTS; i++) {
        const struct spec_call call = {.paddr = index_to_frame(i)};
        const struct spec_outcome outcome = outcome_of(*state, OP_get_slot, call);

        assert_int_equal(outcome.result, SPEC_OK);
        assert_int_equal(outcome.value, 0xffffe00000000000 + 64 * i);
    }
}

/* The count on which an operation works, and what comes of it. */
struct by_count {
    uint64_t count;
    enum spec_result result;
};

static void check_by_count(struct reference *ref, enum operation op,
                           const struct by_count *expected, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        set_up(ref, expected[i].count);
        if (on_slot(ref, op, op == OP_page_table_node_alloc ? NODE : PROBE).result !=
            expected[i].result)
            fail_msg("%s on the count %llx does not end as it should", OPERATIONS[op].name,
                     (unsigned long long)expected[i].count);
    }
}

static void test_claiming_by_count(void **state)
{
    static const struct by_count EXPECTED[] = {
        {SPEC_REF_COUNT_UNUSED, SPEC_OK},
        {SPEC_REF_COUNT_UNIQUE, SPEC_UNIQUE},
        {0, SPEC_BUSY},
        {1, SPEC_IN_USE},
        {SPEC_REF_COUNT_MAX, SPEC_IN_USE},
        {SPEC_REF_COUNT_MAX + 1, SPEC_IN_USE},
        {SPEC_REF_COUNT_UNIQUE - 1, SPEC_IN_USE},
    };

    check_by_count(*state, OP_get_from_unused, EXPECTED, LENGTH(EXPECTED));
    check_by_count(*state, OP_frame_from_unused, EXPECTED, LENGTH(EXPECTED));
    check_by_count(*state, OP_unique_frame_from_unused, EXPECTED, LENGTH(EXPECTED));
    check_by_count(*state, OP_page_table_node_alloc, EXPECTED, LENGTH(EXPECTED));
}

static void test_acquiring_by_count(void **state)
{
    static const struct by_count EXPECTED[] = {
        {SPEC_REF_COUNT_UNUSED, SPEC_UNUSED},
        {SPEC_REF_COUNT_UNIQUE, SPEC_UNIQUE},
        {0, SPEC_BUSY},
        {1, SPEC_OK},
        {SPEC_REF_COUNT_MAX - 1, SPEC_OK},
        {SPEC_REF_COUNT_MAX, SPEC_PANIC},
        {SPEC_REF_COUNT_MAX + 1, SPEC_PANIC},
        {SPEC_REF_COUNT_UNIQUE - 1, SPEC_PANIC},
    };

    check_by_count(*state, OP_get_from_in_use, EXPECTED, LENGTH(EXPECTED));
    check_by_count(*state, OP_frame_from_in_use, EXPECTED, LENGTH(EXPECTED));
}

/* inc_ref_count adds before it panics; get_from_in_use does not add at all. */
static void test_saturation(void **state)
{
    struct reference *ref = *state;

    set_up(ref, SPEC_REF_COUNT_MAX - 1);
    assert_int_equal(on_slot(ref, OP_inc_ref_count, PROBE).result, SPEC_OK);
    assert_int_equal(ref_count(ref), SPEC_REF_COUNT_MAX);
    assert_int_equal(on_slot(ref, OP_get_from_in_use, PROBE).result, SPEC_PANIC);
    assert_int_equal(ref_count(ref), SPEC_REF_COUNT_MAX);
    assert_int_equal(on_slot(ref, OP_inc_ref_count, PROBE).result, SPEC_PANIC);
    assert_int_equal(ref_count(ref), SPEC_REF_COUNT_MAX + 1);
    set_up(ref, SPEC_REF_COUNT_MAX - 1);
    expect_ok(ref, OP_frame_from_raw);
    assert_int_equal(on_slot(ref, OP_frame_clone, PROBE).result, SPEC_OK);
    assert_int_equal(on_slot(ref, OP_frame_clone, PROBE).result, SPEC_PANIC);
    assert_int_equal(ref->owners.frame_obligations[SLOT], 2);
}

static void test_setup(void **state)
{
    struct reference *ref = *state;

    set_up(ref, 5);
    assert_int_equal(ref_count(ref), 5);
    assert_int_equal(slot_owner(ref)->usage, SPEC_USAGE_FRAME);
    assert_true(meta_slot_storage_equal(&slot_owner(ref)->inner_perms.storage.value, &PROBE));
    assert_int_equal(ref->holders[SLOT].forgotten_frames, 5);
    assert_int_equal(ref->owners.frame_obligations[SLOT], 0);
    assert_int_equal(ref->exempt[SLOT], EXEMPT_NOT);
    assert_false(legal(ref, OP_setup));
    set_up(ref, SPEC_REF_COUNT_MAX);
    assert_int_equal(ref->exempt[SLOT], EXEMPT_NOT);
    set_up(ref, SPEC_REF_COUNT_MAX + 1);
    assert_int_equal(ref->exempt[SLOT], EXEMPT_OVERFLOW);
}

/* What a claim leaves behind, and how it differs between the functions that claim. */
static void check_claimed(struct reference *ref, enum operation op,
                          struct meta_slot_storage metadata, uint64_t count,
                          enum spec_page_usage usage)
{
    struct spec_outcome outcome;

    reference_boot_slot(ref, SLOT);
    outcome = on_slot(ref, op, metadata);
    assert_int_equal(outcome.result, SPEC_OK);
    assert_int_equal(outcome.value, meta_addr(SLOT));
    assert_int_equal(ref_count(ref), count);
    assert_int_equal(slot_owner(ref)->usage, usage);
    assert_true(slot_owner(ref)->inner_perms.storage.is_init);
    assert_true(meta_slot_storage_equal(&slot_owner(ref)->inner_perms.storage.value, &metadata));
    assert_true(slot_owner(ref)->inner_perms.vtable_ptr.is_init);
    assert_int_equal(slot_owner(ref)->inner_perms.vtable_ptr.value, metadata.type);
    assert_int_equal(ref->owners.frame_obligations[SLOT], op != OP_get_from_unused);
    assert_int_equal(ref->owners.slots_dom[SLOT], op != OP_get_from_unused);
    assert_int_equal(ref->nr_drops, 0);
}

static void test_claiming(void **state)
{
    check_claimed(*state, OP_get_from_unused, PROBE, 1, SPEC_USAGE_FRAME);
    check_claimed(*state, OP_frame_from_unused, UNTYPED, 1, SPEC_USAGE_FRAME);
    check_claimed(*state, OP_unique_frame_from_unused, PROBE, SPEC_REF_COUNT_UNIQUE,
                  SPEC_USAGE_FRAME);
    check_claimed(*state, OP_page_table_node_alloc, NODE, 1, SPEC_USAGE_PAGE_TABLE);
}

static void test_extracted_permission_goes_back(void **state)
{
    const struct spec_call call = {.paddr = frame(), .as_unique = true, .metadata = PROBE};
    struct clause_report report = {0};
    struct reference *ref = *state;

    outcome_of(ref, OP_get_from_unused, call);
    assert_int_equal(ref_count(ref), SPEC_REF_COUNT_UNIQUE);
    assert_int_equal(ref->exempt[SLOT], EXEMPT_EXTRACTED);
    /* Nothing but the re-parking is legal at the slot, and only there; two are at none. */
    for (int op = 0; op < NR_OPERATIONS; op++)
        assert_int_equal(legal(ref, (enum operation)op),
                         op == OP_repark || op == OP_lemma_layout || op == OP_list_new);
    expect_ok(ref, OP_repark);
    assert_int_equal(ref->exempt[SLOT], EXEMPT_NOT);
    assert_true(meta_region_owners_inv(&ref->owners, &report));
    expect_ok(ref, OP_unique_frame_from_raw);
}

static void test_dropped_metadata_is_written_anew(void **state)
{
    struct reference *ref = *state;

    set_up(ref, SPEC_REF_COUNT_UNIQUE);
    expect_ok(ref, OP_drop_meta_in_place);
    assert_int_equal(ref->exempt[SLOT], EXEMPT_DROPPED);
    assert_int_equal(ref->nr_drops, 1);
    for (int op = 0; op < NR_OPERATIONS; op++)
        assert_int_equal(legal(ref, (enum operation)op),
                         op == OP_write_meta || op == OP_lemma_layout || op == OP_list_new);
    expect_ok(ref, OP_write_meta);
    assert_int_equal(ref->exempt[SLOT], EXEMPT_NOT);
    assert_int_equal(ref->nr_drops, 0);
}

/* At count 0 metadata may be there or not, and the slot can be given back only if it is. */
static void test_slot_under_destruction(void **state)
{
    struct reference *ref = *state;

    set_up(ref, 0);
    expect_ok(ref, OP_drop_meta_in_place);
    assert_int_equal(ref->exempt[SLOT], EXEMPT_NOT);
    assert_false(legal(ref, OP_drop_meta_in_place));
    assert_false(legal(ref, OP_drop_last_in_place));
    expect_ok(ref, OP_write_meta);
    expect_ok(ref, OP_drop_last_in_place);
    assert_int_equal(ref->nr_drops, 1);
    assert_int_equal(ref_count(ref), SPEC_REF_COUNT_UNUSED);
    assert_false(legal(ref, OP_drop_last_in_place));
}

static void check_dropped(const struct reference *ref, uint64_t payload)
{
    assert_int_equal(ref->nr_drops, 1);
    assert_int_equal(ref->drops[0].paddr, frame());
    assert_int_equal(ref->drops[0].metadata.type, SPEC_METADATA_PROBE);
    assert_int_equal(ref->drops[0].metadata.probe.payload, payload);
}

/* The last reference frees the slot and keeps what the source says it keeps. */
static void test_last_drop(void **state)
{
    struct reference *ref = *state;

    expect_ok(ref, OP_frame_from_unused);
    expect_ok(ref, OP_frame_clone);
    expect_ok(ref, OP_frame_drop);
    assert_int_equal(ref->nr_drops, 0);
    assert_int_equal(ref_count(ref), 1);
    expect_ok(ref, OP_frame_drop);
    check_dropped(ref, 77);
    assert_int_equal(ref_count(ref), SPEC_REF_COUNT_UNUSED);
    assert_false(slot_owner(ref)->inner_perms.storage.is_init);
    assert_false(slot_owner(ref)->inner_perms.vtable_ptr.is_init);
    assert_int_equal(slot_owner(ref)->usage, SPEC_USAGE_FRAME);
    assert_int_equal(slot_owner(ref)->slot_vaddr, meta_addr(SLOT));
    assert_int_equal(ref->owners.frame_obligations[SLOT], 0);
    assert_false(legal(ref, OP_frame_drop));
}

static void test_unique_frames_drop(void **state)
{
    static const enum operation ENDS[] = {OP_unique_frame_drop, OP_unique_frame_reset_as_unused};
    struct reference *ref = *state;

    for (size_t i = 0; i < LENGTH(ENDS); i++) {
        expect_ok(ref, OP_unique_frame_from_unused);
        expect_ok(ref, ENDS[i]);
        check_dropped(ref, 77);
        assert_int_equal(ref_count(ref), SPEC_REF_COUNT_UNUSED);
        assert_int_equal(ref->owners.frame_obligations[SLOT], 0);
        assert_int_equal(ref->holders[SLOT].live_unique_frames, 0);
    }
}

/* Only the probe records that it is dropped, and only dropping does it. */
static void test_which_operations_drop(void **state)
{
    struct meta_slot_storage other = PROBE;
    struct reference *ref = *state;

    other.probe.payload = 78;
    expect_ok(ref, OP_unique_frame_from_unused);
    on_slot(ref, OP_unique_frame_repurpose, other);
    check_dropped(ref, 77);
    on_slot(ref, OP_unique_frame_meta_mut, PROBE);
    assert_int_equal(ref->nr_drops, 0);
    assert_true(meta_slot_storage_equal(&slot_owner(ref)->inner_perms.storage.value, &PROBE));
    on_slot(ref, OP_write_meta, other);
    assert_int_equal(ref->nr_drops, 0);
    on_slot(ref, OP_unique_frame_repurpose, UNTYPED);
    check_dropped(ref, 78);
    assert_int_equal(ref_count(ref), SPEC_REF_COUNT_UNIQUE);
    assert_int_equal(slot_owner(ref)->inner_perms.vtable_ptr.value, SPEC_METADATA_UNTYPED);
    expect_ok(ref, OP_unique_frame_drop);
    assert_int_equal(ref->nr_drops, 0);
}

/* More drops in a step than there is room for are still counted. */
static void test_drops_beyond_the_room(void **state)
{
    struct spec_call call = {.paddr = frame(), .metadata = PROBE};
    struct reference *ref = *state;
    struct spec_outcome outcome;

    expect_ok(ref, OP_unique_frame_from_unused);
    for (uint64_t i = 0; i < 6; i++) {
        call.metadata.probe.payload = i;
        reference_unique_frame_repurpose(ref, &call, &outcome);
    }
    assert_int_equal(ref->nr_drops, 6);
    assert_int_equal(ref->drops[0].metadata.probe.payload, 77);
    assert_int_equal(ref->drops[3].metadata.probe.payload, 2);
    reference_begin(ref);
    assert_int_equal(ref->nr_drops, 0);
}

static void test_raw_handles(void **state)
{
    struct reference *ref = *state;

    expect_ok(ref, OP_frame_from_unused);
    assert_false(legal(ref, OP_frame_from_raw));
    assert_int_equal(on_slot(ref, OP_frame_into_raw, PROBE).value, frame());
    assert_int_equal(ref->owners.frame_obligations[SLOT], 0);
    assert_false(legal(ref, OP_frame_into_raw));
    assert_int_equal(on_slot(ref, OP_frame_from_raw, PROBE).value, meta_addr(SLOT));
    assert_int_equal(ref->owners.frame_obligations[SLOT], 1);
    assert_int_equal(ref_count(ref), 1);
    expect_ok(ref, OP_unique_frame_try_from);
    assert_false(legal(ref, OP_unique_frame_from_raw));
    assert_int_equal(on_slot(ref, OP_unique_frame_into_raw, PROBE).value, frame());
    assert_int_equal(ref->owners.frame_obligations[SLOT], 0);
    assert_false(legal(ref, OP_frame_from_raw));
    assert_int_equal(on_slot(ref, OP_unique_frame_from_raw, PROBE).value, meta_addr(SLOT));
    assert_int_equal(ref->owners.frame_obligations[SLOT], 1);
}

/* A frame becomes unique only if nobody else has it; else it comes back. */
static void test_between_shared_and_unique(void **state)
{
    struct reference *ref = *state;

    expect_ok(ref, OP_frame_from_unused);
    assert_int_equal(on_slot(ref, OP_frame_clone, PROBE).value, meta_addr(SLOT));
    assert_int_equal(on_slot(ref, OP_unique_frame_try_from, PROBE).result, SPEC_RETURNED);
    assert_int_equal(ref_count(ref), 2);
    assert_int_equal(ref->holders[SLOT].live_frames, 2);
    expect_ok(ref, OP_frame_drop);
    assert_int_equal(on_slot(ref, OP_unique_frame_try_from, PROBE).value, meta_addr(SLOT));
    assert_int_equal(ref_count(ref), SPEC_REF_COUNT_UNIQUE);
    assert_false(legal(ref, OP_frame_clone));
    assert_int_equal(on_slot(ref, OP_frame_from_unique, PROBE).value, meta_addr(SLOT));
    assert_int_equal(ref_count(ref), 1);
    assert_int_equal(ref->owners.frame_obligations[SLOT], 1);
    assert_false(legal(ref, OP_unique_frame_drop));
}

static void test_reading(void **state)
{
    struct spec_outcome outcome;
    struct reference *ref = *state;

    set_up(ref, 9);
    expect_ok(ref, OP_frame_from_raw);
    assert_int_equal(on_slot(ref, OP_frame_reference_count, PROBE).value, 9);
    assert_int_equal(on_slot(ref, OP_frame_paddr, PROBE).value, frame());
    assert_int_equal(on_slot(ref, OP_as_meta_ptr, PROBE).value, meta_addr(SLOT));
    outcome = on_slot(ref, OP_frame_meta, UNTYPED);
    assert_true(meta_slot_storage_equal(&outcome.metadata, &PROBE));
    outcome = on_slot(ref, OP_dyn_meta_ptr, UNTYPED);
    assert_int_equal(outcome.value, meta_addr(SLOT));
    assert_int_equal(outcome.metadata.type, SPEC_METADATA_PROBE);
    assert_int_equal(outcome.metadata.probe.payload, 0);
}

/* Without the reference, the handle or the exclusiveness that the source asks for. */
static void test_illegal_calls(void **state)
{
    static const enum operation WITHOUT_HANDLE[] = {
        OP_frame_clone,
        OP_frame_drop,
        OP_frame_into_raw,
        OP_unique_frame_drop,
        OP_frame_from_unique,
        OP_unique_frame_try_from,
        OP_write_meta,
        OP_drop_meta_in_place,
        OP_drop_last_in_place,
        OP_unique_frame_from_raw,
        OP_repark,
        OP_unique_frame_repurpose,
    };
    struct reference *ref = *state;

    for (size_t i = 0; i < LENGTH(WITHOUT_HANDLE); i++) {
        set_up(ref, SPEC_REF_COUNT_UNUSED);
        assert_false(legal(ref, WITHOUT_HANDLE[i]));
        assert_false(legal(ref, OP_frame_from_raw));
        assert_false(legal(ref, OP_inc_ref_count));
        set_up(ref, 3);
        assert_false(legal(ref, WITHOUT_HANDLE[i]));
        assert_true(legal(ref, OP_frame_from_raw));
        assert_true(legal(ref, OP_inc_ref_count));
    }
}

/* A slot that is in a list or mapped cannot be given back. */
static void test_listed_or_mapped_slots_stay(void **state)
{
    static const enum operation ENDS[] = {OP_unique_frame_drop, OP_unique_frame_reset_as_unused,
                                          OP_frame_from_unique};
    struct reference *ref = *state;
    struct meta_slot_owner *owner = &ref->owners.slot_owners[SLOT];

    expect_ok(ref, OP_unique_frame_from_unused);
    for (size_t i = 0; i < LENGTH(ENDS); i++) {
        assert_true(legal(ref, ENDS[i]));
        owner->inner_perms.in_list.value = 1;
        assert_false(legal(ref, ENDS[i]));
        owner->inner_perms.in_list.value = 0;
        owner->paths_in_pt = 1;
        assert_false(legal(ref, ENDS[i]));
        owner->paths_in_pt = 0;
    }
    expect_ok(ref, OP_frame_from_unique);
    owner->paths_in_pt = 1;
    assert_false(legal(ref, OP_frame_drop));
    expect_ok(ref, OP_frame_clone);
    assert_true(legal(ref, OP_frame_drop));
}

/* A slot in a list keeps its metadata; it leaves the list first. */
static void test_listed_slots_keep_their_metadata(void **state)
{
    struct reference *ref = *state;
    uint64_t *in_list = &ref->owners.slot_owners[SLOT].inner_perms.in_list.value;

    expect_ok(ref, OP_unique_frame_from_unused);
    assert_true(legal(ref, OP_drop_meta_in_place));
    assert_true(legal(ref, OP_unique_frame_repurpose));
    *in_list = 1;
    assert_false(legal(ref, OP_drop_meta_in_place));
    assert_false(legal(ref, OP_unique_frame_repurpose));
    *in_list = 0;
}

static bool legal_with(const struct reference *ref, enum operation op, struct spec_call call)
{
    call.paddr = frame();
    return OPERATIONS[op].requires(ref, &call);
}

/* The two largest values of the field are no counts. */
static void test_counts_for_setup(void **state)
{
    static const struct {
        uint64_t count;
        bool legal;
    } COUNTS[] = {
        {0, true},
        {SPEC_REF_COUNT_MAX + 1, true},
        {SPEC_REF_COUNT_UNIQUE - 1, true},
        {SPEC_REF_COUNT_UNIQUE, false},
        {SPEC_REF_COUNT_UNUSED, false},
    };

    for (size_t i = 0; i < LENGTH(COUNTS); i++)
        assert_int_equal(legal_with(*state, OP_setup, (struct spec_call){.count = COUNTS[i].count}),
                         COUNTS[i].legal);
}

/* meta_mut keeps the type, and a node's slot holds a node; what is not stored may be anything. */
static void test_types_of_metadata(void **state)
{
    struct reference *ref = *state;

    assert_true(legal_with(ref, OP_page_table_node_alloc, (struct spec_call){.metadata = NODE}));
    assert_false(legal_with(ref, OP_page_table_node_alloc, (struct spec_call){.metadata = PROBE}));
    expect_ok(ref, OP_unique_frame_from_unused);
    assert_true(legal_with(ref, OP_page_table_node_alloc, (struct spec_call){.metadata = PROBE}));
    assert_true(legal_with(ref, OP_unique_frame_meta_mut, (struct spec_call){.metadata = PROBE}));
    assert_false(
        legal_with(ref, OP_unique_frame_meta_mut, (struct spec_call){.metadata = UNTYPED}));
}

static void test_boot(void **state)
{
    struct clause_report report = {0};
    struct reference *ref = *state;

    expect_ok(ref, OP_frame_from_unused);
    ref->nr_drops = 1;
    reference_boot(ref, 2);
    assert_int_equal(ref->nr_drops, 0);
    assert_int_equal(ref->owners.max_meta_slots, 2);
    assert_true(clean_inv(&ref->owners, &report));
    for (uint64_t i = 0; i < 2; i++)
        assert_true(accounting(&ref->owners, i, &ref->holders[i], &report));
    assert_int_equal(
        outcome_of(ref, OP_get_slot, (struct spec_call){.paddr = index_to_frame(2)}).result,
        SPEC_OUT_OF_BOUND);
}

static void test_create_refuses(void **state)
{
    struct reference ref;

    (void)state;
    assert_false(reference_create(&ref, 0));
    assert_false(reference_create(&ref, SPEC_MAX_META_SLOTS + 1));
    assert_null(ref.holders);
}

int main(void)
{
#define ON_REFERENCE(test)                                                                         \
    cmocka_unit_test_setup_teardown(test, create_reference, destroy_reference)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_programs_satisfy_the_judge, create_run,
                                        destroy_run),
        ON_REFERENCE(test_misaligned_comes_before_out_of_bound),
        ON_REFERENCE(test_get_slot_finds_the_slot),
        ON_REFERENCE(test_claiming_by_count),
        ON_REFERENCE(test_acquiring_by_count),
        ON_REFERENCE(test_saturation),
        ON_REFERENCE(test_setup),
        ON_REFERENCE(test_claiming),
        ON_REFERENCE(test_extracted_permission_goes_back),
        ON_REFERENCE(test_dropped_metadata_is_written_anew),
        ON_REFERENCE(test_slot_under_destruction),
        ON_REFERENCE(test_last_drop),
        ON_REFERENCE(test_unique_frames_drop),
        ON_REFERENCE(test_which_operations_drop),
        ON_REFERENCE(test_drops_beyond_the_room),
        ON_REFERENCE(test_raw_handles),
        ON_REFERENCE(test_between_shared_and_unique),
        ON_REFERENCE(test_reading),
        ON_REFERENCE(test_illegal_calls),
        ON_REFERENCE(test_listed_or_mapped_slots_stay),
        ON_REFERENCE(test_listed_slots_keep_their_metadata),
        ON_REFERENCE(test_counts_for_setup),
        ON_REFERENCE(test_types_of_metadata),
        ON_REFERENCE(test_boot),
        cmocka_unit_test(test_create_refuses),
    };
#undef ON_REFERENCE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
