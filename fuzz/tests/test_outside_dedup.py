# SPDX-License-Identifier: MPL-2.0
"""Fleets know nothing of operations and fields: they see stacks. That different divergences stay
apart there, and that one bug remains one."""
from __future__ import annotations

import itertools
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from base_runner import ENVIRONMENT
from crash_state import Crash, are_one, is_ignored, parse

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SLOTCHECK_BUILD", ROOT / "build"))
COMMAND = BUILD / "gcc/harness/slotcheck"
TRAPS = BUILD / "libfuzzer/fuzz/generated/divergence_traps.def"

# Faults, and programs that show them. Among them are operations and fields of much the same name,
# one operation with several fields, and one field in several operations.
CASES = {
    "clone_uncounted": ["frame_from_unused(p0, empty(0))", "frame_clone(f0)"],
    "drop_leaves_zero": ["frame_from_unused(p0, empty(0))", "frame_drop(f0)"],
    "on_drop_twice": ["frame_from_unused(p0, probe(7))", "frame_drop(f0)"],
    "in_list_left": ["frame_from_unused(p0, empty(0))", "frame_drop(f0)"],
    "in_use_adds_two": ["frame_from_unused(p0, empty(0))", "frame_from_in_use(p0)"],
    "in_use_takes_busy": ["setup(s0, 0, empty(0))", "frame_from_in_use(p0)"],
    "failed_claim_swaps": ["frame_from_unused(p0, empty(0))", "frame_from_unused(p0, empty(0))"],
    "from_raw_counts": ["frame_from_unused(p0, empty(0))", "frame_into_raw(f0)",
                        "frame_from_raw(p0)"],
    "into_raw_uncounts": ["frame_from_unused(p0, empty(0))", "frame_into_raw(f0)"],
    "unique_claim_shared": ["unique_frame_from_unused(p0, empty(0))"],
    "try_from_shared": ["frame_from_unused(p0, empty(0))", "frame_clone(f0)",
                        "unique_frame_try_from(f0)"],
    "insert_leaves_size": ["list_new()", "unique_frame_from_unused(p0, link(0))",
                           "list_push_front(l0, u0)"],
    "insert_leaves_in_list": ["list_new()", "unique_frame_from_unused(p0, link(0))",
                              "list_push_front(l0, u0)"],
    "take_leaves_size": ["list_new()", "unique_frame_from_unused(p0, link(0))",
                         "list_push_front(l0, u0)", "list_pop_front(l0)"],
    "next_counts": ["segment_from_unused(p0, 1, empty(0))", "segment_next(seg0)"],
    "paddr_off_by_page": ["frame_from_unused(p0, empty(0))", "frame_paddr(s0)"],
}
# The same bugs again, in other states, with other operations around them.
AGAIN = {
    "clone_uncounted": ["unique_frame_from_unused(p3, link(5))", "get_slot(p1)",
                        "frame_from_unique(u0)", "frame_from_in_use(p3)", "frame_clone(f1)"],
    "take_leaves_size": ["list_new()", "frame_from_unused(p0, probe(1))",
                         "unique_frame_from_unused(p2, link(0))", "list_push_back(l0, u0)",
                         "get_slot(p1)", "list_pop_front(l0)"],
    "next_counts": ["segment_from_unused(p1, 3, probe(1))", "segment_clone(seg0)",
                    "segment_next(seg1)"],
}
BUILDS = ["libfuzzer", "fleet"]

Run = Callable[[str, str, list[str]], str]


@pytest.fixture(scope="module")
def run(fleet, tmp_path_factory) -> Run:
    """What a target prints that stops on a divergence: of a preset, and as a fleet has it, which
    has it all instrumented, with less optimisation, and its own options for the sanitizer."""
    folder = tmp_path_factory.mktemp("cases")
    logs: dict[tuple[str, ...], str] = {}

    def log(build: str, fault: str, operations: list[str]) -> str:
        key = (build, fault, *operations)
        if key not in logs:
            program = BUILD / "libfuzzer/fuzz/lockstep"
            if build == "fleet":
                program = fleet.out("libfuzzer", "address") / "lockstep"
            logs[key] = run_target(program, fault, operations, folder)
        return logs[key]

    return log


def run_target(program: Path, fault: str, operations: list[str], folder: Path) -> str:
    text = "\n".join(["slotcheck program 2", "slots 4", *operations, ""])
    packed = folder / "packed"
    subprocess.run([COMMAND, "pack", "-", "-o", packed], input=text.encode(), check=True)
    variables = ENVIRONMENT | {"PATH": os.environ["PATH"],
                               "SLOTCHECK_SUBJECT": str(BUILD / f"gcc/subjects/fault_{fault}.so")}
    stopped = subprocess.run([program, packed], cwd=folder, env=variables, text=True,
                             capture_output=True, errors="replace", timeout=120)
    assert stopped.returncode != 0 and "diverges" not in stopped.stderr, stopped.stderr
    return stopped.stderr


def crash_of(log: str) -> Crash:
    crash = parse(log)
    assert crash.kind in ("Fatal-signal", "Ill"), log
    assert len(crash.state) == 3, log
    return crash


def pairs(crashes: list[Crash]) -> list[tuple[Crash, Crash]]:
    return list(itertools.combinations(crashes, 2))


# --- divergences ----------------------------------------------------------------------------------


@pytest.mark.parametrize("build", BUILDS)
def test_different_divergences_stay_apart(build, run):
    crashes = [crash_of(run(build, fault, case)) for fault, case in CASES.items()]
    traps = {crash.state[0] for crash in crashes}
    assert len(traps) == len(CASES) >= 10, "each is to be of another operation or field"
    for a, b in pairs(crashes):
        assert a.key != b.key
        assert not are_one(a, b), (a.state, b.state)


@pytest.mark.parametrize("fault", AGAIN)
@pytest.mark.parametrize("build", BUILDS)
def test_one_bug_is_one(build, fault, run):
    first, second = (crash_of(run(build, fault, cases[fault])) for cases in (CASES, AGAIN))
    assert first.key == second.key
    assert are_one(first, second)


@pytest.mark.parametrize("build", BUILDS)
def test_what_is_explained_is_not_taken_for_a_crash(build, run):
    """It comes before the stack, and some of its words mean something there."""
    for fault, case in CASES.items():
        explanation, found, _ = run(build, fault, case).partition("ERROR:")
        assert found and "what differs" in explanation, explanation
        assert parse(explanation.rpartition("\n")[0]).kind == ""


def test_no_clause_is_taken_for_a_crash():
    clauses = subprocess.run([COMMAND, "spec"], capture_output=True, text=True, check=True).stdout
    texts = [line.rpartition("  ")[2] for line in clauses.splitlines()]
    assert len(texts) > 300
    assert [text for text in texts if parse(text).kind] == []


def test_no_trap_is_passed_over():
    """As part of the machinery; and no two have a frame in common."""
    traps = re.findall(r"TRAP\((\w+), (\w+), (\w+), (\w+)\)", TRAPS.read_text())
    frames = [(f"{op}__{field}", inner, outer) for op, field, inner, outer in traps]
    assert len(frames) > 1000
    assert [frame for trap in frames for frame in trap if is_ignored(frame)] == []
    names = [name for trap in frames for name in Crash("Ill", list(trap)).state]
    assert len(set(names)) == 3 * len(frames)


# --- what would happen otherwise ------------------------------------------------------------------


def with_a_central_abort(log: str) -> str:
    """The same stack, had every divergence ended in one place."""
    log = re.sub(r" in \w+__\w+ ", " in abort ", log)
    return re.sub(r" in d[0-9a-f]{32} ", " in report_divergence ", log)


def test_a_central_abort_would_make_one_bug_of_all(run):
    crashes = [parse(with_a_central_abort(run("libfuzzer", fault, case)))
               for fault, case in CASES.items()]
    assert crashes[0].state[:2] == ["report_divergence", "report_divergence"]
    assert all(a.key == b.key and are_one(a, b) for a, b in pairs(crashes))


def test_names_alone_would_make_one_bug_of_some(run):
    """Three frames that are named after operation and field differ too little."""
    crashes = []
    for fault, case in CASES.items():
        name = crash_of(run("libfuzzer", fault, case)).state[0]
        crashes.append(Crash("Ill", [name, f"{name}_diverges", f"{name}_stops"]))
    assert any(are_one(a, b) for a, b in pairs(crashes))


# --- the rule itself ------------------------------------------------------------------------------

OVERFLOW = """
==1==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000011 at pc 0x55 bp 0x7f
READ of size 1 at 0x602000000011 thread T0
    #0 0x1 in __asan_memcpy /build/compiler-rt/lib/asan/asan_interceptors.cpp:22:3
    #1 0x2 in inner(char const*) /src/project/inner.c:3:14
    #2 0x3 in middle /src/project/middle.c:9:2
    #3 0x4 in LLVMFuzzerTestOneInput /src/project/target.c:9:2
    #4 0x5 in outer /src/project/outer.c:9:2
    #5 0x6 in far /src/project/outer.c:19:2
0x602000000011 is located 0 bytes to the right of 1-byte region
    #0 0x7 in malloc /build/asan_malloc_linux.cpp:69:3
SUMMARY: AddressSanitizer: heap-buffer-overflow /src/project/inner.c:3:14 in inner
"""
MEMORY = """
==2==WARNING: MemorySanitizer: use-of-uninitialized-value
    #0 0x1 in reader /src/project/reader.c:3:14
  Uninitialized value was stored to memory at
    #0 0x2 in writer /src/project/writer.c:3:14
"""
ASSERTION = """
target: /src/project/check.c:7: void check(int): Assertion `x > 0' failed.
==3==ERROR: AddressSanitizer: ABRT on unknown address 0x000000000003 (pc 0x7f bp 0x55 sp 0x7f T0)
    #0 0x1 in raise /build/glibc-2/raise.c:51:1
    #1 0x2 in check /src/project/check.c:7:3
"""


@pytest.mark.parametrize("log, key", [
    (OVERFLOW, ("Heap-buffer-overflow", "inner", "middle", "outer")),
    (MEMORY, ("Use-of-uninitialized-value", "reader")),
    (ASSERTION, ("ASSERT", "x > 0")),
    ("no crash\n    #0 0x1 in reader /src/project/reader.c:3:14\n", ("",)),
    # What comes last is what ended it.
    ("a.c:7:3: runtime error: shift\n    #0 0x1 in shifted /src/project/a.c:7:3\n" + OVERFLOW,
     ("Heap-buffer-overflow", "inner", "middle", "outer")),
], ids=["overflow", "memory", "assertion", "none", "two"])
def test_keys(log, key):
    assert parse(log).key == key


@pytest.mark.parametrize("a, b, one", [
    (["one", "two", "three"], ["one", "two", "three"], True),
    (["one", "two", "three"], ["zero", "one", "three"], True),
    (["one", "two", "three"], ["three", "two", "one"], False),
    (["one", "apple", "pear"], ["one", "quince", "cherry"], False),
    (["decode_header", "decode_body", "run_1"], ["decode_headers", "decode_bodies", "run_2"], True),
    (["loop", "loop", "entry"], ["loop", "quince", "cherry"], False),
    ([], ["one"], False),
])
def test_which_stacks_are_one(a, b, one):
    assert are_one(Crash("Ill", a), Crash("Ill", b)) == one
    assert are_one(Crash("Ill", b), Crash("Ill", a)) == one
    assert not are_one(Crash("Ill", a), Crash("Fatal-signal", a))
