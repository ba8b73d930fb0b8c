/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Repr<MetaSlot>: a whole slot as a value. Metadata<M> is metadata of any of the five types of
 * metaslot/metadata.h beside the slot's other fields; MetadataAsLink<M> is the same for a
 * FrameLink, its links and its payload taken apart.
 *
 * to_repr writes a value into a slot, from_repr reads it back, from_borrowed reads it where it
 * stands. A value and what its slot holds determine each other: from_repr after to_repr gives the
 * same value, and for a slot that is wf, to_repr after from_repr the same bytes of the object.
 *
 * Reading is total: whatever the 64 bytes of a slot are, a type that is unknown is an error, no
 * pointer in them is followed, and nothing beside them is read. (In a checking build under a
 * sanitizer a slot that has no metadata is reported.) Types other than the five are unknown here.
 *
 * Reading takes a reference, or exclusive access; writing takes exclusive access.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "metaslot/meta_slot.h"

enum repr_result {
    REPR_OK = 0,
    REPR_UNKNOWN_TYPE = 1, /* `vtable_ptr` is none of the five */
    REPR_NOT_A_LINK = 2,   /* it is one of them, but not FrameLink's */
};

/* An object of any of the five types; `bytes` behind a smaller one are 0. */
union metadata_object {
    unsigned char bytes[FRAME_METADATA_MAX_SIZE];
    struct empty_meta empty;
    struct frame_link_meta frame_link;
    struct pt_node_meta pt_node;
    struct probe_meta probe;
};

/* Metadata<M>. M is what `vtable_ptr` tells. */
struct metadata {
    union metadata_object metadata;
    uint64_t ref_count;
    const struct meta_vtable *vtable_ptr;
    uint64_t in_list;
};

/* MetadataAsLink<M>. Links are kept as they are stored, presence and address. */
struct metadata_as_link {
    uint64_t metadata; /* the payload */
    struct optional_addr next;
    struct optional_addr prev;
    uint64_t ref_count;
    const struct meta_vtable *vtable_ptr;
    uint64_t in_list;
};

/*
 * &Metadata<M>: the parts of a slot where they stand, to be read with the functions of
 * metaslot/atomics.h for as long as the slot is not written to. `object` is the slot's address.
 */
struct metadata_ref {
    const unsigned char *object;
    const atomic_u64 *ref_count;
    const struct meta_vtable *vtable_ptr;
    const atomic_u64 *in_list;
};

/* ReprPtr<MetaSlot, Metadata<M>>: a slot's address as that of a Metadata. */
struct metadata_ptr {
    struct meta_slot *slot;
};

/* MetaSlot::cast_slot: the typed pointer has the slot's address. */
static inline struct metadata_ptr meta_slot_cast_slot(struct meta_slot *slot)
{
    return (struct metadata_ptr){slot};
}

/* True if the pointer is that of one of the five types. It is not followed. */
bool metadata_type_is_known(const struct meta_vtable *vtable);

/*
 * Metadata's Repr::wf, as far as bytes can tell: the type is known, and the object is one that this
 * library could have stored. A FrameLink has 0 or 1 for presence, address 0 where there is none,
 * and else that of a slot of the region. A PTNode has at most 512 children, a bool that is 0 or 1,
 * a level of 1..=4, and its last byte is 0. Objects of the others are wf whatever they are. Nothing
 * is asked of ref_count and in_list, which can represent every number.
 */
bool metadata_repr_wf(const struct meta_region *region, const struct meta_slot *slot);

/*
 * Metadata's Repr::to_repr: writes all of the slot, the object first and the count last. What was
 * there is not dropped. Unsafe: exclusive access, and a type that is known.
 */
void metadata_to_repr(const struct meta_region *region, struct meta_slot *slot,
                      const struct metadata *metadata);

/* Metadata's Repr::from_repr: REPR_UNKNOWN_TYPE; `*metadata` is then not written. */
METASLOT_MUST_CHECK enum repr_result metadata_from_repr(const struct meta_slot *slot,
                                                        struct metadata *metadata);

/* Metadata's Repr::from_borrowed: the same without a copy. */
METASLOT_MUST_CHECK enum repr_result metadata_from_borrowed(const struct meta_slot *slot,
                                                            struct metadata_ref *ref);

/* MetadataAsLink's Repr::wf: that of Metadata, and the type is FrameLink. */
bool metadata_as_link_repr_wf(const struct meta_region *region, const struct meta_slot *slot);

/* As metadata_to_repr; `vtable_ptr` must be FrameLink's. */
void metadata_as_link_to_repr(const struct meta_region *region, struct meta_slot *slot,
                              const struct metadata_as_link *link);

/* REPR_UNKNOWN_TYPE, REPR_NOT_A_LINK; the out-parameter is then not written. */
METASLOT_MUST_CHECK enum repr_result metadata_as_link_from_repr(const struct meta_slot *slot,
                                                                struct metadata_as_link *link);
METASLOT_MUST_CHECK enum repr_result metadata_as_link_from_borrowed(const struct meta_slot *slot,
                                                                    struct metadata_ref *ref);

/* From<MetadataAsLink<M>> for Metadata<Link<M>>, and the inverse. The value is a FrameLink's. */
struct metadata metadata_from_metadata_as_link(const struct metadata_as_link *link);
struct metadata_as_link metadata_as_link_from_metadata(const struct metadata *metadata);
