# SPDX-License-Identifier: MPL-2.0
"""A case as a C program of its own, to be run under a debugger: one process, no engine."""
from __future__ import annotations

import textwrap

TEMPLATE = """\
/*
 * {signature}
 *
 * Runs the program in lockstep, explains how it diverges, and stops there with a trap. From the
 * checkout of slotcheck:
 *
 *     ./slotcheck build release:slotcheck_fuzz
 *     cc -g -I harness/include -I oracle/include THIS.c build/release/fuzz/libslotcheck_fuzz.a \\
 *         build/release/harness/libslotcheck_harness.a build/release/oracle/libmetaslot_oracle.a \\
 *         build/release/impl/libmetaslot_checking.a -ldl -o reproducer
 *     SLOTCHECK_SUBJECT=./libmine.so gdb ./reproducer    (without it: the built-in implementation)
 */
#include "slotcheck/fuzz_session.h"

static const uint8_t PROGRAM[] = {{
{bytes}
}};

int main(void)
{{
    return fuzz_session_run(PROGRAM, sizeof(PROGRAM)) == 0 ? 0 : 2;
}}
"""


def c_source(signature: str, case: bytes) -> str:
    numbers = ", ".join(f"0x{byte:02x}" for byte in case) or "0"
    lines = textwrap.fill(numbers, 90, initial_indent="    ", subsequent_indent="    ")
    return TEMPLATE.format(signature=signature, bytes=lines)
