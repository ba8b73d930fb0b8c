# SPDX-License-Identifier: MPL-2.0
"""The functions of `struct slotcheck_subject` as Python methods have them.

Made from the struct: what it has is offered, with the same names. What a function reads becomes an
argument, what it writes becomes part of the answer, and a `slotcheck_result` becomes a value or an
error.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import index
from typing import Any, Callable

from _slotcheck_signatures import SUBJECT_FUNCTIONS

from slotcheck.native import ffi
from slotcheck.values import PAGE_SIZE, ListState, Metadata, MetadataType, Repr, Segment, Slot
from slotcheck.vocabulary import Result

_OK = int(Result.OK)
_LIMIT = 1 << 64
_REGION = "struct slotcheck_region *"
# Where the type does not say all: read and written; and as many as the range has frames.
_READ_AND_WRITTEN = {("segment_next", "segment")}
_ONE_FOR_EACH_FRAME = {("segment_from_unused", "metadata")}
# Made by subject_python.py, as no method of a region can stand for them.
BY_HAND = frozenset({"create", "reset", "destroy", "snapshot_save", "snapshot_restore"})


class Refused(Exception):
    """Raised by a method whose operation ends in an error: `Refused(Result.IN_USE)`."""

    def __init__(self, result: Result) -> None:
        if type(result) is not Result or result == _OK:
            raise ValueError(f"Refused takes a Result that is not OK, not {result!r}")
        super().__init__(result)
        self.result = result


class Panic(Refused):
    """Raised by a method of a subject whose operation panics."""

    def __init__(self) -> None:
        super().__init__(Result.PANIC)


class WrongAnswer(TypeError):
    """A method of a subject has answered with what its operation cannot answer."""


# --- what is read ---


def _read_metadata(pointer: Any) -> Metadata:
    first, second, third, fourth, fifth = pointer.word
    return Metadata(MetadataType(pointer.type), (first, second, third, fourth, fifth))


def _read_segment(segment: Any) -> Segment:
    return Segment(segment.start, segment.end)


def _read_repr(pointer: Any) -> Repr:
    return Repr(_read_metadata(pointer.metadata), pointer.ref_count, pointer.in_list)


_READERS: dict[str, Callable[[Any], Any] | None] = {
    "uint32_t": None,
    "uint64_t": None,
    "struct slotcheck_segment": _read_segment,
    "struct slotcheck_segment *": _read_segment,
    "const struct slotcheck_metadata *": _read_metadata,
    "const struct slotcheck_repr *": _read_repr,
}


# --- what is written ---


def _write_number(target: Any, value: Any) -> None:
    target[0] = value


def _writer_of(shape: type) -> Callable[[Any, Any], None]:
    size = len(getattr(shape, "_fields"))

    def write(target: Any, value: Any) -> None:
        if not isinstance(value, tuple) or len(value) != size:
            raise TypeError
        target[0] = value

    return write


_NO_METADATA = Metadata(_LIMIT - 1)


def _write_metadata(target: Any, value: Any) -> None:
    if value is None:
        value = _NO_METADATA
    if not isinstance(value, Metadata) or len(value.words) != len(target.word):
        raise TypeError
    target.type = value.type
    target.word = value.words


def _write_repr(target: Any, value: Any) -> None:
    if not isinstance(value, Repr):
        raise TypeError
    _write_metadata(target.metadata, value.metadata)
    target.ref_count = value.ref_count
    target.in_list = value.in_list


def _write_pair(target: Any, value: Any) -> None:
    first, second = value
    _write_segment(target, first)
    _write_segment(target + 1, second)


_write_segment = _writer_of(Segment)
_NUMBER = "an int from 0 to 2**64 - 1"
# By the type of what is written: how, and what it must be.
_WRITERS: dict[str, tuple[Callable[[Any, Any], None], str]] = {
    "uint64_t *": (_write_number, _NUMBER),
    "struct slotcheck_metadata *": (_write_metadata, "a Metadata of five words, or None"),
    "struct slotcheck_slot *": (_writer_of(Slot), "a Slot"),
    "struct slotcheck_segment *": (_write_segment, "a Segment"),
    "struct slotcheck_segment [2]": (_write_pair, "two Segments"),
    "struct slotcheck_list *": (_writer_of(ListState), "a ListState"),
    "struct slotcheck_repr *": (_write_repr, "a Repr"),
}


def _is_written(function: str, name: str, type_: str) -> bool:
    if (function, name) in _ONE_FOR_EACH_FRAME or type_ == _REGION:
        return False
    return type_.endswith(("*", "]")) and not type_.startswith("const ")


# --- functions ---


@dataclass(frozen=True)
class Written:
    """One thing that a function answers through a pointer."""

    at: int  # which of the arguments after the region
    name: str
    write: Callable[[Any, Any], None]
    kind: str


@dataclass(frozen=True)
class Function:
    """A function of `struct slotcheck_subject`."""

    name: str
    ctype: Any
    result: str  # the C type
    arguments: tuple[str, ...]  # what the method is given, without self
    read: tuple[tuple[int, Callable[[Any], Any] | None], ...]
    written: tuple[Written, ...]

    def call(self, owner: str, method: Callable[..., Any], raw: tuple[Any, ...]) -> int | None:
        """Calls the method with what C gives, and answers C. Raises what the method raises, and
        WrongAnswer."""
        try:
            answer = method(*[raw[at] if read is None else read(raw[at]) for at, read in self.read])
        except Refused as refusal:
            if self.result == "uint32_t":
                return int(refusal.result)
            raise WrongAnswer(f"{owner}.{self.name} raised {refusal!r}: it has no result") from None
        return self._deliver(owner, answer, raw)

    def call_with_frames(
        self, owner: str, method: Callable[..., Any], raw: tuple[Any, ...]
    ) -> int | None:
        """The same where an argument has one value for each frame of the range before it."""
        start, end, values, *rest = raw
        count = 0 if values == ffi.NULL else (end - start) // PAGE_SIZE
        frames = tuple(_read_metadata(values[i]) for i in range(count))
        return self.call(owner, method, (start, end, frames, *rest))

    def _deliver(self, owner: str, answer: Any, raw: tuple[Any, ...]) -> int | None:
        if self.result == "uint32_t":
            if type(answer) is Result and (answer != _OK or not self.written):
                return int(answer)
            self._write(owner, answer, self._parts(owner, answer, len(self.written)), raw)
            return _OK
        if self.result == "void":
            if answer is not None or self.written:
                self._write(owner, answer, self._parts(owner, answer, len(self.written)), raw)
            return None
        parts = self._parts(owner, answer, 1 + len(self.written))
        try:
            number = index(parts[0])
        except TypeError:
            number = -1
        if isinstance(parts[0], Result) or not 0 <= number < _LIMIT:
            raise self._wrong(owner, answer)
        self._write(owner, answer, parts[1:], raw)
        return number

    def _parts(self, owner: str, answer: Any, count: int) -> tuple[Any, ...]:
        if count == 1:
            return (answer,)
        if count == 0 and answer is None:
            return ()
        if count == 0 or type(answer) is not tuple or len(answer) != count:
            raise self._wrong(owner, answer)
        return answer

    def _write(
        self, owner: str, answer: Any, parts: tuple[Any, ...], raw: tuple[Any, ...]
    ) -> None:
        for written, part in zip(self.written, parts):
            try:
                if isinstance(part, Result):
                    raise TypeError
                written.write(raw[written.at], part)
            except (TypeError, ValueError, OverflowError, AttributeError):
                raise self._wrong(owner, answer) from None

    def answer_text(self) -> str:
        """What the method has to answer with, in words."""
        parts = [_NUMBER] if self.result == "uint64_t" else []
        parts += [f"{written.name}: {written.kind}" for written in self.written]
        text = parts[0] if len(parts) == 1 else f"a tuple of ({'; '.join(parts)})"
        if not parts:
            text = "None"
        return f"{text}, or a Result" if self.result == "uint32_t" else text

    def _wrong(self, owner: str, answer: Any) -> WrongAnswer:
        text = repr(answer) if len(repr(answer)) < 80 else f"{repr(answer)[:77]}..."
        return WrongAnswer(f"{owner}.{self.name} answered {text}; it must be {self.answer_text()}")


def _reader(function: str, name: str, type_: str) -> Callable[[Any], Any] | None:
    return None if (function, name) in _ONE_FOR_EACH_FRAME else _READERS[type_]


def _function(name: str, ctype: Any) -> Function:
    parameters = list(enumerate(SUBJECT_FUNCTIONS[name][1:]))
    read = [
        (at, parameter, type_)
        for at, (parameter, type_) in parameters
        if not _is_written(name, parameter, type_) or (name, parameter) in _READ_AND_WRITTEN
    ]
    written = [
        Written(at, parameter, *_WRITERS[type_])
        for at, (parameter, type_) in parameters
        if _is_written(name, parameter, type_)
    ]
    return Function(
        name=name,
        ctype=ctype,
        result=ctype.result.cname,
        arguments=tuple(parameter for _, parameter, _ in read),
        read=tuple((at, _reader(name, parameter, type_)) for at, parameter, type_ in read),
        written=tuple(written),
    )


def takes_frames(function: Function) -> bool:
    """True if an argument has one value for each frame of a range."""
    return any(function.name == name for name, _ in _ONE_FOR_EACH_FRAME)


def _members() -> dict[str, Any]:
    fields = ffi.typeof("struct slotcheck_subject").fields
    return {name: field.type for name, field in fields if field.type.kind == "function"}


#: All functions that a subject can have, by name, with the C types.
MEMBERS: dict[str, Any] = _members()
#: Those that are methods of a region, in the order of subject.h.
FUNCTIONS: dict[str, Function] = {
    name: _function(name, ctype) for name, ctype in MEMBERS.items() if name not in BY_HAND
}
