# SPDX-License-Identifier: MPL-2.0
"""The reference implementation: an operation's precondition, its execution, its judge."""

from __future__ import annotations

from typing import Any, NamedTuple

from slotcheck.native import ffi, lib
from slotcheck.oracle.clauses import Report, Verdict
from slotcheck.oracle.convert import (
    SpecValueError,
    from_c,
    reference_from_c,
    reference_to_c,
    region_as_change,
    region_to_c,
    to_c,
    u64,
)
from slotcheck.oracle.functions import boot_region, check_call
from slotcheck.oracle.values import MetaRegionOwners, Reference, SpecCall, SpecOutcome
from slotcheck.vocabulary import OPS, Op


class PreconditionError(ValueError):
    """The operation's precondition does not hold: nothing is said of what it does."""


class Step(NamedTuple):
    """What an operation answers, and the state that it leaves."""

    outcome: SpecOutcome
    post: Reference


def boot(nr_slots: int) -> Reference:
    """A region of that many slots as after boot: unused, held by nobody."""
    return Reference(owners=boot_region(nr_slots))


def op_named(op: Op | str) -> Op:
    """Raises ValueError if there is no such operation."""
    if isinstance(op, Op):
        return op
    if op not in OPS:
        raise ValueError(f"there is no operation '{op}'; see slotcheck.vocabulary.OPS")
    return OPS[op]


def _call_of(op: Op, call: SpecCall | None, named: dict[str, Any]) -> Any:
    if call is not None and named:
        raise TypeError(f"{op.name}: arguments come as a SpecCall or by name, not both")
    try:
        made = call if call is not None else SpecCall(**named)
    except TypeError as error:
        raise TypeError(f"{op.name}: {error}; see SpecCall") from None
    check_call(made, op.name)
    return to_c(made)


def requires(
    state: Reference, op: Op | str, call: SpecCall | None = None, /, **arguments: Any
) -> bool:
    """True if the operation may be called with these arguments (SpecCall) in this state."""
    op = op_named(op)
    return bool(lib.REQUIRES[op.number](reference_to_c(state), _call_of(op, call, arguments)))


def step(
    state: Reference, op: Op | str, call: SpecCall | None = None, /, **arguments: Any
) -> Step:
    """Executes the operation; `state` stays as it is.

    Raises PreconditionError if it may not be called here.
    """
    op = op_named(op)
    made = reference_to_c(state)
    arguments_c = _call_of(op, call, arguments)
    if not lib.REQUIRES[op.number](made, arguments_c):
        raise PreconditionError(f"{op.name}: its precondition does not hold in this state")
    outcome = ffi.new("struct spec_outcome *")
    lib.reference_begin(made)
    lib.REFERENCE[op.number](made, arguments_c, outcome)
    answer = from_c(outcome)
    assert isinstance(answer, SpecOutcome)
    return Step(answer, reference_from_c(made))


def judge(
    op: Op | str,
    pre: MetaRegionOwners,
    post: MetaRegionOwners,
    outcome: SpecOutcome,
    call: SpecCall | None = None,
    /,
    *,
    as_change: bool = False,
    **arguments: Any,
) -> Verdict:
    """Which clauses hold of somebody's step with that outcome; nothing is asked of the reference.

    `as_change` hands over `post` as a change of `pre`, which is how the lockstep keeps states.
    """
    op = op_named(op)
    if pre.max_meta_slots != post.max_meta_slots:
        raise SpecValueError(f"{op.name}: before and after a step a region has the same size")
    u64(outcome.value, "SpecOutcome.value")
    before = region_to_c(pre)
    after = region_as_change(post, before) if as_change else region_to_c(post)
    report = Report()
    lib.JUDGE[op.number](
        before, after, _call_of(op, call, arguments), to_c(outcome), report.pointer
    )
    return report.verdict(f"judge_{op.name}")
