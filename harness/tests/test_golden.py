# SPDX-License-Identifier: MPL-2.0
"""The texts of divergences of different kinds, word for word.

`NAME.case` says in its first line which faulty subject it is for; `NAME.txt` is what a person reads.
After a change that is meant, write them anew with `pytest --update-golden` and read the difference.
"""

from __future__ import annotations

from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.case")))
def test_explanation(name, build, slotcheck, tmp_path, request):
    case = GOLDEN / f"{name}.case"
    subject = case.read_text().splitlines()[0].removeprefix("# subject: ")
    (tmp_path / "subject.so").symlink_to(build / f"subjects/{subject}.so")
    (tmp_path / "case.txt").symlink_to(case)

    result = slotcheck("run", "--subject", "./subject.so", "case.txt", cwd=tmp_path)

    golden = GOLDEN / f"{name}.txt"
    if request.config.getoption("--update-golden"):
        golden.write_bytes(result.stdout)
    assert result.returncode == 1
    assert result.stdout.decode() == golden.read_text()
    assert result.stderr == b""


def test_good_subject_agrees_on_the_same_cases(build, slotcheck):
    for subject in ["builtin", build / "subjects/plain.so"]:
        for case in GOLDEN.glob("*.case"):
            assert slotcheck("run", "--subject", subject, case).returncode == 0
