/* SPDX-License-Identifier: MPL-2.0 */
#include "fuzz_findings.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* FNV-1a. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return hash;
}

static struct known_finding *find_known(const struct fuzz_findings *findings, const char *signature)
{
    uint64_t hash = hash_of(signature);
    for (size_t i = 0; i < findings->nr_known; i++) {
        if (findings->known[i].signature_hash == hash)
            return &findings->known[i];
    }
    return NULL;
}

bool fuzz_findings_wants(const struct fuzz_findings *findings, const char *signature, size_t size)
{
    const struct known_finding *known = find_known(findings, signature);
    return known == NULL || size < known->size;
}

static bool remember(struct fuzz_findings *findings, const char *signature, size_t size)
{
    struct known_finding *known = find_known(findings, signature);
    if (known != NULL) {
        known->size = size;
        return true;
    }
    if (findings->nr_known == findings->capacity) {
        size_t capacity = findings->capacity == 0 ? 64 : findings->capacity * 2;
        struct known_finding *grown = realloc(findings->known, capacity * sizeof(*grown));
        if (grown == NULL)
            return false;
        findings->known = grown;
        findings->capacity = capacity;
    }
    findings->known[findings->nr_known++] = (struct known_finding){hash_of(signature), size};
    return true;
}

/* --- writing --- */

static bool write_file(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return false;
    /* Renamed before its bytes are on the disk, it could be empty after a power cut. */
    bool written =
        fwrite(bytes, 1, size, file) == size && fflush(file) == 0 && fsync(fileno(file)) == 0;
    int error = errno;
    /* Only fclose may still say that the disk is full. */
    if (fclose(file) != 0 && written)
        return false;
    errno = error;
    return written;
}

/* Under a name that no other process uses, then renamed: nobody ever sees half a case. */
static bool replace_file(const char *path, const uint8_t *bytes, size_t size)
{
    char temporary[PATH_MAX];
    int length = snprintf(temporary, sizeof(temporary), "%s.%ld.part", path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (write_file(temporary, bytes, size) && rename(temporary, path) == 0)
        return true;
    int error = errno;
    unlink(temporary);
    errno = error;
    return false;
}

/* An empty file is no case: it would be the shortest for ever. */
static bool shorter_one_is_there(const char *path, size_t size)
{
    struct stat status;
    return stat(path, &status) == 0 && status.st_size != 0 && (uint64_t)status.st_size <= size;
}

static bool write_program(const char *path, const struct program *program)
{
    size_t size = program_encoded_size(program);
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL)
        return false;
    program_encode(program, bytes);
    bool done = replace_file(path, bytes, size);
    int error = errno;
    free(bytes);
    errno = error;
    return done;
}

static bool name_file(char path[PATH_MAX], const struct fuzz_findings *findings,
                      const char *signature, const char *extension)
{
    int length = snprintf(path, PATH_MAX, "%s/%s.%s", findings->folder, signature, extension);
    if (length >= 0 && length < PATH_MAX)
        return true;
    errno = ENAMETOOLONG;
    return false;
}

bool fuzz_findings_add(struct fuzz_findings *findings, const char *signature,
                       const struct program *program, const struct program *input)
{
    size_t size = program_encoded_size(program);
    char case_path[PATH_MAX], input_path[PATH_MAX];
    if (!name_file(case_path, findings, signature, "case") ||
        !name_file(input_path, findings, signature, "input"))
        return false;
    if (!remember(findings, signature, size)) {
        errno = ENOMEM;
        return false;
    }
    if (shorter_one_is_there(case_path, size))
        return true;
    /* The case comes last: whoever sees it finds the input beside it. */
    return write_program(input_path, input) && write_program(case_path, program);
}
