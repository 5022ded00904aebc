//! Where and with what a recording was made.

use grantscope_wire::{Detail, HookId};

use super::Clock;

/// Where and with what a recording was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// Name of the run, chosen by the user.
    pub run: String,
    /// Host name.
    pub host: String,
    /// Kernel release.
    pub kernel: String,
    /// Xen version; `None`: not running under Xen, or not readable.
    pub xen: Option<String>,
    /// Machine, as `uname -m` says it.
    pub arch: String,
    /// Bytes in a page of this kernel. A grant is always 4,096.
    pub page_size: u32,
    /// The clock behind all `_ns`.
    pub clock: Clock,
    /// Version of the tool that recorded.
    pub tool: String,
    /// Wall-clock time of the start, milliseconds since 1970.
    pub started_unix_ms: u64,
    /// How each hook is attached.
    pub hooks: Vec<HookStatus>,
    /// How much was watched; `None`: not known, as in recordings before version 4.
    pub detail: Option<Detail>,
}

impl Environment {
    /// Hooks attached, and hooks there are.
    pub fn hooks_attached(&self) -> (usize, usize) {
        let attached = self.hooks.iter().filter(|hook| hook.attached_by.is_some()).count();
        (attached, self.hooks.len())
    }
}

/// How a hook is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookStatus {
    /// Which.
    pub hook: HookId,
    /// `fentry` or the like; `None`: not attached.
    pub attached_by: Option<String>,
    /// The kernel function it sits on.
    pub symbol: Option<String>,
    /// Why it is not attached, or not by a better means.
    pub problem: Option<String>,
}
