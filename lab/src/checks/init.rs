//! busybox's shell accepts /init.

use std::{fs, process::Command};

use anyhow::{Result, ensure};

use super::harness::Harness;
use crate::{boot::console_watch::End, command, guest::image};

/// Reads init with a shell of this machine, then with busybox's own inside the domain, which is the one that counts.
pub fn busybox_reads_it(harness: &Harness) -> Result<()> {
    let path = harness.out("init");
    fs::write(&path, image::INIT)?;
    command::output(Command::new("sh").arg("-n").arg(&path))?;
    let outcome = harness.script("init-syntax", "sh -n /init")?;
    ensure!(outcome.end == End::Pass, harness.unexpected("init-syntax", &outcome));
    Ok(())
}
