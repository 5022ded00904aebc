//! This machine as an input: the probes' frames, as they come.

use std::sync::mpsc;

use anyhow::Result;
use grantscope_analysis::model::Filter;
use grantscope_analysis::recording::Frame;

use crate::source::frames::{Ended, FrameSource, Input};
use crate::this_machine;

/// Attaches the probes; the frames of the input are theirs. They are detached when this process ends.
///
/// # Errors
/// The probes cannot be attached, or are not in this build.
pub fn input(filter: Filter) -> Result<Input> {
    Ok(Input::live(Box::new(this_machine::live(filter)?)))
}

/// Frames from another thread of this process. A sender that goes without an end frame has failed: who reads sees to that.
impl FrameSource for mpsc::Receiver<Frame> {
    fn next_frame(&mut self) -> Result<Option<Frame>, Ended> {
        Ok(self.recv().ok())
    }
}
