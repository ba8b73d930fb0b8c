/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Every access to a live slot, and nothing else.
 *
 * The atomic functions carry their memory order in their name; a compare-and-swap names the order
 * of success first, then that of failure. The nonatomic functions are the plain accesses to
 * `storage` and `vtable_ptr`, which are only sound under exclusive access or a happens-before edge.
 *
 * This is the native binding, and the only file that includes <stdatomic.h>. The same sources
 * compile against any other file of this name that stands earlier on the include path and provides
 * the same type and functions; that is how a scheduler gets between two accesses. So nothing in the
 * library reads or writes a live slot by any other means.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct meta_vtable;

/* A 64-bit atomic cell of a slot: `ref_count`, `in_list`. */
typedef _Atomic(uint64_t) atomic_u64;

static inline uint64_t atomic_load_relaxed(const atomic_u64 *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

static inline void atomic_store_relaxed(atomic_u64 *cell, uint64_t value)
{
    atomic_store_explicit(cell, value, memory_order_relaxed);
}

static inline void atomic_store_release(atomic_u64 *cell, uint64_t value)
{
    atomic_store_explicit(cell, value, memory_order_release);
}

/* True if `*expected` was replaced by `desired`; else `*expected` is what was there instead. */
static inline bool atomic_cas_acquire_relaxed(atomic_u64 *cell, uint64_t *expected,
                                              uint64_t desired)
{
    return atomic_compare_exchange_strong_explicit(cell, expected, desired, memory_order_acquire,
                                                   memory_order_relaxed);
}

/* The same, but may fail although `*expected` is there. */
static inline bool atomic_cas_weak_acquire_relaxed(atomic_u64 *cell, uint64_t *expected,
                                                   uint64_t desired)
{
    return atomic_compare_exchange_weak_explicit(cell, expected, desired, memory_order_acquire,
                                                 memory_order_relaxed);
}

#ifdef METASLOT_UPSTREAM_ORDERS
/* Orders nothing; only UniqueFrame::try_from with upstream's orders uses it. */
static inline bool atomic_cas_relaxed_relaxed(atomic_u64 *cell, uint64_t *expected,
                                              uint64_t desired)
{
    return atomic_compare_exchange_strong_explicit(cell, expected, desired, memory_order_relaxed,
                                                   memory_order_relaxed);
}
#endif

/* Returns the value before the addition. */
static inline uint64_t atomic_fetch_add_relaxed(atomic_u64 *cell, uint64_t value)
{
    return atomic_fetch_add_explicit(cell, value, memory_order_relaxed);
}

/* Returns the value before the subtraction. */
static inline uint64_t atomic_fetch_sub_release(atomic_u64 *cell, uint64_t value)
{
    return atomic_fetch_sub_explicit(cell, value, memory_order_release);
}

#if defined(__SANITIZE_THREAD__)
#define METASLOT_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define METASLOT_TSAN
#endif
#endif

/*
 * An acquire fence after a read of `cell`, which it makes an acquire.
 *
 * TSan does not model fences and reports the correct last drop as a race. Under TSan this is an
 * acquire load of the cell, which orders no more than the fence does; a missing or misplaced fence
 * is thus nothing that TSan can find here.
 */
static inline void atomic_fence_acquire(const atomic_u64 *cell)
{
#ifdef METASLOT_TSAN
    (void)atomic_load_explicit(cell, memory_order_acquire);
#else
    (void)cell;
    atomic_thread_fence(memory_order_acquire);
#endif
}

/* Called between two attempts of a loop that waits for no one but may be overtaken. */
static inline void atomic_spin_hint(void)
{
    /* unreachable: nobody overtakes a single thread */
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

/* Writes an object of `size` bytes to a slot's storage, or a part of it to its place there. */
static inline void nonatomic_copy_in(unsigned char *storage, const void *object, size_t size)
{
    /* An object without bytes may have no address either, and memcpy insists on one. */
    if (size != 0)
        memcpy(storage, object, size);
}

/* Reads an object of `size` bytes from a slot's storage, or a part of it from its place. */
static inline void nonatomic_copy_out(void *object, const unsigned char *storage, size_t size)
{
    if (size != 0)
        memcpy(object, storage, size);
}

static inline void nonatomic_store_vtable(const struct meta_vtable **vtable_ptr,
                                          const struct meta_vtable *vtable)
{
    *vtable_ptr = vtable;
}

static inline const struct meta_vtable *
nonatomic_load_vtable(const struct meta_vtable *const *vtable_ptr)
{
    return *vtable_ptr;
}
