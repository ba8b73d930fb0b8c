# SPDX-License-Identifier: MPL-2.0
"""The folder of a campaign: whose it is, what may be in it, and what is never lost."""
from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Callable

import pytest

from campaign import folder as folder_module
from campaign.errors import CampaignError, Status
from campaign.findings import Finding, Found, keep
from campaign.folder import (
    MAX_INPUT_BYTES,
    Folder,
    copy_inputs,
    read_settings,
    regression_name,
)

# --- whose it is ----------------------------------------------------------------------------------


def test_two_campaigns_in_one_folder(tmp_path: Path) -> None:
    first = Folder(tmp_path / "out", "builtin")
    with pytest.raises(CampaignError, match="another campaign"):
        Folder(tmp_path / "out", "builtin")
    first.lock.close()
    Folder(tmp_path / "out", "builtin")


def file_finding(folder: Folder, signature: str = "a.x", case: bytes = b"\x02\x0f") -> Finding:
    return keep(folder.findings, folder.fixed, Found(signature, case, "afl-0"), "builtin", {})


@pytest.mark.parametrize("left", ["", "x.case", "x.taken"])
def test_findings_of_another_subject(tmp_path: Path, left: str) -> None:
    """Filed, or left by a job and not filed yet, or only half."""
    first = Folder(tmp_path, "builtin")
    first.lock.close()
    Folder(tmp_path, "/x/a.so").lock.close()
    first.keep_settings({"subject": "/x/a.so"})
    if not left:
        file_finding(first)
    else:
        (first.incoming / "afl-0").mkdir()
        (first.incoming / "afl-0" / left).touch()
    with pytest.raises(CampaignError, match="/x/a.so"):
        Folder(tmp_path, "builtin")
    Folder(tmp_path, "/x/a.so")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"format": 99, "subject": "builtin"}', "3", '{"format": 2}', "\x00",
     '{"format": 2, "subject": 3}', '{"subject": "builtin"}'],
)
def test_a_folder_of_something_else(tmp_path: Path, text: str) -> None:
    (tmp_path / "campaign.json").write_text(text)
    with pytest.raises(CampaignError, match="campaign.json"):
        Folder(tmp_path, "builtin")
    assert (tmp_path / "campaign.json").read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["campaign.json"], "left as it was"


def test_a_folder_of_a_newer_slotcheck(tmp_path: Path) -> None:
    """Whatever else is in its settings."""
    (tmp_path / "campaign.json").write_text('{"format": 3, "target": []}')
    with pytest.raises(CampaignError, match="format 3, of a newer slotcheck.* knows 2") as raised:
        Folder(tmp_path, "builtin")
    assert raised.value.status == Status.WRONG_USE


def test_settings_that_are_a_folder(tmp_path: Path) -> None:
    (tmp_path / "campaign.json").mkdir()
    with pytest.raises(CampaignError, match="campaign.json: Is a directory"):
        read_settings(tmp_path)


@pytest.mark.parametrize("path", ["out", "out/below"])
def test_a_file_where_the_folder_should_be(tmp_path: Path, path: str) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(CampaignError, match="out"):
        Folder(tmp_path / path, "builtin")


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder_module.os, "posix_fallocate", full)
    with pytest.raises(CampaignError, match="No space left on device"):
        Folder(tmp_path, "builtin")
    assert not list(tmp_path.rglob(".probe"))


# --- format 1 -------------------------------------------------------------------------------------


def test_findings_of_format_1_are_filed(tmp_path: Path) -> None:
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings/a.SHARED.x.y-z.case").write_bytes(b"\x02\x03")
    (tmp_path / "campaign.json").write_text('{"format": 1, "subject": "builtin"}')
    folder = Folder(tmp_path, "builtin")
    assert not list(folder.findings.iterdir())
    ((case, found),) = folder.read_incoming()
    assert found == Found("a.SHARED.x.y-z", b"\x02\x03", "earlier")
    folder.forget_incoming(case)
    assert not folder.read_incoming()


def test_findings_of_format_1_of_another_subject(tmp_path: Path) -> None:
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings/a.x.case").write_bytes(b"\x02\x03")
    (tmp_path / "campaign.json").write_text('{"format": 1, "subject": "/x/a.so"}')
    for _ in range(2):
        with pytest.raises(CampaignError, match="holds findings for the subject /x/a.so"):
            Folder(tmp_path, "builtin")
    assert (tmp_path / "findings/a.x.case").exists(), "what an older slotcheck would look for"
    assert [found.signature for _, found in Folder(tmp_path, "/x/a.so").read_incoming()] == ["a.x"]


# --- what jobs leave ------------------------------------------------------------------------------


def test_incoming_cases_say_who_found_them_and_in_what(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "builtin")
    for job, name, data in (("libfuzzer-0", "a.x.y.case", b"\x02"), ("afl-1", "b.x.case", b"\x02a"),
                            ("afl-1", "b.x.input", b"\x02abc"), ("afl-1", "c.x.case.part", b"")):
        (folder.incoming / job).mkdir(exist_ok=True)
        (folder.incoming / job / name).write_bytes(data)
    found = folder.read_incoming()
    assert [what for _, what in found] == [
        Found("b.x", b"\x02a", "afl-1", input=b"\x02abc"),
        Found("a.x.y", b"\x02", "libfuzzer-0"),
    ]
    for case, _ in found:
        folder.forget_incoming(case)
    # What a case was shrunk from stays for a shorter one that may come.
    assert sorted(path.name for path in folder.incoming.glob("*/*")) == ["b.x.input", "c.x.case.part"]


def test_a_case_that_comes_while_another_is_filed(tmp_path: Path) -> None:
    """And one that a kill had left between reading and filing."""
    folder = Folder(tmp_path, "builtin")
    (folder.incoming / "afl-1").mkdir()
    case = folder.incoming / "afl-1/a.x.case"
    case.write_bytes(b"\x02ab")
    ((taken, found),) = folder.read_incoming()
    case.write_bytes(b"\x02a")
    folder.forget_incoming(taken)
    assert case.read_bytes() == b"\x02a"
    for _ in range(2):
        ((taken, found),) = folder.read_incoming()
        assert found == Found("a.x", b"\x02a", "afl-1")


def test_what_is_counted(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "builtin")
    for number in range(3):
        (folder.corpus / str(number)).write_bytes(b"\x02")
    file_finding(folder)
    (folder.findings / "half.done").mkdir()
    assert (folder.corpus_size(), folder.number_found(), len(folder.found())) == (3, 1, 1)
    assert not folder.is_full()


# --- what is fixed --------------------------------------------------------------------------------


def test_retire(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "builtin")
    finding = file_finding(folder, "frame_drop.SHARED.ref_count.a-b")
    file_finding(folder, "b.x")
    finding.title = "violation in frame_drop"
    text = "slotcheck program 1\nslots 4\n"
    folder.retire(finding, folder.regressions, text)
    assert [kept.signature for kept in folder.found()] == ["b.x"]
    fixed = folder.fixed / "frame_drop.SHARED.ref_count.a-b"
    assert sorted(path.name for path in fixed.iterdir()) == ["case", "finding.json"]
    assert json.loads((fixed / "finding.json").read_text())["state"] == "fixed"
    (regression,) = folder.regressions.iterdir()
    assert regression.name == "frame-drop-shared-ref-count-a-b.txt"
    assert regression.read_text() == (
        f"# Found by a campaign, and fixed: violation in frame_drop.\n{text}")


def test_what_is_fixed_a_second_time(tmp_path: Path) -> None:
    """What somebody has written into the regression stays; of the finding the newer one is kept."""
    folder = Folder(tmp_path, "builtin")
    folder.retire(file_finding(folder, case=b"\x02\x01"), folder.regressions, "old\n")
    again = file_finding(folder, case=b"\x02\x02")
    assert again.came_back
    folder.retire(again, folder.regressions, "new\n")
    assert (folder.regressions / "a-x.txt").read_text().endswith("old\n")
    assert (folder.fixed / "a.x/case").read_bytes() == b"\x02\x02"
    assert not folder.found()


def test_each_program_of_a_signature_is_a_regression(tmp_path: Path) -> None:
    """And one that is fixed again is one still."""
    folder = Folder(tmp_path, "builtin")
    for text in ("one\n", "two\n", "three\n", "two\n"):
        folder.retire(file_finding(folder), folder.regressions, text)
    assert {path.name: path.read_text().splitlines()[-1] for path in folder.regressions.iterdir()} == {
        "a-x.txt": "one", "a-x-2.txt": "two", "a-x-3.txt": "three"}


@pytest.mark.parametrize(
    "signature, name",
    [
        ("frame_clone.SHARED.ref_count.inc_ref_count_spec-ref_count",
         "frame-clone-shared-ref-count-inc-ref-count-spec-ref-count"),
        ("crash.SEGV.fuzz__run", "crash-segv-fuzz-run"),
        ("crash.timeout.unknown_", "crash-timeout-unknown"),
    ],
)
def test_regressions_are_called_like_files_of_the_corpus(signature: str, name: str) -> None:
    assert regression_name(signature) == name


# --- the corpus -----------------------------------------------------------------------------------


def huge(path: Path) -> None:
    with open(path, "wb") as file:
        file.write(b"\x02")
        file.truncate(MAX_INPUT_BYTES + 1)


GARBAGE: list[tuple[Callable[[Path], object], str]] = [
    (lambda path: path.write_text("slotcheck program 2\nslots 4\n"), "a text.*slotcheck pack"),
    (lambda path: path.write_text("\n"), "a text"),
    (lambda path: path.write_bytes(b"~ELF"), "a text, or no program"),
    (lambda path: path.write_bytes(b"\x03\x00"), "program format 3, of a newer.* knows 2"),
    (lambda path: path.write_bytes(b"\x08"), "program format 8"),
    (lambda path: path.mkdir(), "no file"),
    (lambda path: path.symlink_to("/dev/zero"), "no file"),
    (lambda path: path.symlink_to(path.with_name("a")), "no file"),
    (lambda path: os.mkfifo(path), "no file"),
    (huge, f"{MAX_INPUT_BYTES + 1} bytes are too many"),
]


@pytest.mark.parametrize("make, complaint", GARBAGE)
def test_garbage_in_the_corpus(
    tmp_path: Path, make: Callable[[Path], object], complaint: str
) -> None:
    """Is told by its name, and left where it is; a pipe is not waited for."""
    garbage = tmp_path / "corpus/m"
    garbage.parent.mkdir()
    for name in ("a", "z"):
        (garbage.parent / name).write_bytes(b"\x02\x03")
    make(garbage)
    with pytest.raises(CampaignError, match=f"{garbage}: {complaint}") as raised:
        Folder(tmp_path, "builtin")
    assert raised.value.status == Status.WRONG_USE and "\n" not in str(raised.value)
    assert sorted(path.name for path in garbage.parent.iterdir()) == ["a", "m", "z"]


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x02", b"\x00\x05", b"\x0b", b"\x7f",
                                  b"\xff\xff", b"\x02" * MAX_INPUT_BYTES],
                         ids=lambda data: f"{data[:2].hex()}-{len(data)}")
def test_any_other_bytes_are_a_program(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/m").write_bytes(data)
    assert Folder(tmp_path, "builtin").corpus_size() == 1


def test_copy_inputs(tmp_path: Path) -> None:
    """What is there stays as it is, and what is no input stays away. Two folders may call different
    inputs the same, and the same input differently."""
    sources, copies = tmp_path / "from", tmp_path / "to"
    for folder in (sources, copies):
        folder.mkdir()
    for name, data in (("a", b"\x02a"), ("b", b"\x02b"), ("c", b"\x02b"),
                       ("text", b"slotcheck program 1\n")):
        (sources / name).write_bytes(data)
    (copies / "b").write_bytes(b"\x02other")
    for _ in range(2):
        copy_inputs(sorted(sources.iterdir()), copies)
    assert {path.name: path.read_bytes() for path in copies.iterdir()} == {
        "b": b"\x02other", **{hashlib.sha1(data).hexdigest(): data for data in (b"\x02a", b"\x02b")}}
