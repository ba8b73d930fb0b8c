# SPDX-License-Identifier: MPL-2.0
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="fuzz for ten minutes as well")
