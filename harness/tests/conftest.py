# SPDX-License-Identifier: MPL-2.0
"""What the tests of the command share: a build folder, given with --build."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--build", required=True, type=Path, help="the build folder to test")
    parser.addoption("--update-golden", action="store_true", help="write the golden texts anew")


@pytest.fixture(scope="session")
def build(request: pytest.FixtureRequest) -> Path:
    return request.config.getoption("--build").resolve()


@pytest.fixture(scope="session")
def project() -> Path:
    return Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def slotcheck(build: Path):
    """Runs the C command with these arguments."""

    def run(*arguments: str | Path, cwd: Path | None = None, **options):
        return subprocess.run(
            [build / "harness/slotcheck", *arguments],
            cwd=cwd,
            capture_output=True,
            timeout=60,
            **options,
        )

    return run
