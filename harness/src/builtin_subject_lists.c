/* SPDX-License-Identifier: MPL-2.0 */
/* The built-in subject: linked lists and their cursors. The host knows a list by its number. */
#include "builtin_subject_parts.h"

static struct linked_list *list_at(struct slotcheck_region *region, uint64_t list)
{
    return &region->lists[list];
}

/* For a function of the list itself, which ends the cursor on it. */
static struct linked_list *list_alone(struct slotcheck_region *region, uint64_t list)
{
    region->cursors[list] = (struct linked_list_cursor){list_at(region, list), NULL};
    return list_at(region, list);
}

static uint64_t element_out(const struct meta_slot *slot)
{
    return slot ? to_address(slot) : 0;
}

uint64_t builtin_list_new(struct slotcheck_region *region)
{
    uint64_t list = 0;

    while (region->list_is_live[list])
        list++;
    region->list_is_live[list] = true;
    *list_alone(region, list) = linked_list_new();
    return list;
}

void builtin_list_drop(struct slotcheck_region *region, uint64_t list)
{
    linked_list_drop(&region->meta, list_alone(region, list));
    region->list_is_live[list] = false;
}

void builtin_read_list(struct slotcheck_region *region, uint64_t list, struct slotcheck_list *out)
{
    const struct linked_list *shown = list_at(region, list);

    *out = (struct slotcheck_list){.front = element_out(shown->front),
                                   .back = element_out(shown->back),
                                   .size = shown->size,
                                   .list_id = shown->list_id,
                                   .current = element_out(region->cursors[list].current)};
}

uint32_t builtin_list_push_front(struct slotcheck_region *region, uint64_t list, uint64_t frame)
{
    return (uint32_t)linked_list_push_front(&region->meta, list_alone(region, list),
                                            to_unique(frame));
}

uint32_t builtin_list_push_back(struct slotcheck_region *region, uint64_t list, uint64_t frame)
{
    return (uint32_t)linked_list_push_back(&region->meta, list_alone(region, list),
                                           to_unique(frame));
}

uint32_t builtin_list_pop_front(struct slotcheck_region *region, uint64_t list, uint64_t *out)
{
    struct unique_frame frame = {NULL};

    return answer(linked_list_pop_front(&region->meta, list_alone(region, list), &frame),
                  &frame.slot, out);
}

uint32_t builtin_list_pop_back(struct slotcheck_region *region, uint64_t list, uint64_t *out)
{
    struct unique_frame frame = {NULL};

    return answer(linked_list_pop_back(&region->meta, list_alone(region, list), &frame),
                  &frame.slot, out);
}

uint32_t builtin_list_contains(struct slotcheck_region *region, uint64_t list, uint64_t paddr,
                               uint64_t *out)
{
    bool contained = false;
    enum metaslot_result result =
        linked_list_contains(&region->meta, list_alone(region, list), paddr, &contained);

    *out = contained;
    return (uint32_t)result;
}

/* --- cursors --- */

uint32_t builtin_list_cursor_mut_at(struct slotcheck_region *region, uint64_t list, uint64_t paddr)
{
    return (uint32_t)linked_list_cursor_mut_at(&region->meta, list_alone(region, list), paddr,
                                               &region->cursors[list]);
}

void builtin_list_cursor_front_mut(struct slotcheck_region *region, uint64_t list)
{
    region->cursors[list] = linked_list_cursor_front_mut(list_at(region, list));
}

void builtin_list_cursor_back_mut(struct slotcheck_region *region, uint64_t list)
{
    region->cursors[list] = linked_list_cursor_back_mut(list_at(region, list));
}

void builtin_cursor_move_next(struct slotcheck_region *region, uint64_t list)
{
    linked_list_cursor_move_next(&region->cursors[list]);
}

void builtin_cursor_move_prev(struct slotcheck_region *region, uint64_t list)
{
    linked_list_cursor_move_prev(&region->cursors[list]);
}

uint32_t builtin_cursor_insert_before(struct slotcheck_region *region, uint64_t list,
                                      uint64_t frame)
{
    return (uint32_t)linked_list_cursor_insert_before(&region->meta, &region->cursors[list],
                                                      to_unique(frame));
}

uint32_t builtin_cursor_take_current(struct slotcheck_region *region, uint64_t list, uint64_t *out)
{
    struct unique_frame frame = {NULL};

    return answer(linked_list_cursor_take_current(&region->meta, &region->cursors[list], &frame),
                  &frame.slot, out);
}
