/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Handles have numbers, "the n-th live one", that change when an operation before them goes. So an
 * operation goes together with a renumbering: every operand is traced to the operation that made
 * its handle, and gets the number that this handle has in the new program.
 *
 * Which operations succeed is taken from the run of the old program.
 */
#include <stdlib.h>
#include <string.h>

#include "shrink_internal.h"

void alive_free(struct alive *alive)
{
    for (int kind = 0; kind < NR_OPERAND_KINDS; kind++)
        free(alive->of[kind]);
    *alive = (struct alive){0};
}

/* Each operation makes two handles at the most. */
static bool alive_reset(struct alive *alive, size_t nr_ops)
{
    memset(alive->nr, 0, sizeof(alive->nr));
    if (2 * nr_ops <= alive->capacity)
        return true;
    alive_free(alive);
    for (int kind = 0; kind < NR_OPERAND_KINDS; kind++) {
        if (!operand_is_handle((enum operand_kind)kind))
            continue;
        alive->of[kind] = malloc(2 * nr_ops * sizeof(*alive->of[kind]));
        if (!alive->of[kind])
            return false;
    }
    alive->capacity = 2 * nr_ops;
    return true;
}

static void add(struct alive *alive, enum operand_kind kind, uint32_t maker, uint32_t list)
{
    alive->of[kind][alive->nr[kind]++] = (struct alive_handle){maker, list};
}

static void remove_at(struct alive *alive, enum operand_kind kind, size_t at)
{
    struct alive_handle *handles = alive->of[kind];

    memmove(handles + at, handles + at + 1, (alive->nr[kind] - at - 1) * sizeof(*handles));
    alive->nr[kind]--;
}

static void remove_cursor_of(struct alive *alive, uint32_t list)
{
    for (size_t i = 0; i < alive->nr[OPERAND_CURSOR]; i++)
        if (alive->of[OPERAND_CURSOR][i].list == list) {
            remove_at(alive, OPERAND_CURSOR, i);
            return;
        }
}

/* The maker of the handle that the operand names. */
static uint32_t maker_of(const struct alive *alive, enum operand_kind kind, uint16_t operand)
{
    const size_t nr = alive->nr[kind];

    return nr == 0 ? NO_HANDLE : alive->of[kind][operand % nr].maker;
}

/* A success: what it takes goes, what it makes comes. `maker` names what it makes. */
static void succeed(struct alive *alive, const struct operation *operation, uint32_t maker)
{
    const struct op_info *info = &OPS[operation->op];
    uint32_t list = NO_HANDLE;

    if (info->operand[0] == OPERAND_LIST) {
        list = maker_of(alive, OPERAND_LIST, operation->operand[0]);
        remove_cursor_of(alive, list);
    }
    for (int i = 0; i < PROGRAM_MAX_OPERANDS; i++)
        if (info->takes != OPERAND_NONE && info->operand[i] == info->takes &&
            alive->nr[info->takes] > 0) {
            remove_at(alive, info->takes, operation->operand[i] % alive->nr[info->takes]);
            break;
        }
    if (info->makes == OPERAND_NONE)
        return;
    add(alive, info->makes, maker, list);
    /* A split makes two of one. */
    if (info->takes == OPERAND_SEGMENT && info->makes == OPERAND_SEGMENT)
        add(alive, info->makes, maker + 1, list);
}

static bool succeeded(const struct trace *trace, size_t at)
{
    return at < trace->nr_steps && trace->steps[at].status == STEP_EXECUTED &&
           trace->steps[at].result == SPEC_OK;
}

bool handles_trace(struct alive *alive, const struct program *program, const struct trace *trace,
                   struct handle_uses *uses)
{
    if (!alive_reset(alive, program->nr_ops))
        return false;
    for (size_t at = 0; at < program->nr_ops; at++) {
        const struct operation *operation = &program->ops[at];

        for (int i = 0; i < PROGRAM_MAX_OPERANDS; i++) {
            const enum operand_kind kind = OPS[operation->op].operand[i];

            uses[at].alive[i] = (uint32_t)alive->nr[kind];
            uses[at].maker[i] =
                operand_is_handle(kind) ? maker_of(alive, kind, operation->operand[i]) : NO_HANDLE;
        }
        if (succeeded(trace, at))
            succeed(alive, operation, handle_maker(at));
    }
    return true;
}

/* --- a new program --- */

/* The number that the handle has now; false if it is not there. */
static bool number_of(const struct alive *alive, enum operand_kind kind, uint32_t maker,
                      uint16_t *number)
{
    for (size_t i = 0; i < alive->nr[kind]; i++)
        if (alive->of[kind][i].maker == maker) {
            *number = (uint16_t)i;
            return i <= UINT8_MAX;
        }
    return false;
}

/* The newest handle that a new operation has made. */
static bool number_of_new(const struct alive *alive, enum operand_kind kind, uint32_t first_new,
                          uint16_t *number)
{
    for (size_t i = alive->nr[kind]; i-- > 0;)
        if (alive->of[kind][i].maker >= first_new) {
            *number = (uint16_t)i;
            return i <= UINT8_MAX;
        }
    return false;
}

static void renumber(const struct alive *alive, struct operation *operation,
                     const struct handle_uses *uses, uint32_t first_new, bool to_oldest)
{
    for (int i = 0; i < PROGRAM_MAX_OPERANDS; i++) {
        const enum operand_kind kind = OPS[operation->op].operand[i];
        uint16_t *operand = &operation->operand[i];

        if (!operand_is_handle(kind) || number_of(alive, kind, uses->maker[i], operand) ||
            number_of_new(alive, kind, first_new, operand))
            continue;
        *operand = to_oldest || alive->nr[kind] == 0 ? 0 : (uint16_t)(*operand % alive->nr[kind]);
    }
}

bool handles_rebuild(struct alive *alive, const struct program *program, const struct trace *trace,
                     const struct handle_uses *uses, const struct plan_item *plan, size_t nr_items,
                     bool to_oldest, struct program *result)
{
    const uint32_t first_new = handle_maker(program->nr_ops);

    if (!alive_reset(alive, nr_items))
        return false;
    program_clear(result);
    result->slots_byte = program->slots_byte;
    for (size_t i = 0; i < nr_items; i++) {
        const bool is_new = plan[i].from == PLAN_NEW;
        struct operation operation = is_new ? plan[i].operation : program->ops[plan[i].from];

        if (!is_new)
            renumber(alive, &operation, &uses[plan[i].from], first_new, to_oldest);
        if (!program_append(result, operation))
            return false;
        if (is_new)
            succeed(alive, &operation,
                    plan[i].instead == NO_HANDLE ? first_new + handle_maker(i) : plan[i].instead);
        else if (succeeded(trace, plan[i].from))
            succeed(alive, &operation, handle_maker(plan[i].from));
    }
    return true;
}
