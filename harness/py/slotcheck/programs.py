# SPDX-License-Identifier: MPL-2.0
"""Whole programs as Hypothesis draws them, and case files as explicit examples.

    @examples_from("corpus/seeds")
    @given(program=programs())
    def test_something(program): ...
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, TypeVar

from hypothesis import example
from hypothesis import strategies as st

from slotcheck.native import lib
from slotcheck.operands import operands
from slotcheck.program import Operation, Program
from slotcheck.vocabulary import HANDLE_KINDS, OPS_BY_NUMBER, Kind, Op

#: Region sizes: mostly small ones, in which operations meet.
SLOTS = (1, 2, 3, 4, 8, 16, 64, 512)
#: How often an operation may be drawn, compared with one of weight 1.
MAX_WEIGHT = 8
# Handles that are likely to be alive; numbers are taken modulo what is alive in any case.
MAX_HANDLE = 3

_Test = TypeVar("_Test", bound=Callable[..., Any])


# --- strategies ---


@lru_cache(maxsize=None)
def _operand(kind: Kind, slots: int) -> st.SearchStrategy[int]:
    if kind in HANDLE_KINDS:
        return st.integers(0, MAX_HANDLE) | st.integers(0, 256 ** lib.OPERAND_WIDTH[kind] - 1)
    return operands(kind, slots)


@lru_cache(maxsize=None)
def _operation(op: Op, slots: int) -> st.SearchStrategy[Operation]:
    drawn = st.tuples(*(_operand(kind, slots) for kind in op.operands))
    return drawn.map(lambda values: Operation(op, tuple(map(int, values))))


@lru_cache(maxsize=None)
def operations(slots: int, ops: tuple[Op, ...] = OPS_BY_NUMBER) -> st.SearchStrategy[Operation]:
    """Any of these operations, with operands for a region of that many slots."""
    weighted = [op for op in ops for _ in range(min(max(op.weight, 1), MAX_WEIGHT))]
    return st.sampled_from(weighted).flatmap(lambda op: _operation(op, slots))


@st.composite
def programs(
    draw: st.DrawFn, max_operations: int = 24, ops: tuple[Op, ...] = OPS_BY_NUMBER
) -> Program:
    """Programs of these operations. Operations that are not possible where they stand are skipped
    when the program runs."""
    slots = draw(st.sampled_from(SLOTS))
    return Program(slots, draw(st.lists(operations(slots, ops), max_size=max_operations)))


def programs_of_bytes(max_size: int = 96) -> st.SearchStrategy[Program]:
    """What arbitrary bytes encode, as an engine makes them, but for programs of formats that are
    still to come, which have no text, and large regions, which take their time."""
    return st.binary(max_size=max_size).map(Program.decode).filter(_is_ordinary)


def _is_ordinary(program: Program) -> bool:
    is_known = lib.program_format(program.pointer) <= lib.PROGRAM_FORMAT
    return is_known and program.slots <= max(SLOTS)


# --- case files ---


def case_files(*paths: Path | str) -> Iterator[Path]:
    """These files, and all those in these folders, as `./slotcheck run` takes them."""
    for path in map(Path, paths):
        if path.is_dir():
            yield from sorted(file for file in path.iterdir() if _is_case(file))
        else:
            yield path


def _is_case(file: Path) -> bool:
    return file.is_file() and not file.name.startswith(".") and file.suffix != ".md"


def read_cases(*paths: Path | str) -> dict[Path, Program]:
    """The programs in these files and folders. Raises ProgramError and OSError."""
    return {path: Program.read(path) for path in case_files(*paths)}


def examples_from(*paths: Path | str, argument: str = "program") -> Callable[[_Test], _Test]:
    """A decorator that feeds case files, text or bytes, to a property: all of them are tried before
    anything is generated. Folders stand for the files in them."""
    return examples_of(read_cases(*paths).values(), argument)


def examples_of(cases: Iterable[Program], argument: str = "program") -> Callable[[_Test], _Test]:
    """The same with programs that were read already."""
    different = list(dict.fromkeys(cases))

    def decorate(test: _Test) -> _Test:
        # Hypothesis tries first what was added last.
        for program in reversed(different):
            test = example(**{argument: program})(test)
        return test

    return decorate
