/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Shrinking what a subject does wrong, in child processes.
 *
 * A finding that leaves the process alive is shrunk by one child, all of it. If that child dies or
 * hangs of a candidate, or if the finding is that the process ends, the shrinking is done here and a
 * child runs one candidate after the other; when it dies, the next one takes its place. Both ways
 * try the same candidates.
 *
 * The clock decides what hangs, and nothing else. Only time that the child used or slept counts: on
 * a busy machine it waits for its turn. A candidate hangs after many times what the program took.
 * Of a program that hangs that is short, so the result is run once more for all of the timeout.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "divergence_build.h"
#include "slotcheck/shrink.h"

enum {
    TICK_MS = 10, /* between two looks at a child */
    /* A run hangs that takes so many times as long as the program, and this on top. */
    TIMES_LONGER = 10,
    FLOOR_MS = 200,
    /* If the program hangs: the result is confirmed, so this may be too short. */
    HANGING_FLOOR_MS = 50,
    /* A program does not hang after all: what comes on top is so many times as long. */
    GROWTH = 8,
};

/* What parent and child both see; then come the operations of the program. */
struct shared {
    struct shrink_counts counts;
    enum shrink_status status;
    bool ran;
    uint64_t candidate; /* that the child is running, counted from one; 0: none */
    char error[256];
    uint8_t slots_byte;
    uint8_t format_byte;
    uint8_t header_size;
    size_t nr_ops;
    struct operation ops[];
};

/* How long a run may take. */
struct patience {
    uint64_t real_ms;  /* however it is spent; UINT64_MAX: no limit */
    uint64_t known_ms; /* what the program took; 0: not known, so what its steps until now took */
    uint64_t extra_ms; /* above TIMES_LONGER as much */
};

enum outcome { OUTCOME_ANSWER, OUTCOME_DEATH, OUTCOME_HANG };

struct children {
    struct shrink_finding *finding;
    struct shared *shared;
    size_t size;
    struct trace *trace; /* of the program that ran last; shared, too */
    struct divergence wanted;
    struct patience patience; /* with the next program */
    uint64_t begin_ms;        /* of the run */
    uint64_t took_ms;         /* the last one; if it hung, until its last step began */
    pid_t child;              /* 0: there is none */
    int socket;
    int signal; /* what ended the last one; negative: -1 - exit status */
    bool hung;  /* the last one did */
    struct shrink_counts *counts;
    struct shrink_limits limits;
    uint64_t deadline_ms; /* UINT64_MAX: none */
};

/* --- the signature --- */

static bool is_same_finding(const struct divergence *divergence, const struct divergence *wanted,
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

static uint64_t now_ms(clockid_t clock)
{
    struct timespec time = {0};

    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* Too late: no candidate is run any more. */
static void heed_deadline(struct children *children)
{
    if (children->deadline_ms != UINT64_MAX && now_ms(CLOCK_MONOTONIC) >= children->deadline_ms)
        children->limits.runs = 0;
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

        shared->ran = lockstep_run(lockstep, &program, children->trace);
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

static bool keeps_in_child(void *context, const struct program *candidate, struct trace *trace)
{
    const struct in_child *in_child = context;
    struct children *children = in_child->children;
    uint64_t *running = &children->shared->candidate;
    bool ran;

    __atomic_store_n(running, children->shared->counts.runs, __ATOMIC_RELAXED);
    ran = lockstep_run(in_child->lockstep, candidate, trace);
    __atomic_store_n(running, 0, __ATOMIC_RELAXED);
    heed_deadline(children);
    return ran &&
           is_same_finding(&trace->divergence, &children->wanted, children->finding->signature);
}

static void shrink_in_child(struct children *children, int socket)
{
    struct shared *shared = children->shared;
    struct in_child in_child = {children, lockstep_of(children)};
    struct program program;
    const char byte = 0;

    shared->status = SHRINK_NO_MEMORY;
    program_init(&program);
    if (in_child.lockstep && get_program(shared, &program))
        shared->status =
            shrink(&program, keeps_in_child, &in_child, &children->limits, &shared->counts);
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
}

static void end(struct children *children)
{
    if (children->child != 0)
        kill(children->child, SIGKILL);
    reap(children);
}

/* Whatever a subject does, it does not outlive the parent. */
static void die_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
}

static bool start(struct children *children, void (*run)(struct children *children, int socket))
{
    const pid_t parent = getpid();
    int sockets[2];

    if (children->child != 0)
        return true;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
        return false;
    fflush(NULL);
    children->child = fork();
    if (children->child == 0) {
        die_with(parent);
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

/* --- how long a child takes --- */

struct watch {
    clockid_t cpu_clock;
    bool has_cpu_clock;
    uint64_t candidate; /* that it is about */
    uint64_t begin_ms, begin_cpu_ms;
    uint64_t last_ms;
    uint64_t slept_ms;
    uint64_t nr_steps, spent_before_step_ms;
};

static void watch_begin(struct watch *watch, const struct children *children)
{
    *watch = (struct watch){.begin_ms = now_ms(CLOCK_MONOTONIC), .candidate = watch->candidate};
    watch->last_ms = watch->begin_ms;
    watch->has_cpu_clock = clock_getcpuclockid(children->child, &watch->cpu_clock) == 0;
    watch->begin_cpu_ms = watch->has_cpu_clock ? now_ms(watch->cpu_clock) : 0;
}

/* Neither running nor waiting for a processor. Where that cannot be seen, all time counts. */
static bool is_asleep(pid_t child)
{
    char path[40], text[128] = "";
    const char *state;
    int file;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        if (read(file, text, sizeof(text) - 1) < 0)
            text[0] = '\0';
        close(file);
    }
    state = strrchr(text, ')');
    return !state || state[1] == '\0' || state[2] != 'R';
}

static uint64_t spent_ms(const struct watch *watch)
{
    const uint64_t cpu_ms = watch->has_cpu_clock ? now_ms(watch->cpu_clock) : 0;

    return watch->slept_ms + (cpu_ms > watch->begin_cpu_ms ? cpu_ms - watch->begin_cpu_ms : 0);
}

/* A look at the child: true if what it runs hangs. */
static bool watch_finds_hang(struct watch *watch, const struct children *children)
{
    const struct patience *patience = &children->patience;
    const uint64_t now = now_ms(CLOCK_MONOTONIC);
    const uint64_t nr_steps = __atomic_load_n(&children->trace->nr_steps, __ATOMIC_RELAXED);
    uint64_t known_ms = patience->known_ms, spent;

    if (is_asleep(children->child))
        watch->slept_ms += now - watch->last_ms;
    watch->last_ms = now;
    spent = spent_ms(watch);
    if (nr_steps != watch->nr_steps)
        watch->spent_before_step_ms = spent;
    watch->nr_steps = nr_steps;
    if (now - watch->begin_ms >= patience->real_ms)
        return true;
    /* To set up a region takes time, and how much is not known at first. */
    if (known_ms == 0 && nr_steps == 0)
        return false;
    if (known_ms < watch->spent_before_step_ms)
        known_ms = watch->spent_before_step_ms;
    return spent > TIMES_LONGER * known_ms + patience->extra_ms;
}

/* The same where one child runs many candidates. */
static bool watch_finds_hanging_candidate(struct watch *watch, const struct children *children)
{
    const uint64_t candidate = __atomic_load_n(&children->shared->candidate, __ATOMIC_RELAXED);

    if (candidate != watch->candidate || candidate == 0) {
        watch->candidate = candidate;
        watch_begin(watch, children);
    }
    return candidate != 0 && watch_finds_hang(watch, children);
}

typedef bool finds_hang_fn(struct watch *watch, const struct children *children);

/* Until the child answers. It is there after that only. */
static enum outcome await(struct children *children, finds_hang_fn *finds_hang)
{
    struct pollfd poll_fd = {.fd = children->socket, .events = POLLIN};
    const struct shrink_finding *finding = children->finding;
    struct watch watch = {0};
    char byte;
    ssize_t got;

    watch_begin(&watch, children);
    watch.begin_ms = children->begin_ms;
    while (poll(&poll_fd, 1, TICK_MS) <= 0) {
        if (finding->progress)
            finding->progress(finding->progress_context, children->counts->runs);
        if (!finds_hang(&watch, children))
            continue;
        end(children);
        children->signal = SIGALRM;
        children->took_ms = watch.spent_before_step_ms;
        return OUTCOME_HANG;
    }
    while ((got = read(children->socket, &byte, 1)) < 0 && errno == EINTR)
        ;
    children->took_ms = now_ms(CLOCK_MONOTONIC) - children->begin_ms;
    if (got == 1)
        return OUTCOME_ANSWER;
    reap(children);
    return OUTCOME_DEATH;
}

/* --- in the parent: one candidate after the other --- */

/* Tells the child to run a program; run_end says what became of it. */
static bool run_begin(struct children *children, const struct program *program)
{
    const char byte = 0;

    children->trace->nr_steps = 0;
    children->trace->divergence.kind = FINDING_NONE;
    children->shared->error[0] = '\0';
    children->hung = false;
    children->begin_ms = now_ms(CLOCK_MONOTONIC);
    put_program(children->shared, program);
    if (!start(children, serve)) {
        snprintf(children->shared->error, sizeof(children->shared->error), "cannot fork: %s",
                 strerror(errno));
        return false;
    }
    /* If it is dead by now, that is seen when it is waited for. */
    (void)send(children->socket, &byte, 1, MSG_NOSIGNAL);
    return true;
}

/* False if there was no run. What happened stands in the trace. */
static bool run_end(struct children *children, const struct program *program)
{
    const enum outcome outcome = await(children, watch_finds_hang);

    if (outcome == OUTCOME_ANSWER)
        return children->shared->ran;
    children->hung = outcome == OUTCOME_HANG;
    if (children->trace->nr_steps == 0) {
        if (children->shared->error[0] == '\0')
            snprintf(children->shared->error, sizeof(children->shared->error), "the subject %s",
                     children->hung ? "does not return, outside of any operation"
                                    : "ended the process outside of any operation");
        return false;
    }
    divergence_of_crash(children->trace, program, children->signal);
    return true;
}

static bool run(struct children *children, const struct program *program)
{
    return run_begin(children, program) && run_end(children, program);
}

static bool keeps_in_parent(void *context, const struct program *candidate, struct trace *trace)
{
    struct children *children = context;
    const struct shrink_finding *finding = children->finding;
    const uint64_t capacity = trace->capacity;

    heed_deadline(children);
    if (finding->progress)
        finding->progress(finding->progress_context, children->counts->runs);
    if (!run(children, candidate)) {
        trace->nr_steps = 0;
        return false;
    }
    memcpy(trace, children->trace,
           sizeof(*trace) + children->trace->nr_steps * sizeof(trace->steps[0]));
    trace->capacity = capacity;
    return is_same_finding(&trace->divergence, &children->wanted, finding->signature);
}

static enum shrink_status shrink_in_parent(struct children *children, struct program *program)
{
    return shrink(program, keeps_in_parent, children, &children->limits, children->counts);
}

/* In one child, all of it; false if that did not come to an end. */
static bool shrink_in_one(struct children *children, struct program *program,
                          enum shrink_status *status)
{
    struct shared *shared = children->shared;

    put_program(shared, program);
    shared->counts = (struct shrink_counts){0};
    shared->candidate = 0;
    children->counts = &shared->counts;
    if (!start(children, shrink_in_child) ||
        await(children, watch_finds_hanging_candidate) != OUTCOME_ANSWER)
        return false;
    *status = shared->status;
    children->finding->counts = shared->counts;
    return *status != SHRINK_DONE || get_program(shared, program);
}

static enum shrink_status shrink_what_returns(struct children *children, struct program *program)
{
    enum shrink_status status;

    children->patience = (struct patience){
        .real_ms = UINT64_MAX, .known_ms = children->took_ms + 1, .extra_ms = FLOOR_MS};
    end(children);
    if (children->wanted.kind != FINDING_CRASH && shrink_in_one(children, program, &status))
        return status;
    end(children);
    children->counts = &children->finding->counts;
    return shrink_in_parent(children, program);
}

/* --- programs that hang --- */

/* All the time that the program may take. To set up a large region takes time of its own. */
static struct patience full_patience(const struct shrink_finding *finding,
                                     const struct program *program)
{
    const uint64_t ms =
        1000u * finding->timeout + (lockstep_slots(finding->subject, program) >> 16) * 1000;

    return (struct patience){.real_ms = ms, .known_ms = ms};
}

static bool copy_program(struct program *to, const struct program *from)
{
    program_clear(to);
    for (size_t i = 0; i < from->nr_ops; i++)
        if (!program_append(to, from->ops[i]))
            return false;
    to->slots_byte = from->slots_byte;
    to->format_byte = from->format_byte;
    to->header_size = from->header_size;
    return true;
}

/* The program at hand of these children is the finding. */
static bool shows_finding(const struct children *children)
{
    return is_same_finding(&children->trace->divergence, &children->wanted,
                           children->finding->signature);
}

/*
 * Both at the same time, as both are to take all of the timeout. True if what was made of the program
 * hangs as it should. What the program itself does stands in the trace of `witness`; if that is
 * something else, it was no hang at all.
 */
static bool confirm(struct children *children, struct children *witness,
                    const struct program *program, const struct program *result)
{
    const bool has_witness = run_begin(witness, program);
    bool ran, hangs;

    children->patience = witness->patience = full_patience(children->finding, program);
    ran = run(children, result);
    hangs = ran && shows_finding(children);
    if (!has_witness || !run_end(witness, program))
        return false;
    return hangs && shows_finding(witness);
}

/*
 * What seems to hang: with short patience, which grows until the result is confirmed. False if the
 * program does not hang; `witness` knows what it does.
 */
static bool shrink_what_hangs(struct children *children, struct children *witness,
                              struct program *program, struct program *result,
                              enum shrink_status *status)
{
    const struct patience full = full_patience(children->finding, program);
    uint64_t extra_ms = HANGING_FLOOR_MS;
    const uint64_t known_ms = children->took_ms + 1;

    for (;; extra_ms *= GROWTH) {
        children->patience = (struct patience){full.real_ms, known_ms, extra_ms};
        *status = SHRINK_NO_MEMORY;
        if (copy_program(result, program))
            *status = shrink_in_parent(children, result);
        if (*status != SHRINK_DONE && *status != SHRINK_AGREES)
            return true;
        if (confirm(children, witness, program, result) && *status == SHRINK_DONE) {
            if (!copy_program(program, result))
                *status = SHRINK_NO_MEMORY;
            return true;
        }
        if (!shows_finding(witness))
            return false;
        *status = SHRINK_AGREES;
        if (extra_ms >= full.real_ms)
            return true;
    }
}

/* --- all of it --- */

static bool children_create(struct children *children, struct shrink_finding *finding,
                            size_t nr_ops)
{
    void *memory;

    *children = (struct children){.finding = finding,
                                  .counts = &finding->counts,
                                  .limits = finding->limits ? *finding->limits : SHRINK_LIMITS,
                                  .deadline_ms = UINT64_MAX};
    if (finding->budget_ms != 0)
        children->deadline_ms = now_ms(CLOCK_MONOTONIC) + finding->budget_ms;
    children->size = sizeof(struct shared) + nr_ops * sizeof(struct operation);
    memory = mmap(NULL, children->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    children->shared = memory;
    children->trace = trace_create(nr_ops + 1);
    return children->trace != NULL;
}

static void children_destroy(struct children *children)
{
    end(children);
    if (children->shared)
        munmap(children->shared, children->size);
    trace_destroy(children->trace);
}

static bool learn_finding(struct children *children)
{
    children->wanted = children->trace->divergence;
    if (children->wanted.kind == FINDING_NONE) {
        children->finding->signature[0] = '\0';
        return false;
    }
    divergence_signature(&children->wanted, children->finding->signature, SIGNATURE_SIZE);
    return true;
}

/* False if the program does not hang, and `witness` knows what it does. */
static bool shrink_hang(struct children *children, struct children *witness,
                        struct program *program, enum shrink_status *status)
{
    struct program result;
    bool hangs = true;

    *status = SHRINK_NO_MEMORY;
    if (!children_create(witness, children->finding, program->nr_ops))
        return true;
    witness->wanted = children->wanted;
    program_init(&result);
    hangs = shrink_what_hangs(children, witness, program, &result, status);
    program_free(&result);
    return hangs;
}

static enum shrink_status shrink_with(struct children *children, struct children *witness,
                                      struct program *program)
{
    enum shrink_status status;
    const struct patience full = full_patience(children->finding, program);

    children->patience = (struct patience){.real_ms = full.real_ms, .extra_ms = FLOOR_MS};
    if (!run(children, program))
        return SHRINK_NO_RUN;
    if (!learn_finding(children))
        return SHRINK_AGREES;
    if (!children->hung)
        return shrink_what_returns(children, program);
    if (shrink_hang(children, witness, program, &status))
        return status;
    if (!learn_finding(witness))
        return SHRINK_AGREES;
    return shrink_what_returns(witness, program);
}

enum shrink_status shrink_finding(struct shrink_finding *finding, struct program *program)
{
    struct children children, witness = {0};
    enum shrink_status status = SHRINK_NO_MEMORY;

    finding->counts = (struct shrink_counts){0};
    finding->signature[0] = '\0';
    snprintf(finding->error, sizeof(finding->error), "no memory");
    if (children_create(&children, finding, program->nr_ops))
        status = shrink_with(&children, &witness, program);
    if (status == SHRINK_NO_RUN)
        memcpy(finding->error, children.shared->error, sizeof(finding->error));
    children_destroy(&witness);
    children_destroy(&children);
    return status;
}
