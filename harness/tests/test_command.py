# SPDX-License-Identifier: MPL-2.0
"""The slotcheck command as a user meets it: verdicts, conversions, and every kind of bad input."""

from __future__ import annotations

import json
import random
import re
import resource
import signal

import pytest

HEADER = "slotcheck program 1\nslots 4\n"


@pytest.fixture
def case(tmp_path):
    """Writes a text program and gives its path."""

    def write(text: str, name: str = "case.txt"):
        path = tmp_path / name
        path.write_text(HEADER + text)
        return path

    return write


def only_line(stderr: bytes) -> str:
    """What a person gets to read about bad input: one line."""
    lines = stderr.decode().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


# --- verdicts ---


def test_agreement(slotcheck, case):
    result = slotcheck("run", case("frame_from_unused(p0, probe(7))\nframe_drop(f0)\n"))
    assert result.returncode == 0
    assert b"2 executed, 0 skipped" in result.stdout


def test_case_from_standard_input(slotcheck, build):
    fault = build / "subjects/fault_clone_uncounted.so"
    text = HEADER + "frame_from_unused(p0, probe(7))\nframe_clone(f0)\n"
    assert slotcheck("run", "-", input=text.encode()).returncode == 0
    assert slotcheck("run", "--subject", fault, "-", input=text.encode()).returncode == 1
    crash = slotcheck("run", "--subject", build / "subjects/fault_crash.so", "-",
                      input=(text + "frame_drop(f0)\n").encode())
    assert crash.returncode == 1
    assert b"crash in frame_drop" in crash.stdout


@pytest.mark.parametrize("subject", ["builtin", "subjects/plain.so", "subjects/aborting.so",
                                     "subjects/partial.so", "examples/subject_c.so",
                                     "examples/subject_rust.so"])
def test_good_subjects_agree_on_the_whole_corpus(subject, slotcheck, build, project):
    path = subject if subject == "builtin" else build / subject
    result = slotcheck("run", "--quiet", "--subject", path, project / "corpus/seeds")
    assert result.returncode == 0, result.stdout.decode()


def test_json_record(slotcheck, build, case):
    path = case("frame_from_unused(p3, untyped(0))\nframe_clone(f0)\n")
    fault = build / "subjects/fault_clone_uncounted.so"
    result = slotcheck("run", "--json", "--subject", fault, path)
    record = json.loads(result.stdout)
    assert result.returncode == 1
    assert record["verdict"] == "violation"
    assert record["signature"] == "frame_clone.SHARED.ref_count.inc_ref_count_spec-ref_count"
    assert (record["operation"], record["step"], record["slot"]) == ("frame_clone", 2, 3)
    assert record["differences"][0] == {
        "slot": 3, "field": "ref_count", "before": "1", "expected": "2", "subject": "1"}
    assert "accounting/ref_count" in [clause["id"] for clause in record["clauses"]]
    assert record["program"].startswith("slotcheck program 1")
    assert record["replay"] == f"./slotcheck run --subject {fault} {path}"


def test_several_cases_and_a_crash_between_them(slotcheck, build, case):
    """A subject that dies in one case does not take the others with it."""
    paths = [case("frame_from_unused(p0, untyped(0))\n", "a.txt"),
             case("frame_from_unused(p0, untyped(0))\nframe_drop(f0)\n", "b.txt"),
             case("frame_from_unused(p1, untyped(0))\n", "c.txt")]
    result = slotcheck("run", "--json", "--subject", build / "subjects/fault_crash.so", *paths)
    verdicts = [json.loads(line)["verdict"] for line in result.stdout.splitlines()]
    assert verdicts == ["agreement", "crash", "agreement"]
    assert result.returncode == 1


def test_a_subject_that_never_returns(slotcheck, build, case):
    path = case("frame_from_unused(p0, untyped(0))\nframe_from_in_use(p0)\nget_from_in_use(p0)\n")
    hang = build / "subjects/fault_hang.so"
    result = slotcheck("run", "--timeout", "1", "--subject", hang, path)
    assert result.returncode == 1
    assert b"did not return in time" in result.stdout


@pytest.mark.parametrize("subject", ["subjects/plain.so", "subjects/aborting.so"])
@pytest.mark.parametrize("panics", ["inc_ref_count(s0)", "frame_from_raw(p0)\nframe_clone(f0)",
                                    "get_from_in_use(p0)", "frame_from_in_use(p0)"])
def test_saturation_panics_in_every_subject(subject, panics, slotcheck, build, case):
    """Also where it really ends the process: the operation after it is never reached."""
    path = case(f"setup(s0, MAX, probe(1))\n{panics}\nget_slot(p0)\n")
    result = slotcheck("run", "--json", "--subject", build / subject, path)
    record = json.loads(result.stdout)
    assert result.returncode == 0
    assert record["executed"] == 1 + len(panics.splitlines())


def test_overridden_slots(slotcheck, case):
    path = case("get_slot(p200)\nget_slot(oob0)\n")
    assert slotcheck("run", "--slots", "1", path).returncode == 0
    assert slotcheck("run", "--slots", "1048576", path).returncode == 0


# --- conversions ---


def test_bytes_and_text_are_one(slotcheck, tmp_path):
    """Every byte string whose format is known goes to text and back unchanged."""
    generator = random.Random(1)
    for i in range(1, 50):
        original = bytes([generator.choice([0, 1, 0x80, 0xFF])]) + generator.randbytes(i)
        shown = slotcheck("show", "-", input=original)
        assert shown.returncode == 0
        packed = slotcheck("pack", "-", input=shown.stdout)
        assert packed.stdout == original


# What the comments of the corpus announce; see corpus/README.md.
OUTCOMES = re.compile(r"(NotAligned|OutOfBound|InUse|Unused|Busy|Unique|Returned|None|panic|skipped"
                      r"|not reached)")


def announced(text: str) -> list[tuple[str, str]]:
    """Each operation, and how its line says that it ends."""
    lines = [line.partition("#") for line in text.splitlines()]
    outcomes = [(line.strip(), OUTCOMES.match(comment.strip())) for line, _, comment in lines]
    return [(line, outcome[1] if outcome else "Ok") for line, outcome in outcomes if "(" in line]


def test_results_are_those_that_the_corpus_announces(slotcheck, project):
    """Of every seed."""
    seen = set()
    for seed in sorted((project / "corpus/seeds").iterdir()):
        result = slotcheck("show", "--results", seed)
        assert result.returncode == 0, seed
        shown = announced(result.stdout.decode())
        assert [outcome for _, outcome in shown] == [
            outcome for _, outcome in announced(seed.read_text())], seed
        seen |= {outcome for _, outcome in shown}
    assert len(seen) == 12


def test_results_are_comments(slotcheck, case, tmp_path):
    path = case("get_slot(oob0)\nframe_drop(f0)\nget_slot(p0)\nsetup(s0, MAX, probe(1))\n")
    shown = slotcheck("show", "--results", path).stdout.decode()
    assert shown == HEADER + ("get_slot(oob0)  # OutOfBound\nframe_drop(f0)  # skipped\n"
                              "get_slot(p0)\nsetup(s0, MAX, probe(1))  # skipped\n")
    written = slotcheck("show", "--results", "-o", tmp_path / "out", path)
    assert (written.returncode, written.stdout) == (0, b"")
    assert (tmp_path / "out").read_text() == shown
    assert slotcheck("show", tmp_path / "out").stdout == slotcheck("show", path).stdout


def test_what_comes_after_a_panic_is_not_reached(slotcheck, case):
    path = case("setup(s0, MAX, probe(1))\ninc_ref_count(s0)\nget_slot(p0)\nget_slot(oob0)\n")
    shown = slotcheck("show", "--results", path).stdout.decode().splitlines()
    assert shown[3:] == ["inc_ref_count(s0)  # panic", "get_slot(p0)  # not reached",
                         "get_slot(oob0)  # not reached"]


def test_writing_keeps_what_was_there_if_it_fails(slotcheck, tmp_path, case):
    def tiny_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))

    out = tmp_path / "out"
    out.write_bytes(b"earlier")
    result = slotcheck("pack", case("get_slot(p0)\n"), "-o", out, preexec_fn=tiny_files)
    assert result.returncode == 2
    assert str(out) in only_line(result.stderr)
    assert out.read_bytes() == b"earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["case.txt", "out"]


def test_output_that_cannot_be_written(slotcheck, case, tmp_path):
    path = case("get_slot(p0)\n")
    result = slotcheck("pack", path, "-o", tmp_path / "no/such/folder")
    assert result.returncode == 2
    assert "no/such/folder" in only_line(result.stderr)


@pytest.mark.parametrize("arguments", [["spec"], ["show"], ["run"], ["run", "--json"]])
def test_full_standard_output(arguments, build, case):
    import subprocess

    path = [case("get_slot(p0)\n")] if arguments[0] != "spec" else []
    with open("/dev/full", "wb") as full:
        result = subprocess.run([build / "harness/slotcheck", *arguments, *path],
                                stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert result.returncode == 2
    assert "standard output" in only_line(result.stderr)


# --- bad input ---


@pytest.mark.parametrize("text, position", [
    ("slotcheck program 1\nslots 4\nfrob(f0)\n", ":3:"),
    ("slotcheck program 1\nslots 4\nframe_drop(f", ":3:"),
    ("slotcheck program 1\nslots 0\n", ":2:"),
    ("slotcheck program 9\nslots 4\n", ":1:"),
    ("frame_drop(f0)\n", ":1:"),
    ("# only a comment\n", ":"),
    ("slotcheck program 1\nslots 4\nsetup(s0, MAX+99, probe(1))\n", ":3:"),
])
def test_text_that_is_no_program(text, position, slotcheck, tmp_path):
    path = tmp_path / "bad.txt"
    path.write_text(text)
    for command in ["run", "show", "pack"]:
        arguments = [command, path] + (["-o", tmp_path / "out"] if command == "pack" else [])
        result = slotcheck(*arguments)
        assert result.returncode == 2
        assert f"{path}{position}" in only_line(result.stderr)
        assert result.stdout == b""
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbfslotcheck program 1\n", b"\x7fELF\x02\x01"])
def test_files_that_were_never_programs(start, slotcheck, tmp_path):
    path = tmp_path / "case"
    path.write_bytes(start)
    result = slotcheck("run", path)
    assert result.returncode == 2
    assert f"{path}: byte 0: " in only_line(result.stderr)


def test_a_library_cut_short(slotcheck, build, tmp_path):
    path = tmp_path / "cut.so"
    path.write_bytes((build / "subjects/plain.so").read_bytes()[:900])
    result = slotcheck("subjects", path)
    assert result.returncode == 2
    assert "cannot be loaded" in only_line(result.stderr)


def test_bytes_of_a_later_format(slotcheck):
    result = slotcheck("run", "-", input=b"\x03\x00abc")
    assert result.returncode == 2
    assert "newer" in only_line(result.stderr)


@pytest.mark.parametrize("library, complaint", [
    ("no_entry", "no function slotcheck_subject"),
    ("other_version", "another version"),
    ("refusing", "does not serve version"),
    ("missing_required", "lacks a required function"),
    ("boastful", "declares snapshots"),
    ("no_such_library", "cannot be loaded"),
])
@pytest.mark.parametrize("command", ["run", "subjects"])
def test_libraries_that_are_no_subject(command, library, complaint, slotcheck, build, case):
    path = build / f"subjects/{library}.so"
    if command == "run":
        result = slotcheck("run", "--subject", path, case("get_slot(p0)\n"))
    else:
        result = slotcheck("subjects", path)
    assert result.returncode == 2
    assert str(path) in only_line(result.stderr)
    assert complaint in result.stderr.decode()


def test_a_file_that_is_no_library(slotcheck, case):
    path = case("get_slot(p0)\n")
    result = slotcheck("subjects", path)
    assert result.returncode == 2
    assert "cannot be loaded" in only_line(result.stderr)


@pytest.mark.parametrize("arguments, complaint", [
    ([], "no command"),
    (["frob"], "no command `frob`"),
    (["run"], "no file given"),
    (["run", "/no/such/file"], "/no/such/file"),
    (["run", "--slots", "0", "x"], "--slots 0"),
    (["run", "--slots", "241", "x"], "--slots 241"),
    (["run", "--slots", "-3", "x"], "--slots -3"),
    (["run", "--timeout", "0", "x"], "--timeout 0"),
    (["spec", "frob"], "no function or clause `frob`"),
    (["stats", "/dev/null"], "not statistics"),
    (["show", "/"], "/"),
])
def test_wrong_usage(arguments, complaint, slotcheck):
    result = slotcheck(*arguments)
    assert result.returncode == 2
    assert complaint in only_line(result.stderr)


def test_an_empty_folder_is_no_agreement(slotcheck, tmp_path):
    result = slotcheck("run", tmp_path)
    assert result.returncode == 2
    assert "no case files" in only_line(result.stderr)


def test_a_bad_case_does_not_hide_behind_good_ones(slotcheck, case, tmp_path):
    case("get_slot(p0)\n", "a.txt")
    (tmp_path / "b.txt").write_text("nonsense\n")
    case("get_slot(p0)\n", "c.txt")
    result = slotcheck("run", tmp_path)
    assert result.returncode == 2
    assert result.stdout.count(b"agrees") == 2
    assert "b.txt:1:" in only_line(result.stderr)


@pytest.mark.parametrize("fault", ["create_in_use", "create_unknown"])
def test_a_create_that_makes_no_region(fault, slotcheck, build, case):
    path = case("get_slot(p0)\n")
    result = slotcheck("run", "--subject", build / f"subjects/fault_{fault}.so", path)
    assert result.returncode == 2
    assert "create" in only_line(result.stderr)


def test_a_subject_that_dies_with_its_region(slotcheck, build, case):
    fault = build / "subjects/fault_crash_in_destroy.so"
    result = slotcheck("run", "--subject", fault, case("get_slot(p0)\n"))
    assert result.returncode == 1
    assert b"agrees" in result.stdout
    assert "regions were destroyed" in only_line(result.stderr)


def test_what_a_subject_prints_is_no_verdict(slotcheck, build, case):
    path = case("get_slot(p0)\n")
    result = slotcheck("run", "--json", "--subject", build / "subjects/fault_talks.so", path)
    assert json.loads(result.stdout)["verdict"] == "agreement"


def test_exit_is_no_panic(slotcheck, build, case):
    path = case("setup(s0, MAX, probe(1))\ninc_ref_count(s0)\n")
    result = slotcheck("run", "--subject", build / "subjects/exiting.so", path)
    assert result.returncode == 1
    assert b"called exit(7)" in result.stdout


def test_slots_that_a_subject_cannot_have(slotcheck, build, case):
    path = case("get_slot(p0)\n")
    result = slotcheck("run", "--slots", "4", "--subject", build / "subjects/aborting.so", path)
    assert result.returncode == 2
    assert "--slots 4" in only_line(result.stderr)


def test_a_path_that_is_no_utf_8(slotcheck, tmp_path):
    path = bytes(tmp_path) + b"/\xff.txt"
    with open(path, "w") as file:
        file.write(HEADER)
    result = slotcheck("run", "--json", path)
    assert json.loads(result.stdout)["file"].endswith("/?.txt")


def test_a_reset_that_does_not_reset_is_the_subjects_fault(slotcheck, build, case):
    path = case("frame_from_unused(p0, untyped(0))\n")
    result = slotcheck("run", "--subject", build / "subjects/fault_reset_forgets.so", path)
    assert result.returncode == 2
    assert "reset" in only_line(result.stderr)


# --- tables ---


def test_spec_lists_every_clause(slotcheck):
    everything = json.loads(slotcheck("spec", "--json").stdout)
    assert len({clause["id"] for clause in everything}) == len(everything) > 100
    one = json.loads(slotcheck("spec", "--json", "get_from_in_use_success").stdout)
    assert len(one) == 9
    text = slotcheck("spec", "get_from_in_use_success").stdout.decode()
    assert all(clause["id"] in text and clause["text"] in text for clause in one)


def test_subjects_says_what_is_missing(slotcheck, build):
    offer = json.loads(slotcheck("subjects", "--json", build / "subjects/partial.so").stdout)
    offered = {name for name, there in offer["operations"].items() if there}
    assert offered == {"get_slot", "frame_from_unused", "frame_drop"}
    assert offer["capabilities"]["ghost"] is False
    builtin = json.loads(slotcheck("subjects", "--json", "builtin").stdout)
    assert all(builtin["operations"].values()) and all(builtin["capabilities"].values())


@pytest.mark.parametrize("command", ["run", "show", "pack", "spec", "subjects", "stats"])
def test_help_has_an_example(command, slotcheck):
    result = slotcheck(command, "--help")
    assert result.returncode == 0
    assert b"Example:" in result.stdout
    assert f"slotcheck {command}".encode() in result.stdout
