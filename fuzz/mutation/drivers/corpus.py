# SPDX-License-Identifier: MPL-2.0
"""The seeds and the regressions, in the order of their names."""
from __future__ import annotations

from pathlib import Path

from campaign.errors import Status
from mutation import process
from mutation.build import Built, digest_of_files
from mutation.drivers.base import DriverError, Outcome, Setting, refused
from mutation.records import alone, diverges, parsed

FOLDERS = ("corpus/seeds", "corpus/regressions")
# A case that takes as long is a finding. All of them take a hundredth of a second.
CASE_SECONDS = 5


def cases(root: Path) -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((root / folder).glob("*"))
            if path.is_file() and not path.name.startswith(".")]


class Corpus:
    name = "corpus"
    executions = "programs"
    targets = ()
    is_default = True
    presets: tuple[str, ...] = ()

    def settings(self, setting: Setting) -> dict[str, str | int | float]:
        files = cases(setting.root)
        return {"programs": len(files), "digest": digest_of_files(files)}

    def run(self, setting: Setting, built: Built, scratch: Path) -> Outcome:
        files = cases(setting.root)
        words = [str(setting.command), "run", "--json", "--subject", str(built.subject)]
        words += [f"--timeout={CASE_SECONDS}"]
        # Those that come after the first divergence are for the clauses. Cases that hang shall not
        # be waited for one by one.
        done = process.run([*words, *map(str, files)], scratch, seconds=1.5 * CASE_SECONDS)
        records = parsed(done.stdout)
        found = [number for number, record in enumerate(records) if diverges(record)]
        if found:
            witnesses = {name for number in found if (name := alone(records[number]))}
            first = found[0]
            return Outcome(True, first + 1, done.seconds, Path(records[first]["file"]),
                           record=records[first], alone=tuple(sorted(witnesses)))
        if refusal := refused(done):
            return refusal
        if done.status != Status.AGREEMENT or len(records) != len(files):
            raise DriverError(f"run: {done.complaint}")
        return Outcome(False, len(files), done.seconds)
