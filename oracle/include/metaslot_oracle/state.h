/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The abstract state: what the verified specification says a region of frame-metadata slots *is*.
 *
 * MetaRegionOwners, MetaSlotOwner, MetadataInnerPerms and MetaSlotModel of the Verus sources as
 * plain data. Every member is a uint64_t and no struct has padding, so two values are equal exactly
 * if their bytes are (asserted in state.c); a value that the specification calls uninit is stored
 * as zeros. Maps are arrays over the indices below `max_meta_slots` with one byte of domain
 * membership each; an index outside a map's domain is stored as zeros too.
 *
 * Not thread-safe: one state belongs to one thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metaslot_oracle/constants.h"

/* PageUsage. */
enum spec_page_usage {
    SPEC_USAGE_UNUSED,
    SPEC_USAGE_RESERVED,
    SPEC_USAGE_FRAME,
    SPEC_USAGE_PAGE_TABLE,
    SPEC_USAGE_META,
    SPEC_USAGE_KERNEL,
    SPEC_USAGE_MMIO,
};

/* The variants of MetaSlotStorage, and the suite's probe whose on_drop records that it ran. */
enum spec_metadata_type {
    SPEC_METADATA_EMPTY,
    SPEC_METADATA_UNTYPED,
    SPEC_METADATA_FRAME_LINK,
    SPEC_METADATA_PT_NODE,
    SPEC_METADATA_PROBE,
};

/* MetaSlotStorage: a tagged union of the metadata types. Unused words are zero. */
struct meta_slot_storage {
    uint64_t type; /* enum spec_metadata_type */
    union {
        uint64_t word[5];
        struct {
            uint64_t bytes[5]; /* 39 opaque bytes, little endian; the last byte is zero */
        } empty;
        struct {
            uint64_t next_is_some, next; /* virtual address of a slot */
            uint64_t prev_is_some, prev;
            uint64_t payload;
        } frame_link;
        struct {
            uint64_t nr_children; /* 0..=512 */
            uint64_t stray;       /* 0 or 1 */
            uint64_t level;       /* 1..=4 */
            uint64_t lock;        /* 0..=255 */
            uint64_t zero;
        } pt_node;
        struct {
            uint64_t payload;
            uint64_t zero[4];
        } probe;
    };
};

/* PointsTo of the storage cell: which cell, and what it holds if it is initialised. */
struct storage_perm {
    uint64_t id;
    uint64_t is_init;
    struct meta_slot_storage value;
};

/* PermissionU64 of an atomic cell. */
struct atomic_perm {
    uint64_t id;
    uint64_t value;
};

/* PointsTo of the vtable pointer. The value is the metadata type that the vtable identifies. */
struct vtable_perm {
    uint64_t pptr;
    uint64_t is_init;
    uint64_t value;
};

/* MetadataInnerPerms. */
struct metadata_inner_perms {
    struct storage_perm storage;
    struct atomic_perm ref_count;
    struct vtable_perm vtable_ptr;
    struct atomic_perm in_list;
};

/*
 * MetaSlotOwner. `paths_in_pt` is the set of page-table tree paths at which the frame is mapped, as
 * a bit set: a program names at most 64 different paths.
 */
struct meta_slot_owner {
    struct metadata_inner_perms inner_perms;
    uint64_t slot_vaddr;
    uint64_t usage; /* enum spec_page_usage */
    uint64_t paths_in_pt;
};

/* The value of a MetaSlot as a permission sees it: which cells it is made of. */
struct meta_slot_cells {
    uint64_t storage_id;
    uint64_t ref_count_id;
    uint64_t vtable_ptr;
    uint64_t in_list_id;
};

/* PointsTo<MetaSlot>: the permission to a slot. */
struct meta_slot_perm {
    uint64_t addr;
    uint64_t pptr; /* address of the pointer it belongs to */
    uint64_t is_init;
    struct meta_slot_cells value;
};

enum {
    SPEC_MAX_LISTS = 8, /* linked lists that exist at once; more are not asked for */
    SPEC_NR_PATHS = 64, /* page-table paths that programs name */
};

/*
 * LinkedList, and the CursorMut that borrows it, if there is one. Elements are named by the address
 * of their slot in FRAME_METADATA_RANGE, 0 being none; how they are linked stands in the slots'
 * storage. All zero where no list exists.
 */
struct linked_list_owner {
    uint64_t is_live;
    uint64_t list_id; /* 0 until it is needed */
    uint64_t size;
    uint64_t front, back;
    uint64_t has_cursor;
    uint64_t current; /* of the cursor; 0: at the ghost, or no cursor */
};

/*
 * MetaRegionOwners, and beside it the linked lists of its frames.
 *
 * A state can be kept as a change of another: with `base` not null it equals `base` at every index
 * that is not in `changed`. Comparing it with its base then costs as much as was changed, however
 * large the region is. Who writes to such a state goes through meta_region_owners_change.
 */
struct meta_region_owners {
    uint64_t max_meta_slots; /* max_meta_slots() of this region; MAX_PADDR is that many pages */
    uint64_t capacity;       /* how many slots there is room for */
    uint8_t *slots_dom;      /* 1 where `slots` has the index */
    uint8_t *slot_owners_dom;
    struct meta_slot_perm *slots;
    struct meta_slot_owner *slot_owners;
    uint64_t *frame_obligations; /* a multiset: how often each index is in it */

    struct linked_list_owner lists[SPEC_MAX_LISTS];

    const struct meta_region_owners *base;
    uint64_t lists_changed; /* a bit for each list that may differ from the one in `base` */
    uint64_t nr_changed;
    uint64_t *changed;   /* indices, each once */
    uint8_t *is_changed; /* per index: 1 if it is in `changed` */
};

/* MetaSlotStatus. */
enum meta_slot_status {
    META_SLOT_UNUSED,
    META_SLOT_UNIQUE,
    META_SLOT_UNDER_CONSTRUCTION,
    META_SLOT_SHARED,
    META_SLOT_OVERFLOW,
};

/* MetaSlotModel: the view of an owner. */
struct meta_slot_model {
    uint64_t status; /* enum meta_slot_status */
    struct storage_perm storage;
    uint64_t ref_count;
    struct vtable_perm vtable_ptr;
    uint64_t in_list;
    uint64_t slot_vaddr;
    uint64_t usage;
};

/*
 * Makes room for regions of up to `capacity` slots and sets up one of that size. Returns false, and
 * leaves nothing behind, if `capacity` is 0 or above SPEC_MAX_META_SLOTS, or there is no memory.
 */
bool meta_region_owners_create(struct meta_region_owners *owners, uint64_t capacity);
void meta_region_owners_destroy(struct meta_region_owners *owners);

/* Every slot of a region of `nr_slots` (1..=capacity) as after boot: unused, permission parked. */
void meta_region_owners_boot(struct meta_region_owners *owners, uint64_t nr_slots);
/*
 * Makes `base` the base of `owners`, or with null makes it a state of its own. The two must be
 * equal at this moment.
 */
void meta_region_owners_rebase(struct meta_region_owners *owners,
                               const struct meta_region_owners *base);
/* Notes that `index` is about to change; its owner, to write to. */
static inline struct meta_slot_owner *meta_region_owners_change(struct meta_region_owners *owners,
                                                                uint64_t index)
{
    if (owners->base && !owners->is_changed[index]) {
        owners->is_changed[index] = 1;
        owners->changed[owners->nr_changed++] = index;
    }
    return &owners->slot_owners[index];
}
/* Notes that list `i` is about to change; the list, to write to. */
static inline struct linked_list_owner *
meta_region_owners_change_list(struct meta_region_owners *owners, uint64_t i)
{
    owners->lists_changed |= UINT64_C(1) << i;
    return &owners->lists[i];
}
/* Makes `base` equal to `owners` again, which must be a change of it, and forgets the change. */
void meta_region_owners_commit(struct meta_region_owners *base, struct meta_region_owners *owners);

/* slots.remove(index), and slots.insert(index, the permission that belongs to the slot). */
void meta_region_owners_remove_perm(struct meta_region_owners *owners, uint64_t index);
void meta_region_owners_insert_perm(struct meta_region_owners *owners, uint64_t index);

/* No list exists. */
void meta_region_owners_boot_lists(struct meta_region_owners *owners);
/* One slot as after boot. */
void meta_region_owners_boot_slot(struct meta_region_owners *owners, uint64_t index);
/*
 * Makes everything at `index` in `to` what it is in `from`; regions of the same size. It does not
 * note a change: if `to` has a base, meta_region_owners_change comes first, unless the two are
 * equal at `index` afterwards.
 */
void meta_region_owners_copy_slot(struct meta_region_owners *to,
                                  const struct meta_region_owners *from, uint64_t index);
/* True if nothing at `index` differs: membership, permission, owner, obligations. */
bool meta_region_owners_slot_equal(const struct meta_region_owners *a,
                                   const struct meta_region_owners *b, uint64_t index);

/* What is found outside the domains: all zero, at no address. */
extern const struct meta_slot_owner NO_SLOT_OWNER;
extern const struct meta_slot_perm NO_SLOT_PERM;

/* slot_owners[index]; for an index outside the domain a value that belongs to no slot. */
static inline const struct meta_slot_owner *slot_owner_at(const struct meta_region_owners *owners,
                                                          uint64_t index)
{
    if (index >= owners->max_meta_slots || !owners->slot_owners_dom[index])
        return &NO_SLOT_OWNER;
    return &owners->slot_owners[index];
}

/* slots[index]; for an index outside the domain a permission that belongs to no slot. */
static inline const struct meta_slot_perm *slot_perm_at(const struct meta_region_owners *owners,
                                                        uint64_t index)
{
    if (index >= owners->max_meta_slots || !owners->slots_dom[index])
        return &NO_SLOT_PERM;
    return &owners->slots[index];
}

/*
 * Equality of maps at every index but `but`; UINT64_MAX compares all. An index that is in one
 * domain only is a difference.
 */
bool slot_owners_equal_but(const struct meta_region_owners *a, const struct meta_region_owners *b,
                           uint64_t but);
bool slots_equal_but(const struct meta_region_owners *a, const struct meta_region_owners *b,
                     uint64_t but);
bool frame_obligations_equal_but(const struct meta_region_owners *a,
                                 const struct meta_region_owners *b, uint64_t but);
/* Equality at every index below `from` and from `to` on; from <= to. */
bool slot_owners_equal_outside(const struct meta_region_owners *a,
                               const struct meta_region_owners *b, uint64_t from, uint64_t to);
/* Equality of the linked lists at every index but `but`. */
bool linked_lists_equal_but(const struct meta_region_owners *a, const struct meta_region_owners *b,
                            uint64_t but);
bool linked_list_equal(const struct linked_list_owner *a, const struct linked_list_owner *b);
/* Equality of the domains alone. */
bool slot_owners_dom_equal(const struct meta_region_owners *a, const struct meta_region_owners *b);
bool slots_dom_equal(const struct meta_region_owners *a, const struct meta_region_owners *b);

bool meta_slot_storage_equal(const struct meta_slot_storage *a, const struct meta_slot_storage *b);
bool storage_perm_equal(const struct storage_perm *a, const struct storage_perm *b);
bool vtable_perm_equal(const struct vtable_perm *a, const struct vtable_perm *b);
bool atomic_perm_equal(const struct atomic_perm *a, const struct atomic_perm *b);
bool meta_slot_perm_equal(const struct meta_slot_perm *a, const struct meta_slot_perm *b);
bool meta_slot_model_equal(const struct meta_slot_model *a, const struct meta_slot_model *b);

/* MetaSlotOwner::view: the model of an owner; the status follows from ref_count. */
struct meta_slot_model meta_slot_owner_view(const struct meta_slot_owner *owner);
static inline enum meta_slot_status meta_slot_status_of(uint64_t ref_count)
{
    if (ref_count == SPEC_REF_COUNT_UNUSED)
        return META_SLOT_UNUSED;
    if (ref_count == SPEC_REF_COUNT_UNIQUE)
        return META_SLOT_UNIQUE;
    if (ref_count == 0)
        return META_SLOT_UNDER_CONSTRUCTION;
    if (ref_count <= SPEC_REF_COUNT_MAX)
        return META_SLOT_SHARED;
    return META_SLOT_OVERFLOW;
}

/* has_safe_slot(paddr): aligned to a page and below MAX_PADDR of the region. */
static inline bool has_safe_slot(const struct meta_region_owners *owners, uint64_t paddr)
{
    return paddr % SPEC_PAGE_SIZE == 0 && paddr / SPEC_PAGE_SIZE < owners->max_meta_slots;
}
