# SPDX-License-Identifier: MPL-2.0
"""`./slotcheck findings`: what campaigns have found, and what became of it."""
from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from campaign.entry import run_command
from campaign.errors import CampaignError, Status
from campaign.findings import Finding, State, load_all
from campaign.filing import Filing, regressions_of, shown_launcher
from campaign.folder import Folder, read_settings
from campaign.library import check_library
from campaign.parser import Parser
from campaign.replay import Replayer
from campaign.report import Output, counted

BUILTIN = "builtin"


def build_parser() -> argparse.ArgumentParser:
    parser = Parser("findings")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("folders", type=Path, nargs="*")
    return parser


def campaigns(folders: list[Path]) -> list[Path]:
    """Those named, or all that lie where campaigns do by default."""
    for folder in folders:
        if not read_settings(folder):
            raise CampaignError(f"{folder}: no folder of a campaign")
    return folders or sorted(path.parent for path in Path("out").glob("*/campaign.json"))


def check(path: Path, root: Path, command: Path) -> None:
    """Runs all that was found again. Fuzz targets are not at hand: what only they show stays."""
    subject = read_settings(path)["subject"]
    library = None if subject == BUILTIN else Path(subject)
    folder = Folder(path, subject)
    with folder.lock:
        if library is not None:
            check_library(command, library)
        replayer = Replayer(command, shown_launcher(root / "slotcheck"), (), library)
        regressions = regressions_of(folder, root, library)
        filing = Filing(folder, replayer, regressions, subject, {})
        for finding in folder.found():
            filing.look_again(finding)


def lines_of(finding: Finding) -> list[str]:
    is_fixed = finding.state == State.FIXED
    again = f" {finding.failures} of {finding.runs}" if finding.runs and not is_fixed else ""
    came_back = ", had been fixed" if finding.came_back else ""
    first = f"  {finding.state.value}{again}{came_back}: {finding.title or finding.signature}"
    if is_fixed:
        return [first]
    return [first, f"      {finding.replay or finding.folder}"]


def show(found: dict[Path, list[Finding]], out: Output) -> None:
    for path, findings in found.items():
        open_ones = sum(1 for finding in findings if finding.state != State.FIXED)
        fixed = len(findings) - open_ones
        print(f"{path}: {counted(open_ones, 'finding')}, {fixed} fixed", file=out)
        for finding in findings:
            print("\n".join(lines_of(finding)), file=out)
    if not found:
        print("no campaigns in out/; ./slotcheck fuzz begins one", file=out)


def listed(argv: list[str]) -> Status:
    options = build_parser().parse_args(argv)
    root, build = Path(os.environ["SLOTCHECK_ROOT"]), Path(os.environ["SLOTCHECK_BUILD"])
    paths = campaigns(options.folders)
    if options.check:
        for path in paths:
            check(path, root, build / "release/harness/slotcheck")
    found = {path: [*load_all(path / "findings"), *load_all(path / "fixed")] for path in paths}
    out = Output(sys.stdout, "stdout")
    if options.json:
        records = {str(path): [f.as_dict() for f in findings] for path, findings in found.items()}
        print(json.dumps(records, indent=2), file=out)
    else:
        show(found, out)
    out.flush()
    everything = [finding for findings in found.values() for finding in findings]
    return Status(any(finding.state != State.FIXED for finding in everything))


def main(argv: list[str]) -> int:
    return run_command("findings", listed, argv)
