# SPDX-License-Identifier: MPL-2.0
"""What lies in a folder: files that may be programs, and entries that cannot be."""
from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from campaign.entry import one_line as shown
from campaign.errors import CampaignError
from campaign.files import is_text

# No program that anybody fuzzes with is as long; what is was not meant to be one.
MAX_BYTES = 1 << 20
# What stands in a folder of this name is there for ever.
REGRESSIONS = "regressions"
# Files that are still being written.
PART = ".part"

NO_FILES = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True)
class File:
    path: Path
    inside: Path  # the same from the folder that was given
    content: bytes
    is_regression: bool

    @property
    def is_text(self) -> bool:
        return is_text(self.content)


@dataclass(frozen=True)
class Garbage:
    path: Path
    reason: str
    position: str = ""

    def __str__(self) -> str:
        return f"{shown(self.path)}{self.position}: {self.reason}"


def walk(folder: Path) -> Iterator[File | Garbage]:
    """All that lies in it and below, in the order of the names."""
    if not folder.is_dir():
        reason = "not a folder" if folder.exists() else "no such folder"
        raise CampaignError(f"{shown(folder)}: {reason}")
    in_regressions = folder.resolve().name == REGRESSIONS
    yield from walk_inside(folder, folder, in_regressions)


def walk_inside(folder: Path, top: Path, in_regressions: bool) -> Iterator[File | Garbage]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        yield Garbage(folder, error.strerror or "unreadable")
        return
    for name in names:
        path = folder / name
        if name.startswith(".") or name.endswith(PART):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from walk_inside(path, top, in_regressions or name == REGRESSIONS)
        elif (found := look_at(path, path.relative_to(top), in_regressions)) is not None:
            yield found


def look_at(path: Path, inside: Path, in_regressions: bool) -> File | Garbage | None:
    """None: an engine took it away since it was listed. Nothing but a file is opened: to open a
    pipe would wait for whoever writes to it."""
    try:
        if reason := unfit(path.stat()):
            return Garbage(path, reason)
        return File(path, inside, path.read_bytes(), in_regressions)
    except OSError as error:
        if error.errno == errno.ENOENT and not path.is_symlink():
            return None
        dangles = error.errno == errno.ENOENT
        return Garbage(path, "a link to nothing" if dangles else error.strerror or "unreadable")


def unfit(status: os.stat_result) -> str:
    """Why it is not to be read, or nothing."""
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFDIR:
        return "a link to a folder; name the folder itself"
    if kind != stat.S_IFREG:
        return f"{NO_FILES.get(kind, 'something else')}, not a file"
    if status.st_size > MAX_BYTES:
        return f"{status.st_size} bytes; programs have at most {MAX_BYTES}"
    return ""


def single(path: Path) -> File | Garbage:
    """One file that was named by itself."""
    if path.is_dir():
        raise CampaignError(f"{shown(path)}: a folder; ./slotcheck corpus merge takes folders")
    parent = path.resolve().parent.name
    found = look_at(path, Path(path.name), parent == REGRESSIONS)
    if found is None:
        raise CampaignError(f"{shown(path)}: no such file")
    return found
