/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Under ASan and MSan, in a checking build: what the specification calls uninitialised is poisoned,
 * and nothing else is. Elsewhere there is nothing to test.
 */
#include "support.h"

#include <stdlib.h>

#include "metaslot/repr.h"

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

/* How many of these bytes a sanitizer lets one read, from the first one on. */
static size_t readable(const void *bytes, size_t size)
{
#if defined(METASLOT_POISON_ASAN)
    const void *end = __asan_region_is_poisoned((void *)(uintptr_t)bytes, size);

    return end == NULL ? size : (size_t)((const char *)end - (const char *)bytes);
#elif defined(METASLOT_POISON_MSAN)
    intptr_t end = __msan_test_shadow(bytes, size);

    return end < 0 ? size : (size_t)end;
#else
    (void)bytes, (void)size;
    skip();
    return 0;
#endif
}

/* The slot holds an object of `size` bytes. */
static void assert_init(const struct meta_slot *slot, size_t size)
{
    assert_int_equal(readable(slot->storage, 40), size);
    assert_int_equal(readable(&slot->vtable_ptr, 8), 8);
}

static void assert_uninit(const struct meta_slot *slot)
{
    assert_int_equal(readable(slot->storage, 40), 0);
    assert_int_equal(readable(slot->storage + 39, 1), 0);
    assert_int_equal(readable(&slot->vtable_ptr, 8), 0);
    assert_int_equal(readable((const void *)&slot->ref_count, 8), 8);
    assert_int_equal(readable((const void *)&slot->in_list, 8), 8);
}

static void an_unused_slot_is_poisoned(void **state)
{
    const uint64_t index = 2;
    struct frame frame;

    (void)state;
    for (uint64_t i = 0; i < NR_TEST_SLOTS; i++)
        assert_uninit(&fixture.region.slots[i]);
    frame = make_frame(&fixture, 2, 1);
    assert_init(frame.slot, 8);
    frame_drop(&fixture.region, frame);
    assert_uninit(frame.slot);
    unique_frame_drop(&fixture.region, make_unique(&fixture, 2, 1));
    assert_uninit(frame.slot);
    unique_frame_reset_as_unused(&fixture.region, make_unique(&fixture, 2, 1));
    assert_uninit(frame.slot);
    make_frame(&fixture, 2, 1);
    meta_region_reset(&fixture.region, &index, 1);
    assert_uninit(frame.slot);
}

static void only_the_object_is_initialised(void **state)
{
    struct unique_frame unique = make_unique(&fixture, 3, 1);
    struct empty_meta empty = {{0}};
    struct frame_link_meta link = {{0, 0}, {0, 0}, 0};
    struct pt_node_meta node = {0};

    (void)state;
    unique = unique_frame_repurpose(&fixture.region, unique, frame_link_metadata(&link));
    assert_init(unique.slot, 40);
    unique = unique_frame_repurpose(&fixture.region, unique, empty_metadata(&empty));
    assert_init(unique.slot, 39);
    meta_slot_write_meta(&fixture.region, unique.slot, pt_node_metadata(&node));
    assert_init(unique.slot, 6);
    meta_slot_write_meta(&fixture.region, unique.slot, untyped_metadata());
    assert_init(unique.slot, 0);
    meta_slot_drop_meta_in_place(&fixture.region, unique.slot);
    assert_uninit(unique.slot);
}

/* to_repr makes readable what it writes, and from_repr reads no byte more. */
static void a_value_is_as_large_as_its_object(void **state)
{
    static const struct meta_vtable *const vtables[] = {
        &EMPTY_VTABLE, &UNTYPED_VTABLE, &FRAME_LINK_VTABLE, &PT_NODE_VTABLE, &PROBE_VTABLE,
    };
    struct meta_slot *slot = make_unique(&fixture, 3, 1).slot;

    (void)state;
    for (int i = 0; i < 5; i++) {
        struct metadata value, read;
        struct metadata_ref ref;

        memset(&value, 0, sizeof(value));
        value.ref_count = REF_COUNT_UNIQUE;
        value.vtable_ptr = vtables[i];
        metadata_to_repr(&fixture.region, slot, &value);
        assert_init(slot, vtables[i]->size);
        (void)metadata_repr_wf(&fixture.region, slot);
        assert_int_equal(metadata_from_borrowed(slot, &ref), REPR_OK);
        assert_int_equal(metadata_from_repr(slot, &read), REPR_OK);
        assert_memory_equal(&read.metadata, &value.metadata, sizeof(read.metadata));
    }
}

static void a_snapshot_keeps_what_is_uninitialised(void **state)
{
    struct frame a = make_frame(&fixture, 3, 1), b;
    void *bytes;

    (void)state;
    (void)readable(&a, sizeof(a));
    bytes = malloc(meta_region_snapshot_size(&fixture.region));
    assert_non_null(bytes);
    meta_region_snapshot_save(&fixture.region, bytes);
    frame_drop(&fixture.region, a);
    b = make_frame(&fixture, 4, 1);
    meta_region_snapshot_restore(&fixture.region, bytes);
    assert_init(a.slot, 8);
    assert_uninit(b.slot);
    free(bytes);
}

static void the_end_of_the_region_is_guarded(void **state)
{
    const struct meta_slot *end = fixture.region.slots + NR_TEST_SLOTS;

    (void)state;
    assert_int_equal(readable(end, 1), 0);
    assert_int_equal(readable((const char *)end + 4096 - NR_TEST_SLOTS * 64 - 1, 1), 0);
    /* And the page behind, but for the next list id. */
    assert_ptr_equal(fixture.region.next_list_id, fixture.region.slots + 64);
    assert_int_equal(readable((const void *)fixture.region.next_list_id, 9), 8);
    assert_int_equal(readable((const char *)fixture.region.next_list_id + 4095, 1), 0);
}

static void memory_given_back_is_not_poisoned(void **state)
{
    struct fixture other;
    const void *slots;

    (void)state;
    fixture_open(&other);
    slots = other.region.slots;
    fixture_close(&other);
    assert_int_equal(readable(slots, 8192), 8192);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_region, close_region)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_unused_slot_is_poisoned),        TEST(only_the_object_is_initialised),
        TEST(a_value_is_as_large_as_its_object), TEST(a_snapshot_keeps_what_is_uninitialised),
        TEST(the_end_of_the_region_is_guarded),  TEST(memory_given_back_is_not_poisoned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
