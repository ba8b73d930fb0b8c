/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Coverage by meaning: how often each operation, on a slot in each state, ended in each result. An
 * engine takes it for coverage of code; one that knows none of the ways in which it is offered
 * ignores it.
 */
#pragma once

#include "slotcheck/lockstep.h"

/* Counts what the last program has executed; `program` is that of `trace`. */
void fuzz_counters_count(const struct program *program, const struct trace *trace);

/*
 * Between the two nothing that runs is coverage, of children neither: AFL++ has its map in memory
 * that they share.
 */
void fuzz_counters_pause(void);
void fuzz_counters_resume(void);
