# SPDX-License-Identifier: MPL-2.0
"""What a run has checked: ledgers written, merged, printed and refused; and the table from the
specification to its tests."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ORACLE = ROOT / "oracle"

CLONE = "slotcheck program 1\nslots 4\nframe_from_unused(p0, probe(7))\nframe_clone(f0)\n"
DROP = "slotcheck program 1\nslots 4\nframe_from_unused(p0, probe(7))\nframe_drop(f0)\n"


@pytest.fixture
def ledger_of(slotcheck, tmp_path):
    """Runs programs, each a case file of this name, and gives the ledger."""

    def run(name: str, programs: dict[str, str], *options: str | Path) -> Path:
        for case, text in programs.items():
            (tmp_path / case).write_text(text)
        result = slotcheck("run", "--quiet", "--ledger", name, *options, *programs, cwd=tmp_path)
        assert result.returncode in (0, 1), result.stderr
        return tmp_path / name

    return run


def rows(path: Path, kind: str) -> list[list[str]]:
    lines = path.read_text().splitlines()
    return [line.split("\t")[1:] for line in lines if line.startswith(kind + "\t")]


def counts(path: Path) -> dict[tuple[str, str], tuple[int, int]]:
    return {(clause, op): (int(evaluated), int(decided))
            for clause, op, evaluated, decided in rows(path, "count")}


def clauses(result: subprocess.CompletedProcess) -> dict[str, dict]:
    return {clause["clause"]: clause for clause in json.loads(result.stdout)["clauses"]}


def only_line(stderr: bytes) -> str:
    lines = stderr.decode().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


# --- writing ---


def test_a_run_writes_what_it_evaluated(ledger_of):
    path = ledger_of("a.ledger", {"clone.txt": CLONE, "drop.txt": DROP})
    lines = path.read_text().splitlines()
    assert lines[0] == "slotcheck ledger 1"
    assert lines[1] == "runs\t1\t2"
    assert lines[-1] == f"end\t{len(lines) - 1}"
    counted = counts(path)
    assert counted["get_from_unused_spec/usage", "frame_from_unused"] == (2, 0)
    assert counted["inc_ref_count_spec/ref_count", "frame_clone"] == (1, 0)
    assert counted["drop_last_in_place/ref_count", "frame_drop"] == (1, 0)
    assert counted["exec/ref_count", "frame_drop"] == (1, 0)
    assert ("frame_drop/ref_count", "frame_clone") not in counted


def test_the_witness_is_the_first_case(ledger_of):
    path = ledger_of("a.ledger", {"clone.txt": CLONE, "drop.txt": DROP})
    first = {clause: case for clause, case, _ in rows(path, "clause")}
    assert first["get_from_unused_spec/usage"] == "clone.txt"
    assert first["inc_ref_count_spec/ref_count"] == "clone.txt"
    assert first["drop_last_in_place/ref_count"] == "drop.txt"


def test_a_clause_that_decided(ledger_of, build):
    fault = build / "subjects/fault_clone_uncounted.so"
    path = ledger_of("a.ledger", {"drop.txt": DROP, "clone.txt": CLONE}, "--subject", fault)
    assert counts(path)["inc_ref_count_spec/ref_count", "frame_clone"][1] == 1
    false_in = {clause: case for clause, _, case in rows(path, "clause")}
    assert false_in["inc_ref_count_spec/ref_count"] == "clone.txt"
    assert false_in["get_from_unused_spec/usage"] == ""


def test_a_subject_that_dies_decided_too(ledger_of, build):
    """The process that counted is gone; what it counted is not."""
    fault = build / "subjects/fault_crash.so"
    path = ledger_of("a.ledger", {"clone.txt": CLONE, "drop.txt": DROP, "last.txt": CLONE},
                     "--subject", fault)
    assert counts(path)["exec/process", "frame_drop"] == (1, 1)
    assert counts(path)["exec/process", "frame_clone"] == (2, 0)
    assert ["exec/process", "clone.txt", "drop.txt"] in rows(path, "clause")


def test_what_is_only_assumed_is_not_evaluated(ledger_of, slotcheck, build):
    path = ledger_of("a.ledger", {"drop.txt": DROP}, "--subject", build / "examples/subject_c.so")
    by_id = clauses(slotcheck("ledger", "--json", path))
    assert by_id["get_from_unused_spec/usage"]["verdict"] == "never evaluated"
    assert by_id["get_from_unused_spec/others"]["evaluated"] == 1


def test_no_ledger_beside_a_wrong_case(slotcheck, tmp_path):
    """A case that cannot be read is not run; the others are."""
    (tmp_path / "bad.txt").write_text("slotcheck program 1\nslots 4\nnonsense()\n")
    (tmp_path / "good.txt").write_text(DROP)
    result = slotcheck("run", "--ledger", "l", "bad.txt", "good.txt", cwd=tmp_path)
    assert result.returncode == 2
    assert rows(tmp_path / "l", "runs") == [["1", "1"]]


@pytest.mark.parametrize("name", ["tab\there.txt", "line\nend.txt", "back\\slash\\n.txt"])
def test_a_witness_of_any_name(name, ledger_of, slotcheck, tmp_path):
    path = ledger_of("a.ledger", {name: DROP})
    merged = tmp_path / "b.ledger"
    result = slotcheck("ledger", "--json", "-o", merged, path)
    assert clauses(result)["frame_drop/ref_count"]["first_evaluated"] == name
    assert merged.read_bytes() == path.read_bytes()


# --- merging ---


def test_the_sum(ledger_of, slotcheck, tmp_path):
    a = ledger_of("a.ledger", {"clone.txt": CLONE})
    b = ledger_of("b.ledger", {"drop.txt": DROP, "clone.txt": CLONE})
    merged = tmp_path / "merged.ledger"
    assert slotcheck("ledger", "-o", merged, a, b).returncode == 0
    assert rows(merged, "runs") == [["2", "3"]]
    x, y, both = counts(a), counts(b), counts(merged)
    assert both.keys() == x.keys() | y.keys()
    for key in both:
        assert both[key] == tuple(p + q for p, q in zip(x.get(key, (0, 0)), y.get(key, (0, 0))))
    first = {clause: case for clause, case, _ in rows(merged, "clause")}
    assert first["get_from_unused_spec/usage"] == "clone.txt"
    assert first["frame_drop/ref_count"] == "drop.txt"


def test_in_any_order_the_same_counts(ledger_of, slotcheck, tmp_path):
    a, b = ledger_of("a.ledger", {"c.txt": CLONE}), ledger_of("b.ledger", {"d.txt": DROP})
    slotcheck("ledger", "-o", tmp_path / "ab", a, b)
    slotcheck("ledger", "-o", tmp_path / "ba", b, a)
    assert counts(tmp_path / "ab") == counts(tmp_path / "ba")


def test_a_merged_ledger_may_be_one_of_those_merged(ledger_of, slotcheck):
    a, b = ledger_of("a.ledger", {"c.txt": CLONE}), ledger_of("b.ledger", {"d.txt": DROP})
    assert slotcheck("ledger", "-o", a, a, b).returncode == 0
    assert rows(a, "runs") == [["2", "2"]]


def test_a_soak_leaves_one(build, slotcheck, tmp_path):
    subprocess.run([build / "harness/tests/soak", "2000", "builtin"], check=True, timeout=60,
                   env={"SLOTCHECK_LEDGERS": str(tmp_path)}, stdout=subprocess.DEVNULL)
    (path,) = tmp_path.iterdir()
    assert slotcheck("ledger", path).returncode == 0
    assert sum(n for (clause, _), (n, _) in counts(path).items() if clause == "exec/result") >= 2000


def test_statistics_of_a_fuzz_target(build, slotcheck, tmp_path):
    """They are read as they are, and know no case."""
    target = build / "fuzz/lockstep"
    case = tmp_path / "case"
    slotcheck("pack", "-o", case, "-", input=DROP.encode())
    subprocess.run([target, case], check=True, timeout=60, capture_output=True,
                   env={"SLOTCHECK_STATS": str(tmp_path / "stats")})
    text = slotcheck("run", "--ledger", tmp_path / "ledger", case)
    assert text.returncode == 0
    merged = tmp_path / "merged"
    assert slotcheck("ledger", "-o", merged, tmp_path / "stats").returncode == 0
    assert counts(merged) == counts(tmp_path / "ledger")
    assert rows(merged, "clause") == []

    whole = (tmp_path / "stats").read_bytes()
    (tmp_path / "cut").write_bytes(whole[:-8])
    result = slotcheck("ledger", tmp_path / "cut")
    assert result.returncode == 2
    assert "statistics of another slotcheck" in only_line(result.stderr)


# --- printing ---


def test_what_was_not_checked_comes_first(ledger_of, slotcheck, build):
    fault = build / "subjects/fault_clone_uncounted.so"
    path = ledger_of("a.ledger", {"drop.txt": DROP, "clone.txt": CLONE}, "--subject", fault)
    text = slotcheck("ledger", path).stdout.decode()
    heads = ["never evaluated:", "evaluated, and never seen to fail:",
             "evaluated; only the reference can break them:", "evaluated, and seen to fail:"]
    assert [line for line in text.splitlines() if line.endswith(":")][1:] == heads[1:]
    assert text.startswith("never evaluated:")
    at = [text.index(head) for head in heads]
    order = {"lemma_layout/size_of": 0, "get_from_unused_spec/usage": 1, "wf/storage": 2,
             "inc_ref_count_spec/ref_count": 3}
    for clause, group in order.items():
        begin = text.index(f"  {clause} ")
        assert at[group] < begin and (group == 3 or begin < at[group + 1]), clause
    by_id = clauses(slotcheck("ledger", "--json", path))
    json_order = [clause["verdict"] for clause in by_id.values()]
    verdicts = ["never evaluated", "never false", "only the reference", "decided"]
    assert json_order == sorted(json_order, key=verdicts.index)


def test_a_line_of_the_table(ledger_of, slotcheck, build):
    fault = build / "subjects/fault_clone_uncounted.so"
    path = ledger_of("a.ledger", {"drop.txt": DROP, "clone.txt": CLONE}, "--subject", fault)
    lines = slotcheck("ledger", path).stdout.decode().splitlines()
    line = next(line for line in lines if line.startswith("  inc_ref_count_spec/ref_count "))
    assert re.split(r"  +", line.strip()) == [
        "inc_ref_count_spec/ref_count", "2", "1", "1: frame_clone", "first in clone.txt",
        "false in clone.txt"]
    assert re.fullmatch(r"2 programs in 1 run; of \d+ clauses \d+ never evaluated, "
                        r"\d+ never seen to fail, \d+ breakable by the reference only, "
                        r"\d+ seen to fail", lines[-1])


def test_require_all(ledger_of, slotcheck, tmp_path):
    path = ledger_of("a.ledger", {"drop.txt": DROP})
    assert slotcheck("ledger", path).returncode == 0
    assert slotcheck("ledger", "--require-all", path).returncode == 1
    ids = [clause["id"] for clause in json.loads(slotcheck("spec", "--json").stdout)]
    everything = [f"count\t{id}\tget_slot\t1\t0" for id in ids]
    lines = ["slotcheck ledger 1", "runs\t1\t1", *everything]
    (tmp_path / "all").write_text("\n".join([*lines, f"end\t{len(lines)}", ""]))
    assert slotcheck("ledger", "--require-all", tmp_path / "all").returncode == 0


def test_a_good_subject_breaks_nothing_and_faults_break_only_what_a_subject_can(
        ledger_of, slotcheck, build, project, tmp_path):
    """Also a test of the reasons why only the reference can break a clause."""
    slotcheck("run", "--ledger", tmp_path / "good", project / "corpus/seeds")
    good = clauses(slotcheck("ledger", "--json", tmp_path / "good"))
    assert not [id for id, clause in good.items() if clause["false"]]
    excused = {id for id, clause in good.items() if clause["verdict"] == "only the reference"}
    assert excused

    faults = [path for path in sorted((build / "subjects").glob("fault_*.so"))
              if "hang" not in path.name]
    for fault in faults:
        slotcheck("run", "--quiet", "--subject", fault, "--ledger", tmp_path / fault.name,
                  project / "corpus/seeds")
    ledgers = [tmp_path / fault.name for fault in faults if (tmp_path / fault.name).exists()]
    assert len(ledgers) > 20
    by_id = clauses(slotcheck("ledger", "--json", *ledgers))
    broken = {id for id, clause in by_id.items() if clause["false"]}
    assert len(broken) > 40
    assert not broken & excused


# --- what cannot be read or written ---

GOOD = ["slotcheck ledger 1", "runs\t1\t1", "clause\twf/storage\ta.txt\t",
        "count\twf/storage\tget_slot\t2\t1", "end\t4"]


def with_line(at: int, line: str) -> str:
    return "\n".join([*GOOD[:at], line, *GOOD[at + 1:], ""])


def test_the_ledger_that_the_bad_ones_are_made_of(slotcheck, tmp_path):
    (tmp_path / "l").write_text(with_line(0, GOOD[0]))
    result = slotcheck("ledger", tmp_path / "l")
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.parametrize("text, line, message", [
    ("", 1, "neither a ledger nor"),
    ("something else\n", 1, "neither a ledger nor"),
    (with_line(0, "slotcheck ledger 2"), 1, "version 2; this slotcheck knows 1"),
    (with_line(0, "slotcheck ledger x"), 1, "`x` is no number"),
    (with_line(0, "slotcheck ledger "), 1, "`` is no number"),
    ("\n".join(GOOD[:4]) + "\n", 5, "cut short"),
    ("\n".join(GOOD[:4]), 4, "cut short"),
    ("\n".join([*GOOD[:2], *GOOD[3:]]) + "\n", 4, "4 lines stood before this one, and 3"),
    (with_line(4, "end"), 5, "`end` and the number"),
    (with_line(4, "end\t4\nmore"), 6, "something behind"),
    (with_line(2, "clause\twf/nothing\ta.txt\t"), 3, "no clause `wf/nothing`"),
    (with_line(3, "count\twf/nothing\tget_slot\t2\t1"), 4, "no clause `wf/nothing`"),
    (with_line(3, "count\twf/storage\tget_nothing\t2\t1"), 4, "no operation `get_nothing`"),
    (with_line(3, "count\twf/storage\tget_slot\t-2\t1"), 4, "`-2` is no number"),
    (with_line(3, "count\twf/storage\tget_slot\t18446744073709551616\t1"), 4, "is no number"),
    (with_line(3, "count\twf/storage\tget_slot\t1\t2"), 4, "decided more often"),
    (with_line(3, "count\twf/storage\tget_slot\t1"), 4, "neither runs, clause, count nor end"),
    (with_line(3, "count\twf/storage\tget_slot\t1\t1\t1"), 4, "neither runs, clause, count"),
    (with_line(3, "other\t1\t2"), 4, "neither runs, clause, count nor end"),
    (with_line(1, "runs\t1\tmany"), 2, "`many` is no number"),
    (with_line(2, "clause\twf/storage\ta\0b\t"), 3, "a zero byte"),
])
def test_a_bad_ledger_is_one_line(text, line, message, slotcheck, tmp_path):
    good = tmp_path / "good.ledger"
    good.write_text(with_line(0, GOOD[0]))
    (tmp_path / "bad").write_text(text)
    result = slotcheck("ledger", "-o", "merged", good, "bad", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout == b""
    assert only_line(result.stderr).startswith(f"slotcheck: bad:{line}: ")
    assert message in only_line(result.stderr)
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize("path, message", [("missing", "No such file"), (".", "Is a directory")])
def test_no_ledger_there(path, message, slotcheck, tmp_path):
    result = slotcheck("ledger", path, cwd=tmp_path)
    assert result.returncode == 2
    assert only_line(result.stderr) == f"slotcheck: {path}: {message}" + " or directory" * (
        path == "missing")


@pytest.mark.parametrize("output, message", [
    ("missing/l", "No such file or directory"), (".", "not a regular file"),
    ("/dev/full", "not a regular file"), ("pipe", "not a regular file")])
@pytest.mark.parametrize("command", ["run", "ledger"])
def test_an_output_that_cannot_be_written(command, output, message, slotcheck, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "good").write_text(with_line(0, GOOD[0]) if command == "ledger" else DROP)
    option = "-o" if command == "ledger" else "--ledger"
    result = slotcheck(command, option, output, "good", cwd=tmp_path)
    assert result.returncode == 2
    assert only_line(result.stderr) == f"slotcheck: {output}: {message}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good", "pipe"]


def test_a_full_disk_leaves_the_earlier_ledger(slotcheck, tmp_path):
    path = tmp_path / "l"
    path.write_text(with_line(0, GOOD[0]))
    (tmp_path / "case.txt").write_text(DROP)
    result = slotcheck("run", "--ledger", path, tmp_path / "case.txt", preexec_fn=lambda: (
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))))
    assert result.returncode == 2
    assert "File too large" in only_line(result.stderr)
    assert path.read_text() == with_line(0, GOOD[0])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["case.txt", "l"]


@pytest.mark.parametrize("arguments", [["ledger"], ["ledger", "--nonsense", "x"], ["ledger", "-o"]])
def test_wrong_usage(arguments, slotcheck):
    assert slotcheck(*arguments).returncode == 2


@pytest.mark.parametrize("command", ["run", "ledger", "spec"])
def test_help_has_an_example(command, slotcheck):
    result = slotcheck(command, "--help")
    assert result.returncode == 0
    assert re.search(rf"^Example:\n.*\./slotcheck {command} ", result.stdout.decode(),
                     re.MULTILINE | re.DOTALL)


# --- run --spec ---

# The verified push_back inserts before the last element.
PUSH_BACK = """slotcheck program 2
slots 4
list_new()
unique_frame_from_unused(p0, link(0))
unique_frame_from_unused(p1, link(0))
list_push_back(l0, u0)
list_push_back(l0, u0)
"""


def test_the_variants_disagree_where_the_sources_do(slotcheck, tmp_path):
    (tmp_path / "push.txt").write_text(PUSH_BACK)
    assert slotcheck("run", "push.txt", cwd=tmp_path).returncode == 0
    assert slotcheck("run", "--spec", "ostd", "push.txt", cwd=tmp_path).returncode == 0
    result = slotcheck("run", "--json", "--spec", "vostd", "push.txt", cwd=tmp_path)
    assert result.returncode == 1
    record = json.loads(result.stdout)
    assert record["operation"] == "list_push_back"
    assert record["replay"] == "./slotcheck run --spec vostd push.txt"
    assert "list_push_back/list" in [clause["id"] for clause in record["clauses"]]


def test_other_cases_agree_in_both_variants(slotcheck, tmp_path):
    (tmp_path / "case.txt").write_text(CLONE)
    for variant in ["ostd", "vostd"]:
        assert slotcheck("run", "--spec", variant, tmp_path / "case.txt").returncode == 0


def test_no_such_variant(slotcheck, tmp_path):
    result = slotcheck("run", "--spec", "osdt", tmp_path)
    assert result.returncode == 2
    assert "--spec osdt: neither ostd nor vostd" in result.stderr.decode()


# --- the table ---

# Every name of the MetaSlot page that is its own, in its order; written from the page.
METHODS = """lemma_layout cast_slot get_from_unused_inner_perms_spec get_from_unused_spec
    get_node_from_unused_spec slot_perm_extracted_spec slot_perm_reparked_spec
    live_frame_obligations_ok_spec live_frame_obligations_err_spec get_from_unused_perm_spec
    inc_ref_count_panic_cond frame_paddr_safety_cond get_from_in_use_success
    drop_last_in_place_safety_cond inc_ref_count_spec""".split()
REPR = """wf to_repr_spec to_repr from_repr_spec from_repr from_borrowed from_to_repr to_from_repr
    to_repr_wf Perm""".split()
PAGE = [
    *(("Struct MetaSlot", n) for n in "MetaSlot storage ref_count vtable_ptr in_list".split()),
    *(("impl MetaSlot", name) for name in METHODS),
    ("impl OwnerOf for MetaSlot", "wf"),
    ("impl OwnerOf for MetaSlot", "Owner"),
    *(("impl Repr<MetaSlot> for Metadata<M>", name) for name in REPR),
    *(("impl Repr<MetaSlot> for MetadataAsLink<M>", name) for name in REPR),
]
DEFINITIONS = (ORACLE / "include/metaslot_oracle/seed.def").read_text()
ROW = re.compile(r'^SEED\("(\w+)",\s+"([^"]+)",\s+(\w+),\s+"([^"]+)",\s+"([^"]*)",\s+"([^"]*)",\s+'
                 r'"([^"]*)"\)', re.MULTILINE)
JUDGED = re.compile(r'^JUDGED\((\w+), (\w+), "([^"]+)", "([^"]*)"\)', re.MULTILINE)


@pytest.fixture(scope="module")
def table(slotcheck, project) -> str:
    result = slotcheck("spec", "--table", "--corpus", project / "corpus/seeds")
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout.decode()


def cells(table: str, heading: str) -> list[list[str]]:
    part = table.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_the_committed_table_is_current(table):
    assert table == (ORACLE / "TRACEABILITY.md").read_text(), (
        "make it anew: ./slotcheck spec --table > oracle/TRACEABILITY.md")


def test_nothing_is_missing(table):
    assert "MISSING" not in table


def test_every_name_of_the_page_is_in_the_list():
    assert [(heading, name) for name, heading, *_ in ROW.findall(DEFINITIONS)] == PAGE
    assert DEFINITIONS.count("\nSEED(") == len(PAGE)


def test_every_name_of_the_page_is_in_the_table_with_a_seed_and_a_test(table):
    in_table = cells(table, "The names of the page")
    assert list(dict.fromkeys((row[1], row[0].strip("`")) for row in in_table)) == PAGE
    for name, _, _, _, seeds, tests in in_table:
        assert seeds.endswith(".txt") and tests, name


def test_every_clause_is_in_the_table(table, slotcheck):
    ids = {clause["id"] for clause in json.loads(slotcheck("spec", "--json").stdout)}
    page = {row[2] for row in cells(table, "The names of the page")} - {"-"}
    beside = {row[0] for row in cells(table, "Beside the page")}
    assert page | beside == ids


def test_what_mirrors_a_name_is_where_the_list_says():
    mirrors = [(row[2], row[3]) for row in ROW.findall(DEFINITIONS)]
    mirrors += [(row[1], row[2]) for row in JUDGED.findall(DEFINITIONS)]
    assert len(mirrors) == DEFINITIONS.count("\nSEED(") + DEFINITIONS.count("\nJUDGED(")
    for identifier, file in mirrors:
        assert re.search(rf"\b{identifier}\b", (ORACLE / file).read_text()), (identifier, file)


def test_every_name_of_the_page_is_found_in_the_oracle():
    """By searching for the very name."""
    sources = "".join(path.read_text() for path in sorted(ORACLE.rglob("*.[ch]")))
    for _, name in PAGE:
        word = rf"\b(\w+_)?{name}\b" if name not in ("MetaSlot", "Owner", "Perm") else name
        assert re.search(word, sources), name


def test_words_of_the_list_are_known(slotcheck):
    ids = json.loads(slotcheck("spec", "--json").stdout)
    known = {clause["id"] for clause in ids} | {clause["function"] for clause in ids}
    ops = (ROOT / "harness/include/slotcheck/ops.def").read_text()
    operations = set(re.findall(r"^OP\((\w+),", ops, re.MULTILINE))
    for name, _, _, _, of_clauses, of_operations, tests in ROW.findall(DEFINITIONS):
        assert set(of_clauses.split()) <= known, name
        assert of_operations and set(of_operations.split()) <= operations, name
        assert tests, name
    assert {row[0] for row in JUDGED.findall(DEFINITIONS)} <= known


def test_named_tests_exist(table, build):
    listed = subprocess.run(["ctest", "--test-dir", build, "-N"], capture_output=True, text=True,
                            check=True, timeout=60).stdout
    there_are = set(re.findall(r"^ +Test +#\d+: (\S+)$", listed, re.MULTILINE))
    rows_of_both = cells(table, "The names of the page") + cells(table, "Beside the page")
    named = {re.sub(r" \(\d+\)$", "", test) for row in rows_of_both for test in row[5].split(", ")}
    assert named and named <= there_are


def test_named_seeds_evaluate_the_clause(table, slotcheck, project, tmp_path):
    row = next(row for row in cells(table, "The names of the page")
               if row[2] == "get_from_in_use_success/ref_count")
    for seed in row[4].split(", "):
        slotcheck("run", "--ledger", tmp_path / "l", project / "corpus/seeds" / seed)
        assert any(clause == row[2] for clause, _ in counts(tmp_path / "l"))


def test_a_clause_without_a_seed_is_missing(slotcheck, tmp_path):
    (tmp_path / "only.txt").write_text(DROP)
    result = slotcheck("spec", "--table", "--corpus", tmp_path)
    assert result.returncode == 1
    line = next(line for line in result.stdout.decode().splitlines() if "cast_slot/addr" in line)
    assert "**MISSING**" in line
    assert re.fullmatch(r"slotcheck: \d+ times there is no seed case, test or function",
                        only_line(result.stderr))


@pytest.mark.parametrize("arguments, message", [
    (["--table", "--json"], "--table is of all functions"),
    (["--table", "wf"], "--table is of all functions"),
    (["--corpus", "x"], "--corpus says where"),
    (["--table", "--corpus", "missing"], "missing: No such file or directory"),
])
def test_wrong_usage_of_the_table(arguments, message, slotcheck, tmp_path):
    result = slotcheck("spec", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr.decode()


@pytest.mark.parametrize("words", [["run", "--quiet", "--ledger"], ["ledger", "-o"]])
def test_what_is_no_ledger_is_not_replaced(words, slotcheck, tmp_path):
    """A forgotten argument must not cost somebody a seed."""
    text = "slotcheck program 2\nslots 1\nget_slot(p0)  # a comment\n"
    case, seed = tmp_path / "case.txt", tmp_path / "seed.txt"
    case.write_text(text)
    seed.write_text(text)
    result = slotcheck(*words, seed, case)
    assert result.returncode == 2
    assert b"no ledger" in result.stderr and str(seed).encode() in result.stderr
    assert result.stdout == b""
    assert seed.read_text() == text
    # Where it cannot be written nothing is run, either.
    result = slotcheck(*words, tmp_path / "no/folder", case)
    assert result.returncode == 2 and result.stdout == b""


def test_a_text_is_not_packed_over_itself(slotcheck, tmp_path):
    case = tmp_path / "case.txt"
    case.write_text("slotcheck program 2\nslots 1\nget_slot(p0)  # a comment\n")
    result = slotcheck("pack", case, "-o", case)
    assert result.returncode == 2
    assert b"# a comment" in case.read_bytes()
