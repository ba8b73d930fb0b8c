/* SPDX-License-Identifier: MPL-2.0 */
/* The independent subject: Segment, a range of frames with one forgotten reference to each. */
#include "plain.h"

static uint64_t size_of(struct slotcheck_segment segment)
{
    return segment.end - segment.start;
}

/* The range without its last frame, if it is broken and not empty. */
static struct slotcheck_segment without_last(struct slotcheck_segment range, enum fault fault)
{
    if (is_broken(fault) && range.start < range.end)
        range.end -= PAGE_SIZE;
    return range;
}

/* Why there can be no segment of this range; OK if there can be one. */
static uint32_t range_result(const struct slotcheck_region *region, uint64_t start, uint64_t end)
{
    uint64_t max_paddr = region->nr_slots * PAGE_SIZE;
    if (is_broken(FAULT_segment_bound_before_alignment) && end > max_paddr)
        return SLOTCHECK_OUT_OF_BOUND;
    if (start % PAGE_SIZE != 0)
        return SLOTCHECK_NOT_ALIGNED;
    if (end % PAGE_SIZE != 0 && !is_broken(FAULT_segment_end_unaligned))
        return SLOTCHECK_NOT_ALIGNED;
    if (end > max_paddr || (end == max_paddr && is_broken(FAULT_segment_bound_off_by_one)))
        return SLOTCHECK_OUT_OF_BOUND;
    if (start >= end && !(start == end && is_broken(FAULT_segment_empty_granted)))
        return panic();
    return SLOTCHECK_OK;
}

/* Gives one reference to each frame back. */
static void drop_frames(struct slotcheck_region *region, uint64_t start, uint64_t end)
{
    for (uint64_t paddr = start; paddr < end; paddr += PAGE_SIZE)
        frame_drop(region, frame_from_raw(region, paddr));
}

/* Drops the frames of a segment that is not going to be. */
static void roll_back(struct slotcheck_region *region, uint64_t start, uint64_t end)
{
    if (is_broken(FAULT_segment_keeps_made))
        return;
    if (is_broken(FAULT_segment_keeps_last_made) && start < end)
        end -= PAGE_SIZE;
    for (uint64_t paddr = start; paddr < end; paddr += PAGE_SIZE)
        if (is_broken(FAULT_segment_frees_without_on_drop))
            set_type(slot_of_paddr(region, paddr), SLOTCHECK_METADATA_UNTYPED);
    drop_frames(region, start, end);
}

static uint32_t segment_from_unused(struct slotcheck_region *region, uint64_t start, uint64_t end,
                                    const struct slotcheck_metadata *metadata,
                                    struct slotcheck_segment *segment)
{
    uint32_t result = range_result(region, start, end);
    if (result != SLOTCHECK_OK)
        return result;
    if (!metadata) /* a range of no whole frames, which a fault has let pass */
        end = start;
    for (uint64_t paddr = start; paddr < end; paddr += PAGE_SIZE) {
        uint64_t i = is_broken(FAULT_segment_metadata_of_first) ? 0 : (paddr - start) / PAGE_SIZE;
        uint64_t frame;
        result = frame_from_unused(region, paddr, &metadata[i], &frame);
        if (result != SLOTCHECK_OK) {
            roll_back(region, start, paddr);
            return result;
        }
        frame_into_raw(region, frame);
    }
    *segment = (struct slotcheck_segment){start, end};
    return SLOTCHECK_OK;
}

/* One more reference to each frame of the range: OK, or PANIC. */
static uint32_t count(struct slotcheck_region *region, struct slotcheck_segment range)
{
    for (uint64_t paddr = range.start; paddr < range.end; paddr += PAGE_SIZE)
        if (inc_ref_count(region, address_of(slot_of_paddr(region, paddr))) != SLOTCHECK_OK)
            return SLOTCHECK_PANIC;
    return SLOTCHECK_OK;
}

static uint32_t segment_clone(struct slotcheck_region *region, struct slotcheck_segment segment,
                              struct slotcheck_segment *clone)
{
    struct slotcheck_segment counted = without_last(segment, FAULT_segment_clone_misses_last);
    if (count(region, counted) != SLOTCHECK_OK)
        return SLOTCHECK_PANIC;
    *clone = segment;
    return SLOTCHECK_OK;
}

/* What is counted for a slice, which is not always the slice. */
static struct slotcheck_segment counted_range(struct slotcheck_segment slice)
{
    if (is_broken(FAULT_slice_uncounted))
        slice.end = slice.start;
    if (is_broken(FAULT_slice_empty_counts) && slice.start == slice.end)
        slice.end += PAGE_SIZE;
    return slice;
}

static uint32_t segment_slice(struct slotcheck_region *region, struct slotcheck_segment segment,
                              uint64_t start, uint64_t end, struct slotcheck_segment *slice)
{
    uint64_t last = size_of(segment);
    if (is_broken(FAULT_slice_end_unchecked))
        last += PAGE_SIZE;
    if (start % PAGE_SIZE != 0 || end % PAGE_SIZE != 0 || start > end || end > last)
        return panic();
    struct slotcheck_segment made = {segment.start + start, segment.start + end};
    if (is_broken(FAULT_slice_page_longer) && made.end < segment.end)
        made.end += PAGE_SIZE;
    if (count(region, counted_range(made)) != SLOTCHECK_OK)
        return SLOTCHECK_PANIC;
    *slice = made;
    return SLOTCHECK_OK;
}

static uint32_t segment_split(struct slotcheck_region *region, struct slotcheck_segment segment,
                              uint64_t offset, struct slotcheck_segment parts[2])
{
    uint64_t size = size_of(segment);
    if (offset % PAGE_SIZE != 0 || offset > size)
        return panic();
    if ((offset == 0 && !is_broken(FAULT_split_at_zero)) ||
        (offset == size && !is_broken(FAULT_split_at_end)))
        return panic();
    parts[0] = (struct slotcheck_segment){segment.start, segment.start + offset};
    parts[1] = (struct slotcheck_segment){segment.start + offset, segment.end};
    if (is_broken(FAULT_split_counts))
        return inc_ref_count(region, address_of(slot_of_paddr(region, parts[1].start)));
    return SLOTCHECK_OK;
}

static uint32_t segment_next(struct slotcheck_region *region, struct slotcheck_segment *segment,
                             uint64_t *frame)
{
    if (segment->start >= segment->end)
        return SLOTCHECK_NONE;
    *frame = frame_from_raw(region, segment->start);
    slot_at(*frame)->ref_count += is_broken(FAULT_next_counts);
    if (!is_broken(FAULT_next_leaves_range))
        segment->start += PAGE_SIZE;
    return SLOTCHECK_OK;
}

static void segment_into_raw(struct slotcheck_region *region, struct slotcheck_segment segment,
                             struct slotcheck_segment *range)
{
    if (is_broken(FAULT_segment_into_raw_drops))
        drop_frames(region, segment.start, segment.end);
    *range = segment;
}

static void segment_from_raw(struct slotcheck_region *region, struct slotcheck_segment range,
                             struct slotcheck_segment *segment)
{
    if (is_broken(FAULT_segment_from_raw_counts))
        (void)count(region, range);
    *segment = range;
}

static void segment_drop(struct slotcheck_region *region, struct slotcheck_segment segment)
{
    segment = without_last(segment, FAULT_segment_drop_misses_last);
    drop_frames(region, segment.start, segment.end);
}

static void segment_from_frame(struct slotcheck_region *region, uint64_t frame,
                               struct slotcheck_segment *segment)
{
    slot_at(frame)->ref_count += is_broken(FAULT_segment_from_frame_counts);
    uint64_t paddr = frame_into_raw(region, frame);
    *segment = (struct slotcheck_segment){paddr, paddr + PAGE_SIZE};
}

void offer_segments(struct slotcheck_subject *subject)
{
    subject->segment_from_unused = segment_from_unused;
    subject->segment_clone = segment_clone;
    subject->segment_slice = segment_slice;
    subject->segment_split = segment_split;
    subject->segment_next = segment_next;
    subject->segment_into_raw = segment_into_raw;
    subject->segment_from_raw = segment_from_raw;
    subject->segment_drop = segment_drop;
    subject->segment_from_frame = segment_from_frame;
}
