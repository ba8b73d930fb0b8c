/* SPDX-License-Identifier: MPL-2.0 */
/* Random programs from the weights of the operation list. */
#pragma once

#include <stdint.h>

#include "slotcheck/program.h"

/* A source of random numbers: the same seed gives the same numbers on every machine. */
struct random {
    uint64_t state;
};

uint64_t random_next(struct random *random);

/*
 * Replaces the program's operations by `nr_ops` random ones that its format, which must be a known
 * one, knows; its number of slots stays. Operations come as often as their weights say, those of
 * one theme more often; setups come at the beginning. Addresses are mostly of the first few frames,
 * so that operations meet. False if there is no memory.
 */
bool program_generate(struct program *program, struct random *random, size_t nr_ops);

/*
 * Fills `operations` with `nr` random ones that a program of `format`, a known one, can have at any
 * place but its beginning, drawn as above; with setups if `setups`.
 */
void generate_operations(struct random *random, unsigned format, bool setups,
                         struct operation *operations, size_t nr);

/* Another operand for an operation; `position` is one that `op` has. */
uint16_t generate_operand(struct random *random, enum op op, int position);
