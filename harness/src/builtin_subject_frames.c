/* SPDX-License-Identifier: MPL-2.0 */
/* The built-in subject: memory map, references, mappings, segments. */
#include "builtin_subject_parts.h"
#include "metaslot/memory_map.h"
#include "metaslot/page_table.h"
#include "metaslot/segment.h"

/* --- before anything else --- */

void builtin_memory_range(struct slotcheck_region *region, uint64_t start, uint64_t end,
                          uint32_t usage)
{
    const struct memory_range range = {start, end, (enum page_usage)usage};

    /* The host asks for no range that is refused, and sees in the slots if one is. */
    (void)!meta_region_memory_range(&region->meta, &range);
}

void builtin_set_next_list_id(struct slotcheck_region *region, uint64_t id)
{
    meta_region_set_next_list_id(&region->meta, id);
}

/* --- FrameRef, typed views --- */

uint64_t builtin_frame_borrow(struct slotcheck_region *region, uint64_t frame,
                              struct slotcheck_metadata *metadata, uint64_t *ref_count)
{
    struct frame_ref ref = frame_borrow(to_frame(frame));

    read_slot_metadata(region, ref.inner.slot, metadata);
    *ref_count = frame_reference_count(ref.inner);
    return to_address(ref.inner.slot);
}

uint32_t builtin_frame_try_from(struct slotcheck_region *region, uint64_t frame, uint64_t type)
{
    (void)region;
    return (uint32_t)frame_try_from(to_frame(frame), VTABLES[type]);
}

/* --- mappings --- */

uint64_t builtin_frame_map(struct slotcheck_region *region, uint64_t frame, uint64_t path)
{
    return frame_map(&region->meta, to_frame(frame), path);
}

uint64_t builtin_frame_unmap(struct slotcheck_region *region, uint64_t paddr, uint64_t path)
{
    return to_address(frame_unmap(&region->meta, paddr, path).slot);
}

void builtin_mmio_map(struct slotcheck_region *region, uint64_t paddr, uint64_t path)
{
    mmio_map(&region->meta, paddr, path);
}

void builtin_mmio_unmap(struct slotcheck_region *region, uint64_t paddr, uint64_t path)
{
    mmio_unmap(&region->meta, paddr, path);
}

/* --- Segment --- */

static struct segment segment_in(struct slotcheck_segment segment)
{
    return (struct segment){segment.start, segment.end};
}

static struct slotcheck_segment segment_out(struct segment segment)
{
    return (struct slotcheck_segment){segment.start, segment.end};
}

/* The metadata that the host has made for each frame. */
struct given_metadata {
    const struct slotcheck_region *region;
    const struct slotcheck_metadata *metadata;
    uint64_t start;
    union object object;
};

static struct any_frame_meta metadata_fn(void *context, uint64_t paddr)
{
    struct given_metadata *given = context;
    const uint64_t i = (paddr - given->start) / METASLOT_PAGE_SIZE;

    return metadata_in(given->region, &given->metadata[i], &given->object);
}

uint32_t builtin_segment_from_unused(struct slotcheck_region *region, uint64_t start, uint64_t end,
                                     const struct slotcheck_metadata *metadata,
                                     struct slotcheck_segment *out)
{
    struct given_metadata given = {.region = region, .metadata = metadata, .start = start};
    struct segment segment = {0, 0};
    enum metaslot_result result =
        segment_from_unused(&region->meta, start, end, metadata_fn, &given, &segment);

    *out = segment_out(segment);
    return (uint32_t)result;
}

uint32_t builtin_segment_clone(struct slotcheck_region *region, struct slotcheck_segment segment,
                               struct slotcheck_segment *out)
{
    struct segment clone = {0, 0};
    enum metaslot_result result = segment_clone(&region->meta, segment_in(segment), &clone);

    *out = segment_out(clone);
    return (uint32_t)result;
}

uint32_t builtin_segment_slice(struct slotcheck_region *region, struct slotcheck_segment segment,
                               uint64_t start, uint64_t end, struct slotcheck_segment *out)
{
    struct segment slice = {0, 0};
    enum metaslot_result result =
        segment_slice(&region->meta, segment_in(segment), start, end, &slice);

    *out = segment_out(slice);
    return (uint32_t)result;
}

uint32_t builtin_segment_split(struct slotcheck_region *region, struct slotcheck_segment segment,
                               uint64_t offset, struct slotcheck_segment out[2])
{
    struct segment parts[2] = {{0, 0}, {0, 0}};
    enum metaslot_result result = segment_split(&region->meta, segment_in(segment), offset, parts);

    out[0] = segment_out(parts[0]);
    out[1] = segment_out(parts[1]);
    return (uint32_t)result;
}

uint32_t builtin_segment_next(struct slotcheck_region *region, struct slotcheck_segment *segment,
                              uint64_t *out)
{
    struct segment rest = segment_in(*segment);
    struct frame frame = {NULL};
    enum metaslot_result result = segment_next(&region->meta, &rest, &frame);

    *segment = segment_out(rest);
    return answer(result, &frame.slot, out);
}

void builtin_segment_into_raw(struct slotcheck_region *region, struct slotcheck_segment segment,
                              struct slotcheck_segment *range)
{
    (void)region;
    *range = segment_out(segment_into_raw(segment_in(segment)));
}

void builtin_segment_from_raw(struct slotcheck_region *region, struct slotcheck_segment range,
                              struct slotcheck_segment *segment)
{
    (void)region;
    *segment = segment_out(segment_from_raw(segment_in(range)));
}

void builtin_segment_drop(struct slotcheck_region *region, struct slotcheck_segment segment)
{
    segment_drop(&region->meta, segment_in(segment));
}

void builtin_segment_from_frame(struct slotcheck_region *region, uint64_t frame,
                                struct slotcheck_segment *segment)
{
    *segment = segment_out(segment_from_frame(&region->meta, to_frame(frame)));
}
