/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the operations cost over the bare atomics and stores that they consist of.
 *
 * For each pair of operations two loops run over the same slots: one calls the library, the other
 * is the compare-and-swaps, additions, stores and fences of the same steps written by hand, without
 * bounds check, errors, vtable dispatch and handles; of a list it is a plain doubly linked list in
 * the same slots, of a segment a loop over its slots. Rounds of the two alternate, so that a change
 * of the machine's speed meets both; the medians are compared.
 *
 *     bench_impl [--json]
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "metaslot/frame.h"
#include "metaslot/linked_list.h"
#include "metaslot/segment.h"
#include "metaslot/unique_frame.h"

enum {
    NR_SLOTS = 256,
    NR_ROUNDS = 151,
    PASSES = 200, /* over all slots, in a round: less than a time slice */
};

static uint64_t nr_dropped;

static void count_drop(void *context, uint64_t paddr, uint64_t payload)
{
    (void)context;
    nr_dropped += paddr + payload;
}

__attribute__((noreturn, cold)) static void unexpected(void)
{
    fputs("bench_impl: an operation failed\n", stderr);
    exit(3);
}

static inline void must(bool holds)
{
    if (!holds)
        unexpected();
}

/* --- the bare steps -------------------------------------------------------------------------- */

static inline void bare_claim(struct meta_slot *slot, const struct meta_vtable *vtable)
{
    uint64_t observed = REF_COUNT_UNUSED;

    must(atomic_cas_acquire_relaxed(&slot->ref_count, &observed, 0));
    nonatomic_store_vtable(&slot->vtable_ptr, vtable);
}

static inline void bare_put(struct meta_slot *slot)
{
    if (atomic_fetch_sub_release(&slot->ref_count, 1) == 1) {
        atomic_fence_acquire(&slot->ref_count);
        atomic_store_release(&slot->ref_count, REF_COUNT_UNUSED);
    }
}

/* What the hook is told, and the call of the hook. */
static inline void bare_report(const struct meta_region *region, const struct meta_slot *slot,
                               uint64_t index)
{
    uint64_t payload;

    nonatomic_copy_out(&payload, slot->storage, sizeof(payload));
    region->hooks.on_drop(region->hooks.on_drop_context, index * METASLOT_PAGE_SIZE, payload);
}

static inline void bare_put_probe(const struct meta_region *region, struct meta_slot *slot,
                                  uint64_t index)
{
    if (atomic_fetch_sub_release(&slot->ref_count, 1) == 1) {
        atomic_fence_acquire(&slot->ref_count);
        bare_report(region, slot, index);
        atomic_store_release(&slot->ref_count, REF_COUNT_UNUSED);
    }
}

/* --- the pairs: one call, one pass over all slots -------------------------------------------- */

#define FOR_EACH_SLOT(i) for (uint64_t i = 0; i < NR_SLOTS; i++)
#define PADDR(i)         ((i)*METASLOT_PAGE_SIZE)

static void impl_frame_untyped(struct meta_region *region)
{
    FOR_EACH_SLOT(i)
    {
        struct frame frame = {NULL};

        must(frame_from_unused(region, PADDR(i), untyped_metadata(), &frame) == METASLOT_OK);
        frame_drop(region, frame);
    }
}

static void bare_frame_untyped(struct meta_region *region)
{
    FOR_EACH_SLOT(i)
    {
        bare_claim(&region->slots[i], &UNTYPED_VTABLE);
        atomic_store_release(&region->slots[i].ref_count, 1);
        bare_put(&region->slots[i]);
    }
}

static void impl_frame_probe(struct meta_region *region)
{
    FOR_EACH_SLOT(i)
    {
        struct probe_meta probe = {i};
        struct frame frame = {NULL};

        must(frame_from_unused(region, PADDR(i), probe_metadata(&probe), &frame) == METASLOT_OK);
        frame_drop(region, frame);
    }
}

static void bare_frame_probe(struct meta_region *region)
{
    FOR_EACH_SLOT(i)
    {
        bare_claim(&region->slots[i], &PROBE_VTABLE);
        nonatomic_copy_in(region->slots[i].storage, &i, sizeof(i));
        atomic_store_release(&region->slots[i].ref_count, 1);
        bare_put_probe(region, &region->slots[i], i);
    }
}

static void impl_from_in_use(struct meta_region *region)
{
    FOR_EACH_SLOT(i)
    {
        struct frame frame = {NULL};

        must(frame_from_in_use(region, PADDR(i), &frame) == METASLOT_OK);
        frame_drop(region, frame);
    }
}

static void bare_from_in_use(struct meta_region *region)
{
    FOR_EACH_SLOT(i)
    {
        atomic_u64 *ref_count = &region->slots[i].ref_count;
        uint64_t count = atomic_load_relaxed(ref_count);

        while (!atomic_cas_weak_acquire_relaxed(ref_count, &count, count + 1))
            atomic_spin_hint();
        bare_put(&region->slots[i]);
    }
}

static void impl_clone(struct meta_region *region)
{
    FOR_EACH_SLOT(i)
    {
        struct frame clone = {NULL};

        must(frame_clone(region, (struct frame){&region->slots[i]}, &clone) == METASLOT_OK);
        frame_drop(region, clone);
    }
}

static void bare_clone(struct meta_region *region)
{
    FOR_EACH_SLOT(i)
    {
        (void)atomic_fetch_add_relaxed(&region->slots[i].ref_count, 1);
        bare_put(&region->slots[i]);
    }
}

static void impl_unique_untyped(struct meta_region *region)
{
    FOR_EACH_SLOT(i)
    {
        struct unique_frame frame = {NULL};

        must(unique_frame_from_unused(region, PADDR(i), untyped_metadata(), &frame) == METASLOT_OK);
        unique_frame_drop(region, frame);
    }
}

static void bare_unique_untyped(struct meta_region *region)
{
    FOR_EACH_SLOT(i)
    {
        atomic_u64 *ref_count = &region->slots[i].ref_count;

        bare_claim(&region->slots[i], &UNTYPED_VTABLE);
        atomic_store_relaxed(ref_count, REF_COUNT_UNIQUE);
        atomic_store_relaxed(ref_count, 0);
        atomic_store_release(ref_count, REF_COUNT_UNUSED);
    }
}

static void impl_unique_probe(struct meta_region *region)
{
    FOR_EACH_SLOT(i)
    {
        struct probe_meta probe = {i};
        struct unique_frame frame = {NULL};

        must(unique_frame_from_unused(region, PADDR(i), probe_metadata(&probe), &frame) ==
             METASLOT_OK);
        unique_frame_drop(region, frame);
    }
}

static void bare_unique_probe(struct meta_region *region)
{
    FOR_EACH_SLOT(i)
    {
        atomic_u64 *ref_count = &region->slots[i].ref_count;

        bare_claim(&region->slots[i], &PROBE_VTABLE);
        nonatomic_copy_in(region->slots[i].storage, &i, sizeof(i));
        atomic_store_relaxed(ref_count, REF_COUNT_UNIQUE);
        atomic_store_relaxed(ref_count, 0);
        bare_report(region, &region->slots[i], i);
        atomic_store_release(ref_count, REF_COUNT_UNUSED);
    }
}

/* All slots into a list, at the back, and out of it again, at the front. */
static void impl_list(struct meta_region *region)
{
    struct linked_list list = linked_list_new();
    struct unique_frame frame = {NULL};

    FOR_EACH_SLOT(i)
    {
        frame.slot = &region->slots[i];
        must(linked_list_push_back(region, &list, frame) == METASLOT_OK);
    }
    FOR_EACH_SLOT(i)
    {
        must(linked_list_pop_front(region, &list, &frame) == METASLOT_OK);
        must(frame.slot == &region->slots[i]);
    }
    linked_list_drop(region, &list);
}

struct bare_list {
    struct meta_slot *front, *back;
    uint64_t size;
};

static inline void bare_set_next(struct meta_slot *slot, uint64_t is_some, struct meta_slot *next)
{
    struct optional_addr link = {is_some, (uint64_t)(uintptr_t)next};

    nonatomic_copy_in(slot->storage, &link, sizeof(link));
}

static inline void bare_set_prev(struct meta_slot *slot, uint64_t is_some, struct meta_slot *prev)
{
    struct optional_addr link = {is_some, (uint64_t)(uintptr_t)prev};

    nonatomic_copy_in(slot->storage + sizeof(link), &link, sizeof(link));
}

static inline void bare_push_back(struct bare_list *list, struct meta_slot *slot)
{
    if (list->back != NULL) {
        bare_set_next(list->back, 1, slot);
        bare_set_prev(slot, 1, list->back);
    } else {
        list->front = slot;
    }
    list->back = slot;
    atomic_store_relaxed(&slot->in_list, 1);
    list->size++;
}

static inline struct meta_slot *bare_pop_front(struct bare_list *list)
{
    struct meta_slot *slot = list->front;
    struct optional_addr next;

    if (slot == NULL)
        return NULL;
    nonatomic_copy_out(&next, slot->storage, sizeof(next));
    list->front = (struct meta_slot *)(uintptr_t)next.addr;
    if (list->front != NULL) {
        bare_set_prev(list->front, 0, NULL);
        bare_set_next(slot, 0, NULL);
    } else {
        list->back = NULL;
    }
    atomic_store_relaxed(&slot->in_list, 0);
    list->size--;
    return slot;
}

static void bare_list(struct meta_region *region)
{
    struct bare_list list = {NULL, NULL, 0};

    FOR_EACH_SLOT(i)
    {
        bare_push_back(&list, &region->slots[i]);
    }
    FOR_EACH_SLOT(i)
    {
        must(bare_pop_front(&list) == &region->slots[i]);
    }
    must(list.size == 0);
}

enum { SEGMENT_PAGES = 8 };

static struct any_frame_meta segment_metadata(void *context, uint64_t paddr)
{
    (void)context, (void)paddr;
    return untyped_metadata();
}

/* A function that both call and neither knows. */
static segment_metadata_fn *volatile metadata_fn = segment_metadata;

static void impl_segment(struct meta_region *region)
{
    segment_metadata_fn *fn = metadata_fn;

    for (uint64_t i = 0; i < NR_SLOTS; i += SEGMENT_PAGES) {
        struct segment segment = {0, 0};

        must(segment_from_unused(region, PADDR(i), PADDR(i + SEGMENT_PAGES), fn, NULL, &segment) ==
             METASLOT_OK);
        segment_drop(region, segment);
    }
}

static void bare_segment(struct meta_region *region)
{
    segment_metadata_fn *fn = metadata_fn;

    for (uint64_t i = 0; i < NR_SLOTS; i += SEGMENT_PAGES) {
        for (uint64_t j = i; j < i + SEGMENT_PAGES; j++) {
            bare_claim(&region->slots[j], fn(NULL, PADDR(j)).vtable);
            atomic_store_release(&region->slots[j].ref_count, 1);
        }
        for (uint64_t j = i; j < i + SEGMENT_PAGES; j++)
            bare_put(&region->slots[j]);
    }
}

/* Every frame out of a segment, looked at, and forgotten. */
static void impl_segment_next(struct meta_region *region)
{
    struct segment segment = segment_from_raw((struct segment){0, PADDR(NR_SLOTS)});
    struct frame frame = {NULL};

    while (segment_next(region, &segment, &frame) == METASLOT_OK) {
        must(frame_reference_count(frame) == 1);
        (void)!frame_into_raw(region, frame);
    }
}

static void bare_segment_next(struct meta_region *region)
{
    FOR_EACH_SLOT(i)
    {
        must(atomic_load_relaxed(&region->slots[i].ref_count) == 1);
    }
}

/* --- measuring ------------------------------------------------------------------------------- */

typedef void pass_fn(struct meta_region *region);

enum slots_are {
    SLOTS_UNUSED,
    SLOTS_SHARED, /* in use with one reference */
    SLOTS_UNIQUE, /* as elements of a list are */
};

struct pair {
    const char *name;
    pass_fn *impl;
    pass_fn *bare;
    enum slots_are slots; /* before and after */
    double impl_ns[NR_ROUNDS];
    double bare_ns[NR_ROUNDS];
    double ratio[NR_ROUNDS];
};

static struct pair pairs[] = {
    {.name = "frame_from_unused+drop/untyped",
     .impl = impl_frame_untyped,
     .bare = bare_frame_untyped},
    {.name = "frame_from_unused+drop/probe", .impl = impl_frame_probe, .bare = bare_frame_probe},
    {.name = "frame_from_in_use+drop",
     .impl = impl_from_in_use,
     .bare = bare_from_in_use,
     .slots = SLOTS_SHARED},
    {.name = "frame_clone+drop", .impl = impl_clone, .bare = bare_clone, .slots = SLOTS_SHARED},
    {.name = "unique_frame_from_unused+drop/untyped",
     .impl = impl_unique_untyped,
     .bare = bare_unique_untyped},
    {.name = "unique_frame_from_unused+drop/probe",
     .impl = impl_unique_probe,
     .bare = bare_unique_probe},
    {.name = "linked_list_push_back+pop_front",
     .impl = impl_list,
     .bare = bare_list,
     .slots = SLOTS_UNIQUE},
    {.name = "segment_from_unused+drop/8 pages, a page",
     .impl = impl_segment,
     .bare = bare_segment},
    {.name = "segment_next",
     .impl = impl_segment_next,
     .bare = bare_segment_next,
     .slots = SLOTS_SHARED},
};

enum { NR_PAIRS = sizeof(pairs) / sizeof(pairs[0]) };

/* Nanoseconds a pair of operations. Volatile, so that neither loop is specialised for its caller.
 */
static double measure(pass_fn *volatile pass, struct meta_region *region)
{
    struct timespec begin, end;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < PASSES; i++)
        pass(region);
    clock_gettime(CLOCK_MONOTONIC, &end);
    return ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) /
           ((double)PASSES * NR_SLOTS);
}

static void prepare(const struct meta_region *region, enum slots_are slots)
{
    static const struct frame_link_meta link;

    if (slots == SLOTS_UNUSED)
        return;
    FOR_EACH_SLOT(i)
    {
        struct any_frame_meta metadata =
            slots == SLOTS_UNIQUE ? frame_link_metadata(&link) : untyped_metadata();
        struct meta_slot *slot = NULL;

        must(meta_slot_get_from_unused(region, PADDR(i), metadata, slots == SLOTS_UNIQUE, &slot) ==
             METASLOT_OK);
    }
}

static void give_back(const struct meta_region *region, enum slots_are slots)
{
    FOR_EACH_SLOT(i)
    {
        if (slots == SLOTS_SHARED)
            frame_drop(region, (struct frame){&region->slots[i]});
        if (slots == SLOTS_UNIQUE)
            unique_frame_drop(region, (struct unique_frame){&region->slots[i]});
    }
}

static void run_round(struct meta_region *region, struct pair *pair, int round)
{
    prepare(region, pair->slots);
    /* Neither always goes first. */
    if (round % 2 == 0)
        pair->impl_ns[round] = measure(pair->impl, region);
    pair->bare_ns[round] = measure(pair->bare, region);
    if (round % 2 != 0)
        pair->impl_ns[round] = measure(pair->impl, region);
    pair->ratio[round] = pair->impl_ns[round] / pair->bare_ns[round];
    give_back(region, pair->slots);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, NR_ROUNDS, sizeof(*values), compare_doubles);
    return values[NR_ROUNDS / 2];
}

static void print_text(void)
{
    printf("%-40s %10s %10s %7s\n", "pair", "impl ns", "bare ns", "ratio");
    for (int i = 0; i < NR_PAIRS; i++)
        printf("%-40s %10.2f %10.2f %7.3f\n", pairs[i].name, median(pairs[i].impl_ns),
               median(pairs[i].bare_ns), median(pairs[i].ratio));
}

static void print_json(void)
{
    printf("{\"benchmark\": \"impl\", \"rounds\": %d, \"pairs\": [\n", NR_ROUNDS);
    for (int i = 0; i < NR_PAIRS; i++)
        printf("  {\"name\": \"%s\", \"impl_ns\": %.3f, \"bare_ns\": %.3f, \"ratio\": %.4f}%s\n",
               pairs[i].name, median(pairs[i].impl_ns), median(pairs[i].bare_ns),
               median(pairs[i].ratio), i + 1 < NR_PAIRS ? "," : "");
    printf("]}\n");
}

int main(int argc, char **argv)
{
    struct meta_hooks hooks = {.on_drop = count_drop};
    struct meta_region region;
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;

    if (argc > 1 && !json) {
        fputs("usage: bench_impl [--json]\n", stderr);
        return 2;
    }
    if (meta_region_create(&region, NR_SLOTS, &hooks) != META_REGION_CREATED) {
        fputs("bench_impl: no memory\n", stderr);
        return 3;
    }
    for (int round = 0; round < NR_ROUNDS; round++)
        for (int i = 0; i < NR_PAIRS; i++)
            run_round(&region, &pairs[i], round);
    if (json)
        print_json();
    else
        print_text();
    meta_region_destroy(&region);
    return 0;
}
