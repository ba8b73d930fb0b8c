/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The parts of `slotcheck exhaust`: exhaust.c takes options and draws conclusions, exhaust_watch.c
 * runs the search in a child, exhaust_finding.c makes a case of a divergence, exhaust_print.c says
 * what came of it.
 */
#pragma once

#include <limits.h>
#include <time.h>

#include "command.h"
#include "slotcheck/exhaust.h"

struct exhaust_options {
    const char *library;
    const char *ops;
    const char *out;    /* folder for the counterexample; null: see finding_folder */
    const char *corpus; /* folder for programs with every cell; null: none are asked for */
    const char *cells;  /* file for the cells */
    uint64_t nr_slots;  /* 0: two, or what the subject has */
    unsigned depth;
    unsigned memory;  /* MiB */
    double limit;     /* seconds; 0: none */
    unsigned timeout; /* of one operation, in seconds */
    bool exact;
    bool replay;
    bool json;
    enum spec_variant variant;
};

/* What the child says beside the report; shared with it. */
struct side_results {
    int status; /* with which the command is to end: the child has complained */
    unsigned nr_programs;
    enum exhaust_cover_end cover;
    volatile bool is_over; /* the search, at `end`; the corpus may still be written */
    struct timespec end;
    bool is_done; /* all that was to be done */
};

/* A divergence, made a case. */
struct found {
    struct program program; /* as the search found it, and in the end as it is written */
    unsigned nr_ops;        /* that the search needed */
    bool agrees_alone;      /* run by itself it does not diverge; if neither, that is not known */
    bool diverges_alone;
    char signature[SIGNATURE_SIZE];
    char path[PATH_MAX]; /* of the case; empty: it was not written */
};

struct search {
    const struct exhaust_options *options;
    const struct slotcheck_subject *subject;
    struct scope scope; /* only operations that the subject offers */
    /* Shared. */
    struct exhaust_report *report;
    struct lockstep_stats *stats;
    struct side_results *side;

    struct timespec begin;
    double seconds;      /* that the search took */
    int ended_by;        /* what ended the child; 0: it came to its end. See search_run */
    bool was_killed;     /* not by its subject */
    struct found *found; /* null: nothing was */
};

/* --- exhaust_watch.c --- */

/*
 * Runs the search in a child, and keeps its limits. `ended_by` is then 0 if the child came to its
 * end, else a signal, SIGALRM if it got stuck, SIGINT if somebody would not wait, or -1 - status if
 * the subject called exit. False, after complaining, if there is no child.
 */
bool search_run(struct search *search);
/* How often a person, or who shuts the machine down, has asked for an end. */
unsigned search_interrupts(void);
/* In a child: signals end it again. */
void search_leave_signals(void);

/* --- exhaust_finding.c --- */

/* Complains of what `errno` says. */
bool no_file(const char *path);
/* Makes the folder and those above it. False, after complaining. */
bool make_folder(const char *path);
/* Where a case would go. False, after complaining, if it cannot. */
bool finding_folder(const struct exhaust_options *options, char *path, size_t size);
bool can_make_folder(const char *path);

/* Runs the program by itself, and shrinks it if it diverges. */
void finding_judge(const struct search *search, struct found *found);
/* Writes the case; false after complaining. */
bool finding_write(const struct search *search, struct found *found);
/* `slotcheck run` on the case, in silence if nobody is to read what it says; its exit status. */
int finding_run(const struct search *search, struct found *found);

/* --- exhaust_print.c --- */

/* The text, or the JSON object. False if it did not get through, which main complains of. */
bool search_print(const struct search *search);
