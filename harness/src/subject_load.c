/* SPDX-License-Identifier: MPL-2.0 */
#include "slotcheck/subject_load.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "slotcheck/builtin_subject.h"

typedef const struct slotcheck_subject *entry_point_fn(uint32_t host_version);

/* Null, or what is wrong with the struct. */
static const char *complaint(const struct slotcheck_subject *subject)
{
    if (subject->version != SLOTCHECK_INTERFACE_VERSION)
        return "is written for another version of the subject interface";
    if (subject->size < offsetof(struct slotcheck_subject, read_metadata) ||
        subject->size % sizeof(void *) != 0)
        return "gives a size that no subject struct has";
    if (subject->fixed_slots > UINT64_C(1) << 23)
        return "has regions of more than 2^23 slots only";
    if (!subject->name || !subject->description)
        return "has no name or no description";
    if (!subject->create || !subject->reset || !subject->destroy || !subject->slots ||
        !subject->read_slot)
        return "lacks a required function (create, reset, destroy, slots, read_slot)";
    return NULL;
}

/* Null, or what the subject, in our layout, declares and does not have. */
static const char *broken_promise(const struct slotcheck_subject *subject)
{
    if ((subject->capabilities & SLOTCHECK_CAN_REPORT_GHOST) && subject->get_from_unused &&
        !subject->repark)
        return "reports ghost state and has get_from_unused, but no repark";
    if ((subject->capabilities & SLOTCHECK_CAN_SNAPSHOT) &&
        (!subject->snapshot_size || !subject->snapshot_save || !subject->snapshot_restore))
        return "declares snapshots, but lacks a function for them";
    if (subject->list_new && (!subject->list_drop || !subject->read_list))
        return "has list_new, but lacks list_drop or read_list";
    return NULL;
}

/* The copies live as long as the libraries that their functions are in: until the process ends. */
static struct adopted {
    struct slotcheck_subject subject;
    struct adopted *next;
} * all_adopted;

/* A copy of our size: members that the library does not know are null, newer ones are cut off. */
static const struct slotcheck_subject *adopt(const struct slotcheck_subject *subject)
{
    struct adopted *adopted = calloc(1, sizeof(*adopted));

    if (!adopted)
        return NULL;
    memcpy(&adopted->subject, subject,
           subject->size < sizeof(*subject) ? subject->size : sizeof(*subject));
    adopted->next = all_adopted;
    all_adopted = adopted;
    return &adopted->subject;
}

/* A file cut short can kill whoever loads it; so a child goes first. */
static bool survives_loading(const char *path)
{
    int status = 0;
    const pid_t child = fork();

    if (child == 0) {
        signal(SIGBUS, SIG_DFL);
        signal(SIGSEGV, SIG_DFL);
        (void)dlopen(path, RTLD_NOW | RTLD_LOCAL);
        _exit(0);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return child < 0 || !WIFSIGNALED(status);
}

static const struct slotcheck_subject *from_library(const char *path, char *error, size_t size)
{
    /* Without a slash dlopen would search the system's folders. */
    char here[4096];
    const int n = snprintf(here, sizeof(here), "%s%s", strchr(path, '/') ? "" : "./", path);
    void *library;

    if (n > 0 && (size_t)n < sizeof(here) && !survives_loading(here)) {
        snprintf(error, size, "%s: cannot be loaded: it is damaged, or its constructors crash",
                 path);
        return NULL;
    }
    library = n > 0 && (size_t)n < sizeof(here) ? dlopen(here, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library) {
        const char *why = dlerror();

        snprintf(error, size, "%s: cannot be loaded: %s", path, why ? why : "path too long");
        return NULL;
    }

    entry_point_fn *entry_point;
    *(void **)&entry_point = dlsym(library, "slotcheck_subject"); /* as POSIX has it */

    if (!entry_point) {
        snprintf(error, size, "%s: has no function slotcheck_subject", path);
        return NULL;
    }

    const struct slotcheck_subject *subject = entry_point(SLOTCHECK_INTERFACE_VERSION);

    if (!subject) {
        snprintf(error, size, "%s: does not serve version %d of the subject interface", path,
                 SLOTCHECK_INTERFACE_VERSION);
        return NULL;
    }
    if (complaint(subject)) {
        snprintf(error, size, "%s: %s", path, complaint(subject));
        return NULL;
    }
    subject = adopt(subject);
    if (!subject) {
        snprintf(error, size, "%s: no memory", path);
    } else if (broken_promise(subject)) {
        snprintf(error, size, "%s: %s", path, broken_promise(subject));
        return NULL;
    }
    return subject;
}

const struct slotcheck_subject *subject_load(const char *path, char *error, size_t error_size)
{
    if (!path || strcmp(path, "builtin") == 0)
        return slotcheck_builtin_subject();
    return from_library(path, error, error_size);
}
