//! Signals that ask a process to end become events, so that the terminal is restored and the summary printed.

use std::sync::mpsc::Sender;
use std::thread;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use grantscope_output::is_ignored;

use crate::screen::event::Event;

/// From now on, these signals are events.
///
/// # Errors
/// The signals cannot be caught.
pub fn forward(events: Sender<Event>) -> Result<()> {
    // A hangup that is ignored, as `nohup` has it, stays so.
    let hangup = Some(SIGHUP).filter(|&number| !is_ignored(number));
    let mut signals = Signals::new([SIGINT, SIGTERM].into_iter().chain(hangup)).context("signals cannot be caught")?;
    thread::spawn(move || {
        for signal in signals.forever() {
            let number = u8::try_from(signal).unwrap_or(u8::MAX);
            if events.send(Event::Signal(number)).is_err() {
                return;
            }
        }
    });
    Ok(())
}
