//! Files to copy onto a board: a tarball and a Debian package of both programs, the same bytes whenever they are made of one source.

mod contents;
mod copyright;
mod deb;
mod identity;
mod manual;
mod notices;
mod packed;
mod source;
mod tarball;
mod tree;

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::{platform::Architecture, programs::ForLab, progress::Step};

pub use manual::{Page, pages};
pub use packed::{Packed, ensure_small, sizes, sums};
pub use source::Source;

/// Packs both kinds for an architecture into a folder, and gives them with sizes and checksums.
///
/// # Errors
/// When a program or a document cannot be read, or what packs them fails.
pub fn pack(architecture: Architecture, programs: &ForLab, pages: &[Page], source: &Source, out: &Path) -> Result<Vec<Packed>> {
    let step = Step::start(format!("packages for {}", architecture.name()));
    fs::create_dir_all(out).with_context(|| format!("cannot make {out:?}"))?;
    let programs =
        [("grantscope", contents::read(&programs.grantscope)?), ("grantscope-workload", contents::read(&programs.workload)?)];
    let notices = notices::of(architecture)?;
    let tree = contents::tree(contents::Made { programs, pages, notices, source })?;
    let (deb, tarball) = (deb_name(architecture), tarball::name(architecture));
    deb::pack(&tree, architecture, source, &out.join(&deb))?;
    tarball::pack(&tree, architecture, source, &out.join(&tarball))?;
    step.done("packed");
    [deb, tarball].iter().map(|name| Packed::read(out, name)).collect()
}

/// The name of the package for dpkg.
pub fn deb_name(architecture: Architecture) -> String {
    deb::name(architecture)
}

/// The name of the tarball, and that of the folder in it.
pub fn tarball_names(architecture: Architecture) -> [String; 2] {
    [tarball::name(architecture), tarball::folder(architecture)]
}
