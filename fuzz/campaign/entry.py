# SPDX-License-Identifier: MPL-2.0
"""How a command of this folder begins and ends: whatever goes wrong is one line and an exit status,
also where stdout or stderr is closed or full."""
from __future__ import annotations

import os
import sys
from collections.abc import Callable

from campaign.errors import CampaignError, Status


def run_command(name: str, command: Callable[[list[str]], int], argv: list[str]) -> int:
    # Python has no object for a stream that is closed.
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")
    if sys.stdout is None:
        complain(name, "stdout is closed")
        return Status.WRONG_USE
    try:
        return guarded(name, command, argv)
    finally:
        forget_unwritten()


def guarded(name: str, command: Callable[[list[str]], int], argv: list[str]) -> int:
    try:
        return command(argv)
    except CampaignError as error:
        complain(name, str(error))
        return error.status
    except OSError as error:
        complain(name, f"{one_line(error.filename or error)}: {error.strerror}")
        return Status.WRONG_USE
    except KeyboardInterrupt:
        return 130


def complain(name: str, line: str) -> None:
    try:
        print(f"slotcheck {name}: {line}", file=sys.stderr, flush=True)
    except OSError:
        pass  # the exit status says it too


def one_line(path: object) -> str:
    """Whatever the name of a file is."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in str(path)
    )


def forget_unwritten() -> None:
    """What could not be written would be tried again, and complained about, at the exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
