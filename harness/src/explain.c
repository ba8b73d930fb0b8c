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

/* Up to four numbers; trailing zeros say nothing. */
static void detail_text(const uint64_t *detail, char *text, size_t size)
{
    int n = 4;
    size_t at = 0;

    while (n > 1 && detail[n - 1] == 0)
        n--;
    text[0] = '\0';
    for (int i = 0; i < n && at < size; i++) {
        char number[32];

        count_text(detail[i], number, sizeof(number));
        at += (size_t)snprintf(text + at, size - at, "%s%s", i ? ", " : "", number);
    }
}

/* A segment, or the two that a split makes, as frames. */
static void range_text(const uint64_t *detail, char *text, size_t size)
{
    size_t at = 0;

    text[0] = '\0';
    for (int i = 0; i < 4 && at < size; i += 2) {
        const uint64_t start = detail[i], end = detail[i + 1];
        const char *comma = i ? ", " : "";

        if (i && start == 0 && end == 0)
            break;
        if (start % SPEC_PAGE_SIZE != 0 || end % SPEC_PAGE_SIZE != 0)
            at += (size_t)snprintf(text + at, size - at, "%s0x%" PRIx64 "..0x%" PRIx64, comma,
                                   start, end);
        else
            at += (size_t)snprintf(text + at, size - at, "%sp%" PRIu64 "..p%" PRIu64, comma,
                                   frame_to_index(start), frame_to_index(end));
    }
}

/* A set of page-table paths. */
static void paths_text(uint64_t paths, char *text, size_t size)
{
    size_t at = (size_t)snprintf(text, size, "{");

    for (unsigned path = 0; path < SPEC_NR_PATHS && at < size; path++)
        if (paths >> path & 1)
            at += (size_t)snprintf(text + at, size - at, "%s%u", at > 1 ? ", " : "", path);
    if (at < size)
        snprintf(text + at, size - at, "}");
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
        snprintf(text, size, "uninit");
        return;
    }
    if (value->type == VALUE_FRAME) {
        snprintf(text, size, "of frame p%" PRIu64, frame_to_index(n));
        return;
    }
    if (value->type == VALUE_RANGE) {
        range_text(value->word, text, size);
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
        snprintf(text, size, "%" PRIu64 " run(s)", n);
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
    case FIELD_list_front:
    case FIELD_list_back:
    case FIELD_list_cursor:
        link_text(n != 0, n, text, size);
        return;
    case FIELD_paths_in_pt:
        paths_text(n, text, size);
        return;
    case FIELD_metadata:
    case FIELD_detail:
    case FIELD_list_id:
    case FIELD_list_size:
    case FIELD_in_list:
    case FIELD_storage:
    case FIELD_frame_obligations:
    case NR_FIELDS:
        break;
    }
    snprintf(text, size, "%" PRIu64, n);
}

/* --- the program so far --- */

static bool answers_metadata(enum op op)
{
    return op == OP_frame_meta || op == OP_frame_borrow || op == OP_metadata_from_repr ||
           op == OP_metadata_from_borrowed || op == OP_metadata_as_link_from_repr ||
           op == OP_metadata_as_link_from_borrowed;
}

/* What a function answers beyond success: nothing, an address, a count, metadata, a bool. */
static void value_answer_text(enum op op, const struct step_record *record, char *text, size_t size)
{
    text[0] = '\0';
    if (op == OP_frame_reference_count)
        count_text(record->value, text, size);
    else if (op == OP_list_contains)
        snprintf(text, size, "%s", record->value ? "true" : "false");
    else if (answers_metadata(op))
        metadata_text(&record->metadata, text, size);
    else if (record->value >= SPEC_FRAME_METADATA_RANGE_START)
        address_text(record->value, text, size);
    else if (record->value)
        snprintf(text, size, "0x%" PRIx64, record->value);
}

/* And beside that: where segments are, a count, a whole slot. */
static void detail_answer_text(enum op op, const struct step_record *record, char *text,
                               size_t size)
{
    const uint64_t *detail = record->detail;

    text[0] = '\0';
    if (OPS[op].makes == OPERAND_SEGMENT || detail[1])
        (op_has_segment(op) ? range_text : detail_text)(detail, text, size);
    else if (detail[0])
        detail_text(detail, text, size);
}

static void answer_print(FILE *out, const struct operation *operation,
                         const struct step_record *record)
{
    const enum op op = (enum op)operation->op;
    char value[120] = "", detail[120] = "";

    if (record->result == SPEC_OK) {
        value_answer_text(op, record, value, sizeof(value));
        detail_answer_text(op, record, detail, sizeof(detail));
    }
    fprintf(out, "%s%s%s%s%s", result_name((enum spec_result)record->result), *value ? " " : "",
            value, *detail ? (*value ? ", " : " ") : "", detail);
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

/* One row of the table of differences, as texts. */
struct row {
    char slot[24], before[120], expected[120], actual[120];
};

static void row_text(const struct difference *difference, struct row *row)
{
    const bool of_list = field_is_of_list(difference->field);

    snprintf(row->slot, sizeof(row->slot), "-");
    snprintf(row->before, sizeof(row->before), "-");
    if (difference->slot != UINT64_MAX) {
        snprintf(row->slot, sizeof(row->slot), "%s%" PRIu64, of_list ? "l" : "", difference->slot);
        field_value_text(difference->field, &difference->before, row->before, sizeof(row->before));
    }
    field_value_text(difference->field, &difference->expected, row->expected,
                     sizeof(row->expected));
    field_value_text(difference->field, &difference->actual, row->actual, sizeof(row->actual));
}

static int wider(int width, const char *text)
{
    return (int)strlen(text) > width ? (int)strlen(text) : width;
}

static void differences_print(FILE *out, const struct divergence *divergence)
{
    const uint32_t n =
        divergence->nr_differences < MAX_DIFFERENCES ? divergence->nr_differences : MAX_DIFFERENCES;
    int before = 24, expected = 24; /* how wide the columns are */
    struct row row;

    for (uint32_t i = 0; i < n; i++) {
        row_text(&divergence->differences[i], &row);
        before = wider(before, row.before);
        expected = wider(expected, row.expected);
    }
    fprintf(out, "  %-5s %-18s %-*s %-*s %s\n", "slot", "field", before, "before", expected,
            "expected", "subject");
    for (uint32_t i = 0; i < n; i++) {
        row_text(&divergence->differences[i], &row);
        fprintf(out, "  %-5s %-18s %-*s %-*s %s\n", row.slot,
                FIELD_NAMES[divergence->differences[i].field], before, row.before, expected,
                row.expected, row.actual);
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
    if (divergence->nr_differences && field_is_of_list(divergence->field))
        fprintf(out, ", list l%" PRIu64, divergence->differences[0].slot);
    else if (divergence->slot != UINT64_MAX)
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
