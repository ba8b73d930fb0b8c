# SPDX-License-Identifier: MPL-2.0
"""What is run, and the programs that run it."""
from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from campaign.entry import complain
from campaign.errors import CampaignError, Status
from campaign.files import is_text
from mutation.records import diverges, parsed
from source_coverage.slots import read_slot

# As the user calls it, in what is said on stderr.
COMMAND = "coverage"
PROGRAMS = ("corpus/seeds", "corpus/regressions")
SLOTS = "corpus/repr"
# How a target ends that has found nothing: the other number is for one that took no input at all.
FINE = (0, 2)


@dataclass(frozen=True)
class Corpus:
    programs: list[Path]  # files and folders
    slots: list[Path]  # files


def own_corpus(root: Path) -> Corpus:
    """The project's."""
    programs = [near(root / folder) for folder in PROGRAMS if (root / folder).exists()]
    return Corpus(programs, files_of([near(root / SLOTS)]))


def near(path: Path) -> Path:
    """As somebody here would call it."""
    return Path(os.path.relpath(path))


def corpus_of(paths: list[Path]) -> Corpus:
    for path in paths:
        if not path.exists():
            raise CampaignError(f"{path}: No such file or directory")
    return Corpus(paths, [])


def files_of(paths: Iterable[Path]) -> list[Path]:
    """As `slotcheck run` finds them: what is hidden is none."""
    files = []
    for path in paths:
        if path.is_dir():
            visible = (inner for inner in path.iterdir() if not inner.name.startswith("."))
            files += files_of(sorted(visible))
        else:
            files.append(path)
    return files


class Runs:
    """The runs of a corpus. What they count is in `profiles`, a file for each."""

    def __init__(self, build: Path, scratch: Path) -> None:
        self.command = build / "harness/slotcheck"
        self.targets = [build / "fuzz/lockstep", build / "fuzz/repr"]
        self.profiles = scratch / "profiles"
        self.scratch = scratch
        self.profiles.mkdir()

    @property
    def binaries(self) -> list[Path]:
        return [self.command, *self.targets]

    def run(self, profile: str | None, *words: str | Path, quiet: bool = False) -> Ended:
        """Complaints go to stderr at once, unless `quiet`. Counters are written where they are
        counted (%c), because `run` runs the cases in a child, which ends as children do."""
        name = f"{self.profiles}/{profile}-%c.profraw" if profile else os.devnull
        done = subprocess.run(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if quiet else None,
            env=os.environ | {"LLVM_PROFILE_FILE": name},
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr or b"")

    def run_programs(self, corpus: Corpus) -> int:
        """As both specifications have it. The number of programs."""
        words: list[str | Path] = [self.command, "run", "--json", *corpus.programs]
        done = self.run("run", *words)
        records = parsed(done.stdout.decode())
        for record in filter(diverges, records):
            complain(COMMAND, f"{record['file']}: diverges; {record['replay']} shows how")
        end_unless(done.status == Status.AGREEMENT, done.status)
        # By the verified sources some of the seeds diverge, as corpus/README.md says.
        words = [self.command, "run", "--quiet", "--spec", "vostd", *corpus.programs]
        done = self.run("run-vostd", *words)
        end_unless(done.status in (Status.AGREEMENT, Status.DIVERGENCE), done.status)
        return len(records)

    def run_wrong_states(self, corpus: Corpus) -> None:
        """Clauses come out false only where something is wrong."""
        for number, path in enumerate(corpus.programs):
            done = self.run(f"holes-{number}", self.command, "holes", "--json", "--corpus", path)
            end_unless(done.status == Status.AGREEMENT, done.status)

    def run_targets(self, corpus: Corpus) -> None:
        programs = self.packed("programs", files_of(corpus.programs), self.pack)
        slots = self.packed("slots", corpus.slots, pack_slot)
        lockstep, repr_ = self.targets
        self.run_target(lockstep, [programs])
        # Of programs it takes the bytes, too.
        self.run_target(repr_, [programs, slots])

    def packed(
        self, name: str, files: list[Path], pack: Callable[[Path, Path], None]
    ) -> dict[Path, Path]:
        """A folder of inputs, each with the file that it is made of."""
        folder = self.scratch / name
        folder.mkdir()
        inputs = {folder / str(number): path for number, path in enumerate(files)}
        for to, path in inputs.items():
            pack(path, to)
        return inputs

    def pack(self, path: Path, to: Path) -> None:
        if not is_text(path.read_bytes()):
            shutil.copyfile(path, to)
            return
        done = self.run(None, self.command, "pack", path, "-o", to)
        end_unless(done.status == Status.AGREEMENT, done.status)

    def run_target(self, target: Path, inputs: list[dict[Path, Path]]) -> None:
        """On whole folders; one by one only if that fails."""
        folders = [next(iter(packed)).parent for packed in inputs if packed]
        if self.run(target.name, target, *folders, quiet=True).status in FINE:
            return
        for packed, path in (item for some in inputs for item in some.items()):
            done = self.run(None, target, packed, quiet=True)
            if done.status not in FINE:
                message = f"{path}: {target.name}: {done.complaint}"
                raise CampaignError(message, Status.DIVERGENCE)
        raise CampaignError(f"{target.name} fails, and on no input alone", Status.INTERNAL)


def pack_slot(path: Path, to: Path) -> None:
    try:
        to.write_bytes(read_slot(path, path.read_text(encoding="utf-8")))
    except UnicodeDecodeError:
        raise CampaignError(f"{path}: not a text") from None


@dataclass(frozen=True)
class Ended:
    status: int  # below zero: the signal
    stdout: bytes
    stderr: bytes

    @property
    def complaint(self) -> str:
        lines = self.stderr.decode(errors="replace").strip().splitlines()
        return (lines or [f"status {self.status}"])[0].removeprefix("slotcheck: ")


def end_unless(good: bool, status: int) -> None:
    """Something went wrong in a program, which has said what."""
    if good:
        return
    known = status in (Status.DIVERGENCE, Status.WRONG_USE)
    raise SystemExit(status if known else Status.INTERNAL)
