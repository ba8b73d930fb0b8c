/* SPDX-License-Identifier: MPL-2.0 */
/* The part of `slotcheck` that needs neither Python nor an engine. */
#include <argp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include "command.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *text;
};

static const struct command COMMANDS[] = {
    {"run", command_run, "run case files and say how subject and specification compare"},
    {"shrink", command_shrink, "make a case that diverges as small as it gets"},
    {"exhaust", command_exhaust, "run all programs of a small scope"},
    {"show", command_show, "print a case file as text"},
    {"pack", command_pack, "turn a text into the bytes that engines use"},
    {"spec", command_spec, "print the clauses of the specification"},
    {"subjects", command_subjects, "print what a subject offers"},
    {"holes", command_holes, "print what the specification does not pin down"},
    {"ledger", command_ledger, "print which clauses runs have evaluated"},
    {"stats", command_stats, "print the counts that fuzz targets keep"},
};

enum {
    NR_COMMANDS = sizeof(COMMANDS) / sizeof(COMMANDS[0]),
};

int complain(enum exit_status status, const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fputs("slotcheck: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return (int)status;
}

void *shared_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

static int help(FILE *out)
{
    fputs("Usage: slotcheck COMMAND [ARGUMENT...]\n\n", out);
    for (int i = 0; i < NR_COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", COMMANDS[i].name, COMMANDS[i].text);
    fputs("\n`slotcheck COMMAND --help` says more.\n"
          "Exit status: 0 agreement, 1 divergence, 2 wrong usage or input, 3 internal error.\n",
          out);
    return 0;
}

int main(int argc, char **argv)
{
    char name[64];

    argp_err_exit_status = EXIT_USAGE;
    if (argc < 2)
        return complain(EXIT_USAGE, "no command; `slotcheck --help` lists them");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
        return help(stdout);
    for (int i = 0; i < NR_COMMANDS; i++) {
        if (strcmp(argv[1], COMMANDS[i].name) != 0)
            continue;
        snprintf(name, sizeof(name), "slotcheck %s", COMMANDS[i].name);
        argv[1] = name;

        int status = COMMANDS[i].run(argc - 1, argv + 1);

        /* Output that did not get through is no output. */
        if (fflush(stdout) != 0 || ferror(stdout))
            return complain(EXIT_USAGE, "standard output cannot be written");
        return status;
    }
    return complain(EXIT_USAGE, "no command `%s`; `slotcheck --help` lists them", argv[1]);
}
