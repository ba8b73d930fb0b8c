# SPDX-License-Identifier: MPL-2.0
"""Exit statuses, and the exception that ends a run with one of them and one line."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    AGREEMENT = 0
    DIVERGENCE = 1
    WRONG_USE = 2
    INTERNAL = 3
    INTERRUPTED = 130


class PropertyError(Exception):
    """Ends the run; the message is one line for the user."""

    def __init__(self, message: str, status: Status = Status.WRONG_USE) -> None:
        super().__init__(message)
        self.status = status
