/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Records for machines. Numbers that can exceed 2^53 are written as text, as people read them too.
 */
#include <stdlib.h>
#include <string.h>

#include "command.h"

bool json_print(FILE *out, json_t *value, int indent)
{
    const size_t flags = indent ? (size_t)JSON_INDENT((size_t)indent) : 0;
    const bool ok = value && json_dumpf(value, out, flags | JSON_PRESERVE_ORDER) == 0;

    json_decref(value);
    return ok && fputc('\n', out) != EOF;
}

json_t *json_text(const char *text)
{
    json_t *value = json_string(text);
    char *copy;

    if (value || !(copy = strdup(text)))
        return value;
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    value = json_string(copy);
    free(copy);
    return value;
}

static json_t *program_text(const struct program *program)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    json_t *value = NULL;

    if (!out)
        return NULL;
    program_print(program, out);
    if (fclose(out) == 0)
        value = json_stringn(text, size);
    free(text);
    return value;
}

static json_t *value_text(enum field field, const struct meta_slot_storage *value)
{
    char text[160];

    field_value_text(field, value, text, sizeof(text));
    return json_string(text);
}

static json_t *difference_record(const struct difference *difference)
{
    const bool of_slot = difference->slot != UINT64_MAX;

    return json_pack("{s:o, s:s, s:o, s:o, s:o}",
                     field_is_of_list(difference->field) ? "list" : "slot",
                     of_slot ? json_integer((json_int_t)difference->slot) : json_null(), "field",
                     FIELD_NAMES[difference->field], "before",
                     of_slot ? value_text(difference->field, &difference->before) : json_null(),
                     "expected", value_text(difference->field, &difference->expected), "subject",
                     value_text(difference->field, &difference->actual));
}

static json_t *differences(const struct divergence *divergence)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < divergence->nr_differences && i < MAX_DIFFERENCES; i++)
        json_array_append_new(array, difference_record(&divergence->differences[i]));
    return array;
}

static json_t *broken_clauses(const struct divergence *divergence)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < divergence->nr_broken; i++) {
        const struct clause_info *info = &CLAUSES[divergence->broken[i]];

        json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:s}", "id", info->id, "kind",
                                               clause_kind_name(info->kind), "text", info->text,
                                               "where", info->where));
    }
    return array;
}

json_t *finding_record(const char *path, const char *subject, const struct program *program,
                       const struct trace *trace, const char *replay)
{
    const struct divergence *divergence = &trace->divergence;
    char signature[SIGNATURE_SIZE];
    json_t *slot =
        divergence->slot == UINT64_MAX ? json_null() : json_integer((json_int_t)divergence->slot);

    divergence_signature(divergence, signature, sizeof(signature));
    return json_pack(
        "{s:i, s:o, s:s, s:o, s:s, s:s, s:I, s:o, s:s, s:s, s:I, s:o, s:o, s:o, s:o}",
        "record_version", 1, "file", json_text(path), "verdict",
        finding_kind_name(divergence->kind), "subject", json_text(subject), "signature", signature,
        "operation", OPS[divergence->op].name, "step", (json_int_t)divergence->step + 1, "slot",
        slot, "field", FIELD_NAMES[divergence->field], "status_before",
        divergence->has_slot ? status_name(divergence->status_before) : "NO_SLOT", "slots",
        (json_int_t)trace->nr_slots, "differences", differences(divergence), "clauses",
        broken_clauses(divergence), "program", program_text(program), "replay", json_text(replay));
}
