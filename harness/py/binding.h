/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The flat C header under the Python package: what Python sees of slotcheck, as plain functions and
 * structs.
 *
 * Most of it is the public headers as they are: the oracle's states, predicates, clause table and
 * reference, programs, subjects, the lockstep. generate_binding.py turns the lot into what cffi
 * reads, so nothing is declared a second time. Added here is what Python wants in one call: a trial,
 * which is a program that runs while it is being written, and texts.
 *
 * Texts that are returned belong to the caller, who frees them; null: there is no memory.
 *
 * Nothing here is shared between threads.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metaslot_oracle.h"
#include "slotcheck/cell.h"
#include "slotcheck/divergence.h"
#include "slotcheck/lockstep.h"
#include "slotcheck/program.h"
#include "slotcheck/scope.h"
#include "slotcheck/shrink.h"
#include "slotcheck/subject.h"
#include "slotcheck/subject_load.h"
#include "spec_operations.h"

/* --- texts --- */

char *program_text(const struct program *program);
char *operand_text(enum operand_kind kind, uint16_t operand);
char *divergence_text(const struct program *program, const struct trace *trace, const char *replay);
char *summary_text(const struct divergence *divergence);

/* --- trials --- */

/*
 * A program that is run while it is written: every operation is judged when it is added, and what
 * was skipped is not kept. It is the same program, with the same verdict, that `slotcheck run` runs
 * from a file.
 */
struct trial;

enum {
    TRIAL_MAX_OPS = 1 << 16, /* operations that a program of a trial can have */
    TRIAL_JOURNAL_SIZE = 1 << 20,
};

/* Null, with one line in `error`, if there is no memory. */
struct trial *trial_create(const struct slotcheck_subject *subject, char *error, size_t error_size);
void trial_destroy(struct trial *trial);
void trial_use_variant(struct trial *trial, enum spec_variant variant);

/*
 * Keeps the program that is running in this memory of TRIAL_JOURNAL_SIZE bytes, for who survives when
 * the subject does not: first its size in bytes, 8 of them, little endian and 0 when none is running,
 * then the program. Null: nowhere.
 */
void trial_use_journal(struct trial *trial, uint8_t *journal);

/*
 * Begins a program of that many slots, or of as many as the subject has; what was there before ends.
 * False, with a line in trial_error, if it cannot be run.
 */
bool trial_begin(struct trial *trial, uint64_t nr_slots);
/*
 * Adds an operation and runs it. `record` of the trial then says what happened, and trial_goes_on
 * whether another can follow. After the last one it answers STEP_NOT_REACHED.
 */
enum step_status trial_step(struct trial *trial, enum op op, uint16_t first, uint16_t second,
                            uint16_t third);
/* What is asked of a program that ends here; false: see trial_divergence. Ends it. */
bool trial_end(struct trial *trial);
/* Runs a whole program; false: see trial_divergence and trial_error. */
bool trial_run(struct trial *trial, const struct program *program);

bool trial_goes_on(const struct trial *trial);
/* Its kind is FINDING_NONE as long as both sides agree. */
const struct divergence *trial_divergence(const struct trial *trial);
/* The program so far, and what became of it; valid until the next one begins. */
const struct program *trial_program(const struct trial *trial);
const struct trace *trial_trace(const struct trial *trial);
/* What became of the operation that was added last, kept or not. */
const struct step_record *trial_record(const struct trial *trial);
/* One line, or empty. */
const char *trial_error(const struct trial *trial);
/* Operations that were run, over the trial's life, those included that whole programs skipped; and what
   they have shown. */
uint64_t trial_nr_steps(const struct trial *trial);
const struct lockstep_stats *trial_stats(const struct trial *trial);
/* True if the last operation was executed in a combination that this trial had not seen. */
bool trial_is_new(const struct trial *trial);

/* --- what can come next --- */

/* True if the oracle's precondition holds of this operation now, and its handles are alive. */
bool trial_admits(const struct trial *trial, enum op op, uint16_t first, uint16_t second,
                  uint16_t third);
enum {
    TRIAL_MAX_TRIED = 64, /* values of an operand that are tried, at most */
};

/*
 * Fills in for each operation whether there are operands with which it is admitted. It is tried with
 * all live handles, at all slots that were touched and two that were not, at all paths in use and two
 * others, and with what scope.h has of other operands.
 */
void trial_possible(const struct trial *trial, bool possible[NR_OPS]);
/*
 * The values of one operand, the `at`-th, with which the operation is admitted for some values of
 * the others, tried as above; in the order of scope.h, slots and paths ascending. Returns how many
 * there are, and writes at most `capacity`.
 */
size_t trial_candidates(const struct trial *trial, enum op op, unsigned at, uint16_t *values,
                        size_t capacity);
/* Live handles of the kind. */
uint64_t trial_nr_handles(const struct trial *trial, enum operand_kind kind);
/* What the handle is worth: see lockstep_handle. */
uint64_t trial_handle(const struct trial *trial, enum operand_kind kind, uint64_t number);
/* The first unused slots, ascending: where something can be made. Returns how many it wrote. */
size_t trial_unused(const struct trial *trial, uint16_t *slots, size_t capacity);
/*
 * The slots to which there are references without a handle, which a from_raw can bring back;
 * ascending. Returns how many there are, and writes at most `capacity`.
 */
size_t trial_forgotten(const struct trial *trial, uint16_t *slots, size_t capacity);

/*
 * All invariants of all slots and lists, and the accounting, in the state that both sides agree on.
 * False: `report` says which clauses do not hold. The lockstep itself asks them of what a step has
 * changed.
 */
bool trial_invariants(const struct trial *trial, struct clause_report *report);
/*
 * Shrinks a program with its signature held, in this process: for subjects that a child process
 * cannot have, and of which no program crashes.
 */
enum shrink_status trial_shrink(struct trial *trial, struct program *program,
                                struct shrink_counts *counts);
