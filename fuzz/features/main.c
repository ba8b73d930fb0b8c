/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What programs show, one after the other, for `slotcheck corpus`; a person has no use for it.
 *
 *     features [--subject LIB] [--slots N] [--timeout SECONDS]
 *
 * A request on stdin is one byte, `r` or `t`, the size of a program as a little-endian number of 8
 * bytes, and the program, bytes or text. Answers are lines on stdout, their fields separated by
 * blanks. What may hold blanks comes last or is in hexadecimal digits, `-` if empty:
 *
 *     subject EDGES CLAUSES           first of all: how many there can be
 *     bad LINE COLUMN MESSAGE         it is no program; LINE 0: of bytes
 *     program OPERATIONS BYTES CODE   the program as bytes, and the bytes that programs of the same
 *                                     operations have in common
 *     text TEXT                       if the request was `t`: that code as a text
 *     outcomes NAMES                  and what became of each operation, with commas
 *     new KIND NAME                   the feature that has the next number, from 0
 *     shows EXECUTED MASK             the bits of the features that it shows, as one number
 *     diverges SIGNATURE
 *     crashes SIGNAL OPERATION        the process ended, and OPERATION, if it is not `-`, had not
 *                                     returned; SIGALRM: in time. Below 0: -1 - its exit status
 *     cannot MESSAGE                  there is no region of the program's size
 *
 * `bad`, `shows`, `diverges`, `crashes` and `cannot` end an answer.
 *
 * A child does the work, so that a program which ends the process is answered like any other; the
 * next child goes on with the next request. Exit status: 0 at the end of stdin, 2 a wrong setting, a
 * subject that breaks the rules of the interface, 3 internal error; both with a line on stderr.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "features.h"
#include "slotcheck/subject_load.h"

enum {
    DEFAULT_TIMEOUT = 10, /* seconds, as of `slotcheck run` */
};

int complain(int status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("slotcheck: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return status;
}

/* --- settings --- */

static const struct argp_option OPTIONS[] = {
    {"subject", 's', "LIB", 0, "shared library to test instead of the built-in subject", 0},
    {"slots", 'n', "N", 0, "number of slots, instead of the program's own", 0},
    {"timeout", 't', "SECONDS", 0, "a program that takes longer hangs (10)", 0},
    {0},
};

static uint64_t parse_number(struct argp_state *state, const char *text, uint64_t max)
{
    char *end;
    const unsigned long long number = strtoull(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || number == 0 || number > max)
        argp_failure(state, EXIT_WRONG_USE, 0, "%s: not 1..%" PRIu64, text, max);
    return number;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct settings *settings = state->input;

    switch (key) {
    case 's':
        settings->library = argument;
        return 0;
    case 'n':
        settings->nr_slots = parse_number(state, argument, FEATURES_MAX_SLOTS);
        return 0;
    case 't':
        settings->timeout = (unsigned)parse_number(state, argument, 86400);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* False after complaining. */
static bool check_slots(const struct settings *settings, const struct slotcheck_subject *subject)
{
    struct program program;

    program_init(&program);
    if (settings->nr_slots == 0)
        return true;
    if (!program_set_slots(&program, settings->nr_slots)) {
        complain(EXIT_WRONG_USE, "--slots %" PRIu64 ": neither 1..240 nor a power of two",
                 settings->nr_slots);
        return false;
    }
    if (subject->fixed_slots == 0 || subject->fixed_slots == settings->nr_slots)
        return true;
    complain(EXIT_WRONG_USE, "--slots %" PRIu64 ": regions of %s have %" PRIu64 " slots",
             settings->nr_slots, subject->name, subject->fixed_slots);
    return false;
}

/* --- streams --- */

/*
 * Stdin and stdout for requests and answers alone: what a subject reads or prints must not come
 * between them.
 */
static bool own_streams(struct server *server)
{
    const int null = open("/dev/null", O_RDWR);

    server->in = dup(STDIN_FILENO);
    server->out = dup(STDOUT_FILENO);
    return null >= 0 && server->in >= 0 && server->out >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
           dup2(null, STDOUT_FILENO) >= 0;
}

/* --- children --- */

static void become_child(pid_t parent)
{
    const int deaths[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGTRAP};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_DONE);
    /* A sanitizer's own handlers say at length, and for nobody, what killed the process. */
    for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++)
        signal(deaths[i], SIG_DFL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

static void answer_death(const struct server *server, int status)
{
    const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : -1 - WEXITSTATUS(status);
    const enum op op = server->shared->run.op;
    char line[100];
    const int size =
        snprintf(line, sizeof(line), "crashes %d %s\n", signal, op < NR_OPS ? OPS[op].name : "-");

    answer_write(server, line, (size_t)size);
}

/* An exit status. */
static int supervise(struct server *server)
{
    struct shared *shared = server->shared;
    const pid_t parent = getpid();

    for (;;) {
        int status = 0;

        shared->run = (struct run_state){.is_running = false, .op = NR_OPS};

        const pid_t child = fork();

        if (child < 0)
            return complain(EXIT_INTERNAL, "cannot fork: %s", strerror(errno));
        if (child == 0) {
            become_child(parent);
            serve(server);
        }
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
        if (shared->is_over)
            return shared->status;
        if (!shared->run.is_running)
            return complain(EXIT_WRONG_USE, "%s: it ends the process outside of any program",
                            server->subject->name);
        answer_death(server, status);
    }
}

int main(int argc, char **argv)
{
    const struct argp argp = {
        OPTIONS, parse_option, NULL, "Answers what programs show; see main.c.", NULL, NULL, NULL};
    struct settings settings = {.timeout = DEFAULT_TIMEOUT};
    struct server server = {.settings = &settings};
    char error[512];

    /* Whatever a subject does, it does not outlive who asks. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    argp_err_exit_status = EXIT_WRONG_USE;
    argp_parse(&argp, argc, argv, 0, NULL, &settings);
    if (!own_streams(&server))
        return complain(EXIT_WRONG_USE, "no stdin or stdout");
    /* The code of the built-in subject is here whatever is tested. */
    if (settings.library)
        edges_forget();
    server.subject = subject_load(settings.library, error, sizeof(error));
    if (!server.subject)
        return complain(EXIT_WRONG_USE, "%s", error);
    if (!check_slots(&settings, server.subject))
        return EXIT_WRONG_USE;
    server.shared = mmap(NULL, sizeof(*server.shared), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (server.shared == MAP_FAILED)
        return complain(EXIT_INTERNAL, "no memory");
    return supervise(&server);
}
