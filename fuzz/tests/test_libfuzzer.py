# SPDX-License-Identifier: MPL-2.0
"""libFuzzer: what it prints, its command line, and when a job of it stands still."""
from __future__ import annotations

from pathlib import Path

import pytest

from campaign.job import EngineStatus, Place
from campaign.libfuzzer import LibFuzzerJob, LibFuzzerSettings, hang_seconds, read_line

# --- what it prints -------------------------------------------------------------------------------

def read(*lines: str) -> EngineStatus:
    status = EngineStatus()
    for line in lines:
        read_line(status, line)
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


# --- its command line -----------------------------------------------------------------------------


def settings(path: Path, *flags: str) -> LibFuzzerSettings:
    return LibFuzzerSettings(path / "t", path / "c", path / "d", (path / "s",), flags)


def test_command(tmp_path: Path) -> None:
    words = settings(tmp_path, "-seed=1").command("log/job-0-", 7, 9, with_seeds=True)
    assert words[:3] == [str(tmp_path / name) for name in ("t", "c", "s")]
    assert f"-dict={tmp_path / 'd'}" in words and "-artifact_prefix=log/job-0-" in words
    assert "-max_total_time=7" in words and "-runs=9" in words
    # The user's come last, so that they count.
    assert words.index("-seed=1") > words.index("-entropic=0")


def test_without_seeds_and_without_a_number_of_runs(tmp_path: Path) -> None:
    words = settings(tmp_path).command("", 1, None, with_seeds=False)
    assert str(tmp_path / "s") not in words
    assert not [word for word in words if word.startswith("-runs=")]


@pytest.mark.parametrize(
    "flags, seconds", [((), 11), (("-timeout=2", "-timeout=1"), 5), (("-timeout=0",), 0)]
)
def test_hang_seconds(flags: tuple[str, ...], seconds: int) -> None:
    assert hang_seconds(flags) == seconds


# --- a job of it ----------------------------------------------------------------------------------


@pytest.fixture
def job(tmp_path: Path) -> LibFuzzerJob:
    (tmp_path / "log").mkdir()
    place = Place(tmp_path / "log", tmp_path / "incoming", {"SLOTCHECK_SUBJECT": "l.so"})
    return LibFuzzerJob(3, False, place, settings(tmp_path))


def test_a_job_stalls_while_its_counts_stay(job: LibFuzzerJob) -> None:
    job.stats.write_bytes(b"1")
    assert job.stalled_for() == 0
    assert job.stalled_for() > 0
    job.stats.write_bytes(b"2")
    assert job.stalled_for() == 0


def test_a_job_has_a_folder_of_its_own_for_what_it_finds(job: LibFuzzerJob) -> None:
    assert job.name == "libfuzzer-3" and job.incoming.is_dir()
    assert job.environment == {"SLOTCHECK_SUBJECT": "l.so", "SLOTCHECK_STATS": str(job.stats),
                               "SLOTCHECK_FINDINGS": str(job.incoming)}
