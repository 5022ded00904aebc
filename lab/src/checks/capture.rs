//! The part that captures is linted and tested too: it embeds the probes, so it can only be compiled after them.

use std::{fs::File, process::Command};

use anyhow::Result;
use nix::fcntl::Flock;

use super::harness::Harness;
use crate::{command, programs};

const FEATURES: [&str; 6] = ["--package", "grantscope", "--package", "grantscope-collector", "--features", "grantscope/capture"];

/// No lint complains of it.
pub fn is_free_of_lints(harness: &Harness) -> Result<()> {
    let (mut clippy, _lock) = cargo(harness)?;
    clippy.args(["clippy", "--quiet", "--all-targets"]).args(FEATURES).args(["--", "-D", "warnings"]);
    command::run(&mut clippy)
}

/// Its unit tests pass; one compares the table of hooks with the programs that were compiled.
pub fn unit_tests_pass(harness: &Harness) -> Result<()> {
    let (mut test, _lock) = cargo(harness)?;
    test.args(["test", "--quiet", "--lib"]).args(FEATURES).args(["capture::"]);
    command::output(&mut test).map(drop)
}

fn cargo(harness: &Harness) -> Result<(Command, Flock<File>)> {
    let probes = programs::probes(harness.compilers()?, "aarch64")?;
    let (mut cargo, lock) = programs::cargo_for_checks()?;
    cargo.env("GRANTSCOPE_PROBES", probes);
    Ok((cargo, lock))
}
