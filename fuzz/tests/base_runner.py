# SPDX-License-Identifier: MPL-2.0
"""What OSS-Fuzz's image base-runner does with a folder of targets, as far as tests need it: how it
finds targets (test_all.py), what it runs them with (Dockerfile, run_fuzzer, parse_options.py), and
what it refuses (bad_build_check). Names and numbers are theirs, from infra/base-images/base-runner.
"""
from __future__ import annotations

import configparser
import os
import re
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

# bad_build_check: calls of a sanitizer's runtime, at least in a build with it, at most in others.
AT_LEAST = {"address": ("asan", 1000), "memory": ("msan", 1000), "undefined": ("ubsan", 169)}
AT_MOST = {"asan": 0, "dfsan": 0, "msan": 3, "ubsan": 200}
MIN_EDGES = 100
MIN_RUNS = 4
# On x86-64 and on AArch64, as objdump of GNU and of LLVM print it.
CALL = re.compile(r"\b(?:callq?|bl)\s+(?:0x)?[0-9a-f]+\s+<__([a-z]+san)")

TARGET_NAME = re.compile(r"[a-zA-Z0-9_-]+")
# The documentation, efficient fuzzing: seeds that are larger hardly help.
MAX_SEED = 1 << 20

# Dockerfile.
ENVIRONMENT = {
    "ASAN_OPTIONS": "alloc_dealloc_mismatch=0:allocator_may_return_null=1:"
                    "allocator_release_to_os_interval_ms=500:check_malloc_usable_size=0:"
                    "detect_container_overflow=1:detect_odr_violation=0:detect_leaks=1:"
                    "detect_stack_use_after_return=1:fast_unwind_on_fatal=0:handle_abort=1:"
                    "handle_segv=1:handle_sigill=1:max_uar_stack_size_log=16:print_scariness=1:"
                    "quarantine_size_mb=10:strict_memcmp=1:strip_path_prefix=/workspace/:"
                    "symbolize=1:use_sigaltstack=1:dedup_token_length=3",
    "MSAN_OPTIONS": "print_stats=1:strip_path_prefix=/workspace/:symbolize=1:dedup_token_length=3",
    "UBSAN_OPTIONS": "print_stacktrace=1:print_summary=1:silence_unsigned_overflow=1:"
                     "strip_path_prefix=/workspace/:symbolize=1:dedup_token_length=3",
}
FUZZER_ARGS = ("-rss_limit_mb=2560", "-timeout=25")

# run_fuzzer, for AFL++; and what makes it indifferent to where it runs.
AFL_ENVIRONMENT = {
    "ASAN_OPTIONS": ENVIRONMENT["ASAN_OPTIONS"]
                    + ":abort_on_error=1:symbolize=0:detect_odr_violation=0:",
    "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1",
    "AFL_SKIP_CPUFREQ": "1",
    "AFL_TRY_AFFINITY": "1",
    "AFL_FAST_CAL": "1",
    "AFL_FORKSRV_INIT_TMOUT": "30000",
    "AFL_NO_UI": "1",
    "AFL_NO_AFFINITY": "1",
    "PATH": "/usr/bin:/bin",
}

ELF = b"\x7fELF"
ELF_MACHINE = {"x86_64": 62, "aarch64": 183}


def find_targets(out: Path) -> list[str]:
    """What a fleet takes for targets: programs that name the function that it calls."""
    programs = [path for path in out.iterdir() if path.is_file() and os.access(path, os.X_OK)]
    contents = {path.name: path.read_bytes() for path in programs}
    return sorted(name for name, content in contents.items()
                  if content.startswith(ELF) and b"LLVMFuzzerTestOneInput" in content)


def machine_of(target: Path) -> int:
    return int.from_bytes(target.read_bytes()[18:20], "little")


@dataclass(frozen=True)
class Options:
    """NAME.options: flags of the engine, and what is added to the sanitizers' variables."""

    flags: tuple[str, ...] = ()
    sanitizers: tuple[tuple[str, str], ...] = ()

    @property
    def max_len(self) -> int | None:
        lengths = [int(flag.partition("=")[2]) for flag in self.flags if "max_len" in flag]
        return lengths[-1] if lengths else None


def parse_options(path: Path) -> Options:
    parser = configparser.ConfigParser()
    parser.read(path)
    flags = tuple(f"-{key}={value}" for key, value in parser["libfuzzer"].items())
    others = [section for section in parser.sections() if section != "libfuzzer"]
    assert set(others) <= {"asan", "msan", "ubsan"}, others
    return Options(flags, tuple((f"{section.upper()}_OPTIONS", ":".join(
        f"{key}={value}" for key, value in parser[section].items())) for section in others))


def unpack_seeds(target: Path, folder: Path) -> list[Path]:
    folder.mkdir()
    with zipfile.ZipFile(target.with_name(f"{target.name}_seed_corpus.zip")) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    return sorted(folder.iterdir())


def run_fuzzer(target: Path, *arguments: str | Path, cwd: Path,
               **environment: str) -> subprocess.CompletedProcess[str]:
    """With the target's options and dictionary, and nothing in the environment but its own."""
    options = parse_options(target.with_name(f"{target.name}.options"))
    variables = ENVIRONMENT | environment
    for name, value in options.sanitizers:
        variables[name] = f"{variables.get(name, '')}:{value}"
    dictionary = target.with_name(f"{target.name}.dict")
    command = [target, *FUZZER_ARGS, *arguments, *options.flags,
               *([f"-dict={dictionary}"] if dictionary.exists() else [])]
    return subprocess.run(command, cwd=cwd, env=variables, stdin=subprocess.DEVNULL, text=True,
                          errors="replace", capture_output=True, timeout=300)


def count_calls(target: Path) -> dict[str, int]:
    """Of each sanitizer's runtime; demangled, because that is how the limits were counted."""
    listing = subprocess.run(["objdump", "-dC", "--no-show-raw-insn", target], text=True,
                             capture_output=True, check=True).stdout
    counts = dict.fromkeys(AT_MOST, 0)
    for sanitizer in CALL.findall(listing):
        if sanitizer in counts:
            counts[sanitizer] += 1
    return counts


def check_sanitizers(sanitizer: str, counts: dict[str, int]) -> list[str]:
    """What bad_build_check would complain of."""
    wanted, at_least = AT_LEAST[sanitizer]
    complaints = []
    if counts[wanted] < at_least:
        complaints.append(f"{counts[wanted]} calls of {wanted}, not {at_least}")
    complaints += [f"{count} calls of {other}, more than {AT_MOST[other]}"
                   for other, count in counts.items() if other != wanted and count > AT_MOST[other]]
    return complaints


def edges_of(output: str) -> int:
    match = re.search(r"INFO: Loaded \d+ module.*\(.*(?:counters|guards)\):\s+(\d+)", output)
    return int(match[1]) if match else 0


def dictionary_entries(path: Path) -> int:
    return sum(bool(line) and not line.startswith("#") for line in path.read_text().splitlines())
