# SPDX-License-Identifier: MPL-2.0
"""What is tested: the built-in implementation, a shared library, or a class in Python.

A model in Python derives from `Subject`; harness/py/README.md has a small one.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from slotcheck.native import ffi, lib, text_of
from slotcheck.subject_calls import Panic, Refused, WrongAnswer
from slotcheck.subject_error import SubjectError
from slotcheck.subject_python import PythonSubject, Subject
from slotcheck.values import (
    PAGE_SIZE,
    REF_COUNT_MAX,
    REF_COUNT_UNIQUE,
    REF_COUNT_UNUSED,
    SLOT_SIZE,
    Ghost,
    ListState,
    Metadata,
    MetadataType,
    Repr,
    Segment,
    Slot,
    Usage,
)
from slotcheck.vocabulary import Result

__all__ = [
    "PAGE_SIZE",
    "REF_COUNT_MAX",
    "REF_COUNT_UNIQUE",
    "REF_COUNT_UNUSED",
    "SLOT_SIZE",
    "Ghost",
    "LibrarySubject",
    "ListState",
    "Metadata",
    "MetadataType",
    "Panic",
    "PythonSubject",
    "Refused",
    "Repr",
    "Result",
    "Segment",
    "Slot",
    "Subject",
    "SubjectError",
    "Usage",
    "WrongAnswer",
    "load_subject",
]


class LibrarySubject:
    """A subject in C: the built-in implementation, or a shared library."""

    def __init__(self, path: Path | str | None = None) -> None:
        """Loads `path`, or with None takes the built-in one. Raises SubjectError."""
        error = ffi.new("char[512]")
        name = ffi.NULL if path is None else str(path).encode()
        self._pointer = lib.subject_load(name, error, len(error))
        if self._pointer == ffi.NULL:
            raise SubjectError(text_of(error))
        self.name = text_of(self._pointer.name)

    @property
    def pointer(self) -> Any:
        return self._pointer

    def raise_pending(self) -> None:
        """A subject in C raises nothing."""


def load_subject(name: str | None = None) -> LibrarySubject | PythonSubject:
    """None or 'builtin'; a shared library; `FILE.py` or `FILE.py:CLASS`. Raises SubjectError."""
    if name is None or name == "builtin":
        return LibrarySubject()
    path, _, class_name = name.rpartition(":")
    if path.endswith(".py"):
        return PythonSubject(_class_in(Path(path), class_name))
    if name.endswith(".py"):
        return PythonSubject(_class_in(Path(name), None))
    return LibrarySubject(name)


# --- classes in files ---


def _class_in(path: Path, name: str | None) -> type[Subject]:
    module = _run(path)
    classes = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Subject) and value is not Subject
    }
    if name is not None:
        if name in classes:
            return classes[name]
        why = "is no subject class" if hasattr(module, name) else "is not there"
        raise SubjectError(f"{path}: {name} {why}{_list(classes)}")
    own = {key: value for key, value in classes.items() if value.__module__ == module.__name__}
    if len(own) == 1:
        return own.popitem()[1]
    if not own:
        raise SubjectError(f"{path}: has no class that derives from slotcheck.subject.Subject")
    example = f"name one, as in {path}:{min(own)}"
    raise SubjectError(f"{path}: has several subject classes; {example}{_list(own)}")


def _list(classes: dict[str, type[Subject]]) -> str:
    return f"; there are: {', '.join(sorted(classes))}" if classes else ""


def _run(path: Path) -> ModuleType:
    """The file as a module. Files beside it can be imported, as if it were run as a program."""
    if not path.is_file():
        raise SubjectError(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(f"slotcheck_subject_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise SubjectError(f"{path}: cannot be imported")
    module = importlib.util.module_from_spec(spec)
    # Decorators such as dataclass look for the module of their class there.
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        where = f"{error.filename}:{error.lineno}"
        raise SubjectError(f"{where}: {error.msg}") from error
    except (Exception, SystemExit) as error:
        raise SubjectError(f"{_where(path, error)}: {_one_line(error)}") from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module


def _where(path: Path, error: BaseException) -> str:
    """The last line of the file that was running."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(path)
    ]
    return f"{path}:{lines[-1]}" if lines else str(path)


def _one_line(error: BaseException) -> str:
    return " ".join(traceback.format_exception_only(type(error), error)[-1].split())
