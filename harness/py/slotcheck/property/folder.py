# SPDX-License-Identifier: MPL-2.0
"""The folder of a run.

    examples/        Hypothesis' database: what failed is tried first by the next run
    corpus/          programs that have shown something new, as bytes, for `./slotcheck fuzz`
    findings/        one case file per signature, as text
    fixed/           findings of earlier runs that no longer fail
    records/         of each finding what a machine may read
    log/             what the last run printed, and of each finding what a person may read
    property.json    what the folder is for
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import IO

from slotcheck.property.errors import PropertyError

FORMAT = 1
# Less free space than this, and a run does not start, or ends.
MIN_FREE_BYTES = 1 << 20


class Folder:
    """Holds a lock on the folder until the process ends."""

    def __init__(self, path: Path, subject: str, fresh: bool) -> None:
        self.path = path
        self.examples = path / "examples"
        self.corpus = path / "corpus"
        self.findings = path / "findings"
        self.fixed = path / "fixed"
        self.records = path / "records"
        self.log = path / "log"
        self._settings = path / "property.json"
        try:
            path.mkdir(parents=True, exist_ok=True)
            self.lock = self._take_lock()
            if fresh:
                self._begin_anew()
            for folder in self._folders():
                folder.mkdir(exist_ok=True)
            self._probe()
            self._check_settings(subject)
        except OSError as error:
            raise PropertyError(f"{error.filename or path}: {error.strerror}") from error

    def _folders(self) -> tuple[Path, ...]:
        return (self.examples, self.corpus, self.findings, self.records, self.log)

    def _take_lock(self) -> IO[str]:
        lock = open(self.path / "lock", "a", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PropertyError(f"{self.path}: another run is going on in this folder") from None
        return lock

    def _begin_anew(self) -> None:
        """Removes what runs have left, if it was runs: a wrong --out is not emptied."""
        if self._settings.exists():
            for folder in (*self._folders(), self.fixed):
                shutil.rmtree(folder, ignore_errors=True)
            self._settings.unlink()

    def _probe(self) -> None:
        """Fails, like any later write would, where nothing can be written."""
        for folder in self._folders():
            probe = folder / ".probe"
            try:
                with open(probe, "wb") as file:
                    os.posix_fallocate(file.fileno(), 0, MIN_FREE_BYTES)
            except OSError as error:
                raise PropertyError(f"{folder}: {error.strerror}") from error
            finally:
                probe.unlink(missing_ok=True)

    def _check_settings(self, subject: str) -> None:
        """Findings are of one subject: they would be judged wrongly with another one."""
        try:
            settings = json.loads(self._settings.read_text(encoding="utf-8"))
            known_format, known_subject = settings["format"], settings["subject"]
        except FileNotFoundError:
            known_format, known_subject = FORMAT, subject
        except (ValueError, KeyError, TypeError):
            raise PropertyError(f"{self._settings}: not written by slotcheck") from None
        if known_format != FORMAT:
            message = f"{self._settings}: format {known_format}; this slotcheck knows {FORMAT}"
            raise PropertyError(message)
        if known_subject != subject and self.cases():
            raise PropertyError(
                f"{self.path}: holds findings for the subject {known_subject}; choose another --out"
            )
        write_atomically(self._settings, json.dumps({"format": FORMAT, "subject": subject}) + "\n")

    def is_full(self) -> bool:
        return shutil.disk_usage(self.path).free < MIN_FREE_BYTES

    def cases(self) -> list[Path]:
        return sorted(self.findings.glob("*.case"))

    def record_file(self, signature: str) -> Path:
        return self.records / f"{signature}.json"

    def log_file(self, signature: str) -> Path:
        return self.log / f"{signature}.log"

    def read_record(self, signature: str) -> dict[str, object]:
        try:
            record = json.loads(self.record_file(signature).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def retire(self, case: Path) -> None:
        """Moves a finding, and what belongs to it, to those that no longer fail."""
        self.fixed.mkdir(exist_ok=True)
        for path in (case, self.log_file(case.stem), self.record_file(case.stem)):
            if path.exists():
                path.replace(self.fixed / path.name)

    def corpus_size(self) -> int:
        return sum(1 for _ in corpus_files(self.corpus))


def corpus_files(corpus: Path) -> list[Path]:
    return sorted(file for file in corpus.iterdir() if not file.name.startswith("."))


def add_to_corpus(corpus: Path, data: bytes) -> None:
    """Under the name that libFuzzer would give it."""
    path = corpus / hashlib.sha1(data, usedforsecurity=False).hexdigest()
    if not path.exists():
        part = corpus / f".{path.name}.{os.getpid()}"
        try:
            part.write_bytes(data)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise


def write_atomically(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
