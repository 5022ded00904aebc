//! The emulated machine of a platform: QEMU with everything that boots, but nothing connected to its ports yet.

mod arm64;
mod common;
mod x86_64;

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{
    platform::{Architecture, Clock},
    setup::Parts,
};

pub use common::Files;

/// A command that boots these files on the platform's machine; what else it needs is made in `folder`. Its virtio-serial bus has no
/// ports yet.
///
/// # Errors
/// When the files do not fit the machine, or what it needs in `folder` cannot be made.
pub fn command(parts: &Parts, clock: Clock, files: &Files, folder: &Path) -> Result<Command> {
    let (mut command, bus) = match parts.platform.architecture {
        Architecture::Arm64 => (arm64::command(parts, clock, files, folder)?, "virtio-serial-device"),
        Architecture::X86_64 => (x86_64::command(parts, clock, files, folder)?, "virtio-serial-pci"),
    };
    command.args(["-device", bus]);
    Ok(command)
}
