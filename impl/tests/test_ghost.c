/* SPDX-License-Identifier: MPL-2.0 */
/* Ghost events: which ones an operation reports, and in what order. */
#include "support.h"

#include "metaslot/linked_list.h"
#include "metaslot/page_table.h"
#include "metaslot/segment.h"

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
 * taken, R re-parked, m minted, r redeemed, V v vtable, S s storage, capital for init, P p path
 * (with its number) added and removed.
 */
static void assert_ghosts(uint64_t index, const char *expected)
{
    static const char letters[] = "UTRmrSsVvPp";
    char actual[2 * MAX_RECORDS + 1] = "";
    size_t length = 0;

    for (unsigned i = 0; i < fixture.nr_ghosts; i++) {
        const struct ghost_record *record = &fixture.ghosts[i];

        assert_true(record->event < sizeof(letters) - 1);
        assert_int_equal(record->index, index);
        actual[length++] = letters[record->event];
        if (record->event == GHOST_USAGE || record->event >= GHOST_PATH_ADDED)
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

static void mappings(void **state)
{
    struct frame frame = make_frame(&fixture, 4, 1);

    (void)state;
    fixture.nr_ghosts = 0;
    (void)frame_map(&fixture.region, frame, 7);
    assert_ghosts(4, "rP7");
    frame = frame_unmap(&fixture.region, PADDR(4), 7);
    assert_ghosts(4, "p7m");
    frame_drop(&fixture.region, frame);
    assert_ghosts(4, "rsv");
    mmio_map(&fixture.region, PADDR(5), 8);
    mmio_unmap(&fixture.region, PADDR(5), 8);
    assert_ghosts(5, "P8p8");
}

static void lists(void **state)
{
    struct linked_list list = linked_list_new();
    struct frame_link_meta link = {{0, 0}, {0, 0}, 1};
    struct unique_frame unique = {NULL};
    struct linked_list_cursor cursor;

    (void)state;
    assert_int_equal(
        unique_frame_from_unused(&fixture.region, PADDR(5), frame_link_metadata(&link), &unique),
        METASLOT_OK);
    fixture.nr_ghosts = 0;
    assert_int_equal(linked_list_push_back(&fixture.region, &list, unique), METASLOT_OK);
    assert_ghosts(5, "r");
    cursor = linked_list_cursor_front_mut(&list);
    assert_int_equal(linked_list_cursor_take_current(&fixture.region, &cursor, &unique),
                     METASLOT_OK);
    assert_ghosts(5, "m");
    assert_int_equal(linked_list_push_front(&fixture.region, &list, unique), METASLOT_OK);
    assert_int_equal(linked_list_pop_back(&fixture.region, &list, &unique), METASLOT_OK);
    assert_int_equal(linked_list_push_front(&fixture.region, &list, unique), METASLOT_OK);
    assert_ghosts(5, "rmr");
    linked_list_drop(&fixture.region, &list);
    assert_ghosts(5, "mrsv");
}

static struct any_frame_meta no_metadata(void *context, uint64_t paddr)
{
    (void)context, (void)paddr;
    return untyped_metadata();
}

/* A segment owes nothing: what is minted on the way in or out is redeemed at once. */
static void segments(void **state)
{
    struct segment segment = {0, 0}, clone = {0, 0};
    struct frame frame = {NULL};

    (void)state;
    assert_int_equal(
        segment_from_unused(&fixture.region, PADDR(5), PADDR(6), no_metadata, NULL, &segment),
        METASLOT_OK);
    assert_ghosts(5, "TU2VSRmr");
    assert_int_equal(segment_clone(&fixture.region, segment, &clone), METASLOT_OK);
    assert_ghosts(5, "");
    segment_drop(&fixture.region, clone);
    assert_ghosts(5, "mr");
    assert_int_equal(segment_next(&fixture.region, &segment, &frame), METASLOT_OK);
    assert_ghosts(5, "m");
    segment = segment_from_frame(&fixture.region, frame);
    assert_ghosts(5, "r");
    segment_drop(&fixture.region, segment_from_raw(segment_into_raw(segment)));
    assert_ghosts(5, "mrsv");
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
        TEST(mappings),
        TEST(lists),
        TEST(segments),
        TEST(page_table_nodes),
        TEST(errors_and_panics_report_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
