/* SPDX-License-Identifier: MPL-2.0 */
/* Where subjects come from: the built-in one, and shared libraries. */
#pragma once

#include <stddef.h>

#include "slotcheck/subject.h"

/*
 * The subject in the shared library `path`; null or "builtin" is the built-in one. The result is a
 * copy in this slotcheck's layout, in which every member that the library does not know is null; it
 * lives until the process ends. Null, with one line in `error` that names the library, if it cannot
 * be loaded, has no entry point, was written for another version of the interface, or lacks a
 * required function.
 */
const struct slotcheck_subject *subject_load(const char *path, char *error, size_t error_size);
