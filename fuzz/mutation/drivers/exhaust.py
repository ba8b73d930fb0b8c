# SPDX-License-Identifier: MPL-2.0
"""All programs up to a depth, some operations at a time: all of them together would not go deep
enough."""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.errors import Status
from mutation import process
from mutation.build import Built
from mutation.drivers.base import DriverError, Outcome, Setting, refused
from mutation.process import Ended


@dataclass(frozen=True)
class Search:
    """What `slotcheck exhaust` is to go through."""

    ops: str
    depth: int
    slots: int = 2

    @property
    def name(self) -> str:
        return f"{self.ops} in {self.slots} slots to depth"


# Half a second for each, or so.
SEARCHES = (
    Search("all", 2),
    Search("setup,slot", 4),
    Search("setup,frame,unique,node", 5),
    Search("setup_list_id,list,unique", 6),
    Search("list,unique", 8),
    Search("list,unique,slot,repr", 4),
    Search("setup,segment,frame", 4),
    Search("boot,map,frame", 4),
    Search("all", 2, slots=3),
    Search("segment", 4, slots=3),
)
# An operation that takes as long is a finding; a search that takes as long is an error.
OPERATION_SECONDS = 5
SEARCH_SECONDS = 600


def searches(setting: Setting) -> tuple[Search, ...]:
    """All operations together to the depth asked for come last: they take longest."""
    if setting.depth is None:
        return SEARCHES
    return (*SEARCHES, Search("all", setting.depth))


class Exhaust:
    name = "exhaust"
    executions = "transitions"
    targets = ()
    is_default = True
    presets: tuple[str, ...] = ()

    def settings(self, setting: Setting) -> dict[str, str | int | float]:
        return {search.name: search.depth for search in searches(setting)}

    def run(self, setting: Setting, built: Built, scratch: Path) -> Outcome:
        executions, seconds = 0, 0.0
        for search in searches(setting):
            words = [str(setting.command), "exhaust", "--subject", str(built.subject), "--json"]
            words += [f"--slots={search.slots}", f"--depth={search.depth}", f"--ops={search.ops}"]
            words += [f"--timeout={OPERATION_SECONDS}", f"--out={scratch}"]
            done = process.run(words, scratch, seconds=SEARCH_SECONDS)
            if refusal := refused(done):
                return refusal
            record = record_of(done)
            executions += record["transitions"]
            seconds += done.seconds
            if finding := record["finding"]:
                note = f"{search.name} {search.depth}"
                case = scratch / "finding.txt"
                case.write_text(finding["program"], encoding="utf-8")
                return Outcome(
                    True, executions, seconds, case, note, signature=finding["signature"]
                )
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
