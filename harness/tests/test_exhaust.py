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
    return int(re.search(r"all (?:programs of the scope|its programs) with at most (\d+) "
                         r"operations? agree", text)[1])


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
    assert (b"all programs of the scope agree, of any length; after 2 operations comes "
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
    assert "a shortest divergence of the scope" in text and said_depth(text) == 1
    assert "outside of the scope" not in text
    path = re.search(r"^DIVERGES +(\S+)$", text, re.MULTILINE)[1]
    assert "what differs" in text and "broken clauses" in text
    assert f"./slotcheck run --subject {fault('clone_uncounted')} {path}" in text


def test_of_a_single_operation(exhaust, fault):
    result = exhaust("--subject", fault("bound_off_by_one"), "--ops", "get_slot")
    assert result.returncode == 1
    assert b"a shortest divergence of the scope: a single operation\n" in result.stdout


def test_case_is_shrunk(exhaust, slotcheck, fault, tmp_path):
    """What is a shortest one of the scope is more than it takes."""
    arguments = ("--subject", fault("clone_uncounted"), "--slots", "2",
                 "--ops", "setup,frame_clone,frame_from_raw")
    text = exhaust(*arguments).stdout.decode()
    assert "outside of the scope there is a shorter one: shrunk from 3 operations to 2" in text
    record = json.loads(exhaust(*arguments, "--json").stdout)
    finding = record["finding"]
    assert (finding["operations"], finding["shrunk_operations"]) == (3, 2)
    assert record["complete_depth"] == 2
    case = tmp_path / finding["case"]
    assert case.read_text() == finding["program"]
    again = slotcheck("shrink", "--subject", fault("clone_uncounted"), case)
    assert again.stdout.decode() == finding["program"]


# --- the scope ---

OPERANDS = {"PADDR": ["p0", "p1", "oob0", "p0+1", "oob0+1", "top0"],
            "META": ["empty(1)", "untyped(0)", "link(4100)", "node(257)", "probe(4097)"],
            "FLAG": ["0", "1"]}


def test_operands_are_said(exhaust):
    arguments = ("--ops", "get_from_unused,frame_from_in_use,frame_drop", "--depth", "1")
    text = exhaust(*arguments).stdout.decode()
    for kind, values in OPERANDS.items():
        assert f"\n  {kind} {' '.join(values)}\n" in text
    assert "\n  FRAME: all that are alive\n" in text
    assert json.loads(exhaust(*arguments, "--json").stdout)["operands"] == OPERANDS


def test_no_operands(exhaust):
    arguments = ("--ops", "lemma_layout", "--depth", "1")
    assert exhaust(*arguments).stdout.startswith(b"metaslot: 2 slots, 1 operation\n\n")
    assert json.loads(exhaust(*arguments, "--json").stdout)["operands"] == {}


def test_only_what_is_offered_is_said_to_be_run(exhaust, build):
    subject = ("--subject", build / "subjects/partial.so", "--slots", "1")
    result = exhaust(*subject, "--ops", "list")
    assert result.returncode == 2 and result.stdout == b""
    assert only_line(result.stderr) == (
        "slotcheck: --ops list: partial offers none of these operations")
    record = json.loads(exhaust(*subject, "--ops", "all", "--depth", "2", "--json").stdout)
    assert record["ops"] == ["get_slot", "frame_from_unused", "frame_drop"]


def test_help_names_the_groups(exhaust):
    text = " ".join(exhaust("--help").stdout.decode().split())
    named = text.split("groups of them, with commas: ")[1].split(" (setup,")[0].split()
    assert named[-1] == "all" and "frame" in named
    for group in named:
        assert exhaust("--ops", group, "--depth", "1", "--slots", "1").returncode == 0
    said = only_line(exhaust("--ops", "x").stderr)
    assert said.endswith(f"nor one of: {' '.join(named)}")


def test_vostd(exhaust):
    """The shipping kernel's counts go on where the verified sources say that they end."""
    arguments = ("--ops", "setup,slot,frame", "--slots", "1", "--depth", "3", "--json")
    ostd = json.loads(exhaust(*arguments).stdout)
    vostd = json.loads(exhaust(*arguments, "--spec", "vostd").stdout)
    assert ostd["finding"] is None and vostd["finding"] is None
    assert (ostd["transitions"], ostd["cells"]) != (vostd["transitions"], vostd["cells"])


# --- subjects that do not return ---


FEW = ("--slots", "1", "--depth", "4", "--timeout", "1", "--json",
       "--ops", "frame_from_unused,frame_drop,get_from_in_use")


def assert_crash(result: subprocess.CompletedProcess[bytes], operation: str) -> None:
    record = json.loads(result.stdout)
    assert result.returncode == 1
    assert record["finding"]["kind"] == "crash"
    assert record["finding"]["signature"].startswith(operation + ".")
    assert record["complete_depth"] == record["finding"]["operations"] - 1


def test_a_crash_is_a_finding(exhaust, fault):
    assert_crash(exhaust("--subject", fault("crash"), *FEW), "frame_drop")


@pytest.fixture(scope="module")
def stuck(build, tmp_path_factory):
    """The result of one of some commands that wait for a second or more; all of them at a time."""
    odd = ("--subject", build / "subjects/odd.so", "--timeout", "1", *SMALL)
    commands = {"hang": ("--subject", build / "subjects/fault_hang.so", *FEW),
                "stuck-reset": odd,
                "stuck-corpus": (*odd, "--corpus", "corpus", "--json")}
    processes = {what: subprocess.Popen([build / "harness/slotcheck", "exhaust", *arguments],
                                        cwd=tmp_path_factory.mktemp("stuck"),
                                        env=os.environ | {"ODD": what},
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                 for what, arguments in commands.items()}

    def result(what: str) -> subprocess.CompletedProcess[bytes]:
        process = processes[what]
        stdout, stderr = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    return result


def test_what_does_not_return_is_a_finding(stuck):
    assert_crash(stuck("hang"), "get_from_in_use")


def test_what_is_stuck_outside_of_operations_is_no_agreement(stuck):
    result = stuck("stuck-reset")
    assert result.returncode == 3 and result.stdout == b""
    assert only_line(result.stderr) == (
        "slotcheck: odd did not return in time, outside of any operation")


def test_what_is_stuck_while_the_corpus_is_written(stuck):
    """The search agrees; its seconds are its own."""
    result = stuck("stuck-corpus")
    record = json.loads(result.stdout)
    assert result.returncode == 3
    assert only_line(result.stderr) == (
        "slotcheck: odd did not return in time, while the corpus was written")
    assert record["end"] == "complete" and record["seconds"] < 0.5
    assert not record["corpus"]["complete"]


@pytest.mark.parametrize("what", ["kill", "term"])
def test_a_subject_that_kills_is_a_finding(what, odd):
    """Though it looks like a lack of memory, or like a person."""
    result = odd(what, *SMALL, "--json")
    record = json.loads(result.stdout)
    assert result.returncode == 1 and result.stderr == b""
    assert record["end"] == "divergence" and record["finding"]["kind"] == "crash"
    assert record["finding"]["operations"] == 2
    case = record["finding"]["case"]
    assert f"DIVERGES  {case}\n" in odd(what, *SMALL).stdout.decode()


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


def test_what_does_not_go_back(odd, tmp_path):
    """Run by itself, the program agrees: it is no case."""
    result = odd("forgets", *SMALL)
    assert result.returncode == 3
    assert "diverged once (" in only_line(result.stderr)
    assert "keeps something over reset or snapshot_restore; see --replay" in only_line(result.stderr)
    assert result.stdout.startswith(b"slotcheck program 2\n")
    result = odd("forgets", *SMALL, "--json")
    record = json.loads(result.stdout)
    assert result.returncode == 3 and record["end"] == "unstable"
    assert record["finding"]["case"] is None and not record["finding"]["reproduces"]
    assert record["finding"]["program"].startswith("slotcheck program 2\n")
    assert list(tmp_path.iterdir()) == []
    assert odd("forgets", "--replay", *SMALL).returncode == 0
    assert odd("nothing", *SMALL).returncode == 0


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_what_dies_on_a_way_that_was_gone_before(more, odd):
    """The operation that it died of is named; --replay is no advice to who has followed it."""
    result = odd("late", "--replay", *SMALL, *more)
    assert result.returncode == 3
    assert re.search(r"this program of [12] operations? diverged once \(frame_clone\.",
                     only_line(result.stderr))
    assert only_line(result.stderr).endswith("and not again: the subject keeps something over reset")


def hidden(odd, *arguments):
    return odd("hidden", "--slots", "1", "--depth", "5", "--json", "--ops",
               "frame_from_unused,get_from_in_use,frame_clone", *arguments)


def test_exact_sees_what_the_subject_keeps_where_nobody_looks(odd):
    """A failed operation changes nothing else."""
    canonical, exact, replayed = (hidden(odd), hidden(odd, "--exact"),
                                  hidden(odd, "--exact", "--replay"))
    assert canonical.returncode == 0
    assert exact.returncode == 1 and replayed.returncode == 1
    one, other = json.loads(exact.stdout), json.loads(replayed.stdout)
    assert one["finding"]["operations"] == 4
    for record in (one, other):
        del record["seconds"]
    assert one == other


@pytest.mark.parametrize("what, arguments, words", [
    ("grows", [], "its snapshot_size is not always the same for one region"),
    ("grows", ["--exact"], "its snapshot_size is not always the same for one region"),
    ("grows", ["--exact", "--replay"], "its snapshot_size is not always the same for one region"),
    ("empty", [], "its snapshot_size is 0"),
    ("empty", ["--exact", "--replay"], "its snapshot_size is 0"),
])
def test_wrong_snapshot_sizes(what, arguments, words, odd):
    result = odd(what, *SMALL, *arguments)
    assert result.returncode == 2 and result.stdout == b""
    assert only_line(result.stderr) == f"slotcheck: odd: {words}"


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
    (["--depth", "x"], "--depth x: not 1..64 operations"),
    (["--memory", "1G"], "--memory 1G: not 1..16777216 MiB"),
    (["--limit", "0"], "--limit 0: no time up to 365d"),
    (["--limit", "0.0m"], "--limit 0.0m: no time"),
    (["--limit", "m"], "--limit m: no time"),
    (["--limit", "10mm"], "--limit 10mm: no time"),
    (["--limit", "1."], "--limit 1.: no time"),
    (["--limit", ".5"], "--limit .5: no time"),
    (["--limit", "-1"], "--limit -1: no time"),
    (["--limit", "1e3"], "--limit 1e3: no time"),
    (["--limit", "366d"], "--limit 366d: no time up to 365d"),
    (["--limit", "nan"], "--limit nan: no time"),
    (["--limit", ""], "--limit : no time"),
    (["--timeout", "1s"], "--timeout 1s: not 1..86400 seconds"),
    (["--json", "--cells", "-"], "--cells - and --json"),
    (["--out", "file/below"], "file/below: Not a directory"),
    (["--out", "file"], "file: Not a directory"),
    (["--out", ""], "'': No such file or directory"),
    (["--corpus", "."], "--corpus .: the folder is not empty"),
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
        assert only_line(result.stderr) == "slotcheck: --slots 15: regions of aborting have 16 slots"


def test_too_large_a_region(odd):
    result = odd("seventeen", *SMALL[2:])
    assert result.returncode == 2
    assert only_line(result.stderr) == (
        "slotcheck: regions of odd have 17 slots; at most 16 can be searched")


def long_folder(path: Path) -> str:
    """One that there may be, in which there is no room for the name of a file."""
    return "/".join([str(path), *["d" * 250] * 20])[:4092].rstrip("/")


def test_finding_that_cannot_be_written_is_shown(exhaust, fault, tmp_path):
    arguments = ("--subject", fault("clone_uncounted"), "--out", long_folder(tmp_path), *SMALL)
    result = exhaust(*arguments)
    assert result.returncode == 2
    assert only_line(result.stderr).endswith(": File name too long")
    assert b"frame_from_unused(p0, empty(0))\nframe_clone(f0)\n" in result.stdout
    record = json.loads(exhaust(*arguments, "--json").stdout)
    assert record["finding"]["case"] is None
    assert record["finding"]["signature"].startswith("frame_clone.")
    assert record["finding"]["program"].endswith(
        "\nframe_from_unused(p0, empty(0))\nframe_clone(f0)\n")


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
    assert record["expanded"] == 0 and record["cells_lost"] == 0 and record["corpus"] is None
    assert record["states_at_depth"] == record["levels"][-1]["states"]


# --- limits ---


def limited(exhaust, *arguments: str) -> str:
    """Runs what is too much, and checks what is said against a search that comes to its end."""
    result = exhaust("--ops", "all", "--slots", "3", "--depth", "40", *arguments)
    text = result.stdout.decode()
    found = re.search(r"and of those with (\d+) the ones that go on from (\d+) of (\d+) states",
                      text)
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
    assert "\nstopped: " in limited(exhaust, "--limit", "0.01m")
    assert 0.6 <= time.monotonic() - begin < 10


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupt_ends_it_with_what_is_known(number, build, tmp_path):
    """As of a terminal: all processes of the command get it."""
    cells = tmp_path / "cells.txt"
    process = start(build, "--json", "--cells", str(cells), start_new_session=True)
    child_of(process)
    os.killpg(process.pid, number)
    stdout, stderr = process.communicate(timeout=30)
    record = json.loads(stdout)
    assert process.returncode == 0 and stderr == b""
    assert record["end"] == "stopped"
    assert record["states_at_depth"] == record["levels"][record["complete_depth"]]["states"]
    assert 0 <= record["expanded"] < record["states_at_depth"]
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
    assert process.returncode == 3
    assert only_line(stderr) == "slotcheck: the search was killed; less --memory may help"
    assert "\nkilled: all programs of the scope" in stdout.decode()
    assert said_depth(stdout.decode()) >= 0


def test_a_second_interrupt_ends_it_at_once(build, tmp_path):
    """The first one waits for the operation."""
    process = subprocess.Popen([build / "harness/slotcheck", "exhaust", *SMALL, "--timeout", "60",
                                "--subject", build / "subjects/odd.so"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True, cwd=tmp_path,
                               env=os.environ | {"ODD": "stuck"})
    child_of(process)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.2)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=5)
    assert process.returncode == 0 and stderr == b""
    assert b"\nstopped: all programs of the scope with at most 1 operation agree" in stdout


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
    """What was found is printed all the same."""
    result = exhaust(*SMALL, "--corpus", long_folder(tmp_path))
    assert result.returncode == 2
    assert only_line(result.stderr).endswith(": the path is too long")
    assert said_depth(result.stdout.decode()) == 5
    assert b"have all of these cells" not in result.stdout


def test_corpus_takes_no_folder_with_files(exhaust, tmp_path):
    (tmp_path / "empty").mkdir()
    assert exhaust(*SMALL, "--corpus", "empty").returncode == 0
    before = sorted((tmp_path / "empty").iterdir())
    result = exhaust(*SMALL, "--corpus", "empty")
    assert result.returncode == 2 and before == sorted((tmp_path / "empty").iterdir())
    assert only_line(result.stderr) == "slotcheck: --corpus empty: the folder is not empty"


@pytest.mark.parametrize("what, code, words", [
    ("crash-corpus", 3, "odd ended the process, while the corpus was written"),
    ("wrong-corpus", 1, "corpus: the last program diverges, which the search did not see: what the "
                        "subject keeps where nobody looks decides; see --exact"),
])
def test_what_goes_wrong_while_the_corpus_is_written(what, code, words, odd):
    result = odd(what, *SMALL, "--corpus", "corpus", "--json")
    record = json.loads(result.stdout)
    assert result.returncode == code
    assert only_line(result.stderr) == f"slotcheck: {words}"
    assert record["end"] == "complete"
    assert not record["corpus"]["complete"]


def test_limit_of_the_corpus(odd):
    """It takes a third of a second for each clone in it."""
    begin = time.monotonic()
    result = odd("slow-corpus", *SMALL, "--limit", "0.5", "--timeout", "60", "--corpus", "corpus")
    assert result.returncode == 0 and result.stderr == b""
    assert 0.5 <= time.monotonic() - begin < 5
    assert "there would be more" in result.stdout.decode()
