/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Programs: both codecs, what operands mean, and the corpus, whose programs do what they say. The
 * build tells where it is: SLOTCHECK_SEEDS is the folder of the seeds. Only another folder of
 * regressions is looked at if one is named on the command line.
 */
#include "slotcheck/builtin_subject.h"
#include "slotcheck/divergence.h"
#include "slotcheck/generate.h"
#include "slotcheck/lockstep.h"
#include "slotcheck/program.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Needs the four headers before it. */
#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* --- helpers -------------------------------------------------------------------------------- */

static char *text_of(const struct program *program)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    program_print(program, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void assert_parses(struct program *program, const char *text, size_t size)
{
    struct program_error error = {0};
    if (!program_parse(program, text, size, &error))
        fail_msg("line %u, column %u: %s, in:\n%.*s", error.line, error.column, error.message,
                 (int)size, text);
}

static void assert_encodes(const struct program *program, const uint8_t *bytes, size_t size)
{
    uint8_t encoded[4096];
    assert_int_equal(program_encoded_size(program), size);
    assert_true(size <= sizeof(encoded));
    program_encode(program, encoded);
    assert_memory_equal(encoded, bytes, size);
}

/* Bytes to program to bytes, and bytes to text to bytes. */
static void assert_round_trips(struct program *program, const uint8_t *bytes, size_t size)
{
    assert_true(program_decode(program, bytes, size));
    assert_encodes(program, bytes, size);
    char *text = text_of(program);
    assert_parses(program, text, strlen(text));
    assert_encodes(program, bytes, size);
    free(text);
}

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Up to `room` bytes, even in every other string, else mostly boundaries. */
static size_t draw_string(uint64_t *state, uint8_t *bytes, size_t room)
{
    static const uint8_t FAVOURITES[] = {0x00, 0x01, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0,
                                         0xcf, 0xd0, 0xdf, 0xe0, 0xef, 0xf0, 0xff, 0x23};
    size_t size = (size_t)(draw(state) % (room + 1));
    bool is_biased = draw(state) % 2 == 0;
    for (size_t i = 0; i < size; i++) {
        uint64_t drawn = draw(state);
        bytes[i] = is_biased && drawn % 8 != 0 ? FAVOURITES[(drawn >> 8) % COUNT_OF(FAVOURITES)]
                                               : (uint8_t)(drawn >> 8);
    }
    if (size > 0 && draw(state) % 2 == 0)
        bytes[0] = (uint8_t)(1 + draw(state) % PROGRAM_FORMAT);
    return size;
}

static bool is_later_format(uint8_t byte)
{
    return byte > PROGRAM_FORMAT && byte <= PROGRAM_FORMAT_LAST;
}

/* --- bytes and text -------------------------------------------------------------------------- */

/* One operation each; all forms of all kinds of operands, at their ends. */
static const struct golden {
    const char *text;
    uint8_t size;
    uint8_t bytes[6];
} GOLDEN[] =
    {
        {"get_slot(p0)", 3, {1, 0x00, 0x00}},
        {"get_slot(p258)", 3, {1, 0x02, 0x01}},
        {"get_slot(p49151)", 3, {1, 0xff, 0xbf}},
        {"get_slot(oob0)", 3, {1, 0x00, 0xc0}},
        {"get_slot(oob4095)", 3, {1, 0xff, 0xcf}},
        {"get_slot(p0+1)", 3, {1, 0x00, 0xd0}},
        {"get_slot(p0+2048)", 3, {1, 0x0b, 0xd0}},
        {"get_slot(p1+1)", 3, {1, 0x0c, 0xd0}},
        {"get_slot(p340+2048)", 3, {1, 0xfb, 0xdf}},
        {"get_slot(p341+8)", 3, {1, 0xff, 0xdf}},
        {"get_slot(oob0+1)", 3, {1, 0x00, 0xe0}},
        {"get_slot(oob2+64)", 3, {1, 0x1e, 0xe0}},
        {"get_slot(oob341+8)", 3, {1, 0xff, 0xef}},
        {"get_slot(top0)", 3, {1, 0x00, 0xf0}},
        {"get_slot(top4095)", 3, {1, 0xff, 0xff}},
        {"repark(s0)", 3, {3, 0x00, 0x00}},
        {"repark(s65535)", 3, {3, 0xff, 0xff}},
        {"frame_drop(f0)", 2, {15, 0x00}},
        {"frame_drop(f255)", 2, {15, 0xff}},
        {"unique_frame_drop(u0)", 2, {21, 0x00}},
        {"unique_frame_drop(u255)", 2, {21, 0xff}},
        {"get_from_unused(p1, probe(7), 1)", 6, {2, 0x01, 0x00, 0x27, 0x00, 0x01}},
        {"get_from_unused(p1, untyped(0), 255)", 6, {2, 0x01, 0x00, 0x01, 0x00, 0xff}},
        {"write_meta(s2, empty(0))", 5, {9, 0x02, 0x00, 0x00, 0x00}},
        {"write_meta(s2, empty(13107))", 5, {9, 0x02, 0x00, 0xff, 0xff}},
        {"write_meta(s2, untyped(13106))", 5, {9, 0x02, 0x00, 0xfb, 0xff}},
        {"write_meta(s2, link(51))", 5, {9, 0x02, 0x00, 0x01, 0x01}},
        {"write_meta(s2, node(51))", 5, {9, 0x02, 0x00, 0x02, 0x01}},
        {"write_meta(s2, probe(13106))", 5, {9, 0x02, 0x00, 0xfe, 0xff}},
        {"setup(s3, 0, probe(7))", 6, {0, 0x03, 0x00, 0, 0x27, 0x00}},
        {"setup(s3, 63, probe(7))", 6, {0, 0x03, 0x00, 63, 0x27, 0x00}},
        {"setup(s3, MAX, probe(7))", 6, {0, 0x03, 0x00, 64, 0x27, 0x00}},
        {"setup(s3, MAX-1, probe(7))", 6, {0, 0x03, 0x00, 65, 0x27, 0x00}},
        {"setup(s3, MAX-63, probe(7))", 6, {0, 0x03, 0x00, 127, 0x27, 0x00}},
        {"setup(s3, MAX+1, probe(7))", 6, {0, 0x03, 0x00, 128, 0x27, 0x00}},
        {"setup(s3, MAX+64, probe(7))", 6, {0, 0x03, 0x00, 191, 0x27, 0x00}},
        {"setup(s3, UNIQUE-1, probe(7))", 6, {0, 0x03, 0x00, 192, 0x27, 0x00}},
        {"setup(s3, UNIQUE-64, probe(7))", 6, {0, 0x03, 0x00, 255, 0x27, 0x00}},
        {"page_table_node_alloc(p4, 4)", 4, {29, 0x04, 0x00, 4}},
        {"page_table_node_alloc(p4, 0)", 4, {29, 0x04, 0x00, 0}},
        {"unique_frame_meta_mut(u1, 255)", 3, {26, 0x01, 0xff}},
        {"frame_drop@45(f2)", 2, {45, 0x02}},
        {"frame_drop@255(f2)", 2, {255, 0x02}},
        {"tail 0xff", 1, {255}},
        {"tail 0x02 0x01 0x00 0x27 0x00", 5, {2, 0x01, 0x00, 0x27, 0x00}},
},
  GOLDEN_2[] = {
      {"memory_range(s2, 1, reserved)", 5, {30, 0x02, 0x00, 1, 0}},
      {"memory_range(s258, 63, kernel)", 5, {30, 0x02, 0x01, 63, 1}},
      {"memory_range(s2, 0+1, meta)", 5, {30, 0x02, 0x00, 64, 2}},
      {"memory_range(s2, 0+2048, mmio)", 5, {30, 0x02, 0x00, 75, 3}},
      {"memory_range(s2, 1+1, reserved(1))", 5, {30, 0x02, 0x00, 76, 4}},
      {"memory_range(s2, 10+2048, meta(63))", 5, {30, 0x02, 0x00, 195, 254}},
      {"memory_range(s2, -1, mmio(63))", 5, {30, 0x02, 0x00, 196, 255}},
      {"memory_range(s2, -60, kernel)", 5, {30, 0x02, 0x00, 255, 1}},
      {"setup_list_id(MAX-1)", 2, {31, 65}},
      {"frame_borrow(f3)", 2, {32, 3}},
      {"frame_try_from(f3, empty)", 3, {33, 3, 0}},
      {"frame_try_from(f3, untyped)", 3, {33, 3, 1}},
      {"frame_try_from(f3, link)", 3, {33, 3, 2}},
      {"frame_try_from(f3, node)", 3, {33, 3, 3}},
      {"frame_try_from(f3, probe)", 3, {33, 3, 4}},
      {"frame_try_from(f3, empty(1))", 3, {33, 3, 5}},
      {"frame_try_from(f3, probe(50))", 3, {33, 3, 254}},
      {"frame_try_from(f3, empty(51))", 3, {33, 3, 255}},
      {"frame_map(f0, 0)", 3, {34, 0, 0}},
      {"frame_map(f0, 255)", 3, {34, 0, 255}},
      {"frame_unmap(map0)", 2, {35, 0}},
      {"frame_unmap(map255)", 2, {35, 255}},
      {"mmio_map(s1, 63)", 4, {36, 0x01, 0x00, 63}},
      {"mmio_unmap(s1, 64)", 4, {37, 0x01, 0x00, 64}},
      {"list_new()", 1, {38}},
      {"list_push_front(l0, u255)", 3, {39, 0, 255}},
      {"list_push_back(l255, u0)", 3, {40, 255, 0}},
      {"list_pop_front(l1)", 2, {41, 1}},
      {"list_pop_back(l1)", 2, {42, 1}},
      {"list_contains(l1, p258)", 4, {43, 1, 0x02, 0x01}},
      {"list_cursor_mut_at(l1, oob2+64)", 4, {44, 1, 0x1e, 0xe0}},
      {"list_cursor_front_mut(l1)", 2, {45, 1}},
      {"list_cursor_back_mut(l1)", 2, {46, 1}},
      {"cursor_move_next(c0)", 2, {47, 0}},
      {"cursor_move_prev(c255)", 2, {48, 255}},
      {"cursor_insert_before(c1, u2)", 3, {49, 1, 2}},
      {"cursor_take_current(c1)", 2, {50, 1}},
      {"list_drop(l1)", 2, {51, 1}},
      {"segment_from_unused(p1, 3, link(0))", 6, {52, 0x01, 0x00, 3, 0x02, 0x00}},
      {"segment_clone(seg0)", 2, {53, 0}},
      {"segment_slice(seg255, 1+4, -2)", 4, {54, 255, 78, 197}},
      {"segment_split(seg1, 0)", 3, {55, 1, 0}},
      {"segment_next(seg1)", 2, {56, 1}},
      {"segment_into_raw(seg1)", 2, {57, 1}},
      {"segment_from_raw(p1, 2)", 4, {58, 0x01, 0x00, 2}},
      {"segment_drop(seg1)", 2, {59, 1}},
      {"segment_from_frame(f1)", 2, {60, 1}},
      {"lemma_layout()", 1, {61}},
      {"cast_slot(s1)", 3, {62, 0x01, 0x00}},
      {"metadata_to_repr(u1, probe(7))", 4, {63, 1, 0x27, 0x00}},
      {"metadata_from_repr(s1)", 3, {64, 0x01, 0x00}},
      {"metadata_from_borrowed(s1)", 3, {65, 0x01, 0x00}},
      {"metadata_as_link_to_repr(u1, 255)", 3, {66, 1, 255}},
      {"metadata_as_link_from_repr(s1)", 3, {67, 0x01, 0x00}},
      {"metadata_as_link_from_borrowed(s1)", 3, {68, 0x01, 0x00}},
      {"list_new@107()", 1, {107}},
      {"setup@69(s3, 63, probe(7))", 6, {69, 0x03, 0x00, 63, 0x27, 0x00}},
      {"frame_drop@84(f2)", 2, {84, 0x02}},
      {"cursor_move_prev@255(c2)", 2, {255, 0x02}},
      {"tail 0x1e 0x02 0x00 0x01", 4, {30, 0x02, 0x00, 0x01}},
};

static void assert_is_golden(struct program *program, unsigned format, const struct golden *golden)
{
    char text[128];
    uint8_t bytes[8] = {(uint8_t)format, 15};
    memcpy(bytes + 2, golden->bytes, golden->size);
    snprintf(text, sizeof(text), "slotcheck program %u\nslots 16\n%s\n", format, golden->text);

    assert_true(program_decode(program, bytes, golden->size + 2u));
    char *printed = text_of(program);
    assert_string_equal(printed, text);
    free(printed);
    assert_parses(program, text, strlen(text));
    assert_encodes(program, bytes, golden->size + 2u);
}

static void test_golden_encodings(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    for (size_t i = 0; i < COUNT_OF(GOLDEN); i++) {
        assert_is_golden(&program, 1, &GOLDEN[i]);
        /* What an opcode is taken modulo is a matter of the format. */
        if (strchr(GOLDEN[i].text, '@') == NULL)
            assert_is_golden(&program, 2, &GOLDEN[i]);
    }
    for (size_t i = 0; i < COUNT_OF(GOLDEN_2); i++)
        assert_is_golden(&program, 2, &GOLDEN_2[i]);
    program_free(&program);
}

/* Texts of what is not canonical, and of headers that are not whole. */
static const struct {
    const char *text;
    uint8_t size;
    uint8_t bytes[4];
} HEADERS[] = {
    {"slotcheck program 1 @none\n", 0, {0}},
    {"slotcheck program 1\nslots @none\n", 1, {1}},
    {"slotcheck program 1 @0\nslots @none\n", 1, {0}},
    {"slotcheck program 1\nslots 1\n", 2, {1, 0}},
    {"slotcheck program 1\nslots 240\n", 2, {1, 239}},
    {"slotcheck program 1\nslots 256\n", 2, {1, 240}},
    {"slotcheck program 1\nslots 8388608\n", 2, {1, 255}},
    {"slotcheck program 1 @0\nslots 3\n", 2, {0, 2}},
    {"slotcheck program 1 @9\nslots 3\nframe_drop(f1)\n", 4, {9, 2, 15, 1}},
    {"slotcheck program 1 @255\nslots 3\ntail 0x0f\n", 3, {255, 2, 15}},
    {"slotcheck program 2\nslots @none\n", 1, {2}},
    {"slotcheck program 2\nslots 3\nlist_new()\n", 3, {2, 2, 38}},
};

static void test_headers(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    for (size_t i = 0; i < COUNT_OF(HEADERS); i++) {
        assert_true(program_decode(&program, HEADERS[i].bytes, HEADERS[i].size));
        assert_int_equal(program_format(&program), HEADERS[i].text[18] - '0');
        char *printed = text_of(&program);
        assert_string_equal(printed, HEADERS[i].text);
        free(printed);
        assert_parses(&program, HEADERS[i].text, strlen(HEADERS[i].text));
        assert_encodes(&program, HEADERS[i].bytes, HEADERS[i].size);
    }
    program_free(&program);
}

static void test_missing_header_reads_as_default(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    assert_int_equal(program_format(&program), 2);
    assert_int_equal(program_slots(&program), 16);
    assert_int_equal(program_encoded_size(&program), 2);
    assert_encodes(&program, (const uint8_t[]){2, 15}, 2);
    assert_true(program_set_slots(&program, 5));
    assert_true(program_decode(&program, NULL, 0));
    assert_int_equal(program_format(&program), 1);
    assert_int_equal(program_slots(&program), 16);
    assert_int_equal(program_encoded_size(&program), 0);

    struct operation drop = {.op = OP_frame_drop, .opcode = OP_frame_drop, .operand = {3}};
    assert_true(program_append(&program, drop));
    assert_encodes(&program, (const uint8_t[]){1, 15, 15, 3}, 4);
    assert_true(program_decode(&program, (const uint8_t[]){1}, 1));
    assert_true(program_set_slots(&program, 2));
    assert_encodes(&program, (const uint8_t[]){1, 1}, 2);
    program_clear(&program);
    assert_encodes(&program, (const uint8_t[]){2, 15}, 2);
    program_free(&program);
}

/* 1 and 2 are formats, 3..8 will be; everything else is format 1, for ever. */
static void test_every_format_byte(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
        const uint8_t bytes[] = {(uint8_t)byte, 7, 38, 0};
        unsigned expected = byte >= 2 && byte <= 8 ? byte : 1;
        assert_true(program_decode(&program, bytes, sizeof(bytes)));
        assert_int_equal(program_format(&program), expected);
        if (expected > PROGRAM_FORMAT)
            continue;
        /* 38 is list_new, or as_meta_ptr cut short. */
        assert_int_equal(program.nr_ops, expected == 1 ? 0 : 1);
        if (expected == 2)
            assert_int_equal(program.ops[0].op, OP_list_new);
        assert_round_trips(&program, bytes, sizeof(bytes));
        assert_int_equal(program_format(&program), expected);
    }
    program_free(&program);
}

static void test_later_formats_keep_the_header(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    for (uint8_t format = PROGRAM_FORMAT + 1; format <= PROGRAM_FORMAT_LAST; format++) {
        const uint8_t bytes[] = {format, 7, 15, 0, 15};
        assert_true(program_decode(&program, bytes, sizeof(bytes)));
        assert_int_equal(program_format(&program), format);
        assert_int_equal(program_slots(&program), 8);
        assert_int_equal(program.nr_ops, 0);
        assert_encodes(&program, bytes, 2);
    }
    program_free(&program);
}

static void test_random_strings_round_trip(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    uint64_t random = 1;
    for (unsigned i = 0; i < 100000; i++) {
        uint8_t bytes[48];
        size_t size = draw_string(&random, bytes, sizeof(bytes));
        if (size > 0 && is_later_format(bytes[0]))
            continue;
        assert_round_trips(&program, bytes, size);
    }
    program_free(&program);
}

static void test_every_prefix_decodes(void **state)
{
    (void)state;
    struct program whole, prefix;
    program_init(&whole);
    program_init(&prefix);
    uint64_t random = 2;
    for (unsigned i = 0; i < 500; i++) {
        uint8_t bytes[200];
        size_t size = draw_string(&random, bytes, sizeof(bytes));
        if (size > 0 && is_later_format(bytes[0]))
            continue;
        assert_true(program_decode(&whole, bytes, size));
        for (size_t cut = 0; cut <= size; cut++) {
            assert_true(program_decode(&prefix, bytes, cut));
            assert_encodes(&prefix, bytes, cut);
            assert_true(prefix.nr_ops <= whole.nr_ops);
            if (prefix.nr_ops > 0)
                assert_memory_equal(prefix.ops, whole.ops, prefix.nr_ops * sizeof(*whole.ops));
        }
    }
    program_free(&whole);
    program_free(&prefix);
}

/* The value of every single 2-byte operand has a text of its own. */
static void test_every_operand_value_round_trips(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    for (uint32_t value = 0; value <= UINT16_MAX; value++) {
        uint8_t low = (uint8_t)value, high = (uint8_t)(value >> 8);
        uint8_t format = (uint8_t)(1 + value % PROGRAM_FORMAT);
        const uint8_t bytes[] = {format, 15,  OP_get_from_unused, low, high, low,
                                 high,   low, OP_setup,           low, high, low,
                                 low,    high};
        assert_round_trips(&program, bytes, sizeof(bytes));
    }
    program_free(&program);
}

/* One operation whose operands all have this value, or its low byte. */
static void assert_operation_round_trips(struct program *program, uint8_t format, uint8_t op,
                                         uint16_t value)
{
    uint8_t bytes[2 + 1 + PROGRAM_MAX_TAIL] = {format, 15, op};
    size_t size = 3;
    for (unsigned i = 0; i < PROGRAM_MAX_OPERANDS; i++) {
        unsigned width = OPERAND_WIDTH[OPS[op].operand[i]];
        for (unsigned k = 0; k < width; k++)
            bytes[size++] = (uint8_t)(value >> (8 * k));
    }
    assert_int_equal(size, 2u + OPERATION_SIZE[op]);
    assert_round_trips(program, bytes, size);
    assert_int_equal(program->nr_ops, 1);
    assert_int_equal(program->tail_size, 0);
    assert_int_equal(program->ops[0].op, op);
    for (unsigned i = 0; i < PROGRAM_MAX_OPERANDS; i++)
        assert_int_equal(program->ops[0].operand[i], value & ((1u << OPERAND_BITS[op][i]) - 1));
}

static void test_every_operation_round_trips(void **state)
{
    (void)state;
    static const uint16_t BOUNDARIES[] = {0x0100, 0x7fff, 0xbfff, 0xc000, 0xcfff, 0xd000,
                                          0xdfff, 0xe000, 0xefff, 0xf000, 0xfffe, 0xffff};
    struct program program;
    program_init(&program);
    for (uint8_t format = 1; format <= PROGRAM_FORMAT; format++) {
        for (uint8_t op = 0; op < program_format_ops(format); op++) {
            for (uint16_t value = 0; value <= UINT8_MAX; value++)
                assert_operation_round_trips(&program, format, op, value);
            for (size_t i = 0; i < COUNT_OF(BOUNDARIES); i++)
                assert_operation_round_trips(&program, format, op, BOUNDARIES[i]);
        }
    }
    program_free(&program);
}

/* No two values of a one-byte operand are spelt alike. */
static void test_operands_are_told_apart(void **state)
{
    (void)state;
    static char texts[UINT8_MAX + 1][64];
    for (enum op op = 0; op < NR_OPS; op++) {
        if (OPERATION_SIZE[op] != 2)
            continue;
        for (uint16_t value = 0; value <= UINT8_MAX; value++) {
            struct operation operation = {
                .op = (uint8_t)op, .opcode = (uint8_t)op, .operand = {value}};
            FILE *out = fmemopen(texts[value], sizeof(texts[value]), "w");
            assert_non_null(out);
            operation_print(&operation, out);
            assert_int_equal(fclose(out), 0);
            for (uint16_t other = 0; other < value; other++)
                assert_string_not_equal(texts[value], texts[other]);
        }
    }
}

static void test_every_operation_has_text_and_bytes(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    for (uint8_t op = 0; op < NR_OPS; op++) {
        uint8_t bytes[2 + PROGRAM_MAX_TAIL + 1] = {OPS[op].since, 15, op, 1, 0, 1, 0, 1, 0};
        assert_round_trips(&program, bytes, 2u + OPERATION_SIZE[op]);
        assert_int_equal(program.nr_ops, 1);
        assert_int_equal(program.tail_size, 0);
        assert_int_equal(program.ops[0].op, op);

        char *text = text_of(&program);
        const char *call = text + strlen("slotcheck program 1\nslots 16\n");
        assert_memory_equal(call, OPS[op].name, strlen(OPS[op].name));
        assert_int_equal(call[strlen(OPS[op].name)], '(');
        free(text);
    }
    program_free(&program);
}

static void test_formats_know_their_operations(void **state)
{
    (void)state;
    assert_int_equal(program_format_ops(0), 0);
    assert_int_equal(program_format_ops(1), 30);
    assert_int_equal(program_format_ops(2), 69);
    assert_int_equal(program_format_ops(PROGRAM_FORMAT), NR_OPS);
    for (unsigned format = PROGRAM_FORMAT + 1; format <= PROGRAM_FORMAT_LAST; format++)
        assert_int_equal(program_format_ops(format), 0);
    /* The order is the encoding: what was in format 1 stays where it was. */
    assert_string_equal(OPS[0].name, "setup");
    assert_string_equal(OPS[15].name, "frame_drop");
    assert_string_equal(OPS[29].name, "page_table_node_alloc");
    assert_string_equal(OPS[30].name, "memory_range");
    assert_string_equal(OPS[51].name, "list_drop");
    assert_string_equal(OPS[68].name, "metadata_as_link_from_borrowed");
    for (unsigned op = 1; op < NR_OPS; op++)
        assert_true(OPS[op - 1].since <= OPS[op].since);
    for (unsigned op = 0; op < NR_OPS; op++)
        assert_int_equal(OPS[op].since, op < 30 ? 1 : 2);
}

/* An opcode byte is taken modulo the operations of the format. */
static void test_opcodes_of_both_formats(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    for (uint8_t format = 1; format <= 2; format++) {
        for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
            const uint8_t bytes[2 + 1 + PROGRAM_MAX_TAIL] = {format, 15, (uint8_t)byte};
            unsigned op = byte % (format == 1 ? 30 : 69);
            assert_true(program_decode(&program, bytes, 2u + OPERATION_SIZE[op]));
            assert_int_equal(program.nr_ops, 1);
            assert_int_equal(program.ops[0].op, op);
            assert_int_equal(program.ops[0].opcode, byte);
            assert_round_trips(&program, bytes, 2u + OPERATION_SIZE[op]);
        }
    }
    program_free(&program);
}

static void test_setups(void **state)
{
    (void)state;
    for (enum op op = 0; op < NR_OPS; op++)
        assert_int_equal(op_is_setup(op), strcmp(OPS[op].upstream, "setup") == 0);
}

static bool is_handle(enum operand_kind kind)
{
    return kind == OPERAND_FRAME || kind == OPERAND_UNIQUE || kind == OPERAND_LIST ||
           kind == OPERAND_CURSOR || kind == OPERAND_SEGMENT || kind == OPERAND_MAPPING;
}

/* What an operation takes is one of its operands, and what it makes is a handle. */
static void test_handles_taken_and_made(void **state)
{
    (void)state;
    for (enum op op = 0; op < NR_OPS; op++) {
        const struct op_info *info = &OPS[op];
        unsigned nr_taken = 0;
        for (unsigned i = 0; i < PROGRAM_MAX_OPERANDS; i++)
            nr_taken += info->operand[i] == info->takes;
        if (info->takes != OPERAND_NONE && (nr_taken != 1 || !is_handle(info->takes)))
            fail_msg("%s takes what is not its operand", info->name);
        assert_true(info->makes == OPERAND_NONE || is_handle(info->makes));
    }
}

static void test_table_of_operations(void **state)
{
    (void)state;
    const struct op_info *info = &OPS[OP_unique_frame_try_from];
    assert_string_equal(info->upstream, "UniqueFrame::try_from(Frame)");
    assert_int_equal(info->weight, 5);
    assert_int_equal(info->takes, OPERAND_FRAME);
    assert_int_equal(info->makes, OPERAND_UNIQUE);
    assert_int_equal(info->operand[0], OPERAND_FRAME);
    assert_int_equal(info->operand[1], OPERAND_NONE);
    assert_int_equal(OPS[OP_frame_clone].takes, OPERAND_NONE);
    assert_int_equal(OPS[OP_cursor_insert_before].takes, OPERAND_UNIQUE);
    assert_int_equal(OPS[OP_segment_split].makes, OPERAND_SEGMENT);
    assert_int_equal(OPERATION_SIZE[OP_list_new], 1);
    assert_int_equal(OPERATION_SIZE[OP_get_from_unused], 6);
    assert_int_equal(OPERATION_SIZE[OP_frame_drop], 2);
}

static void test_memory_is_used_again(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    uint8_t bytes[2 + 2 * 300] = {1, 15};
    memset(bytes + 2, OP_frame_drop, sizeof(bytes) - 2);
    assert_true(program_decode(&program, bytes, sizeof(bytes)));
    assert_int_equal(program.nr_ops, 300);
    const struct operation *ops = program.ops;
    size_t capacity = program.capacity;
    program_clear(&program);
    assert_int_equal(program.nr_ops, 0);
    assert_true(program_decode(&program, bytes, sizeof(bytes)));
    assert_ptr_equal(program.ops, ops);
    assert_int_equal(program.capacity, capacity);
    program_free(&program);
    assert_null(program.ops);
    assert_int_equal(program.capacity, 0);
}

static void test_slots(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
        uint64_t slots = byte < 240 ? byte + 1 : UINT64_C(1) << (byte - 232);
        assert_true(program_decode(&program, (const uint8_t[]){1, (uint8_t)byte}, 2));
        assert_int_equal(program_slots(&program), slots);
        program.slots_byte = 0;
        assert_true(program_set_slots(&program, slots));
        assert_int_equal(program.slots_byte, byte);
    }
    static const uint64_t UNSAYABLE[] = {0,
                                         241,
                                         255,
                                         257,
                                         511,
                                         8388607,
                                         8388609,
                                         16777216,
                                         UINT64_C(1) << 34,
                                         UINT64_C(1) << 63,
                                         UINT64_MAX};
    for (size_t i = 0; i < COUNT_OF(UNSAYABLE); i++) {
        program.slots_byte = 77;
        program.header_size = 1;
        assert_false(program_set_slots(&program, UNSAYABLE[i]));
        assert_int_equal(program.slots_byte, 77);
        assert_int_equal(program.header_size, 1);
    }
    program_free(&program);
}

static void test_texts_are_told_from_bytes(void **state)
{
    (void)state;
    assert_false(program_is_text(NULL, 0));
    for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
        uint8_t first = (uint8_t)byte;
        bool expected = (byte >= 0x20 && byte <= 0x7e) || byte == 9 || byte == 10 || byte == 13;
        assert_int_equal(program_is_text(&first, 1), expected);
    }
}

static void test_text_may_be_laid_out_freely(void **state)
{
    (void)state;
    static const char TEXT[] = "# first\r\n"
                               "\r\n"
                               "\t slotcheck  program\t1 @ 1 # header\r\n"
                               "slots 008#x\n"
                               "   # caf\xc3\xa9\n"
                               "get_from_unused ( p1 ,probe( 07 ),1 ) # (\r\n"
                               "setup(s1, MAX-0, empty(1))\n"
                               "frame_drop @ 15(f0)\n"
                               "tail  0x0f";
    static const uint8_t BYTES[] = {1, 7, 2, 1, 0, 0x27, 0, 1, 0, 1, 0, 64, 5, 0, 15, 0, 15};
    struct program program;
    program_init(&program);
    assert_parses(&program, TEXT, sizeof(TEXT) - 1);
    assert_encodes(&program, BYTES, sizeof(BYTES));
    struct program_error error;
    assert_false(program_parse(&program, TEXT, sizeof(TEXT) - 2, &error));
    static const char TEXT_2[] = "slotcheck program 2 @ 2\nslots 8\n"
                                 "list_new ( ) # none\n"
                                 "frame_try_from(f0, link ( 00 ) )\n"
                                 "memory_range ( s1, 03 , mmio )\n"
                                 "segment_slice(seg0, 001+01, -01)\n";
    static const uint8_t BYTES_2[] = {2, 7, 38, 33, 0, 2, 30, 1, 0, 3, 3, 54, 0, 76, 196};
    assert_parses(&program, TEXT_2, sizeof(TEXT_2) - 1);
    assert_encodes(&program, BYTES_2, sizeof(BYTES_2));
    program_free(&program);
}

static void test_longest_line(void **state)
{
    (void)state;
    char text[2048] = "slotcheck program 1\nslots 16\n";
    struct program program;
    struct program_error error;
    program_init(&program);
    size_t start = strlen(text);
    memset(text + start, ' ', PROGRAM_MAX_LINE + 1);
    text[start] = '#';
    assert_true(program_parse(&program, text, start + PROGRAM_MAX_LINE, &error));
    assert_false(program_parse(&program, text, start + PROGRAM_MAX_LINE + 1, &error));
    assert_int_equal(error.line, 3);
    assert_int_equal(error.column, PROGRAM_MAX_LINE + 1);
    assert_string_equal(error.message, "the line is longer than 1000 bytes");
    program_free(&program);
}

/* --- texts that are no programs -------------------------------------------------------------- */

#define HEADER   "slotcheck program 1\nslots 16\n"
#define HEADER_2 "slotcheck program 2\nslots 16\n"

static const struct {
    const char *text;
    unsigned line, column;
    const char *message;
} ERRORS[] = {
    /* header */
    {"", 1, 1, "the text ends without `slotcheck program 2`"},
    {"# only\n# comments", 2, 1, "the text ends without `slotcheck program 2`"},
    {"frame_drop(f0)\n", 1, 1, "expected `slotcheck program 2`, or a lower format"},
    {"slotchecks program 1\n", 1, 1, "expected `slotcheck program 2`, or a lower format"},
    {"slotcheck programme 1\n", 1, 1, "expected `slotcheck program 2`, or a lower format"},
    {"\n  slotcheck program\n", 2, 20, "expected a number"},
    {"slotcheck program 0\n", 1, 19, "the number must be 1 to 8 here"},
    {"slotcheck program 3\n", 1, 19, "format 3 is later than 2, which is known here"},
    {"slotcheck program 8\n", 1, 19, "format 8 is later than 2, which is known here"},
    {"slotcheck program 9\n", 1, 19, "the number must be 1 to 8 here"},
    {"slotcheck program 1 @2\n", 1, 22, "byte 2 means format 2"},
    {"slotcheck program 1 @8\n", 1, 22, "byte 8 means format 8"},
    {"slotcheck program 2 @1\n", 1, 22, "byte 1 means format 1"},
    {"slotcheck program 2 @9\n", 1, 22, "byte 9 means format 1"},
    {"slotcheck program 2 @3\n", 1, 22, "byte 3 means format 3"},
    {"slotcheck program 2 @none\n", 1, 22, "what has no bytes has format 1"},
    {"slotcheck program 1 @256\n", 1, 22, "the number must be 0 to 255 here"},
    {"slotcheck program 1 @nothing\n", 1, 22, "expected a number"},
    {"slotcheck program 1 x\n", 1, 21, "expected the end of the line"},
    {"slotcheck program 1 @none\nslots 16\n", 2, 1, "nothing may follow here but comments"},
    {"slotcheck program 1\n", 1, 20, "the text ends without `slots N`"},
    {"slotcheck program 1\n\n# end\n", 3, 1, "the text ends without `slots N`"},
    {"slotcheck program 1\nframe_drop(f0)\n", 2, 1, "expected `slots N`"},
    {"slotcheck program 1\nslots\n", 2, 6, "expected a number"},
    {"slotcheck program 1\nslots 0\n", 2, 7, "the number must be 1 to 4294967295 here"},
    {"slotcheck program 1\nslots 241\n", 2, 7,
     "slots must be 1 to 240, or a power of two from 256 to 2^23"},
    {"slotcheck program 1\nslots 16777216\n", 2, 7,
     "slots must be 1 to 240, or a power of two from 256 to 2^23"},
    {"slotcheck program 1\nslots 18446744073709551620\n", 2, 7,
     "the number must be 1 to 4294967295 here"},
    {"slotcheck program 1\nslots 16 17\n", 2, 10, "expected the end of the line"},
    {"slotcheck program 1\nslots @15\n", 2, 8, "expected `none`"},
    {"slotcheck program 1\nslots @none\nframe_drop(f0)\n", 3, 1,
     "nothing may follow here but comments"},
    /* operations */
    {HEADER "frame_form_unused(p0, empty(0))\n", 3, 1,
     "there is no operation `frame_form_unused`; did you mean `frame_from_unused`?"},
    {HEADER "  drop(f0)\n", 3, 3, "there is no operation `drop`"},
    {HEADER "Frame_drop(f0)\n", 3, 1,
     "there is no operation `Frame_drop`; did you mean `frame_drop`?"},
    {HEADER "a_name_that_is_longer_than_any_of_the_operations(f0)\n", 3, 1,
     "there is no operation `a_name_that_is_longer_than_any_of_the_op`"},
    {HEADER "slots 16\n", 3, 1, "there is no operation `slots`"},
    {HEADER "(f0)\n", 3, 1, "expected an operation"},
    {HEADER "frame_drop f0\n", 3, 12, "expected `(`"},
    {HEADER "frame_drop\n", 3, 11, "expected `(`"},
    {HEADER "frame_drop(f0\n", 3, 14, "expected `)`"},
    {HEADER "frame_drop(f0 # )\n", 3, 15, "expected `)`"},
    {HEADER "frame_drop(f0))\n", 3, 15, "expected the end of the line"},
    {HEADER "frame_drop(f0) frame_drop(f0)\n", 3, 16, "expected the end of the line"},
    {HEADER "frame_drop(f0, f1)\n", 3, 14, "expected `)`"},
    {HEADER "frame_drop()\n", 3, 12, "expected a Frame handle: fN"},
    {HEADER "write_meta(s0)\n", 3, 14, "expected `,`"},
    {HEADER "write_meta(s0,)\n", 3, 15,
     "expected metadata: empty(N), untyped(N), link(N), node(N) or probe(N)"},
    {HEADER "frame_drop@(f0)\n", 3, 12, "expected a number"},
    {HEADER "frame_drop@16(f0)\n", 3, 12, "byte 16 means frame_into_raw"},
    {HEADER "frame_drop@256(f0)\n", 3, 12, "the number must be 0 to 255 here"},
    {HEADER "get_slot(p0)\n\n\x01\n", 5, 1, "expected an operation"},
    /* kinds and ranges of operands */
    {HEADER "frame_drop(u0)\n", 3, 12, "expected a Frame handle: fN"},
    {HEADER "frame_drop(f)\n", 3, 13, "expected a number"},
    {HEADER "frame_drop(f-1)\n", 3, 12, "expected a Frame handle: fN"},
    {HEADER "frame_drop(f256)\n", 3, 13, "the number must be 0 to 255 here"},
    {HEADER "unique_frame_drop(f0)\n", 3, 19, "expected a UniqueFrame handle: uN"},
    {HEADER "repark(p0)\n", 3, 8, "expected a slot: sN"},
    {HEADER "repark(s65536)\n", 3, 9, "the number must be 0 to 65535 here"},
    {HEADER "get_slot(s0)\n", 3, 10, "expected an address: pN, oobN, topN, pN+D or oobN+D"},
    {HEADER "get_slot(5)\n", 3, 10, "expected an address: pN, oobN, topN, pN+D or oobN+D"},
    {HEADER "get_slot(p)\n", 3, 11, "expected a number"},
    {HEADER "get_slot(p49152)\n", 3, 11, "the number must be 0 to 49151 here"},
    {HEADER "get_slot(oob4096)\n", 3, 13, "the number must be 0 to 4095 here"},
    {HEADER "get_slot(top4096)\n", 3, 13, "the number must be 0 to 4095 here"},
    {HEADER "get_slot(top1+1)\n", 3, 10, "expected an address: pN, oobN, topN, pN+D or oobN+D"},
    {HEADER "get_slot(p342+1)\n", 3, 11, "the number must be 0 to 341 here"},
    {HEADER "get_slot(oob342+1)\n", 3, 13, "the number must be 0 to 341 here"},
    {HEADER "get_slot(oob341+16)\n", 3, 17, "the number must be 1 to 8 here"},
    {HEADER "get_slot(p341+16)\n", 3, 15, "the number must be 1 to 8 here"},
    {HEADER "get_slot(p0+4096)\n", 3, 13, "the number must be 1 to 2048 here"},
    {HEADER "get_slot(oob0+0)\n", 3, 15, "the number must be 1 to 2048 here"},
    {HEADER "get_slot(p0+3)\n", 3, 13, "the distance must be a power of two"},
    {HEADER "get_slot(p0+)\n", 3, 13, "expected a number"},
    {HEADER "get_slot(p99999999999999999999)\n", 3, 11, "the number must be 0 to 49151 here"},
    {HEADER "write_meta(s0, page(1))\n", 3, 16,
     "expected metadata: empty(N), untyped(N), link(N), node(N) or probe(N)"},
    {HEADER "write_meta(s0, probe)\n", 3, 21, "expected `(`"},
    {HEADER "write_meta(s0, probe())\n", 3, 22, "expected a number"},
    {HEADER "write_meta(s0, probe(1)\n", 3, 24, "expected `)`"},
    {HEADER "write_meta(s0, probe(13107))\n", 3, 22, "the number must be 0 to 13106 here"},
    {HEADER "write_meta(s0, empty(13108))\n", 3, 22, "the number must be 0 to 13107 here"},
    {HEADER "setup(s0, 64, probe(1))\n", 3, 11, "the number must be 0 to 63 here"},
    {HEADER "setup(s0, MAX-64, probe(1))\n", 3, 15, "the number must be 0 to 63 here"},
    {HEADER "setup(s0, MAX+0, probe(1))\n", 3, 15, "the number must be 1 to 64 here"},
    {HEADER "setup(s0, MAX+65, probe(1))\n", 3, 15, "the number must be 1 to 64 here"},
    {HEADER "setup(s0, MAX5, probe(1))\n", 3, 14, "expected `,`"},
    {HEADER "setup(s0, UNIQUE, probe(1))\n", 3, 11,
     "expected a count: N, MAX, MAX-N, MAX+N or UNIQUE-N"},
    {HEADER "setup(s0, UNIQUE-0, probe(1))\n", 3, 18, "the number must be 1 to 64 here"},
    {HEADER "setup(s0, UNIQUE-65, probe(1))\n", 3, 18, "the number must be 1 to 64 here"},
    {HEADER "setup(s0, UNIQUE+1, probe(1))\n", 3, 11,
     "expected a count: N, MAX, MAX-N, MAX+N or UNIQUE-N"},
    {HEADER "setup(s0, -1, probe(1))\n", 3, 11,
     "expected a count: N, MAX, MAX-N, MAX+N or UNIQUE-N"},
    {HEADER "setup(s0, , probe(1))\n", 3, 11, "expected a count: N, MAX, MAX-N, MAX+N or UNIQUE-N"},
    {HEADER "get_from_unused(p0, empty(0), true)\n", 3, 31,
     "expected a flag: a number, odd for true"},
    {HEADER "page_table_node_alloc(p0, l1)\n", 3, 27, "expected a level: a number"},
    {HEADER "unique_frame_meta_mut(u0, )\n", 3, 27, "expected a value: a number"},
    {HEADER "unique_frame_meta_mut(u0, 256)\n", 3, 27, "the number must be 0 to 255 here"},
    /* the tail */
    {HEADER "tail\n", 3, 5, "expected a byte as 0x and two digits of 0..9, a..f"},
    {HEADER "tail 0xg0\n", 3, 6, "expected a byte as 0x and two digits of 0..9, a..f"},
    {HEADER "tail 1x0f\n", 3, 6, "expected a byte as 0x and two digits of 0..9, a..f"},
    {HEADER "tail 0x0\n", 3, 6, "expected a byte as 0x and two digits of 0..9, a..f"},
    {HEADER "tail 15\n", 3, 6, "expected a byte as 0x and two digits of 0..9, a..f"},
    {HEADER "tail 0x0f 0x\n", 3, 11, "expected a byte as 0x and two digits of 0..9, a..f"},
    {HEADER "tail 0x0f 0x01\n", 3, 11, "with this byte the tail is a whole frame_drop"},
    {HEADER "tail 0x2d 0x01\n", 3, 11, "with this byte the tail is a whole frame_drop"},
    {HEADER "tail 0x00 0x01 0x02 0x03 0x04 0x05\n", 3, 31,
     "with this byte the tail is a whole setup"},
    {HEADER "tail 0x0f\nframe_drop(f0)\n", 4, 1, "nothing may follow here but comments"},
    {HEADER "tail 0x0f\ntail 0x0f\n", 4, 1, "nothing may follow here but comments"},
    {HEADER_2 "tail 0x26\n", 3, 6, "with this byte the tail is a whole list_new"},
    {HEADER_2 "tail 0x54 0x01\n", 3, 11, "with this byte the tail is a whole frame_drop"},
    /* operations and operands of format 2 */
    {HEADER "\n  list_new()\n", 4, 3,
     "list_new is an operation of format 2; this text has format 1"},
    {HEADER "frame_drop@38(f0)\n", 3, 12, "byte 38 means dyn_meta_ptr"},
    {HEADER_2 "frame_drop@38(f0)\n", 3, 12, "byte 38 means list_new"},
    {HEADER_2 "frame_drop@45(f0)\n", 3, 12, "byte 45 means list_cursor_front_mut"},
    {HEADER_2 "list_mew()\n", 3, 1, "there is no operation `list_mew`; did you mean `list_new`?"},
    {HEADER_2 "list_new\n", 3, 9, "expected `(`"},
    {HEADER_2 "list_new(\n", 3, 10, "expected `)`"},
    {HEADER_2 "list_new(l0)\n", 3, 10, "expected `)`"},
    {HEADER_2 "list_drop()\n", 3, 11, "expected a linked list: lN"},
    {HEADER_2 "list_drop(c0)\n", 3, 11, "expected a linked list: lN"},
    {HEADER_2 "list_drop(l)\n", 3, 12, "expected a number"},
    {HEADER_2 "list_drop(l256)\n", 3, 12, "the number must be 0 to 255 here"},
    {HEADER_2 "cursor_move_next(l0)\n", 3, 18, "expected a cursor: cN"},
    {HEADER_2 "cursor_move_next(c256)\n", 3, 19, "the number must be 0 to 255 here"},
    {HEADER_2 "segment_drop(s0)\n", 3, 14, "expected a segment: segN"},
    {HEADER_2 "segment_drop(seg256)\n", 3, 17, "the number must be 0 to 255 here"},
    {HEADER_2 "frame_unmap(m0)\n", 3, 13, "expected a mapping: mapN"},
    {HEADER_2 "frame_unmap(map256)\n", 3, 16, "the number must be 0 to 255 here"},
    {HEADER_2 "segment_split(seg0, 64)\n", 3, 21, "the number must be 0 to 63 here"},
    {HEADER_2 "segment_split(seg0, 11+1)\n", 3, 21, "the number must be 0 to 10 here"},
    {HEADER_2 "segment_split(seg0, 0+3)\n", 3, 23, "the distance must be a power of two"},
    {HEADER_2 "segment_split(seg0, 10+4096)\n", 3, 24, "the number must be 1 to 2048 here"},
    {HEADER_2 "segment_split(seg0, 0+0)\n", 3, 23, "the number must be 1 to 2048 here"},
    {HEADER_2 "segment_split(seg0, 0+)\n", 3, 23, "expected a number"},
    {HEADER_2 "segment_split(seg0, 1-1)\n", 3, 22, "expected `)`"},
    {HEADER_2 "segment_split(seg0, -)\n", 3, 22, "expected a number"},
    {HEADER_2 "segment_split(seg0, -0)\n", 3, 22, "the number must be 1 to 60 here"},
    {HEADER_2 "segment_split(seg0, -61)\n", 3, 22, "the number must be 1 to 60 here"},
    {HEADER_2 "segment_split(seg0, +1)\n", 3, 21, "expected a length: pages N, N+D or -N"},
    {HEADER_2 "segment_split(seg0, p1)\n", 3, 21, "expected a length: pages N, N+D or -N"},
    {HEADER_2 "segment_split(seg0, )\n", 3, 21, "expected a length: pages N, N+D or -N"},
    {HEADER_2 "segment_split(seg0,\n", 3, 20, "expected a length: pages N, N+D or -N"},
    {HEADER_2 "frame_try_from(f0, page)\n", 3, 20,
     "expected a type: empty, untyped, link, node or probe"},
    {HEADER_2 "frame_try_from(f0, 2)\n", 3, 20,
     "expected a type: empty, untyped, link, node or probe"},
    {HEADER_2 "frame_try_from(f0, link()\n", 3, 25, "expected a number"},
    {HEADER_2 "frame_try_from(f0, link(51))\n", 3, 25, "the number must be 0 to 50 here"},
    {HEADER_2 "frame_try_from(f0, empty(52))\n", 3, 26, "the number must be 0 to 51 here"},
    {HEADER_2 "frame_map(f0, x)\n", 3, 15, "expected a path: a number"},
    {HEADER_2 "frame_map(f0, 256)\n", 3, 15, "the number must be 0 to 255 here"},
    {HEADER_2 "memory_range(s0, 1, frame)\n", 3, 21,
     "expected a usage: reserved, kernel, meta or mmio"},
    {HEADER_2 "memory_range(s0, 1, mmio(64))\n", 3, 26, "the number must be 0 to 63 here"},
    {HEADER_2 "memory_range(s0, 1, reserved(64))\n", 3, 30, "the number must be 0 to 63 here"},
    {HEADER_2 "setup_list_id(s0)\n", 3, 15, "expected a count: N, MAX, MAX-N, MAX+N or UNIQUE-N"},
};

static void assert_is_no_program(struct program *program, const char *text, size_t size,
                                 unsigned line, unsigned column, const char *message)
{
    struct program_error error = {0};
    /* In memory of just its size, where a sanitizer sees reads past the end. */
    char *copy = malloc(size + (size == 0));
    assert_non_null(copy);
    memcpy(copy, text, size);
    if (program_parse(program, copy, size, &error))
        fail_msg("taken for a program: %s", text);
    free(copy);
    if (error.line != line || error.column != column || strcmp(error.message, message) != 0)
        fail_msg("line %u, column %u: %s\nexpected line %u, column %u: %s\nfor: %s", error.line,
                 error.column, error.message, line, column, message, text);
    assert_int_equal(program->nr_ops, 0);
    assert_int_equal(program->tail_size, 0);
    assert_int_equal(program_slots(program), 16);
    assert_int_equal(program_encoded_size(program), 2);
}

static void test_what_is_wrong_with_a_text_is_said(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    for (size_t i = 0; i < COUNT_OF(ERRORS); i++)
        assert_is_no_program(&program, ERRORS[i].text, strlen(ERRORS[i].text), ERRORS[i].line,
                             ERRORS[i].column, ERRORS[i].message);
    program_free(&program);
}

/* A text of format 1 means what it meant when there were no others. */
static void test_format_1_has_no_operations_of_format_2(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    for (enum op op = 0; op < NR_OPS; op++) {
        char text[128], message[160];
        snprintf(text, sizeof(text), HEADER "get_slot(p0)\n %s()\n", OPS[op].name);
        snprintf(message, sizeof(message), "%s is an operation of format 2; this text has format 1",
                 OPS[op].name);
        if (OPS[op].since > 1)
            assert_is_no_program(&program, text, strlen(text), 4, 2, message);
    }
    program_free(&program);
}

static void test_nul_bytes_are_refused(void **state)
{
    (void)state;
    static const char IN_CODE[] = HEADER "frame_drop(\0f0)\n";
    static const char IN_COMMENT[] = HEADER "frame_drop(f0) # \0\n";
    static const char AT_THE_END[] = HEADER "frame_drop(f0)\n\0";
    static const char MESSAGE[] = "a text has no NUL bytes";
    struct program program;
    program_init(&program);
    assert_is_no_program(&program, IN_CODE, sizeof(IN_CODE) - 1, 3, 12, MESSAGE);
    assert_is_no_program(&program, IN_COMMENT, sizeof(IN_COMMENT) - 1, 3, 18, MESSAGE);
    assert_is_no_program(&program, AT_THE_END, sizeof(AT_THE_END) - 1, 4, 1, MESSAGE);
    program_free(&program);
}

/* Whatever a text is, it is a program or an error with a place inside it. */
static void test_damaged_texts(void **state)
{
    (void)state;
    static const char ALPHABET[] = "()@,#+- \n\r\t0129xpfsulcegmMAX_\x80";
    struct program program;
    program_init(&program);
    uint64_t random = 3;
    for (unsigned i = 0; i < 50000; i++) {
        char text[128];
        bool is_first = draw(&random) % 2 == 0;
        uint64_t number = draw(&random);
        const char *call = is_first ? GOLDEN[number % COUNT_OF(GOLDEN)].text
                                    : GOLDEN_2[number % COUNT_OF(GOLDEN_2)].text;
        int size = snprintf(text, sizeof(text), "%s%s\n", is_first ? HEADER : HEADER_2, call);
        for (uint64_t damage = draw(&random) % 3 + 1; damage > 0; damage--)
            text[draw(&random) % (unsigned)size] = ALPHABET[draw(&random) % (sizeof(ALPHABET) - 1)];
        struct program_error error = {0};
        if (program_parse(&program, text, (size_t)size, &error))
            continue;
        assert_in_range(error.line, 1, 3 + 4);
        assert_in_range(error.column, 1, (unsigned)size + 1);
        assert_true(error.message[0] != '\0');
    }
    program_free(&program);
}

/* --- what operands mean ---------------------------------------------------------------------- */

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        uint16_t operand;
        uint64_t paddr; /* in a region of 10 slots */
    } ADDRESSES[] = {
        {0, 0},
        {9, 9 * 4096},
        {10, 0},
        {0xbfff, 1 * 4096},
        {0xc000, 10 * 4096},
        {0xcfff, (10 + 4095) * 4096},
        {0xd000, 1},
        {0xd000 + 11, 2048},
        {0xd000 + 12 * 9 + 3, 9 * 4096 + 8},
        {0xd000 + 12 * 10, 1},
        {0xdfff, 1 * 4096 + 8},
        {0xe000, 10 * 4096 + 1},
        {0xe000 + 12 * 2 + 6, 12 * 4096 + 64},
        {0xefff, (10 + 341) * 4096 + 8},
        {0xf000, UINT64_MAX - 4095},
        {0xf001, UINT64_MAX - 8191},
        {0xffff, UINT64_MAX - UINT64_C(4096) * 4096 + 1},
    };
    for (size_t i = 0; i < COUNT_OF(ADDRESSES); i++)
        assert_int_equal(operand_paddr(ADDRESSES[i].operand, 10), ADDRESSES[i].paddr);
    assert_int_equal(operand_paddr(0xbfff, 1), 0);
    assert_int_equal(operand_paddr(0xbfff, UINT64_C(1) << 34), UINT64_C(0xbfff) * 4096);
    assert_int_equal(operand_paddr(0xc001, UINT64_C(1) << 34), (UINT64_C(1) << 46) + 4096);
}

static void test_counts_and_levels(void **state)
{
    (void)state;
    const uint64_t max = UINT64_MAX / 2, unique = UINT64_MAX - 1;
    assert_int_equal(operand_count(0), 0);
    assert_int_equal(operand_count(63), 63);
    assert_int_equal(operand_count(64), max);
    assert_int_equal(operand_count(65), max - 1);
    assert_int_equal(operand_count(127), max - 63);
    assert_int_equal(operand_count(128), max + 1);
    assert_int_equal(operand_count(191), max + 64);
    assert_int_equal(operand_count(192), unique - 1);
    assert_int_equal(operand_count(255), unique - 64);
    for (uint16_t i = 0; i <= UINT8_MAX; i++) {
        assert_in_range(operand_level(i), 1, 4);
        assert_int_equal(operand_level(i) % 4, i % 4);
    }
}

static void test_lengths(void **state)
{
    (void)state;
    static const struct {
        uint16_t operand;
        uint64_t length;
    } LENGTHS[] = {
        {0, 0},
        {1, 4096},
        {63, 63 * 4096},
        {64, 1},
        {75, 2048},
        {76, 4096 + 1},
        {184, 10 * 4096 + 1},
        {195, 10 * 4096 + 2048},
        {196, UINT64_MAX - 4095},
        {255, UINT64_MAX - 60 * 4096 + 1},
    };
    for (size_t i = 0; i < COUNT_OF(LENGTHS); i++)
        assert_int_equal(operand_length(LENGTHS[i].operand), LENGTHS[i].length);
}

static void test_types_paths_and_usages(void **state)
{
    (void)state;
    static const uint64_t TYPES[] = {SPEC_METADATA_EMPTY, SPEC_METADATA_UNTYPED,
                                     SPEC_METADATA_FRAME_LINK, SPEC_METADATA_PT_NODE,
                                     SPEC_METADATA_PROBE};
    static const uint64_t USAGES[] = {SPEC_USAGE_RESERVED, SPEC_USAGE_KERNEL, SPEC_USAGE_META,
                                      SPEC_USAGE_MMIO};
    for (uint16_t i = 0; i <= UINT8_MAX; i++) {
        assert_int_equal(operand_type(i), TYPES[i % 5]);
        assert_int_equal(operand_path(i), i % 64);
        assert_int_equal(operand_usage(i), USAGES[i % 4]);
    }
}

static void assert_metadata(const struct meta_slot_storage *metadata, uint64_t type,
                            const uint64_t word[5])
{
    assert_int_equal(metadata->type, type);
    assert_memory_equal(metadata->word, word, sizeof(metadata->word));
}

static void test_metadata_types(void **state)
{
    (void)state;
    const uint64_t base = SPEC_FRAME_METADATA_RANGE_START;
    static const uint64_t ZEROS[5] = {0};
    struct meta_slot_storage metadata = operand_metadata(5 * 13 + 4, 10);
    assert_metadata(&metadata, SPEC_METADATA_PROBE, (const uint64_t[5]){13});
    metadata = operand_metadata(5 * 77 + 1, 10);
    assert_metadata(&metadata, SPEC_METADATA_UNTYPED, ZEROS);

    metadata = operand_metadata(5 * 1027 + 3, 10);
    assert_metadata(&metadata, SPEC_METADATA_PT_NODE, (const uint64_t[5]){1, 0, 4, 3});
    metadata = operand_metadata(5 * 1025 + 3, 10);
    assert_metadata(&metadata, SPEC_METADATA_PT_NODE, (const uint64_t[5]){512, 1, 2, 1});

    metadata = operand_metadata(5 * 0 + 2, 10);
    assert_metadata(&metadata, SPEC_METADATA_FRAME_LINK, ZEROS);
    metadata = operand_metadata(5 * 1 + 2, 10);
    assert_metadata(&metadata, SPEC_METADATA_FRAME_LINK, (const uint64_t[5]){1, base, 0, 0, 1});
    metadata = operand_metadata(5 * (3 + 4 * 13 + 64 * 25) + 2, 10);
    assert_metadata(&metadata, SPEC_METADATA_FRAME_LINK,
                    (const uint64_t[5]){1, base + 64 * 3, 1, base + 64 * 5, 1655});
    metadata = operand_metadata(5 * (1 + 4 * 13) + 2, 10);
    assert_metadata(&metadata, SPEC_METADATA_FRAME_LINK,
                    (const uint64_t[5]){1, base + 64 * 3, 0, 0, 53});
    metadata = operand_metadata(5 * (2 + 64 * 13) + 2, 100);
    assert_metadata(&metadata, SPEC_METADATA_FRAME_LINK,
                    (const uint64_t[5]){0, 0, 1, base + 64 * 13, 834});
}

static void test_empty_metadata(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct meta_slot_storage metadata = metadata_from_seed(SPEC_METADATA_EMPTY, seed, 10);
        assert_int_equal(metadata.type, SPEC_METADATA_EMPTY);
        for (unsigned i = 0; i < 40; i++) {
            uint8_t byte = (uint8_t)(metadata.empty.bytes[i / 8] >> (8 * (i % 8)));
            assert_int_equal(byte, i == 39 ? 0 : (uint8_t)(seed + 37 * i));
        }
    }
}

/* Whatever the seed, the values are ones that their type can have. */
static void test_metadata_is_within_its_type(void **state)
{
    (void)state;
    for (uint32_t operand = 0; operand <= UINT16_MAX; operand++) {
        struct meta_slot_storage metadata = operand_metadata((uint16_t)operand, 7);
        assert_int_equal(metadata.type, operand % 5);
        if (metadata.type == SPEC_METADATA_PT_NODE) {
            assert_true(metadata.pt_node.nr_children <= 512);
            assert_true(metadata.pt_node.stray <= 1);
            assert_in_range(metadata.pt_node.level, 1, 4);
            assert_true(metadata.pt_node.lock <= 255);
            assert_int_equal(metadata.pt_node.zero, 0);
        } else if (metadata.type == SPEC_METADATA_FRAME_LINK) {
            uint64_t next = metadata.frame_link.next, prev = metadata.frame_link.prev;
            assert_true(metadata.frame_link.next_is_some ? next >= meta_addr(0) : next == 0);
            assert_true(metadata.frame_link.prev_is_some ? prev >= meta_addr(0) : prev == 0);
            assert_true(next <= meta_addr(6) && prev <= meta_addr(6));
        }
    }
}

/* --- random programs -------------------------------------------------------------------------- */

enum { DRAWN_OPS = 40 };

static void generate(struct program *program, uint64_t seed)
{
    struct random random = {.state = seed};
    assert_true(program_generate(program, &random, DRAWN_OPS));
    assert_int_equal(program->nr_ops, DRAWN_OPS);
}

/* FNV-1a over the bytes. */
static uint64_t hash_of(const struct program *program, uint64_t hash)
{
    uint8_t bytes[4096];
    size_t size = program_encoded_size(program);
    assert_true(size <= sizeof(bytes));
    program_encode(program, bytes);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* The same seed means the same program on every machine; the numbers are those of this one. */
static void test_seeds_mean_programs(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    for (uint8_t format = 1; format <= PROGRAM_FORMAT; format++) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);
        program.format_byte = format;
        for (uint64_t seed = 0; seed < 100; seed++) {
            generate(&program, seed);
            hash = hash_of(&program, hash);
        }
        assert_int_equal(hash,
                         format == 1 ? UINT64_C(0xfc181fec1658c259) : UINT64_C(0xd2f35d7893052b9e));
    }
    program_free(&program);
}

/* How often things are drawn in a number of programs. */
struct draws {
    unsigned of[NR_OPS];
    unsigned setups_at_once, setups_later;
    unsigned metadata, free_links;
};

static void count_operation(const struct operation *operation, bool *is_beginning,
                            struct draws *draws)
{
    const struct op_info *info = &OPS[operation->op];
    draws->of[operation->op]++;
    *is_beginning = *is_beginning && op_is_setup((enum op)operation->op);
    draws->setups_at_once += *is_beginning;
    draws->setups_later += op_is_setup((enum op)operation->op) && !*is_beginning;
    for (unsigned i = 0; i < PROGRAM_MAX_OPERANDS; i++) {
        uint64_t seed = operation->operand[i] / META_NR_TYPES;
        uint64_t type = operation->operand[i] % META_NR_TYPES;
        assert_true(operation->operand[i] < 1u << OPERAND_BITS[operation->op][i]);
        draws->metadata += info->operand[i] == OPERAND_META;
        draws->free_links +=
            info->operand[i] == OPERAND_META && type == SPEC_METADATA_FRAME_LINK && seed % 4 == 0;
    }
}

static void count_draws(uint8_t format, struct draws *draws)
{
    struct program program;
    program_init(&program);
    program.format_byte = format;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        bool is_beginning = true;
        generate(&program, seed);
        for (size_t i = 0; i < program.nr_ops; i++)
            count_operation(&program.ops[i], &is_beginning, draws);
    }
    program_free(&program);
}

static void test_random_programs(void **state)
{
    (void)state;
    for (uint8_t format = 1; format <= PROGRAM_FORMAT; format++) {
        struct draws draws = {0};
        count_draws(format, &draws);
        for (enum op op = 0; op < NR_OPS; op++) {
            if ((draws.of[op] > 0) != (OPS[op].since <= format))
                fail_msg("format %u: %s drawn %u times", format, OPS[op].name, draws.of[op]);
        }
        assert_in_range(draws.setups_at_once, 200, 1500);
        assert_in_range(draws.setups_later, 1, 200);
        assert_true(2 * draws.free_links > draws.metadata);
    }
}

/* --- the corpus ------------------------------------------------------------------------------ */

/* How operations can end that have more ways to end than Ok: bits of enum spec_result. */
enum {
    NO_SLOT = 1 << SPEC_NOT_ALIGNED | 1 << SPEC_OUT_OF_BOUND,
    NOT_CLAIMED = NO_SLOT | 1 << SPEC_IN_USE | 1 << SPEC_BUSY | 1 << SPEC_UNIQUE,
    NOT_FOUND = NO_SLOT | 1 << SPEC_UNUSED | 1 << SPEC_BUSY | 1 << SPEC_UNIQUE | 1 << SPEC_PANIC,
};

static const unsigned OTHER_RESULTS[NR_OPS] = {
    [OP_get_slot] = NO_SLOT,
    [OP_get_from_unused] = NOT_CLAIMED,
    [OP_frame_from_unused] = NOT_CLAIMED,
    [OP_unique_frame_from_unused] = NOT_CLAIMED,
    [OP_page_table_node_alloc] = NOT_CLAIMED,
    [OP_get_from_in_use] = NOT_FOUND,
    [OP_frame_from_in_use] = NOT_FOUND,
    [OP_inc_ref_count] = 1 << SPEC_PANIC,
    [OP_frame_clone] = 1 << SPEC_PANIC,
    [OP_unique_frame_try_from] = 1 << SPEC_RETURNED,
    [OP_frame_try_from] = 1 << SPEC_RETURNED,
    [OP_list_push_front] = 1 << SPEC_PANIC,
    [OP_list_push_back] = 1 << SPEC_PANIC,
    [OP_list_pop_front] = 1 << SPEC_NONE,
    [OP_list_pop_back] = 1 << SPEC_NONE,
    [OP_list_contains] = 1 << SPEC_PANIC,
    [OP_list_cursor_mut_at] = 1 << SPEC_PANIC | 1 << SPEC_NONE,
    [OP_cursor_insert_before] = 1 << SPEC_PANIC,
    [OP_cursor_take_current] = 1 << SPEC_NONE,
    [OP_segment_from_unused] = NOT_CLAIMED | 1 << SPEC_PANIC,
    [OP_segment_clone] = 1 << SPEC_PANIC,
    [OP_segment_slice] = 1 << SPEC_PANIC,
    [OP_segment_split] = 1 << SPEC_PANIC,
    [OP_segment_next] = 1 << SPEC_NONE,
};

struct text_file {
    char name[PATH_MAX];
    char *text;
    size_t size;
};

static void read_file(struct text_file *file)
{
    FILE *in = fopen(file->name, "rb");
    assert_non_null(in);
    assert_int_equal(fseek(in, 0, SEEK_END), 0);
    file->size = (size_t)ftell(in);
    rewind(in);
    file->text = malloc(file->size + 1);
    assert_non_null(file->text);
    assert_int_equal(fread(file->text, 1, file->size, in), file->size);
    file->text[file->size] = '\0';
    fclose(in);
}

static bool is_kebab_case_txt(const char *name)
{
    size_t stem = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return stem > 0 && islower((unsigned char)name[0]) && strstr(name, "--") == NULL &&
           name[stem - 1] != '-' && strcmp(name + stem, ".txt") == 0;
}

static const char *outcome_of(const struct trace *trace, uint64_t step)
{
    if (step >= trace->nr_steps)
        return "not reached";
    switch ((enum step_status)trace->steps[step].status) {
    case STEP_EXECUTED:
        return result_name((enum spec_result)trace->steps[step].result);
    case STEP_SKIPPED_PRECONDITION:
    case STEP_SKIPPED_NO_HANDLE:
    case STEP_SKIPPED_NOT_OFFERED:
        return "skipped";
    case STEP_NOT_REACHED:
    case STEP_STARTED:
    case NR_STEP_STATUS:
        break;
    }
    return "not finished";
}

/* The outcome that a comment begins with; Ok if none. */
static const char *announced_outcome(const char *comment)
{
    static const char *const OTHERS[] = {"skipped", "not reached"};
    comment += strspn(comment, " ");
    for (enum spec_result result = SPEC_OK; result <= SPEC_NONE; result++) {
        if (strncmp(comment, result_name(result), strlen(result_name(result))) == 0)
            return result_name(result);
    }
    for (size_t i = 0; i < COUNT_OF(OTHERS); i++) {
        if (strncmp(comment, OTHERS[i], strlen(OTHERS[i])) == 0)
            return OTHERS[i];
    }
    return result_name(SPEC_OK);
}

/* Every operation ends as its line says. Takes the text apart. */
static void check_announced_outcomes(struct text_file *file, const struct trace *trace)
{
    uint64_t step = 0;
    char *rest = NULL;
    for (char *line = strtok_r(file->text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *comment = strchr(line, '#');
        if (line[strcspn(line, "(#")] != '(')
            continue;
        const char *announced = comment == NULL ? "Ok" : announced_outcome(comment + 1);
        if (strcmp(outcome_of(trace, step), announced) != 0)
            fail_msg("%s: %s\n: this is %s", file->name, line, outcome_of(trace, step));
        step++;
    }
}

/* What a file of the corpus has to be: a text that begins with a comment, and in agreement. */
static void check_corpus_file(struct text_file *file, struct lockstep *lockstep)
{
    struct program program;
    struct program_error error;
    program_init(&program);
    if (file->text[0] != '#')
        fail_msg("%s: the first line is not a comment", file->name);
    if (!program_parse(&program, file->text, file->size, &error))
        fail_msg("%s:%u:%u: %s", file->name, error.line, error.column, error.message);
    size_t size = program_encoded_size(&program);
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    program_encode(&program, bytes);
    assert_round_trips(&program, bytes, size);
    free(bytes);

    struct trace *trace = trace_create(program.nr_ops);
    assert_non_null(trace);
    if (!lockstep_run(lockstep, &program, trace))
        fail_msg("%s: %s", file->name, lockstep_error(lockstep));
    if (trace->divergence.kind != FINDING_NONE)
        fail_msg("%s: %s", file->name, finding_kind_name(trace->divergence.kind));
    check_announced_outcomes(file, trace);
    trace_destroy(trace);
    program_free(&program);
}

/* How many files there are; none in a folder that nobody needed yet. */
static unsigned check_corpus_folder(const char *folder, struct lockstep_stats *stats)
{
    char error[160];
    struct lockstep *lockstep =
        lockstep_create(slotcheck_builtin_subject(), stats, error, sizeof(error));
    assert_non_null(lockstep);
    unsigned nr_files = 0;
    DIR *dir = opendir(folder);
    for (const struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        if (!is_kebab_case_txt(entry->d_name))
            fail_msg("%s/%s: not named like-this.txt", folder, entry->d_name);
        struct text_file file;
        snprintf(file.name, sizeof(file.name), "%s/%s", folder, entry->d_name);
        read_file(&file);
        check_corpus_file(&file, lockstep);
        free(file.text);
        nr_files++;
    }
    if (dir != NULL)
        closedir(dir);
    lockstep_destroy(lockstep);
    return nr_files;
}

/* The seeds are well-formed, and together they show every operation with every way it can end. */
static void test_seeds(void **state)
{
    (void)state;
    static struct lockstep_stats stats;
    assert_true(check_corpus_folder(SLOTCHECK_SEEDS, &stats) >= 45);
    for (enum op op = 0; op < NR_OPS; op++) {
        unsigned results = 1u << SPEC_OK | OTHER_RESULTS[op];
        for (enum spec_result result = SPEC_OK; result <= SPEC_NONE; result++) {
            if ((stats.executed[op][result] > 0) != ((results >> result & 1) != 0))
                fail_msg("%s ends %" PRIu64 " times as %s", OPS[op].name,
                         stats.executed[op][result], result_name(result));
        }
    }
}

static const char *regressions = SLOTCHECK_SEEDS "/../regressions";

static void test_regressions(void **state)
{
    (void)state;
    static struct lockstep_stats stats;
    check_corpus_folder(regressions, &stats);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest ONLY_REGRESSIONS[] = {cmocka_unit_test(test_regressions)};
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_golden_encodings),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_missing_header_reads_as_default),
        cmocka_unit_test(test_every_format_byte),
        cmocka_unit_test(test_later_formats_keep_the_header),
        cmocka_unit_test(test_random_strings_round_trip),
        cmocka_unit_test(test_every_prefix_decodes),
        cmocka_unit_test(test_every_operand_value_round_trips),
        cmocka_unit_test(test_every_operation_round_trips),
        cmocka_unit_test(test_operands_are_told_apart),
        cmocka_unit_test(test_every_operation_has_text_and_bytes),
        cmocka_unit_test(test_formats_know_their_operations),
        cmocka_unit_test(test_opcodes_of_both_formats),
        cmocka_unit_test(test_setups),
        cmocka_unit_test(test_handles_taken_and_made),
        cmocka_unit_test(test_table_of_operations),
        cmocka_unit_test(test_memory_is_used_again),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_texts_are_told_from_bytes),
        cmocka_unit_test(test_text_may_be_laid_out_freely),
        cmocka_unit_test(test_longest_line),
        cmocka_unit_test(test_what_is_wrong_with_a_text_is_said),
        cmocka_unit_test(test_format_1_has_no_operations_of_format_2),
        cmocka_unit_test(test_nul_bytes_are_refused),
        cmocka_unit_test(test_damaged_texts),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_counts_and_levels),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_types_paths_and_usages),
        cmocka_unit_test(test_metadata_types),
        cmocka_unit_test(test_empty_metadata),
        cmocka_unit_test(test_metadata_is_within_its_type),
        cmocka_unit_test(test_seeds_mean_programs),
        cmocka_unit_test(test_random_programs),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_regressions),
    };
    if (argc > 1) {
        regressions = argv[1];
        return cmocka_run_group_tests(ONLY_REGRESSIONS, NULL, NULL);
    }
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
