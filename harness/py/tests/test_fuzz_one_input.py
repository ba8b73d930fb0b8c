# SPDX-License-Identifier: MPL-2.0
"""The state machine driven by the bytes of a fuzzer. The target in C is fuzz/targets/property.c."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from slotcheck import fuzz
from slotcheck.machine import state_machine
from slotcheck.program import Program
from slotcheck.subject import SubjectError, load_subject
from slotcheck.trial import Divergence, Trial

MODEL_FILE = Path(__file__).resolve().parents[1] / "examples/model.py"
FAULTY = f"""
import sys
sys.path.insert(0, {str(MODEL_FILE.parent)!r})
from model import Model
class Faulty(Model):
    def frame_clone(self, frame):
        return self.mint(frame)
"""


def inputs(count: int) -> list[bytes]:
    return [random.Random(i).randbytes(2000) for i in range(count)]


@pytest.fixture(autouse=True)
def _no_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLOTCHECK_SUBJECT", raising=False)


def faulty(tmp_path: Path) -> str:
    file = tmp_path / "faulty.py"
    file.write_text(FAULTY)
    return str(file)


def test_inputs_drive_the_machine() -> None:
    machine = state_machine(load_subject())
    target = fuzz.target_of(machine)
    used = [target(data) for data in inputs(30)]
    assert machine.trial.nr_steps > 300
    enough = [data for data in used if data is not None]
    assert enough and [target(data) for data in enough] == enough
    assert target(b"") is None


def test_same_bytes_same_program() -> None:
    maker = fuzz.ProgramMaker(None)
    first = [list(maker.programs(data)) for data in inputs(10)]
    assert first == [list(maker.programs(data)) for data in inputs(10)]
    assert len({tuple(programs) for programs in first}) > 5


def test_divergence_is_raised_with_its_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOTCHECK_SUBJECT", faulty(tmp_path))
    with pytest.raises(Divergence) as found:
        for data in inputs(200):
            fuzz.fuzz_one_input(data)
    assert "frame_clone" in found.value.signature
    with pytest.raises(type(found.value)):
        Trial(load_subject(faulty(tmp_path))).run(found.value.program)


def test_program_maker_hands_out_what_diverges(tmp_path: Path) -> None:
    maker = fuzz.ProgramMaker(faulty(tmp_path))
    assert maker.is_python and maker.address != 0
    trial = Trial(maker.subject)
    programs = [program for data in inputs(30) for program in maker.programs(data)]
    with pytest.raises(Divergence):
        for program in programs:
            trial.run(Program.decode(program))


def test_programs_that_end_in_a_panic_are_handed_out() -> None:
    maker = fuzz.ProgramMaker(None)
    assert maker.address == 0
    assert any(len(maker.programs(data)) > 1 for data in inputs(300))


def test_a_guide_offers_what_the_subject_offers() -> None:
    model = load_subject(str(MODEL_FILE))
    guided = state_machine(fuzz._Guide(model)).ops
    assert set(guided) == set(state_machine(model).ops)
    assert len(guided) < len(state_machine(load_subject()).ops)


def test_subject_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOTCHECK_SUBJECT", "no-such.py")
    with pytest.raises(SubjectError, match="no-such.py: no such file") as raised:
        fuzz.fuzz_one_input(b"")
    assert fuzz.give_up(raised.value) == "no-such.py: no such file"
    assert fuzz.give_up(KeyError()) == ""
