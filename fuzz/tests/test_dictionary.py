# SPDX-License-Identifier: MPL-2.0
"""The dictionaries for engines say what the program format says."""
from __future__ import annotations

import re

import dictionary
from campaigns import ROOT


def test_dictionaries_are_up_to_date() -> None:
    for path, content in dictionary.dictionaries().items():
        assert path.read_text(encoding="utf-8") == content, "run fuzz/dictionary.py"


def entries_of(content: str) -> list[tuple[str, str]]:
    return re.findall(r'^(\w+)="(.+)"$', content, re.M)


def test_dictionaries_have_every_operation() -> None:
    names = [f"op_{operation.name}" for operation in dictionary.read_operations(dictionary.OPS)]
    assert len(names) == 69 and "op_list_new" in names
    for content in dictionary.dictionaries().values():
        assert [name for name, _ in entries_of(content) if name.startswith("op_")] == names


def test_dictionary_entries_are_ones_that_an_engine_takes() -> None:
    for content in dictionary.dictionaries().values():
        names = [name for name, _ in entries_of(content)]
        assert len(names) == content.count("=\"") == len(set(names))
        for _, value in entries_of(content):
            assert len(re.sub(r"\\x..", "x", value)) <= 64


def test_operands_in_dictionaries_are_as_wide_as_in_programs() -> None:
    source = (ROOT / "harness/src/ops.c").read_text(encoding="utf-8")
    widths = {kind: int(width) for kind, width in re.findall(r"WIDTH_(\w+) = (\d),", source)}
    assert {kind: len(value) for kind, value in dictionary.OPERAND_BYTES.items()} == widths


def test_every_word_of_an_operand_is_in_the_text_dictionary() -> None:
    source = (ROOT / "harness/src/program_text.c").read_text(encoding="utf-8")
    words = set(re.findall(r'\{OPERAND_\w+, "(\w+)"', source))
    for names in re.findall(r"\*const (?:META_TYPES|USAGES)\[\w+\] = \{(.*?)\};", source):
        words |= set(re.findall(r"\w+", names))
    assert {"p", "oob", "seg", "UNIQUE", "probe", "mmio"} <= words
    shown = [re.match(r"\w*?(?=\d|\W|$)", text)[0] for _, text, _ in dictionary.TEXTS]
    assert words <= set(shown)
