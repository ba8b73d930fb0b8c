/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Metadata types: what may stand in a slot's storage, and how it is told what stands there.
 *
 * A type is a C struct of at most FRAME_METADATA_MAX_SIZE bytes, aligned to at most META_SLOT_SIZE,
 * and one constant `struct meta_vtable` whose address identifies it. The five types here are the
 * variants of upstream's MetaSlotStorage and a probe; further ones are defined in the same way by
 * whoever needs them:
 *
 *     struct my_meta { ... };
 *     METADATA_FITS(struct my_meta);
 *     const struct meta_vtable MY_VTABLE = { ... };
 *
 * Objects are moved in and out by value. Nothing here is changed after start-up, so everything may
 * be used by any thread.
 */
#pragma once

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metaslot/layout.h"
#include "metaslot/result.h"

struct meta_region;

/* Refuses to compile if a type cannot be metadata. */
#define METADATA_FITS(type)                                                                        \
    static_assert(sizeof(type) <= FRAME_METADATA_MAX_SIZE, "metadata type does not fit a slot");   \
    static_assert(alignof(type) <= META_SLOT_SIZE, "metadata type is aligned beyond a slot")

/* VmReader over a frame's content: `remaining` bytes from `paddr` on. */
struct frame_reader {
    uint64_t paddr;
    uint64_t remaining;
};

/* AnyFrameMeta, as a table: the operations of a metadata type. Its address is the type's identity.
 */
struct meta_vtable {
    uint32_t type_id; /* enum metadata_type, or a number of one's own from METADATA_OTHER on */
    uint32_t size;    /* bytes of an object; 0 for a type without payload */
    uint32_t align;
    bool is_untyped; /* AnyFrameMeta::is_untyped */
    const char *name;
    /*
     * AnyFrameMeta::on_drop: the frame is being given up; the object is still in `slot` and is to
     * be read with nonatomic_copy_out. Null: nothing to do.
     */
    void (*on_drop)(const struct meta_region *region, struct meta_slot *slot,
                    struct frame_reader reader);
    /* The type's destructor, called after on_drop. Null: nothing to do. */
    void (*drop)(struct meta_slot *slot);
};

/* An object on its way into a slot, with its type. */
struct any_frame_meta {
    const struct meta_vtable *vtable;
    const void *object; /* null for a type without payload */
    size_t size;        /* as in the vtable; here it is known when a call is compiled */
};

enum metadata_type {
    METADATA_EMPTY = 0,
    METADATA_UNTYPED = 1,
    METADATA_FRAME_LINK = 2,
    METADATA_PT_NODE = 3,
    METADATA_PROBE = 4,
    METADATA_OTHER = 5,
};

/* MetaSlotStorage::Empty: opaque bytes. */
struct empty_meta {
    unsigned char bytes[39];
};

/* MetaSlotStorage::Untyped has no payload, and C has no struct for that. */

/* Option of a slot's address; `addr` is 0 where there is none. */
struct optional_addr {
    uint64_t is_some;
    uint64_t addr;
};

/* MetaSlotStorage::FrameLink, as upstream's StoredLink: neighbours in a list, and a small payload.
 */
struct frame_link_meta {
    struct optional_addr next;
    struct optional_addr prev;
    uint64_t payload;
};

/* MetaSlotStorage::PTNode, as upstream's StoredPageTablePageMeta. */
struct pt_node_meta {
    uint16_t nr_children; /* 0..=512 */
    bool stray;
    uint8_t level; /* 1..=4 */
    uint8_t lock;
    uint8_t zero; /* no padding, so that no byte of an object is indeterminate */
};

/* Not upstream's: its on_drop reports payload and frame to the region's on_drop hook. */
struct probe_meta {
    uint64_t payload;
};

METADATA_FITS(struct empty_meta);
METADATA_FITS(struct frame_link_meta);
METADATA_FITS(struct pt_node_meta);
METADATA_FITS(struct probe_meta);

extern const struct meta_vtable EMPTY_VTABLE;
extern const struct meta_vtable UNTYPED_VTABLE;
extern const struct meta_vtable FRAME_LINK_VTABLE;
extern const struct meta_vtable PT_NODE_VTABLE;
extern const struct meta_vtable PROBE_VTABLE;

/* Why a type cannot be metadata. */
enum metadata_error {
    METADATA_TYPE_OK,
    METADATA_TYPE_TOO_LARGE,     /* more than FRAME_METADATA_MAX_SIZE bytes */
    METADATA_TYPE_OVER_ALIGNED,  /* aligned to more than META_SLOT_SIZE */
    METADATA_TYPE_NOT_ALIGNMENT, /* no alignment of any type: not a power of two */
    METADATA_TYPE_RAGGED,        /* size is no multiple of the alignment */
    METADATA_TYPE_NAMELESS,
};

/*
 * What METADATA_FITS is for a type that is only known at run time: to be asked once, before the
 * first object of the type is stored. Storing an object of a type that this refuses is undefined.
 */
METASLOT_MUST_CHECK enum metadata_error meta_vtable_check(const struct meta_vtable *vtable);

/* The object must live until the call that it is handed to returns. */
static inline struct any_frame_meta empty_metadata(const struct empty_meta *object)
{
    return (struct any_frame_meta){&EMPTY_VTABLE, object, sizeof(*object)};
}

static inline struct any_frame_meta untyped_metadata(void)
{
    return (struct any_frame_meta){&UNTYPED_VTABLE, NULL, 0};
}

static inline struct any_frame_meta frame_link_metadata(const struct frame_link_meta *object)
{
    return (struct any_frame_meta){&FRAME_LINK_VTABLE, object, sizeof(*object)};
}

static inline struct any_frame_meta pt_node_metadata(const struct pt_node_meta *object)
{
    return (struct any_frame_meta){&PT_NODE_VTABLE, object, sizeof(*object)};
}

static inline struct any_frame_meta probe_metadata(const struct probe_meta *object)
{
    return (struct any_frame_meta){&PROBE_VTABLE, object, sizeof(*object)};
}
