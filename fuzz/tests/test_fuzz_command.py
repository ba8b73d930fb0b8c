# SPDX-License-Identifier: MPL-2.0
"""./slotcheck fuzz from outside: what it finds, how it ends, and what it does with bad input."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

from campaign.findings import keep
from campaign.folder import Folder
from campaign.job import Place
from campaign.libfuzzer import LibFuzzerJob, LibFuzzerSettings
from campaign.replay import Replayer
from campaign.series import read_rows
from campaigns import BUILD, COMMAND, ROOT, SUBJECTS, only_line, slotcheck

FAULTS = (SUBJECTS / "faults.txt").read_text().split() if (SUBJECTS / "faults.txt").exists() else []


def test_there_are_faults_to_find():
    assert len(FAULTS) >= 12


@pytest.fixture
def campaign_folder(tmp_path):
    return Folder(tmp_path / "out", "a subject")


# What is wrong with a subject's reset is no divergence of an operation: it has a test of its own.
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "reset_forgets"])
def test_every_fault_is_found(fault, campaign_folder):
    """By the job of a campaign, and confirmed as it does; the rest of a campaign is the same for
    all faults. The bound is in programs, so that a slow machine finds as much as a fast one."""
    subject, target = SUBJECTS / f"fault_{fault}.so", BUILD / "libfuzzer/fuzz/lockstep"
    seeds = BUILD / "release/seeds/lockstep"
    settings = LibFuzzerSettings(target, campaign_folder.corpus, ROOT / "fuzz/lockstep.dict", (seeds,))
    place = Place(campaign_folder.log, campaign_folder.incoming, {"SLOTCHECK_SUBJECT": str(subject)})
    job = LibFuzzerJob(0, False, place, settings)
    job.start(seconds=600, runs=1_000_000)
    while job.poll() is None and not campaign_folder.read_incoming():
        time.sleep(0.02)
    job.finish(seconds=0)  # by force: a case that is there is a whole one
    replayer = Replayer(COMMAND, "./slotcheck", (target,), subject)
    cases = campaign_folder.read_incoming()
    assert cases, job.log_text()[-2000:]
    for _, found in cases:
        finding = keep(campaign_folder.findings, campaign_folder.fixed, found, str(subject), {})
        replayer.confirm(finding)
        assert finding.confirmed and not finding.is_crash, finding
        assert finding.record["clauses"]


@pytest.mark.parametrize("fault", ["clone_uncounted", "in_use_past_max", "on_drop_twice"])
def test_the_command_of_a_finding_shows_it_again(fault, tmp_path):
    """Of a campaign as users run it."""
    subject = SUBJECTS / f"fault_{fault}.so"
    result = slotcheck("fuzz", "--subject", subject, "--runs", "1000000", "--max-findings", "1",
                       "--jobs", "1", "--out", tmp_path / "out", "--json")
    assert result.returncode == 1, result.stderr[-2000:]
    findings = json.loads(result.stdout)["findings"]
    assert findings
    replay = findings[0]["replay"]
    again = subprocess.run(replay, shell=True, cwd=ROOT, text=True, capture_output=True, timeout=60)
    assert again.returncode == 1, (replay, again.stdout, again.stderr)
    assert "broken" in again.stdout


@pytest.mark.parametrize("subject, operation", [("fault_crash", "frame_drop"),
                                                ("odd", "frame_clone")])
def test_a_subject_that_dies_is_a_finding(subject, operation, tmp_path):
    """Or does not return: one that waits, and so does not take the processor from other tests."""
    result = slotcheck("fuzz", "--subject", SUBJECTS / f"{subject}.so", "--runs", "200000",
                       "--max-findings", "1", "--jobs", "1", "--out", tmp_path / "out", "--json",
                       env=os.environ | {"ODD": "stuck"})
    assert result.returncode == 1, result.stderr[-2000:]
    finding = json.loads(result.stdout)["findings"][0]
    assert finding["confirmed"] and f"crash in {operation}" in finding["title"]


@pytest.mark.parametrize("subject", ["plain", "aborting", "partial"])
def test_no_false_alarm(subject, tmp_path):
    result = slotcheck("fuzz", "--subject", SUBJECTS / f"{subject}.so", "--runs", "20000",
                       "--jobs", "1", "--out", tmp_path / "out", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    assert json.loads(result.stdout)["programs"] > 15000  # texts are no programs


def test_a_second_run_goes_on_from_the_corpus(tmp_path):
    out = tmp_path / "out"
    for _ in range(2):
        result = slotcheck("fuzz", "--runs", "50000", "--jobs", "1", "--out", out, "--json")
        assert result.returncode == 0, result.stderr
    kept = list((out / "corpus").iterdir())
    assert len(kept) > 50
    assert len(read_rows(out / "series.csv")) > 0 and len(read_rows(out / "series-1.csv")) > 0
    rows = {path.name: path.read_bytes() for path in out.glob("series*")}
    assert len(rows) == 2
    refused = slotcheck("fuzz", "--runs", "1", "--jobs", "1", "--out", out, "--", "-frob=1")
    assert refused.returncode == 2 and "-frob" in only_line(refused)
    assert {path.name: path.read_bytes() for path in out.glob("series*")} == rows
    cells = json.loads(result.stdout)["cells"]
    assert 0 < cells["seen_of_scope"] < min(cells["seen"], cells["scope"])


@pytest.mark.parametrize("subject", ["builtin", "fault_clone_uncounted"])
def test_a_campaign_leaves_a_ledger(subject, tmp_path):
    """Of what its jobs counted, with a case for what the corpus and the findings show."""
    library = [] if subject == "builtin" else ["--subject", SUBJECTS / f"{subject}.so"]
    result = slotcheck("fuzz", *library, "--runs", "50000", "--jobs", "1", "--out",
                       tmp_path / "out", "--json")
    ledger = tmp_path / "out/ledger.txt"
    summary = json.loads(result.stdout)
    assert summary["ledger"] == str(ledger)
    clauses = {clause["clause"]: clause for clause in
               json.loads(slotcheck("ledger", "--json", ledger).stdout)["clauses"]}
    for clause, evaluated in summary["clauses"].items():
        assert clauses[clause]["evaluated"] >= evaluated
    assert clauses["frame_drop/ref_count"]["first_evaluated"]
    counted = clauses["inc_ref_count_spec/ref_count"]
    if subject == "builtin":
        assert not any(clause["false"] for clause in clauses.values())
    else:
        assert counted["verdict"] == "decided"
        assert Path(counted["first_false"]).exists()
    merged = slotcheck("ledger", ledger, tmp_path / "out/log/job-0.stats").stdout
    assert "clauses" in merged.splitlines()[-1]


@pytest.mark.parametrize("arguments, complaint", [
    (["--time", "0"], "0"),
    (["--time", "soon"], "soon"),
    (["--jobs", "0"], "0"),
    (["--jobs", "-1"], "-1"),
    (["--slots", "0"], "0"),
    (["--slots", "250"], "250"),
    (["--runs", "0"], "0"),
    (["--subject", "/no/such.so"], "/no/such.so"),
    (["--subject", str(SUBJECTS / "no_entry.so")], "no function slotcheck_subject"),
    (["--subject", str(SUBJECTS / "missing_required.so")], "lacks a required function"),
    (["--out", "/dev/null"], "/dev/null"),
    (["--out", "/proc/out"], "/proc/out"),
    (["--subject", str(SUBJECTS / "aborting.so"), "--slots", "4"], "regions of 16 slots"),
    (["--frob"], "--frob"),
])
def test_bad_input(arguments, complaint, tmp_path):
    out = [] if "--out" in arguments else ["--out", tmp_path / "out"]
    result = slotcheck("fuzz", *arguments, *out)
    assert result.returncode == 2, result.stderr
    assert complaint in only_line(result)


def test_a_reset_that_does_not_reset(tmp_path):
    result = slotcheck("fuzz", "--subject", SUBJECTS / "fault_reset_forgets.so", "--time", "20",
                       "--jobs", "1", "--out", tmp_path / "out")
    assert result.returncode == 2
    assert "reset" in result.stderr


def test_a_full_disk(tmp_path):
    """No file may grow: one line, and what was there before is still there."""
    out = tmp_path / "out"
    assert slotcheck("fuzz", "--runs", "1000", "--jobs", "1", "--out", out).returncode == 0
    before = {path.name: path.read_bytes() for path in (out / "corpus").iterdir()}

    def no_space():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    # The builds are up to date, so all that is written is the campaign's own.
    result = slotcheck("fuzz", "--runs", "1000", "--jobs", "1", "--out", out, preexec_fn=no_space)
    assert result.returncode == 2
    assert re.fullmatch(rf"slotcheck fuzz: {out}/\S+: File too large", only_line(result))
    after = {path.name: path.read_bytes() for path in (out / "corpus").iterdir()}
    assert {name: after.get(name) for name in before} == before


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_with_the_summary(how, tmp_path):
    process = subprocess.Popen(
        [ROOT / "slotcheck", "fuzz", "--time", "200", "--jobs", "1", "--out", tmp_path / "out"],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    # Once the engine has kept an input it is running.
    for _ in range(1000):
        if list(tmp_path.glob("out/corpus/*")):
            break
        time.sleep(0.1)
    second = slotcheck("fuzz", "--time", "5", "--out", tmp_path / "out")
    assert second.returncode == 2, "two campaigns in one folder"
    os.killpg(process.pid, how)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "clauses were evaluated" in output
    assert "no findings" in output


def test_the_main_job(request, tmp_path):
    """As users run it, over all jobs: a moment, or with --long ten minutes, without a finding."""
    length = ["--time", "10m"] if request.config.getoption("--long") else ["--runs", "150000"]
    result = slotcheck("fuzz", *length, "--out", tmp_path / "out", "--json")
    assert result.returncode == 0, result.stdout
    summary = json.loads(result.stdout)
    assert [clause for clause, n in summary["clauses"].items() if n == 0] == []
