//! A whole recording at once, for the commands that are not live.

use std::fs::File;
use std::io::{BufReader, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use anyhow::{Result, anyhow, bail};
use grantscope_analysis::model::{Log, Operation};
use grantscope_analysis::recording::Frame;
use grantscope_analysis::series::{Aggregate, Times, Wanted};
use grantscope_analysis::shown::Shown;
use grantscope_output::{FileId, say};

use crate::exit::Exit;
use crate::source::file::open_file;
use crate::source::frames::Ended;
use crate::source::stream::{begin, is_socket, is_stdin, standard_input};

/// A recording, as far as it could be read.
#[derive(Debug)]
pub struct Loaded {
    /// All that was read.
    pub aggregate: Aggregate,
    /// How it ended.
    pub ended: Ended,
    /// The file that it was read from; `None`: it was none.
    pub file: Option<FileId>,
}

impl Loaded {
    /// Warns of what is missing, and gives the exit code that says so.
    pub fn report(&self, path: &Path) -> Exit {
        match self.ended.problem() {
            None => Exit::OK,
            Some(why) => {
                say!("grantscope: warning: {}: {}", Shown(&name(path)), Shown(why));
                Exit::PARTIAL
            }
        }
    }
}

/// What is wanted of a recording in a file, or on standard input (`-`).
///
/// # Errors
/// It cannot be opened, or is not a recording.
pub fn recording(path: &Path, wanted: Wanted) -> Result<Loaded> {
    load(path, wanted, |_| {})
}

/// As many operations are kept one by one: a truth file that can be read has not as many either.
const MOST_OPERATIONS: usize = 1 << 22;

/// Reads a recording, and keeps every single operation of it, without the hooks that it passed: stages are made of them already, and a
/// few bytes of a recording can stand for very many. All times are as they were measured.
///
/// # Errors
/// It cannot be opened, is not a recording, or has too many operations.
pub fn operations(path: &Path) -> Result<(Loaded, Vec<Operation>)> {
    let (mut operations, mut weight) = (Vec::new(), 0);
    let loaded = load(path, Times::Raw.into(), |frame| {
        if let Frame::Operations(more) = frame {
            weight += more.iter().map(|operation| 1 + operation.details.len() / 8).sum::<usize>();
            if weight <= MOST_OPERATIONS {
                operations.extend(more.iter().map(|operation| Operation { log: Log::new(), ..operation.clone() }));
            }
        }
    })?;
    if weight > MOST_OPERATIONS {
        bail!(
            "{}: has more than {MOST_OPERATIONS} operations, which is more than are compared one by one; judge shorter runs",
            name(path)
        );
    }
    Ok((loaded, operations))
}

fn load(path: &Path, wanted: Wanted, each: impl FnMut(&Frame)) -> Result<Loaded> {
    let aggregate = Aggregate::of(wanted);
    if is_stdin(path) { read(standard_input()?, path, aggregate, each) } else { read(open_file(path)?, path, aggregate, each) }
}

fn read(input: impl Read + AsFd, path: &Path, mut aggregate: Aggregate, each: impl FnMut(&Frame)) -> Result<Loaded> {
    let (file, is_stored) = (FileId::of(&input), is_stored(&input));
    let ended = match drain(input, is_stored, &mut aggregate, each) {
        Ok(()) => Ended::Complete,
        Err(ended) => ended,
    };
    match ended {
        Ended::Unreadable(why) => Err(anyhow!("{}: {why}", name(path))),
        ended => Ok(Loaded { aggregate, ended, file }),
    }
}

/// Whether its end comes by itself: of a file, and of a pipe when its writer is done.
fn is_stored(input: &impl AsFd) -> bool {
    let file = input.as_fd().try_clone_to_owned().map(File::from);
    file.and_then(|file| file.metadata()).is_ok_and(|kind| kind.is_file() || kind.file_type().is_fifo())
}

fn drain(input: impl Read + AsFd, is_stored: bool, aggregate: &mut Aggregate, mut each: impl FnMut(&Frame)) -> Result<(), Ended> {
    let is_socket = is_socket(&input);
    let mut reader = begin(BufReader::new(input), is_socket)?;
    while let Some(frame) = reader.next_frame()? {
        aggregate.add(&frame);
        each(&frame);
    }
    if is_stored {
        reader.nothing_more()?;
    }
    Ok(())
}

fn name(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}
