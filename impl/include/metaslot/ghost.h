/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Ghost state: one line wherever the verified source has a proof block.
 *
 * The library keeps no ghost state. A checking build (METASLOT_CHECKING) reports every change of it
 * to the region's ghost hook; in any other build these functions are empty.
 */
#pragma once

#include "metaslot/region.h"

enum ghost_event {
    GHOST_USAGE = 0,               /* value: enum page_usage */
    GHOST_PERMISSION_TAKEN = 1,    /* the slot permission leaves the region */
    GHOST_PERMISSION_REPARKED = 2, /* and comes back */
    GHOST_OBLIGATION_MINTED = 3,   /* a live handle that owes a drop exists */
    GHOST_OBLIGATION_REDEEMED = 4, /* it was dropped or forgotten */
    GHOST_STORAGE_INIT = 5,
    GHOST_STORAGE_UNINIT = 6,
    GHOST_VTABLE_INIT = 7,
    GHOST_VTABLE_UNINIT = 8,
    GHOST_PATH_ADDED = 9, /* value: the page-table path at which the frame is mapped now */
    GHOST_PATH_REMOVED = 10,
};

/* PageUsage. */
enum page_usage {
    PAGE_USAGE_UNUSED = 0,
    PAGE_USAGE_RESERVED = 1,
    PAGE_USAGE_FRAME = 2,
    PAGE_USAGE_PAGE_TABLE = 3,
    PAGE_USAGE_META = 4,
    PAGE_USAGE_KERNEL = 5,
    PAGE_USAGE_MMIO = 6,
};

static inline void ghost(const struct meta_region *region, const struct meta_slot *slot,
                         enum ghost_event event, uint64_t value)
{
#ifdef METASLOT_CHECKING
    if (region->hooks.ghost != NULL)
        region->hooks.ghost(region->hooks.ghost_context, (uint32_t)event,
                            meta_region_index(region, slot), value);
#else
    (void)region, (void)slot, (void)event, (void)value;
#endif
}

static inline void ghost_usage(const struct meta_region *region, const struct meta_slot *slot,
                               enum page_usage usage)
{
    ghost(region, slot, GHOST_USAGE, (uint64_t)usage);
}

static inline void ghost_permission_taken(const struct meta_region *region,
                                          const struct meta_slot *slot)
{
    ghost(region, slot, GHOST_PERMISSION_TAKEN, 0);
}

static inline void ghost_permission_reparked(const struct meta_region *region,
                                             const struct meta_slot *slot)
{
    ghost(region, slot, GHOST_PERMISSION_REPARKED, 0);
}

static inline void ghost_obligation_minted(const struct meta_region *region,
                                           const struct meta_slot *slot)
{
    ghost(region, slot, GHOST_OBLIGATION_MINTED, 0);
}

static inline void ghost_obligation_redeemed(const struct meta_region *region,
                                             const struct meta_slot *slot)
{
    ghost(region, slot, GHOST_OBLIGATION_REDEEMED, 0);
}

static inline void ghost_metadata_init(const struct meta_region *region,
                                       const struct meta_slot *slot)
{
    ghost(region, slot, GHOST_VTABLE_INIT, 0);
    ghost(region, slot, GHOST_STORAGE_INIT, 0);
}

static inline void ghost_metadata_uninit(const struct meta_region *region,
                                         const struct meta_slot *slot)
{
    ghost(region, slot, GHOST_STORAGE_UNINIT, 0);
    ghost(region, slot, GHOST_VTABLE_UNINIT, 0);
}

static inline void ghost_path_added(const struct meta_region *region, const struct meta_slot *slot,
                                    uint64_t path)
{
    ghost(region, slot, GHOST_PATH_ADDED, path);
}

static inline void ghost_path_removed(const struct meta_region *region,
                                      const struct meta_slot *slot, uint64_t path)
{
    ghost(region, slot, GHOST_PATH_REMOVED, path);
}
