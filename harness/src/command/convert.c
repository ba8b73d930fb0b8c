/* SPDX-License-Identifier: MPL-2.0 */
/* show and pack: bytes to text and back. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"

struct convert_options {
    const char *input;
    const char *output;
};

static const struct argp_option OPTIONS[] = {
    {"output", 'o', "FILE", 0, "write there instead of standard output", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct convert_options *options = state->input;

    switch (key) {
    case 'o':
        options->output = argument;
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
    const struct argp argp = {OPTIONS,
                              parse_option,
                              "FILE",
                              "Prints a case file, bytes or text, as text. `-` is standard input."
                              "\vExample:\n  ./slotcheck show out/fuzz/corpus/0a1b2c3d",
                              NULL,
                              NULL,
                              NULL};
    struct convert_options options = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &options);
    return convert(&options, case_print);
}

int command_pack(int argc, char **argv)
{
    const struct argp argp = {OPTIONS,
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
