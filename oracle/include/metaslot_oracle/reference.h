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
};

/* The arguments of an operation; which ones count depends on the operation. */
struct spec_call {
    uint64_t paddr;                    /* address argument, or the frame of the handle or slot */
    bool as_unique;                    /* get_from_unused */
    uint64_t count;                    /* setup: the reference count */
    struct meta_slot_storage metadata; /* the metadata handed over */
};

struct spec_outcome {
    enum spec_result result;
    uint64_t value;                    /* pointer (in FRAME_METADATA_RANGE), address or count */
    struct meta_slot_storage metadata; /* metadata read, or its type alone */
};

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

struct reference {
    struct meta_region_owners owners; /* give it a base to know what a step changed */
    struct slot_holders *holders;     /* per slot */
    uint8_t *exempt;                  /* per slot: enum slot_exemption */
    uint64_t nr_drops;                /* on_drop runs since reference_begin */
    struct spec_drop drops[4];        /* the first of them */
};

/* False, with nothing left behind, where meta_region_owners_create is. */
bool reference_create(struct reference *ref, uint64_t capacity);
void reference_destroy(struct reference *ref);
/* A region of `nr_slots` slots as after boot. */
void reference_boot(struct reference *ref, uint64_t nr_slots);
/* Slot `index` alone as after boot. */
void reference_boot_slot(struct reference *ref, uint64_t index);
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

#undef OPERATION
