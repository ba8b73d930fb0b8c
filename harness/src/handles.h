/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The live handles of a program: what an operand names, and what a success makes and consumes.
 */
#pragma once

#include <stdbool.h>

#include "metaslot_oracle.h"
#include "slotcheck/program.h"

/* A live Segment handle, and that of a mapped frame. */
struct segment_handle {
    uint64_t start, end;
};

struct mapping_handle {
    uint64_t paddr, path;
};

/*
 * By kind, oldest first: Frame and UniqueFrame as physical addresses, lists and cursors as indices
 * of lists.
 */
struct handles {
    uint64_t nr_frames, nr_uniques, nr_segments, nr_mappings, nr_lists, nr_cursors;
    uint64_t capacity; /* operations that there is room for */
    uint64_t *frames, *uniques;
    struct segment_handle *segments;
    struct mapping_handle mappings[SPEC_NR_PATHS];
    uint64_t lists[SPEC_MAX_LISTS], cursors[SPEC_MAX_LISTS];
};

/* Room for what `nr_ops` operations can make; false if there is no memory. */
bool handles_reserve(struct handles *handles, uint64_t nr_ops);
void handles_free(struct handles *handles);
/* None is alive. */
void handles_clear(struct handles *handles);

/* Makes `to`, in which there is room, equal to `from`. */
void handles_copy(struct handles *to, const struct handles *from);

/*
 * True if there are as many of each kind. For one operation that says whether it made or took any:
 * none makes as many as it takes of the same kind. segment_split, which takes one, makes two.
 */
static inline bool handles_as_many(const struct handles *a, const struct handles *b)
{
    return a->nr_frames == b->nr_frames && a->nr_uniques == b->nr_uniques &&
           a->nr_segments == b->nr_segments && a->nr_mappings == b->nr_mappings &&
           a->nr_lists == b->nr_lists && a->nr_cursors == b->nr_cursors;
}

/*
 * A number for the handle that an operand of this kind and number names, the same for two that
 * cannot be told apart; UINT64_MAX if no such handle is alive, or the kind is none of handles.
 */
uint64_t handles_at(const struct handles *handles, enum operand_kind kind, uint64_t number);

/* No handle that owes anything, or that somebody would have to drop, is alive. */
static inline bool handles_none_owing(const struct handles *handles)
{
    return handles->nr_frames == 0 && handles->nr_uniques == 0;
}

/* Does what the operation has done concern the live handles? */
static inline bool handles_concerned(enum op op, const struct meta_region_owners *owners)
{
    return OPS[op].takes != OPERAND_NONE || OPS[op].makes != OPERAND_NONE || owners->lists_changed;
}

/*
 * What an operation, that has ended as `outcome` and left the lists of `owners`, did to the live
 * handles.
 */
void handles_update(struct handles *handles, const struct operation *operation,
                    const struct spec_call *call, const struct spec_outcome *outcome,
                    const struct meta_region_owners *owners);
