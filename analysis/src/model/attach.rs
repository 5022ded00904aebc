//! How the probes are to be attached: what a user asks for. What became of each hook is a `HookStatus`.

/// Attach mode of the probes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttachMode {
    /// The best that the kernel has, hook by hook: what loses nothing, and of that what costs least.
    #[default]
    Best,
    /// fentry wherever the kernel has it, also where it loses operations.
    Fentry,
    /// kprobes alone, to compare the two modes on one kernel.
    Kprobe,
}

impl AttachMode {
    /// All, in the order of the help texts.
    pub const ALL: &[Self] = &[Self::Best, Self::Fentry, Self::Kprobe];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Fentry => "fentry",
            Self::Kprobe => "kprobe",
        }
    }

    /// What it does, for the help text of an option.
    pub fn about(self) -> &'static str {
        match self {
            Self::Best => {
                "Hook by hook the best that the kernel has: fentry, else a kprobe; kprobes alone where the kernel is preempted at any time"
            }
            Self::Fentry => {
                "fentry wherever the kernel has it: it costs less, and loses operations where the kernel is preempted at any time"
            }
            Self::Kprobe => "kprobes alone: they cost more, and show what a kernel without fentry would give",
        }
    }
}
