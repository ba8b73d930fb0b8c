# SPDX-License-Identifier: MPL-2.0
"""What the sources call unreachable: comments that begin with that word and a colon, and give the
reason behind it.

A mark speaks of the code that comes next. If it ends its line, and there is code before it, it
speaks of the code that the line begins with.
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from source_coverage.regions import Place

# Strings are here so that nothing in them is taken for a comment.
TOKEN = re.compile(
    r""" "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | /\*.*?\*/ | //[^\n]* """,
    re.DOTALL | re.VERBOSE,
)
LABEL = re.compile(r"(case|default)\b")
MARK = re.compile(r"/\*[\s*]*unreachable:(.*)\*/", re.DOTALL)


@dataclass(frozen=True)
class Mark:
    place: Place
    code: Place | None  # where that begins what it speaks of; None: there is nothing more
    reason: str
    of_label: bool = False  # the code is a case of a switch


def comments(text: str) -> Iterator[re.Match[str]]:
    return (token for token in TOKEN.finditer(text) if token[0].startswith("/"))


def without_comments(text: str) -> str:
    """With blanks for each, so that everything stays where it is."""
    for comment in comments(text):
        blank = re.sub(r"[^\n]", " ", comment[0])
        text = text[: comment.start()] + blank + text[comment.end() :]
    return text


def place_of(file: str, text: str, offset: int) -> Place:
    line_start = text.rfind("\n", 0, offset) + 1
    # Columns count bytes.
    return Place(
        file, text.count("\n", 0, offset) + 1, len(text[line_start:offset].encode("utf-8")) + 1
    )


def code_of(code: str, start: int, end: int) -> int | None:
    """Where the code begins of which a mark from `start` to `end` speaks."""
    ends_line = not code[end:].split("\n", 1)[0].strip()
    line_start = code.rfind("\n", 0, start) + 1
    first = re.compile(r"\S").search(code, line_start if ends_line else end)
    return first.start() if first else None


def read_marks(file: str, text: str) -> list[Mark]:
    marks = []
    code = without_comments(text)
    for comment in comments(text):
        mark = MARK.fullmatch(comment[0])
        if not mark:
            continue
        at = code_of(code, comment.start(), comment.end())
        marks.append(
            Mark(
                place_of(file, text, comment.start()),
                None if at is None else place_of(file, text, at),
                " ".join(re.sub(r"\n\s*\*", "\n", mark[1]).split()),
                at is not None and bool(LABEL.match(code, at)),
            )
        )
    return marks
