/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The type invariants of the verified sources, and the accounting of its embedding.
 *
 * Like the spec functions: total, every clause evaluated and recorded, the result the conjunction.
 */
#pragma once

#include "metaslot_oracle/clauses.h"
#include "metaslot_oracle/state.h"

/* MetaSlotOwner::inv */
bool meta_slot_owner_inv(const struct meta_slot_owner *owner, struct clause_report *report);

/* MetaSlotModel::inv; weaker: it never mentions storage. */
bool meta_slot_model_inv(const struct meta_slot_model *model, struct clause_report *report);

/* MetaRegionOwners::inv for the one index `i`; one out of range is in neither domain, as it should.
 */
bool meta_region_owners_inv_at(const struct meta_region_owners *owners, uint64_t i,
                               struct clause_report *report);
/* MetaRegionOwners::inv: the above for every index. */
bool meta_region_owners_inv(const struct meta_region_owners *owners, struct clause_report *report);

/* MetaRegionOwners::clean_inv: inv, and nothing is owed. */
bool clean_inv(const struct meta_region_owners *owners, struct clause_report *report);

/* Who holds references to a slot. Kept by whoever runs the operations. */
struct slot_holders {
    uint64_t live_frames;             /* Frame handles, page-table nodes among them */
    uint64_t live_unique_frames;      /* UniqueFrame handles: 0 or 1 */
    uint64_t forgotten_frames;        /* references without a handle: into_raw, slot-level calls */
    uint64_t forgotten_unique_frames; /* UniqueFrames without a handle: 0 or 1 */
    uint64_t segments;                /* segments that cover the frame */
};

/* Segment::inv for a segment of the frames from `start` to before `end`. */
bool segment_inv(const struct meta_region_owners *owners, uint64_t start, uint64_t end,
                 struct clause_report *report);
/* Segment::relate_regions for the one index `i`; true if no segment of `holders` covers it. */
bool segment_inv_at(const struct meta_region_owners *owners, uint64_t i,
                    const struct slot_holders *holders, struct clause_report *report);

/* The accounting for the one index `i`, which `holders` hold; nothing is owed out of range. */
bool accounting(const struct meta_region_owners *owners, uint64_t i,
                const struct slot_holders *holders, struct clause_report *report);
