//! `grantscope maps`: what is mapped now on this machine, or was at a recording's end.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Parser, ValueHint};
use grantscope_analysis::live::Ledger;
use grantscope_analysis::report::export::maps::json;
use grantscope_analysis::report::text::maps::table;
use grantscope_analysis::series::Times;
use grantscope_analysis::shown;

use crate::commands::verb::{Example, Verb};
use crate::exit::{self, Exit, Exits};
use crate::options::format::ReportFormat;
use crate::options::seconds::Seconds;
use crate::source::load;
use crate::this_machine;

/// List the grants that are mapped now, by whom, and for how long.
///
/// Looks through all processes' open files and memory; nothing has to have been recorded. How long a map has been there is
/// then not known, nor is a map that no process holds any more: a recording follows both. Give it a recording, and it lists
/// what was mapped at its end, with ages, and with what looks like a leak.
///
/// Of each it counts the runs of pages that are contiguous in Linux, as in the scatter list that a device gets, in the
/// machine, and those of Linux that are in pieces there: swiotlb-xen copies them (docs/maps.md, Frames).
///
/// Without a recording it needs what `record` needs, and a kernel that describes gntdev's structures.
#[derive(Debug, Parser)]
#[command(name = "maps")]
pub struct Maps {
    /// A recording, or `-`: standard input. Without: this machine, now
    #[arg(value_name = "RECORDING", value_hint = ValueHint::FilePath)]
    pub recording: Option<PathBuf>,

    /// Format of the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,

    /// A map that is still there this long after its release, or after its owner's end, is called a leak suspect
    #[arg(long, value_name = "SECONDS", default_value = "2")]
    pub leak_after: Seconds,
}

impl Verb for Maps {
    const EXAMPLES: &'static [Example] = &[
        Example("grantscope maps", "this machine, now (root, Xen)"),
        Example("grantscope maps --format json | jq .pages", "for a script"),
        Example("grantscope maps run.gsr --leak-after 10", "at the end of a recording"),
    ];
    const EXITS: Exits = exit::OF_A_READER;

    fn run(&self) -> Result<Exit> {
        let alive = match &self.recording {
            Some(path) => at_the_end_of(path)?,
            None => now()?,
        };
        let Alive { ledger, now_ns, page_size, exit } = alive;
        let leak_after = self.leak_after.0;
        let text = match self.format {
            ReportFormat::Text => table(&ledger, now_ns, page_size, leak_after),
            ReportFormat::Json => format!("{}\n", shown::json(&json(&ledger, now_ns, page_size, leak_after))?),
        };
        io::stdout().lock().write_all(text.as_bytes())?;
        Ok(exit)
    }
}

/// The live maps, and the data that their ages and sizes are computed from.
struct Alive {
    ledger: Ledger,
    now_ns: u64,
    /// Bytes of a page.
    page_size: u32,
    exit: Exit,
}

fn at_the_end_of(path: &Path) -> Result<Alive> {
    let loaded = load::recording(path, Times::Raw.into())?;
    let exit = loaded.report(path);
    let now_ns = loaded.aggregate.span_ns().map_or(0, |(_, last)| last);
    let page_size = loaded.aggregate.environment().map_or(0, |environment| environment.page_size);
    Ok(Alive { ledger: loaded.aggregate.ledger().clone(), now_ns, page_size, exit })
}

fn now() -> Result<Alive> {
    let (ledger, page_size) = this_machine::list_maps()?;
    let now_ns = ledger.at_ns().unwrap_or_default();
    Ok(Alive { ledger, now_ns, page_size, exit: Exit::OK })
}
