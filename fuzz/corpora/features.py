# SPDX-License-Identifier: MPL-2.0
"""What programs show. The program `features` runs them and answers; its main.c says how."""
from __future__ import annotations

import signal
import struct
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from campaign.errors import CampaignError, Status

# That something happens, and how often.
PLAIN_KINDS = ("edge", "end", "clause", "cell")
KINDS = (*PLAIN_KINDS, "edge_times", "end_times")


class Features:
    """Names of the features that were seen; the number of each is a bit of the masks."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.of_kind = dict.fromkeys(KINDS, 0)
        # How many there can be.
        self.edges = 0
        self.clauses = 0

    def add(self, kind: str, name: str) -> None:
        self.of_kind[kind] |= 1 << len(self.names)
        self.names.append(name)

    @property
    def plain(self) -> int:
        mask = 0
        for kind in PLAIN_KINDS:
            mask |= self.of_kind[kind]
        return mask

    def named(self, mask: int, kind: str) -> list[str]:
        """In an order that does not depend on what was seen first."""
        return sorted(self.names[number] for number in bits(mask & self.of_kind[kind]))


def bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


@dataclass
class Answer:
    """What `features` says of one program."""

    bad: str = ""  # why it is no program, or cannot be run
    position: str = ""
    finding: str = ""  # how it diverges, or what ended the process
    operations: int = 0
    executed: int = 0
    encoded: bytes = b""  # the program as bytes
    code: bytes = b""  # the bytes that programs of the same operations have in common
    mask: int = 0
    text: str = ""
    outcomes: tuple[str, ...] = ()


def unhex(digits: str) -> bytes:
    return b"" if digits == "-" else bytes.fromhex(digits)


def crash(number: int, operation: str) -> str:
    where = "" if operation == "-" else f" in {operation}"
    if number == signal.SIGALRM:
        return f"does not return{where}"
    if number < 0:
        return f"ends the process with status {-1 - number}{where}"
    return f"ends the process by {signal.Signals(number).name}{where}"


class Tool:
    """The process; it lives as long as a `with` block."""

    def __init__(self, binary: Path, subject: Path | None, slots: int | None, timeout: int) -> None:
        self.features = Features()
        words = [str(binary), "--timeout", str(timeout)]
        if subject is not None:
            words += ["--subject", str(subject.resolve())]
        if slots is not None:
            words += ["--slots", str(slots)]
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
        )

    def __enter__(self) -> Tool:
        _, edges, clauses = self._line().split(" ")
        self.features.edges, self.features.clauses = int(edges), int(clauses)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        del kind, error, trace
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def ask(self, program: bytes, tell: bool = False) -> Answer:
        self._send([program], tell)
        return self._receive()

    def ask_all(self, programs: Sequence[bytes]) -> Iterator[Answer]:
        """Another thread asks, as neither side reads all that the other one could write."""
        writer = threading.Thread(target=self._send, args=(programs, False), daemon=True)
        writer.start()
        for _ in programs:
            yield self._receive()
        writer.join()

    def _send(self, programs: Sequence[bytes], tell: bool) -> None:
        pipe: IO[bytes] = self._process.stdin  # type: ignore[assignment]
        try:
            for program in programs:
                pipe.write(struct.pack("<cQ", b"t" if tell else b"r", len(program)) + program)
                pipe.flush()
        except (BrokenPipeError, ValueError):
            pass  # who reads the answers is told why

    def _line(self) -> str:
        pipe: IO[bytes] = self._process.stdout  # type: ignore[assignment]
        line = pipe.readline()
        if not line.endswith(b"\n"):
            raise self._failure()
        return line[:-1].decode("utf-8", "replace")

    def _receive(self) -> Answer:
        answer = Answer()
        while not self._take(answer, *self._line().split(" ", 1)):
            pass
        return answer

    def _take(self, answer: Answer, word: str, rest: str) -> bool:
        """True if the answer ends with this line."""
        if word == "program":
            operations, encoded, code = rest.split(" ")
            answer.operations = int(operations)
            answer.encoded, answer.code = unhex(encoded), unhex(code)
        elif word == "text":
            answer.text = unhex(rest).decode("utf-8")
        elif word == "outcomes":
            answer.outcomes = tuple(filter(None, unhex(rest).decode("utf-8").split(",")))
        elif word == "new":
            self.features.add(*rest.split(" ", 1))
        else:
            self._take_last(answer, word, rest)
            return True
        return False

    def _take_last(self, answer: Answer, word: str, rest: str) -> None:
        if word == "shows":
            executed, mask = rest.split(" ")
            answer.executed, answer.mask = int(executed), int(mask, 16)
        elif word == "diverges":
            answer.finding = f"diverges as {rest}"
        elif word == "crashes":
            number, operation = rest.split(" ")
            answer.finding = crash(int(number), operation)
        elif word == "cannot":
            answer.bad = rest
        elif word == "bad":
            line, column, answer.bad = rest.split(" ", 2)
            answer.position = f":{line}:{column}" if line != "0" else ": byte 0"
        else:
            raise CampaignError(f"the program features says '{word}'", Status.INTERNAL)

    def _failure(self) -> CampaignError:
        status = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").splitlines()
        said = [line for line in lines if line.startswith("slotcheck: ")]
        if said and status == Status.WRONG_USE:
            return CampaignError(said[-1].removeprefix("slotcheck: "))
        why = said[-1].removeprefix("slotcheck: ") if said else f"it ended with status {status}"
        return CampaignError(f"the program features: {why}", Status.INTERNAL)
