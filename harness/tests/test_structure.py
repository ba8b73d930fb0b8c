# SPDX-License-Identifier: MPL-2.0
"""The arrows between the folders, and rules that hold for every file."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

LIBC = set(
    """
    argp.h assert.h ctype.h dirent.h dlfcn.h errno.h fcntl.h ftw.h inttypes.h limits.h poll.h pthread.h
    sched.h setjmp.h signal.h stdalign.h stdarg.h stdbool.h stddef.h stdint.h stdio.h stdlib.h
    stdnoreturn.h string.h sys/mman.h sys/prctl.h sys/resource.h sys/socket.h sys/stat.h
    sys/time.h sys/types.h
    sys/wait.h time.h unistd.h
    """.split()
)

# What the files of a folder may include beyond libc and files beside them. The first match counts.
ALLOWED: list[tuple[str, list[str]]] = [
    # The only includer of stdatomic.h: the sources are compiled against other bindings of it.
    ("impl/include/metaslot/atomics.h", ["stdatomic.h", "metaslot/"]),
    ("impl/include/metaslot/poison.h", ["sanitizer/", "metaslot/"]),
    ("impl/tests/", ["metaslot/", "cmocka.h", "sanitizer/"]),
    ("impl/", ["metaslot/"]),
    ("oracle/tests/", ["metaslot_oracle", "cmocka.h"]),
    ("oracle/", ["metaslot_oracle"]),
    # Subjects are written from the public header alone.
    ("harness/tests/subjects/", ["slotcheck/subject.h", "stdatomic.h"]),
    ("harness/examples/", ["slotcheck/subject.h", "stdatomic.h"]),
    # The adapter sees the implementation and not what judges it.
    ("harness/src/fingerprints.c", ["xxhash.h"]),
    ("harness/src/raw_slots.c", ["sanitizer/"]),
    ("harness/src/builtin_subject",
     ["metaslot/", "slotcheck/subject.h", "slotcheck/builtin_subject.h"]),
    ("harness/src/repr_check.c", ["metaslot/", "slotcheck/repr_check.h"]),
    ("harness/src/constants_agree.c", ["metaslot/layout.h", "metaslot_oracle", "slotcheck/subject.h"]),
    ("harness/bench/bare.c", ["metaslot/"]),
    ("harness/bench/bench_lockstep.c", ["slotcheck/", "x86intrin.h", "../src/phases.h"]),
    # The table counts tests where they are listed.
    ("harness/src/command/table.c", ["slotcheck/", "metaslot_oracle/seed.def", "clause_cases.def"]),
    ("harness/src/command/", ["slotcheck/", "jansson.h", "../divergence_build.h"]),
    # The states of a search are gone to, and taken apart.
    ("harness/tests/test_exhaust.c", ["slotcheck/", "cmocka.h", "exhaust_internal.h"]),
    ("harness/tests/", ["slotcheck/", "cmocka.h"]),
    # What Python sees: the public headers, and what a trial needs of the lockstep's own state.
    ("harness/py/", ["slotcheck/", "metaslot_oracle.h", "lockstep_internal.h", "spec_operations.h"]),
    ("harness/", ["metaslot_oracle", "slotcheck/"]),
    # The test of the mutator reaches into it.
    ("fuzz/tests/", ["slotcheck/", "cmocka.h", "mutator.c"]),
    # Embeds an interpreter.
    ("fuzz/targets/property.c", ["slotcheck/", "Python.h"]),
    ("fuzz/", ["slotcheck/"]),
]

# The same for packages of Python, beside the standard library's.
ALLOWED_MODULES: list[tuple[str, set[str]]] = [
    ("harness/py/", {"_slotcheck", "_slotcheck_signatures", "slotcheck", "hypothesis", "pytest",
                     "_pytest", "cffi", "pycparser", "setuptools", "restated", "model"}),
    ("harness/", {"pytest"}),
    ("fuzz/", {"campaign", "corpora", "mutation", "source_coverage", "dictionary", "afl_sync",
               "seed_corpora", "pytest", "yaml"}),
    ("reports/", {"jinja2", "mutants", "pytest"}),
]

IMPORT = re.compile(r"^(?:from|import) (\w+)", re.MULTILINE)

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def sources(suffixes: set[str]) -> Iterator[Path]:
    for folder in ["impl", "oracle", "harness", "fuzz", "reports"]:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path


def wrong_includes(name: str, text: str, root: Path = ROOT) -> list[str]:
    """The includes in file `name` that the arrows do not allow."""
    allowed = next(prefixes for prefix, prefixes in ALLOWED if name.startswith(prefix))
    beside = (root / name).parent
    return [
        include
        for include in INCLUDE.findall(text)
        if include not in LIBC
        and not any(include.startswith(prefix) for prefix in allowed)
        and not ("/" not in include and (beside / include).exists())
        and not ("/" not in include and include.endswith("_traps.def"))
    ]


@pytest.mark.parametrize("path", sources({".c", ".h", ".def"}), ids=lambda p: str(p.relative_to(ROOT)))
def test_arrows_go_one_way(path):
    assert wrong_includes(str(path.relative_to(ROOT)), path.read_text()) == []


@pytest.mark.parametrize("path", sources({".py"}), ids=lambda p: str(p.relative_to(ROOT)))
def test_python_keeps_to_the_arrows(path):
    name = str(path.relative_to(ROOT))
    allowed = next(modules for prefix, modules in ALLOWED_MODULES if name.startswith(prefix))
    imported = set(IMPORT.findall(path.read_text())) - sys.stdlib_module_names
    beside = {module for module in imported if (path.parent / f"{module}.py").exists()}
    assert imported - allowed - beside == set()


@pytest.mark.parametrize("name, include", [
    ("impl/src/frame.c", "metaslot_oracle/state.h"),
    ("impl/src/frame.c", "stdatomic.h"),
    ("oracle/src/specs.c", "metaslot/layout.h"),
    ("oracle/src/specs.c", "slotcheck/program.h"),
    ("harness/src/lockstep.c", "metaslot/frame.h"),
    ("harness/src/builtin_subject.c", "metaslot_oracle/state.h"),
    ("harness/tests/subjects/plain.c", "metaslot/layout.h"),
    ("fuzz/targets/lockstep.c", "metaslot/frame.h"),
])
def test_a_wrong_arrow_is_seen(name, include):
    assert wrong_includes(name, f'#include "{include}"\n') == [include]


@pytest.mark.parametrize(
    "path",
    [p for p in sources({".c", ".h", ".def", ".py", ".rs", ".cmake", ".sh"}) if p.stat().st_size]
    + [ROOT / "slotcheck"],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_every_source_names_its_licence(path):
    assert "SPDX-License-Identifier: MPL-2.0" in "".join(path.read_text().splitlines(True)[:3])


def test_sources_are_formatted():
    formatter = shutil.which("clang-format") or shutil.which("clang-format-14")
    assert formatter, "clang-format is missing; ./slotcheck test installs it"
    files = [str(path) for path in sources({".c", ".h"})]
    result = subprocess.run([formatter, "--dry-run", "-Werror", *files], cwd=ROOT,
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[:2000]


def test_every_operation_is_everywhere():
    """A row of ops.def has its three functions in the oracle and a member in the interface."""
    names = re.findall(r"^OP\((\w+),", (ROOT / "harness/include/slotcheck/ops.def").read_text(),
                       re.MULTILINE)
    reference = (ROOT / "oracle/include/metaslot_oracle/reference.h").read_text()
    interface = (ROOT / "harness/include/slotcheck/subject.h").read_text()
    seeds = "".join(path.read_text() for path in (ROOT / "corpus/seeds").glob("*.txt"))
    # Setups are made of other functions, or of one that any test could want.
    member = {"setup": "set_ref_count", "setup_list_id": "set_next_list_id",
              "lemma_layout": "slot_size"}
    for name in names:
        assert f"OPERATION({name});" in reference
        assert f"(*{member.get(name, name)})(" in interface
        assert re.search(rf"^{name}(@\d+)?\(", seeds, re.MULTILINE), f"no seed runs {name}"
