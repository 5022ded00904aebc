//! The kernels of the platforms: one of our own configuration, and those of Debian's packages.

mod build;
mod bzimage;
mod config;
mod debian;
mod files;
pub mod given;
mod importer;
mod module;
mod ours;

use anyhow::Result;

use crate::{
    cache::Cache,
    platform::{KernelSource, Platform},
};

pub use files::Kernel;

/// The kernel of a platform, fetched or built first if need be.
///
/// # Errors
/// When it cannot be fetched or built.
pub fn ensure(cache: &Cache, platform: &Platform) -> Result<Kernel> {
    match platform.kernel {
        KernelSource::Ours(ours) => {
            let mut kernel = ours::ensure(cache, platform.architecture, &ours)?;
            if platform.importer {
                kernel.modules.push(importer::ensure(cache, platform.architecture, &ours, &kernel)?);
            }
            Ok(kernel)
        }
        KernelSource::Debian { suite, package } => debian::ensure(cache, platform.architecture, suite, package),
    }
}
