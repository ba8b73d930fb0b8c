/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What judging costs: mixed programs on 16 slots, in lockstep and on the bare implementation, in
 * turn. Prints one JSON object.
 *
 *     bench_lockstep FORMAT [--programs DIR]
 *
 * FORMAT 1: programs of slots and frames; 2: of everything. `--programs` writes the programs as files
 * instead, for the engines.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bare.h"
#include "slotcheck/generate.h"
#include "slotcheck/lockstep.h"
#include "slotcheck/subject_load.h"

#ifdef LOCKSTEP_PROFILE
#include "../src/phases.h"
#endif

enum {
    NR_SLOTS = 16,
    NR_PROGRAMS = 1000,
    OPS_EXECUTED = 16, /* of every program */
    OPS_DRAWN = 64,    /* enough that so many of them are executed */
    ROUNDS = 15,
    REPETITIONS = 20, /* of all programs, in a round */
};

struct prepared {
    struct program program;
    size_t nr_bare;
    struct bare_operation bare[OPS_EXECUTED];
};

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void die(const char *why)
{
    fprintf(stderr, "bench_lockstep: %s\n", why);
    exit(3);
}

/* --- programs --- */

/* Leaves the first OPS_EXECUTED operations that are executed; false if there are fewer. */
static bool keep_executed(struct program *program, const struct trace *trace)
{
    size_t kept = 0;

    for (uint64_t i = 0; i < trace->nr_steps && kept < OPS_EXECUTED; i++)
        if (trace->steps[i].status == STEP_EXECUTED && trace->steps[i].result != SPEC_PANIC)
            program->ops[kept++] = program->ops[i];
    program->nr_ops = kept;
    return kept == OPS_EXECUTED;
}

/* Notes the operation as it was called, for the bare implementation. */
static void note_step(void *context, const struct lockstep_step *step)
{
    struct prepared *prepared = context;

    prepared->bare[prepared->nr_bare++] = bare_prepare(step->op, step->call);
}

/*
 * Programs of the first `format`: 1 has slots and frames, 2 lists, segments and mappings, too.
 */
static void prepare(struct prepared *prepared, uint8_t format, struct lockstep *lockstep,
                    struct trace *trace)
{
    struct random random = {.state = 7};

    for (size_t i = 0; i < NR_PROGRAMS;) {
        struct program *program = &prepared[i].program;

        program_init(program);
        program->format_byte = format;
        if (!program_set_slots(program, NR_SLOTS) ||
            !program_generate(program, &random, OPS_DRAWN) ||
            !lockstep_run(lockstep, program, trace))
            die("no memory");
        if (!keep_executed(program, trace)) {
            program_free(program);
            continue;
        }
        lockstep_observe_steps(lockstep, note_step, &prepared[i]);
        lockstep_run(lockstep, program, trace);
        lockstep_observe_steps(lockstep, NULL, NULL);
        i++;
    }
}

static int write_programs(const struct prepared *prepared, const char *folder)
{
    for (size_t i = 0; i < NR_PROGRAMS; i++) {
        const size_t size = program_encoded_size(&prepared[i].program);
        uint8_t bytes[4096];
        char path[4096];

        snprintf(path, sizeof(path), "%s/%04zu", folder, i);
        program_encode(&prepared[i].program, bytes);

        FILE *file = fopen(path, "wb");

        if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
            perror(path);
            return 2;
        }
    }
    return 0;
}

/* --- measuring --- */

static double lockstep_round(struct lockstep *lockstep, const struct prepared *prepared,
                             struct trace *trace)
{
    const double start = now();

    for (int r = 0; r < REPETITIONS; r++)
        for (size_t i = 0; i < NR_PROGRAMS; i++)
            lockstep_run(lockstep, &prepared[i].program, trace);
    return (now() - start) / (REPETITIONS * NR_PROGRAMS * OPS_EXECUTED);
}

#ifdef LOCKSTEP_PROFILE
#include <x86intrin.h>

static const char *const PHASE_NAMES[NR_PHASES] = {
    [PHASE_DECODE] = "decode",         [PHASE_REFERENCE] = "reference", [PHASE_SUBJECT] = "subject",
    [PHASE_COMPARISON] = "comparison", [PHASE_CLAUSES] = "clauses",
};
static uint64_t account[NR_PHASES], last;

void phase_end(enum phase phase)
{
    const uint64_t time = __rdtsc();

    account[phase] += time - last;
    last = time;
}

static void measure(struct lockstep *lockstep, const struct prepared *prepared, struct trace *trace)
{
    uint64_t sum = 0;

    lockstep_round(lockstep, prepared, trace);
    memset(account, 0, sizeof(account));
    last = __rdtsc();
    lockstep_round(lockstep, prepared, trace);
    for (int i = 0; i < NR_PHASES; i++)
        sum += account[i];
    printf("{");
    for (int i = 0; i < NR_PHASES; i++)
        printf("%s\"%s\": %.3f", i ? ", " : "", PHASE_NAMES[i], (double)account[i] / (double)sum);
    printf("}\n");
}
#else
static double bare_round(struct bare_region *region, const struct prepared *prepared)
{
    const double start = now();

    for (int r = 0; r < REPETITIONS; r++)
        for (size_t i = 0; i < NR_PROGRAMS; i++)
            bare_run(region, prepared[i].bare, prepared[i].nr_bare);
    return (now() - start) / (REPETITIONS * NR_PROGRAMS * OPS_EXECUTED);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(*values), compare);
    return values[ROUNDS / 2];
}

static void measure(struct lockstep *lockstep, const struct prepared *prepared, struct trace *trace)
{
    struct bare_region *region = bare_create(NR_SLOTS);
    double judged[ROUNDS], bare[ROUNDS], ratio[ROUNDS];

    if (!region)
        die("no memory");
    lockstep_round(lockstep, prepared, trace);
    bare_round(region, prepared);
    for (int i = 0; i < ROUNDS; i++) {
        judged[i] = lockstep_round(lockstep, prepared, trace);
        bare[i] = bare_round(region, prepared);
        ratio[i] = judged[i] / bare[i];
    }
    printf("{\"judged_ns\": %.2f, \"bare_ns\": %.2f, \"ratio\": %.2f}\n", median(judged),
           median(bare), median(ratio));
    bare_destroy(region);
}
#endif

int main(int argc, char **argv)
{
    struct lockstep_stats *stats = calloc(1, sizeof(*stats));
    struct prepared *prepared = calloc(NR_PROGRAMS, sizeof(*prepared));
    struct trace *trace = trace_create(OPS_DRAWN);
    char error[256] = "no memory";
    struct lockstep *lockstep =
        stats && prepared && trace
            ? lockstep_create(subject_load(NULL, error, sizeof(error)), stats, error, sizeof(error))
            : NULL;

    if (!lockstep)
        die(error);
    if (argc < 2 || (strcmp(argv[1], "1") != 0 && strcmp(argv[1], "2") != 0))
        die("which format, 1 or 2?");
    prepare(prepared, (uint8_t)(argv[1][0] - '0'), lockstep, trace);
    if (argc == 4 && strcmp(argv[2], "--programs") == 0)
        return write_programs(prepared, argv[3]);
    measure(lockstep, prepared, trace);
    return 0;
}
