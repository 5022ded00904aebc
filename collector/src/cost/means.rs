//! By which means programs are attached: that decides what the kernel does around them.

/// How programs are attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Means {
    /// fentry and fexit.
    Fentry,
    /// kprobe and kretprobe.
    Kprobe,
}
