# SPDX-License-Identifier: MPL-2.0
"""Subjects written in Python: the class that they derive from, and its way to C."""

from __future__ import annotations

import inspect
from itertools import count
from typing import Any, Callable, ClassVar

from slotcheck.native import ffi, lib
from slotcheck.subject_calls import BY_HAND, FUNCTIONS, MEMBERS, Function, takes_frames
from slotcheck.subject_error import SubjectError
from slotcheck.values import PAGE_SIZE, SLOT_SIZE, Metadata, Slot
from slotcheck.vocabulary import Result

# Slots have addresses and no memory. Each region has its own range, of more than any has slots.
_RANGE = 1 << 41
_NOWHERE = (_RANGE, None)


class Subject:
    """A region of slots with operations, to be derived from.

    A method with the name of a function of `struct slotcheck_subject` offers it; subject.h says
    what each does. It is given what the function reads and returns what it writes. An error is
    raised as `Refused(Result.IN_USE)`, or returned as that Result; a panic is raised as `Panic`. Slots and
    handles are addresses, as in C: see `slot` and `index`.

    `read_slot` is required. `reset` makes a new object of the class if there is no such method.
    """

    #: One word; the class's name if it is empty.
    name: ClassVar[str] = ""
    #: Not 0: regions have this many slots and no other number.
    fixed_slots: ClassVar[int] = 0
    #: Regions of more slots are refused.
    max_slots: ClassVar[int] = 1 << 20
    #: True: the class calls `ghost` wherever the specification's ghost state changes.
    reports_ghost: ClassVar[bool] = False
    #: True: the class calls `on_drop` whenever a probe is dropped.
    reports_on_drop: ClassVar[bool] = False

    nr_slots: int
    _placed: ClassVar[tuple[int, Any]] = _NOWHERE

    def __new__(cls, nr_slots: int, *rest: Any, **named: Any) -> Any:
        region = super().__new__(cls)
        region.nr_slots = nr_slots
        region._base, region._host = Subject._placed
        return region

    def __init__(self, nr_slots: int) -> None:
        """All slots unused. Of a region that C has made `nr_slots` is known before."""

    _base: int
    _host: Any

    # --- addresses ---

    def slots(self) -> int:
        """The address of slot 0."""
        return self._base

    def slot(self, index: int) -> int:
        """The address of a slot."""
        return self.slots() + index * SLOT_SIZE

    def index(self, address: int) -> int:
        """The number of the slot at an address."""
        number, rest = divmod(address - self.slots(), SLOT_SIZE)
        if rest or not 0 <= number < self.nr_slots:
            raise ValueError(f"{address:#x} is no slot of this region")
        return number

    def paddr(self, address: int) -> int:
        """The physical address of the frame whose slot is there."""
        return self.index(address) * PAGE_SIZE

    # --- what the host is told ---

    def on_drop(self, paddr: int, metadata: Metadata) -> None:
        """A probe was dropped; the reader of its frame starts at `paddr`."""
        if not self.reports_on_drop:
            name = type(self).__name__
            raise SubjectError(f"{name} calls on_drop and has reports_on_drop = False")
        if self._host:
            value = ffi.new("struct slotcheck_metadata *", (metadata.type, metadata.words))
            self._host.on_drop(self._host.context, paddr, value)

    def ghost(self, event: int, index: int, value: int = 0) -> None:
        """Ghost state of slot `index` changes; `event` is of Ghost."""
        if not self.reports_ghost:
            raise SubjectError(f"{type(self).__name__} calls ghost and has reports_ghost = False")
        if self._host:
            self._host.ghost(self._host.context, event, index, value)

    def read_slot(self, index: int) -> Slot:
        raise NotImplementedError


class PythonSubject:
    """A class as C sees it. There is one for each class, and like a library that was loaded it
    stays until the process ends."""

    def __new__(cls, subject: type[Subject]) -> PythonSubject:
        bound = _bound.get(subject)
        if bound is None:
            bound = super().__new__(cls)
            bound._bind(subject)
            _bound[subject] = bound
        return bound

    def _bind(self, subject: type[Subject]) -> None:
        self._class = subject
        self._regions: dict[Any, Subject] = {}
        self._pending: BaseException | None = None
        self.name = subject.name or subject.__name__
        _check(subject)
        self._pointer = ffi.new("struct slotcheck_subject *")
        description = (inspect.getdoc(subject) or self.name).splitlines()[0]
        self._kept = [ffi.new("char[]", text.encode()) for text in (self.name, description)]
        self._pointer.version = lib.SLOTCHECK_INTERFACE_VERSION
        self._pointer.size = ffi.sizeof("struct slotcheck_subject")
        self._pointer.name, self._pointer.description = self._kept
        self._pointer.capabilities = _capabilities(subject)
        self._pointer.fixed_slots = subject.fixed_slots
        for name, function in self._functions().items():
            ctype = MEMBERS[name]
            callback = ffi.callback(ctype, function, error=_answer_of_failure(ctype))
            self._kept.append(callback)
            setattr(self._pointer, name, callback)

    @property
    def pointer(self) -> Any:
        """The `struct slotcheck_subject *`."""
        return self._pointer

    @property
    def nr_regions(self) -> int:
        return len(self._regions)

    def raise_pending(self) -> None:
        """Raises what a method has raised, of several the first."""
        if self._pending is not None:
            error, self._pending = self._pending, None
            raise error

    def _keep(self, error: BaseException) -> None:
        """C cannot be unwound, so the exception waits until it has returned."""
        if self._pending is None:
            self._pending = error

    # --- functions that C calls ---

    def _functions(self) -> dict[str, Callable[..., Any]]:
        by_hand: dict[str, Callable[..., Any]] = {
            "create": self._create,
            "reset": self._reset,
            "destroy": self._destroy,
        }
        if _has_snapshots(self._class):
            by_hand["snapshot_save"] = self._snapshot_save
            by_hand["snapshot_restore"] = self._snapshot_restore
        offered = {
            name: self._caller(function)
            for name, function in FUNCTIONS.items()
            if hasattr(self._class, name)
        }
        return by_hand | offered

    def _caller(self, function: Function) -> Callable[..., Any]:
        regions, owner, name = self._regions, self._class.__name__, function.name
        call = function.call_with_frames if takes_frames(function) else function.call
        failed = _answer_of_failure(function.ctype)

        def run(region: Any, *raw: Any) -> Any:
            try:
                return call(owner, getattr(regions[region], name), raw)
            except BaseException as error:
                self._keep(error)
                return failed

        return run

    def _make(self, nr_slots: int, base: int, host: Any) -> Subject:
        Subject._placed = (base, host)
        try:
            return self._class(nr_slots)
        finally:
            Subject._placed = _NOWHERE

    def _create(self, nr_slots: int, host: Any, out: Any) -> int:
        if nr_slots == 0:
            return lib.SLOTCHECK_NO_SLOTS
        if nr_slots > self._class.max_slots:
            return lib.SLOTCHECK_TOO_MANY_SLOTS
        used = {int(ffi.cast("uintptr_t", region)) for region in self._regions}
        number = next(number for number in count(1) if number not in used)
        try:
            region = self._make(nr_slots, number * _RANGE, host)
        except MemoryError:
            return lib.SLOTCHECK_NO_MEMORY
        except BaseException as error:
            self._keep(error)
            return lib.SLOTCHECK_NO_MEMORY
        out[0] = ffi.cast("struct slotcheck_region *", number)
        self._regions[out[0]] = region
        return lib.SLOTCHECK_CREATED

    def _reset(self, pointer: Any, touched: Any, nr_touched: int) -> None:
        try:
            region = self._regions[pointer]
            reset = getattr(region, "reset", None)
            if reset is None:
                self._regions[pointer] = self._make(region.nr_slots, region._base, region._host)
            else:
                reset(ffi.unpack(touched, nr_touched) if nr_touched else [])
        except BaseException as error:
            self._keep(error)

    def _destroy(self, pointer: Any) -> None:
        try:
            region = self._regions.pop(pointer)
            getattr(region, "destroy", lambda: None)()
        except BaseException as error:
            self._keep(error)

    def _snapshot_save(self, pointer: Any, out: Any) -> None:
        try:
            region: Any = self._regions[pointer]
            saved, size = region.snapshot_save(), region.snapshot_size()
            if len(saved) != size:
                owner = self._class.__name__
                raise ValueError(f"{owner}.snapshot_save: {len(saved)} bytes, not {size}")
            ffi.memmove(out, saved, size)
        except BaseException as error:
            self._keep(error)

    def _snapshot_restore(self, pointer: Any, saved: Any) -> None:
        try:
            region: Any = self._regions[pointer]
            region.snapshot_restore(bytes(ffi.buffer(saved, region.snapshot_size())))
        except BaseException as error:
            self._keep(error)


_bound: dict[type[Subject], PythonSubject] = {}


def _answer_of_failure(ctype: Any) -> int | None:
    """What C is answered when a method fails otherwise than by a result; nobody looks at it."""
    return {"void": None, "uint64_t": 0}.get(ctype.result.cname, int(Result.PANIC))


# --- what a class says ---


def _has_snapshots(subject: type[Subject]) -> bool:
    return all(
        hasattr(subject, name) for name in ("snapshot_size", "snapshot_save", "snapshot_restore")
    )


def _capabilities(subject: type[Subject]) -> int:
    capabilities: int = lib.SLOTCHECK_CAN_MANY_REGIONS | lib.SLOTCHECK_CAN_RETURN_FROM_PANIC
    if subject.reports_ghost:
        capabilities |= lib.SLOTCHECK_CAN_REPORT_GHOST
    if subject.reports_on_drop:
        capabilities |= lib.SLOTCHECK_CAN_REPORT_ON_DROP
    if _has_snapshots(subject):
        capabilities |= lib.SLOTCHECK_CAN_SNAPSHOT
    return capabilities


def _check(subject: type[Subject]) -> None:
    """Raises SubjectError if the class cannot be a subject."""
    name = subject.__name__
    if subject.read_slot is Subject.read_slot:
        raise SubjectError(f"{name} has no method read_slot")
    if subject.reports_ghost and hasattr(subject, "get_from_unused") > hasattr(subject, "repark"):
        raise SubjectError(f"{name} reports ghost state and has get_from_unused, but no repark")
    for needed in ("list_drop", "read_list"):
        if hasattr(subject, "list_new") > hasattr(subject, needed):
            raise SubjectError(f"{name} has list_new, but no {needed}")
    for function in FUNCTIONS.values():
        _check_method(subject, function.name, function.arguments)
    _check_method(subject, "reset", ("touched",))
    _check_method(subject, "__init__", ("nr_slots",))


def _check_method(subject: type[Subject], name: str, arguments: tuple[str, ...]) -> None:
    method = getattr(subject, name, None)
    if method is None:
        return
    if not callable(method):
        raise SubjectError(f"{subject.__name__}.{name} is no method")
    try:
        inspect.signature(method).bind(None, *arguments)
    except TypeError:
        wanted = ", ".join(("self", *arguments))
        raise SubjectError(f"{subject.__name__}.{name} does not take ({wanted})") from None


assert BY_HAND <= MEMBERS.keys()
