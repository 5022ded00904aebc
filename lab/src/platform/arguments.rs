//! What Xen and the domains are started with on every platform: how much memory each has, and the arguments of its kernel.

use super::{Domains, Platform};

/// Memory of the whole machine; QEMU takes it from the host only as it is touched.
pub const MACHINE_MIB: u64 = 3072;
/// Memory of dom1, which holds the granted pages.
pub const DOM1_MIB: u64 = 256;
/// Of one that is profiled: the recorder and the job run there, and /out is in its memory.
pub const DOM1_PROFILED_MIB: u64 = 512;
/// Pages that one domain grants to the other: a buffer of 3840x2160 has 8,100, and there is room for its page directories.
const GRANT_PAGES: u32 = 8192;
/// Further pages that it grants, of a dma-buf that it imports: what zero-copy needs.
const DMABUF_PAGES: u32 = 256;
/// Given back to Xen before anything is measured; see `balloon_out` in guest/init.
const BALLOON_KB: u32 = 32 * 1024;
/// Room for DMA buffers: one of 2,025 pages needs 8 MiB in one piece, more than the buddy allocator's largest block.
const CMA: &str = "64M";
/// Xen's arguments on every machine.
const XEN_ARGUMENTS: &str = "bootscrub=0 console_timestamps=none";
/// Linux' arguments in every domain.
const LINUX_ARGUMENTS: &str = "rdinit=/init loglevel=5 printk.devkmsg=on oops=panic panic=1 norandmaps";

/// Xen's arguments, those of every machine and the platform's.
pub fn xen_arguments(platform: &Platform) -> String {
    format!("{XEN_ARGUMENTS} {}", platform.xen_arguments).trim_end().to_owned()
}

/// Linux' arguments in dom0.
pub fn dom0_arguments(platform: &Platform) -> String {
    match platform.domains {
        Domains::Alone | Domains::Frontend | Domains::Toolstack => backend_arguments(platform),
        Domains::Guest => format!("{} {}", granting("host", "hvc0"), platform.arguments).trim_end().to_owned(),
    }
}

/// Linux' arguments in a guest of the toolstack.
pub fn guest_arguments(platform: &Platform) -> String {
    match platform.domains {
        Domains::Guest => format!("{} gs.ports=disk", backend_arguments(platform)),
        Domains::Alone | Domains::Frontend | Domains::Toolstack => frontend_arguments("hvc0"),
    }
}

/// Linux' arguments in a dom1 that grants, whose console has this name.
pub fn frontend_arguments(console: &str) -> String {
    granting("frontend", console)
}

/// Those of the domain that is profiled.
fn backend_arguments(platform: &Platform) -> String {
    let arguments =
        format!("console=hvc0 {LINUX_ARGUMENTS} cma={CMA} gs.role=backend gs.balloon_kb={BALLOON_KB} {}", platform.arguments);
    arguments.trim_end().to_owned()
}

/// Those of the domain that grants, in one of its roles.
fn granting(role: &str, console: &str) -> String {
    format!(
        "console={console} {LINUX_ARGUMENTS} xen_gntalloc.limit={} gs.role={role} gs.grant_pages={GRANT_PAGES} gs.dmabuf_pages={DMABUF_PAGES}",
        2 * GRANT_PAGES
    )
}

#[cfg(test)]
mod tests {
    use super::{super::ALL, *};

    #[test]
    fn dom0s_arguments_have_no_comma_which_would_begin_the_next_module() {
        for platform in ALL {
            assert!(!dom0_arguments(platform).contains(','), "{}", platform.name);
        }
    }
}
