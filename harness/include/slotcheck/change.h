/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Changes: what can be different, one thing at a time, after a step that was right.
 *
 * A change is named by the part of the state, by the role that the slot or list plays in the step,
 * by the field as the source writes it, and by what becomes of it. They are numbered from 0 to
 * nr_changes() - 1, in the order in which they are read: outcome, owners, permissions, obligations,
 * lists, the state before.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "metaslot_oracle.h"
#include "slotcheck/lockstep.h"

enum change_part {
    PART_OUTCOME,
    PART_OWNER,       /* slot_owners */
    PART_PERM,        /* slots */
    PART_OBLIGATIONS, /* frame_obligations */
    PART_LIST,
    PART_BEFORE,      /* slot_owners before the step, and after it where it leaves them alone */
    PART_BEFORE_PERM, /* the same of slots */
    NR_CHANGE_PARTS
};

enum change_role {
    ROLE_SLOT,  /* the slot, or the list, that the operation is about */
    ROLE_ALSO,  /* another one that the step changes, too */
    ROLE_OTHER, /* one that the step leaves alone */
    NR_CHANGE_ROLES
};

struct change_info {
    enum change_part part;
    enum change_role role;
    const char *field;
    const char *to;   /* what becomes of it */
    enum field shown; /* how its values are written, see field_value_text */
    enum field exec;  /* exec/FIELD is false of it; NR_FIELDS: of no such clause */
};

unsigned nr_changes(void);
struct change_info change_info(unsigned change);
/* True if it is the state before the step that is different. */
bool change_is_before(unsigned change);
/* True if an index comes into a map, or leaves it. */
bool change_is_of_domain(unsigned change);

/* A step that can be changed: the state before it, and the right one after it. */
struct changeable {
    enum op op;
    struct reference *before;        /* its owners are the base of `post` */
    struct meta_region_owners *post; /* kept as a change of it */
    struct spec_outcome outcome;
    bool follows; /* of a change before the step: the state after it follows */
};

/*
 * Applies a change at `index`, of a slot or a list as its part says; the outcome has no index. False,
 * with nothing changed, if it would change nothing here.
 */
bool change_apply(unsigned change, struct changeable *step, uint64_t index);
/* The value of the field that the change is about, as it is now. */
void change_value_text(unsigned change, const struct changeable *step, uint64_t index, char *text,
                       size_t size);
