/* SPDX-License-Identifier: MPL-2.0 */
/* ledger: what runs have checked, clause by clause; what they have not checked comes first. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "slotcheck/ledger.h"

/* --- what no subject can break --- */

#define CELLS  "the ids of cells are the oracle's own; a subject has no way to tell one"
#define VADDR  "slot_vaddr is the oracle's own; the slots of a subject do not move"
#define DOMAIN "which indices have an owner is the oracle's own; a subject cannot take one away"
#define PARKED "a permission that is parked is made by the oracle; a subject tells only when"
#define BEFORE "it speaks of the state before the step, on which both sides have agreed"

/* Only the reference could; then the finding is an oracle fault. Reasons stand together. */
static const struct {
    enum clause_id id;
    const char *why;
} UNBREAKABLE[] = {
    {CLAUSE_get_from_unused_spec__owners_dom, DOMAIN},
    {CLAUSE_get_node_from_unused_spec__owners_dom, DOMAIN},
    {CLAUSE_meta_region_owners_inv__owners_dom, DOMAIN},
    {CLAUSE_get_from_unused_spec__slot_vaddr, VADDR},
    {CLAUSE_get_node_from_unused_spec__slot_vaddr, VADDR},
    {CLAUSE_get_from_in_use_success__slot_vaddr, VADDR},
    {CLAUSE_meta_slot_owner_inv__slot_vaddr_range, VADDR},
    {CLAUSE_meta_slot_owner_inv__slot_vaddr_aligned, VADDR},
    {CLAUSE_meta_region_owners_inv__slot_vaddr, VADDR},
    {CLAUSE_drop_last_in_place__slot_vaddr, VADDR},
    {CLAUSE_segment_from_unused__slot_vaddr, VADDR},
    {CLAUSE_exec__slot_vaddr, VADDR},
    {CLAUSE_get_from_in_use_success__ref_count_id, CELLS},
    {CLAUSE_drop_last_in_place__cell_ids, CELLS},
    {CLAUSE_wf__storage, CELLS},
    {CLAUSE_wf__ref_count, CELLS},
    {CLAUSE_wf__vtable_ptr, CELLS},
    {CLAUSE_wf__in_list, CELLS},
    {CLAUSE_metadata_wf__storage, CELLS},
    {CLAUSE_metadata_wf__ref_count, CELLS},
    {CLAUSE_metadata_wf__vtable_ptr, CELLS},
    {CLAUSE_metadata_wf__in_list, CELLS},
    {CLAUSE_metadata_as_link_wf__metadata_wf, CELLS},
    {CLAUSE_metadata_to_from_repr__r, CELLS},
    {CLAUSE_metadata_as_link_to_from_repr__r, CELLS},
    {CLAUSE_meta_region_owners_inv__perm_init, PARKED},
    {CLAUSE_meta_region_owners_inv__perm_addr, PARKED},
    {CLAUSE_frame_paddr_safety_cond__range, BEFORE},
    {CLAUSE_frame_paddr_safety_cond__aligned, BEFORE},
    {CLAUSE_drop_last_in_place_safety_cond__ref_count, BEFORE},
    {CLAUSE_drop_last_in_place_safety_cond__storage, BEFORE},
    {CLAUSE_drop_last_in_place_safety_cond__in_list, BEFORE},
    {CLAUSE_drop_last_in_place_safety_cond__paths_in_pt, BEFORE},
    {CLAUSE_clean_inv__frame_obligations, BEFORE},
};

#define NR_UNBREAKABLE (sizeof(UNBREAKABLE) / sizeof(UNBREAKABLE[0]))

static const char *why_unbreakable(enum clause_id id)
{
    for (size_t i = 0; i < NR_UNBREAKABLE; i++)
        if (UNBREAKABLE[i].id == id)
            return UNBREAKABLE[i].why;
    return NULL;
}

/* --- how good the news of a clause is --- */

enum verdict { NEVER_EVALUATED, NEVER_FALSE, ONLY_THE_REFERENCE, DECIDED, NR_VERDICTS };

static const struct {
    const char *name; /* in JSON */
    const char *heading;
    const char *short_text;
} VERDICTS[NR_VERDICTS] = {
    [NEVER_EVALUATED] = {"never evaluated", "never evaluated: these runs say nothing of them",
                         "never evaluated"},
    [NEVER_FALSE] = {"never false", "evaluated, and never seen to fail", "never seen to fail"},
    [ONLY_THE_REFERENCE] = {"only the reference", "evaluated; only the reference can break them",
                            "breakable by the reference only"},
    [DECIDED] = {"decided", "evaluated, and seen to fail", "seen to fail"},
};

static enum verdict verdict_of(const struct ledger *ledger, enum clause_id id)
{
    if (ledger_evaluated(ledger, id) == 0)
        return NEVER_EVALUATED;
    if (ledger_decided(ledger, id))
        return DECIDED;
    return why_unbreakable(id) ? ONLY_THE_REFERENCE : NEVER_FALSE;
}

static int count_verdict(const struct ledger *ledger, enum verdict verdict)
{
    int n = 0;

    for (int id = 0; id < NR_CLAUSES; id++)
        n += verdict_of(ledger, (enum clause_id)id) == verdict;
    return n;
}

/* --- operations of a clause --- */

/* Those that evaluated it, the busiest first. Returns how many. */
static int operations_of(const struct ledger *ledger, enum clause_id id, enum op order[NR_OPS])
{
    int n = 0;

    for (int op = 0; op < NR_OPS; op++) {
        const uint64_t evaluated = ledger->evaluated[op][id];
        int at = n;

        if (evaluated == 0)
            continue;
        for (; at > 0 && ledger->evaluated[order[at - 1]][id] < evaluated; at--)
            order[at] = order[at - 1];
        order[at] = (enum op)op;
        n++;
    }
    return n;
}

/* --- as a table --- */

enum {
    SHOWN_OPERATIONS = 3,
    WIDTH_CLAUSE = 50,
};

static void print_operations(const struct ledger *ledger, enum clause_id id)
{
    enum op order[NR_OPS];
    const int n = operations_of(ledger, id, order);

    printf("%d:", n);
    for (int i = 0; i < n && i < SHOWN_OPERATIONS; i++)
        printf(" %s", OPS[order[i]].name);
    if (n > SHOWN_OPERATIONS)
        fputs(" ...", stdout);
}

static void print_clause(const struct ledger *ledger, enum clause_id id, enum verdict verdict)
{
    const char *first = ledger->first_evaluated[id];

    if (verdict == NEVER_EVALUATED) {
        printf("  %-*s  %s\n", WIDTH_CLAUSE, CLAUSES[id].id, CLAUSES[id].where);
        return;
    }
    printf("  %-*s  %12" PRIu64 "  %8" PRIu64 "  ", WIDTH_CLAUSE, CLAUSES[id].id,
           ledger_evaluated(ledger, id), ledger_decided(ledger, id));
    print_operations(ledger, id);
    if (first)
        printf("  first in %s", first);
    if (ledger->first_false[id])
        printf("  false in %s", ledger->first_false[id]);
    putchar('\n');
}

/* A reason stands once, over the clauses that share it. */
static void print_reasoned(const struct ledger *ledger)
{
    const char *why = "";

    for (size_t i = 0; i < NR_UNBREAKABLE; i++) {
        if (verdict_of(ledger, UNBREAKABLE[i].id) != ONLY_THE_REFERENCE)
            continue;
        if (strcmp(why, UNBREAKABLE[i].why) != 0)
            printf("  -- %s\n", UNBREAKABLE[i].why);
        why = UNBREAKABLE[i].why;
        print_clause(ledger, UNBREAKABLE[i].id, ONLY_THE_REFERENCE);
    }
}

static void print_group(const struct ledger *ledger, enum verdict verdict)
{
    if (count_verdict(ledger, verdict) == 0)
        return;
    printf("%s:\n", VERDICTS[verdict].heading);
    if (verdict == NEVER_EVALUATED)
        printf("  %-*s  %s\n", WIDTH_CLAUSE, "clause", "stated in");
    else
        printf("  %-*s  %12s  %8s  %s\n", WIDTH_CLAUSE, "clause", "evaluated", "false",
               "operations, the busiest first");
    if (verdict == ONLY_THE_REFERENCE)
        print_reasoned(ledger);
    for (int id = 0; id < NR_CLAUSES && verdict != ONLY_THE_REFERENCE; id++)
        if (verdict_of(ledger, (enum clause_id)id) == verdict)
            print_clause(ledger, (enum clause_id)id, verdict);
    putchar('\n');
}

static void print_table(const struct ledger *ledger)
{
    for (int verdict = 0; verdict < NR_VERDICTS; verdict++)
        print_group(ledger, (enum verdict)verdict);
    printf("%" PRIu64 " programs in %" PRIu64 " run%s; of %d clauses", ledger->programs,
           ledger->runs, ledger->runs == 1 ? "" : "s", NR_CLAUSES);
    for (int verdict = 0; verdict < NR_VERDICTS; verdict++)
        printf("%s %d %s", verdict ? "," : "", count_verdict(ledger, (enum verdict)verdict),
               VERDICTS[verdict].short_text);
    putchar('\n');
}

/* --- as JSON --- */

static json_t *count_json(uint64_t n)
{
    return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *path_json(const char *path)
{
    return path ? json_text(path) : json_null();
}

static json_t *clause_json(const struct ledger *ledger, enum clause_id id, enum verdict verdict)
{
    json_t *operations = json_object();
    enum op order[NR_OPS];
    const int n = operations_of(ledger, id, order);

    for (int i = 0; i < n; i++)
        json_object_set_new(operations, OPS[order[i]].name,
                            json_pack("{s:o, s:o}", "evaluated",
                                      count_json(ledger->evaluated[order[i]][id]), "false",
                                      count_json(ledger->decided[order[i]][id])));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "clause", CLAUSES[id].id, "verdict",
                     VERDICTS[verdict].name, "evaluated", count_json(ledger_evaluated(ledger, id)),
                     "false", count_json(ledger_decided(ledger, id)), "operations", operations,
                     "first_evaluated", path_json(ledger->first_evaluated[id]), "first_false",
                     path_json(ledger->first_false[id]));
}

static bool print_json(const struct ledger *ledger)
{
    json_t *clauses = json_array();

    for (int verdict = 0; verdict < NR_VERDICTS; verdict++)
        for (int id = 0; id < NR_CLAUSES; id++)
            if (verdict_of(ledger, (enum clause_id)id) == (enum verdict)verdict)
                json_array_append_new(
                    clauses, clause_json(ledger, (enum clause_id)id, (enum verdict)verdict));
    return json_print(stdout,
                      json_pack("{s:i, s:o, s:o, s:o}", "record_version", 1, "runs",
                                count_json(ledger->runs), "programs", count_json(ledger->programs),
                                "clauses", clauses),
                      2);
}

/* --- the command --- */

enum { KEY_REQUIRE_ALL = 0x100 };

struct ledger_options {
    struct files files;
    const char *output;
    bool json;
    bool require_all;
};

static const struct argp_option OPTIONS[] = {
    {"json", 'j', NULL, 0, "print JSON", 0},
    {"output", 'o', "MERGED", 0, "write the sum there, as a ledger, too", 0},
    {"require-all", KEY_REQUIRE_ALL, NULL, 0, "exit status 1 if a clause was never evaluated", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct ledger_options *options = state->input;

    switch (key) {
    case 'j':
        options->json = true;
        return 0;
    case 'o':
        options->output = argument;
        return 0;
    case KEY_REQUIRE_ALL:
        options->require_all = true;
        return 0;
    default:
        return parse_files(key, state, &options->files);
    }
}

static int show(const struct ledger_options *options, struct ledger *ledger)
{
    char error[4096];

    for (int i = 0; i < options->files.nr; i++)
        if (!ledger_read(options->files.paths[i], ledger, error, sizeof(error)))
            return complain(EXIT_USAGE, "%s", error);
    if (options->output && !ledger_write(options->output, ledger))
        return complain(EXIT_USAGE, "%s: %s", options->output, strerror(errno));
    if (!options->json)
        print_table(ledger);
    else if (!print_json(ledger))
        return EXIT_INTERNAL;
    return options->require_all && count_verdict(ledger, NEVER_EVALUATED) ? EXIT_DIVERGENCE
                                                                          : EXIT_AGREEMENT;
}

int command_ledger(int argc, char **argv)
{
    const struct argp argp = {
        OPTIONS,
        parse_option,
        "FILE...",
        "Adds up ledgers and statistics of fuzz targets, and prints what those runs have checked: "
        "for each clause how often it was evaluated, in which operations, how often it was false. "
        "Clauses that were never evaluated, or never false, come first."
        "\vExample:\n  ./slotcheck run --ledger seeds.ledger corpus/seeds\n"
        "  ./slotcheck ledger seeds.ledger out/fuzz/ledger.txt",
        NULL,
        NULL,
        NULL};
    struct ledger_options options = {0};
    struct ledger *ledger;
    char error[4200];
    int status;

    argp_parse(&argp, argc, argv, 0, NULL, &options);
    if (options.output && !ledger_can_write(options.output, error, sizeof(error)))
        return complain(EXIT_USAGE, "%s", error);
    ledger = ledger_create();
    status = ledger ? show(&options, ledger) : complain(EXIT_INTERNAL, "no memory");
    ledger_destroy(ledger);
    return status;
}
