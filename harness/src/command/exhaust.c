/* SPDX-License-Identifier: MPL-2.0 */
/* exhaust: all programs of a small scope. What is asked for, and what follows from what was found. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "../divergence_build.h"
#include "exhaust_search.h"
#include "slotcheck/subject_load.h"

/* --- arguments --- */

enum {
    KEY_SPEC = 0x100, /* options without a letter */
    KEY_EXACT,
    KEY_REPLAY,
    KEY_CORPUS,
    KEY_CELLS,
    DEFAULT_SLOTS = 2,
    DEFAULT_DEPTH = 8,
    DEFAULT_MEMORY = 4096,
    DEFAULT_TIMEOUT = 10,
};

static char groups[100]; /* what --ops takes beside operations */
static char ops_help[200];

static const struct argp_option OPTIONS[] = {
    {"slots", 'n', "N", 0, "slots of the region, 1..16 (2)", 0},
    {"depth", 'd', "N", 0, "run programs of up to N operations, 1..64 (8)", 0},
    {"ops", 'p', "NAMES", 0, ops_help, 0},
    {"subject", 's', "LIB", 0, "shared library to test instead of the built-in subject", 0},
    {"spec", KEY_SPEC, "ostd|vostd", 0,
     "the shipping kernel (ostd, the default) or the verified sources, where the two disagree", 0},
    {"exact", KEY_EXACT, NULL, 0,
     "tell states apart by the order of handles, too, and by what the subject saves of itself", 0},
    {"replay", KEY_REPLAY, NULL, 0,
     "run every program from its beginning, also if the subject can take a state back", 0},
    {"memory", 'm', "MIB", 0,
     "stop when the tables of states cannot grow within that many MiB (4096); they double, so that "
     "half of it may be left",
     0},
    {"limit", 'l', "TIME", 0,
     "stop after that time: seconds, or 10m, 8h, 2d; the corpus may take as much again", 0},
    {"timeout", 't', "SECONDS", 0, "an operation that takes longer is a finding (10 seconds)", 0},
    {"out", 'o', "DIR", 0, "folder for a program that diverges (out/exhaust, or out/exhaust-NAME)",
     0},
    {"corpus", KEY_CORPUS, "DIR", 0,
     "write programs to this new or empty folder that have every cell that was reached; none of "
     "them can be left out",
     0},
    {"cells", KEY_CELLS, "FILE", 0,
     "write there every cell that was reached: operation, result, and state that it met", 0},
    {"json", 'j', NULL, 0, "print a JSON object", 0},
    {0},
};

/* The groups stand in the scope's own list. */
static void write_help(void)
{
    size_t n = 0;

    for (int i = 0; SCOPE_GROUPS[i]; i++)
        n += (size_t)snprintf(groups + n, sizeof(groups) - n, "%s ", SCOPE_GROUPS[i]);
    snprintf(groups + n, sizeof(groups) - n, "all");
    snprintf(ops_help, sizeof(ops_help), "operations and groups of them, with commas: %s (%s)",
             groups, SCOPE_DEFAULT_OPS);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct exhaust_options *options = state->input;

    switch (key) {
    case 'n':
        options->nr_slots = parse_number(state, "slots", argument, SCOPE_MAX_SLOTS, "slots");
        return 0;
    case 'd':
        options->depth = parse_number(state, "depth", argument, EXHAUST_MAX_DEPTH, "operations");
        return 0;
    case 'p':
        options->ops = argument;
        return 0;
    case 's':
        options->library = argument;
        return 0;
    case KEY_SPEC:
        options->variant = parse_variant(state, argument);
        return 0;
    case KEY_EXACT:
        options->exact = true;
        return 0;
    case KEY_REPLAY:
        options->replay = true;
        return 0;
    case 'm':
        options->memory = parse_number(state, "memory", argument, 1 << 24, "MiB");
        return 0;
    case 'l':
        options->limit = parse_duration(state, "limit", argument);
        return 0;
    case 't':
        options->timeout = parse_timeout(state, argument);
        return 0;
    case 'o':
        options->out = argument;
        return 0;
    case KEY_CORPUS:
        options->corpus = argument;
        return 0;
    case KEY_CELLS:
        options->cells = argument;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_failure(state, EXIT_USAGE, 0, "%s: no argument is expected", argument);
        return 0;
    case ARGP_KEY_END:
        if (options->json && options->cells && strcmp(options->cells, "-") == 0)
            argp_failure(state, EXIT_USAGE, 0,
                         "--cells - and --json: standard output has room for one of them");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* --- before anything is run --- */

/* Is there a folder for the file? False, after complaining. */
static bool can_be_written(const char *path)
{
    const char *name = strrchr(path, '/');
    char folder[PATH_MAX];

    if (strcmp(path, "-") == 0)
        return true;
    snprintf(folder, sizeof(folder), "%.*s", name ? (int)(name - path) : 1, name ? path : ".");
    if (!is_folder(*folder ? folder : "/"))
        return no_file(path);
    if (!is_folder(path))
        return true;
    errno = EISDIR;
    return no_file(path);
}

/* Programs of an earlier search would be taken for some of this one. */
static bool make_empty_folder(const char *path)
{
    DIR *folder;
    int nr_entries = 0;

    if (!make_folder(path))
        return false;
    folder = opendir(path);
    if (!folder)
        return no_file(path);
    while (readdir(folder))
        nr_entries++;
    closedir(folder);
    if (nr_entries <= 2) /* itself, and the one above */
        return true;
    complain(EXIT_USAGE, "--corpus %s: the folder is not empty", path);
    return false;
}

static bool files_can_be_written(const struct exhaust_options *options)
{
    char folder[PATH_MAX];

    return finding_folder(options, folder, sizeof(folder)) &&
           (!options->cells || can_be_written(options->cells)) &&
           (!options->corpus || make_empty_folder(options->corpus));
}

/* False, after complaining. */
static bool choose_slots(const struct search *search, uint64_t *nr_slots)
{
    const uint64_t fixed = search->subject->fixed_slots;

    *nr_slots = search->options->nr_slots;
    if (*nr_slots == 0)
        *nr_slots = fixed ? fixed : DEFAULT_SLOTS;
    if (*nr_slots > SCOPE_MAX_SLOTS) {
        complain(EXIT_USAGE, "regions of %s have %" PRIu64 " slots; at most %d can be searched",
                 search->subject->name, fixed, SCOPE_MAX_SLOTS);
        return false;
    }
    if (fixed && *nr_slots != fixed)
        complain(EXIT_USAGE, "--slots %" PRIu64 ": regions of %s have %" PRIu64 " slots", *nr_slots,
                 search->subject->name, fixed);
    return !fixed || *nr_slots == fixed;
}

/* Only what the subject offers is said to have been run. False, after complaining, if that is nothing.
 */
static bool leave_out_not_offered(struct search *search)
{
    int nr_ops = 0;

    for (int op = 0; op < NR_OPS; op++) {
        search->scope.ops[op] &= subject_offers(search->subject, (enum op)op);
        nr_ops += search->scope.ops[op];
    }
    if (nr_ops == 0)
        complain(EXIT_USAGE, "--ops %s: %s offers none of these operations", search->options->ops,
                 search->subject->name);
    return nr_ops > 0;
}

/* The scope that was asked for; false after complaining. */
static bool choose_scope(struct search *search)
{
    uint64_t nr_slots;
    char wrong[80];

    if (!choose_slots(search, &nr_slots))
        return false;
    scope_init(&search->scope, nr_slots);
    if (scope_add_ops(&search->scope, search->options->ops, wrong, sizeof(wrong)))
        return leave_out_not_offered(search);
    complain(EXIT_USAGE, "--ops: '%s' is neither an operation nor one of: %s", wrong, groups);
    return false;
}

/* --- a divergence --- */

/* The program that was run last; false if there is no memory. */
static bool last_program(const struct search *search, struct program *program)
{
    program_init(program);
    if (!program_set_slots(program, search->scope.nr_slots))
        return false;
    for (unsigned i = 0; i < search->report->nr_ops; i++)
        if (!program_append(program, search->report->ops[i]))
            return false;
    return true;
}

/* The child died of the operation at hand: that is the divergence. False if there is no memory. */
static bool note_crash(struct search *search, const struct program *program)
{
    struct exhaust_report *report = search->report;
    struct trace *trace = trace_create(report->nr_ops);

    if (!trace)
        return false;
    trace->nr_slots = search->scope.nr_slots;
    trace->nr_steps = report->nr_ops;
    memcpy(trace->steps, report->steps, report->nr_ops * sizeof(trace->steps[0]));
    divergence_of_crash(trace, program, search->ended_by);
    report->divergence = trace->divergence;
    trace_destroy(trace);
    return true;
}

/* Diverged, and not again: neither a case nor a statement can be made of it. */
static int conclude_unstable(const struct search *search)
{
    const struct found *found = search->found;
    const bool snapshots =
        (search->subject->capabilities & SLOTCHECK_CAN_SNAPSHOT) != 0 && !search->options->replay;

    if (!(search->options->json ? search_print(search) : case_print(&found->program, NULL)))
        return EXIT_USAGE;
    return complain(EXIT_INTERNAL,
                    "%s: this program of %u operations diverged once (%s), and not again: %s",
                    search->subject->name, found->nr_ops, found->signature,
                    snapshots ? "the subject keeps something over reset or snapshot_restore; see "
                                "--replay"
                              : "the subject keeps something over reset");
}

static int conclude_divergence(const struct search *search)
{
    struct found *found = search->found;
    const bool written = finding_write(search, found);
    int status;

    if (!search_print(search))
        return EXIT_USAGE;
    if (!search->options->json)
        printf("\n");
    if (!written) {
        /* So that it is not lost. */
        (void)(search->options->json || case_print(&found->program, NULL));
        return EXIT_USAGE;
    }
    if (search->options->json && found->diverges_alone)
        return EXIT_DIVERGENCE;
    status = finding_run(search, found);
    /* It may end the process in a way that `run` takes for somebody's. */
    if (found->diverges_alone && status != EXIT_DIVERGENCE)
        printf("DIVERGES  %s\n", found->path);
    if (!found->diverges_alone && status == EXIT_AGREEMENT)
        return complain(EXIT_INTERNAL, "%s agrees when it is run by itself", found->path);
    return found->diverges_alone ? EXIT_DIVERGENCE : status;
}

/* --- conclusions --- */

static int say_killed(void)
{
    return complain(EXIT_INTERNAL, "the search was killed; less --memory may help");
}

static bool kills(int signal)
{
    return signal == SIGKILL || signal == SIGTERM;
}

/* An end from outside: what is known until then is true. */
static void end_early(struct search *search, bool killed)
{
    search->report->end = EXHAUST_STOPPED;
    search->was_killed = killed;
}

/* The child has died of something that is no operation's result. */
static int say_death(const struct search *search, const char *where)
{
    const char *name = search->subject->name;

    if (kills(search->ended_by))
        return say_killed();
    if (search->ended_by == SIGALRM)
        return complain(EXIT_INTERNAL, "%s did not return in time, %s", name, where);
    return complain(EXIT_INTERNAL, "%s ended the process, %s", name, where);
}

/* Prints and writes what is known; `status` if nothing is wrong with that. */
static int conclude_results(const struct search *search, int status)
{
    const struct exhaust_report *report = search->report;
    const struct exhaust_options *options = search->options;

    /* What is written of a search that was not complete is no less than what is said. */
    if (options->cells &&
        !cells_write(options->cells, &search->stats->cells, &search->scope,
                     report->end == EXHAUST_CLOSED ? options->depth : report->complete_depth))
        status = EXIT_USAGE;
    return search_print(search) ? status : EXIT_USAGE;
}

/* The corpus was not written as it should be: why? */
static int conclude_corpus(const struct search *search)
{
    const struct side_results *side = search->side;
    const char *folder = search->options->corpus;

    if (!folder || side->status || search->ended_by == SIGINT)
        return side->status;
    if (search->ended_by)
        return say_death(search, "while the corpus was written");
    if (side->cover != COVER_DIVERGED)
        return EXIT_AGREEMENT;
    complain(EXIT_DIVERGENCE,
             "%s: the last program diverges, which the search did not see: what the subject keeps "
             "where nobody looks decides; see --exact",
             folder);
    return EXIT_DIVERGENCE;
}

static int conclude_agreement(const struct search *search)
{
    const int status = conclude_results(search, EXIT_AGREEMENT);
    const int of_corpus = conclude_corpus(search);

    if (search->was_killed)
        return say_killed();
    return of_corpus ? of_corpus : status;
}

/* The last program diverges, or has ended the child. */
static int conclude_last_program(struct search *search)
{
    struct exhaust_report *report = search->report;
    struct found found = {.nr_ops = report->nr_ops};
    int status = EXIT_INTERNAL;

    if (!last_program(search, &found.program) ||
        (report->end == EXHAUST_GOES_ON && !note_crash(search, &found.program))) {
        complain(EXIT_INTERNAL, "no memory");
    } else {
        finding_judge(search, &found);
        if (found.agrees_alone && report->end == EXHAUST_GOES_ON && kills(search->ended_by)) {
            /* Not by the program: for lack of memory, or by a person. */
            end_early(search, true);
            status = conclude_agreement(search);
        } else {
            if (report->end == EXHAUST_GOES_ON)
                report->complete_depth = report->nr_ops - 1;
            report->end = EXHAUST_DIVERGED;
            search->found = &found;
            status = found.agrees_alone ? conclude_unstable(search) : conclude_divergence(search);
        }
    }
    search->found = NULL;
    program_free(&found.program);
    return status;
}

static int conclude(struct search *search)
{
    const struct exhaust_report *report = search->report;

    if (report->end == EXHAUST_FAILED)
        return complain(EXIT_USAGE, "%s: %s", search->subject->name, report->error);
    if (report->end == EXHAUST_DIVERGED)
        return conclude_last_program(search);
    if (report->end != EXHAUST_GOES_ON)
        return search->ended_by && !search->side->is_over
                   ? say_death(search, "outside of any operation")
                   : conclude_agreement(search);
    if (search->side->status)
        return search->side->status;
    if (search->ended_by != SIGINT) {
        if (report->nr_ops && report->steps[report->nr_ops - 1].status == STEP_STARTED)
            return conclude_last_program(search);
        if (!kills(search->ended_by))
            return say_death(search, "outside of any operation");
    }
    end_early(search, kills(search->ended_by));
    return conclude_agreement(search);
}

int command_exhaust(int argc, char **argv)
{
    const struct argp argp = {
        OPTIONS,
        parse_option,
        NULL,
        "Runs all programs of a small scope, shortest first, on the subject and on the "
        "specification in lockstep. States that are reached again are not gone on from again. The "
        "first divergence is a shortest one."
        "\vExit status: 0 agreement as far as is said, 1 divergence, 2 wrong usage, 3 internal "
        "error.\n\nExamples:\n  ./slotcheck exhaust\n"
        "  ./slotcheck exhaust --subject ./libmine.so --ops list,unique --depth 6\n"
        "  ./slotcheck exhaust --slots 3 --depth 12 --limit 10m",
        NULL,
        NULL,
        NULL};
    struct exhaust_options options = {.ops = SCOPE_DEFAULT_OPS,
                                      .depth = DEFAULT_DEPTH,
                                      .memory = DEFAULT_MEMORY,
                                      .timeout = DEFAULT_TIMEOUT};
    struct search search = {.options = &options};
    char error[512];

    write_help();
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    search.subject = subject_load(options.library, error, sizeof(error));
    if (!search.subject)
        return complain(EXIT_USAGE, "%s", error);
    if (!choose_scope(&search) || !files_can_be_written(&options))
        return EXIT_USAGE;
    search.report = shared_memory(sizeof(*search.report));
    search.stats = shared_memory(sizeof(*search.stats));
    search.side = shared_memory(sizeof(*search.side));
    if (!search.report || !search.stats || !search.side)
        return complain(EXIT_INTERNAL, "no memory");
    return search_run(&search) ? conclude(&search) : EXIT_INTERNAL;
}
