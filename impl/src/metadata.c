/* SPDX-License-Identifier: MPL-2.0 */
/* The vtables of the five metadata types, and the check of further ones. */
#include "metaslot/metadata.h"

#include "metaslot/region.h"

static void probe_on_drop(const struct meta_region *region, struct meta_slot *slot,
                          struct frame_reader reader)
{
    struct probe_meta probe;

    nonatomic_copy_out(&probe, slot->storage, sizeof(probe));
    if (region->hooks.on_drop != NULL)
        region->hooks.on_drop(region->hooks.on_drop_context, reader.paddr, probe.payload);
}

const struct meta_vtable EMPTY_VTABLE = {
    .type_id = METADATA_EMPTY,
    .size = sizeof(struct empty_meta),
    .align = alignof(struct empty_meta),
    .name = "Empty",
};

const struct meta_vtable UNTYPED_VTABLE = {
    .type_id = METADATA_UNTYPED,
    .size = 0,
    .align = 1,
    .is_untyped = true,
    .name = "Untyped",
};

const struct meta_vtable FRAME_LINK_VTABLE = {
    .type_id = METADATA_FRAME_LINK,
    .size = sizeof(struct frame_link_meta),
    .align = alignof(struct frame_link_meta),
    .name = "FrameLink",
};

const struct meta_vtable PT_NODE_VTABLE = {
    .type_id = METADATA_PT_NODE,
    .size = sizeof(struct pt_node_meta),
    .align = alignof(struct pt_node_meta),
    .name = "PTNode",
};

const struct meta_vtable PROBE_VTABLE = {
    .type_id = METADATA_PROBE,
    .size = sizeof(struct probe_meta),
    .align = alignof(struct probe_meta),
    .name = "Probe",
    .on_drop = probe_on_drop,
};

enum metadata_error meta_vtable_check(const struct meta_vtable *vtable)
{
    /* unreachable: the types of programs are known when this is compiled */
    if (vtable->name == NULL || vtable->name[0] == '\0')
        return METADATA_TYPE_NAMELESS;
    if (vtable->size > FRAME_METADATA_MAX_SIZE)
        return METADATA_TYPE_TOO_LARGE;
    if (vtable->align > META_SLOT_SIZE)
        return METADATA_TYPE_OVER_ALIGNED;
    if (vtable->align == 0 || (vtable->align & (vtable->align - 1)) != 0)
        return METADATA_TYPE_NOT_ALIGNMENT;
    if (vtable->size % vtable->align != 0)
        return METADATA_TYPE_RAGGED;
    return METADATA_TYPE_OK;
}
