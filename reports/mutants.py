# SPDX-License-Identifier: MPL-2.0
"""Makes a page of a matrix of mutants: one file that needs nothing else, the plot included.

It knows the record only, see fuzz/mutation/matrix.py. gnuplot draws, jinja2 fills in the page.
"""
from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jinja2

RECORD_VERSION = 1
PAGE = "mutants.html.jinja2"
KILL_TIMES = "kill-times.md.jinja2"
# Where the axis of executions begins and ends.
FIRST, LAST = 1, 1_000_000
# One for each driver; readable without colours, too.
DASHES = ("1", "2", "4", "5", "3")


class ReportError(Exception):
    """One line for the user."""


def load(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from error
    except ValueError:
        raise ReportError(f"{path}: not JSON") from None
    if not isinstance(record, dict) or record.get("kind") != "mutants":
        raise ReportError(f"{path}: no record of mutants")
    if record.get("record_version") != RECORD_VERSION:
        version = record.get("record_version")
        raise ReportError(f"{path}: a record of version {version}; known is {RECORD_VERSION}")
    return record


# --- the plot -------------------------------------------------------------------------------------


def is_counted(mutant: dict[str, Any]) -> bool:
    return not mutant["open"] and not mutant["equivalent"]


def kill_counts(record: dict[str, Any], driver: str) -> list[int]:
    """After how many executions the driver detected what it did, in order."""
    results = [mutant["results"][driver] for mutant in record["mutants"] if is_counted(mutant)]
    return sorted(result["executions"] for result in results if result and result["killed"])


def curve(record: dict[str, Any], driver: str) -> list[tuple[int, float]]:
    """The share that is detected, at each number of executions at which it changes."""
    whole = record["counted"] or 1
    points = [(FIRST, 0.0)]
    for number, executions in enumerate(kill_counts(record, driver), start=1):
        points.append((max(executions, FIRST), 100 * number / whole))
    last = max(LAST, points[-1][0])
    return [*points, (last, points[-1][1])]


def plot_script(record: dict[str, Any]) -> str:
    lines = [
        "set terminal svg size 860,420 dynamic font 'sans-serif,13' background 'white'",
        "set logscale x",
        "set format x '10^{%L}'",
        "set xrange [1:*]",
        "set yrange [0:100]",
        "set xlabel 'executions'",
        "set ylabel 'mutants detected, %'",
        "set key bottom right",
        "set grid ytics linecolor rgb '#dddddd'",
    ]
    for mark in marks(record):
        lines.append(
            f"set arrow from {mark}, graph 0 to {mark}, graph 1 nohead linecolor rgb '#999999' dt 3"
        )
    plots = []
    for number, driver in enumerate(record["drivers"]):
        name = f"$driver{number}"
        points = "\n".join(f"{x} {y:.3f}" for x, y in curve(record, driver["name"]))
        lines.append(f"{name} << END\n{points}\nEND")
        label = f"{driver['name']} ({driver['executions']})"
        dash = DASHES[number % len(DASHES)]
        plots.append(f"{name} using 1:2 with steps lw 2 dt {dash} title '{label}'")
    return "\n".join([*lines, "plot " + ", ".join(plots)]) + "\n"


def marks(record: dict[str, Any]) -> list[int]:
    return sorted({int(mark) for driver in record["drivers"] for mark in driver["killed_within"]})


def draw(record: dict[str, Any]) -> str:
    """The plot as an element of a page."""
    if not record["drivers"]:
        return ""
    done = subprocess.run(
        ["gnuplot"], input=plot_script(record), capture_output=True, text=True, check=False
    )
    if done.returncode != 0 or "<svg" not in done.stdout:
        raise ReportError(f"gnuplot: {(done.stderr.strip() or 'no plot').splitlines()[-1]}")
    return done.stdout[done.stdout.index("<svg") :]


# --- the page -------------------------------------------------------------------------------------


def smallest_kill(mutant: dict[str, Any]) -> dict[str, Any] | None:
    kills = [result for result in mutant["results"].values() if result and result["killed"]]
    return min(kills, key=lambda result: result["operations"], default=None)


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def number(value: float | None) -> str:
    """A dash: most mutants were missed."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}"


def missed_by(driver: dict[str, Any], record: dict[str, Any]) -> list[str]:
    counted = filter(is_counted, record["mutants"])
    results = {mutant["name"]: mutant["results"][driver["name"]] for mutant in counted}
    return [name for name, result in results.items() if not (result and result["killed"])]


def template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=name.endswith(".html.jinja2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["share"] = share
    environment.filters["missed_by"] = missed_by
    environment.filters["number"] = number
    return environment.get_template(name)


def page(record: dict[str, Any]) -> str:
    return template(PAGE).render(
        record=record,
        marks=marks(record),
        plot=draw(record),
        smallest=smallest_kill,
        survivors=[m for m in record["mutants"] if m["name"] in record["survivors"]],
    )


def kill_times(record: dict[str, Any]) -> str:
    return template(KILL_TIMES).render(record=record, marks=marks(record)).rstrip() + "\n"


def write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description="Makes a page of matrix.json, as ./slotcheck mutants writes it.",
        epilog="example: python3 reports/mutants.py out/mutants/matrix.json -o report.html",
    )
    parser.add_argument("matrix", type=Path)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("-o", "--output", type=Path, help="the page")
    what.add_argument("--kill-times", type=Path, metavar="DIR",
                      help="instead write the table and the plot alone there: kill-times.md, .svg")
    arguments = parser.parse_args(argv)
    try:
        record = load(arguments.matrix)
        if arguments.output:
            write(arguments.output, page(record))
        else:
            write(arguments.kill_times / "kill-times.md", kill_times(record))
            write(arguments.kill_times / "kill-times.svg", draw(record) + "\n")
    except ReportError as error:
        print(f"slotcheck: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"slotcheck: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
