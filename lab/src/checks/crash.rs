//! A crash ends a run at once, with what the console showed.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::harness::Harness;
use crate::boot::console_watch::{Domain, End};

/// From the panic to the report; the boot before it is not part of this.
const QUICKLY: Duration = Duration::from_secs(45);

/// The kernel's own way to crash on purpose.
pub fn panic_is_reported(harness: &Harness) -> Result<()> {
    let started = Instant::now();
    let outcome = harness.script("panic", "echo c >/proc/sysrq-trigger; sleep 100")?;
    let End::Crash { domain, .. } = &outcome.end else {
        return Err(harness.unexpected("panic", &outcome));
    };
    ensure!(*domain == Domain::Dom0, "the crash of dom0 is reported as one of {domain}");
    ensure!(started.elapsed() < QUICKLY, "the report took {:?}", started.elapsed());
    let report = outcome.error(&harness.out("panic").join("console.log")).to_string();
    ensure!(report.contains("Kernel panic"), "the report does not show the panic: {report}");
    Ok(())
}
