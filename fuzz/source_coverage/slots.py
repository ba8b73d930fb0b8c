# SPDX-License-Identifier: MPL-2.0
"""Inputs of the target `repr` as texts: a type of metadata, and the bytes of a slot. What they look
like says corpus/README.md.
"""
from __future__ import annotations

import re
from pathlib import Path

from campaign.errors import CampaignError

# In the order of the input's first byte; see repr_check.h.
TYPES = ("empty", "untyped", "link", "node", "probe", "bytes")
SLOT_SIZE = 64


def words_of(text: str) -> list[tuple[int, str]]:
    """Each with its line."""
    return [
        (number, word)
        for number, line in enumerate(text.splitlines(), start=1)
        for word in line.split("#")[0].split()
    ]


def read_slot(path: Path, text: str) -> bytes:
    """Raises an error with file and line."""
    words = words_of(text)
    line, kind = words[0] if words else (1, "")
    if kind not in TYPES:
        raise CampaignError(f"{path}:{line}: '{kind}' is none of the types {' '.join(TYPES)}")
    for line, word in words[1:]:
        if not re.fullmatch("[0-9a-fA-F]{2}", word):
            raise CampaignError(f"{path}:{line}: '{word}' is no byte of two digits")
    if len(words) - 1 > SLOT_SIZE:
        raise CampaignError(f"{path}:{words[-1][0]}: more bytes than the {SLOT_SIZE} of a slot")
    return bytes([TYPES.index(kind)]) + bytes.fromhex("".join(word for _, word in words[1:]))
