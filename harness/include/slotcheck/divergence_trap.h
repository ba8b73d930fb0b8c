/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How a fuzz target stops on a divergence: in a trap, in a function for this operation and field
 * alone. Fleets of fuzzers tell crashes apart by the names of the top three frames and hold two
 * stacks for one bug if two frames are the same or the names are much alike. So there are three
 * frames of its own for each pair, and two of them have names with nothing in common.
 */
#pragma once

#include "slotcheck/lockstep.h"

_Noreturn void divergence_trap(enum op op, enum field field);
