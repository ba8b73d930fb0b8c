/* SPDX-License-Identifier: MPL-2.0 */
#include "raw_slots.h"

enum {
    SLOT_WORDS = 8,
};

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
/* Volatile, or the compiler would make calls of memcpy of it, which are checked. */
typedef const volatile uint64_t raw_word;
#if defined(__clang__)
#define UNCHECKED __attribute__((no_sanitize("address", "memory")))
#else
#define UNCHECKED __attribute__((no_sanitize("address")))
#endif
#else
typedef const uint64_t raw_word;
#define UNCHECKED
#endif

UNCHECKED void raw_slots_copy(uint64_t *shadow, uint64_t slot0, uint64_t first, uint64_t n)
{
    raw_word *raw = (raw_word *)(uintptr_t)slot0;

    for (uint64_t i = first * SLOT_WORDS; i < (first + n) * SLOT_WORDS; i++)
        shadow[i] = raw[i];
}

UNCHECKED uint64_t raw_slots_differ(const uint64_t *shadow, uint64_t slot0, uint64_t first,
                                    uint64_t nr_slots)
{
    raw_word *raw = (raw_word *)(uintptr_t)slot0;

    for (uint64_t slot = first; slot < nr_slots; slot++) {
        uint64_t difference = 0;

        for (uint64_t i = slot * SLOT_WORDS; i < (slot + 1) * SLOT_WORDS; i++)
            difference |= shadow[i] ^ raw[i];
        if (difference)
            return slot;
    }
    return nr_slots;
}
