//! The two ready-made parts of the domains, unpacked from Debian's arm64 packages: Xen and busybox.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::{
    cache::{Cache, Key},
    progress::Step,
    setup::apt,
};

/// The suite whose Xen and busybox were tried, on any machine: a lab is then the same everywhere.
const SUITE: &str = "bookworm";

/// Xen's image.
pub fn hypervisor(cache: &Cache) -> Result<PathBuf> {
    unpacked(cache, "xen-hypervisor-4.17-arm64", "boot/xen-4.17-arm64")
}

/// Busybox.
pub fn busybox(cache: &Cache) -> Result<PathBuf> {
    unpacked(cache, "busybox-static", "bin/busybox")
}

/// A file of a package, by its path in it.
fn unpacked(cache: &Cache, package: &str, file: &str) -> Result<PathBuf> {
    // Remembered, so that later runs ask no network.
    let version = cache.fact(&format!("version-{package}"), || {
        let apt = apt::suite_apt(cache, SUITE, "arm64")?;
        apt.version(package)?.with_context(|| format!("{SUITE} has no {package} for arm64"))
    })?;
    let key = Key::default().with("suite", SUITE).with("version", &version);
    let folder = cache.artifact(package, &key, |folder| {
        let step = Step::start(package);
        apt::suite_apt(cache, SUITE, "arm64")?.unpack(&[package.into()], folder)?;
        ensure!(folder.join(file).is_file(), "{package} {version} has no {file}");
        step.done(&version);
        Ok(())
    })?;
    Ok(folder.join(Path::new(file)))
}
