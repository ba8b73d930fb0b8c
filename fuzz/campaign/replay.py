# SPDX-License-Identifier: MPL-2.0
"""Running findings again: how often they fail, a crash made small, and what a developer needs."""
from __future__ import annotations

import json
import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.crashes import crash_signature
from campaign.errors import CampaignError, Status
from campaign.files import write_atomically
from campaign.findings import Finding
from campaign.job import shown_command
from campaign.reproducer import c_source

CONFIRM_SECONDS = 30
# How often a finding is run again, and one that takes its time to fail each time.
RUNS = 5
HANG_RUNS = 2
# While a hang is shrunk: that it does not return in a longer time is known.
HANG_SECONDS = 2
HANGS = "did not return in time"  # what a record says of a hang


@dataclass(frozen=True)
class Replayer:
    """How cases are run again: by the command, or, what only a fuzz target shows, by one."""

    command: Path
    launcher: str
    targets: tuple[Path, ...]
    subject: Path | None

    # --- one run ----------------------------------------------------------------------------------

    def command_shown(self, case: Path) -> str:
        words = [self.launcher, "run", *self.subject_words(), str(case)]
        return " ".join(shlex.quote(word) for word in words)

    def record_of(self, case: Path) -> tuple[bool, dict[str, Any] | None]:
        """Whether the case fails, and, if it diverges, what it does."""
        words = [str(self.command), "run", "--json", *self.subject_words(), str(case)]
        done = ended(words, {})
        return failed(done), None if done is None else first_record(done.stdout)

    def fails_again(self, finding: Finding) -> bool:
        """A divergence has to fail with the same signature; if it diverges, the finding gets its
        record."""
        fails, record = self.record_of(finding.case)
        if not fails or not (finding.is_crash or has_signature(record, finding.signature)):
            return False
        finding.take_record(record)
        return True

    def crashes_target(self, target: Path, case: Path) -> bool:
        return failed(ended(self.target_words(target, case), self.target_environment()))

    def log_of(self, target: Path, case: Path) -> str:
        """What a target prints of a case; engines other than libFuzzer keep nothing of it. Raises
        what the target itself complains of."""
        done = ended(self.target_words(target, case), self.target_environment())
        if done is None:
            return "ERROR: libFuzzer: timeout"
        if done.returncode == Status.WRONG_USE:
            lines = done.stderr.strip().splitlines() or ["a fuzz target gave up"]
            raise CampaignError(lines[-1].removeprefix("slotcheck: "))
        return done.stderr

    # --- confirming -------------------------------------------------------------------------------

    def confirm(self, finding: Finding) -> None:
        """Runs it again some times, and keeps what came of it."""
        finding.replay = self.command_shown(finding.case)
        runs, failures = repeat(lambda: self.fails_again(finding), finding)
        for target in self.targets if finding.is_crash and failures == 0 else ():
            finding.record = None
            runs, failures = repeat(lambda: self.crashes_target(target, finding.case), finding)
            if failures > 0:
                words = self.target_words(target, finding.case)
                finding.replay = shown_command(self.target_environment(), words)
                break
        finding.take_runs(runs, failures)
        if finding.is_new and finding.is_crash and failures == runs:
            self.shrink(finding)
        self.describe(finding)
        finding.save()

    def describe(self, finding: Finding) -> None:
        """The files for people."""
        shown = ended([str(self.command), "show", str(finding.case)], {})
        if succeeded(shown):
            write_atomically(finding.folder / "program.txt", shown.stdout)
        run = [str(self.command), "run", *self.subject_words(), str(finding.case)]
        explained = ended(run, {})
        if explained is not None and explained.stdout:
            write_atomically(finding.folder / "explanation.txt", explained.stdout)
        source = c_source(finding.signature, finding.case.read_bytes())
        write_atomically(finding.folder / "reproducer.c", source)

    # --- shrinking --------------------------------------------------------------------------------

    def shrink(self, finding: Finding) -> None:
        """Puts the shrunk program in the place of a crash's case if it is the same crash; the fuzz
        targets shrink all else themselves. What only a target shows has no signature that could be
        held, and stays."""
        if finding.record is None or finding.record["verdict"] != "crash":
            return
        text = finding.folder / "shrunk.part"
        small = finding.folder / "case.part"
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

    # --- command lines ----------------------------------------------------------------------------

    def subject_words(self) -> list[str]:
        return [] if self.subject is None else ["--subject", str(self.subject)]

    def target_environment(self) -> dict[str, str]:
        return {} if self.subject is None else {"SLOTCHECK_SUBJECT": str(self.subject)}

    @staticmethod
    def target_words(target: Path, case: Path) -> list[str]:
        return [str(target), "-timeout=5", str(case)]


def repeat(fails: Any, finding: Finding) -> tuple[int, int]:
    """Runs, and how many of them failed. A hang has told enough after fewer; one that was known and
    now returns has not."""
    failures = 0
    runs = 0
    while runs < (HANG_RUNS if failures and crash_of(finding.record) == HANGS else RUNS):
        failures += bool(fails())
        runs += 1
    return runs, failures


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


def has_signature(record: dict[str, Any] | None, signature: str) -> bool:
    return record is not None and record["signature"] == signature


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
