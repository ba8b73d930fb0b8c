/* SPDX-License-Identifier: MPL-2.0 */
#include "handles.h"

#include <stdlib.h>
#include <string.h>

bool handles_reserve(struct handles *handles, uint64_t nr_ops)
{
    if (nr_ops <= handles->capacity)
        return true;

    uint64_t *frames = realloc(handles->frames, nr_ops * sizeof(*frames));
    if (frames)
        handles->frames = frames;
    uint64_t *uniques = realloc(handles->uniques, nr_ops * sizeof(*uniques));
    if (uniques)
        handles->uniques = uniques;
    /* A split makes two of one. */
    struct segment_handle *segments = realloc(handles->segments, nr_ops * sizeof(*segments));
    if (segments)
        handles->segments = segments;
    if (!frames || !uniques || !segments)
        return false;
    handles->capacity = nr_ops;
    return true;
}

void handles_free(struct handles *handles)
{
    free(handles->frames);
    free(handles->uniques);
    free(handles->segments);
    memset(handles, 0, sizeof(*handles));
}

void handles_clear(struct handles *handles)
{
    handles->nr_frames = 0;
    handles->nr_uniques = 0;
    handles->nr_segments = 0;
    handles->nr_mappings = 0;
    handles->nr_lists = 0;
    handles->nr_cursors = 0;
}

void handles_copy(struct handles *to, const struct handles *from)
{
    to->nr_frames = from->nr_frames;
    to->nr_uniques = from->nr_uniques;
    to->nr_segments = from->nr_segments;
    to->nr_mappings = from->nr_mappings;
    to->nr_lists = from->nr_lists;
    to->nr_cursors = from->nr_cursors;
    memcpy(to->frames, from->frames, from->nr_frames * sizeof(*to->frames));
    memcpy(to->uniques, from->uniques, from->nr_uniques * sizeof(*to->uniques));
    memcpy(to->segments, from->segments, from->nr_segments * sizeof(*to->segments));
    memcpy(to->mappings, from->mappings, from->nr_mappings * sizeof(*to->mappings));
    memcpy(to->lists, from->lists, from->nr_lists * sizeof(*to->lists));
    memcpy(to->cursors, from->cursors, from->nr_cursors * sizeof(*to->cursors));
}

static uint64_t number_at(const uint64_t *numbers, uint64_t n, uint64_t at)
{
    return at < n ? numbers[at] : UINT64_MAX;
}

static uint64_t segment_at(const struct handles *handles, uint64_t at)
{
    if (at >= handles->nr_segments)
        return UINT64_MAX;
    return handles->segments[at].start / SPEC_PAGE_SIZE << 32 |
           handles->segments[at].end / SPEC_PAGE_SIZE;
}

static uint64_t mapping_at(const struct handles *handles, uint64_t at)
{
    if (at >= handles->nr_mappings)
        return UINT64_MAX;
    return handles->mappings[at].paddr / SPEC_PAGE_SIZE << 32 | handles->mappings[at].path;
}

uint64_t handles_at(const struct handles *handles, enum operand_kind kind, uint64_t number)
{
    if (kind == OPERAND_FRAME)
        return number_at(handles->frames, handles->nr_frames, number);
    if (kind == OPERAND_UNIQUE)
        return number_at(handles->uniques, handles->nr_uniques, number);
    if (kind == OPERAND_SEGMENT)
        return segment_at(handles, number);
    if (kind == OPERAND_MAPPING)
        return mapping_at(handles, number);
    if (kind == OPERAND_LIST)
        return number_at(handles->lists, handles->nr_lists, number);
    if (kind == OPERAND_CURSOR)
        return number_at(handles->cursors, handles->nr_cursors, number);
    return UINT64_MAX;
}

/* --- the arrays --- */

static void remove_number(uint64_t *numbers, uint64_t *n, uint64_t at)
{
    memmove(numbers + at, numbers + at + 1, (*n - at - 1) * sizeof(*numbers));
    (*n)--;
}

static void remove_value(uint64_t *numbers, uint64_t *n, uint64_t value)
{
    for (uint64_t i = 0; i < *n; i++)
        if (numbers[i] == value) {
            remove_number(numbers, n, i);
            return;
        }
}

static void remove_segment(struct handles *handles, uint64_t at)
{
    memmove(handles->segments + at, handles->segments + at + 1,
            (handles->nr_segments - at - 1) * sizeof(*handles->segments));
    handles->nr_segments--;
}

static void remove_mapping(struct handles *handles, uint64_t at)
{
    memmove(handles->mappings + at, handles->mappings + at + 1,
            (handles->nr_mappings - at - 1) * sizeof(*handles->mappings));
    handles->nr_mappings--;
}

static void add_segment(struct handles *handles, const uint64_t range[2])
{
    handles->segments[handles->nr_segments++] = (struct segment_handle){range[0], range[1]};
}

/* --- what a success does --- */

/* The handle that the operation consumes, which `operand` names. */
static inline void take(struct handles *handles, enum operand_kind kind, uint64_t operand,
                        const struct spec_call *call)
{
    if (kind == OPERAND_FRAME)
        remove_number(handles->frames, &handles->nr_frames, operand % handles->nr_frames);
    else if (kind == OPERAND_UNIQUE)
        remove_number(handles->uniques, &handles->nr_uniques, operand % handles->nr_uniques);
    else if (kind == OPERAND_SEGMENT)
        remove_segment(handles, operand % handles->nr_segments);
    else if (kind == OPERAND_MAPPING)
        remove_mapping(handles, operand % handles->nr_mappings);
    else if (kind == OPERAND_LIST)
        remove_value(handles->lists, &handles->nr_lists, call->list);
}

static inline void make(struct handles *handles, enum operand_kind kind,
                        const struct spec_call *call, const struct spec_outcome *outcome)
{
    if (kind == OPERAND_FRAME)
        handles->frames[handles->nr_frames++] = meta_to_frame(outcome->value);
    else if (kind == OPERAND_UNIQUE)
        handles->uniques[handles->nr_uniques++] = meta_to_frame(outcome->value);
    else if (kind == OPERAND_SEGMENT)
        add_segment(handles, &outcome->detail[0]);
    else if (kind == OPERAND_MAPPING)
        handles->mappings[handles->nr_mappings++] =
            (struct mapping_handle){call->paddr, call->path};
    else if (kind == OPERAND_LIST)
        handles->lists[handles->nr_lists++] = call->list;
}

/* Who makes segments of a segment makes two, and who makes something else of one leaves less. */
static inline void make_of_segment(struct handles *handles, enum operand_kind takes,
                                   enum operand_kind makes, uint64_t operand,
                                   const struct spec_outcome *outcome)
{
    if (takes == OPERAND_SEGMENT && makes == OPERAND_SEGMENT)
        add_segment(handles, &outcome->detail[2]);
    if (takes != OPERAND_SEGMENT && makes != OPERAND_SEGMENT && makes != OPERAND_NONE)
        handles->segments[operand % handles->nr_segments] =
            (struct segment_handle){outcome->detail[0], outcome->detail[1]};
}

/* Written out for each operation: what it takes and makes is known when this is compiled. */
static void succeed(struct handles *handles, const struct operation *operation,
                    const struct spec_call *call, const struct spec_outcome *outcome)
{
    const uint16_t *operand = operation->operand;

    switch ((enum op)operation->op) {
#define OP(name, since, weight, first, second, third, takes, makes, ...)                           \
    case OP_##name:                                                                                \
        take(handles, OPERAND_##takes, operand[OPERAND_##takes == OPERAND_##second ? 1 : 0],       \
             call);                                                                                \
        make(handles, OPERAND_##makes, call, outcome);                                             \
        if (OPERAND_##first == OPERAND_SEGMENT)                                                    \
            make_of_segment(handles, OPERAND_##takes, OPERAND_##makes, operand[0], outcome);       \
        return;
#include "slotcheck/ops.def"
#undef OP
    case NR_OPS:
        break;
    }
}

/* A list's cursor is the list's: it ends when the list is used otherwise, and with it. */
static void update_cursors(struct handles *handles, const struct operation *operation,
                           const struct spec_call *call, const struct meta_region_owners *owners)
{
    const bool is_new = OPS[operation->op].makes == OPERAND_CURSOR;

    if (is_new || !owners->lists[call->list].has_cursor)
        remove_value(handles->cursors, &handles->nr_cursors, call->list);
    if (is_new && owners->lists[call->list].has_cursor)
        handles->cursors[handles->nr_cursors++] = call->list;
}

void handles_update(struct handles *handles, const struct operation *operation,
                    const struct spec_call *call, const struct spec_outcome *outcome,
                    const struct meta_region_owners *owners)
{
    if (outcome->result == SPEC_OK)
        succeed(handles, operation, call, outcome);
    if (owners->lists_changed)
        update_cursors(handles, operation, call, owners);
}
