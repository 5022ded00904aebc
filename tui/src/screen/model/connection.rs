//! The input as the viewer knows it: what kind it is, whether it goes on, and how long nothing came.

use std::time::Duration;

use crate::source::frames::{Ended, Origin};

/// An input, live or not.
#[derive(Clone, Debug)]
pub struct Connection {
    origin: Origin,
    ended: Option<Ended>,
    /// A frame came since the last tick.
    heard: bool,
    /// The tick after the last frame, and the last tick, in the viewer's time.
    since: Duration,
    now: Duration,
}

impl Connection {
    /// Nothing has come yet.
    pub fn new(origin: Origin) -> Self {
        Self { origin, ended: None, heard: false, since: Duration::ZERO, now: Duration::ZERO }
    }

    /// A frame came.
    pub fn hear(&mut self) {
        self.heard = true;
    }

    /// Time has passed: this much since the viewer started.
    pub fn tick(&mut self, now: Duration) {
        if std::mem::take(&mut self.heard) {
            self.since = now;
        }
        self.now = now;
    }

    /// No more frames will come.
    pub fn end(&mut self, ended: Ended) {
        self.ended = Some(ended);
    }

    /// Where frames come from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// How the recording ended; `None`: it goes on.
    pub fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    /// How long nothing came, in the viewer's time.
    pub fn silent_for(&self) -> Duration {
        self.now.saturating_sub(self.since)
    }
}
