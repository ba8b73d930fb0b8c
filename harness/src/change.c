/* SPDX-License-Identifier: MPL-2.0 */
#include "slotcheck/change.h"

#include <inttypes.h>
#include <string.h>

#include "slotcheck/divergence.h"

/* How a field is changed; `operand` is what it says. */
enum action {
    ACT_ADD,           /* + operand */
    ACT_SUBTRACT,      /* - operand, if there is that much */
    ACT_SET,           /* = operand */
    ACT_CLEAR,         /* = 0, if it is not */
    ACT_FLIP,          /* 0 becomes 1, 1 becomes 0 */
    ACT_DOM,           /* the index leaves the map, or comes into it */
    ACT_STORAGE_INIT,  /* init becomes uninit, uninit an Empty of zeros */
    ACT_STORAGE_TYPE,  /* another type of metadata */
    ACT_STORAGE_VALUE, /* the same type, another value */
    ACT_STORAGE_LINK,  /* of a FrameLink: another next */
    ACT_VTABLE_INIT,   /* init becomes uninit, uninit that of Empty */
    ACT_VTABLE_TYPE,   /* that of another type */
    ACT_PATH_ADD,      /* the lowest path that is not in the set */
    ACT_PATH_REMOVE,   /* the lowest path that is */
    ACT_LIST_LIVE,     /* a list is gone, or is there though none was made */
    ACT_RESULT,        /* another result, and the state is what success leaves */
    ACT_REFUSED,       /* another result, and nothing has changed */
};

struct change_kind {
    const char *field;
    const char *to;
    enum action action;
    size_t offset; /* of the word in the struct of the part */
    uint64_t operand;
    enum field shown, exec;
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* --- the outcome --- */

#define RESULT(name, operand)                                                                      \
    {                                                                                              \
        "result", name, ACT_RESULT, 0, operand, FIELD_result, FIELD_result                         \
    }
#define REFUSED(name, operand)                                                                     \
    {                                                                                              \
        "refusal", name, ACT_REFUSED, 0, operand, FIELD_result, FIELD_result                       \
    }
#define OUTCOME(field, to, action, member, operand)                                                \
    {                                                                                              \
        field, to, action, offsetof(struct spec_outcome, member), operand, FIELD_value,            \
            FIELD_value                                                                            \
    }
#define DETAIL(i)                                                                                  \
    {                                                                                              \
        "detail[" #i "]", "another number", ACT_ADD, offsetof(struct spec_outcome, detail[i]),     \
            4096, FIELD_value, FIELD_detail                                                        \
    }

static const struct change_kind OUTCOME_CHANGES[] = {
    RESULT("Ok", SPEC_OK),
    RESULT("Err(InUse)", SPEC_IN_USE),
    RESULT("Err(Unused)", SPEC_UNUSED),
    RESULT("Err(Busy)", SPEC_BUSY),
    RESULT("Err(Unique)", SPEC_UNIQUE),
    RESULT("Err(OutOfBound)", SPEC_OUT_OF_BOUND),
    RESULT("Err(NotAligned)", SPEC_NOT_ALIGNED),
    RESULT("Err(frame)", SPEC_RETURNED),
    RESULT("None", SPEC_NONE),
    RESULT("panic", SPEC_PANIC),
    REFUSED("Err(InUse)", SPEC_IN_USE),
    REFUSED("Err(Unused)", SPEC_UNUSED),
    REFUSED("Err(Busy)", SPEC_BUSY),
    REFUSED("Err(Unique)", SPEC_UNIQUE),
    REFUSED("Err(OutOfBound)", SPEC_OUT_OF_BOUND),
    REFUSED("Err(NotAligned)", SPEC_NOT_ALIGNED),
    REFUSED("Err(frame)", SPEC_RETURNED),
    REFUSED("None", SPEC_NONE),
    REFUSED("panic", SPEC_PANIC),
    OUTCOME("value", "another one", ACT_ADD, value, 64),
    OUTCOME("value", "0", ACT_CLEAR, value, 0),
    DETAIL(0),
    DETAIL(1),
    DETAIL(2),
    DETAIL(3),
    {"metadata read", "another type", ACT_STORAGE_TYPE, 0, 0, FIELD_storage, FIELD_metadata},
    {"metadata read", "another value", ACT_STORAGE_VALUE, 0, 0, FIELD_storage, FIELD_metadata},
};

/* --- owners --- */

#define OWNER(field, to, action, member, operand, shown, exec)                                     \
    {                                                                                              \
        field, to, action, offsetof(struct meta_slot_owner, member), operand, FIELD_##shown,       \
            FIELD_##exec                                                                           \
    }
#define CELL(field, member)                                                                        \
    {                                                                                              \
        field, "another cell", ACT_ADD, offsetof(struct meta_slot_owner, member), 4096, NR_FIELDS, \
            NR_FIELDS                                                                              \
    }
#define COUNT(to, action, operand)                                                                 \
    OWNER("ref_count.value()", to, action, inner_perms.ref_count.value, operand, ref_count,        \
          ref_count)
#define USAGE(name, value) OWNER("usage", name, ACT_SET, usage, value, usage, usage)

#define STORAGE_INIT                                                                               \
    OWNER("storage.is_init()", "the opposite", ACT_STORAGE_INIT, inner_perms.storage.is_init, 0,   \
          storage_init, storage_init)
#define VTABLE_INIT                                                                                \
    OWNER("vtable_ptr.is_init()", "the opposite", ACT_VTABLE_INIT, inner_perms.vtable_ptr.is_init, \
          0, vtable_init, vtable_init)
#define IN_LIST                                                                                    \
    OWNER("in_list.value()", "another list's", ACT_ADD, inner_perms.in_list.value, 1, in_list,     \
          in_list),                                                                                \
        OWNER("in_list.value()", "0", ACT_CLEAR, inner_perms.in_list.value, 0, in_list, in_list)
#define USAGES                                                                                     \
    USAGE("Unused", SPEC_USAGE_UNUSED), USAGE("Reserved", SPEC_USAGE_RESERVED),                    \
        USAGE("Frame", SPEC_USAGE_FRAME), USAGE("PageTable", SPEC_USAGE_PAGE_TABLE),               \
        USAGE("Meta", SPEC_USAGE_META), USAGE("Kernel", SPEC_USAGE_KERNEL),                        \
        USAGE("MMIO", SPEC_USAGE_MMIO)
#define PATHS                                                                                      \
    OWNER("paths_in_pt", "one more path", ACT_PATH_ADD, paths_in_pt, 0, paths_in_pt, paths_in_pt), \
        OWNER("paths_in_pt", "one path less", ACT_PATH_REMOVE, paths_in_pt, 0, paths_in_pt,        \
              paths_in_pt)
#define COUNTS                                                                                     \
    COUNT("0", ACT_SET, 0), COUNT("MAX", ACT_SET, SPEC_REF_COUNT_MAX),                             \
        COUNT("MAX + 1, which is illegal", ACT_SET, SPEC_REF_COUNT_MAX + 1),                       \
        COUNT("UNIQUE", ACT_SET, SPEC_REF_COUNT_UNIQUE),                                           \
        COUNT("UNUSED", ACT_SET, SPEC_REF_COUNT_UNUSED)

static const struct change_kind OWNER_CHANGES[] = {
    {"dom", "without the index", ACT_DOM, 0, 0, FIELD_value, NR_FIELDS},
    CELL("storage.id()", inner_perms.storage.id),
    STORAGE_INIT,
    OWNER("storage.value()", "another type", ACT_STORAGE_TYPE, inner_perms.storage.value, 0,
          storage, storage),
    OWNER("storage.value()", "another value", ACT_STORAGE_VALUE, inner_perms.storage.value, 0,
          storage, storage),
    OWNER("storage.value()", "another link", ACT_STORAGE_LINK, inner_perms.storage.value, 0,
          storage, storage),
    CELL("ref_count.id()", inner_perms.ref_count.id),
    COUNT("one more", ACT_ADD, 1),
    COUNT("one less", ACT_SUBTRACT, 1),
    COUNTS,
    CELL("vtable_ptr.pptr()", inner_perms.vtable_ptr.pptr),
    VTABLE_INIT,
    OWNER("vtable_ptr.value()", "another type's", ACT_VTABLE_TYPE, inner_perms.vtable_ptr.value, 0,
          vtable_ptr, vtable_ptr),
    CELL("in_list.id()", inner_perms.in_list.id),
    IN_LIST,
    OWNER("slot_vaddr", "another slot's", ACT_ADD, slot_vaddr, 64, slot_vaddr, slot_vaddr),
    OWNER("slot_vaddr", "misaligned", ACT_ADD, slot_vaddr, 1, slot_vaddr, slot_vaddr),
    OWNER("slot_vaddr", "0", ACT_CLEAR, slot_vaddr, 0, slot_vaddr, slot_vaddr),
    USAGES,
    PATHS,
};

/* What operations may take for granted of the slot that they are called on. */
static const struct change_kind BEFORE_CHANGES[] = {
    STORAGE_INIT,
    COUNT("1", ACT_SET, 1),
    COUNT("2", ACT_SET, 2),
    COUNT("MAX - 1", ACT_SET, SPEC_REF_COUNT_MAX - 1),
    COUNTS,
    VTABLE_INIT,
    IN_LIST,
    USAGES,
    PATHS,
};

/* --- permissions, obligations, lists --- */

#define PERM(field, to, action, member, operand, shown)                                            \
    {                                                                                              \
        field, to, action, offsetof(struct meta_slot_perm, member), operand, shown,                \
            FIELD_permission                                                                       \
    }
#define PERM_REST                                                                                  \
    {"is_init()", "the opposite",     ACT_FLIP,        offsetof(struct meta_slot_perm, is_init),   \
     0,           FIELD_storage_init, FIELD_permission},                                           \
        PERM("value().storage", "another cell", ACT_ADD, value.storage_id, 4096, NR_FIELDS),       \
        PERM("value().ref_count", "another cell", ACT_ADD, value.ref_count_id, 4096, NR_FIELDS),   \
        PERM("value().vtable_ptr", "another cell", ACT_ADD, value.vtable_ptr, 4096, NR_FIELDS),    \
        PERM("value().in_list", "another cell", ACT_ADD, value.in_list_id, 4096, NR_FIELDS)

static const struct change_kind PERM_CHANGES[] = {
    {"dom", "the opposite", ACT_DOM, 0, 0, FIELD_permission, FIELD_permission},
    PERM("addr()", "another slot's", ACT_ADD, addr, 64, FIELD_slot_vaddr),
    PERM("pptr()", "another pointer", ACT_ADD, pptr, 64, FIELD_slot_vaddr),
    PERM_REST,
};

/* The same: what the permission may be taken for. */
static const struct change_kind BEFORE_PERM_CHANGES[] = {
    PERM("addr()", "another slot's", ACT_ADD, addr, 64, FIELD_slot_vaddr),
    PERM("addr()", "misaligned", ACT_ADD, addr, 1, FIELD_slot_vaddr),
    PERM("addr()", "0", ACT_CLEAR, addr, 0, FIELD_slot_vaddr),
    PERM_REST,
};

static const struct change_kind OBLIGATION_CHANGES[] = {
    {"count", "one more", ACT_ADD, 0, 1, FIELD_frame_obligations, FIELD_frame_obligations},
    {"count", "one less", ACT_SUBTRACT, 0, 1, FIELD_frame_obligations, FIELD_frame_obligations},
};

#define LIST(field, to, action, member, operand, shown, compared)                                  \
    {                                                                                              \
        field, to, action, offsetof(struct linked_list_owner, member), operand, FIELD_##shown,     \
            FIELD_list_##compared                                                                  \
    }

static const struct change_kind LIST_CHANGES[] = {
    LIST("the list", "gone, or there", ACT_LIST_LIVE, is_live, 0, in_list, size),
    LIST("list_id", "another one", ACT_ADD, list_id, 1, in_list, id),
    LIST("list_id", "0", ACT_CLEAR, list_id, 0, in_list, id),
    LIST("size", "one more", ACT_ADD, size, 1, in_list, size),
    LIST("size", "one less", ACT_SUBTRACT, size, 1, in_list, size),
    LIST("front", "another slot", ACT_ADD, front, 64, slot_vaddr, front),
    LIST("front", "none", ACT_CLEAR, front, 0, slot_vaddr, front),
    LIST("back", "another slot", ACT_ADD, back, 64, slot_vaddr, back),
    LIST("back", "none", ACT_CLEAR, back, 0, slot_vaddr, back),
    LIST("current", "another slot", ACT_ADD, current, 64, slot_vaddr, cursor),
    LIST("current", "at the ghost", ACT_CLEAR, current, 0, slot_vaddr, cursor),
};

#undef RESULT
#undef REFUSED
#undef OUTCOME
#undef DETAIL
#undef OWNER
#undef CELL
#undef COUNT
#undef USAGE
#undef STORAGE_INIT
#undef VTABLE_INIT
#undef IN_LIST
#undef USAGES
#undef PATHS
#undef COUNTS
#undef PERM
#undef PERM_REST
#undef LIST

/* --- numbering --- */

static const struct {
    const struct change_kind *kinds;
    unsigned nr_kinds;
    unsigned nr_roles;
} PARTS[NR_CHANGE_PARTS] = {
    [PART_OUTCOME] = {OUTCOME_CHANGES, LENGTH(OUTCOME_CHANGES), 1},
    [PART_OWNER] = {OWNER_CHANGES, LENGTH(OWNER_CHANGES), NR_CHANGE_ROLES},
    [PART_PERM] = {PERM_CHANGES, LENGTH(PERM_CHANGES), NR_CHANGE_ROLES},
    [PART_OBLIGATIONS] = {OBLIGATION_CHANGES, LENGTH(OBLIGATION_CHANGES), NR_CHANGE_ROLES},
    [PART_LIST] = {LIST_CHANGES, LENGTH(LIST_CHANGES), NR_CHANGE_ROLES},
    [PART_BEFORE] = {BEFORE_CHANGES, LENGTH(BEFORE_CHANGES), 1},
    [PART_BEFORE_PERM] = {BEFORE_PERM_CHANGES, LENGTH(BEFORE_PERM_CHANGES), 1},
};

unsigned nr_changes(void)
{
    unsigned n = 0;

    for (int part = 0; part < NR_CHANGE_PARTS; part++)
        n += PARTS[part].nr_kinds * PARTS[part].nr_roles;
    return n;
}

static const struct change_kind *find_kind(unsigned change, enum change_part *part,
                                           enum change_role *role)
{
    int at = 0;

    while (change >= PARTS[at].nr_kinds * PARTS[at].nr_roles) {
        change -= PARTS[at].nr_kinds * PARTS[at].nr_roles;
        at++;
    }
    *part = (enum change_part)at;
    *role = (enum change_role)(change / PARTS[at].nr_kinds);
    return &PARTS[at].kinds[change % PARTS[at].nr_kinds];
}

bool change_is_before(unsigned change)
{
    const enum change_part part = change_info(change).part;

    return part == PART_BEFORE || part == PART_BEFORE_PERM;
}

bool change_is_of_domain(unsigned change)
{
    enum change_part part;
    enum change_role role;

    return find_kind(change, &part, &role)->action == ACT_DOM;
}

struct change_info change_info(unsigned change)
{
    struct change_info info;
    const struct change_kind *kind = find_kind(change, &info.part, &info.role);

    info.field = kind->field;
    info.to = kind->to;
    info.shown = kind->shown;
    info.exec = kind->exec;
    return info;
}

/* --- applying --- */

static bool change_storage_value(struct meta_slot_storage *storage)
{
    switch (storage->type) {
    case SPEC_METADATA_EMPTY:
        storage->empty.bytes[0] ^= 1;
        return true;
    case SPEC_METADATA_FRAME_LINK:
        storage->frame_link.payload ^= 1;
        return true;
    case SPEC_METADATA_PT_NODE:
        storage->pt_node.lock ^= 1;
        return true;
    case SPEC_METADATA_PROBE:
        storage->probe.payload ^= 1;
        return true;
    default: /* untyped has no value */
        return false;
    }
}

static void change_storage_type(struct meta_slot_storage *storage)
{
    *storage = (struct meta_slot_storage){
        .type = storage->type == SPEC_METADATA_PROBE ? SPEC_METADATA_EMPTY : SPEC_METADATA_PROBE};
}

static bool change_link(struct meta_slot_storage *storage)
{
    if (storage->type != SPEC_METADATA_FRAME_LINK)
        return false;
    storage->frame_link.next_is_some ^= 1;
    storage->frame_link.next =
        storage->frame_link.next_is_some ? SPEC_FRAME_METADATA_RANGE_START : 0;
    return true;
}

/* A change of one word that needs no other. */
static bool change_word(const struct change_kind *kind, uint64_t *word)
{
    const uint64_t was = *word;

    switch (kind->action) {
    case ACT_ADD:
        *word += kind->operand;
        break;
    case ACT_SUBTRACT:
        *word -= *word >= kind->operand ? kind->operand : 0;
        break;
    case ACT_SET:
        *word = kind->operand;
        break;
    case ACT_CLEAR:
        *word = 0;
        break;
    case ACT_FLIP:
        *word ^= 1;
        break;
    case ACT_PATH_ADD:
        *word |= *word + 1;
        break;
    case ACT_PATH_REMOVE:
        *word &= *word - 1;
        break;
    case ACT_DOM:
    case ACT_STORAGE_INIT:
    case ACT_STORAGE_TYPE:
    case ACT_STORAGE_VALUE:
    case ACT_STORAGE_LINK:
    case ACT_VTABLE_INIT:
    case ACT_VTABLE_TYPE:
    case ACT_LIST_LIVE:
    case ACT_RESULT:
    case ACT_REFUSED:
        return false;
    }
    return *word != was;
}

static uint64_t *word_at(void *object, size_t offset)
{
    return (uint64_t *)(void *)((char *)object + offset);
}

/* What takes more than one word of the two; true with `changed` set if the action is of that kind. */
static bool change_storage(enum action action, struct storage_perm *storage, bool *changed)
{
    *changed = storage->is_init;
    if (action == ACT_STORAGE_INIT) {
        storage->is_init ^= 1;
        storage->value = (struct meta_slot_storage){0};
        *changed = true;
    } else if (action == ACT_STORAGE_TYPE) {
        if (storage->is_init)
            change_storage_type(&storage->value);
    } else if (action == ACT_STORAGE_VALUE) {
        *changed = storage->is_init && change_storage_value(&storage->value);
    } else if (action == ACT_STORAGE_LINK) {
        *changed = storage->is_init && change_link(&storage->value);
    } else {
        return false;
    }
    return true;
}

static bool change_vtable(enum action action, struct vtable_perm *vtable, bool *changed)
{
    *changed = true;
    if (action == ACT_VTABLE_INIT) {
        vtable->is_init ^= 1;
        vtable->value = 0;
    } else if (action == ACT_VTABLE_TYPE) {
        *changed = vtable->is_init;
        if (vtable->is_init)
            vtable->value =
                vtable->value == SPEC_METADATA_PROBE ? SPEC_METADATA_EMPTY : SPEC_METADATA_PROBE;
    } else {
        return false;
    }
    return true;
}

static bool change_owner(const struct change_kind *kind, struct meta_slot_owner *owner)
{
    bool changed;

    if (change_storage(kind->action, &owner->inner_perms.storage, &changed) ||
        change_vtable(kind->action, &owner->inner_perms.vtable_ptr, &changed))
        return changed;
    return change_word(kind, word_at(owner, kind->offset));
}

static bool change_owners(const struct change_kind *kind, struct meta_region_owners *owners,
                          uint64_t index)
{
    struct meta_slot_owner *owner = meta_region_owners_change(owners, index);

    if (!owners->slot_owners_dom[index])
        return false;
    if (kind->action != ACT_DOM)
        return change_owner(kind, owner);
    owners->slot_owners_dom[index] = 0;
    *owner = (struct meta_slot_owner){0};
    return true;
}

static bool change_perm(const struct change_kind *kind, struct meta_region_owners *owners,
                        uint64_t index)
{
    meta_region_owners_change(owners, index);
    if (kind->action != ACT_DOM)
        return owners->slots_dom[index] &&
               change_word(kind, word_at(&owners->slots[index], kind->offset));
    if (owners->slots_dom[index])
        meta_region_owners_remove_perm(owners, index);
    else
        meta_region_owners_insert_perm(owners, index);
    return true;
}

static bool change_list(const struct change_kind *kind, struct meta_region_owners *owners,
                        uint64_t index)
{
    struct linked_list_owner *list = meta_region_owners_change_list(owners, index);

    if (kind->action == ACT_LIST_LIVE) {
        *list = (struct linked_list_owner){.is_live = !list->is_live};
        return true;
    }
    /* An empty list has no element to be mistaken for another, and only a cursor is somewhere. */
    if (!list->is_live ||
        (kind->action == ACT_ADD && kind->operand == 64 && *word_at(list, kind->offset) == 0))
        return false;
    return change_word(kind, word_at(list, kind->offset));
}

static void nothing_changed(struct changeable *step)
{
    struct meta_region_owners *post = step->post;

    for (uint64_t i = 0; i < post->nr_changed; i++)
        meta_region_owners_copy_slot(post, &step->before->owners, post->changed[i]);
    memcpy(post->lists, step->before->owners.lists, sizeof(post->lists));
}

/* All zero is mostly no answer at all. */
static bool has_metadata(const struct spec_outcome *outcome)
{
    static const struct meta_slot_storage NONE;

    return outcome->result == SPEC_OK && !meta_slot_storage_equal(&outcome->metadata, &NONE);
}

/* The permission before the step, and with `follows` after it if the step leaves it as it is. */
static bool change_before_perm(const struct change_kind *kind, struct changeable *step,
                               uint64_t index)
{
    struct meta_slot_perm *before = &step->before->owners.slots[index];
    struct meta_slot_perm *after = &step->post->slots[index];
    const bool same = step->post->slots_dom[index] && meta_slot_perm_equal(before, after);

    meta_region_owners_change(step->post, index);
    if (!step->before->owners.slots_dom[index] || !change_word(kind, word_at(before, kind->offset)))
        return false;
    if (step->follows && same)
        *after = *before;
    return true;
}

/* Does the operation have such an answer at all? Any of them can panic. */
static bool can_answer(enum op op, enum spec_result result)
{
    switch (result) {
    case SPEC_OK:
    case SPEC_PANIC:
        return true;
    case SPEC_IN_USE:
    case SPEC_UNUSED:
    case SPEC_BUSY:
    case SPEC_UNIQUE:
    case SPEC_OUT_OF_BOUND:
    case SPEC_NOT_ALIGNED:
        return op == OP_get_slot || op == OP_get_from_unused || op == OP_get_from_in_use ||
               op == OP_frame_from_unused || op == OP_frame_from_in_use ||
               op == OP_unique_frame_from_unused || op == OP_page_table_node_alloc ||
               op == OP_segment_from_unused;
    case SPEC_RETURNED:
        return op == OP_unique_frame_try_from || op == OP_frame_try_from;
    case SPEC_NONE:
        return op == OP_list_pop_front || op == OP_list_pop_back || op == OP_list_cursor_mut_at ||
               op == OP_cursor_take_current || op == OP_segment_next;
    }
    return false;
}

static bool change_outcome(const struct change_kind *kind, struct changeable *step)
{
    struct spec_outcome *outcome = &step->outcome;
    const enum spec_result result = (enum spec_result)kind->operand;
    const bool ok = outcome->result == SPEC_OK;

    if (kind->action == ACT_RESULT) {
        if (outcome->result == result || !can_answer(step->op, result))
            return false;
        outcome->result = result;
        return true;
    }
    if (kind->action == ACT_REFUSED) {
        /* After an error nothing has changed anyway. */
        if (!ok || !can_answer(step->op, result))
            return false;
        nothing_changed(step);
        *outcome = (struct spec_outcome){.result = result};
        return true;
    }
    if (kind->action == ACT_STORAGE_TYPE) {
        if (has_metadata(outcome))
            change_storage_type(&outcome->metadata);
        return has_metadata(outcome);
    }
    if (kind->action == ACT_STORAGE_VALUE)
        return has_metadata(outcome) && change_storage_value(&outcome->metadata);
    /* What an error answers beside itself means nothing, and 0 is mostly no answer at all. */
    return ok && *word_at(outcome, kind->offset) != 0 &&
           change_word(kind, word_at(outcome, kind->offset));
}

/*
 * Before the step, and with `follows` after it in all that the step leaves as it is. A count that
 * goes up or down by one does so from there.
 */
static bool change_before(const struct change_kind *kind, struct changeable *step, uint64_t index)
{
    struct meta_slot_owner *after = meta_region_owners_change(step->post, index);
    struct meta_slot_owner *before = &step->before->owners.slot_owners[index];
    const struct meta_slot_owner was = *before;
    const uint64_t by = after->inner_perms.ref_count.value - was.inner_perms.ref_count.value;

    if (!change_owner(kind, before))
        return false;
    if (!step->follows)
        return true;
    for (size_t at = 0; at < sizeof(was); at += sizeof(uint64_t))
        if (*word_at(after, at) == *(const uint64_t *)(const void *)((const char *)&was + at))
            *word_at(after, at) = *word_at(before, at);
    if (by == 1 || by == UINT64_MAX)
        after->inner_perms.ref_count.value = before->inner_perms.ref_count.value + by;
    return true;
}

bool change_apply(unsigned change, struct changeable *step, uint64_t index)
{
    enum change_part part;
    enum change_role role;
    const struct change_kind *kind = find_kind(change, &part, &role);

    switch (part) {
    case PART_OUTCOME:
        return change_outcome(kind, step);
    case PART_OWNER:
        return change_owners(kind, step->post, index);
    case PART_PERM:
        return change_perm(kind, step->post, index);
    case PART_OBLIGATIONS:
        meta_region_owners_change(step->post, index);
        return change_word(kind, &step->post->frame_obligations[index]);
    case PART_LIST:
        return change_list(kind, step->post, index);
    case PART_BEFORE:
        return change_before(kind, step, index);
    case PART_BEFORE_PERM:
        return change_before_perm(kind, step, index);
    case NR_CHANGE_PARTS:
        break;
    }
    return false;
}

/* --- values --- */

static void word_text(const struct change_kind *kind, const void *object, char *text, size_t size)
{
    const uint64_t word = *(const uint64_t *)(const void *)((const char *)object + kind->offset);

    if (kind->shown == FIELD_paths_in_pt) {
        snprintf(text, size, "{0x%" PRIx64 "}", word);
        return;
    }
    if (kind->shown == NR_FIELDS) {
        snprintf(text, size, "cell +0x%" PRIx64, word - SPEC_FRAME_METADATA_RANGE_START);
        return;
    }
    if (kind->shown == FIELD_slot_vaddr && word == 0) {
        snprintf(text, size, "none");
        return;
    }
    field_value_text(kind->shown, &(struct meta_slot_storage){VALUE_SCALAR, {{word}}}, text, size);
}

static bool is_of_metadata(enum action action)
{
    return action == ACT_STORAGE_TYPE || action == ACT_STORAGE_VALUE || action == ACT_STORAGE_LINK;
}

static void owner_text(const struct change_kind *kind, const struct meta_slot_owner *owner,
                       char *text, size_t size)
{
    if (is_of_metadata(kind->action))
        field_value_text(FIELD_storage, &owner->inner_perms.storage.value, text, size);
    else
        word_text(kind, owner, text, size);
}

static void outcome_text(const struct change_kind *kind, const struct spec_outcome *outcome,
                         char *text, size_t size)
{
    if (is_of_metadata(kind->action))
        field_value_text(FIELD_storage, &outcome->metadata, text, size);
    else if (kind->action == ACT_RESULT || kind->action == ACT_REFUSED)
        snprintf(text, size, "%s", result_name(outcome->result));
    else
        word_text(kind, outcome, text, size);
}

void change_value_text(unsigned change, const struct changeable *step, uint64_t index, char *text,
                       size_t size)
{
    enum change_part part;
    enum change_role role;
    const struct change_kind *kind = find_kind(change, &part, &role);
    const struct meta_region_owners *post = step->post;

    switch (part) {
    case PART_OUTCOME:
        outcome_text(kind, &step->outcome, text, size);
        return;
    case PART_OWNER:
        if (kind->action == ACT_DOM)
            snprintf(text, size, post->slot_owners_dom[index] ? "in the map" : "not in the map");
        else
            owner_text(kind, &post->slot_owners[index], text, size);
        return;
    case PART_PERM:
        if (kind->action == ACT_DOM)
            snprintf(text, size, post->slots_dom[index] ? "in the map" : "not in the map");
        else
            word_text(kind, &post->slots[index], text, size);
        return;
    case PART_OBLIGATIONS:
        snprintf(text, size, "%" PRIu64, post->frame_obligations[index]);
        return;
    case PART_LIST:
        if (kind->action == ACT_LIST_LIVE)
            snprintf(text, size, post->lists[index].is_live ? "a list" : "no list");
        else
            word_text(kind, &post->lists[index], text, size);
        return;
    case PART_BEFORE:
        owner_text(kind, &step->before->owners.slot_owners[index], text, size);
        return;
    case PART_BEFORE_PERM:
        word_text(kind, &step->before->owners.slots[index], text, size);
        return;
    case NR_CHANGE_PARTS:
        break;
    }
}
