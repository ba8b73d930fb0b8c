/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where the lockstep's time goes. In the profiling build of the benchmark each phase of an
 * operation ends by adding the processor's time stamps since the last one to its account; elsewhere
 * nothing is compiled in.
 */
#pragma once

enum phase {
    PHASE_DECODE, /* operands, precondition, bookkeeping */
    PHASE_REFERENCE,
    PHASE_SUBJECT,
    PHASE_COMPARISON,
    PHASE_CLAUSES,
    NR_PHASES
};

#ifdef LOCKSTEP_PROFILE
void phase_end(enum phase phase);
#else
static inline void phase_end(enum phase phase)
{
    (void)phase;
}
#endif
