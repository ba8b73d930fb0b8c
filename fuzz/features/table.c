/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A feature is known by a 64-bit key: its kind in the highest byte, one more than the kind so that
 * no key is 0, and below it what the kind has to say.
 */
#include <inttypes.h>

#include "features.h"
#include "slotcheck/divergence.h"
#include "slotcheck/step_end.h"

enum {
    KIND_BITS = 56,
    NR_BUCKETS = 8,
};

/*
 * How often something happened matters by its magnitude only. These are the magnitudes of
 * libFuzzer, so that a corpus is as good for the engine when some of it is left out.
 */
static const struct bucket {
    uint8_t first;
    const char *name;
} BUCKETS[NR_BUCKETS] = {{1, "1"},    {2, "2"},      {3, "3"},       {4, "4-7"},
                         {8, "8-15"}, {16, "16-31"}, {32, "32-127"}, {128, "128+"}};

static unsigned bucket_of(uint64_t times)
{
    unsigned bucket = NR_BUCKETS - 1;

    while (bucket > 0 && times < BUCKETS[bucket].first)
        bucket--;
    return bucket;
}

static uint64_t key_of(enum feature_kind kind, uint64_t content)
{
    return ((uint64_t)kind + 1) << KIND_BITS | content;
}

uint64_t feature_edge(size_t edge)
{
    return key_of(FEATURE_EDGE, edge);
}

uint64_t feature_edge_times(size_t edge, uint64_t times)
{
    return key_of(FEATURE_EDGE_TIMES, edge * NR_BUCKETS + bucket_of(times));
}

uint64_t feature_end(enum op op, unsigned end)
{
    return key_of(FEATURE_END, (uint64_t)op * NR_STEP_ENDS + end);
}

uint64_t feature_end_times(enum op op, unsigned end, uint64_t times)
{
    return key_of(FEATURE_END_TIMES,
                  ((uint64_t)op * NR_STEP_ENDS + end) * NR_BUCKETS + bucket_of(times));
}

uint64_t feature_clause(enum op op, enum clause_id id)
{
    return key_of(FEATURE_CLAUSE, (uint64_t)op * NR_CLAUSES + id);
}

uint64_t feature_cell(uint64_t cell)
{
    return key_of(FEATURE_CELL, cell);
}

/* --- numbers --- */

uint32_t table_number(struct feature_table *table, uint64_t feature, bool *is_new)
{
    /* Fibonacci hashing: the high bits of the product depend on all of the key. */
    size_t at = (size_t)(feature * UINT64_C(0x9e3779b97f4a7c15) >> 45);

    _Static_assert(TABLE_CAPACITY == 1 << (64 - 45), "the hash is as wide as the table");
    while (table->keys[at] && table->keys[at] != feature)
        at = (at + 1) % TABLE_CAPACITY;
    *is_new = table->keys[at] != feature;
    if (!*is_new)
        return table->numbers[at];
    /* A full table would be searched for ever. */
    if (table->nr == TABLE_CAPACITY / 4 * 3)
        return UINT32_MAX;
    table->keys[at] = feature;
    table->numbers[at] = table->nr;
    return table->nr++;
}

/* --- names --- */

static void end_print(uint64_t content, FILE *out)
{
    const unsigned end = (unsigned)(content % NR_STEP_ENDS);
    const enum op op = (enum op)(content / NR_STEP_ENDS);

    if (end >= 2 * NR_SLOT_STATUS)
        fprintf(out, "%s %s", OPS[op].name,
                result_name((enum spec_result)(end - 2 * NR_SLOT_STATUS)));
    else
        fprintf(out, "%s %s %s", OPS[op].name,
                result_name(end < NR_SLOT_STATUS ? SPEC_OK : SPEC_PANIC),
                status_name((enum meta_slot_status)(end % NR_SLOT_STATUS)));
}

void feature_print(uint64_t feature, FILE *out)
{
    const uint64_t content = feature & ((UINT64_C(1) << KIND_BITS) - 1);
    const char *times = BUCKETS[content % NR_BUCKETS].name;
    char cell[CELL_TEXT_SIZE];

    switch ((enum feature_kind)((feature >> KIND_BITS) - 1)) {
    case FEATURE_EDGE:
        fprintf(out, "edge %" PRIu64, content);
        return;
    case FEATURE_END:
        fputs("end ", out);
        end_print(content, out);
        return;
    case FEATURE_CLAUSE:
        fprintf(out, "clause %s %s", CLAUSES[content % NR_CLAUSES].id,
                OPS[content / NR_CLAUSES].name);
        return;
    case FEATURE_CELL:
        cell_text(content, cell, sizeof(cell));
        fprintf(out, "cell %s", cell);
        return;
    case FEATURE_EDGE_TIMES:
        fprintf(out, "edge_times %" PRIu64 " %s", content / NR_BUCKETS, times);
        return;
    case FEATURE_END_TIMES:
        fputs("end_times ", out);
        end_print(content / NR_BUCKETS, out);
        fprintf(out, " %s", times);
        return;
    }
}
