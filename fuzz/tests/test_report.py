# SPDX-License-Identifier: MPL-2.0
"""What a person reads while a campaign runs, and at its end."""
from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from campaign.counts import Counts, parse_counts
from campaign.errors import CampaignError, Status
from campaign.findings import Finding, State
from campaign.report import (
    MAX_SHOWN_FINDINGS,
    Output,
    Progress,
    StatusLine,
    Summary,
    findings_text,
    operations_table,
    short_number,
    short_time,
)

# --- counts ---------------------------------------------------------------------------------------

STATS = {
    "programs": 100,
    "divergences": 1,
    "operations": {"frame_drop": {"Ok": 40}, "get_slot": {"Ok": 5, "OutOfBound": 7}},
    "skipped": {"frame_drop": {"no handle": 3}, "get_slot": {}},
    "clauses": {"a/b": 10, "a/c": 0, "d/e": 2},
    "not_judged": [],
    "cells": {"seen": 30, "lost": 0, "scope": 25, "seen_of_scope": 20},
}


def test_counts() -> None:
    counts = parse_counts(json.dumps(STATS))
    assert counts.programs == 100
    assert counts.executed == 52
    assert counts.clauses_seen == 2
    assert counts.clauses_unseen == ["a/c"]
    assert (counts.cells, counts.cells_of_scope, counts.scope) == (30, 20, 25)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"programs": 1}', "{nonsense"])
def test_not_counts(text: str) -> None:
    with pytest.raises(ValueError):
        parse_counts(text)


# --- what is shown --------------------------------------------------------------------------------


def progress(**changes: object) -> Progress:
    values = dict(
        elapsed=12.3,
        left=47.7,
        counts=parse_counts(json.dumps(STATS)),
        per_second=252_057.0,
        edges=345,
        corpus=67,
        findings=1,
    )
    return Progress(**(values | changes))  # type: ignore[arg-type]


def test_status_line() -> None:
    assert progress().line() == (
        "12s, 48s left | 100 programs, 252k/s | 52 operations | 345 edges | corpus 67 | clauses 2/3"
        " | 1 finding"
    )


def test_a_library_without_coverage() -> None:
    assert "| no coverage |" in progress(edges=1).line()


def test_plain_lines_every_ten_seconds() -> None:
    out = io.StringIO()
    status = StatusLine(out)
    shown = []
    for tenth in range(0, 350):
        if status.is_due(tenth / 10):
            status.show(progress(elapsed=tenth / 10))
            shown.append(tenth / 10)
    status.end()
    assert shown == [10, 20, 30]
    assert out.getvalue().count("\n") == 3


@pytest.mark.parametrize(
    "value, text",
    [(0, "0"), (9999, "9999"), (12_345, "12.3k"), (252_057, "252k"), (2e9, "2.0G")],
)
def test_short_number(value: float, text: str) -> None:
    assert short_number(value) == text


@pytest.mark.parametrize(
    "seconds, text",
    [(9.91, "9.9s"), (9, "9s"), (59.9, "59s"), (150, "2m30s"), (7260, "2h01m")],
)
def test_short_time(seconds: float, text: str) -> None:
    assert short_time(seconds) == text


def test_operations_table() -> None:
    assert operations_table(parse_counts(json.dumps(STATS))).splitlines() == [
        "operation   Ok  OutOfBound  (no handle)",
        "frame_drop  40           .            3",
        "get_slot     5           7            .",
        "in brackets: why operations were skipped",
    ]
    assert operations_table(Counts()) == ""


def summary(*findings: Finding, **changes: object) -> Summary:
    values = dict(subject="builtin", engine="ensemble", jobs=2, progress=progress(),
                  corpus_folder="out/corpus", findings=list(findings), fixed=[],
                  regressions="out/regressions", status=Status.DIVERGENCE)
    return Summary(**(values | changes))  # type: ignore[arg-type]


def printed(what: Summary) -> str:
    out = io.StringIO()
    what.print(out)
    return out.getvalue()


def test_summary() -> None:
    finding = Finding(Path("out/x.y"), replay="./slotcheck run out/x.y/case")
    finding.take_runs(5, 5)
    shown = summary(finding, fixed=["old"], series="out/series.csv")
    text = printed(shown)
    assert "2 of 3 clauses were evaluated; never: a/c" in text
    assert "20 of 25 cells (80 %) of the exhaustive scope were seen, and 10 beyond it" in text
    assert "1 finding:\n  x.y\n      ./slotcheck run out/x.y/case\n" in text
    assert "fixed/ and in out/regressions/: old" in text
    assert "2 jobs of ensemble" in text
    record = json.loads(json.dumps(shown.as_dict()))
    assert record["status"] == 1
    assert record["findings"][0]["case"] == "out/x.y/case"
    assert (record["engine"], record["series"], record["fixed"]) == (
        "ensemble", "out/series.csv", ["old"])


@pytest.mark.parametrize("stability, said", [(None, False), (100.0, False), (99.5, True)])
def test_a_subject_that_keeps_something_is_told(stability: float | None, said: bool) -> None:
    shown = summary(progress=progress(stability=stability))
    assert (f"a stability of {stability} %" in printed(shown)) == said
    assert shown.as_dict()["stability"] == stability


@pytest.mark.parametrize(
    "runs, failures, known, came_back, note",
    [
        (5, 5, False, False, ""),
        (5, 5, True, False, "   (known from an earlier run)"),
        (5, 5, False, True, "   (had been fixed)"),
        (5, 2, False, False, "   (happened again 2 of 5 times)"),
        (5, 0, True, False,
         "   (known from an earlier run; did not happen again when it was replayed)"),
    ],
)
def test_notes_on_a_finding(
    runs: int, failures: int, known: bool, came_back: bool, note: str
) -> None:
    finding = Finding(Path("out/x.y"), is_new=not known, came_back=came_back)
    finding.take_runs(runs, failures)
    assert findings_text([finding]).splitlines()[1] == f"  x.y{note}"


def test_more_findings_than_anybody_reads() -> None:
    findings = [Finding(Path(f"out/{n}"), State.REPRODUCED) for n in range(MAX_SHOWN_FINDINGS + 2)]
    text = findings_text(findings)
    assert text.startswith(f"{MAX_SHOWN_FINDINGS + 2} findings:")
    assert text.endswith("  and 2 more in the same folder")
    assert findings_text([]) == "no findings"


def test_the_log_of_a_crash_is_named(tmp_path: Path) -> None:
    finding = Finding(tmp_path)
    finding.log.touch()
    assert findings_text([finding]).endswith(f"\n      log: {finding.log}")


@pytest.mark.parametrize("elapsed, left", [(10.0, 50.0), (754.0, 28_020.0), (6_420.0, 22_380.0)])
def test_an_80_column_terminal_shows_everything(elapsed: float, left: float) -> None:
    counts = Counts(
        programs=1_512_000_000,
        operations={"frame_drop": {"Ok": 35_200_000_000}},
        clauses={f"a/{number}": 1 for number in range(125)},
    )
    shown = progress(elapsed=elapsed, left=left, counts=counts, edges=241, corpus=2495)
    line = shown.fitted_line(79)
    assert len(line) <= 79
    for part in (" left ", " 1 ", " 1.5G ", "252k/s", "ops 35G", "cov 241", " 2495 ", " 125/125"):
        assert part in line
    assert shown.fitted_line(200) == shown.line()
    assert len(shown.fitted_line(20)) == 20


def test_a_full_device_is_one_line() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        output = Output(full, "stdout")
        output.write("x")
        with pytest.raises(CampaignError, match="stdout: No space left on device"):
            output.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
