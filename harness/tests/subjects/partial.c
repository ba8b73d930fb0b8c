/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A subject that offers three operations, as one written for an older, shorter struct would be:
 * `size` ends after the last of them. What stands beyond is a trap for a host that looks there.
 */
#define PLAIN_ONLY
#include "plain.c"

static struct slotcheck_subject subject;

const struct slotcheck_subject *slotcheck_subject(uint32_t host_version)
{
    (void)host_version;
    subject = (struct slotcheck_subject){
        .version = SLOTCHECK_INTERFACE_VERSION,
        .size = offsetof(struct slotcheck_subject, frame_into_raw),
        .name = "partial",
        .description = "three operations, in a struct that ends early",
        .capabilities = PLAIN.capabilities,
        .create = PLAIN.create,
        .reset = PLAIN.reset,
        .destroy = PLAIN.destroy,
        .slots = PLAIN.slots,
        .read_slot = PLAIN.read_slot,
        .read_metadata = PLAIN.read_metadata,
        .get_slot = PLAIN.get_slot,
        .frame_from_unused = PLAIN.frame_from_unused,
        .frame_drop = PLAIN.frame_drop,
    };
    memset((char *)&subject + subject.size, 0x55, sizeof(subject) - subject.size);
    return &subject;
}
