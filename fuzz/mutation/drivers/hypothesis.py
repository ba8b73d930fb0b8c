# SPDX-License-Identifier: MPL-2.0
"""Hypothesis: the state machines of the property runs in turn, with fixed seeds, not shrinking."""
from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from mutation import process
from mutation.build import Built, digest
from mutation.drivers.base import DriverError, Outcome, Setting, refused


class Hypothesis:
    name = "hypothesis"
    executions = "programs"
    targets = ()
    is_default = True
    presets = ("python",)

    def settings(self, setting: Setting) -> dict[str, str | int | float]:
        package = digest(*[path.read_bytes() for path in package_files(setting.root)])
        return {"seconds": setting.seconds, "runs": setting.runs, "package": package[:12]}

    def run(self, setting: Setting, built: Built, scratch: Path) -> Outcome:
        case = scratch / "case"
        words = [sys.executable, "-m", "slotcheck.hunt", "--case", str(case)]
        words += ["--seconds", str(setting.seconds), "--programs", str(setting.runs)]
        done = process.run([*words, str(built.subject)], scratch, environment=environment(setting))
        if refusal := refused(done):
            return refusal
        if done.status not in (0, 1):
            raise DriverError(f"hypothesis: {done.complaint}")
        hunt = json.loads(done.stdout)
        return Outcome(
            hunt["found"],
            hunt["programs"],
            done.seconds,
            case if hunt["found"] else None,
            signature=hunt["signature"],
        )


def package_files(root: Path) -> list[Path]:
    return sorted((root / "harness/py/slotcheck").rglob("*.py"))


def environment(setting: Setting) -> dict[str, str]:
    modules = setting.command.parents[2] / "python/harness/py/modules"
    return {"PYTHONPATH": os.pathsep.join([str(setting.root / "harness/py"), str(modules)])}
