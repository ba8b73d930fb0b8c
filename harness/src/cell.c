/* SPDX-License-Identifier: MPL-2.0 */
#include "slotcheck/cell.h"

#include <stdio.h>
#include <string.h>

#include "slotcheck/divergence.h"

/* --- the parts of a class --- */

/* Where the address lies that the operation is about. */
enum where { WHERE_SLOT, WHERE_UNALIGNED, WHERE_OUTSIDE, WHERE_NOWHERE };

/* How a slot is held by whom only one can be. */
enum unique { UNIQUE_NONE, UNIQUE_LIVE, UNIQUE_FORGOTTEN };

enum saturation { SATURATION_FAR, SATURATION_LAST, SATURATION_REACHED, SATURATION_BEYOND };

enum cursor { CURSOR_NONE, CURSOR_AT_GHOST, CURSOR_AT_FRAME };

/*
 * PART(name, bits, values...): lowest bits first. A value of 0 is that of an unused slot, or of no
 * slot, and is not printed; the others are printed so.
 */
#define PARTS                                                                                      \
    PART(where, 2, "", "unaligned", "outside", "nowhere")                                          \
    PART(status, 3, "", "UNIQUE", "CONSTRUCTION", "SHARED", "OVERFLOW")                            \
    PART(usage, 3, "", "Reserved", "Frame", "PageTable", "Meta", "Kernel", "MMIO")                 \
    PART(metadata, 3, "", "empty", "untyped", "link", "node", "probe")                             \
    PART(exempt, 2, "", "extracted", "dropped", "overflow")                                        \
    PART(frames, 2, "", "frames=1", "frames=2+")                                                   \
    PART(forgotten, 2, "", "forgotten=1", "forgotten=2+")                                          \
    PART(unique, 2, "", "unique=live", "unique=forgotten")                                         \
    PART(segments, 2, "", "segments=1", "segments=2+")                                             \
    PART(paths, 2, "", "paths=1", "paths=2+")                                                      \
    PART(saturation, 2, "", "count=MAX-1", "count=MAX", "count>MAX")                               \
    PART(in_list, 1, "", "in_list")                                                                \
    PART(elements, 2, "", "elements=1", "elements=2+")                                             \
    PART(cursor, 2, "", "cursor=ghost", "cursor=frame")

enum part {
#define PART(name, bits, ...) PART_##name,
    PARTS
#undef PART
        NR_PARTS
};

static const struct part_info {
    unsigned bits;
    const char *values[8];
} PART_INFO[NR_PARTS] = {
#define PART(name, bits, ...) {bits, {__VA_ARGS__}},
    PARTS
#undef PART
};

/* Where each part begins. */
enum {
#define PART(name, bits, ...) FROM_##name, END_OF_##name = FROM_##name + (bits)-1,
    PARTS
#undef PART
        ALL_BITS
};
_Static_assert(ALL_BITS <= 32, "a class has more than 32 bits");

#define AT(name, value) ((uint32_t)(value) << FROM_##name)

/* --- the class of a state --- */

/* Without a branch: nobody can predict it. */
static inline unsigned none_one_more(uint64_t n)
{
    return (n > 0 ? 1U : 0U) + (n > 1 ? 1U : 0U);
}

static enum where where_of(const struct meta_region_owners *owners, uint64_t paddr)
{
    if (has_safe_slot(owners, paddr))
        return WHERE_SLOT;
    if (paddr == UINT64_MAX)
        return WHERE_NOWHERE;
    return paddr % SPEC_PAGE_SIZE ? WHERE_UNALIGNED : WHERE_OUTSIDE;
}

static enum saturation saturation_of(uint64_t ref_count)
{
    const uint64_t above = ref_count - (SPEC_REF_COUNT_MAX - 1);

    if (above >= SPEC_REF_COUNT_UNIQUE - (SPEC_REF_COUNT_MAX - 1))
        return SATURATION_FAR;
    return above < 2 ? (enum saturation)(SATURATION_LAST + above) : SATURATION_BEYOND;
}

static uint32_t state_of_slot(const struct reference *ref, uint64_t index,
                              enum meta_slot_status status)
{
    const struct meta_slot_owner *owner = &ref->owners.slot_owners[index];
    const struct metadata_inner_perms *perms = &owner->inner_perms;
    const struct slot_holders *holders = &ref->holders[index];
    const uint64_t paths = owner->paths_in_pt;

    /* What is not initialised is all zero. */
    return AT(status, status) | AT(usage, owner->usage) |
           AT(metadata, perms->storage.is_init + perms->storage.value.type) |
           AT(exempt, ref->exempt[index]) | AT(frames, none_one_more(holders->live_frames)) |
           AT(forgotten, none_one_more(holders->forgotten_frames)) |
           AT(unique, UNIQUE_LIVE * holders->live_unique_frames +
                          UNIQUE_FORGOTTEN * holders->forgotten_unique_frames) |
           AT(segments, none_one_more(holders->segments)) |
           AT(paths, (paths != 0) + ((paths & (paths - 1)) != 0)) |
           AT(saturation, saturation_of(perms->ref_count.value)) |
           AT(in_list, perms->in_list.value != 0);
}

static uint32_t state_of_list(const struct linked_list_owner *list)
{
    const enum cursor at_element = list->current ? CURSOR_AT_FRAME : CURSOR_AT_GHOST;

    return AT(elements, none_one_more(list->size)) |
           AT(cursor, list->has_cursor ? at_element : CURSOR_NONE);
}

uint32_t cell_state_of(const struct reference *ref, enum op op, const struct spec_call *call,
                       enum meta_slot_status status)
{
    const enum where where = where_of(&ref->owners, call->paddr);
    const enum operand_kind first = OPS[op].operand[0];
    uint32_t state = AT(where, where);

    if (where == WHERE_SLOT)
        state |= state_of_slot(ref, frame_to_index(call->paddr), status);
    if (first == OPERAND_LIST || first == OPERAND_CURSOR)
        state |= state_of_list(&ref->owners.lists[call->list]);
    return state;
}

/* --- as text --- */

void cell_text(uint64_t cell, char *text, size_t size)
{
    uint32_t state = (uint32_t)cell;
    int length = snprintf(text, size, "%s %s", OPS[cell_op(cell)].name,
                          result_name((enum spec_result)(cell >> 32 & 0xff)));

    for (int i = 0; i < NR_PARTS; i++) {
        const unsigned value = state & ((1U << PART_INFO[i].bits) - 1);

        state >>= PART_INFO[i].bits;
        if (value && length >= 0 && (size_t)length < size)
            length +=
                snprintf(text + length, size - (size_t)length, " %s", PART_INFO[i].values[value]);
    }
}

/* --- sets --- */

size_t cell_set_place(const struct cell_set *set, uint64_t cell)
{
    /* Fibonacci hashing: the high bits of the product depend on all of the key. */
    size_t at = (size_t)(cell * UINT64_C(0x9e3779b97f4a7c15) >> 48);

    _Static_assert(CELL_SET_CAPACITY == 1 << (64 - 48), "the hash is as wide as the table");
    while (set->cells[at] && set->cells[at] != cell)
        at = (at + 1) % CELL_SET_CAPACITY;
    return at;
}

bool cell_set_add(struct cell_set *set, uint64_t cell)
{
    const size_t at = cell_set_place(set, cell);

    if (set->cells[at] == cell)
        return false;
    /* A full table would be searched for ever. */
    if (set->nr >= CELL_SET_CAPACITY / 4 * 3) {
        set->lost++;
        return false;
    }
    set->cells[at] = cell;
    set->nr++;
    return true;
}

bool cell_set_has(const struct cell_set *set, uint64_t cell)
{
    return set->cells[cell_set_place(set, cell)] == cell;
}
