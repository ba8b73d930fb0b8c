/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Lockstep: runs a program on a subject and on the reference, and compares after every operation.
 *
 * For each operation: the specification's precondition (false: the operation is skipped and
 * counted), the reference's step, the subject's call, the subject's slots as abstract state, the
 * comparison of all slots, the clauses, the invariants and the accounting. The first difference
 * ends the program; so does a panic that both agree on.
 *
 * A lockstep belongs to one thread. After lockstep_create and the first program of a size, nothing
 * is allocated.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metaslot_oracle.h"
#include "slotcheck/cell.h"
#include "slotcheck/program.h"
#include "slotcheck/subject.h"

enum field {
#define FIELD(name) FIELD_##name,
#include "slotcheck/fields.def"
#undef FIELD
    NR_FIELDS
};

extern const char *const FIELD_NAMES[NR_FIELDS];

enum {
    NR_RESULTS = SPEC_NONE + 1,
    /* Differences and broken clauses that a divergence holds; further ones are only counted. */
    MAX_DIFFERENCES = 32,
    MAX_BROKEN = 32,
};

/* What became of an operation of the program. */
enum step_status {
    STEP_NOT_REACHED,
    STEP_STARTED, /* the subject was called and has not returned */
    STEP_EXECUTED,
    STEP_SKIPPED_PRECONDITION, /* the specification's precondition does not hold */
    STEP_SKIPPED_NO_HANDLE,    /* no live handle of the kind */
    STEP_SKIPPED_NOT_OFFERED,  /* the subject lacks the operation */
    NR_STEP_STATUS
};

struct step_record {
    uint8_t status;                    /* enum step_status */
    uint8_t result;                    /* enum spec_result; the reference's, once started */
    uint8_t status_before;             /* enum meta_slot_status of the slot */
    uint64_t paddr;                    /* the frame that the operation is about */
    uint64_t value;                    /* the reference's outcome value */
    uint64_t detail[4];                /* the reference's outcome detail */
    struct meta_slot_storage metadata; /* the reference's outcome metadata */
    uint64_t cell;                     /* see cell.h; of an executed one on which both agree */
};

enum finding_kind {
    FINDING_NONE,
    FINDING_VIOLATION,    /* a clause of the specification is broken */
    FINDING_STRICTER,     /* the specification would allow it, the reference does otherwise */
    FINDING_ORACLE_FAULT, /* the reference breaks the specification: a bug of slotcheck */
    FINDING_CRASH,        /* the subject ended the process, or did not return */
};

/* True of list_id, list_size and so on: a field of a linked list, and of no slot. */
static inline bool field_is_of_list(enum field field)
{
    return field >= FIELD_list_id && field <= FIELD_list_cursor;
}

/* "violation", "stricter", "oracle fault", "crash". */
const char *finding_kind_name(enum finding_kind kind);

#define VALUE_SCALAR UINT64_MAX
#define VALUE_UNINIT (UINT64_MAX - 1)
#define VALUE_RANGE  (UINT64_MAX - 2)
#define VALUE_DETAIL (UINT64_MAX - 3)
#define VALUE_FRAME  (UINT64_MAX - 4)

/*
 * One field that differs. A scalar stands in word[0] of a value of type VALUE_SCALAR, metadata as
 * it is; what is uninitialised has type VALUE_UNINIT; what an operation answers beside a value is
 * four words of type VALUE_DETAIL, or of type VALUE_RANGE if these are where segments begin and end;
 * of on_drop the number of runs is a scalar, and the frame of one has type VALUE_FRAME.
 * `slot` is the index of the list for the fields list_*, and UINT64_MAX for what belongs to no slot
 * (process, result, value, metadata, detail, on_drop).
 */
struct difference {
    uint64_t slot;
    enum field field;
    struct meta_slot_storage before, expected, actual;
};

struct divergence {
    enum finding_kind kind;
    uint64_t step; /* index of the operation in the program */
    enum op op;
    enum field field; /* the first that differs */
    uint64_t slot;    /* of the first difference, else the slot that the operation is about */
    enum meta_slot_status status_before; /* of the slot that the operation is about */
    bool has_slot;                       /* false: it was about an address without a slot */
    struct spec_outcome expected, actual;
    /* FINDING_CRASH: what ended the process; SIGALRM: it did not return in time; negative: it called
       exit with the status -1 - signal. */
    int signal;
    uint32_t nr_differences;
    struct difference differences[MAX_DIFFERENCES];
    uint32_t nr_broken;
    uint16_t broken[MAX_BROKEN]; /* enum clause_id; first those of the specification, then exec */
};

/* What a run leaves behind for whoever explains it. May lie in memory shared with a parent. */
struct trace {
    uint64_t nr_slots; /* of the region that was used; 0: it could not be made */
    uint64_t nr_steps; /* operations of the program */
    uint64_t capacity;
    struct divergence divergence;
    struct step_record steps[];
};

/* Counts over many programs. May lie in memory shared with another process that only reads. */
struct lockstep_stats {
    uint64_t programs;
    uint64_t divergences;
    uint64_t ghost_assumed;   /* 1: the subject reports no ghost state, so clauses that see it were
                               judged on the reference alone */
    uint64_t fields_compared; /* a bit for each enum field that the subject shows */
    uint64_t executed[NR_OPS][NR_RESULTS];
    uint64_t skipped[NR_OPS][NR_STEP_STATUS];
    struct clause_report clauses[NR_OPS]; /* by the operation whose step was judged */
    uint64_t decided[NR_OPS][NR_CLAUSES]; /* steps of subjects of which the clause was false */
    struct cell_set cells;                /* of the steps on which both sides agree */
};

/*
 * How often clause `id` was evaluated on steps of `op`. The clauses exec/FIELD count the comparisons
 * of the two states, as far as the subject shows the field.
 */
uint64_t lockstep_stats_evaluated(const struct lockstep_stats *stats, enum op op,
                                  enum clause_id id);
/* Adds one run's counts to another's. */
void lockstep_stats_add(struct lockstep_stats *sum, const struct lockstep_stats *stats);
/* The clause that a difference in the field breaks at the least: exec/FIELD. */
extern const enum clause_id FIELD_CLAUSE[NR_FIELDS];

struct lockstep;

/*
 * A lockstep on `subject` (see subject_load.h), counting in `stats` (not null). Null, with one line
 * in `error`, if there is no memory.
 */
struct lockstep *lockstep_create(const struct slotcheck_subject *subject,
                                 struct lockstep_stats *stats, char *error, size_t error_size);
void lockstep_destroy(struct lockstep *lockstep);
/* Which source is asked where the two disagree; SPEC_OSTD unless said. */
void lockstep_use_variant(struct lockstep *lockstep, enum spec_variant variant);

/* A step on which both sides agree, before the next one begins. Valid during the call only. */
struct lockstep_step {
    uint64_t at; /* index of the operation in the program */
    enum op op;
    const struct spec_call *call;
    const struct spec_outcome *outcome;
    const struct meta_region_owners *pre;
    const struct reference *post; /* its owners are kept as a change of `pre` */
};

typedef void lockstep_step_fn(void *context, const struct lockstep_step *step);

/* Calls `observer` with `context` after every step; null, as at first: nobody is called. */
void lockstep_observe_steps(struct lockstep *lockstep, lockstep_step_fn *observer, void *context);

/*
 * Runs the program on a region of lockstep_slots(..) slots. What was found stands in
 * `trace->divergence`; FINDING_NONE is agreement. `trace` has room for the program's operations.
 * False, with a line in lockstep_error, if the program cannot be run: the region cannot be made (no
 * memory; more slots than the subject can have), or the subject breaks the interface's rules (its
 * reset does not reset).
 */
bool lockstep_run(struct lockstep *lockstep, const struct program *program, struct trace *trace);
const char *lockstep_error(const struct lockstep *lockstep);
/* Where it counts. */
struct lockstep_stats *lockstep_stats_of(const struct lockstep *lockstep);

/* --- one step at a time --- */

/*
 * For who looks at many ways on from one state. Begins a program of that size, as after boot, with
 * room for the handles that `nr_ops` operations make. False, as of lockstep_run; else lockstep_end
 * must follow.
 */
bool lockstep_begin(struct lockstep *lockstep, const struct program *program, uint64_t nr_ops);
/*
 * Runs one operation. False if the program ends with it: `divergence` then says whether with one,
 * and lockstep_error whether there is no going on at all.
 */
bool lockstep_step(struct lockstep *lockstep, const struct operation *operation,
                   struct step_record *record, struct divergence *divergence);
/* True if the operation could run now: its handles are alive and its precondition holds. */
bool lockstep_admits(const struct lockstep *lockstep, const struct operation *operation);
/* What is asked of a program that ends here, with `last`. False: `divergence` is an oracle fault. */
bool lockstep_judge_end(struct lockstep *lockstep, enum op last, struct divergence *divergence);
/* False, with a line in lockstep_error, if the subject's reset does not reset. */
bool lockstep_end(struct lockstep *lockstep);

enum {
    MARK_MAX_SLOTS = 64, /* regions in which a state can be marked */
};

/* True if the subject can take a state back; without that, programs are run again. */
bool lockstep_can_return(const struct lockstep *lockstep);
/* Remembers the state between two operations of a region of at most MARK_MAX_SLOTS slots. */
bool lockstep_mark(struct lockstep *lockstep);
/* Back to the marked state, after any number of operations, also after one that ended the program. */
void lockstep_return(struct lockstep *lockstep);

/*
 * False: the state is the marked one. True: it may be another, or something was written as it was.
 * Without a mark in the program at hand, always true.
 */
bool lockstep_moved(const struct lockstep *lockstep);

/*
 * Writes all that decides how the program can go on, as far as both sides agree on it and it can be
 * seen: equal bytes are equal states. Handles to one frame are alike; `in_order` tells them apart by
 * their order, and adds what the subject keeps where nobody looks, if it can save it. Returns the
 * size, at most lockstep_state_max; 0, with a line in lockstep_error, if the subject's
 * snapshot_size is not what it was.
 */
size_t lockstep_state(struct lockstep *lockstep, bool in_order, void *bytes);
/* Above 0, and the same for the region as long as the program runs. */
size_t lockstep_state_max(struct lockstep *lockstep);
/* The frame, the list, or where the segment begins, that the operand of this kind and number names
   now; UINT64_MAX if no such handle is alive. Two that are alike have the same. */
uint64_t lockstep_handle(const struct lockstep *lockstep, enum operand_kind kind, uint64_t number);

/* --- */

/* The region size that lockstep_run uses: the program's, or the subject's fixed one. */
uint64_t lockstep_slots(const struct slotcheck_subject *subject, const struct program *program);

/* A trace with room for `nr_steps` steps, in memory that is shared with forked children; or null.
 */
struct trace *trace_create(uint64_t nr_steps);
void trace_destroy(struct trace *trace);

/* True if the subject offers the operation. */
bool subject_offers(const struct slotcheck_subject *subject, enum op op);
