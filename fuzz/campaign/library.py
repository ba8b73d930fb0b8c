# SPDX-License-Identifier: MPL-2.0
"""The shared library under test: whether it can be used, and which one it is."""
from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from campaign.errors import CampaignError


def check_library(command: Path, library: Path) -> str:
    """What `slotcheck subjects --json` says of it."""
    words = [str(command), "subjects", "--json", str(library)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"{library}: not usable"]
        raise CampaignError(lines[-1].removeprefix("slotcheck: "))
    return done.stdout


def digest_of(library: Path) -> str:
    return hashlib.sha256(library.read_bytes()).hexdigest()
