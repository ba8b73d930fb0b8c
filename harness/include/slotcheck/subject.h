/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The subject interface, version 1: what slotcheck asks of an implementation under test.
 *
 * A subject is a shared library that exports one function, `slotcheck_subject`. It returns a struct
 * of function pointers, which slotcheck calls in lockstep with the specification. This header is
 * all that is needed to write one, in C, C++, or any language with C structs and C calls.
 *
 * Rules for all functions
 *   - An operation that the subject does not offer is a null pointer; slotcheck skips it and says
 *     how often. Only `create`, `reset`, `destroy`, `slots` and `read_slot` are required.
 *   - slotcheck calls an operation only where the specification's precondition holds. What an
 *     implementation does elsewhere is its own affair.
 *   - Physical addresses count from 0: frame `i` is at `i * 4096`, and MAX_PADDR is
 *     `nr_slots * 4096`. Arguments may be misaligned or out of bounds where the operation has an
 *     error for that.
 *   - Slots and Frame and UniqueFrame handles travel as the address of the slot in the subject's
 *     own address space; slot `i` is at `slots(region) + i * 64`.
 *   - A fallible function answers with a `slotcheck_result` and writes its out-parameter only if
 *     the result is SLOTCHECK_OK. Out-parameters are never null.
 *   - Calls on one region never overlap in time, unless SLOTCHECK_CAN_THREADS is declared.
 *   - What a panic leaves behind is compared only where the operation says so here.
 *   - The types are plain integers; nothing in this header is a macro.
 *
 * Compatibility: members are only ever appended to `struct slotcheck_subject` and
 * `struct slotcheck_host`, and enumerators only appended. Either side looks at `size` before it
 * touches a member, so that old subjects run under a new slotcheck and the other way round. What is
 * appended never raises `version`: it is raised only when old subjects can no longer be run.
 */
#pragma once

#include <stdint.h>

enum {
    SLOTCHECK_INTERFACE_VERSION = 1,
};

/* How an operation ends: GetFrameError, and what is no error of that type. */
enum slotcheck_result {
    SLOTCHECK_OK = 0,
    SLOTCHECK_IN_USE = 1,
    SLOTCHECK_UNUSED = 2,
    SLOTCHECK_BUSY = 3,
    SLOTCHECK_UNIQUE = 4,
    SLOTCHECK_OUT_OF_BOUND = 5,
    SLOTCHECK_NOT_ALIGNED = 6,
    SLOTCHECK_RETURNED = 7, /* unique_frame_try_from: not unique, the frame is still the caller's */
    SLOTCHECK_PANIC = 8,    /* the operation panicked; only with SLOTCHECK_CAN_RETURN_FROM_PANIC */
    SLOTCHECK_NONE = 9,     /* Option::None: nothing to take, no such element */
};

/* The type of a metadata object; says what the words of `struct slotcheck_metadata` mean. */
enum slotcheck_metadata_type {
    SLOTCHECK_METADATA_EMPTY = 0,   /* 39 opaque bytes: word[0..5], little endian, byte 40 zero */
    SLOTCHECK_METADATA_UNTYPED = 1, /* no payload */
    SLOTCHECK_METADATA_FRAME_LINK = 2, /* [0] next? [1] next [2] prev? [3] prev [4] payload */
    SLOTCHECK_METADATA_PT_NODE = 3,    /* [0] nr_children [1] stray [2] level [3] lock */
    SLOTCHECK_METADATA_PROBE = 4,      /* [0] payload; its on_drop reports to the host */
};

/*
 * A metadata object as type and values. A subject lays out its own objects as it likes; it must
 * give back the values that it was given. Words that the type does not use are zero. The links of a
 * FrameLink are byte offsets of a slot from slot 0; the word before says 1 for present, 0 for none.
 */
struct slotcheck_metadata {
    uint64_t type; /* enum slotcheck_metadata_type */
    uint64_t word[5];
};

/* The part of a slot that can be read whatever state it is in. */
struct slotcheck_slot {
    uint64_t ref_count;
    uint64_t in_list;
};

/* What a subject can do beyond the operations; the bits of `capabilities`. */
enum slotcheck_capability {
    SLOTCHECK_CAN_REPORT_GHOST = 1 << 0,      /* calls host->ghost where the verified source has a
                                                 proof block; without it ghost state is not
                                                 judged */
    SLOTCHECK_CAN_REPORT_ON_DROP = 1 << 1,    /* calls host->on_drop when a probe is dropped */
    SLOTCHECK_CAN_RETURN_FROM_PANIC = 1 << 2, /* answers SLOTCHECK_PANIC; without it a panic is
                                                 expected to end the process, and is provoked in a
                                                 forked child */
    SLOTCHECK_CAN_MANY_REGIONS = 1 << 3,      /* several regions may exist at once */
    SLOTCHECK_CAN_SNAPSHOT = 1 << 4,          /* snapshot_* work */
    SLOTCHECK_CAN_RAW_SLOTS = 1 << 5,         /* between calls the host may read the nr_slots * 64
                                                 bytes at slots(region); what is the same there has
                                                 not changed. Makes judging faster */
    SLOTCHECK_CAN_THREADS = 1 << 6,           /* operations may run in several threads at once */
};

/* Ghost events: what the verified sources change in proof blocks. `index` is the slot's. */
enum slotcheck_ghost_event {
    SLOTCHECK_GHOST_USAGE = 0,               /* value: 0 Unused, 1 Reserved, 2 Frame, 3 PageTable,
                                                4 Meta, 5 Kernel, 6 MMIO */
    SLOTCHECK_GHOST_PERMISSION_TAKEN = 1,    /* the slot permission leaves the region */
    SLOTCHECK_GHOST_PERMISSION_REPARKED = 2, /* and comes back */
    SLOTCHECK_GHOST_OBLIGATION_MINTED = 3,   /* a live handle that owes a drop exists */
    SLOTCHECK_GHOST_OBLIGATION_REDEEMED = 4, /* it was dropped or forgotten */
    SLOTCHECK_GHOST_STORAGE_INIT = 5,
    SLOTCHECK_GHOST_STORAGE_UNINIT = 6,
    SLOTCHECK_GHOST_VTABLE_INIT = 7,
    SLOTCHECK_GHOST_VTABLE_UNINIT = 8,
    SLOTCHECK_GHOST_PATH_ADDED = 9, /* value: the page-table path, 0..63 */
    SLOTCHECK_GHOST_PATH_REMOVED = 10,
};

enum {
    SLOTCHECK_MAX_LISTS = 8, /* linked lists that exist at once in a region */
};

/*
 * What a linked list shows. Elements are named by the address of their slot, 0 being none. Ids count
 * from 1 after `create` and `reset`, as do those that read_slot shows.
 */
struct slotcheck_list {
    uint64_t front, back;
    uint64_t size;
    uint64_t list_id; /* 0 until it is needed */
    uint64_t current; /* where its cursor stands; 0: at the ghost, or there is none */
};

/* A segment: the frames from `start` to before `end`, physical addresses. */
struct slotcheck_segment {
    uint64_t start, end;
};

/* A slot as a whole, Metadata or MetadataAsLink; the metadata's type is what the vtable tells. */
struct slotcheck_repr {
    struct slotcheck_metadata metadata;
    uint64_t ref_count;
    uint64_t in_list;
};

/*
 * What the host offers to a region; valid until the region is destroyed. Events (`on_drop` and
 * `ghost`) count only while an operation runs: what `create`, `reset` and `destroy` report is
 * ignored.
 */
struct slotcheck_host {
    uint32_t size; /* sizeof(struct slotcheck_host) as the host knows it */
    void *context; /* first argument of the functions below */
    /* A probe with these values was dropped; the reader of its frame starts at `paddr`. */
    void (*on_drop)(void *context, uint64_t paddr, const struct slotcheck_metadata *metadata);
    /* See enum slotcheck_ghost_event; `value` is 0 where no meaning is given. */
    void (*ghost)(void *context, uint32_t event, uint64_t index, uint64_t value);
};

/* A region of slots; the subject defines it. */
struct slotcheck_region;

/* Why `create` fails. */
enum slotcheck_create_result {
    SLOTCHECK_CREATED = 0,
    SLOTCHECK_NO_SLOTS = 1,       /* zero slots asked for */
    SLOTCHECK_TOO_MANY_SLOTS = 2, /* more than 2^34, or than the subject can have */
    SLOTCHECK_NO_MEMORY = 3,
};

struct slotcheck_subject {
    uint32_t version; /* SLOTCHECK_INTERFACE_VERSION that the subject was written for */
    uint32_t size;    /* sizeof(struct slotcheck_subject) as the subject knows it */
    const char *name; /* one word */
    const char *description;
    uint64_t capabilities; /* enum slotcheck_capability, or-ed */
    /* Not 0: regions have this many slots and no other number (a fixed array, one address). */
    uint64_t fixed_slots;

    /*
     * A region of `nr_slots` slots, all UNUSED with in_list 0 and usage Unused, every permission
     * parked. Without SLOTCHECK_CAN_MANY_REGIONS the next `create` comes after a `destroy`.
     */
    uint32_t (*create)(uint64_t nr_slots, const struct slotcheck_host *host,
                       struct slotcheck_region **region);
    /*
     * Back to the state after `create`. `touched` lists the `nr_touched` slots that may have
     * changed since then; a subject may reset these only. No on_drop runs, and handles become void.
     */
    void (*reset)(struct slotcheck_region *region, const uint64_t *touched, uint64_t nr_touched);
    void (*destroy)(struct slotcheck_region *region);

    /* The address of slot 0. */
    uint64_t (*slots)(struct slotcheck_region *region);
    void (*read_slot)(struct slotcheck_region *region, uint64_t index, struct slotcheck_slot *out);
    /*
     * The metadata in slot `index`, its type told by the vtable pointer; a vtable pointer that
     * belongs to no type gives type UINT64_MAX. Called only where metadata should be initialised.
     * Without this function the metadata in slots is not judged; what `frame_meta` answers is.
     */
    void (*read_metadata)(struct slotcheck_region *region, uint64_t index,
                          struct slotcheck_metadata *out);
    /*
     * Sets a slot's reference count to `value`, nothing else: for the setup of programs that begin
     * close to saturation. Without it those programs are skipped.
     */
    void (*set_ref_count)(struct slotcheck_region *region, uint64_t slot, uint64_t value);

    /*
     * With SLOTCHECK_CAN_SNAPSHOT: the region's state as `snapshot_size` bytes, and back. For one
     * region the size is always the same, whatever its state, and above 0.
     */
    uint64_t (*snapshot_size)(struct slotcheck_region *region);
    void (*snapshot_save)(struct slotcheck_region *region, void *bytes);
    void (*snapshot_restore)(struct slotcheck_region *region, const void *bytes);

    /* --- MetaSlot --- */

    /* MetaSlot::get_slot: NOT_ALIGNED (checked first), OUT_OF_BOUND, or the slot. */
    uint32_t (*get_slot)(struct slotcheck_region *region, uint64_t paddr, uint64_t *slot);
    /*
     * MetaSlot::get_from_unused: claims an UNUSED slot for `metadata`, with the count UNIQUE if
     * `as_unique` is not 0, else 1. Errors of get_slot, UNIQUE, BUSY, IN_USE. Hands the permission
     * out and mints no obligation.
     */
    uint32_t (*get_from_unused)(struct slotcheck_region *region, uint64_t paddr,
                                const struct slotcheck_metadata *metadata, uint32_t as_unique,
                                uint64_t *slot);
    /* Ghost only: the permission that get_from_unused handed out goes back to the region. */
    void (*repark)(struct slotcheck_region *region, uint64_t slot);
    /* MetaSlot::get_from_in_use: errors of get_slot, UNUSED, UNIQUE, BUSY; PANIC at saturation (the
       count stays). */
    uint32_t (*get_from_in_use)(struct slotcheck_region *region, uint64_t paddr, uint64_t *slot);
    /* MetaSlot::inc_ref_count: OK, or PANIC at saturation (the count is then one higher). */
    uint32_t (*inc_ref_count)(struct slotcheck_region *region, uint64_t slot);
    /* MetaSlot::frame_paddr */
    uint64_t (*frame_paddr)(struct slotcheck_region *region, uint64_t slot);
    /* MetaSlot::as_meta_ptr: the metadata's address: the slot's, as storage is at offset 0. */
    uint64_t (*as_meta_ptr)(struct slotcheck_region *region, uint64_t slot);
    /* MetaSlot::dyn_meta_ptr: the same address, and the metadata's type, told by the vtable. */
    uint64_t (*dyn_meta_ptr)(struct slotcheck_region *region, uint64_t slot, uint64_t *type);
    /* MetaSlot::write_meta: overwrites without reading or dropping what was there. */
    void (*write_meta)(struct slotcheck_region *region, uint64_t slot,
                       const struct slotcheck_metadata *metadata);
    /* MetaSlot::drop_meta_in_place: on_drop, then storage and vtable are uninitialised. */
    void (*drop_meta_in_place)(struct slotcheck_region *region, uint64_t slot);
    /* MetaSlot::drop_last_in_place: the same, then the slot is UNUSED. */
    void (*drop_last_in_place)(struct slotcheck_region *region, uint64_t slot);

    /* --- Frame --- */

    /* Frame::from_unused: get_from_unused, re-parked at once; mints an obligation. */
    uint32_t (*frame_from_unused)(struct slotcheck_region *region, uint64_t paddr,
                                  const struct slotcheck_metadata *metadata, uint64_t *frame);
    /* Frame::from_in_use: get_from_in_use, its panic too; mints an obligation. */
    uint32_t (*frame_from_in_use)(struct slotcheck_region *region, uint64_t paddr, uint64_t *frame);
    /* Frame::clone: OK, or PANIC at saturation (the count is then one higher). */
    uint32_t (*frame_clone)(struct slotcheck_region *region, uint64_t frame, uint64_t *clone);
    /* Frame's Drop */
    void (*frame_drop)(struct slotcheck_region *region, uint64_t frame);
    /* Frame::into_raw: forgets the handle; the physical address. */
    uint64_t (*frame_into_raw)(struct slotcheck_region *region, uint64_t frame);
    /* Frame::from_raw: brings a forgotten handle back. */
    uint64_t (*frame_from_raw)(struct slotcheck_region *region, uint64_t paddr);
    uint64_t (*frame_reference_count)(struct slotcheck_region *region, uint64_t frame);
    /* Frame::meta: the metadata, read through the handle. Judged even without `read_metadata`. */
    void (*frame_meta)(struct slotcheck_region *region, uint64_t frame,
                       struct slotcheck_metadata *out);

    /* --- UniqueFrame --- */

    uint32_t (*unique_frame_from_unused)(struct slotcheck_region *region, uint64_t paddr,
                                         const struct slotcheck_metadata *metadata,
                                         uint64_t *frame);
    /* UniqueFrame's Drop */
    void (*unique_frame_drop)(struct slotcheck_region *region, uint64_t frame);
    /* Frame::from(UniqueFrame) */
    uint64_t (*frame_from_unique)(struct slotcheck_region *region, uint64_t frame);
    /* UniqueFrame::try_from(Frame): OK, or RETURNED if there are other references. */
    uint32_t (*unique_frame_try_from)(struct slotcheck_region *region, uint64_t frame,
                                      uint64_t *unique);
    /* UniqueFrame::repurpose: drops the metadata in place and writes other metadata. */
    uint64_t (*unique_frame_repurpose)(struct slotcheck_region *region, uint64_t frame,
                                       const struct slotcheck_metadata *metadata);
    /* UniqueFrame::reset_as_unused */
    void (*unique_frame_reset_as_unused)(struct slotcheck_region *region, uint64_t frame);
    /* UniqueFrame::meta_mut: assigns `metadata`, of the type that is there, through the handle. */
    void (*unique_frame_meta_mut)(struct slotcheck_region *region, uint64_t frame,
                                  const struct slotcheck_metadata *metadata);
    uint64_t (*unique_frame_into_raw)(struct slotcheck_region *region, uint64_t frame);
    uint64_t (*unique_frame_from_raw)(struct slotcheck_region *region, uint64_t paddr);

    /* --- PageTableNode --- */

    /*
     * PageTableNode::alloc on the frame at `paddr`: a Frame whose PTNode has that level (1..=4), no
     * children, not stray, unlocked; usage becomes PageTable. Errors of frame_from_unused.
     */
    uint32_t (*page_table_node_alloc)(struct slotcheck_region *region, uint64_t paddr,
                                      uint32_t level, uint64_t *frame);

    /* --- before anything else --- */

    /*
     * The boot code's memory map: the frames from `start` to before `end`, all unused, get `usage`
     * (1 Reserved, 4 Meta, 5 Kernel, 6 MMIO). MMIO slots stay UNUSED; of the others each frame gets
     * an Empty of zeros and one reference that nobody ever gives back.
     */
    void (*memory_range)(struct slotcheck_region *region, uint64_t start, uint64_t end,
                         uint32_t usage);
    /* The next list that needs an id gets this one. */
    void (*set_next_list_id)(struct slotcheck_region *region, uint64_t id);

    /* --- FrameRef, typed views --- */

    /*
     * Frame::borrow: a reference that does not count; reads metadata and count through it, and gives
     * it up. Answers with the address of its slot.
     */
    uint64_t (*frame_borrow)(struct slotcheck_region *region, uint64_t frame,
                             struct slotcheck_metadata *metadata, uint64_t *ref_count);
    /* Frame<M>::try_from(Frame<dyn AnyFrameMeta>): OK, or RETURNED if it has another type. */
    uint32_t (*frame_try_from)(struct slotcheck_region *region, uint64_t frame, uint64_t type);

    /* --- what mapping does to frames --- */

    /*
     * Maps the frame at a page-table path: into_raw, and the path is added. Answers with the frame's
     * physical address.
     */
    uint64_t (*frame_map)(struct slotcheck_region *region, uint64_t frame, uint64_t path);
    /* Unmaps the frame at `paddr` from that path: the path is removed, and from_raw. */
    uint64_t (*frame_unmap)(struct slotcheck_region *region, uint64_t paddr, uint64_t path);
    /* The same for MMIO memory, which is not counted. */
    void (*mmio_map)(struct slotcheck_region *region, uint64_t paddr, uint64_t path);
    void (*mmio_unmap)(struct slotcheck_region *region, uint64_t paddr, uint64_t path);

    /* --- LinkedList, of frames whose metadata is a FrameLink --- */

    /*
     * A list is whatever number the subject likes. At most SLOTCHECK_MAX_LISTS exist at once; `reset`
     * and `destroy` end them all. With `list_new` come `list_drop` and `read_list`. A list has at
     * most one cursor; the functions of CursorMut name it by its list. Another cursor on the list
     * replaces it, and any other function of the list but `read_list` ends it, `list_cursor_mut_at`
     * also when it answers NONE.
     *
     * A frame that is inserted has no links and is in no list.
     */
    uint64_t (*list_new)(struct slotcheck_region *region);
    /* LinkedList's Drop: takes every frame out, from the front, and drops it. */
    void (*list_drop)(struct slotcheck_region *region, uint64_t list);
    void (*read_list)(struct slotcheck_region *region, uint64_t list, struct slotcheck_list *out);
    /* OK, or PANIC if the list needs an id and there are none left (2^63 - 1 and above). */
    uint32_t (*list_push_front)(struct slotcheck_region *region, uint64_t list, uint64_t frame);
    uint32_t (*list_push_back)(struct slotcheck_region *region, uint64_t list, uint64_t frame);
    /* OK, or NONE. */
    uint32_t (*list_pop_front)(struct slotcheck_region *region, uint64_t list, uint64_t *frame);
    uint32_t (*list_pop_back)(struct slotcheck_region *region, uint64_t list, uint64_t *frame);
    /* OK with 0 or 1, or PANIC as of push; any address may be asked for. */
    uint32_t (*list_contains)(struct slotcheck_region *region, uint64_t list, uint64_t paddr,
                              uint64_t *contained);
    /* OK, NONE, or PANIC as of push; any address may be asked for. */
    uint32_t (*list_cursor_mut_at)(struct slotcheck_region *region, uint64_t list, uint64_t paddr);
    void (*list_cursor_front_mut)(struct slotcheck_region *region, uint64_t list);
    void (*list_cursor_back_mut)(struct slotcheck_region *region, uint64_t list);
    void (*cursor_move_next)(struct slotcheck_region *region, uint64_t list);
    void (*cursor_move_prev)(struct slotcheck_region *region, uint64_t list);
    /* OK, or PANIC as of push. */
    uint32_t (*cursor_insert_before)(struct slotcheck_region *region, uint64_t list,
                                     uint64_t frame);
    /* OK, or NONE at the ghost. */
    uint32_t (*cursor_take_current)(struct slotcheck_region *region, uint64_t list,
                                    uint64_t *frame);

    /* --- Segment --- */

    /*
     * Segment::from_unused: OK, NOT_ALIGNED, OUT_OF_BOUND, PANIC of an empty range, or the error of
     * a frame, those before it being dropped again, from the first. `metadata[i]` is for the i-th
     * frame of the range; `metadata` is null if the range is none.
     */
    uint32_t (*segment_from_unused)(struct slotcheck_region *region, uint64_t start, uint64_t end,
                                    const struct slotcheck_metadata *metadata,
                                    struct slotcheck_segment *segment);
    /* OK, or PANIC at saturation of a frame. */
    uint32_t (*segment_clone)(struct slotcheck_region *region, struct slotcheck_segment segment,
                              struct slotcheck_segment *clone);
    /* The bytes from `start` to before `end` of it, also if these are none: OK, or PANIC. */
    uint32_t (*segment_slice)(struct slotcheck_region *region, struct slotcheck_segment segment,
                              uint64_t start, uint64_t end, struct slotcheck_segment *slice);
    /* OK, or PANIC. */
    uint32_t (*segment_split)(struct slotcheck_region *region, struct slotcheck_segment segment,
                              uint64_t offset, struct slotcheck_segment parts[2]);
    /* OK, or NONE of an empty segment. What is left stands in `*segment` afterwards, an empty rest as
       end..end. */
    uint32_t (*segment_next)(struct slotcheck_region *region, struct slotcheck_segment *segment,
                             uint64_t *frame);
    /* The range that is forgotten. */
    void (*segment_into_raw)(struct slotcheck_region *region, struct slotcheck_segment segment,
                             struct slotcheck_segment *range);
    /* A range of frames, each of which has a forgotten reference, of whatever it was one. */
    void (*segment_from_raw)(struct slotcheck_region *region, struct slotcheck_segment range,
                             struct slotcheck_segment *segment);
    /* Segment's Drop: every frame, from the first. */
    void (*segment_drop)(struct slotcheck_region *region, struct slotcheck_segment segment);
    /* Segment::from(Frame) */
    void (*segment_from_frame)(struct slotcheck_region *region, uint64_t frame,
                               struct slotcheck_segment *segment);

    /* --- Repr<MetaSlot> for Metadata and for MetadataAsLink --- */

    /* size_of::<MetaSlot>() */
    uint64_t (*slot_size)(struct slotcheck_region *region);
    /* MetaSlot::cast_slot: the address of the typed pointer. */
    uint64_t (*cast_slot)(struct slotcheck_region *region, uint64_t slot);
    /* to_repr: writes all of an exclusively held slot; what was there is not dropped. */
    void (*metadata_to_repr)(struct slotcheck_region *region, uint64_t slot,
                             const struct slotcheck_repr *repr);
    /* from_repr: reads all of a slot that holds metadata, which stays there; nothing is dropped. */
    void (*metadata_from_repr)(struct slotcheck_region *region, uint64_t slot,
                               struct slotcheck_repr *out);
    /* from_borrowed: the same without a copy; the address that it reads at. */
    uint64_t (*metadata_from_borrowed)(struct slotcheck_region *region, uint64_t slot,
                                       struct slotcheck_repr *out);
    /* The same three where the metadata is a FrameLink, through MetadataAsLink. */
    void (*metadata_as_link_to_repr)(struct slotcheck_region *region, uint64_t slot,
                                     const struct slotcheck_repr *repr);
    void (*metadata_as_link_from_repr)(struct slotcheck_region *region, uint64_t slot,
                                       struct slotcheck_repr *out);
    uint64_t (*metadata_as_link_from_borrowed)(struct slotcheck_region *region, uint64_t slot,
                                               struct slotcheck_repr *out);
};

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The entry point that a subject exports. `host_version` is the interface version of the calling
 * slotcheck. The struct lives as long as the library is loaded; NULL if the subject cannot serve
 * that version.
 */
const struct slotcheck_subject *slotcheck_subject(uint32_t host_version);

#ifdef __cplusplus
}
#endif
