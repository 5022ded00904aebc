//! A silent guest is reported as hung.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::harness::Harness;
use crate::boot::console_watch::End;

/// Long enough for every silence of the boot before it.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A busy loop: on the counted clock a sleep would be over at once.
pub fn silence_is_reported(harness: &Harness) -> Result<()> {
    let outcome = harness.script_with_timeout("hang", "while :; do :; done", TIMEOUT)?;
    let End::Hang { stage, .. } = &outcome.end else {
        return Err(harness.unexpected("hang", &outcome));
    };
    ensure!(stage.contains("job starts"), "the last stage is {stage:?}");
    ensure!(outcome.end.advice().contains("--patience"), "the advice does not name the option that helps");
    Ok(())
}
