# SPDX-License-Identifier: MPL-2.0
"""The extension module over binding.h: `ffi` and `lib` as cffi makes them."""

from __future__ import annotations

from typing import Any

try:
    from _slotcheck import ffi, lib
    from _slotcheck_signatures import PARAMETERS
except ImportError as error:  # pragma: no cover - seen by the tests of the command
    raise ImportError(
        f"the extension module of slotcheck is not built for this interpreter ({error}); "
        "./slotcheck python runs one that has it"
    ) from error

__all__ = ["PARAMETERS", "ffi", "lib", "take_text", "text_of"]


def text_of(characters: Any) -> str:
    """A C string that stays where it is."""
    return ffi.string(characters).decode("utf-8", "replace")


def take_text(characters: Any) -> str:
    """A C string that the callee has made for us: copied and freed."""
    if characters == ffi.NULL:
        raise MemoryError("no memory for a text")
    try:
        return text_of(characters)
    finally:
        lib.free(characters)
