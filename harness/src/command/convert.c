/* SPDX-License-Identifier: MPL-2.0 */
/* show and pack: bytes to text and back. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "slotcheck/subject_load.h"

struct convert_options {
    const char *input;
    const char *output;
    bool with_results;
};

enum { KEY_RESULTS = 0x100 };

#define OUTPUT_OPTION                                                                              \
    {                                                                                              \
        "output", 'o', "FILE", 0, "write there instead of standard output", 0                      \
    }

static const struct argp_option SHOW_OPTIONS[] = {
    OUTPUT_OPTION,
    {"results", KEY_RESULTS, NULL, 0,
     "say behind each operation how it ends on the built-in subject, if not as Ok", 0},
    {0},
};
static const struct argp_option PACK_OPTIONS[] = {OUTPUT_OPTION, {0}};

#undef OUTPUT_OPTION

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct convert_options *options = state->input;

    switch (key) {
    case 'o':
        options->output = argument;
        return 0;
    case KEY_RESULTS:
        options->with_results = true;
        return 0;
    default:
        return parse_file(key, argument, state, &options->input);
    }
}

bool case_print(const struct program *program, const char *output)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    bool ok;

    if (!out)
        return false;
    program_print(program, out);
    ok = fclose(out) == 0 && file_write(output, text, size);
    free(text);
    return ok;
}

/* --- how operations end --- */

/* As in the comments of the corpus; null: Ok, or unknown. */
static const char *outcome_of(const struct trace *trace, uint64_t step)
{
    if (step >= trace->nr_steps)
        return "not reached";
    switch ((enum step_status)trace->steps[step].status) {
    case STEP_EXECUTED:
        break;
    case STEP_SKIPPED_PRECONDITION:
    case STEP_SKIPPED_NO_HANDLE:
    case STEP_SKIPPED_NOT_OFFERED:
        return "skipped";
    case STEP_NOT_REACHED:
    case STEP_STARTED:
    case NR_STEP_STATUS:
        return NULL;
    }
    if (trace->steps[step].result == SPEC_OK)
        return NULL;
    return result_name((enum spec_result)trace->steps[step].result);
}

/* The text once more, with a comment behind the lines of operations. */
static void annotate(const char *text, const struct trace *trace, FILE *out)
{
    uint64_t step = 0;

    for (const char *line = text; *line != '\0';) {
        const size_t length = strcspn(line, "\n");
        const bool is_operation = memchr(line, '(', length) != NULL;
        const char *outcome = is_operation ? outcome_of(trace, step++) : NULL;

        fprintf(out, "%.*s", (int)length, line);
        if (outcome)
            fprintf(out, "  # %s", outcome);
        fputc('\n', out);
        line += length + (line[length] == '\n');
    }
}

/* What became of it on the built-in subject; null if it cannot run there, and why was said. */
static struct trace *run_for_results(const struct program *program)
{
    static struct lockstep_stats stats;
    char error[256] = "no memory";
    const struct slotcheck_subject *subject = subject_load(NULL, error, sizeof(error));
    struct lockstep *lockstep =
        subject ? lockstep_create(subject, &stats, error, sizeof(error)) : NULL;
    struct trace *trace = lockstep ? trace_create(program->nr_ops) : NULL;

    if (!trace || !lockstep_run(lockstep, program, trace)) {
        complain(EXIT_USAGE, "%s", lockstep && trace ? lockstep_error(lockstep) : error);
        trace_destroy(trace);
        trace = NULL;
    }
    lockstep_destroy(lockstep);
    return trace;
}

static bool print_with_results(const struct program *program, const char *output)
{
    char *text = NULL, *annotated = NULL;
    size_t size = 0;
    struct trace *trace = run_for_results(program);
    FILE *out = trace ? open_memstream(&text, &size) : NULL;
    bool ok = false;

    if (out) {
        program_print(program, out);
        ok = fclose(out) == 0;
    }
    out = ok ? open_memstream(&annotated, &size) : NULL;
    if (out) {
        annotate(text, trace, out);
        ok = fclose(out) == 0 && file_write(output, annotated, size);
    }
    trace_destroy(trace);
    free(text);
    free(annotated);
    return ok;
}

/* --- commands --- */

static bool print_bytes(const struct program *program, const char *output)
{
    const size_t size = program_encoded_size(program);
    uint8_t *bytes = malloc(size + 1);
    bool ok;

    if (!bytes)
        return false;
    program_encode(program, bytes);
    ok = file_write(output, bytes, size);
    free(bytes);
    return ok;
}

/* A text would lose its comments. */
static bool same_file(const char *input, const char *output)
{
    struct stat a, b;

    return output && stat(input, &a) == 0 && stat(output, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static int convert(const struct convert_options *options,
                   bool (*print)(const struct program *program, const char *output))
{
    struct program program;
    int status = EXIT_USAGE;

    if (same_file(options->input, options->output))
        return complain(EXIT_USAGE, "%s: is input and output", options->output);
    program_init(&program);
    if (case_read(options->input, &program) && print(&program, options->output))
        status = EXIT_AGREEMENT;
    program_free(&program);
    return status;
}

int command_show(int argc, char **argv)
{
    const struct argp argp = {SHOW_OPTIONS,
                              parse_option,
                              "FILE",
                              "Prints a case file, bytes or text, as text. `-` is standard input."
                              "\vExample:\n  ./slotcheck show out/fuzz/corpus/0a1b2c3d",
                              NULL,
                              NULL,
                              NULL};
    struct convert_options options = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &options);
    return convert(&options, options.with_results ? print_with_results : case_print);
}

int command_pack(int argc, char **argv)
{
    const struct argp argp = {PACK_OPTIONS,
                              parse_option,
                              "FILE",
                              "Turns a text into the bytes that engines use. `-` is standard input."
                              "\vExample:\n  ./slotcheck pack corpus/seeds/frame-drop-last.txt "
                              "-o seed",
                              NULL,
                              NULL,
                              NULL};
    struct convert_options options = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &options);
    if (!options.output && isatty(STDOUT_FILENO))
        return complain(EXIT_USAGE, "bytes would go to the terminal; give `-o FILE` or redirect");
    return convert(&options, print_bytes);
}
