//! A stream of bytes as an input: standard input, and whatever else can be read from.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, IsTerminal, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use anyhow::{Result, bail};
use grantscope_analysis::recording::{Frame, MOST_VIEWERS, Reader};
use grantscope_output::FileId;

use crate::source::frames::{Ended, FrameSource, Input, Origin};
use crate::source::not_written::is_not_written;

/// Standard input, as it comes.
///
/// # Errors
/// It is a terminal.
pub fn input() -> Result<Input> {
    Ok(Input::live(bytes(standard_input()?, Origin::Live)))
}

/// Whether this means standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Standard input, if something is connected to it.
///
/// # Errors
/// It is a terminal, or the file that standard output goes to.
pub fn standard_input() -> Result<impl Read + AsFd + Send + 'static> {
    let input = io::stdin();
    if input.is_terminal() {
        bail!("standard input is a terminal, not a stream: pipe one in (`ssh HOST grantscope record -o - | grantscope top -`)");
    }
    is_not_written(FileId::of(&input), "standard input")?;
    Ok(input)
}

/// The frames of a recording in these bytes. Of one that is in a file, nothing stands behind the end.
pub fn bytes(input: impl Read + AsFd + Send + 'static, origin: Origin) -> Box<dyn FrameSource> {
    let is_socket = is_socket(&input);
    recording(input, origin, is_socket)
}

/// The same of what is no file, or is known to come from a socket or not.
pub fn recording(input: impl Read + Send + 'static, origin: Origin, is_socket: bool) -> Box<dyn FrameSource> {
    Box::new(Recording { state: State::Unopened(Some(BufReader::new(input))), origin, is_socket })
}

/// Whether a recorder that listens is at its other end.
pub fn is_socket(input: &impl AsFd) -> bool {
    let file = input.as_fd().try_clone_to_owned().map(File::from);
    file.and_then(|file| file.metadata()).is_ok_and(|kind| kind.file_type().is_socket())
}

/// Begins to read a recording. Nothing at all is not a file of the wrong kind, but a recorder that failed.
///
/// # Errors
/// The bytes are not a recording that this program can read.
pub fn begin<R: BufRead>(mut input: R, is_socket: bool) -> Result<Reader<R>, Ended> {
    // A socket that is closed before it was served says the same by an error.
    let is_empty = input.fill_buf().map_or_else(|error| error.kind() == ErrorKind::ConnectionReset, <[u8]>::is_empty);
    if is_empty {
        return Err(Ended::Unreadable(if is_socket {
            format!("the recorder sent nothing: it serves {MOST_VIEWERS} viewers, so end another one; or see what it says itself")
        } else {
            "the input is empty: see what the program that should have written it says".to_owned()
        }));
    }
    Ok(Reader::open(input)?)
}

/// A recording that is opened at the first frame: a stream may begin long after its viewer.
struct Recording<R: Read> {
    state: State<R>,
    origin: Origin,
    is_socket: bool,
}

enum State<R: Read> {
    /// `None` only while it is being opened, or after that failed.
    Unopened(Option<R>),
    Open(Reader<R>),
}

impl<R: BufRead + Send> FrameSource for Recording<R> {
    fn next_frame(&mut self) -> Result<Option<Frame>, Ended> {
        if let State::Unopened(input) = &mut self.state {
            let Some(input) = input.take() else { return Ok(None) };
            self.state = State::Open(begin(input, self.is_socket)?);
        }
        let State::Open(reader) = &mut self.state else { return Ok(None) };
        let frame = reader.next_frame()?;
        // A stream may stay open behind its end.
        if frame.is_none() && self.origin == Origin::Replay {
            reader.nothing_more()?;
        }
        Ok(frame)
    }
}
