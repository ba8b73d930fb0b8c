/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the MetaSlot page has beside its spec functions: lemma_layout, cast_slot, and the two
 * implementations of Repr<MetaSlot>, for Metadata<M> and for MetadataAsLink<M>.
 *
 * Repr<MetaSlot> says how a typed view of a slot and the slot itself translate into each other. Of
 * a trait function NAME there is metadata_NAME and metadata_as_link_NAME; of an executable one its
 * post-condition, ensures_metadata_NAME and ensures_metadata_as_link_NAME.
 *
 *     wf                             may this slot and these permissions be read as that view?
 *     to_repr_spec, from_repr_spec   the translations; the only functions here that compute
 *     to_repr, from_repr             somebody's result is the translation's
 *     from_borrowed                  the same as from_repr: it reads in place
 *     from_to_repr, to_from_repr,    the laws, asked of somebody's result: what was written reads
 *     to_repr_wf                     back, writing back what was read changes nothing, and what
 *                                    was written is well-formed
 *
 *     type Perm = MetadataInnerPerms, here struct metadata_inner_perms
 *
 * In the source these are laws about all views and all permissions, and so they hold of the
 * translations here, of states that no program reaches as well. The predicates report as those of
 * specs.h do. Thread-safe as long as nobody writes to the arguments.
 */
#pragma once

#include "metaslot_oracle/clauses.h"
#include "metaslot_oracle/state.h"

/* The type of the metadata that a view finds in storage that is uninit. No slot stores it. */
#define SPEC_METADATA_ABSENT UINT64_MAX

/* MemContents<usize>: what stands where the vtable pointer points. An uninit value is zero. */
struct mem_contents {
    uint64_t is_init;
    uint64_t value; /* enum spec_metadata_type, as in struct vtable_perm */
};

/* Metadata<M>: a slot as a whole, its metadata typed. */
struct metadata {
    struct meta_slot_storage metadata;
    uint64_t ref_count;
    struct mem_contents vtable_ptr;
    uint64_t in_list;
};

/* Option<PPtr<MetaSlot>>: none is all zero. */
struct optional_addr {
    uint64_t is_some;
    uint64_t addr; /* in FRAME_METADATA_RANGE */
};

/* MetadataAsLink<M>: a slot whose metadata is a Link<M>, the links beside the metadata. */
struct metadata_as_link {
    uint64_t metadata; /* the link's payload */
    struct optional_addr next, prev;
    uint64_t ref_count;
    struct mem_contents vtable_ptr;
    uint64_t in_list;
};

/* (MetaSlot, Self::Perm) */
struct metadata_repr {
    struct meta_slot_cells r;
    struct metadata_inner_perms perm;
};

/* --- impl MetaSlot --- */

/* MetaSlot::lemma_layout. `size` is what both size_of functions answer for a MetaSlot. */
bool lemma_layout(uint64_t size, struct clause_report *report);

/* MetaSlot::cast_slot: `res` is the address of the typed pointer. */
bool cast_slot(uint64_t res, const struct meta_slot_perm *perm, struct clause_report *report);

/* --- the address map --- */

/* meta_to_frame(frame_to_meta(paddr)) == paddr, and the other way round. */
bool address_map_meta_to_frame(uint64_t paddr, struct clause_report *report);
bool address_map_frame_to_meta(uint64_t vaddr, struct clause_report *report);

/* --- what the translations are made of --- */

/* Metadata<M>::metadata_from_inner_perms, and inner_perms_from_metadata, its inverse. */
struct meta_slot_storage metadata_from_inner_perms(const struct storage_perm *perm);
struct storage_perm inner_perms_from_metadata(const struct meta_slot_storage *metadata,
                                              const struct storage_perm *base);
/* The permission of the same cell with another value. */
struct atomic_perm perm_u64_with(const struct atomic_perm *perm, uint64_t value);
struct vtable_perm pptr_usize_with(const struct vtable_perm *perm,
                                   const struct mem_contents *contents);
/* The slot that is made of the cells to which the permissions belong. */
struct meta_slot_cells meta_slot_from_perm(const struct metadata_inner_perms *perm);

bool metadata_equal(const struct metadata *a, const struct metadata *b);
bool metadata_as_link_equal(const struct metadata_as_link *a, const struct metadata_as_link *b);
bool meta_slot_cells_equal(const struct meta_slot_cells *a, const struct meta_slot_cells *b);
bool metadata_inner_perms_equal(const struct metadata_inner_perms *a,
                                const struct metadata_inner_perms *b);

/* --- impl Repr<MetaSlot> for Metadata<M> --- */

bool metadata_wf(const struct meta_slot_cells *r, const struct metadata_inner_perms *perm,
                 struct clause_report *report);
struct metadata_repr metadata_to_repr_spec(const struct metadata *self,
                                           const struct metadata_inner_perms *perm);
/* `res` is somebody's to_repr of `self`, with `perm` as it was before. */
bool ensures_metadata_to_repr(const struct metadata *self, const struct metadata_inner_perms *perm,
                              const struct metadata_repr *res, struct clause_report *report);
struct metadata metadata_from_repr_spec(const struct meta_slot_cells *r,
                                        const struct metadata_inner_perms *perm);
/* `res` is somebody's from_repr or from_borrowed of `r` and `perm`. Requires: metadata_wf. */
bool ensures_metadata_from_repr(const struct meta_slot_cells *r,
                                const struct metadata_inner_perms *perm, const struct metadata *res,
                                struct clause_report *report);
bool ensures_metadata_from_borrowed(const struct meta_slot_cells *r,
                                    const struct metadata_inner_perms *perm,
                                    const struct metadata *res, struct clause_report *report);
/* `res` is somebody's to_repr of `self`. */
bool metadata_from_to_repr(const struct metadata *self, const struct metadata_repr *res,
                           struct clause_report *report);
/* `res` is somebody's from_repr of `r` and `perm`. Requires: metadata_wf. */
bool metadata_to_from_repr(const struct meta_slot_cells *r, const struct metadata_inner_perms *perm,
                           const struct metadata *res, struct clause_report *report);
/* `res` is somebody's to_repr of whatever. */
bool metadata_to_repr_wf(const struct metadata_repr *res, struct clause_report *report);

/* --- impl Repr<MetaSlot> for MetadataAsLink<M> --- */

/* From<Metadata<Link<M>>> for MetadataAsLink<M>; metadata that is no link has no neighbours. */
struct metadata_as_link metadata_as_link_from_spec(const struct metadata *metadata);
/* From<MetadataAsLink<M>> for Metadata<Link<M>> */
struct metadata metadata_from_spec(const struct metadata_as_link *link);

/*
 * Repr<MetaSlotStorage> for Link<M>, wf: the stored link `r` agrees with the neighbours that the
 * typed one has.
 */
bool link_wf(const struct meta_slot_storage *r, const struct metadata_as_link *link,
             struct clause_report *report);

/* As of Metadata<M>, through Metadata<Link<M>>. */
bool metadata_as_link_wf(const struct meta_slot_cells *r, const struct metadata_inner_perms *perm,
                         struct clause_report *report);
struct metadata_repr metadata_as_link_to_repr_spec(const struct metadata_as_link *self,
                                                   const struct metadata_inner_perms *perm);
bool ensures_metadata_as_link_to_repr(const struct metadata_as_link *self,
                                      const struct metadata_inner_perms *perm,
                                      const struct metadata_repr *res,
                                      struct clause_report *report);
struct metadata_as_link metadata_as_link_from_repr_spec(const struct meta_slot_cells *r,
                                                        const struct metadata_inner_perms *perm);
bool ensures_metadata_as_link_from_repr(const struct meta_slot_cells *r,
                                        const struct metadata_inner_perms *perm,
                                        const struct metadata_as_link *res,
                                        struct clause_report *report);
bool ensures_metadata_as_link_from_borrowed(const struct meta_slot_cells *r,
                                            const struct metadata_inner_perms *perm,
                                            const struct metadata_as_link *res,
                                            struct clause_report *report);
bool metadata_as_link_from_to_repr(const struct metadata_as_link *self,
                                   const struct metadata_repr *res, struct clause_report *report);
bool metadata_as_link_to_from_repr(const struct meta_slot_cells *r,
                                   const struct metadata_inner_perms *perm,
                                   const struct metadata_as_link *res,
                                   struct clause_report *report);
bool metadata_as_link_to_repr_wf(const struct metadata_repr *res, struct clause_report *report);
