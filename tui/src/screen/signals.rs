//! Signals that ask a process to end, or to stop for a while, become events, so that the terminal is restored before.

use std::sync::mpsc::Sender;
use std::thread;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use grantscope_output::is_ignored;

use crate::screen::event::Event;

/// From now on, these signals are events, until nobody takes them any more; what only stops the process, on a terminal that has to be given back before.
///
/// # Errors
/// The signals cannot be caught.
pub fn forward(events: Sender<Event>, has_terminal: bool) -> Result<()> {
    // A hangup that is ignored, as `nohup` has it, stays so.
    let hangup = Some(SIGHUP).filter(|&number| !is_ignored(number));
    let stop = Some(SIGTSTP).filter(|_| has_terminal);
    let caught = [SIGINT, SIGTERM, SIGQUIT].into_iter().chain(hangup).chain(stop);
    let mut signals = Signals::new(caught).context("signals cannot be caught")?;
    thread::spawn(move || {
        for signal in signals.forever() {
            let event = match signal {
                SIGTSTP => Event::Suspend,
                number => Event::Signal(u8::try_from(number).unwrap_or(u8::MAX)),
            };
            // Nobody listens any more: what is still printed may be ended in the usual way. An error leaves the signal without effect.
            if events.send(event).is_err() {
                let _ = emulate_default_handler(signal);
            }
        }
    });
    Ok(())
}
