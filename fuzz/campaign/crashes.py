# SPDX-License-Identifier: MPL-2.0
"""Inputs that end the target: what such a crash is called, and what is done with its input."""
from __future__ import annotations

import hashlib
import re
from pathlib import Path

CRASH_PREFIX = "crash."
# Functions of engines and sanitizers, and what lies between a fault and its report.
NOBODYS_FRAMES = re.compile(
    r"^(_+sanitizer|_+asan|_+ubsan|_+msan|_+interceptor|_+lsan|fuzzer::|std::|raise$|abort$|gsignal"
    r"|_+libc|_+restore_rt|_+GI_|_+pthread|_start$|main$)"
)
FRAME_LINE = re.compile(r"^\s+#\d+ 0x[0-9a-f]+ (?:in )?(\S+)?")
KIND_LINES = [
    re.compile(r"runtime error: (.+)$"),
    re.compile(r"ERROR: \w+Sanitizer: ([\w-]+)"),
    re.compile(r"WARNING: \w+Sanitizer: ([\w-]+)"),
    re.compile(r"ERROR: libFuzzer: ([\w -]+)"),
]


def file_safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:60] or "unknown"


def crash_signature(log: str) -> str:
    """What happened and in which function: `crash.SEGV.frame_drop`."""
    lines = log.splitlines()
    kind, at = next(
        (
            (match[1], number)
            for number, line in enumerate(lines)
            for pattern in KIND_LINES
            if (match := pattern.search(line))
        ),
        ("unknown", 0),
    )
    functions = (match[1] or "" for line in lines[at:] if (match := FRAME_LINE.match(line)))
    function = next((f for f in functions if f and not NOBODYS_FRAMES.match(f)), "unknown")
    kind = re.sub(r" after \d+ seconds$", "", kind.strip())
    return f"{CRASH_PREFIX}{file_safe(kind)}.{file_safe(function)}"


def slots_byte(slots: int) -> int:
    """See the program format: 1..240, or a power of two."""
    return slots - 1 if slots <= 240 else 240 + (slots.bit_length() - 1) - 8


def with_slots(data: bytes, slots: int | None) -> bytes:
    """The program bytes as they were run: --slots overrides what they say."""
    if slots is None:
        return data
    return (data[:1] or b"\x01") + bytes([slots_byte(slots)]) + data[2:]


def corpus_name(data: bytes) -> str:
    """As libFuzzer names inputs: by their digest."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def forget_input(data: bytes, corpus: Path) -> None:
    """Takes an input that stops the engine out of the corpus: no run would get past it."""
    (corpus / corpus_name(data)).unlink(missing_ok=True)
