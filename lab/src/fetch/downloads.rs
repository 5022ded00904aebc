//! Xen and busybox, unpacked from Debian's packages.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::apt;
use crate::{
    cache::{Cache, Key},
    command,
    platform::{Architecture, Hypervisor, Platform},
    progress::Step,
};

/// The suite whose busybox was tried, on any machine: a lab is then the same everywhere.
const SUITE: &str = "bookworm";

/// Xen's image: compressed for x86-64, and not for arm64.
///
/// # Errors
/// When the package cannot be fetched, or does not have the file.
pub fn hypervisor(cache: &Cache, platform: &Platform) -> Result<PathBuf> {
    let (Hypervisor { suite, version }, architecture) = (platform.hypervisor, platform.architecture);
    let debian = architecture.debian();
    let package = format!("xen-hypervisor-{version}-{debian}");
    let image = format!("boot/xen-{version}-{debian}");
    if architecture == Architecture::Arm64 {
        return unpacked(cache, architecture, suite, &package, &image);
    }
    let packed = unpacked(cache, architecture, suite, &package, &format!("{image}.gz"))?;
    let key = Key::default().with("packed", packed.to_string_lossy().as_bytes());
    let folder = cache.artifact(&format!("{package}-image"), &key, |folder| command::gunzip(&packed, &folder.join("xen")))?;
    Ok(folder.join("xen"))
}

/// Busybox.
///
/// # Errors
/// When the package cannot be fetched, or does not have the file.
pub fn busybox(cache: &Cache, architecture: Architecture) -> Result<PathBuf> {
    unpacked(cache, architecture, SUITE, "busybox-static", "bin/busybox")
}

/// A file of a package, by its path in it.
fn unpacked(cache: &Cache, architecture: Architecture, suite: &str, package: &str, file: &str) -> Result<PathBuf> {
    let debian = architecture.debian();
    // Remembered, so that later runs ask no network.
    let version = cache.fact(&format!("version-{package}-{debian}"), || {
        let apt = apt::suite_apt(cache, suite, debian)?;
        apt.version(package)?.with_context(|| format!("{suite} has no {package} for {debian}"))
    })?;
    let key = Key::default().with("suite", suite).with("version", &version);
    let folder = cache.artifact(&format!("{package}-{debian}"), &key, |folder| {
        let step = Step::start(format!("{package} for {debian}"));
        apt::suite_apt(cache, suite, debian)?.unpack(&[package.into()], folder)?;
        ensure!(folder.join(file).is_file(), "{package} {version} has no {file}");
        step.done(&version);
        Ok(())
    })?;
    Ok(folder.join(Path::new(file)))
}
