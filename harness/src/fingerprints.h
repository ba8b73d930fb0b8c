/* SPDX-License-Identifier: MPL-2.0 */
/* A set of states, of each of which only a fingerprint is kept. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 127 bits of a hash: the lowest is always set, as all zero is a free place in the set. */
struct fingerprint {
    uint64_t low, high;
};

static inline bool fingerprint_equal(struct fingerprint a, struct fingerprint b)
{
    return a.low == b.low && a.high == b.high;
}

/* All zero is the empty set. */
struct fingerprints {
    struct fingerprint *table; /* hashed; all zero: free */
    uint64_t capacity;         /* a power of two, or 0 */
    uint64_t nr;
};

enum fingerprint_added { FINGERPRINT_NEW, FINGERPRINT_KNOWN, FINGERPRINT_NO_MEMORY };

struct fingerprint fingerprint_of(const void *bytes, size_t size);
/* Adds it, unless the set would need more than `max_bytes` for that. */
enum fingerprint_added fingerprints_add(struct fingerprints *set, struct fingerprint fingerprint,
                                        uint64_t max_bytes);
uint64_t fingerprints_bytes(const struct fingerprints *set);
void fingerprints_free(struct fingerprints *set);
