//! Builds bpf-linker, which turns the probes' bitcode into an object for the kernel's BPF machine.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result};

use super::{Consent, packages, rust::CrossRust};
use crate::{
    cache::{Cache, Key},
    command,
    progress::Step,
};

/// The version that was tried with the probes.
const VERSION: &str = "0.13.0";
/// Crates compiled for it, in all; only the share that the progress bar shows depends on it.
const CRATES: u64 = 118;

/// The linker's path, built first if need be.
pub fn ensure(cache: &Cache, rust: &CrossRust, consent: Consent) -> Result<PathBuf> {
    let key = Key::default().with("version", VERSION).with("llvm", rust.llvm.to_string());
    let program = |folder: PathBuf| folder.join("bin/bpf-linker");
    if let Some(folder) = cache.find("bpf-linker", &key) {
        return Ok(program(folder));
    }
    packages::install(&packages::missing(packages::for_bpf_linker(rust.llvm))?, consent)?;
    let folder = cache.artifact("bpf-linker", &key, |folder| {
        let step = Step::start(format!("bpf-linker {VERSION}"));
        step.set_total(CRATES, "crates");
        // The machine's own cargo, not the cross one: this program runs here.
        let mut install = Command::new("cargo");
        install
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
    Ok(program(folder))
}
