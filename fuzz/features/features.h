/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The parts of the program `features`: main.c keeps a child alive, serve.c answers requests in it,
 * runner.c runs a program and says what it shows, table.c numbers features, edges.c reads the
 * counters of the coverage.
 *
 * A feature is something that a program can show: that an edge of the code was taken, that an
 * operation ended in one way, that either was so about so many times, that a clause was evaluated
 * on the step of an operation, that a cell was seen (see cell.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "slotcheck/lockstep.h"

/* --- edges.c --- */

/* How many there are; 0 where nothing is instrumented. */
size_t edges_nr(void);
/* Leaves out those of the code that is loaded now. */
void edges_forget(void);
/* Counting begins anew. */
void edges_clear(void);

typedef void edges_hit_fn(void *context, size_t edge, uint8_t hits);

/* Each edge that was taken since, with how often that was, modulo 256. */
void edges_visit(edges_hit_fn *hit, void *context);

/* --- table.c --- */

enum feature_kind {
    FEATURE_EDGE,
    FEATURE_END,
    FEATURE_CLAUSE,
    FEATURE_CELL,
    FEATURE_EDGE_TIMES,
    FEATURE_END_TIMES,
};

enum {
    TABLE_CAPACITY = 1 << 19,
};

/*
 * Numbers for features, in the order in which they come. All zero when empty; lies in memory that
 * is shared with children, so that the next one goes on where the last one died.
 */
struct feature_table {
    uint32_t nr;
    uint64_t keys[TABLE_CAPACITY]; /* hashed; 0: free */
    uint32_t numbers[TABLE_CAPACITY];
};

/* What a feature of that kind and content is known by; never 0. */
uint64_t feature_edge(size_t edge);
uint64_t feature_edge_times(size_t edge, uint64_t times);
uint64_t feature_end(enum op op, unsigned end);
uint64_t feature_end_times(enum op op, unsigned end, uint64_t times);
uint64_t feature_clause(enum op op, enum clause_id id);
uint64_t feature_cell(uint64_t cell);

/* The number of the feature; *is_new: it did not have one. UINT32_MAX if the table is full. */
uint32_t table_number(struct feature_table *table, uint64_t feature, bool *is_new);

/* Kind and name, e.g. "clause frame_drop/ref_count frame_drop". */
void feature_print(uint64_t feature, FILE *out);

/* --- runner.c --- */

/* What of a run parent and child both know, for when the subject ends the process. */
struct run_state {
    bool is_running;
    enum op op; /* whose call has not returned; NR_OPS: none */
};

struct runner;

/* On a subject; null, with one line in `error`, if there is no memory. */
struct runner *runner_create(const struct slotcheck_subject *subject, struct run_state *state,
                             char *error, size_t error_size);

enum run_end {
    RUN_AGREES,
    RUN_DIVERGES,
    RUN_IMPOSSIBLE, /* there is no region of the program's size; see runner_error */
    RUN_FAILED,     /* nor of any other program; see runner_error */
};

/* Runs the program from the state after boot. Nothing of earlier ones is left. */
enum run_end runner_run(struct runner *runner, const struct program *program);
const char *runner_error(const struct runner *runner);
const struct divergence *runner_divergence(const struct runner *runner);

/* Of the last run: */
uint64_t runner_executed(const struct runner *runner);
/* "Ok", "InUse", …, "skipped", "not reached". */
const char *runner_outcome(const struct runner *runner, size_t step);

typedef void runner_feature_fn(void *context, uint64_t feature);

/* What it has shown, some of it more than once. */
void runner_features(const struct runner *runner, runner_feature_fn *feature, void *context);

/* How many clauses can be evaluated on the subject. */
unsigned runner_clauses(const struct runner *runner);

/* --- main.c and serve.c --- */

enum { EXIT_DONE = 0, EXIT_WRONG_USE = 2, EXIT_INTERNAL = 3 };

enum {
    FEATURES_MAX_SLOTS = 1 << 20, /* as of `slotcheck fuzz` */
};

struct settings {
    const char *library; /* null: the built-in subject */
    uint64_t nr_slots;   /* 0: the program's own */
    unsigned timeout;    /* of a program, in seconds */
};

/* What parent and child both know. */
struct shared {
    struct run_state run;
    bool is_greeted;
    bool is_over; /* the child ends of itself, with this: */
    int status;
    struct feature_table table;
};

struct server {
    const struct settings *settings;
    const struct slotcheck_subject *subject;
    struct shared *shared;
    int in, out;
    /* Of the child: */
    struct runner *runner;
    struct program program;
    FILE *answer; /* what goes out at once, as text */
    char *text;
    size_t text_size;
    uint8_t *mask;
    size_t mask_size;
};

/* One line on stderr, "slotcheck: …", and the status to return. */
__attribute__((format(printf, 2, 3))) int complain(int status, const char *format, ...);
void answer_write(const struct server *server, const char *text, size_t size);
/* Answers requests until there are none left, or the process ends. */
_Noreturn void serve(struct server *server);
