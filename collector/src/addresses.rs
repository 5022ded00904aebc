//! Whether the kernel shows where its functions lie, and why not: without that, what calls and what is open cannot be recognised.
//!
//! Source: `kallsyms_show_value` in kernel/ksyms_common.c, Linux v6.12.

use std::fs;

use crate::symbols;

/// Why the kernel shows no addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// What hides them.
    pub fact: String,
    /// What would show them.
    pub remedy: &'static str,
}

/// What is missing where they are hidden.
pub const WITHOUT: &str = "who in the kernel calls the grant table has no name, mappings from before a recording are not found, and `maps` \
                           lists nothing; on x86-64 calls in interrupts are taken for the interrupted thread's";

/// Whether they are hidden from this process; `None`: they are shown, or there is no list at all.
pub fn hidden() -> Option<Hidden> {
    if symbols::shows_addresses()? {
        return None;
    }
    let restriction = fs::read_to_string("/proc/sys/kernel/kptr_restrict").ok().and_then(|text| text.trim().parse().ok());
    let may_syslog = effective_capabilities().map(|effective| has(effective, CAP_SYSLOG));
    Some(because(restriction, may_syslog, nix::unistd::geteuid().is_root()))
}

/// A bit of `CapEff` (include/uapi/linux/capability.h, v6.12).
const CAP_SYSLOG: u32 = 34;

/// What this process may do, as bits; `None`: the kernel does not say.
pub fn effective_capabilities() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    u64::from_str_radix(status.lines().find_map(|line| line.strip_prefix("CapEff:"))?.trim(), 16).ok()
}

/// Whether a bit is set.
pub fn has(bits: u64, bit: u32) -> bool {
    bits & (1 << bit) != 0
}

/// With 0 also a lower `kernel.perf_event_paranoid` would do, but that opens more than is needed.
fn because(kptr_restrict: Option<u32>, may_syslog: Option<bool>, is_root: bool) -> Hidden {
    match (kptr_restrict, may_syslog) {
        (Some(restriction @ 2..), _) => Hidden {
            fact: format!("kernel.kptr_restrict is {restriction}: /proc/kallsyms hides addresses from everybody"),
            remedy: "sysctl kernel.kptr_restrict=1",
        },
        _ if !is_root => Hidden { fact: "not root: /proc/kallsyms hides addresses from others".to_owned(), remedy: "use sudo" },
        (_, Some(false)) => Hidden {
            fact: "root without CAP_SYSLOG: /proc/kallsyms hides addresses".to_owned(),
            remedy: "run this outside the container that takes CAP_SYSLOG away",
        },
        (restriction, _) => Hidden {
            fact: match restriction {
                Some(restriction) => format!("/proc/kallsyms hides addresses, although kernel.kptr_restrict is {restriction}"),
                None => "/proc/kallsyms hides addresses, and kernel.kptr_restrict cannot be read".to_owned(),
            },
            remedy: "sysctl kernel.kptr_restrict=1, and root with CAP_SYSLOG",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_addresses_is_named_with_what_shows_them() {
        let cases = [
            (Some(2), Some(true), "kernel.kptr_restrict is 2:", "sysctl kernel.kptr_restrict=1"),
            (Some(2), Some(false), "kernel.kptr_restrict is 2:", "sysctl kernel.kptr_restrict=1"),
            (Some(1), Some(false), "root without CAP_SYSLOG", "run this outside the container that takes CAP_SYSLOG away"),
            (Some(0), Some(false), "root without CAP_SYSLOG", "run this outside the container that takes CAP_SYSLOG away"),
            (Some(1), Some(true), "/proc/kallsyms hides addresses, although", "sysctl kernel.kptr_restrict=1, and root"),
            (None, None, "/proc/kallsyms hides addresses, and kernel.kptr_restrict cannot", "sysctl kernel.kptr_restrict=1, and"),
        ];
        for (kptr_restrict, may_syslog, fact, remedy) in cases {
            let hidden = because(kptr_restrict, may_syslog, true);
            assert!(
                hidden.fact.starts_with(fact) && hidden.remedy.starts_with(remedy),
                "{kptr_restrict:?} {may_syslog:?}: {hidden:?}"
            );
        }
        let hidden = because(Some(1), Some(false), false);
        assert!(hidden.fact.starts_with("not root") && hidden.remedy == "use sudo", "{hidden:?}");
    }
}
