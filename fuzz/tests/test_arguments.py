# SPDX-License-Identifier: MPL-2.0
"""The command line of `./slotcheck fuzz`, and how a campaign is gone on with."""
from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from pathlib import Path

import pytest

from campaign.arguments import (
    MAX_JOBS,
    build_parser,
    default_name,
    kept_settings,
    number_of_slots,
    parse_arguments,
    slots_to_fuzz,
)
from campaign.errors import CampaignError, Status
from campaign.folder import Folder
from campaign.list_findings import build_parser as build_findings_parser
from campaign.series import Row, Series
from campaign.supervise import refuse_slots
from campaigns import ROOT


def test_defaults() -> None:
    arguments = parse_arguments([])
    assert (arguments.time, arguments.subject, arguments.slots) == (60, None, None)
    assert arguments.jobs == len(os.sched_getaffinity(0))
    assert arguments.out == Path("out/fuzz")
    assert (arguments.engine, arguments.resume) == ("libfuzzer", False)
    assert arguments.name == default_name() and re.fullmatch(r"[\w-]{1,19}", arguments.name)


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
        ["--engine", "nonsense"],
        ["--engine", ""],
        ["--engine"],
        ["--engine", "ensemble", "--jobs", "1"],
        ["--engine", "ensemble", "--", "-seed=1"],
        ["--engine", "afl", "--", "-i", "x"],
        ["--engine", "afl", "--", "-o/tmp"],
        ["--engine", "afl", "--", "-V", "3"],
        ["--engine", "afl", "--", "-L", "0"],
        ["--name", ""],
        ["--name", "a/b"],
        ["--name", "a b"],
        ["--name", "x" * 20],
        ["--resume"],
        ["--resume", "/nonexistent"],
        ["--resume", "/dev/null"],
        ["--time", "inf"],
        ["--time", "9" * 400],
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


@pytest.mark.parametrize("command", ["fuzz", "findings"])
def test_help_names_every_option_and_no_other(command: str) -> None:
    text = subprocess.run(
        [ROOT / "slotcheck", command, "--help"], capture_output=True, text=True, check=True
    ).stdout
    parser = build_parser() if command == "fuzz" else build_findings_parser()
    shown = set(re.findall(r"^  (--[\w-]+)", text, re.MULTILINE))
    known = {option for action in parser._actions for option in action.option_strings}
    assert shown == known


def test_slots_beyond_the_memory_of_a_job() -> None:
    assert slots_to_fuzz("1048576") == 1 << 20
    with pytest.raises(CampaignError, match="too many to fuzz"):
        parse_arguments(["--slots", "2097152"])


# --- engines --------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["libfuzzer", "afl", "ensemble"])
def test_engines(engine: str) -> None:
    arguments = parse_arguments(["--engine", engine, "--jobs", "2", "--name", "host-1_A"])
    assert (arguments.engine, arguments.jobs, arguments.name) == (engine, 2, "host-1_A")


def test_the_longest_name_is_one_that_afl_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which are 24 characters, with what is put behind it."""
    longest = "x" * 19
    assert parse_arguments(["--name", longest]).name == longest
    monkeypatch.setattr(platform, "node", lambda: "x" * 60 + ".example")
    assert default_name() == longest
    assert len(f"{longest}-main") <= 24 and len(f"{longest}-{MAX_JOBS - 1}") <= 24


def test_an_ensemble_is_two_jobs_on_one_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    assert parse_arguments(["--engine", "ensemble"]).jobs == 2
    assert parse_arguments(["--engine", "afl"]).jobs == 1


@pytest.mark.parametrize(
    "argv, complaint",
    [
        (["--engine", "nonsense"], "'nonsense' is none of the engines libfuzzer, afl, ensemble"),
        (["--engine", "ensemble", "--jobs", "1"], "an ensemble is two jobs at least"),
        (["--engine", "ensemble", "--", "-a"], "of one engine: choose --engine libfuzzer or afl"),
        (["--engine", "afl", "--", "-M", "x"], "-M after -- is not possible: use --jobs"),
        (["--engine", "afl", "--", "-p", "rare"],
         "'rare' after -- is no flag of AFL++; they look like -pexplore"),
        (["--", "-runs=3"], "-runs after -- is not possible: use --runs"),
        (["--", "-L", "0"], "'-L' after -- is no engine flag; they look like -max_len=4096"),
        (["--name", "a/b"], "'a/b' is no name of up to 19 letters and digits"),
    ],
)
def test_what_is_wrong_with_engines(argv: list[str], complaint: str) -> None:
    with pytest.raises(CampaignError, match=re.escape(complaint)):
        parse_arguments(argv)


def test_flags_of_each_engine() -> None:
    flags = ("-L0", "-pexplore", "-w")
    assert parse_arguments(["--engine", "afl", "--", *flags]).engine_flags == flags
    assert parse_arguments(["--", "-seed=1"]).engine_flags == ("-seed=1",)
    assert parse_arguments(["--engine", "ensemble", "--"]).engine_flags == ()


# --- going on -------------------------------------------------------------------------------------


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "libmine.so"
    path.touch()
    return path


@pytest.fixture
def out(tmp_path: Path, library: Path) -> Path:
    """The folder of a campaign of an hour."""
    arguments = parse_arguments(
        ["--engine", "afl", "--time", "1h", "--jobs", "3", "--subject", str(library), "--slots", "4"]
        + ["--runs", "1000", "--name", "here", "--out", str(tmp_path / "out"), "--", "-L0"]
    )
    folder = Folder(arguments.out, str(library))
    folder.keep_settings({"subject": str(library), "settings": kept_settings(arguments)})
    folder.lock.close()
    return arguments.out


def spend(out: Path, seconds: float) -> None:
    series = Series(out / "series.csv", goes_on=False)
    series.begin()
    series.write(Row(seconds, *[0] * 9), seconds)


def test_a_campaign_goes_on_as_it_began(out: Path, library: Path) -> None:
    spend(out, 600.5)
    arguments = parse_arguments(["--resume", str(out), "--json", "--max-findings", "2"])
    assert (arguments.engine, arguments.jobs, arguments.name) == ("afl", 3, "here")
    assert (arguments.subject, arguments.slots, arguments.runs) == (library.resolve(), 4, 1000)
    assert arguments.engine_flags == ("-L0",)
    assert (arguments.out, arguments.resume) == (out, True)
    assert (arguments.json, arguments.max_findings) == (True, 2)
    assert arguments.time == 3600, "of which 600 are spent"


def test_from_another_folder(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = parse_arguments(["--subject", library.name])
    folder = Folder(Path("out"), str(library))
    folder.keep_settings({"subject": str(library), "settings": kept_settings(arguments)})
    monkeypatch.chdir(tmp_path / "out")
    assert parse_arguments(["--resume", "."]).subject == library.resolve()


def test_more_time(out: Path) -> None:
    spend(out, 600.5)
    assert parse_arguments(["--resume", str(out), "--time", "10m"]).time == 1200.5


def test_the_time_is_over(out: Path) -> None:
    spend(out, 3600.0)
    with pytest.raises(CampaignError, match="has had its time; --time TIME gives it more"):
        parse_arguments(["--resume", str(out)])
    assert parse_arguments(["--resume", str(out), "--time", "1"]).time == 3601


@pytest.mark.parametrize(
    "argv, name",
    [
        (["--engine", "afl"], "--engine"),
        (["--jobs", "3"], "--jobs"),
        (["--subject", "l.so"], "--subject"),
        (["--slots", "4"], "--slots"),
        (["--out", "x"], "--out"),
        (["--name", "here"], "--name"),
        (["--runs", "5"], "--runs"),
        (["--", "-L"], "flags after --"),
    ],
)
def test_what_cannot_change(out: Path, argv: list[str], name: str) -> None:
    with pytest.raises(CampaignError, match=f"^{name} with --resume: .* goes on as it began"):
        parse_arguments(["--resume", str(out), *argv])


def test_the_subject_is_gone(out: Path, library: Path) -> None:
    library.unlink()
    with pytest.raises(CampaignError, match=f"{library}: no such file"):
        parse_arguments(["--resume", str(out)])


def test_nothing_to_go_on_with(tmp_path: Path) -> None:
    """No folder, an empty one, one that only `property` or an older slotcheck has filled."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "old").mkdir()
    (tmp_path / "old/campaign.json").write_text('{"format": 1, "subject": "builtin"}')
    for name in ("none", "empty", "old"):
        with pytest.raises(CampaignError, match=f"{name}: there is no campaign to go on with"):
            parse_arguments(["--resume", str(tmp_path / name)])
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("settings", [None, [], "x", 3, {}])
def test_settings_that_are_none(out: Path, settings: object) -> None:
    known = json.loads((out / "campaign.json").read_text())
    (out / "campaign.json").write_text(json.dumps(known | {"settings": settings}))
    with pytest.raises(CampaignError, match="campaign.json: not written by slotcheck"):
        parse_arguments(["--resume", str(out)])


@pytest.mark.parametrize(
    "name, value",
    [("engine", "nonsense"), ("engine", None), ("engine", []), ("jobs", 0), ("jobs", -1),
     ("jobs", "x"), ("jobs", 1e9), ("time", "x"), ("time", None), ("time", float("nan")),
     ("library", 3), ("slots", 0), ("slots", "x"), ("runs", 0), ("runs", []), ("name", "a/b"),
     ("name", None), ("engine_flags", 3), ("engine_flags", None)],
)
def test_garbage_among_the_settings(out: Path, name: str, value: object) -> None:
    known = json.loads((out / "campaign.json").read_text())
    known["settings"][name] = value
    (out / "campaign.json").write_text(json.dumps(known))
    with pytest.raises(CampaignError, match="campaign.json: not written by slotcheck"):
        parse_arguments(["--resume", str(out)])


def test_reserved_flags_among_the_settings(out: Path) -> None:
    known = json.loads((out / "campaign.json").read_text())
    known["settings"]["engine_flags"] = ["-o/"]
    (out / "campaign.json").write_text(json.dumps(known))
    with pytest.raises(CampaignError, match="-o after -- is not possible"):
        parse_arguments(["--resume", str(out)])
