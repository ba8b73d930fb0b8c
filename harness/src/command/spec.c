/* SPDX-License-Identifier: MPL-2.0 */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

struct spec_options {
    const char *function;
    const char *corpus; /* null: that of the project */
    bool json;
    bool table;
};

enum { KEY_TABLE = 0x100, KEY_CORPUS };

static const struct argp_option OPTIONS[] = {
    {"json", 'j', NULL, 0, "print a JSON array", 0},
    {"table", KEY_TABLE, NULL, 0,
     "print, as Markdown, from each name of the source to its clauses, seed cases and tests", 0},
    {"corpus", KEY_CORPUS, "DIR", 0, "with --table: the seed cases (corpus/seeds)", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct spec_options *options = state->input;

    switch (key) {
    case 'j':
        options->json = true;
        return 0;
    case KEY_TABLE:
        options->table = true;
        return 0;
    case KEY_CORPUS:
        options->corpus = argument;
        return 0;
    case ARGP_KEY_ARG:
        if (options->function)
            argp_failure(state, EXIT_USAGE, 0, "one function at a time");
        options->function = argument;
        return 0;
    case ARGP_KEY_END:
        if (options->table && (options->function || options->json))
            argp_failure(state, EXIT_USAGE, 0, "--table is of all functions, and Markdown");
        if (options->corpus && !options->table)
            argp_failure(state, EXIT_USAGE, 0, "--corpus says where --table finds cases");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* A function's name, or the id of one clause. */
static bool asked_for(const struct clause_info *info, const char *function)
{
    return !function || strcmp(info->function, function) == 0 || strcmp(info->id, function) == 0;
}

static void print_clause(const struct clause_info *info, const char **function)
{
    if (*function == NULL || strcmp(*function, info->function) != 0)
        printf("%s%s  (%s)\n", *function ? "\n" : "", info->function, info->where);
    *function = info->function;
    printf("  %-46s %-9s  %s\n", info->id, clause_kind_name(info->kind), info->text);
}

/* The launcher says where the project is. */
static int print_table(const char *corpus)
{
    const char *root = getenv("SLOTCHECK_ROOT");
    char folder[4096];

    if (corpus)
        return table_print(stdout, corpus);
    if (snprintf(folder, sizeof(folder), "%s%scorpus/seeds", root ? root : "", root ? "/" : "") >=
        (int)sizeof(folder))
        return complain(EXIT_USAGE, "%s: the path is too long", root);
    return table_print(stdout, folder);
}

int command_spec(int argc, char **argv)
{
    const struct argp argp = {OPTIONS,
                              parse_option,
                              "[FUNCTION]",
                              "Prints the clauses of the specification: id, kind, what it says, "
                              "where the source states it. FUNCTION is a function of the source or "
                              "one clause's id."
                              "\vExample:\n  ./slotcheck spec get_from_in_use_success\n"
                              "  ./slotcheck spec --table > table.md",
                              NULL,
                              NULL,
                              NULL};
    struct spec_options options = {0};
    const char *function = NULL;
    json_t *array;
    bool found = false;

    argp_parse(&argp, argc, argv, 0, NULL, &options);
    if (options.table)
        return print_table(options.corpus);
    array = json_array();
    for (int i = 0; i < NR_CLAUSES; i++) {
        const struct clause_info *info = &CLAUSES[i];

        if (!asked_for(info, options.function))
            continue;
        found = true;
        if (!options.json)
            print_clause(info, &function);
        else
            json_array_append_new(array,
                                  json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", info->id, "function",
                                            info->function, "kind", clause_kind_name(info->kind),
                                            "text", info->text, "where", info->where));
    }
    if (!found) {
        json_decref(array);
        return complain(EXIT_USAGE, "no function or clause `%s`; `slotcheck spec` lists them all",
                        options.function);
    }
    if (options.json)
        return json_print(stdout, array, 2) ? EXIT_AGREEMENT : EXIT_INTERNAL;
    json_decref(array);
    return EXIT_AGREEMENT;
}
