//! What an execution may use, and what ends one that uses more.

use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigEvent, SigevNotify, Signal};
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;

/// An input has as many bytes at most: that finds what a larger one would, and sooner.
pub const MOST_INPUT_BYTES: usize = 256 << 10;
/// Address space of the process that executes: an allocation beyond it ends it.
const MOST_ADDRESSES: u64 = 1 << 30;
/// Processor time of an execution, of most readers: the largest inputs take a tenth of it.
pub const USUAL_TIME: Duration = Duration::from_secs(5);

/// The worker's watch over itself.
pub struct Watch(Timer);

impl Watch {
    /// Bounds this process's memory, and makes the watch for its executions.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn new() -> Result<Self> {
        setrlimit(Resource::RLIMIT_AS, MOST_ADDRESSES, MOST_ADDRESSES).context("the memory cannot be bounded")?;
        // What ends it has no handler: an input that hangs does not come back to this program's own code.
        let notify = SigevNotify::SigevSignal { signal: Signal::SIGXCPU, si_value: 0 };
        // Processor time: a busy machine makes no hang.
        let timer = Timer::new(ClockId::CLOCK_PROCESS_CPUTIME_ID, SigEvent::new(notify)).context("time cannot be bounded")?;
        Ok(Self(timer))
    }

    /// An execution begins, which may take so long.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn begin(&mut self, most: Duration) -> Result<()> {
        let expiration = Expiration::OneShot(most.into());
        self.0.set(expiration, TimerSetTimeFlags::empty()).context("time cannot be bounded")
    }
}
