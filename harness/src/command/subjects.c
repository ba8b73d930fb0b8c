/* SPDX-License-Identifier: MPL-2.0 */
#include <argp.h>
#include <inttypes.h>

#include "command.h"
#include "slotcheck/subject_load.h"

struct subjects_options {
    const char *library;
    bool json;
};

static const struct argp_option OPTIONS[] = {
    {"json", 'j', NULL, 0, "print a JSON object", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct subjects_options *options = state->input;

    switch (key) {
    case 'j':
        options->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (options->library)
            argp_failure(state, EXIT_USAGE, 0, "one library at a time");
        options->library = argument;
        return 0;
    case ARGP_KEY_END:
        if (!options->library)
            argp_failure(state, EXIT_USAGE, 0,
                         "no library given (`builtin` is the built-in subject)");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

struct capability {
    enum slotcheck_capability bit;
    const char *name;
    const char *without; /* what its lack means */
};

static const struct capability CAPABILITIES[] = {
    {SLOTCHECK_CAN_REPORT_GHOST, "ghost", "usage, permissions, obligations, init are not judged"},
    {SLOTCHECK_CAN_REPORT_ON_DROP, "on_drop", "runs of on_drop are not judged"},
    {SLOTCHECK_CAN_RETURN_FROM_PANIC, "panic returns", "panics are provoked in a forked child"},
    {SLOTCHECK_CAN_MANY_REGIONS, "many regions", "one region at a time"},
    {SLOTCHECK_CAN_SNAPSHOT, "snapshots", "states are reached by running programs again"},
    {SLOTCHECK_CAN_RAW_SLOTS, "raw slots", "every slot is asked after every operation"},
    {SLOTCHECK_CAN_THREADS, "threads", "one thread at a time"},
};

enum {
    NR_CAPABILITIES = sizeof(CAPABILITIES) / sizeof(CAPABILITIES[0]),
};

static bool has(const struct slotcheck_subject *subject, int i)
{
    return (subject->capabilities & (uint64_t)CAPABILITIES[i].bit) != 0;
}

static void print_text(const struct slotcheck_subject *subject)
{
    printf("%s: %s\n", subject->name, subject->description);
    printf("interface version %" PRIu32 "\n", subject->version);
    if (subject->fixed_slots)
        printf("regions of %" PRIu64 " slots only\n", subject->fixed_slots);
    printf("\ncapabilities\n");
    for (int i = 0; i < NR_CAPABILITIES; i++)
        printf("  %-14s %-4s %s\n", CAPABILITIES[i].name, has(subject, i) ? "yes" : "no",
               has(subject, i) ? "" : CAPABILITIES[i].without);
    if (!subject->read_metadata)
        printf("  %-14s no   metadata is not judged\n", "read_metadata");
    printf("\noperations\n");
    for (int op = 0; op < NR_OPS; op++)
        printf("  %-30s %-4s %s\n", OPS[op].name,
               subject_offers(subject, (enum op)op) ? "yes" : "no", OPS[op].upstream);
}

static int print_json(const struct slotcheck_subject *subject)
{
    json_t *capabilities = json_object(), *operations = json_object();

    for (int i = 0; i < NR_CAPABILITIES; i++)
        json_object_set_new(capabilities, CAPABILITIES[i].name, json_boolean(has(subject, i)));
    for (int op = 0; op < NR_OPS; op++)
        json_object_set_new(operations, OPS[op].name,
                            json_boolean(subject_offers(subject, (enum op)op)));

    json_t *record =
        json_pack("{s:s, s:s, s:I, s:I, s:o, s:b, s:o}", "name", subject->name, "description",
                  subject->description, "interface_version", (json_int_t)subject->version,
                  "fixed_slots", (json_int_t)subject->fixed_slots, "capabilities", capabilities,
                  "read_metadata", subject->read_metadata != NULL, "operations", operations);

    return json_print(stdout, record, 2) ? EXIT_AGREEMENT : EXIT_INTERNAL;
}

int command_subjects(int argc, char **argv)
{
    const struct argp argp = {OPTIONS,
                              parse_option,
                              "LIB",
                              "Prints what the subject in a shared library offers: interface "
                              "version, capabilities, ghost state, operations. `builtin` is the "
                              "built-in subject."
                              "\vExample:\n  ./slotcheck subjects ./libmine.so",
                              NULL,
                              NULL,
                              NULL};
    struct subjects_options options = {0};
    char error[512];

    argp_parse(&argp, argc, argv, 0, NULL, &options);

    const struct slotcheck_subject *subject = subject_load(options.library, error, sizeof(error));

    if (!subject)
        return complain(EXIT_USAGE, "%s", error);
    if (options.json)
        return print_json(subject);
    print_text(subject);
    return EXIT_AGREEMENT;
}
