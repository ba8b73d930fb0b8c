# SPDX-License-Identifier: MPL-2.0
"""How ClusterFuzz tells crashes apart, as its sources say it: what a log is about (stacktraces/ and
its constants.py), and which of two are one (crash_comparer.py and cron/grouper.py). Of the rules,
those that a program in C on Linux can meet.

A log is read from the top. A line can say what kind of crash it is, which also forgets the frames
so far; from then on the first three frames that are not of the machinery are the crash's state.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_FRAMES = 3
MAX_LINE = 80
# Two stacks are one bug if so many frames are equal, in the same order ...
SAME_FRAMES = 2
# ... or if their lines are, on the average, as similar as this.
SIMILAR = 0.8

# --- what is no frame of the program's own --------------------------------------------------------

IGNORED_NAMES = {"abort", "exit", "pthread_create", "pthread_kill", "raise", "tgkill", "__chk_fail",
                 "__fortify_fail"}
IGNORED_BEGINNINGS = (
    "__memcmp", "__memcpy", "__memmove", "__memset", "__strcmp", "__strcpy", "__strdup",
    "__strlen", "__strncpy", "memcmp", "memcpy", "memmove", "memset", "strcmp", "strcpy", "strdup",
    "strlen", "strncpy", "<null>", "LLVMFuzzerTestOneInput", "New", "SignalHandler", "__GI_",
    "__asan_", "__asan::", "__assert_", "__cxa_atexit", "__interceptor_", "__libc_", "__lsan_",
    "__msan_", "__msan::", "__pthread_kill", "__run_exit_handlers", "__sanitizer_",
    "__sanitizer::", "__tsan_", "__tsan::", "__ubsan_", "__ubsan::", "_start", "abort", "asan_",
    "calloc", "check_memory_region", "delete", "dump_stack", "free", "fuzzer::", "g_log",
    "gsignal", "main", "malloc", "new", "operator", "realloc", "scanf", "show_stack",
)
# Anywhere in the line of the frame, so in the path of its source as well.
IGNORED_PARTS = ("assert", "libpthread", "logger", "/gcc/", "/glibc-", "/libc/", "/libc++",
                 "/llvm-build/", "/sanitizer_common/", "/memorycmp.c", "<unknown module>",
                 "libc.so", "libc++.so", "libstdc++.so")


def is_ignored(frame: str) -> bool:
    return (len(frame) < 3 or frame in IGNORED_NAMES or frame.startswith(IGNORED_BEGINNINGS)
            or any(part in frame for part in IGNORED_PARTS))


# --- what a log is about --------------------------------------------------------------------------

# The kind that a line tells. The first group, if there is one, is its name.
ALWAYS = [
    (re.compile(r".*ERROR: [a-zA-Z]+Sanitizer[: ]*(.*) on (?:unknown address |address |)[xX\d]"),
     None),
    (re.compile(r".*(?:ThreadSanitizer|MemorySanitizer):\s+(?!ABRT)(?!ILL)([^(:]+)"), None),
    (re.compile(r".*ERROR:\s*libFuzzer:\s*timeout"), "Timeout"),
    (re.compile(r".*(?:Sanitizer failed to allocate|libFuzzer: out-of-memory|rss limit exhausted)"),
     "Out-of-memory"),
]
# These only if nothing has been said before.
IF_FIRST = [
    (re.compile(r"Direct leak of "), "Direct-leak"),
    (re.compile(r"Indirect leak of "), "Indirect-leak"),
    (re.compile(r".*: runtime error: (.*)"), "Undefined"),
    (re.compile(r".*ERROR: (?:HWAddressSanitizer|AddressSanitizer)[: ]*([^(:;]+)"), None),
    (re.compile(r"#\s*Fatal error in (.*)"), "Fatal error"),
    (re.compile(r"Received signal 11 SEGV_"), "UNKNOWN"),
    (re.compile(r".*ERROR:\s*libFuzzer:\s*deadly signal"), "Fatal-signal"),
    (re.compile(r".*ERROR:\s*libFuzzer:\s*fuzz target exited"), "Unexpected-exit"),
    (re.compile(r".*ERROR:\s*libFuzzer:\s*fuzz target overwrites its const input"),
     "Overwrites-const-input"),
]
# The message of an assertion takes the place of the frames.
ASSERTIONS = [
    re.compile(r"(?:\[.*?\]|.*\.(?:c|cc|cpp|cxx|h|hh|hpp|hxx):.*)?\s*"
               r"(?:ASSERT(?:ION)? FAIL(?:URE|ED)|panic): (.*)", re.IGNORECASE),
    re.compile(r".*:\s*assertion [`'\"]?(.*?)[`'\"]? failed\.?$", re.IGNORECASE),
    re.compile(r"thread\s.*\spanicked at '([^']*)", re.IGNORECASE),
]
INTENDED = re.compile(r".*[a-zA-Z]+Sanitizer: (?:ABRT|ILL|TRAP|breakpoint) ")

PASSED_OVER = re.compile(r".*(?:SUMMARY:|WARNING: AddressSanitizer|:DEADLYSIGNAL)")
LAST = ("Direct leak of", "Uninitialized value was stored to memory at", "allocated by thread",
        "created by main thread at", "located in stack of thread", "previously allocated by")
FRAME = re.compile(r"\s*#\d+\s+[xX0-9a-fA-F]+\s+(?:in\s+(.+)|\((.*)\))")


@dataclass
class Crash:
    kind: str = ""
    frames: list[str] = field(default_factory=list)
    complete: bool = False

    def begin(self, kind: str) -> None:
        self.kind, self.frames, self.complete = kind, [], False

    @property
    def state(self) -> list[str]:
        return [without_numbers(frame)[:MAX_LINE] for frame in self.frames[:MAX_FRAMES]]

    @property
    def key(self) -> tuple[str, ...]:
        """Crashes that agree in it are one from the beginning."""
        return (self.kind, *self.state)


def without_numbers(frame: str) -> str:
    frame = re.sub(r"\+0x[0-9a-fA-F]+$", "", frame)
    frame = re.sub(r"0x[a-fA-F0-9]{4,}U*", "ADDRESS", frame)
    return re.sub(r"(^|[^:0-9.])[0-9.]{4,}($|[^A-Za-z0-9.])", r"\1NUMBER\2", frame)


def name_of(frame: str) -> str:
    """Of a frame as the log has it: up to its arguments, or its source."""
    match = re.match(r"(.+?)[(\[]", frame)
    return match[1].strip() if match else frame.split(" ")[0]


def generic(kind: str) -> str:
    return kind.strip().lower().replace("_", "-").capitalize()


def read_kind(crash: Crash, line: str) -> None:
    for pattern in ASSERTIONS:
        if match := pattern.match(line):
            crash.begin("ASSERT")
            crash.frames, crash.complete = [match[1]], True
    for pattern, kind in ALWAYS:
        if match := pattern.match(line):
            crash.begin(kind or generic(match[1]))
    for pattern, kind in IF_FIRST:
        if not crash.kind and (match := pattern.match(line)):
            crash.begin(kind or generic(match[1]))


def read_frame(crash: Crash, line: str) -> None:
    match = FRAME.match(line)
    if match is None or crash.complete:
        return
    frame = (match[1] or match[2]).strip()
    if not is_ignored(frame):
        crash.frames.append(name_of(frame))


def parse(log: str) -> Crash:
    crash = Crash()
    for line in log.splitlines():
        if PASSED_OVER.match(line) or (crash.kind == "ASSERT" and INTENDED.match(line)):
            continue
        read_kind(crash, line)
        if crash.frames and any(marker in line for marker in LAST):
            crash.complete = True
        if crash.kind:
            read_frame(crash, line)
    return crash


# --- which of two are one -------------------------------------------------------------------------


def distance(a: str, b: str) -> int:
    """Insertions, deletions and replacements from one to the other."""
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (letter != other))
    return row[-1]


def similarity(a: str, b: str) -> float:
    length = len(a) + len(b)
    return 1.0 if length == 0 else (length - distance(a, b)) / length


def common_frames(a: list[str], b: list[str]) -> int:
    """The longest sequence that both have, with others in between or not."""
    row = [0] * (len(b) + 1)
    for frame in a:
        before = row[:]
        for j, other in enumerate(b, 1):
            row[j] = before[j - 1] + 1 if frame == other else max(before[j], row[j - 1])
    return row[-1]


def lines_are_similar(a: list[str], b: list[str]) -> bool:
    if not a or not b:
        return False
    if a == b or common_frames(a, b) >= SAME_FRAMES:
        return True
    pairs = list(zip(a, b))
    return sum(similarity(x, y) for x, y in pairs) / len(pairs) > SIMILAR


def are_one(a: Crash, b: Crash) -> bool:
    """What the grouper joins: bugs that are no security bugs, so also by their kinds."""
    return lines_are_similar([a.kind], [b.kind]) and lines_are_similar(a.state, b.state)
