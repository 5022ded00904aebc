//! Facts about the machine that a recording carries.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use grantscope_analysis::model::{Clock, Environment, HookStatus, RecorderReport};
use grantscope_wire::Detail;
use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};

use crate::addresses::has;

/// Describes this machine.
pub fn environment(run: Option<String>, clock: Clock, detail: Detail, hooks: Vec<HookStatus>) -> Environment {
    let uname = nix::sys::utsname::uname().ok();
    let text = |field: Option<&std::ffi::OsStr>| field.map(|text| text.to_string_lossy().into_owned()).unwrap_or_default();
    let host = text(uname.as_ref().map(|uname| uname.nodename()));
    let started_unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    Environment {
        run: run.unwrap_or_else(|| format!("{host}-{started_unix_ms}")),
        kernel: text(uname.as_ref().map(|uname| uname.release())),
        arch: text(uname.as_ref().map(|uname| uname.machine())),
        host,
        xen: xen_version(),
        page_size: page_size(),
        clock,
        tool: concat!("grantscope ", env!("CARGO_PKG_VERSION")).to_owned(),
        started_unix_ms,
        hooks,
        detail: Some(detail),
    }
}

/// Bytes in a page.
pub fn page_size() -> u32 {
    nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().map_or(4096, |bytes| bytes as u32)
}

/// Monotonic time, as the probes read it.
pub fn now_ns() -> u64 {
    ns_of(ClockId::CLOCK_MONOTONIC)
}

/// Processor time of this thread.
pub fn thread_cpu_ns() -> u64 {
    ns_of(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

fn ns_of(clock: ClockId) -> u64 {
    clock_gettime(clock).map_or(0, |now| now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64)
}

/// What the recorder has used so far, of which its processor time is known; `None`: the kernel does not say.
pub fn own_use(cpu_ns: u64) -> Option<RecorderReport> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    Some(RecorderReport {
        at_ns: now_ns(),
        cpu_ns,
        memory_bytes: resident_pages().map(|pages| pages * u64::from(page_size())),
        // KiB, on Linux (getrusage(2)).
        most_memory_bytes: usage.max_rss() as u64 * 1024,
    })
}

/// Gives memory back to the system that the C library keeps for the next time.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it has no conditions.
    unsafe {
        nix::libc::malloc_trim(0);
    }
}

/// The pages of this process that are in memory (proc_pid_statm(5)).
fn resident_pages() -> Option<u64> {
    fs::read_to_string("/proc/self/statm").ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Whether this is a PV domain, whose page tables Xen keeps. Kernels without CONFIG_XEN_SYS_HYPERVISOR do not report it.
pub fn is_pv_domain() -> bool {
    fs::read_to_string("/sys/hypervisor/guest_type").is_ok_and(|kind| kind.trim() == "PV")
}

/// What Xen says that it does for this domain: bits of XENVER_get_features (include/xen/interface/features.h, Linux v6.12), which sysfs
/// shows as one hexadecimal number.
pub const FEATURES: &str = "/sys/hypervisor/properties/features";
/// It is dom0.
pub const FEATURE_DOM0: u32 = 11;
const FEATURE_NOT_DIRECT_MAPPED: u32 = 16;
const FEATURE_DIRECT_MAPPED: u32 = 17;

/// Those bits; `None`: not shown.
pub fn features() -> Option<u64> {
    u64::from_str_radix(fs::read_to_string(FEATURES).ok()?.trim(), 16).ok()
}

/// Whether the guest frames of this domain's own memory are machine frames; `None`: not known.
pub fn is_direct_mapped() -> Option<bool> {
    match features()? {
        features if has(features, FEATURE_DIRECT_MAPPED) => Some(true),
        features if has(features, FEATURE_NOT_DIRECT_MAPPED) => Some(false),
        // Xen before 4.16 reports neither; on x86 the kind of domain answers the question.
        _ => None,
    }
}

/// As Xen reports it in sysfs, such as `4.17.6-pre`.
pub fn xen_version() -> Option<String> {
    let part = |name: &str| fs::read_to_string(format!("/sys/hypervisor/version/{name}")).ok();
    let (major, minor, extra) = (part("major")?, part("minor")?, part("extra").unwrap_or_default());
    Some(format!("{}.{}{}", major.trim(), minor.trim(), extra.trim()))
}
