/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What operands mean in a region of some size. The encodings are made so that boundaries are as
 * likely as the middle: most of the counts lie next to 0, MAX and UNIQUE.
 *
 * The lockstep comes here for every operation, so there is no loop over bytes and as little
 * division as possible.
 */
#include "slotcheck/program.h"

/* The `number`-th slot or frame, counting round and round. */
static uint64_t modulo_slots(uint64_t number, uint64_t nr_slots)
{
    return number < nr_slots ? number : number % nr_slots;
}

uint64_t operand_paddr(uint16_t operand, uint64_t nr_slots)
{
    if (operand < PADDR_OOB)
        return index_to_frame(modulo_slots(operand, nr_slots));
    if (operand < PADDR_DISTANCE)
        return index_to_frame(nr_slots + (operand - PADDR_OOB));
    if (operand >= PADDR_TOP)
        return 0 - index_to_frame(operand - PADDR_TOP + UINT64_C(1));

    bool in_range = operand < PADDR_OOB_DISTANCE;
    uint16_t number = (uint16_t)(operand - (in_range ? PADDR_DISTANCE : PADDR_OOB_DISTANCE));
    uint64_t frame = number / PADDR_NR_DISTANCES;
    uint64_t distance = UINT64_C(1) << number % PADDR_NR_DISTANCES;
    uint64_t index = in_range ? modulo_slots(frame, nr_slots) : nr_slots + frame;
    return index_to_frame(index) + distance;
}

uint64_t operand_count(uint16_t operand)
{
    if (operand < COUNT_MAX)
        return operand;
    if (operand < COUNT_ABOVE_MAX)
        return SPEC_REF_COUNT_MAX - (operand - COUNT_MAX);
    if (operand < COUNT_BELOW_UNIQUE)
        return SPEC_REF_COUNT_MAX + 1 + (operand - COUNT_ABOVE_MAX);
    return SPEC_REF_COUNT_UNIQUE - 1 - (operand - COUNT_BELOW_UNIQUE);
}

uint64_t operand_level(uint16_t operand)
{
    return (operand + 3u) % 4 + 1;
}

uint64_t operand_length(uint16_t operand)
{
    if (operand < LENGTH_DISTANCE)
        return index_to_frame(operand);
    if (operand >= LENGTH_BACK)
        return 0 - index_to_frame(operand - LENGTH_BACK + UINT64_C(1));

    unsigned number = (unsigned)operand - LENGTH_DISTANCE;
    return index_to_frame(number / PADDR_NR_DISTANCES) +
           (UINT64_C(1) << number % PADDR_NR_DISTANCES);
}

uint64_t operand_type(uint16_t operand)
{
    return operand % META_NR_TYPES;
}

uint64_t operand_path(uint16_t operand)
{
    return operand % SPEC_NR_PATHS;
}

uint64_t operand_usage(uint16_t operand)
{
    static const uint8_t USAGES[USAGE_NR] = {SPEC_USAGE_RESERVED, SPEC_USAGE_KERNEL,
                                             SPEC_USAGE_META, SPEC_USAGE_MMIO};
    return USAGES[operand % USAGE_NR];
}

/* --- metadata --- */

static uint64_t each_byte(uint8_t byte)
{
    return UINT64_C(0x0101010101010101) * byte;
}

/* Adds the eight bytes of a word pairwise, each modulo 256. */
static uint64_t add_bytes(uint64_t a, uint64_t b)
{
    uint64_t low_bits = (a & each_byte(0x7f)) + (b & each_byte(0x7f));
    return low_bits ^ ((a ^ b) & each_byte(0x80));
}

/* Bytes 8 * index to 8 * index + 7 of an Empty, of which byte i is seed + 37 * i. */
static uint64_t empty_word(uint64_t seed, unsigned index)
{
    const uint64_t multiples_of_37 = UINT64_C(0x03deb9946f4a2500);
    return add_bytes(each_byte((uint8_t)(seed + 8 * 37 * index)), multiples_of_37);
}

static struct meta_slot_storage empty_from_seed(uint64_t seed)
{
    return (struct meta_slot_storage){
        .type = SPEC_METADATA_EMPTY,
        .empty = {{empty_word(seed, 0), empty_word(seed, 1), empty_word(seed, 2),
                   empty_word(seed, 3), empty_word(seed, 4) & (UINT64_MAX >> 8)}},
    };
}

static struct meta_slot_storage frame_link_from_seed(uint64_t seed, uint64_t nr_slots)
{
    struct meta_slot_storage metadata = {.type = SPEC_METADATA_FRAME_LINK};
    metadata.frame_link.payload = seed;
    if (seed & 1) {
        metadata.frame_link.next_is_some = 1;
        metadata.frame_link.next = meta_addr(modulo_slots(seed >> 2, nr_slots));
    }
    if (seed & 2) {
        metadata.frame_link.prev_is_some = 1;
        metadata.frame_link.prev = meta_addr(modulo_slots(seed >> 6, nr_slots));
    }
    return metadata;
}

static struct meta_slot_storage pt_node_from_seed(uint64_t seed)
{
    return (struct meta_slot_storage){
        .type = SPEC_METADATA_PT_NODE,
        .pt_node = {.nr_children = seed % 513,
                    .stray = seed / 513 & 1,
                    .level = 1 + seed % 4,
                    .lock = seed % 256},
    };
}

struct meta_slot_storage metadata_from_seed(uint64_t type, uint64_t seed, uint64_t nr_slots)
{
    switch ((enum spec_metadata_type)type) {
    case SPEC_METADATA_EMPTY:
        return empty_from_seed(seed);
    case SPEC_METADATA_UNTYPED:
        break;
    case SPEC_METADATA_FRAME_LINK:
        return frame_link_from_seed(seed, nr_slots);
    case SPEC_METADATA_PT_NODE:
        return pt_node_from_seed(seed);
    case SPEC_METADATA_PROBE:
        return (struct meta_slot_storage){.type = type, .probe = {.payload = seed}};
    }
    return (struct meta_slot_storage){.type = type};
}

struct meta_slot_storage operand_metadata(uint16_t operand, uint64_t nr_slots)
{
    return metadata_from_seed(operand % META_NR_TYPES, operand / META_NR_TYPES, nr_slots);
}

bool operand_is_handle(enum operand_kind kind)
{
    switch (kind) {
    case OPERAND_FRAME:
    case OPERAND_UNIQUE:
    case OPERAND_LIST:
    case OPERAND_CURSOR:
    case OPERAND_SEGMENT:
    case OPERAND_MAPPING:
        return true;
    case OPERAND_NONE:
    case OPERAND_PADDR:
    case OPERAND_SLOT:
    case OPERAND_META:
    case OPERAND_FLAG:
    case OPERAND_COUNT:
    case OPERAND_LEVEL:
    case OPERAND_VALUE:
    case OPERAND_LENGTH:
    case OPERAND_TYPE:
    case OPERAND_PATH:
    case OPERAND_USAGE:
    case NR_OPERAND_KINDS:
        break;
    }
    return false;
}
