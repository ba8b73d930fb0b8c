/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The lockstep on a subject with a bug on purpose: its Frame::clone hands out a second handle and
 * does not count it. Fuzzing that does not find this within seconds is broken.
 */
#include <stdio.h>
#include <stdlib.h>

#include "slotcheck/fuzz_session.h"
#include "slotcheck/subject_load.h"
#include "target.h"

static uint32_t clone_without_counting(struct slotcheck_region *region, uint64_t frame,
                                       uint64_t *clone)
{
    (void)region;
    *clone = frame;
    return SLOTCHECK_OK;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static struct slotcheck_subject canary;
    char error[256];
    (void)argc;
    (void)argv;
    const struct slotcheck_subject *builtin = subject_load(NULL, error, sizeof(error));
    if (builtin == NULL) {
        fprintf(stderr, "slotcheck: %s\n", error);
        _Exit(2);
    }
    canary = *builtin;
    canary.name = "canary";
    canary.frame_clone = clone_without_counting;
    fuzz_session_use(&canary);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_session_run(data, size);
}
