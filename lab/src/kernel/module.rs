//! Finds modules in an unpacked kernel package, with what they depend on, in the order in which they can be loaded.
//!
//! The package has no modules.dep, which depmod makes only where the kernel is installed. But every module names what it depends
//! on in its section .modinfo, and the package lists what is built into the kernel.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection};

use crate::command;

/// The modules of one kernel.
#[derive(Debug)]
pub struct Modules {
    files: BTreeMap<String, PathBuf>,
    builtin: BTreeSet<String>,
}

impl Modules {
    /// Looks through `lib/modules/VERSION`, and unpacks what is compressed there.
    ///
    /// # Errors
    /// When the folder is not that of a kernel's modules.
    pub fn find(folder: &Path) -> Result<Self> {
        let list = folder.join("modules.builtin");
        let builtin = fs::read_to_string(&list).with_context(|| format!("cannot read {list:?}"))?;
        let builtin = builtin.lines().filter_map(|line| name_of(Path::new(line))).collect();
        let mut files = BTreeMap::new();
        collect(&folder.join("kernel"), &mut files)?;
        Ok(Self { files, builtin })
    }

    /// Whether a module is there, or built in.
    pub fn has(&self, name: &str) -> bool {
        let name = canonical(name);
        self.builtin.contains(&name) || self.files.contains_key(&name)
    }

    /// These modules and everything that they depend on, each after what it needs. What is built in needs no loading.
    ///
    /// # Errors
    /// When a module is neither there nor built in.
    pub fn in_order(&self, wanted: &[&str]) -> Result<Vec<PathBuf>> {
        let mut order = Vec::new();
        for name in wanted {
            self.add(name, &mut order)?;
        }
        Ok(order)
    }

    fn add(&self, name: &str, order: &mut Vec<PathBuf>) -> Result<()> {
        let name = canonical(name);
        if self.builtin.contains(&name) {
            return Ok(());
        }
        let Some(file) = self.files.get(&name) else {
            bail!("the kernel's package has no module {name}, and it is not built in: this kernel does not fit the lab");
        };
        let file = plain(file)?;
        if order.contains(&file) {
            return Ok(());
        }
        for needed in dependencies(&file)? {
            self.add(&needed, order)?;
        }
        order.push(file);
        Ok(())
    }
}

fn collect(folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot look into {folder:?}"))? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            collect(&path, files)?;
        } else if let Some(name) = name_of(&path) {
            files.insert(name, path);
        }
    }
    Ok(())
}

/// The module's name by its file: `drivers/xen/xen-gntdev.ko.xz` has xen_gntdev.
fn name_of(path: &Path) -> Option<String> {
    let (name, _) = path.file_name()?.to_str()?.split_once(".ko")?;
    Some(canonical(name))
}

/// The kernel takes a dash and an underscore for the same in a module's name.
fn canonical(name: &str) -> String {
    name.replace('-', "_")
}

/// The module without compression: busybox's insmod knows none.
fn plain(file: &Path) -> Result<PathBuf> {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("ko") => Ok(file.into()),
        Some("xz") => {
            let plain = file.with_extension("");
            if !plain.exists() {
                command::output(Command::new("xz").args(["--decompress", "--keep"]).arg(file))?;
            }
            Ok(plain)
        }
        _ => bail!("{file:?} is compressed in a way that the lab does not know"),
    }
}

fn dependencies(file: &Path) -> Result<Vec<String>> {
    Ok(parse_dependencies(&modinfo(file)?))
}

/// The version of Linux that a module was built for.
///
/// # Errors
/// When the file is not a module.
pub fn version(file: &Path) -> Result<String> {
    parse_version(&modinfo(file)?).with_context(|| format!("{file:?} does not say which kernel it is for"))
}

/// The section .modinfo.
fn modinfo(file: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {file:?}"))?;
    let elf = object::File::parse(&*bytes).with_context(|| format!("{file:?} is not a module"))?;
    let section = elf.section_by_name(".modinfo").with_context(|| format!("{file:?} has no .modinfo"))?;
    Ok(section.data().with_context(|| format!("{file:?} is damaged"))?.to_vec())
}

/// The values of a field of a .modinfo section, whose fields end in a null byte each.
fn field<'a>(modinfo: &'a [u8], name: &'a str) -> impl Iterator<Item = &'a str> {
    let fields = modinfo.split(|&byte| byte == 0).filter_map(|field| std::str::from_utf8(field).ok());
    fields.filter_map(move |field| field.strip_prefix(name)?.strip_prefix('='))
}

/// The names in `depends=virtio,virtio_ring`.
fn parse_dependencies(modinfo: &[u8]) -> Vec<String> {
    field(modinfo, "depends").flat_map(|names| names.split(',')).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The version in `vermagic=6.1.0-50-arm64 SMP mod_unload aarch64`.
fn parse_version(modinfo: &[u8]) -> Option<String> {
    Some(field(modinfo, "vermagic").next()?.split(' ').next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modules_name_is_its_files_with_underscores_whatever_its_compression() {
        for file in ["kernel/drivers/xen/xen-gntdev.ko", "a/xen_gntdev.ko.xz", "xen-gntdev.ko.zst"] {
            assert_eq!(name_of(Path::new(file)).unwrap(), "xen_gntdev");
        }
        assert_eq!(name_of(Path::new("modules.order")), None);
    }

    #[test]
    fn what_a_module_depends_on_is_read_and_nothing_of_a_module_that_needs_none() {
        assert_eq!(parse_dependencies(b"license=GPL\0depends=virtio,virtio_ring\0\0name=x\0"), ["virtio", "virtio_ring"]);
        assert!(parse_dependencies(b"depends=\0license=GPL\0").is_empty());
    }

    #[test]
    fn the_version_that_a_module_is_for_is_the_first_word_of_its_magic() {
        assert_eq!(parse_version(b"name=x\0vermagic=6.1.0-50-arm64 SMP mod_unload\0").unwrap(), "6.1.0-50-arm64");
        assert_eq!(parse_version(b"name=x\0"), None);
    }

    #[test]
    fn what_is_built_in_is_not_loaded_and_what_is_nowhere_is_an_error() {
        let modules = Modules { files: BTreeMap::new(), builtin: ["virtio".to_owned()].into() };
        assert!(modules.in_order(&["virtio"]).unwrap().is_empty());
        let error = modules.in_order(&["xen-gntdev"]).unwrap_err().to_string();
        assert!(error.contains("no module xen_gntdev"), "{error}");
    }
}
