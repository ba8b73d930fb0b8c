# SPDX-License-Identifier: MPL-2.0
import sys
from pathlib import Path

import pytest

from fleet import Fleet

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


LONGEST = ("test_all_of_them", "test_a_subject_that_dies_is_a_finding[odd-frame_clone]")


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="fuzz for ten minutes as well")


# Before xdist looks for the groups.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """What takes longest begins first, so that at the end no process waits for it. Those that share
    the folder `out` go to one process, or each has to fill a folder of its own; and those that
    share the builds of a fleet."""
    items.sort(key=lambda item: item.name not in LONGEST and "fleet" not in item.fixturenames)
    for item in items:
        if "out" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("mutants"))
        if "fleet" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("fleet"))


@pytest.fixture(scope="session")
def fleet(tmp_path_factory):
    return Fleet(tmp_path_factory.mktemp("fleet"))
