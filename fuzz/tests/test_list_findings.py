# SPDX-License-Identifier: MPL-2.0
"""./slotcheck findings: what it lists, what --check makes of it, and how it ends."""
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import pytest

from campaign.findings import Finding, Found, State, keep, load
from campaign.folder import Folder
from campaign.list_findings import main
from campaign.replay import COMMAND as COMMAND_RUN
from campaigns import BUILD, COMMAND, ROOT, SUBJECTS, only_line, packed, slotcheck

CLONE = "slotcheck program 2\nslots 4\nframe_from_unused(p3, link(5))\nframe_clone(f0)\n"
SIGNATURE = "frame_clone.SHARED.ref_count.inc_ref_count_spec-ref_count"
TITLE = "violation in frame_clone, slot 3, field ref_count"
CRASH = CLONE + "get_slot(oob0)\nframe_drop(f0)\nframe_drop(f0)\n"


@dataclass
class Campaign:
    """The folder of a campaign on a library, as engines would have left it."""

    path: Path
    library: Path

    def file(self, signature: str, text: str) -> Finding:
        folder = Folder(self.path, str(self.library))
        folder.keep_settings({"subject": str(self.library)})
        found = Found(signature, packed(text), "afl-1")
        finding = keep(folder.findings, folder.fixed, found, str(self.library), {})
        folder.lock.close()
        return finding

    def use(self, subject: str) -> None:
        """Another library in the same place."""
        self.library.unlink(missing_ok=True)
        shutil.copy(SUBJECTS / f"{subject}.so", self.library)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Campaign]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLOTCHECK_ROOT", str(ROOT))
    monkeypatch.setenv("SLOTCHECK_BUILD", str(BUILD))

    def campaign(subject: str, name: str = "fuzz-mine") -> Campaign:
        made = Campaign(Path("out") / name, tmp_path / f"{name}.so")
        made.use(subject)
        return made

    return campaign


@pytest.fixture
def faulty(make: Callable[..., Campaign]) -> Campaign:
    campaign = make("fault_clone_uncounted")
    campaign.file(SIGNATURE, CLONE)
    return campaign


def listed(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> tuple[int, str, str]:
    status = main(list(map(str, argv)))
    return status, *capsys.readouterr()


# --- listing --------------------------------------------------------------------------------------


def test_nothing_there(make: Callable[..., Campaign], capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys) == (0, "no campaigns in out/; ./slotcheck fuzz begins one\n", "")
    assert listed(capsys, "--json")[1] == "{}\n"


def test_what_nobody_has_run_again(faulty: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = listed(capsys)
    assert status == 1
    assert out == ("out/fuzz-mine: 1 finding, 0 fixed\n"
                   f"  new: {SIGNATURE}\n      out/fuzz-mine/findings/{SIGNATURE}\n")


def test_all_campaigns_or_some(
    faulty: Campaign, make: Callable[..., Campaign], capsys: pytest.CaptureFixture[str]
) -> None:
    good = make("plain", "fuzz")
    Folder(good.path, str(good.library)).lock.close()
    status, out, _ = listed(capsys)
    assert status == 1
    assert out.startswith("out/fuzz: 0 findings, 0 fixed\nout/fuzz-mine: 1 finding, 0 fixed\n")
    assert listed(capsys, good.path) == (0, "out/fuzz: 0 findings, 0 fixed\n", "")


def test_json(faulty: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = listed(capsys, "--check", "--json")
    (finding,) = json.loads(out)["out/fuzz-mine"]
    assert status == 1
    assert (finding["signature"], finding["state"]) == (SIGNATURE, "reproduced")
    assert (finding["runs"], finding["failures"], finding["found_by"]) == (5, 5, "afl-1")
    assert finding["record"]["verdict"] == "violation"
    assert Path(finding["case"]).read_bytes() == packed(CLONE)


# --- running all again ----------------------------------------------------------------------------


def test_what_still_fails(faulty: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        status, out, _ = listed(capsys, "--check")
        assert status == 1
        assert f"  reproduced 5 of 5: {TITLE}\n      " in out
    replay = out.splitlines()[-1].strip().replace("./slotcheck", str(COMMAND))
    replay = replay.replace(str(ROOT / "slotcheck"), str(COMMAND))
    again = subprocess.run(replay, shell=True, text=True, capture_output=True)
    assert again.returncode == 1 and "broken clauses" in again.stdout
    home = faulty.path / "findings" / SIGNATURE
    assert {path.name for path in home.iterdir()} == {
        "case", "program.txt", "explanation.txt", "record.json", "reproducer.c", "finding.json"}
    assert (home / "program.txt").read_text() == CLONE
    assert TITLE in (home / "explanation.txt").read_text()


def test_what_is_fixed_moves(faulty: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    listed(capsys, "--check")
    faulty.use("plain")
    status, out, _ = listed(capsys, "--check")
    assert status == 0
    assert out == f"out/fuzz-mine: 0 findings, 1 fixed\n  fixed: {TITLE}\n"
    assert not list((faulty.path / "findings").iterdir())
    assert load(faulty.path / "fixed" / SIGNATURE).state == State.FIXED
    (regression,) = (faulty.path / "regressions").iterdir()
    assert regression.read_text() == f"# Found by a campaign, and fixed: {TITLE}.\n{CLONE}"
    assert listed(capsys)[:2] == (0, out), "and it stays so"


def test_what_never_failed_is_not_fixed(
    make: Callable[..., Campaign], capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = make("plain")
    campaign.file(SIGNATURE, CLONE)
    for _ in range(2):
        status, out, _ = listed(capsys, "--check")
        assert status == 1
        assert f"  not reproduced 0 of 5: {SIGNATURE}\n" in out
    assert not (campaign.path / "fixed").exists()


def test_a_crash_that_only_a_target_shows_stays(
    make: Callable[..., Campaign], capsys: pytest.CaptureFixture[str]
) -> None:
    """No target is at hand that could show that it is gone."""
    campaign = make("plain")
    finding = campaign.file("crash.SEGV.f", CRASH)
    finding.take_runs(5, 5)
    finding.shown_by = "libfuzzer"
    finding.save()
    status, out, _ = listed(capsys, "--check")
    assert status == 1 and "  reproduced 5 of 5: crash.SEGV.f\n" in out


def test_a_regression_of_the_corpus_is_one(
    faulty: Campaign, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch
) -> None:
    """As its test wants them: what an operation does that does not simply succeed stands there."""
    faulty.file("frame_drop.x.y-z", CRASH + "frame_drop(f0)\n")
    for name in (SIGNATURE, "frame_drop.x.y-z"):
        finding = load(faulty.path / "findings" / name)
        finding.take_runs(5, 5)
        finding.shown_by = COMMAND_RUN
        finding.save()
    listed(capsys, "--check")
    faulty.use("plain")
    assert listed(capsys, "--check")[0] == 0
    regressions = faulty.path / "regressions"
    assert sorted(path.name for path in regressions.iterdir()) == [
        "frame-clone-shared-ref-count-inc-ref-count-spec-ref-count.txt", "frame-drop-x-y-z.txt"]
    text = (regressions / "frame-drop-x-y-z.txt").read_text()
    assert text.splitlines()[-4:] == ["get_slot(oob0)  # OutOfBound", "frame_drop(f0)",
                                      "frame_drop(f0)", "frame_drop(f0)  # skipped"]
    test = [BUILD / "gcc/harness/tests/test_program", regressions]
    assert subprocess.run(test, capture_output=True).returncode == 0
    # That it looks at these files is seen when one of them is wrong.
    (regressions / "frame-drop-x-y-z.txt").write_text(text.replace("  # OutOfBound", ""))
    wrong = subprocess.run(test, text=True, capture_output=True)
    assert wrong.returncode != 0 and "get_slot(oob0)" in wrong.stderr


def test_what_is_fixed_of_the_built_in_implementation_goes_to_the_corpus(
    make: Callable[..., Campaign], capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOTCHECK_ROOT", str(tmp_path / "checkout"))
    folder = Folder(Path("out/fuzz"), "builtin")
    found = Found(SIGNATURE, packed(CLONE), "libfuzzer-0")
    finding = keep(folder.findings, folder.fixed, found, "builtin", {})
    finding.take_runs(5, 5)
    finding.shown_by = COMMAND_RUN
    finding.save()
    folder.lock.close()
    assert listed(capsys, "--check")[0] == 0
    assert (tmp_path / "checkout/corpus/regressions").is_dir()
    assert not (folder.regressions).exists()


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["none", "empty", "file"])
@pytest.mark.parametrize("option", [[], ["--check"], ["--json"]])
def test_a_folder_that_is_none(
    make: Callable[..., Campaign], capsys: pytest.CaptureFixture[str], where: str,
    option: list[str], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    status, out, error = listed(capsys, *option, where)
    assert (status, out) == (2, "")
    assert error in (f"slotcheck findings: {where}: no folder of a campaign\n",
                     f"slotcheck findings: {where}: not a folder\n")
    assert not (tmp_path / "none").exists()


def test_a_library_that_is_gone(faulty: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    faulty.library.unlink()
    assert listed(capsys)[0] == 1, "to list them nothing is needed"
    status, out, error = listed(capsys, "--check")
    assert (status, out) == (2, "")
    assert error.startswith(f"slotcheck findings: {faulty.library}: cannot be loaded: ")
    assert error.endswith("No such file or directory\n") and error.count("\n") == 1
    assert (faulty.path / "findings" / SIGNATURE / "case").exists()


@pytest.mark.parametrize("subject", ["", "no_entry", "missing_required"])
def test_a_library_that_cannot_be_loaded_fixes_nothing(
    faulty: Campaign, capsys: pytest.CaptureFixture[str], subject: str
) -> None:
    """One that is no library, and one that lacks what slotcheck needs."""
    listed(capsys, "--check")
    home = faulty.path / "findings" / SIGNATURE
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    if subject:
        faulty.use(subject)
    else:
        faulty.library.write_text("no library")
    status, out, error = listed(capsys, "--check")
    assert (status, out) == (2, "")
    assert str(faulty.library) in error and error.count("\n") == 1
    assert {path.name: path.read_bytes() for path in home.iterdir()} == before
    assert not (faulty.path / "fixed").exists() and not (faulty.path / "regressions").exists()


def test_while_a_campaign_is_running(
    faulty: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    running = Folder(faulty.path, str(faulty.library))
    assert listed(capsys)[0] == 1
    status, _, error = listed(capsys, "--check")
    assert status == 2 and "another campaign is running" in error
    running.lock.close()


def test_a_finding_of_a_newer_slotcheck(
    faulty: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    path = faulty.path / "findings" / SIGNATURE / "finding.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 7'))
    status, out, error = listed(capsys)
    assert (status, out) == (2, "") and error.count("\n") == 1
    assert f"{path}: format 7; this slotcheck knows 1" in error


def test_a_full_device(faulty: Campaign, monkeypatch: pytest.MonkeyPatch,
                       capfd: pytest.CaptureFixture[str]) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert main([]) == 2
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
    assert capfd.readouterr().err == "slotcheck findings: stdout: No space left on device\n"


def test_from_outside(faulty: Campaign) -> None:
    done = slotcheck("findings", "--check", faulty.path)
    assert done.returncode == 1 and f"  reproduced 5 of 5: {TITLE}\n" in done.stdout
    wrong = slotcheck("findings", "--frob")
    assert wrong.returncode == 2 and "--frob" in only_line(wrong)


def test_a_list_needs_no_build(tmp_path: Path) -> None:
    """Nor is `--check` anything but the name of a folder after `--`."""
    nowhere = tmp_path / "build"
    done = slotcheck("findings", cwd=tmp_path, env=os.environ | {"SLOTCHECK_BUILD": str(nowhere)})
    assert (done.returncode, done.stderr) == (0, "")
    named = slotcheck("findings", "--", "--check", cwd=tmp_path,
                      env=os.environ | {"SLOTCHECK_BUILD": str(nowhere)})
    assert named.returncode == 2 and "--check: no folder of a campaign" in only_line(named)
    assert not nowhere.exists()


# --- what a finding's folder holds ----------------------------------------------------------------


def test_the_reproducer_is_a_program(
    faulty: Campaign, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With the command that stands in it, but for where the builds are."""
    listed(capsys, "--check")
    source = faulty.path / "findings" / SIGNATURE / "reproducer.c"
    text = source.read_text()
    lines = text[text.index("cc -g"):text.index("-o reproducer")].replace(" *", "").replace("\\", "")
    words = [word.replace("build/release", str(BUILD / "gcc")).replace("THIS.c", str(source.resolve()))
             for word in lines.split()]
    program = tmp_path / "reproducer"
    subprocess.run([*words, "-Wall", "-Werror", "-o", program], cwd=ROOT, check=True)
    agrees = subprocess.run([program], capture_output=True)
    assert agrees.returncode == 0
    environment = os.environ | {"SLOTCHECK_SUBJECT": str(faulty.library)}
    stops = subprocess.run([program], env=environment, text=True, capture_output=True)
    assert stops.returncode < 0, "it must end in a trap"
    assert TITLE.replace("slot 3", "slot 0") in stops.stderr, "shrunk once more"
    # The libraries are those of a target, and what the first command builds is one.
    of_target = subprocess.run(["ninja", "-C", BUILD / "gcc", "-t", "query", "fuzz/lockstep"],
                               text=True, capture_output=True, check=True).stdout
    libraries = {word.removeprefix(f"{BUILD / 'gcc'}/") for word in words if word.endswith(".a")}
    assert libraries == set(re.findall(r"^ *\|? ?(\S+\.a)$", of_target, re.MULTILINE))
    assert "./slotcheck build release:slotcheck_fuzz\n" in text
    query = ["ninja", "-C", BUILD / "release", "-t", "query", "slotcheck_fuzz"]
    assert subprocess.run(query, capture_output=True).returncode == 0


# --- what the README says -------------------------------------------------------------------------


def campaigns_section() -> str:
    return (ROOT / "README.md").read_text().split("\n## Campaigns\n")[1].split("\n## ")[0]


def test_the_readme_shows_what_is_printed(
    make: Callable[..., Campaign], capsys: pytest.CaptureFixture[str]
) -> None:
    make("fault_clone_uncounted", "fuzz-libmine").file(SIGNATURE, CLONE)
    sample = campaigns_section().split("    $ ./slotcheck findings --check\n")[1].split("\n\n")[0]
    shown = re.escape(textwrap.dedent(sample)).replace("…", ".*").replace(r"\./slotcheck", ".*")
    printed = listed(capsys, "--check")[1].replace("fuzz-libmine.so", "libmine.so")
    assert re.fullmatch(shown, printed.strip()), printed


def test_the_readme_names_all_files(faulty: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a finding, and of a campaign."""
    listed(capsys, "--check")
    folder = Folder(faulty.path, str(faulty.library))
    section = campaigns_section()
    home = faulty.path / "findings" / SIGNATURE
    for name in {path.name for path in home.iterdir()} | {"input", "log.txt"}:
        assert f"`{name}`" in section, name
    known = {path.name for path in vars(folder).values() if isinstance(path, Path)}
    for name in known - {folder.path.name, "incoming"} | {"campaign.json"}:
        assert f"`{name}`" in section or f"`{name}/`" in section, name
