# SPDX-License-Identifier: MPL-2.0
"""The run: starts the children, gives them properties, files what they find, and sums up."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from slotcheck.property.arguments import STATISTICS, Arguments, parse_arguments
from slotcheck.property.child import Child, ChildSettings, log_complaint
from slotcheck.property.errors import PropertyError, Status
from slotcheck.property.findings import Findings, how_it_ended, launcher_shown
from slotcheck.property.folder import Folder
from slotcheck.property.replay import Replayer
from slotcheck.property.report import Output, Progress, StatusLine, Summary

POLL_SECONDS = 0.1
# A library that takes longer to load, or a module to be imported, is given up.
START_SECONDS = 60
DISK_SECONDS = 1.0
# How pytest ends.
PYTEST_USAGE = 4


class Run:
    def __init__(self, arguments: Arguments, root: Path, build: Path) -> None:
        self.arguments = arguments
        self.properties = root / "harness/py/properties"
        self.stdout = Output(sys.stdout, "stdout")
        # The summary as JSON has stdout for itself.
        self.shown = Output(sys.stderr, "stderr") if arguments.json else self.stdout
        self.status_line = StatusLine(Output(sys.stderr, "stderr"))
        command = build / "release/harness/slotcheck"
        self.replayer = Replayer(command, launcher_shown(root), arguments)
        self._check_subject()
        self.folder = Folder(arguments.out, self._subject_identity(), arguments.fresh)
        self.findings = Findings(self.folder, self.replayer, arguments)
        self.children: list[Child] = []
        self.names: list[str] | None = None
        self.waiting: list[int] = []
        self.outcomes: dict[int, str] = {}
        self.notes: list[str] = []
        self.internal = False
        self.stops = False  # no more properties are wanted
        self.interrupted = False
        self.started = time.monotonic()
        self.disk_seen_at = 0.0

    # --- before -----------------------------------------------------------------------------------

    def _subject_identity(self) -> str:
        subject, spec = self.arguments.subject, self.arguments.spec
        identity = "builtin" if subject is None else str(Path(subject).resolve())
        return identity if spec == "ostd" else f"{identity} ({spec})"

    def _check_subject(self) -> None:
        """In a process of its own: a library can end it while it is loaded."""
        if self.arguments.subject is None or self.arguments.is_python:
            return
        words = [str(self.replayer.command), "subjects", "--json", self.arguments.subject]
        try:
            done = subprocess.run(
                words,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=START_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise PropertyError(f"{self.arguments.subject}: it does not load") from None
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"{self.arguments.subject}: not usable"]
            raise PropertyError(lines[-1].removeprefix("slotcheck: "))

    def _only(self) -> tuple[str, ...]:
        """The property of a blob has to be known: a blob alone does not say."""
        blob, only = self.arguments.reproduce, self.arguments.only
        if blob and not only:
            only = self.findings.property_of(blob)
            if only is None:
                raise PropertyError(
                    f"{self.folder.path} has no finding with this blob; --only names the property"
                )
        return (only,) if only else ()

    def _settings(self) -> ChildSettings:
        arguments = self.arguments
        environment = arguments.options(self.folder.examples).as_environment() | {
            "SLOTCHECK_CORPUS": str(self.folder.corpus),
            "SLOTCHECK_HYPOTHESIS": str(self.folder.log / "hypothesis"),
            "SLOTCHECK_ONLY": "".join(self._only()),
            "SLOTCHECK_BLOB": arguments.reproduce or "",
        }
        flags = arguments.pytest_flags
        if arguments.seed is not None:
            flags = (f"--hypothesis-seed={arguments.seed}", *flags)
        return ChildSettings(self.properties, self._wanted_file(), environment, flags)

    def _wanted_file(self) -> Path:
        """Of a property that is named with its module nothing else has to be read."""
        module, _, name = "".join(self._only()).partition(".")
        file = self.properties / f"test_{module}.py"
        return file if name and module.isidentifier() and file.exists() else self.properties

    def _start(self) -> None:
        """If there may be few properties, one child looks first how many there are."""
        self.settings = self._settings()
        self._start_children(1 if self._only() else self.arguments.jobs)

    def _start_children(self, number: int) -> None:
        while len(self.children) < number:
            child = Child(len(self.children), self.settings, self.folder.log)
            self.children.append(child)
            child.start()

    # --- during -----------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self.interrupted and any(child.process for child in self.children):
            open_ones = [child for child in self.children if child.is_open]
            if open_ones:
                select.select(open_ones, [], [], POLL_SECONDS)
            else:
                time.sleep(POLL_SECONDS)
            for child in self.children:
                self._look_after(child)
            self._look_at_disk()
            if self.status_line.is_due(self.elapsed()):
                self.status_line.show(self.progress())

    def _look_after(self, child: Child) -> None:
        if child.process is None:
            return
        for event in child.events():
            self._take(child, event)
        status = child.ended()
        if status is not None:
            child.close()
            child.process = None
            self._end_of(child, status)
        elif self.names is None and child.age() > START_SECONDS:
            raise PropertyError(f"{self.arguments.subject_name}: it does not start; see {child.log}")
        elif child.stalled_for() > self.arguments.timeout:
            program = child.journal.program()
            self._end(child)
            if program is not None:
                self._lost(child, program, "did not return")
        elif child.ends_too_slowly():
            self._end(child)
            self._outside_of_programs(child, "did not end")

    def _end(self, child: Child) -> None:
        child.kill()
        child.close()
        child.process = None

    def _take(self, child: Child, event: dict[str, Any]) -> None:
        if event["event"] in ("refused", "broken"):
            status = Status.WRONG_USE if event["event"] == "refused" else Status.INTERNAL
            raise PropertyError(event["line"], status)
        if event["event"] == "properties":
            self._take_names(event["names"])
        elif event["event"] == "done":
            child.running = None
            self.stops = self.stops or event["stops"]
            self._take_outcome(event["number"], event["outcome"], event["failures"])
        self._give(child)

    def _take_names(self, names: list[str]) -> None:
        if not names:
            only = self.arguments.only
            raise PropertyError("there is no such property" + (f": {only}" if only else ""))
        if self.names is None:
            self.names = names
            if self.arguments.reproduce and len(names) > 1:
                raise PropertyError(
                    f"--only names {len(names)} properties, and the blob belongs to one of them:"
                    f" {', '.join(names[:5])}{', …' if len(names) > 5 else ''}"
                )
            self.waiting = list(range(len(names)))
            self._start_children(min(self.arguments.jobs, len(names)))
        elif names != self.names:
            raise PropertyError("two children have different properties", Status.INTERNAL)

    def _give(self, child: Child) -> None:
        if self.waiting and not self.stops:
            # The simplest first, but one child has what takes longest, for which all would wait.
            child.run(self.waiting.pop(-1 if child.number == 1 else 0))
        elif child.ends_since is None:
            child.finish()

    def _take_outcome(self, number: int, outcome: str, failures: list[dict[str, Any]]) -> None:
        assert self.names is not None
        self.outcomes[number] = outcome
        for failure in failures:
            self._take_failure(self.names[number], failure)

    def _take_failure(self, name: str, failure: dict[str, Any]) -> None:
        kind, message = failure["kind"], (failure["message"].strip().splitlines() or [""])[0]
        if kind in ("divergence", "failed"):
            self.status_line.end()
            try:
                self.findings.add(name, failure)
            except PropertyError as error:
                # An interrupt ends the command that replays, too.
                if not self.interrupted:
                    self._note_internal(str(error))
        elif kind == "not reproduced":
            self._not_reproduced(name, message)
        elif kind in ("refused", "no space"):
            raise PropertyError(message)
        elif self.arguments.reproduce:
            raise PropertyError(f"{name}: {message}")
        else:
            self._note_internal(f"{name}: {failure['type']}: {message}")

    def _not_reproduced(self, name: str, message: str) -> None:
        # A machine that does not fail draws on past the end of its example.
        belongs_to = self.findings.property_of(self.arguments.reproduce or "")
        if belongs_to not in (None, name):
            raise PropertyError(f"the blob is an example of {belongs_to}")
        if belongs_to is None and not message.startswith("Expected the test to raise"):
            raise PropertyError(f"the blob is no example of {name}, or one of other --steps")
        self.notes.append(f"{name} no longer fails with this example")

    def _note_internal(self, line: str) -> None:
        self.internal = True
        self.notes.append(f"internal error: {line}")

    def _end_of(self, child: Child, status: int) -> None:
        """The child has ended, for good or not."""
        was_done = child.ends_since is not None or self.stops
        if was_done and child.running is None and status in (0, 1, 2):
            return
        if self.names is None:
            self._refused_by_pytest(child, status)
        program = child.journal.program()
        if program is not None:
            self._lost(child, program, how_it_ended(status))
        elif child.running is not None:
            self._outside_of_programs(child, how_it_ended(status))
            self._restart(child)
        else:
            self._outside_of_programs(child, how_it_ended(status))

    def _refused_by_pytest(self, child: Child, status: int) -> None:
        if status == PYTEST_USAGE:
            raise PropertyError(f"pytest: {log_complaint(child.log_text())}")
        if status == 0 and self.arguments.pytest_flags:
            raise Shown(child)  # such as --collect-only
        line = log_complaint(child.log_text())
        if self.arguments.subject is not None:
            said = f": {line}" if status >= 0 and line else ""
            how = how_it_ended(status)
            raise PropertyError(f"{self.arguments.subject}: the process {how}{said}; see {child.log}")
        raise PropertyError(f"{line}; {child.log} says more", Status.INTERNAL)

    def _lost(self, child: Child, program: Any, how: str) -> None:
        """The subject has taken the process with it; the other properties go on in a new one."""
        name = self._drop_running(child)
        self.status_line.end()
        self.findings.add_crash(name, program, how)
        self._restart(child)

    def _outside_of_programs(self, child: Child, how: str) -> None:
        name = self._drop_running(child)
        if self.arguments.subject is None:
            self._note_internal(f"{name}: the process {how}; {child.log} says more")
        else:
            self.status_line.end()
            self.findings.add_death(name, how)

    def _drop_running(self, child: Child) -> str:
        number, child.running = child.running, None
        if number is None or self.names is None:
            return "all properties"
        self.outcomes[number] = "crashed"
        return self.names[number]

    def _restart(self, child: Child) -> None:
        if self.waiting and not self.stops and not self.interrupted:
            child.start()

    def _look_at_disk(self) -> None:
        if self.elapsed() - self.disk_seen_at > DISK_SECONDS:
            self.disk_seen_at = self.elapsed()
            if self.folder.is_full():
                raise PropertyError(f"{self.folder.path}: No space left on device; stopped")

    # --- after ------------------------------------------------------------------------------------

    def _stop(self) -> None:
        for child in self.children:
            child.kill()
            child.close()
            child.journal_file.unlink(missing_ok=True)
        # Empty, unless somebody drew texts.
        shutil.rmtree(self.folder.log / "hypothesis", ignore_errors=True)
        self.status_line.end()

    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def progress(self) -> Progress:
        counts = [child.journal.counts() for child in self.children]
        return Progress(
            elapsed=self.elapsed(),
            done=len(self.outcomes),
            properties=len(self.names or ()),
            examples=sum(examples for examples, _ in counts),
            steps=sum(steps for _, steps in counts),
            findings=len(self.findings.found),
        )

    def _status(self) -> Status:
        if self.interrupted:
            return Status.INTERRUPTED
        if self.internal:
            return Status.INTERNAL
        return Status(bool(self.findings.found))

    def _summarise(self) -> Status:
        if self.interrupted:
            self.notes.append("interrupted")
        names = self.names or []
        summary = Summary(
            subject=self.arguments.subject_name,
            profile=self.arguments.profile,
            progress=self.progress(),
            corpus=self.folder.corpus_size(),
            corpus_folder=str(self.folder.corpus),
            findings=list(self.findings.found.values()),
            fixed=self.findings.fixed,
            skipped=[names[n] for n, outcome in self.outcomes.items() if outcome == "skipped"],
            status=self._status(),
            notes=self.notes,
        )
        text = json.dumps(summary.as_dict(), indent=2) + "\n"
        self.stdout.write(text if self.arguments.json else summary.text())
        return Status(summary.status)

    def _show_pytest(self) -> None:
        """Whoever gives flags to pytest wants to see what it says."""
        flags = self.arguments.pytest_flags
        if not flags:
            return
        for child in self.children:
            text = child.log_text()
            self.shown.write(statistics_in(text) if flags == (STATISTICS,) else text)
        self.shown.write("\n")

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.interrupted = True

    def run(self) -> Status:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.on_signal)
        failure: PropertyError | None = None
        try:
            if not self.arguments.reproduce:
                self.findings.take_known()
            self._start()
            self._watch()
        except Shown as shown:
            self.shown.write(shown.child.log_text())
            return Status.AGREEMENT
        except PropertyError as error:
            failure = error
        except OSError as error:
            failure = PropertyError(f"{error.filename or self.folder.path}: {error.strerror}")
        finally:
            self._stop()
        return self._conclude(failure)

    def _conclude(self, failure: PropertyError | None) -> Status:
        """What was found until a run failed is told all the same."""
        found = self.findings.found.values()
        if failure is not None and not any(finding.properties for finding in found):
            raise failure
        self._show_pytest()
        status = self._summarise()
        if failure is not None:
            raise failure
        return status


class Shown(Exception):
    """Pytest had something to show, and nothing to run."""

    def __init__(self, child: Child) -> None:
        super().__init__()
        self.child = child


def statistics_in(text: str) -> str:
    """What pytest prints below this title, of all processes of a job."""
    lines, wanted, shown = text.splitlines(keepends=True), False, ""
    for line in lines:
        if line.startswith("==") or re.search(r"(passed|failed|no tests ran).* in \d", line):
            wanted = "Hypothesis Statistics" in line
        elif wanted:
            shown += line
    return shown


def complain(line: str) -> None:
    try:
        print(f"slotcheck property: {line}", file=sys.stderr, flush=True)
    except OSError:
        pass  # the exit status says it too


def forget_unwritten() -> None:
    """What could not be written would be tried again, and complained about, at the exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def main(argv: list[str]) -> int:
    # Python has no object for a stream that is closed.
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")
    if sys.stdout is None:
        complain("stdout is closed")
        return Status.WRONG_USE
    try:
        return guarded_main(argv)
    finally:
        forget_unwritten()


def guarded_main(argv: list[str]) -> int:
    try:
        root = Path(os.environ["SLOTCHECK_ROOT"])
        build = Path(os.environ["SLOTCHECK_BUILD"])
        return Run(parse_arguments(argv), root, build).run()
    except PropertyError as error:
        complain(str(error))
        return error.status
    except KeyboardInterrupt:
        return Status.INTERRUPTED
