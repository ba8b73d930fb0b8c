/* SPDX-License-Identifier: MPL-2.0 */
/* Programs that run while they are being written; see binding.h. */
#include <stdlib.h>
#include <string.h>

#include "binding.h"
#include "lockstep_internal.h"

struct trial {
    struct lockstep *lockstep;
    struct lockstep_stats *stats;
    struct program program;
    struct trace *trace;
    struct scope scope;        /* the few values of each operand that stand for all */
    struct step_record record; /* of the last operation, kept or not */
    uint8_t *journal;          /* null: none */
    uint64_t nr_steps;
    bool is_running; /* between lockstep_begin and lockstep_end */
    bool goes_on;
    bool is_new;
    char error[160];
};

/* --- making one --- */

struct trial *trial_create(const struct slotcheck_subject *subject, char *error, size_t error_size)
{
    struct trial *trial = calloc(1, sizeof(*trial));

    if (trial)
        trial->stats = calloc(1, sizeof(*trial->stats));
    if (trial)
        trial->trace = trace_create(TRIAL_MAX_OPS);
    if (!trial || !trial->stats || !trial->trace) {
        (void)snprintf(error, error_size, "no memory");
        trial_destroy(trial);
        return NULL;
    }
    program_init(&trial->program);
    trial->lockstep = lockstep_create(subject, trial->stats, error, error_size);
    if (!trial->lockstep) {
        trial_destroy(trial);
        return NULL;
    }
    return trial;
}

/* No program is running. */
static void forget_journal(const struct trial *trial)
{
    if (trial->journal)
        memset(trial->journal, 0, sizeof(uint64_t));
}

static bool stop(struct trial *trial)
{
    const bool ended = !trial->is_running || lockstep_end(trial->lockstep);

    trial->is_running = false;
    trial->goes_on = false;
    forget_journal(trial);
    return ended;
}

void trial_destroy(struct trial *trial)
{
    if (!trial)
        return;
    if (trial->lockstep) {
        (void)stop(trial);
        lockstep_destroy(trial->lockstep);
    }
    program_free(&trial->program);
    trace_destroy(trial->trace);
    free(trial->stats);
    free(trial);
}

void trial_use_variant(struct trial *trial, enum spec_variant variant)
{
    lockstep_use_variant(trial->lockstep, variant);
}

void trial_use_journal(struct trial *trial, uint8_t *journal)
{
    trial->journal = journal;
}

/* Whoever reads it finds a program that is complete, or none. */
static void keep_journal(const struct trial *trial, const struct program *program)
{
    const uint64_t size = program_encoded_size(program);

    if (!trial->journal || size > TRIAL_JOURNAL_SIZE - sizeof(size))
        return;
    memset(trial->journal, 0, sizeof(size));
    program_encode(program, trial->journal + sizeof(size));
    memcpy(trial->journal, &size, sizeof(size));
}

/* --- running it --- */

static bool fail(struct trial *trial, const char *why)
{
    (void)snprintf(trial->error, sizeof(trial->error), "%s", why);
    trial->goes_on = false;
    return false;
}

bool trial_begin(struct trial *trial, uint64_t nr_slots)
{
    trial->error[0] = '\0';
    trial->trace->divergence.kind = FINDING_NONE;
    trial->trace->nr_steps = 0;
    trial->trace->nr_slots = 0;
    if (!stop(trial))
        return fail(trial, lockstep_error(trial->lockstep));
    program_clear(&trial->program);
    if (!program_set_slots(&trial->program, nr_slots))
        return fail(trial, "no program can have that many slots");
    keep_journal(trial, &trial->program);
    if (!lockstep_begin(trial->lockstep, &trial->program, TRIAL_MAX_OPS))
        return fail(trial, lockstep_error(trial->lockstep));
    trial->trace->nr_slots = trial->lockstep->pre.max_meta_slots;
    nr_slots = trial->trace->nr_slots;
    scope_init(&trial->scope, nr_slots < SCOPE_MAX_SLOTS ? nr_slots : SCOPE_MAX_SLOTS);
    trial->is_running = true;
    trial->goes_on = true;
    return true;
}

static struct operation operation_of(enum op op, uint16_t first, uint16_t second, uint16_t third)
{
    return (struct operation){
        .op = (uint8_t)op, .opcode = (uint8_t)op, .operand = {first, second, third}};
}

/* The last operation of the program, that was just appended. */
static void run_last(struct trial *trial)
{
    const size_t at = trial->program.nr_ops - 1;
    const uint64_t nr_cells = trial->stats->cells.nr;

    keep_journal(trial, &trial->program);
    trial->trace->nr_steps = at + 1;
    trial->trace->divergence.step = at;
    trial->goes_on = lockstep_step(trial->lockstep, &trial->program.ops[at], &trial->record,
                                   &trial->trace->divergence);
    trial->trace->steps[at] = trial->record;
    trial->is_new = trial->stats->cells.nr > nr_cells;
    if (lockstep_error(trial->lockstep)[0] != '\0')
        fail(trial, lockstep_error(trial->lockstep));
}

enum step_status trial_step(struct trial *trial, enum op op, uint16_t first, uint16_t second,
                            uint16_t third)
{
    trial->record = (struct step_record){.status = STEP_NOT_REACHED};
    trial->is_new = false;
    if (!trial->goes_on)
        return STEP_NOT_REACHED;
    if (first >> OPERAND_BITS[op][0] || second >> OPERAND_BITS[op][1] ||
        third >> OPERAND_BITS[op][2])
        return STEP_SKIPPED_NO_HANDLE;
    if (trial->program.nr_ops == TRIAL_MAX_OPS ||
        !program_append(&trial->program, operation_of(op, first, second, third))) {
        fail(trial, "the program has become too long");
        return STEP_NOT_REACHED;
    }
    run_last(trial);
    if (trial->record.status == STEP_EXECUTED || trial->record.status == STEP_STARTED) {
        trial->nr_steps++;
    } else {
        trial->program.nr_ops--;
        trial->trace->nr_steps--;
    }
    return (enum step_status)trial->record.status;
}

bool trial_end(struct trial *trial)
{
    struct divergence *divergence = &trial->trace->divergence;
    const size_t n = trial->program.nr_ops;

    if (trial->goes_on && n > 0) {
        divergence->step = n - 1;
        (void)lockstep_judge_end(trial->lockstep, (enum op)trial->program.ops[n - 1].op,
                                 divergence);
    }
    if (!stop(trial) && divergence->kind == FINDING_NONE)
        return fail(trial, lockstep_error(trial->lockstep));
    return divergence->kind == FINDING_NONE;
}

static bool copy_program(struct program *to, const struct program *from)
{
    const size_t size = program_encoded_size(from);
    uint8_t *bytes = malloc(size + 1);
    bool copied;

    if (!bytes)
        return false;
    program_encode(from, bytes);
    copied = program_decode(to, bytes, size);
    free(bytes);
    return copied;
}

bool trial_run(struct trial *trial, const struct program *program)
{
    const uint64_t programs = trial->stats->programs;

    trial->error[0] = '\0';
    trial->trace->divergence.kind = FINDING_NONE;
    if (!stop(trial))
        return fail(trial, lockstep_error(trial->lockstep));
    if (program->nr_ops > TRIAL_MAX_OPS)
        return fail(trial, "the program is too long");
    if (!copy_program(&trial->program, program))
        return fail(trial, "no memory");
    keep_journal(trial, program);
    if (!lockstep_run(trial->lockstep, &trial->program, trial->trace))
        fail(trial, lockstep_error(trial->lockstep));
    forget_journal(trial);
    trial->nr_steps += trial->stats->programs > programs ? trial->trace->nr_steps : 0;
    return trial->trace->divergence.kind == FINDING_NONE && trial->error[0] == '\0';
}

bool trial_goes_on(const struct trial *trial)
{
    return trial->goes_on;
}

const struct divergence *trial_divergence(const struct trial *trial)
{
    return &trial->trace->divergence;
}

const struct program *trial_program(const struct trial *trial)
{
    return &trial->program;
}

const struct trace *trial_trace(const struct trial *trial)
{
    return trial->trace;
}

const struct step_record *trial_record(const struct trial *trial)
{
    return &trial->record;
}

const char *trial_error(const struct trial *trial)
{
    return trial->error;
}

uint64_t trial_nr_steps(const struct trial *trial)
{
    return trial->nr_steps;
}

const struct lockstep_stats *trial_stats(const struct trial *trial)
{
    return trial->stats;
}

bool trial_is_new(const struct trial *trial)
{
    return trial->is_new;
}

/* --- what can come next --- */

bool trial_admits(const struct trial *trial, enum op op, uint16_t first, uint16_t second,
                  uint16_t third)
{
    const struct operation operation = operation_of(op, first, second, third);

    return trial->goes_on && lockstep_admits(trial->lockstep, &operation);
}

uint64_t trial_nr_handles(const struct trial *trial, enum operand_kind kind)
{
    const struct handles *handles = &trial->lockstep->handles;

    if (kind == OPERAND_FRAME)
        return handles->nr_frames;
    if (kind == OPERAND_UNIQUE)
        return handles->nr_uniques;
    if (kind == OPERAND_LIST)
        return handles->nr_lists;
    if (kind == OPERAND_CURSOR)
        return handles->nr_cursors;
    if (kind == OPERAND_SEGMENT)
        return handles->nr_segments;
    return kind == OPERAND_MAPPING ? handles->nr_mappings : 0;
}

uint64_t trial_handle(const struct trial *trial, enum operand_kind kind, uint64_t number)
{
    return lockstep_handle(trial->lockstep, kind, number);
}

enum {
    /* Slots that nothing has touched are alike, so two of them stand for all. */
    UNTOUCHED_TRIED = 2,
};

/* The values that are tried of each operand. */
struct domain {
    size_t nr;
    uint16_t values[TRIAL_MAX_TRIED];
};

static void add_value(struct domain *domain, uint64_t value)
{
    if (domain->nr < TRIAL_MAX_TRIED)
        domain->values[domain->nr++] = (uint16_t)value;
}

static void add_slots(const struct trial *trial, struct domain *domain)
{
    const struct lockstep *ls = trial->lockstep;
    uint64_t left = ls->nr_dirty;
    unsigned untouched = 0;

    for (uint64_t i = 0; i < ls->pre.max_meta_slots; i++) {
        if (left == 0 && untouched == UNTOUCHED_TRIED)
            return;
        if (ls->is_dirty[i])
            left--;
        else if (untouched < UNTOUCHED_TRIED)
            untouched++;
        else
            continue;
        add_value(domain, i);
    }
}

/* The first path, the last one, and those at which something is mapped. */
static void add_paths(const struct trial *trial, struct domain *domain)
{
    const uint64_t ends = UINT64_C(1) | UINT64_C(1) << (SPEC_NR_PATHS - 1);

    for (uint64_t i = 0; i < SPEC_NR_PATHS; i++)
        if ((trial->lockstep->expected.paths_in_use | ends) >> i & 1)
            add_value(domain, i);
}

static void domain_of(const struct trial *trial, enum operand_kind kind, struct domain *domain)
{
    const struct scope *scope = &trial->scope;

    domain->nr = 0;
    if (kind == OPERAND_PADDR || kind == OPERAND_SLOT)
        add_slots(trial, domain);
    else if (kind == OPERAND_PATH)
        add_paths(trial, domain);
    else if (operand_is_handle(kind))
        for (uint64_t i = 0; i < trial_nr_handles(trial, kind); i++)
            add_value(domain, i);
    else
        for (unsigned i = 0; i < scope->nr_values[kind]; i++)
            add_value(domain, scope->values[kind][i]);
}

/* Is the operation admitted with the operands as they are before the `at`-th, and any others? */
static bool any_admitted(const struct trial *trial, struct operation *operation,
                         const struct domain domains[PROGRAM_MAX_OPERANDS], unsigned at)
{
    if (at == PROGRAM_MAX_OPERANDS)
        return lockstep_admits(trial->lockstep, operation);
    for (size_t i = 0; i < domains[at].nr; i++) {
        operation->operand[at] = domains[at].values[i];
        if (any_admitted(trial, operation, domains, at + 1))
            return true;
    }
    return false;
}

static void domains_of(const struct trial *trial, enum op op,
                       struct domain domains[PROGRAM_MAX_OPERANDS])
{
    for (unsigned at = 0; at < PROGRAM_MAX_OPERANDS; at++)
        domain_of(trial, OPS[op].operand[at], &domains[at]);
}

void trial_possible(const struct trial *trial, bool possible[NR_OPS])
{
    struct domain domains[PROGRAM_MAX_OPERANDS];

    for (unsigned op = 0; op < NR_OPS; op++) {
        struct operation operation = operation_of((enum op)op, 0, 0, 0);

        possible[op] = false;
        /* After the last setup there are many combinations to be refused for one reason. */
        if (!trial->goes_on || (op_is_setup((enum op)op) && trial->lockstep->setup_over))
            continue;
        domains_of(trial, (enum op)op, domains);
        possible[op] = any_admitted(trial, &operation, domains, 0);
    }
}

size_t trial_candidates(const struct trial *trial, enum op op, unsigned at, uint16_t *values,
                        size_t capacity)
{
    struct domain domains[PROGRAM_MAX_OPERANDS], tried;
    size_t n = 0;

    domains_of(trial, op, domains);
    tried = domains[at];
    for (size_t i = 0; trial->goes_on && i < tried.nr; i++) {
        struct operation operation = operation_of(op, 0, 0, 0);

        domains[at] = (struct domain){.nr = 1, .values = {tried.values[i]}};
        if (!any_admitted(trial, &operation, domains, 0))
            continue;
        if (n < capacity)
            values[n] = tried.values[i];
        n++;
    }
    return n;
}

size_t trial_unused(const struct trial *trial, uint16_t *slots, size_t capacity)
{
    const struct meta_region_owners *owners = &trial->lockstep->pre;
    size_t n = 0;

    for (uint64_t i = 0; i < owners->max_meta_slots && i < PADDR_OOB && n < capacity; i++)
        if (slot_owner_at(owners, i)->inner_perms.ref_count.value == SPEC_REF_COUNT_UNUSED)
            slots[n++] = (uint16_t)i;
    return n;
}

size_t trial_forgotten(const struct trial *trial, uint16_t *slots, size_t capacity)
{
    const struct lockstep *ls = trial->lockstep;
    uint64_t touched = ls->nr_dirty;
    size_t n = 0;

    for (uint64_t i = 0; touched > 0 && i < ls->pre.max_meta_slots && i < PADDR_OOB; i++) {
        const struct slot_holders *holders = &ls->expected.holders[i];

        touched -= ls->is_dirty[i];
        if (holders->forgotten_frames + holders->forgotten_unique_frames == 0)
            continue;
        if (n < capacity)
            slots[n] = (uint16_t)i;
        n++;
    }
    return n;
}

/* --- the state --- */

bool trial_invariants(const struct trial *trial, struct clause_report *report)
{
    const struct lockstep *ls = trial->lockstep;
    bool holds = true;

    clause_report_begin(report);
    /* What nothing has touched is as after boot. */
    for (uint64_t i = 0; i < ls->nr_dirty; i++)
        holds &= judge_slot(&ls->pre, &ls->expected, ls->dirty[i], true, report);
    for (uint64_t i = 0; i < SPEC_MAX_LISTS; i++)
        if (ls->pre.lists[i].is_live)
            holds &= linked_list_inv(&ls->pre, i, report);
    return holds;
}

/* --- shrinking --- */

struct held {
    struct trial *trial;
    char signature[SIGNATURE_SIZE];
};

static bool keeps_signature(void *context, const struct program *candidate, struct trace *trace)
{
    struct held *held = context;
    char signature[SIGNATURE_SIZE];

    keep_journal(held->trial, candidate);
    if (!lockstep_run(held->trial->lockstep, candidate, trace) ||
        trace->divergence.kind == FINDING_NONE)
        return false;
    divergence_signature(&trace->divergence, signature, sizeof(signature));
    return strcmp(signature, held->signature) == 0;
}

enum shrink_status trial_shrink(struct trial *trial, struct program *program,
                                struct shrink_counts *counts)
{
    struct held held = {.trial = trial};
    enum shrink_status status;

    if (trial_run(trial, program))
        return SHRINK_AGREES;
    if (trial->error[0] != '\0')
        return SHRINK_NO_RUN;
    divergence_signature(&trial->trace->divergence, held.signature, sizeof(held.signature));
    status = shrink(program, keeps_signature, &held, &SHRINK_LIMITS, counts);
    forget_journal(trial);
    return status;
}
