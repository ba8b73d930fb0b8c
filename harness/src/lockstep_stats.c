/* SPDX-License-Identifier: MPL-2.0 */
/* What a lockstep counts, read and added up. */
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
}
