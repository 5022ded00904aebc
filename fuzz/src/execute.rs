//! Executes a reader in a process of its own.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::failure::Report;
use crate::reader::Reader;

/// How a worker ended.
pub enum Ended {
    /// By itself: nothing failed.
    Well,
    /// Something failed.
    Failed(Report),
}

/// Executes a reader on one input, in a process of its own.
///
/// # Errors
/// It cannot be started, or the input not be written.
pub fn execute(reader: &Reader, input: &[u8], folder: &Path) -> Result<Ended> {
    let file = folder.join("candidate");
    fs::write(&file, input)?;
    let mut command = this_program(reader)?;
    let output = command.arg("--input").arg(&file).output().context("the worker cannot be started")?;
    Ok(Report::of(output.status, &String::from_utf8_lossy(&output.stderr)).map_or(Ended::Well, Ended::Failed))
}

/// This program, with a reader.
///
/// # Errors
/// It does not know where it is.
pub fn this_program(reader: &Reader) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    // What counts places would write them to a file.
    command.arg(reader.name).env("LLVM_PROFILE_FILE", "/dev/null").env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    // SAFETY: it makes only an async-signal-safe system call between fork and exec.
    unsafe { command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?)) };
    Ok(command)
}
