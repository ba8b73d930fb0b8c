# SPDX-License-Identifier: MPL-2.0
"""The executable specification.

States are dataclasses (MetaRegionOwners, MetaSlotOwner, ...), with the names of the source. Every
predicate is a function under its own name that returns a Verdict, which says clause by clause what
holds; PREDICATES has all of them. What an operation may be called on, does, and must do, say
`requires`, `step` and `judge`.

    from slotcheck import oracle

    pre = oracle.boot(4)
    storage = oracle.MetaSlotStorage.probe(payload=7)
    outcome, post = oracle.step(pre, "frame_from_unused", paddr=0x1000, metadata=storage)
    print(oracle.get_from_unused_spec(0x1000, False, pre.owners, post.owners).explain())

A longer example is in harness/py/examples/specification.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slotcheck.oracle.clauses import CLAUSES, Clause, Verdict, explain
from slotcheck.oracle.convert import SpecValueError, from_c, to_c
from slotcheck.oracle.functions import PREDICATES, TRANSLATIONS, Function, Predicate
from slotcheck.oracle.reference import PreconditionError, Step, boot, judge, requires, step
from slotcheck.oracle.values import (
    FRAME_METADATA_RANGE,
    MAX_LISTS,
    META_SLOT_SIZE,
    NR_PATHS,
    PAGE_SIZE,
    REF_COUNT_MAX,
    REF_COUNT_UNIQUE,
    REF_COUNT_UNUSED,
    AtomicPerm,
    LinkedListOwner,
    MemContents,
    Metadata,
    MetadataAsLink,
    MetadataInnerPerms,
    MetadataRepr,
    MetadataType,
    MetaRegionOwners,
    MetaSlotCells,
    MetaSlotModel,
    MetaSlotOwner,
    MetaSlotPerm,
    MetaSlotStatus,
    MetaSlotStorage,
    OptionalAddr,
    PageUsage,
    Reference,
    SlotExemption,
    SlotHolders,
    SpecCall,
    SpecDrop,
    SpecOutcome,
    StoragePerm,
    Value,
    Variant,
    VtablePerm,
)
from slotcheck.vocabulary import Result

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """A predicate, or a translation; see PREDICATES and TRANSLATIONS."""


for _name, _function in (TRANSLATIONS | PREDICATES).items():
    globals()[_name] = _function.as_function()

__all__ = [
    "CLAUSES",
    "FRAME_METADATA_RANGE",
    "MAX_LISTS",
    "META_SLOT_SIZE",
    "NR_PATHS",
    "PAGE_SIZE",
    "PREDICATES",
    "REF_COUNT_MAX",
    "REF_COUNT_UNIQUE",
    "REF_COUNT_UNUSED",
    "TRANSLATIONS",
    "AtomicPerm",
    "Clause",
    "Function",
    "LinkedListOwner",
    "MemContents",
    "MetaRegionOwners",
    "MetaSlotCells",
    "MetaSlotModel",
    "MetaSlotOwner",
    "MetaSlotPerm",
    "MetaSlotStatus",
    "MetaSlotStorage",
    "Metadata",
    "MetadataAsLink",
    "MetadataInnerPerms",
    "MetadataRepr",
    "MetadataType",
    "OptionalAddr",
    "PageUsage",
    "PreconditionError",
    "Predicate",
    "Reference",
    "Result",
    "SlotExemption",
    "SlotHolders",
    "SpecCall",
    "SpecDrop",
    "SpecOutcome",
    "SpecValueError",
    "Step",
    "StoragePerm",
    "Value",
    "Variant",
    "Verdict",
    "VtablePerm",
    "boot",
    "explain",
    "from_c",
    "judge",
    "requires",
    "step",
    "to_c",
    *TRANSLATIONS,
    *PREDICATES,
]
