//! `grantscope doctor`: what can be profiled on this machine, and what to do about the rest.

use std::io::{self, Write};

use anyhow::{Context, Result};
use grantscope_analysis::report::text::doctor::Verdict;
use grantscope_collector::examine;

use crate::cli::{DoctorArgs, DoctorFormat};
use crate::exit::Exit;

/// Runs the command.
pub fn run(args: &DoctorArgs) -> Result<Exit> {
    let report = examine(args.attach.into());
    let text = match args.format {
        DoctorFormat::Text => report.text(),
        DoctorFormat::Json => serde_json::to_string_pretty(&report).context("the report cannot be written as JSON")? + "\n",
    };
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(match report.verdict {
        Verdict::Ready => Exit::Ok,
        Verdict::Partial => Exit::Partial,
        Verdict::Impossible => Exit::Impossible,
    })
}
