//! `grantscope summary`: the table of a recording.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, ValueHint};
use grantscope_analysis::report::text::summary;

use crate::commands::verb::{Example, Verb};
use crate::exit::{self, Exit, Exits};
use crate::options::shown::ShownArgs;
use crate::screen::terminal;
use crate::source::load;

/// Print a recording's table: what each kind of buffer costs, side by side.
///
/// Above the table: whether what the probes themselves cost was subtracted from the times, and how much that was.
/// Below: how many operations were seen and lost, what the clock means, and what is missing because a hook could
/// not be attached.
#[derive(Debug, Parser)]
#[command(name = "summary")]
pub struct Summary {
    /// The recording, or `-`: standard input
    #[arg(value_name = "RECORDING", value_hint = ValueHint::FilePath)]
    pub recording: PathBuf,

    /// What is shown.
    #[command(flatten)]
    pub shown: ShownArgs,
}

impl Verb for Summary {
    const EXAMPLES: &'static [Example] =
        &[Example("grantscope summary run.gsr", ""), Example("ssh board cat run.gsr | grantscope summary -", "")];
    const EXITS: Exits = exit::OF_A_READER;

    fn run(&self) -> Result<Exit> {
        let loaded = load::recording(&self.recording, self.shown.into())?;
        let exit = loaded.report(&self.recording);
        io::stdout().lock().write_all(summary::table(&loaded.aggregate, terminal::columns()).as_bytes())?;
        Ok(exit)
    }
}
