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

void pair_finish(struct pair *p)
{
    p->ptr = meta_addr(IDX);
    p->perm = p->pre.slots[IDX];
    p->pre_model = meta_slot_owner_view(&p->pre.slot_owners[IDX]);
    p->post_model = meta_slot_owner_view(&p->post.slot_owners[IDX]);
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
