/* SPDX-License-Identifier: MPL-2.0 */
/* What the search has found becomes a case: run by itself, shrunk, and written. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exhaust_search.h"
#include "slotcheck/shrink.h"

/* --- folders --- */

bool no_file(const char *path)
{
    complain(EXIT_USAGE, "%s: %s", *path ? path : "''", strerror(errno));
    return false;
}

bool make_folder(const char *path)
{
    char part[PATH_MAX];

    if (strlen(path) >= sizeof(part)) {
        errno = ENAMETOOLONG;
        return no_file(path);
    }
    for (size_t end = strcspn(path, "/");; end += 1 + strcspn(path + end + 1, "/")) {
        snprintf(part, sizeof(part), "%.*s", (int)end, path);
        if (end > 0 && mkdir(part, 0777) != 0 && errno != EEXIST)
            return no_file(part);
        if (path[end] == '\0')
            return is_folder(path) || no_file(path);
    }
}

/* What there is of the folder already is one in which more can be made. */
bool can_make_folder(const char *path)
{
    char part[PATH_MAX];

    if (*path == '\0')
        errno = ENOENT;
    else if (strlen(path) >= sizeof(part))
        errno = ENAMETOOLONG;
    else {
        strcpy(part, path);
        while (!is_folder(part) && errno == ENOENT) {
            char *slash = strrchr(part, '/');

            if (!slash || slash == part)
                strcpy(part, slash ? "/" : ".");
            else
                *slash = '\0';
        }
        if (is_folder(part) && access(part, W_OK | X_OK) == 0)
            return true;
    }
    return no_file(path);
}

/* out/exhaust, or out/exhaust-NAME for the library NAME.so. */
static void default_folder(const char *library, char *path, size_t size)
{
    const char *name = library ? strrchr(library, '/') : NULL;

    if (!library) {
        snprintf(path, size, "out/exhaust");
        return;
    }
    name = name ? name + 1 : library;
    snprintf(path, size, "out/exhaust-%.*s", (int)strcspn(name, "."), name);
}

bool finding_folder(const struct exhaust_options *options, char *path, size_t size)
{
    if (!options->out)
        default_folder(options->library, path, size);
    else if ((size_t)snprintf(path, size, "%s", options->out) >= size) {
        errno = ENAMETOOLONG;
        return no_file(options->out);
    }
    return can_make_folder(path);
}

/* --- run by itself, and shrunk --- */

/*
 * What a process of its own has to say, so that neither the subject nor somebody who will not wait for
 * the shrinking ends the one that knows of the finding.
 */
struct judgement {
    bool is_over;  /* nobody has ended it */
    bool diverges; /* by itself, with `signature`; what follows is the shrunk program */
    char signature[SIGNATURE_SIZE];
    uint8_t slots_byte;
    size_t nr_ops;
    struct operation ops[EXHAUST_MAX_DEPTH];
};

struct progress {
    time_t begin, shown;
};

static void show_progress(void *context, uint64_t runs)
{
    struct progress *progress = context;
    const time_t now = time(NULL);
    const bool terminal = isatty(STDERR_FILENO);

    if (now - progress->shown < (terminal ? 1 : 10))
        return;
    progress->shown = now;
    fprintf(stderr, "%sshrinking: %.0f s, %" PRIu64 " runs%s", terminal ? "\r\033[K" : "",
            difftime(now, progress->begin), runs, terminal ? "" : "\n");
}

static void judge(const struct search *search, struct program *program, struct judgement *judgement)
{
    struct progress progress = {time(NULL), time(NULL)};
    struct shrink_finding finding = {.subject = search->subject,
                                     .variant = search->options->variant,
                                     .timeout = search->options->timeout,
                                     .progress = show_progress,
                                     .progress_context = &progress};

    judgement->diverges = shrink_finding(&finding, program) == SHRINK_DONE;
    if (judgement->diverges) {
        memcpy(judgement->signature, finding.signature, sizeof(finding.signature));
        judgement->slots_byte = program->slots_byte;
        judgement->nr_ops = program->nr_ops;
        memcpy(judgement->ops, program->ops, program->nr_ops * sizeof(program->ops[0]));
    }
    judgement->is_over = true;
    if (progress.shown != progress.begin && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static void use_shrunk(struct program *program, const struct judgement *judgement)
{
    program->slots_byte = judgement->slots_byte;
    program->nr_ops = judgement->nr_ops;
    memcpy(program->ops, judgement->ops, judgement->nr_ops * sizeof(program->ops[0]));
}

/* Waits for the process, unless somebody asks for an end. */
static void await(pid_t child)
{
    const unsigned interrupts = search_interrupts();
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};

    while (waitpid(child, NULL, WNOHANG) == 0) {
        if (search_interrupts() > interrupts)
            kill(child, SIGKILL);
        nanosleep(&pause, NULL);
    }
}

void finding_judge(const struct search *search, struct found *found)
{
    struct judgement *judgement = shared_memory(sizeof(*judgement));
    pid_t child;

    divergence_signature(&search->report->divergence, found->signature, sizeof(found->signature));
    if (judgement == NULL)
        return;
    fflush(NULL);
    child = fork();
    if (child == 0) {
        search_leave_signals();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        judge(search, &found->program, judgement);
        _exit(EXIT_AGREEMENT);
    }
    if (child > 0)
        await(child);
    found->agrees_alone = judgement->is_over && !judgement->diverges;
    found->diverges_alone = judgement->is_over && judgement->diverges;
    if (found->diverges_alone) {
        memcpy(found->signature, judgement->signature, sizeof(found->signature));
        use_shrunk(&found->program, judgement);
    }
    munmap(judgement, sizeof(*judgement));
}

/* --- the case --- */

bool finding_write(const struct search *search, struct found *found)
{
    char folder[PATH_MAX], path[PATH_MAX];

    if (!finding_folder(search->options, folder, sizeof(folder)) || !make_folder(folder))
        return false;
    if ((size_t)snprintf(path, sizeof(path), "%s/%s.txt", folder, found->signature) >=
        sizeof(path)) {
        errno = ENAMETOOLONG;
        return no_file(folder);
    }
    if (!case_print(&found->program, path))
        return false;
    memcpy(found->path, path, sizeof(path));
    return true;
}

int finding_run(const struct search *search, struct found *found)
{
    const struct exhaust_options *options = search->options;
    char timeout[24];
    char *arguments[10] = {"slotcheck run"};
    int n = 1;
    int status = 0;

    snprintf(timeout, sizeof(timeout), "--timeout=%u", options->timeout);
    arguments[n++] = timeout;
    if (options->variant == SPEC_VOSTD)
        arguments[n++] = "--spec=vostd";
    if (options->library) {
        arguments[n++] = "--subject";
        arguments[n++] = (char *)(uintptr_t)options->library;
    }
    arguments[n++] = "--";
    arguments[n++] = found->path;

    fflush(stdout);
    const pid_t child = fork();

    if (child < 0)
        return complain(EXIT_INTERNAL, "cannot fork: %s", strerror(errno));
    if (child == 0) {
        search_leave_signals();
        if (options->json && !freopen("/dev/null", "w", stdout))
            _exit(EXIT_INTERNAL);
        status = command_run(n, arguments);
        fflush(stdout);
        _exit(status);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_INTERNAL;
}
