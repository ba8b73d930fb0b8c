# SPDX-License-Identifier: MPL-2.0
"""The parts of the campaign that need no engine."""
from __future__ import annotations

import io
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import pytest

import dictionary
from campaign import folder as folder_module
from campaign.arguments import build_parser, number_of_slots, parse_arguments, slots_to_fuzz
from campaign.counts import Counts, parse_counts
from campaign.engine import EngineSettings, EngineStatus, Job, hang_seconds
from campaign.errors import CampaignError, Status
from campaign.findings import (
    HANG_SECONDS,
    HANGS,
    Finding,
    Replayer,
    crash_signature,
    forget_input,
    keep_crash,
    list_findings,
    slots_byte,
    with_slots,
)
from campaign.folder import Folder
from campaign.report import (
    Output,
    Progress,
    StatusLine,
    findings_text,
    Summary,
    operations_table,
    short_number,
    short_time,
)
from campaign.supervise import handed_over, last_complaint, last_line, refuse_slots

ROOT = Path(__file__).resolve().parents[2]

# --- what libFuzzer prints ------------------------------------------------------------------------


def read(*lines: str) -> EngineStatus:
    status = EngineStatus()
    for line in lines:
        status.read_line(line)
    return status


@pytest.mark.parametrize(
    "line, executions, edges, features, corpus",
    [
        ("#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 26Mb", 2, 12, 13, 1),
        (
            "#1024\tNEW    cov: 99 ft: 312 corp: 45/1234b lim: 11 exec/s: 0 rss: 30Mb L: 11/11"
            " MS: 1 InsertByte-",
            1024,
            99,
            312,
            45,
        ),
        ("#4194304\tpulse  cov: 5 ft: 6 corp: 7/8Kb lim: 512 exec/s: 9", 4194304, 5, 6, 7),
        ("#300\tDONE   cov: 5 ft: 6 corp: 7/8Mb lim: 512 exec/s: 9 rss: 10Mb", 300, 5, 6, 7),
        ("#77\tRELOAD cov: 5 ft: 6 corp: 7/8b lim: 512 exec/s: 9 rss: 10Mb", 77, 5, 6, 7),
    ],
)
def test_status_lines(line: str, executions: int, edges: int, features: int, corpus: int) -> None:
    status = read(line)
    assert (status.executions, status.edges) == (executions, edges)
    assert (status.features, status.corpus) == (features, corpus)


def test_a_line_without_coverage_keeps_the_last_one() -> None:
    status = read("#8\tNEW    cov: 3 ft: 4 corp: 5/6b lim: 4", "#16\tpulse  exec/s: 0 rss: 27Mb")
    assert (status.executions, status.edges, status.corpus) == (16, 3, 5)


def test_other_lines_change_nothing() -> None:
    others = ["INFO: Seed: 1", "    #0 0x55 in main", "", "stat::new_units_added: 9"]
    assert read(*others) == EngineStatus()


def test_loaded() -> None:
    assert not read("#2\tNEW    cov: 1 ft: 1 corp: 1/1b").loaded
    assert read("#2\tINITED cov: 1 ft: 1 corp: 1/1b", "#4\tNEW    cov: 2 ft: 2 corp: 2/1b").loaded


def test_artifact() -> None:
    line = "artifact_prefix='log/job-0-'; Test unit written to log/job-0-crash-da39a3ee"
    assert read(line).artifact == Path("log/job-0-crash-da39a3ee")


# --- counts ---------------------------------------------------------------------------------------

STATS = {
    "programs": 100,
    "divergences": 1,
    "operations": {"frame_drop": {"Ok": 40}, "get_slot": {"Ok": 5, "OutOfBound": 7}},
    "skipped": {"frame_drop": {"no handle": 3}, "get_slot": {}},
    "clauses": {"a/b": 10, "a/c": 0, "d/e": 2},
    "not_judged": [],
    "cells": {"seen": 30, "lost": 0, "scope": 25, "seen_of_scope": 20},
}


def test_counts() -> None:
    counts = parse_counts(json.dumps(STATS))
    assert counts.programs == 100
    assert counts.executed == 52
    assert counts.clauses_seen == 2
    assert counts.clauses_unseen == ["a/c"]
    assert (counts.cells, counts.cells_of_scope, counts.scope) == (30, 20, 25)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"programs": 1}', "{nonsense"])
def test_not_counts(text: str) -> None:
    with pytest.raises(ValueError):
        parse_counts(text)


# --- crashes --------------------------------------------------------------------------------------

ASAN_LOG = """INFO: Seed: 3
#2 INITED cov: 1
==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x60 at pc 0x55
WRITE of size 8 at 0x60 thread T0
    #0 0x4a in __asan_memcpy (lockstep+0x4a)
    #1 0x55 in write_meta_at impl/src/meta_slot.c:31:5
    #2 0x56 in fuzz_session_run harness/src/fuzz_session.c:1:1
SUMMARY: AddressSanitizer: heap-buffer-overflow
"""
SIGNAL_LOG = """==8== ERROR: libFuzzer: deadly signal
    #0 0x4f in __sanitizer_print_stack_trace (lockstep+0x4f)
    #1 0x45 in fuzzer::PrintStackTrace() (lockstep+0x45)
    #2 0x42 in fuzzer::Fuzzer::CrashCallback() (lockstep+0x42)
    #3 0x7f in __restore_rt sigaction.c
    #4 0x7f in mine_frame_drop /home/x/libmine.c:9:3
"""
UBSAN_LOG = """impl/src/a.c:3:4: runtime error: load of misaligned address 0x01 for type 'int'
    #0 0x55 in read_it impl/src/a.c:3:4
"""
TIMEOUT_LOG = """ALARM: working on the last Unit for 5 seconds
==9== ERROR: libFuzzer: timeout after 5 seconds
    #0 0x4f in __sanitizer_print_stack_trace (lockstep+0x4f)
    #1 0x55 in spin libmine.c:2:2
"""


@pytest.mark.parametrize(
    "log, signature",
    [
        (ASAN_LOG, "crash.heap-buffer-overflow.write_meta_at"),
        (SIGNAL_LOG, "crash.deadly-signal.mine_frame_drop"),
        (UBSAN_LOG, "crash.load-of-misaligned-address-0x01-for-type-int.read_it"),
        (TIMEOUT_LOG, "crash.timeout.spin"),
        ("", "crash.unknown.unknown"),
    ],
)
def test_crash_signature(log: str, signature: str) -> None:
    assert crash_signature(log) == signature


@pytest.mark.parametrize(
    "slots, byte", [(1, 0), (16, 15), (240, 239), (256, 240), (1024, 242), (2**23, 255)]
)
def test_slots_byte(slots: int, byte: int) -> None:
    assert slots_byte(slots) == byte


def test_with_slots() -> None:
    assert with_slots(b"\x01\x0f\x0c", None) == b"\x01\x0f\x0c"
    assert with_slots(b"\x01\x0f\x0c", 4) == b"\x01\x03\x0c"
    assert with_slots(b"", 4) == b"\x01\x03"
    assert with_slots(b"\x07", 4) == b"\x07\x03"


def test_the_shortest_crash_is_kept(tmp_path: Path) -> None:
    findings, log = tmp_path / "findings", tmp_path / "log"
    findings.mkdir()
    log.mkdir()

    def crash(data: bytes) -> Path:
        artifact = log / "job-0-crash-1"
        artifact.write_bytes(data)
        case = keep_crash(artifact, SIGNAL_LOG, findings, None)
        assert not artifact.exists()
        return case

    case = crash(b"\x01\x0f\x0c\x00")
    assert case.name == "crash.deadly-signal.mine_frame_drop.case"
    assert crash(b"\x01\x0f\x0c\x00\x00") == case
    assert case.read_bytes() == b"\x01\x0f\x0c\x00"
    crash(b"\x01\x0f")
    assert case.read_bytes() == b"\x01\x0f"
    (finding,) = list_findings([case], known=set())
    assert finding.log is not None and finding.log.read_text() == SIGNAL_LOG
    assert list(findings.iterdir()) == [case], "nothing but cases, so that the folder can be run"


def test_forget_input(tmp_path: Path) -> None:
    (tmp_path / "a9993e364706816aba3e25717850c26c9cd0d89d").write_bytes(b"abc")
    (tmp_path / "other").write_bytes(b"abcd")
    forget_input(b"abc", tmp_path)
    forget_input(b"not there", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


# --- confirming -----------------------------------------------------------------------------------


def script(path: Path, text: str) -> Path:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


RECORD = {"verdict": "violation", "operation": "frame_clone", "slot": 3, "field": "ref_count",
          "signature": "frame_clone.SHARED.ref_count.x",
          "clauses": [{"id": "accounting/ref_count", "text": "the sum"}]}
SAYS_RECORD = f"echo '{json.dumps(RECORD)}'; "


@pytest.mark.parametrize("signature", [RECORD["signature"], "crash.SEGV.f"])
@pytest.mark.parametrize("status, confirmed", [(0, False), (1, True), (2, False), (3, False)])
def test_confirm(tmp_path: Path, signature: str, status: int, confirmed: bool) -> None:
    expected = "run --json --subject l.so c.case"
    command = script(tmp_path / "slotcheck",
                     f'[ "$*" = "{expected}" ] || exit 9\n{SAYS_RECORD}exit {status}')
    finding = Finding(signature, Path("c.case"))
    Replayer(command, "./slotcheck", (), Path("l.so")).confirm(finding)
    assert finding.confirmed == confirmed
    assert finding.replay == "./slotcheck run --subject l.so c.case"


def test_another_divergence_is_not_the_finding(tmp_path: Path) -> None:
    command = script(tmp_path / "slotcheck", SAYS_RECORD + "exit 1")
    finding = Finding("frame_drop.SHARED.ref_count.y", Path("c.case"))
    Replayer(command, "./slotcheck", (), None).confirm(finding)
    assert not finding.confirmed and finding.record is None


@pytest.mark.parametrize("output", ["", "hello", "{", "[]", "3", "{}", '{"verdict": "agreement"}'])
def test_output_that_is_no_record(tmp_path: Path, output: str) -> None:
    command = script(tmp_path / "slotcheck", f"echo '{output}'; exit 1")
    crash, other = Finding("crash.SEGV.f", Path("c.case")), Finding("f.x", Path("c.case"))
    for finding in (crash, other):
        Replayer(command, "./slotcheck", (), None).confirm(finding)
        assert finding.record is None and finding.title == finding.signature
    assert crash.confirmed and not other.confirmed


def test_a_subject_that_prints(tmp_path: Path) -> None:
    command = script(tmp_path / "slotcheck", "echo in clone; " + SAYS_RECORD + "exit 1")
    finding = Finding(RECORD["signature"], Path("c.case"))
    Replayer(command, "./slotcheck", (), None).confirm(finding)
    assert finding.confirmed and finding.record == RECORD


def test_a_finding_has_a_title_and_a_clause(tmp_path: Path) -> None:
    command = script(tmp_path / "slotcheck", SAYS_RECORD + "exit 1")
    finding = Finding(RECORD["signature"], Path("c.case"))
    Replayer(command, "./slotcheck", (), None).confirm(finding)
    assert finding.title == "violation in frame_clone, slot 3, field ref_count"
    text = findings_text([finding])
    assert finding.title in text and "accounting/ref_count: the sum" in text


def test_a_crash_that_only_a_target_shows(tmp_path: Path) -> None:
    command = script(tmp_path / "slotcheck", "exit 0")
    good = script(tmp_path / "good", "exit 0")
    bad = script(tmp_path / "bad", "kill -SEGV $$")
    finding = Finding("crash.SEGV.f", Path("c.case"))
    Replayer(command, "./slotcheck", (good, bad), None).confirm(finding)
    assert finding.confirmed
    assert finding.replay == f"{bad} -timeout=5 c.case"


def crash_record(**changes: object) -> dict[str, object]:
    process = {"slot": None, "field": "process", "subject": "signal 11"}
    record = RECORD | {"verdict": "crash", "file": "c.case", "replay": "./slotcheck run c.case",
                       "signature": "frame_drop.SHARED.process.exec-process",
                       "differences": [process]}
    return record | changes


def process_that(ended: str) -> list[dict[str, object]]:
    return [{"slot": None, "field": "process", "subject": ended}]


CRASH_RECORD = crash_record()
HANG_RECORD = crash_record(differences=process_that(HANGS))
# What shrinking makes of any case is "small"; $small is the record of that.
SHRINKS = """
case $1 in
run) for last; do :; done
    if grep -q small "$last"; then echo '{small}'; else echo '{large}'; fi; exit 1 ;;
shrink) echo small >"$3"; echo "$*" >>{log}; exit {status} ;;
pack) cp "$4" "$3" ;;
esac
"""
# The log of a target's crash in `function`, where the case is the shrunk one or not.
TARGET = """
for last; do :; done
grep -q small "$last" && function={small} || function={large}
echo "==1==ERROR: AddressSanitizer: SEGV on unknown address" >&2
echo "    #0 0x55 in $function a.c:1:1" >&2
exit 1
"""


@dataclass
class Crash:
    """A campaign's folder with one crash, and a command that shrinks it."""

    folder: Path
    command: Path
    case: Path

    def confirm(self, *targets: Path, new: bool = True) -> Finding:
        finding = Finding(self.case.stem, self.case, new=new)
        Replayer(self.command, "./slotcheck", targets, Path("l.so")).confirm(finding)
        assert finding.confirmed
        # Nothing but cases, so that the folder can be run.
        assert list(self.case.parent.iterdir()) == [self.case]
        assert not list((self.folder / "log").iterdir())
        return finding

    def shrink_calls(self) -> str:
        calls = self.folder / "calls"
        return calls.read_text() if calls.exists() else ""


@pytest.fixture
def crash(tmp_path: Path) -> Callable[..., Crash]:
    def make(large: object = CRASH_RECORD, small: object = CRASH_RECORD, status: int = 0) -> Crash:
        text = SHRINKS.format(large=json.dumps(large), small=json.dumps(small),
                              log=tmp_path / "calls", status=status)
        for folder in ("findings", "log"):
            (tmp_path / folder).mkdir()
        case = tmp_path / "findings/crash.SEGV.f.case"
        case.write_text("large")
        return Crash(tmp_path, script(tmp_path / "slotcheck", text), case)

    return make


@pytest.mark.parametrize("status, left", [(0, "small\n"), (2, "large"), (3, "large")])
def test_a_crash_is_shrunk(crash: Callable[..., Crash], status: int, left: str) -> None:
    """If that fails, the case stays as it was. What is known already was shrunk before."""
    made = crash(status=status)
    for is_new in (False, True):
        assert made.confirm(new=is_new).record == CRASH_RECORD
        assert bool(made.shrink_calls()) == is_new
    assert made.case.read_text() == left
    assert made.shrink_calls().endswith(f" --subject l.so {made.case}\n")


@pytest.mark.parametrize(
    "large, small, kept",
    [
        (CRASH_RECORD, CRASH_RECORD, True),
        (HANG_RECORD, HANG_RECORD, True),
        (CRASH_RECORD, crash_record(signature="frame_drop.UNUSED.process.exec-process"), False),
        (CRASH_RECORD, crash_record(differences=process_that("signal 6")), False),
        (CRASH_RECORD, HANG_RECORD, False),
        (CRASH_RECORD, RECORD, False),
        (CRASH_RECORD, {"verdict": "agreement"}, False),
    ],
)
def test_another_crash_is_not_the_finding(crash: Callable[..., Crash], large: object,
                                          small: object, kept: bool) -> None:
    made = crash(large, small)
    assert made.confirm().record == large
    assert made.case.read_text() == ("small\n" if kept else "large")


def test_only_a_hang_is_shrunk_as_one(crash: Callable[..., Crash]) -> None:
    """What crashes after some seconds would seem to hang before."""
    made = crash()
    made.confirm()
    assert made.shrink_calls() and "--timeout" not in made.shrink_calls()


def test_a_hang_is_shrunk_with_little_time(crash: Callable[..., Crash]) -> None:
    made = crash(HANG_RECORD, HANG_RECORD)
    made.confirm()
    assert f"--timeout {HANG_SECONDS} " in made.shrink_calls()


@pytest.mark.parametrize("large, small, kept", [("f", "f", True), ("f", "g", False)])
def test_the_target_says_the_same_of_a_shrunk_crash(
    crash: Callable[..., Crash], tmp_path: Path, large: str, small: str, kept: bool
) -> None:
    made = crash()
    sanitized = script(tmp_path / "sanitized", TARGET.format(large=large, small=small))
    plain = script(tmp_path / "plain", "exit 0")
    made.confirm(plain, sanitized)
    assert made.case.read_text() == ("small\n" if kept else "large")


def test_the_record_of_a_shrunk_crash_names_its_case(crash: Callable[..., Crash]) -> None:
    small = crash_record(file="PART", replay="./slotcheck run PART")
    made = crash(small=small)
    path = made.folder / "log/crash.SEGV.f.part"
    text = made.command.read_text().replace("PART", str(path))
    made.command.write_text(text)
    record = made.confirm().record
    assert record is not None
    assert (record["file"], record["replay"]) == (str(made.case), f"./slotcheck run {made.case}")


# --- arguments ------------------------------------------------------------------------------------


def test_defaults() -> None:
    arguments = parse_arguments([])
    assert (arguments.time, arguments.subject, arguments.slots) == (60, None, None)
    assert arguments.jobs == len(os.sched_getaffinity(0))
    assert arguments.out == Path("out/fuzz")


def test_all_arguments(tmp_path: Path) -> None:
    library = tmp_path / "libmine.so"
    library.touch()
    arguments = parse_arguments(
        ["--time", "1.5h", "--jobs", "3", "--subject", str(library), "--slots", "4"]
        + ["--max-findings", "2", "--runs", "1000", "--json", "--", "-max_len=64", "-seed=1"]
    )
    assert arguments.time == 5400
    assert (arguments.jobs, arguments.slots) == (3, 4)
    assert (arguments.max_findings, arguments.runs, arguments.json) == (2, 1000, True)
    assert arguments.out == Path("out/fuzz-libmine")
    assert arguments.engine_flags == ("-max_len=64", "-seed=1")


@pytest.mark.parametrize(
    "argv",
    [
        ["--time", "0"],
        ["--time", "-1"],
        ["--time", "soon"],
        ["--time", "1y"],
        ["--time"],
        ["--jobs", "0"],
        ["--jobs", "1.5"],
        ["--jobs", "99999"],
        ["--slots", "0"],
        ["--slots", "241"],
        ["--slots", "16777216"],
        ["--max-findings", "0"],
        ["--runs", "0"],
        ["--subject", "/nonexistent/lib.so"],
        ["--subject", "/"],
        ["--unknown"],
        ["--tim", "3"],
        ["stray"],
        ["--", "stray"],
        ["--", "-fork=2"],
        ["--", "-max_len"],
    ],
)
def test_wrong_arguments(argv: list[str]) -> None:
    with pytest.raises(CampaignError) as raised:
        parse_arguments(argv)
    assert raised.value.status == Status.WRONG_USE
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("slots", [1, 240, 256, 2**23])
def test_slots(slots: int) -> None:
    assert number_of_slots(str(slots)) == slots


@pytest.mark.parametrize("slots, fixed", [(None, 16), (16, 16), (4, 0), (None, 0)])
def test_slots_that_a_subject_can_have(slots: int | None, fixed: int) -> None:
    refuse_slots("l.so", slots, json.dumps({"fixed_slots": fixed}))


def test_slots_that_a_subject_cannot_have() -> None:
    with pytest.raises(CampaignError, match="--slots 4: .*l.so has regions of 16 slots") as raised:
        refuse_slots("l.so", 4, json.dumps({"fixed_slots": 16}))
    assert raised.value.status == Status.WRONG_USE


def test_help_names_every_option_and_no_other() -> None:
    text = subprocess.run(
        [ROOT / "slotcheck", "fuzz", "--help"], capture_output=True, text=True, check=True
    ).stdout
    shown = set(re.findall(r"^  (--[\w-]+)", text, re.MULTILINE))
    known = {option for action in build_parser()._actions for option in action.option_strings}
    assert shown == known


# --- the folder -----------------------------------------------------------------------------------


def test_two_campaigns_in_one_folder(tmp_path: Path) -> None:
    first = Folder(tmp_path / "out", "builtin")
    with pytest.raises(CampaignError, match="another campaign"):
        Folder(tmp_path / "out", "builtin")
    first.lock.close()
    Folder(tmp_path / "out", "builtin")


def test_findings_of_another_subject(tmp_path: Path) -> None:
    first = Folder(tmp_path, "builtin")
    first.lock.close()
    Folder(tmp_path, "/x/a.so").lock.close()
    (first.findings / "x.case").touch()
    with pytest.raises(CampaignError, match="/x/a.so"):
        Folder(tmp_path, "builtin")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99, "subject": "builtin"}', "3"])
def test_a_folder_of_something_else(tmp_path: Path, text: str) -> None:
    (tmp_path / "campaign.json").write_text(text)
    with pytest.raises(CampaignError, match="campaign.json"):
        Folder(tmp_path, "builtin")
    assert (tmp_path / "campaign.json").read_text() == text


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(CampaignError, match="out"):
        Folder(tmp_path / "out", "builtin")


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder_module.os, "posix_fallocate", full)
    with pytest.raises(CampaignError, match="No space left on device"):
        Folder(tmp_path, "builtin")
    assert not list(tmp_path.rglob(".probe"))


def test_retire(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "builtin")
    for path in (folder.findings / "a.case", folder.log / "a.log", folder.findings / "b.case"):
        path.touch()
    folder.retire(folder.findings / "a.case")
    assert [case.name for case in folder.cases()] == ["b.case"]
    assert sorted(path.name for path in folder.fixed.iterdir()) == ["a.case", "a.log"]


# --- what is shown --------------------------------------------------------------------------------


def progress(**changes: object) -> Progress:
    values = dict(
        elapsed=12.3,
        left=47.7,
        counts=parse_counts(json.dumps(STATS)),
        per_second=252_057.0,
        edges=345,
        corpus=67,
        findings=1,
    )
    return Progress(**(values | changes))  # type: ignore[arg-type]


def test_status_line() -> None:
    assert progress().line() == (
        "12s, 48s left | 100 programs, 252k/s | 52 operations | 345 edges | corpus 67 | clauses 2/3"
        " | 1 finding"
    )


def test_a_library_without_coverage() -> None:
    assert "| no coverage |" in progress(edges=1).line()


def test_plain_lines_every_ten_seconds() -> None:
    out = io.StringIO()
    status = StatusLine(out)
    shown = []
    for tenth in range(0, 350):
        if status.is_due(tenth / 10):
            status.show(progress(elapsed=tenth / 10))
            shown.append(tenth / 10)
    status.end()
    assert shown == [10, 20, 30]
    assert out.getvalue().count("\n") == 3


@pytest.mark.parametrize(
    "value, text",
    [(0, "0"), (9999, "9999"), (12_345, "12.3k"), (252_057, "252k"), (2e9, "2.0G")],
)
def test_short_number(value: float, text: str) -> None:
    assert short_number(value) == text


@pytest.mark.parametrize(
    "seconds, text",
    [(9.91, "9.9s"), (9, "9s"), (59.9, "59s"), (150, "2m30s"), (7260, "2h01m")],
)
def test_short_time(seconds: float, text: str) -> None:
    assert short_time(seconds) == text


def test_operations_table() -> None:
    assert operations_table(parse_counts(json.dumps(STATS))).splitlines() == [
        "operation   Ok  OutOfBound  (no handle)",
        "frame_drop  40           .            3",
        "get_slot     5           7            .",
        "in brackets: why operations were skipped",
    ]
    assert operations_table(Counts()) == ""


def test_summary() -> None:
    case, replay = Path("out/x.y.case"), "./slotcheck run out/x.y.case"
    finding = Finding("x.y", case, replay=replay, confirmed=True)
    summary = Summary("builtin", 2, progress(), "out/corpus", [finding], ["old"], Status.DIVERGENCE)
    out = io.StringIO()
    summary.print(out)
    text = out.getvalue()
    assert "2 of 3 clauses were evaluated; never: a/c" in text
    assert "20 of 25 cells (80 %) of the exhaustive scope were seen, and 10 beyond it" in text
    assert "1 finding:\n  x.y\n      ./slotcheck run out/x.y.case\n" in text
    assert "fixed/: old" in text
    record = json.loads(json.dumps(summary.as_dict()))
    assert record["status"] == 1
    assert record["findings"][0]["case"] == "out/x.y.case"


def test_last_complaint() -> None:
    assert last_complaint("a\nslotcheck: b\nslotcheck: c: full\n#2 x\n") == "c: full"
    assert last_complaint("") == "a fuzz target gave up"


# --- dictionaries ---------------------------------------------------------------------------------


def test_dictionaries_are_up_to_date() -> None:
    for path, content in dictionary.dictionaries().items():
        assert path.read_text(encoding="utf-8") == content, "run fuzz/dictionary.py"


def entries_of(content: str) -> list[tuple[str, str]]:
    return re.findall(r'^(\w+)="(.+)"$', content, re.M)


def test_dictionaries_have_every_operation() -> None:
    names = [f"op_{operation.name}" for operation in dictionary.read_operations(dictionary.OPS)]
    assert len(names) == 69 and "op_list_new" in names
    for content in dictionary.dictionaries().values():
        assert [name for name, _ in entries_of(content) if name.startswith("op_")] == names


def test_dictionary_entries_are_ones_that_an_engine_takes() -> None:
    for content in dictionary.dictionaries().values():
        names = [name for name, _ in entries_of(content)]
        assert len(names) == content.count("=\"") == len(set(names))
        for _, value in entries_of(content):
            assert len(re.sub(r"\\x..", "x", value)) <= 64


def test_operands_in_dictionaries_are_as_wide_as_in_programs() -> None:
    source = (ROOT / "harness/src/ops.c").read_text(encoding="utf-8")
    widths = {kind: int(width) for kind, width in re.findall(r"WIDTH_(\w+) = (\d),", source)}
    assert {kind: len(value) for kind, value in dictionary.OPERAND_BYTES.items()} == widths


def test_every_word_of_an_operand_is_in_the_text_dictionary() -> None:
    source = (ROOT / "harness/src/program_text.c").read_text(encoding="utf-8")
    words = set(re.findall(r'\{OPERAND_\w+, "(\w+)"', source))
    for names in re.findall(r"\*const (?:META_TYPES|USAGES)\[\w+\] = \{(.*?)\};", source):
        words |= set(re.findall(r"\w+", names))
    assert {"p", "oob", "seg", "UNIQUE", "probe", "mmio"} <= words
    shown = [re.match(r"\w*?(?=\d|\W|$)", text)[0] for _, text, _ in dictionary.TEXTS]
    assert words <= set(shown)


# --- narrow terminals, hanging subjects, streams that fail ----------------------------------------


@pytest.mark.parametrize("elapsed, left", [(10.0, 50.0), (754.0, 28_020.0), (6_420.0, 22_380.0)])
def test_an_80_column_terminal_shows_everything(elapsed: float, left: float) -> None:
    counts = Counts(
        programs=1_512_000_000,
        operations={"frame_drop": {"Ok": 35_200_000_000}},
        clauses={f"a/{number}": 1 for number in range(125)},
    )
    shown = progress(elapsed=elapsed, left=left, counts=counts, edges=241, corpus=2495)
    line = shown.fitted_line(79)
    assert len(line) <= 79
    for part in (" left ", " 1 ", " 1.5G ", "252k/s", "ops 35G", "cov 241", " 2495 ", " 125/125"):
        assert part in line
    assert shown.fitted_line(200) == shown.line()
    assert len(shown.fitted_line(20)) == 20


@pytest.mark.parametrize(
    "flags, seconds", [((), 11), (("-timeout=2", "-timeout=1"), 5), (("-timeout=0",), 0)]
)
def test_hang_seconds(flags: tuple[str, ...], seconds: int) -> None:
    assert hang_seconds(flags) == seconds


def test_a_job_stalls_while_its_counts_stay(tmp_path: Path) -> None:
    settings = EngineSettings(tmp_path, tmp_path, tmp_path, tmp_path, {})
    job = Job(0, settings, tmp_path, tmp_path)
    job.stats.write_bytes(b"1")
    assert job.stalled_for() == 0
    assert job.stalled_for() > 0
    job.stats.write_bytes(b"2")
    assert job.stalled_for() == 0


def test_what_properties_have_found_is_seed(tmp_path: Path) -> None:
    """Of any run beside the campaign's folder, and only where there is one."""
    for name in ("property", "property-mine", "fuzz", "other"):
        (tmp_path / name / "corpus").mkdir(parents=True)
    (tmp_path / "property-none").mkdir()
    corpora = handed_over(tmp_path / "fuzz")
    assert corpora == (tmp_path / "property/corpus", tmp_path / "property-mine/corpus")
    settings = EngineSettings(tmp_path, tmp_path / "c", tmp_path / "s", tmp_path, {}, (), corpora)
    words = settings.command("", 1, None, with_seeds=True)
    assert words[1:5] == [str(path) for path in (tmp_path / "c", tmp_path / "s", *corpora)]
    assert str(corpora[0]) not in settings.command("", 1, None, with_seeds=False)


def test_a_full_device_is_one_line() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        output = Output(full, "stdout")
        output.write("x")
        with pytest.raises(CampaignError, match="stdout: No space left on device"):
            output.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())


def test_slots_beyond_the_memory_of_a_job() -> None:
    assert slots_to_fuzz("1048576") == 1 << 20
    with pytest.raises(CampaignError, match="too many to fuzz"):
        parse_arguments(["--slots", "2097152"])


def test_last_line() -> None:
    assert last_line("INFO: x\nParseDictionaryFile: no\n\n") == "ParseDictionaryFile: no"
    assert last_line("") != ""
