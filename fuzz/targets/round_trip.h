/* SPDX-License-Identifier: MPL-2.0 */
/* The round trips of the program codec. Each ends in a trap if something was lost on the way. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "slotcheck/program.h"

/* Encoding `program` gives these bytes. */
void round_trip_bytes(const struct program *program, const uint8_t *bytes, size_t size);
/* Encoding and decoding gives the same program. */
void round_trip_decode(const struct program *program);
/* Printing and parsing gives the same program. */
void round_trip_text(const struct program *program);
