/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Random programs in lockstep until a number of operations has run: `soak OPERATIONS [SUBJECT]`.
 * Ends with status 1 on a divergence, and if a clause of the specification was never evaluated.
 * With a folder in SLOTCHECK_LEDGERS, a ledger is left there (see ledger.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "slotcheck/divergence.h"
#include "slotcheck/generate.h"
#include "slotcheck/ledger.h"
#include "slotcheck/subject_load.h"

enum {
    PROGRAM_OPS = 40, /* enough for a list to come to something */
};

static uint64_t executed(const struct lockstep_stats *stats)
{
    uint64_t n = 0;

    for (int op = 0; op < NR_OPS; op++)
        for (int result = 0; result < NR_RESULTS; result++)
            n += stats->executed[op][result];
    return n;
}

/* Every clause must have been asked, or agreement says less than it seems to. */
static int unasked(const struct ledger *ledger)
{
    int n = 0;

    for (int i = 0; i < NR_CLAUSES; i++) {
        if (ledger_evaluated(ledger, (enum clause_id)i))
            continue;
        printf("never evaluated: %s\n", CLAUSES[i].id);
        n++;
    }
    return n;
}

static int soak(struct lockstep *lockstep, const struct lockstep_stats *stats, uint64_t goal)
{
    struct random random = {.state = 1};
    struct trace *trace = trace_create(PROGRAM_OPS);
    struct program program;
    int status = 0;

    program_init(&program);
    while (status == 0 && executed(stats) < goal) {
        if (!program_set_slots(&program, 1 + random_next(&random) % 16) ||
            !program_generate(&program, &random, PROGRAM_OPS) ||
            !lockstep_run(lockstep, &program, trace)) {
            fprintf(stderr, "soak: %s\n", lockstep_error(lockstep));
            status = 3;
        } else if (trace->divergence.kind != FINDING_NONE) {
            divergence_explain(stdout, &program, trace, NULL);
            status = 1;
        }
    }
    printf("%" PRIu64 " operations in %" PRIu64 " programs\n", executed(stats), stats->programs);
    program_free(&program);
    trace_destroy(trace);
    return status;
}

/* Several soaks may share the folder. */
static bool leave_ledger(const struct ledger *ledger)
{
    const char *folder = getenv("SLOTCHECK_LEDGERS");
    char path[4096];

    if (!folder)
        return true;
    snprintf(path, sizeof(path), "%s/soak-%ld.ledger", folder, (long)getpid());
    if (ledger_write(path, ledger))
        return true;
    fprintf(stderr, "soak: %s: %s\n", path, strerror(errno));
    return false;
}

int main(int argc, char **argv)
{
    struct lockstep_stats *stats = calloc(1, sizeof(*stats));
    struct ledger *ledger = ledger_create();
    char error[512] = "no memory";
    const struct slotcheck_subject *subject =
        subject_load(argc > 2 ? argv[2] : NULL, error, sizeof(error));
    struct lockstep *lockstep =
        subject && stats && ledger ? lockstep_create(subject, stats, error, sizeof(error)) : NULL;
    int status;

    if (argc < 2 || !lockstep) {
        fprintf(stderr, "soak: %s\n", argc < 2 ? "how many operations?" : error);
        return 2;
    }
    status = soak(lockstep, stats, strtoull(argv[1], NULL, 10));
    ledger_add_stats(ledger, stats);
    if (status == 0 && argc == 2 && unasked(ledger))
        status = 1;
    if (!leave_ledger(ledger))
        status = 2;
    lockstep_destroy(lockstep);
    ledger_destroy(ledger);
    free(stats);
    return status;
}
