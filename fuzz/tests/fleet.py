# SPDX-License-Identifier: MPL-2.0
"""Builds of the targets as fleets have them, by build.sh."""
from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD_SH = ROOT / "fuzz/build.sh"
# Where it builds by itself, so that a second run of the tests has little to do.
WORK = Path(os.environ.get("SLOTCHECK_BUILD", ROOT / "build")) / "fleet"
# What somebody may have in the environment, and would change what is built.
FUZZING = re.compile(r"[A-Z_]*(?:FLAGS|OPTIONS)|CC|CXX|SRC|OUT|WORK|JOBS|LIB_FUZZING_ENGINE|AFL_.*|"
                     r"SLOTCHECK_.*|SANITIZER|FUZZING_ENGINE|ARCHITECTURE")

# As OSS-Fuzz's script `compile` hands it over: base-clang's flags, and those of a coverage build.
FLEET_FLAGS = ("-O1 -fno-omit-frame-pointer -gline-tables-only "
               "-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -fprofile-instr-generate "
               "-fcoverage-mapping -pthread -Wl,--no-as-needed -Wl,-ldl -Wl,-lm "
               "-Wno-unused-command-line-argument")


def clean_environment(**variables: str | Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not FUZZING.fullmatch(name)}
    return clean | {name: str(value) for name, value in variables.items()}


def build(script: list[str | Path], **variables: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(script, env=clean_environment(**variables), cwd="/", text=True,
                          capture_output=True)


def build_by_hand(engine: str, sanitizer: str, out: Path) -> None:
    result = build([BUILD_SH], OUT=out, WORK=WORK, FUZZING_ENGINE=engine, SANITIZER=sanitizer)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr
    assert "warning:" not in result.stdout + result.stderr


def build_as_a_fleet(sanitizer: str, out: Path, source: Path) -> None:
    """As in the image: the sources below $SRC, and the script that the Dockerfile copies there."""
    source.mkdir()
    (source / "slotcheck").symlink_to(ROOT)
    shutil.copy(ROOT / ".clusterfuzzlite/build.sh", source)
    out.mkdir()
    result = build(["bash", "-eux", source / "build.sh"], SRC=source, OUT=out, WORK=WORK,
                   FUZZING_ENGINE="libfuzzer", SANITIZER=sanitizer, FUZZING_LANGUAGE="c",
                   ARCHITECTURE=platform.machine(), CC="clang", CXX="clang++",
                   CFLAGS=FLEET_FLAGS, CXXFLAGS=FLEET_FLAGS, LIB_FUZZING_ENGINE="-fsanitize=fuzzer")
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]


class Fleet:
    """Folders of targets, each built when it is first asked for, and no longer where it was made."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.folders: dict[tuple[str, str], Path] = {}

    def out(self, engine: str, sanitizer: str) -> Path:
        if (engine, sanitizer) not in self.folders:
            made = self.base / f"{engine}-{sanitizer}"
            if sanitizer == "coverage":
                build_as_a_fleet(sanitizer, made, self.base / "src")
            else:
                build_by_hand(engine, sanitizer, made)
            elsewhere = self.base / "elsewhere"
            elsewhere.mkdir(exist_ok=True)
            self.folders[engine, sanitizer] = made.rename(elsewhere / made.name)
        return self.folders[engine, sanitizer]
