//! Makes everything available that the lab is built from, and says what and why before it touches the system.

pub mod apt;
pub mod bpf_linker;
pub mod packages;
pub mod qemu;
pub mod rust;

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
};

use anyhow::{Result, bail};

use crate::{boot::machine::Qemu, cache::Cache, guest, kernel};

/// Whether the person has agreed that the system be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Ask each time.
    Ask,
    /// Agreed to everything, by `--yes` or on a build machine.
    Given,
}

impl Consent {
    /// Consent by `--yes`, or by the variable CI, which build machines set.
    pub fn new(yes: bool) -> Self {
        let on_a_build_machine = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        if yes || on_a_build_machine { Self::Given } else { Self::Ask }
    }

    /// Asks a question.
    ///
    /// # Errors
    /// When the answer is no, or nobody can answer.
    pub fn ask(self, question: &str) -> Result<()> {
        if self == Self::Given {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            bail!("{question} Nobody can answer here: give --yes to agree");
        }
        eprint!("{question} [y/N] ");
        std::io::stderr().flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if is_yes(&answer) {
            return Ok(());
        }
        bail!("not done, as you wish: without it the lab cannot be built")
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// What compiles our own programs.
#[derive(Debug)]
pub struct Compilers {
    /// Rust for BPF and for arm64.
    pub rust: rust::CrossRust,
    /// The linker of the probes.
    pub bpf_linker: PathBuf,
}

/// What boots.
#[derive(Debug)]
pub struct Bench {
    /// The emulator.
    pub qemu: Qemu,
    /// Xen.
    pub hypervisor: PathBuf,
    /// Linux.
    pub kernel: kernel::Kernel,
    /// Busybox for arm64.
    pub busybox: PathBuf,
}

/// Makes the compilers available.
pub fn compilers(cache: &Cache, consent: Consent) -> Result<Compilers> {
    let System { rust, .. } = system(cache, consent)?;
    let bpf_linker = bpf_linker::ensure(cache, &rust)?;
    Ok(Compilers { rust, bpf_linker })
}

/// Makes what boots available.
pub fn bench(cache: &Cache, consent: Consent) -> Result<Bench> {
    let System { qemu, .. } = system(cache, consent)?;
    Ok(Bench {
        qemu,
        hypervisor: guest::downloads::hypervisor(cache)?,
        busybox: guest::downloads::busybox(cache)?,
        kernel: kernel::ensure(cache)?,
    })
}

/// What comes from outside the cache.
struct System {
    rust: rust::CrossRust,
    qemu: Qemu,
}

/// Asks everything that there is to ask, so that nobody has to wait for a question; the long steps come after it.
fn system(cache: &Cache, consent: Consent) -> Result<System> {
    packages::install(&packages::missing(packages::for_everyone())?, consent)?;
    let rust = rust::ensure(cache, consent)?;
    bpf_linker::ensure_packages(cache, &rust, consent)?;
    let qemu = qemu::ensure(cache, consent)?;
    Ok(System { rust, qemu })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_is_consent() {
        assert!(is_yes("y\n") && is_yes("Yes\n"));
        assert!(!is_yes("\n") && !is_yes("no\n") && !is_yes("maybe y\n"));
    }
}
