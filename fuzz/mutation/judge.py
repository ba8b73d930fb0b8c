# SPDX-License-Identifier: MPL-2.0
"""What a driver has found: its case made small, and what of the specification it breaks."""
from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from campaign.errors import Status
from mutation import process
from mutation.build import Built
from mutation.drivers import DriverError, Outcome, Setting
from mutation.records import alone, diverges, parsed

OPERATION_LINE = re.compile(r"^\w+\(", re.MULTILINE)
# What a case that hangs takes; see `slotcheck run --timeout`.
CASE_SECONDS = 5
SHRINK_SECONDS = 60


@dataclass
class Result:
    """One mutant and one driver."""

    killed: bool
    executions: int
    seconds: float
    note: str = ""
    error: str = ""  # the driver failed, and nothing is known
    signature: str = ""
    verdict: str = ""
    clauses: list[str] = field(default_factory=list)
    # That detect it, here or in another program of the driver, and no other clause with them.
    alone: list[str] = field(default_factory=list)
    case: str = ""
    operations: int = 0
    shrunk: bool = False

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def shrunk_case(setting: Setting, built: Built, case: Path, scratch: Path) -> Path | None:
    small = scratch / "shrunk.txt"
    words = [str(setting.command), "shrink", "--subject", str(built.subject), str(case)]
    done = process.run([*words, "-o", str(small)], scratch, seconds=SHRINK_SECONDS)
    # A case that does not get smaller within its time is shown as it is.
    if done.status not in (Status.AGREEMENT, Status.DIVERGENCE) or not small.exists():
        return None
    return small


def record_of(setting: Setting, built: Built, case: Path, scratch: Path) -> dict[str, Any] | None:
    """None: it does not diverge."""
    words = [str(setting.command), "run", "--json", f"--timeout={CASE_SECONDS}"]
    words += ["--subject", str(built.subject), str(case)]
    done = process.run(words, scratch, seconds=3 * CASE_SECONDS)
    records = parsed(done.stdout)
    if len(records) != 1:
        raise DriverError(f"{case}: {done.complaint}")
    return records[0] if diverges(records[0]) else None


def judge(setting: Setting, built: Built, outcome: Outcome, scratch: Path) -> Result:
    result = Result(outcome.killed, outcome.executions, round(outcome.seconds, 3), outcome.note)
    if outcome.case is None:
        result.verdict = "refused" if outcome.killed else ""
        return result
    small = shrunk_case(setting, built, outcome.case, scratch)
    record = record_of(setting, built, small or outcome.case, scratch)
    result.shrunk = small is not None
    if record is None:
        # What it had done before, in the same process, is part of it.
        result.note = "only after other programs"
        result.signature = outcome.signature
        record = outcome.record
    if record is not None:
        fill_in(result, record)
    result.alone = sorted({*outcome.alone, *result.alone})
    return result


def fill_in(result: Result, record: dict[str, Any]) -> None:
    result.signature = record["signature"]
    result.verdict = record["verdict"]
    result.clauses = [clause["id"] for clause in record["clauses"]]
    result.alone = list(filter(None, [alone(record)]))
    result.case = record["program"]
    result.operations = len(OPERATION_LINE.findall(record["program"]))
