# SPDX-License-Identifier: MPL-2.0
"""Programs: a number of slots and a list of operations, as bytes and as text (program.h)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable

from slotcheck.native import ffi, lib, take_text, text_of
from slotcheck.vocabulary import OPS_BY_NUMBER, Op


class ProgramError(ValueError):
    """What was read is no program; the message says where."""


@dataclass(frozen=True)
class Operation:
    """One operation and its operands, as they are encoded."""

    op: Op
    operands: tuple[int, ...]


class Program:
    """A program that does not change.

    Programs are equal if their bytes are.
    """

    __slots__ = ("_pointer",)

    def __init__(self, slots: int = 16, operations: Iterable[Operation] = ()) -> None:
        """Raises ValueError if no program can have that many slots: it can have 1..240, and powers
        of two up to 2**23."""
        self._pointer = _new()
        if slots < 0 or slots > 2**64 - 1 or not lib.program_set_slots(self._pointer, slots):
            raise ValueError(f"no program can have {slots} slots")
        for operation in operations:
            operand = operation.operands + (0,) * (3 - len(operation.operands))
            number = operation.op.number
            if not lib.program_append(self._pointer, (number, number, operand)):
                raise MemoryError("no memory for a program")

    @classmethod
    def _from(cls, pointer: Any) -> Program:
        program = cls.__new__(cls)
        program._pointer = pointer
        return program

    @classmethod
    def decode(cls, data: bytes) -> Program:
        """The program that these bytes encode; every byte string encodes one."""
        pointer = _new()
        if not lib.program_decode(pointer, data, len(data)):
            raise MemoryError("no memory for a program")
        return cls._from(pointer)

    @classmethod
    def parse(cls, text: str | bytes, name: str = "text") -> Program:
        """Reads a text. Raises ProgramError, with `name`, line and column, if it is no program."""
        data = text.encode() if isinstance(text, str) else text
        pointer = _new()
        error = ffi.new("struct program_error *")
        if not lib.program_parse(pointer, data, len(data), error):
            raise ProgramError(f"{name}:{error.line}:{error.column}: {text_of(error.message)}")
        return cls._from(pointer)

    @classmethod
    def read(cls, path: Path | str) -> Program:
        """Reads a case file, text or bytes, as `./slotcheck run` does."""
        data = Path(path).read_bytes()
        if lib.program_is_text(data, len(data)):
            return cls.parse(data, str(path))
        program = cls.decode(data)
        if lib.program_format(program._pointer) > lib.PROGRAM_FORMAT:
            raise ProgramError(f"{path}: from a newer slotcheck")
        return program

    @classmethod
    def copy_of(cls, pointer: Any) -> Program:
        """A copy of a `struct program *`."""
        return cls.decode(_encode(pointer))

    @property
    def pointer(self) -> Any:
        """The `struct program *`; lives as long as this."""
        return self._pointer

    @property
    def slots(self) -> int:
        return lib.program_slots(self._pointer)

    @property
    def operations(self) -> list[Operation]:
        """The operations, in order."""
        operations = []
        for i in range(self._pointer.nr_ops):
            raw = self._pointer.ops[i]
            op = OPS_BY_NUMBER[raw.op]
            operations.append(Operation(op, tuple(raw.operand[0 : len(op.operands)])))
        return operations

    def encode(self) -> bytes:
        return _encode(self._pointer)

    def __len__(self) -> int:
        """How many operations."""
        return self._pointer.nr_ops

    def __str__(self) -> str:
        """The text."""
        return take_text(lib.program_text(self._pointer))

    def __repr__(self) -> str:
        return f"Program.parse({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Program) and self.encode() == other.encode()

    def __hash__(self) -> int:
        return hash(self.encode())

    def __reduce__(self) -> tuple[Any, ...]:
        return (Program.decode, (self.encode(),))


def _new() -> Any:
    pointer = ffi.gc(ffi.new("struct program *"), lib.program_free)
    lib.program_init(pointer)
    return pointer


def _encode(pointer: Any) -> bytes:
    size = lib.program_encoded_size(pointer)
    data = ffi.new("uint8_t[]", max(size, 1))
    lib.program_encode(pointer, data)
    return bytes(ffi.buffer(data, size))
