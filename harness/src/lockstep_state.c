/* SPDX-License-Identifier: MPL-2.0 */
/* The lockstep's regions and states: made once for each size, and reset after every program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lockstep_internal.h"
#include "raw_slots.h"

/* A bit for each field in which the subject can be told from the reference. */
static uint64_t fields_shown(const struct lockstep *ls)
{
    uint64_t shown = (UINT64_C(1) << NR_FIELDS) - 1;

    if (!lockstep_can(ls, SLOTCHECK_CAN_REPORT_ON_DROP))
        shown &= ~(UINT64_C(1) << FIELD_on_drop);
    if (!ls->subject->read_metadata)
        shown &= ~(UINT64_C(1) << FIELD_storage | UINT64_C(1) << FIELD_vtable_ptr);
    if (!ls->subject->read_list)
        for (int field = FIELD_list_id; field <= FIELD_list_cursor; field++)
            shown &= ~(UINT64_C(1) << field);
    return shown;
}

struct lockstep *lockstep_create(const struct slotcheck_subject *subject,
                                 struct lockstep_stats *stats, char *error, size_t error_size)
{
    struct lockstep *ls = calloc(1, sizeof(*ls));

    if (!ls) {
        snprintf(error, error_size, "no memory");
        return NULL;
    }
    ls->subject = subject;
    ls->stats = stats;
    stats->ghost_assumed = !lockstep_can(ls, SLOTCHECK_CAN_REPORT_GHOST);
    stats->fields_compared = fields_shown(ls);
    for (int op = 0; op < NR_OPS; op++)
        ls->offers[op] = subject_offers(subject, (enum op)op);
    ls->host = LOCKSTEP_HOST;
    ls->host.context = ls;
    if (!lockstep_can(ls, SLOTCHECK_CAN_RETURN_FROM_PANIC)) {
        ls->children = child_calls_create();
        if (!ls->children) {
            snprintf(error, error_size, "no memory");
            lockstep_destroy(ls);
            return NULL;
        }
    }
    return ls;
}

static void region_destroy(struct lockstep *ls, struct cached_region *cached)
{
    if (cached->region)
        ls->subject->destroy(cached->region);
    free(cached->shadow);
    *cached = (struct cached_region){0};
}

static void states_destroy(struct lockstep *ls)
{
    meta_region_owners_destroy(&ls->pre);
    reference_destroy(&ls->expected);
    meta_region_owners_destroy(&ls->actual);
    free(ls->dirty);
    free(ls->is_dirty);
    ls->dirty = NULL;
    ls->is_dirty = NULL;
    ls->capacity = 0;
    ls->nr_dirty = 0;
}

void lockstep_destroy(struct lockstep *ls)
{
    if (!ls)
        return;
    for (size_t i = 0; i <= CACHED_SIZES; i++)
        region_destroy(ls, &ls->regions[i]);
    states_destroy(ls);
    child_calls_destroy(ls->children);
    lockstep_free_mark(ls);
    handles_free(&ls->handles);
    free(ls);
}

void lockstep_use_variant(struct lockstep *ls, enum spec_variant variant)
{
    ls->variant = variant;
}

void lockstep_observe_steps(struct lockstep *ls, lockstep_step_fn *observer, void *context)
{
    ls->observer = observer;
    ls->observer_context = context;
}

const char *lockstep_error(const struct lockstep *ls)
{
    return ls->error;
}

struct lockstep_stats *lockstep_stats_of(const struct lockstep *ls)
{
    return ls->stats;
}

uint64_t lockstep_slots(const struct slotcheck_subject *subject, const struct program *program)
{
    return subject->fixed_slots ? subject->fixed_slots : program_slots(program);
}

bool lockstep_fail(struct lockstep *ls, const char *why)
{
    snprintf(ls->error, sizeof(ls->error), "%s", why);
    return false;
}

/* Room for `nr_slots` slots in the three states, all as after boot. */
static bool states_reserve(struct lockstep *ls, uint64_t nr_slots)
{
    if (nr_slots <= ls->capacity)
        return true;
    states_destroy(ls);

    const uint64_t capacity = nr_slots < CACHED_SIZES ? CACHED_SIZES : nr_slots;

    ls->dirty = calloc(capacity, sizeof(*ls->dirty));
    ls->is_dirty = calloc(capacity, sizeof(*ls->is_dirty));
    if (!ls->dirty || !ls->is_dirty || !meta_region_owners_create(&ls->pre, capacity) ||
        !reference_create(&ls->expected, capacity) ||
        !meta_region_owners_create(&ls->actual, capacity)) {
        states_destroy(ls);
        return lockstep_fail(ls, "no memory for a region of that many slots");
    }
    ls->capacity = capacity;
    meta_region_owners_rebase(&ls->expected.owners, &ls->pre);
    meta_region_owners_rebase(&ls->actual, &ls->pre);
    return true;
}

/* A region as the interface promises it: every slot unused and in no list. */
static bool region_is_fresh(struct lockstep *ls, const struct cached_region *cached)
{
    if (!cached->region || cached->slot0 == 0 || cached->slot0 % SPEC_META_SLOT_SIZE != 0)
        return false;
    for (uint64_t i = 0; i < cached->nr_slots; i++) {
        struct slotcheck_slot slot;

        ls->subject->read_slot(cached->region, i, &slot);
        if (slot.ref_count != SPEC_REF_COUNT_UNUSED || slot.in_list != 0)
            return false;
    }
    return true;
}

/* Null if the subject has made a region of that size, else why not. */
static const char *region_ask_for(struct lockstep *ls, struct cached_region *cached,
                                  uint64_t nr_slots)
{
    const uint32_t result = ls->subject->create(nr_slots, &ls->host, &cached->region);

    switch ((enum slotcheck_create_result)result) {
    case SLOTCHECK_CREATED:
        return NULL;
    case SLOTCHECK_NO_SLOTS:
        return "the subject says that a region has no slots";
    case SLOTCHECK_TOO_MANY_SLOTS:
        return "the subject cannot have a region of that many slots";
    case SLOTCHECK_NO_MEMORY:
        return "the subject has no memory for a region of that many slots";
    }
    return "the subject's create answers with no result of the interface";
}

static bool region_create(struct lockstep *ls, struct cached_region *cached, uint64_t nr_slots)
{
    const char *refusal = region_ask_for(ls, cached, nr_slots);

    if (refusal) {
        cached->region = NULL;
        return lockstep_fail(ls, refusal);
    }
    cached->nr_slots = nr_slots;
    cached->slot0 = cached->region ? ls->subject->slots(cached->region) : 0;
    if (!region_is_fresh(ls, cached)) {
        region_destroy(ls, cached);
        return lockstep_fail(ls, "the subject's create makes no region of unused slots at a "
                                 "multiple of 64");
    }
    if (!lockstep_can(ls, SLOTCHECK_CAN_RAW_SLOTS))
        return true;
    cached->shadow = malloc(nr_slots * SPEC_META_SLOT_SIZE);
    if (!cached->shadow) {
        region_destroy(ls, cached);
        return lockstep_fail(ls, "no memory for a region of that many slots");
    }
    raw_slots_copy(cached->shadow, cached->slot0, 0, nr_slots);
    return true;
}

/* The region of that size, made if there is none yet. */
static bool region_select(struct lockstep *ls, uint64_t nr_slots)
{
    const bool keep = lockstep_can(ls, SLOTCHECK_CAN_MANY_REGIONS) && nr_slots <= CACHED_SIZES;
    struct cached_region *cached = &ls->regions[keep ? nr_slots : 0];

    ls->region = cached;
    if (cached->region && cached->nr_slots == nr_slots)
        return true;
    region_destroy(ls, cached);
    return region_create(ls, cached, nr_slots);
}

bool lockstep_prepare(struct lockstep *ls, const struct program *program, uint64_t nr_ops)
{
    const uint64_t nr_slots = lockstep_slots(ls->subject, program);

    ls->error[0] = '\0';
    if (!states_reserve(ls, nr_slots) || !region_select(ls, nr_slots))
        return false;
    if (!handles_reserve(&ls->handles, nr_ops))
        return lockstep_fail(ls, "no memory");
    /* Slots beyond a smaller region are as after boot, too. */
    ls->pre.max_meta_slots = nr_slots;
    ls->expected.owners.max_meta_slots = nr_slots;
    ls->actual.max_meta_slots = nr_slots;
    handles_clear(&ls->handles);
    ls->setup_over = false;
    ls->mark.is_set = false;
    return true;
}

void lockstep_mark_dirty(struct lockstep *ls, uint64_t index)
{
    if (index < MARK_MAX_SLOTS)
        ls->mark.moved |= UINT64_C(1) << index;
    if (ls->is_dirty[index])
        return;
    ls->is_dirty[index] = 1;
    ls->dirty[ls->nr_dirty++] = index;
}

/* Back to the state after boot, at the cost of what was touched. */
bool lockstep_reset(struct lockstep *ls)
{
    struct cached_region *cached = ls->region;
    bool ok = ls->error[0] == '\0';

    ls->subject->reset(cached->region, ls->dirty, ls->nr_dirty);
    for (uint64_t i = 0; i < ls->nr_dirty; i++) {
        const uint64_t index = ls->dirty[i];
        struct slotcheck_slot slot;

        ls->is_dirty[index] = 0;
        meta_region_owners_boot_slot(&ls->pre, index);
        reference_boot_slot(&ls->expected, index);
        meta_region_owners_boot_slot(&ls->actual, index);
        ls->subject->read_slot(cached->region, index, &slot);
        if (slot.ref_count != SPEC_REF_COUNT_UNUSED || slot.in_list != 0)
            ok = lockstep_fail(ls, "the subject's reset leaves slots in use");
        if (cached->shadow)
            raw_slots_copy(cached->shadow, cached->slot0, index, 1);
    }
    meta_region_owners_rebase(&ls->expected.owners, &ls->pre);
    meta_region_owners_rebase(&ls->actual, &ls->pre);
    ls->nr_dirty = 0;
    if (ls->lists_dirty || ls->expected.paths_in_use || ls->expected.next_list_id != 1) {
        meta_region_owners_boot_lists(&ls->pre);
        reference_boot_lists(&ls->expected);
        meta_region_owners_boot_lists(&ls->actual);
        ls->lists_dirty = false;
    }
    return ok;
}

/* --- traces --- */

static size_t trace_size(uint64_t nr_steps)
{
    return sizeof(struct trace) + nr_steps * sizeof(struct step_record);
}

struct trace *trace_create(uint64_t nr_steps)
{
    struct trace *trace =
        mmap(NULL, trace_size(nr_steps), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (trace == MAP_FAILED)
        return NULL;
    trace->capacity = nr_steps;
    return trace;
}

void trace_destroy(struct trace *trace)
{
    if (trace)
        munmap(trace, trace_size(trace->capacity));
}
