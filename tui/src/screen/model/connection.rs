//! The input as the viewer knows it: what kind it is, whether it goes on, and how long nothing came.

use std::time::Duration;

use crate::source::frames::{Ended, Origin};

/// An input, live or not.
#[derive(Clone, Debug)]
pub struct Connection {
    origin: Origin,
    name: Option<String>,
    end_ns: Option<u64>,
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
        Self { origin, name: None, end_ns: None, ended: None, heard: false, since: Duration::ZERO, now: Duration::ZERO }
    }

    /// The file that it is, and when that ends by its own clock, as far as that is known.
    pub fn named(self, name: Option<String>, end_ns: Option<u64>) -> Self {
        Self { name, end_ns, ..self }
    }

    /// The name of the file; `None`: it is none.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// When it ends, by its own clock; `None`: not known.
    pub fn end_ns(&self) -> Option<u64> {
        self.end_ns
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

    /// The viewer's time.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// How long nothing came, in the viewer's time.
    pub fn silent_for(&self) -> Duration {
        self.now.saturating_sub(self.since)
    }
}
