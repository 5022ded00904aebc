//! The part that captures is linted and tested too: it embeds the probes, so it can only be compiled after them.

use std::process::Command;

use anyhow::Result;

use super::Bench;
use crate::{command, programs};

const FEATURES: [&str; 6] = ["--package", "grantscope", "--package", "grantscope-collector", "--features", "grantscope/capture"];

/// No lint complains of it.
pub fn is_free_of_lints(bench: &Bench) -> Result<()> {
    let mut clippy = cargo(bench)?;
    clippy.args(["clippy", "--quiet", "--all-targets"]).args(FEATURES).args(["--", "-D", "warnings"]);
    command::run(&mut clippy)
}

/// Its unit tests pass; one compares the table of hooks with the programs that were compiled.
pub fn unit_tests_pass(bench: &Bench) -> Result<()> {
    let mut test = cargo(bench)?;
    test.args(["test", "--quiet", "--lib"]).args(FEATURES).args(["capture::"]);
    command::output(&mut test).map(drop)
}

fn cargo(bench: &Bench) -> Result<Command> {
    let mut cargo = programs::stable_cargo();
    cargo.env("GRANTSCOPE_PROBES", programs::probes(bench.compilers()?, "aarch64")?);
    Ok(cargo)
}
