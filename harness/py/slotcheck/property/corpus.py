# SPDX-License-Identifier: MPL-2.0
"""Programs for the fuzzers: those that reach what no program of the corpus reaches."""

from __future__ import annotations

from pathlib import Path

from slotcheck.native import ffi, lib
from slotcheck.program import Program
from slotcheck.property.folder import add_to_corpus, corpus_files
from slotcheck.subject import LibrarySubject
from slotcheck.trial import Trial


class Corpus:
    """What a program reaches is seen on the built-in implementation, which survives all of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._trial: Trial | None = None

    def offer(self, program: Program) -> None:
        """Keeps it if it reaches something new. Raises OSError."""
        if self._reaches_something_new(program):
            add_to_corpus(self.folder, program.encode())

    def _reaches_something_new(self, program: Program) -> bool:
        if self._trial is None:
            self._trial = Trial(LibrarySubject())
            # It is not what is tested: nobody counts it, and nobody looks for it after a crash.
            Trial.alive.discard(self._trial)
            lib.trial_use_journal(self._trial.pointer, ffi.NULL)
            for file in corpus_files(self.folder):
                lib.trial_run(self._trial.pointer, Program.decode(file.read_bytes()).pointer)
        cells = lib.trial_stats(self._trial.pointer).cells
        before: int = cells.nr
        lib.trial_run(self._trial.pointer, program.pointer)
        return bool(cells.nr > before)
