/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Packs texts of programs into the bytes that targets read, without what the slotcheck command
 * needs: where fleets build, there is no more than a compiler.
 *
 *     pack_seeds FOLDER TEXT...      FOLDER/name for each .../name.txt
 *
 * What cannot be read or written is one line on stderr and exit status 2.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slotcheck/program.h"

enum {
    EXIT_WRONG_USE = 2,
    MAX_TEXT = 1 << 20, /* no seed is that long */
    MAX_PATH = 4096,
};

__attribute__((format(printf, 1, 2))) _Noreturn static void give_up(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("pack_seeds: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_WRONG_USE);
}

static size_t read_text(const char *path, char *text)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        give_up("%s: %s", path, strerror(errno));
    size_t size = fread(text, 1, MAX_TEXT, file);
    if (ferror(file))
        give_up("%s: %s", path, strerror(errno));
    if (size == MAX_TEXT)
        give_up("%s: too long for a seed", path);
    fclose(file);
    return size;
}

/* FOLDER/name of .../name.txt. */
static void packed_path(char *packed, const char *folder, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    const char *end = strrchr(name, '.');
    int name_size = end == NULL ? (int)strlen(name) : (int)(end - name);
    int size = snprintf(packed, MAX_PATH, "%s/%.*s", folder, name_size, name);
    if (size < 0 || size >= MAX_PATH)
        give_up("%s: the path is too long", path);
}

static void write_program(const char *path, const struct program *program)
{
    size_t size = program_encoded_size(program);
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL)
        give_up("no memory");
    program_encode(program, bytes);
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        give_up("%s: %s", path, strerror(errno));
    /* Only fclose may say that the disk is full. */
    if (fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        give_up("%s: %s", path, strerror(errno));
    free(bytes);
}

static void pack(const char *folder, const char *path)
{
    static char text[MAX_TEXT];
    char packed[MAX_PATH];
    struct program program;
    struct program_error error;
    program_init(&program);
    if (!program_parse(&program, text, read_text(path, text), &error))
        give_up("%s:%u:%u: %s", path, error.line, error.column, error.message);
    packed_path(packed, folder, path);
    write_program(packed, &program);
    program_free(&program);
}

int main(int argc, char **argv)
{
    if (argc < 3 || argv[1][0] == '-') {
        fprintf(stderr, "usage: %s FOLDER TEXT...\n", argv[0]);
        return EXIT_WRONG_USE;
    }
    for (int i = 2; i < argc; i++)
        pack(argv[1], argv[i]);
    return 0;
}
