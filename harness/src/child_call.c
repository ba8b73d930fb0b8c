/* SPDX-License-Identifier: MPL-2.0 */
#include "child_call.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    /* Longer than any call takes, and short enough to wait for. */
    CHILD_SECONDS = 10,
};

/* What the child leaves behind. */
struct testament {
    bool returned;
    bool panicked;
    struct spec_outcome outcome;
    struct slotcheck_slot slots[];
};

struct child_calls {
    struct testament *testament; /* shared with the child */
    size_t size;
    uint64_t nr_slots;
    int signal;
};

/* Of the child: what its signal handler needs. */
static struct {
    struct testament *testament;
    uint64_t nr_slots;
    struct subject_region on;
} in_child;

struct child_calls *child_calls_create(void)
{
    return calloc(1, sizeof(struct child_calls));
}

void child_calls_destroy(struct child_calls *children)
{
    if (children && children->testament)
        munmap(children->testament, children->size);
    free(children);
}

int child_call_signal(const struct child_calls *children)
{
    return children->signal;
}

static bool testament_reserve(struct child_calls *children, uint64_t nr_slots)
{
    const size_t size = sizeof(struct testament) + nr_slots * sizeof(struct slotcheck_slot);
    void *memory;

    children->nr_slots = nr_slots;
    if (size <= children->size)
        return true;
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    if (children->testament)
        munmap(children->testament, children->size);
    children->testament = memory;
    children->size = size;
    return true;
}

static void read_slots(void)
{
    const struct subject_region *on = &in_child.on;

    for (uint64_t i = 0; i < in_child.nr_slots; i++)
        on->subject->read_slot(on->region, i, &in_child.testament->slots[i]);
}

static void on_panic(int signal)
{
    (void)signal;
    read_slots();
    in_child.testament->panicked = true;
    _exit(0);
}

static void run_child(struct child_calls *children, const struct subject_region *on, enum op op,
                      const struct spec_call *call)
{
    const int panics[] = {SIGABRT, SIGILL, SIGTRAP};
    const int null = open("/dev/null", O_WRONLY);

    in_child.testament = children->testament;
    in_child.nr_slots = children->nr_slots;
    in_child.on = *on;
    if (null >= 0)
        dup2(null, STDERR_FILENO); /* the message of an expected panic is of no interest */
    for (size_t i = 0; i < sizeof(panics) / sizeof(panics[0]); i++)
        signal(panics[i], on_panic);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    signal(SIGALRM, SIG_DFL);
    alarm(CHILD_SECONDS);
    subject_call(on, op, call, &children->testament->outcome);
    read_slots();
    children->testament->returned = true;
    _exit(0);
}

static void await_child(struct child_calls *children, pid_t child)
{
    int status = 0;

    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status))
        children->signal = WTERMSIG(status);
    else if (!children->testament->returned && !children->testament->panicked)
        children->signal = -1 - WEXITSTATUS(status);
}

bool child_call(struct child_calls *children, const struct subject_region *on, enum op op,
                const struct spec_call *call, uint64_t nr_slots, struct spec_outcome *outcome)
{
    pid_t child;

    if (!testament_reserve(children, nr_slots))
        return false;
    children->signal = 0;
    memset(children->testament, 0, children->size);
    child = fork();
    if (child < 0)
        return false;
    if (child == 0)
        run_child(children, on, op, call);
    await_child(children, child);
    *outcome = (struct spec_outcome){.result = SPEC_OK};
    if (children->testament->panicked)
        outcome->result = SPEC_PANIC;
    else if (children->testament->returned)
        *outcome = children->testament->outcome;
    return true;
}

void child_observe(const struct child_calls *children, struct meta_region_owners *actual)
{
    for (uint64_t i = 0; i < children->nr_slots; i++) {
        const struct slotcheck_slot *slot = &children->testament->slots[i];
        const struct metadata_inner_perms *perms = &actual->slot_owners[i].inner_perms;

        if (slot->ref_count == perms->ref_count.value && slot->in_list == perms->in_list.value)
            continue;

        struct metadata_inner_perms *changed = &meta_region_owners_change(actual, i)->inner_perms;

        changed->ref_count.value = slot->ref_count;
        changed->in_list.value = slot->in_list;
    }
}
