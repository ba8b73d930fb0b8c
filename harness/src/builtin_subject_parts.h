/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the parts of the built-in subject share: its region, and how slots, handles and metadata look
 * on either side of the interface.
 *
 * A handle and a slot are the slot's address. Metadata of live slots goes through the accessors of
 * metaslot/atomics.h, as everything in the implementation does.
 */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "metaslot/frame.h"
#include "metaslot/linked_list.h"
#include "metaslot/meta_slot.h"
#include "metaslot/metadata.h"
#include "metaslot/region.h"
#include "metaslot/unique_frame.h"
#include "slotcheck/subject.h"

struct slotcheck_region {
    struct meta_region meta;
    /* Lists, by the number that the host knows them by, and the cursor on each of them. */
    bool list_is_live[SLOTCHECK_MAX_LISTS];
    struct linked_list lists[SLOTCHECK_MAX_LISTS];
    struct linked_list_cursor cursors[SLOTCHECK_MAX_LISTS];
};

static inline struct meta_slot *to_slot(uint64_t address)
{
    return (struct meta_slot *)(uintptr_t)address;
}

static inline uint64_t to_address(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

/* --- metadata --- */

/* Room for an object of any type on its way in or out. */
union object {
    struct empty_meta empty;
    struct frame_link_meta frame_link;
    struct pt_node_meta pt_node;
    struct probe_meta probe;
};

/* By enum slotcheck_metadata_type. */
static const struct meta_vtable *const VTABLES[] = {
    &EMPTY_VTABLE, &UNTYPED_VTABLE, &FRAME_LINK_VTABLE, &PT_NODE_VTABLE, &PROBE_VTABLE,
};

enum { NR_TYPES = sizeof(VTABLES) / sizeof(VTABLES[0]) };

/* The type that a vtable pointer identifies; the pointer itself may be anything. */
static inline uint64_t type_of(const struct meta_vtable *vtable)
{
    for (uint64_t type = 0; type < NR_TYPES; type++)
        if (VTABLES[type] == vtable)
            return type;
    return UINT64_MAX;
}

/* A link is the byte offset of a slot outside, its address inside. */
static inline struct optional_addr link_in(const struct slotcheck_region *region,
                                           const uint64_t word[2])
{
    if (word[0] == 0)
        return (struct optional_addr){0, 0};
    return (struct optional_addr){1, to_address(region->meta.slots) + word[1]};
}

static inline void link_out(const struct slotcheck_region *region, struct optional_addr link,
                            uint64_t word[2])
{
    word[0] = link.is_some;
    word[1] = link.is_some != 0 ? link.addr - to_address(region->meta.slots) : link.addr;
}

/* The object that `metadata` stands for, made in `object`. */
static inline struct any_frame_meta metadata_in(const struct slotcheck_region *region,
                                                const struct slotcheck_metadata *metadata,
                                                union object *object)
{
    const uint64_t *word = metadata->word;

    switch ((enum slotcheck_metadata_type)metadata->type) {
    case SLOTCHECK_METADATA_EMPTY:
        memcpy(object->empty.bytes, word, sizeof(object->empty.bytes));
        return empty_metadata(&object->empty);
    case SLOTCHECK_METADATA_UNTYPED:
        break;
    case SLOTCHECK_METADATA_FRAME_LINK:
        object->frame_link =
            (struct frame_link_meta){link_in(region, &word[0]), link_in(region, &word[2]), word[4]};
        return frame_link_metadata(&object->frame_link);
    case SLOTCHECK_METADATA_PT_NODE:
        object->pt_node = (struct pt_node_meta){(uint16_t)word[0], word[1] != 0, (uint8_t)word[2],
                                                (uint8_t)word[3], 0};
        return pt_node_metadata(&object->pt_node);
    case SLOTCHECK_METADATA_PROBE:
        object->probe = (struct probe_meta){word[0]};
        return probe_metadata(&object->probe);
    }
    return untyped_metadata();
}

/* What an object of `type` stands for. */
static inline void metadata_out(const struct slotcheck_region *region, const union object *object,
                                uint64_t type, struct slotcheck_metadata *out)
{
    *out = (struct slotcheck_metadata){.type = type};
    if (type == UINT64_MAX)
        return;
    switch ((enum slotcheck_metadata_type)type) {
    case SLOTCHECK_METADATA_EMPTY:
        memcpy(out->word, object->empty.bytes, sizeof(object->empty.bytes));
        break;
    case SLOTCHECK_METADATA_UNTYPED:
        break;
    case SLOTCHECK_METADATA_FRAME_LINK:
        link_out(region, object->frame_link.next, &out->word[0]);
        link_out(region, object->frame_link.prev, &out->word[2]);
        out->word[4] = object->frame_link.payload;
        break;
    case SLOTCHECK_METADATA_PT_NODE:
        out->word[0] = object->pt_node.nr_children;
        out->word[1] = object->pt_node.stray;
        out->word[2] = object->pt_node.level;
        out->word[3] = object->pt_node.lock;
        break;
    case SLOTCHECK_METADATA_PROBE:
        out->word[0] = object->probe.payload;
        break;
    }
}

/* Reads a slot's metadata as the type that its vtable pointer tells. */
static inline void read_slot_metadata(const struct slotcheck_region *region, struct meta_slot *slot,
                                      struct slotcheck_metadata *out)
{
    struct dyn_meta_ptr meta = meta_slot_dyn_meta_ptr(slot);
    uint64_t type = type_of(meta.vtable);
    union object object;

    if (type != UINT64_MAX)
        nonatomic_copy_out(&object, meta.object, VTABLES[type]->size);
    metadata_out(region, &object, type, out);
}

/* --- handles --- */

static inline struct frame to_frame(uint64_t address)
{
    return (struct frame){to_slot(address)};
}

static inline struct unique_frame to_unique(uint64_t address)
{
    return (struct unique_frame){to_slot(address)};
}

/*
 * Answers for an operation that made `*made`, or did not. By address, because the call that makes
 * it stands in the same list of arguments, and nothing says which argument is evaluated first.
 */
static inline uint32_t answer(enum metaslot_result result, struct meta_slot *const *made,
                              uint64_t *out)
{
    if (result == METASLOT_OK)
        *out = to_address(*made);
    return (uint32_t)result;
}

/* --- the functions of the interface, beside those in builtin_subject.c --- */

void builtin_memory_range(struct slotcheck_region *region, uint64_t start, uint64_t end,
                          uint32_t usage);
void builtin_set_next_list_id(struct slotcheck_region *region, uint64_t id);
uint64_t builtin_frame_borrow(struct slotcheck_region *region, uint64_t frame,
                              struct slotcheck_metadata *metadata, uint64_t *ref_count);
uint32_t builtin_frame_try_from(struct slotcheck_region *region, uint64_t frame, uint64_t type);
uint64_t builtin_frame_map(struct slotcheck_region *region, uint64_t frame, uint64_t path);
uint64_t builtin_frame_unmap(struct slotcheck_region *region, uint64_t paddr, uint64_t path);
void builtin_mmio_map(struct slotcheck_region *region, uint64_t paddr, uint64_t path);
void builtin_mmio_unmap(struct slotcheck_region *region, uint64_t paddr, uint64_t path);
uint64_t builtin_list_new(struct slotcheck_region *region);
void builtin_list_drop(struct slotcheck_region *region, uint64_t list);
void builtin_read_list(struct slotcheck_region *region, uint64_t list, struct slotcheck_list *out);
uint32_t builtin_list_push_front(struct slotcheck_region *region, uint64_t list, uint64_t frame);
uint32_t builtin_list_push_back(struct slotcheck_region *region, uint64_t list, uint64_t frame);
uint32_t builtin_list_pop_front(struct slotcheck_region *region, uint64_t list, uint64_t *frame);
uint32_t builtin_list_pop_back(struct slotcheck_region *region, uint64_t list, uint64_t *frame);
uint32_t builtin_list_contains(struct slotcheck_region *region, uint64_t list, uint64_t paddr,
                               uint64_t *contained);
uint32_t builtin_list_cursor_mut_at(struct slotcheck_region *region, uint64_t list, uint64_t paddr);
void builtin_list_cursor_front_mut(struct slotcheck_region *region, uint64_t list);
void builtin_list_cursor_back_mut(struct slotcheck_region *region, uint64_t list);
void builtin_cursor_move_next(struct slotcheck_region *region, uint64_t list);
void builtin_cursor_move_prev(struct slotcheck_region *region, uint64_t list);
uint32_t builtin_cursor_insert_before(struct slotcheck_region *region, uint64_t list,
                                      uint64_t frame);
uint32_t builtin_cursor_take_current(struct slotcheck_region *region, uint64_t list,
                                     uint64_t *frame);
uint32_t builtin_segment_from_unused(struct slotcheck_region *region, uint64_t start, uint64_t end,
                                     const struct slotcheck_metadata *metadata,
                                     struct slotcheck_segment *segment);
uint32_t builtin_segment_clone(struct slotcheck_region *region, struct slotcheck_segment segment,
                               struct slotcheck_segment *clone);
uint32_t builtin_segment_slice(struct slotcheck_region *region, struct slotcheck_segment segment,
                               uint64_t start, uint64_t end, struct slotcheck_segment *slice);
uint32_t builtin_segment_split(struct slotcheck_region *region, struct slotcheck_segment segment,
                               uint64_t offset, struct slotcheck_segment parts[2]);
uint32_t builtin_segment_next(struct slotcheck_region *region, struct slotcheck_segment *segment,
                              uint64_t *frame);
void builtin_segment_into_raw(struct slotcheck_region *region, struct slotcheck_segment segment,
                              struct slotcheck_segment *range);
void builtin_segment_from_raw(struct slotcheck_region *region, struct slotcheck_segment range,
                              struct slotcheck_segment *segment);
void builtin_segment_drop(struct slotcheck_region *region, struct slotcheck_segment segment);
void builtin_segment_from_frame(struct slotcheck_region *region, uint64_t frame,
                                struct slotcheck_segment *segment);
uint64_t builtin_slot_size(struct slotcheck_region *region);
uint64_t builtin_cast_slot(struct slotcheck_region *region, uint64_t slot);
void builtin_metadata_to_repr(struct slotcheck_region *region, uint64_t slot,
                              const struct slotcheck_repr *repr);
void builtin_metadata_from_repr(struct slotcheck_region *region, uint64_t slot,
                                struct slotcheck_repr *out);
uint64_t builtin_metadata_from_borrowed(struct slotcheck_region *region, uint64_t slot,
                                        struct slotcheck_repr *out);
void builtin_metadata_as_link_to_repr(struct slotcheck_region *region, uint64_t slot,
                                      const struct slotcheck_repr *repr);
void builtin_metadata_as_link_from_repr(struct slotcheck_region *region, uint64_t slot,
                                        struct slotcheck_repr *out);
uint64_t builtin_metadata_as_link_from_borrowed(struct slotcheck_region *region, uint64_t slot,
                                                struct slotcheck_repr *out);
