/* SPDX-License-Identifier: MPL-2.0 */
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

static enum op random_op(struct random *random)
{
    uint64_t weights = 0, at;
    int op = 0;

    for (int i = 0; i < NR_OPS; i++)
        weights += OPS[i].weight;
    for (at = below(random, weights); at >= OPS[op].weight; op++)
        at -= OPS[op].weight;
    return (enum op)op;
}

static uint16_t random_operand(struct random *random, enum operand_kind kind)
{
    enum {
        MEETING_POINTS = 4, /* frames that most addresses are taken from */
        NEAR = 24,          /* of the other kinds of address, those next to a boundary */
    };

    switch (kind) {
    case OPERAND_PADDR:
        /* The kinds of address are told by the highest four bits, from 12 on. */
        if (below(random, 8) == 0)
            return (uint16_t)((12 + below(random, 4)) << 12 | below(random, NEAR));
        return (uint16_t)below(random, MEETING_POINTS);
    case OPERAND_SLOT:
        return (uint16_t)below(random, MEETING_POINTS);
    case OPERAND_META:
        return (uint16_t)random_next(random);
    case OPERAND_FRAME:
    case OPERAND_UNIQUE:
    case OPERAND_FLAG:
    case OPERAND_COUNT:
    case OPERAND_LEVEL:
    case OPERAND_VALUE:
        return (uint16_t)below(random, 256);
    case OPERAND_NONE:
    case NR_OPERAND_KINDS:
        break;
    }
    return 0;
}

bool program_generate(struct program *program, struct random *random, size_t nr_ops)
{
    program->nr_ops = 0;
    for (size_t i = 0; i < nr_ops; i++) {
        struct operation operation = {.op = (uint8_t)random_op(random)};

        operation.opcode = operation.op;
        for (int k = 0; k < PROGRAM_MAX_OPERANDS; k++)
            operation.operand[k] = random_operand(random, OPS[operation.op].operand[k]);
        if (!program_append(program, operation))
            return false;
    }
    return true;
}
