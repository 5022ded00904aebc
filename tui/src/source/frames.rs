//! Frames, one after the other, until they end.

use std::fmt;
use std::sync::Arc;

use anyhow::Result;
use grantscope_analysis::error_chain;
use grantscope_analysis::recording::{Frame, ReadError};

use crate::source::tee::Tee;

/// Gives frames, one after the other; waits until there is one.
pub trait FrameSource: Send {
    /// The next frame; `None` after the end frame.
    ///
    /// # Errors
    /// How it ended, where that was not on purpose.
    fn next_frame(&mut self) -> Result<Option<Frame>, Ended>;
}

/// An input that was opened.
pub struct Input {
    /// The kind of input.
    pub origin: Origin,
    /// The name of the file; `None`: it is none.
    pub name: Option<String>,
    /// When it ends, by its own clock; `None`: not known.
    pub end_ns: Option<u64>,
    /// How to read it once more; `None`: it comes once.
    pub again: Option<Again>,
    /// Its frames.
    pub source: Box<dyn FrameSource>,
    /// Where all of it is written, too; `None`: nowhere.
    pub tee: Option<Tee>,
}

/// Opens a recording once more, as often as is wanted.
#[derive(Clone)]
pub struct Again(Arc<Open>);

type Open = dyn Fn() -> Result<Box<dyn FrameSource>> + Send + Sync;

impl Again {
    /// Opens it like this.
    pub fn new(open: impl Fn() -> Result<Box<dyn FrameSource>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(open))
    }

    /// Its frames, from the first.
    ///
    /// # Errors
    /// It cannot be opened any more.
    pub fn open(&self) -> Result<Box<dyn FrameSource>> {
        (self.0)()
    }
}

impl fmt::Debug for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Again")
    }
}

impl Input {
    /// Frames as they happen.
    pub fn live(source: Box<dyn FrameSource>) -> Self {
        Self { origin: Origin::Live, name: None, end_ns: None, again: None, source, tee: None }
    }
}

/// Where frames come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From this machine, or from another through a stream: as it happens.
    Live,
    /// From a file: as it happened.
    Replay,
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
        let why = error_chain(&error);
        match error {
            ReadError::NotARecording | ReadError::TooNew { .. } | ReadError::NoVersion | ReadError::Translated => {
                Self::Unreadable(why)
            }
            ReadError::CutShort { .. } | ReadError::Io { .. } => Self::CutShort(why),
            ReadError::Damaged { .. } | ReadError::More { .. } => Self::Damaged(why),
        }
    }
}
