/* SPDX-License-Identifier: MPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"

enum {
    /* No program is this long; what is was not meant to be one. */
    MAX_CASE_SIZE = 64 << 20,
};

/* --- reading --- */

static bool read_all(FILE *file, uint8_t **bytes, size_t *size)
{
    size_t capacity = 0;

    *bytes = NULL;
    *size = 0;
    do {
        if (*size == capacity) {
            capacity = capacity ? capacity * 2 : 4096;
            uint8_t *grown = realloc(*bytes, capacity);
            if (!grown) {
                errno = ENOMEM;
                return false;
            }
            *bytes = grown;
        }
        *size += fread(*bytes + *size, 1, capacity - *size, file);
        if (*size > MAX_CASE_SIZE) {
            errno = EFBIG;
            return false;
        }
    } while (!feof(file) && !ferror(file));
    return !ferror(file);
}

/*
 * What an engine makes up is read whatever its first byte is; what somebody hands over as a file was
 * meant to be a program, or was not.
 */
static const char *no_program(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return "the file is empty";
    if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        return "a text that begins with a byte order mark; take it away";
    if (size >= 4 && memcmp(bytes,
                            "\x7f"
                            "ELF",
                            4) == 0)
        return "an executable or a library is no program for slotcheck";
    return NULL;
}

static bool interpret(const char *path, const uint8_t *bytes, size_t size, struct program *program)
{
    struct program_error error;

    if (no_program(bytes, size)) {
        complain(EXIT_USAGE, "%s: byte 0: %s", path, no_program(bytes, size));
        return false;
    }
    if (program_is_text(bytes, size)) {
        if (program_parse(program, (const char *)bytes, size, &error))
            return true;
        complain(EXIT_USAGE, "%s:%u:%u: %s", path, error.line, error.column, error.message);
        return false;
    }
    if (!program_decode(program, bytes, size)) {
        complain(EXIT_INTERNAL, "%s: no memory", path);
        return false;
    }
    if (program_format(program) > PROGRAM_FORMAT) {
        complain(EXIT_USAGE, "%s: byte 0: program format %u is newer than this slotcheck (%d)",
                 path, program_format(program), PROGRAM_FORMAT);
        return false;
    }
    return true;
}

uint8_t *file_read(const char *path, size_t *size)
{
    const bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rb");
    uint8_t *bytes = NULL;

    if (!file || !read_all(file, &bytes, size)) {
        complain(EXIT_USAGE, "%s: %s", path, strerror(errno));
        free(bytes);
        bytes = NULL;
    }
    if (file && !standard)
        fclose(file);
    return bytes;
}

bool case_read(const char *path, struct program *program)
{
    size_t size = 0;
    uint8_t *bytes = file_read(path, &size);
    const bool ok = bytes && interpret(path, bytes, size, program);

    free(bytes);
    return ok;
}

/* --- writing --- */

bool is_folder(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return false;
    if (S_ISDIR(status.st_mode))
        return true;
    errno = ENOTDIR;
    return false;
}

static bool write_file(const char *temporary, const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(temporary, "wb");

    if (!file)
        return false;

    const bool written =
        fwrite(bytes, 1, size, file) == size && fflush(file) == 0 && fsync(fileno(file)) == 0;

    if (fclose(file) == 0 && written && rename(temporary, path) == 0)
        return true;

    const int why = errno;

    unlink(temporary);
    errno = why;
    return false;
}

bool file_write(const char *path, const void *bytes, size_t size)
{
    char temporary[4096];
    struct stat status;

    if (!path || strcmp(path, "-") == 0)
        return fwrite(bytes, 1, size, stdout) == size;
    if (snprintf(temporary, sizeof(temporary), "%s.%ld.tmp", path, (long)getpid()) >=
        (int)sizeof(temporary)) {
        complain(EXIT_USAGE, "%s: the path is too long", path);
        return false;
    }
    /* A device or a pipe cannot be replaced by a file. */
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        complain(EXIT_USAGE, "%s: not a file", path);
        return false;
    }
    if (write_file(temporary, path, bytes, size))
        return true;
    complain(EXIT_USAGE, "%s: %s", path, strerror(errno));
    return false;
}

/* --- arguments --- */

bool parse_slots(const char *text, uint64_t *nr_slots)
{
    struct program program;
    char *end;

    errno = 0;
    *nr_slots = strtoull(text, &end, 10);
    program_init(&program);
    if (errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' &&
        program_set_slots(&program, *nr_slots))
        return true;
    complain(EXIT_USAGE, "--slots %s: not 1..240, nor a power of two up to 8388608", text);
    return false;
}

unsigned parse_number(struct argp_state *state, const char *option, const char *text,
                      unsigned long max, const char *unit)
{
    char *end;
    const unsigned long number = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || number == 0 || number > max)
        argp_failure(state, EXIT_USAGE, 0, "--%s %s: not 1..%lu%s%s", option, text, max,
                     *unit ? " " : "", unit);
    return (unsigned)number;
}

/* What a number of that unit is multiplied with; 0: it is none. */
static double seconds_of(const char *unit)
{
    static const char UNITS[] = "smhd";
    static const double SECONDS[] = {1, 60, 3600, 86400};
    const char *at = *unit ? strchr(UNITS, *unit) : UNITS;

    return at && (*unit == '\0' || unit[1] == '\0') ? SECONDS[at - UNITS] : 0;
}

double parse_duration(struct argp_state *state, const char *option, const char *text)
{
    const size_t digits = strspn(text, "0123456789");
    size_t size = digits;
    double seconds;

    /* strtod would take more than what is a number here. */
    if (text[digits] == '.')
        size += 1 + strspn(text + digits + 1, "0123456789");
    seconds = strtod(text, NULL) * seconds_of(text + size);
    if (digits == 0 || text[size - 1] == '.' || seconds <= 0 || seconds > 365 * 86400.0)
        argp_failure(state, EXIT_USAGE, 0,
                     "--%s %s: no time up to 365d; examples: 60 (seconds), 10m, 8h", option, text);
    return seconds;
}

unsigned parse_timeout(struct argp_state *state, const char *text)
{
    return parse_number(state, "timeout", text, 86400, "seconds");
}

enum spec_variant parse_variant(struct argp_state *state, const char *text)
{
    if (strcmp(text, "ostd") != 0 && strcmp(text, "vostd") != 0)
        argp_failure(state, EXIT_USAGE, 0, "--spec %s: neither ostd nor vostd", text);
    return strcmp(text, "vostd") == 0 ? SPEC_VOSTD : SPEC_OSTD;
}
