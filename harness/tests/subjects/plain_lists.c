/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The independent subject: LinkedList and CursorMut. An element is a unique frame that the list has
 * forgotten; its links are the next and prev of its FrameLink.
 */
#include <string.h>

#include "plain.h"

void reset_lists(struct slotcheck_region *region)
{
    memset(region->lists, 0, sizeof(region->lists));
    region->next_list_id = is_broken(FAULT_list_ids_from_zero) ? 0 : 1;
}

static void set_next_list_id(struct slotcheck_region *region, uint64_t id)
{
    region->next_list_id = id + is_broken(FAULT_next_list_id_off_by_one);
}

static struct frame_link *link_of(struct slot *element)
{
    return &element->object.link;
}

static struct slot *next_of(struct slot *element)
{
    return slot_at(link_of(element)->next);
}

static struct slot *prev_of(struct slot *element)
{
    return slot_at(link_of(element)->prev);
}

/* Gives the list an id if it has none: OK, or PANIC. */
static uint32_t need_id(struct slotcheck_region *region, struct list *list)
{
    if (list->id != 0)
        return SLOTCHECK_OK;
    uint64_t id = region->next_list_id;
    if (!is_broken(FAULT_list_ids_repeat))
        region->next_list_id++;
    if (id > REF_COUNT_MAX || (id == REF_COUNT_MAX && !is_broken(FAULT_list_ids_past_max)))
        return panic();
    list->id = id;
    return SLOTCHECK_OK;
}

/* Makes `next` follow `prev`; null is the ghost, whose neighbours are the list's front and back. */
static void join(struct list *list, struct slot *prev, struct slot *next)
{
    if (prev)
        link_of(prev)->next = address_of(next);
    else
        list->front = next;
    if (next)
        link_of(next)->prev = address_of(prev);
    else
        list->back = prev;
}

/* What the faults of an insertion leave as it was. */
static void break_insertion(struct list *list, struct slot *prev, struct slot *next,
                            const struct list *before)
{
    if (is_broken(FAULT_insert_leaves_front) && !prev && before->front)
        list->front = before->front;
    if (is_broken(FAULT_insert_leaves_back) && !next && before->back)
        list->back = before->back;
    if (is_broken(FAULT_insert_leaves_prev_link) && next)
        link_of(next)->prev = address_of(prev);
    if (is_broken(FAULT_insert_leaves_next_link) && prev)
        link_of(prev)->next = address_of(next);
}

/* Inserts before `next`, null being the ghost. */
static uint32_t insert(struct slotcheck_region *region, struct list *list, struct slot *next,
                       struct slot *element)
{
    const struct list before = *list;
    if (is_broken(FAULT_ghost_inserts_at_front) && !next)
        next = list->front;
    struct slot *prev = next ? prev_of(next) : list->back;
    join(list, prev, element);
    join(list, element, next);
    break_insertion(list, prev, next, &before);
    if (need_id(region, list) != SLOTCHECK_OK)
        return SLOTCHECK_PANIC;
    element->in_list = is_broken(FAULT_insert_leaves_in_list) ? 0 : list->id;
    list->size += !is_broken(FAULT_insert_leaves_size);
    if (!is_broken(FAULT_insert_owes))
        redeem(region, element);
    return SLOTCHECK_OK;
}

/* What the faults of a removal leave as it was. */
static void break_removal(struct list *list, struct slot *element, struct slot *prev,
                          struct slot *next)
{
    if (is_broken(FAULT_take_leaves_link))
        link_of(element)->next = address_of(next);
    if (is_broken(FAULT_take_leaves_prev_link) && next)
        link_of(next)->prev = address_of(element);
    if (is_broken(FAULT_take_leaves_back) && !next && prev)
        list->back = element;
}

/* Takes the element out: a unique frame that owes its drop. */
static void take(struct slotcheck_region *region, struct list *list, struct slot *element)
{
    struct slot *prev = prev_of(element), *next = next_of(element);
    join(list, prev, next);
    link_of(element)->next = 0;
    link_of(element)->prev = 0;
    break_removal(list, element, prev, next);
    element->in_list = 0;
    list->size -= !is_broken(FAULT_take_leaves_size);
    if (!is_broken(FAULT_take_owes_nothing))
        mint(region, element);
}

/* --- LinkedList ----------------------------------------------------------------------------------
 */

static uint64_t list_new(struct slotcheck_region *region)
{
    uint64_t i = 0;
    while (region->lists[i].is_live)
        i++;
    region->lists[i] = (struct list){.is_live = true};
    return i;
}

static void list_drop(struct slotcheck_region *region, uint64_t i)
{
    struct list *list = &region->lists[i];
    while (list->front) {
        struct slot *element = list->front;
        uint64_t in_list = element->in_list;
        take(region, list, element);
        if (is_broken(FAULT_list_drop_misses_last) && !list->front)
            break;
        if (is_broken(FAULT_list_drop_leaves_in_list))
            element->in_list = in_list;
        unique_frame_drop(region, address_of(element));
    }
    list->is_live = false;
}

static void read_list(struct slotcheck_region *region, uint64_t i, struct slotcheck_list *out)
{
    const struct list *list = &region->lists[i];
    out->front = address_of(list->front);
    out->back = address_of(list->back);
    out->size = list->size;
    out->list_id = list->id;
    out->current = address_of(list->current);
}

static uint32_t list_push_front(struct slotcheck_region *region, uint64_t i, uint64_t frame)
{
    struct list *list = &region->lists[i];
    list->current = NULL;
    return insert(region, list, list->front, slot_at(frame));
}

static uint32_t list_push_back(struct slotcheck_region *region, uint64_t i, uint64_t frame)
{
    struct list *list = &region->lists[i];
    if (!is_broken(FAULT_push_back_keeps_cursor))
        list->current = NULL;
    struct slot *next = is_broken(FAULT_push_back_before_last) ? list->back : NULL;
    return insert(region, list, next, slot_at(frame));
}

static uint32_t pop(struct slotcheck_region *region, struct list *list, struct slot *element,
                    uint64_t *frame)
{
    list->current = NULL;
    if (!element)
        return SLOTCHECK_NONE;
    take(region, list, element);
    *frame = address_of(element);
    return SLOTCHECK_OK;
}

static uint32_t list_pop_front(struct slotcheck_region *region, uint64_t i, uint64_t *frame)
{
    struct list *list = &region->lists[i];
    uint32_t result = pop(region, list, list->front, frame);
    if (is_broken(FAULT_pop_front_leaves_in_list) && result == SLOTCHECK_OK)
        slot_at(*frame)->in_list = list->id;
    return result;
}

static uint32_t list_pop_back(struct slotcheck_region *region, uint64_t i, uint64_t *frame)
{
    struct list *list = &region->lists[i];
    bool from_front = is_broken(FAULT_pop_back_takes_front);
    return pop(region, list, from_front ? list->front : list->back, frame);
}

/* OK with whether the list holds that frame, or PANIC. */
static uint32_t contains(struct slotcheck_region *region, struct list *list, uint64_t paddr,
                         uint64_t *slot, bool *contained)
{
    *contained = false;
    if (get_slot(region, paddr, slot) != SLOTCHECK_OK)
        return is_broken(FAULT_contains_always_needs_id) ? need_id(region, list) : SLOTCHECK_OK;
    uint32_t result = need_id(region, list);
    *contained = result == SLOTCHECK_OK && slot_at(*slot)->in_list == list->id;
    return result;
}

static uint32_t list_contains(struct slotcheck_region *region, uint64_t i, uint64_t paddr,
                              uint64_t *contained)
{
    struct list *list = &region->lists[i];
    uint64_t slot;
    bool is_contained;
    list->current = NULL;
    if (is_broken(FAULT_contains_compares_zero) && list->id == 0) {
        uint32_t result = get_slot(region, paddr, &slot);
        *contained = result == SLOTCHECK_OK && slot_at(slot)->in_list == 0;
        return SLOTCHECK_OK;
    }
    uint32_t result = contains(region, list, paddr, &slot, &is_contained);
    if (result != SLOTCHECK_OK)
        return result;
    if (is_broken(FAULT_contains_any_list) && get_slot(region, paddr, &slot) == SLOTCHECK_OK)
        is_contained = slot_at(slot)->in_list != 0;
    *contained = is_contained;
    return SLOTCHECK_OK;
}

static uint32_t list_cursor_mut_at(struct slotcheck_region *region, uint64_t i, uint64_t paddr)
{
    struct list *list = &region->lists[i];
    uint64_t slot;
    bool is_contained;
    list->current = NULL;
    if (is_broken(FAULT_cursor_at_without_id) && list->id == 0)
        return SLOTCHECK_NONE;
    uint32_t result = contains(region, list, paddr, &slot, &is_contained);
    if (result != SLOTCHECK_OK)
        return result;
    if (!is_contained)
        return SLOTCHECK_NONE;
    list->current = is_broken(FAULT_cursor_at_front) ? list->front : slot_at(slot);
    return SLOTCHECK_OK;
}

static void list_cursor_front_mut(struct slotcheck_region *region, uint64_t i)
{
    region->lists[i].current = region->lists[i].front;
}

static void list_cursor_back_mut(struct slotcheck_region *region, uint64_t i)
{
    struct list *list = &region->lists[i];
    list->current = is_broken(FAULT_back_cursor_at_ghost) ? NULL : list->back;
}

/* --- CursorMut -----------------------------------------------------------------------------------
 */

static void cursor_move_next(struct slotcheck_region *region, uint64_t i)
{
    struct list *list = &region->lists[i];
    if (is_broken(FAULT_move_next_stays_at_ghost) && !list->current)
        return;
    list->current = list->current ? next_of(list->current) : list->front;
}

static void cursor_move_prev(struct slotcheck_region *region, uint64_t i)
{
    struct list *list = &region->lists[i];
    list->current = list->current ? prev_of(list->current) : list->back;
    if (is_broken(FAULT_move_prev_skips_ghost) && !list->current)
        list->current = list->back;
}

static uint32_t cursor_insert_before(struct slotcheck_region *region, uint64_t i, uint64_t frame)
{
    struct list *list = &region->lists[i];
    return insert(region, list, list->current, slot_at(frame));
}

static uint32_t cursor_take_current(struct slotcheck_region *region, uint64_t i, uint64_t *frame)
{
    struct list *list = &region->lists[i];
    struct slot *element = list->current;
    if (!element)
        return SLOTCHECK_NONE;
    struct slot *prev = prev_of(element), *next = next_of(element);
    take(region, list, element);
    if (!is_broken(FAULT_take_leaves_cursor))
        list->current = is_broken(FAULT_take_moves_back) ? prev : next;
    *frame = address_of(element);
    return SLOTCHECK_OK;
}

void offer_lists(struct slotcheck_subject *subject)
{
    subject->set_next_list_id = set_next_list_id;
    subject->list_new = list_new;
    subject->list_drop = list_drop;
    subject->read_list = read_list;
    subject->list_push_front = list_push_front;
    subject->list_push_back = list_push_back;
    subject->list_pop_front = list_pop_front;
    subject->list_pop_back = list_pop_back;
    subject->list_contains = list_contains;
    subject->list_cursor_mut_at = list_cursor_mut_at;
    subject->list_cursor_front_mut = list_cursor_front_mut;
    subject->list_cursor_back_mut = list_cursor_back_mut;
    subject->cursor_move_next = cursor_move_next;
    subject->cursor_move_prev = cursor_move_prev;
    subject->cursor_insert_before = cursor_insert_before;
    subject->cursor_take_current = cursor_take_current;
}
