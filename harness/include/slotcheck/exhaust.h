/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Exhaustive search: all programs of a scope up to a depth, breadth first, on subject and
 * specification in lockstep.
 *
 * Programs that lead to one state go on alike, so only the first of them is gone on with. Two states
 * are one if all is equal that decides how a program can go on, as far as it can be seen: slots,
 * ghost state, lists, and who holds how many references. What is left out by default:
 *
 *   - the order of handles: an operation gets the frame of a handle and nothing else, so two handles
 *     to one frame are alike, and of those that are only the oldest is used;
 *   - what the subject keeps where nobody looks, e.g. stale bytes of unused slots.
 *
 * The first is sound for every subject of the interface. The second is not for a subject that lets
 * such bytes decide; `exact` tells those states apart, if the subject can save them, and the order of
 * handles, too. Every operation is then looked at for what it has changed there, failed ones, too.
 *
 * States are told apart by fingerprints of 127 bits. That of 10^8 states two have the same one has a
 * probability of about 3 * 10^-23.
 *
 * The first divergence ends the search. Breadth first, so no program of the scope with fewer
 * operations diverges.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "slotcheck/lockstep.h"
#include "slotcheck/scope.h"

enum {
    EXHAUST_MAX_DEPTH = 64,
};

enum exhaust_end {
    EXHAUST_GOES_ON,
    EXHAUST_COMPLETE, /* to the depth asked for */
    EXHAUST_CLOSED,   /* of `complete_depth` no operation led to a new state: complete to any */
    EXHAUST_DIVERGED, /* with the program in `ops` */
    EXHAUST_OUT_OF_MEMORY, /* what it may use is used up */
    EXHAUST_STOPPED,       /* somebody set `stop` */
    EXHAUST_FAILED,        /* with `error` */
};

/*
 * What a search says of itself. It may lie in memory that is shared with another process, which
 * reads it at any time, and can see what was going on when the search dies of the subject.
 */
struct exhaust_report {
    enum exhaust_end end;
    volatile bool stop;       /* set it to end the search after the operation at hand */
    volatile bool stop_cover; /* set it to end exhaust_cover before its next program */
    volatile bool in_search;  /* what takes its time now is the search, and not the subject */
    volatile unsigned complete_depth; /* all programs of at most that many operations were run */
    volatile uint64_t expanded; /* states of that depth from which all ways were gone; never too
                                   many, whenever it is read after `complete_depth` */
    uint64_t states[EXHAUST_MAX_DEPTH + 1];      /* that need that many operations */
    uint64_t transitions[EXHAUST_MAX_DEPTH + 1]; /* operations executed as the last of that many */
    uint64_t skipped; /* operations that could not run; they lead nowhere */
    uint64_t bytes;   /* of memory */
    uint64_t covered; /* cells that exhaust_cover is through with */
    /* The operations of the program that is being run: the way to a state, and one more. */
    unsigned nr_ops;
    struct operation ops[EXHAUST_MAX_DEPTH];
    struct step_record steps[EXHAUST_MAX_DEPTH];
    struct divergence divergence; /* EXHAUST_DIVERGED: of that program */
    char error[160];
};

uint64_t exhaust_states(const struct exhaust_report *report);
uint64_t exhaust_transitions(const struct exhaust_report *report);

struct exhaust_settings {
    const struct scope *scope;
    unsigned depth;     /* 1..EXHAUST_MAX_DEPTH */
    bool exact;         /* see above */
    bool replay;        /* also a subject that can take states back is led to each state again */
    uint64_t max_bytes; /* of memory */
};

struct exhaust;

/* A search that counts in `report`, which is cleared, and in the lockstep's statistics; null if there
   is no memory. */
struct exhaust *exhaust_create(struct lockstep *lockstep, const struct exhaust_settings *settings,
                               struct exhaust_report *report);
void exhaust_destroy(struct exhaust *exhaust);

/* Runs until `report->end` says why not any further. */
void exhaust_run(struct exhaust *exhaust);

enum exhaust_cover_end {
    COVER_COMPLETE,
    COVER_STOPPED,  /* somebody set `stop_cover` */
    COVER_REFUSED,  /* `take` did */
    COVER_DIVERGED, /* the last program taken; one can only if the subject keeps something where
                       nobody looks, and the search was not exact */
    COVER_FAILED,   /* with `error` */
};

/*
 * Programs that together have every cell of the search, and of which none can be left out. For each
 * `take` is called. After exhaust_run.
 */
typedef bool exhaust_take_fn(void *context, const struct program *program);
enum exhaust_cover_end exhaust_cover(struct exhaust *exhaust, exhaust_take_fn *take, void *context);
