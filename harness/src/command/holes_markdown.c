/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The holes of each relation as rows: changes of one area that are caught alike stand in one row.
 */
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
    bool rest;      /* of these, those that no other row has */
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
 * What a row is made of. The lists are no part of the state that the spec functions speak of; of an
 * operation only those count that it is about. What an operation takes for granted is its
 * precondition's matter.
 */
static bool is_shown(const struct holes *holes, unsigned relation, unsigned change)
{
    const struct change_info info = change_info(change);
    const struct op_info *op;

    if (holes_at(holes, relation, change)->accepted == 0)
        return false;
    /* No function says that it returns. */
    if (info.part == PART_OUTCOME && strcmp(info.to, "panic") == 0)
        return false;
    if (relation < holes_nr_functions(holes))
        return info.part != PART_LIST;
    op = &OPS[relation - holes_nr_functions(holes)];
    if (info.part == PART_LIST)
        return op->operand[0] == OPERAND_LIST || op->operand[0] == OPERAND_CURSOR;
    return !change_is_before(change);
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

static bool is_in_row(const struct holes *holes, unsigned relation, unsigned change,
                      enum catch catch)
{
    return is_shown(holes, relation, change) &&
           catch_of(holes_at(holes, relation, change)) == catch;
}

/* The change behind the last one of the field. */
static unsigned field_end(unsigned change, unsigned to)
{
    const char *field = change_info(change).field;

    while (change < to && strcmp(change_info(change).field, field) == 0)
        change++;
    return change;
}

/* One field: by its name alone if the row has all that was tried of it. */
static void write_field(FILE *out, const struct holes *holes, unsigned relation, unsigned from,
                        unsigned to, enum catch catch)
{
    const char *separator = ": ";
    bool all = true;

    for (unsigned change = from; change < to; change++)
        all &= holes_at(holes, relation, change)->tried == 0 ||
               is_in_row(holes, relation, change, catch);
    fprintf(out, "`%s`", change_info(from).field);
    for (unsigned change = from; !all && change < to; change++)
        if (is_in_row(holes, relation, change, catch)) {
            fprintf(out, "%s%s", separator, change_info(change).to);
            separator = ", ";
        }
}

static void add_to_row(struct row *row, const struct hole *hole)
{
    row->sometimes |= hole->accepted < hole->tried;
    row->excluded |= hole->excluded > 0;
    for (size_t i = 0; i < sizeof(row->caught_by.bits) / sizeof(row->caught_by.bits[0]); i++)
        row->caught_by.bits[i] |= hole->caught_by.bits[i];
    add_example(row, hole);
}

/* Puts the changes from..to that are caught like `catch` into the row; false if there are none. */
static bool fill_row(const struct holes *holes, unsigned relation, unsigned from, unsigned to,
                     enum catch catch, struct row *row)
{
    size_t size = 0;
    FILE *out;

    *row = (struct row){.catch = catch, .first = to};
    out = open_memstream(&row->changes, &size);
    if (!out)
        return false;
    for (unsigned at = from; at < to; at = field_end(at, to)) {
        const unsigned end = field_end(at, to);
        bool any = false;

        for (unsigned change = at; change < end; change++)
            if (is_in_row(holes, relation, change, catch)) {
                add_to_row(row, holes_at(holes, relation, change));
                any = true;
            }
        if (!any)
            continue;
        if (row->first == to)
            row->first = at;
        else
            fputs("; ", out);
        write_field(out, holes, relation, at, end, catch);
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
    const bool code = strchr(change_area(&info), ' ') == NULL;

    fputs("| ", out);
    if (row->all)
        fputs(row->rest ? "anything else of " : "anything of ", out);
    fprintf(out, code ? "`%s`" : "%s", change_area(&info));
    if (!row->all)
        fprintf(out, ": %s", row->changes);
    fputs(row->sometimes ? " (in some states) | " : " | ", out);
    print_catchers(out, row);
    fputs(" | ", out);
    print_example(out, row->example);
    fputs(" |\n", out);
}

/* The rows of one area, what nothing catches first, down to what is caught as much as `lowest`. */
static void print_area(FILE *out, const struct holes *holes, unsigned relation, unsigned from,
                       unsigned to, enum catch lowest)
{
    const bool all = all_accepted(holes, relation, from, to);
    bool rest = false;

    for (int catch = UNCAUGHT; catch >= (int)lowest; catch --) {
        struct row row;

        if (fill_row(holes, relation, from, to, (enum catch) catch, &row)) {
            /* What is left over is not worth a list of its fields. */
            row.all = all && catch == CAUGHT;
            row.rest = rest;
            print_row(out, &row);
            rest = true;
        }
        free(row.changes);
    }
}

static void print_table(FILE *out, const struct holes *holes, unsigned relation, enum catch lowest)
{
    fputs("| accepted | caught by | smallest example |\n|---|---|---|\n", out);
    for (unsigned from = 0; from < nr_changes(); from = area_end(from))
        print_area(out, holes, relation, from, area_end(from), lowest);
}

/* --- what a person has to say about it --- */

struct remark {
    const char *function;
    const char *text;
};

static const struct remark REMARKS[] = {
    {"lemma_layout", "A lemma about a constant. That it says nothing of any state is as it should "
                     "be."},
    {"cast_slot", "Speaks of the pointer that it answers with and of nothing else; the function "
                  "changes nothing, and `unchanged` says so."},
    {"get_from_unused_inner_perms_spec",
     "A part of the next two functions. It never says *what* is stored, nor which type stands "
     "behind `vtable_ptr`: any metadata is accepted, and nothing else of the specification tells "
     "it "
     "from the right one. `in_list.value()` is pinned down; the ids of the cells are left to "
     "`wf`."},
    {"get_from_unused_spec",
     "The known holes of allocation are here. It does not say what is stored; nothing does. It "
     "does "
     "not say that the ids of the cells stay; `wf` does, against a permission that stays. It says "
     "nothing of `slots` and of `frame_obligations`; `slot_perm_extracted_spec`, "
     "`slot_perm_reparked_spec` and the two functions on obligations do. And it never says that an "
     "unused slot *must* be granted: a function that always refuses satisfies it and all else (the "
     "row `refusal`). Of the state before it demands the count UNUSED; the rest of what UNUSED "
     "means (uninit, in no list, mapped nowhere) is harmless, because the region invariant holds "
     "before. Only MMIO is excluded by neither invariant nor relation, but by an axiom of the "
     "source, here the precondition."},
    {"get_node_from_unused_spec",
     "As `get_from_unused_spec`. That a page-table node is stored, and "
     "of which level, is pinned down nowhere."},
    {"slot_perm_extracted_spec", "Speaks of `slots` alone, and pins it down."},
    {"slot_perm_reparked_spec",
     "It leaves the permission at idx itself free: any address, any cells, even uninitialised. "
     "`get_from_unused_perm_spec` of the same step pins down address, pointer and init; the cells "
     "are caught by the region invariant only."},
    {"live_frame_obligations_ok_spec", "Speaks of `frame_obligations` alone, and pins it down."},
    {"live_frame_obligations_err_spec", "Speaks of `frame_obligations` alone, and pins it down."},
    {"get_from_unused_perm_spec",
     "Speaks of the pointer and the permission that are handed out. It does not say which cells "
     "the permission is for; `wf` and the region invariant do."},
    {"inc_ref_count_panic_cond",
     "A condition on the count before. It holds as well at UNIQUE and at UNUSED, which are no "
     "saturated counts. A get_from_in_use that panics there, instead of answering Unique or "
     "Unused, "
     "is accepted by all that is written; the executable function looks at these two first."},
    {"frame_paddr_safety_cond",
     "A condition on the permission before. Any aligned address in the range satisfies it, also "
     "that of another slot; the region invariant ties the address to the index."},
    {"get_from_in_use_success",
     "It states the slot's owner field by field and every other owner, but not the domain of "
     "`slot_owners`, nothing of `slots`, nothing of `frame_obligations`, and not that the count "
     "before was in 1..MAX-1. The first three are made up for by the function's own "
     "post-condition and the region invariant. Of the last: from UNUSED no count satisfies the "
     "relation, whose sum is unbounded; from MAX and UNIQUE the count that results breaks the "
     "invariant after the step. From 0, a slot under construction, it does not: a function that "
     "takes a reference to such a slot, instead of answering Busy, satisfies all that is "
     "written."},
    {"drop_last_in_place_safety_cond",
     "A condition on the slot before. It holds at UNIQUE as well as at 0 (the shipping code "
     "asserts 0), and does not ask for an initialised `vtable_ptr`, through which the metadata is "
     "dropped. The owner's invariant gives that at UNIQUE; at 0 only the function's own "
     "precondition does."},
    {"inc_ref_count_spec",
     "A relation between two models, which have no cell ids and no `paths_in_pt`: these may "
     "change. "
     "`status` stays that of before, so that at MAX the result breaks its own invariant; the "
     "precondition excludes it."},
    {"wf", "Ties the cells of the slot to those of its owner. The values in them are not its "
           "matter."},
    {"metadata_wf", "As `wf`, for the permissions alone; a condition on the state before."},
    {"metadata_to_repr_spec",
     "Pins down the four permissions and the slot. Usage, paths and `slot_vaddr` are outside of "
     "what it speaks of, and nothing else says that they stay."},
    {"metadata_from_repr_spec", "Pins down the value that is read. Where it was read is no part of "
                                "it."},
};

static const char *remark_on(const char *function)
{
    for (size_t i = 0; i < sizeof(REMARKS) / sizeof(REMARKS[0]); i++)
        if (strcmp(REMARKS[i].function, function) == 0)
            return REMARKS[i].text;
    return NULL;
}

/* --- the document --- */

static void print_introduction(FILE *out, const struct holes *holes)
{
    fprintf(
        out,
        "# What the specification does not pin down\n"
        "\n"
        "A spec function of MetaSlot is a relation between the state before a call and the state "
        "after it. It is\nmeant to hold of the right state. This document lists the wrong ones of "
        "which it holds as well.\n"
        "\n"
        "The list is made by a machine: `./slotcheck holes --markdown > oracle/HOLES.md`. All "
        "programs of\n`corpus/seeds` are run (%" PRIu64 ", with %" PRIu64
        " steps that are calls of the source's functions). After each step one\n"
        "thing at a time is made different, %" PRIu64
        " changes in all, and every clause is asked again.\n"
        "\n"
        "How to read the tables:\n"
        "\n"
        "- *accepted*: the relation still holds with this difference. `idx` is the slot that the "
        "call is about, `also`\n  another one that the call changes, `other` one that it leaves "
        "alone. `pre` is the state before: the call\n  succeeds from there although it "
        "should not, or nothing says that it may not begin there.\n"
        "- `result`: the answer is another one and the state is as it was to be. `refusal`: the "
        "answer is an error,\n  None or a panic, and nothing has changed. `value`, `detail`, "
        "`metadata read`: what is answered on success.\n"
        "- *caught by*: what else is false: other spec functions of the same step, the "
        "post-condition of the verified\n  function, an invariant, or the precondition. "
        "**nothing** is a hole in the specification as a whole: only the\n  executable function "
        "decides. `./slotcheck spec NAME` prints the clauses of each.\n"
        "- *smallest example*: a program whose last call is the step, and the value that is right "
        "→ the one that is\n  accepted. `./slotcheck run` explains the notation of programs.\n"
        "\n"
        "A change that something catches is harmless as long as that something is proved along "
        "with "
        "the relation. A row\nis no reproach: most functions are meant to speak of one thing.\n"
        "\n"
        "Notes on the method. One thing at a time: two differences that only together satisfy a "
        "relation are not found.\nA map of the source has some value even at an index that it "
        "lacks, so a clause that compares values is not taken\nto say anything of the domain. "
        "Linked lists are no part of `MetaRegionOwners`; they appear with the operations on\nlists "
        "only. A panic diverges: no relation says that a function returns (so that a panic instead "
        "of an answer is\nnot listed), and after one there is no state to be judged.\n",
        holes_nr_programs(holes), holes_nr_steps(holes), holes_nr_trials(holes));
}

static void print_function(FILE *out, const struct holes *holes, unsigned relation)
{
    const char *name = holes_relation_name(holes, relation);

    fprintf(out, "\n## %s\n\n", name);
    if (holes_relation_steps(holes, relation) == 0) {
        fputs("No step of the corpus asks it.\n", out);
        return;
    }
    if (remark_on(name))
        fprintf(out, "%s\n\n", remark_on(name));
    print_table(out, holes, relation, CAUGHT);
}

static bool is_open(const struct holes *holes, unsigned relation)
{
    for (unsigned change = 0; change < nr_changes(); change++)
        if (is_shown(holes, relation, change) && holes_at(holes, relation, change)->uncaught)
            return true;
    return false;
}

static void print_short(FILE *out, const struct holes *holes)
{
    fputs("\n# In short\n\n"
          "What a spec function of the page accepts and nothing else of the specification rejects. "
          "All "
          "that it accepts follows below.\n",
          out);
    for (unsigned r = 0; r < holes_nr_functions(holes); r++)
        if (is_open(holes, r)) {
            fprintf(out, "\n### %s\n\n", holes_relation_name(holes, r));
            print_table(out, holes, r, UNCAUGHT);
        }
}

static void print_operations(FILE *out, const struct holes *holes)
{
    fputs("\n# The functions as a whole\n\n"
          "For each operation: what neither the spec functions, nor the rest of the function's "
          "post-condition, nor an\ninvariant rejects. What is listed here, only the executable "
          "function pins down. It is said as far as this oracle\nhas the post-conditions of the "
          "verified functions: a row may also mean that the source says more than the oracle.\n",
          out);
    for (unsigned r = holes_nr_functions(holes); r < holes_nr_relations(holes); r++)
        if (is_open(holes, r)) {
            fprintf(out, "\n### %s\n\n", holes_relation_name(holes, r));
            print_table(out, holes, r, PARTLY);
        }
}

/* Clauses that were false, but never alone, and those that were never. */
static void print_clauses(FILE *out, const struct holes *holes)
{
    fputs("\n# Clauses that no single change breaks alone\n\n"
          "Whenever one of these was false, another clause was false as well; those named were so "
          "every time. A clause is\nnot superfluous for that: it says where the fault is.\n\n"
          "| clause | always together with |\n|---|---|\n",
          out);
    for (int id = 0; id < NR_CLAUSES; id++) {
        const struct clause_power *power = holes_clause_power(holes, (enum clause_id)id);
        const char *separator = "";

        if (power->failed == 0 || power->alone)
            continue;
        fprintf(out, "| `%s` | ", CLAUSES[id].id);
        for (int other = 0; other < NR_CLAUSES; other++)
            if (clause_set_has(&power->with, (enum clause_id)other)) {
                fprintf(out, "%s`%s`", separator, CLAUSES[other].id);
                separator = ", ";
            }
        fprintf(out, "%s |\n", *separator ? "" : "not always the same one");
    }
    fputs("\nNo single change made these false:\n\n", out);
    for (int id = 0; id < NR_CLAUSES; id++)
        if (CLAUSES[id].kind != CLAUSE_KIND_EXEC &&
            holes_clause_power(holes, (enum clause_id)id)->failed == 0)
            fprintf(out, "- `%s`\n", CLAUSES[id].id);
}

void holes_print_markdown(FILE *out, const struct holes *holes)
{
    print_introduction(out, holes);
    print_short(out, holes);
    fputs("\n# The spec functions of the MetaSlot page\n", out);
    for (unsigned r = 0; r < holes_nr_functions(holes); r++)
        print_function(out, holes, r);
    print_operations(out, holes);
    print_clauses(out, holes);
}

/* --- for a terminal --- */

static void summarise_row(FILE *out, const struct row *row)
{
    const struct change_info info = change_info(row->first);

    fprintf(out, "  %s%s",
            !row->all   ? ""
            : row->rest ? "anything else of "
                        : "anything of ",
            change_area(&info));
    fprintf(out, row->all ? "\n      caught by " : ": %s\n      caught by ", row->changes);
    print_catchers(out, row);
    fputs("\n      ", out);
    print_example(out, row->example);
    fputc('\n', out);
}

static void summarise_area(FILE *out, const struct holes *holes, unsigned relation, unsigned from,
                           unsigned to)
{
    const bool all = all_accepted(holes, relation, from, to);
    bool rest = false;

    for (int catch = UNCAUGHT; catch >= CAUGHT; catch --) {
        struct row row;

        if (fill_row(holes, relation, from, to, (enum catch) catch, &row)) {
            row.all = all && catch == CAUGHT;
            row.rest = rest;
            summarise_row(out, &row);
            rest = true;
        }
        free(row.changes);
    }
}

static void summarise(FILE *out, const struct holes *holes, unsigned relation)
{
    fprintf(out, "%s accepts, in %" PRIu64 " steps:\n", holes_relation_name(holes, relation),
            holes_relation_steps(holes, relation));
    for (unsigned from = 0; from < nr_changes(); from = area_end(from))
        summarise_area(out, holes, relation, from, area_end(from));
}

void holes_print_summary(FILE *out, const struct holes *holes, unsigned relation)
{
    fprintf(out, "%" PRIu64 " programs, %" PRIu64 " steps, %" PRIu64 " changes\n",
            holes_nr_programs(holes), holes_nr_steps(holes), holes_nr_trials(holes));
    for (unsigned r = 0; r < holes_nr_functions(holes); r++)
        if (relation == r || relation == holes_nr_relations(holes)) {
            fputc('\n', out);
            summarise(out, holes, r);
        }
}
