# SPDX-License-Identifier: MPL-2.0
"""Findings: what properties have failed with, replayed, shrunk and filed."""

from __future__ import annotations

import json
import os
import re
import signal
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slotcheck.program import Program
from slotcheck.property.arguments import Arguments
from slotcheck.property.folder import Folder, add_to_corpus, write_atomically
from slotcheck.property.replay import Replayer, title_of


@dataclass
class Finding:
    signature: str
    title: str
    properties: list[str] = field(default_factory=list)  # that have shown it in this run
    case: Path | None = None  # none: no program shows it
    program: str = ""
    operations: int | None = None  # of the example, before `slotcheck shrink`
    example: str = ""  # as Hypothesis prints it
    explanation: str = ""
    blob: str | None = None
    replays: list[str] = field(default_factory=list)  # commands that show it again
    confirmed: bool = False
    new: bool = True
    log: Path | None = None
    record: dict[str, Any] | None = None  # what `slotcheck run --json` says of it

    @property
    def is_crash(self) -> bool:
        return self.record is not None and self.record["verdict"] == "crash"

    @property
    def shrunk_operations(self) -> int | None:
        return len(Program.parse(self.program)) if self.program else None

    def hypothesis(self) -> dict[str, Any]:
        return {
            "properties": self.properties,
            "blob": self.blob,
            "example": self.example,
            "operations": self.operations,
            "shrunk_operations": self.shrunk_operations,
        }

    def as_dict(self) -> dict[str, Any]:
        return {
            "signature": self.signature,
            "case": None if self.case is None else str(self.case),
            "log": None if self.log is None else str(self.log),
            "replay": self.replays[0] if self.replays else "",
            "replays": self.replays,
            "confirmed": self.confirmed,
            "new": self.new,
            "title": self.title,
            "program": self.program,
            "record": self.record,
            "hypothesis": self.hypothesis(),
        }

    def text(self) -> str:
        """What the log has: all there is to say."""
        parts = [self.title, self.explanation, self.example, "\n".join(self.replays)]
        return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def file_safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.")[:120] or "unknown"


# --- filing ---------------------------------------------------------------------------------------


class Findings:
    """All of a run, and those of earlier ones that still fail."""

    def __init__(self, folder: Folder, replayer: Replayer, arguments: Arguments) -> None:
        self.folder = folder
        self.replayer = replayer
        self.arguments = arguments
        self.found: dict[str, Finding] = {}
        self.fixed: list[str] = []

    # --- earlier runs ---

    def take_known(self) -> None:
        """What passes now shall not hide what comes. What has no case is its property's."""
        for case in [] if self.arguments.is_python else self.folder.cases():
            record = self.replayer.record_of(case)
            if record is not None:
                self.found[case.stem] = self._known(case, record)
            elif self.replayer.agrees(case):
                self.folder.retire(case)
                self.fixed.append(case.stem)

    def _known(self, case: Path, record: dict[str, Any]) -> Finding:
        kept = self.folder.read_record(case.stem).get("hypothesis")
        hypothesis: dict[str, Any] = kept if isinstance(kept, dict) else {}
        log = self.folder.log_file(case.stem)
        return Finding(
            signature=case.stem,
            title=title_of(record),
            case=case,
            program=str(Program.read(case)),
            operations=hypothesis.get("operations"),
            example=hypothesis.get("example") or "",
            blob=hypothesis.get("blob"),
            replays=[self.replayer.run_shown(case)],
            confirmed=True,
            new=False,
            log=log if log.exists() else None,
            record=record,
        )

    # --- this run ---

    def add(self, name: str, failure: dict[str, Any]) -> None:
        if failure["kind"] == "divergence":
            self._add_divergence(name, failure)
        else:
            self._add_other(name, failure)

    def _add_divergence(self, name: str, failure: dict[str, Any]) -> None:
        signature = failure["signature"]
        known = self.found.get(signature)
        if known is not None and (known.properties or known.is_crash):
            self._add_property(known, name, failure)
            return
        finding = Finding(
            signature=signature,
            title=failure["summary"],
            properties=[name],
            program=failure["program"],
            operations=failure["operations"],
            example=failure["example"],
            explanation=failure["explanation"],
            blob=failure["blob"] or self.arguments.reproduce,
            new=not self.folder.record_file(signature).exists(),
        )
        self._file(finding)

    def _add_property(self, known: Finding, name: str, failure: dict[str, Any]) -> None:
        """An example that was generated can be shown again, an explicit one is the case."""
        if known.blob is None and failure["blob"]:
            known.properties.insert(0, name)
            known.example, known.blob = failure["example"], failure["blob"]
            known.operations = failure["operations"]
            known.replays += self._reproduce_shown(known)
        else:
            known.properties.append(name)
        self._keep(known)

    def _reproduce_shown(self, finding: Finding) -> list[str]:
        if finding.blob is None:
            return []
        words = ("--only", finding.properties[0], "--reproduce", finding.blob)
        return [self.replayer.property_shown(*words)]

    def _add_other(self, name: str, failure: dict[str, Any]) -> None:
        if "program" in failure:
            self._add_raised(name, failure)
            return
        signature = file_safe(f"failed.{name}.{failure['type']}")
        if signature in self.found:
            return
        finding = Finding(
            signature=signature,
            title=f"{name} failed: {first_line(failure)}",
            properties=[name],
            example=failure["example"],
            explanation=failure["traceback"],
            blob=failure["blob"] or self.arguments.reproduce,
            confirmed=True,
        )
        again = [self.replayer.property_shown("--only", name)]
        finding.replays = self._reproduce_shown(finding) or again
        self._keep(finding)

    def _add_raised(self, name: str, failure: dict[str, Any]) -> None:
        """By a subject in Python, in a program; which property has run it matters little."""
        signature = file_safe(f"raised.{failure['type']}.{failure['where']}")
        known = self.found.get(signature)
        if known is not None and (known.blob or not failure["blob"]):
            known.properties.append(name)
            return
        finding = Finding(
            signature=signature,
            title=f"{self.arguments.subject_name} raised {first_line(failure)}",
            properties=[name, *(known.properties if known else ())],
            program=failure["program"],
            operations=len(Program.parse(failure["program"])),
            example=failure["example"],
            explanation=failure["traceback"],
            blob=failure["blob"] or self.arguments.reproduce,
            confirmed=True,
        )
        finding.case = self._write_case(finding)
        finding.replays = [self._case_shown(finding.case), *self._reproduce_shown(finding)]
        self._keep(finding)

    def add_crash(self, name: str, program: Program, how: str) -> None:
        """A program that has ended the process, or did not return."""
        finding = Finding(
            signature=f"crash.{file_safe(how)}.{file_safe(name)}",
            title=f"{name}: the process {how}",
            properties=[name],
            program=str(program),
            operations=len(program),
        )
        part = self._write_part(finding.program)
        try:
            record = None if self.arguments.is_python else self.replayer.record_of(part)
            if record is not None:
                self._add_crash_of(finding, record, part)
                return
        finally:
            part.unlink(missing_ok=True)
        finding.case = self._write_case(finding)
        finding.replays = [self._case_shown(finding.case)]
        self._keep(finding)

    def add_death(self, name: str, how: str) -> None:
        """The subject has ended the process, and not in an operation of a program."""
        signature = f"crash.{file_safe(how)}.{file_safe(name)}.outside"
        finding = Finding(
            signature=signature,
            title=f"{name}: the process {how} between programs, or while they were made or ended",
            properties=[name],
            replays=[self.replayer.property_shown("--only", name)],
        )
        self._keep(finding)

    def _add_crash_of(self, finding: Finding, record: dict[str, Any], part: Path) -> None:
        """The command has a signature for it, and can shrink it."""
        finding.signature, finding.title = record["signature"], title_of(record)
        known = self.found.get(finding.signature)
        if known is not None:
            known.properties += finding.properties
            return
        self._shrink(finding, record, part)
        finding.case = self._write_case(finding)
        finding.replays = [self.replayer.run_shown(finding.case)]
        finding.confirmed = True
        self._keep(finding)

    def _file(self, finding: Finding) -> None:
        """Of a divergence."""
        finding.confirmed = self.arguments.is_python
        if not self.arguments.is_python:
            part = self._write_part(finding.program)
            try:
                record = self.replayer.record_of(part)
                # What a subject keeps from one program to the next shows here only.
                finding.confirmed = record is not None and record["signature"] == finding.signature
                if record is not None and finding.confirmed:
                    self._shrink(finding, record, part)
            finally:
                part.unlink(missing_ok=True)
        finding.case = self._write_case(finding)
        finding.replays = [self._case_shown(finding.case), *self._reproduce_shown(finding)]
        self._keep(finding)
        add_to_corpus(self.folder.corpus, Program.parse(finding.program).encode())

    def _shrink(self, finding: Finding, record: dict[str, Any], part: Path) -> None:
        small = part.with_suffix(".small")
        try:
            shrunk = self.replayer.shrink(part, record, small)
            finding.record = record if shrunk is None else shrunk
            if shrunk is not None:
                finding.program = str(Program.read(small))
                finding.title = title_of(shrunk)
        finally:
            small.unlink(missing_ok=True)

    def _case_shown(self, case: Path) -> str:
        if not self.arguments.is_python:
            return self.replayer.run_shown(case)
        return self.replayer.property_shown("--only", "programs.agrees", str(case))

    def _write_part(self, program: str) -> Path:
        part = self.folder.log / "case.part"
        part.write_text(program, encoding="utf-8")
        return part

    def _write_case(self, finding: Finding) -> Path:
        case = self.folder.findings / f"{finding.signature}.case"
        write_atomically(case, finding.program)
        return case

    def _keep(self, finding: Finding) -> None:
        if finding.record is not None and finding.case is not None:
            finding.explanation = self.replayer.explanation_of(finding.case, finding.record)
            replay = {"file": str(finding.case), "replay": finding.replays[0]}
            finding.record = finding.record | replay
        record = finding.record or {"signature": finding.signature, "title": finding.title}
        text = json.dumps(record | {"hypothesis": finding.hypothesis()}, indent=2) + "\n"
        write_atomically(self.folder.record_file(finding.signature), text)
        finding.log = self.folder.log_file(finding.signature)
        write_atomically(finding.log, finding.text())
        self.found[finding.signature] = finding

    def property_of(self, blob: str) -> str | None:
        """The property whose failure has this blob, in any run in this folder."""
        for path in self.folder.records.glob("*.json"):
            hypothesis = self.folder.read_record(path.stem).get("hypothesis")
            if isinstance(hypothesis, dict) and hypothesis.get("blob") == blob:
                return str(hypothesis["properties"][0])
        return None


def first_line(failure: dict[str, Any]) -> str:
    lines = failure["message"].strip().splitlines()
    if not lines:
        return str(failure["type"])
    return textwrap.shorten(f"{failure['type']}: {lines[0]}", 160, placeholder=" …")


def how_it_ended(status: int) -> str:
    if status < 0:
        return f"ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def launcher_shown(root: Path) -> str:
    relative = os.path.relpath(root / "slotcheck")
    return str(root / "slotcheck") if relative.startswith("..") else f"./{relative}"
