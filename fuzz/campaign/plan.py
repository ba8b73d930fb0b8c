# SPDX-License-Identifier: MPL-2.0
"""Which engine and which build each job of a campaign runs."""
from __future__ import annotations

from dataclasses import dataclass

LIBFUZZER, AFL, ENSEMBLE = "libfuzzer", "afl", "ensemble"
ENGINES = (LIBFUZZER, AFL, ENSEMBLE)
# Different habits of choosing inputs, for the AFL++ processes that have nothing else of their own.
SCHEDULES = ("fast", "explore", "coe", "rare", "exploit")


@dataclass(frozen=True)
class Role:
    engine: str
    preset: str
    sanitized: bool = False
    # Of AFL++: the one process that reads what other engines find; one that solves comparisons.
    is_main: bool = False
    cmplog: bool = False
    schedule: str = SCHEDULES[0]


def plan(engine: str, jobs: int, sanitize: bool) -> list[Role]:
    """The roles of the jobs. Sanitizers run at a fraction of the speed, so one job of an engine has
    them, and it is one of those that come last. `sanitize` is false where they would see little,
    because the code under test was built by somebody else."""
    if engine == LIBFUZZER:
        return libfuzzer_roles(jobs, sanitize)
    if engine == AFL:
        return afl_roles(jobs, sanitize)
    ours = libfuzzer_roles(jobs - jobs // 2, sanitize)
    theirs = afl_roles(jobs // 2, sanitize)
    # In turn, so that the first jobs are one of each.
    return [role for number in range(len(ours)) for role in (*ours[number:][:1], *theirs[number:][:1])]


def libfuzzer_roles(jobs: int, sanitize: bool) -> list[Role]:
    sanitized = int(sanitize and jobs >= 2)
    plain = [Role(LIBFUZZER, "libfuzzer")] * (jobs - sanitized)
    return plain + [Role(LIBFUZZER, "libfuzzer-asan", sanitized=True)] * sanitized


def afl_roles(jobs: int, sanitize: bool) -> list[Role]:
    roles = [Role(AFL, "afl", is_main=True)]
    if sanitize:
        roles.append(Role(AFL, "afl-asan", sanitized=True))
    roles.append(Role(AFL, "afl", cmplog=True))
    while len(roles) < jobs:
        roles.append(Role(AFL, "afl", schedule=SCHEDULES[len(roles) % len(SCHEDULES)]))
    return roles[:jobs]


def presets(roles: list[Role]) -> list[str]:
    """Builds that the roles need, each once. Those of libFuzzer also name the crashes of AFL++."""
    wanted = []
    for role in roles:
        wanted += ["libfuzzer-asan" if role.sanitized else "libfuzzer", role.preset]
        if role.cmplog:
            wanted.append("afl-cmplog")
    return list(dict.fromkeys(wanted))
