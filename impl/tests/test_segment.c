/* SPDX-License-Identifier: MPL-2.0 */
/* Segment. */
#include "support.h"

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

/* Gives each frame a probe, and counts for how many it was asked. */
struct maker {
    struct probe_meta probe;
    unsigned nr_calls;
    uint64_t last_paddr;
};

static struct any_frame_meta make_probe(void *context, uint64_t paddr)
{
    struct maker *maker = context;

    maker->nr_calls++;
    maker->last_paddr = paddr;
    maker->probe.payload = 100 + paddr / METASLOT_PAGE_SIZE;
    return probe_metadata(&maker->probe);
}

/* A segment of the frames from `first` to before `end`. */
static struct segment make_segment(uint64_t first, uint64_t end)
{
    struct segment segment = {77, 77};
    struct maker maker = {{0}, 0, 0};

    assert_int_equal(segment_from_unused(&fixture.region, PADDR(first), PADDR(end), make_probe,
                                         &maker, &segment),
                     METASLOT_OK);
    assert_int_equal(maker.nr_calls, end - first);
    return segment;
}

static void assert_range(struct segment segment, uint64_t first, uint64_t end)
{
    assert_int_equal(segment.start, PADDR(first));
    assert_int_equal(segment.end, PADDR(end));
    assert_int_equal(segment_size(segment), PADDR(end - first));
}

/* The slots' counts, one letter each: '.' unused, else the number. */
static void assert_counts(const char *expected)
{
    char actual[NR_TEST_SLOTS + 1] = "";

    for (uint64_t i = 0; i < NR_TEST_SLOTS; i++) {
        uint64_t count = count_at(&fixture, i);

        assert_true(count == REF_COUNT_UNUSED || count <= 9);
        actual[i] = count == REF_COUNT_UNUSED ? '.' : (char)('0' + count);
    }
    assert_string_equal(actual, expected);
}

/* The frames whose on_drop has run since the last call, in order, one digit each. */
static void assert_drops(const char *expected)
{
    char actual[MAX_RECORDS + 1] = "";

    for (unsigned i = 0; i < fixture.nr_drops; i++) {
        uint64_t index = fixture.drops[i].paddr / METASLOT_PAGE_SIZE;

        assert_int_equal(fixture.drops[i].payload, 100 + index);
        actual[i] = (char)('0' + index);
    }
    assert_string_equal(actual, expected);
    fixture.nr_drops = 0;
}

static void every_frame_gets_its_metadata(void **state)
{
    struct segment segment = make_segment(2, 5);

    (void)state;
    assert_range(segment, 2, 5);
    assert_counts("..111...");
    for (uint64_t i = 2; i < 5; i++)
        assert_int_equal(payload_at(&fixture, i), 100 + i);
    segment_drop(&fixture.region, segment);
    assert_counts("........");
    assert_drops("234");
}

/* What segment_from_unused says of a range that asks for no frame. */
static enum metaslot_result refuse(uint64_t start, uint64_t end)
{
    struct maker maker = {{0}, 0, 0};
    struct segment segment = {77, 77};
    enum metaslot_result result =
        segment_from_unused(&fixture.region, start, end, make_probe, &maker, &segment);

    assert_int_equal(maker.nr_calls, 0);
    assert_int_equal(segment.start, 77);
    assert_counts("........");
    return result;
}

static void ranges_that_cannot_be_are_refused(void **state)
{
    (void)state;
    assert_int_equal(refuse(1, PADDR(2)), METASLOT_NOT_ALIGNED);
    assert_int_equal(refuse(PADDR(1), PADDR(2) + 2048), METASLOT_NOT_ALIGNED);
    assert_int_equal(refuse(PADDR(9), 1), METASLOT_NOT_ALIGNED);
    assert_int_equal(refuse(PADDR(1), PADDR(NR_TEST_SLOTS + 1)), METASLOT_OUT_OF_BOUND);
    assert_int_equal(refuse(UINT64_MAX - 4095, UINT64_MAX - 4095), METASLOT_OUT_OF_BOUND);
    assert_int_equal(fixture.nr_panics, 0);
    assert_int_equal(refuse(PADDR(2), PADDR(2)), METASLOT_PANIC);
    assert_int_equal(refuse(PADDR(3), PADDR(2)), METASLOT_PANIC);
    assert_int_equal(refuse(PADDR(99), PADDR(2)), METASLOT_PANIC);
    assert_int_equal(fixture.nr_panics, 3);
    segment_drop(&fixture.region, make_segment(0, NR_TEST_SLOTS));
}

/* Frame `taken` of 2..6 is in use; those in `dropped` have been made before it. */
static void fail_at(uint64_t taken, const char *dropped, const char *counts)
{
    struct frame frame = make_frame(&fixture, taken, 0);
    struct maker maker = {{0}, 0, 0};
    struct segment segment = {77, 77};

    assert_int_equal(
        segment_from_unused(&fixture.region, PADDR(2), PADDR(6), make_probe, &maker, &segment),
        METASLOT_IN_USE);
    assert_int_equal(segment.start, 77);
    assert_int_equal(maker.nr_calls, taken - 2 + 1);
    assert_int_equal(maker.last_paddr, PADDR(taken));
    assert_counts(counts);
    assert_drops(dropped);
    frame_drop(&fixture.region, frame);
    fixture.nr_drops = 0;
    fixture.nr_ghosts = 0;
}

static void a_frame_in_use_undoes_the_others(void **state)
{
    struct unique_frame unique;
    struct maker maker = {{0}, 0, 0};
    struct segment segment;

    (void)state;
    fail_at(2, "", "..1.....");
    fail_at(4, "23", "....1...");
    fail_at(5, "234", ".....1..");
    unique = make_unique(&fixture, 3, 0);
    assert_int_equal(
        segment_from_unused(&fixture.region, PADDR(2), PADDR(6), make_probe, &maker, &segment),
        METASLOT_UNIQUE);
    assert_drops("2");
    unique_frame_drop(&fixture.region, unique);
    set_count(&fixture, 4, 0);
    assert_int_equal(
        segment_from_unused(&fixture.region, PADDR(4), PADDR(6), make_probe, &maker, &segment),
        METASLOT_BUSY);
    assert_int_equal(fixture.nr_panics, 0);
}

static void a_clone_counts_every_frame(void **state)
{
    struct segment segment = make_segment(1, 4), clone = {77, 77};

    (void)state;
    assert_int_equal(segment_clone(&fixture.region, segment, &clone), METASLOT_OK);
    assert_range(clone, 1, 4);
    assert_counts(".222....");
    segment_drop(&fixture.region, segment);
    assert_counts(".111....");
    assert_drops("");
    segment_drop(&fixture.region, clone);
    assert_drops("123");
}

static void a_saturated_frame_panics(void **state)
{
    struct segment segment = make_segment(1, 4), clone = {77, 77};

    (void)state;
    set_count(&fixture, 2, REF_COUNT_MAX);
    assert_int_equal(segment_clone(&fixture.region, segment, &clone), METASLOT_PANIC);
    assert_int_equal(fixture.nr_panics, 1);
    assert_int_equal(clone.start, 77);
    assert_int_equal(count_at(&fixture, 1), 2);
    assert_true(count_at(&fixture, 2) == REF_COUNT_MAX + 1);
    assert_int_equal(count_at(&fixture, 3), 1);
    assert_int_equal(segment_slice(&fixture.region, segment, PADDR(1), PADDR(3), &clone),
                     METASLOT_PANIC);
    assert_int_equal(clone.start, 77);
    assert_int_equal(count_at(&fixture, 1), 2);
    assert_true(count_at(&fixture, 2) == REF_COUNT_MAX + 2);
    assert_int_equal(count_at(&fixture, 3), 1);
    set_count(&fixture, 2, REF_COUNT_MAX - 1);
    assert_int_equal(segment_clone(&fixture.region, segment, &clone), METASLOT_OK);
    assert_true(count_at(&fixture, 2) == REF_COUNT_MAX);
}

static void slices(void **state)
{
    struct segment segment = make_segment(2, 6), slice = {77, 77};

    (void)state;
    assert_int_equal(segment_slice(&fixture.region, segment, PADDR(1), PADDR(3), &slice),
                     METASLOT_OK);
    assert_range(slice, 3, 5);
    assert_counts("..1221..");
    segment_drop(&fixture.region, slice);
    assert_int_equal(segment_slice(&fixture.region, segment, 0, PADDR(4), &slice), METASLOT_OK);
    assert_range(slice, 2, 6);
    segment_drop(&fixture.region, slice);
    for (uint64_t i = 0; i <= 4; i++) {
        assert_int_equal(segment_slice(&fixture.region, segment, PADDR(i), PADDR(i), &slice),
                         METASLOT_OK);
        assert_range(slice, 2 + i, 2 + i);
        segment_drop(&fixture.region, slice);
    }
    assert_counts("..1111..");
}

static void slices_out_of_bounds_panic(void **state)
{
    static const uint64_t bounds[][2] = {
        {1, PADDR(1)},          {0, PADDR(1) + 1},      {PADDR(2), PADDR(1)},
        {0, PADDR(5)},          {PADDR(5), PADDR(5)},   {UINT64_MAX - 4095, UINT64_MAX - 4095},
        {UINT64_MAX - 4095, 0}, {0, UINT64_MAX - 4095},
    };
    enum { NR_BOUNDS = sizeof(bounds) / sizeof(bounds[0]) };
    struct segment segment = make_segment(2, 6), slice = {77, 77};

    (void)state;
    for (unsigned i = 0; i < NR_BOUNDS; i++) {
        assert_int_equal(
            segment_slice(&fixture.region, segment, bounds[i][0], bounds[i][1], &slice),
            METASLOT_PANIC);
        assert_int_equal(fixture.nr_panics, i + 1);
    }
    assert_int_equal(slice.start, 77);
    assert_counts("..1111..");
}

static void a_split_moves_the_references(void **state)
{
    struct segment parts[2];

    (void)state;
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(segment_split(&fixture.region, make_segment(2, 6), PADDR(i), parts),
                         METASLOT_OK);
        assert_range(parts[0], 2, 2 + i);
        assert_range(parts[1], 2 + i, 6);
        assert_counts("..1111..");
        segment_drop(&fixture.region, parts[1]);
        segment_drop(&fixture.region, parts[0]);
        assert_counts("........");
        fixture.nr_drops = 0;
        fixture.nr_ghosts = 0;
    }
}

static void a_split_at_an_end_panics(void **state)
{
    static const uint64_t offsets[] = {0, 4 * 4096, 5 * 4096, 1, 4095, UINT64_MAX - 4095};
    enum { NR_OFFSETS = sizeof(offsets) / sizeof(offsets[0]) };
    struct segment segment = make_segment(2, 6), parts[2] = {{77, 77}, {77, 77}};

    (void)state;
    for (unsigned i = 0; i < NR_OFFSETS; i++) {
        assert_int_equal(segment_split(&fixture.region, segment, offsets[i], parts),
                         METASLOT_PANIC);
        assert_int_equal(fixture.nr_panics, i + 1);
    }
    assert_int_equal(parts[0].start, 77);
    assert_int_equal(parts[1].start, 77);
    assert_counts("..1111..");
}

static void next_takes_the_first_frame(void **state)
{
    struct segment segment = make_segment(2, 4);
    struct frame frame = {NULL};

    (void)state;
    for (uint64_t i = 2; i < 4; i++) {
        assert_int_equal(segment_next(&fixture.region, &segment, &frame), METASLOT_OK);
        assert_ptr_equal(frame.slot, &fixture.region.slots[i]);
        assert_range(segment, i + 1, 4);
        assert_int_equal(frame_reference_count(frame), 1);
        frame_drop(&fixture.region, frame);
    }
    frame.slot = NULL;
    assert_int_equal(segment_next(&fixture.region, &segment, &frame), METASLOT_NONE);
    assert_null(frame.slot);
    assert_range(segment, 4, 4);
    segment_drop(&fixture.region, segment);
    assert_drops("23");
}

static void forgotten_segments_come_back(void **state)
{
    struct segment range = segment_into_raw(make_segment(2, 5)), segment;

    (void)state;
    assert_range(range, 2, 5);
    assert_counts("..111...");
    segment = segment_from_raw((struct segment){PADDR(2), PADDR(4)});
    segment_drop(&fixture.region, segment);
    assert_counts("....1...");
    frame_drop(&fixture.region, frame_from_raw(&fixture.region, PADDR(4)));
    assert_drops("234");
}

static void a_frame_becomes_a_segment(void **state)
{
    struct segment segment =
        segment_from_frame(&fixture.region, make_frame(&fixture, NR_TEST_SLOTS - 1, 107));

    (void)state;
    assert_range(segment, NR_TEST_SLOTS - 1, NR_TEST_SLOTS);
    assert_counts(".......1");
    segment_drop(&fixture.region, segment);
    assert_drops("7");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_region, close_region)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_frame_gets_its_metadata),    TEST(ranges_that_cannot_be_are_refused),
        TEST(a_frame_in_use_undoes_the_others), TEST(a_clone_counts_every_frame),
        TEST(a_saturated_frame_panics),         TEST(slices),
        TEST(slices_out_of_bounds_panic),       TEST(a_split_moves_the_references),
        TEST(a_split_at_an_end_panics),         TEST(next_takes_the_first_frame),
        TEST(forgotten_segments_come_back),     TEST(a_frame_becomes_a_segment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
