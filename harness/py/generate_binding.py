#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Turns binding.h, with all that it includes, into what cffi compiles.

The headers stay the only place in which anything is declared: they go through the preprocessor, and
what is left is read with pycparser. Inline functions lose their bodies, as cffi compiles against
the headers themselves; macros that are numbers become constants.

Writes two files:
    _slotcheck.c             the extension module
    _slotcheck_signatures.py the names of the functions' parameters, and of the subject's functions
                             what is only read, which cffi forgets
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import cffi
from pycparser import c_ast, c_generator, c_parser

HERE = Path(__file__).resolve().parent
# What these headers bring is known to cffi; an empty one in front of each hides the system's.
SYSTEM_HEADERS = ("stdbool.h", "stddef.h", "stdint.h", "stdio.h", "string.h")
KNOWN_TYPES = ("bool", "size_t", "uint8_t", "uint16_t", "uint32_t", "uint64_t", "FILE")
NUMBER_MACRO = re.compile(r"^#define ((?:SPEC|VALUE)_\w+) +\S", re.MULTILINE)
# What a subject exports; nothing here defines it.
ENTRY_POINT = "slotcheck_subject"
# The struct whose members can be functions in Python.
SUBJECT = "slotcheck_subject"
C_LIBRARY = "void free(void *memory);"


def preprocess(compiler: str, folders: list[str], *flags: str) -> str:
    with tempfile.TemporaryDirectory() as empty:
        for name in SYSTEM_HEADERS:
            (Path(empty) / name).touch()
        includes = [f"-I{folder}" for folder in [empty, *folders]]
        command = [compiler, "-E", "-P", "-std=c11", *flags, *includes, str(HERE / "binding.h")]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def number_macros(compiler: str, folders: list[str]) -> list[str]:
    return NUMBER_MACRO.findall(preprocess(compiler, folders, "-dM"))


def without_asserts(source: str) -> str:
    return re.sub(r"_Static_assert\s*\([^;]*;", "", source)


class Declarations:
    """All declarations of the headers, as cffi wants them, and the parameters' names."""

    def __init__(self, source: str) -> None:
        known = "".join(f"typedef int {name};\n" for name in KNOWN_TYPES)
        tree = c_parser.CParser().parse(known + without_asserts(source))
        self._generator = c_generator.CGenerator()
        self.lines: list[str] = []
        self.parameters: dict[str, list[str]] = {}
        self.subject_functions: dict[str, list[tuple[str, str]]] = {}
        self._function_types: dict[str, c_ast.FuncDecl] = {}
        for node in tree.ext[len(KNOWN_TYPES) :]:
            self._add(node)

    def _add(self, node: c_ast.Node) -> None:
        if isinstance(node, c_ast.FuncDef):
            node = node.decl
            node.storage, node.funcspec = [], []
        if isinstance(node, c_ast.Typedef) and isinstance(node.type, c_ast.FuncDecl):
            self._function_types[node.name] = node.type
        if isinstance(node, c_ast.Decl):
            if node.name == ENTRY_POINT:
                return
            self._note_parameters(node)
            if isinstance(node.type, c_ast.Struct) and node.type.name == SUBJECT:
                self._note_subject_functions(node.type)
        self.lines.append(self._generator.visit(node) + ";")

    def _note_parameters(self, node: c_ast.Decl) -> None:
        function = node.type
        if isinstance(function, c_ast.TypeDecl) and isinstance(function.type, c_ast.IdentifierType):
            function = self._function_types.get(function.type.names[0], function)
        if isinstance(function, c_ast.FuncDecl):
            parameters = function.args.params if function.args else []
            names = [parameter.name for parameter in parameters if parameter.name]
            self.parameters[node.name] = names

    def _note_subject_functions(self, struct: c_ast.Struct) -> None:
        for member in struct.decls or []:
            pointer = member.type
            if not (isinstance(pointer, c_ast.PtrDecl) and isinstance(pointer.type, c_ast.FuncDecl)):
                continue
            self.subject_functions[member.name] = [
                (parameter.name, self._type_of(parameter)) for parameter in pointer.type.args.params
            ]

    def _type_of(self, parameter: c_ast.Decl) -> str:
        """The type of a parameter as C has it, such as `const struct slotcheck_metadata *`."""
        declared: str = self._generator.visit(parameter)
        return re.sub(rf"\b{parameter.name}\b(?!.*\b{parameter.name}\b)", "", declared).strip()


def _table(name: str, value: str, rows: dict[str, list[Any]]) -> str:
    lines = [f"    {key!r}: {tuple(row)!r}," for key, row in rows.items()]
    return f"{name}: dict[str, tuple[{value}, ...]] = {{\n" + "\n".join(lines) + "\n}\n"


def write_signatures(path: Path, declarations: Declarations) -> None:
    path.write_text(
        "# Made by generate_binding.py.\n"
        + _table("PARAMETERS", "str", dict(sorted(declarations.parameters.items())))
        + _table("SUBJECT_FUNCTIONS", "tuple[str, str]", declarations.subject_functions)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compiler", required=True, help="the C compiler whose preprocessor runs")
    parser.add_argument("--include", action="append", default=[], help="a folder with headers")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    declarations = Declarations(preprocess(arguments.compiler, arguments.include))
    constants = [
        f"static const uint64_t {name};"
        for name in number_macros(arguments.compiler, arguments.include)
    ]
    builder = cffi.FFI()
    builder.cdef("\n".join([C_LIBRARY, *constants, *declarations.lines]))
    builder.set_source("_slotcheck", '#include <stdlib.h>\n#include "binding.h"\n')
    arguments.output.mkdir(parents=True, exist_ok=True)
    builder.emit_c_code(str(arguments.output / "_slotcheck.c"))
    write_signatures(arguments.output / "_slotcheck_signatures.py", declarations)


if __name__ == "__main__":
    main()
