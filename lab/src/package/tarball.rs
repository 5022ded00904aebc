//! The same files for every other system: a tarball to unpack below any prefix.

use std::{path::Path, process::Command};

use anyhow::Result;

use super::{identity::VERSION, source::Source, tree::Tree};
use crate::{boot::run::Scratch, command, platform::Architecture};

/// The one folder in it.
pub fn folder(architecture: Architecture) -> String {
    format!("grantscope-{}-{}", VERSION, architecture.name())
}

/// The name of the file.
pub fn name(architecture: Architecture) -> String {
    format!("{}.tar.xz", folder(architecture))
}

/// Packs what the tree has below /usr.
///
/// # Errors
/// When it cannot be written.
pub fn pack(tree: &Tree, architecture: Architecture, source: &Source, path: &Path) -> Result<()> {
    let scratch = Scratch::new()?;
    tree.write_to(&scratch.0, source.epoch)?;
    let mut pack = Command::new("tar");
    // ustar: other formats have fields with times of this machine. xz is as in deb.rs.
    pack.args([
        "--create",
        "--format=ustar",
        "--sort=name",
        "--owner=root:0",
        "--group=root:0",
        "--use-compress-program=xz -6 --threads=1",
    ]);
    pack.arg("--file").arg(path).arg("--directory").arg(&scratch.0);
    pack.arg(format!("--transform=s,^usr,{},", folder(architecture))).arg("usr");
    command::output(&mut pack)?;
    Ok(())
}
