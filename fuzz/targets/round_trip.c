/* SPDX-License-Identifier: MPL-2.0 */
#include "round_trip.h"

#include <stdio.h>
#include <stdlib.h>

struct bytes {
    uint8_t *data;
    size_t size;
};

static struct bytes encoded(const struct program *program)
{
    struct bytes bytes = {.size = program_encoded_size(program)};
    bytes.data = malloc(bytes.size + 1);
    if (bytes.data == NULL)
        abort();
    program_encode(program, bytes.data);
    return bytes;
}

static void must_be_equal(struct bytes a, struct bytes b)
{
    if (a.size != b.size || memcmp(a.data, b.data, a.size) != 0)
        __builtin_trap();
}

void round_trip_bytes(const struct program *program, const uint8_t *bytes, size_t size)
{
    struct bytes again = encoded(program);
    if (again.size != size || (size != 0 && memcmp(again.data, bytes, size) != 0))
        __builtin_trap();
    free(again.data);
}

static void must_encode_equal(const struct program *a, const struct program *b)
{
    struct bytes a_bytes = encoded(a);
    struct bytes b_bytes = encoded(b);
    must_be_equal(a_bytes, b_bytes);
    free(a_bytes.data);
    free(b_bytes.data);
}

void round_trip_decode(const struct program *program)
{
    struct bytes bytes = encoded(program);
    struct program again;
    program_init(&again);
    if (!program_decode(&again, bytes.data, bytes.size))
        abort();
    must_encode_equal(program, &again);
    program_free(&again);
    free(bytes.data);
}

static char *printed(const struct program *program, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (out == NULL)
        abort();
    program_print(program, out);
    if (fclose(out) != 0)
        abort();
    return text;
}

void round_trip_text(const struct program *program)
{
    size_t size;
    char *text = printed(program, &size);
    struct program again;
    struct program_error error;
    program_init(&again);
    if (!program_parse(&again, text, size, &error)) {
        fprintf(stderr, "%s:%u:%u: %s\n", text, error.line, error.column, error.message);
        __builtin_trap();
    }
    must_encode_equal(program, &again);
    program_free(&again);
    free(text);
}
