# SPDX-License-Identifier: MPL-2.0
"""The five commands: read, decide, check that nothing is lost, and only then change something."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from campaign.crashes import corpus_name
from campaign.entry import run_command
from campaign.errors import CampaignError, Status
from campaign.report import Output, StatusLine, counted
from corpora.arguments import Arguments, parse_arguments
from corpora.distill import Distiller, text_of, unique
from corpora.features import Tool
from corpora.inputs import File, Garbage, shown, single, walk
from corpora.reading import Input, Progress, Reader, choose, refuse_garbage, union
from corpora.report import (
    Shown,
    Statistics,
    finding_lines,
    finding_record,
    findings_text,
    read_scope,
    sizes,
)
from corpora.store import (
    New,
    held,
    place_of,
    refuse_folder,
    remove_all,
    unused_place,
    write_into,
)

PRESET = "libfuzzer"


class Command:
    def __init__(self, arguments: Arguments, root: Path, build: Path) -> None:
        self.arguments = arguments
        self.root = root
        self.build = build
        self.stdout = Output(sys.stdout, "stdout")
        self.status_line = StatusLine(Output(sys.stderr, "stderr"))
        self.progress = Progress(self.status_line)

    # --- before -----------------------------------------------------------------------------------

    def prepare(self) -> None:
        wanted = [f"{PRESET}:features"]
        if self.arguments.command == "stats":
            wanted.append("release:scope")
        built = subprocess.run([self.root / "slotcheck", "build", *wanted], check=False)
        if built.returncode != 0:
            raise SystemExit(built.returncode)

    def run(self) -> Status:
        commands = {
            "stats": self.stats,
            "minimize": self.minimize,
            "merge": self.merge,
            "add": self.add,
            "distill": self.distill,
        }
        arguments = self.arguments
        if arguments.out is not None:
            refuse_folder(arguments.out, (*arguments.sources, *filter(None, [arguments.folder])))
        self.prepare()
        binary = self.build / PRESET / "fuzz/features"
        try:
            with Tool(binary, arguments.subject, arguments.slots, arguments.timeout) as self.tool:
                regressions = self.root / "corpus/regressions"
                self.reader = Reader(self.tool, regressions, self.progress)
                return commands[arguments.command]()
        finally:
            self.status_line.end()

    def read(self, found: Iterable[File | Garbage]) -> list[Input]:
        read = self.reader.read(found)
        self.status_line.end()
        refuse_garbage(read.garbage)
        return read.inputs

    def walk_all(self) -> Iterator[File | Garbage]:
        """No folder twice, however it is called."""
        seen = set()
        for folder in self.arguments.sources:
            if folder.resolve() not in seen:
                seen.add(folder.resolve())
                yield from walk(folder)

    def conclude(
        self, record: dict[str, Any], lines: Sequence[str], inputs: Sequence[Input]
    ) -> Status:
        """What is told in the end; `inputs` are those that may be findings."""
        self.status_line.end()
        findings = [one for one in inputs if one.answer.finding]
        if self.arguments.json:
            record = {"command": self.arguments.command} | record
            record["findings"] = [finding_record(one) for one in findings]
            print(json.dumps(record, indent=2), file=self.stdout)
        else:
            said = [*finding_lines(findings), *lines, findings_text(findings)]
            print("\n".join(filter(None, said)), file=self.stdout)
        self.stdout.flush()
        return Status(bool(findings))

    # --- stats ------------------------------------------------------------------------------------

    def stats(self) -> Status:
        read = self.reader.read(self.walk_all())
        self.status_line.end()
        scope = read_scope(self.build / "release/scope.cells")
        statistics = Statistics.of(
            self.arguments.sources, read.inputs, read.garbage, self.tool.features, scope
        )
        if self.arguments.json:
            record = {"command": "stats"} | statistics.as_dict()
            print(json.dumps(record, indent=2), file=self.stdout)
        else:
            print(statistics.text(), end="", file=self.stdout)
        self.stdout.flush()
        refuse_garbage(read.garbage)
        return Status(bool(statistics.findings))

    # --- minimize ---------------------------------------------------------------------------------

    def minimize(self) -> Status:
        arguments = self.arguments
        folder = required(arguments.folder)
        with held_to_change(arguments, folder):
            inputs = self.read(walk(folder))
            kept = [one for one in inputs if one.is_kept]
            chosen = choose([one for one in inputs if not one.is_kept], union(kept))
            left = {id(one) for one in (*kept, *chosen)}
            dropped = [one for one in inputs if id(one) not in left]
            kept = [one for one in inputs if id(one) in left]
            if union(kept) != union(inputs):
                message = "something would be lost; nothing was changed"
                raise CampaignError(message, Status.INTERNAL)
            self.apply_minimum(kept, dropped)
        return self.conclude_minimum(folder, inputs, kept, dropped)

    def apply_minimum(self, kept: Sequence[Input], dropped: Sequence[Input]) -> None:
        out = self.arguments.out
        if self.arguments.dry_run:
            return
        if out is not None:
            write_into(out, [New(one.file.inside, one.file.content) for one in kept])
        else:
            remove_all(
                [one.file.path for one in dropped],
                lambda number: self.progress.show("removing files", number, len(dropped)),
            )

    def conclude_minimum(
        self,
        folder: Path,
        inputs: Sequence[Input],
        kept: Sequence[Input],
        dropped: Sequence[Input],
    ) -> Status:
        all_shown = Shown.of(self.tool.features, union(kept))
        before, after = sizes(inputs), sizes(kept)
        where = self.arguments.out or folder
        record = {
            "folder": str(where),
            "dry_run": self.arguments.dry_run,
            "before": before,
            "after": after,
            "shown": all_shown.as_dict(),
            "dropped": [str(one.file.path) for one in dropped],
        }
        would = [f"would drop {shown(one.file.path)}" for one in dropped]
        lines = would if self.arguments.dry_run else []
        summary = (
            f"{shown(where)}: {after['inputs']:,} of {before['inputs']:,} inputs,"
            f" {after['bytes']:,} of {before['bytes']:,} bytes; {all_shown.text()}, as before"
        )
        return self.conclude(record, [*lines, summary], inputs)

    # --- merge and add ----------------------------------------------------------------------------

    def merge(self) -> Status:
        return self.add_from(self.walk_all)

    def add(self) -> Status:
        def files() -> Iterator[File | Garbage]:
            yield from (single(path) for path in self.arguments.sources)

        return self.add_from(files)

    def add_from(self, found: Callable[[], Iterable[File | Garbage]]) -> Status:
        arguments = self.arguments
        folder = required(arguments.folder)
        with held_to_change(arguments, folder):
            there = self.read(walk(folder)) if folder.exists() else []
            offered = self.read(found())
            wanted = wanted_of(there, offered, arguments.always)
            files = self.files_for(there, wanted)
            if not arguments.dry_run:
                write_into(folder, files)
        return self.conclude_addition(there, offered, wanted, files)

    def files_for(self, there: Sequence[Input], wanted: Sequence[Input]) -> list[New]:
        """Where there are texts only, it will be a text."""
        taken = {one.file.inside for one in there}
        if there and all(one.file.is_text for one in there):
            return [text_of(self.tool, one, taken) for one in wanted]
        files = []
        for one in wanted:
            content = one.answer.encoded
            place = unused_place(taken, place_of(corpus_name(content), one.is_regression))
            files.append(New(place, content))
        return files

    def conclude_addition(
        self,
        there: Sequence[Input],
        offered: Sequence[Input],
        wanted: Sequence[Input],
        files: Sequence[New],
    ) -> Status:
        arguments, features = self.arguments, self.tool.features
        folder = required(arguments.folder)
        before = union(there)
        after = before | union(wanted)
        moves = [(one.file.path, folder / file.place) for one, file in zip(wanted, files)]
        record = {
            "folder": str(folder),
            "dry_run": arguments.dry_run,
            "before": sizes(there) | {"shown": Shown.of(features, before).as_dict()},
            "offered": sizes(offered),
            "shown": Shown.of(features, after).as_dict(),
            "added": [{"from": str(source), "path": str(path)} for source, path in moves],
        }
        does = "would add" if arguments.dry_run else "added"
        # What engines leave behind are thousands.
        lines = [f"{does} {shown(path)}, from {shown(source)}" for source, path in moves]
        summary = (
            f"{shown(folder)}: {does} {len(files):,} of {len(offered):,} inputs,"
            f" {(after & ~before).bit_count():,} new features;"
            f" {Shown.of(features, after).text()}"
        )
        is_long = arguments.command == "merge" and not arguments.dry_run
        return self.conclude(record, [*([] if is_long else lines), summary], [*there, *offered])

    # --- distill ----------------------------------------------------------------------------------

    def distill(self) -> Status:
        out = required(self.arguments.out)
        inputs = self.read(self.walk_all())
        files = Distiller(self.tool, self.progress).distill(inputs)
        self.status_line.end()
        texts = [File(out / file.place, file.place, file.content, False) for file in files]
        after = self.read(texts)
        lost = union(inputs) & self.tool.features.plain & ~union(after)
        if lost:
            raise CampaignError(
                f"{counted(lost.bit_count(), 'feature')} did not show again: the subject does not"
                " do the same every time; nothing was written"
            )
        write_into(out, files)
        all_shown = Shown.of(self.tool.features, union(after))
        record = {
            "folder": str(out),
            "before": sizes(inputs) | {"operations": operations_of(inputs)},
            "after": sizes(after) | {"operations": operations_of(after)},
            "shown": all_shown.as_dict(),
        }
        summary = (
            f"{shown(out)}: {len(after):,} programs of {operations_of(after):,} operations show"
            f" what {len(inputs):,} of {operations_of(inputs):,} show, but for how often;"
            f" {all_shown.text()}"
        )
        return self.conclude(record, [summary], inputs)


def required(path: Path | None) -> Path:
    assert path is not None, "the parser of arguments asks for it"
    return path


def held_to_change(arguments: Arguments, folder: Path) -> AbstractContextManager[None]:
    """Where nothing is changed, others may go on."""
    changes = not arguments.dry_run and arguments.out is None
    return held(folder) if changes and folder.is_dir() else nullcontext()


def operations_of(inputs: Sequence[Input]) -> int:
    return sum(one.answer.operations for one in inputs)


def wanted_of(there: Sequence[Input], offered: Sequence[Input], every: bool) -> list[Input]:
    """Of what is offered and new: what must not get lost, and the fewest that show the rest."""
    codes = {one.answer.code for one in there}
    # One that is there could be dropped some day, unless it stands among the regressions there, too.
    for_ever = {one.answer.code for one in there if one.is_regression}
    new = unique(
        [one for one in offered
         if one.answer.code not in (for_ever if one.is_regression else codes)]
    )
    if every:
        return new
    kept = [one for one in new if one.is_kept]
    return kept + choose([one for one in new if not one.is_kept], union(there) | union(kept))


# --- the process ----------------------------------------------------------------------------------


def run(argv: list[str]) -> int:
    root = Path(__file__).resolve().parents[2]
    build = Path(os.environ.get("SLOTCHECK_BUILD", root / "build"))
    return Command(parse_arguments(argv), root, build).run()


def main(argv: list[str]) -> int:
    return run_command("corpus", run, argv)
