//! How the thread that plays a recording learns what the one who watches wants of it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::source::pace::{Pace, Playback};

/// What the event loop and the thread that feeds it share.
#[derive(Clone, Debug)]
pub struct Control(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    playback: Playback,
    /// Nobody watches any more.
    is_over: bool,
}

impl Control {
    /// It is played like this until [`Control::set`].
    pub fn new(playback: Playback) -> Self {
        Self(Arc::new(Shared { state: Mutex::new(State { playback, is_over: false }), changed: Condvar::new() }))
    }

    /// From now on it is played like this.
    pub fn set(&self, playback: Playback) {
        let mut state = self.state();
        if state.playback != playback {
            state.playback = playback;
            self.0.changed.notify_all();
        }
    }

    /// Nobody watches any more: nothing is waited for.
    pub fn end(&self) {
        self.state().is_over = true;
        self.0.changed.notify_all();
    }

    /// Whether nobody watches any more.
    pub fn is_over(&self) -> bool {
        self.state().is_over
    }

    /// A pace that begins as it is played now.
    pub fn pace(&self) -> Pace {
        Pace::new(self.state().playback)
    }

    /// Waits until a frame of this time is due, however the playback changes meanwhile; whether somebody still watches.
    pub fn wait(&self, pace: &mut Pace, at_ns: Option<u64>) -> bool {
        let mut state = self.state();
        while !state.is_over {
            let now = Instant::now();
            pace.change(state.playback, now);
            state = match pace.wait(at_ns, now) {
                Some(rest) if rest.is_zero() => return true,
                Some(rest) => self.0.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0,
                None => self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        false
    }

    /// A value that is set in one go is whole, whoever panicked.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
