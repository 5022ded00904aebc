//! The calls themselves, without the checks that keep the device wrappers from making those that must fail.

use std::fs::OpenOptions;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::rc::Rc;

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

use crate::failure::Failure;
use grantscope_generator::device::{GntDev, page_size};
use grantscope_generator::error::{Error, Result};
use grantscope_generator::truth::{Buffer, Log, Op, Subject, Timed, timed};
use grantscope_generator::uapi::gntalloc::{self, AllocGref, DeallocGref};
use grantscope_generator::uapi::gntdev::{
    self as abi, CopyEnd, CopyForeign, CopySegment, DmabufExpFromRefs, DmabufExpWaitReleased, DmabufImpRelease, DmabufImpToRefs,
    GrantCopy, MapGrantRef, Reference, UnmapGrantRef,
};
use grantscope_generator::uapi::{DomId, Flexible, GrantRef};

use super::control::Injection;
use crate::pages::Shared;

/// The answer of a call.
pub type Answer<T = ()> = std::result::Result<T, Errno>;

/// What an export can be of, with the flags that ask for it.
pub const KINDS: [(Buffer, u32); 3] =
    [(Buffer::Pages, 0), (Buffer::Wc, abi::DMA_FLAG_WC), (Buffer::Coherent, abi::DMA_FLAG_COHERENT)];

/// Two open devices, and grants to use them on.
pub struct Calls<'run> {
    /// Where calls are noted.
    pub log: &'run Log,
    /// gntdev.
    pub device: &'run GntDev<'run>,
    granting: Rc<OwnedFd>,
    injection: Option<&'run Injection>,
    /// This domain.
    pub own: DomId,
    /// The domain that grants the valid references: this one, or a peer.
    pub owner: DomId,
    /// Those, writable.
    pub references: &'run [GrantRef],
}

/// A subject whose size is not known: the kernel could not read it either.
pub fn unread(op: Op, buffer: Option<Buffer>) -> Subject {
    Subject { op, buffer, pages: None }
}

impl<'run> Calls<'run> {
    /// Opens a granting device besides. Opening and closing that are no operations.
    pub fn new(log: &'run Log, device: &'run GntDev<'run>, own: DomId, good: Shared<'run>) -> Result<Self> {
        let granting = OpenOptions::new().read(true).write(true).open(gntalloc::PATH);
        let granting = granting.map_err(|cause| Error::from(Failure::Control { path: gntalloc::PATH.to_owned(), cause }))?;
        Ok(Self {
            log,
            device,
            granting: Rc::new(granting.into()),
            injection: None,
            own,
            owner: good.domain,
            references: good.references,
        })
    }

    /// The same, but with memory that runs out as it is armed for.
    pub fn with<'call>(&'call self, injection: &'call Injection) -> Calls<'call> {
        Calls { granting: Rc::clone(&self.granting), injection: Some(injection), ..*self }
    }

    /// Makes the call, with a fault in it where one is asked for.
    fn around<T>(&self, call: impl FnOnce() -> T) -> T {
        match self.injection {
            Some(injection) => injection.around(call),
            None => call(),
        }
    }

    fn noted<T>(&self, subject: Subject, call: impl FnOnce() -> Answer<T>) -> Answer<T> {
        self.log.call(subject, || self.around(call))
    }

    fn raw(&self) -> RawFd {
        self.device.as_fd().as_raw_fd()
    }

    /// The first `count` of our good references, as the map ioctl takes them.
    pub fn good(&self, count: usize) -> Vec<Reference> {
        self.references[..count].iter().map(|&reference| Reference { domid: self.owner.into(), reference }).collect()
    }

    /// The map ioctl, with a count of its own.
    pub fn map(&self, count: u32, references: &[Reference]) -> Answer<u64> {
        let first = references.first().copied().unwrap_or(Reference { domid: 0, reference: 0 });
        let mut argument = Flexible::new(MapGrantRef { count, pad: 0, index: 0, refs: [first] }, references);
        let subject = Subject { op: Op::Map, buffer: Some(Buffer::Pages), pages: Some(count) };
        self.map_at(subject, argument.as_mut_ptr())?;
        Ok(argument.header().index)
    }

    /// The map ioctl on an argument that may be anywhere.
    pub fn map_at(&self, subject: Subject, argument: *mut MapGrantRef) -> Answer {
        // SAFETY: the kernel checks the address; what it writes there is an argument of this type.
        self.noted(subject, || unsafe { abi::map_grant_ref(self.raw(), argument) }).map(drop)
    }

    /// mmap, not noted yet: it may fail before gntdev is asked.
    pub fn mmap_unnoted(&self, index: u64, pages: usize, flags: MapFlags) -> Timed<Shown> {
        let length = NonZeroUsize::new(pages * page_size()).unwrap_or(NonZeroUsize::MIN);
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        timed(|| {
            // SAFETY: a new mapping at an address of the kernel's choosing disturbs nothing of ours.
            let base = self
                .around(|| unsafe { nix::sys::mman::mmap(None, length, protection, flags, self.device.as_fd(), index as i64) });
            base.map(|base| Shown { base, bytes: length.get(), pages })
        })
    }

    /// mmap of a map.
    pub fn mmap(&self, index: u64, pages: usize, flags: MapFlags) -> Answer<Shown> {
        self.log.note(Subject::new(Op::Mmap, Buffer::Pages, pages), self.mmap_unnoted(index, pages, flags))
    }

    /// munmap.
    pub fn munmap(&self, shown: Shown) -> Answer {
        let subject = Subject::new(Op::Munmap, Buffer::Pages, shown.pages);
        // SAFETY: the mapping was made by `mmap` above, and nothing else refers to it.
        self.noted(subject, || unsafe { munmap(shown.base, shown.bytes) })
    }

    /// The unmap ioctl.
    pub fn unmap(&self, index: u64, count: u32) -> Answer {
        let mut argument = UnmapGrantRef { index, count, pad: 0 };
        let subject = Subject { op: Op::Unmap, buffer: Some(Buffer::Pages), pages: Some(count) };
        self.unmap_at(subject, &mut argument)
    }

    /// The unmap ioctl on an argument that may be anywhere.
    pub fn unmap_at(&self, subject: Subject, argument: *mut UnmapGrantRef) -> Answer {
        // SAFETY: the kernel checks the address.
        self.noted(subject, || unsafe { abi::unmap_grant_ref(self.raw(), argument) }).map(drop)
    }

    /// A grant copy. The memory that the segments name has to be there as long as the call lasts, or not be memory at all.
    pub fn copy(&self, segments: &mut [CopySegment]) -> Answer {
        self.copy_of(segments.len(), segments.as_mut_ptr())
    }

    /// A grant copy of segments that may be anywhere.
    pub fn copy_of(&self, count: usize, segments: *mut CopySegment) -> Answer {
        let mut argument = GrantCopy { count: count as u32, segments };
        self.copy_at(Subject::new(Op::Copy, Buffer::Pages, count), &mut argument)
    }

    /// A grant copy by an argument that may be anywhere.
    pub fn copy_at(&self, subject: Subject, argument: *mut GrantCopy) -> Answer {
        // SAFETY: the kernel checks the address; callers name memory that is theirs.
        self.noted(subject, || unsafe { abi::grant_copy(self.raw(), argument) }).map(drop)
    }

    /// The export ioctl, with a count and flags of its own.
    pub fn export(&self, buffer: Option<Buffer>, flags: u32, count: u32, references: &[GrantRef], domid: u32) -> Answer<RawFd> {
        let first = references.first().copied().unwrap_or(0);
        let mut argument = Flexible::new(DmabufExpFromRefs { flags, count, fd: 0, domid, refs: [first] }, references);
        self.export_at(Subject { op: Op::Export, buffer, pages: Some(count) }, argument.as_mut_ptr())?;
        Ok(argument.header().fd as RawFd)
    }

    /// The export ioctl on an argument that may be anywhere.
    pub fn export_at(&self, subject: Subject, argument: *mut DmabufExpFromRefs) -> Answer {
        // SAFETY: the kernel checks the address.
        self.noted(subject, || unsafe { abi::dmabuf_exp_from_refs(self.raw(), argument) }).map(drop)
    }

    /// The last close of an exported buffer.
    pub fn release(&self, descriptor: RawFd, buffer: Buffer, pages: usize) -> Answer {
        self.log.call(Subject::new(Op::Release, buffer, pages), || nix::unistd::close(descriptor))?;
        self.log.note_teardown(buffer, pages);
        Ok(())
    }

    /// The import ioctl, with a count of its own and room for this many references.
    pub fn import(&self, descriptor: RawFd, buffer: Option<Buffer>, count: u32, room: usize) -> Answer {
        let header = DmabufImpToRefs { fd: descriptor as u32, count, domid: self.own.into(), reserved: 0, refs: [0] };
        let mut argument = Flexible::new(header, &vec![0; room]);
        self.import_at(Subject { op: Op::Import, buffer, pages: Some(count) }, argument.as_mut_ptr())
    }

    /// The import ioctl, not noted yet: where it fails shows whose buffer the kernel found it to be.
    pub fn import_unnoted(&self, descriptor: RawFd, pages: usize) -> Timed<()> {
        let header =
            DmabufImpToRefs { fd: descriptor as u32, count: pages as u32, domid: self.own.into(), reserved: 0, refs: [0] };
        let mut argument = Flexible::new(header, &vec![0; pages]);
        let (raw, pointer) = (self.raw(), argument.as_mut_ptr());
        // SAFETY: the argument has as many elements as its count says, and outlives the call.
        timed(|| self.around(|| unsafe { abi::dmabuf_imp_to_refs(raw, pointer) }).map(drop))
    }

    /// The import ioctl on an argument that may be anywhere.
    pub fn import_at(&self, subject: Subject, argument: *mut DmabufImpToRefs) -> Answer {
        // SAFETY: the kernel checks the address; the array has as many elements as the count says, or the call fails before.
        self.noted(subject, || unsafe { abi::dmabuf_imp_to_refs(self.raw(), argument) }).map(drop)
    }

    /// The import's release.
    pub fn import_release(&self, subject: Subject, argument: *mut DmabufImpRelease) -> Answer {
        // SAFETY: the kernel checks the address.
        self.noted(subject, || unsafe { abi::dmabuf_imp_release(self.raw(), argument) }).map(drop)
    }

    /// Waits for a release.
    pub fn wait(&self, subject: Subject, argument: *mut DmabufExpWaitReleased) -> Answer {
        // SAFETY: the kernel checks the address.
        self.noted(subject, || unsafe { abi::dmabuf_exp_wait_released(self.raw(), argument) }).map(drop)
    }

    /// The grant ioctl on pages for a domain.
    pub fn grant(&self, domid: DomId, flags: u16, count: u32, room: usize) -> Answer<(u64, Vec<GrantRef>)> {
        let header = AllocGref { domid, flags, count, index: 0, gref_ids: [0] };
        let mut argument = Flexible::new(header, &vec![0; room]);
        let subject = Subject { op: Op::Grant, buffer: Some(Buffer::Pages), pages: Some(count) };
        self.grant_at(subject, argument.as_mut_ptr())?;
        Ok((argument.header().index, argument.elements().to_vec()))
    }

    /// The grant ioctl on an argument that may be anywhere.
    pub fn grant_at(&self, subject: Subject, argument: *mut AllocGref) -> Answer {
        // SAFETY: the kernel checks the address; the array has as many elements as the count says, or the call fails before.
        self.noted(subject, || unsafe { gntalloc::alloc_gref(self.granting.as_raw_fd(), argument) }).map(drop)
    }

    /// The end of grants.
    pub fn ungrant(&self, index: u64, count: u32) -> Answer {
        let mut argument = DeallocGref { index, count };
        let subject = Subject { op: Op::Ungrant, buffer: Some(Buffer::Pages), pages: Some(count) };
        self.ungrant_at(subject, &mut argument)
    }

    /// The end of grants, by an argument that may be anywhere.
    pub fn ungrant_at(&self, subject: Subject, argument: *mut DeallocGref) -> Answer {
        // SAFETY: the kernel checks the address.
        self.noted(subject, || unsafe { gntalloc::dealloc_gref(self.granting.as_raw_fd(), argument) }).map(drop)
    }
}

/// A mapping of gntdev's.
#[derive(Clone, Copy)]
pub struct Shown {
    base: NonNull<std::ffi::c_void>,
    bytes: usize,
    pages: usize,
}

/// One end of a copy: a granted page.
pub fn granted(domid: DomId, reference: GrantRef, offset: u16) -> CopyEnd {
    CopyEnd { foreign: CopyForeign { reference, offset, domid } }
}

/// The other end: memory of ours.
pub fn memory<T>(address: *const T) -> CopyEnd {
    CopyEnd { virt: address as u64 }
}

/// Two pages of memory, the second of which cannot be touched; the first one may be made read-only.
pub struct Fence {
    base: NonNull<std::ffi::c_void>,
}

impl Fence {
    /// Maps them.
    pub fn new() -> Result<Self> {
        let failed = |errno| Error::Call { call: "mmap", on: "two pages".to_owned(), errno };
        let length = NonZeroUsize::new(2 * page_size()).unwrap_or(NonZeroUsize::MIN);
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: new memory at an address of the kernel's choosing.
        let base = unsafe { mmap_anonymous(None, length, protection, MapFlags::MAP_PRIVATE) }.map_err(failed)?;
        let fence = Self { base };
        // SAFETY: the second page is ours, and unused.
        unsafe { mprotect(fence.beyond(), page_size(), ProtFlags::PROT_NONE) }.map_err(failed)?;
        Ok(fence)
    }

    fn beyond(&self) -> NonNull<std::ffi::c_void> {
        // SAFETY: inside the two pages.
        unsafe { self.base.byte_add(page_size()) }
    }

    /// An argument that cannot be read at all.
    pub fn nowhere<T>(&self) -> *mut T {
        self.beyond().as_ptr().cast()
    }

    /// This value, with nothing behind it that can be read.
    pub fn at_the_edge<T: Copy>(&self, value: T) -> *mut T {
        // SAFETY: the last bytes of the first page, which is writable; arguments are aligned to at most their size's divisors.
        unsafe {
            let place = self.beyond().as_ptr().byte_sub(size_of::<T>()).cast::<T>();
            place.write(value);
            place
        }
    }

    /// This value in memory that cannot be written from now on.
    pub fn read_only<T: Copy>(&self, value: T) -> Result<*mut T> {
        // SAFETY: the first page, which is writable, and where no reference of Rust's points.
        unsafe {
            let place = self.base.as_ptr().cast::<T>();
            place.write(value);
            let protected = mprotect(self.base, page_size(), ProtFlags::PROT_READ);
            protected.map_err(|errno| Error::Call { call: "mprotect", on: "a page".to_owned(), errno })?;
            Ok(place)
        }
    }
}

impl Drop for Fence {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and nothing refers to it any more. An error would leave two pages mapped.
        let _ = unsafe { munmap(self.base, 2 * page_size()) };
    }
}
