/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What judging costs: mixed programs on 16 slots, in lockstep and on the bare implementation, in
 * turn. Prints one JSON object. `--programs DIR` writes the programs as files instead, for the
 * engines.
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

static struct meta_slot_storage metadata_of(const struct operation *operation)
{
    for (int i = 0; i < PROGRAM_MAX_OPERANDS; i++) {
        if (OPS[operation->op].operand[i] == OPERAND_META)
            return operand_metadata(operation->operand[i], NR_SLOTS);
        if (OPS[operation->op].operand[i] == OPERAND_LEVEL)
            return (struct meta_slot_storage){.type = SPEC_METADATA_PT_NODE,
                                              .pt_node.level =
                                                  operand_level(operation->operand[i])};
    }
    return (struct meta_slot_storage){.type = SPEC_METADATA_UNTYPED};
}

static void prepare_bare(struct prepared *prepared, const struct trace *trace)
{
    for (size_t i = 0; i < OPS_EXECUTED; i++) {
        const struct operation *operation = &prepared->program.ops[i];
        struct bare_operation *bare = &prepared->bare[i];

        *bare = (struct bare_operation){.op = (enum op)operation->op,
                                        .paddr = trace->steps[i].paddr,
                                        .metadata = metadata_of(operation)};
        if (bare->op == OP_setup)
            bare->count = operand_count(operation->operand[1]);
        if (bare->op == OP_get_from_unused)
            bare->as_unique = operation->operand[2] & 1;
        bare_prepare(bare);
    }
}

static void prepare(struct prepared *prepared, struct lockstep *lockstep, struct trace *trace)
{
    struct random random = {.state = 7};

    for (size_t i = 0; i < NR_PROGRAMS;) {
        struct program *program = &prepared[i].program;

        program_init(program);
        if (!program_set_slots(program, NR_SLOTS) ||
            !program_generate(program, &random, OPS_DRAWN) ||
            !lockstep_run(lockstep, program, trace))
            die("no memory");
        if (!keep_executed(program, trace)) {
            program_free(program);
            continue;
        }
        lockstep_run(lockstep, program, trace);
        prepare_bare(&prepared[i], trace);
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
            bare_run(region, prepared[i].bare, OPS_EXECUTED);
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
    prepare(prepared, lockstep, trace);
    if (argc == 3 && strcmp(argv[1], "--programs") == 0)
        return write_programs(prepared, argv[2]);
    measure(lockstep, prepared, trace);
    return 0;
}
