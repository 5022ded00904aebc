//! The emulated machine of a bench: QEMU with everything that boots, but nothing connected to its ports yet.

mod arm64;
mod x86_64;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{architecture::Architecture, bench::BenchSpec, clock::Clock, setup::Bench};

/// Memory of the whole machine; QEMU takes it from the host only as it is touched.
const MACHINE_MIB: u64 = 3072;
/// Memory of dom0. Buffers of 2,025 pages, CMA and everything under /out fit in.
const DOM0_MIB: u64 = 1024;
/// Memory of dom1, which holds the granted pages.
pub const DOM1_MIB: u64 = 256;
/// Pages that dom1 grants to dom0: a buffer of 3840x2160 has 8,100, and there is room for its page directories.
const GRANT_PAGES: u32 = 8192;
/// Further pages that dom1 grants, of a dma-buf that it imports: what zero-copy needs.
const DMABUF_PAGES: u32 = 256;
/// Given back to Xen before anything is measured; see `balloon_out` in guest/init.
const BALLOON_KB: u32 = 32 * 1024;
/// Room for DMA buffers: one of 2,025 pages needs 8 MiB in one piece, more than the buddy allocator's largest block.
const CMA: &str = "64M";
/// Xen's arguments on every machine.
const XEN_ARGUMENTS: &str = "bootscrub=0 console_timestamps=none";
/// Linux' arguments in every domain.
const LINUX_ARGUMENTS: &str = "rdinit=/init loglevel=5 printk.devkmsg=on oops=panic panic=1 norandmaps";

/// The files of one boot.
#[derive(Debug)]
pub struct Files {
    /// Xen.
    pub hypervisor: PathBuf,
    /// Linux, for all domains.
    pub kernel: PathBuf,
    /// The file system of dom0: everything, then the job.
    pub dom0_image: PathBuf,
    /// The file system of dom1, if Xen is to start one: the same without the job.
    pub dom1_image: Option<PathBuf>,
}

/// QEMU, and what it needs to be started.
#[derive(Debug, Clone)]
pub struct Qemu {
    /// The program.
    pub program: PathBuf,
    /// Folders with its libraries, if it was unpacked into the cache.
    pub libraries: Option<String>,
}

impl Qemu {
    /// A command that starts it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }
}

/// A command that boots these files on the bench's machine; what else it needs is made in `folder`. Its virtio-serial bus has no
/// ports yet.
pub fn command(bench: &Bench, clock: Clock, files: &Files, folder: &Path) -> Result<Command> {
    let (mut command, bus) = match bench.spec.architecture {
        Architecture::Arm64 => (arm64::command(bench, clock, files, folder)?, "virtio-serial-device"),
        Architecture::X86_64 => (x86_64::command(bench, clock, files, folder)?, "virtio-serial-pci"),
    };
    command.args(["-device", bus]);
    Ok(command)
}

/// QEMU with what is the same on every machine.
fn common(bench: &Bench, clock: Clock) -> Command {
    let mut command = bench.qemu.command();
    command.args(["-cpu", bench.spec.processor]).args(["-m", &MACHINE_MIB.to_string()]).args(clock.qemu_options()).args([
        "-display",
        "none",
        "-monitor",
        "none",
        "-nic",
        "none",
        "-no-reboot",
    ]);
    command
}

/// Xen's arguments, those of every machine and the bench's.
fn xen_arguments(spec: &BenchSpec) -> String {
    format!("{XEN_ARGUMENTS} {}", spec.xen_arguments).trim_end().to_owned()
}

/// Linux' arguments in dom0.
fn dom0_arguments(spec: &BenchSpec) -> String {
    let arguments =
        format!("console=hvc0 {LINUX_ARGUMENTS} cma={CMA} gs.role=backend gs.balloon_kb={BALLOON_KB} {}", spec.arguments);
    arguments.trim_end().to_owned()
}

/// Linux' arguments in dom1, whose console has this name.
pub fn frontend_arguments(console: &str) -> String {
    format!(
        "console={console} {LINUX_ARGUMENTS} xen_gntalloc.limit={} gs.role=frontend gs.grant_pages={GRANT_PAGES} gs.dmabuf_pages={DMABUF_PAGES}",
        2 * GRANT_PAGES
    )
}

/// A path as a part of one of QEMU's options, which it splits at commas; two stand for one.
fn path_text(path: &Path) -> Result<String> {
    let text = path.to_str().with_context(|| format!("{path:?} is not UTF-8"))?;
    Ok(text.replace(',', ",,"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_in_a_path_does_not_split_qemus_option() {
        assert_eq!(path_text(Path::new("/a,b")).unwrap(), "/a,,b");
    }
}
