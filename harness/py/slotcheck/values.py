# SPDX-License-Identifier: MPL-2.0
"""What a subject in Python is given and answers with: the structs of subject.h as values."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from slotcheck.native import lib
from slotcheck.vocabulary import enum_members

if TYPE_CHECKING:
    from slotcheck.vocabulary import MadeFromC

PAGE_SIZE: int = lib.SPEC_PAGE_SIZE
SLOT_SIZE: int = lib.SPEC_META_SLOT_SIZE
REF_COUNT_UNUSED: int = lib.SPEC_REF_COUNT_UNUSED
REF_COUNT_UNIQUE: int = lib.SPEC_REF_COUNT_UNIQUE
REF_COUNT_MAX: int = lib.SPEC_REF_COUNT_MAX

if TYPE_CHECKING:

    class MetadataType(IntEnum, metaclass=MadeFromC):
        """Types of metadata; see subject.h."""

        EMPTY = 0

    class Ghost(IntEnum, metaclass=MadeFromC):
        """Ghost events; see subject.h."""

        USAGE = 0

    class Usage(IntEnum, metaclass=MadeFromC):
        """What a frame is used for."""

        UNUSED = 0

else:
    MetadataType = IntEnum(
        "MetadataType", enum_members("slotcheck_metadata_type", "SLOTCHECK_METADATA_")
    )
    Ghost = IntEnum("Ghost", enum_members("slotcheck_ghost_event", "SLOTCHECK_GHOST_"))
    Usage = IntEnum("Usage", enum_members("spec_page_usage", "SPEC_USAGE_"))

_EMPTY_SIZE = 39


class Metadata(NamedTuple):
    """A metadata object: its type, and five words that mean what subject.h says."""

    type: int
    words: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)

    @classmethod
    def empty(cls, data: bytes = b"") -> Metadata:
        """39 opaque bytes; zeros follow if there are fewer."""
        if len(data) > _EMPTY_SIZE:
            raise ValueError(f"{len(data)} bytes, and there is room for {_EMPTY_SIZE}")
        data = data.ljust(40, b"\0")
        first, second, third, fourth, fifth = (
            int.from_bytes(data[at : at + 8], "little") for at in range(0, 40, 8)
        )
        return cls(MetadataType.EMPTY, (first, second, third, fourth, fifth))

    @classmethod
    def untyped(cls) -> Metadata:
        return cls(MetadataType.UNTYPED)

    @classmethod
    def frame_link(
        cls, payload: int = 0, next: int | None = None, prev: int | None = None
    ) -> Metadata:
        """The links are byte offsets of slots from slot 0."""
        words = (int(next is not None), next or 0, int(prev is not None), prev or 0, payload)
        return cls(MetadataType.FRAME_LINK, words)

    @classmethod
    def pt_node(cls, level: int, nr_children: int = 0, stray: int = 0, lock: int = 0) -> Metadata:
        return cls(MetadataType.PT_NODE, (nr_children, stray, level, lock, 0))

    @classmethod
    def probe(cls, payload: int = 0) -> Metadata:
        """One whose on_drop reports to the host."""
        return cls(MetadataType.PROBE, (payload, 0, 0, 0, 0))


class Slot(NamedTuple):
    """What can be read of a slot whatever state it is in."""

    ref_count: int
    in_list: int = 0


class Segment(NamedTuple):
    """The frames from `start` to before `end`, physical addresses."""

    start: int
    end: int


class ListState(NamedTuple):
    """What a linked list shows; elements are addresses of slots, 0 being none."""

    front: int
    back: int
    size: int
    list_id: int
    current: int


class Repr(NamedTuple):
    """A slot as a whole."""

    metadata: Metadata
    ref_count: int
    in_list: int
