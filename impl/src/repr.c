/* SPDX-License-Identifier: MPL-2.0 */
/* Repr<MetaSlot>. */
#include "metaslot/repr.h"

#include <stddef.h>

static const struct meta_vtable *const KNOWN[] = {
    &EMPTY_VTABLE, &UNTYPED_VTABLE, &FRAME_LINK_VTABLE, &PT_NODE_VTABLE, &PROBE_VTABLE,
};

enum { NR_KNOWN = sizeof(KNOWN) / sizeof(KNOWN[0]) };

bool metadata_type_is_known(const struct meta_vtable *vtable)
{
    for (int i = 0; i < NR_KNOWN; i++)
        if (KNOWN[i] == vtable)
            return true;
    return false;
}

/* --- wf --- */

/* The address of a slot of the region, compared as a number: it may be that of anything. */
static bool is_slot_address(const struct meta_region *region, uint64_t addr)
{
    uint64_t offset = addr - (uint64_t)(uintptr_t)region->slots;

    return offset % META_SLOT_SIZE == 0 && offset / META_SLOT_SIZE < region->nr_slots;
}

static bool link_wf(const struct meta_region *region, struct optional_addr link)
{
    if (link.is_some == 0)
        return link.addr == 0;
    return link.is_some == 1 && is_slot_address(region, link.addr);
}

static bool frame_link_wf(const struct meta_region *region, const struct meta_slot *slot)
{
    struct frame_link_meta link;

    nonatomic_copy_out(&link, slot->storage, sizeof(link));
    return link_wf(region, link.next) && link_wf(region, link.prev);
}

/* As bytes: an object that is no PTNode must not be read as one. */
static bool pt_node_wf(const struct meta_slot *slot)
{
    enum { NR_ENTRIES = 512, NR_LEVELS = 4 };
    unsigned char bytes[sizeof(struct pt_node_meta)];
    uint16_t nr_children;
    unsigned level;

    nonatomic_copy_out(bytes, slot->storage, sizeof(bytes));
    memcpy(&nr_children, bytes + offsetof(struct pt_node_meta, nr_children), sizeof(nr_children));
    level = bytes[offsetof(struct pt_node_meta, level)];
    return nr_children <= NR_ENTRIES && bytes[offsetof(struct pt_node_meta, stray)] <= 1 &&
           level >= 1 && level <= NR_LEVELS && bytes[offsetof(struct pt_node_meta, zero)] == 0;
}

bool metadata_repr_wf(const struct meta_region *region, const struct meta_slot *slot)
{
    const struct meta_vtable *vtable = nonatomic_load_vtable(&slot->vtable_ptr);

    if (vtable == &FRAME_LINK_VTABLE)
        return frame_link_wf(region, slot);
    if (vtable == &PT_NODE_VTABLE)
        return pt_node_wf(slot);
    return metadata_type_is_known(vtable);
}

bool metadata_as_link_repr_wf(const struct meta_region *region, const struct meta_slot *slot)
{
    return nonatomic_load_vtable(&slot->vtable_ptr) == &FRAME_LINK_VTABLE &&
           frame_link_wf(region, slot);
}

/* --- Metadata --- */

void metadata_to_repr(const struct meta_region *region, struct meta_slot *slot,
                      const struct metadata *metadata)
{
    const struct meta_vtable *vtable = metadata->vtable_ptr;

    meta_slot_write_meta(region, slot,
                         (struct any_frame_meta){vtable, metadata->metadata.bytes, vtable->size});
    atomic_store_relaxed(&slot->in_list, metadata->in_list);
    /* Release: pairs with the acquire CAS in meta_slot_get_from_in_use, if the count admits it. */
    atomic_store_release(&slot->ref_count, metadata->ref_count);
}

enum repr_result metadata_from_repr(const struct meta_slot *slot, struct metadata *metadata)
{
    const struct meta_vtable *vtable = nonatomic_load_vtable(&slot->vtable_ptr);

    if (!metadata_type_is_known(vtable))
        return REPR_UNKNOWN_TYPE;
    *metadata = (struct metadata){
        .ref_count = atomic_load_relaxed(&slot->ref_count),
        .vtable_ptr = vtable,
        .in_list = atomic_load_relaxed(&slot->in_list),
    };
    nonatomic_copy_out(metadata->metadata.bytes, slot->storage, vtable->size);
    return REPR_OK;
}

enum repr_result metadata_from_borrowed(const struct meta_slot *slot, struct metadata_ref *ref)
{
    const struct meta_vtable *vtable = nonatomic_load_vtable(&slot->vtable_ptr);

    if (!metadata_type_is_known(vtable))
        return REPR_UNKNOWN_TYPE;
    *ref = (struct metadata_ref){slot->storage, &slot->ref_count, vtable, &slot->in_list};
    return REPR_OK;
}

/* --- MetadataAsLink --- */

struct metadata metadata_from_metadata_as_link(const struct metadata_as_link *link)
{
    return (struct metadata){
        .metadata.frame_link = {link->next, link->prev, link->metadata},
        .ref_count = link->ref_count,
        .vtable_ptr = link->vtable_ptr,
        .in_list = link->in_list,
    };
}

struct metadata_as_link metadata_as_link_from_metadata(const struct metadata *metadata)
{
    return (struct metadata_as_link){
        .metadata = metadata->metadata.frame_link.payload,
        .next = metadata->metadata.frame_link.next,
        .prev = metadata->metadata.frame_link.prev,
        .ref_count = metadata->ref_count,
        .vtable_ptr = metadata->vtable_ptr,
        .in_list = metadata->in_list,
    };
}

void metadata_as_link_to_repr(const struct meta_region *region, struct meta_slot *slot,
                              const struct metadata_as_link *link)
{
    struct metadata metadata = metadata_from_metadata_as_link(link);

    metadata_to_repr(region, slot, &metadata);
}

/* REPR_OK if the slot's type is FrameLink. */
static enum repr_result check_link(const struct meta_slot *slot)
{
    const struct meta_vtable *vtable = nonatomic_load_vtable(&slot->vtable_ptr);

    if (vtable == &FRAME_LINK_VTABLE)
        return REPR_OK;
    return metadata_type_is_known(vtable) ? REPR_NOT_A_LINK : REPR_UNKNOWN_TYPE;
}

enum repr_result metadata_as_link_from_repr(const struct meta_slot *slot,
                                            struct metadata_as_link *link)
{
    struct metadata metadata;
    enum repr_result result = check_link(slot);

    if (result == REPR_OK)
        result = metadata_from_repr(slot, &metadata);
    if (result == REPR_OK)
        *link = metadata_as_link_from_metadata(&metadata);
    return result;
}

enum repr_result metadata_as_link_from_borrowed(const struct meta_slot *slot,
                                                struct metadata_ref *ref)
{
    enum repr_result result = check_link(slot);

    return result == REPR_OK ? metadata_from_borrowed(slot, ref) : result;
}
