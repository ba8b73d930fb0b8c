/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Which of two programs is the simpler one. The encodings of operands are made so that smaller is
 * simpler: p0 before pN before oobN, small counts before those near MAX; here stand the exceptions.
 */
#include "shrink_internal.h"

bool operand_is_frame(enum operand_kind kind, uint16_t operand)
{
    return kind == OPERAND_SLOT || (kind == OPERAND_PADDR && operand < PADDR_OOB);
}

static uint16_t paddr_canonical(uint16_t operand, uint64_t nr_slots)
{
    if (operand < PADDR_OOB)
        return (uint16_t)(operand % nr_slots);
    if (operand < PADDR_DISTANCE || operand >= PADDR_OOB_DISTANCE)
        return operand;

    const unsigned number = (unsigned)operand - PADDR_DISTANCE;
    const uint64_t frame = number / PADDR_NR_DISTANCES % nr_slots;

    return (uint16_t)(PADDR_DISTANCE + frame * PADDR_NR_DISTANCES + number % PADDR_NR_DISTANCES);
}

uint16_t operand_canonical(enum operand_kind kind, uint16_t operand, uint64_t nr_slots)
{
    switch (kind) {
    case OPERAND_PADDR:
        return paddr_canonical(operand, nr_slots);
    case OPERAND_SLOT:
        return (uint16_t)(operand % nr_slots);
    case OPERAND_FLAG:
        return operand & 1;
    case OPERAND_LEVEL:
        return (uint16_t)operand_level(operand);
    case OPERAND_TYPE:
        return (uint16_t)operand_type(operand);
    case OPERAND_PATH:
        return (uint16_t)operand_path(operand);
    case OPERAND_USAGE:
        return operand % USAGE_NR;
    case OPERAND_META:
    case OPERAND_COUNT:
    case OPERAND_VALUE:
    case OPERAND_LENGTH:
    case OPERAND_FRAME:
    case OPERAND_UNIQUE:
    case OPERAND_LIST:
    case OPERAND_CURSOR:
    case OPERAND_SEGMENT:
    case OPERAND_MAPPING:
    case OPERAND_NONE:
    case NR_OPERAND_KINDS:
        break;
    }
    return operand;
}

/* One page is simpler than none, and level 1 comes before 2; both orders are their own inverse. */
static uint32_t swap_first_two(uint32_t number)
{
    return number < 2 ? 1 - number : number;
}

uint32_t operand_cost(enum operand_kind kind, uint16_t operand)
{
    if (kind == OPERAND_LENGTH)
        return swap_first_two(operand);
    if (kind == OPERAND_LEVEL)
        return operand == 0 ? UINT8_MAX : operand - 1u;
    return operand;
}

uint16_t operand_of_cost(enum operand_kind kind, uint32_t cost)
{
    if (kind == OPERAND_LENGTH)
        return (uint16_t)swap_first_two(cost);
    if (kind == OPERAND_LEVEL)
        return cost == UINT8_MAX ? 0 : (uint16_t)(cost + 1);
    return (uint16_t)cost;
}

/* --- programs --- */

/* What is drawn more often is what people know better. */
static uint32_t op_cost(enum op op)
{
    return op_is_setup(op) ? UINT32_C(1) << 16 : UINT32_C(16) - OPS[op].weight;
}

static uint32_t operation_cost(const struct operation *operation)
{
    uint32_t cost = 0;

    for (int i = 0; i < PROGRAM_MAX_OPERANDS; i++)
        cost += operand_cost(OPS[operation->op].operand[i], operation->operand[i]);
    return cost;
}

/* What a program costs, the most important first. */
enum { NR_COSTS = 4 };

static void costs_of(const struct program *program, uint64_t cost[NR_COSTS])
{
    cost[0] = program->nr_ops;
    cost[1] = program_slots(program);
    cost[2] = 0;
    cost[3] = 0;
    for (size_t i = 0; i < program->nr_ops; i++) {
        cost[2] += op_cost((enum op)program->ops[i].op);
        cost[3] += operation_cost(&program->ops[i]);
    }
    /* A setup is worse than a larger region. */
    cost[1] += cost[2] >> 16 << 32;
}

/* Negative if `a` is the simpler one. */
static int operations_compare(const struct operation *a, const struct operation *b)
{
    if (a->op != b->op)
        return a->op < b->op ? -1 : 1;
    for (int i = 0; i < PROGRAM_MAX_OPERANDS; i++)
        if (a->operand[i] != b->operand[i]) {
            const enum operand_kind kind = OPS[a->op].operand[i];

            return operand_cost(kind, a->operand[i]) < operand_cost(kind, b->operand[i]) ? -1 : 1;
        }
    return 0;
}

bool program_is_simpler(const struct program *a, const struct program *b)
{
    uint64_t cost_a[NR_COSTS], cost_b[NR_COSTS];

    costs_of(a, cost_a);
    costs_of(b, cost_b);
    for (int i = 0; i < NR_COSTS; i++)
        if (cost_a[i] != cost_b[i])
            return cost_a[i] < cost_b[i];
    for (size_t i = 0; i < a->nr_ops; i++) {
        const int order = operations_compare(&a->ops[i], &b->ops[i]);

        if (order != 0)
            return order < 0;
    }
    return false;
}
