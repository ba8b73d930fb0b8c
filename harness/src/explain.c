/* SPDX-License-Identifier: MPL-2.0 */
/* What a person reads about a divergence. */
#include "slotcheck/divergence.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

/* --- values --- */

static const char *usage_name(uint64_t usage)
{
    static const char *const names[] = {"Unused", "Reserved", "Frame", "PageTable",
                                        "Meta",   "Kernel",   "MMIO"};

    return usage < sizeof(names) / sizeof(names[0]) ? names[usage] : "no usage";
}

static const char *metadata_type_name(uint64_t type)
{
    static const char *const names[] = {"empty", "untyped", "link", "node", "probe"};

    return type < sizeof(names) / sizeof(names[0]) ? names[type] : "no type";
}

static void count_text(uint64_t count, char *text, size_t size)
{
    if (count == SPEC_REF_COUNT_UNUSED)
        snprintf(text, size, "UNUSED");
    else if (count == SPEC_REF_COUNT_UNIQUE)
        snprintf(text, size, "UNIQUE");
    else if (count == SPEC_REF_COUNT_MAX)
        snprintf(text, size, "MAX");
    else if (count > SPEC_REF_COUNT_UNIQUE - 256)
        snprintf(text, size, "UNIQUE-%" PRIu64, SPEC_REF_COUNT_UNIQUE - count);
    else if (count < SPEC_REF_COUNT_MAX && count > SPEC_REF_COUNT_MAX - 256)
        snprintf(text, size, "MAX-%" PRIu64, SPEC_REF_COUNT_MAX - count);
    else if (count > SPEC_REF_COUNT_MAX && count < SPEC_REF_COUNT_MAX + 256)
        snprintf(text, size, "MAX+%" PRIu64, count - SPEC_REF_COUNT_MAX);
    else
        snprintf(text, size, "%" PRIu64, count);
}

/* A slot pointer as "slot 3", anything else as a number. */
static void address_text(uint64_t address, char *text, size_t size)
{
    const uint64_t offset = address - SPEC_FRAME_METADATA_RANGE_START;

    if (offset < SPEC_FRAME_METADATA_RANGE_END - SPEC_FRAME_METADATA_RANGE_START &&
        offset % SPEC_META_SLOT_SIZE == 0)
        snprintf(text, size, "&slot %" PRIu64, offset / SPEC_META_SLOT_SIZE);
    else
        snprintf(text, size, "0x%" PRIx64, address);
}

static void link_text(uint64_t is_some, uint64_t address, char *text, size_t size)
{
    if (is_some)
        address_text(address, text, size);
    else
        snprintf(text, size, "none");
}

static void metadata_text(const struct meta_slot_storage *metadata, char *text, size_t size)
{
    char next[32], prev[32];

    switch (metadata->type) {
    case SPEC_METADATA_EMPTY:
        snprintf(text, size, "empty{%016" PRIx64 "…}", metadata->empty.bytes[0]);
        return;
    case SPEC_METADATA_UNTYPED:
        snprintf(text, size, "untyped");
        return;
    case SPEC_METADATA_FRAME_LINK:
        link_text(metadata->frame_link.next_is_some, metadata->frame_link.next, next, sizeof(next));
        link_text(metadata->frame_link.prev_is_some, metadata->frame_link.prev, prev, sizeof(prev));
        snprintf(text, size, "link{next %s, prev %s, %" PRIu64 "}", next, prev,
                 metadata->frame_link.payload);
        return;
    case SPEC_METADATA_PT_NODE:
        snprintf(text, size,
                 "node{children %" PRIu64 ", stray %" PRIu64 ", level %" PRIu64 ", lock %" PRIu64
                 "}",
                 metadata->pt_node.nr_children, metadata->pt_node.stray, metadata->pt_node.level,
                 metadata->pt_node.lock);
        return;
    case SPEC_METADATA_PROBE:
        snprintf(text, size, "probe{%" PRIu64 "}", metadata->probe.payload);
        return;
    default:
        snprintf(text, size, "no known type");
    }
}

/* Up to four numbers, addresses mostly; trailing zeros say nothing. */
static void detail_text(const uint64_t *detail, char *text, size_t size)
{
    int n = 4;
    size_t at = 0;

    while (n > 1 && detail[n - 1] == 0)
        n--;
    text[0] = '\0';
    for (int i = 0; i < n && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s0x%" PRIx64, i ? " " : "", detail[i]);
}

static void element_text(uint64_t address, char *text, size_t size)
{
    link_text(address != 0, address, text, size);
}

static void list_text(const uint64_t *word, char *text, size_t size)
{
    char front[32], back[32], current[32];

    element_text(word[2], front, sizeof(front));
    element_text(word[3], back, sizeof(back));
    element_text(word[4], current, sizeof(current));
    snprintf(text, size, "id %" PRIu64 ", size %" PRIu64 ", front %s, back %s, cursor %s", word[0],
             word[1], front, back, current);
}

/* How the process ended; see struct divergence. */
static void ending_text(int signal, char *text, size_t size)
{
    if (signal == SIGALRM)
        snprintf(text, size, "did not return in time");
    else if (signal < 0)
        snprintf(text, size, "called exit(%d)", -1 - signal);
    else
        snprintf(text, size, "%s", strsignal(signal));
}

void field_value_text(enum field field, const struct meta_slot_storage *value, char *text,
                      size_t size)
{
    const uint64_t n = value->word[0];

    if (value->type == VALUE_UNINIT) {
        snprintf(text, size, field == FIELD_list ? "no list" : "uninit");
        return;
    }
    if (value->type == VALUE_LIST) {
        list_text(value->word, text, size);
        return;
    }
    if (value->type == VALUE_DETAIL) {
        detail_text(value->word, text, size);
        return;
    }
    if (value->type != VALUE_SCALAR) {
        metadata_text(value, text, size);
        return;
    }
    switch (field) {
    case FIELD_process:
        if (n == 0)
            snprintf(text, size, "returns");
        else
            ending_text((int)n, text, size);
        return;
    case FIELD_result:
        snprintf(text, size, "%s", result_name((enum spec_result)n));
        return;
    case FIELD_ref_count:
        count_text(n, text, size);
        return;
    case FIELD_storage_init:
    case FIELD_vtable_init:
        snprintf(text, size, "%s", n ? "init" : "uninit");
        return;
    case FIELD_vtable_ptr:
        snprintf(text, size, "&%s", metadata_type_name(n));
        return;
    case FIELD_usage:
        snprintf(text, size, "%s", usage_name(n));
        return;
    case FIELD_permission:
        snprintf(text, size, "%s", n ? "parked" : "handed out");
        return;
    case FIELD_on_drop:
        snprintf(text, size, n < 16 ? "%" PRIu64 " run(s)" : "frame 0x%" PRIx64, n);
        return;
    case FIELD_value:
        if (n < SPEC_FRAME_METADATA_RANGE_START)
            snprintf(text, size, n > 0xffff ? "0x%" PRIx64 : "%" PRIu64, n);
        else
            address_text(n, text, size);
        return;
    case FIELD_slot_vaddr:
        address_text(n, text, size);
        return;
    case FIELD_metadata:
    case FIELD_detail:
    case FIELD_list:
    case FIELD_in_list:
    case FIELD_storage:
    case FIELD_paths_in_pt:
    case FIELD_frame_obligations:
    case NR_FIELDS:
        break;
    }
    snprintf(text, size, "%" PRIu64, n);
}

/* --- the program so far --- */

/* What a function answers beyond success: nothing, an address, a count, metadata. */
static void answer_print(FILE *out, const struct operation *operation,
                         const struct step_record *record)
{
    char text[120];

    fprintf(out, "%s", result_name((enum spec_result)record->result));
    if (record->result != SPEC_OK)
        return;
    if (OPS[operation->op].makes == OPERAND_SEGMENT || record->detail[0] || record->detail[1]) {
        detail_text(record->detail, text, sizeof(text));
        fprintf(out, " %s", text);
    }
    if (operation->op == OP_frame_reference_count) {
        count_text(record->value, text, sizeof(text));
        fprintf(out, " %s", text);
    } else if (operation->op == OP_frame_meta || operation->op == OP_frame_borrow ||
               operation->op == OP_metadata_from_repr ||
               operation->op == OP_metadata_as_link_from_repr) {
        metadata_text(&record->metadata, text, sizeof(text));
        fprintf(out, " %s", text);
    } else if (operation->op == OP_list_contains) {
        fprintf(out, " %s", record->value ? "true" : "false");
    } else if (record->value >= SPEC_FRAME_METADATA_RANGE_START) {
        address_text(record->value, text, sizeof(text));
        fprintf(out, " %s", text);
    }
}

static void step_print(FILE *out, const struct program *program, const struct trace *trace,
                       uint64_t i)
{
    const struct step_record *record = &trace->steps[i];
    const bool last = trace->divergence.kind != FINDING_NONE && i == trace->divergence.step;

    fprintf(out, "  %c%4" PRIu64 "  ", last ? '>' : ' ', i + 1);
    operation_print(&program->ops[i], out);
    switch ((enum step_status)record->status) {
    case STEP_EXECUTED:
        if (last)
            break;
        fprintf(out, "  -> ");
        answer_print(out, &program->ops[i], record);
        break;
    case STEP_SKIPPED_PRECONDITION:
    case STEP_SKIPPED_NO_HANDLE:
    case STEP_SKIPPED_NOT_OFFERED:
        fprintf(out, "  -- skipped: %s", step_status_name((enum step_status)record->status));
        break;
    case STEP_NOT_REACHED:
    case STEP_STARTED:
    case NR_STEP_STATUS:
        break;
    }
    fputc('\n', out);
}

/* --- the explanation --- */

static void outcome_print(FILE *out, const char *who, const struct divergence *divergence,
                          const struct spec_outcome *outcome)
{
    const struct operation operation = {.op = (uint8_t)divergence->op};
    const struct step_record record = {
        .result = (uint8_t)outcome->result,
        .value = outcome->value,
        .detail = {outcome->detail[0], outcome->detail[1], outcome->detail[2], outcome->detail[3]},
        .metadata = outcome->metadata};

    fprintf(out, "  %-9s ", who);
    answer_print(out, &operation, &record);
    fputc('\n', out);
}

static void differences_print(FILE *out, const struct divergence *divergence)
{
    char before[120], expected[120], actual[120], slot[24];

    fprintf(out, "  %-5s %-18s %-24s %-24s %s\n", "slot", "field", "before", "expected", "subject");
    for (uint32_t i = 0; i < divergence->nr_differences && i < MAX_DIFFERENCES; i++) {
        const struct difference *d = &divergence->differences[i];

        field_value_text(d->field, &d->before, before, sizeof(before));
        field_value_text(d->field, &d->expected, expected, sizeof(expected));
        field_value_text(d->field, &d->actual, actual, sizeof(actual));
        snprintf(slot, sizeof(slot), d->field == FIELD_list ? "l%" PRIu64 : "%" PRIu64, d->slot);
        fprintf(out, "  %-5s %-18s %-24s %-24s %s\n", d->slot == UINT64_MAX ? "-" : slot,
                FIELD_NAMES[d->field], d->slot == UINT64_MAX ? "-" : before, expected, actual);
    }
    if (divergence->nr_differences > MAX_DIFFERENCES)
        fprintf(out, "  … and %u more\n", divergence->nr_differences - MAX_DIFFERENCES);
}

static void clauses_print(FILE *out, const struct divergence *divergence)
{
    for (uint32_t i = 0; i < divergence->nr_broken; i++) {
        const struct clause_info *info = &CLAUSES[divergence->broken[i]];

        fprintf(out, "  %s  (%s)\n      %s\n", info->id, info->where, info->text);
    }
}

/* What the kind means, in a sentence. */
static const char *kind_sentence(enum finding_kind kind)
{
    switch (kind) {
    case FINDING_NONE:
        return "";
    case FINDING_VIOLATION:
        return "the subject breaks the specification";
    case FINDING_STRICTER:
        return "no clause of the specification forbids this; the executable function does "
               "otherwise";
    case FINDING_ORACLE_FAULT:
        return "the reference breaks the specification: a bug of slotcheck, please report it";
    case FINDING_CRASH:
        return "the subject ended the process or did not return";
    }
    return "";
}

void divergence_summary(FILE *out, const struct divergence *divergence)
{
    fprintf(out, "%s in %s", finding_kind_name(divergence->kind), OPS[divergence->op].name);
    if (divergence->slot != UINT64_MAX)
        fprintf(out, ", slot %" PRIu64, divergence->slot);
    fprintf(out, ", field %s", FIELD_NAMES[divergence->field]);
}

void divergence_explain(FILE *out, const struct program *program, const struct trace *trace,
                        const char *replay)
{
    const struct divergence *divergence = &trace->divergence;
    char ending[80];

    divergence_summary(out, divergence);
    fprintf(out, "\n  %s\n", kind_sentence(divergence->kind));

    fprintf(out, "\nprogram so far (%" PRIu64 " slots)\n", trace->nr_slots);
    for (uint64_t i = 0; i < trace->nr_steps; i++)
        step_print(out, program, trace, i);

    fprintf(out, "\nresult\n");
    outcome_print(out, "expected", divergence, &divergence->expected);
    if (divergence->kind == FINDING_CRASH) {
        ending_text(divergence->signal, ending, sizeof(ending));
        fprintf(out, "  %-9s %s\n", "subject", ending);
    } else {
        outcome_print(out, "subject", divergence, &divergence->actual);
    }

    if (divergence->nr_differences) {
        fprintf(out, "\nwhat differs\n");
        differences_print(out, divergence);
    }
    fprintf(out, "\n%s\n",
            divergence->kind == FINDING_STRICTER ? "left open by the specification, broken here"
                                                 : "broken clauses");
    clauses_print(out, divergence);
    if (replay)
        fprintf(out, "\nshow it again\n  %s\n", replay);
}
