# SPDX-License-Identifier: MPL-2.0
"""The command `slotcheck`, which runs and shrinks cases in processes of its own."""

from __future__ import annotations

import json
import math
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slotcheck.property.arguments import Arguments
from slotcheck.property.errors import Status

REPLAY_SECONDS = 60
# While a hang is shrunk: that it does not return in a longer time is known.
HANG_SECONDS = 2
HANGS = "did not return in time"  # what a record says of a hang


@dataclass(frozen=True)
class Replayer:
    """What it says of the subject and the variant that the arguments name."""

    command: Path
    launcher: str
    arguments: Arguments

    def subject_words(self) -> list[str]:
        subject, spec = self.arguments.subject, self.arguments.spec
        words = ["--subject", subject] if subject else []
        return words + (["--spec", spec] if spec != "ostd" else [])

    def _timeout(self, record: dict[str, Any] | None) -> list[str]:
        """What is known to hang is not waited for as long again."""
        hangs = record is not None and crash_of(record) == HANGS
        seconds = min(self.arguments.timeout, HANG_SECONDS if hangs else math.inf)
        return ["--timeout", str(max(1, round(seconds)))]

    def record_of(self, case: Path, known: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """What `slotcheck run` says of it if it diverges."""
        done = self._run(case, known)
        return None if done is None else first_record(done.stdout)

    def agrees(self, case: Path) -> bool:
        """True if `slotcheck run` says so; a case that cannot be run does neither."""
        done = self._run(case, None)
        return done is not None and done.returncode == Status.AGREEMENT

    def _run(
        self, case: Path, known: dict[str, Any] | None
    ) -> subprocess.CompletedProcess[str] | None:
        timeout = self._timeout(known)
        return self._ended(["run", "--json", *timeout, *self.subject_words(), str(case)])

    def explanation_of(self, case: Path, record: dict[str, Any]) -> str:
        done = self._ended(["run", *self._timeout(record), *self.subject_words(), str(case)])
        return "" if done is None else done.stdout

    def shrink(self, case: Path, record: dict[str, Any], to: Path) -> dict[str, Any] | None:
        """The record of a shrunk program with the same signature, which is in `to`; or None."""
        timeout = self._timeout(record)
        done = self._ended(["shrink", "-o", str(to), *timeout, *self.subject_words(), str(case)])
        if done is None or done.returncode != Status.AGREEMENT:
            return None
        shrunk = self.record_of(to, record)
        return shrunk if shrunk is not None and is_same(record, shrunk) else None

    def shown(self, *words: str) -> str:
        return " ".join(shlex.quote(word) for word in (self.launcher, *words))

    def run_shown(self, case: Path) -> str:
        return self.shown("run", *self.subject_words(), str(case))

    def property_shown(self, *words: str) -> str:
        out = self.arguments.out
        return self.shown("property", *self.arguments.shown(), "--out", str(out), *words)

    def _ended(self, words: list[str]) -> subprocess.CompletedProcess[str] | None:
        """None: it did not end in time."""
        try:
            return subprocess.run(
                [str(self.command), *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=REPLAY_SECONDS + self.arguments.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None


def first_record(output: str) -> dict[str, Any] | None:
    """The record of a divergence; there may be other lines, because a subject may print as well."""
    for line in output.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and "signature" in record:
            return record
    return None


def crash_of(record: dict[str, Any]) -> str | None:
    """How the process ended: by which signal, or not at all."""
    if record.get("verdict") != "crash":
        return None
    return next(
        (
            difference["subject"]
            for difference in record.get("differences", ())
            if difference["field"] == "process"
        ),
        "unknown",
    )


def is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one["signature"] == other["signature"] and crash_of(one) == crash_of(other)


def title_of(record: dict[str, Any]) -> str:
    slot = "" if record.get("slot") is None else f", slot {record['slot']}"
    return f"{record['verdict']} in {record['operation']}{slot}, field {record['field']}"
