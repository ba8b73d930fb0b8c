/* SPDX-License-Identifier: MPL-2.0 */
/* Segment: what touches many frames at once. */
#include "metaslot/segment.h"

#include <stdbool.h>

#include "metaslot/meta_slot.h"

static bool is_misaligned(uint64_t paddr)
{
    return paddr % METASLOT_PAGE_SIZE != 0;
}

enum metaslot_result segment_from_unused(const struct meta_region *region, uint64_t start,
                                         uint64_t end, segment_metadata_fn *metadata_fn,
                                         void *context, struct segment *segment)
{
    struct segment made = {start, start};

    if (is_misaligned(start) || is_misaligned(end))
        return METASLOT_NOT_ALIGNED;
    if (end > region->max_paddr)
        return METASLOT_OUT_OF_BOUND;
    if (start >= end)
        return meta_slot_panic(region, "a segment of no frames");
    for (; made.end < end; made.end += METASLOT_PAGE_SIZE) {
        struct frame frame = {NULL};
        enum metaslot_result result =
            frame_from_unused(region, made.end, metadata_fn(context, made.end), &frame);

        if (result != METASLOT_OK) {
            segment_drop(region, made);
            return result;
        }
        (void)!frame_into_raw(region, frame);
    }
    *segment = made;
    return METASLOT_OK;
}

/* One more reference to each frame, until a count is saturated. */
METASLOT_MUST_CHECK static enum metaslot_result inc_ref_counts(const struct meta_region *region,
                                                               struct segment segment)
{
    for (uint64_t paddr = segment.start; paddr < segment.end; paddr += METASLOT_PAGE_SIZE) {
        enum metaslot_result result =
            meta_slot_inc_ref_count(region, meta_region_frame_to_meta(region, paddr));

        if (result != METASLOT_OK)
            return result;
    }
    return METASLOT_OK;
}

enum metaslot_result segment_clone(const struct meta_region *region, struct segment segment,
                                   struct segment *clone)
{
    enum metaslot_result result = inc_ref_counts(region, segment);

    if (result == METASLOT_OK)
        *clone = segment;
    return result;
}

enum metaslot_result segment_slice(const struct meta_region *region, struct segment segment,
                                   uint64_t start, uint64_t end, struct segment *slice)
{
    if (is_misaligned(start) || is_misaligned(end))
        return meta_slot_panic(region, "a slice that is misaligned");
    /* Before anything is added, so that no sum can overflow. */
    if (start > end || end > segment_size(segment))
        return meta_slot_panic(region, "a slice out of bounds");
    return segment_clone(region, (struct segment){segment.start + start, segment.start + end},
                         slice);
}

enum metaslot_result segment_split(const struct meta_region *region, struct segment segment,
                                   uint64_t offset, struct segment parts[2])
{
    uint64_t middle;

    if (is_misaligned(offset))
        return meta_slot_panic(region, "a split that is misaligned");
    if (offset == 0 || offset >= segment_size(segment))
        return meta_slot_panic(region, "a split out of bounds");
    middle = segment.start + offset;
    parts[0] = (struct segment){segment.start, middle};
    parts[1] = (struct segment){middle, segment.end};
    return METASLOT_OK;
}

void segment_drop(const struct meta_region *region, struct segment segment)
{
    for (uint64_t paddr = segment.start; paddr < segment.end; paddr += METASLOT_PAGE_SIZE)
        frame_drop(region, frame_from_raw(region, paddr));
}
