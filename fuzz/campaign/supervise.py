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

from campaign import engine, ledger
from campaign.arguments import Arguments, parse_arguments
from campaign.counts import Counts, parse_counts
from campaign.engine import EngineSettings, Job, hang_seconds, shown_command
from campaign.errors import CampaignError, Status
from campaign.findings import Replayer, forget_input, keep_crash, list_findings
from campaign.folder import Folder
from campaign.report import Output, Progress, StatusLine, Summary

POLL_SECONDS = 0.2
# A job that crashed as often is not started again.
MAX_RESTARTS = 20
FINISH_SECONDS = 10
# An input that takes longer is waited for: it may be one that never returns.
STALLED_SECONDS = 2
PLAIN = "libfuzzer"
SANITIZED = "libfuzzer-asan"


class Campaign:
    def __init__(self, arguments: Arguments, root: Path, build: Path) -> None:
        self.arguments = arguments
        # The summary as JSON has stdout for itself.
        self.stdout = Output(sys.stdout, "stdout")
        self.out = Output(sys.stderr, "stderr") if arguments.json else self.stdout
        self.launcher = root / "slotcheck"
        self.build = build
        self.command = build / "release/harness/slotcheck"
        self.dictionary = root / "fuzz/lockstep.dict"
        self.seeds = build / "release/seeds/lockstep"
        # What the properties have left beside the campaign's folder.
        self.handed_over = handed_over(arguments.out)
        # What all programs of a small scope have shown.
        self.scope = build / "release/scope.cells"
        # The same as texts, for people.
        self.seed_texts = Path(os.path.relpath(root / "corpus/seeds"))
        self.status_line = StatusLine(self.out)
        self.stopping = False
        self.signalled = False
        self.note = ""
        self.jobs: list[Job] = []
        self.folder = Folder(arguments.out, self._subject_identity())
        self.fixed: list[str] = []
        self.known: set[str] = set()
        self.started = time.monotonic()
        self.ended: float | None = None
        self.counts = Counts()

    def _subject_identity(self) -> str:
        subject = self.arguments.subject
        return "builtin" if subject is None else str(subject.resolve())

    # --- before -----------------------------------------------------------------------------------

    def presets(self) -> list[str]:
        """The last of several jobs looks for what only a sanitizer sees; others' code is not built
        here, so it would see little of it."""
        arguments = self.arguments
        sanitized = arguments.jobs >= 2 and arguments.subject is None
        return [PLAIN] * (arguments.jobs - sanitized) + [SANITIZED] * sanitized

    def target(self, preset: str) -> Path:
        return self.build / preset / "fuzz/lockstep"

    def prepare(self) -> None:
        presets = ["release:slotcheck seeds scope", *dict.fromkeys(self.presets())]
        built = subprocess.run([self.launcher, "build", *presets], check=False)
        if built.returncode != 0:
            raise SystemExit(built.returncode)
        self._check_subject()
        self._check_engine_flags()
        self._retire_fixed()

    def _check_subject(self) -> None:
        if self.arguments.subject is None:
            return
        words = [str(self.command), "subjects", "--json", str(self.arguments.subject)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"{self.arguments.subject}: not usable"]
            raise CampaignError(lines[-1].removeprefix("slotcheck: "))
        refuse_slots(self.arguments.subject_name, self.arguments.slots, done.stdout)

    def _check_engine_flags(self) -> None:
        """libFuzzer only warns of a flag that it does not know, somewhere in its log."""
        if not self.arguments.engine_flags:
            return
        words = [str(self.target(PLAIN)), "-help=1"]
        known = subprocess.run(words, capture_output=True, text=True, check=False).stderr
        for flag in self.arguments.engine_flags:
            name = flag[1:].split("=", 1)[0]
            if f" {name} " not in known.replace("\t", " "):
                raise CampaignError(f"-{name} after -- is no flag of libFuzzer")

    def _retire_fixed(self) -> None:
        """What earlier runs found is replayed: what passes now shall not hide what comes."""
        findings = list_findings(self.folder.cases(), set())
        for finding in findings:
            self.replayer().confirm(finding)
            if finding.confirmed:
                self.known.add(finding.signature)
            else:
                self.folder.retire(finding.case)
                self.fixed.append(finding.signature)

    def replayer(self) -> Replayer:
        relative = os.path.relpath(self.launcher)
        if not relative.startswith(".."):
            launcher = f"./{relative}"
        else:
            launcher = str(self.launcher)
        return Replayer(
            command=self.command,
            launcher=launcher,
            targets=tuple(self.target(preset) for preset in dict.fromkeys(self.presets())),
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

    def start(self) -> None:
        self.started = time.monotonic()
        for number, preset in enumerate(self.presets()):
            settings = EngineSettings(
                target=self.target(preset),
                corpus=self.folder.corpus,
                seeds=self.seeds,
                dictionary=self.dictionary,
                environment=self.environment(),
                flags=self.arguments.engine_flags,
                more_seeds=self.handed_over,
            )
            self.jobs.append(Job(number, settings, self.folder.log, self.folder.findings))
        first = self.jobs[0]
        command = first.command(self.seconds_left(), self.runs_per_job())
        print(f"$ {shown_command(first.environment, command)}", file=self.out, flush=True)
        for job in self.jobs:
            job.start(self.seconds_left(), self.runs_per_job())

    def elapsed(self) -> float:
        return (self.ended or time.monotonic()) - self.started

    def seconds_left(self) -> int:
        """At least one: zero is no limit to libFuzzer."""
        return max(1, int(self.arguments.time - self.elapsed() + 0.999))

    def watch(self) -> None:
        while not self.stopping and self.elapsed() < self.arguments.time:
            time.sleep(POLL_SECONDS)
            for job in self.jobs:
                self._look_after(job)
            if all(job.process is None for job in self.jobs):
                break
            if self.status_line.is_due(self.elapsed()):
                self.counts = self.read_counts() or self.counts
                self.status_line.show(self.progress())
            self._look_for_reasons_to_stop()

    def _look_for_reasons_to_stop(self) -> None:
        limit = self.arguments.max_findings
        if limit is not None and len(self.folder.cases()) >= limit:
            self.stopping = True
        if self.folder.is_full():
            raise CampaignError(f"{self.folder.path}: No space left on device; stopped")

    def _look_after(self, job: Job) -> None:
        status = job.poll()
        if status in (None, 0, engine.EXIT_INTERRUPTED):
            return
        if status == engine.EXIT_WRONG_USE:
            raise CampaignError(last_complaint(job.log_text()))
        if job.status.artifact is None or not job.status.artifact.exists():
            if self.arguments.engine_flags and not job.status.loaded:
                raise CampaignError(f"libFuzzer: {last_line(job.log_text())}")
            raise CampaignError(
                f"job {job.number} ended with status {status}; see {job.log}", Status.INTERNAL
            )
        self._keep_crash(job, job.status.artifact)
        self._restart(job)

    def _keep_crash(self, job: Job, artifact: Path) -> None:
        try:
            forget_input(artifact.read_bytes(), self.folder.corpus)
            keep_crash(artifact, job.log_text(), self.folder.findings, self.arguments.slots)
        except OSError as error:
            raise CampaignError(f"{self.folder.findings}: {error.strerror}") from error

    def _restart(self, job: Job) -> None:
        job.restarts += 1
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
            artifact = job.status.artifact
            if status not in (None, 0, engine.EXIT_INTERRUPTED) and artifact and artifact.exists():
                try:
                    self._keep_crash(job, artifact)
                except CampaignError as error:
                    self.note = str(error)
        self.ended = time.monotonic()

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
        return Progress(
            elapsed=elapsed,
            left=self.arguments.time - elapsed,
            counts=self.counts,
            per_second=self.counts.programs / max(elapsed, 0.001),
            # Sanitizers bring edges of their own.
            edges=max((job.status.edges for job in self.jobs if is_plain(job)), default=0),
            corpus=self.folder.corpus_size(),
            findings=len(self.folder.cases()),
        )

    def write_ledger(self) -> str | None:
        """Where it is, or None."""
        parts = [job.stats for job in self.jobs if job.stats.exists()]
        of_cases = self.folder.log / "cases.ledger"
        cases = [self.seed_texts, self.folder.corpus, *self.folder.cases()]
        subject, slots = self.arguments.subject, self.arguments.slots
        if ledger.note_cases(self.command, of_cases, subject, slots, cases):
            parts.insert(0, of_cases)
        complaint = ledger.merge(self.command, self.folder.ledger, parts)
        self.note = self.note or complaint
        return None if complaint else str(self.folder.ledger)

    def summarise(self, failure: CampaignError | None) -> Summary:
        findings = list_findings(self.folder.cases(), self.known)
        replayer = self.replayer()
        for finding in findings:
            replayer.confirm(finding)
            try:
                self.folder.keep_record(finding)
            except OSError as error:
                self.note = f"{error.filename}: {error.strerror}"
        written = self.write_ledger()
        return Summary(
            subject=self.arguments.subject_name,
            jobs=self.arguments.jobs,
            progress=self.progress(),
            corpus_folder=str(self.folder.corpus),
            findings=findings,
            fixed=self.fixed,
            status=failure.status if failure else Status(bool(findings)),
            note=str(failure) if failure else self.note,
            ledger=written,
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


def is_plain(job: Job) -> bool:
    return SANITIZED not in job.settings.target.parts


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


def last_line(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1] if lines else "gave up without a word"


def complain(line: str) -> None:
    try:
        print(f"slotcheck fuzz: {line}", file=sys.stderr, flush=True)
    except OSError:
        pass  # the exit status says it too


def forget_unwritten() -> None:
    """What could not be written would be tried again, and complained about, at the exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def main(argv: list[str]) -> int:
    # Python has no object for a stream that is closed.
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")
    if sys.stdout is None:
        complain("stdout is closed")
        return Status.WRONG_USE
    try:
        return guarded_main(argv)
    finally:
        forget_unwritten()


def guarded_main(argv: list[str]) -> int:
    try:
        root = Path(os.environ["SLOTCHECK_ROOT"])
        build = Path(os.environ["SLOTCHECK_BUILD"])
        return Campaign(parse_arguments(argv), root, build).run()
    except CampaignError as error:
        complain(str(error))
        return error.status
    except KeyboardInterrupt:
        return 130
