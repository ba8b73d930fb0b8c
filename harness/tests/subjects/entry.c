/* SPDX-License-Identifier: MPL-2.0 */
/* The entry point of the independent subject, and the fault that it has: -DFAULT=FAULT_name. */
#include "plain.h"

#ifndef FAULT
#define FAULT FAULT_none
#endif

const enum fault THE_FAULT = FAULT;

const struct slotcheck_subject *slotcheck_subject(uint32_t host_version)
{
    return host_version >= SLOTCHECK_INTERFACE_VERSION ? plain_subject() : NULL;
}
