/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the files of the independent subject share: slots, metadata, ghost events. Each file offers
 * its group of operations through a function `offer_...`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "faults.h"
#include "slotcheck/subject.h"

static const uint64_t PAGE_SIZE = 4096;
static const uint64_t REF_COUNT_UNUSED = UINT64_MAX;
static const uint64_t REF_COUNT_UNIQUE = UINT64_MAX - 1;
static const uint64_t REF_COUNT_MAX = INT64_MAX;

/* enum slotcheck_ghost_event's usages. */
enum usage {
    USAGE_RESERVED = 1,
    USAGE_FRAME = 2,
    USAGE_PAGE_TABLE = 3,
    USAGE_META = 4,
    USAGE_KERNEL = 5,
    USAGE_MMIO = 6,
};

struct frame_link {
    uint64_t payload;
    uint64_t next, prev; /* addresses of slots, or 0 */
};

struct pt_node {
    uint16_t nr_children;
    uint8_t level, lock, stray;
};

union object {
    uint8_t empty[39];
    struct frame_link link;
    struct pt_node node;
    uint64_t probe;
};

struct vtable {
    enum slotcheck_metadata_type type;
};

struct slot {
    union object object;
    uint64_t in_list;
    uint64_t ref_count;
    const struct vtable *vtable; /* null: no metadata */
};

_Static_assert(sizeof(struct slot) == 64, "slots are 64 bytes apart");
_Static_assert(offsetof(struct slot, object) == 0, "metadata stands at the start of its slot");

struct list {
    bool is_live;
    struct slot *front, *back;
    struct slot *current; /* of the cursor; null: at the ghost, or there is none */
    uint64_t size;
    uint64_t id; /* 0 until it is needed */
};

struct slotcheck_region {
    const struct slotcheck_host *host;
    uint64_t nr_slots;
    struct slot *slots; /* one more than asked for: what is off by one is no access out of bounds */
    struct list lists[SLOTCHECK_MAX_LISTS]; /* named by their index */
    uint64_t next_list_id;
};

static inline struct slot *slot_at(uint64_t address)
{
    return (struct slot *)(uintptr_t)address;
}

static inline uint64_t address_of(const struct slot *slot)
{
    return (uint64_t)(uintptr_t)slot;
}

static inline uint64_t index_of(const struct slotcheck_region *region, const struct slot *slot)
{
    return (uint64_t)(slot - region->slots);
}

static inline uint64_t paddr_of(const struct slotcheck_region *region, const struct slot *slot)
{
    return index_of(region, slot) * PAGE_SIZE;
}

/* Of an address that is known to have a slot. */
static inline struct slot *slot_of_paddr(const struct slotcheck_region *region, uint64_t paddr)
{
    return &region->slots[paddr / PAGE_SIZE];
}

/* Not for other libraries: their functions have the same names. */
#pragma GCC visibility push(hidden)

/* The whole subject. */
const struct slotcheck_subject *plain_subject(void);
void offer_frames(struct slotcheck_subject *subject);
void offer_mappings(struct slotcheck_subject *subject);
void offer_lists(struct slotcheck_subject *subject);
void offer_segments(struct slotcheck_subject *subject);
void offer_repr(struct slotcheck_subject *subject);

/* --- plain.c --- */

/* What a saturated operation answers; does not return where a panic ends the process. */
uint32_t panic(void);
/* Tells the host, as far as ghost events are reported at all. */
void ghost(struct slotcheck_region *region, enum slotcheck_ghost_event event,
           const struct slot *slot, uint64_t value);
/* A live handle to the slot owes a drop, and does no longer. */
void mint(struct slotcheck_region *region, const struct slot *slot);
void redeem(struct slotcheck_region *region, const struct slot *slot);

/* UINT64_MAX if the vtable pointer belongs to no type. */
uint64_t type_of(const struct slot *slot);
void set_type(struct slot *slot, uint64_t type);
/* Overwrites the object, of the type that `metadata` has. */
void store_object(const struct slotcheck_region *region, struct slot *slot,
                  const struct slotcheck_metadata *metadata);
/* Reads the object, of the type that the vtable tells. */
void load_metadata(const struct slotcheck_region *region, const struct slot *slot,
                   struct slotcheck_metadata *out);
/* Tells the host that the metadata is dropped, if its type is one that wants it. */
void on_drop(struct slotcheck_region *region, const struct slot *slot);

/* --- plain_frames.c --- */

uint32_t get_slot(struct slotcheck_region *region, uint64_t paddr, uint64_t *slot);
void write_meta(struct slotcheck_region *region, uint64_t slot,
                const struct slotcheck_metadata *metadata);
void drop_last_in_place(struct slotcheck_region *region, uint64_t slot);
uint32_t inc_ref_count(struct slotcheck_region *region, uint64_t slot);
uint32_t frame_from_unused(struct slotcheck_region *region, uint64_t paddr,
                           const struct slotcheck_metadata *metadata, uint64_t *frame);
void frame_drop(struct slotcheck_region *region, uint64_t frame);
uint64_t frame_into_raw(struct slotcheck_region *region, uint64_t frame);
uint64_t frame_from_raw(struct slotcheck_region *region, uint64_t paddr);
void unique_frame_drop(struct slotcheck_region *region, uint64_t frame);
uint64_t unique_frame_into_raw(struct slotcheck_region *region, uint64_t frame);
uint64_t unique_frame_from_raw(struct slotcheck_region *region, uint64_t paddr);

/* --- plain_lists.c --- */

/* As after `create`. */
void reset_lists(struct slotcheck_region *region);

#pragma GCC visibility pop
