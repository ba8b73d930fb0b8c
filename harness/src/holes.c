/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Runs programs in lockstep, keeps a copy of each step, changes the copy and judges it.
 *
 * Two states are kept beside the lockstep's own, with the same relation between them: `before`, and
 * `post` as a change of it. After every trial both are brought back from the lockstep's.
 */
#include "slotcheck/holes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slotcheck/builtin_subject.h"
#include "spec_operations.h"

enum {
    MAX_FUNCTIONS = 64,     /* spec functions: one bit each */
    MAX_TARGETS = 8,        /* slots, or lists, that the changes of a step are tried at */
    WHOLE_REGION = 64,      /* up to this size an invariant is asked of every slot */
    NOT_FOUND = UINT32_MAX, /* no such program */
};

struct target {
    enum change_role role;
    uint64_t index;
};

/* Where a step stands in the programs that were run. */
struct place {
    uint32_t program; /* NOT_FOUND: nowhere */
    uint32_t step;
};

/* What a run is for. */
enum purpose {
    PURPOSE_COUNT,  /* count everything after every step */
    PURPOSE_RESULT, /* does the last operation end as wanted? */
    PURPOSE_HOLE,   /* is the wanted change accepted after the last operation? */
    PURPOSE_CLAIM,  /* all that is accepted after the last operation has its example */
};

struct holes {
    struct lockstep *lockstep;
    struct lockstep_stats ignored; /* of the lockstep */
    struct lockstep_stats stats;   /* of the trials */
    struct trace *trace;
    char error[200];

    unsigned nr_functions;
    const char *functions[MAX_FUNCTIONS];
    int8_t function_of[NR_CLAUSES]; /* -1: no clause of a spec function */
    uint64_t relation_steps[MAX_FUNCTIONS + NR_OPS];

    /* The step at hand. */
    struct reference before;
    struct meta_region_owners post;
    struct reference again; /* what the reference makes of a `before` that was changed */
    const struct lockstep_step *step;
    uint64_t asked; /* a bit for each spec function whose clauses are evaluated */
    struct target slots[MAX_TARGETS], lists[MAX_TARGETS];
    unsigned nr_slots, nr_lists;

    /* What is counted, by relation and change. */
    struct hole *holes;
    struct place *places; /* where it was accepted first, in the shortest program */
    uint64_t nr_programs, nr_steps, nr_trials;
    struct clause_power power[NR_CLAUSES];

    /* The programs that were run, and those that were made of them, smallest first. */
    struct program *programs;
    size_t nr_kept;
    struct program **pool;
    size_t nr_pool;
    struct place by_result[NR_OPS][NR_RESULTS];

    /* What the run at hand is for. */
    enum purpose purpose;
    const struct program *running;
    enum op wanted_op;
    enum spec_result wanted_result;
    unsigned wanted_relation, wanted_change;
    bool found;
};

/* --- relations --- */

static void number_functions(struct holes *h)
{
    for (int id = 0; id < NR_CLAUSES; id++) {
        unsigned at = 0;

        h->function_of[id] = -1;
        if (CLAUSES[id].kind != CLAUSE_KIND_SPEC)
            continue;
        while (at < h->nr_functions && strcmp(h->functions[at], CLAUSES[id].function) != 0)
            at++;
        /* One that is left out would look as if it had no holes. */
        if (at == MAX_FUNCTIONS)
            abort();
        h->functions[at] = CLAUSES[id].function;
        h->function_of[id] = (int8_t)at;
        if (at == h->nr_functions)
            h->nr_functions++;
    }
}

static struct hole *hole_at(const struct holes *h, unsigned relation, unsigned change)
{
    return &h->holes[relation * nr_changes() + change];
}

static struct place *place_at(const struct holes *h, unsigned relation, unsigned change)
{
    return &h->places[relation * nr_changes() + change];
}

/* --- the step at hand --- */

static void add_target(struct target *targets, unsigned *n, enum change_role role, uint64_t index)
{
    for (unsigned i = 0; i < *n; i++)
        if (targets[i].index == index)
            return;
    if (*n < MAX_TARGETS)
        targets[(*n)++] = (struct target){.role = role, .index = index};
}

/* The slot that a step is about: that of its argument, or the one that it answers with. */
static uint64_t slot_of(const struct holes *h)
{
    const struct meta_region_owners *owners = &h->step->post->owners;
    const uint64_t value = h->step->outcome->value;

    if (has_safe_slot(owners, h->step->call->paddr))
        return frame_to_index(h->step->call->paddr);
    if (h->step->outcome->result == SPEC_OK && value >= SPEC_FRAME_METADATA_RANGE_START &&
        has_safe_slot(owners, meta_to_frame(value)))
        return frame_to_index(meta_to_frame(value));
    return UINT64_MAX;
}

/* The lowest slot that the step leaves alone, in use or not. */
static void add_other(struct holes *h, uint64_t about, bool in_use)
{
    const struct meta_region_owners *owners = &h->step->post->owners;

    for (uint64_t i = 0; i < owners->max_meta_slots; i++)
        if (i != about && !owners->is_changed[i] &&
            (slot_owner_at(owners, i)->inner_perms.ref_count.value != SPEC_REF_COUNT_UNUSED) ==
                in_use) {
            add_target(h->slots, &h->nr_slots, ROLE_OTHER, i);
            return;
        }
}

static void find_slots(struct holes *h)
{
    const struct meta_region_owners *owners = &h->step->post->owners;
    const uint64_t about = slot_of(h);
    uint64_t also = UINT64_MAX;

    h->nr_slots = 0;
    if (about != UINT64_MAX)
        add_target(h->slots, &h->nr_slots, ROLE_SLOT, about);
    for (uint64_t i = 0; i < owners->nr_changed; i++)
        if (owners->changed[i] != about && owners->changed[i] < also)
            also = owners->changed[i];
    if (also != UINT64_MAX)
        add_target(h->slots, &h->nr_slots, ROLE_ALSO, also);
    add_other(h, about, false);
    add_other(h, about, true);
}

static bool names_list(enum op op)
{
    const struct op_info *info = &OPS[op];

    return info->operand[0] == OPERAND_LIST || info->operand[0] == OPERAND_CURSOR ||
           info->makes == OPERAND_LIST;
}

static void find_lists(struct holes *h)
{
    const struct linked_list_owner *lists = h->step->post->owners.lists;
    const bool named = names_list(h->step->op);
    uint64_t alive = UINT64_MAX, none = UINT64_MAX;

    h->nr_lists = 0;
    if (named)
        add_target(h->lists, &h->nr_lists, ROLE_SLOT, h->step->call->list);
    for (uint64_t i = SPEC_MAX_LISTS; i-- > 0;) {
        if (named && i == h->step->call->list)
            continue;
        *(lists[i].is_live ? &alive : &none) = i;
    }
    if (alive != UINT64_MAX)
        add_target(h->lists, &h->nr_lists, ROLE_OTHER, alive);
    if (none != UINT64_MAX)
        add_target(h->lists, &h->nr_lists, ROLE_OTHER, none);
}

/* --- judging --- */

/*
 * As the lockstep does it, but of every slot and list if there are not too many. Who holds references
 * is known for the result that was expected only.
 */
static void judge_invariants(const struct holes *h, bool as_expected, struct clause_report *report)
{
    const struct meta_region_owners *post = &h->post;

    if (post->max_meta_slots <= WHOLE_REGION)
        for (uint64_t i = 0; i < post->max_meta_slots; i++)
            judge_slot(post, h->step->post, i, as_expected, report);
    else
        for (uint64_t i = 0; i < post->nr_changed; i++)
            judge_slot(post, h->step->post, post->changed[i], as_expected, report);
    for (uint64_t i = 0; i < SPEC_MAX_LISTS; i++)
        if (post->lists[i].is_live)
            linked_list_inv(post, i, report);
}

/* What a trial showed. */
struct verdict {
    struct clause_set judged; /* clauses of the step's own relation that are false */
    struct clause_set failed; /* these, and the invariants that are */
    bool excluded;            /* the precondition does not hold */
    bool right;               /* it is what the reference does from there, too */
};

static struct clause_set failed_clauses(const struct clause_report *report)
{
    struct clause_set set = {{0}};

    for (uint32_t i = 0; i < report->nr_failed; i++)
        set.bits[report->failed[i] / 64] |= UINT64_C(1) << report->failed[i] % 64;
    return set;
}

static bool clause_set_is_empty(const struct clause_set *set)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < sizeof(set->bits) / sizeof(set->bits[0]); i++)
        bits |= set->bits[i];
    return bits == 0;
}

static uint64_t clause_set_size(const struct clause_set *set)
{
    uint64_t n = 0;

    for (int id = 0; id < NR_CLAUSES; id++)
        n += clause_set_has(set, (enum clause_id)id);
    return n;
}

static void clause_set_add(struct clause_set *set, const struct clause_set *other)
{
    for (size_t i = 0; i < sizeof(set->bits) / sizeof(set->bits[0]); i++)
        set->bits[i] |= other->bits[i];
}

static void clause_set_keep(struct clause_set *set, const struct clause_set *other)
{
    for (size_t i = 0; i < sizeof(set->bits) / sizeof(set->bits[0]); i++)
        set->bits[i] &= other->bits[i];
}

static bool outcomes_equal(const struct spec_outcome *a, const struct spec_outcome *b)
{
    return a->result == b->result && a->value == b->value &&
           memcmp(a->detail, b->detail, sizeof(a->detail)) == 0 &&
           meta_slot_storage_equal(&a->metadata, &b->metadata);
}

/* `again` as `before` is, which was changed at `index`. */
static void begin_again(struct holes *h, uint64_t index)
{
    const uint64_t n = h->before.owners.max_meta_slots;

    memcpy(h->again.holders, h->before.holders, n * sizeof(*h->again.holders));
    memcpy(h->again.exempt, h->before.exempt, n * sizeof(*h->again.exempt));
    memcpy(h->again.owners.lists, h->before.owners.lists, sizeof(h->again.owners.lists));
    h->again.next_list_id = h->before.next_list_id;
    h->again.paths_in_use = h->before.paths_in_use;
    for (uint64_t i = 0; i < h->again.owners.nr_changed; i++)
        meta_region_owners_copy_slot(&h->again.owners, &h->before.owners,
                                     h->again.owners.changed[i]);
    meta_region_owners_change(&h->again.owners, index);
    meta_region_owners_copy_slot(&h->again.owners, &h->before.owners, index);
    reference_begin(&h->again);
}

/* From a state that was changed before the step: is the step, as it is, the right one from there? */
static bool is_right(struct holes *h, const struct spec_outcome *outcome, uint64_t index)
{
    struct spec_outcome right;

    begin_again(h, index);
    REFERENCE[h->step->op](&h->again, h->step->call, &right);
    if (!outcomes_equal(&right, outcome))
        return false;
    if (right.result == SPEC_PANIC)
        return true;
    for (uint64_t i = 0; i < h->post.max_meta_slots; i++)
        if (!meta_region_owners_slot_equal(&h->again.owners, &h->post, i))
            return false;
    return true;
}

/* Judges the step as `h->before`, `h->post` and `outcome` have it; `before` was changed at `index`. */
static struct verdict judge(struct holes *h, const struct spec_outcome *outcome,
                            bool before_changed, uint64_t index, struct clause_report *report)
{
    const struct lockstep_step *step = h->step;
    struct verdict verdict = {.excluded = false};

    clause_report_begin(report);
    JUDGE[step->op](&h->before.owners, &h->post, step->call, outcome, report);
    verdict.judged = failed_clauses(report);
    if (before_changed) {
        /* If what the step starts from is not as it should be, what it makes of that is no matter. */
        judge_slot(&h->before.owners, &h->before, index, true, report);
        verdict.excluded = !REQUIRES[step->op](&h->before, step->call);
        verdict.right = !verdict.excluded && report->nr_failed == 0 && is_right(h, outcome, index);
        if (report->nr_failed == 0 && outcome->result != SPEC_PANIC)
            judge_invariants(h, false, report);
    } else if (outcome->result != SPEC_PANIC) {
        judge_invariants(h, outcome->result == step->outcome->result, report);
    }
    verdict.failed = failed_clauses(report);
    return verdict;
}

/* The source writes the one function into the other. */
static bool is_part(const char *function, const char *of)
{
    return strcmp(function, "get_from_unused_inner_perms_spec") == 0 &&
           (strcmp(of, "get_from_unused_spec") == 0 ||
            strcmp(of, "get_node_from_unused_spec") == 0);
}

/* Is one of these clauses of the spec function false? */
static bool function_rejects(const struct holes *h, unsigned function,
                             const struct clause_set *judged)
{
    for (int id = 0; id < NR_CLAUSES; id++)
        if (clause_set_has(judged, (enum clause_id)id) && h->function_of[id] >= 0 &&
            (h->function_of[id] == (int)function ||
             is_part(CLAUSES[id].function, h->functions[function])))
            return true;
    return false;
}

static bool ends_in(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/*
 * In the source a map has some value even where it has no index; so what speaks of values alone says
 * nothing of the domain. This oracle is stricter than that, and what it says is left out.
 */
static void keep_domain_clauses(struct clause_set *set)
{
    for (int id = 0; id < NR_CLAUSES; id++)
        if (!ends_in(CLAUSES[id].id, "_dom") && !ends_in(CLAUSES[id].id, "/slots") &&
            !ends_in(CLAUSES[id].id, "/slot_owners"))
            set->bits[id / 64] &= ~(UINT64_C(1) << id % 64);
}

static bool accepts(const struct holes *h, unsigned relation, const struct verdict *verdict)
{
    return relation < h->nr_functions ? !function_rejects(h, relation, &verdict->judged)
                                      : clause_set_is_empty(&verdict->judged);
}

static bool is_caught(const struct verdict *verdict)
{
    return verdict->excluded || !clause_set_is_empty(&verdict->failed);
}

static bool is_asked(const struct holes *h, unsigned relation)
{
    return relation < h->nr_functions ? (h->asked >> relation & 1) != 0
                                      : h->step->op == relation - h->nr_functions;
}

/* --- counting --- */

static bool is_shorter(const struct holes *h, struct place place, struct place than)
{
    const struct program *a, *b;

    if (than.program == NOT_FOUND)
        return true;
    if (place.step != than.step)
        return place.step < than.step;
    a = &h->programs[place.program];
    b = &h->programs[than.program];
    return program_slots(a) < program_slots(b);
}

static void count_relation(struct holes *h, unsigned relation, unsigned change,
                           const struct verdict *verdict)
{
    const struct place here = {(uint32_t)(h->nr_kept - 1), (uint32_t)h->step->at};
    struct hole *hole = hole_at(h, relation, change);
    struct place *place = place_at(h, relation, change);
    const bool caught = is_caught(verdict);

    hole->tried++;
    if (!accepts(h, relation, verdict)) {
        clause_set_add(&hole->rejected_by, &verdict->judged);
        return;
    }
    hole->accepted++;
    hole->excluded += verdict->excluded;
    clause_set_add(&hole->caught_by, &verdict->failed);
    /* The first that nothing catches is a better example than any that something does. */
    if (!caught && hole->uncaught++ == 0)
        place->program = NOT_FOUND;
    if ((!caught || hole->uncaught == 0) && is_shorter(h, here, *place))
        *place = here;
}

static void count_alone(struct holes *h, enum clause_id id, unsigned change)
{
    struct clause_power *power = &h->power[id];

    if (power->alone++ != 0)
        return;
    power->first_op = h->step->op;
    power->first_change = change;
}

static void count_clauses(struct holes *h, unsigned change, const struct verdict *verdict)
{
    const enum field exec = change_info(change).exec;
    const uint64_t nr_failed = clause_set_size(&verdict->failed);

    for (int id = 0; id < NR_CLAUSES; id++) {
        struct clause_power *power = &h->power[id];

        if (!clause_set_has(&verdict->failed, (enum clause_id)id))
            continue;
        h->stats.decided[h->step->op][id]++;
        if (power->failed++ == 0)
            power->with = verdict->failed;
        clause_set_keep(&power->with, &verdict->failed);
        power->with.bits[id / 64] &= ~(UINT64_C(1) << id % 64);
        if (nr_failed == 1)
            count_alone(h, (enum clause_id)id, change);
    }
    h->stats.executed[h->step->op][h->step->outcome->result]++;
    if (exec == NR_FIELDS)
        return;
    h->stats.decided[h->step->op][FIELD_CLAUSE[exec]]++;
    /* What the specification has nothing against is for the executable function to object to. */
    if (nr_failed == 0) {
        h->power[FIELD_CLAUSE[exec]].failed++;
        count_alone(h, FIELD_CLAUSE[exec], change);
    }
}

/* --- trials --- */

/* Both states as they are in the lockstep. */
static void restore(struct holes *h, bool before_changed, uint64_t index)
{
    for (uint64_t i = 0; i < h->post.nr_changed; i++)
        meta_region_owners_copy_slot(&h->post, &h->step->post->owners, h->post.changed[i]);
    memcpy(h->post.lists, h->step->post->owners.lists, sizeof(h->post.lists));
    if (before_changed)
        meta_region_owners_copy_slot(&h->before.owners, h->step->pre, index);
}

/* All that is accepted here and has no example yet has this one. */
static void claim(struct holes *h, unsigned change, uint64_t index, const struct verdict *verdict,
                  const char *before, const char *after)
{
    for (unsigned r = 0; r < holes_nr_relations(h); r++) {
        struct hole *hole = hole_at(h, r, change);

        if (!is_asked(h, r) || hole->accepted == 0 || hole->example.program ||
            !accepts(h, r, verdict) || is_caught(verdict) != (hole->uncaught == 0))
            continue;
        hole->example.program = h->running;
        hole->example.index = index;
        snprintf(hole->example.before, HOLE_TEXT, "%s", before);
        snprintf(hole->example.after, HOLE_TEXT, "%s", after);
    }
}

static void conclude(struct holes *h, unsigned change, uint64_t index, struct verdict *verdict,
                     const char *before, const char *after)
{
    const struct hole *wanted;

    if (h->purpose == PURPOSE_COUNT) {
        h->nr_trials++;
        count_clauses(h, change, verdict);
    }
    if (change_is_of_domain(change)) {
        keep_domain_clauses(&verdict->judged);
        keep_domain_clauses(&verdict->failed);
    }
    switch (h->purpose) {
    case PURPOSE_COUNT:
        for (unsigned r = 0; r < holes_nr_relations(h); r++)
            if (is_asked(h, r))
                count_relation(h, r, change, verdict);
        return;
    case PURPOSE_HOLE:
        wanted = hole_at(h, h->wanted_relation, change);
        if (is_asked(h, h->wanted_relation) && accepts(h, h->wanted_relation, verdict) &&
            is_caught(verdict) == (wanted->uncaught == 0))
            h->found = true;
        return;
    case PURPOSE_CLAIM:
        claim(h, change, index, verdict, before, after);
        return;
    case PURPOSE_RESULT:
        return;
    }
}

/*
 * Applies the change and judges it; false if there is nothing to change. The texts are filled in
 * where somebody reads them.
 */
static bool try_once(struct holes *h, unsigned change, uint64_t index, bool follows,
                     struct verdict *verdict, char *before, char *after)
{
    struct changeable step = {.op = h->step->op,
                              .before = &h->before,
                              .post = &h->post,
                              .outcome = *h->step->outcome,
                              .follows = follows};
    const bool before_changed = change_is_before(change);
    bool changed;

    if (h->purpose == PURPOSE_CLAIM)
        change_value_text(change, &step, index, before, HOLE_TEXT);
    changed = change_apply(change, &step, index);
    if (changed && h->purpose == PURPOSE_CLAIM)
        change_value_text(change, &step, index, after, HOLE_TEXT);
    if (changed)
        *verdict = judge(h, &step.outcome, before_changed, index, &h->stats.clauses[h->step->op]);
    restore(h, before_changed, index);
    return changed;
}

static void try_change(struct holes *h, unsigned change, uint64_t index)
{
    char before[HOLE_TEXT] = "", after[HOLE_TEXT] = "";
    struct verdict verdict, other = {.right = false};

    if (!try_once(h, change, index, false, &verdict, before, after))
        return;
    /*
     * What is the same before and after was left alone, or was given the value that it had: of the two
     * the one counts of which less is false.
     */
    if (change_is_before(change) && try_once(h, change, index, true, &other, before, after) &&
        clause_set_size(&other.judged) < clause_set_size(&verdict.judged))
        verdict = other;
    /* A step from another state that is just as good. */
    if (verdict.right || (change_is_before(change) && other.right))
        return;
    conclude(h, change, index, &verdict, before, after);
}

/* A change, wherever the step lets it be made. */
static void try_everywhere(struct holes *h, unsigned change)
{
    const struct change_info info = change_info(change);
    const bool of_list = info.part == PART_LIST;
    const struct target *targets = of_list ? h->lists : h->slots;
    const unsigned n = of_list ? h->nr_lists : h->nr_slots;
    const bool panic = h->step->outcome->result == SPEC_PANIC;

    if (info.part == PART_OUTCOME) {
        try_change(h, change, 0);
        return;
    }
    /* A panic leaves no state behind. */
    if (panic && !change_is_before(change))
        return;
    /* To do a step again costs what the region holds. */
    if (change_is_before(change) && h->post.max_meta_slots > WHOLE_REGION)
        return;
    for (unsigned i = 0; i < n; i++)
        if (targets[i].role == info.role)
            try_change(h, change, targets[i].index);
}

/* --- steps --- */

/* `h->post` as it is in the lockstep. */
static void copy_step(struct holes *h)
{
    const struct meta_region_owners *owners = &h->step->post->owners;

    for (uint64_t i = 0; i < owners->nr_changed; i++) {
        meta_region_owners_change(&h->post, owners->changed[i]);
        meta_region_owners_copy_slot(&h->post, owners, owners->changed[i]);
    }
    memcpy(h->post.lists, owners->lists, sizeof(h->post.lists));
    h->post.lists_changed = (UINT64_C(1) << SPEC_MAX_LISTS) - 1;
}

/* The step is over; the next one begins where it ended. */
static void commit_step(struct holes *h)
{
    const struct reference *post = h->step->post;
    const uint64_t n = post->owners.max_meta_slots;

    for (uint64_t i = 0; i < h->post.nr_changed; i++)
        meta_region_owners_change(&h->again.owners, h->post.changed[i]);
    meta_region_owners_commit(&h->before.owners, &h->post);
    memcpy(h->before.holders, post->holders, n * sizeof(*post->holders));
    memcpy(h->before.exempt, post->exempt, n * sizeof(*post->exempt));
    h->before.next_list_id = post->next_list_id;
    h->before.paths_in_use = post->paths_in_use;
}

/* Which spec functions the right step asks; false if it does not satisfy what it is judged by. */
static bool ask(struct holes *h)
{
    static const struct clause_report NONE;
    struct clause_report report = NONE;
    struct verdict verdict;

    clause_report_begin(&report);
    JUDGE[h->step->op](&h->before.owners, &h->post, h->step->call, h->step->outcome, &report);
    h->asked = 0;
    for (int id = 0; id < NR_CLAUSES; id++)
        if (report.evaluated[id] && h->function_of[id] >= 0)
            h->asked |= UINT64_C(1) << h->function_of[id];
    verdict = judge(h, h->step->outcome, false, 0, &report);
    return clause_set_is_empty(&verdict.failed);
}

static void count_step(struct holes *h)
{
    const struct place here = {(uint32_t)(h->nr_kept - 1), (uint32_t)h->step->at};
    struct place *place = &h->by_result[h->step->op][h->step->outcome->result];

    h->nr_steps++;
    for (unsigned r = 0; r < holes_nr_relations(h); r++)
        h->relation_steps[r] += is_asked(h, r);
    if (is_shorter(h, here, *place))
        *place = here;
}

static void try_step(struct holes *h)
{
    find_slots(h);
    find_lists(h);
    if (!ask(h)) {
        snprintf(h->error, sizeof(h->error), "%s does not satisfy its own post-condition",
                 OPS[h->step->op].name);
        return;
    }
    if (h->purpose == PURPOSE_COUNT)
        count_step(h);
    if (h->purpose == PURPOSE_HOLE)
        try_everywhere(h, h->wanted_change);
    else
        for (unsigned change = 0; change < nr_changes(); change++)
            try_everywhere(h, change);
}

static void on_step(void *context, const struct lockstep_step *step)
{
    struct holes *h = context;
    const bool last = step->at + 1 == h->running->nr_ops;

    h->step = step;
    copy_step(h);
    if (h->purpose == PURPOSE_RESULT)
        h->found |= last && step->op == h->wanted_op && step->outcome->result == h->wanted_result;
    /* What sets up is no function of the source. */
    else if (!op_is_setup(step->op) && (last || h->purpose == PURPOSE_COUNT))
        try_step(h);
    commit_step(h);
}

/* --- programs --- */

static bool fail(struct holes *h, const char *why)
{
    snprintf(h->error, sizeof(h->error), "%s", why);
    return false;
}

static bool reserve(struct holes *h, const struct program *program)
{
    const uint64_t nr_slots = program_slots(program);

    if (h->before.owners.capacity < nr_slots) {
        meta_region_owners_destroy(&h->post);
        reference_destroy(&h->before);
        reference_destroy(&h->again);
        if (!reference_create(&h->before, nr_slots) || !reference_create(&h->again, nr_slots) ||
            !meta_region_owners_create(&h->post, nr_slots))
            return fail(h, "no memory");
    }
    if (!h->trace || h->trace->capacity < program->nr_ops) {
        trace_destroy(h->trace);
        h->trace = trace_create(program->nr_ops + 1000);
        if (!h->trace)
            return fail(h, "no memory");
    }
    reference_boot(&h->before, nr_slots);
    meta_region_owners_boot(&h->post, nr_slots);
    meta_region_owners_rebase(&h->post, &h->before.owners);
    reference_boot(&h->again, nr_slots);
    meta_region_owners_rebase(&h->again.owners, &h->before.owners);
    return true;
}

static bool run(struct holes *h, const struct program *program, enum purpose purpose)
{
    h->purpose = purpose;
    h->running = program;
    h->found = false;
    h->error[0] = '\0';
    if (!reserve(h, program))
        return false;
    if (!lockstep_run(h->lockstep, program, h->trace))
        return fail(h, lockstep_error(h->lockstep));
    if (h->trace->divergence.kind != FINDING_NONE)
        return fail(h, "the implementation and the specification disagree; see `slotcheck run`");
    return h->error[0] == '\0';
}

/* A copy of the first `nr_ops` operations. */
static bool copy_program(struct program *copy, const struct program *program, size_t nr_ops)
{
    program_init(copy);
    if (!program_set_slots(copy, program_slots(program)))
        return false;
    for (size_t i = 0; i < nr_ops; i++) {
        struct operation operation = program->ops[i];

        operation.opcode = operation.op;
        if (!program_append(copy, operation))
            return false;
    }
    return true;
}

bool holes_run(struct holes *h, const struct program *program)
{
    struct program *programs = realloc(h->programs, (h->nr_kept + 1) * sizeof(*programs));

    if (!programs)
        return fail(h, "no memory");
    h->programs = programs;
    if (!copy_program(&programs[h->nr_kept], program, program->nr_ops))
        return fail(h, "no memory");
    h->nr_kept++;
    h->nr_programs++;
    return run(h, &programs[h->nr_kept - 1], PURPOSE_COUNT);
}

/* --- examples --- */

/* Without operation `at`: does it still show what is wanted? */
static bool is_spare(struct holes *h, struct program *program, size_t at, enum purpose purpose)
{
    const struct operation was = program->ops[at];

    memmove(program->ops + at, program->ops + at + 1,
            (program->nr_ops - at - 1) * sizeof(*program->ops));
    program->nr_ops--;
    run(h, program, purpose);
    if (h->found)
        return true;
    memmove(program->ops + at + 1, program->ops + at,
            (program->nr_ops - at) * sizeof(*program->ops));
    program->ops[at] = was;
    program->nr_ops++;
    return false;
}

static void simplify_operands(struct holes *h, struct program *program, enum purpose purpose)
{
    for (size_t at = 0; at < program->nr_ops; at++)
        for (int i = 0; i < PROGRAM_MAX_OPERANDS; i++) {
            uint16_t *operand = &program->ops[at].operand[i];
            const uint16_t was = *operand;

            for (uint16_t simple = 0; simple < 3 && simple < was; simple++) {
                *operand = simple;
                run(h, program, purpose);
                if (h->found)
                    break;
                *operand = was;
            }
        }
}

/* Makes a program as small as it can be made by taking away. */
static void shrink(struct holes *h, struct program *program, enum purpose purpose)
{
    const uint64_t slots = program_slots(program);
    bool smaller = true;

    while (smaller) {
        smaller = false;
        for (size_t at = program->nr_ops - 1; at-- > 0;)
            smaller |= is_spare(h, program, at, purpose);
    }
    simplify_operands(h, program, purpose);
    for (uint64_t n = 1; n < slots && n <= 8; n++) {
        program_set_slots(program, n);
        run(h, program, purpose);
        if (h->found)
            break;
        program_set_slots(program, slots);
    }
    simplify_operands(h, program, purpose);
}

static bool programs_equal(const struct program *a, const struct program *b)
{
    if (program_slots(a) != program_slots(b) || a->nr_ops != b->nr_ops)
        return false;
    for (size_t i = 0; i < a->nr_ops; i++)
        if (a->ops[i].op != b->ops[i].op ||
            memcmp(a->ops[i].operand, b->ops[i].operand, sizeof(a->ops[i].operand)) != 0)
            return false;
    return true;
}

/* Fewer operations come first, then fewer slots, then the older one. */
static bool is_smaller(const struct program *a, const struct program *b)
{
    if (a->nr_ops != b->nr_ops)
        return a->nr_ops < b->nr_ops;
    return program_slots(a) < program_slots(b);
}

/*
 * The smallest program that shows what is wanted, made of what stands at `place`, comes into the
 * pool; null if it is there already, or there is no memory (then with an error).
 */
static struct program *add_to_pool(struct holes *h, struct place place, enum purpose purpose)
{
    struct program **pool = realloc(h->pool, (h->nr_pool + 1) * sizeof(*pool));
    struct program *program = pool ? malloc(sizeof(*program)) : NULL;
    size_t at = h->nr_pool;

    if (pool)
        h->pool = pool;
    if (!program || !copy_program(program, &h->programs[place.program], place.step + 1)) {
        free(program);
        fail(h, "no memory");
        return NULL;
    }
    shrink(h, program, purpose);
    h->error[0] = '\0';
    for (size_t i = 0; i < h->nr_pool; i++)
        if (programs_equal(pool[i], program)) {
            program_free(program);
            free(program);
            return NULL;
        }
    for (; at > 0 && is_smaller(program, pool[at - 1]); at--)
        pool[at] = pool[at - 1];
    pool[at] = program;
    h->nr_pool++;
    return program;
}

bool holes_find_examples(struct holes *h)
{
    for (int op = 0; op < NR_OPS; op++)
        for (int result = 0; result < NR_RESULTS; result++) {
            h->wanted_op = (enum op)op;
            h->wanted_result = (enum spec_result)result;
            if (h->by_result[op][result].program != NOT_FOUND)
                add_to_pool(h, h->by_result[op][result], PURPOSE_RESULT);
        }
    for (size_t i = 0; i < h->nr_pool; i++)
        run(h, h->pool[i], PURPOSE_CLAIM);
    for (unsigned r = 0; r < holes_nr_relations(h); r++)
        for (unsigned change = 0; change < nr_changes(); change++) {
            const struct hole *hole = hole_at(h, r, change);
            const struct program *program;

            if (hole->accepted == 0 || hole->example.program)
                continue;
            h->wanted_relation = r;
            h->wanted_change = change;
            program = add_to_pool(h, *place_at(h, r, change), PURPOSE_HOLE);
            if (program)
                run(h, program, PURPOSE_CLAIM);
        }
    return h->error[0] == '\0';
}

/* --- making and reading --- */

struct holes *holes_create(char *error, size_t error_size)
{
    struct holes *h = calloc(1, sizeof(*h));
    size_t n;

    snprintf(error, error_size, "no memory");
    if (!h)
        return NULL;
    number_functions(h);
    n = (size_t)holes_nr_relations(h) * nr_changes();
    h->holes = calloc(n, sizeof(*h->holes));
    h->places = malloc(n * sizeof(*h->places));
    h->lockstep = lockstep_create(slotcheck_builtin_subject(), &h->ignored, error, error_size);
    if (!h->holes || !h->places || !h->lockstep) {
        holes_destroy(h);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        h->places[i].program = NOT_FOUND;
    for (int op = 0; op < NR_OPS; op++)
        for (int result = 0; result < NR_RESULTS; result++)
            h->by_result[op][result].program = NOT_FOUND;
    lockstep_observe_steps(h->lockstep, on_step, h);
    /* What was changed is known of every field; whether on_drop ran is none. */
    h->stats.fields_compared = h->ignored.fields_compared & ~(UINT64_C(1) << FIELD_on_drop) &
                               ~(UINT64_C(1) << FIELD_process);
    return h;
}

void holes_destroy(struct holes *h)
{
    if (!h)
        return;
    lockstep_destroy(h->lockstep);
    trace_destroy(h->trace);
    reference_destroy(&h->before);
    reference_destroy(&h->again);
    meta_region_owners_destroy(&h->post);
    for (size_t i = 0; i < h->nr_kept; i++)
        program_free(&h->programs[i]);
    for (size_t i = 0; i < h->nr_pool; i++) {
        program_free(h->pool[i]);
        free(h->pool[i]);
    }
    free(h->programs);
    free(h->pool);
    free(h->holes);
    free(h->places);
    free(h);
}

const char *holes_error(const struct holes *h)
{
    return h->error;
}

unsigned holes_nr_functions(const struct holes *h)
{
    return h->nr_functions;
}

unsigned holes_nr_relations(const struct holes *h)
{
    return h->nr_functions + NR_OPS;
}

const char *holes_relation_name(const struct holes *h, unsigned relation)
{
    return relation < h->nr_functions ? h->functions[relation]
                                      : OPS[relation - h->nr_functions].name;
}

unsigned holes_relation(const struct holes *h, const char *function)
{
    for (unsigned r = 0; r < h->nr_functions; r++)
        if (strcmp(h->functions[r], function) == 0)
            return r;
    return holes_nr_relations(h);
}

const struct hole *holes_at(const struct holes *h, unsigned relation, unsigned change)
{
    return hole_at(h, relation, change);
}

uint64_t holes_nr_programs(const struct holes *h)
{
    return h->nr_programs;
}

uint64_t holes_nr_steps(const struct holes *h)
{
    return h->nr_steps;
}

uint64_t holes_nr_trials(const struct holes *h)
{
    return h->nr_trials;
}

uint64_t holes_relation_steps(const struct holes *h, unsigned relation)
{
    return h->relation_steps[relation];
}

const struct clause_power *holes_clause_power(const struct holes *h, enum clause_id id)
{
    return &h->power[id];
}

const struct lockstep_stats *holes_stats(const struct holes *h)
{
    return &h->stats;
}
