# SPDX-License-Identifier: MPL-2.0
"""./slotcheck coverage: what counts as reached, what marks excuse, and that the corpus reaches the
rest."""

from __future__ import annotations

import json
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from campaign.errors import CampaignError
from source_coverage.corpus import Corpus, Runs, files_of
from source_coverage.marks import read_marks
from source_coverage.regions import Place, Regions, read_regions
from source_coverage.slots import read_slot
from source_coverage.table import verdict_text
from source_coverage.verdict import Count, Verdict, judge

ROOT = Path(__file__).resolve().parents[2]
CODE, EXPANSION, SKIPPED, GAP, BRANCH = range(5)


# --- regions --------------------------------------------------------------------------------------


def function(*regions: list[int], files: tuple[str, ...] = ("a.c",)) -> dict:
    return {"filenames": list(files), "regions": list(regions)}


def region(line, column, line_end, column_end, runs, file=0, expanded=0, kind=CODE) -> list[int]:
    return [line, column, line_end, column_end, runs, file, expanded, kind]


def regions_of(*functions: dict) -> Regions:
    return read_regions([{"data": [{"functions": list(functions)}]}],
                        lambda name: None if name == "other.c" else name)


def runs_of(regions: Regions) -> dict[str, int]:
    return {str(region.span.start): region.runs for region in regions.values()}


def test_a_region_is_one_however_often_it_is_compiled():
    regions = regions_of(function(region(1, 1, 3, 2, 0)), function(region(1, 1, 3, 2, 5)),
                         function(region(1, 1, 3, 2, 2)))
    assert runs_of(regions) == {"a.c:1:1": 7}


def test_only_code_counts_and_only_that_of_the_sources():
    regions = regions_of(
        function(region(1, 1, 9, 2, 1), region(2, 1, 2, 5, 0, kind=SKIPPED),
                 region(3, 1, 3, 5, 0, kind=GAP), region(4, 1, 4, 5, 0, kind=BRANCH)),
        function(region(1, 1, 3, 2, 1), files=("other.c",)))
    assert runs_of(regions) == {"a.c:1:1": 1}


def with_macro(uses: list[tuple[int, int]]) -> Regions:
    """A macro with its body at m.h:1:11, used in lines of a function that all run so often."""
    return regions_of(*(function(region(1, 1, 50, 2, 1), region(line, 5, line, 10, runs),
                                 region(line, 5, line, 10, runs, 0, 1, EXPANSION),
                                 region(1, 11, 1, 20, runs, 1), files=("a.c", "m.h"))
                        for line, runs in uses))


def test_the_body_of_a_macro_is_reached_by_any_use():
    assert runs_of(with_macro([(10, 0), (20, 3)]))["m.h:1:11"] == 3
    assert runs_of(with_macro([(10, 0), (20, 0)]))["m.h:1:11"] == 0


def test_a_region_ends_before_its_end():
    (span,) = regions_of(function(region(2, 5, 3, 9, 1)))
    within = [(2, 4), (2, 5), (3, 8), (3, 9)]
    assert [span.holds(Place("a.c", *at)) for at in within] == [False, True, True, False]
    assert not span.holds(Place("b.c", 2, 6))


# --- marks ----------------------------------------------------------------------------------------


def mark_of(text: str) -> tuple[str | None, str]:
    (mark,) = read_marks("a.c", text)
    return mark.code and f"{mark.code.line}:{mark.code.column}", mark.reason


@pytest.mark.parametrize("text, code", [
    ("if (a)\n    /* unreachable: why */\n    return 1;\n", "3:5"),
    ("if (a)\n    return 1; /* unreachable: why */\n", "2:5"),
    ("return a ? b : /* unreachable: why */ c;\n", "1:39"),
    ("if (a ||\n    /* unreachable: why */ b)\n", "2:28"),
    ("{\n    /* unreachable: why */\n\n    /* Something else. */\n    int a;\n", "5:5"),
    ("/* é */ f(); /* unreachable: why */\n", "1:10"),
    ("f(\"/* unreachable: no */\", '\"'); /* unreachable: why */\n", "1:1"),
    ("// /* unreachable: no\n/* unreachable: why */ f();\n", "2:24"),
    ("f();\n/* unreachable: why */\n", None),
])
def test_what_a_mark_speaks_of(text, code):
    assert mark_of(text) == (code, "why")


def test_a_reason_over_several_lines():
    assert mark_of("/* unreachable: one,\n * two */\nf();\n") == ("3:1", "one, two")
    assert mark_of("/*\n * unreachable: one,\n * two\n */\nf();\n") == ("5:1", "one, two")


def test_other_comments_are_no_marks():
    assert read_marks("a.c", "/* This is unreachable: no. */\nf(); /* unreachable */\n") == []


# --- the two together -----------------------------------------------------------------------------

SOURCE = """\
int f(int a)
{
    if (a)
        /* unreachable: it is 0 */
        return 1;
    return 2;
}
"""


def verdict_of(text: str, *regions: list[int]) -> Verdict:
    return judge(regions_of(function(*regions)), read_marks("a.c", text))


def of_source(text: str, inner: int, rest: int = 1) -> Verdict:
    last = 5 if "unreachable" in text else 4
    return verdict_of(text, region(2, 1, last + 2, 2, 1), region(3, 9, 3, 10, 1),
                      region(last, 9, last, 17, inner), region(last + 1, 5, last + 2, 2, rest))


def places(verdict: Verdict) -> list[str]:
    return [str(region.span.start) for region in verdict.missed]


UNMARKED = SOURCE.replace("        /* unreachable: it is 0 */\n", "")


def test_what_is_reached():
    verdict = of_source(UNMARKED, inner=1)
    assert verdict.total == Count("total", regions=4, covered=4, unreachable=0)
    assert verdict.is_complete and verdict.total.percent == 100


def test_what_is_missed():
    verdict = of_source(UNMARKED, inner=0)
    assert places(verdict) == ["a.c:4:9"]
    assert verdict.counts == [Count("a.c", regions=4, covered=3, unreachable=0)]
    assert not verdict.is_complete and verdict.total.percent == 75


def test_what_is_marked():
    verdict = of_source(SOURCE, inner=0)
    assert verdict.counts == [Count("a.c", regions=4, covered=3, unreachable=1)]
    assert verdict.is_complete and verdict.total.percent == 100


def test_a_mark_excuses_nothing_else():
    assert places(of_source(SOURCE, inner=0, rest=0)) == ["a.c:6:5"]


def test_what_is_marked_and_reached():
    verdict = of_source(SOURCE, inner=1)
    assert [str(mark.place) for mark in verdict.wrong_marks] == ["a.c:4:9"]
    assert "a.c:5:9 is reached" in verdict.wrong_marks[0].why
    assert not verdict.missed and not verdict.is_complete


@pytest.mark.parametrize("text, why", [
    (SOURCE.replace("it is 0 ", ""), "no reason"),
    (UNMARKED + "/* unreachable: nothing */\n", "no code"),
    (UNMARKED + "/* unreachable: not compiled */\nint g(void);\n", "no code"),
])
def test_marks_that_are_none(text, why):
    verdict = of_source(text, inner=0) if text != SOURCE else None
    assert [why in mark.why for mark in verdict.wrong_marks] == [True]
    assert not verdict.is_complete


def test_what_is_inside_of_what_is_marked():
    """As a mark in a function's body is: of all of the function."""
    text = "int f(int a)\n{\n    /* unreachable: why */\n    if (a)\n        return 1;\n    return 2;\n}\n"
    verdict = verdict_of(text, region(2, 1, 7, 2, 0), region(4, 9, 4, 10, 0), region(5, 9, 5, 17, 0),
                         region(6, 5, 7, 2, 0), region(9, 1, 10, 2, 0))
    assert verdict.total.unreachable == 4 and places(verdict) == ["a.c:9:1"]


SWITCH = """\
    switch (a) {
    /* unreachable: why */
    case A:
    case B:
        f();
    }
"""


def test_each_case_of_a_switch_has_a_mark_of_its_own():
    verdict = verdict_of(SWITCH, region(1, 1, 6, 6, 1), region(3, 5, 5, 12, 0),
                         region(4, 5, 5, 12, 0))
    assert places(verdict) == ["a.c:4:5"]
    # What is no case lies inside.
    inside = verdict_of(SWITCH, region(1, 1, 6, 6, 1), region(3, 5, 5, 12, 0), region(5, 9, 5, 11, 0))
    assert not inside.missed


def test_a_macro_is_excused_where_all_its_uses_are():
    lines = [""] * 8 + ["/* unreachable: why */", "    USE;", ""]
    marks = read_marks("a.c", "\n".join(lines))
    verdict = judge(with_macro([(10, 0)]), marks)
    assert not verdict.missed and verdict.total.unreachable == 2
    assert places(judge(with_macro([(10, 0), (20, 0)]), marks)) == ["a.c:20:5", "m.h:1:11"]
    assert places(judge(with_macro([(10, 0), (20, 1)]), marks)) == []


def test_a_source_in_no_program_is_not_overlooked():
    verdict = judge(regions_of(function(region(1, 1, 3, 2, 1))), [], ["a.c", "b.c"])
    assert verdict.unknown == ["b.c"] and not verdict.is_complete


def test_one_region_less_is_never_100_percent():
    assert Count("a.c", regions=100_000, covered=99_999, unreachable=0).percent <= 99.99
    assert Count("a.c", regions=3, covered=0, unreachable=3).percent == 100


def test_what_is_printed(tmp_path):
    (tmp_path / "a.c").write_text(SOURCE)
    text = verdict_text(of_source(SOURCE, inner=0, rest=0), tmp_path)
    assert "a.c:6:5: return 2;" in text and "a.c:5:9" not in text
    assert re.search(r"^a\.c +4 +2 +1 +66\.67$", text, re.MULTILINE)
    assert "a.c:4:9: the region at a.c:5:9 is reached" in verdict_text(
        of_source(SOURCE, inner=1), tmp_path)


# --- inputs of the target repr --------------------------------------------------------------------


def test_a_slot_as_text():
    path = Path("a.txt")
    assert read_slot(path, "# One.\nnode\n02 00 # children\n00 03\n") == b"\x03\x02\x00\x00\x03"
    assert read_slot(path, "bytes") == b"\x05"


@pytest.mark.parametrize("text, complaint", [
    ("", "a.txt:1: '' is none of the types"),
    ("# One.\nframe 00", "a.txt:2: 'frame' is none of the types"),
    ("probe\n00 0", "a.txt:2: '0' is no byte"),
    ("probe\n00 xy", "a.txt:2: 'xy' is no byte"),
    ("probe\n" + "00 " * 65, "a.txt:2: more bytes"),
])
def test_what_is_no_slot(text, complaint):
    with pytest.raises(CampaignError, match=re.escape(complaint)):
        read_slot(Path("a.txt"), text)


def test_files_are_those_that_run_runs(tmp_path):
    for name in ("b/two", "b/.hidden", ".git/three", "a"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(" ")
    assert files_of([tmp_path]) == [tmp_path / "a", tmp_path / "b/two"]


# --- programs that fail ---------------------------------------------------------------------------


@pytest.fixture
def runs(tmp_path):
    """Of programs that a test writes."""

    def made(**scripts: str) -> Runs:
        for name, script in scripts.items():
            path = tmp_path / "build" / {"slotcheck": "harness"}.get(name, "fuzz") / name
            path.parent.mkdir(parents=True)
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        return Runs(tmp_path / "build", tmp_path)

    return made


def test_a_program_that_diverges(runs, capsys):
    records = [{"verdict": "agreement", "file": "good"},
               {"verdict": "violation", "file": "bad", "replay": "./slotcheck run bad"}]
    lines = "\n".join(map(json.dumps, records))
    with pytest.raises(SystemExit) as error:
        runs(slotcheck=f"cat <<'E'\n{lines}\nE\nexit 1").run_programs(Corpus([Path("a")], []))
    assert error.value.code == 1
    assert capsys.readouterr().err == "slotcheck coverage: bad: diverges; ./slotcheck run bad shows how\n"


@pytest.mark.parametrize("script, status", [("exit 2", 2), ("exit 3", 3), ("kill -9 $$", 3)])
def test_a_command_that_fails(script, status, runs):
    with pytest.raises(SystemExit) as error:
        runs(slotcheck=script).run_wrong_states(Corpus([Path("a")], []))
    assert error.value.code == status


def test_an_input_at_which_a_target_stops_is_named(runs, tmp_path):
    for name in ("one", "two", "three"):
        (tmp_path / name).write_bytes(b"\x01" + name.encode())
    stop = "if grep -qr two \"$1\"; then echo slotcheck: wrong >&2; kill -TRAP $$; fi; exit 2"
    corpus = Corpus([tmp_path / name for name in ("one", "two", "three")], [])
    with pytest.raises(CampaignError, match=r"/two: lockstep: wrong") as error:
        runs(lockstep=stop).run_targets(corpus)
    assert error.value.status == 1


# --- the command ----------------------------------------------------------------------------------


def coverage(*arguments: str | Path, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "slotcheck", "coverage", *arguments], text=True,
                          capture_output=True, timeout=600, **options)


def as_pattern(shown: str) -> str:
    """What stands for `…` may be anything, and numbers change."""
    pattern = ".*".join(re.escape(part) for part in shown.strip().split("…"))
    return re.sub(r"(?:\\ )*\d+(?:\\\.\d+)?", r" *[\\d.]+", pattern)


def test_the_corpus_reaches_everything(tmp_path):
    """All that nothing says to be unreachable; and the README shows what is printed."""
    result = coverage("--require-all", "--out", tmp_path / "out", cwd=tmp_path)
    assert result.returncode == 0, result.stdout
    section = (ROOT / "README.md").read_text().split("\n## Coverage\n")[1]
    shown = re.search(r"^    \$ \./slotcheck coverage\n((?:(?:    .*)?\n)+)", section, re.MULTILINE)[1]
    shown = re.sub(r"^    ", "", shown, flags=re.MULTILINE).replace("out/coverage/", "out/")
    assert re.fullmatch(as_pattern(shown), result.stdout.strip(), re.DOTALL), result.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"out"}, "something was left behind"
    page = (tmp_path / "out/index.html").read_text()
    assert "coverage/impl/src/region.c.html" in page and str(ROOT) not in page
    assert not re.search(r"coverage/(harness|fuzz)/", page)


@pytest.fixture(scope="module")
def one_seed(tmp_path_factory):
    """A corpus of one program, as the bytes that a campaign leaves."""
    corpus = tmp_path_factory.mktemp("corpus")
    subprocess.run([ROOT / "slotcheck", "pack", ROOT / "corpus/seeds/frame-lifecycle.txt", "-o",
                    corpus / "packed"], check=True)
    return corpus


def test_a_corpus_that_misses_something(one_seed, tmp_path):
    result = coverage("--require-all", "--json", one_seed, "--out", tmp_path / "out")
    assert result.returncode == 1, result.stderr
    record = json.loads(result.stdout)
    assert record == json.loads((tmp_path / "out/coverage.json").read_text())
    assert record["corpus"] == [str(one_seed)] and record["programs"] == 1
    assert not record["wrong_marks"] and not record["unknown_sources"]
    total = record["total"]
    assert total["missed"] == len(record["missed"]) > 1000
    assert total["missed"] + total["covered"] + total["unreachable"] == total["regions"]
    assert {file["file"]: file["covered"] for file in record["files"]}["impl/src/segment.c"] == 0
    # A second run replaces the first.
    result = coverage(one_seed, "--out", tmp_path / "out")
    assert result.returncode == 0
    assert "impl/src/segment.c:" in result.stdout.split("neither reached nor marked")[1]


@pytest.mark.parametrize("arguments, complaint", [
    (["--frob"], "--frob"),
    (["no/such/folder"], "no/such/folder: No such file or directory"),
    (["-"], "-: No such file or directory"),
    (["EMPTY"], "no case files there"),
    (["BROKEN"], "broken.txt:3:1: there is no operation `nonsense`"),
    (["--out", "/dev/null"], "/dev/null"),
    (["--out", "/proc/out"], "/proc/out"),
    (["--out", "BROKEN"], "not of coverage; choose another --out"),
])
def test_bad_input(arguments, complaint, tmp_path):
    for name in ("EMPTY", "BROKEN"):
        (tmp_path / name).mkdir()
    (tmp_path / "BROKEN/broken.txt").write_text("slotcheck program 1\nslots 1\nnonsense(p0)\n")
    result = coverage(*arguments, cwd=tmp_path)
    assert result.returncode == 2, result.stdout
    assert result.stderr.count("\n") == 1 and complaint in result.stderr, result.stderr
    assert result.stdout == "" and (tmp_path / "BROKEN/broken.txt").exists()


@pytest.mark.parametrize("closed, complaint", [
    ("", "unrecognized arguments: --frob; ./slotcheck coverage --help"),
    (">&-", "stdout is closed"),
])
def test_complaints_name_the_command(closed, complaint):
    command = f"{sys.executable} -m source_coverage --frob {closed}"
    result = subprocess.run(["sh", "-c", command], cwd=ROOT / "fuzz", text=True, capture_output=True)
    assert (result.returncode, result.stderr) == (2, f"slotcheck coverage: {complaint}\n")


def test_a_full_disk(one_seed, tmp_path):
    """No file may grow: one line."""

    def no_space():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    result = coverage(one_seed, "--out", tmp_path / "out", preexec_fn=no_space)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1 and "File too large" in result.stderr
