//! Finds an emulator: one that is installed, else the distribution's, else the distribution's unpacked into the cache.
//!
//! The last is for machines where another QEMU package, from a backport, keeps the distribution's from being installed beside it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{
    Consent,
    apt::{self, PrivateApt},
    packages::{self, Package},
};
use crate::{
    boot::machine::Qemu,
    cache::{Cache, Key},
    command,
    progress::Step,
};

const PROGRAM: &str = "qemu-system-aarch64";
const PACKAGE: &str = "qemu-system-arm";
/// QEMU's own packages are unpacked together, even where one of them is installed from elsewhere.
pub const PACKAGE_PREFIX: &str = "qemu-system-";
/// The oldest QEMU that was seen to boot the lab.
const OLDEST: (u32, u32) = (7, 2);

/// Finds or makes available an emulator.
pub fn ensure(cache: &Cache, consent: Consent) -> Result<Qemu> {
    if let Some(qemu) = installed() {
        return Ok(qemu);
    }
    if let Some(folder) = cache.remembered("qemu-unpacked").map(PathBuf::from)
        && folder.is_dir()
    {
        return usable(unpacked(&folder)?);
    }
    let package = Package { name: PACKAGE.into(), reason: "emulates the lab's machine" };
    if packages::installs_cleanly(&[PACKAGE]) {
        packages::install(&[package], consent)?;
        return installed().with_context(|| format!("{PACKAGE} was installed, and no usable {PROGRAM} is in PATH"));
    }
    unpack(cache)
}

fn installed() -> Option<Qemu> {
    if !command::exists(PROGRAM) {
        return None;
    }
    let qemu = usable(Qemu { program: PROGRAM.into(), libraries: None });
    qemu.inspect_err(|error| eprintln!("not used: {error:#}")).ok()
}

fn unpack(cache: &Cache) -> Result<Qemu> {
    let step = Step::start(format!(
        "{PACKAGE}, unpacked into the cache, since installing it would remove other packages or is impossible"
    ));
    let architecture = apt::machine_architecture()?;
    let apt: PrivateApt = apt::machine_apt(cache, &architecture)?;
    let version = apt.version(PACKAGE)?;
    let version =
        version.with_context(|| format!("no {PACKAGE} in this machine's release: install QEMU 7.2 or newer by hand"))?;
    let wanted = apt.missing_closure(PACKAGE)?;
    let key = Key::default().with("version", &version).with("packages", wanted.join(" "));
    let folder = cache.artifact("qemu", &key, |folder| apt.unpack(&wanted, folder))?;
    cache.remember("qemu-unpacked", &folder.to_string_lossy())?;
    let qemu = usable(unpacked(&folder)?)?;
    step.done(&version);
    Ok(qemu)
}

fn unpacked(folder: &Path) -> Result<Qemu> {
    let mut compiler = Command::new("gcc");
    let triplet = command::output(compiler.arg("-print-multiarch"))?;
    let libraries = ["usr/lib", "lib"].map(|part| folder.join(part).join(triplet.trim()).display().to_string());
    Ok(Qemu { program: folder.join("usr/bin").join(PROGRAM), libraries: Some(libraries.join(":")) })
}

fn usable(qemu: Qemu) -> Result<Qemu> {
    let said = command::output(qemu.command().arg("--version"))?;
    match parse_version(&said) {
        Some(version) if version >= OLDEST => Ok(qemu),
        Some((major, minor)) => bail!("QEMU {major}.{minor} is too old, the lab needs {}.{}", OLDEST.0, OLDEST.1),
        None => bail!("cannot read QEMU's version from {said:?}"),
    }
}

/// The version in `QEMU emulator version 7.2.22 (Debian …)`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (_, version) = text.split_once("version ")?;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_ordered_by_number() {
        let parsed = parse_version("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)\nCopyright");
        assert_eq!(parsed, Some((10, 0)));
        assert!(parsed.unwrap() >= OLDEST);
        assert!(parse_version("QEMU emulator version 5.2.0").unwrap() < OLDEST);
        assert_eq!(parse_version("qemu: error"), None);
    }
}
