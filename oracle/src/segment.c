/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Segment: a range of frames that holds one reference to each. For every operation when it may be
 * called, what it does, and what is asked of a step of it.
 *
 * A segment is its range, call->paddr .. call->end. Whose a frame's references are stands in
 * `slot_holders`; a segment owes no obligation. An empty one holds nothing.
 */
#include "metaslot_oracle/reference.h"

#include "conditions.h"
#include "judgements.h"
#include "steps.h"

/* Physical addresses, from `start` to before `end`. */
struct range {
    uint64_t start, end;
};

static struct range range_of(const struct spec_call *call)
{
    return (struct range){call->paddr, call->end};
}

/* What the address and the length name; the sum wraps as the caller's does. */
static struct range asked_for(const struct spec_call *call)
{
    return (struct range){call->paddr, call->paddr + call->length[0]};
}

static bool aligned(struct range range)
{
    return range.start % SPEC_PAGE_SIZE == 0 && range.end % SPEC_PAGE_SIZE == 0;
}

static uint64_t size_of(struct range range)
{
    return range.end - range.start;
}

static uint64_t max_paddr(const struct meta_region_owners *owners)
{
    return index_to_frame(owners->max_meta_slots);
}

struct meta_slot_storage segment_metadata(const struct spec_call *call, uint64_t i)
{
    struct meta_slot_storage metadata = call->metadata;
    uint64_t *const bytes = metadata.empty.bytes;

    switch ((enum spec_metadata_type)metadata.type) {
    case SPEC_METADATA_EMPTY:
        bytes[0] = (bytes[0] & ~UINT64_C(0xff)) | ((bytes[0] + i) & 0xff);
        break;
    case SPEC_METADATA_UNTYPED:
        break;
    case SPEC_METADATA_FRAME_LINK:
        metadata.frame_link.payload += i;
        break;
    case SPEC_METADATA_PT_NODE:
        metadata.pt_node.nr_children = (metadata.pt_node.nr_children + i) % 513;
        break;
    case SPEC_METADATA_PROBE:
        metadata.probe.payload += i;
        break;
    }
    return metadata;
}

/* --- requires -------------------------------------------------------------------------------- */

/* A condition on one frame of a range. */
typedef bool frame_condition_fn(const struct reference *ref, const struct spec_call *frame);

static bool each_frame(const struct reference *ref, struct range range, frame_condition_fn *holds)
{
    for (uint64_t paddr = range.start; paddr < range.end; paddr += SPEC_PAGE_SIZE) {
        const struct spec_call frame = {.paddr = paddr};

        if (!holds(ref, &frame))
            return false;
    }
    return true;
}

static bool in_region(const struct reference *ref, struct range range)
{
    return aligned(range) && range.start <= range.end && range.end <= max_paddr(&ref->owners);
}

static bool covered(const struct reference *ref, const struct spec_call *frame)
{
    return settled(ref, frame) && shared(ref, frame) && held(ref, frame)->segments > 0;
}

static bool live_segment(const struct reference *ref, const struct spec_call *call)
{
    return in_region(ref, range_of(call)) && each_frame(ref, range_of(call), covered);
}

/* No frame is looked at unless the range is one that frames are made for. */
bool requires_segment_from_unused(const struct reference *ref, const struct spec_call *call)
{
    const struct range range = asked_for(call);

    return !in_region(ref, range) || each_frame(ref, range, claimable);
}

bool requires_segment_clone(const struct reference *ref, const struct spec_call *call)
{
    return live_segment(ref, call);
}

bool requires_segment_slice(const struct reference *ref, const struct spec_call *call)
{
    return live_segment(ref, call);
}

bool requires_segment_split(const struct reference *ref, const struct spec_call *call)
{
    return live_segment(ref, call);
}

bool requires_segment_next(const struct reference *ref, const struct spec_call *call)
{
    return live_segment(ref, call);
}

bool requires_segment_into_raw(const struct reference *ref, const struct spec_call *call)
{
    return live_segment(ref, call);
}

static bool forgotten_frame(const struct reference *ref, const struct spec_call *frame)
{
    return settled(ref, frame) && shared(ref, frame) && held(ref, frame)->forgotten_frames > 0 &&
           owner_of(ref, frame)->usage == SPEC_USAGE_FRAME;
}

static bool one_type(const struct reference *ref, struct range range)
{
    const struct meta_slot_owner *owners = ref->owners.slot_owners;
    const uint64_t first = frame_to_index(range.start);

    for (uint64_t i = first; i < frame_to_index(range.end); i++)
        if (owners[i].inner_perms.vtable_ptr.value != owners[first].inner_perms.vtable_ptr.value)
            return false;
    return true;
}

/* Whatever references were forgotten: those of a segment, of Frames, or of slot-level calls. */
bool requires_segment_from_raw(const struct reference *ref, const struct spec_call *call)
{
    const struct range range = asked_for(call);

    return range.start < range.end && in_region(ref, range) &&
           each_frame(ref, range, forgotten_frame) && one_type(ref, range);
}

static bool droppable(const struct reference *ref, const struct spec_call *frame)
{
    return count_of(ref, frame) > 1 || unlisted_and_unmapped(ref, frame);
}

bool requires_segment_drop(const struct reference *ref, const struct spec_call *call)
{
    return live_segment(ref, call) && each_frame(ref, range_of(call), droppable);
}

bool requires_segment_from_frame(const struct reference *ref, const struct spec_call *call)
{
    return live_frame(ref, call) && owner_of(ref, call)->usage == SPEC_USAGE_FRAME;
}

/* --- reference ------------------------------------------------------------------------------- */

static void answer_range(struct spec_outcome *outcome, struct range range)
{
    answer_ok(outcome, 0);
    outcome->detail[0] = range.start;
    outcome->detail[1] = range.end;
}

static void drop_references(struct reference *ref, struct range range)
{
    for (uint64_t paddr = range.start; paddr < range.end; paddr += SPEC_PAGE_SIZE) {
        holders_of(ref, paddr)->segments--;
        drop_reference(ref, paddr);
    }
}

/* The errors and the panic that come before any frame is looked at; false if there is one. */
static bool check_range(const struct reference *ref, struct range range,
                        struct spec_outcome *outcome)
{
    answer_range(outcome, range);
    if (!aligned(range))
        answer(outcome, SPEC_NOT_ALIGNED, 0);
    else if (range.end > max_paddr(&ref->owners))
        answer(outcome, SPEC_OUT_OF_BOUND, 0);
    else if (range.start >= range.end)
        answer(outcome, SPEC_PANIC, 0);
    return outcome->result == SPEC_OK;
}

/* Frame::from_unused and into_raw; false, with the error answered, if there is none to be had. */
static bool make_frame(struct reference *ref, uint64_t paddr,
                       const struct meta_slot_storage *metadata, struct spec_outcome *outcome)
{
    const struct spec_call frame = {.paddr = paddr};

    if (!claim(ref, &frame, outcome))
        return false;
    publish(ref, paddr, metadata, SPEC_USAGE_FRAME, 1);
    holders_of(ref, paddr)->segments = 1;
    return true;
}

/*
 * The frames made before one that fails are dropped again, the first first. Their slots are unused
 * as before; dropping keeps the usage, so theirs is Frame now.
 */
void reference_segment_from_unused(struct reference *ref, const struct spec_call *call,
                                   struct spec_outcome *outcome)
{
    const struct range range = asked_for(call);
    struct range made = {range.start, range.start};

    if (!check_range(ref, range, outcome))
        return;
    for (uint64_t i = 0; made.end < range.end; i++, made.end += SPEC_PAGE_SIZE) {
        const struct meta_slot_storage metadata = segment_metadata(call, i);

        if (!make_frame(ref, made.end, &metadata, outcome)) {
            drop_references(ref, made);
            return;
        }
    }
    answer_range(outcome, range);
}

/* inc_frame_ref_count of each; where one panics it and those before it stay incremented. */
static void reference_each(struct reference *ref, struct range range, struct spec_outcome *outcome)
{
    for (uint64_t paddr = range.start; paddr < range.end; paddr += SPEC_PAGE_SIZE) {
        if (!increment(ref, paddr, outcome))
            return;
        holders_of(ref, paddr)->segments++;
    }
    answer_range(outcome, range);
}

void reference_segment_clone(struct reference *ref, const struct spec_call *call,
                             struct spec_outcome *outcome)
{
    reference_each(ref, range_of(call), outcome);
}

/* The bytes that a slice is to have, relative to the segment's start. */
static struct range sliced(const struct spec_call *call)
{
    return (struct range){call->length[0], call->length[0] + call->length[1]};
}

void reference_segment_slice(struct reference *ref, const struct spec_call *call,
                             struct spec_outcome *outcome)
{
    const struct range part = sliced(call);

    if (!aligned(part) || part.start > part.end || part.end > size_of(range_of(call))) {
        answer(outcome, SPEC_PANIC, 0);
        return;
    }
    reference_each(ref, (struct range){call->paddr + part.start, call->paddr + part.end}, outcome);
}

void reference_segment_split(struct reference *ref, const struct spec_call *call,
                             struct spec_outcome *outcome)
{
    const uint64_t offset = call->length[0];

    (void)ref;
    if (offset % SPEC_PAGE_SIZE != 0 || offset == 0 || offset >= size_of(range_of(call))) {
        answer(outcome, SPEC_PANIC, 0);
        return;
    }
    answer_range(outcome, (struct range){call->paddr, call->paddr + offset});
    outcome->detail[2] = call->paddr + offset;
    outcome->detail[3] = call->end;
}

void reference_segment_next(struct reference *ref, const struct spec_call *call,
                            struct spec_outcome *outcome)
{
    if (call->paddr == call->end) {
        answer(outcome, SPEC_NONE, 0);
        return;
    }
    mint_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->segments--;
    holders_of(ref, call->paddr)->live_frames++;
    answer_range(outcome, (struct range){call->paddr + SPEC_PAGE_SIZE, call->end});
    outcome->value = frame_to_meta(call->paddr);
}

/* The slots do not notice, but somebody else holds them. */
void reference_segment_into_raw(struct reference *ref, const struct spec_call *call,
                                struct spec_outcome *outcome)
{
    for (uint64_t paddr = call->paddr; paddr < call->end; paddr += SPEC_PAGE_SIZE) {
        change(ref, paddr);
        holders_of(ref, paddr)->segments--;
        holders_of(ref, paddr)->forgotten_frames++;
    }
    answer_range(outcome, range_of(call));
}

void reference_segment_from_raw(struct reference *ref, const struct spec_call *call,
                                struct spec_outcome *outcome)
{
    const struct range range = asked_for(call);

    for (uint64_t paddr = range.start; paddr < range.end; paddr += SPEC_PAGE_SIZE) {
        change(ref, paddr);
        holders_of(ref, paddr)->forgotten_frames--;
        holders_of(ref, paddr)->segments++;
    }
    answer_range(outcome, range);
}

void reference_segment_drop(struct reference *ref, const struct spec_call *call,
                            struct spec_outcome *outcome)
{
    drop_references(ref, range_of(call));
    answer_ok(outcome, 0);
}

void reference_segment_from_frame(struct reference *ref, const struct spec_call *call,
                                  struct spec_outcome *outcome)
{
    redeem_obligation(ref, call->paddr);
    holders_of(ref, call->paddr)->live_frames--;
    holders_of(ref, call->paddr)->segments++;
    answer_range(outcome, (struct range){call->paddr, call->paddr + SPEC_PAGE_SIZE});
}

/* --- judge ----------------------------------------------------------------------------------- */

static bool answered(outcome_t *outcome, struct range range)
{
    return outcome->detail[0] == range.start && outcome->detail[1] == range.end;
}

static bool all_frames(owners_t *pre, owners_t *post, struct range range, frame_holds_fn *holds)
{
    return for_all_frames(pre, post, NULL, range.start, range.end, holds);
}

/* What is outside of the range is left alone, and so are permissions and obligations. */
static bool outside_kept(owners_t *pre, owners_t *post, struct range range,
                         struct clause_report *report)
{
    bool holds = true;

    holds &= clause(report, CLAUSE_segment_range__others,
                    slot_owners_equal_outside(pre, post, frame_to_index(range.start),
                                              frame_to_index(range.end)));
    holds &= slots_kept(pre, post, report);
    holds &= live_frame_obligations_err_spec(pre, post, report);
    return holds;
}

static bool is_same(const struct meta_slot_owner *was, const struct meta_slot_owner *is,
                    call_t *call)
{
    (void)call;
    return owner_equal(is, was);
}

static bool made_and_dropped(owners_t *pre, owners_t *post, uint64_t paddr)
{
    const uint64_t idx = frame_to_index(paddr);
    struct meta_slot_owner expected = *slot_owner_at(pre, idx);

    expected.usage = SPEC_USAGE_FRAME;
    return owner_equal(slot_owner_at(post, idx), &expected);
}

/* Where the range ends if none is. */
static uint64_t first_in_use(owners_t *owners, struct range range)
{
    uint64_t paddr = range.start;

    while (paddr < range.end && ref_count_at(owners, paddr)->value == SPEC_REF_COUNT_UNUSED)
        paddr += SPEC_PAGE_SIZE;
    return paddr;
}

/*
 * The frame that fails is the first that was in use, and those before it were made. If none was in
 * use it may be any of them, as nothing says that an unused frame must be granted.
 */
static bool rolled_back(owners_t *pre, owners_t *post, struct range range)
{
    const uint64_t failed = first_in_use(pre, range);
    struct range rest = range;

    while (rest.start < failed && made_and_dropped(pre, post, rest.start))
        rest.start += SPEC_PAGE_SIZE;
    return (rest.start == failed || failed == range.end) && all_frames(pre, post, rest, is_same);
}

/* Err: of no frame, as the range is bad; or of one, with those before it made and dropped. */
static bool not_made(owners_t *pre, owners_t *post, struct range range, bool bad,
                     struct clause_report *report)
{
    bool holds = true;

    if (bad)
        return unchanged(pre, post, report);
    holds &= clause(report, CLAUSE_segment_from_unused__rolled_back, rolled_back(pre, post, range));
    holds &= outside_kept(pre, post, range, report);
    return holds;
}

#define FRAME_HOLDS(name, expression)                                                              \
    static bool name(const struct meta_slot_owner *was, const struct meta_slot_owner *is,          \
                     call_t *call)                                                                 \
    {                                                                                              \
        (void)was;                                                                                 \
        (void)is;                                                                                  \
        (void)call;                                                                                \
        return expression;                                                                         \
    }
FRAME_HOLDS(was_unused, was->inner_perms.ref_count.value == SPEC_REF_COUNT_UNUSED)
FRAME_HOLDS(counts_one, is->inner_perms.ref_count.value == 1)
FRAME_HOLDS(is_unlisted, is->inner_perms.in_list.value == 0)
FRAME_HOLDS(is_stored, is->inner_perms.storage.is_init)
FRAME_HOLDS(is_typed, is->inner_perms.vtable_ptr.is_init)
FRAME_HOLDS(is_frame, is->usage == SPEC_USAGE_FRAME)
FRAME_HOLDS(keeps_slot_vaddr, is->slot_vaddr == was->slot_vaddr)
FRAME_HOLDS(keeps_paths, is->paths_in_pt == was->paths_in_pt)
/* The source adds without a cast: at 2^64 - 1 no count is one more. */
FRAME_HOLDS(counts_one_more,
            was->inner_perms.ref_count.value != UINT64_MAX &&
                is->inner_perms.ref_count.value == was->inner_perms.ref_count.value + 1)
FRAME_HOLDS(is_not_saturated, was->inner_perms.ref_count.value < SPEC_REF_COUNT_MAX)
#undef FRAME_HOLDS

/* What get_from_unused_spec says of a slot, of every one. */
static bool made(owners_t *pre, owners_t *post, struct range range, struct clause_report *report)
{
    bool holds = true;

    holds &= clause(report, CLAUSE_segment_from_unused__pre_unused,
                    all_frames(pre, post, range, was_unused));
    holds &= clause(report, CLAUSE_segment_from_unused__ref_count,
                    all_frames(pre, post, range, counts_one));
    holds &= clause(report, CLAUSE_segment_from_unused__in_list,
                    all_frames(pre, post, range, is_unlisted));
    holds &= clause(report, CLAUSE_segment_from_unused__storage,
                    all_frames(pre, post, range, is_stored));
    holds &= clause(report, CLAUSE_segment_from_unused__vtable_ptr,
                    all_frames(pre, post, range, is_typed));
    holds &=
        clause(report, CLAUSE_segment_from_unused__usage, all_frames(pre, post, range, is_frame));
    holds &= clause(report, CLAUSE_segment_from_unused__slot_vaddr,
                    all_frames(pre, post, range, keeps_slot_vaddr));
    holds &= clause(report, CLAUSE_segment_from_unused__paths_in_pt,
                    all_frames(pre, post, range, keeps_paths));
    return holds;
}

bool judge_segment_from_unused(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                               struct clause_report *report)
{
    const struct range range = asked_for(call);
    const bool ok = outcome->result == SPEC_OK;
    const bool beyond = aligned(range) && range.end > max_paddr(pre);
    const bool empty = range.start >= range.end;
    bool holds = true;

    if (outcome->result == SPEC_PANIC)
        return clause(report, CLAUSE_segment_from_unused__panic,
                      range.end <= max_paddr(pre) && empty);
    holds &= clause(report, CLAUSE_segment_from_unused__not_aligned,
                    aligned(range) || outcome->result == SPEC_NOT_ALIGNED);
    holds &= clause(report, CLAUSE_segment_from_unused__out_of_bound,
                    !beyond || outcome->result == SPEC_OUT_OF_BOUND);
    if (!ok)
        return holds & not_made(pre, post, range, !aligned(range) || beyond || empty, report);
    holds &= clause(report, CLAUSE_segment_from_unused__range, answered(outcome, range) && !empty);
    holds &= segment_inv(post, outcome->detail[0], outcome->detail[1], report);
    holds &= made(pre, post, range, report);
    holds &= outside_kept(pre, post, range, report);
    return holds;
}

static bool keeps_rest(const struct meta_slot_owner *was, const struct meta_slot_owner *is,
                       call_t *call)
{
    (void)call;
    return rest_equal(is, was);
}

static bool saturated(owners_t *pre, struct range range)
{
    return !all_frames(pre, pre, range, is_not_saturated);
}

/* inc_frame_ref_count of each frame of the range. */
static bool all_incremented(owners_t *pre, owners_t *post, struct range range,
                            struct clause_report *report)
{
    bool holds = true;

    holds &= clause(report, CLAUSE_inc_frame_ref_count__ref_count,
                    all_frames(pre, post, range, counts_one_more));
    holds &=
        clause(report, CLAUSE_inc_frame_ref_count__rest, all_frames(pre, post, range, keeps_rest));
    holds &= outside_kept(pre, post, range, report);
    return holds;
}

bool judge_segment_clone(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                         struct clause_report *report)
{
    const struct range range = range_of(call);
    bool holds = true;

    if (outcome->result == SPEC_PANIC)
        return clause(report, CLAUSE_inc_frame_ref_count__saturated, saturated(pre, range));
    holds &= clause(report, CLAUSE_segment_clone__range, answered(outcome, range));
    holds &= segment_inv(post, outcome->detail[0], outcome->detail[1], report);
    holds &= all_incremented(pre, post, range, report);
    return holds;
}

bool judge_segment_slice(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                         struct clause_report *report)
{
    const struct range part = sliced(call);
    const struct range range = {call->paddr + part.start, call->paddr + part.end};
    const bool inside =
        aligned(part) && part.start <= part.end && part.end <= size_of(range_of(call));
    bool holds = true;

    if (outcome->result == SPEC_PANIC)
        return clause(report, CLAUSE_segment_slice__panic, !inside || saturated(pre, range));
    holds &= clause(report, CLAUSE_segment_slice__bounds, inside);
    holds &= clause(report, CLAUSE_segment_slice__range, answered(outcome, range));
    holds &= segment_inv(post, outcome->detail[0], outcome->detail[1], report);
    holds &= all_incremented(pre, post, range, report);
    return holds;
}

bool judge_segment_split(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                         struct clause_report *report)
{
    const uint64_t offset = call->length[0];
    const uint64_t at = call->paddr + offset;
    bool holds = true;

    if (outcome->result == SPEC_PANIC)
        return clause(report, CLAUSE_segment_split__panic,
                      offset % SPEC_PAGE_SIZE != 0 || offset == 0 ||
                          offset >= size_of(range_of(call)));
    holds &= clause(report, CLAUSE_segment_split__first,
                    answered(outcome, (struct range){call->paddr, at}));
    holds &= clause(report, CLAUSE_segment_split__second,
                    outcome->detail[2] == at && outcome->detail[3] == call->end);
    holds &= segment_inv(post, outcome->detail[0], outcome->detail[1], report);
    holds &= segment_inv(post, outcome->detail[2], outcome->detail[3], report);
    holds &= unchanged(pre, post, report);
    return holds;
}

/* The first frame comes out by Frame::from_raw. */
bool judge_segment_next(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                        struct clause_report *report)
{
    const struct range rest = {call->paddr + SPEC_PAGE_SIZE, call->end};
    const bool empty = call->paddr == call->end;
    bool holds = clause(report, CLAUSE_segment_next__none, empty == (outcome->result == SPEC_NONE));

    if (outcome->result != SPEC_OK)
        return holds & unchanged(pre, post, report);
    holds &=
        clause(report, CLAUSE_segment_next__frame, outcome->value == frame_to_meta(call->paddr));
    holds &= clause(report, CLAUSE_segment_next__range, answered(outcome, rest));
    holds &= segment_inv(post, outcome->detail[0], outcome->detail[1], report);
    holds &= brought_back(pre, post, call, report);
    return holds;
}

bool judge_segment_into_raw(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                            struct clause_report *report)
{
    bool holds = true;

    holds &= clause(report, CLAUSE_segment_into_raw__range, answered(outcome, range_of(call)));
    holds &= segment_inv(post, outcome->detail[0], outcome->detail[1], report);
    holds &= unchanged(pre, post, report);
    return holds;
}

bool judge_segment_from_raw(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                            struct clause_report *report)
{
    bool holds = true;

    holds &= clause(report, CLAUSE_segment_from_raw__range, answered(outcome, asked_for(call)));
    holds &= segment_inv(post, outcome->detail[0], outcome->detail[1], report);
    holds &= unchanged(pre, post, report);
    return holds;
}

static bool is_last(owners_t *owners, uint64_t i)
{
    return slot_owner_at(owners, i)->inner_perms.ref_count.value == 1;
}

static bool counts_one_less(const struct meta_slot_owner *was, const struct meta_slot_owner *is,
                            call_t *call)
{
    const uint64_t old = was->inner_perms.ref_count.value;

    (void)call;
    return old <= 1 || is->inner_perms.ref_count.value == old - 1;
}

static bool keeps_rest_unless_last(const struct meta_slot_owner *was,
                                   const struct meta_slot_owner *is, call_t *call)
{
    return was->inner_perms.ref_count.value <= 1 || keeps_rest(was, is, call);
}

/* Each frame is dropped as Frame::drop does it, from_raw having minted what drop redeems. */
bool judge_segment_drop(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                        struct clause_report *report)
{
    const struct range range = range_of(call);
    bool holds = true;

    (void)outcome;
    holds &= clause(report, CLAUSE_segment_drop__ref_count,
                    all_frames(pre, post, range, counts_one_less));
    holds &= clause(report, CLAUSE_segment_drop__rest,
                    all_frames(pre, post, range, keeps_rest_unless_last));
    for (uint64_t i = frame_to_index(range.start);
         i < frame_to_index(range.end) && i < pre->max_meta_slots; i++)
        if (is_last(pre, i))
            holds &= released_at(pre, post, i, report);
    holds &= outside_kept(pre, post, range, report);
    return holds;
}

/* The handle is forgotten, and the segment has its reference. */
bool judge_segment_from_frame(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                              struct clause_report *report)
{
    const struct range range = {call->paddr, call->paddr + SPEC_PAGE_SIZE};
    bool holds = true;

    holds &= clause(report, CLAUSE_segment_from_frame__range, answered(outcome, range));
    holds &= segment_inv(post, outcome->detail[0], outcome->detail[1], report);
    holds &= forgotten(pre, post, call, report);
    return holds;
}
