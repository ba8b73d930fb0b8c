# SPDX-License-Identifier: MPL-2.0
"""What the tests of campaigns share."""
from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SLOTCHECK_BUILD", ROOT / "build"))
SUBJECTS = BUILD / "gcc/subjects"
COMMAND = BUILD / "release/harness/slotcheck"


def slotcheck(*arguments: str | Path, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "slotcheck", *arguments], text=True, capture_output=True,
                          timeout=900, **options)


def only_line(result: subprocess.CompletedProcess[str]) -> str:
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


def script(path: Path, text: str) -> Path:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def packed(text: str) -> bytes:
    """A program's bytes."""
    done = subprocess.run([COMMAND, "pack", "-"], input=text.encode(), capture_output=True,
                          check=True)
    return done.stdout
