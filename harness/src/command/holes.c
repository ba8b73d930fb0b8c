/* SPDX-License-Identifier: MPL-2.0 */
/* holes: what the relations of the specification accept beside what is right. */
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "holes_print.h"
#include "slotcheck/holes.h"
#include "slotcheck/ledger.h"

struct holes_options {
    const char *corpus;
    const char *function;
    const char *ledger;
    bool json;
    bool markdown;
};

enum {
    KEY_CORPUS = 0x100,
    KEY_MARKDOWN,
};

static const struct argp_option OPTIONS[] = {
    {"corpus", KEY_CORPUS, "DIR", 0, "programs to reach states with (the project's corpus/seeds)",
     0},
    {"function", 'f', "NAME", 0, "only this spec function", 0},
    {"json", 'j', NULL, 0, "print a JSON object: every change and every count", 0},
    {"ledger", 'l', "FILE", 0, "write there how often each clause decided; see `slotcheck ledger`",
     0},
    {"markdown", KEY_MARKDOWN, NULL, 0, "print the document oracle/HOLES.md", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct holes_options *options = state->input;

    switch (key) {
    case KEY_CORPUS:
        options->corpus = argument;
        return 0;
    case 'f':
        options->function = argument;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case 'l':
        options->ledger = argument;
        return 0;
    case KEY_MARKDOWN:
        options->markdown = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_failure(state, EXIT_USAGE, 0, "%s: no argument is expected; see --corpus", argument);
        return 0;
    case ARGP_KEY_END:
        if (options->json + options->markdown + (options->function && options->markdown) > 1)
            argp_failure(state, EXIT_USAGE, 0,
                         "--json, --markdown, --function: --markdown goes with none of the others");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* --- running --- */

/* corpus/seeds in the nearest folder above the executable that has one. False, after complaining. */
static bool find_corpus(char *path, size_t size)
{
    char folder[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", folder, sizeof(folder) - 1);

    folder[n < 0 ? 0 : n] = '\0';
    for (char *end = strrchr(folder, '/'); end; end = strrchr(folder, '/')) {
        *end = '\0';
        if ((size_t)snprintf(path, size, "%s/corpus/seeds", folder) < size && is_folder(path))
            return true;
    }
    complain(EXIT_USAGE, "no corpus/seeds in any folder above the executable; see --corpus");
    return false;
}

/* Says how far it is, if it takes so long that somebody may wonder. */
static void tell_progress(time_t *last, size_t done, size_t all)
{
    const time_t now = time(NULL);

    if (*last == 0)
        *last = now;
    if (now - *last < 2)
        return;
    *last = now;
    fprintf(stderr, "slotcheck: %zu of %zu programs\n", done, all);
}

static int run_cases(struct holes *holes, const struct cases *cases)
{
    struct program program;
    int status = EXIT_AGREEMENT;
    time_t last = 0;

    program_init(&program);
    for (size_t i = 0; i < cases->nr && status == EXIT_AGREEMENT; i++) {
        tell_progress(&last, i, cases->nr);
        if (!case_read(cases->paths[i], &program))
            status = EXIT_USAGE;
        else if (!holes_run(holes, &program))
            status = complain(EXIT_INTERNAL, "%s: %s", cases->paths[i], holes_error(holes));
    }
    program_free(&program);
    if (status == EXIT_AGREEMENT && !holes_find_examples(holes))
        status = complain(EXIT_INTERNAL, "%s", holes_error(holes));
    return status;
}

static int run_corpus(struct holes *holes, const char *corpus)
{
    struct cases cases = {0};
    int status = EXIT_USAGE;

    if (cases_collect(&cases, corpus))
        status = cases.nr ? run_cases(holes, &cases)
                          : complain(EXIT_USAGE, "%s: the folder has no programs", corpus);
    cases_free(&cases);
    return status;
}

/* --- what is printed --- */

static json_t *json_clauses(const struct clause_set *set)
{
    json_t *array = json_array();

    for (int id = 0; id < NR_CLAUSES; id++)
        if (clause_set_has(set, (enum clause_id)id))
            json_array_append_new(array, json_string(CLAUSES[id].id));
    return array;
}

static json_t *json_example(const struct hole_example *example)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = example->program ? open_memstream(&text, &size) : NULL;
    json_t *object;

    if (!out)
        return json_null();
    program_print(example->program, out);
    fclose(out);
    object = json_pack("{s:s, s:I, s:s, s:s}", "program", text, "index", (json_int_t)example->index,
                       "before", example->before, "after", example->after);
    free(text);
    return object;
}

static json_t *json_hole(const struct hole *hole, const struct change_info *info)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "area",
                     change_area(info), "field", info->field, "change", info->to, "tried",
                     (json_int_t)hole->tried, "accepted", (json_int_t)hole->accepted, "uncaught",
                     (json_int_t)hole->uncaught, "excluded", (json_int_t)hole->excluded,
                     "caught_by", json_clauses(&hole->caught_by), "rejected_by",
                     json_clauses(&hole->rejected_by), "example", json_example(&hole->example));
}

static json_t *json_relation(const struct holes *holes, unsigned relation)
{
    json_t *changes = json_array();

    for (unsigned change = 0; change < nr_changes(); change++) {
        const struct hole *hole = holes_at(holes, relation, change);
        const struct change_info info = change_info(change);

        if (hole->tried)
            json_array_append_new(changes, json_hole(hole, &info));
    }
    return json_pack("{s:s, s:b, s:I, s:o}", "name", holes_relation_name(holes, relation),
                     "spec_function", relation < holes_nr_functions(holes), "steps",
                     (json_int_t)holes_relation_steps(holes, relation), "changes", changes);
}

static json_t *json_first(const struct clause_power *power)
{
    if (!power->alone)
        return json_null();
    const struct change_info info = change_info(power->first_change);

    return json_pack("{s:s, s:s, s:s, s:s}", "operation", OPS[power->first_op].name, "area",
                     change_area(&info), "field", info.field, "change", info.to);
}

static json_t *json_power(const struct holes *holes)
{
    json_t *array = json_array();

    for (int id = 0; id < NR_CLAUSES; id++) {
        const struct clause_power *power = holes_clause_power(holes, (enum clause_id)id);

        json_array_append_new(array, json_pack("{s:s, s:I, s:I, s:o, s:o}", "id", CLAUSES[id].id,
                                               "failed", (json_int_t)power->failed, "alone",
                                               (json_int_t)power->alone, "first", json_first(power),
                                               "with", json_clauses(&power->with)));
    }
    return array;
}

static bool print_json(const struct holes *holes, unsigned relation)
{
    json_t *relations = json_array();

    for (unsigned r = 0; r < holes_nr_relations(holes); r++)
        if (relation == holes_nr_relations(holes) || r == relation)
            json_array_append_new(relations, json_relation(holes, r));
    return json_print(stdout,
                      json_pack("{s:I, s:I, s:I, s:o, s:o}", "programs",
                                (json_int_t)holes_nr_programs(holes), "steps",
                                (json_int_t)holes_nr_steps(holes), "changes",
                                (json_int_t)holes_nr_trials(holes), "relations", relations,
                                "clauses", json_power(holes)),
                      2);
}

static int write_ledger(const struct holes *holes, const char *path)
{
    struct ledger *ledger = path ? ledger_create() : NULL;
    int status = EXIT_AGREEMENT;

    if (!path)
        return EXIT_AGREEMENT;
    if (!ledger)
        return complain(EXIT_INTERNAL, "no memory");
    ledger_add_stats(ledger, holes_stats(holes));
    if (!ledger_write(path, ledger))
        status = complain(EXIT_USAGE, "%s: %s", path, strerror(errno));
    ledger_destroy(ledger);
    return status;
}

static int print(const struct holes *holes, const struct holes_options *options, unsigned relation)
{
    if (options->markdown)
        holes_print_markdown(stdout, holes);
    else if (!options->json)
        holes_print_summary(stdout, holes, relation);
    else if (!print_json(holes, relation))
        return complain(EXIT_INTERNAL, "the JSON cannot be written");
    return EXIT_AGREEMENT;
}

int command_holes(int argc, char **argv)
{
    const struct argp argp = {
        OPTIONS,
        parse_option,
        "",
        "Prints what the spec functions do not pin down. All programs of the corpus are run; after "
        "each step one thing at a time is made different, and what a function still accepts is "
        "listed, with what else of the specification catches it and the smallest example."
        "\vExample:\n  ./slotcheck holes --function get_from_unused_spec\n"
        "  ./slotcheck holes --markdown > oracle/HOLES.md",
        NULL,
        NULL,
        NULL};
    struct holes_options options = {0};
    char corpus[PATH_MAX], error[PATH_MAX + 200];
    struct holes *holes;
    unsigned relation;
    int status;

    argp_parse(&argp, argc, argv, 0, NULL, &options);
    if (options.ledger && !ledger_can_write(options.ledger, error, sizeof(error)))
        return complain(EXIT_USAGE, "%s", error);
    if (!options.corpus && !find_corpus(corpus, sizeof(corpus)))
        return EXIT_USAGE;
    holes = holes_create(error, sizeof(error));
    if (!holes)
        return complain(EXIT_INTERNAL, "%s", error);
    relation =
        options.function ? holes_relation(holes, options.function) : holes_nr_relations(holes);
    if (options.function && relation == holes_nr_relations(holes))
        status = complain(EXIT_USAGE,
                          "no relation `%s`; without --function `slotcheck holes` lists them all",
                          options.function);
    else
        status = run_corpus(holes, options.corpus ? options.corpus : corpus);
    if (status == EXIT_AGREEMENT)
        status = write_ledger(holes, options.ledger);
    if (status == EXIT_AGREEMENT)
        status = print(holes, &options, relation);
    holes_destroy(holes);
    return status;
}
