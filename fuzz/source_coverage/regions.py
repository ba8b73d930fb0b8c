# SPDX-License-Identifier: MPL-2.0
"""The regions of a program, from what `llvm-cov export` prints.

A region is a stretch of code that runs as a whole or not at all. One that is compiled several times,
as those of inline functions and of macros are, is one region here, and has run if any of them has.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# Numbers of LLVM's format: where a region begins and ends, how often it ran, the file that it is in,
# that of the macro that is expanded there, and what kind of region it is.
LINE, COLUMN, LINE_END, COLUMN_END, RUNS, FILE, EXPANDED_FILE, KIND = range(8)
CODE, EXPANSION = 0, 1


class Place(NamedTuple):
    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Span(NamedTuple):
    start: Place
    end: Place  # the place behind it

    def holds(self, place: Place) -> bool:
        return place.file == self.start.file and self.start <= place < self.end


@dataclass
class Region:
    span: Span
    runs: int = 0
    # For each time that it was compiled: the macros that it is in the body of, by where they are
    # used, from the inside to the outside.
    uses: set[tuple[Place, ...]] = field(default_factory=set)

    @property
    def file(self) -> str:
        return self.span.start.file


Regions = dict[Span, Region]


def functions(export: Any) -> Iterator[Any]:
    for part in export["data"]:
        yield from part["functions"]


def span_of(numbers: list[int], files: list[str]) -> Span:
    file = files[numbers[FILE]]
    return Span(
        Place(file, numbers[LINE], numbers[COLUMN]),
        Place(file, numbers[LINE_END], numbers[COLUMN_END]),
    )


def uses_of(file: int, expansions: dict[int, tuple[int, Place]]) -> Iterator[Place]:
    """LLVM takes each use of a macro for a file of its own."""
    while file in expansions:
        file, place = expansions[file]
        yield place


def add_function(regions: Regions, numbers: list[list[int]], files: list[str]) -> None:
    expansions = {
        region[EXPANDED_FILE]: (region[FILE], span_of(region, files).start)
        for region in numbers
        if region[KIND] == EXPANSION
    }
    for region in numbers:
        if region[KIND] != CODE:
            continue
        span = span_of(region, files)
        known = regions.setdefault(span, Region(span))
        known.runs += region[RUNS]
        known.uses.add(tuple(uses_of(region[FILE], expansions)))


def read_regions(exports: Iterable[Any], name_of: Callable[[str], str | None]) -> Regions:
    """`name_of` says what a file is called, or that it is none of those that matter."""
    regions: Regions = {}
    for export in exports:
        for function in functions(export):
            files = [name_of(file) or "" for file in function["filenames"]]
            add_function(regions, function["regions"], files)
    return {span: region for span, region in sorted(regions.items()) if region.file}
