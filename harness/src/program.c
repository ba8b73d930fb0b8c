/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Programs as bytes. The format is described in program.h; program_decode is total and, with memory
 * from an earlier program at hand, allocates nothing: fuzzers call it for every input.
 */
#include "slotcheck/program.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEADER_SIZE = 2,
    DEFAULT_SLOTS_BYTE = 15,
    /* Slots bytes from here on stand for powers of two. */
    FIRST_POWER_BYTE = 240,
    FIRST_POWER = 8,
    LAST_POWER = FIRST_POWER + UINT8_MAX - FIRST_POWER_BYTE,
};

void program_init(struct program *program)
{
    *program = (struct program){0};
    program_clear(program);
}

void program_free(struct program *program)
{
    free(program->ops);
    program_init(program);
}

void program_clear(struct program *program)
{
    program->format_byte = PROGRAM_FORMAT;
    program->slots_byte = DEFAULT_SLOTS_BYTE;
    program->header_size = HEADER_SIZE;
    program->tail_size = 0;
    program->nr_ops = 0;
}

/* --- the header --- */

unsigned program_format(const struct program *program)
{
    /* What names no format is format 1, whatever formats are still to come. */
    uint8_t byte = program->format_byte;
    return byte > 1 && byte <= PROGRAM_FORMAT_LAST ? byte : 1;
}

uint64_t program_slots(const struct program *program)
{
    uint8_t byte = program->slots_byte;
    if (byte < FIRST_POWER_BYTE)
        return (uint64_t)byte + 1;
    return UINT64_C(1) << (FIRST_POWER + byte - FIRST_POWER_BYTE);
}

static bool slots_byte_of(uint64_t nr_slots, uint8_t *byte)
{
    if (nr_slots >= 1 && nr_slots <= FIRST_POWER_BYTE) {
        *byte = (uint8_t)(nr_slots - 1);
        return true;
    }
    for (unsigned power = FIRST_POWER; power <= LAST_POWER; power++) {
        if (nr_slots == UINT64_C(1) << power) {
            *byte = (uint8_t)(FIRST_POWER_BYTE + power - FIRST_POWER);
            return true;
        }
    }
    return false;
}

bool program_set_slots(struct program *program, uint64_t nr_slots)
{
    if (!slots_byte_of(nr_slots, &program->slots_byte))
        return false;
    program->header_size = HEADER_SIZE;
    return true;
}

bool program_is_text(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return false;
    return (bytes[0] >= ' ' && bytes[0] <= '~') || bytes[0] == '\t' || bytes[0] == '\n' ||
           bytes[0] == '\r';
}

/* --- operations --- */

static bool grow(struct program *program)
{
    size_t capacity = program->capacity == 0 ? 64 : program->capacity * 2;
    struct operation *ops = realloc(program->ops, capacity * sizeof(*ops));
    if (ops == NULL)
        return false;
    program->ops = ops;
    program->capacity = capacity;
    return true;
}

bool program_append(struct program *program, struct operation operation)
{
    if (program->nr_ops == program->capacity && !grow(program))
        return false;
    program->ops[program->nr_ops++] = operation;
    program->header_size = HEADER_SIZE;
    return true;
}

static void decode_header(struct program *program, const uint8_t *bytes, size_t size)
{
    program_clear(program);
    program->header_size = (uint8_t)(size < HEADER_SIZE ? size : HEADER_SIZE);
    /* Not that of new programs: what is missing reads as 1. */
    program->format_byte = size > 0 ? bytes[0] : 1;
    if (size > 1)
        program->slots_byte = bytes[1];
}

/* Up to eight bytes; as one load where that many can be read, because this is done all the time. */
static uint64_t load_little_endian(const uint8_t *bytes, size_t size)
{
    uint64_t word = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (size >= sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        return word;
    }
#endif
    for (size_t i = 0; i < size; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

/* The operation at `bytes`, all of which is there, of the `size` bytes that are left. */
static struct operation decode_operation(uint8_t op, const uint8_t *bytes, size_t size)
{
    struct operation operation = {.op = op, .opcode = bytes[0]};
    size_t rest = size - 1 < sizeof(uint64_t) ? OPERATION_SIZE[op] - 1u : sizeof(uint64_t);
    uint64_t operands = load_little_endian(bytes + 1, rest);
    for (unsigned i = 0; i < PROGRAM_MAX_OPERANDS; i++) {
        /* No branches: which operands there are is as good as random to the processor. */
        operation.operand[i] = (uint16_t)(operands & ((UINT64_C(1) << OPERAND_BITS[op][i]) - 1));
        operands >>= OPERAND_BITS[op][i];
    }
    return operation;
}

bool program_decode(struct program *program, const uint8_t *bytes, size_t size)
{
    decode_header(program, bytes, size);
    unsigned nr_ops = program_format_ops(program_format(program));
    if (size <= HEADER_SIZE || nr_ops == 0)
        return true;

    const uint8_t *end = bytes + size;
    bytes += HEADER_SIZE;
    while (bytes < end) {
        uint8_t op = (uint8_t)(*bytes % nr_ops);
        if (OPERATION_SIZE[op] > end - bytes)
            break;
        if (!program_append(program, decode_operation(op, bytes, (size_t)(end - bytes))))
            return false;
        bytes += OPERATION_SIZE[op];
    }
    program->tail_size = (uint8_t)(end - bytes);
    memcpy(program->tail, bytes, program->tail_size);
    return true;
}

size_t program_encoded_size(const struct program *program)
{
    size_t size = (size_t)program->header_size + program->tail_size;
    for (size_t i = 0; i < program->nr_ops; i++)
        size += OPERATION_SIZE[program->ops[i].op];
    return size;
}

static uint8_t *encode_operation(const struct operation *operation, uint8_t *bytes)
{
    *bytes++ = operation->opcode;
    for (unsigned i = 0; i < PROGRAM_MAX_OPERANDS; i++) {
        unsigned width = OPERAND_WIDTH[OPS[operation->op].operand[i]];
        for (unsigned byte = 0; byte < width; byte++)
            *bytes++ = (uint8_t)(operation->operand[i] >> (8 * byte));
    }
    return bytes;
}

void program_encode(const struct program *program, uint8_t *bytes)
{
    if (program->header_size > 0)
        *bytes++ = program->format_byte;
    if (program->header_size > 1)
        *bytes++ = program->slots_byte;
    for (size_t i = 0; i < program->nr_ops; i++)
        bytes = encode_operation(&program->ops[i], bytes);
    for (unsigned i = 0; i < program->tail_size; i++)
        *bytes++ = program->tail[i];
}
