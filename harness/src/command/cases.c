/* SPDX-License-Identifier: MPL-2.0 */
/* The files that a command is given, folders gone through. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"

error_t parse_files(int key, struct argp_state *state, struct files *files)
{
    switch (key) {
    case ARGP_KEY_ARG:
        return ARGP_ERR_UNKNOWN; /* all of them come as ARGP_KEY_ARGS */
    case ARGP_KEY_ARGS:
        files->paths = state->argv + state->next;
        files->nr = state->argc - state->next;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_failure(state, EXIT_USAGE, 0, "no file given");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

error_t parse_file(int key, char *argument, struct argp_state *state, const char **path)
{
    switch (key) {
    case ARGP_KEY_ARG:
        if (*path)
            argp_failure(state, EXIT_USAGE, 0, "one file at a time");
        *path = argument;
        return 0;
    case ARGP_KEY_END:
        if (!*path)
            argp_failure(state, EXIT_USAGE, 0, "no file given");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool cases_add(struct cases *cases, const char *path)
{
    if (cases->nr == cases->capacity) {
        const size_t capacity = cases->capacity ? cases->capacity * 2 : 64;
        char **paths = realloc(cases->paths, capacity * sizeof(*paths));

        if (!paths)
            return false;
        cases->paths = paths;
        cases->capacity = capacity;
    }
    cases->paths[cases->nr] = strdup(path);
    return cases->paths[cases->nr] && ++cases->nr;
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

bool cases_collect(struct cases *cases, const char *path)
{
    struct dirent **entries;
    struct stat status;
    bool ok = true;
    int n;

    if (strcmp(path, "-") == 0)
        return cases_add(cases, path);
    if (stat(path, &status) != 0) {
        complain(EXIT_USAGE, "%s: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISDIR(status.st_mode))
        return cases_add(cases, path);
    n = scandir(path, &entries, not_hidden, alphasort);
    if (n < 0) {
        complain(EXIT_USAGE, "%s: %s", path, strerror(errno));
        return false;
    }
    for (int i = 0; i < n; i++) {
        char inner[4096];

        snprintf(inner, sizeof(inner), "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/",
                 entries[i]->d_name);
        ok = ok && cases_collect(cases, inner);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

void cases_free(struct cases *cases)
{
    for (size_t i = 0; i < cases->nr; i++)
        free(cases->paths[i]);
    free(cases->paths);
}
