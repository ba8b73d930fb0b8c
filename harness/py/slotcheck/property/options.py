# SPDX-License-Identifier: MPL-2.0
"""What the properties are told, in the environment: whoever runs them with pytest by hand can set
the same variables.

    SLOTCHECK_SUBJECT        what is tested; unset: the built-in implementation
    SLOTCHECK_SPEC           ostd or vostd
    SLOTCHECK_PROFILE        a Hypothesis profile of slotcheck.profiles
    SLOTCHECK_EXAMPLES       folder for failing examples; unset: none are kept
    SLOTCHECK_CASES          case files and folders of them, one a line
    SLOTCHECK_MAX_EXAMPLES   instead of the profile's
    SLOTCHECK_STEPS          of a state machine, instead of the profile's
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Mapping

from slotcheck import profiles
from slotcheck.native import lib
from slotcheck.subject import load_subject
from slotcheck.trial import AnySubject, Trial

SPECS = ("ostd", "vostd")


@dataclass(frozen=True)
class Options:
    subject: str | None = None
    spec: str = "ostd"
    profile: str = "dev"
    examples: Path | None = None
    cases: tuple[Path, ...] = ()
    max_examples: int | None = None
    steps: int | None = None

    @classmethod
    def of_environment(cls, variables: Mapping[str, str] = os.environ) -> Options:
        def number(name: str) -> int | None:
            return int(variables[name]) if variables.get(name) else None

        cases = variables.get("SLOTCHECK_CASES", "").splitlines()
        examples = variables.get("SLOTCHECK_EXAMPLES")
        return cls(
            subject=variables.get("SLOTCHECK_SUBJECT") or None,
            spec=variables.get("SLOTCHECK_SPEC") or "ostd",
            profile=variables.get("SLOTCHECK_PROFILE") or "dev",
            examples=Path(examples) if examples else None,
            cases=tuple(Path(case) for case in cases),
            max_examples=number("SLOTCHECK_MAX_EXAMPLES"),
            steps=number("SLOTCHECK_STEPS"),
        )

    def as_environment(self) -> dict[str, str]:
        values = {
            "SLOTCHECK_SUBJECT": self.subject,
            "SLOTCHECK_SPEC": self.spec,
            "SLOTCHECK_PROFILE": self.profile,
            "SLOTCHECK_EXAMPLES": self.examples,
            "SLOTCHECK_CASES": "\n".join(map(str, self.cases)),
            "SLOTCHECK_MAX_EXAMPLES": self.max_examples,
            "SLOTCHECK_STEPS": self.steps,
        }
        return {name: "" if value is None else str(value) for name, value in values.items()}

    def load_profile(self) -> None:
        profiles.load(self.profile, self.examples, self.max_examples, self.steps)


@lru_cache(maxsize=None)
def subject_under_test() -> AnySubject:
    """The one for all properties of this process. Raises SubjectError."""
    return load_subject(Options.of_environment().subject)


def use_spec(spec: str) -> None:
    """For all trials that are made from now on."""
    Trial.variant = lib.SPEC_VOSTD if spec == "vostd" else lib.SPEC_OSTD
