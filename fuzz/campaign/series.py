# SPDX-License-Identifier: MPL-2.0
"""The time series of a campaign: a file of comma-separated values, a row every few seconds.

A row is written whole and reaches the disk at once; what a power cut leaves of one is passed over.
"""
from __future__ import annotations

import csv
import io
import itertools
import os
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from campaign.files import write_atomically

SERIES = "series.csv"
ROW_SECONDS = 5


@dataclass(frozen=True)
class Row:
    seconds: float  # of fuzzing, over all runs of the campaign
    programs: int
    operations: int
    libfuzzer_executions: int
    afl_executions: int
    edges: int
    clauses: int
    cells: int
    corpus: int
    findings: int


NOTHING = Row(0.0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
NAMES = [field.name for field in fields(Row)]


class Series:
    def __init__(self, path: Path, goes_on: bool) -> None:
        """`goes_on`: with the rows that are there. Nothing is written before `begin`."""
        self.path = path
        self.goes_on = goes_on
        self.rows = read_rows(path) if goes_on else []
        last = self.rows[-1] if self.rows else NOTHING
        self.spent = last.seconds
        self.libfuzzer_executions = last.libfuzzer_executions
        self.afl_executions = last.afl_executions
        self.written_at = 0.0

    def begin(self) -> None:
        """An earlier campaign's rows stay, under another name."""
        if self.path.exists() and not self.goes_on:
            numbers = itertools.count(1)
            free = (self.path.with_stem(f"{self.path.stem}-{number}") for number in numbers)
            self.path.replace(next(path for path in free if not path.exists()))
        # Anew, because the last row may be half of one.
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([NAMES, *map(astuple, self.rows)])
        write_atomically(self.path, text.getvalue())

    def is_due(self, elapsed: float) -> bool:
        return elapsed - self.written_at >= ROW_SECONDS

    def write(self, row: Row, elapsed: float) -> None:
        self.written_at = elapsed
        with open(self.path, "a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(astuple(row))
            file.flush()
            os.fsync(file.fileno())


def read_rows(path: Path) -> list[Row]:
    """The rows that are whole."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    rows = []
    # What has no end may have lost digits.
    lines = text[: text.rfind("\n") + 1].splitlines()
    for values in list(csv.reader(lines))[1:]:
        try:
            seconds, *counts = values
            rows.append(Row(float(seconds), *map(int, counts)))
        except (ValueError, TypeError):
            continue
    return rows


def spent_seconds(path: Path) -> float:
    """How long the campaign has been running, as far as it has said so."""
    rows = read_rows(path)
    return rows[-1].seconds if rows else 0.0
