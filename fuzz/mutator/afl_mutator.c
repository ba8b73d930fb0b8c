/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The mutator as AFL++ calls it, a shared library for AFL_CUSTOM_MUTATOR_LIBRARY. It is meant for
 * AFL_CUSTOM_MUTATOR_ONLY=1, AFL_DISABLE_TRIM=1 and AFL_FAST_CAL=1: see fuzz/campaign/afl.py.
 */
#include "mutator.h"

#include <stdlib.h>

enum {
    TURN = 16,
    CROSS_OVER_ONE_IN = 4,
};

struct afl_mutator {
    struct mutator core;
    uint8_t *out;
    size_t capacity;
};

void *afl_custom_init(void *afl, unsigned seed);
void afl_custom_deinit(void *data);
uint32_t afl_custom_fuzz_count(void *data, const uint8_t *bytes, size_t size);
size_t afl_custom_fuzz(void *data, uint8_t *bytes, size_t size, uint8_t **out, uint8_t *other,
                       size_t other_size, size_t max_size);

void *afl_custom_init(void *afl, unsigned seed)
{
    struct afl_mutator *mutator = calloc(1, sizeof(*mutator));

    (void)afl;
    if (mutator != NULL)
        mutator_init(&mutator->core, seed);
    return mutator;
}

void afl_custom_deinit(void *data)
{
    struct afl_mutator *mutator = data;

    mutator_free(&mutator->core);
    free(mutator->out);
    free(mutator);
}

static bool reserve(struct afl_mutator *mutator, size_t size)
{
    if (size <= mutator->capacity)
        return true;
    uint8_t *grown = realloc(mutator->out, size);
    if (grown == NULL)
        return false;
    mutator->out = grown;
    mutator->capacity = size;
    return true;
}

/*
 * How often an input is mutated when its turn comes. AFL++ itself would take hundreds of mutations of
 * the bytes; of these each one is something else, and the inputs that they find are worth more.
 */
uint32_t afl_custom_fuzz_count(void *data, const uint8_t *bytes, size_t size)
{
    (void)data;
    (void)bytes;
    (void)size;
    return TURN;
}

/* `other` is another input of the queue, or null. 0: nothing to run this time. */
size_t afl_custom_fuzz(void *data, uint8_t *bytes, size_t size, uint8_t **out, uint8_t *other,
                       size_t other_size, size_t max_size)
{
    struct afl_mutator *mutator = data;
    struct mutator *core = &mutator->core;

    if (!reserve(mutator, max_size))
        return 0;
    *out = mutator->out;
    if (other != NULL && random_next(&core->random) % CROSS_OVER_ONE_IN == 0)
        return mutator_cross_over(core, bytes, size, other, other_size, *out, max_size);
    return mutator_mutate(core, bytes, size, *out, max_size);
}
