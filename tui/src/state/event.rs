//! What can happen to the viewer: one closed list.

use std::time::Duration;

use grantscope_analysis::recording::{Frame, ReadError};

use super::Size;
use crate::keys::Command;

/// Something happened.
#[derive(Debug)]
pub enum Event {
    /// A frame of the recording arrived.
    Frame(Frame),
    /// The user asked for something.
    Key(Command),
    /// Time to draw. The time since the viewer started.
    Tick(Duration),
    /// The terminal has a new size.
    Resize(Size),
    /// No more frames will come.
    StreamEnded(Ended),
    /// The process was told to end, by this signal.
    Signal(u8),
    /// The terminal gives no more keys; why.
    NoKeys(String),
}

/// How a recording ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// On purpose.
    Complete,
    /// In the middle: everything before is good. Why, in a sentence.
    CutShort(String),
    /// At damage: everything before is good. Why, in a sentence.
    Damaged(String),
    /// It is not a recording that can be read. Why, in a sentence.
    Unreadable(String),
}

impl Ended {
    /// Whether something is missing after what was read.
    pub fn is_partial(&self) -> bool {
        matches!(self, Self::CutShort(_) | Self::Damaged(_))
    }

    /// Why it is not complete; `None`: it is.
    pub fn problem(&self) -> Option<&str> {
        match self {
            Self::Complete => None,
            Self::CutShort(why) | Self::Damaged(why) | Self::Unreadable(why) => Some(why),
        }
    }
}

impl From<ReadError> for Ended {
    fn from(error: ReadError) -> Self {
        let why = sentence(&error);
        match error {
            ReadError::NotARecording | ReadError::TooNew { .. } => Self::Unreadable(why),
            ReadError::CutShort { .. } | ReadError::Io { .. } => Self::CutShort(why),
            ReadError::Damaged { .. } => Self::Damaged(why),
        }
    }
}

/// The error with its causes.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
