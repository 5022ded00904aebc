//! How the pages of a map lie in memory, in Linux and in the machine. Asked of the kernel once for each map, when its grants are mapped: see
//! `probes/src/live/frames.rs`.

use std::os::fd::{AsFd, OwnedFd};

use aya::Ebpf;
use aya::sys::SyscallError;
use grantscope_analysis::model::Frames;
use grantscope_wire::kernel::Members;
use grantscope_wire::live::{GRANTS_AT_ONCE, GrantFrames};

use crate::btf::KernelTypes;
use crate::mapped::Mapped;
use crate::{CaptureError, bpf, host, object};

/// The program that reads them.
pub const PROGRAM: &str = "frames_of_map";

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
    /// Loads the program. `None`: this kernel does not describe what it reads.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn load(ebpf: &mut Ebpf, types: &KernelTypes, members: &Members) -> Result<Option<Self>, CaptureError> {
        let read = Mapped::open(ebpf, "FRAMES", 1)?;
        let described = members.map_ops.get().and(members.map_pages.get()).and_then(|_| types.size("page"));
        let Some(page_bytes) = described.filter(|bytes| *bytes > 0) else { return Ok(None) };
        let program = object::load_to_run(ebpf, PROGRAM).and_then(|program| {
            let copied = program.fd()?.as_fd().try_clone_to_owned();
            copied.map_err(|io_error| SyscallError { call: "dup", io_error }.into())
        });
        let program = program.map_err(CaptureError::Frames)?;
        Ok(Some(Self { program, read, page_bytes: page_bytes.into(), is_pv: host::is_pv_domain() }))
    }

    /// Whether a mapping's grants are not mapped any more once no process has it in its memory: as in a PV domain, where they are mapped
    /// there and nowhere else (`unmap_grant_pages` in drivers/xen/gntdev.c, Linux v6.12).
    pub fn are_gone_with_memory(&self) -> bool {
        self.is_pv
    }

    /// How the pages of the map at this address lie in memory; `None`: it cannot be read, or not all its grants are mapped. Whether the map
    /// is still there has to be looked at afterwards.
    pub fn of(&self, map: u64, pages: u32) -> Option<Frames> {
        let mut counted = Counted::new(self.page_bytes, host::page_size() >> XEN_PAGE_SHIFT, self.is_pv);
        for first in (0..u64::from(pages)).step_by(GRANTS_AT_ONCE) {
            bpf::run_with(self.program.as_fd(), &[map, first]).ok()?;
            // SAFETY: inside the mapping, and nobody writes there but the program, which is done.
            let read = unsafe { self.read.entry(0).read_volatile() };
            if read.count != (u64::from(pages) - first).min(GRANTS_AT_ONCE as u64) {
                return None;
            }
            counted.take(&read)?;
        }
        Some(counted.end())
    }
}

/// `INVALID_GRANT_HANDLE`, which gntdev leaves where it has mapped nothing, or has unmapped it (include/xen/grant_table.h, Linux v6.12).
const NO_HANDLE: u32 = u32::MAX;

/// What was counted of a map, grant by grant.
struct Counted {
    page_bytes: u64,
    /// Frames of the machine in a page. Only the first of them is granted.
    frames_in_page: u32,
    pfns: Runs,
    bfns: Runs,
    /// Pages of the run in Linux that goes on, and whether it is none in the machine.
    run_pages: u32,
    is_split: bool,
    frames: Frames,
}

impl Counted {
    fn new(page_bytes: u64, frames_in_page: u32, is_pv: bool) -> Self {
        let same_pages = (!is_pv).then_some(0);
        let frames = Frames { pfn_runs: 0, bfn_runs: 0, split_runs: 0, longest_split_pages: 0, same_pages };
        let (pfns, bfns) = Default::default();
        Self { page_bytes, frames_in_page, pfns, bfns, run_pages: 0, is_split: false, frames }
    }

    /// `None`: one of them is not mapped.
    fn take(&mut self, read: &GrantFrames) -> Option<()> {
        for (mapping, page) in read.mappings.iter().zip(&read.pages).take(read.count as usize) {
            if mapping.status != 0 || mapping.handle == NO_HANDLE {
                return None;
            }
            self.add(page / self.page_bytes, mapping.host_addr >> XEN_PAGE_SHIFT, mapping.dev_bus_addr >> XEN_PAGE_SHIFT);
        }
        Some(())
    }

    fn add(&mut self, pfn: u64, gfn: u64, bfn: u64) {
        let (begins, breaks) = (self.pfns.begins_with(pfn), self.bfns.begins_with(bfn));
        if begins {
            self.end_run();
        }
        self.run_pages += 1;
        // What lies behind a grant in a larger page is none of the granting domain's.
        self.is_split |= breaks && !begins || self.frames_in_page > 1;
        self.frames.pfn_runs += u32::from(begins);
        self.frames.bfn_runs += u32::from(breaks);
        if let Some(same) = &mut self.frames.same_pages {
            *same += u32::from(gfn == bfn);
        }
    }

    fn end_run(&mut self) {
        if self.is_split {
            self.frames.split_runs += 1;
            self.frames.longest_split_pages = self.frames.longest_split_pages.max(self.run_pages);
        }
        (self.run_pages, self.is_split) = (0, false);
    }

    fn end(mut self) -> Frames {
        self.end_run();
        self.frames
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

    fn counted(parts: &[GrantFrames], frames_in_page: u32, is_pv: bool) -> Option<Frames> {
        let mut counted = Counted::new(PAGE_BYTES, frames_in_page, is_pv);
        parts.iter().try_for_each(|part| counted.take(part))?;
        Some(counted.end())
    }

    fn split(pfn_runs: u32, bfn_runs: u32, split_runs: u32, longest_split_pages: u32) -> Frames {
        Frames { pfn_runs, bfn_runs, split_runs, longest_split_pages, same_pages: None }
    }

    #[test]
    fn runs_go_on_from_one_part_to_the_next_and_backwards_is_no_run() {
        let parts = [read(&[(7, 1), (8, 0), (9, 9)]), read(&[(10, 10), (12, 12)])];
        assert_eq!(counted(&parts, 1, false), Some(Frames { same_pages: Some(3), ..split(2, 4, 1, 4) }));
        assert_eq!(counted(&parts, 1, true), Some(split(2, 4, 1, 4)), "a PV domain has other addresses there");
    }

    #[test]
    fn a_run_is_split_where_the_machine_has_a_break_inside_and_not_where_it_has_one_beside() {
        let count = |numbers: &[(u64, u64)]| counted(&[read(numbers)], 1, true).unwrap();
        assert_eq!(
            count(&[(1, 10), (2, 20), (5, 21), (7, 22)]),
            split(3, 2, 1, 2),
            "fewer runs in the machine, and one is split"
        );
        assert_eq!(count(&[(1, 10), (2, 11), (5, 20), (6, 21)]), split(2, 2, 0, 0));
        assert_eq!(count(&[(1, 10), (2, 12), (5, 20), (6, 22), (7, 23)]), split(2, 4, 2, 3));
    }

    #[test]
    fn a_page_that_is_larger_than_its_grant_is_split_by_itself() {
        assert_eq!(counted(&[read(&[(1, 10), (2, 11), (9, 12)])], 4, true), Some(split(2, 1, 2, 2)));
    }

    #[test]
    fn of_a_map_with_a_grant_that_is_not_mapped_nothing_is_said() {
        let spoilt = |spoil: fn(&mut GrantMapping)| {
            let mut read = read(&[(1, 1), (2, 2)]);
            spoil(&mut read.mappings[1]);
            read
        };
        let refused = spoilt(|mapping| mapping.status = -3);
        assert_eq!([refused, spoilt(|mapping| mapping.handle = NO_HANDLE)].map(|read| counted(&[read], 1, false)), [None; 2]);
        let before = GrantFrames { count: 1, ..refused };
        assert!(counted(&[before], 1, false).is_some());
    }
}
