//! `cargo xtask lab run --kernel FILE`: a kernel of the user's own, such as a board's, on a platform's machine.
//!
//! Without a program or a scenario it is asked what `grantscope doctor` says of it.

mod said;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Result;

use crate::{
    boot::{
        console_watch::End,
        run::{Outcome, Scratch},
    },
    guest::job::{Command, Job},
    kernel::given,
    platform::{Architecture, Domains, Platform},
    setup::Given,
};

/// The files that are named in place of the platform's own.
#[derive(Debug, clap::Args)]
pub struct Named {
    /// A kernel of yours, in place of the platform's: arm64's Image or Image.gz, or x86-64's bzImage. Without a program or a scenario,
    /// what `grantscope doctor` says of it is printed
    #[arg(long, value_name = "FILE")]
    pub kernel: Option<PathBuf>,
    /// A Xen of yours, in place of the platform's: xen, or xen.gz
    #[arg(long, value_name = "FILE")]
    pub xen: Option<PathBuf>,
    /// The modules of that kernel: lib/modules/VERSION, or a folder that has one
    #[arg(long, value_name = "DIR", requires = "kernel")]
    pub modules: Option<PathBuf>,
}

/// The examination, for dom0.
pub fn doctor() -> Job {
    Job::Said(Command::inside("/bin/grantscope", &["doctor"]))
}

/// The machine for a kernel of one's own: dom0 is alone and grants to itself, because the other domain would need that kernel, too. A guest of
/// the toolstack stays for whoever has named a `load`: on its platforms a domain may not be able to map what it grants itself.
pub fn platform(platform: &'static Platform, load: bool) -> &'static Platform {
    let domains = match platform.domains {
        Domains::Toolstack | Domains::Guest if load => platform.domains,
        Domains::Alone | Domains::Frontend | Domains::Toolstack | Domains::Guest => Domains::Alone,
    };
    // Everything that it says, as early as it can; the last of two values counts. An examination maps nothing.
    let early = match platform.architecture {
        Architecture::Arm64 => "earlycon=xenboot",
        Architecture::X86_64 => "earlyprintk=xen",
    };
    let balloon = if load { "" } else { " gs.balloon_kb=0" };
    let arguments = format!("{} loglevel=7 {early}{balloon}", platform.arguments).trim_start().to_owned();
    // As long as the program runs, which is one run of the lab.
    Box::leak(Box::new(Platform { domains, arguments: arguments.leak(), ..platform.clone() }))
}

/// What boots of the files that are named, with the folder that it may lie in.
///
/// # Errors
/// When a file is not what it should be.
pub fn given(named: &Named, platform: &Platform) -> Result<(Given, Scratch)> {
    let folder = Scratch::new()?;
    let modules = named.modules.as_deref();
    let kernel = named.kernel.as_ref().map(|file| given::kernel(file, modules, platform, &folder.0)).transpose()?;
    let hypervisor = named.xen.as_ref().map(|file| given::hypervisor(file, platform, &folder.0)).transpose()?;
    Ok((Given { kernel, hypervisor }, folder))
}

/// Prints what the doctor says, and gives its exit code.
///
/// # Errors
/// When the kernel did not come as far as that: then with what to try.
pub fn report(outcome: &Outcome, out: &Path) -> Result<ExitCode> {
    let console = console(out);
    let text = outcome.text("stdout").filter(|text| !text.is_empty()).or_else(|| said::on_console(&console));
    let status = outcome.status().or_else(|| said::status(&outcome.end));
    let (Some(text), Some(status)) = (text, status) else {
        return Err(with_advice(outcome.error(&out.join("console.log")), outcome, out));
    };
    print!("{text}");
    eprint!("{}", outcome.text("stderr").unwrap_or_default());
    for warning in &outcome.warnings {
        eprintln!("the kernel complained: {warning}");
    }
    if outcome.status().is_none() {
        eprintln!(
            "note: this kernel has no virtio console (CONFIG_VIRTIO_CONSOLE with CONFIG_VIRTIO_MMIO, on x86-64 CONFIG_VIRTIO_PCI; built in, or \
             in --modules): this was read from its console, and recordings cannot leave it"
        );
    }
    eprintln!("results in {}", out.display());
    Ok(ExitCode::from(u8::try_from(status).unwrap_or(1)))
}

/// A failure, with what it means for a kernel that nobody has tried here.
pub fn with_advice(error: anyhow::Error, outcome: &Outcome, out: &Path) -> anyhow::Error {
    match advice(&outcome.end, &console(out)) {
        Some(advice) => error.context(advice),
        None => error,
    }
}

/// What the console said; nothing, where that was not kept.
fn console(out: &Path) -> String {
    let bytes = fs::read(out.join("console.log")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What such a kernel lacks, by how far it came.
fn advice(end: &End, console: &str) -> Option<&'static str> {
    let has = |text: &str| console.contains(text);
    let stopped = matches!(end, End::Hang { .. } | End::NoVerdict { .. } | End::Crash { .. });
    if let End::Fail(reason) = end {
        return reason.contains("virtio-serial").then_some(
            "this kernel has no virtio console, by which recordings leave the lab: it needs CONFIG_VIRTIO_CONSOLE with CONFIG_VIRTIO_MMIO (on \
             x86-64 CONFIG_VIRTIO_PCI), built in or in --modules; without a program and a scenario, doctor's report needs none",
        );
    }
    if !stopped || has("grantscope-lab: ") {
        return None;
    }
    if has("Panic on CPU") || !has("Latest ChangeSet") && !has("Xen version") {
        return Some(
            "Xen did not start this kernel: the lines marked (XEN) say why; try another --platform, whose machine fits, or another --xen",
        );
    }
    if !has("Linux version") {
        return Some(
            "Xen started this kernel, and it said nothing: it needs CONFIG_XEN, CONFIG_XEN_DOM0 and CONFIG_HVC_XEN, the console of a dom0",
        );
    }
    Some(
        "this kernel started, and the lab's first program did not: it needs CONFIG_BLK_DEV_INITRD, CONFIG_BINFMT_ELF, CONFIG_BINFMT_SCRIPT, \
         CONFIG_DEVTMPFS, CONFIG_TMPFS, CONFIG_PROC_FS and CONFIG_SYSFS",
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::platform::{MAIN, named};

    #[test]
    fn how_far_a_kernel_came_says_what_it_lacks() {
        let hang = End::Hang { silent: Duration::from_secs(60), stage: String::new() };
        let advised = |console: &str| advice(&hang, console).unwrap_or("nothing");
        assert!(advised("(XEN) Panic on CPU 0:\n").starts_with("Xen did not start"));
        assert!(advised("").starts_with("Xen did not start"));
        assert!(advised("(XEN) Xen version 4.17\n").contains("CONFIG_HVC_XEN"));
        assert!(advised("(XEN) Xen version 4.17\n[ 0.0] Linux version 5.10\n").contains("CONFIG_BLK_DEV_INITRD"));
        assert_eq!(advised("[ 1.0] grantscope-lab: backend up\n"), "nothing");
        let no_ports = End::Fail("the virtio-serial ports did not appear".into());
        assert!(advice(&no_ports, "").unwrap().contains("CONFIG_VIRTIO_CONSOLE"));
        assert_eq!(advice(&End::Pass, ""), None);
    }

    #[test]
    fn dom0_is_alone_unless_a_load_needs_the_guest_of_a_toolstack() {
        let domains = |name, load| platform(named(name).unwrap(), load).domains;
        assert_eq!(domains(MAIN.name, true), Domains::Alone);
        assert_eq!(domains("x86-pvh", true), Domains::Toolstack);
        assert_eq!(domains("x86-pvh", false), Domains::Alone);
        assert_eq!(domains("x86-pvh-guest", true), Domains::Guest);
        assert!(platform(MAIN, false).arguments.ends_with("gs.balloon_kb=0"));
    }
}
