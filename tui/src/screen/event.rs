//! What can happen to the viewer: one closed list.

use std::time::Duration;

use crossterm::event::KeyEvent;
use grantscope_analysis::recording::Frame;

use crate::screen::command::Command;
use crate::screen::model::data::Data;
use crate::source::frames::Ended;

/// Something happened.
#[derive(Debug)]
pub enum Event {
    /// A frame of the recording arrived.
    Frame(Frame),
    /// The user asked for something.
    Key(Command),
    /// A key was pressed; what it asks for depends on what is seen.
    Typed(KeyEvent),
    /// This was pasted: not keys that somebody pressed.
    Paste(String),
    /// The mouse pointed at this line and column of the screen, counted from 0.
    Clicked(usize, usize),
    /// The wheel was turned this way.
    Scrolled(Wheel),
    /// What was asked for is done, or could not be: what to say of it.
    Said(String),
    /// What was known at this time of the recording.
    Past(u64, Box<Data>),
    /// Nothing more can be written of what is watched; why.
    Unwritten(String),
    /// Time to draw. The time since the viewer started.
    Tick(Duration),
    /// The terminal has a new size.
    Resize(Size),
    /// No more frames will come.
    StreamEnded(Ended),
    /// This signal asked the process to end.
    Signal(u8),
    /// The process is to stop until it is told to go on.
    Suspend,
    /// The terminal gives no more keys; why.
    NoKeys(String),
}

impl Event {
    /// Whether it comes from the recording, and not from somebody who waits for what comes of it.
    pub fn is_data(&self) -> bool {
        matches!(self, Self::Frame(_) | Self::StreamEnded(_))
    }

    /// Whether somebody did it at the terminal: these come from one thread, one by one.
    pub fn is_by_hand(&self) -> bool {
        matches!(self, Self::Typed(_) | Self::Paste(_) | Self::Clicked(..) | Self::Scrolled(_) | Self::Resize(_))
    }
}

/// Which way a wheel was turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wheel {
    /// To what is above.
    Up,
    /// To what is below.
    Down,
}

/// The terminal's size, in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Width.
    pub columns: usize,
    /// Height.
    pub lines: usize,
}
