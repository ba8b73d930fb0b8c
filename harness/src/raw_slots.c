/* SPDX-License-Identifier: MPL-2.0 */
#include "raw_slots.h"

#include <string.h>

enum {
    SLOT_WORDS = 8,
};

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#elif __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define SANITIZED        1
#define SANITIZED_MEMORY 1
#endif
#endif

/*
 * What a slot's bytes are is nobody's business here: also what the implementation has poisoned is
 * compared, as memory and not as values.
 */
#if !defined(SANITIZED)
#define UNCHECKED
#elif defined(__clang__)
#define UNCHECKED __attribute__((no_sanitize("address", "memory", "undefined")))
#else
#define UNCHECKED __attribute__((no_sanitize("address", "undefined")))
#endif

UNCHECKED void raw_slots_copy(uint64_t *shadow, uint64_t slot0, uint64_t first, uint64_t n)
{
    /* Volatile, or the compiler would make a call of memcpy of it, which is checked. */
    const volatile uint64_t *raw = (const volatile uint64_t *)(uintptr_t)slot0;

    for (uint64_t i = first * SLOT_WORDS; i < (first + n) * SLOT_WORDS; i++)
        shadow[i] = raw[i];
}

#if defined(SANITIZED) || defined(MEMCMP_IS_HOOKED)
UNCHECKED bool raw_slots_equal(const uint64_t *shadow, uint64_t slot0, uint64_t first, uint64_t n)
{
    const uint64_t *raw = (const uint64_t *)(uintptr_t)slot0;
    uint64_t difference = 0;

    for (uint64_t i = first * SLOT_WORDS; i < (first + n) * SLOT_WORDS; i++)
        difference |= shadow[i] ^ raw[i];
    return difference == 0;
}
#else
bool raw_slots_equal(const uint64_t *shadow, uint64_t slot0, uint64_t first, uint64_t n)
{
    const uint64_t *raw = (const uint64_t *)(uintptr_t)slot0;

    return memcmp(shadow + first * SLOT_WORDS, raw + first * SLOT_WORDS,
                  n * SLOT_WORDS * sizeof(*raw)) == 0;
}
#endif

void raw_bytes_allow(void *bytes, size_t size)
{
#if defined(SANITIZED_MEMORY)
    __msan_unpoison(bytes, size);
#else
    (void)bytes;
    (void)size;
#endif
}
