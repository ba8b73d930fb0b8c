# SPDX-License-Identifier: MPL-2.0
"""All drivers, in the order in which they run and are shown."""
from __future__ import annotations

from mutation.drivers.afl import Afl, AflBytes
from mutation.drivers.base import Driver, DriverError, Outcome, Setting
from mutation.drivers.corpus import Corpus
from mutation.drivers.exhaust import Exhaust
from mutation.drivers.hypothesis import Hypothesis
from mutation.drivers.libfuzzer import LibFuzzer, LibFuzzerBytes
from mutation.drivers.team import TEAMS

DRIVERS: tuple[Driver, ...] = (
    Corpus(),
    Exhaust(),
    LibFuzzer(),
    LibFuzzerBytes(),
    Afl(),
    AflBytes(),
    Hypothesis(),
    *TEAMS,
)

__all__ = ["DRIVERS", "Driver", "DriverError", "Outcome", "Setting"]
