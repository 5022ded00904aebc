//! Which operations are recorded. Decided in the kernel: what is left out costs no room in the ring, and no time in the collector.

use crate::record::{DOMID_KNOWN, OpHeader};

/// What an operation must be to be recorded: all of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Filter {
    /// The minimum duration.
    pub min_duration_ns: u64,
    /// The thread has this name, padded with zeros. All zero: any.
    pub comm: [u8; 16],
    /// It is of this process. 0: any.
    pub tgid: u32,
    /// It concerns this other domain. [`Filter::ANY_DOMID`]: any, or not known.
    pub domid: u32,
    /// It is about a buffer whose `Buffer` is the number of a bit that is set here. 0: any, or not known.
    pub buffers: u32,
    /// Not 0: it failed, or the kernel calls it a success and Xen refused a part of it: then it has a cause.
    pub errors_only: u32,
}

impl Filter {
    /// No domain has this number.
    pub const ANY_DOMID: u32 = u32::MAX;

    /// Everything is recorded.
    pub const ANY: Self = Self { min_duration_ns: 0, comm: [0; 16], tgid: 0, domid: Self::ANY_DOMID, buffers: 0, errors_only: 0 };

    /// Whether everything is recorded.
    #[inline(always)]
    pub fn is_any(&self) -> bool {
        self.tgid == 0
            && self.domid == Self::ANY_DOMID
            && self.buffers == 0
            && self.errors_only == 0
            && self.min_duration_ns == 0
            && self.comm[0] == 0
    }

    /// Whether the operation is recorded. What is not known of it does not pass.
    #[inline(always)]
    pub fn passes(&self, head: &OpHeader) -> bool {
        let domid_known = head.flags & DOMID_KNOWN != 0;
        (self.tgid == 0 || self.tgid == head.tgid)
            && (self.domid == Self::ANY_DOMID || domid_known && self.domid == u32::from(head.domid))
            && (self.buffers == 0 || self.buffers & (1 << (head.buffer & 31)) != 0)
            && (self.errors_only == 0 || head.ret < 0 || head.cause != 0)
            && head.duration_ns >= self.min_duration_ns
            && (self.comm[0] == 0 || self.comm == head.comm)
    }

    /// Its bytes, as the probes keep them.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: plain old data without padding, as asserted below, borrowed for as long as the slice.
        unsafe { core::slice::from_raw_parts((&raw const *self).cast(), size_of::<Self>()) }
    }
}

const _: () = assert!(size_of::<Filter>() == 8 + 16 + 4 * 4);
