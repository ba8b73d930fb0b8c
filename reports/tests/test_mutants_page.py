# SPDX-License-Identifier: MPL-2.0
"""The page of a matrix of mutants."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import mutants

PROGRAM = Path(mutants.__file__)


def result(executions: int | None) -> dict:
    killed = executions is not None
    return {"killed": killed, "executions": executions or 5000, "seconds": 0.25, "note": "",
            "error": "", "signature": "frame_drop.SHARED.ref_count.a-b" if killed else "",
            "verdict": "violation" if killed else "", "clauses": ["a/b", "c/d"] if killed else [],
            "alone": [], "case": "slots 2\nframe_drop(f0)\n" if killed else "",
            "operations": 1 if killed else 0, "shrunk": killed}


def mutant(name: str, executions: int | None, **others) -> dict:
    return {"name": name, "kind": "counts", "breaks": "<b>it</b> & more", "equivalent": None,
            "open": None, "patch": "--- a/impl\n+++ b/impl\n+if (a < b && c)\n",
            "build_seconds": 0.1, "results": {"corpus": result(executions)}} | others


RECORD = {
    "record_version": 1, "kind": "mutants", "commit": None, "complete": True, "counted": 3,
    "survivors": ["counts-three"], "wrong_labels": [], "errors": [],
    "drivers": [{"name": "corpus", "executions": "programs", "settings": {"seconds": 1},
                 "killed": 2, "killed_within": {"10000": 1, "100000": 2}}],
    "mutants": [mutant("counts-one", 7), mutant("counts-two", 20_000), mutant("counts-three", None),
                mutant("counts-four", 3, open="threads")],
    "clauses": [{"id": "a/b", "kind": "spec", "text": "x < \"y\"", "holes": 0, "hole": "",
                 "mutants": ["counts-one"], "always_with": [], "reason": None}],
}


@pytest.fixture(scope="module")
def page():
    return mutants.page(RECORD)


def test_curve():
    assert mutants.curve(RECORD, "corpus") == [
        (1, 0.0), (7, pytest.approx(100 / 3)), (20_000, pytest.approx(200 / 3)),
        (1_000_000, pytest.approx(200 / 3))]


def test_the_plot_is_an_image_of_its_own(page):
    svg = ElementTree.fromstring(page[page.index("<svg"):page.index("</svg>") + len("</svg>")])
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert "corpus (programs)" in "".join(svg.itertext())


def test_nothing_is_loaded_from_anywhere(page):
    assert not re.search(r"<(script|link|img|iframe)\b|@import|url\(\s*['\"]?(?!#)", page)
    assert not re.search(r"(src|href)\s*=\s*['\"](?!#)", page)


def test_texts_stay_texts(page):
    assert "<b>it" not in page and "&lt;b&gt;it&lt;/b&gt; &amp; more" in page
    assert "+if (a &lt; b &amp;&amp; c)" in page


def test_tables(page):
    assert "2 of 3 mutants are detected" in page
    assert re.search(r"corpus<td class=\"number\">2 of 3\s*<td class=\"number\">33 %\s*"
                     r"<td class=\"number\">67 %", page)
    assert re.search(r"<h2>Survivors</h2>\s*<table>\s*<tr class=\"missed\"><td><code>counts-three",
                     page)


def test_a_matrix_that_was_interrupted():
    record = copy.deepcopy(RECORD) | {"complete": False, "clauses": None}
    record["mutants"][0]["results"]["corpus"] = None
    assert "some results are missing" in mutants.page(record)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, PROGRAM, *map(str, arguments)], text=True,
                          capture_output=True)


def test_the_command(tmp_path):
    (tmp_path / "matrix.json").write_text(json.dumps(RECORD))
    done = run(tmp_path / "matrix.json", "-o", tmp_path / "page.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "page.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("text, complaint", [
    ("", "not JSON"),
    ("[]", "no record of mutants"),
    ('{"kind": "mutants", "record_version": 2}', "a record of version 2; known is 1"),
])
def test_another_file(tmp_path, text, complaint):
    (tmp_path / "matrix.json").write_text(text)
    done = run(tmp_path / "matrix.json", "-o", tmp_path / "page.html")
    assert done.returncode == 2 and complaint in done.stderr
    assert not (tmp_path / "page.html").exists()


def test_no_such_file(tmp_path):
    assert run(tmp_path / "none.json", "-o", tmp_path / "page.html").returncode == 2


def test_kill_times(tmp_path):
    matrix = tmp_path / "matrix.json"
    matrix.write_text(json.dumps(RECORD))
    subprocess.run([sys.executable, PROGRAM, matrix, "--kill-times", tmp_path], check=True)
    text = (tmp_path / "kill-times.md").read_text()
    assert "| corpus | 2 of 3 | - | - | 33 % | 67 % | a program |" in text
    assert "- `counts-three` in 5,000: <b>it</b> & more" in text
    assert "counts-four" not in text
    ElementTree.fromstring((tmp_path / "kill-times.svg").read_text())


def test_medians():
    """An earlier record has none."""
    record = copy.deepcopy(RECORD)
    record["drivers"][0] |= {"median_executions": 20_000, "median_seconds": 0.257}
    assert "| corpus | 2 of 3 | 20,000 | 0.26 | 33 % |" in mutants.kill_times(record)


def test_the_kill_times_that_are_kept_are_of_mutants_that_there_are():
    text = (PROGRAM.parent / "kill-times.md").read_text()
    names = re.findall(r"^- `(.+?)`", text, re.MULTILINE)
    assert names
    for name in names:
        assert (PROGRAM.parents[1] / "fuzz/mutants" / f"{name}.patch").exists()
