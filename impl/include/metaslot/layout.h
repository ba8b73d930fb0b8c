/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The metadata slot of a frame, `MetaSlot`: 64 bytes, and the protocol of its reference count.
 *
 *                 get_from_unused
 *      UNUSED ───────────────────────► 0 ──────────┬───────────────┐
 *        ▲                        constructing     ▼               ▼
 *        │                                         1 ◄─────────► UNIQUE
 *        │   drop_last_in_place                  ▲ │ │             │
 *        └──────────────────────── 0 ◄───────────│─│─┴─────────────┘
 *                             destructing        │ ▼
 *                                               2..MAX
 *
 *      UNUSED → 0    get_from_unused          CAS, acquire; a failure is relaxed
 *      0 → 1         get_from_unused          store, release
 *      0 → UNIQUE    get_from_unused          store, relaxed
 *      n → n + 1     get_from_in_use          weak CAS, acquire; a failure is relaxed
 *      n → n + 1     inc_ref_count (clone)    addition, relaxed
 *      n → n - 1     frame_drop               subtraction, release; from 1 an acquire fence follows
 *      1 → UNIQUE    unique_frame_try_from    CAS, acquire; a failure is relaxed
 *      UNIQUE → 1    frame_from_unique        store, release
 *      UNIQUE → 0    unique_frame_drop        store, relaxed
 *      UNIQUE → 0    reset_as_unused          store, release
 *      0 → UNUSED    drop_last_in_place       store, release
 *      UNIQUE → any  metadata_to_repr         store, release
 *
 *      MAX < count < UNIQUE is illegal: the distance that keeps concurrent clones, each of which
 *      panics, from reaching UNIQUE. clone panics after the addition, get_from_in_use before it.
 *
 * Ordering rules
 *   - Release store of UNUSED ↔ acquire CAS in get_from_unused: whoever claims a slot sees the
 *     destruction of what was in it.
 *   - Release store of 1 ↔ acquire CAS in get_from_in_use: whoever finds a slot in use sees the
 *     metadata that was written before. Clones and releases between the two are read-modify-writes
 *     and keep the release sequence going.
 *   - Release subtraction ↔ acquire fence in the last drop, and ↔ acquire CAS in
 *     unique_frame_try_from: whoever gets exclusive access sees the end of every use by others.
 *   - A clone needs no order: its caller holds a reference, and passes it on by means of its own.
 *   - UNIQUE is stored relaxed: nobody may read the metadata because of having seen it.
 *   - `storage` and `vtable_ptr` are plain memory: written under exclusive access only (count 0 or
 *     UNIQUE), read under a reference. While the count is UNUSED they are uninitialised.
 *   - `in_list` is read relaxed and guards nothing.
 *
 * Every access goes through metaslot/atomics.h.
 */
#pragma once

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#include "metaslot/atomics.h"

/* Bytes of a frame. PAGE_SIZE upstream, a name that some C libraries take for themselves. */
#define METASLOT_PAGE_SIZE UINT64_C(4096)
/* Bytes of a slot, and the largest alignment that a metadata type may ask for. */
#define META_SLOT_SIZE 64
/* Bytes of a slot that hold the frame's metadata. */
#define FRAME_METADATA_MAX_SIZE 40
/* max_meta_slots(): as many slots as FRAME_METADATA_RANGE, which is 2^40 bytes, has room for. */
#define MAX_META_SLOTS (UINT64_C(1) << 34)

/* Not in use. */
#define REF_COUNT_UNUSED UINT64_MAX
/* Owned by one UniqueFrame. */
#define REF_COUNT_UNIQUE (UINT64_MAX - 1)
/* The largest legal number of references. */
#define REF_COUNT_MAX (UINT64_MAX >> 1)

struct meta_slot {
    /* An object of the type that `vtable_ptr` tells, at the very start. */
    alignas(META_SLOT_SIZE) unsigned char storage[FRAME_METADATA_MAX_SIZE];
    atomic_u64 ref_count;
    const struct meta_vtable *vtable_ptr;
    /* The id of the one linked list that holds the frame, or 0. */
    atomic_u64 in_list;
};

static_assert(sizeof(struct meta_slot) == META_SLOT_SIZE, "size of a slot");
static_assert(alignof(struct meta_slot) == META_SLOT_SIZE, "alignment of a slot");
static_assert(offsetof(struct meta_slot, storage) == 0, "place of storage");
static_assert(offsetof(struct meta_slot, ref_count) == 40, "place of ref_count");
static_assert(offsetof(struct meta_slot, vtable_ptr) == 48, "place of vtable_ptr");
static_assert(offsetof(struct meta_slot, in_list) == 56, "place of in_list");
static_assert(sizeof(((struct meta_slot *)0)->storage) == 40, "size of storage");
static_assert(sizeof(atomic_u64) == 8, "size of an atomic cell");
static_assert(sizeof(const struct meta_vtable *) == 8, "size of a pointer");
static_assert(MAX_META_SLOTS <= SIZE_MAX / META_SLOT_SIZE, "the largest region has a size");
static_assert(MAX_META_SLOTS <= UINT64_MAX / METASLOT_PAGE_SIZE, "and its MAX_PADDR is a number");
