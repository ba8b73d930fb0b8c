/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The type invariants of LinkedList, LinkedListOwner and CursorMut of the verified sources.
 *
 * The elements of a list are read off the slots: from `front` along the links, not further than
 * `size` says. So every predicate ends in every state, whatever the links are. All else is as in
 * invariants.h.
 */
#pragma once

#include "metaslot_oracle/clauses.h"
#include "metaslot_oracle/state.h"

/* MAX_LIST_ID: ids of lists are below. */
#define SPEC_MAX_LIST_ID (UINT64_MAX >> 1)

/*
 * LinkedList::wf, LinkedListOwner::relate_region and CursorMut::wf of the list at `list`; nothing
 * is asked where no list is. Takes as long as the list.
 */
bool linked_list_inv(const struct meta_region_owners *owners, uint64_t list,
                     struct clause_report *report);

/*
 * list_registry_ok of the verified embedding, for slot `i` of the region: a slot whose in_list is
 * not 0 is linked into the list with that id. It looks at the slot before it only: that no ring
 * stands beside the list follows where the counts of slots agree.
 */
bool in_list_inv_at(const struct meta_region_owners *owners, uint64_t i,
                    struct clause_report *report);
