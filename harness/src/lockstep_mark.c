/* SPDX-License-Identifier: MPL-2.0 */
/* Many ways on from one state: the way back to it, and how to tell states apart. */
#include <stdlib.h>
#include <string.h>

#include "lockstep_internal.h"
#include "raw_slots.h"

/* --- the way back --- */

bool lockstep_can_return(const struct lockstep *ls)
{
    return lockstep_can(ls, SLOTCHECK_CAN_SNAPSHOT);
}

void lockstep_free_mark(struct lockstep *ls)
{
    reference_destroy(&ls->mark.reference);
    handles_free(&ls->mark.handles);
    free(ls->mark.saved);
    ls->mark = (struct mark){0};
}

/*
 * How much room the subject takes for a state of the region. What is reserved once must do for all
 * states, so a subject that asks for another size later is asked for no bytes: false, with the error
 * set.
 */
static bool snapshot_size(struct lockstep *ls, uint64_t *size)
{
    uint64_t *known = &ls->region->snapshot_size;

    *size = ls->subject->snapshot_size(ls->region->region);
    if (*known == 0)
        *known = *size;
    if (*size == 0)
        return lockstep_fail(ls, "its snapshot_size is 0");
    if (*size != *known)
        return lockstep_fail(ls, "its snapshot_size is not always the same for one region");
    return true;
}

static bool reserve_mark(struct lockstep *ls, uint64_t size)
{
    struct mark *mark = &ls->mark;

    if (!mark->reference.holders && !reference_create(&mark->reference, MARK_MAX_SLOTS))
        return false;
    if (!handles_reserve(&mark->handles, ls->handles.capacity))
        return false;
    if (size > mark->saved_size) {
        free(mark->saved);
        mark->saved = malloc(size);
        mark->saved_size = mark->saved ? size : 0;
    }
    return mark->saved != NULL;
}

/* What belongs to no slot, and what stands in small arrays, is copied whole. */
static void copy_unslotted(struct reference *to, const struct reference *from, uint64_t nr_slots)
{
    memcpy(to->holders, from->holders, nr_slots * sizeof(*to->holders));
    memcpy(to->exempt, from->exempt, nr_slots * sizeof(*to->exempt));
    to->next_list_id = from->next_list_id;
    to->paths_in_use = from->paths_in_use;
}

bool lockstep_mark(struct lockstep *ls)
{
    struct mark *mark = &ls->mark;
    const uint64_t nr_slots = ls->pre.max_meta_slots;
    uint64_t size;

    if (!snapshot_size(ls, &size))
        return false;
    if (nr_slots > MARK_MAX_SLOTS || !reserve_mark(ls, size))
        return lockstep_fail(ls, "no memory to mark a state");
    for (uint64_t i = 0; i < nr_slots; i++)
        meta_region_owners_copy_slot(&mark->reference.owners, &ls->pre, i);
    memcpy(mark->reference.owners.lists, ls->pre.lists, sizeof(ls->pre.lists));
    copy_unslotted(&mark->reference, &ls->expected, nr_slots);
    handles_copy(&mark->handles, &ls->handles);
    memcpy(mark->subject_lists, ls->subject_lists, sizeof(ls->subject_lists));
    ls->subject->snapshot_save(ls->region->region, mark->saved);
    mark->setup_over = ls->setup_over;
    mark->moved = 0;
    mark->lists_moved = false;
    mark->is_set = true;
    return true;
}

/* The three states, where they have moved; nobody has written to them since the last step. */
static void return_slots(struct lockstep *ls)
{
    const struct meta_region_owners *marked = &ls->mark.reference.owners;

    for (uint64_t moved = ls->mark.moved; moved; moved &= moved - 1) {
        const uint64_t i = (uint64_t)__builtin_ctzll(moved);

        meta_region_owners_copy_slot(&ls->pre, marked, i);
        meta_region_owners_copy_slot(&ls->expected.owners, marked, i);
        meta_region_owners_copy_slot(&ls->actual, marked, i);
        if (ls->region->shadow)
            raw_slots_copy(ls->region->shadow, ls->region->slot0, i, 1);
    }
    if (!ls->mark.lists_moved)
        return;
    memcpy(ls->pre.lists, marked->lists, sizeof(marked->lists));
    memcpy(ls->expected.owners.lists, marked->lists, sizeof(marked->lists));
    memcpy(ls->actual.lists, marked->lists, sizeof(marked->lists));
    memcpy(ls->subject_lists, ls->mark.subject_lists, sizeof(ls->subject_lists));
}

void lockstep_return(struct lockstep *ls)
{
    struct mark *mark = &ls->mark;

    ls->subject->snapshot_restore(ls->region->region, mark->saved);
    return_slots(ls);
    copy_unslotted(&ls->expected, &mark->reference, ls->pre.max_meta_slots);
    handles_copy(&ls->handles, &mark->handles);
    ls->setup_over = mark->setup_over;
    ls->error[0] = '\0';
    mark->moved = 0;
    mark->lists_moved = false;
}

/*
 * What handles there are is told by their numbers alone. Of its own kind no operation makes as many
 * as it takes; a test holds OPS to that.
 */
bool lockstep_moved(const struct lockstep *ls)
{
    const struct mark *mark = &ls->mark;

    return !mark->is_set || mark->moved || mark->lists_moved ||
           ls->setup_over != mark->setup_over ||
           ls->expected.next_list_id != mark->reference.next_list_id ||
           !handles_as_many(&ls->handles, &mark->handles);
}

/* --- states as bytes --- */

struct writer {
    unsigned char *next;
};

static void put(struct writer *out, const void *bytes, size_t size)
{
    memcpy(out->next, bytes, size);
    out->next += size;
}

static void put_slot(struct writer *out, const struct lockstep *ls, uint64_t i)
{
    const uint64_t word[] = {ls->pre.slots_dom[i], ls->pre.frame_obligations[i],
                             ls->expected.exempt[i]};

    put(out, word, sizeof(word));
    put(out, &ls->pre.slot_owners[i], sizeof(ls->pre.slot_owners[i]));
    put(out, &ls->expected.holders[i], sizeof(ls->expected.holders[i]));
}

static int compare_segments(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct segment_handle));
}

/*
 * Of the handles only segments: how many Frame and UniqueFrame handles there are stands in the
 * holders, mapped frames in the slots' paths, lists and cursors among the lists.
 */
static void put_segments(struct writer *out, const struct handles *handles)
{
    const size_t size = handles->nr_segments * sizeof(*handles->segments);
    unsigned char *begin = out->next;

    put(out, handles->segments, size);
    qsort(begin, handles->nr_segments, sizeof(*handles->segments), compare_segments);
}

static void put_handles_in_order(struct writer *out, const struct handles *handles)
{
    put(out, handles->frames, handles->nr_frames * sizeof(*handles->frames));
    put(out, handles->uniques, handles->nr_uniques * sizeof(*handles->uniques));
    put(out, handles->segments, handles->nr_segments * sizeof(*handles->segments));
    put(out, handles->mappings, handles->nr_mappings * sizeof(*handles->mappings));
    put(out, handles->lists, handles->nr_lists * sizeof(*handles->lists));
    put(out, handles->cursors, handles->nr_cursors * sizeof(*handles->cursors));
}

static bool put_saved(struct writer *out, struct lockstep *ls)
{
    uint64_t size;

    if (!lockstep_can_return(ls))
        return true;
    if (!snapshot_size(ls, &size))
        return false;
    ls->subject->snapshot_save(ls->region->region, out->next);
    raw_bytes_allow(out->next, size);
    out->next += size;
    return true;
}

size_t lockstep_state(struct lockstep *ls, bool in_order, void *bytes)
{
    struct writer out = {bytes};
    const uint64_t lists = ls->handles.nr_lists > 0 || ls->expected.next_list_id != 1;
    const uint64_t word[] = {ls->setup_over, lists, ls->handles.nr_frames, ls->handles.nr_uniques,
                             ls->handles.nr_segments};

    put(&out, word, sizeof(word));
    for (uint64_t i = 0; i < ls->pre.max_meta_slots; i++)
        put_slot(&out, ls, i);
    if (lists) {
        put(&out, &ls->expected.next_list_id, sizeof(ls->expected.next_list_id));
        put(&out, ls->pre.lists, sizeof(ls->pre.lists));
    }
    if (!in_order) {
        put_segments(&out, &ls->handles);
    } else {
        put_handles_in_order(&out, &ls->handles);
        if (!put_saved(&out, ls))
            return 0;
    }
    return (size_t)(out.next - (unsigned char *)bytes);
}

size_t lockstep_state_max(struct lockstep *ls)
{
    const size_t slot =
        4 * sizeof(uint64_t) + sizeof(struct meta_slot_owner) + sizeof(struct slot_holders);
    const size_t handles =
        ls->handles.capacity * (2 * sizeof(uint64_t) + sizeof(struct segment_handle)) +
        sizeof(ls->handles);
    uint64_t saved = 0;

    if (lockstep_can_return(ls))
        (void)snapshot_size(ls, &saved);

    return 8 * sizeof(uint64_t) + ls->pre.max_meta_slots * slot + sizeof(ls->pre.lists) + handles +
           saved;
}

uint64_t lockstep_handle(const struct lockstep *ls, enum operand_kind kind, uint64_t number)
{
    return handles_at(&ls->handles, kind, number);
}
