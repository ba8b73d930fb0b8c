# SPDX-License-Identifier: MPL-2.0
"""slotcheck holes: what the specification does not pin down, and the document made of it."""

from __future__ import annotations

import json

import pytest


@pytest.fixture(scope="module")
def holes(slotcheck, project):
    """The holes of the project's own corpus, by function and (area, field, change)."""
    result = slotcheck("holes", "--corpus", project / "corpus/seeds", "--json")
    assert result.returncode == 0, result.stderr
    return {
        relation["name"]: {
            (change["area"], change["field"], change["change"]): change
            for change in relation["changes"]
        }
        for relation in json.loads(result.stdout)["relations"]
        if relation["spec_function"]
    }


def test_the_document_is_current(slotcheck, project):
    """Otherwise: ./slotcheck holes --markdown > oracle/HOLES.md"""
    result = slotcheck("holes", "--corpus", project / "corpus/seeds", "--markdown")
    assert result.returncode == 0, result.stderr
    assert (project / "oracle/HOLES.md").read_text() == result.stdout.decode()


def test_the_document_is_the_same_every_time(slotcheck, project, tmp_path):
    arguments = ["holes", "--corpus", project / "corpus/seeds", "--json"]
    assert slotcheck(*arguments).stdout == slotcheck(*arguments, cwd=tmp_path).stdout


@pytest.mark.parametrize("function, area, field, change, caught", [
    # get_from_in_use_success: the domain, slots, obligations, the count before
    ("get_from_in_use_success", "slot_owners[idx]", "dom", "without the index", True),
    ("get_from_in_use_success", "slots[idx]", "addr()", "another slot's", True),
    ("get_from_in_use_success", "frame_obligations[idx]", "count", "one more", True),
    ("get_from_in_use_success", "pre.slot_owners[idx]", "ref_count.value()", "MAX", True),
    ("get_from_in_use_success", "pre.slot_owners[idx]", "ref_count.value()", "0", False),
    # get_from_unused_spec: what is stored, cell ids, slots, obligations, that it must be granted
    ("get_from_unused_spec", "slot_owners[idx]", "storage.value()", "another value", False),
    ("get_from_unused_spec", "slot_owners[idx]", "storage.id()", "another cell", True),
    ("get_from_unused_spec", "slots[idx]", "dom", "the opposite", True),
    ("get_from_unused_spec", "frame_obligations[idx]", "count", "one more", True),
    ("get_from_unused_spec", "the outcome", "refusal", "Err(InUse)", False),
    # slot_perm_reparked_spec: the permission at idx
    ("slot_perm_reparked_spec", "slots[idx]", "addr()", "another slot's", True),
    ("slot_perm_reparked_spec", "slots[idx]", "is_init()", "the opposite", True),
    # drop_last_in_place_safety_cond: the count UNIQUE
    ("drop_last_in_place_safety_cond", "pre.slot_owners[idx]", "ref_count.value()", "UNIQUE", True),
])
def test_known_holes_are_among_them(holes, function, area, field, change, caught):
    hole = holes[function][area, field, change]
    assert hole["accepted"] == hole["tried"] > 0
    assert (hole["uncaught"] == 0) == caught
    assert hole["example"]["program"].startswith("slotcheck program 2\n")


def test_every_example_runs(slotcheck, holes, tmp_path):
    texts = {
        hole["example"]["program"]
        for changes in holes.values()
        for hole in changes.values()
        if hole["accepted"]
    }
    for number, text in enumerate(sorted(texts)):
        (tmp_path / f"{number}.txt").write_text(text)
    result = slotcheck("run", "--json", tmp_path)
    assert result.returncode == 0
    assert all(json.loads(line)["skipped"] == 0 for line in result.stdout.splitlines())


def test_one_function(slotcheck, project):
    result = slotcheck("holes", "--corpus", project / "corpus/seeds", "-f", "wf")
    assert result.returncode == 0
    assert b"wf accepts" in result.stdout
    assert b"get_from_unused_spec accepts" not in result.stdout


def test_ledger(slotcheck, project, tmp_path):
    path = tmp_path / "holes.ledger"
    result = slotcheck("holes", "--corpus", project / "corpus/seeds", "--ledger", path)
    assert result.returncode == 0
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    decided = {fields[1] for fields in lines if fields[0] == "count" and int(fields[-1])}
    assert {"get_from_unused_spec/usage", "wf/storage", "exec/storage"} <= decided


@pytest.mark.parametrize("arguments, complaint", [
    (["--corpus", "no/such/folder"], "no/such/folder: No such file or directory"),
    (["--function", "no_such_function"], "no relation `no_such_function`"),
    (["--markdown", "--json"], "--markdown goes with none of the others"),
    (["extra"], "extra: no argument is expected"),
    (["--corpus", "EMPTY"], "the folder has no programs"),
    (["--corpus", "BROKEN"], "no operation `nonsense`"),
    (["--ledger", "no/such/folder/ledger"], "no/such/folder/ledger"),
])
def test_bad_input(slotcheck, project, tmp_path, arguments, complaint):
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "BROKEN").mkdir()
    (tmp_path / "BROKEN/case.txt").write_text("slotcheck program 2\nslots 4\nnonsense()\n")
    if "--corpus" not in arguments:
        arguments = [*arguments, "--corpus", project / "corpus/seeds"]
    result = slotcheck("holes", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    lines = result.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    assert complaint in lines[0]
    assert result.stdout == b""


def test_help_has_an_example(slotcheck):
    result = slotcheck("holes", "--help")
    assert result.returncode == 0
    assert b"./slotcheck holes --function" in result.stdout
