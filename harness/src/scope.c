/* SPDX-License-Identifier: MPL-2.0 */
#include "slotcheck/scope.h"

#include <stdio.h>
#include <string.h>

/* --- operands --- */

static void add(struct scope *scope, enum operand_kind kind, unsigned value)
{
    scope->values[kind][scope->nr_values[kind]++] = (uint16_t)value;
}

static void add_slots(struct scope *scope, enum operand_kind kind)
{
    for (unsigned i = 0; i < scope->nr_slots; i++)
        add(scope, kind, i);
}

/* How META and TYPE write a type and the seed of its values. */
static unsigned typed(enum spec_metadata_type type, unsigned seed)
{
    return META_NR_TYPES * seed + type;
}

/*
 * Values that differ from what is there without anybody's doing, which is zeros, and do not fit a
 * byte. A link without links, as only that can go into a list.
 */
static void add_metadata(struct scope *scope)
{
    add(scope, OPERAND_META, typed(SPEC_METADATA_EMPTY, 1));
    add(scope, OPERAND_META, typed(SPEC_METADATA_UNTYPED, 0));
    add(scope, OPERAND_META, typed(SPEC_METADATA_FRAME_LINK, 0x1004));
    add(scope, OPERAND_META, typed(SPEC_METADATA_PT_NODE, 0x101));
    add(scope, OPERAND_META, typed(SPEC_METADATA_PROBE, 0x1001));
}

static void add_numbers(struct scope *scope, enum operand_kind kind, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        add(scope, kind, i);
}

void scope_init(struct scope *scope, uint64_t nr_slots)
{
    memset(scope, 0, sizeof(*scope));
    scope->nr_slots = nr_slots;
    add(scope, OPERAND_NONE, 0);
    add_slots(scope, OPERAND_PADDR);
    add(scope, OPERAND_PADDR, PADDR_OOB);
    add(scope, OPERAND_PADDR, PADDR_DISTANCE);
    add(scope, OPERAND_PADDR, PADDR_OOB_DISTANCE);
    add(scope, OPERAND_PADDR, PADDR_TOP);
    add_slots(scope, OPERAND_SLOT);
    add_metadata(scope);
    add_numbers(scope, OPERAND_FLAG, 2);
    add(scope, OPERAND_COUNT, 0);
    add(scope, OPERAND_COUNT, 1);
    add(scope, OPERAND_COUNT, COUNT_MAX + 1);
    add(scope, OPERAND_COUNT, COUNT_MAX);
    add(scope, OPERAND_COUNT, COUNT_ABOVE_MAX);
    add(scope, OPERAND_COUNT, COUNT_BELOW_UNIQUE);
    add_numbers(scope, OPERAND_LEVEL, 2);
    add(scope, OPERAND_VALUE, 7);
    add_numbers(scope, OPERAND_LENGTH, (unsigned)nr_slots + 1);
    add(scope, OPERAND_LENGTH, LENGTH_DISTANCE);
    add_numbers(scope, OPERAND_TYPE, META_NR_TYPES);
    add(scope, OPERAND_PATH, 0);
    add(scope, OPERAND_PATH, SPEC_NR_PATHS - 1);
    add_numbers(scope, OPERAND_USAGE, USAGE_NR);
}

/* --- operations --- */

const char SCOPE_DEFAULT_OPS[] = "setup,slot,frame,unique,node";

const char *const SCOPE_GROUPS[] = {"slot", "frame", "unique",  "node", "boot",
                                    "map",  "list",  "segment", "repr", NULL};

/* Which group an operation belongs to says the type that its function is one of upstream. */
static const struct {
    const char *upstream, *group;
} GROUP_OF[] = {
    {"setup", "boot"},
    {"ghost", "slot"},
    {"MetaSlot::", "slot"},
    {"Frame::", "frame"},
    {"Frame<", "frame"},
    {"UniqueFrame::", "unique"},
    {"PageTableNode::", "node"},
    {"PageTable::", "map"},
    {"LinkedList::", "list"},
    {"CursorMut::", "list"},
    {"Segment::", "segment"},
    {"Metadata::", "repr"},
    {"MetadataAsLink::", "repr"},
};

static const char *group_of(enum op op)
{
    for (size_t i = 0; i < sizeof(GROUP_OF) / sizeof(GROUP_OF[0]); i++)
        if (strncmp(OPS[op].upstream, GROUP_OF[i].upstream, strlen(GROUP_OF[i].upstream)) == 0)
            return GROUP_OF[i].group;
    return "";
}

/* True if `word`, of that length, is `name`. */
static bool is(const char *word, size_t length, const char *name)
{
    return strlen(name) == length && strncmp(word, name, length) == 0;
}

static bool add_ops(struct scope *scope, const char *word, size_t length)
{
    bool known = false;

    for (int op = 0; op < NR_OPS; op++) {
        if (!is(word, length, "all") && !is(word, length, OPS[op].name) &&
            !is(word, length, group_of((enum op)op)))
            continue;
        scope->ops[op] = true;
        known = true;
    }
    return known;
}

bool scope_add_ops(struct scope *scope, const char *names, char *wrong, size_t wrong_size)
{
    for (const char *word = names;; word++) {
        const size_t length = strcspn(word, ",");

        if (!add_ops(scope, word, length)) {
            snprintf(wrong, wrong_size, "%.*s", (int)length, word);
            return false;
        }
        word += length;
        if (*word == '\0')
            return true;
    }
}
