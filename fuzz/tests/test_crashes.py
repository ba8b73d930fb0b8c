# SPDX-License-Identifier: MPL-2.0
"""Crashes: what they are called, and what is done with their inputs."""
from __future__ import annotations

from pathlib import Path

import pytest

from campaign.crashes import crash_signature, forget_input, slots_byte, with_slots

ASAN_LOG = """INFO: Seed: 3
#2 INITED cov: 1
==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x60 at pc 0x55
WRITE of size 8 at 0x60 thread T0
    #0 0x4a in __asan_memcpy (lockstep+0x4a)
    #1 0x55 in write_meta_at impl/src/meta_slot.c:31:5
    #2 0x56 in fuzz_session_run harness/src/fuzz_session.c:1:1
SUMMARY: AddressSanitizer: heap-buffer-overflow
"""
SIGNAL_LOG = """==8== ERROR: libFuzzer: deadly signal
    #0 0x4f in __sanitizer_print_stack_trace (lockstep+0x4f)
    #1 0x45 in fuzzer::PrintStackTrace() (lockstep+0x45)
    #2 0x42 in fuzzer::Fuzzer::CrashCallback() (lockstep+0x42)
    #3 0x7f in __restore_rt sigaction.c
    #4 0x7f in mine_frame_drop /home/x/libmine.c:9:3
"""
UBSAN_LOG = """impl/src/a.c:3:4: runtime error: load of misaligned address 0x01 for type 'int'
    #0 0x55 in read_it impl/src/a.c:3:4
"""
TIMEOUT_LOG = """ALARM: working on the last Unit for 5 seconds
==9== ERROR: libFuzzer: timeout after 5 seconds
    #0 0x4f in __sanitizer_print_stack_trace (lockstep+0x4f)
    #1 0x55 in spin libmine.c:2:2
"""


@pytest.mark.parametrize(
    "log, signature",
    [
        (ASAN_LOG, "crash.heap-buffer-overflow.write_meta_at"),
        (SIGNAL_LOG, "crash.deadly-signal.mine_frame_drop"),
        (UBSAN_LOG, "crash.load-of-misaligned-address-0x01-for-type-int.read_it"),
        (TIMEOUT_LOG, "crash.timeout.spin"),
        ("", "crash.unknown.unknown"),
    ],
)
def test_crash_signature(log: str, signature: str) -> None:
    assert crash_signature(log) == signature


@pytest.mark.parametrize(
    "slots, byte", [(1, 0), (16, 15), (240, 239), (256, 240), (1024, 242), (2**23, 255)]
)
def test_slots_byte(slots: int, byte: int) -> None:
    assert slots_byte(slots) == byte


def test_with_slots() -> None:
    assert with_slots(b"\x01\x0f\x0c", None) == b"\x01\x0f\x0c"
    assert with_slots(b"\x01\x0f\x0c", 4) == b"\x01\x03\x0c"
    assert with_slots(b"", 4) == b"\x01\x03"
    assert with_slots(b"\x07", 4) == b"\x07\x03"


def test_forget_input(tmp_path: Path) -> None:
    (tmp_path / "a9993e364706816aba3e25717850c26c9cd0d89d").write_bytes(b"abc")
    (tmp_path / "other").write_bytes(b"abcd")
    forget_input(b"abc", tmp_path)
    forget_input(b"not there", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
