//! The recording: one framed, versioned format for files, pipes, sockets and serial lines alike.
//!
//! `docs/recording.md` describes the bytes. A file that was cut short or damaged gives everything before the damage.

use std::io::{self, Read, Write};
use std::sync::mpsc;

use serde::{Deserialize, Serialize};

use crate::live::ledger::MapsReport;
use crate::model::filter::FilterReport;
use crate::model::{Environment, LossReport, Operation};

mod version_1;

/// First bytes of every recording.
pub const MAGIC: [u8; 6] = *b"GSREC\n";
/// Version that this program writes. It reads all versions up to this one.
pub const VERSION: u16 = 3;
/// A frame longer than this is taken for damage: writers stay far below.
const MAX_FRAME_BYTES: u32 = 16 << 20;

/// One message of a recording. Variants are numbered by position: new ones go to the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame {
    /// Always the first: where and with what this was made.
    Environment(Environment),
    /// Operations that ended, in the order in which the collector read them.
    Operations(Vec<Operation>),
    /// What was lost so far.
    Loss(LossReport),
    /// Time goes on, even where nothing happens. Monotonic nanoseconds.
    Tick {
        /// Now.
        at_ns: u64,
    },
    /// The recording ended on purpose. Without it, it was cut short.
    End {
        /// When.
        at_ns: u64,
    },
    /// Live mappings: what changed since the last such frame. The first tells of all that there are.
    Maps(MapsReport),
    /// What was left out on purpose so far. Only where something was asked to be.
    Filtered(FilterReport),
}

/// Why a recording cannot be read (on).
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not one of ours.
    #[error(
        "this is not a grantscope recording: it does not begin with \"GSREC\"; give a file written by `grantscope record -o FILE`"
    )]
    NotARecording,
    /// From a newer version.
    #[error("recording of version {found}, but this grantscope reads versions up to {VERSION}: update grantscope")]
    TooNew {
        /// What it says.
        found: u16,
    },
    /// Bytes end in the middle of a frame, or before the end frame.
    #[error("the recording was cut short after {frames} frames: what stands before is complete")]
    CutShort {
        /// Whole frames before.
        frames: u64,
    },
    /// A checksum does not fit, or a frame makes no sense.
    #[error("the recording is damaged after {frames} frames ({what}): what stands before is complete")]
    Damaged {
        /// Whole frames before.
        frames: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// Reading failed.
    #[error("reading the recording failed after {frames} frames")]
    Io {
        /// Whole frames before.
        frames: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Takes frames, one after the other.
pub trait FrameSink {
    /// Takes one.
    fn put(&mut self, frame: &Frame) -> io::Result<()>;
}

/// Writes a recording.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    begun: bool,
}

impl<W: Write> Writer<W> {
    /// A recording that begins with its first frame, which has to be the environment.
    pub fn new(out: W) -> Self {
        Self { out, begun: false }
    }

    /// Begins a recording: the magic, the version and the environment.
    pub fn begin(out: W, environment: &Environment) -> io::Result<Self> {
        let mut writer = Self::new(out);
        writer.put(&Frame::Environment(environment.clone()))?;
        Ok(writer)
    }

    /// Appends one frame.
    pub fn write(&mut self, frame: &Frame) -> io::Result<()> {
        self.put(frame)
    }

    /// The writer beneath.
    pub fn into_inner(self) -> W {
        self.out
    }
}

impl<W: Write> FrameSink for Writer<W> {
    /// Appends one frame and hands it on, so that a live reader sees it at once.
    fn put(&mut self, frame: &Frame) -> io::Result<()> {
        let payload = postcard::to_stdvec(frame).map_err(io::Error::other)?;
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let mut bytes = Vec::with_capacity(payload.len() + 16);
        if !self.begun {
            bytes.extend_from_slice(&MAGIC);
            bytes.extend_from_slice(&VERSION.to_le_bytes());
            self.begun = true;
        }
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
        bytes.extend_from_slice(&payload);
        self.out.write_all(&bytes)?;
        self.out.flush()
    }
}

/// Hands frames to another thread of this process.
impl FrameSink for mpsc::Sender<Frame> {
    fn put(&mut self, frame: &Frame) -> io::Result<()> {
        self.send(frame.clone()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Reads a recording, frame by frame.
#[derive(Debug)]
pub struct Reader<R: Read> {
    input: R,
    version: u16,
    frames: u64,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Checks magic and version.
    pub fn open(mut input: R) -> Result<Self, ReadError> {
        let mut head = [0; MAGIC.len() + 2];
        match read_fully(&mut input, &mut head) {
            Ok(read) if read == head.len() && head.starts_with(&MAGIC) => {}
            Ok(_) => return Err(ReadError::NotARecording),
            Err(source) => return Err(ReadError::Io { frames: 0, source }),
        }
        let found = u16::from_le_bytes([head[MAGIC.len()], head[MAGIC.len() + 1]]);
        if found > VERSION {
            return Err(ReadError::TooNew { found });
        }
        Ok(Self { input, version: found, frames: 0, ended: false })
    }

    /// The next frame; `None` after the end frame.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ReadError> {
        if self.ended {
            return Ok(None);
        }
        let payload = self.payload()?;
        let frame = match self.version {
            1 => postcard::from_bytes::<version_1::Frame>(&payload).map(Frame::from),
            _ => postcard::from_bytes(&payload),
        };
        let frame = frame.map_err(|_| self.damaged("a frame that cannot be decoded"))?;
        self.frames += 1;
        self.ended = matches!(frame, Frame::End { .. });
        Ok(Some(frame))
    }

    fn payload(&mut self) -> Result<Vec<u8>, ReadError> {
        let mut head = [0; 8];
        self.fill(&mut head)?;
        let [a, b, c, d, crc @ ..] = head;
        let length = u32::from_le_bytes([a, b, c, d]);
        if length > MAX_FRAME_BYTES {
            return Err(self.damaged("a frame of impossible length"));
        }
        let mut payload = vec![0; length as usize];
        self.fill(&mut payload)?;
        if crc32fast::hash(&payload) != u32::from_le_bytes(crc) {
            return Err(self.damaged("a checksum that does not fit"));
        }
        Ok(payload)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), ReadError> {
        match read_fully(&mut self.input, buffer) {
            Ok(read) if read == buffer.len() => Ok(()),
            Ok(_) => Err(ReadError::CutShort { frames: self.frames }),
            Err(source) => Err(ReadError::Io { frames: self.frames, source }),
        }
    }

    fn damaged(&self, what: &'static str) -> ReadError {
        ReadError::Damaged { frames: self.frames, what }
    }
}

/// Reads until the buffer is full or the input ends; how much it was.
fn read_fully(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(frames: &[Frame]) -> Vec<u8> {
        let mut writer = Writer::begin(Vec::new(), &Environment::default()).expect("a Vec takes everything");
        frames.iter().for_each(|frame| writer.write(frame).expect("a Vec takes everything"));
        writer.into_inner()
    }

    /// Frames that can be read, and the error that ends them.
    fn read(bytes: &[u8]) -> (usize, Option<String>) {
        let mut reader = match Reader::open(bytes) {
            Ok(reader) => reader,
            Err(error) => return (0, Some(error.to_string())),
        };
        let mut frames = 0;
        loop {
            match reader.next_frame() {
                Ok(Some(_)) => frames += 1,
                Ok(None) => return (frames, None),
                Err(error) => return (frames, Some(error.to_string())),
            }
        }
    }

    const END: Frame = Frame::End { at_ns: 9 };

    #[test]
    fn what_is_written_is_read_again() {
        let tick = Frame::Tick { at_ns: 7 };
        let bytes = recording(&[tick.clone(), END]);
        let mut reader = Reader::open(&bytes[..]).unwrap();
        assert_eq!(reader.next_frame().unwrap(), Some(Frame::Environment(Environment::default())));
        assert_eq!(reader.next_frame().unwrap(), Some(tick));
        assert_eq!(reader.next_frame().unwrap(), Some(END));
        assert_eq!(reader.next_frame().unwrap(), None);
    }

    #[test]
    fn every_way_of_cutting_a_recording_short_leaves_the_whole_frames_before() {
        let whole = recording(&[Frame::Tick { at_ns: 7 }, END]);
        let first = recording(&[]).len();
        let second = recording(&[Frame::Tick { at_ns: 7 }]).len();
        for length in MAGIC.len() + 2..whole.len() {
            let frames = usize::from(length >= first) + usize::from(length >= second);
            let (read, error) = read(&whole[..length]);
            assert_eq!(read, frames, "cut to {length} bytes");
            assert_eq!(error, Some(format!("the recording was cut short after {frames} frames: what stands before is complete")));
        }
    }

    #[test]
    fn every_flipped_bit_in_a_frame_is_found() {
        let whole = recording(&[Frame::Tick { at_ns: 7 }, END]);
        let second = recording(&[Frame::Tick { at_ns: 7 }]).len();
        for bit in 0..(whole.len() - second) * 8 {
            let mut damaged = whole.clone();
            damaged[second + bit / 8] ^= 1 << (bit % 8);
            let (read, error) = read(&damaged);
            assert_eq!(read, 2, "bit {bit}");
            assert!(error.is_some(), "bit {bit} went unnoticed");
        }
    }

    #[test]
    fn other_files_and_newer_versions_are_refused_with_advice() {
        let not_ours = "this is not a grantscope recording: it does not begin with \"GSREC\"; give a file written by `grantscope record -o FILE`";
        assert_eq!(read(b"").1.as_deref(), Some(not_ours));
        assert_eq!(read(b"run,kernel,xen\n").1.as_deref(), Some(not_ours));
        let mut newer = recording(&[END]);
        newer[MAGIC.len()] = 9;
        let too_new = "recording of version 9, but this grantscope reads versions up to 3: update grantscope";
        assert_eq!(read(&newer).1.as_deref(), Some(too_new));
    }
}
