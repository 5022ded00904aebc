//! Signals as whoever started this process left them.

use nix::libc;

/// Whether the process was started with this signal ignored, as `nohup` does: then it should stay so. Before it is caught.
pub fn is_ignored(number: i32) -> bool {
    // SAFETY: plain old data, of which zeros are one; nothing is set, and what is there is written to `before`.
    let (asked, before) = unsafe {
        let mut before: libc::sigaction = std::mem::zeroed();
        (libc::sigaction(number, std::ptr::null(), &raw mut before), before)
    };
    asked == 0 && before.sa_sigaction == libc::SIG_IGN
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::{SigHandler, Signal, signal};

    use super::*;

    #[test]
    fn a_signal_is_ignored_or_not() {
        assert!(!is_ignored(Signal::SIGUSR2 as i32));
        // SAFETY: nobody else in this process has a use for it.
        unsafe { signal(Signal::SIGUSR2, SigHandler::SigIgn) }.unwrap();
        assert!(is_ignored(Signal::SIGUSR2 as i32));
        assert!(!is_ignored(-1));
    }
}
