//! The table of platforms: every machine and kernel that the lab can boot, each a value of one type.
//!
//! To add one: a value in [`ALL`], a row in docs/lab.md, and a check in checks/platforms.rs.

use anyhow::{Context, Result};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::{Architecture, Clock, Domains, Hypervisor, KernelSource, Ours, Platform, Ports, sources};

const XEN_4_17: Hypervisor = Hypervisor { suite: "bookworm", version: "4.17" };
const XEN_4_20: Hypervisor = Hypervisor { suite: "trixie", version: "4.20" };

/// The counter that the guests read their time from ticks every nanosecond. With the default of 62.5 MHz the median of an
/// operation of 2 µs could only move in steps of 0.8 %, more than two runs may differ.
const CORTEX_A57: &str = "cortex-a57,cntfrq=1000000000";
/// The A57 has no pages of 16 KiB.
const CORTEX_A76: &str = "cortex-a76,cntfrq=1000000000";

/// Without what QEMU only pretends to do: MONITOR does not wait, and with SMAP version 7.2 faults where Xen hands dom0 an exception
/// (`create_bounce_frame` in xen/arch/x86/x86_64/entry.S), although Xen has lifted it there.
const EPYC: &str = "EPYC,-monitor,-smap";
/// A PVH domain's: Xen runs it by SVM, with pages that are nested. QEMU does not tell Xen what a domain writes to XCR0, so there is no XSAVE.
/// INVTSC keeps Xen from trapping what reads the time (12.85 µs each time); to
/// have it, QEMU takes all features at their word, so those that it has not are left out by name.
macro_rules! nested {
    ($without:literal) => {
        concat!(
            "EPYC,+svm,+npt,-monitor,",
            $without,
            "-rdtscp,+invtsc,-fxsr-opt,-misalignsse,-osvw,-topoext,-nrip-save,-xsave,-xsavec,x-force-features=on"
        )
    };
}
const EPYC_NESTED: &str = nested!("");
/// The same for a PVH domain beside a paravirtualised dom0.
const EPYC_NESTED_PV: &str = nested!("-smap,");
/// Without the self-tests of Debian's ciphers, which are a fifth of the time that its kernel needs to boot.
const QUICKLY: &str = "cryptomgr.notests";

const BOTH_CLOCKS: &[Clock] = &[Clock::Counted, Clock::Wall];

/// The kernel of most platforms.
const KERNEL: Ours = Ours { name: "kernel", source: sources::LINUX_6_12, options: "", patch: None };
/// The kernel of translated domains on x86-64.
const KERNEL_X86_64: Ours =
    Ours { name: "kernel-x86-64", patch: Some(include_str!("../../kernel/gntdev-translated.patch")), ..KERNEL };

/// A kernel of our own configuration on arm64, with dom0 alone.
const OURS: Platform = Platform {
    name: "",
    summary: "",
    architecture: Architecture::Arm64,
    processor: CORTEX_A57,
    hypervisor: XEN_4_17,
    xen_arguments: "",
    kernel: KernelSource::Ours(KERNEL),
    arguments: "",
    importer: false,
    domains: Domains::Alone,
    ports: Ports::Virtio,
    clocks: BOTH_CLOCKS,
};

/// A kernel of Debian's on arm64, with dom0 alone.
const STOCK: Platform =
    Platform { kernel: KernelSource::Debian { suite: "bookworm", package: "linux-image-arm64" }, arguments: QUICKLY, ..OURS };

/// The platform that is meant where none is named: the one with DMA buffers and a second domain.
pub const MAIN: &Platform = &ALL[0];

/// The same, booted without the contiguous memory allocator: the last of its arguments counts.
pub const WITHOUT_CMA: Platform = Platform { name: "arm64-without-cma", domains: Domains::Frontend, arguments: "cma=0", ..OURS };

/// All platforms.
pub const ALL: &[Platform] = &[
    Platform {
        name: "arm64",
        summary: "our own 6.12 with DMA buffers, and a second domain that grants",
        domains: Domains::Frontend,
        ..OURS
    },
    Platform {
        name: "arm64-device",
        summary: "the same with an importer of dma-bufs that has a device, for which swiotlb-xen maps",
        domains: Domains::Frontend,
        importer: true,
        // Slots of 2 KiB: 2 MiB on a machine of any size, which a check can fill.
        arguments: "swiotlb=1024",
        ..OURS
    },
    Platform {
        name: "x86-pv",
        summary: "a paravirtualised dom0 with Debian's 6.1: gntdev is a module, no dma-bufs",
        architecture: Architecture::X86_64,
        processor: EPYC,
        kernel: KernelSource::Debian { suite: "bookworm", package: "linux-image-amd64" },
        ..STOCK
    },
    Platform {
        name: "x86-pv-preempt",
        summary: "a paravirtualised dom0 with Debian's 6.12, whose kernel is preempted at any time",
        architecture: Architecture::X86_64,
        processor: EPYC,
        kernel: KernelSource::Debian { suite: "trixie", package: "linux-image-amd64" },
        arguments: "cryptomgr.notests preempt=full",
        clocks: &[Clock::Wall],
        ..STOCK
    },
    Platform {
        name: "arm64-stock-5.10",
        summary: "Debian's 5.10, as boards run it: gntdev is a module, no dma-bufs, no fentry",
        kernel: KernelSource::Debian { suite: "bullseye", package: "linux-image-arm64" },
        ..STOCK
    },
    Platform { name: "arm64-stock-6.1", summary: "Debian's 6.1: gntdev is a module, no dma-bufs, no fentry", ..STOCK },
    Platform {
        name: "arm64-16k",
        summary: "Debian's 6.12 with pages of 16 KiB: gntdev is a module, no dma-bufs",
        processor: CORTEX_A76,
        kernel: KernelSource::Debian { suite: "trixie", package: "linux-image-arm64-16k" },
        ..STOCK
    },
    Platform {
        name: "toolstack",
        summary: "our own 6.12 with Xen's toolstack in dom0, which starts a guest on a paravirtualised disk",
        domains: Domains::Toolstack,
        ..OURS
    },
    Platform {
        name: "arm64-tight",
        summary: "our own 6.12 on a Xen whose grant table and maptrack are full soon",
        xen_arguments: "gnttab_max_frames=4 gnttab_max_maptrack_frames=1",
        ..OURS
    },
    Platform {
        name: "arm64-64k",
        summary: "our own 6.12 with pages of 64 KiB and DMA buffers",
        kernel: KernelSource::Ours(Ours { name: "kernel-64k", options: "CONFIG_ARM64_64K_PAGES=y\n", ..KERNEL }),
        ..OURS
    },
    Platform {
        name: "arm64-rt",
        summary: "our own 6.12 as a real-time kernel (PREEMPT_RT), which is preempted at any time, within its locks too",
        kernel: KernelSource::Ours(Ours {
            name: "kernel-rt",
            options: "CONFIG_PREEMPT_NONE=n\nCONFIG_EXPERT=y\nCONFIG_PREEMPT_RT=y\n",
            ..KERNEL
        }),
        clocks: &[Clock::Wall],
        ..OURS
    },
    Platform {
        name: "x86-pv-ours",
        summary: "a paravirtualised dom0 with the kernel of x86-pvh: gntdev has dma-bufs, and refuses every export",
        architecture: Architecture::X86_64,
        processor: EPYC,
        kernel: KernelSource::Ours(KERNEL_X86_64),
        ..OURS
    },
    Platform {
        name: "arm64-ours-5.10",
        summary: "our own configuration on Debian 11's 5.10: gntdev built in, DMA buffers, no fentry",
        // Its tinyconfig chooses neither debug information nor the usual allocator, as later ones do.
        kernel: KernelSource::Ours(Ours {
            name: "kernel-5.10",
            source: sources::LINUX_5_10,
            options: "CONFIG_DEBUG_INFO=y\nCONFIG_SLOB=n\nCONFIG_SLUB=y\n",
            ..KERNEL
        }),
        ..OURS
    },
    Platform {
        name: "arm64-newest",
        summary: "our own configuration on Debian's newest Linux and Xen: preempted lazily",
        hypervisor: XEN_4_20,
        kernel: KernelSource::Ours(Ours { name: "kernel-newest", source: sources::NEWEST, ..KERNEL }),
        ..OURS
    },
    Platform {
        name: "arm64-stock-newest",
        summary: "Debian's newest Linux and Xen: gntdev is a module, no dma-bufs",
        hypervisor: XEN_4_20,
        kernel: KernelSource::Debian { suite: sources::NEWEST.suite, package: "linux-image-arm64" },
        ..STOCK
    },
    Platform {
        name: "x86-pv-newest",
        summary: "a paravirtualised dom0 with Debian's newest Linux and Xen: gntdev is a module, no dma-bufs",
        architecture: Architecture::X86_64,
        processor: EPYC,
        hypervisor: XEN_4_20,
        kernel: KernelSource::Debian { suite: sources::NEWEST.suite, package: "linux-image-amd64" },
        ..STOCK
    },
    Platform { name: "x86-pvh", summary: "a PVH dom0 with our own 6.12, changed so that it can export, and a PVH guest", ..PVH },
    Platform {
        name: "x86-pvh-guest",
        summary: "a PVH guest with that kernel is profiled, as a driver domain, and a paravirtualised dom0 grants to it",
        processor: EPYC_NESTED_PV,
        xen_arguments: "",
        arguments: "",
        domains: Domains::Guest,
        ports: Ports::Virtio,
        ..PVH
    },
];

/// A PVH dom0 with a PVH guest.
const PVH: Platform = Platform {
    architecture: Architecture::X86_64,
    processor: EPYC_NESTED,
    hypervisor: XEN_4_20,
    // There is no IOMMU.
    xen_arguments: "dom0=pvh dom0-iommu=none",
    kernel: KernelSource::Ours(KERNEL_X86_64),
    arguments: "noapic acpi=off gs.ports=io",
    domains: Domains::Toolstack,
    ports: Ports::Io,
    clocks: &[Clock::Counted],
    ..OURS
};

/// The platform of this name.
///
/// # Errors
/// When there is none.
pub fn named(name: &str) -> Result<&'static Platform> {
    ALL.iter().find(|platform| platform.name == name).with_context(|| format!("there is no platform {name}"))
}

/// Takes a platform's name on the command line; its help lists them.
pub fn parser() -> impl TypedValueParser<Value = &'static Platform> {
    let names = ALL.iter().map(|platform| PossibleValue::new(platform.name).help(platform.summary));
    PossibleValuesParser::new(names).try_map(|name| named(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_is_found_by_its_own_name() {
        for platform in ALL {
            // Of two with the same name, the second would not be found.
            assert_eq!(named(platform.name).ok(), Some(platform));
        }
        assert!(named("arm32").is_err());
    }

    #[test]
    fn every_platform_is_in_the_documents_table() {
        let document = include_str!("../../../docs/lab.md");
        let (_, section) = document.split_once("\n## Platforms\n").expect("docs/lab.md has a section on them");
        let section = section.split("\n## ").next().unwrap_or_default();
        let rows: Vec<_> = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).collect();
        let names: Vec<_> = rows.iter().map(|(name, _)| *name).collect();
        for platform in ALL {
            assert_eq!(names.iter().filter(|name| **name == platform.name).count(), 1, "{} in {names:?}", platform.name);
        }
        assert_eq!(names.len(), ALL.len(), "docs/lab.md names platforms that there are not: {names:?}");
    }
}
