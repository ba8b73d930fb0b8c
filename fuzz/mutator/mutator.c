/* SPDX-License-Identifier: MPL-2.0 */
/*
 * See mutator.h. First the mutations, each a function over the program at hand; then the table from
 * which one is drawn; then what engines call.
 */
#include "mutator.h"

#include <stdlib.h>
#include <string.h>

#include "slotcheck/fuzz_session.h"

enum {
    MAX_RUN = 8,   /* operations that are deleted, moved or made at a time, at most */
    MAX_STACK = 4, /* mutations one after the other */
    MAX_TRIES = 8, /* to draw what changes something, before nothing is changed */
    HEADER_SIZE = 2,
};

static uint64_t below(struct mutator *mutator, uint64_t n)
{
    return random_next(&mutator->random) % n;
}

/* 1 more often than any other number, seldom as many as `most`. */
static size_t few(struct mutator *mutator, size_t most)
{
    const size_t end = 1 + (size_t)below(mutator, most);

    return 1 + (size_t)below(mutator, end);
}

/* --- lists of operations --- */

static bool reserve_copied(struct mutator *mutator, size_t nr)
{
    if (nr <= mutator->copied_capacity)
        return true;
    struct operation *grown = realloc(mutator->copied, nr * sizeof(*grown));
    if (grown == NULL)
        return false;
    mutator->copied = grown;
    mutator->copied_capacity = nr;
    return true;
}

/* Keeps `nr` operations for insert_copied. */
static bool copy_operations(struct mutator *mutator, const struct operation *from, size_t nr)
{
    if (!reserve_copied(mutator, nr))
        return false;
    if (nr != 0)
        memcpy(mutator->copied, from, nr * sizeof(*from));
    return true;
}

static bool insert_copied(struct mutator *mutator, size_t at, size_t nr)
{
    struct program *program = &mutator->program;
    const size_t behind = program->nr_ops - at;

    for (size_t i = 0; i < nr; i++) {
        if (!program_append(program, mutator->copied[i]))
            return false;
    }
    memmove(&program->ops[at + nr], &program->ops[at], behind * sizeof(program->ops[0]));
    memcpy(&program->ops[at], mutator->copied, nr * sizeof(program->ops[0]));
    return true;
}

static void delete_run(struct program *program, size_t at, size_t nr)
{
    program->nr_ops -= nr;
    memmove(&program->ops[at], &program->ops[at + nr],
            (program->nr_ops - at) * sizeof(program->ops[0]));
}

/* A run of at least one operation of a program that has any. */
static size_t draw_run(struct mutator *mutator, const struct program *program, size_t *at)
{
    *at = (size_t)below(mutator, program->nr_ops);
    const size_t left = program->nr_ops - *at;
    const size_t nr = few(mutator, MAX_RUN);

    return nr < left ? nr : left;
}

static size_t draw_place(struct mutator *mutator)
{
    return (size_t)below(mutator, mutator->program.nr_ops + 1);
}

/* --- mutations; false if there is no memory --- */

static bool insert(struct mutator *mutator)
{
    const size_t nr = few(mutator, MAX_RUN);

    if (!reserve_copied(mutator, nr))
        return false;
    generate_operations(&mutator->random, program_format(&mutator->program), false, mutator->copied,
                        nr);
    return insert_copied(mutator, draw_place(mutator), nr);
}

static bool add_setup(struct mutator *mutator)
{
    if (!reserve_copied(mutator, 1))
        return false;
    generate_operations(&mutator->random, program_format(&mutator->program), true, mutator->copied,
                        1);
    return insert_copied(mutator, 0, 1);
}

static bool delete_some(struct mutator *mutator)
{
    size_t at;
    const size_t nr = draw_run(mutator, &mutator->program, &at);

    delete_run(&mutator->program, at, nr);
    return true;
}

static bool swap(struct mutator *mutator)
{
    struct program *program = &mutator->program;
    const size_t nr = program->nr_ops;

    if (nr < 2)
        return true;
    const size_t i = (size_t)below(mutator, nr);
    const bool neighbour = below(mutator, 2) == 0;
    const size_t distance = neighbour ? 1 : 1 + (size_t)below(mutator, nr - 1);
    const size_t j = (i + distance) % nr;
    const struct operation kept = program->ops[i];

    program->ops[i] = program->ops[j];
    program->ops[j] = kept;
    return true;
}

static bool duplicate(struct mutator *mutator)
{
    size_t at;
    const size_t nr = draw_run(mutator, &mutator->program, &at);

    return copy_operations(mutator, &mutator->program.ops[at], nr) &&
           insert_copied(mutator, draw_place(mutator), nr);
}

/* --- operands --- */

/* An operand of the program, or of an operation without any. */
struct place {
    struct operation *operation;
    int position;
    enum operand_kind kind; /* OPERAND_NONE: there is none */
};

static struct place draw_any(struct mutator *mutator)
{
    struct program *program = &mutator->program;
    struct place place = {.operation = &program->ops[below(mutator, program->nr_ops)]};
    const enum operand_kind *kinds = OPS[place.operation->op].operand;
    unsigned nr = 0;

    while (nr < PROGRAM_MAX_OPERANDS && kinds[nr] != OPERAND_NONE)
        nr++;
    if (nr != 0)
        place.position = (int)below(mutator, nr);
    place.kind = kinds[place.position];
    return place;
}

typedef bool (*is_wanted_function)(enum operand_kind kind);

/* Of a kind that is wanted, unless the program has so few of them that none is drawn. */
static struct place draw_operand(struct mutator *mutator, is_wanted_function is_wanted)
{
    struct place place = draw_any(mutator);

    for (int tries = 1; tries < MAX_TRIES && !is_wanted(place.kind); tries++)
        place = draw_any(mutator);
    return place;
}

static bool is_any(enum operand_kind kind)
{
    return kind != OPERAND_NONE;
}

/* How each kind of operand is at its ends, and beside them; see program.h. */
static const uint16_t PADDRS[] = {0,
                                  PADDR_OOB,
                                  PADDR_OOB + 1,
                                  PADDR_DISTANCE,
                                  PADDR_DISTANCE + PADDR_NR_DISTANCES - 1,
                                  PADDR_OOB_DISTANCE,
                                  PADDR_TOP};
static const uint16_t COUNTS[] = {0,
                                  1,
                                  2,
                                  COUNT_MAX - 1,
                                  COUNT_MAX,
                                  COUNT_MAX + 1,
                                  COUNT_MAX + 2,
                                  COUNT_ABOVE_MAX,
                                  COUNT_BELOW_UNIQUE,
                                  255};
static const uint16_t METADATA[] = {0, 1, 2, 3, 4, 7, 12, 17, 65534, 65535};
static const uint16_t LENGTHS[] = {0,           1,  2, 3, 63, LENGTH_DISTANCE, LENGTH_DISTANCE + 12,
                                   LENGTH_BACK, 255};
static const uint16_t SMALL[] = {0, 1, 2, 3, 63, 255};

#define ONE_OF(values) (values)[below(mutator, sizeof(values) / sizeof((values)[0]))]

static uint16_t last_slot(const struct mutator *mutator)
{
    return (uint16_t)((program_slots(&mutator->program) - 1) & (PADDR_OOB - 1));
}

/* Most addresses that a generator draws are of the first few frames. */
static uint16_t any_slot(struct mutator *mutator)
{
    return (uint16_t)below(mutator, (uint64_t)last_slot(mutator) + 1);
}

static uint16_t boundary_of(struct mutator *mutator, enum operand_kind kind)
{
    switch (kind) {
    case OPERAND_PADDR:
        if (below(mutator, 2) == 0)
            return ONE_OF(PADDRS);
        return below(mutator, 2) == 0 ? last_slot(mutator) : any_slot(mutator);
    case OPERAND_SLOT:
        return below(mutator, 2) == 0 ? last_slot(mutator) : any_slot(mutator);
    case OPERAND_COUNT:
        return ONE_OF(COUNTS);
    case OPERAND_META:
        return ONE_OF(METADATA);
    case OPERAND_LENGTH:
        return below(mutator, 4) == 0 ? (uint16_t)((last_slot(mutator) + 1) & 63) : ONE_OF(LENGTHS);
    case OPERAND_FRAME:
    case OPERAND_UNIQUE:
    case OPERAND_LIST:
    case OPERAND_CURSOR:
    case OPERAND_SEGMENT:
    case OPERAND_MAPPING:
    case OPERAND_FLAG:
    case OPERAND_LEVEL:
    case OPERAND_VALUE:
    case OPERAND_TYPE:
    case OPERAND_PATH:
    case OPERAND_USAGE:
        return ONE_OF(SMALL);
    case OPERAND_NONE:
    case NR_OPERAND_KINDS:
        break;
    }
    return 0;
}

#undef ONE_OF

static bool set_to_boundary(struct mutator *mutator)
{
    const struct place place = draw_operand(mutator, is_any);

    place.operation->operand[place.position] = boundary_of(mutator, place.kind);
    return true;
}

/* Any other value that a generator would draw for it. */
static bool redraw(struct mutator *mutator)
{
    const struct place place = draw_operand(mutator, is_any);

    place.operation->operand[place.position] =
        generate_operand(&mutator->random, (enum op)place.operation->op, place.position);
    return true;
}

static bool is_place_in_memory(enum operand_kind kind)
{
    return kind == OPERAND_PADDR || kind == OPERAND_SLOT;
}

static bool has_target(enum operand_kind kind)
{
    return operand_is_handle(kind) || is_place_in_memory(kind);
}

static uint16_t another_handle(struct mutator *mutator, uint16_t handle)
{
    enum { OLDEST = 4 };
    const uint64_t drawn = below(mutator, OLDEST);

    return (uint16_t)(drawn == handle ? (drawn + 1) % OLDEST : drawn);
}

/* One of the program; the same if it has no other. */
static uint16_t another_address(struct mutator *mutator, uint16_t address)
{
    for (int tries = 0; tries < MAX_TRIES; tries++) {
        const struct place other = draw_operand(mutator, is_place_in_memory);
        const uint16_t found = other.operation->operand[other.position];

        if (is_place_in_memory(other.kind) && found != address)
            return found;
    }
    return address;
}

/* A handle becomes another one; an address that of another operation, so that the two meet. */
static bool retarget(struct mutator *mutator)
{
    const struct place place = draw_operand(mutator, has_target);
    uint16_t *operand = &place.operation->operand[place.position];

    if (operand_is_handle(place.kind))
        *operand = another_handle(mutator, *operand);
    else if (is_place_in_memory(place.kind))
        *operand = another_address(mutator, *operand);
    return true;
}

/* Mostly so few slots that indices meet and are past the end; seldom more than a byte can say. */
static bool resize(struct mutator *mutator)
{
    enum { SMALL_REGION = 8 };

    if (below(mutator, 16) == 0)
        return program_set_slots(&mutator->program, FUZZ_LARGE_SLOTS);
    const uint64_t end = below(mutator, 4) != 0 ? SMALL_REGION : FUZZ_MAX_SLOTS;
    return program_set_slots(&mutator->program, 1 + below(mutator, end));
}

/* --- which one --- */

static const struct mutation {
    bool (*apply)(struct mutator *mutator);
    uint8_t weight;
} MUTATIONS[] = {
    {insert, 8}, {delete_some, 4},     {swap, 2},      {duplicate, 3}, {retarget, 4},
    {redraw, 4}, {set_to_boundary, 3}, {add_setup, 1}, {resize, 1},
};

enum { NR_MUTATIONS = sizeof(MUTATIONS) / sizeof(MUTATIONS[0]) };

static bool mutate_once(struct mutator *mutator)
{
    unsigned sum = 0;
    size_t i = 0;

    if (mutator->program.nr_ops == 0)
        return insert(mutator);
    for (size_t all = 0; all < NR_MUTATIONS; all++)
        sum += MUTATIONS[all].weight;
    for (uint64_t at = below(mutator, sum); at >= MUTATIONS[i].weight; i++)
        at -= MUTATIONS[i].weight;
    return MUTATIONS[i].apply(mutator);
}

/* --- what engines call --- */

void mutator_init(struct mutator *mutator, uint64_t seed)
{
    *mutator = (struct mutator){.random = {.state = seed}};
    program_init(&mutator->program);
    program_init(&mutator->other);
}

void mutator_free(struct mutator *mutator)
{
    program_free(&mutator->program);
    program_free(&mutator->other);
    free(mutator->copied);
}

/* A program that a session takes, whatever the bytes are. */
static bool take(struct program *program, const uint8_t *bytes, size_t size)
{
    const bool is_program = size != 0 && !program_is_text(bytes, size);

    if (!program_decode(program, bytes, size))
        return false;
    if (!is_program || program_format(program) > PROGRAM_FORMAT) {
        program_clear(program);
        return true;
    }
    program->header_size = HEADER_SIZE;
    program->tail_size = 0;
    /* An opcode that is none of a list's own means something else in another format. */
    for (size_t i = 0; i < program->nr_ops; i++)
        program->ops[i].opcode = program->ops[i].op;
    return true;
}

/* As much of the program as fits; its size. */
static size_t give(struct program *program, uint8_t *out, size_t max_size)
{
    size_t size = program_encoded_size(program);

    while (size > max_size && program->nr_ops > 0)
        size -= OPERATION_SIZE[program->ops[--program->nr_ops].op];
    if (size > max_size)
        return 0;
    program_encode(program, out);
    return size;
}

size_t mutator_mutate(struct mutator *mutator, const uint8_t *bytes, size_t size, uint8_t *out,
                      size_t max_size)
{
    if (!take(&mutator->program, bytes, size))
        return 0;
    for (size_t left = few(mutator, MAX_STACK); left > 0; left--) {
        if (!mutate_once(mutator))
            return 0;
    }
    return give(&mutator->program, out, max_size);
}

/* The beginning of the one and the end of the other, or a run of the other in the midst. */
static bool splice(struct mutator *mutator)
{
    const struct program *other = &mutator->other;
    const size_t at = draw_place(mutator);

    if (other->nr_ops == 0)
        return true;
    size_t from;
    size_t nr = draw_run(mutator, other, &from);
    if (below(mutator, 2) == 0) {
        nr = other->nr_ops - from;
        mutator->program.nr_ops = at;
    }
    return copy_operations(mutator, &other->ops[from], nr) && insert_copied(mutator, at, nr);
}

size_t mutator_cross_over(struct mutator *mutator, const uint8_t *bytes, size_t size,
                          const uint8_t *other, size_t other_size, uint8_t *out, size_t max_size)
{
    if (!take(&mutator->program, bytes, size) || !take(&mutator->other, other, other_size))
        return 0;
    /* What the older format does not know would read as something else there. */
    if (program_format(&mutator->program) < program_format(&mutator->other))
        mutator->program.format_byte = mutator->other.format_byte;
    if (!splice(mutator))
        return 0;
    return give(&mutator->program, out, max_size);
}
