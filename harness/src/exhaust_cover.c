/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Few programs that have every cell of a search. One that goes to a deep state takes along, at each
 * state on its way, the operations there that lead nowhere else and are the first of their cells.
 */
#include <stdlib.h>
#include <string.h>

#include "exhaust_internal.h"

struct cover {
    const struct exhaust *exhaust;
    struct program *programs;
    uint64_t nr_programs, capacity;
    struct cell_set covered;
    uint32_t counts[CELL_SET_CAPACITY]; /* programs that have the cell, by its place in `covered` */
    struct trace *trace;
};

/* --- one program --- */

/* The first witness of a state not before `state`. */
static uint64_t first_witness(const struct exhaust *e, uint32_t state)
{
    uint64_t low = 0, high = e->nr_witnesses;

    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;

        if (e->witnesses[middle].state < state)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What is to be seen at the state without leaving it, and is not covered yet. */
static bool append_stays(const struct cover *cover, struct program *program, uint32_t state)
{
    const struct exhaust *e = cover->exhaust;

    for (uint64_t w = first_witness(e, state); w < e->nr_witnesses; w++) {
        const struct witness *witness = &e->witnesses[w];

        if (witness->state != state)
            break;
        if (!witness->moves && !cell_set_has(&cover->covered, witness->cell) &&
            !program_append(program, witness->operation))
            return false;
    }
    return true;
}

/* The states on the way to `state`, itself the last. */
static unsigned states_to(const struct exhaust *e, uint32_t state, uint32_t *states)
{
    struct operation ops[EXHAUST_MAX_DEPTH];
    const unsigned n = exhaust_way_to(e, state, ops);

    for (unsigned i = n + 1; i > 0; state = e->states[state].before)
        states[--i] = state;
    return n + 1;
}

static bool build(const struct cover *cover, const struct witness *witness, struct program *program)
{
    const struct exhaust *e = cover->exhaust;
    uint32_t states[EXHAUST_MAX_DEPTH + 1];
    const unsigned n = states_to(e, witness->state, states);

    program_init(program);
    if (!program_set_slots(program, e->scope->nr_slots))
        return false;
    for (unsigned i = 0; i < n; i++) {
        if (i > 0 && !program_append(program, e->states[states[i]].operation))
            return false;
        if (!append_stays(cover, program, states[i]))
            return false;
    }
    return !witness->moves || program_append(program, witness->operation);
}

/* --- all of them --- */

/* Calls `note` for each different cell that the program has; false if it cannot be run. */
typedef void note_fn(struct cover *cover, uint64_t cell);

static bool has_before(const struct trace *trace, uint64_t step)
{
    for (uint64_t i = 0; i < step; i++)
        if (trace->steps[i].status == STEP_EXECUTED &&
            trace->steps[i].cell == trace->steps[step].cell)
            return true;
    return false;
}

static bool note_cells(struct cover *cover, const struct program *program, note_fn *note)
{
    if (program->nr_ops > cover->trace->capacity) {
        trace_destroy(cover->trace);
        cover->trace = trace_create(2 * program->nr_ops);
        if (!cover->trace)
            return false;
    }
    if (!lockstep_run(cover->exhaust->lockstep, program, cover->trace))
        return false;
    for (uint64_t i = 0; i < cover->trace->nr_steps; i++)
        if (cover->trace->steps[i].status == STEP_EXECUTED && !has_before(cover->trace, i))
            note(cover, cover->trace->steps[i].cell);
    return true;
}

static void count_up(struct cover *cover, uint64_t cell)
{
    cell_set_add(&cover->covered, cell);
    cover->counts[cell_set_place(&cover->covered, cell)]++;
}

static void count_down(struct cover *cover, uint64_t cell)
{
    cover->counts[cell_set_place(&cover->covered, cell)]--;
}

static bool keep(struct cover *cover, const struct program *program)
{
    if (cover->nr_programs == cover->capacity) {
        const uint64_t capacity = cover->capacity ? 2 * cover->capacity : 256;
        struct program *grown = realloc(cover->programs, capacity * sizeof(*grown));

        if (!grown)
            return false;
        cover->programs = grown;
        cover->capacity = capacity;
    }
    cover->programs[cover->nr_programs++] = *program;
    return true;
}

/* The deepest first: their ways have much of the rest. */
static bool collect(struct cover *cover)
{
    const struct exhaust *e = cover->exhaust;

    for (uint64_t w = e->nr_witnesses; w > 0; w--) {
        struct program program;

        if (cell_set_has(&cover->covered, e->witnesses[w - 1].cell))
            continue;
        if (!build(cover, &e->witnesses[w - 1], &program) ||
            !note_cells(cover, &program, count_up) || !keep(cover, &program)) {
            program_free(&program);
            return false;
        }
    }
    return true;
}

/* True if each cell of the trace is had by another program, too. */
static bool is_superfluous(const struct cover *cover)
{
    const struct trace *trace = cover->trace;

    for (uint64_t i = 0; i < trace->nr_steps; i++)
        if (trace->steps[i].status == STEP_EXECUTED &&
            cover->counts[cell_set_place(&cover->covered, trace->steps[i].cell)] == 1)
            return false;
    return true;
}

static void note_nothing(struct cover *cover, uint64_t cell)
{
    (void)cover;
    (void)cell;
}

/* Gives away what cannot be left out, in the order in which it was made. */
static bool give(struct cover *cover, exhaust_take_fn *take, void *context)
{
    for (uint64_t i = 0; i < cover->nr_programs; i++) {
        const struct program *program = &cover->programs[i];

        if (!note_cells(cover, program, note_nothing))
            return false;
        if (is_superfluous(cover)) {
            if (!note_cells(cover, program, count_down))
                return false;
        } else if (!take(context, program)) {
            return false;
        }
    }
    return true;
}

bool exhaust_cover(struct exhaust *e, exhaust_take_fn *take, void *context)
{
    struct cover *cover = calloc(1, sizeof(*cover));
    bool ok;

    if (!cover)
        return false;
    cover->exhaust = e;
    cover->trace = trace_create(1024);
    ok = cover->trace && collect(cover) && give(cover, take, context);
    for (uint64_t i = 0; i < cover->nr_programs; i++)
        program_free(&cover->programs[i]);
    free(cover->programs);
    trace_destroy(cover->trace);
    free(cover);
    return ok;
}
