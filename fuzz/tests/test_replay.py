# SPDX-License-Identifier: MPL-2.0
"""Findings are run again, crashes made small, and what a developer needs is written."""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import pytest

from campaign import replay
from campaign.errors import CampaignError, Status
from campaign.findings import Finding, State, load
from campaign.replay import (
    COMMAND,
    HANG_RUNS,
    HANG_SECONDS,
    HANGS,
    MAX_RUNS,
    RUNS,
    Replayer,
    runs_wanted,
)
from campaign.report import findings_text
from campaigns import script

RECORD = {"verdict": "violation", "operation": "frame_clone", "slot": 3, "field": "ref_count",
          "signature": "frame_clone.SHARED.ref_count.x",
          "clauses": [{"id": "accounting/ref_count", "text": "the sum"}]}
SAYS_RECORD = f"echo '{json.dumps(RECORD)}'; "


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
KINDS = {"violation": (RECORD["signature"], RECORD), "crash": ("crash.SEGV.f", CRASH_RECORD)}


def finding_of(path: Path, signature: str) -> Finding:
    finding = Finding(path / "findings" / signature)
    finding.folder.mkdir(parents=True)
    finding.case.write_bytes(b"large")
    return finding


def target_of(folder: Path, preset: str, text: str) -> Path:
    """Where a build of that preset has it."""
    place = folder / preset / "fuzz/lockstep"
    place.parent.mkdir(parents=True)
    return script(place, text)


def confirmed_by(command: Path, finding: Finding, *targets: Path) -> Finding:
    Replayer(command, "./slotcheck", targets, None).confirm(finding)
    return finding


# --- whether it fails -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["violation", "crash"])
@pytest.mark.parametrize("status, confirmed", [(0, False), (1, True), (2, False), (3, False)])
def test_confirm(tmp_path: Path, kind: str, status: int, confirmed: bool) -> None:
    signature, record = KINDS[kind]
    finding = finding_of(tmp_path, signature)
    expected = f"run --json --subject l.so {finding.case}"
    command = script(tmp_path / "slotcheck",
                     f"""[ "$*" = "{expected}" ] || exit 9
                     echo '{json.dumps(record)}'; exit {status}""")
    Replayer(command, "./slotcheck", (), Path("l.so")).confirm(finding)
    assert finding.confirmed == confirmed
    assert finding.replay == f"./slotcheck run --subject l.so {finding.case}"
    finding.is_new = False
    assert load(finding.folder) == finding


def test_another_divergence_is_not_the_finding(tmp_path: Path) -> None:
    command = script(tmp_path / "slotcheck", SAYS_RECORD + "exit 1")
    finding = confirmed_by(command, finding_of(tmp_path, "frame_drop.SHARED.ref_count.y"))
    assert not finding.confirmed and finding.record is None


@pytest.mark.parametrize("output", ["", "hello", "{", "[]", "3", "{}", '{"verdict": "agreement"}'])
def test_output_that_is_no_record(tmp_path: Path, output: str) -> None:
    command = script(tmp_path / "slotcheck", f"echo '{output}'; exit 1")
    crash, other = finding_of(tmp_path, "crash.SEGV.f"), finding_of(tmp_path, "f.x")
    for finding in (crash, other):
        confirmed_by(command, finding)
        assert finding.record is None and finding.as_dict()["title"] == finding.signature
    assert not crash.confirmed and not other.confirmed


def test_a_subject_that_prints(tmp_path: Path) -> None:
    command = script(tmp_path / "slotcheck", "echo in clone; " + SAYS_RECORD + "exit 1")
    finding = confirmed_by(command, finding_of(tmp_path, RECORD["signature"]))
    assert finding.confirmed and finding.record == RECORD


def test_a_finding_has_a_title_and_a_clause(tmp_path: Path) -> None:
    command = script(tmp_path / "slotcheck", SAYS_RECORD + "exit 1")
    finding = confirmed_by(command, finding_of(tmp_path, RECORD["signature"]))
    assert finding.title == "violation in frame_clone, slot 3, field ref_count"
    text = findings_text([finding])
    assert finding.title in text and "accounting/ref_count: the sum" in text


def test_a_crash_that_only_a_target_shows(tmp_path: Path) -> None:
    command = script(tmp_path / "slotcheck", "exit 0")
    good = target_of(tmp_path, "good", "exit 0")
    bad = target_of(tmp_path, "bad", TARGET.format(large="f", small="f"))
    finding = finding_of(tmp_path, "crash.SEGV.f")
    finding.record = CRASH_RECORD  # of when the command showed it, too
    confirmed_by(command, finding, good, bad)
    assert finding.confirmed and finding.record is None and finding.shown_by == "bad"
    assert finding.replay == f"{bad} -timeout=5 {finding.case}"


# --- how often ------------------------------------------------------------------------------------


def fails_at(path: Path, statuses: list[int], record: object = RECORD) -> Path:
    """A command whose runs end like that, one after the other; the last one all that follow."""
    last = len(statuses)
    text = (f"[ $2 = --json ] || exit 2; echo >>{path}/calls; n=$(wc -l <{path}/calls)\n"
            f"[ $n -le {last} ] || n={last}\n"
            f"set -- {' '.join(map(str, statuses))}; shift $((n - 1))\n"
            f"[ $1 != 1 ] || echo '{json.dumps(record)}'\nexit $1\n")
    return script(path / "slotcheck", text)


@pytest.mark.parametrize(
    "statuses, failures, state",
    [
        ([1], RUNS, State.REPRODUCED),
        ([1, 0], 1, State.FLAKY),
        ([0, 1, 0, 1, 0], 2, State.FLAKY),
        ([0, 0, 0, 0, 1], 1, State.FLAKY),
        ([0], 0, State.NOT_REPRODUCED),
    ],
)
def test_how_often_it_fails(
    tmp_path: Path, statuses: list[int], failures: int, state: State
) -> None:
    command = fails_at(tmp_path, statuses)
    finding = confirmed_by(command, finding_of(tmp_path, RECORD["signature"]))
    assert (finding.runs, finding.failures, finding.state) == (RUNS, failures, state)
    assert len((tmp_path / "calls").read_text()) == RUNS


def test_a_hang_is_run_again_less_often(tmp_path: Path) -> None:
    command = fails_at(tmp_path, [1], HANG_RECORD)
    finding = confirmed_by(command, finding_of(tmp_path, "crash.timeout.f"))
    assert (finding.runs, finding.failures) == (HANG_RUNS, HANG_RUNS)
    assert finding.state == State.REPRODUCED


def test_that_a_hang_is_gone_is_not_said_after_fewer_runs(tmp_path: Path) -> None:
    """Two runs are enough only for what takes its time."""
    command = fails_at(tmp_path, [0])
    finding = finding_of(tmp_path, "crash.timeout.f")
    finding.record = HANG_RECORD
    confirmed_by(command, finding)
    assert (finding.runs, finding.failures) == (RUNS, 0)


# --- what is fixed --------------------------------------------------------------------------------


def known(path: Path, signature: str, shown_by: str = COMMAND, failures: int = RUNS) -> Finding:
    """A finding that an earlier run has seen fail."""
    finding = finding_of(path, signature)
    finding.take_runs(RUNS, failures)
    finding.shown_by = shown_by
    finding.save()
    return finding


def is_fixed(command: Path, finding: Finding, *targets: Path) -> bool:
    """And if it is not, all is as it was."""
    before = (finding.state, finding.runs, finding.failures, finding.has_failed, finding.shown_by)
    fixed = Replayer(command, "./slotcheck", targets, None).confirm(finding)
    after = (finding.state, finding.runs, finding.failures, finding.has_failed, finding.shown_by)
    assert before == after
    return fixed


@pytest.mark.parametrize("kind", KINDS)
def test_what_agrees_is_fixed(tmp_path: Path, kind: str) -> None:
    command = script(tmp_path / "slotcheck", "exit 0")
    assert is_fixed(command, known(tmp_path, KINDS[kind][0]))


@pytest.mark.parametrize("kind", KINDS)
def test_what_never_failed_is_not_fixed(tmp_path: Path, kind: str) -> None:
    command = script(tmp_path / "slotcheck", "exit 0")
    finding = known(tmp_path, KINDS[kind][0], failures=0)
    assert not is_fixed(command, finding) and finding.state == State.NOT_REPRODUCED


ANOTHER = RECORD | {"signature": "frame_drop.SHARED.ref_count.y"}
# What says nothing of a finding.
ODD = {
    "wrong use": "exit 2",
    "internal error": "exit 3",
    "timeout": "exec sleep 600",
    "another signature": f"echo '{json.dumps(ANOTHER)}'; exit 1",
    "no record": "exit 1",
    "killed": "kill -KILL $$",
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("kind", KINDS)
def test_an_odd_replay_fixes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, odd: str
) -> None:
    if odd == "timeout":
        monkeypatch.setattr(replay, "CONFIRM_SECONDS", 0.05)
    command = script(tmp_path / "slotcheck", ODD[odd])
    assert not is_fixed(command, known(tmp_path, KINDS[kind][0]))


@pytest.mark.parametrize("status", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_one_odd_replay_is_enough(tmp_path: Path, kind: str, status: int) -> None:
    command = fails_at(tmp_path, [0, 0, 0, status, 0])
    assert not is_fixed(command, known(tmp_path, KINDS[kind][0]))


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_run_of_a_target_fixes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    command = script(tmp_path / "slotcheck", "exit 0")
    finding = known(tmp_path, "crash.SEGV.f", "libfuzzer")
    if odd == "timeout":
        monkeypatch.setattr(replay, "CONFIRM_SECONDS", 0.05)
    assert not is_fixed(command, finding, target_of(tmp_path, "libfuzzer", ODD[odd]))


def test_another_crash_of_a_target_fixes_nothing(tmp_path: Path) -> None:
    command = script(tmp_path / "slotcheck", "exit 0")
    target = target_of(tmp_path, "libfuzzer", TARGET.format(large="g", small="g"))
    assert not is_fixed(command, known(tmp_path, "crash.SEGV.f", "libfuzzer"), target)


@pytest.mark.parametrize(
    "presets, fixed",
    [((), False), (("libfuzzer",), False), (("libfuzzer-asan",), True),
     (("libfuzzer", "libfuzzer-asan"), True)],
)
def test_only_who_showed_a_crash_can_say_that_it_is_fixed(
    tmp_path: Path, presets: tuple[str, ...], fixed: bool
) -> None:
    command = script(tmp_path / "slotcheck", "exit 0")
    targets = [target_of(tmp_path, preset, "exit 0") for preset in presets]
    finding = known(tmp_path, "crash.heap-buffer-overflow.f", "libfuzzer-asan")
    assert is_fixed(command, finding, *targets) == fixed


def test_a_command_that_cannot_run_it_has_no_say_where_a_target_showed_it(tmp_path: Path) -> None:
    command = script(tmp_path / "slotcheck", "exit 3")
    target = target_of(tmp_path, "libfuzzer-asan", "exit 0")
    assert is_fixed(command, known(tmp_path, "crash.SEGV.f", "libfuzzer-asan"), target)


@pytest.mark.parametrize("failures, runs", [(1, 31), (4, RUNS), (2, 14), (RUNS, RUNS)])
def test_what_is_flaky_passes_often_before_it_is_fixed(
    tmp_path: Path, failures: int, runs: int
) -> None:
    """So often that it would have passed by chance once in a thousand times."""
    finding = known(tmp_path, RECORD["signature"], failures=failures)
    assert is_fixed(fails_at(tmp_path, [0]), finding)
    assert len((tmp_path / "calls").read_text()) == runs


def test_what_is_flaky_and_fails_late_is_not_fixed(tmp_path: Path) -> None:
    finding = known(tmp_path, RECORD["signature"], failures=1)
    confirmed_by(fails_at(tmp_path, [0] * 30 + [1, 0]), finding)
    assert (finding.state, finding.runs, finding.failures) == (State.FLAKY, 31, 1)


def test_no_finding_is_run_for_ever() -> None:
    finding = Finding(Path("x"))
    finding.take_runs(1000, 1)
    assert runs_wanted(finding) == MAX_RUNS


# --- what a target says ---------------------------------------------------------------------------


def test_a_target_that_complains_ends_the_campaign(tmp_path: Path) -> None:
    target = script(tmp_path / "t", "echo x >&2; echo 'slotcheck: l.so: no such' >&2; exit 2")
    replayer = Replayer(tmp_path, "./slotcheck", (target,), None)
    with pytest.raises(CampaignError, match="^l.so: no such$") as raised:
        replayer.log_of(target, Path("c"))
    assert raised.value.status == Status.WRONG_USE


def test_the_log_of_a_target(tmp_path: Path) -> None:
    target = script(tmp_path / "t", 'echo "$SLOTCHECK_SUBJECT $*" >&2; kill -SEGV $$')
    replayer = Replayer(tmp_path, "./slotcheck", (target,), Path("l.so"))
    assert replayer.log_of(target, Path("c")).startswith("l.so -timeout=5 c\n")


# --- making a crash small -------------------------------------------------------------------------


# What shrinking makes of any case is "small"; $small is the record of that.
SHRINKS = """
case $1 in
show) cat "$2" ;;
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


FILES = {"case", "program.txt", "explanation.txt", "record.json", "reproducer.c", "finding.json"}


@dataclass
class Crash:
    """A campaign's folder with one crash, and a command that shrinks it."""

    folder: Path
    command: Path
    case: Path

    def confirm(self, finding: Finding | None = None, targets: tuple[Path, ...] = ()) -> Finding:
        finding = finding or Finding(self.case.parent)
        Replayer(self.command, "./slotcheck", targets, Path("l.so")).confirm(finding)
        assert finding.confirmed
        assert {path.name for path in finding.folder.iterdir()} == FILES, "and no half ones"
        return finding

    def shrink_calls(self) -> str:
        calls = self.folder / "calls"
        return calls.read_text() if calls.exists() else ""


@pytest.fixture
def crash(tmp_path: Path) -> Callable[..., Crash]:
    def make(large: object = CRASH_RECORD, small: object = CRASH_RECORD, status: int = 0) -> Crash:
        text = SHRINKS.format(large=json.dumps(large), small=json.dumps(small),
                              log=tmp_path / "calls", status=status)
        finding = finding_of(tmp_path, "crash.SEGV.f")
        return Crash(tmp_path, script(tmp_path / "slotcheck", text), finding.case)

    return make


@pytest.mark.parametrize("status, left", [(0, "small\n"), (2, "large"), (3, "large")])
def test_a_crash_is_shrunk(crash: Callable[..., Crash], status: int, left: str) -> None:
    """If that fails, the case stays as it was."""
    made = crash(status=status)
    assert made.confirm().record == CRASH_RECORD
    assert made.case.read_text() == left
    assert made.shrink_calls().endswith(f" --subject l.so {made.case}\n")


def test_a_crash_is_shrunk_once(crash: Callable[..., Crash]) -> None:
    """Also if a campaign ended before it was, and another one loads it."""
    made = crash()
    Finding(made.case.parent).save()
    for _ in range(3):
        finding = load(made.case.parent)
        assert made.confirm(finding).shrunk
        assert made.shrink_calls().count("shrink") == 1
    # Another program in its place has not been.
    finding.shrunk = False
    made.confirm(finding)
    assert made.shrink_calls().count("shrink") == 2


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
    sanitized = target_of(tmp_path, "sanitized", TARGET.format(large=large, small=small))
    plain = target_of(tmp_path, "plain", "exit 0")
    made.confirm(targets=(plain, sanitized))
    assert made.case.read_text() == ("small\n" if kept else "large")


def test_the_record_of_a_shrunk_crash_names_its_case(crash: Callable[..., Crash]) -> None:
    small = crash_record(file="PART", replay="./slotcheck run PART")
    made = crash(small=small)
    path = made.case.with_name("case.part")
    text = made.command.read_text().replace("PART", str(path))
    made.command.write_text(text)
    record = made.confirm().record
    assert record is not None
    assert (record["file"], record["replay"]) == (str(made.case), f"./slotcheck run {made.case}")


def test_what_fails_only_sometimes_is_not_shrunk(tmp_path: Path) -> None:
    """No step of a shrinking could be trusted."""
    command = fails_at(tmp_path, [1, 0], CRASH_RECORD)
    calls = f"\n[ $1 != shrink ] || touch {tmp_path}/shrunk\n"
    command.write_text(command.read_text().replace("\n", calls, 1))
    finding = confirmed_by(command, finding_of(tmp_path, "crash.SEGV.f"))
    assert finding.state == State.FLAKY and not (tmp_path / "shrunk").exists()
