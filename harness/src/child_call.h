/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Calls that are expected to end the process: a subject that really aborts on saturation is judged
 * in a forked child. The child reads the slots at the moment of the abort and leaves them in shared
 * memory, so the state after the panic is compared as for any other subject.
 */
#pragma once

#include "metaslot_oracle.h"
#include "subject_call.h"

struct child_calls;

/* Null if there is no memory. */
struct child_calls *child_calls_create(void);
void child_calls_destroy(struct child_calls *children);

/*
 * Calls `op` in a child, on a region of `nr_slots` slots. An abort, a trap or an illegal
 * instruction is answered as SPEC_PANIC; a return as what was returned. False if there can be no
 * child.
 */
bool child_call(struct child_calls *children, const struct subject_region *on, enum op op,
                const struct spec_call *call, uint64_t nr_slots, struct spec_outcome *outcome);

/*
 * What else ended the last child; 0: nothing else. SIGALRM: it did not return in time. Negative: it
 * called exit with the status -1 - signal.
 */
int child_call_signal(const struct child_calls *children);

/*
 * The slots as the last child left them. A panicking operation changes counts only; the rest stays
 * as it is in `actual`.
 */
void child_observe(const struct child_calls *children, struct meta_region_owners *actual);
