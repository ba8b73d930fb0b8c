# SPDX-License-Identifier: MPL-2.0
"""What a person reads while a campaign runs, and at its end."""
from __future__ import annotations

import re
import shutil
import textwrap
from dataclasses import dataclass
from typing import Any, TextIO

from campaign.counts import Counts
from campaign.errors import CampaignError
from campaign.findings import Finding, State

PLAIN_LINE_SECONDS = 10
MAX_SHOWN_FINDINGS = 30


class Output:
    """A stream that ends the campaign with one line if it cannot be written."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self.stream = stream
        self.name = name

    def write(self, text: str) -> None:
        try:
            self.stream.write(text)
        except OSError as error:
            raise CampaignError(f"{self.name}: {error.strerror}") from error

    def flush(self) -> None:
        try:
            self.stream.flush()
        except OSError as error:
            raise CampaignError(f"{self.name}: {error.strerror}") from error

    def isatty(self) -> bool:
        return self.stream.isatty()


def short_number(value: float) -> str:
    """Three digits or so: 999, 12.3k, 4.56M."""
    for limit, divisor, unit in ((1e4, 1, ""), (1e6, 1e3, "k"), (1e9, 1e6, "M"), (1e12, 1e9, "G")):
        if value < limit:
            scaled = value / divisor
            if not unit:
                return f"{scaled:.0f}"
            return f"{scaled:.0f}{unit}" if scaled >= 100 else f"{scaled:.1f}{unit}"
    return f"{value / 1e12:.1f}T"


def short_time(seconds: float) -> str:
    whole = int(seconds)
    if isinstance(seconds, float) and seconds < 10:
        return f"{seconds:.1f}s"
    if whole < 120:
        return f"{whole}s"
    if whole < 7200:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


def shorter_number(value: float) -> str:
    """Two or three digits: 9.8M, 35M, 227M."""
    text = short_number(value)
    return re.sub(r"^(\d\d)\.\d", r"\1", text)


def shorter_time(seconds: float) -> str:
    return f"{int(seconds) // 60}m" if 600 <= seconds < 7200 else short_time(seconds)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@dataclass
class Progress:
    elapsed: float
    left: float
    counts: Counts
    per_second: float
    edges: int
    corpus: int
    findings: int
    # Of AFL++, in percent: less than 100, and what an input shows depends on others.
    stability: float | None = None

    def edges_text(self) -> str:
        # One is that of the fuzz target itself.
        return f"{self.edges} edges" if self.edges > 1 else "no coverage"

    def stability_text(self) -> str:
        return "" if self.stability is None else f" stability {self.stability:.6g} %,"

    def line(self) -> str:
        counts = self.counts
        left = round(max(self.left, 0))
        return " | ".join(
            [
                f"{short_time(round(self.elapsed))}, {short_time(left)} left",
                f"{short_number(counts.programs)} programs, {short_number(self.per_second)}/s",
                f"{short_number(counts.executed)} operations",
                self.edges_text(),
                f"corpus {self.corpus}",
                f"clauses {counts.clauses_seen}/{len(counts.clauses)}",
                counted(self.findings, "finding"),
            ]
        )

    def short_line(self, findings: str, corpus: str) -> str:
        """The same for a narrow terminal."""
        counts = self.counts
        times = f"{shorter_time(round(self.elapsed))}/{shorter_time(round(max(self.left, 0)))} left"
        return " ".join(
            [
                times,
                f"{findings} {self.findings}",
                f"{shorter_number(counts.programs)} {shorter_number(self.per_second)}/s",
                f"ops {shorter_number(counts.executed)}",
                f"cov {self.edges}" if self.edges > 1 else "no cov",
                f"{corpus} {self.corpus}",
                f"clauses {counts.clauses_seen}/{len(counts.clauses)}",
            ]
        )

    def fitted_line(self, width: int) -> str:
        """The longest line that fits, or what fits of the shortest."""
        lines = [self.line(), self.short_line("findings", "corpus"), self.short_line("found", "corp")]
        return next((line for line in lines if len(line) <= width), lines[-1][:width])


class StatusLine:
    """One line that changes on a terminal; elsewhere a line every ten seconds."""

    def __init__(self, out: TextIO | Output) -> None:
        self.out = out
        self.terminal = out.isatty()
        self.shown_at = 0.0
        self.dirty = False

    def is_due(self, elapsed: float) -> bool:
        return elapsed - self.shown_at >= (1 if self.terminal else PLAIN_LINE_SECONDS)

    def show(self, progress: Progress) -> None:
        width = shutil.get_terminal_size().columns
        line = progress.fitted_line(width - 1) if self.terminal else progress.line()
        self.show_text(line, progress.elapsed)

    def show_text(self, line: str, elapsed: float) -> None:
        self.shown_at = elapsed
        self.out.write("\r\x1b[K" + line if self.terminal else line + "\n")
        self.dirty = self.terminal
        self.out.flush()

    def end(self) -> None:
        """Ends the changing line, so that something else can be printed."""
        if self.dirty:
            self.out.write("\n")
            self.out.flush()
            self.dirty = False


@dataclass
class Summary:
    subject: str
    engine: str
    jobs: int
    progress: Progress
    corpus_folder: str
    findings: list[Finding]
    fixed: list[str]
    regressions: str
    status: int
    note: str = ""
    ledger: str | None = None
    series: str | None = None

    def as_dict(self) -> dict[str, Any]:
        progress = self.progress
        return {
            "subject": self.subject,
            "engine": self.engine,
            "jobs": self.jobs,
            "seconds": round(progress.elapsed, 1),
            "programs_per_second": round(progress.per_second),
            "edges": progress.edges,
            "corpus": progress.corpus,
            "stability": progress.stability,
            **progress.counts.as_dict(),
            "ledger": self.ledger,
            "series": self.series,
            "findings": [finding.as_dict() for finding in self.findings],
            "fixed": self.fixed,
            "note": self.note,
            "status": self.status,
        }

    def print(self, out: TextIO | Output) -> None:
        blocks = [
            operations_table(self.progress.counts),
            clauses_text(self.progress.counts, self.ledger),
            cells_text(self.progress.counts),
            self.totals(),
            findings_text(self.findings),
        ]
        if self.fixed:
            names = ", ".join(self.fixed)
            blocks.append(f"no longer failing, now in fixed/ and in {self.regressions}/: {names}")
        if progress_is_unstable(self.progress):
            blocks.append(
                f"AFL++ sees a stability of {self.progress.stability} %: what an input shows depends"
                " on inputs before it, so the subject keeps something that its reset does not reset"
            )
        if self.note:
            blocks.append(self.note)
        print("\n" + "\n\n".join(block for block in blocks if block), file=out)

    def totals(self) -> str:
        progress = self.progress
        counts = progress.counts
        jobs = f"{counted(self.jobs, 'job')} of {self.engine}"
        speed = f"{short_number(progress.per_second)}/s, {jobs}"
        return (
            f"{counts.programs:,} programs in {short_time(progress.elapsed)} ({speed}),"
            f" {counts.executed:,} operations on {self.subject}; {progress.edges_text()},"
            f"{progress.stability_text()} corpus of {progress.corpus} in {self.corpus_folder}"
        )


def progress_is_unstable(progress: Progress) -> bool:
    return progress.stability is not None and progress.stability < 100


def operations_table(counts: Counts) -> str:
    """A line per operation: how often it ended how, and how often it was skipped."""
    results = [r for r in columns(counts.operations) if total(counts.operations, r)]
    reasons = [r for r in columns(counts.skipped) if total(counts.skipped, r)]
    head = ["operation", *results, *(f"({reason})" for reason in reasons)]
    rows = [head]
    for operation, by_result in counts.operations.items():
        by_reason = counts.skipped.get(operation, {})
        numbers = [by_result.get(r, 0) for r in results] + [by_reason.get(r, 0) for r in reasons]
        rows.append([operation, *(short_number(n) if n else "." for n in numbers)])
    if len(rows) == 1:
        return ""
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        )
        for row in rows
    ]
    return "\n".join(lines) + ("\nin brackets: why operations were skipped" if reasons else "")


def columns(table: dict[str, dict[str, int]]) -> list[str]:
    return list(dict.fromkeys(name for row in table.values() for name in row))


def total(table: dict[str, dict[str, int]], column: str) -> int:
    return sum(row.get(column, 0) for row in table.values())


def clauses_text(counts: Counts, ledger: str | None) -> str:
    if not counts.clauses:
        return ""
    text = f"{counts.clauses_seen} of {len(counts.clauses)} clauses were evaluated"
    if counts.not_judged:
        text += f"; {len(counts.not_judged)} more see ghost state, which the subject does not report"
    if counts.clauses_unseen:
        text += "; never: " + ", ".join(counts.clauses_unseen)
    if ledger:
        text += f"; ./slotcheck ledger {ledger} says more"
    return textwrap.fill(text, 100, subsequent_indent="  ", break_on_hyphens=False)


def cells_text(counts: Counts) -> str:
    if not counts.scope:
        return ""
    share = 100 * counts.cells_of_scope / counts.scope
    return textwrap.fill(
        f"{counts.cells_of_scope:,} of {counts.scope:,} cells ({share:.0f} %) of the exhaustive scope"
        f" were seen, and {counts.cells - counts.cells_of_scope:,} beyond it; a cell is an operation,"
        " the state that it met, and its result",
        100,
        subsequent_indent="  ",
    )


def findings_text(findings: list[Finding]) -> str:
    if not findings:
        return "no findings"
    lines = [counted(len(findings), "finding") + ":"]
    for finding in findings[:MAX_SHOWN_FINDINGS]:
        lines.append(f"  {finding.title or finding.signature}" + finding_notes(finding))
        lines += [f"      {id}" for id in broken_clauses(finding)]
        lines.append(f"      {finding.replay}")
        if finding.log.exists():
            lines.append(f"      log: {finding.log}")
    if len(findings) > MAX_SHOWN_FINDINGS:
        lines.append(f"  and {len(findings) - MAX_SHOWN_FINDINGS} more in the same folder")
    return "\n".join(lines)


def broken_clauses(finding: Finding) -> list[str]:
    """The first broken clause and what it says; the rest says the replay."""
    if finding.record is None or not finding.record["clauses"]:
        return []
    clause = finding.record["clauses"][0]
    return [textwrap.shorten(f"{clause['id']}: {clause['text']}", 94)]


def finding_notes(finding: Finding) -> str:
    notes = []
    if not finding.is_new:
        notes.append("known from an earlier run")
    if finding.came_back:
        notes.append("had been fixed")
    if finding.state == State.NOT_REPRODUCED:
        notes.append("did not happen again when it was replayed")
    elif finding.state == State.FLAKY:
        notes.append(f"happened again {finding.failures} of {finding.runs} times")
    return f"   ({'; '.join(notes)})" if notes else ""
