//! Why an operation failed: found when it has, from the stages that it came to, from the facts that its hooks noted, and from the
//! kernel's own structures where only those show it. Success pays nothing for it, except where the kernel calls it a
//! success that Xen refused something.
//!
//! Each function follows the order of the kernel's checks (drivers/xen/{gntdev,gntdev-dmabuf,gntalloc}.c, Linux v6.12). Where what
//! was seen leaves two reasons, none is given.

use grantscope_wire::{Cause, HookId, Op};

use super::apart;
use super::evidence::{self, Evidence, *};
use super::ioctl::{COPY, EXPORT, IMPORT, IMPORT_RELEASE, MAP, UNMAP, WAIT_RELEASED};
use super::statuses;
use super::task::Task;
use crate::kernel::fields::{
    dmabuf_size, file_private_data, map_count, map_index, map_next, map_of_next, read, user_u32, user_u64, vma_flags, vma_pages,
    vma_pgoff, vma_private_data,
};
use crate::kernel::{is_pv_domain, page_shift};
use crate::repeat::repeat;

// include/uapi/asm-generic/errno-base.h, errno.h and include/linux/errno.h, v6.12.
const ENOENT: i32 = 2;
const EBADF: i32 = 9;
const ENOMEM: i32 = 12;
const EFAULT: i32 = 14;
const EINVAL: i32 = 22;
const ENOSPC: i32 = 28;
const ETIMEDOUT: i32 = 110;
const ENOIOCTLCMD: i32 = 515;

const BOTH_DMA_FLAGS: u32 = 3;
// include/linux/mm.h, v6.12.
const VM_WRITE: u64 = 2;
const VM_SHARED: u64 = 8;

/// An ioctl on gntdev failed, or did only a part of its work.
#[inline(always)]
pub fn of_gntdev_ioctl(task: &mut Task, ret: i32) {
    apart::on(task, || cause_of_gntdev_ioctl(ret as u64));
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn cause_of_gntdev_ioctl(ret: u64) -> u64 {
    let Some(task) = apart::task() else { return 0 };
    let ([file, argument], errno) = (task.arguments(), -(ret as i32));
    let cause = match (task.head().op, errno) {
        (_, ENOIOCTLCMD) => Some(Cause::NoDmabufSupport),
        (MAP, _) => map(task, argument, errno),
        (UNMAP, _) => unmap(file, argument, errno),
        (COPY, _) => copy(task, argument, errno),
        (EXPORT, _) => export(task, argument, errno),
        (IMPORT, _) => import(task, errno),
        (WAIT_RELEASED | IMPORT_RELEASE, _) => buffer(errno),
        _ => None,
    };
    set(task, cause);
    0
}

#[inline(always)]
fn set(task: &mut Task, cause: Option<Cause>) {
    if let Some(cause) = cause {
        task.head_mut().set_cause(cause);
    }
}

#[inline(always)]
fn map(task: &Task, argument: u64, errno: i32) -> Option<Cause> {
    let reached_alloc = task.passed(HookId::GntdevAllocMap);
    Some(match errno {
        EINVAL if !reached_alloc => count(task),
        ENOMEM => map_allocation(task),
        EFAULT if !reached_alloc => Cause::ArgumentUnreadable,
        // Between the two lies nothing but the copying of the references.
        EFAULT if task.passed(HookId::GntdevAddMap) => Cause::ResultUnwritable,
        EFAULT if attached(HookId::GntdevAddMap) => Cause::ArgumentUnreadable,
        EFAULT => return map_argument(task, argument),
        _ => return None,
    })
}

/// Whether the references behind `struct ioctl_gntdev_map_grant_ref` can be read: the kernel has just read them, if it could. Where they
/// span more than two pages, those between the first and the last are not examined.
#[inline(always)]
fn map_argument(task: &Task, argument: u64) -> Option<Cause> {
    const REFERENCES: u64 = 16;
    const REFERENCE: u64 = 8;
    let last = REFERENCES + REFERENCE * u64::from(task.head().pages.wrapping_sub(1));
    if user_u64(argument, last).is_none() {
        return Some(Cause::ArgumentUnreadable);
    }
    let pages_between = ((argument + last) >> page_shift()) - (argument >> page_shift());
    (pages_between <= 1).then_some(Cause::ResultUnwritable)
}

/// Of what `gntdev_test_page_count` refuses.
#[inline(always)]
fn count(task: &Task) -> Cause {
    if task.head().pages == 0 { Cause::CountZero } else { Cause::OverLimit }
}

/// What `gntdev_alloc_map` could not get, or what comes before it.
#[inline(always)]
fn map_allocation(task: &Task) -> Cause {
    let evidence = &task.evidence;
    if evidence.has(DMA_ALLOC_FAILED) {
        return if task.passed(HookId::GnttabFreePages) { Cause::HalfBuiltDmaMap } else { Cause::DmaAllocFailed };
    }
    if evidence.has(PAGE_ALLOC_FAILED) {
        return Cause::PageAllocFailed;
    }
    if attached(HookId::GnttabAllocPages) && (attached(HookId::GnttabDmaAllocPages) || !task.is(Op::Export)) {
        Cause::BookkeepingAllocFailed
    } else {
        Cause::AllocationFailed
    }
}

#[inline(always)]
fn unmap(file: u64, argument: u64, errno: i32) -> Option<Cause> {
    match errno {
        EFAULT => Some(Cause::ArgumentUnreadable),
        ENOENT => match find_map(file, (user_u64(argument, 0)? >> page_shift()) as u32, user_u32(argument, 8)?)? {
            Found::OtherLength => Some(Cause::WrongLength),
            Found::Nothing => Some(Cause::NoSuchMap),
            Found::Same => None,
        },
        _ => None,
    }
}

#[inline(always)]
fn copy(task: &mut Task, argument: u64, errno: i32) -> Option<Cause> {
    match errno {
        0 => {
            let (count, segments) = (user_u32(argument, 0)?, user_u64(argument, 8)?);
            task.evidence.read_copy_statuses(segments, count);
            task.evidence.refused().then_some(Cause::GrantsRefused)
        }
        EINVAL => Some(Cause::BadSegment),
        ENOMEM => Some(Cause::BookkeepingAllocFailed),
        // The kernel has just read it, if it could.
        EFAULT if user_u64(argument, 8).is_none() => Some(Cause::ArgumentUnreadable),
        EFAULT => Some(Cause::SegmentUnreachable),
        _ => None,
    }
}

#[inline(always)]
fn export(task: &Task, argument: u64, errno: i32) -> Option<Cause> {
    let reached_map = task.passed(HookId::GnttabMapRefs);
    let reached_alloc = task.passed(HookId::GntdevAllocMap);
    match errno {
        EINVAL if !reached_alloc && is_pv_domain() => Some(Cause::PvRefusesDmabuf),
        EINVAL if !reached_alloc && task.head().pages == 0 => Some(Cause::CountZero),
        // Both may be wrong: then it is the limit that the kernel saw first, and the flags that it will see next.
        EINVAL if !reached_alloc && user_u32(argument, 0)? & BOTH_DMA_FLAGS == BOTH_DMA_FLAGS => Some(Cause::BothDmaFlags),
        EINVAL if !reached_alloc => Some(Cause::OverLimit),
        ENOMEM if !reached_map => Some(map_allocation(task)),
        EFAULT if !reached_alloc => Some(Cause::ArgumentUnreadable),
        EFAULT if task.passed(HookId::DmaBufExport) => Some(Cause::ResultUnwritable),
        _ if !attached(HookId::GnttabMapRefs) => None,
        EINVAL if task.evidence.device_map_refused() => Some(Cause::DeviceMapRefused),
        _ => grants(&task.evidence).or(match errno {
            ENOMEM => Some(Cause::DmabufAllocFailed),
            _ => None,
        }),
    }
}

/// What the statuses say, if they could be read.
#[inline(always)]
fn grants(evidence: &Evidence) -> Option<Cause> {
    if evidence.refused() {
        Some(Cause::GrantsRefused)
    } else if !evidence.has(STATUSES_READ) {
        None
    } else if evidence.p2m_failed > 0 {
        Some(Cause::P2mFailed)
    } else if evidence.untouched > 0 {
        Some(Cause::HypercallFailed)
    } else {
        None
    }
}

#[inline(always)]
fn import(task: &Task, errno: i32) -> Option<Cause> {
    let evidence = &task.evidence;
    let reached_attach = task.passed(HookId::DmaBufDynamicAttach);
    if !reached_attach {
        return match errno {
            EFAULT => Some(Cause::ArgumentUnreadable),
            EBADF => Some(Cause::BadDescriptor),
            ENOMEM => Some(Cause::BookkeepingAllocFailed),
            EINVAL if task.head().pages == 0 => Some(Cause::CountZero),
            EINVAL if evidence.has(DESCRIPTOR_LOOKED_UP) => Some(Cause::NotADmabuf),
            EINVAL if attached(HookId::DmaBufGet) => Some(Cause::OverLimit),
            _ => None,
        };
    }
    if evidence.has(ATTACH_FAILED) {
        return Some(Cause::AttachFailed);
    }
    if evidence.has(ATTACHMENT_MAP_FAILED) {
        return Some(Cause::AttachmentMapFailed);
    }
    match errno {
        EINVAL => {
            let asked = u64::from(task.head().pages) << page_shift();
            // The offset is checked before the size: where both are wrong, the size is what a caller can mend.
            Some(if dmabuf_size(evidence.dmabuf)? == asked { Cause::NotPageAligned } else { Cause::WrongSize })
        }
        ENOMEM => Some(Cause::BookkeepingAllocFailed),
        ENOSPC => Some(Cause::GrantTableFull),
        EFAULT => Some(Cause::ResultUnwritable),
        _ => None,
    }
}

/// A buffer could not be mapped for a device: `dmabuf_exp_ops_map_dma_buf` calls whatever fails there ENOMEM. What comes last is the entry that
/// could not be bounced.
#[inline(always)]
pub fn of_attachment_map(task: &mut Task, ret: i32) {
    // `IO_TLB_SEGSIZE << IO_TLB_SHIFT` (include/linux/swiotlb.h, v6.12).
    const LARGEST_BYTES: u64 = 128 << 11;
    let cause = match task.last_bounce_bytes() {
        _ if ret != -ENOMEM => None,
        0 => None,
        bytes if bytes > LARGEST_BYTES => Some(Cause::BounceTooLarge),
        _ => Some(Cause::BounceBufferFull),
    };
    set(task, cause);
}

/// Of the two calls that look a buffer up by its descriptor.
#[inline(always)]
fn buffer(errno: i32) -> Option<Cause> {
    Some(match errno {
        ENOENT => Cause::NoSuchBuffer,
        ETIMEDOUT => Cause::StillHeld,
        EFAULT => Cause::ArgumentUnreadable,
        ENOMEM => Cause::BookkeepingAllocFailed,
        _ => return None,
    })
}

/// An ioctl on gntalloc failed.
#[inline(always)]
pub fn of_gntalloc_ioctl(task: &mut Task, ret: i32) {
    apart::on(task, || cause_of_gntalloc_ioctl(ret as u64));
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn cause_of_gntalloc_ioctl(ret: u64) -> u64 {
    let Some(task) = apart::task() else { return 0 };
    let ([argument, _], granting) = (task.arguments(), task.is(Op::Grant));
    let cause = match -(ret as i32) {
        EINVAL if !granting => Some(Cause::NoSuchGrants),
        ENOMEM => Some(Cause::AllocationFailed),
        ENOSPC if task.evidence.has(GRANT_TABLE_FULL) => Some(Cause::GrantTableFull),
        ENOSPC if attached(HookId::GnttabExpand) => Some(Cause::OverLimit),
        // The kernel has just read it, if it could.
        EFAULT if granting && user_u32(argument, 4).is_some() => Some(Cause::ResultUnwritable),
        EFAULT => Some(Cause::ArgumentUnreadable),
        _ => None,
    };
    set(task, cause);
    0
}

/// An mmap of gntdev failed.
#[inline(always)]
pub fn of_mmap(task: &mut Task, ret: i32) {
    apart::on(task, || cause_of_mmap(ret as u64));
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn cause_of_mmap(ret: u64) -> u64 {
    let Some(task) = apart::task() else { return 0 };
    let cause = mmap(task, -(ret as i32));
    set(task, cause);
    0
}

#[inline(always)]
fn mmap(task: &mut Task, errno: i32) -> Option<Cause> {
    let [file, vma] = task.arguments();
    if task.passed(HookId::GnttabMapRefs) {
        // A map that could not be mmapped keeps Xen's answers until it is unmapped.
        statuses::read::<Maps>(task);
        return grants(&task.evidence).or(task.passed(HookId::VmMapPagesZero).then_some(Cause::VmaInsertFailed));
    }
    if errno != EINVAL || !evidence::attached(HookId::GnttabMapRefs) {
        return None;
    }
    if vma_flags(vma)? & (VM_WRITE | VM_SHARED) == VM_WRITE {
        return Some(Cause::PrivateWritable);
    }
    match find_map(file, vma_pgoff(vma)? as u32, vma_pages(vma)?)? {
        Found::Nothing => Some(Cause::NoSuchMap),
        Found::OtherLength => Some(Cause::WrongLength),
        // Set behind the check whether it is in use.
        Found::Same if vma_private_data(vma)? == 0 => Some(Cause::AlreadyMapped),
        Found::Same => None,
    }
}

/// An in-kernel user's operation ended. The kernel calls it a success also where Xen refused some of it: the user looks for itself.
#[inline(always)]
pub fn of_kernel_user<A: GrantOp>(task: &mut Task, ret: i32) {
    if ret != 0 && !A::IS_MARKED {
        // What lies there may be from before.
        task.evidence.add(STATUSES_UNREAD);
    } else if !task.evidence.all_okay::<A>() {
        apart::on(task, || cause_of_kernel_user(A::BYTES as u64, A::STATUS_AT as u64));
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn cause_of_kernel_user(bytes: u64, status_at: u64) -> u64 {
    let Some(task) = apart::task() else { return 0 };
    task.evidence.read_statuses(bytes, status_at);
    let cause = grants(&task.evidence);
    set(task, cause);
    0
}

/// What an open gntdev has at an offset.
enum Found {
    Nothing,
    OtherLength,
    Same,
}

/// Maps that are examined before the search is given up: fewer where the verifier follows each round.
const MAPS_SEARCHED: u32 = if cfg!(feature = "early") { 512 } else { 4_096 };

/// A search in the list of an open gntdev.
#[repr(C)]
struct Search {
    list: u64,
    next: u64,
    index: u32,
    count: u32,
    /// Which bits of a length have to be the same: all, or none.
    compared: u32,
    /// Not 0: a map of another length was found.
    other_length: u32,
    outcome: u32,
}

// Outcomes of a search.
const UNKNOWN: u32 = 0;
const AT_THE_END: u32 = 1;
const FOUND: u32 = 2;

/// Looks a map up in the list of an open gntdev, as `gntdev_find_map_index` does: `count` 0 fits any length. `None`: it cannot be
/// said. `struct gntdev_priv` (drivers/xen/gntdev-common.h, v6.12) begins with that list.
#[inline(always)]
fn find_map(file: u64, index: u32, count: u32) -> Option<Found> {
    let list = file_private_data(file)?;
    let compared = if cfg!(feature = "early") { alike(if count == 0 { 0 } else { u32::MAX }) } else { u32::MAX };
    let mut search = Search { list, next: read(list)?, index, count, compared, other_length: alike(0), outcome: UNKNOWN };
    repeat::<MAPS_SEARCHED, _>(MAPS_SEARCHED, look_at_map, &mut search);
    match (search.outcome, search.other_length) {
        (FOUND, _) => Some(Found::Same),
        (AT_THE_END, 0) => Some(Found::Nothing),
        (AT_THE_END, _) => Some(Found::OtherLength),
        _ => None,
    }
}

/// The same number. Where the verifier follows each round it knows nothing of it, and rounds that differ in it alone are one to it.
#[inline(always)]
fn alike(number: u32) -> u32 {
    if cfg!(feature = "early") { apart::any(number.into()) as u32 } else { number }
}

/// For [`repeat`]: looks at one map. Returns whether to stop.
extern "C" fn look_at_map(_: u64, search: *mut Search) -> i64 {
    // SAFETY: what was handed to `repeat`.
    let search = unsafe { &mut *search };
    i64::from(search_is_over(search).unwrap_or(true))
}

#[inline(always)]
fn search_is_over(search: &mut Search) -> Option<bool> {
    if search.next == search.list {
        search.outcome = AT_THE_END;
        return Some(true);
    }
    let map = map_of_next(search.next)?;
    if map_index(map)? == search.index {
        // Not with the mask: on Linux 6.1, whose verifier goes through a round only once, every length was the same then.
        let is_same = if cfg!(feature = "early") {
            (map_count(map)? ^ search.count) & search.compared == 0
        } else {
            search.count == 0 || map_count(map)? == search.count
        };
        if is_same {
            search.outcome = FOUND;
            return Some(true);
        }
        search.other_length = alike(1);
    }
    search.next = map_next(map)?;
    Some(false)
}
