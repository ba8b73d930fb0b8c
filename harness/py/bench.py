# SPDX-License-Identifier: MPL-2.0
"""Steps a CPU second of a state machine, beside a machine of as many rules and arguments whose rules do
nothing; in turn, medians. Prints JSON, for fuzz/bench.py.
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

ROUNDS = 5
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
    pairs = [
        (steps_per_second(judged, round_), steps_per_second(empty, round_))
        for round_ in range(ROUNDS)
    ]
    return {
        "machine": name,
        "rules": len(machine.ops),
        "judged_per_second": statistics.median(pair[0] for pair in pairs),
        "empty_per_second": statistics.median(pair[1] for pair in pairs),
        "share": statistics.median(pair[0] / pair[1] for pair in pairs),
    }


if __name__ == "__main__":
    print(json.dumps([measure(name) for name in ("everything", "frames", "lists")], indent=2))
