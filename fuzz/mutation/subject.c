/* SPDX-License-Identifier: MPL-2.0 */
/* The built-in subject as a shared library: what every mutant is built with. */
#include <stddef.h>

#include "slotcheck/builtin_subject.h"

const struct slotcheck_subject *slotcheck_subject(uint32_t host_version)
{
    return host_version >= SLOTCHECK_INTERFACE_VERSION ? slotcheck_builtin_subject() : NULL;
}
