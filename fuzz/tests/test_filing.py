# SPDX-License-Identifier: MPL-2.0
"""From what jobs leave to findings, and from findings to regressions."""
from __future__ import annotations

from pathlib import Path

import pytest

from campaign.errors import CampaignError, Status
from campaign.filing import Filing, regressions_of
from campaign.findings import Finding, Found, State, load_all
from campaign.folder import Folder
from campaign.replay import COMMAND, RUNS, Replayer
from campaigns import script

AGREES = "[ $1 = run ] || echo 'a program'"


@pytest.fixture
def filing(tmp_path: Path) -> Filing:
    folder = Folder(tmp_path / "out", "l.so")
    command = script(tmp_path / "slotcheck", AGREES)
    replayer = Replayer(command, "./slotcheck", (), None)
    return Filing(folder, replayer, folder.regressions, "l.so", {"slotcheck": "abc"})


def leave(filing: Filing, name: str, data: bytes) -> Path:
    """As a job does."""
    case = filing.folder.incoming / "afl-1" / name
    case.parent.mkdir(exist_ok=True)
    case.write_bytes(data)
    return case


def known(filing: Filing, signature: str = "a.x", case: bytes = b"\x02ab") -> Finding:
    """What has failed before."""
    filing.keep(Found(signature, case, "afl-1"))
    finding = next(found for found in filing.folder.found() if found.signature == signature)
    finding.take_runs(RUNS, RUNS)
    finding.shown_by = COMMAND
    finding.save()
    return finding


# --- what comes in --------------------------------------------------------------------------------


def test_cases_of_jobs_are_filed(filing: Filing) -> None:
    leave(filing, "a.x.input", b"\x02\x00ab")
    leave(filing, "a.x.case", b"\x02\x00")
    filing.take_incoming()
    (finding,) = filing.folder.found()
    assert (finding.signature, finding.found_by, finding.subject) == ("a.x", "afl-1", "l.so")
    assert finding.versions == {"slotcheck": "abc"} and finding.case.read_bytes() == b"\x02\x00"
    assert (finding.folder / "input").read_bytes() == b"\x02\x00ab"
    assert not filing.folder.read_incoming(), "once"


def test_an_empty_case_is_dropped(filing: Filing) -> None:
    """And what comes with it is filed."""
    leave(filing, "a.x.case", b"")
    leave(filing, "b.x.case", b"\x02")
    filing.take_incoming()
    assert [finding.signature for finding in filing.folder.found()] == ["b.x"]
    assert not filing.folder.read_incoming()


def test_a_case_that_cannot_be_filed_is_not_lost(
    filing: Filing, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(filing, "a.x.case", b"\x02")

    def full(found: Found) -> None:
        raise OSError(28, "No space left on device", "x")

    with monkeypatch.context() as patch:
        patch.setattr(filing, "keep", full)
        with pytest.raises(OSError):
            filing.take_incoming()
    filing.take_incoming()
    assert [finding.signature for finding in filing.folder.found()] == ["a.x"]


# --- what becomes of it ---------------------------------------------------------------------------


def test_what_is_fixed_is_a_regression(filing: Filing) -> None:
    assert filing.look_again(known(filing))
    assert not filing.folder.found()
    (fixed,) = load_all(filing.folder.fixed)
    assert (fixed.signature, fixed.state) == ("a.x", State.FIXED)
    (regression,) = filing.regressions.iterdir()
    assert regression.read_text().endswith("a program\n")


def test_a_second_program_that_is_fixed_is_a_second_regression(filing: Filing) -> None:
    """The one that came back is another way to the same failure."""
    filing.look_again(known(filing))
    script(filing.replayer.command, AGREES.replace("a program", "another one"))
    assert filing.look_again(known(filing, case=b"\x02cd"))
    assert {path.name: path.read_text().splitlines()[-1] for path in filing.regressions.iterdir()} == {
        "a-x.txt": "a program", "a-x-2.txt": "another one"}


def test_a_fixed_finding_that_a_kill_has_left_is_moved(filing: Filing) -> None:
    """Without being run again: it may have been fixed by what is no longer there."""
    finding = known(filing)
    finding.state = State.FIXED
    finding.save()
    script(filing.replayer.command, "exit 3")
    (left,) = filing.folder.found()
    assert left not in filing.new_ones()
    assert filing.look_again(left)
    assert not filing.folder.found()
    assert [fixed.signature for fixed in load_all(filing.folder.fixed)] == ["a.x"]


def test_a_kill_between_the_steps_of_fixing(
    filing: Filing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaves a finding that is fixed the next time, with one regression."""
    finding = known(filing)

    def killed(finding: Finding) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Finding, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            filing.look_again(finding)
    (finding,) = filing.folder.found()
    assert finding.state == State.REPRODUCED and filing.look_again(finding)
    assert [path.name for path in filing.regressions.iterdir()] == ["a-x.txt"]


def test_a_program_that_cannot_be_shown_stays(filing: Filing) -> None:
    finding = known(filing)
    script(filing.replayer.command, "[ $1 = run ] || exit 2")
    with pytest.raises(CampaignError, match="a.x/case: cannot be shown") as raised:
        filing.look_again(finding)
    assert raised.value.status == Status.INTERNAL
    assert [finding.signature for finding in filing.folder.found()] == ["a.x"]


def test_regressions_of_a_library_stay_with_its_campaign(filing: Filing, tmp_path: Path) -> None:
    ours = regressions_of(filing.folder, tmp_path, None)
    assert ours == tmp_path / "corpus/regressions"
    assert regressions_of(filing.folder, tmp_path, Path("l.so")) == filing.folder.regressions


def test_the_folder_is_read_only_after_news(filing: Filing, monkeypatch: pytest.MonkeyPatch) -> None:
    """A campaign asks five times a second; crashes are left for its end."""
    for signature in ("crash.SEGV.f", "a.x"):
        filing.keep(Found(signature, b"\x02ab", "libfuzzer-0"))
    found = filing.next_divergence()
    assert found is not None and found.signature == "a.x"
    found.state = State.REPRODUCED
    found.save()
    assert filing.next_divergence() is None
    monkeypatch.setattr(filing.folder, "found", lambda: pytest.fail("it was read again"))
    assert filing.next_divergence() is None
    monkeypatch.undo()
    filing.keep(Found("b.x", b"\x02ab", "libfuzzer-0"))
    assert filing.next_divergence() is not None
