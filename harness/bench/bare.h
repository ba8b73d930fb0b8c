/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Operations on the bare implementation: its release build, called directly, nothing compared. What
 * a judged operation is measured against.
 */
#pragma once

#include <stdint.h>

#include "metaslot_oracle/reference.h"
#include "slotcheck/program.h"

struct bare_region;

/* An operation with everything worked out beforehand. */
struct bare_operation {
    enum op op;
    struct spec_call call;
    unsigned char object[40]; /* its metadata, as the implementation has it */
};

/* Null if there is no memory. */
struct bare_region *bare_create(uint64_t nr_slots);
void bare_destroy(struct bare_region *region);
struct bare_operation bare_prepare(enum op op, const struct spec_call *call);
/* Runs the operations one after the other, and resets the slots that they are about. */
void bare_run(struct bare_region *region, const struct bare_operation *operations, size_t nr_ops);
