/* SPDX-License-Identifier: MPL-2.0 */
/* What the parts of shrinking share. */
#pragma once

#include "slotcheck/shrink.h"

/* --- what is simpler (shrink_order.c) --- */

/*
 * The simplest operand with the same meaning, in a region of `nr_slots` slots. Handles are left as
 * they are: how many are alive nobody knows here.
 */
uint16_t operand_canonical(enum operand_kind kind, uint16_t operand, uint64_t nr_slots);
/* A small number for what a person would call simple; and the operand of that number. */
uint32_t operand_cost(enum operand_kind kind, uint16_t operand);
uint16_t operand_of_cost(enum operand_kind kind, uint32_t cost);
/* True of an operand that is the number of a frame of the region. */
bool operand_is_frame(enum operand_kind kind, uint16_t operand);
/* True if `a` is simpler than `b`: a total order, so that shrinking comes to an end. */
bool program_is_simpler(const struct program *a, const struct program *b);

/* --- which handle an operand means (shrink_handles.c) --- */

#define NO_HANDLE UINT32_MAX

/* How operation `at` is called as the maker of a handle; a split has made one with the next number,
   too. */
static inline uint32_t handle_maker(size_t at)
{
    return (uint32_t)(2 * at);
}

/* Of one operation: who made the handles that its operands mean, and how many were alive. */
struct handle_uses {
    uint32_t maker[PROGRAM_MAX_OPERANDS]; /* NO_HANDLE if the operand is none, or none was alive */
    uint32_t alive[PROGRAM_MAX_OPERANDS];
};

struct alive_handle {
    uint32_t maker;
    uint32_t list; /* of a cursor: who made its list */
};

/* Handles that are alive at some point, oldest first. */
struct alive {
    struct alive_handle *of[NR_OPERAND_KINDS];
    size_t nr[NR_OPERAND_KINDS];
    size_t capacity;
};

void alive_free(struct alive *alive);

/*
 * Fills in who made what, from the trace of the program's run. Of cursors it is a good guess:
 * whoever uses the result asks whether the finding is still there. False if there is no memory.
 */
bool handles_trace(struct alive *alive, const struct program *program, const struct trace *trace,
                   struct handle_uses *uses);

/* What a new program is made of: operations of the old one by their index, or new ones. */
struct plan_item {
    uint32_t from; /* index in the old program, or PLAN_NEW */
    /* Of a new one: */
    struct operation operation;
    uint32_t instead; /* who made the handle that it makes now, or NO_HANDLE */
};

#define PLAN_NEW UINT32_MAX

/*
 * Makes the planned program, with handle operands that mean what they meant: the numbers change
 * when another handle is made or consumed before. An operand whose handle is no longer made means
 * the newest one that a new operation made, else the same number or, `to_oldest`, 0. False if there
 * is no memory.
 */
bool handles_rebuild(struct alive *alive, const struct program *program, const struct trace *trace,
                     const struct handle_uses *uses, const struct plan_item *plan, size_t nr_items,
                     bool to_oldest, struct program *result);

/* --- the search (shrink.c) --- */

struct shrinker {
    shrink_keeps_fn *keeps;
    void *context;
    const struct shrink_limits *limits;
    struct shrink_counts *counts;
    /* The best so far, its run, and who made its handles. */
    struct program best;
    struct trace *trace;
    struct handle_uses *uses;
    /* What is tried. */
    struct program candidate;
    struct trace *candidate_trace;
    struct plan_item *plan;
    struct alive alive;
    bool no_memory;
};

/* Runs the candidate; true if it keeps the finding, whether it is simpler or not. */
bool shrinker_run(struct shrinker *s);
/* True if the candidate is simpler than the best and keeps the finding: it then is the best. */
bool shrinker_try(struct shrinker *s);
/* The same of what the plan makes. */
bool shrinker_try_plan(struct shrinker *s, size_t nr_items);
/* The candidate becomes a copy of the best. */
bool shrinker_copy(struct shrinker *s);
/* True if there is nothing more to be done. */
static inline bool shrinker_ends(const struct shrinker *s)
{
    return s->no_memory || s->counts->limited;
}

/* --- operations that are not in the program (shrink_remake.c, shrink_search.c) --- */

/* Makes handles at once that were made in a long way. */
bool shrink_remake(struct shrinker *s);

/* Puts one operation in the place of two or more, or of one that is less simple. */
bool shrink_substitute(struct shrinker *s);
/* Looks for something shorter among all short programs. */
bool shrink_search(struct shrinker *s);
