# SPDX-License-Identifier: MPL-2.0
"""A plugin of pytest: runs the properties that the parent names, and tells it what came of them.

Lines of JSON go over the socket SLOTCHECK_CHANNEL: first the names of all properties that were
collected, then for each number that the parent sends what became of that property. The parent
closes its end when there is nothing left to run.
"""

from __future__ import annotations

import functools
import json
import os
import socket
from pathlib import Path
from typing import Any, Iterator

import pytest
from hypothesis import __version__ as hypothesis_version
from hypothesis import configuration, reproduce_failure
from hypothesis.internal.conjecture import data as conjecture

from slotcheck.machine import SlotMachine
from slotcheck.native import ffi
from slotcheck.program import Program
from slotcheck.property.corpus import Corpus
from slotcheck.property.failures import failures_of
from slotcheck.property.journal import COUNTS_SIZE, Journal
from slotcheck.property.options import Options, subject_under_test, use_spec
from slotcheck.subject import SubjectError
from slotcheck.trial import SlotcheckError, Trial

#: What is simple is run first; modules that are not named here, in the order of their names.
LAST_MODULES = ("test_programs", "test_machine")


def property_name(nodeid: str) -> str:
    """`machine.lists` for `…/test_machine.py::lists::runTest`."""
    path, *names = nodeid.split("::")
    parts = [Path(path).stem, *names]
    parts = parts[:-1] if parts[-1] == "runTest" else parts
    return ".".join(part.removeprefix("test_") for part in parts)


def place(item: pytest.Item) -> int:
    module = item.path.stem
    return LAST_MODULES.index(module) + 1 if module in LAST_MODULES else 0


def owner_of_examples(item: Any) -> Any:
    """What @reproduce_failure decorates; None: the test makes its properties while it runs."""
    machine = getattr(item.cls, "machine", None) if item.cls else None
    return machine or (item.function if hasattr(item.obj, "hypothesis") else None)


class Reporter:
    """What the plugin does for a run of `./slotcheck property`."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.channel = socket.socket(fileno=int(variables["SLOTCHECK_CHANNEL"])).makefile("rw")
        self.journal = Journal(Path(variables["SLOTCHECK_JOURNAL"]))
        self.shared = ffi.from_buffer("uint8_t[]", self.journal.memory)
        self.corpus = Corpus(Path(variables["SLOTCHECK_CORPUS"]))
        self.only = variables.get("SLOTCHECK_ONLY", "")
        self.blob = variables.get("SLOTCHECK_BLOB", "")
        self.earlier_examples, self.steps = self.journal.counts()
        self.alive_steps = 0
        self.failures: list[dict[str, Any]] = []
        self.outcome = "passed"

    def send(self, event: str, **what: Any) -> None:
        print(json.dumps({"event": event, **what}), file=self.channel, flush=True)

    # --- before ---

    def prepare(self) -> None:
        use_spec(Options.of_environment().spec)
        Trial.journal = self.shared + COUNTS_SIZE
        SlotMachine.on_program = self.on_program
        try:
            Trial(subject_under_test()).begin(1)
        except (SubjectError, SlotcheckError) as error:
            self.send("refused", line=str(error))
            pytest.exit(str(error), returncode=2)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[Any]) -> None:
        named = [item for item in items if property_name(item.nodeid) == self.only]
        if named:
            items[:] = named
        elif self.only:
            config.option.keyword = self.only
        items.sort(key=place)

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            lines = [line for line in str(report.longreprtext).splitlines() if line.strip()]
            self.send("broken", line=f"{report.nodeid}: {lines[-1].strip()}")

    def _look_at(self, item: Any) -> None:
        """Counts while the property runs, and gives it the only example, if there is a blob."""
        handle = getattr(item.obj, "hypothesis", None)
        if handle and not hasattr(handle.inner_test, "is_counted"):
            handle.inner_test = self._counted(handle.inner_test)
        if self.blob:
            takes_example = owner_of_examples(item)
            if takes_example is None:
                self.send("refused", line=f"{property_name(item.nodeid)} takes no --reproduce")
                pytest.exit("no blob", returncode=2)
            reproduce_failure(hypothesis_version, self.blob.encode())(takes_example)

    def _counted(self, test: Any) -> Any:
        @functools.wraps(test)
        def run(*arguments: Any, **named: Any) -> Any:
            self.count()
            return test(*arguments, **named)

        run.is_counted = True  # type: ignore[attr-defined]
        return run

    # --- during ---

    def count(self) -> None:
        examples = self.earlier_examples + getattr(conjecture, "global_test_counter", 0)
        steps = sum(trial.nr_steps for trial in Trial.alive)
        # Trials come and go, and what they have run is not forgotten.
        self.steps += max(0, steps - self.alive_steps)
        self.alive_steps = steps
        self.journal.count(examples, self.steps)

    def on_program(self, program: Program, is_new: bool) -> None:
        self.count()
        if is_new:
            self.corpus.offer(program)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        if session.testsfailed or session.config.option.collectonly:
            return None
        self.send("properties", names=[property_name(item.nodeid) for item in session.items])
        for line in self.channel:
            self._run(session, session.items[int(line)], int(line))
            if session.shouldfail or session.shouldstop:
                break
        return True

    def _run(self, session: pytest.Session, item: pytest.Item, number: int) -> None:
        self.failures, self.outcome = [], "passed"
        self._look_at(item)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        self.count()
        stops = bool(session.shouldfail or session.shouldstop)
        self.send("done", number=number, outcome=self.outcome, failures=self.failures, stops=stops)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
        outcome = yield
        report = outcome.get_result()  # type: ignore[attr-defined]
        if report.skipped:
            self.outcome = "skipped"
        if report.failed and call.excinfo is not None:
            self.outcome = "failed"
            printed = "\n".join(getattr(item, "hypothesis_report_information", ()))
            failures = failures_of(call.excinfo.value, printed, subject_under_test())
            if owner_of_examples(item) is None:
                failures = [failure | {"blob": None} for failure in failures]
            self.failures += failures


def pytest_configure(config: pytest.Config) -> None:
    if "SLOTCHECK_CHANNEL" not in os.environ:
        return
    # What Hypothesis remembers besides examples stays out of the user's folder.
    configuration.set_hypothesis_home_dir(os.environ["SLOTCHECK_HYPOTHESIS"])
    reporter = Reporter(dict(os.environ))
    reporter.prepare()
    config.pluginmanager.register(reporter, "slotcheck-reporter")
