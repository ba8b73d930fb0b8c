# SPDX-License-Identifier: MPL-2.0
"""Steps a CPU second of a state machine, beside a machine of as many rules and arguments whose
rules do nothing; in turn, medians. Prints JSON, for fuzz/bench.py.

Hypothesis' own way to choose a rule takes most of the time where there are many, and SlotMachine
has another. So there is a second empty machine, whose rules are chosen by a single number.
"""

from __future__ import annotations

import json
import statistics
import time
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from slotcheck.arguments import argument_names
from slotcheck.handles import BUNDLES, RAW_ADDRESSES
from slotcheck.machine import MACHINES, SlotMachine, state_machine
from slotcheck.native import lib
from slotcheck.subject import load_subject
from slotcheck.vocabulary import Op

ROUNDS = 3
SETTINGS = settings(
    max_examples=60,
    stateful_step_count=50,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def empty_rule(op: Op) -> Any:
    """A rule with the operation's arguments, each drawn in the plainest way there is."""

    def run(self: Any, **_: Any) -> Any:
        self.steps[0] += 1
        return multiple(0) if op.makes else multiple()

    run.__name__ = op.name
    arguments = {
        name: BUNDLES.get(kind, st.integers(0, 256 ** lib.OPERAND_WIDTH[kind] - 1))
        for name, kind in zip(argument_names(op), op.operands)
    }
    return rule(target=BUNDLES.get(op.makes, RAW_ADDRESSES), **arguments)(run)


def empty_machine(machine: type[SlotMachine]) -> Any:
    @invariant()
    def nothing(self: Any) -> None: ...

    rules = {op.name: empty_rule(op) for op in machine.ops}
    return type("Empty", (RuleBasedStateMachine,), {"steps": [0], "nothing": nothing, **rules})


@st.composite
def any_rule(draw: Any, machine: Any) -> Any:
    """One of those whose bundles are not empty."""
    rules = machine.rules()
    can_run = [each for each in rules if all(machine.bundle(b.name) for b in each.bundles)]
    chosen = draw(st.sampled_from(can_run))
    return chosen, draw(chosen.arguments_strategy)


def picking(empty: Any) -> Any:
    class Picking(empty):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._rules_strategy = any_rule(self)

    return Picking


def counting(machine: type[SlotMachine]) -> Any:
    class Counting(machine):  # type: ignore[valid-type, misc]
        steps = [0]

        def _run(self, *arguments: Any) -> Any:
            self.steps[0] += 1
            return super()._run(*arguments)

    return Counting


def steps_per_second(machine: Any, round_: int) -> float:
    machine.steps[0] = 0
    begin = time.process_time()
    run_state_machine_as_test(seed(round_)(machine), settings=SETTINGS)
    return machine.steps[0] / (time.process_time() - begin)


def measure(name: str) -> dict[str, Any]:
    machine = state_machine(load_subject(None), MACHINES[name])
    judged, empty = counting(machine), empty_machine(machine)
    turns = [
        [steps_per_second(each, round_) for each in (judged, empty, picking(empty))]
        for round_ in range(ROUNDS)
    ]
    return {
        "machine": name,
        "rules": len(machine.ops),
        "judged_per_second": statistics.median(turn[0] for turn in turns),
        "empty_per_second": statistics.median(turn[1] for turn in turns),
        "share": statistics.median(turn[0] / turn[1] for turn in turns),
        "picked_per_second": statistics.median(turn[2] for turn in turns),
        "share_of_picked": statistics.median(turn[0] / turn[2] for turn in turns),
    }


if __name__ == "__main__":
    print(json.dumps([measure(name) for name in MACHINES], indent=2))
