# SPDX-License-Identifier: MPL-2.0
"""What a person reads, and the same for a machine."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from campaign.report import counted
from mutation.table import columns
from source_coverage.regions import Place, Region
from source_coverage.verdict import Count, Verdict


def row(count: Count) -> list[str]:
    numbers = [count.regions, count.covered, count.unreachable]
    return [count.file, *map(str, numbers), f"{count.percent:.2f}"]


def counts_table(verdict: Verdict) -> str:
    head = ["file", "regions", "covered", "unreachable", "%"]
    return columns([head, *map(row, [*verdict.counts, verdict.total])])


def outermost(regions: Iterable[Region]) -> Iterator[tuple[Region, int]]:
    """With the number of those that begin inside of it. Outer ones come first."""
    last, inside = None, 0
    for region in sorted(regions, key=lambda region: region.span.start):
        if last and last.span.holds(region.span.start):
            inside += 1
            continue
        if last:
            yield last, inside
        last, inside = region, 0
    if last:
        yield last, inside


def code_at(root: Path, place: Place) -> str:
    line = (root / place.file).read_text(encoding="utf-8").splitlines()[place.line - 1]
    return line.strip()


def missed_lines(verdict: Verdict, root: Path) -> Iterator[str]:
    for region, inside in outermost(verdict.missed):
        place = region.span.start
        more = f"   (and {inside} more inside)" if inside else ""
        yield f"  {place}: {code_at(root, place)}{more}"


def blocks(verdict: Verdict, root: Path) -> Iterator[list[str]]:
    if verdict.missed:
        number = counted(len(verdict.missed), "region")
        yield [f"{number} neither reached nor marked as unreachable:", *missed_lines(verdict, root)]
    if verdict.wrong_marks:
        number = counted(len(verdict.wrong_marks), "mark")
        yield [f"{number} that must not be there:"] + [
            f"  {mark.place}: {mark.why}" for mark in verdict.wrong_marks
        ]
    if verdict.unknown:
        number = counted(len(verdict.unknown), "source")
        yield [f"{number} in none of the programs:", *(f"  {file}" for file in verdict.unknown)]


def conclusion(verdict: Verdict) -> str:
    total = verdict.total
    text = f"{total.covered} of {total.regions} regions"
    if total.unreachable:
        text += f", and {total.unreachable} unreachable by {counted(len(verdict.marks), 'mark')}"
    return f"{text}: {total.percent:.2f} %"


def verdict_text(verdict: Verdict, root: Path) -> str:
    parts = [counts_table(verdict)]
    parts += ["\n".join(block) + "\n" for block in blocks(verdict, root)]
    return "\n".join(parts)


def at(place: Place) -> dict[str, Any]:
    return place._asdict()


def record(verdict: Verdict, what: dict[str, Any]) -> dict[str, Any]:
    return {
        "record_version": 1,
        **what,
        "files": [count.as_dict() for count in verdict.counts],
        "total": verdict.total.as_dict(),
        "missed": [
            at(region.span.start)
            | {"line_end": region.span.end.line, "column_end": region.span.end.column}
            for region in verdict.missed
        ],
        "marks": [at(mark.place) | {"reason": mark.reason} for mark in verdict.marks],
        "wrong_marks": [at(mark.place) | {"why": mark.why} for mark in verdict.wrong_marks],
        "unknown_sources": verdict.unknown,
    }
