/* SPDX-License-Identifier: MPL-2.0 */
/* The independent subject: Repr<MetaSlot> for Metadata and for MetadataAsLink. */
#include "plain.h"

static uint64_t slot_size(struct slotcheck_region *region)
{
    (void)region;
    return is_broken(FAULT_slot_size_ninety_six) ? 96 : sizeof(struct slot);
}

static uint64_t cast_slot(struct slotcheck_region *region, uint64_t slot)
{
    (void)region;
    return is_broken(FAULT_cast_slot_off_by_word) ? slot + 8 : slot;
}

/* --- Metadata ------------------------------------------------------------------------------------
 */

static void metadata_to_repr(struct slotcheck_region *region, uint64_t slot,
                             const struct slotcheck_repr *repr)
{
    struct slot *to = slot_at(slot);
    uint64_t type = type_of(to);
    bool is_swapped = is_broken(FAULT_to_repr_swaps_words);
    if (is_broken(FAULT_to_repr_drops))
        on_drop(region, to);
    write_meta(region, slot, &repr->metadata);
    if (is_broken(FAULT_to_repr_leaves_vtable))
        set_type(to, type);
    to->ref_count = is_swapped ? repr->in_list : repr->ref_count;
    to->in_list = is_swapped ? repr->ref_count : repr->in_list;
}

static void read_repr(struct slotcheck_region *region, const struct slot *from,
                      struct slotcheck_repr *out)
{
    load_metadata(region, from, &out->metadata);
    out->ref_count = from->ref_count;
    out->in_list = from->in_list;
}

static void metadata_from_repr(struct slotcheck_region *region, uint64_t slot,
                               struct slotcheck_repr *out)
{
    read_repr(region, slot_at(slot), out);
    if (is_broken(FAULT_from_repr_stale_count) && out->ref_count != REF_COUNT_UNIQUE)
        out->ref_count = 1;
}

static uint64_t metadata_from_borrowed(struct slotcheck_region *region, uint64_t slot,
                                       struct slotcheck_repr *out)
{
    read_repr(region, slot_at(slot), out);
    return is_broken(FAULT_from_borrowed_copies) ? (uint64_t)(uintptr_t)out : slot;
}

/* --- MetadataAsLink: the same, as the metadata tells by its type that it is a FrameLink ----------
 */

static void metadata_as_link_to_repr(struct slotcheck_region *region, uint64_t slot,
                                     const struct slotcheck_repr *repr)
{
    metadata_to_repr(region, slot, repr);
    struct frame_link *link = &slot_at(slot)->object.link;
    if (is_broken(FAULT_as_link_swaps_links))
        *link = (struct frame_link){link->payload, link->prev, link->next};
}

static void metadata_as_link_from_repr(struct slotcheck_region *region, uint64_t slot,
                                       struct slotcheck_repr *out)
{
    metadata_from_repr(region, slot, out);
    if (is_broken(FAULT_as_link_forgets_in_list))
        out->in_list = 0;
}

void offer_repr(struct slotcheck_subject *subject)
{
    subject->slot_size = slot_size;
    subject->cast_slot = cast_slot;
    subject->metadata_to_repr = metadata_to_repr;
    subject->metadata_from_repr = metadata_from_repr;
    subject->metadata_from_borrowed = metadata_from_borrowed;
    subject->metadata_as_link_to_repr = metadata_as_link_to_repr;
    subject->metadata_as_link_from_repr = metadata_as_link_from_repr;
    subject->metadata_as_link_from_borrowed = metadata_from_borrowed;
}
