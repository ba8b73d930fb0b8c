/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A second implementation of all operations, written from the subject interface alone.
 *
 * It is as simple as it can be: one thread, no atomics, metadata in structs of its own. The tests
 * of the lockstep run against it, and against builds of it with one fault each
 * (-DFAULT=FAULT_name).
 *
 * -DABORTING   like kernel code: the slots are one static array, saturation ends the process, and
 *              nobody is told of a dropped probe
 * PLAIN_ONLY   defined by a file that includes this one for the functions and is the subject itself
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slotcheck/subject.h"

/*
 * What can be broken; the word before the colon is the operation where it shows. One fault per
 * line: the build takes the names from here.
 */
enum fault {
    FAULT_none,
    /* get_slot: beyond the end, OutOfBound even if the address is not aligned */
    FAULT_bound_before_alignment,
    /* get_slot: MAX_PADDR itself has a slot */
    FAULT_bound_off_by_one,
    /* get_from_unused: Busy for a slot that is unique */
    FAULT_busy_for_unique,
    /* get_from_unused: a slot under construction (count 0) can be claimed */
    FAULT_claims_busy,
    /* get_from_unused: a slot in use gets the new metadata, then the claim fails */
    FAULT_failed_claim_overwrites,
    /* get_from_unused: a failed claim leaves the count 0, as an exchange without compare would */
    FAULT_failed_claim_swaps,
    /* get_from_unused: the next slot gets the count too */
    FAULT_claim_counts_neighbour,
    /* unique_frame_from_unused: the count is 1 */
    FAULT_unique_claim_shared,
    /* get_from_in_use: the count grows by 2 */
    FAULT_in_use_adds_two,
    /* get_from_in_use: a slot under construction (count 0) counts as in use */
    FAULT_in_use_takes_busy,
    /* get_from_in_use: goes on at saturation */
    FAULT_in_use_past_max,
    /* get_from_in_use: panics at MAX - 1 */
    FAULT_in_use_panics_early,
    /* get_from_in_use: the count has grown when it panics */
    FAULT_in_use_counts_panic,
    /* inc_ref_count: goes on at saturation */
    FAULT_inc_past_max,
    /* frame_paddr: the address of the next frame */
    FAULT_paddr_off_by_page,
    /* as_meta_ptr: points behind the first word */
    FAULT_meta_ptr_off_by_word,
    /* dyn_meta_ptr: a FrameLink has the vtable of PTNode */
    FAULT_other_vtable,
    /* write_meta: drops the metadata that it overwrites */
    FAULT_write_drops,
    /* drop_meta_in_place: no on_drop */
    FAULT_on_drop_forgotten,
    /* drop_meta_in_place: on_drop runs twice */
    FAULT_on_drop_twice,
    /* drop_meta_in_place: on_drop gets the address of the next frame */
    FAULT_on_drop_other_frame,
    /* drop_last_in_place: in_list is 1 afterwards */
    FAULT_in_list_left,
    /* drop_last_in_place: in_list of the next slot is 1 afterwards */
    FAULT_drop_lists_neighbour,
    /* drop_last_in_place: the count stays 0 */
    FAULT_drop_leaves_zero,
    /* frame_clone: the count stays */
    FAULT_clone_uncounted,
    /* frame_drop: the count shrinks by 2 */
    FAULT_drop_subtracts_two,
    /* frame_drop: the last handle but one frees the slot */
    FAULT_drop_frees_early,
    /* frame_into_raw: gives the reference back */
    FAULT_into_raw_uncounts,
    /* frame_from_raw: counts one more reference */
    FAULT_from_raw_counts,
    /* unique_frame_try_from: a frame with two references becomes unique */
    FAULT_try_from_shared,
    /* unique_frame_repurpose: the old metadata stays */
    FAULT_repurpose_keeps,
    /* unique_frame_repurpose: the new metadata is dropped, not the old */
    FAULT_repurpose_drops_new,
    /* unique_frame_reset_as_unused: the count stays UNIQUE */
    FAULT_reset_leaves_unique,
    /* unique_frame_meta_mut: assigns nothing */
    FAULT_meta_mut_ignored,
    /* page_table_node_alloc: one level too high */
    FAULT_node_level_off,
    /* get_from_unused: no slot is ever granted, which get_from_unused_spec allows */
    FAULT_never_grants,
    /* get_from_in_use: a slot with the count 1 counts as under construction */
    FAULT_refuses_in_use,
    /* reset: the last slot of the list stays as it is; shows in the next program */
    FAULT_reset_forgets,
    /* frame_drop: ends the process */
    FAULT_crash,
    /* get_from_in_use: does not return if the count is 2 */
    FAULT_hang,
    /* destroy: ends the process */
    FAULT_crash_in_destroy,
    /* create: slot 0 has the count 0 */
    FAULT_create_in_use,
    /* create: an answer that there is none of */
    FAULT_create_unknown,
    /* create: prints to standard output, which is no fault */
    FAULT_talks,
};

#ifndef FAULT
#define FAULT FAULT_none
#endif

/* Not mapped; volatile, so that no compiler sees what FAULT_crash is about to do. */
static volatile const uint64_t NOWHERE = 64;

static const uint64_t PAGE_SIZE = 4096;
static const uint64_t REF_COUNT_UNUSED = UINT64_MAX;
static const uint64_t REF_COUNT_UNIQUE = UINT64_MAX - 1;
static const uint64_t REF_COUNT_MAX = INT64_MAX;

/* --- metadata and slots --------------------------------------------------------------------------
 */

struct frame_link {
    uint64_t payload;
    uint64_t next, prev; /* addresses of slots, or 0 */
};

struct pt_node {
    uint16_t nr_children;
    uint8_t level, lock, stray;
};

union object {
    uint8_t empty[39];
    struct frame_link link;
    struct pt_node node;
    uint64_t probe;
};

struct vtable {
    enum slotcheck_metadata_type type;
};

static const struct vtable VTABLES[] = {
    {SLOTCHECK_METADATA_EMPTY},   {SLOTCHECK_METADATA_UNTYPED}, {SLOTCHECK_METADATA_FRAME_LINK},
    {SLOTCHECK_METADATA_PT_NODE}, {SLOTCHECK_METADATA_PROBE},
};

struct slot {
    union object object;
    uint64_t in_list;
    uint64_t ref_count;
    const struct vtable *vtable; /* null: no metadata */
};

_Static_assert(sizeof(struct slot) == 64, "slots are 64 bytes apart");
_Static_assert(offsetof(struct slot, object) == 0, "metadata stands at the start of its slot");

struct slotcheck_region {
    const struct slotcheck_host *host;
    uint64_t nr_slots;
    struct slot *slots;
};

static struct slot *slot_at(uint64_t address)
{
    return (struct slot *)(uintptr_t)address;
}

static uint64_t address_of(const struct slot *slot)
{
    return (uint64_t)(uintptr_t)slot;
}

static uint64_t index_of(const struct slotcheck_region *region, const struct slot *slot)
{
    return (uint64_t)(slot - region->slots);
}

/* The next slot, the first for the last: what off-by-one faults hit. */
static struct slot *neighbour_of(const struct slotcheck_region *region, const struct slot *slot)
{
    return &region->slots[(index_of(region, slot) + 1) % region->nr_slots];
}

static uint64_t address_from_link(const struct slotcheck_region *region, uint64_t some,
                                  uint64_t off)
{
    return some ? address_of(region->slots) + off : 0;
}

static void link_from_address(const struct slotcheck_region *region, uint64_t address,
                              uint64_t some_and_off[2])
{
    some_and_off[0] = address != 0;
    some_and_off[1] = address != 0 ? address - address_of(region->slots) : 0;
}

static void store_object(const struct slotcheck_region *region, union object *object,
                         const struct slotcheck_metadata *metadata)
{
    const uint64_t *word = metadata->word;
    switch ((enum slotcheck_metadata_type)metadata->type) {
    case SLOTCHECK_METADATA_EMPTY:
        memcpy(object->empty, word, sizeof(object->empty));
        break;
    case SLOTCHECK_METADATA_UNTYPED:
        break;
    case SLOTCHECK_METADATA_FRAME_LINK:
        object->link.next = address_from_link(region, word[0], word[1]);
        object->link.prev = address_from_link(region, word[2], word[3]);
        object->link.payload = word[4];
        break;
    case SLOTCHECK_METADATA_PT_NODE:
        object->node.nr_children = (uint16_t)word[0];
        object->node.stray = (uint8_t)word[1];
        object->node.level = (uint8_t)word[2];
        object->node.lock = (uint8_t)word[3];
        break;
    case SLOTCHECK_METADATA_PROBE:
        object->probe = word[0];
        break;
    }
}

static void load_object(const struct slotcheck_region *region, const union object *object,
                        struct slotcheck_metadata *out)
{
    uint64_t *word = out->word;
    switch ((enum slotcheck_metadata_type)out->type) {
    case SLOTCHECK_METADATA_EMPTY:
        memcpy(word, object->empty, sizeof(object->empty));
        break;
    case SLOTCHECK_METADATA_UNTYPED:
        break;
    case SLOTCHECK_METADATA_FRAME_LINK:
        link_from_address(region, object->link.next, &word[0]);
        link_from_address(region, object->link.prev, &word[2]);
        word[4] = object->link.payload;
        break;
    case SLOTCHECK_METADATA_PT_NODE:
        word[0] = object->node.nr_children;
        word[1] = object->node.stray;
        word[2] = object->node.level;
        word[3] = object->node.lock;
        break;
    case SLOTCHECK_METADATA_PROBE:
        word[0] = object->probe;
        break;
    }
}

/* UINT64_MAX if the vtable pointer belongs to no type. */
static uint64_t type_of(const struct slot *slot)
{
    return slot->vtable ? (uint64_t)slot->vtable->type : UINT64_MAX;
}

static void load_metadata(const struct slotcheck_region *region, const struct slot *slot,
                          struct slotcheck_metadata *out)
{
    *out = (struct slotcheck_metadata){.type = type_of(slot)};
    if (slot->vtable)
        load_object(region, &slot->object, out);
}

/* --- regions -------------------------------------------------------------------------------------
 */

static void clear_slot(struct slot *slot)
{
    *slot = (struct slot){.ref_count = REF_COUNT_UNUSED};
}

#ifdef ABORTING
static const char NAME[] = "aborting";
enum { NR_FIXED_SLOTS = 16, CAPABILITIES = 0 };

static struct slotcheck_region *allocate_region(uint64_t nr_slots)
{
    static _Alignas(64) struct slot slots[NR_FIXED_SLOTS];
    static struct slotcheck_region region = {.slots = slots};
    return nr_slots == NR_FIXED_SLOTS ? &region : NULL;
}

static void destroy(struct slotcheck_region *region)
{
    (void)region;
}

static uint32_t panic(void)
{
#ifdef EXITING
    _Exit(7); /* no panic of any kind */
#endif
    abort();
}
#else
static const char NAME[] = "plain";
enum {
    NR_FIXED_SLOTS = 0,
    CAPABILITIES =
        SLOTCHECK_CAN_REPORT_ON_DROP | SLOTCHECK_CAN_RETURN_FROM_PANIC | SLOTCHECK_CAN_MANY_REGIONS,
};

static void destroy(struct slotcheck_region *region)
{
    if (FAULT == FAULT_crash_in_destroy)
        abort();
    free(region->slots);
    free(region);
}

/* One slot more than asked for: FAULT_bound_off_by_one is no access out of bounds. */
static struct slotcheck_region *allocate_region(uint64_t nr_slots)
{
    struct slotcheck_region *region = malloc(sizeof(*region));
    if (!region)
        return NULL;
    region->slots = aligned_alloc(sizeof(struct slot), (nr_slots + 1) * sizeof(struct slot));
    if (!region->slots) {
        free(region);
        return NULL;
    }
    clear_slot(&region->slots[nr_slots]);
    return region;
}

static uint32_t panic(void)
{
    return SLOTCHECK_PANIC;
}
#endif

static uint32_t create(uint64_t nr_slots, const struct slotcheck_host *host,
                       struct slotcheck_region **region)
{
    if (nr_slots == 0)
        return SLOTCHECK_NO_SLOTS;
    if (nr_slots > UINT64_C(1) << 34 || (NR_FIXED_SLOTS != 0 && nr_slots != NR_FIXED_SLOTS))
        return SLOTCHECK_TOO_MANY_SLOTS;
    if (FAULT == FAULT_create_unknown)
        return 77;
    if (FAULT == FAULT_talks)
        puts("hello");
    struct slotcheck_region *made = allocate_region(nr_slots);
    if (!made)
        return SLOTCHECK_NO_MEMORY;
    made->host = host;
    made->nr_slots = nr_slots;
    for (uint64_t i = 0; i < nr_slots; i++)
        clear_slot(&made->slots[i]);
    if (FAULT == FAULT_create_in_use)
        made->slots[0].ref_count = 0;
    *region = made;
    return SLOTCHECK_CREATED;
}

static void reset(struct slotcheck_region *region, const uint64_t *touched, uint64_t nr_touched)
{
    if (FAULT == FAULT_reset_forgets && nr_touched > 0)
        nr_touched--;
    for (uint64_t i = 0; i < nr_touched; i++)
        clear_slot(&region->slots[touched[i]]);
}

static uint64_t slots(struct slotcheck_region *region)
{
    return address_of(region->slots);
}

static void read_slot(struct slotcheck_region *region, uint64_t index, struct slotcheck_slot *out)
{
    out->ref_count = region->slots[index].ref_count;
    out->in_list = region->slots[index].in_list;
}

static void read_metadata(struct slotcheck_region *region, uint64_t index,
                          struct slotcheck_metadata *out)
{
    load_metadata(region, &region->slots[index], out);
}

static void set_ref_count(struct slotcheck_region *region, uint64_t slot, uint64_t value)
{
    (void)region;
    slot_at(slot)->ref_count = value;
}

/* --- MetaSlot ------------------------------------------------------------------------------------
 */

static uint32_t get_slot(struct slotcheck_region *region, uint64_t paddr, uint64_t *slot)
{
    uint64_t max_paddr = region->nr_slots * PAGE_SIZE;
    if (FAULT == FAULT_bound_before_alignment && paddr >= max_paddr)
        return SLOTCHECK_OUT_OF_BOUND;
    if (FAULT == FAULT_bound_off_by_one)
        max_paddr += PAGE_SIZE;
    if (paddr % PAGE_SIZE != 0)
        return SLOTCHECK_NOT_ALIGNED;
    if (paddr >= max_paddr)
        return SLOTCHECK_OUT_OF_BOUND;
    *slot = address_of(&region->slots[paddr / PAGE_SIZE]);
    return SLOTCHECK_OK;
}

static uint64_t frame_paddr(struct slotcheck_region *region, uint64_t slot)
{
    uint64_t paddr = index_of(region, slot_at(slot)) * PAGE_SIZE;
    if (FAULT == FAULT_paddr_off_by_page)
        paddr += PAGE_SIZE;
    return paddr;
}

static uint64_t as_meta_ptr(struct slotcheck_region *region, uint64_t slot)
{
    (void)region;
    if (FAULT == FAULT_meta_ptr_off_by_word)
        return slot + 8;
    return slot;
}

static uint64_t dyn_meta_ptr(struct slotcheck_region *region, uint64_t slot, uint64_t *type)
{
    (void)region;
    *type = type_of(slot_at(slot));
    return slot;
}

/* Tells the host, if the type is one that wants it. */
static void on_drop(struct slotcheck_region *region, struct slot *slot)
{
    if (!(CAPABILITIES & SLOTCHECK_CAN_REPORT_ON_DROP) || FAULT == FAULT_on_drop_forgotten)
        return;
    if (type_of(slot) != SLOTCHECK_METADATA_PROBE)
        return;
    struct slotcheck_metadata metadata;
    load_metadata(region, slot, &metadata);
    uint64_t paddr = index_of(region, slot) * PAGE_SIZE;
    if (FAULT == FAULT_on_drop_other_frame)
        paddr += PAGE_SIZE;
    region->host->on_drop(region->host->context, paddr, &metadata);
    if (FAULT == FAULT_on_drop_twice)
        region->host->on_drop(region->host->context, paddr, &metadata);
}

static void write_meta(struct slotcheck_region *region, uint64_t slot,
                       const struct slotcheck_metadata *metadata)
{
    struct slot *to = slot_at(slot);
    if (FAULT == FAULT_write_drops)
        on_drop(region, to);
    to->vtable = &VTABLES[metadata->type];
    if (FAULT == FAULT_other_vtable && metadata->type == SLOTCHECK_METADATA_FRAME_LINK)
        to->vtable = &VTABLES[SLOTCHECK_METADATA_PT_NODE];
    store_object(region, &to->object, metadata);
}

static void drop_meta_in_place(struct slotcheck_region *region, uint64_t slot)
{
    on_drop(region, slot_at(slot));
    slot_at(slot)->vtable = NULL;
}

static void drop_last_in_place(struct slotcheck_region *region, uint64_t slot)
{
    struct slot *last = slot_at(slot);
    drop_meta_in_place(region, slot);
    if (FAULT == FAULT_in_list_left)
        last->in_list = 1;
    if (FAULT == FAULT_drop_lists_neighbour)
        neighbour_of(region, last)->in_list = 1;
    if (FAULT == FAULT_drop_leaves_zero)
        return;
    last->ref_count = REF_COUNT_UNUSED;
}

/* Why a slot with this count cannot be claimed; OK if it can. */
static uint32_t claim_result(uint64_t ref_count)
{
    if (ref_count == REF_COUNT_UNUSED)
        return FAULT == FAULT_never_grants ? SLOTCHECK_IN_USE : SLOTCHECK_OK;
    if (ref_count == REF_COUNT_UNIQUE)
        return FAULT == FAULT_busy_for_unique ? SLOTCHECK_BUSY : SLOTCHECK_UNIQUE;
    if (ref_count == 0)
        return FAULT == FAULT_claims_busy ? SLOTCHECK_OK : SLOTCHECK_BUSY;
    return SLOTCHECK_IN_USE;
}

static uint32_t get_from_unused(struct slotcheck_region *region, uint64_t paddr,
                                const struct slotcheck_metadata *metadata, uint32_t as_unique,
                                uint64_t *slot)
{
    uint64_t address;
    uint32_t result = get_slot(region, paddr, &address);
    if (result != SLOTCHECK_OK)
        return result;
    struct slot *claimed = slot_at(address);
    result = claim_result(claimed->ref_count);
    if (FAULT == FAULT_failed_claim_overwrites && result == SLOTCHECK_IN_USE)
        write_meta(region, address, metadata);
    if (FAULT == FAULT_failed_claim_swaps && result != SLOTCHECK_OK)
        claimed->ref_count = 0;
    if (result != SLOTCHECK_OK)
        return result;
    write_meta(region, address, metadata);
    if (FAULT == FAULT_claim_counts_neighbour)
        neighbour_of(region, claimed)->ref_count = 1;
    claimed->ref_count = as_unique ? REF_COUNT_UNIQUE : 1;
    *slot = address;
    return SLOTCHECK_OK;
}

/* There is no ghost state here, so nothing to do. */
static void repark(struct slotcheck_region *region, uint64_t slot)
{
    (void)region;
    (void)slot;
}

static bool is_saturated(uint64_t ref_count)
{
    if (FAULT == FAULT_in_use_past_max)
        return false;
    if (FAULT == FAULT_in_use_panics_early)
        return ref_count >= REF_COUNT_MAX - 1;
    return ref_count >= REF_COUNT_MAX;
}

static uint32_t get_from_in_use(struct slotcheck_region *region, uint64_t paddr, uint64_t *slot)
{
    uint64_t address;
    uint32_t result = get_slot(region, paddr, &address);
    if (result != SLOTCHECK_OK)
        return result;
    struct slot *found = slot_at(address);
    if (found->ref_count == REF_COUNT_UNUSED)
        return SLOTCHECK_UNUSED;
    if (found->ref_count == REF_COUNT_UNIQUE)
        return SLOTCHECK_UNIQUE;
    if (found->ref_count == 0 && FAULT != FAULT_in_use_takes_busy)
        return SLOTCHECK_BUSY;
    if (FAULT == FAULT_refuses_in_use && found->ref_count == 1)
        return SLOTCHECK_BUSY;
    if (is_saturated(found->ref_count)) {
        found->ref_count += FAULT == FAULT_in_use_counts_panic;
        return panic();
    }
    if (FAULT == FAULT_hang && found->ref_count == 2)
        for (;;) {
        }
    found->ref_count += FAULT == FAULT_in_use_adds_two ? 2 : 1;
    *slot = address;
    return SLOTCHECK_OK;
}

/* As in the verified source, the count has grown before it turns out to be saturated. */
static uint32_t inc_ref_count(struct slotcheck_region *region, uint64_t slot)
{
    (void)region;
    uint64_t old = slot_at(slot)->ref_count++;
    if (old >= REF_COUNT_MAX && FAULT != FAULT_inc_past_max)
        return panic();
    return SLOTCHECK_OK;
}

/* --- Frame ---------------------------------------------------------------------------------------
 */

static uint32_t frame_from_unused(struct slotcheck_region *region, uint64_t paddr,
                                  const struct slotcheck_metadata *metadata, uint64_t *frame)
{
    return get_from_unused(region, paddr, metadata, 0, frame);
}

static uint32_t frame_clone(struct slotcheck_region *region, uint64_t frame, uint64_t *clone)
{
    if (FAULT != FAULT_clone_uncounted && inc_ref_count(region, frame) != SLOTCHECK_OK)
        return SLOTCHECK_PANIC;
    *clone = frame;
    return SLOTCHECK_OK;
}

static void frame_drop(struct slotcheck_region *region, uint64_t frame)
{
    struct slot *slot = slot_at(frame);
    if (FAULT == FAULT_crash)
        slot = slot_at(NOWHERE);
    uint64_t old = slot->ref_count;
    slot->ref_count -= FAULT == FAULT_drop_subtracts_two ? 2 : 1;
    if (old == 1 || (FAULT == FAULT_drop_frees_early && old == 2))
        drop_last_in_place(region, frame);
}

static uint64_t frame_into_raw(struct slotcheck_region *region, uint64_t frame)
{
    if (FAULT == FAULT_into_raw_uncounts)
        slot_at(frame)->ref_count--;
    return index_of(region, slot_at(frame)) * PAGE_SIZE;
}

static uint64_t frame_from_raw(struct slotcheck_region *region, uint64_t paddr)
{
    struct slot *slot = &region->slots[paddr / PAGE_SIZE];
    if (FAULT == FAULT_from_raw_counts)
        slot->ref_count++;
    return address_of(slot);
}

static uint64_t frame_reference_count(struct slotcheck_region *region, uint64_t frame)
{
    (void)region;
    return slot_at(frame)->ref_count;
}

static void frame_meta(struct slotcheck_region *region, uint64_t frame,
                       struct slotcheck_metadata *out)
{
    load_metadata(region, slot_at(frame), out);
}

/* --- UniqueFrame ---------------------------------------------------------------------------------
 */

static uint32_t unique_frame_from_unused(struct slotcheck_region *region, uint64_t paddr,
                                         const struct slotcheck_metadata *metadata, uint64_t *frame)
{
    return get_from_unused(region, paddr, metadata, FAULT != FAULT_unique_claim_shared, frame);
}

static void unique_frame_drop(struct slotcheck_region *region, uint64_t frame)
{
    slot_at(frame)->ref_count = 0;
    drop_last_in_place(region, frame);
}

static uint64_t frame_from_unique(struct slotcheck_region *region, uint64_t frame)
{
    (void)region;
    slot_at(frame)->ref_count = 1;
    return frame;
}

static uint32_t unique_frame_try_from(struct slotcheck_region *region, uint64_t frame,
                                      uint64_t *unique)
{
    (void)region;
    uint64_t ref_count = slot_at(frame)->ref_count;
    if (ref_count != 1 && !(FAULT == FAULT_try_from_shared && ref_count == 2))
        return SLOTCHECK_RETURNED;
    slot_at(frame)->ref_count = REF_COUNT_UNIQUE;
    *unique = frame;
    return SLOTCHECK_OK;
}

static uint64_t unique_frame_repurpose(struct slotcheck_region *region, uint64_t frame,
                                       const struct slotcheck_metadata *metadata)
{
    const struct vtable *old = slot_at(frame)->vtable;
    if (FAULT == FAULT_repurpose_drops_new)
        write_meta(region, frame, metadata);
    drop_meta_in_place(region, frame);
    if (FAULT == FAULT_repurpose_keeps)
        slot_at(frame)->vtable = old;
    else
        write_meta(region, frame, metadata);
    return frame;
}

static void unique_frame_reset_as_unused(struct slotcheck_region *region, uint64_t frame)
{
    slot_at(frame)->ref_count = 0;
    drop_last_in_place(region, frame);
    if (FAULT == FAULT_reset_leaves_unique)
        slot_at(frame)->ref_count = REF_COUNT_UNIQUE;
}

static void unique_frame_meta_mut(struct slotcheck_region *region, uint64_t frame,
                                  const struct slotcheck_metadata *metadata)
{
    if (FAULT != FAULT_meta_mut_ignored)
        store_object(region, &slot_at(frame)->object, metadata);
}

static uint64_t unique_frame_into_raw(struct slotcheck_region *region, uint64_t frame)
{
    return index_of(region, slot_at(frame)) * PAGE_SIZE;
}

static uint64_t unique_frame_from_raw(struct slotcheck_region *region, uint64_t paddr)
{
    return address_of(&region->slots[paddr / PAGE_SIZE]);
}

/* --- PageTableNode -------------------------------------------------------------------------------
 */

static uint32_t page_table_node_alloc(struct slotcheck_region *region, uint64_t paddr,
                                      uint32_t level, uint64_t *frame)
{
    if (FAULT == FAULT_node_level_off)
        level++;
    struct slotcheck_metadata node = {.type = SLOTCHECK_METADATA_PT_NODE, .word = {[2] = level}};
    return get_from_unused(region, paddr, &node, 0, frame);
}

static const struct slotcheck_subject PLAIN = {
    .version = SLOTCHECK_INTERFACE_VERSION,
    .size = sizeof(struct slotcheck_subject),
    .name = NAME,
    .description = "a simple implementation of all operations, for the tests",
    .capabilities = CAPABILITIES,
    .fixed_slots = NR_FIXED_SLOTS,
    .create = create,
    .reset = reset,
    .destroy = destroy,
    .slots = slots,
    .read_slot = read_slot,
    .read_metadata = read_metadata,
    .set_ref_count = set_ref_count,
    .get_slot = get_slot,
    .get_from_unused = get_from_unused,
    .repark = repark,
    .get_from_in_use = get_from_in_use,
    .inc_ref_count = inc_ref_count,
    .frame_paddr = frame_paddr,
    .as_meta_ptr = as_meta_ptr,
    .dyn_meta_ptr = dyn_meta_ptr,
    .write_meta = write_meta,
    .drop_meta_in_place = drop_meta_in_place,
    .drop_last_in_place = drop_last_in_place,
    .frame_from_unused = frame_from_unused,
    .frame_from_in_use = get_from_in_use,
    .frame_clone = frame_clone,
    .frame_drop = frame_drop,
    .frame_into_raw = frame_into_raw,
    .frame_from_raw = frame_from_raw,
    .frame_reference_count = frame_reference_count,
    .frame_meta = frame_meta,
    .unique_frame_from_unused = unique_frame_from_unused,
    .unique_frame_drop = unique_frame_drop,
    .frame_from_unique = frame_from_unique,
    .unique_frame_try_from = unique_frame_try_from,
    .unique_frame_repurpose = unique_frame_repurpose,
    .unique_frame_reset_as_unused = unique_frame_reset_as_unused,
    .unique_frame_meta_mut = unique_frame_meta_mut,
    .unique_frame_into_raw = unique_frame_into_raw,
    .unique_frame_from_raw = unique_frame_from_raw,
    .page_table_node_alloc = page_table_node_alloc,
};

#ifndef PLAIN_ONLY
const struct slotcheck_subject *slotcheck_subject(uint32_t host_version)
{
    return host_version >= SLOTCHECK_INTERFACE_VERSION ? &PLAIN : NULL;
}
#endif
