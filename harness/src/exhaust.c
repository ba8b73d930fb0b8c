/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Breadth first over states. A state is kept as the way to it: the state before, and the operation
 * that leads on from there. To go on from a state the way is run again, which costs a few operations
 * for some hundred that are tried then; between these the subject takes the state back. A subject
 * that cannot do that is led there again for each.
 */
#include "slotcheck/exhaust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exhaust_internal.h"

/* --- memory --- */

static uint64_t bytes_used(const struct exhaust *e)
{
    return e->states_capacity * sizeof(*e->states) + e->witnesses_capacity * sizeof(*e->witnesses) +
           fingerprints_bytes(&e->known);
}

/* `array`, grown to twice its size if it is full; null if that is too much. */
static void *reserve(const struct exhaust *e, void *array, uint64_t nr, uint64_t *capacity,
                     size_t size)
{
    const uint64_t grown = *capacity ? 2 * *capacity : 1024;

    if (nr < *capacity)
        return array;
    if (bytes_used(e) + grown * size > e->max_bytes)
        return NULL;
    array = realloc(array, grown * size);
    if (array)
        *capacity = grown;
    return array;
}

/* Ends the search. */
static bool end(struct exhaust *e, enum exhaust_end why)
{
    e->report->end = why;
    return false;
}

/* --- the way to a state --- */

unsigned exhaust_way_to(const struct exhaust *e, uint32_t state, struct operation *ops)
{
    unsigned n = 0;

    for (uint32_t s = state; e->states[s].before != NO_STATE; s = e->states[s].before)
        n++;
    for (uint32_t s = state, i = n; i > 0; s = e->states[s].before)
        ops[--i] = e->states[s].operation;
    return n;
}

static bool fail(struct exhaust *e, const char *why)
{
    snprintf(e->report->error, sizeof(e->report->error), "%s", why);
    return end(e, EXHAUST_FAILED);
}

/* Runs the way to the state at hand from the beginning. It was run before, so nothing is found. */
static bool go_there(struct exhaust *e)
{
    struct exhaust_report *report = e->report;

    if (!lockstep_end(e->lockstep) || !lockstep_begin(e->lockstep, &e->boot, e->depth))
        return fail(e, lockstep_error(e->lockstep));
    for (unsigned i = 0; i < e->level; i++) {
        /* Of which the subject may die all the same. */
        report->nr_ops = i + 1;
        if (!lockstep_step(e->lockstep, &report->ops[i], &report->steps[i], &report->divergence))
            return fail(e, "the subject does not do the same when it is asked the same again");
    }
    return true;
}

/* Back to the state at hand, after an operation was tried. */
static bool go_back(struct exhaust *e)
{
    if (!e->returns)
        return go_there(e);
    lockstep_return(e->lockstep);
    return true;
}

/* --- one operation from the state at hand --- */

static bool add_state(struct exhaust *e, const struct operation *operation)
{
    struct state *states =
        reserve(e, e->states, e->nr_states, &e->states_capacity, sizeof(*e->states));

    if (!states || e->nr_states == NO_STATE)
        return end(e, EXHAUST_OUT_OF_MEMORY);
    e->states = states;
    states[e->nr_states++] = (struct state){e->at, *operation};
    e->report->states[e->level + 1]++;
    return true;
}

/* The fingerprint of the lockstep's state; false if the subject does not let it be known. */
static bool take_fingerprint(struct exhaust *e, struct fingerprint *fingerprint)
{
    const size_t size = lockstep_state(e->lockstep, e->exact, e->bytes);

    if (size == 0)
        return fail(e, lockstep_error(e->lockstep));
    *fingerprint = fingerprint_of(e->bytes, size);
    return true;
}

/* Makes a state a known one, if there is memory for that. */
static enum fingerprint_added make_known(struct exhaust *e, struct fingerprint state)
{
    const uint64_t others = bytes_used(e) - fingerprints_bytes(&e->known);
    enum fingerprint_added added;

    /* It may take longer than any operation. */
    e->report->in_search = true;
    added = fingerprints_add(&e->known, state, e->max_bytes - others);
    e->report->in_search = false;
    return added;
}

/* The state that the operation led to, if it is a new one. */
static bool note_state(struct exhaust *e, const struct operation *operation,
                       struct fingerprint state)
{
    switch (make_known(e, state)) {
    case FINGERPRINT_NEW:
        break;
    case FINGERPRINT_KNOWN:
        return true;
    case FINGERPRINT_NO_MEMORY:
        return end(e, EXHAUST_OUT_OF_MEMORY);
    }
    if (!lockstep_judge_end(e->lockstep, (enum op)operation->op, &e->report->divergence))
        return end(e, EXHAUST_DIVERGED);
    return add_state(e, operation);
}

/* The last operation was the first one of a cell. */
static bool note_witness(struct exhaust *e, const struct operation *operation, bool moves)
{
    struct witness *witnesses =
        reserve(e, e->witnesses, e->nr_witnesses, &e->witnesses_capacity, sizeof(*e->witnesses));

    if (!witnesses)
        return end(e, EXHAUST_OUT_OF_MEMORY);
    e->witnesses = witnesses;
    witnesses[e->nr_witnesses++] = (struct witness){.cell = e->report->steps[e->level].cell,
                                                    .state = e->at,
                                                    .moves = moves,
                                                    .operation = *operation};
    return true;
}

/*
 * Has the operation led away, and where to? What the subject keeps where nobody looks may have
 * changed although nothing that the lockstep sees has.
 */
static bool find_out_where(struct exhaust *e, bool *moves, struct fingerprint *there)
{
    *moves = e->exact || lockstep_moved(e->lockstep);
    if (*moves && !take_fingerprint(e, there))
        return false;
    *moves = *moves && !(e->exact && fingerprint_equal(*there, e->here));
    return true;
}

/* What came of an operation that the subject was asked for; false if the search ends. */
static bool follow(struct exhaust *e, const struct operation *operation, bool goes_on,
                   uint64_t nr_cells)
{
    struct fingerprint there;
    bool moves = true;

    e->report->transitions[e->level + 1]++;
    if (e->report->divergence.kind != FINDING_NONE)
        return end(e, EXHAUST_DIVERGED);
    if (lockstep_error(e->lockstep)[0])
        return fail(e, lockstep_error(e->lockstep));
    /* After a panic nothing goes on. */
    if (goes_on && !find_out_where(e, &moves, &there))
        return false;
    if (e->stats->cells.nr != nr_cells && !note_witness(e, operation, moves))
        return false;
    if (goes_on && moves && !note_state(e, operation, there))
        return false;
    return go_back(e);
}

static bool try_operation(struct exhaust *e, const struct operation *operation)
{
    struct exhaust_report *report = e->report;
    struct step_record *record = &report->steps[e->level];
    const uint64_t nr_cells = e->stats->cells.nr;
    bool goes_on;

    report->ops[e->level] = *operation;
    report->nr_ops = e->level + 1;
    goes_on = lockstep_step(e->lockstep, operation, record, &report->divergence);
    /* Still started: it has ended the child in which it should have panicked. */
    if (record->status != STEP_EXECUTED && record->status != STEP_STARTED) {
        report->skipped++;
        return true;
    }
    if (!follow(e, operation, goes_on, nr_cells))
        return false;
    return report->stop ? end(e, EXHAUST_STOPPED) : true;
}

/* --- all operations from a state --- */

/* True if an older handle of the kind is the same. */
static bool has_older(const struct exhaust *e, enum operand_kind kind, uint64_t number)
{
    const uint64_t handle = lockstep_handle(e->lockstep, kind, number);

    for (uint64_t i = 0; i < number; i++)
        if (lockstep_handle(e->lockstep, kind, i) == handle)
            return true;
    return false;
}

static bool try_operands(struct exhaust *e, struct operation *operation, int at);

static bool try_handles(struct exhaust *e, struct operation *operation, int at)
{
    const enum operand_kind kind = OPS[operation->op].operand[at];

    for (uint16_t i = 0; lockstep_handle(e->lockstep, kind, i) != UINT64_MAX; i++) {
        if (!e->exact && has_older(e, kind, i))
            continue;
        operation->operand[at] = i;
        if (!try_operands(e, operation, at + 1))
            return false;
    }
    return true;
}

/* The operation with every value of its operands from `at` on. */
static bool try_operands(struct exhaust *e, struct operation *operation, int at)
{
    if (at == PROGRAM_MAX_OPERANDS)
        return try_operation(e, operation);

    const enum operand_kind kind = OPS[operation->op].operand[at];

    if (e->scope->nr_values[kind] == 0)
        return try_handles(e, operation, at);
    for (int i = 0; i < e->scope->nr_values[kind]; i++) {
        operation->operand[at] = e->scope->values[kind][i];
        if (!try_operands(e, operation, at + 1))
            return false;
    }
    return true;
}

static bool expand(struct exhaust *e)
{
    e->report->nr_ops = exhaust_way_to(e, e->at, e->report->ops);
    if (!go_there(e) || (e->exact && !take_fingerprint(e, &e->here)))
        return false;
    if (e->returns && !lockstep_mark(e->lockstep))
        return fail(e, lockstep_error(e->lockstep));
    for (int op = 0; op < NR_OPS; op++) {
        struct operation operation = {.op = (uint8_t)op, .opcode = (uint8_t)op};

        if (e->scope->ops[op] && !try_operands(e, &operation, 0))
            return false;
    }
    return true;
}

/* --- the search --- */

/* From all states that need `level` operations. */
static bool search_level(struct exhaust *e, uint64_t first, uint64_t last)
{
    for (uint64_t s = first; s < last; s++) {
        e->at = (uint32_t)s;
        if (!expand(e))
            return false;
        e->report->expanded++;
        e->report->bytes = bytes_used(e);
    }
    /* In this order, as somebody may read it between the two. */
    e->report->expanded = 0;
    e->report->complete_depth = e->level + 1;
    return true;
}

static bool add_boot_state(struct exhaust *e)
{
    struct state *states =
        reserve(e, e->states, e->nr_states, &e->states_capacity, sizeof(*e->states));
    struct fingerprint state;

    if (!states)
        return end(e, EXHAUST_OUT_OF_MEMORY);
    e->states = states;
    states[e->nr_states++] = (struct state){.before = NO_STATE};
    e->report->states[0] = 1;
    e->bytes = malloc(lockstep_state_max(e->lockstep));
    if (!e->bytes)
        return fail(e, "no memory");
    return take_fingerprint(e, &state) &&
           (make_known(e, state) == FINGERPRINT_NEW || end(e, EXHAUST_OUT_OF_MEMORY));
}

static void search(struct exhaust *e)
{
    uint64_t first = 0;

    if (!add_boot_state(e))
        return;
    for (e->level = 0; e->level < e->depth; e->level++) {
        const uint64_t last = e->nr_states;

        if (!search_level(e, first, last))
            return;
        if (e->nr_states == last) {
            end(e, EXHAUST_CLOSED);
            return;
        }
        first = last;
    }
    end(e, EXHAUST_COMPLETE);
}

void exhaust_run(struct exhaust *e)
{
    if (!lockstep_begin(e->lockstep, &e->boot, e->depth)) {
        fail(e, lockstep_error(e->lockstep));
        return;
    }
    search(e);
    e->report->bytes = bytes_used(e);
    /* What a subject does wrong after a divergence is no news. */
    if (!lockstep_end(e->lockstep) && e->report->end != EXHAUST_DIVERGED &&
        e->report->end != EXHAUST_FAILED)
        fail(e, lockstep_error(e->lockstep));
}

/* --- life cycle --- */

struct exhaust *exhaust_create(struct lockstep *lockstep, const struct exhaust_settings *settings,
                               struct exhaust_report *report)
{
    struct exhaust *e = calloc(1, sizeof(*e));

    if (!e)
        return NULL;
    memset(report, 0, sizeof(*report));
    e->lockstep = lockstep;
    e->stats = lockstep_stats_of(lockstep);
    e->scope = settings->scope;
    e->report = report;
    e->max_bytes = settings->max_bytes;
    e->depth = settings->depth;
    e->exact = settings->exact;
    e->returns = lockstep_can_return(lockstep) && !settings->replay;
    program_init(&e->boot);
    (void)program_set_slots(&e->boot, settings->scope->nr_slots);
    return e;
}

void exhaust_destroy(struct exhaust *e)
{
    if (!e)
        return;
    free(e->states);
    free(e->witnesses);
    free(e->bytes);
    fingerprints_free(&e->known);
    program_free(&e->boot);
    free(e);
}

uint64_t exhaust_states(const struct exhaust_report *report)
{
    uint64_t sum = 0;

    for (int i = 0; i <= EXHAUST_MAX_DEPTH; i++)
        sum += report->states[i];
    return sum;
}

uint64_t exhaust_transitions(const struct exhaust_report *report)
{
    uint64_t sum = 0;

    for (int i = 0; i <= EXHAUST_MAX_DEPTH; i++)
        sum += report->transitions[i];
    return sum;
}
