/* SPDX-License-Identifier: MPL-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "holes_print.h"

const char *change_area(const struct change_info *info)
{
    static const char *const areas[NR_CHANGE_PARTS][NR_CHANGE_ROLES] = {
        [PART_OUTCOME] = {"the outcome", "", ""},
        [PART_OWNER] = {"slot_owners[idx]", "slot_owners[also]", "slot_owners[other]"},
        [PART_PERM] = {"slots[idx]", "slots[also]", "slots[other]"},
        [PART_OBLIGATIONS] = {"frame_obligations[idx]", "frame_obligations[also]",
                              "frame_obligations[other]"},
        [PART_LIST] = {"the list", "", "another list"},
        [PART_BEFORE] = {"pre.slot_owners[idx]", "", ""},
        [PART_BEFORE_PERM] = {"pre.slots[idx]", "", ""},
    };

    return areas[info->part][info->role];
}

/* --- rows --- */

/* How a change that is accepted is caught. */
enum catch { CAUGHT, PARTLY, UNCAUGHT, NR_CATCHES };

/* Changes of one area that a relation accepts, and that are caught alike. */
struct row {
    enum catch catch;
    bool all;       /* whatever can be changed in that area is accepted */
    bool sometimes; /* not in every step */
    bool excluded;  /* the precondition rules out some of them */
    unsigned first; /* the first change */
    char *changes;
    struct clause_set caught_by;
    const struct hole_example *example;
};

static enum catch catch_of(const struct hole *hole)
{
    if (hole->uncaught == 0)
        return CAUGHT;
    return hole->uncaught == hole->accepted ? UNCAUGHT : PARTLY;
}

static bool same_area(unsigned a, unsigned b)
{
    const struct change_info x = change_info(a), y = change_info(b);

    return x.part == y.part && x.role == y.role;
}

/* The change behind the last one of the area. */
static unsigned area_end(unsigned change)
{
    unsigned end = change;

    while (end < nr_changes() && same_area(change, end))
        end++;
    return end;
}

/*
 * Of the state before, only what does not occur: where nothing catches the change, the step is as right
 * from there.
 */
static bool is_shown(const struct hole *hole, unsigned change)
{
    if (change_info(change).part == PART_BEFORE)
        return hole->accepted > hole->uncaught;
    return hole->accepted > 0;
}

static bool all_accepted(const struct holes *holes, unsigned relation, unsigned from, unsigned to)
{
    bool any = false;

    for (unsigned change = from; change < to; change++) {
        const struct hole *hole = holes_at(holes, relation, change);

        if (hole->accepted < hole->tried)
            return false;
        any |= hole->tried > 0;
    }
    return any;
}

static bool example_is_smaller(const struct hole_example *a, const struct hole_example *b)
{
    if (!a->program || !b || !b->program)
        return a->program != NULL;
    if (a->program->nr_ops != b->program->nr_ops)
        return a->program->nr_ops < b->program->nr_ops;
    return program_slots(a->program) < program_slots(b->program);
}

static void add_example(struct row *row, const struct hole *hole)
{
    /* One that nothing catches is worth more. */
    if (example_is_smaller(&hole->example, row->example))
        row->example = &hole->example;
}

/* Puts the changes from..to that are caught like `catch` into the row; false if there are none. */
static bool fill_row(const struct holes *holes, unsigned relation, unsigned from, unsigned to,
                     enum catch catch, struct row *row)
{
    const char *field = NULL;
    size_t size = 0;
    FILE *out;

    *row = (struct row){.catch = catch, .first = to};
    out = open_memstream(&row->changes, &size);
    if (!out)
        return false;
    for (unsigned change = from; change < to; change++) {
        const struct hole *hole = holes_at(holes, relation, change);
        const struct change_info info = change_info(change);

        if (!is_shown(hole, change) || catch_of(hole) != catch)
            continue;
        if (!field || strcmp(field, info.field) != 0)
            fprintf(out, "%s`%s`: %s", field ? "; " : "", info.field, info.to);
        else
            fprintf(out, ", %s", info.to);
        field = info.field;
        if (row->first == to)
            row->first = change;
        row->sometimes |= hole->accepted < hole->tried;
        row->excluded |= hole->excluded > 0;
        for (size_t i = 0; i < sizeof(row->caught_by.bits) / sizeof(row->caught_by.bits[0]); i++)
            row->caught_by.bits[i] |= hole->caught_by.bits[i];
        add_example(row, hole);
    }
    fclose(out);
    return row->first != to;
}

/* --- cells --- */

enum {
    MAX_CATCHERS = 4, /* named in one cell */
};

/* Functions of which a clause is in the set, those of the page first. Returns how many. */
static int catchers(const struct clause_set *set, const char *names[], int max)
{
    int n = 0;

    for (int id = 0; id < NR_CLAUSES; id++) {
        bool known = !clause_set_has(set, (enum clause_id)id);

        for (int i = 0; i < n && i < max; i++)
            known |= strcmp(names[i], CLAUSES[id].function) == 0;
        if (known)
            continue;
        if (n < max)
            names[n] = CLAUSES[id].function;
        n++;
    }
    return n;
}

static void print_catchers(FILE *out, const struct row *row)
{
    const char *names[NR_CLAUSES];
    const int n = catchers(&row->caught_by, names, NR_CLAUSES);

    if (row->catch == UNCAUGHT) {
        fputs("**nothing**", out);
        return;
    }
    if (row->excluded)
        fprintf(out, "the precondition%s", n ? ", " : "");
    for (int i = 0; i < n && i < MAX_CATCHERS; i++)
        fprintf(out, "%s`%s`", i ? ", " : "", names[i]);
    if (n > MAX_CATCHERS)
        fprintf(out, " and %d more", n - MAX_CATCHERS);
    if (row->catch == PARTLY)
        fputs("; in some states **nothing**", out);
}

static void print_example(FILE *out, const struct hole_example *example)
{
    if (!example || !example->program) {
        fputs("-", out);
        return;
    }
    for (size_t i = 0; i < example->program->nr_ops; i++) {
        fputs(i ? " `" : "`", out);
        operation_print(&example->program->ops[i], out);
        fputs("`", out);
    }
    fprintf(out, " on %" PRIu64 " slot%s: %s → %s", program_slots(example->program),
            program_slots(example->program) == 1 ? "" : "s", example->before, example->after);
}

static void print_row(FILE *out, const struct row *row)
{
    const struct change_info info = change_info(row->first);

    fprintf(out, "| %s`%s`%s: %s%s | ", row->all ? "**anything of** " : "", change_area(&info), "",
            row->changes, row->sometimes ? " (in some states)" : "");
    print_catchers(out, row);
    fputs(" | ", out);
    print_example(out, row->example);
    fputs(" |\n", out);
}

static void print_rows(FILE *out, const struct holes *holes, unsigned relation, bool before)
{
    for (unsigned from = 0; from < nr_changes(); from = area_end(from)) {
        const unsigned to = area_end(from);

        if ((change_info(from).part == PART_BEFORE) != before)
            continue;
        for (int catch = UNCAUGHT; catch >= CAUGHT; catch --) {
            struct row row;

            if (fill_row(holes, relation, from, to, (enum catch) catch, &row)) {
                row.all = all_accepted(holes, relation, from, to);
                print_row(out, &row);
            }
            free(row.changes);
        }
    }
}

/* --- the document --- */

static void print_function(FILE *out, const struct holes *holes, unsigned relation)
{
    fprintf(out, "\n## %s\n\n", holes_relation_name(holes, relation));
    fputs("| change accepted | caught by | smallest example |\n|---|---|---|\n", out);
    print_rows(out, holes, relation, false);
    print_rows(out, holes, relation, true);
}

void holes_print_markdown(FILE *out, const struct holes *holes)
{
    fprintf(out, "%" PRIu64 " programs %" PRIu64 " steps %" PRIu64 " changes\n",
            holes_nr_programs(holes), holes_nr_steps(holes), holes_nr_trials(holes));
    for (unsigned r = 0; r < holes_nr_functions(holes); r++)
        print_function(out, holes, r);
}

void holes_print_summary(FILE *out, const struct holes *holes, unsigned relation)
{
    for (unsigned r = 0; r < holes_nr_functions(holes); r++)
        if (relation == r || relation == holes_nr_relations(holes))
            print_function(out, holes, r);
}
