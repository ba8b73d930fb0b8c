/* SPDX-License-Identifier: MPL-2.0 */
/*
 * One call of an operation of a subject, in the specification's terms: addresses become slots of
 * the subject, results become outcomes. The only place that knows which function of the interface
 * an operation is.
 */
#pragma once

#include <stdbool.h>

#include "metaslot_oracle.h"
#include "slotcheck/program.h"
#include "slotcheck/subject.h"

/* A region of a subject, where its slot 0 is, and what it calls its lists. */
struct subject_region {
    const struct slotcheck_subject *subject;
    struct slotcheck_region *region;
    uint64_t slot0;
    uint64_t *lists; /* by index of the specification's; list_new writes one */
};

/* Calls `op`, which the subject must offer, and fills in `outcome`. */
void subject_call(const struct subject_region *on, enum op op, const struct spec_call *call,
                  struct spec_outcome *outcome);

/* What a list of the subject shows; the rest of `list` stays. */
void subject_read_list(const struct subject_region *on, uint64_t i, struct linked_list_owner *list);

/* Metadata from the specification's terms into the interface's and back: links change their origin.
 */
struct slotcheck_metadata metadata_to_subject(const struct meta_slot_storage *metadata);
struct meta_slot_storage metadata_from_subject(const struct slotcheck_metadata *metadata);
