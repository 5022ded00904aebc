//! What is the same on every emulated machine: the files that boot, and QEMU's options that depend on no architecture.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    platform::{Clock, arguments::MACHINE_MIB, clock},
    setup::Parts,
};

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

/// QEMU with what is the same on every machine.
pub fn common(parts: &Parts, time: Clock) -> Command {
    let mut command = parts.qemu.command();
    command
        .args(["-cpu", parts.platform.processor])
        .args(["-m", &MACHINE_MIB.to_string()])
        .args(clock::qemu_options(time))
        .args(["-display", "none", "-monitor", "none", "-nic", "none", "-no-reboot"]);
    command
}

/// A path as a part of one of QEMU's options, which it splits at commas; two stand for one.
///
/// # Errors
/// When the path is not UTF-8.
pub fn path_text(path: &Path) -> Result<String> {
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
