//! Finds the emulator of an architecture: one that is installed, else the distribution's, else the distribution's unpacked into the cache.
//!
//! The last is for machines where another QEMU package, from a backport, keeps the distribution's from being installed beside it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    cache::{Cache, Key},
    command,
    fetch::{
        Consent,
        apt::{self, PrivateApt},
        packages::{self, Package},
    },
    platform::Architecture,
    progress::Step,
};

/// QEMU's own packages are unpacked together, even where one of them is installed from elsewhere.
const PACKAGE_PREFIX: &str = "qemu-system-";
/// The oldest QEMU that was seen to boot the lab.
const OLDEST: (u32, u32) = (7, 2);

/// QEMU, and what it needs to be started.
#[derive(Debug, Clone)]
pub struct Qemu {
    /// The program.
    pub program: PathBuf,
    /// Folders with its libraries, if it was unpacked into the cache.
    pub libraries: Option<String>,
}

impl Qemu {
    /// A command that starts it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }
}

/// One of QEMU's emulators.
#[derive(Debug, Clone, Copy)]
struct Emulator {
    program: &'static str,
    package: &'static str,
}

impl Emulator {
    fn of(architecture: Architecture) -> Self {
        match architecture {
            Architecture::Arm64 => Self { program: "qemu-system-aarch64", package: "qemu-system-arm" },
            Architecture::X86_64 => Self { program: "qemu-system-x86_64", package: "qemu-system-x86" },
        }
    }
}

/// Finds or makes available an emulator.
///
/// # Errors
/// When there is none that is new enough, or the person does not agree.
pub fn ensure(cache: &Cache, architecture: Architecture, consent: Consent) -> Result<Qemu> {
    let emulator @ Emulator { program, package } = Emulator::of(architecture);
    if let Some(qemu) = emulator.installed() {
        return Ok(qemu);
    }
    if let Some(folder) = cache.remembered(&emulator.fact()).map(PathBuf::from)
        && folder.is_dir()
    {
        return usable(emulator.unpacked(&folder)?);
    }
    if packages::installs_cleanly(&[package]) {
        let wanted = Package { name: package.into(), reason: "emulates the lab's machine" };
        packages::install(&[wanted], consent)?;
        return emulator.installed().with_context(|| format!("{package} was installed, and no usable {program} is in PATH"));
    }
    emulator.unpack(cache)
}

impl Emulator {
    fn installed(self) -> Option<Qemu> {
        if !command::exists(self.program) {
            return None;
        }
        let qemu = usable(Qemu { program: self.program.into(), libraries: None });
        qemu.inspect_err(|error| eprintln!("not used: {error:#}")).ok()
    }

    /// The fact in the cache with the place where it was unpacked.
    fn fact(self) -> String {
        format!("unpacked-{}", self.package)
    }

    fn unpack(self, cache: &Cache) -> Result<Qemu> {
        let package = self.package;
        let step = Step::start(format!(
            "{package}, unpacked into the cache, since installing it would remove other packages or is impossible"
        ));
        let apt: PrivateApt = apt::machine_apt(cache, &apt::machine_architecture()?)?;
        let version = apt.version(package)?;
        let version =
            version.with_context(|| format!("no {package} in this machine's release: install QEMU 7.2 or newer by hand"))?;
        let wanted = missing(&apt, package)?;
        let key = Key::default().with("version", &version).with("packages", wanted.join(" "));
        let folder = cache.artifact(package, &key, |folder| apt.unpack(&wanted, folder))?;
        cache.remember(&self.fact(), &folder.to_string_lossy())?;
        let qemu = usable(self.unpacked(&folder)?)?;
        step.done(&version);
        Ok(qemu)
    }

    fn unpacked(self, folder: &Path) -> Result<Qemu> {
        let mut compiler = Command::new("gcc");
        let triplet = command::output(compiler.arg("-print-multiarch"))?;
        let libraries = ["usr/lib", "lib"].map(|part| folder.join(part).join(triplet.trim()).display().to_string());
        Ok(Qemu { program: folder.join("usr/bin").join(self.program), libraries: Some(libraries.join(":")) })
    }
}

/// Everything that a package needs and the machine's own dpkg does not have installed, the package included.
fn missing(apt: &PrivateApt, package: &str) -> Result<Vec<String>> {
    let needed = apt.closure(&[package])?;
    let installed = packages::installed()?;
    Ok(needed.into_iter().filter(|name| name.starts_with(PACKAGE_PREFIX) || !installed.contains(name)).collect())
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
