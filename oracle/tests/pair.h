/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A step for the tests of the predicates: a state before, a state after as a change of it, and what
 * else a predicate may ask for. It is about slot IDX; the others are in use and stay as they are.
 *
 * The builders write states by hand. They use nothing of the reference.
 */
#pragma once

#include "metaslot_oracle.h"

enum { IDX = 1, OTHER = 2, UNIQUE_OTHER = 3, NR_SLOTS = 4 };
enum { LIST = 0, OTHER_LIST = 1, LIST_ID = 7, OTHER_LIST_ID = 9 };

struct pair {
    struct meta_region_owners pre, post;
    struct spec_call call;
    struct spec_outcome outcome;
    uint64_t ptr;
    struct meta_slot_perm perm;
    struct meta_slot_model pre_model, post_model;
    /* What stands at IDX after the step, as the results of to_repr and from_repr. */
    struct metadata_repr repr;
    struct metadata view;
    struct metadata_as_link link; /* of metadata that is no link: without neighbours */
    struct slot_holders holders;
};

/* A pair of two equal states; IDX has the count `ref_count`, and metadata unless it is unused. */
void pair_begin(struct pair *p, uint64_t ref_count);
/*
 * A pair of two equal states with two lists. LIST has the first `nr` of the slots OTHER, 0 and
 * UNIQUE_OTHER, and a cursor at slot 0 if that is an element, else at the ghost; OTHER_LIST has
 * none. IDX is a UniqueFrame that can be inserted. The call is about both.
 */
void pair_begin_list(struct pair *p, uint64_t nr);
/* Whatever follows from the states: pointer, permission, models. */
void pair_finish(struct pair *p);
void pair_end(struct pair *p);

/* What stands at IDX, OTHER or 0 after the step, to write to. */
struct meta_slot_owner *owner(struct pair *p);
struct meta_slot_owner *other(struct pair *p);
struct meta_slot_owner *first(struct pair *p);
struct metadata_inner_perms *perms(struct pair *p);
struct meta_slot_perm *perm_of(struct pair *p, uint64_t i);
uint64_t *obligations(struct pair *p, uint64_t i);
uint64_t *count(struct pair *p);

/* Makes a slot one in use with `ref_count`. */
void hold(struct meta_slot_owner *slot, uint64_t ref_count);
/* Storage, and the vtable pointer, of IDX are uninit after the step. */
void drop_storage(struct pair *p);
void drop_vtable(struct pair *p);
/* Removes the permission at `i` after the step, and puts it back. */
void unpark(struct pair *p, uint64_t i);
void park(struct pair *p, uint64_t i);
/* Removes the owner at `i` from one of the states. */
void lose_owner(struct meta_region_owners *owners, uint64_t i);
/* The vtable pointer of IDX is uninit before and after the step. */
void lose_vtable(struct pair *p);
void set_pre_count(struct pair *p, uint64_t ref_count);
/* The call is one for `paddr`, and succeeds. */
void ask_for(struct pair *p, uint64_t paddr);

/* The lists, and the permissions of slot `i`, after the step. */
struct linked_list_owner *list(struct pair *p);
struct linked_list_owner *other_list(struct pair *p);
struct metadata_inner_perms *perms_at(struct pair *p, uint64_t i);
/* The links of slot `i` after the step; 0 is none. */
void set_prev(struct pair *p, uint64_t i, uint64_t addr);
void set_next(struct pair *p, uint64_t i, uint64_t addr);
/* in_list of slots OTHER, 0 and UNIQUE_OTHER after the step. */
void set_ids(struct pair *p, uint64_t id);
/* The cursor of LIST before and after the step. */
void set_cursor(struct pair *p, uint64_t was, uint64_t is);
/* LIST has no id before and after the step. */
void lose_list_id(struct pair *p);
