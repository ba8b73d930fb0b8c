# SPDX-License-Identifier: MPL-2.0
"""The tests import the package as `./slotcheck python` does, from this checkout and its build, and
draw the same examples in every run, on any machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("SLOTCHECK_BUILD", ROOT / "build"))

sys.path[:0] = [str(ROOT / "harness/py"), str(BUILD / "python/harness/py/modules")]

settings.register_profile(
    "tests",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("tests")
