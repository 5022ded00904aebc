//! The emulated machine of a platform: QEMU with everything that boots, but nothing connected to its ports yet.

mod arm64;
mod common;
mod x86_64;

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{
    platform::{Architecture, Clock, Platform, Ports},
    setup::Parts,
};

pub use common::Files;

/// A command that boots these files on the platform's machine; what else it needs is made in `folder`. No bytes leave dom0 yet but
/// those of its console.
///
/// # Errors
/// When the files do not fit the machine, or what it needs in `folder` cannot be made.
pub fn command(parts: &Parts, clock: Clock, files: &Files, folder: &Path) -> Result<Command> {
    let (mut command, bus) = match parts.platform.architecture {
        Architecture::Arm64 => (arm64::command(parts, clock, files, folder)?, "virtio-serial-device"),
        Architecture::X86_64 => (x86_64::command(parts, clock, files, folder)?, "virtio-serial-pci"),
    };
    if parts.platform.ports == Ports::Virtio {
        command.args(["-device", bus]);
    }
    Ok(command)
}

/// Where dom0's bytes of this name go: to a character device of QEMU's that has the name too. lab/guest/init has the same addresses. None is
/// 0x402, where the emulator's firmware writes what it does (`DebugOutputPort` in src/hw/serialio.c of SeaBIOS).
pub fn port(platform: &Platform, name: &str) -> String {
    match platform.ports {
        Ports::Virtio => format!("virtserialport,chardev={name},name={name}"),
        Ports::Io => format!("isa-debugcon,iobase={},chardev={name}", if name == STREAM { "0x404" } else { "0x403" }),
    }
}

/// The port of the recording, and that of dom0's /out.
pub const STREAM: &str = "gs.stream";
pub const FILES: &str = "gs.files";
