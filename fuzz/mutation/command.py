# SPDX-License-Identifier: MPL-2.0
"""The whole of it: builds the mutants, runs the drivers on them, prints and saves the matrix."""
from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import IO, Any, TextIO, TypeVar

from campaign.errors import CampaignError, Status
from campaign.files import write_atomically
from campaign.report import Output, StatusLine, counted
from campaign.versions import commit_of
from mutation import process
from mutation.arguments import Arguments, parse_arguments
from mutation.build import NONE, Builder, Built, DoesNotBuild
from mutation.clauses import (
    DETERMINISTIC,
    REASONS,
    Clause,
    complaints,
    document,
    find_clauses,
    read_reasons,
)
from mutation.drivers import Driver, DriverError, Setting
from mutation.judge import Result, judge
from mutation.matrix import Matrix, Results
from mutation.patches import Mutant, read_mutants
from mutation.table import clauses_text, matrix_text, verdict_text

POLL_SECONDS = 0.2
SAVE_SECONDS = 2
MUTANTS = "fuzz/mutants"

Task = TypeVar("Task")
Answer = TypeVar("Answer")


class Run:
    def __init__(self, arguments: Arguments, root: Path, build: Path) -> None:
        self.arguments = arguments
        self.root = root
        self.build = build
        self.stdout = Output(sys.stdout, "stdout")
        # The matrix as JSON, and the document, have stdout for themselves.
        alone = arguments.json or arguments.document
        self.out = Output(sys.stderr, "stderr") if alone else self.stdout
        self.status_line = StatusLine(self.out)
        self.started = time.monotonic()
        self.folder = arguments.out.absolute()
        self.setting = Setting(
            root=root,
            command=build / "release/harness/slotcheck",
            seconds=arguments.time,
            runs=arguments.runs,
            depth=arguments.depth,
        )

    def read(self) -> list[Mutant]:
        folder = self.arguments.mutants or self.root / MUTANTS
        return read_mutants(folder, self.arguments.only)

    # --- before -----------------------------------------------------------------------------------

    def prepare(self) -> IO[str]:
        """The folder, held by a lock as long as the answer is open."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = open(self.folder / "lock", "a", encoding="utf-8")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self.arguments.fresh:
                for part in ("build", "results"):
                    shutil.rmtree(self.folder / part, ignore_errors=True)
            return lock
        except BlockingIOError:
            message = f"{self.arguments.out}: another run is using this folder"
            raise CampaignError(message) from None
        except OSError as error:
            raise CampaignError(f"{error.filename or self.folder}: {error.strerror}") from error

    def build_tools(self) -> None:
        presets = ["release:slotcheck"]
        for driver in self.arguments.drivers:
            presets += driver.presets
        done = subprocess.run([self.root / "slotcheck", "build", *presets], check=False)
        if done.returncode != 0:
            raise SystemExit(done.returncode)

    # --- in parallel ------------------------------------------------------------------------------

    def in_parallel(
        self,
        what: str,
        tasks: list[Task],
        do: Callable[[Task], Answer],
        take: Callable[[Task, Future[Answer]], None],
    ) -> None:
        """`take` is called here, in the order in which they end. An interrupt ends them all."""
        with ThreadPoolExecutor(self.arguments.jobs) as pool:
            waiting = {pool.submit(do, task): task for task in tasks}
            try:
                while waiting:
                    done, _ = wait_for(waiting, POLL_SECONDS, FIRST_COMPLETED)
                    for future in done:
                        take(waiting.pop(future), future)
                    self._show(what, len(tasks) - len(waiting), len(tasks))
                    if process.interrupted.is_set():
                        raise process.Interrupted
            except BaseException:
                process.interrupted.set()
                pool.shutdown(cancel_futures=True)
                raise
            finally:
                self.status_line.end()

    def _show(self, what: str, done: int, whole: int) -> None:
        elapsed = time.monotonic() - self.started
        if elapsed > 2 and self.status_line.is_due(elapsed):
            self.status_line.show_text(f"{what}: {done} of {whole}, {elapsed:.0f}s", elapsed)

    # --- building ---------------------------------------------------------------------------------

    def build_mutants(self, mutants: list[Mutant]) -> tuple[Built, list[Built]]:
        wanted = {target for driver in self.arguments.drivers for target in driver.targets}
        targets = tuple(sorted(wanted, key=lambda target: target.name))
        builder = Builder(self.root, self.build, self.folder / "build", targets)
        builds: dict[str, Built] = {}
        failures: list[str] = []

        def take(mutant: Mutant, future: Future[Built]) -> None:
            try:
                builds[mutant.name] = future.result()
            except DoesNotBuild as error:
                failures.append(str(error))

        begin = time.monotonic()
        # First, because parts of it go into the others.
        self.in_parallel("building", [NONE], builder.build, take)
        if not failures:
            self.in_parallel("building mutants", mutants, builder.build, take)
        if failures:
            raise CampaignError("\n".join(sorted(failures)))
        seconds = time.monotonic() - begin
        print(f"{counted(len(mutants), 'mutant')}, built in {seconds:.1f} s", file=self.out)
        return builds[NONE.name], [builds[mutant.name] for mutant in mutants]

    # --- running ----------------------------------------------------------------------------------

    def look(self, driver: Driver, built: Built) -> Result:
        with TemporaryDirectory(prefix="mutant-", dir=self.folder) as folder:
            try:
                outcome = driver.run(self.setting, built, Path(folder))
                return judge(self.setting, built, outcome, Path(folder))
            except DriverError as error:
                return Result(False, 0, 0.0, error=str(error))

    def run_drivers(self, none: Built, matrix: Matrix) -> None:
        results = Results(self.folder / "results", self.setting)
        tasks = []
        for driver in matrix.drivers:
            for built in [none, *matrix.builds]:
                known = results.load(driver, built)
                if known is None:
                    tasks.append((driver, built))
                elif built is not none:
                    matrix.results[built.mutant.name, driver.name] = known
        saved_at = time.monotonic()

        def look(task: tuple[Driver, Built]) -> Result:
            return self.look(*task)

        def take(task: tuple[Driver, Built], future: Future[Result]) -> None:
            nonlocal saved_at
            driver, built = task
            result = future.result()
            if built is none:
                if result.killed or result.error:
                    # What was found in the mutants meanwhile is worth nothing either.
                    results.forget(driver)
                    matrix.forget(driver)
                check_none(driver, result)
            else:
                matrix.results[built.mutant.name, driver.name] = result
            if not result.error:
                results.keep(driver, built, result)
            if time.monotonic() - saved_at > SAVE_SECONDS:
                self.save(matrix, None)
                saved_at = time.monotonic()

        try:
            # The original comes first.
            tasks.sort(key=lambda task: task[1] is not none)
            self.in_parallel("runs", tasks, look, take)
        finally:
            self.save(matrix, None)

    # --- after ------------------------------------------------------------------------------------

    def save(self, matrix: Matrix, clauses: list[Clause] | None) -> dict[str, Any]:
        records = None if clauses is None else [clause.as_dict() for clause in clauses]
        record = matrix.record(self.setting, commit_of(self.root), records)
        write_atomically(self.folder / "matrix.json", json.dumps(record, indent=1) + "\n")
        return record

    def is_whole(self) -> bool:
        """All that the reasons of redundant clauses, and the document, are made from."""
        names = [driver.name for driver in self.arguments.drivers]
        arguments = self.arguments
        return (
            arguments.only is None
            and arguments.mutants is None
            and all(name in names for name in DETERMINISTIC)
        )

    def clause_complaints(self, matrix: Matrix) -> list[str]:
        if not self.is_whole():
            return []
        clauses = find_clauses(self.setting, matrix, self.folder / "scratch", True)
        found = complaints(clauses, read_reasons(self.root / REASONS))
        if self.arguments.document:
            print(document(clauses), end="", file=self.stdout)
        return found

    def conclude(self, matrix: Matrix) -> Status:
        clauses = find_clauses(self.setting, matrix, self.folder / "scratch", False)
        record = self.save(matrix, clauses)
        if self.arguments.json:
            print(json.dumps(record, indent=1), file=self.stdout)
        print(matrix_text(matrix), end="", file=self.out)
        print(clauses_text(clauses, self.arguments.clauses), end="", file=self.out)
        found = self.clause_complaints(matrix)
        report = self.make_page()
        print(f"\n{verdict_text(matrix)}; {report}", file=self.out)
        if matrix.errors:
            raise CampaignError("\n".join(matrix.errors), Status.INTERNAL)
        if found:
            raise CampaignError("\n".join(found))
        return Status(bool(matrix.survivors or matrix.wrong_labels))

    def make_page(self) -> str:
        """Where it is. The reports are a program of their own, that knows the record only."""
        page = self.folder / "report.html"
        words = [sys.executable, str(self.root / "reports/mutants.py")]
        words += [str(self.folder / "matrix.json"), "-o", str(page)]
        done = process.run(words, self.folder / "scratch")
        if done.status != 0:
            raise CampaignError(f"the page: {done.complaint}", Status.INTERNAL)
        return os.path.relpath(page)

    def run(self) -> Status:
        mutants = self.read()
        if self.arguments.list:
            print_list(mutants, self.stdout)
            return Status.AGREEMENT
        if self.arguments.document and not self.is_whole():
            raise CampaignError("--document is of all mutants, and of corpus and exhaust at least")
        with self.prepare():
            self.build_tools()
            none, builds = self.build_mutants(mutants)
            matrix = Matrix(self.arguments.drivers, builds)
            self.run_drivers(none, matrix)
            return self.conclude(matrix)


def check_none(driver: Driver, result: Result) -> None:
    """Whatever is found in the original would be found in every mutant, and say nothing of it."""
    what = result.signature or result.error
    if result.killed or result.error:
        message = f"{driver.name} finds something in the original, so that no kill means anything"
        raise CampaignError(f"{message}: {what}", Status.INTERNAL)


def print_list(mutants: Iterable[Mutant], out: TextIO | Output) -> None:
    for mutant in mutants:
        note = " (open)" if mutant.open else " (equivalent)" if mutant.equivalent else ""
        print(f"{mutant.name}{note}: {mutant.breaks}", file=out)


def on_signal(number: int, frame: FrameType | None) -> None:
    del number, frame
    process.interrupted.set()


def main(argv: list[str]) -> int:
    root = Path(__file__).resolve().parents[2]
    build = Path(os.environ.get("SLOTCHECK_BUILD", root / "build"))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    try:
        return Run(parse_arguments(argv), root, build).run()
    except CampaignError as error:
        for line in str(error).splitlines():
            print(f"slotcheck: {line}", file=sys.stderr)
        return error.status
    except process.Interrupted:
        print("slotcheck: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"slotcheck: {error.filename or error}: {error.strerror}", file=sys.stderr)
        return Status.WRONG_USE
