/* SPDX-License-Identifier: MPL-2.0 */
/* Ghost events: which ones an operation reports, and in what order. */
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

/*
 * The events since the last call, all on slot `index`, as a string: U usage (with its number), T
 * taken, R re-parked, m minted, r redeemed, V v vtable, S s storage, capital for init.
 */
static void assert_ghosts(uint64_t index, const char *expected)
{
    static const char letters[] = "UTRmrSsVv";
    char actual[2 * MAX_RECORDS + 1] = "";
    size_t length = 0;

    for (unsigned i = 0; i < fixture.nr_ghosts; i++) {
        const struct ghost_record *record = &fixture.ghosts[i];

        assert_true(record->event < sizeof(letters) - 1);
        assert_int_equal(record->index, index);
        actual[length++] = letters[record->event];
        if (record->event == GHOST_USAGE)
            actual[length++] = (char)('0' + record->value);
        else
            assert_int_equal(record->value, 0);
    }
    assert_string_equal(actual, expected);
    fixture.nr_ghosts = 0;
}

static void slot_level_operations(void **state)
{
    struct meta_slot *slot = NULL;

    (void)state;
    assert_int_equal(
        meta_slot_get_from_unused(&fixture.region, PADDR(3), untyped_metadata(), false, &slot),
        METASLOT_OK);
    assert_ghosts(3, "TU2VS");
    meta_slot_repark(&fixture.region, slot);
    assert_ghosts(3, "R");
    assert_int_equal(meta_slot_get_from_in_use(&fixture.region, PADDR(3), &slot), METASLOT_OK);
    assert_int_equal(meta_slot_inc_ref_count(&fixture.region, slot), METASLOT_OK);
    assert_ghosts(3, "");
    set_count(&fixture, 3, REF_COUNT_UNIQUE);
    meta_slot_drop_meta_in_place(&fixture.region, slot);
    assert_ghosts(3, "sv");
    meta_slot_write_meta(&fixture.region, slot, untyped_metadata());
    assert_ghosts(3, "VS");
    set_count(&fixture, 3, 0);
    meta_slot_drop_last_in_place(&fixture.region, slot);
    assert_ghosts(3, "sv");
}

static void frames(void **state)
{
    struct frame frame = make_frame(&fixture, 4, 1), other = {NULL};

    (void)state;
    assert_ghosts(4, "TU2VSRm");
    assert_int_equal(frame_clone(&fixture.region, frame, &other), METASLOT_OK);
    assert_ghosts(4, "m");
    frame_drop(&fixture.region, other);
    assert_ghosts(4, "r");
    assert_int_equal(frame_from_in_use(&fixture.region, PADDR(4), &other), METASLOT_OK);
    assert_ghosts(4, "m");
    (void)!frame_into_raw(&fixture.region, other);
    assert_ghosts(4, "r");
    other = frame_from_raw(&fixture.region, PADDR(4));
    assert_ghosts(4, "m");
    frame_drop(&fixture.region, other);
    frame_drop(&fixture.region, frame);
    assert_ghosts(4, "rrsv");
}

static void unique_frames(void **state)
{
    struct unique_frame unique = make_unique(&fixture, 5, 1);
    struct frame frame;

    (void)state;
    assert_ghosts(5, "TU2VSRm");
    frame = frame_from_unique(&fixture.region, unique);
    assert_int_equal(unique_frame_try_from(&fixture.region, frame, &unique), METASLOT_OK);
    assert_ghosts(5, "");
    unique = unique_frame_repurpose(&fixture.region, unique, untyped_metadata());
    assert_ghosts(5, "svVS");
    unique_frame_meta_mut(unique, NULL, 0);
    assert_ghosts(5, "");
    (void)!unique_frame_into_raw(&fixture.region, unique);
    assert_ghosts(5, "r");
    unique = unique_frame_from_raw(&fixture.region, PADDR(5));
    assert_ghosts(5, "m");
    unique_frame_drop(&fixture.region, unique);
    assert_ghosts(5, "rsv");
    unique = make_unique(&fixture, 5, 1);
    fixture.nr_ghosts = 0;
    unique_frame_reset_as_unused(&fixture.region, unique);
    assert_ghosts(5, "rsv");
}

static void page_table_nodes(void **state)
{
    struct frame node = {NULL};

    (void)state;
    assert_int_equal(page_table_node_alloc(&fixture.region, PADDR(6), 1, &node), METASLOT_OK);
    assert_ghosts(6, "TU3VSRm");
    frame_drop(&fixture.region, node);
    assert_ghosts(6, "rsv");
}

static void errors_and_panics_report_nothing(void **state)
{
    struct frame frame = make_frame(&fixture, 4, 1), none = {NULL};
    struct unique_frame unique = {NULL};

    (void)state;
    fixture.nr_ghosts = 0;
    assert_int_equal(frame_from_unused(&fixture.region, PADDR(4), untyped_metadata(), &none),
                     METASLOT_IN_USE);
    assert_int_equal(page_table_node_alloc(&fixture.region, PADDR(4), 1, &none), METASLOT_IN_USE);
    assert_int_equal(
        unique_frame_from_unused(&fixture.region, PADDR(4), untyped_metadata(), &unique),
        METASLOT_IN_USE);
    assert_int_equal(frame_from_in_use(&fixture.region, PADDR(1), &none), METASLOT_UNUSED);
    set_count(&fixture, 4, REF_COUNT_MAX);
    assert_int_equal(unique_frame_try_from(&fixture.region, frame, &unique), METASLOT_RETURNED);
    assert_int_equal(frame_from_in_use(&fixture.region, PADDR(4), &none), METASLOT_PANIC);
    assert_int_equal(frame_clone(&fixture.region, frame, &none), METASLOT_PANIC);
    assert_ghosts(4, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_region, close_region)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(slot_level_operations),
        TEST(frames),
        TEST(unique_frames),
        TEST(page_table_nodes),
        TEST(errors_and_panics_report_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
