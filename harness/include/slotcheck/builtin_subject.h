/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The subject that slotcheck tests unless told otherwise: the implementation in `impl/`.
 */
#pragma once

#include "slotcheck/subject.h"

/* Never null; with all capabilities and all operations. */
const struct slotcheck_subject *slotcheck_builtin_subject(void);
