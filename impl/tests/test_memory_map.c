/* SPDX-License-Identifier: MPL-2.0 */
/* The memory map. */
#include "support.h"

#include "metaslot/memory_map.h"

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

static struct memory_range range_of(uint64_t first, uint64_t end, enum page_usage usage)
{
    return (struct memory_range){PADDR(first), PADDR(end), usage};
}

/* The frames in use are these, one digit each, with one reference and an Empty of zeros. */
static void assert_claimed(const struct fixture *with, const char *expected)
{
    static const struct empty_meta zeros;
    char actual[NR_TEST_SLOTS + 1] = "";
    size_t length = 0;

    for (uint64_t i = 0; i < NR_TEST_SLOTS; i++) {
        struct meta_slot *slot = &with->region.slots[i];
        struct empty_meta empty;

        if (count_at(with, i) == REF_COUNT_UNUSED)
            continue;
        assert_int_equal(count_at(with, i), 1);
        assert_int_equal(frame_try_from((struct frame){slot}, &EMPTY_VTABLE), METASLOT_OK);
        frame_meta((struct frame){slot}, &empty, sizeof(empty));
        assert_memory_equal(&empty, &zeros, sizeof(empty));
        actual[length++] = (char)('0' + i);
    }
    assert_string_equal(actual, expected);
}

/* The events are those of claims for `usage` of the frames from `first` on; no obligation. */
static void assert_claim_events(uint64_t first, uint64_t nr, enum page_usage usage)
{
    static const uint32_t events[] = {GHOST_PERMISSION_TAKEN, GHOST_USAGE, GHOST_VTABLE_INIT,
                                      GHOST_STORAGE_INIT, GHOST_PERMISSION_REPARKED};

    assert_int_equal(fixture.nr_ghosts, 5 * nr);
    for (unsigned i = 0; i < fixture.nr_ghosts; i++) {
        assert_int_equal(fixture.ghosts[i].event, events[i % 5]);
        assert_int_equal(fixture.ghosts[i].index, first + i / 5);
        assert_int_equal(fixture.ghosts[i].value, i % 5 == 1 ? usage : 0);
    }
    fixture.nr_ghosts = 0;
}

static void memory_that_is_not_for_use_is_claimed(void **state)
{
    struct memory_range reserved = range_of(1, 3, PAGE_USAGE_RESERVED),
                        kernel = range_of(3, 4, PAGE_USAGE_KERNEL),
                        meta = range_of(6, NR_TEST_SLOTS, PAGE_USAGE_META);

    (void)state;
    assert_int_equal(meta_region_memory_range(&fixture.region, &reserved), MEMORY_RANGE_OK);
    assert_claim_events(1, 2, PAGE_USAGE_RESERVED);
    assert_int_equal(meta_region_memory_range(&fixture.region, &kernel), MEMORY_RANGE_OK);
    assert_claim_events(3, 1, PAGE_USAGE_KERNEL);
    assert_int_equal(meta_region_memory_range(&fixture.region, &meta), MEMORY_RANGE_OK);
    assert_claim_events(6, NR_TEST_SLOTS - 6, PAGE_USAGE_META);
    assert_claimed(&fixture, "12367");
}

static void mmio_is_only_reported(void **state)
{
    struct memory_range mmio = range_of(2, 5, PAGE_USAGE_MMIO);

    (void)state;
    assert_int_equal(meta_region_memory_range(&fixture.region, &mmio), MEMORY_RANGE_OK);
    assert_claimed(&fixture, "");
    assert_int_equal(fixture.nr_ghosts, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(fixture.ghosts[i].event, GHOST_USAGE);
        assert_int_equal(fixture.ghosts[i].index, 2 + i);
        assert_int_equal(fixture.ghosts[i].value, PAGE_USAGE_MMIO);
    }
}

static void usable_memory_stays_as_it_is(void **state)
{
    struct memory_range usable = range_of(0, NR_TEST_SLOTS, PAGE_USAGE_UNUSED);

    (void)state;
    assert_int_equal(meta_region_memory_range(&fixture.region, &usable), MEMORY_RANGE_OK);
    assert_claimed(&fixture, "");
    assert_int_equal(fixture.nr_ghosts, 0);
}

static enum memory_range_result mark(uint64_t start, uint64_t end, enum page_usage usage)
{
    struct memory_range range = {start, end, usage};
    enum memory_range_result result = meta_region_memory_range(&fixture.region, &range);

    assert_int_equal(fixture.nr_ghosts, 0);
    return result;
}

static void bad_ranges_change_nothing(void **state)
{
    (void)state;
    assert_int_equal(mark(0, PADDR(1), PAGE_USAGE_FRAME), MEMORY_RANGE_NO_USAGE);
    assert_int_equal(mark(0, PADDR(1), PAGE_USAGE_PAGE_TABLE), MEMORY_RANGE_NO_USAGE);
    assert_int_equal(mark(0, PADDR(1), (enum page_usage)7), MEMORY_RANGE_NO_USAGE);
    assert_int_equal(mark(1, PADDR(1), PAGE_USAGE_KERNEL), MEMORY_RANGE_NOT_ALIGNED);
    assert_int_equal(mark(0, PADDR(1) - 1, PAGE_USAGE_MMIO), MEMORY_RANGE_NOT_ALIGNED);
    assert_int_equal(mark(PADDR(1), PADDR(1), PAGE_USAGE_KERNEL), MEMORY_RANGE_EMPTY);
    assert_int_equal(mark(PADDR(9), PADDR(1), PAGE_USAGE_MMIO), MEMORY_RANGE_EMPTY);
    assert_int_equal(mark(0, PADDR(NR_TEST_SLOTS + 1), PAGE_USAGE_META), MEMORY_RANGE_OUT_OF_BOUND);
    assert_int_equal(mark(0, UINT64_MAX - 4095, PAGE_USAGE_MMIO), MEMORY_RANGE_OUT_OF_BOUND);
    assert_claimed(&fixture, "");
    (void)make_frame(&fixture, 3, 1);
    fixture.nr_ghosts = 0;
    assert_int_equal(mark(PADDR(1), PADDR(4), PAGE_USAGE_RESERVED), MEMORY_RANGE_NOT_UNUSED);
    assert_int_equal(mark(PADDR(3), PADDR(4), PAGE_USAGE_MMIO), MEMORY_RANGE_NOT_UNUSED);
    assert_int_equal(mark(PADDR(2), PADDR(4), PAGE_USAGE_UNUSED), MEMORY_RANGE_NOT_UNUSED);
    assert_true(count_at(&fixture, 1) == REF_COUNT_UNUSED);
    assert_true(count_at(&fixture, 2) == REF_COUNT_UNUSED);
}

static void a_region_begins_with_its_map(void **state)
{
    struct memory_range map[] = {
        range_of(0, 1, PAGE_USAGE_RESERVED), range_of(1, 3, PAGE_USAGE_UNUSED),
        range_of(4, 5, PAGE_USAGE_MMIO),     range_of(3, 4, PAGE_USAGE_KERNEL),
        range_of(7, 8, PAGE_USAGE_META),
    };
    struct meta_hooks hooks = {0};
    struct memory_map_error error = {77, MEMORY_RANGE_OK};
    struct fixture other;
    struct frame frame = {NULL};

    (void)state;
    memset(&other, 0, sizeof(other));
    assert_int_equal(
        meta_region_create_from_ranges(&other.region, NR_TEST_SLOTS, map, 5, &hooks, &error),
        META_REGION_CREATED);
    assert_int_equal(error.index, 77);
    assert_claimed(&other, "037");
    assert_int_equal(frame_from_unused(&other.region, PADDR(3), untyped_metadata(), &frame),
                     METASLOT_IN_USE);
    assert_int_equal(frame_from_unused(&other.region, PADDR(2), untyped_metadata(), &frame),
                     METASLOT_OK);
    fixture_close(&other);
    assert_int_equal(
        meta_region_create_from_ranges(&other.region, NR_TEST_SLOTS, NULL, 0, &hooks, NULL),
        META_REGION_CREATED);
    assert_claimed(&other, "");
    fixture_close(&other);
}

static void a_bad_map_makes_no_region(void **state)
{
    struct memory_range map[] = {
        range_of(0, 2, PAGE_USAGE_MMIO),
        range_of(4, 6, PAGE_USAGE_KERNEL),
        range_of(2, 3, PAGE_USAGE_META),
    };
    struct meta_hooks hooks = {.ghost = record_ghost, .ghost_context = &fixture};
    struct memory_map_error error = {77, MEMORY_RANGE_OK};
    struct meta_region region = {.nr_slots = 77};

    (void)state;
    assert_int_equal(meta_region_create_from_ranges(&region, 0, map, 3, &hooks, &error),
                     META_REGION_NO_SLOTS);
    assert_int_equal(error.index, 77);
    assert_int_equal(meta_region_create_from_ranges(&region, 5, map, 3, &hooks, &error),
                     META_REGION_BAD_RANGE);
    assert_int_equal(error.index, 1);
    assert_int_equal(error.why, MEMORY_RANGE_OUT_OF_BOUND);
    assert_int_equal(meta_region_create_from_ranges(&region, 5, map, 3, &hooks, NULL),
                     META_REGION_BAD_RANGE);
    map[2] = range_of(1, 3, PAGE_USAGE_META);
    assert_int_equal(meta_region_create_from_ranges(&region, 8, map, 3, &hooks, &error),
                     META_REGION_BAD_RANGE);
    assert_int_equal(error.index, 2);
    assert_int_equal(error.why, MEMORY_RANGE_NOT_UNUSED);
    assert_int_equal(region.nr_slots, 77);
    assert_int_equal(fixture.nr_ghosts, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_region, close_region)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(memory_that_is_not_for_use_is_claimed), TEST(mmio_is_only_reported),
        TEST(usable_memory_stays_as_it_is),          TEST(bad_ranges_change_nothing),
        TEST(a_region_begins_with_its_map),          TEST(a_bad_map_makes_no_region),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
