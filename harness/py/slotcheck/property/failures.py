# SPDX-License-Identifier: MPL-2.0
"""What a property has failed with, as its parent is told."""

from __future__ import annotations

import errno
import re
import traceback
from typing import Any, Iterator

from hypothesis import errors

from slotcheck.program import Program
from slotcheck.subject import LibrarySubject, SubjectError
from slotcheck.trial import AnySubject, Divergence, OracleFault, SlotcheckError, Trial

BLOB = re.compile(r"^.*@reproduce_failure\('[^']*', b'([^']+)'\).*$", re.MULTILINE)
# Hypothesis prints one after each step, and they say nothing.
INVARIANT = re.compile(r"^state\.invariants_hold\(\)\n", re.MULTILINE)
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def single_errors(error: BaseException) -> Iterator[BaseException]:
    """Hypothesis reports several as a group."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from single_errors(part)
    else:
        yield error


def kind_of(error: BaseException) -> str:
    """divergence; failed, which is a finding as well; or what is none."""
    if isinstance(error, Divergence):
        return "divergence"
    if isinstance(error, errors.DidNotReproduce):
        return "not reproduced"
    if isinstance(error, OracleFault):
        return "internal"
    if isinstance(error, (SlotcheckError, SubjectError)):
        return "refused"
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return "no space"
    if isinstance(error, errors.HypothesisException) and not isinstance(error, errors.Flaky):
        return "internal"
    return "failed"


def shrunk_here(error: Divergence, subject: AnySubject) -> Divergence:
    """The same of the smallest program, if only this process can run the subject."""
    if isinstance(subject, LibrarySubject):
        return error
    trial = Trial(subject)
    try:
        trial.run(trial.shrink(error.program))
    except Divergence as smallest:
        return smallest if smallest.signature == error.signature else error
    except Exception:  # whatever code of a user may raise
        pass
    return error


def innermost_function(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return frames[-1].name if frames else "unknown"


def failure_of(error: BaseException, printed: str, subject: AnySubject) -> dict[str, Any]:
    notes = "\n".join(getattr(error, "__notes__", ())) or printed
    blob = BLOB.search(notes)
    failure = {
        "kind": kind_of(error),
        "type": type(error).__name__,
        "message": str(error),
        "example": INVARIANT.sub("", BLOB.sub("", notes)).strip(),
        "blob": blob[1] if blob else None,
        "traceback": "".join(traceback.format_exception(error)),
    }
    program = getattr(error, "program", None)
    if isinstance(program, Program) and not isinstance(error, Divergence):
        # A method of a subject in Python has raised it.
        failure |= {"program": str(program), "where": innermost_function(error)}
    if isinstance(error, Divergence):
        smallest = shrunk_here(error, subject)
        failure |= {
            "signature": error.signature,
            "program": str(smallest.program),
            "operations": len(error.program),
            "summary": error.summary.splitlines()[0],
            "explanation": smallest.explanation,
        }
    return failure


def failures_of(error: BaseException, printed: str, subject: AnySubject) -> list[dict[str, Any]]:
    """`printed` is what Hypothesis has said where the error has no notes. Of errors with the same
    signature the first one is kept."""
    failures: dict[str, dict[str, Any]] = {}
    for single in single_errors(error):
        name = single.signature if isinstance(single, Divergence) else f"{single!r}"
        if name not in failures:
            failures[name] = failure_of(single, printed, subject)
    return list(failures.values())
