//! The kernels of the benches: one of our own configuration, and those of Debian's packages.

mod build;
mod bzimage;
mod config;
mod debian;
mod module;
mod ours;

use std::path::PathBuf;

use anyhow::Result;

use crate::{
    architecture::Architecture,
    bench::{BenchSpec, KernelSource},
    cache::Cache,
};

/// A kernel, ready to boot.
#[derive(Debug)]
pub struct Kernel {
    /// The image that boots.
    pub image: PathBuf,
    /// The same with symbols and DWARF, if it was built here.
    pub vmlinux: Option<PathBuf>,
    /// Modules to load at boot, in this order.
    pub modules: Vec<PathBuf>,
}

/// The kernel of a bench, fetched or built first if need be.
pub fn ensure(cache: &Cache, bench: &BenchSpec) -> Result<Kernel> {
    match bench.kernel {
        KernelSource::Ours { options } => {
            anyhow::ensure!(
                bench.architecture == Architecture::Arm64,
                "kernels are built for arm64 only: give {} a packaged one",
                bench.name
            );
            ours::ensure(cache, options)
        }
        KernelSource::Debian { suite, package } => debian::ensure(cache, bench.architecture, suite, package, bench.modules),
    }
}
