//! Small programs in C that domains run beside ours, static; those of the toolstack's platform are kept in the cache.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    cache::{Cache, Key},
    command, place,
    platform::Architecture,
};

/// By the names of their sources in lab/guest, which are their names in /bin too.
const PROGRAMS: [&str; 4] = ["frames", "rogue", "port", "disk-pipe"];
const OPTIONS: [&str; 5] = ["-O2", "-Wall", "-Wextra", "-Werror", "-pthread"];

/// Compiles them for a platform of this architecture; gives each with its name.
///
/// # Errors
/// When one does not compile.
pub fn ensure(cache: &Cache, architecture: Architecture) -> Result<Vec<(&'static str, PathBuf)>> {
    let source = |name: &str| place::work_tree().join("lab/guest").join(name).with_extension("c");
    let mut key = Key::default().with("compiler", architecture.static_compiler()).with("options", OPTIONS.join(" "));
    for name in PROGRAMS {
        let path = source(name);
        key = key.with(name, fs::read(&path).with_context(|| format!("cannot read {path:?}"))?);
    }
    let folder = cache.artifact(&format!("guest-programs-{}", architecture.debian()), &key, |folder| {
        PROGRAMS.iter().try_for_each(|name| compile(architecture, &source(name), &folder.join(name)))
    })?;
    Ok(PROGRAMS.iter().map(|&name| (name, folder.join(name))).collect())
}

/// Compiles one static program.
///
/// # Errors
/// When it does not compile.
pub fn compile(architecture: Architecture, source: &Path, program: &Path) -> Result<()> {
    let mut words = architecture.static_compiler().split(' ');
    let mut compiler = Command::new(words.next().unwrap_or_default());
    compiler.args(words).args(OPTIONS).arg("-o").arg(program).arg(source);
    command::run(&mut compiler)
}
