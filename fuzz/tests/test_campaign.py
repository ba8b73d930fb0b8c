# SPDX-License-Identifier: MPL-2.0
"""The campaign itself, without its engines: seeds, what jobs leave, what is told."""
from __future__ import annotations

import hashlib
import signal
from pathlib import Path

import pytest

from campaign import files
from campaign.afl import AflJob
from campaign.arguments import parse_arguments
from campaign.errors import CampaignError, Status
from campaign.filing import Filing, shown_launcher
from campaign.findings import Found, State, keep, load_all
from campaign.folder import Folder
from campaign.job import Job
from campaign.libfuzzer import LibFuzzerJob
from campaign.plan import AFL, LIBFUZZER, Role, plan
from campaign.series import Row, Series, read_rows
from campaign.supervise import (
    Campaign,
    abort_reason,
    handed_over,
    last_complaint,
    last_line,
)
from campaign.versions import commit_of, first_line, versions_of
from campaigns import ROOT, script

# --- words ----------------------------------------------------------------------------------------


def test_last_complaint() -> None:
    assert last_complaint("a\nslotcheck: b\nslotcheck: c: full\n#2 x\n") == "c: full"
    assert last_complaint("") == "a fuzz target gave up"


def test_last_line() -> None:
    assert last_line("INFO: x\nParseDictionaryFile: no\n\n") == "ParseDictionaryFile: no"
    assert last_line("") != ""


def test_abort_reason() -> None:
    log = "[*] Hello\n\n[-] PROGRAM ABORT : No usable test cases: none\n    Location : main()\n"
    assert abort_reason(log) == "No usable test cases: none"
    assert abort_reason("[-] No instrumentation\n\n") == "[-] No instrumentation"
    assert abort_reason("") != ""


def test_the_launcher_is_shown_as_it_can_be_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert shown_launcher(ROOT / "slotcheck") == "./slotcheck"
    monkeypatch.chdir(ROOT / "fuzz")
    assert shown_launcher(ROOT / "slotcheck") == str(ROOT / "slotcheck")


# --- versions -------------------------------------------------------------------------------------


def test_versions() -> None:
    versions = versions_of(ROOT, plan("ensemble", 2, sanitize=False), None)
    assert list(versions) == ["slotcheck", "libfuzzer", "machine", "afl"]
    assert "clang version" in versions["libfuzzer"]
    assert versions["afl"].startswith("afl-fuzz++") and "\x1b" not in versions["afl"]
    assert "afl" not in versions_of(ROOT, plan("libfuzzer", 2, sanitize=True), None)


def test_the_version_of_a_library_is_what_is_in_it(tmp_path: Path) -> None:
    library = tmp_path / "l.so"
    library.write_bytes(b"abc")
    versions = versions_of(ROOT, plan("libfuzzer", 1, sanitize=False), library)
    assert versions["subject"] == f"sha256:{hashlib.sha256(b'abc').hexdigest()}"


@pytest.mark.parametrize("engine, refused", [("libfuzzer", False), ("afl", True), ("ensemble", True)])
def test_without_afl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, refused: bool
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    roles = plan(engine, 2, sanitize=False)
    if not refused:
        assert versions_of(ROOT, roles, None)["libfuzzer"] == ""
        return
    with pytest.raises(CampaignError, match="AFL.. is not installed; .*apt-get install") as raised:
        versions_of(ROOT, roles, None)
    assert raised.value.status == Status.WRONG_USE and "\n" not in str(raised.value)


def test_versions_of_what_is_no_checkout(tmp_path: Path) -> None:
    assert commit_of(tmp_path) == commit_of(tmp_path / "none") == "unknown"
    assert first_line("no-such-program") == ""


# --- a campaign -----------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout and its builds, as far as a campaign looks at them before it builds."""
    for folder in ("build/release/seeds/lockstep", "build/release/harness", "corpus"):
        (tmp_path / "root" / folder).mkdir(parents=True)
    (tmp_path / "root/build/release/seeds/lockstep/a-seed").write_bytes(b"\x02\x01")
    pack = '[ $1 = pack ] || exit 3; printf "\\002" >"$3"; grep -v "^#" "$4" >>"$3"'
    script(tmp_path / "root/build/release/harness/slotcheck", pack)
    return tmp_path / "root"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out/fuzz"


def campaign_of(root: Path, out: Path, *argv: str) -> Campaign:
    return Campaign(parse_arguments(["--out", str(out), *argv]), root, root / "build")


def contents(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in folder.iterdir()}


def test_what_properties_have_found_is_seed(root: Path, out: Path) -> None:
    """Of any run beside the campaign's folder, and only where there is one."""
    for name in ("property", "property-mine", "fuzz", "other"):
        (out.parent / name / "corpus").mkdir(parents=True)
        (out.parent / name / f"corpus/of-{name}").write_bytes(b"\x02" + name.encode())
    (out.parent / "property-none").mkdir()
    corpora = handed_over(out)
    assert corpora == (out.parent / "property/corpus", out.parent / "property-mine/corpus")
    campaign = campaign_of(root, out, "--engine", "ensemble", "--jobs", "2")
    campaign._gather_seeds()
    assert contents(campaign.folder.seeds) == {
        b"\x02\x01", b"\x02property", b"\x02property-mine"}
    libfuzzer = campaign.make_job(0, Role(LIBFUZZER, "libfuzzer")).command(1, None)
    afl = campaign.make_job(1, Role(AFL, "afl", is_main=True)).command(1, None)
    assert libfuzzer[1:3] == [str(campaign.folder.corpus), str(campaign.folder.seeds)]
    assert afl[afl.index("-i") + 1] == str(campaign.folder.seeds)
    assert afl[afl.index("-F") + 1] == str(campaign.folder.corpus)


def test_what_is_no_seed_any_longer_is_gone(root: Path, out: Path) -> None:
    """What properties had left for an earlier run, and a regression that somebody took away."""
    campaign = campaign_of(root, out)
    (campaign.folder.seeds / "regression-x").write_bytes(b"\x02old")
    campaign._gather_seeds()
    assert contents(campaign.folder.seeds) == {b"\x02\x01"}


def test_regressions_are_seeds(root: Path, out: Path) -> None:
    campaign = campaign_of(root, out)
    campaign.folder.regressions.mkdir()
    (campaign.folder.regressions / "it-failed.txt").write_text("# It failed.\nab")
    campaign._gather_seeds()
    seed = campaign.folder.seeds / "regression-it-failed"
    assert seed.read_bytes().startswith(b"\x02ab")


def test_a_regression_that_is_no_program(root: Path, out: Path) -> None:
    campaign = campaign_of(root, out)
    campaign.folder.regressions.mkdir()
    (campaign.folder.regressions / "x.txt").touch()
    script(campaign.command, "exit 2")
    with pytest.raises(CampaignError, match="regressions/x.txt: no program"):
        campaign._gather_seeds()


def test_jobs_know_what_they_test(root: Path, out: Path, tmp_path: Path) -> None:
    library = tmp_path / "l.so"
    library.touch()
    campaign = campaign_of(root, out, "--subject", str(library), "--slots", "4", "--jobs", "1")
    job = campaign.make_job(0, Role(LIBFUZZER, "libfuzzer"))
    assert job.environment["SLOTCHECK_SUBJECT"] == str(library.resolve())
    assert job.environment["SLOTCHECK_SLOTS"] == "4"


def test_runs_are_divided_among_the_jobs(root: Path, out: Path) -> None:
    campaign = campaign_of(root, out, "--jobs", "3", "--runs", "100")
    assert campaign.runs_per_job() == 34
    campaign.folder.lock.close()
    assert campaign_of(root, out).runs_per_job() is None


def test_counts_are_gone_on_with_only_in_a_resumed_campaign(root: Path, out: Path) -> None:
    campaign = campaign_of(root, out)
    for resume in (True, False):
        (campaign.folder.log / "job-0.stats").write_bytes(b"x")
        object.__setattr__(campaign.arguments, "resume", resume)
        job = campaign.make_job(0, Role(LIBFUZZER, "libfuzzer"))
        assert job.stats.exists() == resume


# --- what jobs leave ------------------------------------------------------------------------------


@pytest.fixture
def campaign(root: Path, out: Path) -> Campaign:
    made = campaign_of(root, out, "--slots", "3", "--engine", "ensemble", "--jobs", "2")
    made.filing = Filing(made.folder, made.replayer(), made.regressions, "builtin", {})
    return made


@pytest.fixture
def afl(campaign: Campaign) -> AflJob:
    job = campaign.make_job(1, Role(AFL, "afl", is_main=True))
    assert isinstance(job, AflJob)
    return job


def targets_that(campaign: Campaign, text: str) -> None:
    for target in map(campaign.target, ("libfuzzer", "libfuzzer-asan")):
        target.parent.mkdir(parents=True, exist_ok=True)
        script(target, text)


def leave_crashes(job: AflJob, *inputs: bytes) -> None:
    """As AFL++ keeps them."""
    folder = job.settings.folder / "crashes"
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(inputs):
        (folder / f"id:{number:06},sig:11").write_bytes(data)


def crash_of(campaign: Campaign, data: bytes, log: str = "ERROR: libFuzzer: deadly signal\n") -> None:
    """A job of libFuzzer that has just crashed."""
    job = campaign.make_job(0, Role(LIBFUZZER, "libfuzzer"))
    job.log.write_text(log)
    (campaign.folder.corpus / hashlib.sha1(data).hexdigest()).write_bytes(data)
    artifact = campaign.folder.log / "job-0-crash-1"
    artifact.write_bytes(data)
    campaign._keep_artifact(job, artifact)
    assert not artifact.exists()


def test_the_shortest_crash_is_kept(campaign: Campaign) -> None:
    for data in (b"\x01\x0f\x0c\x00", b"\x01\x0f\x0c\x00\x00", b"\x01\x0f"):
        crash_of(campaign, data)
    (finding,) = campaign.folder.found()
    assert finding.signature == "crash.deadly-signal.unknown"
    assert finding.case.read_bytes() == b"\x01\x02", "of as many slots as it was run with"
    assert (finding.folder / "input").read_bytes() == b"\x01\x02"
    assert (finding.seen, finding.found_by, finding.state) == (3, "libfuzzer-0", State.NEW)
    assert finding.log.read_text() == "ERROR: libFuzzer: deadly signal\n"
    assert campaign.folder.corpus_size() == 0, "no run would get past it"


def test_cases_of_jobs_are_filed(campaign: Campaign, afl: AflJob) -> None:
    (afl.incoming / "a.x.case").write_bytes(b"\x02\x00")
    (afl.incoming / "a.x.input").write_bytes(b"\x02\x00ab")
    campaign._look_at_findings()
    (finding,) = load_all(campaign.folder.findings)
    assert (finding.signature, finding.found_by, finding.subject) == ("a.x", "afl-1", "builtin")
    assert (finding.folder / "input").read_bytes() == b"\x02\x00ab"
    # What a later, shorter one was shrunk from.
    assert [path.name for path in afl.incoming.iterdir()] == ["a.x.input"]


def test_what_afl_has_found_is_for_all(campaign: Campaign, afl: AflJob) -> None:
    """Under the name that libFuzzer would give it; what came from others, or is no input, not."""
    queue = afl.settings.folder / "queue"
    queue.mkdir(parents=True)
    for name, data in (("id:000000,time:0,execs:0,orig:a", b"\x02\x01"),
                       ("id:000001,src:000000,time:5,op:x", b"\x02\x02"),
                       ("id:000002,sync:corpus,src:000000", b"\x02\x03"),
                       ("id:000003,src:000000,time:5,op:y", b"text")):
        (queue / name).write_bytes(data)
    for _ in range(2):
        campaign._take_from(afl)
    (copy,) = campaign.folder.corpus.iterdir()
    assert copy.name == hashlib.sha1(b"\x02\x02").hexdigest()
    assert copy.read_bytes() == b"\x02\x02"


def test_crashes_of_afl_are_run_again_for_their_report(campaign: Campaign, afl: AflJob) -> None:
    targets_that(campaign, "echo 'ERROR: libFuzzer: deadly signal' >&2; kill -SEGV $$")
    leave_crashes(afl, b"\x02\x09ab")
    assert [campaign._take_from(afl) for _ in range(2)] == [True, False]
    (finding,) = campaign.folder.found()
    assert (finding.signature, finding.seen) == ("crash.deadly-signal.unknown", 1)
    assert (finding.found_by, finding.case.read_bytes()) == ("afl-1", b"\x02\x02ab")
    assert not list(campaign.folder.log.glob("*.crash"))


def test_a_crash_of_afl_is_run_again_with_its_slots(campaign: Campaign, afl: AflJob) -> None:
    """Which --slots says, not the input."""
    targets_that(campaign, r"""for last; do :; done
        [ "$(od -An -tx1 "$last")" = ' 02 02 61 62' ] || exit 0
        echo 'ERROR: libFuzzer: deadly signal' >&2; exit 77""")
    leave_crashes(afl, b"\x02\x09ab")
    campaign._take_from(afl)
    assert campaign.unrepeated == 0
    (finding,) = campaign.folder.found()
    assert finding.case.read_bytes() == b"\x02\x02ab"


def test_a_crash_of_afl_that_does_not_happen_again_is_told(campaign: Campaign, afl: AflJob) -> None:
    """It is no finding: nobody could do anything about it."""
    targets_that(campaign, "exit 0")
    leave_crashes(afl, b"\x02a", b"\x02b")
    while campaign._take_from(afl):
        pass
    assert not campaign.folder.found()
    summary = campaign.summarise(None)
    assert "2 inputs that AFL++ took for crashes did not crash again" in summary.note
    assert summary.status == Status.AGREEMENT


def test_all_crashes_that_wait_at_the_end_are_looked_at(campaign: Campaign, afl: AflJob) -> None:
    targets_that(campaign, r"""for last; do :; done
        echo "ERROR: AddressSanitizer: $(tail -c 4 "$last") on address" >&2; exit 77""")
    leave_crashes(afl, b"\x02\x02SEGV", b"\x02\x02FPEx", b"\x02\x02BUSx")
    campaign.jobs = [afl]
    campaign.stop()
    assert campaign.note == ""
    assert [finding.signature for finding in campaign.folder.found()] == [
        "crash.BUSx.unknown", "crash.FPEx.unknown", "crash.SEGV.unknown"]


def test_what_a_target_complains_of_ends_the_campaign(campaign: Campaign, afl: AflJob) -> None:
    """AFL++ itself takes it for a crash."""
    targets_that(campaign, "echo 'slotcheck: l.so: cannot be loaded' >&2; exit 2")
    leave_crashes(afl, b"\x02")
    with pytest.raises(CampaignError, match="^l.so: cannot be loaded$"):
        campaign._take_from(afl)
    assert not campaign.folder.found()


class Ended:
    """In the place of a process."""

    def __init__(self, status: int) -> None:
        self.status = status

    def poll(self) -> int:
        return self.status


def ended_job(campaign: Campaign, role: Role, status: int, log: str) -> Job:
    job = campaign.make_job(0, role)
    job.log.write_text(log)
    job.process = Ended(status)  # type: ignore[assignment]
    job._reader = open(job.log, encoding="utf-8")
    return job


@pytest.mark.parametrize(
    "role, status, log, complaint, ends_with",
    [
        (Role(LIBFUZZER, "libfuzzer"), 2, "slotcheck: l.so: no\n", "^l.so: no$", Status.WRONG_USE),
        (Role(LIBFUZZER, "libfuzzer"), 1, "x\n", "job 0 ended with status 1; see ", Status.INTERNAL),
        (Role(AFL, "afl"), 1, "[-] PROGRAM ABORT : No space\n", "AFL..: No space; see .*job-0.log",
         Status.WRONG_USE),
    ],
)
def test_jobs_that_give_up(campaign: Campaign, role: Role, status: int, log: str, complaint: str,
                           ends_with: Status) -> None:
    job = ended_job(campaign, role, status, log)
    with pytest.raises(CampaignError, match=complaint) as raised:
        campaign._look_after(job)
    assert raised.value.status == ends_with


@pytest.mark.parametrize("engine", [LIBFUZZER, AFL])
def test_a_job_that_somebody_has_killed_is_started_again(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    job = ended_job(campaign, Role(engine, engine), -signal.SIGKILL, "")
    started: list[int | None] = []
    monkeypatch.setattr(job, "start", lambda seconds, runs: started.append(runs))
    campaign._look_after(job)
    assert started == [None] and job.restarts == 1
    assert not campaign.folder.found(), "it is nothing that the subject did"


def test_a_job_that_has_done_its_runs(campaign: Campaign) -> None:
    job = ended_job(campaign, Role(LIBFUZZER, "libfuzzer"), 0, "#300\tDONE   cov: 5 ft: 6 corp: 7/8b\n")
    campaign._look_after(job)
    assert job.process is None and job.status.executions == 300


# --- a second call in a folder --------------------------------------------------------------------


def prepared(root: Path, out: Path, *argv: str) -> Campaign:
    """With a command that knows programs and libraries, but none that is called bad."""
    script(root / "slotcheck", "exit 0")
    script(root / "build/release/harness/slotcheck", r"""for last; do :; done
        case $1 in
        subjects) [ "$(cat "$last")" != bad ] || { echo "slotcheck: $last: cannot be loaded" >&2
            exit 2; } ;;
        show) echo 'a program' ;;
        esac""")
    campaign = campaign_of(root, out, "--jobs", "1", *argv)
    try:
        campaign.prepare()
    finally:
        campaign.folder.lock.close()
    return campaign


def rows_of(out: Path) -> dict[str, list[float]]:
    return {path.name: [row.seconds for row in read_rows(path)] for path in out.glob("series*")}


def test_a_second_call_keeps_the_rows_of_the_first(root: Path, out: Path) -> None:
    for seconds in (1.0, 2.0):
        campaign = prepared(root, out)
        campaign.series.write(Row(seconds, *[0] * 9), seconds)
    assert rows_of(out) == {"series.csv": [2.0], "series-1.csv": [1.0]}


def test_a_call_that_is_refused_leaves_the_rows(root: Path, out: Path) -> None:
    prepared(root, out).series.write(Row(1.0, *[0] * 9), 1.0)
    targets_that(campaign_of(root, out.parent / "other"), "echo 'known flags' >&2")
    with pytest.raises(CampaignError, match="-frob after -- is no flag of libFuzzer"):
        prepared(root, out, "--", "-frob=1")
    assert rows_of(out) == {"series.csv": [1.0]}


@pytest.mark.parametrize("data, left", [("bad", True), ("good", False)])
def test_a_library_that_cannot_be_loaded_fixes_nothing(
    root: Path, out: Path, tmp_path: Path, data: str, left: bool
) -> None:
    library = tmp_path / "l.so"
    library.write_text(data)
    folder = Folder(out, str(library))
    finding = keep(folder.findings, folder.fixed, Found("a.x", b"\x02", "afl-1"), str(library), {})
    finding.take_runs(5, 5)
    finding.shown_by = "run"
    finding.save()
    folder.lock.close()
    before = (finding.folder / "finding.json").read_bytes()
    if not left:
        assert prepared(root, out, "--subject", str(library)).fixed == ["a.x"]
        assert not finding.folder.exists()
        return
    with pytest.raises(CampaignError, match=f"^{library}: cannot be loaded") as raised:
        prepared(root, out, "--subject", str(library))
    assert raised.value.status == Status.WRONG_USE
    assert (finding.folder / "finding.json").read_bytes() == before
    assert not (out / "fixed").exists() and not (out / "regressions").exists()


# --- what cannot be written -----------------------------------------------------------------------


def no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("of", ["finding.json", "campaign.json", "series.csv", "case", "job-0.txt"])
def test_a_file_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    """The system itself does not say which one it was; and what was there stays."""
    (tmp_path / of).write_bytes(b"before")
    monkeypatch.setattr(files.os, "fsync", no_space)
    with pytest.raises(OSError) as raised:
        files.write_bytes_atomically(tmp_path / of, b"after")
    assert (raised.value.filename, raised.value.errno) == (str(tmp_path / of), 28)
    assert [path.name for path in tmp_path.iterdir()] == [of]
    assert (tmp_path / of).read_bytes() == b"before"


def test_a_row_that_cannot_be_written_is_named(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Series, "write", no_space)
    with pytest.raises(CampaignError, match="out/fuzz/series.csv: No space left on device"):
        campaign._write_row()


@pytest.mark.parametrize("error, named", [(OSError(28, "Full", "/x/case"), "/x/case: Full"),
                                          (OSError(28, "Full"), "{out}: Full")])
def test_what_cannot_be_written_while_it_runs_ends_the_campaign(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch, error: OSError, named: str, out: Path
) -> None:
    """With one line, after its summary."""
    told: list[str] = []

    def fails() -> None:
        raise error

    monkeypatch.setattr(campaign, "prepare", lambda: None)
    monkeypatch.setattr(campaign, "start", lambda: None)
    monkeypatch.setattr(campaign, "watch", fails)
    monkeypatch.setattr(campaign, "conclude", lambda failure: told.append(str(failure)))
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    campaign.run()
    assert told == [named.format(out=out)]


# --- what is told ---------------------------------------------------------------------------------


def with_edges(campaign: Campaign, *edges: tuple[Role, int]) -> Campaign:
    campaign.jobs = [campaign.make_job(number, role) for number, (role, _) in enumerate(edges)]
    for job, (_, seen) in zip(campaign.jobs, edges):
        job.status.edges = seen
    return campaign


PLAIN, ASAN = Role(LIBFUZZER, "libfuzzer"), Role(LIBFUZZER, "libfuzzer-asan", sanitized=True)
THEIRS = Role(AFL, "afl", is_main=True)


@pytest.mark.parametrize(
    "edges, told",
    [
        ([(PLAIN, 3), (PLAIN, 5), (ASAN, 99)], 5),
        ([(PLAIN, 3), (THEIRS, 77)], 3),
        ([(THEIRS, 77)], 77),
        ([], 0),
    ],
)
def test_edges_are_those_that_can_be_compared(
    campaign: Campaign, edges: list[tuple[Role, int]], told: int
) -> None:
    assert with_edges(campaign, *edges).progress().edges == told


def test_the_lowest_stability_is_told(campaign: Campaign) -> None:
    with_edges(campaign, (PLAIN, 1), (THEIRS, 1), (THEIRS, 1))
    assert campaign.progress().stability is None
    campaign.jobs[1].status.stability = 99.5
    campaign.jobs[2].status.stability = 100.0
    assert campaign.progress().stability == 99.5


def test_a_crashed_job_is_started_again_without_seeds_that_crash(campaign: Campaign) -> None:
    job = campaign.make_job(0, PLAIN)
    assert isinstance(job, LibFuzzerJob)
    campaign.stopping = True  # nothing is to be started
    campaign._restart(job)
    assert not job.with_seeds and job.restarts == 1
    other = campaign.make_job(0, PLAIN)
    assert isinstance(other, LibFuzzerJob)
    other.status.loaded = True
    campaign._restart(other)
    assert other.with_seeds
