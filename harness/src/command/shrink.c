/* SPDX-License-Identifier: MPL-2.0 */
/* shrink: the smallest program that shows the same finding. */
#include "slotcheck/shrink.h"

#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "slotcheck/subject_load.h"

enum {
    DEFAULT_TIMEOUT = 10, /* seconds; far longer than any case takes */
    KEY_SPEC = 0x100,     /* an option without a letter */
    PATIENCE = 2,         /* seconds before anything is said */
    BETWEEN_LINES = 10,   /* seconds, where lines cannot be overwritten */
};

struct shrink_options {
    const char *input;
    const char *output;
    const char *library;
    const char *slots_text;
    uint64_t nr_slots; /* 0: the program's own */
    unsigned timeout;
    uint64_t nr_runs; /* 0: as many as there are by default */
    bool json;
    enum spec_variant variant;
};

static const struct argp_option OPTIONS[] = {
    {"subject", 's', "LIB", 0, "shared library to test instead of the built-in subject", 0},
    {"slots", 'n', "N", 0, "number of slots to begin with, instead of the program's own", 0},
    {"timeout", 't', "SECONDS", 0, "a case that takes longer is a finding (10)", 0},
    {"runs", 'r', "N", 0, "stop after so many candidates (2000000)", 0},
    {"output", 'o', "FILE", 0, "write the program there instead of standard output", 0},
    {"json", 'j', NULL, 0, "print a JSON object instead of the program", 0},
    {"spec", KEY_SPEC, "ostd|vostd", 0,
     "the shipping kernel (ostd, the default) or the verified sources, where the two disagree", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct shrink_options *options = state->input;

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
    case 'r':
        options->nr_runs = parse_number(state, "runs", argument, 1000000000, "");
        return 0;
    case 'o':
        options->output = argument;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case KEY_SPEC:
        options->variant = parse_variant(state, argument);
        return 0;
    default:
        return parse_file(key, argument, state, &options->input);
    }
}

/* --- progress --- */

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

struct progress {
    double begin;
    double next; /* when there is something to be said again */
    bool is_terminal;
    bool has_said;
};

static struct progress progress_begin(void)
{
    return (struct progress){
        .begin = now(), .next = PATIENCE, .is_terminal = isatty(STDERR_FILENO)};
}

static void progress_say(void *context, uint64_t runs)
{
    struct progress *progress = context;
    const double seconds = now() - progress->begin;

    if (seconds < progress->next)
        return;
    progress->next = seconds + (progress->is_terminal ? 0.5 : BETWEEN_LINES);
    progress->has_said = true;
    fprintf(stderr,
            progress->is_terminal ? "\r\033[Kshrinking: %.0f s, %" PRIu64 " runs"
                                  : "slotcheck: shrinking: %.0f s, %" PRIu64 " runs\n",
            seconds, runs);
}

static void progress_end(const struct progress *progress)
{
    if (progress->has_said && progress->is_terminal)
        fputs("\r\033[K", stderr);
}

/* --- the result --- */

/* What became of which case. */
struct result {
    const struct shrink_options *options;
    const char *subject;
    const struct shrink_finding *finding;
    size_t nr_ops;        /* before */
    char *before, *after; /* as text */
    const struct program *program;
    double seconds;
};

/* Null if there is no memory. */
static char *text_of(const struct program *program)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    program_print(program, out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static bool print_record(const struct result *result)
{
    const struct shrink_finding *finding = result->finding;
    const struct program *program = result->program;

    return json_print(
        stdout,
        json_pack("{s:i, s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:b, s:s}", "record_version", 1, "file",
                  json_text(result->options->input), "subject", json_text(result->subject),
                  "signature", finding->signature, "operations_before", (json_int_t)result->nr_ops,
                  "operations", (json_int_t)program->nr_ops, "slots",
                  (json_int_t)program_slots(program), "runs", (json_int_t)finding->counts.runs,
                  "limited", (int)finding->counts.limited, "program", result->after),
        0);
}

/* The line for a person. */
static void say_result(const struct result *result)
{
    const struct shrink_finding *finding = result->finding;
    const size_t before = result->nr_ops, after = result->program->nr_ops;

    if (after < before)
        fprintf(stderr, "slotcheck: shrunk %zu operations to %zu (%s", before, after,
                finding->signature);
    else if (strcmp(result->before, result->after) != 0)
        fprintf(stderr, "slotcheck: simplified %zu operations (%s", before, finding->signature);
    else
        fprintf(stderr, "slotcheck: nothing smaller %s the signature %s (%zu operations",
                finding->counts.limited ? "was found that shows" : "shows", finding->signature,
                before);
    fprintf(stderr, ", %.1f s, %" PRIu64 " runs%s)\n", result->seconds, finding->counts.runs,
            finding->counts.limited ? "; stopped at a limit" : "");
}

static int print_result(const struct result *result)
{
    const struct shrink_options *options = result->options;

    if (!options->json || options->output) {
        if (!case_print(result->program, options->output))
            return EXIT_USAGE;
    }
    /* If standard output cannot be written, main complains. */
    if (options->json && !print_record(result))
        return EXIT_USAGE;
    if (fflush(stdout) != 0)
        return EXIT_USAGE;
    say_result(result);
    return EXIT_AGREEMENT;
}

static int complain_of(enum shrink_status status, const char *input,
                       const struct shrink_finding *finding)
{
    switch (status) {
    case SHRINK_AGREES:
        return finding->signature[0]
                   ? complain(EXIT_INTERNAL, "%s: diverges once, and then does not", input)
                   : complain(EXIT_USAGE, "%s: agrees; there is nothing to shrink", input);
    case SHRINK_NO_RUN:
        return complain(EXIT_USAGE, "%s: %s", input, finding->error);
    case SHRINK_DONE:
    case SHRINK_NO_MEMORY:
        break;
    }
    return complain(EXIT_INTERNAL, "no memory");
}

static int shrink_case(const struct shrink_options *options,
                       const struct slotcheck_subject *subject, struct program *program)
{
    struct progress progress = progress_begin();
    const struct shrink_limits limits = {.runs = options->nr_runs ? options->nr_runs
                                                                  : SHRINK_LIMITS.runs,
                                         .operations = SHRINK_LIMITS.operations};
    struct shrink_finding finding = {.subject = subject,
                                     .variant = options->variant,
                                     .timeout = options->timeout,
                                     .limits = &limits,
                                     .progress = progress_say,
                                     .progress_context = &progress};
    struct result result = {.options = options,
                            .subject = subject->name,
                            .finding = &finding,
                            .nr_ops = program->nr_ops,
                            .before = text_of(program),
                            .program = program};
    const enum shrink_status status = shrink_finding(&finding, program);
    int exit_status;

    progress_end(&progress);
    result.seconds = now() - progress.begin;
    result.after = text_of(program);
    if (status == SHRINK_DONE && result.before && result.after)
        exit_status = print_result(&result);
    else
        exit_status = complain_of(status, options->input, &finding);
    free(result.before);
    free(result.after);
    return exit_status;
}

/* What a library prints when it is loaded is not to come before the program. */
static const struct slotcheck_subject *load(const char *library, char *error, size_t size)
{
    const int own = dup(STDOUT_FILENO);
    const struct slotcheck_subject *subject;

    if (own >= 0)
        dup2(STDERR_FILENO, STDOUT_FILENO);
    subject = subject_load(library, error, size);
    fflush(stdout);
    if (own >= 0) {
        dup2(own, STDOUT_FILENO);
        close(own);
    }
    return subject;
}

int command_shrink(int argc, char **argv)
{
    const struct argp argp = {
        OPTIONS,
        parse_option,
        "CASE",
        "Prints the smallest program that diverges as the case does, with the same signature. `-` "
        "is standard input."
        "\vExit status: 0 it was shrunk, or nothing is smaller; 2 the case does not diverge, or "
        "cannot be read; 3 an internal error. That of `slotcheck run` on the result is 1.\n\n"
        "Example:\n  ./slotcheck shrink --subject ./libmine.so out/fuzz-libmine/findings/a/case",
        NULL,
        NULL,
        NULL};
    struct shrink_options options = {.timeout = DEFAULT_TIMEOUT};
    const struct slotcheck_subject *subject;
    struct program program;
    char error[512];
    int status = EXIT_USAGE;

    argp_parse(&argp, argc, argv, 0, NULL, &options);
    if (options.slots_text && !parse_slots(options.slots_text, &options.nr_slots))
        return EXIT_USAGE;
    subject = load(options.library, error, sizeof(error));
    if (!subject)
        return complain(EXIT_USAGE, "%s", error);
    if (options.nr_slots && subject->fixed_slots && options.nr_slots != subject->fixed_slots)
        return complain(EXIT_USAGE, "--slots %" PRIu64 ": regions of %s have %" PRIu64 " slots",
                        options.nr_slots, subject->name, subject->fixed_slots);
    program_init(&program);
    if (case_read(options.input, &program)) {
        if (options.nr_slots)
            program_set_slots(&program, options.nr_slots);
        status = shrink_case(&options, subject, &program);
    }
    program_free(&program);
    return status;
}
