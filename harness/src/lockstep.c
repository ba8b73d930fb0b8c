/* SPDX-License-Identifier: MPL-2.0 */
/* One operation after the other: admit, run on both sides, compare, judge. */
#include "slotcheck/lockstep.h"

#include <string.h>

#include "divergence_build.h"
#include "lockstep_internal.h"
#include "phases.h"
#include "spec_operations.h"
#include "subject_call.h"

/* --- an operation's operands --- */

static void metadata_of_node(struct meta_slot_storage *metadata, uint64_t level)
{
    *metadata = (struct meta_slot_storage){.type = SPEC_METADATA_PT_NODE, .pt_node.level = level};
}

#define NO_SEED UINT32_MAX

/*
 * Fills in what one operand means here, the `at`-th of its operation. False if it names a handle
 * and none is alive.
 */
static inline bool resolve_operand(const struct lockstep *ls, enum operand_kind kind, int at,
                                   uint32_t operand, struct spec_call *call, uint32_t *seed)
{
    const struct handles *handles = &ls->handles;
    const uint64_t nr_slots = ls->pre.max_meta_slots;

    switch (kind) {
    case OPERAND_PADDR:
        call->paddr = operand_paddr((uint16_t)operand, nr_slots);
        return true;
    case OPERAND_SLOT:
        call->paddr = index_to_frame(operand % (uint32_t)nr_slots);
        return true;
    case OPERAND_FRAME:
        if (handles->nr_frames == 0)
            return false;
        call->paddr = handles->frames[operand % (uint32_t)handles->nr_frames];
        return true;
    case OPERAND_UNIQUE:
        if (handles->nr_uniques == 0)
            return false;
        call->paddr = handles->uniques[operand % (uint32_t)handles->nr_uniques];
        return true;
    case OPERAND_META:
        call->metadata.type = operand % META_NR_TYPES;
        *seed = operand / META_NR_TYPES;
        return true;
    case OPERAND_FLAG:
        call->as_unique = operand & 1;
        return true;
    case OPERAND_COUNT:
        call->count = operand_count((uint16_t)operand);
        return true;
    case OPERAND_LEVEL:
        metadata_of_node(&call->metadata, operand_level((uint16_t)operand));
        return true;
    case OPERAND_VALUE:
        /* Metadata of the type that is there. */
        call->metadata.type =
            slot_owner_at(&ls->pre, frame_to_index(call->paddr))->inner_perms.storage.value.type;
        *seed = operand;
        return true;
    case OPERAND_LIST:
        if (handles->nr_lists == 0)
            return false;
        call->list = handles->lists[operand % (uint32_t)handles->nr_lists];
        return true;
    case OPERAND_CURSOR:
        if (handles->nr_cursors == 0)
            return false;
        call->list = handles->cursors[operand % (uint32_t)handles->nr_cursors];
        return true;
    case OPERAND_SEGMENT:
        if (handles->nr_segments == 0)
            return false;
        call->paddr = handles->segments[operand % (uint32_t)handles->nr_segments].start;
        call->end = handles->segments[operand % (uint32_t)handles->nr_segments].end;
        return true;
    case OPERAND_MAPPING:
        if (handles->nr_mappings == 0)
            return false;
        call->paddr = handles->mappings[operand % (uint32_t)handles->nr_mappings].paddr;
        call->path = handles->mappings[operand % (uint32_t)handles->nr_mappings].path;
        return true;
    case OPERAND_LENGTH:
        /* A length never comes first: before it stands where it is measured from. */
        call->length[at - 1] = operand_length((uint16_t)operand);
        return true;
    case OPERAND_TYPE:
        call->type = operand_type((uint16_t)operand);
        return true;
    case OPERAND_PATH:
        call->path = operand_path((uint16_t)operand);
        return true;
    case OPERAND_USAGE:
        call->usage = operand_usage((uint16_t)operand);
        return true;
    case OPERAND_NONE:
    case NR_OPERAND_KINDS:
        break;
    }
    return true;
}

/*
 * Fills in what the operands mean here, but of metadata only the type, if there is a `seed` to make
 * the rest of: that can wait until the operation may run. False if an operand names a handle and
 * none is alive.
 *
 * Written out for each operation, so that there is one jump that nobody can predict and not one
 * for each operand.
 */
static bool resolve(const struct lockstep *ls, const struct operation *operation,
                    struct spec_call *call, uint32_t *seed)
{
    const uint16_t *operand = operation->operand;

    switch ((enum op)operation->op) {
#define OP(name, since, weight, first, second, third, ...)                                         \
    case OP_##name:                                                                                \
        return resolve_operand(ls, OPERAND_##first, 0, operand[0], call, seed) &&                  \
               resolve_operand(ls, OPERAND_##second, 1, operand[1], call, seed) &&                 \
               resolve_operand(ls, OPERAND_##third, 2, operand[2], call, seed);
#include "slotcheck/ops.def"
#undef OP
    case NR_OPS:
        break;
    }
    return false;
}

/* The index that a new list gets; SPEC_MAX_LISTS if there is no room for one. */
static uint64_t free_list(const struct lockstep *ls)
{
    uint64_t i = 0;

    while (i < SPEC_MAX_LISTS && ls->pre.lists[i].is_live)
        i++;
    return i;
}

/* --- comparison --- */

/* Written out: a call of memcmp costs more than the comparison. */
static bool details_agree(const struct spec_outcome *a, const struct spec_outcome *b)
{
    uint64_t difference = 0;

    for (size_t i = 0; i < sizeof(a->detail) / sizeof(a->detail[0]); i++)
        difference |= a->detail[i] ^ b->detail[i];
    return difference == 0;
}

static bool outcomes_agree(const struct spec_outcome *expected, const struct spec_outcome *actual)
{
    return expected->result == actual->result &&
           (expected->result != SPEC_OK ||
            (expected->value == actual->value && details_agree(expected, actual) &&
             meta_slot_storage_equal(&expected->metadata, &actual->metadata)));
}

static bool drops_agree(const struct lockstep *ls)
{
    const uint64_t n = ls->expected.nr_drops;

    if (!lockstep_can(ls, SLOTCHECK_CAN_REPORT_ON_DROP))
        return true;
    if (ls->nr_drops != n)
        return false;
    for (uint64_t i = 0; i < n && i < SPEC_MAX_DROPS; i++)
        if (ls->drops[i].paddr != ls->expected.drops[i].paddr ||
            !meta_slot_storage_equal(&ls->drops[i].metadata, &ls->expected.drops[i].metadata))
            return false;
    return true;
}

/* Lists that neither side changed are as in `pre` on both. */
static bool lists_agree(const struct lockstep *ls)
{
    const uint64_t changed = ls->expected.owners.lists_changed | ls->actual.lists_changed;

    for (uint64_t i = 0; changed >> i; i++)
        if (!linked_list_equal(&ls->expected.owners.lists[i], &ls->actual.lists[i]))
            return false;
    return true;
}

/* The same of slots. */
static bool states_agree(const struct lockstep *ls)
{
    const struct meta_region_owners *expected = &ls->expected.owners;
    const struct meta_region_owners *actual = &ls->actual;

    for (uint64_t i = 0; i < expected->nr_changed; i++)
        if (!meta_region_owners_slot_equal(expected, actual, expected->changed[i]))
            return false;
    for (uint64_t i = 0; i < actual->nr_changed; i++)
        if (!expected->is_changed[actual->changed[i]] &&
            !meta_region_owners_slot_equal(expected, actual, actual->changed[i]))
            return false;
    return lists_agree(ls);
}

/*
 * Operations on lists and segments touch many slots one after the other. Where in between a panic
 * leaves them nobody promises, so it is not compared; the specification's own panics are at one count.
 */
static bool panic_leaves_open(enum op op, enum spec_result result)
{
    return result == SPEC_PANIC && OPS[op].since > 1;
}

/* --- judgement --- */

/*
 * The invariants of the lists and of the slots in `post` that `changes` changed, and the accounting.
 * Who holds references is known for the expected outcome; with another one there may be fewer, and
 * nothing can be counted.
 */
static bool judge_invariants(struct lockstep *ls, const struct meta_region_owners *post,
                             const struct meta_region_owners *changes, bool as_expected,
                             struct clause_report *report)
{
    bool holds = true;

    for (uint64_t i = 0; i < changes->nr_changed; i++)
        holds &= judge_slot(post, &ls->expected, changes->changed[i], as_expected, report);
    for (uint64_t i = 0; changes->lists_changed >> i; i++)
        if (changes->lists_changed >> i & 1)
            holds &= linked_list_inv(post, i, report);
    return holds;
}

/*
 * Of the subject's state, what it changed on its own included: a slot that belongs to a list can break
 * the list without being the operation's. Where both sides agree on what has changed, what has not
 * is as good as it was.
 */
static void judge_all_invariants(struct lockstep *ls, bool as_expected,
                                 struct clause_report *report)
{
    judge_invariants(ls, &ls->actual, &ls->actual, as_expected, report);
    for (uint64_t i = 0; i < SPEC_MAX_LISTS; i++)
        if (ls->actual.lists[i].is_live)
            linked_list_inv(&ls->actual, i, report);
}

/* All clauses that apply to the step from `pre` to `post`. A panic leaves no state to be judged. */
static inline bool judge(struct lockstep *ls, enum op op, const struct spec_call *call,
                         const struct meta_region_owners *post, const struct spec_outcome *outcome,
                         bool as_expected)
{
    struct clause_report *report = &ls->stats->clauses[op];
    bool holds;

    clause_report_begin(report);
    holds = JUDGE[op](&ls->pre, post, call, outcome, report);
    if (outcome->result != SPEC_PANIC)
        holds &= judge_invariants(ls, post, &ls->expected.owners, as_expected, report);
    return holds;
}

/* Both sides do the same; so what is judged is the reference, and the subject with it. */
static bool agree(struct lockstep *ls, enum op op, const struct spec_call *call,
                  const struct spec_outcome *expected)
{
    const bool holds = judge(ls, op, call, &ls->expected.owners, expected, true);

    phase_end(PHASE_CLAUSES);
    return holds;
}

/* The two sides differ, or agree on what the specification forbids: who is wrong, and how? */
static void diverge(struct lockstep *ls, const struct operation *operation,
                    const struct spec_call *call, const struct spec_outcome *expected,
                    const struct spec_outcome *actual, struct divergence *divergence)
{
    const enum op op = (enum op)operation->op;
    struct clause_report *report = &ls->stats->clauses[op];
    const bool ghost = lockstep_can(ls, SLOTCHECK_CAN_REPORT_GHOST);
    const bool as_expected = expected->result == actual->result;
    const bool open = panic_leaves_open(op, expected->result);

    ls->stats->divergences++;
    divergence_begin(divergence, op, call, &ls->pre);
    divergence->expected = *expected;
    divergence->actual = *actual;
    divergence_compare_outcomes(divergence, expected, actual);
    if (!open)
        divergence_compare_states(divergence, &ls->pre, &ls->expected.owners, &ls->actual, ghost);
    if (!open && !drops_agree(ls))
        divergence_compare_drops(divergence, ls->expected.nr_drops, ls->expected.drops,
                                 ls->nr_drops, ls->drops);
    if (!judge(ls, op, call, &ls->expected.owners, expected, true)) {
        divergence->kind = FINDING_ORACLE_FAULT;
        divergence_add_broken(divergence, report, true);
        return;
    }
    /* Of a child that should have panicked, and has not, only counts were seen. */
    if (open && ls->children)
        clause_report_begin(report);
    else
        judge(ls, op, call, &ls->actual, actual, as_expected);
    if (!open && actual->result != SPEC_PANIC)
        judge_all_invariants(ls, as_expected, report);
    divergence->kind =
        divergence_add_broken(divergence, report, ghost) ? FINDING_VIOLATION : FINDING_STRICTER;
    for (uint32_t i = 0; i < divergence->nr_broken; i++)
        ls->stats->decided[op][divergence->broken[i]]++;
}

/* --- one operation --- */

/* False if the operation ended the process, or could not be called. */
static bool call_subject(struct lockstep *ls, enum op op, const struct spec_call *call,
                         const struct spec_outcome *expected, struct spec_outcome *actual)
{
    const struct subject_region on = lockstep_on(ls);

    ls->nr_drops = 0;
    if (expected->result != SPEC_PANIC || !ls->children) {
        ls->in_call = true;
        subject_call(&on, op, call, actual);
        ls->in_call = false;
        phase_end(PHASE_SUBJECT);
        lockstep_observe(ls, actual->result == expected->result);
        return true;
    }
    /* A subject that cannot return from a panic is provoked in a child. */
    if (!child_call(ls->children, &on, op, call, ls->pre.max_meta_slots, actual))
        return lockstep_fail(ls, "cannot fork for an operation that should panic");
    if (child_call_signal(ls->children))
        return false;
    child_observe(ls->children, &ls->actual);
    return true;
}

/* The subject ended the process with another signal than a panic's, or never returned. */
static void crash(struct lockstep *ls, enum op op, const struct spec_call *call,
                  const struct spec_outcome *expected, struct divergence *divergence)
{
    ls->stats->divergences++;
    ls->stats->decided[op][CLAUSE_exec__process]++;
    divergence_begin(divergence, op, call, &ls->pre);
    divergence->expected = *expected;
    divergence_crash(divergence, child_call_signal(ls->children));
}

static enum step_status skip(struct lockstep *ls, enum op op, enum step_status status)
{
    ls->stats->skipped[op][status]++;
    return status;
}

/*
 * Why the operation cannot run here, or STEP_STARTED. Of metadata it fills in the type, and the
 * `seed` that the rest is to be made of.
 */
static inline enum step_status admissible(const struct lockstep *ls,
                                          const struct operation *operation, struct spec_call *call,
                                          uint32_t *seed)
{
    const enum op op = (enum op)operation->op;

    if (!ls->offers[op])
        return STEP_SKIPPED_NOT_OFFERED;
    if (!resolve(ls, operation, call, seed))
        return STEP_SKIPPED_NO_HANDLE;
    call->variant = ls->variant;
    if (op == OP_list_new)
        call->list = free_list(ls);
    if ((ls->setup_over && op_is_setup(op)) || !REQUIRES[op](&ls->expected, call))
        return STEP_SKIPPED_PRECONDITION;
    return STEP_STARTED;
}

/* The same, counted, and with all of the call filled in. */
static enum step_status admit(struct lockstep *ls, const struct operation *operation,
                              struct spec_call *call)
{
    const enum op op = (enum op)operation->op;
    uint32_t seed = NO_SEED;
    const enum step_status status = admissible(ls, operation, call, &seed);

    if (status != STEP_STARTED)
        return skip(ls, op, status);
    if (seed != NO_SEED)
        call->metadata = metadata_from_seed(call->metadata.type, seed, ls->pre.max_meta_slots);
    return STEP_STARTED;
}

/* After agreement the two are equal, and are what the next operation begins with. */
static void commit(struct lockstep *ls)
{
    for (uint64_t i = 0; i < ls->expected.owners.nr_changed; i++)
        lockstep_mark_dirty(ls, ls->expected.owners.changed[i]);
    for (uint64_t i = 0; i < ls->actual.nr_changed; i++)
        lockstep_mark_dirty(ls, ls->actual.changed[i]);
    if (ls->expected.owners.lists_changed | ls->actual.lists_changed) {
        ls->lists_dirty = true;
        ls->mark.lists_moved = true;
    }
    meta_region_owners_commit(&ls->pre, &ls->expected.owners);
    meta_region_owners_rebase(&ls->actual, &ls->pre);
}

/*
 * No arguments: at no frame, unless an operand says so. Member by member, as the compiler would clear
 * all of it with an instruction that takes longer than the rest of decoding.
 */
static inline void call_clear(struct spec_call *call)
{
    call->paddr = UINT64_MAX;
    call->end = 0;
    call->length[0] = 0;
    call->length[1] = 0;
    call->list = 0;
    call->path = 0;
    call->type = 0;
    call->usage = 0;
    call->count = 0;
    call->variant = SPEC_OSTD;
    call->as_unique = false;
    call->metadata = (struct meta_slot_storage){0};
}

/* Runs one operation; false if the program ends here. */
static inline bool step(struct lockstep *ls, const struct operation *operation,
                        struct step_record *record, struct divergence *divergence)
{
    const enum op op = (enum op)operation->op;
    struct spec_call call;
    struct spec_outcome expected, actual;
    uint32_t met;
    bool agreed;

    call_clear(&call);
    record->status = (uint8_t)admit(ls, operation, &call);
    record->paddr = call.paddr;
    record->status_before = (uint8_t)meta_slot_status_of(
        slot_owner_at(&ls->pre, frame_to_index(call.paddr))->inner_perms.ref_count.value);
    if (record->status != STEP_STARTED) {
        phase_end(PHASE_DECODE);
        return true;
    }
    ls->setup_over = ls->setup_over || !op_is_setup(op);
    met = cell_state_of(&ls->expected, op, &call, (enum meta_slot_status)record->status_before);
    phase_end(PHASE_DECODE);

    reference_begin(&ls->expected);
    REFERENCE[op](&ls->expected, &call, &expected);
    record->result = (uint8_t)expected.result;
    record->value = expected.value;
    memcpy(record->detail, expected.detail, sizeof(record->detail));
    record->metadata = expected.metadata;
    phase_end(PHASE_REFERENCE);

    if (!call_subject(ls, op, &call, &expected, &actual)) {
        if (ls->error[0] == '\0')
            crash(ls, op, &call, &expected, divergence);
        commit(ls);
        return false;
    }
    record->status = STEP_EXECUTED;
    agreed = outcomes_agree(&expected, &actual) &&
             (panic_leaves_open(op, expected.result) || (states_agree(ls) && drops_agree(ls)));
    phase_end(PHASE_COMPARISON);

    ls->stats->executed[op][expected.result]++;
    if (!agreed || !agree(ls, op, &call, &expected)) {
        diverge(ls, operation, &call, &expected, &actual, divergence);
        commit(ls);
        return false;
    }
    record->cell = cell_of(op, expected.result, met);
    cell_set_add(&ls->stats->cells, record->cell);
    if (ls->observer)
        ls->observer(ls->observer_context, &(struct lockstep_step){.at = divergence->step,
                                                                   .op = op,
                                                                   .call = &call,
                                                                   .outcome = &expected,
                                                                   .pre = &ls->pre,
                                                                   .post = &ls->expected});
    if (handles_concerned(op, &ls->expected.owners))
        handles_update(&ls->handles, operation, &call, &expected, &ls->expected.owners);
    commit(ls);
    phase_end(PHASE_CLAUSES);
    return expected.result != SPEC_PANIC && ls->error[0] == '\0';
}

bool lockstep_judge_end(struct lockstep *ls, enum op last, struct divergence *divergence)
{
    struct clause_report *report = &ls->stats->clauses[last];

    /* A program that ends without live handles must owe nothing. */
    if (!handles_none_owing(&ls->handles) || !ls->setup_over)
        return true;
    for (uint64_t i = 0; i < ls->nr_dirty; i++)
        if (ls->expected.exempt[ls->dirty[i]] != EXEMPT_NOT)
            return true;
    clause_report_begin(report);
    if (clean_inv(&ls->pre, report))
        return true;
    ls->stats->divergences++;
    divergence_begin(divergence, last, &(struct spec_call){.paddr = UINT64_MAX}, &ls->pre);
    divergence->kind = FINDING_ORACLE_FAULT;
    divergence_add_broken(divergence, report, true);
    return false;
}

bool lockstep_admits(const struct lockstep *ls, const struct operation *operation)
{
    struct spec_call call;
    uint32_t seed = NO_SEED;

    call_clear(&call);
    return admissible(ls, operation, &call, &seed) == STEP_STARTED;
}

bool lockstep_begin(struct lockstep *ls, const struct program *program, uint64_t nr_ops)
{
    if (!lockstep_prepare(ls, program, nr_ops))
        return false;
    ls->stats->programs++;
    return true;
}

bool lockstep_step(struct lockstep *ls, const struct operation *operation,
                   struct step_record *record, struct divergence *divergence)
{
    divergence->kind = FINDING_NONE;
    return step(ls, operation, record, divergence);
}

bool lockstep_end(struct lockstep *ls)
{
    return lockstep_reset(ls);
}

bool lockstep_run(struct lockstep *ls, const struct program *program, struct trace *trace)
{
    struct divergence *divergence = &trace->divergence;
    bool goes_on = true;

    divergence->kind = FINDING_NONE;
    trace->nr_slots = 0;
    trace->nr_steps = 0;
    if (!lockstep_begin(ls, program, program->nr_ops))
        return false;
    trace->nr_slots = ls->pre.max_meta_slots;
    for (size_t i = 0; i < program->nr_ops && goes_on; i++) {
        trace->steps[i].status = STEP_NOT_REACHED;
        trace->nr_steps = i + 1;
        divergence->step = i;
        goes_on = step(ls, &program->ops[i], &trace->steps[i], divergence);
    }
    if (goes_on && program->nr_ops > 0)
        (void)lockstep_judge_end(ls, (enum op)program->ops[program->nr_ops - 1].op, divergence);
    /* A finding is worth more than what the subject does wrong afterwards. */
    return lockstep_end(ls) || divergence->kind != FINDING_NONE;
}
