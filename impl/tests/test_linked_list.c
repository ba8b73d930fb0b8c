/* SPDX-License-Identifier: MPL-2.0 */
/* LinkedList and CursorMut. */
#include "support.h"

#include "metaslot/linked_list.h"

static struct fixture fixture;
static struct linked_list list;

static int open_region(void **state)
{
    (void)state;
    fixture_open(&fixture);
    list = linked_list_new();
    return 0;
}

static int close_region(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

/* Makes a frame for a list; its payload is its index and 100. */
static struct unique_frame make_link(uint64_t index)
{
    struct frame_link_meta link = {{0, 0}, {0, 0}, 100 + index};
    struct unique_frame frame = {NULL};

    assert_int_equal(
        unique_frame_from_unused(&fixture.region, PADDR(index), frame_link_metadata(&link), &frame),
        METASLOT_OK);
    fixture.nr_ghosts = 0;
    return frame;
}

static void push_back(uint64_t index)
{
    assert_int_equal(linked_list_push_back(&fixture.region, &list, make_link(index)), METASLOT_OK);
}

static struct frame_link_meta link_at(uint64_t index)
{
    struct frame_link_meta link;

    nonatomic_copy_out(&link, fixture.region.slots[index].storage, sizeof(link));
    return link;
}

static uint64_t in_list_at(uint64_t index)
{
    return atomic_load_relaxed(&fixture.region.slots[index].in_list);
}

static struct meta_slot *slot_at(uint64_t index)
{
    return &fixture.region.slots[index];
}

static void assert_link(struct optional_addr link, const struct meta_slot *target)
{
    assert_int_equal(link.is_some, target != NULL);
    assert_ptr_equal((void *)(uintptr_t)link.addr, target);
}

/* The list's elements are those with these indices, one digit each, and everything fits. */
static void assert_list(const char *indices)
{
    size_t size = strlen(indices);

    assert_int_equal(list.size, size);
    assert_ptr_equal(list.front, size != 0 ? slot_at((uint64_t)(indices[0] - '0')) : NULL);
    assert_ptr_equal(list.back, size != 0 ? slot_at((uint64_t)(indices[size - 1] - '0')) : NULL);
    if (size != 0)
        assert_int_not_equal(list.list_id, 0);
    for (size_t i = 0; i < size; i++) {
        uint64_t index = (uint64_t)(indices[i] - '0');
        struct frame_link_meta link = link_at(index);

        assert_link(link.prev, i > 0 ? slot_at((uint64_t)(indices[i - 1] - '0')) : NULL);
        assert_link(link.next, i + 1 < size ? slot_at((uint64_t)(indices[i + 1] - '0')) : NULL);
        assert_int_equal(link.payload, 100 + index);
        assert_int_equal(in_list_at(index), list.list_id);
        assert_true(count_at(&fixture, index) == REF_COUNT_UNIQUE);
    }
}

/* The frame is what it was before it was inserted, and a handle again. */
static void assert_taken(struct unique_frame frame, uint64_t index)
{
    struct frame_link_meta link = link_at(index);

    assert_ptr_equal(frame.slot, slot_at(index));
    assert_link(link.prev, NULL);
    assert_link(link.next, NULL);
    assert_int_equal(link.payload, 100 + index);
    assert_int_equal(in_list_at(index), 0);
    assert_true(count_at(&fixture, index) == REF_COUNT_UNIQUE);
}

static void a_new_list_is_empty_and_has_no_id(void **state)
{
    struct unique_frame frame = {NULL};

    (void)state;
    assert_list("");
    assert_int_equal(list.list_id, 0);
    assert_int_equal(linked_list_pop_front(&fixture.region, &list, &frame), METASLOT_NONE);
    assert_int_equal(linked_list_pop_back(&fixture.region, &list, &frame), METASLOT_NONE);
    assert_null(frame.slot);
    assert_null(linked_list_cursor_front_mut(&list).current);
    assert_null(linked_list_cursor_back_mut(&list).current);
    linked_list_drop(&fixture.region, &list);
    assert_int_equal(list.list_id, 0);
    assert_int_equal(atomic_load_relaxed(fixture.region.next_list_id), 1);
}

static void pushing_and_popping_at_both_ends(void **state)
{
    struct unique_frame frame = {NULL};

    (void)state;
    push_back(1);
    assert_list("1");
    push_back(2);
    assert_list("12");
    assert_int_equal(linked_list_push_front(&fixture.region, &list, make_link(3)), METASLOT_OK);
    assert_list("312");
    assert_int_equal(linked_list_pop_back(&fixture.region, &list, &frame), METASLOT_OK);
    assert_taken(frame, 2);
    assert_list("31");
    assert_int_equal(linked_list_push_front(&fixture.region, &list, frame), METASLOT_OK);
    assert_list("231");
    assert_int_equal(linked_list_pop_front(&fixture.region, &list, &frame), METASLOT_OK);
    assert_taken(frame, 2);
    assert_int_equal(linked_list_pop_front(&fixture.region, &list, &frame), METASLOT_OK);
    assert_taken(frame, 3);
    assert_list("1");
    assert_int_equal(linked_list_pop_back(&fixture.region, &list, &frame), METASLOT_OK);
    assert_taken(frame, 1);
    assert_list("");
    assert_int_equal(linked_list_push_front(&fixture.region, &list, frame), METASLOT_OK);
    assert_list("1");
}

/* A cursor that has made `steps` steps from the front of "123"; 3 is the ghost. */
static struct linked_list_cursor cursor_in_123(unsigned steps)
{
    struct linked_list_cursor cursor;

    linked_list_drop(&fixture.region, &list);
    for (uint64_t i = 1; i <= 3; i++)
        push_back(i);
    cursor = linked_list_cursor_front_mut(&list);
    for (unsigned i = 0; i < steps; i++)
        linked_list_cursor_move_next(&cursor);
    return cursor;
}

static void insertion_at_every_position(void **state)
{
    static const char *const expected[] = {"4123", "1423", "1243", "1234"};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct linked_list_cursor cursor = cursor_in_123(i);
        struct meta_slot *current = cursor.current;

        assert_int_equal(linked_list_cursor_insert_before(&fixture.region, &cursor, make_link(4)),
                         METASLOT_OK);
        assert_list(expected[i]);
        assert_ptr_equal(cursor.current, current);
        assert_ptr_equal(cursor.list, &list);
    }
    linked_list_drop(&fixture.region, &list);
    assert_int_equal(linked_list_push_front(&fixture.region, &list, make_link(4)), METASLOT_OK);
    assert_list("4");
}

static void taking_at_every_position(void **state)
{
    static const char *const expected[] = {"23", "13", "12"};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct linked_list_cursor cursor = cursor_in_123(i);
        struct unique_frame frame = {NULL};

        assert_int_equal(linked_list_cursor_take_current(&fixture.region, &cursor, &frame),
                         METASLOT_OK);
        assert_taken(frame, i + 1);
        assert_list(expected[i]);
        assert_ptr_equal(cursor.current, i < 2 ? slot_at(i + 2) : NULL);
        unique_frame_drop(&fixture.region, frame);
    }
}

static void taking_the_only_element(void **state)
{
    struct linked_list_cursor cursor;
    struct unique_frame frame = {NULL};

    (void)state;
    push_back(5);
    cursor = linked_list_cursor_back_mut(&list);
    assert_int_equal(linked_list_cursor_take_current(&fixture.region, &cursor, &frame),
                     METASLOT_OK);
    assert_taken(frame, 5);
    assert_list("");
    assert_null(cursor.current);
    assert_int_equal(linked_list_cursor_insert_before(&fixture.region, &cursor, frame),
                     METASLOT_OK);
    assert_list("5");
    assert_null(cursor.current);
}

static void there_is_nothing_to_take_at_the_ghost(void **state)
{
    struct linked_list_cursor cursor = cursor_in_123(3);
    struct unique_frame frame = {NULL};

    (void)state;
    assert_null(cursor.current);
    fixture.nr_ghosts = 0;
    assert_int_equal(linked_list_cursor_take_current(&fixture.region, &cursor, &frame),
                     METASLOT_NONE);
    assert_null(frame.slot);
    assert_list("123");
    assert_int_equal(fixture.nr_ghosts, 0);
}

static void a_cursor_goes_round(void **state)
{
    static const int forward[] = {2, 3, 0, 1}, back[] = {0, 3, 2, 1};
    struct linked_list_cursor cursor = cursor_in_123(0);

    (void)state;
    for (int i = 0; i < 4; i++) {
        linked_list_cursor_move_next(&cursor);
        assert_ptr_equal(cursor.current, forward[i] ? slot_at((uint64_t)forward[i]) : NULL);
    }
    for (int i = 0; i < 4; i++) {
        linked_list_cursor_move_prev(&cursor);
        assert_ptr_equal(cursor.current, back[i] ? slot_at((uint64_t)back[i]) : NULL);
    }
    assert_ptr_equal(linked_list_cursor_back_mut(&list).current, slot_at(3));
    linked_list_drop(&fixture.region, &list);
    cursor = linked_list_cursor_at_ghost_mut(&list);
    linked_list_cursor_move_next(&cursor);
    assert_null(cursor.current);
    linked_list_cursor_move_prev(&cursor);
    assert_null(cursor.current);
}

static void a_list_contains_its_own_frames_only(void **state)
{
    struct linked_list other = linked_list_new();
    struct linked_list_cursor cursor = {NULL, NULL};
    bool contained = false;

    (void)state;
    push_back(1);
    push_back(2);
    assert_int_equal(linked_list_push_back(&fixture.region, &other, make_link(3)), METASLOT_OK);
    assert_int_not_equal(other.list_id, list.list_id);
    assert_int_equal(linked_list_contains(&fixture.region, &list, PADDR(2), &contained),
                     METASLOT_OK);
    assert_true(contained);
    assert_int_equal(linked_list_contains(&fixture.region, &list, PADDR(3), &contained),
                     METASLOT_OK);
    assert_false(contained);
    assert_int_equal(linked_list_cursor_mut_at(&fixture.region, &list, PADDR(3), &cursor),
                     METASLOT_NONE);
    assert_null(cursor.list);
    assert_int_equal(linked_list_cursor_mut_at(&fixture.region, &list, PADDR(2), &cursor),
                     METASLOT_OK);
    assert_ptr_equal(cursor.list, &list);
    assert_ptr_equal(cursor.current, slot_at(2));
}

static void an_address_without_a_slot_needs_no_id(void **state)
{
    const uint64_t paddrs[] = {1, PADDR(NR_TEST_SLOTS), UINT64_MAX};
    struct linked_list_cursor cursor;
    bool contained = true;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(linked_list_contains(&fixture.region, &list, paddrs[i], &contained),
                         METASLOT_OK);
        assert_false(contained);
        assert_int_equal(linked_list_cursor_mut_at(&fixture.region, &list, paddrs[i], &cursor),
                         METASLOT_NONE);
    }
    assert_int_equal(list.list_id, 0);
    assert_int_equal(linked_list_contains(&fixture.region, &list, PADDR(0), &contained),
                     METASLOT_OK);
    assert_false(contained);
    assert_int_equal(list.list_id, 1);
    assert_int_equal(atomic_load_relaxed(fixture.region.next_list_id), 2);
}

static void ids_run_out(void **state)
{
    struct linked_list_cursor cursor;
    bool contained;

    (void)state;
    meta_region_set_next_list_id(&fixture.region, MAX_LIST_ID - 1);
    push_back(1);
    assert_true(list.list_id == MAX_LIST_ID - 1);
    linked_list_drop(&fixture.region, &list);

    /* Each attempt draws one, also the one that panics. */
    list = linked_list_new();
    assert_int_equal(linked_list_contains(&fixture.region, &list, PADDR(1), &contained),
                     METASLOT_PANIC);
    assert_int_equal(linked_list_cursor_mut_at(&fixture.region, &list, PADDR(1), &cursor),
                     METASLOT_PANIC);
    assert_int_equal(list.list_id, 0);
    assert_int_equal(fixture.nr_panics, 2);
    assert_true(atomic_load_relaxed(fixture.region.next_list_id) == MAX_LIST_ID + 2);

    /* Linked already, but without id, not counted, and still a handle. */
    assert_int_equal(linked_list_push_back(&fixture.region, &list, make_link(2)), METASLOT_PANIC);
    assert_int_equal(fixture.nr_panics, 3);
    assert_ptr_equal(list.front, slot_at(2));
    assert_ptr_equal(list.back, slot_at(2));
    assert_int_equal(list.size, 0);
    assert_int_equal(in_list_at(2), 0);
    assert_int_equal(fixture.nr_ghosts, 0);
}

static void dropping_a_list_drops_its_frames(void **state)
{
    uint64_t id;

    (void)state;
    for (uint64_t i = 1; i <= 3; i++)
        push_back(i);
    id = list.list_id;
    fixture.nr_ghosts = 0;
    linked_list_drop(&fixture.region, &list);
    assert_int_equal(list.size, 0);
    assert_null(list.front);
    assert_null(list.back);
    assert_int_equal(list.list_id, id);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_true(count_at(&fixture, i) == REF_COUNT_UNUSED);
        assert_int_equal(in_list_at(i), 0);
        assert_int_equal(fixture.ghosts[(i - 1) * 4].index, i);
    }
    /* Each frame: minted, redeemed, storage and vtable uninitialised. */
    assert_int_equal(fixture.nr_ghosts, 12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_region, close_region)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_list_is_empty_and_has_no_id),
        TEST(pushing_and_popping_at_both_ends),
        TEST(insertion_at_every_position),
        TEST(taking_at_every_position),
        TEST(taking_the_only_element),
        TEST(there_is_nothing_to_take_at_the_ghost),
        TEST(a_cursor_goes_round),
        TEST(a_list_contains_its_own_frames_only),
        TEST(an_address_without_a_slot_needs_no_id),
        TEST(ids_run_out),
        TEST(dropping_a_list_drops_its_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
