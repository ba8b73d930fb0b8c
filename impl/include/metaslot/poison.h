/* SPDX-License-Identifier: MPL-2.0 */
/*
 * "Uninit" made executable: in a checking build under ASan or MSan the bytes of a slot that the
 * specification calls uninitialised are poisoned, so that whoever reads them is reported.
 *
 * Poisoned are `storage` and `vtable_ptr` of a slot without metadata, the bytes of `storage` behind
 * a smaller object, and what lies between the last slot and the end of the region's memory. In
 * every other build these functions are empty.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "metaslot/layout.h"

#ifdef METASLOT_CHECKING
#if defined(__SANITIZE_ADDRESS__)
#define METASLOT_POISON_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define METASLOT_POISON_ASAN
#elif __has_feature(memory_sanitizer)
#define METASLOT_POISON_MSAN
#endif
#endif
#endif

#if defined(METASLOT_POISON_ASAN)
#include <sanitizer/asan_interface.h>
#elif defined(METASLOT_POISON_MSAN)
#include <sanitizer/msan_interface.h>
#endif

/* These bytes must not be read. */
static inline void poison_bytes(const void *bytes, size_t size)
{
#if defined(METASLOT_POISON_ASAN)
    __asan_poison_memory_region(bytes, size);
#elif defined(METASLOT_POISON_MSAN)
    __msan_poison(bytes, size);
#else
    (void)bytes, (void)size;
#endif
}

/* They may be again. */
static inline void unpoison_bytes(const void *bytes, size_t size)
{
#if defined(METASLOT_POISON_ASAN)
    __asan_unpoison_memory_region(bytes, size);
#elif defined(METASLOT_POISON_MSAN)
    __msan_unpoison(bytes, size);
#else
    (void)bytes, (void)size;
#endif
}

/* The metadata of a slot was dropped. */
static inline void poison_metadata(const struct meta_slot *slot)
{
    poison_bytes(slot->storage, sizeof(slot->storage));
    poison_bytes(&slot->vtable_ptr, sizeof(slot->vtable_ptr));
}

/*
 * An object of `size` bytes is about to be written to a slot. MSan sees the write by itself; ASan
 * has to be told, and before it.
 */
static inline void unpoison_metadata(const struct meta_slot *slot, size_t size)
{
    poison_bytes(slot->storage, sizeof(slot->storage));
#ifdef METASLOT_POISON_ASAN
    unpoison_bytes(slot->storage, size);
    unpoison_bytes(&slot->vtable_ptr, sizeof(slot->vtable_ptr));
#else
    (void)size;
#endif
}

/* True if the slot is known to have no metadata. Only ASan's poison can be asked. */
static inline bool poison_is_uninit(const struct meta_slot *slot)
{
    /* unreachable: only snapshots ask */
#ifdef METASLOT_POISON_ASAN
    return __asan_address_is_poisoned(&slot->vtable_ptr) != 0;
#else
    (void)slot;
    return false;
#endif
}

/* How many bytes of `storage` may be read. */
static inline size_t poison_readable(const struct meta_slot *slot)
{
    /* unreachable: only snapshots ask */
#ifdef METASLOT_POISON_ASAN
    const void *end = __asan_region_is_poisoned((void *)slot->storage, sizeof(slot->storage));

    return end == NULL ? sizeof(slot->storage)
                       : (size_t)((const unsigned char *)end - slot->storage);
#else
    return sizeof(slot->storage);
#endif
}
