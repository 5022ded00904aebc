//! `grantscope top`: watch an input, on the screen or as plain text, and print the summary.

use std::io::{self, Write};
use std::sync::mpsc;

use anyhow::{Result, bail};
use grantscope_analysis::report::text::summary;

use crate::cli::TopArgs;
use crate::exit::Exit;
use crate::input::{self, Input};
use crate::reader::{self, Backlog, Speed};
use crate::state::event::Ended;
use crate::state::{Quit, State};
use crate::{event_loop, plain, signals, terminal};

/// Runs the command.
pub fn run(args: &TopArgs) -> Result<Exit> {
    let input = input::open(args.input().map(|path| path.as_path()), (&args.filter).into())?;
    watch(input, args.speed)
}

/// Shows an input until the user quits (on a terminal) or it ends (elsewhere); then prints the summary.
pub fn watch(input: Input, speed: Speed) -> Result<Exit> {
    let (events, incoming) = mpsc::channel();
    let backlog = Backlog::default();
    let state = State::new(input.origin);
    signals::forward(events.clone())?;
    reader::spawn(input, speed, events.clone(), backlog.clone());
    let state = if terminal::is_usable() {
        event_loop::run(state, &incoming, events, &backlog)?
    } else {
        drop(events);
        plain::run(state, &incoming, &backlog, io::stdout().lock())?
    };
    finish(&state)
}

fn finish(state: &State) -> Result<Exit> {
    if let Some(Quit::Failed(why)) = state.quit() {
        bail!("{why}");
    }
    print_summary(state)?;
    match (state.quit(), state.ended()) {
        (Some(Quit::Signal(signal)), _) => Ok(Exit::Signal(*signal)),
        (_, Some(ended)) if ended.is_partial() => Ok(Exit::Partial),
        _ => Ok(Exit::Ok),
    }
}

fn print_summary(state: &State) -> io::Result<()> {
    let data = state.all_data();
    let mut out = io::stdout().lock();
    out.write_all(summary::table(&data.aggregate).as_bytes())?;
    if data.reset_at_ns.is_some() {
        writeln!(out, "operations before the last reset (key x) are not in this table")?;
    }
    out.flush()?;
    if let Some(why) = state.ended().and_then(Ended::problem) {
        eprintln!("grantscope: warning: {why}");
    }
    Ok(())
}
