//! This machine as an input of `top`: the probes' frames, as they come.

use anyhow::Result;

use crate::input::Input;

/// Attaches the probes; the frames of the input are theirs.
///
/// A thread that captures can hand its frames over through an `mpsc::channel`: its receiver is a `FrameSource`.
pub fn live() -> Result<Input> {
    anyhow::bail!("capturing is not plugged in yet")
}
