# SPDX-License-Identifier: MPL-2.0
"""Findings: a folder for each signature, what is kept of which, and what is no finding."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from campaign import findings as findings_module
from campaign.errors import CampaignError, Status
from campaign.findings import Finding, Found, State, keep, load, load_all

SIGNATURE = "frame_clone.SHARED.ref_count.x"
VERSIONS = {"slotcheck": "abc+"}
RECORD = {"verdict": "violation", "operation": "frame_clone", "slot": 3, "field": "ref_count",
          "signature": SIGNATURE, "clauses": []}


def found(case: bytes, signature: str = SIGNATURE, by: str = "afl-1", **parts: object) -> Found:
    return Found(signature, case, by, **parts)  # type: ignore[arg-type]


def file(path: Path, what: Found) -> Finding:
    return keep(path / "findings", path / "fixed", what, "/x/l.so", VERSIONS)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- keeping --------------------------------------------------------------------------------------


def test_a_finding_is_filed_with_all_that_is_known(tmp_path: Path) -> None:
    finding = file(tmp_path, found(b"\x02\x0fab", input=b"\x02\x0fabcd", log="it died\n"))
    assert finding.folder == tmp_path / "findings" / SIGNATURE
    assert names(finding.folder) == ["case", "finding.json", "input", "log.txt"]
    assert finding.case.read_bytes() == b"\x02\x0fab"
    assert (finding.folder / "input").read_bytes() == b"\x02\x0fabcd"
    assert finding.log.read_text() == "it died\n"
    assert (finding.state, finding.seen, finding.is_new) == (State.NEW, 1, True)
    assert (finding.found_by, finding.subject, finding.versions) == ("afl-1", "/x/l.so", VERSIONS)
    assert not finding.came_back and not finding.confirmed


def test_what_is_filed_can_be_read_again(tmp_path: Path) -> None:
    finding = file(tmp_path, found(b"\x02\x0fab"))
    finding.take_runs(5, 3)
    finding.take_record(RECORD)
    finding.replay = "./slotcheck run x"
    finding.shown_by, finding.shrunk = "libfuzzer", True
    finding.save()
    (again,) = load_all(tmp_path / "findings")
    finding.is_new = False
    assert again == finding
    assert again.title == "violation in frame_clone, slot 3, field ref_count"
    assert json.loads(json.dumps(again.as_dict()))["state"] == "flaky"


@pytest.mark.parametrize("runs", [0, 5])
def test_of_a_signature_the_shortest_case_is_kept(tmp_path: Path, runs: int) -> None:
    """Of those that nobody has run again, and that did not fail then."""
    first = file(tmp_path, found(b"\x02\x0fab", log="long"))
    if runs:
        first.take_runs(runs, 0)
    first.shrunk = True
    first.save()
    for case in (b"\x02\x0fabc", b"\x02\x0fcd"):
        again = file(tmp_path, found(case, by="libfuzzer-0", log="other"))
        assert again.case.read_bytes() == b"\x02\x0fab" and again.log.read_text() == "long"
        assert again.state == first.state and again.shrunk and not again.is_new
    shorter = file(tmp_path, found(b"\x02\x0fa", input=b"\x02\x0fabc", log="short"))
    assert shorter.case.read_bytes() == b"\x02\x0fa" and shorter.log.read_text() == "short"
    # Nobody has run the new case yet.
    assert (shorter.state, shorter.runs, shorter.shrunk) == (State.NEW, 0, False)
    assert shorter.seen == 4
    assert shorter.found_by == "afl-1", "who was first"
    assert load(shorter.folder).seen == 4


def test_a_shorter_case_does_not_replace_one_that_has_failed(tmp_path: Path) -> None:
    """Also if it did not fail the last time."""
    first = file(tmp_path, found(b"\x02\x0fab", log="long"))
    first.take_runs(5, 1)
    first.take_runs(5, 0)
    first.save()
    again = file(tmp_path, found(b"\x02", input=b"\x02\x0fabc", log="short"))
    assert again.case.read_bytes() == b"\x02\x0fab" and again.log.read_text() == "long"
    assert not (again.folder / "input").exists()
    assert (again.state, again.seen) == (State.NOT_REPRODUCED, 2)
    assert load(again.folder).has_failed


def test_signatures_are_apart(tmp_path: Path) -> None:
    for signature in ("b.x", "a.y", "crash.SEGV.f"):
        file(tmp_path, found(b"\x02", signature))
    everything = load_all(tmp_path / "findings")
    assert [finding.signature for finding in everything] == ["a.y", "b.x", "crash.SEGV.f"]
    assert [finding.is_crash for finding in everything] == [False, False, True]


def test_what_had_been_fixed_comes_back(tmp_path: Path) -> None:
    (tmp_path / "fixed" / SIGNATURE).mkdir(parents=True)
    assert file(tmp_path, found(b"\x02")).came_back
    assert not file(tmp_path, found(b"\x02", "other.x")).came_back
    assert load(tmp_path / "findings" / SIGNATURE).came_back


def test_a_folder_that_a_kill_left_half_done_is_made_anew(tmp_path: Path) -> None:
    home = tmp_path / "findings" / SIGNATURE
    home.mkdir(parents=True)
    for name in ("case", "case.part", "log.txt"):
        (home / name).write_bytes(b"")
    assert load_all(tmp_path / "findings") == []
    finding = file(tmp_path, found(b"\x02\x0fab"))
    assert names(home) == ["case", "finding.json"]
    assert finding.seen == 1 and finding.case.read_bytes() == b"\x02\x0fab"


@pytest.mark.parametrize("last", ["case", "input", "log.txt", "finding.json"])
def test_a_kill_leaves_a_whole_finding_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    """Wherever it comes, a second one is filed as if nothing had been."""

    def killed(path: Path, data: bytes) -> None:
        if path.name == last:
            raise KeyboardInterrupt
        path.write_bytes(data)

    what = found(b"\x02\x0fab", input=b"\x02\x0fabc", log="it died")
    with monkeypatch.context() as patch:
        patch.setattr(findings_module, "write_bytes_atomically", killed)
        patch.setattr(findings_module, "write_atomically", lambda p, t: killed(p, t.encode()))
        with pytest.raises(KeyboardInterrupt):
            file(tmp_path, what)
    assert load_all(tmp_path / "findings") == []
    assert names(file(tmp_path, what).folder) == ["case", "finding.json", "input", "log.txt"]


# --- states ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "runs, failures, state",
    [
        (5, 5, State.REPRODUCED),
        (2, 2, State.REPRODUCED),
        (5, 4, State.FLAKY),
        (5, 1, State.FLAKY),
        (5, 0, State.NOT_REPRODUCED),
    ],
)
def test_states(tmp_path: Path, runs: int, failures: int, state: State) -> None:
    finding = Finding(tmp_path)
    finding.take_runs(runs, failures)
    assert (finding.state, finding.confirmed) == (state, failures > 0)
    assert finding.has_failed == (failures > 0)
    finding.take_runs(5, 0)
    assert finding.has_failed == (failures > 0), "at some time"


def test_a_record_that_holds_no_more_is_not_kept(tmp_path: Path) -> None:
    """A crash that only a target shows now would be run again by the command alone."""
    finding = file(tmp_path, found(b"\x02", "crash.SEGV.f"))
    finding.take_record(RECORD)
    finding.save()
    assert load(finding.folder).record == RECORD
    finding.record = None
    finding.save()
    assert load(finding.folder).record is None


# --- what is no finding ---------------------------------------------------------------------------


def test_a_finding_of_a_newer_slotcheck(tmp_path: Path) -> None:
    finding = file(tmp_path, found(b"\x02"))
    path = finding.folder / "finding.json"
    text = json.dumps(json.loads(path.read_text()) | {"format": 2})
    path.write_text(text)
    with pytest.raises(CampaignError, match="finding.json: format 2; .* knows 1") as raised:
        load_all(tmp_path / "findings")
    assert raised.value.status == Status.WRONG_USE
    assert path.read_text() == text


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "null", "{}", '{"format": 1}', "\x00\xff"]
)
def test_garbage_for_a_finding(tmp_path: Path, text: str) -> None:
    finding = file(tmp_path, found(b"\x02"))
    (finding.folder / "finding.json").write_text(text)
    with pytest.raises(CampaignError, match="finding.json: not written by slotcheck"):
        load_all(tmp_path / "findings")


@pytest.mark.parametrize(
    "name, value",
    [("state", "nonsense"), ("runs", "5"), ("failures", None), ("seen", [1]), ("title", 3),
     ("versions", []), ("came_back", "no"), ("has_failed", 1), ("shown_by", None), ("shrunk", 0)],
)
def test_a_finding_with_garbage_in_it(tmp_path: Path, name: str, value: object) -> None:
    finding = file(tmp_path, found(b"\x02"))
    path = finding.folder / "finding.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))
    with pytest.raises(CampaignError, match="finding.json: not written by slotcheck"):
        load(finding.folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", '{"verdict": "crash"}'])
def test_garbage_for_a_record(tmp_path: Path, text: str) -> None:
    finding = file(tmp_path, found(b"\x02"))
    (finding.folder / "record.json").write_text(text)
    with pytest.raises(CampaignError, match="record.json: not written by slotcheck"):
        load(finding.folder)
