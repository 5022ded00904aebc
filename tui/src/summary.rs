//! `grantscope summary`: the table of a recording.

use std::io::{self, Write};

use anyhow::Result;
use grantscope_analysis::report::text::summary;

use crate::cli::SummaryArgs;
use crate::exit::Exit;
use crate::load;

/// Runs the command.
pub fn run(args: &SummaryArgs) -> Result<Exit> {
    let loaded = load::recording(&args.recording)?;
    let exit = loaded.report(&args.recording);
    io::stdout().lock().write_all(summary::table(&loaded.aggregate).as_bytes())?;
    Ok(exit)
}
