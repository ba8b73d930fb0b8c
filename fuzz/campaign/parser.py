# SPDX-License-Identifier: MPL-2.0
"""How command lines are read: what is wrong is one line, and the help is the launcher's, which needs
no Python to print it."""
from __future__ import annotations

import argparse
from typing import Any, NoReturn

from campaign.errors import CampaignError


class Parser(argparse.ArgumentParser):
    """Of a command of the launcher, or a part of its options."""

    def __init__(self, command: str, **more: Any) -> None:
        own = {"prog": f"slotcheck {command}", "add_help": False, "allow_abbrev": False}
        super().__init__(**(own | more))
        self.command = command

    def error(self, message: str) -> NoReturn:
        raise CampaignError(f"{message}; ./slotcheck {self.command} --help")
