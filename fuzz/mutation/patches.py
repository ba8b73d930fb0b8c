# SPDX-License-Identifier: MPL-2.0
"""A mutant as it is written: a header as of a mail, an empty line, and a unified diff.

    Kind: counts
    Breaks: frame_clone does not count the new reference
    Equivalent: why no program can tell it from the original       (only if that is so)
    Open: what would be needed to detect it                        (only if nothing does yet)

A line that begins with a space goes on with the header before it. The diff is of files in impl/,
and the name of the file begins with the kind.
"""
from __future__ import annotations

import email
import re
from dataclasses import dataclass
from email.message import Message
from fnmatch import fnmatchcase
from pathlib import Path

from campaign.errors import CampaignError

KINDS = (
    "results",
    "counts",
    "order",
    "slot",
    "other",
    "metadata",
    "ghost",
    "lists",
    "segments",
    "mappings",
    "setup",
    "repr",
    "orders",
)
HEADERS = ("Kind", "Breaks", "Equivalent", "Open")
FILE_NAME = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*\.patch")
CHANGED_FILES = re.compile(r"^--- (\S+).*\n\+\+\+ (\S+).*\n@@ ", re.MULTILINE)
SOURCE = re.compile(r"[ab]/impl/(?!.*\.\.)[\w./-]+|/dev/null")


@dataclass(frozen=True)
class Mutant:
    name: str
    kind: str
    breaks: str
    equivalent: str
    open: str
    patch: str

    @property
    def files(self) -> list[str]:
        """What the patch changes: impl/src/region.c."""
        pairs = (match.groups() for match in CHANGED_FILES.finditer(self.patch))
        return [(old if new == "/dev/null" else new).split("/", 1)[1] for old, new in pairs]

    @property
    def is_counted(self) -> bool:
        """Whether some driver has to find it."""
        return not self.equivalent and not self.open


def line_of(text: str, header: str, nth: int = 0) -> int:
    """Where the header is, for the reader of a complaint."""
    starts = [
        number
        for number, line in enumerate(text.split("\n"), start=1)
        if line.lower().startswith(header.lower() + ":")
    ]
    return starts[nth] if nth < len(starts) else 1


def header_complaints(message: Message, text: str) -> list[tuple[int, str]]:
    complaints = []
    for name in dict.fromkeys(message.keys()):
        if name not in HEADERS:
            known = ", ".join(HEADERS)
            complaints.append((line_of(text, name), f"'{name}' is none of the headers {known}"))
        elif len(message.get_all(name, [])) > 1:
            complaints.append((line_of(text, name, 1), f"a second '{name}'"))
        elif not message[name].strip():
            complaints.append((line_of(text, name), f"'{name}' says nothing"))
    for name in HEADERS[:2]:
        if name not in message:
            complaints.append((1, f"no header '{name}'"))
    if "Open" in message and "Equivalent" in message:
        complaints.append((line_of(text, "Open"), "both 'Open' and 'Equivalent'"))
    return complaints


def kind_complaints(path: Path, kind: str, text: str) -> list[tuple[int, str]]:
    if kind and kind not in KINDS:
        return [(line_of(text, "Kind"), f"'{kind}' is none of the kinds {' '.join(KINDS)}")]
    if kind and not path.name.startswith(kind + "-"):
        return [(line_of(text, "Kind"), f"of the kind '{kind}', so that its name begins '{kind}-'")]
    if not FILE_NAME.fullmatch(path.name):
        return [(1, "its name has other characters than a-z 0-9 - _")]
    return []


def diff_complaints(message: Message, text: str) -> list[tuple[int, str]]:
    body = str(message.get_payload())
    begin = text.count("\n", 0, len(text) - len(body)) + 1
    if message.defects:
        return [(begin, "neither a header nor an empty line before the diff")]
    changed = list(CHANGED_FILES.finditer(body))
    if not changed:
        return [(begin, "no diff")]
    return [
        (begin + body.count("\n", 0, match.start()), f"the diff is of {file}, not of impl/")
        for match in changed
        for file in match.groups()
        if not SOURCE.fullmatch(file)
    ]


def read_mutant(path: Path, complaints: list[str]) -> Mutant:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise CampaignError(f"{path}: {reason}") from error
    message = email.message_from_string(text)
    headers = {name: " ".join(message.get(name, "").split()) for name in HEADERS}
    found = header_complaints(message, text)
    found += kind_complaints(path, headers["Kind"], text)
    found += diff_complaints(message, text)
    complaints += [f"{path}:{line}: {what}" for line, what in sorted(found)]
    return Mutant(
        name=path.stem,
        kind=headers["Kind"],
        breaks=headers["Breaks"],
        equivalent=headers["Equivalent"],
        open=headers["Open"],
        patch=str(message.get_payload()),
    )


def read_mutants(folder: Path, only: str | None) -> list[Mutant]:
    """All of the folder, checked, and of these the ones that are asked for."""
    if not folder.is_dir():
        raise CampaignError(f"{folder}: no such folder")
    complaints: list[str] = []
    mutants = [read_mutant(path, complaints) for path in sorted(folder.glob("*.patch"))]
    if complaints:
        raise CampaignError("\n".join(complaints))
    if not mutants:
        raise CampaignError(f"{folder}: the folder has no mutants (*.patch)")
    wanted = [mutant for mutant in mutants if only is None or fnmatchcase(mutant.name, only)]
    if not wanted:
        raise CampaignError(f"no mutant is called like '{only}'; --list lists them")
    return wanted
