/* SPDX-License-Identifier: MPL-2.0 */
/* A subject that lacks a required function, `create`. */
#include "plain.h"

const enum fault THE_FAULT = FAULT_none;

static struct slotcheck_subject subject;

const struct slotcheck_subject *slotcheck_subject(uint32_t host_version)
{
    (void)host_version;
    subject = *plain_subject();
    subject.name = "missing_required";
    subject.create = NULL;
    return &subject;
}
