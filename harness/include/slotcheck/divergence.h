/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a person, and a machine, gets to read about a divergence.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "slotcheck/lockstep.h"

enum {
    SIGNATURE_SIZE = 200, /* enough for every signature */
};

/*
 * The signature of a divergence: operation, status of the slot before, first differing field and
 * first broken clause, e.g. "frame_drop.SHARED.ref_count.accounting-ref_count". Two divergences
 * with one signature are taken for the same finding. Letters, digits, dots, hyphens and underscores
 * only.
 */
void divergence_signature(const struct divergence *divergence, char *text, size_t size);

/*
 * The explanation: the program so far with what each operation answered, the operation, both
 * results, the fields that differ slot by slot, the broken clauses with their text, and `replay`,
 * the command that shows it again (may be null).
 */
void divergence_explain(FILE *out, const struct program *program, const struct trace *trace,
                        const char *replay);

/* One line: kind, operation, slot, field. */
void divergence_summary(FILE *out, const struct divergence *divergence);

/* Names as the specification writes them. */
const char *result_name(enum spec_result result);      /* "Ok", "InUse", … */
const char *status_name(enum meta_slot_status status); /* "UNUSED", "SHARED", … */
const char *step_status_name(enum step_status status); /* "executed", "precondition", … */

/* A value of a field, as text into `text`: counts with their sentinels' names, metadata by type. */
void field_value_text(enum field field, const struct meta_slot_storage *value, char *text,
                      size_t size);
