# SPDX-License-Identifier: MPL-2.0
"""Running findings again: how often they fail, a crash made small, and what a developer needs."""
from __future__ import annotations

import json
import math
import os
import shlex
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from campaign.crashes import crash_signature
from campaign.errors import CampaignError, Status
from campaign.files import write_atomically
from campaign.findings import Finding, State
from campaign.job import shown_command
from campaign.reproducer import c_source

CONFIRM_SECONDS = 30
# How often a finding is run again, and one that takes its time to fail each time.
RUNS = 5
HANG_RUNS = 2
# One that fails sometimes is taken for fixed if it would fail to show so often with this chance.
CHANCE = 0.001
MAX_RUNS = 60
# While a hang is shrunk: that it does not return in a longer time is known.
HANG_SECONDS = 2
HANGS = "did not return in time"  # what a record says of a hang
HANG_LOG = "ERROR: libFuzzer: timeout"  # what a target would print of one that it cannot end
COMMAND = "run"  # who shows a finding, if it is no fuzz target


class Answer(Enum):
    FAILS = "as the finding says"
    AGREES = "nothing is wrong with it"
    OTHER = "it fails in another way, or cannot be run, which says nothing of the finding"


Answers = Counter[Answer]


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

    def run(self, case: Path) -> tuple[Answer, dict[str, Any] | None]:
        """What the command says of a case, FAILS if it diverges in whatever way; and how."""
        words = [str(self.command), "run", "--json", *self.subject_words(), str(case)]
        done = ended(words, {})
        if done is None or done.returncode in (Status.WRONG_USE, Status.INTERNAL):
            return Answer.OTHER, None
        if done.returncode == Status.AGREEMENT:
            return Answer.AGREES, None
        return Answer.FAILS, first_record(done.stdout)

    def ask_command(self, finding: Finding) -> Answer:
        """If it fails as it should, the finding gets its record."""
        answer, record = self.run(finding.case)
        if answer == Answer.FAILS and not is_of(record, finding):
            return Answer.OTHER
        if answer == Answer.FAILS:
            finding.take_record(record)
        return answer

    def ask_target(self, target: Path, finding: Finding) -> Answer:
        """A crash has its name from what a target prints."""
        done = ended(self.target_words(target, finding.case), self.target_environment())
        if done is not None and done.returncode == Status.AGREEMENT:
            return Answer.AGREES
        return Answer.FAILS if log_signature(done) == finding.signature else Answer.OTHER

    def log_of(self, target: Path, case: Path) -> str | None:
        """What a target prints of a case, None if it does not fail; engines other than libFuzzer
        keep nothing of it. Raises what the target itself complains of."""
        done = ended(self.target_words(target, case), self.target_environment())
        if done is None:
            return HANG_LOG
        if done.returncode == Status.WRONG_USE:
            lines = done.stderr.strip().splitlines() or ["a fuzz target gave up"]
            raise CampaignError(lines[-1].removeprefix("slotcheck: "))
        return done.stdout + done.stderr if failed(done) else None

    # --- confirming -------------------------------------------------------------------------------

    def confirm(self, finding: Finding) -> bool:
        """Runs it again some times, and keeps what came of it. True if it is fixed, which is left to
        be kept: it did fail once, and who showed that says each time that nothing is wrong."""
        answers = {COMMAND: repeat(lambda: self.ask_command(finding), finding)}
        for target in self.targets if finding.is_crash else ():
            if not any(answer[Answer.FAILS] for answer in answers.values()):
                ask = self.ask_target
                answers[name_of(target)] = repeat(lambda: ask(target, finding), finding)
        shown_by = next((by for by, answer in answers.items() if answer[Answer.FAILS]), "")
        if shown_by:
            self._take_failures(finding, shown_by, answers[shown_by])
        elif not finding.has_failed:
            finding.take_runs(answers[COMMAND].total(), 0)
        elif agree(answers.get(finding.shown_by)):
            return True
        # What nobody has seen fail can be tried all the same.
        finding.replay = finding.replay or self.command_shown(finding.case)
        self.describe(finding)
        finding.save()
        return False

    def _take_failures(self, finding: Finding, shown_by: str, answers: Answers) -> None:
        finding.shown_by = shown_by
        finding.replay = self.replay_of(finding)
        finding.take_runs(answers.total(), answers[Answer.FAILS])
        if shown_by != COMMAND:
            finding.record = None
        elif finding.is_crash and finding.state == State.REPRODUCED and not finding.shrunk:
            self.shrink(finding)
            finding.shrunk = True

    def replay_of(self, finding: Finding) -> str:
        """The command line that shows it."""
        for target in self.targets:
            if name_of(target) == finding.shown_by:
                words = self.target_words(target, finding.case)
                return shown_command(self.target_environment(), words)
        return self.command_shown(finding.case)

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
                _, record = self.run(small)
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
        """One has to say the same of the case."""
        for target in self.targets:
            done = ended(self.target_words(target, case), self.target_environment())
            if done is not None and failed(done) and log_signature(done) == finding.signature:
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


def name_of(target: Path) -> str:
    """Its preset."""
    return target.parents[1].name


def agree(answers: Answers | None) -> bool:
    """All of them; nobody who was not asked."""
    return answers is not None and answers[Answer.AGREES] == answers.total()


def repeat(ask: Callable[[], Answer], finding: Finding) -> Answers:
    """A hang has told enough after fewer runs; one that was known and now returns has not."""
    answers: Answers = Counter()
    wanted = runs_wanted(finding)
    while answers.total() < wanted:
        answers[ask()] += 1
        if answers[Answer.FAILS]:
            wanted = HANG_RUNS if crash_of(finding.record) == HANGS else RUNS
    return answers


def runs_wanted(finding: Finding) -> int:
    """One that fails sometimes may pass by chance, so it takes more to say that it no longer does."""
    if finding.state != State.FLAKY:
        return RUNS
    passes = 1 - finding.failures / finding.runs
    return min(MAX_RUNS, max(RUNS, math.ceil(math.log(CHANCE) / math.log(passes))))


def log_signature(done: subprocess.CompletedProcess[str] | None) -> str:
    return crash_signature(HANG_LOG if done is None else done.stdout + done.stderr)


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


def is_of(record: dict[str, Any] | None, finding: Finding) -> bool:
    """A divergence has the finding's signature; a crash has its own from a target, and only has to
    be one."""
    if record is None or finding.is_crash:
        return record is not None and record.get("verdict") == "crash"
    return bool(record["signature"] == finding.signature)


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
