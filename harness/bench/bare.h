/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Operations on the bare implementation: its release build, called directly, nothing compared. What
 * a judged operation is measured against.
 */
#pragma once

#include <stdint.h>

#include "metaslot_oracle.h"
#include "slotcheck/program.h"

struct bare_region;

/* An operation with everything worked out beforehand. */
struct bare_operation {
    enum op op;
    uint64_t paddr;
    uint64_t count;
    bool as_unique;
    struct meta_slot_storage metadata; /* becomes an object of the implementation in bare_prepare */
    unsigned char object[40];
    uint64_t type;
};

/* Null if there is no memory. */
struct bare_region *bare_create(uint64_t nr_slots);
void bare_destroy(struct bare_region *region);
/* Lays the metadata out as the implementation has it. */
void bare_prepare(struct bare_operation *operation);
/* Runs the operations one after the other, and resets the slots that they are about. */
void bare_run(struct bare_region *region, const struct bare_operation *operations, size_t nr_ops);
