//! Builds bpf-linker, which turns the probes' bitcode into an object for the kernel's BPF machine.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result};

use super::rust::CrossRust;
use crate::{
    cache::{Cache, Key},
    command,
    fetch::{Consent, packages},
    progress::Step,
};

/// The version that was tried with the probes.
const VERSION: &str = "0.13.0";
/// Crates compiled for it, in all; only the share that the progress bar shows depends on it.
const CRATES: u64 = 118;

fn key(rust: &CrossRust) -> Key {
    Key::default().with("version", VERSION).with("llvm", rust.llvm.to_string())
}

/// Installs what the linker is built against, unless it is built already.
///
/// # Errors
/// When the person does not agree, or apt fails.
pub fn ensure_packages(cache: &Cache, rust: &CrossRust, consent: Consent) -> Result<()> {
    if cache.find("bpf-linker", &key(rust)).is_some() {
        return Ok(());
    }
    packages::install(&packages::missing(packages::for_bpf_linker(rust.llvm))?, consent)
}

/// The linker's path, built first if need be.
///
/// # Errors
/// When it does not build.
pub fn ensure(cache: &Cache, rust: &CrossRust) -> Result<PathBuf> {
    let folder = cache.artifact("bpf-linker", &key(rust), |folder| {
        let step = Step::start(format!("bpf-linker {VERSION}"));
        step.set_total(CRATES, "crates");
        // The machine's own cargo, not the cross one: this program runs here.
        let mut install = Command::new("cargo");
        install
            // It links a few hundred kilobytes with LLVM's own, optimised code: compiling it fast matters more than its speed.
            .envs(
                [("OPT_LEVEL", "1"), ("DEBUG", "0"), ("LTO", "off"), ("CODEGEN_UNITS", "16")]
                    .map(|(name, value)| (format!("CARGO_PROFILE_RELEASE_{name}"), value)),
            )
            .env("LLVM_PREFIX", format!("/usr/lib/llvm-{}", rust.llvm))
            .args(["install", "bpf-linker", "--locked", "--version", VERSION, "--no-default-features"])
            .args(["--features", &format!("llvm-{}", rust.llvm), "--root"])
            .arg(folder)
            .arg("--target-dir")
            .arg(cache.root().join("tmp/bpf-linker/target"));
        let mut compiled = 0;
        command::lines(&mut install, |line| {
            if line.trim_start().starts_with("Compiling ") {
                compiled += 1;
                step.set_position(compiled.min(CRATES));
            }
            step.note(line);
        })
        .context("bpf-linker cannot be built")?;
        step.done("");
        Ok(())
    })?;
    Ok(folder.join("bin/bpf-linker"))
}
