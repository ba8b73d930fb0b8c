# SPDX-License-Identifier: MPL-2.0
"""State machines over the operations of the subject: each step is judged by the specification."""

from __future__ import annotations

from hypothesis import HealthCheck

from slotcheck.machine import MACHINES, state_machine
from slotcheck.profiles import scaled
from slotcheck.property.options import subject_under_test
from slotcheck.trial import NothingOffered


def _test_case(name: str, groups: tuple[str, ...]) -> type:
    machine = state_machine(subject_under_test(), groups, name)
    scaled(2, suppress_health_check=list(HealthCheck))(machine)
    case = machine.TestCase
    # An example that is to be shown again belongs to the machine, not to its test.
    case.machine = machine
    return case


for _name, _groups in MACHINES.items():
    try:
        globals()[_name] = _test_case(_name.title(), _groups)
    except NothingOffered:
        pass
