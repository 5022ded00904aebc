//! The sources of the kernels that are built here, and which of the lab's options each of them does not have.

/// A source of Linux, as Debian packages it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Debian's suite.
    pub suite: &'static str,
    /// The version that is in the package's name, as in `6.12`.
    pub version: &'static str,
    /// Options of lab/kernel/ that this version does not take, with the reason.
    pub lacks: &'static [(&'static str, &'static str)],
}

impl Source {
    /// The package with the source.
    pub fn package(self) -> String {
        format!("linux-source-{}", self.version)
    }
}

/// Has fentry on arm64, which needs 6.4, and is what Debian 13 runs.
pub const LINUX_6_12: Source = Source { suite: "trixie", version: "6.12", lacks: &[] };

/// The oldest that can be profiled, as Debian 11 packages it.
pub const LINUX_5_10: Source =
    Source { suite: "bullseye", version: "5.10", lacks: &[("CONFIG_CMA_SYSFS=y", "mm/Kconfig has it from 5.13 on")] };

/// The newest that Debian packages.
pub const NEWEST: Source = Source {
    suite: "trixie-backports",
    version: "7.3",
    lacks: &[
        (
            "CONFIG_PREEMPT_NONE=y",
            "kernel/Kconfig.preempt has it for architectures that cannot be preempted; the others are lazily",
        ),
        ("CONFIG_PROC_SYSCTL=y", "fs/proc/Kconfig no longer has it; /proc/sys comes with CONFIG_SYSCTL"),
        ("CONFIG_XEN_PVHVM=y", "arch/x86/xen/Kconfig no longer has it; CONFIG_XEN_PVHVM_GUEST is all"),
        ("CONFIG_XEN_PVHVM_SMP=y", "arch/x86/xen/Kconfig no longer has it; CONFIG_XEN_PVHVM_GUEST is all"),
    ],
};
