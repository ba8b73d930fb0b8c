/* SPDX-License-Identifier: MPL-2.0 */
/* What the parts of the slotcheck command share. */
#pragma once

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>

#include "slotcheck/divergence.h"
#include "slotcheck/lockstep.h"
#include "slotcheck/program.h"
#include "slotcheck/scope.h"

/* Exit statuses of every command. */
enum exit_status {
    EXIT_AGREEMENT = 0,
    EXIT_DIVERGENCE = 1,
    EXIT_USAGE = 2, /* wrong usage, or input that cannot be read */
    EXIT_INTERNAL = 3,
};

/* Each takes its own arguments, argv[0] being "slotcheck NAME". */
int command_run(int argc, char **argv);
int command_shrink(int argc, char **argv);
int command_exhaust(int argc, char **argv);
int command_show(int argc, char **argv);
int command_pack(int argc, char **argv);
int command_spec(int argc, char **argv);
int command_subjects(int argc, char **argv);
int command_stats(int argc, char **argv);
int command_holes(int argc, char **argv);
int command_ledger(int argc, char **argv);

/* One line on stderr, "slotcheck: …", and the status to return. */
__attribute__((format(printf, 2, 3))) int complain(enum exit_status status, const char *format,
                                                   ...);

/* Zeroed memory that forked children share, as of mmap; null if there is none. */
void *shared_memory(size_t size);

/* --- files given --- */

/* The files on the command line. */
struct files {
    char **paths;
    int nr;
};

/* What a parser of options does with the keys that it does not know: at least one file is given. */
error_t parse_files(int key, struct argp_state *state, struct files *files);
/* The same for exactly one file; `*path` is null before. */
error_t parse_file(int key, char *argument, struct argp_state *state, const char **path);

/* Case files, folders gone through. */
struct cases {
    char **paths;
    size_t nr;
    size_t capacity;
};

/*
 * A file is a case; a folder is all of its files, in the order of their names. False, after
 * complaining, if there is no such file.
 */
bool cases_collect(struct cases *cases, const char *path);
void cases_free(struct cases *cases);

/* --- case files --- */

/*
 * Reads a case file, text or bytes; "-" is standard input. False, after complaining with file and
 * position, if it cannot be read or is no program.
 */
bool case_read(const char *path, struct program *program);

/* All of a file, or of standard input ("-"); null, after complaining, if it cannot be read. */
uint8_t *file_read(const char *path, size_t *size);

/*
 * Prints a program as text to `path`, null or "-" being standard output. False, after complaining, if
 * that cannot be done.
 */
bool case_print(const struct program *program, const char *path);

/* False, with the reason in `errno`, if there is no such folder. */
bool is_folder(const char *path);

/* Writes `size` bytes to `path`, null or "-" being standard output: all of it or nothing. */
bool file_write(const char *path, const void *bytes, size_t size);

/* --- files of cells --- */

/*
 * A file of cells begins with a line that says what it is; each further one is a cell as cell_text
 * writes it, in the order of strcmp.
 */
struct cell_lines {
    char *text;
    char **lines; /* into `text`, the first line among them */
    size_t nr;
};

/* Writes the cells of a search of the scope. False, after complaining. */
bool cells_write(const char *path, const struct cell_set *set, const struct scope *scope,
                 unsigned depth);
/* False, after complaining, if it cannot be read or is no such file. */
bool cell_lines_read(const char *path, struct cell_lines *lines);
void cell_lines_free(struct cell_lines *lines);
/* How many cells there are. */
size_t cell_lines_nr(const struct cell_lines *lines);
/* How many of them are in the set. */
uint64_t cell_lines_seen(const struct cell_lines *lines, const struct cell_set *set);

/* --- the traceability table --- */

/*
 * Prints, as Markdown, from each name of the source to the clauses that mirror it, to the seed
 * cases in `corpus` that evaluate them, to the tests. Returns an exit status.
 */
int table_print(FILE *out, const char *corpus);

/* --- JSON --- */

/* Prints and releases a value; `indent` 0 makes it a single line. False if it cannot be written. */
bool json_print(FILE *out, json_t *value, int indent);

/* A string; bytes that are no UTF-8, as paths may have, become question marks. */
json_t *json_text(const char *text);

/* The record of a finding; the only thing that reports are made from. */
json_t *finding_record(const char *path, const char *subject, const struct program *program,
                       const struct trace *trace, const char *replay);

/* Number of slots given as text. False, after complaining, if a program cannot say it. */
bool parse_slots(const char *text, uint64_t *nr_slots);

/* Values of options; what is none of them ends the process with a line. */
/* A number 1..max; `unit` is what the line says of it behind that, or "". */
unsigned parse_number(struct argp_state *state, const char *option, const char *text,
                      unsigned long max, const char *unit);
/* Seconds, as `90`, `10m`, `1.5h` or `2d`; more than 0, and at most those of 365 days. */
double parse_duration(struct argp_state *state, const char *option, const char *text);
unsigned parse_timeout(struct argp_state *state, const char *text);
enum spec_variant parse_variant(struct argp_state *state, const char *text);
