//! The architectures that the lab emulates, by the names that Debian, Rust, ELF and the probes have for them.

/// A processor's architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Architecture {
    /// 64-bit Arm.
    Arm64,
    /// 64-bit x86.
    #[value(name = "x86-64")]
    X86_64,
}

impl Architecture {
    /// All that programs are built for.
    pub const ALL: [Self; 2] = [Self::Arm64, Self::X86_64];

    /// The name in our own folders and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86-64",
        }
    }

    /// Debian's name.
    pub fn debian(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "amd64",
        }
    }

    /// Rust's target for static programs with GNU's C library: the same for every source of its std, so that the programs are the same, too.
    pub fn rust_target(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::X86_64 => "x86_64-unknown-linux-gnu",
        }
    }

    /// The name by which probes know how a kernel of this architecture passes arguments.
    pub fn probes(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64",
            Self::X86_64 => "x86_64",
        }
    }

    /// The machine's number in the header of an ELF file.
    pub fn elf_machine(self) -> u16 {
        match self {
            Self::Arm64 => object::elf::EM_AARCH64,
            Self::X86_64 => object::elf::EM_X86_64,
        }
    }

    /// What dom0 needs of a kernel that has it as modules, as Debian's have. The last two are the ports that results leave by: virtio
    /// devices are on the PCI bus of a PC.
    pub fn modules(self) -> &'static [&'static str] {
        match self {
            Self::Arm64 => &["xen-gntdev", "xen-gntalloc", "xen-evtchn", "xen-privcmd", "xenfs", "virtio_mmio", "virtio_console"],
            Self::X86_64 => &["xen-gntdev", "xen-gntalloc", "xen-evtchn", "xen-privcmd", "xenfs", "virtio_pci", "virtio_console"],
        }
    }

    /// How to build a static C program for it, as an example in messages.
    pub fn static_compiler(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-linux-gnu-gcc -static",
            Self::X86_64 => "gcc -static",
        }
    }
}
