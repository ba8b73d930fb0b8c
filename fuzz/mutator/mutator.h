/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Mutations of programs, operation by operation: what an engine does to bytes mostly shifts the
 * operations behind them into other ones. The two functions are the core of what libFuzzer and AFL++
 * call; which engine it is they do not know.
 *
 * The same seed and input give the same output on every machine. Not thread safe.
 */
#pragma once

#include "slotcheck/generate.h"

struct mutator {
    struct random random;
    /* Kept from call to call for their memory. */
    struct program program, other;
    struct operation *copied;
    size_t copied_capacity;
};

void mutator_init(struct mutator *mutator, uint64_t seed);
void mutator_free(struct mutator *mutator);

/*
 * Writes to `out`, which may be `bytes`, a mutation of the program in `bytes`, of at most `max_size`
 * bytes; its size. Bytes that are no program of a known format become one. 0 if there is no memory.
 */
size_t mutator_mutate(struct mutator *mutator, const uint8_t *bytes, size_t size, uint8_t *out,
                      size_t max_size);

/* The same for a program made of parts of two. */
size_t mutator_cross_over(struct mutator *mutator, const uint8_t *bytes, size_t size,
                          const uint8_t *other, size_t other_size, uint8_t *out, size_t max_size);
