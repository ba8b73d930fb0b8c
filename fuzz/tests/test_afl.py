# SPDX-License-Identifier: MPL-2.0
"""AFL++: its command line, its environment, and what it writes and prints."""
from __future__ import annotations

from pathlib import Path

import pytest

from campaign.afl import ENVIRONMENT, AflJob, AflSettings, crashes, last_row, read_stats
from campaign.job import Place
from campaigns import script

NAMES = ("# relative_time, cycles_done, cur_item, corpus_count, pending_total, pending_favs,"
         " map_size, saved_crashes, saved_hangs, max_depth, execs_per_sec, total_execs, edges_found\n")
FIRST = "1, 0, 0, 12, 3, 2, 1.03%, 0, 0, 1, 900.00, 900, 34\n"
SECOND = "6, 0, 5, 345, 6, 2, 1.43%, 1, 0, 3, 1100.00, 6543, 210\n"


def settings_of(path: Path, **changes: object) -> AflSettings:
    values = dict(target=path / "t", seeds=path / "seeds", out=path / "afl", dictionary=path / "d",
                  name="host-1", foreign=(path / "corpus",))
    return AflSettings(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def job(tmp_path: Path) -> AflJob:
    (tmp_path / "log").mkdir()
    settings = settings_of(tmp_path)
    settings.folder.mkdir(parents=True)
    return AflJob(1, False, Place(tmp_path / "log", tmp_path / "incoming", {}), settings)


# --- its command line -----------------------------------------------------------------------------


def option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]


def test_a_secondary(tmp_path: Path) -> None:
    words = settings_of(tmp_path, schedule="rare", flags=("-L0",)).command(7, 900)
    assert words[0] == "afl-fuzz" and words[-2:] == ["--", str(tmp_path / "t")]
    assert option(words, "-S") == "host-1"
    for name, value in (("-i", "seeds"), ("-o", "afl"), ("-x", "d")):
        assert option(words, name) == str(tmp_path / value)
    assert (option(words, "-V"), option(words, "-E"), option(words, "-p")) == ("7", "900", "rare")
    assert words[-3] == "-L0"
    assert not {"-M", "-F", "-c"} & set(words)


def test_the_main_process_reads_what_others_find(tmp_path: Path) -> None:
    words = settings_of(tmp_path, is_main=True).command(7)
    assert (option(words, "-M"), option(words, "-F")) == ("host-1", str(tmp_path / "corpus"))
    assert not {"-S", "-E"} & set(words)


def test_one_that_solves_comparisons(tmp_path: Path) -> None:
    words = settings_of(tmp_path, cmplog=tmp_path / "log-of-comparisons").command(7)
    assert option(words, "-c") == str(tmp_path / "log-of-comparisons")


def test_one_alone_has_no_name(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, name="")
    assert settings.folder == tmp_path / "afl/default"
    assert not {"-M", "-S"} & set(settings.command(7))


def test_environment(tmp_path: Path, job: AflJob) -> None:
    assert "AFL_CUSTOM_MUTATOR_LIBRARY" not in job.environment
    assert ENVIRONMENT.items() <= job.environment.items()
    assert job.environment["AFL_AUTORESUME"] == "1"
    with_mutator = settings_of(tmp_path, mutator=tmp_path / "m.so").environment()
    assert with_mutator["AFL_CUSTOM_MUTATOR_LIBRARY"] == str(tmp_path / "m.so")
    assert with_mutator["AFL_CUSTOM_MUTATOR_ONLY"] == "1"


# --- what it writes -------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", NAMES, "\n", NAMES[:20], NAMES + FIRST[:-1], NAMES + "1, 0\n"])
def test_no_row_yet(job: AflJob, text: str) -> None:
    assert last_row(job.settings.folder / "plot_data") == {}
    (job.settings.folder / "plot_data").write_text(text)
    assert last_row(job.settings.folder / "plot_data") == {}
    job.look()
    assert (job.status.executions, job.status.edges) == (0, 0)


def test_plot_data(job: AflJob) -> None:
    (job.settings.folder / "plot_data").write_text(NAMES + FIRST + SECOND)
    job.look()
    status = job.status
    assert (status.executions, status.edges, status.corpus) == (6543, 210, 345)


@pytest.mark.parametrize("length", range(1, len(SECOND)))
def test_a_torn_last_row_is_passed_over(job: AflJob, length: int) -> None:
    """Even where all numbers are there, because the last one may have lost digits."""
    (job.settings.folder / "plot_data").write_text(NAMES + FIRST + SECOND[:length])
    job.look()
    assert (job.status.executions, job.status.edges, job.status.corpus) == (900, 34, 12)


@pytest.mark.parametrize("row", ["\x00" * 40, "a, b, c, d, e, f, g, h, i, j, k, l, m", ", " * 12])
def test_a_row_of_garbage_is_passed_over(job: AflJob, row: str) -> None:
    (job.settings.folder / "plot_data").write_text(NAMES + FIRST + row + "\n")
    job.look()
    assert (job.status.executions, job.status.edges) == (900, 34)


STATS = """start_time        : 1700000000
execs_done        : 6543
stability         : 99.51%
command_line      : afl-fuzz -i x: y -o z
target_mode       : shmem_testcase persistent
"""


def test_fuzzer_stats(job: AflJob) -> None:
    folder = job.settings.folder
    assert read_stats(folder) == {}
    job.look()
    assert job.status.stability is None
    (folder / "fuzzer_stats").write_text(STATS)
    stats = read_stats(folder)
    assert (stats["execs_done"], stats["command_line"]) == ("6543", "afl-fuzz -i x: y -o z")
    job.look()
    assert job.status.stability == 99.51


@pytest.mark.parametrize("text", ["", "stability", "stability :", "stability : \n", "\x00\xff",
                                  "stability : -nan%\n", "stability : x\n"])
def test_stats_that_say_nothing(job: AflJob, text: str) -> None:
    (job.settings.folder / "fuzzer_stats").write_text(text)
    job.look()
    assert job.status.stability is None


# --- what it finds --------------------------------------------------------------------------------


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_inputs_are_taken_once_and_only_its_own(job: AflJob) -> None:
    folder = job.settings.folder
    write(folder, "queue/id:000000,time:0,execs:0,orig:a", "queue/id:000001,src:0,op:x",
          "queue/id:000002,sync:host-main,src:000001", "queue/.state/x", "queue/half")
    assert [path.name for path in job.take_inputs()] == ["id:000001,src:0,op:x"]
    assert job.take_inputs() == []
    write(folder, "queue/id:000003,src:1,op:y")
    assert [path.name for path in job.take_inputs()] == ["id:000003,src:1,op:y"]


def test_crashes_and_hangs_come_one_by_one(job: AflJob) -> None:
    folder = job.settings.folder
    assert crashes(folder) == [] and job.next_crash() is None
    write(folder, "crashes/id:000000,sig:11", "crashes/README.txt", "hangs/id:000000,src:1",
          "crashes/id:000001,sig:06")
    taken = [job.next_crash() for _ in range(4)]
    assert [path and path.relative_to(folder) for path in taken] == [
        Path("crashes/id:000000,sig:11"), Path("crashes/id:000001,sig:06"),
        Path("hangs/id:000000,src:1"), None]


# --- what it says of its seeds --------------------------------------------------------------------

DRY_RUN = """[*] Attempting dry run with 'id:000000,time:0,execs:0,orig:good'...
    len = 3, map size = 70, exec speed = 93 us, hash = 1f
[*] Attempting dry run with 'id:000001,time:0,execs:0,orig:dies'...
[-] Oops, the program crashed with one of the test cases provided. There are
[*] Attempting dry run with 'id:000002,time:0,execs:0,orig:good-2'...
    len = 3, map size = 70, exec speed = 93 us, hash = 1f
[*] Attempting dry run with 'id:000003,time:0,execs:0,orig:hangs'...
[!] WARNING: Test case results in a timeout (skipping)
[*] Attempting dry run with 'id:000004,time:0,execs:0,orig:dies-2'...
[!] WARNING: Test case results in a crash (skipping)
[+] All test cases processed.
"""


def test_seeds_that_stop_the_target(job: AflJob) -> None:
    for line in DRY_RUN.splitlines():
        job.read_line(line)
    assert not job.status.loaded
    job.read_line("[+] All set and ready to roll!")
    assert job.status.loaded
    taken = [job.next_crash() for _ in range(4)]
    assert taken == [job.settings.seeds / name for name in ("dies", "hangs", "dies-2")] + [None]


def test_one_complaint_is_of_one_seed(job: AflJob) -> None:
    lines = DRY_RUN.splitlines()
    for line in (lines[2], lines[3], lines[3]):
        job.read_line(line)
    assert job.next_crash() == job.settings.seeds / "dies" and job.next_crash() is None


def test_a_crash_later_on_is_of_no_seed(job: AflJob) -> None:
    job.read_line("[-] Oops, the program crashed with one of the test cases provided.")
    assert job.next_crash() is None


# --- going on in a folder -------------------------------------------------------------------------


@pytest.mark.parametrize("stats, before", [(STATS, 6543), (None, 0), ("execs_done : x\n", 0)])
def test_runs_are_those_after_an_earlier_run(
    job: AflJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stats: str | None, before: int
) -> None:
    """It goes on counting from there, and -E is what it counts."""
    script(tmp_path / "afl-fuzz", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = job.settings.folder
    if stats is not None:
        (folder / "fuzzer_stats").write_text(stats)
    job.start(seconds=7, runs=900)
    assert job.finish(seconds=60) == 0
    assert option(job.command(7, 900), "-E") == str(before + 900)
    (folder / "plot_data").write_text(NAMES + SECOND)
    job.look()
    assert job.executions == 6543 - before
    assert "-E" not in job.command(7, None)
