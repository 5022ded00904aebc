//! Debian's own kernels, unpacked from their packages: the image, and those of the modules that a platform loads.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::{bzimage, files::Kernel, module::Modules};
use crate::{
    cache::{Cache, Key},
    fetch::apt,
    platform::Architecture,
    progress::Step,
};

/// Counts up when what is kept of a package changes in a way that the rest of the key does not show.
const RECIPE: &str = "2";
/// The packages that a kernel may be in, beside its own: its image, its modules, and the list of what is built in.
const PARTS: [&str; 3] = ["linux-binary-", "linux-modules-", "linux-base-"];
/// In the artifact: the modules' file names, in the order of loading.
const ORDER: &str = "order";

/// The newest kernel that `package` depends on, fetched first if need be.
///
/// # Errors
/// When the package cannot be fetched, or lacks a module.
pub fn ensure(cache: &Cache, architecture: Architecture, suite: &str, package: &str) -> Result<Kernel> {
    let modules = architecture.modules();
    let debian = architecture.debian();
    // Remembered, so that later runs ask no network and keep the kernel they have.
    let kernel = cache.fact(&format!("kernel-{package}-{suite}-{debian}"), || newest(cache, debian, suite, package))?;
    let key = Key::default().with("package", &kernel).with("modules", modules.join(" ")).with("recipe", RECIPE);
    let folder = cache.artifact(&format!("{package}-{suite}"), &key, |folder| {
        let package = unpack(cache, debian, suite, &kernel, folder)?;
        let step = Step::start(format!("choosing what of {} to keep", first(&kernel)));
        keep_image(&package, architecture, folder)?;
        keep_modules(&package, modules, folder)?;
        step.done("");
        Ok(())
    })?;
    let order = folder.join(ORDER);
    let order = fs::read_to_string(&order).with_context(|| format!("cannot read {order:?}"))?;
    let modules = order.lines().map(|name| folder.join(name)).collect();
    Ok(Kernel { image: folder.join("Image"), vmlinux: None, modules })
}

/// The kernel's packages with their versions, as apt takes them: `linux-image-6.1.0-41-amd64=6.1.158-1`. Since 7.3 that one is empty, and
/// depends on those that it is made of.
fn newest(cache: &Cache, debian: &str, suite: &str, package: &str) -> Result<String> {
    let apt = apt::suite_apt(cache, suite, debian)?;
    let kernel = apt.depends(package)?.into_iter().find(|name| name.starts_with("linux-image-"));
    let kernel = kernel.with_context(|| format!("{suite} has no {package} for {debian}: is this machine's mirror complete?"))?;
    let parts = apt.depends(&kernel)?.into_iter().filter(|name| PARTS.iter().any(|part| name.starts_with(part)));
    let packages: Vec<_> = [kernel.clone()].into_iter().chain(parts).collect();
    let versions = packages.iter().map(|name| -> Result<String> {
        let version = apt.version(name)?.with_context(|| format!("{suite} has no {name} for {debian}"))?;
        Ok(format!("{name}={version}"))
    });
    Ok(versions.collect::<Result<Vec<_>>>()?.join(" "))
}

/// Unpacks the whole package into the scratch around the artifact's folder, which is removed when the artifact is whole.
fn unpack(cache: &Cache, debian: &str, suite: &str, kernel: &str, folder: &Path) -> Result<PathBuf> {
    let step = Step::start(first(kernel));
    let package = folder.parent().context("an artifact is made in a scratch folder")?.join("package");
    fs::create_dir(&package).with_context(|| format!("cannot make {package:?}"))?;
    apt::suite_apt(cache, suite, debian)?.unpack(&kernel.split(' ').map(str::to_owned).collect::<Vec<_>>(), &package)?;
    step.done("");
    Ok(package)
}

/// The package that the others belong to.
fn first(packages: &str) -> &str {
    packages.split(' ').next().unwrap_or(packages)
}

fn keep_image(package: &Path, architecture: Architecture, folder: &Path) -> Result<()> {
    // Since 7.3 it lies beside its modules.
    let (boot, kept) = (package.join("boot"), folder.join("Image"));
    let packaged = if boot.is_dir() { only_entry(&boot, "vmlinuz-")? } else { modules_of(package)?.join("vmlinuz") };
    match architecture {
        Architecture::Arm64 => keep(&packaged, &kept),
        Architecture::X86_64 => bzimage::unpack(&packaged, &kept),
    }
}

/// The folder with the modules.
fn modules_of(package: &Path) -> Result<PathBuf> {
    // Since trixie they lie under /usr.
    let places = ["lib/modules", "usr/lib/modules"].map(|place| package.join(place));
    let place = places.iter().find(|place| place.is_dir()).with_context(|| format!("{package:?} has no modules"))?;
    only_entry(place, "")
}

fn keep_modules(package: &Path, modules: &[&str], folder: &Path) -> Result<()> {
    let mut order = String::new();
    for module in Modules::find(&modules_of(package)?)?.in_order(modules)? {
        let name = module.file_name().and_then(|name| name.to_str()).context("a module's name is UTF-8")?;
        keep(&module, &folder.join(name))?;
        order.push_str(name);
        order.push('\n');
    }
    fs::write(folder.join(ORDER), order).with_context(|| format!("cannot write into {folder:?}"))
}

fn only_entry(folder: &Path, prefix: &str) -> Result<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot look into {folder:?}"))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            found.push(entry.path());
        }
    }
    ensure!(found.len() == 1, "{folder:?} should have one entry {prefix}…, and has {}", found.len());
    found.pop().context("there is one")
}

fn keep(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).with_context(|| format!("cannot move {from:?} to {to:?}"))
}
