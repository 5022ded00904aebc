//! `cargo xtask fuzz`: readers on mutated inputs, guided by coverage, for as long as is wanted.
//!
//! Stable Rust is enough: the compiler's own counters, those of `-C instrument-coverage`, say where an input got (fuzz/src/coverage.rs).

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result};

use crate::{command, place, programs};

/// Arguments of `fuzz`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The readers, by name; none: all of them
    #[arg(value_name = "READER")]
    pub readers: Vec<String>,
    /// How long, all readers together: 30s, 10m, 2h
    #[arg(long = "for", value_name = "TIME", default_value = "10m")]
    pub time: String,
    /// Repeats a run: the same seed makes the same inputs. Without: another one each time
    #[arg(long)]
    pub seed: Option<u64>,
    /// Runs the one reader on this input alone
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
}

/// Builds the fuzzer, and runs it on this terminal.
///
/// # Errors
/// When it does not compile, or cannot be started.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut fuzz = program()?;
    fuzz.args(&arguments.readers).args(["--for", &arguments.time]);
    if let Some(seed) = arguments.seed {
        fuzz.args(["--seed", &seed.to_string()]);
    }
    if let Some(input) = &arguments.input {
        fuzz.arg("--input").arg(input);
    }
    let status = fuzz.status().context("the fuzzer cannot be started")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// For `cargo xtask test`: all readers, so that it takes some 20 s. The same inputs each time, for each build takes the same turns, as far
/// as it comes.
const BOUNDED: [&str; 4] = ["--for", "20s", "--seed", "1"];

/// Runs all readers for a short time, and hands every line that is said to `line`.
///
/// # Errors
/// When it does not compile, or a reader fails.
pub fn bounded(line: impl FnMut(&str)) -> Result<()> {
    command::lines(program()?.args(BOUNDED), line)
}

/// The fuzzer, with a folder of this work tree for what readers fail on.
fn program() -> Result<Command> {
    let mut fuzz = Command::new(programs::fuzzer()?);
    fuzz.arg("--failures").arg(place::work_tree().join("target/fuzz-failures"));
    // What counts places would write them to a file.
    fuzz.env("LLVM_PROFILE_FILE", "/dev/null");
    Ok(fuzz)
}
