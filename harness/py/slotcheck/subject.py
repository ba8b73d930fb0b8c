# SPDX-License-Identifier: MPL-2.0
"""What is tested: the built-in implementation, a shared library, or a class in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slotcheck.native import ffi, lib, text_of


class SubjectError(ValueError):
    """What was named is no subject; the message says why."""


class LibrarySubject:
    """A subject in C: the built-in implementation, or a shared library."""

    def __init__(self, path: Path | str | None = None) -> None:
        """Loads `path`, or with None takes the built-in one. Raises SubjectError."""
        error = ffi.new("char[512]")
        name = ffi.NULL if path is None else str(path).encode()
        self._pointer = lib.subject_load(name, error, len(error))
        if self._pointer == ffi.NULL:
            raise SubjectError(text_of(error))
        self.name = text_of(self._pointer.name)

    @property
    def pointer(self) -> Any:
        return self._pointer

    def raise_pending(self) -> None:
        """A subject in C raises nothing."""
