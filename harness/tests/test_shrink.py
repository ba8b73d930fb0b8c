# SPDX-License-Identifier: MPL-2.0
"""slotcheck shrink as a user meets it: what comes out, on which subjects, and every bad input."""

from __future__ import annotations

import json
import random
import re
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

HEADER = "slotcheck program 2\nslots 16\n"
CLONE = "slotcheck program 2\nslots 1\nframe_from_unused(p0, empty(0))\nframe_clone(f0)\n"

# Of many kinds: addresses, counts, metadata, lists, segments, mappings, panics.
FAULTS = [
    "bound_off_by_one", "busy_for_unique", "claim_counts_neighbour", "in_use_past_max",
    "on_drop_twice", "drop_frees_early", "try_from_shared", "meta_mut_ignored",
    "map_path_unreported", "insert_leaves_prev_link", "take_moves_back", "contains_any_list",
    "segment_drop_misses_last", "slice_end_unchecked", "list_ids_repeat", "from_repr_stale_count",
]


OPERATIONS = """
    setup(s{0}, MAX-{1}, probe({0}))   setup(s{0}, {1}, link({0}))   get_slot(oob{0})
    get_slot(oob{0}+1)   get_from_in_use(p{0})   frame_from_unused(p{0}, probe({1}))
    frame_from_in_use(p{0})   frame_clone(f{1})   frame_drop(f{1})   frame_map(f{1}, {0})
    drop_last_in_place(s{0})   unique_frame_from_unused(p{0}, link(4))
    unique_frame_from_unused(p{0}, link(8))   unique_frame_try_from(f{1})
    unique_frame_meta_mut(u{1}, {0})   metadata_from_repr(s{0})   list_new()
    list_push_front(l{1}, u{1})   list_push_back(l{1}, u{1})   list_contains(l{1}, p{0})
    list_cursor_front_mut(l{1})   cursor_move_next(c{1})   cursor_insert_before(c{1}, u{1})
    cursor_take_current(c{1})   segment_from_unused(p{0}, 2, node({1}))
    segment_slice(seg{1}, 1, {1})   segment_drop(seg{1})
"""


@pytest.fixture
def diverging(slotcheck, build, tmp_path):
    """Random operations, as bytes, that diverge on the subject with this fault."""

    def find(fault: str, operations: int) -> tuple[Path, Path]:
        subject = build / f"subjects/fault_{fault}.so"
        path = tmp_path / f"{fault}.bytes"
        generator = random.Random(fault)
        templates = [template.strip() for template in re.split(r"\s{3,}", OPERATIONS.strip())]
        for _ in range(200):
            lines = [generator.choice(templates).format(generator.randrange(8),
                                                        generator.randrange(3))
                     for _ in range(operations)]
            # A setup is run only before anything else, and what agrees on a panic ends there.
            lines.sort(key=lambda line: not line.startswith("setup"))
            text = HEADER + "\n".join(lines) + "\n"
            assert slotcheck("pack", "-", "-o", path, input=text.encode()).returncode == 0
            if slotcheck("run", "--quiet", "--subject", subject, path).returncode == 1:
                return subject, path
        raise AssertionError(f"nothing found for {fault}")

    return find


def signature(slotcheck, subject: Path | str, path: Path) -> str:
    result = slotcheck("run", "--json", "--subject", subject, path)
    assert result.returncode == 1, result.stderr.decode()
    return json.loads(result.stdout)["signature"]


def only_line(stderr: bytes) -> str:
    """But for the progress that is shown where a machine is slow."""
    lines = [line for line in stderr.decode().splitlines()
             if not line.startswith("slotcheck: shrinking: ")]
    assert len(lines) == 1, lines
    return lines[0]


# --- results ---


@pytest.mark.parametrize("fault", FAULTS)
def test_the_signature_is_held(fault, diverging, slotcheck, tmp_path):
    """Run twice it gives the same, run on its result nothing new."""
    subject, path = diverging(fault, 60)
    first = slotcheck("shrink", "--subject", subject, path)
    assert first.returncode == 0, first.stderr.decode()
    assert slotcheck("shrink", "--subject", subject, path).stdout == first.stdout
    out = tmp_path / "shrunk.txt"
    out.write_bytes(first.stdout)
    assert slotcheck("shrink", "--subject", subject, out).stdout == first.stdout
    held = signature(slotcheck, subject, path)
    assert signature(slotcheck, subject, out) == held
    assert held in only_line(first.stderr)
    assert first.stdout.decode().startswith("slotcheck program 2\n")
    assert len(first.stdout.splitlines()) <= 2 + 8


def test_a_case_of_a_thousand_operations(slotcheck, build, tmp_path):
    """What matters stands in the middle and at the end, among what only costs time."""
    noise = "".join(
        f"frame_from_unused(p{i % 7 + 2}, probe({i}))\nframe_from_in_use(p{i % 7 + 2})\n"
        f"frame_drop(f{2 + i % 3})\nget_slot(p{i})\nframe_drop(f1)\n" for i in range(99))
    path = tmp_path / "long.txt"
    path.write_text(HEADER + "setup(s9, 2, probe(1))\n" + "frame_from_unused(p1, node(77))\n"
                    + noise + "frame_from_raw(p9)\n" + noise + "frame_clone(f0)\n" + noise)
    out = tmp_path / "out.txt"
    result = slotcheck("shrink", "--subject", build / "subjects/fault_clone_uncounted.so", path,
                       "-o", out)
    assert result.returncode == 0 and result.stdout == b""
    assert out.read_text() == CLONE
    assert "slotcheck: shrunk 1489 operations to 2 (frame_clone.SHARED.ref_count." in (
        only_line(result.stderr))


def test_a_long_way_to_make_handles(slotcheck, build):
    """None of the operations can be left out: frame 7 is not reached with one less."""
    text = HEADER.replace("16", "8") + "list_new()\nsegment_from_unused(p0, 8, link(0))\n"
    text += "segment_next(seg0)\nunique_frame_try_from(f0)\n" + 7 * "segment_next(seg0)\n"
    text += "unique_frame_try_from(f6)\nlist_push_front(l0, u1)\nlist_push_front(l0, u0)\n"
    text += "list_cursor_mut_at(l0, p7)\n"
    subject = build / "subjects/fault_cursor_at_front.so"
    result = slotcheck("shrink", "--subject", subject, "-", input=text.encode())
    assert result.stdout.decode() == (
        "slotcheck program 2\nslots 2\nunique_frame_from_unused(p0, link(0))\n"
        "unique_frame_from_unused(p1, link(0))\nlist_new()\nlist_push_front(l0, u0)\n"
        "list_push_front(l0, u0)\nlist_cursor_mut_at(l0, p0)\n")


def test_a_setup_stays_only_if_it_must(slotcheck, build):
    """Saturation cannot be reached otherwise."""
    text = HEADER + ("setup(s4, 2, probe(1))\nsetup(s3, MAX, probe(9))\nframe_from_raw(p4)\n"
                     "frame_from_raw(p3)\nget_from_in_use(p3)\n")
    subject = build / "subjects/fault_in_use_past_max.so"
    result = slotcheck("shrink", "--subject", subject, "-", input=text.encode())
    assert result.stdout.decode() == (
        "slotcheck program 2\nslots 1\nsetup(s0, MAX, empty(0))\nget_from_in_use(p0)\n")


def test_the_region_that_is_needed(slotcheck, build):
    text = HEADER + "frame_from_unused(p12, probe(3))\nframe_from_unused(p7, probe(3))\n"
    subject = build / "subjects/fault_claim_counts_neighbour.so"
    result = slotcheck("shrink", "--subject", subject, "--slots", "64", "-", input=text.encode())
    assert result.stdout.decode() == (
        "slotcheck program 2\nslots 2\nframe_from_unused(p0, empty(0))\n")


def test_json(slotcheck, build, tmp_path):
    path = tmp_path / "case.txt"
    path.write_text(HEADER + "frame_from_unused(p3, probe(7))\nget_slot(p1)\nframe_clone(f0)\n")
    subject = build / "subjects/fault_clone_uncounted.so"
    out = tmp_path / "out.txt"
    result = slotcheck("shrink", "--json", "--subject", subject, "-o", out, path)
    record = json.loads(result.stdout)
    assert record["program"] == CLONE == out.read_text()
    assert record["signature"] == signature(slotcheck, subject, path)
    assert (record["operations_before"], record["operations"], record["slots"]) == (3, 2, 1)
    assert (record["file"], record["subject"], record["runs"] > 2) == (str(path), "plain", True)


def test_nothing_smaller(slotcheck, build):
    subject = build / "subjects/fault_clone_uncounted.so"
    result = slotcheck("shrink", "--subject", subject, "-", input=CLONE.encode())
    assert result.returncode == 0 and result.stdout.decode() == CLONE
    assert only_line(result.stderr).startswith(
        "slotcheck: nothing smaller shows the signature frame_clone.SHARED.ref_count.")


def test_the_same_length_and_simpler(slotcheck, build):
    text = HEADER + "frame_from_unused(p3, probe(7))\nframe_clone(f0)\n"
    subject = build / "subjects/fault_clone_uncounted.so"
    result = slotcheck("shrink", "--subject", subject, "-", input=text.encode())
    assert result.stdout.decode() == CLONE
    assert only_line(result.stderr).startswith("slotcheck: simplified 2 operations (frame_clone.")


@pytest.mark.parametrize("runs, limited", [("5", True), ("1000000", False)])
def test_a_limit_that_was_reached_is_told(runs, limited, slotcheck, build):
    text = HEADER + "get_slot(p3)\n" * 20 + "frame_from_unused(p3, probe(7))\nframe_clone(f0)\n"
    subject = build / "subjects/fault_clone_uncounted.so"
    result = slotcheck("shrink", "--json", "--runs", runs, "--subject", subject, "-",
                       input=text.encode())
    assert result.returncode == 0
    record = json.loads(result.stdout)
    assert record["limited"] is limited
    assert record["runs"] <= int(runs)
    assert ("; stopped at a limit" in only_line(result.stderr)) == limited


# --- subjects that die ---


def test_a_crash(slotcheck, build):
    text = HEADER + ("frame_from_unused(p3, probe(7))\nframe_clone(f0)\nframe_into_raw(f1)\n"
                     "get_slot(p0)\nframe_drop(f0)\nget_slot(p0)\n")
    subject = build / "subjects/fault_crash.so"
    result = slotcheck("shrink", "--subject", subject, "-", input=text.encode())
    assert result.returncode == 0
    assert result.stdout.decode() == (
        "slotcheck program 2\nslots 1\nframe_from_unused(p0, empty(0))\nframe_drop(f0)\n")
    assert "frame_drop.SHARED.process.exec-process" in only_line(result.stderr)


def test_hangs(build, monkeypatch):
    """With and without use of the processor, at once. The timeout is waited for once, to confirm
    the result, and not with each candidate."""
    claim, clone = "frame_from_unused(p3, probe(7))\n", "frame_clone(f0)\n"
    texts = {"fault_hang": claim + "frame_from_in_use(p3)\nget_slot(p0)\nget_from_in_use(p3)\n",
             "odd": claim + "get_slot(p3)\nget_slot(p0)\n" + clone + "get_slot(p0)\n"}
    monkeypatch.setenv("ODD", "stuck")
    began = time.monotonic()
    running = {
        name: subprocess.Popen(
            [build / "harness/slotcheck", "shrink", "--timeout", "2", "--subject",
             build / f"subjects/{name}.so", "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for name in texts}
    for name, process in running.items():
        process.stdin.write(HEADER + texts[name])
        process.stdin.close()
    output = {name: process.stdout.read() for name, process in running.items()}
    assert [process.wait() for process in running.values()] == [0, 0]
    assert time.monotonic() - began < 9
    assert len(output["fault_hang"].splitlines()) == 2 + 3
    assert output["odd"] == CLONE


def test_exit_in_a_panic(slotcheck, build):
    text = HEADER + "setup(s3, MAX, probe(1))\nsetup(s0, MAX, probe(1))\ninc_ref_count(s3)\n"
    subject = build / "subjects/exiting.so"
    result = slotcheck("shrink", "--subject", subject, "-", input=text.encode())
    assert result.returncode == 0
    assert result.stdout.decode().endswith("setup(s0, MAX, empty(0))\ninc_ref_count(s0)\n")


def test_a_subject_that_dies_of_candidates(slotcheck, build):
    """It cannot return from a panic, and does not panic where it should."""
    subject = build / "subjects/aborting_ids_past_max.so"
    text = HEADER + ("setup_list_id(MAX)\nlist_new()\nunique_frame_from_unused(p1, link(4))\n"
                     "get_slot(p0)\nlist_push_front(l0, u0)\nget_slot(p0)\n")
    result = slotcheck("shrink", "--subject", subject, "-", input=text.encode())
    assert result.returncode == 0, result.stderr
    assert 2 <= len(result.stdout.splitlines()) - 2 <= 4


# --- bad input ---


def test_agreement_is_nothing_to_shrink(slotcheck, tmp_path):
    path, out = tmp_path / "case.txt", tmp_path / "out.txt"
    path.write_text(HEADER + "get_slot(p0)\n")
    out.write_text("earlier")
    result = slotcheck("shrink", path, "-o", out)
    assert result.returncode == 2 and result.stdout == b""
    assert only_line(result.stderr) == f"slotcheck: {path}: agrees; there is nothing to shrink"
    assert out.read_text() == "earlier"


@pytest.mark.parametrize("text, position", [("", "byte 0"), ("frob\n", ":1:"),
                                            (HEADER + "frame_drop(f\n", ":3:")])
def test_text_that_is_no_program(text, position, slotcheck, tmp_path):
    path = tmp_path / "case.txt"
    path.write_text(text)
    result = slotcheck("shrink", path)
    assert result.returncode == 2 and result.stdout == b""
    assert position in only_line(result.stderr)


@pytest.mark.parametrize("arguments, complaint", [
    ([], "no file given"),
    (["a", "b"], "one file at a time"),
    (["/no/such/file"], "/no/such/file"),
    (["--slots", "0", "a"], "--slots 0"),
    (["--timeout", "x", "a"], "--timeout x"),
    (["--runs", "0", "a"], "--runs 0"),
    (["--spec", "x", "a"], "--spec x"),
    (["--subject", "/no/such.so", "a"], "cannot be loaded"),
])
def test_wrong_usage(arguments, complaint, slotcheck):
    result = slotcheck("shrink", *arguments)
    assert result.returncode == 2
    assert complaint in only_line(result.stderr)


def test_help_has_an_example(slotcheck):
    result = slotcheck("shrink", "--help")
    assert result.returncode == 0
    assert b"Example:" in result.stdout and b"slotcheck shrink" in result.stdout


def test_a_region_that_cannot_be_made(slotcheck, build):
    result = slotcheck("shrink", "--subject", build / "subjects/fault_create_in_use.so", "-",
                       input=(HEADER + "get_slot(p0)\n").encode())
    assert result.returncode == 2
    assert "create" in only_line(result.stderr)


# --- output ---


def diverging_case(tmp_path: Path) -> Path:
    path = tmp_path / "case.txt"
    path.write_text(HEADER + "frame_from_unused(p3, probe(7))\nframe_clone(f0)\n")
    return path


def test_writing_keeps_what_was_there_if_it_fails(slotcheck, build, tmp_path):
    def tiny_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))

    path, out = diverging_case(tmp_path), tmp_path / "out"
    out.write_bytes(b"earlier")
    subject = build / "subjects/fault_clone_uncounted.so"
    result = slotcheck("shrink", "--subject", subject, path, "-o", out, preexec_fn=tiny_files)
    assert result.returncode == 2
    assert str(out) in only_line(result.stderr)
    assert out.read_bytes() == b"earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["case.txt", "out"]
    result = slotcheck("shrink", "--subject", subject, path, "-o", tmp_path / "no/such/folder")
    assert result.returncode == 2
    assert "no/such/folder" in only_line(result.stderr)


def test_full_standard_output(build, tmp_path):
    subject = build / "subjects/fault_clone_uncounted.so"
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [build / "harness/slotcheck", "shrink", "--subject", subject,
             diverging_case(tmp_path)], stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert result.returncode == 2
    assert "standard output" in only_line(result.stderr)
