/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The ledger: what runs have checked. For each clause and operation, how often the clause was
 * evaluated and how often it decided, that is, was false for a subject's step; for each clause, the
 * first case in which either happened. Several runs add up.
 *
 * As a file it is text, by names and not by numbers, so that it can be compared and outlives a
 * change of the lists that the numbers come from. Fields are separated by one tab:
 *     slotcheck ledger 1
 *     runs RUNS PROGRAMS
 *     clause CLAUSE FIRST-EVALUATED-IN FIRST-FALSE-IN
 *     count CLAUSE OPERATION EVALUATED DECIDED
 *     end LINES
 * Clauses stand in the order of clauses.def, operations in that of ops.def. A case that is not
 * known is empty; in its name a tab, an end of line and a backslash are \t, \n and \\. LINES is the
 * number of lines before the last one, so that a file cut short is seen.
 *
 * A clause that is judged on the reference alone, because the subject reports no ghost state, is not
 * counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "slotcheck/lockstep.h"

struct ledger {
    uint64_t runs;
    uint64_t programs;
    uint64_t evaluated[NR_OPS][NR_CLAUSES];
    uint64_t decided[NR_OPS][NR_CLAUSES];
    char *first_evaluated[NR_CLAUSES]; /* the case; null: not known */
    char *first_false[NR_CLAUSES];
};

/* An empty one, or null. */
struct ledger *ledger_create(void);
void ledger_destroy(struct ledger *ledger);

/* Adds what one run counted. */
void ledger_add_stats(struct ledger *ledger, const struct lockstep_stats *stats);

/*
 * Notes a case in which the clause was evaluated, or was false, unless an earlier one is known.
 * False if there is no memory.
 */
bool ledger_note_evaluated(struct ledger *ledger, enum clause_id id, const char *path);
bool ledger_note_false(struct ledger *ledger, enum clause_id id, const char *path);

/* Sums over the operations. */
uint64_t ledger_evaluated(const struct ledger *ledger, enum clause_id id);
uint64_t ledger_decided(const struct ledger *ledger, enum clause_id id);

/*
 * Adds a ledger file, or a statistics file of a fuzz target (see fuzz_session.h), to `sum`. False,
 * with one line in `error` and nothing added, if it cannot be read or is neither.
 */
bool ledger_read(const char *path, struct ledger *sum, char *error, size_t error_size);

/*
 * Before much is done for it: can a ledger be written there? Not over a file that is something else,
 * which somebody may need. False with one line in `error`.
 */
bool ledger_can_write(const char *path, char *error, size_t error_size);

/* Writes all of it or nothing; replaces a file, but nothing else. False with errno set. */
bool ledger_write(const char *path, const struct ledger *ledger);
void ledger_print(const struct ledger *ledger, FILE *out);
