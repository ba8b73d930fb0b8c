/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The spec functions of the MetaSlot page, each under its own name.
 *
 * A predicate looks at states and says which of its clauses hold; it never computes an answer and
 * never changes what it is given. All clauses of a predicate are evaluated, also after one failed,
 * in the order of the source; each is recorded in `report`, and the result is their conjunction.
 * Arithmetic is on unbounded integers as in the source, unless the source casts.
 *
 * `recommends` of the source are no part of the truth value: every predicate is total, and an index
 * outside a map's domain belongs to no slot.
 *
 * Thread-safe as long as nobody writes to the arguments.
 */
#pragma once

#include "metaslot_oracle/clauses.h"
#include "metaslot_oracle/state.h"

/* MetaSlot::get_from_unused_inner_perms_spec */
bool get_from_unused_inner_perms_spec(bool as_unique, const struct metadata_inner_perms *perms,
                                      struct clause_report *report);

/* MetaSlot::get_from_unused_spec. Recommends: has_safe_slot(paddr), pre.inv(). */
bool get_from_unused_spec(uint64_t paddr, bool as_unique, const struct meta_region_owners *pre,
                          const struct meta_region_owners *post, struct clause_report *report);

/* MetaSlot::get_node_from_unused_spec. Recommends: has_safe_slot(paddr), pre.inv(). */
bool get_node_from_unused_spec(uint64_t paddr, const struct meta_region_owners *pre,
                               const struct meta_region_owners *post, struct clause_report *report);

/* MetaSlot::slot_perm_extracted_spec */
bool slot_perm_extracted_spec(uint64_t paddr, const struct meta_region_owners *pre,
                              const struct meta_region_owners *post, struct clause_report *report);

/* MetaSlot::slot_perm_reparked_spec */
bool slot_perm_reparked_spec(uint64_t paddr, const struct meta_region_owners *pre,
                             const struct meta_region_owners *post, struct clause_report *report);

/* MetaSlot::live_frame_obligations_ok_spec */
bool live_frame_obligations_ok_spec(uint64_t paddr, const struct meta_region_owners *pre,
                                    const struct meta_region_owners *post,
                                    struct clause_report *report);

/* MetaSlot::live_frame_obligations_err_spec */
bool live_frame_obligations_err_spec(const struct meta_region_owners *pre,
                                     const struct meta_region_owners *post,
                                     struct clause_report *report);

/*
 * MetaSlot::get_from_unused_perm_spec. `ptr` is the address of the returned pointer. The source's
 * parameters `metadata` and `as_unique` do not occur in its body and are left out.
 */
bool get_from_unused_perm_spec(uint64_t paddr, uint64_t ptr, const struct meta_slot_perm *perm,
                               struct clause_report *report);

/* MetaSlot::inc_ref_count_panic_cond */
bool inc_ref_count_panic_cond(const struct atomic_perm *rc_perm, struct clause_report *report);

/* MetaSlot::frame_paddr_safety_cond */
bool frame_paddr_safety_cond(const struct meta_slot_perm *perm, struct clause_report *report);

/* MetaSlot::get_from_in_use_success. Recommends: has_safe_slot(paddr), pre.inv(). */
bool get_from_in_use_success(uint64_t paddr, const struct meta_region_owners *pre,
                             const struct meta_region_owners *post, struct clause_report *report);

/* MetaSlot::drop_last_in_place_safety_cond */
bool drop_last_in_place_safety_cond(const struct meta_slot_owner *owner,
                                    struct clause_report *report);

/*
 * MetaSlot::inc_ref_count_spec: true if `post` is the model that the source's function returns for
 * `pre`. Recommends: pre.inv(), pre.status == SHARED.
 */
bool inc_ref_count_spec(const struct meta_slot_model *pre, const struct meta_slot_model *post,
                        struct clause_report *report);

/* OwnerOf for MetaSlot: wf, with type Owner = MetaSlotOwner */
bool wf(const struct meta_slot_cells *self, const struct meta_slot_owner *owner,
        struct clause_report *report);
