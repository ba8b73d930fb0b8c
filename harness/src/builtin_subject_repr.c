/* SPDX-License-Identifier: MPL-2.0 */
/* The built-in subject: Repr<MetaSlot> for Metadata and for MetadataAsLink. */
#include "metaslot/repr.h"

#include "builtin_subject_parts.h"

uint64_t builtin_slot_size(struct slotcheck_region *region)
{
    return sizeof(region->meta.slots[0]);
}

uint64_t builtin_cast_slot(struct slotcheck_region *region, uint64_t slot)
{
    (void)region;
    return to_address(meta_slot_cast_slot(to_slot(slot)).slot);
}

/* --- Metadata --- */

/* The object of a value of this library as one of the interface. */
static void object_out(const struct slotcheck_region *region, const union metadata_object *from,
                       const struct meta_vtable *vtable, struct slotcheck_metadata *out)
{
    union object object;

    memcpy(&object, from->bytes, sizeof(object));
    metadata_out(region, &object, type_of(vtable), out);
}

static struct metadata value_in(const struct slotcheck_region *region,
                                const struct slotcheck_repr *repr)
{
    struct metadata value = {.ref_count = repr->ref_count, .in_list = repr->in_list};
    union object object;
    const struct any_frame_meta meta = metadata_in(region, &repr->metadata, &object);

    value.vtable_ptr = meta.vtable;
    if (meta.size != 0)
        memcpy(value.metadata.bytes, meta.object, meta.size);
    return value;
}

static void value_out(const struct slotcheck_region *region, const struct metadata *value,
                      struct slotcheck_repr *out)
{
    object_out(region, &value->metadata, value->vtable_ptr, &out->metadata);
    out->ref_count = value->ref_count;
    out->in_list = value->in_list;
}

/* What has no known type is nothing that the host knows. */
static void unknown_out(struct slotcheck_repr *out)
{
    *out = (struct slotcheck_repr){.metadata.type = UINT64_MAX};
}

void builtin_metadata_to_repr(struct slotcheck_region *region, uint64_t slot,
                              const struct slotcheck_repr *repr)
{
    const struct metadata value = value_in(region, repr);

    metadata_to_repr(&region->meta, to_slot(slot), &value);
}

void builtin_metadata_from_repr(struct slotcheck_region *region, uint64_t slot,
                                struct slotcheck_repr *out)
{
    struct metadata value;

    if (metadata_from_repr(to_slot(slot), &value) == REPR_OK)
        value_out(region, &value, out);
    else
        unknown_out(out);
}

/* What the reference refers to, read where it stands. */
static void ref_out(const struct slotcheck_region *region, const struct metadata_ref *ref,
                    struct slotcheck_repr *out)
{
    union metadata_object object = {{0}};

    nonatomic_copy_out(&object, ref->object, ref->vtable_ptr->size);
    object_out(region, &object, ref->vtable_ptr, &out->metadata);
    out->ref_count = atomic_load_relaxed(ref->ref_count);
    out->in_list = atomic_load_relaxed(ref->in_list);
}

uint64_t builtin_metadata_from_borrowed(struct slotcheck_region *region, uint64_t slot,
                                        struct slotcheck_repr *out)
{
    struct metadata_ref ref;

    unknown_out(out);
    if (metadata_from_borrowed(to_slot(slot), &ref) != REPR_OK)
        return 0;
    ref_out(region, &ref, out);
    return to_address(ref.object);
}

/* --- MetadataAsLink --- */

void builtin_metadata_as_link_to_repr(struct slotcheck_region *region, uint64_t slot,
                                      const struct slotcheck_repr *repr)
{
    const struct metadata value = value_in(region, repr);
    const struct metadata_as_link link = metadata_as_link_from_metadata(&value);

    metadata_as_link_to_repr(&region->meta, to_slot(slot), &link);
}

void builtin_metadata_as_link_from_repr(struct slotcheck_region *region, uint64_t slot,
                                        struct slotcheck_repr *out)
{
    struct metadata_as_link link;
    struct metadata value;

    unknown_out(out);
    if (metadata_as_link_from_repr(to_slot(slot), &link) != REPR_OK)
        return;
    value = metadata_from_metadata_as_link(&link);
    value_out(region, &value, out);
}

uint64_t builtin_metadata_as_link_from_borrowed(struct slotcheck_region *region, uint64_t slot,
                                                struct slotcheck_repr *out)
{
    struct metadata_ref ref;

    unknown_out(out);
    if (metadata_as_link_from_borrowed(to_slot(slot), &ref) != REPR_OK)
        return 0;
    ref_out(region, &ref, out);
    return to_address(ref.object);
}
