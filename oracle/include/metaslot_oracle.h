/* SPDX-License-Identifier: MPL-2.0 */
/*
 * metaslot_oracle: the executable specification of the frame-metadata slots of the Asterinas
 * kernel.
 *
 * States, the spec functions with their clauses, the invariants, and a reference implementation.
 * Needs libc only; nothing in it is global, and nothing is allocated outside the *_create
 * functions.
 */
#pragma once

#include "metaslot_oracle/clauses.h"
#include "metaslot_oracle/constants.h"
#include "metaslot_oracle/invariants.h"
#include "metaslot_oracle/linked_list.h"
#include "metaslot_oracle/reference.h"
#include "metaslot_oracle/repr.h"
#include "metaslot_oracle/specs.h"
#include "metaslot_oracle/state.h"
