# SPDX-License-Identifier: MPL-2.0
"""What the fuzz targets count, as `slotcheck stats --json` sums it up."""
from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Counts:
    programs: int = 0
    divergences: int = 0
    operations: dict[str, dict[str, int]] = field(default_factory=dict)
    skipped: dict[str, dict[str, int]] = field(default_factory=dict)
    clauses: dict[str, int] = field(default_factory=dict)
    not_judged: list[str] = field(default_factory=list)  # ghost state that is not reported
    # Combinations of operation, state and result: all; those of the scope that a search of all short
    # programs has reached; how many the search has reached.
    cells: int = 0
    cells_of_scope: int = 0
    scope: int = 0

    @property
    def executed(self) -> int:
        return sum(sum(results.values()) for results in self.operations.values())

    @property
    def clauses_seen(self) -> int:
        return sum(1 for count in self.clauses.values() if count)

    @property
    def clauses_unseen(self) -> list[str]:
        return [clause for clause, count in self.clauses.items() if not count]

    def as_dict(self) -> dict[str, Any]:
        return {
            "programs": self.programs,
            "divergences": self.divergences,
            "operations": self.operations,
            "skipped": self.skipped,
            "clauses": self.clauses,
            "not_judged": self.not_judged,
            "cells": {
                "seen": self.cells,
                "seen_of_scope": self.cells_of_scope,
                "scope": self.scope,
            },
        }


def parse_counts(text: str) -> Counts:
    """Raises ValueError if it is not what `slotcheck stats --json` prints."""
    data = json.loads(text)
    try:
        return Counts(
            programs=int(data["programs"]),
            divergences=int(data["divergences"]),
            operations={op: dict(results) for op, results in data["operations"].items()},
            skipped={op: dict(reasons) for op, reasons in data["skipped"].items()},
            clauses=dict(data["clauses"]),
            not_judged=list(data["not_judged"]),
            cells=int(data["cells"]["seen"]),
            cells_of_scope=int(data["cells"]["seen_of_scope"]),
            scope=int(data["cells"]["scope"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not statistics: {error}") from error
