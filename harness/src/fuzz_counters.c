/* SPDX-License-Identifier: MPL-2.0 */
#include "fuzz_counters.h"

#include <stdlib.h>

#include "slotcheck/step_end.h"

/* --- libFuzzer: counters in a section of this name --- */

static uint8_t executed[NR_OPS][NR_STEP_ENDS]
    __attribute__((section("__libfuzzer_extra_counters"), used));

static void count_for_libfuzzer(enum op op, unsigned end)
{
    uint8_t *counter = &executed[op][end];
    /* Wrapped to zero it would look as if it had never happened. */
    *counter = (uint8_t)(*counter + (*counter != UINT8_MAX));
}

/* --- AFL++: guards, which its runtime gives places in its map --- */

/* All of them are missing in programs without that runtime. */
extern uint8_t *__afl_area_ptr __attribute__((weak));
extern uint32_t __afl_map_size __attribute__((weak));
void __sanitizer_cov_trace_pc_guard_init(uint32_t *start, uint32_t *stop) __attribute__((weak));

static uint32_t places[NR_OPS][NR_STEP_ENDS];
static uint8_t *paused_map; /* the real one; null: not paused */

static bool has_afl(void)
{
    return &__afl_area_ptr != NULL && &__afl_map_size != NULL &&
           __sanitizer_cov_trace_pc_guard_init != NULL;
}

/* Before the fork server tells the engine how large the map is. */
__attribute__((constructor)) static void take_places(void)
{
    if (has_afl())
        __sanitizer_cov_trace_pc_guard_init(&places[0][0], &places[0][0] + NR_OPS * NR_STEP_ENDS);
}

static void count_for_afl(enum op op, unsigned end)
{
    uint8_t *counter = &__afl_area_ptr[places[op][end]];
    *counter = (uint8_t)(*counter + (*counter != UINT8_MAX));
}

void fuzz_counters_pause(void)
{
    if (!has_afl())
        return;
    uint8_t *nobody_looks = calloc(1, __afl_map_size);
    if (nobody_looks == NULL)
        return;
    paused_map = __afl_area_ptr;
    __afl_area_ptr = nobody_looks;
}

void fuzz_counters_resume(void)
{
    if (paused_map == NULL)
        return;
    free(__afl_area_ptr);
    __afl_area_ptr = paused_map;
    paused_map = NULL;
}

/* --- either --- */

/*
 * Skipped operations are left out: what cannot run is no behaviour, and every counter that is not
 * zero costs the engine time.
 */
void fuzz_counters_count(const struct program *program, const struct trace *trace)
{
    const bool afl = has_afl();
    for (uint64_t i = 0; i < trace->nr_steps; i++) {
        const struct step_record *step = &trace->steps[i];
        if (step->status != STEP_EXECUTED)
            continue;
        const enum op op = (enum op)program->ops[i].op;
        if (afl)
            count_for_afl(op, step_end_of(step));
        else
            count_for_libfuzzer(op, step_end_of(step));
    }
}
