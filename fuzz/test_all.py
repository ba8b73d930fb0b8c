# SPDX-License-Identifier: MPL-2.0
"""`./slotcheck test`: builds and runs everything, step by step; goes on after a step that fails.

    SLOTCHECK_ROOT    the project
    SLOTCHECK_BUILD   folder for builds and logs
"""
from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

SHOWN_LINES = 60


@dataclass(frozen=True)
class Step:
    name: str
    command: list[str | Path]


def steps(root: Path, build: Path) -> list[Step]:
    launcher = root / "slotcheck"
    jobs = str(len(os.sched_getaffinity(0)))
    pytest: list[str | Path] = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]

    def built(preset: str) -> Step:
        return Step(f"build {preset}", [launcher, "build", preset])

    def tested(preset: str) -> Step:
        command = ["ctest", "--test-dir", build / preset, "-j", jobs, "--output-on-failure"]
        return Step(f"test {preset}", command)

    return [
        built("gcc"),
        tested("gcc"),
        Step("test command", [*pytest, root / "harness/tests", "--build", build / "gcc"]),
        built("clang"),
        tested("clang"),
        built("asan"),
        tested("asan"),
        built("msan"),
        tested("msan"),
        built("release"),
        built("libfuzzer"),
        built("libfuzzer-asan"),
        Step("test fuzzing", [*pytest, root / "fuzz/tests", "--builds", build]),
    ]


def run(step: Step, log: Path) -> bool:
    begin = time.monotonic()
    with open(log, "wb") as out:
        done = subprocess.run(
            step.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False
        )
    good = done.returncode == 0
    seconds = time.monotonic() - begin
    print(f"{'ok    ' if good else 'FAILED'}  {step.name:22} {seconds:5.1f} s", flush=True)
    if not good:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        print("\n".join(f"    {line}" for line in lines[-SHOWN_LINES:]))
        print(f"    all of it: {log}", flush=True)
    return good


def main() -> int:
    root, build = Path(os.environ["SLOTCHECK_ROOT"]), Path(os.environ["SLOTCHECK_BUILD"])
    logs = build / "log"
    try:
        logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"slotcheck test: {logs}: {error.strerror}", file=sys.stderr)
        return 2
    begin = time.monotonic()
    failed = [
        step.name
        for step in steps(root, build)
        if not run(step, logs / f"test-{step.name.replace(' ', '-')}.log")
    ]
    minutes = (time.monotonic() - begin) / 60
    if failed:
        print(f"{len(failed)} steps failed: {', '.join(failed)}; {minutes:.1f} minutes")
        return 1
    print(f"all tests passed; {minutes:.1f} minutes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
