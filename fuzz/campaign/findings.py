# SPDX-License-Identifier: MPL-2.0
"""Findings: one folder for each signature, with all that a developer needs of it.

    case             the program, shrunk, in bytes; what the commands run
    program.txt      the same as text
    input            the program as the engine had found it, of a crash with the slots that it ran in
    explanation.txt  what `slotcheck run` says of the case
    record.json      the same for a machine; what reports are made from
    reproducer.c     the case as a C program, to be run under a debugger
    log.txt          of a crash: what the engine printed
    finding.json     what is known of the finding: its state, who found it when, with which build

What a finding goes through:

    new -> reproduced                      each time that it was run again
        -> flaky                           some of the times
        -> not reproduced                  never
    reproduced, flaky -> fixed             it no longer fails; the program becomes a regression

A replay that could not run, or failed in another way, changes nothing.
"""
from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Any

from campaign.crashes import CRASH_PREFIX
from campaign.errors import CampaignError
from campaign.files import write_atomically, write_bytes_atomically

FORMAT = 1


class State(str, Enum):
    NEW = "new"
    REPRODUCED = "reproduced"
    FLAKY = "flaky"
    NOT_REPRODUCED = "not reproduced"
    FIXED = "fixed"


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


@dataclass
class Finding:
    folder: Path
    state: State = State.NEW
    # How often it was run again, and how often it failed then.
    runs: int = 0
    failures: int = 0
    seen: int = 1  # how often a job has come upon it
    came_back: bool = False  # it had been fixed
    # It has failed when it was run again, at some time; and what showed that: the command, or a fuzz
    # target of that preset. Only what can fail can be fixed, and only who showed it can say so.
    has_failed: bool = False
    shown_by: str = ""
    shrunk: bool = False  # of a crash; divergences arrive like that
    found_by: str = ""
    first_seen: str = field(default_factory=now)
    subject: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    title: str = ""  # the line to tell a colleague
    replay: str = ""  # the command that shows it again
    # Not kept: it was found in this run, and what `slotcheck run --json` says of it.
    is_new: bool = True
    record: dict[str, Any] | None = None

    @property
    def signature(self) -> str:
        return self.folder.name

    @property
    def case(self) -> Path:
        return self.folder / "case"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def is_crash(self) -> bool:
        return self.signature.startswith(CRASH_PREFIX)

    @property
    def confirmed(self) -> bool:
        return self.failures > 0

    def take_runs(self, runs: int, failures: int) -> None:
        """What came of running it again."""
        self.runs, self.failures = runs, failures
        self.has_failed = self.has_failed or failures > 0
        if failures == 0:
            self.state = State.NOT_REPRODUCED
        else:
            self.state = State.REPRODUCED if failures == runs else State.FLAKY

    def take_record(self, record: dict[str, Any] | None) -> None:
        self.record = record
        self.title = title_of(record) if record is not None else self.title or self.signature

    # --- the folder -------------------------------------------------------------------------------

    def as_dict(self) -> dict[str, Any]:
        return {
            "signature": self.signature,
            "state": self.state.value,
            "runs": self.runs,
            "failures": self.failures,
            "confirmed": self.confirmed,
            "seen": self.seen,
            "new": self.is_new,
            "came_back": self.came_back,
            "found_by": self.found_by,
            "first_seen": self.first_seen,
            "subject": self.subject,
            "versions": self.versions,
            "title": self.title or self.signature,
            "folder": str(self.folder),
            "case": str(self.case),
            "log": str(self.log) if self.log.exists() else None,
            "replay": self.replay,
            "record": self.record,
        }

    def save(self) -> None:
        known = {name: getattr(self, name) for name in KEPT}
        text = json.dumps({"format": FORMAT, **known, "state": self.state.value}, indent=1)
        write_atomically(self.folder / "finding.json", text + "\n")
        if self.record is None:
            # One from before would speak of a failure that is no more.
            (self.folder / "record.json").unlink(missing_ok=True)
        else:
            text = json.dumps(self.record, indent=2)
            write_atomically(self.folder / "record.json", text + "\n")


KEPT = [f.name for f in fields(Finding) if f.name not in ("folder", "is_new", "record", "state")]


def title_of(record: dict[str, Any]) -> str:
    slot = "" if record["slot"] is None else f", slot {record['slot']}"
    return f"{record['verdict']} in {record['operation']}{slot}, field {record['field']}"


def load(folder: Path) -> Finding:
    path = folder / "finding.json"
    finding = Finding(folder, is_new=False)
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        if known["format"] != FORMAT:
            message = f"{path}: format {known['format']}; this slotcheck knows {FORMAT}"
            raise CampaignError(message)
        finding.state = State(known["state"])
        for name in KEPT:
            if type(known[name]) is not type(getattr(finding, name)):
                raise TypeError
            setattr(finding, name, known[name])
        path = folder / "record.json"
        finding.record = read_record(path)
    except (ValueError, KeyError, TypeError):
        raise CampaignError(f"{path}: not written by slotcheck") from None
    except OSError as error:
        raise CampaignError(f"{error.filename}: {error.strerror}") from error
    return finding


def read_record(path: Path) -> dict[str, Any] | None:
    """None if there is none; a KeyError or the like if it lacks what reports show of it."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    title_of(record)
    if not isinstance(record["clauses"], list):
        raise TypeError
    return dict(record)


def load_all(folder: Path) -> list[Finding]:
    return [load(path.parent) for path in sorted(folder.glob("*/finding.json"))]


@dataclass(frozen=True)
class Found:
    """What a job has come upon."""

    signature: str
    case: bytes
    found_by: str
    input: bytes | None = None
    log: str | None = None


def keep(folder: Path, fixed: Path, found: Found, subject: str, versions: dict[str, str]) -> Finding:
    """Files it under its signature. A shorter case replaces one that has not failed yet when it was
    run again: that one may be the reason, but one that is known to fail is worth more."""
    home = folder / found.signature
    if (home / "finding.json").exists():
        finding = load(home)
        finding.seen += 1
        if not finding.has_failed and len(found.case) < finding.case.stat().st_size:
            write_parts(home, found)
            finding.state, finding.runs, finding.shrunk = State.NEW, 0, False
        finding.save()
        return finding
    # A folder without its finding.json is one that a kill left half done.
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    write_parts(home, found)
    finding = Finding(home, found_by=found.found_by, subject=subject, versions=versions)
    finding.came_back = (fixed / found.signature).exists()
    finding.title = found.signature
    finding.save()
    return finding


def write_parts(home: Path, found: Found) -> None:
    write_bytes_atomically(home / "case", found.case)
    if found.input is not None:
        write_bytes_atomically(home / "input", found.input)
    if found.log is not None:
        write_atomically(home / "log.txt", found.log)
