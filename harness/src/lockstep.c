/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The lockstep. Three abstract states of one region:
 *
 *     pre       before the operation, agreed by both sides
 *     expected  after it, by the reference   } kept as changes of `pre`, so that an operation costs
 *     actual    after it, by the subject     } what it touches and not what the region holds
 *
 * An operation that both sides agree on commits `expected` and `actual` to `pre`.
 */
#include "slotcheck/lockstep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "child_call.h"
#include "divergence_build.h"
#include "phases.h"
#include "raw_slots.h"
#include "subject_call.h"

enum {
    CACHED_SIZES = 64, /* regions up to this size are kept, where a subject can have several */
    MAX_DROPS = 4,
};

/* A region of the subject, and its raw slots as they were after the last operation. */
struct cached_region {
    struct slotcheck_region *region;
    uint64_t nr_slots;
    uint64_t slot0;
    uint64_t *shadow; /* null without SLOTCHECK_CAN_RAW_SLOTS */
};

struct lockstep {
    const struct slotcheck_subject *subject;
    struct lockstep_stats *stats;
    struct slotcheck_host host;
    struct cached_region regions[CACHED_SIZES + 1]; /* by size; 0: any larger size */
    struct cached_region *region;                   /* the one in use */
    struct child_calls *children;                   /* null if the subject returns from panics */
    bool offers[NR_OPS];

    uint64_t capacity; /* slots that the states have room for */
    struct meta_region_owners pre;
    struct reference expected;
    struct meta_region_owners actual;
    uint64_t nr_dirty; /* slots that differ from those after boot, each once */
    uint64_t *dirty;
    uint8_t *is_dirty;

    uint64_t nr_drops; /* on_drop reports of the current call */
    struct spec_drop drops[MAX_DROPS];

    uint64_t nr_frames, nr_uniques; /* live handles, oldest first, as physical addresses */
    uint64_t handle_capacity;
    uint64_t *frames, *uniques;
    bool setup_over; /* something other than setup was executed */

    char error[160];
};

#define OP(name, ...) [OP_##name] = requires_##name,
static spec_requires_fn *const REQUIRES[NR_OPS] = {
#include "slotcheck/ops.def"
};
#undef OP
#define OP(name, ...) [OP_##name] = reference_##name,
static spec_reference_fn *const REFERENCE[NR_OPS] = {
#include "slotcheck/ops.def"
};
#undef OP
#define OP(name, ...) [OP_##name] = judge_##name,
static spec_judge_fn *const JUDGE[NR_OPS] = {
#include "slotcheck/ops.def"
};
#undef OP

static bool can(const struct lockstep *ls, enum slotcheck_capability capability)
{
    return (ls->subject->capabilities & (uint64_t)capability) != 0;
}

/* --- what the subject reports --- */

static void host_on_drop(void *context, uint64_t paddr, const struct slotcheck_metadata *metadata)
{
    struct lockstep *ls = context;

    if (ls->nr_drops < MAX_DROPS)
        ls->drops[ls->nr_drops] =
            (struct spec_drop){.paddr = paddr, .metadata = metadata_from_subject(metadata)};
    ls->nr_drops++;
}

static void host_ghost(void *context, uint32_t event, uint64_t index, uint64_t value)
{
    struct lockstep *ls = context;

    if (index >= ls->actual.max_meta_slots) {
        snprintf(ls->error, sizeof(ls->error),
                 "the subject reports a ghost event for slot %llu of %llu",
                 (unsigned long long)index, (unsigned long long)ls->actual.max_meta_slots);
        return;
    }

    struct meta_slot_owner *owner = meta_region_owners_change(&ls->actual, index);

    switch ((enum slotcheck_ghost_event)event) {
    case SLOTCHECK_GHOST_USAGE:
        owner->usage = value;
        return;
    case SLOTCHECK_GHOST_PERMISSION_TAKEN:
        meta_region_owners_remove_perm(&ls->actual, index);
        return;
    case SLOTCHECK_GHOST_PERMISSION_REPARKED:
        meta_region_owners_insert_perm(&ls->actual, index);
        return;
    case SLOTCHECK_GHOST_OBLIGATION_MINTED:
        ls->actual.frame_obligations[index]++;
        return;
    case SLOTCHECK_GHOST_OBLIGATION_REDEEMED:
        ls->actual.frame_obligations[index]--;
        return;
    case SLOTCHECK_GHOST_STORAGE_INIT:
        owner->inner_perms.storage.is_init = 1;
        return;
    case SLOTCHECK_GHOST_STORAGE_UNINIT:
        owner->inner_perms.storage.is_init = 0;
        owner->inner_perms.storage.value = (struct meta_slot_storage){0};
        return;
    case SLOTCHECK_GHOST_VTABLE_INIT:
        owner->inner_perms.vtable_ptr.is_init = 1;
        return;
    case SLOTCHECK_GHOST_VTABLE_UNINIT:
        owner->inner_perms.vtable_ptr.is_init = 0;
        owner->inner_perms.vtable_ptr.value = 0;
        return;
    }
}

/* --- life cycle --- */

struct lockstep *lockstep_create(const struct slotcheck_subject *subject,
                                 struct lockstep_stats *stats, char *error, size_t error_size)
{
    struct lockstep *ls = calloc(1, sizeof(*ls));

    if (!ls) {
        snprintf(error, error_size, "no memory");
        return NULL;
    }
    ls->subject = subject;
    ls->stats = stats;
    for (int op = 0; op < NR_OPS; op++)
        ls->offers[op] = subject_offers(subject, (enum op)op);
    ls->host = (struct slotcheck_host){
        .size = sizeof(ls->host), .context = ls, .on_drop = host_on_drop, .ghost = host_ghost};
    if (!can(ls, SLOTCHECK_CAN_RETURN_FROM_PANIC)) {
        ls->children = child_calls_create();
        if (!ls->children) {
            snprintf(error, error_size, "no memory");
            lockstep_destroy(ls);
            return NULL;
        }
    }
    return ls;
}

static void region_destroy(struct lockstep *ls, struct cached_region *cached)
{
    if (cached->region)
        ls->subject->destroy(cached->region);
    free(cached->shadow);
    *cached = (struct cached_region){0};
}

static void states_destroy(struct lockstep *ls)
{
    meta_region_owners_destroy(&ls->pre);
    reference_destroy(&ls->expected);
    meta_region_owners_destroy(&ls->actual);
    free(ls->dirty);
    free(ls->is_dirty);
    ls->dirty = NULL;
    ls->is_dirty = NULL;
    ls->capacity = 0;
    ls->nr_dirty = 0;
}

void lockstep_destroy(struct lockstep *ls)
{
    if (!ls)
        return;
    for (size_t i = 0; i <= CACHED_SIZES; i++)
        region_destroy(ls, &ls->regions[i]);
    states_destroy(ls);
    child_calls_destroy(ls->children);
    free(ls->frames);
    free(ls->uniques);
    free(ls);
}

const char *lockstep_error(const struct lockstep *ls)
{
    return ls->error;
}

uint64_t lockstep_slots(const struct slotcheck_subject *subject, const struct program *program)
{
    return subject->fixed_slots ? subject->fixed_slots : program_slots(program);
}

static bool fail(struct lockstep *ls, const char *why)
{
    snprintf(ls->error, sizeof(ls->error), "%s", why);
    return false;
}

/* Room for `nr_slots` slots in the three states, all as after boot. */
static bool states_reserve(struct lockstep *ls, uint64_t nr_slots)
{
    if (nr_slots <= ls->capacity)
        return true;
    states_destroy(ls);

    const uint64_t capacity = nr_slots < CACHED_SIZES ? CACHED_SIZES : nr_slots;

    ls->dirty = calloc(capacity, sizeof(*ls->dirty));
    ls->is_dirty = calloc(capacity, sizeof(*ls->is_dirty));
    if (!ls->dirty || !ls->is_dirty || !meta_region_owners_create(&ls->pre, capacity) ||
        !reference_create(&ls->expected, capacity) ||
        !meta_region_owners_create(&ls->actual, capacity)) {
        states_destroy(ls);
        return fail(ls, "no memory for a region of that many slots");
    }
    ls->capacity = capacity;
    meta_region_owners_rebase(&ls->expected.owners, &ls->pre);
    meta_region_owners_rebase(&ls->actual, &ls->pre);
    return true;
}

static bool region_create(struct lockstep *ls, struct cached_region *cached, uint64_t nr_slots)
{
    switch (
        (enum slotcheck_create_result)ls->subject->create(nr_slots, &ls->host, &cached->region)) {
    case SLOTCHECK_CREATED:
        break;
    case SLOTCHECK_NO_SLOTS:
        return fail(ls, "the subject says that a region has no slots");
    case SLOTCHECK_TOO_MANY_SLOTS:
        return fail(ls, "the subject cannot have a region of that many slots");
    case SLOTCHECK_NO_MEMORY:
        return fail(ls, "the subject has no memory for a region of that many slots");
    }
    cached->nr_slots = nr_slots;
    cached->slot0 = ls->subject->slots(cached->region);
    if (!can(ls, SLOTCHECK_CAN_RAW_SLOTS))
        return true;
    cached->shadow = malloc(nr_slots * SPEC_META_SLOT_SIZE);
    if (!cached->shadow) {
        region_destroy(ls, cached);
        return fail(ls, "no memory for a region of that many slots");
    }
    raw_slots_copy(cached->shadow, cached->slot0, 0, nr_slots);
    return true;
}

/* The region of that size, made if there is none yet. */
static bool region_select(struct lockstep *ls, uint64_t nr_slots)
{
    const bool keep = can(ls, SLOTCHECK_CAN_MANY_REGIONS) && nr_slots <= CACHED_SIZES;
    struct cached_region *cached = &ls->regions[keep ? nr_slots : 0];

    ls->region = cached;
    if (cached->region && cached->nr_slots == nr_slots)
        return true;
    region_destroy(ls, cached);
    return region_create(ls, cached, nr_slots);
}

static bool handles_reserve(struct lockstep *ls, uint64_t nr_ops)
{
    if (nr_ops <= ls->handle_capacity)
        return true;

    uint64_t *frames = realloc(ls->frames, nr_ops * sizeof(*frames));
    if (frames)
        ls->frames = frames;
    uint64_t *uniques = realloc(ls->uniques, nr_ops * sizeof(*uniques));
    if (uniques)
        ls->uniques = uniques;
    if (!frames || !uniques)
        return fail(ls, "no memory");
    ls->handle_capacity = nr_ops;
    return true;
}

static bool prepare(struct lockstep *ls, const struct program *program)
{
    const uint64_t nr_slots = lockstep_slots(ls->subject, program);

    ls->error[0] = '\0';
    if (!states_reserve(ls, nr_slots) || !region_select(ls, nr_slots) ||
        !handles_reserve(ls, program->nr_ops))
        return false;
    /* Slots beyond a smaller region are as after boot, too. */
    ls->pre.max_meta_slots = nr_slots;
    ls->expected.owners.max_meta_slots = nr_slots;
    ls->actual.max_meta_slots = nr_slots;
    ls->nr_frames = 0;
    ls->nr_uniques = 0;
    ls->setup_over = false;
    return true;
}

static void mark_dirty(struct lockstep *ls, uint64_t index)
{
    if (ls->is_dirty[index])
        return;
    ls->is_dirty[index] = 1;
    ls->dirty[ls->nr_dirty++] = index;
}

/* Back to the state after boot, at the cost of what was touched. */
static bool reset(struct lockstep *ls)
{
    struct cached_region *cached = ls->region;
    bool ok = ls->error[0] == '\0';

    ls->subject->reset(cached->region, ls->dirty, ls->nr_dirty);
    for (uint64_t i = 0; i < ls->nr_dirty; i++) {
        const uint64_t index = ls->dirty[i];
        struct slotcheck_slot slot;

        ls->is_dirty[index] = 0;
        meta_region_owners_boot_slot(&ls->pre, index);
        reference_boot_slot(&ls->expected, index);
        meta_region_owners_boot_slot(&ls->actual, index);
        ls->subject->read_slot(cached->region, index, &slot);
        if (slot.ref_count != SPEC_REF_COUNT_UNUSED || slot.in_list != 0)
            ok = fail(ls, "the subject's reset leaves slots in use");
        if (cached->shadow)
            raw_slots_copy(cached->shadow, cached->slot0, index, 1);
    }
    meta_region_owners_rebase(&ls->expected.owners, &ls->pre);
    meta_region_owners_rebase(&ls->actual, &ls->pre);
    ls->nr_dirty = 0;
    return ok;
}

/* --- an operation's operands --- */

static void metadata_of_node(struct meta_slot_storage *metadata, uint64_t level)
{
    *metadata = (struct meta_slot_storage){.type = SPEC_METADATA_PT_NODE, .pt_node.level = level};
}

/* Fills in what the operands mean here. False if one names a handle and none is alive. */
static bool resolve(const struct lockstep *ls, const struct operation *operation,
                    struct spec_call *call)
{
    const struct op_info *info = &OPS[operation->op];
    const uint64_t nr_slots = ls->pre.max_meta_slots;

    for (unsigned i = 0; i < PROGRAM_MAX_OPERANDS; i++) {
        const uint16_t operand = operation->operand[i];

        switch (info->operand[i]) {
        case OPERAND_PADDR:
            call->paddr = operand_paddr(operand, nr_slots);
            break;
        case OPERAND_SLOT:
            call->paddr = index_to_frame(operand % nr_slots);
            break;
        case OPERAND_FRAME:
            if (ls->nr_frames == 0)
                return false;
            call->paddr = ls->frames[operand % ls->nr_frames];
            break;
        case OPERAND_UNIQUE:
            if (ls->nr_uniques == 0)
                return false;
            call->paddr = ls->uniques[operand % ls->nr_uniques];
            break;
        case OPERAND_META:
            call->metadata = operand_metadata(operand, nr_slots);
            break;
        case OPERAND_FLAG:
            call->as_unique = operand & 1;
            break;
        case OPERAND_COUNT:
            call->count = operand_count(operand);
            break;
        case OPERAND_LEVEL:
            metadata_of_node(&call->metadata, operand_level(operand));
            break;
        case OPERAND_VALUE: {
            /* Metadata of the type that is there. */
            const struct meta_slot_owner *owner =
                slot_owner_at(&ls->pre, frame_to_index(call->paddr));

            call->metadata =
                metadata_from_seed(owner->inner_perms.storage.value.type, operand, nr_slots);
            break;
        }
        case OPERAND_NONE:
        case NR_OPERAND_KINDS:
            return true;
        }
    }
    return true;
}

static void handle_remove(uint64_t *handles, uint64_t *nr_handles, uint64_t at)
{
    memmove(handles + at, handles + at + 1, (*nr_handles - at - 1) * sizeof(*handles));
    (*nr_handles)--;
}

/* What success did to the live handles. */
static void update_handles(struct lockstep *ls, const struct operation *operation, uint64_t paddr)
{
    const struct op_info *info = &OPS[operation->op];

    if (info->takes && info->operand[0] == OPERAND_FRAME)
        handle_remove(ls->frames, &ls->nr_frames, operation->operand[0] % ls->nr_frames);
    if (info->takes && info->operand[0] == OPERAND_UNIQUE)
        handle_remove(ls->uniques, &ls->nr_uniques, operation->operand[0] % ls->nr_uniques);
    if (info->makes == OPERAND_FRAME)
        ls->frames[ls->nr_frames++] = paddr;
    if (info->makes == OPERAND_UNIQUE)
        ls->uniques[ls->nr_uniques++] = paddr;
}

/* --- the subject's side --- */

/* Ghost state that a subject cannot report is taken to be as expected. */
static void assume_ghost_state(struct lockstep *ls, uint64_t index)
{
    const struct meta_slot_owner *expected = &ls->expected.owners.slot_owners[index];
    struct meta_slot_owner *actual = meta_region_owners_change(&ls->actual, index);
    struct metadata_inner_perms *perms = &actual->inner_perms;

    ls->actual.slots_dom[index] = ls->expected.owners.slots_dom[index];
    ls->actual.slots[index] = ls->expected.owners.slots[index];
    ls->actual.frame_obligations[index] = ls->expected.owners.frame_obligations[index];
    actual->usage = expected->usage;
    actual->paths_in_pt = expected->paths_in_pt;
    perms->storage.is_init = expected->inner_perms.storage.is_init;
    perms->vtable_ptr.is_init = expected->inner_perms.vtable_ptr.is_init;
    if (!perms->storage.is_init)
        perms->storage.value = (struct meta_slot_storage){0};
    if (!perms->vtable_ptr.is_init)
        perms->vtable_ptr.value = 0;
}

/* Metadata may be read where both sides say that it is there, as far as one can tell. */
static bool metadata_readable(const struct lockstep *ls, uint64_t index)
{
    const struct metadata_inner_perms *expected =
        &ls->expected.owners.slot_owners[index].inner_perms;
    const struct metadata_inner_perms *actual = &ls->actual.slot_owners[index].inner_perms;

    return expected->storage.is_init && expected->vtable_ptr.is_init && actual->storage.is_init &&
           actual->vtable_ptr.is_init && actual->ref_count.value == expected->ref_count.value;
}

/* What the subject's slot `index` holds now, as abstract state. */
static void abstract_slot(struct lockstep *ls, uint64_t index)
{
    const struct slotcheck_subject *subject = ls->subject;
    struct metadata_inner_perms *perms =
        &meta_region_owners_change(&ls->actual, index)->inner_perms;
    struct slotcheck_metadata metadata;
    struct slotcheck_slot slot;

    subject->read_slot(ls->region->region, index, &slot);
    perms->ref_count.value = slot.ref_count;
    perms->in_list.value = slot.in_list;
    if (!can(ls, SLOTCHECK_CAN_REPORT_GHOST))
        assume_ghost_state(ls, index);
    if (!metadata_readable(ls, index))
        return;
    if (!subject->read_metadata) {
        perms->storage.value = ls->expected.owners.slot_owners[index].inner_perms.storage.value;
        perms->vtable_ptr.value =
            ls->expected.owners.slot_owners[index].inner_perms.vtable_ptr.value;
        return;
    }
    subject->read_metadata(ls->region->region, index, &metadata);
    perms->storage.value = metadata_from_subject(&metadata);
    perms->vtable_ptr.value = metadata.type;
}

/* Does the subject's slot still hold what it held before the call, as far as one can ask? */
static bool slot_as_before(const struct lockstep *ls, uint64_t index)
{
    const struct metadata_inner_perms *perms = &ls->actual.slot_owners[index].inner_perms;
    struct slotcheck_slot slot;
    struct slotcheck_metadata metadata;

    ls->subject->read_slot(ls->region->region, index, &slot);
    if (slot.ref_count != perms->ref_count.value || slot.in_list != perms->in_list.value)
        return false;
    if (!ls->subject->read_metadata || !metadata_readable(ls, index))
        return true;
    ls->subject->read_metadata(ls->region->region, index, &metadata);

    const struct meta_slot_storage value = metadata_from_subject(&metadata);

    return meta_slot_storage_equal(&value, &perms->storage.value);
}

static void note_if_raw_changed(struct lockstep *ls, uint64_t index)
{
    const struct cached_region *cached = ls->region;

    if (raw_slots_equal(cached->shadow, cached->slot0, index, 1))
        return;
    raw_slots_copy(cached->shadow, cached->slot0, index, 1);
    meta_region_owners_change(&ls->actual, index);
}

/*
 * Notes every slot that the call may have changed, of all slots of the region. With raw slots those
 * that should have changed come first: then one comparison says, almost always, that no other did.
 */
static void find_changed_slots(struct lockstep *ls)
{
    const struct cached_region *cached = ls->region;
    const struct meta_region_owners *expected = &ls->expected.owners;
    const uint64_t nr_slots = ls->actual.max_meta_slots;

    if (!cached->shadow) {
        for (uint64_t i = 0; i < nr_slots; i++)
            if (!slot_as_before(ls, i))
                meta_region_owners_change(&ls->actual, i);
        return;
    }
    for (uint64_t i = 0; i < expected->nr_changed; i++)
        note_if_raw_changed(ls, expected->changed[i]);
    if (raw_slots_equal(cached->shadow, cached->slot0, 0, nr_slots))
        return;
    for (uint64_t i = 0; i < nr_slots; i++)
        note_if_raw_changed(ls, i);
}

static void observe(struct lockstep *ls)
{
    find_changed_slots(ls);
    if (!can(ls, SLOTCHECK_CAN_REPORT_GHOST))
        for (uint64_t i = 0; i < ls->expected.owners.nr_changed; i++)
            meta_region_owners_change(&ls->actual, ls->expected.owners.changed[i]);
    for (uint64_t i = 0; i < ls->actual.nr_changed; i++)
        abstract_slot(ls, ls->actual.changed[i]);
}

/* --- comparison --- */

static bool outcomes_agree(const struct spec_outcome *expected, const struct spec_outcome *actual)
{
    return expected->result == actual->result &&
           (expected->result != SPEC_OK ||
            (expected->value == actual->value &&
             meta_slot_storage_equal(&expected->metadata, &actual->metadata)));
}

static bool drops_agree(const struct lockstep *ls)
{
    const uint64_t n = ls->expected.nr_drops;

    if (!can(ls, SLOTCHECK_CAN_REPORT_ON_DROP))
        return true;
    if (ls->nr_drops != n)
        return false;
    for (uint64_t i = 0; i < n && i < MAX_DROPS; i++)
        if (ls->drops[i].paddr != ls->expected.drops[i].paddr ||
            !meta_slot_storage_equal(&ls->drops[i].metadata, &ls->expected.drops[i].metadata))
            return false;
    return true;
}

/* Slots that neither side changed are as in `pre` on both. */
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
    return true;
}

/* --- judgement --- */

/* The invariants and the accounting of the slots in `post` that `changes` changed. */
static bool judge_invariants(struct lockstep *ls, const struct meta_region_owners *post,
                             const struct meta_region_owners *changes)
{
    struct clause_report *report = &ls->stats->clauses;
    bool holds = true;

    for (uint64_t i = 0; i < changes->nr_changed; i++) {
        const uint64_t index = changes->changed[i];

        if (ls->expected.exempt[index] != EXEMPT_NOT)
            continue;
        holds &= meta_region_owners_inv_at(post, index, report);
        holds &= accounting(post, index, &ls->expected.holders[index], report);
    }
    return holds;
}

/* All clauses that apply to the step from `pre` to `post`. A panic leaves no state to be judged. */
static bool judge(struct lockstep *ls, enum op op, const struct spec_call *call,
                  const struct meta_region_owners *post, const struct spec_outcome *outcome)
{
    bool holds;

    clause_report_begin(&ls->stats->clauses);
    holds = JUDGE[op](&ls->pre, post, call, outcome, &ls->stats->clauses);
    if (outcome->result != SPEC_PANIC)
        holds &= judge_invariants(ls, post, &ls->expected.owners);
    return holds;
}

/* Both sides do the same; so what is judged is the reference, and the subject with it. */
static bool agree(struct lockstep *ls, enum op op, const struct spec_call *call,
                  const struct spec_outcome *expected)
{
    const bool holds = judge(ls, op, call, &ls->expected.owners, expected);

    phase_end(PHASE_CLAUSES);
    return holds;
}

/* The two sides differ, or agree on what the specification forbids: who is wrong, and how? */
static void diverge(struct lockstep *ls, const struct operation *operation,
                    const struct spec_call *call, const struct spec_outcome *expected,
                    const struct spec_outcome *actual, struct divergence *divergence)
{
    const enum op op = (enum op)operation->op;
    struct clause_report *report = &ls->stats->clauses;

    ls->stats->divergences++;
    divergence_begin(divergence, op, call, &ls->pre);
    divergence->expected = *expected;
    divergence->actual = *actual;
    divergence_compare_outcomes(divergence, expected, actual);
    divergence_compare_states(divergence, &ls->pre, &ls->expected.owners, &ls->actual);
    if (!drops_agree(ls))
        divergence_compare_drops(divergence, ls->expected.nr_drops, ls->expected.drops,
                                 ls->nr_drops, ls->drops);
    if (!judge(ls, op, call, &ls->expected.owners, expected)) {
        divergence->kind = FINDING_ORACLE_FAULT;
        divergence_add_broken(divergence, report, true);
        return;
    }
    judge(ls, op, call, &ls->actual, actual);
    if (actual->result != SPEC_PANIC)
        judge_invariants(ls, &ls->actual, &ls->actual);
    divergence->kind =
        divergence_add_broken(divergence, report, can(ls, SLOTCHECK_CAN_REPORT_GHOST))
            ? FINDING_VIOLATION
            : FINDING_STRICTER;
}

/* --- one operation --- */

/* False if the operation ended the process, or could not be called. */
static bool call_subject(struct lockstep *ls, enum op op, const struct spec_call *call,
                         const struct spec_outcome *expected, struct spec_outcome *actual)
{
    const struct subject_region on = {
        .subject = ls->subject, .region = ls->region->region, .slot0 = ls->region->slot0};

    ls->nr_drops = 0;
    if (expected->result != SPEC_PANIC || !ls->children) {
        subject_call(&on, op, call, actual);
        phase_end(PHASE_SUBJECT);
        observe(ls);
        return true;
    }
    /* A subject that cannot return from a panic is provoked in a child. */
    if (!child_call(ls->children, &on, op, call, ls->pre.max_meta_slots, actual))
        return fail(ls, "cannot fork for an operation that should panic");
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
    divergence_begin(divergence, op, call, &ls->pre);
    divergence->expected = *expected;
    divergence_crash(divergence, child_call_signal(ls->children));
}

static enum step_status skip(struct lockstep *ls, enum op op, enum step_status status)
{
    ls->stats->skipped[op][status]++;
    return status;
}

/* Why the operation cannot run here, or STEP_STARTED. */
static enum step_status admit(struct lockstep *ls, const struct operation *operation,
                              struct spec_call *call)
{
    const enum op op = (enum op)operation->op;

    if (!ls->offers[op])
        return skip(ls, op, STEP_SKIPPED_NOT_OFFERED);
    if (!resolve(ls, operation, call))
        return skip(ls, op, STEP_SKIPPED_NO_HANDLE);
    if ((op == OP_setup && ls->setup_over) || !REQUIRES[op](&ls->expected, call))
        return skip(ls, op, STEP_SKIPPED_PRECONDITION);
    return STEP_STARTED;
}

/* After agreement the two are equal, and are what the next operation begins with. */
static void commit(struct lockstep *ls)
{
    for (uint64_t i = 0; i < ls->expected.owners.nr_changed; i++)
        mark_dirty(ls, ls->expected.owners.changed[i]);
    for (uint64_t i = 0; i < ls->actual.nr_changed; i++)
        mark_dirty(ls, ls->actual.changed[i]);
    meta_region_owners_commit(&ls->pre, &ls->expected.owners);
    meta_region_owners_rebase(&ls->actual, &ls->pre);
}

/* Runs one operation; false if the program ends here. */
static bool step(struct lockstep *ls, const struct operation *operation, struct step_record *record,
                 struct divergence *divergence)
{
    const enum op op = (enum op)operation->op;
    struct spec_call call = {0};
    struct spec_outcome expected, actual;
    bool agreed;

    record->status = (uint8_t)admit(ls, operation, &call);
    record->paddr = call.paddr;
    record->status_before = (uint8_t)meta_slot_status_of(
        slot_owner_at(&ls->pre, frame_to_index(call.paddr))->inner_perms.ref_count.value);
    phase_end(PHASE_DECODE);
    if (record->status != STEP_STARTED)
        return true;
    ls->setup_over |= op != OP_setup;

    reference_begin(&ls->expected);
    REFERENCE[op](&ls->expected, &call, &expected);
    record->result = (uint8_t)expected.result;
    record->value = expected.value;
    record->metadata = expected.metadata;
    phase_end(PHASE_REFERENCE);

    if (!call_subject(ls, op, &call, &expected, &actual)) {
        if (ls->error[0] == '\0')
            crash(ls, op, &call, &expected, divergence);
        commit(ls);
        return false;
    }
    record->status = STEP_EXECUTED;
    agreed = outcomes_agree(&expected, &actual) && states_agree(ls) && drops_agree(ls);
    phase_end(PHASE_COMPARISON);

    ls->stats->executed[op][expected.result]++;
    if (!agreed || !agree(ls, op, &call, &expected)) {
        diverge(ls, operation, &call, &expected, &actual, divergence);
        commit(ls);
        return false;
    }
    if (expected.result == SPEC_OK)
        update_handles(ls, operation, call.paddr);
    commit(ls);
    phase_end(PHASE_CLAUSES);
    return expected.result != SPEC_PANIC && ls->error[0] == '\0';
}

/* A program that ends without live handles must owe nothing. */
static void judge_end(struct lockstep *ls, enum op last, struct divergence *divergence)
{
    struct clause_report *report = &ls->stats->clauses;

    if (ls->nr_frames || ls->nr_uniques || !ls->setup_over)
        return;
    for (uint64_t i = 0; i < ls->nr_dirty; i++)
        if (ls->expected.exempt[ls->dirty[i]] != EXEMPT_NOT)
            return;
    clause_report_begin(report);
    if (!clean_inv(&ls->pre, report)) {
        ls->stats->divergences++;
        divergence_begin(divergence, last, &(struct spec_call){0}, &ls->pre);
        divergence->kind = FINDING_ORACLE_FAULT;
        divergence_add_broken(divergence, report, true);
    }
}

bool lockstep_run(struct lockstep *ls, const struct program *program, struct trace *trace)
{
    struct divergence *divergence = &trace->divergence;
    bool goes_on = true;

    divergence->kind = FINDING_NONE;
    trace->nr_slots = 0;
    trace->nr_steps = 0;
    if (!prepare(ls, program))
        return false;
    trace->nr_slots = ls->pre.max_meta_slots;
    ls->stats->programs++;
    for (size_t i = 0; i < program->nr_ops && goes_on; i++) {
        trace->steps[i].status = STEP_NOT_REACHED;
        trace->nr_steps = i + 1;
        divergence->step = i;
        goes_on = step(ls, &program->ops[i], &trace->steps[i], divergence);
    }
    if (goes_on && program->nr_ops > 0)
        judge_end(ls, (enum op)program->ops[program->nr_ops - 1].op, divergence);
    return reset(ls);
}

/* --- traces --- */

static size_t trace_size(uint64_t nr_steps)
{
    return sizeof(struct trace) + nr_steps * sizeof(struct step_record);
}

struct trace *trace_create(uint64_t nr_steps)
{
    struct trace *trace =
        mmap(NULL, trace_size(nr_steps), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (trace == MAP_FAILED)
        return NULL;
    trace->capacity = nr_steps;
    return trace;
}

void trace_destroy(struct trace *trace)
{
    if (trace)
        munmap(trace, trace_size(trace->capacity));
}
