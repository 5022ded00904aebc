//! The compiled probes: the one place where they are loaded, and what comes out of their maps.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::thread;

use aya::maps::Map;
use aya::programs::{ProgramError, ProgramType, RawTracePoint};
use aya::sys::{BpfHelper, is_helper_supported};
use aya::{Ebpf, EbpfLoader, include_bytes_aligned};
use grantscope_wire::{Filter, Kernel};
use nix::sched::{CloneFlags, unshare};
use nix::sys::mman::{MmapAdvise, madvise};
use nix::unistd::chroot;

use crate::{CaptureError, bpf, host};

/// The objects; empty in a build without them.
static USUAL: &[u8] = include_bytes_aligned!(env!("GRANTSCOPE_USUAL_PROBES"));
static EARLY: &[u8] = include_bytes_aligned!(env!("GRANTSCOPE_EARLY_PROBES"));

/// The same probes, compiled for different kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// With all that they can use.
    Usual,
    /// For kernels without `bpf_loop` (Linux 5.17), or without an instruction that compares and exchanges (5.12, on arm64 5.18). By
    /// kprobes alone, because the programs of fentry use more that is as new.
    Early,
}

impl Made {
    /// For the running kernel: asked, and not told by its version, which says little of kernels that others have changed.
    pub fn for_this_kernel() -> Self {
        let loops = || is_helper_supported(ProgramType::RawTracePoint, BpfHelper::BPF_FUNC_loop);
        // Who may not even ask is told so by the first program that is loaded.
        if loops().unwrap_or(true) && bpf::exchanges().unwrap_or(true) { Self::Usual } else { Self::Early }
    }

    fn object(self) -> &'static [u8] {
        match self {
            Self::Usual => USUAL,
            Self::Early => EARLY,
        }
    }
}

/// Whether this program contains the probes.
pub fn is_embedded() -> bool {
    !USUAL.is_empty()
}

/// The statics of the object that are filled in here: all that it has.
const KERNEL: &str = "KERNEL";
const FILTER: &str = "FILTER";

/// Creates the object's maps and fills in its statics. Programs are loaded one by one.
///
/// # Errors
/// The kernel refuses the maps, or the object has other statics.
pub fn load(made: Made, kernel: &Kernel, filter: &Filter) -> Result<Ebpf, CaptureError> {
    let mut loader = loader();
    loader.override_global(KERNEL, kernel.bytes(), true);
    loader.override_global(FILTER, filter.bytes(), true);
    let loaded = loader.load(made.object());
    forget(made.object());
    Ok(loaded?)
}

/// The object once more, as it was compiled.
///
/// # Errors
/// It is no object.
pub fn parse(made: Made) -> Result<aya_obj::Object, aya_obj::ParseError> {
    let parsed = aya_obj::Object::parse(made.object());
    forget(made.object());
    parsed
}

/// The object's maps, by their names: descriptors that stay when a map is taken.
///
/// # Errors
/// There are no more descriptors to be had.
pub fn maps(ebpf: &Ebpf) -> io::Result<Vec<(String, OwnedFd)>> {
    let data = |map: &Map| match map {
        Map::Array(data) | Map::PerCpuArray(data) | Map::HashMap(data) | Map::LruHashMap(data) | Map::RingBuf(data) => {
            data.fd().as_fd().try_clone_to_owned()
        }
        _ => unreachable!("a test compares the object's maps with these kinds"),
    };
    ebpf.maps().map(|(name, map)| Ok((name.to_owned(), data(map)?))).collect()
}

/// Lets go of the memory that a part of this program takes which is not needed again. What is read of it all the same comes from the file.
fn forget(part: &'static [u8]) {
    let page = host::page_size() as usize;
    let start = part.as_ptr().addr().next_multiple_of(page);
    let end = (part.as_ptr().addr() + part.len()) / page * page;
    if let Some(start) = NonNull::new(part.as_ptr().with_addr(start).cast_mut().cast()).filter(|_| end > start.max(1)) {
        // SAFETY: whole pages of a constant, which are as the file has them.
        let _ = unsafe { madvise(start, end - start.addr().get(), MmapAdvise::MADV_DONTNEED) };
    }
}

/// aya's loader, without all of the kernel's types, which it would read and keep as values the moment that it is made: more memory than
/// everything else, for relocations that the object does not have (a test sees to that). It looks for them at one place and has no
/// parameter for another, so it is made by a thread for which that place is empty. Where a thread may not be given a root of its own,
/// they are read.
fn loader() -> EbpfLoader<'static> {
    let make = || {
        let _ = unshare(CloneFlags::CLONE_FS).and_then(|()| chroot("/proc/self/fdinfo"));
        EbpfLoader::new()
    };
    thread::spawn(make).join().unwrap_or_default()
}

/// A map of the object, as what it is.
///
/// # Errors
/// The object has no such map.
pub fn take<M: TryFrom<Map>>(ebpf: &mut Ebpf, name: &'static str) -> Result<M, CaptureError> {
    ebpf.take_map(name).and_then(|map| M::try_from(map).ok()).ok_or(CaptureError::NoMap(name))
}

/// A program of a raw tracepoint, loaded, and attached to nothing: it is run by [`bpf::run_with`].
///
/// # Errors
/// The kernel refuses it.
pub fn load_to_run<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut RawTracePoint, ProgramError> {
    let program = ebpf.program_mut(name).unwrap_or_else(|| panic!("the probes have no program {name}"));
    let program: &mut RawTracePoint = program.try_into()?;
    program.load()?;
    Ok(program)
}

/// What bytes are that came from a BPF map.
///
/// # Safety
/// Any bytes have to be a `T`.
pub unsafe fn plain_bytes<T, const N: usize>(bytes: [u8; N]) -> T {
    assert_eq!(N, size_of::<T>());
    // SAFETY: there are as many bytes as a T has, the caller says that they are one, and the read may be unaligned.
    unsafe { bytes.as_ptr().cast::<T>().read_unaligned() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use grantscope_wire::{HOOKS, Hook};
    use object::{Object, ObjectSection, ObjectSymbol, SectionKind};

    use super::*;

    const BOTH: [Made; 2] = [Made::Usual, Made::Early];

    #[test]
    #[cfg_attr(not(probes_embedded), ignore = "needs the compiled probes: `cargo xtask test` builds them")]
    fn the_table_of_hooks_and_the_programs_of_the_object_are_the_same() {
        let is_of_no_hook = |name: &str| {
            let by_itself = [crate::handover::PROGRAM, crate::pids::PROGRAM, crate::frames::PROGRAM].contains(&name);
            by_itself || name.starts_with("census_") || name.starts_with("twin_")
        };
        for made in BOTH {
            let object = aya_obj::Object::parse(made.object()).expect("the embedded object is one");
            let programs: BTreeSet<_> = object.programs.keys().filter(|name| !is_of_no_hook(name)).cloned().collect();
            let is_made = |end: &&&str| made == Made::Usual || !["entry", "exit"].contains(*end);
            let ends = |hook: &'static Hook| hook.ends.programs().iter().filter(is_made);
            let table: BTreeSet<_> =
                HOOKS.iter().flat_map(|hook| ends(hook).map(|end| format!("{}_{end}", hook.stem()))).collect();
            assert_eq!(programs, table, "probes/src and probes/wire/src/hook.rs differ ({made:?})");
        }
    }

    #[test]
    #[cfg_attr(not(probes_embedded), ignore = "needs the compiled probes: `cargo xtask test` builds them")]
    fn the_object_needs_none_of_the_kernels_types() {
        for made in BOTH {
            let object = aya_obj::Object::parse(made.object()).expect("the embedded object is one");
            assert!(!object.has_btf_relocations(), "{made:?}");
        }
    }

    #[test]
    #[cfg_attr(not(probes_embedded), ignore = "needs the compiled probes: `cargo xtask test` builds them")]
    fn the_maps_of_the_object_are_of_the_kinds_that_are_kept_open() {
        use aya_obj::generated::bpf_map_type::*;
        // As in `maps`.
        let kinds =
            [BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_RINGBUF];
        for made in BOTH {
            let object = aya_obj::Object::parse(made.object()).expect("the embedded object is one");
            let others = object.maps.iter().filter(|(_, map)| !kinds.iter().any(|kind| *kind as u32 == map.map_type()));
            assert_eq!(others.map(|(name, _)| name).collect::<Vec<_>>(), [""; 0], "{made:?}");
        }
    }

    #[test]
    #[cfg_attr(not(probes_embedded), ignore = "needs the compiled probes: `cargo xtask test` builds them")]
    fn every_static_of_the_objects_is_filled_in() {
        BOTH.iter().for_each(|made| every_static_is_filled_in(made.object()));
    }

    fn every_static_is_filled_in(object: &[u8]) {
        let object = object::File::parse(object).expect("the embedded object is an ELF file");
        let is_data = |section| matches!(section, SectionKind::Data | SectionKind::ReadOnlyData | SectionKind::UninitializedData);
        let data: Vec<_> = object
            .sections()
            .filter(|section| is_data(section.kind()) && section.name().is_ok_and(|name| !["maps", "license"].contains(&name)))
            .map(|section| section.index())
            .collect();
        let named = object
            .symbols()
            .filter(|symbol| symbol.is_global() && symbol.section_index().is_some_and(|index| data.contains(&index)));
        let statics: BTreeSet<_> = named.map(|symbol| (symbol.name().expect("a name"), symbol.size() as usize)).collect();
        // What the programs keep for themselves is not for the collector to fill in.
        let statics: BTreeSet<_> = statics
            .into_iter()
            .filter(|(name, _)| !["TASKS", "WRITTEN", "TURNS", "SOUND"].iter().any(|own| name.contains(own)))
            .collect();
        let filled = BTreeSet::from([(KERNEL, size_of::<Kernel>()), (FILTER, size_of::<Filter>())]);
        assert_eq!(
            statics, filled,
            "probes/src has a static that the collector does not fill in: put it into probes/wire/src/kernel.rs"
        );
    }
}
