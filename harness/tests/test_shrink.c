/* SPDX-License-Identifier: MPL-2.0 */
/* Shrinking: what is held, what is left, and that nothing is left to be done. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "slotcheck/divergence.h"
#include "slotcheck/generate.h"
#include "slotcheck/shrink.h"
#include "slotcheck/subject_load.h"

enum {
    LONG = 1000, /* operations of a long case */
    MANY = 60,   /* cases where many are shrunk */
    /* To run a long case twenty times: what is not needed goes by halves. */
    MAX_OPERATIONS = 20 * LONG,
};

/* --- subjects with faults --- */

static const struct slotcheck_subject *builtin(void)
{
    char error[256];
    const struct slotcheck_subject *subject = subject_load(NULL, error, sizeof(error));

    assert_non_null(subject);
    return subject;
}

static uint32_t clone_uncounted(struct slotcheck_region *region, uint64_t frame, uint64_t *clone)
{
    (void)region;
    *clone = frame;
    return SLOTCHECK_OK;
}

/* Two faults: where the first frame is not counted, any other is cloned as another frame. */
static uint32_t clone_two_faults(struct slotcheck_region *region, uint64_t frame, uint64_t *clone)
{
    const uint64_t first = builtin()->slots(region);
    uint32_t result;

    if (frame == first)
        return clone_uncounted(region, frame, clone);
    result = builtin()->frame_clone(region, frame, clone);
    *clone = first;
    return result;
}

/* No slot is ever in use, as far as this one is concerned. */
static uint32_t never_in_use(struct slotcheck_region *region, uint64_t paddr, uint64_t *slot)
{
    (void)region;
    (void)paddr;
    (void)slot;
    return SLOTCHECK_OUT_OF_BOUND;
}

/* A long time on the processor for a candidate, at a frame that no small region has. */
static uint32_t clone_slowly(struct slotcheck_region *region, uint64_t frame, uint64_t *clone)
{
    const clock_t end = clock() + CLOCKS_PER_SEC * 21 / 100;

    while (frame == builtin()->slots(region) + 3 * 64 && clock() < end)
        ;
    return builtin()->frame_clone(region, frame, clone);
}

static void drop_fatally(struct slotcheck_region *region, uint64_t frame)
{
    (void)region;
    (void)frame;
    raise(SIGSEGV);
}

/* At the first frame it never returns, and uses no processor. */
static uint32_t clone_pausing(struct slotcheck_region *region, uint64_t frame, uint64_t *clone)
{
    while (frame == builtin()->slots(region))
        pause();
    return clone_uncounted(region, frame, clone);
}

static uint32_t clone_late(struct slotcheck_region *region, uint64_t frame, uint64_t *clone)
{
    usleep(400000);
    return builtin()->frame_clone(region, frame, clone);
}

static unsigned regions_alive;

static uint32_t create_only_one(uint64_t nr_slots, const struct slotcheck_host *host,
                                struct slotcheck_region **region)
{
    if (regions_alive != 0)
        return SLOTCHECK_NO_MEMORY;
    regions_alive++;
    return builtin()->create(nr_slots, host, region);
}

static void destroy_the_one(struct slotcheck_region *region)
{
    regions_alive--;
    builtin()->destroy(region);
}

/* --- what a finding is --- */

struct finding {
    struct slotcheck_subject subject;
    struct lockstep_stats *stats;
    struct lockstep *lockstep;
    struct trace *trace;
    char signature[SIGNATURE_SIZE];
};

static void finding_create(struct finding *finding,
                           uint32_t (*frame_clone)(struct slotcheck_region *, uint64_t, uint64_t *))
{
    char error[256];

    finding->subject = *builtin();
    finding->subject.frame_clone = frame_clone;
    finding->stats = calloc(1, sizeof(*finding->stats));
    finding->trace = trace_create(LONG + 1);
    assert_non_null(finding->stats);
    assert_non_null(finding->trace);
    finding->lockstep = lockstep_create(&finding->subject, finding->stats, error, sizeof(error));
    assert_non_null(finding->lockstep);
}

static void finding_destroy(struct finding *finding)
{
    lockstep_destroy(finding->lockstep);
    trace_destroy(finding->trace);
    free(finding->stats);
}

static bool signature_of(struct finding *finding, const struct program *program,
                         struct trace *trace, char signature[SIGNATURE_SIZE])
{
    assert_true(lockstep_run(finding->lockstep, program, trace));
    if (trace->divergence.kind == FINDING_NONE)
        return false;
    divergence_signature(&trace->divergence, signature, SIGNATURE_SIZE);
    return true;
}

static bool keeps(void *context, const struct program *candidate, struct trace *trace)
{
    struct finding *finding = context;
    char signature[SIGNATURE_SIZE];

    return signature_of(finding, candidate, trace, signature) &&
           strcmp(signature, finding->signature) == 0;
}

/* A random program that diverges. */
static void generate_finding(struct finding *finding, struct program *program,
                             struct random *random, size_t nr_ops)
{
    do {
        program_clear(program);
        assert_true(program_set_slots(program, 1 + random_next(random) % 16));
        assert_true(program_generate(program, random, nr_ops));
    } while (!signature_of(finding, program, finding->trace, finding->signature));
}

static char *text_of(const struct program *program)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    program_print(program, out);
    fclose(out);
    return text;
}

static void parse(struct program *program, const char *text)
{
    struct program_error error;

    program_init(program);
    assert_true(program_parse(program, text, strlen(text), &error));
}

static char *shrunk(struct finding *finding, struct program *program)
{
    struct shrink_counts counts;

    assert_int_equal(shrink(program, keeps, finding, &SHRINK_LIMITS, &counts), SHRINK_DONE);
    assert_true(counts.runs > 0 && counts.operations <= MAX_OPERATIONS && !counts.limited);
    return text_of(program);
}

/* --- tests --- */

/* From 1000 operations on up to 16 slots. */
static void long_cases_become_short(void **state)
{
    struct random random = {.state = 1};
    struct finding finding;
    struct program program;

    (void)state;
    finding_create(&finding, clone_uncounted);
    program_init(&program);
    for (int i = 0; i < MANY; i++) {
        generate_finding(&finding, &program, &random, LONG);

        char *text = shrunk(&finding, &program);

        if (strncmp(finding.signature, "frame_clone.SHARED.ref_count.", 29) == 0)
            assert_string_equal(text, "slotcheck program 2\nslots 1\n"
                                      "frame_from_unused(p0, empty(0))\nframe_clone(f0)\n");
        free(text);
    }
    program_free(&program);
    finding_destroy(&finding);
}

/* Everything goes: setup, comments' worth of operations, slots, odd operands, odd encodings. */
static void nothing_odd_is_left(void **state)
{
    static const char TEXT[] = "slotcheck program 1 @9\nslots 16\n"
                               "setup(s7, 3, probe(5))\n"
                               "get_slot(oob3)\n"
                               "frame_from_unused(p47621, probe(13))\n"
                               "frame_from_raw(p7)\n"
                               "frame_drop@225(f255)\n"
                               "frame_clone@104(f254)\n"
                               "frame_reference_count(f0)\n"
                               "tail 0x0e\n";
    struct finding finding;
    struct program program;
    char *text;

    (void)state;
    finding_create(&finding, clone_uncounted);
    parse(&program, TEXT);
    assert_true(signature_of(&finding, &program, finding.trace, finding.signature));
    text = shrunk(&finding, &program);
    assert_string_equal(text, "slotcheck program 2\nslots 1\n"
                              "frame_from_unused(p0, empty(0))\nframe_clone(f0)\n");
    assert_int_equal(program_format(&program), PROGRAM_FORMAT);
    free(text);
    program_free(&program);
    finding_destroy(&finding);
}

/* At the first frame there is another fault, and it would be simpler. */
static void the_signature_is_held(void **state)
{
    static const char TEXT[] = "slotcheck program 2\nslots 4\n"
                               "frame_from_unused(p2, probe(13))\n"
                               "frame_from_unused(p3, probe(13))\n"
                               "frame_clone(f1)\n";
    struct finding finding;
    struct program program;
    char *text;

    (void)state;
    finding_create(&finding, clone_two_faults);
    parse(&program, TEXT);
    assert_true(signature_of(&finding, &program, finding.trace, finding.signature));
    text = shrunk(&finding, &program);
    assert_string_equal(text, "slotcheck program 2\nslots 2\n"
                              "frame_from_unused(p1, empty(0))\nframe_clone(f0)\n");
    assert_true(keeps(&finding, &program, finding.trace));
    free(text);
    program_free(&program);
    finding_destroy(&finding);
}

static void copy(struct program *to, const struct program *from)
{
    program_clear(to);
    for (size_t i = 0; i < from->nr_ops; i++)
        assert_true(program_append(to, from->ops[i]));
    to->slots_byte = from->slots_byte;
}

/* The same comes out twice, and shrunk once more it stays as it is. */
static void results_are_final(void **state)
{
    struct random random = {.state = 2};
    struct finding finding;
    struct program program, again;

    (void)state;
    finding_create(&finding, clone_two_faults);
    program_init(&program);
    program_init(&again);
    for (int i = 0; i < MANY; i++) {
        generate_finding(&finding, &program, &random, 100);
        copy(&again, &program);

        char *first = shrunk(&finding, &program);
        char *second = shrunk(&finding, &again);
        char *third = shrunk(&finding, &again);

        assert_string_equal(first, second);
        assert_string_equal(first, third);
        free(first);
        free(second);
        free(third);
    }
    program_free(&program);
    program_free(&again);
    finding_destroy(&finding);
}

/* However soon it has to stop, the finding is there. */
static void limits_cost_no_finding(void **state)
{
    struct random random = {.state = 3};
    struct finding finding;
    struct program program;

    (void)state;
    finding_create(&finding, clone_uncounted);
    program_init(&program);
    for (uint64_t runs = 1; runs < MANY; runs++) {
        const struct shrink_limits limits = {.runs = runs, .operations = UINT64_MAX};
        struct shrink_counts counts;

        generate_finding(&finding, &program, &random, 200);
        assert_int_equal(shrink(&program, keeps, &finding, &limits, &counts), SHRINK_DONE);
        assert_true(counts.runs <= runs && program.nr_ops <= 200);
        /* A few are not enough for anything. */
        assert_true(runs > 10 || counts.limited);
        assert_true(keeps(&finding, &program, finding.trace));
    }
    program_free(&program);
    finding_destroy(&finding);
}

static void agreement_stays_as_it_is(void **state)
{
    static const char TEXT[] = "slotcheck program 2\nslots 4\nframe_from_unused(p9, probe(13))\n";
    struct shrink_counts counts;
    struct finding finding;
    struct program program;
    char *text;

    (void)state;
    finding_create(&finding, clone_uncounted);
    parse(&program, TEXT);
    assert_int_equal(shrink(&program, keeps, &finding, &SHRINK_LIMITS, &counts), SHRINK_AGREES);
    text = text_of(&program);
    assert_string_equal(text, TEXT);
    free(text);
    program_free(&program);
    finding_destroy(&finding);
}

/* In child processes the same comes out, and a lockstep at hand is as it was. */
static void children_shrink_alike(void **state)
{
    struct random random = {.state = 4};
    struct finding finding;
    struct program program, again;

    (void)state;
    finding_create(&finding, clone_two_faults);
    program_init(&program);
    program_init(&again);
    for (int i = 0; i < 5; i++) {
        struct shrink_finding there = {
            .subject = &finding.subject, .timeout = 10, .inherited = finding.lockstep};

        generate_finding(&finding, &program, &random, 300);
        copy(&again, &program);

        const uint64_t programs = finding.stats->programs;

        assert_int_equal(shrink_finding(&there, &again), SHRINK_DONE);
        assert_int_equal(finding.stats->programs, programs);
        assert_string_equal(there.signature, finding.signature);

        char *here = shrunk(&finding, &program);
        char *elsewhere = text_of(&again);

        assert_string_equal(here, elsewhere);
        free(here);
        free(elsewhere);
    }
    program_free(&program);
    program_free(&again);
    finding_destroy(&finding);
}

/* The same operation gives the same wrong answer in states that are easier to come by. */
static void children_hold_the_signature(void **state)
{
    static const char TEXT[] = "slotcheck program 2\nslots 4\n"
                               "unique_frame_from_unused(p2, probe(13))\nget_slot(p3)\n"
                               "get_from_in_use(p2)\n";
    struct slotcheck_subject subject = *builtin();
    struct shrink_finding finding = {.subject = &subject, .timeout = 10};
    struct program program;
    char *text;

    (void)state;
    subject.get_from_in_use = never_in_use;
    parse(&program, TEXT);
    assert_int_equal(shrink_finding(&finding, &program), SHRINK_DONE);
    assert_non_null(strstr(finding.signature, "get_from_in_use.UNIQUE.result."));
    text = text_of(&program);
    assert_string_equal(text, "slotcheck program 2\nslots 1\n"
                              "unique_frame_from_unused(p0, empty(0))\nget_from_in_use(p0)\n");
    free(text);
    program_free(&program);
}

/* The one region is that of the process which has the finding. */
static void one_region_is_enough(void **state)
{
    struct random random = {.state = 5};
    struct finding finding;
    struct program program;

    (void)state;
    finding_create(&finding, clone_uncounted);
    finding.subject.create = create_only_one;
    finding.subject.destroy = destroy_the_one;
    finding.subject.capabilities &= ~(uint64_t)SLOTCHECK_CAN_MANY_REGIONS;
    program_init(&program);
    generate_finding(&finding, &program, &random, 100);

    struct shrink_finding there = {
        .subject = &finding.subject, .timeout = 10, .inherited = finding.lockstep};

    assert_int_equal(shrink_finding(&there, &program), SHRINK_DONE);
    assert_true(keeps(&finding, &program, finding.trace));
    program_free(&program);
    finding_destroy(&finding);
}

/* --- time --- */

static enum shrink_status shrink_text(struct shrink_finding *finding, struct program *program,
                                      const char *text)
{
    parse(program, text);
    return shrink_finding(finding, program);
}

/* What takes its time does not hang: a candidate may take what the program took. */
static bool slow_programs_are_shrunk(void)
{
    /* That is the program itself once more. */
    const struct shrink_limits limits = {.runs = 1, .operations = UINT64_MAX};
    struct slotcheck_subject subject = *builtin();
    struct shrink_finding finding = {.subject = &subject, .timeout = 10, .limits = &limits};
    struct program program;

    subject.frame_clone = clone_slowly;
    subject.frame_drop = drop_fatally;
    return shrink_text(&finding, &program,
                       "slotcheck program 2\nslots 4\nframe_from_unused(p3, empty(0))\n"
                       "frame_clone(f0)\nframe_drop(f0)\n") == SHRINK_DONE;
}

/* A candidate that hangs ends the one child, then others; when it is time, what there is is kept. */
static bool hanging_candidates_are_passed_over(void)
{
    struct slotcheck_subject subject = *builtin();
    struct shrink_finding finding = {.subject = &subject, .timeout = 60, .budget_ms = 300};
    struct program program;

    subject.frame_clone = clone_pausing;
    return shrink_text(&finding, &program,
                       "slotcheck program 2\nslots 2\nframe_from_unused(p1, empty(0))\n"
                       "frame_clone(f0)\n") == SHRINK_DONE &&
           finding.counts.limited && program.nr_ops == 2;
}

/* It seems to hang, and then agrees. */
static bool late_is_not_never(void)
{
    const struct shrink_limits limits = {.runs = 1, .operations = UINT64_MAX};
    struct slotcheck_subject subject = *builtin();
    struct shrink_finding finding = {.subject = &subject, .timeout = 10, .limits = &limits};
    struct program program;

    subject.frame_clone = clone_late;
    return shrink_text(&finding, &program,
                       "slotcheck program 2\nslots 1\nframe_from_unused(p0, empty(0))\n"
                       "frame_clone(f0)\n") == SHRINK_AGREES &&
           finding.signature[0] == '\0';
}

/* All at once, as they wait for the most part. */
static void time_decides_nothing(void **state)
{
    bool (*const tests[])(void) = {slow_programs_are_shrunk, hanging_candidates_are_passed_over,
                                   late_is_not_never};
    enum { NR = sizeof(tests) / sizeof(tests[0]) };
    pid_t child[NR];
    int status;

    (void)state;
    for (size_t i = 0; i < NR; i++) {
        child[i] = fork();
        if (child[i] == 0) {
            alarm(30);
            _exit(tests[i]() ? 0 : 1);
        }
    }
    for (size_t i = 0; i < NR; i++) {
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        if (status != 0)
            fail_msg("test %zu: status %d", i, status);
    }
}

static pid_t start_shrinking(const struct shrink_finding *finding, struct program *program)
{
    const pid_t parent = fork();

    if (parent == 0) {
        struct shrink_finding own = *finding;

        (void)shrink_finding(&own, program);
        _exit(0);
    }
    return parent;
}

static int life[2]; /* held open by the processes that are alive */

static uint32_t clone_says_so_and_pauses(struct slotcheck_region *region, uint64_t frame,
                                         uint64_t *clone)
{
    (void)region;
    *clone = frame;
    if (write(life[1], "", 1) != 1)
        return SLOTCHECK_PANIC;
    while (frame != 0)
        pause();
    return SLOTCHECK_OK;
}

/* A child does not outlive the parent, whatever ends that. */
static void no_child_is_left(void **state)
{
    struct slotcheck_subject subject = *builtin();
    const struct shrink_finding finding = {.subject = &subject, .timeout = 60};
    struct program program;
    struct pollfd end = {.events = POLLIN};
    char byte;
    pid_t parent;

    (void)state;
    subject.frame_clone = clone_says_so_and_pauses;
    parse(&program, "slotcheck program 2\nslots 1\nframe_from_unused(p0, empty(0))\n"
                    "frame_clone(f0)\n");
    assert_int_equal(pipe(life), 0);
    parent = start_shrinking(&finding, &program);
    assert_true(parent > 0);
    close(life[1]);
    assert_int_equal(read(life[0], &byte, 1), 1);
    kill(parent, SIGTERM);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    /* Nobody holds the other end any more. */
    end.fd = life[0];
    assert_int_equal(poll(&end, 1, 5000), 1);
    assert_int_equal(read(life[0], &byte, 1), 0);
    close(life[0]);
    program_free(&program);
}

/* --- what nothing else shows --- */

/* The sixth frame is cloned while the third one is in use, too. */
static bool clones_the_sixth(void *context, const struct program *candidate, struct trace *trace)
{
    struct finding *finding = context;
    bool has_third = false;
    const size_t last = candidate->nr_ops - 1;

    assert_true(lockstep_run(finding->lockstep, candidate, trace));
    for (size_t i = 0; i < last; i++)
        has_third |= trace->steps[i].paddr == 3 * UINT64_C(4096);
    return has_third && candidate->ops[last].op == OP_frame_clone &&
           trace->steps[last].status == STEP_EXECUTED &&
           trace->steps[last].paddr == 6 * UINT64_C(4096);
}

/* Handles that go take others with them, unless the operands behind them are renumbered. */
static void handles_are_renumbered(void **state)
{
    /* Enough for what goes by halves. */
    const struct shrink_limits limits = {.runs = 60, .operations = UINT64_MAX};
    struct shrink_counts counts;
    struct finding finding;
    struct program program;

    (void)state;
    finding_create(&finding, builtin()->frame_clone);
    parse(&program, "slotcheck program 2\nslots 16\n"
                    "frame_from_unused(p0, empty(0))\nframe_from_unused(p1, empty(0))\n"
                    "frame_from_unused(p2, empty(0))\nframe_from_unused(p3, empty(0))\n"
                    "frame_from_unused(p4, empty(0))\nframe_from_unused(p5, empty(0))\n"
                    "frame_from_unused(p6, empty(0))\nframe_from_unused(p7, empty(0))\n"
                    "frame_clone(f6)\n");
    assert_int_equal(shrink(&program, clones_the_sixth, &finding, &limits, &counts), SHRINK_DONE);
    assert_int_equal(program.nr_ops, 3);
    program_free(&program);
    finding_destroy(&finding);
}

enum { CLAIMED = 40 };

/* All frames are in use, in any order, and the 36th handle is cloned. */
static bool clones_the_36th(void *context, const struct program *candidate, struct trace *trace)
{
    struct finding *finding = context;

    assert_true(lockstep_run(finding->lockstep, candidate, trace));
    if (candidate->nr_ops != CLAIMED + 1 || candidate->ops[CLAIMED].op != OP_frame_clone ||
        candidate->ops[CLAIMED].operand[0] % CLAIMED != 35)
        return false;
    for (size_t i = 0; i <= CLAIMED; i++)
        if (trace->steps[i].result != SPEC_OK)
            return false;
    return true;
}

/* Where nothing simpler shows the finding, and an operand has several ways to be written. */
static void operands_are_canonical(void **state)
{
    /* Until nothing goes any more, and what is left is simplified. */
    const struct shrink_limits limits = {.runs = 30000, .operations = UINT64_MAX};
    struct shrink_counts counts;
    struct finding finding;
    struct program program;

    (void)state;
    finding_create(&finding, builtin()->frame_clone);
    program_init(&program);
    assert_true(program_set_slots(&program, CLAIMED));
    for (uint16_t i = 0; i < CLAIMED; i++)
        assert_true(program_append(&program, (struct operation){.op = OP_frame_from_unused,
                                                                .opcode = OP_frame_from_unused,
                                                                .operand = {i}}));
    program.ops[35].operand[0] = CLAIMED + 35;
    assert_true(program_append(&program, (struct operation){.op = OP_frame_clone,
                                                            .opcode = OP_frame_clone,
                                                            .operand = {4 * CLAIMED + 35}}));
    assert_int_equal(shrink(&program, clones_the_36th, &finding, &limits, &counts), SHRINK_DONE);
    assert_int_equal(program.ops[35].operand[0], 35);
    assert_int_equal(program.ops[CLAIMED].operand[0], 35);
    program_free(&program);
    finding_destroy(&finding);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_cases_become_short), cmocka_unit_test(nothing_odd_is_left),
        cmocka_unit_test(the_signature_is_held),   cmocka_unit_test(results_are_final),
        cmocka_unit_test(limits_cost_no_finding),  cmocka_unit_test(agreement_stays_as_it_is),
        cmocka_unit_test(children_shrink_alike),   cmocka_unit_test(children_hold_the_signature),
        cmocka_unit_test(one_region_is_enough),    cmocka_unit_test(time_decides_nothing),
        cmocka_unit_test(no_child_is_left),        cmocka_unit_test(handles_are_renumbered),
        cmocka_unit_test(operands_are_canonical),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
