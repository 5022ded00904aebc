//! A build without the probes: everything that needs them is refused, with what works instead.

use std::process::ExitStatus;
use std::sync::mpsc::Receiver;

use anyhow::{Error, Result, anyhow};
use grantscope_analysis::live::Ledger;
use grantscope_analysis::model::AttachMode;
use grantscope_analysis::model::Filter;
use grantscope_analysis::recording::{Frame, FrameSink};
use grantscope_analysis::report::text::doctor::Report;

use crate::exit::Exit;
use crate::this_machine::capture::Capture;

/// The one answer to all of it.
fn refusal() -> Error {
    anyhow!(
        "this grantscope was built without the probes: it reads recordings and streams, but cannot look at this machine; \
         give it a recording (`grantscope top FILE`) or a stream (`ssh HOST grantscope record -o - | grantscope top -`), \
         or build one with the probes: `cargo xtask build --native` (for this machine)"
    )
}

/// Records this machine: refused.
///
/// # Errors
/// Always.
pub fn record<S: FrameSink>(_: Capture, _: impl FnOnce() -> Result<S>) -> Result<Exit> {
    Err(refusal())
}

/// Records this machine and shows it meanwhile: refused.
///
/// # Errors
/// Always.
pub fn record_and_watch<S: FrameSink, W>(
    _: impl FnOnce() -> Result<(Capture, S, W)>,
    _: impl FnOnce(W) -> Result<Exit>,
) -> Result<(Option<ExitStatus>, Result<Exit>)> {
    Err(refusal())
}

/// The frames of this machine, live: refused.
///
/// # Errors
/// Always.
pub fn live(_: Filter) -> Result<Receiver<Frame>> {
    Err(refusal())
}

/// What can be profiled on this machine: refused.
///
/// # Errors
/// Always.
pub fn examine(_: AttachMode) -> Result<Report> {
    Err(refusal())
}

/// What is mapped now: refused.
///
/// # Errors
/// Always.
pub fn list_maps() -> Result<(Ledger, u32)> {
    Err(refusal())
}
