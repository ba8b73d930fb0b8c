# SPDX-License-Identifier: MPL-2.0
"""Builds mutants, each in a folder of its own: a copy of the implementation, the patch, and out of
that a shared library for the command and a fuzz target for libFuzzer. The tree is only read.

Most of the time goes to compiling what the mutant has in common with the original. So a source that
the patch changes is compiled by itself; all others are taken from the build of the original or, if
the patch changes a header, compiled as one file that includes them.
"""
from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

from campaign.errors import CampaignError, Status
from campaign.files import write_atomically
from mutation import process
from mutation.patches import Mutant

SUBJECT = "subject.so"

# The original, built as the mutants are: no driver may find anything in it.
NONE = Mutant("none", "", "nothing", "", "", "")

COMMON_FLAGS = ("-std=c11", "-w", "-D_GNU_SOURCE", "-DMETASLOT_CHECKING=1")
# The lockstep is what takes the time; more of the optimiser would only make the builds slower.
SUBJECT_FLAGS = ("-Og", "-fPIC")
TARGET_OBJECTS = (
    "fuzz/CMakeFiles/lockstep.dir/targets/lockstep.c.o",
    "fuzz/CMakeFiles/lockstep.dir/targets/sanitizer_defaults.c.o",
)
MUTATOR_OBJECTS = (
    "fuzz/CMakeFiles/lockstep.dir/mutator/libfuzzer_mutator.c.o",
    "fuzz/CMakeFiles/lockstep.dir/mutator/mutator.c.o",
)
TARGET_LIBRARIES = (
    "fuzz/libslotcheck_fuzz.a",
    "harness/libslotcheck_harness.a",
    "oracle/libmetaslot_oracle.a",
)
# As in fuzz/CMakeLists.txt, so that the engine is guided as in a campaign.
COUNTERS = "inline-8bit-counters,pc-table"


@dataclass(frozen=True)
class Target:
    """How the fuzz target of a mutant is made."""

    name: str  # of the file, too
    preset: str  # where all that is not the mutant comes from
    compiler: str
    objects: tuple[str, ...]
    implementation_flags: tuple[str, ...]
    interface_flags: tuple[str, ...]

    @property
    def compiled(self) -> str:
        """The folder of what is compiled of the original: targets of one preset share it."""
        return self.preset

    @property
    def parts(self) -> tuple[str, ...]:
        """Of the preset's folder."""
        return self.objects + TARGET_LIBRARIES


LIBFUZZER = Target(
    name="lockstep",
    preset="libfuzzer",
    compiler="clang",
    objects=TARGET_OBJECTS + MUTATOR_OBJECTS,
    implementation_flags=("-O1", f"-fsanitize-coverage={COUNTERS}"),
    interface_flags=("-O1", f"-fsanitize-coverage=func,{COUNTERS}"),
)
LIBFUZZER_BYTES = replace(LIBFUZZER, name="lockstep-bytes", objects=TARGET_OBJECTS)
AFL = Target(
    name="lockstep-afl",
    preset="afl",
    compiler="afl-clang-fast",
    objects=TARGET_OBJECTS + MUTATOR_OBJECTS,
    implementation_flags=("-O1",),
    interface_flags=("-O1",),
)
LINK_FLAGS = ("-fsanitize=fuzzer", "-Wl,-S")
ENVIRONMENT = {"AFL_QUIET": "1"}
COMPILER_ERROR = re.compile(r"error:|undefined reference|multiple definition")
# A compiler that takes longer hangs.
COMPILE_SECONDS = 120


class DoesNotBuild(Exception):
    """One line that says which mutant, and why."""


@dataclass(frozen=True)
class Built:
    mutant: Mutant
    folder: Path
    key: str  # of all that it was made from
    seconds: float

    @property
    def subject(self) -> Path:
        return self.folder / SUBJECT

    def target(self, target: Target) -> Path:
        return self.folder / target.name


def digest(*parts: bytes) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "little") + part)
    return total.hexdigest()


def digest_of_files(files: list[Path]) -> str:
    return digest(*(part for file in files for part in (str(file).encode(), file.read_bytes())))


def version_of(compiler: str) -> bytes:
    done = subprocess.run([compiler, "--version"], capture_output=True, check=False)
    return done.stdout


def unity(sources: list[Path]) -> str:
    return "".join(f'#include "{source}"\n' for source in sources)


class Builder:
    def __init__(self, root: Path, build: Path, out: Path, targets: tuple[Target, ...]) -> None:
        self.root = root
        self.presets = build
        self.out = out
        self.targets = targets
        harness = root / "harness"
        self.interface = sorted((harness / "src").glob("builtin_subject*.c"))
        self.includes = (harness / "src", harness / "include", root / "oracle/include")
        self.entry = Path(__file__).with_name("subject.c")
        self.key = self._key_of_inputs()

    def _key_of_inputs(self) -> str:
        """All that a mutant is made from but its patch."""
        files = [
            *(self.root / "impl/include").rglob("*.h"),
            *(self.root / "impl/src").rglob("*.[ch]"),
            *self._dependencies(),
            Path(__file__),
        ]
        compilers = [version_of("cc")]
        for target in self.targets:
            files += [self.presets / target.preset / name for name in target.parts]
            compilers.append(target.name.encode() + version_of(target.compiler))
        return digest(digest_of_files(sorted(set(files))).encode(), *compilers)

    def _dependencies(self) -> list[Path]:
        """What of the tree is compiled, beside the implementation."""
        sources = [str(source) for source in (*self.interface, self.entry)]
        words = ["cc", *self._flags(self.root), "-MM", *sources]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CampaignError(f"cc -MM: {done.stderr.strip()}", Status.INTERNAL)
        words = done.stdout.replace("\\\n", " ").split()
        return [Path(word) for word in words if not word.endswith(":")]

    # --- one mutant -------------------------------------------------------------------------------

    def build(self, mutant: Mutant) -> Built:
        folder = self.out / mutant.name
        key = digest(self.key.encode(), mutant.patch.encode())
        record = folder / "built.json"
        try:
            built = json.loads(record.read_text(encoding="utf-8"))
            if built["key"] == key:
                return Built(mutant, folder, key, float(built["seconds"]))
        except (OSError, ValueError, KeyError, TypeError):
            pass
        begin = time.monotonic()
        shutil.rmtree(folder, ignore_errors=True)
        self._copy(folder)
        self._apply(mutant, folder)
        self._compile(mutant, folder)
        seconds = round(time.monotonic() - begin, 3)
        write_atomically(record, json.dumps({"key": key, "seconds": seconds}) + "\n")
        return Built(mutant, folder, key, seconds)

    def _copy(self, folder: Path) -> None:
        try:
            for part in ("include", "src"):
                shutil.copytree(self.root / "impl" / part, folder / "impl" / part)
        except (OSError, shutil.Error) as error:
            raise CampaignError(f"{folder}: {error}", Status.WRONG_USE) from error

    def _apply(self, mutant: Mutant, folder: Path) -> None:
        if not mutant.patch:
            return
        words = ["patch", "-p1", "--fuzz=0", "--forward", "--no-backup-if-mismatch"]
        done = process.run(words, folder, seconds=COMPILE_SECONDS, text=mutant.patch)
        if done.status != 0:
            lines = [line for line in done.stdout.splitlines() if "FAILED" in line]
            why = lines[0] if lines else (done.stdout + done.stderr).strip().split("\n")[-1]
            raise DoesNotBuild(f"{mutant.name}: does not apply: {why}")

    def _compile(self, mutant: Mutant, folder: Path) -> None:
        if mutant == NONE:
            self._compile_original(folder)
        changed = [Path(name).name for name in mutant.files]
        parts = Parts(
            folder=folder,
            original=self.out / NONE.name,
            changed=[name for name in changed if (folder / "impl/src" / name).exists()],
            with_headers=any(name.endswith(".h") for name in changed),
        )
        self._link_subject(mutant, parts)
        for target in self.targets:
            self._link_target(mutant, parts, target)

    def _compile_original(self, folder: Path) -> None:
        """Every source by itself."""
        implementation = sorted((folder / "impl/src").glob("*.c"))
        flags = self._flags(folder)
        (folder / "subject").mkdir()
        sources = [*implementation, *self.interface, self.entry]
        self._call(NONE, folder / "subject", ["cc", *flags, *SUBJECT_FLAGS, "-c", *map(str, sources)])
        for target in {target.compiled: target for target in self.targets}.values():
            (folder / target.compiled).mkdir()
            for sources, how in ((implementation, target.implementation_flags),
                                 (self.interface, target.interface_flags)):
                self._call(NONE, folder / target.compiled,
                           [target.compiler, *flags, *how, "-c", *map(str, sources)])

    def _link_subject(self, mutant: Mutant, parts: Parts) -> None:
        shared = [*parts.rest, *self.interface, self.entry]
        sources = parts.own + parts.shared("subject", "shared.c", shared)
        words = ["cc", *self._flags(parts.folder), *SUBJECT_FLAGS, "-shared", "-Wl,-z,defs"]
        self._call(mutant, parts.folder, [*words, *sources, "-o", SUBJECT])

    def _link_target(self, mutant: Mutant, parts: Parts, target: Target) -> None:
        flags = self._flags(parts.folder)
        libraries = self.presets / target.preset
        inputs = [str(libraries / name) for name in target.objects]
        # The mutant's own come first, so that nothing of the original is taken from a library.
        for sources, how in (
            (parts.own + parts.shared(target.compiled, "rest.c", parts.rest),
             target.implementation_flags),
            (parts.shared(target.compiled, "interface.c", self.interface), target.interface_flags),
        ):
            to_compile = [source for source in sources if source.endswith(".c")]
            if to_compile:
                self._call(mutant, parts.folder, [target.compiler, *flags, *how, "-c", *to_compile])
            inputs += [str(Path(source).with_suffix(".o").name) if source in to_compile else source
                       for source in sources]
        inputs += [str(libraries / name) for name in TARGET_LIBRARIES]
        words = [target.compiler, *LINK_FLAGS, *inputs, "-ldl", "-o", target.name]
        self._call(mutant, parts.folder, words)

    def _flags(self, folder: Path) -> list[str]:
        includes = [folder / "impl/include", folder / "impl/src", *self.includes]
        return [*COMMON_FLAGS, *(f"-I{include}" for include in includes)]

    def _call(self, mutant: Mutant, folder: Path, words: list[str]) -> None:
        done = process.run(words, folder, seconds=COMPILE_SECONDS, environment=ENVIRONMENT)
        if done.status != 0:
            lines = [line for line in done.stderr.splitlines() if COMPILER_ERROR.search(line)]
            why = lines[0] if lines else done.complaint
            raise DoesNotBuild(f"{mutant.name}: does not compile: {why}")


@dataclass(frozen=True)
class Parts:
    """Of what a mutant is made: sources to compile and objects of the original."""

    folder: Path
    original: Path
    changed: list[str]
    with_headers: bool

    @property
    def sources(self) -> list[Path]:
        return sorted((self.folder / "impl/src").glob("*.c"))

    @property
    def own(self) -> list[str]:
        return [str(source) for source in self.sources if source.name in self.changed]

    @property
    def rest(self) -> list[Path]:
        return [source for source in self.sources if source.name not in self.changed]

    def shared(self, objects: str, name: str, sources: list[Path]) -> list[str]:
        """Sources that the patch does not change: one to compile, or the original's objects."""
        if not self.with_headers:
            return [str(self.original / objects / f"{source.stem}.o") for source in sources]
        (self.folder / name).write_text(unity(sources), encoding="utf-8")
        return [str(self.folder / name)]
