/* SPDX-License-Identifier: MPL-2.0 */
/*
 * See divergence_trap.h. divergence_traps.def is made by divergence_traps.cmake from ops.def and
 * fields.def:
 *
 *     TRAP(operation, field, inner, outer)   inner and outer are names with nothing in common
 */
#include "slotcheck/divergence_trap.h"

/* Written by every trap with a value of its own, so that no compiler makes two of them one. */
static volatile unsigned trapped;

#define TRAP(op, field, inner, outer)                                                              \
    __attribute__((noinline)) _Noreturn static void op##__##field(void)                            \
    {                                                                                              \
        trapped = (unsigned)OP_##op * NR_FIELDS + FIELD_##field;                                   \
        __builtin_trap();                                                                          \
    }                                                                                              \
    __attribute__((noinline)) _Noreturn static void inner(void)                                    \
    {                                                                                              \
        op##__##field();                                                                           \
    }                                                                                              \
    __attribute__((noinline)) _Noreturn static void outer(void)                                    \
    {                                                                                              \
        inner();                                                                                   \
    }
#include "divergence_traps.def"
#undef TRAP

static void (*const TRAPS[NR_OPS][NR_FIELDS])(void) = {
#define TRAP(op, field, inner, outer) [OP_##op][FIELD_##field] = outer,
#include "divergence_traps.def"
#undef TRAP
};

void divergence_trap(enum op op, enum field field)
{
    TRAPS[op][field]();
    __builtin_unreachable();
}
