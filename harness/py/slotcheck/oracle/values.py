# SPDX-License-Identifier: MPL-2.0
"""The abstract state as dataclasses, with the names and the fields of the source.

Each mirrors a struct of the C headers, which say what the fields mean (oracle/include): its name is
given to `mirrors`. All numbers are those of the specification's world, 0 .. 2**64 - 1; a number
that is none is refused when the value is handed to C. A field that a flag says is uninit, or none,
counts as zero whatever is in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import IntEnum
from functools import lru_cache
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Callable,
    ClassVar,
    Iterator,
    TypeVar,
    cast,
    get_type_hints,
)

from slotcheck.native import ffi, lib
from slotcheck.vocabulary import Result, enum_members

PAGE_SIZE: int = lib.SPEC_PAGE_SIZE
META_SLOT_SIZE: int = lib.SPEC_META_SLOT_SIZE
REF_COUNT_UNUSED: int = lib.SPEC_REF_COUNT_UNUSED
REF_COUNT_UNIQUE: int = lib.SPEC_REF_COUNT_UNIQUE
REF_COUNT_MAX: int = lib.SPEC_REF_COUNT_MAX
FRAME_METADATA_RANGE = range(
    lib.SPEC_FRAME_METADATA_RANGE_START, lib.SPEC_FRAME_METADATA_RANGE_END
)
MAX_LISTS: int = lib.SPEC_MAX_LISTS
NR_PATHS: int = lib.SPEC_NR_PATHS

if TYPE_CHECKING:

    class PageUsage(IntEnum):
        """PageUsage of the source."""

        UNUSED = 0
        RESERVED = 1
        FRAME = 2
        PAGE_TABLE = 3
        META = 4
        KERNEL = 5
        MMIO = 6

    class MetadataType(IntEnum):
        """The variants of MetaSlotStorage, and the suite's probe."""

        EMPTY = 0
        UNTYPED = 1
        FRAME_LINK = 2
        PT_NODE = 3
        PROBE = 4

    class MetaSlotStatus(IntEnum):
        """MetaSlotStatus of the source."""

        UNUSED = 0
        UNIQUE = 1
        UNDER_CONSTRUCTION = 2
        SHARED = 3
        OVERFLOW = 4

    class SlotExemption(IntEnum):
        """Why the region invariant is not asked of a slot for the moment."""

        NOT = 0
        EXTRACTED = 1
        DROPPED = 2
        OVERFLOW = 3

    class Variant(IntEnum):
        """Which of two sources is asked where they are known to disagree."""

        OSTD = 0
        VOSTD = 1

else:
    PageUsage = IntEnum("PageUsage", enum_members("spec_page_usage", "SPEC_USAGE_"))
    MetadataType = IntEnum("MetadataType", enum_members("spec_metadata_type", "SPEC_METADATA_"))
    MetaSlotStatus = IntEnum("MetaSlotStatus", enum_members("meta_slot_status", "META_SLOT_"))
    SlotExemption = IntEnum("SlotExemption", enum_members("slot_exemption", "EXEMPT_"))
    Variant = IntEnum("Variant", enum_members("spec_variant", "SPEC_"))

#: Numbers that print as what they stand for.
Count = Annotated[int, "count"]
Address = Annotated[int, "address"]
#: A MetadataType, or in a state that no program reaches any number.
TypeNumber = Annotated[int, "type"]
#: Page-table paths, each below NR_PATHS; a bit set in C.
Paths = frozenset[int]

_COUNTS = {
    REF_COUNT_UNUSED: "REF_COUNT_UNUSED",
    REF_COUNT_UNIQUE: "REF_COUNT_UNIQUE",
    REF_COUNT_MAX: "REF_COUNT_MAX",
}


def count_text(value: int) -> str:
    """A count, by the name of its sentinel if it is one."""
    return _COUNTS.get(value, str(value))


def address_text(value: int) -> str:
    """An address as a person wants it: `slot 3`, `slot 3 + 40`, or in hexadecimal."""
    if value not in FRAME_METADATA_RANGE:
        return str(value) if value == 0 else hex(value)
    index, offset = divmod(value - FRAME_METADATA_RANGE.start, META_SLOT_SIZE)
    return f"slot {index}" + (f" + {offset}" if offset else "")


def _address_source(value: int) -> str:
    """The same as an expression."""
    if value not in FRAME_METADATA_RANGE:
        return str(value) if value < PAGE_SIZE else hex(value)
    index, offset = divmod(value - FRAME_METADATA_RANGE.start, META_SLOT_SIZE)
    return f"meta_addr({index})" + (f" + {offset}" if offset else "")


def _source(value: Any, hint: Any = None) -> str:
    """A value as an expression; `from slotcheck.oracle import *` has all names in it."""
    metadata = getattr(hint, "__metadata__", ())
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, IntEnum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, int):
        if "address" in metadata:
            return _address_source(value)
        return count_text(value) if "count" in metadata else str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_source(v)}" for k, v in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_source, value)) + "]"
    return repr(value)


F = TypeVar("F", bound=Callable[..., Any])


def kept(function: F) -> F:
    """Remembers every answer of a function, by its arguments and their types."""
    return cast(F, lru_cache(maxsize=None, typed=True)(function))


T = TypeVar("T", bound="Value")
#: The class of each struct that has one.
MIRRORS: dict[str, type[Value]] = {}


def mirrors(struct: str) -> Callable[[type[T]], type[T]]:
    """Makes a dataclass the mirror of a C struct."""

    def note(cls: type[T]) -> type[T]:
        cls.STRUCT = struct
        MIRRORS[f"struct {struct}"] = cls
        return cls

    return note


@kept
def hints_of(cls: type[Value]) -> dict[str, Any]:
    """The fields' types, in order."""
    hints = get_type_hints(cls, include_extras=True)
    return {f.name: hints[f.name] for f in fields(cls)}


class Value:
    """What all mirrors have in common.

    `repr` is an expression that makes the value again, without what is at its default; `str` is for
    reading. Two values are equal if all their fields are.
    """

    __slots__ = ()
    STRUCT: ClassVar[str]
    #: A flag, and the fields that count only if it is set.
    ONLY_IF: ClassVar[tuple[str, tuple[str, ...]]] = ("", ())

    def copy(self: T) -> T:
        """A copy that shares nothing with this."""
        new = object.__new__(type(self))
        for name in hints_of(type(self)):
            setattr(new, name, _copy(getattr(self, name)))
        return new

    def __repr__(self) -> str:
        default = type(self)()
        shown = [
            f"{name}={_source(getattr(self, name), hint)}"
            for name, hint in hints_of(type(self)).items()
            if getattr(self, name) != getattr(default, name)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


def _copy(value: Any) -> Any:
    if isinstance(value, Value):
        return value.copy()
    if isinstance(value, list):
        return [_copy(item) for item in value]
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return value


@kept
def words_of(variant: str) -> dict[str, int]:
    """Where in the words of a MetaSlotStorage the fields of a variant are."""
    members = dict(ffi.typeof("struct meta_slot_storage").fields)
    layouts = {name: member.type for name, member in members.items() if name != "word"}
    if variant not in layouts:
        return {}
    return {name: member.offset // 8 for name, member in layouts[variant].fields}


@mirrors("meta_slot_storage")
@dataclass(slots=True, repr=False)
class MetaSlotStorage(Value):
    """A frame's metadata: its type, and its words as that type lays them out.

    Made by the class methods; the fields of a link, a node and a probe can be read by name.
    """

    type: TypeNumber = MetadataType.EMPTY
    word: tuple[int, ...] = (0, 0, 0, 0, 0)

    @classmethod
    def _of(cls, kind: MetadataType, **values: int) -> MetaSlotStorage:
        word = [0] * 5
        for name, value in values.items():
            word[words_of(kind.name.lower())[name]] = value
        return cls(kind, tuple(word))

    @classmethod
    def empty(cls, data: bytes = b"") -> MetaSlotStorage:
        """Up to 39 opaque bytes."""
        if len(data) > 39:
            raise ValueError(f"39 bytes are stored at most, not {len(data)}")
        data = data.ljust(40, b"\0")
        words = tuple(int.from_bytes(data[i : i + 8], "little") for i in range(0, 40, 8))
        return cls(MetadataType.EMPTY, words)

    @classmethod
    def untyped(cls) -> MetaSlotStorage:
        return cls(MetadataType.UNTYPED)

    @classmethod
    def frame_link(
        cls, next: int | None = None, prev: int | None = None, payload: int = 0
    ) -> MetaSlotStorage:
        """A link; `next` and `prev` are addresses of slots, see meta_addr."""
        return cls._of(
            MetadataType.FRAME_LINK,
            next_is_some=int(next is not None),
            next=next or 0,
            prev_is_some=int(prev is not None),
            prev=prev or 0,
            payload=payload,
        )

    @classmethod
    def pt_node(
        cls, level: int = 1, nr_children: int = 0, stray: bool = False, lock: int = 0
    ) -> MetaSlotStorage:
        """A page-table node."""
        return cls._of(
            MetadataType.PT_NODE,
            level=level,
            nr_children=nr_children,
            stray=int(stray),
            lock=lock,
        )

    @classmethod
    def probe(cls, payload: int = 0) -> MetaSlotStorage:
        """The suite's own type, whose on_drop records that it ran."""
        return cls._of(MetadataType.PROBE, payload=payload)

    def _field(self, name: str) -> int:
        words = words_of(_type_text(self.type).lower())
        if name not in words:
            raise AttributeError(f"{self} has no {name}")
        return self.word[words[name]]

    @property
    def next(self) -> int | None:
        return self._field("next") if self._field("next_is_some") else None

    @property
    def prev(self) -> int | None:
        return self._field("prev") if self._field("prev_is_some") else None

    @property
    def payload(self) -> int:
        return self._field("payload")

    @property
    def level(self) -> int:
        return self._field("level")

    @property
    def nr_children(self) -> int:
        return self._field("nr_children")

    @property
    def stray(self) -> bool:
        return bool(self._field("stray"))

    @property
    def lock(self) -> int:
        return self._field("lock")

    def _arguments(self) -> list[tuple[str, Any]] | None:
        """What the class method of its type makes it of; None if there is no such way."""
        if self.type == MetadataType.EMPTY:
            data = b"".join(word.to_bytes(8, "little") for word in self.word).rstrip(b"\0")
            made: list[tuple[str, Any]] = [("data", data)] if data else []
        elif self.type == MetadataType.FRAME_LINK:
            made = [("next", self.next), ("prev", self.prev), ("payload", self.payload)]
        elif self.type == MetadataType.PT_NODE:
            names = ("level", "nr_children", "stray", "lock")
            made = [(name, getattr(self, name)) for name in names]
        elif self.type == MetadataType.PROBE:
            made = [("payload", self.payload)]
        else:
            made = []
        if self.type not in MetadataType.__members__.values():
            return None
        make = getattr(type(self), MetadataType(self.type).name.lower())
        try:
            return made if make(**dict(made)).word == self.word else None
        except ValueError:
            return None

    def _text(self, address: Callable[[int], str]) -> str:
        made = self._arguments()
        if made is None:
            kind = _source(self.type)
            return f"MetaSlotStorage(type={kind}, word={self.word!r})"
        shown = [
            f"{name}={address(value) if name in ('next', 'prev') else repr(value)}"
            for name, value in made
            if value is not None and (value or name in ("level", "payload", "next", "prev"))
        ]
        return f"{MetadataType(self.type).name.lower()}({', '.join(shown)})"

    def __repr__(self) -> str:
        text = self._text(_address_source)
        return text if text.startswith("MetaSlotStorage") else f"MetaSlotStorage.{text}"

    def __str__(self) -> str:
        return self._text(address_text)


@mirrors("storage_perm")
@dataclass(slots=True, repr=False)
class StoragePerm(Value):
    """PointsTo of the storage cell: which cell, and what it holds if it is initialised."""

    ONLY_IF = ("is_init", ("value",))
    id: Address = 0
    is_init: bool = False
    value: MetaSlotStorage = field(default_factory=MetaSlotStorage)

    def __str__(self) -> str:
        return str(self.value) if self.is_init else "uninit"


@mirrors("atomic_perm")
@dataclass(slots=True, repr=False)
class AtomicPerm(Value):
    """PermissionU64 of an atomic cell."""

    id: Address = 0
    value: Count = 0

    def __str__(self) -> str:
        return count_text(self.value)


@mirrors("vtable_perm")
@dataclass(slots=True, repr=False)
class VtablePerm(Value):
    """PointsTo of the vtable pointer; the value is the type of metadata that it identifies."""

    ONLY_IF = ("is_init", ("value",))
    pptr: Address = 0
    is_init: bool = False
    value: TypeNumber = MetadataType.EMPTY

    def __str__(self) -> str:
        return _type_text(self.value) if self.is_init else "uninit"


def _type_text(value: int) -> str:
    known = value in MetadataType.__members__.values()
    return MetadataType(value).name if known else f"type {value}"


@mirrors("metadata_inner_perms")
@dataclass(slots=True, repr=False)
class MetadataInnerPerms(Value):
    """The permissions to the four cells of a slot."""

    storage: StoragePerm = field(default_factory=StoragePerm)
    ref_count: AtomicPerm = field(default_factory=AtomicPerm)
    vtable_ptr: VtablePerm = field(default_factory=VtablePerm)
    in_list: AtomicPerm = field(default_factory=AtomicPerm)

    def __str__(self) -> str:
        return (
            f"ref_count {self.ref_count}, storage {self.storage}, vtable_ptr {self.vtable_ptr}, "
            f"in_list {self.in_list}"
        )


def _usage_text(value: int) -> str:
    known = value in PageUsage.__members__.values()
    return PageUsage(value).name if known else str(value)


@mirrors("meta_slot_owner")
@dataclass(slots=True, repr=False)
class MetaSlotOwner(Value):
    """MetaSlotOwner: what the cells of a slot hold, and its ghost state."""

    inner_perms: MetadataInnerPerms = field(default_factory=MetadataInnerPerms)
    slot_vaddr: Address = 0
    usage: PageUsage = PageUsage.UNUSED
    paths_in_pt: Paths = frozenset()

    @property
    def status(self) -> MetaSlotStatus:
        """MetaSlotStatus, which follows from the count."""
        return MetaSlotStatus(lib.meta_slot_status_of(self.inner_perms.ref_count.value))

    def __str__(self) -> str:
        paths = f", mapped at paths {sorted(self.paths_in_pt)}" if self.paths_in_pt else ""
        return (
            f"{address_text(self.slot_vaddr)}: {self.inner_perms}, "
            f"usage {_usage_text(self.usage)}{paths}"
        )


@mirrors("meta_slot_cells")
@dataclass(slots=True, repr=False)
class MetaSlotCells(Value):
    """A MetaSlot as a permission sees it: which cells it is made of."""

    storage_id: Address = 0
    ref_count_id: Address = 0
    vtable_ptr: Address = 0
    in_list_id: Address = 0


@mirrors("meta_slot_perm")
@dataclass(slots=True, repr=False)
class MetaSlotPerm(Value):
    """PointsTo<MetaSlot>: the permission to a slot."""

    ONLY_IF = ("is_init", ("value",))
    addr: Address = 0
    pptr: Address = 0
    is_init: bool = False
    value: MetaSlotCells = field(default_factory=MetaSlotCells)


@mirrors("linked_list_owner")
@dataclass(slots=True, repr=False)
class LinkedListOwner(Value):
    """LinkedList, and the cursor that borrows it. Elements are addresses of slots, 0 is none."""

    is_live: bool = False
    list_id: int = 0
    size: int = 0
    front: Address = 0
    back: Address = 0
    has_cursor: bool = False
    current: Address = 0

    def __str__(self) -> str:
        if not self.is_live:
            return "no list"
        at = address_text(self.current) if self.current else "the ghost"
        cursor = f", cursor at {at}" if self.has_cursor else ""
        ends = f" from {address_text(self.front)} to {address_text(self.back)}" if self.size else ""
        return f"list of id {self.list_id}, {self.size} elements{ends}{cursor}"


def _no_lists() -> list[LinkedListOwner]:
    return [LinkedListOwner() for _ in range(MAX_LISTS)]


@mirrors("meta_region_owners")
@dataclass(slots=True, repr=False)
class MetaRegionOwners(Value):
    """MetaRegionOwners: maps of indices, which have an index or not; and the lists."""

    max_meta_slots: int = 1
    slots: dict[int, MetaSlotPerm] = field(default_factory=dict)
    slot_owners: dict[int, MetaSlotOwner] = field(default_factory=dict)
    #: A multiset: how often each index is in it; one that is not there is in it 0 times.
    frame_obligations: dict[int, int] = field(default_factory=dict)
    lists: list[LinkedListOwner] = field(default_factory=_no_lists)

    def _line(self, i: int) -> str:
        owner = self.slot_owners.get(i)
        notes = [f"  {i}: {str(owner).split(': ', 1)[1] if owner else 'no owner'}"]
        if owner and owner.slot_vaddr != FRAME_METADATA_RANGE.start + i * META_SLOT_SIZE:
            notes.append(f"at {address_text(owner.slot_vaddr)}")
        if i not in self.slots:
            notes.append("permission handed out")
        if self.frame_obligations.get(i):
            notes.append(f"owed {self.frame_obligations[i]} times")
        return ", ".join(notes)

    def __str__(self) -> str:
        lines = [f"a region of {self.max_meta_slots} slots"]
        lines += [self._line(i) for i in range(self.max_meta_slots)]
        lines += [f"  list {i}: {owner}" for i, owner in enumerate(self.lists) if owner.is_live]
        return "\n".join(lines)


@mirrors("meta_slot_model")
@dataclass(slots=True, repr=False)
class MetaSlotModel(Value):
    """MetaSlotModel: the view of an owner; see meta_slot_owner_view."""

    status: MetaSlotStatus = MetaSlotStatus.UNUSED
    storage: StoragePerm = field(default_factory=StoragePerm)
    ref_count: Count = 0
    vtable_ptr: VtablePerm = field(default_factory=VtablePerm)
    in_list: int = 0
    slot_vaddr: Address = 0
    usage: PageUsage = PageUsage.UNUSED


@mirrors("slot_holders")
@dataclass(slots=True, repr=False)
class SlotHolders(Value):
    """Who holds references to a slot."""

    live_frames: int = 0
    live_unique_frames: int = 0
    forgotten_frames: int = 0
    forgotten_unique_frames: int = 0
    segments: int = 0


@mirrors("mem_contents")
@dataclass(slots=True, repr=False)
class MemContents(Value):
    """MemContents<usize>: what stands where the vtable pointer points."""

    ONLY_IF = ("is_init", ("value",))
    is_init: bool = False
    value: TypeNumber = MetadataType.EMPTY


@mirrors("optional_addr")
@dataclass(slots=True, repr=False)
class OptionalAddr(Value):
    """Option<PPtr<MetaSlot>>."""

    ONLY_IF = ("is_some", ("addr",))
    is_some: bool = False
    addr: Address = 0


@mirrors("metadata")
@dataclass(slots=True, repr=False)
class Metadata(Value):
    """Metadata<M>: a slot as a whole, its metadata typed."""

    metadata: MetaSlotStorage = field(default_factory=MetaSlotStorage)
    ref_count: Count = 0
    vtable_ptr: MemContents = field(default_factory=MemContents)
    in_list: int = 0


@mirrors("metadata_as_link")
@dataclass(slots=True, repr=False)
class MetadataAsLink(Value):
    """MetadataAsLink<M>: a slot whose metadata is a Link<M>, the links beside the metadata."""

    metadata: int = 0
    next: OptionalAddr = field(default_factory=OptionalAddr)
    prev: OptionalAddr = field(default_factory=OptionalAddr)
    ref_count: Count = 0
    vtable_ptr: MemContents = field(default_factory=MemContents)
    in_list: int = 0


@mirrors("metadata_repr")
@dataclass(slots=True, repr=False)
class MetadataRepr(Value):
    """(MetaSlot, Self::Perm)"""

    r: MetaSlotCells = field(default_factory=MetaSlotCells)
    perm: MetadataInnerPerms = field(default_factory=MetadataInnerPerms)


@mirrors("spec_call")
@dataclass(slots=True, repr=False)
class SpecCall(Value):
    """The arguments of an operation; which ones count depends on the operation."""

    paddr: Address = 0
    end: Address = 0
    length: tuple[int, ...] = (0, 0)
    list: int = 0
    path: int = 0
    type: TypeNumber = MetadataType.EMPTY
    usage: PageUsage = PageUsage.UNUSED
    count: Count = 0
    variant: Variant = Variant.OSTD
    as_unique: bool = False
    metadata: MetaSlotStorage = field(default_factory=MetaSlotStorage)


@mirrors("spec_outcome")
@dataclass(slots=True, repr=False)
class SpecOutcome(Value):
    """How an operation ends, and what it answers."""

    result: Result = Result.OK
    value: Address = 0
    detail: tuple[int, ...] = (0, 0, 0, 0)
    metadata: MetaSlotStorage = field(default_factory=MetaSlotStorage)

    def __str__(self) -> str:
        if self.result != Result.OK:
            return Result(self.result).name
        details = ", ".join(str(detail) for detail in self.detail)
        return f"OK, {address_text(self.value)}" + (f" ({details})" if any(self.detail) else "")


@mirrors("spec_drop")
@dataclass(slots=True, repr=False)
class SpecDrop(Value):
    """One run of a type's on_drop."""

    paddr: Address = 0
    metadata: MetaSlotStorage = field(default_factory=MetaSlotStorage)


@mirrors("reference")
@dataclass(slots=True, repr=False)
class Reference(Value):
    """The state of the reference implementation: the region, and who holds what of it."""

    owners: MetaRegionOwners = field(default_factory=MetaRegionOwners)
    #: By index; a slot that is not there is held by nobody.
    holders: dict[int, SlotHolders] = field(default_factory=dict)
    #: By index; of a slot that is not there the invariants are asked.
    exempt: dict[int, SlotExemption] = field(default_factory=dict)
    next_list_id: int = 1
    paths_in_use: Paths = frozenset()
    #: Runs of on_drop in the last step, of which the first ones are kept.
    nr_drops: int = 0
    drops: list[SpecDrop] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [str(self.owners)]
        for i, holders in sorted(self.holders.items()):
            held = [f"{name} {getattr(holders, name)}" for name in hints_of(SlotHolders)]
            held = [text for text in held if not text.endswith(" 0")]
            lines += [f"  slot {i} is held by: {', '.join(held)}"] if held else []
        lines += [
            f"  slot {i} is exempt from the invariants: {exemption.name}"
            for i, exemption in sorted(self.exempt.items())
            if exemption
        ]
        return "\n".join(lines)


def numbers(paths: int) -> Iterator[int]:
    """The members of a bit set."""
    while paths:
        yield (paths & -paths).bit_length() - 1
        paths &= paths - 1
