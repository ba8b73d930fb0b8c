# SPDX-License-Identifier: MPL-2.0
"""What `slotcheck run --json` prints: a record for each case."""
from __future__ import annotations

import json
from typing import Any


def parsed(output: str) -> list[dict[str, Any]]:
    """The records; the last line is left out if the command was stopped in it."""
    return [json.loads(line) for line in output.split("\n")[:-1]]


def diverges(record: dict[str, Any]) -> bool:
    return record["verdict"] != "agreement"


def alone(record: dict[str, Any]) -> str | None:
    """The clause that detects a divergence with no other one's help, if there is one. Clauses of
    the kind exec are of the executable function: they count only where the specification is silent.
    """
    specification = [clause["id"] for clause in record["clauses"] if clause["kind"] != "exec"]
    execution = [clause["id"] for clause in record["clauses"] if clause["kind"] == "exec"]
    deciding = specification or execution
    return deciding[0] if len(deciding) == 1 else None
