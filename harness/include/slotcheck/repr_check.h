/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Repr<MetaSlot> of the implementation in `impl/` on arbitrary bytes: from_repr reads the slot and
 * nothing beside it, and what is wf round-trips.
 *
 * The slot stands at either end of a page between two pages that cannot be touched, so that reading
 * outside ends the process also without a sanitizer.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    /* Bytes of an input: which type the vtable pointer tells, then the slot's. */
    REPR_INPUT_SIZE = 1 + 64,
};

/*
 * Checks one slot. `data[0]` modulo 6 is the metadata type that the vtable pointer is made to tell,
 * 5: it is what the bytes say; missing bytes are 0. Null, or what is wrong, in a few words. Not
 * thread-safe.
 */
const char *repr_check(const uint8_t *data, size_t size);
