/* SPDX-License-Identifier: MPL-2.0 */
/* Regions: their memory, their initial state, and snapshots of it. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "metaslot/region.h"

#include <string.h>
#include <sys/mman.h>

#include "metaslot/poison.h"

/* 0 says that a list has none. */
#define FIRST_LIST_ID 1

/* How a snapshot begins; behind it are the slots. */
struct saved_region {
    uint64_t next_list_id;
};

/* A slot in a snapshot. */
struct saved_slot {
    unsigned char storage[FRAME_METADATA_MAX_SIZE];
    const struct meta_vtable *vtable;
    uint64_t ref_count;
    uint64_t in_list;
    uint64_t is_uninit; /* known to have no metadata; `storage` and `vtable` say nothing */
    uint64_t readable;  /* bytes of `storage` that could be read */
};

static uint64_t slots_size(uint64_t nr_slots)
{
    return nr_slots * META_SLOT_SIZE;
}

/* Memory comes in pages: those of the slots, then one for the list ids, which disturb no slot. */
static uint64_t list_id_offset(uint64_t nr_slots)
{
    return (slots_size(nr_slots) + METASLOT_PAGE_SIZE - 1) & ~(METASLOT_PAGE_SIZE - 1);
}

static uint64_t mapping_size(uint64_t nr_slots)
{
    return list_id_offset(nr_slots) + METASLOT_PAGE_SIZE;
}

static void init_counts(struct meta_slot *slot)
{
    atomic_store_relaxed(&slot->ref_count, REF_COUNT_UNUSED);
    atomic_store_relaxed(&slot->in_list, 0);
}

enum meta_region_result meta_region_create(struct meta_region *region, uint64_t nr_slots,
                                           const struct meta_hooks *hooks)
{
    unsigned char *memory;

    if (nr_slots == 0)
        /* unreachable: a program has a slot at least */
        return META_REGION_NO_SLOTS;
    if (nr_slots > MAX_META_SLOTS)
        /* unreachable: a program has 2^23 slots at most */
        return META_REGION_TOO_MANY_SLOTS;
    memory = mmap(NULL, mapping_size(nr_slots), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                  -1, 0);
    if (memory == MAP_FAILED)
        /* unreachable: there is memory */
        return META_REGION_NO_MEMORY;
    *region = (struct meta_region){
        .slots = (struct meta_slot *)(void *)memory,
        .nr_slots = nr_slots,
        .max_paddr = nr_slots * METASLOT_PAGE_SIZE,
        .next_list_id = (atomic_u64 *)(void *)(memory + list_id_offset(nr_slots)),
        .hooks = *hooks,
    };
    for (uint64_t i = 0; i < nr_slots; i++) {
        init_counts(&region->slots[i]);
        poison_metadata(&region->slots[i]);
    }
    meta_region_set_next_list_id(region, FIRST_LIST_ID);
    poison_bytes(memory + slots_size(nr_slots), list_id_offset(nr_slots) - slots_size(nr_slots));
    poison_bytes(memory + list_id_offset(nr_slots) + sizeof(atomic_u64),
                 METASLOT_PAGE_SIZE - sizeof(atomic_u64));
    return META_REGION_CREATED;
}

void meta_region_reset(struct meta_region *region, const uint64_t *indices, uint64_t nr_indices)
{
    static const unsigned char zeros[FRAME_METADATA_MAX_SIZE];

    meta_region_set_next_list_id(region, FIRST_LIST_ID);
    for (uint64_t i = 0; i < nr_indices; i++) {
        struct meta_slot *slot = &region->slots[indices[i]];

        /* Stale bytes would let a program's outcome depend on the one before it. */
        unpoison_metadata(slot, sizeof(zeros));
        nonatomic_copy_in(slot->storage, zeros, sizeof(zeros));
        nonatomic_store_vtable(&slot->vtable_ptr, NULL);
        poison_metadata(slot);
        init_counts(slot);
    }
}

void meta_region_set_next_list_id(const struct meta_region *region, uint64_t id)
{
    atomic_store_relaxed(region->next_list_id, id);
}

void meta_region_destroy(struct meta_region *region)
{
    uint64_t size = mapping_size(region->nr_slots);

    /* Whoever gets this memory next knows nothing of the poison. */
    unpoison_bytes(region->slots, size);
    munmap(region->slots, size);
    *region = (struct meta_region){0};
}

uint64_t meta_region_snapshot_size(const struct meta_region *region)
{
    /* unreachable: programs run from their beginning; ./slotcheck exhaust saves and restores */
    return sizeof(struct saved_region) + region->nr_slots * sizeof(struct saved_slot);
}

static void save_slot(const struct meta_slot *slot, struct saved_slot *saved)
{
    /* unreachable: programs run from their beginning; ./slotcheck exhaust saves and restores */
    memset(saved, 0, sizeof(*saved));
    saved->ref_count = atomic_load_relaxed(&slot->ref_count);
    saved->in_list = atomic_load_relaxed(&slot->in_list);
    saved->is_uninit = poison_is_uninit(slot);
    if (saved->is_uninit)
        return;
    saved->readable = poison_readable(slot);
    saved->vtable = nonatomic_load_vtable(&slot->vtable_ptr);
    nonatomic_copy_out(saved->storage, slot->storage, saved->readable);
}

static void restore_slot(struct meta_slot *slot, const struct saved_slot *saved)
{
    /* unreachable: programs run from their beginning; ./slotcheck exhaust saves and restores */
    atomic_store_relaxed(&slot->ref_count, saved->ref_count);
    atomic_store_relaxed(&slot->in_list, saved->in_list);
    if (saved->is_uninit) {
        poison_metadata(slot);
        return;
    }
    unpoison_metadata(slot, saved->readable);
    nonatomic_store_vtable(&slot->vtable_ptr, saved->vtable);
    nonatomic_copy_in(slot->storage, saved->storage, saved->readable);
}

void meta_region_snapshot_save(const struct meta_region *region, void *bytes)
{
    /* unreachable: programs run from their beginning; ./slotcheck exhaust saves and restores */
    struct saved_region head = {atomic_load_relaxed(region->next_list_id)};
    unsigned char *next = bytes;

    memcpy(next, &head, sizeof(head));
    next += sizeof(head);
    for (uint64_t i = 0; i < region->nr_slots; i++) {
        struct saved_slot saved;

        save_slot(&region->slots[i], &saved);
        memcpy(next, &saved, sizeof(saved));
        next += sizeof(saved);
    }
}

void meta_region_snapshot_restore(struct meta_region *region, const void *bytes)
{
    /* unreachable: programs run from their beginning; ./slotcheck exhaust saves and restores */
    struct saved_region head;
    const unsigned char *next = bytes;

    memcpy(&head, next, sizeof(head));
    next += sizeof(head);
    meta_region_set_next_list_id(region, head.next_list_id);
    for (uint64_t i = 0; i < region->nr_slots; i++) {
        struct saved_slot saved;

        memcpy(&saved, next, sizeof(saved));
        next += sizeof(saved);
        restore_slot(&region->slots[i], &saved);
    }
}
