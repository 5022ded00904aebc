//! A kernel and a Xen that somebody has as files, such as those of a board: whether they can boot in the lab is said before anything does.

mod image;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::{
    Kernel, bzimage,
    module::{self, Modules},
};
use crate::{
    command,
    platform::{Architecture, Platform},
};
use image::Image;

/// Makes a kernel that is a file ready to boot on a platform's machine, with those of its modules that the lab loads; what is unpacked goes
/// into `folder`.
///
/// # Errors
/// When the file is no kernel, one of another architecture, or one that Xen cannot start; when the modules are of another kernel.
pub fn kernel(file: &Path, modules: Option<&Path>, platform: &Platform, folder: &Path) -> Result<Kernel> {
    let plain = gunzipped(file, folder, "kernel")?;
    let mut bytes = read(&plain)?;
    let found = Image::of(&bytes).with_context(|| format!("{} cannot boot in the lab", file.display()))?;
    found.fits(platform).with_context(|| format!("{} cannot boot on the platform {}", file.display(), platform.name))?;
    let mut image = plain;
    if found == Image::SelfUnpacking {
        image = folder.join("kernel.elf");
        bzimage::unpack(file, &image)?;
        bytes = read(&image)?;
    }
    image::knows_xen(&bytes, platform.architecture).with_context(|| file.display().to_string())?;
    let modules = match modules {
        Some(folder) => find_modules(folder, image::version(&bytes), platform.architecture)?,
        None => Vec::new(),
    };
    Ok(Kernel { image, vmlinux: None, modules })
}

/// Makes a Xen that is a file ready to boot on a platform's machine.
///
/// # Errors
/// When the file is no Xen, or one of another architecture.
pub fn hypervisor(file: &Path, platform: &Platform, folder: &Path) -> Result<PathBuf> {
    let plain = gunzipped(file, folder, "xen")?;
    image::is_xen(&read(&plain)?, platform.architecture).with_context(|| file.display().to_string())?;
    Ok(plain)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

/// The file without gzip's compression around it, if it has it: `Image.gz`, `xen.gz`.
fn gunzipped(file: &Path, folder: &Path, name: &str) -> Result<PathBuf> {
    if !read(file)?.starts_with(b"\x1f\x8b") {
        return Ok(file.to_owned());
    }
    let plain = folder.join(name);
    command::gunzip(file, &plain).with_context(|| format!("{} is compressed, and damaged", file.display()))?;
    Ok(plain)
}

/// What the lab loads of the modules below this folder. What is not there is left to `doctor` to name, but for what results leave by.
fn find_modules(given: &Path, kernel: Option<&str>, architecture: Architecture) -> Result<Vec<PathBuf>> {
    let folder = with_modules(given)?;
    let modules = Modules::find(&folder)?;
    let known: Vec<&str> = architecture.modules().iter().copied().filter(|name| modules.has(name)).collect();
    for name in architecture.modules().iter().filter(|name| !known.contains(name)) {
        eprintln!("note: {} has no module {name}, and it is not built in", folder.display());
    }
    let found = modules.in_order(&known)?;
    if let (Some(kernel), Some(module)) = (kernel, found.first()) {
        let of = module::version(module)?;
        ensure!(
            of == kernel,
            "{} has modules of Linux {of}, and the kernel is Linux {kernel}, which would refuse them: give the folder lib/modules/{kernel} \
             of the same build",
            folder.display()
        );
    }
    Ok(found)
}

/// The folder of a kernel's modules: it, or the only one in it, in its `lib/modules` or in its `usr/lib/modules`.
fn with_modules(given: &Path) -> Result<PathBuf> {
    let is_one = |folder: &Path| folder.join("modules.builtin").is_file();
    if is_one(given) {
        return Ok(given.to_owned());
    }
    let around = [given.to_owned(), given.join("lib/modules"), given.join("usr/lib/modules")];
    let entries = around.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = entries.filter(|folder| is_one(folder)).collect();
    found.sort();
    let names: Vec<_> = found.iter().map(|folder| folder.display().to_string()).collect();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => anyhow::bail!(
            "{} has no modules.builtin: give the folder lib/modules/VERSION, as `make modules_install` writes it",
            given.display()
        ),
        _ => anyhow::bail!("{} has the modules of several kernels; give one of {}", given.display(), names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{boot::run::Scratch, platform::MAIN};

    #[test]
    fn a_kernel_is_read_also_if_it_is_compressed_and_what_is_none_is_refused_by_name() {
        let folder = Scratch::new().unwrap();
        let [plain, text] = ["Image", "text"].map(|name| folder.0.join(name));
        fs::write(&plain, image::tests::arm64(1)).unwrap();
        fs::write(&text, "hello").unwrap();
        assert_eq!(kernel(&plain, None, MAIN, &folder.0).unwrap().image, plain);
        command::run(std::process::Command::new("gzip").arg(&plain)).unwrap();
        let packed = plain.with_extension("gz");
        assert_eq!(kernel(&packed, None, MAIN, &folder.0).unwrap().image, folder.0.join("kernel"));
        let refused = format!("{:#}", kernel(&text, None, MAIN, &folder.0).unwrap_err());
        assert!(refused.contains("text cannot boot in the lab: it is not a kernel"), "{refused}");
        let refused = format!("{:#}", hypervisor(&packed, MAIN, &folder.0).unwrap_err());
        assert!(refused.contains("it is not Xen"), "{refused}");
    }

    #[test]
    fn modules_are_found_below_a_folder_unless_there_are_several() {
        let folder = Scratch::new().unwrap();
        let missing = with_modules(&folder.0).unwrap_err().to_string();
        assert!(missing.contains("make modules_install"), "{missing}");
        let [first, second] = ["5.10.1", "6.1.2"].map(|version| folder.0.join("lib/modules").join(version));
        for made in [&first, &second] {
            let found = with_modules(&folder.0);
            assert!(found.is_err() || found.unwrap() == first);
            fs::create_dir_all(made).unwrap();
            fs::write(made.join("modules.builtin"), "").unwrap();
        }
        assert_eq!(with_modules(&second).unwrap(), second);
        let several = with_modules(&folder.0).unwrap_err().to_string();
        assert!(several.contains("5.10.1") && several.contains("6.1.2"), "{several}");
    }
}
