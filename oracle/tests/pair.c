/* SPDX-License-Identifier: MPL-2.0 */
#include "pair.h"

#include <stdlib.h>
#include <string.h>

void hold(struct meta_slot_owner *slot, uint64_t ref_count)
{
    slot->inner_perms.ref_count.value = ref_count;
    slot->inner_perms.storage.is_init = 1;
    slot->inner_perms.storage.value =
        (struct meta_slot_storage){.type = SPEC_METADATA_PROBE, .probe.payload = 5};
    slot->inner_perms.vtable_ptr.is_init = 1;
    slot->inner_perms.vtable_ptr.value = SPEC_METADATA_PROBE;
    slot->usage = SPEC_USAGE_FRAME;
}

void pair_begin(struct pair *p, uint64_t ref_count)
{
    memset(p, 0, sizeof(*p));
    if (!meta_region_owners_create(&p->pre, NR_SLOTS) ||
        !meta_region_owners_create(&p->post, NR_SLOTS))
        abort();
    if (ref_count != SPEC_REF_COUNT_UNUSED)
        hold(&p->pre.slot_owners[IDX], ref_count);
    hold(&p->pre.slot_owners[OTHER], 3);
    p->pre.frame_obligations[OTHER] = 1;
    hold(&p->pre.slot_owners[UNIQUE_OTHER], SPEC_REF_COUNT_UNIQUE);
    for (uint64_t i = 0; i < NR_SLOTS; i++)
        meta_region_owners_copy_slot(&p->post, &p->pre, i);
    meta_region_owners_rebase(&p->post, &p->pre);
    meta_region_owners_change(&p->post, IDX);
    ask_for(p, index_to_frame(IDX));
}

/* The views of the slot, spelled out. */
static void view_slot(struct pair *p)
{
    const struct metadata_inner_perms *is = &p->post.slot_owners[IDX].inner_perms;
    const struct meta_slot_storage *stored = &is->storage.value;

    p->repr = (struct metadata_repr){.r = p->post.slots[IDX].value, .perm = *is};
    p->view = (struct metadata){.metadata = *stored,
                                .ref_count = is->ref_count.value,
                                .vtable_ptr = {is->vtable_ptr.is_init, is->vtable_ptr.value},
                                .in_list = is->in_list.value};
    p->link = (struct metadata_as_link){.ref_count = p->view.ref_count,
                                        .vtable_ptr = p->view.vtable_ptr,
                                        .in_list = p->view.in_list};
    if (stored->type != SPEC_METADATA_FRAME_LINK)
        return;
    p->link.metadata = stored->frame_link.payload;
    p->link.next = (struct optional_addr){stored->frame_link.next_is_some, stored->frame_link.next};
    p->link.prev = (struct optional_addr){stored->frame_link.prev_is_some, stored->frame_link.prev};
}

/* A UniqueFrame of a link in list `id`, 0 being none. */
static void hold_link(struct meta_slot_owner *slot, uint64_t id, uint64_t prev, uint64_t next)
{
    hold(slot, SPEC_REF_COUNT_UNIQUE);
    slot->inner_perms.in_list.value = id;
    slot->inner_perms.vtable_ptr.value = SPEC_METADATA_FRAME_LINK;
    slot->inner_perms.storage.value =
        (struct meta_slot_storage){.type = SPEC_METADATA_FRAME_LINK,
                                   .frame_link = {.next_is_some = next != 0,
                                                  .next = next,
                                                  .prev_is_some = prev != 0,
                                                  .prev = prev,
                                                  .payload = 5}};
}

void pair_begin_list(struct pair *p, uint64_t nr)
{
    static const uint64_t ELEMENTS[] = {OTHER, 0, UNIQUE_OTHER};
    struct linked_list_owner list = {.is_live = 1, .list_id = LIST_ID, .size = nr, .has_cursor = 1};

    pair_begin(p, SPEC_REF_COUNT_UNIQUE);
    p->pre.frame_obligations[IDX] = 1;
    p->pre.frame_obligations[OTHER] = 0;
    hold_link(&p->pre.slot_owners[IDX], 0, 0, 0);
    for (uint64_t i = 0; i < nr; i++)
        hold_link(&p->pre.slot_owners[ELEMENTS[i]], LIST_ID, i > 0 ? meta_addr(ELEMENTS[i - 1]) : 0,
                  i + 1 < nr ? meta_addr(ELEMENTS[i + 1]) : 0);
    list.front = nr > 0 ? meta_addr(ELEMENTS[0]) : 0;
    list.back = nr > 0 ? meta_addr(ELEMENTS[nr - 1]) : 0;
    list.current = nr > 1 ? meta_addr(0) : 0;
    p->pre.lists[LIST] = p->post.lists[LIST] = list;
    p->pre.lists[OTHER_LIST] = p->post.lists[OTHER_LIST] =
        (struct linked_list_owner){.is_live = 1, .list_id = OTHER_LIST_ID};
    for (uint64_t i = 0; i < NR_SLOTS; i++)
        meta_region_owners_copy_slot(&p->post, &p->pre, i);
    p->call.list = LIST;
    p->outcome = (struct spec_outcome){.result = SPEC_OK};
}

void pair_finish(struct pair *p)
{
    p->ptr = meta_addr(IDX);
    p->perm = p->pre.slots[IDX];
    p->pre_model = meta_slot_owner_view(&p->pre.slot_owners[IDX]);
    p->post_model = meta_slot_owner_view(&p->post.slot_owners[IDX]);
    view_slot(p);
}

void pair_end(struct pair *p)
{
    meta_region_owners_destroy(&p->pre);
    meta_region_owners_destroy(&p->post);
}

struct meta_slot_owner *owner(struct pair *p)
{
    return meta_region_owners_change(&p->post, IDX);
}

struct meta_slot_owner *other(struct pair *p)
{
    return meta_region_owners_change(&p->post, OTHER);
}

struct meta_slot_owner *first(struct pair *p)
{
    return meta_region_owners_change(&p->post, 0);
}

struct metadata_inner_perms *perms(struct pair *p)
{
    return &owner(p)->inner_perms;
}

struct meta_slot_perm *perm_of(struct pair *p, uint64_t i)
{
    meta_region_owners_change(&p->post, i);
    return &p->post.slots[i];
}

uint64_t *obligations(struct pair *p, uint64_t i)
{
    meta_region_owners_change(&p->post, i);
    return &p->post.frame_obligations[i];
}

uint64_t *count(struct pair *p)
{
    return &perms(p)->ref_count.value;
}

void drop_storage(struct pair *p)
{
    perms(p)->storage.is_init = 0;
    perms(p)->storage.value = (struct meta_slot_storage){0};
}

void drop_vtable(struct pair *p)
{
    perms(p)->vtable_ptr.is_init = 0;
    perms(p)->vtable_ptr.value = 0;
}

void lose_vtable(struct pair *p)
{
    drop_vtable(p);
    p->pre.slot_owners[IDX].inner_perms.vtable_ptr = perms(p)->vtable_ptr;
}

void unpark(struct pair *p, uint64_t i)
{
    *perm_of(p, i) = (struct meta_slot_perm){0};
    p->post.slots_dom[i] = 0;
}

void park(struct pair *p, uint64_t i)
{
    *perm_of(p, i) = p->pre.slots[i];
    p->post.slots_dom[i] = 1;
}

void lose_owner(struct meta_region_owners *owners, uint64_t i)
{
    *meta_region_owners_change(owners, i) = (struct meta_slot_owner){0};
    owners->slot_owners_dom[i] = 0;
}

void set_pre_count(struct pair *p, uint64_t ref_count)
{
    p->pre.slot_owners[IDX].inner_perms.ref_count.value = ref_count;
}

void ask_for(struct pair *p, uint64_t paddr)
{
    p->call.paddr = paddr;
    p->outcome.result = SPEC_OK;
    p->outcome.value = frame_to_meta(paddr);
}

struct linked_list_owner *list(struct pair *p)
{
    return meta_region_owners_change_list(&p->post, LIST);
}

struct linked_list_owner *other_list(struct pair *p)
{
    return meta_region_owners_change_list(&p->post, OTHER_LIST);
}

struct metadata_inner_perms *perms_at(struct pair *p, uint64_t i)
{
    return &meta_region_owners_change(&p->post, i)->inner_perms;
}

void set_prev(struct pair *p, uint64_t i, uint64_t addr)
{
    perms_at(p, i)->storage.value.frame_link.prev_is_some = addr != 0;
    perms_at(p, i)->storage.value.frame_link.prev = addr;
}

void set_next(struct pair *p, uint64_t i, uint64_t addr)
{
    perms_at(p, i)->storage.value.frame_link.next_is_some = addr != 0;
    perms_at(p, i)->storage.value.frame_link.next = addr;
}

void set_ids(struct pair *p, uint64_t id)
{
    perms_at(p, OTHER)->in_list.value = id;
    perms_at(p, 0)->in_list.value = id;
    perms_at(p, UNIQUE_OTHER)->in_list.value = id;
}

void set_cursor(struct pair *p, uint64_t was, uint64_t is)
{
    p->pre.lists[LIST].current = was;
    list(p)->current = is;
}

void lose_list_id(struct pair *p)
{
    p->pre.lists[LIST].list_id = 0;
    list(p)->list_id = 0;
}
