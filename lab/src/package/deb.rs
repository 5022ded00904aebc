//! The package for Debian's dpkg. dpkg-deb makes it, which is on every machine that the lab is built on, and is what defines the format.

use std::{fmt::Write as _, path::Path, process::Command};

use anyhow::Result;
use md5::{Digest, Md5};

use super::{
    identity::{MAINTAINER, VERSION},
    source::Source,
    tree::Tree,
};
use crate::{boot::run::Scratch, command, platform::Architecture};

/// Nothing is needed: the programs are static. So there is no field Depends.
const DESCRIPTION: &str = "what mapping a Xen grant costs, and where the time goes
 grantscope watches Linux's grant mapping drivers (gntdev and gntalloc) in a
 Xen domain by eBPF probes: how long each operation takes, in which stage of
 the kernel, with which kind of buffer, live in a terminal and as CSV.
 grantscope-workload generates loads on the grant map path.
 .
 Both programs are static. Start with: grantscope doctor
";

/// The name of the file.
pub fn name(architecture: Architecture) -> String {
    format!("grantscope_{}_{}.deb", VERSION, architecture.debian())
}

/// Packs the tree.
///
/// # Errors
/// When it cannot be written, or dpkg-deb refuses it.
pub fn pack(tree: &Tree, architecture: Architecture, source: &Source, path: &Path) -> Result<()> {
    let mut whole = tree.clone();
    whole.add("DEBIAN/control", false, control(tree, architecture))?;
    whole.add("DEBIAN/md5sums", false, md5sums(tree))?;
    let folder = Scratch::new()?;
    whole.write_to(&folder.0, source.epoch)?;
    let mut pack = Command::new("dpkg-deb");
    pack.env("SOURCE_DATE_EPOCH", source.epoch.to_string());
    // xz as far as a board can unpack it: more than 6 needs 64 MiB there. One thread: what several write depends on how many there are.
    pack.args(["--root-owner-group", "--threads-max=1", "-Zxz", "-z6", "--build"]).arg(&folder.0).arg(path);
    command::output(&mut pack)?;
    Ok(())
}

fn control(tree: &Tree, architecture: Architecture) -> String {
    [
        ("Package", "grantscope".to_owned()),
        ("Version", VERSION.to_owned()),
        ("Architecture", architecture.debian().to_owned()),
        ("Maintainer", MAINTAINER.to_owned()),
        ("Installed-Size", installed_kib(tree).to_string()),
        ("Section", "utils".to_owned()),
        ("Priority", "optional".to_owned()),
        ("Description", DESCRIPTION.to_owned()),
    ]
    .map(|(field, value)| format!("{field}: {}\n", value.trim_end()))
    .concat()
}

/// As dpkg-gencontrol counts: each file in whole KiB, and one for each folder.
fn installed_kib(tree: &Tree) -> usize {
    tree.files().map(|(_, entry)| entry.bytes.len().div_ceil(1024)).sum::<usize>() + tree.folders().len()
}

fn md5sums(tree: &Tree) -> String {
    let mut sums = String::new();
    for (path, entry) in tree.files() {
        for byte in Md5::digest(&entry.bytes) {
            let _ = write!(sums, "{byte:02x}");
        }
        let _ = writeln!(sums, "  {path}");
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let mut tree = Tree::default();
        tree.add("usr/bin/a", true, vec![0; 1025]).unwrap();
        tree.add("usr/bin/b", true, *b"b").unwrap();
        tree
    }

    #[test]
    fn control_names_what_dpkg_asks_for_and_depends_on_nothing() {
        insta::assert_snapshot!(control(&tree(), Architecture::X86_64));
    }

    #[test]
    fn sums_are_those_of_md5sum() {
        // RFC 1321 has no "b"; printf b | md5sum.
        assert!(md5sums(&tree()).ends_with("\n92eb5ffee6ae2fec3ad71c777531578f  usr/bin/b\n"));
    }
}
