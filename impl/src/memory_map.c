/* SPDX-License-Identifier: MPL-2.0 */
/* The memory map. */
#include "metaslot/memory_map.h"

#include <stdbool.h>

#include "metaslot/meta_slot.h"

/* Claims each frame; the references are never given back. */
static bool claim_frames(const struct meta_region *region, const struct memory_range *range)
{
    static const struct empty_meta zeros;

    for (uint64_t paddr = range->start; paddr < range->end; paddr += METASLOT_PAGE_SIZE) {
        struct meta_slot *slot = NULL;

        if (meta_slot_claim(region, paddr, empty_metadata(&zeros), false, range->usage, &slot) !=
            METASLOT_OK)
            /* unreachable: is_unused has looked, and nobody else claims */
            return false;
        meta_slot_repark(region, slot);
    }
    return true;
}

static void report_usage(const struct meta_region *region, const struct memory_range *range)
{
    for (uint64_t paddr = range->start; paddr < range->end; paddr += METASLOT_PAGE_SIZE)
        ghost_usage(region, meta_region_frame_to_meta(region, paddr), range->usage);
}

static bool is_usage_of_map(enum page_usage usage)
{
    switch (usage) {
    /* unreachable: no program names it */
    case PAGE_USAGE_UNUSED:
    case PAGE_USAGE_RESERVED:
    case PAGE_USAGE_META:
    case PAGE_USAGE_KERNEL:
    case PAGE_USAGE_MMIO:
        return true;
    /* unreachable: no program names it */
    case PAGE_USAGE_FRAME:
    /* unreachable: no program names it */
    case PAGE_USAGE_PAGE_TABLE:
        break;
    }
    /* unreachable: no program names another one */
    return false;
}

/* What can be said of a range without a look at the slots. */
static enum memory_range_result check_range(uint64_t max_paddr, const struct memory_range *range)
{
    if (!is_usage_of_map(range->usage))
        /* unreachable: no program names such a usage */
        return MEMORY_RANGE_NO_USAGE;
    if (range->start % METASLOT_PAGE_SIZE != 0 || range->end % METASLOT_PAGE_SIZE != 0)
        /* unreachable: the operation's precondition excludes it */
        return MEMORY_RANGE_NOT_ALIGNED;
    if (range->start >= range->end)
        /* unreachable: the operation's precondition excludes it */
        return MEMORY_RANGE_EMPTY;
    if (range->end > max_paddr)
        /* unreachable: the operation's precondition excludes it */
        return MEMORY_RANGE_OUT_OF_BOUND;
    return MEMORY_RANGE_OK;
}

static bool is_unused(const struct meta_region *region, const struct memory_range *range)
{
    for (uint64_t paddr = range->start; paddr < range->end; paddr += METASLOT_PAGE_SIZE)
        /* Relaxed: nobody else uses the region. */
        if (atomic_load_relaxed(&meta_region_frame_to_meta(region, paddr)->ref_count) !=
            REF_COUNT_UNUSED)
            /* unreachable: the operation's precondition excludes it */
            return false;
    return true;
}

enum memory_range_result meta_region_memory_range(const struct meta_region *region,
                                                  const struct memory_range *range)
{
    enum memory_range_result result = check_range(region->max_paddr, range);

    if (result != MEMORY_RANGE_OK)
        /* unreachable: the operation's precondition excludes what is wrong */
        return result;
    if (!is_unused(region, range))
        /* unreachable: the operation's precondition excludes it */
        return MEMORY_RANGE_NOT_UNUSED;
    if (range->usage == PAGE_USAGE_UNUSED)
        /* unreachable: no program names this usage */
        return MEMORY_RANGE_OK;
    if (range->usage == PAGE_USAGE_MMIO)
        report_usage(region, range);
    else if (!claim_frames(region, range))
        /* unreachable: claim_frames does not fail */
        return MEMORY_RANGE_NOT_UNUSED;
    return MEMORY_RANGE_OK;
}

static bool overlaps_an_earlier_one(const struct memory_range *ranges, uint64_t index)
{
    /* unreachable: programs have a region of unused slots, and their ranges are operations */
    for (uint64_t i = 0; i < index; i++)
        if (ranges[i].start < ranges[index].end && ranges[index].start < ranges[i].end)
            return true;
    return false;
}

static enum memory_range_result check_map(uint64_t max_paddr, const struct memory_range *ranges,
                                          uint64_t nr_ranges, uint64_t *index)
{
    /* unreachable: programs have a region of unused slots, and their ranges are operations */
    for (*index = 0; *index < nr_ranges; ++*index) {
        enum memory_range_result result = check_range(max_paddr, &ranges[*index]);

        if (result != MEMORY_RANGE_OK)
            return result;
        if (overlaps_an_earlier_one(ranges, *index))
            return MEMORY_RANGE_NOT_UNUSED;
    }
    return MEMORY_RANGE_OK;
}

enum meta_region_result
meta_region_create_from_ranges(struct meta_region *region, uint64_t nr_slots,
                               const struct memory_range *ranges, uint64_t nr_ranges,
                               const struct meta_hooks *hooks, struct memory_map_error *error)
{
    /* unreachable: programs have a region of unused slots, and their ranges are operations */
    struct meta_region made;
    struct memory_map_error wrong;
    enum meta_region_result result = meta_region_create(&made, nr_slots, hooks);

    if (result != META_REGION_CREATED)
        return result;
    wrong.why = check_map(made.max_paddr, ranges, nr_ranges, &wrong.index);
    if (wrong.why != MEMORY_RANGE_OK) {
        meta_region_destroy(&made);
        if (error != NULL)
            *error = wrong;
        return META_REGION_BAD_RANGE;
    }
    for (uint64_t i = 0; i < nr_ranges; i++)
        /* Cannot fail: the slots are new, and no frame is in two ranges. */
        (void)!meta_region_memory_range(&made, &ranges[i]);
    *region = made;
    return META_REGION_CREATED;
}
