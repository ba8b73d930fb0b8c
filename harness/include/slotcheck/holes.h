/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Holes: what a relation of the specification does not pin down.
 *
 * Programs are run, and after every step that is right, one thing at a time is made different (see
 * change.h). A relation that still holds then accepts the change: nothing that it says tells the
 * wrong state from the right one. For every relation and every change it is counted how often that
 * was tried, how often the relation accepted it, and what else was false.
 *
 * The relations are the spec functions of the MetaSlot page, in the order of clauses.def, and behind
 * them one for each operation: all that its post-condition says.
 *
 * A value of this type belongs to one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slotcheck/change.h"
#include "slotcheck/lockstep.h"
#include "slotcheck/program.h"

enum {
    HOLE_TEXT = 120, /* room for a value as text */
};

/* A set of clauses: a bit for each. */
struct clause_set {
    uint64_t bits[NR_CLAUSES / 64 + 1];
};

static inline bool clause_set_has(const struct clause_set *set, enum clause_id id)
{
    return set->bits[id / 64] >> (id % 64) & 1;
}

/* A program whose last operation is the step, and the change after it. */
struct hole_example {
    const struct program *program; /* null: none was made */
    uint64_t index;                /* of the slot or list */
    char before[HOLE_TEXT], after[HOLE_TEXT];
};

/* One relation and one change. */
struct hole {
    uint64_t tried;
    uint64_t accepted; /* of those: the relation holds */
    uint64_t uncaught; /* of those: nothing else of the specification is false either */
    uint64_t excluded; /* of the accepted ones: the precondition does not allow the state */
    struct clause_set caught_by; /* false in those that were accepted */
    struct clause_set rejected_by;
    struct hole_example example; /* an uncaught one, if there is any */
};

/*
 * How a clause did against all changes. One of the kind EXEC is counted where it is the only one:
 * where the specification accepts a change that the executable function does not make.
 */
struct clause_power {
    uint64_t failed;        /* changes of which it was false */
    uint64_t alone;         /* and no other clause of the specification with it */
    enum op first_op;       /* of the first of those: the operation, */
    unsigned first_change;  /* and what was changed after it */
    struct clause_set with; /* false in all changes of which it was, itself left out */
};

struct holes;

/* Null, with one line in `error`, if there is no memory. */
struct holes *holes_create(char *error, size_t error_size);
void holes_destroy(struct holes *holes);

/*
 * Runs a program and tries all changes after each of its steps. False, with a line in holes_error, if
 * it cannot be run, or if the implementation that is run along disagrees with the specification.
 */
bool holes_run(struct holes *holes, const struct program *program);
/* Makes the examples, as small as they can be made. False, with a line in holes_error. */
bool holes_find_examples(struct holes *holes);
const char *holes_error(const struct holes *holes);

/* The relations. */
unsigned holes_nr_functions(const struct holes *holes); /* spec functions, from 0 on */
unsigned holes_nr_relations(const struct holes *holes); /* and then the operations */
/* The function's or the operation's name. */
const char *holes_relation_name(const struct holes *holes, unsigned relation);
/* The relation of that spec function; holes_nr_relations if there is none. */
unsigned holes_relation(const struct holes *holes, const char *function);

const struct hole *holes_at(const struct holes *holes, unsigned relation, unsigned change);
/* Programs, steps of them, and changes that were tried. */
uint64_t holes_nr_programs(const struct holes *holes);
uint64_t holes_nr_steps(const struct holes *holes);
uint64_t holes_nr_trials(const struct holes *holes);
/* Steps after which the relation was asked. */
uint64_t holes_relation_steps(const struct holes *holes, unsigned relation);

const struct clause_power *holes_clause_power(const struct holes *holes, enum clause_id id);
/* What the clauses did, as of a subject that makes every change there is. */
const struct lockstep_stats *holes_stats(const struct holes *holes);
