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

use anyhow::{Context, Result, bail};

use crate::{
    bench::{BenchSpec, Domains},
    boot::machine::Qemu,
    cache::Cache,
    guest, kernel,
};

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
    /// Rust for BPF and for the lab's domains.
    pub rust: rust::CrossRust,
    /// The linker of the probes.
    pub bpf_linker: PathBuf,
}

/// A bench with everything that it boots from.
#[derive(Debug)]
pub struct Bench {
    /// What it is made of.
    pub spec: &'static BenchSpec,
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

/// What a bench has beside the others where the toolstack starts the guest.
#[derive(Debug)]
pub struct Toolstack {
    /// The toolstack, as a tree of files.
    pub tree: PathBuf,
    /// What both domains use the guest's devices with, by the names that it gets in /bin.
    pub programs: Vec<(&'static str, PathBuf)>,
}

/// Makes the compilers available; what `benches` will ask for is asked now.
pub fn compilers(cache: &Cache, consent: Consent, benches: &[&BenchSpec]) -> Result<Compilers> {
    let rust = ask(cache, consent, benches)?;
    let bpf_linker = bpf_linker::ensure(cache, &rust)?;
    Ok(Compilers { rust, bpf_linker })
}

/// Makes what a bench boots from available.
pub fn bench(cache: &Cache, consent: Consent, spec: &'static BenchSpec) -> Result<Bench> {
    ask(cache, consent, &[spec])?;
    let architecture = spec.architecture;
    let provide = || -> Result<Bench> {
        Ok(Bench {
            spec,
            qemu: qemu::ensure(cache, architecture, consent)?,
            hypervisor: guest::downloads::hypervisor(cache, spec)?,
            busybox: guest::downloads::busybox(cache, architecture)?,
            kernel: kernel::ensure(cache, spec)?,
            toolstack: match spec.domains {
                Domains::Toolstack => Some(Toolstack {
                    tree: guest::toolstack::ensure(cache, architecture)?,
                    programs: guest::in_c::ensure(cache, architecture)?,
                }),
                Domains::Alone | Domains::Frontend => None,
            },
        })
    };
    provide().with_context(|| format!("the bench {} cannot be had", spec.name))
}

/// Asks everything that there is to ask, so that nobody has to wait for a question; the long steps come after it.
fn ask(cache: &Cache, consent: Consent, benches: &[&BenchSpec]) -> Result<rust::CrossRust> {
    packages::install(&packages::missing(packages::for_everyone())?, consent)?;
    let rust = rust::ensure(cache, consent)?;
    bpf_linker::ensure_packages(cache, &rust, consent)?;
    for bench in benches {
        qemu::ensure(cache, bench.architecture, consent)?;
    }
    Ok(rust)
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
