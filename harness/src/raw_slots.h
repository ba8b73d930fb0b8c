/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The raw bytes of a subject's slots: has anything changed since they were last copied?
 *
 * Uninitialised storage is poisoned under the sanitizers, and looking at it is no use of it: what
 * is read here only ever says "look again", so these functions are not instrumented.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies slots first..first+n of the region at address `slot0` to the same place in `shadow`. */
void raw_slots_copy(uint64_t *shadow, uint64_t slot0, uint64_t first, uint64_t n);

/* True if slots first..first+n of the region are the same as in `shadow`. */
bool raw_slots_equal(const uint64_t *shadow, uint64_t slot0, uint64_t first, uint64_t n);

/* A copy of a subject's bytes may be compared, also those that nobody may read as values. */
void raw_bytes_allow(void *bytes, size_t size);
