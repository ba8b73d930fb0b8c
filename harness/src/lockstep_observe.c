/* SPDX-License-Identifier: MPL-2.0 */
/* The subject's side of the lockstep, as abstract state. */
#include <stdio.h>

#include "lockstep_internal.h"
#include "raw_slots.h"
#include "subject_call.h"

/* --- what the subject reports --- */

static void host_on_drop(void *context, uint64_t paddr, const struct slotcheck_metadata *metadata)
{
    struct lockstep *ls = context;

    if (!ls->in_call)
        return;
    if (ls->nr_drops < SPEC_MAX_DROPS)
        ls->drops[ls->nr_drops] =
            (struct spec_drop){.paddr = paddr, .metadata = metadata_from_subject(metadata)};
    ls->nr_drops++;
}

static void host_ghost(void *context, uint32_t event, uint64_t index, uint64_t value)
{
    struct lockstep *ls = context;

    if (!ls->in_call)
        return;
    if (index >= ls->actual.max_meta_slots) {
        snprintf(ls->error, sizeof(ls->error),
                 "the subject reports a ghost event for slot %llu of %llu",
                 (unsigned long long)index, (unsigned long long)ls->actual.max_meta_slots);
        return;
    }
    if (event >= SLOTCHECK_GHOST_PATH_ADDED && value >= SPEC_NR_PATHS) {
        snprintf(ls->error, sizeof(ls->error), "the subject reports the page-table path %llu of %d",
                 (unsigned long long)value, SPEC_NR_PATHS);
        return;
    }

    struct meta_slot_owner *owner = meta_region_owners_change(&ls->actual, index);

    switch ((enum slotcheck_ghost_event)event) {
    case SLOTCHECK_GHOST_USAGE:
        owner->usage = value;
        return;
    case SLOTCHECK_GHOST_PERMISSION_TAKEN:
        meta_region_owners_remove_perm(&ls->actual, index);
        return;
    case SLOTCHECK_GHOST_PERMISSION_REPARKED:
        meta_region_owners_insert_perm(&ls->actual, index);
        return;
    case SLOTCHECK_GHOST_OBLIGATION_MINTED:
        ls->actual.frame_obligations[index]++;
        return;
    case SLOTCHECK_GHOST_OBLIGATION_REDEEMED:
        ls->actual.frame_obligations[index]--;
        return;
    case SLOTCHECK_GHOST_STORAGE_INIT:
        owner->inner_perms.storage.is_init = 1;
        return;
    case SLOTCHECK_GHOST_STORAGE_UNINIT:
        owner->inner_perms.storage.is_init = 0;
        owner->inner_perms.storage.value = (struct meta_slot_storage){0};
        return;
    case SLOTCHECK_GHOST_VTABLE_INIT:
        owner->inner_perms.vtable_ptr.is_init = 1;
        return;
    case SLOTCHECK_GHOST_VTABLE_UNINIT:
        owner->inner_perms.vtable_ptr.is_init = 0;
        owner->inner_perms.vtable_ptr.value = 0;
        return;
    case SLOTCHECK_GHOST_PATH_ADDED:
        owner->paths_in_pt |= UINT64_C(1) << value;
        return;
    case SLOTCHECK_GHOST_PATH_REMOVED:
        owner->paths_in_pt &= ~(UINT64_C(1) << value);
        return;
    }
}

const struct slotcheck_host LOCKSTEP_HOST = {
    .size = sizeof(struct slotcheck_host), .on_drop = host_on_drop, .ghost = host_ghost};

/* --- what its slots show --- */

/* Ghost state that a subject cannot report is taken from `assumed`. */
static void assume_ghost_state(struct lockstep *ls, uint64_t index,
                               const struct meta_region_owners *assumed)
{
    const struct meta_slot_owner *owner = &assumed->slot_owners[index];
    struct meta_slot_owner *actual = meta_region_owners_change(&ls->actual, index);
    struct metadata_inner_perms *perms = &actual->inner_perms;

    ls->actual.slots_dom[index] = assumed->slots_dom[index];
    ls->actual.slots[index] = assumed->slots[index];
    ls->actual.frame_obligations[index] = assumed->frame_obligations[index];
    actual->usage = owner->usage;
    actual->paths_in_pt = owner->paths_in_pt;
    perms->storage.is_init = owner->inner_perms.storage.is_init;
    perms->vtable_ptr.is_init = owner->inner_perms.vtable_ptr.is_init;
    if (!perms->storage.is_init)
        perms->storage.value = (struct meta_slot_storage){0};
    if (!perms->vtable_ptr.is_init)
        perms->vtable_ptr.value = 0;
}

/* Metadata may be read where both sides say that it is there, as far as one can tell. */
static bool metadata_readable(const struct lockstep *ls, uint64_t index)
{
    const struct metadata_inner_perms *expected =
        &ls->expected.owners.slot_owners[index].inner_perms;
    const struct metadata_inner_perms *actual = &ls->actual.slot_owners[index].inner_perms;

    return expected->storage.is_init && expected->vtable_ptr.is_init && actual->storage.is_init &&
           actual->vtable_ptr.is_init && actual->ref_count.value == expected->ref_count.value;
}

/* What the subject's slot `index` holds now, as abstract state. */
static void abstract_slot(struct lockstep *ls, uint64_t index, bool as_expected)
{
    const struct slotcheck_subject *subject = ls->subject;
    struct metadata_inner_perms *perms =
        &meta_region_owners_change(&ls->actual, index)->inner_perms;
    struct slotcheck_metadata metadata;
    struct slotcheck_slot slot;

    subject->read_slot(ls->region->region, index, &slot);
    perms->ref_count.value = slot.ref_count;
    perms->in_list.value = slot.in_list;
    if (!lockstep_can(ls, SLOTCHECK_CAN_REPORT_GHOST))
        assume_ghost_state(ls, index, as_expected ? &ls->expected.owners : &ls->pre);
    if (!metadata_readable(ls, index))
        return;
    if (!subject->read_metadata) {
        perms->storage.value = ls->expected.owners.slot_owners[index].inner_perms.storage.value;
        perms->vtable_ptr.value =
            ls->expected.owners.slot_owners[index].inner_perms.vtable_ptr.value;
        return;
    }
    subject->read_metadata(ls->region->region, index, &metadata);
    perms->storage.value = metadata_from_subject(&metadata);
    perms->vtable_ptr.value = metadata.type;
}

/* Does the subject's slot still hold what it held before the call, as far as one can ask? */
static bool slot_as_before(const struct lockstep *ls, uint64_t index)
{
    const struct metadata_inner_perms *perms = &ls->actual.slot_owners[index].inner_perms;
    struct slotcheck_slot slot;
    struct slotcheck_metadata metadata;

    ls->subject->read_slot(ls->region->region, index, &slot);
    if (slot.ref_count != perms->ref_count.value || slot.in_list != perms->in_list.value)
        return false;
    if (!ls->subject->read_metadata || !metadata_readable(ls, index))
        return true;
    ls->subject->read_metadata(ls->region->region, index, &metadata);

    const struct meta_slot_storage value = metadata_from_subject(&metadata);

    return meta_slot_storage_equal(&value, &perms->storage.value);
}

static void note_if_raw_changed(struct lockstep *ls, uint64_t index)
{
    const struct cached_region *cached = ls->region;

    if (raw_slots_equal(cached->shadow, cached->slot0, index, 1))
        return;
    raw_slots_copy(cached->shadow, cached->slot0, index, 1);
    meta_region_owners_change(&ls->actual, index);
}

/*
 * Notes every slot that the call may have changed, of all slots of the region. With raw slots those
 * that should have changed come first: then one comparison says, almost always, that no other did.
 */
static void find_changed_slots(struct lockstep *ls)
{
    const struct cached_region *cached = ls->region;
    const struct meta_region_owners *expected = &ls->expected.owners;
    const uint64_t nr_slots = ls->actual.max_meta_slots;

    if (!cached->shadow) {
        for (uint64_t i = 0; i < nr_slots; i++)
            if (!slot_as_before(ls, i))
                meta_region_owners_change(&ls->actual, i);
        return;
    }
    for (uint64_t i = 0; i < expected->nr_changed; i++)
        note_if_raw_changed(ls, expected->changed[i]);
    if (raw_slots_equal(cached->shadow, cached->slot0, 0, nr_slots))
        return;
    for (uint64_t i = 0; i < nr_slots; i++)
        note_if_raw_changed(ls, i);
}

/*
 * What a list of the subject shows now. That it exists, and that it has a cursor, is known by who
 * called what.
 */
static void observe_list(struct lockstep *ls, const struct subject_region *on, uint64_t i,
                         const struct linked_list_owner *assumed)
{
    struct linked_list_owner list = *assumed;

    if (list.is_live)
        subject_read_list(on, i, &list);
    if (!linked_list_equal(&list, &ls->actual.lists[i]))
        *meta_region_owners_change_list(&ls->actual, i) = list;
}

static void observe_lists(struct lockstep *ls, bool as_expected)
{
    const struct meta_region_owners *assumed = as_expected ? &ls->expected.owners : &ls->pre;
    const struct subject_region on = lockstep_on(ls);

    for (uint64_t i = 0; i < SPEC_MAX_LISTS; i++)
        observe_list(ls, &on, i, &assumed->lists[i]);
}

void lockstep_observe(struct lockstep *ls, bool as_expected)
{
    if (ls->handles.nr_lists > 0 || ls->expected.owners.lists_changed)
        observe_lists(ls, as_expected);
    find_changed_slots(ls);
    if (!lockstep_can(ls, SLOTCHECK_CAN_REPORT_GHOST))
        for (uint64_t i = 0; i < ls->expected.owners.nr_changed; i++)
            meta_region_owners_change(&ls->actual, ls->expected.owners.changed[i]);
    for (uint64_t i = 0; i < ls->actual.nr_changed; i++)
        abstract_slot(ls, ls->actual.changed[i], as_expected);
}
