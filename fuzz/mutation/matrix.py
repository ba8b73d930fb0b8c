# SPDX-License-Identifier: MPL-2.0
"""What is known of each mutant and each driver.

    OUT/build/NAME/              the mutant, built
    OUT/results/DRIVER/NAME.json what the driver found in it; kept as long as nothing has changed
    OUT/matrix.json              all of the last run: the record that reports are made from
"""
from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from campaign.files import write_atomically
from mutation.build import Built, digest, digest_of_files
from mutation.drivers import Driver, Setting
from mutation.judge import Result
from mutation.patches import Mutant

RECORD_VERSION = 1
# Executions within which a driver should have found a mutant.
MARKS = (10_000, 100_000, 1_000_000)


class Results:
    """The results that are kept from one run to the next."""

    def __init__(self, folder: Path, setting: Setting) -> None:
        self.folder = folder
        self.setting = setting
        # All that has a say in a result beside the mutant itself.
        fuzz = setting.root / "fuzz"
        self.command = digest_of_files(
            [
                setting.command,
                fuzz / "lockstep.dict",
                *sorted((fuzz / "campaign").glob("*.py")),
                *sorted((fuzz / "mutation").rglob("*.py")),
            ]
        )

    def _path(self, driver: Driver, built: Built) -> Path:
        return self.folder / driver.name / f"{built.mutant.name}.json"

    def _key(self, driver: Driver, built: Built) -> str:
        settings = json.dumps(driver.settings(self.setting), sort_keys=True)
        return digest(built.key.encode(), self.command.encode(), settings.encode())

    def load(self, driver: Driver, built: Built) -> Result | None:
        """None: it has to be run, for the first time or anew."""
        try:
            record = json.loads(self._path(driver, built).read_text(encoding="utf-8"))
            return Result(**record["result"]) if record["key"] == self._key(driver, built) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def forget(self, driver: Driver) -> None:
        shutil.rmtree(self.folder / driver.name, ignore_errors=True)

    def keep(self, driver: Driver, built: Built, result: Result) -> None:
        path = self._path(driver, built)
        path.parent.mkdir(parents=True, exist_ok=True)
        record = {"key": self._key(driver, built), "result": result.as_dict()}
        write_atomically(path, json.dumps(record, indent=1) + "\n")


class Matrix:
    """Mutants by drivers; a result may still be missing."""

    def __init__(self, drivers: tuple[Driver, ...], builds: list[Built]) -> None:
        self.drivers = drivers
        self.builds = builds
        self.results: dict[tuple[str, str], Result] = {}

    @property
    def mutants(self) -> list[Mutant]:
        return [built.mutant for built in self.builds]

    @property
    def counted(self) -> list[Mutant]:
        return [mutant for mutant in self.mutants if mutant.is_counted]

    def forget(self, driver: Driver) -> None:
        for name, other in list(self.results):
            if other == driver.name:
                del self.results[name, other]

    def of(self, mutant: Mutant, driver: Driver) -> Result | None:
        return self.results.get((mutant.name, driver.name))

    def kills(self, mutant: Mutant) -> list[tuple[Driver, Result]]:
        found = [(driver, self.of(mutant, driver)) for driver in self.drivers]
        return [(driver, result) for driver, result in found if result and result.killed]

    def killed_within(self, driver: Driver, executions: int | None) -> int:
        """How many of the mutants that count; None: whenever."""
        results = [self.of(mutant, driver) for mutant in self.counted]
        return sum(
            1
            for result in results
            if result and result.killed
            and (executions is None or result.executions <= executions)
        )

    def median(self, driver: Driver, what: str) -> float | None:
        """Of the executions or seconds until a divergence, over the mutants that count; what was
        missed took longer than all else. None: most were missed, or none counts."""
        results = [self.of(mutant, driver) for mutant in self.counted]
        kills = sorted(getattr(result, what) for result in results if result and result.killed)
        middle = (len(self.counted) - 1) // 2
        return kills[middle] if 0 <= middle < len(kills) else None

    @property
    def survivors(self) -> list[Mutant]:
        return [mutant for mutant in self.counted if not self.kills(mutant)]

    @property
    def wrong_labels(self) -> list[Mutant]:
        """Called open or equivalent, and killed."""
        return [m for m in self.mutants if not m.is_counted and self.kills(m)]

    @property
    def errors(self) -> list[str]:
        return [
            f"{name}: {driver}: {result.error}"
            for (name, driver), result in self.results.items()
            if result.error
        ]

    @property
    def is_complete(self) -> bool:
        return len(self.results) == len(self.builds) * len(self.drivers)

    # --- the record -------------------------------------------------------------------------------

    def mutant_record(self, built: Built) -> dict[str, Any]:
        mutant = built.mutant
        results = {driver.name: self.of(mutant, driver) for driver in self.drivers}
        return {
            "name": mutant.name,
            "kind": mutant.kind,
            "breaks": mutant.breaks,
            "equivalent": mutant.equivalent or None,
            "open": mutant.open or None,
            "patch": mutant.patch,
            "build_seconds": built.seconds,
            "results": {name: result and result.as_dict() for name, result in results.items()},
        }

    def driver_record(self, driver: Driver, setting: Setting) -> dict[str, Any]:
        return {
            "name": driver.name,
            "executions": driver.executions,
            "settings": driver.settings(setting),
            "killed": self.killed_within(driver, None),
            "median_executions": self.median(driver, "executions"),
            "median_seconds": self.median(driver, "seconds"),
            "killed_within": {str(mark): self.killed_within(driver, mark) for mark in MARKS},
        }

    def record(
        self, setting: Setting, commit: str | None, clauses: list[dict[str, Any]] | None
    ) -> dict[str, Any]:
        return {
            "record_version": RECORD_VERSION,
            "kind": "mutants",
            "commit": commit,
            "complete": self.is_complete,
            "counted": len(self.counted),
            "survivors": [mutant.name for mutant in self.survivors],
            "wrong_labels": [mutant.name for mutant in self.wrong_labels],
            "errors": self.errors,
            "drivers": [self.driver_record(driver, setting) for driver in self.drivers],
            "mutants": [self.mutant_record(built) for built in self.builds],
            "clauses": clauses,
        }
