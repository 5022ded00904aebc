//! Looks at the machine for `grantscope doctor`: what is there, what is missing, and what follows from it.
//!
//! Nothing is changed: the hooks that are tried are detached again.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::errno::Errno;

use crate::addresses::has;
use crate::configuration::Configuration;
use crate::preemption::Preemption;
use crate::symbols::{self, Symbols, Wanted};
use crate::{Probes, addresses, btf, host, pids, preflight};
use grantscope_analysis::error_chain;
use grantscope_analysis::model::AttachMode;
use grantscope_analysis::model::Filter;
use grantscope_analysis::report::text::doctor::{Finding, Report};
use grantscope_wire::Detail;

/// Looks at everything.
pub fn examine(mode: AttachMode) -> Report {
    let mut findings =
        vec![xen(), domain(), rights(), pid_namespace(), lockdown(), kernel_addresses(), page_size(), kernel_btf()];
    findings.extend([preemption(mode), gntdev()]);
    findings.extend([dmabuf(), dma_alloc(), gntalloc(), direct_mapped()]);
    findings.extend(limits());
    findings.push(Finding::unknown("free grants", "Linux does not report to user space how many grant references are left"));
    let hooks = match Probes::attach(mode, Detail::Full, &Filter::default()) {
        Ok(probes) => probes.status().to_vec(),
        Err(error) => {
            findings.push(Finding::blocks("probes", error_chain(&error), ""));
            Vec::new()
        }
    };
    Report::new(findings, &hooks)
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn xen() -> Finding {
    const ADVICE: &str = "run this in dom0 or a driver domain of a Xen host, or in the lab: cargo xtask demo";
    match preflight::xen() {
        Ok(()) => match host::xen_version() {
            Some(version) => Finding::ok("Xen", version),
            None => Finding::unknown("Xen", "this is a Xen domain, and /sys/hypervisor does not show the version"),
        },
        Err(error) => Finding::blocks("Xen", error.to_string(), ADVICE),
    }
}

const GUEST_TYPE: &str = "/sys/hypervisor/guest_type";

/// `PV`, `HVM` or `PVH`, on x86 (drivers/xen/sys-hypervisor.c, Linux v6.12).
fn guest_type() -> Option<String> {
    read(GUEST_TYPE)
}

fn domain() -> Finding {
    const TOPIC: &str = "domain";
    let kind = guest_type().unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    match host::features() {
        None => Finding::unknown(TOPIC, format!("{kind}; {} does not show whether this is dom0", host::FEATURES)),
        Some(features) if has(features, host::FEATURE_DOM0) => Finding::ok(TOPIC, format!("{kind}; this is dom0")),
        Some(_) => Finding::ok(TOPIC, format!("{kind}; this is not dom0")),
    }
}

/// Bits of `CapEff` (include/uapi/linux/capability.h, v6.12).
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

fn rights() -> Finding {
    const TOPIC: &str = "rights";
    let Some(effective) = addresses::effective_capabilities() else {
        return Finding::unknown(TOPIC, "/proc/self/status does not list the capabilities");
    };
    if !nix::unistd::geteuid().is_root() {
        return Finding::blocks(TOPIC, "not root: /dev/xen/gntdev and the kernel's symbols are for root alone", "use sudo");
    }
    if has(effective, CAP_SYS_ADMIN) || (has(effective, CAP_BPF) && has(effective, CAP_PERFMON)) {
        return Finding::ok(TOPIC, "root, with the capabilities to load and attach BPF programs");
    }
    Finding::blocks(TOPIC, "root without CAP_BPF and CAP_PERFMON", "run this outside the container that takes them away")
}

fn pid_namespace() -> Finding {
    const TOPIC: &str = "PID namespace";
    if !pids::are_namespaced() {
        return Finding::ok(TOPIC, "the initial one");
    }
    Finding::gap(
        TOPIC,
        "not the initial one",
        "recorded process ids are others than here, phases have no threads, mappings from before a recording are not found, and \
         neither are owners that end",
        "run this outside the container",
    )
}

/// Where securityfs is mounted.
const SECURITY: &str = "/sys/kernel/security";

fn lockdown() -> Finding {
    const TOPIC: &str = "lockdown";
    let Some(text) = read(&format!("{SECURITY}/lockdown")) else {
        return no_lockdown(
            &read("/proc/filesystems").unwrap_or_default(),
            Path::new(SECURITY).read_dir().is_ok_and(|mut dir| dir.next().is_some()),
        );
    };
    match chosen(&text) {
        Some("confidentiality") => Finding::blocks(
            TOPIC,
            "confidentiality: BPF may not read the kernel's memory",
            "boot without lockdown=confidentiality, or without Secure Boot where that turns it on",
        ),
        Some(level) => Finding::ok(TOPIC, level),
        None => Finding::unknown(TOPIC, text),
    }
}

/// Where no level is shown: whether that is because there is none. Every kernel with lockdown has securityfs.
fn no_lockdown(file_systems: &str, is_mounted: bool) -> Finding {
    const TOPIC: &str = "lockdown";
    let has_securityfs = file_systems.lines().any(|line| line.split_whitespace().last() == Some("securityfs"));
    if has_securityfs && !is_mounted {
        return Finding::unknown(TOPIC, format!("securityfs is not mounted: mount -t securityfs none {SECURITY}"));
    }
    Finding::ok(TOPIC, "not in this kernel")
}

fn kernel_addresses() -> Finding {
    const TOPIC: &str = "addresses";
    match (addresses::hidden(), symbols::shows_addresses()) {
        (Some(hidden), _) => Finding::gap(TOPIC, hidden.fact, addresses::WITHOUT, hidden.remedy),
        (None, Some(_)) => Finding::ok(TOPIC, "/proc/kallsyms shows where functions lie"),
        (None, None) => Finding::unknown(TOPIC, "/proc/kallsyms lists no functions"),
    }
}

/// The word in brackets: `none [integrity] confidentiality`.
fn chosen(text: &str) -> Option<&str> {
    Some(text.split_once('[')?.1.split_once(']')?.0)
}

fn page_size() -> Finding {
    const TOPIC: &str = "page size";
    const GRANT: u32 = 4096;
    let bytes = host::page_size();
    if bytes == GRANT {
        return Finding::ok(TOPIC, "4 KiB, as large as a grant");
    }
    let kib = bytes / 1024;
    Finding::ok(TOPIC, format!("{kib} KiB, and a grant is always 4 KiB")).with(
        &format!(
            "every reference takes a page of {kib} KiB of which 4 KiB are granted: `pages` counts references, mappings span \
             {} times what is granted, and touching the rest kills the process",
            bytes / GRANT
        ),
        &format!("map lengths of count × {kib} KiB, and use the first 4 KiB of each page only"),
    )
}

fn kernel_btf() -> Finding {
    const TOPIC: &str = "BTF";
    if let Err(error) = fs::metadata(preflight::VMLINUX_BTF) {
        return Finding::blocks(
            TOPIC,
            format!("{}: {error}", preflight::VMLINUX_BTF),
            "build the kernel with CONFIG_DEBUG_INFO_BTF",
        );
    }
    let modules = ["xen_gntdev", "xen_gntalloc"].into_iter().filter(|module| module_is_loaded(module));
    let modules: Vec<_> =
        modules.map(|module| format!("; module {module}: {}", if btf::describes(module) { "yes" } else { "no" })).collect();
    Finding::ok(TOPIC, format!("of the kernel: yes{}", modules.concat()))
}

/// What is lost to preemption, by the hooks that are attached in this mode.
fn preemption(mode: AttachMode) -> Finding {
    const TOPIC: &str = "preemption";
    let Preemption { model, is_at_any_time } = Preemption::find();
    let by_fentry = mode == AttachMode::Fentry;
    match is_at_any_time {
        Some(false) => Finding::ok(TOPIC, format!("{model}: hooks by fentry lose nothing to it")),
        Some(true) if by_fentry => Finding::gap(
            TOPIC,
            format!("{model}: the kernel is preempted at any time"),
            "while a program of fentry is preempted, the kernel skips it for all others on that processor: such operations are lost, and counted",
            "leave out --attach fentry: kprobes cost more, and lose none of them",
        ),
        Some(true) => Finding::ok(
            TOPIC,
            format!(
                "{model}: the kernel is preempted at any time, so hooks are kprobes, which cost more than fentry and lose nothing to it"
            ),
        ),
        None => Finding::unknown(
            TOPIC,
            format!(
                "{model}: whether it is preempted at any time is not to be seen, so hooks are kprobes; mount debugfs to let it be seen"
            ),
        ),
    }
}

fn module_is_loaded(name: &str) -> bool {
    let start = format!("{name} ");
    read("/proc/modules").is_some_and(|text| text.lines().any(|line| line.starts_with(&start)))
}

fn gntdev() -> Finding {
    const TOPIC: &str = "gntdev";
    if !Path::new("/dev/xen/gntdev").exists() {
        return Finding::blocks(
            TOPIC,
            "/dev/xen/gntdev does not exist",
            "modprobe xen-gntdev, or build the kernel with CONFIG_XEN_GNTDEV",
        );
    }
    if !module_is_loaded("xen_gntdev") {
        return Finding::ok(TOPIC, "built in");
    }
    if btf::describes("xen_gntdev") {
        return Finding::ok(TOPIC, "a module, which the kernel describes: its functions are hooked as the kernel's own");
    }
    Finding::ok(
        TOPIC,
        format!(
            "a module, which the kernel does not describe ({} is no BTF): its functions are hooked by kprobes",
            btf::GNTDEV_BTF
        ),
    )
    .with(
        "kprobes cost more than fentry; mappings from before a recording are not found, and some failures have no cause",
        "build the kernel with CONFIG_DEBUG_INFO_BTF_MODULES",
    )
}

fn gntalloc() -> Finding {
    match Path::new("/dev/xen/gntalloc").exists() {
        true => Finding::ok("gntalloc", if module_is_loaded("xen_gntalloc") { "a module" } else { "built in" }),
        false => Finding::gap(
            "gntalloc",
            "/dev/xen/gntalloc does not exist",
            "no grant and ungrant are seen, and the workload cannot grant to this domain itself",
            "modprobe xen-gntalloc, or build the kernel with CONFIG_XEN_GRANT_DEV_ALLOC",
        ),
    }
}

/// `IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED` (include/uapi/xen/gntdev.h, v6.12), of a descriptor that cannot exist, for no time:
/// it changes nothing, and its errno shows whether gntdev supports the call.
fn dmabuf() -> Finding {
    const TOPIC: &str = "dma-buf";
    const WAIT_RELEASED: u32 = 0x08_470a;
    #[repr(C)]
    struct Argument {
        fd: u32,
        wait_to_ms: u32,
    }
    let device = match fs::OpenOptions::new().read(true).write(true).open("/dev/xen/gntdev") {
        Ok(device) => device,
        Err(error) => return Finding::unknown(TOPIC, format!("gntdev cannot be asked: {error}")),
    };
    let mut argument = Argument { fd: u32::MAX, wait_to_ms: 0 };
    // SAFETY: the number stands for this argument, which outlives the call.
    let answer = unsafe { nix::libc::ioctl(device.as_raw_fd(), WAIT_RELEASED as _, &raw mut argument) };
    match Errno::result(answer) {
        Err(Errno::ENOTTY) => Finding::gap(
            TOPIC,
            configured("CONFIG_XEN_GNTDEV_DMABUF", "gntdev answers ENOTTY"),
            "no exports, imports and releases, so no write-combining and no coherent buffers: plain maps only",
            "build the kernel with CONFIG_XEN_GNTDEV_DMABUF and CONFIG_XEN_GRANT_DMA_ALLOC; distributions often leave them off",
        ),
        Ok(_) | Err(Errno::ENOENT) => {
            let known = configured("CONFIG_XEN_GNTDEV_DMABUF", "gntdev knows them");
            exports(known, std::env::consts::ARCH, guest_type().as_deref())
        }
        Err(errno) => Finding::unknown(TOPIC, format!("gntdev answers {errno}")),
    }
}

/// What comes of an export where gntdev knows dma-bufs. Source: `gntdev_ioctl_dmabuf_exp_from_refs` and `dmabuf_exp_from_refs` in
/// drivers/xen/gntdev-dmabuf.c, Linux v6.12, and `__gnttab_map_grant_ref` in xen/common/grant_table.c, Xen 4.20.
fn exports(known: String, architecture: &str, guest_type: Option<&str>) -> Finding {
    const TOPIC: &str = "dma-buf";
    const WITHOUT: &str =
        "no exports, attachments and releases, so no write-combining and no coherent buffers: plain maps and imports only";
    match (architecture, guest_type) {
        ("x86_64", Some("PV")) => Finding::gap(
            TOPIC,
            format!("{known}, and answers every export in a PV domain with EINVAL"),
            WITHOUT,
            "compare buffers on arm64: docs/boards.md lists what can be measured where",
        ),
        ("x86_64", Some("PVH" | "HVM")) => Finding::gap(
            TOPIC,
            format!(
                "{known}, but on x86 it asks Xen for a mapping for devices with every export (GNTMAP_device_map), which Xen refuses to \
                 translated domains, as this one is: EINVAL, unless this kernel was changed"
            ),
            WITHOUT,
            "a kernel whose gntdev sets GNTMAP_device_map only where XENFEAT_auto_translated_physmap is off; or compare buffers on arm64",
        ),
        ("x86_64", _) => Finding::unknown(
            TOPIC,
            format!("{known}; {GUEST_TYPE} does not show the kind of domain, and on x86 exports fail in all kinds"),
        ),
        _ => Finding::ok(TOPIC, known),
    }
}

fn dma_alloc() -> Finding {
    const TOPIC: &str = "DMA buffers";
    const FUNCTION: &str = "gnttab_dma_alloc_pages";
    const OPTION: &str = "CONFIG_XEN_GRANT_DMA_ALLOC";
    match Symbols::read(Wanted { functions: vec![&[FUNCTION]], ..Wanted::default() }) {
        Err(error) => Finding::unknown(TOPIC, error_chain(&error)),
        Ok(symbols) if symbols.find(FUNCTION).is_some() => Finding::ok(TOPIC, configured(OPTION, "the kernel can allocate them")),
        Ok(_) => Finding::gap(
            TOPIC,
            configured(OPTION, &format!("the kernel has no {FUNCTION}")),
            "the flags GNTDEV_DMA_FLAG_WC and _COHERENT are ignored: such buffers are ordinary pages",
            "build the kernel with CONFIG_XEN_GRANT_DMA_ALLOC",
        ),
    }
}

/// What was found, and what the kernel's configuration says of it, where it can be read.
fn configured(option: &str, found: &str) -> String {
    match Configuration::read() {
        None => found.to_owned(),
        Some(configuration) => format!("{found} ({option}{})", configuration.setting(option)),
    }
}

fn direct_mapped() -> Finding {
    const TOPIC: &str = "direct-mapped";
    match host::is_direct_mapped() {
        Some(true) => Finding::ok(TOPIC, "yes: guest frames are machine frames"),
        Some(false) => Finding::ok(TOPIC, "no"),
        None => Finding::unknown(TOPIC, format!("{} does not show it", host::FEATURES)),
    }
}

fn limits() -> Vec<Finding> {
    let limit = |topic, path: &str, what: &str| match read(path) {
        Some(limit) => Finding::ok(topic, format!("{limit} {what} ({path})")),
        None => Finding::unknown(topic, format!("{path} cannot be read")),
    };
    vec![
        limit("gntdev limit", "/sys/module/xen_gntdev/parameters/limit", "references in one call"),
        limit("gntalloc limit", "/sys/module/xen_gntalloc/parameters/limit", "pages granted through gntalloc at any time"),
    ]
}

#[cfg(test)]
mod tests {
    use grantscope_analysis::report::text::doctor::State;

    use super::*;

    #[test]
    fn the_level_of_lockdown_is_the_word_in_brackets() {
        assert_eq!(chosen("none [integrity] confidentiality"), Some("integrity"));
        assert_eq!(chosen("none"), None);
    }

    #[test]
    fn lockdown_that_cannot_be_seen_is_unknown() {
        let state = |file_systems, is_mounted| no_lockdown(file_systems, is_mounted).state;
        assert_eq!(state("nodev\tsysfs\nnodev\tsecurityfs\n", false), State::Unknown);
        assert_eq!(state("nodev\tsysfs\nnodev\tsecurityfs\n", true), State::Ok);
        assert_eq!(state("nodev\tsysfs\n\text4\n", false), State::Ok);
    }

    #[test]
    fn exports_fail_in_every_kind_of_domain_on_x86() {
        let found = |architecture, guest_type| exports("gntdev knows them".to_owned(), architecture, guest_type);
        for guest_type in ["PVH", "HVM"] {
            let finding = found("x86_64", Some(guest_type));
            assert!(finding.state == State::Gap && finding.fact.contains("GNTMAP_device_map"), "{guest_type}: {finding:?}");
            assert!(finding.remedy.is_some_and(|remedy| remedy.contains("XENFEAT_auto_translated_physmap")));
        }
        let of_pv = found("x86_64", Some("PV"));
        assert!(of_pv.state == State::Gap && of_pv.fact.contains("in a PV domain"), "{of_pv:?}");
        assert_eq!(found("x86_64", None).state, State::Unknown);
        // All domains on Arm are `HVM`.
        assert_eq!([Some("HVM"), None].map(|guest_type| found("aarch64", guest_type).state), [State::Ok; 2]);
    }
}
