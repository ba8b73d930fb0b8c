# SPDX-License-Identifier: MPL-2.0
"""All programs up to a depth, a family of operations at a time: all of them together would not go
deep enough."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from campaign.errors import Status
from mutation import process
from mutation.build import Built
from mutation.drivers.base import DriverError, Outcome, Setting, refused
from mutation.process import Ended

SLOTS = 2
# What `slotcheck exhaust --ops` takes, and how deep. Half a second for each, or so.
FAMILIES = (
    ("all", 2),
    ("setup,slot", 4),
    ("setup,frame,unique,node", 5),
    ("setup_list_id,list,unique", 6),
    ("list,unique,slot,repr", 4),
    ("setup,segment,frame", 4),
    ("boot,map,frame", 4),
)
# An operation that takes as long is a finding; a search that takes as long is an error.
OPERATION_SECONDS = 5
FAMILY_SECONDS = 600


def searches(setting: Setting) -> tuple[tuple[str, int], ...]:
    """All operations together come last: nothing else is found after them."""
    if setting.depth is None:
        return FAMILIES
    return (*FAMILIES[1:], ("all", setting.depth))


class Exhaust:
    name = "exhaust"
    executions = "transitions"
    needs_target = False

    def settings(self, setting: Setting) -> dict[str, str | int | float]:
        families = searches(setting)
        return {"slots": SLOTS} | {f"depth of {family}": depth for family, depth in families}

    def run(self, setting: Setting, built: Built, scratch: Path) -> Outcome:
        executions, seconds = 0, 0.0
        for family, depth in searches(setting):
            words = [str(setting.command), "exhaust", "--subject", str(built.subject), "--json"]
            words += [f"--slots={SLOTS}", f"--depth={depth}", f"--ops={family}"]
            words += [f"--timeout={OPERATION_SECONDS}", f"--out={scratch}"]
            done = process.run(words, scratch, seconds=FAMILY_SECONDS)
            if refusal := refused(done):
                return refusal
            record = record_of(done)
            executions += record["transitions"]
            seconds += done.seconds
            if finding := record["finding"]:
                note = f"{family}, depth {depth}"
                return Outcome(True, executions, seconds, Path(finding["case"]), note,
                               signature=finding["signature"])
        return Outcome(False, executions, seconds)


def record_of(done: Ended) -> dict[str, Any]:
    """A program that does not diverge by itself is a finding as well, though a status of its own:
    then the subject keeps something from one program to the next."""
    try:
        record: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        record = {"finding": None}
    if done.status != Status.AGREEMENT and record["finding"] is None:
        raise DriverError(f"exhaust: {done.complaint}")
    return record
