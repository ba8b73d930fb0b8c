# SPDX-License-Identifier: MPL-2.0
"""AFL++ on several hosts, which are folders here: what goes over, and what does not."""
from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

import afl_sync
from base_runner import AFL_ENVIRONMENT

SCRIPT = Path(__file__).resolve().parents[1] / "afl_sync.py"


class Host:
    """A folder that afl-fuzz has written, and what the script does there."""

    def __init__(self, base: Path, name: str, shared: Path) -> None:
        self.folder, self.name, self.shared = base / f"host-{name}", f"{name}-main", shared
        self.instance(self.name)

    def instance(self, name: str) -> Path:
        queue = self.folder / name / "queue"
        queue.mkdir(parents=True, exist_ok=True)
        (queue / ".state").mkdir(exist_ok=True)
        return queue

    def find(self, *inputs: bytes, instance: str | None = None) -> None:
        queue = self.instance(instance or self.name)
        number = len(list(queue.glob("id:*")))
        for index, data in enumerate(inputs, number):
            (queue / f"id:{index:06},src:000000,time:1,execs:1,op:havoc,rep:2").write_bytes(data)

    def command(self, *arguments: str) -> list[str | Path]:
        return [SCRIPT, "sync", self.folder, self.shared, "--name", self.name, *arguments]

    def sync(self, final: bool = False) -> dict:
        return vars(afl_sync.sync(self.folder, self.shared, self.name, final))

    def refused(self, *arguments: str, **options) -> str:
        result = subprocess.run(self.command(*arguments), text=True, capture_output=True, **options)
        assert result.returncode == 2 and result.stdout == "", result.stderr
        assert result.stderr.count("\n") == 1, result.stderr
        return result.stderr

    def has_of(self, other: Host) -> list[bytes]:
        """In the order of their numbers, which have no gaps: afl-fuzz waits at one for ever."""
        queue = self.folder / other.name / "queue"
        files = sorted(queue.glob("*")) if queue.exists() else []
        assert [int(path.name[3:9]) for path in files] == list(range(len(files)))
        return [path.read_bytes() for path in files]


@pytest.fixture
def shared(tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


@pytest.fixture
def hosts(tmp_path, shared):
    return Host(tmp_path, "a", shared), Host(tmp_path, "b", shared)


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith(afl_sync.PART)]


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("host, role, name", [
    ("alpha", "main", "alpha-main"),
    ("alpha.example.org", "main", "alpha-main"),
    ("a host", "asan", "a-host-asan"),
    ("a_very-long-name-of-a-host", "main", "a_very-long-name-of-main"),
])
def test_names(host, role, name):
    printed = subprocess.run([SCRIPT, "name", role, "--host", host], text=True, capture_output=True)
    assert printed.stdout == f"{name}\n"
    assert len(name) <= afl_sync.MAX_NAME


# --- what goes over -------------------------------------------------------------------------------


def test_each_gets_what_the_other_has_found(hosts):
    a, b = hosts
    a.find(b"seed", b"one", b"two")
    b.find(b"seed", b"three")
    assert a.sync() == {"name": "a-main", "pushed": 3, "pulled": {}, "not_whole": 0,
                        "final": {"a-main": False}}
    assert b.sync()["pulled"] == {"a-main": 2}
    assert sorted(b.has_of(a)) == [b"one", b"two"]
    assert a.sync()["pulled"] == {"b-main": 1} and a.has_of(b) == [b"three"]
    for host in hosts:
        again = host.sync()
        assert (again["pushed"], again["pulled"]) == (0, {})
    a.find(b"four", b"five")
    a.sync()
    before = b.has_of(a)
    assert b.sync()["pulled"] == {"a-main": 2}
    # What comes later has the higher numbers, or it would never be looked at.
    assert b.has_of(a)[:2] == before and sorted(b.has_of(a)[2:]) == [b"five", b"four"]


def test_what_two_have_found_is_there_once(hosts, tmp_path, shared):
    a, b = hosts
    c = Host(tmp_path, "c", shared)
    for host in (a, b, c):
        host.find(b"same")
    a.find(b"of a")
    for host in (a, b, c, a, b):
        host.sync()
    # The main instance keeps what it took as a find of its own.
    b.find(*b.has_of(a))
    assert b.sync()["pushed"] == 0
    assert sum(1 for path in shared.glob("*/*") if len(path.name) == 64) == 2
    assert c.has_of(a) == [b"of a"] and c.has_of(b) == []


def test_a_host_that_begins_anew_hands_over_its_new_inputs(hosts):
    """Under numbers that the others have seen already."""
    a, b = hosts
    a.find(b"old 0", b"old 1")
    a.sync(), b.sync()
    for path in a.instance(a.name).glob("id:*"):
        path.unlink()
    a.find(b"new 0", b"new 1")
    a.sync(), b.sync()
    assert sorted(b.has_of(a)[2:]) == [b"new 0", b"new 1"]


# --- what is not whole ----------------------------------------------------------------------------


def test_half_an_input_in_the_shared_folder_is_left(hosts, shared):
    """Whatever brings the files may give them their names before their bytes."""
    a, b = hosts
    a.find(b"a whole input")
    a.sync()
    (path,) = [path for path in (shared / a.name).iterdir() if len(path.name) == 64]
    path.write_bytes(b"a whole")
    (shared / a.name / ("0" * 64)).write_bytes(b"")
    (shared / a.name / ".stfolder").mkdir()
    assert b.sync()["not_whole"] == 2 and b.has_of(a) == []
    path.write_bytes(b"a whole input")
    assert b.sync()["pulled"] == {"a-main": 1}
    assert b.has_of(a) == [b"a whole input"]


def test_half_an_input_of_afl_is_left(hosts, monkeypatch):
    a, _ = hosts
    a.find(b"whole", b"")
    assert a.sync()["not_whole"] == 1
    path = next(a.instance(a.name).glob("id:000000*"))
    fstat = os.fstat

    def written_to_meanwhile(descriptor):
        path.write_bytes(b"whole, and more")
        return fstat(descriptor)

    monkeypatch.setattr(os, "fstat", written_to_meanwhile)
    assert afl_sync.read_input(path) is None
    monkeypatch.undo()
    assert afl_sync.read_input(path) == b"whole, and more"
    path.unlink()
    assert afl_sync.read_input(path) is None


@pytest.mark.parametrize("killed_at", range(8))
def test_killed_anywhere_it_goes_on(killed_at, hosts, monkeypatch, shared):
    """Between any two renames, with the file that was just written still under its other name."""
    a, b = hosts
    a.find(b"one", b"two")
    b.find(b"three", b"four")
    a.sync()
    renames = 0
    rename = os.replace

    def replace(source, target):
        nonlocal renames
        renames += 1
        if renames > killed_at:
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(os, "replace", replace)
    try:
        afl_sync.sync(b.folder, shared, b.name, final=True)
        killed = False
    except KeyboardInterrupt:
        killed = True
    monkeypatch.undo()
    # The identity, the owner, two of its own inputs, the mark of the last sync, two of the other.
    assert killed == (killed_at < 7)
    there = [path for path in shared.glob("*/*") if afl_sync.DIGEST.fullmatch(path.name)]
    assert all(afl_sync.digest_of(path.read_bytes()) == path.name for path in there)
    assert set(b.has_of(a)) <= {b"one", b"two"}
    b.sync()
    a.sync()
    assert sorted(b.has_of(a)) == [b"one", b"two"]
    assert sorted(a.has_of(b)) == [b"four", b"three"]
    assert leftovers(b.folder) == leftovers(shared) == []


@pytest.mark.parametrize("to", ["shared", "own"])
def test_where_the_disk_is_full(to, hosts, shared):
    """No file may grow: one line, all is as it was, and the next run makes up for it."""
    a, b = hosts
    large = bytes(range(256)) * 64
    (a if to == "own" else b).find(large)
    a.sync()

    def no_space():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    complaint = b.refused(preexec_fn=no_space)
    where = b.folder / a.name if to == "own" else shared / b.name
    assert "File too large" in complaint and str(where) in complaint
    assert b.has_of(a) == [] and leftovers(b.folder) == leftovers(shared) == []
    b.sync()
    a.sync()
    assert (a.has_of(b) if to == "shared" else b.has_of(a)) == [large]


def test_several_at_once(hosts):
    a, b = hosts
    a.find(*[b"%d of a" % number for number in range(40)])
    b.find(*[b"%d of b" % number for number in range(40)])
    runs = [subprocess.Popen(host.command("--json"), stdout=subprocess.PIPE, text=True)
            for host in (a, b, a, b, a, b)]
    summaries = [json.loads(run.communicate(timeout=120)[0]) for run in runs]
    for host in hosts:
        assert sum(s["pushed"] for s in summaries if s["name"] == host.name) == 40
        host.sync()
    assert len(set(a.has_of(b))) == len(a.has_of(b)) == len(b.has_of(a)) == 40


# --- the last sync --------------------------------------------------------------------------------


def test_the_last_sync_has_all_instances_of_a_host(hosts):
    a, b = hosts
    a.find(b"main")
    a.find(b"of the last minute", instance="a-asan")
    a.sync()
    b.sync(final=True)
    assert b.has_of(a) == [b"main"]
    summary = a.sync(final=True)
    assert summary["pushed"] == 1 and summary["final"] == {"a-main": True, "b-main": True}
    assert sorted(b.has_of(a)) == [b"main"]
    b.sync(final=True)
    assert sorted(b.has_of(a)) == [b"main", b"of the last minute"]
    # Not handed on as if it were its own.
    shutil.rmtree(b.shared / a.name)
    assert b.sync(final=True)["pushed"] == 0


def test_the_last_sync_says_whose_is_still_to_come(hosts):
    a, b = hosts
    b.sync()
    result = subprocess.run(a.command("--final"), text=True, capture_output=True, check=True)
    assert "still to come of: b-main" in result.stdout
    b.sync(final=True)
    result = subprocess.run(a.command("--final"), text=True, capture_output=True, check=True)
    assert "all hosts have made their last sync" in result.stdout
    # One that goes on fuzzing takes it back.
    b.sync()
    assert a.sync(final=True)["final"] == {"a-main": True, "b-main": False}


def test_the_last_sync_comes_after_afl_fuzz(hosts):
    a, _ = hosts
    a.instance("a-asan")
    held = os.open(a.folder / "a-asan", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)  # as afl-fuzz does
    a.sync()
    assert "still running" in a.refused("--final")
    os.close(held)
    a.sync(final=True)


# --- what is refused ------------------------------------------------------------------------------


def test_two_hosts_of_one_name(hosts, tmp_path, shared):
    a, _ = hosts
    a.sync()
    other = Host(tmp_path / "elsewhere", "a", shared)
    other.find(b"lost otherwise")
    assert "is of another host" in other.refused()
    assert a.sync()["pushed"] == 0


def test_a_name_that_is_taken_here(hosts):
    a, b = hosts
    b.find(b"its own")
    b.sync()
    a.find(b"not to be mixed with others", instance=b.name)
    assert "another host has that name" in a.refused()
    assert len(list(a.instance(b.name).glob("id:*"))) == 1


@pytest.mark.parametrize("arguments, complaint", [
    (["sync"], "FOLDER"),
    (["sync", "out"], "SHARED"),
    (["sync", "none", "."], "none: no such folder"),
    (["sync", ".", "none"], "none: no such folder"),
    (["sync", ".", ".", "--name", "x"], "x/queue: no such folder"),
    (["sync", ".", ".", "--name", "x.y"], "'x.y'"),
    (["sync", ".", ".", "--name", "x" * 25], "up to 24"),
    (["name", "no role"], "'no role'"),
    (["frob"], "frob"),
    ([], "COMMAND"),
])
def test_bad_input(arguments, complaint, tmp_path):
    result = subprocess.run([SCRIPT, *arguments], cwd=tmp_path, text=True, capture_output=True)
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.count("\n") == 1 and complaint in result.stderr


@pytest.mark.parametrize("command", [[], ["name"], ["sync"]])
def test_help(command):
    result = subprocess.run([SCRIPT, *command, "--help"], text=True, capture_output=True)
    assert result.returncode == 0 and "usage:" in result.stdout


# --- with AFL++ itself ----------------------------------------------------------------------------

PUZZLE = """
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
/* afl-fuzz leaves the last child behind, stopped. */
static void die_with_parent(void) { prctl(PR_SET_PDEATHSIG, SIGKILL); }
__attribute__((constructor)) static void prepare(void) { pthread_atfork(0, 0, die_with_parent); }
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static volatile int solved;
    uint64_t word;
    if (size < sizeof(word))
        return 0;
    memcpy(&word, data, sizeof(word));
    if (word == UINT64_C(0x6c6f636b73746570))
        solved = 1;
    return 0;
}
"""
SOLUTION = b"petskcol"


@pytest.fixture
def puzzle(tmp_path):
    """Nobody guesses it within a few executions."""
    source, program = tmp_path / "puzzle.c", tmp_path / "puzzle"
    source.write_text(PUZZLE)
    subprocess.run(["afl-clang-fast", "-O1", "-fsanitize=fuzzer", source, "-o", program],
                   env=os.environ | {"AFL_QUIET": "1"}, check=True)
    return program


def afl_fuzz(host: Host, program: Path, seeds: Path | str, **environment: str) -> str:
    run = subprocess.run(["afl-fuzz", "-i", seeds, "-o", host.folder, "-M", host.name, "-E", "300",
                          "-s", "1", "--", program], env=AFL_ENVIRONMENT | environment, text=True,
                         capture_output=True, errors="replace", timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_afl_takes_what_another_host_has_found(hosts, puzzle, tmp_path):
    a, b = hosts
    for host, seed in ((a, SOLUTION), (b, b"no solution")):
        seeds = tmp_path / f"seeds-{host.name}"
        seeds.mkdir()
        (seeds / "seed").write_bytes(seed)
        (host.folder / host.name / "queue/.state").rmdir()
        (host.folder / host.name / "queue").rmdir()
        (host.folder / host.name).rmdir()
        afl_fuzz(host, puzzle, seeds)
    solved = [path for path in b.instance(b.name).glob("id:*") if path.read_bytes()[:8] == SOLUTION]
    assert solved == []
    a.sync()
    assert b.sync()["pulled"]["a-main"] >= 1
    afl_fuzz(b, puzzle, "-", AFL_IMPORT_FIRST="1")
    imported = list(b.instance(b.name).glob(f"id:*,sync:{a.name},src:*"))
    assert SOLUTION in [path.read_bytes()[:8] for path in imported]
    # What it took from the other host it does not hand back.
    b.sync(final=True)
    assert SOLUTION not in [path.read_bytes() for path in (b.shared / b.name).glob("?" * 64)]
