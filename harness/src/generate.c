/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Random programs that do much: operands are drawn so that operations meet and that lists and
 * segments can come to something, and most programs have a theme, whose operations come more often.
 *
 * The same numbers must come on every machine, so no two are drawn in one expression.
 */
#include "slotcheck/generate.h"

/* splitmix64 */
uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t below(struct random *random, uint64_t n)
{
    return random_next(random) % n;
}

/* --- operations --- */

enum {
    MAX_SETUPS = 4,       /* at the beginning of a program */
    SETUPS_ELSEWHERE = 2, /* of 1000 operations */
    THEME_FACTOR = 6,     /* how much more often what belongs to the theme comes */
    TRIES = 6,            /* to find an operation whose handles may be alive */
};

#define KIND(name) (UINT32_C(1) << OPERAND_##name)

/* What has an operand of one of the first kinds, or makes one of the others, belongs to it. */
static const struct theme {
    uint32_t operands, makes;
} THEMES[] = {
    {0, 0},
    {KIND(FRAME) | KIND(MAPPING) | KIND(PATH), KIND(FRAME)},
    {KIND(UNIQUE), KIND(UNIQUE)},
    {KIND(LIST) | KIND(CURSOR), KIND(LIST) | KIND(UNIQUE)},
    {KIND(SEGMENT), KIND(SEGMENT)},
};

enum { NR_THEMES = sizeof(THEMES) / sizeof(THEMES[0]) };

struct weights {
    uint32_t of[NR_OPS];
    uint32_t sum;
};

static bool belongs_to(const struct op_info *info, struct theme theme)
{
    uint32_t operands = 0;

    for (int i = 0; i < PROGRAM_MAX_OPERANDS; i++)
        operands |= UINT32_C(1) << info->operand[i];
    return (operands & theme.operands) != 0 || (UINT32_C(1) << info->makes & theme.makes) != 0;
}

/* Of the first `nr_ops` operations: the setups alone, or all others. */
static struct weights weights_of(unsigned nr_ops, bool is_setup, struct theme theme)
{
    struct weights weights = {0};

    for (unsigned op = 0; op < nr_ops; op++) {
        if (op_is_setup((enum op)op) != is_setup)
            continue;
        weights.of[op] = OPS[op].weight;
        if (belongs_to(&OPS[op], theme))
            weights.of[op] *= THEME_FACTOR;
        weights.sum += weights.of[op];
    }
    return weights;
}

static enum op random_op(struct random *random, const struct weights *weights)
{
    uint64_t at = below(random, weights->sum);
    int op = 0;

    for (; at >= weights->of[op]; op++)
        at -= weights->of[op];
    return (enum op)op;
}

/* What is there if every operation succeeded. */
struct alive {
    size_t of[NR_OPERAND_KINDS]; /* handles of each kind */
    bool has_mmio;
};

static bool is_handle(enum operand_kind kind)
{
    return (UINT32_C(1) << kind & (KIND(FRAME) | KIND(UNIQUE) | KIND(LIST) | KIND(CURSOR) |
                                   KIND(SEGMENT) | KIND(MAPPING))) != 0;
}

static bool may_run(enum op op, const struct alive *alive)
{
    for (int i = 0; i < PROGRAM_MAX_OPERANDS; i++) {
        const enum operand_kind kind = OPS[op].operand[i];

        if (is_handle(kind) && alive->of[kind] == 0)
            return false;
    }
    return alive->has_mmio || (op != OP_mmio_map && op != OP_mmio_unmap);
}

#undef KIND

/* Mostly one that may run. */
static enum op random_op_of(struct random *random, const struct weights *weights,
                            struct alive *alive)
{
    enum op op = random_op(random, weights);

    for (int i = 1; i < TRIES && !may_run(op, alive); i++)
        op = random_op(random, weights);
    alive->has_mmio = alive->has_mmio || op == OP_memory_range;
    alive->of[OPS[op].makes]++;
    if (alive->of[OPS[op].takes] > 0)
        alive->of[OPS[op].takes]--;
    return op;
}

/* --- operands --- */

/* Mostly one of the first few frames, else some other kind of address. */
static uint16_t random_paddr(struct random *random)
{
    enum {
        MEETING_POINTS = 4, /* frames that most addresses are taken from */
        FRAMES = 8,         /* and that some are */
        NEAR = 24,          /* of the other kinds of address, those next to a boundary */
    };
    const uint64_t frames = below(random, 2) == 0 ? FRAMES : MEETING_POINTS;
    uint64_t kind;

    if (below(random, 8) != 0)
        return (uint16_t)below(random, frames);
    /* The kinds of address are told by the highest four bits, from 12 on. */
    kind = 12 + below(random, 4);
    return (uint16_t)(kind << 12 | below(random, NEAR));
}

/* Every other one is a link without neighbours, as lists take them: bits 0 and 1 of the seed. */
static uint16_t random_metadata(struct random *random)
{
    const uint16_t largest_seed = UINT16_MAX / META_NR_TYPES - 1;
    uint16_t seed;

    if (below(random, 2) == 0)
        return (uint16_t)random_next(random);
    seed = (uint16_t)(below(random, largest_seed + UINT64_C(1)) & ~UINT64_C(3));
    return (uint16_t)(seed * META_NR_TYPES + SPEC_METADATA_FRAME_LINK);
}

/* Every other one is a small count: 0 and 1 are boundaries, too. */
static uint16_t random_count(struct random *random)
{
    const uint64_t end = below(random, 2) == 0 ? 256 : 3;

    return (uint16_t)below(random, end);
}

/* Mostly MMIO memory: of the others there is nothing more to do. */
static uint16_t random_usage(struct random *random)
{
    const uint64_t usage = below(random, 2 * USAGE_NR);

    return (uint16_t)(usage < USAGE_NR ? usage : USAGE_NR - 1);
}

static uint16_t random_value(struct random *random)
{
    const uint64_t value = below(random, 256);

    return (uint16_t)(below(random, 2) == 0 ? value : value & ~UINT64_C(3));
}

/*
 * A few pages. Fewer of what is a part of a segment, none or one of what goes before the part:
 * a part that is not within its segment ends the program. Fewer of what nobody can allocate.
 */
static uint16_t random_length(struct random *random, enum op op, int position)
{
    const bool is_large = below(random, 4) == 0;

    if (below(random, 32) == 0)
        return (uint16_t)below(random, 256);
    if (op == OP_segment_slice)
        return position == 1 ? is_large : (uint16_t)(is_large ? below(random, 3) : 1);
    if (op == OP_segment_split || op == OP_memory_range)
        return 1 + is_large;
    return (uint16_t)(is_large ? 1 + below(random, 4) : 2);
}

uint16_t generate_operand(struct random *random, enum op op, int position)
{
    enum {
        SLOTS = 4,
        OLDEST = 3, /* of the lists and segments that are alive */
        PATHS = 3,
    };

    switch (OPS[op].operand[position]) {
    case OPERAND_PADDR:
        return random_paddr(random);
    case OPERAND_META:
        return random_metadata(random);
    case OPERAND_VALUE:
        return random_value(random);
    case OPERAND_LENGTH:
        return random_length(random, op, position);
    case OPERAND_SLOT:
        return (uint16_t)below(random, SLOTS);
    case OPERAND_LIST:
    case OPERAND_CURSOR:
    case OPERAND_SEGMENT:
        return (uint16_t)below(random, OLDEST);
    case OPERAND_TYPE:
        return (uint16_t)below(random, META_NR_TYPES);
    case OPERAND_PATH:
        return (uint16_t)below(random, PATHS);
    case OPERAND_USAGE:
        return random_usage(random);
    case OPERAND_COUNT:
        return random_count(random);
    case OPERAND_FRAME:
    case OPERAND_UNIQUE:
    case OPERAND_MAPPING:
    case OPERAND_FLAG:
    case OPERAND_LEVEL:
        return (uint16_t)below(random, 256);
    case OPERAND_NONE:
    case NR_OPERAND_KINDS:
        break;
    }
    return 0;
}

static struct operation random_operation(struct random *random, enum op op)
{
    struct operation operation = {.op = (uint8_t)op, .opcode = (uint8_t)op};

    for (int i = 0; i < PROGRAM_MAX_OPERANDS; i++)
        operation.operand[i] = generate_operand(random, op, i);
    return operation;
}

/*
 * Makes of the setup that comes last one close to saturation, and a segment of its frame with one
 * more reference: otherwise hardly any program would have a segment that is saturated.
 */
static bool append_segment_of_setup(struct program *program, struct random *random)
{
    struct operation from_raw = random_operation(random, OP_segment_from_raw);
    const struct operation clone = random_operation(random, OP_segment_clone);

    program->ops[program->nr_ops - 1].operand[1] = (uint16_t)(COUNT_MAX + below(random, 2));
    from_raw.operand[0] = program->ops[program->nr_ops - 1].operand[0];
    from_raw.operand[1] = 1;
    return program_append(program, from_raw) && program_append(program, clone);
}

bool program_generate(struct program *program, struct random *random, size_t nr_ops)
{
    const unsigned nr_known = program_format_ops(program_format(program));
    const struct weights setups = weights_of(nr_known, true, THEMES[0]);
    const struct weights others = weights_of(nr_known, false, THEMES[below(random, NR_THEMES)]);
    struct alive alive = {0};
    size_t nr_setups = 0;

    while (nr_setups < MAX_SETUPS && below(random, 3) == 0)
        nr_setups++;
    program->nr_ops = 0;
    while (program->nr_ops < nr_ops) {
        bool is_setup = program->nr_ops < nr_setups || below(random, 1000) < SETUPS_ELSEWHERE;
        enum op op = random_op_of(random, is_setup ? &setups : &others, &alive);

        if (!program_append(program, random_operation(random, op)))
            return false;
        if (op == OP_setup && nr_known > OP_segment_clone && program->nr_ops == nr_setups &&
            program->nr_ops + 2 <= nr_ops && below(random, 4) == 0 &&
            !append_segment_of_setup(program, random))
            return false;
    }
    return true;
}

void generate_operations(struct random *random, unsigned format, bool setups,
                         struct operation *operations, size_t nr)
{
    const unsigned nr_known = program_format_ops(format);
    const struct weights weights =
        weights_of(nr_known, setups, THEMES[setups ? 0 : below(random, NR_THEMES)]);

    for (size_t i = 0; i < nr; i++)
        operations[i] = random_operation(random, random_op(random, &weights));
}
