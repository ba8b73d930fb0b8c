/* SPDX-License-Identifier: MPL-2.0 */
/* The two forms in which people read holes. */
#pragma once

#include <stdio.h>

#include "slotcheck/holes.h"

/* The document for authors of a specification. */
void holes_print_markdown(FILE *out, const struct holes *holes);
/* For a terminal: one relation, or with holes_nr_relations of them all spec functions. */
void holes_print_summary(FILE *out, const struct holes *holes, unsigned relation);
/* "slot_owners[idx]" and the like: the part of the state that a change is about. */
const char *change_area(const struct change_info *info);
