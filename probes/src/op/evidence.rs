//! The evidence that is kept in case an operation fails: the place of Xen's answers, and errors inside.
//!
//! It is read only if an operation fails. Copies and the requests of in-kernel users are the exception: the kernel reports success
//! even if Xen refused a part, so their status array is always read.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel as read_raw;
use aya_ebpf::helpers::{bpf_probe_read_kernel, bpf_probe_read_user};
use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use grantscope_wire::HookId;

use crate::kernel::fields;
use crate::repeat::repeat;

/// Counters of grant statuses, by the status without its sign. Xen's lowest is −14 (xen/include/public/grant_table.h, 4.17).
pub const STATUSES: usize = 16;
const STATUS_MASK: usize = STATUSES - 1;
/// Whatever is lower than all that we could count apart.
const LOWEST: i16 = -(STATUS_MASK as i16);
const GENERAL_ERROR: i16 = -1;

// What went wrong inside an operation.
pub const PAGE_ALLOC_FAILED: u32 = 1;
pub const DMA_ALLOC_FAILED: u32 = 1 << 1;
pub const COPY_REFUSED: u32 = 1 << 2;
pub const ATTACH_FAILED: u32 = 1 << 3;
pub const ATTACHMENT_MAP_FAILED: u32 = 1 << 4;
pub const GRANT_TABLE_FULL: u32 = 1 << 5;
pub const DESCRIPTOR_LOOKED_UP: u32 = 1 << 6;
/// The statuses were counted: `refused`, `p2m_failed` and `untouched` say what they are.
pub const STATUSES_READ: u32 = 1 << 7;
/// They should have been, and could not be.
pub const STATUSES_UNREAD: u32 = 1 << 8;

/// Each was asked for with a mapping for devices.
pub const DEVICE_MAP_ASKED: u32 = 1 << 9;

/// Bit `n`: the hook of id `n` is attached. That something was not seen means nothing where no hook was attached.
#[map]
static ATTACHED: Array<u64> = Array::with_max_entries(1, 0);

/// Whether the hook is attached.
pub fn attached(hook: HookId) -> bool {
    ATTACHED.get(0).is_some_and(|hooks| hooks >> (hook.id() & 63) & 1 != 0)
}

/// What Xen is handed for each reference (include/xen/interface/grant_table.h, v6.12): its size, and where Xen leaves its answer.
pub trait GrantOp {
    const BYTES: usize;
    const STATUS_AT: usize;
    /// Whether Linux leaves something there that Xen does not: then it is known what Xen never answered.
    const IS_MARKED: bool;
    /// Whether Xen did all of some of them, from an address on: not 0.
    const ALL_OKAY: extern "C" fn(operations: u64, count: u64) -> u64;
}

/// `struct gnttab_map_grant_ref`; `gnttab_set_map_op` leaves a positive number as its status (include/xen/grant_table.h, v6.12).
pub enum Maps {}
impl GrantOp for Maps {
    const BYTES: usize = 32;
    const STATUS_AT: usize = 18;
    const IS_MARKED: bool = true;
    const ALL_OKAY: extern "C" fn(u64, u64) -> u64 = map_refs_are_okay;
}

/// `struct gnttab_unmap_grant_ref`
pub enum Unmaps {}
impl GrantOp for Unmaps {
    const BYTES: usize = 24;
    const STATUS_AT: usize = 20;
    const IS_MARKED: bool = false;
    const ALL_OKAY: extern "C" fn(u64, u64) -> u64 = unmap_refs_are_okay;
}

/// `struct gnttab_copy`
pub enum Copies {}
impl GrantOp for Copies {
    const BYTES: usize = 40;
    const STATUS_AT: usize = 36;
    const IS_MARKED: bool = false;
    const ALL_OKAY: extern "C" fn(u64, u64) -> u64 = copies_are_okay;
}

/// The arrays that are handed to Xen.
#[derive(Clone, Copy)]
pub struct Request {
    /// The operations, as an array of the structures above.
    pub operations: u64,
    /// The pages that back the grants, if the hook has them as an argument; else 0.
    pub pages: u64,
    pub count: u32,
}

/// Kept with each task.
#[repr(C)]
pub struct Evidence {
    /// The last `Request` that was not one to unmap, or the one that the operation is.
    operations: u64,
    pages: u64,
    count: u32,
    /// The facts above.
    pub facts: u32,
    /// The dma-buf that an import attached to.
    pub dmabuf: u64,
    /// References by status, once `STATUSES_READ`.
    pub statuses: [u32; STATUSES],
    /// All of those.
    refused: u32,
    /// References that Xen mapped and Linux gave back.
    pub p2m_failed: u32,
    /// References that Xen never answered for.
    pub untouched: u32,
    reserved: u32,
}

impl Evidence {
    pub const NONE: Self = Self {
        operations: 0,
        pages: 0,
        count: 0,
        facts: 0,
        dmabuf: 0,
        statuses: [0; STATUSES],
        refused: 0,
        p2m_failed: 0,
        untouched: 0,
        reserved: 0,
    };

    pub fn add(&mut self, fact: u32) {
        self.facts |= fact;
    }

    pub fn has(&self, fact: u32) -> bool {
        self.facts & fact != 0
    }

    #[inline(always)]
    pub fn keep(&mut self, request: Request) {
        self.operations = request.operations;
        self.pages = request.pages;
        self.count = request.count;
    }

    /// Whether any reference has a status other than okay.
    pub fn refused(&self) -> bool {
        self.has(STATUSES_READ) && self.refused > 0
    }

    /// Whether Xen refused them all because of the mapping for devices that was asked for (`__gnttab_map_grant_ref` in
    /// xen/common/grant_table.c, Xen 4.20).
    pub fn device_map_refused(&self) -> bool {
        self.refused() && self.has(DEVICE_MAP_ASKED) && self.statuses[(-GENERAL_ERROR) as usize] == self.count
    }

    /// Counts the statuses that Xen left, which lie so far from each other and in each operation. The arrays have to be there still.
    #[inline(always)]
    pub fn read_statuses(&mut self, bytes: u64, status_at: u64) {
        // gntdev asks the same for all references of a map. The flags of `struct gnttab_map_grant_ref` (GNTMAP_device_map is their first
        // bit) lie behind its address.
        if bytes == Maps::BYTES as u64 && fields::read(self.operations + 8).is_some_and(|flags: u32| flags & 1 != 0) {
            self.add(DEVICE_MAP_ASKED);
        }
        let (address, pages) = (self.operations + status_at, self.pages);
        self.read(address, bytes, pages, false, self.count);
    }

    /// Counts the statuses in the segments of a grant copy.
    #[inline(always)]
    pub fn read_copy_statuses(&mut self, segments: u64, count: u32) {
        // struct gntdev_grant_copy_segment (include/uapi/xen/gntdev.h, v6.12): 24 bytes, status at 20.
        self.read(segments + 20, 24, 0, true, count);
    }

    #[inline(always)]
    fn read(&mut self, address: u64, stride: u64, pages: u64, user: bool, count: u32) {
        self.statuses = [0; STATUSES];
        (self.refused, self.p2m_failed, self.untouched) = (0, 0, 0);
        let mut answers = Answers { counted: &raw mut *self, address, pages, stride, user: user.into(), unreadable: 0 };
        let done = repeat::<STATUSES_READ_BY_A_LOOP, _>(count, count_one, &mut answers);
        // A count that was cut would pass for a true one.
        let is_whole = done == count && answers.unreadable == 0;
        let (known, unknown) = if is_whole { (STATUSES_READ, STATUSES_UNREAD) } else { (STATUSES_UNREAD, STATUSES_READ) };
        self.facts = self.facts & !unknown | known;
    }

    /// Whether Xen did all that was requested. Every copy, and every operation of an in-kernel user, pays for this look.
    #[inline(always)]
    pub fn all_okay<A: GrantOp>(&self) -> bool {
        A::ALL_OKAY(self.operations, self.count.into()) != 0
    }
}

/// Words that are read at once: as many as fit on a program's stack.
const LOOK_WORDS: usize = 40;
/// Looks at most, where a loop makes them; what they do not reach is unknown.
const LOOKS_BY_A_LOOP: u32 = 256;
/// Likewise of statuses.
const STATUSES_READ_BY_A_LOOP: u32 = 512;

/// A scan of all answers, [`LOOK_WORDS`] at a time.
#[repr(C)]
struct Look {
    operations: u64,
    count: u32,
    /// Something is not as it should be, or cannot be said.
    other: u32,
}

// Functions of their own: the stack of a program and all that it calls is 512 bytes. Their names are seen outside, and they take and give
// numbers: so the verifier follows each once in a program, and not again for every way that leads to it.

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn map_refs_are_okay(operations: u64, count: u64) -> u64 {
    all_okay::<Maps>(operations, count as u32)
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn unmap_refs_are_okay(operations: u64, count: u64) -> u64 {
    all_okay::<Unmaps>(operations, count as u32)
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn copies_are_okay(operations: u64, count: u64) -> u64 {
    all_okay::<Copies>(operations, count as u32)
}

#[inline(always)]
fn all_okay<A: GrantOp>(operations: u64, count: u32) -> u64 {
    let mut look = Look { operations, count, other: 0 };
    let looks = count.div_ceil((LOOK_WORDS * 8 / A::BYTES) as u32);
    let done = repeat::<LOOKS_BY_A_LOOP, _>(looks, look_at_some::<A>, &mut look);
    u64::from(done == looks && look.other == 0)
}

/// For [`repeat`]: looks at some answers. Returns whether to stop.
extern "C" fn look_at_some<A: GrantOp>(index: u64, look: *mut Look) -> i64 {
    let most = (LOOK_WORDS * 8 / A::BYTES) as u32;
    // SAFETY: what was handed to `repeat`.
    let look = unsafe { &mut *look };
    let before = index as u32 * most;
    let left = look.count - before;
    let count = if left < most { left } else { most };
    let address = look.operations + u64::from(before) * A::BYTES as u64;
    // Zero (okay) represents the words behind the end.
    let mut asked = [0_u64; LOOK_WORDS];
    // SAFETY: the helper checks the address, and the buffer has room for that many.
    let failed = unsafe { read_raw(asked.as_mut_ptr().cast(), count * A::BYTES as u32, address as *const c_void) };
    let mut statuses = 0;
    for at in 0..LOOK_WORDS * 8 / A::BYTES {
        statuses |= asked[at * A::BYTES / 8 + A::STATUS_AT / 8] >> (A::STATUS_AT % 8 * 8) & 0xffff;
    }
    look.other = u32::from(failed != 0 || statuses != 0);
    i64::from(look.other)
}

/// Statuses that lie at equal distances. What they add up to is not, because the verifier
/// would follow each count of each status there.
#[repr(C)]
struct Answers {
    counted: *mut Evidence,
    address: u64,
    pages: u64,
    stride: u64,
    user: u32,
    unreadable: u32,
}

/// For [`repeat`]: looks at one status. Returns whether to stop.
extern "C" fn count_one(index: u64, answers: *mut Answers) -> i64 {
    // SAFETY: what was handed to `repeat`.
    let answers = unsafe { &mut *answers };
    // SAFETY: that of a task, whose operation nobody else is in.
    let counted = unsafe { &mut *answers.counted };
    let address = answers.address + index * answers.stride;
    // SAFETY: the helpers check the address.
    let status = unsafe {
        if answers.user != 0 { bpf_probe_read_user(address as *const i16) } else { bpf_probe_read_kernel(address as *const i16) }
    };
    match status {
        Err(_) => {
            answers.unreadable = 1;
            return 1;
        }
        Ok(0) => {}
        // As Linux marked it.
        Ok(1..) => counted.untouched += 1,
        Ok(GENERAL_ERROR) if answers.pages != 0 && was_mapped(address, answers.pages + index * 8) => counted.p2m_failed += 1,
        Ok(status) => {
            let known = if status < LOWEST { LOWEST } else { status };
            counted.refused += 1;
            counted.statuses[(-i32::from(known)) as usize & STATUS_MASK] += 1;
        }
    }
    0
}

/// Whether Xen mapped this reference: Linux has noted it in the page then (`gnttab_map_refs` in drivers/xen/grant-table.c, v6.12),
/// before `set_foreign_p2m_mapping` of arm64 gave it back and wrote its own `general_error` over Xen's answer.
#[inline(always)]
fn was_mapped(status_address: u64, page: u64) -> bool {
    // Before the status: the reference at 12, the domain at 16.
    let expected: Option<(u32, u32)> = fields::read(status_address - 6).zip(fields::read(status_address - 2));
    let noted = fields::read(page).and_then(fields::foreign_page);
    match (expected, noted) {
        (Some((reference, domain)), Some((noted_domain, noted_reference))) => {
            reference == noted_reference && domain & 0xffff == noted_domain
        }
        _ => false,
    }
}
