# SPDX-License-Identifier: MPL-2.0
"""One libFuzzer process: its command line, what it prints, how it ends."""
from __future__ import annotations

import ctypes
import os
import re
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# How libFuzzer ends. Not 0 and none of these: the target, or a sanitizer, ended the process.
EXIT_INTERRUPTED = 72
# fuzz_session.c: a wrong setting, or a finding that could not be written.
EXIT_WRONG_USE = 2

# What an input may take, unless a flag after -- says otherwise.
TIMEOUT_SECONDS = 5
# From a timeout to the end of the process: it prints a stack trace.
REPORT_SECONDS = 3

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)

STATUS_LINE = re.compile(r"^#(\d+)\s+\w+\s+(?:cov: (\d+) )?(?:ft: (\d+) )?(?:corp: (\d+)/)?")
ARTIFACT_LINE = re.compile(r"Test unit written to (.+)$")


@dataclass
class EngineStatus:
    """What the engine last said of itself."""

    executions: int = 0
    edges: int = 0
    features: int = 0
    corpus: int = 0
    # It has read corpus and seeds, and fuzzes.
    loaded: bool = False
    artifact: Path | None = None

    def read_line(self, line: str) -> None:
        if match := STATUS_LINE.match(line):
            self.executions = int(match[1])
            self.edges = int(match[2] or self.edges)
            self.features = int(match[3] or self.features)
            self.corpus = int(match[4] or self.corpus)
            self.loaded = self.loaded or "\tINITED" in line
        elif match := ARTIFACT_LINE.search(line):
            self.artifact = Path(match[1])


@dataclass(frozen=True)
class EngineSettings:
    target: Path
    corpus: Path
    seeds: Path
    dictionary: Path
    environment: dict[str, str]
    flags: tuple[str, ...] = ()
    # What others have found; read like the seeds, and never written to.
    more_seeds: tuple[Path, ...] = ()

    def command(
        self, artifact_prefix: str, seconds: int, runs: int | None, with_seeds: bool
    ) -> list[str]:
        command = [
            str(self.target),
            str(self.corpus),
            *(map(str, (self.seeds, *self.more_seeds)) if with_seeds else []),
            f"-dict={self.dictionary}",
            f"-artifact_prefix={artifact_prefix}",
            f"-max_total_time={seconds}",
            "-max_len=512",
            f"-timeout={TIMEOUT_SECONDS}",
            "-reload=1",
            "-print_final_stats=1",
            # Its bookkeeping takes longer than a program, and nothing is found in fewer runs.
            "-entropic=0",
            *self.flags,
        ]
        if runs is not None:
            command.append(f"-runs={runs}")
        return command


def hang_seconds(flags: tuple[str, ...]) -> int:
    """How long an input can run before the engine has ended the process; it looks only every half
    timeout. 0: it never does."""
    timeout = TIMEOUT_SECONDS
    for flag in flags:
        if match := re.fullmatch(r"-timeout=(\d+)", flag):
            timeout = int(match[1])
    return timeout and timeout + timeout // 2 + 1 + REPORT_SECONDS


def shown_command(environment: dict[str, str], command: list[str]) -> str:
    return " ".join(
        [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
        + [shlex.quote(word) for word in command]
    )


def die_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Job:
    """A libFuzzer process that is started anew when it crashed."""

    def __init__(self, number: int, settings: EngineSettings, log: Path, findings: Path) -> None:
        self.number = number
        self.settings = settings
        self.stats = log / f"job-{number}.stats"
        self.log = log / f"job-{number}.log"
        self.artifact_prefix = str(log / f"job-{number}-")
        self.environment = settings.environment | {
            "SLOTCHECK_STATS": str(self.stats),
            "SLOTCHECK_FINDINGS": str(findings),
        }
        self.status = EngineStatus()
        self.earlier_executions = 0
        self.restarts = 0
        self.with_seeds = True
        self.process: subprocess.Popen[bytes] | None = None
        self._reader: IO[str] | None = None
        self._partial = ""
        self._counted = b""
        self._moved_at = 0.0
        self.stats.unlink(missing_ok=True)

    @property
    def executions(self) -> int:
        return self.earlier_executions + self.status.executions

    def command(self, seconds: int, runs: int | None) -> list[str]:
        return self.settings.command(self.artifact_prefix, seconds, runs, self.with_seeds)

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
                preexec_fn=die_with_parent,
            )
        if self._reader is not None:
            self._reader.close()
        self._reader = open(self.log, encoding="utf-8", errors="replace")

    def poll(self) -> int | None:
        """Reads what the process printed; its exit status once it has ended."""
        if self.process is None or self._reader is None:
            return None
        status = self.process.poll()
        self.stalled_for()
        lines = (self._partial + self._reader.read()).split("\n")
        self._partial = lines.pop()
        for line in lines:
            self.status.read_line(line)
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
            self.process.kill()
            self.process.wait()
        return self.poll()

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")
