//! Where frames come from: a file, a stream, or this machine.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::Path;
use std::sync::mpsc;

use anyhow::{Context, Result, bail};
use grantscope_analysis::model::filter::Filter;
use grantscope_analysis::recording::{Frame, Reader};

use crate::state::Origin;
use crate::state::event::Ended;

/// Gives frames, one after the other; waits until there is one.
pub trait FrameSource: Send {
    /// The next frame; `None` after the end frame.
    fn next_frame(&mut self) -> Result<Option<Frame>, Ended>;
}

/// An input that was opened.
pub struct Input {
    /// What kind of input it is.
    pub origin: Origin,
    /// Its frames.
    pub source: Box<dyn FrameSource>,
}

/// Opens what was asked for; `None`: this machine, live, as far as the filter lets it pass.
pub fn open(path: Option<&Path>, filter: Filter) -> Result<Input> {
    match path {
        None => this_machine(filter),
        Some(path) if !filter.is_any() => bail!(
            "{}: what is recorded was chosen when it was recorded: filters ({filter}) need a live capture; give them to \
             `grantscope record`",
            path.display()
        ),
        Some(path) if is_stdin(path) => Ok(Input { origin: Origin::Live, source: bytes(standard_input()?) }),
        Some(path) => file(path),
    }
}

#[cfg(feature = "capture")]
fn this_machine(filter: Filter) -> Result<Input> {
    crate::live::live(filter)
}

#[cfg(not(feature = "capture"))]
fn this_machine(_: Filter) -> Result<Input> {
    bail!(
        "this grantscope is a viewer: it cannot capture on this machine; give it a recording (`grantscope top FILE`) or a \
         stream (`ssh HOST grantscope record -o - | grantscope top -`), or build it with `--features capture`"
    )
}

/// Whether this means standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Standard input, if something is connected to it.
pub fn standard_input() -> Result<impl Read + Send + 'static> {
    let input = io::stdin();
    if input.is_terminal() {
        bail!("standard input is a terminal, not a stream: pipe one in (`ssh HOST grantscope record -o - | grantscope top -`)");
    }
    Ok(input)
}

/// A regular file is a recording of the past; anything else that has a path (pipe, socket, serial line) is live.
fn file(path: &Path) -> Result<Input> {
    let file = open_file(path)?;
    let kind = file.metadata().with_context(|| format!("{}: cannot tell what it is", path.display()))?;
    let origin = if kind.is_file() { Origin::Replay } else { Origin::Live };
    Ok(Input { origin, source: bytes(file) })
}

/// Opens a file, or says which and what to do.
pub fn open_file(path: &Path) -> Result<File> {
    let file = File::open(path).with_context(|| format!("{}: cannot be opened; check the path", path.display()))?;
    if file.metadata().is_ok_and(|kind| kind.is_dir()) {
        bail!("{}: is a directory; give a file written by `grantscope record -o FILE`", path.display());
    }
    Ok(file)
}

fn bytes(input: impl Read + Send + 'static) -> Box<dyn FrameSource> {
    Box::new(Recording::Unopened(Some(BufReader::new(input))))
}

/// Begins to read a recording. Nothing at all is not a file of the wrong kind, but a recorder that failed.
pub fn begin<R: BufRead>(mut input: R) -> Result<Reader<R>, Ended> {
    let is_empty = input.fill_buf().is_ok_and(|bytes| bytes.is_empty());
    if is_empty {
        return Err(Ended::Unreadable("the input is empty: see what the program that should have written it says".to_owned()));
    }
    Ok(Reader::open(input)?)
}

/// A recording that is opened at the first frame: a stream may begin long after its viewer.
enum Recording<R: Read> {
    /// `None` only while it is being opened, or after that failed.
    Unopened(Option<R>),
    Open(Reader<R>),
}

impl<R: BufRead + Send> FrameSource for Recording<R> {
    fn next_frame(&mut self) -> Result<Option<Frame>, Ended> {
        if let Self::Unopened(input) = self {
            let Some(input) = input.take() else { return Ok(None) };
            *self = Self::Open(begin(input)?);
        }
        match self {
            Self::Open(reader) => Ok(reader.next_frame()?),
            Self::Unopened(_) => Ok(None),
        }
    }
}

/// Frames from another thread of this process. A sender that goes without an end frame has failed: `reader` sees to that.
impl FrameSource for mpsc::Receiver<Frame> {
    fn next_frame(&mut self) -> Result<Option<Frame>, Ended> {
        Ok(self.recv().ok())
    }
}
