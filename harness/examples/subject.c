/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A small complete subject: frames with atomic reference counts. Copy it and put your own code in.
 *
 *     cc -std=c11 -shared -fPIC -I harness/include -o subject.so harness/examples/subject.c
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "slotcheck/subject.h"

#define REF_COUNT_UNUSED UINT64_MAX
#define REF_COUNT_UNIQUE (UINT64_MAX - 1)
#define REF_COUNT_MAX    ((uint64_t)INT64_MAX)
#define PAGE_SIZE        4096

struct slot {
    struct slotcheck_metadata metadata; /* its member `type` does what a vtable pointer would */
    _Atomic uint64_t ref_count;
    uint64_t in_list; /* there are no lists here: always 0 */
};

_Static_assert(sizeof(struct slot) == 64, "slots are 64 bytes apart");

struct slotcheck_region {
    uint64_t nr_slots;
    _Alignas(64) struct slot slots[];
};

static struct slot *slot_at(uint64_t address)
{
    return (struct slot *)(uintptr_t)address;
}

/* --- what slotcheck needs to watch the slots --- */

static uint32_t create(uint64_t nr_slots, const struct slotcheck_host *host,
                       struct slotcheck_region **region)
{
    (void)host;
    if (nr_slots == 0)
        return SLOTCHECK_NO_SLOTS;
    if (nr_slots > UINT64_C(1) << 34)
        return SLOTCHECK_TOO_MANY_SLOTS;
    *region = aligned_alloc(64, sizeof(**region) + nr_slots * sizeof(struct slot));
    if (!*region)
        return SLOTCHECK_NO_MEMORY;
    (*region)->nr_slots = nr_slots;
    for (uint64_t i = 0; i < nr_slots; i++)
        (*region)->slots[i] = (struct slot){.ref_count = REF_COUNT_UNUSED};
    return SLOTCHECK_CREATED;
}

static void reset(struct slotcheck_region *region, const uint64_t *touched, uint64_t nr_touched)
{
    for (uint64_t i = 0; i < nr_touched; i++)
        atomic_store(&region->slots[touched[i]].ref_count, REF_COUNT_UNUSED);
}

static void destroy(struct slotcheck_region *region)
{
    free(region);
}

static uint64_t slots(struct slotcheck_region *region)
{
    return (uint64_t)(uintptr_t)region->slots;
}

static void read_slot(struct slotcheck_region *region, uint64_t index, struct slotcheck_slot *out)
{
    out->ref_count = atomic_load(&region->slots[index].ref_count);
    out->in_list = region->slots[index].in_list;
}

static void read_metadata(struct slotcheck_region *region, uint64_t index,
                          struct slotcheck_metadata *out)
{
    *out = region->slots[index].metadata;
}

/* So that programs can begin close to saturation. */
static void set_ref_count(struct slotcheck_region *region, uint64_t slot, uint64_t value)
{
    (void)region;
    atomic_store(&slot_at(slot)->ref_count, value);
}

/* --- what is tested --- */

static uint32_t get_slot(struct slotcheck_region *region, uint64_t paddr, uint64_t *slot)
{
    if (paddr % PAGE_SIZE != 0)
        return SLOTCHECK_NOT_ALIGNED;
    if (paddr / PAGE_SIZE >= region->nr_slots)
        return SLOTCHECK_OUT_OF_BOUND;
    *slot = (uint64_t)(uintptr_t)&region->slots[paddr / PAGE_SIZE];
    return SLOTCHECK_OK;
}

static uint32_t frame_from_unused(struct slotcheck_region *region, uint64_t paddr,
                                  const struct slotcheck_metadata *metadata, uint64_t *frame)
{
    uint64_t address, observed = REF_COUNT_UNUSED;
    uint32_t result = get_slot(region, paddr, &address);
    if (result != SLOTCHECK_OK)
        return result;
    struct slot *slot = slot_at(address);
    /* Acquire pairs with the release store of UNUSED in frame_drop. */
    if (atomic_compare_exchange_strong_explicit(&slot->ref_count, &observed, 0,
                                                memory_order_acquire, memory_order_relaxed)) {
        slot->metadata = *metadata;
        /* Pairs with the acquire in frame_from_in_use. */
        atomic_store_explicit(&slot->ref_count, 1, memory_order_release);
        *frame = address;
        return SLOTCHECK_OK;
    }
    if (observed == REF_COUNT_UNIQUE)
        return SLOTCHECK_UNIQUE;
    return observed == 0 ? SLOTCHECK_BUSY : SLOTCHECK_IN_USE;
}

static uint32_t frame_from_in_use(struct slotcheck_region *region, uint64_t paddr, uint64_t *frame)
{
    uint64_t address;
    uint32_t result = get_slot(region, paddr, &address);
    if (result != SLOTCHECK_OK)
        return result;
    struct slot *slot = slot_at(address);
    uint64_t count = atomic_load_explicit(&slot->ref_count, memory_order_relaxed);
    do {
        if (count == REF_COUNT_UNUSED)
            return SLOTCHECK_UNUSED;
        if (count == REF_COUNT_UNIQUE)
            return SLOTCHECK_UNIQUE;
        if (count == 0)
            return SLOTCHECK_BUSY;
        if (count >= REF_COUNT_MAX)
            return SLOTCHECK_PANIC;
        /* Acquire pairs with the release store of 1 in frame_from_unused. */
    } while (!atomic_compare_exchange_weak_explicit(&slot->ref_count, &count, count + 1,
                                                    memory_order_acquire, memory_order_relaxed));
    *frame = address;
    return SLOTCHECK_OK;
}

static uint32_t frame_clone(struct slotcheck_region *region, uint64_t frame, uint64_t *clone)
{
    (void)region;
    uint64_t old = atomic_fetch_add_explicit(&slot_at(frame)->ref_count, 1, memory_order_relaxed);
    if (old >= REF_COUNT_MAX)
        return SLOTCHECK_PANIC;
    *clone = frame;
    return SLOTCHECK_OK;
}

static void frame_drop(struct slotcheck_region *region, uint64_t frame)
{
    (void)region;
    struct slot *slot = slot_at(frame);
    if (atomic_fetch_sub_explicit(&slot->ref_count, 1, memory_order_release) != 1)
        return;
    /* Pairs with the release above in the threads that dropped the other references. */
    atomic_thread_fence(memory_order_acquire);
    /* Pairs with the acquire in frame_from_unused. */
    atomic_store_explicit(&slot->ref_count, REF_COUNT_UNUSED, memory_order_release);
}

/* A frame forgotten, and brought back: the handle is the slot's address all the time. */
static uint64_t frame_into_raw(struct slotcheck_region *region, uint64_t frame)
{
    return (uint64_t)(slot_at(frame) - region->slots) * PAGE_SIZE;
}

static uint64_t frame_from_raw(struct slotcheck_region *region, uint64_t paddr)
{
    return (uint64_t)(uintptr_t)&region->slots[paddr / PAGE_SIZE];
}

static uint64_t frame_reference_count(struct slotcheck_region *region, uint64_t frame)
{
    (void)region;
    return atomic_load_explicit(&slot_at(frame)->ref_count, memory_order_relaxed);
}

static const struct slotcheck_subject SUBJECT = {
    .version = SLOTCHECK_INTERFACE_VERSION,
    .size = sizeof(struct slotcheck_subject),
    .name = "example",
    .description = "the C example",
    .capabilities = SLOTCHECK_CAN_RETURN_FROM_PANIC | SLOTCHECK_CAN_MANY_REGIONS,
    .create = create,
    .reset = reset,
    .destroy = destroy,
    .slots = slots,
    .read_slot = read_slot,
    .read_metadata = read_metadata,
    .set_ref_count = set_ref_count,
    .get_slot = get_slot,
    .frame_from_unused = frame_from_unused,
    .frame_from_in_use = frame_from_in_use,
    .frame_clone = frame_clone,
    .frame_drop = frame_drop,
    .frame_into_raw = frame_into_raw,
    .frame_from_raw = frame_from_raw,
    .frame_reference_count = frame_reference_count,
};

const struct slotcheck_subject *slotcheck_subject(uint32_t host_version)
{
    return host_version >= SLOTCHECK_INTERFACE_VERSION ? &SUBJECT : NULL;
}
