/* SPDX-License-Identifier: MPL-2.0 */
#include "slotcheck/repr_check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "builtin_subject_parts.h"
#include "metaslot/poison.h"
#include "metaslot/repr.h"

enum {
    PATTERN = 0xa5, /* of every byte that the input does not set */
};

static_assert(REPR_INPUT_SIZE == 1 + META_SLOT_SIZE, "an input is one slot");

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* One page of slots between two that cannot be touched. */
static struct meta_region *region_between_guards(void)
{
    static struct meta_region region;
    const size_t page = page_size();
    unsigned char *pages;

    if (region.slots)
        return &region;
    pages = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + page, page, PROT_READ | PROT_WRITE) != 0)
        abort();
    region.slots = (struct meta_slot *)(void *)(pages + page);
    region.nr_slots = page / META_SLOT_SIZE;
    region.max_paddr = region.nr_slots * METASLOT_PAGE_SIZE;
    return &region;
}

static void fill(struct meta_region *region)
{
    unpoison_bytes(region->slots, page_size());
    memset(region->slots, PATTERN, page_size());
}

/* Everything but the slot at `index` is still what fill made it. */
static bool untouched_but(const struct meta_region *region, uint64_t index)
{
    const unsigned char *bytes = (const unsigned char *)region->slots;
    const size_t page = page_size();

    for (size_t i = 0; i < page; i++)
        if (i / META_SLOT_SIZE != index && bytes[i] != PATTERN)
            return false;
    return true;
}

/* The slot as its bytes say, but for the type. */
static void set_slot(struct meta_slot *slot, const unsigned char *bytes, unsigned type)
{
    memcpy(slot, bytes, META_SLOT_SIZE);
    if (type < NR_TYPES)
        slot->vtable_ptr = VTABLES[type];
}

static bool values_equal(const struct metadata *a, const struct metadata *b)
{
    return memcmp(a->metadata.bytes, b->metadata.bytes, sizeof(a->metadata.bytes)) == 0 &&
           a->ref_count == b->ref_count && a->vtable_ptr == b->vtable_ptr &&
           a->in_list == b->in_list;
}

/* What from_repr has read is what the slot's bytes are. */
static bool reads_the_slot(const struct meta_slot *slot, const struct metadata *value)
{
    unsigned char bytes[META_SLOT_SIZE];
    uint64_t ref_count, in_list;

    memcpy(bytes, slot, sizeof(bytes));
    memcpy(&ref_count, bytes + 40, sizeof(ref_count));
    memcpy(&in_list, bytes + 56, sizeof(in_list));
    return memcmp(value->metadata.bytes, bytes, value->vtable_ptr->size) == 0 &&
           value->ref_count == ref_count && value->in_list == in_list &&
           value->vtable_ptr == slot->vtable_ptr;
}

/* from_to_repr, and to_from_repr for the bytes of the object, on a second slot. */
static const char *round_trip(struct meta_region *region, const struct meta_slot *slot,
                              const struct metadata *value, uint64_t to)
{
    struct meta_slot *copy = &region->slots[to];
    struct metadata again;

    metadata_to_repr(region, copy, value);
    if (metadata_from_repr(copy, &again) != REPR_OK || !values_equal(value, &again))
        return "Metadata: from_repr does not give what to_repr has written";
    if (memcmp(copy->storage, slot->storage, value->vtable_ptr->size) != 0)
        return "Metadata: to_repr does not write what from_repr has read";
    if (!metadata_repr_wf(region, copy))
        return "Metadata: what to_repr has written is not wf";
    return NULL;
}

static const char *round_trip_as_link(struct meta_region *region, const struct meta_slot *slot,
                                      const struct metadata *value, uint64_t to)
{
    struct meta_slot *copy = &region->slots[to];
    struct metadata_as_link link, again;
    struct metadata back;

    if (metadata_as_link_from_repr(slot, &link) != REPR_OK)
        return "MetadataAsLink: a wf FrameLink cannot be read";
    back = metadata_from_metadata_as_link(&link);
    if (!values_equal(value, &back))
        return "MetadataAsLink: converted to Metadata it is another";
    metadata_as_link_to_repr(region, copy, &link);
    if (metadata_as_link_from_repr(copy, &again) != REPR_OK)
        return "MetadataAsLink: what to_repr has written cannot be read";
    back = metadata_from_metadata_as_link(&again);
    return values_equal(value, &back) ? NULL
                                      : "MetadataAsLink: from_repr does not give what was written";
}

/* Whatever the slot is, the readers of MetadataAsLink agree on whether it is one. */
static const char *check_as_link(const struct meta_region *region, const struct meta_slot *slot)
{
    const bool is_link = slot->vtable_ptr == &FRAME_LINK_VTABLE;
    const bool known = type_of(slot->vtable_ptr) != UINT64_MAX;
    const enum repr_result no_link = known ? REPR_NOT_A_LINK : REPR_UNKNOWN_TYPE;
    const enum repr_result expected = is_link ? REPR_OK : no_link;
    struct metadata_as_link link;
    struct metadata_ref ref;

    if (metadata_as_link_from_repr(slot, &link) != expected ||
        metadata_as_link_from_borrowed(slot, &ref) != expected)
        return "MetadataAsLink and the type of the slot do not go together";
    if (is_link && ref.object != slot->storage)
        return "MetadataAsLink: from_borrowed refers to something else than the slot";
    if (metadata_as_link_repr_wf(region, slot) != (is_link && metadata_repr_wf(region, slot)))
        return "MetadataAsLink: what is wf is not what is for Metadata";
    return NULL;
}

/* The slot at `index`, with `other` for copies of it. */
static const char *check_slot(struct meta_region *region, uint64_t index, uint64_t other)
{
    const struct meta_slot *slot = &region->slots[index];
    const bool known = type_of(slot->vtable_ptr) != UINT64_MAX;
    struct metadata value;
    struct metadata_ref ref;
    const char *wrong = check_as_link(region, slot);

    if (wrong)
        return wrong;
    if ((metadata_from_repr(slot, &value) == REPR_OK) != known ||
        (metadata_from_borrowed(slot, &ref) == REPR_OK) != known)
        return "from_repr and the type of the slot do not go together";
    if (!known)
        return metadata_repr_wf(region, slot) ? "a slot of no type is wf" : NULL;
    if (!reads_the_slot(slot, &value) || ref.object != slot->storage ||
        atomic_load_relaxed(ref.ref_count) != value.ref_count ||
        atomic_load_relaxed(ref.in_list) != value.in_list)
        return "from_repr reads something else than the slot";
    if (!metadata_repr_wf(region, slot))
        return NULL;
    wrong = round_trip(region, slot, &value, other);
    if (!wrong && value.vtable_ptr == &FRAME_LINK_VTABLE)
        wrong = round_trip_as_link(region, slot, &value, other);
    return wrong;
}

static const char *check_at(const unsigned char *bytes, unsigned type, uint64_t index)
{
    struct meta_region *region = region_between_guards();
    const uint64_t other = region->nr_slots / 2;
    unsigned char before[META_SLOT_SIZE];
    const char *wrong;

    fill(region);
    set_slot(&region->slots[index], bytes, type);
    memcpy(before, &region->slots[index], sizeof(before));
    wrong = check_slot(region, index, other);
    if (wrong)
        return wrong;
    if (memcmp(before, &region->slots[index], sizeof(before)) != 0)
        return "reading has written to the slot";
    unpoison_bytes(region->slots, page_size());
    memset(&region->slots[other], PATTERN, META_SLOT_SIZE);
    return untouched_but(region, index) ? NULL : "to_repr writes outside the slot";
}

const char *repr_check(const uint8_t *data, size_t size)
{
    unsigned char bytes[META_SLOT_SIZE] = {0};
    const unsigned type = size > 0 ? data[0] % (NR_TYPES + 1u) : 0;
    const char *wrong;

    if (size > 1)
        memcpy(bytes, data + 1, size - 1 < sizeof(bytes) ? size - 1 : sizeof(bytes));
    wrong = check_at(bytes, type, 0);
    return wrong ? wrong : check_at(bytes, type, region_between_guards()->nr_slots - 1);
}
