# SPDX-License-Identifier: MPL-2.0
"""What a person, or a machine, reads about a corpus."""
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.errors import CampaignError
from campaign.report import counted
from corpora.features import Features
from corpora.inputs import Garbage, shown
from corpora.reading import Input, union

NR_LARGEST = 3


@dataclass(frozen=True)
class Shown:
    """What some programs show together."""

    features: int
    edges: int
    edges_there: int
    clauses: int
    clauses_there: int
    cells: frozenset[str]

    @classmethod
    def of(cls, features: Features, mask: int) -> Shown:
        return cls(
            features=mask.bit_count(),
            edges=first_words(features.named(mask, "edge")),
            edges_there=features.edges,
            clauses=first_words(features.named(mask, "clause")),
            clauses_there=features.clauses,
            cells=frozenset(features.named(mask, "cell")),
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "features": self.features,
            "edges": {"seen": self.edges, "there": self.edges_there},
            "clauses": {"seen": self.clauses, "there": self.clauses_there},
            "cells": len(self.cells),
        }

    def text(self) -> str:
        edges = f"{self.edges} of {self.edges_there} edges, " if self.edges_there else ""
        return (
            f"{edges}{self.clauses} of {self.clauses_there} clauses, {len(self.cells):,} cells"
        )


def first_words(names: Sequence[str]) -> int:
    """How many edges, or clauses; behind them stands how often, or by which operation."""
    return len({name.partition(" ")[0] for name in names})


def size_of(inputs: Sequence[Input]) -> int:
    return sum(len(one.file.content) for one in inputs)


def sizes(inputs: Sequence[Input]) -> dict[str, int]:
    return {"inputs": len(inputs), "bytes": size_of(inputs)}


def finding_record(one: Input) -> dict[str, Any]:
    return {"path": str(one.file.path), "finding": one.answer.finding}


def finding_lines(inputs: Sequence[Input]) -> list[str]:
    return [
        f"{shown(one.file.path)}: {one.answer.finding}; it is kept" for one in inputs
        if one.answer.finding
    ]


def findings_text(inputs: Sequence[Input]) -> str:
    nr = sum(1 for one in inputs if one.answer.finding)
    return f"{counted(nr, 'finding')}; ./slotcheck run FILE explains one" if nr else ""


# --- statistics -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Statistics:
    folders: tuple[Path, ...]
    inputs: list[Input]
    garbage: list[Garbage]
    shown: Shown
    scope: frozenset[str]
    alone: list[Input]  # those that show something that no other one shows
    features_alone: int

    @classmethod
    def of(
        cls,
        folders: tuple[Path, ...],
        inputs: list[Input],
        garbage: list[Garbage],
        features: Features,
        scope: frozenset[str],
    ) -> Statistics:
        once = seen_once(inputs)
        return cls(
            folders=folders,
            inputs=inputs,
            garbage=garbage,
            shown=Shown.of(features, union(inputs)),
            scope=scope,
            alone=[one for one in inputs if one.answer.mask & once],
            features_alone=once.bit_count(),
        )

    @property
    def duplicates(self) -> int:
        counts = Counter(one.answer.code for one in self.inputs)
        return sum(counts.values()) - len(counts)

    @property
    def largest(self) -> list[Input]:
        order = sorted(self.inputs, key=lambda one: (-len(one.file.content), str(one.file.path)))
        return order[:NR_LARGEST]

    @property
    def findings(self) -> list[Input]:
        return [one for one in self.inputs if one.answer.finding]

    def as_dict(self) -> dict[str, Any]:
        return {
            "folders": [str(folder) for folder in self.folders],
            **sizes(self.inputs),
            "texts": sum(one.file.is_text for one in self.inputs),
            "duplicates": self.duplicates,
            "regressions": sum(one.is_regression for one in self.inputs),
            "operations": sum(one.answer.operations for one in self.inputs),
            "executed": sum(one.answer.executed for one in self.inputs),
            "shown": self.shown.as_dict()
            | {"cells_of_scope": len(self.shown.cells & self.scope), "scope": len(self.scope)},
            "alone": {"inputs": len(self.alone), "features": self.features_alone},
            "largest": [
                {"path": str(one.file.path), "bytes": len(one.file.content)}
                for one in self.largest
            ],
            "findings": [finding_record(one) for one in self.findings],
            "garbage": [
                {"path": str(one.path), "position": one.position, "reason": one.reason}
                for one in self.garbage
            ],
        }

    def rows(self) -> list[tuple[str, str]]:
        record = self.as_dict()
        of_scope = record["shown"]["cells_of_scope"]
        rows = [
            ("inputs", f"{record['inputs']:,}; {record['texts']:,} texts,"
             f" {record['regressions']:,} regressions, {record['duplicates']:,} duplicates"),
            ("bytes", f"{record['bytes']:,}"),
            ("operations", f"{record['operations']:,}, {record['executed']:,} of them executed"),
            ("edges", f"{self.shown.edges} of {self.shown.edges_there}"
             if self.shown.edges_there else "not known: the subject is not instrumented"),
            ("clauses", f"{self.shown.clauses} of {self.shown.clauses_there}"),
            ("cells", f"{len(self.shown.cells):,}; {of_scope:,} of the {len(self.scope):,}"
             " of the exhaustive scope"),
            ("features", f"{self.shown.features:,}, {self.features_alone:,} of them in one input"
             f" only; that is so of {len(self.alone):,} inputs"),
        ]
        rows += [("largest", f"{len(one.file.content):,} bytes, {shown(one.file.path)}")
                 for one in self.largest]
        rows += [("finding", f"{shown(one.file.path)}: {one.answer.finding}")
                 for one in self.findings]
        return rows + [("garbage", str(one)) for one in self.garbage]

    def text(self) -> str:
        return "".join(f"{name:<12}{value}\n" for name, value in self.rows())


def seen_once(inputs: Sequence[Input]) -> int:
    once = twice = 0
    for one in inputs:
        twice |= once & one.answer.mask
        once |= one.answer.mask
    return once & ~twice


def read_scope(path: Path) -> frozenset[str]:
    """The cells of the exhaustive scope; the first line says what the others are."""
    try:
        return frozenset(path.read_text(encoding="utf-8").splitlines()[1:])
    except OSError as error:
        raise CampaignError(f"{path}: {error.strerror}") from error
