/* SPDX-License-Identifier: MPL-2.0 */
/* Without a panic hook a panic ends the process, saying why. And a release build has no ghosts. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child's part: saturates a slot of a region without hooks. */
static void panic_without_hook(void)
{
    struct meta_hooks hooks = {0};
    struct meta_region region;
    struct meta_slot *slot = NULL;

    if (meta_region_create(&region, 1, &hooks) != META_REGION_CREATED)
        _exit(3);
    atomic_store_relaxed(&region.slots[0].ref_count, REF_COUNT_MAX);
    if (meta_slot_get_from_in_use(&region, 0, &slot) != METASLOT_PANIC)
        _exit(4);
    _exit(5);
}

static void the_default_is_to_abort(void **state)
{
    char line[128] = "";
    int ends[2], status;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        panic_without_hook();
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_true(read(ends[0], line, sizeof(line) - 1) > 0);
    assert_string_equal(line, "metaslot: panic: reference count at its maximum\n");
    close(ends[0]);
    close(ends[1]);
}

static void a_release_build_has_no_ghosts(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_open(&fixture);
    frame_drop(&fixture.region, make_frame(&fixture, 2, 8));
    assert_dropped_once(&fixture, 2, 8);
    assert_int_equal(fixture.nr_ghosts, 0);
    fixture_close(&fixture);
}

static void hooks_may_be_missing(void **state)
{
    struct meta_hooks hooks = {0};
    struct fixture fixture;

    (void)state;
    memset(&fixture, 0, sizeof(fixture));
    assert_int_equal(meta_region_create(&fixture.region, NR_TEST_SLOTS, &hooks),
                     META_REGION_CREATED);
    frame_drop(&fixture.region, make_frame(&fixture, 2, 8));
    assert_true(count_at(&fixture, 2) == REF_COUNT_UNUSED);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_is_to_abort),
        cmocka_unit_test(a_release_build_has_no_ghosts),
        cmocka_unit_test(hooks_may_be_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
