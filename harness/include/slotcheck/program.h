/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Programs: what a fuzzer draws, a case file holds and the lockstep runs.
 *
 * A program is a number of slots and a list of operations. It exists as bytes (for engines) and as
 * text (for people); one converts into the other without loss, byte for byte.
 *
 * Bytes:
 *     byte 0      the format: 1, or 2, which knows more operations. 3..8 are reserved for later
 *                 formats; any other value reads as 1
 *     byte 1      slots: b < 240 means b + 1; b >= 240 means 2^(b - 232)
 *     then        operations: an opcode byte (taken modulo the number of operations of the format),
 *                 then its operands, little endian, as wide as their kinds in OPERAND_WIDTH
 *     at the end  an operation cut short is not run; its bytes are kept as the tail
 * Every byte string decodes, and so does every prefix; what is missing of the header reads as 1 and
 * as 16 slots. Of a program of a later format only the header is kept. A file whose first byte is
 * printable or white space is a text; engines must not take it for bytes (program_is_text).
 *
 * Text:
 *     slotcheck program 2
 *     slots 16
 *     frame_from_unused(p3, probe(7))     # comment
 *     frame_drop(f0)
 *
 * One operation a line. `#` begins a comment; empty lines and blanks between tokens mean nothing;
 * lines end in LF or CRLF and have at most PROGRAM_MAX_LINE bytes.
 *
 * Operands, `N` being a decimal number, with what is encoded in brackets:
 *     PADDR   pN      frame N mod slots (N <= 49151) [N]
 *             oobN    N frames past the end: frame slots + N (N <= 4095) [0xc000 + N]
 *             topN    N frames below the last one: 2^64 - 4096 * (N + 1) (N <= 4095) [0xf000 + N]
 *             pN+D    D bytes into frame N, D a power of two below 4096; oobN+D the same past the
 *                     end (12 * N + log2 D <= 4095) [0xd000 or 0xe000, + 12 * N + log2 D]
 *     SLOT    sN      slot N mod slots (N <= 65535) [N]
 *     FRAME   fN      the N-th live Frame handle, oldest first, from 0, mod their number
 *                     (N <= 255) [N]
 *     UNIQUE  uN      the same for UniqueFrame
 *     LIST    lN      the same for linked lists
 *     CURSOR  cN      the same for lists that have a cursor, oldest cursor first
 *     SEGMENT segN    the same for segments
 *     MAPPING mapN    the same for mapped frames
 *     META    empty(N) untyped(N) link(N) node(N) probe(N): a type, and the seed of its values as
 *                     in metadata_from_seed (N <= 13106, empty 13107) [5 * N + 0, 1, 2, 3, 4]
 *     COUNT   N       0..63 [N]
 *             MAX     [64], MAX-N (1..63) [64 + N], MAX+N (1..64) [127 + N]
 *             UNIQUE-N  (1..64) [191 + N]
 *     FLAG    N       odd is true (N <= 255) [N]
 *     LEVEL   N       ((N + 3) mod 4) + 1 (N <= 255) [N]
 *     VALUE   N       a seed as of META, for the type that is there (N <= 255) [N]
 *     LENGTH  N       pages (N <= 63) [N]
 *             N+D     pages and D bytes, D a power of two below 4096 (N <= 10)
 *                     [64 + 12 * N + log2 D]
 *             -N      pages back (1..60) [195 + N]
 *     TYPE    empty untyped link node probe [0..4]; link(N) and so on means the same
 *             (N <= 50, empty 51) [5 * N + 0, 1, 2, 3, 4]
 *     PATH    N       the page-table path N mod 64 (N <= 255) [N]
 *     USAGE   reserved kernel meta mmio [0..3]; meta(N) and so on means the same (N <= 63)
 *             [4 * N + 0, 1, 2, 3]
 *
 * What is not canonical in bytes is kept:
 *     slotcheck program 1 @9     byte 0 is 9
 *     slotcheck program 1 @none  there are no bytes at all; the text ends here
 *     slots @none                there is byte 0 only; the text ends here
 *     frame_drop@225(f0)         the opcode byte is 225
 *     tail 0xc8 0x01             the last line: the bytes of an operation cut short
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "metaslot_oracle/state.h"

enum {
    PROGRAM_FORMAT = 2,      /* the newest format, the one that is written */
    PROGRAM_FORMAT_LAST = 8, /* reserved up to here */
    PROGRAM_MAX_OPERANDS = 3,
    PROGRAM_MAX_TAIL = 8,    /* an operation cut short is at most this long */
    PROGRAM_MAX_LINE = 1000, /* of a text, in bytes, without the line's end */
};

enum op {
#define OP(name, ...) OP_##name,
#include "slotcheck/ops.def"
#undef OP
    NR_OPS
};

enum operand_kind {
    OPERAND_NONE,
    OPERAND_PADDR,
    OPERAND_SLOT,
    OPERAND_FRAME,
    OPERAND_UNIQUE,
    OPERAND_META,
    OPERAND_FLAG,
    OPERAND_COUNT,
    OPERAND_LEVEL,
    OPERAND_VALUE,
    OPERAND_LIST,
    OPERAND_CURSOR,
    OPERAND_SEGMENT,
    OPERAND_MAPPING,
    OPERAND_LENGTH,
    OPERAND_TYPE,
    OPERAND_PATH,
    OPERAND_USAGE,
    NR_OPERAND_KINDS
};

/* Bytes that an operand of each kind takes: 0, 1 or 2. */
extern const uint8_t OPERAND_WIDTH[NR_OPERAND_KINDS];
/* Bytes that an operation takes, its opcode included. */
extern const uint8_t OPERATION_SIZE[NR_OPS];
/* Bits that each operand of an operation takes, in order. */
extern const uint8_t OPERAND_BITS[NR_OPS][PROGRAM_MAX_OPERANDS];

/* Where the forms of the operands begin; see above. */
enum {
    PADDR_OOB = 0xc000,
    PADDR_DISTANCE = 0xd000,
    PADDR_OOB_DISTANCE = 0xe000,
    PADDR_TOP = 0xf000,
    PADDR_NR_DISTANCES = 12, /* 1, 2, 4 .. 2048 */
    COUNT_MAX = 64,
    COUNT_ABOVE_MAX = 128,
    COUNT_BELOW_UNIQUE = 192,
    META_NR_TYPES = 5,
    LENGTH_DISTANCE = 64,
    LENGTH_BACK = 196,
    USAGE_NR = 4,
};

/* True of FRAME, UNIQUE, LIST, CURSOR, SEGMENT and MAPPING. */
bool operand_is_handle(enum operand_kind kind);

struct op_info {
    const char *name;
    const char *upstream; /* the function it stands for */
    const char *text;     /* what it does */
    uint8_t since;        /* format in which it came */
    uint8_t weight;
    enum operand_kind takes; /* the handle operand that success consumes, or OPERAND_NONE */
    enum operand_kind makes; /* the handle that success makes, or OPERAND_NONE */
    enum operand_kind operand[PROGRAM_MAX_OPERANDS];
};

extern const struct op_info OPS[NR_OPS];

/* True if the operation is one of segments: made, or the first operand. */
static inline bool op_has_segment(enum op op)
{
    return OPS[op].makes == OPERAND_SEGMENT || OPS[op].operand[0] == OPERAND_SEGMENT;
}

struct operation {
    uint8_t op;     /* enum op */
    uint8_t opcode; /* the byte it was decoded from; op unless not canonical */
    uint16_t operand[PROGRAM_MAX_OPERANDS]; /* as encoded, within their width; unused ones are 0 */
};

struct program {
    uint8_t format_byte; /* byte 0 as read */
    uint8_t slots_byte;  /* byte 1 as read */
    uint8_t header_size; /* how many of these two bytes there are */
    uint8_t tail_size;
    uint8_t tail[PROGRAM_MAX_TAIL];
    size_t nr_ops;
    size_t capacity;
    struct operation *ops;
};

/* An empty program of 16 slots. Owns no memory yet. */
void program_init(struct program *program);
/* Leaves an empty program behind. */
void program_free(struct program *program);
/* Makes it empty, of 16 slots, and keeps its memory for the next one. */
void program_clear(struct program *program);

/* The format that governs the program; above PROGRAM_FORMAT: from a newer slotcheck, not run. */
unsigned program_format(const struct program *program);
/* How many operations a format knows; 0 for one above PROGRAM_FORMAT. */
unsigned program_format_ops(unsigned format);

extern const bool OP_IS_SETUP[NR_OPS];

/* True if the operation is one of those that come before all others. */
static inline bool op_is_setup(enum op op)
{
    return OP_IS_SETUP[op];
}

/* Number of slots of the program's region, 1..2^23. */
uint64_t program_slots(const struct program *program);
/*
 * Sets it, and completes a header cut short. False, nothing changed, if the format cannot say
 * `nr_slots`: it can say 1..240 and the powers of 2 to 2^23.
 */
bool program_set_slots(struct program *program, uint64_t nr_slots);

/* Appends an operation, and completes a header cut short. False if there is no memory. */
bool program_append(struct program *program, struct operation operation);

/* True if these bytes are to be read as text: the first one is printable or white space. */
bool program_is_text(const uint8_t *bytes, size_t size);

/* Reads bytes; memory already owned is used again. False only if there is no memory. */
bool program_decode(struct program *program, const uint8_t *bytes, size_t size);
/* Size in bytes of the encoded program. */
size_t program_encoded_size(const struct program *program);
/* Writes that many bytes; the inverse of program_decode. */
void program_encode(const struct program *program, uint8_t *bytes);

struct program_error {
    unsigned line;   /* from 1 */
    unsigned column; /* from 1, in bytes */
    char message[160];
};

/* Reads a text. False, with `error` filled in, if it is no program; the program is then empty. */
bool program_parse(struct program *program, const char *text, size_t size,
                   struct program_error *error);
/*
 * Writes the text; the inverse of program_parse, up to comments, white space and other spellings of
 * a number. Not for programs of a later format.
 */
void program_print(const struct program *program, FILE *out);
/* Writes one operand, as in the text. */
void operand_print(enum operand_kind kind, uint16_t operand, FILE *out);
/* Writes one operation without a newline, as in the text. */
void operation_print(const struct operation *operation, FILE *out);

/* --- what operands mean in a region of `nr_slots` slots --- */

/* PADDR: the physical address. */
uint64_t operand_paddr(uint16_t operand, uint64_t nr_slots);
/* COUNT: the reference count. */
uint64_t operand_count(uint16_t operand);
/* LEVEL: 1..=4. */
uint64_t operand_level(uint16_t operand);
/* LENGTH: bytes, modulo 2^64. */
uint64_t operand_length(uint16_t operand);
/* TYPE: enum spec_metadata_type. */
uint64_t operand_type(uint16_t operand);
/* PATH: 0..63. */
uint64_t operand_path(uint16_t operand);
/* USAGE: enum spec_page_usage. */
uint64_t operand_usage(uint16_t operand);
/* META: the metadata. */
struct meta_slot_storage operand_metadata(uint16_t operand, uint64_t nr_slots);
/*
 * The metadata of `type` with the values that `seed` stands for:
 *     empty    byte i of the 39 is seed + 37 * i
 *     untyped  none
 *     link     next, if bit 0 of seed: slot (seed >> 2) mod slots; prev, if bit 1: slot
 *              (seed >> 6) mod slots; payload: seed
 *     node     nr_children: seed mod 513; stray: bit 0 of seed / 513; level: seed mod 4 + 1; lock:
 *              seed mod 256
 *     probe    payload: seed
 */
struct meta_slot_storage metadata_from_seed(uint64_t type, uint64_t seed, uint64_t nr_slots);
