/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Constants and the address map of the specification.
 *
 * This is the oracle's own copy, written from the specification; the implementation under test has
 * another. Sharing one header would share its mistakes.
 *
 * All arguments and results are plain numbers of the specification's world: physical addresses in
 * bytes, virtual addresses inside FRAME_METADATA_RANGE, slot indices. Nothing here touches memory,
 * so everything is safe to call from any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SPEC_PAGE_SIZE UINT64_C(4096)
/* Size of a MetaSlot in bytes, and the largest alignment a metadata type may ask for. */
#define SPEC_META_SLOT_SIZE UINT64_C(64)
/* Bytes of a slot that hold the frame's metadata. */
#define SPEC_FRAME_METADATA_MAX_SIZE UINT64_C(40)

#define SPEC_REF_COUNT_UNUSED UINT64_MAX
#define SPEC_REF_COUNT_UNIQUE (UINT64_MAX - 1)
#define SPEC_REF_COUNT_MAX    (UINT64_MAX >> 1)

#define SPEC_FRAME_METADATA_RANGE_START UINT64_C(0xffffe00000000000)
#define SPEC_FRAME_METADATA_RANGE_END   UINT64_C(0xffffe10000000000)
/* max_meta_slots() of the kernel; a region of this project has at most as many. */
#define SPEC_MAX_META_SLOTS                                                                        \
    ((SPEC_FRAME_METADATA_RANGE_END - SPEC_FRAME_METADATA_RANGE_START) / SPEC_META_SLOT_SIZE)

/* frame_to_index(paddr): the index of the slot that describes the frame at `paddr`. */
static inline uint64_t frame_to_index(uint64_t paddr)
{
    return paddr / SPEC_PAGE_SIZE;
}

/* index_to_frame(index): the physical address of the frame that slot `index` describes. */
static inline uint64_t index_to_frame(uint64_t index)
{
    return index * SPEC_PAGE_SIZE;
}

/* frame_to_meta(paddr): the virtual address of that slot in FRAME_METADATA_RANGE. */
static inline uint64_t frame_to_meta(uint64_t paddr)
{
    return SPEC_FRAME_METADATA_RANGE_START + (paddr / SPEC_PAGE_SIZE) * SPEC_META_SLOT_SIZE;
}

/* meta_to_frame(vaddr): the inverse of frame_to_meta on aligned addresses inside the range. */
static inline uint64_t meta_to_frame(uint64_t vaddr)
{
    return (vaddr - SPEC_FRAME_METADATA_RANGE_START) / SPEC_META_SLOT_SIZE * SPEC_PAGE_SIZE;
}

/* meta_addr(index): the virtual address of slot `index`. */
static inline uint64_t meta_addr(uint64_t index)
{
    return SPEC_FRAME_METADATA_RANGE_START + index * SPEC_META_SLOT_SIZE;
}
