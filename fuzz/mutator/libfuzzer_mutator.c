/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The mutator as libFuzzer calls it, and engines that take its interface. What the engine itself does
 * to bytes stays in the mix: it comes to headers, tails and opcodes that no program has.
 */
#include "mutator.h"

#include <string.h>

enum { ENGINE_ONE_IN = 8 };

/* The engine's own; missing in programs without one. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) __attribute__((weak));

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data, size_t size, const uint8_t *other,
                                 size_t other_size, uint8_t *out, size_t max_size, unsigned seed);

static struct mutator *mutator_with(unsigned seed)
{
    static struct mutator mutator;
    static bool ready;

    if (!ready)
        mutator_init(&mutator, seed);
    ready = true;
    mutator.random.state = seed;
    return &mutator;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct mutator *mutator = mutator_with(seed);

    if (LLVMFuzzerMutate != NULL && random_next(&mutator->random) % ENGINE_ONE_IN == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    return mutator_mutate(mutator, data, size, data, max_size);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data, size_t size, const uint8_t *other,
                                 size_t other_size, uint8_t *out, size_t max_size, unsigned seed)
{
    return mutator_cross_over(mutator_with(seed), data, size, other, other_size, out, max_size);
}
