//! How the pages of a map lie in memory, in Linux and in the machine. Asked of the kernel once for each map, when its grants are mapped: see
//! `probes/src/live/frames.rs`.

use std::os::fd::{AsFd, OwnedFd};

use aya::Ebpf;
use aya::programs::{ProgramError, RawTracePoint};
use aya::sys::SyscallError;
use grantscope_analysis::model::Frames;
use grantscope_wire::live::{GRANTS_AT_ONCE, GrantFrames};

use crate::btf::KernelTypes;
use crate::mapped::Mapped;
use crate::{CaptureError, bpf, host};

/// The program that reads them.
const PROGRAM: &str = "frames_of_map";

/// Bits of an address within a frame of Xen's (`XEN_PAGE_SHIFT` in include/xen/page.h, Linux v6.12).
const XEN_PAGE_SHIFT: u32 = 12;

/// What asks for them.
pub struct Asking {
    program: OwnedFd,
    read: Mapped<GrantFrames>,
    /// Bytes of `struct page`: pages with consecutive numbers have theirs one behind the other (`__page_to_pfn` in
    /// include/asm-generic/memory_model.h with CONFIG_SPARSEMEM_VMEMMAP, Linux v6.12).
    page_bytes: u64,
    is_pv: bool,
}

impl Asking {
    /// Loads the program, which is attached to nothing. `None`: the kernel does not describe what it would need.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn load(ebpf: &mut Ebpf, types: &KernelTypes) -> Result<Option<Self>, CaptureError> {
        let read = Mapped::open(ebpf, "FRAMES", 1)?;
        let Some(page_bytes) = types.size("page").filter(|bytes| *bytes > 0) else { return Ok(None) };
        let program: Option<Result<&mut RawTracePoint, ProgramError>> = ebpf.program_mut(PROGRAM).map(TryInto::try_into);
        let program = program.unwrap_or_else(|| panic!("the probes have no program {PROGRAM}"));
        let loaded = program.and_then(|program| {
            program.load()?;
            let copied = program.fd()?.as_fd().try_clone_to_owned();
            copied.map_err(|io_error| SyscallError { call: "dup", io_error }.into())
        });
        let program = loaded.map_err(CaptureError::Frames)?;
        Ok(Some(Self { program, read, page_bytes: page_bytes.into(), is_pv: host::is_pv_domain() }))
    }

    /// How the pages of the map at this address lie in memory; `None`: it cannot be read, or not all its grants are mapped. Whether the map
    /// is still there has to be looked at afterwards.
    pub fn of(&self, map: u64, pages: u32) -> Option<Frames> {
        let mut runs = Counted::new(self.page_bytes, self.is_pv);
        for first in (0..u64::from(pages)).step_by(GRANTS_AT_ONCE) {
            bpf::run_with(self.program.as_fd(), &[map, first]).ok()?;
            // SAFETY: inside the mapping, and nobody writes there but the program, which is done.
            let read = unsafe { self.read.entry(0).read_volatile() };
            if read.count != (u64::from(pages) - first).min(GRANTS_AT_ONCE as u64) {
                return None;
            }
            runs.take(&read)?;
        }
        Some(runs.frames)
    }
}

/// What was counted of a map, grant by grant.
struct Counted {
    page_bytes: u64,
    pfns: Runs,
    bfns: Runs,
    frames: Frames,
}

impl Counted {
    fn new(page_bytes: u64, is_pv: bool) -> Self {
        let frames = Frames { pfn_runs: 0, bfn_runs: 0, same_pages: (!is_pv).then_some(0) };
        Self { page_bytes, pfns: Runs::default(), bfns: Runs::default(), frames }
    }

    /// `None`: one of them is not mapped.
    fn take(&mut self, read: &GrantFrames) -> Option<()> {
        for (mapping, page) in read.mappings.iter().zip(&read.pages).take(read.count as usize) {
            if mapping.status != 0 {
                return None;
            }
            let (gfn, bfn) = (mapping.host_addr >> XEN_PAGE_SHIFT, mapping.dev_bus_addr >> XEN_PAGE_SHIFT);
            self.frames.pfn_runs += u32::from(self.pfns.begins_with(page / self.page_bytes));
            self.frames.bfn_runs += u32::from(self.bfns.begins_with(bfn));
            if let Some(same) = &mut self.frames.same_pages {
                *same += u32::from(gfn == bfn);
            }
        }
        Some(())
    }
}

/// Numbers, one after the other.
#[derive(Default)]
struct Runs {
    expected: Option<u64>,
}

impl Runs {
    /// Whether a run begins with this number: it is not the one behind the one before.
    fn begins_with(&mut self, number: u64) -> bool {
        let goes_on = self.expected == Some(number);
        self.expected = Some(number.wrapping_add(1));
        !goes_on
    }
}

#[cfg(test)]
mod tests {
    use grantscope_wire::live::GrantMapping;

    use super::*;

    const PAGE_BYTES: u64 = 64;

    /// Of pages with these numbers in Linux, and in the machine.
    fn read(numbers: &[(u64, u64)]) -> GrantFrames {
        let mut read = GrantFrames {
            mappings: [GrantMapping::default(); GRANTS_AT_ONCE],
            pages: [0; GRANTS_AT_ONCE],
            count: numbers.len() as u64,
        };
        for (place, &(pfn, bfn)) in numbers.iter().enumerate() {
            // Where the kernel keeps its pages is no multiple of their size.
            read.pages[place] = 0xffff_fc00_0000_0010 + pfn * PAGE_BYTES;
            read.mappings[place] =
                GrantMapping { host_addr: pfn << XEN_PAGE_SHIFT, dev_bus_addr: bfn << XEN_PAGE_SHIFT, ..GrantMapping::default() };
        }
        read
    }

    fn counted(parts: &[GrantFrames], is_pv: bool) -> Option<Frames> {
        let mut counted = Counted::new(PAGE_BYTES, is_pv);
        parts.iter().try_for_each(|part| counted.take(part))?;
        Some(counted.frames)
    }

    #[test]
    fn runs_go_on_from_one_part_to_the_next_and_backwards_is_no_run() {
        let parts = [read(&[(7, 1), (8, 0), (9, 9)]), read(&[(10, 10), (12, 12)])];
        assert_eq!(counted(&parts, false), Some(Frames { pfn_runs: 2, bfn_runs: 4, same_pages: Some(3) }));
        assert_eq!(counted(&parts, true).map(|frames| frames.same_pages), Some(None), "a PV domain has other addresses there");
    }

    #[test]
    fn of_a_map_with_a_grant_that_xen_refused_nothing_is_said() {
        let mut refused = read(&[(1, 1), (2, 2)]);
        refused.mappings[1].status = -3;
        assert_eq!(counted(&[refused], false), None);
        refused.count = 1;
        assert!(counted(&[refused], false).is_some());
    }
}
