//! Which function in the kernel made the request: the first one up the call stack that is not one of the grant table's own.
//!
//! The record carries an address in that function. The collector looks its name up.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_get_stack;
use aya_ebpf::macros::map;
use aya_ebpf::maps::LruHashMap;
use grantscope_wire::Row;

use super::apart;
use crate::call::{Call, Entered};
use crate::kernel;

/// Frames that are examined: the program's own, those of the trampoline that called it, and at most five of the grant table's.
const FRAMES: usize = 16;

/// Where an in-kernel user called from, relative to the start of the grant table's functions.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct CallSite(i32);

impl CallSite {
    const UNKNOWN: Self = Self(0);

    /// As it travels; 0: not known.
    pub fn offset(self) -> i32 {
        self.0
    }

    fn of(address: u64, start: u64) -> Self {
        let offset = address.wrapping_sub(start) as i64;
        if offset == i64::from(offset as i32) { Self(offset as i32) } else { Self::UNKNOWN }
    }
}

/// Who called the grant table. Expensive: a walk up the stack.
#[inline(always)]
pub fn of<H: Row, C: Entered>(call: &Call<H, C>) -> CallSite {
    let (context, link) = call.stack();
    // There are many ways to find it.
    CallSite(apart::any(call_site(context, link).0 as u64) as i32)
}

/// Walks the stack. `link` is the return address where the processor still has it in a register: the stack does not have it then.
/// Not inlined: the stack of a program and all that it calls is 512 bytes.
#[inline(never)]
fn call_site(context: *mut c_void, link: Option<u64>) -> CallSite {
    let (start, end) = kernel::grant_table();
    // One comparison of a new number: of the address itself the verifier would know more after each, and follow every combination.
    let is_grant_table = |address: u64| address.wrapping_sub(start) < end.wrapping_sub(start);
    if let Some(address) = link.filter(|&address| !is_grant_table(address)) {
        return CallSite::of(address, start);
    }
    let mut frames = [0u64; FRAMES];
    // SAFETY: the buffer is as long as is said. What the stack does not fill is zero.
    let bytes = unsafe { bpf_get_stack(context, frames.as_mut_ptr().cast(), size_of_val(&frames) as u32, 0) };
    if bytes <= 0 {
        return CallSite::UNKNOWN;
    }
    let mut inside = false;
    // Not a loop: the verifier of Linux 6.1 refuses one that is entered in its middle, which is how it would be compiled.
    macro_rules! look_at {
        ($($index:literal)+) => {$(
            let address = frames[$index];
            if is_grant_table(address) {
                inside = true;
            } else if inside {
                return if address == 0 { CallSite::UNKNOWN } else { CallSite::of(address, start) };
            }
        )+};
    }
    look_at!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    // All of the examined stack is the grant table's, or none of it.
    let _ = inside;
    CallSite::UNKNOWN
}

/// Who requested that some grants be unmapped.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Requester {
    /// An in-kernel user.
    caller: CallSite,
    reserved: u32,
    /// gntdev, in none of its operations: the item of its request; 0: an in-kernel user.
    item: u64,
}

/// By the address of the first of the grants: a kworker may unmap them long after. What is requested is always done in the end, so that an
/// entry never outlives its request.
#[map]
static REQUESTERS: LruHashMap<u64, Requester> = LruHashMap::with_max_entries(4_096, 0);

/// An in-kernel user requests that these be unmapped.
#[inline(always)]
pub fn note_requester(unmap_ops: u64, caller: CallSite) {
    // Where there is no room, the kworker is reported as the caller.
    let _ = REQUESTERS.insert(unmap_ops, &Requester { caller, reserved: 0, item: 0 }, 0);
}

/// These are gntdev's, and are reported as the teardown of this item.
#[inline(always)]
pub fn note_gntdev(unmap_ops: u64, item: u64) {
    let _ = REQUESTERS.insert(unmap_ops, &Requester { caller: CallSite::UNKNOWN, reserved: 0, item }, 0);
}

/// Whose grants are being unmapped now.
pub enum UnmappedFor {
    /// An in-kernel user's.
    User(CallSite),
    /// gntdev's: the item of its request.
    Gntdev(u64),
}

/// Who requested the unmapping of these, which are being unmapped now.
#[inline(always)]
pub fn requester(unmap_ops: u64, on_the_stack: impl FnOnce() -> CallSite) -> UnmappedFor {
    // SAFETY: a value is written before its request is.
    let Some(&requester) = (unsafe { REQUESTERS.get(unmap_ops) }) else { return UnmappedFor::User(on_the_stack()) };
    let _ = REQUESTERS.remove(unmap_ops);
    if requester.item != 0 { UnmappedFor::Gntdev(requester.item) } else { UnmappedFor::User(requester.caller) }
}
