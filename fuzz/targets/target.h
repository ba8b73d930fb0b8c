/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What an engine calls. A target defines LLVMFuzzerTestOneInput and, if it needs to prepare
 * something, LLVMFuzzerInitialize.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Runs one input. 0, or -1 if the input is none for the corpus. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Called once before the first input, if there is one. */
#pragma weak LLVMFuzzerInitialize
int LLVMFuzzerInitialize(int *argc, char ***argv);
