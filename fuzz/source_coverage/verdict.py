# SPDX-License-Identifier: MPL-2.0
"""What a corpus has reached, what it need not reach, and what of that is not as the marks say."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from source_coverage.marks import Mark
from source_coverage.regions import Place, Region, Regions, Span


@dataclass(frozen=True)
class WrongMark:
    place: Place
    why: str


@dataclass(frozen=True)
class Count:
    file: str
    regions: int
    covered: int
    unreachable: int

    @property
    def missed(self) -> int:
        return self.regions - self.covered - self.unreachable

    @property
    def percent(self) -> float:
        """Of the regions that can be reached. 100 only if it is all of them."""
        reachable = self.regions - self.unreachable
        return 100.0 if not self.missed else min(100 * self.covered / reachable, 99.99)

    def as_dict(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "regions": self.regions,
            "covered": self.covered,
            "unreachable": self.unreachable,
            "missed": self.missed,
            "percent": round(self.percent, 2),
        }


@dataclass(frozen=True)
class Verdict:
    counts: list[Count]
    marks: list[Mark]
    missed: list[Region]
    wrong_marks: list[WrongMark]
    unknown: list[str]  # sources that are in no program

    @property
    def total(self) -> Count:
        return Count(
            "total",
            sum(count.regions for count in self.counts),
            sum(count.covered for count in self.counts),
            sum(count.unreachable for count in self.counts),
        )

    @property
    def is_complete(self) -> bool:
        return not (self.missed or self.wrong_marks or self.unknown)


def innermost(regions: Iterable[Region], place: Place) -> Region | None:
    around = [region for region in regions if region.span.holds(place)]
    return max(around, key=lambda region: (region.span.start, negated(region.span.end)), default=None)


def negated(place: Place) -> tuple[int, int]:
    return -place.line, -place.column


def examine(mark: Mark, regions: Regions) -> Region | str:
    """The region that a mark speaks of, or what is wrong with the mark."""
    region = mark.code and innermost(regions.values(), mark.code)
    if not mark.reason:
        return "no reason is given"
    if not region:
        return "no code that is counted comes behind it"
    if region.runs:
        return f"the region at {region.span.start} is reached"
    return region


def covers(mark: Mark, marked: Span, region: Span) -> bool:
    """The region that is marked is this one, or this one lies inside. Of a switch the cases that come
    later do not: for LLVM each reaches to the end of the switch."""
    if mark.of_label and region != marked and region.end == marked.end:
        return False
    return marked.holds(region.start)


def is_excused(region: Region, marked: list[tuple[Mark, Span]]) -> bool:
    """It is marked; or all uses are of the macro whose body it is in."""
    if any(covers(mark, span, region.span) for mark, span in marked):
        return True

    def inside(place: Place) -> bool:
        return any(span.holds(place) for _, span in marked)

    return all(any(map(inside, use)) for use in region.uses)


def judge(regions: Regions, marks: list[Mark], sources: Iterable[str] = ()) -> Verdict:
    marked: list[tuple[Mark, Span]] = []
    wrong: list[WrongMark] = []
    for mark in marks:
        region = examine(mark, regions)
        if isinstance(region, str):
            wrong.append(WrongMark(mark.place, region))
        else:
            marked.append((mark, region.span))
    not_covered = [region for region in regions.values() if not region.runs]
    missed = [region for region in not_covered if not is_excused(region, marked)]
    files = sorted({region.file for region in regions.values()})
    counts = [count(file, regions, not_covered, missed) for file in files]
    unknown = sorted(set(sources) - set(files))
    return Verdict(counts, marks, missed, wrong, unknown)


def count(file: str, regions: Regions, not_covered: list[Region], missed: list[Region]) -> Count:
    def of_file(some: Iterable[Region]) -> int:
        return sum(1 for region in some if region.file == file)

    whole = of_file(regions.values())
    return Count(file, whole, whole - of_file(not_covered), of_file(not_covered) - of_file(missed))
