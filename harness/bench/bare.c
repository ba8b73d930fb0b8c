/* SPDX-License-Identifier: MPL-2.0 */
#include "bare.h"

#include <stdlib.h>
#include <string.h>

#include "metaslot/frame.h"
#include "metaslot/linked_list.h"
#include "metaslot/memory_map.h"
#include "metaslot/meta_slot.h"
#include "metaslot/page_table.h"
#include "metaslot/page_table_node.h"
#include "metaslot/region.h"
#include "metaslot/repr.h"
#include "metaslot/segment.h"
#include "metaslot/unique_frame.h"

struct bare_region {
    struct meta_region meta;
    struct linked_list lists[SPEC_MAX_LISTS];
    struct linked_list_cursor cursors[SPEC_MAX_LISTS];
    uint64_t sink; /* what operations answer must go somewhere */
};

static void on_panic(void *context, const char *why)
{
    (void)context;
    (void)why;
}

struct bare_region *bare_create(uint64_t nr_slots)
{
    const struct meta_hooks hooks = {.panic = on_panic};
    struct bare_region *region = calloc(1, sizeof(*region));

    if (region && meta_region_create(&region->meta, nr_slots, &hooks) != META_REGION_CREATED) {
        free(region);
        return NULL;
    }
    return region;
}

void bare_destroy(struct bare_region *region)
{
    meta_region_destroy(&region->meta);
    free(region);
}

static const struct meta_vtable *const VTABLES[] = {
    &EMPTY_VTABLE, &UNTYPED_VTABLE, &FRAME_LINK_VTABLE, &PT_NODE_VTABLE, &PROBE_VTABLE};

struct bare_operation bare_prepare(enum op op, const struct spec_call *call)
{
    struct bare_operation operation = {.op = op, .call = *call};

    memcpy(operation.object, call->metadata.word, sizeof(operation.object));
    return operation;
}

static struct any_frame_meta metadata_of(const struct bare_operation *operation)
{
    const struct meta_vtable *vtable = VTABLES[operation->call.metadata.type];

    return (struct any_frame_meta){vtable, operation->object, vtable->size};
}

static void run_setup(struct bare_region *region, const struct bare_operation *operation)
{
    struct frame frame = {NULL};

    if (frame_from_unused(&region->meta, operation->call.paddr, metadata_of(operation), &frame) !=
        METASLOT_OK)
        return;
    region->sink += frame_into_raw(&region->meta, frame);
    atomic_store_relaxed(&frame.slot->ref_count, operation->call.count);
}

static struct meta_slot *slot_of(const struct bare_region *region,
                                 const struct bare_operation *operation)
{
    return region->meta.slots + operation->call.paddr / METASLOT_PAGE_SIZE;
}

static void run_mapping(struct bare_region *region, const struct bare_operation *operation)
{
    const struct meta_region *meta = &region->meta;
    const struct spec_call *call = &operation->call;
    const struct frame frame = {slot_of(region, operation)};
    const struct memory_range range = {call->paddr, call->paddr + call->length[0],
                                       (enum page_usage)call->usage};

    if (operation->op == OP_memory_range)
        region->sink += meta_region_memory_range(meta, &range);
    if (operation->op == OP_setup_list_id)
        meta_region_set_next_list_id(meta, call->count);
    if (operation->op == OP_frame_borrow)
        region->sink += frame_reference_count(frame_borrow(frame).inner);
    if (operation->op == OP_frame_try_from)
        region->sink += frame_try_from(frame, VTABLES[call->type]);
    if (operation->op == OP_frame_map)
        region->sink += frame_map(meta, frame, call->path);
    if (operation->op == OP_frame_unmap)
        region->sink += (uintptr_t)frame_unmap(meta, call->paddr, call->path).slot;
    if (operation->op == OP_mmio_map)
        mmio_map(meta, call->paddr, call->path);
    if (operation->op == OP_mmio_unmap)
        mmio_unmap(meta, call->paddr, call->path);
}

static void run_list(struct bare_region *region, const struct bare_operation *operation)
{
    const struct meta_region *meta = &region->meta;
    struct linked_list *list = &region->lists[operation->call.list];
    struct linked_list_cursor *cursor = &region->cursors[operation->call.list];
    struct unique_frame frame = {slot_of(region, operation)};
    bool contained = false;

    if (operation->op == OP_list_new)
        *list = linked_list_new();
    if (operation->op == OP_list_push_front)
        region->sink += linked_list_push_front(meta, list, frame);
    if (operation->op == OP_list_push_back)
        region->sink += linked_list_push_back(meta, list, frame);
    if (operation->op == OP_list_pop_front)
        region->sink += linked_list_pop_front(meta, list, &frame);
    if (operation->op == OP_list_pop_back)
        region->sink += linked_list_pop_back(meta, list, &frame);
    if (operation->op == OP_list_contains)
        region->sink += linked_list_contains(meta, list, operation->call.paddr, &contained);
    if (operation->op == OP_list_cursor_mut_at)
        region->sink += linked_list_cursor_mut_at(meta, list, operation->call.paddr, cursor);
    if (operation->op == OP_list_cursor_front_mut)
        *cursor = linked_list_cursor_front_mut(list);
    if (operation->op == OP_list_cursor_back_mut)
        *cursor = linked_list_cursor_back_mut(list);
    if (operation->op == OP_cursor_move_next)
        linked_list_cursor_move_next(cursor);
    if (operation->op == OP_cursor_move_prev)
        linked_list_cursor_move_prev(cursor);
    if (operation->op == OP_cursor_insert_before)
        region->sink += linked_list_cursor_insert_before(meta, cursor, frame);
    if (operation->op == OP_cursor_take_current)
        region->sink += linked_list_cursor_take_current(meta, cursor, &frame);
    if (operation->op == OP_list_drop)
        linked_list_drop(meta, list);
    region->sink += (uintptr_t)frame.slot + contained;
}

/* The same metadata for every frame. */
static struct any_frame_meta metadata_fn(void *context, uint64_t paddr)
{
    (void)paddr;
    return metadata_of(context);
}

static void run_segment(struct bare_region *region, const struct bare_operation *operation)
{
    const struct meta_region *meta = &region->meta;
    const struct spec_call *call = &operation->call;
    const uint64_t end = call->paddr + call->length[0];
    struct segment segment = {call->paddr, call->end};
    struct segment made[2] = {{0, 0}, {0, 0}};
    struct frame frame = {slot_of(region, operation)};

    if (operation->op == OP_segment_from_unused)
        region->sink += segment_from_unused(meta, call->paddr, end, metadata_fn,
                                            (void *)(uintptr_t)operation, made);
    if (operation->op == OP_segment_clone)
        region->sink += segment_clone(meta, segment, made);
    if (operation->op == OP_segment_slice)
        region->sink +=
            segment_slice(meta, segment, call->length[0], call->length[0] + call->length[1], made);
    if (operation->op == OP_segment_split)
        region->sink += segment_split(meta, segment, call->length[0], made);
    if (operation->op == OP_segment_next)
        region->sink += segment_next(meta, &segment, &frame);
    if (operation->op == OP_segment_into_raw)
        made[0] = segment_into_raw(segment);
    if (operation->op == OP_segment_from_raw)
        made[0] = segment_from_raw((struct segment){call->paddr, end});
    if (operation->op == OP_segment_drop)
        segment_drop(meta, segment);
    if (operation->op == OP_segment_from_frame)
        made[0] = segment_from_frame(meta, frame);
    region->sink += made[0].end + made[1].end + (uintptr_t)frame.slot;
}

static void run_repr(struct bare_region *region, const struct bare_operation *operation)
{
    const struct meta_region *meta = &region->meta;
    struct meta_slot *slot = slot_of(region, operation);
    struct metadata value = {.ref_count = REF_COUNT_UNIQUE,
                             .vtable_ptr = VTABLES[operation->call.metadata.type]};
    struct metadata_as_link link;
    struct metadata_ref ref = {.object = NULL};

    memcpy(value.metadata.bytes, operation->object, sizeof(value.metadata.bytes));
    if (operation->op == OP_cast_slot)
        region->sink += (uintptr_t)meta_slot_cast_slot(slot).slot;
    if (operation->op == OP_metadata_to_repr)
        metadata_to_repr(meta, slot, &value);
    if (operation->op == OP_metadata_from_repr)
        region->sink += metadata_from_repr(slot, &value);
    if (operation->op == OP_metadata_from_borrowed)
        region->sink += metadata_from_borrowed(slot, &ref);
    if (operation->op == OP_metadata_as_link_to_repr) {
        link = metadata_as_link_from_metadata(&value);
        metadata_as_link_to_repr(meta, slot, &link);
    }
    if (operation->op == OP_metadata_as_link_from_repr)
        region->sink += metadata_as_link_from_repr(slot, &link);
    if (operation->op == OP_metadata_as_link_from_borrowed)
        region->sink += metadata_as_link_from_borrowed(slot, &ref);
    region->sink += value.in_list + (uintptr_t)ref.object;
}

static void run_one(struct bare_region *region, const struct bare_operation *operation)
{
    const struct meta_region *meta = &region->meta;
    const uint64_t paddr = operation->call.paddr;
    unsigned char object[40];
    struct meta_slot *slot = meta->slots + paddr / METASLOT_PAGE_SIZE;
    struct frame frame = {slot};
    struct unique_frame unique = {slot};

    switch (operation->op) {
    case OP_setup:
        run_setup(region, operation);
        break;
    case OP_get_slot:
        region->sink += meta_slot_get_slot(meta, paddr, &slot);
        break;
    case OP_get_from_unused:
        region->sink += meta_slot_get_from_unused(meta, paddr, metadata_of(operation),
                                                  operation->call.as_unique, &slot);
        break;
    case OP_repark:
        meta_slot_repark(meta, slot);
        break;
    case OP_get_from_in_use:
        region->sink += meta_slot_get_from_in_use(meta, paddr, &slot);
        break;
    case OP_inc_ref_count:
        region->sink += meta_slot_inc_ref_count(meta, slot);
        break;
    case OP_frame_paddr:
        region->sink += meta_slot_frame_paddr(meta, slot);
        break;
    case OP_as_meta_ptr:
        region->sink += (uintptr_t)meta_slot_as_meta_ptr(slot);
        break;
    case OP_dyn_meta_ptr:
        region->sink += (uintptr_t)meta_slot_dyn_meta_ptr(slot).vtable;
        break;
    case OP_write_meta:
        meta_slot_write_meta(meta, slot, metadata_of(operation));
        break;
    case OP_drop_meta_in_place:
        meta_slot_drop_meta_in_place(meta, slot);
        break;
    case OP_drop_last_in_place:
        meta_slot_drop_last_in_place(meta, slot);
        break;
    case OP_frame_from_unused:
        region->sink += frame_from_unused(meta, paddr, metadata_of(operation), &frame);
        break;
    case OP_frame_from_in_use:
        region->sink += frame_from_in_use(meta, paddr, &frame);
        break;
    case OP_frame_clone:
        region->sink += frame_clone(meta, frame, &frame);
        break;
    case OP_frame_drop:
        frame_drop(meta, frame);
        break;
    case OP_frame_into_raw:
        region->sink += frame_into_raw(meta, frame);
        break;
    case OP_frame_from_raw:
        region->sink += (uintptr_t)frame_from_raw(meta, paddr).slot;
        break;
    case OP_frame_reference_count:
        region->sink += frame_reference_count(frame);
        break;
    case OP_frame_meta:
        frame_meta(frame, object, meta_slot_dyn_meta_ptr(slot).vtable->size);
        break;
    case OP_unique_frame_from_unused:
        region->sink += unique_frame_from_unused(meta, paddr, metadata_of(operation), &unique);
        break;
    case OP_unique_frame_drop:
        unique_frame_drop(meta, unique);
        break;
    case OP_frame_from_unique:
        region->sink += (uintptr_t)frame_from_unique(meta, unique).slot;
        break;
    case OP_unique_frame_try_from:
        region->sink += unique_frame_try_from(meta, frame, &unique);
        break;
    case OP_unique_frame_repurpose:
        region->sink +=
            (uintptr_t)unique_frame_repurpose(meta, unique, metadata_of(operation)).slot;
        break;
    case OP_unique_frame_reset_as_unused:
        unique_frame_reset_as_unused(meta, unique);
        break;
    case OP_unique_frame_meta_mut:
        unique_frame_meta_mut(unique, operation->object,
                              VTABLES[operation->call.metadata.type]->size);
        break;
    case OP_unique_frame_into_raw:
        region->sink += unique_frame_into_raw(meta, unique);
        break;
    case OP_unique_frame_from_raw:
        region->sink += (uintptr_t)unique_frame_from_raw(meta, paddr).slot;
        break;
    case OP_page_table_node_alloc:
        region->sink += page_table_node_alloc(meta, paddr, operation->object[2], &frame);
        break;
    case OP_memory_range:
    case OP_setup_list_id:
    case OP_frame_borrow:
    case OP_frame_try_from:
    case OP_frame_map:
    case OP_frame_unmap:
    case OP_mmio_map:
    case OP_mmio_unmap:
        run_mapping(region, operation);
        break;
    case OP_list_new:
    case OP_list_push_front:
    case OP_list_push_back:
    case OP_list_pop_front:
    case OP_list_pop_back:
    case OP_list_contains:
    case OP_list_cursor_mut_at:
    case OP_list_cursor_front_mut:
    case OP_list_cursor_back_mut:
    case OP_cursor_move_next:
    case OP_cursor_move_prev:
    case OP_cursor_insert_before:
    case OP_cursor_take_current:
    case OP_list_drop:
        run_list(region, operation);
        break;
    case OP_segment_from_unused:
    case OP_segment_clone:
    case OP_segment_slice:
    case OP_segment_split:
    case OP_segment_next:
    case OP_segment_into_raw:
    case OP_segment_from_raw:
    case OP_segment_drop:
    case OP_segment_from_frame:
        run_segment(region, operation);
        break;
    case OP_lemma_layout:
    case OP_cast_slot:
    case OP_metadata_to_repr:
    case OP_metadata_from_repr:
    case OP_metadata_from_borrowed:
    case OP_metadata_as_link_to_repr:
    case OP_metadata_as_link_from_repr:
    case OP_metadata_as_link_from_borrowed:
        run_repr(region, operation);
        break;
    case NR_OPS:
        break;
    }
}

/* As often as the lockstep resets: after every program, the slots that were touched. */
static void reset(struct bare_region *region, const struct bare_operation *operations,
                  size_t nr_ops)
{
    uint64_t touched[64];
    uint64_t seen = 0;
    size_t nr = 0;

    for (size_t i = 0; i < nr_ops; i++) {
        const struct spec_call *call = &operations[i].call;
        const uint64_t first = call->paddr / METASLOT_PAGE_SIZE;
        uint64_t last = call->end > call->paddr ? call->end / METASLOT_PAGE_SIZE : first + 1;

        if (operations[i].op == OP_segment_from_unused)
            last = first + call->length[0] / METASLOT_PAGE_SIZE;
        for (uint64_t k = first; k < last && k < region->meta.nr_slots && k < 64; k++) {
            if (seen >> k & 1)
                continue;
            seen |= UINT64_C(1) << k;
            touched[nr++] = k;
        }
    }
    meta_region_reset(&region->meta, touched, nr);
}

void bare_run(struct bare_region *region, const struct bare_operation *operations, size_t nr_ops)
{
    for (size_t i = 0; i < nr_ops; i++)
        run_one(region, &operations[i]);
    reset(region, operations, nr_ops);
}
