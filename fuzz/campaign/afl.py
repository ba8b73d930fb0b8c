# SPDX-License-Identifier: MPL-2.0
"""AFL++: its command line, the settings that it takes from the environment, and what it writes."""
from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from campaign.job import Job, Place

# What it says of its seeds, one after the other. One that stops the target it passes over.
DRY_RUN = re.compile(r"Attempting dry run with '.*?orig:(.+?)'")
BAD_SEED = re.compile(r"Oops, the program crashed|results in a (crash|timeout)")

PERCENTAGE = re.compile(r"(\d+(?:\.\d+)?)%")
# Of plot_data, what a campaign tells of: executions, edges, inputs kept.
COUNTS = ("total_execs", "edges_found", "corpus_count")

# What an input may take, in milliseconds; a divergence that is shrunk in the target takes seconds.
TIMEOUT_MS = 5000
MAX_SIZE = 512

# It draws a screen, binds itself to a free CPU and refuses machines that are not set up for it,
# unless it is told not to.
ENVIRONMENT = {
    "AFL_NO_UI": "1",
    "AFL_NO_AFFINITY": "1",
    "AFL_SKIP_CPUFREQ": "1",
    "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1",
    "AFL_NO_CRASH_README": "1",
    "AFL_FORKSRV_INIT_TMOUT": "60000",
    # A target that gives up, see fuzz_session.c, is seen as if it crashed; else nobody would notice.
    "AFL_CRASH_EXITCODE": "2",
}
# With the mutator there are so many inputs worth keeping that trimming each byte by byte, and running
# it eight times more to time it, would take most of the executions.
MUTATOR_ENVIRONMENT = {
    "AFL_CUSTOM_MUTATOR_ONLY": "1",
    "AFL_DISABLE_TRIM": "1",
    "AFL_FAST_CAL": "1",
}
# Flags that the campaign sets itself, or that make it something else than a fuzzer.
RESERVED_FLAGS = {
    "-i": "the campaign has its seeds",
    "-o": "use --out",
    "-M": "use --jobs",
    "-S": "use --jobs",
    "-V": "use --time",
    "-E": "use --runs",
    "-t": "the campaign tells hangs by it",
    "-n": "it is no fuzzing",
    "-h": "try ./slotcheck fuzz --help",
}


@dataclass(frozen=True)
class AflSettings:
    """One process of afl-fuzz; one without a name is the only one in its folder."""

    target: Path
    seeds: Path  # a folder with at least one input; programs that stop the engine are passed over
    out: Path
    dictionary: Path
    name: str = ""
    is_main: bool = False
    mutator: Path | None = None
    cmplog: Path | None = None  # the target once more, with the log of comparisons
    foreign: tuple[Path, ...] = ()  # folders of other engines, which only the main process reads
    schedule: str = "fast"
    max_size: int = MAX_SIZE
    flags: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where this process keeps its queue, its crashes and its statistics."""
        return self.out / (self.name or "default")

    def command(self, seconds: int, runs: int | None = None) -> list[str]:
        words = ["afl-fuzz", "-i", str(self.seeds), "-o", str(self.out)]
        words += ["-x", str(self.dictionary), "-G", str(self.max_size), "-t", str(TIMEOUT_MS)]
        words += ["-p", self.schedule, "-V", str(seconds)]
        if self.name:
            words += ["-M" if self.is_main else "-S", self.name]
        if self.cmplog is not None:
            words += ["-c", str(self.cmplog)]
        for folder in self.foreign if self.is_main else ():
            words += ["-F", str(folder)]
        if runs is not None:
            words += ["-E", str(runs)]
        return [*words, *self.flags, "--", str(self.target)]

    def environment(self) -> dict[str, str]:
        """Beside ENVIRONMENT. An earlier run in the same folder is gone on with. AFL_FINAL_SYNC is
        not among them: version 4.04 does not know it, and waits two seconds because of that; the
        campaign collects all queues at its end anyway."""
        own = {"AFL_AUTORESUME": "1", "AFL_SYNC_TIME": "1"}
        if self.mutator is not None:
            own |= MUTATOR_ENVIRONMENT | {"AFL_CUSTOM_MUTATOR_LIBRARY": str(self.mutator)}
        return ENVIRONMENT | own


def read_stats(folder: Path) -> dict[str, str]:
    """What fuzzer_stats says; empty as long as there is none."""
    try:
        text = (folder / "fuzzer_stats").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def crashes(folder: Path) -> list[Path]:
    """Inputs that ended the target, and that did not return."""
    return sorted([*folder.glob("crashes/id:*"), *folder.glob("hangs/id:*")])


class AflJob(Job):
    engine = "afl"

    def __init__(self, number: int, sanitized: bool, place: Place, settings: AflSettings) -> None:
        super().__init__(number, sanitized, place)
        self.settings = settings
        self.environment |= settings.environment()
        self.taken: set[str] = set()
        self.before = 0  # executions of earlier runs in its folder, which it goes on counting from
        self._seed = ""
        self._bad_seeds: list[Path] = []

    def command(self, seconds: int, runs: int | None) -> list[str]:
        return self.settings.command(seconds, None if runs is None else self.before + runs)

    def start(self, seconds: int, runs: int | None) -> None:
        done = read_stats(self.settings.folder).get("execs_done", "")
        self.before = int(done) if done.isdigit() else 0
        super().start(seconds, runs)

    def read_line(self, line: str) -> None:
        self.status.loaded = self.status.loaded or "All set and ready to roll" in line
        if match := DRY_RUN.search(line):
            self._seed = match[1]
        elif self._seed and BAD_SEED.search(line):
            self._bad_seeds.append(self.settings.seeds / self._seed)
            self._seed = ""

    def look(self) -> None:
        folder, status = self.settings.folder, self.status
        if row := last_row(folder / "plot_data"):
            executions, status.edges, status.corpus = (int(row[name]) for name in COUNTS)
            status.executions = max(0, executions - self.before)
        if match := PERCENTAGE.fullmatch(read_stats(folder).get("stability", "")):
            status.stability = float(match[1])

    def take_inputs(self) -> list[Path]:
        """What it has found itself since the last call. What came from others is theirs."""
        found = [
            path
            for path in self.settings.folder.glob("queue/id:*")
            if path.name not in self.taken and "sync:" not in path.name and "orig:" not in path.name
        ]
        self.taken.update(path.name for path in found)
        return sorted(found)

    def next_crash(self) -> Path | None:
        """An input that ended the target, or did not return, and was not asked for before."""
        for path in [*self._bad_seeds, *crashes(self.settings.folder)]:
            if str(path) not in self.taken:
                self.taken.add(str(path))
                return path
        return None


def last_row(path: Path) -> dict[str, str]:
    """The last whole line of plot_data, by the names in its first one; empty if there is none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    # What has no end may have lost digits.
    lines = text[: text.rfind("\n") + 1].splitlines()
    names = [name.strip() for name in lines[0].lstrip("# ").split(",")] if lines else []
    for line in reversed(lines[1:]):
        row = dict(zip(names, (value.strip() for value in line.split(","))))
        if all(row.get(name, "").isdigit() for name in COUNTS):
            return row
    return {}
