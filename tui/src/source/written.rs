//! An input that is written while it is read.

use grantscope_analysis::recording::Frame;

use crate::source::frames::{Ended, FrameSource, Input};
use crate::source::tee::Tee;

/// The same input, each frame written to there before it is passed on.
pub fn written(input: Input, tee: Tee) -> Input {
    let source = Box::new(Written { source: input.source, tee: tee.clone() });
    Input { source, tee: Some(tee), ..input }
}

struct Written {
    source: Box<dyn FrameSource>,
    tee: Tee,
}

impl FrameSource for Written {
    fn next_frame(&mut self) -> Result<Option<Frame>, Ended> {
        let frame = self.source.next_frame()?;
        frame.iter().for_each(|frame| self.tee.take(frame));
        Ok(frame)
    }
}
