/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The counters that the compiler puts into instrumented code, one byte for each edge. Code that is
 * compiled with -fsanitize-coverage=inline-8bit-counters announces them here, before main begins or
 * when its library is loaded, instead of to an engine.
 */
#include <stdlib.h>
#include <string.h>

#include "features.h"

enum {
    MAX_MODULES = 64,
};

static struct module {
    uint8_t *begin, *end;
} modules[MAX_MODULES];
static size_t nr_modules;

void __sanitizer_cov_8bit_counters_init(uint8_t *begin, uint8_t *end);

/* A module announces itself once for each of its source files. */
static bool is_known(const uint8_t *begin)
{
    for (size_t i = 0; i < nr_modules; i++)
        if (modules[i].begin == begin)
            return true;
    return false;
}

void __sanitizer_cov_8bit_counters_init(uint8_t *begin, uint8_t *end)
{
    if (begin == end || is_known(begin) || nr_modules == MAX_MODULES)
        return;
    modules[nr_modules++] = (struct module){begin, end};
}

void edges_forget(void)
{
    nr_modules = 0;
}

size_t edges_nr(void)
{
    size_t nr = 0;

    for (size_t i = 0; i < nr_modules; i++)
        nr += (size_t)(modules[i].end - modules[i].begin);
    return nr;
}

void edges_clear(void)
{
    for (size_t i = 0; i < nr_modules; i++)
        memset(modules[i].begin, 0, (size_t)(modules[i].end - modules[i].begin));
}

void edges_visit(edges_hit_fn *hit, void *context)
{
    size_t edge = 0;

    for (size_t i = 0; i < nr_modules; i++)
        for (const uint8_t *counter = modules[i].begin; counter < modules[i].end; counter++, edge++)
            if (*counter)
                hit(context, edge, *counter);
}
