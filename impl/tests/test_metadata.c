/* SPDX-License-Identifier: MPL-2.0 */
/* Metadata types: the five of the library, and the check of further ones. */
#include "support.h"

static const struct meta_vtable *const VTABLES[] = {
    &EMPTY_VTABLE, &UNTYPED_VTABLE, &FRAME_LINK_VTABLE, &PT_NODE_VTABLE, &PROBE_VTABLE,
};

enum { NR_VTABLES = sizeof(VTABLES) / sizeof(VTABLES[0]) };

static void the_types_of_the_library_are_accepted(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < NR_VTABLES; i++) {
        assert_int_equal(meta_vtable_check(VTABLES[i]), METADATA_TYPE_OK);
        assert_int_equal(VTABLES[i]->type_id, i);
        assert_int_equal(VTABLES[i]->is_untyped, i == METADATA_UNTYPED);
        assert_int_equal(VTABLES[i]->on_drop != NULL, i == METADATA_PROBE);
    }
}

static void sizes_are_those_of_the_specification(void **state)
{
    (void)state;
    assert_int_equal(EMPTY_VTABLE.size, 39);
    assert_int_equal(UNTYPED_VTABLE.size, 0);
    assert_int_equal(FRAME_LINK_VTABLE.size, 40);
    assert_int_equal(PT_NODE_VTABLE.size, 6);
    assert_int_equal(PROBE_VTABLE.size, 8);
}

static void assert_describes(struct any_frame_meta metadata, const struct meta_vtable *vtable,
                             const void *object)
{
    assert_ptr_equal(metadata.vtable, vtable);
    assert_ptr_equal(metadata.object, object);
    assert_int_equal(metadata.size, vtable->size);
}

static void an_object_comes_with_its_type(void **state)
{
    struct empty_meta empty = {{0}};
    struct frame_link_meta link = {{0, 0}, {0, 0}, 0};
    struct pt_node_meta node = {0};
    struct probe_meta probe = {0};

    (void)state;
    assert_describes(empty_metadata(&empty), &EMPTY_VTABLE, &empty);
    assert_describes(untyped_metadata(), &UNTYPED_VTABLE, NULL);
    assert_describes(frame_link_metadata(&link), &FRAME_LINK_VTABLE, &link);
    assert_describes(pt_node_metadata(&node), &PT_NODE_VTABLE, &node);
    assert_describes(probe_metadata(&probe), &PROBE_VTABLE, &probe);
}

static enum metadata_error check(uint32_t size, uint32_t align, const char *name)
{
    struct meta_vtable vtable = {
        .type_id = METADATA_OTHER, .size = size, .align = align, .name = name};

    return meta_vtable_check(&vtable);
}

static void types_at_the_limits_are_accepted(void **state)
{
    (void)state;
    assert_int_equal(check(40, 1, "x"), METADATA_TYPE_OK);
    assert_int_equal(check(40, 8, "x"), METADATA_TYPE_OK);
    assert_int_equal(check(32, 32, "x"), METADATA_TYPE_OK);
    assert_int_equal(check(0, 64, "x"), METADATA_TYPE_OK);
}

static void types_beyond_the_limits_are_refused(void **state)
{
    (void)state;
    assert_int_equal(check(41, 1, "x"), METADATA_TYPE_TOO_LARGE);
    assert_int_equal(check(UINT32_MAX, 1, "x"), METADATA_TYPE_TOO_LARGE);
    assert_int_equal(check(0, 128, "x"), METADATA_TYPE_OVER_ALIGNED);
    assert_int_equal(check(0, 65, "x"), METADATA_TYPE_OVER_ALIGNED);
    assert_int_equal(check(8, 0, "x"), METADATA_TYPE_NOT_ALIGNMENT);
    assert_int_equal(check(6, 3, "x"), METADATA_TYPE_NOT_ALIGNMENT);
    assert_int_equal(check(12, 8, "x"), METADATA_TYPE_RAGGED);
    assert_int_equal(check(8, 8, ""), METADATA_TYPE_NAMELESS);
    assert_int_equal(check(8, 8, NULL), METADATA_TYPE_NAMELESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_types_of_the_library_are_accepted),
        cmocka_unit_test(sizes_are_those_of_the_specification),
        cmocka_unit_test(an_object_comes_with_its_type),
        cmocka_unit_test(types_at_the_limits_are_accepted),
        cmocka_unit_test(types_beyond_the_limits_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
