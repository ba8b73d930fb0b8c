/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A folder of findings: one case per signature, the shortest one that was seen. Several processes
 * may write to it at once; each file appears complete or not at all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slotcheck/program.h"

/* The signatures that this process has written, and how long their cases are. */
struct fuzz_findings {
    const char *folder;
    size_t nr_known;
    size_t capacity;
    struct known_finding {
        uint64_t signature_hash;
        size_t size;
    } * known;
};

/* True if a case of `size` bytes would be the first of this signature, or the shortest. */
bool fuzz_findings_wants(const struct fuzz_findings *findings, const char *signature, size_t size);

/*
 * Writes the case to <folder>/<signature>.case, and the input that it was made of to
 * <signature>.input, unless a shorter case is there. False, with errno set, if that cannot be done;
 * the case that was there before is then still there.
 */
bool fuzz_findings_add(struct fuzz_findings *findings, const char *signature,
                       const struct program *program, const struct program *input);
