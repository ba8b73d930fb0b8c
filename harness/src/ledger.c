/* SPDX-License-Identifier: MPL-2.0 */
/* See ledger.h: counting, then the file read, then the file written. */
#include "slotcheck/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "slotcheck/fuzz_session.h"

#define HEADER "slotcheck ledger "

enum {
    VERSION = 1,
    MAX_FIELDS = 5,
};

struct ledger *ledger_create(void)
{
    return calloc(1, sizeof(struct ledger));
}

void ledger_destroy(struct ledger *ledger)
{
    if (!ledger)
        return;
    for (int id = 0; id < NR_CLAUSES; id++) {
        free(ledger->first_evaluated[id]);
        free(ledger->first_false[id]);
    }
    free(ledger);
}

/* --- counting --- */

/* A count that is full stays so. */
static void add(uint64_t *sum, uint64_t n)
{
    *sum = *sum > UINT64_MAX - n ? UINT64_MAX : *sum + n;
}

static bool assumed(const struct lockstep_stats *stats, enum clause_id id)
{
    return stats->ghost_assumed && CLAUSES[id].sees == CLAUSE_SEES_GHOST;
}

void ledger_add_stats(struct ledger *ledger, const struct lockstep_stats *stats)
{
    add(&ledger->runs, 1);
    add(&ledger->programs, stats->programs);
    for (int op = 0; op < NR_OPS; op++) {
        for (int id = 0; id < NR_CLAUSES; id++) {
            const enum clause_id clause_id = (enum clause_id)id;

            if (assumed(stats, clause_id))
                continue;
            add(&ledger->evaluated[op][id],
                lockstep_stats_evaluated(stats, (enum op)op, clause_id));
            add(&ledger->decided[op][id], stats->decided[op][id]);
        }
        /* A step that ends the process is not among those that are counted as executed. */
        add(&ledger->evaluated[op][CLAUSE_exec__process], stats->decided[op][CLAUSE_exec__process]);
    }
}

static bool note(char **first, const char *path)
{
    if (!*first)
        *first = strdup(path);
    return *first;
}

bool ledger_note_evaluated(struct ledger *ledger, enum clause_id id, const char *path)
{
    return note(&ledger->first_evaluated[id], path);
}

bool ledger_note_false(struct ledger *ledger, enum clause_id id, const char *path)
{
    return note(&ledger->first_false[id], path);
}

uint64_t ledger_evaluated(const struct ledger *ledger, enum clause_id id)
{
    uint64_t n = 0;

    for (int op = 0; op < NR_OPS; op++)
        add(&n, ledger->evaluated[op][id]);
    return n;
}

uint64_t ledger_decided(const struct ledger *ledger, enum clause_id id)
{
    uint64_t n = 0;

    for (int op = 0; op < NR_OPS; op++)
        add(&n, ledger->decided[op][id]);
    return n;
}

/* Takes the names out of `ledger` where `sum` has none. */
static void add_first(char **sum, char **first)
{
    if (*sum)
        return;
    *sum = *first;
    *first = NULL;
}

static void add_ledger(struct ledger *sum, struct ledger *ledger)
{
    add(&sum->runs, ledger->runs);
    add(&sum->programs, ledger->programs);
    for (int op = 0; op < NR_OPS; op++) {
        for (int id = 0; id < NR_CLAUSES; id++) {
            add(&sum->evaluated[op][id], ledger->evaluated[op][id]);
            add(&sum->decided[op][id], ledger->decided[op][id]);
        }
    }
    for (int id = 0; id < NR_CLAUSES; id++) {
        add_first(&sum->first_evaluated[id], &ledger->first_evaluated[id]);
        add_first(&sum->first_false[id], &ledger->first_false[id]);
    }
}

/* --- reading --- */

struct reader {
    const char *path;
    FILE *file;
    char *line; /* without its end */
    size_t capacity;
    uint64_t nr_lines;
    char *error;
    size_t error_size;
};

/* One line about the line that was read last. */
__attribute__((format(printf, 2, 3))) static bool refuse(struct reader *reader, const char *format,
                                                         ...)
{
    va_list arguments;
    int n = snprintf(reader->error, reader->error_size, "%s:%" PRIu64 ": ", reader->path,
                     reader->nr_lines);

    if (n < 0 || (size_t)n >= reader->error_size)
        return false;
    va_start(arguments, format);
    vsnprintf(reader->error + n, reader->error_size - (size_t)n, format, arguments);
    va_end(arguments);
    return false;
}

/* False at the end, and on a line that has none: it was cut short. */
static bool next_line(struct reader *reader)
{
    const ssize_t size = getline(&reader->line, &reader->capacity, reader->file);

    reader->nr_lines++;
    if (size <= 0 || reader->line[size - 1] != '\n' || strlen(reader->line) != (size_t)size)
        return refuse(reader, "%s",
                      size <= 0 || reader->line[size - 1] != '\n' ? "the ledger is cut short"
                                                                  : "a zero byte");
    reader->line[size - 1] = '\0';
    return true;
}

static int split(char *line, char *fields[MAX_FIELDS])
{
    int n = 0;

    while (n < MAX_FIELDS) {
        fields[n++] = line;
        line = strchr(line, '\t');
        if (!line)
            return n;
        *line++ = '\0';
    }
    return MAX_FIELDS + 1;
}

static bool parse_number(struct reader *reader, const char *text, uint64_t *n)
{
    char *end;

    errno = 0;
    *n = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0)
        return true;
    return refuse(reader, "`%.40s` is no number", text);
}

static bool parse_clause(struct reader *reader, const char *name, int *id)
{
    for (*id = 0; *id < NR_CLAUSES; (*id)++)
        if (strcmp(CLAUSES[*id].id, name) == 0)
            return true;
    return refuse(reader, "no clause `%.80s` here; the ledger is from another slotcheck", name);
}

static bool parse_operation(struct reader *reader, const char *name, int *op)
{
    for (*op = 0; *op < NR_OPS; (*op)++)
        if (strcmp(OPS[*op].name, name) == 0)
            return true;
    return refuse(reader, "no operation `%.80s` here; the ledger is from another slotcheck", name);
}

/* In place. */
static void unescape(char *text)
{
    char *to = text;

    for (; *text; text++) {
        if (*text == '\\' && text[1]) {
            text++;
            *to++ = (char)(*text == 't' ? '\t' : *text == 'n' ? '\n' : *text);
        } else {
            *to++ = *text;
        }
    }
    *to = '\0';
}

static bool parse_path(struct reader *reader, char *text, char **first)
{
    unescape(text);
    if (*text == '\0' || note(first, text))
        return true;
    return refuse(reader, "no memory");
}

static bool parse_count(struct reader *reader, char *fields[MAX_FIELDS], struct ledger *ledger)
{
    uint64_t evaluated, decided;
    int id, op;

    if (!parse_clause(reader, fields[1], &id) || !parse_operation(reader, fields[2], &op) ||
        !parse_number(reader, fields[3], &evaluated) || !parse_number(reader, fields[4], &decided))
        return false;
    if (decided > evaluated)
        return refuse(reader, "decided more often than evaluated");
    add(&ledger->evaluated[op][id], evaluated);
    add(&ledger->decided[op][id], decided);
    return true;
}

/* A line between the first and the last one. */
static bool parse_line(struct reader *reader, char *fields[MAX_FIELDS], int nr_fields,
                       struct ledger *ledger)
{
    uint64_t n;
    int id;

    if (strcmp(fields[0], "count") == 0 && nr_fields == 5)
        return parse_count(reader, fields, ledger);
    if (strcmp(fields[0], "clause") == 0 && nr_fields == 4)
        return parse_clause(reader, fields[1], &id) &&
               parse_path(reader, fields[2], &ledger->first_evaluated[id]) &&
               parse_path(reader, fields[3], &ledger->first_false[id]);
    if (strcmp(fields[0], "runs") == 0 && nr_fields == 3) {
        if (!parse_number(reader, fields[1], &n))
            return false;
        add(&ledger->runs, n);
        if (!parse_number(reader, fields[2], &n))
            return false;
        add(&ledger->programs, n);
        return true;
    }
    return refuse(reader, "neither runs, clause, count nor end, or not with its fields");
}

static bool parse_end(struct reader *reader, char *fields[MAX_FIELDS], int nr_fields)
{
    uint64_t nr_lines;

    if (nr_fields != 2)
        return refuse(reader, "the last line is `end` and the number of lines before it");
    if (!parse_number(reader, fields[1], &nr_lines))
        return false;
    if (nr_lines != reader->nr_lines - 1)
        return refuse(reader, "%" PRIu64 " lines stood before this one, and %" PRIu64 " are there",
                      nr_lines, reader->nr_lines - 1);
    if (fgetc(reader->file) == EOF)
        return true;
    reader->nr_lines++;
    return refuse(reader, "something behind the last line");
}

static bool parse_ledger(struct reader *reader, struct ledger *ledger)
{
    char *fields[MAX_FIELDS];
    uint64_t version;

    if (!next_line(reader) || !parse_number(reader, reader->line + strlen(HEADER), &version))
        return false;
    if (version != VERSION)
        return refuse(reader, "version %" PRIu64 "; this slotcheck knows %d", version, VERSION);
    while (next_line(reader)) {
        const int nr_fields = split(reader->line, fields);

        if (strcmp(fields[0], "end") == 0)
            return parse_end(reader, fields, nr_fields);
        if (!parse_line(reader, fields, nr_fields, ledger))
            return false;
    }
    return false;
}

static bool read_statistics(struct reader *reader, struct ledger *ledger)
{
    struct fuzz_stats *stats = malloc(sizeof(*stats));
    bool ok;

    if (!stats)
        return refuse(reader, "no memory");
    ok = fread(stats, sizeof(*stats), 1, reader->file) == 1 && stats->size == sizeof(*stats) &&
         stats->names == fuzz_stats_names() && fgetc(reader->file) == EOF;
    if (ok)
        ledger_add_stats(ledger, &stats->stats);
    else
        snprintf(reader->error, reader->error_size, "%s: statistics of another slotcheck",
                 reader->path);
    free(stats);
    return ok;
}

static bool read_either(struct reader *reader, struct ledger *ledger)
{
    union {
        uint64_t magic;
        char text[sizeof(HEADER) - 1];
    } begin = {0};
    const size_t size = fread(&begin, 1, sizeof(begin), reader->file);

    if (ferror(reader->file) || fseek(reader->file, 0, SEEK_SET) != 0) {
        snprintf(reader->error, reader->error_size, "%s: %s", reader->path,
                 errno == ESPIPE ? "not a file" : strerror(errno));
        return false;
    }
    if (size >= sizeof(begin.magic) && begin.magic == FUZZ_STATS_MAGIC)
        return read_statistics(reader, ledger);
    if (size >= sizeof(begin.text) && memcmp(begin.text, HEADER, sizeof(begin.text)) == 0)
        return parse_ledger(reader, ledger);
    reader->nr_lines = 1;
    return refuse(reader, "neither a ledger nor the statistics of a fuzz target");
}

bool ledger_read(const char *path, struct ledger *sum, char *error, size_t error_size)
{
    struct reader reader = {.path = path, .error = error, .error_size = error_size};
    struct ledger *ledger = ledger_create();
    bool ok = false;

    snprintf(error, error_size, "no memory");
    reader.file = fopen(path, "rb");
    if (!reader.file)
        snprintf(error, error_size, "%s: %s", path, strerror(errno));
    else if (ledger)
        ok = read_either(&reader, ledger);
    if (ok)
        add_ledger(sum, ledger);
    if (reader.file)
        fclose(reader.file);
    free(reader.line);
    ledger_destroy(ledger);
    return ok;
}

/* --- writing --- */

static void print_path(FILE *out, const char *path)
{
    for (; path && *path; path++) {
        if (*path == '\t')
            fputs("\\t", out);
        else if (*path == '\n')
            fputs("\\n", out);
        else if (*path == '\\')
            fputs("\\\\", out);
        else
            fputc(*path, out);
    }
}

static uint64_t print_clause(const struct ledger *ledger, int id, FILE *out)
{
    uint64_t nr_lines = 0;

    if (ledger->first_evaluated[id] || ledger->first_false[id]) {
        fprintf(out, "clause\t%s\t", CLAUSES[id].id);
        print_path(out, ledger->first_evaluated[id]);
        fputc('\t', out);
        print_path(out, ledger->first_false[id]);
        fputc('\n', out);
        nr_lines++;
    }
    for (int op = 0; op < NR_OPS; op++) {
        if (ledger->evaluated[op][id] == 0)
            continue;
        fprintf(out, "count\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\n", CLAUSES[id].id, OPS[op].name,
                ledger->evaluated[op][id], ledger->decided[op][id]);
        nr_lines++;
    }
    return nr_lines;
}

void ledger_print(const struct ledger *ledger, FILE *out)
{
    uint64_t nr_lines = 2;

    fprintf(out, HEADER "%d\nruns\t%" PRIu64 "\t%" PRIu64 "\n", VERSION, ledger->runs,
            ledger->programs);
    for (int id = 0; id < NR_CLAUSES; id++)
        nr_lines += print_clause(ledger, id, out);
    fprintf(out, "end\t%" PRIu64 "\n", nr_lines);
}

static bool write_temporary(const char *temporary, const char *path, const struct ledger *ledger)
{
    FILE *file = fopen(temporary, "wb");
    bool ok;

    if (!file)
        return false;
    ledger_print(ledger, file);
    ok = fflush(file) == 0 && !ferror(file) && fsync(fileno(file)) == 0;
    if (fclose(file) == 0 && ok && rename(temporary, path) == 0)
        return true;

    const int why = errno;

    unlink(temporary);
    errno = why;
    return false;
}

/* A device or a pipe cannot be replaced by a file. */
static bool is_no_file(const char *path, struct stat *status)
{
    return stat(path, status) == 0 && !S_ISREG(status->st_mode);
}

/* What is written first, beside `path`; false with errno set. */
static bool name_temporary(const char *path, char *temporary, size_t size)
{
    if (snprintf(temporary, size, "%s.%ld.tmp", path, (long)getpid()) < (int)size)
        return true;
    errno = ENAMETOOLONG;
    return false;
}

static bool cannot_write(const char *path, const char *why, char *error, size_t error_size)
{
    snprintf(error, error_size, "%s: %s", path, why);
    return false;
}

/* A missing file, an empty one, or a ledger. */
static bool may_be_replaced(const char *path, char *error, size_t error_size)
{
    char begin[sizeof(HEADER) - 1];
    FILE *file = fopen(path, "rb");
    size_t size;

    if (!file)
        return errno == ENOENT || cannot_write(path, strerror(errno), error, error_size);
    size = fread(begin, 1, sizeof(begin), file);
    fclose(file);
    if (size != 0 && (size < sizeof(begin) || memcmp(begin, HEADER, sizeof(begin)) != 0))
        return cannot_write(path, "there is a file that is no ledger", error, error_size);
    return true;
}

bool ledger_can_write(const char *path, char *error, size_t error_size)
{
    char temporary[4096];
    struct stat status;
    FILE *file;

    if (is_no_file(path, &status))
        return cannot_write(path, "not a regular file", error, error_size);
    if (!may_be_replaced(path, error, error_size))
        return false;
    file = name_temporary(path, temporary, sizeof(temporary)) ? fopen(temporary, "wb") : NULL;
    if (!file)
        return cannot_write(path, strerror(errno), error, error_size);
    fclose(file);
    remove(temporary);
    return true;
}

bool ledger_write(const char *path, const struct ledger *ledger)
{
    char temporary[4096];
    struct stat status;

    if (is_no_file(path, &status)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
        return false;
    }
    return name_temporary(path, temporary, sizeof(temporary)) &&
           write_temporary(temporary, path, ledger);
}
