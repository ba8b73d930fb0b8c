# SPDX-License-Identifier: MPL-2.0
"""./slotcheck property from outside: what it finds, how it ends, what it does with bad input."""

from __future__ import annotations

import json
import os
import pty
import re
import resource
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Iterator

import pytest

from slotcheck.program import Program
from slotcheck.programs import examples_from, read_cases
from slotcheck.property.arguments import parse_arguments
from slotcheck.property.child import log_complaint
from slotcheck.property.corpus import Corpus
from slotcheck.property.errors import PropertyError, Status
from slotcheck.property.failures import failure_of
from slotcheck.property.findings import Findings
from slotcheck.property.folder import Folder, corpus_files
from slotcheck.property.replay import Replayer
from slotcheck.property.supervise import guarded_main
from slotcheck.subject import load_subject
from slotcheck.trial import Divergence, Trial

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("SLOTCHECK_BUILD", ROOT / "build"))
SUBJECTS = BUILD / "gcc/subjects"
COMMAND = BUILD / "release/harness/slotcheck"
MODEL = ROOT / "harness/py/examples/model.py"
UNCOUNTED = SUBJECTS / "fault_clone_uncounted.so"
SIGNATURE = "frame_clone.SHARED.ref_count.inc_ref_count_spec-ref_count"
ENVIRONMENT = os.environ | {
    "SLOTCHECK_ROOT": str(ROOT),
    "SLOTCHECK_BUILD": str(BUILD),
    "PYTHONPATH": f"{ROOT}/harness/py{os.pathsep}{BUILD}/python/harness/py/modules",
}
WORDS = [sys.executable, "-m", "slotcheck.property"]

# Few, and always the same.
SOME = ("--profile", "ci", "--max-examples", "20", "--steps", "20")

Result = subprocess.CompletedProcess[str]


def run(*arguments: Any, **options: Any) -> Result:
    """The command without the launcher, which only builds what is built."""
    words = [*WORDS, *map(str, arguments)]
    return subprocess.run(words, text=True, capture_output=True, timeout=300, cwd=ROOT,
                          env=ENVIRONMENT, **options)  # fmt: skip


def slotcheck(*words: Any) -> Result:
    return subprocess.run([COMMAND, *map(str, words)], text=True, capture_output=True, timeout=60)


def only_line(text: str) -> str:
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0].removeprefix("slotcheck property: ")


def findings_of(result: Result) -> dict[str, Any]:
    return {finding["signature"]: finding for finding in json.loads(result.stdout)["findings"]}


# --- what agrees ---


def test_the_launcher_runs_it(tmp_path: Path) -> None:
    """And a terminal gets one line that changes."""
    terminal, theirs = pty.openpty()
    words = ["property", "--only", "programs.round_trips", "--out", tmp_path / "out"]
    words += ["--max-examples", "250"]  # some seconds: there is something to be shown
    with os.fdopen(theirs, "w") as stderr:
        done = subprocess.run([ROOT / "slotcheck", *words], stdout=subprocess.PIPE, stderr=stderr,
                              text=True, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "1 property," in done.stdout and "no findings" in done.stdout
    shown = os.read(terminal, 1 << 16).decode()
    os.close(terminal)
    assert re.search(r"\r\x1b\[K\d+s \| [01]/", shown) and "findings" in shown
    assert shown.endswith("\r\x1b[K") and "\n" not in shown.split("\r\x1b[K", 1)[1]


def test_what_it_reaches_is_for_the_fuzzers(tmp_path: Path) -> None:
    """Programs as bytes, and not again what the corpus has."""
    words = ("--only", "machine.frames", "--profile", "ci", "--max-examples", 20)
    result = run(*words, "--out", tmp_path)
    assert result.returncode == 0, result.stderr
    corpus = {path: path.read_bytes() for path in corpus_files(tmp_path / "corpus")}
    assert len(corpus) >= 2
    assert all(len(Program.decode(data)) > 0 for data in corpus.values())
    again = run(*words, "--out", tmp_path)
    assert f"corpus of {len(corpus)} in" in again.stdout, "the ci profile is not always the same"


# --- a finding ---


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Result]]:
    out = tmp_path_factory.mktemp("found")
    # By chance, as the ci profile keeps no examples; so many that it cannot fail.
    words = ("--subject", UNCOUNTED, "--only", "machine.frames", "--max-examples", 120)
    yield out, run(*words, "--out", out)


def test_a_fault_is_found(found: tuple[Path, Result]) -> None:
    out, result = found
    assert result.returncode == 1, result.stderr
    program = "      slots 1\n      frame_from_unused(p0, empty(0))\n      frame_clone(f0)\n"
    assert program in result.stdout
    assert "Falsifying example:" in result.stdout
    assert re.search(r"state\.frame_clone\(frame=v\d+\)", result.stdout)
    assert "violation in frame_clone, slot 0, field ref_count" in result.stdout
    assert not list(out.rglob("*.part")) and not list(out.rglob("*.journal"))


def test_the_case_runs_in_c(found: tuple[Path, Result]) -> None:
    out, result = found
    case = out / f"findings/{SIGNATURE}.case"
    assert case.read_text().startswith("slotcheck program")
    again = slotcheck("run", "--json", "--subject", UNCOUNTED, case)
    assert again.returncode == 1
    assert json.loads(again.stdout)["signature"] == SIGNATURE
    assert f"./slotcheck run --subject {UNCOUNTED} {case}" in result.stdout


def test_the_record_of_a_finding(found: tuple[Path, Result]) -> None:
    out, _ = found
    record = json.loads((out / f"records/{SIGNATURE}.json").read_text())
    hypothesis = record["hypothesis"]
    assert record["clauses"][0]["id"] == "inc_ref_count_spec/ref_count"
    assert hypothesis["properties"] == ["machine.frames"] and hypothesis["blob"]
    assert hypothesis["operations"] >= hypothesis["shrunk_operations"] == 2
    log = (out / f"log/{SIGNATURE}.log").read_text()
    assert "broken clauses" in log and "Falsifying example" in log and "--reproduce" in log


def test_the_program_is_a_seed(found: tuple[Path, Result]) -> None:
    out, _ = found
    program = Program.read(out / f"findings/{SIGNATURE}.case").encode()
    assert program in [path.read_bytes() for path in corpus_files(out / "corpus")]


def test_its_command_reproduces_it(found: tuple[Path, Result]) -> None:
    out, result = found
    blob = json.loads((out / f"records/{SIGNATURE}.json").read_text())["hypothesis"]["blob"]
    line = next(line for line in result.stdout.splitlines() if blob in line)
    words = shlex.split(line)[2:]
    again = run(*words, "--json")
    assert again.returncode == 1, again.stderr
    assert json.loads(again.stdout)["examples"] == 1
    assert list(findings_of(again)) == [SIGNATURE]
    # The folder knows to which property the blob belongs.
    at = words.index("--only")
    unnamed = run(*words[:at], *words[at + 2 :], "--json")
    assert list(findings_of(unnamed)) == [SIGNATURE], unnamed.stderr


def test_what_failed_is_tried_first(found: tuple[Path, Result]) -> None:
    """By all but the ci profile; and statistics pass through."""
    out, _ = found
    words = ("--subject", UNCOUNTED, "--only", "machine.frames", "--out", out)
    again = run(*words, "--hypothesis-show-statistics")
    assert again.returncode == 1
    assert "during reuse phase" in again.stdout and "known from an earlier run" in again.stdout
    ci = run(*words, "--profile", "ci", "--max-examples", 3, "--", "--hypothesis-show-statistics")
    assert "during generate phase" in ci.stdout and "during reuse phase" not in ci.stdout


def test_a_blob_of_another_property(found: tuple[Path, Result]) -> None:
    out, _ = found
    result = run("--only", "programs.round_trips", "--reproduce", "AAEBAAMA", "--out", out / "b")
    assert result.returncode in (0, 2), result.stdout
    assert "no longer fails" in result.stdout or "no example of" in only_line(result.stderr)


def test_what_no_longer_fails_is_moved(tmp_path: Path) -> None:
    arguments = parse_arguments(["--out", str(tmp_path)])
    folder = Folder(tmp_path, "builtin", fresh=False)
    (folder.findings / "old.case").write_text("slotcheck program 1\nslots 1\n")
    findings = Findings(folder, Replayer(COMMAND, "./slotcheck", arguments), arguments)
    findings.take_known()
    assert findings.fixed == ["old"] and not findings.found
    assert (tmp_path / "fixed/old.case").exists() and not folder.cases()


def test_a_finding_that_the_command_does_not_see(tmp_path: Path) -> None:
    """It is kept: a subject may remember what a process of its own does not show."""
    arguments = parse_arguments(["--out", str(tmp_path)])
    folder = Folder(tmp_path, "builtin", fresh=False)
    findings = Findings(folder, Replayer(COMMAND, "./slotcheck", arguments), arguments)
    failure = {"kind": "divergence", "signature": "a.b", "summary": "", "operations": 0,
               "blob": None, "program": "slotcheck program 1\nslots 1\n", "example": "",
               "explanation": ""}  # fmt: skip
    findings.add("machine.X", failure)
    assert not findings.found["a.b"].confirmed
    assert findings.found["a.b"].case == tmp_path / "findings/a.b.case"


def test_what_cannot_be_run_is_not_fixed(tmp_path: Path) -> None:
    arguments = parse_arguments(["--out", str(tmp_path)])
    folder = Folder(tmp_path, "builtin", fresh=False)
    (tmp_path / "findings/unreadable.case").write_text("no program\n")
    (tmp_path / "findings/agrees.case").write_text("slotcheck program 1\nslots 1\n")
    findings = Findings(folder, Replayer(COMMAND, "./slotcheck", arguments), arguments)
    findings.take_known()
    assert findings.fixed == ["agrees"]
    assert [path.name for path in folder.cases()] == ["unreadable.case"]


def test_the_verified_sources(tmp_path: Path) -> None:
    case = ROOT / "corpus/seeds/variant-push-back.txt"
    result = run("--spec", "vostd", "--only", "programs.agrees", "--out", tmp_path, case, "--json")
    assert result.returncode == 1, result.stderr
    found = list(findings_of(result).values())
    assert {finding["record"]["operation"] for finding in found} == {"list_push_back"}
    assert all("--spec vostd" in finding["replay"] for finding in found)


def test_fresh_forgets(found: tuple[Path, Result], tmp_path: Path) -> None:
    """A folder with findings of another subject is refused, and begun anew if that is wanted."""
    copy = tmp_path / "out"
    subprocess.run(["cp", "-r", found[0], copy], check=True)
    words = ("--only", "programs.round_trips", "--max-examples", "1", "--out", str(copy))
    refused = run(*words)
    assert refused.returncode == 2 and "holds findings for the subject" in only_line(refused.stderr)
    assert list((copy / "findings").iterdir())
    assert run(*words, "--fresh").returncode == 0
    assert not list((copy / "findings").iterdir())


# --- subjects that do not survive ---


def test_a_crash(tmp_path: Path) -> None:
    result = run("--subject", SUBJECTS / "fault_crash.so", "--only", "programs.agrees",
                 "--out", tmp_path, "--json")  # fmt: skip
    assert result.returncode == 1, result.stderr
    (finding,) = findings_of(result).values()
    assert finding["confirmed"] and finding["record"]["verdict"] == "crash"
    assert Program.read(finding["case"]).operations[-1].op.name == "frame_drop"
    assert len(Program.read(finding["case"])) == 2
    # It would end the engine whenever that begins.
    assert not corpus_files(tmp_path / "corpus")


def test_a_hang(tmp_path: Path) -> None:
    case = tmp_path / "hang.txt"
    # As small as it gets: each attempt to make it smaller that hangs takes its time.
    case.write_text("slotcheck program 2\nslots 1\nframe_from_unused(p0, empty(0))\n"
                    "frame_from_in_use(p0)\nframe_from_in_use(p0)\n")  # fmt: skip
    result = run("--subject", SUBJECTS / "fault_hang.so", "--only", "programs.agrees",
                 "--timeout", "1", "--out", tmp_path / "out", case, "--json")  # fmt: skip
    assert result.returncode == 1, result.stderr
    (finding,) = findings_of(result).values()
    assert finding["record"]["verdict"] == "crash"
    assert "did not return" in json.dumps(finding["record"])
    assert finding["hypothesis"]["shrunk_operations"] == 3


def test_the_others_go_on(tmp_path: Path) -> None:
    """In a new process."""
    result = run("--subject", SUBJECTS / "fault_crash.so", "--only", "agrees or round_trips",
                 "--max-examples", "1", "--jobs", "1", "--out", tmp_path, "--json")  # fmt: skip
    summary = json.loads(result.stdout)
    assert summary["properties"] == summary["done"] >= 2
    assert all(finding["record"] for finding in summary["findings"])


# --- subjects in Python ---


WRONG = """\
    def get_slot(self, paddr):
        if paddr >= self.nr_slots * PAGE_SIZE:
            return Result.NOT_ALIGNED
        return super().get_slot(paddr)
"""


def model(folder: Path, body: str) -> Path:
    """A subject that is the model, but for one method."""
    path = folder / "mine.py"
    path.write_text(f"import sys\nsys.path.insert(0, {str(MODEL.parent)!r})\n"
                    f"from model import Model\nfrom slotcheck.subject import *\n\n"
                    f"class Mine(Model):\n{body}")  # fmt: skip
    return path


def test_a_wrong_class(tmp_path: Path) -> None:
    path = model(tmp_path, WRONG)
    words = ("--subject", f"{path}:Mine", "--out", tmp_path / "out", "--json")
    result = run(*words, "--only", "programs.agrees", *SOME)
    assert result.returncode == 1, result.stderr
    finding = next(finding for signature, finding in findings_of(result).items()
                   if signature.startswith("get_slot"))  # fmt: skip
    assert len(Program.read(finding["case"])) == 1
    assert "property" in finding["replay"]
    again = run(*shlex.split(finding["replay"])[2:], "--json")
    assert finding["signature"] in findings_of(again), again.stderr


def test_a_class_is_shrunk_where_it_runs(tmp_path: Path) -> None:
    """No other process can run it."""
    subject = load_subject(str(model(tmp_path, WRONG)))
    with pytest.raises(Divergence) as raised:
        Trial(subject).run(Program.parse("slotcheck program 1\nslots 9\nget_slot(p1)\n"
                                         "get_slot(oob0)\nget_slot(oob0)\n"))
    failure = failure_of(raised.value, "", subject)
    assert Program.parse(failure["program"]).slots == 1
    assert len(Program.parse(failure["program"])) == 1 and failure["operations"] == 3


def test_a_class_that_raises(tmp_path: Path) -> None:
    """A failure without a divergence."""
    path = model(tmp_path, "    def get_slot(self, paddr):\n        raise ZeroDivisionError\n")
    words = ("--subject", path, "--only", "machine.frames", *SOME)
    result = run(*words, "--out", tmp_path / "out")
    assert result.returncode == 1, result.stderr
    assert "raised ZeroDivisionError" in result.stdout
    assert "Falsifying example:" in result.stdout and "--reproduce" in result.stdout
    assert (tmp_path / "out/findings/raised.ZeroDivisionError.get_slot.case").exists()


def test_a_class_of_few_slots(tmp_path: Path) -> None:
    words = ("--subject", model(tmp_path, "    max_slots = 2\n"), "--only", "machine.frames", *SOME)
    result = run(*words, "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr


def test_a_class_that_cannot_begin(tmp_path: Path) -> None:
    path = model(tmp_path, "    def __init__(self, nr_slots):\n        raise ValueError('no')\n")
    result = run("--subject", path, "--out", tmp_path / "out")
    assert result.returncode == 2
    assert re.search(r"mine\.py:\d+: ValueError: no$", result.stderr.strip())


def test_a_class_that_never_begins(tmp_path: Path) -> None:
    body = "    def __init__(self, nr_slots):\n        import time\n        time.sleep(1000)\n"
    words = ("--subject", model(tmp_path, body), "--timeout", 1, "--only", "machine.frames")
    result = run(*words, "--out", tmp_path / "out")
    assert result.returncode == 1 and "did not return" in result.stdout


def test_the_same_is_run_whatever_the_jobs(tmp_path: Path) -> None:
    """And what is kept for the fuzzers is not counted."""
    counts = {json.loads(run("--only", "machine", *SOME, "--json", "--jobs", jobs, "--out",
                             tmp_path / str(jobs)).stdout)["operations"] for jobs in (1, 2, 2)}
    assert len(counts) == 1


# --- case files ---


def test_a_case_is_an_example(tmp_path: Path) -> None:
    case = tmp_path / "mine.case"
    # An operation that no seed has with these operands.
    case.write_bytes(Program.parse("slotcheck program 1\nslots 7\nget_slot(p6)\n").encode())
    words = ("--only", "programs.round_trips", "--profile", "ci", "--max-examples", 1, "--json")
    without = run(*words, "--out", tmp_path / "out")
    with_it = run(case, *words, "--out", tmp_path / "out")
    assert with_it.returncode == 0, with_it.stderr
    assert json.loads(with_it.stdout)["examples"] == json.loads(without.stdout)["examples"] + 1


def test_examples_from_a_folder() -> None:
    from hypothesis import Phase, given, settings, strategies

    seen = []

    @settings(phases=[Phase.explicit], database=None)
    @examples_from(ROOT / "corpus/seeds", argument="case")
    @given(case=strategies.none())
    def collect(case: Any) -> None:
        seen.append(case)

    collect()
    assert len(seen) == len(set(seen)) > 300
    assert seen[0] == next(iter(read_cases(ROOT / "corpus/seeds").values()))


# --- bad input ---


@pytest.mark.parametrize("arguments, complaint", [
    (["--frob"], "--frob"),
    (["--profile", "huge"], "huge"),
    (["--jobs", "0"], "0"),
    (["--jobs", "-1"], "-1"),
    (["--max-examples", "none"], "none"),
    (["--timeout", "0"], "0"),
    (["--spec", "x"], "'x'"),
    (["--reproduce", "?"], "blob"),
    (["--reproduce", "AAEBAAMA"], "no finding with this blob"),
    (["--seed", "1", "--profile", "ci"], "--seed"),
    (["--subject", "/no/such.so"], "/no/such.so"),
    (["--subject", "/no/such.py:Class"], "/no/such.py: no such file"),
    (["--subject", str(SUBJECTS / "no_entry.so")], "no function slotcheck_subject"),
    (["--out", "/dev/null"], "/dev/null"),
    (["--out", "/proc/out"], "/proc/out"),
    (["/no/such.case"], "/no/such.case: No such file"),
    ([str(ROOT / "README.md")], "README.md:3:"),
])  # fmt: skip
def test_bad_input(
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name in ("SLOTCHECK_ROOT", "SLOTCHECK_BUILD"):
        monkeypatch.setenv(name, ENVIRONMENT[name])
    out = [] if "--out" in arguments else ["--out", str(tmp_path / "out")]
    assert guarded_main([*arguments, *out]) == Status.WRONG_USE
    captured = capfd.readouterr()
    assert complaint in only_line(captured.err) and not captured.out


@pytest.mark.parametrize("arguments, complaint", [
    (["--only", "no_such_property"], "there is no such property: no_such_property"),
    (["--only", "a b"], "a b"),
    (["--", "--frob"], "unrecognized arguments: --frob"),
    (["--subject", str(SUBJECTS / "fault_create_unknown.so")], "no result of the interface"),
])  # fmt: skip
def test_bad_input_that_a_child_sees(arguments: list[str], complaint: str, tmp_path: Path) -> None:
    result = run("--out", tmp_path / "out", "--jobs", "1", *arguments)
    assert result.returncode == 2, result.stdout + result.stderr
    assert complaint in only_line(result.stderr)


def test_a_complaint_of_pytest() -> None:
    log = "ERROR: usage: x [options]\nx: error: unrecognized arguments: --frob\n  inifile: None\n"
    assert log_complaint(log) == "unrecognized arguments: --frob"
    assert log_complaint("") == "pytest gave up without a word"


def test_a_full_disk(found: tuple[Path, Result]) -> None:
    """No file may grow: one line, and what was there before is still there."""
    out, _ = found
    before = {path: path.read_bytes() for path in (out / "findings").iterdir()}

    def no_space() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    result = run("--subject", UNCOUNTED, "--out", out, preexec_fn=no_space)
    assert result.returncode == 2
    assert str(out) in only_line(result.stderr)
    assert {path: path.read_bytes() for path in (out / "findings").iterdir()} == before


def test_a_corpus_with_something_else(tmp_path: Path) -> None:
    """What is no program to one reader is one to another: every byte string is."""
    (tmp_path / "x").write_bytes(b"\x01\x03" + b"\xff" * 100)
    corpus = Corpus(tmp_path)
    for slot in (1, 0):
        corpus.offer(Program.parse(f"slotcheck program 1\nslots 2\nget_slot(p{slot})\n"))
    assert len(corpus_files(tmp_path)) == 2


# --- the end ---


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt(how: signal.Signals, tmp_path: Path) -> None:
    words = [*WORDS, "--profile", "long", "--jobs", "1", "--only", "machine.frames",
             "--out", str(tmp_path)]  # fmt: skip
    process = subprocess.Popen(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=ENVIRONMENT, start_new_session=True)  # fmt: skip
    # Once something is in the corpus the machine is running.
    deadline = time.monotonic() + 60
    while not corpus_files(tmp_path / "corpus") if (tmp_path / "corpus").exists() else True:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    if how == signal.SIGINT:
        second = run("--out", tmp_path)
        assert second.returncode == 2 and "another run" in only_line(second.stderr)
    os.killpg(process.pid, how)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "0 of 1 property" in output and "interrupted" in output
    assert corpus_files(tmp_path / "corpus")
    assert not child_processes(tmp_path)


def child_processes(out: Path) -> list[str]:
    """Those that have the folder in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"SLOTCHECK_CORPUS={out}".encode() in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            pass
    return found
