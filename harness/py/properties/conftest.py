# SPDX-License-Identifier: MPL-2.0
"""What all properties have in common: the profile, before any is decorated, and the subject.

`./slotcheck property` runs them; by hand it is `./slotcheck python -m pytest
harness/py/properties`, with what slotcheck/property/options.py lists in the environment.
"""

from __future__ import annotations

import pytest

from slotcheck.property.options import Options, subject_under_test, use_spec
from slotcheck.trial import AnySubject, Trial

OPTIONS = Options.of_environment()
OPTIONS.load_profile()
use_spec(OPTIONS.spec)


@pytest.fixture(scope="session")
def subject() -> AnySubject:
    """What is tested."""
    return subject_under_test()


@pytest.fixture(scope="session")
def trial(subject: AnySubject) -> Trial:
    return Trial(subject)
