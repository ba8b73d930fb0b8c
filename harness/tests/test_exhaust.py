# SPDX-License-Identifier: MPL-2.0
"""The command `slotcheck exhaust` as a user meets it: what it says is true, and nothing is lost."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

SMALL = ("--slots", "1", "--ops", "frame_from_unused,frame_clone,frame_drop", "--depth", "5")


@pytest.fixture
def exhaust(slotcheck, tmp_path):
    """Runs the command in a folder of its own."""

    def run(*arguments: str | Path, **options):
        return slotcheck("exhaust", *arguments, cwd=tmp_path, **options)

    return run


@pytest.fixture
def fault(build):
    def path(name: str) -> Path:
        return build / f"subjects/fault_{name}.so"

    return path


@pytest.fixture
def odd(exhaust, build):
    """On the subject whose fault is in no operation's result."""

    def run(what: str, *arguments: str | Path):
        return exhaust("--subject", build / "subjects/odd.so", "--timeout", "1", *arguments,
                       env=os.environ | {"ODD": what})

    return run


def only_line(stderr: bytes) -> str:
    lines = stderr.decode().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("slotcheck")
    return lines[0]


def said_depth(text: str) -> int:
    """Up to which depth all programs agree, as it is said."""
    return int(re.search(r"all programs of at most (\d+) of these operations agree", text)[1])


# --- verdicts ---


def test_agreement(exhaust):
    result = exhaust("--depth", "2")
    text = result.stdout.decode()
    assert result.returncode == 0 and result.stderr == b""
    assert said_depth(text) == 2
    assert "complete: " in text and "2 slots" in text
    levels = re.findall(r"^ +(\d+) +(\d+) +(\d+)$", text, re.MULTILINE)
    states, transitions = (sum(int(level[i]) for level in levels) for i in (1, 2))
    assert [int(level[0]) for level in levels] == [0, 1, 2]
    assert f"{states} states, {transitions} transitions" in text


def test_closed(exhaust):
    result = exhaust("--slots", "1", "--ops", "get_slot,frame_from_unused,frame_drop",
                     "--depth", "64")
    assert result.returncode == 0
    assert (b"all programs of these operations agree, of any length; after 2 operations comes "
            b"nothing new") in result.stdout


# The least number of operations is known: what is in the comment is needed.
@pytest.mark.parametrize("name, ops, least", [
    ("bound_off_by_one", "get_slot", 1),
    ("clone_uncounted", "frame", 2),  # a frame
    ("clone_uncounted", "frame_clone,page_table_node_alloc", 2),
    ("try_from_shared", "frame,unique", 3),  # a frame, a second handle
    ("in_list_left", "setup,slot", 2),  # a setup with count 0
    ("in_use_past_max", "setup,slot", 2),  # a setup at MAX
    ("repurpose_keeps", "unique", 2),  # a unique frame
    ("into_raw_uncounts", "frame", 2),  # a frame
])
def test_divergence_is_a_shortest(name, ops, least, exhaust, slotcheck, fault, tmp_path):
    arguments = ("--subject", fault(name), "--slots", "1", "--ops", ops)
    result = exhaust(*arguments, "--depth", "4", "--json")
    record = json.loads(result.stdout)
    assert result.returncode == 1
    assert record["end"] == "divergence"
    assert record["finding"]["operations"] == least
    assert record["complete_depth"] == least - 1
    case = tmp_path / record["finding"]["case"]
    assert case.parent == tmp_path / f"out/exhaust-fault_{name}"
    again = json.loads(slotcheck("run", "--json", "--subject", fault(name), case).stdout)
    assert again["signature"] == record["finding"]["signature"]
    assert again["operation"] == record["finding"]["signature"].split(".")[0]
    if least > 1:
        assert exhaust(*arguments, "--depth", str(least - 1)).returncode == 0


def test_divergence_is_explained(exhaust, fault):
    result = exhaust("--subject", fault("clone_uncounted"), *SMALL)
    text = result.stdout.decode()
    assert result.returncode == 1 and result.stderr == b""
    assert "a shortest divergence" in text and said_depth(text) == 1
    path = re.search(r"^DIVERGES +(\S+)$", text, re.MULTILINE)[1]
    assert "what differs" in text and "broken clauses" in text
    assert f"./slotcheck run --subject {fault('clone_uncounted')} {path}" in text


def test_of_a_single_operation(exhaust, fault):
    result = exhaust("--subject", fault("bound_off_by_one"), "--ops", "get_slot")
    assert result.returncode == 1
    assert b"a shortest divergence: a single operation\n" in result.stdout


def test_vostd(exhaust):
    """The shipping kernel's counts go on where the verified sources say that they end."""
    arguments = ("--ops", "setup,slot,frame", "--slots", "1", "--depth", "3", "--json")
    ostd = json.loads(exhaust(*arguments).stdout)
    vostd = json.loads(exhaust(*arguments, "--spec", "vostd").stdout)
    assert ostd["finding"] is None and vostd["finding"] is None
    assert (ostd["transitions"], ostd["cells"]) != (vostd["transitions"], vostd["cells"])


# --- subjects that do not return ---


@pytest.mark.parametrize("name, operation", [("crash", "frame_drop"), ("hang", "get_from_in_use")])
def test_what_does_not_return_is_a_finding(name, operation, exhaust, fault):
    result = exhaust("--subject", fault(name), "--slots", "1", "--depth", "4", "--timeout", "1",
                     "--json")
    record = json.loads(result.stdout)
    assert result.returncode == 1
    assert record["finding"]["kind"] == "crash"
    assert record["finding"]["signature"].startswith(operation + ".")
    assert record["complete_depth"] == record["finding"]["operations"] - 1


def test_exit_is_a_finding(odd):
    """Also with a status that says that all is well."""
    result = odd("exit", *SMALL)
    assert result.returncode == 1
    assert b"crash in frame_clone" in result.stdout
    assert b"called exit(0)" in result.stdout


@pytest.mark.parametrize("name, code", [("aborting", 0), ("exiting", 1)])
def test_panics_that_end_the_process(name, code, exhaust, build):
    """In a child; one that exits there instead of panicking is found."""
    result = exhaust("--subject", build / f"subjects/{name}.so", "--ops", "setup,frame_from_raw",
                     "--depth", "2", "--json")
    more = exhaust("--subject", build / f"subjects/{name}.so", "--ops", "setup,inc_ref_count",
                   "--depth", "2", "--json")
    assert result.returncode == 0
    assert more.returncode == code
    record = json.loads(more.stdout)
    assert record["slots"] == 16
    assert (record["finding"] is not None) == (code == 1)


@pytest.mark.parametrize("what, words", [
    ("stuck-reset", "odd did not return in time, outside of any operation"),
    ("crash-reset", "odd ended the process, outside of any operation"),
    ("exit-reset", "odd ended the process, outside of any operation"),
])
def test_what_ends_outside_of_operations_is_no_agreement(what, words, odd):
    result = odd(what, *SMALL)
    assert result.returncode == 3
    assert result.stdout == b""
    assert only_line(result.stderr) == f"slotcheck: {words}"


def test_what_keeps_something_over_reset(odd):
    result = odd("keeps", "--replay", *SMALL)
    assert result.returncode == 2
    assert only_line(result.stderr).endswith("does not do the same when it is asked the same again")


def test_what_does_not_go_back(odd):
    result = odd("forgets", *SMALL)
    assert result.returncode == 3
    assert "keeps something over reset or snapshot_restore; see --replay" in only_line(result.stderr)
    assert odd("forgets", "--replay", *SMALL).returncode == 0
    assert odd("nothing", *SMALL).returncode == 0


def test_what_is_no_region(exhaust, fault):
    result = exhaust("--subject", fault("create_in_use"))
    assert result.returncode == 2
    assert "create makes no region of unused slots" in only_line(result.stderr)


# --- input ---


@pytest.mark.parametrize("arguments, words", [
    (["--ops", "frame,nothing"], "'nothing' is neither an operation nor one of: slot"),
    (["--ops", ""], "'' is neither"),
    (["--slots", "0"], "--slots 0: not 1..16"),
    (["--slots", "17"], "--slots 17: not 1..16"),
    (["--slots", "x"], "--slots x: not 1..16"),
    (["--slots", "-1"], "--slots -1: not 1..16"),
    (["--slots", "99999999999999999999"], "not 1..16"),
    (["--depth", "0"], "--depth 0: not 1..64"),
    (["--depth", "65"], "--depth 65: not 1..64"),
    (["--memory", "0"], "--memory 0: not 1.."),
    (["--limit", "0"], "--limit 0: not 1.."),
    (["--timeout", "1s"], "--timeout 1s: not 1.."),
    (["--spec", "x"], "neither ostd nor vostd"),
    (["case.txt"], "case.txt: no argument is expected"),
    (["--subject", "no.so"], "no.so"),
    (["--subject", "/"], "/"),
    (["--corpus", ""], "''"),
    (["--corpus", "file/below"], "file/below: Not a directory"),
    (["--corpus", "file"], "file: Not a directory"),
    (["--cells", "no/cells"], "no/cells: No such file or directory"),
    (["--cells", "file/cells"], "file/cells: Not a directory"),
    (["--cells", "."], ".: Is a directory"),
])
def test_wrong_arguments(arguments, words, exhaust, tmp_path):
    """Found out before anything is run: the search would take years."""
    (tmp_path / "file").write_text("kept")
    result = exhaust("--slots", "16", "--depth", "64", *arguments)
    assert result.returncode == 2
    assert result.stdout == b""
    assert words in only_line(result.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("slots, code", [("16", 0), ("15", 2)])
def test_regions_of_one_size(slots, code, exhaust, build):
    result = exhaust("--subject", build / "subjects/aborting.so", "--slots", slots,
                     "--ops", "get_slot", "--depth", "1")
    assert result.returncode == code
    if code:
        assert "have 16 slots; 15 cannot be searched" in only_line(result.stderr)


def test_too_large_a_region(odd):
    result = odd("seventeen", *SMALL[2:])
    assert result.returncode == 2
    assert "have 17 slots; 17 cannot be searched" in only_line(result.stderr)


def test_finding_that_cannot_be_written_is_shown(exhaust, fault, tmp_path):
    (tmp_path / "out").write_text("kept")
    arguments = ("--subject", fault("clone_uncounted"), "--out", "out/below", *SMALL)
    result = exhaust(*arguments)
    assert result.returncode == 2
    assert only_line(result.stderr) == "slotcheck: out/below: Not a directory"
    assert b"frame_from_unused(p0, empty(1))\nframe_clone(f0)\n" in result.stdout
    record = json.loads(exhaust(*arguments, "--json").stdout)
    assert record["finding"]["case"] is None
    assert record["finding"]["signature"].startswith("frame_clone.")
    assert (tmp_path / "out").read_text() == "kept"


@pytest.mark.parametrize("extra", [(), ("--json",)])
@pytest.mark.parametrize("subject", ["builtin", "clone_uncounted"])
def test_output_that_cannot_be_written(subject, extra, build, fault, tmp_path):
    path = "builtin" if subject == "builtin" else fault(subject)
    with open("/dev/full", "wb") as full:
        result = subprocess.run([build / "harness/slotcheck", "exhaust", *SMALL, *extra,
                                 "--subject", path],
                                stdout=full, stderr=subprocess.PIPE, cwd=tmp_path, timeout=60)
    assert result.returncode == 2
    assert only_line(result.stderr) == "slotcheck: standard output cannot be written"


# --- JSON ---


def test_json(exhaust, fault):
    """A subject that prints does not come between."""
    result = exhaust("--subject", fault("talks"), "--json", *SMALL)
    record = json.loads(result.stdout)
    assert result.returncode == 0
    assert record["end"] == "complete" and record["finding"] is None
    assert record["slots"] == 1 and record["depth"] == record["complete_depth"] == 5
    assert record["ops"] == ["frame_from_unused", "frame_clone", "frame_drop"]
    assert record["states"] == sum(level["states"] for level in record["levels"])
    assert record["transitions"] == sum(level["transitions"] for level in record["levels"])


# --- limits ---


def limited(exhaust, *arguments: str) -> str:
    """Runs what is too much, and checks what is said against a search that comes to its end."""
    result = exhaust("--ops", "all", "--slots", "3", "--depth", "40", *arguments)
    text = result.stdout.decode()
    found = re.search(r"and of those of (\d+) the ones that go on from (\d+) of (\d+) states", text)
    assert result.returncode == 0 and result.stderr == b""
    depth, expanded, states = (int(number) for number in found.groups())
    assert said_depth(text) == depth - 1
    assert 0 <= expanded <= states
    levels = re.findall(r"^ +\d+ +\d+ +\d+$", text, re.MULTILINE)
    if depth > 1:
        whole = exhaust("--ops", "all", "--slots", "3", "--depth", str(min(depth - 1, 2)))
        complete = re.findall(r"^ +\d+ +\d+ +\d+$", whole.stdout.decode(), re.MULTILINE)
        assert levels[:len(complete)] == complete
    return text


def test_limit_of_time(exhaust):
    begin = time.monotonic()
    assert "\nstopped: " in limited(exhaust, "--limit", "1")
    assert 1 <= time.monotonic() - begin < 10


def test_limit_of_memory(exhaust):
    assert "\nout of memory (--memory): " in limited(exhaust, "--memory", "1")


def start(build: Path, *arguments: str, **options) -> subprocess.Popen:
    return subprocess.Popen([build / "harness/slotcheck", "exhaust", "--ops", "all", "--slots", "3",
                             "--depth", "40", *arguments],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def child_of(process: subprocess.Popen) -> int:
    """The process that searches."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    for _ in range(200):
        if children.read_text().split():
            time.sleep(0.1)
            return int(children.read_text().split()[0])
        time.sleep(0.02)
    raise AssertionError("there is no child")


def test_interrupt_ends_it_with_what_is_known(build, tmp_path):
    """As of a terminal: all processes of the command get it."""
    cells = tmp_path / "cells.txt"
    process = start(build, "--json", "--cells", str(cells), start_new_session=True)
    child_of(process)
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    record = json.loads(stdout)
    assert process.returncode == 0 and stderr == b""
    assert record["end"] == "stopped"
    assert len(cells.read_text().splitlines()) == 1 + record["cells"]
    assert f"depth {record['complete_depth']}," in cells.read_text().splitlines()[0]


def test_nothing_goes_on_when_it_is_killed(build):
    process = start(build)
    child = child_of(process)
    process.kill()
    process.communicate(timeout=30)
    for _ in range(200):
        status = Path(f"/proc/{child}/status")
        if not status.exists() or "State:\tZ" in status.read_text():
            return
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    raise AssertionError("the search goes on")


def test_a_search_that_is_killed(build):
    process = start(build)
    os.kill(child_of(process), signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 3 and stdout == b""
    assert only_line(stderr) == "slotcheck: the search was killed; less --memory may help"


# --- corpus and cells ---


def test_corpus_has_the_cells(exhaust, slotcheck, tmp_path):
    arguments = ("--ops", "frame,unique", "--slots", "1", "--depth", "3")
    result = exhaust(*arguments, "--corpus", "new/corpus", "--cells", "cells.txt")
    cells = (tmp_path / "cells.txt").read_text().splitlines()
    corpus = sorted((tmp_path / "new/corpus").iterdir())
    assert result.returncode == 0
    assert f"{len(corpus)} programs in new/corpus have all of these cells" in result.stdout.decode()
    assert f" {len(cells) - 1} cells; " in result.stdout.decode()
    assert cells[1:] == sorted(set(cells[1:]))
    run = slotcheck("run", "--quiet", tmp_path / "new/corpus")
    assert run.returncode == 0
    assert all(re.fullmatch(r"\d{4}-[a-z_]+\.txt", path.name) for path in corpus)


@pytest.mark.parametrize("mode", ["--replay", "--exact"])
def test_other_ways_see_the_same(mode, exhaust, tmp_path):
    arguments = ("--ops", "frame,unique", "--slots", "1", "--depth", "3")
    assert exhaust(*arguments, "--cells", "a.txt").returncode == 0
    assert exhaust(*arguments, mode, "--cells", "b.txt").returncode == 0
    assert (tmp_path / "a.txt").read_text() == (tmp_path / "b.txt").read_text()
    assert len((tmp_path / "a.txt").read_text().splitlines()) > 50


def test_exact_tells_more_states_apart(exhaust):
    arguments = ("--ops", "frame", "--slots", "1", "--depth", "3", "--json")
    canonical = json.loads(exhaust(*arguments).stdout)
    exact = json.loads(exhaust(*arguments, "--exact").stdout)
    assert (canonical["exact"], exact["exact"]) == (False, True)
    assert exact["states"] > canonical["states"]
    assert exact["cells"] == canonical["cells"]


def test_files_that_are_there_are_replaced_as_a_whole(exhaust, tmp_path):
    (tmp_path / "cells.txt").write_text("old\n" * 100000)
    assert exhaust(*SMALL, "--cells", "cells.txt").returncode == 0
    assert "old" not in (tmp_path / "cells.txt").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["cells.txt"]


def test_corpus_that_cannot_be_written(exhaust, tmp_path):
    """What was found is printed all the same, and no other file suffers."""
    occupied = tmp_path / "corpus"
    for number in range(1, 200):
        for name in ("frame_from_unused", "frame_clone", "frame_drop"):
            (occupied / f"{number:04}-{name}.txt").mkdir(parents=True)
    result = exhaust(*SMALL, "--corpus", occupied)
    assert result.returncode == 2
    assert only_line(result.stderr).endswith(": not a file")
    assert b"all programs of at most 5 of these operations agree" in result.stdout
    assert b"have all of these cells" not in result.stdout
