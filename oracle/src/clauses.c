/* SPDX-License-Identifier: MPL-2.0 */
#include "metaslot_oracle/clauses.h"

const struct clause_info CLAUSES[NR_CLAUSES] = {
#define CLAUSE(fn, clause, kind_, sees_, where_, text_)                                            \
    [CLAUSE_##fn##__##clause] = {.id = #fn "/" #clause,                                            \
                                 .function = #fn,                                                  \
                                 .text = text_,                                                    \
                                 .where = where_,                                                  \
                                 .kind = CLAUSE_KIND_##kind_,                                      \
                                 .sees = CLAUSE_SEES_##sees_},
#include "metaslot_oracle/clauses.def"
#undef CLAUSE
};

const char *clause_kind_name(enum clause_kind kind)
{
    /* unreachable: only records of findings and lists of clauses name kinds */
    switch (kind) {
    case CLAUSE_KIND_SPEC:
        return "spec";
    case CLAUSE_KIND_INVARIANT:
        return "invariant";
    case CLAUSE_KIND_ENSURES:
        return "ensures";
    case CLAUSE_KIND_EXEC:
        return "exec";
    }
    return "unknown";
}

bool clause_report_has(const struct clause_report *report, enum clause_id id)
{
    for (uint32_t i = 0; i < report->nr_failed; i++)
        if (report->failed[i] == id)
            return true;
    return false;
}

void clause_report_fail(struct clause_report *report, enum clause_id id)
{
    if (!clause_report_has(report, id))
        report->failed[report->nr_failed++] = (uint16_t)id;
}
