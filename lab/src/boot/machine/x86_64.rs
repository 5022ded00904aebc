//! x86-64: a PC whose loader, QEMU's own, starts Xen by the multiboot protocol and hands it dom0's kernel and file system.
//!
//! See docs/misc/xen-command-line.pandoc of Xen 4.17 for its arguments, and QEMU's hw/i386/multiboot.c for the modules'.

use std::{os::unix::fs::symlink, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use super::{Files, common, dom0_arguments, path_text, xen_arguments};
use crate::{bench::BenchSpec, clock::Clock, setup::Bench};

/// Memory of dom0. A paravirtualised Linux fills a page table entry for each of its pages, and checks them all at boot.
const DOM0_MIB: u64 = 512;

/// A command that boots these files, which get names without blanks in `folder`: QEMU takes what follows a blank for arguments.
pub fn command(bench: &Bench, clock: Clock, files: &Files, folder: &Path) -> Result<Command> {
    ensure!(files.dom1_image.is_none(), "Xen on x86-64 starts no second domain by itself: the bench has to be one of dom0 alone");
    let [kernel, image] = ["kernel", "image"].map(|name| folder.join(name));
    for (from, to) in [(&files.kernel, &kernel), (&files.dom0_image, &image)] {
        symlink(from, to).with_context(|| format!("cannot make {to:?}"))?;
    }
    ensure!(
        !kernel.to_string_lossy().contains(' '),
        "QEMU cannot load files from {folder:?}: set TMPDIR to a path without blanks"
    );
    let mut command = common(bench, clock);
    command
        .args(["-M", "q35", "-vga", "none"])
        .arg("-kernel")
        .arg(&files.hypervisor)
        .args(["-append", &arguments(bench.spec)])
        .args(["-initrd", &format!("{} {},{}", path_text(&kernel)?, dom0_arguments(bench.spec), path_text(&image)?)]);
    Ok(command)
}

/// mwait-idle=0: the emulated processor has no MWAIT to be idle in. max: else Linux prepares for all of the machine's memory.
fn arguments(spec: &BenchSpec) -> String {
    format!("console=com1 com1=115200,8n1 dom0_mem={DOM0_MIB}M,max:{DOM0_MIB}M mwait-idle=0 {}", xen_arguments(spec))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench;

    #[test]
    fn dom0s_arguments_have_no_comma_which_would_begin_the_next_module() {
        for bench in bench::ALL {
            assert!(!dom0_arguments(bench).contains(','), "{}", bench.name);
        }
    }
}
