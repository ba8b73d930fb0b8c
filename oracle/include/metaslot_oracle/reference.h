/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The reference implementation: a plain, sequential execution of every operation on the abstract
 * state, and the judge of a step.
 *
 * For an operation NAME there are three functions, all of one shape so that a table can hold them:
 *
 *     requires_NAME   may the operation be called here at all? (the source's `requires`)
 *     reference_NAME  does it: changes the state, answers with an outcome
 *     judge_NAME      given pre, post and outcome of anybody's step: which clauses hold?
 *
 * The judge knows nothing of the reference; both are written from the source.
 *
 * Slots are named by the physical address of their frame. Handles are not represented: what a Frame
 * or UniqueFrame handle is worth stands in `slot_holders`, and an operation on a handle is one on
 * the address that it holds.
 */
#pragma once

#include "metaslot_oracle/clauses.h"
#include "metaslot_oracle/invariants.h"
#include "metaslot_oracle/specs.h"
#include "metaslot_oracle/state.h"

/* GetFrameError and the other ways in which an operation ends. */
enum spec_result {
    SPEC_OK,
    SPEC_IN_USE,
    SPEC_UNUSED,
    SPEC_BUSY,
    SPEC_UNIQUE,
    SPEC_OUT_OF_BOUND,
    SPEC_NOT_ALIGNED,
    SPEC_RETURNED, /* UniqueFrame::try_from: Err(frame), the frame comes back */
    SPEC_PANIC,
    SPEC_NONE, /* Option::None: nothing to take, no such element */
};

/* Which of two sources is asked where they are known to disagree. */
enum spec_variant {
    SPEC_OSTD,  /* the shipping kernel */
    SPEC_VOSTD, /* the verified sources */
};

/* The arguments of an operation; which ones count depends on the operation. */
struct spec_call {
    uint64_t paddr;     /* address argument, or the frame of the handle or slot;
                                          of a segment where it begins */
    uint64_t end;       /* of a segment: where it ends */
    uint64_t length[2]; /* byte lengths and offsets, in order */
    uint64_t list;      /* index of the linked list, or of that of the cursor */
    uint64_t path;      /* page-table path, below SPEC_NR_PATHS */
    uint64_t type;      /* frame_try_from: enum spec_metadata_type */
    uint64_t usage;     /* memory_range: enum spec_page_usage */
    uint64_t count;     /* setup: the reference count; setup_list_id: the id */
    enum spec_variant variant;
    bool as_unique;                    /* get_from_unused */
    struct meta_slot_storage metadata; /* the metadata handed over; see segment_metadata */
};

struct spec_outcome {
    enum spec_result result;
    uint64_t value; /* pointer (in FRAME_METADATA_RANGE), address, count, or 0 and 1 for a bool */
    /*
     * Further values. Of segment operations where the segments begin and end: that which was made,
     * the two of a split, what is left after next. Of from_repr and from_borrowed: ref_count,
     * vtable_ptr, in_list.
     */
    uint64_t detail[4];
    struct meta_slot_storage metadata; /* metadata read, or its type alone */
};

/* The metadata that the function handed to Segment::from_unused gives to the i-th frame. */
struct meta_slot_storage segment_metadata(const struct spec_call *call, uint64_t i);

/* One run of a type's on_drop. */
struct spec_drop {
    uint64_t paddr;
    struct meta_slot_storage metadata;
};

/* Why the region invariant is not asked of a slot for the moment. */
enum slot_exemption {
    EXEMPT_NOT,
    EXEMPT_EXTRACTED, /* its permission was handed out and not re-parked yet */
    EXEMPT_DROPPED,   /* UNIQUE, its metadata dropped in place and not written anew yet */
    EXEMPT_OVERFLOW,  /* set up with a count that the invariant calls illegal */
};

enum {
    SPEC_MAX_DROPS = 64, /* on_drop runs of one step that are kept; all are counted */
};

struct reference {
    struct meta_region_owners owners;       /* give it a base to know what a step changed */
    struct slot_holders *holders;           /* per slot */
    uint8_t *exempt;                        /* per slot: enum slot_exemption */
    uint64_t next_list_id;                  /* what the next list that needs an id gets */
    uint64_t paths_in_use;                  /* a bit for each path at which something is mapped */
    uint64_t nr_drops;                      /* on_drop runs since reference_begin */
    struct spec_drop drops[SPEC_MAX_DROPS]; /* the first of them */
};

/* False, with nothing left behind, where meta_region_owners_create is. */
bool reference_create(struct reference *ref, uint64_t capacity);
void reference_destroy(struct reference *ref);
/* A region of `nr_slots` slots as after boot. */
void reference_boot(struct reference *ref, uint64_t nr_slots);
/* Slot `index` alone as after boot. */
void reference_boot_slot(struct reference *ref, uint64_t index);
/* What belongs to no slot as after boot: no list exists, no path is mapped. */
void reference_boot_lists(struct reference *ref);
/* Begins a step: no on_drop has run yet. */
void reference_begin(struct reference *ref);

typedef bool spec_requires_fn(const struct reference *ref, const struct spec_call *call);
typedef void spec_reference_fn(struct reference *ref, const struct spec_call *call,
                               struct spec_outcome *outcome);
typedef bool spec_judge_fn(const struct meta_region_owners *pre,
                           const struct meta_region_owners *post, const struct spec_call *call,
                           const struct spec_outcome *outcome, struct clause_report *report);

#define OPERATION(name)                                                                            \
    spec_requires_fn requires_##name;                                                              \
    spec_reference_fn reference_##name;                                                            \
    spec_judge_fn judge_##name

/* Suite: Frame::from_unused, into_raw, and the count set to `count`, that many references held. */
OPERATION(setup);

/* MetaSlot */
OPERATION(get_slot);
OPERATION(get_from_unused);
OPERATION(repark); /* ghost: the permission that get_from_unused handed out goes back */
OPERATION(get_from_in_use);
OPERATION(inc_ref_count);
OPERATION(frame_paddr);
OPERATION(as_meta_ptr);
OPERATION(dyn_meta_ptr);
OPERATION(write_meta);
OPERATION(drop_meta_in_place);
OPERATION(drop_last_in_place);

/* Frame */
OPERATION(frame_from_unused);
OPERATION(frame_from_in_use);
OPERATION(frame_clone);
OPERATION(frame_drop);
OPERATION(frame_into_raw);
OPERATION(frame_from_raw);
OPERATION(frame_reference_count);
OPERATION(frame_meta);

/* UniqueFrame */
OPERATION(unique_frame_from_unused);
OPERATION(unique_frame_drop);
OPERATION(frame_from_unique);     /* Frame::from(UniqueFrame) */
OPERATION(unique_frame_try_from); /* UniqueFrame::try_from(Frame) */
OPERATION(unique_frame_repurpose);
OPERATION(unique_frame_reset_as_unused);
OPERATION(unique_frame_meta_mut);
OPERATION(unique_frame_into_raw);
OPERATION(unique_frame_from_raw);

/* PageTableNode */
OPERATION(page_table_node_alloc);

/* Suite: what is there before anything else. */
OPERATION(memory_range);  /* frames of a usage that nobody allocates: the boot code's memory map */
OPERATION(setup_list_id); /* the global counter of list ids */

/* FrameRef, typed views */
OPERATION(frame_borrow);
OPERATION(frame_try_from);

/* Page table: what mapping does to the frames */
OPERATION(frame_map);
OPERATION(frame_unmap);
OPERATION(mmio_map);
OPERATION(mmio_unmap);

/* LinkedList and CursorMut */
OPERATION(list_new);
OPERATION(list_push_front);
OPERATION(list_push_back);
OPERATION(list_pop_front);
OPERATION(list_pop_back);
OPERATION(list_contains);
OPERATION(list_cursor_mut_at);
OPERATION(list_cursor_front_mut);
OPERATION(list_cursor_back_mut);
OPERATION(cursor_move_next);
OPERATION(cursor_move_prev);
OPERATION(cursor_insert_before);
OPERATION(cursor_take_current);
OPERATION(list_drop);

/* Segment */
OPERATION(segment_from_unused);
OPERATION(segment_clone);
OPERATION(segment_slice);
OPERATION(segment_split);
OPERATION(segment_next);
OPERATION(segment_into_raw);
OPERATION(segment_from_raw);
OPERATION(segment_drop);
OPERATION(segment_from_frame);

/* Repr<MetaSlot> */
OPERATION(lemma_layout);
OPERATION(cast_slot);
OPERATION(metadata_to_repr);
OPERATION(metadata_from_repr);
OPERATION(metadata_from_borrowed);
OPERATION(metadata_as_link_to_repr);
OPERATION(metadata_as_link_from_repr);
OPERATION(metadata_as_link_from_borrowed);

#undef OPERATION
