/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Small scopes: which operations, with which operands, an exhaustive search goes through.
 *
 * Of each kind of operand a few values stand for all: every slot, one address of each sort that is
 * none, each metadata type with values of its own, counts at the ends of their ranges. Handles are
 * no matter of the scope: all that are alive are gone through.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "slotcheck/program.h"

enum {
    SCOPE_MAX_SLOTS = 16,
    SCOPE_MAX_VALUES = 2 * SCOPE_MAX_SLOTS, /* of one kind of operand */
};

struct scope {
    uint64_t nr_slots; /* 1..SCOPE_MAX_SLOTS */
    bool ops[NR_OPS];
    uint8_t nr_values[NR_OPERAND_KINDS]; /* 0: a kind of handles */
    uint16_t values[NR_OPERAND_KINDS][SCOPE_MAX_VALUES];
};

/* No operations yet, and the values for that many slots. */
void scope_init(struct scope *scope, uint64_t nr_slots);

/*
 * Adds operations: `names` is a list with commas of operations, of groups, and of `all`. False, with
 * the first wrong name in `wrong`, if there is one.
 */
bool scope_add_ops(struct scope *scope, const char *names, char *wrong, size_t wrong_size);
/* Those of the frame-metadata slots themselves: what scope_add_ops takes if nobody asks for others. */
extern const char SCOPE_DEFAULT_OPS[];

/* The groups, in order; null ends them. */
extern const char *const SCOPE_GROUPS[];
