/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The lockstep's own state, which its three parts share: lockstep.c runs operations and judges
 * them, lockstep_state.c makes regions and states and resets them, lockstep_observe.c turns what
 * the subject shows and reports into abstract state.
 *
 * Three abstract states of one region:
 *
 *     pre       before the operation, agreed by both sides
 *     expected  after it, by the reference   } kept as changes of `pre`, so that an operation costs
 *     actual    after it, by the subject     } what it touches and not what the region holds
 */
#pragma once

#include "child_call.h"
#include "handles.h"
#include "slotcheck/lockstep.h"

enum {
    CACHED_SIZES = 64, /* regions up to this size are kept, where a subject can have several */
};

/* A region of the subject, and its raw slots as they were after the last operation. */
struct cached_region {
    struct slotcheck_region *region;
    uint64_t nr_slots;
    uint64_t slot0;
    uint64_t *shadow;       /* null without SLOTCHECK_CAN_RAW_SLOTS */
    uint64_t snapshot_size; /* as it was when first asked for; 0: not yet */
};

/*
 * A state to which there is a way back; see lockstep_mark. What it costs to go back depends on what
 * has `moved` since.
 */
struct mark {
    bool is_set;                /* in the program at hand */
    struct reference reference; /* no room: nothing was ever marked */
    struct handles handles;
    uint64_t subject_lists[SPEC_MAX_LISTS];
    void *saved; /* by the subject */
    uint64_t saved_size;
    uint64_t moved; /* a bit for each slot that may differ from the marked state */
    bool lists_moved;
    bool setup_over;
};

struct lockstep {
    const struct slotcheck_subject *subject;
    struct lockstep_stats *stats;
    struct slotcheck_host host;
    struct cached_region regions[CACHED_SIZES + 1]; /* by size; 0: any larger size */
    struct cached_region *region;                   /* the one in use */
    struct child_calls *children;                   /* null if the subject returns from panics */
    bool offers[NR_OPS];

    uint64_t capacity; /* slots that the states have room for */
    struct meta_region_owners pre;
    struct reference expected;
    struct meta_region_owners actual;
    uint64_t nr_dirty; /* slots that differ from those after boot, each once */
    uint64_t *dirty;
    uint8_t *is_dirty;

    bool in_call;      /* what a subject reports at other times is not about an operation */
    uint64_t nr_drops; /* on_drop reports of the current call */
    struct spec_drop drops[SPEC_MAX_DROPS];

    struct handles handles;
    uint64_t subject_lists[SPEC_MAX_LISTS]; /* what the subject calls them, by index */
    lockstep_step_fn *observer;             /* null: none */
    void *observer_context;
    enum spec_variant variant;
    bool setup_over;  /* something other than a setup was executed */
    bool lists_dirty; /* what belongs to no slot is not as after boot */
    struct mark mark;

    char error[160];
};

static inline bool lockstep_can(const struct lockstep *ls, enum slotcheck_capability capability)
{
    return (ls->subject->capabilities & (uint64_t)capability) != 0;
}

/* Sets the error and returns false. */
bool lockstep_fail(struct lockstep *ls, const char *why);

/* A region and states for `nr_ops` operations, as after boot; false with the error set. */
bool lockstep_prepare(struct lockstep *ls, const struct program *program, uint64_t nr_ops);
/* Notes that the slot is no longer as after boot. */
void lockstep_mark_dirty(struct lockstep *ls, uint64_t index);
/* Back to the state after boot, at the cost of what was touched; false with the error set. */
bool lockstep_reset(struct lockstep *ls);

/* Memory of the mark. */
void lockstep_free_mark(struct lockstep *ls);

/* The subject's region in use. */
static inline struct subject_region lockstep_on(struct lockstep *ls)
{
    return (struct subject_region){.subject = ls->subject,
                                   .region = ls->region->region,
                                   .slot0 = ls->region->slot0,
                                   .lists = ls->subject_lists};
}

/* What the subject calls while it runs an operation. */
extern const struct slotcheck_host LOCKSTEP_HOST;
/*
 * Brings `actual` up to date with the subject's slots. Ghost state that the subject does not report is
 * taken to be as expected if the operation ended as expected, else as before.
 */
void lockstep_observe(struct lockstep *ls, bool as_expected);
