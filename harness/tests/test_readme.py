# SPDX-License-Identifier: MPL-2.0
"""What the README shows is what there is."""

from __future__ import annotations

import json
import re
import subprocess
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
EXAMPLES = re.findall(r"<!-- example: (\S+) -->\n```\w+\n(.*?)```", README, re.DOTALL)


def test_both_examples_are_there():
    assert [path for path, _ in EXAMPLES] == ["harness/examples/subject.c",
                                              "harness/examples/subject.rs"]


@pytest.mark.parametrize("path, shown", EXAMPLES)
def test_examples_are_the_files(path, shown):
    assert shown == (ROOT / path).read_text()


@pytest.mark.parametrize("compiler", ["cc -std=c11", "rustc --edition"])
def test_examples_build_with_the_commands_shown(compiler, slotcheck, project, tmp_path):
    command = next(line.strip() for line in README.splitlines() if line.strip().startswith(compiler))
    library = tmp_path / "libmine.so"
    subprocess.run(command.replace("libmine.so", str(library)), shell=True, cwd=ROOT, check=True,
                   timeout=120)
    result = slotcheck("run", "--quiet", "--subject", library, project / "corpus/seeds")
    assert result.returncode == 0, result.stdout


def test_the_number_of_clauses(slotcheck):
    there_are = len(json.loads(slotcheck("spec", "--json").stdout))
    shown = re.findall(r"clauses (\d+)/(\d+)|(\d+) of (\d+) clauses", README)
    assert len(shown) == 2
    assert {int(number) for numbers in shown for number in numbers if number} == {there_are}


def test_the_divergence_is_what_run_prints(slotcheck, build, tmp_path):
    """But for what stands for `…`."""
    sample = re.search(r"^    \$ \./slotcheck run .*\n(?:(?:    .*)?\n)+", README, re.MULTILINE)[0]
    command, *shown = textwrap.dedent(sample).strip().splitlines()
    case = tmp_path / command.split()[-1]
    case.parent.mkdir(parents=True)
    (tmp_path / "libmine.so").symlink_to(build / "subjects/fault_clone_uncounted.so")
    slots = re.search(r"\((\d+) slots\)", sample)[1]
    operations = re.findall(r"^ +>? +\d+  (\w+\(.*?\))(?:  |$)", sample, re.MULTILINE)
    text = "\n".join(["slotcheck program 1", f"slots {slots}", *operations, ""])
    slotcheck("pack", "-o", case, "-", input=text.encode())

    result = slotcheck(*command.split()[2:], cwd=tmp_path)

    pattern = ".*".join(re.escape(part) for part in "\n".join(shown).split("…"))
    assert re.fullmatch(pattern, result.stdout.decode().strip()), result.stdout.decode()


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)h#][^)]*)\)", README):
        assert (ROOT / target).exists(), target


def test_commands_are_those_of_the_launcher():
    listed = set(re.findall(r"^\| `(\w+)", README, re.MULTILINE)) | {"pack"}
    usage = subprocess.run([ROOT / "slotcheck", "--help"], capture_output=True, text=True).stdout
    for command in re.findall(r"^  (\w+)  ", usage, re.MULTILINE):
        assert command in listed
