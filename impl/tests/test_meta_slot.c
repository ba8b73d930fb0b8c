/* SPDX-License-Identifier: MPL-2.0 */
/* MetaSlot: the result of every operation, and that an error changes nothing. */
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

static void get_slot_checks_alignment_before_bounds(void **state)
{
    struct meta_slot *slot = NULL;

    (void)state;
    assert_int_equal(meta_slot_get_slot(&fixture.region, PADDR(3), &slot), METASLOT_OK);
    assert_ptr_equal(slot, &fixture.region.slots[3]);
    slot = NULL;
    assert_int_equal(meta_slot_get_slot(&fixture.region, 1, &slot), METASLOT_NOT_ALIGNED);
    assert_int_equal(meta_slot_get_slot(&fixture.region, PADDR(NR_TEST_SLOTS) + 2048, &slot),
                     METASLOT_NOT_ALIGNED);
    assert_int_equal(meta_slot_get_slot(&fixture.region, UINT64_MAX, &slot), METASLOT_NOT_ALIGNED);
    assert_int_equal(meta_slot_get_slot(&fixture.region, PADDR(NR_TEST_SLOTS), &slot),
                     METASLOT_OUT_OF_BOUND);
    assert_int_equal(meta_slot_get_slot(&fixture.region, UINT64_MAX - 4095, &slot),
                     METASLOT_OUT_OF_BOUND);
    assert_null(slot);
}

/* A count, and how an operation that finds it ends. */
struct expectation {
    uint64_t count;
    enum metaslot_result result;
};

static enum metaslot_result claim(uint64_t paddr, bool as_unique, struct meta_slot **slot)
{
    struct probe_meta probe = {42};

    return meta_slot_get_from_unused(&fixture.region, paddr, probe_metadata(&probe), as_unique,
                                     slot);
}

static void get_from_unused_tells_what_it_found(void **state)
{
    static const struct expectation expectations[] = {
        {0, METASLOT_BUSY},
        {1, METASLOT_IN_USE},
        {REF_COUNT_MAX, METASLOT_IN_USE},
        {REF_COUNT_MAX + 1, METASLOT_IN_USE},
        {REF_COUNT_UNIQUE - 1, METASLOT_IN_USE},
        {REF_COUNT_UNIQUE, METASLOT_UNIQUE},
    };
    struct meta_slot *slot = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        set_count(&fixture, 2, expectations[i].count);
        assert_int_equal(claim(PADDR(2), i % 2 != 0, &slot), expectations[i].result);
        assert_true(count_at(&fixture, 2) == expectations[i].count);
    }
    assert_int_equal(claim(PADDR(2) + 8, false, &slot), METASLOT_NOT_ALIGNED);
    assert_int_equal(claim(PADDR(NR_TEST_SLOTS), false, &slot), METASLOT_OUT_OF_BOUND);
    assert_null(slot);
    assert_int_equal(fixture.nr_ghosts, 0);
    assert_int_equal(fixture.nr_panics, 0);
}

static void get_from_unused_claims_an_unused_slot(void **state)
{
    struct meta_slot *slot = NULL;

    (void)state;
    assert_int_equal(claim(PADDR(0), false, &slot), METASLOT_OK);
    assert_ptr_equal(slot, &fixture.region.slots[0]);
    assert_int_equal(count_at(&fixture, 0), 1);
    assert_int_equal(payload_at(&fixture, 0), 42);
    assert_int_equal(claim(PADDR(1), true, &slot), METASLOT_OK);
    assert_ptr_equal(slot, &fixture.region.slots[1]);
    assert_true(count_at(&fixture, 1) == REF_COUNT_UNIQUE);
    assert_int_equal(payload_at(&fixture, 1), 42);
    assert_true(count_at(&fixture, 2) == REF_COUNT_UNUSED);
}

static void get_from_in_use_tells_what_it_found(void **state)
{
    static const struct expectation expectations[] = {
        {REF_COUNT_UNUSED, METASLOT_UNUSED},
        {REF_COUNT_UNIQUE, METASLOT_UNIQUE},
        {0, METASLOT_BUSY},
        {REF_COUNT_MAX, METASLOT_PANIC},
        {REF_COUNT_MAX + 1, METASLOT_PANIC},
        {REF_COUNT_UNIQUE - 1, METASLOT_PANIC},
    };
    struct meta_slot *slot = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        set_count(&fixture, 5, expectations[i].count);
        assert_int_equal(meta_slot_get_from_in_use(&fixture.region, PADDR(5), &slot),
                         expectations[i].result);
        assert_true(count_at(&fixture, 5) == expectations[i].count);
    }
    assert_int_equal(meta_slot_get_from_in_use(&fixture.region, 5, &slot), METASLOT_NOT_ALIGNED);
    assert_int_equal(meta_slot_get_from_in_use(&fixture.region, PADDR(NR_TEST_SLOTS), &slot),
                     METASLOT_OUT_OF_BOUND);
    assert_null(slot);
    assert_int_equal(fixture.nr_panics, 3);
}

static void get_from_in_use_adds_one_up_to_the_maximum(void **state)
{
    struct meta_slot *slot = NULL;

    (void)state;
    set_count(&fixture, 5, 1);
    assert_int_equal(meta_slot_get_from_in_use(&fixture.region, PADDR(5), &slot), METASLOT_OK);
    assert_ptr_equal(slot, &fixture.region.slots[5]);
    assert_int_equal(count_at(&fixture, 5), 2);
    set_count(&fixture, 5, REF_COUNT_MAX - 1);
    assert_int_equal(meta_slot_get_from_in_use(&fixture.region, PADDR(5), &slot), METASLOT_OK);
    assert_true(count_at(&fixture, 5) == REF_COUNT_MAX);
    assert_int_equal(fixture.nr_panics, 0);
}

static void inc_ref_count_panics_after_the_addition(void **state)
{
    struct meta_slot *slot = &fixture.region.slots[5];

    (void)state;
    set_count(&fixture, 5, 1);
    assert_int_equal(meta_slot_inc_ref_count(&fixture.region, slot), METASLOT_OK);
    assert_int_equal(count_at(&fixture, 5), 2);
    set_count(&fixture, 5, REF_COUNT_MAX - 1);
    assert_int_equal(meta_slot_inc_ref_count(&fixture.region, slot), METASLOT_OK);
    assert_int_equal(fixture.nr_panics, 0);
    assert_int_equal(meta_slot_inc_ref_count(&fixture.region, slot), METASLOT_PANIC);
    assert_true(count_at(&fixture, 5) == REF_COUNT_MAX + 1);
    assert_int_equal(meta_slot_inc_ref_count(&fixture.region, slot), METASLOT_PANIC);
    assert_true(count_at(&fixture, 5) == REF_COUNT_MAX + 2);
    assert_int_equal(fixture.nr_panics, 2);
}

static void pointers_lead_to_frame_and_metadata(void **state)
{
    struct frame frame = make_frame(&fixture, 6, 1);
    struct dyn_meta_ptr meta = meta_slot_dyn_meta_ptr(frame.slot);

    (void)state;
    assert_int_equal(meta_slot_frame_paddr(&fixture.region, frame.slot), PADDR(6));
    assert_ptr_equal(meta_slot_as_meta_ptr(frame.slot), frame.slot);
    assert_ptr_equal(meta.object, frame.slot);
    assert_ptr_equal(meta.vtable, &PROBE_VTABLE);
}

static void write_meta_drops_nothing(void **state)
{
    struct unique_frame frame = make_unique(&fixture, 6, 1);
    struct frame_link_meta link = {{1, 64}, {1, 128}, 3}, read;

    (void)state;
    meta_slot_write_meta(&fixture.region, frame.slot, frame_link_metadata(&link));
    assert_int_equal(fixture.nr_drops, 0);
    assert_ptr_equal(meta_slot_dyn_meta_ptr(frame.slot).vtable, &FRAME_LINK_VTABLE);
    unique_frame_meta(frame, &read, sizeof(read));
    assert_memory_equal(&read, &link, sizeof(link));
    assert_true(count_at(&fixture, 6) == REF_COUNT_UNIQUE);
}

static void drop_meta_in_place_leaves_the_count(void **state)
{
    struct unique_frame frame = make_unique(&fixture, 6, 9);

    (void)state;
    meta_slot_drop_meta_in_place(&fixture.region, frame.slot);
    assert_dropped_once(&fixture, 6, 9);
    assert_true(count_at(&fixture, 6) == REF_COUNT_UNIQUE);
}

static void drop_last_in_place_leaves_the_slot_unused(void **state)
{
    struct frame frame = make_frame(&fixture, 6, 9);

    (void)state;
    set_count(&fixture, 6, 0);
    meta_slot_drop_last_in_place(&fixture.region, frame.slot);
    assert_dropped_once(&fixture, 6, 9);
    assert_true(count_at(&fixture, 6) == REF_COUNT_UNUSED);
}

/* A type of one's own, which writes down in what order it is dropped and what it then sees. */
struct traced_meta {
    uint64_t words[5];
};
METADATA_FITS(struct traced_meta);

static char order[8];
static struct frame_reader seen_reader;
static struct traced_meta seen_object;
static uint64_t seen_count;

static void traced_on_drop(const struct meta_region *region, struct meta_slot *slot,
                           struct frame_reader reader)
{
    assert_ptr_equal(region, &fixture.region);
    strcat(order, "o");
    seen_reader = reader;
    seen_count = atomic_load_relaxed(&slot->ref_count);
    nonatomic_copy_out(&seen_object, slot->storage, sizeof(seen_object));
}

static void traced_drop(struct meta_slot *slot)
{
    (void)slot;
    strcat(order, "d");
}

static const struct meta_vtable TRACED_VTABLE = {
    .type_id = METADATA_OTHER,
    .size = sizeof(struct traced_meta),
    .align = alignof(struct traced_meta),
    .name = "Traced",
    .on_drop = traced_on_drop,
    .drop = traced_drop,
};

static void on_drop_runs_before_the_destructor_and_before_unused(void **state)
{
    struct traced_meta traced = {{1, 2, 3, 4, 5}};
    struct any_frame_meta metadata = {&TRACED_VTABLE, &traced, sizeof(traced)};
    struct frame frame = {NULL};

    (void)state;
    order[0] = '\0';
    assert_int_equal(meta_vtable_check(&TRACED_VTABLE), METADATA_TYPE_OK);
    assert_int_equal(frame_from_unused(&fixture.region, PADDR(4), metadata, &frame), METASLOT_OK);
    frame_drop(&fixture.region, frame);
    assert_string_equal(order, "od");
    assert_int_equal(seen_reader.paddr, PADDR(4));
    assert_int_equal(seen_reader.remaining, 4096);
    assert_memory_equal(&seen_object, &traced, sizeof(traced));
    assert_int_equal(seen_count, 0);
    assert_true(count_at(&fixture, 4) == REF_COUNT_UNUSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_region, close_region)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(get_slot_checks_alignment_before_bounds),
        TEST(get_from_unused_tells_what_it_found),
        TEST(get_from_unused_claims_an_unused_slot),
        TEST(get_from_in_use_tells_what_it_found),
        TEST(get_from_in_use_adds_one_up_to_the_maximum),
        TEST(inc_ref_count_panics_after_the_addition),
        TEST(pointers_lead_to_frame_and_metadata),
        TEST(write_meta_drops_nothing),
        TEST(drop_meta_in_place_leaves_the_count),
        TEST(drop_last_in_place_leaves_the_slot_unused),
        TEST(on_drop_runs_before_the_destructor_and_before_unused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
