/* SPDX-License-Identifier: MPL-2.0 */
/* Repr<MetaSlot>: the laws, on the bytes of a slot. */
#include "support.h"

#include <stdlib.h>

#include "metaslot/repr.h"

static struct fixture fixture;
static struct meta_slot *slot;

static int open_region(void **state)
{
    (void)state;
    fixture_open(&fixture);
    slot = make_unique(&fixture, 3, 0).slot;
    fixture.nr_ghosts = 0;
    return 0;
}

static int close_region(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

static uint64_t address_of(uint64_t index)
{
    return (uint64_t)(uintptr_t)&fixture.region.slots[index];
}

enum { NR_VALUES = 5 };

/* A value of each type, all bytes that it has different; not wf if `seed` says so. */
static struct metadata value_of(unsigned type, unsigned char seed)
{
    static const struct meta_vtable *const vtables[NR_VALUES] = {
        &EMPTY_VTABLE, &UNTYPED_VTABLE, &FRAME_LINK_VTABLE, &PT_NODE_VTABLE, &PROBE_VTABLE,
    };
    struct metadata value;

    memset(&value, 0, sizeof(value));
    value.ref_count = UINT64_C(0x0102030405060708) * seed;
    value.vtable_ptr = vtables[type];
    value.in_list = UINT64_C(0x1112131415161718) * seed;
    for (size_t i = 0; i < value.vtable_ptr->size; i++)
        value.metadata.bytes[i] = (unsigned char)(seed + 31 * i);
    return value;
}

static void assert_same(const struct metadata *a, const struct metadata *b)
{
    assert_memory_equal(a->metadata.bytes, b->metadata.bytes, sizeof(a->metadata.bytes));
    assert_true(a->ref_count == b->ref_count);
    assert_ptr_equal(a->vtable_ptr, b->vtable_ptr);
    assert_true(a->in_list == b->in_list);
}

/* from_to_repr: what was written is read, whatever the bytes are. */
static void what_is_written_is_read_back(void **state)
{
    (void)state;
    for (unsigned type = 0; type < NR_VALUES; type++)
        for (unsigned seed = 0; seed < 256; seed++) {
            struct metadata value = value_of(type, (unsigned char)seed), read;

            metadata_to_repr(&fixture.region, slot, &value);
            memset(&read, 0xa5, sizeof(read));
            assert_int_equal(metadata_from_repr(slot, &read), REPR_OK);
            assert_same(&read, &value);
            fixture.nr_ghosts = 0;
        }
}

/* The fields are where they belong, and a slot is written as a whole. */
static void a_value_stands_in_the_slot(void **state)
{
    struct metadata value = value_of(2, 7);
    struct frame_link_meta link;

    (void)state;
    metadata_to_repr(&fixture.region, slot, &value);
    nonatomic_copy_out(&link, slot->storage, sizeof(link));
    assert_memory_equal(&link, value.metadata.bytes, sizeof(link));
    assert_true(atomic_load_relaxed(&slot->ref_count) == value.ref_count);
    assert_ptr_equal(nonatomic_load_vtable(&slot->vtable_ptr), &FRAME_LINK_VTABLE);
    assert_true(atomic_load_relaxed(&slot->in_list) == value.in_list);
    assert_int_equal(fixture.nr_drops, 0);
    assert_int_equal(fixture.nr_ghosts, 2);
    assert_int_equal(fixture.ghosts[0].event, GHOST_VTABLE_INIT);
    assert_int_equal(fixture.ghosts[1].event, GHOST_STORAGE_INIT);
}

static void store_bytes(const struct meta_vtable *vtable, const void *bytes, size_t size)
{
    meta_slot_write_meta(&fixture.region, slot, (struct any_frame_meta){vtable, bytes, size});
}

/* to_from_repr: writing back what was read changes no byte of the object. */
static void what_is_read_is_written_back(void **state)
{
    (void)state;
    for (unsigned type = 0; type < NR_VALUES; type++) {
        struct metadata value = value_of(type, 200), read;
        unsigned char bytes[FRAME_METADATA_MAX_SIZE];
        size_t size = value.vtable_ptr->size;

        store_bytes(value.vtable_ptr, value.metadata.bytes, size);
        assert_int_equal(metadata_from_repr(slot, &read), REPR_OK);
        store_bytes(value.vtable_ptr, bytes, 0);
        metadata_to_repr(&fixture.region, slot, &read);
        nonatomic_copy_out(bytes, slot->storage, size);
        assert_memory_equal(bytes, value.metadata.bytes, size);
        assert_true(atomic_load_relaxed(&slot->ref_count) == REF_COUNT_UNIQUE);
        assert_int_equal(atomic_load_relaxed(&slot->in_list), 0);
    }
}

static void borrowing_copies_nothing(void **state)
{
    (void)state;
    for (unsigned type = 0; type < NR_VALUES; type++) {
        struct metadata value = value_of(type, 9);
        struct metadata_ref ref = {0};
        unsigned char bytes[FRAME_METADATA_MAX_SIZE];

        metadata_to_repr(&fixture.region, slot, &value);
        assert_int_equal(metadata_from_borrowed(slot, &ref), REPR_OK);
        assert_ptr_equal(ref.object, slot);
        assert_ptr_equal(ref.vtable_ptr, value.vtable_ptr);
        assert_true(atomic_load_relaxed(ref.ref_count) == value.ref_count);
        assert_true(atomic_load_relaxed(ref.in_list) == value.in_list);
        nonatomic_copy_out(bytes, ref.object, value.vtable_ptr->size);
        assert_memory_equal(bytes, value.metadata.bytes, value.vtable_ptr->size);
    }
}

/* Whatever the vtable pointer is, it is not followed, and nothing is written. */
static void an_unknown_type_is_an_error(void **state)
{
    static const struct meta_vtable other = {.type_id = METADATA_OTHER, .size = 8, .align = 8};
    const uintptr_t pointers[] = {0,
                                  1,
                                  UINTPTR_MAX,
                                  (uintptr_t)slot,
                                  (uintptr_t)&EMPTY_VTABLE + 1,
                                  (uintptr_t)(&PROBE_VTABLE + 1) - 8,
                                  (uintptr_t)&other};
    struct metadata read, before;
    struct metadata_as_link link;
    struct metadata_ref ref;

    (void)state;
    memset(&read, 0xa5, sizeof(read));
    before = read;
    for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
        nonatomic_store_vtable(&slot->vtable_ptr, (const struct meta_vtable *)pointers[i]);
        assert_int_equal(metadata_from_repr(slot, &read), REPR_UNKNOWN_TYPE);
        assert_int_equal(metadata_from_borrowed(slot, &ref), REPR_UNKNOWN_TYPE);
        assert_int_equal(metadata_as_link_from_repr(slot, &link), REPR_UNKNOWN_TYPE);
        assert_int_equal(metadata_as_link_from_borrowed(slot, &ref), REPR_UNKNOWN_TYPE);
        assert_false(metadata_repr_wf(&fixture.region, slot));
        assert_false(metadata_as_link_repr_wf(&fixture.region, slot));
    }
    assert_memory_equal(&read, &before, sizeof(read));
    nonatomic_store_vtable(&slot->vtable_ptr, &PROBE_VTABLE);
}

/* All of it bytes that nobody has chosen, in memory that ends where the slot does. */
static void any_64_bytes_can_be_read(void **state)
{
    static const struct meta_vtable *const vtables[] = {
        NULL, &EMPTY_VTABLE, &UNTYPED_VTABLE, &FRAME_LINK_VTABLE, &PT_NODE_VTABLE, &PROBE_VTABLE,
    };
    /* A sanitizer guards what is before and behind it. */
    struct meta_slot *aligned = aligned_alloc(alignof(struct meta_slot), sizeof(struct meta_slot));

    (void)state;
    assert_non_null(aligned);
    for (unsigned seed = 0; seed < 256; seed++) {
        for (int type = 0; type < 6; type++) {
            struct metadata read;
            struct metadata_as_link link;
            struct metadata_ref ref;
            unsigned char raw[sizeof(struct meta_slot)];

            for (size_t i = 0; i < sizeof(raw); i++)
                raw[i] = (unsigned char)(seed * (i + 1));
            if (type != 0)
                memcpy(raw + offsetof(struct meta_slot, vtable_ptr), &vtables[type], 8);
            memcpy(aligned, raw, sizeof(raw));
            (void)metadata_repr_wf(&fixture.region, aligned);
            (void)metadata_as_link_repr_wf(&fixture.region, aligned);
            assert_int_equal(metadata_from_borrowed(aligned, &ref) == REPR_OK, type != 0);
            assert_int_equal(metadata_from_repr(aligned, &read) == REPR_OK, type != 0);
            assert_int_equal(metadata_as_link_from_repr(aligned, &link) == REPR_OK, type == 3);
            if (type != 0)
                assert_memory_equal(read.metadata.bytes, raw, vtables[type]->size);
        }
    }
    free(aligned);
}

static bool link_is_wf(uint64_t next_is_some, uint64_t next, uint64_t prev_is_some, uint64_t prev)
{
    struct frame_link_meta link = {{next_is_some, next}, {prev_is_some, prev}, UINT64_MAX};
    bool is_wf;

    store_bytes(&FRAME_LINK_VTABLE, &link, sizeof(link));
    is_wf = metadata_repr_wf(&fixture.region, slot);
    assert_int_equal(metadata_as_link_repr_wf(&fixture.region, slot), is_wf);
    return is_wf;
}

static void links_that_are_wf(void **state)
{
    uint64_t first = address_of(0), last = address_of(NR_TEST_SLOTS - 1);

    (void)state;
    assert_true(link_is_wf(0, 0, 0, 0));
    assert_true(link_is_wf(1, first, 1, last));
    assert_true(link_is_wf(0, 0, 1, address_of(3)));
    assert_false(link_is_wf(2, first, 0, 0));
    assert_false(link_is_wf(0, 0, 256, first));
    assert_false(link_is_wf(0, first, 0, 0));
    assert_false(link_is_wf(0, 0, 0, 1));
    assert_false(link_is_wf(1, 0, 0, 0));
    assert_false(link_is_wf(1, first + 8, 0, 0));
    assert_false(link_is_wf(0, 0, 1, first - 64));
    assert_false(link_is_wf(0, 0, 1, last + 64));
    assert_false(link_is_wf(1, first + (UINT64_C(1) << 63), 0, 0));
}

static bool node_is_wf(unsigned nr_children, unsigned stray, unsigned level, unsigned zero)
{
    unsigned char bytes[sizeof(struct pt_node_meta)];
    uint16_t children = (uint16_t)nr_children;

    memset(bytes, 0xff, sizeof(bytes));
    memcpy(bytes + offsetof(struct pt_node_meta, nr_children), &children, sizeof(children));
    bytes[offsetof(struct pt_node_meta, stray)] = (unsigned char)stray;
    bytes[offsetof(struct pt_node_meta, level)] = (unsigned char)level;
    bytes[offsetof(struct pt_node_meta, zero)] = (unsigned char)zero;
    store_bytes(&PT_NODE_VTABLE, bytes, sizeof(bytes));
    assert_false(metadata_as_link_repr_wf(&fixture.region, slot));
    return metadata_repr_wf(&fixture.region, slot);
}

static void page_table_nodes_that_are_wf(void **state)
{
    (void)state;
    assert_true(node_is_wf(0, 0, 1, 0));
    assert_true(node_is_wf(512, 1, 4, 0));
    assert_false(node_is_wf(513, 1, 4, 0));
    assert_false(node_is_wf(65535, 1, 4, 0));
    assert_false(node_is_wf(0, 2, 1, 0));
    assert_false(node_is_wf(0, 0, 0, 0));
    assert_false(node_is_wf(0, 0, 5, 0));
    assert_false(node_is_wf(0, 0, 1, 1));
}

/* to_repr_wf: of values that the library can make. */
static void what_is_written_is_wf(void **state)
{
    struct metadata value;

    (void)state;
    for (unsigned type = 0; type < NR_VALUES; type++) {
        value = value_of(type, 3);
        if (type == 2)
            value.metadata.frame_link =
                (struct frame_link_meta){{1, address_of(2)}, {0, 0}, UINT64_MAX};
        if (type == 3)
            value.metadata.pt_node = (struct pt_node_meta){512, true, 4, 255, 0};
        metadata_to_repr(&fixture.region, slot, &value);
        assert_true(metadata_repr_wf(&fixture.region, slot));
        assert_int_equal(metadata_as_link_repr_wf(&fixture.region, slot), type == 2);
    }
}

static void assert_same_link(const struct metadata_as_link *a, const struct metadata_as_link *b)
{
    assert_true(a->metadata == b->metadata);
    assert_true(a->next.is_some == b->next.is_some && a->next.addr == b->next.addr);
    assert_true(a->prev.is_some == b->prev.is_some && a->prev.addr == b->prev.addr);
    assert_true(a->ref_count == b->ref_count);
    assert_ptr_equal(a->vtable_ptr, b->vtable_ptr);
    assert_true(a->in_list == b->in_list);
}

static void links_as_values(void **state)
{
    struct metadata_as_link value = {
        .metadata = 11,
        .next = {1, address_of(4)},
        .prev = {0, 0},
        .ref_count = REF_COUNT_UNIQUE,
        .vtable_ptr = &FRAME_LINK_VTABLE,
        .in_list = 12,
    };
    struct metadata_as_link read;
    struct metadata plain;
    struct metadata_ref ref = {0};
    struct frame_link_meta stored;

    (void)state;
    metadata_as_link_to_repr(&fixture.region, slot, &value);
    assert_true(metadata_as_link_repr_wf(&fixture.region, slot));
    nonatomic_copy_out(&stored, slot->storage, sizeof(stored));
    assert_int_equal(stored.payload, 11);
    assert_int_equal(stored.next.is_some, 1);
    assert_true(stored.next.addr == address_of(4));
    assert_int_equal(stored.prev.is_some, 0);
    assert_int_equal(atomic_load_relaxed(&slot->in_list), 12);
    assert_int_equal(metadata_as_link_from_repr(slot, &read), REPR_OK);
    assert_same_link(&read, &value);
    assert_int_equal(metadata_as_link_from_borrowed(slot, &ref), REPR_OK);
    assert_ptr_equal(ref.object, slot);
    assert_ptr_equal(ref.vtable_ptr, &FRAME_LINK_VTABLE);

    /* Through Metadata<Link<M>> it is the same. */
    assert_int_equal(metadata_from_repr(slot, &plain), REPR_OK);
    read = metadata_as_link_from_metadata(&plain);
    assert_same_link(&read, &value);
    plain = metadata_from_metadata_as_link(&value);
    read = metadata_as_link_from_metadata(&plain);
    assert_same_link(&read, &value);
}

static void what_is_no_link_is_an_error(void **state)
{
    struct metadata_as_link link = {.metadata = 77};
    struct metadata_ref ref = {0};

    (void)state;
    for (unsigned type = 0; type < NR_VALUES; type++) {
        struct metadata value = value_of(type, 1);

        if (type == 2)
            continue;
        metadata_to_repr(&fixture.region, slot, &value);
        assert_int_equal(metadata_as_link_from_repr(slot, &link), REPR_NOT_A_LINK);
        assert_int_equal(metadata_as_link_from_borrowed(slot, &ref), REPR_NOT_A_LINK);
    }
    assert_int_equal(link.metadata, 77);
    assert_null(ref.object);
}

static void a_typed_pointer_has_the_slots_address(void **state)
{
    (void)state;
    assert_ptr_equal(meta_slot_cast_slot(slot).slot, slot);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_region, close_region)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read_back),
        TEST(a_value_stands_in_the_slot),
        TEST(what_is_read_is_written_back),
        TEST(borrowing_copies_nothing),
        TEST(an_unknown_type_is_an_error),
        TEST(any_64_bytes_can_be_read),
        TEST(links_that_are_wf),
        TEST(page_table_nodes_that_are_wf),
        TEST(what_is_written_is_wf),
        TEST(links_as_values),
        TEST(what_is_no_link_is_an_error),
        TEST(a_typed_pointer_has_the_slots_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
