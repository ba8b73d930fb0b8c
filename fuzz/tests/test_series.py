# SPDX-License-Identifier: MPL-2.0
"""The time series: what is written stays, and what a power cut leaves of a row is passed over."""
from __future__ import annotations

from pathlib import Path

import pytest

from campaign.series import NAMES, ROW_SECONDS, Row, Series, read_rows, spent_seconds


def row(seconds: float, executions: int = 0) -> Row:
    return Row(seconds, 10, 20, executions, 40, 50, 60, 70, 80, 90)


def begun(path: Path, goes_on: bool) -> Series:
    series = Series(path, goes_on)
    series.begin()
    return series


@pytest.fixture
def path(tmp_path: Path) -> Path:
    series = begun(tmp_path / "series.csv", goes_on=False)
    for number in (1, 2, 3):
        series.write(row(number * 5.1, number * 1000), elapsed=number * 5.1)
    return series.path


def test_rows(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0] == ("seconds,programs,operations,libfuzzer_executions,afl_executions,edges,"
                        "clauses,cells,corpus,findings") == ",".join(NAMES)
    assert lines[2] == "10.2,10,20,2000,40,50,60,70,80,90"
    assert read_rows(path) == [row(5.1, 1000), row(10.2, 2000), row(3 * 5.1, 3000)]
    assert spent_seconds(path) == 3 * 5.1


def test_nothing_was_written_yet(tmp_path: Path) -> None:
    path = tmp_path / "series.csv"
    assert read_rows(path) == [] and spent_seconds(path) == 0
    series = begun(path, goes_on=True)
    assert (series.spent, series.libfuzzer_executions, series.afl_executions) == (0, 0, 0)
    assert path.read_text() == ",".join(NAMES) + "\n"


@pytest.mark.parametrize(
    "torn", ["2", "20", "20.4,", "20.4,10,20,4000", "20.4,10,20,4000,40,50,60,70,80,", "\x00" * 9,
             "20.4,10,20,4000,40,50,60,70,80,9"]
)
def test_a_torn_last_row_is_passed_over(path: Path, torn: str) -> None:
    whole = read_rows(path)
    with open(path, "a", encoding="utf-8") as file:
        file.write(torn)
    assert read_rows(path) == whole
    series = begun(path, goes_on=True)
    assert series.spent == 3 * 5.1 and series.libfuzzer_executions == 3000
    series.write(row(25.0), 25.0)
    assert read_rows(path) == [*whole, row(25.0)]
    assert path.read_text().count("\n") == 5


def test_a_resumed_campaign_goes_on_from_the_last_row(path: Path) -> None:
    series = begun(path, goes_on=True)
    assert (series.spent, series.libfuzzer_executions) == (3 * 5.1, 3000)
    assert series.afl_executions == 40
    assert len(read_rows(path)) == 3
    assert not list(path.parent.glob("series-*.csv"))


def test_another_campaign_in_the_folder_begins_anew(path: Path) -> None:
    """What earlier ones have written stays, each under a name of its own."""
    earlier = read_rows(path)
    for number in (1, 2):
        series = begun(path, goes_on=False)
        assert (series.spent, series.libfuzzer_executions, series.afl_executions) == (0, 0, 0)
        assert read_rows(path) == []
        series.write(row(number), number)
    assert read_rows(path.with_name("series-1.csv")) == earlier
    assert read_rows(path.with_name("series-2.csv")) == [row(1)]
    assert read_rows(path) == [row(2)]


@pytest.mark.parametrize("goes_on", [True, False])
def test_nothing_is_written_before_it_begins(path: Path, goes_on: bool) -> None:
    """A campaign that is refused leaves the rows of the one before."""
    with open(path, "a", encoding="utf-8") as file:
        file.write("20.4,10")
    before = path.read_bytes()
    Series(path, goes_on)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("garbage", ["", "\n", "hello\n", "a,b\n1,2\n", "\x00\xff", "\n\n,,,\n"])
def test_garbage_has_no_rows(tmp_path: Path, garbage: str) -> None:
    path = tmp_path / "series.csv"
    path.write_text(garbage)
    assert read_rows(path) == []
    assert Series(path, goes_on=True).spent == 0


def test_a_row_every_few_seconds(tmp_path: Path) -> None:
    series = begun(tmp_path / "series.csv", goes_on=False)
    written = []
    for tenth in range(200):
        if series.is_due(tenth / 10):
            series.write(row(tenth / 10), tenth / 10)
            written.append(tenth / 10)
    assert written == [ROW_SECONDS, 2 * ROW_SECONDS, 3 * ROW_SECONDS]
