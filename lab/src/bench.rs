//! The benches: every machine and kernel that the lab can boot, each a value of one type.
//!
//! To add one: a value in [`ALL`], and a check in checks/benches.rs.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::{architecture::Architecture, clock::Clock};

/// What a bench is made of, before any of it is fetched or built; [`crate::setup::Bench`] is what it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BenchSpec {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is there for, in a few words.
    pub summary: &'static str,
    /// The emulated machine's architecture.
    pub architecture: Architecture,
    /// The emulated processor, as QEMU names it.
    pub processor: &'static str,
    /// Xen.
    pub hypervisor: Hypervisor,
    /// Further arguments of Xen's.
    pub xen_arguments: &'static str,
    /// Linux.
    pub kernel: KernelSource,
    /// Further arguments of that kernel.
    pub arguments: &'static str,
    /// What dom0's kernel has to have, loaded before anything else if it is a module.
    pub modules: &'static [&'static str],
    /// The domains.
    pub domains: Domains,
    /// The clocks that work, the usual one first.
    pub clocks: &'static [Clock],
}

/// Xen's package, and the file in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hypervisor {
    /// The package.
    pub package: &'static str,
    /// Its path in the package; with `.gz` at the end it is unpacked.
    pub file: &'static str,
}

/// Where a kernel comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelSource {
    /// Built here: Debian's source, with lab/kernel.config and these options on top of it.
    Ours {
        /// Further options.
        options: &'static str,
    },
    /// Debian's own, unpacked from its package.
    Debian {
        /// The suite.
        suite: &'static str,
        /// The package that depends on the newest kernel of this kind.
        package: &'static str,
    },
}

/// The domains of a bench. dom0 is always there, and is the one that is profiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domains {
    /// dom0 alone, which grants pages to itself.
    Alone,
    /// dom1, which Xen starts at boot and which grants pages to dom0.
    Frontend,
    /// The same, started by Xen's toolstack in dom0, with a disk that dom0's block back end serves.
    Toolstack,
}

impl Domains {
    /// Whether there is a dom1 that grants pages to dom0.
    pub fn have_frontend(self) -> bool {
        self != Self::Alone
    }
}

const XEN_ARM64: Hypervisor = Hypervisor { package: "xen-hypervisor-4.17-arm64", file: "boot/xen-4.17-arm64" };
const XEN_X86_64: Hypervisor = Hypervisor { package: "xen-hypervisor-4.17-amd64", file: "boot/xen-4.17-amd64.gz" };

/// The counter that the guests read their time from ticks every nanosecond. With the default of 62.5 MHz the median of an
/// operation of 2 µs could only move in steps of 0.8 %, more than two runs may differ.
const CORTEX_A57: &str = "cortex-a57,cntfrq=1000000000";
/// The A57 has no pages of 16 KiB.
const CORTEX_A76: &str = "cortex-a76,cntfrq=1000000000";

/// Without what QEMU only pretends to do: MONITOR does not wait, and with SMAP version 7.2 faults where Xen hands dom0 an exception
/// (`create_bounce_frame` in xen/arch/x86/x86_64/entry.S), although Xen has lifted it there.
const EPYC: &str = "EPYC,-monitor,-smap";
/// Without the self-tests of Debian's ciphers, which are a fifth of the time that its kernel needs to boot.
const QUICKLY: &str = "cryptomgr.notests";

const BOTH_CLOCKS: &[Clock] = &[Clock::Counted, Clock::Wall];

/// What Debian's arm64 kernels have as modules. The last two are the ports that results leave by.
const MODULES_ARM64: &[&str] =
    &["xen-gntdev", "xen-gntalloc", "xen-evtchn", "xen-privcmd", "xenfs", "virtio_mmio", "virtio_console"];
/// The same for x86-64, where virtio devices are on the PCI bus.
const MODULES_X86_64: &[&str] =
    &["xen-gntdev", "xen-gntalloc", "xen-evtchn", "xen-privcmd", "xenfs", "virtio_pci", "virtio_console"];

/// The bench that is meant where none is named: the one with DMA buffers and a second domain.
pub const MAIN: &BenchSpec = &ALL[0];

/// All benches.
pub const ALL: &[BenchSpec] = &[
    BenchSpec {
        name: "arm64",
        summary: "our own 6.12 with DMA buffers, and a second domain that grants",
        architecture: Architecture::Arm64,
        processor: CORTEX_A57,
        hypervisor: XEN_ARM64,
        xen_arguments: "",
        kernel: KernelSource::Ours { options: "" },
        arguments: "",
        modules: &[],
        domains: Domains::Frontend,
        clocks: BOTH_CLOCKS,
    },
    BenchSpec {
        name: "x86-pv",
        summary: "a paravirtualised dom0 with Debian's 6.1: gntdev is a module, no dma-bufs",
        architecture: Architecture::X86_64,
        processor: EPYC,
        hypervisor: XEN_X86_64,
        xen_arguments: "",
        kernel: KernelSource::Debian { suite: "bookworm", package: "linux-image-amd64" },
        arguments: QUICKLY,
        modules: MODULES_X86_64,
        domains: Domains::Alone,
        clocks: BOTH_CLOCKS,
    },
    BenchSpec {
        name: "arm64-stock-6.1",
        summary: "Debian's 6.1: gntdev is a module, no dma-bufs, no fentry",
        architecture: Architecture::Arm64,
        processor: CORTEX_A57,
        hypervisor: XEN_ARM64,
        xen_arguments: "",
        kernel: KernelSource::Debian { suite: "bookworm", package: "linux-image-arm64" },
        arguments: QUICKLY,
        modules: MODULES_ARM64,
        domains: Domains::Alone,
        clocks: BOTH_CLOCKS,
    },
    BenchSpec {
        name: "arm64-16k",
        summary: "Debian's 6.12 with pages of 16 KiB: gntdev is a module, no dma-bufs",
        architecture: Architecture::Arm64,
        processor: CORTEX_A76,
        hypervisor: XEN_ARM64,
        xen_arguments: "",
        kernel: KernelSource::Debian { suite: "trixie", package: "linux-image-arm64-16k" },
        arguments: QUICKLY,
        modules: MODULES_ARM64,
        domains: Domains::Alone,
        clocks: BOTH_CLOCKS,
    },
    BenchSpec {
        name: "toolstack",
        summary: "our own 6.12 with Xen's toolstack in dom0, which starts a guest on a paravirtualised disk",
        architecture: Architecture::Arm64,
        processor: CORTEX_A57,
        hypervisor: XEN_ARM64,
        xen_arguments: "",
        kernel: KernelSource::Ours { options: "" },
        arguments: "",
        modules: &[],
        domains: Domains::Toolstack,
        clocks: BOTH_CLOCKS,
    },
    BenchSpec {
        name: "arm64-tight",
        summary: "our own 6.12 on a Xen whose grant table and maptrack are full soon",
        architecture: Architecture::Arm64,
        processor: CORTEX_A57,
        hypervisor: XEN_ARM64,
        xen_arguments: "gnttab_max_frames=4 gnttab_max_maptrack_frames=1",
        kernel: KernelSource::Ours { options: "" },
        arguments: "",
        modules: &[],
        domains: Domains::Alone,
        clocks: BOTH_CLOCKS,
    },
    BenchSpec {
        name: "arm64-64k",
        summary: "our own 6.12 with pages of 64 KiB and DMA buffers",
        architecture: Architecture::Arm64,
        processor: CORTEX_A57,
        hypervisor: XEN_ARM64,
        xen_arguments: "",
        kernel: KernelSource::Ours { options: "CONFIG_ARM64_64K_PAGES=y\n" },
        arguments: "",
        modules: &[],
        domains: Domains::Alone,
        clocks: BOTH_CLOCKS,
    },
];

impl BenchSpec {
    /// The bench of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|bench| bench.name == name)
    }

    /// The clock to use where `asked` is what was asked for.
    ///
    /// # Errors
    /// When the bench does not work with that clock.
    pub fn clock(&self, asked: Option<Clock>) -> anyhow::Result<Clock> {
        let clock = asked.unwrap_or(self.clocks[0]);
        anyhow::ensure!(
            self.clocks.contains(&clock),
            "the bench {} does not work with --clock {}: use --clock {}",
            self.name,
            clock.name(),
            self.clocks[0].name()
        );
        Ok(clock)
    }
}

/// Takes a bench's name on the command line; its help lists them.
pub fn parser() -> impl TypedValueParser<Value = &'static BenchSpec> {
    let names = ALL.iter().map(|bench| PossibleValue::new(bench.name).help(bench.summary));
    PossibleValuesParser::new(names).try_map(|name| BenchSpec::named(&name).ok_or_else(|| format!("there is no bench {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bench_is_found_by_its_own_name() {
        for bench in ALL {
            // Of two with the same name, the second would not be found.
            assert_eq!(BenchSpec::named(bench.name), Some(bench));
        }
        assert_eq!(BenchSpec::named("arm32"), None);
    }

    #[test]
    fn every_bench_is_in_the_documents_table() {
        let document = include_str!("../../docs/lab.md");
        let rows: Vec<_> = document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).collect();
        let names: Vec<_> = rows.iter().map(|(name, _)| *name).collect();
        for bench in ALL {
            assert_eq!(names.iter().filter(|name| **name == bench.name).count(), 1, "{} in {names:?}", bench.name);
        }
        assert_eq!(names.len(), ALL.len(), "docs/lab.md names benches that there are not: {names:?}");
    }

    #[test]
    fn a_clock_that_a_bench_does_not_work_with_is_refused_and_the_other_one_named() {
        let wall_only = BenchSpec { clocks: &[Clock::Wall], ..MAIN.clone() };
        assert_eq!(wall_only.clock(None).unwrap(), Clock::Wall);
        let error = wall_only.clock(Some(Clock::Counted)).unwrap_err().to_string();
        assert_eq!(error, "the bench arm64 does not work with --clock counted: use --clock wall");
    }
}
