/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Handles made anew. A program may have made them in a long way, of which nothing can be left out
 * one by one: a segment, taken apart frame by frame, of which two frames are used in the end. So all
 * before some operation is replaced by an operation for each handle that is used from there on.
 */
#include "shrink_internal.h"

enum {
    REMAKE_UP_TO = 256, /* operations of a program for which this is tried */
    MAX_REMADE = 8,     /* handles that one program gets anew */
};

/* A handle that is used, and is made before. */
struct remade {
    enum operand_kind kind;
    uint32_t maker;
    uint64_t paddr; /* of its frame */
};

/* --- which ones --- */

static bool is_among(const struct remade *handles, size_t nr, enum operand_kind kind,
                     uint32_t maker)
{
    for (size_t i = 0; i < nr; i++)
        if (handles[i].kind == kind && handles[i].maker == maker)
            return true;
    return false;
}

static bool can_be_remade(enum operand_kind kind)
{
    return kind == OPERAND_FRAME || kind == OPERAND_UNIQUE || kind == OPERAND_LIST;
}

/* Those that operation `at` uses and operations before `from` made. False if that does not go. */
static bool collect_of(const struct shrinker *s, size_t at, size_t from, struct remade *handles,
                       size_t *nr)
{
    for (int i = 0; i < PROGRAM_MAX_OPERANDS; i++) {
        const enum operand_kind kind = OPS[s->best.ops[at].op].operand[i];
        const uint32_t maker = s->uses[at].maker[i];

        if (maker == NO_HANDLE || maker >= handle_maker(from) ||
            is_among(handles, *nr, kind, maker))
            continue;
        if (!can_be_remade(kind) || *nr == MAX_REMADE)
            return false;
        handles[(*nr)++] = (struct remade){kind, maker, s->trace->steps[at].paddr};
    }
    return true;
}

/* --- how --- */

/* The operation that makes such a handle of nothing. */
static struct operation maker_of(const struct remade *handle, uint16_t metadata)
{
    const uint16_t frame = (uint16_t)frame_to_index(handle->paddr);
    enum op op = OP_list_new;

    if (handle->kind != OPERAND_LIST)
        op = handle->kind == OPERAND_FRAME ? OP_frame_from_unused : OP_unique_frame_from_unused;
    if (op == OP_list_new)
        return (struct operation){.op = (uint8_t)op, .opcode = (uint8_t)op};
    return (struct operation){
        .op = (uint8_t)op, .opcode = (uint8_t)op, .operand = {frame, metadata}};
}

/* The operations from `from` on, behind those that make their handles, and the setup if it stays. */
static bool remake(struct shrinker *s, size_t from, bool with_setup, uint16_t metadata)
{
    struct remade handles[MAX_REMADE];
    size_t nr = 0, nr_items = 0;

    for (size_t at = from; at < s->best.nr_ops; at++)
        if (!collect_of(s, at, from, handles, &nr))
            return false;
    if (nr >= from)
        return false;
    for (size_t at = 0; with_setup && at < from; at++)
        if (op_is_setup((enum op)s->best.ops[at].op))
            s->plan[nr_items++].from = (uint32_t)at;
    if (nr_items + nr >= from)
        return false;
    for (size_t i = 0; i < nr; i++)
        s->plan[nr_items++] =
            (struct plan_item){PLAN_NEW, maker_of(&handles[i], metadata), handles[i].maker};
    for (size_t at = from; at < s->best.nr_ops; at++)
        s->plan[nr_items++].from = (uint32_t)at;
    return shrinker_try_plan(s, nr_items);
}

bool shrink_remake(struct shrinker *s)
{
    static const uint16_t TYPES[] = {SPEC_METADATA_EMPTY, SPEC_METADATA_FRAME_LINK};

    if (s->best.nr_ops > REMAKE_UP_TO)
        return false;
    for (size_t from = s->best.nr_ops; from-- > 1;)
        for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++)
            if (remake(s, from, false, TYPES[i]) || remake(s, from, true, TYPES[i]))
                return true;
    return false;
}
