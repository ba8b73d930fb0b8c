// SPDX-License-Identifier: MPL-2.0
//! A small complete subject in Rust: frames with atomic reference counts. It needs no crate. Copy
//! it and put your own code in.
//!
//!     rustc --crate-type cdylib -C panic=abort -o subject.so harness/examples/subject.rs

use std::cell::UnsafeCell;
use std::os::raw::{c_char, c_void};
use std::sync::atomic::{fence, AtomicU64, Ordering::*};

const PAGE_SIZE: u64 = 4096;
const REF_COUNT_UNUSED: u64 = u64::MAX;
const REF_COUNT_UNIQUE: u64 = u64::MAX - 1;
const REF_COUNT_MAX: u64 = i64::MAX as u64;

/// enum slotcheck_result, the errors that occur here
#[repr(u32)]
pub enum Error {
    InUse = 1,
    Unused = 2,
    Busy = 3,
    Unique = 4,
    OutOfBound = 5,
    NotAligned = 6,
}
use Error::*;

/// struct slotcheck_metadata
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Metadata {
    kind: u64,
    word: [u64; 5],
}

#[repr(C, align(64))]
pub struct Slot {
    metadata: UnsafeCell<Metadata>, // its `kind` does what a vtable pointer would
    ref_count: AtomicU64,
    in_list: u64, // there are no lists here: always 0
}

pub struct Region {
    slots: Vec<Slot>,
}

// --- what is tested ---

fn get_slot(region: &Region, paddr: u64) -> Result<&Slot, Error> {
    if paddr % PAGE_SIZE != 0 {
        return Err(NotAligned);
    }
    region.slots.get((paddr / PAGE_SIZE) as usize).ok_or(OutOfBound)
}

fn from_unused(region: &Region, paddr: u64, metadata: Metadata) -> Result<&Slot, Error> {
    let slot = get_slot(region, paddr)?;
    // Acquire pairs with the release store of UNUSED in drop_frame.
    match slot.ref_count.compare_exchange(REF_COUNT_UNUSED, 0, Acquire, Relaxed) {
        Err(REF_COUNT_UNIQUE) => return Err(Unique),
        Err(0) => return Err(Busy),
        Err(_) => return Err(InUse),
        Ok(_) => (),
    }
    unsafe { *slot.metadata.get() = metadata };
    // Pairs with the acquire in from_in_use.
    slot.ref_count.store(1, Release);
    Ok(slot)
}

fn from_in_use(region: &Region, paddr: u64) -> Result<&Slot, Error> {
    let slot = get_slot(region, paddr)?;
    let mut count = slot.ref_count.load(Relaxed);
    loop {
        match count {
            REF_COUNT_UNUSED => return Err(Unused),
            REF_COUNT_UNIQUE => return Err(Unique),
            0 => return Err(Busy),
            REF_COUNT_MAX..=u64::MAX => std::process::abort(),
            _ => (),
        }
        // Acquire pairs with the release store of 1 in from_unused.
        match slot.ref_count.compare_exchange_weak(count, count + 1, Acquire, Relaxed) {
            Ok(_) => return Ok(slot),
            Err(observed) => count = observed,
        }
    }
}

fn clone_frame(slot: &Slot) -> &Slot {
    if slot.ref_count.fetch_add(1, Relaxed) >= REF_COUNT_MAX {
        std::process::abort();
    }
    slot
}

fn drop_frame(slot: &Slot) {
    if slot.ref_count.fetch_sub(1, Release) == 1 {
        // Pairs with the release above in the threads that dropped the other references.
        fence(Acquire);
        // Pairs with the acquire in from_unused.
        slot.ref_count.store(REF_COUNT_UNUSED, Release);
    }
}

// --- the same as C functions ---

unsafe fn slot_at<'a>(address: u64) -> &'a Slot {
    &*(address as *const Slot)
}

unsafe fn answer(result: Result<&Slot, Error>, out: *mut u64) -> u32 {
    match result {
        Err(error) => error as u32,
        Ok(slot) => {
            *out = slot as *const Slot as u64;
            0 // SLOTCHECK_OK
        }
    }
}

unsafe extern "C" fn c_get_slot(region: &Region, paddr: u64, slot: *mut u64) -> u32 {
    answer(get_slot(region, paddr), slot)
}

unsafe extern "C" fn c_from_unused(
    region: &Region,
    paddr: u64,
    metadata: &Metadata,
    frame: *mut u64,
) -> u32 {
    answer(from_unused(region, paddr, *metadata), frame)
}

unsafe extern "C" fn c_from_in_use(region: &Region, paddr: u64, frame: *mut u64) -> u32 {
    answer(from_in_use(region, paddr), frame)
}

unsafe extern "C" fn c_clone(_: &Region, frame: u64, clone: *mut u64) -> u32 {
    answer(Ok(clone_frame(slot_at(frame))), clone)
}

unsafe extern "C" fn c_drop(_: &Region, frame: u64) {
    drop_frame(slot_at(frame));
}

unsafe extern "C" fn c_into_raw(region: &Region, frame: u64) -> u64 {
    (frame - slots(region)) / std::mem::size_of::<Slot>() as u64 * PAGE_SIZE
}

unsafe extern "C" fn c_from_raw(region: &Region, paddr: u64) -> u64 {
    &region.slots[(paddr / PAGE_SIZE) as usize] as *const Slot as u64
}

unsafe extern "C" fn c_reference_count(_: &Region, frame: u64) -> u64 {
    slot_at(frame).ref_count.load(Relaxed)
}

// --- what slotcheck needs to watch the slots ---

/// struct slotcheck_slot
#[repr(C)]
pub struct SlotState {
    ref_count: u64,
    in_list: u64,
}

unsafe extern "C" fn create(nr: u64, _host: *const c_void, region: *mut *mut Region) -> u32 {
    if nr == 0 {
        return 1; // SLOTCHECK_NO_SLOTS
    }
    if nr > 1 << 34 {
        return 2; // SLOTCHECK_TOO_MANY_SLOTS
    }
    let mut slots = Vec::new();
    if slots.try_reserve_exact(nr as usize).is_err() {
        return 3; // SLOTCHECK_NO_MEMORY
    }
    slots.resize_with(nr as usize, || Slot {
        metadata: UnsafeCell::new(Metadata { kind: 0, word: [0; 5] }),
        ref_count: AtomicU64::new(REF_COUNT_UNUSED),
        in_list: 0,
    });
    *region = Box::into_raw(Box::new(Region { slots }));
    0 // SLOTCHECK_CREATED
}

unsafe extern "C" fn reset(region: &Region, touched: *const u64, nr_touched: u64) {
    for i in 0..nr_touched as usize {
        region.slots[*touched.add(i) as usize].ref_count.store(REF_COUNT_UNUSED, Relaxed);
    }
}

unsafe extern "C" fn destroy(region: *mut Region) {
    drop(Box::from_raw(region));
}

unsafe extern "C" fn slots(region: &Region) -> u64 {
    region.slots.as_ptr() as u64
}

unsafe extern "C" fn read_slot(region: &Region, index: u64, out: *mut SlotState) {
    let slot = &region.slots[index as usize];
    *out = SlotState { ref_count: slot.ref_count.load(Relaxed), in_list: slot.in_list };
}

unsafe extern "C" fn read_metadata(region: &Region, index: u64, out: *mut Metadata) {
    *out = *region.slots[index as usize].metadata.get();
}

/// So that programs can begin close to saturation.
unsafe extern "C" fn set_ref_count(_: &Region, slot: u64, value: u64) {
    slot_at(slot).ref_count.store(value, Relaxed);
}

// --- the subject ---

type NotOffered = Option<extern "C" fn()>; // None is a null pointer

/// struct slotcheck_subject up to the last member that is offered; `size` says where it ends.
#[repr(C)]
pub struct Subject {
    pub version: u32,
    pub size: u32,
    pub name: *const c_char,
    pub description: *const c_char,
    pub capabilities: u64,
    pub fixed_slots: u64,
    pub create: unsafe extern "C" fn(u64, *const c_void, *mut *mut Region) -> u32,
    pub reset: unsafe extern "C" fn(&Region, *const u64, u64),
    pub destroy: unsafe extern "C" fn(*mut Region),
    pub slots: unsafe extern "C" fn(&Region) -> u64,
    pub read_slot: unsafe extern "C" fn(&Region, u64, *mut SlotState),
    pub read_metadata: unsafe extern "C" fn(&Region, u64, *mut Metadata),
    pub set_ref_count: unsafe extern "C" fn(&Region, u64, u64),
    pub snapshots: [NotOffered; 3],
    pub get_slot: unsafe extern "C" fn(&Region, u64, *mut u64) -> u32,
    pub get_from_unused_to_drop_last_in_place: [NotOffered; 10],
    pub frame_from_unused: unsafe extern "C" fn(&Region, u64, &Metadata, *mut u64) -> u32,
    pub frame_from_in_use: unsafe extern "C" fn(&Region, u64, *mut u64) -> u32,
    pub frame_clone: unsafe extern "C" fn(&Region, u64, *mut u64) -> u32,
    pub frame_drop: unsafe extern "C" fn(&Region, u64),
    pub frame_into_raw: unsafe extern "C" fn(&Region, u64) -> u64,
    pub frame_from_raw: unsafe extern "C" fn(&Region, u64) -> u64,
    pub frame_reference_count: unsafe extern "C" fn(&Region, u64) -> u64,
}

unsafe impl Sync for Subject {} // its strings are constants

static SUBJECT: Subject = Subject {
    version: 1,
    size: std::mem::size_of::<Subject>() as u32,
    name: b"example_rust\0".as_ptr() as *const c_char,
    description: b"the Rust example\0".as_ptr() as *const c_char,
    capabilities: 1 << 3, // SLOTCHECK_CAN_MANY_REGIONS
    fixed_slots: 0,
    create,
    reset,
    destroy,
    slots,
    read_slot,
    read_metadata,
    set_ref_count,
    snapshots: [None; 3],
    get_slot: c_get_slot,
    get_from_unused_to_drop_last_in_place: [None; 10],
    frame_from_unused: c_from_unused,
    frame_from_in_use: c_from_in_use,
    frame_clone: c_clone,
    frame_drop: c_drop,
    frame_into_raw: c_into_raw,
    frame_from_raw: c_from_raw,
    frame_reference_count: c_reference_count,
};

#[no_mangle]
pub extern "C" fn slotcheck_subject(host_version: u32) -> Option<&'static Subject> {
    if host_version >= 1 {
        Some(&SUBJECT)
    } else {
        None
    }
}
