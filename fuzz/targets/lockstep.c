/* SPDX-License-Identifier: MPL-2.0 */
/* Every program in lockstep on the subject and on the specification; fuzz_session.h configures it.
 */
#include "slotcheck/fuzz_session.h"
#include "target.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_session_begin();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_session_run(data, size);
}
