/* SPDX-License-Identifier: MPL-2.0 */
/* Regions: creation and its errors, reset, snapshots. */
#include "support.h"

#include <stdlib.h>
#include <sys/resource.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||                         \
    __has_feature(thread_sanitizer)
#define UNDER_SANITIZER
#endif
#endif

static const struct meta_hooks NO_HOOKS = {0};

static void a_new_region_is_unused(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_open(&fixture);
    assert_int_equal((uintptr_t)fixture.region.slots % 64, 0);
    assert_int_equal(fixture.region.nr_slots, NR_TEST_SLOTS);
    assert_int_equal(fixture.region.max_paddr, NR_TEST_SLOTS * 4096);
    for (uint64_t i = 0; i < NR_TEST_SLOTS; i++) {
        assert_true(count_at(&fixture, i) == REF_COUNT_UNUSED);
        assert_int_equal(atomic_load_relaxed(&fixture.region.slots[i].in_list), 0);
    }
    fixture_close(&fixture);
}

static void sizes_that_no_region_has_are_errors(void **state)
{
    struct meta_region region = {.nr_slots = 77};

    (void)state;
    assert_int_equal(meta_region_create(&region, 0, &NO_HOOKS), META_REGION_NO_SLOTS);
    assert_int_equal(meta_region_create(&region, MAX_META_SLOTS + 1, &NO_HOOKS),
                     META_REGION_TOO_MANY_SLOTS);
    assert_int_equal(meta_region_create(&region, UINT64_MAX, &NO_HOOKS),
                     META_REGION_TOO_MANY_SLOTS);
    /* 2^58 slots of 64 bytes are 0 bytes, if one multiplies carelessly. */
    assert_int_equal(meta_region_create(&region, UINT64_C(1) << 58, &NO_HOOKS),
                     META_REGION_TOO_MANY_SLOTS);
    assert_int_equal(region.nr_slots, 77);
}

static void lack_of_memory_is_an_error(void **state)
{
    struct meta_region region = {.nr_slots = 77};
    struct rlimit before, tight;

    (void)state;
#ifdef UNDER_SANITIZER
    /* A sanitizer has the address space for itself and cannot live with a limit on it. */
    skip();
#endif
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)256 << 20;
    assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
    assert_int_equal(meta_region_create(&region, UINT64_C(1) << 24, &NO_HOOKS),
                     META_REGION_NO_MEMORY);
    assert_int_equal(meta_region_create(&region, MAX_META_SLOTS, &NO_HOOKS), META_REGION_NO_MEMORY);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(region.nr_slots, 77);
}

static void reset_restores_the_listed_slots_only(void **state)
{
    const uint64_t listed[] = {1, 3};
    struct fixture fixture;

    (void)state;
    fixture_open(&fixture);
    for (uint64_t i = 1; i <= 3; i++)
        make_frame(&fixture, i, i);
    atomic_store_relaxed(&fixture.region.slots[3].in_list, 9);
    fixture.nr_ghosts = 0;
    meta_region_reset(&fixture.region, listed, 2);
    assert_true(count_at(&fixture, 1) == REF_COUNT_UNUSED);
    assert_int_equal(count_at(&fixture, 2), 1);
    assert_int_equal(payload_at(&fixture, 2), 2);
    assert_true(count_at(&fixture, 3) == REF_COUNT_UNUSED);
    assert_int_equal(atomic_load_relaxed(&fixture.region.slots[3].in_list), 0);
    assert_int_equal(fixture.nr_drops, 0);
    assert_int_equal(fixture.nr_ghosts, 0);
    fixture_close(&fixture);
}

static void reset_leaves_nothing_behind(void **state)
{
    static const unsigned char zeros[sizeof(struct meta_slot)];
    const uint64_t index = 1;
    struct fixture fixture;
    struct meta_slot *slot;

    (void)state;
    fixture_open(&fixture);
    slot = make_frame(&fixture, 1, UINT64_MAX).slot;
    meta_region_reset(&fixture.region, &index, 1);
    /* To be looked at here although it is uninitialised. */
    unpoison_bytes(slot, sizeof(*slot));
    assert_memory_equal(slot->storage, zeros, sizeof(slot->storage));
    assert_null(nonatomic_load_vtable(&slot->vtable_ptr));
    fixture_close(&fixture);
}

static void a_snapshot_brings_everything_back(void **state)
{
    const struct frame_link_meta link = {{1, 2}, {1, 3}, 4};
    struct fixture fixture;
    uint64_t size;
    unsigned char *bytes;
    struct frame frame;
    struct unique_frame unique;

    (void)state;
    fixture_open(&fixture);
    frame = make_frame(&fixture, 0, 11);
    unique = make_unique(&fixture, 7, 77);
    atomic_store_relaxed(&fixture.region.slots[7].in_list, 5);
    size = meta_region_snapshot_size(&fixture.region);
    bytes = malloc(size + 1);
    assert_non_null(bytes);
    meta_region_snapshot_save(&fixture.region, bytes + 1);

    frame_drop(&fixture.region, frame);
    make_frame(&fixture, 0, 12);
    unique = unique_frame_repurpose(&fixture.region, unique, frame_link_metadata(&link));
    make_frame(&fixture, 4, 44);
    meta_region_snapshot_restore(&fixture.region, bytes + 1);

    assert_int_equal(count_at(&fixture, 0), 1);
    assert_int_equal(payload_at(&fixture, 0), 11);
    assert_ptr_equal(meta_slot_dyn_meta_ptr(frame.slot).vtable, &PROBE_VTABLE);
    assert_true(count_at(&fixture, 4) == REF_COUNT_UNUSED);
    assert_true(count_at(&fixture, 7) == REF_COUNT_UNIQUE);
    assert_int_equal(payload_at(&fixture, 7), 77);
    assert_ptr_equal(meta_slot_dyn_meta_ptr(unique.slot).vtable, &PROBE_VTABLE);
    assert_int_equal(atomic_load_relaxed(&fixture.region.slots[7].in_list), 5);
    free(bytes);
    fixture_close(&fixture);
}

static uint64_t next_list_id(const struct fixture *fixture)
{
    return atomic_load_relaxed(fixture->region.next_list_id);
}

/* The cell of `a` is in what was mapped for it, not in what was mapped for `b`. */
static void assert_apart(const struct fixture *a, const struct fixture *b)
{
    const unsigned char *cell = (const unsigned char *)a->region.next_list_id;
    const unsigned char *slots = (const unsigned char *)b->region.slots;

    assert_true(cell < slots || cell >= slots + 2 * METASLOT_PAGE_SIZE);
}

static void list_ids_belong_to_the_region(void **state)
{
    struct fixture a, b;
    void *bytes;

    (void)state;
    fixture_open(&a);
    fixture_open(&b);
    assert_apart(&a, &b);
    assert_apart(&b, &a);
    assert_int_equal(next_list_id(&a), 1);
    meta_region_set_next_list_id(&a.region, 7);
    assert_int_equal(next_list_id(&a), 7);
    assert_int_equal(next_list_id(&b), 1);
    bytes = malloc(meta_region_snapshot_size(&a.region));
    assert_non_null(bytes);
    meta_region_snapshot_save(&a.region, bytes);
    meta_region_set_next_list_id(&a.region, 9);
    meta_region_snapshot_restore(&a.region, bytes);
    assert_int_equal(next_list_id(&a), 7);
    meta_region_reset(&a.region, NULL, 0);
    assert_int_equal(next_list_id(&a), 1);
    free(bytes);
    fixture_close(&a);
    fixture_close(&b);
}

/* The cell is not in a slot, whatever the region's size is. */
static void list_ids_stand_behind_the_slots(void **state)
{
    static const uint64_t sizes[] = {1, 63, 64, 65, 128};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct meta_region region;
        const unsigned char *end;

        assert_int_equal(meta_region_create(&region, sizes[i], &NO_HOOKS), META_REGION_CREATED);
        end = (const unsigned char *)(region.slots + region.nr_slots);
        assert_true((const unsigned char *)region.next_list_id >= end);
        assert_true((const unsigned char *)region.next_list_id < end + METASLOT_PAGE_SIZE);
        meta_region_set_next_list_id(&region, UINT64_MAX);
        assert_int_equal(atomic_load_relaxed(&region.slots[sizes[i] - 1].in_list), 0);
        meta_region_destroy(&region);
    }
}

static void regions_know_nothing_of_each_other(void **state)
{
    struct fixture a, b;
    struct frame frame;

    (void)state;
    fixture_open(&a);
    fixture_open(&b);
    frame = make_frame(&a, 2, 5);
    assert_true(count_at(&b, 2) == REF_COUNT_UNUSED);
    frame_drop(&a.region, frame);
    assert_dropped_once(&a, 2, 5);
    assert_int_equal(b.nr_drops, 0);
    assert_int_equal(b.nr_ghosts, 0);
    fixture_close(&a);
    fixture_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_region_is_unused),
        cmocka_unit_test(sizes_that_no_region_has_are_errors),
        cmocka_unit_test(lack_of_memory_is_an_error),
        cmocka_unit_test(reset_restores_the_listed_slots_only),
        cmocka_unit_test(reset_leaves_nothing_behind),
        cmocka_unit_test(a_snapshot_brings_everything_back),
        cmocka_unit_test(list_ids_belong_to_the_region),
        cmocka_unit_test(list_ids_stand_behind_the_slots),
        cmocka_unit_test(regions_know_nothing_of_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
