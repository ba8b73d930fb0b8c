/* SPDX-License-Identifier: MPL-2.0 */
#include "metaslot_oracle/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Equality of bytes is equality of values only without padding. */
#define WORDS(type, n) static_assert(sizeof(type) == (n) * sizeof(uint64_t), "padding in " #type)
WORDS(struct meta_slot_storage, 6);
WORDS(struct storage_perm, 8);
WORDS(struct atomic_perm, 2);
WORDS(struct vtable_perm, 3);
WORDS(struct metadata_inner_perms, 15);
WORDS(struct meta_slot_owner, 18);
WORDS(struct meta_slot_cells, 4);
WORDS(struct meta_slot_perm, 7);
WORDS(struct meta_slot_model, 16);
WORDS(struct linked_list_owner, 7);
#undef WORDS

/*
 * Values are a few words, and compared for every operation: written out, because a call of memcmp
 * costs as much as the comparison, and a fuzzing engine's hook in it several times that.
 */
static inline bool words_equal(const void *a, const void *b, size_t size)
{
    const uint64_t *x = a, *y = b;
    uint64_t difference = 0;

    for (size_t i = 0; i < size / sizeof(*x); i++)
        difference |= x[i] ^ y[i];
    return difference == 0;
}

const struct meta_slot_owner NO_SLOT_OWNER;
const struct meta_slot_perm NO_SLOT_PERM;

bool meta_region_owners_create(struct meta_region_owners *owners, uint64_t capacity)
{
    memset(owners, 0, sizeof(*owners));
    if (capacity == 0 || capacity > SPEC_MAX_META_SLOTS)
        /* unreachable: a program has 1 to 2^23 slots */
        return false;
    owners->capacity = capacity;
    owners->slots_dom = calloc(capacity, sizeof(*owners->slots_dom));
    owners->slot_owners_dom = calloc(capacity, sizeof(*owners->slot_owners_dom));
    owners->slots = calloc(capacity, sizeof(*owners->slots));
    owners->slot_owners = calloc(capacity, sizeof(*owners->slot_owners));
    owners->frame_obligations = calloc(capacity, sizeof(*owners->frame_obligations));
    owners->changed = calloc(capacity, sizeof(*owners->changed));
    owners->is_changed = calloc(capacity, sizeof(*owners->is_changed));
    if (!owners->slots_dom || !owners->slot_owners_dom || !owners->slots || !owners->slot_owners ||
        !owners->frame_obligations || !owners->changed || !owners->is_changed) {
        /* unreachable: there is memory */
        meta_region_owners_destroy(owners);
        return false;
    }
    meta_region_owners_boot(owners, capacity);
    return true;
}

void meta_region_owners_destroy(struct meta_region_owners *owners)
{
    free(owners->slots_dom);
    free(owners->slot_owners_dom);
    free(owners->slots);
    free(owners->slot_owners);
    free(owners->frame_obligations);
    free(owners->changed);
    free(owners->is_changed);
    memset(owners, 0, sizeof(*owners));
}

void meta_region_owners_boot(struct meta_region_owners *owners, uint64_t nr_slots)
{
    owners->max_meta_slots = nr_slots;
    meta_region_owners_rebase(owners, NULL);
    meta_region_owners_boot_lists(owners);
    for (uint64_t i = 0; i < nr_slots; i++)
        meta_region_owners_boot_slot(owners, i);
}

static void forget_changes(struct meta_region_owners *owners)
{
    for (uint64_t i = 0; i < owners->nr_changed; i++)
        owners->is_changed[owners->changed[i]] = 0;
    owners->nr_changed = 0;
    owners->lists_changed = 0;
}

void meta_region_owners_rebase(struct meta_region_owners *owners,
                               const struct meta_region_owners *base)
{
    forget_changes(owners);
    owners->base = base;
}

void meta_region_owners_commit(struct meta_region_owners *base, struct meta_region_owners *owners)
{
    for (uint64_t i = 0; i < owners->nr_changed; i++)
        meta_region_owners_copy_slot(base, owners, owners->changed[i]);
    for (uint64_t i = 0; owners->lists_changed >> i; i++)
        if (owners->lists_changed >> i & 1)
            base->lists[i] = owners->lists[i];
    forget_changes(owners);
}

void meta_region_owners_boot_lists(struct meta_region_owners *owners)
{
    memset(owners->lists, 0, sizeof(owners->lists));
}

void meta_region_owners_remove_perm(struct meta_region_owners *owners, uint64_t index)
{
    meta_region_owners_change(owners, index);
    owners->slots_dom[index] = 0;
    owners->slots[index] = (struct meta_slot_perm){0};
}

/* A cell's id is the address of its first byte in FRAME_METADATA_RANGE. */
static struct meta_slot_cells cells_of(uint64_t index)
{
    const uint64_t vaddr = meta_addr(index);

    return (struct meta_slot_cells){
        .storage_id = vaddr,
        .ref_count_id = vaddr + 40,
        .vtable_ptr = vaddr + 48,
        .in_list_id = vaddr + 56,
    };
}

void meta_region_owners_insert_perm(struct meta_region_owners *owners, uint64_t index)
{
    meta_region_owners_change(owners, index);
    owners->slots_dom[index] = 1;
    owners->slots[index] = (struct meta_slot_perm){
        .addr = meta_addr(index), .pptr = meta_addr(index), .is_init = 1, .value = cells_of(index)};
}

/* Member by member: all of it at once is written by an instruction that takes longer. */
void meta_region_owners_boot_slot(struct meta_region_owners *owners, uint64_t index)
{
    const struct meta_slot_cells cells = cells_of(index);
    struct meta_slot_owner *owner = &owners->slot_owners[index];
    struct metadata_inner_perms *perms = &owner->inner_perms;

    meta_region_owners_insert_perm(owners, index);
    owners->slot_owners_dom[index] = 1;
    perms->storage = (struct storage_perm){.id = cells.storage_id};
    perms->ref_count =
        (struct atomic_perm){.id = cells.ref_count_id, .value = SPEC_REF_COUNT_UNUSED};
    perms->vtable_ptr = (struct vtable_perm){.pptr = cells.vtable_ptr};
    perms->in_list = (struct atomic_perm){.id = cells.in_list_id};
    owner->slot_vaddr = meta_addr(index);
    owner->usage = SPEC_USAGE_UNUSED;
    owner->paths_in_pt = 0;
    owners->frame_obligations[index] = 0;
}

void meta_region_owners_copy_slot(struct meta_region_owners *to,
                                  const struct meta_region_owners *from, uint64_t index)
{
    to->slots_dom[index] = from->slots_dom[index];
    to->slots[index] = from->slots[index];
    to->slot_owners_dom[index] = from->slot_owners_dom[index];
    to->slot_owners[index] = from->slot_owners[index];
    to->frame_obligations[index] = from->frame_obligations[index];
}

bool meta_region_owners_slot_equal(const struct meta_region_owners *a,
                                   const struct meta_region_owners *b, uint64_t index)
{
    return a->slots_dom[index] == b->slots_dom[index] &&
           a->slot_owners_dom[index] == b->slot_owners_dom[index] &&
           a->frame_obligations[index] == b->frame_obligations[index] &&
           words_equal(&a->slots[index], &b->slots[index], sizeof(a->slots[index])) &&
           words_equal(&a->slot_owners[index], &b->slot_owners[index],
                       sizeof(a->slot_owners[index]));
}

/* --- comparison of maps --- */

/* Do two states agree in one respect at one index? */
typedef bool equal_at_fn(const struct meta_region_owners *a, const struct meta_region_owners *b,
                         uint64_t i);

static inline bool owners_dom_equal_at(const struct meta_region_owners *a,
                                       const struct meta_region_owners *b, uint64_t i)
{
    return a->slot_owners_dom[i] == b->slot_owners_dom[i];
}

static inline bool slots_dom_equal_at(const struct meta_region_owners *a,
                                      const struct meta_region_owners *b, uint64_t i)
{
    return a->slots_dom[i] == b->slots_dom[i];
}

static inline bool owners_equal_at(const struct meta_region_owners *a,
                                   const struct meta_region_owners *b, uint64_t i)
{
    return owners_dom_equal_at(a, b, i) &&
           words_equal(&a->slot_owners[i], &b->slot_owners[i], sizeof(a->slot_owners[i]));
}

static inline bool slots_equal_at(const struct meta_region_owners *a,
                                  const struct meta_region_owners *b, uint64_t i)
{
    return slots_dom_equal_at(a, b, i) &&
           words_equal(&a->slots[i], &b->slots[i], sizeof(a->slots[i]));
}

static inline bool obligations_equal_at(const struct meta_region_owners *a,
                                        const struct meta_region_owners *b, uint64_t i)
{
    return a->frame_obligations[i] == b->frame_obligations[i];
}

/* Every index but from..to, unless one state is a change of the other: then only what changed. */
static inline bool equal_outside(const struct meta_region_owners *a,
                                 const struct meta_region_owners *b, uint64_t from, uint64_t to,
                                 equal_at_fn *equal_at)
{
    const struct meta_region_owners *change =
        a->base == b ? /* unreachable: the later state comes second */ a : b;

    if (a->max_meta_slots != b->max_meta_slots)
        /* unreachable: both states of a step are of one region */
        return false;
    if (change->base == a ||
        /* unreachable: the later state is noted as a change */ change->base == b) {
        for (uint64_t k = 0; k < change->nr_changed; k++) {
            const uint64_t i = change->changed[k];

            if ((i < from || i >= to) && !equal_at(a, b, i))
                return false;
        }
        return true;
    }
    /* unreachable: the post-state of a step is noted as a change of the pre-state */
    for (uint64_t i = 0; i < a->max_meta_slots; i++)
        if ((i < from || i >= to) && !equal_at(a, b, i))
            return false;
    return true;
}

/* The same for every index but `but`. */
static inline bool equal_but(const struct meta_region_owners *a, const struct meta_region_owners *b,
                             uint64_t but, equal_at_fn *equal_at)
{
    return equal_outside(a, b, but, but < UINT64_MAX ? but + 1 : but, equal_at);
}

bool slot_owners_equal_outside(const struct meta_region_owners *a,
                               const struct meta_region_owners *b, uint64_t from, uint64_t to)
{
    return equal_outside(a, b, from, to, owners_equal_at);
}

bool slot_owners_equal_but(const struct meta_region_owners *a, const struct meta_region_owners *b,
                           uint64_t but)
{
    return equal_but(a, b, but, owners_equal_at);
}

bool slots_equal_but(const struct meta_region_owners *a, const struct meta_region_owners *b,
                     uint64_t but)
{
    return equal_but(a, b, but, slots_equal_at);
}

bool frame_obligations_equal_but(const struct meta_region_owners *a,
                                 const struct meta_region_owners *b, uint64_t but)
{
    return equal_but(a, b, but, obligations_equal_at);
}

bool linked_lists_equal_but(const struct meta_region_owners *a, const struct meta_region_owners *b,
                            uint64_t but)
{
    const struct meta_region_owners *change =
        a->base == b ? /* unreachable: the later state comes second */ a : b;

    if ((change->base == a ||
         /* unreachable: the later state is noted as a change */ change->base == b) &&
        !change->lists_changed)
        return true;
    for (uint64_t i = 0; i < SPEC_MAX_LISTS; i++)
        if (i != but && !linked_list_equal(&a->lists[i], &b->lists[i]))
            return false;
    return true;
}

bool slot_owners_dom_equal(const struct meta_region_owners *a, const struct meta_region_owners *b)
{
    return equal_but(a, b, UINT64_MAX, owners_dom_equal_at);
}

bool slots_dom_equal(const struct meta_region_owners *a, const struct meta_region_owners *b)
{
    return equal_but(a, b, UINT64_MAX, slots_dom_equal_at);
}

/* --- values --- */

bool meta_slot_storage_equal(const struct meta_slot_storage *a, const struct meta_slot_storage *b)
{
    return words_equal(a, b, sizeof(*a));
}

bool storage_perm_equal(const struct storage_perm *a, const struct storage_perm *b)
{
    return words_equal(a, b, sizeof(*a));
}

bool vtable_perm_equal(const struct vtable_perm *a, const struct vtable_perm *b)
{
    return words_equal(a, b, sizeof(*a));
}

bool atomic_perm_equal(const struct atomic_perm *a, const struct atomic_perm *b)
{
    return a->id == b->id && a->value == b->value;
}

bool meta_slot_perm_equal(const struct meta_slot_perm *a, const struct meta_slot_perm *b)
{
    return words_equal(a, b, sizeof(*a));
}

bool linked_list_equal(const struct linked_list_owner *a, const struct linked_list_owner *b)
{
    return words_equal(a, b, sizeof(*a));
}

bool meta_slot_model_equal(const struct meta_slot_model *a, const struct meta_slot_model *b)
{
    return words_equal(a, b, sizeof(*a));
}

struct meta_slot_model meta_slot_owner_view(const struct meta_slot_owner *owner)
{
    return (struct meta_slot_model){
        .status = meta_slot_status_of(owner->inner_perms.ref_count.value),
        .storage = owner->inner_perms.storage,
        .ref_count = owner->inner_perms.ref_count.value,
        .vtable_ptr = owner->inner_perms.vtable_ptr,
        .in_list = owner->inner_perms.in_list.value,
        .slot_vaddr = owner->slot_vaddr,
        .usage = owner->usage,
    };
}
