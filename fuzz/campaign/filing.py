# SPDX-License-Identifier: MPL-2.0
"""From what jobs come upon to findings in their folders, and from there to regressions."""
from __future__ import annotations

import os
from pathlib import Path

from campaign.errors import CampaignError, Status
from campaign.findings import Finding, Found, State, keep
from campaign.folder import Folder
from campaign.replay import Replayer, ended, succeeded


def regressions_of(folder: Folder, root: Path, library: Path | None) -> Path:
    """Those of other people's code are no business of the checkout."""
    return root / "corpus/regressions" if library is None else folder.regressions


def shown_launcher(launcher: Path) -> str:
    """As it can be called from here."""
    relative = os.path.relpath(launcher)
    return str(launcher) if relative.startswith("..") else f"./{relative}"


class Filing:
    def __init__(
        self,
        folder: Folder,
        replayer: Replayer,
        regressions: Path,
        subject: str,
        versions: dict[str, str],
    ) -> None:
        self.folder = folder
        self.replayer = replayer
        self.regressions = regressions
        self.subject = subject
        self.versions = versions
        # Something was filed since `next_divergence` last found nothing new.
        self.has_news = True

    # --- what comes in ----------------------------------------------------------------------------

    def keep(self, found: Found) -> None:
        self.has_news = True
        keep(self.folder.findings, self.folder.fixed, found, self.subject, self.versions)

    def take_incoming(self) -> None:
        """The cases that fuzz targets have written."""
        for case, found in self.folder.read_incoming():
            # What a power cut has left of one.
            if found.case:
                self.keep(found)
            self.folder.forget_incoming(case)

    # --- what becomes of it -----------------------------------------------------------------------

    def new_ones(self) -> list[Finding]:
        return [finding for finding in self.folder.found() if finding.state == State.NEW]

    def next_divergence(self) -> Finding | None:
        """A new one that is no crash. Asked all the time, so the folder is read only after news."""
        if not self.has_news:
            return None
        found = next((finding for finding in self.new_ones() if not finding.is_crash), None)
        self.has_news = found is not None
        return found

    def look_again(self, finding: Finding) -> bool:
        """Runs it again. True if it is fixed, and so no longer among the findings."""
        if finding.state == State.FIXED:
            # A kill came between saying so and moving it.
            self.folder.move_to_fixed(finding)
            return True
        if not self.replayer.confirm(finding):
            return False
        self.folder.retire(finding, self.regressions, self._text_of(finding))
        return True

    def _text_of(self, finding: Finding) -> str:
        """With the results that the comments of the corpus say."""
        words = [str(self.replayer.command), "show", "--results", str(finding.case)]
        done = ended(words, {})
        if done is None or not succeeded(done):
            raise CampaignError(f"{finding.case}: cannot be shown", Status.INTERNAL)
        return done.stdout
