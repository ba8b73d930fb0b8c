# SPDX-License-Identifier: MPL-2.0
"""The state machines themselves: rules, bundles, what can come next."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from slotcheck.arguments import argument_names
from slotcheck.handles import BUNDLES, RAW_ADDRESSES
from slotcheck.machine import MACHINES, SlotMachine, state_machine
from slotcheck.native import lib
from slotcheck.subject import load_subject
from slotcheck.vocabulary import GROUPS, OPS, Kind, ops_of

BUILTIN = load_subject(None)
Machine = type[SlotMachine]


def run(machine: Machine, examples: int = 60) -> None:
    run_state_machine_as_test(machine, settings=settings(
        max_examples=examples, stateful_step_count=40, database=None,
        deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)))


@pytest.fixture(scope="module")
def everything() -> Machine:
    return state_machine(BUILTIN)


def test_every_operation_is_a_rule(everything: Machine) -> None:
    rules = {rule.function.__name__: rule for rule in everything.rules()}
    assert set(rules) == set(OPS)
    for name, rule in rules.items():
        assert sorted(rule.arguments) == sorted(argument_names(OPS[name]))
        assert rule.function.__doc__ == OPS[name].text


def test_what_brings_back_takes_a_raw_address(everything: Machine) -> None:
    takers = {rule.function.__name__ for rule in everything.rules()
              if RAW_ADDRESSES.name in [bundle.name for bundle in rule.bundles]}
    assert takers == {"frame_from_raw", "unique_frame_from_raw", "segment_from_raw"}


def test_arguments_of_one_kind_have_names_of_their_own() -> None:
    assert argument_names(OPS["segment_slice"]) == ["segment", "length", "length2"]


def test_bundles_hold_what_is_alive(everything: Machine) -> None:
    seen: Counter[Kind] = Counter()

    class Checked(everything):  # type: ignore[valid-type, misc]
        @invariant()
        def bundles_are_handles(self) -> None:
            for kind, bundle in BUNDLES.items():
                alive = lib.trial_nr_handles(self.trial.pointer, kind)
                values = [self.names_to_values[each.name] for each in self.bundle(bundle.name)]
                assert len(values) == alive
                numbers = sorted(self._handles.number(value) for value in values)
                assert numbers == list(range(alive))
                seen[kind] += alive

        @invariant()
        def raw_addresses_are_forgotten(self) -> None:
            values = [self.names_to_values[each.name] for each in self.bundle(RAW_ADDRESSES.name)]
            n = lib.trial_forgotten(self.trial.pointer, self._values, len(self._values))
            assert sorted(each.slot for each in values) == list(self._values[0:n])

    run(seed(1)(Checked), 60)
    assert set(seen) == set(BUNDLES) and all(seen.values())


def executed(machine: Machine) -> Counter[str]:
    stats = lib.trial_stats(machine.trial.pointer)
    return Counter({name: sum(stats.executed[op.number]) for name, op in OPS.items()})


def test_rules_are_drawn_by_weight() -> None:
    """Both can run whenever a frame is alive; one weighs ten times as much."""
    machine = state_machine(BUILTIN, ["frame"])
    run(seed(1)(machine), 60)
    counts = executed(machine)
    assert OPS["frame_drop"].weight == 10 * OPS["frame_reference_count"].weight
    assert counts["frame_drop"] > 3 * counts["frame_reference_count"] > 0


def test_every_operation_runs() -> None:
    machines = [state_machine(BUILTIN, groups) for groups in MACHINES.values()]
    missing = set(OPS)
    for round_ in range(20):
        for machine in machines:
            run(seed(round_)(machine), 50)
            missing -= set(+executed(machine))
        if not missing:
            return
    assert not missing


def test_a_run_does_without_what_is_off(everything: Machine) -> None:
    machine = everything()
    machine._start(slots=4, only=("list",), metadata=(), setups=0)
    on = {op.name for op in machine.ops if op not in machine._off}
    assert on == {op.name for op in ops_of("list")} | {
        "unique_frame_from_unused", "unique_frame_from_raw"}
    machine.teardown()


def test_setups_come_first_if_they_are_wanted(everything: Machine) -> None:
    machine = everything()
    machine._start(slots=2, only=(), metadata=(), setups=1)
    assert {op.name for op in machine.ops if machine.is_possible(op)} == {
        op.name for op in OPS.values() if op.is_setup}
    machine._run(OPS["setup_list_id"], (3,))
    assert machine.is_possible(OPS["frame_from_unused"])
    assert machine.is_possible(OPS["setup"])
    machine._run(OPS["list_new"], ())
    assert not machine.is_possible(OPS["setup"])
    machine.teardown()


def test_an_agreed_panic_begins_a_new_program(everything: Machine) -> None:
    told: list[Any] = []

    class Told(everything):  # type: ignore[valid-type, misc]
        on_program = lambda program, is_new: told.append(program)  # noqa: E731

    machine = Told()
    machine._start(slots=2, only=(), metadata=(), setups=0)
    setup = OPS["setup"]
    at_max = 64  # MAX, see program.h
    machine._run(setup, (0, at_max, 0))
    machine._run(OPS["get_from_in_use"], (0,))
    assert [str(program).splitlines()[-1] for program in told] == ["get_from_in_use(p0)"]
    assert machine.is_possible(setup)
    assert len(machine.trial.program) == 0
    machine.teardown()


def test_groups_hold_every_operation() -> None:
    assert sorted(op.name for group in GROUPS for op in ops_of(group)) == sorted(OPS)
