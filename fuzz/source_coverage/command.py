# SPDX-License-Identifier: MPL-2.0
"""The whole of it: builds, runs the corpus, says what it has reached."""
from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from types import FrameType
from typing import IO

from campaign.entry import run_command
from campaign.errors import CampaignError, Status
from campaign.files import write_atomically
from campaign.report import Output, counted
from source_coverage.arguments import Arguments, parse_arguments
from source_coverage.corpus import COMMAND, Runs, corpus_of, own_corpus
from source_coverage.llvm import Llvm
from source_coverage.marks import Mark, read_marks
from source_coverage.regions import read_regions
from source_coverage.table import conclusion, record, verdict_text
from source_coverage.verdict import Verdict, judge

# What the corpus is there to reach.
SOURCES = ["impl/include", "impl/src", "oracle/include", "oracle/src"]
# All that is compiled beside it.
OTHERS = "^(fuzz|harness|/)"
SUFFIXES = {".c", ".h", ".def"}
RECORD = "coverage.json"
LOCK = ".coverage.lock"
# More than the pages and what programs count take.
NEEDED_BYTES = 16 << 20


class Run:
    def __init__(self, arguments: Arguments, root: Path, build: Path) -> None:
        self.arguments = arguments
        self.root = root
        self.build = build
        self.out = arguments.out.absolute()
        self.stdout = Output(sys.stdout, "stdout")
        self.corpus = corpus_of(arguments.corpus) if arguments.corpus else own_corpus(root)

    # --- before -----------------------------------------------------------------------------------

    def prepare(self) -> IO[str]:
        """The folder, held by a lock as long as the answer is open. What is in it is replaced, so
        it must be ours."""
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            if any(self.out.iterdir()) and not (self.out / LOCK).exists():
                message = f"{self.arguments.out}: the folder has files that are not of coverage"
                raise CampaignError(f"{message}; choose another --out")
            lock = open(self.out / LOCK, "a", encoding="utf-8")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            require_space(self.arguments.out)
            return lock
        except BlockingIOError:
            message = f"{self.arguments.out}: another run is using this folder"
            raise CampaignError(message) from None

    def build_programs(self) -> None:
        words = [self.root / "slotcheck", "build", "coverage"]
        done = subprocess.run(words, check=False)
        if done.returncode != 0:
            raise SystemExit(done.returncode)

    # --- sources ----------------------------------------------------------------------------------

    def name_of(self, file: str) -> str | None:
        """From the root on, if it is one of those that count."""
        name = os.path.relpath(self.root / file, self.root)
        return name if any(name.startswith(f"{folder}/") for folder in SOURCES) else None

    def sources(self) -> list[Path]:
        return [
            path
            for folder in SOURCES
            for path in sorted((self.root / folder).rglob("*"))
            if path.suffix in SUFFIXES
        ]

    def marks(self) -> list[Mark]:
        return [
            mark
            for path in self.sources()
            for mark in read_marks(
                str(path.relative_to(self.root)), path.read_text(encoding="utf-8")
            )
        ]

    def compiled(self) -> list[str]:
        return [str(path.relative_to(self.root)) for path in self.sources() if path.suffix == ".c"]

    # --- the work ---------------------------------------------------------------------------------

    def run_corpus(self, runs: Runs) -> int:
        programs = runs.run_programs(self.corpus)
        runs.run_wrong_states(self.corpus)
        runs.run_targets(self.corpus)
        return programs

    def read(self, llvm: Llvm, runs: Runs) -> Verdict:
        llvm.merge(sorted(runs.profiles.iterdir()))
        regions = read_regions([llvm.export()], self.name_of)
        return judge(regions, self.marks(), self.compiled())

    def write_pages(self, llvm: Llvm) -> None:
        """Made beside those that are there, which stay if that fails."""
        new = self.out / ".new"
        shutil.rmtree(new, ignore_errors=True)
        try:
            llvm.write_pages(new, OTHERS)
            for page in new.iterdir():
                old = self.out / page.name
                if old.is_dir():
                    shutil.rmtree(old)
                page.replace(old)
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def what_ran(self, programs: int) -> str:
        slots = len(self.corpus.slots)
        return counted(programs, "program") + (f" and {counted(slots, 'slot')}" if slots else "")

    def conclude(self, verdict: Verdict, programs: int) -> Status:
        what = {
            "corpus": list(map(str, self.corpus.programs)),
            "programs": programs,
            "slots": len(self.corpus.slots),
        }
        text = json.dumps(record(verdict, what), indent=1)
        write_atomically(self.out / RECORD, text + "\n")
        if self.arguments.json:
            print(text, file=self.stdout)
        else:
            print(verdict_text(verdict, self.root), file=self.stdout)
            page = os.path.relpath(self.out / "index.html")
            print(f"{self.what_ran(programs)}: {conclusion(verdict)}; {page}", file=self.stdout)
        self.stdout.flush()
        return Status(self.arguments.require_all and not verdict.is_complete)

    def run(self) -> Status:
        with self.prepare(), TemporaryDirectory(prefix="slotcheck-coverage-") as scratch:
            require_space(Path(scratch))
            self.build_programs()
            runs = Runs(self.build / "coverage", Path(scratch))
            llvm = Llvm(self.root, runs.binaries, Path(scratch) / "profile")
            programs = self.run_corpus(runs)
            verdict = self.read(llvm, runs)
            self.write_pages(llvm)
            return self.conclude(verdict, programs)


def require_space(folder: Path) -> None:
    """Fails, like any later write would, where nothing can be written."""
    try:
        with TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, NEEDED_BYTES)
    except OSError as error:
        raise CampaignError(f"{folder}: {error.strerror}") from None


def on_signal(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def run(argv: list[str]) -> int:
    root = Path(__file__).resolve().parents[2]
    build = Path(os.environ.get("SLOTCHECK_BUILD", root / "build"))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    return Run(parse_arguments(argv), root, build).run()


def main(argv: list[str]) -> int:
    return run_command(COMMAND, run, argv)
