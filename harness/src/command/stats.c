/* SPDX-License-Identifier: MPL-2.0 */
/* stats: the counts that fuzz targets keep in files, summed up. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "slotcheck/fuzz_session.h"

struct stats_options {
    struct files files;
    const char *scope;
};

enum {
    KEY_SCOPE = 0x100, /* an option without a letter */
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct stats_options *options = state->input;

    if (key == 'j') /* the only format there is */
        return 0;
    if (key != KEY_SCOPE)
        return parse_files(key, state, &options->files);
    options->scope = argument;
    return 0;
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

static void count_always(json_t *object, const char *name, uint64_t n)
{
    json_object_set_new(object, name, json_integer((json_int_t)n));
}

static void count(json_t *object, const char *name, uint64_t n)
{
    if (n)
        count_always(object, name, n);
}

/* On the steps of all operations together. */
static uint64_t evaluated(const struct lockstep_stats *stats, enum clause_id id)
{
    uint64_t n = 0;

    for (int op = 0; op < NR_OPS; op++)
        n += lockstep_stats_evaluated(stats, (enum op)op, id);
    return n;
}

/* The cells, and with `scope`, which may be null, how many of those of the scope are among them. */
static json_t *cells_record(const struct cell_set *seen, const struct cell_lines *scope)
{
    json_t *record =
        json_pack("{s:I, s:I}", "seen", (json_int_t)seen->nr, "lost", (json_int_t)seen->lost);

    if (scope) {
        count_always(record, "scope", cell_lines_nr(scope));
        count_always(record, "seen_of_scope", cell_lines_seen(scope, seen));
    }
    return record;
}

static json_t *record(const struct lockstep_stats *stats, const struct cell_lines *scope)
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
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "programs", (json_int_t)stats->programs,
                     "divergences", (json_int_t)stats->divergences, "operations", operations,
                     "skipped", skipped, "clauses", clauses, "not_judged", not_judged, "cells",
                     cells_record(&stats->cells, scope));
}

static int print_stats(const struct stats_options *options, struct fuzz_stats *stats,
                       struct lockstep_stats *sum)
{
    struct cell_lines scope = {0};
    int status = EXIT_AGREEMENT;

    for (int i = 0; i < options->files.nr; i++) {
        if (!read_stats(options->files.paths[i], stats))
            return EXIT_USAGE;
        lockstep_stats_add(sum, &stats->stats);
    }
    if (options->scope && !cell_lines_read(options->scope, &scope))
        return EXIT_USAGE;
    if (!json_print(stdout, record(sum, options->scope ? &scope : NULL), 2))
        status = EXIT_INTERNAL;
    cell_lines_free(&scope);
    return status;
}

int command_stats(int argc, char **argv)
{
    const struct argp_option options_table[] = {
        {"json", 'j', NULL, 0, "print JSON (the default, and all there is)", 0},
        {"scope", KEY_SCOPE, "FILE", 0,
         "count how many of these cells were seen, too; `slotcheck exhaust --cells` writes them",
         0},
        {0},
    };
    const struct argp argp = {
        options_table,
        parse_option,
        "FILE...",
        "Prints the sum of the counts in the statistics files of fuzz "
        "targets: operations by result, skipped ones by reason, clauses, cells."
        "\vExample:\n  ./slotcheck stats out/fuzz/log/*.stats",
        NULL,
        NULL,
        NULL};
    struct stats_options options = {0};
    struct fuzz_stats *stats;
    struct lockstep_stats *sum;
    int status;

    argp_parse(&argp, argc, argv, 0, NULL, &options);
    stats = calloc(1, sizeof(*stats));
    sum = calloc(1, sizeof(*sum));
    status =
        stats && sum ? print_stats(&options, stats, sum) : complain(EXIT_INTERNAL, "no memory");
    free(stats);
    free(sum);
    return status;
}
