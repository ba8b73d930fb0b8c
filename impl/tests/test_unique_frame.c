/* SPDX-License-Identifier: MPL-2.0 */
/* UniqueFrame. */
#include "support.h"

static struct fixture fixture;

static int open_region(void **state)
{
    (void)state;
    fixture_open(&fixture);
    return 0;
}

static int close_region(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

static void a_unique_frame_shuts_others_out(void **state)
{
    struct unique_frame unique = make_unique(&fixture, 2, 8), none = {NULL};
    struct frame frame = {NULL};

    (void)state;
    assert_ptr_equal(unique.slot, &fixture.region.slots[2]);
    assert_true(count_at(&fixture, 2) == REF_COUNT_UNIQUE);
    assert_int_equal(frame_from_in_use(&fixture.region, PADDR(2), &frame), METASLOT_UNIQUE);
    assert_int_equal(unique_frame_from_unused(&fixture.region, PADDR(2), untyped_metadata(), &none),
                     METASLOT_UNIQUE);
    assert_null(frame.slot);
    assert_null(none.slot);
}

static void drop_leaves_the_slot_unused(void **state)
{
    (void)state;
    unique_frame_drop(&fixture.region, make_unique(&fixture, 2, 8));
    assert_true(count_at(&fixture, 2) == REF_COUNT_UNUSED);
    assert_dropped_once(&fixture, 2, 8);
}

static void reset_as_unused_drops_the_metadata(void **state)
{
    (void)state;
    unique_frame_reset_as_unused(&fixture.region, make_unique(&fixture, 2, 8));
    assert_true(count_at(&fixture, 2) == REF_COUNT_UNUSED);
    assert_dropped_once(&fixture, 2, 8);
}

static void a_unique_frame_becomes_a_shared_one(void **state)
{
    struct frame frame = frame_from_unique(&fixture.region, make_unique(&fixture, 2, 8));

    (void)state;
    assert_ptr_equal(frame.slot, &fixture.region.slots[2]);
    assert_int_equal(frame_reference_count(frame), 1);
    assert_int_equal(payload_at(&fixture, 2), 8);
    assert_int_equal(fixture.nr_drops, 0);
}

static void a_frame_without_company_becomes_unique(void **state)
{
    struct frame frame = make_frame(&fixture, 2, 8);
    struct unique_frame unique = {NULL};

    (void)state;
    assert_int_equal(unique_frame_try_from(&fixture.region, frame, &unique), METASLOT_OK);
    assert_ptr_equal(unique.slot, frame.slot);
    assert_true(count_at(&fixture, 2) == REF_COUNT_UNIQUE);
    assert_int_equal(payload_at(&fixture, 2), 8);
    assert_int_equal(fixture.nr_drops, 0);
}

static void a_frame_in_company_comes_back(void **state)
{
    struct frame frame = make_frame(&fixture, 2, 8), clone = {NULL};
    struct unique_frame unique = {NULL};

    (void)state;
    assert_int_equal(frame_clone(&fixture.region, frame, &clone), METASLOT_OK);
    assert_int_equal(unique_frame_try_from(&fixture.region, frame, &unique), METASLOT_RETURNED);
    assert_null(unique.slot);
    assert_int_equal(frame_reference_count(frame), 2);
    frame_drop(&fixture.region, clone);
    assert_int_equal(unique_frame_try_from(&fixture.region, frame, &unique), METASLOT_OK);
}

static void repurpose_drops_and_writes(void **state)
{
    struct unique_frame unique = make_unique(&fixture, 2, 8);
    struct pt_node_meta node = {.nr_children = 3, .stray = true, .level = 2, .lock = 1}, read;

    (void)state;
    unique = unique_frame_repurpose(&fixture.region, unique, pt_node_metadata(&node));
    assert_dropped_once(&fixture, 2, 8);
    assert_ptr_equal(unique.slot, &fixture.region.slots[2]);
    assert_true(count_at(&fixture, 2) == REF_COUNT_UNIQUE);
    assert_ptr_equal(meta_slot_dyn_meta_ptr(unique.slot).vtable, &PT_NODE_VTABLE);
    unique_frame_meta(unique, &read, sizeof(read));
    assert_memory_equal(&read, &node, sizeof(node));
}

static void meta_mut_assigns(void **state)
{
    struct unique_frame unique = make_unique(&fixture, 2, 8);
    struct probe_meta probe = {9};

    (void)state;
    unique_frame_meta_mut(unique, &probe, sizeof(probe));
    assert_int_equal(payload_at(&fixture, 2), 9);
    assert_int_equal(fixture.nr_drops, 0);
    unique_frame_drop(&fixture.region, unique);
    assert_dropped_once(&fixture, 2, 9);
}

static void a_forgotten_unique_frame_stays_unique(void **state)
{
    uint64_t paddr = unique_frame_into_raw(&fixture.region, make_unique(&fixture, 2, 8));
    struct unique_frame unique;

    (void)state;
    assert_int_equal(paddr, PADDR(2));
    assert_true(count_at(&fixture, 2) == REF_COUNT_UNIQUE);
    unique = unique_frame_from_raw(&fixture.region, paddr);
    assert_ptr_equal(unique.slot, &fixture.region.slots[2]);
    assert_true(count_at(&fixture, 2) == REF_COUNT_UNIQUE);
    assert_int_equal(fixture.nr_drops, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_region, close_region)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_unique_frame_shuts_others_out),
        TEST(drop_leaves_the_slot_unused),
        TEST(reset_as_unused_drops_the_metadata),
        TEST(a_unique_frame_becomes_a_shared_one),
        TEST(a_frame_without_company_becomes_unique),
        TEST(a_frame_in_company_comes_back),
        TEST(repurpose_drops_and_writes),
        TEST(meta_mut_assigns),
        TEST(a_forgotten_unique_frame_stays_unique),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
