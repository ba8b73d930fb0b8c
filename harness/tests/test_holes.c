/* SPDX-License-Identifier: MPL-2.0 */
/* What is pinned down is rejected, by the clause that says so; the known holes are found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "slotcheck/holes.h"

static int make(void **state)
{
    char error[200];

    *state = holes_create(error, sizeof(error));
    return *state ? 0 : -1;
}

static int destroy(void **state)
{
    holes_destroy(*state);
    return 0;
}

static void run(struct holes *holes, const char *text)
{
    struct program_error error;
    struct program program;

    program_init(&program);
    if (!program_parse(&program, text, strlen(text), &error))
        fail_msg("%u:%u: %s", error.line, error.column, error.message);
    if (!holes_run(holes, &program))
        fail_msg("%s", holes_error(holes));
    program_free(&program);
}

#define HEADER "slotcheck program 2\nslots 3\n"

/* The hole of that function for the change of that part. */
static const struct hole *hole_of(const struct holes *holes, const char *function,
                                  enum change_part part, enum change_role role, const char *field,
                                  const char *to)
{
    const unsigned relation = holes_relation(holes, function);

    assert_true(relation < holes_nr_functions(holes));
    for (unsigned change = 0; change < nr_changes(); change++) {
        const struct change_info info = change_info(change);

        if (info.part == part && info.role == role && strcmp(info.field, field) == 0 &&
            strcmp(info.to, to) == 0)
            return holes_at(holes, relation, change);
    }
    fail_msg("no change of %s to %s", field, to);
    return NULL;
}

static void assert_open(const struct hole *hole)
{
    assert_true(hole->tried > 0);
    assert_int_equal(hole->accepted, hole->tried);
    assert_int_equal(hole->uncaught, hole->tried);
}

static void assert_caught(const struct hole *hole, enum clause_id by)
{
    assert_true(hole->tried > 0);
    assert_int_equal(hole->accepted, hole->tried);
    assert_int_equal(hole->uncaught, 0);
    assert_true(clause_set_has(&hole->caught_by, by));
}

static void assert_rejected(const struct hole *hole, enum clause_id by)
{
    assert_true(hole->tried > 0);
    assert_int_equal(hole->accepted, 0);
    assert_true(clause_set_has(&hole->rejected_by, by));
}

static void test_pinned_fields_are_rejected_by_their_clause(void **state)
{
    struct holes *h = *state;

    run(h, HEADER "frame_from_unused(p1, probe(7))\nframe_from_in_use(p1)\nframe_clone(f0)\n");
    assert_rejected(hole_of(h, "get_from_unused_spec", PART_OWNER, ROLE_SLOT, "usage", "Kernel"),
                    CLAUSE_get_from_unused_spec__usage);
    assert_rejected(hole_of(h, "get_from_unused_spec", PART_OWNER, ROLE_SLOT, "storage.is_init()",
                            "the opposite"),
                    CLAUSE_get_from_unused_inner_perms_spec__storage);
    assert_rejected(
        hole_of(h, "get_from_unused_spec", PART_OWNER, ROLE_OTHER, "ref_count.value()", "0"),
        CLAUSE_get_from_unused_spec__others);
    assert_rejected(
        hole_of(h, "get_from_unused_spec", PART_OWNER, ROLE_OTHER, "dom", "without the index"),
        CLAUSE_get_from_unused_spec__owners_dom);
    assert_rejected(
        hole_of(h, "get_from_unused_spec", PART_BEFORE, ROLE_SLOT, "ref_count.value()", "UNIQUE"),
        CLAUSE_get_from_unused_spec__pre_unused);
    assert_rejected(hole_of(h, "get_from_in_use_success", PART_OWNER, ROLE_SLOT,
                            "ref_count.value()", "one more"),
                    CLAUSE_get_from_in_use_success__ref_count);
    assert_rejected(hole_of(h, "live_frame_obligations_ok_spec", PART_OBLIGATIONS, ROLE_SLOT,
                            "count", "one less"),
                    CLAUSE_live_frame_obligations_ok_spec__frame_obligations);
    assert_rejected(hole_of(h, "inc_ref_count_spec", PART_OWNER, ROLE_SLOT, "usage", "Kernel"),
                    CLAUSE_inc_ref_count_spec__rest);
}

/* get_from_in_use_success: no domain, nothing of slots and obligations, nothing of the count before. */
static void test_holes_of_get_from_in_use(void **state)
{
    static const char NAME[] = "get_from_in_use_success";
    struct holes *h = *state;

    run(h, HEADER "frame_from_unused(p1, probe(7))\nframe_from_in_use(p1)\n");
    assert_caught(hole_of(h, NAME, PART_OWNER, ROLE_SLOT, "dom", "without the index"),
                  CLAUSE_meta_region_owners_inv__owners_dom);
    assert_caught(hole_of(h, NAME, PART_PERM, ROLE_SLOT, "addr()", "another slot's"),
                  CLAUSE_get_from_in_use__slots);
    assert_caught(hole_of(h, NAME, PART_OBLIGATIONS, ROLE_OTHER, "count", "one more"),
                  CLAUSE_live_frame_obligations_ok_spec__frame_obligations);
    assert_caught(hole_of(h, NAME, PART_BEFORE, ROLE_SLOT, "ref_count.value()", "MAX"),
                  CLAUSE_accounting__ref_count);
    assert_open(hole_of(h, NAME, PART_BEFORE, ROLE_SLOT, "ref_count.value()", "0"));
}

/* get_from_unused_spec: not what is stored, no cell ids, nothing of slots and obligations, may refuse. */
static void test_holes_of_get_from_unused(void **state)
{
    static const char NAME[] = "get_from_unused_spec";
    struct holes *h = *state;

    run(h, HEADER "get_from_unused(p1, probe(7), 0)\n");
    assert_open(hole_of(h, NAME, PART_OWNER, ROLE_SLOT, "storage.value()", "another value"));
    assert_open(hole_of(h, NAME, PART_OWNER, ROLE_SLOT, "vtable_ptr.value()", "another type's"));
    assert_caught(hole_of(h, NAME, PART_OWNER, ROLE_SLOT, "storage.id()", "another cell"),
                  CLAUSE_wf__storage);
    assert_caught(hole_of(h, NAME, PART_PERM, ROLE_SLOT, "dom", "the opposite"),
                  CLAUSE_slot_perm_extracted_spec__slots);
    assert_caught(hole_of(h, NAME, PART_OBLIGATIONS, ROLE_SLOT, "count", "one more"),
                  CLAUSE_live_frame_obligations_err_spec__frame_obligations);
    assert_open(hole_of(h, NAME, PART_OUTCOME, ROLE_SLOT, "refusal", "Err(InUse)"));
}

/* slot_perm_reparked_spec: the permission at idx. */
static void test_holes_of_reparked(void **state)
{
    static const char NAME[] = "slot_perm_reparked_spec";
    struct holes *h = *state;

    run(h, HEADER "frame_from_unused(p1, probe(7))\n");
    assert_caught(hole_of(h, NAME, PART_PERM, ROLE_SLOT, "addr()", "another slot's"),
                  CLAUSE_get_from_unused_perm_spec__perm_addr);
    assert_caught(hole_of(h, NAME, PART_PERM, ROLE_SLOT, "is_init()", "the opposite"),
                  CLAUSE_get_from_unused_perm_spec__perm_init);
    assert_caught(hole_of(h, NAME, PART_PERM, ROLE_SLOT, "value().storage", "another cell"),
                  CLAUSE_wf__storage);
    assert_rejected(hole_of(h, NAME, PART_PERM, ROLE_OTHER, "addr()", "another slot's"),
                    CLAUSE_slot_perm_reparked_spec__others);
    assert_rejected(hole_of(h, NAME, PART_PERM, ROLE_SLOT, "dom", "the opposite"),
                    CLAUSE_slot_perm_reparked_spec__slots_dom);
}

/* A step that is as right from another state is none. */
static void test_good_states_are_no_holes(void **state)
{
    struct holes *h = *state;
    const struct hole *hole;

    run(h, HEADER "frame_from_unused(p1, probe(7))\n");
    hole = hole_of(h, "get_from_unused_spec", PART_BEFORE, ROLE_SLOT, "usage", "Kernel");
    assert_int_equal(hole->tried, 0);
}

/* What does not matter is taken out of the examples. */
static void test_examples_are_small(void **state)
{
    struct holes *h = *state;
    const struct hole *hole;

    run(h, HEADER "frame_from_unused(p2, probe(9))\nframe_clone(f0)\nframe_drop(f0)\n"
                  "get_from_unused(p1, probe(7), 1)\n");
    assert_true(holes_find_examples(h));
    hole = hole_of(h, "slot_perm_extracted_spec", PART_OWNER, ROLE_SLOT, "usage", "Kernel");
    assert_non_null(hole->example.program);
    assert_int_equal(hole->example.program->nr_ops, 1);
    assert_int_equal(program_slots(hole->example.program), 1);
    assert_string_equal(hole->example.before, "Frame");
    assert_string_equal(hole->example.after, "Kernel");
}

static void test_power_of_clauses(void **state)
{
    struct holes *h = *state;

    run(h, HEADER "frame_from_unused(p1, probe(7))\n");
    assert_true(holes_clause_power(h, CLAUSE_slot_perm_reparked_spec__slots_dom)->failed > 0);
    assert_int_equal(holes_clause_power(h, CLAUSE_inc_ref_count_spec__rest)->failed, 0);
    assert_true(holes_stats(h)->decided[OP_frame_from_unused][CLAUSE_get_from_unused_spec__usage] >
                0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pinned_fields_are_rejected_by_their_clause, make,
                                        destroy),
        cmocka_unit_test_setup_teardown(test_holes_of_get_from_in_use, make, destroy),
        cmocka_unit_test_setup_teardown(test_holes_of_get_from_unused, make, destroy),
        cmocka_unit_test_setup_teardown(test_holes_of_reparked, make, destroy),
        cmocka_unit_test_setup_teardown(test_good_states_are_no_holes, make, destroy),
        cmocka_unit_test_setup_teardown(test_examples_are_small, make, destroy),
        cmocka_unit_test_setup_teardown(test_power_of_clauses, make, destroy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
