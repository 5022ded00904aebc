//! The distribution's packages that the lab needs, each with its reason, and their installation.

use std::{collections::BTreeSet, process::Command};

use anyhow::{Context, Result, bail};

use super::consent::Consent;
use crate::{command, progress::Step};

/// A package, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Why it is needed.
    pub reason: &'static str,
}

impl Package {
    fn new(name: impl Into<String>, reason: &'static str) -> Self {
        Self { name: name.into(), reason }
    }
}

/// What every machine needs.
pub fn for_everyone() -> Vec<Package> {
    [
        ("gcc", "compiles the tools that build the kernel"),
        ("g++", "links bpf-linker with LLVM's C++"),
        ("libc6-dev", "headers for the above, and the C library in the lab's static x86-64 programs"),
        ("make", "builds the kernel"),
        ("gcc-aarch64-linux-gnu", "compiles the kernel and links the lab's arm64 programs"),
        ("libc6-dev-arm64-cross", "the C library in the lab's static arm64 programs"),
        ("bc", "the kernel's build computes its timer constants with it"),
        ("bison", "the kernel's build makes the parser of its options with it"),
        ("flex", "the kernel's build makes the scanner of its options with it"),
        ("libelf-dev", "the kernel's build reads its own objects with it"),
        ("libssl-dev", "the kernel's build compiles its certificate tools against it"),
        ("dwarves", "makes the kernel's BTF, which the probes need"),
        ("xz-utils", "unpacks the kernel's source, and modules of Debian's kernels"),
        ("zstd", "unpacks the x86-64 kernels of Debian 13"),
        ("patch", "changes the source of the kernel of some platforms"),
        ("device-tree-compiler", "describes the domains to Xen on arm64"),
        ("debian-archive-keyring", "checks the signatures of what is downloaded"),
    ]
    .map(|(name, reason)| Package::new(name, reason))
    .to_vec()
}

/// The distribution's Rust, where rustup can fetch nothing.
pub fn for_debian_rust() -> Vec<Package> {
    [
        ("rustc-web", "compiles probes and the lab's programs, since rustup fetches no toolchain here"),
        ("cargo-web", "the cargo that belongs to it"),
        ("rust-web-src", "the source of Rust's core, which the probes are built with"),
    ]
    .map(|(name, reason)| Package::new(name, reason))
    .to_vec()
}

/// What bpf-linker is built against.
pub fn for_bpf_linker(llvm: u32) -> Vec<Package> {
    vec![
        Package::new(format!("llvm-{llvm}-dev"), "bpf-linker is built against the LLVM that this Rust uses"),
        Package::new(format!("libpolly-{llvm}-dev"), "that LLVM refers to it"),
        Package::new("zlib1g-dev", "that LLVM is linked with it"),
        Package::new("libzstd-dev", "that LLVM is linked with it"),
    ]
}

/// The names of all installed packages of this machine's architecture.
///
/// # Errors
/// When dpkg cannot be asked.
pub fn installed() -> Result<BTreeSet<String>> {
    let mut ask = Command::new("dpkg-query");
    ask.args(["-W", "-f", "${db:Status-Status} ${Package}\n"]);
    let text = command::output(&mut ask).context("cannot ask dpkg what is installed: the lab is built on Debian")?;
    Ok(parse_installed(&text))
}

fn parse_installed(text: &str) -> BTreeSet<String> {
    let names = text.lines().filter_map(|line| line.strip_prefix("installed "));
    names.map(str::to_owned).collect()
}

/// Those of the wanted packages that are not installed.
///
/// # Errors
/// When dpkg cannot be asked.
pub fn missing(wanted: Vec<Package>) -> Result<Vec<Package>> {
    let installed = installed()?;
    Ok(wanted.into_iter().filter(|package| !installed.contains(&package.name)).collect())
}

/// Whether apt could install a package now, without removing another.
pub fn installs_cleanly(names: &[&str]) -> bool {
    let mut simulate = Command::new("apt-get");
    simulate.env("LC_ALL", "C");
    simulate.args(["--simulate", "--no-install-recommends", "install"]).args(names);
    command::output(&mut simulate).is_ok_and(|plan| !removes(&plan))
}

fn removes(plan: &str) -> bool {
    plan.lines().any(|line| line.starts_with("Remv "))
}

/// Installs packages with the system's apt, if the person agrees.
///
/// # Errors
/// When the person does not agree, or apt fails.
pub fn install(packages: &[Package], consent: Consent) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let by_hand = format!("apt-get install --no-install-recommends {}", names.join(" "));
    eprintln!("these packages of your distribution are missing:");
    for Package { name, reason } in packages {
        eprintln!("  {name:<24} {reason}");
    }
    consent.ask(&format!("install them ({by_hand})?"))?;
    let step = Step::start("packages");
    if !installs_cleanly(&names) {
        step.note("reading the package lists");
        apt_get(&["update"], &step).context("cannot update apt's package lists")?;
    }
    if !installs_cleanly(&names) {
        bail!("apt cannot install these packages without removing others: see `apt-get --simulate install {}`", names.join(" "));
    }
    step.set_total(2 * packages.len() as u64, "packages");
    let mut arguments = vec!["--yes", "--no-install-recommends", "install"];
    arguments.extend(&names);
    apt_get(&arguments, &step).with_context(|| format!("to try it by hand: {by_hand}"))?;
    step.done(&format!("{} installed", names.len()));
    Ok(())
}

fn apt_get(arguments: &[&str], step: &Step) -> Result<()> {
    let mut apt = if nix::unistd::geteuid().is_root() {
        Command::new("apt-get")
    } else if command::exists("sudo") {
        // -n: a password prompt would be lost behind the pipes.
        command::run(Command::new("sudo").arg("-v")).context("sudo is needed to install packages")?;
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        sudo
    } else {
        bail!("installing packages needs root, and there is no sudo: run as root `apt-get {}`", arguments.join(" "));
    };
    apt.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C").args(arguments);
    let (mut position, mut total) = (0, 0);
    command::lines(&mut apt, |line| {
        if let Some(count) = newly_installed(line) {
            // Each is unpacked and then set up.
            total = 2 * count;
            step.set_total(total, "steps");
        }
        if line.starts_with("Unpacking ") || line.starts_with("Setting up ") {
            position += 1;
            step.set_position(position.min(total));
        }
        step.note(line);
    })
}

/// The count in `0 upgraded, 12 newly installed, 0 to remove and 3 not upgraded.`
fn newly_installed(line: &str) -> Option<u64> {
    let (before, _) = line.split_once(" newly installed")?;
    before.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fully_installed_packages_count() {
        let text = "installed gcc\nconfig-files flex\nnot-installed bison\n";
        assert_eq!(parse_installed(text), BTreeSet::from(["gcc".to_owned()]));
    }

    #[test]
    fn a_plan_that_removes_a_package_is_recognised() {
        assert!(removes("Inst qemu-system-arm (1:7.2)\nRemv qemu-utils [1:10.0]\n"));
        assert!(!removes("Inst qemu-system-arm (1:7.2)\nConf qemu-system-arm (1:7.2)\n"));
    }

    #[test]
    fn apts_count_of_new_packages_is_read() {
        let line = "0 upgraded, 61 newly installed, 0 to remove and 3 not upgraded.";
        assert_eq!(newly_installed(line), Some(61));
        assert_eq!(newly_installed("Setting up bc"), None);
    }

    #[test]
    fn every_package_has_a_reason_and_is_listed_once() {
        let all = [for_everyone(), for_debian_rust(), for_bpf_linker(22)].concat();
        let names: BTreeSet<_> = all.iter().map(|package| &package.name).collect();
        assert_eq!(names.len(), all.len());
        assert!(all.iter().all(|package| !package.reason.is_empty()));
    }
}
