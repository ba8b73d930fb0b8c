/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Runs a program, and says what it shows. What a run shows is its own: counters begin anew for
 * each, and what happens once for all of them, like making a region, is not counted.
 */
#include <stdlib.h>
#include <string.h>

#include "features.h"
#include "slotcheck/divergence.h"
#include "slotcheck/step_end.h"

struct runner {
    struct run_state *state;
    struct lockstep *lockstep;
    struct lockstep_stats stats; /* of the last run, as far as its operations go */
    const struct program *program;
    struct step_record *steps;
    size_t nr_steps; /* that were reached */
    size_t capacity;
    struct divergence divergence;
    uint32_t ends[NR_OPS][NR_STEP_ENDS];
};

struct runner *runner_create(const struct slotcheck_subject *subject, struct run_state *state,
                             char *error, size_t error_size)
{
    struct runner *runner = calloc(1, sizeof(*runner));

    if (!runner) {
        snprintf(error, error_size, "no memory");
        return NULL;
    }
    runner->state = state;
    runner->lockstep = lockstep_create(subject, &runner->stats, error, error_size);
    if (runner->lockstep)
        return runner;
    free(runner);
    return NULL;
}

const char *runner_error(const struct runner *runner)
{
    return lockstep_error(runner->lockstep);
}

const struct divergence *runner_divergence(const struct runner *runner)
{
    return &runner->divergence;
}

/* --- running --- */

static void forget_operation(struct runner *runner, enum op op)
{
    memset(runner->stats.executed[op], 0, sizeof(runner->stats.executed[op]));
    memset(&runner->stats.clauses[op], 0, sizeof(runner->stats.clauses[op]));
    memset(runner->ends[op], 0, sizeof(runner->ends[op]));
}

static bool prepare(struct runner *runner, const struct program *program)
{
    struct step_record *steps;

    runner->program = program;
    runner->nr_steps = 0;
    runner->divergence.kind = FINDING_NONE;
    for (size_t i = 0; i < program->nr_ops; i++)
        forget_operation(runner, (enum op)program->ops[i].op);
    if (program->nr_ops <= runner->capacity)
        return true;
    steps = realloc(runner->steps, program->capacity * sizeof(*steps));
    if (!steps)
        return false;
    runner->steps = steps;
    runner->capacity = program->capacity;
    return true;
}

/* False if the program ends with this step. */
static bool run_step(struct runner *runner, const struct operation *operation)
{
    struct step_record *record = &runner->steps[runner->nr_steps++];
    bool goes_on;

    runner->state->op = (enum op)operation->op;
    goes_on = lockstep_step(runner->lockstep, operation, record, &runner->divergence);
    runner->state->op = NR_OPS;
    if (record->status == STEP_EXECUTED && runner->divergence.kind == FINDING_NONE)
        runner->ends[operation->op][step_end_of(record)]++;
    return goes_on;
}

static void run_steps(struct runner *runner, const struct program *program)
{
    bool goes_on = true;

    edges_clear();
    for (size_t i = 0; i < program->nr_ops && goes_on; i++)
        goes_on = run_step(runner, &program->ops[i]);
    if (goes_on && program->nr_ops > 0)
        (void)lockstep_judge_end(runner->lockstep, (enum op)program->ops[program->nr_ops - 1].op,
                                 &runner->divergence);
}

enum run_end runner_run(struct runner *runner, const struct program *program)
{
    if (!prepare(runner, program))
        return RUN_FAILED;
    if (!lockstep_begin(runner->lockstep, program, program->nr_ops))
        return RUN_IMPOSSIBLE;
    run_steps(runner, program);

    const bool was_reset = lockstep_end(runner->lockstep);

    /* A finding is worth more than what the subject does wrong afterwards. */
    if (runner->divergence.kind != FINDING_NONE)
        return RUN_DIVERGES;
    return was_reset ? RUN_AGREES : RUN_FAILED;
}

/* --- what was seen --- */

uint64_t runner_executed(const struct runner *runner)
{
    uint64_t executed = 0;

    for (size_t i = 0; i < runner->nr_steps; i++)
        executed += runner->steps[i].status == STEP_EXECUTED;
    return executed;
}

const char *runner_outcome(const struct runner *runner, size_t step)
{
    if (step >= runner->nr_steps)
        return "not reached";
    if (runner->steps[step].status == STEP_EXECUTED)
        return result_name((enum spec_result)runner->steps[step].result);
    return "skipped";
}

struct visit {
    runner_feature_fn *feature;
    void *context;
};

static void on_edge(void *context, size_t edge, uint8_t hits)
{
    const struct visit *visit = context;

    visit->feature(visit->context, feature_edge(edge));
    visit->feature(visit->context, feature_edge_times(edge, hits));
}

/* Of a subject without ghost state, clauses that see it are judged on the reference alone. */
static bool is_judged(const struct lockstep_stats *stats, enum clause_id id)
{
    return !stats->ghost_assumed || CLAUSES[id].sees != CLAUSE_SEES_GHOST;
}

unsigned runner_clauses(const struct runner *runner)
{
    unsigned nr = 0;

    for (int id = 0; id < NR_CLAUSES; id++)
        nr += is_judged(&runner->stats, (enum clause_id)id);
    return nr;
}

static void visit_ends(const struct runner *runner, enum op op, const struct visit *visit)
{
    for (unsigned end = 0; end < NR_STEP_ENDS; end++) {
        const uint64_t times = runner->ends[op][end];

        if (times == 0)
            continue;
        visit->feature(visit->context, feature_end(op, end));
        visit->feature(visit->context, feature_end_times(op, end, times));
    }
}

static void visit_clauses(const struct runner *runner, enum op op, const struct visit *visit)
{
    const struct lockstep_stats *stats = &runner->stats;

    for (int id = 0; id < NR_CLAUSES; id++)
        if (is_judged(stats, (enum clause_id)id) &&
            lockstep_stats_evaluated(stats, op, (enum clause_id)id))
            visit->feature(visit->context, feature_clause(op, (enum clause_id)id));
}

void runner_features(const struct runner *runner, runner_feature_fn *feature, void *context)
{
    struct visit visit = {feature, context};
    bool is_seen[NR_OPS] = {false};

    edges_visit(on_edge, &visit);
    for (size_t i = 0; i < runner->nr_steps; i++) {
        const enum op op = (enum op)runner->program->ops[i].op;

        if (runner->steps[i].status == STEP_EXECUTED)
            feature(context, feature_cell(runner->steps[i].cell));
        /* The end of a program is judged with its last operation, whether that could run or not. */
        if (is_seen[op])
            continue;
        is_seen[op] = true;
        visit_ends(runner, op, &visit);
        visit_clauses(runner, op, &visit);
    }
}
