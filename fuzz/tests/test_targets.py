# SPDX-License-Identifier: MPL-2.0
"""The fuzz targets under libFuzzer and as standalone programs, for a fixed number of runs."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SLOTCHECK_BUILD", ROOT / "build"))
SEEDS = BUILD / "release/seeds/lockstep"


def fuzz(target: Path, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLOTCHECK_")}
    return subprocess.run([target, *arguments], cwd=cwd, env=environment, text=True,
                          capture_output=True, timeout=300)


@pytest.mark.parametrize("preset, runs", [("libfuzzer", 100_000), ("libfuzzer-asan", 30_000)])
@pytest.mark.parametrize("target", ["lockstep", "program_bytes", "program_text", "repr"])
def test_nothing_is_found(preset, runs, target, tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    result = fuzz(BUILD / preset / "fuzz" / target, f"-runs={runs}", "-seed=1", corpus,
                  SEEDS if target != "program_text" else ROOT / "corpus/seeds", cwd=tmp_path)
    assert result.returncode == 0, result.stderr[-3000:]
    assert len(list(corpus.iterdir())) > 0, "nothing was found worth keeping: no coverage?"


@pytest.mark.parametrize("preset", ["libfuzzer", "libfuzzer-asan"])
def test_the_canary_is_caught_from_nothing(preset, tmp_path):
    """A bug on purpose, an empty corpus: if this is not found, nothing is."""
    canary = BUILD / preset / "fuzz/canary"
    result = fuzz(canary, "-runs=3000000", "-seed=1", "-max_len=128", cwd=tmp_path)
    assert result.returncode != 0
    assert "violation in frame_clone" in result.stderr
    crashes = list(tmp_path.glob("crash-*"))
    assert len(crashes) == 1
    again = fuzz(canary, crashes[0], cwd=tmp_path)
    assert again.returncode != 0
    assert "violation in frame_clone" in again.stderr
    # Outside deduplication goes by the names of the frames: the operation and the field are in them.
    assert re.search(r"frame_clone\w*ref_count", again.stderr), again.stderr[-3000:]


@pytest.mark.parametrize("preset", ["gcc", "libfuzzer-asan"])
def test_repr_of_extreme_bytes(preset, tmp_path):
    """Every type, and bytes that are no type, with slots of one byte value each."""
    inputs = []
    for kind in range(6):
        for byte in (0, 1, 2, 4, 0x7f, 0x80, 0xfe, 0xff):
            path = tmp_path / f"{kind}-{byte}"
            path.write_bytes(bytes([kind]) + bytes([byte]) * 64)
            inputs.append(path)
    (tmp_path / "short").write_bytes(b"\x02\x01")
    result = fuzz(BUILD / preset / "fuzz/repr", *inputs, tmp_path / "short", cwd=tmp_path)
    assert result.returncode == 0, result.stderr[-2000:]


def test_an_empty_file_is_no_shorter_case(tmp_path):
    """As a power cut may leave it; a case that is there, and is one, stays."""
    seed, findings = ROOT / "corpus/seeds/frame-clones-of-clones.txt", tmp_path / "findings"
    findings.mkdir()
    program = tmp_path / "program"
    subprocess.run([BUILD / "release/harness/slotcheck", "pack", seed, "-o", program], check=True)

    def cases() -> dict[str, bytes]:
        subprocess.run([BUILD / "gcc/fuzz/canary", program], check=True, capture_output=True,
                       env=os.environ | {"SLOTCHECK_FINDINGS": str(findings)})
        return {path.name: path.read_bytes() for path in findings.glob("*.case")}

    first = cases()
    assert first and all(first.values())
    shorter = dict.fromkeys(first, b"\x02")
    for content, expected in ((b"", first), (b"\x02", shorter)):
        for name in first:
            (findings / name).write_bytes(content)
        assert cases() == expected


def test_standalone_programs_replay_files_and_folders(tmp_path):
    targets = BUILD / "gcc/fuzz"
    assert fuzz(targets / "lockstep", SEEDS, cwd=tmp_path).returncode == 0
    assert fuzz(targets / "program_bytes", SEEDS, cwd=tmp_path).returncode == 0
    assert fuzz(targets / "program_text", ROOT / "corpus/seeds", cwd=tmp_path).returncode == 0
    one = fuzz(targets / "lockstep", next(SEEDS.iterdir()), cwd=tmp_path)
    assert one.returncode == 0
    caught = fuzz(targets / "canary", SEEDS, cwd=tmp_path)
    assert caught.returncode < 0, "it must end in a trap"
    assert "violation in frame_clone" in caught.stderr
    missing = fuzz(targets / "lockstep", "/no/such/file", cwd=tmp_path)
    assert missing.returncode == 2
    assert "/no/such/file" in missing.stderr


def test_the_engine_accepts_dictionary_and_options(tmp_path):
    dictionary = ROOT / "fuzz/lockstep.dict"
    entries = [line for line in dictionary.read_text().splitlines()
               if line and not line.startswith("#")]
    result = fuzz(BUILD / "libfuzzer/fuzz/lockstep", "-runs=10", f"-dict={dictionary}", cwd=tmp_path)
    assert f"Dictionary: {len(entries)} entries" in result.stderr
    for path in (ROOT / "fuzz").glob("*.options"):
        options = configparser.ConfigParser()
        options.read(path)
        assert set(options.sections()) <= {"libfuzzer", "asan", "msan", "ubsan"}
        assert options.sections()


def test_one_format_alone(tmp_path):
    """SLOTCHECK_FORMAT passes over programs of the other formats; a wrong one is one line."""
    target, command = BUILD / "gcc/fuzz/lockstep", BUILD / "gcc/harness/slotcheck"
    programs = {}
    for chosen in ("1", "2", None):
        stats = tmp_path / f"stats-{chosen}"
        environment = os.environ | {"SLOTCHECK_STATS": str(stats)}
        if chosen:
            environment["SLOTCHECK_FORMAT"] = chosen
        assert subprocess.run([target, SEEDS], env=environment, capture_output=True).returncode == 0
        counts = subprocess.run([command, "stats", stats], capture_output=True, check=True).stdout
        # The first program of all is an empty one, to see whether the subject has such regions.
        programs[chosen] = json.loads(counts)["programs"] - 1
    assert 0 < programs["1"] < programs["2"]
    assert programs["1"] + programs["2"] == programs[None]
    wrong = subprocess.run([target, SEEDS], env=os.environ | {"SLOTCHECK_FORMAT": "3"},
                           capture_output=True, text=True)
    assert wrong.returncode == 2
    assert wrong.stderr == "slotcheck: SLOTCHECK_FORMAT=3: not 1..2\n"


SHRUNK = "slotcheck program 2\nslots 1\nframe_from_unused(p0, empty(0))\nframe_clone(f0)\n"


def test_a_finding_arrives_shrunk(tmp_path):
    """As a case and, where the target stops, in what it explains; nothing of it is counted."""
    text = "slotcheck program 2\nslots 16\n" + "get_slot(p1)\n" * 300
    text += "frame_from_unused(p9, probe(7))\n" + "get_slot(p9)\n" * 300 + "frame_clone(f5)\n"
    target, command = BUILD / "gcc/fuzz/canary", BUILD / "gcc/harness/slotcheck"
    program, stats, findings = tmp_path / "program", tmp_path / "stats", tmp_path / "findings"
    findings.mkdir()
    subprocess.run([command, "pack", "-", "-o", program], input=text.encode(), check=True)
    environment = os.environ | {"SLOTCHECK_STATS": str(stats), "SLOTCHECK_FINDINGS": str(findings)}
    assert subprocess.run([target, program], env=environment, capture_output=True).returncode == 0
    (case,) = findings.glob("*.case")
    shown = subprocess.run([command, "show", case], capture_output=True, text=True, check=True)
    assert shown.stdout == SHRUNK
    counts = json.loads(subprocess.run([command, "stats", stats], capture_output=True).stdout)
    # The first program of all is an empty one, to see whether the subject has such regions.
    assert (counts["programs"], counts["divergences"]) == (2, 1)
    assert counts["operations"]["get_slot"] == {"Ok": 600}
    stopped = fuzz(target, program, cwd=tmp_path)
    assert stopped.returncode < 0
    assert "shrunk from 602 operations to 2" in stopped.stderr
    assert "2  frame_clone(f0)" in stopped.stderr and "get_slot" not in stopped.stderr


@pytest.fixture
def covered(tmp_path):
    """The cells of a small scope, and what a target counted on programs that have all of them."""
    target, command = BUILD / "gcc/fuzz/lockstep", BUILD / "gcc/harness/slotcheck"
    cells, corpus, stats = tmp_path / "cells", tmp_path / "corpus", tmp_path / "stats"
    packed = tmp_path / "packed"
    packed.mkdir()
    subprocess.run([command, "exhaust", "--depth", "2", "--ops", "frame,unique", "--cells", cells, "--corpus", corpus],
                   capture_output=True, check=True)
    for text in corpus.iterdir():
        subprocess.run([command, "pack", text, "-o", packed / text.name], check=True)
    subprocess.run([target, packed], env=os.environ | {"SLOTCHECK_STATS": str(stats)},
                   capture_output=True, check=True)
    return cells, stats


def scope_counts(cells, stats):
    return subprocess.run([BUILD / "gcc/harness/slotcheck", "stats", "--scope", cells, stats],
                          capture_output=True, text=True)


def test_the_corpus_of_a_scope_shows_all_its_cells_to_a_target(covered):
    cells, stats = covered
    lines = cells.read_text().splitlines()[1:]
    assert len(lines) > 100
    counts = json.loads(scope_counts(cells, stats).stdout)["cells"]
    assert counts == {"seen": len(lines), "lost": 0, "scope": len(lines),
                      "seen_of_scope": len(lines)}
    # One that nobody saw.
    cells.write_text(cells.read_text() + "zzz Ok\n")
    counts = json.loads(scope_counts(cells, stats).stdout)["cells"]
    assert (counts["scope"], counts["seen_of_scope"]) == (len(lines) + 1, len(lines))


@pytest.mark.parametrize("change, complaint", [
    (lambda text: "", "cut short"),
    (lambda text: text[:-1], "cut short"),
    (lambda text: text.replace("cells 1:", "cells 2:"), ":1: not what"),
    (lambda text: text.splitlines()[0] + "\n", ":1: not what"),
    (lambda text: text + "a\n", "not behind"),
])
def test_what_is_no_file_of_cells(covered, change, complaint):
    cells, stats = covered
    cells.write_text(change(cells.read_text()))
    result = scope_counts(cells, stats)
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.count("\n") == 1 and complaint in result.stderr
    assert scope_counts(cells.with_name("none"), stats).returncode == 2
