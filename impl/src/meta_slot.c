/* SPDX-License-Identifier: MPL-2.0 */
/* The ways in which an operation on a slot does not succeed. */
#include "metaslot/meta_slot.h"

#include <stdio.h>
#include <stdlib.h>

enum metaslot_result meta_slot_panic(const struct meta_region *region, const char *why)
{
    if (region->hooks.panic == NULL) {
        /* unreachable: the regions of programs have a hook */
        fprintf(stderr, "metaslot: panic: %s\n", why);
        abort();
    }
    region->hooks.panic(region->hooks.panic_context, why);
    return METASLOT_PANIC;
}

enum metaslot_result meta_slot_not_unused(uint64_t observed)
{
    if (observed == REF_COUNT_UNIQUE)
        return METASLOT_UNIQUE;
    if (observed == 0)
        return METASLOT_BUSY;
    return METASLOT_IN_USE;
}

enum metaslot_result meta_slot_not_shareable(const struct meta_region *region, uint64_t observed)
{
    if (observed == REF_COUNT_UNUSED)
        return METASLOT_UNUSED;
    if (observed == REF_COUNT_UNIQUE)
        return METASLOT_UNIQUE;
    if (observed == 0)
        return METASLOT_BUSY;
    return meta_slot_panic(region, "reference count at its maximum");
}
