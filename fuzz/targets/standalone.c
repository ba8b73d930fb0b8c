/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A main() for the targets without an engine: runs them over files and, recursively, folders. Any
 * compiler builds it. What an engine would find ends the process here too.
 *
 *     lockstep corpus/ case...
 *
 * One line a path given: inputs, and how many of them the target did not take. Exit status 2 if
 * something cannot be read, or if none of the inputs was taken.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "target.h"

static struct {
    unsigned long long inputs, not_taken; /* of one path */
    bool some_taken, some_not_taken, unreadable;
} counts;

static void complain(const char *path)
{
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    counts.unreadable = true;
}

/* The whole file, in memory of exactly its size: a sanitizer then sees every byte too far. */
static uint8_t *read_all(FILE *file, size_t *size)
{
    if (fseek(file, 0, SEEK_END) != 0)
        return NULL;
    long end = ftell(file);
    if (end < 0 || fseek(file, 0, SEEK_SET) != 0)
        return NULL;
    uint8_t *bytes = malloc(end == 0 ? 1 : (size_t)end);
    *size = (size_t)end;
    if (bytes != NULL && fread(bytes, 1, *size, file) != *size) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t size = 0;
    uint8_t *bytes = file == NULL ? NULL : read_all(file, &size);
    if (bytes == NULL) {
        complain(path);
    } else {
        counts.inputs++;
        counts.not_taken += LLVMFuzzerTestOneInput(bytes, size) != 0;
    }
    free(bytes);
    if (file != NULL)
        (void)fclose(file);
}

static void run_folder(const char *path);

/* A link to a folder is left out, so that nobody goes round in a circle. */
static void run_entry(const char *folder, const char *name)
{
    struct stat link, status;
    char *path = malloc(strlen(folder) + strlen(name) + 2);
    if (path == NULL)
        abort();
    sprintf(path, "%s/%s", folder, name);
    if (lstat(path, &link) != 0 || stat(path, &status) != 0)
        complain(path);
    else if (S_ISREG(status.st_mode))
        run_file(path);
    else if (S_ISDIR(link.st_mode))
        run_folder(path);
    free(path);
}

/* Not nftw: MSan does not know that it has written what it hands over. */
static void run_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        complain(path);
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            run_entry(path, entry->d_name);
    }
    closedir(folder);
}

static void run_path(const char *path)
{
    struct stat status;
    counts.inputs = 0;
    counts.not_taken = 0;
    if (stat(path, &status) != 0) {
        complain(path);
        return;
    }
    if (S_ISDIR(status.st_mode))
        run_folder(path);
    else
        run_file(path);
    printf("%s: %llu inputs", path, counts.inputs);
    if (counts.not_taken != 0)
        printf(", %llu of them not taken", counts.not_taken);
    printf("\n");
    counts.some_taken |= counts.inputs > counts.not_taken;
    counts.some_not_taken |= counts.not_taken != 0;
}

/* The exit status. */
static int conclude(void)
{
    if (counts.some_not_taken)
        fprintf(stderr, "not taken: texts, which ./slotcheck pack turns into inputs, and programs "
                        "that the target cannot run\n");
    return counts.unreadable || (counts.some_not_taken && !counts.some_taken) ? 2 : 0;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '-') {
        fprintf(stderr, "usage: %s FILE-OR-FOLDER...\n", argv[0]);
        return 2;
    }
    if (LLVMFuzzerInitialize != NULL)
        LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        run_path(argv[i]);
    return conclude();
}
