/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The independent subject with snapshots, and with a fault that is in no operation's result. The
 * environment variable ODD says which:
 *
 *     exit             frame_clone calls exit(0)
 *     stuck-reset      reset does not return from the second time on
 *     crash-reset      reset ends the process from the second time on
 *     exit-reset       reset calls exit(0) from the second time on
 *     keeps            the tenth frame_clone of the process counts nothing, whatever was reset
 *     forgets          snapshot_restore leaves the counts
 *     seventeen        regions have 17 slots
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plain.h"

const enum fault THE_FAULT = FAULT_none;

static struct slotcheck_subject subject;
static unsigned nr_resets, nr_clones;

static bool odd(const char *what)
{
    const char *value = getenv("ODD");

    return value && strcmp(value, what) == 0;
}

static void reset(struct slotcheck_region *region, const uint64_t *touched, uint64_t nr_touched)
{
    nr_resets++;
    while (odd("stuck-reset") && nr_resets > 1)
        pause();
    if (odd("crash-reset") && nr_resets > 1)
        raise(SIGSEGV);
    if (odd("exit-reset") && nr_resets > 1)
        exit(0);
    plain_subject()->reset(region, touched, nr_touched);
}

static uint32_t frame_clone(struct slotcheck_region *region, uint64_t frame, uint64_t *clone)
{
    *clone = frame;
    if (odd("exit"))
        exit(0);
    if (odd("keeps") && ++nr_clones == 10)
        return SLOTCHECK_OK;
    return plain_subject()->frame_clone(region, frame, clone);
}

/* --- snapshots: the slots, then all else --- */

static uint64_t snapshot_size(struct slotcheck_region *region)
{
    return region->nr_slots * sizeof(*region->slots) + sizeof(*region);
}

static void snapshot_save(struct slotcheck_region *region, void *bytes)
{
    const uint64_t size = region->nr_slots * sizeof(*region->slots);

    memcpy(bytes, region->slots, size);
    memcpy((char *)bytes + size, region, sizeof(*region));
}

static void snapshot_restore(struct slotcheck_region *region, const void *bytes)
{
    const uint64_t size = region->nr_slots * sizeof(*region->slots);

    for (uint64_t i = 0; i < region->nr_slots; i++) {
        const uint64_t count = region->slots[i].ref_count;

        memcpy(&region->slots[i], (const char *)bytes + i * sizeof(struct slot),
               sizeof(struct slot));
        if (odd("forgets"))
            region->slots[i].ref_count = count;
    }
    memcpy(region, (const char *)bytes + size, sizeof(*region));
}

const struct slotcheck_subject *slotcheck_subject(uint32_t host_version)
{
    if (host_version < SLOTCHECK_INTERFACE_VERSION)
        return NULL;
    subject = *plain_subject();
    subject.name = "odd";
    subject.capabilities |= SLOTCHECK_CAN_SNAPSHOT;
    subject.reset = reset;
    subject.frame_clone = frame_clone;
    subject.snapshot_size = snapshot_size;
    subject.snapshot_save = snapshot_save;
    subject.snapshot_restore = snapshot_restore;
    if (odd("seventeen"))
        subject.fixed_slots = 17;
    return &subject;
}
