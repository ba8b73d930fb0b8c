/* SPDX-License-Identifier: MPL-2.0 */
#include "bare.h"

#include <stdlib.h>
#include <string.h>

#include "metaslot/frame.h"
#include "metaslot/meta_slot.h"
#include "metaslot/page_table_node.h"
#include "metaslot/region.h"
#include "metaslot/unique_frame.h"

struct bare_region {
    struct meta_region meta;
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

void bare_prepare(struct bare_operation *operation)
{
    operation->type = operation->metadata.type;
    memcpy(operation->object, operation->metadata.word, sizeof(operation->object));
}

static struct any_frame_meta metadata_of(const struct bare_operation *operation)
{
    const struct meta_vtable *vtable = VTABLES[operation->type];

    return (struct any_frame_meta){vtable, operation->object, vtable->size};
}

static void run_setup(struct bare_region *region, const struct bare_operation *operation)
{
    struct frame frame = {NULL};

    if (frame_from_unused(&region->meta, operation->paddr, metadata_of(operation), &frame) !=
        METASLOT_OK)
        return;
    region->sink += frame_into_raw(&region->meta, frame);
    atomic_store_relaxed(&frame.slot->ref_count, operation->count);
}

static void run_one(struct bare_region *region, const struct bare_operation *operation)
{
    const struct meta_region *meta = &region->meta;
    const uint64_t paddr = operation->paddr;
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
                                                  operation->as_unique, &slot);
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
        unique_frame_meta_mut(unique, operation->object, VTABLES[operation->type]->size);
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
        const uint64_t index = operations[i].paddr / METASLOT_PAGE_SIZE;

        if (index >= region->meta.nr_slots || index >= 64 || (seen >> index & 1))
            continue;
        seen |= UINT64_C(1) << index;
        touched[nr++] = index;
    }
    meta_region_reset(&region->meta, touched, nr);
}

void bare_run(struct bare_region *region, const struct bare_operation *operations, size_t nr_ops)
{
    for (size_t i = 0; i < nr_ops; i++)
        run_one(region, &operations[i]);
    reset(region, operations, nr_ops);
}
