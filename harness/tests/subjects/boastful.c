/* SPDX-License-Identifier: MPL-2.0 */
/* Declares a capability and lacks the functions for it: to be rejected. */
#include <stddef.h>

#include "slotcheck/subject.h"

static uint32_t create(uint64_t nr_slots, const struct slotcheck_host *host,
                       struct slotcheck_region **region)
{
    (void)nr_slots;
    (void)host;
    (void)region;
    return SLOTCHECK_NO_MEMORY;
}

static void reset(struct slotcheck_region *region, const uint64_t *touched, uint64_t nr_touched)
{
    (void)region;
    (void)touched;
    (void)nr_touched;
}

static void destroy(struct slotcheck_region *region)
{
    (void)region;
}

static uint64_t slots(struct slotcheck_region *region)
{
    (void)region;
    return 0;
}

static void read_slot(struct slotcheck_region *region, uint64_t index, struct slotcheck_slot *out)
{
    (void)region;
    (void)index;
    *out = (struct slotcheck_slot){0};
}

static const struct slotcheck_subject SUBJECT = {
    .version = SLOTCHECK_INTERFACE_VERSION,
    .size = sizeof(struct slotcheck_subject),
    .name = "boastful",
    .description = "declares snapshots and has none",
    .capabilities = SLOTCHECK_CAN_SNAPSHOT,
    .create = create,
    .reset = reset,
    .destroy = destroy,
    .slots = slots,
    .read_slot = read_slot,
};

const struct slotcheck_subject *slotcheck_subject(uint32_t host_version)
{
    (void)host_version;
    return &SUBJECT;
}
