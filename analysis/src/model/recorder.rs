//! What the recorder itself has used.

/// What the recorder has used so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecorderReport {
    /// Now, monotonic.
    pub at_ns: u64,
    /// Processor time of the thread that records: until it began, and from then on from each time that it woke up until it slept again.
    pub cpu_ns: u64,
    /// Memory that it has now; `None`: the kernel does not say.
    pub memory_bytes: Option<u64>,
    /// The most that it had at once.
    pub most_memory_bytes: u64,
}
