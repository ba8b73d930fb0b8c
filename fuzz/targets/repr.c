/* SPDX-License-Identifier: MPL-2.0 */
/* Repr<MetaSlot> on arbitrary slot bytes; repr_check.h says what must hold. */
#include "slotcheck/repr_check.h"

#include <stdio.h>

#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *wrong = repr_check(data, size);

    if (wrong != NULL) {
        fprintf(stderr, "slotcheck: %s\n", wrong);
        __builtin_trap();
    }
    /* Longer inputs say nothing more. */
    return size <= REPR_INPUT_SIZE ? 0 : -1;
}
