# SPDX-License-Identifier: MPL-2.0
"""The executable specification as a package: conversion, verdicts, errors, the worked example."""

from __future__ import annotations

import doctest
import inspect
import pydoc
from pathlib import Path
from typing import Any, Callable

import pytest
from hypothesis import given, settings
from slotcheck import oracle, states
from slotcheck.native import ffi, lib
from slotcheck.oracle.convert import reference_from_c, reference_to_c, region_as_change
from slotcheck.oracle.values import MIRRORS, Value, hints_of

EXAMPLES = Path(__file__).parent.parent / "examples"

#: Members of C structs that are not fields: how maps are kept as arrays, and changes of a base.
_ARRAYS = {"capacity", "slots_dom", "slot_owners_dom"}
_CHANGES = {"base", "lists_changed", "nr_changed", "changed", "is_changed"}
_NOT_MIRRORED = {
    "struct meta_region_owners": _ARRAYS | _CHANGES,
    # The variants, which are read from the words.
    "struct meta_slot_storage": {"empty", "frame_link", "pt_node", "probe"},
}


def _members(struct: str) -> dict[str, Any]:
    return {name: member.type for name, member in ffi.typeof(struct).fields}


# --- conversion ---


@pytest.mark.parametrize("struct", MIRRORS)
def test_fields_are_those_of_the_struct(struct: str) -> None:
    members = set(_members(struct)) - _NOT_MIRRORED.get(struct, set())
    assert set(hints_of(MIRRORS[struct])) == members


@pytest.mark.parametrize("struct", MIRRORS)
def test_nested_types_are_those_of_the_struct(struct: str) -> None:
    for name, hint in hints_of(MIRRORS[struct]).items():
        if isinstance(hint, type) and issubclass(hint, Value):
            assert MIRRORS[_members(struct)[name].cname] is hint


def test_every_struct_that_a_predicate_takes_is_mirrored() -> None:
    for predicate in oracle.PREDICATES.values():
        assert all(argument.is_known for argument in predicate.arguments)


def test_variants_of_storage_are_those_of_c() -> None:
    members = _members("struct meta_slot_storage")
    for variant in _NOT_MIRRORED["struct meta_slot_storage"]:
        for name, member in members[variant].fields:
            if name not in ("bytes", "zero", "next_is_some", "prev_is_some"):
                assert isinstance(getattr(oracle.MetaSlotStorage, name), property)


@settings(max_examples=50)
@given(states.any_region())
def test_regions_come_back(region: oracle.MetaRegionOwners) -> None:
    back = oracle.from_c(oracle.to_c(region))
    region.frame_obligations = {i: n for i, n in region.frame_obligations.items() if n}
    assert back == region
    assert eval(repr(region), vars(oracle)) == region


@settings(max_examples=50)
@given(states.lawful_state(exempt=True))
def test_references_come_back(state: oracle.Reference) -> None:
    assert reference_from_c(reference_to_c(state)) == state
    assert state.copy() == state
    assert eval(repr(state), vars(oracle)) == state


@pytest.mark.parametrize(
    "cls",
    (oracle.MetaSlotOwner, oracle.MetadataAsLink, oracle.MetadataRepr, oracle.MetaSlotModel),
)
def test_values_come_back(cls: type[Value]) -> None:
    @settings(max_examples=25)
    @given(states.any_value(cls))
    def run(value: Value) -> None:
        assert oracle.from_c(oracle.to_c(value)) == value
        assert eval(repr(value), vars(oracle)) == value

    run()


def test_uninit_is_stored_as_zeros() -> None:
    stored = oracle.StoragePerm(id=5, value=oracle.MetaSlotStorage.probe(7))
    assert oracle.to_c(stored).value.word[0] == 0
    assert oracle.from_c(oracle.to_c(stored)) == oracle.StoragePerm(id=5)


def test_a_change_of_a_region_lists_what_changed() -> None:
    pre = oracle.boot(3).owners
    post = pre.copy()
    post.slot_owners[2].usage = oracle.PageUsage.FRAME
    post.lists[1].is_live = True
    base = oracle.to_c(pre)
    change = region_as_change(post, base)
    assert list(change.changed[0 : change.nr_changed]) == [2]
    assert change.lists_changed == 2


def test_copies_share_nothing() -> None:
    state = oracle.boot(2)
    copy = state.copy()
    copy.owners.slot_owners[0].inner_perms.ref_count.value = 3
    copy.owners.lists[0].is_live = True
    assert state == oracle.boot(2)


@pytest.mark.parametrize(
    "storage, text",
    (
        (oracle.MetaSlotStorage.untyped(), "untyped()"),
        (oracle.MetaSlotStorage.empty(b"ab"), "empty(data=b'ab')"),
        (oracle.MetaSlotStorage.probe(7), "probe(payload=7)"),
        (
            oracle.MetaSlotStorage.frame_link(next=oracle.meta_addr(2), payload=1),
            "frame_link(next=slot 2, payload=1)",
        ),
        (
            oracle.MetaSlotStorage.pt_node(level=2, stray=True, nr_children=512),
            "pt_node(level=2, nr_children=512, stray=True)",
        ),
    ),
)
def test_storage(storage: oracle.MetaSlotStorage, text: str) -> None:
    assert str(storage) == text
    assert oracle.from_c(oracle.to_c(storage)) == storage
    assert eval(repr(storage), vars(oracle)) == storage


def test_fields_of_storage_by_name() -> None:
    link = oracle.MetaSlotStorage.frame_link(next=64, payload=3)
    assert (link.next, link.prev, link.payload) == (64, None, 3)
    with pytest.raises(AttributeError, match="has no level"):
        _ = link.level
    with pytest.raises(ValueError, match="39 bytes"):
        oracle.MetaSlotStorage.empty(bytes(40))


# --- verdicts ---


def _pair() -> tuple[oracle.MetaRegionOwners, oracle.MetaRegionOwners]:
    pre = oracle.boot(2)
    return pre.owners, oracle.step(pre, "frame_from_unused", paddr=0).post.owners


def test_verdict_that_holds() -> None:
    verdict = oracle.get_from_unused_spec(0, False, *_pair())
    assert verdict and not verdict.failed and all(holds for _, holds in verdict)
    assert len(verdict) == 10 == len(list(verdict))
    assert verdict.explain() == "get_from_unused_spec holds: 10 clauses."


def test_verdict_that_does_not_hold() -> None:
    verdict = oracle.get_from_unused_spec(0, True, *_pair())
    assert not verdict
    (clause,) = verdict.failed
    assert clause is oracle.CLAUSES["get_from_unused_inner_perms_spec/ref_count"]
    assert not verdict[clause.id] and clause.id in verdict
    assert clause.text in verdict.explain() and clause.where in verdict.explain()
    assert "1 of 10 clauses fail" in repr(verdict)


def test_clauses_are_those_of_the_table() -> None:
    assert len(oracle.CLAUSES) == lib.NR_CLAUSES
    clause = oracle.CLAUSES["meta_slot_owner_inv/unused_storage"]
    assert (clause.kind, clause.sees_ghost) == ("invariant", True)
    assert clause.text in oracle.explain(clause.id)


def test_help_shows_signature_and_clauses() -> None:
    text = pydoc.render_doc(oracle.get_from_unused_spec, renderer=pydoc.plaintext)
    for wanted in ("get_from_unused_spec(paddr: int, as_unique: bool, pre:", "Verdict"):
        assert wanted in text
    for clause in oracle.CLAUSES.values():
        if clause.function in ("get_from_unused_spec", "get_from_unused_inner_perms_spec"):
            assert clause.id in text and clause.where in text


@pytest.mark.parametrize("name", [n for n in oracle.PREDICATES if not n.startswith("judge_")])
def test_every_predicate_documents_its_clauses(name: str) -> None:
    function = getattr(oracle, name)
    clauses = oracle.PREDICATES[name].clauses
    assert name in oracle.__all__ and clauses
    assert all(clause.id in function.__doc__ for clause in clauses)
    assert inspect.signature(function).return_annotation is oracle.Verdict


# --- bad arguments ---


def _step(op: str, **arguments: Any) -> Any:
    return oracle.step(oracle.boot(1), op, **arguments)


def _sizes_differ() -> Any:
    pre, post = oracle.boot(1).owners, oracle.boot(2).owners
    return oracle.judge("get_slot", pre, post, oracle.SpecOutcome())


def _too_large() -> Any:
    pre, post = _pair()
    post.slot_owners[0].inner_perms.ref_count.value = 2**64
    return oracle.get_from_unused_spec(0, False, pre, post)


def _no_such_slot() -> Any:
    region = oracle.boot(1).owners
    region.slot_owners[1] = oracle.MetaSlotOwner()
    return oracle.meta_region_owners_inv(region)


def _misspelt() -> None:
    oracle.boot(1).owners.slot_owners[0].page_usage = 3


def _huge_region() -> Any:
    return oracle.meta_region_owners_inv(oracle.MetaRegionOwners(max_meta_slots=2**40))


def _bad_path() -> Any:
    return oracle.meta_slot_owner_inv(oracle.MetaSlotOwner(paths_in_pt=frozenset({64})))


@pytest.mark.parametrize(
    "run, error, text",
    (
        (lambda: oracle.boot(0), ValueError, "max_meta_slots"),
        (lambda: _step("no_such"), ValueError, "no operation 'no_such'"),
        (lambda: _step("get_slot", paddress=1), TypeError, "paddress"),
        (lambda: _step("get_slot", paddr=-1), ValueError, "SpecCall.paddr: -1"),
        (lambda: _step("get_slot", paddr="1"), TypeError, "a number is wanted"),
        (lambda: _step("list_drop", list=8), ValueError, "list: 8"),
        (lambda: oracle.requires(oracle.boot(1), "frame_map", path=64), ValueError, "path: 64"),
        (lambda: oracle.linked_list_inv(oracle.boot(1).owners, 8), ValueError, "list: 8"),
        (lambda: oracle.frame_drop_no_such(), AttributeError, "frame_drop_no_such"),
        (lambda: oracle.wf(1, 2), TypeError, "a MetaSlotCells is wanted"),
        (lambda: oracle.wf(), TypeError, "missing a required argument: 'self'"),
        (lambda: oracle.explain("no/clause"), ValueError, "no clause 'no/clause'"),
        (lambda: _step("frame_drop"), oracle.PreconditionError, "precondition"),
        (_sizes_differ, ValueError, "same size"),
        (_too_large, ValueError, "AtomicPerm.value: 18446744073709551616"),
        (_no_such_slot, ValueError, "slot_owners: 1"),
        (_misspelt, AttributeError, "page_usage"),
        (_huge_region, ValueError, "max_meta_slots"),
        (_bad_path, ValueError, "paths_in_pt: 64"),
    ),
)
def test_bad_arguments(run: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text.replace("(", r"\(")):
        run()


# --- the worked example ---


def test_worked_example() -> None:
    failed, run = doctest.testfile(str(EXAMPLES / "specification.md"), module_relative=False)
    assert run > 20 and failed == 0
