/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Clauses: their ids, what they say, and how a judgement on them is recorded.
 *
 * Every predicate of the oracle takes a `clause_report`, in which it counts each clause that it
 * evaluates and notes each one that does not hold. One report belongs to one thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum clause_id {
#define CLAUSE(function, clause, kind, sees, where, text) CLAUSE_##function##__##clause,
#include "metaslot_oracle/clauses.def"
#undef CLAUSE
    NR_CLAUSES
};

enum clause_kind {
    CLAUSE_KIND_SPEC,
    CLAUSE_KIND_INVARIANT,
    CLAUSE_KIND_ENSURES,
    CLAUSE_KIND_EXEC,
};

/* What a clause looks at. */
enum clause_sees {
    CLAUSE_SEES_SLOT,
    CLAUSE_SEES_GHOST, /* also, or only, state that is not in the slot's bytes */
};

struct clause_info {
    const char *id;       /* "function/clause" */
    const char *function; /* as the source names it */
    const char *text;     /* the formula or sentence */
    const char *where;    /* where the source states it */
    enum clause_kind kind;
    enum clause_sees sees;
};

/* The whole table, indexed by clause_id. */
extern const struct clause_info CLAUSES[NR_CLAUSES];

/* "spec", "invariant", "ensures" or "exec". */
const char *clause_kind_name(enum clause_kind kind);

struct clause_report {
    uint64_t evaluated[NR_CLAUSES]; /* how often each was evaluated, over the report's life */
    uint32_t nr_failed;             /* clauses that failed since clause_report_begin, each once */
    uint16_t failed[NR_CLAUSES];    /* enum clause_id, in the order in which they failed */
};

/* Starts a new judgement: forgets which clauses failed, keeps the counts. */
static inline void clause_report_begin(struct clause_report *report)
{
    report->nr_failed = 0;
}

/* True if clause `id` failed in the current judgement. */
bool clause_report_has(const struct clause_report *report, enum clause_id id);

/* Notes one that failed; use clause(). */
void clause_report_fail(struct clause_report *report, enum clause_id id);

/* Counts the clause, notes it if it does not hold, and returns whether it holds. */
static inline bool clause(struct clause_report *report, enum clause_id id, bool holds)
{
    report->evaluated[id]++;
    if (!holds)
        clause_report_fail(report, id);
    return holds;
}
