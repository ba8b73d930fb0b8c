/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The implementation in `impl/` as a subject. Also an example of how one is written: nearly all of
 * it is one line per operation, and the rest converts metadata.
 *
 * Nothing is allocated after `create`. The region's panic hook returns, so that a panic is a result.
 *
 * Reading metadata that is uninitialised is reported by ASan and MSan, see metaslot/poison.h.
 */
#include "slotcheck/builtin_subject.h"

#include <assert.h>
#include <stdlib.h>

#include "builtin_subject_parts.h"
#include "metaslot/page_table_node.h"

#define SAME(ours, theirs) static_assert((int)(ours) == (int)(theirs), #ours " is " #theirs)

SAME(METASLOT_OK, SLOTCHECK_OK);
SAME(METASLOT_IN_USE, SLOTCHECK_IN_USE);
SAME(METASLOT_UNUSED, SLOTCHECK_UNUSED);
SAME(METASLOT_BUSY, SLOTCHECK_BUSY);
SAME(METASLOT_UNIQUE, SLOTCHECK_UNIQUE);
SAME(METASLOT_OUT_OF_BOUND, SLOTCHECK_OUT_OF_BOUND);
SAME(METASLOT_NOT_ALIGNED, SLOTCHECK_NOT_ALIGNED);
SAME(METASLOT_RETURNED, SLOTCHECK_RETURNED);
SAME(METASLOT_PANIC, SLOTCHECK_PANIC);
SAME(METASLOT_NONE, SLOTCHECK_NONE);

SAME(META_REGION_CREATED, SLOTCHECK_CREATED);
SAME(META_REGION_NO_SLOTS, SLOTCHECK_NO_SLOTS);
SAME(META_REGION_TOO_MANY_SLOTS, SLOTCHECK_TOO_MANY_SLOTS);
SAME(META_REGION_NO_MEMORY, SLOTCHECK_NO_MEMORY);

SAME(METADATA_EMPTY, SLOTCHECK_METADATA_EMPTY);
SAME(METADATA_UNTYPED, SLOTCHECK_METADATA_UNTYPED);
SAME(METADATA_FRAME_LINK, SLOTCHECK_METADATA_FRAME_LINK);
SAME(METADATA_PT_NODE, SLOTCHECK_METADATA_PT_NODE);
SAME(METADATA_PROBE, SLOTCHECK_METADATA_PROBE);

SAME(GHOST_USAGE, SLOTCHECK_GHOST_USAGE);
SAME(GHOST_PERMISSION_TAKEN, SLOTCHECK_GHOST_PERMISSION_TAKEN);
SAME(GHOST_PERMISSION_REPARKED, SLOTCHECK_GHOST_PERMISSION_REPARKED);
SAME(GHOST_OBLIGATION_MINTED, SLOTCHECK_GHOST_OBLIGATION_MINTED);
SAME(GHOST_OBLIGATION_REDEEMED, SLOTCHECK_GHOST_OBLIGATION_REDEEMED);
SAME(GHOST_STORAGE_INIT, SLOTCHECK_GHOST_STORAGE_INIT);
SAME(GHOST_STORAGE_UNINIT, SLOTCHECK_GHOST_STORAGE_UNINIT);
SAME(GHOST_VTABLE_INIT, SLOTCHECK_GHOST_VTABLE_INIT);
SAME(GHOST_VTABLE_UNINIT, SLOTCHECK_GHOST_VTABLE_UNINIT);
SAME(GHOST_PATH_ADDED, SLOTCHECK_GHOST_PATH_ADDED);
SAME(GHOST_PATH_REMOVED, SLOTCHECK_GHOST_PATH_REMOVED);

/* --- regions --- */

static void on_panic(void *context, const char *why)
{
    (void)context, (void)why;
}

static void on_drop(void *context, uint64_t paddr, uint64_t payload)
{
    const struct slotcheck_host *host = context;
    struct slotcheck_metadata metadata = {.type = SLOTCHECK_METADATA_PROBE, .word = {payload}};

    host->on_drop(host->context, paddr, &metadata);
}

static uint32_t create(uint64_t nr_slots, const struct slotcheck_host *host,
                       struct slotcheck_region **out)
{
    struct slotcheck_region *region = calloc(1, sizeof(*region));
    /* ghost is the host's own function, so that an event costs one call. */
    struct meta_hooks hooks = {.panic = on_panic,
                               .on_drop = on_drop,
                               .on_drop_context = (void *)(uintptr_t)host,
                               .ghost = host->ghost,
                               .ghost_context = host->context};
    enum meta_region_result result;

    if (region == NULL)
        return SLOTCHECK_NO_MEMORY;
    result = meta_region_create(&region->meta, nr_slots, &hooks);
    if (result != META_REGION_CREATED) {
        free(region);
        return (uint32_t)result;
    }
    *out = region;
    return SLOTCHECK_CREATED;
}

static void reset(struct slotcheck_region *region, const uint64_t *touched, uint64_t nr_touched)
{
    meta_region_reset(&region->meta, touched, nr_touched);
    memset(region->list_is_live, 0, sizeof(region->list_is_live));
}

static void destroy(struct slotcheck_region *region)
{
    meta_region_destroy(&region->meta);
    free(region);
}

static uint64_t slots(struct slotcheck_region *region)
{
    return to_address(region->meta.slots);
}

static void read_slot(struct slotcheck_region *region, uint64_t index, struct slotcheck_slot *out)
{
    out->ref_count = atomic_load_relaxed(&region->meta.slots[index].ref_count);
    out->in_list = atomic_load_relaxed(&region->meta.slots[index].in_list);
}

static void read_metadata(struct slotcheck_region *region, uint64_t index,
                          struct slotcheck_metadata *out)
{
    read_slot_metadata(region, &region->meta.slots[index], out);
}

static void set_ref_count(struct slotcheck_region *region, uint64_t slot, uint64_t value)
{
    (void)region;
    atomic_store_relaxed(&to_slot(slot)->ref_count, value);
}

/* The lists behind the slots. */
enum {
    LISTS_SIZE = sizeof(struct slotcheck_region) - offsetof(struct slotcheck_region, list_is_live)
};

static uint64_t snapshot_size(struct slotcheck_region *region)
{
    return meta_region_snapshot_size(&region->meta) + LISTS_SIZE;
}

static void snapshot_save(struct slotcheck_region *region, void *bytes)
{
    meta_region_snapshot_save(&region->meta, bytes);
    memcpy((unsigned char *)bytes + meta_region_snapshot_size(&region->meta), region->list_is_live,
           LISTS_SIZE);
}

static void snapshot_restore(struct slotcheck_region *region, const void *bytes)
{
    meta_region_snapshot_restore(&region->meta, bytes);
    memcpy(region->list_is_live,
           (const unsigned char *)bytes + meta_region_snapshot_size(&region->meta), LISTS_SIZE);
}

/* --- MetaSlot --- */

static uint32_t get_slot(struct slotcheck_region *region, uint64_t paddr, uint64_t *out)
{
    struct meta_slot *slot = NULL;

    return answer(meta_slot_get_slot(&region->meta, paddr, &slot), &slot, out);
}

static uint32_t get_from_unused(struct slotcheck_region *region, uint64_t paddr,
                                const struct slotcheck_metadata *metadata, uint32_t as_unique,
                                uint64_t *out)
{
    union object object;
    struct any_frame_meta meta = metadata_in(region, metadata, &object);
    struct meta_slot *slot = NULL;

    return answer(meta_slot_get_from_unused(&region->meta, paddr, meta, as_unique != 0, &slot),
                  &slot, out);
}

static void repark(struct slotcheck_region *region, uint64_t slot)
{
    meta_slot_repark(&region->meta, to_slot(slot));
}

static uint32_t get_from_in_use(struct slotcheck_region *region, uint64_t paddr, uint64_t *out)
{
    struct meta_slot *slot = NULL;

    return answer(meta_slot_get_from_in_use(&region->meta, paddr, &slot), &slot, out);
}

static uint32_t inc_ref_count(struct slotcheck_region *region, uint64_t slot)
{
    return (uint32_t)meta_slot_inc_ref_count(&region->meta, to_slot(slot));
}

static uint64_t frame_paddr(struct slotcheck_region *region, uint64_t slot)
{
    return meta_slot_frame_paddr(&region->meta, to_slot(slot));
}

static uint64_t as_meta_ptr(struct slotcheck_region *region, uint64_t slot)
{
    (void)region;
    return to_address(meta_slot_as_meta_ptr(to_slot(slot)));
}

static uint64_t dyn_meta_ptr(struct slotcheck_region *region, uint64_t slot, uint64_t *type)
{
    struct dyn_meta_ptr meta = meta_slot_dyn_meta_ptr(to_slot(slot));

    (void)region;
    *type = type_of(meta.vtable);
    return to_address(meta.object);
}

static void write_meta(struct slotcheck_region *region, uint64_t slot,
                       const struct slotcheck_metadata *metadata)
{
    union object object;

    meta_slot_write_meta(&region->meta, to_slot(slot), metadata_in(region, metadata, &object));
}

static void drop_meta_in_place(struct slotcheck_region *region, uint64_t slot)
{
    meta_slot_drop_meta_in_place(&region->meta, to_slot(slot));
}

static void drop_last_in_place(struct slotcheck_region *region, uint64_t slot)
{
    meta_slot_drop_last_in_place(&region->meta, to_slot(slot));
}

/* --- Frame --- */

static uint32_t from_unused(struct slotcheck_region *region, uint64_t paddr,
                            const struct slotcheck_metadata *metadata, uint64_t *out)
{
    union object object;
    struct any_frame_meta meta = metadata_in(region, metadata, &object);
    struct frame frame = {NULL};

    return answer(frame_from_unused(&region->meta, paddr, meta, &frame), &frame.slot, out);
}

static uint32_t from_in_use(struct slotcheck_region *region, uint64_t paddr, uint64_t *out)
{
    struct frame frame = {NULL};

    return answer(frame_from_in_use(&region->meta, paddr, &frame), &frame.slot, out);
}

static uint32_t clone_frame(struct slotcheck_region *region, uint64_t frame, uint64_t *out)
{
    struct frame cloned = {NULL};

    return answer(frame_clone(&region->meta, to_frame(frame), &cloned), &cloned.slot, out);
}

static void drop(struct slotcheck_region *region, uint64_t frame)
{
    frame_drop(&region->meta, to_frame(frame));
}

static uint64_t into_raw(struct slotcheck_region *region, uint64_t frame)
{
    return frame_into_raw(&region->meta, to_frame(frame));
}

static uint64_t from_raw(struct slotcheck_region *region, uint64_t paddr)
{
    return to_address(frame_from_raw(&region->meta, paddr).slot);
}

static uint64_t reference_count(struct slotcheck_region *region, uint64_t frame)
{
    (void)region;
    return frame_reference_count(to_frame(frame));
}

/* As frame_meta, but of the type that is there. */
static void meta(struct slotcheck_region *region, uint64_t frame, struct slotcheck_metadata *out)
{
    uint64_t type = type_of(meta_slot_dyn_meta_ptr(to_slot(frame)).vtable);
    union object object;

    if (type != UINT64_MAX)
        frame_meta(to_frame(frame), &object, VTABLES[type]->size);
    metadata_out(region, &object, type, out);
}

/* --- UniqueFrame --- */

static uint32_t unique_from_unused(struct slotcheck_region *region, uint64_t paddr,
                                   const struct slotcheck_metadata *metadata, uint64_t *out)
{
    union object object;
    struct any_frame_meta meta = metadata_in(region, metadata, &object);
    struct unique_frame frame = {NULL};

    return answer(unique_frame_from_unused(&region->meta, paddr, meta, &frame), &frame.slot, out);
}

static void unique_drop(struct slotcheck_region *region, uint64_t frame)
{
    unique_frame_drop(&region->meta, to_unique(frame));
}

static uint64_t from_unique(struct slotcheck_region *region, uint64_t frame)
{
    return to_address(frame_from_unique(&region->meta, to_unique(frame)).slot);
}

static uint32_t try_from(struct slotcheck_region *region, uint64_t frame, uint64_t *out)
{
    struct unique_frame unique = {NULL};

    return answer(unique_frame_try_from(&region->meta, to_frame(frame), &unique), &unique.slot,
                  out);
}

static uint64_t repurpose(struct slotcheck_region *region, uint64_t frame,
                          const struct slotcheck_metadata *metadata)
{
    union object object;
    struct any_frame_meta meta = metadata_in(region, metadata, &object);

    return to_address(unique_frame_repurpose(&region->meta, to_unique(frame), meta).slot);
}

static void reset_as_unused(struct slotcheck_region *region, uint64_t frame)
{
    unique_frame_reset_as_unused(&region->meta, to_unique(frame));
}

static void meta_mut(struct slotcheck_region *region, uint64_t frame,
                     const struct slotcheck_metadata *metadata)
{
    union object object;
    struct any_frame_meta meta = metadata_in(region, metadata, &object);

    unique_frame_meta_mut(to_unique(frame), meta.object, meta.size);
}

static uint64_t unique_into_raw(struct slotcheck_region *region, uint64_t frame)
{
    return unique_frame_into_raw(&region->meta, to_unique(frame));
}

static uint64_t unique_from_raw(struct slotcheck_region *region, uint64_t paddr)
{
    return to_address(unique_frame_from_raw(&region->meta, paddr).slot);
}

/* --- PageTableNode --- */

static uint32_t node_alloc(struct slotcheck_region *region, uint64_t paddr, uint32_t level,
                           uint64_t *out)
{
    struct frame node = {NULL};

    return answer(page_table_node_alloc(&region->meta, paddr, (uint8_t)level, &node), &node.slot,
                  out);
}

static const struct slotcheck_subject BUILTIN = {
    .version = SLOTCHECK_INTERFACE_VERSION,
    .size = sizeof(struct slotcheck_subject),
    .name = "metaslot",
    .description = "the implementation that comes with slotcheck",
    .capabilities = SLOTCHECK_CAN_REPORT_GHOST | SLOTCHECK_CAN_REPORT_ON_DROP |
                    SLOTCHECK_CAN_RETURN_FROM_PANIC | SLOTCHECK_CAN_MANY_REGIONS |
                    SLOTCHECK_CAN_SNAPSHOT | SLOTCHECK_CAN_RAW_SLOTS | SLOTCHECK_CAN_THREADS,
    .create = create,
    .reset = reset,
    .destroy = destroy,
    .slots = slots,
    .read_slot = read_slot,
    .read_metadata = read_metadata,
    .set_ref_count = set_ref_count,
    .snapshot_size = snapshot_size,
    .snapshot_save = snapshot_save,
    .snapshot_restore = snapshot_restore,
    .get_slot = get_slot,
    .get_from_unused = get_from_unused,
    .repark = repark,
    .get_from_in_use = get_from_in_use,
    .inc_ref_count = inc_ref_count,
    .frame_paddr = frame_paddr,
    .as_meta_ptr = as_meta_ptr,
    .dyn_meta_ptr = dyn_meta_ptr,
    .write_meta = write_meta,
    .drop_meta_in_place = drop_meta_in_place,
    .drop_last_in_place = drop_last_in_place,
    .frame_from_unused = from_unused,
    .frame_from_in_use = from_in_use,
    .frame_clone = clone_frame,
    .frame_drop = drop,
    .frame_into_raw = into_raw,
    .frame_from_raw = from_raw,
    .frame_reference_count = reference_count,
    .frame_meta = meta,
    .unique_frame_from_unused = unique_from_unused,
    .unique_frame_drop = unique_drop,
    .frame_from_unique = from_unique,
    .unique_frame_try_from = try_from,
    .unique_frame_repurpose = repurpose,
    .unique_frame_reset_as_unused = reset_as_unused,
    .unique_frame_meta_mut = meta_mut,
    .unique_frame_into_raw = unique_into_raw,
    .unique_frame_from_raw = unique_from_raw,
    .page_table_node_alloc = node_alloc,
    .memory_range = builtin_memory_range,
    .set_next_list_id = builtin_set_next_list_id,
    .frame_borrow = builtin_frame_borrow,
    .frame_try_from = builtin_frame_try_from,
    .frame_map = builtin_frame_map,
    .frame_unmap = builtin_frame_unmap,
    .mmio_map = builtin_mmio_map,
    .mmio_unmap = builtin_mmio_unmap,
    .list_new = builtin_list_new,
    .list_drop = builtin_list_drop,
    .read_list = builtin_read_list,
    .list_push_front = builtin_list_push_front,
    .list_push_back = builtin_list_push_back,
    .list_pop_front = builtin_list_pop_front,
    .list_pop_back = builtin_list_pop_back,
    .list_contains = builtin_list_contains,
    .list_cursor_mut_at = builtin_list_cursor_mut_at,
    .list_cursor_front_mut = builtin_list_cursor_front_mut,
    .list_cursor_back_mut = builtin_list_cursor_back_mut,
    .cursor_move_next = builtin_cursor_move_next,
    .cursor_move_prev = builtin_cursor_move_prev,
    .cursor_insert_before = builtin_cursor_insert_before,
    .cursor_take_current = builtin_cursor_take_current,
    .segment_from_unused = builtin_segment_from_unused,
    .segment_clone = builtin_segment_clone,
    .segment_slice = builtin_segment_slice,
    .segment_split = builtin_segment_split,
    .segment_next = builtin_segment_next,
    .segment_into_raw = builtin_segment_into_raw,
    .segment_from_raw = builtin_segment_from_raw,
    .segment_drop = builtin_segment_drop,
    .segment_from_frame = builtin_segment_from_frame,
    .slot_size = builtin_slot_size,
    .cast_slot = builtin_cast_slot,
    .metadata_to_repr = builtin_metadata_to_repr,
    .metadata_from_repr = builtin_metadata_from_repr,
    .metadata_from_borrowed = builtin_metadata_from_borrowed,
    .metadata_as_link_to_repr = builtin_metadata_as_link_to_repr,
    .metadata_as_link_from_repr = builtin_metadata_as_link_from_repr,
    .metadata_as_link_from_borrowed = builtin_metadata_as_link_from_borrowed,
};

const struct slotcheck_subject *slotcheck_builtin_subject(void)
{
    return &BUILTIN;
}
