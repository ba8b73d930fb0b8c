/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The mutator: what each mutation does to a program, what may come in and go out, and both engines'
 * ways to call it. The mutations are no interface, so the file is compiled in here.
 */
#include "mutator.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

/* Needs the four headers before it. */
#include <cmocka.h>

enum {
    ROUNDS = 3000,
    MAX_SIZE = 512, /* as in campaigns */
    MAX_OPS = 40,
};

/* What engines find by name. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data, size_t size, const uint8_t *other,
                                 size_t other_size, uint8_t *out, size_t max_size, unsigned seed);
void *afl_custom_init(void *afl, unsigned seed);
void afl_custom_deinit(void *data);
uint32_t afl_custom_fuzz_count(void *data, const uint8_t *bytes, size_t size);
size_t afl_custom_fuzz(void *data, uint8_t *bytes, size_t size, uint8_t **out, uint8_t *other,
                       size_t other_size, size_t max_size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* --- programs ------------------------------------------------------------------------------- */

/* A mutator with a random program in it, of at least one operation and some format. */
static void start(struct mutator *mutator, uint64_t seed)
{
    mutator_init(mutator, seed);
    mutator->program.format_byte = seed % 2 == 0 ? 1 : PROGRAM_FORMAT;
    const size_t nr = 1 + (size_t)below(mutator, MAX_OPS);

    assert_true(program_generate(&mutator->program, &mutator->random, nr));
}

static struct program copy_of(const struct program *program)
{
    struct program copy;

    program_init(&copy);
    for (size_t i = 0; i < program->nr_ops; i++)
        assert_true(program_append(&copy, program->ops[i]));
    copy.format_byte = program->format_byte;
    copy.slots_byte = program->slots_byte;
    return copy;
}

static bool same_operation(struct operation a, struct operation b)
{
    return a.op == b.op && memcmp(a.operand, b.operand, sizeof(a.operand)) == 0;
}

static bool same_operations(const struct operation *a, const struct operation *b, size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        if (!same_operation(a[i], b[i]))
            return false;
    }
    return true;
}

/* How many operations at the beginning, or of what is left at the end, are the same. */
static size_t common_start(const struct program *a, const struct program *b)
{
    size_t nr = 0;

    while (nr < a->nr_ops && nr < b->nr_ops && same_operation(a->ops[nr], b->ops[nr]))
        nr++;
    return nr;
}

/* True if `longer` is `shorter` with a run of operations more, somewhere. */
static bool has_run_more(const struct program *longer, const struct program *shorter)
{
    const size_t more = longer->nr_ops - shorter->nr_ops;
    const size_t at = common_start(longer, shorter);

    return longer->nr_ops >= shorter->nr_ops &&
           same_operations(&longer->ops[at + more], &shorter->ops[at], shorter->nr_ops - at);
}

static bool is_within(const struct program *program, const struct operation *run, size_t nr)
{
    for (size_t at = 0; at + nr <= program->nr_ops; at++) {
        if (same_operations(&program->ops[at], run, nr))
            return true;
    }
    return false;
}

/* Bytes and back: every operand is within its width, every operation one of the format. */
static void assert_encodable(const struct program *program)
{
    static uint8_t bytes[4096];
    struct program again;

    program_init(&again);
    assert_true(program_encoded_size(program) <= sizeof(bytes));
    program_encode(program, bytes);
    assert_true(program_decode(&again, bytes, program_encoded_size(program)));
    assert_int_equal(again.nr_ops, program->nr_ops);
    assert_int_equal(again.tail_size, 0);
    assert_true(same_operations(again.ops, program->ops, program->nr_ops));
    for (size_t i = 0; i < again.nr_ops; i++)
        assert_int_equal(again.ops[i].opcode, again.ops[i].op);
    program_free(&again);
}

/* --- each mutation -------------------------------------------------------------------------- */

struct seen {
    unsigned nr_changed, nr_larger; /* rounds that changed anything; by more than one operation */
    unsigned nr_special;            /* that did what the check says */
};

/* True if the round is a special one. */
typedef bool (*check_function)(const struct mutator *mutator, const struct program *before,
                               const struct program *after);

static struct seen apply_often(bool (*apply)(struct mutator *mutator), check_function check)
{
    struct seen seen = {0};

    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        struct mutator mutator;
        start(&mutator, seed);
        struct program before = copy_of(&mutator.program);
        const size_t nr = before.nr_ops;
        assert_true(apply(&mutator));
        const struct program *after = &mutator.program;
        seen.nr_special += check(&mutator, &before, after);
        assert_encodable(after);
        assert_int_equal(after->format_byte, before.format_byte);
        seen.nr_changed += after->nr_ops != nr || after->slots_byte != before.slots_byte ||
                           !same_operations(after->ops, before.ops, nr);
        seen.nr_larger += after->nr_ops > nr + 1 || after->nr_ops + 1 < nr;
        program_free(&before);
        mutator_free(&mutator);
    }
    return seen;
}

static bool check_insert(const struct mutator *mutator, const struct program *before,
                         const struct program *after)
{
    const size_t more = after->nr_ops - before->nr_ops;

    assert_in_range(more, 1, MAX_RUN);
    assert_true(has_run_more(after, before));
    for (size_t i = 0; i < more; i++)
        assert_false(op_is_setup((enum op)mutator->copied[i].op));
    return false;
}

static void test_insert(void **state)
{
    (void)state;
    const struct seen seen = apply_often(insert, check_insert);

    assert_int_equal(seen.nr_changed, ROUNDS);
    assert_in_range(seen.nr_larger, ROUNDS / 2, ROUNDS * 3 / 4);
}

static bool check_add_setup(const struct mutator *mutator, const struct program *before,
                            const struct program *after)
{
    (void)mutator;
    assert_int_equal(after->nr_ops, before->nr_ops + 1);
    assert_true(op_is_setup((enum op)after->ops[0].op));
    assert_true(same_operations(&after->ops[1], before->ops, before->nr_ops));
    return false;
}

static void test_add_setup(void **state)
{
    (void)state;
    assert_int_equal(apply_often(add_setup, check_add_setup).nr_changed, ROUNDS);
}

static bool check_delete(const struct mutator *mutator, const struct program *before,
                         const struct program *after)
{
    (void)mutator;
    assert_in_range(before->nr_ops - after->nr_ops, 1, MAX_RUN);
    assert_true(has_run_more(before, after));
    return common_start(before, after) > 0;
}

static void test_delete(void **state)
{
    (void)state;
    const struct seen seen = apply_often(delete_some, check_delete);

    assert_int_equal(seen.nr_changed, ROUNDS);
    assert_in_range(seen.nr_larger, ROUNDS / 2, ROUNDS * 3 / 4);
    assert_true(seen.nr_special > ROUNDS / 2);
}

/* The two that changed places, or nothing. Special: neighbours. */
static bool check_swap(const struct mutator *mutator, const struct program *before,
                       const struct program *after)
{
    size_t at[2], nr = 0;

    (void)mutator;
    assert_int_equal(after->nr_ops, before->nr_ops);
    for (size_t i = 0; i < after->nr_ops; i++) {
        if (same_operation(after->ops[i], before->ops[i]))
            continue;
        assert_true(nr < 2);
        at[nr++] = i;
    }
    assert_true(nr != 1);
    if (nr == 2) {
        assert_true(same_operation(after->ops[at[0]], before->ops[at[1]]));
        assert_true(same_operation(after->ops[at[1]], before->ops[at[0]]));
    }
    return nr == 2 && at[1] == at[0] + 1;
}

static void test_swap(void **state)
{
    (void)state;
    const struct seen seen = apply_often(swap, check_swap);

    /* All but those of one operation, and where the two are the same. */
    assert_true(seen.nr_changed > ROUNDS * 9 / 10);
    assert_in_range(seen.nr_special, ROUNDS * 2 / 5, ROUNDS * 4 / 5);
}

static bool check_duplicate(const struct mutator *mutator, const struct program *before,
                            const struct program *after)
{
    const size_t more = after->nr_ops - before->nr_ops;

    assert_in_range(more, 1, MAX_RUN);
    assert_true(has_run_more(after, before));
    assert_true(is_within(before, mutator->copied, more));
    return !same_operations(before->ops, mutator->copied, more);
}

static void test_duplicate(void **state)
{
    (void)state;
    const struct seen seen = apply_often(duplicate, check_duplicate);

    assert_int_equal(seen.nr_changed, ROUNDS);
    assert_in_range(seen.nr_larger, ROUNDS / 2, ROUNDS * 3 / 4);
    assert_true(seen.nr_special > ROUNDS / 2);
}

/* Where one operand is another one; PROGRAM_MAX_OPERANDS: nowhere. Nothing else may have changed. */
static int changed_operand(const struct program *before, const struct program *after, size_t *at)
{
    int position = PROGRAM_MAX_OPERANDS;

    assert_int_equal(after->nr_ops, before->nr_ops);
    assert_int_equal(after->slots_byte, before->slots_byte);
    for (size_t i = 0; i < after->nr_ops; i++) {
        assert_int_equal(after->ops[i].op, before->ops[i].op);
        for (int j = 0; j < PROGRAM_MAX_OPERANDS; j++) {
            if (after->ops[i].operand[j] == before->ops[i].operand[j])
                continue;
            assert_int_equal(position, PROGRAM_MAX_OPERANDS);
            position = j;
            *at = i;
        }
    }
    return position;
}

static bool is_address_of(const struct program *program, uint16_t value)
{
    for (size_t i = 0; i < program->nr_ops; i++) {
        for (int j = 0; j < PROGRAM_MAX_OPERANDS; j++) {
            if (is_place_in_memory(OPS[program->ops[i].op].operand[j]) &&
                program->ops[i].operand[j] == value)
                return true;
        }
    }
    return false;
}

static bool check_retarget(const struct mutator *mutator, const struct program *before,
                           const struct program *after)
{
    size_t at = 0;
    const int position = changed_operand(before, after, &at);

    (void)mutator;
    if (position == PROGRAM_MAX_OPERANDS)
        return false;
    const enum operand_kind kind = OPS[after->ops[at].op].operand[position];
    if (operand_is_handle(kind))
        assert_in_range(after->ops[at].operand[position], 0, 3);
    else
        assert_true(is_address_of(before, after->ops[at].operand[position]));
    return position > 0;
}

static void test_retarget(void **state)
{
    (void)state;
    /* All but those with nothing else to point at. */
    assert_true(apply_often(retarget, check_retarget).nr_changed > ROUNDS * 9 / 10);
}

/* Special: not the first one. */
static bool check_one_operand(const struct mutator *mutator, const struct program *before,
                              const struct program *after)
{
    size_t at;
    (void)mutator;
    const int position = changed_operand(before, after, &at);

    return position > 0 && position < PROGRAM_MAX_OPERANDS;
}

static void test_redraw(void **state)
{
    (void)state;
    const struct seen seen = apply_often(redraw, check_one_operand);

    assert_true(seen.nr_changed > ROUNDS * 4 / 5);
    assert_true(seen.nr_special > ROUNDS / 10);
}

/* Counts are at the ends of their ranges, or beside them. */
static bool check_boundary(const struct mutator *mutator, const struct program *before,
                           const struct program *after)
{
    size_t at = 0;
    const int position = changed_operand(before, after, &at);

    (void)mutator;
    if (position == PROGRAM_MAX_OPERANDS)
        return false;
    const uint16_t value = after->ops[at].operand[position];
    const enum operand_kind kind = OPS[after->ops[at].op].operand[position];
    if (kind == OPERAND_SLOT)
        assert_true(value < program_slots(after));
    if (kind == OPERAND_COUNT)
        assert_true(value <= 2 || (value >= COUNT_MAX - 1 && value <= COUNT_MAX + 2) ||
                    value == COUNT_ABOVE_MAX || value == COUNT_BELOW_UNIQUE || value == 255);
    if (operand_is_handle(kind))
        assert_true(value <= 3 || value == 63 || value == 255);
    return position > 0;
}

static void test_boundary(void **state)
{
    (void)state;
    assert_true(apply_often(set_to_boundary, check_boundary).nr_changed > ROUNDS * 9 / 10);
}

/* Every value that counts is meant to have comes up. */
static void test_boundaries_of_counts(void **state)
{
    (void)state;
    struct mutator mutator;
    bool seen[256] = {false};
    const uint8_t wanted[] = {0, 1, COUNT_MAX, COUNT_MAX + 1, COUNT_ABOVE_MAX, COUNT_BELOW_UNIQUE};

    mutator_init(&mutator, 1);
    for (int i = 0; i < ROUNDS; i++)
        seen[boundary_of(&mutator, OPERAND_COUNT)] = true;
    for (size_t i = 0; i < sizeof(wanted); i++)
        assert_true(seen[wanted[i]]);
    mutator_free(&mutator);
}

/* The last frame of a region is drawn, and one in its midst, whatever its size; an address as wide as
 * its kind. */
static void test_the_last_slot_is_a_boundary(void **state)
{
    (void)state;
    struct mutator mutator;
    bool seen = false;

    mutator_init(&mutator, 1);
    for (uint64_t slots = 1; slots <= FUZZ_MAX_SLOTS; slots++) {
        assert_true(program_set_slots(&mutator.program, slots));
        seen = false;
        for (int i = 0; i < 100; i++)
            seen = seen || boundary_of(&mutator, OPERAND_PADDR) == slots - 1;
        assert_true(seen);
        seen = false;
        for (int i = 0; i < 1000; i++)
            seen = seen || boundary_of(&mutator, OPERAND_SLOT) == slots / 2;
        assert_true(seen);
    }
    assert_true(program_set_slots(&mutator.program, 1 << 23));
    assert_true(last_slot(&mutator) < PADDR_OOB);
    mutator_free(&mutator);
}

static bool check_resize(const struct mutator *mutator, const struct program *before,
                         const struct program *after)
{
    (void)mutator;
    if (program_slots(after) != FUZZ_LARGE_SLOTS)
        assert_in_range(program_slots(after), 1, FUZZ_MAX_SLOTS);
    assert_int_equal(after->nr_ops, before->nr_ops);
    assert_true(same_operations(after->ops, before->ops, before->nr_ops));
    return program_slots(after) > 8;
}

static void test_resize(void **state)
{
    (void)state;
    const struct seen seen = apply_often(resize, check_resize);

    assert_true(seen.nr_changed > ROUNDS / 2);
    assert_in_range(seen.nr_special, ROUNDS / 8, ROUNDS / 3);
}

/* list_new has no operand, frame_drop a handle. */
static void start_with_a_handle(struct mutator *mutator, uint64_t seed)
{
    static const struct operation OPERATIONS[] = {
        {.op = OP_list_new, .opcode = OP_list_new},
        {.op = OP_frame_drop, .opcode = OP_frame_drop},
        {.op = OP_list_new, .opcode = OP_list_new},
    };

    mutator_init(mutator, seed);
    for (size_t i = 0; i < sizeof(OPERATIONS) / sizeof(OPERATIONS[0]); i++)
        assert_true(program_append(&mutator->program, OPERATIONS[i]));
}

/* What would leave the program as it is, is not drawn, or seldom. */
static void test_what_changes_nothing_is_drawn_again(void **state)
{
    (void)state;
    unsigned nr_operands = 0, nr_other_handles = 0, nr_other_addresses = 0, nr_others = 0;

    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        struct mutator mutator;
        start_with_a_handle(&mutator, seed);
        struct operation *ops = mutator.program.ops;
        nr_operands += draw_operand(&mutator, is_any).kind != OPERAND_NONE;
        assert_true(retarget(&mutator));
        nr_other_handles += ops[1].operand[0] != 0;
        ops[0] = (struct operation){OP_get_slot, OP_get_slot, {1, 0, 0}};
        ops[2] = (struct operation){OP_get_slot, OP_get_slot, {2, 0, 0}};
        nr_other_addresses += another_address(&mutator, 1) == 2;
        assert_true(swap(&mutator));
        nr_others += ops[1].op == OP_get_slot || ops[0].operand[0] == 2;
        mutator_free(&mutator);
    }
    /* Eight tries miss one of three operations once in 26 times. */
    assert_true(nr_operands > ROUNDS * 9 / 10);
    assert_true(nr_other_handles > ROUNDS * 9 / 10);
    assert_true(nr_other_addresses > ROUNDS * 9 / 10);
    assert_int_equal(nr_others, ROUNDS);
}

/* One in sixteen. */
static void test_large_regions_come_up(void **state)
{
    (void)state;
    struct mutator mutator;
    unsigned nr_large = 0;

    mutator_init(&mutator, 1);
    for (int i = 0; i < ROUNDS; i++) {
        assert_true(resize(&mutator));
        nr_large += program_slots(&mutator.program) == FUZZ_LARGE_SLOTS;
    }
    assert_in_range(nr_large, ROUNDS / 20, ROUNDS / 12);
    mutator_free(&mutator);
}

/* --- which one ------------------------------------------------------------------------------ */

static void test_mutations_come_by_their_weights(void **state)
{
    (void)state;
    unsigned sum = 0, nr_grown = 0, nr_shrunk = 0, nr_resized = 0;

    for (size_t i = 0; i < NR_MUTATIONS; i++)
        sum += MUTATIONS[i].weight;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        struct mutator mutator;
        start(&mutator, seed);
        const size_t nr = mutator.program.nr_ops;
        const uint8_t slots = mutator.program.slots_byte;
        assert_true(mutate_once(&mutator));
        nr_grown += mutator.program.nr_ops > nr;
        nr_shrunk += mutator.program.nr_ops < nr;
        nr_resized += mutator.program.slots_byte != slots;
        mutator_free(&mutator);
    }
    /* insert, duplicate and add_setup; delete_some; resize, which may draw the size that there is. */
    assert_in_range(nr_grown, ROUNDS * 11 / sum, ROUNDS * 13 / sum);
    assert_in_range(nr_shrunk, ROUNDS * 3 / sum, ROUNDS * 5 / sum);
    assert_in_range(nr_resized, ROUNDS / (2 * sum), ROUNDS * 2 / sum);
}

/* --- what comes in and goes out ------------------------------------------------------------- */

/* Bytes of any kind: programs, programs cut short, of any format, texts, and noise. */
static size_t draw_input(struct random *random, uint8_t bytes[MAX_SIZE])
{
    static const uint8_t FIRST[] = {1, 2, 2, 2, 0, 3, 8, 9, 's', '\n', 200, 255};
    const size_t size = (size_t)(random_next(random) % 60);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)random_next(random);
    if (size > 0)
        bytes[0] = FIRST[random_next(random) % sizeof(FIRST)];
    return size;
}

/* What an engine gets is a whole program of a known format, and fits. */
static void assert_good_output(const uint8_t *bytes, size_t size, size_t max_size)
{
    struct program program;

    program_init(&program);
    assert_in_range(size, HEADER_SIZE, max_size);
    assert_false(program_is_text(bytes, size));
    assert_true(program_decode(&program, bytes, size));
    assert_true(program_format(&program) <= PROGRAM_FORMAT);
    assert_encodable(&program);
    program_free(&program);
}

static void test_every_output_is_a_program(void **state)
{
    (void)state;
    struct random random = {1};
    uint8_t in[MAX_SIZE], other[MAX_SIZE], out[MAX_SIZE];
    struct mutator mutator;

    mutator_init(&mutator, 2);
    for (int i = 0; i < ROUNDS; i++) {
        const size_t size = draw_input(&random, in), other_size = draw_input(&random, other);
        const size_t max_size = HEADER_SIZE + (size_t)(random_next(&random) % (MAX_SIZE - 2));
        size_t given = mutator_mutate(&mutator, in, size, out, max_size);
        assert_good_output(out, given, max_size);
        given = mutator_cross_over(&mutator, in, size, other, other_size, out, max_size);
        assert_good_output(out, given, max_size);
    }
    mutator_free(&mutator);
}

/* Not even a header fits. */
static void test_no_room(void **state)
{
    (void)state;
    struct mutator mutator;
    uint8_t in[] = {2, 3, 0}, out[1] = {77};

    mutator_init(&mutator, 1);
    for (size_t max_size = 0; max_size < HEADER_SIZE; max_size++) {
        assert_int_equal(mutator_mutate(&mutator, in, sizeof(in), out, max_size), 0);
        assert_int_equal(mutator_cross_over(&mutator, in, 3, in, 3, out, max_size), 0);
    }
    assert_int_equal(out[0], 77);
    mutator_free(&mutator);
}

/* Of what is none a program is made: of 16 slots, with operations. */
static void test_garbage_becomes_a_program(void **state)
{
    (void)state;
    static const char *const GARBAGE[] = {"",  "slotcheck program 2\nslots 4\n", "\n",
                                          "~", "\x03\x01\x02\x03\x04",           "\x08"};
    uint8_t out[MAX_SIZE];

    for (size_t i = 0; i < sizeof(GARBAGE) / sizeof(GARBAGE[0]); i++) {
        const uint8_t *bytes = (const uint8_t *)GARBAGE[i];
        for (uint64_t seed = 0; seed < 50; seed++) {
            struct mutator mutator;
            mutator_init(&mutator, seed);
            assert_true(take(&mutator.program, bytes, strlen(GARBAGE[i])));
            assert_int_equal(mutator.program.nr_ops, 0);
            assert_int_equal(program_slots(&mutator.program), 16);
            const size_t size =
                mutator_mutate(&mutator, bytes, strlen(GARBAGE[i]), out, sizeof(out));
            assert_good_output(out, size, sizeof(out));
            assert_int_equal(out[0], PROGRAM_FORMAT);
            mutator_free(&mutator);
        }
    }
}

/* A header cut short is made whole, and what it says is kept; a tail goes. */
static void test_what_is_cut_short(void **state)
{
    (void)state;
    struct mutator mutator;
    static const uint8_t FORMAT_1[] = {1}, TAIL[] = {2, 3, OP_setup, 1};

    mutator_init(&mutator, 1);
    assert_true(take(&mutator.program, FORMAT_1, sizeof(FORMAT_1)));
    assert_int_equal(mutator.program.format_byte, 1);
    assert_int_equal(program_encoded_size(&mutator.program), HEADER_SIZE);
    assert_true(take(&mutator.program, TAIL, sizeof(TAIL)));
    assert_int_equal(program_slots(&mutator.program), 4);
    assert_int_equal(program_encoded_size(&mutator.program), HEADER_SIZE);
    mutator_free(&mutator);
}

/* As much as fits: whole operations, from the beginning. */
static void test_what_does_not_fit_is_left_out_at_the_end(void **state)
{
    (void)state;
    struct mutator mutator;
    uint8_t whole[1024], out[1024];

    for (uint64_t seed = 0; seed < 200; seed++) {
        start(&mutator, seed);
        const size_t size = program_encoded_size(&mutator.program);
        program_encode(&mutator.program, whole);
        const size_t max_size = HEADER_SIZE + (size_t)below(&mutator, size);
        const size_t given = give(&mutator.program, out, max_size);
        assert_good_output(out, given, max_size);
        assert_memory_equal(out, whole, given);
        assert_true(given == size || (max_size < size && given + 8 > max_size));
        mutator_free(&mutator);
    }
}

/* --- the same again ------------------------------------------------------------------------- */

/* The same seed and input give the same output, wherever they are and whatever was before. */
static void test_same_seed_same_output(void **state)
{
    (void)state;
    struct random random = {3};
    uint8_t in[MAX_SIZE], other[MAX_SIZE], first[MAX_SIZE], again[MAX_SIZE];
    struct mutator used;

    mutator_init(&used, 0);
    for (uint64_t seed = 0; seed < ROUNDS / 3; seed++) {
        const size_t size = draw_input(&random, in), other_size = draw_input(&random, other);
        struct mutator fresh;
        mutator_init(&fresh, seed);
        used.random.state = seed;
        const size_t nr = mutator_mutate(&fresh, in, size, first, MAX_SIZE);
        memcpy(again, in, size);
        assert_int_equal(mutator_mutate(&used, again, size, again, MAX_SIZE), nr);
        assert_memory_equal(first, again, nr);
        const size_t nr_crossed =
            mutator_cross_over(&fresh, in, size, other, other_size, first, MAX_SIZE);
        memcpy(again, in, size);
        assert_int_equal(mutator_cross_over(&used, again, size, other, other_size, again, MAX_SIZE),
                         nr_crossed);
        assert_memory_equal(first, again, nr_crossed);
        mutator_free(&fresh);
    }
    mutator_free(&used);
}

static void test_other_seeds_give_other_outputs(void **state)
{
    (void)state;
    static const uint8_t IN[] = {2, 3, OP_get_slot, 1, 0, OP_get_slot, 2, 0};
    uint8_t first[MAX_SIZE], out[MAX_SIZE];
    unsigned nr_same = 0;
    struct mutator mutator;

    mutator_init(&mutator, 0);
    const size_t nr = mutator_mutate(&mutator, IN, sizeof(IN), first, MAX_SIZE);
    for (uint64_t seed = 1; seed < 100; seed++) {
        mutator.random.state = seed;
        nr_same += mutator_mutate(&mutator, IN, sizeof(IN), out, MAX_SIZE) == nr &&
                   memcmp(first, out, nr) == 0;
    }
    assert_true(nr_same < 20);
    mutator_free(&mutator);
}

/* --- crossing over -------------------------------------------------------------------------- */

/* `nr` times the same operation, told apart by its first operand. */
static size_t repeat(uint8_t *bytes, uint8_t format, enum op op, size_t nr)
{
    struct program program;

    program_init(&program);
    program.format_byte = format;
    for (size_t i = 0; i < nr; i++) {
        const struct operation operation = {
            .op = (uint8_t)op, .opcode = (uint8_t)op, .operand = {(uint16_t)i}};
        assert_true(program_append(&program, operation));
    }
    const size_t size = program_encoded_size(&program);
    program_encode(&program, bytes);
    program_free(&program);
    return size;
}

/* What a child of get_slot and frame_drop is made of. */
struct child {
    size_t nr_ones, nr_others, nr_changes; /* from one parent's operation to the other's */
    bool in_order;
    struct operation last;
};

static struct child look_at(const uint8_t *bytes, size_t size)
{
    struct program program;
    struct child child = {.in_order = true};

    program_init(&program);
    assert_true(program_decode(&program, bytes, size));
    for (size_t i = 0; i < program.nr_ops; i++) {
        const struct operation *at = &program.ops[i], *before = i > 0 ? at - 1 : NULL;
        assert_true(at->op == OP_get_slot || at->op == OP_frame_drop);
        child.nr_ones += at->op == OP_get_slot;
        child.nr_others += at->op == OP_frame_drop;
        child.nr_changes += before != NULL && before->op != at->op;
        child.last = *at;
        if (before != NULL && before->op == at->op)
            child.in_order = child.in_order && before->operand[0] + 1 == at->operand[0];
    }
    program_free(&program);
    return child;
}

static void test_cross_over_takes_from_both(void **state)
{
    (void)state;
    enum { ONES = 10, OTHERS = 12 };
    uint8_t one[MAX_SIZE], other[MAX_SIZE], out[MAX_SIZE];
    const size_t size = repeat(one, 1, OP_get_slot, ONES);
    const size_t other_size = repeat(other, 1, OP_frame_drop, OTHERS);
    unsigned nr_inside = 0, nr_ends = 0;
    struct mutator mutator;

    mutator_init(&mutator, 5);
    for (int i = 0; i < ROUNDS; i++) {
        const size_t given =
            mutator_cross_over(&mutator, one, size, other, other_size, out, MAX_SIZE);
        const struct child child = look_at(out, given);
        assert_true(child.nr_others >= 1 && child.in_order);
        assert_true(child.nr_changes <= 2);
        /* All of the one with a run of the other in it, or a beginning and an end. */
        nr_inside += child.nr_ones == ONES && child.nr_others <= MAX_RUN;
        nr_ends += child.nr_ones < ONES;
        if (child.nr_ones < ONES)
            assert_true(child.last.op == OP_frame_drop && child.last.operand[0] == OTHERS - 1);
    }
    assert_in_range(nr_inside, ROUNDS / 3, ROUNDS * 2 / 3);
    assert_in_range(nr_ends, ROUNDS / 3, ROUNDS * 2 / 3);
    mutator_free(&mutator);
}

static void test_cross_over_with_nothing(void **state)
{
    (void)state;
    uint8_t one[MAX_SIZE], out[MAX_SIZE];
    const size_t size = repeat(one, 2, OP_get_slot, 5);
    struct mutator mutator;

    mutator_init(&mutator, 5);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(mutator_cross_over(&mutator, one, size, NULL, 0, out, MAX_SIZE), size);
        assert_memory_equal(out, one, size);
        const size_t given = mutator_cross_over(&mutator, NULL, 0, one, size, out, MAX_SIZE);
        const struct child child = look_at(out, given);
        assert_true(child.nr_ones >= 1 && child.in_order);
    }
    mutator_free(&mutator);
}

/* Else operations of the newer one would read as other ones. */
static void test_a_child_has_the_newer_format(void **state)
{
    (void)state;
    uint8_t one[MAX_SIZE], other[MAX_SIZE], out[MAX_SIZE];
    const size_t size = repeat(one, 1, OP_get_slot, 3);
    const size_t other_size = repeat(other, 2, OP_list_new, 3);
    struct mutator mutator;

    mutator_init(&mutator, 5);
    for (int i = 0; i < 100; i++) {
        size_t given = mutator_cross_over(&mutator, one, size, other, other_size, out, MAX_SIZE);
        assert_good_output(out, given, MAX_SIZE);
        assert_int_equal(out[0], 2);
        given = mutator_cross_over(&mutator, other, other_size, one, size, out, MAX_SIZE);
        assert_int_equal(out[0], 2);
    }
    mutator_free(&mutator);
}

/* --- as engines call it --------------------------------------------------------------------- */

static unsigned nr_of_engine;

/* libFuzzer's own, as far as it matters here. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
    (void)size;
    nr_of_engine++;
    assert_true(max_size > 0);
    data[0] = 0xee;
    return 1;
}

static void test_libfuzzer_mutates_in_place(void **state)
{
    (void)state;
    uint8_t in[MAX_SIZE], data[MAX_SIZE], again[MAX_SIZE];
    struct random random = {7};

    nr_of_engine = 0;
    for (unsigned seed = 0; seed < ROUNDS; seed++) {
        const size_t size = draw_input(&random, in);
        const unsigned before = nr_of_engine;
        memcpy(data, in, size);
        const size_t given = LLVMFuzzerCustomMutator(data, size, MAX_SIZE, seed);
        const bool by_engine = nr_of_engine != before;
        if (by_engine)
            assert_true(given == 1 && data[0] == 0xee);
        else
            assert_good_output(data, given, MAX_SIZE);
        /* Later, after other calls, the seed still means the same. */
        memcpy(again, in, size);
        (void)LLVMFuzzerCustomCrossOver(in, size, in, size, data + given, MAX_SIZE - given, seed);
        assert_int_equal(LLVMFuzzerCustomMutator(again, size, MAX_SIZE, seed), given);
        assert_memory_equal(again, data, given);
    }
    /* One in eight, and each twice. */
    assert_in_range(nr_of_engine, 2 * ROUNDS / 12, 2 * ROUNDS / 6);
}

/* What comes out has to do with what went in. */
static void test_libfuzzer_mutates_the_input(void **state)
{
    (void)state;
    uint8_t in[MAX_SIZE], data[MAX_SIZE];
    const size_t size = repeat(in, 1, OP_get_slot, 10);
    unsigned nr_whole = 0;

    for (unsigned seed = 0; seed < 300; seed++) {
        memcpy(data, in, size);
        const size_t given = LLVMFuzzerCustomMutator(data, size, MAX_SIZE, seed);
        nr_whole += given >= size && memcmp(data, in, HEADER_SIZE + 1) == 0;
    }
    assert_true(nr_whole > 100);
}

static void test_libfuzzer_crosses_over(void **state)
{
    (void)state;
    uint8_t one[MAX_SIZE], other[MAX_SIZE], out[MAX_SIZE], again[MAX_SIZE];
    const size_t size = repeat(one, 1, OP_get_slot, 10);
    const size_t other_size = repeat(other, 1, OP_frame_drop, 10);

    for (unsigned seed = 0; seed < 300; seed++) {
        const size_t given =
            LLVMFuzzerCustomCrossOver(one, size, other, other_size, out, MAX_SIZE, seed);
        assert_true(look_at(out, given).nr_others > 0);
        (void)LLVMFuzzerCustomCrossOver(other, other_size, one, size, again, MAX_SIZE, seed + 1);
        assert_int_equal(
            LLVMFuzzerCustomCrossOver(one, size, other, other_size, again, MAX_SIZE, seed), given);
        assert_memory_equal(again, out, given);
    }
}

static void test_afl(void **state)
{
    (void)state;
    uint8_t in[MAX_SIZE], kept[MAX_SIZE], other[MAX_SIZE], *out = NULL;
    struct random random = {9};
    void *mutator = afl_custom_init(NULL, 1);

    assert_non_null(mutator);
    for (int i = 0; i < ROUNDS; i++) {
        const size_t size = draw_input(&random, in), other_size = draw_input(&random, other);
        const size_t max_size = HEADER_SIZE + (size_t)(random_next(&random) % (MAX_SIZE - 2));
        memcpy(kept, in, size);
        const size_t given = afl_custom_fuzz(mutator, in, size, &out, i % 2 == 0 ? other : NULL,
                                             i % 2 == 0 ? other_size : 0, max_size);
        assert_non_null(out);
        assert_good_output(out, given, max_size);
        assert_memory_equal(in, kept, size);
        assert_in_range(afl_custom_fuzz_count(mutator, in, size), 1, 64);
    }
    assert_int_equal(afl_custom_fuzz(mutator, in, 0, &out, NULL, 0, 1), 0);
    afl_custom_deinit(mutator);
}

/* The first output of one that has no memory yet fills it. */
static void test_afl_has_room(void **state)
{
    (void)state;
    enum { ROOM = 30 };
    uint8_t in[MAX_SIZE], *out = NULL;
    const size_t size = repeat(in, 1, OP_get_slot, 50);

    for (unsigned seed = 0; seed < 50; seed++) {
        void *mutator = afl_custom_init(NULL, seed);
        assert_true(afl_custom_fuzz(mutator, in, size, &out, NULL, 0, ROOM) > ROOM / 2);
        afl_custom_deinit(mutator);
    }
}

/* Without another input there is nothing to cross over with; a copy would be a wasted execution. */
static void test_afl_mutates_if_there_is_no_other(void **state)
{
    (void)state;
    uint8_t in[MAX_SIZE], *out = NULL;
    const size_t size = repeat(in, PROGRAM_FORMAT, OP_get_slot, 10);
    void *mutator = afl_custom_init(NULL, 6);
    unsigned nr_same = 0;

    for (int i = 0; i < ROUNDS; i++) {
        const size_t given = afl_custom_fuzz(mutator, in, size, &out, NULL, 0, MAX_SIZE);
        nr_same += given == size && memcmp(out, in, size) == 0;
    }
    assert_true(nr_same < ROUNDS / 8);
    afl_custom_deinit(mutator);
}

/* AFL++ may be told to begin with a seed. */
static void test_afl_does_the_same_again(void **state)
{
    (void)state;
    uint8_t one[MAX_SIZE], other[MAX_SIZE], *first = NULL, *second = NULL;
    const size_t size = repeat(one, 1, OP_get_slot, 10);
    const size_t other_size = repeat(other, 1, OP_frame_drop, 10);
    void *a = afl_custom_init(NULL, 4), *b = afl_custom_init(NULL, 4);
    unsigned nr_crossed = 0;

    for (int i = 0; i < ROUNDS; i++) {
        const size_t given = afl_custom_fuzz(a, one, size, &first, other, other_size, MAX_SIZE);
        assert_int_equal(afl_custom_fuzz(b, one, size, &second, other, other_size, MAX_SIZE),
                         given);
        assert_ptr_not_equal(first, second);
        assert_memory_equal(first, second, given);
        /* The end of the other one, which every other crossing over leads to. */
        nr_crossed += given > 4 && memcmp(&first[given - 2], &other[other_size - 2], 2) == 0;
    }
    assert_in_range(nr_crossed, ROUNDS / 16, ROUNDS / 4);
    afl_custom_deinit(a);
    afl_custom_deinit(b);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_insert),
        cmocka_unit_test(test_add_setup),
        cmocka_unit_test(test_delete),
        cmocka_unit_test(test_swap),
        cmocka_unit_test(test_duplicate),
        cmocka_unit_test(test_retarget),
        cmocka_unit_test(test_redraw),
        cmocka_unit_test(test_boundary),
        cmocka_unit_test(test_boundaries_of_counts),
        cmocka_unit_test(test_the_last_slot_is_a_boundary),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_what_changes_nothing_is_drawn_again),
        cmocka_unit_test(test_large_regions_come_up),
        cmocka_unit_test(test_mutations_come_by_their_weights),
        cmocka_unit_test(test_every_output_is_a_program),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_garbage_becomes_a_program),
        cmocka_unit_test(test_what_is_cut_short),
        cmocka_unit_test(test_what_does_not_fit_is_left_out_at_the_end),
        cmocka_unit_test(test_same_seed_same_output),
        cmocka_unit_test(test_other_seeds_give_other_outputs),
        cmocka_unit_test(test_cross_over_takes_from_both),
        cmocka_unit_test(test_cross_over_with_nothing),
        cmocka_unit_test(test_a_child_has_the_newer_format),
        cmocka_unit_test(test_libfuzzer_mutates_in_place),
        cmocka_unit_test(test_libfuzzer_mutates_the_input),
        cmocka_unit_test(test_libfuzzer_crosses_over),
        cmocka_unit_test(test_afl),
        cmocka_unit_test(test_afl_has_room),
        cmocka_unit_test(test_afl_mutates_if_there_is_no_other),
        cmocka_unit_test(test_afl_does_the_same_again),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
