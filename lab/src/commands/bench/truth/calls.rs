//! The timed calls: which kernel function serves each, and which call that does nothing takes the same way to it and back.

use anyhow::{Context, Result};
use grantscope_analysis::verify::Truth;

use super::super::medians::Median;

/// A call that does nothing, as lab/guest/nothing.c names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Like {
    /// An ioctl that gntdev refuses.
    Refused,
    /// A system call that comes back at once.
    Entered,
}

/// A call, and the function that is its operation.
#[derive(Debug)]
pub struct Timed {
    op: &'static str,
    /// The function that is recorded.
    pub function: &'static str,
    like: Like,
    /// The call passes more of the kernel outside of that function than the one that does nothing.
    pub is_upper_bound: bool,
}

/// In the order of the table.
const TIMED: [Timed; 11] = [
    Timed { op: "map", function: "gntdev_ioctl", like: Like::Refused, is_upper_bound: false },
    Timed { op: "mmap", function: "gntdev_mmap", like: Like::Refused, is_upper_bound: true },
    // The operation is the whole system call.
    Timed { op: "munmap", function: "__arm64_sys_munmap", like: Like::Entered, is_upper_bound: false },
    Timed { op: "unmap", function: "gntdev_ioctl", like: Like::Refused, is_upper_bound: false },
    Timed { op: "export", function: "gntdev_ioctl", like: Like::Refused, is_upper_bound: false },
    Timed { op: "import", function: "gntdev_ioctl", like: Like::Refused, is_upper_bound: false },
    Timed { op: "import_release", function: "gntdev_ioctl", like: Like::Refused, is_upper_bound: false },
    Timed { op: "release", function: "dmabuf_exp_ops_release", like: Like::Refused, is_upper_bound: true },
    Timed { op: "grant", function: "gntalloc_ioctl", like: Like::Refused, is_upper_bound: false },
    Timed { op: "ungrant", function: "gntalloc_ioctl", like: Like::Refused, is_upper_bound: false },
    Timed { op: "close", function: "gntdev_release", like: Like::Refused, is_upper_bound: true },
];

impl Timed {
    /// Its place in the table.
    pub fn place(&self) -> Option<usize> {
        TIMED.iter().position(|timed| timed.op == self.op)
    }
}

/// The call of this name; `None`: it is not compared.
pub fn of(op: &str) -> Option<&'static Timed> {
    TIMED.iter().find(|timed| timed.op == op)
}

/// All functions, each once.
pub fn functions() -> Vec<&'static str> {
    let mut functions: Vec<_> = TIMED.iter().map(|timed| timed.function).collect();
    functions.sort_unstable();
    functions.dedup();
    functions
}

/// What calls take that do nothing, by their caller's clock.
#[derive(Debug, Default)]
pub struct Nothing {
    /// An ioctl that gntdev refuses, in ns.
    pub refused_ns: u64,
    /// A system call that comes back at once, in ns.
    pub entered_ns: u64,
}

impl Nothing {
    /// From what lab/guest/nothing.c wrote.
    ///
    /// # Errors
    /// When a kind is missing.
    pub fn of(truth: &Truth) -> Result<Self> {
        let median = |name: &str| {
            let calls = truth.calls.iter().filter(|call| call.op == name).map(|call| call.duration_ns);
            Ok::<_, anyhow::Error>(Median::of(calls.collect()).with_context(|| format!("no call {name} was timed"))?.ns)
        };
        Ok(Self { refused_ns: median("refused")?, entered_ns: median("entered")? })
    }

    /// The one that takes the same way as this call.
    pub fn ns(&self, timed: &Timed) -> u64 {
        match timed.like {
            Like::Refused => self.refused_ns,
            Like::Entered => self.entered_ns,
        }
    }
}
