# SPDX-License-Identifier: MPL-2.0
"""The folder of a campaign.

    corpus/          inputs worth keeping; a later campaign goes on from them
    findings/        one case file per signature; crashes have their log beside them
    fixed/           findings of earlier campaigns that no longer fail
    log/             what each job printed and counted in the last campaign
    ledger.txt       what the last campaign checked, for `slotcheck ledger`
    campaign.json    what the folder is for
"""
from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import IO

from campaign.errors import CampaignError
from campaign.findings import Finding, log_of

FORMAT = 1
# Less free space than this, and a campaign does not start, or ends.
MIN_FREE_BYTES = 1 << 20


class Folder:
    """Holds a lock on the folder until the process ends."""

    def __init__(self, path: Path, subject: str) -> None:
        self.path = path
        self.corpus = path / "corpus"
        self.findings = path / "findings"
        self.fixed = path / "fixed"
        self.log = path / "log"
        self.records = path / "records"
        self.ledger = path / "ledger.txt"
        try:
            for folder in (self.corpus, self.findings, self.log, self.records):
                folder.mkdir(parents=True, exist_ok=True)
            self.lock = self._take_lock()
            self._probe()
            self._check_settings(subject)
        except OSError as error:
            raise CampaignError(f"{error.filename or path}: {error.strerror}") from error

    def _take_lock(self) -> IO[str]:
        lock = open(self.path / "lock", "a", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"{self.path}: another campaign is running in this folder"
            raise CampaignError(message) from None
        return lock

    def _probe(self) -> None:
        """Fails, like any later write would, where nothing can be written."""
        for folder in (self.corpus, self.findings, self.log):
            probe = folder / ".probe"
            try:
                with open(probe, "wb") as file:
                    os.posix_fallocate(file.fileno(), 0, MIN_FREE_BYTES)
            except OSError as error:
                raise CampaignError(f"{folder}: {error.strerror}") from error
            finally:
                probe.unlink(missing_ok=True)

    def _check_settings(self, subject: str) -> None:
        """Findings are of one subject: they would be judged wrongly with another one."""
        path = self.path / "campaign.json"
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
            known_format, known_subject = settings["format"], settings["subject"]
        except FileNotFoundError:
            known_format, known_subject = FORMAT, subject
        except (ValueError, KeyError, TypeError):
            raise CampaignError(f"{path}: not written by slotcheck") from None
        if known_format != FORMAT:
            raise CampaignError(f"{path}: format {known_format}; this slotcheck knows {FORMAT}")
        if known_subject != subject and self.cases():
            raise CampaignError(
                f"{self.path}: holds findings for the subject {known_subject}; choose another --out"
            )
        write_atomically(path, json.dumps({"format": FORMAT, "subject": subject}) + "\n")

    def is_full(self) -> bool:
        return shutil.disk_usage(self.path).free < MIN_FREE_BYTES

    def cases(self) -> list[Path]:
        return sorted(self.findings.glob("*.case"))

    def keep_record(self, finding: Finding) -> None:
        """What reports are made from: one JSON record per finding."""
        if finding.record is not None:
            path = self.records / f"{finding.signature}.json"
            write_atomically(path, json.dumps(finding.record, indent=2) + "\n")

    def corpus_size(self) -> int:
        with os.scandir(self.corpus) as entries:
            return sum(1 for _ in entries)

    def retire(self, case: Path) -> None:
        """Moves a finding, and what belongs to it, to those that no longer fail."""
        self.fixed.mkdir(exist_ok=True)
        record = self.records / f"{case.stem}.json"
        for path in (case, log_of(case), record):
            if path.exists():
                path.replace(self.fixed / path.name)


def write_atomically(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
