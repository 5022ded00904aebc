//! How the probes are to be attached: what a user asks for. What became of each hook is a `HookStatus`.

/// Attach mode of the probes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttachMode {
    /// The best that the kernel has, hook by hook.
    #[default]
    Best,
    /// kprobes alone, to compare the two modes on one kernel.
    Kprobe,
}

impl AttachMode {
    /// All, in the order of the help texts.
    pub const ALL: &[Self] = &[Self::Best, Self::Kprobe];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Kprobe => "kprobe",
        }
    }

    /// What it does, for the help text of an option.
    pub fn about(self) -> &'static str {
        match self {
            Self::Best => "Hook by hook the best that the kernel has: fentry, else a kprobe",
            Self::Kprobe => "kprobes alone: they cost more, and show what a kernel without fentry would give",
        }
    }
}
