/* SPDX-License-Identifier: MPL-2.0 */
/* A subject that serves no version of the interface. */
#include <stddef.h>

#include "slotcheck/subject.h"

const struct slotcheck_subject *slotcheck_subject(uint32_t host_version)
{
    (void)host_version;
    return NULL;
}
