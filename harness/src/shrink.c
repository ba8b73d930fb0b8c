/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Shrinking: first fewer operations, in runs of halving sizes, then simpler ones, until nothing of
 * all that is tried is simpler and keeps the finding.
 *
 * Whatever is tried has to be simpler than the best so far in one total order, so this comes to an
 * end; and all that is tried depends on the best alone, so a result cannot be shrunk further.
 */
#include <stdlib.h>
#include <string.h>

#include "shrink_internal.h"

const struct shrink_limits SHRINK_LIMITS = {.runs = 2000000, .operations = 40000000};

enum {
    /* Programs up to which all pairs and triples are dropped; the last operation always stays. */
    PAIRS_UP_TO = 48,
    TRIPLES_UP_TO = 20,
    /* Programs up to which one operation is dropped and another one gets another handle. */
    RETARGET_UP_TO = 32,
    RETARGET_HANDLES = 4,
    MAX_ADJUSTED = 2,
    MOVES_UP_TO = 16,
    /* Region sizes, costs of operands and costs behind each boundary that are tried one by one. */
    SMALL_SLOTS = 64,
    SMALL_COSTS = 32,
    BOUNDARY_COSTS = 12,
};

/* --- one candidate --- */

bool shrinker_copy(struct shrinker *s)
{
    program_clear(&s->candidate);
    s->candidate.slots_byte = s->best.slots_byte;
    for (size_t i = 0; i < s->best.nr_ops; i++)
        if (!program_append(&s->candidate, s->best.ops[i])) {
            s->no_memory = true;
            return false;
        }
    return true;
}

typedef uint16_t change_operand_fn(enum operand_kind kind, uint16_t operand, const void *context);

/* The candidate becomes a copy of the best with every operand changed. */
static bool copy_changed(struct shrinker *s, change_operand_fn *change, const void *context)
{
    if (!shrinker_copy(s))
        return false;
    for (size_t at = 0; at < s->candidate.nr_ops; at++)
        for (int i = 0; i < PROGRAM_MAX_OPERANDS; i++) {
            uint16_t *operand = &s->candidate.ops[at].operand[i];

            *operand = change(OPS[s->candidate.ops[at].op].operand[i], *operand, context);
        }
    return true;
}

bool shrinker_run(struct shrinker *s)
{
    bool kept;

    /* Once at least, to know what the finding is. */
    if (s->counts->runs > 0 &&
        (s->counts->runs >= s->limits->runs || s->counts->operations >= s->limits->operations))
        s->counts->limited = true;
    if (shrinker_ends(s))
        return false;
    s->counts->runs++;
    kept = s->keeps(s->context, &s->candidate, s->candidate_trace);
    s->counts->operations += s->candidate_trace->nr_steps;
    return kept;
}

static bool is_executed(const struct trace *trace, size_t at)
{
    return at < trace->nr_steps &&
           (trace->steps[at].status == STEP_EXECUTED || trace->steps[at].status == STEP_STARTED);
}

static void accept(struct shrinker *s)
{
    const struct program program = s->best;
    struct trace *trace = s->trace;

    s->best = s->candidate;
    s->candidate = program;
    s->trace = s->candidate_trace;
    s->candidate_trace = trace;
    s->no_memory |= !handles_trace(&s->alive, &s->best, s->trace, s->uses);
}

/*
 * The candidate becomes what of the best led to the finding: an operation that was not executed
 * changed nothing, and what comes after the divergence was not reached. Operands are canonical then,
 * in the region that was used, which the subject may prescribe.
 */
static void cut(struct shrinker *s)
{
    program_clear(&s->candidate);
    s->candidate.slots_byte = s->best.slots_byte;
    for (size_t i = 0; i < s->best.nr_ops; i++) {
        struct operation operation = s->best.ops[i];

        operation.opcode = operation.op;
        for (int at = 0; at < PROGRAM_MAX_OPERANDS; at++) {
            const enum operand_kind kind = OPS[operation.op].operand[at];
            uint16_t *operand = &operation.operand[at];

            if (operand_is_handle(kind) && s->uses[i].alive[at] != 0)
                *operand = (uint16_t)(*operand % s->uses[i].alive[at]);
            else
                *operand = operand_canonical(kind, *operand, s->trace->nr_slots);
        }
        if (is_executed(s->trace, i) && !program_append(&s->candidate, operation))
            s->no_memory = true;
    }
}

bool shrinker_try(struct shrinker *s)
{
    if (!program_is_simpler(&s->candidate, &s->best) || !shrinker_run(s))
        return false;
    accept(s);
    /* It may have made other operations superfluous, or another number of handles alive. */
    cut(s);
    if (program_is_simpler(&s->candidate, &s->best) && shrinker_run(s))
        accept(s);
    return true;
}

static bool try_plan(struct shrinker *s, size_t nr_items, bool to_oldest)
{
    if (handles_rebuild(&s->alive, &s->best, s->trace, s->uses, s->plan, nr_items, to_oldest,
                        &s->candidate))
        return shrinker_try(s);
    s->no_memory = true;
    return false;
}

bool shrinker_try_plan(struct shrinker *s, size_t nr_items)
{
    return try_plan(s, nr_items, false) ||
           (nr_items <= RETARGET_UP_TO && try_plan(s, nr_items, true));
}

/* --- fewer operations --- */

/* The plan of the best without the operations at `nr` indices, in ascending order. */
static size_t plan_without(struct shrinker *s, const size_t *dropped, size_t nr)
{
    size_t nr_items = 0;

    for (size_t i = 0; i < s->best.nr_ops; i++) {
        if (nr > 0 && *dropped == i) {
            dropped++;
            nr--;
            continue;
        }
        s->plan[nr_items++].from = (uint32_t)i;
    }
    return nr_items;
}

static bool drop_range(struct shrinker *s, size_t from, size_t to)
{
    size_t nr_items = 0;

    for (size_t i = 0; i < s->best.nr_ops; i++)
        if (i < from || i >= to)
            s->plan[nr_items++].from = (uint32_t)i;
    return shrinker_try_plan(s, nr_items);
}

/* From the end: what comes last needs what came before. The last operation is the finding's. */
static bool drop_ranges(struct shrinker *s, size_t size)
{
    size_t to = s->best.nr_ops - 1;
    bool changed = false;

    while (to > 0 && !shrinker_ends(s)) {
        const size_t from = to > size ? to - size : 0;

        changed |= drop_range(s, from, to);
        to = from < s->best.nr_ops ? from : s->best.nr_ops - 1;
    }
    return changed;
}

static bool drop_runs(struct shrinker *s)
{
    bool changed = false;

    for (size_t size = s->best.nr_ops; size > 1; size = (size + 1) / 2)
        changed |= drop_ranges(s, size / 2);
    return changed;
}

static bool drop_pair_of(struct shrinker *s)
{
    for (size_t i = 0; i + 1 < s->best.nr_ops; i++)
        for (size_t j = i + 1; j + 1 < s->best.nr_ops; j++)
            if (shrinker_try_plan(s, plan_without(s, (size_t[]){i, j}, 2)))
                return true;
    return false;
}

static bool drop_triple_of(struct shrinker *s)
{
    for (size_t i = 0; i + 1 < s->best.nr_ops; i++)
        for (size_t j = i + 1; j + 1 < s->best.nr_ops; j++)
            for (size_t k = j + 1; k + 1 < s->best.nr_ops; k++)
                if (shrinker_try_plan(s, plan_without(s, (size_t[]){i, j, k}, 3)))
                    return true;
    return false;
}

/* Of the candidate: another handle for this operand. */
static bool try_handles(struct shrinker *s, size_t at, int operand)
{
    uint16_t *number = &s->candidate.ops[at].operand[operand];
    const uint16_t old = *number;

    for (uint16_t handle = 0; handle < RETARGET_HANDLES; handle++) {
        *number = handle;
        if (handle != old && shrinker_try(s))
            return true;
    }
    *number = old;
    return false;
}

/* Drops an operation, and lets one of those behind it mean another handle. */
static bool drop_and_retarget(struct shrinker *s, size_t dropped)
{
    const size_t nr_items = plan_without(s, &dropped, 1);

    if (!handles_rebuild(&s->alive, &s->best, s->trace, s->uses, s->plan, nr_items, false,
                         &s->candidate)) {
        s->no_memory = true;
        return false;
    }
    for (size_t at = dropped; at < nr_items; at++)
        for (int i = 0; i < PROGRAM_MAX_OPERANDS; i++)
            if (operand_is_handle(OPS[s->candidate.ops[at].op].operand[i]) && try_handles(s, at, i))
                return true;
    return false;
}

static bool drop_and_retarget_any(struct shrinker *s)
{
    for (size_t i = 0; i + 1 < s->best.nr_ops; i++)
        if (drop_and_retarget(s, i))
            return true;
    return false;
}

/* Of the candidate: a count that is a little larger or smaller, as fewer operations count on. */
static bool try_counts(struct shrinker *s, size_t at, int operand)
{
    uint16_t *count = &s->candidate.ops[at].operand[operand];
    const int old = *count;

    for (int by = -MAX_ADJUSTED; by <= MAX_ADJUSTED; by++) {
        if (by == 0 || old + by < 0 || old + by > UINT8_MAX)
            continue;
        *count = (uint16_t)(old + by);
        if (shrinker_try(s))
            return true;
    }
    *count = (uint16_t)old;
    return false;
}

/* Drops one operation or two, and adjusts a count. */
static bool drop_and_adjust(struct shrinker *s, size_t first, size_t second)
{
    const size_t dropped[] = {first, second};
    const size_t nr_items = plan_without(s, dropped, first == second ? 1 : 2);

    if (!handles_rebuild(&s->alive, &s->best, s->trace, s->uses, s->plan, nr_items, false,
                         &s->candidate)) {
        s->no_memory = true;
        return false;
    }
    for (size_t at = 0; at < nr_items; at++)
        for (int i = 0; i < PROGRAM_MAX_OPERANDS; i++)
            if (OPS[s->candidate.ops[at].op].operand[i] == OPERAND_COUNT && try_counts(s, at, i))
                return true;
    return false;
}

static bool drop_and_adjust_any(struct shrinker *s)
{
    for (size_t i = 0; i + 1 < s->best.nr_ops; i++)
        for (size_t j = i; j + 1 < s->best.nr_ops; j++)
            if (drop_and_adjust(s, i, j))
                return true;
    return false;
}

static bool drop_few(struct shrinker *s)
{
    return (s->best.nr_ops <= PAIRS_UP_TO && drop_pair_of(s)) ||
           (s->best.nr_ops <= TRIPLES_UP_TO && drop_triple_of(s)) ||
           (s->best.nr_ops <= RETARGET_UP_TO &&
            (drop_and_retarget_any(s) || drop_and_adjust_any(s)));
}

/* --- another order --- */

/* The operation `from` goes to the place of `to`, and `dropped` goes away. */
static bool move(struct shrinker *s, size_t from, size_t to, size_t dropped)
{
    size_t nr_items = 0;

    for (size_t i = 0; i < s->best.nr_ops; i++) {
        if (i == to && to < from)
            s->plan[nr_items++].from = (uint32_t)from;
        if (i != from && i != dropped)
            s->plan[nr_items++].from = (uint32_t)i;
        if (i == to && to > from)
            s->plan[nr_items++].from = (uint32_t)from;
    }
    return try_plan(s, nr_items, false);
}

static bool move_any(struct shrinker *s)
{
    const size_t n = s->best.nr_ops;

    if (n > MOVES_UP_TO)
        return false;
    for (size_t from = 0; from + 1 < n; from++)
        for (size_t to = 0; to + 1 < n; to++)
            for (size_t dropped = 0; from != to && dropped < n; dropped++)
                /* The last one has to stay: instead of it, nothing is dropped. */
                if (dropped != from && move(s, from, to, dropped + 1 < n ? dropped : n))
                    return true;
    return false;
}

/* --- a smaller region --- */

/* Operands mean frames modulo the size of the region: they are made canonical afterwards. */
static bool try_slots(struct shrinker *s, uint64_t nr_slots)
{
    return shrinker_copy(s) && program_set_slots(&s->candidate, nr_slots) && shrinker_try(s);
}

static bool lower_slots(struct shrinker *s)
{
    const uint64_t nr_slots = program_slots(&s->best);

    for (uint64_t slots = 1; slots < nr_slots; slots = slots < SMALL_SLOTS ? slots + 1 : slots * 2)
        if (try_slots(s, slots))
            return true;
    return false;
}

/* --- simpler operands --- */

static bool try_cost(struct shrinker *s, size_t at, int i, uint32_t cost)
{
    const enum operand_kind kind = OPS[s->best.ops[at].op].operand[i];

    if (cost >= operand_cost(kind, s->best.ops[at].operand[i]) || !shrinker_copy(s))
        return false;
    s->candidate.ops[at].operand[i] = operand_of_cost(kind, cost);
    return shrinker_try(s);
}

/* Where the encodings begin anew; of kinds that have none there, it does no harm. */
static const uint32_t BOUNDARIES[] = {
    COUNT_MAX, COUNT_ABOVE_MAX, COUNT_BELOW_UNIQUE, LENGTH_BACK,
    PADDR_OOB, PADDR_DISTANCE,  PADDR_OOB_DISTANCE, PADDR_TOP,
};

static bool try_boundary(struct shrinker *s, size_t at, int i, uint32_t boundary)
{
    for (uint32_t cost = boundary; cost < boundary + BOUNDARY_COSTS; cost++)
        if (try_cost(s, at, i, cost))
            return true;
    return false;
}

static bool lower_operand(struct shrinker *s, size_t at, int i)
{
    const enum operand_kind kind = OPS[s->best.ops[at].op].operand[i];
    const uint32_t now = operand_cost(kind, s->best.ops[at].operand[i]);

    for (uint32_t cost = 0; cost < now && cost < SMALL_COSTS; cost++)
        if (try_cost(s, at, i, cost))
            return true;
    if (now <= SMALL_COSTS)
        return false;
    for (size_t b = 0; b < sizeof(BOUNDARIES) / sizeof(BOUNDARIES[0]); b++)
        if (BOUNDARIES[b] < now && try_boundary(s, at, i, BOUNDARIES[b]))
            return true;
    /* The same type of metadata with a smaller seed. */
    if (kind == OPERAND_META)
        for (uint32_t seed = 0; seed < SMALL_COSTS; seed++)
            if (try_cost(s, at, i, seed * META_NR_TYPES + now % META_NR_TYPES))
                return true;
    return try_cost(s, at, i, now / 2) || try_cost(s, at, i, now - META_NR_TYPES) ||
           try_cost(s, at, i, now - 1);
}

static bool lower_operands(struct shrinker *s)
{
    bool changed = false;

    for (size_t at = 0; at < s->best.nr_ops; at++)
        for (int i = 0; i < PROGRAM_MAX_OPERANDS; i++)
            while (at < s->best.nr_ops && !shrinker_ends(s) && lower_operand(s, at, i))
                changed = true;
    return changed;
}

/* --- the same operand everywhere --- */

struct renaming {
    uint16_t from, to;
    bool swap; /* the other way round, too */
};

static uint16_t rename_frame(enum operand_kind kind, uint16_t operand, const void *context)
{
    const struct renaming *renaming = context;

    if (!operand_is_frame(kind, operand))
        return operand;
    if (operand == renaming->from)
        return renaming->to;
    return renaming->swap && operand == renaming->to ? renaming->from : operand;
}

/* Everything stands `by` frames further down: what lies side by side still does. */
static uint16_t shift_frame(enum operand_kind kind, uint16_t operand, const void *context)
{
    const uint16_t *by = context;

    return operand_is_frame(kind, operand) && operand >= *by ? (uint16_t)(operand - *by) : operand;
}

static bool try_changed(struct shrinker *s, change_operand_fn *change, const void *context)
{
    return copy_changed(s, change, context) && shrinker_try(s);
}

static bool rename_frames(struct shrinker *s)
{
    const uint64_t nr_slots = program_slots(&s->best);
    const uint16_t end = (uint16_t)(nr_slots < SMALL_SLOTS ? nr_slots : SMALL_SLOTS);

    for (uint16_t a = 1; a < end; a++) {
        if (try_changed(s, shift_frame, &a))
            return true;
        for (uint16_t b = 0; b < a; b++)
            if (try_changed(s, rename_frame, &(struct renaming){a, b, false}) ||
                try_changed(s, rename_frame, &(struct renaming){a, b, true}))
                return true;
    }
    return false;
}

/* Every operand of this kind and value gets another value. */
struct replacement {
    enum operand_kind kind;
    uint16_t old, new;
};

static uint16_t replace_operand(enum operand_kind kind, uint16_t operand, const void *context)
{
    const struct replacement *replacement = context;

    return kind == replacement->kind && operand == replacement->old ? replacement->new : operand;
}

static bool lower_everywhere(struct shrinker *s, size_t at, int i)
{
    const enum operand_kind kind = OPS[s->best.ops[at].op].operand[i];
    const uint16_t old = s->best.ops[at].operand[i];

    if (kind == OPERAND_NONE || operand_is_handle(kind))
        return false;
    for (uint32_t cost = 0; cost < operand_cost(kind, old) && cost < SMALL_COSTS; cost++)
        if (try_changed(s, replace_operand,
                        &(struct replacement){kind, old, operand_of_cost(kind, cost)}))
            return true;
    return false;
}

static bool lower_all(struct shrinker *s)
{
    if (s->best.nr_ops > PAIRS_UP_TO)
        return false;
    for (size_t at = 0; at < s->best.nr_ops; at++)
        for (int i = 0; i < PROGRAM_MAX_OPERANDS; i++)
            if (lower_everywhere(s, at, i))
                return true;
    return false;
}

/* --- all of it --- */

/* True if something is simpler now. The cheap passes come first: they leave less to the others. */
static bool round_of_passes(struct shrinker *s)
{
    return drop_runs(s) || drop_few(s) || lower_slots(s) || rename_frames(s) || lower_operands(s) ||
           lower_all(s) || move_any(s) || shrink_remake(s) || shrink_substitute(s) ||
           shrink_search(s);
}

/* The program as it came in; then in its normal form, if that keeps the finding. */
static enum shrink_status begin(struct shrinker *s, const struct program *program)
{
    for (size_t i = 0; i < program->nr_ops; i++)
        if (!program_append(&s->candidate, program->ops[i]))
            return SHRINK_NO_MEMORY;
    s->candidate.format_byte = program->format_byte;
    s->candidate.slots_byte = program->slots_byte;
    if (!shrinker_run(s))
        return SHRINK_AGREES;
    accept(s);
    cut(s);
    if (shrinker_run(s))
        accept(s);
    return s->no_memory ? SHRINK_NO_MEMORY : SHRINK_DONE;
}

static enum shrink_status shrink_with(struct shrinker *s, struct program *program)
{
    const size_t nr_ops = program->nr_ops + 1;
    enum shrink_status status = SHRINK_NO_MEMORY;

    s->trace = trace_create(nr_ops);
    s->candidate_trace = trace_create(nr_ops);
    s->uses = calloc(nr_ops, sizeof(*s->uses));
    s->plan = calloc(nr_ops, sizeof(*s->plan));
    if (s->trace && s->candidate_trace && s->uses && s->plan)
        status = begin(s, program);
    while (status == SHRINK_DONE && !shrinker_ends(s) && round_of_passes(s))
        ;
    if (s->no_memory)
        status = SHRINK_NO_MEMORY;
    if (status == SHRINK_DONE) {
        const struct program old = *program;

        *program = s->best;
        s->best = old;
    }
    return status;
}

enum shrink_status shrink(struct program *program, shrink_keeps_fn *keeps, void *context,
                          const struct shrink_limits *limits, struct shrink_counts *counts)
{
    struct shrinker s = {.keeps = keeps, .context = context, .limits = limits, .counts = counts};
    enum shrink_status status;

    *counts = (struct shrink_counts){0};
    program_init(&s.best);
    program_init(&s.candidate);
    status = shrink_with(&s, program);
    program_free(&s.best);
    program_free(&s.candidate);
    trace_destroy(s.trace);
    trace_destroy(s.candidate_trace);
    free(s.uses);
    free(s.plan);
    alive_free(&s.alive);
    return status;
}
