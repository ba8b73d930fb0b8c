# SPDX-License-Identifier: MPL-2.0
"""Memory that a child shares with its parent: what it has counted, and the program that is running,
for when the child does not survive it."""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

from slotcheck.native import lib
from slotcheck.program import Program

COUNTS = struct.Struct("<QQ")
COUNTS_SIZE = mmap.PAGESIZE
SIZE = COUNTS_SIZE + lib.TRIAL_JOURNAL_SIZE


def create(path: Path) -> Journal:
    """Raises OSError. The file has all its blocks: a full disk must not end a child later."""
    with open(path, "w+b") as file:
        os.posix_fallocate(file.fileno(), 0, SIZE)
    return Journal(path)


class Journal:
    def __init__(self, path: Path) -> None:
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), SIZE)

    def count(self, examples: int, steps: int) -> None:
        COUNTS.pack_into(self.memory, 0, examples, steps)

    def counts(self) -> tuple[int, int]:
        """Examples and steps."""
        examples, steps = COUNTS.unpack_from(self.memory, 0)
        return examples, steps

    def running(self) -> bytes:
        """The bytes of the program that is running; none: there is none."""
        begin = COUNTS_SIZE + 8
        size = int.from_bytes(self.memory[COUNTS_SIZE:begin], "little")
        return self.memory[begin : begin + size] if size <= lib.TRIAL_JOURNAL_SIZE - 8 else b""

    def forget(self) -> None:
        """No program is running."""
        self.memory[COUNTS_SIZE : COUNTS_SIZE + 8] = bytes(8)

    def program(self) -> Program | None:
        data = self.running()
        return Program.decode(data) if data else None
