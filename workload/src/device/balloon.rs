//! The kernel's balloon: its target, what is in it, and waiting until it has settled.

use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::truth::BalloonReading;

/// The directory of this domain's balloon in sysfs (drivers/xen/xen-balloon.c).
const NODE: &str = "/sys/devices/system/xen_memory/xen_memory0";

/// The interval of the readings while the kernel takes pages out of the balloon.
const LOOK_UP: Duration = Duration::from_millis(10);
/// How long nothing has to come back for Xen to count as having none: `xen-balloon` then waits for seconds itself (`update_schedule`
/// in drivers/xen/balloon.c).
const GIVEN_UP: Duration = Duration::from_millis(500);

/// A domain's balloon.
#[derive(Clone, Debug)]
pub struct Balloon(PathBuf);

impl Balloon {
    /// This domain's.
    pub fn of_this_domain() -> Self {
        Self(NODE.into())
    }

    /// One of files.
    #[cfg(test)]
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The file of the target.
    pub fn target(&self) -> PathBuf {
        self.0.join("target_kb")
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Reads it.
    ///
    /// # Errors
    /// The kernel has no balloon, or one of its files cannot be read.
    pub fn read(&self) -> Result<BalloonReading> {
        loop {
            let current_kb = self.number("info/current_kb")?;
            let in_balloon_kb = self.number("info/low_kb")? + self.number("info/high_kb")?;
            let target_kb = self.number("target_kb")?;
            // xen-balloon may have moved pages in between, and they would be counted twice or not at all.
            if self.number("info/current_kb")? == current_kb {
                return Ok(BalloonReading { target_kb, current_kb, in_balloon_kb });
            }
        }
    }

    /// Waits until the kernel has deflated it down to the target, as long as it makes progress: otherwise the next run would measure
    /// that as well.
    pub fn settle(&self) {
        let mut since = Instant::now();
        let mut last = None;
        while let Ok(reading) = self.read()
            && reading.current_kb < reading.target_kb
            && since.elapsed() < GIVEN_UP
        {
            if last.replace(reading.current_kb) != Some(reading.current_kb) {
                since = Instant::now();
            }
            sleep(LOOK_UP);
        }
    }

    fn number(&self, name: &str) -> Result<u64> {
        let text = fs::read_to_string(self.0.join(name))?;
        text.trim().parse().map_err(|_| Error::other(format!("{name} holds {text:?}, which is not a number")))
    }
}
