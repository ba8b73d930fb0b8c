/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The smallest program that still shows the same finding.
 *
 * Shrinking transforms programs and asks whether what came out is as good as what went in; it knows
 * nothing of subjects. It is deterministic: bounded by how many candidates it asks about, and never
 * by the clock. Shrunk once more, a result stays as it is, unless a limit was reached.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "slotcheck/divergence.h"
#include "slotcheck/lockstep.h"

/*
 * Runs `candidate`, leaves in `trace` what happened, and says whether it still shows the finding.
 * The trace is of use even if not; it has room for the candidate's operations. Without a run, its
 * nr_steps is 0.
 */
typedef bool shrink_keeps_fn(void *context, const struct program *candidate, struct trace *trace);

/*
 * A safety net for findings out of which shrinking does not find: far more than any program of a
 * few thousand operations needs. What is found until then is kept.
 */
struct shrink_limits {
    uint64_t runs;
    uint64_t operations; /* in all of these runs */
};

extern const struct shrink_limits SHRINK_LIMITS;

/* What it took. */
struct shrink_counts {
    uint64_t runs;
    uint64_t operations;
    bool limited; /* it stopped at a limit: something smaller may be left */
};

enum shrink_status {
    SHRINK_DONE,      /* or nothing is simpler */
    SHRINK_AGREES,    /* the program itself shows no finding */
    SHRINK_NO_RUN,    /* it cannot be run; see the error */
    SHRINK_NO_MEMORY, /* or no process */
};

/*
 * Makes `program` smaller: fewer operations first, then fewer setups among them, a smaller region,
 * operations that come more often, simpler operands. Operands are canonical afterwards, and the
 * format is PROGRAM_FORMAT.
 */
enum shrink_status shrink(struct program *program, shrink_keeps_fn *keeps, void *context,
                          const struct shrink_limits *limits, struct shrink_counts *counts);

/* --- findings of a subject --- */

struct shrink_finding {
    const struct slotcheck_subject *subject;
    enum spec_variant variant;
    unsigned timeout; /* seconds; a program that takes longer hangs, and that is the finding */
    /* Called every few milliseconds at the most; may be null. */
    void (*progress)(void *context, uint64_t runs);
    void *progress_context;
    const struct shrink_limits *limits; /* null: SHRINK_LIMITS */
    /*
     * For who cannot wait: a limit on the whole, in milliseconds, after which what was found until
     * then is kept. 0, for the same result every time: none.
     */
    unsigned budget_ms;
    /*
     * The lockstep that this process has on the subject, between two programs: the children give
     * their copy up, as a subject may have one region only. May be null.
     */
    struct lockstep *inherited;
    /* Filled in: */
    char signature[SIGNATURE_SIZE]; /* of the program, and so of what became of it */
    struct shrink_counts counts;
    char error[256];
};

/*
 * Shrinks a program that diverges on the subject, with its signature held. All runs are in child
 * processes: a candidate may crash the subject, and a crash is a finding too. The clock decides which
 * candidates hang, and nothing else. A program that hangs is shrunk with short patience; the result
 * is confirmed with all of `timeout`.
 */
enum shrink_status shrink_finding(struct shrink_finding *finding, struct program *program);
