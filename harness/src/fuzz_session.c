/* SPDX-License-Identifier: MPL-2.0 */
/*
 * See fuzz_session.h. First what the environment asks for, then the run of one input, then what
 * becomes of a divergence.
 */
#include "slotcheck/fuzz_session.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz_counters.h"
#include "fuzz_findings.h"
#include "slotcheck/divergence.h"
#include "slotcheck/divergence_trap.h"
#include "slotcheck/shrink.h"
#include "slotcheck/subject_load.h"

enum { EXIT_WRONG_USE = 2, EXIT_INTERNAL = 3 };

/* An engine takes an input for a hang that keeps it waiting: what is not done by then is left. */
enum { SHRINK_SECONDS = 2 };
/* More operations than an input of an engine's usual length has. */
enum { LONG_PROGRAM = 2048 };
static const struct shrink_limits LIMITS = {.runs = 100000, .operations = 1000000};

struct session {
    const struct slotcheck_subject *subject; /* null: not open yet */
    struct lockstep *lockstep;
    struct lockstep_stats *stats;
    uint64_t slots;  /* 0: as many as the program says */
    unsigned format; /* 0: any */
    struct program program;
    struct trace *trace;
    struct fuzz_findings findings; /* folder null: stop on a divergence */
    struct program shrunk;
};

static struct session session;

/* Not exit(): engines take that for a crash of the target. */
__attribute__((format(printf, 2, 3))) _Noreturn static void give_up(int status, const char *format,
                                                                    ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("slotcheck: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    _Exit(status);
}

/* --- what the environment asks for --- */

static const struct slotcheck_subject *subject_of_environment(void)
{
    char error[256];
    const struct slotcheck_subject *subject =
        subject_load(getenv("SLOTCHECK_SUBJECT"), error, sizeof(error));
    if (subject == NULL)
        give_up(EXIT_WRONG_USE, "%s", error);
    return subject;
}

static uint64_t slots_of_environment(void)
{
    const char *text = getenv("SLOTCHECK_SLOTS");
    if (text == NULL)
        return 0;
    char *end;
    errno = 0;
    unsigned long long slots = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 ||
        !program_set_slots(&session.program, slots))
        give_up(EXIT_WRONG_USE, "SLOTCHECK_SLOTS=%s: neither 1..240 nor a power of two up to 2^23",
                text);
    return slots;
}

static unsigned format_of_environment(void)
{
    const char *text = getenv("SLOTCHECK_FORMAT");
    if (text == NULL)
        return 0;
    if (text[0] < '1' || text[0] > '0' + PROGRAM_FORMAT || text[1] != '\0')
        give_up(EXIT_WRONG_USE, "SLOTCHECK_FORMAT=%s: not 1..%d", text, PROGRAM_FORMAT);
    return (unsigned)(text[0] - '0');
}

static const char *findings_of_environment(void)
{
    const char *folder = getenv("SLOTCHECK_FINDINGS");
    if (folder == NULL)
        return NULL;
    struct stat status;
    if (stat(folder, &status) != 0)
        give_up(EXIT_WRONG_USE, "SLOTCHECK_FINDINGS=%s: %s", folder, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        give_up(EXIT_WRONG_USE, "SLOTCHECK_FINDINGS=%s: not a folder", folder);
    if (access(folder, W_OK | X_OK) != 0)
        give_up(EXIT_WRONG_USE, "SLOTCHECK_FINDINGS=%s: %s", folder, strerror(errno));
    return folder;
}

/* A file of the right size with its blocks allocated: on a full disk this fails, no write later. */
static int open_stats(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0)
        give_up(EXIT_WRONG_USE, "SLOTCHECK_STATS=%s: %s", path, strerror(errno));
    struct stat status;
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))
        give_up(EXIT_WRONG_USE, "SLOTCHECK_STATS=%s: not a file", path);
    if (status.st_size != 0 && status.st_size != sizeof(struct fuzz_stats))
        give_up(EXIT_WRONG_USE, "SLOTCHECK_STATS=%s: not statistics of this slotcheck", path);
    int error = posix_fallocate(file, 0, sizeof(struct fuzz_stats));
    if (error != 0)
        give_up(EXIT_WRONG_USE, "SLOTCHECK_STATS=%s: %s", path, strerror(error));
    return file;
}

static struct lockstep_stats *map_stats(const char *path)
{
    int file = open_stats(path);
    struct fuzz_stats *stats =
        mmap(NULL, sizeof(*stats), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (stats == MAP_FAILED)
        give_up(EXIT_WRONG_USE, "SLOTCHECK_STATS=%s: %s", path, strerror(errno));
    close(file);
    if (stats->magic == 0 && stats->size == 0) {
        stats->size = sizeof(*stats);
        stats->names = fuzz_stats_names();
        stats->magic = FUZZ_STATS_MAGIC;
    }
    if (stats->magic != FUZZ_STATS_MAGIC || stats->size != sizeof(*stats) ||
        stats->names != fuzz_stats_names())
        give_up(EXIT_WRONG_USE, "SLOTCHECK_STATS=%s: not statistics of this slotcheck", path);
    return &stats->stats;
}

static struct lockstep_stats *stats_of_environment(void)
{
    const char *path = getenv("SLOTCHECK_STATS");
    if (path != NULL)
        return map_stats(path);
    struct lockstep_stats *stats = calloc(1, sizeof(*stats));
    if (stats == NULL)
        give_up(EXIT_INTERNAL, "no memory");
    return stats;
}

/* --- the session --- */

/* Engines that fork for their inputs may leave a child behind, stopped, when they are killed. */
static void die_with_parent(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Room for the steps of the program at hand. */
static void fit_trace(void)
{
    if (session.trace != NULL && session.program.nr_ops <= session.trace->capacity)
        return;
    trace_destroy(session.trace);
    session.trace = trace_create(session.program.capacity + 1);
    if (session.trace == NULL)
        give_up(EXIT_INTERNAL, "no memory");
}

/*
 * False if the subject cannot have a region of the program's size. Whatever else keeps a program
 * from running to its end is a subject that breaks the rules of the interface, and no program would
 * show anything.
 */
static bool run(const struct program *program)
{
    if (lockstep_run(session.lockstep, program, session.trace))
        return true;
    if (session.trace->nr_slots != 0)
        give_up(EXIT_WRONG_USE, "%s: %s", session.subject->name, lockstep_error(session.lockstep));
    return false;
}

/* Runs a program for its trace, and leaves the counts as they are; true if it diverges. */
static bool run_uncounted(const struct program *program)
{
    struct lockstep_stats *stats = malloc(sizeof(*stats));
    if (stats == NULL)
        return false;
    *stats = *session.stats;
    bool diverges = run(program) && session.trace->divergence.kind != FINDING_NONE;
    *session.stats = *stats;
    free(stats);
    return diverges;
}

/* With regions that the subject cannot have, every program would be passed over unnoticed. */
static void check_slots(void)
{
    fit_trace();
    if (!run(&session.program))
        give_up(EXIT_WRONG_USE, "%s: a region of %llu slots: %s", session.subject->name,
                (unsigned long long)program_slots(&session.program),
                lockstep_error(session.lockstep));
}

/*
 * Makes the regions of all sizes that inputs can ask for, where the subject can have them side by
 * side: what an input shows must not depend on whether one before it was of its size.
 */
static void make_regions(void)
{
    if (session.slots != 0 || session.subject->fixed_slots != 0 ||
        (session.subject->capabilities & SLOTCHECK_CAN_MANY_REGIONS) == 0)
        return;
    struct program empty;
    program_init(&empty);
    for (uint64_t slots = 1; slots <= FUZZ_MAX_SLOTS; slots++)
        (void)(program_set_slots(&empty, slots) && run_uncounted(&empty));
    (void)(program_set_slots(&empty, FUZZ_LARGE_SLOTS) && run_uncounted(&empty));
    program_free(&empty);
}

/* The same for memory that grows with the program: a long one that does little. */
static void make_room(void)
{
    struct program program;
    const struct operation operation = {.op = OP_lemma_layout, .opcode = OP_lemma_layout};

    program_init(&program);
    while (program.nr_ops < LONG_PROGRAM && program_append(&program, operation) &&
           program_append(&session.program, operation))
        ;
    fit_trace();
    (void)run_uncounted(&program);
    program_clear(&session.program);
    program_free(&program);
}

void fuzz_session_begin(void)
{
    if (session.subject == NULL)
        fuzz_session_use(subject_of_environment());
}

void fuzz_session_use(const struct slotcheck_subject *subject)
{
    char error[256];
    program_init(&session.program);
    program_init(&session.shrunk);
    session.slots = slots_of_environment();
    session.format = format_of_environment();
    session.findings.folder = findings_of_environment();
    session.stats = stats_of_environment();
    session.subject = subject;
    session.lockstep = lockstep_create(subject, session.stats, error, sizeof(error));
    if (session.lockstep == NULL)
        give_up(EXIT_WRONG_USE, "%s", error);
    check_slots();
    make_regions();
    make_room();
    if (pthread_atfork(NULL, NULL, die_with_parent) != 0)
        give_up(EXIT_INTERNAL, "no memory");
}

/* --- a divergence --- */

/* Room in bytes for what was executed: what was not is never part of a case. */
static size_t executed_size(void)
{
    size_t size = 2;
    for (uint64_t i = 0; i < session.trace->nr_steps; i++) {
        enum step_status status = (enum step_status)session.trace->steps[i].status;
        if (status == STEP_EXECUTED || status == STEP_STARTED)
            size += OPERATION_SIZE[session.program.ops[i].op];
    }
    return size;
}

static void copy_program(void)
{
    program_clear(&session.shrunk);
    for (size_t i = 0; i < session.program.nr_ops; i++) {
        if (!program_append(&session.shrunk, session.program.ops[i]))
            give_up(EXIT_INTERNAL, "no memory");
    }
    session.shrunk.format_byte = session.program.format_byte;
    session.shrunk.slots_byte = session.program.slots_byte;
}

/*
 * What to show for the program at hand: it, shrunk, or itself if that cannot be done; a subject that
 * keeps something from program to program may not diverge in a process of its own. Runs in other
 * processes, so that nothing of it is counted.
 */
static const struct program *shrink_program(const char *signature)
{
    struct shrink_finding finding = {.subject = session.subject,
                                     .timeout = SHRINK_SECONDS,
                                     .limits = &LIMITS,
                                     .budget_ms = 1000 * SHRINK_SECONDS,
                                     .inherited = session.lockstep};
    copy_program();
    fuzz_counters_pause();
    enum shrink_status status = shrink_finding(&finding, &session.shrunk);
    fuzz_counters_resume();
    if (status == SHRINK_DONE && strcmp(finding.signature, signature) == 0)
        return &session.shrunk;
    return &session.program;
}

/*
 * A signature is shrunk again only if what was executed is already shorter than what was made of it
 * before, so not often.
 */
static void collect(void)
{
    char signature[SIGNATURE_SIZE];
    divergence_signature(&session.trace->divergence, signature, sizeof(signature));
    if (!fuzz_findings_wants(&session.findings, signature, executed_size()))
        return;
    if (!fuzz_findings_add(&session.findings, signature, shrink_program(signature),
                           &session.program))
        give_up(EXIT_WRONG_USE, "%s/%s.case: %s", session.findings.folder, signature,
                strerror(errno));
}

static void stop(void)
{
    char signature[SIGNATURE_SIZE];
    enum op op = session.trace->divergence.op;
    enum field field = session.trace->divergence.field;
    divergence_signature(&session.trace->divergence, signature, sizeof(signature));
    const struct program *program = shrink_program(signature);
    if (program == &session.shrunk && run_uncounted(program))
        fprintf(stderr, "slotcheck: shrunk from %zu operations to %zu:\n\n", session.program.nr_ops,
                program->nr_ops);
    else if (!run_uncounted(program = &session.program))
        fprintf(stderr, "slotcheck: diverges as %s, and now does not\n", signature);
    divergence_explain(stderr, program, session.trace, NULL);
    divergence_trap(op, field);
}

/* --- one input --- */

/* Reads the input; false if it is none for an engine. */
static bool take(const uint8_t *data, size_t size)
{
    if (program_is_text(data, size))
        return false;
    if (!program_decode(&session.program, data, size))
        give_up(EXIT_INTERNAL, "no memory");
    const unsigned format = program_format(&session.program);
    if (format > PROGRAM_FORMAT || (session.format != 0 && format != session.format))
        return false;
    if (session.slots != 0)
        return program_set_slots(&session.program, session.slots);
    const uint64_t slots = program_slots(&session.program);

    return session.subject->fixed_slots != 0 || slots <= FUZZ_MAX_SLOTS ||
           slots == FUZZ_LARGE_SLOTS;
}

int fuzz_session_run(const uint8_t *data, size_t size)
{
    fuzz_session_begin();
    if (!take(data, size))
        return -1;
    fit_trace();

    if (!run(&session.program))
        return -1;
    fuzz_counters_count(&session.program, session.trace);
    if (session.trace->divergence.kind == FINDING_NONE)
        return 0;
    if (session.findings.folder == NULL)
        stop();
    collect();
    return 0;
}
