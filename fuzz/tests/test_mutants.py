# SPDX-License-Identifier: MPL-2.0
"""./slotcheck mutants: what it finds, and what it does with patches that are none."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from campaign.errors import CampaignError, Status
from mutation import process
from mutation.build import NONE, Built
from mutation.clauses import Clause, complaints, document, read_reasons
from mutation.command import check_none
from mutation.drivers import DRIVERS, DriverError, Outcome, Setting
from mutation.drivers import afl as afl_driver
from mutation.drivers.base import Seat
from mutation.drivers.team import Team
from mutation.judge import Result
from mutation.matrix import Matrix, Results
from mutation.patches import Mutant, read_mutants
from mutation.records import alone

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SLOTCHECK_BUILD", ROOT / "build"))
FRAME = "impl/include/metaslot/frame.h"


def mutants(*arguments: str | Path, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "slotcheck", "mutants", *map(str, arguments)], text=True,
                          capture_output=True, timeout=1500, **options)


def diff(file: str, old: str, new: str) -> str:
    """Made of the source as it is, so that the tests go on when that changes."""
    text = (ROOT / file).read_text()
    assert old in text, f"{file} has changed; so must this test"
    changed = text.replace(old, new, 1)
    lines = difflib.unified_diff(text.splitlines(True), changed.splitlines(True), f"a/{file}",
                                 f"b/{file}")
    return "".join(lines)


def write(folder: Path, name: str, patch: str, **headers: str) -> None:
    headers = {"Kind": name.split("-")[0], "Breaks": "something"} | headers
    head = "".join(f"{key}: {value}\n" for key, value in headers.items())
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.patch").write_text(f"{head}\n{patch}")


def forgotten_obligation() -> str:
    return diff(FRAME, "*clone = frame;\n        ghost_obligation_minted(region, frame.slot);",
                "*clone = frame;")


def no_change() -> str:
    return diff(FRAME, "#pragma once", "#pragma once\n")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """One folder for all tests, so that the original is built once."""
    return tmp_path_factory.mktemp("mutants")


# --- all of them ----------------------------------------------------------------------------------


def digest_of_tree() -> str:
    total = hashlib.sha256()
    for folder in ("impl", "oracle", "fuzz/mutants", "fuzz/mutation", "reports", "corpus"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                total.update(str(path).encode() + path.read_bytes())
    return total.hexdigest()


def test_all_of_them():
    """One test, as one run makes all of it. Its folder is beside the builds: what has not changed
    since the last time is not run again."""
    before = digest_of_tree()
    done = mutants("--drivers", "corpus,exhaust", "--document", "--out", BUILD / "mutants")
    assert digest_of_tree() == before, "the tree has changed"
    assert done.returncode == 0, done.stderr[-4000:]
    # Otherwise: ./slotcheck mutants --drivers corpus,exhaust --document > oracle/CLAUSES.md
    assert (ROOT / "oracle/CLAUSES.md").read_text() == done.stdout
    record = json.loads((BUILD / "mutants/matrix.json").read_text())
    kills = [result for mutant in record["mutants"] for result in mutant["results"].values()
             if result["killed"] and result["case"]]
    assert kills and all(result["operations"] <= 10 for result in kills)


def test_there_are_mutants_enough():
    known = read_mutants(ROOT / "fuzz/mutants", None)
    assert sum(1 for mutant in known if mutant.is_counted) >= 60


# --- how a mutant is written ----------------------------------------------------------------------

GOOD = "--- a/impl/src/x.c\n+++ b/impl/src/x.c\n@@ -1 +1 @@\n-a\n+b\n"


@pytest.mark.parametrize("name, text, complaint", [
    ("counts-x", f"Kind: counts\nBreaks: it\nColour: red\n\n{GOOD}", ":3: 'Colour' is none of"),
    ("counts-x", f"Kind: counting\nBreaks: it\n\n{GOOD}", ":1: 'counting' is none of the kinds"),
    ("other-x", f"Breaks: it\nKind: counts\n\n{GOOD}", ":2: of the kind 'counts', so that"),
    ("counts-X", f"Kind: counts\nBreaks: it\n\n{GOOD}", ":1: its name has other characters"),
    ("counts-x", f"Kind: counts\n\n{GOOD}", ":1: no header 'Breaks'"),
    ("counts-x", f"Kind: counts\nBreaks:\n\n{GOOD}", ":2: 'Breaks' says nothing"),
    ("counts-x", f"Kind: counts\nBreaks: it\nBreaks: that\n\n{GOOD}", ":3: a second 'Breaks'"),
    ("counts-x", f"Kind: counts\nBreaks: it\nEquivalent: a\nOpen: b\n\n{GOOD}", ":4: both"),
    ("counts-x", "Kind: counts\nBreaks: it\n\nnothing\n", ":4: no diff"),
    ("counts-x", f"Kind: counts\nBreaks: it\nnonsense\n\n{GOOD}", "neither a header nor"),
    ("counts-x", "Kind: counts\nBreaks: it\n\n" + GOOD.replace("impl", "oracle"),
     ":4: the diff is of a/oracle/src/x.c, not of impl/"),
    ("counts-x", "Kind: counts\nBreaks: it\n\n" + GOOD.replace("src", "../oracle"), "not of impl/"),
])
def test_headers(tmp_path, name, text, complaint):
    (tmp_path / f"{name}.patch").write_text(text)
    with pytest.raises(CampaignError) as caught:
        read_mutants(tmp_path, None)
    assert f"{name}.patch" in str(caught.value)
    assert complaint in str(caught.value)


def test_a_folded_header(tmp_path):
    write(tmp_path, "counts-x", GOOD, Equivalent="one line\n and another")
    mutant = read_mutants(tmp_path, None)[0]
    assert mutant.equivalent == "one line and another"
    assert mutant.files == ["impl/src/x.c"]
    assert mutant.patch == GOOD


def test_no_mutants(tmp_path):
    for folder, only in ((tmp_path / "none", None), (tmp_path, None)):
        with pytest.raises(CampaignError):
            read_mutants(folder, only)


# --- those of the tests ---------------------------------------------------------------------------


def test_wrong_headers_are_wrong_use(tmp_path, out):
    write(tmp_path / "m", "counts-x", GOOD, Colour="red")
    done = mutants("--mutants", tmp_path / "m", "--out", out)
    assert done.returncode == 2
    assert "counts-x.patch:3: 'Colour' is none of the headers" in done.stderr


@pytest.mark.parametrize("patch, complaint", [
    (GOOD, "counts-x: does not apply"),
    (lambda: forgotten_obligation().replace("*clone =", "*clown ="), "counts-x: does not apply"),
    (lambda: diff(FRAME, "struct frame {", "struct frame { nonsense"), "does not compile"),
    (lambda: diff("impl/src/repr.c", "#include", "#include <no.h>\n#include"), "does not compile"),
])
def test_what_cannot_be_built_is_no_kill(tmp_path, out, patch, complaint):
    write(tmp_path / "m", "counts-x", patch if isinstance(patch, str) else patch())
    write(tmp_path / "m", "ghost-y", forgotten_obligation())
    done = mutants("--mutants", tmp_path / "m", "--out", out, "--drivers", "corpus")
    assert done.returncode == 2
    assert complaint in done.stderr
    assert not (out / "results/corpus/counts-x.json").exists()


def test_detected(tmp_path, out):
    write(tmp_path / "m", "ghost-x", forgotten_obligation())
    # Most of the runs are those on the original; that nothing is found in it, others test as well.
    done = mutants("--mutants", tmp_path / "m", "--out", out, "--runs", "20000", "--time", "20",
                   "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["counted"] == 1 and record["complete"] and not record["survivors"]
    results = record["mutants"][0]["results"]
    assert list(results) == [driver.name for driver in DRIVERS if driver.is_default]
    for result in results.values():
        assert result["killed"] and result["executions"] >= 1
        assert result["clauses"][0] == "live_frame_obligations_ok_spec/frame_obligations"
        assert "frame_clone(f0)" in result["case"]
        assert result["operations"] == 2
    assert (out / "report.html").read_text().count("<svg") == 1


def test_survivors(tmp_path, out):
    write(tmp_path / "m", "counts-x", no_change())
    done = mutants("--mutants", tmp_path / "m", "--out", out, "--runs", "5000",
                   "--drivers", "corpus,libfuzzer")
    assert done.returncode == 1, done.stderr
    assert "survivors, which nothing has detected:\n    counts-x  something" in done.stdout
    result = json.loads((out / "results/libfuzzer/counts-x.json").read_text())["result"]
    assert result["executions"] >= 5000


@pytest.mark.parametrize("header", ["Equivalent", "Open"])
def test_a_label_that_is_right(tmp_path, out, header):
    write(tmp_path / "m", "counts-x", no_change(), **{header: "it is"})
    done = mutants("--mutants", tmp_path / "m", "--out", out, "--drivers", "corpus")
    assert done.returncode == 0, done.stdout
    assert "0 of 0 mutants detected" in done.stdout


@pytest.mark.parametrize("header", ["Equivalent", "Open"])
def test_a_label_that_is_wrong(tmp_path, out, header):
    write(tmp_path / "m", "ghost-x", forgotten_obligation(), **{header: "it is not"})
    done = mutants("--mutants", tmp_path / "m", "--out", out, "--drivers", "corpus")
    assert done.returncode == 1
    assert "called open or equivalent, and detected:\n    ghost-x" in done.stdout


def test_nothing_is_run_twice(tmp_path, out):
    write(tmp_path / "m", "counts-x", no_change(), Open="x")
    write(tmp_path / "m", "ghost-y", forgotten_obligation())
    words = ["--mutants", tmp_path / "m", "--out", out, "--drivers", "corpus"]
    results = [out / f"results/corpus/{name}.json" for name in ("none", "counts-x", "ghost-y")]
    mutants(*words)
    times = [path.stat().st_mtime_ns for path in results]
    mutants(*words)
    assert [path.stat().st_mtime_ns for path in results] == times
    write(tmp_path / "m", "ghost-y", forgotten_obligation() + "\n")
    mutants(*words)
    again = [path.stat().st_mtime_ns for path in results]
    assert again[:2] == times[:2] and again[2] != times[2]
    mutants(*words, "--fresh")
    assert all(path.stat().st_mtime_ns > time for path, time in zip(results, again))


def test_an_interrupt_leaves_what_there_is(tmp_path, out):
    write(tmp_path / "m", "counts-x", no_change())
    words = [ROOT / "slotcheck", "mutants", "--mutants", tmp_path / "m", "--out", out, "--drivers",
             "corpus,libfuzzer", "--runs", "1000000000"]
    result = out / "results/corpus/counts-x.json"
    result.unlink(missing_ok=True)
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    deadline = time.monotonic() + 60
    while not result.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert "goes on from here" in process.stderr.read()
    record = json.loads((out / "matrix.json").read_text())
    assert not record["complete"]
    assert record["mutants"][0]["results"]["corpus"]["executions"] > 100
    assert record["mutants"][0]["results"]["libfuzzer"] is None
    assert not list(out.glob("mutant-*"))


@pytest.mark.parametrize("arguments, complaint", [
    (["--drivers", "corpus,horse"], "'horse' is none of the drivers corpus, exhaust, libfuzzer"),
    (["--only", "no-such-*"], "no mutant is called like 'no-such-*'"),
    (["--mutants", "no/such/folder"], "no/such/folder: no such folder"),
    (["--time", "soon"], "'soon' is no time"),
    (["--document", "--only", "*"], "--document is of all mutants"),
    (["nonsense"], "unrecognized arguments: nonsense"),
])
def test_wrong_use(arguments, complaint):
    done = mutants(*arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_list(tmp_path):
    write(tmp_path, "ghost-x", GOOD, Open="x")
    done = mutants("--mutants", tmp_path, "--list")
    assert (done.returncode, done.stdout) == (0, "ghost-x (open): something\n")


# --- parts ----------------------------------------------------------------------------------------


def record(*clauses: tuple[str, str]) -> dict:
    return {"clauses": [{"id": name, "kind": kind} for name, kind in clauses]}


@pytest.mark.parametrize("clauses, expected", [
    ([("a/b", "spec")], "a/b"),
    ([("a/b", "spec"), ("exec/c", "exec")], "a/b"),
    ([("exec/c", "exec")], "exec/c"),
    ([("exec/c", "exec"), ("exec/d", "exec")], None),
    ([("a/b", "spec"), ("c/d", "ensures")], None),
    ([], None),
])
def test_alone(clauses, expected):
    assert alone(record(*clauses)) == expected


def test_shares():
    corpus = DRIVERS[0]
    names = ("counts-a", "counts-b", "counts-c", "counts-d")
    builds = [Built(Mutant(name, "counts", "x", "", "", ""), Path(), "", 0) for name in names]
    builds.append(Built(Mutant("counts-e", "counts", "x", "", "open", ""), Path(), "", 0))
    matrix = Matrix((corpus,), builds)
    for name, executions in zip((*names, "counts-e"), (1, 10_000, 10_001, None, None)):
        matrix.results[name, "corpus"] = Result(executions is not None, executions or 0, 0)
    assert matrix.killed_within(corpus, 10_000) == 2
    assert matrix.killed_within(corpus, None) == 3
    # Of four, the lower one of the two in the middle; the one that was missed is the slowest.
    assert matrix.median(corpus, "executions") == 10_000
    matrix.results["counts-b", "corpus"] = matrix.results["counts-c", "corpus"] = Result(False, 0, 0)
    assert matrix.median(corpus, "executions") is None
    matrix.results["counts-b", "corpus"] = Result(True, 10_000, 0)
    matrix.results["counts-c", "corpus"] = Result(True, 10_001, 0)
    assert [mutant.name for mutant in matrix.survivors] == ["counts-d"]
    assert not matrix.wrong_labels and matrix.is_complete


def test_reasons(tmp_path):
    path = tmp_path / "redundant.txt"
    path.write_text("# why\na/b   as c/d says\n\ne/f weaker\n")
    assert read_reasons(path) == {"a/b": "as c/d says", "e/f": "weaker"}
    for text, complaint in (("a/b\n", ":1: no reason"), ("a/b x\na/b y\n", ":2: a/b stands")):
        path.write_text(text)
        with pytest.raises(CampaignError, match=complaint):
            read_reasons(path)


def test_reasons_are_of_the_redundant_clauses():
    needed = Clause("a/b", "spec", "", mutants=["counts-x"])
    redundant = Clause("c/d", "spec", "", reason="a/b says so")
    assert complaints([needed, redundant], {"c/d": "a/b says so"}) == []
    found = complaints([needed, redundant], {"a/b": "x", "e/f": "y"})
    assert len(found) == 3
    assert "a/b is not redundant: it alone detects counts-x" in "\n".join(found)
    assert "c/d is redundant, and nothing says why" in "\n".join(found)
    assert "no clause e/f" in "\n".join(found)
    assert "| `c/d` | spec | never false | a/b says so |" in document([needed, redundant])
    redundant.failed = 3
    assert "| `c/d` | spec | - | a/b says so |" in document([needed, redundant])


@pytest.mark.parametrize("result", [
    Result(True, 1, 0, signature="frame_drop.SHARED.ref_count.a-b"),
    Result(False, 0, 0, error="it failed"),
])
def test_a_finding_in_the_original_ends_it(result):
    with pytest.raises(CampaignError, match="finds something in the original") as caught:
        check_none(DRIVERS[0], result)
    assert caught.value.status == Status.INTERNAL


def test_what_a_driver_found_is_forgotten_with_it(tmp_path):
    """Once it has found something in the original, too."""
    result = Result(True, 1, 0)
    corpus, exhaust = SimpleNamespace(name="corpus"), SimpleNamespace(name="exhaust")
    matrix = Matrix((corpus, exhaust), [])
    matrix.results = {("x", "corpus"): result, ("x", "exhaust"): result}
    matrix.forget(corpus)
    assert list(matrix.results) == [("x", "exhaust")]
    setting = Setting(ROOT, BUILD / "release/harness/slotcheck", 1, 1)
    for name in ("corpus", "exhaust"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.json").write_text("{}")
    Results(tmp_path, setting).forget(corpus)
    assert [path.name for path in tmp_path.iterdir()] == ["exhaust"]


# --- engines --------------------------------------------------------------------------------------


def setting_in(folder: Path, mutator: bytes = b"one") -> Setting:
    (folder / "release/fuzz").mkdir(parents=True, exist_ok=True)
    (folder / "release/fuzz/afl_mutator.so").write_bytes(mutator)
    return Setting(ROOT, folder / "release/harness/slotcheck", 1, 1)


def test_what_afl_calls_a_hang_is_no_kill(tmp_path):
    done = process.Ended(0, "", "", 1.0)
    (tmp_path / "hangs").mkdir()
    (tmp_path / "hangs/id:000000").touch()
    with pytest.raises(DriverError, match="did not return: 1"):
        afl_driver.outcome_of(done, tmp_path)
    (tmp_path / "crashes").mkdir()
    (tmp_path / "crashes/id:000000").touch()
    outcome = afl_driver.outcome_of(done, tmp_path)
    assert outcome.killed and outcome.case == tmp_path / "crashes/id:000000"


def test_results_of_another_mutator_are_not_kept(tmp_path):
    for name, depends in (("afl", True), ("afl-twice", True), ("ensemble", True),
                          ("afl-bytes", False), ("libfuzzer-twice", False)):
        driver = next(driver for driver in DRIVERS if driver.name == name)
        settings = [driver.settings(setting_in(tmp_path, mutator)) for mutator in (b"one", b"two")]
        assert (settings[0] != settings[1]) == depends, name


def test_what_a_team_shares(tmp_path, monkeypatch):
    """Of AFL++: one folder, one main instance, and the corpus of libFuzzer beside."""
    ran = []

    def run(words, scratch, **options):
        del scratch, options
        ran.append(words)
        return process.Ended(None, "", "", 1.0)

    monkeypatch.setattr(process, "run", run)
    built = Built(NONE, tmp_path, "key", 0.0)
    for name in ("ensemble", "afl-twice"):
        (tmp_path / name).mkdir()
        driver = next(driver for driver in DRIVERS if driver.name == name)
        driver.run(setting_in(tmp_path), built, tmp_path / name)
    commands = sorted(words for words in ran if words[0] == "afl-fuzz")
    assert [words[words.index("-o") + 1] for words in commands] == [
        str(tmp_path / name / "afl") for name in ("afl-twice", "afl-twice", "ensemble")]
    assert [word for words in commands for word in words if word in ("-M", "-S")] == ["-M", "-S", "-M"]
    ensemble = commands[-1]
    corpus = str(tmp_path / "ensemble/corpus")
    assert ensemble[ensemble.index("-F") + 1] == corpus
    (libfuzzer,) = [words for words in ran if words[0] != "afl-fuzz"]
    assert corpus in libfuzzer


class Stub:
    """Of a team: ends as it is told, or when another one has ended it."""

    name = "stub"
    presets = ()

    def __init__(self, end: Outcome | Exception | None) -> None:
        self.end = end

    def run(self, setting: Setting, built: Built, scratch: Path, seat: Seat) -> Outcome:
        if self.end is None:
            assert seat.cancelled.wait(300), "it was never ended"
            return Outcome(False, 2, 1.0)
        if isinstance(self.end, Exception):
            raise self.end
        return self.end


def test_a_team_ends_with_its_first_member_that_fails(tmp_path):
    team = Team("team", (), Stub(None), Stub(DriverError("no")))
    with pytest.raises(DriverError, match="no"):
        team.run(setting_in(tmp_path), None, tmp_path)


def test_a_find_of_a_team_is_one_whatever_becomes_of_the_others(tmp_path):
    team = Team("team", (), Stub(None), Stub(Outcome(True, 5, 3.0)), Stub(DriverError("no")))
    outcome = team.run(setting_in(tmp_path), None, tmp_path)
    assert outcome.killed and outcome.executions == 7


# --- the original ---------------------------------------------------------------------------------


def test_the_original_is_no_mutant():
    assert NONE.name not in [mutant.name for mutant in read_mutants(ROOT / "fuzz/mutants", None)]
