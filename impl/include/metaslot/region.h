/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A region: the array of slots that describe the frames of a machine, and its hooks.
 *
 * Frame `i` is at physical address `i * METASLOT_PAGE_SIZE`, its slot at `slots + i`; MAX_PADDR of
 * a region is `nr_slots * METASLOT_PAGE_SIZE`. Regions know nothing of each other.
 *
 * Creating, resetting, saving, restoring and destroying a region must not overlap in time with any
 * other use of it. Everything else may be called by any number of threads at once.
 */
#pragma once

#include <stdint.h>

#include "metaslot/layout.h"
#include "metaslot/result.h"

/* What a region calls. Null functions are allowed; the contexts are handed back unchanged. */
struct meta_hooks {
    /*
     * A saturated count, list ids that ran out, or a range that a segment cannot have. If it
     * returns, the operation answers METASLOT_PANIC; what it has changed until then stays. Null: a
     * line on stderr and abort().
     */
    void (*panic)(void *context, const char *why);
    void *panic_context;
    /* A probe with this payload was dropped; the reader of its frame started at `paddr`. */
    void (*on_drop)(void *context, uint64_t paddr, uint64_t payload);
    void *on_drop_context;
    /* A ghost event, see metaslot/ghost.h. Only in checking builds. */
    void (*ghost)(void *context, uint32_t event, uint64_t index, uint64_t value);
    void *ghost_context;
};

struct meta_region {
    struct meta_slot *slots;
    uint64_t nr_slots;
    uint64_t max_paddr; /* MAX_PADDR */
    /*
     * Upstream's LIST_ID_ALLOCATOR: what the next linked list that needs an id gets. It belongs to
     * the region and stands behind its slots, on a page of its own.
     */
    atomic_u64 *next_list_id;
    struct meta_hooks hooks;
};

enum meta_region_result {
    META_REGION_CREATED = 0,
    META_REGION_NO_SLOTS = 1,       /* zero slots asked for */
    META_REGION_TOO_MANY_SLOTS = 2, /* more than MAX_META_SLOTS */
    META_REGION_NO_MEMORY = 3,
    META_REGION_BAD_RANGE = 4, /* meta_region_create_from_ranges only */
};

/*
 * A region of `nr_slots` slots, all UNUSED with in_list 0, and list ids from 1 on. `hooks` is
 * copied. On an error `*region` is left alone. See metaslot/memory_map.h for memory that is in use
 * from the start.
 */
METASLOT_MUST_CHECK enum meta_region_result
meta_region_create(struct meta_region *region, uint64_t nr_slots, const struct meta_hooks *hooks);

/*
 * The slots with these indices, each below nr_slots, become what they were after creation: no
 * on_drop runs, no ghost event is reported, and handles to them are void. List ids count from 1
 * again, so lists that have one are void too.
 */
void meta_region_reset(struct meta_region *region, const uint64_t *indices, uint64_t nr_indices);

/*
 * The next list that needs an id gets this one; 0 is the id of a list that has none and must not be
 * given. For tests of ids that run out. Thread-safe.
 */
void meta_region_set_next_list_id(const struct meta_region *region, uint64_t id);

/* Gives the memory back. Handles that still exist are void; no on_drop runs. */
void meta_region_destroy(struct meta_region *region);

/*
 * The state of all slots and the next list id as `meta_region_snapshot_size` bytes of any
 * alignment, good for this region in this process. What is uninitialised stays so when it is
 * restored, also in the eyes of a sanitizer.
 */
uint64_t meta_region_snapshot_size(const struct meta_region *region);
void meta_region_snapshot_save(const struct meta_region *region, void *bytes);
void meta_region_snapshot_restore(struct meta_region *region, const void *bytes);

/* Index of a slot of the region. */
static inline uint64_t meta_region_index(const struct meta_region *region,
                                         const struct meta_slot *slot)
{
    return (uint64_t)(slot - region->slots);
}

/* frame_to_meta(paddr): the slot of the frame at an aligned `paddr` below MAX_PADDR. */
static inline struct meta_slot *meta_region_frame_to_meta(const struct meta_region *region,
                                                          uint64_t paddr)
{
    return region->slots + paddr / METASLOT_PAGE_SIZE;
}

/* meta_to_frame(vaddr): the frame of a slot; the inverse of the above. */
static inline uint64_t meta_region_meta_to_frame(const struct meta_region *region,
                                                 const struct meta_slot *slot)
{
    return meta_region_index(region, slot) * METASLOT_PAGE_SIZE;
}
