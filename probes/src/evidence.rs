//! What is kept of an operation in case it fails: where Xen's answers lie, and what went wrong inside.
//!
//! Nothing of it is looked at where an operation succeeds.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{bpf_loop, bpf_probe_read_kernel as read_raw};
use aya_ebpf::helpers::{bpf_probe_read_kernel, bpf_probe_read_user};
use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use grantscope_wire::HookId;

use crate::fields;

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

/// Bit `n`: the hook of id `n` is attached. That something was not seen tells nothing where nobody looked.
#[map]
static ATTACHED: Array<u64> = Array::with_max_entries(1, 0);

/// Whether the hook is attached.
pub fn attached(hook: HookId) -> bool {
    ATTACHED.get(0).is_some_and(|hooks| hooks >> (hook.id() & 63) & 1 != 0)
}

/// Kept with each task.
#[repr(C)]
pub struct Evidence {
    /// Of `gnttab_map_refs` or `gnttab_batch_copy`: its operations, and how many.
    operations: u64,
    /// Of `gnttab_map_refs`: the pages that stand for the grants.
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

    /// The arrays that are handed to Xen.
    #[inline(always)]
    pub fn keep_operations(&mut self, operations: u64, pages: u64, count: u32) {
        self.operations = operations;
        self.pages = pages;
        self.count = count;
    }

    /// Whether any reference has a status other than okay.
    pub fn refused(&self) -> bool {
        self.has(STATUSES_READ) && self.refused > 0
    }

    /// Counts the statuses that `gnttab_map_refs` left. The arrays have to be there still.
    #[inline(never)]
    pub fn read_map_statuses(&mut self) {
        // struct gnttab_map_grant_ref (include/xen/interface/grant_table.h, v6.12): 32 bytes, status at 18.
        let answers = Answers { address: self.operations + 18, stride: 32, pages: self.pages, ..Answers::NONE };
        self.read(answers, self.count);
    }

    /// Counts the statuses in the segments of a grant copy.
    #[inline(never)]
    pub fn read_copy_statuses(&mut self, segments: u64, count: u32) {
        // struct gntdev_grant_copy_segment (include/uapi/xen/gntdev.h, v6.12): 24 bytes, status at 20.
        self.read(Answers { address: segments + 20, stride: 24, user: 1, ..Answers::NONE }, count);
    }

    #[inline(always)]
    fn read(&mut self, mut answers: Answers, count: u32) {
        // SAFETY: the callback takes what is handed to it here, and the kernel calls it only during this call.
        let done = unsafe { bpf_loop(count, count_one as *mut c_void, (&raw mut answers).cast(), 0) };
        // A count that was cut would pass for a true one.
        if done != i64::from(count) || answers.unreadable != 0 {
            return;
        }
        self.statuses.copy_from_slice(&answers.statuses[..STATUSES]);
        self.refused = answers.refused;
        self.p2m_failed = answers.p2m_failed;
        self.untouched = answers.untouched;
        self.facts |= STATUSES_READ;
    }

    /// Whether Xen refused anything of the batch that was handed to `gnttab_batch_copy`. Every copy pays for this look.
    #[inline(always)]
    pub fn copy_was_refused(&self) -> bool {
        let count = self.count;
        batch_has_status(self.operations, count)
            || (count > BATCH_READ && batch_has_status(self.operations + u64::from(BATCH_READ) * COPY_BYTES, count - BATCH_READ))
    }
}

/// `struct gnttab_copy` (include/xen/interface/grant_table.h, v6.12): 40 bytes, status at 36.
const COPY_BYTES: u64 = 40;
const COPY_WORDS: usize = COPY_BYTES as usize / 8;
/// gntdev's batches have 16 copies (drivers/xen/gntdev.c:58, v6.12): two reads of as many as a program's stack has room for.
const BATCH_READ: u32 = 8;

#[inline(always)]
fn batch_has_status(operations: u64, count: u32) -> bool {
    let count = if count < BATCH_READ { count } else { BATCH_READ };
    let mut copies = [0_u64; BATCH_READ as usize * COPY_WORDS];
    // SAFETY: the helper checks the address, and there is room for as many copies.
    let failed = unsafe { read_raw(copies.as_mut_ptr().cast(), count * COPY_BYTES as u32, operations as *const c_void) };
    let mut statuses = 0;
    for copy in 0..BATCH_READ as usize {
        statuses |= copies[copy * COPY_WORDS + 4] >> 32 & 0xffff;
    }
    failed == 0 && statuses != 0
}

/// Counters on the stack: more than are used, because the verifier does not see how far an index can go.
const COUNTERS: usize = 2 * STATUSES;

/// Statuses that lie at equal distances, and what they add up to. On the stack: that is where `bpf_loop` wants it.
#[repr(C)]
struct Answers {
    address: u64,
    pages: u64,
    stride: u32,
    user: u32,
    statuses: [u32; COUNTERS],
    p2m_failed: u32,
    untouched: u32,
    unreadable: u32,
    refused: u32,
}

impl Answers {
    const NONE: Self = Self {
        address: 0,
        pages: 0,
        stride: 0,
        user: 0,
        statuses: [0; COUNTERS],
        p2m_failed: 0,
        untouched: 0,
        unreadable: 0,
        refused: 0,
    };
}

/// For `bpf_loop`: looks at one status. Returns whether to stop.
extern "C" fn count_one(index: u64, answers: *mut Answers) -> i64 {
    // SAFETY: what was handed to `bpf_loop`.
    let answers = unsafe { &mut *answers };
    let address = answers.address + index * u64::from(answers.stride);
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
        // gnttab_set_map_op leaves a positive number for Xen to replace (include/xen/grant_table.h, v6.12).
        Ok(1..) => answers.untouched += 1,
        Ok(GENERAL_ERROR) if answers.pages != 0 && was_mapped(address, answers.pages + index * 8) => answers.p2m_failed += 1,
        Ok(status) => {
            let known = if status < LOWEST { LOWEST } else { status };
            answers.refused += 1;
            answers.statuses[(-i32::from(known)) as usize & (COUNTERS - 1)] += 1;
        }
    }
    0
}

/// Whether Xen mapped this reference: Linux has noted it in the page then (`gnttab_map_refs` in drivers/xen/grant-table.c, v6.12),
/// before `set_foreign_p2m_mapping` of arm64 gave it back and wrote its own `general_error` over Xen's answer.
#[inline(always)]
fn was_mapped(status_address: u64, page: u64) -> bool {
    // Before the status: the reference at 12, the domain at 16.
    let asked = fields::word(status_address - 6).zip(fields::word(status_address - 2));
    let noted = fields::word64(page).and_then(fields::foreign_page);
    match (asked, noted) {
        (Some((reference, domain)), Some((noted_domain, noted_reference))) => {
            reference == noted_reference && domain & 0xffff == noted_domain
        }
        _ => false,
    }
}
