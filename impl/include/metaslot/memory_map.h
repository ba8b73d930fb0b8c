/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The memory map: which frames are not for use from the start, as the kernel's boot code tells the
 * slots (mark_unusable_ranges).
 *
 * Nothing here may overlap in time with any other use of the region.
 */
#pragma once

#include <stdint.h>

#include "metaslot/ghost.h"
#include "metaslot/region.h"
#include "metaslot/result.h"

/* The frames from `start` to before `end`, physical addresses in bytes, and what they are. */
struct memory_range {
    uint64_t start;
    uint64_t end;
    /*
     * Reserved, Meta or Kernel: each frame is claimed for an Empty of zeros, with one reference
     * that nobody ever gives back. MMIO: the slots stay UNUSED, as such memory is not counted; that
     * it must not be claimed is for the caller to know. Unused: usable memory, nothing happens.
     */
    enum page_usage usage;
};

enum memory_range_result {
    MEMORY_RANGE_OK = 0,
    MEMORY_RANGE_NO_USAGE = 1,     /* Frame, PageTable, or no usage at all: not of a memory map */
    MEMORY_RANGE_NOT_ALIGNED = 2,  /* an end that is no multiple of METASLOT_PAGE_SIZE */
    MEMORY_RANGE_EMPTY = 3,        /* end is not above start */
    MEMORY_RANGE_OUT_OF_BOUND = 4, /* end is above MAX_PADDR */
    MEMORY_RANGE_NOT_UNUSED = 5,   /* a frame of it is in use, or in an earlier range of the map */
};

/*
 * Marks one range. Errors are found in the order of the enumerators; on an error nothing has
 * changed. That a slot belongs to an earlier MMIO range cannot be seen here.
 */
METASLOT_MUST_CHECK enum memory_range_result
meta_region_memory_range(const struct meta_region *region, const struct memory_range *range);

/* Which range of a map is wrong, and why. */
struct memory_map_error {
    uint64_t index;
    enum memory_range_result why;
};

/*
 * meta_region_create, and then every range marked; ranges do not overlap. Errors of
 * meta_region_create, and META_REGION_BAD_RANGE, of which `*error` then tells more; it is not
 * written otherwise and may be null. On an error `*region` is left alone.
 */
METASLOT_MUST_CHECK enum meta_region_result
meta_region_create_from_ranges(struct meta_region *region, uint64_t nr_slots,
                               const struct memory_range *ranges, uint64_t nr_ranges,
                               const struct meta_hooks *hooks, struct memory_map_error *error);
