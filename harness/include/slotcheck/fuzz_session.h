/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the fuzz targets that run programs share, without an engine: from the bytes of one input to
 * the lockstep's verdict, and what becomes of a divergence.
 *
 * The environment configures it, because an engine owns the command line:
 *     SLOTCHECK_SUBJECT   path of the subject's shared library; unset: the built-in subject
 *     SLOTCHECK_SLOTS     number of slots of every region, instead of the program's own
 *     SLOTCHECK_FORMAT    programs of this format only, e.g. 1: slots and frames; unset: of any
 *     SLOTCHECK_STATS     file for a struct fuzz_stats, which others may read at any time; counting
 *                         goes on from what it holds
 *     SLOTCHECK_FINDINGS  folder: a divergence is written to <signature>.case there, the input that
 *                         it was shrunk from to <signature>.input, and fuzzing goes on; unset: a
 *                         divergence is explained on stderr and ends in a trap
 * Either way the program is shrunk first, in child processes and without counting there.
 * A wrong setting is one line on stderr and exit status 2.
 *
 * One session per process, used by one thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "slotcheck/lockstep.h"
#include "slotcheck/subject.h"

enum {
    /*
     * Larger regions than this cost time and show little more, so there is only one of them, for
     * what happens to indices that do not fit a byte. Others are left to SLOTCHECK_SLOTS.
     */
    FUZZ_MAX_SLOTS = 64,
    FUZZ_LARGE_SLOTS = 512,
};

static const uint64_t FUZZ_STATS_MAGIC = UINT64_C(0x73746174736c6f74);

/* What a SLOTCHECK_STATS file holds. */
struct fuzz_stats {
    uint64_t magic; /* FUZZ_STATS_MAGIC */
    uint64_t size;  /* sizeof(struct fuzz_stats); another one comes from another slotcheck */
    uint64_t names; /* fuzz_stats_names(); another one counts other clauses or operations */
    struct lockstep_stats stats;
};

/* Tells the lists of clauses and operations, by whose order the counts stand, from other ones. */
uint64_t fuzz_stats_names(void);

/*
 * Runs one input; what LLVMFuzzerTestOneInput returns. -1, not for the corpus: a text, a program of
 * a later format or of one not asked for, or of other numbers of slots than those above, or
 * of more than the subject can have.
 */
int fuzz_session_run(const uint8_t *data, size_t size);

/*
 * Makes all ready, which the first run does otherwise. An engine that forks for its inputs wants it
 * before the first fork, or a subject that it instruments comes too late.
 */
void fuzz_session_begin(void);

/* Tests `subject` instead of the one that the environment names. Before the first run. */
void fuzz_session_use(const struct slotcheck_subject *subject);
