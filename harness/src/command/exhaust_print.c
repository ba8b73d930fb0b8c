/* SPDX-License-Identifier: MPL-2.0 */
/* What a search says: text, or a JSON object. */
#include <inttypes.h>
#include <stdlib.h>

#include "exhaust_search.h"

/* As program.h spells them. */
static const char *const KIND_NAMES[NR_OPERAND_KINDS] = {
    [OPERAND_NONE] = "NONE",       [OPERAND_PADDR] = "PADDR",     [OPERAND_SLOT] = "SLOT",
    [OPERAND_FRAME] = "FRAME",     [OPERAND_UNIQUE] = "UNIQUE",   [OPERAND_META] = "META",
    [OPERAND_FLAG] = "FLAG",       [OPERAND_COUNT] = "COUNT",     [OPERAND_LEVEL] = "LEVEL",
    [OPERAND_VALUE] = "VALUE",     [OPERAND_LIST] = "LIST",       [OPERAND_CURSOR] = "CURSOR",
    [OPERAND_SEGMENT] = "SEGMENT", [OPERAND_MAPPING] = "MAPPING", [OPERAND_LENGTH] = "LENGTH",
    [OPERAND_TYPE] = "TYPE",       [OPERAND_PATH] = "PATH",       [OPERAND_USAGE] = "USAGE",
};

static const char *end_name(const struct search *search)
{
    static const char *const NAMES[] = {
        [EXHAUST_GOES_ON] = "unfinished",   [EXHAUST_COMPLETE] = "complete",
        [EXHAUST_CLOSED] = "closed",        [EXHAUST_DIVERGED] = "divergence",
        [EXHAUST_OUT_OF_MEMORY] = "memory", [EXHAUST_STOPPED] = "stopped",
        [EXHAUST_FAILED] = "failed",
    };

    if (search->was_killed)
        return "killed";
    if (search->found && search->found->agrees_alone)
        return "unstable";
    return NAMES[search->report->end];
}

/* --- the scope --- */

/* Does an operation of the scope have an operand of the kind? */
static bool occurs(const struct scope *scope, enum operand_kind kind)
{
    for (int op = 0; op < NR_OPS; op++)
        for (int at = 0; scope->ops[op] && at < PROGRAM_MAX_OPERANDS; at++)
            if (OPS[op].operand[at] == kind)
                return kind != OPERAND_NONE;
    return false;
}

static void print_operands(const struct scope *scope)
{
    bool has_handles = false;

    for (int i = 0; i < NR_OPERAND_KINDS; i++) {
        const enum operand_kind kind = (enum operand_kind)i;

        if (!occurs(scope, kind) || scope->nr_values[kind] == 0)
            continue;
        printf("  %s", KIND_NAMES[kind]);
        for (int v = 0; v < scope->nr_values[kind]; v++) {
            putchar(' ');
            operand_print(kind, scope->values[kind][v], stdout);
        }
        putchar('\n');
    }
    for (int i = 0; i < NR_OPERAND_KINDS; i++)
        if (occurs(scope, (enum operand_kind)i) && scope->nr_values[i] == 0) {
            printf("%s%s", has_handles ? " " : "  ", KIND_NAMES[i]);
            has_handles = true;
        }
    if (has_handles)
        printf(": all that are alive\n");
}

static json_t *json_operand(enum operand_kind kind, uint16_t operand)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    json_t *value;

    if (!out)
        return NULL;
    operand_print(kind, operand, out);
    value = fclose(out) == 0 ? json_string(text) : NULL;
    free(text);
    return value;
}

static json_t *json_operands(const struct scope *scope)
{
    json_t *object = json_object();

    for (int i = 0; i < NR_OPERAND_KINDS; i++) {
        const enum operand_kind kind = (enum operand_kind)i;

        if (!occurs(scope, kind) || scope->nr_values[kind] == 0)
            continue;

        json_t *values = json_array();

        for (int v = 0; v < scope->nr_values[kind]; v++)
            json_array_append_new(values, json_operand(kind, scope->values[kind][v]));
        json_object_set_new(object, KIND_NAMES[kind], values);
    }
    return object;
}

static json_t *json_ops(const struct scope *scope)
{
    json_t *array = json_array();

    for (int op = 0; op < NR_OPS; op++)
        if (scope->ops[op])
            json_array_append_new(array, json_string(OPS[op].name));
    return array;
}

/* --- JSON --- */

static json_t *json_levels(const struct exhaust_report *report, unsigned depth)
{
    json_t *array = json_array();

    for (unsigned i = 0; i <= depth; i++)
        if (report->states[i] || report->transitions[i])
            json_array_append_new(array, json_pack("{s:i, s:I, s:I}", "depth", (int)i, "states",
                                                   (json_int_t)report->states[i], "transitions",
                                                   (json_int_t)report->transitions[i]));
    return array;
}

/* The divergence, and where it was written; null: it was not. */
static json_t *json_finding(const struct search *search)
{
    const struct found *found = search->found;
    char *text = NULL;
    size_t size = 0;
    FILE *out = found ? open_memstream(&text, &size) : NULL;
    json_t *object = NULL;

    if (!found)
        return json_null();
    if (!out)
        return NULL;
    program_print(&found->program, out);
    if (fclose(out) == 0)
        object = json_pack("{s:s, s:s, s:b, s:o, s:i, s:I, s:s}", "kind",
                           finding_kind_name(search->report->divergence.kind), "signature",
                           found->signature, "reproduces", !found->agrees_alone, "case",
                           found->path[0] ? json_text(found->path) : json_null(), "operations",
                           (int)found->nr_ops, "shrunk_operations",
                           (json_int_t)found->program.nr_ops, "program", text);
    free(text);
    return object;
}

/* The corpus; null: none was asked for, or the search does not make one. */
static json_t *json_corpus(const struct search *search)
{
    if (!search->options->corpus || search->found)
        return json_null();
    return json_pack("{s:i, s:b}", "programs", (int)search->side->nr_programs, "complete",
                     search->side->is_done && search->side->cover == COVER_COMPLETE);
}

static bool print_json(const struct search *search)
{
    const struct exhaust_report *report = search->report;
    const struct exhaust_options *options = search->options;
    json_t *record = json_pack(
        "{s:i, s:o, s:I, s:i, s:o, s:o, s:b, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I}",
        "record_version", 1, "subject", json_text(search->subject->name), "slots",
        (json_int_t)search->scope.nr_slots, "depth", (int)options->depth, "ops",
        json_ops(&search->scope), "operands", json_operands(&search->scope), "exact",
        options->exact, "end", end_name(search), "complete_depth", (int)report->complete_depth,
        "expanded", (json_int_t)report->expanded, "states_at_depth",
        (json_int_t)report->states[report->complete_depth], "states",
        (json_int_t)exhaust_states(report), "transitions", (json_int_t)exhaust_transitions(report),
        "skipped", (json_int_t)report->skipped, "levels", json_levels(report, options->depth),
        "cells", (json_int_t)search->stats->cells.nr, "cells_lost",
        (json_int_t)search->stats->cells.lost);
    json_t *rest = json_pack("{s:f, s:I, s:o, s:o}", "seconds", search->seconds, "bytes",
                             (json_int_t)report->bytes, "corpus", json_corpus(search), "finding",
                             json_finding(search));

    if (!record || !rest || json_object_update(record, rest) != 0) {
        json_decref(record);
        json_decref(rest);
        return false;
    }
    json_decref(rest);
    return json_print(stdout, record, 2);
}

/* --- text --- */

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void print_levels(const struct exhaust_report *report, unsigned depth)
{
    printf("\n  depth       states  transitions\n");
    for (unsigned i = 0; i <= depth; i++)
        if (report->states[i] || report->transitions[i])
            printf("  %5u %12" PRIu64 " %12" PRIu64 "\n", i, report->states[i],
                   report->transitions[i]);
    printf("\n");
}

static void print_partial_statement(const struct search *search)
{
    const struct exhaust_report *report = search->report;
    const unsigned depth = report->complete_depth;
    const char *why = search->was_killed                     ? "killed"
                      : report->end == EXHAUST_OUT_OF_MEMORY ? "out of memory (--memory)"
                                                             : "stopped";

    printf("%s: all programs of the scope with at most %u operation%s agree, and of those with %u "
           "the ones that go on from %" PRIu64 " of %" PRIu64 " states\n",
           why, depth, plural(depth), depth + 1, report->expanded, report->states[depth]);
}

/* The statement: what is true of all programs of the scope up to which depth. */
static void print_statement(const struct search *search)
{
    const unsigned depth = search->report->complete_depth;

    switch (search->report->end) {
    case EXHAUST_COMPLETE:
        printf("complete: all programs of the scope with at most %u operation%s agree\n", depth,
               plural(depth));
        return;
    case EXHAUST_CLOSED:
        printf("complete: all programs of the scope agree, of any length; after %u operation%s "
               "comes nothing new\n",
               depth - 1, plural(depth - 1));
        return;
    case EXHAUST_DIVERGED:
        if (depth == 0)
            printf("a shortest divergence of the scope: a single operation\n");
        else
            printf("a shortest divergence of the scope: all its programs with at most %u "
                   "operation%s agree\n",
                   depth, plural(depth));
        return;
    case EXHAUST_OUT_OF_MEMORY:
    case EXHAUST_STOPPED:
        print_partial_statement(search);
        return;
    case EXHAUST_GOES_ON:
    case EXHAUST_FAILED:
        break;
    }
}

static void print_corpus(const struct search *search)
{
    const struct side_results *side = search->side;
    const char *folder = search->options->corpus;

    if (!folder || search->found || side->status)
        return;
    if (side->is_done && side->cover == COVER_COMPLETE)
        printf("%u programs in %s have all of these cells\n", side->nr_programs, folder);
    else
        printf("%u programs in %s; there would be more, as not all of these cells are in them\n",
               side->nr_programs, folder);
}

static void print_text(const struct search *search)
{
    const struct exhaust_report *report = search->report;
    const struct found *found = search->found;
    const double transitions = (double)exhaust_transitions(report);
    int nr_ops = 0;

    for (int op = 0; op < NR_OPS; op++)
        nr_ops += search->scope.ops[op];
    printf("%s: %" PRIu64 " slot%s, %d operation%s\n", search->subject->name,
           search->scope.nr_slots, plural(search->scope.nr_slots), nr_ops,
           plural((uint64_t)nr_ops));
    print_operands(&search->scope);
    print_levels(report, search->options->depth);
    print_statement(search);
    if (found && found->program.nr_ops < found->nr_ops)
        printf("outside of the scope there is a shorter one: shrunk from %u operations to %zu\n",
               found->nr_ops, found->program.nr_ops);
    printf("%" PRIu64 " states, %.0f transitions and %" PRIu64 " that could not run, %" PRIu64
           " cells; %.1f s, %.2fM transitions/s, %.1f MiB\n",
           exhaust_states(report), transitions, report->skipped, search->stats->cells.nr,
           search->seconds, search->seconds > 0 ? 1e-6 * transitions / search->seconds : 0,
           (double)report->bytes / (1 << 20));
    if (search->stats->cells.lost)
        printf("cells: there are more than are counted\n");
    print_corpus(search);
}

bool search_print(const struct search *search)
{
    if (!search->options->json)
        print_text(search);
    else if (!print_json(search))
        return false;
    return fflush(stdout) == 0;
}
