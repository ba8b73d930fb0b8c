/* SPDX-License-Identifier: MPL-2.0 */
/*
 * exhaust: all programs of a small scope.
 *
 * The search runs in a forked child, so that a subject that ends the process, or never returns, is a
 * finding like any other. The parent shows how far it is, and keeps the limits; what both need to know
 * lies in shared memory.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../divergence_build.h"
#include "command.h"
#include "slotcheck/exhaust.h"
#include "slotcheck/subject_load.h"

struct exhaust_options {
    const char *library;
    const char *ops;
    const char *out;    /* folder for the counterexample; null: see default_out */
    const char *corpus; /* folder for programs with every cell; null: none are asked for */
    const char *cells;  /* file for the cells */
    uint64_t nr_slots;  /* 0: two, or what the subject has */
    unsigned depth;
    unsigned memory;  /* MiB */
    unsigned limit;   /* seconds; 0: none */
    unsigned timeout; /* of one operation, in seconds */
    bool exact;
    bool replay;
    bool json;
    enum spec_variant variant;
};

struct search {
    const struct exhaust_options *options;
    const struct slotcheck_subject *subject;
    struct scope scope;
    /* Shared. */
    struct exhaust_report *report;
    struct lockstep_stats *stats;
    struct side_results {
        int status; /* with which the command is to end: the child has complained */
        unsigned nr_programs;
    } * side;
    struct timespec begin;
    double seconds; /* since then */
};

/* --- arguments --- */

enum {
    KEY_SPEC = 0x100, /* options without a letter */
    KEY_EXACT,
    KEY_REPLAY,
    KEY_CORPUS,
    KEY_CELLS,
    DEFAULT_SLOTS = 2,
    DEFAULT_DEPTH = 8,
    DEFAULT_MEMORY = 4096,
    DEFAULT_TIMEOUT = 10,
    NR_COVERED_DIGITS = 4,
};

static const struct argp_option OPTIONS[] = {
    {"slots", 'n', "N", 0, "slots of the region, 1..16 (2)", 0},
    {"depth", 'd', "N", 0, "operations of the longest programs, 1..64 (8)", 0},
    {"ops", 'p', "NAMES", 0,
     "operations and groups of them, with commas: slot frame unique node boot map list segment "
     "repr "
     "all (setup,slot,frame,unique,node)",
     0},
    {"subject", 's', "LIB", 0, "shared library to test instead of the built-in subject", 0},
    {"spec", KEY_SPEC, "ostd|vostd", 0,
     "the shipping kernel (ostd, the default) or the verified sources, where the two disagree", 0},
    {"exact", KEY_EXACT, NULL, 0,
     "tell states apart by the order of handles, too, and by what the subject saves of itself", 0},
    {"replay", KEY_REPLAY, NULL, 0,
     "run every program from its beginning, also if the subject can take a state back", 0},
    {"memory", 'm', "MIB", 0, "stop when the states take that much memory (4096)", 0},
    {"limit", 'l', "SECONDS", 0, "stop after that time", 0},
    {"timeout", 't', "SECONDS", 0, "an operation that takes longer is a finding (10)", 0},
    {"out", 'o', "DIR", 0, "folder for a program that diverges (out/exhaust, or out/exhaust-NAME)",
     0},
    {"corpus", KEY_CORPUS, "DIR", 0,
     "write programs there that have every cell that was reached, as few as it takes", 0},
    {"cells", KEY_CELLS, "FILE", 0,
     "write there every cell that was reached: operation, result, and state that it met", 0},
    {"json", 'j', NULL, 0, "print a JSON object", 0},
    {0},
};

static unsigned parse_number(struct argp_state *state, const char *option, const char *text,
                             unsigned long max)
{
    char *end;
    const unsigned long number = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || number == 0 || number > max)
        argp_failure(state, EXIT_USAGE, 0, "--%s %s: not 1..%lu", option, text, max);
    return (unsigned)number;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct exhaust_options *options = state->input;

    switch (key) {
    case 'n':
        options->nr_slots = parse_number(state, "slots", argument, SCOPE_MAX_SLOTS);
        return 0;
    case 'd':
        options->depth = parse_number(state, "depth", argument, EXHAUST_MAX_DEPTH);
        return 0;
    case 'p':
        options->ops = argument;
        return 0;
    case 's':
        options->library = argument;
        return 0;
    case KEY_SPEC:
        options->variant = parse_variant(state, argument);
        return 0;
    case KEY_EXACT:
        options->exact = true;
        return 0;
    case KEY_REPLAY:
        options->replay = true;
        return 0;
    case 'm':
        options->memory = parse_number(state, "memory", argument, 1 << 24);
        return 0;
    case 'l':
        options->limit = parse_number(state, "limit", argument, 30UL * 86400);
        return 0;
    case 't':
        options->timeout = parse_timeout(state, argument);
        return 0;
    case 'o':
        options->out = argument;
        return 0;
    case KEY_CORPUS:
        options->corpus = argument;
        return 0;
    case KEY_CELLS:
        options->cells = argument;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_failure(state, EXIT_USAGE, 0, "%s: no argument is expected", argument);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* --- files --- */

/* Complains of what `errno` says. */
static bool no_file(const char *path)
{
    complain(EXIT_USAGE, "%s: %s", *path ? path : "''", strerror(errno));
    return false;
}

/* False, with the reason in `errno`. */
static bool is_folder(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return false;
    if (S_ISDIR(status.st_mode))
        return true;
    errno = ENOTDIR;
    return false;
}

/* Makes the folder and those above it. False, after complaining. */
static bool make_folder(const char *path)
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

/* Is there a folder for the file? False, after complaining, before anything is run. */
static bool can_be_written(const char *path)
{
    const char *name = strrchr(path, '/');
    char folder[PATH_MAX];

    if (strcmp(path, "-") == 0)
        return true;
    snprintf(folder, sizeof(folder), "%.*s", name ? (int)(name - path) : 1, name ? path : ".");
    if (!is_folder(*folder ? folder : "/"))
        return no_file(path);
    if (!is_folder(path))
        return true;
    errno = EISDIR;
    return no_file(path);
}

/* out/exhaust, or out/exhaust-NAME for the library NAME.so. */
static void default_out(const char *library, char *path, size_t size)
{
    const char *name = library ? strrchr(library, '/') : NULL;

    if (!library) {
        snprintf(path, size, "out/exhaust");
        return;
    }
    name = name ? name + 1 : library;
    snprintf(path, size, "out/exhaust-%.*s", (int)strcspn(name, "."), name);
}

/* --- in the child --- */

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
             ++writer->side->nr_programs, OPS[last->op].name);
    if (!case_print(program, path))
        writer->side->status = EXIT_USAGE;
    return writer->side->status == EXIT_AGREEMENT;
}

/* The programs that were asked for, of a search that is over. */
static void write_corpus(const struct search *search, struct exhaust *exhaust)
{
    struct corpus_writer writer = {search->options->corpus, search->side};

    if (!writer.folder || search->report->end == EXHAUST_FAILED ||
        search->report->end == EXHAUST_DIVERGED)
        return;
    if (!exhaust_cover(exhaust, write_covering, &writer) && !search->side->status)
        search->side->status = complain(EXIT_INTERNAL, "no memory");
}

/* Runs the search, and ends the process. */
_Noreturn static void run_search(const struct search *search)
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

    signal(SIGINT, SIG_IGN);
    /* Nobody would wait for the results any more. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* What a subject prints must not come between the results. */
    dup2(STDERR_FILENO, STDOUT_FILENO);
    if (exhaust) {
        lockstep_use_variant(lockstep, options->variant);
        exhaust_run(exhaust);
        write_corpus(search, exhaust);
    } else {
        search->side->status = complain(EXIT_INTERNAL, "%s", lockstep ? "no memory" : error);
    }
    fflush(stdout);
    _exit(EXIT_AGREEMENT);
}

/* --- in the parent --- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static void take_time(struct search *search)
{
    const struct timespec *begin = &search->begin;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    search->seconds =
        (double)(now.tv_sec - begin->tv_sec) + 1e-9 * (double)(now.tv_nsec - begin->tv_nsec);
}

/* On a terminal one line every second, else one every ten. */
static void show_progress(const struct search *search, double seconds, double *shown)
{
    const struct exhaust_report *report = search->report;
    const bool terminal = isatty(STDERR_FILENO);
    const unsigned level = report->complete_depth;

    if (report->end != EXHAUST_GOES_ON || seconds - *shown < (terminal ? 1 : 10))
        return;
    *shown = seconds;
    fprintf(stderr,
            "%s%.0f s | depth %u of %u: %" PRIu64 " of %" PRIu64 " states | %.1fM transitions, "
            "%.2fM/s | %" PRIu64 " MiB%s",
            terminal ? "\r\033[K" : "", seconds, level + 1, search->options->depth,
            report->expanded, report->states[level], 1e-6 * (double)exhaust_transitions(report),
            1e-6 * (double)exhaust_transitions(report) / seconds, report->bytes >> 20,
            terminal ? "" : "\n");
}

/* Kills the child if the operation that it runs does not come to an end; true if it has. */
static bool kill_if_stuck(const struct search *search, pid_t child, uint64_t *seen, double *since,
                          double seconds)
{
    const uint64_t tried = exhaust_transitions(search->report) + search->report->skipped;

    if (tried != *seen || search->report->in_search || search->report->end != EXHAUST_GOES_ON) {
        *seen = tried;
        *since = seconds;
    }
    if (seconds - *since < search->options->timeout)
        return false;
    kill(child, SIGKILL);
    return true;
}

/*
 * Waits for the child; what ended it: 0 if it came to its end, else a signal, SIGALRM if it got
 * stuck, or -1 - status if the subject called exit.
 */
static int watch(struct search *search, pid_t child)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    uint64_t seen = 0;
    double shown = 0, since = 0;
    bool stuck = false;
    int status = 0;

    while (waitpid(child, &status, WNOHANG) == 0) {
        take_time(search);
        if (interrupted || (search->options->limit && search->seconds >= search->options->limit))
            search->report->stop = true;
        show_progress(search, search->seconds, &shown);
        stuck = stuck || kill_if_stuck(search, child, &seen, &since, search->seconds);
        nanosleep(&pause, NULL);
    }
    take_time(search);
    if (shown > 0 && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    if (stuck)
        return SIGALRM;
    if (WIFSIGNALED(status))
        return WTERMSIG(status);
    return search->report->end == EXHAUST_GOES_ON ? -1 - WEXITSTATUS(status) : 0;
}

/* --- a divergence --- */

/* The program that was run last; false if there is no memory. */
static bool last_program(const struct search *search, struct program *program)
{
    program_init(program);
    if (!program_set_slots(program, search->scope.nr_slots))
        return false;
    for (unsigned i = 0; i < search->report->nr_ops; i++)
        if (!program_append(program, search->report->ops[i]))
            return false;
    return true;
}

/* The child died of the operation at hand: that is the divergence. */
static bool note_crash(struct search *search, const struct program *program, int signal)
{
    struct exhaust_report *report = search->report;
    struct trace *trace = trace_create(report->nr_ops);

    if (!trace)
        return false;
    trace->nr_slots = search->scope.nr_slots;
    trace->nr_steps = report->nr_ops;
    memcpy(trace->steps, report->steps, report->nr_ops * sizeof(trace->steps[0]));
    divergence_of_crash(trace, program, signal);
    report->divergence = trace->divergence;
    report->complete_depth = report->nr_ops - 1;
    report->end = EXHAUST_DIVERGED;
    trace_destroy(trace);
    return true;
}

/* Where it was written; false after complaining. */
static bool write_program(const struct search *search, const struct program *program, char *path,
                          size_t size)
{
    char folder[PATH_MAX];
    char signature[SIGNATURE_SIZE];

    default_out(search->options->library, folder, sizeof(folder));
    if (search->options->out)
        snprintf(folder, sizeof(folder), "%s", search->options->out);
    divergence_signature(&search->report->divergence, signature, sizeof(signature));
    if (!make_folder(folder))
        return false;
    if ((size_t)snprintf(path, size, "%s/%s.txt", folder, signature) >= size) {
        complain(EXIT_USAGE, "%s: %s", folder, strerror(ENAMETOOLONG));
        return false;
    }
    return case_print(program, path);
}

/* `slotcheck run` on it, in silence if nobody is to read what it says; its exit status. */
static int run_again(const struct search *search, char *path)
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
    arguments[n++] = path;

    const pid_t child = fork();

    if (child < 0)
        return complain(EXIT_INTERNAL, "cannot fork: %s", strerror(errno));
    if (child == 0) {
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

/* --- what is printed --- */

static const char *const END_NAMES[] = {
    [EXHAUST_GOES_ON] = "unfinished",   [EXHAUST_COMPLETE] = "complete",
    [EXHAUST_CLOSED] = "closed",        [EXHAUST_DIVERGED] = "divergence",
    [EXHAUST_OUT_OF_MEMORY] = "memory", [EXHAUST_STOPPED] = "stopped",
    [EXHAUST_FAILED] = "failed",
};

static json_t *json_ops(const struct scope *scope)
{
    json_t *array = json_array();

    for (int op = 0; op < NR_OPS; op++)
        if (scope->ops[op])
            json_array_append_new(array, json_string(OPS[op].name));
    return array;
}

static json_t *json_levels(const struct exhaust_report *report, unsigned depth)
{
    json_t *array = json_array();

    for (unsigned i = 0; i <= depth; i++)
        if (report->states[i] || report->transitions[i])
            json_array_append_new(array, json_pack("{s:i, s:I, s:I}", "depth", (int)i, "states",
                                                   (json_int_t)report->states[i], "transitions",
                                                   (json_int_t)report->transitions[i]));
    return array;
}

/* The divergence, and where it was written; null: it could not be. */
static json_t *json_finding(const struct search *search, const char *path)
{
    char signature[SIGNATURE_SIZE];

    if (search->report->end != EXHAUST_DIVERGED)
        return json_null();
    divergence_signature(&search->report->divergence, signature, sizeof(signature));
    return json_pack("{s:s, s:s, s:o, s:i}", "kind",
                     finding_kind_name(search->report->divergence.kind), "signature", signature,
                     "case", path ? json_text(path) : json_null(), "operations",
                     (int)search->report->nr_ops);
}

static bool print_json(const struct search *search, const char *path)
{
    const struct exhaust_report *report = search->report;
    const struct exhaust_options *options = search->options;

    return json_print(
        stdout,
        json_pack(
            "{s:i, s:o, s:I, s:i, s:o, s:b, s:s, s:i, s:I, s:I, s:I, s:o, s:I, s:f, s:I, s:o}",
            "record_version", 1, "subject", json_text(search->subject->name), "slots",
            (json_int_t)search->scope.nr_slots, "depth", (int)options->depth, "ops",
            json_ops(&search->scope), "exact", options->exact, "end", END_NAMES[report->end],
            "complete_depth", (int)report->complete_depth, "states",
            (json_int_t)exhaust_states(report), "transitions",
            (json_int_t)exhaust_transitions(report), "skipped", (json_int_t)report->skipped,
            "levels", json_levels(report, options->depth), "cells",
            (json_int_t)search->stats->cells.nr, "seconds", search->seconds, "bytes",
            (json_int_t)report->bytes, "finding", json_finding(search, path)),
        2);
}

static void print_levels(const struct exhaust_report *report, unsigned depth)
{
    printf("\n  depth       states  transitions\n");
    for (unsigned i = 0; i <= depth; i++)
        if (report->states[i] || report->transitions[i])
            printf("  %5u %12" PRIu64 " %12" PRIu64 "\n", i, report->states[i],
                   report->transitions[i]);
    printf("\n");
}

/* The statement: what is true of all programs up to which depth. */
static void print_statement(const struct search *search)
{
    const struct exhaust_report *report = search->report;
    const unsigned depth = report->complete_depth;

    switch (report->end) {
    case EXHAUST_COMPLETE:
        printf("complete: all programs of at most %u of these operations agree\n", depth);
        return;
    case EXHAUST_CLOSED:
        printf(
            "complete: all programs of these operations agree, of any length; after %u operations "
            "comes nothing new\n",
            depth - 1);
        return;
    case EXHAUST_DIVERGED:
        if (depth == 0)
            printf("a shortest divergence: a single operation\n");
        else
            printf("a shortest divergence: all programs of at most %u of these operations agree\n",
                   depth);
        return;
    case EXHAUST_OUT_OF_MEMORY:
    case EXHAUST_STOPPED:
        printf("%s: all programs of at most %u of these operations agree, and of those of %u the "
               "ones that go on from %" PRIu64 " of %" PRIu64 " states\n",
               report->end == EXHAUST_STOPPED ? "stopped" : "out of memory (--memory)", depth,
               depth + 1, report->expanded, report->states[depth]);
        return;
    case EXHAUST_GOES_ON:
    case EXHAUST_FAILED:
        break;
    }
}

static void print_text(const struct search *search)
{
    const struct exhaust_report *report = search->report;
    const double transitions = (double)exhaust_transitions(report);
    int nr_ops = 0;

    for (int op = 0; op < NR_OPS; op++)
        nr_ops += search->scope.ops[op] && subject_offers(search->subject, (enum op)op);
    printf("%s: %" PRIu64 " slots, %d operations\n", search->subject->name, search->scope.nr_slots,
           nr_ops);
    print_levels(report, search->options->depth);
    print_statement(search);
    printf("%" PRIu64 " states, %.0f transitions and %" PRIu64 " that could not run, %" PRIu64
           " cells; %.1f s, %.2fM transitions/s, %.1f MiB\n",
           exhaust_states(report), transitions, report->skipped, search->stats->cells.nr,
           search->seconds, search->seconds > 0 ? 1e-6 * transitions / search->seconds : 0,
           (double)report->bytes / (1 << 20));
    if (search->stats->cells.lost)
        printf("cells: there are more than are counted\n");
    if (search->options->corpus && report->end != EXHAUST_DIVERGED && !search->side->status)
        printf("%u programs in %s have all of these cells\n", search->side->nr_programs,
               search->options->corpus);
}

/* The text, or the JSON object. False if it did not get through, which main complains of. */
static bool print_results(const struct search *search, const char *path)
{
    if (!search->options->json)
        print_text(search);
    else if (!print_json(search, path))
        return false;
    return fflush(stdout) == 0;
}

static int conclude_divergence(const struct search *search, const struct program *program)
{
    char path[PATH_MAX];
    const bool written = write_program(search, program, path, sizeof(path));
    int status;

    if (!print_results(search, written ? path : NULL))
        return EXIT_USAGE;
    if (!search->options->json)
        printf("\n");
    if (!written) {
        /* So that it is not lost. */
        (void)(search->options->json || case_print(program, NULL));
        return EXIT_USAGE;
    }
    fflush(stdout);
    status = run_again(search, path);
    if (status == EXIT_AGREEMENT)
        return complain(
            EXIT_INTERNAL,
            "%s agrees when it is run by itself: the subject keeps something over reset "
            "or snapshot_restore; see --replay",
            path);
    return status;
}

/* The child has died: of the operation at hand, or of something that is no result; then why. */
static int conclude_death(struct search *search, const struct program *program, int ended_by)
{
    const struct exhaust_report *report = search->report;
    const char *name = search->subject->name;

    /* Nobody but a lack of memory, or a person, kills a process so. */
    if (ended_by == SIGKILL || ended_by == SIGTERM)
        return complain(EXIT_INTERNAL, "the search was killed; less --memory may help");
    if (report->end == EXHAUST_GOES_ON && report->nr_ops &&
        report->steps[report->nr_ops - 1].status == STEP_STARTED)
        return note_crash(search, program, ended_by) ? EXIT_AGREEMENT
                                                     : complain(EXIT_INTERNAL, "no memory");
    if (ended_by == SIGALRM)
        return complain(EXIT_INTERNAL, "%s did not return in time, outside of any operation", name);
    return complain(EXIT_INTERNAL, "%s ended the process, outside of any operation", name);
}

/* Prints and writes what was found. */
static int conclude_results(const struct search *search, const struct program *program)
{
    const struct exhaust_report *report = search->report;
    int status = search->side->status;

    /* What is written of a search that was not complete is no less than what is said. */
    if (search->options->cells &&
        !cells_write(search->options->cells, &search->stats->cells, &search->scope,
                     report->end == EXHAUST_CLOSED ? search->options->depth
                                                   : report->complete_depth))
        status = EXIT_USAGE;
    if (report->end == EXHAUST_DIVERGED) {
        const int divergence = conclude_divergence(search, program);

        return status ? status : divergence;
    }
    return print_results(search, NULL) ? status : EXIT_USAGE;
}

static int conclude(struct search *search, int ended_by)
{
    const struct exhaust_report *report = search->report;
    struct program program;
    int status = EXIT_AGREEMENT;

    if (report->end == EXHAUST_FAILED)
        return complain(EXIT_USAGE, "%s: %s", search->subject->name, report->error);
    if (report->end == EXHAUST_GOES_ON && search->side->status)
        return search->side->status;
    if (!last_program(search, &program))
        return complain(EXIT_INTERNAL, "no memory");
    if (ended_by)
        status = conclude_death(search, &program, ended_by);
    if (status == EXIT_AGREEMENT)
        status = conclude_results(search, &program);
    program_free(&program);
    return status;
}

static int run_in_child(struct search *search)
{
    const struct sigaction action = {.sa_handler = on_interrupt};
    pid_t child;

    fflush(stdout);
    clock_gettime(CLOCK_MONOTONIC, &search->begin);
    child = fork();
    if (child < 0)
        return complain(EXIT_INTERNAL, "cannot fork: %s", strerror(errno));
    if (child == 0)
        run_search(search);
    sigaction(SIGINT, &action, NULL);
    return conclude(search, watch(search, child));
}

static void *shared(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

/* The scope that was asked for; false after complaining. */
static bool choose_scope(struct search *search)
{
    const struct exhaust_options *options = search->options;
    const uint64_t fixed = search->subject->fixed_slots;
    uint64_t nr_slots = options->nr_slots;
    char wrong[80];

    if (nr_slots == 0)
        nr_slots = fixed ? fixed : DEFAULT_SLOTS;
    if ((fixed && nr_slots != fixed) || nr_slots > SCOPE_MAX_SLOTS) {
        complain(EXIT_USAGE, "regions of %s have %" PRIu64 " slots; %" PRIu64 " cannot be searched",
                 search->subject->name, fixed, nr_slots);
        return false;
    }
    scope_init(&search->scope, nr_slots);
    if (scope_add_ops(&search->scope, options->ops, wrong, sizeof(wrong)))
        return true;
    complain(EXIT_USAGE,
             "--ops: '%s' is neither an operation nor one of: slot frame unique node boot map list "
             "segment repr all",
             wrong);
    return false;
}

int command_exhaust(int argc, char **argv)
{
    const struct argp argp = {
        OPTIONS,
        parse_option,
        NULL,
        "Runs all programs of a small scope, shortest first, on the subject and on the "
        "specification in lockstep. States that are reached again are not gone on from again. The "
        "first divergence is a shortest one."
        "\vExit status: 0 agreement as far as is said, 1 divergence, 2 wrong usage, 3 internal "
        "error.\n\nExamples:\n  ./slotcheck exhaust\n"
        "  ./slotcheck exhaust --subject ./libmine.so --ops list,unique --depth 6\n"
        "  ./slotcheck exhaust --slots 3 --depth 12 --limit 600",
        NULL,
        NULL,
        NULL};
    struct exhaust_options options = {.ops = SCOPE_DEFAULT_OPS,
                                      .depth = DEFAULT_DEPTH,
                                      .memory = DEFAULT_MEMORY,
                                      .timeout = DEFAULT_TIMEOUT};
    struct search search = {.options = &options};
    char error[512];

    argp_parse(&argp, argc, argv, 0, NULL, &options);
    search.subject = subject_load(options.library, error, sizeof(error));
    if (!search.subject)
        return complain(EXIT_USAGE, "%s", error);
    if (!choose_scope(&search) || (options.corpus && !make_folder(options.corpus)) ||
        (options.cells && !can_be_written(options.cells)))
        return EXIT_USAGE;
    search.report = shared(sizeof(*search.report));
    search.stats = shared(sizeof(*search.stats));
    search.side = shared(sizeof(*search.side));
    if (!search.report || !search.stats || !search.side)
        return complain(EXIT_INTERNAL, "no memory");
    return run_in_child(&search);
}
