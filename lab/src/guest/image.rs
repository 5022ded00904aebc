//! Packs the file system of the domains: busybox, /init, our programs, the kernel's modules; and, as an archive of its own
//! behind it, the job.
//!
//! It is not compressed: unpacking costs more under emulation than loading the bytes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{cpio::Writer, job::Job};
use crate::platform::{
    Architecture, Domains, Platform,
    arguments::{DOM1_MIB, DOM1_PROFILED_MIB, guest_arguments},
};

/// The first process of both domains.
pub const INIT: &str = include_str!("../../guest/init");

/// What dom0 has for a guest of the toolstack, by their paths there: what xl runs for a disk and a network card, in place of the
/// distribution's scripts, which need more than busybox; and what has the guest use them.
const GUEST_SCRIPTS: [(&str, &str); 6] = [
    ("/etc/xen/scripts/block", include_str!("../../guest/block")),
    ("/etc/xen/scripts/vif", include_str!("../../guest/vif")),
    ("/bin/guest-ask", include_str!("../../guest/guest-ask")),
    ("/bin/guest-disk", include_str!("../../guest/guest-disk")),
    ("/bin/guest-net", include_str!("../../guest/guest-net")),
    ("/bin/next-line", include_str!("../../guest/next-line")),
];

/// The programs of both domains.
#[derive(Debug)]
pub struct Programs {
    /// Busybox, static.
    pub busybox: PathBuf,
    /// The others, by the name they get in /bin.
    pub programs: Vec<(&'static str, PathBuf)>,
    /// The kernel's modules, in the order of loading.
    pub modules: Vec<PathBuf>,
}

/// Packs the file system that is the same in both domains.
///
/// # Errors
/// When a file cannot be read.
pub fn pack_common(programs: &Programs) -> Result<Vec<u8>> {
    let mut archive = Writer::default();
    for folder in ["/bin", "/dev"] {
        archive.directory(folder);
    }
    // The kernel opens it for /init before anything is mounted; 5, 1 is Documentation/admin-guide/devices.txt's console.
    archive.character_device("/dev/console", 5, 1);
    archive.file("/init", true, INIT.as_bytes());
    archive.file("/bin/busybox", true, &read(&programs.busybox)?);
    for (name, path) in &programs.programs {
        archive.file(&format!("/bin/{name}"), true, &read(path)?);
    }
    pack_modules(&mut archive, &programs.modules)?;
    Ok(archive.finish())
}

/// Packs modules into /modules, with their names in the order in which /init loads them.
fn pack_modules(archive: &mut Writer, modules: &[PathBuf]) -> Result<()> {
    archive.directory("/modules");
    let mut order = String::new();
    for module in modules {
        let name = module.file_name().and_then(|name| name.to_str()).with_context(|| format!("{module:?} has no name"))?;
        archive.file(&format!("/modules/{name}"), false, &read(module)?);
        order.push_str(name);
        order.push('\n');
    }
    archive.file("/modules/order", false, order.as_bytes());
    Ok(())
}

/// Packs the job, to stand behind the common file system in the image of the domain that is profiled.
///
/// # Errors
/// When a file of the job cannot be read.
pub fn pack_job(job: &Job) -> Result<Vec<u8>> {
    let mut archive = Writer::default();
    archive.directory("/job");
    let (name, script) = job.script();
    archive.file(&format!("/job/{name}"), true, script.as_bytes());
    for (name, path) in job.files() {
        archive.file(&format!("/job/{name}"), true, &read(path)?);
    }
    Ok(archive.finish())
}

/// Packs what dom0 needs to start a guest: the toolstack's tree, and the guest's kernel, file system and configuration.
///
/// # Errors
/// When a file cannot be read.
pub fn pack_guest(toolstack: &Path, kernel: &Path, image: &[u8], platform: &Platform) -> Result<Vec<u8>> {
    let mut archive = Writer::default();
    pack_tree(&mut archive, toolstack, "")?;
    archive.directory("/guest");
    archive.file("/guest/kernel", false, &read(kernel)?);
    archive.file("/guest/image", false, image);
    archive.file("/guest/config", false, guest_config(platform).as_bytes());
    for folder in ["/etc", "/etc/xen", "/etc/xen/scripts"] {
        archive.directory(folder);
    }
    // xl wants it to exist.
    archive.file("/etc/xen/xl.conf", false, b"");
    for (path, script) in GUEST_SCRIPTS {
        archive.file(path, true, script.as_bytes());
    }
    Ok(archive.finish())
}

fn pack_tree(archive: &mut Writer, folder: &Path, path: &str) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot look into {folder:?}"))? {
        let entry = entry?;
        let path = format!("{path}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            archive.directory(&path);
            pack_tree(archive, &entry.path(), &path)?;
        } else {
            archive.file(&path, true, &read(&entry.path())?);
        }
    }
    Ok(())
}

/// The guest as xl takes it; its disks are made by /init. A network card comes later.
fn guest_config(platform: &Platform) -> String {
    // On arm64 there is one kind of guest.
    let kind = match platform.architecture {
        Architecture::Arm64 => "",
        Architecture::X86_64 => "type = \"pvh\"\n",
    };
    // One that is profiled sends what it leaves over its disks, and is not started a second time.
    let (name, mib, devices) = match platform.domains {
        Domains::Guest => (
            "backend",
            DOM1_PROFILED_MIB,
            "disk = [ \"phy:/dev/loop0,xvda,w\", \"phy:/dev/loop1,xvdb,w\" ]\non_reboot = \"destroy\"\n",
        ),
        Domains::Alone | Domains::Frontend | Domains::Toolstack => {
            ("frontend", DOM1_MIB, "disk = [ \"phy:/dev/loop0,xvda,w\" ]\n")
        }
    };
    format!(
        "name = \"{name}\"\n{kind}kernel = \"/guest/kernel\"\nramdisk = \"/guest/image\"\nmemory = {mib}\nvcpus = 1\n\
         extra = \"{}\"\n{devices}",
        guest_arguments(platform)
    )
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {path:?} for the domains' file system"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::named;

    #[test]
    fn the_guests_configuration_names_its_files_its_disk_and_its_role() {
        insta::assert_snapshot!(guest_config(named("toolstack").unwrap()), @r#"
        name = "frontend"
        kernel = "/guest/kernel"
        ramdisk = "/guest/image"
        memory = 256
        vcpus = 1
        extra = "console=hvc0 rdinit=/init loglevel=5 printk.devkmsg=on oops=panic panic=1 norandmaps xen_gntalloc.limit=16384 gs.role=frontend gs.grant_pages=8192 gs.dmabuf_pages=256"
        disk = [ "phy:/dev/loop0,xvda,w" ]
        "#);
    }

    #[test]
    fn a_guest_that_is_profiled_has_a_disk_for_each_port_and_ends_when_it_ends() {
        insta::assert_snapshot!(guest_config(named("x86-pvh-guest").unwrap()), @r#"
        name = "backend"
        type = "pvh"
        kernel = "/guest/kernel"
        ramdisk = "/guest/image"
        memory = 512
        vcpus = 1
        extra = "console=hvc0 rdinit=/init loglevel=5 printk.devkmsg=on oops=panic panic=1 norandmaps cma=64M gs.role=backend gs.balloon_kb=32768 gs.ports=disk"
        disk = [ "phy:/dev/loop0,xvda,w", "phy:/dev/loop1,xvdb,w" ]
        on_reboot = "destroy"
        "#);
    }
}
