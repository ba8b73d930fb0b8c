# SPDX-License-Identifier: MPL-2.0
"""Findings: case files that the fuzz targets write, and inputs that made the engine stop."""
from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable

from campaign.engine import shown_command
from campaign.errors import Status

CRASH_PREFIX = "crash."
CONFIRM_SECONDS = 30
# While a hang is shrunk: that it does not return in a longer time is known.
HANG_SECONDS = 2
HANGS = "did not return in time"  # what a record says of a hang
# Functions of engines and sanitizers, and what lies between a fault and its report.
NOBODYS_FRAMES = re.compile(
    r"^(_+sanitizer|_+asan|_+ubsan|_+msan|_+interceptor|_+lsan|fuzzer::|std::|raise$|abort$|gsignal"
    r"|_+libc|_+restore_rt|_+GI_|_+pthread|_start$|main$)"
)
FRAME_LINE = re.compile(r"^\s+#\d+ 0x[0-9a-f]+ (?:in )?(\S+)?")
KIND_LINES = [
    re.compile(r"runtime error: (.+)$"),
    re.compile(r"ERROR: \w+Sanitizer: ([\w-]+)"),
    re.compile(r"WARNING: \w+Sanitizer: ([\w-]+)"),
    re.compile(r"ERROR: libFuzzer: ([\w -]+)"),
]


@dataclass
class Finding:
    signature: str
    case: Path
    log: Path | None = None
    # What shows it again, and whether it did; both unknown before it was confirmed.
    replay: str = ""
    confirmed: bool = False
    new: bool = True
    record: dict[str, Any] | None = None  # what `slotcheck run --json` says of it

    @property
    def is_crash(self) -> bool:
        return self.signature.startswith(CRASH_PREFIX)

    @property
    def title(self) -> str:
        """The line to tell a colleague."""
        if self.record is None:
            return self.signature
        slot = "" if self.record["slot"] is None else f", slot {self.record['slot']}"
        verdict, operation = self.record["verdict"], self.record["operation"]
        return f"{verdict} in {operation}{slot}, field {self.record['field']}"

    def as_dict(self) -> dict[str, Any]:
        return {
            "signature": self.signature,
            "case": str(self.case),
            "log": None if self.log is None else str(self.log),
            "replay": self.replay,
            "confirmed": self.confirmed,
            "new": self.new,
            "title": self.title,
            "record": self.record,
        }


# --- crashes --------------------------------------------------------------------------------------


def file_safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:60] or "unknown"


def crash_signature(log: str) -> str:
    """What happened and in which function: `crash.SEGV.frame_drop`."""
    lines = log.splitlines()
    kind, at = next(
        (
            (match[1], number)
            for number, line in enumerate(lines)
            for pattern in KIND_LINES
            if (match := pattern.search(line))
        ),
        ("unknown", 0),
    )
    functions = (match[1] or "" for line in lines[at:] if (match := FRAME_LINE.match(line)))
    function = next((f for f in functions if f and not NOBODYS_FRAMES.match(f)), "unknown")
    kind = re.sub(r" after \d+ seconds$", "", kind.strip())
    return f"{CRASH_PREFIX}{file_safe(kind)}.{file_safe(function)}"


def slots_byte(slots: int) -> int:
    """See the program format: 1..240, or a power of two."""
    return slots - 1 if slots <= 240 else 240 + (slots.bit_length() - 1) - 8


def with_slots(data: bytes, slots: int | None) -> bytes:
    """The program bytes as they were run: --slots overrides what they say."""
    if slots is None:
        return data
    return (data[:1] or b"\x01") + bytes([slots_byte(slots)]) + data[2:]


def log_of(case: Path) -> Path:
    """Beside the folder of the cases, which has to hold nothing but cases."""
    return case.parent.parent / "log" / f"{case.stem}.log"


def keep_crash(artifact: Path, log: str, findings: Path, slots: int | None) -> Path:
    """Files a crash under its signature, unless a shorter case of it is there."""
    case = findings / (crash_signature(log) + ".case")
    data = with_slots(artifact.read_bytes(), slots)
    if not case.exists() or case.stat().st_size > len(data):
        part = case.with_suffix(".part")
        part.write_bytes(data)
        part.replace(case)
        log_of(case).write_text(log, encoding="utf-8")
    artifact.unlink(missing_ok=True)
    return case


def forget_input(data: bytes, corpus: Path) -> None:
    """Takes an input that stops the engine out of the corpus: no run would get past it. libFuzzer
    names inputs by their digest."""
    (corpus / hashlib.sha1(data, usedforsecurity=False).hexdigest()).unlink(missing_ok=True)


# --- confirming -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Replayer:
    """How cases are run again: by the command, or, what only a fuzz target shows, by one."""

    command: Path
    launcher: str
    targets: tuple[Path, ...]
    subject: Path | None

    def command_shown(self, case: Path) -> str:
        words = [self.launcher, "run", *self.subject_words(), str(case)]
        return " ".join(shlex.quote(word) for word in words)

    def record_of(self, case: Path) -> tuple[bool, dict[str, Any] | None]:
        """Whether the case fails, and, if it diverges, what it does."""
        words = [str(self.command), "run", "--json", *self.subject_words(), str(case)]
        done = ended(words, {})
        return failed(done), None if done is None else first_record(done.stdout)

    def run_again(self, finding: Finding) -> bool:
        """Whether the case fails again, a divergence with the same signature; if it diverges, the
        finding gets its record."""
        fails, finding.record = self.record_of(finding.case)
        return fails and (finding.is_crash or shows_signature(finding))

    def shrink(self, finding: Finding) -> None:
        """Puts the shrunk program in the place of a crash's case if it is the same crash; the fuzz
        targets shrink all else themselves. What only a target shows has no signature that could be
        held, and stays."""
        if finding.record is None or finding.record["verdict"] != "crash":
            return
        text = log_of(finding.case).with_suffix(".shrunk")
        small = text.with_suffix(".part")
        try:
            if self.makes_smaller(finding, text, small):
                _, record = self.record_of(small)
                if (record is not None and same_crash(finding.record, record)
                        and self.target_agrees(finding, small)):
                    small.replace(finding.case)
                    finding.record = of_file(record, small, finding.case)
        finally:
            text.unlink(missing_ok=True)
            small.unlink(missing_ok=True)

    def makes_smaller(self, finding: Finding, text: Path, small: Path) -> bool:
        """Shrinks the case to `text`, and packs that to `small`: the targets read bytes only."""
        words = [str(self.command), "shrink", "-o", str(text), *self.subject_words()]
        # What crashes after a longer time must not be taken for a hang.
        if crash_of(finding.record) == HANGS:
            words += ["--timeout", str(HANG_SECONDS)]
        pack = [str(self.command), "pack", "-o", str(small), str(text)]
        return succeeded(ended([*words, str(finding.case)], {})) and succeeded(ended(pack, {}))

    def target_agrees(self, finding: Finding, case: Path) -> bool:
        """The crash has its name from what a target said: one has to say the same of the case."""
        for target in self.targets:
            done = ended(self.target_words(target, case), self.target_environment())
            if done is not None and failed(done):
                if crash_signature(done.stdout + done.stderr) == finding.signature:
                    return True
        return not self.targets

    def subject_words(self) -> list[str]:
        return [] if self.subject is None else ["--subject", str(self.subject)]

    def target_environment(self) -> dict[str, str]:
        return {} if self.subject is None else {"SLOTCHECK_SUBJECT": str(self.subject)}

    @staticmethod
    def target_words(target: Path, case: Path) -> list[str]:
        return [str(target), "-timeout=5", str(case)]

    def confirm(self, finding: Finding) -> None:
        finding.replay = self.command_shown(finding.case)
        if self.run_again(finding):
            finding.confirmed = True
            if finding.is_crash and finding.new:
                self.shrink(finding)
            return
        finding.record = None
        if not finding.is_crash:
            return
        for target in self.targets:
            words = self.target_words(target, finding.case)
            if failed(ended(words, self.target_environment())):
                finding.confirmed = True
                finding.replay = shown_command(self.target_environment(), words)
                return


def ended(words: list[str],
          environment: dict[str, str]) -> subprocess.CompletedProcess[str] | None:
    """None: it did not end in time."""
    try:
        return subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=os.environ | environment,
            timeout=CONFIRM_SECONDS,
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


def shows_signature(finding: Finding) -> bool:
    return finding.record is not None and finding.record["signature"] == finding.signature


def crash_of(record: dict[str, Any] | None) -> str | None:
    """How the process ended: by which signal, or not at all."""
    if record is None or record.get("verdict") != "crash":
        return None
    return next((difference["subject"] for difference in record.get("differences", ())
                 if difference["field"] == "process"), "unknown")


def same_crash(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one["signature"] == other["signature"] and crash_of(one) == crash_of(other)


def of_file(record: dict[str, Any], old: Path, new: Path) -> dict[str, Any]:
    """The record after its case was renamed."""
    return {
        key: value.replace(str(old), str(new)) if key in ("file", "replay") else value
        for key, value in record.items()
    }


def succeeded(done: subprocess.CompletedProcess[str] | None) -> bool:
    return done is not None and done.returncode == Status.AGREEMENT


def failed(done: subprocess.CompletedProcess[str] | None) -> bool:
    """Wrong use and internal errors say nothing about the case."""
    no_failure = (Status.AGREEMENT, Status.WRONG_USE, Status.INTERNAL)
    return done is None or done.returncode not in no_failure


def list_findings(cases: Iterable[Path], known: set[str]) -> list[Finding]:
    found = []
    for case in cases:
        log = log_of(case)
        found.append(
            Finding(
                signature=case.stem,
                case=case,
                log=log if log.exists() else None,
                new=case.stem not in known,
            )
        )
    return found
