/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Who knows the MetaSlot page finds every spec function of it here, under its name, with one clause
 * for each conjunct. The list was written from the page; a function that is renamed or lost does
 * not compile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "metaslot_oracle.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

struct spec_function {
    const char *name;
    void (*function)(void);
    unsigned nr_clauses; /* conjuncts of its own */
    const char *where;   /* where its clauses say that the page has it */
};

/* In the order of the page. */
static const struct spec_function SPEC_FUNCTIONS[] = {
#define METHOD(name_, n)                                                                           \
    {                                                                                              \
        .name = #name_, .function = (void (*)(void))name_, .nr_clauses = n,                        \
        .where = "MetaSlot::" #name_                                                               \
    }
    METHOD(lemma_layout, 2),
    METHOD(cast_slot, 2),
    METHOD(get_from_unused_inner_perms_spec, 4),
    METHOD(get_from_unused_spec, 6),
    METHOD(get_node_from_unused_spec, 6),
    METHOD(slot_perm_extracted_spec, 1),
    METHOD(slot_perm_reparked_spec, 2),
    METHOD(live_frame_obligations_ok_spec, 1),
    METHOD(live_frame_obligations_err_spec, 1),
    METHOD(get_from_unused_perm_spec, 4),
    METHOD(inc_ref_count_panic_cond, 1),
    METHOD(frame_paddr_safety_cond, 2),
    METHOD(get_from_in_use_success, 9),
    METHOD(drop_last_in_place_safety_cond, 4),
    METHOD(inc_ref_count_spec, 2),
#undef METHOD
    {.name = "wf",
     .function = (void (*)(void))wf,
     .nr_clauses = 4,
     .where = "impl OwnerOf for MetaSlot, wf"},
/* An executable function of the trait: it has a post-condition, and no clause of its own. */
#define REPR_EXEC(self, of, name_)                                                                 \
    {                                                                                              \
        .name = "ensures_" #self "_" #name_, .function = (void (*)(void))ensures_##self##_##name_, \
        .where = "impl Repr<MetaSlot> for " of ", " #name_                                         \
    }
#define REPR(self, of, name_, n)                                                                   \
    {                                                                                              \
        .name = #self "_" #name_, .function = (void (*)(void))self##_##name_, .nr_clauses = n,     \
        .where = "impl Repr<MetaSlot> for " of ", " #name_                                         \
    }
    REPR(metadata, "Metadata<M>", wf, 4),
    REPR(metadata, "Metadata<M>", to_repr_spec, 5),
    REPR_EXEC(metadata, "Metadata<M>", to_repr),
    REPR(metadata, "Metadata<M>", from_repr_spec, 4),
    REPR_EXEC(metadata, "Metadata<M>", from_repr),
    REPR_EXEC(metadata, "Metadata<M>", from_borrowed),
    REPR(metadata, "Metadata<M>", from_to_repr, 1),
    REPR(metadata, "Metadata<M>", to_from_repr, 2),
    REPR(metadata, "Metadata<M>", to_repr_wf, 1),
    REPR(metadata_as_link, "MetadataAsLink<M>", wf, 1),
    REPR(metadata_as_link, "MetadataAsLink<M>", to_repr_spec, 2),
    REPR_EXEC(metadata_as_link, "MetadataAsLink<M>", to_repr),
    REPR(metadata_as_link, "MetadataAsLink<M>", from_repr_spec, 1),
    REPR_EXEC(metadata_as_link, "MetadataAsLink<M>", from_repr),
    REPR_EXEC(metadata_as_link, "MetadataAsLink<M>", from_borrowed),
    REPR(metadata_as_link, "MetadataAsLink<M>", from_to_repr, 1),
    REPR(metadata_as_link, "MetadataAsLink<M>", to_from_repr, 2),
    REPR(metadata_as_link, "MetadataAsLink<M>", to_repr_wf, 1),
#undef REPR_EXEC
#undef REPR
};

/* The associated types: type Owner = MetaSlotOwner, and twice type Perm = MetadataInnerPerms. */
#define TAKES(function, owner_or_perm)                                                             \
    _Static_assert(_Generic(function,                                                              \
                            bool (*)(const struct meta_slot_cells *, const owner_or_perm *,        \
                                     struct clause_report *) : 1,                                  \
                            default : 0),                                                          \
                   #function " takes " #owner_or_perm)
TAKES(&wf, struct meta_slot_owner);
TAKES(&metadata_wf, struct metadata_inner_perms);
TAKES(&metadata_as_link_wf, struct metadata_inner_perms);
#undef TAKES

/* The fields of MetaSlot: what a permission to a slot sees, and what the cells hold. */
static void test_every_field_is_there(void **state)
{
    const struct meta_slot_cells cells = {
        .storage_id = 1, .ref_count_id = 2, .vtable_ptr = 3, .in_list_id = 4};
    const struct metadata_inner_perms perms = {
        .storage.id = 1, .ref_count.id = 2, .vtable_ptr.pptr = 3, .in_list.id = 4};
    const struct meta_slot_owner owner = {.inner_perms = perms};
    struct clause_report report = {0};

    (void)state;
    assert_true(wf(&cells, &owner, &report));
    assert_true(metadata_wf(&cells, &perms, &report));
    assert_true(metadata_as_link_wf(&cells, &perms, &report));
}

static void test_every_spec_function_has_its_clauses(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(SPEC_FUNCTIONS); i++) {
        const struct spec_function *spec = &SPEC_FUNCTIONS[i];
        unsigned nr_clauses = 0;

        assert_non_null(spec->function);
        for (int id = 0; id < NR_CLAUSES; id++) {
            if (strcmp(CLAUSES[id].function, spec->name) != 0)
                continue;
            nr_clauses++;
            assert_int_equal(CLAUSES[id].kind, CLAUSE_KIND_SPEC);
            assert_string_equal(CLAUSES[id].where, spec->where);
        }
        if (nr_clauses != spec->nr_clauses)
            fail_msg("%s has %u clauses, the page has %u", spec->name, nr_clauses,
                     spec->nr_clauses);
    }
}

/* No clause claims to stand on the page and does not, and they stand in the order of the page. */
static void test_spec_clauses_in_the_order_of_the_page(void **state)
{
    size_t at = 0;

    (void)state;
    for (int id = 0; id < NR_CLAUSES; id++) {
        if (CLAUSES[id].kind != CLAUSE_KIND_SPEC)
            continue;
        while (at < LENGTH(SPEC_FUNCTIONS) &&
               strcmp(SPEC_FUNCTIONS[at].name, CLAUSES[id].function) != 0)
            at++;
        if (at == LENGTH(SPEC_FUNCTIONS))
            fail_msg("%s is not in the order of the page", CLAUSES[id].id);
    }
}

/* "function/clause", once. */
static void test_ids(void **state)
{
    (void)state;
    for (int id = 0; id < NR_CLAUSES; id++) {
        const size_t n = strlen(CLAUSES[id].function);

        assert_memory_equal(CLAUSES[id].id, CLAUSES[id].function, n);
        assert_int_equal(CLAUSES[id].id[n], '/');
        assert_true(CLAUSES[id].id[n + 1] != '\0');
        assert_true(strlen(CLAUSES[id].text) > 0);
        assert_true(strlen(CLAUSES[id].where) > 0);
        for (int other = 0; other < id; other++)
            assert_string_not_equal(CLAUSES[id].id, CLAUSES[other].id);
    }
}

static void test_kind_names(void **state)
{
    (void)state;
    assert_string_equal(clause_kind_name(CLAUSE_KIND_SPEC), "spec");
    assert_string_equal(clause_kind_name(CLAUSE_KIND_INVARIANT), "invariant");
    assert_string_equal(clause_kind_name(CLAUSE_KIND_ENSURES), "ensures");
    assert_string_equal(clause_kind_name(CLAUSE_KIND_EXEC), "exec");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_spec_function_has_its_clauses),
        cmocka_unit_test(test_spec_clauses_in_the_order_of_the_page),
        cmocka_unit_test(test_every_field_is_there),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_kind_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
