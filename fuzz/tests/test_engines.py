# SPDX-License-Identifier: MPL-2.0
"""Campaigns with AFL++ and with both engines, killed and resumed; findings that come and go."""
from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from campaign.afl import read_stats
from campaign.findings import load_all
from campaign.series import read_rows
from campaigns import COMMAND, ROOT, SUBJECTS, only_line, slotcheck

FAULT = SUBJECTS / "fault_clone_uncounted.so"
SIGNATURE = "frame_clone.SHARED.ref_count.inc_ref_count_spec-ref_count"
FILES = {"case", "input", "program.txt", "explanation.txt", "record.json", "reproducer.c",
         "finding.json"}
# A tenth of a second each: long enough for any machine, and only then a failure.
POLLS = 1200


def wait_for(what: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    for _ in range(POLLS):
        if what():
            return
        assert process is None or process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    pytest.fail("it never came")


def names_by_content(inputs: list[Path]) -> set[str]:
    return {hashlib.sha1(path.read_bytes()).hexdigest() for path in inputs}


def own_inputs(out: Path) -> list[Path]:
    """What AFL++ has found itself."""
    return [path for path in out.glob("afl/*/queue/id:*")
            if "orig:" not in path.name and "sync:" not in path.name]


# --- AFL++ ----------------------------------------------------------------------------------------


def test_afl_finds_a_fault(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = slotcheck("fuzz", "--engine", "afl", "--jobs", "1", "--subject", FAULT, "--runs",
                       "10000", "--out", out, "--json")
    assert result.returncode == 1, result.stderr[-2000:]
    summary = json.loads(result.stdout)
    finding = next(f for f in summary["findings"] if f["signature"] == SIGNATURE)
    assert (finding["state"], finding["runs"], finding["failures"]) == ("reproduced", 5, 5)
    assert finding["found_by"] == "afl-0" and finding["versions"]["afl"].startswith("afl-fuzz")
    assert {path.name for path in (out / "findings" / SIGNATURE).iterdir()} == FILES
    assert summary["engine"] == "afl" and summary["programs"] >= 9000
    assert read_rows(out / "series.csv")[-1].afl_executions >= 9000
    # All that it has found is there for others, under the names that libFuzzer gives.
    found = names_by_content(own_inputs(out))
    assert found and found <= {path.name for path in (out / "corpus").iterdir()}


def test_the_built_in_implementation_is_stable(tmp_path: Path) -> None:
    """What an input shows depends on nothing before it."""
    result = slotcheck("fuzz", "--engine", "afl", "--jobs", "1", "--runs", "3000", "--out",
                       tmp_path / "out", "--json")
    assert result.returncode == 0, result.stderr[-2000:]
    summary = json.loads(result.stdout)
    assert summary["stability"] == 100 and summary["edges"] > 100
    assert summary["findings"] == []

    # AFL++ goes on counting from there, and that many runs are to come all the same.
    result = slotcheck("fuzz", "--engine", "afl", "--jobs", "1", "--runs", "3000", "--out",
                       tmp_path / "out", "--json")
    assert result.returncode == 0, result.stderr[-2000:]
    assert json.loads(result.stdout)["programs"] >= 2700
    for name in ("series.csv", "series-1.csv"):
        assert 2700 <= read_rows(tmp_path / "out" / name)[-1].afl_executions < 6000, name


def test_one_of_each_kind_of_afl(tmp_path: Path) -> None:
    """The main one, one with sanitizers, and one that solves comparisons."""
    out = tmp_path / "out"
    result = slotcheck("fuzz", "--engine", "afl", "--jobs", "3", "--runs", "3000", "--out", out,
                       "--json")
    assert result.returncode == 0, result.stderr[-2000:]
    summary = json.loads(result.stdout)
    assert (summary["stability"], summary["findings"]) == (100, [])
    commands = [read_stats(path.parent)["command_line"] for path in out.glob("afl/*/fuzzer_stats")]
    assert len(commands) == 3
    assert sum(" -M " in command for command in commands) == 1
    for preset in ("afl-asan", "afl-cmplog"):
        assert sum(f"/{preset}/" in command for command in commands) == 1


def test_afl_is_not_installed(tmp_path: Path) -> None:
    """Nor anything that could install it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for folder in os.environ["PATH"].split(":"):
        for program in Path(folder).iterdir() if Path(folder).is_dir() else ():
            link = programs / program.name
            if not program.name.startswith(("afl-", "apt")) and not os.path.lexists(link):
                link.symlink_to(program)
    result = slotcheck("fuzz", "--engine", "afl", "--out", tmp_path / "out",
                       env=os.environ | {"PATH": str(programs)})
    assert result.returncode == 2
    assert "afl++" in only_line(result)


# --- both, killed ---------------------------------------------------------------------------------


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started = []

    def run(*arguments: str | Path) -> subprocess.Popen[str]:
        started.append(subprocess.Popen(
            [ROOT / "slotcheck", "fuzz", *arguments], text=True, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


def programs_run(out: Path) -> int:
    counts = subprocess.run([COMMAND, "stats", "--json", *out.glob("log/job-*.stats")],
                            capture_output=True, text=True)
    return json.loads(counts.stdout)["programs"] if counts.returncode == 0 else 0


def processes_of(out: Path) -> list[str]:
    """Those that know the folder, by their command line or their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            known = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue
        if bytes(out) in known and process.name != str(os.getpid()):
            found.append(known.decode(errors="replace"))
    return found


def engines_of(campaign: subprocess.Popen[str]) -> set[int]:
    """The processes of its jobs; a child that only runs a finding again writes none."""
    found = set()
    for child in Path(f"/proc/{campaign.pid}/task/{campaign.pid}/children").read_text().split():
        try:
            if b"SLOTCHECK_FINDINGS=" in Path(f"/proc/{child}/environ").read_bytes():
                found.add(int(child))
        except OSError:
            continue
    return found


def kill_engines_of(campaign: subprocess.Popen[str]) -> None:
    """As the system does where memory is short. They are started again."""
    killed = engines_of(campaign)
    assert len(killed) == 2
    for engine in killed:
        os.kill(engine, signal.SIGKILL)
    wait_for(lambda: len(engines_of(campaign) - killed) == 2, campaign)


def test_a_killed_campaign_goes_on(
    tmp_path: Path, begin: Callable[..., subprocess.Popen[str]]
) -> None:
    """Nothing of it is left running, and nothing that it had found is lost. Before, its engines are
    killed, which it survives."""
    out = tmp_path / "out"
    process = begin("--engine", "ensemble", "--jobs", "2", "--subject", FAULT, "--time", "10h",
                    "--out", out)
    wait_for(lambda: load_all(out / "findings") and read_rows(out / "series.csv")
             and own_inputs(out), process)
    kill_engines_of(process)
    programs = programs_run(out)
    wait_for(lambda: programs_run(out) > programs, process)
    # Both are at work: that is what has to end.
    assert len(processes_of(out)) >= 3
    process.kill()
    process.wait()
    wait_for(lambda: not processes_of(out))

    before = {finding.signature: finding for finding in load_all(out / "findings")}
    corpus = {path.name for path in (out / "corpus").iterdir()}
    programs, rows = programs_run(out), read_rows(out / "series.csv")
    assert before and corpus and programs >= rows[-1].programs > 0

    process = begin("--resume", out, "--json")
    wait_for(lambda: programs_run(out) > programs
             and [p for p in out.glob("afl/*/queue/*sync:corpus*")], process)
    process.send_signal(signal.SIGINT)
    summary = json.loads(process.communicate()[0])
    assert process.returncode == 1
    assert (summary["engine"], summary["jobs"]) == ("ensemble", 2)
    assert summary["programs"] > programs
    assert summary["seconds"] > rows[-1].seconds
    after = {finding.signature: finding for finding in load_all(out / "findings")}
    for signature, finding in before.items():
        assert after[signature].first_seen == finding.first_seen
        assert after[signature].found_by == finding.found_by
        assert after[signature].state == "reproduced"
    assert corpus <= {path.name for path in (out / "corpus").iterdir()}
    assert names_by_content(own_inputs(out)) <= {path.name for path in (out / "corpus").iterdir()}
    again = read_rows(out / "series.csv")
    assert again[: len(rows)] == rows and len(again) > len(rows)
    assert again[-1].programs > rows[-1].programs
    assert again[-1].libfuzzer_executions > rows[-1].libfuzzer_executions
    wait_for(lambda: not processes_of(out))


# --- findings that come and go --------------------------------------------------------------------


def test_a_fixed_finding_is_a_regression_and_may_come_back(tmp_path: Path) -> None:
    out, library = tmp_path / "out", tmp_path / "libmine.so"

    def run_on(subject: Path) -> tuple[int, dict]:
        library.unlink(missing_ok=True)
        shutil.copy(subject, library)
        result = slotcheck("fuzz", "--subject", library, "--runs", "2000", "--jobs", "1", "--out",
                           out, "--json")
        return result.returncode, json.loads(result.stdout)

    status, summary = run_on(FAULT)
    assert status == 1 and summary["fixed"] == []
    signatures = {finding["signature"] for finding in summary["findings"]}
    assert SIGNATURE in signatures

    status, summary = run_on(SUBJECTS / "plain.so")
    assert (status, summary["findings"]) == (0, [])
    assert set(summary["fixed"]) == signatures
    assert {path.name for path in (out / "fixed").iterdir()} == signatures
    assert not list((out / "findings").iterdir())
    regressions = sorted((out / "regressions").iterdir())
    assert len(regressions) == len(signatures)
    assert regressions[0].read_text().startswith(
        "# Found by a campaign, and fixed: violation in frame_clone")

    status, summary = run_on(FAULT)
    assert status == 1
    (again,) = [f for f in summary["findings"] if f["signature"] == SIGNATURE]
    assert again["came_back"] and again["new"]
    assert {f"regression-{path.stem}" for path in regressions} <= {
        path.name for path in (out / "seeds").iterdir()}
    listed = slotcheck("findings", out)
    assert listed.returncode == 1 and "reproduced 5 of 5, had been fixed: violation" in listed.stdout
