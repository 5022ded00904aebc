//! This machine as an input of `top`: the probes' frames, as they come.

use std::sync::mpsc;

use anyhow::Result;
use grantscope_analysis::model::filter::Filter;
use grantscope_collector::Options;

use crate::capture::Background;
use crate::input::Input;
use crate::state::Origin;

/// Attaches the probes; the frames of the input are theirs. They are detached when this process ends.
pub fn live(filter: Filter) -> Result<Input> {
    let (sender, frames) = mpsc::channel();
    Background::start(Options { filter, ..Options::default() }, sender)?;
    Ok(Input { origin: Origin::Live, source: Box::new(frames) })
}
