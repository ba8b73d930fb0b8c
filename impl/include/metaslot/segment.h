/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Segment: a range of frames with one type of metadata, and one reference to each of them.
 *
 * The references are forgotten Frame handles. Each segment must be given to exactly one of
 * segment_drop, segment_into_raw and segment_split, and is void afterwards (if that succeeds); one
 * that segment_next has emptied holds nothing. Segments may be passed between threads; all
 * functions may be called by any number of threads at once, those that take a pointer to a segment
 * by one at a time for each.
 *
 * Addresses, offsets and sizes are in bytes. Errors and panics leave the out-parameter unwritten.
 * Panics are those of ranges that a caller must not ask for, with nothing changed, and saturation
 * of a frame's count; counts that were raised before it, its own included, then stay raised.
 */
#pragma once

#include <stdint.h>

#include "metaslot/frame.h"

/* The frames from `start` to before `end`, physical addresses, multiples of METASLOT_PAGE_SIZE. */
struct segment {
    uint64_t start;
    uint64_t end;
};

/* The metadata of the frame at `paddr`. The object must live until the function is called again. */
typedef struct any_frame_meta segment_metadata_fn(void *context, uint64_t paddr);

/* Segment::size */
static inline uint64_t segment_size(struct segment segment)
{
    return segment.end - segment.start;
}

/*
 * Segment::from_unused: frame by frame, in ascending order, frame_from_unused with what
 * `metadata_fn` gives for it. METASLOT_NOT_ALIGNED, then METASLOT_OUT_OF_BOUND (end above
 * MAX_PADDR), then a panic if the range is empty. On a frame's error that error: the frames before
 * it are dropped again, ascending, and their on_drop runs. `metadata_fn` has then been called for
 * the frame that failed as well.
 */
METASLOT_MUST_CHECK enum metaslot_result
segment_from_unused(const struct meta_region *region, uint64_t start, uint64_t end,
                    segment_metadata_fn *metadata_fn, void *context, struct segment *segment);

/* Segment's Clone: one more reference to each frame. Panics at saturation. */
METASLOT_MUST_CHECK enum metaslot_result
segment_clone(const struct meta_region *region, struct segment segment, struct segment *clone);

/*
 * Segment::slice: the bytes from `start` to before `end` of it, with one more reference to each
 * frame; an empty slice holds nothing. Panics if an end is misaligned, start is above end or end
 * above the size, and at saturation.
 */
METASLOT_MUST_CHECK enum metaslot_result segment_slice(const struct meta_region *region,
                                                       struct segment segment, uint64_t start,
                                                       uint64_t end, struct segment *slice);

/*
 * Segment::split: the part before byte `offset` and the rest. No count changes. Panics if `offset`
 * is misaligned, 0, or not below the size; the segment is then still the caller's.
 */
METASLOT_MUST_CHECK enum metaslot_result segment_split(const struct meta_region *region,
                                                       struct segment segment, uint64_t offset,
                                                       struct segment parts[2]);

/* Segment's Iterator::next: the first frame, as a handle. METASLOT_NONE if the segment is empty. */
METASLOT_MUST_CHECK static inline enum metaslot_result
segment_next(const struct meta_region *region, struct segment *segment, struct frame *frame)
{
    if (segment->start >= segment->end)
        return METASLOT_NONE;
    *frame = frame_from_raw(region, segment->start);
    segment->start += METASLOT_PAGE_SIZE;
    return METASLOT_OK;
}

/* Segment::into_raw: forgets the segment without dropping it; its range. */
METASLOT_MUST_CHECK static inline struct segment segment_into_raw(struct segment segment)
{
    return segment;
}

/* Segment::from_raw: the segment back. Unsafe: the range is from forgotten segments or handles. */
METASLOT_MUST_CHECK static inline struct segment segment_from_raw(struct segment range)
{
    return range;
}

/* Segment's Drop: one reference less to each frame, ascending, as by frame_drop. */
void segment_drop(const struct meta_region *region, struct segment segment);

/* Segment::from(Frame): the handle's reference becomes that of a segment of one frame. */
METASLOT_MUST_CHECK static inline struct segment
segment_from_frame(const struct meta_region *region, struct frame frame)
{
    uint64_t paddr = frame_into_raw(region, frame);

    return (struct segment){paddr, paddr + METASLOT_PAGE_SIZE};
}
