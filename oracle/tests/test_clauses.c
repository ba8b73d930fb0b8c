/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Every clause holds in a good step and is broken, alone, by a step that is bad in one respect.
 * clause_cases.def has the steps. Each is judged twice, with the state after as a change of the
 * state before and with two states that know nothing of each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pair.h"

/* --- good steps ------------------------------------------------------------------------------ */

static void begin_obliged(struct pair *p, uint64_t ref_count, uint64_t owed)
{
    pair_begin(p, ref_count);
    p->pre.frame_obligations[IDX] = p->post.frame_obligations[IDX] = owed;
}

static void claim_as(struct pair *p, uint64_t ref_count, enum spec_page_usage usage)
{
    pair_begin(p, SPEC_REF_COUNT_UNUSED);
    hold(owner(p), ref_count);
    owner(p)->usage = usage;
}

static void base_claimed(struct pair *p)
{
    claim_as(p, 1, SPEC_USAGE_FRAME);
}

static void base_claimed_unique(struct pair *p)
{
    claim_as(p, SPEC_REF_COUNT_UNIQUE, SPEC_USAGE_FRAME);
    p->call.as_unique = true;
}

static void base_claimed_node(struct pair *p)
{
    claim_as(p, 1, SPEC_USAGE_PAGE_TABLE);
}

static void base_extracted(struct pair *p)
{
    base_claimed(p);
    unpark(p, IDX);
}

static void base_extracted_unique(struct pair *p)
{
    base_claimed_unique(p);
    unpark(p, IDX);
}

static void base_minted(struct pair *p)
{
    base_claimed(p);
    *obligations(p, IDX) = 1;
}

static void base_minted_unique(struct pair *p)
{
    base_claimed_unique(p);
    *obligations(p, IDX) = 1;
}

static void base_minted_node(struct pair *p)
{
    base_claimed_node(p);
    *obligations(p, IDX) = 1;
}

static void base_minted_again(struct pair *p)
{
    begin_obliged(p, 2, 1);
    *obligations(p, IDX) = 2;
}

static void base_redeemed(struct pair *p)
{
    begin_obliged(p, 2, 1);
    *obligations(p, IDX) = 0;
    p->outcome.value = p->call.paddr;
}

static void base_same(struct pair *p)
{
    begin_obliged(p, 2, 1);
}

static void base_same_paddr(struct pair *p)
{
    base_same(p);
    p->outcome.value = p->call.paddr;
}

static void base_failed(struct pair *p)
{
    begin_obliged(p, 2, 1);
    p->outcome = (struct spec_outcome){.result = SPEC_IN_USE};
}

static void base_unused(struct pair *p)
{
    pair_begin(p, SPEC_REF_COUNT_UNUSED);
}

static void base_unused_mmio(struct pair *p)
{
    pair_begin(p, SPEC_REF_COUNT_UNUSED);
    owner(p)->usage = SPEC_USAGE_MMIO;
    owner(p)->paths_in_pt = 5;
}

static void base_unique(struct pair *p)
{
    pair_begin(p, SPEC_REF_COUNT_UNIQUE);
    perms(p)->in_list.value = 0;
}

static void base_unique_mmio(struct pair *p)
{
    pair_begin(p, SPEC_REF_COUNT_UNIQUE);
    owner(p)->usage = SPEC_USAGE_MMIO;
    owner(p)->paths_in_pt = 5;
}

static void base_dying(struct pair *p)
{
    pair_begin(p, 0);
}

static void base_saturated(struct pair *p)
{
    pair_begin(p, SPEC_REF_COUNT_MAX);
}

static void base_incremented(struct pair *p)
{
    pair_begin(p, 2);
    *count(p) = 3;
}

static void base_cloned(struct pair *p)
{
    base_incremented(p);
    *obligations(p, IDX) = 1;
}

static void base_panicked(struct pair *p)
{
    base_saturated(p);
    p->outcome.result = SPEC_PANIC;
}

static void base_nothing_owed(struct pair *p)
{
    base_same(p);
    *obligations(p, IDX) = 0;
    *obligations(p, OTHER) = 0;
}

static void base_held(struct pair *p)
{
    begin_obliged(p, 7, 1);
    owner(p)->paths_in_pt = 0x8000000000000001;
    p->holders = (struct slot_holders){.live_frames = 1, .forgotten_frames = 3, .segments = 1};
}

static void base_held_saturated(struct pair *p)
{
    begin_obliged(p, SPEC_REF_COUNT_MAX, 0);
    p->holders = (struct slot_holders){.forgotten_frames = SPEC_REF_COUNT_MAX - 1, .segments = 1};
}

static void base_held_unique(struct pair *p)
{
    begin_obliged(p, SPEC_REF_COUNT_UNIQUE, 1);
    p->holders = (struct slot_holders){.live_unique_frames = 1};
}

static void park_again(struct pair *p, uint64_t ref_count)
{
    pair_begin(p, ref_count);
    p->perm = p->pre.slots[IDX];
    p->pre.slots_dom[IDX] = 0;
    p->pre.slots[IDX] = (struct meta_slot_perm){0};
}

static void base_parked(struct pair *p)
{
    park_again(p, 1);
}

static void base_parked_unique(struct pair *p)
{
    park_again(p, SPEC_REF_COUNT_UNIQUE);
}

static void base_dropped(struct pair *p)
{
    begin_obliged(p, 2, 2);
    *count(p) = 1;
    *obligations(p, IDX) = 1;
}

static void release_from(struct pair *p, uint64_t ref_count, uint64_t owed)
{
    begin_obliged(p, ref_count, owed);
    drop_storage(p);
    drop_vtable(p);
    *count(p) = SPEC_REF_COUNT_UNUSED;
    *obligations(p, IDX) = 0;
}

static void base_written(struct pair *p)
{
    begin_obliged(p, SPEC_REF_COUNT_UNIQUE, 1);
    p->call.metadata =
        (struct meta_slot_storage){.type = SPEC_METADATA_FRAME_LINK, .frame_link.payload = 9};
    perms(p)->storage.value = p->call.metadata;
    perms(p)->vtable_ptr.value = p->call.metadata.type;
}

/* Of the type that was there before. */
static void base_written_in_place(struct pair *p)
{
    begin_obliged(p, SPEC_REF_COUNT_UNIQUE, 1);
    p->call.metadata = (struct meta_slot_storage){.type = SPEC_METADATA_PROBE, .probe.payload = 9};
    perms(p)->storage.value = p->call.metadata;
}

static void write_link(struct meta_slot_owner *slot)
{
    slot->inner_perms.storage.value =
        (struct meta_slot_storage){.type = SPEC_METADATA_FRAME_LINK,
                                   .frame_link = {.next_is_some = 1,
                                                  .next = meta_addr(OTHER),
                                                  .prev_is_some = 1,
                                                  .prev = meta_addr(0),
                                                  .payload = 9}};
    slot->inner_perms.vtable_ptr.value = SPEC_METADATA_FRAME_LINK;
}

static void base_written_link(struct pair *p)
{
    begin_obliged(p, SPEC_REF_COUNT_UNIQUE, 1);
    write_link(owner(p));
    p->call.metadata = perms(p)->storage.value;
}

/* The slot is read as a whole. */
static void read_slot(struct pair *p)
{
    p->outcome.detail[0] = perms(p)->ref_count.value;
    p->outcome.detail[1] = perms(p)->vtable_ptr.value;
    p->outcome.detail[2] = perms(p)->in_list.value;
    p->outcome.metadata = perms(p)->storage.value;
}

static void base_read(struct pair *p)
{
    base_same(p);
    read_slot(p);
}

static void base_read_link(struct pair *p)
{
    begin_obliged(p, SPEC_REF_COUNT_UNIQUE, 1);
    write_link(&p->pre.slot_owners[IDX]);
    write_link(owner(p));
    read_slot(p);
}

static void base_measured(struct pair *p)
{
    base_same(p);
    p->outcome.value = 64;
}

static void base_counted(struct pair *p)
{
    base_same(p);
    p->outcome.value = *count(p);
}

static void base_promoted(struct pair *p)
{
    begin_obliged(p, 1, 1);
    *count(p) = SPEC_REF_COUNT_UNIQUE;
}

static void base_demoted(struct pair *p)
{
    begin_obliged(p, SPEC_REF_COUNT_UNIQUE, 1);
    *count(p) = 1;
}

static void base_meta_dropped(struct pair *p)
{
    begin_obliged(p, SPEC_REF_COUNT_UNIQUE, 1);
    drop_storage(p);
    drop_vtable(p);
}

static void base_released(struct pair *p)
{
    release_from(p, 0, 0);
}

static void base_released_last(struct pair *p)
{
    release_from(p, 1, 1);
}

static void base_released_unique(struct pair *p)
{
    release_from(p, SPEC_REF_COUNT_UNIQUE, 1);
}

/* --- good steps of lists --- */

static void base_listed(struct pair *p)
{
    pair_begin_list(p, 3);
}

static void base_empty_list(struct pair *p)
{
    pair_begin_list(p, 0);
}

/* IDX stands between the slots at two addresses, 0 being an end. */
static void insert_between(struct pair *p, uint64_t prev, uint64_t next)
{
    set_prev(p, IDX, prev);
    set_next(p, IDX, next);
    if (prev)
        set_next(p, frame_to_index(meta_to_frame(prev)), meta_addr(IDX));
    else
        list(p)->front = meta_addr(IDX);
    if (next)
        set_prev(p, frame_to_index(meta_to_frame(next)), meta_addr(IDX));
    else
        list(p)->back = meta_addr(IDX);
    perms(p)->in_list.value = LIST_ID;
    list(p)->size++;
    list(p)->list_id = LIST_ID;
    *obligations(p, IDX) = 0;
}

static void base_inserted(struct pair *p)
{
    pair_begin_list(p, 3);
    insert_between(p, meta_addr(OTHER), meta_addr(0));
}

static void base_inserted_front(struct pair *p)
{
    pair_begin_list(p, 3);
    insert_between(p, 0, meta_addr(OTHER));
}

static void base_inserted_back(struct pair *p)
{
    pair_begin_list(p, 3);
    insert_between(p, meta_addr(UNIQUE_OTHER), 0);
}

static void base_inserted_at_ghost(struct pair *p)
{
    base_inserted_back(p);
    set_cursor(p, 0, 0);
}

/* push_back of the verified sources. */
static void base_inserted_before_back(struct pair *p)
{
    pair_begin_list(p, 3);
    insert_between(p, meta_addr(0), meta_addr(UNIQUE_OTHER));
    p->call.variant = SPEC_VOSTD;
}

static void base_inserted_behind_one(struct pair *p)
{
    pair_begin_list(p, 1);
    insert_between(p, meta_addr(OTHER), 0);
}

static void base_inserted_before_one(struct pair *p)
{
    pair_begin_list(p, 1);
    insert_between(p, 0, meta_addr(OTHER));
    p->call.variant = SPEC_VOSTD;
}

/* Into a list that needs an id. */
static void base_inserted_only(struct pair *p)
{
    pair_begin_list(p, 0);
    lose_list_id(p);
    insert_between(p, 0, 0);
}

static void base_ids_exhausted(struct pair *p)
{
    pair_begin_list(p, 0);
    lose_list_id(p);
    p->outcome.result = SPEC_PANIC;
}

static void take_out(struct pair *p, uint64_t i)
{
    set_prev(p, i, 0);
    set_next(p, i, 0);
    perms_at(p, i)->in_list.value = 0;
    *obligations(p, i) = 1;
    list(p)->size--;
    p->outcome.value = meta_addr(i);
}

static void base_taken(struct pair *p)
{
    pair_begin_list(p, 3);
    take_out(p, 0);
    set_next(p, OTHER, meta_addr(UNIQUE_OTHER));
    set_prev(p, UNIQUE_OTHER, meta_addr(OTHER));
    list(p)->current = meta_addr(UNIQUE_OTHER);
}

static void base_taken_front(struct pair *p)
{
    pair_begin_list(p, 3);
    take_out(p, OTHER);
    set_prev(p, 0, 0);
    list(p)->front = meta_addr(0);
}

static void base_taken_back(struct pair *p)
{
    pair_begin_list(p, 3);
    take_out(p, UNIQUE_OTHER);
    set_next(p, 0, 0);
    list(p)->back = meta_addr(0);
}

static void base_taken_none(struct pair *p)
{
    pair_begin_list(p, 3);
    set_cursor(p, 0, 0);
    p->outcome.result = SPEC_NONE;
}

static void base_popped_none(struct pair *p)
{
    pair_begin_list(p, 0);
    p->outcome.result = SPEC_NONE;
}

static void base_contained(struct pair *p)
{
    pair_begin_list(p, 3);
    p->call.paddr = index_to_frame(UNIQUE_OTHER);
    p->outcome.value = 1;
}

static void base_not_contained(struct pair *p)
{
    pair_begin_list(p, 3);
}

/* The list gets its id. */
static void base_not_contained_yet(struct pair *p)
{
    pair_begin_list(p, 0);
    lose_list_id(p);
    list(p)->list_id = LIST_ID;
}

static void base_found(struct pair *p)
{
    pair_begin_list(p, 3);
    p->call.paddr = index_to_frame(UNIQUE_OTHER);
    list(p)->current = meta_addr(UNIQUE_OTHER);
}

static void base_found_front(struct pair *p)
{
    pair_begin_list(p, 3);
    p->call.paddr = index_to_frame(OTHER);
    list(p)->current = meta_addr(OTHER);
}

static void base_not_found(struct pair *p)
{
    pair_begin_list(p, 3);
    p->outcome.result = SPEC_NONE;
}

static void base_not_found_unsafe(struct pair *p)
{
    base_not_found(p);
    lose_list_id(p);
    p->call.paddr = index_to_frame(NR_SLOTS);
    list(p)->current = frame_to_meta(p->call.paddr);
}

static void base_at_front(struct pair *p)
{
    pair_begin_list(p, 3);
    list(p)->current = meta_addr(OTHER);
}

static void base_at_back(struct pair *p)
{
    pair_begin_list(p, 3);
    list(p)->current = meta_addr(UNIQUE_OTHER);
}

/* From the ghost. */
static void base_at_front_again(struct pair *p)
{
    pair_begin_list(p, 3);
    set_cursor(p, 0, meta_addr(OTHER));
}

static void base_at_back_again(struct pair *p)
{
    pair_begin_list(p, 3);
    set_cursor(p, 0, meta_addr(UNIQUE_OTHER));
}

static void base_list_made(struct pair *p)
{
    pair_begin_list(p, 3);
    meta_region_owners_change_list(&p->post, OTHER_LIST + 1)->is_live = 1;
}

static void base_list_made_last(struct pair *p)
{
    pair_begin_list(p, 3);
    for (uint64_t i = OTHER_LIST + 1; i < SPEC_MAX_LISTS - 1; i++)
        p->pre.lists[i].is_live = p->post.lists[i].is_live = 1;
    meta_region_owners_change_list(&p->post, SPEC_MAX_LISTS - 1)->is_live = 1;
}

static void base_empty_list_dropped(struct pair *p)
{
    pair_begin_list(p, 0);
    lose_list_id(p);
    *list(p) = (struct linked_list_owner){0};
}

static void base_list_dropped(struct pair *p)
{
    pair_begin_list(p, 3);
    set_ids(p, 0);
    for (uint64_t i = 0; i < NR_SLOTS; i++) {
        struct metadata_inner_perms *is = perms_at(p, i);

        if (i == IDX)
            continue;
        is->ref_count.value = SPEC_REF_COUNT_UNUSED;
        is->storage.is_init = is->vtable_ptr.is_init = 0;
        is->storage.value = (struct meta_slot_storage){0};
        is->vtable_ptr.value = 0;
    }
    *list(p) = (struct linked_list_owner){0};
}

/* --- good steps: segments, mapping ----------------------------------------------------------- */

/* A step on the frames of IDX and OTHER, which have these counts. */
static void begin_segment(struct pair *p, uint64_t ref_count, uint64_t other_count)
{
    pair_begin(p, ref_count);
    meta_region_owners_boot_slot(&p->pre, OTHER);
    if (other_count != SPEC_REF_COUNT_UNUSED)
        hold(&p->pre.slot_owners[OTHER], other_count);
    meta_region_owners_copy_slot(&p->post, &p->pre, OTHER);
    p->call.end = index_to_frame(OTHER + 1);
    p->call.length[0] = 2 * SPEC_PAGE_SIZE;
    p->outcome.value = 0;
}

static void answer_range(struct pair *p, uint64_t start, uint64_t end)
{
    p->outcome.detail[0] = start;
    p->outcome.detail[1] = end;
}

static void answer_whole(struct pair *p)
{
    answer_range(p, p->call.paddr, p->call.end);
}

static void fail_with(struct pair *p, enum spec_result result)
{
    p->outcome = (struct spec_outcome){.result = result};
}

static void base_segment_made(struct pair *p)
{
    begin_segment(p, SPEC_REF_COUNT_UNUSED, SPEC_REF_COUNT_UNUSED);
    hold(owner(p), 1);
    hold(other(p), 1);
    answer_whole(p);
}

static void base_segment_misaligned(struct pair *p)
{
    begin_segment(p, SPEC_REF_COUNT_UNUSED, SPEC_REF_COUNT_UNUSED);
    p->call.length[0]++;
    fail_with(p, SPEC_NOT_ALIGNED);
}

static void base_segment_beyond(struct pair *p)
{
    begin_segment(p, SPEC_REF_COUNT_UNUSED, SPEC_REF_COUNT_UNUSED);
    p->call.length[0] = NR_SLOTS * SPEC_PAGE_SIZE;
    fail_with(p, SPEC_OUT_OF_BOUND);
}

static void base_segment_empty(struct pair *p)
{
    begin_segment(p, SPEC_REF_COUNT_UNUSED, SPEC_REF_COUNT_UNUSED);
    p->call.length[0] = 0;
    fail_with(p, SPEC_PANIC);
}

/* IDX was made and dropped again, OTHER was in use. */
static void base_segment_failed(struct pair *p)
{
    begin_segment(p, SPEC_REF_COUNT_UNUSED, 3);
    owner(p)->usage = SPEC_USAGE_FRAME;
    fail_with(p, SPEC_IN_USE);
}

/* IDX was in use; OTHER was not reached. */
static void base_segment_failed_at_once(struct pair *p)
{
    begin_segment(p, 3, SPEC_REF_COUNT_UNUSED);
    fail_with(p, SPEC_IN_USE);
}

/* IDX was made and dropped again, OTHER was in use; UNIQUE_OTHER was not reached. */
static void base_segment_failed_between(struct pair *p)
{
    begin_segment(p, SPEC_REF_COUNT_UNUSED, 3);
    meta_region_owners_boot_slot(&p->pre, UNIQUE_OTHER);
    meta_region_owners_copy_slot(&p->post, &p->pre, UNIQUE_OTHER);
    owner(p)->usage = SPEC_USAGE_FRAME;
    p->call.length[0] = 3 * SPEC_PAGE_SIZE;
    fail_with(p, SPEC_IN_USE);
}

/* None was in use, but IDX was refused. */
static void base_segment_refused(struct pair *p)
{
    begin_segment(p, SPEC_REF_COUNT_UNUSED, SPEC_REF_COUNT_UNUSED);
    fail_with(p, SPEC_BUSY);
}

/* None was in use; IDX was made, OTHER was refused, IDX was dropped again. */
static void base_segment_refused_halfway(struct pair *p)
{
    base_segment_refused(p);
    owner(p)->usage = SPEC_USAGE_FRAME;
}

static void base_segment_cloned(struct pair *p)
{
    begin_segment(p, 2, 3);
    *count(p) = 3;
    other(p)->inner_perms.ref_count.value = 4;
    answer_whole(p);
}

static void base_segment_saturated(struct pair *p)
{
    begin_segment(p, 2, SPEC_REF_COUNT_MAX);
    p->call.length[0] = p->call.length[1] = SPEC_PAGE_SIZE;
    fail_with(p, SPEC_PANIC);
}

/* The second of two frames. */
static void base_segment_sliced(struct pair *p)
{
    begin_segment(p, 2, 3);
    p->call.length[0] = p->call.length[1] = SPEC_PAGE_SIZE;
    other(p)->inner_perms.ref_count.value = 4;
    answer_range(p, index_to_frame(OTHER), p->call.end);
}

static void base_segment_sliced_to_nothing(struct pair *p)
{
    begin_segment(p, 2, 3);
    p->call.length[1] = 0;
    answer_range(p, p->call.end, p->call.end);
}

static void base_segment_slice_misaligned(struct pair *p)
{
    begin_segment(p, 2, 3);
    p->call.length[0] = 1;
    p->call.length[1] = SPEC_PAGE_SIZE;
    fail_with(p, SPEC_PANIC);
}

static void base_segment_split(struct pair *p)
{
    begin_segment(p, 2, 3);
    p->call.length[0] = SPEC_PAGE_SIZE;
    answer_range(p, p->call.paddr, index_to_frame(OTHER));
    p->outcome.detail[2] = index_to_frame(OTHER);
    p->outcome.detail[3] = p->call.end;
}

static void base_segment_split_at_end(struct pair *p)
{
    begin_segment(p, 2, 3);
    fail_with(p, SPEC_PANIC);
}

static void base_segment_popped(struct pair *p)
{
    begin_segment(p, 2, 3);
    *obligations(p, IDX) = 1;
    answer_range(p, index_to_frame(OTHER), p->call.end);
    p->outcome.value = meta_addr(IDX);
}

static void base_segment_exhausted(struct pair *p)
{
    begin_segment(p, 2, 3);
    p->call.end = p->call.paddr;
    fail_with(p, SPEC_NONE);
}

static void base_segment_same(struct pair *p)
{
    begin_segment(p, 2, 3);
    answer_whole(p);
}

static void base_segment_of_frame(struct pair *p)
{
    begin_obliged(p, 2, 1);
    *obligations(p, IDX) = 0;
    answer_range(p, p->call.paddr, index_to_frame(OTHER));
}

/* The last reference to IDX, one of two to OTHER. */
static void base_segment_dropped(struct pair *p)
{
    begin_segment(p, 1, 2);
    drop_storage(p);
    drop_vtable(p);
    *count(p) = SPEC_REF_COUNT_UNUSED;
    other(p)->inner_perms.ref_count.value = 1;
}

/* IDX is at the path 3, and in the state `at` at the path 5 too. */
static void begin_path(struct pair *p, struct meta_region_owners *at)
{
    owner(p)->paths_in_pt = p->pre.slot_owners[IDX].paths_in_pt = 1 << 3;
    at->slot_owners[IDX].paths_in_pt |= 1 << 5;
    p->call.path = 5;
}

static void base_mapped(struct pair *p)
{
    begin_obliged(p, 3, 2);
    begin_path(p, &p->post);
    *obligations(p, IDX) = 1;
    p->outcome.value = p->call.paddr;
}

static void base_unmapped(struct pair *p)
{
    begin_obliged(p, 3, 1);
    begin_path(p, &p->pre);
    *obligations(p, IDX) = 2;
}

static void begin_mmio(struct pair *p)
{
    pair_begin(p, SPEC_REF_COUNT_UNUSED);
    owner(p)->usage = p->pre.slot_owners[IDX].usage = SPEC_USAGE_MMIO;
    p->outcome.value = 0;
}

static void base_mmio_mapped(struct pair *p)
{
    begin_mmio(p);
    begin_path(p, &p->post);
}

static void base_mmio_unmapped(struct pair *p)
{
    begin_mmio(p);
    begin_path(p, &p->pre);
}

static void base_reserved(struct pair *p)
{
    begin_segment(p, SPEC_REF_COUNT_UNUSED, SPEC_REF_COUNT_UNUSED);
    hold(owner(p), 1);
    hold(other(p), 1);
    p->call.usage = owner(p)->usage = other(p)->usage = SPEC_USAGE_RESERVED;
}

static void base_mmio(struct pair *p)
{
    begin_segment(p, SPEC_REF_COUNT_UNUSED, SPEC_REF_COUNT_UNUSED);
    p->call.usage = owner(p)->usage = other(p)->usage = SPEC_USAGE_MMIO;
}

static void base_borrowed(struct pair *p)
{
    base_same(p);
    p->outcome.detail[0] = *count(p);
}

static void base_typed(struct pair *p)
{
    base_same(p);
    p->call.type = SPEC_METADATA_PROBE;
}

static void base_not_typed(struct pair *p)
{
    base_same(p);
    p->call.type = SPEC_METADATA_UNTYPED;
    fail_with(p, SPEC_RETURNED);
}

static void base_released_forgotten(struct pair *p)
{
    release_from(p, SPEC_REF_COUNT_UNIQUE, 0);
}

/* --- predicates ------------------------------------------------------------------------------ */

#define EVALUATE(name, expression)                                                                 \
    static bool evaluate_##name(struct pair *p, struct clause_report *report)                      \
    {                                                                                              \
        return expression;                                                                         \
    }
EVALUATE(inner_perms, get_from_unused_inner_perms_spec(p->call.as_unique, perms(p), report))
EVALUATE(get_from_unused,
         get_from_unused_spec(p->call.paddr, p->call.as_unique, &p->pre, &p->post, report))
EVALUATE(get_node_from_unused, get_node_from_unused_spec(p->call.paddr, &p->pre, &p->post, report))
EVALUATE(extracted, slot_perm_extracted_spec(p->call.paddr, &p->pre, &p->post, report))
EVALUATE(reparked, slot_perm_reparked_spec(p->call.paddr, &p->pre, &p->post, report))
EVALUATE(obligations_ok, live_frame_obligations_ok_spec(p->call.paddr, &p->pre, &p->post, report))
EVALUATE(obligations_err, live_frame_obligations_err_spec(&p->pre, &p->post, report))
EVALUATE(perm_spec, get_from_unused_perm_spec(p->call.paddr, p->ptr, &p->perm, report))
EVALUATE(panic_cond, inc_ref_count_panic_cond(&perms(p)->ref_count, report))
EVALUATE(frame_paddr_cond, frame_paddr_safety_cond(&p->perm, report))
EVALUATE(get_from_in_use, get_from_in_use_success(p->call.paddr, &p->pre, &p->post, report))
EVALUATE(drop_last_cond, drop_last_in_place_safety_cond(owner(p), report))
EVALUATE(inc_ref_count, inc_ref_count_spec(&p->pre_model, &p->post_model, report))
EVALUATE(wf, wf(&p->perm.value, owner(p), report))
EVALUATE(metadata_wf, metadata_wf(&p->repr.r, &p->repr.perm, report))
EVALUATE(metadata_to_repr,
         ensures_metadata_to_repr(&p->view, &p->pre.slot_owners[IDX].inner_perms, &p->repr, report))
EVALUATE(metadata_from_repr,
         ensures_metadata_from_repr(&p->repr.r, &p->repr.perm, &p->view, report))
EVALUATE(metadata_from_borrowed,
         ensures_metadata_from_borrowed(&p->repr.r, &p->repr.perm, &p->view, report))
EVALUATE(metadata_from_to_repr, metadata_from_to_repr(&p->view, &p->repr, report))
EVALUATE(metadata_to_from_repr, metadata_to_from_repr(&p->repr.r, &p->repr.perm, &p->view, report))
EVALUATE(metadata_to_repr_wf, metadata_to_repr_wf(&p->repr, report))
EVALUATE(metadata_as_link_wf, metadata_as_link_wf(&p->repr.r, &p->repr.perm, report))
EVALUATE(metadata_as_link_to_repr,
         ensures_metadata_as_link_to_repr(&p->link, &p->pre.slot_owners[IDX].inner_perms, &p->repr,
                                          report))
EVALUATE(metadata_as_link_from_repr,
         ensures_metadata_as_link_from_repr(&p->repr.r, &p->repr.perm, &p->link, report))
EVALUATE(metadata_as_link_from_borrowed,
         ensures_metadata_as_link_from_borrowed(&p->repr.r, &p->repr.perm, &p->link, report))
EVALUATE(metadata_as_link_from_to_repr, metadata_as_link_from_to_repr(&p->link, &p->repr, report))
EVALUATE(metadata_as_link_to_from_repr,
         metadata_as_link_to_from_repr(&p->repr.r, &p->repr.perm, &p->link, report))
EVALUATE(metadata_as_link_to_repr_wf, metadata_as_link_to_repr_wf(&p->repr, report))
EVALUATE(link_wf, link_wf(&p->repr.perm.storage.value, &p->link, report))
EVALUATE(owner_inv, meta_slot_owner_inv(owner(p), report))
EVALUATE(model_inv, meta_slot_model_inv(&p->post_model, report))
EVALUATE(region_inv, meta_region_owners_inv(&p->post, report))
EVALUATE(region_inv_at_other, meta_region_owners_inv_at(&p->post, OTHER, report))
EVALUATE(clean_inv, clean_inv(&p->post, report))
EVALUATE(accounting, accounting(&p->post, IDX, &p->holders, report))
EVALUATE(segment_inv, segment_inv(&p->post, p->call.paddr, p->call.end, report))
EVALUATE(segment_inv_at, segment_inv_at(&p->post, IDX, &p->holders, report))
EVALUATE(list_inv, linked_list_inv(&p->post, LIST, report))
EVALUATE(in_list_inv, in_list_inv_at(&p->post, 0, report))
EVALUATE(in_list_inv_at_front, in_list_inv_at(&p->post, OTHER, report))
#define JUDGE(operation)                                                                           \
    EVALUATE(judge_##operation, judge_##operation(&p->pre, &p->post, &p->call, &p->outcome, report))
JUDGE(setup)
JUDGE(get_slot)
JUDGE(get_from_unused)
JUDGE(repark)
JUDGE(get_from_in_use)
JUDGE(inc_ref_count)
JUDGE(frame_paddr)
JUDGE(as_meta_ptr)
JUDGE(dyn_meta_ptr)
JUDGE(write_meta)
JUDGE(drop_meta_in_place)
JUDGE(drop_last_in_place)
JUDGE(frame_from_unused)
JUDGE(frame_from_in_use)
JUDGE(frame_clone)
JUDGE(frame_drop)
JUDGE(frame_into_raw)
JUDGE(frame_from_raw)
JUDGE(frame_reference_count)
JUDGE(frame_meta)
JUDGE(unique_frame_from_unused)
JUDGE(unique_frame_drop)
JUDGE(frame_from_unique)
JUDGE(unique_frame_try_from)
JUDGE(unique_frame_repurpose)
JUDGE(unique_frame_reset_as_unused)
JUDGE(unique_frame_meta_mut)
JUDGE(unique_frame_into_raw)
JUDGE(unique_frame_from_raw)
JUDGE(page_table_node_alloc)
JUDGE(memory_range)
JUDGE(frame_borrow)
JUDGE(frame_try_from)
JUDGE(frame_map)
JUDGE(frame_unmap)
JUDGE(mmio_map)
JUDGE(mmio_unmap)
JUDGE(segment_from_unused)
JUDGE(segment_clone)
JUDGE(segment_slice)
JUDGE(segment_split)
JUDGE(segment_next)
JUDGE(segment_into_raw)
JUDGE(segment_from_raw)
JUDGE(segment_drop)
JUDGE(segment_from_frame)
JUDGE(lemma_layout)
JUDGE(cast_slot)
JUDGE(metadata_to_repr)
JUDGE(metadata_from_repr)
JUDGE(metadata_from_borrowed)
JUDGE(metadata_as_link_to_repr)
JUDGE(metadata_as_link_from_repr)
JUDGE(metadata_as_link_from_borrowed)
JUDGE(setup_list_id)
JUDGE(list_new)
JUDGE(list_push_front)
JUDGE(list_push_back)
JUDGE(list_pop_front)
JUDGE(list_pop_back)
JUDGE(list_contains)
JUDGE(list_cursor_mut_at)
JUDGE(list_cursor_front_mut)
JUDGE(list_cursor_back_mut)
JUDGE(cursor_move_next)
JUDGE(cursor_move_prev)
JUDGE(cursor_insert_before)
JUDGE(cursor_take_current)
JUDGE(list_drop)
#undef JUDGE
#undef EVALUATE

/* --- cases ----------------------------------------------------------------------------------- */

#define OVERLAP(function, clause, other, reason)
#define CASE(function, clause, good, predicate, statement)                                         \
    static void break_##function##__##clause##__##good##__##predicate(struct pair *p)              \
    {                                                                                              \
        statement;                                                                                 \
    }
#include "clause_cases.def"
#undef CASE

struct clause_case {
    enum clause_id id;
    const char *base_name;
    void (*base)(struct pair *p);
    bool (*evaluate)(struct pair *p, struct clause_report *report);
    void (*breaking)(struct pair *p);
};

static const struct clause_case CASES[] = {
#define CASE(function, clause, good, predicate, statement)                                         \
    {.id = CLAUSE_##function##__##clause,                                                          \
     .base_name = #good,                                                                           \
     .base = base_##good,                                                                          \
     .evaluate = evaluate_##predicate,                                                             \
     .breaking = break_##function##__##clause##__##good##__##predicate},
#include "clause_cases.def"
#undef CASE
#undef OVERLAP
};

static const struct {
    enum clause_id id, other;
    const char *reason;
} OVERLAPS[] = {
#define CASE(function, clause, base, evaluate, breaking)
#define OVERLAP(function, clause, other_, reason_)                                                 \
    {.id = CLAUSE_##function##__##clause, .other = other_, .reason = reason_},
#include "clause_cases.def"
#undef OVERLAP
#undef CASE
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* May `other` fail where `id` is broken? */
static bool overlaps(enum clause_id id, enum clause_id other)
{
    for (size_t i = 0; i < LENGTH(OVERLAPS); i++)
        if (OVERLAPS[i].id == id && OVERLAPS[i].other == other)
            return true;
    return id == other;
}

/* How the two states are related. */
enum form { FORM_CHANGE, FORM_PLAIN };

static bool judge_case(const struct clause_case *c, enum form form, bool broken,
                       struct clause_report *report)
{
    struct pair p;
    bool holds;

    c->base(&p);
    pair_finish(&p);
    if (broken)
        c->breaking(&p);
    if (form == FORM_PLAIN)
        meta_region_owners_rebase(&p.post, NULL);
    memset(report, 0, sizeof(*report));
    holds = c->evaluate(&p, report);
    pair_end(&p);
    return holds;
}

static void check_good(const struct clause_case *c, enum form form)
{
    const char *id = CLAUSES[c->id].id;
    struct clause_report report;

    if (!judge_case(c, form, false, &report) || report.nr_failed != 0)
        fail_msg("%s: the good step %s breaks %s", id, c->base_name, CLAUSES[report.failed[0]].id);
    if (report.evaluated[c->id] == 0)
        fail_msg("%s is not asked of the good step %s", id, c->base_name);
}

static void check_broken(const struct clause_case *c, enum form form)
{
    const char *id = CLAUSES[c->id].id;
    struct clause_report report;

    if (judge_case(c, form, true, &report))
        fail_msg("%s: the verdict on the broken step %s is good", id, c->base_name);
    if (!clause_report_has(&report, c->id))
        fail_msg("%s is not reported for %s", id, c->base_name);
    for (uint32_t i = 0; i < report.nr_failed; i++)
        if (!overlaps(c->id, report.failed[i]))
            fail_msg("%s: breaking it in %s breaks %s too", id, c->base_name,
                     CLAUSES[report.failed[i]].id);
}

static void test_clauses_break_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        check_good(&CASES[i], FORM_CHANGE);
        check_good(&CASES[i], FORM_PLAIN);
        check_broken(&CASES[i], FORM_CHANGE);
        check_broken(&CASES[i], FORM_PLAIN);
    }
}

/* A step that is a change of another is judged as two whole states are. */
static void test_forms_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        struct clause_report change, plain;

        assert_int_equal(judge_case(&CASES[i], FORM_CHANGE, true, &change),
                         judge_case(&CASES[i], FORM_PLAIN, true, &plain));
        if (memcmp(&change, &plain, sizeof(change)) != 0)
            fail_msg("%s: the report depends on the form", CLAUSES[CASES[i].id].id);
    }
}

/* What a table says cannot be broken alone is indeed broken together. */
static void test_overlaps_are_real(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        struct clause_report report;

        judge_case(&CASES[i], FORM_CHANGE, true, &report);
        for (size_t j = 0; j < LENGTH(OVERLAPS); j++)
            if (OVERLAPS[j].id == CASES[i].id && !clause_report_has(&report, OVERLAPS[j].other))
                fail_msg("%s breaks alone; strike its overlap: %s", CLAUSES[CASES[i].id].id,
                         OVERLAPS[j].reason);
    }
}

/* Adding a clause without a case for it ends here. */
static void test_every_clause_has_a_case(void **state)
{
    bool has_case[NR_CLAUSES] = {false};

    (void)state;
    for (size_t i = 0; i < LENGTH(CASES); i++)
        has_case[CASES[i].id] = true;
    for (int id = 0; id < NR_CLAUSES; id++) {
        /* Clauses of the executable functions are found by comparison, not by a predicate. */
        const bool predicate = CLAUSES[id].kind != CLAUSE_KIND_EXEC;

        if (predicate != has_case[id])
            fail_msg("%s: %s", CLAUSES[id].id,
                     predicate ? "no case in clause_cases.def" : "has a case but no predicate");
    }
}

static bool same_function(uint32_t a, uint32_t b)
{
    return strcmp(CLAUSES[a].function, CLAUSES[b].function) == 0;
}

/* Breaks every clause of the case's function that has a case with the same good step. */
static void break_all(const struct clause_case *c, struct pair *p, bool broken[NR_CLAUSES])
{
    for (size_t i = 0; i < LENGTH(CASES); i++)
        if (CASES[i].base == c->base && CASES[i].evaluate == c->evaluate &&
            same_function(CASES[i].id, c->id)) {
            CASES[i].breaking(p);
            broken[CASES[i].id] = true;
        }
}

/* The next clause of the function among those that failed, from `at` on. */
static uint32_t next_failed(const struct clause_report *report, enum clause_id function,
                            uint32_t *at)
{
    while (*at < report->nr_failed && !same_function(report->failed[*at], function))
        ++*at;
    return *at < report->nr_failed ? report->failed[(*at)++] : NR_CLAUSES;
}

/*
 * A clause that fails does not hide the next, and a report lists them as the source does. Only for
 * spec functions: the clauses of an invariant exclude each other.
 */
static void test_all_clauses_in_source_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(CASES); i++) {
        bool broken[NR_CLAUSES] = {false};
        struct clause_report report = {0};
        uint32_t at = 0;
        struct pair p;

        if (CLAUSES[CASES[i].id].kind != CLAUSE_KIND_SPEC)
            continue;
        CASES[i].base(&p);
        pair_finish(&p);
        break_all(&CASES[i], &p, broken);
        assert_false(CASES[i].evaluate(&p, &report));
        for (uint32_t id = 0; id < NR_CLAUSES; id++)
            if (broken[id] && next_failed(&report, CASES[i].id, &at) != id)
                fail_msg("%s is missing or not in its place", CLAUSES[id].id);
        pair_end(&p);
    }
}

/* In get_from_unused_spec the clauses on the permissions stand after the first of its own. */
static void test_nested_clauses_in_source_order(void **state)
{
    static const uint16_t ORDER[] = {
        CLAUSE_get_from_unused_spec__owners_dom,
        CLAUSE_get_from_unused_inner_perms_spec__ref_count,
        CLAUSE_get_from_unused_inner_perms_spec__in_list,
        CLAUSE_get_from_unused_inner_perms_spec__storage,
        CLAUSE_get_from_unused_inner_perms_spec__vtable_ptr,
        CLAUSE_get_from_unused_spec__usage,
        CLAUSE_get_from_unused_spec__slot_vaddr,
        CLAUSE_get_from_unused_spec__paths_in_pt,
        CLAUSE_get_from_unused_spec__others,
        CLAUSE_get_from_unused_spec__pre_unused,
    };
    struct clause_report report = {0};
    struct pair p;

    (void)state;
    pair_begin(&p, SPEC_REF_COUNT_UNUSED);
    *owner(&p) = (struct meta_slot_owner){.inner_perms.in_list.value = 1, .paths_in_pt = 1};
    lose_owner(&p.post, OTHER);
    set_pre_count(&p, 1);
    assert_false(get_from_unused_spec(p.call.paddr, false, &p.pre, &p.post, &report));
    assert_int_equal(report.nr_failed, LENGTH(ORDER));
    assert_memory_equal(report.failed, ORDER, sizeof(ORDER));
    pair_end(&p);
}

static void test_report_counts_and_begins_anew(void **state)
{
    struct clause_report report = {0};

    (void)state;
    assert_true(clause(&report, CLAUSE_wf__storage, true));
    assert_false(clause(&report, CLAUSE_wf__in_list, false));
    assert_false(clause(&report, CLAUSE_wf__in_list, false));
    assert_int_equal(report.evaluated[CLAUSE_wf__storage], 1);
    assert_int_equal(report.evaluated[CLAUSE_wf__in_list], 2);
    assert_int_equal(report.nr_failed, 1);
    assert_true(clause_report_has(&report, CLAUSE_wf__in_list));
    assert_false(clause_report_has(&report, CLAUSE_wf__storage));
    clause_report_begin(&report);
    assert_false(clause_report_has(&report, CLAUSE_wf__in_list));
    assert_int_equal(report.evaluated[CLAUSE_wf__in_list], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clauses_break_alone),
        cmocka_unit_test(test_forms_agree),
        cmocka_unit_test(test_overlaps_are_real),
        cmocka_unit_test(test_every_clause_has_a_case),
        cmocka_unit_test(test_all_clauses_in_source_order),
        cmocka_unit_test(test_nested_clauses_in_source_order),
        cmocka_unit_test(test_report_counts_and_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
