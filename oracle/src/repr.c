/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Repr<MetaSlot> with its two implementations, lemma_layout, cast_slot and the address map; then
 * the operations that use them.
 */
#include "metaslot_oracle/repr.h"

#include "metaslot_oracle/reference.h"

#include "conditions.h"
#include "judgements.h"
#include "steps.h"

/* --- impl MetaSlot --- */

bool lemma_layout(uint64_t size, struct clause_report *report)
{
    bool holds = true;

    holds &= clause(report, CLAUSE_lemma_layout__size_of, size == SPEC_META_SLOT_SIZE);
    holds &= clause(report, CLAUSE_lemma_layout__vstd_size_of, size == SPEC_META_SLOT_SIZE);
    return holds;
}

bool cast_slot(uint64_t res, const struct meta_slot_perm *perm, struct clause_report *report)
{
    bool holds = true;

    holds &= clause(report, CLAUSE_cast_slot__ptr_addr, res == perm->addr);
    holds &= clause(report, CLAUSE_cast_slot__addr, res == perm->addr);
    return holds;
}

/* --- the address map --- */

bool address_map_meta_to_frame(uint64_t paddr, struct clause_report *report)
{
    return clause(report, CLAUSE_address_map__meta_to_frame,
                  meta_to_frame(frame_to_meta(paddr)) == paddr);
}

bool address_map_frame_to_meta(uint64_t vaddr, struct clause_report *report)
{
    /* The source subtracts where the slots begin without a cast; below, the C would wrap. */
    return clause(report, CLAUSE_address_map__frame_to_meta,
                  vaddr >= SPEC_FRAME_METADATA_RANGE_START &&
                      frame_to_meta(meta_to_frame(vaddr)) == vaddr);
}

/* --- what the translations are made of --- */

struct meta_slot_storage metadata_from_inner_perms(const struct storage_perm *perm)
{
    if (!perm->is_init)
        return (struct meta_slot_storage){.type = SPEC_METADATA_ABSENT};
    return perm->value;
}

struct storage_perm inner_perms_from_metadata(const struct meta_slot_storage *metadata,
                                              const struct storage_perm *base)
{
    if (metadata->type == SPEC_METADATA_ABSENT)
        /* unreachable: no program writes metadata that is absent, and no reader answers so */
        return (struct storage_perm){.id = base->id};
    return (struct storage_perm){.id = base->id, .is_init = 1, .value = *metadata};
}

struct atomic_perm perm_u64_with(const struct atomic_perm *perm, uint64_t value)
{
    return (struct atomic_perm){.id = perm->id, .value = value};
}

struct vtable_perm pptr_usize_with(const struct vtable_perm *perm,
                                   const struct mem_contents *contents)
{
    return (struct vtable_perm){
        .pptr = perm->pptr, .is_init = contents->is_init, .value = contents->value};
}

static struct mem_contents mem_contents(const struct vtable_perm *perm)
{
    return (struct mem_contents){.is_init = perm->is_init, .value = perm->value};
}

struct meta_slot_cells meta_slot_from_perm(const struct metadata_inner_perms *perm)
{
    return (struct meta_slot_cells){
        .storage_id = perm->storage.id,
        .ref_count_id = perm->ref_count.id,
        .vtable_ptr = perm->vtable_ptr.pptr,
        .in_list_id = perm->in_list.id,
    };
}

static bool mem_contents_equal(const struct mem_contents *a, const struct mem_contents *b)
{
    return a->is_init == b->is_init && a->value == b->value;
}

static bool optional_addr_equal(const struct optional_addr *a, const struct optional_addr *b)
{
    return a->is_some == b->is_some && a->addr == b->addr;
}

bool metadata_equal(const struct metadata *a, const struct metadata *b)
{
    return meta_slot_storage_equal(&a->metadata, &b->metadata) && a->ref_count == b->ref_count &&
           mem_contents_equal(&a->vtable_ptr, &b->vtable_ptr) && a->in_list == b->in_list;
}

bool metadata_as_link_equal(const struct metadata_as_link *a, const struct metadata_as_link *b)
{
    return a->metadata == b->metadata && optional_addr_equal(&a->next, &b->next) &&
           optional_addr_equal(&a->prev, &b->prev) && a->ref_count == b->ref_count &&
           mem_contents_equal(&a->vtable_ptr, &b->vtable_ptr) && a->in_list == b->in_list;
}

bool meta_slot_cells_equal(const struct meta_slot_cells *a, const struct meta_slot_cells *b)
{
    return a->storage_id == b->storage_id && a->ref_count_id == b->ref_count_id &&
           a->vtable_ptr == b->vtable_ptr && a->in_list_id == b->in_list_id;
}

bool metadata_inner_perms_equal(const struct metadata_inner_perms *a,
                                const struct metadata_inner_perms *b)
{
    return storage_perm_equal(&a->storage, &b->storage) &&
           atomic_perm_equal(&a->ref_count, &b->ref_count) &&
           vtable_perm_equal(&a->vtable_ptr, &b->vtable_ptr) &&
           atomic_perm_equal(&a->in_list, &b->in_list);
}

/* --- impl Repr<MetaSlot> for Metadata<M> --- */

bool metadata_wf(const struct meta_slot_cells *r, const struct metadata_inner_perms *perm,
                 struct clause_report *report)
{
    bool holds = true;

    holds &= clause(report, CLAUSE_metadata_wf__storage, perm->storage.id == r->storage_id);
    holds &= clause(report, CLAUSE_metadata_wf__ref_count, perm->ref_count.id == r->ref_count_id);
    holds &= clause(report, CLAUSE_metadata_wf__vtable_ptr, perm->vtable_ptr.pptr == r->vtable_ptr);
    holds &= clause(report, CLAUSE_metadata_wf__in_list, perm->in_list.id == r->in_list_id);
    return holds;
}

/* The same for who asks as one clause of its own. */
static bool is_wf(const struct meta_slot_cells *r, const struct metadata_inner_perms *perm)
{
    const struct meta_slot_cells cells = meta_slot_from_perm(perm);

    return meta_slot_cells_equal(r, &cells);
}

struct metadata_repr metadata_to_repr_spec(const struct metadata *self,
                                           const struct metadata_inner_perms *perm)
{
    const struct metadata_inner_perms new_perm = {
        .storage = inner_perms_from_metadata(&self->metadata, &perm->storage),
        .ref_count = perm_u64_with(&perm->ref_count, self->ref_count),
        .vtable_ptr = pptr_usize_with(&perm->vtable_ptr, &self->vtable_ptr),
        .in_list = perm_u64_with(&perm->in_list, self->in_list),
    };

    return (struct metadata_repr){.r = meta_slot_from_perm(&new_perm), .perm = new_perm};
}

bool ensures_metadata_to_repr(const struct metadata *self, const struct metadata_inner_perms *perm,
                              const struct metadata_repr *res, struct clause_report *report)
{
    const struct metadata_repr spec = metadata_to_repr_spec(self, perm);
    bool holds = true;

    holds &= clause(report, CLAUSE_metadata_to_repr_spec__storage,
                    storage_perm_equal(&res->perm.storage, &spec.perm.storage));
    holds &= clause(report, CLAUSE_metadata_to_repr_spec__ref_count,
                    atomic_perm_equal(&res->perm.ref_count, &spec.perm.ref_count));
    holds &= clause(report, CLAUSE_metadata_to_repr_spec__vtable_ptr,
                    vtable_perm_equal(&res->perm.vtable_ptr, &spec.perm.vtable_ptr));
    holds &= clause(report, CLAUSE_metadata_to_repr_spec__in_list,
                    atomic_perm_equal(&res->perm.in_list, &spec.perm.in_list));
    holds &=
        clause(report, CLAUSE_metadata_to_repr_spec__slot, meta_slot_cells_equal(&res->r, &spec.r));
    return holds;
}

struct metadata metadata_from_repr_spec(const struct meta_slot_cells *r,
                                        const struct metadata_inner_perms *perm)
{
    (void)r; /* it says which cells; what stands in them is the permissions' */
    return (struct metadata){
        .metadata = metadata_from_inner_perms(&perm->storage),
        .ref_count = perm->ref_count.value,
        .vtable_ptr = mem_contents(&perm->vtable_ptr),
        .in_list = perm->in_list.value,
    };
}

bool ensures_metadata_from_repr(const struct meta_slot_cells *r,
                                const struct metadata_inner_perms *perm, const struct metadata *res,
                                struct clause_report *report)
{
    const struct metadata spec = metadata_from_repr_spec(r, perm);
    bool holds = true;

    holds &= clause(report, CLAUSE_metadata_from_repr_spec__metadata,
                    meta_slot_storage_equal(&res->metadata, &spec.metadata));
    holds &=
        clause(report, CLAUSE_metadata_from_repr_spec__ref_count, res->ref_count == spec.ref_count);
    holds &= clause(report, CLAUSE_metadata_from_repr_spec__vtable_ptr,
                    mem_contents_equal(&res->vtable_ptr, &spec.vtable_ptr));
    holds &= clause(report, CLAUSE_metadata_from_repr_spec__in_list, res->in_list == spec.in_list);
    return holds;
}

bool ensures_metadata_from_borrowed(const struct meta_slot_cells *r,
                                    const struct metadata_inner_perms *perm,
                                    const struct metadata *res, struct clause_report *report)
{
    return ensures_metadata_from_repr(r, perm, res, report);
}

bool metadata_from_to_repr(const struct metadata *self, const struct metadata_repr *res,
                           struct clause_report *report)
{
    const struct metadata back = metadata_from_repr_spec(&res->r, &res->perm);

    return clause(report, CLAUSE_metadata_from_to_repr__self, metadata_equal(&back, self));
}

bool metadata_to_from_repr(const struct meta_slot_cells *r, const struct metadata_inner_perms *perm,
                           const struct metadata *res, struct clause_report *report)
{
    const struct metadata_repr back = metadata_to_repr_spec(res, perm);
    bool holds = true;

    holds &= clause(report, CLAUSE_metadata_to_from_repr__r, meta_slot_cells_equal(&back.r, r));
    holds &= clause(report, CLAUSE_metadata_to_from_repr__perm,
                    metadata_inner_perms_equal(&back.perm, perm));
    return holds;
}

bool metadata_to_repr_wf(const struct metadata_repr *res, struct clause_report *report)
{
    return clause(report, CLAUSE_metadata_to_repr_wf__wf, is_wf(&res->r, &res->perm));
}

/* --- impl Repr<MetaSlot> for MetadataAsLink<M> --- */

struct metadata_as_link metadata_as_link_from_spec(const struct metadata *metadata)
{
    struct metadata_as_link link = {
        .ref_count = metadata->ref_count,
        .vtable_ptr = metadata->vtable_ptr,
        .in_list = metadata->in_list,
    };

    if (metadata->metadata.type != SPEC_METADATA_FRAME_LINK)
        return link;
    link.metadata = metadata->metadata.frame_link.payload;
    link.next = (struct optional_addr){.is_some = metadata->metadata.frame_link.next_is_some,
                                       .addr = metadata->metadata.frame_link.next};
    link.prev = (struct optional_addr){.is_some = metadata->metadata.frame_link.prev_is_some,
                                       .addr = metadata->metadata.frame_link.prev};
    return link;
}

struct metadata metadata_from_spec(const struct metadata_as_link *link)
{
    return (struct metadata){
        .metadata =
            {
                .type = SPEC_METADATA_FRAME_LINK,
                .frame_link = {.next_is_some = link->next.is_some,
                               .next = link->next.addr,
                               .prev_is_some = link->prev.is_some,
                               .prev = link->prev.addr,
                               .payload = link->metadata},
            },
        .ref_count = link->ref_count,
        .vtable_ptr = link->vtable_ptr,
        .in_list = link->in_list,
    };
}

bool link_wf(const struct meta_slot_storage *r, const struct metadata_as_link *link,
             struct clause_report *report)
{
    const bool is_link = r->type == SPEC_METADATA_FRAME_LINK;
    bool holds = true;

    holds &= clause(report, CLAUSE_link_wf__frame_link, is_link);
    holds &= clause(report, CLAUSE_link_wf__next_presence,
                    !is_link || r->frame_link.next_is_some == link->next.is_some);
    holds &= clause(report, CLAUSE_link_wf__next_addr,
                    !is_link || !r->frame_link.next_is_some || !link->next.is_some ||
                        r->frame_link.next == link->next.addr);
    holds &= clause(report, CLAUSE_link_wf__prev_presence,
                    !is_link || r->frame_link.prev_is_some == link->prev.is_some);
    holds &= clause(report, CLAUSE_link_wf__prev_addr,
                    !is_link || !r->frame_link.prev_is_some || !link->prev.is_some ||
                        r->frame_link.prev == link->prev.addr);
    return holds;
}

bool metadata_as_link_wf(const struct meta_slot_cells *r, const struct metadata_inner_perms *perm,
                         struct clause_report *report)
{
    return clause(report, CLAUSE_metadata_as_link_wf__metadata_wf, is_wf(r, perm));
}

struct metadata_repr metadata_as_link_to_repr_spec(const struct metadata_as_link *self,
                                                   const struct metadata_inner_perms *perm)
{
    const struct metadata metadata = metadata_from_spec(self);

    return metadata_to_repr_spec(&metadata, perm);
}

bool ensures_metadata_as_link_to_repr(const struct metadata_as_link *self,
                                      const struct metadata_inner_perms *perm,
                                      const struct metadata_repr *res, struct clause_report *report)
{
    const struct metadata_repr spec = metadata_as_link_to_repr_spec(self, perm);
    bool holds = true;

    holds &= clause(report, CLAUSE_metadata_as_link_to_repr_spec__r,
                    meta_slot_cells_equal(&res->r, &spec.r));
    holds &= clause(report, CLAUSE_metadata_as_link_to_repr_spec__perm,
                    metadata_inner_perms_equal(&res->perm, &spec.perm));
    return holds;
}

struct metadata_as_link metadata_as_link_from_repr_spec(const struct meta_slot_cells *r,
                                                        const struct metadata_inner_perms *perm)
{
    const struct metadata metadata = metadata_from_repr_spec(r, perm);

    return metadata_as_link_from_spec(&metadata);
}

bool ensures_metadata_as_link_from_repr(const struct meta_slot_cells *r,
                                        const struct metadata_inner_perms *perm,
                                        const struct metadata_as_link *res,
                                        struct clause_report *report)
{
    const struct metadata_as_link spec = metadata_as_link_from_repr_spec(r, perm);

    return clause(report, CLAUSE_metadata_as_link_from_repr_spec__self,
                  metadata_as_link_equal(res, &spec));
}

bool ensures_metadata_as_link_from_borrowed(const struct meta_slot_cells *r,
                                            const struct metadata_inner_perms *perm,
                                            const struct metadata_as_link *res,
                                            struct clause_report *report)
{
    return ensures_metadata_as_link_from_repr(r, perm, res, report);
}

bool metadata_as_link_from_to_repr(const struct metadata_as_link *self,
                                   const struct metadata_repr *res, struct clause_report *report)
{
    const struct metadata_as_link back = metadata_as_link_from_repr_spec(&res->r, &res->perm);

    return clause(report, CLAUSE_metadata_as_link_from_to_repr__self,
                  metadata_as_link_equal(&back, self));
}

bool metadata_as_link_to_from_repr(const struct meta_slot_cells *r,
                                   const struct metadata_inner_perms *perm,
                                   const struct metadata_as_link *res, struct clause_report *report)
{
    const struct metadata_repr back = metadata_as_link_to_repr_spec(res, perm);
    bool holds = true;

    holds &=
        clause(report, CLAUSE_metadata_as_link_to_from_repr__r, meta_slot_cells_equal(&back.r, r));
    holds &= clause(report, CLAUSE_metadata_as_link_to_from_repr__perm,
                    metadata_inner_perms_equal(&back.perm, perm));
    return holds;
}

bool metadata_as_link_to_repr_wf(const struct metadata_repr *res, struct clause_report *report)
{
    return clause(report, CLAUSE_metadata_as_link_to_repr_wf__wf, is_wf(&res->r, &res->perm));
}

/* --- the operations lemma_layout and cast_slot --- */

bool requires_lemma_layout(const struct reference *ref, const struct spec_call *call)
{
    (void)ref;
    (void)call;
    return true;
}

void reference_lemma_layout(struct reference *ref, const struct spec_call *call,
                            struct spec_outcome *outcome)
{
    (void)ref;
    (void)call;
    answer_ok(outcome, SPEC_META_SLOT_SIZE);
}

bool judge_lemma_layout(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                        struct clause_report *report)
{
    bool holds = outcome->result != SPEC_OK || lemma_layout(outcome->value, report);

    (void)call;
    holds &= unchanged(pre, post, report);
    return holds;
}

bool requires_cast_slot(const struct reference *ref, const struct spec_call *call)
{
    return settled_slot(ref, call);
}

void reference_cast_slot(struct reference *ref, const struct spec_call *call,
                         struct spec_outcome *outcome)
{
    (void)ref;
    answer_ok(outcome, frame_to_meta(call->paddr));
}

bool judge_cast_slot(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                     struct clause_report *report)
{
    const struct meta_slot_perm *perm = slot_perm_at(pre, frame_to_index(call->paddr));
    bool holds = outcome->result != SPEC_OK || cast_slot(outcome->value, perm, report);

    holds &= unchanged(pre, post, report);
    return holds;
}

/* --- to_repr --- */

/* A unique frame stays one, in no list, with the metadata of the call and its type. */
static struct metadata to_write(const struct spec_call *call)
{
    return (struct metadata){
        .metadata = call->metadata,
        .ref_count = SPEC_REF_COUNT_UNIQUE,
        .vtable_ptr = {.is_init = 1, .value = call->metadata.type},
        .in_list = 0,
    };
}

/* What the slot is after a step, as a result of to_repr. */
static struct metadata_repr repr_at(owners_t *owners, call_t *call)
{
    const uint64_t idx = frame_to_index(call->paddr);

    return (struct metadata_repr){.r = slot_perm_at(owners, idx)->value,
                                  .perm = slot_owner_at(owners, idx)->inner_perms};
}

bool requires_metadata_to_repr(const struct reference *ref, const struct spec_call *call)
{
    return live_unique_frame(ref, call) && unlisted(ref, call);
}

void reference_metadata_to_repr(struct reference *ref, const struct spec_call *call,
                                struct spec_outcome *outcome)
{
    store_metadata(ref, call->paddr, &call->metadata);
    set_ref_count(ref, call->paddr, SPEC_REF_COUNT_UNIQUE);
    change(ref, call->paddr)->inner_perms.in_list.value = 0;
    answer_ok(outcome, 0);
}

bool judge_metadata_to_repr(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                            struct clause_report *report)
{
    const struct metadata self = to_write(call);
    const struct metadata_repr was = repr_at(pre, call);
    const struct metadata_repr res = repr_at(post, call);
    bool holds = ensures_metadata_to_repr(&self, &was.perm, &res, report);

    (void)outcome;
    holds &= metadata_from_to_repr(&self, &res, report);
    holds &= metadata_to_repr_wf(&res, report);
    holds &= identity_kept(pre, post, call, report);
    holds &= one_owner_changed(pre, post, call, report);
    return holds;
}

static bool holds_link(const struct reference *ref, const struct spec_call *call)
{
    return owner_of(ref, call)->inner_perms.vtable_ptr.value == SPEC_METADATA_FRAME_LINK;
}

bool requires_metadata_as_link_to_repr(const struct reference *ref, const struct spec_call *call)
{
    return requires_metadata_to_repr(ref, call) && holds_link(ref, call) &&
           call->metadata.type == SPEC_METADATA_FRAME_LINK;
}

void reference_metadata_as_link_to_repr(struct reference *ref, const struct spec_call *call,
                                        struct spec_outcome *outcome)
{
    reference_metadata_to_repr(ref, call, outcome);
}

bool judge_metadata_as_link_to_repr(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                                    struct clause_report *report)
{
    const struct metadata metadata = to_write(call);
    const struct metadata_as_link self = metadata_as_link_from_spec(&metadata);
    const struct metadata_repr was = repr_at(pre, call);
    const struct metadata_repr res = repr_at(post, call);
    bool holds = ensures_metadata_as_link_to_repr(&self, &was.perm, &res, report);

    (void)outcome;
    holds &= metadata_as_link_from_to_repr(&self, &res, report);
    holds &= metadata_as_link_to_repr_wf(&res, report);
    holds &= link_wf(&res.perm.storage.value, &self, report);
    holds &= identity_kept(pre, post, call, report);
    holds &= one_owner_changed(pre, post, call, report);
    return holds;
}

/* --- from_repr and from_borrowed --- */

static struct metadata answered(const struct spec_outcome *outcome)
{
    return (struct metadata){
        .metadata = outcome->metadata,
        .ref_count = outcome->detail[0],
        .vtable_ptr = {.is_init = 1, .value = outcome->detail[1]},
        .in_list = outcome->detail[2],
    };
}

static void answer_metadata(const struct reference *ref, const struct spec_call *call,
                            struct spec_outcome *outcome, uint64_t value)
{
    const struct metadata_inner_perms *perms = &owner_of(ref, call)->inner_perms;

    answer_ok(outcome, value);
    outcome->metadata = perms->storage.value;
    outcome->detail[0] = perms->ref_count.value;
    outcome->detail[1] = perms->vtable_ptr.value;
    outcome->detail[2] = perms->in_list.value;
}

bool requires_metadata_from_repr(const struct reference *ref, const struct spec_call *call)
{
    return settled_slot(ref, call) && has_metadata(ref, call);
}

void reference_metadata_from_repr(struct reference *ref, const struct spec_call *call,
                                  struct spec_outcome *outcome)
{
    answer_metadata(ref, call, outcome, 0);
}

/* What from_repr and from_borrowed promise, each by its own `ensures`. */
typedef bool ensures_metadata_fn(const struct meta_slot_cells *r,
                                 const struct metadata_inner_perms *perm,
                                 const struct metadata *res, struct clause_report *report);

static bool metadata_read(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                          ensures_metadata_fn *ensures, struct clause_report *report)
{
    const struct metadata res = answered(outcome);
    const struct metadata_repr was = repr_at(pre, call);
    bool holds = metadata_wf(&was.r, &was.perm, report);

    if (outcome->result == SPEC_OK) {
        holds &= ensures(&was.r, &was.perm, &res, report);
        holds &= metadata_to_from_repr(&was.r, &was.perm, &res, report);
    }
    holds &= unchanged(pre, post, report);
    return holds;
}

bool judge_metadata_from_repr(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                              struct clause_report *report)
{
    return metadata_read(pre, post, call, outcome, ensures_metadata_from_repr, report);
}

/* What from_borrowed returns is the slot that was lent to it, seen otherwise. */
static bool borrowed(call_t *call, outcome_t *outcome, struct clause_report *report)
{
    return clause(report, CLAUSE_from_borrowed__ptr, returned(outcome, frame_to_meta(call->paddr)));
}

bool requires_metadata_from_borrowed(const struct reference *ref, const struct spec_call *call)
{
    return requires_metadata_from_repr(ref, call);
}

void reference_metadata_from_borrowed(struct reference *ref, const struct spec_call *call,
                                      struct spec_outcome *outcome)
{
    answer_metadata(ref, call, outcome, frame_to_meta(call->paddr));
}

bool judge_metadata_from_borrowed(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                                  struct clause_report *report)
{
    bool holds = borrowed(call, outcome, report);

    holds &= metadata_read(pre, post, call, outcome, ensures_metadata_from_borrowed, report);
    return holds;
}

bool requires_metadata_as_link_from_repr(const struct reference *ref, const struct spec_call *call)
{
    return requires_metadata_from_repr(ref, call) && holds_link(ref, call);
}

void reference_metadata_as_link_from_repr(struct reference *ref, const struct spec_call *call,
                                          struct spec_outcome *outcome)
{
    answer_metadata(ref, call, outcome, 0);
}

typedef bool ensures_metadata_as_link_fn(const struct meta_slot_cells *r,
                                         const struct metadata_inner_perms *perm,
                                         const struct metadata_as_link *res,
                                         struct clause_report *report);

/* The answer is judged as a view, and as a link in the form in which it is stored. */
static bool metadata_as_link_read(owners_t *pre, owners_t *post, call_t *call, outcome_t *outcome,
                                  ensures_metadata_as_link_fn *ensures,
                                  struct clause_report *report)
{
    const struct metadata metadata = answered(outcome);
    const struct metadata_as_link res = metadata_as_link_from_spec(&metadata);
    const struct metadata_repr was = repr_at(pre, call);
    const struct metadata_as_link self = metadata_as_link_from_repr_spec(&was.r, &was.perm);
    bool holds = metadata_as_link_wf(&was.r, &was.perm, report);

    if (outcome->result == SPEC_OK) {
        holds &= ensures(&was.r, &was.perm, &res, report);
        holds &= metadata_as_link_to_from_repr(&was.r, &was.perm, &res, report);
        holds &= link_wf(&outcome->metadata, &self, report);
    }
    holds &= unchanged(pre, post, report);
    return holds;
}

bool judge_metadata_as_link_from_repr(owners_t *pre, owners_t *post, call_t *call,
                                      outcome_t *outcome, struct clause_report *report)
{
    return metadata_as_link_read(pre, post, call, outcome, ensures_metadata_as_link_from_repr,
                                 report);
}

bool requires_metadata_as_link_from_borrowed(const struct reference *ref,
                                             const struct spec_call *call)
{
    return requires_metadata_as_link_from_repr(ref, call);
}

void reference_metadata_as_link_from_borrowed(struct reference *ref, const struct spec_call *call,
                                              struct spec_outcome *outcome)
{
    answer_metadata(ref, call, outcome, frame_to_meta(call->paddr));
}

bool judge_metadata_as_link_from_borrowed(owners_t *pre, owners_t *post, call_t *call,
                                          outcome_t *outcome, struct clause_report *report)
{
    bool holds = borrowed(call, outcome, report);

    holds &= metadata_as_link_read(pre, post, call, outcome, ensures_metadata_as_link_from_borrowed,
                                   report);
    return holds;
}
