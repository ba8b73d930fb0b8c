# SPDX-License-Identifier: MPL-2.0
"""Changes to a folder. Whenever one of them ends early, what is there shows all that was shown before;
and a file is a whole one or not there."""
from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from campaign.errors import CampaignError
from campaign.files import write_bytes_atomically
from corpora.inputs import PART, REGRESSIONS, shown

MAX_NAME = 80


@dataclass(frozen=True)
class New:
    """A file to be written; its place is in the folder."""

    place: Path
    content: bytes


# --- locks ----------------------------------------------------------------------------------------


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """No campaign fuzzes in it meanwhile, and nobody else changes it."""
    with ExitStack() as open_files:
        lock = folder.resolve().parent / "lock"
        if lock.is_file():
            take_lock(open_files, lock, f"{shown(folder)}: a campaign is running here")
        take_lock(open_files, folder, f"{shown(folder)}: somebody else is changing this folder")
        yield


def take_lock(open_files: ExitStack, path: Path, refusal: str) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    open_files.callback(os.close, handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CampaignError(refusal) from None


# --- writing --------------------------------------------------------------------------------------


def write_all(folder: Path, files: Iterable[New]) -> None:
    """All of them, or none."""
    written: list[Path] = []
    try:
        for file in files:
            path = folder / file.place
            path.parent.mkdir(parents=True, exist_ok=True)
            written.append(path)
            write_bytes_atomically(path, file.content)
    except OSError:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def write_folder(folder: Path, files: Iterable[New]) -> None:
    """A new folder; it appears when it is complete."""
    part = folder.parent / f".{folder.name}.{os.getpid()}{PART}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part.mkdir()
        write_all(part, files)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_into(folder: Path, files: Iterable[New]) -> None:
    """Into a folder that is there, or a new one. Python does not always know what could not be
    written, and a name that is not there any more helps nobody."""
    try:
        (write_all if folder.is_dir() else write_folder)(folder, files)
    except OSError as error:
        raise CampaignError(f"{shown(folder)}: {error.strerror}; nothing was written") from error


def refuse_folder(out: Path, sources: Iterable[Path]) -> None:
    """Before much is done for it."""
    if out.exists() and not out.is_dir():
        raise CampaignError(f"{shown(out)}: not a folder")
    if out.is_dir() and any(out.iterdir()):
        raise CampaignError(f"{shown(out)}: it is not empty; name a new folder")
    for source in sources:
        if out.resolve().is_relative_to(source.resolve()):
            raise CampaignError(f"{shown(out)}: it would lie in {shown(source)}")


def remove_all(paths: Iterable[Path], told: Callable[[int], None]) -> None:
    for number, path in enumerate(paths, 1):
        path.unlink(missing_ok=True)
        told(number)


# --- names ----------------------------------------------------------------------------------------


def unused_place(taken: set[Path], wanted: Path) -> Path:
    """`wanted`, or with a number if that is taken, too."""
    place, number = wanted, 2
    while place in taken:
        place = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
        number += 1
    taken.add(place)
    return place


def place_of(name: str, is_regression: bool) -> Path:
    """What is not to be dropped here is not to be dropped there."""
    return Path(REGRESSIONS, name) if is_regression else Path(name)


def kebab(text: str) -> str:
    """Small letters and digits between single hyphens, like the names of the seeds."""
    small = "".join(char if char.isascii() and char.isalnum() else " " for char in text.lower())
    words = small.split()
    while words and len("-".join(words)) > MAX_NAME:
        words.pop()
    return "-".join(words)
