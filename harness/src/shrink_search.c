/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Operations that the program does not have. A catalogue of all operations, with the operands of
 * the program and the simplest ones, is where replacements come from, and what all short programs
 * are made of.
 */
#include <stdlib.h>
#include <string.h>

#include "shrink_internal.h"

enum {
    MAX_CHOICES = 12, /* of one operand */
    SMALL_FRAMES = 3,
    SMALL_LENGTHS = 3,
    MORE_SLOTS = 1, /* than the program has, in which something shorter may be found */
    SUBSTITUTE_UP_TO = 12,
    SEARCH_RUNS = 30000,
};

struct choices {
    uint16_t of[NR_OPERAND_KINDS][MAX_CHOICES];
    int nr[NR_OPERAND_KINDS];
};

struct catalogue {
    struct operation *operations;
    size_t nr;
    size_t capacity;
};

/* --- the catalogue --- */

static void choose(struct choices *choices, enum operand_kind kind, uint16_t operand)
{
    for (int i = 0; i < choices->nr[kind]; i++)
        if (choices->of[kind][i] == operand)
            return;
    if (choices->nr[kind] < MAX_CHOICES)
        choices->of[kind][choices->nr[kind]++] = operand;
}

/* Boundaries that a program may need only at an operation that it does not have yet. */
static void choose_simple(struct choices *choices, uint64_t nr_slots)
{
    static const uint16_t TYPES[] = {SPEC_METADATA_EMPTY, SPEC_METADATA_FRAME_LINK};

    for (int kind = 0; kind < NR_OPERAND_KINDS; kind++) {
        choose(choices, (enum operand_kind)kind, operand_of_cost((enum operand_kind)kind, 0));
        if (operand_is_handle((enum operand_kind)kind))
            choose(choices, (enum operand_kind)kind, 1);
    }
    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++)
        choose(choices, OPERAND_META, TYPES[i]);
    choose(choices, OPERAND_COUNT, 1);
    choose(choices, OPERAND_COUNT, COUNT_MAX);
    choose(choices, OPERAND_FLAG, 1);
    for (uint16_t pages = 0; pages <= SMALL_LENGTHS; pages++)
        choose(choices, OPERAND_LENGTH, pages);
    for (uint16_t frame = 0; frame < SMALL_FRAMES && frame < nr_slots; frame++) {
        choose(choices, OPERAND_PADDR, frame);
        choose(choices, OPERAND_SLOT, frame);
    }
    choose(choices, OPERAND_USAGE, USAGE_NR - 1);
}

static void choose_operands(struct choices *choices, const struct program *program)
{
    for (size_t at = 0; at < program->nr_ops; at++)
        for (int i = 0; i < PROGRAM_MAX_OPERANDS; i++) {
            const enum operand_kind kind = OPS[program->ops[at].op].operand[i];
            const uint16_t operand = program->ops[at].operand[i];

            choose(choices, kind, operand);
            if (operand_is_frame(kind, operand)) {
                choose(choices, OPERAND_PADDR, operand);
                choose(choices, OPERAND_SLOT, operand);
            }
        }
}

static bool add(struct catalogue *catalogue, struct operation operation)
{
    if (catalogue->nr == catalogue->capacity) {
        const size_t capacity = catalogue->capacity ? catalogue->capacity * 2 : 256;
        struct operation *grown = realloc(catalogue->operations, capacity * sizeof(*grown));

        if (!grown)
            return false;
        catalogue->operations = grown;
        catalogue->capacity = capacity;
    }
    catalogue->operations[catalogue->nr++] = operation;
    return true;
}

/* All choices of operands from the `at`-th on. */
static bool add_all(struct catalogue *catalogue, const struct choices *choices,
                    struct operation operation, int at)
{
    if (at == PROGRAM_MAX_OPERANDS)
        return add(catalogue, operation);

    const enum operand_kind kind = OPS[operation.op].operand[at];

    for (int i = 0; i < choices->nr[kind]; i++) {
        operation.operand[at] = choices->of[kind][i];
        if (!add_all(catalogue, choices, operation, at + 1))
            return false;
    }
    return true;
}

/* In a region of that size, and with what the program has. */
static bool catalogue_fill(struct catalogue *catalogue, const struct program *program,
                           uint64_t nr_slots)
{
    struct choices choices = {0};

    choose_simple(&choices, nr_slots);
    choose_operands(&choices, program);
    for (int op = 0; op < NR_OPS; op++)
        if (!add_all(catalogue, &choices,
                     (struct operation){.op = (uint8_t)op, .opcode = (uint8_t)op}, 0))
            return false;
    return true;
}

/* --- one operation for others --- */

/* `operation` in the place of `first`; the operations from there to `second` that stay, stay. */
static bool substitute(struct shrinker *s, size_t first, size_t second, size_t place,
                       struct operation operation)
{
    size_t nr_items = 0;

    for (size_t i = 0; i < s->best.nr_ops; i++) {
        if (i == place)
            s->plan[nr_items++] = (struct plan_item){PLAN_NEW, operation, NO_HANDLE};
        if (i != first && i != second)
            s->plan[nr_items++].from = (uint32_t)i;
    }
    return shrinker_try_plan(s, nr_items);
}

static bool substitute_any(struct shrinker *s, const struct catalogue *catalogue)
{
    for (size_t first = 0; first + 1 < s->best.nr_ops; first++)
        for (size_t second = first; second + 1 < s->best.nr_ops; second++)
            for (size_t i = 0; i < catalogue->nr && !shrinker_ends(s); i++)
                if (substitute(s, first, second, first, catalogue->operations[i]) ||
                    (second != first &&
                     substitute(s, first, second, second, catalogue->operations[i])))
                    return true;
    return false;
}

/* True if the last operation of the candidate ran and did something. */
static bool has_effect(const struct shrinker *s)
{
    const struct trace *trace = s->candidate_trace;
    const size_t last = s->candidate.nr_ops - 1;

    return trace->nr_steps == last + 1 && trace->divergence.kind == FINDING_NONE &&
           trace->steps[last].status == STEP_EXECUTED && trace->steps[last].result == SPEC_OK;
}

/* The operations before `at`, and another one. True if that runs, and does not end it all. */
static bool runs_at(struct shrinker *s, size_t at, struct operation operation)
{
    if (!shrinker_copy(s))
        return false;
    s->candidate.nr_ops = at;
    if (!program_append(&s->candidate, operation)) {
        s->no_memory = true;
        return false;
    }
    return !shrinker_run(s) && has_effect(s);
}

/* These two in the place of the three from `at` on. */
static bool substitute_two(struct shrinker *s, size_t at, struct operation first,
                           struct operation second)
{
    size_t nr_items = 0;

    for (size_t i = 0; i < s->best.nr_ops; i++) {
        if (i == at) {
            s->plan[nr_items++] = (struct plan_item){PLAN_NEW, first, NO_HANDLE};
            s->plan[nr_items++] = (struct plan_item){PLAN_NEW, second, NO_HANDLE};
        }
        if (i < at || i >= at + 3)
            s->plan[nr_items++].from = (uint32_t)i;
    }
    return shrinker_try_plan(s, nr_items);
}

static bool substitute_three(struct shrinker *s, const struct catalogue *catalogue)
{
    for (size_t at = 0; at + 3 < s->best.nr_ops; at++)
        for (size_t i = 0; i < catalogue->nr; i++) {
            if (!runs_at(s, at, catalogue->operations[i]))
                continue;
            for (size_t j = 0; j < catalogue->nr && !shrinker_ends(s); j++)
                if (substitute_two(s, at, catalogue->operations[i], catalogue->operations[j]))
                    return true;
        }
    return false;
}

bool shrink_substitute(struct shrinker *s)
{
    struct catalogue catalogue = {0};
    bool changed = false;

    if (s->best.nr_ops > SUBSTITUTE_UP_TO)
        return false;
    if (catalogue_fill(&catalogue, &s->best, program_slots(&s->best)))
        changed = substitute_any(s, &catalogue) || substitute_three(s, &catalogue);
    else
        s->no_memory = true;
    free(catalogue.operations);
    return changed;
}

/* --- all short programs --- */

struct search {
    struct shrinker *s;
    struct catalogue catalogue;
    struct operation last; /* the finding's operation */
    uint64_t runs;         /* that are left */
    size_t depth;          /* operations of the programs sought */
};

static bool search_from(struct search *search);

/* Appends an operation; true if that makes the finding. */
static bool search_with(struct search *search, struct operation operation)
{
    struct shrinker *s = search->s;
    const size_t at = s->candidate.nr_ops;
    bool found;

    if (search->runs == 0 || !program_append(&s->candidate, operation))
        return false;
    search->runs--;
    found = shrinker_run(s);
    if (found)
        return true;
    /* What did not run, or had no effect, makes a longer program no better. */
    if (has_effect(s) && search_from(search))
        return true;
    s->candidate.nr_ops = at;
    return false;
}

static bool search_from(struct search *search)
{
    const size_t left = search->depth - search->s->candidate.nr_ops;

    for (size_t i = 0; left > 0 && i < search->catalogue.nr; i++) {
        const struct operation operation = search->catalogue.operations[i];

        if (left == 1 && operation.op != search->last.op)
            continue;
        if (shrinker_ends(search->s) || search_with(search, operation))
            return !shrinker_ends(search->s);
    }
    return false;
}

static bool search_depth(struct search *search, uint64_t nr_slots)
{
    struct shrinker *s = search->s;

    search->catalogue.nr = 0;
    if (!catalogue_fill(&search->catalogue, &s->best, nr_slots))
        s->no_memory = true;
    program_clear(&s->candidate);
    return program_set_slots(&s->candidate, nr_slots) && search_from(search) && shrinker_try(s);
}

bool shrink_search(struct shrinker *s)
{
    const uint64_t nr_slots = program_slots(&s->best);
    struct search search = {.s = s, .runs = SEARCH_RUNS};
    bool found = false;

    search.last = s->best.ops[s->best.nr_ops - 1];
    for (size_t depth = 1; !found && !shrinker_ends(s) && depth < s->best.nr_ops; depth++) {
        search.depth = depth;
        for (uint64_t more = 0; !found && more <= MORE_SLOTS; more++)
            found = search_depth(&search, nr_slots + more);
    }
    free(search.catalogue.operations);
    return found;
}
