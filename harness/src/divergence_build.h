/* SPDX-License-Identifier: MPL-2.0 */
/* How the lockstep puts a divergence together: begin, compare, end. */
#pragma once

#include "slotcheck/lockstep.h"

/* Forgets what was there but the step; the operation's slot is as in `pre`. */
void divergence_begin(struct divergence *divergence, enum op op, const struct spec_call *call,
                      const struct meta_region_owners *pre);

/* Each adds a difference for every field that is not the same. */
void divergence_compare_outcomes(struct divergence *divergence, const struct spec_outcome *expected,
                                 const struct spec_outcome *actual);
void divergence_compare_states(struct divergence *divergence, const struct meta_region_owners *pre,
                               const struct meta_region_owners *expected,
                               const struct meta_region_owners *actual, bool ghost_reported);
void divergence_compare_drops(struct divergence *divergence, uint64_t nr_expected,
                              const struct spec_drop *expected, uint64_t nr_actual,
                              const struct spec_drop *actual);

/*
 * Adds the clauses that `report` says failed, and those of the fields that differ. With
 * `ghost_reported` false clauses on ghost state are left out: that state was only assumed. Returns
 * whether a clause of the specification is among them.
 */
bool divergence_add_broken(struct divergence *divergence, const struct clause_report *report,
                           bool ghost_reported);
/* The operation ended the process with `signal`, or did not return (0 or SIGALRM). */
void divergence_crash(struct divergence *divergence, int signal);
/*
 * The process that ran the program has died in the last step of the trace, which lies in shared
 * memory: that is the divergence. The trace has at least one step.
 */
void divergence_of_crash(struct trace *trace, const struct program *program, int signal);
