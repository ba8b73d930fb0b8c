/* SPDX-License-Identifier: MPL-2.0 */
/* A subject written for an interface version that does not exist. Nothing else of it may be used.
 */
#include <stddef.h>

#include "slotcheck/subject.h"

static const struct slotcheck_subject OTHER_VERSION = {
    .version = 99,
    .size = sizeof(struct slotcheck_subject),
    .name = "other_version",
    .description = "for interface version 99",
};

const struct slotcheck_subject *slotcheck_subject(uint32_t host_version)
{
    (void)host_version;
    return &OTHER_VERSION;
}
