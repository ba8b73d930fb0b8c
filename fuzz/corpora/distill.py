# SPDX-License-Identifier: MPL-2.0
"""Programs for people: the fewest that show all, each cut down to what it is there for.

How often something happens is left out here. An engine climbs on it, and a person reads forty times
the same line.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpora.cover import Candidate, fewest
from corpora.features import Answer, Features, Tool
from corpora.inputs import File
from corpora.reading import Input, Progress, choose, union
from corpora.store import New, kebab, place_of, unused_place

HEADER_LINES = 2
# A name says one feature only. The first of these tell a person most.
NAMED_KINDS = ("cell", "clause", "end", "edge")


@dataclass(frozen=True)
class Program:
    """A text, taken apart."""

    header: tuple[str, ...]
    operations: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Program:
        lines = text.splitlines()
        return cls(tuple(lines[:HEADER_LINES]), tuple(lines[HEADER_LINES:]))

    def encode(self) -> bytes:
        return "".join(f"{line}\n" for line in (*self.header, *self.operations)).encode("utf-8")


def as_text(program: Program, answer: Answer, comment: str) -> bytes:
    """With what became of each operation behind it, as the seeds have it."""
    lines = [f"# {comment}", *program.header]
    outcomes = answer.outcomes or ("Ok",) * len(program.operations)
    for operation, outcome in zip(program.operations, outcomes):
        lines.append(operation if outcome == "Ok" else f"{operation}  # {outcome}")
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


# --- cutting down ---------------------------------------------------------------------------------


def trim(
    operations: tuple[str, ...], holds: Callable[[tuple[str, ...]], bool]
) -> tuple[str, ...]:
    """Without the operations that can be taken away, one after the other from the end, because
    later ones need earlier ones; many at a time at first. None of what is left can go."""
    size = max(1, len(operations) // 2)
    while operations:
        shorter = trim_by(size, operations, holds)
        if size == 1 and shorter == operations:
            break
        operations, size = shorter, max(1, size // 2)
    return operations


def trim_by(
    size: int, operations: tuple[str, ...], holds: Callable[[tuple[str, ...]], bool]
) -> tuple[str, ...]:
    end = len(operations)
    while end > 0:
        begin = max(0, end - size)
        shorter = operations[:begin] + operations[end:]
        if holds(shorter):
            operations = shorter
        end = begin
    return operations


@dataclass(frozen=True)
class Cut:
    program: Program
    answer: Answer

    def candidate(self, among: int) -> Candidate:
        encoded = self.answer.encoded
        return Candidate(self.answer.mask & among, len(encoded), encoded)


class Distiller:
    def __init__(self, tool: Tool, progress: Progress) -> None:
        self.tool = tool
        self.progress = progress

    def cut(self, program: Program, wanted: int) -> Cut:
        """The program without what does not matter for `wanted`."""

        def holds(operations: tuple[str, ...]) -> bool:
            answer = self.tool.ask(Program(program.header, operations).encode())
            return not answer.finding and not wanted & ~answer.mask

        small = Program(program.header, trim(program.operations, holds))
        return Cut(small, self.tool.ask(small.encode(), tell=True))

    def cut_all(self, chosen: Sequence[Input], wanted: int) -> list[Cut]:
        """Each for what those before it do not show. One that became another program may show what
        a later one was there for."""
        cuts = []
        for number, one in enumerate(chosen, 1):
            own = one.answer.mask & wanted
            if own:
                told = self.tool.ask(one.answer.code, tell=True)
                cuts.append(self.cut(Program.of(told.text), own))
                wanted &= ~cuts[-1].answer.mask
            self.progress.show("cutting programs down", number, len(chosen))
        return cuts

    def distill(self, inputs: Sequence[Input]) -> list[New]:
        kept = unique([one for one in inputs if one.is_kept])
        wanted = union(inputs) & self.tool.features.plain & ~union(kept)
        chosen = choose([one for one in inputs if not one.is_kept], among=wanted)
        cuts = self.cut_all(chosen, wanted)
        left = [cuts[at] for at in fewest([cut.candidate(wanted) for cut in cuts])]
        taken: set[Path] = set()
        files = [text_of(self.tool, one, taken) for one in kept]
        return files + self.named(left, wanted, taken)

    def named(self, cuts: Sequence[Cut], wanted: int, taken: set[Path]) -> list[New]:
        files = []
        for cut in cuts:
            own = cut.answer.mask & wanted
            wanted &= ~own
            name = most_telling(self.tool.features, cut, own)
            place = unused_place(taken, Path(f"{kebab(name)}.txt"))
            more = own.bit_count() - 1
            comment = f"Shows: {name}" + (f", and {more} more." if more else ".")
            files.append(New(place, as_text(cut.program, cut.answer, comment)))
        return files


def unique(inputs: Sequence[Input]) -> list[Input]:
    """One of each program: a regression rather than another one, then the smaller one."""

    def rank(one: Input) -> tuple[bool, int, bytes, str]:
        candidate = one.candidate()
        return not one.is_regression, candidate.size, candidate.key, str(one.file.inside)

    first: dict[bytes, Input] = {}
    for one in sorted(inputs, key=rank):
        first.setdefault(one.answer.code, one)
    return list(first.values())


def most_telling(features: Features, cut: Cut, own: int) -> str:
    """Of what it shows something of its last operation, if it can be: the others lead there."""
    last = cut.program.operations[-1].partition("(")[0]
    for kind in NAMED_KINDS:
        if names := features.named(own, kind):
            of_last = [name for name in names if last in name.split(" ")]
            name = max(of_last or names, key=lambda name: (len(name), name))
            return name if kind != "edge" else f"{last} edge {name}"
    raise AssertionError("a program that shows nothing was chosen")


# --- programs as texts ----------------------------------------------------------------------------


def text_of(tool: Tool, one: Input, taken: set[Path]) -> New:
    """A file of the same name; what is a text already stays as it is."""
    file: File = one.file
    name = file.path.name
    if file.is_text:
        return New(unused_place(taken, place_of(name, one.is_regression)), file.content)
    told = tool.ask(file.content, tell=True)
    comment = f"From {name}" + (f": {told.finding}." if told.finding else ".")
    place = unused_place(taken, place_of(f"{name}.txt", one.is_regression))
    return New(place, as_text(Program.of(told.text), told, comment))
