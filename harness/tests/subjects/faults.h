/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What can be broken in the independent subject; the word before the colon is the operation that is
 * broken. One fault per line: the build takes the names from here.
 */
#pragma once

#include <stdbool.h>

enum fault {
    FAULT_none,
    /* get_slot: beyond the end, OutOfBound even if the address is not aligned */
    FAULT_bound_before_alignment,
    /* get_slot: MAX_PADDR itself has a slot */
    FAULT_bound_off_by_one,
    /* get_from_unused: Busy for a slot that is unique */
    FAULT_busy_for_unique,
    /* get_from_unused: a slot under construction (count 0) can be claimed */
    FAULT_claims_busy,
    /* get_from_unused: a slot in use gets the new metadata, then the claim fails */
    FAULT_failed_claim_overwrites,
    /* get_from_unused: a failed claim leaves the count 0, as an exchange without compare would */
    FAULT_failed_claim_swaps,
    /* get_from_unused: the next slot gets the count too */
    FAULT_claim_counts_neighbour,
    /* unique_frame_from_unused: the count is 1 */
    FAULT_unique_claim_shared,
    /* get_from_in_use: the count grows by 2 */
    FAULT_in_use_adds_two,
    /* get_from_in_use: a slot under construction (count 0) counts as in use */
    FAULT_in_use_takes_busy,
    /* get_from_in_use: goes on at saturation */
    FAULT_in_use_past_max,
    /* get_from_in_use: panics at MAX - 1 */
    FAULT_in_use_panics_early,
    /* get_from_in_use: the count has grown when it panics */
    FAULT_in_use_counts_panic,
    /* inc_ref_count: goes on at saturation */
    FAULT_inc_past_max,
    /* frame_paddr: the address of the next frame */
    FAULT_paddr_off_by_page,
    /* as_meta_ptr: points behind the first word */
    FAULT_meta_ptr_off_by_word,
    /* dyn_meta_ptr: a FrameLink has the vtable of PTNode */
    FAULT_other_vtable,
    /* write_meta: drops the metadata that it overwrites */
    FAULT_write_drops,
    /* drop_meta_in_place: no on_drop */
    FAULT_on_drop_forgotten,
    /* drop_meta_in_place: on_drop runs twice */
    FAULT_on_drop_twice,
    /* drop_meta_in_place: on_drop gets the address of the next frame */
    FAULT_on_drop_other_frame,
    /* drop_last_in_place: in_list is 1 afterwards */
    FAULT_in_list_left,
    /* drop_last_in_place: in_list of the next slot is 1 afterwards */
    FAULT_drop_lists_neighbour,
    /* drop_last_in_place: the count stays 0 */
    FAULT_drop_leaves_zero,
    /* frame_clone: the count stays */
    FAULT_clone_uncounted,
    /* frame_drop: the count shrinks by 2 */
    FAULT_drop_subtracts_two,
    /* frame_drop: the last handle but one frees the slot */
    FAULT_drop_frees_early,
    /* frame_into_raw: gives the reference back */
    FAULT_into_raw_uncounts,
    /* frame_from_raw: counts one more reference */
    FAULT_from_raw_counts,
    /* unique_frame_try_from: a frame with two references becomes unique */
    FAULT_try_from_shared,
    /* unique_frame_repurpose: the old metadata stays */
    FAULT_repurpose_keeps,
    /* unique_frame_repurpose: the new metadata is dropped, not the old */
    FAULT_repurpose_drops_new,
    /* unique_frame_reset_as_unused: the count stays UNIQUE */
    FAULT_reset_leaves_unique,
    /* unique_frame_meta_mut: assigns nothing */
    FAULT_meta_mut_ignored,
    /* page_table_node_alloc: one level too high */
    FAULT_node_level_off,
    /* get_from_unused: no slot is ever granted, which get_from_unused_spec allows */
    FAULT_never_grants,
    /* get_from_in_use: a slot with the count 1 counts as under construction */
    FAULT_refuses_in_use,
    /* memory_range: kernel memory stays unused */
    FAULT_kernel_range_unused,
    /* memory_range: the last frame is left out */
    FAULT_memory_range_misses_last,
    /* memory_range: MMIO memory is claimed like the rest */
    FAULT_mmio_range_claimed,
    /* set_next_list_id: one too many */
    FAULT_next_list_id_off_by_one,
    /* frame_borrow: the reference counts */
    FAULT_borrow_counts,
    /* frame_borrow: giving the reference up takes one away */
    FAULT_borrow_drops,
    /* frame_try_from: any type will do */
    FAULT_try_from_any_type,
    /* frame_try_from: a frame of another type is dropped instead of returned */
    FAULT_try_from_drops,
    /* frame_map: drops the handle instead of forgetting it */
    FAULT_map_drops_reference,
    /* frame_map: the path is not reported */
    FAULT_map_path_unreported,
    /* frame_map: the handle still owes its drop */
    FAULT_map_owes,
    /* frame_unmap: the path stays */
    FAULT_unmap_leaves_path,
    /* frame_unmap: another path is removed */
    FAULT_unmap_other_path,
    /* frame_unmap: counts one more reference */
    FAULT_unmap_counts,
    /* mmio_map: counts a reference */
    FAULT_mmio_map_counts,
    /* list_push_back: inserts before the last element, as the verified source does */
    FAULT_push_back_before_last,
    /* list_push_back: the cursor stays */
    FAULT_push_back_keeps_cursor,
    /* cursor_insert_before: at the ghost, inserts at the front */
    FAULT_ghost_inserts_at_front,
    /* cursor_insert_before: an insertion at the front leaves `front` as it is */
    FAULT_insert_leaves_front,
    /* cursor_insert_before: an insertion at the back leaves `back` as it is */
    FAULT_insert_leaves_back,
    /* cursor_insert_before: the next element's link back is not rewired */
    FAULT_insert_leaves_prev_link,
    /* cursor_insert_before: the previous element's link forward is not rewired */
    FAULT_insert_leaves_next_link,
    /* cursor_insert_before: the size stays */
    FAULT_insert_leaves_size,
    /* cursor_insert_before: in_list stays 0 */
    FAULT_insert_leaves_in_list,
    /* cursor_insert_before: the handle still owes its drop */
    FAULT_insert_owes,
    /* list_pop_back: takes the front */
    FAULT_pop_back_takes_front,
    /* list_pop_front: in_list stays */
    FAULT_pop_front_leaves_in_list,
    /* cursor_take_current: the link forward stays in the frame */
    FAULT_take_leaves_link,
    /* cursor_take_current: the next element's link back is not rewired */
    FAULT_take_leaves_prev_link,
    /* cursor_take_current: `back` stays at the frame taken */
    FAULT_take_leaves_back,
    /* cursor_take_current: the size stays */
    FAULT_take_leaves_size,
    /* cursor_take_current: the cursor stays */
    FAULT_take_leaves_cursor,
    /* cursor_take_current: the cursor goes to the previous element */
    FAULT_take_moves_back,
    /* cursor_take_current: the handle owes no drop */
    FAULT_take_owes_nothing,
    /* list_contains: without an id of its own, compares with 0 */
    FAULT_contains_compares_zero,
    /* list_contains: true for a frame of any list */
    FAULT_contains_any_list,
    /* list_contains: an address without a slot needs an id too */
    FAULT_contains_always_needs_id,
    /* list_cursor_mut_at: draws no id */
    FAULT_cursor_at_without_id,
    /* list_cursor_mut_at: stands at the front */
    FAULT_cursor_at_front,
    /* list_cursor_back_mut: stands at the ghost */
    FAULT_back_cursor_at_ghost,
    /* cursor_move_next: stays at the ghost */
    FAULT_move_next_stays_at_ghost,
    /* cursor_move_prev: from the front to the back, past the ghost */
    FAULT_move_prev_skips_ghost,
    /* list_drop: the last element stays */
    FAULT_list_drop_misses_last,
    /* list_drop: frees the frames while they are in the list */
    FAULT_list_drop_leaves_in_list,
    /* list_push_front: the first id is 0 */
    FAULT_list_ids_from_zero,
    /* list_push_front: every list gets the same id */
    FAULT_list_ids_repeat,
    /* list_push_front: MAX is an id */
    FAULT_list_ids_past_max,
    /* segment_from_unused: a failure keeps the frames made so far */
    FAULT_segment_keeps_made,
    /* segment_from_unused: a failure keeps the last frame made */
    FAULT_segment_keeps_last_made,
    /* segment_from_unused: a failure frees the frames without their on_drop */
    FAULT_segment_frees_without_on_drop,
    /* segment_from_unused: a range up to MAX_PADDR is out of bounds */
    FAULT_segment_bound_off_by_one,
    /* segment_from_unused: the end need not be aligned */
    FAULT_segment_end_unaligned,
    /* segment_from_unused: the bound is checked before the alignment */
    FAULT_segment_bound_before_alignment,
    /* segment_from_unused: an empty range is a segment */
    FAULT_segment_empty_granted,
    /* segment_from_unused: every frame gets the first one's metadata */
    FAULT_segment_metadata_of_first,
    /* segment_clone: the last frame is not counted */
    FAULT_segment_clone_misses_last,
    /* segment_slice: counts nothing */
    FAULT_slice_uncounted,
    /* segment_slice: one page more at the end */
    FAULT_slice_page_longer,
    /* segment_slice: an empty slice counts the frame where it stands */
    FAULT_slice_empty_counts,
    /* segment_slice: a slice may end a page behind the segment */
    FAULT_slice_end_unchecked,
    /* segment_split: the first part may be empty */
    FAULT_split_at_zero,
    /* segment_split: the second part may be empty */
    FAULT_split_at_end,
    /* segment_split: the frame at the cut gets a reference for each part */
    FAULT_split_counts,
    /* segment_next: the range does not shrink */
    FAULT_next_leaves_range,
    /* segment_next: the frame gets a reference of its own */
    FAULT_next_counts,
    /* segment_into_raw: drops the segment */
    FAULT_segment_into_raw_drops,
    /* segment_from_raw: counts the frames again */
    FAULT_segment_from_raw_counts,
    /* segment_drop: the last frame is not dropped */
    FAULT_segment_drop_misses_last,
    /* segment_from_frame: counts the frame again */
    FAULT_segment_from_frame_counts,
    /* lemma_layout: slots are 96 bytes */
    FAULT_slot_size_ninety_six,
    /* cast_slot: points behind the first word */
    FAULT_cast_slot_off_by_word,
    /* metadata_to_repr: the vtable pointer stays */
    FAULT_to_repr_leaves_vtable,
    /* metadata_to_repr: writes the count where in_list belongs, and the other way round */
    FAULT_to_repr_swaps_words,
    /* metadata_to_repr: drops the metadata that was there */
    FAULT_to_repr_drops,
    /* metadata_from_repr: the count of the repr before */
    FAULT_from_repr_stale_count,
    /* metadata_as_link_from_repr: in_list is always 0 */
    FAULT_as_link_forgets_in_list,
    /* metadata_from_borrowed: reads at a copy */
    FAULT_from_borrowed_copies,
    /* metadata_as_link_to_repr: next and prev are swapped */
    FAULT_as_link_swaps_links,
    /* reset: the last slot of the list stays as it is; shows in the next program */
    FAULT_reset_forgets,
    /* frame_drop: ends the process */
    FAULT_crash,
    /* get_from_in_use: does not return if the count is 2 */
    FAULT_hang,
    /* destroy: ends the process */
    FAULT_crash_in_destroy,
    /* create: slot 0 has the count 0 */
    FAULT_create_in_use,
    /* create: an answer that there is none of */
    FAULT_create_unknown,
    /* create: prints to standard output, which is no fault */
    FAULT_talks,
};

#pragma GCC visibility push(hidden)

/* The one fault of this library; entry.c defines it. */
extern const enum fault THE_FAULT;

#pragma GCC visibility pop

static inline bool is_broken(enum fault fault)
{
    return THE_FAULT == fault;
}
