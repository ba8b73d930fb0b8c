/* SPDX-License-Identifier: MPL-2.0 */
/* A search's own state: exhaust.c searches, exhaust_cover.c makes programs of what was found. */
#pragma once

#include "fingerprints.h"
#include "slotcheck/exhaust.h"

struct state {
    uint32_t before; /* the state before; NO_STATE: this is the one after boot */
    struct operation operation;
};

#define NO_STATE UINT32_MAX

/* The first step of a cell: from which state, by which operation. */
struct witness {
    uint64_t cell;
    uint32_t state;
    bool moves; /* to another state, or to the end of the program */
    struct operation operation;
};

struct exhaust {
    struct lockstep *lockstep;
    struct lockstep_stats *stats;
    const struct scope *scope;
    struct exhaust_report *report;
    uint64_t max_bytes;
    unsigned depth;
    bool exact;
    bool returns; /* the subject takes states back */

    struct state *states; /* in the order in which they were found, so by depth */
    uint64_t nr_states, states_capacity;
    struct fingerprints known;
    struct witness *witnesses; /* one for each cell, as found, so by their states */
    uint64_t nr_witnesses, witnesses_capacity;

    struct program boot;  /* a region of the scope's size, without operations */
    unsigned char *bytes; /* of a state */

    uint32_t at;             /* the state from which ways are gone */
    unsigned level;          /* its depth */
    struct fingerprint here; /* of it, if the search is exact */
};

/* Writes the operations that lead to the state, at most EXHAUST_MAX_DEPTH; how many. */
unsigned exhaust_way_to(const struct exhaust *e, uint32_t state, struct operation *ops);
