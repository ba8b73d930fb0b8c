/* SPDX-License-Identifier: MPL-2.0 */
/*
 * run: a verdict for each case file.
 *
 * The cases run in a forked child, so that a subject that ends the process, or never returns, is a
 * finding like any other. The child goes through the cases and prints; what the parent needs to
 * know when the child dies (which case, how far) lies in shared memory. Then the next child goes on
 * behind the case that killed the last one.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../divergence_build.h"
#include "command.h"
#include "slotcheck/ledger.h"
#include "slotcheck/subject_load.h"

struct run_options {
    struct files files;
    const char *library;
    const char *slots_text;
    uint64_t nr_slots; /* 0: the program's own */
    unsigned timeout;
    bool json;
    bool quiet;
    enum spec_variant variant;
    const char *ledger; /* null: none is asked for */
};

/* What parent and child both know. */
struct progress {
    size_t at; /* the case that runs, or is next */
    size_t nr_agree;
    size_t nr_diverge;
    bool unreadable; /* a case could not be read or run; it was complained of */
    bool mute;       /* the verdicts cannot be written */
    bool lame;       /* the child could not begin; it complained */
};

/* For the ledger: which case came first, counted from one; zero: none. Known to both, too. */
struct first_cases {
    size_t evaluated[NR_CLAUSES];
    size_t false_in[NR_CLAUSES];
};

struct run {
    const struct run_options *options;
    const struct slotcheck_subject *subject;
    const struct cases *cases;
    const struct program *standard_input; /* null unless it is a case */
    struct progress *progress;
    struct lockstep_stats *stats;
    struct first_cases *first; /* null unless there is to be a ledger */
    struct trace *trace;
    FILE *out; /* for the verdicts; what a subject prints goes to stderr */
};

/* --- arguments --- */

enum {
    DEFAULT_TIMEOUT = 10, /* seconds; far longer than any case takes */
    KEY_SPEC = 0x100,     /* an option without a letter */
};

static const struct argp_option OPTIONS[] = {
    {"subject", 's', "LIB", 0, "shared library to test instead of the built-in subject", 0},
    {"slots", 'n', "N", 0, "number of slots, instead of the program's own", 0},
    {"timeout", 't', "SECONDS", 0, "a case that takes longer is a finding (10)", 0},
    {"json", 'j', NULL, 0, "print one JSON object per case and line", 0},
    {"quiet", 'q', NULL, 0, "print divergences only", 0},
    {"ledger", 'l', "FILE", 0, "write there which clauses were evaluated; see `slotcheck ledger`",
     0},
    {"spec", KEY_SPEC, "ostd|vostd", 0,
     "the shipping kernel (ostd, the default) or the verified sources, where the two disagree", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct run_options *options = state->input;

    switch (key) {
    case 's':
        options->library = argument;
        return 0;
    case 'n':
        options->slots_text = argument;
        return 0;
    case 't':
        options->timeout = parse_timeout(state, argument);
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case 'l':
        options->ledger = argument;
        return 0;
    case KEY_SPEC:
        options->variant = parse_variant(state, argument);
        return 0;
    default:
        return parse_files(key, state, &options->files);
    }
}

/* --- the list of cases --- */

static bool cases_has_standard_input(const struct cases *cases)
{
    for (size_t i = 0; i < cases->nr; i++)
        if (strcmp(cases->paths[i], "-") == 0)
            return true;
    return false;
}

/* --- what is printed --- */

/* An argument as a shell takes it. */
static void quote(FILE *out, const char *argument)
{
    if (*argument && strspn(argument, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789_-./+=:@%,") == strlen(argument)) {
        fputs(argument, out);
        return;
    }
    fputc('\'', out);
    for (; *argument; argument++)
        fputs(*argument == '\'' ? "'\\''" : (char[]){*argument, '\0'}, out);
    fputc('\'', out);
}

/* The command that shows a case again. */
static char *replay_command(const struct run *run, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    /* The launcher says under which name it was called. */
    fprintf(out, "%s run ",
            getenv("SLOTCHECK_LAUNCHER") ? getenv("SLOTCHECK_LAUNCHER") : "./slotcheck");
    if (run->options->library) {
        fputs("--subject ", out);
        quote(out, run->options->library);
        fputc(' ', out);
    }
    if (run->options->variant == SPEC_VOSTD)
        fputs("--spec vostd ", out);
    if (run->options->nr_slots)
        fprintf(out, "--slots %" PRIu64 " ", run->options->nr_slots);
    quote(out, path);
    fclose(out);
    return text;
}

static void count_steps(const struct trace *trace, size_t *executed, size_t *skipped)
{
    *executed = 0;
    *skipped = 0;
    for (uint64_t i = 0; i < trace->nr_steps; i++) {
        if (trace->steps[i].status == STEP_EXECUTED)
            (*executed)++;
        else
            (*skipped)++;
    }
}

static void print_agreement(const struct run *run, const char *path)
{
    size_t executed, skipped;

    count_steps(run->trace, &executed, &skipped);
    if (run->options->json)
        json_print(run->out,
                   json_pack("{s:i, s:o, s:s, s:o, s:I, s:I}", "record_version", 1, "file",
                             json_text(path), "verdict", "agreement", "subject",
                             json_text(run->subject->name), "executed", (json_int_t)executed,
                             "skipped", (json_int_t)skipped),
                   0);
    else if (!run->options->quiet)
        fprintf(run->out, "agrees    %s  (%zu executed, %zu skipped)\n", path, executed, skipped);
}

static void print_divergence(const struct run *run, const char *path, const struct program *program)
{
    char *replay = replay_command(run, path);

    if (run->options->json) {
        json_print(
            run->out,
            finding_record(path, run->subject->name, program, run->trace, replay ? replay : ""), 0);
    } else {
        fprintf(run->out, "DIVERGES  %s\n\n", path);
        divergence_explain(run->out, program, run->trace, replay);
        fputc('\n', run->out);
    }
    free(replay);
}

/* --- the ledger --- */

static void note_evaluated(const struct run *run, size_t at, enum op op)
{
    for (int id = 0; id < NR_CLAUSES; id++)
        if (!run->first->evaluated[id] &&
            lockstep_stats_evaluated(run->stats, op, (enum clause_id)id))
            run->first->evaluated[id] = at + 1;
}

/* The case `at` was run, or was the last thing that a child ran: what is new of the clauses? */
static void note_case(const struct run *run, size_t at, const struct program *program)
{
    const struct trace *trace = run->trace;
    const struct divergence *divergence = &trace->divergence;

    if (!run->first)
        return;
    for (uint64_t i = 0; i < trace->nr_steps; i++)
        if (trace->steps[i].status == STEP_EXECUTED)
            note_evaluated(run, at, (enum op)program->ops[i].op);
    /* The end of a program is judged with its last operation, whether that could run or not. */
    if (trace->nr_steps > 0)
        note_evaluated(run, at, (enum op)program->ops[trace->nr_steps - 1].op);
    if (divergence->kind == FINDING_NONE || divergence->kind == FINDING_ORACLE_FAULT)
        return;
    for (uint32_t i = 0; i < divergence->nr_broken && i < MAX_BROKEN; i++) {
        const enum clause_id id = (enum clause_id)divergence->broken[i];

        if (!run->first->evaluated[id])
            run->first->evaluated[id] = at + 1;
        if (!run->first->false_in[id])
            run->first->false_in[id] = at + 1;
    }
}

static bool fill_ledger(const struct run *run, struct ledger *ledger)
{
    bool ok = true;

    ledger_add_stats(ledger, run->stats);
    for (int i = 0; i < NR_CLAUSES; i++) {
        const enum clause_id id = (enum clause_id)i;

        if (run->first->evaluated[i] && ledger_evaluated(ledger, id))
            ok &=
                ledger_note_evaluated(ledger, id, run->cases->paths[run->first->evaluated[i] - 1]);
        if (run->first->false_in[i] && ledger_decided(ledger, id))
            ok &= ledger_note_false(ledger, id, run->cases->paths[run->first->false_in[i] - 1]);
    }
    return ok;
}

static int write_ledger(const struct run *run)
{
    struct ledger *ledger = run->first ? ledger_create() : NULL;
    int status = EXIT_AGREEMENT;

    if (!run->first)
        return EXIT_AGREEMENT;
    if (!ledger || !fill_ledger(run, ledger))
        status = complain(EXIT_INTERNAL, "no memory");
    else if (!ledger_write(run->options->ledger, ledger))
        status = complain(EXIT_USAGE, "%s: %s", run->options->ledger, strerror(errno));
    ledger_destroy(ledger);
    return status;
}

/* --- in the child --- */

/*
 * The case at `path`, with the number of slots that was asked for; null, after complaining, if it
 * cannot be had. Standard input was read before the first child, or no later one could see it
 * again.
 */
static const struct program *load_case(const struct run *run, const char *path,
                                       struct program *program)
{
    if (strcmp(path, "-") == 0)
        return run->standard_input;
    if (!case_read(path, program) ||
        (run->options->nr_slots && !program_set_slots(program, run->options->nr_slots)))
        return NULL;
    return program;
}

static void run_case(const struct run *run, struct lockstep *lockstep, const char *path,
                     struct program *storage)
{
    const struct program *program = load_case(run, path, storage);

    if (!program) {
        run->progress->unreadable = true;
        return;
    }
    if (program->nr_ops > run->trace->capacity) {
        complain(EXIT_USAGE, "%s: more than %" PRIu64 " operations", path, run->trace->capacity);
        run->progress->unreadable = true;
        return;
    }
    /* To set up a large region takes time of its own. */
    alarm(run->options->timeout + (unsigned)(lockstep_slots(run->subject, program) >> 16));
    const bool ran = lockstep_run(lockstep, program, run->trace);
    alarm(0);
    if (!ran) {
        complain(EXIT_USAGE, "%s: %s", path, lockstep_error(lockstep));
        run->progress->unreadable = true;
        return;
    }
    note_case(run, run->progress->at, program);
    if (run->trace->divergence.kind == FINDING_NONE) {
        run->progress->nr_agree++;
        print_agreement(run, path);
    } else {
        run->progress->nr_diverge++;
        print_divergence(run, path, program);
    }
}

/* Runs the cases from the one in `progress` on. */
static int run_cases(const struct run *run)
{
    struct progress *progress = run->progress;
    struct lockstep *lockstep;
    struct program program;
    char error[256];

    lockstep = lockstep_create(run->subject, run->stats, error, sizeof(error));
    if (!lockstep) {
        progress->lame = true;
        return complain(EXIT_INTERNAL, "%s", error);
    }
    lockstep_use_variant(lockstep, run->options->variant);
    program_init(&program);
    for (; progress->at < run->cases->nr; progress->at++) {
        run_case(run, lockstep, run->cases->paths[progress->at], &program);
        /* The next case may be the last thing that this process does. */
        if (fflush(run->out) != 0) {
            progress->mute = true;
            return EXIT_USAGE;
        }
    }
    program_free(&program);
    lockstep_destroy(lockstep);
    return EXIT_AGREEMENT;
}

/* --- in the parent --- */

/* The child died in a case: the operation that had started is the finding. */
static void report_crash(const struct run *run, int signal)
{
    const struct divergence *divergence = &run->trace->divergence;
    struct progress *progress = run->progress;

    if (progress->at == run->cases->nr) {
        progress->nr_diverge++;
        complain(EXIT_DIVERGENCE, "the subject ended the process while its regions were destroyed");
        return;
    }

    const char *path = run->cases->paths[progress->at++];
    struct program storage;
    const struct program *program;

    program_init(&storage);
    program = load_case(run, path, &storage);
    progress->nr_diverge++;
    if (run->trace->nr_steps == 0 || !program) {
        complain(EXIT_DIVERGENCE, "%s: the subject ended the process outside of any operation",
                 path);
        program_free(&storage);
        return;
    }

    divergence_of_crash(run->trace, program, signal);
    run->stats->divergences++;
    run->stats->decided[divergence->op][CLAUSE_exec__process]++;
    note_case(run, progress->at - 1, program);
    print_divergence(run, path, program);
    program_free(&storage);
}

static int supervise(const struct run *run)
{
    while (run->progress->at < run->cases->nr) {
        int status = 0;

        run->trace->nr_steps = 0;
        fflush(run->out);

        const pid_t child = fork();

        if (child < 0)
            return complain(EXIT_INTERNAL, "cannot fork: %s", strerror(errno));
        if (child == 0) {
            const int end = run_cases(run);

            _exit(end);
        }
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
        if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM))
            return complain(EXIT_USAGE, "interrupted");
        if (WIFSIGNALED(status))
            report_crash(run, WTERMSIG(status));
        else if (run->progress->mute)
            return complain(EXIT_USAGE, "standard output cannot be written");
        else if (run->progress->lame)
            return EXIT_INTERNAL;
        else if (run->progress->at < run->cases->nr)
            report_crash(run, -1 - WEXITSTATUS(status)); /* exit() in the subject, or a sanitizer */
    }
    return EXIT_AGREEMENT;
}

static int run_all(struct run *run)
{
    int status;

    run->progress = shared_memory(sizeof(*run->progress));
    run->stats = shared_memory(sizeof(*run->stats));
    run->first = run->options->ledger ? shared_memory(sizeof(*run->first)) : NULL;
    run->trace = trace_create(1 << 20);
    if (!run->progress || !run->stats || !run->trace || (run->options->ledger && !run->first))
        return complain(EXIT_INTERNAL, "no memory");
    status = supervise(run);
    if (status == EXIT_AGREEMENT)
        status = write_ledger(run);
    if (status != EXIT_AGREEMENT)
        return status;
    if (!run->options->json && run->cases->nr != 1)
        fprintf(run->out, "%zu cases: %zu agree, %zu diverge\n", run->cases->nr,
                run->progress->nr_agree, run->progress->nr_diverge);
    if (fflush(run->out) != 0)
        return complain(EXIT_USAGE, "standard output cannot be written");
    if (run->progress->nr_diverge)
        return EXIT_DIVERGENCE;
    return run->progress->unreadable ? EXIT_USAGE : EXIT_AGREEMENT;
}

/* Standard output for the verdicts alone: what the subject prints must not come between them. */
static FILE *own_output(void)
{
    const int own = dup(STDOUT_FILENO);
    FILE *out = own < 0 ? NULL : fdopen(own, "w");

    if (out)
        dup2(STDERR_FILENO, STDOUT_FILENO);
    return out;
}

int command_run(int argc, char **argv)
{
    const struct argp argp = {
        OPTIONS,
        parse_option,
        "FILE...",
        "Runs case files, text or bytes, or all files of a folder, on the subject and on the "
        "specification in lockstep, and explains each divergence."
        "\vExample:\n  ./slotcheck run corpus/seeds\n"
        "  ./slotcheck run --subject ./libmine.so out/fuzz/findings/*/case\n"
        "  ./slotcheck run --ledger seeds.ledger corpus/seeds",
        NULL,
        NULL,
        NULL};
    struct run_options options = {.timeout = DEFAULT_TIMEOUT};
    struct cases cases = {0};
    struct run run = {.options = &options, .cases = &cases};
    struct program standard_input;
    char error[512];
    int status = EXIT_AGREEMENT;

    argp_parse(&argp, argc, argv, 0, NULL, &options);
    if (options.slots_text && !parse_slots(options.slots_text, &options.nr_slots))
        return EXIT_USAGE;
    if (options.ledger && !ledger_can_write(options.ledger, error, sizeof(error)))
        return complain(EXIT_USAGE, "%s", error);
    run.out = own_output();
    if (!run.out)
        return complain(EXIT_USAGE, "standard output cannot be written");
    run.subject = subject_load(options.library, error, sizeof(error));
    if (!run.subject)
        return complain(EXIT_USAGE, "%s", error);
    if (options.nr_slots && run.subject->fixed_slots &&
        options.nr_slots != run.subject->fixed_slots)
        return complain(EXIT_USAGE, "--slots %" PRIu64 ": regions of %s have %" PRIu64 " slots",
                        options.nr_slots, run.subject->name, run.subject->fixed_slots);
    for (int i = 0; i < options.files.nr && status == EXIT_AGREEMENT; i++)
        if (!cases_collect(&cases, options.files.paths[i]))
            status = EXIT_USAGE;
    if (status == EXIT_AGREEMENT && cases.nr == 0)
        status = complain(EXIT_USAGE, "no case files there");
    program_init(&standard_input);
    if (status == EXIT_AGREEMENT && cases_has_standard_input(&cases)) {
        if (case_read("-", &standard_input) &&
            (!options.nr_slots || program_set_slots(&standard_input, options.nr_slots)))
            run.standard_input = &standard_input;
        else
            status = EXIT_USAGE;
    }
    if (status == EXIT_AGREEMENT)
        status = run_all(&run);
    program_free(&standard_input);
    cases_free(&cases);
    return status;
}
