# SPDX-License-Identifier: MPL-2.0
"""Hypothesis profiles: how much is tried, and whether anything is left to chance.

dev   some seconds; other examples in each run, what failed before first
ci    always the same examples, whatever was found before
long  tens of minutes
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

NAMES = ("dev", "ci", "long")

#: Examples of a property that neither asks for more nor for less, and steps of a state machine.
SIZES: dict[str, tuple[int, int]] = {"dev": (10, 30), "ci": (100, 50), "long": (2_000, 100)}

_Test = TypeVar("_Test", bound=Callable[..., Any])
_is_exact = False


def load(
    name: str,
    examples: Path | None = None,
    max_examples: int | None = None,
    steps: int | None = None,
) -> None:
    """Makes it the profile of all properties that are imported from now on.

    `examples` is the folder where failing examples are kept for the next run; ci keeps none.
    """
    global _is_exact
    default_examples, default_steps = SIZES[name]
    keeps = examples is not None and name != "ci"
    # What is slow is not wrong, and a machine with much to do is slow at times.
    unwanted = [
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ]
    # Nor is it, where examples are left to chance, that chance is against us.
    unwanted += [HealthCheck.filter_too_much] if name != "ci" else []
    settings.register_profile(
        name,
        max_examples=max_examples or default_examples,
        stateful_step_count=steps or default_steps,
        derandomize=name == "ci",
        database=DirectoryBasedExampleDatabase(str(examples)) if keeps else None,
        deadline=None,
        print_blob=True,
        report_multiple_bugs=True,
        suppress_health_check=unwanted,
    )
    settings.load_profile(name)
    _is_exact = max_examples is not None


def scaled(share: float, **more: Any) -> Callable[[_Test], _Test]:
    """A decorator for a property of which fewer or more examples are wanted than of others, in all
    profiles; a number that the user asks for holds for all. `more` are settings of Hypothesis."""
    number = settings.default.max_examples
    return settings(max_examples=number if _is_exact else max(1, round(number * share)), **more)
