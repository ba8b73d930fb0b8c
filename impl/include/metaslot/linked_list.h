/* SPDX-License-Identifier: MPL-2.0 */
/*
 * LinkedList: an intrusive list of frames. The links are the frames' own metadata, FrameLink.
 *
 * A list owns its frames as UniqueFrames that are forgotten while they are in it. Links are
 * addresses of slots. An element's `in_list` is the id of its list; a list has the id 0 until it is
 * needed, then one from the region's counter.
 *
 *      front ──► slot ◄──► slot ◄──► slot ◄── back
 *                 ▲                        (ghost: behind the last, before the first)
 *               cursor
 *
 * Each list must be given to linked_list_drop, which leaves it empty. A list and its cursor belong
 * to one thread at a time; functions on different lists may run at once. A cursor is good until any
 * other function is called on its list, and the list must not be moved meanwhile.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metaslot/unique_frame.h"

/* Ids from here on are not given out: the region's panic hook is called instead. */
#define MAX_LIST_ID (UINT64_MAX >> 1)

struct linked_list {
    struct meta_slot *front; /* null if the list is empty */
    struct meta_slot *back;
    uint64_t size;    /* number of elements */
    uint64_t list_id; /* 0 until it is needed */
};

/* CursorMut. */
struct linked_list_cursor {
    struct linked_list *list;
    struct meta_slot *current; /* null: at the ghost */
};

/* LinkedList::new: an empty list, without an id. */
METASLOT_MUST_CHECK static inline struct linked_list linked_list_new(void)
{
    return (struct linked_list){0};
}

/* LinkedList::lazy_get_id of a list that has none: draws one, or panics. */
__attribute__((cold)) METASLOT_MUST_CHECK enum metaslot_result
linked_list_draw_id(const struct meta_region *region, struct linked_list *list);

/* LinkedList::lazy_get_id: afterwards the list has an id, unless this panics. */
METASLOT_MUST_CHECK static inline enum metaslot_result
linked_list_lazy_get_id(const struct meta_region *region, struct linked_list *list)
{
    return list->list_id != 0 ? METASLOT_OK : linked_list_draw_id(region, list);
}

/* --- links ---------------------------------------------------------------------------------- */

/* The slot that a link leads to, or null. */
static inline struct meta_slot *linked_list_link_target(struct optional_addr link)
{
    return link.is_some != 0 ? (struct meta_slot *)(uintptr_t)link.addr : NULL;
}

static inline struct optional_addr linked_list_link_to(const struct meta_slot *slot)
{
    return (struct optional_addr){slot != NULL, (uint64_t)(uintptr_t)slot};
}

/* The neighbours of a list's element, null at the ends. Unsafe: its metadata is a FrameLink. */
static inline struct meta_slot *linked_list_next(const struct meta_slot *slot)
{
    struct optional_addr link;

    nonatomic_copy_out(&link, slot->storage + offsetof(struct frame_link_meta, next), sizeof(link));
    return linked_list_link_target(link);
}

static inline struct meta_slot *linked_list_prev(const struct meta_slot *slot)
{
    struct optional_addr link;

    nonatomic_copy_out(&link, slot->storage + offsetof(struct frame_link_meta, prev), sizeof(link));
    return linked_list_link_target(link);
}

static inline void linked_list_set_next(struct meta_slot *slot, const struct meta_slot *next)
{
    struct optional_addr link = linked_list_link_to(next);

    nonatomic_copy_in(slot->storage + offsetof(struct frame_link_meta, next), &link, sizeof(link));
}

static inline void linked_list_set_prev(struct meta_slot *slot, const struct meta_slot *prev)
{
    struct optional_addr link = linked_list_link_to(prev);

    nonatomic_copy_in(slot->storage + offsetof(struct frame_link_meta, prev), &link, sizeof(link));
}

/* Makes `next` what comes behind `slot`, or at the front if that is null. */
static inline void linked_list_lead_forward(struct linked_list *list, struct meta_slot *slot,
                                            struct meta_slot *next)
{
    if (slot != NULL)
        linked_list_set_next(slot, next);
    else
        list->front = next;
}

/* Makes `prev` what comes before `slot`, or at the back if that is null. */
static inline void linked_list_lead_back(struct linked_list *list, struct meta_slot *slot,
                                         struct meta_slot *prev)
{
    if (slot != NULL)
        linked_list_set_prev(slot, prev);
    else
        list->back = prev;
}

/* --- cursors --------------------------------------------------------------------------------- */

/* LinkedList::cursor_front_mut: at the first element, or at the ghost of an empty list. */
static inline struct linked_list_cursor linked_list_cursor_front_mut(struct linked_list *list)
{
    return (struct linked_list_cursor){list, list->front};
}

/* LinkedList::cursor_back_mut */
static inline struct linked_list_cursor linked_list_cursor_back_mut(struct linked_list *list)
{
    return (struct linked_list_cursor){list, list->back};
}

/* LinkedList::cursor_at_ghost_mut */
static inline struct linked_list_cursor linked_list_cursor_at_ghost_mut(struct linked_list *list)
{
    return (struct linked_list_cursor){list, NULL};
}

/* LinkedList::cursor_mut_at: METASLOT_NONE if the list does not contain it. Panics as contains. */
METASLOT_MUST_CHECK enum metaslot_result
linked_list_cursor_mut_at(const struct meta_region *region, struct linked_list *list,
                          uint64_t paddr, struct linked_list_cursor *cursor);

/* CursorMut::move_next: to the next element; behind the last is the ghost, behind that the first.
 */
static inline void linked_list_cursor_move_next(struct linked_list_cursor *cursor)
{
    cursor->current =
        cursor->current != NULL ? linked_list_next(cursor->current) : cursor->list->front;
}

/* CursorMut::move_prev */
static inline void linked_list_cursor_move_prev(struct linked_list_cursor *cursor)
{
    cursor->current =
        cursor->current != NULL ? linked_list_prev(cursor->current) : cursor->list->back;
}

/*
 * CursorMut::insert_before: the frame goes before the current element, at the ghost to the back,
 * and its handle is void; the cursor stays where it is. Panics if the list needs an id and there is
 * none left; the list is then broken and the frame lost, as where upstream aborts. Unsafe: the
 * frame's metadata is a FrameLink without links, and it is in no list.
 */
METASLOT_MUST_CHECK static inline enum metaslot_result
linked_list_cursor_insert_before(const struct meta_region *region,
                                 struct linked_list_cursor *cursor, struct unique_frame frame)
{
    struct linked_list *list = cursor->list;
    struct meta_slot *slot = frame.slot, *next = cursor->current;
    struct meta_slot *prev = next != NULL ? linked_list_prev(next) : list->back;
    enum metaslot_result result;

    linked_list_lead_forward(list, prev, slot);
    linked_list_lead_back(list, next, slot);
    linked_list_set_next(slot, next);
    linked_list_set_prev(slot, prev);
    result = linked_list_lazy_get_id(region, list);
    if (result != METASLOT_OK)
        return result;
    /* Relaxed: others may see it late; they read nothing because of it. */
    atomic_store_relaxed(&slot->in_list, list->list_id);
    /* UniqueFrame::into_raw */
    ghost_obligation_redeemed(region, slot);
    list->size++;
    return METASLOT_OK;
}

/*
 * CursorMut::take_current: the current element, without links and in no list; the cursor moves to
 * the next one or to the ghost. METASLOT_NONE, with nothing changed, at the ghost.
 */
METASLOT_MUST_CHECK static inline enum metaslot_result
linked_list_cursor_take_current(const struct meta_region *region, struct linked_list_cursor *cursor,
                                struct unique_frame *frame)
{
    struct linked_list *list = cursor->list;
    struct meta_slot *slot = cursor->current, *next, *prev;

    if (slot == NULL)
        return METASLOT_NONE;
    /* UniqueFrame::from_raw */
    ghost_obligation_minted(region, slot);
    next = linked_list_next(slot);
    prev = linked_list_prev(slot);
    linked_list_lead_forward(list, prev, next);
    linked_list_lead_back(list, next, prev);
    cursor->current = next;
    linked_list_set_next(slot, NULL);
    linked_list_set_prev(slot, NULL);
    /* Relaxed, as in linked_list_cursor_insert_before. */
    atomic_store_relaxed(&slot->in_list, 0);
    list->size--;
    frame->slot = slot;
    return METASLOT_OK;
}

/* --- lists ----------------------------------------------------------------------------------- */

/*
 * LinkedList::push_front, push_back: the frame becomes the first, the last element. Panics, and
 * what the caller promises, as of linked_list_cursor_insert_before.
 */
METASLOT_MUST_CHECK static inline enum metaslot_result
linked_list_push_front(const struct meta_region *region, struct linked_list *list,
                       struct unique_frame frame)
{
    struct linked_list_cursor cursor = linked_list_cursor_front_mut(list);

    return linked_list_cursor_insert_before(region, &cursor, frame);
}

METASLOT_MUST_CHECK static inline enum metaslot_result
linked_list_push_back(const struct meta_region *region, struct linked_list *list,
                      struct unique_frame frame)
{
    struct linked_list_cursor cursor = linked_list_cursor_at_ghost_mut(list);

    return linked_list_cursor_insert_before(region, &cursor, frame);
}

/* LinkedList::pop_front, pop_back: METASLOT_NONE, with nothing changed, if the list is empty. */
METASLOT_MUST_CHECK static inline enum metaslot_result
linked_list_pop_front(const struct meta_region *region, struct linked_list *list,
                      struct unique_frame *frame)
{
    struct linked_list_cursor cursor = linked_list_cursor_front_mut(list);

    return linked_list_cursor_take_current(region, &cursor, frame);
}

METASLOT_MUST_CHECK static inline enum metaslot_result
linked_list_pop_back(const struct meta_region *region, struct linked_list *list,
                     struct unique_frame *frame)
{
    struct linked_list_cursor cursor = linked_list_cursor_back_mut(list);

    return linked_list_cursor_take_current(region, &cursor, frame);
}

/*
 * LinkedList::contains: is the frame at `paddr`, any 64-bit number, in this list? Gives the list an
 * id if it has none and `paddr` has a slot; panics if there is none left.
 */
METASLOT_MUST_CHECK enum metaslot_result linked_list_contains(const struct meta_region *region,
                                                              struct linked_list *list,
                                                              uint64_t paddr, bool *contained);

/* LinkedList's Drop: takes every element out, from the front, and drops it. */
void linked_list_drop(const struct meta_region *region, struct linked_list *list);
