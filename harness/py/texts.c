/* SPDX-License-Identifier: MPL-2.0 */
/* What is printed to a stream elsewhere, as texts for Python; see binding.h. */
#include <stdlib.h>

#include "binding.h"

/* A stream that ends in a text; null: there is no memory. */
struct text {
    FILE *out;
    char *bytes;
    size_t size;
};

static bool text_begin(struct text *text)
{
    text->bytes = NULL;
    text->out = open_memstream(&text->bytes, &text->size);
    return text->out != NULL;
}

static char *text_end(struct text *text)
{
    if (fclose(text->out) == 0)
        return text->bytes;
    free(text->bytes);
    return NULL;
}

char *program_text(const struct program *program)
{
    struct text text;

    if (!text_begin(&text))
        return NULL;
    program_print(program, text.out);
    return text_end(&text);
}

char *operand_text(enum operand_kind kind, uint16_t operand)
{
    struct text text;

    if (!text_begin(&text))
        return NULL;
    operand_print(kind, operand, text.out);
    return text_end(&text);
}

char *divergence_text(const struct program *program, const struct trace *trace, const char *replay)
{
    struct text text;

    if (!text_begin(&text))
        return NULL;
    divergence_explain(text.out, program, trace, replay);
    return text_end(&text);
}

char *summary_text(const struct divergence *divergence)
{
    struct text text;

    if (!text_begin(&text))
        return NULL;
    divergence_summary(text.out, divergence);
    return text_end(&text);
}
