/* SPDX-License-Identifier: MPL-2.0 */
/* Shrinking: what is held, what is left, and that nothing is left to be done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

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
    assert_true(counts.runs > 0 && counts.operations <= MAX_OPERATIONS);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_cases_become_short), cmocka_unit_test(nothing_odd_is_left),
        cmocka_unit_test(the_signature_is_held),   cmocka_unit_test(results_are_final),
        cmocka_unit_test(limits_cost_no_finding),  cmocka_unit_test(agreement_stays_as_it_is),
        cmocka_unit_test(children_shrink_alike),   cmocka_unit_test(children_hold_the_signature),
        cmocka_unit_test(one_region_is_enough),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
