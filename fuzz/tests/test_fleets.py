# SPDX-License-Identifier: MPL-2.0
"""The folder that build.sh makes for fleets, moved elsewhere, before the checks that they make."""
from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

import base_runner
import seed_corpora
from base_runner import run_fuzzer
from campaign.afl import read_stats
from fleet import BUILD_SH, ROOT, clean_environment
from source_coverage.slots import TYPES

TARGETS = ["lockstep", "program_bytes", "program_text", "repr"]
SANITIZERS = ["address", "undefined", "memory"]
BESIDE = {"lockstep": ["dict"], "program_bytes": ["dict"], "program_text": ["dict"], "repr": []}


# Each has one for each file: none has hidden another.
TEXTS = sorted(path.name for folder in ("seeds", "regressions")
               for path in (ROOT / "corpus" / folder).glob("*.txt"))
SLOTS = sorted(path.stem for path in (ROOT / "corpus/repr").glob("*.slot"))
PACKED = sorted(name.removesuffix(".txt") for name in TEXTS)
SEEDS_OF = {"lockstep": PACKED, "program_bytes": PACKED, "program_text": TEXTS, "repr": SLOTS}


# --- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize("engine, sanitizer", [*[("libfuzzer", s) for s in SANITIZERS],
                                               ("afl", "address"), ("libfuzzer", "coverage")])
def test_what_is_in_the_folder(engine, sanitizer, fleet):
    out = fleet.out(engine, sanitizer)
    assert base_runner.find_targets(out) == TARGETS
    expected = {f"{target}{end}" for target in TARGETS
                for end in ["", "_seed_corpus.zip", ".options",
                            *[f".{beside}" for beside in BESIDE[target]]]}
    assert {path.name for path in out.iterdir()} == expected
    for target in TARGETS:
        assert base_runner.TARGET_NAME.fullmatch(target)
        assert base_runner.machine_of(out / target) == base_runner.ELF_MACHINE[platform.machine()]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("sanitizer", SANITIZERS)
def test_libfuzzer(sanitizer, target, fleet, tmp_path):
    """Start-up, instrumentation, seeds, tiny inputs and the dictionary, from another folder."""
    program = fleet.out("libfuzzer", sanitizer) / target
    begin = run_fuzzer(program, "-seed=1337", f"-runs={base_runner.MIN_RUNS}", cwd=tmp_path)
    assert begin.returncode == 0, begin.stderr
    assert f"Done {base_runner.MIN_RUNS} runs" in begin.stderr
    assert base_runner.edges_of(begin.stderr) >= base_runner.MIN_EDGES
    dictionary = program.with_suffix(".dict")
    if dictionary.exists():
        entries = base_runner.dictionary_entries(dictionary)
        assert entries > 0 and f"Dictionary: {entries} entries" in begin.stderr
    check_seeds(program, tmp_path)
    fuzzed = run_fuzzer(program, "-seed=1337", "-runs=1000", tmp_path / "seeds", cwd=tmp_path)
    assert fuzzed.returncode == 0, fuzzed.stderr
    tiny = [tmp_path / f"tiny-{size}" for size in range(3)]
    for size, path in enumerate(tiny):
        path.write_bytes(b"\n" * size)
    started = run_fuzzer(program, *tiny, cwd=tmp_path)
    assert started.returncode == 0, started.stderr


def check_seeds(program: Path, folder: Path) -> None:
    seeds = base_runner.unpack_seeds(program, folder / "seeds")
    options = base_runner.parse_options(program.with_name(f"{program.name}.options"))
    assert sorted(seed.name for seed in seeds) == SEEDS_OF[program.name]
    # One that is longer is cut.
    assert max(path.stat().st_size for path in seeds) <= min(options.max_len, base_runner.MAX_SEED)
    ran = run_fuzzer(program, "-runs=0", folder / "seeds", cwd=folder)
    assert ran.returncode == 0, ran.stderr
    assert f"{len(seeds)} files found" in ran.stderr
    corpus = re.search(r"INITED cov: \d+ ft: \d+ corp: (\d+)/", ran.stderr)
    assert corpus and int(corpus[1]) > 5, ran.stderr


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("engine, sanitizer", [*[("libfuzzer", s) for s in SANITIZERS],
                                               ("afl", "address")])
def test_no_sanitizer_is_missing_or_mixed(engine, sanitizer, target, fleet):
    counts = base_runner.count_calls(fleet.out(engine, sanitizer) / target)
    assert base_runner.check_sanitizers(sanitizer, counts) == []
    for other in set(SANITIZERS) - {sanitizer}:
        assert base_runner.check_sanitizers(other, counts) != []


@pytest.mark.parametrize("line, sanitizers", [
    ("  401136:\te8 05 \tcall   40114b <__asan_report_load8>", ["asan"]),
    ("  401136:\te8 05 \tcallq  0x40114b <__msan_warning@plt>", ["msan"]),
    ("   1f2c0:\t97ff9a2c \tbl\t5b70 <__asan_report_load8@plt>", ["asan"]),
    ("   1f2c0: 97ff9a2c     \tbl\t0x5b70 <__ubsan_handle_add_overflow>", ["ubsan"]),
    ("   1f2c0:\t14000001 \tb\t5b70 <__asan_report_load8>", []),
    ("  401136:\te8 05 \tcall   40114b <frame_drop>", []),
])
def test_calls_of_either_architecture(line, sanitizers):
    assert base_runner.CALL.findall(line) == sanitizers


def test_without_anything_in_the_environment(fleet, tmp_path):
    """The targets' own defaults will do: no report of what is only coverage for a fleet."""
    program = fleet.out("libfuzzer", "undefined") / "lockstep"
    base_runner.unpack_seeds(program, tmp_path / "seeds")
    ran = subprocess.run([program, "-runs=0", tmp_path / "seeds"], cwd=tmp_path, env={}, text=True,
                         capture_output=True)
    assert ran.returncode == 0, ran.stderr
    assert "runtime error" not in ran.stderr


@pytest.mark.parametrize("target", TARGETS)
def test_afl(target, fleet, tmp_path):
    program = fleet.out("afl", "address") / target
    inputs = tmp_path / "in"
    inputs.mkdir()
    (inputs / "input").write_text("input\n")  # run_fuzzer: it wants one
    dictionary = program.with_suffix(".dict")
    command = ["afl-fuzz", "-m", "none", "-t", "5000+", "-E", "300", "-s", "1", "-i", inputs,
               "-o", tmp_path / "out", *(["-x", dictionary] if dictionary.exists() else []),
               "--", program]
    fuzzed = subprocess.run(command, cwd=tmp_path, env=base_runner.AFL_ENVIRONMENT, text=True,
                            capture_output=True, errors="replace", timeout=300)
    output = fuzzed.stdout + fuzzed.stderr
    assert "All set and ready to roll" in output, output
    assert not re.search("target binary (crashed|terminated)", output)
    assert not list((tmp_path / "out/default/crashes").iterdir())
    # A fleet's compiler instruments the harness, too; what it shows depends on nothing before.
    assert read_stats(tmp_path / "out/default")["stability"] == "100.00%"
    if dictionary.exists():
        loaded = re.search(r"Loaded (\d+) extra tokens", output)
        assert loaded and int(loaded[1]) == base_runner.dictionary_entries(dictionary)


def run_alone(program: Path, inputs: list[Path]) -> None:
    """Without AFL++, whose afl-showmap passes over inputs that crash."""
    ran = subprocess.run([program, *inputs], cwd=inputs[0].parent, text=True, capture_output=True,
                         env=base_runner.AFL_ENVIRONMENT, errors="replace", timeout=300)
    assert ran.returncode == 0, ran.stdout[-300:] + ran.stderr[-2000:]
    assert (ran.stdout + ran.stderr).count("Execution successful") == len(inputs)


@pytest.mark.parametrize("target", TARGETS)
def test_afl_sees_what_the_seeds_reach(target, fleet, tmp_path):
    program = fleet.out("afl", "address") / target
    run_alone(program, base_runner.unpack_seeds(program, tmp_path / "seeds"))
    shown = subprocess.run(["afl-showmap", "-m", "none", "-C", "-i", tmp_path / "seeds", "-o",
                            tmp_path / "map", "--", program], cwd=tmp_path, text=True,
                           env=base_runner.AFL_ENVIRONMENT, capture_output=True, timeout=300)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    reached = len((tmp_path / "map").read_text().splitlines())
    assert reached > (1000 if target == "lockstep" else 50)


@pytest.mark.parametrize("target, sources, percent", [
    ("lockstep", "impl/src/meta_slot.c", 80),
    ("program_bytes", "harness/src/program.c", 60),
    ("program_text", "harness/src/program_text.c", 60),
    ("repr", "impl/src/repr.c", 60),
])
def test_coverage(target, sources, percent, fleet, tmp_path):
    """As the script `coverage` does it: a merge over the corpus, its profile, and the export."""
    program = fleet.out("libfuzzer", "coverage") / target
    base_runner.unpack_seeds(program, tmp_path / "seeds")
    (tmp_path / "empty").mkdir()
    ran = run_fuzzer(program, "-merge=1", "-timeout=100", tmp_path / "empty", tmp_path / "seeds",
                     cwd=tmp_path, LLVM_PROFILE_FILE=str(tmp_path / "%1m.profraw"))
    assert ran.returncode == 0, ran.stderr
    profile = tmp_path / "profdata"
    raw = list(tmp_path.glob("*.profraw"))
    subprocess.run(["llvm-profdata", "merge", "-sparse", *raw, "-o", profile], check=True)
    exported = subprocess.run(["llvm-cov", "export", "-summary-only", f"-instr-profile={profile}",
                               f"-object={program}"], check=True, capture_output=True).stdout
    files = {file["filename"]: file["summary"] for file in json.loads(exported)["data"][0]["files"]}
    assert files[str(ROOT / sources)]["lines"]["percent"] > percent


# --- seeds ----------------------------------------------------------------------------------------


def test_seeds_are_the_same_whoever_packs_them_and_when(tmp_path):
    packed, text, zips = tmp_path / "packed", tmp_path / "seed.txt", []
    packed.mkdir()
    (packed / "seed").write_bytes(b"\x02\x00")
    text.write_text("slotcheck program 2\nslots 1\n")
    for mask, zone in ((0o077, "Asia/Tokyo"), (0o022, "UTC")):
        out = tmp_path / zone.replace("/", "-")
        out.mkdir()
        before = os.umask(mask)
        try:
            subprocess.run([ROOT / "fuzz/seed_corpora.py", "--out", out, "--packed", packed, "--slots",
                            ROOT / "corpus/repr", text],
                           env=os.environ | {"TZ": zone}, check=True)
        finally:
            os.umask(before)
        os.utime(text, (0, 0))
        zips.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert zips[0] == zips[1]
    assert sorted(zips[0]) == [f"{target}_seed_corpus.zip" for target in TARGETS]


def test_there_are_seeds():
    assert len(TEXTS) > 50 and len(SLOTS) > 10


def test_slots_have_every_type_and_are_whole():
    slots = seed_corpora.slots(ROOT / "corpus/repr")
    assert sorted(slots) == SLOTS
    assert {slot[0] for slot in slots.values()} == set(range(len(TYPES)))
    assert {len(slot) for slot in slots.values()} == {65}
    assert len(set(slots.values())) == len(slots)
    empty = slots["empty"]
    assert empty[:3] == b"\0\0\1" and empty[40] == 0xff and not any(empty[41:])


def test_a_slot_that_is_none_is_one_line(tmp_path):
    (tmp_path / "odd.slot").write_text("link\n01 zz\n")
    packed = tmp_path / "packed"
    packed.mkdir()
    text = next((ROOT / "corpus/seeds").glob("*.txt"))
    result = subprocess.run([ROOT / "fuzz/seed_corpora.py", "--out", tmp_path, "--packed", packed,
                             "--slots", tmp_path, text], text=True, capture_output=True)
    assert result.returncode == 2
    assert result.stderr == f"seed_corpora.py: {tmp_path}/odd.slot:2: 'zz' is no byte of two digits\n"
    assert not list(tmp_path.glob("*.zip"))


def test_one_name_twice_is_refused(tmp_path):
    """Before anything is built."""
    for folder in ("seeds", "regressions"):
        (tmp_path / "corpus" / folder).mkdir(parents=True)
        (tmp_path / "corpus" / folder / "drop.txt").write_text("slotcheck program 1\nslots 1\n")
    (tmp_path / "fuzz").mkdir()
    shutil.copy(BUILD_SH, tmp_path / "fuzz")
    result = subprocess.run([tmp_path / "fuzz/build.sh"], env=clean_environment(OUT=tmp_path / "out"),
                            text=True, capture_output=True)
    assert result.returncode == 2 and result.stderr.count("\n") == 1, result.stderr
    assert "corpus/seeds/drop.txt: corpus/regressions has" in result.stderr
    assert not list((tmp_path / "out").iterdir())


# --- what cannot be built -------------------------------------------------------------------------


@pytest.mark.parametrize("variables, complaint", [
    ({}, "OUT is not set"),
    ({"OUT": "out", "FUZZING_ENGINE": "honggfuzz"}, "FUZZING_ENGINE=honggfuzz"),
    ({"OUT": "out", "SANITIZER": "hwaddress"}, "SANITIZER=hwaddress"),
    ({"OUT": "out", "FUZZING_ENGINE": "afl", "SANITIZER": "memory"}, "SANITIZER=memory"),
    ({"OUT": "out", "FUZZING_ENGINE": "afl", "SANITIZER": "coverage"}, "SANITIZER=coverage"),
    ({"OUT": "out", "ARCHITECTURE": "i386"}, "ARCHITECTURE=i386"),
    ({"OUT": "/proc/out"}, "/proc/out"),
    ({"OUT": "out", "WORK": "/dev/null"}, "/dev/null"),
])
def test_what_is_refused(variables, complaint, tmp_path):
    result = subprocess.run([BUILD_SH], env=clean_environment(**variables), cwd=tmp_path, text=True,
                            capture_output=True)
    assert result.returncode == 2
    assert result.stdout == "" and result.stderr.count("\n") == 1
    assert complaint in result.stderr
    assert not list(tmp_path.glob("out/*"))


def test_help():
    result = subprocess.run([BUILD_SH, "--help"], text=True, capture_output=True)
    assert result.returncode == 0 and "example:" in result.stdout
    assert subprocess.run([BUILD_SH, "--frob"], capture_output=True).returncode == 2


def test_where_the_disk_is_full_the_old_target_stays(tmp_path):
    """No file may grow to the size of a target. Of the script, only that step: no compiler would
    get there."""
    out, new, script = tmp_path / "out", tmp_path / "lockstep", tmp_path / "script"
    out.mkdir()
    (out / "lockstep").write_text("old")
    new.write_bytes(bytes(1 << 20))
    functions = BUILD_SH.read_text().rpartition("\nmain ")[0]
    script.write_text(f"{functions}\ntrap '' XFSZ\nulimit -f 8\nOUT={out} deliver {new}\n")
    result = subprocess.run(["bash", script], text=True, capture_output=True)
    assert result.returncode == 2 and result.stderr.count("\n") == 1, result.stderr
    assert str(out / "lockstep") in result.stderr
    assert [path.read_bytes() for path in out.iterdir()] == [b"old"]


# --- the files that fleets read -------------------------------------------------------------------

# actions/build_fuzzers/action.yml and actions/run_fuzzers/action.yml of google/clusterfuzzlite.
BUILD_INPUTS = {"language", "dry-run", "allowed-broken-targets-percentage", "sanitizer",
                "project-src-path", "bad-build-check", "storage-repo", "storage-repo-branch",
                "storage-repo-branch-coverage", "upload-build", "github-token"}
RUN_INPUTS = {"language", "fuzz-seconds", "dry-run", "sanitizer", "mode", "github-token",
              "storage-repo", "storage-repo-branch", "storage-repo-branch-coverage",
              "report-unreproducible-crashes"}
ACTIONS = {"google/clusterfuzzlite/actions/build_fuzzers@v1": BUILD_INPUTS,
           "google/clusterfuzzlite/actions/run_fuzzers@v1": RUN_INPUTS}


def steps_of(workflow: dict) -> list[dict]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_workflows():
    """Names that an action does not know it would pass over."""
    modes = {}
    for path in (ROOT / ".github/workflows").glob("cflite_*.yml"):
        workflow = yaml.safe_load(path.read_text())
        # YAML 1.1 reads the key `on` as true.
        assert {"name", True, "permissions", "jobs"} <= set(workflow)
        for step in steps_of(workflow):
            given = step["with"]
            assert set(given) <= ACTIONS[step["uses"]], path
            assert given["language"] == "c"
            if "mode" in given:
                modes[given["mode"]] = given["fuzz-seconds"]
        for job in workflow["jobs"].values():
            builds, runs = job["steps"][0]["with"], job["steps"][-1]["with"]
            assert builds["sanitizer"] == runs["sanitizer"]
            assert builds["sanitizer"] in (*SANITIZERS, "coverage", "${{ matrix.sanitizer }}")
            matrix = job.get("strategy", {}).get("matrix", {})
            assert matrix.get("sanitizer", SANITIZERS) == SANITIZERS
    assert set(modes) == {"code-change", "batch", "prune", "coverage"}
    assert modes["code-change"] == 600


@pytest.mark.parametrize("folder", [".clusterfuzzlite", "fuzz/oss-fuzz"])
def test_integration(folder):
    project = yaml.safe_load((ROOT / folder / "project.yaml").read_text())
    assert project["language"] == "c"
    assert set(project.get("sanitizers", SANITIZERS)) == set(SANITIZERS)
    dockerfile = (ROOT / folder / "Dockerfile").read_text()
    assert re.search(r"^FROM gcr\.io/oss-fuzz-base/base-builder(:v1)?$", dockerfile, re.MULTILINE)
    assert re.search(r"^COPY \S*build\.sh \$SRC/$", dockerfile, re.MULTILINE)
    assert "$SRC/slotcheck" in dockerfile
    assert 'exec "$SRC/slotcheck/fuzz/build.sh"' in (ROOT / folder / "build.sh").read_text()


def test_oss_fuzz_wants_its_licence_named():
    """infra/presubmit.py there; the files are given under either licence."""
    for path in (ROOT / "fuzz/oss-fuzz").iterdir():
        assert "http://www.apache.org/licenses/LICENSE-2.0" in path.read_text(), path
