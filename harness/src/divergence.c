/* SPDX-License-Identifier: MPL-2.0 */
/* What differs, and under which name. */
#include "slotcheck/divergence.h"

#include <string.h>

#include "divergence_build.h"

const char *const FIELD_NAMES[NR_FIELDS] = {
#define FIELD(name) [FIELD_##name] = #name,
#include "slotcheck/fields.def"
#undef FIELD
};

const enum clause_id FIELD_CLAUSE[NR_FIELDS] = {
#define FIELD(name) [FIELD_##name] = CLAUSE_exec__##name,
#include "slotcheck/fields.def"
#undef FIELD
};

static struct meta_slot_storage scalar(uint64_t value)
{
    return (struct meta_slot_storage){.type = VALUE_SCALAR, .word = {value}};
}

static struct meta_slot_storage frame_value(uint64_t paddr)
{
    return (struct meta_slot_storage){.type = VALUE_FRAME, .word = {paddr}};
}

/* What else the operation answers. */
static struct meta_slot_storage detail_value(enum op op, const uint64_t detail[4])
{
    return (struct meta_slot_storage){.type = op_has_segment(op) ? VALUE_RANGE : VALUE_DETAIL,
                                      .word = {detail[0], detail[1], detail[2], detail[3]}};
}

static const struct meta_slot_storage UNINIT = {.type = VALUE_UNINIT};

/* --- building --- */

void divergence_begin(struct divergence *divergence, enum op op, const struct spec_call *call,
                      const struct meta_region_owners *pre)
{
    const uint64_t step = divergence->step;
    const uint64_t slot = frame_to_index(call->paddr);

    memset(divergence, 0, sizeof(*divergence));
    divergence->step = step;
    divergence->op = op;
    divergence->has_slot = has_safe_slot(pre, call->paddr);
    divergence->slot = divergence->has_slot ? slot : UINT64_MAX;
    divergence->status_before =
        meta_slot_status_of(slot_owner_at(pre, slot)->inner_perms.ref_count.value);
}

static void add_difference(struct divergence *divergence, uint64_t slot, enum field field,
                           struct meta_slot_storage before, struct meta_slot_storage expected,
                           struct meta_slot_storage actual)
{
    if (divergence->nr_differences == 0) {
        divergence->field = field;
        if (slot != UINT64_MAX && !field_is_of_list(field))
            divergence->slot = slot;
    }
    if (divergence->nr_differences < MAX_DIFFERENCES)
        divergence->differences[divergence->nr_differences] = (struct difference){
            .slot = slot, .field = field, .before = before, .expected = expected, .actual = actual};
    divergence->nr_differences++;
}

void divergence_compare_outcomes(struct divergence *divergence, const struct spec_outcome *expected,
                                 const struct spec_outcome *actual)
{
    if (expected->result != actual->result)
        add_difference(divergence, UINT64_MAX, FIELD_result, scalar(0), scalar(expected->result),
                       scalar(actual->result));
    if (expected->result != SPEC_OK || actual->result != SPEC_OK)
        return;
    if (expected->value != actual->value)
        add_difference(divergence, UINT64_MAX, FIELD_value, scalar(0), scalar(expected->value),
                       scalar(actual->value));
    if (!meta_slot_storage_equal(&expected->metadata, &actual->metadata))
        add_difference(divergence, UINT64_MAX, FIELD_metadata, scalar(0), expected->metadata,
                       actual->metadata);
    if (memcmp(expected->detail, actual->detail, sizeof(expected->detail)) != 0)
        add_difference(divergence, UINT64_MAX, FIELD_detail, scalar(0),
                       detail_value(divergence->op, expected->detail),
                       detail_value(divergence->op, actual->detail));
}

/* What `field` of slot `index` is in a state. */
static struct meta_slot_storage field_of(const struct meta_region_owners *owners, uint64_t index,
                                         enum field field)
{
    const struct meta_slot_owner *owner = &owners->slot_owners[index];
    const struct metadata_inner_perms *perms = &owner->inner_perms;

    switch (field) {
    case FIELD_ref_count:
        return scalar(perms->ref_count.value);
    case FIELD_in_list:
        return scalar(perms->in_list.value);
    case FIELD_storage_init:
        return scalar(perms->storage.is_init);
    case FIELD_storage:
        return perms->storage.is_init ? perms->storage.value : UNINIT;
    case FIELD_vtable_init:
        return scalar(perms->vtable_ptr.is_init);
    case FIELD_vtable_ptr:
        return perms->vtable_ptr.is_init ? scalar(perms->vtable_ptr.value) : UNINIT;
    case FIELD_usage:
        return scalar(owner->usage);
    case FIELD_paths_in_pt:
        return scalar(owner->paths_in_pt);
    case FIELD_slot_vaddr:
        return scalar(owner->slot_vaddr);
    case FIELD_permission:
        return scalar(owners->slots_dom[index]);
    case FIELD_frame_obligations:
        return scalar(owners->frame_obligations[index]);
    case FIELD_process:
    case FIELD_result:
    case FIELD_value:
    case FIELD_metadata:
    case FIELD_detail:
    case FIELD_list_id:
    case FIELD_list_size:
    case FIELD_list_front:
    case FIELD_list_back:
    case FIELD_list_cursor:
    case FIELD_on_drop:
    case NR_FIELDS:
        break; /* of no slot */
    }
    return scalar(0);
}

/* Contents are compared only where both sides say that there are any. */
static bool field_counts(const struct meta_region_owners *expected,
                         const struct meta_region_owners *actual, uint64_t index, enum field field)
{
    const struct metadata_inner_perms *a = &expected->slot_owners[index].inner_perms;
    const struct metadata_inner_perms *b = &actual->slot_owners[index].inner_perms;

    if (field == FIELD_storage)
        return a->storage.is_init && b->storage.is_init && a->ref_count.value == b->ref_count.value;
    if (field == FIELD_vtable_ptr)
        return a->vtable_ptr.is_init && b->vtable_ptr.is_init &&
               a->ref_count.value == b->ref_count.value;
    return true;
}

static void compare_slot(struct divergence *divergence, uint64_t index,
                         const struct meta_region_owners *pre,
                         const struct meta_region_owners *expected,
                         const struct meta_region_owners *actual, bool ghost_reported)
{
    for (int f = FIELD_ref_count; f <= FIELD_frame_obligations; f++) {
        const enum field field = (enum field)f;
        const struct meta_slot_storage want = field_of(expected, index, field);
        const struct meta_slot_storage got = field_of(actual, index, field);

        if (CLAUSES[FIELD_CLAUSE[field]].sees == CLAUSE_SEES_GHOST && !ghost_reported)
            continue;
        if (!meta_slot_storage_equal(&want, &got) && field_counts(expected, actual, index, field))
            add_difference(divergence, index, field, field_of(pre, index, field), want, got);
    }
}

static void compare_list(struct divergence *divergence, uint64_t i,
                         const struct linked_list_owner *pre,
                         const struct linked_list_owner *expected,
                         const struct linked_list_owner *actual)
{
    const struct {
        enum field field;
        uint64_t before, expected, actual;
    } fields[] = {
        {FIELD_list_id, pre->list_id, expected->list_id, actual->list_id},
        {FIELD_list_size, pre->size, expected->size, actual->size},
        {FIELD_list_front, pre->front, expected->front, actual->front},
        {FIELD_list_back, pre->back, expected->back, actual->back},
        {FIELD_list_cursor, pre->current, expected->current, actual->current},
    };

    for (size_t k = 0; k < sizeof(fields) / sizeof(fields[0]); k++)
        if (fields[k].expected != fields[k].actual)
            add_difference(divergence, i, fields[k].field, scalar(fields[k].before),
                           scalar(fields[k].expected), scalar(fields[k].actual));
}

void divergence_compare_states(struct divergence *divergence, const struct meta_region_owners *pre,
                               const struct meta_region_owners *expected,
                               const struct meta_region_owners *actual, bool ghost_reported)
{
    const uint64_t own = divergence->slot;

    /* The operation's own slot first; others by index. */
    if (own != UINT64_MAX)
        compare_slot(divergence, own, pre, expected, actual, ghost_reported);
    for (uint64_t i = 0; i < pre->max_meta_slots; i++)
        if (i != own && !meta_region_owners_slot_equal(expected, actual, i))
            compare_slot(divergence, i, pre, expected, actual, ghost_reported);
    for (uint64_t i = 0; i < SPEC_MAX_LISTS; i++)
        compare_list(divergence, i, &pre->lists[i], &expected->lists[i], &actual->lists[i]);
}

void divergence_compare_drops(struct divergence *divergence, uint64_t nr_expected,
                              const struct spec_drop *expected, uint64_t nr_actual,
                              const struct spec_drop *actual)
{
    /* The first run that is not the same, or the number of runs. */
    const uint64_t n = nr_expected < nr_actual ? nr_expected : nr_actual;

    for (uint64_t i = 0; i < n && i < SPEC_MAX_DROPS; i++) {
        if (expected[i].paddr != actual[i].paddr) {
            add_difference(divergence, UINT64_MAX, FIELD_on_drop, scalar(0),
                           frame_value(expected[i].paddr), frame_value(actual[i].paddr));
            return;
        }
        if (!meta_slot_storage_equal(&expected[i].metadata, &actual[i].metadata)) {
            add_difference(divergence, UINT64_MAX, FIELD_on_drop, scalar(0), expected[i].metadata,
                           actual[i].metadata);
            return;
        }
    }
    add_difference(divergence, UINT64_MAX, FIELD_on_drop, scalar(0), scalar(nr_expected),
                   scalar(nr_actual));
}

static void add_broken(struct divergence *divergence, enum clause_id id)
{
    for (uint32_t i = 0; i < divergence->nr_broken; i++)
        if (divergence->broken[i] == id)
            return;
    if (divergence->nr_broken < MAX_BROKEN)
        divergence->broken[divergence->nr_broken++] = (uint16_t)id;
}

bool divergence_add_broken(struct divergence *divergence, const struct clause_report *report,
                           bool ghost_reported)
{
    bool specified = false;

    for (uint32_t i = 0; i < report->nr_failed; i++) {
        const enum clause_id id = (enum clause_id)report->failed[i];

        if (CLAUSES[id].sees == CLAUSE_SEES_GHOST && !ghost_reported)
            continue;
        specified = true;
        add_broken(divergence, id);
    }
    for (uint32_t i = 0; i < divergence->nr_differences && i < MAX_DIFFERENCES; i++)
        add_broken(divergence, FIELD_CLAUSE[divergence->differences[i].field]);
    return specified;
}

void divergence_crash(struct divergence *divergence, int signal)
{
    divergence->kind = FINDING_CRASH;
    divergence->signal = signal;
    add_difference(divergence, UINT64_MAX, FIELD_process, scalar(0), scalar(0),
                   scalar((uint64_t)signal));
    add_broken(divergence, CLAUSE_exec__process);
}

void divergence_of_crash(struct trace *trace, const struct program *program, int signal)
{
    struct divergence *divergence = &trace->divergence;
    const uint64_t at = trace->nr_steps - 1;
    const struct step_record *record = &trace->steps[at];

    *divergence = (struct divergence){.step = at, .op = (enum op)program->ops[at].op};
    divergence->expected = (struct spec_outcome){.result = (enum spec_result)record->result,
                                                 .value = record->value,
                                                 .metadata = record->metadata};
    memcpy(divergence->expected.detail, record->detail, sizeof(record->detail));
    divergence->has_slot =
        record->paddr % SPEC_PAGE_SIZE == 0 && frame_to_index(record->paddr) < trace->nr_slots;
    divergence->slot = divergence->has_slot ? frame_to_index(record->paddr) : UINT64_MAX;
    divergence->status_before = (enum meta_slot_status)record->status_before;
    divergence_crash(divergence, signal);
}

/* --- names --- */

const char *finding_kind_name(enum finding_kind kind)
{
    switch (kind) {
    case FINDING_NONE:
        return "agreement";
    case FINDING_VIOLATION:
        return "violation";
    case FINDING_STRICTER:
        return "stricter";
    case FINDING_ORACLE_FAULT:
        return "oracle fault";
    case FINDING_CRASH:
        return "crash";
    }
    return "unknown";
}

const char *result_name(enum spec_result result)
{
    switch (result) {
    case SPEC_OK:
        return "Ok";
    case SPEC_IN_USE:
        return "InUse";
    case SPEC_UNUSED:
        return "Unused";
    case SPEC_BUSY:
        return "Busy";
    case SPEC_UNIQUE:
        return "Unique";
    case SPEC_OUT_OF_BOUND:
        return "OutOfBound";
    case SPEC_NOT_ALIGNED:
        return "NotAligned";
    case SPEC_RETURNED:
        return "Returned";
    case SPEC_PANIC:
        return "panic";
    case SPEC_NONE:
        return "None";
    }
    return "no result of the interface";
}

const char *status_name(enum meta_slot_status status)
{
    switch (status) {
    case META_SLOT_UNUSED:
        return "UNUSED";
    case META_SLOT_UNIQUE:
        return "UNIQUE";
    case META_SLOT_UNDER_CONSTRUCTION:
        return "UNDER_CONSTRUCTION";
    case META_SLOT_SHARED:
        return "SHARED";
    case META_SLOT_OVERFLOW:
        return "OVERFLOW";
    }
    return "unknown";
}

const char *step_status_name(enum step_status status)
{
    switch (status) {
    case STEP_NOT_REACHED:
        return "not reached";
    case STEP_STARTED:
        return "started";
    case STEP_EXECUTED:
        return "executed";
    case STEP_SKIPPED_PRECONDITION:
        return "precondition";
    case STEP_SKIPPED_NO_HANDLE:
        return "no handle";
    case STEP_SKIPPED_NOT_OFFERED:
        return "not offered";
    case NR_STEP_STATUS:
        break;
    }
    return "unknown";
}

void divergence_signature(const struct divergence *divergence, char *text, size_t size)
{
    const char *clause = divergence->nr_broken ? CLAUSES[divergence->broken[0]].id : "none";

    snprintf(text, size, "%s.%s.%s.%s", OPS[divergence->op].name,
             divergence->has_slot ? status_name(divergence->status_before) : "NO_SLOT",
             FIELD_NAMES[divergence->field], clause);
    for (char *c = text; *c; c++)
        if (*c == '/')
            *c = '-';
}
