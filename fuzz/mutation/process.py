# SPDX-License-Identifier: MPL-2.0
"""Programs that are run, and ended with the command that runs them."""
from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.02


class Interrupted(Exception):
    """Somebody wants the command to end."""


# Set by a signal; every running program is then ended.
interrupted = threading.Event()


@dataclass(frozen=True)
class Ended:
    """A program that has ended; a status below zero is the signal that ended it."""

    status: int | None  # None: it was stopped because its time was up
    stdout: str
    stderr: str
    seconds: float

    @property
    def complaint(self) -> str:
        lines = self.stderr.strip().splitlines() or [f"status {self.status}"]
        return lines[-1].removeprefix("slotcheck: ")


def end(process: subprocess.Popen[str]) -> None:
    """With all that it has started: it has a session of its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def wait(
    process: subprocess.Popen[str], deadline: float | None, cancelled: threading.Event
) -> int | None:
    while True:
        if interrupted.is_set():
            end(process)
            raise Interrupted
        if cancelled.is_set():
            end(process)
            return None
        if deadline is not None and time.monotonic() > deadline:
            end(process)
            return None
        try:
            return process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def run(
    words: list[str],
    scratch: Path,
    *,
    seconds: float | None = None,
    environment: dict[str, str] | None = None,
    text: str | None = None,
    cancelled: threading.Event | None = None,
    cpu: int | None = None,
) -> Ended:
    """Runs a program in a folder, with `text` to read, until it ends, its time is up, or `cancelled`
    is set; on one CPU, if one is named. What it prints goes through files there, so that no pipe is
    ever full."""
    if interrupted.is_set():
        raise Interrupted
    begin = time.monotonic()
    (scratch / "stdin").write_text(text or "", encoding="utf-8")
    with (
        open(scratch / "stdin", encoding="utf-8") as stdin,
        open(scratch / "stdout", "w", encoding="utf-8") as stdout,
        open(scratch / "stderr", "w", encoding="utf-8") as stderr,
    ):
        process = subprocess.Popen(
            words,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=scratch,
            env=os.environ | (environment or {}),
            start_new_session=True,
            text=True,
            preexec_fn=None if cpu is None else lambda: os.sched_setaffinity(0, {cpu}),
        )
        deadline = None if seconds is None else begin + seconds
        status = wait(process, deadline, cancelled or threading.Event())
    return Ended(
        status, read(scratch / "stdout"), read(scratch / "stderr"), time.monotonic() - begin
    )


def read(path: Path) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
