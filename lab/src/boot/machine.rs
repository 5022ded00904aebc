//! The emulated machine: what lies where in its memory, the device tree that has Xen start two domains, and QEMU's options.
//!
//! Xen on Arm starts domains from the device tree ("dom0less"): see docs/misc/arm/device-tree/booting.txt of Xen 4.17. QEMU's own
//! tree is dumped, an overlay adds the domains to `/chosen`, and QEMU puts every file where the tree says.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{clock::Clock, command};

/// Memory of the whole machine; QEMU takes it from the host only as it is touched.
const MACHINE_MIB: u64 = 3072;
/// Memory of dom0. Buffers of 2,025 pages, CMA and everything under /out fit in.
const DOM0_MIB: u64 = 1024;
/// Memory of dom1, which holds the granted pages.
const DOM1_MIB: u64 = 256;

/// Where the files lie: the machine's memory starts at 1 GiB, QEMU puts Xen at its start, and Xen's heap fills from the end.
const DOM0_KERNEL: u64 = 0x4900_0000;
const DOM0_IMAGE: u64 = 0x5000_0000;
const DOM1_KERNEL: u64 = 0x6000_0000;
const DOM1_IMAGE: u64 = 0x6800_0000;
/// The smallest room between two of them.
const ROOM: u64 = 0x0700_0000;

/// Pages that dom1 grants to dom0: one buffer of 2,025, its directory, and room for further ones.
const GRANT_PAGES: u32 = 4096;
/// Given back to Xen before anything is measured; see `balloon_out` in guest/init.
const BALLOON_KB: u32 = 32 * 1024;
/// The counter that the guests read their time from ticks every nanosecond. With the default of 62.5 MHz the median of an
/// operation of 2 µs could only move in steps of 0.8 %, more than two runs may differ.
const CPU: &str = "cortex-a57,cntfrq=1000000000";
/// Room for DMA buffers: one of 2,025 pages needs 8 MiB in one piece, more than the buddy allocator's largest block.
const CMA: &str = "64M";

/// The files of one boot.
#[derive(Debug)]
pub struct Files {
    /// Xen.
    pub hypervisor: PathBuf,
    /// Linux, for both domains.
    pub kernel: PathBuf,
    /// The file system of dom0: everything, then the job.
    pub dom0_image: PathBuf,
    /// The file system of dom1: the same without the job.
    pub dom1_image: PathBuf,
}

/// QEMU, and what it needs to be started.
#[derive(Debug, Clone)]
pub struct Qemu {
    /// The program.
    pub program: PathBuf,
    /// Folders with its libraries, if it was unpacked into the cache.
    pub libraries: Option<String>,
}

impl Qemu {
    /// A command that starts it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }

    /// A command that starts the lab's machine with this clock, without its files.
    pub fn machine(&self, clock: Clock, machine_properties: &str) -> Command {
        let mut command = self.command();
        command
            .args(["-M", &format!("virt,virtualization=on,gic-version=3{machine_properties}")])
            .args(["-cpu", CPU])
            .args(["-m", &MACHINE_MIB.to_string()])
            .args(clock.qemu_options())
            .args(["-display", "none", "-monitor", "none", "-nic", "none", "-no-reboot"])
            .args(["-global", "virtio-mmio.force-legacy=false"]);
        command
    }
}

/// A file with its place in the machine's memory.
#[derive(Debug, Clone, Copy)]
struct Module {
    address: u64,
    size: u64,
}

/// Makes the device tree in `folder` and gives QEMU's options that load it and every file it names.
pub fn load(qemu: &Qemu, clock: Clock, files: &Files, folder: &Path) -> Result<Vec<String>> {
    let module = |path: &Path, address: u64| -> Result<Module> {
        let size = fs::metadata(path).with_context(|| format!("cannot look at {path:?}"))?.len();
        ensure!(
            size < ROOM,
            "{path:?} has {size} bytes and does not fit in the {ROOM} that the lab's memory map leaves for it: make it smaller"
        );
        Ok(Module { address, size })
    };
    let placed = [
        (&files.kernel, DOM0_KERNEL),
        (&files.dom0_image, DOM0_IMAGE),
        (&files.kernel, DOM1_KERNEL),
        (&files.dom1_image, DOM1_IMAGE),
    ];
    let mut modules = Vec::new();
    for (path, address) in placed {
        modules.push(module(path, address)?);
    }
    let tree = device_tree(qemu, clock, &overlay(&modules), folder)?;
    let mut options = vec!["-kernel".into(), path_text(&files.hypervisor)?, "-dtb".into(), path_text(&tree)?];
    for (path, address) in placed {
        options.push("-device".into());
        options.push(format!("loader,file={},addr={address:#x},force-raw=on", path_text(path)?));
    }
    Ok(options)
}

fn path_text(path: &Path) -> Result<String> {
    let text = path.to_str().with_context(|| format!("{path:?} is not UTF-8"))?;
    // QEMU splits its options at commas; two stand for one.
    Ok(text.replace(',', ",,"))
}

fn device_tree(qemu: &Qemu, clock: Clock, overlay: &str, folder: &Path) -> Result<PathBuf> {
    let [base, source, compiled, merged] =
        ["machine.dtb", "domains.dts", "domains.dtbo", "lab.dtb"].map(|name| folder.join(name));
    // dtb-randomness would give every boot its own seeds, and with them other addresses and another hash order.
    let dump = format!(",dtb-randomness=off,dumpdtb={}", path_text(&base)?);
    command::output(&mut qemu.machine(clock, &dump)).context("QEMU does not give its device tree")?;
    fs::write(&source, overlay).with_context(|| format!("cannot write {source:?}"))?;
    command::output(Command::new("dtc").args(["-q", "-@", "-I", "dts", "-O", "dtb", "-o"]).args([&compiled, &source]))?;
    command::output(Command::new("fdtoverlay").arg("-i").arg(&base).arg("-o").args([&merged, &compiled]))?;
    Ok(merged)
}

fn overlay(modules: &[Module]) -> String {
    let [dom0_kernel, dom0_image, dom1_kernel, dom1_image] = std::array::from_fn(|index| modules[index]);
    let module = |kind: &str, at: Module, more: &str| {
        format!(
            "module@{address:x} {{ compatible = \"multiboot,{kind}\", \"multiboot,module\"; reg = <0x0 {address:#x} 0x0 {size:#x}>;{more} }};",
            address = at.address,
            size = at.size,
        )
    };
    let common = "rdinit=/init loglevel=5 printk.devkmsg=on oops=panic panic=1 norandmaps";
    let dom0_arguments = format!("console=hvc0 {common} cma={CMA} gs.role=backend gs.balloon_kb={BALLOON_KB}");
    let dom1_arguments =
        format!("console=ttyAMA0 {common} xen_gntalloc.limit={} gs.role=frontend gs.grant_pages={GRANT_PAGES}", 2 * GRANT_PAGES);
    format!(
        r#"/dts-v1/;
/plugin/;
/ {{
    fragment@0 {{
        target-path = "/chosen";
        __overlay__ {{
            #address-cells = <2>;
            #size-cells = <2>;
            xen,xen-bootargs = "console=dtuart dom0_mem={DOM0_MIB}M bootscrub=0 console_timestamps=none";
            xen,dom0-bootargs = "{dom0_arguments}";
            {}
            {}
            domU1 {{
                compatible = "xen,domain";
                #address-cells = <2>;
                #size-cells = <2>;
                memory = <0x0 {:#x}>;
                cpus = <1>;
                vpl011;
                xen,enhanced = "no-xenstore";
                {}
                {}
            }};
        }};
    }};
}};
"#,
        module("kernel", dom0_kernel, ""),
        module("ramdisk", dom0_image, ""),
        DOM1_MIB * 1024,
        module("kernel", dom1_kernel, &format!(" bootargs = \"{dom1_arguments}\";")),
        module("ramdisk", dom1_image, ""),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules() -> Vec<Module> {
        [DOM0_KERNEL, DOM0_IMAGE, DOM1_KERNEL, DOM1_IMAGE].map(|address| Module { address, size: 0x1234 }).to_vec()
    }

    #[test]
    fn the_overlay_names_two_domains_with_their_files_and_arguments() {
        insta::assert_snapshot!(overlay(&modules()));
    }

    #[test]
    fn no_two_files_overlap_in_the_machines_memory() {
        let starts = modules().iter().map(|module| module.address).collect::<Vec<_>>();
        assert!(starts.windows(2).all(|pair| pair[0] + ROOM <= pair[1]));
        const { assert!(DOM1_IMAGE + ROOM < (1024 + MACHINE_MIB) << 20) };
    }

    #[test]
    fn a_comma_in_a_path_does_not_split_qemus_option() {
        assert_eq!(path_text(Path::new("/a,b")).unwrap(), "/a,,b");
    }
}
