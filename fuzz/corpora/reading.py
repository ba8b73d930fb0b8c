# SPDX-License-Identifier: MPL-2.0
"""Inputs: files together with what they show."""
from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from campaign.errors import CampaignError
from campaign.report import StatusLine
from corpora.cover import Candidate, fewest
from corpora.features import Answer, Tool
from corpora.inputs import File, Garbage, walk

QUIET_SECONDS = 2
# All features, as a mask.
ALL = -1


@dataclass(frozen=True)
class Input:
    file: File
    answer: Answer
    is_regression: bool  # never dropped

    @property
    def is_kept(self) -> bool:
        """A finding shows only what came before it, so nobody can say what would be lost."""
        return self.is_regression or bool(self.answer.finding)

    def candidate(self, among: int = ALL) -> Candidate:
        encoded = self.answer.encoded
        # Of a text and the bytes of the same program one is chosen by what is in the files.
        key = encoded + b"\0" + self.file.content
        return Candidate(self.answer.mask & among, len(encoded), key)


@dataclass
class Read:
    inputs: list[Input] = field(default_factory=list)
    garbage: list[Garbage] = field(default_factory=list)


class Progress:
    """A line for who has waited for some seconds."""

    def __init__(self, line: StatusLine) -> None:
        self.line = line
        self.started = time.monotonic()

    def show(self, what: str, done: int, whole: int) -> None:
        elapsed = time.monotonic() - self.started
        if elapsed > QUIET_SECONDS and self.line.is_due(elapsed):
            self.line.show_text(f"{what}: {done} of {whole}, {elapsed:.0f}s", elapsed)


class Reader:
    def __init__(self, tool: Tool, regressions: Path, progress: Progress) -> None:
        self.tool = tool
        self.progress = progress
        self.known: frozenset[bytes] = frozenset()
        if regressions.is_dir():
            read = self.read(walk(regressions))
            refuse_garbage(read.garbage)
            self.known = frozenset(one.answer.code for one in read.inputs)

    def read(self, found: Iterable[File | Garbage]) -> Read:
        read = Read()
        files = []
        for one in found:
            if isinstance(one, Garbage):
                read.garbage.append(one)
            else:
                files.append(one)
        answers = self.tool.ask_all([file.content for file in files])
        for number, (file, answer) in enumerate(zip(files, answers), 1):
            self._take(read, file, answer)
            self.progress.show("running inputs", number, len(files))
        read.garbage.sort(key=lambda one: str(one.path))
        return read

    def _take(self, read: Read, file: File, answer: Answer) -> None:
        if answer.bad:
            read.garbage.append(Garbage(file.path, answer.bad, answer.position))
        else:
            is_regression = file.is_regression or answer.code in self.known
            read.inputs.append(Input(file, answer, is_regression))


def refuse_garbage(garbage: Sequence[Garbage]) -> None:
    if not garbage:
        return
    more = f" (and {len(garbage) - 1} more; ./slotcheck corpus stats lists them)"
    raise CampaignError(f"{garbage[0]}{more if len(garbage) > 1 else ''}")


def union(inputs: Iterable[Input]) -> int:
    mask = 0
    for one in inputs:
        mask |= one.answer.mask
    return mask


def choose(inputs: Sequence[Input], covered: int = 0, among: int = ALL) -> list[Input]:
    """The fewest that show all that is asked for, the best first."""
    return [inputs[at] for at in fewest([one.candidate(among) for one in inputs], covered)]
