# SPDX-License-Identifier: MPL-2.0
"""The campaign: builds, starts the jobs, watches them, and sums up."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from campaign import ledger, libfuzzer
from campaign.afl import AflJob, AflSettings
from campaign.arguments import Arguments, kept_settings, parse_arguments
from campaign.counts import Counts, parse_counts
from campaign.crashes import corpus_name, crash_signature, forget_input, with_slots
from campaign.entry import run_command
from campaign.errors import CampaignError, Status
from campaign.files import write_bytes_atomically
from campaign.filing import Filing, regressions_of, shown_launcher
from campaign.findings import Finding, Found
from campaign.folder import Folder, copy_inputs, why_no_input
from campaign.job import Job, Place, shown_command
from campaign.library import check_library
from campaign.libfuzzer import LibFuzzerJob, LibFuzzerSettings, hang_seconds
from campaign.plan import AFL, LIBFUZZER, Role, plan, presets
from campaign.replay import Replayer, ended, succeeded
from campaign.report import Output, Progress, StatusLine, Summary, counted
from campaign.series import Row, Series
from campaign.versions import versions_of

POLL_SECONDS = 0.2
# A job that crashed as often is not started again.
MAX_RESTARTS = 20
FINISH_SECONDS = 10
# An input that takes longer is waited for: it may be one that never returns.
STALLED_SECONDS = 2


class Campaign:
    def __init__(self, arguments: Arguments, root: Path, build: Path) -> None:
        self.arguments = arguments
        # The summary as JSON has stdout for itself.
        self.stdout = Output(sys.stdout, "stdout")
        self.out = Output(sys.stderr, "stderr") if arguments.json else self.stdout
        self.launcher = root / "slotcheck"
        self.build = build
        self.command = build / "release/harness/slotcheck"
        self.mutator = build / "release/fuzz/afl_mutator.so"
        self.dictionary = root / "fuzz/lockstep.dict"
        self.seeds = build / "release/seeds/lockstep"
        # What the properties have left beside the campaign's folder.
        self.handed_over = handed_over(arguments.out)
        # What all programs of a small scope have shown.
        self.scope = build / "release/scope.cells"
        # The seeds as texts, for people.
        self.seed_texts = Path(os.path.relpath(root / "corpus/seeds"))
        self.status_line = StatusLine(self.out)
        self.stopping = False
        self.signalled = False
        self.note = ""
        self.roles = plan(arguments.engine, arguments.jobs, sanitize=arguments.subject is None)
        self.jobs: list[Job] = []
        self.unrepeated = 0  # crashes of AFL++ that did not happen again
        self.folder = Folder(arguments.out, self._subject_identity())
        self.regressions = regressions_of(self.folder, root, arguments.subject)
        self.series = Series(self.folder.series, goes_on=arguments.resume)
        self.versions: dict[str, str] = {}
        self.fixed: list[str] = []
        self.found_before: set[str] = set()
        self.started = time.monotonic()
        self.ended: float | None = None
        self.counts = Counts()

    def _subject_identity(self) -> str:
        subject = self.arguments.subject
        return "builtin" if subject is None else str(subject.resolve())

    # --- before -----------------------------------------------------------------------------------

    def target(self, preset: str) -> Path:
        return self.build / preset / "fuzz/lockstep"

    def prepare(self) -> None:
        self._build()
        self._check_subject()
        self._check_engine_flags()
        self.versions = versions_of(self.launcher.parent, self.roles, self.arguments.subject)
        subject = self._subject_identity()
        settings = {"subject": subject, "settings": kept_settings(self.arguments)}
        self.folder.keep_settings({**settings, "versions": self.versions})
        self.filing = Filing(
            self.folder, self.replayer(), self.regressions, subject, self.versions
        )
        self.filing.take_incoming()
        self._retire_fixed()
        self._gather_seeds()
        self.series.begin()

    def _build(self) -> None:
        release = "slotcheck seeds scope"
        if any(role.engine == AFL for role in self.roles):
            release += " afl_mutator"
        wanted = [f"{preset}:lockstep" for preset in presets(self.roles)]
        words = [self.launcher, "build", f"release:{release}", *wanted]
        built = subprocess.run(words, check=False)
        if built.returncode != 0:
            raise SystemExit(built.returncode)

    def _check_subject(self) -> None:
        library = self.arguments.subject
        if library is not None:
            offered = check_library(self.command, library)
            refuse_slots(self.arguments.subject_name, self.arguments.slots, offered)

    def _check_engine_flags(self) -> None:
        """libFuzzer only warns of a flag that it does not know, somewhere in its log."""
        if not self.arguments.engine_flags or self.arguments.engine != LIBFUZZER:
            return
        words = [str(self.target("libfuzzer")), "-help=1"]
        known = subprocess.run(words, capture_output=True, text=True, check=False).stderr
        for flag in self.arguments.engine_flags:
            name = flag[1:].split("=", 1)[0]
            if f" {name} " not in known.replace("\t", " "):
                raise CampaignError(f"-{name} after -- is no flag of libFuzzer")

    def _retire_fixed(self) -> None:
        """What earlier runs found is replayed: what passes now shall not hide what comes."""
        for finding in self.folder.found():
            if self.filing.look_again(finding):
                self.fixed.append(finding.signature)
            else:
                self.found_before.add(finding.signature)

    def _gather_seeds(self) -> None:
        """All in one folder, because AFL++ takes one only; and a campaign can then be told from its
        own folder."""
        for old in self.folder.seeds.iterdir():
            old.unlink()
        for folder in (self.seeds, *self.handed_over):
            copy_inputs(sorted(folder.iterdir()), self.folder.seeds)
        for text in sorted(self.folder.regressions.glob("*.txt")):
            packed = self.folder.seeds / f"regression-{text.stem}"
            words = [str(self.command), "pack", "-o", str(packed), str(text)]
            if not succeeded(ended(words, {})):
                raise CampaignError(f"{text}: no program")

    def replayer(self) -> Replayer:
        targets = dict.fromkeys(
            "libfuzzer-asan" if role.sanitized else "libfuzzer" for role in self.roles
        )
        return Replayer(
            command=self.command,
            launcher=shown_launcher(self.launcher),
            targets=tuple(map(self.target, targets)),
            subject=self.arguments.subject,
        )

    # --- during -----------------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        environment = {}
        if self.arguments.subject is not None:
            environment["SLOTCHECK_SUBJECT"] = str(self.arguments.subject.resolve())
        if self.arguments.slots is not None:
            environment["SLOTCHECK_SLOTS"] = str(self.arguments.slots)
        return environment

    def runs_per_job(self) -> int | None:
        runs = self.arguments.runs
        return None if runs is None else -(-runs // self.arguments.jobs)

    def make_job(self, number: int, role: Role) -> Job:
        place = Place(self.folder.log, self.folder.incoming, self.environment())
        job: Job
        if role.engine == LIBFUZZER:
            job = LibFuzzerJob(number, role.sanitized, place, self.libfuzzer_settings(role))
        else:
            job = AflJob(number, role.sanitized, place, self.afl_settings(number, role))
            # AFL++ and its target take turns: on two CPUs each would wait for the other to wake up.
            cpus = sorted(os.sched_getaffinity(0))
            job.cpu = cpus[number % len(cpus)]
        if not self.arguments.resume:
            job.stats.unlink(missing_ok=True)
        return job

    def libfuzzer_settings(self, role: Role) -> LibFuzzerSettings:
        return LibFuzzerSettings(
            target=self.target(role.preset),
            corpus=self.folder.corpus,
            dictionary=self.dictionary,
            seeds=(self.folder.seeds,),
            flags=self.arguments.engine_flags,
        )

    def afl_settings(self, number: int, role: Role) -> AflSettings:
        return AflSettings(
            target=self.target(role.preset),
            seeds=self.folder.seeds,
            out=self.folder.afl,
            dictionary=self.dictionary,
            name=f"{self.arguments.name}-{'main' if role.is_main else number}",
            is_main=role.is_main,
            mutator=self.mutator,
            cmplog=self.target("afl-cmplog") if role.cmplog else None,
            foreign=(self.folder.corpus,),
            schedule=role.schedule,
            flags=self.arguments.engine_flags,
        )

    def start(self) -> None:
        self.started = time.monotonic()
        self.jobs = [self.make_job(number, role) for number, role in enumerate(self.roles)]
        first = self.jobs[0]
        command = first.command(self.seconds_left(), self.runs_per_job())
        print(f"$ {shown_command(first.environment, command)}", file=self.out, flush=True)
        for job in self.jobs:
            job.start(self.seconds_left(), self.runs_per_job())

    def elapsed(self) -> float:
        """With what the campaign had before it was resumed."""
        return self.series.spent + (self.ended or time.monotonic()) - self.started

    def seconds_left(self) -> int:
        """At least one: zero is no limit to libFuzzer."""
        return max(1, int(self.arguments.time - self.elapsed() + 0.999))

    def watch(self) -> None:
        while not self.stopping and self.elapsed() < self.arguments.time:
            time.sleep(POLL_SECONDS)
            for job in self.jobs:
                self._look_after(job)
            self._look_at_findings()
            if all(job.process is None for job in self.jobs):
                break
            self._tell_progress()
            self._look_for_reasons_to_stop()

    def _tell_progress(self) -> None:
        shows, writes = (part.is_due(self.elapsed()) for part in (self.status_line, self.series))
        if shows or writes:
            self.counts = self.read_counts() or self.counts
        if shows:
            self.status_line.show(self.progress())
        if writes:
            self._write_row()

    def _write_row(self) -> None:
        progress, counts = self.progress(), self.counts

        def executions(engine: str) -> int:
            return sum(job.executions for job in self.jobs if job.engine == engine)

        row = Row(
            seconds=round(progress.elapsed, 1),
            programs=counts.programs,
            operations=counts.executed,
            libfuzzer_executions=self.series.libfuzzer_executions + executions(LIBFUZZER),
            afl_executions=self.series.afl_executions + executions(AFL),
            edges=progress.edges,
            clauses=counts.clauses_seen,
            cells=counts.cells,
            corpus=progress.corpus,
            findings=progress.findings,
        )
        try:
            self.series.write(row, progress.elapsed)
            for job in self.jobs:
                job.save_counts()
        except OSError as error:
            raise CampaignError(f"{self.series.path}: {error.strerror}") from error

    def _look_for_reasons_to_stop(self) -> None:
        limit = self.arguments.max_findings
        if limit is not None and self.folder.number_found() >= limit:
            self.stopping = True
        if self.folder.is_full():
            raise CampaignError(f"{self.folder.path}: No space left on device; stopped")

    # --- jobs that end, and what they leave -------------------------------------------------------

    def _look_after(self, job: Job) -> None:
        status = job.poll()
        if isinstance(job, AflJob):
            self._take_from(job)
        if status in (None, 0, libfuzzer.EXIT_INTERRUPTED):
            return
        if status == libfuzzer.EXIT_WRONG_USE:
            raise CampaignError(last_complaint(job.log_text()))
        if job.status.artifact is not None and job.status.artifact.exists():
            self._keep_artifact(job, job.status.artifact)
        elif status > 0:
            self._give_up_on(job, status)
        # Killed by somebody, maybe because memory was short: it goes on as after a crash.
        self._restart(job)

    def _give_up_on(self, job: Job, status: int) -> None:
        if isinstance(job, AflJob):
            raise CampaignError(f"AFL++: {abort_reason(job.log_text())}; see {job.log}")
        if self.arguments.engine_flags and not job.status.loaded:
            raise CampaignError(f"libFuzzer: {last_line(job.log_text())}")
        raise CampaignError(
            f"job {job.number} ended with status {status}; see {job.log}", Status.INTERNAL
        )

    def _take_from(self, job: AflJob) -> bool:
        """What AFL++ has found is for all engines; it goes on by itself after a crash. True if a
        crash was looked at: one at a time, as each is run again for the report that libFuzzer makes
        of it."""
        for path in job.take_inputs():
            data = path.read_bytes()
            copy = self.folder.corpus / corpus_name(data)
            if not copy.exists() and not why_no_input(path):
                write_bytes_atomically(copy, data)
        crash = job.next_crash()
        if crash is not None:
            self._keep_afl_crash(job, with_slots(crash.read_bytes(), self.arguments.slots))
        return crash is not None

    def _keep_afl_crash(self, job: AflJob, data: bytes) -> None:
        case = self.folder.log / f"{job.name}.crash"
        write_bytes_atomically(case, data)
        target = self.target("libfuzzer-asan" if job.sanitized else "libfuzzer")
        log = self.filing.replayer.log_of(target, case)
        case.unlink()
        if log is None:
            self.unrepeated += 1
        else:
            self._keep_crash(job, data, log)

    def _keep_artifact(self, job: Job, artifact: Path) -> None:
        data = artifact.read_bytes()
        forget_input(data, self.folder.corpus)
        self._keep_crash(job, with_slots(data, self.arguments.slots), job.log_text())
        artifact.unlink(missing_ok=True)

    def _keep_crash(self, job: Job, case: bytes, log: str) -> None:
        self.filing.keep(Found(crash_signature(log), case, job.name, input=case, log=log))

    def _look_at_findings(self) -> None:
        """Divergences are run again one at a time, so that the jobs are not left alone. Crashes wait
        for the end: running one again may take as long as an input can."""
        self.filing.take_incoming()
        if finding := self.filing.next_divergence():
            self.filing.look_again(finding)

    def _restart(self, job: Job) -> None:
        job.restarts += 1
        if isinstance(job, LibFuzzerJob):
            # A seed that crashes would do so at every start.
            job.with_seeds = job.with_seeds and job.status.loaded
        if job.restarts > MAX_RESTARTS:
            self.note = f"jobs that crashed more than {MAX_RESTARTS} times were not started again"
        elif self.elapsed() < self.arguments.time and not self.stopping:
            runs = self.runs_per_job()
            if runs is not None:
                runs = max(1, runs - job.executions)
            job.start(self.seconds_left(), runs)

    # --- after ------------------------------------------------------------------------------------

    def stop(self) -> None:
        self._interrupt_jobs()
        deadline = time.monotonic() + FINISH_SECONDS
        for job in self.jobs:
            status = job.finish(max(0.1, deadline - time.monotonic()))
            try:
                self._take_last(job, status, deadline)
            except (CampaignError, OSError) as error:
                self.note = str(error)
        self.ended = time.monotonic()

    def _take_last(self, job: Job, status: int | None, deadline: float) -> None:
        artifact = job.status.artifact
        if isinstance(job, AflJob):
            while self._take_from(job):
                if time.monotonic() > deadline:
                    self.note = f"crashes in {job.settings.folder} were not all looked at"
                    break
        elif status not in (None, 0, libfuzzer.EXIT_INTERRUPTED) and artifact is not None:
            if artifact.exists():
                self._keep_artifact(job, artifact)

    def _interrupt_jobs(self) -> None:
        """An interrupt would drop an input that has not returned; the engine's timeout tells it. A
        second signal ends the wait."""
        self.signalled = False
        told = False
        waiting = self.jobs
        while waiting := [job for job in waiting if self._is_worth_waiting(job)]:
            if not told and any(job.stalled_for() >= STALLED_SECONDS for job in waiting):
                told = True
                self._tell("waiting for an input that has not returned")
            time.sleep(POLL_SECONDS)

    def _is_worth_waiting(self, job: Job) -> bool:
        if not job.is_running():
            return False
        stalled = job.stalled_for()
        if not self.signalled and 0 < stalled < hang_seconds(self.arguments.engine_flags):
            return True
        if stalled >= STALLED_SECONDS:
            self.note = "an input had not returned when the campaign ended"
        job.interrupt()
        return False

    def _tell(self, line: str) -> None:
        """The jobs have to be ended even if nobody can be told."""
        try:
            self.status_line.end()
            print(line, file=self.out, flush=True)
        except CampaignError as error:
            self.note = str(error)

    def read_counts(self) -> Counts | None:
        files = [str(job.stats) for job in self.jobs if job.stats.exists()]
        if not files:
            return None
        words = [str(self.command), "stats", "--json", "--scope", str(self.scope), *files]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        try:
            return parse_counts(done.stdout) if done.returncode == 0 else None
        except ValueError:
            return None

    def progress(self) -> Progress:
        elapsed = self.elapsed()
        stabilities = [s for job in self.jobs if (s := job.status.stability) is not None]
        return Progress(
            elapsed=elapsed,
            left=self.arguments.time - elapsed,
            counts=self.counts,
            per_second=self.counts.programs / max(elapsed, 0.001),
            edges=self._edges(),
            corpus=self.folder.corpus_size(),
            findings=self.folder.number_found(),
            stability=min(stabilities) if stabilities else None,
        )

    def _edges(self) -> int:
        """Sanitizers bring edges of their own; and AFL++ counts operations and how they end among
        them, so it is asked only where nobody else can be."""
        plain = [job for job in self.jobs if not job.sanitized]
        asked = [job for job in plain if job.engine == LIBFUZZER] or plain
        return max((job.status.edges for job in asked), default=0)

    def write_ledger(self) -> str | None:
        """Where it is, or None."""
        parts = [job.stats for job in self.jobs if job.stats.exists()]
        of_cases = self.folder.log / "cases.ledger"
        found = [finding.case for finding in self.folder.found()]
        cases = [self.seed_texts, self.folder.corpus, *found]
        subject, slots = self.arguments.subject, self.arguments.slots
        if ledger.note_cases(self.command, of_cases, subject, slots, cases):
            parts.insert(0, of_cases)
        complaint = ledger.merge(self.command, self.folder.ledger, parts)
        self.note = self.note or complaint
        return None if complaint else str(self.folder.ledger)

    def summarise(self, failure: CampaignError | None) -> Summary:
        findings: list[Finding] = []
        try:
            self.filing.take_incoming()
            for finding in self.filing.new_ones():
                self.filing.look_again(finding)
            findings = self.folder.found()
            for finding in findings:
                finding.is_new = finding.signature not in self.found_before
            self._write_row()
        except (CampaignError, OSError) as error:
            self.note = str(error)
        if self.unrepeated and not self.note:
            inputs = counted(self.unrepeated, "input")
            self.note = f"{inputs} that AFL++ took for crashes did not crash again"
        written = self.write_ledger()
        return Summary(
            subject=self.arguments.subject_name,
            engine=self.arguments.engine,
            jobs=self.arguments.jobs,
            progress=self.progress(),
            corpus_folder=str(self.folder.corpus),
            findings=findings,
            fixed=self.fixed,
            regressions=str(self.regressions),
            status=failure.status if failure else Status(bool(findings)),
            note=str(failure) if failure else self.note,
            ledger=written,
            series=str(self.folder.series),
        )

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.stopping = True
        self.signalled = True

    def run(self) -> Status:
        self.prepare()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.on_signal)
        failure: CampaignError | None = None
        try:
            self.start()
            self.watch()
        except CampaignError as error:
            failure = error
        except OSError as error:
            failure = CampaignError(f"{error.filename or self.folder.path}: {error.strerror}")
        finally:
            self.stop()
            self.status_line.end()
        return self.conclude(failure)

    def conclude(self, failure: CampaignError | None) -> Status:
        """What was found until a campaign failed is told all the same."""
        counts = self.read_counts()
        if failure is not None and (counts is None or counts.executed == 0):
            raise failure
        if counts is None:
            raise CampaignError("the statistics of the jobs cannot be read", Status.INTERNAL)
        self.counts = counts
        summary = self.summarise(failure)
        if self.arguments.json:
            print(json.dumps(summary.as_dict(), indent=2), file=self.stdout)
        else:
            summary.print(self.stdout)
        self.stdout.flush()
        if failure is not None:
            raise failure
        return Status(summary.status)


def handed_over(out: Path) -> tuple[Path, ...]:
    """Corpora of `./slotcheck property`, of whatever subject."""
    corpora = out.parent.glob("property*/corpus")
    return tuple(sorted(corpus for corpus in corpora if corpus.is_dir()))


def refuse_slots(subject: str, slots: int | None, offered: str) -> None:
    """`offered` is what `slotcheck subjects --json` says; no JSON if the subject prints too."""
    try:
        fixed = json.loads(offered)["fixed_slots"]
    except (ValueError, KeyError, TypeError):
        return
    if slots is not None and fixed not in (0, slots):
        raise CampaignError(f"--slots {slots}: {subject} has regions of {fixed} slots only")


def last_complaint(log: str) -> str:
    """The line with which a fuzz target gave up."""
    lines = [line for line in log.splitlines() if line.startswith("slotcheck: ")]
    return lines[-1].removeprefix("slotcheck: ") if lines else "a fuzz target gave up"


def abort_reason(log: str) -> str:
    """What AFL++ says in red before it ends."""
    lines = [line for line in log.splitlines() if "PROGRAM ABORT" in line]
    return lines[-1].split(":", 1)[1].strip() if lines else last_line(log)


def last_line(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1] if lines else "gave up without a word"


def fuzz(argv: list[str]) -> int:
    root = Path(os.environ["SLOTCHECK_ROOT"])
    build = Path(os.environ["SLOTCHECK_BUILD"])
    return Campaign(parse_arguments(argv), root, build).run()


def main(argv: list[str]) -> int:
    return run_command("fuzz", fuzz, argv)
