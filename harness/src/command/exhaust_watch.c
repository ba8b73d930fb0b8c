/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The search runs in a forked child, so that a subject that ends the process, or never returns, is a
 * finding like any other. The parent shows how far it is, and keeps the limits; what both need to know
 * lies in shared memory.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exhaust_search.h"

enum {
    NR_COVERED_DIGITS = 4,
};

/* What asks for an end, and gets one with what is known until then. */
static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP};

enum {
    NR_SIGNALS = sizeof(SIGNALS) / sizeof(SIGNALS[0]),
};

static volatile sig_atomic_t interrupts;

unsigned search_interrupts(void)
{
    return (unsigned)interrupts;
}

/* --- in the child --- */

/*
 * A terminal tells all its processes; what is to be done about it is the parent's business. A subject
 * that raises the signal dies of it, which is a finding.
 */
static void on_signal_to_child(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code > 0 || info->si_pid != getpid())
        return;
    signal(number, SIG_DFL);
    raise(number);
}

static void leave_signals_to_parent(void)
{
    const struct sigaction action = {.sa_sigaction = on_signal_to_child,
                                     .sa_flags = SA_SIGINFO | SA_RESTART};

    for (int i = 0; i < NR_SIGNALS; i++)
        sigaction(SIGNALS[i], &action, NULL);
}

struct corpus_writer {
    const char *folder;
    struct side_results *side;
};

static bool write_covering(void *context, const struct program *program)
{
    const struct corpus_writer *writer = context;
    const struct operation *last = &program->ops[program->nr_ops - 1];
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%0*u-%s.txt", writer->folder, NR_COVERED_DIGITS,
             writer->side->nr_programs + 1, OPS[last->op].name);
    if (!case_print(program, path)) {
        writer->side->status = EXIT_USAGE;
        return false;
    }
    writer->side->nr_programs++;
    return true;
}

/* The programs that were asked for, of a search that is over. */
static void write_corpus(const struct search *search, struct exhaust *exhaust)
{
    struct side_results *side = search->side;
    struct corpus_writer writer = {search->options->corpus, side};

    if (!writer.folder || search->report->end == EXHAUST_FAILED ||
        search->report->end == EXHAUST_DIVERGED)
        return;
    side->cover = exhaust_cover(exhaust, write_covering, &writer);
    if (side->cover == COVER_FAILED)
        side->status = complain(EXIT_INTERNAL, "%s: %s", writer.folder, search->report->error);
}

/* Runs the search, and ends the process. */
_Noreturn static void run_in_child(const struct search *search)
{
    const struct exhaust_options *options = search->options;
    const struct exhaust_settings settings = {.scope = &search->scope,
                                              .depth = options->depth,
                                              .exact = options->exact,
                                              .replay = options->replay,
                                              .max_bytes = (uint64_t)options->memory << 20};
    char error[256];
    struct lockstep *lockstep =
        lockstep_create(search->subject, search->stats, error, sizeof(error));
    struct exhaust *exhaust = lockstep ? exhaust_create(lockstep, &settings, search->report) : NULL;

    leave_signals_to_parent();
    /* Nobody would wait for the results any more. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* What a subject prints must not come between the results. */
    dup2(STDERR_FILENO, STDOUT_FILENO);
    if (exhaust) {
        lockstep_use_variant(lockstep, options->variant);
        exhaust_run(exhaust);
        clock_gettime(CLOCK_MONOTONIC, &search->side->end);
        search->side->is_over = true;
        write_corpus(search, exhaust);
    } else {
        search->side->status = complain(EXIT_INTERNAL, "%s", lockstep ? "no memory" : error);
    }
    search->side->is_done = true;
    fflush(stdout);
    _exit(EXIT_AGREEMENT);
}

/* --- in the parent --- */

static void on_interrupt(int number)
{
    (void)number;
    interrupts = interrupts + 1;
}

/* What is ignored from the beginning, as under nohup, stays so. */
static void set_signals(void (*from)(int), void (*to)(int))
{
    for (int i = 0; i < NR_SIGNALS; i++) {
        const struct sigaction action = {.sa_handler = to};
        struct sigaction old;

        if (sigaction(SIGNALS[i], NULL, &old) == 0 && old.sa_handler == from)
            sigaction(SIGNALS[i], &action, NULL);
    }
}

void search_leave_signals(void)
{
    set_signals(on_interrupt, SIG_DFL);
}

static double between(const struct timespec *begin, const struct timespec *end)
{
    return (double)(end->tv_sec - begin->tv_sec) + 1e-9 * (double)(end->tv_nsec - begin->tv_nsec);
}

/* How things stood when the parent last looked. */
struct watcher {
    double seconds; /* since the beginning */
    double shown;
    double since; /* something has come of the child */
    uint64_t seen;
    unsigned interrupts; /* that came before the search was over */
    bool is_stuck, is_abandoned;
};

static void take_time(struct search *search, struct watcher *watcher)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    watcher->seconds = between(&search->begin, &now);
    search->seconds =
        search->side->is_over ? between(&search->begin, &search->side->end) : watcher->seconds;
}

/* The corpus has as much time as the search. */
static void apply_limits(struct search *search, struct watcher *watcher)
{
    const double limit = search->options->limit;
    struct exhaust_report *report = search->report;

    if (!search->side->is_over) {
        watcher->interrupts = search_interrupts();
        if (watcher->interrupts || (limit > 0 && search->seconds >= limit))
            report->stop = true;
    } else if (search_interrupts() > watcher->interrupts ||
               (limit > 0 && watcher->seconds - search->seconds >= limit)) {
        report->stop_cover = true;
    }
}

static void print_search_progress(const struct search *search)
{
    const struct exhaust_report *report = search->report;
    const unsigned level = report->complete_depth;
    const double transitions = 1e-6 * (double)exhaust_transitions(report);

    fprintf(stderr,
            "%.0f s | depth %u of %u: %" PRIu64 " of %" PRIu64 " states | %.1fM transitions, "
            "%.2fM/s | %" PRIu64 " MiB",
            search->seconds, level + 1, search->options->depth, report->expanded,
            report->states[level], transitions, transitions / search->seconds, report->bytes >> 20);
}

static void print_corpus_progress(const struct search *search, const struct watcher *watcher)
{
    fprintf(stderr, "%.0f s | corpus: %u programs, %" PRIu64 " of %" PRIu64 " cells",
            watcher->seconds, search->side->nr_programs, search->report->covered,
            search->stats->cells.nr);
}

/* On a terminal one line every second, else one every ten. */
static void show_progress(const struct search *search, struct watcher *watcher)
{
    const bool terminal = isatty(STDERR_FILENO);

    if (watcher->seconds - watcher->shown < (terminal ? 1 : 10))
        return;
    watcher->shown = watcher->seconds;
    fputs(terminal ? "\r\033[K" : "", stderr);
    if (!search->side->is_over)
        print_search_progress(search);
    else
        print_corpus_progress(search, watcher);
    fputs(terminal ? "" : "\n", stderr);
}

/* Has nothing come of the child for too long? */
static bool is_stuck(const struct search *search, struct watcher *watcher)
{
    const struct exhaust_report *report = search->report;
    const uint64_t seen = exhaust_transitions(report) + report->skipped + report->covered;

    if (seen != watcher->seen || report->in_search) {
        watcher->seen = seen;
        watcher->since = watcher->seconds;
    }
    return watcher->seconds - watcher->since >= search->options->timeout;
}

static void look(struct search *search, struct watcher *watcher, pid_t child)
{
    take_time(search, watcher);
    apply_limits(search, watcher);
    show_progress(search, watcher);
    if (watcher->is_stuck || watcher->is_abandoned)
        return;
    watcher->is_stuck = is_stuck(search, watcher);
    watcher->is_abandoned = search_interrupts() > 1;
    if (watcher->is_stuck || watcher->is_abandoned)
        kill(child, SIGKILL);
}

static void watch(struct search *search, pid_t child)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    struct watcher watcher = {0};
    int status = 0;

    while (waitpid(child, &status, WNOHANG) == 0) {
        look(search, &watcher, child);
        nanosleep(&pause, NULL);
    }
    take_time(search, &watcher);
    if (watcher.shown > 0 && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    if (watcher.is_abandoned)
        search->ended_by = SIGINT;
    else if (watcher.is_stuck)
        search->ended_by = SIGALRM;
    else if (WIFSIGNALED(status))
        search->ended_by = WTERMSIG(status);
    else if (!search->side->is_done)
        search->ended_by = -1 - WEXITSTATUS(status);
}

bool search_run(struct search *search)
{
    pid_t child;

    fflush(stdout);
    clock_gettime(CLOCK_MONOTONIC, &search->begin);
    set_signals(SIG_DFL, on_interrupt);
    child = fork();
    if (child < 0) {
        complain(EXIT_INTERNAL, "cannot fork: %s", strerror(errno));
        return false;
    }
    if (child == 0)
        run_in_child(search);
    watch(search, child);
    return true;
}
