# SPDX-License-Identifier: MPL-2.0
"""./slotcheck corpus: what it keeps, what it drops, and what it does with what is no program."""

from __future__ import annotations

import fcntl
import hashlib
import io
import itertools
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaign.errors import CampaignError, Status
from campaign.report import StatusLine
from corpora.arguments import parse_arguments
from corpora.command import Command
from corpora.cover import Candidate, fewest, greedy
from corpora.distill import trim
from corpora.features import Tool
from corpora.inputs import File, shown, walk
from corpora.reading import Progress
from corpora.store import kebab, unused_place

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SLOTCHECK_BUILD", ROOT / "build"))
FEATURES = BUILD / "libfuzzer/fuzz/features"
SUBJECTS = BUILD / "gcc/subjects"
SEEDS = ROOT / "corpus/seeds"


def program(*operations: str, slots: int = 2, number: int = 1) -> bytes:
    lines = [f"slotcheck program {number}", f"slots {slots}", *operations]
    return "".join(f"{line}\n" for line in lines).encode()


COUNTED = program("frame_from_unused(p0, empty(0))", "frame_clone(f0)", "frame_drop(f0)")
DROPPED = program("frame_from_unused(p0, empty(0))", "frame_drop(f0)")

# --- the set cover --------------------------------------------------------------------------------


def random_table(seed: int) -> list[Candidate]:
    draw = random.Random(seed)
    masks = [draw.getrandbits(12) & draw.getrandbits(12) for _ in range(draw.randrange(1, 11))]
    return [Candidate(mask, draw.randrange(1, 9), bytes([at])) for at, mask in enumerate(masks)]


def union(candidates: list[Candidate]) -> int:
    mask = 0
    for one in candidates:
        mask |= one.mask
    return mask


def fewest_possible(table: list[Candidate], covered: int) -> int:
    return next(
        number
        for number in range(len(table) + 1)
        for some in itertools.combinations(table, number)
        if union(list(some)) | covered == union(table) | covered
    )


@pytest.mark.parametrize("seed", range(60))
def test_a_cover_covers_and_nothing_can_be_left_out(seed: int) -> None:
    table = random_table(seed)
    covered = 0b101 if seed % 3 == 0 else 0
    chosen = [table[at] for at in fewest(table, covered)]
    assert union(chosen) | covered == union(table) | covered
    for one in chosen:
        rest = [other for other in chosen if other is not one]
        assert union(rest) | covered != union(table) | covered


@pytest.mark.parametrize("seed", range(60))
def test_a_cover_is_as_small_as_a_greedy_one_has_to_be(seed: int) -> None:
    """1 + 1/2 + 1/3 + … times the smallest possible, up to the largest of them."""
    table = random_table(seed)
    harmonic = sum(1 / n for n in range(1, 1 + max(one.mask.bit_count() for one in table)))
    assert len(fewest(table)) <= len(greedy(table)) <= max(1, harmonic) * fewest_possible(table, 0)


@pytest.mark.parametrize("seed", range(60))
def test_always_the_best_is_next(seed: int) -> None:
    """As if all gains were looked at again each time."""
    table, covered, chosen = random_table(seed), 0, []
    while union(table) & ~covered:
        chosen.append(min(range(len(table)), key=lambda at: (
            -(table[at].mask & ~covered).bit_count(), table[at].size, table[at].key)))
        covered |= table[chosen[-1]].mask
    assert greedy(table) == chosen


@pytest.mark.parametrize("seed", range(20))
def test_a_cover_depends_on_the_set_only(seed: int) -> None:
    table = random_table(seed)
    mixed = table[:]
    random.Random(seed).shuffle(mixed)
    assert [table[at] for at in fewest(table)] == [mixed[at] for at in fewest(mixed)]


def test_of_equal_gains_the_smallest_is_taken_and_then_by_content() -> None:
    table = [Candidate(0b11, 3, b"a"), Candidate(0b11, 2, b"c"), Candidate(0b11, 2, b"b")]
    assert fewest(table) == [2]


def test_what_a_greedy_choice_makes_superfluous_goes() -> None:
    """The first one taken is shown by the other two, both of which are needed."""
    masks = (0b001111, 0b010011, 0b101100)
    table = [Candidate(mask, 1, bytes([at])) for at, mask in enumerate(masks)]
    assert greedy(table) == [0, 1, 2]
    assert fewest(table) == [1, 2]


def test_what_is_covered_already_needs_nobody() -> None:
    table = [Candidate(0b11, 1, b"a"), Candidate(0b100, 1, b"b"), Candidate(0, 1, b"c")]
    assert fewest(table, covered=0b11) == [1]
    # The first one would be the best if nothing were covered, and then two would be needed.
    table = [Candidate(0b01111, 1, b"a"), Candidate(0b11000, 9, b"b"), Candidate(0b10000, 1, b"c")]
    assert fewest(table, covered=0b00111) == [1]
    # And here the first one, the best, is shown by the others and by what is covered.
    masks = (0b001111, 0b010010, 0b101100)
    table = [Candidate(mask, 1, bytes([at])) for at, mask in enumerate(masks)]
    assert fewest(table, covered=0b1) == [1, 2]


# --- cutting programs down ------------------------------------------------------------------------


@pytest.mark.parametrize("needed", [{"c"}, {"a", "e"}, {"b", "c", "d"}, set("abcdefg"), set()])
def test_trimming_leaves_what_is_needed(needed: set[str]) -> None:
    assert set(trim(tuple("abcdefg"), lambda some: needed <= set(some))) == needed


def test_trimming_goes_on_as_long_as_something_can_go() -> None:
    """Each of them can go only when the one before it has gone."""
    whole = tuple("abcd")
    allowed = {whole[at:] for at in range(4)}
    assert trim(whole, lambda some: some in allowed) == ("d",)


# --- names ----------------------------------------------------------------------------------------


def test_names_are_like_those_of_seeds() -> None:
    assert kebab("frame_clone Ok SHARED frames=2+") == "frame-clone-ok-shared-frames-2"
    long = kebab("word " * 40)
    assert len(long) <= 80 and long.endswith("-word")


def test_names_are_given_once() -> None:
    taken = {Path("a.txt")}
    assert unused_place(taken, Path("a.txt")) == Path("a-2.txt")
    assert unused_place(taken, Path("a.txt")) == Path("a-3.txt")


def test_a_name_is_shown_in_one_line() -> None:
    assert shown(Path("a\nb\udcff")) == "a\\nb\\udcff"


# --- what programs show ---------------------------------------------------------------------------


@pytest.fixture
def tool() -> Iterator[Tool]:
    with Tool(FEATURES, None, None, 10) as tool:
        yield tool


def names(tool: Tool, content: bytes) -> set[str]:
    mask = tool.ask(content).mask
    return {f"{kind} {name}" for kind in tool.features.of_kind
            for name in tool.features.named(mask, kind)}


def test_a_program_shows_edges_clauses_ends_and_cells(tool: Tool) -> None:
    shows = names(tool, COUNTED)
    assert any(name.startswith("edge ") for name in shows), "the implementation is not instrumented"
    assert "clause inc_ref_count_spec/ref_count frame_clone" in shows
    assert "cell frame_clone Ok SHARED Frame empty frames=1" in shows
    assert {"end frame_clone Ok SHARED", "end_times frame_clone Ok SHARED 1"} <= shows
    assert 0 < len({name for name in shows if name.startswith("edge ")}) < tool.features.edges


def test_how_often_counts_by_magnitude(tool: Tool) -> None:
    def cloned(times: int) -> set[str]:
        operations = ["frame_from_unused(p0, empty(0))", *["frame_clone(f0)"] * times]
        return names(tool, program(*operations))

    assert cloned(4) == cloned(5) != cloned(8)
    assert "end_times frame_clone Ok SHARED 8-15" in cloned(8)
    assert {name for name in cloned(8) - cloned(5) if "_times" not in name} == set()


def test_what_a_program_shows_does_not_depend_on_others(tool: Tool) -> None:
    """Nor on its size of region being new, or on one that diverged or died."""
    seeds = [path.read_bytes() for path in sorted(SEEDS.glob("list-*.txt"))[:20]]
    alone = {}
    for seed in seeds[::5]:
        with Tool(FEATURES, None, None, 10) as fresh:
            alone[seed] = names(fresh, seed)
    random.Random(1).shuffle(seeds)
    for seed in seeds:
        shows = names(tool, seed)
        assert shows == alone.get(seed, shows)


def test_a_library_can_have_edges_of_its_own(tmp_path: Path) -> None:
    library = tmp_path / "subject.so"
    subprocess.run(["clang", "-shared", "-fPIC", "-I", ROOT / "harness/include", "-o", library,
                    "-fsanitize-coverage=inline-8bit-counters,pc-table",
                    ROOT / "harness/examples/subject.c"], check=True, timeout=60)
    with Tool(FEATURES, library, None, 10) as tool:
        edges = [{name for name in names(tool, text) if name.startswith("edge ")}
                 for text in (DROPPED, COUNTED)]
        assert 0 < len(edges[0]) < len(edges[1]) < tool.features.edges < 200


def test_sanitizers_see_nothing_and_the_same(tool: Tool) -> None:
    """But for edges, of which their builds have others."""
    with Tool(BUILD / "libfuzzer-asan/fuzz/features", None, None, 10) as sanitized:
        for seed in sorted(SEEDS.glob("*.txt"))[::10]:
            shows = [
                {name for name in names(one, seed.read_bytes()) if not name.startswith("edge")}
                for one in (tool, sanitized)
            ]
            assert shows[0] == shows[1] != set()
        assert sanitized.ask(b"\x7fELF").bad and sanitized.ask(b"slots").bad


def test_programs_of_the_same_operations_have_one_code(tool: Tool) -> None:
    answer = tool.ask(DROPPED)
    odd = b"\x0b\x01" + answer.encoded[2:] + b"\xff"  # a format that reads as 1, and a tail
    assert tool.ask(odd).code == answer.code == tool.ask(answer.encoded).code
    assert tool.ask(COUNTED).code != answer.code


def test_a_text_is_told_with_what_became_of_each_operation(tool: Tool) -> None:
    operations = ["frame_drop(f0)", "get_slot(oob0)", "setup(s0, 1, empty(0))", "get_slot(p0)"]
    answer = tool.ask(program(*operations), tell=True)
    assert answer.outcomes == ("skipped", "OutOfBound", "skipped", "Ok")
    assert answer.text.splitlines()[2:] == operations


@pytest.mark.parametrize("subject, environment, fatal, finding", [
    ("fault_clone_uncounted", {}, "frame_clone(f0)",
     "diverges as frame_clone.SHARED.ref_count.inc_ref_count_spec-ref_count"),
    ("fault_crash", {}, "frame_drop(f0)", "ends the process by SIGSEGV in frame_drop"),
    ("odd", {"ODD": "exit"}, "frame_clone(f0)", "ends the process with status 0 in frame_clone"),
    ("odd", {"ODD": "stuck"}, "frame_clone(f0)", "does not return in frame_clone"),
])
def test_what_ends_the_process_is_an_answer(subject, environment, fatal, finding, monkeypatch):
    """And the next program is answered as if nothing had been."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    good = program("frame_from_unused(p0, empty(0))")
    with Tool(FEATURES, SUBJECTS / f"{subject}.so", None, 1) as tool:
        before = tool.ask(good)
        assert tool.ask(program("frame_from_unused(p0, empty(0))", fatal)).finding == finding
        after = tool.ask(good)
        assert (after.finding, after.mask) == ("", before.mask) and before.mask
        assert tool.features.edges == 0, "those of the built-in subject are none of this one"


def test_many_answers_at_once_do_not_wait_for_each_other(tool: Tool) -> None:
    """Neither pipe holds as much."""
    large = program(*["frame_from_in_use(p0)"] * 4000)
    answers = list(tool.ask_all([large] * 8))
    assert [answer.operations for answer in answers] == [4000] * 8


# --- whole commands -------------------------------------------------------------------------------


@pytest.fixture
def corpus(monkeypatch, capsys):
    """Runs the command here, on builds that are there: the status and what was printed."""
    monkeypatch.setattr(Command, "prepare", lambda self: None)

    def run(*words: str | Path, root: Path = ROOT) -> tuple[Status, str]:
        status = Command(parse_arguments([*map(str, words)]), root, BUILD).run()
        return status, capsys.readouterr().out

    return run


def contents(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def state(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*") if path.is_file()}


def shows(folder: Path) -> set[str]:
    with Tool(FEATURES, None, None, 10) as tool:
        return set().union(*(names(tool, file.content) for file in walk(folder)
                             if isinstance(file, File)))


def padded(content: bytes) -> bytes:
    """The same with an operation in front that cannot run, so that it shows nothing more."""
    lines = content.decode().splitlines(True)
    at = next(at for at, line in enumerate(lines) if line.startswith("slots "))
    return "".join([*lines[: at + 1], "frame_drop(f0)\n", *lines[at + 1 :]]).encode()


SOME = sorted(SEEDS.glob("frame-*.txt"))[:15]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty programs, half of them superfluous; some lie in a folder of their own."""
    folder = tmp_path / "corpus"
    (folder / "sub").mkdir(parents=True)
    for number, seed in enumerate(SOME):
        place = folder / "sub" if number % 4 == 0 else folder
        (place / f"{number}").write_bytes(seed.read_bytes())
        (folder / f"padded-{number}").write_bytes(padded(seed.read_bytes()))
    return folder


def test_minimizing_drops_what_shows_nothing_else(corpus, folder, capsys):
    before = shows(folder)
    status, text = corpus("minimize", folder)
    assert status == Status.AGREEMENT and " of 30 inputs" in text and "as before" in text
    assert shows(folder) == before
    assert not any(b"slots" in one and b"\nframe_drop(f0)\n" == one for one in contents(folder))
    left = contents(folder)
    assert 0 < len(left) <= 15
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        kept = path.read_bytes()
        path.unlink()
        assert shows(folder) != before, f"{path.name} can be left out"
        path.write_bytes(kept)
    after = state(folder)
    corpus("minimize", folder)
    assert state(folder) == after


def test_neither_names_nor_order_nor_times_matter(corpus, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    files = sorted(state(folder).values())
    random.Random(7).shuffle(files)
    for number, content in enumerate(files):
        path = other / hashlib.sha1(bytes([number])).hexdigest()
        path.write_bytes(content)
        os.utime(path, (number, number))
    corpus("minimize", folder)
    corpus("minimize", other)
    assert contents(folder) == contents(other)


def test_minimizing_into_another_folder_leaves_this_one(corpus, folder, tmp_path):
    before, out = state(folder), tmp_path / "made/out"
    corpus("minimize", folder, "-o", out)
    assert state(folder) == before
    corpus("minimize", folder)
    assert state(folder) == state(out)


def test_a_dry_run_changes_nothing(corpus, folder, tmp_path):
    before = state(folder)
    _, text = corpus("minimize", "--dry-run", folder)
    assert len(re.findall(r"^would drop ", text, re.MULTILINE)) >= 15
    (tmp_path / "one.txt").write_bytes(program("get_slot(top0)"))
    for command in (["add", folder, tmp_path / "one.txt"], ["merge", folder, SEEDS]):
        _, text = corpus(*command, "--dry-run")
        assert "would add " in text
    assert state(folder) == before


def test_as_json(corpus, folder):
    record = json.loads(corpus("minimize", "--json", folder)[1])
    assert record["before"]["inputs"] == 30
    assert record["after"]["inputs"] == 30 - len(record["dropped"]) == len(contents(folder))
    assert record["shown"]["clauses"]["seen"] < record["shown"]["clauses"]["there"]
    assert record["findings"] == []


# --- what is never dropped ------------------------------------------------------------------------


def test_a_folder_of_regressions_is_kept(corpus, folder):
    past = folder / "sub/regressions/deep"
    past.mkdir(parents=True)
    for name in ("one", "two"):
        (past / name).write_bytes(padded(padded(SOME[0].read_bytes())))
    corpus("minimize", folder)
    assert {path.name for path in past.iterdir()} == {"one", "two"}
    # It has been counted, so that the seed it was made from has nothing to show.
    assert SOME[0].read_bytes() not in contents(folder)


def test_regressions_themselves_are_kept(corpus, tmp_path):
    folder = tmp_path / "regressions"
    folder.mkdir()
    for name in "ab":
        (folder / name).write_bytes(COUNTED)
    corpus("minimize", folder)
    assert len(contents(folder)) == 2


def test_a_program_of_the_regressions_is_kept_as_bytes_and_as_text(corpus, folder, tmp_path, tool):
    past = tmp_path / "checkout/corpus/regressions"
    past.mkdir(parents=True)
    (past / "some-bug.txt").write_bytes(b"# what was wrong\n" + DROPPED)
    (folder / "as-bytes").write_bytes(tool.ask(DROPPED).encoded)
    (folder / "as-text").write_bytes(DROPPED)
    corpus("minimize", folder, root=tmp_path / "checkout")
    assert {"as-bytes", "as-text"} <= set(state(folder))


def test_what_diverges_or_crashes_is_told_and_kept(corpus, folder):
    for subject, operation in (("fault_clone_uncounted", "diverges as frame_clone"),
                               ("fault_crash", "ends the process by SIGSEGV in frame_drop")):
        there = state(folder)
        status, text = corpus("minimize", "--subject", SUBJECTS / f"{subject}.so", folder)
        told = re.findall(rf"^(\S+): {operation}\S*; it is kept$", text, re.MULTILINE)
        assert status == Status.DIVERGENCE and told
        assert set(state(folder)) >= {str(Path(path).relative_to(folder)) for path in told}
        assert len(state(folder)) < len(there)


def test_merging_takes_findings_and_regressions_along(corpus, tmp_path):
    source, target = tmp_path / "from", tmp_path / "to"
    (source / "regressions").mkdir(parents=True)
    target.mkdir()
    (source / "a").write_bytes(COUNTED)
    (source / "b").write_bytes(padded(COUNTED))
    (source / "regressions/bug.txt").write_bytes(DROPPED)
    (target / "bug").write_bytes(DROPPED)
    subject = ["--subject", SUBJECTS / "fault_clone_uncounted.so"]
    assert corpus("merge", *subject, target, source)[0] == Status.DIVERGENCE
    assert set(state(target)) == {"a", "b", "bug", "regressions/bug.txt"}
    again = state(target)
    assert corpus("merge", *subject, target, source)[0] == Status.DIVERGENCE
    assert state(target) == again


# --- adding ---------------------------------------------------------------------------------------


def test_merging_adds_the_fewest_that_show_something_new(corpus, folder, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    (target / "first").write_bytes(SOME[0].read_bytes())
    (target / "bytes").write_bytes(b"\x02\x01")
    before = shows(folder) | shows(target)
    _, text = corpus("merge", target, folder)
    added = state(target).keys() - {"first", "bytes"}
    assert shows(target) == before and 0 < len(added) < 15
    for name in added:
        content = (target / name).read_bytes()
        assert name == hashlib.sha1(content).hexdigest(), "libFuzzer would name it so"
        assert content[0] in (1, 2)
    _, text = corpus("merge", target, folder)
    assert "added 0 of 30 inputs, 0 new features" in text


def test_merging_makes_the_folder(corpus, folder, tmp_path):
    corpus("merge", tmp_path / "new/one", folder)
    corpus("minimize", folder)
    assert len(contents(tmp_path / "new/one")) == len(contents(folder))
    assert shows(tmp_path / "new/one") == shows(folder)


def test_a_text_is_added_to_texts_as_it_is(corpus, tmp_path, tool):
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "first.txt").write_bytes(DROPPED)
    new = tmp_path / "first.txt"
    new.write_bytes(b"# new\n" + COUNTED)
    corpus("add", texts, new)
    assert state(texts) == {"first.txt": DROPPED, "first-2.txt": new.read_bytes()}
    raw = tmp_path / "raw"
    raw.write_bytes(tool.ask(program("get_slot(oob0)")).encoded)
    corpus("add", texts, raw)
    lines = (texts / "raw.txt").read_text().splitlines()
    assert lines[0].startswith("# ") and lines[-1] == "get_slot(oob0)  # OutOfBound"


def test_adding_what_shows_nothing_new(corpus, folder, tmp_path):
    before = state(folder)
    new = tmp_path / "new.txt"
    new.write_bytes(padded(padded(SOME[3].read_bytes())))
    assert "added 0 of 1 inputs" in corpus("add", folder, new)[1]
    assert state(folder) == before
    corpus("add", "--always", folder, new)
    assert state(folder) == before | {"new.txt": new.read_bytes()}
    corpus("add", "--always", folder, new)
    assert len(state(folder)) == len(before) + 1, "it is there already"


def test_what_libfuzzer_would_lose_is_kept(corpus, tmp_path, tool):
    """Programs that take the same edges equally often and meet different states: to the engine they
    are one."""
    source = tmp_path / "from"
    source.mkdir()
    for metadata in ("empty(0)", "untyped(0)", "probe(0)", "node(0)"):
        text = program(f"setup(s0, 1, {metadata})", "get_slot(p0)", slots=1)
        (source / metadata[:3]).write_bytes(tool.ask(text).encoded)
    cells = {name for name in shows(source) if name.startswith("cell get_slot")}
    assert len(cells) == 4
    (tmp_path / "engine").mkdir()
    subprocess.run([BUILD / "libfuzzer/fuzz/lockstep", "-set_cover_merge=1", tmp_path / "engine",
                    source], check=True, capture_output=True, timeout=60)
    assert len(cells & shows(tmp_path / "engine")) == 1
    corpus("minimize", source, "-o", tmp_path / "ours")
    assert cells <= shows(tmp_path / "ours")


# --- distilling -----------------------------------------------------------------------------------


def without_times(names: set[str]) -> set[str]:
    return {name for name in names if "_times " not in name}


def test_distilled_programs_are_short_texts_that_show_the_same(corpus, folder, tmp_path):
    out = tmp_path / "out"
    record = json.loads(corpus("distill", "--json", "-o", out, folder)[1])
    assert without_times(shows(folder)) <= shows(out)
    assert record["after"]["operations"] < record["before"]["operations"] / 2
    for path in out.iterdir():
        lines = path.read_text().splitlines()
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\.txt", path.name)
        assert lines[0].startswith("# Shows: ")
        assert not any("skipped" in line or "not reached" in line for line in lines)
    assert any(line.endswith("  # NotAligned") for text in contents(out)
               for line in text.decode().splitlines())
    ran = subprocess.run([BUILD / "release/harness/slotcheck", "run", "--quiet", out], timeout=60)
    assert ran.returncode == 0


def test_no_operation_and_no_program_of_them_can_be_left_out(corpus, tmp_path, tool):
    source, out = tmp_path / "from", tmp_path / "out"
    source.mkdir()
    for name in ("frame-lifecycle.txt", "get-slot-errors.txt"):
        (source / name).write_bytes((SEEDS / name).read_bytes())
        (source / f"padded-{name}").write_bytes(padded((SEEDS / name).read_bytes()))
    corpus("distill", "-o", out, source)
    wanted = without_times(shows(source))
    files = state(out)
    assert len(files) <= 2
    for name, text in files.items():
        others = set().union(*(names(tool, files[other]) for other in files if other != name))
        lines = text.splitlines(True)
        for at in range(3, len(lines)):
            shorter = b"".join(lines[:at] + lines[at + 1 :])
            assert wanted - others - names(tool, shorter), (name, lines[at])


def test_distilling_is_deterministic(corpus, folder, tmp_path):
    """Also where two are as good as each other, and the same to look at but for an operand."""
    other = tmp_path / "other"
    other.mkdir()
    for name in ("p0", "p2"):
        (folder / name).write_bytes(program("get_slot(top0)", f"get_slot({name})"))
    for number, content in enumerate(sorted(state(folder).values(), reverse=True)):
        (other / f"{number:02}").write_bytes(content)
    corpus("distill", "-o", tmp_path / "a", folder)
    corpus("distill", "-o", tmp_path / "b", other)
    assert state(tmp_path / "a") == state(tmp_path / "b")


def test_distilling_keeps_regressions_and_findings(corpus, tmp_path, tool):
    source = tmp_path / "from"
    (source / "regressions").mkdir(parents=True)
    (source / "regressions/bug.txt").write_bytes(padded(DROPPED))
    (source / "raw").write_bytes(tool.ask(COUNTED).encoded)
    out = tmp_path / "out"
    subject = ["--subject", SUBJECTS / "fault_clone_uncounted.so"]
    assert corpus("distill", *subject, "-o", out, source)[0] == Status.DIVERGENCE
    files = state(out)
    assert files["regressions/bug.txt"] == padded(DROPPED)
    assert b"# From raw: diverges as frame_clone" in files["raw.txt"]
    assert b"frame_drop(f0)  # not reached" in files["raw.txt"]


# --- what is no program ---------------------------------------------------------------------------


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(here)


def make_large(path: Path) -> None:
    path.write_bytes(b"\x01\x01")
    os.truncate(path, (1 << 20) + 1)


GARBAGE = {
    "text": (lambda path: path.write_bytes(b"# text\nslotcheck program 1\nslots 2\nfrob(f0)\n"),
             ":4:1: there is no operation"),
    "printable": (lambda path: path.write_bytes(b"\x41\x01\x00\x00"), ":1:3: "),
    "newline": (lambda path: path.write_bytes(b"\n"), "the text ends without"),
    "later-format": (lambda path: path.write_bytes(b"\x03\x01"),
                     ": byte 0: program format 3 is newer than this slotcheck"),
    "mark": (lambda path: path.write_bytes(b"\xef\xbb\xbfslotcheck program 1\n"),
             ": byte 0: a text that begins with a byte order mark"),
    "executable": (lambda path: path.write_bytes(b"\x7fELF\x02"), "an executable or a library"),
    "large": (make_large, ": 1048577 bytes; programs have at most 1048576"),
    "many-slots": (lambda path: path.write_bytes(b"\x01\xff"), "8388608 slots are more than"),
    "pipe": (make_pipe, ": a pipe, not a file"),
    "socket": (make_socket, ": a socket, not a file"),
    "device": (lambda path: path.symlink_to("/dev/null"), ": a device, not a file"),
    "dangling": (lambda path: path.symlink_to("nowhere"), ": a link to nothing"),
    "loop": (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
    "folder": (lambda path: path.symlink_to("/"), ": a link to a folder; name the folder itself"),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_is_named_and_nothing_is_changed(kind, corpus, folder, tmp_path):
    make, complaint = GARBAGE[kind]
    other = tmp_path / "other"
    other.mkdir()
    make(other / "garbage")
    before = state(folder)
    with pytest.raises(CampaignError) as refusal:
        corpus("merge", folder, other)
    assert str(refusal.value).startswith(f"{other}/garbage") and complaint in str(refusal.value)
    assert refusal.value.status == Status.WRONG_USE
    assert state(folder) == before
    shutil.move(other / "garbage", folder / "sub/garbage")
    for command in (["minimize", folder], ["distill", "-o", tmp_path / "out", folder]):
        with pytest.raises(CampaignError, match=re.escape(f"{folder}/sub/garbage")):
            corpus(*command)
    shutil.move(folder / "sub/garbage", other / "garbage")
    assert state(folder) == before and not (tmp_path / "out").exists()


def test_what_cannot_be_read_is_garbage(corpus, folder, monkeypatch):
    """Whoever is root can read everything."""
    read_bytes = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "7":
            raise PermissionError(13, "Permission denied", str(path))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(CampaignError, match=f"{folder}/7: Permission denied"):
        corpus("minimize", folder)


def test_of_much_garbage_the_first_is_named(corpus, folder):
    (folder / "x").write_bytes(b"not a program")
    (folder / "y").write_bytes(b"nor this")
    with pytest.raises(CampaignError, match=r"/x:1:1: .* \(and 1 more; ./slotcheck corpus stats"):
        corpus("minimize", folder)


def test_what_is_still_being_written_is_passed_over(corpus, folder):
    before = state(folder)
    for name in (".hidden", "half.part", ".git/config"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"no program")
    _, text = corpus("minimize", folder)
    assert " of 30 inputs" in text
    assert {".hidden", "half.part", ".git/config"} <= set(state(folder))
    assert len(state(folder)) < len(before)


def test_an_empty_file_is_a_program(corpus, tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    """An engine counts that nothing had to be taken back at its end."""
    assert "1 of 1 inputs" in corpus("minimize", tmp_path)[1]


def test_what_an_engine_takes_away_meanwhile_is_no_garbage(corpus, folder, monkeypatch):
    listed = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: [*listed(path), "gone"])
    assert corpus("minimize", folder)[0] == Status.AGREEMENT


@pytest.mark.parametrize("words, complaint", [
    ([], "COMMAND"),
    (["tidy"], "tidy"),
    (["minimize"], "DIR"),
    (["minimize", "/no/such"], "/no/such: no such folder"),
    (["minimize", "/dev/null"], "/dev/null: not a folder"),
    (["merge", "DIR"], "FROM"),
    (["merge", "DIR", "/no/such"], "/no/such: no such folder"),
    (["add", "DIR", "/no/such"], "/no/such: no such file"),
    (["add", "DIR", "/usr"], "/usr: a folder; ./slotcheck corpus merge takes folders"),
    (["distill", "DIR"], "-o"),
    (["stats", "--always", "DIR"], "--always"),
    (["minimize", "--slots", "250", "DIR"], "250"),
    (["minimize", "--timeout", "0", "DIR"], "0"),
    (["minimize", "--subject", "/no/such.so", "DIR"], "/no/such.so: no such file"),
    (["minimize", "-o", "DIR", "DIR"], "it is not empty"),
    (["minimize", "-o", "/dev/null", "DIR"], "/dev/null: not a folder"),
    (["minimize", "-o", "DIR/new", "DIR"], "it would lie in"),
    (["minimize", "--subject", str(SUBJECTS / "no_entry.so"), "DIR"],
     "no function slotcheck_subject"),
    (["minimize", "--subject", str(SUBJECTS / "aborting.so"), "--slots", "4", "DIR"],
     "have 16 slots"),
    (["minimize", "--subject", str(SUBJECTS / "fault_reset_forgets.so"), "DIR"],
     "plain: the subject's reset leaves slots in use"),
])
def test_bad_input(words, complaint, corpus, tmp_path):
    """DIR has two programs, one of which could be left out."""
    folder = tmp_path / "DIR"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / name).write_bytes(program("frame_from_unused(p0, empty(0))"))
    with pytest.raises(CampaignError, match=re.escape(complaint)) as refusal:
        corpus(*(word.replace("DIR", str(folder), 1) for word in words))
    assert refusal.value.status == Status.WRONG_USE and "\n" not in str(refusal.value)
    assert set(state(folder)) == {"one", "two"}


def test_who_waits_is_told(monkeypatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    progress = Progress(StatusLine(stream))
    for seconds in (1, 11, 12):
        now[0] = seconds
        progress.show("running inputs", seconds, 99)
    assert stream.getvalue() == "running inputs: 11 of 99, 11s\n"


# --- whatever happens meanwhile -------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, 1, 6, 13])
def test_a_kill_while_files_are_removed_loses_nothing(after, corpus, folder, monkeypatch):
    before, goal = shows(folder), folder.parent / "goal"
    corpus("minimize", folder, "-o", goal)
    unlink, calls = Path.unlink, itertools.count()

    def die(path: Path, missing_ok: bool = False) -> None:
        if next(calls) == after:
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", die)
        with pytest.raises(KeyboardInterrupt):
            corpus("minimize", folder)
    assert len(contents(folder)) == 30 - after and shows(folder) == before
    corpus("minimize", folder)
    assert state(folder) == state(goal)


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_kill_while_files_are_added_loses_nothing(after, corpus, folder, tmp_path, monkeypatch):
    target = tmp_path / "target"
    target.mkdir()
    (target / "first").write_bytes(SOME[0].read_bytes())
    replace, calls = Path.replace, itertools.count()

    def die(path: Path, other: Path) -> Path:
        if next(calls) == after:
            raise KeyboardInterrupt
        return replace(path, other)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            corpus("merge", target, folder)
        with pytest.raises(KeyboardInterrupt):
            patched.setattr(Path, "replace", die)
            calls = itertools.count(after)
            corpus("minimize", folder, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    whole = {name for name in state(target) if not name.endswith(".part")}
    assert len(whole) == 1 + after
    corpus("merge", target, folder)
    assert shows(folder) == shows(target)


def slotcheck(*words: str | Path, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "slotcheck", "corpus", *words], text=True, capture_output=True,
                          timeout=900, **options)


def complaints(result: subprocess.CompletedProcess[str]) -> list[str]:
    """Beside them it may say that it waits for a build of somebody else."""
    return [line for line in result.stderr.splitlines()
            if not re.match(r"slotcheck: (another|building|configuring)", line)]


def no_space() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))


def test_a_full_disk(folder, tmp_path):
    """No file may grow beyond what a few programs have: one line, and all is as it was."""
    target, out = tmp_path / "target", tmp_path / "out"
    target.mkdir()
    (target / "first").write_bytes(b"\x02\x01")
    before = state(tmp_path)
    for words in (["merge", target, folder], ["minimize", folder, "-o", out],
                  ["distill", "-o", out, folder]):
        result = slotcheck(*words, preexec_fn=no_space)
        assert result.returncode == 2, result.stderr
        where = target if words[0] == "merge" else out
        assert complaints(result) == [
            f"slotcheck corpus: {where}: File too large; nothing was written"
        ]
        assert state(tmp_path) == before
        assert {path.name for path in tmp_path.iterdir()} == {"corpus", "target"}


def test_a_folder_in_use_is_left_alone(corpus, folder):
    before = state(folder)
    for path, complaint in ((folder.parent / "lock", "a campaign is running here"),
                            (folder, "somebody else is changing this folder")):
        if not path.exists():
            path.write_bytes(b"")
        handle = os.open(path, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
        for words in (["minimize", folder], ["merge", folder, SEEDS]):
            with pytest.raises(CampaignError, match=complaint) as refusal:
                corpus(*words)
            assert refusal.value.status == Status.WRONG_USE
        corpus("minimize", "--dry-run", folder)
        os.close(handle)
    assert state(folder) == before


# --- statistics, and the command as users call it -------------------------------------------------


def test_statistics(folder, tool):
    (folder / "again").write_bytes(tool.ask(SOME[0].read_bytes()).encoded)
    (folder / "x").write_bytes(b"no program")
    result = slotcheck("stats", "--json", folder, folder.parent / "corpus/../corpus")
    assert result.returncode == 2 and f"{folder}/x:1:1: " in result.stderr
    record = json.loads(result.stdout)
    assert (record["inputs"], record["texts"], record["duplicates"]) == (31, 30, 1)
    assert [one["path"] for one in record["garbage"]] == [str(folder / "x")]
    shown, answers = record["shown"], [tool.ask(one) for one in contents(folder)]
    assert record["operations"] == sum(answer.operations for answer in answers)
    assert record["executed"] == sum(answer.executed for answer in answers)
    assert 0 < shown["cells_of_scope"] <= shown["cells"] < shown["scope"]
    assert 0 < shown["edges"]["seen"] < shown["edges"]["there"]
    assert record["alone"]["inputs"] == 0, "all are there twice"
    assert record["largest"][0]["bytes"] == max(map(len, contents(folder)))


def test_statistics_for_people():
    result = slotcheck("stats", SEEDS)
    assert result.returncode == 0 and complaints(result) == []
    rows = dict(re.findall(r"^(\w+) +(.*)$", result.stdout, re.MULTILINE))
    assert {"inputs", "bytes", "operations", "edges", "clauses", "cells", "features"} <= set(rows)
    assert re.fullmatch(r"(\d+) of \1", rows["clauses"])


def test_help_names_every_command():
    text = slotcheck("--help").stdout
    for word in ("stats", "minimize", "merge", "add", "distill", "--dry-run", "--json", "example:"):
        assert word in text
    assert slotcheck("minimize", "--help").stdout == text


def test_a_complaint_is_one_line(tmp_path):
    (tmp_path / "a\nb").write_bytes(b"no program")
    result = slotcheck("minimize", tmp_path)
    assert result.returncode == 2
    [complaint] = complaints(result)
    assert complaint.startswith(f"slotcheck corpus: {tmp_path}/a\\nb:1:1: ")
