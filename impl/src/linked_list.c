/* SPDX-License-Identifier: MPL-2.0 */
/* LinkedList: ids, and what searches or empties a list. */
#include "metaslot/linked_list.h"

enum metaslot_result linked_list_draw_id(const struct meta_region *region, struct linked_list *list)
{
    /* Relaxed: an id orders nothing, it only must be nobody else's. */
    uint64_t id = atomic_fetch_add_relaxed(region->next_list_id, 1);

    if (id >= MAX_LIST_ID)
        return meta_slot_panic(region, "list ids have run out");
    list->list_id = id;
    return METASLOT_OK;
}

/* The slot of the frame at `paddr` if it is in the list: OK, NONE, or PANIC. */
METASLOT_MUST_CHECK static enum metaslot_result find(const struct meta_region *region,
                                                     struct linked_list *list, uint64_t paddr,
                                                     struct meta_slot **found)
{
    struct meta_slot *slot;
    enum metaslot_result result;

    if (meta_slot_get_slot(region, paddr, &slot) != METASLOT_OK)
        return METASLOT_NONE;
    result = linked_list_lazy_get_id(region, list);
    if (result != METASLOT_OK)
        return result;
    /* Relaxed: only whose list it is; in one's own list nobody else changes anything. */
    if (atomic_load_relaxed(&slot->in_list) != list->list_id)
        return METASLOT_NONE;
    *found = slot;
    return METASLOT_OK;
}

enum metaslot_result linked_list_contains(const struct meta_region *region,
                                          struct linked_list *list, uint64_t paddr, bool *contained)
{
    struct meta_slot *slot;
    enum metaslot_result result = find(region, list, paddr, &slot);

    if (result == METASLOT_PANIC)
        return result;
    *contained = result == METASLOT_OK;
    return METASLOT_OK;
}

enum metaslot_result linked_list_cursor_mut_at(const struct meta_region *region,
                                               struct linked_list *list, uint64_t paddr,
                                               struct linked_list_cursor *cursor)
{
    struct meta_slot *slot;
    enum metaslot_result result = find(region, list, paddr, &slot);

    if (result == METASLOT_OK)
        *cursor = (struct linked_list_cursor){list, slot};
    return result;
}

void linked_list_drop(const struct meta_region *region, struct linked_list *list)
{
    struct linked_list_cursor cursor = linked_list_cursor_front_mut(list);
    struct unique_frame frame;

    while (linked_list_cursor_take_current(region, &cursor, &frame) == METASLOT_OK)
        unique_frame_drop(region, frame);
}
