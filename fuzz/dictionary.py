#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Writes the dictionaries of the fuzz targets from the list of operations.

    python3 fuzz/dictionary.py            writes fuzz/lockstep.dict and fuzz/program_text.dict
    python3 fuzz/dictionary.py --check    exits with 1 if one of them is out of date
"""
from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

FUZZ = Path(__file__).resolve().parent
OPS = FUZZ.parent / "harness/include/slotcheck/ops.def"

# Bytes an operand of each kind takes, and what a program begins with here: a data frame that
# reports its drop, a setup at saturation, two pages, MMIO memory.
OPERAND_BYTES = {
    "PADDR": b"\x00\x00",
    "SLOT": b"\x00\x00",
    "FRAME": b"\x00",
    "UNIQUE": b"\x00",
    "META": b"\x04\x00",
    "FLAG": b"\x00",
    "COUNT": b"\x40",
    "LEVEL": b"\x01",
    "VALUE": b"\x00",
    "LIST": b"\x00",
    "CURSOR": b"\x00",
    "SEGMENT": b"\x00",
    "MAPPING": b"\x00",
    "LENGTH": b"\x02",
    "TYPE": b"\x04",
    "PATH": b"\x00",
    "USAGE": b"\x03",
    "NONE": b"",
}

HEADERS = [
    ("slots_1", b"\x02\x00", "format 2, one slot"),
    ("slots_2", b"\x02\x01", "format 2, two slots"),
    ("slots_16", b"\x02\x0f", "format 2, 16 slots"),
    ("format_1", b"\x01\x0f", "format 1, 16 slots"),
]

LINK = b"\x02\x00"  # link(0), without neighbours: what lists take

FREE_UNIQUE_FRAME = ("unique_frame_from_unused", {"META": LINK})

# Sequences that are unlikely to be found byte by byte; operands that are not said are those above.
PHRASES = [
    ("push", [FREE_UNIQUE_FRAME, ("list_push_back", {})], "a frame goes into a list"),
    (
        "list",
        [
            ("list_new", {}),
            FREE_UNIQUE_FRAME,
            ("list_push_back", {}),
            ("list_cursor_front_mut", {}),
        ],
        "a list with an element, and a cursor at it",
    ),
    (
        "segment",
        [("segment_from_unused", {}), ("segment_clone", {}), ("segment_next", {})],
        "a segment, its clone, and its first frame",
    ),
    (
        "mapping",
        [("frame_from_unused", {}), ("frame_map", {}), ("frame_unmap", {})],
        "a frame is mapped and unmapped",
    ),
    (
        "mmio",
        [("memory_range", {}), ("mmio_map", {}), ("mmio_unmap", {})],
        "MMIO memory is mapped and unmapped",
    ),
]

BOUNDARIES = [
    ("paddr_last", b"\x0f\x00", "p15, the last frame of 16"),
    ("paddr_oob0", b"\x00\xc0", "oob0, the first frame past the end"),
    ("paddr_top0", b"\x00\xf0", "top0, the last frame of the address space"),
    ("paddr_misaligned", b"\x00\xd0", "p0+1, one byte into a frame"),
    ("paddr_half", b"\x0b\xd0", "p0+2048, half a page into a frame"),
    ("paddr_oob_misaligned", b"\x00\xe0", "oob0+1, misaligned and past the end"),
    ("meta_empty", b"\x00\x00", "empty(0)"),
    ("meta_untyped", b"\x01\x00", "untyped(0)"),
    ("meta_free_link", LINK, "link(0), without neighbours"),
    ("meta_link", b"\x11\x00", "link(3), both neighbours present"),
    ("meta_node", b"\x03\x00", "node(0)"),
    ("meta_probe", b"\x04\x00", "probe(0), reports its drop"),
    ("count_max", b"\x40", "MAX"),
    ("count_below_max", b"\x41", "MAX-1"),
    ("count_above_max", b"\x80", "MAX+1, illegal"),
    ("count_below_unique", b"\xc0", "UNIQUE-1, illegal"),
    ("length_half", b"\x4b", "0+2048, half a page"),
    ("length_back", b"\xc4", "-1, a page back"),
]

TEXTS = [
    ("first_line", "slotcheck program 2", "what a text begins with"),
    ("first_line_1", "slotcheck program 1", "what a text of format 1 begins with"),
    ("slots_16", "slots 16\n", "the second line"),
    ("none", "@none", "bytes that are not there"),
    ("opcode", "@200", "an opcode byte that is not canonical"),
    ("tail", "tail 0xc8 0x01\n", "an operation cut short"),
    ("comment", "# ", "a comment"),
    ("separator", ", ", "between operands"),
    ("end", ")\n", "ends an operation"),
    ("frame", "p3", "PADDR: a frame"),
    ("past_end", "oob0", "PADDR: past the end"),
    ("top", "top4095", "PADDR: close to the end of the address space"),
    ("distance", "+2048", "PADDR: bytes further"),
    ("slot", "s3", "SLOT"),
    ("frame_handle", "f0", "FRAME"),
    ("unique_handle", "u0", "UNIQUE"),
    ("list", "l0", "LIST"),
    ("cursor", "c0", "CURSOR"),
    ("segment", "seg0", "SEGMENT"),
    ("mapping", "map0", "MAPPING"),
    ("empty", "empty(0)", "META"),
    ("untyped", "untyped(1)", "META"),
    ("link", "link(3)", "META"),
    ("node", "node(513)", "META"),
    ("probe", "probe(13106)", "META: the largest seed"),
    ("max", "MAX", "COUNT"),
    ("below_max", "MAX-63", "COUNT"),
    ("above_max", "MAX+64", "COUNT"),
    ("below_unique", "UNIQUE-64", "COUNT"),
    ("pages", "10+2048", "LENGTH: pages and bytes"),
    ("pages_back", "-60", "LENGTH: pages back"),
    ("type_empty", "empty", "TYPE"),
    ("type_untyped", "untyped", "TYPE"),
    ("type_link", "link", "TYPE"),
    ("type_node", "node", "TYPE"),
    ("type_probe", "probe", "TYPE"),
    ("reserved", "reserved", "USAGE"),
    ("kernel", "kernel", "USAGE"),
    ("meta", "meta", "USAGE"),
    ("mmio", "mmio", "USAGE"),
    ("usage_number", "mmio(63)", "USAGE: with a number that means nothing"),
    ("overflow", "18446744073709551616", "a number of more than 64 bits"),
]


class Operation(NamedTuple):
    name: str
    operands: list[str]
    text: str


def read_operations(ops: Path) -> list[Operation]:
    """The operations of ops.def, in order: their index is their opcode."""
    operand, string = r" *(\w+),", r'"([^"]*)"'
    entry = re.compile(
        rf"^OP\((\w+), *\d+, *\d+,{operand}{operand}{operand}[^\"]*{string},\s*{string}", re.M
    )
    source = ops.read_text(encoding="utf-8")
    found = [Operation(m[1], [m[2], m[3], m[4]], m[6]) for m in entry.finditer(source)]
    if len(found) != len(re.findall(r"^OP\(", source, re.M)):
        raise SystemExit(f"{ops}: an entry does not look like the others")
    return found


def quoted(value: bytes) -> str:
    shown = (chr(b) if 32 <= b < 127 and chr(b) not in '"\\' else f"\\x{b:02x}" for b in value)
    return '"' + "".join(shown) + '"'


def hexadecimal(value: bytes) -> str:
    return '"' + "".join(f"\\x{b:02x}" for b in value) + '"'


def encoded(operations: list[Operation], opcode: int, operands: dict[str, bytes]) -> bytes:
    """The operation with these operands, by kind, and others as a program begins."""
    chosen = {**OPERAND_BYTES, **operands}
    return bytes([opcode]) + b"".join(chosen[kind] for kind in operations[opcode].operands)


def lockstep_dictionary(operations: list[Operation]) -> str:
    lines = [
        "# SPDX-License-Identifier: MPL-2.0",
        "# Program bytes, format 2. Written by fuzz/dictionary.py.",
    ]
    opcodes = {operation.name: opcode for opcode, operation in enumerate(operations)}
    entries = list(HEADERS)
    for opcode, operation in enumerate(operations):
        value = encoded(operations, opcode, {})
        entries.append((f"op_{operation.name}", value, operation.text))
    for name, steps, text in PHRASES:
        value = b"".join(encoded(operations, opcodes[step], operands) for step, operands in steps)
        entries.append((f"phrase_{name}", value, text))
    entries += BOUNDARIES
    for name, value, text in entries:
        lines += ["", f"# {text}", f"{name}={hexadecimal(value)}"]
    return "\n".join(lines) + "\n"


def text_dictionary(operations: list[Operation]) -> str:
    lines = [
        "# SPDX-License-Identifier: MPL-2.0",
        "# Program texts, format 2. Written by fuzz/dictionary.py.",
    ]
    entries = [(name, text, comment) for name, text, comment in TEXTS]
    entries += [(f"op_{o.name}", f"{o.name}(", o.text) for o in operations]
    for name, value, comment in entries:
        lines += ["", f"# {comment}", f"{name}={quoted(value.encode())}"]
    return "\n".join(lines) + "\n"


def dictionaries() -> dict[Path, str]:
    operations = read_operations(OPS)
    return {
        FUZZ / "lockstep.dict": lockstep_dictionary(operations),
        FUZZ / "program_text.dict": text_dictionary(operations),
    }


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print("usage: dictionary.py [--check]", file=sys.stderr)
        return 2
    status = 0
    for path, content in dictionaries().items():
        if not arguments:
            path.write_text(content, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != content:
            print(f"{path}: out of date; run fuzz/dictionary.py", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
