/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Threads that contend for few slots: no metadata is torn, each object is dropped exactly once, and
 * at the end every slot is unused. With TSan also: nothing races.
 */
#define _POSIX_C_SOURCE 200809L /* barriers */
#include "support.h"

#include <pthread.h>
#include <stdlib.h>

#include "metaslot/linked_list.h"
#include "metaslot/segment.h"

enum { NR_THREADS = 4, NR_ROUNDS = 100000, NR_CONTENDED = 2, NR_LISTED = 8 };

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

/* --- lists and segments that take frames from each other -------------------------------------- */

struct list_thread {
    const struct meta_region *region;
    uint64_t list_id;
    uint64_t mine; /* a bit for each frame that is in its list */
    uint64_t nr_pushed, nr_segments;
    bool is_wrong;
};

/* Asks the list for the frame: is it in there exactly if the thread has put it in? */
static void check_contains(struct list_thread *thread, struct linked_list *list, uint64_t index)
{
    bool contained = false;

    thread->is_wrong |=
        linked_list_contains(thread->region, list, PADDR(index), &contained) != METASLOT_OK ||
        contained != ((thread->mine >> index & 1) != 0);
}

/* A frame that the thread gets goes into its list. */
static void list_round(struct list_thread *thread, struct linked_list *list, uint64_t index)
{
    struct frame_link_meta link = {{0, 0}, {0, 0}, index};
    struct unique_frame frame = {NULL};

    check_contains(thread, list, index);
    if (unique_frame_from_unused(thread->region, PADDR(index), frame_link_metadata(&link),
                                 &frame) == METASLOT_OK) {
        thread->is_wrong |= linked_list_push_back(thread->region, list, frame) != METASLOT_OK;
        thread->mine |= UINT64_C(1) << index;
        thread->nr_pushed++;
        check_contains(thread, list, index);
    }
    if (list->size > 2 && linked_list_pop_front(thread->region, list, &frame) == METASLOT_OK) {
        unique_frame_meta(frame, &link, sizeof(link));
        thread->mine &= ~(UINT64_C(1) << link.payload);
        unique_frame_drop(thread->region, frame);
    }
}

static struct any_frame_meta striped(void *context, uint64_t paddr)
{
    struct striped_meta *object = context;

    *object = stripes(paddr);
    return (struct any_frame_meta){&STRIPED_VTABLE, object, sizeof(*object)};
}

static void segment_round(struct list_thread *thread, uint64_t first)
{
    const struct meta_region *region = thread->region;
    struct segment segment = {0, 0}, clone = {0, 0};
    struct striped_meta object;

    if (segment_from_unused(region, PADDR(first), PADDR(first + 2), striped, &object, &segment) !=
        METASLOT_OK)
        return;
    thread->nr_segments++;
    thread->is_wrong |= segment_clone(region, segment, &clone) != METASLOT_OK;
    segment_drop(region, segment);
    segment_drop(region, clone);
}

static void *run_lists(void *argument)
{
    struct list_thread *thread = argument;
    struct linked_list list = linked_list_new();

    pthread_barrier_wait(&start);
    for (uint64_t round = 0; round < NR_ROUNDS; round++) {
        list_round(thread, &list, round * 5 % NR_LISTED);
        if (round % 16 == 0) {
            linked_list_drop(thread->region, &list);
            thread->mine = 0;
            segment_round(thread, round / 16 % (NR_LISTED - 1));
        }
    }
    thread->list_id = list.list_id;
    linked_list_drop(thread->region, &list);
    return NULL;
}

static void lists_and_segments_do_not_mix(void **state)
{
    const struct meta_hooks hooks = {0};
    struct list_thread threads[NR_THREADS] = {0};
    pthread_t ids[NR_THREADS];
    struct meta_region region;
    uint64_t nr_segments = 0;

    (void)state;
    assert_int_equal(meta_region_create(&region, NR_LISTED, &hooks), META_REGION_CREATED);
    assert_int_equal(pthread_barrier_init(&start, NULL, NR_THREADS), 0);
    for (int i = 0; i < NR_THREADS; i++) {
        threads[i].region = &region;
        assert_int_equal(pthread_create(&ids[i], NULL, run_lists, &threads[i]), 0);
    }
    for (int i = 0; i < NR_THREADS; i++)
        assert_int_equal(pthread_join(ids[i], NULL), 0);
    for (int i = 0; i < NR_THREADS; i++) {
        assert_false(threads[i].is_wrong);
        assert_true(threads[i].nr_pushed > 0);
        nr_segments += threads[i].nr_segments;
        for (int j = 0; j < i; j++)
            assert_int_not_equal(threads[i].list_id, threads[j].list_id);
    }
    assert_true(nr_segments > 0);
    for (int i = 0; i < NR_LISTED; i++) {
        assert_true(atomic_load_relaxed(&region.slots[i].ref_count) == REF_COUNT_UNUSED);
        assert_int_equal(atomic_load_relaxed(&region.slots[i].in_list), 0);
    }
    assert_int_equal(atomic_load_relaxed(&nr_torn), 0);
    pthread_barrier_destroy(&start);
    meta_region_destroy(&region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contention_tears_nothing_and_leaks_nothing),
        cmocka_unit_test(lists_and_segments_do_not_mix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
