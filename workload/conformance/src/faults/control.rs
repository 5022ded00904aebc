//! Memory that runs out on demand: the kernel's fault injection (Documentation/fault-injection/fault-injection.rst, Linux v6.12).
//!
//! The kernel's log names the allocation that failed, with its call trace.

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::failure::Failure;
use grantscope_generator::error::{Error, Result};
use grantscope_generator::uapi::fault_injection::{CONSOLE_LEVEL, FILES};
use grantscope_generator::undo::Guard;

/// Counts the calling thread's allocations down, and fails the one at which it comes to 0.
const COUNTDOWN: &str = "/proc/thread-self/fail-nth";
const LOG: &str = "/dev/kmsg";
/// What they are set to, so that every allocation can fail.
const SETTINGS: [&str; FILES.len()] = ["N", "N", "N", "0"];
/// More than one message of the log.
const MESSAGE_BYTES: usize = 8192;

/// Fault injection, set up; it is restored when this is dropped.
pub struct Injection {
    countdown: File,
    log: File,
    settings: Vec<Guard>,
    /// The allocation to fail in the next call; 0: none.
    nth: Cell<u32>,
    /// Whether the last call came that far.
    happened: Cell<bool>,
}

impl Injection {
    /// Sets it up, if this kernel has it.
    pub fn begin() -> Result<Self> {
        let control = |path: &str, cause| Error::from(Failure::Control { path: path.to_owned(), cause });
        let countdown = OpenOptions::new().read(true).write(true).open(COUNTDOWN).map_err(|cause| control(COUNTDOWN, cause))?;
        let log = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(LOG).map_err(|cause| control(LOG, cause))?;
        let mut injection = Self { countdown, log, settings: Vec::new(), nth: Cell::new(0), happened: Cell::new(false) };
        // Traces of injected faults would only flood the console, which is therefore quiet before any can happen.
        for (path, value) in [(CONSOLE_LEVEL, "1")].into_iter().chain(FILES.into_iter().zip(SETTINGS)) {
            injection.settings.push(Guard::set(Path::new(path), value).map_err(|cause| control(path, cause))?);
        }
        injection.messages()?;
        Ok(injection)
    }

    /// The next call's `nth` allocation is to fail.
    pub fn arm(&self, nth: u32) {
        self.nth.set(nth);
        self.happened.set(false);
    }

    /// Makes the call. There is no allocation of ours between setting the countdown and the call.
    pub fn around<T>(&self, call: impl FnOnce() -> T) -> T {
        let nth = self.nth.replace(0);
        if nth == 0 {
            return call();
        }
        let mut digits = [0_u8; 10];
        let set = self.countdown.write_at(decimal(nth, &mut digits), 0);
        let answer = call();
        let mut left = [0_u8; 16];
        let length = self.countdown.read_at(&mut left, 0);
        let cleared = self.countdown.write_at(b"0", 0);
        let left = length.as_ref().ok().and_then(|&length| left.get(..length)).unwrap_or_default();
        self.happened.set(left.trim_ascii() == b"0" && set.is_ok() && cleared.is_ok());
        answer
    }

    /// Whether an allocation failed in the last call that it was armed for.
    pub fn happened(&self) -> bool {
        self.happened.get()
    }

    /// The kernel's log since the last reading: after a fault, the functions that led to it.
    pub fn messages(&mut self) -> Result<String> {
        let mut text = String::new();
        let mut message = [0; MESSAGE_BYTES];
        loop {
            match self.log.read(&mut message) {
                Ok(length) => text.push_str(&String::from_utf8_lossy(&message[..length])),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(text),
                // Messages were overwritten before they were read: the next ones are there.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                Err(cause) => return Err(Error::from(Failure::Control { path: LOG.to_owned(), cause })),
            }
        }
    }
}

/// A number's digits, in memory that is there already.
fn decimal(mut number: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[first..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_number() {
        for number in [0, 7, 10, 65_536, u32::MAX] {
            assert_eq!(decimal(number, &mut [0; 10]), number.to_string().as_bytes());
        }
    }
}
