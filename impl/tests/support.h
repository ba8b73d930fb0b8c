/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the tests of the implementation share: a region whose hooks write down what they are told.
 */
#pragma once

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "metaslot/frame.h"
#include "metaslot/page_table_node.h"
#include "metaslot/unique_frame.h"

#define PADDR(index) ((index)*METASLOT_PAGE_SIZE)

enum { NR_TEST_SLOTS = 8, MAX_RECORDS = 256 };

struct ghost_record {
    uint32_t event;
    uint64_t index;
    uint64_t value;
};

struct drop_record {
    uint64_t paddr;
    uint64_t payload;
};

struct fixture {
    struct meta_region region;
    unsigned nr_panics;
    unsigned nr_drops;
    unsigned nr_ghosts;
    struct drop_record drops[MAX_RECORDS];
    struct ghost_record ghosts[MAX_RECORDS];
};

static inline void record_panic(void *context, const char *why)
{
    struct fixture *fixture = context;

    assert_non_null(why);
    fixture->nr_panics++;
}

static inline void record_drop(void *context, uint64_t paddr, uint64_t payload)
{
    struct fixture *fixture = context;

    assert_true(fixture->nr_drops < MAX_RECORDS);
    fixture->drops[fixture->nr_drops++] = (struct drop_record){paddr, payload};
}

static inline void record_ghost(void *context, uint32_t event, uint64_t index, uint64_t value)
{
    struct fixture *fixture = context;

    assert_true(fixture->nr_ghosts < MAX_RECORDS);
    fixture->ghosts[fixture->nr_ghosts++] = (struct ghost_record){event, index, value};
}

static inline void fixture_open(struct fixture *fixture)
{
    struct meta_hooks hooks = {
        .panic = record_panic,
        .panic_context = fixture,
        .on_drop = record_drop,
        .on_drop_context = fixture,
        .ghost = record_ghost,
        .ghost_context = fixture,
    };

    memset(fixture, 0, sizeof(*fixture));
    assert_int_equal(meta_region_create(&fixture->region, NR_TEST_SLOTS, &hooks),
                     META_REGION_CREATED);
}

static inline void fixture_close(struct fixture *fixture)
{
    meta_region_destroy(&fixture->region);
}

static inline uint64_t count_at(const struct fixture *fixture, uint64_t index)
{
    return atomic_load_relaxed(&fixture->region.slots[index].ref_count);
}

static inline void set_count(struct fixture *fixture, uint64_t index, uint64_t count)
{
    atomic_store_relaxed(&fixture->region.slots[index].ref_count, count);
}

static inline struct frame make_frame(struct fixture *fixture, uint64_t index, uint64_t payload)
{
    struct probe_meta probe = {payload};
    struct frame frame = {NULL};

    assert_int_equal(
        frame_from_unused(&fixture->region, PADDR(index), probe_metadata(&probe), &frame),
        METASLOT_OK);
    return frame;
}

static inline struct unique_frame make_unique(struct fixture *fixture, uint64_t index,
                                              uint64_t payload)
{
    struct probe_meta probe = {payload};
    struct unique_frame frame = {NULL};

    assert_int_equal(
        unique_frame_from_unused(&fixture->region, PADDR(index), probe_metadata(&probe), &frame),
        METASLOT_OK);
    return frame;
}

/* The payload of the probe in a slot. */
static inline uint64_t payload_at(const struct fixture *fixture, uint64_t index)
{
    struct probe_meta probe;

    nonatomic_copy_out(&probe, fixture->region.slots[index].storage, sizeof(probe));
    return probe.payload;
}

static inline void assert_dropped_once(const struct fixture *fixture, uint64_t index,
                                       uint64_t payload)
{
    assert_int_equal(fixture->nr_drops, 1);
    assert_int_equal(fixture->drops[0].paddr, PADDR(index));
    assert_int_equal(fixture->drops[0].payload, payload);
}
