//! What is common to all views: the input, its data, the rows that it makes, the terminal's size and the keys.

use std::time::Duration;

use grantscope_analysis::recording::Frame;
use grantscope_analysis::series::Wanted;

use crate::screen::event::Size;
use crate::screen::keys::Keys;
use crate::screen::model::connection::Connection;
use crate::screen::model::data::Data;
use crate::screen::model::listing::Listing;
use crate::source::frames::{Ended, Origin};

/// What every view may read, and what some of them share.
#[derive(Clone, Debug)]
pub struct Common {
    /// The input.
    pub connection: Connection,
    /// The rows of the data that is shown.
    pub listing: Listing,
    /// The terminal's size.
    pub size: Size,
    /// All keys.
    pub keys: Keys,
    data: Data,
    /// What is shown instead of `data` while the display is held.
    held: Option<Box<Data>>,
}

impl Common {
    /// Nothing read yet; this is wanted of the input.
    pub fn new(origin: Origin, wanted: impl Into<Wanted>, keys: Keys) -> Self {
        Self {
            connection: Connection::new(origin),
            listing: Listing::default(),
            size: Size::default(),
            keys,
            data: Data::of(wanted.into()),
            held: None,
        }
    }

    /// Takes in one frame.
    pub fn add(&mut self, frame: &Frame) {
        self.connection.hear();
        self.data.add(frame);
    }

    /// Time has passed: this much since the viewer started.
    pub fn tick(&mut self, now: Duration) {
        self.connection.tick(now);
    }

    /// Computes the rows.
    pub fn refresh(&mut self) {
        let data = self.held.as_deref().unwrap_or(&self.data);
        self.listing.refresh(data, self.connection.ended().is_some());
    }

    /// Holds the display, or goes on.
    pub fn toggle_pause(&mut self) {
        self.held = match self.held {
            Some(_) => None,
            None => Some(Box::new(self.data.clone())),
        };
        self.listing.forget();
    }

    /// Shows times as they were measured in place of corrected ones, or the other way round.
    pub fn show_other_times(&mut self) {
        for data in [Some(&mut self.data), self.held.as_deref_mut()].into_iter().flatten() {
            data.show_other_times();
        }
        self.listing.forget();
    }

    /// Forgets all operations so far.
    pub fn reset(&mut self) {
        self.data.reset();
        self.held = None;
        self.listing.forget();
    }

    /// What is shown: the data, or what it was when the display was held.
    pub fn data(&self) -> &Data {
        self.held.as_deref().unwrap_or(&self.data)
    }

    /// All data, whether shown or not.
    pub fn all_data(&self) -> &Data {
        &self.data
    }

    /// Whether the display is held.
    pub fn is_paused(&self) -> bool {
        self.held.is_some()
    }

    /// How the recording ended; `None`: it goes on.
    pub fn ended(&self) -> Option<&Ended> {
        self.connection.ended()
    }
}
