/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Linked lists of frames: LinkedList and CursorMut, and their invariants.
 *
 * A list owns its elements, which are UniqueFrames forgotten for as long as they are in it. The
 * links between them stand in the slots' metadata, which must be a FrameLink.
 */
#include "metaslot_oracle/linked_list.h"

#include "conditions.h"
#include "judgements.h"
#include "steps.h"

typedef const struct linked_list_owner list_t;

/* The list of the call; where there is none, one that is not live. */
static list_t *list_of(owners_t *owners, call_t *call)
{
    static list_t NO_LIST;

    return call->list < SPEC_MAX_LISTS ? &owners->lists[call->list]
                                       : /* unreachable: an operation on a list has one */ &NO_LIST;
}

/* The index of the slot at `addr`; UINT64_MAX if no slot is there. */
static uint64_t index_of(owners_t *owners, uint64_t addr)
{
    const uint64_t offset = addr - SPEC_FRAME_METADATA_RANGE_START;
    const uint64_t index = offset / SPEC_META_SLOT_SIZE;

    if (offset % SPEC_META_SLOT_SIZE != 0 || index >= owners->max_meta_slots)
        return UINT64_MAX;
    return index;
}

/* What is stored in the slot at `addr`, or null if it is no FrameLink. */
static const struct meta_slot_storage *link_at(owners_t *owners, uint64_t addr)
{
    const struct storage_perm *storage =
        &slot_owner_at(owners, index_of(owners, addr))->inner_perms.storage;

    if (!storage->is_init || storage->value.type != SPEC_METADATA_FRAME_LINK)
        return NULL;
    return &storage->value;
}

/* The element behind the one at `addr`, or before it; 0 if there is none. */
static uint64_t next_of(owners_t *owners, uint64_t addr)
{
    const struct meta_slot_storage *link = link_at(owners, addr);

    return link && link->frame_link.next_is_some ? link->frame_link.next : 0;
}

static uint64_t prev_of(owners_t *owners, uint64_t addr)
{
    const struct meta_slot_storage *link = link_at(owners, addr);

    return link && link->frame_link.prev_is_some ? link->frame_link.prev : 0;
}

/* --- invariants --- */

/* What a walk from the front finds. Each bool holds for all elements that were reached. */
struct elements {
    uint64_t nr;
    uint64_t last;
    bool last_ends; /* it has no next */
    bool has_current;
    bool slot, ref_count, usage, in_list, storage, vtable_ptr, prev;
};

static void look_at_slot(struct elements *found, list_t *list, const struct meta_slot_owner *owner)
{
    const struct metadata_inner_perms *perms = &owner->inner_perms;

    found->ref_count &= perms->ref_count.value == SPEC_REF_COUNT_UNIQUE;
    found->usage &= owner->usage == SPEC_USAGE_FRAME;
    found->in_list &= perms->in_list.value == list->list_id;
    found->vtable_ptr &=
        perms->vtable_ptr.is_init && perms->vtable_ptr.value == SPEC_METADATA_FRAME_LINK;
}

/* One more element; false if it leads nowhere. */
static bool look_at(struct elements *found, owners_t *owners, list_t *list, uint64_t addr)
{
    const uint64_t before = found->last;
    const uint64_t index = index_of(owners, addr);
    const struct meta_slot_storage *link = link_at(owners, addr);

    found->nr++;
    found->last = addr;
    found->last_ends = true;
    found->has_current |= addr == list->current;
    found->slot &= index != UINT64_MAX;
    if (index == UINT64_MAX)
        return false;
    look_at_slot(found, list, slot_owner_at(owners, index));
    found->storage &= link != NULL;
    if (!link)
        return false;
    found->prev &= before ? link->frame_link.prev_is_some && link->frame_link.prev == before
                          : !link->frame_link.prev_is_some;
    found->last_ends = !link->frame_link.next_is_some;
    return !found->last_ends;
}

static struct elements find_elements(owners_t *owners, list_t *list)
{
    const uint64_t n = owners->max_meta_slots;
    const uint64_t most = list->size < n ? list->size : n;
    struct elements found = {.last_ends = true,
                             .slot = true,
                             .ref_count = true,
                             .usage = true,
                             .in_list = true,
                             .storage = true,
                             .vtable_ptr = true,
                             .prev = true};
    uint64_t addr = list->front;

    while (addr && found.nr < most && look_at(&found, owners, list, addr))
        addr = link_at(owners, addr)->frame_link.next;
    return found;
}

static bool has_id_of_its_own(owners_t *owners, uint64_t list)
{
    const uint64_t id = owners->lists[list].list_id;

    for (uint64_t i = 0; i < SPEC_MAX_LISTS; i++)
        if (i != list && owners->lists[i].is_live && owners->lists[i].list_id == id)
            return id == 0;
    return true;
}

/* relate_region_at, for all elements that were found. */
static bool elements_inv(const struct elements *found, struct clause_report *report)
{
    bool holds = true;

    holds &= clause(report, CLAUSE_linked_list_inv__slot, found->slot);
    holds &= clause(report, CLAUSE_linked_list_inv__ref_count, found->ref_count);
    holds &= clause(report, CLAUSE_linked_list_inv__usage, found->usage);
    holds &= clause(report, CLAUSE_linked_list_inv__in_list, found->in_list);
    holds &= clause(report, CLAUSE_linked_list_inv__storage, found->storage);
    holds &= clause(report, CLAUSE_linked_list_inv__vtable_ptr, found->vtable_ptr);
    holds &= clause(report, CLAUSE_linked_list_inv__prev, found->prev);
    return holds;
}

bool linked_list_inv(const struct meta_region_owners *owners, uint64_t list,
                     struct clause_report *report)
{
    if (list >= SPEC_MAX_LISTS || !owners->lists[list].is_live)
        return true;

    list_t *self = &owners->lists[list];
    const bool empty = self->size == 0;
    bool holds = true;
    const struct elements found = find_elements(owners, self);
    /* What stands at the end can only be said if the end was reached. */
    const bool complete = found.nr == self->size;

    holds &= clause(report, CLAUSE_linked_list_inv__front, (self->front == 0) == empty);
    holds &= clause(report, CLAUSE_linked_list_inv__back, (self->back == 0) == empty);
    holds &= clause(report, CLAUSE_linked_list_inv__back_addr,
                    empty || !complete || self->back == 0 || self->back == found.last);
    holds &= clause(report, CLAUSE_linked_list_inv__size, complete);
    holds &= clause(report, CLAUSE_linked_list_inv__list_id, empty || self->list_id != 0);
    holds &= elements_inv(&found, report);
    holds &= clause(report, CLAUSE_linked_list_inv__next, !complete || found.last_ends);
    holds &= clause(report, CLAUSE_linked_list_inv__current,
                    self->current == 0 || (self->has_cursor && (!complete || found.has_current)));
    holds &= clause(report, CLAUSE_linked_list_inv__distinct_ids, has_id_of_its_own(owners, list));
    return holds;
}

/* The live list with this id, or null. */
static list_t *list_with_id(owners_t *owners, uint64_t id)
{
    for (uint64_t i = 0; i < SPEC_MAX_LISTS; i++)
        if (owners->lists[i].is_live && owners->lists[i].list_id == id)
            return &owners->lists[i];
    return NULL;
}

/* The slot at `addr` is the front of the list, or behind another slot of it. */
static bool is_linked_into(owners_t *owners, list_t *list, uint64_t addr)
{
    const struct meta_slot_storage *link = link_at(owners, addr);

    if (!link)
        return false;
    if (!link->frame_link.prev_is_some)
        return list->front == addr;

    const uint64_t before = link->frame_link.prev;
    const struct meta_slot_owner *owner = slot_owner_at(owners, index_of(owners, before));

    return next_of(owners, before) == addr && owner->inner_perms.in_list.value == list->list_id;
}

bool in_list_inv_at(const struct meta_region_owners *owners, uint64_t i,
                    struct clause_report *report)
{
    const uint64_t id = slot_owner_at(owners, i)->inner_perms.in_list.value;
    list_t *list = id != 0 ? list_with_id(owners, id) : NULL;
    bool holds = true;

    holds &= clause(report, CLAUSE_in_list_inv__list, id == 0 || list);
    holds &= clause(report, CLAUSE_in_list_inv__linked,
                    !list || is_linked_into(owners, list, meta_addr(i)));
    return holds;
}

/* --- preconditions --- */

static bool live_list(const struct reference *ref, const struct spec_call *call)
{
    return list_of(&ref->owners, call)->is_live;
}

static bool live_cursor(const struct reference *ref, const struct spec_call *call)
{
    return live_list(ref, call) && list_of(&ref->owners, call)->has_cursor;
}

/* frame_link_inv: a UniqueFrame of a link that links to nothing and is in no list. */
static bool loose_link(const struct reference *ref, const struct spec_call *call)
{
    if (!live_unique_frame(ref, call) || !unlisted_and_unmapped(ref, call))
        return false;

    const struct meta_slot_owner *owner = owner_of(ref, call);
    const struct meta_slot_storage *link = link_at(&ref->owners, frame_to_meta(call->paddr));

    return owner->usage == SPEC_USAGE_FRAME &&
           owner->inner_perms.vtable_ptr.value == SPEC_METADATA_FRAME_LINK && link &&
           !link->frame_link.next_is_some && !link->frame_link.prev_is_some;
}

static bool free_list(const struct meta_region_owners *owners, uint64_t *list)
{
    for (*list = 0; *list < SPEC_MAX_LISTS; ++*list)
        if (!owners->lists[*list].is_live)
            return true;
    return false;
}

/* 0 is no id, and none is given twice. */
bool requires_setup_list_id(const struct reference *ref, const struct spec_call *call)
{
    for (uint64_t i = 0; i < SPEC_MAX_LISTS; i++)
        if (ref->owners.lists[i].is_live)
            /* unreachable: a list ends the setups */
            return false;
    return call->count != 0;
}

bool requires_list_new(const struct reference *ref, const struct spec_call *call)
{
    uint64_t list;

    (void)call;
    return free_list(&ref->owners, &list);
}

bool requires_list_push_front(const struct reference *ref, const struct spec_call *call)
{
    return live_list(ref, call) && loose_link(ref, call);
}

bool requires_list_push_back(const struct reference *ref, const struct spec_call *call)
{
    return live_list(ref, call) && loose_link(ref, call);
}

bool requires_list_pop_front(const struct reference *ref, const struct spec_call *call)
{
    return live_list(ref, call);
}

bool requires_list_pop_back(const struct reference *ref, const struct spec_call *call)
{
    return live_list(ref, call);
}

bool requires_list_contains(const struct reference *ref, const struct spec_call *call)
{
    return live_list(ref, call) && any_address(ref, call);
}

bool requires_list_cursor_mut_at(const struct reference *ref, const struct spec_call *call)
{
    return live_list(ref, call) && any_address(ref, call);
}

bool requires_list_cursor_front_mut(const struct reference *ref, const struct spec_call *call)
{
    return live_list(ref, call);
}

bool requires_list_cursor_back_mut(const struct reference *ref, const struct spec_call *call)
{
    return live_list(ref, call);
}

bool requires_cursor_move_next(const struct reference *ref, const struct spec_call *call)
{
    return live_cursor(ref, call);
}

bool requires_cursor_move_prev(const struct reference *ref, const struct spec_call *call)
{
    return live_cursor(ref, call);
}

bool requires_cursor_insert_before(const struct reference *ref, const struct spec_call *call)
{
    return live_cursor(ref, call) && loose_link(ref, call);
}

bool requires_cursor_take_current(const struct reference *ref, const struct spec_call *call)
{
    return live_cursor(ref, call);
}

bool requires_list_drop(const struct reference *ref, const struct spec_call *call)
{
    return live_list(ref, call);
}

/* --- reference --- */

static struct linked_list_owner *change_list(struct reference *ref, const struct spec_call *call)
{
    return meta_region_owners_change_list(&ref->owners, call->list);
}

/* A cursor borrows its list: who calls the list itself has given the cursor up. */
static struct linked_list_owner *borrow_list(struct reference *ref, const struct spec_call *call)
{
    struct linked_list_owner *list = change_list(ref, call);

    list->has_cursor = 0;
    list->current = 0;
    return list;
}

static void place_cursor(struct linked_list_owner *list, uint64_t current)
{
    list->has_cursor = 1;
    list->current = current;
}

static void set_next(struct reference *ref, uint64_t addr, uint64_t next)
{
    struct meta_slot_storage *link = &change(ref, meta_to_frame(addr))->inner_perms.storage.value;

    link->frame_link.next_is_some = next != 0;
    link->frame_link.next = next;
}

static void set_prev(struct reference *ref, uint64_t addr, uint64_t prev)
{
    struct meta_slot_storage *link = &change(ref, meta_to_frame(addr))->inner_perms.storage.value;

    link->frame_link.prev_is_some = prev != 0;
    link->frame_link.prev = prev;
}

/* The elements `prev` and `next` become neighbours; 0 stands for the list's own ends. */
static void join(struct reference *ref, struct linked_list_owner *list, uint64_t prev,
                 uint64_t next)
{
    if (prev)
        set_next(ref, prev, next);
    else
        list->front = next;
    if (next)
        set_prev(ref, next, prev);
    else
        list->back = prev;
}

/* LinkedList::lazy_get_id: false, with the panic answered, if there are no ids left. */
static bool lazy_get_id(struct reference *ref, struct linked_list_owner *list,
                        struct spec_outcome *outcome)
{
    if (list->list_id != 0)
        return true;

    const uint64_t id = ref->next_list_id++;

    if (id >= SPEC_MAX_LIST_ID) {
        answer(outcome, SPEC_PANIC, 0);
        return false;
    }
    list->list_id = id;
    return true;
}

/* CursorMut::insert_before at the element `before`, or at the ghost. */
static void insert(struct reference *ref, const struct spec_call *call,
                   struct linked_list_owner *list, uint64_t before, struct spec_outcome *outcome)
{
    const uint64_t frame = frame_to_meta(call->paddr);
    const uint64_t prev = before ? prev_of(&ref->owners, before) : list->back;

    join(ref, list, prev, frame);
    join(ref, list, frame, before);
    if (!lazy_get_id(ref, list, outcome))
        return;
    change(ref, call->paddr)->inner_perms.in_list.value = list->list_id;
    redeem_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->live_unique_frames = 0;
    list->size++;
    answer_ok(outcome, 0);
}

/* Takes the element at `addr` out; it is a UniqueFrame again. */
static void take(struct reference *ref, struct linked_list_owner *list, uint64_t addr)
{
    const uint64_t paddr = meta_to_frame(addr);

    join(ref, list, prev_of(&ref->owners, addr), next_of(&ref->owners, addr));
    set_next(ref, addr, 0);
    set_prev(ref, addr, 0);
    change(ref, paddr)->inner_perms.in_list.value = 0;
    list->size--;
    mint_obligation(ref, paddr);
    holders_of(ref, paddr)->live_unique_frames = 1;
}

/* Takes it out if it is an element. */
static void pop(struct reference *ref, struct linked_list_owner *list, uint64_t addr,
                struct spec_outcome *outcome)
{
    if (addr == 0) {
        answer(outcome, SPEC_NONE, 0);
        return;
    }
    take(ref, list, addr);
    answer_ok(outcome, addr);
}

void reference_setup_list_id(struct reference *ref, const struct spec_call *call,
                             struct spec_outcome *outcome)
{
    ref->next_list_id = call->count;
    answer_ok(outcome, 0);
}

void reference_list_new(struct reference *ref, const struct spec_call *call,
                        struct spec_outcome *outcome)
{
    uint64_t list;

    (void)call;
    if (free_list(&ref->owners, &list))
        *meta_region_owners_change_list(&ref->owners, list) =
            (struct linked_list_owner){.is_live = 1};
    answer_ok(outcome, 0);
}

void reference_list_push_front(struct reference *ref, const struct spec_call *call,
                               struct spec_outcome *outcome)
{
    struct linked_list_owner *list = borrow_list(ref, call);

    insert(ref, call, list, list->front, outcome);
}

/* The shipping function goes to the ghost, the verified one to the last element. */
void reference_list_push_back(struct reference *ref, const struct spec_call *call,
                              struct spec_outcome *outcome)
{
    struct linked_list_owner *list = borrow_list(ref, call);

    insert(ref, call, list, call->variant == SPEC_VOSTD ? list->back : 0, outcome);
}

void reference_list_pop_front(struct reference *ref, const struct spec_call *call,
                              struct spec_outcome *outcome)
{
    struct linked_list_owner *list = borrow_list(ref, call);

    pop(ref, list, list->front, outcome);
}

void reference_list_pop_back(struct reference *ref, const struct spec_call *call,
                             struct spec_outcome *outcome)
{
    struct linked_list_owner *list = borrow_list(ref, call);

    pop(ref, list, list->back, outcome);
}

/* contains: OK with 0 or 1, or a panic. Only where there is a slot does the list need an id. */
static void look_up(struct reference *ref, const struct spec_call *call,
                    struct linked_list_owner *list, struct spec_outcome *outcome)
{
    if (!find_slot(ref, call->paddr, outcome)) {
        answer_ok(outcome, 0);
        return;
    }
    if (!lazy_get_id(ref, list, outcome))
        return;
    answer_ok(outcome, owner_of(ref, call)->inner_perms.in_list.value == list->list_id);
}

void reference_list_contains(struct reference *ref, const struct spec_call *call,
                             struct spec_outcome *outcome)
{
    look_up(ref, call, borrow_list(ref, call), outcome);
}

void reference_list_cursor_mut_at(struct reference *ref, const struct spec_call *call,
                                  struct spec_outcome *outcome)
{
    struct linked_list_owner *list = borrow_list(ref, call);

    look_up(ref, call, list, outcome);
    if (outcome->result != SPEC_OK)
        return;
    if (outcome->value)
        place_cursor(list, frame_to_meta(call->paddr));
    answer(outcome, outcome->value ? SPEC_OK : SPEC_NONE, 0);
}

void reference_list_cursor_front_mut(struct reference *ref, const struct spec_call *call,
                                     struct spec_outcome *outcome)
{
    struct linked_list_owner *list = change_list(ref, call);

    place_cursor(list, list->front);
    answer_ok(outcome, 0);
}

void reference_list_cursor_back_mut(struct reference *ref, const struct spec_call *call,
                                    struct spec_outcome *outcome)
{
    struct linked_list_owner *list = change_list(ref, call);

    place_cursor(list, list->back);
    answer_ok(outcome, 0);
}

void reference_cursor_move_next(struct reference *ref, const struct spec_call *call,
                                struct spec_outcome *outcome)
{
    struct linked_list_owner *list = change_list(ref, call);

    list->current = list->current ? next_of(&ref->owners, list->current) : list->front;
    answer_ok(outcome, 0);
}

void reference_cursor_move_prev(struct reference *ref, const struct spec_call *call,
                                struct spec_outcome *outcome)
{
    struct linked_list_owner *list = change_list(ref, call);

    list->current = list->current ? prev_of(&ref->owners, list->current) : list->back;
    answer_ok(outcome, 0);
}

void reference_cursor_insert_before(struct reference *ref, const struct spec_call *call,
                                    struct spec_outcome *outcome)
{
    struct linked_list_owner *list = change_list(ref, call);

    insert(ref, call, list, list->current, outcome);
}

void reference_cursor_take_current(struct reference *ref, const struct spec_call *call,
                                   struct spec_outcome *outcome)
{
    struct linked_list_owner *list = change_list(ref, call);
    const uint64_t taken = list->current;

    list->current = next_of(&ref->owners, taken);
    pop(ref, list, taken, outcome);
}

/* LinkedList's Drop: every frame is a UniqueFrame again for a moment, and dropped as one. */
void reference_list_drop(struct reference *ref, const struct spec_call *call,
                         struct spec_outcome *outcome)
{
    struct linked_list_owner *list = change_list(ref, call);

    while (list->front) {
        const uint64_t paddr = meta_to_frame(list->front);

        take(ref, list, list->front);
        redeem_obligation(ref, paddr);
        holders_of(ref, paddr)->live_unique_frames = 0;
        release(ref, paddr);
    }
    *list = (struct linked_list_owner){0};
    answer_ok(outcome, 0);
}

/* --- judge: elements, read off the slots --- */

/*
 * The elements in `with` are those in `without`, and `frame` before `before`, or at the end if that
 * is 0.
 */
static bool one_more_element(owners_t *without, owners_t *with, call_t *call, uint64_t frame,
                             uint64_t before)
{
    uint64_t was = list_of(without, call)->front;
    uint64_t is = list_of(with, call)->front;
    bool inserted = false;

    for (uint64_t n = 0; n <= with->max_meta_slots; n++) {
        if (!inserted && was == before) {
            if (is != frame)
                return false;
            inserted = true;
        } else {
            if (was != is)
                return false;
            if (was == 0)
                return inserted;
            was = next_of(without, was);
        }
        is = next_of(with, is);
    }
    /* unreachable: one of the two states is as it should be, and its list ends */
    return false;
}

static bool is_element(owners_t *owners, call_t *call, uint64_t addr)
{
    uint64_t at = list_of(owners, call)->front;

    for (uint64_t n = 0; at && n < owners->max_meta_slots; n++) {
        if (at == addr)
            return true;
        at = next_of(owners, at);
    }
    return false;
}

/* --- judge: slots --- */

/* `owner` with the links that `other` has, if both have some. */
static struct meta_slot_owner with_links_of(const struct meta_slot_owner *owner,
                                            const struct meta_slot_owner *other)
{
    const struct meta_slot_storage *from = &other->inner_perms.storage.value;
    struct meta_slot_owner result = *owner;
    struct meta_slot_storage *to = &result.inner_perms.storage.value;

    if (to->type != SPEC_METADATA_FRAME_LINK || from->type != SPEC_METADATA_FRAME_LINK)
        return result;
    to->frame_link.next_is_some = from->frame_link.next_is_some;
    to->frame_link.next = from->frame_link.next;
    to->frame_link.prev_is_some = from->frame_link.prev_is_some;
    to->frame_link.prev = from->frame_link.prev;
    return result;
}

static bool equal_but_links(owners_t *pre, owners_t *post, uint64_t index)
{
    const struct meta_slot_owner *is = slot_owner_at(post, index);
    const struct meta_slot_owner was = with_links_of(slot_owner_at(pre, index), is);

    return owner_equal(&was, is);
}

/* The slots that may differ: all of them, or those that are noted as changed. */
static owners_t *change_of(owners_t *pre, owners_t *post)
{
    if (post->base == pre)
        return post;
    /* unreachable: the post-state of a step is noted as a change of the pre-state */
    return pre->base == post ? pre : NULL;
}

static uint64_t nr_candidates(owners_t *pre, owners_t *post)
{
    owners_t *change = change_of(pre, post);

    return change ? change->nr_changed : /* unreachable: as change_of */ pre->max_meta_slots;
}

static uint64_t candidate(owners_t *pre, owners_t *post, uint64_t i)
{
    owners_t *change = change_of(pre, post);

    return change ? change->changed[i] : /* unreachable: as change_of */ i;
}

static bool slot_kept(owners_t *pre, owners_t *post, uint64_t index)
{
    return owner_equal(slot_owner_at(pre, index), slot_owner_at(post, index));
}

/* A frame and the elements before and behind it; UINT64_MAX where there is none. */
struct place {
    uint64_t prev, frame, next;
};

static bool neighbours_kept(owners_t *pre, owners_t *post, struct place place)
{
    return equal_but_links(pre, post, place.prev) && equal_but_links(pre, post, place.next);
}

static bool all_but_place_kept(owners_t *pre, owners_t *post, struct place place)
{
    for (uint64_t i = 0; i < nr_candidates(pre, post); i++) {
        const uint64_t index = candidate(pre, post, i);

        if (index != place.prev && index != place.frame && index != place.next &&
            !slot_kept(pre, post, index))
            return false;
    }
    return true;
}

/* --- judge: what operations have in common --- */

static bool other_lists_kept(owners_t *pre, owners_t *post, call_t *call,
                             struct clause_report *report)
{
    return clause(report, CLAUSE_linked_lists__others,
                  linked_lists_equal_but(pre, post, call->list));
}

/* lazy_get_id; `needed` if the list must have an id afterwards. */
static bool id_given(owners_t *pre, owners_t *post, call_t *call, bool needed,
                     struct clause_report *report)
{
    const uint64_t was = list_of(pre, call)->list_id;
    const uint64_t is = list_of(post, call)->list_id;
    bool holds = true;

    holds &= clause(report, CLAUSE_lazy_get_id__list_id, was != 0 ? is == was : !needed || is != 0);
    holds &= clause(report, CLAUSE_lazy_get_id__bound, was != 0 || is < SPEC_MAX_LIST_ID);
    return holds;
}

/* Ids run out only for a list that has none. */
static bool ids_exhausted(owners_t *pre, call_t *call, struct clause_report *report)
{
    return clause(report, CLAUSE_lazy_get_id__panic, list_of(pre, call)->list_id == 0);
}

/*
 * A function that neither inserts nor takes; what becomes of cursor and id is said elsewhere. The
 * links stand in the slots, which are all as they were.
 */
static bool elements_kept(owners_t *pre, owners_t *post, call_t *call, struct clause_report *report)
{
    list_t *was = list_of(pre, call), *is = list_of(post, call);
    bool holds = true;

    holds &= clause(report, CLAUSE_linked_lists__kept,
                    is->is_live == was->is_live && is->size == was->size &&
                        is->front == was->front && is->back == was->back);
    holds &= other_lists_kept(pre, post, call, report);
    holds &= unchanged(pre, post, report);
    return holds;
}

/* insert_before, at `before` or at the ghost; where the frame is to stand is the caller's. */
static bool inserted(owners_t *pre, owners_t *post, call_t *call, uint64_t before,
                     struct clause_report *report)
{
    list_t *was = list_of(pre, call), *is = list_of(post, call);
    const uint64_t idx = frame_to_index(call->paddr);
    const struct meta_slot_owner *owner = slot_owner_at(post, idx);
    const uint64_t prev = before ? prev_of(pre, before) : was->back;
    const struct place place = {
        .prev = index_of(pre, prev), .frame = idx, .next = index_of(pre, before)};
    struct meta_slot_owner same = with_links_of(slot_owner_at(pre, idx), owner);
    bool holds = true;

    same.inner_perms.in_list.value = owner->inner_perms.in_list.value;
    holds &= clause(report, CLAUSE_cursor_insert_before__size,
                    was->size != UINT64_MAX && is->size == was->size + 1);
    holds &= id_given(pre, post, call, true, report);
    holds &= clause(report, CLAUSE_cursor_insert_before__in_list,
                    owner->inner_perms.in_list.value == is->list_id);
    holds &= clause(report, CLAUSE_cursor_insert_before__frame, owner_equal(&same, owner));
    holds &=
        clause(report, CLAUSE_cursor_insert_before__neighbours, neighbours_kept(pre, post, place));
    holds &=
        clause(report, CLAUSE_cursor_insert_before__others, all_but_place_kept(pre, post, place));
    holds &= clause(report, CLAUSE_cursor_insert_before__frame_obligations,
                    obligation_removed(pre, post, idx));
    holds &= other_lists_kept(pre, post, call, report);
    holds &= slots_kept(pre, post, report);
    return holds;
}

/* The slot of a frame that was taken out. */
static bool taken_slot(owners_t *pre, owners_t *post, uint64_t idx, struct clause_report *report)
{
    const struct meta_slot_owner *owner = slot_owner_at(post, idx);
    const struct metadata_inner_perms *is = &owner->inner_perms;
    struct meta_slot_owner same = with_links_of(slot_owner_at(pre, idx), owner);
    const struct meta_slot_storage *link = &is->storage.value;
    bool holds = true;

    same.inner_perms.ref_count.value = is->ref_count.value;
    same.inner_perms.in_list.value = is->in_list.value;
    holds &= clause(report, CLAUSE_cursor_take_current__ref_count,
                    is->ref_count.value == SPEC_REF_COUNT_UNIQUE);
    holds &= clause(report, CLAUSE_cursor_take_current__in_list, is->in_list.value == 0);
    holds &= clause(report, CLAUSE_cursor_take_current__links,
                    link->type != SPEC_METADATA_FRAME_LINK ||
                        (!link->frame_link.next_is_some && !link->frame_link.prev_is_some));
    holds &= clause(report, CLAUSE_cursor_take_current__slot, owner_equal(&same, owner));
    return holds;
}

/* take_current of the element at `addr`. */
static bool taken(owners_t *pre, owners_t *post, call_t *call, uint64_t addr,
                  struct clause_report *report)
{
    list_t *was = list_of(pre, call), *is = list_of(post, call);
    const struct place place = {.prev = index_of(pre, prev_of(pre, addr)),
                                .frame = index_of(pre, addr),
                                .next = index_of(pre, next_of(pre, addr))};
    bool holds = true;

    holds &= clause(report, CLAUSE_cursor_take_current__list,
                    one_more_element(post, pre, call, addr, next_of(pre, addr)));
    holds &= clause(report, CLAUSE_cursor_take_current__size,
                    was->size != 0 && is->size == was->size - 1);
    holds &= clause(report, CLAUSE_cursor_take_current__list_id, is->list_id == was->list_id);
    holds &= taken_slot(pre, post, place.frame, report);
    holds &=
        clause(report, CLAUSE_cursor_take_current__neighbours, neighbours_kept(pre, post, place));
    holds &=
        clause(report, CLAUSE_cursor_take_current__others, all_but_place_kept(pre, post, place));
    holds &= live_frame_obligations_ok_spec(meta_to_frame(addr), pre, post, report);
    holds &= other_lists_kept(pre, post, call, report);
    holds &= slots_kept(pre, post, report);
    return holds;
}

/* The frame at `addr` comes out, and nothing does if there is none; `is_it` asks for the frame. */
static bool popped(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome, uint64_t addr,
                   enum clause_id is_it, struct clause_report *report)
{
    const bool some = outcome->result == SPEC_OK;
    bool holds = true;

    holds &= clause(report, CLAUSE_cursor_take_current__result, some == (addr != 0));
    if (!some || addr == 0)
        return holds & elements_kept(pre, post, call, report);
    holds &= clause(report, is_it, outcome->value == addr);
    holds &= taken(pre, post, call, addr, report);
    return holds;
}

/* --- judge --- */

bool judge_setup_list_id(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                         struct clause_report *report)
{
    bool holds = true;

    (void)call;
    (void)outcome;
    holds &=
        clause(report, CLAUSE_linked_lists__others, linked_lists_equal_but(pre, post, UINT64_MAX));
    holds &= unchanged(pre, post, report);
    return holds;
}

bool judge_list_new(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                    struct clause_report *report)
{
    static list_t EMPTY = {.is_live = 1};
    uint64_t made = 0;
    bool holds = true;

    (void)call;
    (void)outcome;
    while (made < SPEC_MAX_LISTS && (pre->lists[made].is_live || !post->lists[made].is_live))
        made++;
    holds &= clause(report, CLAUSE_list_new__list,
                    made < SPEC_MAX_LISTS && linked_list_equal(&post->lists[made], &EMPTY));
    holds &= clause(report, CLAUSE_linked_lists__others, linked_lists_equal_but(pre, post, made));
    holds &= unchanged(pre, post, report);
    return holds;
}

bool judge_list_push_front(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                           struct clause_report *report)
{
    const uint64_t before = list_of(pre, call)->front;
    bool holds = true;

    if (outcome->result == SPEC_PANIC)
        return ids_exhausted(pre, call, report);
    holds &= clause(report, CLAUSE_list_push_front__list,
                    one_more_element(pre, post, call, frame_to_meta(call->paddr), before));
    holds &= inserted(pre, post, call, before, report);
    return holds;
}

bool judge_list_push_back(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                          struct clause_report *report)
{
    const uint64_t before = call->variant == SPEC_VOSTD ? list_of(pre, call)->back : 0;
    bool holds = true;

    if (outcome->result == SPEC_PANIC)
        return ids_exhausted(pre, call, report);
    holds &= clause(report, CLAUSE_list_push_back__list,
                    one_more_element(pre, post, call, frame_to_meta(call->paddr), before));
    holds &= inserted(pre, post, call, before, report);
    return holds;
}

bool judge_list_pop_front(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                          struct clause_report *report)
{
    return popped(pre, post, call, outcome, list_of(pre, call)->front, CLAUSE_list_pop_front__frame,
                  report);
}

bool judge_list_pop_back(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                         struct clause_report *report)
{
    return popped(pre, post, call, outcome, list_of(pre, call)->back, CLAUSE_list_pop_back__frame,
                  report);
}

/* The frame asked for stands in the list. */
static bool asked_for_element(owners_t *pre, call_t *call)
{
    return has_safe_slot(pre, call->paddr) && is_element(pre, call, frame_to_meta(call->paddr));
}

bool judge_list_contains(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                         struct clause_report *report)
{
    bool holds = true;

    if (outcome->result == SPEC_PANIC)
        return ids_exhausted(pre, call, report);
    holds &= clause(report, CLAUSE_list_contains__result,
                    outcome->value == (asked_for_element(pre, call) ? 1 : 0));
    holds &= id_given(pre, post, call, has_safe_slot(pre, call->paddr), report);
    holds &= elements_kept(pre, post, call, report);
    return holds;
}

bool judge_list_cursor_mut_at(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                              struct clause_report *report)
{
    list_t *list = list_of(post, call);
    const bool some = outcome->result == SPEC_OK;
    bool holds = true;

    if (outcome->result == SPEC_PANIC)
        return ids_exhausted(pre, call, report);
    holds &= clause(report, CLAUSE_list_cursor_mut_at__unsafe_is_none,
                    has_safe_slot(pre, call->paddr) || !some);
    holds &=
        clause(report, CLAUSE_list_cursor_mut_at__result, some == asked_for_element(pre, call));
    holds &= clause(report, CLAUSE_list_cursor_mut_at__current,
                    !some || (list->has_cursor && list->current == frame_to_meta(call->paddr)));
    holds &= id_given(pre, post, call, has_safe_slot(pre, call->paddr), report);
    holds &= elements_kept(pre, post, call, report);
    return holds;
}

/* A cursor stands at `current` and the list has not changed. */
static bool cursor_placed(owners_t *pre, owners_t *post, call_t *call, uint64_t current,
                          enum clause_id is_there, struct clause_report *report)
{
    list_t *list = list_of(post, call);
    bool holds = true;

    holds &= clause(report, is_there, list->has_cursor && list->current == current);
    holds &= id_given(pre, post, call, false, report);
    holds &= elements_kept(pre, post, call, report);
    return holds;
}

bool judge_list_cursor_front_mut(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                                 struct clause_report *report)
{
    (void)outcome;
    return cursor_placed(pre, post, call, list_of(pre, call)->front,
                         CLAUSE_list_cursor_front_mut__current, report);
}

bool judge_list_cursor_back_mut(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                                struct clause_report *report)
{
    (void)outcome;
    return cursor_placed(pre, post, call, list_of(pre, call)->back,
                         CLAUSE_list_cursor_back_mut__current, report);
}

bool judge_cursor_move_next(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                            struct clause_report *report)
{
    list_t *list = list_of(pre, call);
    const uint64_t next = list->current ? next_of(pre, list->current) : list->front;

    (void)outcome;
    return cursor_placed(pre, post, call, next, CLAUSE_cursor_move_next__current, report);
}

bool judge_cursor_move_prev(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                            struct clause_report *report)
{
    list_t *list = list_of(pre, call);
    const uint64_t prev = list->current ? prev_of(pre, list->current) : list->back;

    (void)outcome;
    return cursor_placed(pre, post, call, prev, CLAUSE_cursor_move_prev__current, report);
}

bool judge_cursor_insert_before(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                                struct clause_report *report)
{
    const uint64_t current = list_of(pre, call)->current;
    bool holds = true;

    if (outcome->result == SPEC_PANIC)
        return ids_exhausted(pre, call, report);
    holds &= clause(report, CLAUSE_cursor_insert_before__list,
                    one_more_element(pre, post, call, frame_to_meta(call->paddr), current));
    holds &= clause(report, CLAUSE_cursor_insert_before__current,
                    list_of(post, call)->has_cursor && list_of(post, call)->current == current);
    holds &= inserted(pre, post, call, current, report);
    return holds;
}

bool judge_cursor_take_current(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                               struct clause_report *report)
{
    const uint64_t current = list_of(pre, call)->current;
    list_t *list = list_of(post, call);
    bool holds = true;

    holds &= clause(report, CLAUSE_cursor_take_current__current,
                    list->has_cursor && list->current == next_of(pre, current));
    holds &= popped(pre, post, call, outcome, current, CLAUSE_cursor_take_current__frame, report);
    return holds;
}

/* --- judge: drop --- */

/* What holds of all slots that were elements. */
struct dropped {
    bool ref_count, storage, vtable_ptr, in_list, slot;
};

static void look_at_dropped(struct dropped *dropped, const struct meta_slot_owner *pre,
                            const struct meta_slot_owner *post)
{
    const struct metadata_inner_perms *was = &pre->inner_perms, *is = &post->inner_perms;

    dropped->ref_count &= is->ref_count.value == SPEC_REF_COUNT_UNUSED;
    dropped->storage &= !is->storage.is_init;
    dropped->vtable_ptr &= !is->vtable_ptr.is_init;
    dropped->in_list &= is->in_list.value == 0;
    dropped->slot &= post->usage == pre->usage && post->slot_vaddr == pre->slot_vaddr &&
                     post->paths_in_pt == pre->paths_in_pt && is->storage.id == was->storage.id &&
                     is->ref_count.id == was->ref_count.id && is->in_list.id == was->in_list.id &&
                     is->vtable_ptr.pptr == was->vtable_ptr.pptr;
}

static bool elements_dropped(owners_t *pre, owners_t *post, call_t *call,
                             struct clause_report *report)
{
    struct dropped dropped = {true, true, true, true, true};
    uint64_t addr = list_of(pre, call)->front;
    bool holds = true;

    for (uint64_t n = 0; addr && n < pre->max_meta_slots; n++) {
        const uint64_t index = index_of(pre, addr);

        look_at_dropped(&dropped, slot_owner_at(pre, index), slot_owner_at(post, index));
        addr = next_of(pre, addr);
    }
    holds &= clause(report, CLAUSE_list_drop__ref_count, dropped.ref_count);
    holds &= clause(report, CLAUSE_list_drop__storage, dropped.storage);
    holds &= clause(report, CLAUSE_list_drop__vtable_ptr, dropped.vtable_ptr);
    holds &= clause(report, CLAUSE_list_drop__in_list, dropped.in_list);
    holds &= clause(report, CLAUSE_list_drop__slot, dropped.slot);
    return holds;
}

/* Slots that were not in the list; of those in it in_list says so. */
static bool all_but_elements_kept(owners_t *pre, owners_t *post, call_t *call)
{
    const uint64_t id = list_of(pre, call)->list_id;

    for (uint64_t i = 0; i < nr_candidates(pre, post); i++) {
        const uint64_t index = candidate(pre, post, i);
        const uint64_t in_list = slot_owner_at(pre, index)->inner_perms.in_list.value;

        if ((in_list == 0 || in_list != id) && !slot_kept(pre, post, index))
            return false;
    }
    return true;
}

bool judge_list_drop(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                     struct clause_report *report)
{
    bool holds = true;

    (void)outcome;
    holds &= clause(report, CLAUSE_list_drop__list, !list_of(post, call)->is_live);
    holds &= elements_dropped(pre, post, call, report);
    holds &= clause(report, CLAUSE_list_drop__others, all_but_elements_kept(pre, post, call));
    holds &= live_frame_obligations_err_spec(pre, post, report);
    holds &= other_lists_kept(pre, post, call, report);
    holds &= slots_kept(pre, post, report);
    return holds;
}
