/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A subject that offers three operations, as one written for an older, shorter struct would be:
 * `size` ends after the last of them. What stands beyond is a trap for a host that looks there.
 */
#include <string.h>

#include "plain.h"

const enum fault THE_FAULT = FAULT_none;

static struct slotcheck_subject subject;

const struct slotcheck_subject *slotcheck_subject(uint32_t host_version)
{
    (void)host_version;
    const struct slotcheck_subject *plain = plain_subject();
    subject = (struct slotcheck_subject){
        .version = SLOTCHECK_INTERFACE_VERSION,
        .size = offsetof(struct slotcheck_subject, frame_into_raw),
        .name = "partial",
        .description = "three operations, in a struct that ends early",
        .capabilities = plain->capabilities & ~(uint64_t)SLOTCHECK_CAN_REPORT_GHOST,
        .create = plain->create,
        .reset = plain->reset,
        .destroy = plain->destroy,
        .slots = plain->slots,
        .read_slot = plain->read_slot,
        .read_metadata = plain->read_metadata,
        .get_slot = plain->get_slot,
        .frame_from_unused = plain->frame_from_unused,
        .frame_drop = plain->frame_drop,
    };
    memset((char *)&subject + subject.size, 0x55, sizeof(subject) - subject.size);
    return &subject;
}
