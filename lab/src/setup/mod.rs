//! Provides everything that the lab is built from: compilers, and the parts of each platform.

mod bpf_linker;
mod qemu;
mod rust;

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{
    cache::Cache,
    fetch::{Consent, downloads, packages, toolstack},
    guest::in_c,
    kernel,
    platform::Platform,
};

pub use qemu::Qemu;
pub use rust::CrossRust;

/// What compiles our own programs.
#[derive(Debug, Clone)]
pub struct Compilers {
    /// Rust for BPF and for the lab's domains.
    pub rust: CrossRust,
    /// The linker of the probes.
    pub bpf_linker: PathBuf,
}

/// A platform with everything that it boots from.
#[derive(Debug)]
pub struct Parts {
    /// What it is made of.
    pub platform: &'static Platform,
    /// The emulator.
    pub qemu: Qemu,
    /// Xen.
    pub hypervisor: PathBuf,
    /// Linux.
    pub kernel: kernel::Kernel,
    /// Busybox for the domains.
    pub busybox: PathBuf,
    /// Xen's toolstack, if dom0 has it.
    pub toolstack: Option<Toolstack>,
}

/// What a platform has beside the others where the toolstack starts the guest.
#[derive(Debug)]
pub struct Toolstack {
    /// The toolstack, as a tree of files.
    pub tree: PathBuf,
    /// What both domains use the guest's devices with, by the names that it gets in /bin.
    pub programs: Vec<(&'static str, PathBuf)>,
}

/// Makes the compilers available; what `platforms` will ask for is asked now.
///
/// # Errors
/// When one cannot be provided, or the person does not agree.
pub fn compilers(cache: &Cache, consent: Consent, platforms: &[&Platform]) -> Result<Compilers> {
    let rust = ask(cache, consent, platforms)?;
    let bpf_linker = bpf_linker::ensure(cache, &rust)?;
    Ok(Compilers { rust, bpf_linker })
}

/// What somebody has as files, in place of what a platform boots from.
#[derive(Debug, Default)]
pub struct Given {
    /// Linux.
    pub kernel: Option<kernel::Kernel>,
    /// Xen.
    pub hypervisor: Option<PathBuf>,
}

/// Makes what a platform boots from available.
///
/// # Errors
/// When one cannot be provided, or the person does not agree.
pub fn parts(cache: &Cache, consent: Consent, platform: &'static Platform) -> Result<Parts> {
    parts_beside(cache, consent, platform, Given::default())
}

/// The same, but for what is given.
///
/// # Errors
/// When one cannot be provided, or the person does not agree.
pub fn parts_beside(cache: &Cache, consent: Consent, platform: &'static Platform, given: Given) -> Result<Parts> {
    ask(cache, consent, &[platform])?;
    let architecture = platform.architecture;
    let provide = move || -> Result<Parts> {
        Ok(Parts {
            platform,
            qemu: qemu::ensure(cache, architecture, consent)?,
            hypervisor: given.hypervisor.map_or_else(|| downloads::hypervisor(cache, platform), Ok)?,
            busybox: downloads::busybox(cache, architecture)?,
            kernel: given.kernel.map_or_else(|| kernel::ensure(cache, platform), Ok)?,
            toolstack: match platform.domains.have_toolstack() {
                true => Some(Toolstack {
                    tree: toolstack::ensure(cache, architecture, platform.hypervisor)?,
                    programs: in_c::ensure(cache, architecture)?,
                }),
                false => None,
            },
        })
    };
    provide().with_context(|| format!("the platform {} cannot be provided", platform.name))
}

/// Asks all questions first: the long steps after it run unattended.
fn ask(cache: &Cache, consent: Consent, platforms: &[&Platform]) -> Result<CrossRust> {
    packages::install(&packages::missing(packages::for_everyone())?, consent)?;
    let rust = rust::ensure(cache, consent)?;
    bpf_linker::ensure_packages(cache, &rust, consent)?;
    for platform in platforms {
        qemu::ensure(cache, platform.architecture, consent)?;
    }
    Ok(rust)
}
