/* SPDX-License-Identifier: MPL-2.0 */
/* The 64 bytes of a slot, the constants, and the address map. */
#include "support.h"

static void a_slot_is_laid_out_as_specified(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct meta_slot), 64);
    assert_int_equal(alignof(struct meta_slot), 64);
    assert_int_equal(offsetof(struct meta_slot, storage), 0);
    assert_int_equal(sizeof(((struct meta_slot *)0)->storage), 40);
    assert_int_equal(offsetof(struct meta_slot, ref_count), 40);
    assert_int_equal(offsetof(struct meta_slot, vtable_ptr), 48);
    assert_int_equal(offsetof(struct meta_slot, in_list), 56);
}

static void constants_are_those_of_the_specification(void **state)
{
    (void)state;
    assert_int_equal(METASLOT_PAGE_SIZE, 4096);
    assert_int_equal(META_SLOT_SIZE, 64);
    assert_int_equal(FRAME_METADATA_MAX_SIZE, 40);
    assert_true(REF_COUNT_UNUSED == UINT64_C(0xffffffffffffffff));
    assert_true(REF_COUNT_UNIQUE == UINT64_C(0xfffffffffffffffe));
    assert_true(REF_COUNT_MAX == UINT64_C(0x7fffffffffffffff));
    assert_true(MAX_META_SLOTS == UINT64_C(0x400000000));
}

static void the_maps_are_inverse_to_each_other(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_open(&fixture);
    for (uint64_t i = 0; i < NR_TEST_SLOTS; i++) {
        const struct meta_slot *slot = meta_region_frame_to_meta(&fixture.region, PADDR(i));

        assert_ptr_equal(slot, (const char *)fixture.region.slots + i * 64);
        assert_int_equal(meta_region_index(&fixture.region, slot), i);
        assert_int_equal(meta_region_meta_to_frame(&fixture.region, slot), i * 4096);
    }
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_is_laid_out_as_specified),
        cmocka_unit_test(constants_are_those_of_the_specification),
        cmocka_unit_test(the_maps_are_inverse_to_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
