# SPDX-License-Identifier: MPL-2.0
"""The folder of a campaign.

    campaign.json    what the folder is for, the settings of the last run, and its versions
    seeds/           what the campaign begins with
    corpus/          inputs worth keeping; a later campaign goes on from them
    afl/             AFL++'s own folder: a queue for each of its processes
    incoming/        cases that jobs have written and nobody has filed yet, a folder for each job
    findings/        a folder for each signature; see findings.py
    fixed/           findings that no longer fail
    regressions/     their programs, which every later run tries first; those of the built-in
                     implementation go to corpus/regressions/ of the checkout instead
    log/             what each job printed and counted
    series.csv       executions, edges, clauses, findings over the time; see series.py
    ledger.txt       what the campaign checked, for `slotcheck ledger`
"""
from __future__ import annotations

import fcntl
import itertools
import json
import os
import re
import shutil
import stat
from pathlib import Path
from typing import IO, Any

from campaign.crashes import corpus_name
from campaign.errors import CampaignError
from campaign.files import is_text, write_atomically, write_bytes_atomically
from campaign.findings import Finding, Found, State, load_all
from campaign.series import SERIES

# 1: findings were files, not folders.
FORMAT = 2
# Less free space than this, and a campaign does not start, or ends.
MIN_FREE_BYTES = 1 << 20
MAX_INPUT_BYTES = 1 << 20
# A case that a job has written, and one that is being filed.
CASE, TAKEN = ".case", ".taken"
# As in harness/include/slotcheck/program.h: formats known, and reserved for later ones.
PROGRAM_FORMAT, PROGRAM_FORMAT_LAST = 2, 8


class Folder:
    """Holds a lock on the folder until the process ends."""

    def __init__(self, path: Path, subject: str) -> None:
        self.path = path
        self.seeds = path / "seeds"
        self.corpus = path / "corpus"
        self.afl = path / "afl"
        self.incoming = path / "incoming"
        self.findings = path / "findings"
        self.fixed = path / "fixed"
        self.regressions = path / "regressions"
        self.log = path / "log"
        self.ledger = path / "ledger.txt"
        self.series = path / SERIES
        try:
            # What is there may be somebody else's, so that is looked at first.
            settings = read_settings(path)
            for folder in (self.seeds, self.corpus, self.incoming, self.findings, self.log):
                folder.mkdir(parents=True, exist_ok=True)
            self.lock = self._take_lock()
            self._probe()
            self._sweep()
            self._check_subject(settings, subject)
            self._take_over_format_1()
            self._check_corpus()
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

    def _sweep(self) -> None:
        """What a kill has left half written."""
        for folder in (self.corpus, self.seeds):
            for part in folder.glob("*.part"):
                part.unlink(missing_ok=True)

    def _take_over_format_1(self) -> None:
        """Its cases are filed like those that jobs have just written."""
        earlier = self.incoming / "earlier"
        for case in self.findings.glob("*.case"):
            earlier.mkdir(exist_ok=True)
            case.replace(earlier / case.name)

    def _check_subject(self, settings: dict[str, Any], subject: str) -> None:
        """Findings are of one subject: they would be judged wrongly with another one."""
        known = settings.get("subject", subject)
        earlier = any(self.findings.glob("*.case"))  # of format 1
        if known != subject and (earlier or self.found() or self._has_incoming()):
            raise CampaignError(
                f"{self.path}: holds findings for the subject {known}; choose another --out"
            )
        if not settings:
            self.keep_settings({"subject": subject})

    def _has_incoming(self) -> bool:
        return any(any(self.incoming.glob("*/*" + end)) for end in (CASE, TAKEN))

    def _check_corpus(self) -> None:
        for path in sorted(self.corpus.iterdir()):
            if reason := why_no_input(path):
                raise CampaignError(f"{path}: {reason}")

    # --- what it holds ----------------------------------------------------------------------------

    def keep_settings(self, settings: dict[str, Any]) -> None:
        text = json.dumps({"format": FORMAT, **settings}, indent=1)
        write_atomically(self.path / "campaign.json", text + "\n")

    def is_full(self) -> bool:
        return shutil.disk_usage(self.path).free < MIN_FREE_BYTES

    def corpus_size(self) -> int:
        with os.scandir(self.corpus) as entries:
            return sum(1 for _ in entries)

    def found(self) -> list[Finding]:
        return load_all(self.findings)

    def number_found(self) -> int:
        return sum(1 for _ in self.findings.glob("*/finding.json"))

    def read_incoming(self) -> list[tuple[Path, Found]]:
        """The cases that jobs have written since; `forget_incoming` once they are filed. They are
        taken out of a job's way first: it may write a shorter one at the same time."""
        for case in self.incoming.glob("*/*" + CASE):
            case.replace(case.with_suffix(TAKEN))
        return [
            (case, Found(case.stem, case.read_bytes(), case.parent.name, input_of(case)))
            for case in sorted(self.incoming.glob("*/*" + TAKEN))
        ]

    @staticmethod
    def forget_incoming(case: Path) -> None:
        case.unlink(missing_ok=True)

    # --- what is fixed ----------------------------------------------------------------------------

    def retire(self, finding: Finding, regressions: Path, text: str) -> None:
        """Its program, as `text`, becomes a regression, and the finding one of those that no longer
        fail. Each step can be the last one: the next campaign goes on from there."""
        regressions.mkdir(parents=True, exist_ok=True)
        text = f"# Found by a campaign, and fixed: {finding.title}.\n{text}"
        write_atomically(place_of_regression(regressions, finding.signature, text), text)
        finding.state = State.FIXED
        finding.save()
        self.move_to_fixed(finding)

    def move_to_fixed(self, finding: Finding) -> None:
        self.fixed.mkdir(exist_ok=True)
        shutil.rmtree(self.fixed / finding.signature, ignore_errors=True)
        finding.folder.replace(self.fixed / finding.signature)


def place_of_regression(regressions: Path, signature: str, text: str) -> Path:
    """One of its own for each program, in names as files of the corpus have them."""
    stem = regression_name(signature)
    numbers = itertools.count(2)
    place = regressions / f"{stem}.txt"
    while place.exists() and place.read_text(encoding="utf-8") != text:
        place = regressions / f"{stem}-{next(numbers)}.txt"
    return place


def regression_name(signature: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", signature.lower()).strip("-")


def read_settings(path: Path) -> dict[str, Any]:
    """What campaign.json says; empty if there is none."""
    file = path / "campaign.json"
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
        known_format = settings["format"]
        if known_format in (1, FORMAT) and not isinstance(settings["subject"], str):
            raise TypeError
    except FileNotFoundError:
        return {}
    except NotADirectoryError:
        raise CampaignError(f"{path}: not a folder") from None
    except OSError as error:
        raise CampaignError(f"{file}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError):
        raise CampaignError(f"{file}: not written by slotcheck") from None
    if known_format not in (1, FORMAT):
        message = f"{file}: format {known_format}, of a newer slotcheck; this one knows {FORMAT}"
        raise CampaignError(message)
    return dict(settings)


def why_no_input(path: Path) -> str:
    """Why this is none for an engine's corpus; empty if it is one."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return "no file, and so no input"
    if status.st_size > MAX_INPUT_BYTES:
        return f"{status.st_size} bytes are too many for an input"
    with open(path, "rb") as file:
        first = file.read(1)
    if is_text(first):
        return "a text, or no program at all; ./slotcheck pack makes inputs of texts"
    if first and PROGRAM_FORMAT < first[0] <= PROGRAM_FORMAT_LAST:
        return f"program format {first[0]}, of a newer slotcheck; this one knows {PROGRAM_FORMAT}"
    return ""


def input_of(case: Path) -> bytes | None:
    """What the case was shrunk from."""
    try:
        return case.with_suffix(".input").read_bytes()
    except FileNotFoundError:
        return None


def copy_inputs(sources: list[Path], folder: Path) -> None:
    """Names them as a corpus does: two folders may call different inputs the same."""
    for source in sources:
        if not why_no_input(source):
            data = source.read_bytes()
            copy = folder / corpus_name(data)
            if not copy.exists():
                write_bytes_atomically(copy, data)
