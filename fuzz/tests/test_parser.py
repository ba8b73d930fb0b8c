# SPDX-License-Identifier: MPL-2.0
"""What is wrong with a command line is one line, and names the command whose help says more."""
from __future__ import annotations

from collections.abc import Callable

import pytest

import corpora.arguments
import mutation.arguments
import source_coverage.arguments
from campaign.errors import CampaignError
from campaign.parser import Parser


@pytest.mark.parametrize("command, parse, words", [
    ("corpus", corpora.arguments.parse_arguments, ["stats", "x", "--frob"]),
    ("corpus", corpora.arguments.parse_arguments, ["frob"]),
    # Of the options that its commands share.
    ("corpus", corpora.arguments.parse_arguments, ["stats", "x", "--slots", "0"]),
    ("corpus", corpora.arguments.parse_arguments, ["stats", "x", "--js"]),
    ("coverage", source_coverage.arguments.parse_arguments, ["--frob"]),
    ("mutants", mutation.arguments.parse_arguments, ["--runs", "x"]),
])
def test_complaints(command: str, parse: Callable[[list[str]], object], words: list[str]) -> None:
    with pytest.raises(CampaignError) as caught:
        parse(words)
    message = str(caught.value)
    assert "\n" not in message and message.endswith(f"; ./slotcheck {command} --help")


def test_options_are_written_out_and_help_is_none_of_them() -> None:
    parser = Parser("fuzz")
    parser.add_argument("--jobs")
    assert parser.prog == "slotcheck fuzz"
    for word in ("--job=1", "--help", "-h"):
        with pytest.raises(CampaignError, match="unrecognized"):
            parser.parse_args([word])
