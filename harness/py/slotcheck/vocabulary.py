# SPDX-License-Identifier: MPL-2.0
"""Operations, kinds of operands, results: looked up from the one list in C."""

from __future__ import annotations

from dataclasses import dataclass
from enum import EnumMeta, IntEnum
from typing import TYPE_CHECKING, Any

from slotcheck.native import ffi, lib, take_text, text_of


def enum_members(enum: str, prefix: str) -> dict[str, int]:
    """The enumerators of a C enum whose names begin like that, without it."""
    elements = ffi.typeof(f"enum {enum}").elements
    return {
        name.removeprefix(prefix): number
        for number, name in sorted(elements.items())
        if name.startswith(prefix)
    }


if TYPE_CHECKING:

    class MadeFromC(EnumMeta):
        """Of an enumeration whose members are looked up in C: any name can be one."""

        def __getattr__(cls, name: str) -> Any: ...

    class Kind(IntEnum, metaclass=MadeFromC):
        """Kinds of operands; see program.h."""

        NONE = 0

    class Result(IntEnum, metaclass=MadeFromC):
        """How an operation ends; see subject.h."""

        OK = 0

    class Status(IntEnum, metaclass=MadeFromC):
        """What became of an operation of a program; see lockstep.h."""

        NOT_REACHED = 0

else:
    Kind = IntEnum("Kind", enum_members("operand_kind", "OPERAND_"))
    Result = IntEnum("Result", enum_members("spec_result", "SPEC_"))
    Status = IntEnum("Status", enum_members("step_status", "STEP_"))

HANDLE_KINDS: tuple[Kind, ...] = tuple(kind for kind in Kind if lib.operand_is_handle(kind))


@dataclass(frozen=True, eq=False)
class Op:
    """An operation of ops.def; there is one object of each."""

    number: int
    name: str
    upstream: str
    text: str
    since: int
    weight: int
    operands: tuple[Kind, ...]
    takes: Kind
    makes: Kind
    is_setup: bool
    group: str

    def __repr__(self) -> str:
        return self.name


def _ops_of(names: str) -> list[int]:
    """The operations that a list with commas of operations and groups names."""
    scope = ffi.new("struct scope *")
    wrong = ffi.new("char[100]")
    lib.scope_init(scope, 1)
    if not lib.scope_add_ops(scope, names.encode(), wrong, len(wrong)):
        raise ValueError(f"there is no operation or group '{text_of(wrong)}'")
    return [number for number in range(lib.NR_OPS) if scope.ops[number]]


def _groups() -> list[str]:
    groups: list[str] = []
    while lib.SCOPE_GROUPS[len(groups)] != ffi.NULL:
        groups.append(text_of(lib.SCOPE_GROUPS[len(groups)]))
    return groups


#: Groups of operations, in the order of `./slotcheck exhaust --help`.
GROUPS: tuple[str, ...] = tuple(group for group in _groups() if group != "all")


def _read_ops() -> dict[str, Op]:
    groups = {number: group for group in GROUPS for number in _ops_of(group)}
    names = enum_members("op", "OP_")
    ops = {}
    for name, number in names.items():
        info = lib.OPS[number]
        ops[name] = Op(
            number=number,
            name=name,
            upstream=text_of(info.upstream),
            text=text_of(info.text),
            since=info.since,
            weight=info.weight,
            operands=tuple(Kind(kind) for kind in info.operand if kind != lib.OPERAND_NONE),
            takes=Kind(info.takes),
            makes=Kind(info.makes),
            is_setup=lib.op_is_setup(number),
            group=groups.get(number, name),
        )
    return ops


#: All operations by name, in the order of ops.def.
OPS: dict[str, Op] = _read_ops()
#: The same, by number.
OPS_BY_NUMBER: tuple[Op, ...] = tuple(OPS.values())


def ops_of(names: str) -> tuple[Op, ...]:
    """The operations that a list with commas of operations and groups names.

    >>> ops_of("node")
    (page_table_node_alloc,)
    """
    return tuple(OPS_BY_NUMBER[number] for number in _ops_of(names))


def operand_text(kind: Kind, operand: int) -> str:
    """An operand as programs have it in text, such as `p3` or `probe(7)`."""
    return take_text(lib.operand_text(kind, operand))
