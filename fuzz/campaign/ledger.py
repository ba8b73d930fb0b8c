# SPDX-License-Identifier: MPL-2.0
"""What a campaign has checked: the sum of what its jobs counted, and a case for each clause."""
from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

# Of all cases together, and of one.
CASES_SECONDS = 30
CASE_SECONDS = "2"


def note_cases(
    command: Path, ledger: Path, subject: Path | None, slots: int | None, cases: list[Path]
) -> bool:
    """Runs the cases once, for a ledger that knows the first one of each clause; engines only
    count. False if there is none."""
    words = [str(command), "run", "--quiet", "--timeout", CASE_SECONDS, "--ledger", str(ledger)]
    if subject is not None:
        words += ["--subject", str(subject)]
    if slots is not None:
        words += ["--slots", str(slots)]
    try:
        ledger.unlink(missing_ok=True)
        there = [str(path) for path in cases if path.is_file() or any(path.iterdir())]
        if there:
            run_quietly([*words, *there])
        return ledger.exists()
    except OSError:
        return False


def run_quietly(words: list[str]) -> None:
    """What diverges, or cannot be read, is told elsewhere. The child that runs the cases ends with
    the process that is waited for."""
    null = subprocess.DEVNULL
    with subprocess.Popen(words, stdin=null, stdout=null, stderr=null, process_group=0) as run:
        try:
            run.wait(CASES_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)


def merge(command: Path, merged: Path, parts: list[Path]) -> str:
    """Why it failed, or nothing."""
    words = [str(command), "ledger", "-o", str(merged), *map(str, parts)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    lines = done.stderr.strip().splitlines() or ["the ledger cannot be written"]
    return lines[-1].removeprefix("slotcheck: ")
