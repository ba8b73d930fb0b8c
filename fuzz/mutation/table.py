# SPDX-License-Identifier: MPL-2.0
"""What a person reads of a matrix."""
from __future__ import annotations

import textwrap

from campaign.report import counted, short_number
from mutation.clauses import Clause, nr_needed
from mutation.judge import Result
from mutation.matrix import MARKS, Matrix
from mutation.patches import Mutant


def columns(rows: list[list[str]]) -> str:
    """The first columns to the left, numbers to the right, the last one as long as it is."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    numbers = [all(is_number(row[i]) for row in rows[1:]) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, numbers)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def is_number(cell: str) -> bool:
    return cell == "-" or cell[:1].isdigit()


def executions_of(result: Result | None) -> str:
    if result is None:
        return ""
    if result.error:
        return "error"
    return str(result.executions) if result.killed else "-"


def smallest(matrix: Matrix, mutant: Mutant) -> Result | None:
    kills = [result for _, result in matrix.kills(mutant)]
    return min(kills, key=lambda result: result.operations, default=None)


def first_of(small: Result | None) -> str:
    """The clause that says first what is wrong, or what else is known."""
    if small is None:
        return "-"
    return small.clauses[0] if small.clauses else small.note or small.verdict


def mutants_table(matrix: Matrix) -> str:
    rows = [["mutant", "kind", *(driver.name for driver in matrix.drivers), "ops", "first clause"]]
    for mutant in matrix.mutants:
        small = smallest(matrix, mutant)
        rows.append(
            [
                mutant.name,
                mutant.kind,
                *(executions_of(matrix.of(mutant, driver)) for driver in matrix.drivers),
                str(small.operations) if small else "-",
                first_of(small),
            ]
        )
    return columns(rows)


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def drivers_table(matrix: Matrix) -> str:
    whole = len(matrix.counted)
    rows = [["driver", "killed", *(f"within {short_number(mark)}" for mark in MARKS), "counts"]]
    for driver in matrix.drivers:
        rows.append(
            [
                driver.name,
                f"{matrix.killed_within(driver, None)} of {whole}",
                *(share(matrix.killed_within(driver, mark), whole) for mark in MARKS),
                driver.executions,
            ]
        )
    return columns(rows)


def listed(title: str, mutants: list[Mutant], why: str) -> str:
    if not mutants:
        return ""
    width = max(len(mutant.name) for mutant in mutants)
    lines = [wrapped(f"    {m.name.ljust(width)}  {getattr(m, why)}", width + 6) for m in mutants]
    return "\n".join([f"\n{title}", *lines]) + "\n"


def wrapped(line: str, indent: int) -> str:
    return textwrap.fill(line, max(100, indent + 40), subsequent_indent=" " * indent)


def matrix_text(matrix: Matrix) -> str:
    kept = [m for m in matrix.mutants if m not in matrix.wrong_labels]
    return "".join(
        [
            "\n" + mutants_table(matrix),
            "\n" + drivers_table(matrix),
            listed("survivors, which nothing has detected:", matrix.survivors, "breaks"),
            listed("open, not counted; they need:", [m for m in kept if m.open], "open"),
            listed("equivalent, not counted:", [m for m in kept if m.equivalent], "equivalent"),
            listed("called open or equivalent, and detected:", matrix.wrong_labels, "breaks"),
        ]
    )


def verdict_text(matrix: Matrix) -> str:
    total = len(matrix.counted)
    return f"{total - len(matrix.survivors)} of {counted(total, 'mutant')} detected"


def clauses_text(clauses: list[Clause], all_of_them: bool) -> str:
    of_mutants = sum(1 for clause in clauses if clause.mutants)
    of_holes = sum(1 for clause in clauses if clause.holes)
    summary = (
        f"\n{len(clauses)} clauses: {of_mutants} alone detect some mutant, {of_holes} some wrong"
        f" post-state, {nr_needed(clauses)} one or the other\n"
    )
    if not all_of_them:
        return summary
    rows = [["clause", "states", "mutants", "or why there is neither"]]
    for clause in clauses:
        witness = clause.mutants[0] if clause.mutants else clause.reason or ""
        rows.append([clause.id, str(clause.holes), str(len(clause.mutants)), witness])
    return summary + "\n" + columns(rows)
