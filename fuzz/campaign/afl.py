# SPDX-License-Identifier: MPL-2.0
"""AFL++: its command line, the settings that it takes from the environment, and what it writes."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# What an input may take, in milliseconds; a divergence that is shrunk in the target takes seconds.
TIMEOUT_MS = 5000
MAX_SIZE = 512

# It draws a screen, binds itself to a free CPU and refuses machines that are not set up for it,
# unless it is told not to.
ENVIRONMENT = {
    "AFL_NO_UI": "1",
    "AFL_NO_COLOR": "1",
    "AFL_NO_AFFINITY": "1",
    "AFL_SKIP_CPUFREQ": "1",
    "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1",
    "AFL_NO_CRASH_README": "1",
    "AFL_FORKSRV_INIT_TMOUT": "60000",
}
# With the mutator there are so many inputs worth keeping that trimming each byte by byte, and running
# it eight times more to time it, would take most of the executions.
MUTATOR_ENVIRONMENT = {
    "AFL_CUSTOM_MUTATOR_ONLY": "1",
    "AFL_DISABLE_TRIM": "1",
    "AFL_FAST_CAL": "1",
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
    flags: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where this process keeps its queue, its crashes and its statistics."""
        return self.out / (self.name or "default")

    def command(self, seconds: int, runs: int | None = None) -> list[str]:
        words = ["afl-fuzz", "-i", str(self.seeds), "-o", str(self.out)]
        words += ["-x", str(self.dictionary), "-G", str(MAX_SIZE), "-t", str(TIMEOUT_MS)]
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
        """Beside ENVIRONMENT. An earlier run in the same folder is gone on with."""
        own = {"AFL_AUTORESUME": "1", "AFL_SYNC_TIME": "1", "AFL_FINAL_SYNC": "1"}
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
