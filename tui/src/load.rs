//! A whole recording at once, for the commands that are not live.

use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Result, anyhow};
use grantscope_collector::aggregate::Aggregate;

use crate::exit::Exit;
use crate::input::{begin, is_stdin, open_file, standard_input};
use crate::state::event::Ended;

/// A recording, as far as it could be read.
#[derive(Debug)]
pub struct Loaded {
    /// All that it told.
    pub aggregate: Aggregate,
    /// How it ended.
    pub ended: Ended,
}

impl Loaded {
    /// Warns of what is missing, and gives the exit code that says so.
    pub fn report(&self, path: &Path) -> Exit {
        match self.ended.problem() {
            None => Exit::Ok,
            Some(why) => {
                eprintln!("grantscope: warning: {}: {why}", name(path));
                Exit::Partial
            }
        }
    }
}

/// Reads a recording from a file, or from standard input (`-`).
pub fn recording(path: &Path) -> Result<Loaded> {
    if is_stdin(path) { read(standard_input()?, path) } else { read(open_file(path)?, path) }
}

fn read(input: impl Read, path: &Path) -> Result<Loaded> {
    let mut aggregate = Aggregate::default();
    let ended = match drain(input, &mut aggregate) {
        Ok(()) => Ended::Complete,
        Err(ended) => ended,
    };
    match ended {
        Ended::Unreadable(why) => Err(anyhow!("{}: {why}", name(path))),
        ended => Ok(Loaded { aggregate, ended }),
    }
}

fn drain(input: impl Read, aggregate: &mut Aggregate) -> Result<(), Ended> {
    let mut reader = begin(BufReader::new(input))?;
    while let Some(frame) = reader.next_frame()? {
        aggregate.add(&frame);
    }
    Ok(())
}

fn name(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}
