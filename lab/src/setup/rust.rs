//! Finds a Rust that can build for the lab: rustup's where it can fetch one, else the distribution's.
//!
//! The stable toolchain that runs cargo xtask cannot: the probes need core's source, the programs need arm64's std.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    cache::{Cache, Key},
    command,
    fetch::{Consent, apt, packages},
    platform::Architecture,
    progress::Step,
};

/// The toolchain that rustup is asked for: aya 0.14 needs no newer one, and its LLVM is one that Debian packages for bpf-linker.
const RUSTUP_TOOLCHAIN: &str = "1.96.0";
/// A rustup that has said nothing for this long counts as offline. Without a terminal it says one line per component, and the
/// largest takes a minute on a slow disk; where nothing can be fetched, it mostly says so at once.
const RUSTUP_SILENCE: Duration = Duration::from_secs(150);
/// The fact in the cache with the Rust that was chosen.
const FACT: &str = "rust";
/// Overrides the choice: `rustup` or `debian`.
const CHOICE_VARIABLE: &str = "GRANTSCOPE_RUST";

/// A Rust that builds for BPF and for arm64.
#[derive(Debug, Clone)]
pub struct CrossRust {
    cargo: PathBuf,
    /// Where its programs lie, if they are the distribution's.
    rustc: Option<PathBuf>,
    /// The rustup toolchain, if it is rustup's.
    toolchain: Option<&'static str>,
    /// A sysroot that has arm64's std.
    sysroot: Option<PathBuf>,
    /// Folders of a person's own that programs would name in their messages, and what they name instead: else each person's would differ.
    own_places: Vec<(PathBuf, &'static str)>,
    /// The major version of its LLVM.
    pub llvm: u32,
}

impl CrossRust {
    /// A cargo of this Rust, free of what the cargo that runs us has set.
    pub fn cargo(&self) -> Command {
        let mut cargo = Command::new(&self.cargo);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            let ours = name.starts_with("CARGO") && !matches!(&*name, "CARGO_HOME" | "CARGO_NET_OFFLINE")
                || matches!(&*name, "RUSTC" | "RUSTFLAGS" | "RUSTUP_TOOLCHAIN" | "RUSTC_WRAPPER" | "RUSTDOC");
            if ours {
                cargo.env_remove(&*name);
            }
        }
        if let Some(rustc) = &self.rustc {
            cargo.env("RUSTC", rustc);
        }
        if let Some(toolchain) = self.toolchain {
            cargo.env("RUSTUP_TOOLCHAIN", toolchain);
        }
        cargo
    }

    /// A cargo that builds static programs. They are this architecture's only if its target is named too, which also keeps these
    /// settings from what runs while building.
    pub fn cargo_for(&self, architecture: Architecture) -> Command {
        let mut flags = vec!["-Ctarget-feature=+crt-static".to_owned()];
        flags.extend(self.own_places.iter().map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display())));
        let mut cargo = self.cargo();
        if architecture == Architecture::Arm64 {
            let linker = format!("CARGO_TARGET_{}_LINKER", architecture.rust_target().to_uppercase().replace('-', "_"));
            cargo.env(linker, "aarch64-linux-gnu-gcc");
            if let Some(sysroot) = &self.sysroot {
                flags.push(format!("--sysroot={}", sysroot.display()));
            }
        }
        // The other variable would split paths at blanks.
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        cargo
    }
}

/// Finds or makes available a Rust for the lab.
///
/// # Errors
/// When neither rustup nor the distribution can provide one, or the person does not agree.
pub fn ensure(cache: &Cache, consent: Consent) -> Result<CrossRust> {
    let chosen = std::env::var(CHOICE_VARIABLE).ok().or_else(|| cache.remembered(FACT));
    match chosen.as_deref() {
        Some("rustup") => by_rustup(consent),
        Some("debian") => by_debian(cache, consent),
        Some(other) => bail!("{CHOICE_VARIABLE} is {other:?}: it can be rustup or debian"),
        None => {
            let rust = match by_rustup(consent) {
                Ok(rust) => rust,
                Err(error) => {
                    eprintln!("rustup cannot provide the toolchain ({error:#}): the distribution's Rust is used");
                    by_debian(cache, consent)?
                }
            };
            cache.remember(FACT, if rust.toolchain.is_some() { "rustup" } else { "debian" })?;
            Ok(rust)
        }
    }
}

fn by_rustup(consent: Consent) -> Result<CrossRust> {
    if !command::exists("rustup") {
        bail!("there is no rustup");
    }
    if !rustup_is_complete() {
        consent.ask(&format!("add Rust {RUSTUP_TOOLCHAIN} with arm64's std and core's source to your rustup?"))?;
        install_by_rustup()?;
    }
    let rustc = command::output(Command::new("rustup").args(["which", "--toolchain", RUSTUP_TOOLCHAIN, "rustc"]))?;
    let rustc = Path::new(rustc.trim());
    let source = rustc.ancestors().nth(2).map(|toolchain| (toolchain.join("lib/rustlib/src/rust"), "rust"));
    Ok(CrossRust {
        cargo: "cargo".into(),
        rustc: None,
        toolchain: Some(RUSTUP_TOOLCHAIN),
        sysroot: None,
        own_places: registry().into_iter().chain(source).collect(),
        llvm: llvm_of(rustc)?,
    })
}

fn rustup_is_complete() -> bool {
    let mut ask = Command::new("rustup");
    ask.env("RUSTUP_AUTO_INSTALL", "0");
    ask.args(["component", "list", "--installed", "--toolchain", RUSTUP_TOOLCHAIN]);
    command::output(&mut ask).is_ok_and(|text| {
        let has = |name: &str| text.lines().any(|line| line == name);
        has("rust-src") && Architecture::ALL.iter().all(|target| has(&format!("rust-std-{}", target.rust_target())))
    })
}

/// Installs the toolchain, and gives up when rustup falls silent, as it does behind some firewalls.
fn install_by_rustup() -> Result<()> {
    let step = Step::start(format!("Rust {RUSTUP_TOOLCHAIN} by rustup"));
    let mut install = Command::new("rustup");
    install.args(["toolchain", "install", RUSTUP_TOOLCHAIN, "--profile", "minimal", "--no-self-update"]);
    install.args(["--component", "rust-src"]);
    for target in Architecture::ALL {
        install.args(["--target", target.rust_target()]);
    }
    install.env("RUSTUP_MAX_RETRIES", "1");
    install.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command::die_with_us(&mut install).spawn().context("cannot start rustup")?;
    let errors = child.stderr.take().context("rustup has no error output")?;
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || read_pieces(errors, &sender));
    let mut said = String::new();
    let mut heard = Instant::now();
    let status = loop {
        match receiver.recv_timeout(Duration::from_millis(200)) {
            Ok(piece) => {
                heard = Instant::now();
                said.push_str(&piece);
                step.note(said.lines().last().unwrap_or_default());
            }
            Err(_) => {
                if let Some(status) = child.try_wait()? {
                    break status;
                }
                if heard.elapsed() > RUSTUP_SILENCE {
                    child.kill()?;
                    break child.wait()?;
                }
            }
        }
    };
    if !status.success() {
        step.vanish();
        // Half a toolchain would be found, and used, the next time.
        let mut undo = Command::new("rustup");
        let _ = command::output(undo.args(["toolchain", "uninstall", RUSTUP_TOOLCHAIN]));
        let last = said.lines().rfind(|line| line.contains("error")).unwrap_or("it fell silent");
        bail!("{}", last.trim());
    }
    step.done("");
    Ok(())
}

fn read_pieces(mut pipe: impl std::io::Read, sender: &std::sync::mpsc::Sender<String>) {
    let mut buffer = [0; 4096];
    while let Ok(size @ 1..) = pipe.read(&mut buffer) {
        if sender.send(String::from_utf8_lossy(&buffer[..size]).into_owned()).is_err() {
            return;
        }
    }
}

fn by_debian(cache: &Cache, consent: Consent) -> Result<CrossRust> {
    packages::install(&packages::missing(packages::for_debian_rust())?, consent)?;
    let rustc = Path::new("/usr/bin/rustc");
    let version = command::output(Command::new(rustc).arg("-vV"))?;
    let sysroot = arm64_sysroot(cache, &version)?;
    Ok(CrossRust {
        cargo: "/usr/bin/cargo".into(),
        rustc: Some(rustc.into()),
        toolchain: None,
        sysroot: Some(sysroot),
        own_places: registry().into_iter().collect(),
        llvm: llvm_of(rustc)?,
    })
}

/// Where cargo unpacks libraries: https://doc.rust-lang.org/cargo/guide/cargo-home.html.
fn registry() -> Option<(PathBuf, &'static str)> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = variable("CARGO_HOME").or_else(|| Some(variable("HOME")?.join(".cargo")))?;
    Some((home.join("registry/src"), "registry"))
}

/// The distribution's Rust has arm64's std in a package for arm64. Installing that would take a foreign architecture into the
/// system's dpkg, so it is unpacked into the cache, as a sysroot of its own.
fn arm64_sysroot(cache: &Cache, version: &str) -> Result<PathBuf> {
    const PACKAGE: &str = "libstd-rust-web-dev";
    let key = Key::default().with("rustc", version);
    let folder = cache.artifact("rust-arm64", &key, |folder| {
        let step = Step::start("Rust's std for arm64");
        apt::machine_apt(cache, "arm64")?.unpack(&[PACKAGE.into()], folder)?;
        let std = folder.join("usr/lib/rustlib").join(Architecture::Arm64.rust_target());
        ensure!(std.is_dir(), "the package {PACKAGE} for arm64 has no std where it is looked for: {std:?}");
        step.done("");
        Ok(())
    })?;
    Ok(folder.join("usr"))
}

fn llvm_of(rustc: &Path) -> Result<u32> {
    let said = command::output(Command::new(rustc).arg("-vV"))?;
    parse_llvm(&said).with_context(|| format!("{rustc:?} does not say which LLVM it uses: {said}"))
}

/// The major version in `LLVM version: 22.1.8`.
fn parse_llvm(text: &str) -> Option<u32> {
    let version = text.lines().find_map(|line| line.strip_prefix("LLVM version: "))?;
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_llvm_version_is_read_from_what_rustc_says() {
        let said = "rustc 1.96.0 (ac68faa20 2026-05-25)\nrelease: 1.96.0\nLLVM version: 22.1.8\n";
        assert_eq!(parse_llvm(said), Some(22));
        assert_eq!(parse_llvm("rustc 1.96.0"), None);
    }

    #[test]
    fn a_cargo_for_the_lab_links_static_programs_and_knows_arm64s_std() {
        let rust = CrossRust {
            cargo: "/usr/bin/cargo".into(),
            rustc: Some("/usr/bin/rustc".into()),
            toolchain: None,
            sysroot: Some("/cache/std".into()),
            own_places: vec![("/cargo of a/.cargo".into(), "registry")],
            llvm: 22,
        };
        let value = |architecture: Architecture, wanted: &str| {
            let cargo = rust.cargo_for(architecture);
            let (_, value) = cargo.get_envs().find(|(name, _)| *name == wanted)?;
            Some(value?.to_string_lossy().into_owned())
        };
        let arm64 = |wanted| value(Architecture::Arm64, wanted);
        let flags = |flags: &[&str]| flags.join("\x1f");
        let (crt, place) = ("-Ctarget-feature=+crt-static", "--remap-path-prefix=/cargo of a/.cargo=registry");
        assert_eq!(arm64("CARGO_ENCODED_RUSTFLAGS").unwrap(), flags(&[crt, place, "--sysroot=/cache/std"]));
        assert_eq!(arm64("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER").unwrap(), "aarch64-linux-gnu-gcc");
        assert_eq!(arm64("RUSTC").unwrap(), "/usr/bin/rustc");
        // The sysroot has arm64's std alone.
        assert_eq!(value(Architecture::X86_64, "CARGO_ENCODED_RUSTFLAGS").unwrap(), flags(&[crt, place]));
    }
}
