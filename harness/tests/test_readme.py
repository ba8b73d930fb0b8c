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
    """In one place, because it changes."""
    there_are = len(json.loads(slotcheck("spec", "--json").stdout))
    shown = re.findall(r"clauses (\d+)/(\d+)|(\d+) (?:of \d+ )?clauses", README)
    assert len(shown) == 1
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


def samples(heading: str) -> list[tuple[str, str]]:
    """The commands shown in a section, each with the output shown below it."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^    \$ .*\n(?:(?:    .*)?\n)+", section, re.MULTILINE)
    parts = [part for block in blocks for part in re.split(r"^\$ ", textwrap.dedent(block),
                                                           flags=re.MULTILINE)]
    return [tuple(part.split("\n", 1)) for part in parts if part]


def as_pattern(shown: str, numbers: str) -> str:
    """What stands for `…` may be anything, several lines too."""
    pattern = ".*".join(re.escape(part) for part in shown.strip().split("…"))
    return pattern if numbers == "exact" else re.sub(r"(?:\\ )*\d+", r" *\\d+", pattern)


@pytest.mark.parametrize("heading, numbers, nr_samples", [
    ("What did this run check?", "any", 2),  # they change with every seed
    ("The specification as a document", "exact", 3),
])
def test_samples_are_what_is_printed(heading, numbers, nr_samples, slotcheck, project, build,
                                     tmp_path):
    (tmp_path / "corpus").symlink_to(project / "corpus")
    (tmp_path / "libmine.so").symlink_to(build / "subjects/fault_clone_uncounted.so")
    shown_samples = samples(heading)
    assert len(shown_samples) == nr_samples
    for command, shown in shown_samples:
        printed = slotcheck(*command.split()[1:], cwd=tmp_path).stdout.decode().strip()
        assert re.fullmatch(as_pattern(shown, numbers), printed, re.DOTALL), printed


def test_what_is_healthy_makes_nothing_false(slotcheck, project, tmp_path):
    ledger = tmp_path / "seeds.ledger"
    slotcheck("run", "--quiet", "--ledger", ledger, project / "corpus/seeds")
    printed = slotcheck("ledger", ledger).stdout.decode()
    assert ", 0 seen to fail" in printed.splitlines()[-1]


def test_functions_of_the_parts_are_those_of_the_interface():
    table = README.split("| part | functions |")[1].split("\n\n")[0]
    header = (ROOT / "harness/include/slotcheck/subject.h").read_text()
    offered = set(re.findall(r"\(\*(\w+)\)\(struct slotcheck_region", header)) | {"create"}
    for name in re.findall(r"`(\w*\*?\w+|\w+\*)`", table):
        pattern = name.replace("*", r"\w+")
        assert any(re.fullmatch(pattern, function) for function in offered), name


def test_formats_are_those_that_seeds_have():
    corpus = (ROOT / "corpus/README.md").read_text()
    for seed in (ROOT / "corpus/seeds").iterdir():
        header = next(line for line in seed.read_text().splitlines() if not line.startswith("#"))
        assert f"`{header}`" in corpus, seed


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)h#][^)]*)\)", README):
        assert (ROOT / target).exists(), target


def test_commands_are_those_of_the_launcher():
    listed = set(re.findall(r"^\| `(\w+)", README, re.MULTILINE)) | {"pack"}
    usage = subprocess.run([ROOT / "slotcheck", "--help"], capture_output=True, text=True).stdout
    for command in re.findall(r"^  (\w+)  ", usage, re.MULTILINE):
        assert command in listed
