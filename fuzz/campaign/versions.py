# SPDX-License-Identifier: MPL-2.0
"""What a campaign ran with, for whoever reads its folder later."""
from __future__ import annotations

import platform
import re
import shutil
import subprocess
from pathlib import Path

from campaign.errors import CampaignError
from campaign.library import digest_of
from campaign.plan import AFL, Role


def first_line(*words: str) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    except OSError:
        return ""
    lines = (done.stdout + done.stderr).strip().splitlines() or [""]
    return re.sub(r"\x1b\[[0-9;]*m", "", lines[0]).strip()


def commit_of(root: Path) -> str:
    """With a plus sign if something has been changed since."""
    words = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"]
    # A copy has no history, and of somebody else's git says nothing.
    known = first_line(*words)
    return "unknown" if known.startswith("fatal:") or not known else known


def versions_of(root: Path, roles: list[Role], library: Path | None) -> dict[str, str]:
    versions = {
        "slotcheck": commit_of(root),
        "libfuzzer": first_line("clang", "--version"),
        "machine": f"{platform.system()} {platform.machine()}",
    }
    if library is not None:
        versions["subject"] = f"sha256:{digest_of(library)}"
    if any(role.engine == AFL for role in roles):
        if shutil.which("afl-fuzz") is None:
            raise CampaignError("AFL++ is not installed; as root: apt-get install afl++")
        versions["afl"] = first_line("afl-fuzz", "-h").split(" based on ")[0]
    return versions
