# SPDX-License-Identifier: MPL-2.0
"""Files that matter: written under another name and renamed, so that nobody ever sees half of one;
and how texts are told from bytes."""
from __future__ import annotations

import os
from pathlib import Path


def write_bytes_atomically(path: Path, data: bytes) -> None:
    # Another process may write the same file at the same time.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            # Renamed before its content is on the disk, it could be empty after a power cut.
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        # A full disk does not say of which file.
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_atomically(path: Path, text: str) -> None:
    write_bytes_atomically(path, text.encode("utf-8"))


def is_text(data: bytes) -> bool:
    """As the readers of programs tell texts from bytes, by the first one: see program_is_text."""
    first = data[:1]
    return first in (b"\t", b"\n", b"\r") or b" " <= first <= b"~"
