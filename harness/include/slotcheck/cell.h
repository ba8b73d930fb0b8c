/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Cells: combinations of an operation, the state that it met, and its result. They measure how much
 * of what can happen has happened.
 *
 * States are classes here, as there are too many: of the slot that the operation is about its
 * status, usage, metadata type and by how many of each kind it is held (none, one, more), and of its
 * list whether it is empty, has one element or more, and where the cursor stands. A cell therefore
 * means the same in regions of any size.
 *
 * Nothing here is shared between threads.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metaslot_oracle.h"
#include "slotcheck/program.h"

/*
 * The class of the state in which `op` is called as `call`; `status` is that of the slot at
 * call->paddr, if there is one.
 */
uint32_t cell_state_of(const struct reference *ref, enum op op, const struct spec_call *call,
                       enum meta_slot_status status);

/* A cell of that operation, result and class; never 0. */
static inline uint64_t cell_of(enum op op, enum spec_result result, uint32_t state)
{
    return (uint64_t)(op + 1) << 40 | (uint64_t)result << 32 | state;
}

static inline enum op cell_op(uint64_t cell)
{
    return (enum op)((cell >> 40) - 1);
}

enum {
    CELL_TEXT_SIZE = 200, /* room for every cell as text */
};

/*
 * The cell as one line of text, without its end: operation, result, and what of the state is not as
 * in an unused slot, e.g. "frame_clone Ok SHARED Frame probe frames=1".
 */
void cell_text(uint64_t cell, char *text, size_t size);

enum {
    CELL_SET_CAPACITY = 1 << 16,
};

/* A set of cells, all zero when empty. What does not fit any more is counted only. */
struct cell_set {
    uint64_t nr;                       /* cells in it */
    uint64_t lost;                     /* additions that found it full */
    uint64_t cells[CELL_SET_CAPACITY]; /* hashed; 0: free */
};

/* True if it was not there before. */
bool cell_set_add(struct cell_set *set, uint64_t cell);
bool cell_set_has(const struct cell_set *set, uint64_t cell);
/* Where it stands in `cells`, or would. */
size_t cell_set_place(const struct cell_set *set, uint64_t cell);
