/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The independent subject with snapshots, and with a fault that is in no operation's result. The
 * environment variable ODD says which:
 *
 *     exit             frame_clone calls exit(0)
 *     kill, term       frame_clone raises SIGKILL, SIGTERM
 *     stuck            frame_clone does not return
 *     late             the thirtieth frame_clone of the process ends it
 *     hidden           after two failed get_from_in_use frame_clone counts nothing; how many have
 *                      failed is in the snapshot, and nowhere else
 *     stuck-corpus     frame_clone does not return when several programs have run without snapshots
 *     slow-corpus      the same, and each takes a third of a second
 *     crash-corpus     the same, and it ends the process
 *     wrong-corpus     the same, and it counts nothing
 *     stuck-reset      reset does not return from the second time on
 *     crash-reset      reset ends the process from the second time on
 *     exit-reset       reset calls exit(0) from the second time on
 *     keeps            the tenth frame_clone of the process counts nothing, whatever was reset
 *     forgets          snapshot_restore leaves the counts
 *     grows            snapshot_size, and what is saved, is more with each frame_clone
 *     empty            snapshot_size is 0
 *     seventeen        regions have 17 slots
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plain.h"

const enum fault THE_FAULT = FAULT_none;

static struct slotcheck_subject subject;
static unsigned nr_resets, nr_clones;
static unsigned nr_unsaved; /* resets since anything was saved */
static uint64_t nr_failed;  /* get_from_in_use, in this state */

enum {
    GROWTH = 1 << 16,
};

static bool odd(const char *what)
{
    const char *value = getenv("ODD");

    return value && strcmp(value, what) == 0;
}

static void reset(struct slotcheck_region *region, const uint64_t *touched, uint64_t nr_touched)
{
    nr_resets++;
    nr_unsaved++;
    nr_failed = 0;
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
    nr_clones++;
    if (odd("kill"))
        raise(SIGKILL);
    if (odd("term"))
        raise(SIGTERM);
    while (odd("stuck") || (odd("stuck-corpus") && nr_unsaved > 3))
        pause();
    if (odd("slow-corpus") && nr_unsaved > 3)
        nanosleep(&(struct timespec){.tv_nsec = 333000000}, NULL);
    if ((odd("late") && nr_clones == 30) || (odd("crash-corpus") && nr_unsaved > 3))
        raise(SIGSEGV);
    if ((odd("keeps") && nr_clones == 10) || (odd("hidden") && nr_failed >= 2) ||
        (odd("wrong-corpus") && nr_unsaved > 3))
        return SLOTCHECK_OK;
    return plain_subject()->frame_clone(region, frame, clone);
}

static uint32_t get_from_in_use(struct slotcheck_region *region, uint64_t paddr, uint64_t *slot)
{
    const uint32_t result = plain_subject()->get_from_in_use(region, paddr, slot);

    nr_failed += result != SLOTCHECK_OK;
    return result;
}

/* --- snapshots: the slots, then all else --- */

static uint64_t snapshot_size(struct slotcheck_region *region)
{
    if (odd("empty"))
        return 0;
    return region->nr_slots * sizeof(*region->slots) + sizeof(*region) + sizeof(nr_failed) +
           (odd("grows") ? nr_clones * GROWTH : 0);
}

static void snapshot_save(struct slotcheck_region *region, void *bytes)
{
    const uint64_t size = region->nr_slots * sizeof(*region->slots);

    memcpy(bytes, region->slots, size);
    nr_unsaved = 0;
    memcpy((char *)bytes + size, region, sizeof(*region));
    memcpy((char *)bytes + size + sizeof(*region), &nr_failed, sizeof(nr_failed));
    if (odd("grows"))
        memset((char *)bytes + size + sizeof(*region) + sizeof(nr_failed), 0, nr_clones * GROWTH);
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
    memcpy(&nr_failed, (const char *)bytes + size + sizeof(*region), sizeof(nr_failed));
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
    subject.get_from_in_use = get_from_in_use;
    subject.snapshot_size = snapshot_size;
    subject.snapshot_save = snapshot_save;
    subject.snapshot_restore = snapshot_restore;
    if (odd("seventeen"))
        subject.fixed_slots = 17;
    return &subject;
}
