# SPDX-License-Identifier: MPL-2.0
"""Subjects written in Python: that a right one agrees, that a wrong one is found, and what goes
wrong on the way."""

from __future__ import annotations

import gc
import re
import sys
import tracemalloc
from pathlib import Path
from typing import Any, Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from slotcheck.machine import state_machine
from slotcheck.native import ffi, lib
from slotcheck.program import Program
from slotcheck.subject import (
    Ghost,
    Metadata,
    Panic,
    PythonSubject,
    Refused,
    Result,
    Segment,
    Slot,
    Subject,
    SubjectError,
    WrongAnswer,
    load_subject,
)
from slotcheck.subject_calls import BY_HAND, FUNCTIONS, MEMBERS
from slotcheck.trial import Divergence, Trial
from slotcheck.vocabulary import OPS

ROOT = Path(__file__).resolve().parents[3]
MODEL_FILE = ROOT / "harness/py/examples/model.py"
MODEL: Any = getattr(load_subject(str(MODEL_FILE)), "_class")
SEEDS = sorted((ROOT / "corpus").glob("*/*.txt"))


def run_machine(
    subject: PythonSubject, examples: int, phases: tuple[Phase, ...] = (Phase.generate,)
) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        state_machine(subject),
        settings=settings(
            max_examples=examples,
            database=None,
            deadline=None,
            derandomize=True,
            report_multiple_bugs=False,
            print_blob=False,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )


def derived(name: str, methods: dict[str, Any]) -> PythonSubject:
    return PythonSubject(type(name, (MODEL,), methods))


def run_text(subject: PythonSubject, text: str) -> None:
    Trial(subject).run(Program.parse(f"slotcheck program 2\nslots 4\n{text}"))


# --- the model ---


def test_model_agrees_on_all_seeds() -> None:
    trial = Trial(load_subject(str(MODEL_FILE)))
    for path in SEEDS:
        trial.run(Program.read(path))
    executed = trial.program
    assert len(SEEDS) > 300 and len(executed) > 0


def test_model_agrees_on_what_the_machine_generates() -> None:
    run_machine(PythonSubject(MODEL), 40)


def test_model_reports_all_that_can_be_judged() -> None:
    capabilities = load_subject(str(MODEL_FILE)).pointer.capabilities
    wanted = ("REPORT_GHOST", "REPORT_ON_DROP", "RETURN_FROM_PANIC", "MANY_REGIONS")
    assert capabilities == sum(getattr(lib, f"SLOTCHECK_CAN_{name}") for name in wanted)


# --- faults ---


def clone_uncounted(self: Any, frame: int) -> int:
    return self.mint(frame)


def drop_keeps_slot(self: Any, frame: int) -> None:
    self.redeem(frame)
    self.cell(frame).ref_count -= 1


def in_use_counts_twice(self: Any, paddr: int) -> int:
    MODEL.get_from_in_use(self, paddr)
    return MODEL.get_from_in_use(self, paddr)


def bound_first(self: Any, paddr: int) -> int:
    if paddr >= self.nr_slots * 4096:
        raise Refused(Result.OUT_OF_BOUND)
    return MODEL.get_slot(self, paddr)


def count_of_another(self: Any, frame: int) -> int:
    return self.cells[0].ref_count


def shared_becomes_unique(self: Any, frame: int) -> int:
    self.cell(frame).ref_count = 2**64 - 2
    return frame


def repurpose_drops_nothing(self: Any, frame: int, metadata: Metadata) -> int:
    self.write_meta(frame, metadata)
    return frame


def meta_mut_ignored(self: Any, frame: int, metadata: Metadata) -> None:
    pass


def node_of_level_one(self: Any, paddr: int, level: int) -> int:
    return MODEL.page_table_node_alloc(self, paddr, 1)


def always_of_that_type(self: Any, frame: int, type: int) -> None:
    pass


def never_panics(self: Any, slot: int) -> None:
    self.cell(slot).ref_count += 1


FAULTS: dict[str, tuple[Callable[..., Any], str, int]] = {
    # what is replaced: by what, the operation that shows it, operations that show it
    "frame_clone": (clone_uncounted, "frame_clone", 2),
    "frame_drop": (drop_keeps_slot, "", 2),
    "get_from_in_use": (in_use_counts_twice, "in_use", 2),
    "get_slot": (bound_first, "", 1),
    "frame_reference_count": (count_of_another, "frame_reference_count", 2),
    "unique_frame_try_from": (shared_becomes_unique, "unique_frame_try_from", 3),
    "unique_frame_repurpose": (repurpose_drops_nothing, "unique_frame_repurpose", 2),
    "unique_frame_meta_mut": (meta_mut_ignored, "unique_frame_meta_mut", 2),
    "page_table_node_alloc": (node_of_level_one, "page_table_node_alloc", 1),
    "frame_try_from": (always_of_that_type, "frame_try_from", 2),
    # Two that call it have a divergence; clone needs a handle.
    "inc_ref_count": (never_panics, "", 3),
}


@pytest.mark.parametrize("method", FAULTS)
def test_fault_is_found_and_shrunk(method: str) -> None:
    replacement, operation, length = FAULTS[method]
    subject = derived("Faulty", {method: replacement})
    with pytest.raises(Divergence) as found:
        run_machine(subject, 400)
    assert operation in found.value.signature
    assert type(found.value) is not Divergence
    shrunk = Trial(subject).shrink(found.value.program)
    needs_no_handle = found.value.signature.startswith("inc_ref_count")
    assert len(shrunk) == length - needs_no_handle
    with pytest.raises(type(found.value)):
        Trial(subject).run(shrunk)


def test_fault_is_shrunk_by_hypothesis() -> None:
    with pytest.raises(Divergence) as found:
        subject = derived("Faulty", {"frame_clone": clone_uncounted})
        run_machine(subject, 400, (Phase.generate, Phase.shrink))
    assert len(found.value.program) <= 4


# --- exceptions in methods ---


def stumbles(self: Any, frame: int) -> None:
    MODEL.frame_drop(self, frame)
    raise KeyError("stumbled")


def test_exception_of_a_method_is_raised_with_its_traceback(capfd: Any) -> None:
    with pytest.raises(KeyError, match="stumbled") as raised:
        run_machine(derived("Stumbling", {"frame_drop": stumbles}), 100)
    assert raised.traceback[-1].name == "stumbles"
    assert capfd.readouterr().err == ""


def test_exception_of_a_method_that_answers_is_raised_instead_of_a_divergence() -> None:
    def clone(self: Any, frame: int) -> int:
        raise ZeroDivisionError

    subject = derived("Failing", {"frame_clone": clone})
    program = "frame_from_unused(p1, probe(1))\nframe_clone(f0)\n"
    with pytest.raises(ZeroDivisionError):
        run_text(subject, program)
    subject.raise_pending()  # It is told once.
    trial = Trial(subject)
    trial.begin(1)
    with pytest.raises(ZeroDivisionError):
        trial.run(Program.parse(f"slotcheck program 2\nslots 1\n{program.replace('p1', 'p0')}"))
    trial.end()


@pytest.mark.parametrize("where", ["__init__", "reset", "slots", "read_slot", "read_metadata"])
def test_exception_elsewhere_is_raised(where: str) -> None:
    def fails(self: Any, *rest: Any) -> Any:
        raise RuntimeError(where)

    with pytest.raises(RuntimeError, match=where):
        run_text(derived("Failing", {where: fails}), "frame_from_unused(p1, probe(1))\n")


def test_first_exception_of_several_is_raised() -> None:
    def drop(self: Any, frame: int) -> None:
        self.is_broken = True
        raise KeyError("first")

    def read(self: Any, index: int) -> Slot:
        if getattr(self, "is_broken", False):
            raise RuntimeError("second")
        return MODEL.read_slot(self, index)

    subject = derived("Broken", {"frame_drop": drop, "read_slot": read})
    with pytest.raises(KeyError, match="first"):
        run_text(subject, "frame_from_unused(p1, probe(1))\nframe_drop(f0)\n")


def test_exception_is_raised_after_the_step() -> None:
    trial = Trial(derived("Stumbling", {"frame_drop": stumbles}))
    trial.begin(1)
    trial.step(OPS["frame_from_unused"], 0, 0)
    with pytest.raises(KeyError, match="stumbled"):
        trial.step(OPS["frame_drop"], 0)


def test_interrupt_is_not_lost() -> None:
    def interrupted(self: Any, paddr: int) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_text(derived("Interrupted", {"get_slot": interrupted}), "get_slot(p0)\n")


# --- answers ---

SHORT: Any = (1, 2)
WRONG = [
    ("get_slot(p0)", "get_slot", "zero", "must be slot: an int from 0 to 2**64 - 1, or a Result"),
    ("get_slot(p0)", "get_slot", -1, "answered -1"),
    ("get_slot(p0)", "get_slot", 2**70, "answered 1180591620717411303424"),
    ("get_slot(p0)", "get_slot", None, "answered None"),
    ("get_slot(p0)", "get_slot", Result.OK, "answered <Result.OK"),
    ("frame_reference_count(f0)", "frame_reference_count", "one", "answered 'one'"),
    ("frame_reference_count(f0)", "frame_reference_count", 1.0, "answered 1.0"),
    ("frame_reference_count(f0)", "frame_reference_count", 2**64, "answered 18446744073709551616"),
    ("frame_reference_count(f0)", "frame_reference_count", Result.BUSY, "answered <Result.BUSY"),
    ("frame_drop(f0)", "frame_drop", 3, "must be None"),
    ("frame_drop(f0)", "frame_drop", Result.PANIC, "must be None"),
    ("frame_meta(f0)", "frame_meta", (1, 2), "must be out: a Metadata of five words"),
    ("frame_meta(f0)", "frame_meta", Metadata(4, SHORT), "answered Metadata"),
    ("frame_borrow(f0)", "frame_borrow", (1, 2), "must be a tuple of (an int"),
    ("frame_borrow(f0)", "frame_borrow", [1, 2, 3], "answered [1, 2, 3]"),
    ("get_slot(p0)", "read_slot", (1,), "must be out: a Slot"),
    ("dyn_meta_ptr(s0)", "dyn_meta_ptr", 64, "must be a tuple of (an int"),
    ("get_slot(p0)", "read_slot", (1, 2, 3), "must be out: a Slot"),
]


@pytest.mark.parametrize("operation, method, answer, message", WRONG)
def test_wrong_answer_names_class_method_and_what_was_wanted(
    operation: str, method: str, answer: Any, message: str
) -> None:
    subject = derived("Odd", {method: lambda self, *rest: answer})
    with pytest.raises(WrongAnswer) as raised:
        first = "" if operation == "get_slot(p0)" else "frame_from_unused(p0, probe(1))\n"
        run_text(subject, f"{first}{operation}\n")
    assert f"Odd.{method} answered " in str(raised.value)
    assert message in str(raised.value)


def test_refusal_where_there_is_no_result() -> None:
    def drop(self: Any, frame: int) -> None:
        raise Panic

    with pytest.raises(WrongAnswer, match=r"Odd\.frame_drop raised Panic.*has no result"):
        program = "frame_from_unused(p0, probe(1))\nframe_drop(f0)\n"
        run_text(derived("Odd", {"frame_drop": drop}), program)


def test_result_can_be_raised_or_returned() -> None:
    def returned(self: Any, paddr: int) -> Any:
        try:
            return MODEL.get_slot(self, paddr)
        except Refused as refusal:
            return refusal.result

    program = "get_slot(p9)\nget_slot(p0+1)\nget_slot(p1)\n"
    run_text(derived("Returning", {"get_slot": returned}), program)
    for wrong in (Result.OK, 3, "IN_USE"):
        with pytest.raises(ValueError, match="takes a Result"):
            Refused(wrong)  # type: ignore[arg-type]


# --- classes that are no subjects ---


@pytest.mark.parametrize(
    "methods, message",
    [
        ({"read_slot": Subject.read_slot}, "Odd has no method read_slot"),
        ({"frame_clone": lambda self: 0}, r"Odd.frame_clone does not take \(self, frame\)"),
        ({"frame_drop": 3}, "Odd.frame_drop is no method"),
        ({"list_new": lambda self: 1}, "Odd has list_new, but no list_drop"),
        ({"__init__": lambda self: None}, r"Odd.__init__ does not take \(self, nr_slots\)"),
    ],
)
def test_class_that_is_no_subject(methods: dict[str, Any], message: str) -> None:
    with pytest.raises(SubjectError, match=message):
        derived("Odd", methods)


def test_reports_have_to_be_declared() -> None:
    subject = derived("Silent", {"reports_ghost": False})
    with pytest.raises(SubjectError, match="Silent calls ghost and has reports_ghost = False"):
        run_text(subject, "frame_from_unused(p0, probe(1))\n")


# --- the smallest ones ---


class Smallest(Subject):
    def read_slot(self, index: int) -> Slot:
        return Slot(2**64 - 1)

    def get_slot(self, paddr: int) -> int:
        if paddr % 4096:
            raise Refused(Result.NOT_ALIGNED)
        if paddr >= self.nr_slots * 4096:
            raise Refused(Result.OUT_OF_BOUND)
        return self.slot(paddr // 4096)


def test_smallest_subject() -> None:
    subject = PythonSubject(Smallest)
    assert subject.pointer.capabilities & lib.SLOTCHECK_CAN_REPORT_GHOST == 0
    run_text(subject, "get_slot(p0)\nget_slot(p3)\nget_slot(p4)\nget_slot(p0+1)\n")
    assert subject.name == "Smallest" and PythonSubject(Smallest) is subject


class Counting(Subject):
    """made anew"""

    fixed_slots = 3
    made = 0

    def __init__(self, nr_slots: int) -> None:
        type(self).made += 1
        self.counts = [2**64 - 1] * nr_slots

    def read_slot(self, index: int) -> Slot:
        return Slot(self.counts[index])

    def frame_from_unused(self, paddr: int, metadata: Metadata) -> int:
        self.counts[paddr // 4096] = 1
        return self.slot(paddr // 4096)


def test_reset_makes_a_region_anew() -> None:
    trial = Trial(PythonSubject(Counting))
    for _ in range(3):
        trial.run(Program.parse("slotcheck program 2\nslots 9\nframe_from_unused(p2, probe(1))\n"))
    assert Counting.made == 4


def test_several_regions_at_once() -> None:
    subject = PythonSubject(MODEL)
    first, second = Trial(subject), Trial(subject)
    first.begin(2)
    second.begin(3)
    first.run(Program.parse("slotcheck program 2\nslots 2\nframe_from_unused(p1, probe(1))\n"))
    second.run(Program.parse("slotcheck program 2\nslots 3\nframe_from_unused(p2, probe(1))\n"))
    regions = list(getattr(subject, "_regions").values())
    assert len(regions) >= 2 and len({region.slots() for region in regions}) == len(regions)


def test_too_many_slots() -> None:
    subject = derived("Small", {"max_slots": 2})
    with pytest.raises(Exception, match="cannot have a region of that many slots"):
        run_text(subject, "get_slot(p0)\n")


def test_used_without_c() -> None:
    region = MODEL(4)
    frame = region.frame_from_unused(4096, Metadata.probe(7))
    assert region.index(frame) == 1 and region.paddr(frame) == 4096
    assert region.read_slot(1) == Slot(1) and region.frame_meta(frame) == Metadata.probe(7)
    with pytest.raises(ValueError, match="is no slot of this region"):
        region.index(frame + 1)


# --- values ---


@pytest.mark.parametrize(
    "text, value",
    [
        ("untyped(0)", Metadata.untyped()),
        ("probe(7)", Metadata.probe(7)),
        ("link(0)", Metadata.frame_link()),
        ("node(0)", Metadata.pt_node(1)),
        ("empty(0)", Metadata.empty()),
    ],
)
def test_metadata_arrives_as_it_is(text: str, value: Metadata) -> None:
    seen: list[Metadata] = []

    def claim(self: Any, paddr: int, metadata: Metadata) -> int:
        seen.append(metadata)
        return MODEL.frame_from_unused(self, paddr, metadata)

    run_text(derived("Looking", {"frame_from_unused": claim}), f"frame_from_unused(p0, {text})\n")
    assert [metadata.type for metadata in seen] == [value.type]
    if text in ("untyped(0)", "probe(7)"):
        assert seen == [value]


def test_metadata_of_bytes() -> None:
    assert Metadata.empty(b"\x01" + bytes(37) + b"\x02").words == (1, 0, 0, 0, 0x02 << 48)
    with pytest.raises(ValueError, match="40 bytes"):
        Metadata.empty(bytes(40))


# --- the README ---


def test_readme_has_a_subject_that_agrees() -> None:
    text = (ROOT / "harness/py/README.md").read_text()
    model, cell = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {"__name__": "readme"}
    exec(model, names)
    run_machine(PythonSubject(names["Counts"]), 20)
    exec(cell, names)
    with pytest.raises(Divergence):
        names["Counts"].frame_clone = lambda self, frame: frame
        exec(cell, names)


# --- segments, lists, reprs: what the model has none of ---


def call(subject: PythonSubject, name: str, *arguments: Any) -> Any:
    """Calls a function of the struct on a region of four slots."""
    region = ffi.new("struct slotcheck_region **")
    host = ffi.new("struct slotcheck_host *")
    assert subject.pointer.create(4, host, region) == lib.SLOTCHECK_CREATED
    try:
        return getattr(subject.pointer, name)(region[0], *arguments)
    finally:
        subject.pointer.destroy(region[0])


def test_segments() -> None:
    def from_unused(self: Any, start: int, end: int, metadata: Any) -> Segment:
        assert metadata == (Metadata.probe(1), Metadata.probe(2))
        return Segment(start, end)

    methods = {
        "segment_from_unused": from_unused,
        "segment_next": lambda self, segment: (Segment(segment.start + 4096, segment.end), 64),
        "segment_split": lambda self, segment, offset: (
            Segment(segment.start, segment.start + offset),
            Segment(segment.start + offset, segment.end),
        ),
    }
    subject = derived("Segments", methods)
    out = ffi.new("struct slotcheck_segment[2]")
    metadata = ffi.new("struct slotcheck_metadata[]", [Metadata.probe(1), Metadata.probe(2)])
    assert call(subject, "segment_from_unused", 4096, 3 * 4096, metadata, out) == Result.OK
    assert (out[0].start, out[0].end) == (4096, 3 * 4096)
    assert call(subject, "segment_split", out[0], 4096, out) == Result.OK
    assert (out[0].end, out[1].start, out[1].end) == (2 * 4096, 2 * 4096, 3 * 4096)
    frame = ffi.new("uint64_t *")
    assert call(subject, "segment_next", out, frame) == Result.OK
    assert (out[0].start, frame[0]) == (2 * 4096, 64)
    subject.raise_pending()


def test_snapshots() -> None:
    saved: list[bytes] = []
    methods = {
        "snapshot_size": lambda self: 3,
        "snapshot_save": lambda self: b"abc",
        "snapshot_restore": lambda self, data: saved.append(data),
    }
    subject = derived("Saving", methods)
    assert subject.pointer.capabilities & lib.SLOTCHECK_CAN_SNAPSHOT
    data = ffi.new("char[3]")
    call(subject, "snapshot_save", data)
    call(subject, "snapshot_restore", data)
    assert saved == [b"abc"]
    subject.raise_pending()


# --- drift ---


def sample(ctype: Any) -> Any:
    return ffi.new(ffi.getctype(ctype)) if ctype.kind == "pointer" else (
        ffi.new(ffi.getctype(ctype, "*"))[0] if ctype.kind == "struct" else 0
    )


def test_every_member_of_the_struct_reaches_its_method() -> None:
    reached: list[str] = []

    def recorder(name: str) -> Any:
        def method(self: Any, *rest: Any) -> Any:
            reached.append(name)
            raise LookupError(name)

        return method

    # Those of the base class are called while a region is made.
    names = [name for name in FUNCTIONS if name not in ("slots", "read_slot", "snapshot_size")]
    subject = PythonSubject(
        type("All", (MODEL,), {name: recorder(name) for name in names} | {"__signature__": None})
    )
    for name in names:
        _, *types = MEMBERS[name].args
        call(subject, name, *[sample(ctype) for ctype in types])
        with pytest.raises(LookupError, match=name):
            subject.raise_pending()
    assert reached == names
    assert set(MEMBERS) == set(FUNCTIONS) | BY_HAND
    fields = dict(ffi.typeof("struct slotcheck_subject").fields)
    assert set(MEMBERS) == {name for name, f in fields.items() if f.type.kind == "function"}


def test_results_are_those_of_the_interface() -> None:
    elements = ffi.typeof("enum slotcheck_result").elements
    assert {f"SLOTCHECK_{result.name}": int(result) for result in Result} == {
        name: number for number, name in elements.items()
    }
    assert Ghost.PATH_REMOVED == lib.SLOTCHECK_GHOST_PATH_REMOVED


def test_helpers_hide_no_operation() -> None:
    helpers = {name for name in vars(Subject) if not name.startswith("_")}
    assert helpers & set(MEMBERS) == {"slots", "read_slot"}


# --- leaks ---


def test_programs_leave_nothing_behind() -> None:
    subject = PythonSubject(MODEL)
    trial = Trial(subject)
    programs = [
        Program.parse(f"slotcheck program 2\nslots {slots}\nframe_from_unused(p0, probe(1))\n")
        for slots in (1, 2, 512)
    ]

    def run(times: int) -> None:
        for i in range(times):
            trial.run(programs[2 if i % 100 == 0 else i % 2])

    run(300)
    before = subject.nr_regions
    gc.collect()
    tracemalloc.start()
    run(500)
    gc.collect()
    first = tracemalloc.get_traced_memory()[0]
    run(1500)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - first
    tracemalloc.stop()
    assert grown < 20_000
    assert subject.nr_regions == before
    del trial
    gc.collect()
    # The regions went with the trials that had them.
    assert subject.nr_regions < before


# --- names ---


def test_names_of_subjects(tmp_path: Path) -> None:
    assert load_subject().name == load_subject("builtin").name == "metaslot"
    file = tmp_path / "two.py"
    file.write_text(
        "import sys\nfrom dataclasses import dataclass\n"
        "from slotcheck.subject import Subject, Slot\nfrom beside import NUMBER\n"
        "@dataclass\nclass Cell:\n    count: 'int' = NUMBER\n"
        "class One(Subject):\n    def read_slot(self, index): return Slot(2**64 - 1)\n"
        "class Two(One): pass\n"
    )
    (tmp_path / "beside.py").write_text("NUMBER = 3\n")
    assert load_subject(f"{file}:Two").name == "Two"
    assert str(tmp_path) not in sys.path
    several = "has several subject classes; name one, as in"
    message = f"{file}: {several} {file}:One; there are: One, Two"
    with pytest.raises(SubjectError) as raised:
        load_subject(str(file))
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "text, suffix, message",
    [
        (None, "", "FILE: no such file"),
        ("def (:\n", "", "FILE:1: invalid syntax"),
        ("\n\nimport no_such_module\n", "", "FILE:3: ModuleNotFoundError: No module named"),
        ("x = 1\n", "", "FILE: has no class that derives from slotcheck.subject.Subject"),
        ("x = 1\n", ":x", "FILE: x is no subject class"),
        ("x = 1\n", ":Model", "FILE: Model is not there"),
        ("raise SystemError('a\\nb')\n", "", "FILE:1: SystemError: a"),
        ("from slotcheck.subject import Subject\nclass A(Subject): pass\n", "", "A has no method"),
    ],
)
def test_names_that_are_none(tmp_path: Path, text: str | None, suffix: str, message: str) -> None:
    file = tmp_path / "subject.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SubjectError) as raised:
        load_subject(f"{file}{suffix}")
    assert message.replace("FILE", str(file)) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_library_that_is_none() -> None:
    with pytest.raises(SubjectError, match="no-such.so: cannot be loaded"):
        load_subject("./no-such.so")
