/* SPDX-License-Identifier: MPL-2.0 */
/*
 * spec --table: from each name of the source to its clauses, to the function of the oracle that
 * judges them, to seed cases, to tests. Which cases evaluate a clause is found by running them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "slotcheck/subject_load.h"

/* --- the lists --- */

struct seed {
    const char *name;
    const char *heading;
    const char *identifier;
    const char *file;
    const char *clauses;
    const char *operations;
    const char *tests;
};

#define JUDGED(...)
#define SEED(name_, heading_, identifier_, file_, clauses_, operations_, tests_)                   \
    {.name = name_,                                                                                \
     .heading = heading_,                                                                          \
     .identifier = #identifier_,                                                                   \
     .file = file_,                                                                                \
     .clauses = clauses_,                                                                          \
     .operations = operations_,                                                                    \
     .tests = tests_},
static const struct seed SEEDS[] = {
#include "metaslot_oracle/seed.def"
};
#undef SEED
#undef JUDGED

struct judged {
    const char *function;
    const char *identifier;
    const char *file;
    const char *tests;
};

#define SEED(...)
#define JUDGED(function_, identifier_, file_, tests_)                                              \
    {.function = #function_, .identifier = #identifier_, .file = file_, .tests = tests_},
static const struct judged JUDGED_FUNCTIONS[] = {
#include "metaslot_oracle/seed.def"
};
#undef SEED
#undef JUDGED

#define CASE(function, clause, ...) CLAUSE_##function##__##clause,
#define OVERLAP(...)
static const uint16_t CLAUSE_CASES[] = {
#include "clause_cases.def"
};
#undef CASE
#undef OVERLAP

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static int cases_of(int id)
{
    int n = 0;

    for (size_t i = 0; i < LENGTH(CLAUSE_CASES); i++)
        n += CLAUSE_CASES[i] == id;
    return n;
}

/* Words are separated by one blank. */
static bool has_word(const char *words, const char *word)
{
    const size_t size = strlen(word);

    for (const char *at = words; (at = strstr(at, word)); at++)
        if ((at == words || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0'))
            return true;
    return false;
}

static bool mirrors(const struct seed *seed, const struct clause_info *info)
{
    return has_word(seed->clauses, info->function) || has_word(seed->clauses, info->id);
}

/* --- what the seed cases reach --- */

struct reach {
    const char *path;
    uint64_t nr_clauses; /* that were evaluated */
    uint64_t nr_evaluations;
    uint64_t nr_steps;
    uint64_t clauses[NR_CLAUSES];
    uint64_t operations[NR_OPS];
};

struct table {
    FILE *out;
    struct reach *reaches; /* in the order of their names */
    size_t nr_reaches;
    int nr_missing;
};

static void look(struct reach *reach, const struct lockstep_stats *stats)
{
    for (int op = 0; op < NR_OPS; op++) {
        for (int result = 0; result < NR_RESULTS; result++)
            reach->operations[op] += stats->executed[op][result];
        reach->nr_steps += reach->operations[op];
        for (int id = 0; id < NR_CLAUSES; id++)
            reach->clauses[id] += lockstep_stats_evaluated(stats, (enum op)op, (enum clause_id)id);
    }
    for (int id = 0; id < NR_CLAUSES; id++) {
        reach->nr_clauses += reach->clauses[id] > 0;
        reach->nr_evaluations += reach->clauses[id];
    }
}

static bool run_case(const char *path, struct reach *reach, struct program *program)
{
    struct lockstep_stats *stats = calloc(1, sizeof(*stats));
    struct trace *trace = NULL;
    struct lockstep *lockstep = NULL;
    char error[256] = "no memory";
    bool ok = false;

    if (stats && case_read(path, program)) {
        trace = trace_create(program->nr_ops + 1);
        lockstep =
            lockstep_create(subject_load(NULL, error, sizeof(error)), stats, error, sizeof(error));
        ok = trace && lockstep && lockstep_run(lockstep, program, trace);
        if (!ok)
            complain(EXIT_INTERNAL, "%s: %s", path, lockstep ? lockstep_error(lockstep) : error);
    }
    if (ok) {
        reach->path = path;
        look(reach, stats);
    }
    lockstep_destroy(lockstep);
    trace_destroy(trace);
    free(stats);
    return ok;
}

static bool run_cases(struct table *table, const struct cases *cases)
{
    struct program program;
    bool ok = true;

    table->reaches = calloc(cases->nr + 1, sizeof(*table->reaches));
    table->nr_reaches = cases->nr;
    program_init(&program);
    for (size_t i = 0; i < cases->nr && ok; i++)
        ok = table->reaches && run_case(cases->paths[i], &table->reaches[i], &program);
    program_free(&program);
    return ok;
}

/* --- cells --- */

enum { SHOWN_CASES = 3 };

static void print_missing(struct table *table)
{
    fputs("**MISSING**", table->out);
    table->nr_missing++;
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* How much of a case is about something: one part of so many. */
struct share {
    uint64_t part, whole;
};

static bool is_more(struct share a, struct share b)
{
    return a.part * b.whole > b.part * a.whole;
}

/* Every step compares the fields: there the cases say most that reach most. */
static struct share share_of_clause(const struct reach *reach, int id)
{
    if (CLAUSES[id].kind == CLAUSE_KIND_EXEC && reach->clauses[id])
        return (struct share){reach->nr_clauses, NR_CLAUSES};
    return (struct share){reach->clauses[id], reach->nr_evaluations};
}

static struct share share_of_operations(const struct reach *reach, const char *operations)
{
    struct share share = {0, reach->nr_steps};

    for (int op = 0; op < NR_OPS; op++)
        if (has_word(operations, OPS[op].name))
            share.part += reach->operations[op];
    return share;
}

/* The cases with the largest shares; of equal ones the first. `operations` counts if `id` < 0. */
static void print_seed_cases(struct table *table, int id, const char *operations)
{
    const struct reach *shown[SHOWN_CASES] = {NULL};
    struct share shares[SHOWN_CASES] = {{0}};
    int n = 0;

    for (size_t i = 0; i < table->nr_reaches; i++) {
        const struct reach *reach = &table->reaches[i];
        const struct share share =
            id < 0 ? share_of_operations(reach, operations) : share_of_clause(reach, id);
        int at = n;

        if (share.part == 0)
            continue;
        while (at > 0 && is_more(share, shares[at - 1]))
            at--;
        n += n < SHOWN_CASES;
        for (int j = n - 1; j > at; j--) {
            shown[j] = shown[j - 1];
            shares[j] = shares[j - 1];
        }
        if (at < n) {
            shown[at] = reach;
            shares[at] = share;
        }
    }
    for (int i = 0; i < n; i++)
        fprintf(table->out, "%s%s", i ? ", " : "", file_name(shown[i]->path));
    if (n == 0)
        print_missing(table);
}

/* `id` is negative if there is no clause. */
static void print_tests(struct table *table, int id, const char *tests)
{
    const int n = id < 0 ? 0 : cases_of(id);

    if (n)
        fprintf(table->out, "oracle_clauses (%d)", n);
    for (const char *c = tests; *c; c++) {
        if (c == tests && n)
            fputs(", ", table->out);
        fputs(*c == ' ' ? ", " : (char[]){*c, '\0'}, table->out);
    }
    if (n == 0 && *tests == '\0')
        print_missing(table);
}

static void print_oracle(struct table *table, const char *identifier, const char *file)
{
    fprintf(table->out, "`%s` in %s", identifier, file);
}

/* --- sections --- */

static void print_seed_row(struct table *table, const struct seed *seed, int id)
{
    fprintf(table->out, "| `%s` | %s | ", seed->name, seed->heading);
    if (id < 0)
        fputs("-", table->out);
    else
        fputs(CLAUSES[id].id, table->out);
    fputs(" | ", table->out);
    print_oracle(table, seed->identifier, seed->file);
    fputs(" | ", table->out);
    print_seed_cases(table, id, seed->operations);
    fputs(" | ", table->out);
    print_tests(table, id, seed->tests);
    fputs(" |\n", table->out);
}

static void print_page(struct table *table)
{
    fputs("\n## The names of the page\n\n"
          "| name | stands under | clause | oracle | seed cases | tests |\n"
          "|---|---|---|---|---|---|\n",
          table->out);
    for (size_t i = 0; i < LENGTH(SEEDS); i++) {
        bool has_clause = false;

        for (int id = 0; id < NR_CLAUSES; id++) {
            if (!mirrors(&SEEDS[i], &CLAUSES[id]))
                continue;
            has_clause = true;
            print_seed_row(table, &SEEDS[i], id);
        }
        if (!has_clause)
            print_seed_row(table, &SEEDS[i], -1);
    }
}

static const struct judged *judged_of(const struct clause_info *info)
{
    for (size_t i = 0; i < LENGTH(JUDGED_FUNCTIONS); i++)
        if (strcmp(JUDGED_FUNCTIONS[i].function, info->function) == 0)
            return &JUDGED_FUNCTIONS[i];
    return NULL;
}

static void print_judged_row(struct table *table, int id)
{
    const struct judged *judged = judged_of(&CLAUSES[id]);

    fprintf(table->out, "| %s | %s | %s | ", CLAUSES[id].id, clause_kind_name(CLAUSES[id].kind),
            CLAUSES[id].where);
    if (judged)
        print_oracle(table, judged->identifier, judged->file);
    else
        print_missing(table);
    fputs(" | ", table->out);
    print_seed_cases(table, id, NULL);
    fputs(" | ", table->out);
    print_tests(table, id, judged ? judged->tests : "");
    fputs(" |\n", table->out);
}

static void print_beside(struct table *table)
{
    fputs("\n## Beside the page\n\n"
          "Invariants, what the verified functions' own post-conditions add, and what only the\n"
          "executable functions decide.\n\n"
          "| clause | kind | stated in | oracle | seed cases | tests |\n"
          "|---|---|---|---|---|---|\n",
          table->out);
    for (int id = 0; id < NR_CLAUSES; id++)
        if (CLAUSES[id].kind != CLAUSE_KIND_SPEC)
            print_judged_row(table, id);
}

static void print_head(struct table *table)
{
    fputs(
        "# From the specification to its tests\n\n"
        "Made by `./slotcheck spec --table`; a test holds this copy against it.\n\n"
        "Each name of the MetaSlot documentation page, the clauses that mirror it, what judges\n"
        "them in this folder, cases of `corpus/seeds` in which the clause is evaluated (the most\n"
        "specific ones, three at most), and tests as ctest names them. `oracle_clauses (N)` has\n"
        "N steps that are good but for this clause. A name without a clause of its own stands\n"
        "with cases that run its operation.\n",
        table->out);
}

int table_print(FILE *out, const char *corpus)
{
    struct table table = {.out = out};
    struct cases cases = {0};
    int status = EXIT_USAGE;

    if (cases_collect(&cases, corpus) && run_cases(&table, &cases)) {
        print_head(&table);
        print_page(&table);
        print_beside(&table);
        status = EXIT_AGREEMENT;
        if (table.nr_missing)
            status = complain(EXIT_DIVERGENCE, "%d times there is no seed case, test or function",
                              table.nr_missing);
    }
    free(table.reaches);
    cases_free(&cases);
    return status;
}
