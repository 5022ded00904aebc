//! Builds a kernel of our own configuration from Debian's source package, once, into the cache.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use super::{build, config, files::Kernel};
use crate::{
    cache::{Cache, Key},
    command,
    fetch::apt,
    platform::{Architecture, Ours, Source},
    progress::Step,
};

/// Free space that the unpacked source and the objects need while they exist.
const BYTES_NEEDED: u64 = 5 << 30;
/// Counts up when the steps of the build change in a way that the rest of the key does not show.
const RECIPE: &str = "1";

/// A kernel for this architecture, built first if need be.
///
/// # Errors
/// When the source cannot be fetched, or the kernel does not build.
pub fn ensure(cache: &Cache, architecture: Architecture, ours: &Ours) -> Result<Kernel> {
    let package = ours.source.package();
    let version = version(cache, ours.source)?;
    let options = config::options(architecture, ours.options);
    let mut key =
        Key::default().with("package", &package).with("version", &version).with("options", &options).with("recipe", RECIPE);
    if let Some(patch) = ours.patch {
        key = key.with("patch", patch);
    }
    let folder = cache.artifact(ours.name, &key, |folder| {
        // The artifact's folder is empty and in the scratch of this kind, which is removed when the artifact is whole.
        let scratch = folder.parent().context("an artifact is made in a scratch folder")?;
        let source = source(cache, ours, scratch)?;
        let objects = scratch.join("objects");
        fs::create_dir(&objects).with_context(|| format!("cannot make {objects:?}"))?;
        let tree = build::Tree::new(&source, &objects, architecture);
        config::apply(&tree, &options, ours.source.lacks)?;
        make(&tree, &version, folder)
    })?;
    Ok(Kernel { image: folder.join("Image"), vmlinux: Some(folder.join("vmlinux")), modules: Vec::new() })
}

/// The source's version, as apt takes it; remembered, so that later runs ask no network and keep the kernel they have.
fn version(cache: &Cache, source: Source) -> Result<String> {
    cache.fact(&format!("version-{}", source.package()), || newest(cache, source))
}

/// Fetches the kernel's source into `scratch`, with the platform's change, and gives its top folder.
///
/// # Errors
/// When there is no room for it, or it cannot be fetched.
pub fn source(cache: &Cache, ours: &Ours, scratch: &Path) -> Result<PathBuf> {
    check_space(scratch)?;
    let source = unpack(cache, ours.source, &version(cache, ours.source)?, scratch)?;
    if let Some(patch) = ours.patch {
        apply(patch, &source, scratch)?;
    }
    Ok(source)
}

/// Where Debian no longer has it, the lab has to follow.
fn newest(cache: &Cache, source: Source) -> Result<String> {
    let (package, suite) = (source.package(), source.suite);
    let version = apt::suite_apt(cache, suite, &apt::machine_architecture()?)?.version(&package)?;
    version.with_context(|| {
        format!("{suite} has no {package}: either this machine's mirror is not complete, or Debian has a later one, which lab/src/platform/sources.rs has to name")
    })
}

/// Changes the source.
fn apply(patch: &str, source: &Path, scratch: &Path) -> Result<()> {
    let path = scratch.join("patch");
    fs::write(&path, patch).with_context(|| format!("cannot write {path:?}"))?;
    command::output(Command::new("patch").args(["-p1", "--fuzz=0", "-d"]).arg(source).arg("-i").arg(&path))
        .context("the lab's change of the kernel does not fit this source: lab/kernel/ has to follow it")?;
    Ok(())
}

fn make(tree: &build::Tree, version: &str, folder: &Path) -> Result<()> {
    let step = Step::start(format!("kernel {version}"));
    tree.build(&step)?;
    step.done("built");
    tree.take_image(&folder.join("Image"))?;
    for (from, to) in [("vmlinux", "vmlinux"), ("System.map", "System.map"), (".config", "config")] {
        let (from, to) = (tree.objects().join(from), folder.join(to));
        fs::rename(&from, &to).with_context(|| format!("the kernel's build left no {from:?}"))?;
    }
    Ok(())
}

fn check_space(folder: &Path) -> Result<()> {
    let space = nix::sys::statvfs::statvfs(folder).with_context(|| format!("cannot look at {folder:?}"))?;
    let free = u128::from(space.blocks_available()) * u128::from(space.fragment_size());
    ensure!(
        free >= u128::from(BYTES_NEEDED),
        "building the kernel needs {} GiB for a while, and {} has {} MiB free: free some, or set GRANTSCOPE_CACHE to another disk",
        BYTES_NEEDED >> 30,
        folder.display(),
        free >> 20
    );
    Ok(())
}

/// Downloads and unpacks the source, and gives its top folder.
fn unpack(cache: &Cache, source: Source, version: &str, scratch: &Path) -> Result<PathBuf> {
    let (name, package) = (source.package(), scratch.join("package"));
    fs::create_dir(&package).with_context(|| format!("cannot make {package:?}"))?;
    let step = Step::start(format!("download of {name} {version}"));
    let apt = apt::suite_apt(cache, source.suite, &apt::machine_architecture()?)?;
    apt.unpack(&[format!("{name}={version}")], &package)?;
    step.done("");
    let archive = package.join("usr/src").join(format!("{name}.tar.xz"));
    let step = Step::start(format!("unpacking {name}"));
    untar(&archive, scratch, &step)?;
    step.done("");
    Ok(scratch.join(name))
}

/// Feeds the archive to tar, so that the share done is known.
fn untar(archive: &Path, into: &Path, step: &Step) -> Result<()> {
    use std::io::{Read, Write};
    let mut file = fs::File::open(archive).with_context(|| format!("the package has no {archive:?}"))?;
    step.set_total(file.metadata()?.len() >> 20, "MiB");
    let mut tar = Command::new("tar").args(["-xJ", "-C"]).arg(into).stdin(Stdio::piped()).spawn().context("cannot start tar")?;
    let mut input = tar.stdin.take().context("tar has no input")?;
    let mut buffer = vec![0; 1 << 20];
    let mut position = 0;
    loop {
        let size = file.read(&mut buffer).with_context(|| format!("cannot read {archive:?}"))?;
        if size == 0 {
            break;
        }
        input.write_all(&buffer[..size]).context("tar stopped reading: is the disk full?")?;
        position += size as u64;
        step.set_position(position >> 20);
    }
    drop(input);
    if !tar.wait()?.success() {
        bail!("tar could not unpack {archive:?}: is the disk full?");
    }
    Ok(())
}
