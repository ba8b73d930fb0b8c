# SPDX-License-Identifier: MPL-2.0
"""What a driver is: something that looks for a divergence, and counts what it takes."""
from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from campaign.errors import Status
from mutation.build import Built, Target
from mutation.process import Ended

# What the lockstep says of one; see harness/src/lockstep.c.
REFUSAL = re.compile(r"the subject('s)? |region of \d+ slots")


@dataclass(frozen=True)
class Setting:
    """What all drivers need to know of the place and of the command line."""

    root: Path
    command: Path  # build/release/harness/slotcheck
    seconds: float  # for each mutant, of a driver that has no end of its own
    runs: int
    depth: int | None = None  # of an exhaustive search with all operations; None: none


@dataclass(frozen=True)
class Outcome:
    killed: bool
    executions: int  # until the divergence, or in all
    seconds: float
    case: Path | None = None  # one that diverges, not yet shrunk
    note: str = ""
    # What `slotcheck run` said of it, if that is known: the case may not show it by itself.
    record: dict[str, Any] | None = None
    signature: str = ""
    # Clauses that detect it with no other one's help, as far as the driver knows.
    alone: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seat:
    """What an engine needs to know of the others in its team."""

    seed: int = 1
    corpus: Path | None = None  # shared, of libFuzzer; None: one of its own
    afl: Path | None = None  # where instances of AFL++ find each other; None: it is alone
    name: str = ""  # of such an instance
    is_main: bool = False  # of them, which reads the corpus
    cancelled: threading.Event | None = None  # set when another one has found it
    cpu: int | None = None


ALONE = Seat()


class DriverError(Exception):
    """The driver itself failed; one line."""


def refused(done: Ended) -> Outcome | None:
    """A subject that cannot even be set up is refused as wrong use, and so detected."""
    if done.status != Status.WRONG_USE or not REFUSAL.search(done.complaint):
        return None
    return Outcome(True, 1, done.seconds, note=done.complaint)


class Driver(Protocol):
    name: str
    executions: str  # what it counts, in the plural
    targets: tuple[Target, ...]  # the fuzz targets that it runs; none: the shared library alone
    is_default: bool  # runs if nobody names drivers
    presets: tuple[str, ...]  # builds that it runs, beside the command

    def settings(self, setting: Setting) -> dict[str, str | int | float]:
        """What its results depend on, for people and to know whether they can be kept."""

    def run(self, setting: Setting, built: Built, scratch: Path) -> Outcome:
        """Looks for a divergence; `scratch` is an empty folder."""
