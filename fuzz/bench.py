# SPDX-License-Identifier: MPL-2.0
"""`./slotcheck bench`: the implementation beside bare instructions, judged beside bare operations,
Hypothesis' state machines beside empty ones, and the lockstep under libFuzzer beside an empty
target; each pair in turn, medians, in one run.

    bench [--json]
"""
from __future__ import annotations

import json
import os
import shutil
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from campaign.afl import MUTATOR_ENVIRONMENT, AflSettings, read_stats

ROUNDS = 5
# A run of AFL++ that takes longer hangs.
LIMIT_SECONDS = 120
SLOTS = "16"
# 16 executed operations a program is what to compare at; they get fewer over the runs, hence the
# margin. And lengths between which programs have so many.
OPERATIONS = 17.2
SHORTEST, LONGEST = 64, 512
# Enough runs to last some seconds: starting up, and what is new at first, shall not count for much.
RUNS = {"libfuzzer": 800_000, "libfuzzer-asan": 250_000, "afl": 150_000}
EMPTY_RUNS = {"libfuzzer": 6_000_000, "libfuzzer-asan": 3_000_000, "afl": 150_000}
GOALS = {"libfuzzer": 0.08, "libfuzzer-asan": 0.04, "afl": 0.75}
IMPL_GOAL, JUDGED_GOAL, MACHINE_GOAL = 1.2, 20.0, 0.6
# Pairs for which no goal was set: the bare side leaves out what a library must do.
NO_GOAL = ("linked_list_", "segment_")
# What programs are made of, by program format.
PROGRAMS = {1: "slots and frames", 2: "with lists, segments, mappings"}


class BenchError(Exception):
    """One line for the user."""


def output_of(*words: str | Path) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise BenchError(f"{words[0]} failed: {lines[-1]}")
    return done.stdout


def children_seconds() -> float:
    """CPU time: the same on a machine that is busy with something else."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


# --- under the engine -----------------------------------------------------------------------------


@dataclass
class Run:
    per_second: float  # of CPU time
    operations: float  # executed, of a program, on average
    skipped: float


@dataclass
class EngineResult:
    preset: str
    programs: str
    empty_per_second: float
    lockstep_per_second: float
    share: float
    operations: float
    skipped: float
    max_len: int


class EngineBench:
    """Both targets begin with the same corpus, a fresh copy for each run, in memory."""

    def __init__(self, build: Path, work: Path, program_format: int) -> None:
        self.build = build
        self.format = str(program_format)
        self.command = build / "release/harness/slotcheck"
        self.programs = work / "programs"
        self.corpus = work / "corpus"
        self.stats = work / "stats"
        shutil.rmtree(self.programs, ignore_errors=True)
        self.programs.mkdir()
        writer = build / "release/harness/bench/bench_lockstep"
        output_of(writer, self.format, "--programs", self.programs)

    def run(self, preset: str, target: str, runs: int, max_len: int) -> Run:
        shutil.rmtree(self.corpus, ignore_errors=True)
        shutil.copytree(self.programs, self.corpus)
        self.stats.unlink(missing_ok=True)
        words: list[str | Path] = [self.build / preset / "fuzz" / target, self.corpus]
        # -entropic as in a campaign, and nothing that changes over the time.
        words += [f"-runs={runs}", f"-max_len={max_len}", "-len_control=0", "-entropic=0"]
        environment = os.environ | {
            "SLOTCHECK_SLOTS": SLOTS,
            "SLOTCHECK_FORMAT": self.format,
            "SLOTCHECK_STATS": str(self.stats),
        }
        before = children_seconds()
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            env=environment,
            cwd=self.stats.parent,
            check=False,
        )
        seconds = children_seconds() - before
        if done.returncode != 0:
            raise BenchError(f"{words[0]} ended with status {done.returncode}")
        operations, skipped = self.average() if target == "lockstep" else (0.0, 0.0)
        return Run(runs / seconds, operations, skipped)

    def average(self) -> tuple[float, float]:
        counts = json.loads(output_of(self.command, "stats", self.stats))

        def total(of: str) -> int:
            return sum(sum(row.values()) for row in counts[of].values())

        return total("operations") / counts["programs"], total("skipped") / counts["programs"]

    def fitting_length(self, preset: str) -> int:
        """The -max_len with which programs have 16 executed operations on average."""
        low, high = SHORTEST, LONGEST
        while high - low > 4:
            middle = (low + high) // 2
            if self.run(preset, "lockstep", RUNS[preset] // 3, middle).operations < OPERATIONS:
                low = middle
            else:
                high = middle
        return high

    def measure(self, preset: str, max_len: int) -> EngineResult:
        empty, lockstep = [], []
        for _ in range(ROUNDS):
            empty.append(self.run(preset, "empty", EMPTY_RUNS[preset], max_len))
            lockstep.append(self.run(preset, "lockstep", RUNS[preset], max_len))
        shares = [b.per_second / a.per_second for a, b in zip(empty, lockstep)]
        return EngineResult(
            preset=preset,
            programs=PROGRAMS[int(self.format)],
            empty_per_second=statistics.median(run.per_second for run in empty),
            lockstep_per_second=statistics.median(run.per_second for run in lockstep),
            share=statistics.median(shares),
            operations=statistics.median(run.operations for run in lockstep),
            skipped=statistics.median(run.skipped for run in lockstep),
            max_len=max_len,
        )


class AflBench(EngineBench):
    """afl-fuzz and its target take turns, so both are pinned to one CPU; and as nobody adds up the
    CPU time of processes that are killed, it is the clock that counts."""

    def __init__(self, build: Path, work: Path, program_format: int, with_mutator: bool) -> None:
        super().__init__(build, work, program_format)
        self.mutator = build / "release/fuzz/afl_mutator.so" if with_mutator else None

    def run(self, preset: str, target: str, runs: int, max_len: int) -> Run:
        shutil.rmtree(self.corpus, ignore_errors=True)
        self.stats.unlink(missing_ok=True)
        settings = AflSettings(
            target=self.build / preset / "fuzz" / target,
            seeds=self.programs,
            out=self.corpus,
            dictionary=Path(__file__).with_name("lockstep.dict"),
            mutator=self.mutator,
            max_size=max_len,
        )
        environment = settings.environment() | MUTATOR_ENVIRONMENT | {
            # Without the mutator the engine's own mutations are all there is.
            "AFL_CUSTOM_MUTATOR_ONLY": "1" if self.mutator else "",
            "SLOTCHECK_SLOTS": SLOTS,
            "SLOTCHECK_FORMAT": self.format,
            "SLOTCHECK_STATS": str(self.stats),
        }
        cpu = min(os.sched_getaffinity(0))
        done = subprocess.run(
            settings.command(LIMIT_SECONDS, runs),
            capture_output=True,
            text=True,
            env=os.environ | {name: value for name, value in environment.items() if value},
            preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),
            check=False,
        )
        stats = read_stats(settings.folder)
        if done.returncode != 0 or "execs_per_sec" not in stats:
            raise BenchError(f"afl-fuzz ended with status {done.returncode}")
        operations, skipped = self.average() if target == "lockstep" else (0.0, 0.0)
        return Run(float(stats["execs_per_sec"]), operations, skipped)


# --- state machines -------------------------------------------------------------------------------


def show_machines(results: list[dict[str, Any]]) -> None:
    print(
        "\nsteps a CPU second of state machines, beside empty ones of as many rules and arguments"
        f" (goal: at least {MACHINE_GOAL:.0%})"
    )
    for result in results:
        print(
            f"  {result['machine']:14} {result['rules']} rules"
            f"  judged {result['judged_per_second']:6,.0f}/s"
            f"  empty {result['empty_per_second']:6,.0f}/s  {result['share']:6.1%}"
            f"{verdict(result['share'] >= MACHINE_GOAL)};"
            f" with rules chosen by one number {result['picked_per_second']:6,.0f}/s"
            f"  {result['share_of_picked']:6.1%}"
        )


# --- all of it ------------------------------------------------------------------------------------


def verdict(good: bool) -> str:
    return "" if good else "   MISSED"


def show_implementation(result: dict[str, Any]) -> None:
    print(f"implementation beside bare instructions (goal for frames: at most {IMPL_GOAL} x)")
    for pair in result["pairs"]:
        print(
            f"  {pair['name']:40} {pair['impl_ns']:7.1f} ns  {pair['bare_ns']:7.1f} ns"
            f"  {pair['ratio']:5.2f} x"
            f"{verdict(pair['ratio'] <= IMPL_GOAL or pair['name'].startswith(NO_GOAL))}"
        )


def judge(benches: Path, program_format: int) -> dict[str, Any]:
    words = [benches / "bench_lockstep", str(program_format)]
    judged: dict[str, Any] = json.loads(output_of(*words))
    judged["programs"] = PROGRAMS[program_format]
    profiled = benches / "bench_phases"
    if profiled.exists():
        judged["phases"] = json.loads(output_of(profiled, str(program_format)))
    return judged


def show_judged(results: list[dict[str, Any]]) -> None:
    print(f"\na judged operation beside the bare one, 16 slots (goal: at most {JUDGED_GOAL:.0f} x)")
    for judged in results:
        print(
            f"  {judged['programs']:40} {judged['judged_ns']:7.1f} ns"
            f"  {judged['bare_ns']:7.1f} ns  {judged['ratio']:5.2f} x"
            f"{verdict(judged['ratio'] <= JUDGED_GOAL)}"
        )
        if "phases" in judged:
            shares = ", ".join(f"{name} {share:.0%}" for name, share in judged["phases"].items())
            print(f"    of which {shares}")


def show_engine(result: EngineResult) -> None:
    # The goals were set when there were slots and frames only.
    has_goal = result.programs == PROGRAMS[1]
    goal = GOALS[result.preset]
    print(
        f"  {result.preset:14} {result.programs:30} lockstep {result.lockstep_per_second:9,.0f}/s"
        f"  empty {result.empty_per_second:9,.0f}/s  {result.share:6.1%}"
        f"{f', goal {goal:.0%}' if has_goal else ''};"
        f" {result.operations:.1f} operations executed, {result.skipped:.1f} skipped"
        f"{verdict(result.share >= goal or not has_goal)}"
    )


def bench(build: Path, as_json: bool) -> None:
    benches = build / "release/harness/bench"
    record: dict[str, Any] = {}

    record["impl"] = json.loads(output_of(build / "release/impl/bench_impl", "--json"))
    if not as_json:
        show_implementation(record["impl"])

    machines = Path(__file__).parents[1] / "harness/py/bench.py"
    record["machines"] = json.loads(output_of(sys.executable, machines))
    if not as_json:
        show_machines(record["machines"])

    record["judged"] = [judge(benches, program_format) for program_format in PROGRAMS]
    if not as_json:
        show_judged(record["judged"])
        print("\nprograms a CPU second under libFuzzer, 16 slots, beside an empty target")

    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="slotcheck-", dir=memory) as work:
        record["engine"] = []
        for preset, program_format in [*((p, 1) for p in RUNS), ("libfuzzer", 2)]:
            engine = EngineBench(build, Path(work), program_format)
            result = engine.measure(preset, engine.fitting_length(preset))
            record["engine"].append(asdict(result))
            if not as_json:
                show_engine(result)
        record["afl"] = []
        if not as_json:
            print("\nexecutions a second under AFL++, fuzzer and target on one CPU")
        for program_format, with_mutator in [(1, False), (1, True), (2, True)]:
            afl = AflBench(build, Path(work), program_format, with_mutator)
            result = afl.measure("afl", afl.fitting_length("afl"))
            result.programs += ", mutator" if with_mutator else ""
            record["afl"].append(asdict(result))
            if not as_json:
                show_engine(result)
    if as_json:
        print(json.dumps(record, indent=2))


def main(argv: list[str]) -> int:
    if argv not in ([], ["--json"]):
        print("slotcheck bench: it takes only --json; ./slotcheck bench --help", file=sys.stderr)
        return 2
    try:
        bench(Path(os.environ["SLOTCHECK_BUILD"]), argv == ["--json"])
    except (BenchError, OSError, ValueError) as error:
        print(f"slotcheck bench: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
