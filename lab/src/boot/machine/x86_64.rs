//! x86-64: a PC whose loader, QEMU's own, starts Xen by the multiboot protocol and hands it dom0's kernel and file system.
//!
//! See docs/misc/xen-command-line.pandoc of Xen 4.17 for its arguments, and QEMU's hw/i386/multiboot.c for the modules'.

use std::{os::unix::fs::symlink, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use super::common::{Files, common, path_text};
use crate::{
    platform::{
        Clock, Platform,
        arguments::{dom0_arguments, xen_arguments},
    },
    setup::Parts,
};

/// Memory of dom0. A paravirtualised Linux fills a page table entry for each of its pages, and checks them all at boot.
const DOM0_MIB: u64 = 512;
/// Of one that has to hold the files of a guest.
const DOM0_WITH_TOOLSTACK_MIB: u64 = 1024;

/// A command that boots these files, which get names without blanks in `folder`: QEMU takes what follows a blank for arguments.
///
/// # Errors
/// When a second domain is asked for, or `folder` cannot be used.
pub fn command(parts: &Parts, clock: Clock, files: &Files, folder: &Path) -> Result<Command> {
    ensure!(files.dom1_image.is_none(), "Xen on x86-64 does not start a second domain: a platform on it has dom0 alone");
    let [kernel, image] = ["kernel", "image"].map(|name| folder.join(name));
    for (from, to) in [(&files.kernel, &kernel), (&files.dom0_image, &image)] {
        symlink(from, to).with_context(|| format!("cannot make {to:?}"))?;
    }
    ensure!(
        !kernel.to_string_lossy().contains(' '),
        "QEMU cannot load files from {folder:?}: set TMPDIR to a path without blanks"
    );
    let mut command = common(parts, clock);
    if clock == Clock::Counted {
        // Else each boot has its own random numbers, and another time of day.
        command.args(["-seed", "1", "-rtc", "base=2026-01-01T00:00:00,clock=vm"]);
    }
    command
        .args(["-M", "q35", "-vga", "none"])
        .arg("-kernel")
        .arg(&files.hypervisor)
        .args(["-append", &arguments(parts.platform)])
        .args(["-initrd", &format!("{} {},{}", path_text(&kernel)?, dom0_arguments(parts.platform), path_text(&image)?)]);
    Ok(command)
}

/// mwait-idle=0: the emulated processor has no MWAIT to be idle in. max: else Linux prepares for all of the machine's memory.
fn arguments(platform: &Platform) -> String {
    let dom0_mib = if platform.domains.have_toolstack() { DOM0_WITH_TOOLSTACK_MIB } else { DOM0_MIB };
    format!("console=com1 com1=115200,8n1 dom0_mem={dom0_mib}M,max:{dom0_mib}M mwait-idle=0 {}", xen_arguments(platform))
}
