//! What a platform is: an emulated machine with a Xen, a Linux and the domains that they run, before any of it is fetched or built.

use super::{Architecture, Clock, Source};

/// An emulated machine, and what boots on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
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
    /// Further arguments of that kernel, in the domain that is profiled.
    pub arguments: &'static str,
    /// Whether dom0 has an importer of dma-bufs with a device: the lab's own module, lab/importer/, and its device-tree node.
    pub importer: bool,
    /// The domains.
    pub domains: Domains,
    /// How bytes leave dom0.
    pub ports: Ports,
    /// The clocks that work, the usual one first.
    pub clocks: &'static [Clock],
}

/// Which Xen: Debian's packages of it, and of its toolstack, have the version in their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hypervisor {
    /// Debian's suite.
    pub suite: &'static str,
    /// The version, as in `4.17`.
    pub version: &'static str,
}

/// Where a kernel comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelSource {
    /// Built here.
    Ours(Ours),
    /// Debian's own, unpacked from its package.
    Debian {
        /// The suite.
        suite: &'static str,
        /// The package that depends on the newest kernel of this kind.
        package: &'static str,
    },
}

/// A kernel of Debian's source, with the options of lab/kernel/ and some more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ours {
    /// Its name in the cache.
    pub name: &'static str,
    /// What it is built from.
    pub source: Source,
    /// Further options.
    pub options: &'static str,
    /// A change of the source.
    pub patch: Option<&'static str>,
}

/// How bytes leave dom0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// By ports of a virtio-serial bus, which dom0 also can have a terminal on.
    Virtio,
    /// By I/O ports, byte by byte: a translated dom0 tells devices other addresses than those of its memory, unless there is an IOMMU.
    Io,
}

/// The domains of a platform. dom0 is always there, and is the one that is profiled where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domains {
    /// dom0 alone, which grants pages to itself.
    Alone,
    /// dom1, which Xen starts at boot and which grants pages to dom0.
    Frontend,
    /// The same, started by Xen's toolstack in dom0, with a disk that dom0's block back end serves.
    Toolstack,
    /// The other way round: dom0 grants pages to a guest of the toolstack, which is profiled, as a driver domain is.
    Guest,
}

impl Domains {
    /// Whether another domain grants pages to the one that is profiled.
    pub fn have_frontend(self) -> bool {
        self != Self::Alone
    }

    /// Whether dom0 has Xen's toolstack, and starts the other domain by it.
    pub fn have_toolstack(self) -> bool {
        matches!(self, Self::Toolstack | Self::Guest)
    }

    /// Whose pages the load generator maps, as it takes it on its command line.
    pub fn source(self) -> &'static [&'static str] {
        match self {
            Self::Alone => &["--self"],
            Self::Frontend | Self::Toolstack => &["--peer", "1"],
            Self::Guest => &["--peer", "0", "--domid", "1"],
        }
    }
}

impl Platform {
    /// The clock to use where `asked` is what was asked for.
    ///
    /// # Errors
    /// When the platform does not work with that clock.
    pub fn clock(&self, asked: Option<Clock>) -> anyhow::Result<Clock> {
        let clock = asked.unwrap_or(self.clocks[0]);
        anyhow::ensure!(
            self.clocks.contains(&clock),
            "the platform {} does not work with --clock {}: use --clock {}",
            self.name,
            clock.name(),
            self.clocks[0].name()
        );
        Ok(clock)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::MAIN, *};

    #[test]
    fn a_clock_that_a_platform_does_not_work_with_is_refused_and_the_other_one_named() {
        let wall_only = Platform { clocks: &[Clock::Wall], ..MAIN.clone() };
        assert_eq!(wall_only.clock(None).unwrap(), Clock::Wall);
        let error = wall_only.clock(Some(Clock::Counted)).unwrap_err().to_string();
        assert_eq!(error, "the platform arm64 does not work with --clock counted: use --clock wall");
    }
}
