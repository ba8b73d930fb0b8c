/* SPDX-License-Identifier: MPL-2.0 */
/* The tables that ops.def unfolds into. */
#include "slotcheck/program.h"

enum {
    WIDTH_NONE = 0,
    WIDTH_PADDR = 2,
    WIDTH_SLOT = 2,
    WIDTH_FRAME = 1,
    WIDTH_UNIQUE = 1,
    WIDTH_META = 2,
    WIDTH_FLAG = 1,
    WIDTH_COUNT = 1,
    WIDTH_LEVEL = 1,
    WIDTH_VALUE = 1,
    WIDTH_LIST = 1,
    WIDTH_CURSOR = 1,
    WIDTH_SEGMENT = 1,
    WIDTH_MAPPING = 1,
    WIDTH_LENGTH = 1,
    WIDTH_TYPE = 1,
    WIDTH_PATH = 1,
    WIDTH_USAGE = 1,
};

const uint8_t OPERAND_WIDTH[NR_OPERAND_KINDS] = {
    [OPERAND_NONE] = WIDTH_NONE,       [OPERAND_PADDR] = WIDTH_PADDR,
    [OPERAND_SLOT] = WIDTH_SLOT,       [OPERAND_FRAME] = WIDTH_FRAME,
    [OPERAND_UNIQUE] = WIDTH_UNIQUE,   [OPERAND_META] = WIDTH_META,
    [OPERAND_FLAG] = WIDTH_FLAG,       [OPERAND_COUNT] = WIDTH_COUNT,
    [OPERAND_LEVEL] = WIDTH_LEVEL,     [OPERAND_VALUE] = WIDTH_VALUE,
    [OPERAND_LIST] = WIDTH_LIST,       [OPERAND_CURSOR] = WIDTH_CURSOR,
    [OPERAND_SEGMENT] = WIDTH_SEGMENT, [OPERAND_MAPPING] = WIDTH_MAPPING,
    [OPERAND_LENGTH] = WIDTH_LENGTH,   [OPERAND_TYPE] = WIDTH_TYPE,
    [OPERAND_PATH] = WIDTH_PATH,       [OPERAND_USAGE] = WIDTH_USAGE,
};

const uint8_t OPERATION_SIZE[NR_OPS] = {
#define OP(name, since, weight, first, second, third, ...)                                         \
    [OP_##name] = 1 + WIDTH_##first + WIDTH_##second + WIDTH_##third,
#include "slotcheck/ops.def"
#undef OP
};

const uint8_t OPERAND_BITS[NR_OPS][PROGRAM_MAX_OPERANDS] = {
#define OP(name, since, weight, first, second, third, ...)                                         \
    [OP_##name] = {8 * WIDTH_##first, 8 * WIDTH_##second, 8 * WIDTH_##third},
#include "slotcheck/ops.def"
#undef OP
};

/* A tail is shorter than the operation that it was to become. */
#define OP(name, since, weight, first, second, third, ...)                                         \
    _Static_assert(WIDTH_##first + WIDTH_##second + WIDTH_##third <= PROGRAM_MAX_TAIL,             \
                   "a tail of " #name " does not fit");
#include "slotcheck/ops.def"
#undef OP

const struct op_info OPS[NR_OPS] = {
#define OP(name, since, weight, first, second, third, takes, makes, upstream, text)                \
    [OP_##name] = {#name,                                                                          \
                   upstream,                                                                       \
                   text,                                                                           \
                   since,                                                                          \
                   weight,                                                                         \
                   OPERAND_##takes,                                                                \
                   OPERAND_##makes,                                                                \
                   {OPERAND_##first, OPERAND_##second, OPERAND_##third}},
#include "slotcheck/ops.def"
#undef OP
};

/* Counted here, because programs are decoded all the time. */
enum {
#define OP(name, since, ...) +((since) <= 1)
    NR_OPS_OF_FORMAT_1 = 0
#include "slotcheck/ops.def"
    ,
#undef OP
};

static const uint8_t FORMAT_OPS[PROGRAM_FORMAT + 1] = {0, NR_OPS_OF_FORMAT_1, NR_OPS};

unsigned program_format_ops(unsigned format)
{
    return format <= PROGRAM_FORMAT ? FORMAT_OPS[format] : 0;
}

const bool OP_IS_SETUP[NR_OPS] = {
    [OP_setup] = true,
    [OP_memory_range] = true,
    [OP_setup_list_id] = true,
};
