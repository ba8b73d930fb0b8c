/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The reader of program texts: any text is either refused with a place and a reason, or read as a
 * program that prints to a text with the same meaning.
 */
#include "round_trip.h"
#include "target.h"

/* Without a place and a reason nobody finds what is wrong in a file. */
static void check_error(const struct program *program, const struct program_error *error)
{
    if (error->line == 0 || error->column == 0 || error->message[0] == '\0')
        __builtin_trap();
    if (memchr(error->message, '\0', sizeof(error->message)) == NULL)
        __builtin_trap();
    if (program->nr_ops != 0)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct program program;
    struct program_error error = {0};
    program_init(&program);
    if (program_parse(&program, (const char *)data, size, &error)) {
        round_trip_text(&program);
        round_trip_decode(&program);
    } else {
        check_error(&program, &error);
    }
    program_free(&program);
    return 0;
}
