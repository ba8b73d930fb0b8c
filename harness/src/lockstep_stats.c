/* SPDX-License-Identifier: MPL-2.0 */
/* What a lockstep counts, read and added up. */
#include "slotcheck/fuzz_session.h"
#include "slotcheck/lockstep.h"

uint64_t lockstep_stats_evaluated(const struct lockstep_stats *stats, enum op op, enum clause_id id)
{
    uint64_t executed = 0;

    for (int field = 0; field < NR_FIELDS; field++)
        if (FIELD_CLAUSE[field] == id && stats->fields_compared >> field & 1)
            for (int result = 0; result < NR_RESULTS; result++)
                executed += stats->executed[op][result];
    return stats->clauses[op].evaluated[id] + executed;
}

void lockstep_stats_add(struct lockstep_stats *sum, const struct lockstep_stats *stats)
{
    sum->programs += stats->programs;
    sum->divergences += stats->divergences;
    sum->ghost_assumed |= stats->ghost_assumed;
    sum->fields_compared |= stats->fields_compared;
    for (int op = 0; op < NR_OPS; op++) {
        for (int i = 0; i < NR_RESULTS; i++)
            sum->executed[op][i] += stats->executed[op][i];
        for (int i = 0; i < NR_STEP_STATUS; i++)
            sum->skipped[op][i] += stats->skipped[op][i];
        for (int i = 0; i < NR_CLAUSES; i++) {
            sum->clauses[op].evaluated[i] += stats->clauses[op].evaluated[i];
            sum->decided[op][i] += stats->decided[op][i];
        }
    }
    for (size_t i = 0; i < CELL_SET_CAPACITY; i++)
        if (stats->cells.cells[i])
            cell_set_add(&sum->cells, stats->cells.cells[i]);
    sum->cells.lost += stats->cells.lost;
}

/* FNV-1a, with the zero at the end. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    do
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    while (*text++);
    return hash;
}

uint64_t fuzz_stats_names(void)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (int i = 0; i < NR_CLAUSES; i++)
        hash = hash_text(hash, CLAUSES[i].id);
    for (int op = 0; op < NR_OPS; op++)
        hash = hash_text(hash, OPS[op].name);
    return hash;
}
