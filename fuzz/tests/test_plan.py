# SPDX-License-Identifier: MPL-2.0
"""Which engine and which build each job runs, for every number of jobs that people have."""
from __future__ import annotations

import pytest

from campaign.plan import ENGINES, SCHEDULES, Role, plan, presets


def letters(roles: list[Role]) -> str:
    """One for each role: l, L libFuzzer, m, a, A, c AFL++; capitals have sanitizers."""

    def letter(role: Role) -> str:
        if role.engine == "libfuzzer":
            return "L" if role.sanitized else "l"
        return "A" if role.sanitized else "m" if role.is_main else "c" if role.cmplog else "a"

    return "".join(map(letter, roles))


# As the help says: of two or more the last one of libFuzzer, the second one of AFL++ has sanitizers;
# the third one of AFL++ solves comparisons.
@pytest.mark.parametrize(
    "engine, sanitize, by_jobs",
    [
        ("libfuzzer", True, ["l", "lL", "llL", "lllL", "llllL", "lllllL"]),
        ("libfuzzer", False, ["l", "ll", "lll", "llll", "lllll", "llllll"]),
        ("afl", True, ["m", "mA", "mAc", "mAca", "mAcaa", "mAcaaa"]),
        ("afl", False, ["m", "mc", "mca", "mcaa", "mcaaa", "mcaaaa"]),
        ("ensemble", True, ["", "lm", "lmL", "lmLA", "lmlAL", "lmlALc"]),
        ("ensemble", False, ["", "lm", "lml", "lmlc", "lmlcl", "lmlcla"]),
    ],
)
def test_roles(engine: str, sanitize: bool, by_jobs: list[str]) -> None:
    for jobs, expected in enumerate(by_jobs, start=1):
        if expected:
            assert letters(plan(engine, jobs, sanitize)) == expected


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("sanitize", [True, False])
@pytest.mark.parametrize("jobs", [2, 3, 7, 40])
def test_rules_of_all_plans(engine: str, sanitize: bool, jobs: int) -> None:
    roles = plan(engine, jobs, sanitize)
    theirs = [role for role in roles if role.engine == "afl"]
    assert len(roles) == jobs
    assert len(theirs) == {"libfuzzer": 0, "afl": jobs, "ensemble": jobs // 2}[engine]
    assert [role.is_main for role in theirs] == [True, *[False] * (len(theirs) - 1)][: len(theirs)]
    assert not roles[0].sanitized, "whoever has one job has the fast one"
    assert {role.preset for role in roles if role.sanitized} <= {"libfuzzer-asan", "afl-asan"}
    assert not any(role.preset.endswith("asan") for role in roles if not role.sanitized)
    for ours in (theirs, [role for role in roles if role.engine == "libfuzzer"]):
        wants_one = sanitize and len(ours) >= 2
        assert sum(role.sanitized for role in ours) == int(wants_one)
    assert sum(role.cmplog for role in theirs) <= 1


def test_schedules_differ_as_long_as_they_can() -> None:
    roles = plan("afl", 7, sanitize=True)
    assert roles[0].schedule == SCHEDULES[0]
    rest = [role.schedule for role in roles if role not in roles[:3]]
    assert len(set(rest)) == len(rest) and set(rest) <= set(SCHEDULES)


@pytest.mark.parametrize(
    "engine, jobs, sanitize, builds",
    [
        ("libfuzzer", 1, True, ["libfuzzer"]),
        ("libfuzzer", 2, True, ["libfuzzer", "libfuzzer-asan"]),
        ("libfuzzer", 6, False, ["libfuzzer"]),
        ("afl", 1, True, ["libfuzzer", "afl"]),
        ("afl", 2, True, ["libfuzzer", "afl", "libfuzzer-asan", "afl-asan"]),
        ("afl", 3, True, ["libfuzzer", "afl", "libfuzzer-asan", "afl-asan", "afl-cmplog"]),
        ("afl", 2, False, ["libfuzzer", "afl", "afl-cmplog"]),
        ("ensemble", 2, True, ["libfuzzer", "afl"]),
        ("ensemble", 3, True, ["libfuzzer", "afl", "libfuzzer-asan"]),
        ("ensemble", 6, False, ["libfuzzer", "afl", "afl-cmplog"]),
    ],
)
def test_only_what_is_needed_is_built(
    engine: str, jobs: int, sanitize: bool, builds: list[str]
) -> None:
    """Crashes of AFL++ get their names from libFuzzer's builds."""
    assert presets(plan(engine, jobs, sanitize)) == builds
