/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The reader of program bytes: whatever it is given, it loses nothing. Decoding and encoding gives
 * the same bytes, also by way of the text.
 */
#include <stdlib.h>

#include "round_trip.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct program program;
    program_init(&program);
    if (!program_decode(&program, data, size))
        abort();
    /* Of a later format only the header is known. */
    if (program_format(&program) <= PROGRAM_FORMAT) {
        round_trip_bytes(&program, data, size);
        round_trip_text(&program);
    }
    program_free(&program);
    return 0;
}
