# SPDX-License-Identifier: MPL-2.0
"""A process of an engine: how it is started, watched and ended, whatever engine it is."""
from __future__ import annotations

import ctypes
import os
import shlex
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


@dataclass
class EngineStatus:
    """What the engine last said of itself."""

    executions: int = 0
    edges: int = 0
    features: int = 0
    corpus: int = 0
    # It has read corpus and seeds, and fuzzes.
    loaded: bool = False
    # An input that ended the process, which libFuzzer has kept.
    artifact: Path | None = None
    # Of the map, in percent, that the same input always shows; only AFL++ looks.
    stability: float | None = None


@dataclass(frozen=True)
class Place:
    """What a job needs to know of the campaign."""

    log: Path  # the folder of logs and counts
    incoming: Path  # where the targets write the cases that they find
    environment: dict[str, str]


def shown_command(environment: dict[str, str], command: list[str]) -> str:
    return " ".join(
        [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
        + [shlex.quote(word) for word in command]
    )


class Job(ABC):
    """A process that is started anew when it crashed."""

    engine: str

    def __init__(self, number: int, sanitized: bool, place: Place) -> None:
        self.number = number
        self.sanitized = sanitized
        self.stats = place.log / f"job-{number}.stats"
        self.log = place.log / f"job-{number}.log"
        # One for each job, so that the cases say who found them.
        self.incoming = place.incoming / f"{self.engine}-{number}"
        self.incoming.mkdir(parents=True, exist_ok=True)
        self.environment = place.environment | {
            "SLOTCHECK_STATS": str(self.stats),
            "SLOTCHECK_FINDINGS": str(self.incoming),
        }
        self.status = EngineStatus()
        self.earlier_executions = 0
        self.restarts = 0
        self.cpu: int | None = None  # None: wherever the system puts it
        self.process: subprocess.Popen[bytes] | None = None
        self._reader: IO[str] | None = None
        self._partial = ""
        self._counted = b""
        self._moved_at = 0.0

    @property
    def name(self) -> str:
        return self.incoming.name

    @property
    def executions(self) -> int:
        return self.earlier_executions + self.status.executions

    @abstractmethod
    def command(self, seconds: int, runs: int | None) -> list[str]:
        """The command line for so long or so many executions."""

    @abstractmethod
    def read_line(self, line: str) -> None:
        """Takes from what the process printed what belongs to the status."""

    def look(self) -> None:
        """Takes from the files of the process what belongs to the status."""

    def start(self, seconds: int, runs: int | None) -> None:
        self.earlier_executions += self.status.executions
        self.status = EngineStatus(edges=self.status.edges, corpus=self.status.corpus)
        self._partial = ""
        self._moved_at = time.monotonic()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.command(seconds, runs),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | self.environment,
                # The terminal's Ctrl-C is for the campaign, which then ends its jobs.
                start_new_session=True,
                preexec_fn=self._prepare_process,
            )
        if self._reader is not None:
            self._reader.close()
        self._reader = open(self.log, encoding="utf-8", errors="replace")

    def _prepare_process(self) -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if self.cpu is not None:
            os.sched_setaffinity(0, {self.cpu})

    def poll(self) -> int | None:
        """Reads what the process says; its exit status once it has ended."""
        if self.process is None or self._reader is None:
            return None
        status = self.process.poll()
        self.stalled_for()
        lines = (self._partial + self._reader.read()).split("\n")
        self._partial = lines.pop()
        for line in lines:
            self.read_line(line)
        self.look()
        if status is not None:
            self.process = None
        return status

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stalled_for(self) -> float:
        """Seconds since it was last seen to count something; 0: it did since the last call."""
        counted = self.stats.read_bytes() if self.stats.exists() else b""
        now = time.monotonic()
        if counted != self._counted:
            self._counted = counted
            self._moved_at = now
        return now - self._moved_at

    def save_counts(self) -> None:
        """What the process counts is shared memory, which only a power cut can lose."""
        if self.stats.exists():
            with open(self.stats, "rb") as counts:
                os.fsync(counts.fileno())

    def interrupt(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)

    def finish(self, seconds: float) -> int | None:
        """Waits for the end of an interrupted process, not for ever; its exit status, if it had not
        ended before."""
        if self.process is None:
            return None
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        return self.poll()

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")
