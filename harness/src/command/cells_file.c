/* SPDX-License-Identifier: MPL-2.0 */
/* Files of cells: what a search has reached, for others to be measured by. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

static const char HEADER[] = "slotcheck cells 1:";

static int compare_texts(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* --- writing --- */

typedef char cell_line[CELL_TEXT_SIZE];

/* The cells of the set as texts, in order; null if there is no memory. */
static cell_line *sorted_texts(const struct cell_set *set)
{
    cell_line *texts = calloc(set->nr + 1, sizeof(*texts));
    size_t n = 0;

    if (!texts)
        return NULL;
    for (size_t i = 0; i < CELL_SET_CAPACITY; i++)
        if (set->cells[i])
            cell_text(set->cells[i], texts[n++], sizeof(*texts));
    qsort(texts, n, sizeof(*texts), compare_texts);
    return texts;
}

static void print_header(FILE *out, const struct scope *scope, unsigned depth)
{
    const char *separator = " ";

    fprintf(out, "%s %" PRIu64 " slots, depth %u, operations", HEADER, scope->nr_slots, depth);
    for (int op = 0; op < NR_OPS; op++) {
        if (!scope->ops[op])
            continue;
        fprintf(out, "%s%s", separator, OPS[op].name);
        separator = ",";
    }
    fputc('\n', out);
}

bool cells_write(const char *path, const struct cell_set *set, const struct scope *scope,
                 unsigned depth)
{
    cell_line *texts = sorted_texts(set);
    char *text = NULL;
    size_t size = 0;
    FILE *out = texts ? open_memstream(&text, &size) : NULL;
    bool ok;

    if (!out) {
        free(texts);
        complain(EXIT_INTERNAL, "no memory");
        return false;
    }
    print_header(out, scope, depth);
    for (uint64_t i = 0; i < set->nr; i++)
        fprintf(out, "%s\n", texts[i]);
    ok = fclose(out) == 0 && file_write(path, text, size);
    free(text);
    free(texts);
    return ok;
}

/* --- reading --- */

/* Cuts the text at its line ends. False if there is no memory. */
static bool cut(struct cell_lines *lines, char *text, size_t size)
{
    size_t nr = 0;

    for (size_t i = 0; i < size; i++)
        nr += text[i] == '\n';
    lines->text = text;
    lines->lines = calloc(nr + 1, sizeof(*lines->lines));
    if (!lines->lines)
        return false;
    for (char *next = text, *end; (end = memchr(next, '\n', size - (size_t)(next - text)));
         next = end + 1) {
        *end = '\0';
        lines->lines[lines->nr++] = next;
    }
    return true;
}

/* The first line that is out of order, from 1; 0 if there is none. */
static size_t first_unordered(const struct cell_lines *lines)
{
    for (size_t i = 2; i < lines->nr; i++)
        if (strcmp(lines->lines[i - 1], lines->lines[i]) >= 0)
            return i + 1;
    return 0;
}

static bool check(const char *path, const struct cell_lines *lines)
{
    const size_t unordered = first_unordered(lines);

    if (lines->nr < 2 || strncmp(lines->lines[0], HEADER, strlen(HEADER)) != 0) {
        complain(EXIT_USAGE, "%s:1: not what `slotcheck exhaust --cells` of this version writes",
                 path);
        return false;
    }
    if (unordered)
        complain(EXIT_USAGE, "%s:%zu: this cell is not behind the one before", path, unordered);
    return !unordered;
}

bool cell_lines_read(const char *path, struct cell_lines *lines)
{
    size_t size = 0;
    char *text = (char *)file_read(path, &size);

    *lines = (struct cell_lines){0};
    if (!text)
        return false;
    if (size == 0 || text[size - 1] != '\n') {
        complain(EXIT_USAGE, "%s: byte %zu: the file is cut short", path, size);
        free(text);
        return false;
    }
    if (!cut(lines, text, size))
        complain(EXIT_INTERNAL, "no memory");
    else if (check(path, lines))
        return true;
    cell_lines_free(lines);
    return false;
}

void cell_lines_free(struct cell_lines *lines)
{
    free(lines->text);
    free(lines->lines);
    *lines = (struct cell_lines){0};
}

size_t cell_lines_nr(const struct cell_lines *lines)
{
    return lines->nr - 1;
}

/* --- comparing --- */

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

uint64_t cell_lines_seen(const struct cell_lines *lines, const struct cell_set *set)
{
    uint64_t seen = 0;

    for (size_t i = 0; i < CELL_SET_CAPACITY; i++) {
        char text[CELL_TEXT_SIZE];
        char *key = text;

        if (!set->cells[i])
            continue;
        cell_text(set->cells[i], text, sizeof(text));
        seen += bsearch(&key, lines->lines + 1, cell_lines_nr(lines), sizeof(key), compare_lines) !=
                NULL;
    }
    return seen;
}
