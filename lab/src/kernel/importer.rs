//! Builds the lab's own module, an importer of dma-bufs with a device, for a kernel that was built here.
//!
//! The kernel's artifact has no objects, so the source is unpacked once more and prepared with that kernel's configuration. A module needs
//! no more where the kernel does not compare the versions of symbols (MODVERSIONS).

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{build, files::Kernel, ours};
use crate::{
    cache::{Cache, Key},
    command,
    platform::{Architecture, Ours},
    progress::Step,
};

/// The module's name.
const IMPORTER: &str = "grantscope-importer";
const SOURCES: [(&str, &str); 2] = [
    ("Kbuild", include_str!("../../importer/Kbuild")),
    ("grantscope-importer.c", include_str!("../../importer/grantscope-importer.c")),
];
/// Counts up when the steps of the build change in a way that the rest of the key does not show.
const RECIPE: &str = "1";

/// The module for `kernel`, which was made of `ours`; built first if need be.
///
/// # Errors
/// When the source cannot be fetched, or the module does not build.
pub fn ensure(cache: &Cache, architecture: Architecture, ours: &Ours, kernel: &Kernel) -> Result<PathBuf> {
    let built = kernel.image.parent().context("a kernel lies in a folder")?;
    // The folder's name has the hash of all that the kernel was made of.
    let name = built.file_name().and_then(|name| name.to_str()).context("an artifact's name is UTF-8")?;
    let mut key = Key::default().with("kernel", name).with("recipe", RECIPE);
    for (name, source) in SOURCES {
        key = key.with(name, source);
    }
    let folder = cache.artifact("importer", &key, |folder| {
        let scratch = folder.parent().context("an artifact is made in a scratch folder")?;
        let source = ours::source(cache, ours, scratch)?;
        let objects = scratch.join("objects");
        fs::create_dir(&objects).with_context(|| format!("cannot make {objects:?}"))?;
        let configuration = built.join("config");
        fs::copy(&configuration, objects.join(".config")).with_context(|| format!("the kernel left no {configuration:?}"))?;
        let module = make(&build::Tree::new(&source, &objects, architecture), &scratch.join("module"))?;
        fs::rename(&module, folder.join(IMPORTER).with_extension("ko")).with_context(|| format!("the build left no {module:?}"))
    })?;
    Ok(folder.join(IMPORTER).with_extension("ko"))
}

fn make(tree: &build::Tree, folder: &Path) -> Result<PathBuf> {
    fs::create_dir(folder).with_context(|| format!("cannot make {folder:?}"))?;
    for (name, source) in SOURCES {
        let path = folder.join(name);
        fs::write(&path, source).with_context(|| format!("cannot write {path:?}"))?;
    }
    let step = Step::start(format!("module {IMPORTER}"));
    command::output(tree.make().arg("modules_prepare")).context("the kernel's source cannot be prepared for a module")?;
    // Without the kernel's objects nothing is known of its symbols: that is worth a warning only. Nobody debugs the module.
    let module = format!("M={}", folder.display());
    command::output(tree.make().args([&module, "modules", "KBUILD_MODPOST_WARN=1", "KCFLAGS=-g0"]))
        .context("the lab's module does not build")?;
    step.done("built");
    Ok(folder.join(IMPORTER).with_extension("ko"))
}
