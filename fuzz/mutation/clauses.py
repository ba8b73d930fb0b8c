# SPDX-License-Identifier: MPL-2.0
"""What each clause of the specification is good for: a mutant, or a wrong post-state as `slotcheck
holes` makes them, that it alone detects. A clause without either is redundant, and why so is
written by hand in oracle/redundant.txt: the id, and the reason in the same line.
"""
from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from campaign.errors import CampaignError, Status
from mutation import process
from mutation.drivers import Setting
from mutation.matrix import Matrix

REASONS = "oracle/redundant.txt"
DOCUMENT = "oracle/CLAUSES.md"
# Those whose results are the same everywhere.
DETERMINISTIC = ("corpus", "exhaust")


@dataclass
class Clause:
    id: str
    kind: str
    text: str
    holes: int = 0  # wrong post-states that it alone detects
    failed: int = 0  # wrong post-states of which it was false
    hole: str = ""  # the first of them
    mutants: list[str] = field(default_factory=list)
    always_with: list[str] = field(default_factory=list)
    reason: str | None = None

    @property
    def is_redundant(self) -> bool:
        return not self.holes and not self.mutants

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def nr_needed(clauses: list[Clause]) -> int:
    return sum(1 for clause in clauses if not clause.is_redundant)


# --- the reasons ----------------------------------------------------------------------------------


def read_reasons(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    reasons: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(maxsplit=1)
        if len(words) != 2:
            raise CampaignError(f"{path}:{number}: no reason behind the clause")
        if words[0] in reasons:
            raise CampaignError(f"{path}:{number}: {words[0]} stands here a second time")
        reasons[words[0]] = words[1].strip()
    return reasons


def complaints(clauses: list[Clause], reasons: dict[str, str]) -> list[str]:
    """The reasons have to be those of exactly the redundant clauses."""
    known = {clause.id: clause for clause in clauses}
    found = [f"{REASONS}: no clause {name}" for name in reasons if name not in known]
    for clause in clauses:
        if clause.is_redundant and clause.id not in reasons:
            found.append(f"{REASONS}: {clause.id} is redundant, and nothing says why")
        elif not clause.is_redundant and clause.id in reasons:
            witness = clause.mutants[0] if clause.mutants else clause.hole
            found.append(f"{REASONS}: {clause.id} is not redundant: it alone detects {witness}")
    return found


# --- from the command and the matrix --------------------------------------------------------------


def ask(setting: Setting, scratch: Path, *words: str) -> Any:
    scratch.mkdir(parents=True, exist_ok=True)
    done = process.run([str(setting.command), *words], scratch)
    if done.status != Status.AGREEMENT:
        raise CampaignError(f"{words[0]}: {done.complaint}", Status.INTERNAL)
    return json.loads(done.stdout)


def hole_text(first: dict[str, Any] | None) -> str:
    if first is None:
        return ""
    what = " ".join(part for part in (first["area"], first["field"]) if part)
    return f"{first['operation']}: {what}: {first['change']}"


def witnesses(matrix: Matrix, deterministic: bool) -> dict[str, list[str]]:
    """The mutants that each clause alone detects."""
    found: dict[str, list[str]] = {}
    for mutant in matrix.mutants:
        if mutant.equivalent:
            continue
        for driver, result in matrix.kills(mutant):
            if deterministic and driver.name not in DETERMINISTIC:
                continue
            for clause in result.alone:
                names = found.setdefault(clause, [])
                if mutant.name not in names:
                    names.append(mutant.name)
    return found


def find_clauses(
    setting: Setting, matrix: Matrix, scratch: Path, deterministic: bool
) -> list[Clause]:
    corpus = str(setting.root / "corpus/seeds")
    holes = ask(setting, scratch, "holes", "--json", "--corpus", corpus)
    power = {clause["id"]: clause for clause in holes["clauses"]}
    mutants = witnesses(matrix, deterministic)
    reasons = read_reasons(setting.root / REASONS)
    return [
        Clause(
            id=clause["id"],
            kind=clause["kind"],
            text=clause["text"],
            holes=power[clause["id"]]["alone"],
            failed=power[clause["id"]]["failed"],
            hole=hole_text(power[clause["id"]].get("first")),
            mutants=mutants.get(clause["id"], []),
            always_with=power[clause["id"]]["with"],
            reason=reasons.get(clause["id"]),
        )
        for clause in ask(setting, scratch, "spec", "--json")
    ]


# --- the document ---------------------------------------------------------------------------------


def escaped(text: str) -> str:
    return text.replace("|", "\\|")


def witness_text(clause: Clause) -> str:
    parts = []
    if clause.mutants:
        more = len(clause.mutants) - 1
        parts.append(f"mutant `{clause.mutants[0]}`" + (f" and {more} more" if more else ""))
    if clause.holes:
        parts.append(f"post-state of {clause.hole}")
    return escaped("; ".join(parts))


def document(clauses: list[Clause]) -> str:
    needed = [clause for clause in clauses if not clause.is_redundant]
    redundant = [clause for clause in clauses if clause.is_redundant]
    of_mutants = sum(1 for clause in clauses if clause.mutants)
    of_holes = sum(1 for clause in clauses if clause.holes)
    lines = [
        "# What each clause is good for",
        "",
        "Made by `./slotcheck mutants --drivers corpus,exhaust --document`; a test holds this copy",
        "against it. The reasons are from `redundant.txt`.",
        "",
        "A clause earns its place if it alone detects something: a mutant of `fuzz/mutants/`, in",
        "the first operation of a program in which the mutant goes wrong, or a wrong post-state as",
        "`./slotcheck holes` makes them, by changing one thing after a step that was right.",
        "*Alone*: no other clause of the specification is false there. A clause of the kind exec,",
        "which is of the executable function, does so only where the specification has no",
        "objection at all.",
        "",
        f"Of {len(clauses)} clauses {of_mutants} alone detect a mutant, {of_holes} a wrong"
        f" post-state, {len(needed)} one or the other;",
        f"{len(redundant)} are redundant: whenever one of them was false, another one was, too. Each of them"
        " could go by itself, not",
        "all together: where two say the same, each is the other's reason.",
        "",
        "## Clauses that are needed",
        "",
        "| clause | kind | it alone detects |",
        "|---|---|---|",
        *(f"| `{clause.id}` | {clause.kind} | {witness_text(clause)} |" for clause in needed),
        "",
        "## Redundant clauses",
        "",
        "*Always with*: false in every wrong post-state in which the clause was false; a dash if these",
        "differ. *Never false*: no change that `holes` makes to one thing breaks the clause; that it can",
        "fail shows its case in `tests/clause_cases.def`.",
        "",
        "| clause | kind | always with | why |",
        "|---|---|---|---|",
    ]
    for clause in redundant:
        others = ", ".join(f"`{other}`" for other in clause.always_with) or "-"
        if not clause.failed:
            others = "never false"
        reason = escaped(clause.reason or "")
        lines.append(f"| `{clause.id}` | {clause.kind} | {others} | {reason} |")
    return "\n".join(lines) + "\n"
