# SPDX-License-Identifier: MPL-2.0
"""One child process: pytest, and the properties that it is given one after the other."""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slotcheck.property import journal

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
# What pytest may take to end once all is done.
END_SECONDS = 30
PYTEST_VARIABLES = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")


def die_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass(frozen=True)
class ChildSettings:
    rootdir: Path
    properties: Path  # a folder, or what is wanted of it
    environment: dict[str, str]
    flags: tuple[str, ...]

    def command(self) -> list[str]:
        return [
            sys.executable, "-m", "pytest", str(self.properties), "-q", "--no-header",
            # Several failures of a property are told apart only with this style.
            "--tb=native", "--no-summary" if not self.flags else "-rN",
            "-c", os.devnull, f"--rootdir={self.rootdir}",
            "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "slotcheck.property.plugin",
            *self.flags,
        ]  # fmt: skip


class Child:
    """Raises OSError where its files cannot be written."""

    def __init__(self, number: int, settings: ChildSettings, log: Path) -> None:
        self.number = number
        self.settings = settings
        self.log = log / f"job-{number}.log"
        self.log.write_bytes(b"")
        self.journal_file = log / f"job-{number}.journal"
        self.journal = journal.create(self.journal_file)
        self.running: int | None = None
        self.ends_since: float | None = None  # it was told that there is nothing left
        self.process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._text = b""
        self._started = 0.0
        self._is_silent = False
        self._events: deque[dict[str, Any]] = deque()
        self._seen: tuple[bytes, tuple[int, int]] = (b"", (0, 0))
        self._seen_since = self._looked_at = 0.0

    # --- its life ---

    def start(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._text, self._is_silent = b"", False
        self.running = self.ends_since = None
        # A program that ended the last process would be found again.
        self.journal.forget()
        environment = {
            "SLOTCHECK_CHANNEL": str(theirs.fileno()),
            "SLOTCHECK_JOURNAL": str(self.journal_file),
        }
        with theirs, open(self.log, "ab") as log:
            self._started = time.monotonic()
            self.process = subprocess.Popen(
                self.settings.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=clean_environment() | self.settings.environment | environment,
                pass_fds=[theirs.fileno()],
                preexec_fn=die_with_parent,
                process_group=0,
            )
        self._channel = ours

    def run(self, number: int) -> None:
        assert self._channel is not None
        self.running = number
        self._tell(f"{number}\n".encode())

    def finish(self) -> None:
        """Nothing is left to run."""
        assert self._channel is not None
        self.ends_since = time.monotonic()
        try:
            self._channel.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has ended already

    def _tell(self, data: bytes) -> None:
        assert self._channel is not None
        try:
            self._channel.sendall(data)
        except OSError:
            pass  # that it has ended is seen in a moment

    def kill(self) -> None:
        """With all that it has started. What is left is read by `events`."""
        if self.process is not None and self.process.returncode is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def ended(self) -> int | None:
        """Its exit status, negative for a signal, once all that it has said was read."""
        if self.process is None or self.process.poll() is None or self._read():
            return None
        return None if self._events else self.process.returncode

    # --- what it says ---

    @property
    def is_open(self) -> bool:
        """True as long as it can say something."""
        return self._channel is not None and not self._is_silent

    def events(self) -> list[dict[str, Any]]:
        while self._read():
            pass
        events, self._events = list(self._events), deque()
        return events

    def fileno(self) -> int:
        assert self._channel is not None
        return self._channel.fileno()

    def _read(self) -> bool:
        """True if there was something."""
        if self._channel is None or self._is_silent:
            return False
        try:
            data = self._channel.recv(1 << 16)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        self._is_silent = not data
        self._text += data
        *lines, self._text = self._text.split(b"\n")
        for line in lines:
            event = parse_event(line)
            if event is not None:
                self._events.append(event)
        return bool(data)

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    # --- what it does ---

    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._started

    def ends_too_slowly(self) -> bool:
        return self.ends_since is not None and time.monotonic() - self.ends_since > END_SECONDS

    def stalled_for(self, now: float | None = None) -> float:
        """For how long the same program has been running without an operation that ended."""
        now = time.monotonic() if now is None else now
        seen = (self.journal.running(), self.journal.counts())
        # Whoever has not looked for a while knows nothing.
        if seen != self._seen or not seen[0] or now - self._looked_at > 1:
            self._seen, self._seen_since = seen, now
        self._looked_at = now
        return now - self._seen_since


def clean_environment() -> dict[str, str]:
    """Without what a user has set for tests of their own."""
    return {name: value for name, value in os.environ.items() if name not in PYTEST_VARIABLES}


def parse_event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def log_complaint(log: str) -> str:
    """The line with which pytest gave up."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if ": error: " in line]
    errors += [line for line in lines if line.startswith(("ERROR: ", "E   "))]
    line = errors[0] if errors else (lines or ["pytest gave up without a word"])[-1]
    return re.sub(r"^(ERROR: |E +|\S+: error: )", "", line)
