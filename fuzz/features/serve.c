/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Requests and answers, as main.c describes them, in the child that runs the programs.
 *
 * Requests are read without a buffer: what this child has not asked for is there for the next one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "features.h"
#include "slotcheck/divergence.h"

enum {
    MAX_REQUEST = 64 << 20,
};

/* The child ends, and no other one follows. */
static _Noreturn void leave(struct server *server, int status)
{
    server->shared->status = status;
    server->shared->is_over = true;
    _exit(status);
}

static _Noreturn void no_memory(struct server *server)
{
    leave(server, complain(EXIT_INTERNAL, "no memory"));
}

/* --- streams --- */

/* False at the end of the stream. */
static bool read_exactly(struct server *server, void *bytes, size_t size)
{
    size_t done = 0;

    while (done < size) {
        const ssize_t n = read(server->in, (uint8_t *)bytes + done, size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 && done > 0)
            leave(server, complain(EXIT_INTERNAL, "a request was cut short"));
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

void answer_write(const struct server *server, const char *text, size_t size)
{
    while (size > 0) {
        const ssize_t n = write(server->out, text, size);

        if (n < 0 && errno != EINTR)
            return; /* nobody listens any more, and the end of stdin is near */
        if (n > 0) {
            text += n;
            size -= (size_t)n;
        }
    }
}

static void answer_begin(struct server *server)
{
    server->answer = open_memstream(&server->text, &server->text_size);
    if (!server->answer)
        no_memory(server);
}

/* What was printed since goes out at once. */
static void answer_end(struct server *server)
{
    if (fclose(server->answer) != 0)
        no_memory(server);
    answer_write(server, server->text, server->text_size);
    free(server->text);
}

/* --- hexadecimal digits --- */

static void print_byte(FILE *out, uint8_t byte)
{
    static const char DIGITS[] = "0123456789abcdef";

    fputc(DIGITS[byte >> 4], out);
    fputc(DIGITS[byte & 15], out);
}

static void print_bytes(FILE *out, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        print_byte(out, bytes[i]);
    if (size == 0)
        fputc('-', out);
}

/* What `print` prints. */
static void print_printed(struct server *server, void (*print)(const struct server *, FILE *))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        no_memory(server);
    print(server, out);
    if (fclose(out) != 0)
        no_memory(server);
    print_bytes(server->answer, (const uint8_t *)text, size);
    free(text);
}

static void print_program(struct server *server)
{
    const size_t size = program_encoded_size(&server->program);
    uint8_t *code = malloc(size + 1);

    if (!code)
        no_memory(server);
    program_encode(&server->program, code);
    print_bytes(server->answer, code, size);
    free(code);
}

/* --- the program --- */

/* What engines make up is read whatever it begins with. This was another file once. */
static const char *no_program(const uint8_t *bytes, size_t size)
{
    static const uint8_t MARK[] = {0xef, 0xbb, 0xbf}, EXECUTABLE[] = {0x7f, 'E', 'L', 'F'};

    if (size >= sizeof(MARK) && memcmp(bytes, MARK, sizeof(MARK)) == 0)
        return "a text that begins with a byte order mark; take it away";
    if (size >= sizeof(EXECUTABLE) && memcmp(bytes, EXECUTABLE, sizeof(EXECUTABLE)) == 0)
        return "an executable or a library is no program for slotcheck";
    return NULL;
}

static bool parse(struct server *server, const char *text, size_t size)
{
    struct program_error error;

    if (program_parse(&server->program, text, size, &error))
        return true;
    fprintf(server->answer, "bad %u %u %s\n", error.line, error.column, error.message);
    return false;
}

static bool decode(struct server *server, const uint8_t *bytes, size_t size)
{
    if (!program_decode(&server->program, bytes, size))
        no_memory(server);
    if (program_format(&server->program) <= PROGRAM_FORMAT)
        return true;
    fprintf(server->answer, "bad 0 0 program format %u is newer than this slotcheck (%d)\n",
            program_format(&server->program), PROGRAM_FORMAT);
    return false;
}

/* False, and answered, if it is no program. */
static bool interpret(struct server *server, const uint8_t *bytes, size_t size)
{
    const char *why = no_program(bytes, size);

    if (why)
        fprintf(server->answer, "bad 0 0 %s\n", why);
    if (why)
        return false;
    return program_is_text(bytes, size) ? parse(server, (const char *)bytes, size)
                                        : decode(server, bytes, size);
}

/* The first format that has the operations, and nothing that can be said in two ways. */
static void make_canonical(struct program *program)
{
    program->format_byte = 1;
    program->tail_size = 0;
    for (size_t i = 0; i < program->nr_ops; i++) {
        struct operation *operation = &program->ops[i];

        operation->opcode = operation->op;
        if (program->format_byte < OPS[operation->op].since)
            program->format_byte = OPS[operation->op].since;
    }
    (void)program_set_slots(program, program_slots(program));
}

/* --- what it shows --- */

static void fit_mask(struct server *server, size_t size)
{
    uint8_t *mask = realloc(server->mask, size);

    if (!mask)
        no_memory(server);
    memset(mask + server->mask_size, 0, size - server->mask_size);
    server->mask = mask;
    server->mask_size = size;
}

static void note_feature(void *context, uint64_t feature)
{
    struct server *server = context;
    bool is_new = false;
    const uint32_t number = table_number(&server->shared->table, feature, &is_new);

    if (number == UINT32_MAX)
        leave(server,
              complain(EXIT_INTERNAL, "there are more features than this slotcheck counts"));
    if (number / 8 >= server->mask_size)
        fit_mask(server, 2 * (number / 8) + 64);
    server->mask[number / 8] |= (uint8_t)(1U << number % 8);
    if (!is_new)
        return;
    fputs("new ", server->answer);
    feature_print(feature, server->answer);
    fputc('\n', server->answer);
}

/* As one number, whose digits begin with the highest. */
static void print_mask(const struct server *server)
{
    size_t size = server->mask_size;

    while (size > 0 && server->mask[size - 1] == 0)
        size--;
    for (size_t i = size; i > 0; i--)
        print_byte(server->answer, server->mask[i - 1]);
    fputs(size == 0 ? "0\n" : "\n", server->answer);
}

static void print_shown(struct server *server)
{
    if (server->mask)
        memset(server->mask, 0, server->mask_size);
    runner_features(server->runner, note_feature, server);
    fprintf(server->answer, "shows %" PRIu64 " ", runner_executed(server->runner));
    print_mask(server);
}

static void print_text(const struct server *server, FILE *out)
{
    program_print(&server->program, out);
}

static void print_outcomes(const struct server *server, FILE *out)
{
    for (size_t i = 0; i < server->program.nr_ops; i++)
        fprintf(out, i ? ",%s" : "%s", runner_outcome(server->runner, i));
}

/* --- one request --- */

static void print_divergence(struct server *server)
{
    char signature[SIGNATURE_SIZE];

    divergence_signature(runner_divergence(server->runner), signature, sizeof(signature));
    fprintf(server->answer, "diverges %s\n", signature);
}

/* In time, or the process ends. */
static enum run_end run(struct server *server)
{
    struct shared *shared = server->shared;
    enum run_end end;

    shared->run.is_running = true;
    /* To set up a large region takes time of its own. */
    alarm(server->settings->timeout +
          (unsigned)(lockstep_slots(server->subject, &server->program) >> 16));
    end = runner_run(server->runner, &server->program);
    alarm(0);
    shared->run.is_running = false;
    return end;
}

static void answer_run(struct server *server, bool tell)
{
    const enum run_end end = run(server);

    if (end == RUN_FAILED)
        leave(server, complain(EXIT_WRONG_USE, "%s: %s", server->subject->name,
                               runner_error(server->runner)));
    answer_begin(server);
    if (tell && end != RUN_IMPOSSIBLE) {
        fputs("outcomes ", server->answer);
        print_printed(server, print_outcomes);
        fputc('\n', server->answer);
    }
    if (end == RUN_AGREES)
        print_shown(server);
    else if (end == RUN_DIVERGES)
        print_divergence(server);
    else
        fprintf(server->answer, "cannot %s\n", runner_error(server->runner));
    answer_end(server);
}

/* What is known of the program before it runs. */
static void answer_program(struct server *server, bool tell)
{
    struct program *program = &server->program;

    fprintf(server->answer, "program %zu ", program->nr_ops);
    print_program(server);
    make_canonical(program);
    fputc(' ', server->answer);
    print_program(server);
    fputc('\n', server->answer);
    if (server->settings->nr_slots)
        (void)program_set_slots(program, server->settings->nr_slots);
    if (!tell)
        return;
    fputs("text ", server->answer);
    print_printed(server, print_text);
    fputc('\n', server->answer);
}

/* More slots cost gigabytes, and no engine gets them. */
static bool is_too_large(const struct server *server)
{
    return lockstep_slots(server->subject, &server->program) > FEATURES_MAX_SLOTS;
}

static void answer(struct server *server, bool tell, const uint8_t *bytes, size_t size)
{
    bool can_run;

    answer_begin(server);
    can_run = interpret(server, bytes, size);
    if (can_run)
        answer_program(server, tell);
    if (can_run && is_too_large(server)) {
        fprintf(server->answer, "cannot %" PRIu64 " slots are more than %d, too many to fuzz\n",
                lockstep_slots(server->subject, &server->program), FEATURES_MAX_SLOTS);
        can_run = false;
    }
    answer_end(server);
    if (can_run)
        answer_run(server, tell);
}

static void greet(struct server *server)
{
    if (server->shared->is_greeted)
        return;
    answer_begin(server);
    fprintf(server->answer, "subject %zu %u\n", edges_nr(), runner_clauses(server->runner));
    answer_end(server);
    server->shared->is_greeted = true;
}

/* False at the end of the requests. */
static bool serve_request(struct server *server)
{
    uint8_t head[9], *bytes;
    uint64_t size = 0;

    if (!read_exactly(server, head, sizeof(head)))
        return false;
    for (unsigned i = 8; i > 0; i--)
        size = size << 8 | head[i];
    if ((head[0] != 'r' && head[0] != 't') || size > MAX_REQUEST)
        leave(server, complain(EXIT_INTERNAL, "this is no request"));
    bytes = malloc(size + 1);
    if (!bytes)
        no_memory(server);
    if (size > 0 && !read_exactly(server, bytes, size))
        leave(server, complain(EXIT_INTERNAL, "a request was cut short"));
    answer(server, head[0] == 't', bytes, size);
    free(bytes);
    return true;
}

_Noreturn void serve(struct server *server)
{
    char error[256];

    server->runner = runner_create(server->subject, &server->shared->run, error, sizeof(error));
    if (!server->runner)
        leave(server, complain(EXIT_INTERNAL, "%s", error));
    program_init(&server->program);
    greet(server);
    while (serve_request(server))
        ;
    leave(server, EXIT_DONE);
}
