# SPDX-License-Identifier: MPL-2.0
"""Findings are run again, crashes made small, and what a developer needs is written."""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import pytest

from campaign.errors import CampaignError, Status
from campaign.findings import Finding, State, load
from campaign.replay import HANG_RUNS, HANG_SECONDS, HANGS, RUNS, Replayer
from campaign.report import findings_text
from campaigns import script

RECORD = {"verdict": "violation", "operation": "frame_clone", "slot": 3, "field": "ref_count",
          "signature": "frame_clone.SHARED.ref_count.x",
          "clauses": [{"id": "accounting/ref_count", "text": "the sum"}]}
SAYS_RECORD = f"echo '{json.dumps(RECORD)}'; "




def finding_of(path: Path, signature: str) -> Finding:
    finding = Finding(path / "findings" / signature)
    finding.folder.mkdir(parents=True)
    finding.case.write_bytes(b"large")
    return finding


def confirmed_by(command: Path, finding: Finding, *targets: Path) -> Finding:
    Replayer(command, "./slotcheck", targets, None).confirm(finding)
    return finding


# --- whether it fails -----------------------------------------------------------------------------


@pytest.mark.parametrize("signature", [RECORD["signature"], "crash.SEGV.f"])
@pytest.mark.parametrize("status, confirmed", [(0, False), (1, True), (2, False), (3, False)])
def test_confirm(tmp_path: Path, signature: str, status: int, confirmed: bool) -> None:
    finding = finding_of(tmp_path, signature)
    expected = f"run --json --subject l.so {finding.case}"
    command = script(tmp_path / "slotcheck",
                     f'[ "$*" = "{expected}" ] || exit 9\n{SAYS_RECORD}exit {status}')
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
    assert crash.confirmed and not other.confirmed


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
    good = script(tmp_path / "good", "exit 0")
    bad = script(tmp_path / "bad", "kill -SEGV $$")
    finding = finding_of(tmp_path, "crash.SEGV.f")
    finding.record = CRASH_RECORD  # of when the command showed it, too
    confirmed_by(command, finding, good, bad)
    assert finding.confirmed and finding.record is None
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

    def confirm(self, *targets: Path, new: bool = True) -> Finding:
        finding = Finding(self.case.parent, is_new=new)
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
    path = made.case.with_name("case.part")
    text = made.command.read_text().replace("PART", str(path))
    made.command.write_text(text)
    record = made.confirm().record
    assert record is not None
    assert (record["file"], record["replay"]) == (str(made.case), f"./slotcheck run {made.case}")


def test_what_fails_only_sometimes_is_not_shrunk(tmp_path: Path) -> None:
    """No step of a shrinking could be trusted."""
    command = fails_at(tmp_path, [1, 0], CRASH_RECORD)
    notes = f"\n[ $1 != shrink ] || touch {tmp_path}/shrunk\n"
    command.write_text(command.read_text().replace("\n", notes, 1))
    finding = confirmed_by(command, finding_of(tmp_path, "crash.SEGV.f"))
    assert finding.state == State.FLAKY and not (tmp_path / "shrunk").exists()
