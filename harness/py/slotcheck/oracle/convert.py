# SPDX-License-Identifier: MPL-2.0
"""Between the dataclasses and the C structs, by walking cffi's types.

Only regions and the reference are not walked, because in C their maps are arrays.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Callable, TypeVar, get_args, get_origin

from slotcheck.native import ffi, lib
from slotcheck.oracle import values
from slotcheck.oracle.values import (
    MAX_LISTS,
    MIRRORS,
    LinkedListOwner,
    MetaRegionOwners,
    MetaSlotOwner,
    MetaSlotPerm,
    Paths,
    Reference,
    SlotExemption,
    SlotHolders,
    SpecDrop,
    Value,
    hints_of,
    kept,
)

V = TypeVar("V", bound=Value)
#: A region from Python is kept small enough to be walked.
MAX_SLOTS = 1 << 16


class SpecValueError(ValueError):
    """A value that the specification's world does not have; the message says which, and where."""


def u64(value: Any, where: str) -> int:
    """The number if it is one of 64 bits. Raises SpecValueError, or TypeError."""
    if not isinstance(value, int):
        raise TypeError(f"{where}: a number is wanted, not {value!r}")
    if not 0 <= value < 2**64:
        raise SpecValueError(f"{where}: {value} is not within 0 .. 2**64 - 1")
    return int(value)


def below(value: Any, bound: int, where: str) -> int:
    """The number if it is below the bound."""
    if u64(value, where) >= bound:
        raise SpecValueError(f"{where}: {value} is not within 0 .. {bound - 1}")
    return int(value)


def bits_of(paths: Paths, where: str) -> int:
    """A set of paths as a bit set."""
    bits = 0
    for path in paths:
        bits |= 1 << below(path, values.NR_PATHS, where)
    return bits


# --- walking ---

Write = Callable[[Any, Any, str], None]
Read = Callable[[Any], Any]


def _enum_reader(enum: Any) -> Read:
    known = {int(member): member for member in enum}
    return lambda number: known.get(int(number), int(number))


def _plain(hint: Any) -> Any:
    return get_args(hint)[0] if hasattr(hint, "__metadata__") else hint


@kept
def _field_codec(name: str, hint: Any) -> tuple[Write, Read]:
    """How a field of that type gets into a struct, and out of it."""
    is_type = "type" in getattr(hint, "__metadata__", ())
    hint = _plain(hint)
    if isinstance(hint, type) and issubclass(hint, Value):
        cls = hint
        return (
            lambda target, value, where: fill(getattr(target, name), _must_be(value, cls, where)),
            lambda source: read(cls, getattr(source, name)),
        )
    if hint == Paths:
        return (
            lambda target, value, where: setattr(target, name, bits_of(value, where)),
            lambda source: frozenset(values.numbers(getattr(source, name))),
        )
    if get_origin(hint) is tuple:
        return (
            lambda target, value, where: _fill_array(getattr(target, name), value, where),
            lambda source: tuple(getattr(source, name)),
        )
    convert: Read = int
    if hint is bool:
        convert = bool
    elif issubclass(hint, IntEnum):
        convert = _enum_reader(hint)
    elif is_type:
        convert = _enum_reader(values.MetadataType)
    return (
        lambda target, value, where: setattr(target, name, u64(value, where)),
        lambda source: convert(getattr(source, name)),
    )


@kept
def _codecs(cls: type[Value]) -> list[tuple[str, str, bool, Write, Read]]:
    flag, guarded = cls.ONLY_IF
    return [
        (name, f"{cls.__name__}.{name}", name in guarded, *_field_codec(name, hint))
        for name, hint in hints_of(cls).items()
    ]


def _must_be(value: Any, cls: type[V], where: str) -> V:
    if not isinstance(value, cls):
        raise TypeError(f"{where}: a {cls.__name__} is wanted, not {value!r}")
    return value


def _fill_array(target: Any, value: Any, where: str) -> None:
    if len(value) != len(target):
        raise SpecValueError(f"{where}: {len(target)} numbers are wanted, not {len(value)}")
    for i, number in enumerate(value):
        target[i] = u64(number, where)


def fill(target: Any, value: Value) -> None:
    """Writes a value to a struct, which is all zero."""
    flag = type(value).ONLY_IF[0]
    counts = not flag or getattr(value, flag)
    for name, where, is_guarded, write, _ in _codecs(type(value)):
        if counts or not is_guarded:
            write(target, getattr(value, name), where)


def read(cls: type[V], source: Any) -> V:
    """The value of a struct that is not a region, and not the reference."""
    value = object.__new__(cls)
    for name, _, _, _, get in _codecs(cls):
        setattr(value, name, get(source))
    return value


# --- regions ---


def _clear(array: Any, count: int) -> None:
    buffer = ffi.buffer(array, count * ffi.sizeof(ffi.typeof(array).item))
    buffer[:] = bytes(len(buffer))


def _fill_region(target: Any, region: MetaRegionOwners) -> None:
    """Writes a region to one that was created with room for it."""
    n = target.max_meta_slots
    for array in (target.slots, target.slot_owners, target.slots_dom, target.slot_owners_dom):
        _clear(array, n)
    for i, perm in region.slots.items():
        target.slots_dom[below(i, n, "MetaRegionOwners.slots")] = 1
        fill(target.slots[i], _must_be(perm, MetaSlotPerm, f"slots[{i}]"))
    for i, owner in region.slot_owners.items():
        target.slot_owners_dom[below(i, n, "MetaRegionOwners.slot_owners")] = 1
        fill(target.slot_owners[i], _must_be(owner, MetaSlotOwner, f"slot_owners[{i}]"))
    for i, count in region.frame_obligations.items():
        where = "MetaRegionOwners.frame_obligations"
        target.frame_obligations[below(i, n, where)] = u64(count, where)
    if len(region.lists) != MAX_LISTS:
        raise SpecValueError(f"MetaRegionOwners.lists: {MAX_LISTS} are wanted")
    for i, held in enumerate(region.lists):
        fill(target.lists[i], _must_be(held, LinkedListOwner, f"lists[{i}]"))


def _room(region: MetaRegionOwners) -> int:
    n = u64(region.max_meta_slots, "MetaRegionOwners.max_meta_slots")
    if not 1 <= n <= MAX_SLOTS:
        raise SpecValueError(f"MetaRegionOwners.max_meta_slots: {n} is not within 1 .. {MAX_SLOTS}")
    return n


def region_to_c(region: MetaRegionOwners) -> Any:
    """A struct with what is in the region; it lives as long as the answer."""
    made = ffi.gc(ffi.new("struct meta_region_owners *"), lib.meta_region_owners_destroy)
    if not lib.meta_region_owners_create(made, _room(region)):
        raise MemoryError("no memory for a region")
    _fill_region(made, region)
    return made


def region_as_change(region: MetaRegionOwners, base: Any) -> Any:
    """The same as a change of `base`, as the lockstep keeps states; both have the same size."""
    made = region_to_c(region)
    made.base = base
    for i in range(made.max_meta_slots):
        if not lib.meta_region_owners_slot_equal(made, base, i):
            lib.meta_region_owners_change(made, i)
    for i in range(MAX_LISTS):
        if not lib.linked_list_equal(ffi.addressof(made.lists, i), ffi.addressof(base.lists, i)):
            lib.meta_region_owners_change_list(made, i)
    return made


def region_from_c(source: Any) -> MetaRegionOwners:
    n = source.max_meta_slots
    owned = [i for i in range(n) if source.slot_owners_dom[i]]
    owed = ((i, source.frame_obligations[i]) for i in range(n))
    return MetaRegionOwners(
        max_meta_slots=n,
        slots={i: read(MetaSlotPerm, source.slots[i]) for i in range(n) if source.slots_dom[i]},
        slot_owners={i: read(MetaSlotOwner, source.slot_owners[i]) for i in owned},
        frame_obligations={i: count for i, count in owed if count},
        lists=[read(LinkedListOwner, source.lists[i]) for i in range(MAX_LISTS)],
    )


# --- the reference ---


def reference_to_c(state: Reference) -> Any:
    """A struct reference with that state; it lives as long as the answer."""
    n = _room(state.owners)
    made = ffi.gc(ffi.new("struct reference *"), lib.reference_destroy)
    if not lib.reference_create(made, n):
        raise MemoryError("no memory for a region")
    _fill_region(made.owners, state.owners)
    for i, holders in state.holders.items():
        where = "Reference.holders"
        fill(made.holders[below(i, n, where)], _must_be(holders, SlotHolders, where))
    for i, exemption in state.exempt.items():
        where = "Reference.exempt"
        made.exempt[below(i, n, where)] = below(exemption, len(SlotExemption), where)
    made.next_list_id = u64(state.next_list_id, "Reference.next_list_id")
    made.paths_in_use = bits_of(state.paths_in_use, "Reference.paths_in_use")
    made.nr_drops = u64(state.nr_drops, "Reference.nr_drops")
    for i, drop in enumerate(state.drops):
        where = "Reference.drops"
        fill(made.drops[below(i, lib.SPEC_MAX_DROPS, where)], _must_be(drop, SpecDrop, where))
    return made


def reference_from_c(source: Any) -> Reference:
    owners = region_from_c(source.owners)
    n = owners.max_meta_slots
    held = ((i, read(SlotHolders, source.holders[i])) for i in range(n))
    nobody = SlotHolders()
    return Reference(
        owners=owners,
        holders={i: holders for i, holders in held if holders != nobody},
        exempt={i: SlotExemption(source.exempt[i]) for i in range(n) if source.exempt[i]},
        next_list_id=source.next_list_id,
        paths_in_use=frozenset(values.numbers(source.paths_in_use)),
        nr_drops=source.nr_drops,
        drops=[
            read(SpecDrop, source.drops[i])
            for i in range(min(source.nr_drops, lib.SPEC_MAX_DROPS))
        ],
    )


# --- any of them ---


def to_c(value: Value) -> Any:
    """A pointer to a new struct with that value, which lives as long as the answer."""
    if isinstance(value, MetaRegionOwners):
        return region_to_c(value)
    if isinstance(value, Reference):
        return reference_to_c(value)
    made = ffi.new(f"struct {type(value).STRUCT} *")
    fill(made, value)
    return made


def from_c(source: Any) -> Value:
    """The value of a struct, or of what a pointer points to."""
    kind = ffi.typeof(source)
    cls = MIRRORS[(kind.item if kind.kind == "pointer" else kind).cname]
    if cls is MetaRegionOwners:
        return region_from_c(source)
    return reference_from_c(source) if cls is Reference else read(cls, source)
