/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A second implementation of all operations, written from the subject interface and the
 * specification alone. Here: metadata, what is reported to the host, and regions.
 *
 * It is as simple as it can be: one thread, no atomics, metadata in structs of its own. The tests
 * of the lockstep run against it, and against builds of it with one fault each (faults.h).
 *
 * -DABORTING   like kernel code: the slots are one static array, saturation ends the process, and
 *              nobody is told of a dropped probe or of a ghost event
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plain.h"

/* --- metadata ------------------------------------------------------------------------------------
 */

static const struct vtable VTABLES[] = {
    {SLOTCHECK_METADATA_EMPTY},   {SLOTCHECK_METADATA_UNTYPED}, {SLOTCHECK_METADATA_FRAME_LINK},
    {SLOTCHECK_METADATA_PT_NODE}, {SLOTCHECK_METADATA_PROBE},
};

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

void store_object(const struct slotcheck_region *region, struct slot *slot,
                  const struct slotcheck_metadata *metadata)
{
    union object *object = &slot->object;
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

uint64_t type_of(const struct slot *slot)
{
    return slot->vtable ? (uint64_t)slot->vtable->type : UINT64_MAX;
}

void set_type(struct slot *slot, uint64_t type)
{
    slot->vtable = &VTABLES[type];
}

void load_metadata(const struct slotcheck_region *region, const struct slot *slot,
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
    static _Alignas(64) struct slot slots[NR_FIXED_SLOTS + 1];
    static struct slotcheck_region region = {.slots = slots};
    return nr_slots == NR_FIXED_SLOTS ? &region : NULL;
}

static void destroy(struct slotcheck_region *region)
{
    (void)region;
}

uint32_t panic(void)
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
    CAPABILITIES = SLOTCHECK_CAN_REPORT_GHOST | SLOTCHECK_CAN_REPORT_ON_DROP |
                   SLOTCHECK_CAN_RETURN_FROM_PANIC | SLOTCHECK_CAN_MANY_REGIONS,
};

static void destroy(struct slotcheck_region *region)
{
    if (is_broken(FAULT_crash_in_destroy))
        abort();
    free(region->slots);
    free(region);
}

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
    return region;
}

uint32_t panic(void)
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
    if (is_broken(FAULT_create_unknown))
        return 77;
    if (is_broken(FAULT_talks))
        puts("hello");
    struct slotcheck_region *made = allocate_region(nr_slots);
    if (!made)
        return SLOTCHECK_NO_MEMORY;
    made->host = host;
    made->nr_slots = nr_slots;
    for (uint64_t i = 0; i <= nr_slots; i++)
        clear_slot(&made->slots[i]);
    if (is_broken(FAULT_create_in_use))
        made->slots[0].ref_count = 0;
    reset_lists(made);
    *region = made;
    return SLOTCHECK_CREATED;
}

static void reset(struct slotcheck_region *region, const uint64_t *touched, uint64_t nr_touched)
{
    if (is_broken(FAULT_reset_forgets) && nr_touched > 0)
        nr_touched--;
    for (uint64_t i = 0; i < nr_touched; i++)
        clear_slot(&region->slots[touched[i]]);
    clear_slot(&region->slots[region->nr_slots]);
    reset_lists(region);
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

/* --- reports to the host -------------------------------------------------------------------------
 */

void ghost(struct slotcheck_region *region, enum slotcheck_ghost_event event,
           const struct slot *slot, uint64_t value)
{
    if (CAPABILITIES & SLOTCHECK_CAN_REPORT_GHOST)
        region->host->ghost(region->host->context, event, index_of(region, slot), value);
}

void mint(struct slotcheck_region *region, const struct slot *slot)
{
    ghost(region, SLOTCHECK_GHOST_OBLIGATION_MINTED, slot, 0);
}

void redeem(struct slotcheck_region *region, const struct slot *slot)
{
    ghost(region, SLOTCHECK_GHOST_OBLIGATION_REDEEMED, slot, 0);
}

void on_drop(struct slotcheck_region *region, const struct slot *slot)
{
    if (!(CAPABILITIES & SLOTCHECK_CAN_REPORT_ON_DROP) || is_broken(FAULT_on_drop_forgotten))
        return;
    if (type_of(slot) != SLOTCHECK_METADATA_PROBE)
        return;
    struct slotcheck_metadata metadata;
    load_metadata(region, slot, &metadata);
    uint64_t paddr = paddr_of(region, slot);
    if (is_broken(FAULT_on_drop_other_frame))
        paddr += PAGE_SIZE;
    region->host->on_drop(region->host->context, paddr, &metadata);
    if (is_broken(FAULT_on_drop_twice))
        region->host->on_drop(region->host->context, paddr, &metadata);
}

const struct slotcheck_subject *plain_subject(void)
{
    static struct slotcheck_subject subject;
    subject = (struct slotcheck_subject){
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
    };
    offer_frames(&subject);
    offer_mappings(&subject);
    offer_lists(&subject);
    offer_segments(&subject);
    offer_repr(&subject);
    return &subject;
}
