//! arm64: what lies where in the machine's memory, and the device tree that has Xen start one domain or two.
//!
//! Xen on Arm starts domains from the device tree ("dom0less"): see docs/misc/arm/device-tree/booting.txt of Xen 4.17. QEMU's own
//! tree is dumped, an overlay adds the domains to `/chosen`, and QEMU puts every file where the tree says.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::common::{Files, common, path_text};
use crate::{
    command,
    platform::{
        Clock, Platform,
        arguments::{DOM1_MIB, dom0_arguments, frontend_arguments, xen_arguments},
    },
    setup::Parts,
};

/// Memory of dom0. Buffers of 2,025 pages, CMA and everything under /out fit in.
const DOM0_MIB: u64 = 1024;

/// Where the files lie: the machine's memory starts at 1 GiB, QEMU puts Xen at its start, and Xen's heap fills from the end.
const DOM0_KERNEL: u64 = 0x4900_0000;
const DOM0_IMAGE: u64 = 0x5000_0000;
const DOM1_KERNEL: u64 = 0x6000_0000;
const DOM1_IMAGE: u64 = 0x6800_0000;
/// The smallest room between two of them.
const ROOM: u64 = 0x0700_0000;

/// The node of the lab's own device (lab/importer/), which Xen hands to dom0 like any other. It has no registers and no interrupts: it is
/// there for what Linux chooses for it, its DMA operations.
const IMPORTER_FRAGMENT: &str = r#"    fragment@1 {
        target-path = "/";
        __overlay__ {
            grantscope-importer { compatible = "grantscope,importer"; };
        };
    };
"#;

/// A file with its place in the machine's memory.
#[derive(Debug, Clone, Copy)]
struct Module {
    address: u64,
    size: u64,
}

/// The two files of a domain.
#[derive(Debug, Clone, Copy)]
struct Domain {
    kernel: Module,
    image: Module,
}

/// A command that boots these files; the device tree is made in `folder`.
///
/// # Errors
/// When a file does not fit into its place in memory, or the device tree cannot be made.
pub fn command(parts: &Parts, clock: Clock, files: &Files, folder: &Path) -> Result<Command> {
    let mut placed = vec![(&files.kernel, DOM0_KERNEL), (&files.dom0_image, DOM0_IMAGE)];
    if let Some(image) = &files.dom1_image {
        placed.extend([(&files.kernel, DOM1_KERNEL), (image, DOM1_IMAGE)]);
    }
    let mut modules = Vec::new();
    for &(path, address) in &placed {
        modules.push(Module { address, size: size_that_fits(path)? });
    }
    let domains: Vec<_> = modules.chunks_exact(2).map(|pair| Domain { kernel: pair[0], image: pair[1] }).collect();
    let tree = device_tree(parts, clock, &overlay(parts.platform, &domains), folder)?;
    let mut command = machine(parts, clock, "");
    command.args([Path::new("-kernel"), &files.hypervisor, Path::new("-dtb"), &tree]);
    for (path, address) in placed {
        command.args(["-device", &format!("loader,file={},addr={address:#x},force-raw=on", path_text(path)?)]);
    }
    Ok(command)
}

/// A command that starts the machine without its files. dtb-randomness would give every boot its own seeds, and with them other
/// addresses and another hash order.
fn machine(parts: &Parts, clock: Clock, properties: &str) -> Command {
    let mut command = common(parts, clock);
    command
        .args(["-M", &format!("virt,virtualization=on,gic-version=3,dtb-randomness=off{properties}")])
        .args(["-global", "virtio-mmio.force-legacy=false"]);
    command
}

fn size_that_fits(path: &Path) -> Result<u64> {
    let size = fs::metadata(path).with_context(|| format!("cannot look at {path:?}"))?.len();
    ensure!(
        size < ROOM,
        "{path:?} has {size} bytes and does not fit in the {ROOM} that the lab's memory map leaves for it: make it smaller"
    );
    Ok(size)
}

fn device_tree(parts: &Parts, clock: Clock, overlay: &str, folder: &Path) -> Result<PathBuf> {
    let [base, source, compiled, merged] =
        ["machine.dtb", "domains.dts", "domains.dtbo", "lab.dtb"].map(|name| folder.join(name));
    let dump = format!(",dumpdtb={}", path_text(&base)?);
    command::output(&mut machine(parts, clock, &dump)).context("QEMU does not give its device tree")?;
    fs::write(&source, overlay).with_context(|| format!("cannot write {source:?}"))?;
    command::output(Command::new("dtc").args(["-q", "-@", "-I", "dts", "-O", "dtb", "-o"]).args([&compiled, &source]))?;
    command::output(Command::new("fdtoverlay").arg("-i").arg(&base).arg("-o").args([&merged, &compiled]))?;
    Ok(merged)
}

/// What is added to `/chosen`: the first domain is dom0, a second one dom1.
fn overlay(platform: &Platform, placed: &[Domain]) -> String {
    let (xen_arguments, dom0_arguments) = (xen_arguments(platform), dom0_arguments(platform));
    let further: String = placed[1..].iter().map(|domain| domain_node(*domain)).collect();
    let device = if platform.importer { IMPORTER_FRAGMENT } else { "" };
    format!(
        r#"/dts-v1/;
/plugin/;
/ {{
    fragment@0 {{
        target-path = "/chosen";
        __overlay__ {{
            #address-cells = <2>;
            #size-cells = <2>;
            xen,xen-bootargs = "console=dtuart dom0_mem={DOM0_MIB}M {xen_arguments}";
            xen,dom0-bootargs = "{dom0_arguments}";
            {}
            {}
{further}        }};
    }};
{device}}};
"#,
        module_node("kernel", placed[0].kernel, ""),
        module_node("ramdisk", placed[0].image, ""),
    )
}

fn domain_node(domain: Domain) -> String {
    let arguments = frontend_arguments("ttyAMA0");
    format!(
        r#"            domU1 {{
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
"#,
        DOM1_MIB * 1024,
        module_node("kernel", domain.kernel, &format!(" bootargs = \"{arguments}\";")),
        module_node("ramdisk", domain.image, ""),
    )
}

fn module_node(kind: &str, at: Module, more: &str) -> String {
    format!(
        "module@{address:x} {{ compatible = \"multiboot,{kind}\", \"multiboot,module\"; reg = <0x0 {address:#x} 0x0 {size:#x}>;{more} }};",
        address = at.address,
        size = at.size,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{MAIN, arguments::MACHINE_MIB};

    const ADDRESSES: [u64; 4] = [DOM0_KERNEL, DOM0_IMAGE, DOM1_KERNEL, DOM1_IMAGE];

    fn placed(count: usize) -> Vec<Domain> {
        let module = |address| Module { address, size: 0x1234 };
        let domains = ADDRESSES.chunks(2).map(|pair| Domain { kernel: module(pair[0]), image: module(pair[1]) });
        domains.take(count).collect()
    }

    #[test]
    fn the_overlay_names_two_domains_with_their_files_and_arguments() {
        insta::assert_snapshot!(overlay(MAIN, &placed(2)));
    }

    #[test]
    fn the_overlay_of_dom0_alone_has_no_further_domain() {
        let text = overlay(MAIN, &placed(1));
        assert!(!text.contains("domU"), "{text}");
        assert_eq!(text.matches("module@").count(), 2);
    }

    #[test]
    fn only_a_platform_with_the_module_has_the_devices_node() {
        let has_node = |platform: &Platform| overlay(platform, &placed(2)).contains("compatible = \"grantscope,importer\"");
        assert!(!has_node(MAIN));
        assert!(has_node(&Platform { importer: true, ..MAIN.clone() }));
    }

    #[test]
    fn no_two_files_overlap_in_the_machines_memory() {
        assert!(ADDRESSES.windows(2).all(|pair| pair[0] + ROOM <= pair[1]));
        const { assert!(DOM1_IMAGE + ROOM < (1024 + MACHINE_MIB) << 20) };
    }
}
