# SPDX-License-Identifier: MPL-2.0
"""Files that matter, and texts among bytes."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from campaign.files import is_text, write_bytes_atomically


@pytest.mark.parametrize("data, expected", [
    (b"slotcheck program 2\n", True), (b"\tx", True), (b"\n", True), (b"\r\n", True), (b" ", True),
    (b"~", True), (b"", False), (b"\x02\x0f", False), (b"\x1f", False), (b"\x7f", False),
    (b"\x00text", False), ("é".encode(), False),
])
def test_the_first_byte_tells_texts(data: bytes, expected: bool) -> None:
    assert is_text(data) == expected


def test_what_is_renamed_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    write_bytes_atomically(tmp_path / "a", b"abc")
    assert synced == [3] and (tmp_path / "a").read_bytes() == b"abc"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
