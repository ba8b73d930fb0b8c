/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Shrinking what a subject does wrong, in child processes.
 *
 * A finding that leaves the process alive is shrunk by one child, all of it. If that child dies of
 * a candidate, or if the finding is that the process ends, the shrinking is done here and a child
 * runs one candidate after the other; when it dies, the next one takes its place. Both ways try the
 * same candidates.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "divergence_build.h"
#include "slotcheck/shrink.h"

enum {
    PROGRESS_MS = 250,
    /* Processor time after which a candidate hangs: it takes a millisecond. */
    CANDIDATE_MS = 200,
    RUNS_PER_TIMER = 256, /* without a process for each candidate */
};

/* What parent and child both see; then come the operations of the program. */
struct shared {
    struct shrink_counts counts;
    enum shrink_status status;
    bool ran;
    unsigned cpu_ms; /* 0: no limit */
    char error[256];
    uint8_t slots_byte;
    uint8_t format_byte;
    uint8_t header_size;
    size_t nr_ops;
    struct operation ops[];
};

struct children {
    struct shrink_finding *finding;
    struct shared *shared;
    size_t size;
    struct trace *trace; /* of the program that ran last; shared, too */
    struct divergence wanted;
    unsigned cpu_ms; /* for the next program */
    pid_t child;     /* 0: there is none */
    int socket;
    int signal; /* what ended the last one; negative: -1 - exit status */
    struct shrink_counts *counts;
};

/* --- the signature --- */

static bool shows(const struct divergence *divergence, const struct divergence *wanted,
                  const char *signature)
{
    char own[SIGNATURE_SIZE];

    if (divergence->kind == FINDING_NONE || divergence->op != wanted->op ||
        divergence->field != wanted->field)
        return false;
    /* A crash and a hang have one signature, and are not the same finding. */
    if (divergence->kind == FINDING_CRASH && divergence->signal != wanted->signal)
        return false;
    divergence_signature(divergence, own, sizeof(own));
    return strcmp(own, signature) == 0;
}

/* --- programs in shared memory --- */

static void put_program(struct shared *shared, const struct program *program)
{
    shared->slots_byte = program->slots_byte;
    shared->format_byte = program->format_byte;
    shared->header_size = program->header_size;
    shared->nr_ops = program->nr_ops;
    memcpy(shared->ops, program->ops, program->nr_ops * sizeof(*program->ops));
}

/* Without a copy of the operations. */
static struct program shared_program(struct shared *shared)
{
    return (struct program){.slots_byte = shared->slots_byte,
                            .format_byte = shared->format_byte,
                            .header_size = shared->header_size,
                            .nr_ops = shared->nr_ops,
                            .capacity = shared->nr_ops,
                            .ops = shared->ops};
}

static bool get_program(struct shared *shared, struct program *program)
{
    program_clear(program);
    for (size_t i = 0; i < shared->nr_ops; i++)
        if (!program_append(program, shared->ops[i]))
            return false;
    program->slots_byte = shared->slots_byte;
    program->format_byte = shared->format_byte;
    program->header_size = shared->header_size;
    return true;
}

/* --- in a child --- */

static const struct shrink_limits *limits_of(const struct children *children)
{
    return children->finding->limits ? children->finding->limits : &SHRINK_LIMITS;
}

/* Of engines with sanitizers: what they do when the process dies is not for a child. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

/* Nobody is to hear of what candidates do, and no engine to handle their signals. */
static void become_quiet(void)
{
    const int signals[] = {SIGSEGV, SIGBUS,  SIGABRT, SIGILL,  SIGFPE, SIGTRAP,
                           SIGALRM, SIGPROF, SIGINT,  SIGTERM, SIGXFSZ};
    const int null = open("/dev/null", O_WRONLY);

    if (null >= 0) {
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
    }
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        signal(signals[i], SIG_DFL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(NULL);
}

/* Of the time that passes, and of that on the processor; 0: no longer. */
static struct itimerval timer_of(uint64_t ms)
{
    return (struct itimerval){
        .it_value = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)}};
}

static void set_timers(uint64_t real_ms, uint64_t cpu_ms)
{
    const struct itimerval real = timer_of(real_ms), cpu = timer_of(cpu_ms);

    setitimer(ITIMER_REAL, &real, NULL);
    setitimer(ITIMER_PROF, &cpu, NULL);
}

/* To set up a large region takes time of its own. */
static uint64_t extra_ms(const struct shrink_finding *finding, const struct program *program)
{
    return (lockstep_slots(finding->subject, program) >> 16) * 1000;
}

static struct lockstep *lockstep_of(const struct children *children)
{
    static struct lockstep_stats stats; /* nobody looks at them */

    lockstep_destroy(children->finding->inherited);

    struct lockstep *lockstep =
        lockstep_create(children->finding->subject, &stats, children->shared->error,
                        sizeof(children->shared->error));

    if (lockstep)
        lockstep_use_variant(lockstep, children->finding->variant);
    return lockstep;
}

/* Runs what is in shared memory whenever it is told to. */
static void serve(struct children *children, int socket)
{
    struct shared *shared = children->shared;
    struct lockstep *lockstep = lockstep_of(children);
    char byte;

    while (lockstep && read(socket, &byte, 1) == 1) {
        const struct program program = shared_program(shared);
        const uint64_t extra = extra_ms(children->finding, &program);

        set_timers(1000u * children->finding->timeout + extra,
                   shared->cpu_ms ? shared->cpu_ms + extra : 0);
        shared->ran = lockstep_run(lockstep, &program, children->trace);
        set_timers(0, 0);
        if (!shared->ran)
            snprintf(shared->error, sizeof(shared->error), "%s", lockstep_error(lockstep));
        if (write(socket, &byte, 1) != 1)
            break;
    }
}

/* What a child needs that shrinks by itself. */
struct in_child {
    struct children *children;
    struct lockstep *lockstep;
};

static bool keeps_here(void *context, const struct program *candidate, struct trace *trace)
{
    struct in_child *in_child = context;
    const struct children *children = in_child->children;

    if (children->shared->counts.runs % RUNS_PER_TIMER == 1) {
        const uint64_t ms = 10 * CANDIDATE_MS + extra_ms(children->finding, candidate);

        set_timers(1000u * children->finding->timeout + ms, ms);
    }
    return lockstep_run(in_child->lockstep, candidate, trace) &&
           shows(&trace->divergence, &children->wanted, children->finding->signature);
}

static void shrink_here(struct children *children, int socket)
{
    struct shared *shared = children->shared;
    struct in_child in_child = {children, lockstep_of(children)};
    struct program program;
    const char byte = 0;

    shared->status = SHRINK_NO_MEMORY;
    program_init(&program);
    if (in_child.lockstep && get_program(shared, &program))
        shared->status =
            shrink(&program, keeps_here, &in_child, limits_of(children), &shared->counts);
    if (shared->status == SHRINK_DONE)
        put_program(shared, &program);
    if (write(socket, &byte, 1) != 1)
        _exit(1);
}

/* --- in the parent --- */

static void reap(struct children *children)
{
    int status = 0;

    if (children->child == 0)
        return;
    close(children->socket);
    while (waitpid(children->child, &status, 0) < 0 && errno == EINTR)
        ;
    children->child = 0;
    children->signal = WIFSIGNALED(status) ? WTERMSIG(status) : -1 - WEXITSTATUS(status);
    if (children->signal == SIGPROF)
        children->signal = SIGALRM; /* it did not return in time, either */
}

static bool start(struct children *children, void (*run)(struct children *children, int socket))
{
    int sockets[2];

    if (children->child != 0)
        return true;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
        return false;
    fflush(NULL);
    children->child = fork();
    if (children->child == 0) {
        close(sockets[0]);
        become_quiet();
        run(children, sockets[1]);
        _exit(0);
    }
    close(sockets[1]);
    children->socket = sockets[0];
    if (children->child > 0)
        return true;
    children->child = 0;
    close(sockets[0]);
    return false;
}

/* True if the child answered, false if it has died. */
static bool await(struct children *children)
{
    struct pollfd poll_fd = {.fd = children->socket, .events = POLLIN};
    void (*progress)(uint64_t) = children->finding->progress;
    char byte;
    ssize_t got;

    while (progress && poll(&poll_fd, 1, PROGRESS_MS) == 0)
        progress(children->counts->runs);
    while ((got = read(children->socket, &byte, 1)) < 0 && errno == EINTR)
        ;
    if (got == 1)
        return true;
    reap(children);
    return false;
}

/* Runs a program in the child; false if there was no run. What happened stands in the trace. */
static bool run(struct children *children, const struct program *program)
{
    const char byte = 0;

    children->trace->nr_steps = 0;
    children->trace->divergence.kind = FINDING_NONE;
    children->shared->error[0] = '\0';
    children->shared->cpu_ms = children->cpu_ms;
    put_program(children->shared, program);
    if (!start(children, serve)) {
        snprintf(children->shared->error, sizeof(children->shared->error), "cannot fork: %s",
                 strerror(errno));
        return false;
    }
    if (send(children->socket, &byte, 1, MSG_NOSIGNAL) == 1 && await(children))
        return children->shared->ran;
    reap(children);
    if (children->trace->nr_steps == 0) {
        if (children->shared->error[0] == '\0')
            snprintf(children->shared->error, sizeof(children->shared->error),
                     "the subject ended the process outside of any operation");
        return false;
    }
    divergence_of_crash(children->trace, program, children->signal);
    return true;
}

static bool keeps_there(void *context, const struct program *candidate, struct trace *trace)
{
    struct children *children = context;
    const uint64_t capacity = trace->capacity;

    if (!run(children, candidate)) {
        trace->nr_steps = 0;
        return false;
    }
    memcpy(trace, children->trace,
           sizeof(*trace) + children->trace->nr_steps * sizeof(trace->steps[0]));
    trace->capacity = capacity;
    if (children->finding->progress && children->counts->runs % RUNS_PER_TIMER == 0)
        children->finding->progress(children->counts->runs);
    return shows(&trace->divergence, &children->wanted, children->finding->signature);
}

/* In one child, all of it; false if that did not come to an end. */
static bool shrink_in_one(struct children *children, struct program *program,
                          enum shrink_status *status)
{
    struct shared *shared = children->shared;

    put_program(shared, program);
    shared->counts = (struct shrink_counts){0};
    children->counts = &shared->counts;
    if (!start(children, shrink_here) || !await(children))
        return false;
    *status = shared->status;
    children->finding->counts = shared->counts;
    return *status != SHRINK_DONE || get_program(shared, program);
}

static enum shrink_status shrink_what_diverges(struct children *children, struct program *program)
{
    const bool crashes = children->wanted.kind == FINDING_CRASH;
    enum shrink_status status;

    reap(children);
    if (!crashes && shrink_in_one(children, program, &status))
        return status;
    reap(children);
    children->counts = &children->finding->counts;
    children->cpu_ms = CANDIDATE_MS;
    return shrink(program, keeps_there, children, limits_of(children), children->counts);
}

static bool shared_create(struct children *children, size_t nr_ops)
{
    void *memory;

    children->size = sizeof(struct shared) + nr_ops * sizeof(struct operation);
    memory = mmap(NULL, children->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    children->shared = memory;
    children->trace = trace_create(nr_ops + 1);
    return children->trace != NULL;
}

enum shrink_status shrink_finding(struct shrink_finding *finding, struct program *program)
{
    struct children children = {.finding = finding, .counts = &finding->counts};
    enum shrink_status status = SHRINK_NO_MEMORY;

    finding->counts = (struct shrink_counts){0};
    finding->signature[0] = '\0';
    snprintf(finding->error, sizeof(finding->error), "no memory");
    if (shared_create(&children, program->nr_ops)) {
        if (!run(&children, program)) {
            status = SHRINK_NO_RUN;
            memcpy(finding->error, children.shared->error, sizeof(finding->error));
        } else if (children.trace->divergence.kind == FINDING_NONE) {
            status = SHRINK_AGREES;
        } else {
            children.wanted = children.trace->divergence;
            divergence_signature(&children.wanted, finding->signature, SIGNATURE_SIZE);
            status = shrink_what_diverges(&children, program);
        }
    }
    reap(&children);
    if (children.shared)
        munmap(children.shared, children.size);
    trace_destroy(children.trace);
    return status;
}
