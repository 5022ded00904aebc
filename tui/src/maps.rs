//! `grantscope maps`: what is mapped now on this machine, or was at a recording's end.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Result;
use grantscope_analysis::live::ledger::{Ledger, json, table};

use crate::cli::{MapsArgs, ReportFormat};
use crate::exit::Exit;
use crate::load;

/// What is alive, and what one has to know to say how long and how large.
struct Alive {
    ledger: Ledger,
    now_ns: u64,
    page_size: u32,
    exit: Exit,
}

/// Runs the command.
pub fn run(args: &MapsArgs) -> Result<Exit> {
    let alive = match &args.recording {
        Some(path) => at_the_end_of(path)?,
        None => now()?,
    };
    let Alive { ledger, now_ns, page_size, exit } = alive;
    let leak_after = args.leak_after.0;
    let text = match args.format {
        ReportFormat::Text => table(&ledger, now_ns, page_size, leak_after),
        ReportFormat::Json => format!("{:#}\n", json(&ledger, now_ns, page_size, leak_after)),
    };
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(exit)
}

fn at_the_end_of(path: &Path) -> Result<Alive> {
    let loaded = load::recording(path)?;
    let exit = loaded.report(path);
    let now_ns = loaded.aggregate.span_ns().map_or(0, |(_, last)| last);
    let page_size = loaded.aggregate.environment().map_or(0, |environment| environment.page_size);
    Ok(Alive { ledger: loaded.aggregate.ledger().clone(), now_ns, page_size, exit })
}

#[cfg(feature = "capture")]
fn now() -> Result<Alive> {
    let (ledger, page_size) = grantscope_collector::list_maps()?;
    let now_ns = ledger.at_ns().unwrap_or_default();
    Ok(Alive { ledger, now_ns, page_size, exit: Exit::Ok })
}

#[cfg(not(feature = "capture"))]
fn now() -> Result<Alive> {
    anyhow::bail!(
        "this grantscope is a viewer: it cannot look into the kernel; give it a recording, or build it with `--features capture` (see README.md)"
    )
}
