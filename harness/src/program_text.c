/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Programs as text; program.h describes it. Printing comes first, then parsing: line by line, until
 * something is wrong. How operands are spelt stands in tables that both use.
 */
#include "slotcheck/program.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/*
 * Forms of operands, those of a kind in encoding order. The operands from `first` on stand for the
 * numbers `from`..=`to`, spelt word, sign and number; a signed 0 is spelt without sign and number.
 * A distance is different: pN+D has the number N * PADDR_NR_DISTANCES + log2 D.
 */
static const struct form {
    enum operand_kind kind;
    const char *word;
    char sign;
    uint16_t first, from, to;
} FORMS[] = {
    {OPERAND_PADDR, "p", 0, 0, 0, PADDR_OOB - 1},
    {OPERAND_PADDR, "oob", 0, PADDR_OOB, 0, PADDR_DISTANCE - PADDR_OOB - 1},
    {OPERAND_PADDR, "p", '+', PADDR_DISTANCE, 0, PADDR_OOB_DISTANCE - PADDR_DISTANCE - 1},
    {OPERAND_PADDR, "oob", '+', PADDR_OOB_DISTANCE, 0, PADDR_TOP - PADDR_OOB_DISTANCE - 1},
    {OPERAND_PADDR, "top", 0, PADDR_TOP, 0, UINT16_MAX - PADDR_TOP},
    {OPERAND_SLOT, "s", 0, 0, 0, UINT16_MAX},
    {OPERAND_FRAME, "f", 0, 0, 0, UINT8_MAX},
    {OPERAND_UNIQUE, "u", 0, 0, 0, UINT8_MAX},
    {OPERAND_FLAG, "", 0, 0, 0, UINT8_MAX},
    {OPERAND_COUNT, "", 0, 0, 0, COUNT_MAX - 1},
    {OPERAND_COUNT, "MAX", '-', COUNT_MAX, 0, COUNT_ABOVE_MAX - COUNT_MAX - 1},
    {OPERAND_COUNT, "MAX", '+', COUNT_ABOVE_MAX, 1, COUNT_BELOW_UNIQUE - COUNT_ABOVE_MAX},
    {OPERAND_COUNT, "UNIQUE", '-', COUNT_BELOW_UNIQUE, 1, UINT8_MAX - COUNT_BELOW_UNIQUE + 1},
    {OPERAND_LEVEL, "", 0, 0, 0, UINT8_MAX},
    {OPERAND_VALUE, "", 0, 0, 0, UINT8_MAX},
    {OPERAND_LIST, "l", 0, 0, 0, UINT8_MAX},
    {OPERAND_CURSOR, "c", 0, 0, 0, UINT8_MAX},
    {OPERAND_SEGMENT, "seg", 0, 0, 0, UINT8_MAX},
    {OPERAND_MAPPING, "map", 0, 0, 0, UINT8_MAX},
    {OPERAND_LENGTH, "", 0, 0, 0, LENGTH_DISTANCE - 1},
    {OPERAND_LENGTH, "", '+', LENGTH_DISTANCE, 0, LENGTH_BACK - LENGTH_DISTANCE - 1},
    {OPERAND_LENGTH, "", '-', LENGTH_BACK, 1, UINT8_MAX - LENGTH_BACK + 1},
    {OPERAND_PATH, "", 0, 0, 0, UINT8_MAX},
};

enum { NR_FORMS = sizeof(FORMS) / sizeof(FORMS[0]) };

static const char *const META_TYPES[META_NR_TYPES] = {"empty", "untyped", "link", "node", "probe"};
static const char *const USAGES[USAGE_NR] = {"reserved", "kernel", "meta", "mmio"};

/*
 * Operands spelt as one of some names and a number in brackets: number * nr_names + index of the
 * name. A number that means nothing may be left out where it is 0.
 */
static const struct naming {
    const char *const *names;
    uint16_t nr_names;
    uint16_t largest; /* operand */
    bool has_number;
} NAMINGS[NR_OPERAND_KINDS] = {
    [OPERAND_META] = {META_TYPES, META_NR_TYPES, UINT16_MAX, true},
    [OPERAND_TYPE] = {META_TYPES, META_NR_TYPES, UINT8_MAX, false},
    [OPERAND_USAGE] = {USAGES, USAGE_NR, UINT8_MAX, false},
};

/* What the text should have had where an operand of the kind is not one. */
static const char *const EXPECTED[NR_OPERAND_KINDS] = {
    [OPERAND_PADDR] = "an address: pN, oobN, topN, pN+D or oobN+D",
    [OPERAND_SLOT] = "a slot: sN",
    [OPERAND_FRAME] = "a Frame handle: fN",
    [OPERAND_UNIQUE] = "a UniqueFrame handle: uN",
    [OPERAND_META] = "metadata: empty(N), untyped(N), link(N), node(N) or probe(N)",
    [OPERAND_FLAG] = "a flag: a number, odd for true",
    [OPERAND_COUNT] = "a count: N, MAX, MAX-N, MAX+N or UNIQUE-N",
    [OPERAND_LEVEL] = "a level: a number",
    [OPERAND_VALUE] = "a value: a number",
    [OPERAND_LIST] = "a linked list: lN",
    [OPERAND_CURSOR] = "a cursor: cN",
    [OPERAND_SEGMENT] = "a segment: segN",
    [OPERAND_MAPPING] = "a mapping: mapN",
    [OPERAND_LENGTH] = "a length: pages N, N+D or -N",
    [OPERAND_TYPE] = "a type: empty, untyped, link, node or probe",
    [OPERAND_PATH] = "a path: a number",
    [OPERAND_USAGE] = "a usage: reserved, kernel, meta or mmio",
};

/* --- printing --- */

static const struct form *form_of(enum operand_kind kind, uint16_t operand)
{
    const struct form *form = NULL;
    for (unsigned i = 0; i < NR_FORMS; i++) {
        if (FORMS[i].kind == kind && FORMS[i].first <= operand)
            form = &FORMS[i];
    }
    return form;
}

/* True if the form is one of whole frames and bytes, N+D. */
static bool is_distance(const struct form *form)
{
    return form->sign == '+' && form->kind != OPERAND_COUNT;
}

static void name_print(const struct naming *naming, uint16_t operand, FILE *out)
{
    unsigned number = (unsigned)operand / naming->nr_names;
    fputs(naming->names[operand % naming->nr_names], out);
    if (naming->has_number || number != 0)
        fprintf(out, "(%u)", number);
}

void operand_print(enum operand_kind kind, uint16_t operand, FILE *out)
{
    if (NAMINGS[kind].names != NULL) {
        name_print(&NAMINGS[kind], operand, out);
        return;
    }
    const struct form *form = form_of(kind, operand);
    unsigned number = (unsigned)operand - form->first + form->from;
    if (form->sign == 0)
        fprintf(out, "%s%u", form->word, number);
    else if (is_distance(form))
        fprintf(out, "%s%u+%u", form->word, number / PADDR_NR_DISTANCES,
                1u << number % PADDR_NR_DISTANCES);
    else if (number == 0)
        fputs(form->word, out);
    else
        fprintf(out, "%s%c%u", form->word, form->sign, number);
}

void operation_print(const struct operation *operation, FILE *out)
{
    const struct op_info *info = &OPS[operation->op];
    fputs(info->name, out);
    if (operation->opcode != operation->op)
        fprintf(out, "@%u", operation->opcode);
    fputc('(', out);
    for (unsigned i = 0; i < PROGRAM_MAX_OPERANDS && info->operand[i] != OPERAND_NONE; i++) {
        if (i > 0)
            fputs(", ", out);
        operand_print(info->operand[i], operation->operand[i], out);
    }
    fputc(')', out);
}

static void print_header(const struct program *program, FILE *out)
{
    fprintf(out, "slotcheck program %u", program_format(program));
    if (program->header_size == 0) {
        fputs(" @none\n", out);
        return;
    }
    if (program->format_byte != program_format(program))
        fprintf(out, " @%u", program->format_byte);
    if (program->header_size == 1)
        fputs("\nslots @none\n", out);
    else
        fprintf(out, "\nslots %" PRIu64 "\n", program_slots(program));
}

void program_print(const struct program *program, FILE *out)
{
    print_header(program, out);
    for (size_t i = 0; i < program->nr_ops; i++) {
        operation_print(&program->ops[i], out);
        fputc('\n', out);
    }
    if (program->tail_size > 0)
        fputs("tail", out);
    for (unsigned i = 0; i < program->tail_size; i++)
        fprintf(out, " 0x%02x", program->tail[i]);
    if (program->tail_size > 0)
        fputc('\n', out);
}

/* --- parsing: tokens --- */

/* What the next line that is not empty has to be. */
enum stage { STAGE_FORMAT, STAGE_SLOTS, STAGE_OPERATIONS, STAGE_END };

struct parser {
    struct program *program;
    struct program_error *error;
    enum stage stage;
    unsigned line_number;
    const char *line;     /* where it begins */
    const char *at, *end; /* what is left of it, without comment */
};

struct word {
    const char *text;
    size_t size;
};

/* Sets the error, at a place in the current line. Returns false for the caller to pass on. */
__attribute__((format(printf, 3, 4))) static bool fail(struct parser *parser, const char *at,
                                                       const char *format, ...)
{
    parser->error->line = parser->line_number;
    parser->error->column = (unsigned)(at - parser->line) + 1;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parser->error->message, sizeof(parser->error->message), format, arguments);
    va_end(arguments);
    return false;
}

/* The next character; 0, which no line contains, at the line's end. */
static char peek(const struct parser *parser)
{
    return parser->at < parser->end ? *parser->at : '\0';
}

static void skip_blanks(struct parser *parser)
{
    while (peek(parser) == ' ' || peek(parser) == '\t')
        parser->at++;
}

/* Takes the character and blanks on both sides, if it comes next. */
static bool accept(struct parser *parser, char character)
{
    skip_blanks(parser);
    if (peek(parser) != character)
        return false;
    parser->at++;
    skip_blanks(parser);
    return true;
}

static bool expect(struct parser *parser, char character)
{
    return accept(parser, character) || fail(parser, parser->at, "expected `%c`", character);
}

static bool is_letter(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           character == '_';
}

/* The letters and underscores that come next, possibly none. */
static struct word take_word(struct parser *parser)
{
    struct word word = {parser->at, 0};
    while (is_letter(peek(parser)))
        parser->at++;
    word.size = (size_t)(parser->at - word.text);
    return word;
}

static bool word_is(struct word word, const char *text)
{
    return strlen(text) == word.size && memcmp(word.text, text, word.size) == 0;
}

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* A decimal number in `from`..=`to`. */
static bool take_number(struct parser *parser, uint32_t from, uint32_t to, uint32_t *number)
{
    const char *start = parser->at;
    uint64_t value = 0;
    if (!is_digit(peek(parser)))
        return fail(parser, start, "expected a number");
    for (; is_digit(peek(parser)); parser->at++) {
        if (value <= UINT32_MAX)
            value = value * 10 + (uint64_t)(*parser->at - '0');
    }
    if (value < from || value > to)
        return fail(parser, start, "the number must be %" PRIu32 " to %" PRIu32 " here", from, to);
    *number = (uint32_t)value;
    return true;
}

/* --- parsing: operands --- */

static const struct form *find_form(enum operand_kind kind, struct word word, char sign)
{
    for (unsigned i = 0; i < NR_FORMS; i++) {
        if (FORMS[i].kind == kind && FORMS[i].sign == sign && word_is(word, FORMS[i].word))
            return &FORMS[i];
    }
    return NULL;
}

static bool is_sign(char character)
{
    return character == '+' || character == '-';
}

/* Word, sign, number; or MAX alone, which is MAX-0. */
static bool parse_simple(struct parser *parser, enum operand_kind kind, uint16_t *operand)
{
    struct word word = take_word(parser);
    char sign = is_sign(peek(parser)) ? *parser->at : '\0';
    bool is_zero = word_is(word, "MAX") && sign == '\0';
    const struct form *form = find_form(kind, word, is_zero ? '-' : sign);
    if (form == NULL || (word.size == 0 && sign == '\0' && !is_digit(peek(parser))))
        return fail(parser, word.text, "expected %s", EXPECTED[kind]);

    uint32_t number = 0;
    if (sign != '\0')
        parser->at++;
    if (!is_zero && !take_number(parser, form->from, form->to, &number))
        return false;
    *operand = (uint16_t)(form->first + number - form->from);
    return true;
}

/* The D of N+D, with N * PADDR_NR_DISTANCES in `number`; adds the logarithm of D. */
static bool parse_distance(struct parser *parser, const struct form *form, uint32_t *number)
{
    const char *start = parser->at;
    uint32_t largest = form->to - *number, distance;
    if (largest >= PADDR_NR_DISTANCES)
        largest = PADDR_NR_DISTANCES - 1;
    if (!take_number(parser, 1, UINT32_C(1) << largest, &distance))
        return false;
    if ((distance & (distance - 1)) != 0)
        return fail(parser, start, "the distance must be a power of two");
    for (; distance > 1; distance /= 2)
        ++*number;
    return true;
}

/* Word and N, or word and N+D. */
static bool parse_frames(struct parser *parser, enum operand_kind kind, uint16_t *operand)
{
    struct word word = take_word(parser);
    const char *digits = parser->at;
    while (is_digit(peek(parser)))
        parser->at++;
    const struct form *form = find_form(kind, word, peek(parser) == '+' ? '+' : '\0');
    if (form == NULL || (word.size == 0 && parser->at == digits))
        return fail(parser, word.text, "expected %s", EXPECTED[kind]);

    uint32_t number;
    uint32_t scale = form->sign == '\0' ? 1 : PADDR_NR_DISTANCES;
    parser->at = digits;
    if (!take_number(parser, 0, form->to / scale, &number))
        return false;
    number *= scale;
    if (form->sign != '\0') {
        parser->at++;
        if (!parse_distance(parser, form, &number))
            return false;
    }
    *operand = (uint16_t)(form->first + number);
    return true;
}

/* A number from 0, in brackets. */
static bool parse_bracketed(struct parser *parser, uint32_t to, uint32_t *number)
{
    return expect(parser, '(') && take_number(parser, 0, to, number) && expect(parser, ')');
}

static bool parse_name(struct parser *parser, enum operand_kind kind, uint16_t *operand)
{
    const struct naming *naming = &NAMINGS[kind];
    struct word word = take_word(parser);
    uint32_t index = 0, number = 0;
    while (index < naming->nr_names && !word_is(word, naming->names[index]))
        index++;
    if (index == naming->nr_names)
        return fail(parser, word.text, "expected %s", EXPECTED[kind]);
    skip_blanks(parser);
    if ((naming->has_number || peek(parser) == '(') &&
        !parse_bracketed(parser, (naming->largest - index) / naming->nr_names, &number))
        return false;
    *operand = (uint16_t)(number * naming->nr_names + index);
    return true;
}

static bool parse_operand(struct parser *parser, enum operand_kind kind, uint16_t *operand)
{
    if (NAMINGS[kind].names != NULL)
        return parse_name(parser, kind, operand);
    if (kind == OPERAND_PADDR || (kind == OPERAND_LENGTH && peek(parser) != '-'))
        return parse_frames(parser, kind, operand);
    return parse_simple(parser, kind, operand);
}

/* --- parsing: operations --- */

enum { MAX_NAME = 40 };

#define OP(name, ...) _Static_assert(sizeof(#name) <= MAX_NAME, #name " is a long name");
#include "slotcheck/ops.def"
#undef OP

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* How many letters to insert, leave out or replace until the word is the name (Levenshtein). */
static unsigned edit_distance(struct word word, const char *name)
{
    unsigned row[MAX_NAME];
    size_t length = strlen(name);
    for (unsigned i = 0; i <= length; i++)
        row[i] = i;
    for (unsigned i = 0; i < word.size; i++) {
        unsigned diagonal = row[0];
        row[0] = i + 1;
        for (unsigned j = 0; j < length; j++) {
            unsigned replaced = diagonal + (word.text[i] != name[j]);
            diagonal = row[j + 1];
            row[j + 1] = smaller(replaced, smaller(row[j], row[j + 1]) + 1);
        }
    }
    return row[length];
}

static bool fail_unknown_operation(struct parser *parser, struct word word)
{
    const char *nearest = "";
    unsigned least = 2 + (unsigned)word.size / 4;
    for (unsigned op = 0; op < NR_OPS; op++) {
        unsigned distance = edit_distance(word, OPS[op].name);
        if (distance < least) {
            least = distance;
            nearest = OPS[op].name;
        }
    }
    int shown = (int)smaller((unsigned)word.size, MAX_NAME);
    if (*nearest == '\0')
        return fail(parser, word.text, "there is no operation `%.*s`", shown, word.text);
    return fail(parser, word.text, "there is no operation `%.*s`; did you mean `%s`?", shown,
                word.text, nearest);
}

/* How many operations the text may name. */
static unsigned nr_ops_of(const struct parser *parser)
{
    return program_format_ops(program_format(parser->program));
}

/* The byte after `name@`; it must decode to the operation. */
static bool parse_opcode(struct parser *parser, struct operation *operation)
{
    const char *start = parser->at;
    uint32_t byte;
    if (!take_number(parser, 0, UINT8_MAX, &byte))
        return false;
    unsigned decoded = byte % nr_ops_of(parser);
    if (decoded != operation->op)
        return fail(parser, start, "byte %" PRIu32 " means %s", byte, OPS[decoded].name);
    operation->opcode = (uint8_t)byte;
    return true;
}

static bool parse_operands(struct parser *parser, struct operation *operation)
{
    const enum operand_kind *kinds = OPS[operation->op].operand;
    if (!expect(parser, '('))
        return false;
    for (unsigned i = 0; i < PROGRAM_MAX_OPERANDS && kinds[i] != OPERAND_NONE; i++) {
        if (i > 0 && !expect(parser, ','))
            return false;
        if (!parse_operand(parser, kinds[i], &operation->operand[i]))
            return false;
    }
    return expect(parser, ')');
}

static bool parse_operation(struct parser *parser, struct word name)
{
    struct operation operation = {0};
    while (operation.op < NR_OPS && !word_is(name, OPS[operation.op].name))
        operation.op++;
    if (operation.op == NR_OPS)
        return fail_unknown_operation(parser, name);
    if (operation.op >= nr_ops_of(parser))
        return fail(parser, name.text, "%s is an operation of format %d; this text has format %u",
                    OPS[operation.op].name, OPS[operation.op].since,
                    program_format(parser->program));
    operation.opcode = operation.op;
    if (accept(parser, '@') && !parse_opcode(parser, &operation))
        return false;
    if (!parse_operands(parser, &operation))
        return false;
    return program_append(parser->program, operation) || fail(parser, name.text, "out of memory");
}

static int hex_digit(char character)
{
    static const char DIGITS[] = "0123456789abcdef";
    const char *digit = character == '\0' ? NULL : strchr(DIGITS, character);
    return digit == NULL ? -1 : (int)(digit - DIGITS);
}

static bool take_hex_byte(struct parser *parser, uint8_t *byte)
{
    const char *text = parser->at;
    if (parser->end - text < 4 || text[0] != '0' || text[1] != 'x' || hex_digit(text[2]) < 0 ||
        hex_digit(text[3]) < 0)
        return fail(parser, text, "expected a byte as 0x and two digits of 0..9, a..f");
    *byte = (uint8_t)(16 * hex_digit(text[2]) + hex_digit(text[3]));
    parser->at += 4;
    return true;
}

/* The bytes after `tail`: some, but fewer than the operation has that they begin. */
static bool parse_tail(struct parser *parser)
{
    struct program *program = parser->program;
    unsigned nr_ops = nr_ops_of(parser);
    parser->stage = STAGE_END;
    do {
        const char *start = parser->at;
        uint8_t byte = 0;
        if (!take_hex_byte(parser, &byte))
            return false;
        program->tail[program->tail_size++] = byte;
        unsigned op = program->tail[0] % nr_ops;
        if (program->tail_size == OPERATION_SIZE[op])
            return fail(parser, start, "with this byte the tail is a whole %s", OPS[op].name);
        skip_blanks(parser);
    } while (parser->at < parser->end);
    return true;
}

/* --- parsing: lines --- */

static bool accept_none(struct parser *parser)
{
    const char *start = parser->at;
    if (word_is(take_word(parser), "none"))
        return true;
    parser->at = start;
    return false;
}

/* What stands after `slotcheck program N @`. */
static bool parse_format_byte(struct parser *parser)
{
    const char *start = parser->at;
    unsigned format = program_format(parser->program);
    uint32_t byte;
    if (accept_none(parser)) {
        parser->program->header_size = 0;
        parser->stage = STAGE_END;
        return format == 1 || fail(parser, start, "what has no bytes has format 1");
    }
    if (!take_number(parser, 0, UINT8_MAX, &byte))
        return false;
    parser->program->format_byte = (uint8_t)byte;
    if (program_format(parser->program) != format)
        return fail(parser, start, "byte %" PRIu32 " means format %u", byte,
                    program_format(parser->program));
    return true;
}

static bool parse_format(struct parser *parser)
{
    const char *start = parser->at;
    bool is_header = word_is(take_word(parser), "slotcheck");
    skip_blanks(parser);
    is_header = is_header && word_is(take_word(parser), "program");
    skip_blanks(parser);
    if (!is_header)
        return fail(parser, start, "expected `slotcheck program %d`, or a lower format",
                    PROGRAM_FORMAT);

    const char *number = parser->at;
    uint32_t format;
    if (!take_number(parser, 1, PROGRAM_FORMAT_LAST, &format))
        return false;
    if (format > PROGRAM_FORMAT)
        return fail(parser, number, "format %" PRIu32 " is later than %d, which is known here",
                    format, PROGRAM_FORMAT);
    parser->program->format_byte = (uint8_t)format;
    parser->stage = STAGE_SLOTS;
    return !accept(parser, '@') || parse_format_byte(parser);
}

static bool parse_slots(struct parser *parser)
{
    const char *start = parser->at;
    struct word word = take_word(parser);
    uint32_t nr_slots;
    if (!word_is(word, "slots"))
        return fail(parser, start, "expected `slots N`");
    if (accept(parser, '@')) {
        parser->program->header_size = 1;
        parser->stage = STAGE_END;
        return accept_none(parser) || fail(parser, parser->at, "expected `none`");
    }
    const char *number = parser->at;
    if (!take_number(parser, 1, UINT32_MAX, &nr_slots))
        return false;
    if (!program_set_slots(parser->program, nr_slots))
        return fail(parser, number, "slots must be 1 to 240, or a power of two from 256 to 2^23");
    parser->stage = STAGE_OPERATIONS;
    return true;
}

static bool parse_operation_or_tail(struct parser *parser)
{
    struct word word = take_word(parser);
    if (word.size == 0)
        return fail(parser, word.text, "expected an operation");
    if (!word_is(word, "tail"))
        return parse_operation(parser, word);
    skip_blanks(parser);
    return parse_tail(parser);
}

static bool parse_item(struct parser *parser)
{
    switch (parser->stage) {
    case STAGE_FORMAT:
        return parse_format(parser);
    case STAGE_SLOTS:
        return parse_slots(parser);
    case STAGE_OPERATIONS:
        return parse_operation_or_tail(parser);
    case STAGE_END:
        break;
    }
    return fail(parser, parser->at, "nothing may follow here but comments");
}

/* The line of the parser, which is neither cut at a comment nor looked at yet. */
static bool parse_line(struct parser *parser)
{
    size_t size = (size_t)(parser->end - parser->line);
    const char *nul = memchr(parser->line, '\0', size);
    const char *comment = memchr(parser->line, '#', size);
    if (size > PROGRAM_MAX_LINE)
        return fail(parser, parser->line + PROGRAM_MAX_LINE, "the line is longer than %d bytes",
                    PROGRAM_MAX_LINE);
    if (nul != NULL)
        return fail(parser, nul, "a text has no NUL bytes");
    if (comment != NULL)
        parser->end = comment;
    skip_blanks(parser);
    if (parser->at == parser->end)
        return true;
    if (!parse_item(parser))
        return false;
    skip_blanks(parser);
    return parser->at == parser->end || fail(parser, parser->at, "expected the end of the line");
}

/* Makes the parser stand at the line that begins at `line`. Returns where the next one begins. */
static const char *begin_line(struct parser *parser, const char *line, const char *text_end)
{
    const char *newline = memchr(line, '\n', (size_t)(text_end - line));
    parser->line_number++;
    parser->line = parser->at = line;
    parser->end = newline == NULL ? text_end : newline;
    if (parser->end > line && parser->end[-1] == '\r')
        parser->end--;
    return newline == NULL ? text_end : newline + 1;
}

static bool parse_lines(struct parser *parser, const char *text, const char *text_end)
{
    do {
        text = begin_line(parser, text, text_end);
        if (!parse_line(parser))
            return false;
    } while (text < text_end);
    if (parser->stage == STAGE_FORMAT)
        return fail(parser, parser->end, "the text ends without `slotcheck program %d`",
                    PROGRAM_FORMAT);
    if (parser->stage == STAGE_SLOTS)
        return fail(parser, parser->end, "the text ends without `slots N`");
    return true;
}

bool program_parse(struct program *program, const char *text, size_t size,
                   struct program_error *error)
{
    struct parser parser = {.program = program, .error = error};
    program_clear(program);
    if (size == 0)
        text = ""; /* it may be null */
    if (parse_lines(&parser, text, text + size))
        return true;
    program_clear(program);
    return false;
}
