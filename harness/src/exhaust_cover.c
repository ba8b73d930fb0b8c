/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Few programs that have every cell of a search. One that goes to a deep state takes along, at each
 * state on its way, the operations there that lead nowhere else and are the first of their cells.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exhaust_internal.h"

struct cover {
    const struct exhaust *exhaust;
    struct cell_set covered;
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

static bool fail(struct cover *cover, const char *why)
{
    struct exhaust_report *report = cover->exhaust->report;

    snprintf(report->error, sizeof(report->error), "%s", why);
    return false;
}

/* Runs the program; false if it cannot be run. */
static bool run(struct cover *cover, const struct program *program)
{
    struct exhaust_report *report = cover->exhaust->report;
    struct lockstep *lockstep = cover->exhaust->lockstep;
    bool ran;

    if (program->nr_ops > cover->trace->capacity) {
        trace_destroy(cover->trace);
        cover->trace = trace_create(2 * program->nr_ops);
        if (!cover->trace)
            return fail(cover, "no memory");
    }
    report->in_search = false;
    ran = lockstep_run(lockstep, program, cover->trace);
    report->in_search = true;
    return ran || fail(cover, lockstep_error(lockstep));
}

/* Runs the program, and notes what it covers; false if it cannot be run. */
static bool note_cells(struct cover *cover, const struct program *program)
{
    if (!run(cover, program))
        return false;
    for (uint64_t i = 0; i < cover->trace->nr_steps; i++)
        if (cover->trace->steps[i].status == STEP_EXECUTED)
            cell_set_add(&cover->covered, cover->trace->steps[i].cell);
    return true;
}

/* A program with the cell of the witness. */
static enum exhaust_cover_end give(struct cover *cover, const struct witness *witness,
                                   exhaust_take_fn *take, void *context)
{
    enum exhaust_cover_end end = COVER_FAILED;
    struct program program;

    if (build(cover, witness, &program) && note_cells(cover, &program)) {
        const bool diverged = cover->trace->divergence.kind != FINDING_NONE;

        end = !take(context, &program) ? COVER_REFUSED : diverged ? COVER_DIVERGED : COVER_COMPLETE;
    }
    program_free(&program);
    return end;
}

/*
 * The last witness first: the ways there have much of the rest. None of the programs can be left
 * out: those before it lack the witness's cell, or it would not have been made; those after it end
 * at earlier steps of the search, and the witness was the first to have the cell.
 */
static enum exhaust_cover_end give_all(struct cover *cover, exhaust_take_fn *take, void *context)
{
    const struct exhaust *e = cover->exhaust;
    enum exhaust_cover_end end = COVER_COMPLETE;

    for (uint64_t w = e->nr_witnesses; end == COVER_COMPLETE && w > 0; w--) {
        if (e->report->stop_cover)
            return COVER_STOPPED;
        if (!cell_set_has(&cover->covered, e->witnesses[w - 1].cell))
            end = give(cover, &e->witnesses[w - 1], take, context);
        e->report->covered++;
    }
    return end;
}

enum exhaust_cover_end exhaust_cover(struct exhaust *e, exhaust_take_fn *take, void *context)
{
    struct cover *cover = calloc(1, sizeof(*cover));
    enum exhaust_cover_end end = COVER_FAILED;

    snprintf(e->report->error, sizeof(e->report->error), "no memory");
    if (!cover)
        return end;
    e->report->in_search = true;
    cover->exhaust = e;
    cover->trace = trace_create(1024);
    if (cover->trace)
        end = give_all(cover, take, context);
    trace_destroy(cover->trace);
    free(cover);
    return end;
}
