/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Threads that contend for few slots: no metadata is torn, each object is dropped exactly once, and
 * at the end every slot is unused. With TSan also: nothing races.
 */
#define _POSIX_C_SOURCE 200809L /* barriers */
#include "support.h"

#include <pthread.h>
#include <stdlib.h>

enum { NR_THREADS = 4, NR_ROUNDS = 100000, NR_CONTENDED = 2 };

/* All words of an object are equal unless it is torn. */
struct striped_meta {
    uint64_t words[5];
};
METADATA_FITS(struct striped_meta);

static pthread_barrier_t start;
static atomic_u64 nr_made, nr_dropped, nr_torn, nr_promoted;

static void check_stripes(const struct striped_meta *object)
{
    for (int i = 1; i < 5; i++)
        if (object->words[i] != object->words[0])
            atomic_fetch_add_relaxed(&nr_torn, 1);
}

static void striped_on_drop(const struct meta_region *region, struct meta_slot *slot,
                            struct frame_reader reader)
{
    struct striped_meta object;

    (void)region, (void)reader;
    nonatomic_copy_out(&object, slot->storage, sizeof(object));
    check_stripes(&object);
    atomic_fetch_add_relaxed(&nr_dropped, 1);
}

static const struct meta_vtable STRIPED_VTABLE = {
    .type_id = METADATA_OTHER,
    .size = sizeof(struct striped_meta),
    .align = alignof(struct striped_meta),
    .name = "Striped",
    .on_drop = striped_on_drop,
};

static struct striped_meta stripes(uint64_t word)
{
    return (struct striped_meta){{word, word, word, word, word}};
}

/* Changes the metadata if the frame is this thread's alone; the frame in either case. */
static struct frame change_if_alone(const struct meta_region *region, struct frame frame,
                                    uint64_t word)
{
    struct striped_meta object = stripes(word);
    struct unique_frame unique = {NULL};

    if (unique_frame_try_from(region, frame, &unique) != METASLOT_OK)
        return frame;
    atomic_fetch_add_relaxed(&nr_promoted, 1);
    unique_frame_meta_mut(unique, &object, sizeof(object));
    return frame_from_unique(region, unique);
}

static void read_and_drop(const struct meta_region *region, struct frame frame)
{
    struct striped_meta object;
    struct frame clone = {NULL};

    frame_meta(frame, &object, sizeof(object));
    check_stripes(&object);
    if (frame_clone(region, frame, &clone) == METASLOT_OK)
        frame_drop(region, clone);
    frame_drop(region, frame);
}

static void round_of(const struct meta_region *region, uint64_t round)
{
    struct striped_meta object = stripes(round);
    struct any_frame_meta metadata = {&STRIPED_VTABLE, &object, sizeof(object)};
    uint64_t paddr = PADDR(round % NR_CONTENDED);
    struct unique_frame unique = {NULL};
    struct frame frame = {NULL};

    if (round % 5 == 0 &&
        unique_frame_from_unused(region, paddr, metadata, &unique) == METASLOT_OK) {
        atomic_fetch_add_relaxed(&nr_made, 1);
        unique_frame_drop(region, unique);
    } else if (frame_from_unused(region, paddr, metadata, &frame) == METASLOT_OK) {
        atomic_fetch_add_relaxed(&nr_made, 1);
        read_and_drop(region, change_if_alone(region, frame, round + 1));
    } else if (frame_from_in_use(region, paddr, &frame) == METASLOT_OK) {
        read_and_drop(region, change_if_alone(region, frame, round + 2));
    }
}

static void *run_thread(void *argument)
{
    const struct meta_region *region = argument;

    /* Without it the first thread is done before the last one begins. */
    pthread_barrier_wait(&start);
    for (uint64_t round = 0; round < NR_ROUNDS; round++)
        round_of(region, round);
    return NULL;
}

static void contention_tears_nothing_and_leaks_nothing(void **state)
{
    const struct meta_hooks hooks = {0};
    pthread_t threads[NR_THREADS];
    struct meta_region region;

    (void)state;
    assert_int_equal(meta_region_create(&region, NR_CONTENDED, &hooks), META_REGION_CREATED);
    assert_int_equal(pthread_barrier_init(&start, NULL, NR_THREADS), 0);
    for (int i = 0; i < NR_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_thread, &region), 0);
    for (int i = 0; i < NR_THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < NR_CONTENDED; i++)
        assert_true(atomic_load_relaxed(&region.slots[i].ref_count) == REF_COUNT_UNUSED);
    assert_int_equal(atomic_load_relaxed(&nr_torn), 0);
    assert_int_equal(atomic_load_relaxed(&nr_made), atomic_load_relaxed(&nr_dropped));
    assert_true(atomic_load_relaxed(&nr_made) > 0);
    assert_true(atomic_load_relaxed(&nr_promoted) > 0);
    pthread_barrier_destroy(&start);
    meta_region_destroy(&region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contention_tears_nothing_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
