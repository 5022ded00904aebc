//! The census: which maps processes hold now, without having seen them begin. See `probes/src/live/census.rs`.

use std::collections::HashSet;
use std::io::{self, Read};

use aya::maps::{HashMap, MapData};
use aya::programs::{Iter, ProgramError};
use aya::{Btf, Ebpf};
use grantscope_wire::live::{HELD_BY_DESCRIPTOR, HELD_BY_VMA, LIVE_EXPORTED, LIVE_FOUND, LIVE_GRANTS_MAPPED};
use grantscope_wire::{Buffer, Filter, FoundMap, LiveMap, MapInfo};

use crate::btf::KernelTypes;
use crate::frames::Asking;
use crate::kernel::KernelFacts;
use crate::object::Made;
use crate::symbols::Symbols;
use crate::{CaptureError, host, kernel, object, preflight};
use grantscope_analysis::error_chain;
use grantscope_analysis::live::Ledger;
use grantscope_analysis::model::{self, Frames, HeldBy, Holder, MapState};

/// The names of the programs in the object, and the kernel's iterators that they serve.
const PROGRAMS: [(&str, &str); 2] = [("census_of_files", "task_file"), ("census_of_vmas", "task_vma")];

/// The kernel's functions that stand for these iterators.
pub fn functions() -> Vec<String> {
    PROGRAMS.iter().map(|(_, iterator)| format!("bpf_iter_{iterator}")).collect()
}

/// The programs, loaded, and where they write.
pub struct Census {
    found: HashMap<MapData, u64, [u8; size_of::<FoundMap>()]>,
}

impl Census {
    /// Loads the programs of an object that knows this kernel.
    ///
    /// # Errors
    /// The object has no map for it, or the verifier refuses one of the programs.
    pub fn load(ebpf: &mut Ebpf, btf: &Btf) -> Result<Self, CaptureError> {
        let found = object::take(ebpf, "FOUND")?;
        for (name, iterator) in PROGRAMS {
            let loaded = program(ebpf, name).and_then(|program| program.load(iterator, btf));
            loaded.map_err(|error| CaptureError::NoCensus(crate::attach::chain(&error)))?;
        }
        Ok(Self { found })
    }

    /// Looks through the files and VMAs of all processes: maps by address.
    ///
    /// # Errors
    /// The kernel does not run one of the programs.
    pub fn take(&mut self, ebpf: &mut Ebpf) -> Result<Vec<(u64, FoundMap)>, CaptureError> {
        let old: Vec<u64> = self.found.keys().filter_map(Result::ok).collect();
        for map in old {
            let _ = self.found.remove(&map);
        }
        for (name, _) in PROGRAMS {
            run(ebpf, name).map_err(|error| CaptureError::NoCensus(error.to_string()))?;
        }
        // SAFETY: FoundMap is plain old data: any bytes of its size are one.
        Ok(self.found.iter().filter_map(Result::ok).map(|(map, bytes)| (map, unsafe { object::plain_bytes(bytes) })).collect())
    }
}

fn program<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Iter, ProgramError> {
    ebpf.program_mut(name).unwrap_or_else(|| panic!("the probes have no program {name}")).try_into()
}

/// Has the kernel call a program for everything that there is. The programs print nothing: reading is what makes them run.
fn run(ebpf: &mut Ebpf, name: &str) -> io::Result<()> {
    let program = program(ebpf, name).map_err(io::Error::other)?;
    let id = program.attach().map_err(|error| io::Error::other(error_chain(&error)))?;
    let link = program.take_link(id).map_err(io::Error::other)?;
    let mut file = link.into_file().map_err(|error| io::Error::other(error_chain(&error)))?;
    io::copy(&mut Read::by_ref(&mut file), &mut io::sink()).map(drop)
}

/// What is alive on this machine now, as far as processes hold it: nothing has to have been recorded.
///
/// # Errors
/// The machine does not pass the preflight, or the kernel does not let its maps be listed.
pub fn list() -> Result<(Ledger, u32), CaptureError> {
    preflight::check()?;
    let types = KernelTypes::read()?;
    let facts = KernelFacts::find(&types, &Symbols::read(kernel::wanted(&types))?, &(0..0));
    facts.suffice_for_census()?;
    let mut ebpf = object::load(Made::for_this_kernel(), &facts.kernel, &Filter::ANY)?;
    let btf = types.functions_alone(&functions())?;
    let (mut census, asking) = (Census::load(&mut ebpf, &btf)?, Asking::load(&mut ebpf, &types, &facts.kernel.members)?);
    let found = census.take(&mut ebpf)?;
    let frames = |map, found: &FoundMap| asking.as_ref().filter(|_| found.flags != 0)?.of(map, found.pages);
    let frames: Vec<_> = found.iter().map(|(map, found)| frames(*map, found)).collect();
    // One that was freed meanwhile may have left its place to another.
    let still = if frames.iter().any(Option::is_some) { census.take(&mut ebpf)? } else { Vec::new() };
    let still: HashSet<u64> = still.into_iter().map(|(map, _)| map).collect();
    let maps = found.into_iter().zip(frames).zip(1..);
    let maps = maps.map(|(((map, found), frames), id)| of_found(&found, id, frames.filter(|_| still.contains(&map))));
    let ledger = Ledger::of(maps, host::now_ns()).direct_mapped(host::is_direct_mapped());
    Ok((ledger, host::page_size()))
}

/// Flags of DMA buffers (include/uapi/xen/gntdev.h, Linux v6.12).
const DMA_FLAG_WC: u32 = 1;
const DMA_FLAG_COHERENT: u32 = 2;
/// include/xen/interface/xen.h: the domid of a reference that is not filled in yet.
const DOMID_INVALID: u32 = 0x7ff4;

fn buffer(found: &FoundMap) -> Buffer {
    match found.dma_flags {
        flags if flags & DMA_FLAG_WC != 0 => Buffer::Wc,
        flags if flags & DMA_FLAG_COHERENT != 0 => Buffer::Coherent,
        _ => Buffer::Pages,
    }
}

/// Grants are mapped by mmap, which marks the map as in use, or by an export.
fn is_exported(found: &FoundMap) -> bool {
    found.dmabuf != 0 || (found.flags != 0 && found.in_use == 0)
}

fn domid(found: &FoundMap) -> Option<u16> {
    (found.domid != DOMID_INVALID).then_some(found.domid as u16)
}

/// The processes that were found to hold it; one with the gntdev file open comes first, as its most likely owner.
pub fn holders(found: &FoundMap) -> Vec<Holder> {
    let mut holders: Vec<_> = found.holder.iter().filter_map(holder).collect();
    holders.sort_by_key(|holder| (holder.by as u8, holder.tgid));
    holders
}

fn holder(found: &grantscope_wire::live::FoundHolder) -> Option<Holder> {
    let by = match found.by {
        HELD_BY_DESCRIPTOR => HeldBy::Descriptor,
        HELD_BY_VMA => HeldBy::Memory,
        0 => return None,
        _ => HeldBy::DmaBuf,
    };
    Some(Holder { tgid: found.tgid, comm: crate::decode::comm(&found.comm), by })
}

fn of_found(found: &FoundMap, id: u64, frames: Option<Frames>) -> model::LiveMap {
    let holders = holders(found);
    model::LiveMap {
        id,
        allocated_ns: None,
        owner: holders.first().map(|holder| holder.tgid),
        comm: holders.first().map(|holder| holder.comm.clone()).unwrap_or_default(),
        domid: domid(found),
        buffer: Some(buffer(found)),
        pages: found.pages,
        state: match found {
            found if found.vmas > 0 => MapState::Mapped,
            found if is_exported(found) => MapState::Exported,
            found if found.in_use != 0 => MapState::Unmapped,
            _ => MapState::Allocated,
        },
        owner_gone_ns: None,
        holders,
        frames,
        // A hook sees that.
        allocator: None,
    }
}

/// The same, as the probes keep it: so that they follow it to its end, and know its kind where they meet it.
pub fn as_kept(found: &FoundMap) -> LiveMap {
    let first = holders(found).into_iter().next();
    let named = found.holder.iter().find(|holder| first.as_ref().is_some_and(|first| first.tgid == holder.tgid));
    let flag = |flag: u8, set: bool| if set { flag } else { 0 };
    let mut info = MapInfo { pages: found.pages, buffer: buffer(found).id(), ..MapInfo::default() };
    if let Some(domid) = domid(found) {
        info.set_domid(domid);
    }
    LiveMap {
        info,
        comm: named.map_or([0; 16], |holder| holder.comm),
        vmas: u64::from(found.vmas),
        tgid: first.map_or(0, |holder| holder.tgid),
        flags: LIVE_FOUND | flag(LIVE_GRANTS_MAPPED, found.flags != 0) | flag(LIVE_EXPORTED, is_exported(found)),
        allocator: 0,
        reserved: [0; 2],
    }
}
