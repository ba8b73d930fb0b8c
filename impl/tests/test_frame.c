/* SPDX-License-Identifier: MPL-2.0 */
/* Frame and PageTableNode. */
#include "support.h"

#include "metaslot/page_table.h"

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

static void the_last_drop_drops_the_metadata(void **state)
{
    struct frame frame = make_frame(&fixture, 1, 7), other = {NULL};

    (void)state;
    assert_int_equal(frame_reference_count(frame), 1);
    assert_int_equal(frame_from_in_use(&fixture.region, PADDR(1), &other), METASLOT_OK);
    assert_ptr_equal(other.slot, frame.slot);
    assert_int_equal(frame_reference_count(frame), 2);
    frame_drop(&fixture.region, frame);
    assert_int_equal(frame_reference_count(other), 1);
    assert_int_equal(fixture.nr_drops, 0);
    frame_drop(&fixture.region, other);
    assert_true(count_at(&fixture, 1) == REF_COUNT_UNUSED);
    assert_dropped_once(&fixture, 1, 7);
}

static void a_dropped_frame_can_be_had_again(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        frame_drop(&fixture.region, make_frame(&fixture, 1, i));
        assert_int_equal(fixture.drops[i].payload, i);
    }
    assert_int_equal(fixture.nr_drops, 3);
}

static void errors_leave_everything(void **state)
{
    struct frame frame = make_frame(&fixture, 1, 7), none = {NULL};

    (void)state;
    assert_int_equal(frame_from_unused(&fixture.region, PADDR(1), untyped_metadata(), &none),
                     METASLOT_IN_USE);
    assert_int_equal(frame_from_in_use(&fixture.region, PADDR(2), &none), METASLOT_UNUSED);
    assert_null(none.slot);
    assert_int_equal(frame_reference_count(frame), 1);
    assert_int_equal(payload_at(&fixture, 1), 7);
    assert_true(count_at(&fixture, 2) == REF_COUNT_UNUSED);
}

static void clone_panics_at_the_maximum(void **state)
{
    struct frame frame = make_frame(&fixture, 1, 7), clone = {NULL};

    (void)state;
    assert_int_equal(frame_clone(&fixture.region, frame, &clone), METASLOT_OK);
    assert_ptr_equal(clone.slot, frame.slot);
    assert_int_equal(frame_reference_count(frame), 2);
    clone.slot = NULL;
    set_count(&fixture, 1, REF_COUNT_MAX);
    assert_int_equal(frame_clone(&fixture.region, frame, &clone), METASLOT_PANIC);
    assert_null(clone.slot);
    assert_true(frame_reference_count(frame) == REF_COUNT_MAX + 1);
    assert_int_equal(fixture.nr_panics, 1);
}

static void from_in_use_panics_at_the_maximum(void **state)
{
    struct frame frame = make_frame(&fixture, 1, 7), other = {NULL};

    (void)state;
    set_count(&fixture, 1, REF_COUNT_MAX);
    assert_int_equal(frame_from_in_use(&fixture.region, PADDR(1), &other), METASLOT_PANIC);
    assert_null(other.slot);
    assert_true(frame_reference_count(frame) == REF_COUNT_MAX);
    assert_int_equal(fixture.nr_panics, 1);
}

static void a_forgotten_frame_still_counts(void **state)
{
    struct frame frame = make_frame(&fixture, 5, 7);
    uint64_t paddr = frame_into_raw(&fixture.region, frame);

    (void)state;
    assert_int_equal(paddr, PADDR(5));
    assert_int_equal(count_at(&fixture, 5), 1);
    frame = frame_from_raw(&fixture.region, paddr);
    assert_ptr_equal(frame.slot, &fixture.region.slots[5]);
    assert_int_equal(frame_reference_count(frame), 1);
    frame_drop(&fixture.region, frame);
    assert_dropped_once(&fixture, 5, 7);
}

static void metadata_comes_back_as_stored(void **state)
{
    struct empty_meta empty, read;
    struct frame frame = {NULL};

    (void)state;
    for (size_t i = 0; i < sizeof(empty.bytes); i++)
        empty.bytes[i] = (unsigned char)(i * 5 + 1);
    assert_int_equal(frame_from_unused(&fixture.region, PADDR(0), empty_metadata(&empty), &frame),
                     METASLOT_OK);
    frame_meta(frame, &read, sizeof(read));
    assert_memory_equal(&read, &empty, sizeof(empty));
}

static void a_borrowed_frame_does_not_count(void **state)
{
    struct frame frame = make_frame(&fixture, 5, 7);
    struct frame_ref borrowed = frame_borrow(frame), at;
    struct probe_meta probe = {0};

    (void)state;
    fixture.nr_ghosts = 0;
    assert_ptr_equal(borrowed.inner.slot, frame.slot);
    assert_int_equal(frame_reference_count(borrowed.inner), 1);
    frame_meta(borrowed.inner, &probe, sizeof(probe));
    assert_int_equal(probe.payload, 7);
    at = frame_ref_borrow_paddr(&fixture.region, PADDR(5));
    assert_ptr_equal(at.inner.slot, frame.slot);
    assert_int_equal(frame_reference_count(frame), 1);
    assert_int_equal(fixture.nr_ghosts, 0);
    frame_drop(&fixture.region, frame);
    assert_dropped_once(&fixture, 5, 7);
}

static void a_frame_has_one_type(void **state)
{
    static const struct meta_vtable *const vtables[] = {&EMPTY_VTABLE, &UNTYPED_VTABLE,
                                                        &FRAME_LINK_VTABLE, &PT_NODE_VTABLE};
    struct frame frame = make_frame(&fixture, 5, 7);

    (void)state;
    fixture.nr_ghosts = 0;
    assert_int_equal(frame_try_from(frame, &PROBE_VTABLE), METASLOT_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(frame_try_from(frame, vtables[i]), METASLOT_RETURNED);
    assert_int_equal(frame_reference_count(frame), 1);
    assert_int_equal(payload_at(&fixture, 5), 7);
    assert_int_equal(fixture.nr_ghosts, 0);
}

static void a_mapped_frame_still_counts(void **state)
{
    struct frame frame = make_frame(&fixture, 5, 7), clone = {NULL};

    (void)state;
    assert_int_equal(frame_clone(&fixture.region, frame, &clone), METASLOT_OK);
    assert_int_equal(frame_map(&fixture.region, frame, 9), PADDR(5));
    frame_drop(&fixture.region, clone);
    assert_int_equal(count_at(&fixture, 5), 1);
    assert_int_equal(fixture.nr_drops, 0);
    frame = frame_unmap(&fixture.region, PADDR(5), 9);
    assert_int_equal(frame_reference_count(frame), 1);
    frame_drop(&fixture.region, frame);
    assert_dropped_once(&fixture, 5, 7);
}

static void mapped_mmio_memory_stays_unused(void **state)
{
    (void)state;
    mmio_map(&fixture.region, PADDR(5), 9);
    assert_true(count_at(&fixture, 5) == REF_COUNT_UNUSED);
    mmio_unmap(&fixture.region, PADDR(5), 9);
    assert_true(count_at(&fixture, 5) == REF_COUNT_UNUSED);
}

static void a_page_table_node_starts_empty(void **state)
{
    struct frame node = {NULL};
    struct pt_node_meta meta;

    (void)state;
    assert_int_equal(page_table_node_alloc(&fixture.region, PADDR(3), 4, &node), METASLOT_OK);
    assert_ptr_equal(node.slot, &fixture.region.slots[3]);
    assert_int_equal(frame_reference_count(node), 1);
    assert_ptr_equal(meta_slot_dyn_meta_ptr(node.slot).vtable, &PT_NODE_VTABLE);
    frame_meta(node, &meta, sizeof(meta));
    assert_int_equal(meta.nr_children, 0);
    assert_int_equal(meta.stray, 0);
    assert_int_equal(meta.level, 4);
    assert_int_equal(meta.lock, 0);
}

static void a_page_table_node_needs_an_unused_slot(void **state)
{
    struct frame node = {NULL};

    (void)state;
    make_frame(&fixture, 3, 1);
    assert_int_equal(page_table_node_alloc(&fixture.region, PADDR(3), 1, &node), METASLOT_IN_USE);
    assert_int_equal(page_table_node_alloc(&fixture.region, 3, 1, &node), METASLOT_NOT_ALIGNED);
    assert_int_equal(page_table_node_alloc(&fixture.region, PADDR(NR_TEST_SLOTS), 1, &node),
                     METASLOT_OUT_OF_BOUND);
    assert_null(node.slot);
    assert_int_equal(payload_at(&fixture, 3), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_region, close_region)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_last_drop_drops_the_metadata),
        TEST(a_dropped_frame_can_be_had_again),
        TEST(errors_leave_everything),
        TEST(clone_panics_at_the_maximum),
        TEST(from_in_use_panics_at_the_maximum),
        TEST(a_forgotten_frame_still_counts),
        TEST(metadata_comes_back_as_stored),
        TEST(a_borrowed_frame_does_not_count),
        TEST(a_frame_has_one_type),
        TEST(a_mapped_frame_still_counts),
        TEST(mapped_mmio_memory_stays_unused),
        TEST(a_page_table_node_starts_empty),
        TEST(a_page_table_node_needs_an_unused_slot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
