# SPDX-License-Identifier: MPL-2.0
"""LLVM's tools: from what programs counted to regions, and to pages."""
from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from campaign.errors import CampaignError, Status


def clang_version() -> str:
    done = subprocess.run(["clang", "-dumpversion"], capture_output=True, text=True, check=False)
    return re.match(r"\d*", done.stdout)[0]  # type: ignore[index]


def find_tool(name: str) -> str:
    """That of the compiler's own version, if it is there: they read each other's files only."""
    for candidate in (f"{name}-{clang_version()}", name):
        if path := shutil.which(candidate):
            return path
    raise CampaignError(f"{name} is missing; Debian has it in the package llvm", Status.INTERNAL)


class Llvm:
    """The tools read sources below `root`, and print names from there on."""

    def __init__(self, root: Path, binaries: list[Path], profile: Path) -> None:
        self.root = root
        self.profile = profile
        self.profdata = find_tool("llvm-profdata")
        self.cov = find_tool("llvm-cov")
        first, *others = map(str, binaries)
        self.objects = [first, *(word for other in others for word in ("--object", other))]

    def _run(self, *words: str | Path) -> str:
        done = subprocess.run(words, cwd=self.root, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
            message = f"{Path(words[0]).name}: {lines[-1]}"
            raise CampaignError(message, Status.INTERNAL)
        return done.stdout

    def merge(self, counted: list[Path]) -> None:
        self._run(self.profdata, "merge", "-o", self.profile, *counted)

    def export(self) -> Any:
        words = ["export", *self.objects, "--instr-profile", self.profile, "--format=text"]
        return json.loads(self._run(self.cov, *words))

    def write_pages(self, folder: Path, ignored: str) -> None:
        words = ["show", *self.objects, "--instr-profile", self.profile, "--format=html"]
        words += ["--output-dir", folder, "--ignore-filename-regex", ignored]
        self._run(self.cov, *words)
