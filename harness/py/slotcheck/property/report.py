# SPDX-License-Identifier: MPL-2.0
"""What a person reads while properties run, and at the end."""

from __future__ import annotations

import shutil
import textwrap
from dataclasses import dataclass, field
from typing import Any, TextIO

from slotcheck.property.errors import PropertyError
from slotcheck.property.findings import Finding

PLAIN_LINE_SECONDS = 10
MAX_SHOWN_FINDINGS = 30
MAX_SHOWN_LINES = 40


class Output:
    """A stream that ends the run with one line if it cannot be written."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self.stream = stream
        self.name = name

    def write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except OSError as error:
            raise PropertyError(f"{self.name}: {error.strerror}") from error


def short_number(value: float) -> str:
    """Three digits or so: 999, 12.3k, 4.56M."""
    for limit, divisor, unit in ((1e4, 1, ""), (1e6, 1e3, "k"), (1e9, 1e6, "M")):
        if value < limit:
            scaled = value / divisor
            return f"{scaled:.0f}{unit}" if not unit or scaled >= 100 else f"{scaled:.1f}{unit}"
    return f"{value / 1e9:.1f}G"


def short_time(seconds: float) -> str:
    whole = int(seconds)
    if seconds < 10:
        return f"{seconds:.1f}s"
    return f"{whole}s" if whole < 120 else f"{whole // 60}m{whole % 60:02}s"


def counted(number: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number:,} {noun if number == 1 else plural}"


@dataclass
class Progress:
    elapsed: float = 0.0
    done: int = 0
    properties: int = 0
    examples: int = 0
    steps: int = 0
    findings: int = 0

    def line(self) -> str:
        return " | ".join(
            [
                f"{int(self.elapsed)}s",
                f"{self.done}/{self.properties} properties",
                f"{short_number(self.examples)} examples",
                f"{short_number(self.steps)} operations",
                counted(self.findings, "finding"),
            ]
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "seconds": round(self.elapsed, 1),
            "properties": self.properties,
            "done": self.done,
            "examples": self.examples,
            "operations": self.steps,
        }


class StatusLine:
    """One line that changes on a terminal; elsewhere a line every ten seconds."""

    def __init__(self, out: Output) -> None:
        self.out = out
        self.terminal = out.stream.isatty()
        self.shown_at = 0.0
        self.dirty = False

    def is_due(self, elapsed: float) -> bool:
        return elapsed - self.shown_at >= (0.5 if self.terminal else PLAIN_LINE_SECONDS)

    def show(self, progress: Progress) -> None:
        self.shown_at = progress.elapsed
        width = shutil.get_terminal_size().columns - 1
        line = progress.line()
        self.out.write(f"\r\x1b[K{line[:width]}" if self.terminal else line + "\n")
        self.dirty = self.terminal

    def end(self) -> None:
        """Removes the changing line, so that something else can be printed."""
        if self.dirty:
            self.dirty = False
            self.out.write("\r\x1b[K")


@dataclass
class Summary:
    subject: str
    profile: str
    progress: Progress
    corpus: int
    corpus_folder: str
    findings: list[Finding]
    fixed: list[str]
    skipped: list[str]
    status: int
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "profile": self.profile,
            **self.progress.as_dict(),
            "corpus": self.corpus,
            "findings": [finding.as_dict() for finding in self.findings],
            "fixed": self.fixed,
            "skipped": self.skipped,
            "notes": self.notes,
            "status": self.status,
        }

    def text(self) -> str:
        blocks = [self.totals(), findings_text(self.findings)]
        if self.skipped:
            blocks.append("Skipped: " + ", ".join(self.skipped))
        if self.fixed:
            blocks.append("No longer failing, moved to fixed/: " + ", ".join(self.fixed))
        return "\n\n".join(blocks + self.notes) + "\n"

    def totals(self) -> str:
        progress = self.progress
        ran = counted(progress.done, "property")
        if progress.done != progress.properties:
            ran = f"{progress.done} of {counted(progress.properties, 'property')}"
        return (
            f"{ran}, {counted(progress.examples, 'example')},"
            f" {counted(progress.steps, 'operation')} on {self.subject}"
            f" in {short_time(progress.elapsed)} (profile {self.profile});"
            f" corpus of {self.corpus} in {self.corpus_folder}"
        )


def findings_text(findings: list[Finding]) -> str:
    if not findings:
        return "no findings"
    blocks = [counted(len(findings), "finding") + ":"]
    blocks += [finding_text(finding) for finding in findings[:MAX_SHOWN_FINDINGS]]
    if len(findings) > MAX_SHOWN_FINDINGS:
        blocks.append(f"  and {len(findings) - MAX_SHOWN_FINDINGS} more in the same folder")
    return "\n\n".join(blocks)


def finding_text(finding: Finding) -> str:
    lines = [f"  {finding.title}{finding_notes(finding)}"]
    lines += [f"      {clause}" for clause in broken_clauses(finding)]
    if finding.program:
        lines += ["", *indented(finding.program)]
    if finding.example:
        lines += ["", *indented(finding.example)]
    lines += ["", *(f"      {replay}" for replay in finding.replays)]
    if finding.log is not None:
        lines.append(f"      log: {finding.log}")
    return "\n".join(lines)


def indented(text: str) -> list[str]:
    lines = text.strip().splitlines()
    if len(lines) > MAX_SHOWN_LINES:
        lines = [*lines[:MAX_SHOWN_LINES], "…"]
    return [f"      {line}".rstrip() for line in lines]


def broken_clauses(finding: Finding) -> list[str]:
    """The first broken clause and what it says; the rest says the replay."""
    if finding.record is None or not finding.record.get("clauses"):
        return []
    clause = finding.record["clauses"][0]
    return [textwrap.shorten(f"{clause['id']}: {clause['text']}", 94)]


def finding_notes(finding: Finding) -> str:
    notes = []
    if finding.properties and finding.case is not None:
        more = len(finding.properties) - 1
        notes.append(f"by {finding.properties[0]}" + (f" and {more} more" if more else ""))
    if not finding.new:
        notes.append("known from an earlier run")
    if not finding.confirmed:
        notes.append("did not happen again when it was replayed")
    return f"   ({'; '.join(notes)})" if notes else ""
