/* SPDX-License-Identifier: MPL-2.0 */
#include "fingerprints.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    FIRST_CAPACITY = 1 << 12,
};

struct fingerprint fingerprint_of(const void *bytes, size_t size)
{
    const XXH128_hash_t hash = XXH3_128bits(bytes, size);

    /* All zero means a free place; the bit is the price of telling it apart. */
    return (struct fingerprint){hash.low64 | 1, hash.high64};
}

static bool is_free(const struct fingerprint *place)
{
    return place->low == 0;
}

/* Where it is, or where it belongs. There is a free place. */
static struct fingerprint *find(const struct fingerprints *set, struct fingerprint fingerprint)
{
    uint64_t at = fingerprint.high & (set->capacity - 1);

    while (!is_free(&set->table[at]) && !fingerprint_equal(set->table[at], fingerprint))
        at = (at + 1) & (set->capacity - 1);
    return &set->table[at];
}

/* While it grows, both tables are there. */
static bool grow(struct fingerprints *set, uint64_t max_bytes)
{
    struct fingerprints grown = {.capacity = set->capacity ? 2 * set->capacity : FIRST_CAPACITY,
                                 .nr = set->nr};

    if ((set->capacity + grown.capacity) * sizeof(*set->table) > max_bytes)
        return false;
    grown.table = calloc(grown.capacity, sizeof(*grown.table));
    if (!grown.table)
        return false;
    for (uint64_t i = 0; i < set->capacity; i++)
        if (!is_free(&set->table[i]))
            *find(&grown, set->table[i]) = set->table[i];
    free(set->table);
    *set = grown;
    return true;
}

enum fingerprint_added fingerprints_add(struct fingerprints *set, struct fingerprint fingerprint,
                                        uint64_t max_bytes)
{
    if (set->nr >= set->capacity / 4 * 3 && !grow(set, max_bytes))
        return FINGERPRINT_NO_MEMORY;

    struct fingerprint *place = find(set, fingerprint);

    if (!is_free(place))
        return FINGERPRINT_KNOWN;
    *place = fingerprint;
    set->nr++;
    return FINGERPRINT_NEW;
}

uint64_t fingerprints_bytes(const struct fingerprints *set)
{
    return set->capacity * sizeof(*set->table);
}

void fingerprints_free(struct fingerprints *set)
{
    free(set->table);
    *set = (struct fingerprints){0};
}
