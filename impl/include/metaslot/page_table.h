/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What mapping and unmapping do to the frame that is mapped.
 *
 * The page tables themselves are not here. A page-table path, the place in the tree at which a
 * frame is mapped, is a number that the caller chooses; only ghost state knows it. A frame may be
 * mapped at many paths; each holds a reference, which is a forgotten handle. MMIO memory is not
 * counted: its slot stays UNUSED. All functions may be called by any number of threads at once.
 */
#pragma once

#include <stdint.h>

#include "metaslot/frame.h"

/*
 * Maps the frame at `path`: the handle's reference becomes that of the path, as by frame_into_raw.
 * The frame's address, to be written into the page table. Unsafe: nothing is mapped at the path.
 */
static inline uint64_t frame_map(const struct meta_region *region, struct frame frame,
                                 uint64_t path)
{
    uint64_t paddr = frame_into_raw(region, frame);

    ghost_path_added(region, frame.slot, path);
    return paddr;
}

/*
 * Unmaps the frame at `paddr` from `path`: the path's reference becomes a handle, as by
 * frame_from_raw. Unsafe: frame_map has mapped it there.
 */
METASLOT_MUST_CHECK static inline struct frame frame_unmap(const struct meta_region *region,
                                                           uint64_t paddr, uint64_t path)
{
    ghost_path_removed(region, meta_region_frame_to_meta(region, paddr), path);
    return frame_from_raw(region, paddr);
}

/* Maps the MMIO memory at `paddr`, which has a slot. Unsafe: nothing is mapped at the path. */
static inline void mmio_map(const struct meta_region *region, uint64_t paddr, uint64_t path)
{
    ghost_path_added(region, meta_region_frame_to_meta(region, paddr), path);
}

/* Unmaps it. Unsafe: mmio_map has mapped it there. */
static inline void mmio_unmap(const struct meta_region *region, uint64_t paddr, uint64_t path)
{
    ghost_path_removed(region, meta_region_frame_to_meta(region, paddr), path);
}
