/* SPDX-License-Identifier: MPL-2.0 */
/* stats: the counts that fuzz targets keep in files, summed up. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "slotcheck/fuzz_session.h"

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    if (key == 'j') /* the only format there is */
        return 0;
    (void)argument;
    return parse_files(key, state, state->input);
}

static bool read_stats(const char *path, struct fuzz_stats *stats)
{
    FILE *file = fopen(path, "rb");
    bool ok;

    if (!file) {
        complain(EXIT_USAGE, "%s: %s", path, strerror(errno));
        return false;
    }
    ok = fread(stats, sizeof(*stats), 1, file) == 1 && stats->magic == FUZZ_STATS_MAGIC &&
         stats->size == sizeof(*stats) && stats->names == fuzz_stats_names();
    fclose(file);
    if (!ok)
        complain(EXIT_USAGE, "%s: not statistics of this slotcheck", path);
    return ok;
}

static void count(json_t *object, const char *name, uint64_t n)
{
    if (n)
        json_object_set_new(object, name, json_integer((json_int_t)n));
}

/* On the steps of all operations together. */
static uint64_t evaluated(const struct lockstep_stats *stats, enum clause_id id)
{
    uint64_t n = 0;

    for (int op = 0; op < NR_OPS; op++)
        n += lockstep_stats_evaluated(stats, (enum op)op, id);
    return n;
}

static json_t *record(const struct lockstep_stats *stats)
{
    json_t *operations = json_object(), *skipped = json_object(), *clauses = json_object();
    json_t *not_judged = json_array();

    for (int op = 0; op < NR_OPS; op++) {
        json_t *results = json_object(), *reasons = json_object();

        for (int i = 0; i < NR_RESULTS; i++)
            count(results, result_name((enum spec_result)i), stats->executed[op][i]);
        for (int i = 0; i < NR_STEP_STATUS; i++)
            count(reasons, step_status_name((enum step_status)i), stats->skipped[op][i]);
        json_object_set_new(operations, OPS[op].name, results);
        json_object_set_new(skipped, OPS[op].name, reasons);
    }
    for (int i = 0; i < NR_CLAUSES; i++) {
        if (stats->ghost_assumed && CLAUSES[i].sees == CLAUSE_SEES_GHOST)
            json_array_append_new(not_judged, json_string(CLAUSES[i].id));
        else
            json_object_set_new(clauses, CLAUSES[i].id,
                                json_integer((json_int_t)evaluated(stats, (enum clause_id)i)));
    }
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o}", "programs", (json_int_t)stats->programs,
                     "divergences", (json_int_t)stats->divergences, "operations", operations,
                     "skipped", skipped, "clauses", clauses, "not_judged", not_judged);
}

int command_stats(int argc, char **argv)
{
    const struct argp_option options_table[] = {
        {"json", 'j', NULL, 0, "print JSON (the default, and all there is)", 0},
        {0},
    };
    const struct argp argp = {options_table,
                              parse_option,
                              "FILE...",
                              "Prints the sum of the counts in the statistics files of fuzz "
                              "targets: operations by result, skipped ones by reason, clauses."
                              "\vExample:\n  ./slotcheck stats out/fuzz/log/*.stats",
                              NULL,
                              NULL,
                              NULL};
    struct files files = {0};
    struct fuzz_stats *stats;
    struct lockstep_stats *sum;
    int status = EXIT_AGREEMENT;

    argp_parse(&argp, argc, argv, 0, NULL, &files);
    stats = calloc(1, sizeof(*stats));
    sum = calloc(1, sizeof(*sum));
    if (!stats || !sum)
        status = complain(EXIT_INTERNAL, "no memory");
    for (int i = 0; i < files.nr && status == EXIT_AGREEMENT; i++) {
        if (read_stats(files.paths[i], stats))
            lockstep_stats_add(sum, &stats->stats);
        else
            status = EXIT_USAGE;
    }
    if (status == EXIT_AGREEMENT && !json_print(stdout, record(sum), 2))
        status = EXIT_INTERNAL;
    free(stats);
    free(sum);
    return status;
}
